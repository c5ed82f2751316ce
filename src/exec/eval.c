/*
 * eval.c -- one node on constants (constant folding), and what a run would take.
 */
#include "exec/model.h"

#include <string.h>

#include "base/cpu.h"

/* ---- one node ----------------------------------------------------------------------------------------------------- */

static sard_status eval_graph(exec_model *x, exec_graph *xg, run_ctl *ctl, sard_value **out, sard_error *err) {
    run r;
    frame *f;
    run_init(&r, x, NULL, ctl);
    unsigned fp = cpu_fp_enter(false);
    sard_status st = frame_take(xg, &r, &f, err);
    if (st == SARD_OK) {
        st = graph_run(f, err);
        uint32_t n = 0;
        for (; st == SARD_OK && n < xg->n_outputs; n++) st = run_output(&r, f, n, &out[n], err);
        if (st != SARD_OK)
            for (uint32_t i = 0; i + 1 < n; i++) sard_value_unref(out[i]);
        frame_give(f);
    }
    cpu_fp_restore(fp);
    run_deinit(&r);
    return st;
}

sard_status exec_eval(void *arg, const graph *g, node_id id, sard_value *const *in, uint32_t n_in, sard_value **out,
                      uint32_t n_out, sard_error *err) {
    const node *n = &g->nodes[id];
    exec_model x = {.m = g->mod};
    TRY(ctl_check(arg, err));
    arena_init(&x.mem);
    sard_value **got = mem_calloc(n_out + 1u, sizeof *got);
    exec_graph *xg = NULL;
    sard_status st =
        got ? exec_compile_node(&x, g, id, in, n_in, n_out, &xg, err) : err_nomem(err, n_out * sizeof *got);
    if (st == SARD_OK) st = eval_graph(&x, xg, arg, got, err);
    for (uint32_t i = 0, k = 0; i < n_out; i++) {
        out[i] = NULL;
        if (st == SARD_OK && node_out(g, n, i) != NO_ID && k < xg->n_outputs) out[i] = got[k++];
    }
    mem_free(got);
    exec_model_deinit(&x);
    return st;
}

/* ---- what a run would take ------------------------------------------------------------------------------------------ */

static double count_of(const vtype *t) {
    double n = 1;
    if (t->kind != SARD_KIND_TENSOR || t->rank < 0) return 0;
    for (int i = 0; i < t->rank; i++) n *= dim_known(t->dim[i]) ? (double)t->dim[i] : 0;
    return n;
}

/* Of the operator itself, by its own count or one per output element. in, out: room for the step's types. */
static double operator_flops(const planner *p, const exec_step *s, vtype *in, vtype *out) {
    enum { MOST = 64 };
    const vtype *types[MOST] = {0};
    const tensor *constants[MOST] = {0};
    bool wanted[MOST] = {0};
    uint8_t order[MOST] = {0};
    for (uint32_t i = 0; i < s->n_out; i++) out[i] = s->out[i] == NO_ID ? type_unknown() : p->ty[s->out[i]];
    if (!s->op->flops || s->n_in > MOST || s->n_out > MOST) return count_of(&out[0]);
    for (uint32_t i = 0; i < s->n_in; i++) {
        in[i] = type_unknown();
        if (s->in[i] == NO_ID) continue;
        const xval *v = &p->xg->vals[s->in[i]];
        in[i] = p->ty[s->in[i]];
        types[i] = &in[i];
        if (v->role == X_CONST && v->kind == SARD_KIND_TENSOR) constants[i] = &v->constant->t;
    }
    for (uint32_t i = 0; i < s->n_out; i++) wanted[i] = s->out[i] != NO_ID;
    op_prep prep = {.mod = s->g->mod,
                    .g = s->g,
                    .node = s->node,
                    .in = types,
                    .in_const = constants,
                    .n_in = s->n_in,
                    .out = out,
                    .wanted = wanted,
                    .n_out = s->n_out,
                    .in_order = order,
                    .out_order = order};
    return s->op->flops(&prep, in, out);
}

static double step_flops(const planner *p, const exec_step *s, vtype *in, vtype *out) {
    if (!s->n_out || s->out[0] == NO_ID) return 0;
    double each = count_of(&p->ty[s->out[0]]);
    if (s->kind == STEP_PROGRAM) return each * s->fused->n_nodes;
    double behind = s->kind == STEP_EPILOGUE ? each * (s->fused->n_nodes - 1) : 0;
    return behind + operator_flops(p, s, in, out);
}

static void add_outputs(const exec_graph *xg, const planner *p, const plan *pl, exec_size *out) {
    for (uint32_t k = 0; k < xg->n_outputs; k++) {
        const vtype *t = &p->ty[xg->outputs[k]];
        size_t bytes;
        if (pl->out_bytes[k] != SIZE_MAX)
            out->output_bytes += pl->out_bytes[k];
        else if (p->stamp[xg->outputs[k]] == p->now && type_static(t) &&
                 !dtype_bytes(t->dtype, dims_count(t->dim, t->rank), &bytes))
            out->output_bytes += bytes;
        else
            out->exact = false;
    }
}

static sard_status estimate(frame *f, exec_size *out, sard_error *err) {
    exec_graph *xg = f->xg;
    TRY(frame_plan(f, err)); /* finds which inputs' values matter, and keeps the plan for the run to come */
    plan *p;
    TRY(frame_planner(f, err));
    TRY(plan_new(xg, &p, err));
    f->pl.use_ints = atomic_load(&xg->int_inputs);
    sard_status st = plan_stage(&f->pl, f, 0, p, err);
    f->pl.use_ints = NULL;
    vtype *in = mem_alloc((xg->max_in + 1u) * sizeof *in);
    vtype *outs = mem_alloc((xg->max_out + 1u) * sizeof *outs);
    if (st == SARD_OK && (!in || !outs)) st = err_nomem(err, (xg->max_out + 1u) * sizeof *outs);
    if (st == SARD_OK) {
        *out = (exec_size){.exact = p->end == xg->n_steps, .arena_bytes = p->arena_bytes + p->own_bytes};
        for (uint32_t k = 0; k < p->end; k++) {
            out->flops += step_flops(&f->pl, &xg->steps[k], in, outs);
            if (xg->steps[k].n_bodies) out->exact = false;
        }
        add_outputs(xg, &f->pl, p, out);
    }
    mem_free(in);
    mem_free(outs);
    plan_unref(p);
    return st;
}

sard_status exec_estimate(exec_model *x, sard_value *const *in, exec_size *out, sard_error *err) {
    run r;
    frame *f;
    run_init(&r, x, NULL, NULL);
    sard_status st = frame_take(x->main, &r, &f, err);
    if (st == SARD_OK) {
        st = frame_bind_inputs(f, in, err);
        if (st == SARD_OK) st = estimate(f, out, err);
        frame_give(f);
    }
    run_deinit(&r);
    return st == SARD_OK ? SARD_OK : err_context(err, st, "estimate");
}
