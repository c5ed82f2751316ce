/*
 * plan_body.c -- the types of a body's outputs while the graph around it is planned.
 *
 * The body's steps are inferred with the types of its inputs and captures, as far as they go; nothing is placed. A
 * branch that is not taken may be wrong for these shapes, so a fault only means that nothing is known.
 */
#include "exec/model.h"

enum { WORK_MAX = 100000 }; /* steps of bodies in one plan: bodies in bodies multiply */

static sard_status take_planner(exec_graph *b, planner **out, sard_error *err) {
    pthread_mutex_lock(&b->lock);
    planner *p = b->idle;
    b->idle = NULL;
    pthread_mutex_unlock(&b->lock);
    *out = p;
    if (p) return SARD_OK;
    p = mem_alloc(sizeof *p);
    if (!p) return err_nomem(err, sizeof *p);
    sard_status st = planner_init(p, b, err);
    if (st != SARD_OK)
        mem_free(p);
    else
        *out = p;
    return st;
}

static void give_planner(exec_graph *b, planner *p) {
    p->f = NULL;
    pthread_mutex_lock(&b->lock);
    if (!b->idle) {
        b->idle = p;
        p = NULL;
    }
    pthread_mutex_unlock(&b->lock);
    if (!p) return;
    planner_deinit(p);
    mem_free(p);
}

static void set_value(planner *q, uint32_t x, const vtype *t, known k) {
    q->ty[x] = *t;
    q->kn[x] = k;
    q->stamp[x] = q->stamp_kn[x] = q->now;
}

static sard_status infer_steps(planner *q) {
    for (uint32_t k = 0; k < q->xg->n_steps; k++) {
        const exec_step *s = &q->xg->steps[k];
        if (++q->work > WORK_MAX) return SARD_LIMIT;
        TRY(plan_infer_step(q, s, NULL));
        for (uint32_t j = 0; j < s->n_out; j++) {
            bool open = false;
            if (s->out[j] == NO_ID) continue;
            TRY(plan_output_type(&q->xg->vals[s->out[j]], j, &q->out_ty[j], &open, NULL));
            set_value(q, s->out[j], &q->out_ty[j], q->out_kn[j]);
        }
    }
    return SARD_OK;
}

sard_status plan_body_types(infer_ctx *c, uint32_t body, const vtype *in, uint32_t n_in, vtype *out, uint32_t n_out,
                            sard_error *err) {
    planner *p = c->arg, *q;
    const exec_step *s = p->step;
    for (uint32_t i = 0; i < n_out; i++) out[i] = type_unknown();
    if (body >= s->n_bodies) return SARD_OK;
    exec_graph *b = s->bodies[body];
    TRY(take_planner(b, &q, err));
    q->f = NULL;
    q->values = false;
    q->first = 0;
    q->now++;
    q->work = p->work;
    arena_reset(&q->mem);
    const vtype unknown = type_unknown();
    for (uint32_t i = 0; i < b->n_inputs; i++)
        set_value(q, b->inputs[i], in && i < n_in ? &in[i] : &unknown, (known){0});
    for (uint32_t i = 0; i < b->n_captures; i++)
        if (b->vals[b->captures[i]].role != X_CONST)
            set_value(q, b->captures[i], plan_type(p, s->cap[i]), plan_known(p, s->cap[i]));
    sard_status st = infer_steps(q);
    p->work = q->work;
    for (uint32_t i = 0; st == SARD_OK && i < n_out && i < b->n_outputs; i++) out[i] = *plan_type(q, b->outputs[i]);
    p->step = s;
    give_planner(b, q);
    return st == SARD_OUT_OF_MEMORY ? err_nomem(err, 0) : SARD_OK;
}
