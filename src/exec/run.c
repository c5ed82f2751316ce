/*
 * run.c -- a run: stages planned and walked, values taken out at the end.
 *
 * What leaves a run owns all it shows: a tensor computed in an output's own memory is handed over, everything else (a
 * view, an input or constant passed through, strings, shared elements of a sequence) is copied.
 */
#include "exec/model.h"

#include <stdio.h>
#include <string.h>

#include "base/cpu.h"

/* ---- errors ------------------------------------------------------------------------------------------------------- */

static void append(sard_error *err, const char *s) {
    size_t n = strnlen(err->message, sizeof err->message - 1);
    snprintf(err->message + n, sizeof err->message - n, "%s", s);
}

static const char *value_now(const frame *f, uint32_t x, char *buf, size_t n) {
    const slot *s = &f->slots[x];
    if (s->full && s->val.kind == SARD_KIND_TENSOR) return tensor_text(&s->val.t, buf, n);
    if (s->full && s->v) return value_text(s->v, buf, n);
    if (f->pl_ready && f->pl.stamp[x] == f->pl.now && f->pl.ty[x].kind == SARD_KIND_TENSOR) {
        shape sh;
        char text[200];
        const vtype *t = &f->pl.ty[x];
        if (type_shape(t, &sh)) {
            snprintf(buf, n, "%s%s", dtype_short(t->dtype), shape_text(&sh, text, sizeof text));
            return buf;
        }
    }
    return "?";
}

sard_status step_error(const frame *f, const exec_step *s, sard_status st, sard_error *err) {
    if (!err) return st;
    char where[256], text[256];
    if (st != SARD_CANCELLED && st != SARD_DEADLINE && !strstr(err->message, "; input shapes: ")) {
        for (uint32_t i = 0; i < s->n_in && i < 16; i++) {
            append(err, i ? ", " : "; input shapes: ");
            append(err, s->in[i] == NO_ID ? "-" : value_now(f, s->in[i], text, sizeof text));
        }
        if (s->n_in > 16) append(err, ", ...");
    }
    return err_context(err, st, "%s", node_where(s->outer_g, s->outer_node, where, sizeof where));
}

/* ---- steps -------------------------------------------------------------------------------------------------------- */

static const vtype *slot_type(void *arg, uint32_t x) {
    const frame *f = arg;
    return &f->pl.ty[x];
}

static sard_status call_program(frame *f, const exec_step *s, const pw_program *prog, const uint32_t *operand,
                                uint32_t n_operand, const pw_geom *g, sard_error *err) {
    const void *in[PW_MAX_INPUTS];
    void *out[PW_MAX_OUTPUTS];
    for (uint32_t i = 0; i < n_operand; i++)
        in[i] = operand[i] == NO_ID ? NULL : tensor_data(&f->slots[operand[i]].val.t);
    for (uint32_t i = 0; i < s->n_out; i++) out[i] = tensor_data(&f->slots[s->out[i]].val.t);
    return pw_run(prog, g, in, out, &f->r->par, err);
}

typedef struct late_types {
    const frame *f;
    const exec_step *s;
    const fused *fu;
    vtype in_ty, out_ty;
} late_types;

static uint32_t late_x(const late_types *l, value_id v) {
    const fused_node *n = &l->fu->nodes[0];
    for (uint32_t i = 0; i < n->n_in; i++)
        if (node_in(l->fu->g, n->n, i) == v) return l->fu->ext[n->in[i]];
    for (uint32_t i = 0; i < l->s->n_out; i++)
        if (l->f->xg->vals[l->s->out[i]].id == v) return l->s->out[i];
    return NO_ID;
}

static const vtype *late_type(void *arg, value_id v) {
    const late_types *l = arg;
    uint32_t x = late_x(l, v);
    return x == NO_ID ? &l->fu->g->values[v].type : &l->f->pl.ty[x];
}

static const tensor *late_constant(void *arg, value_id v) {
    const late_types *l = arg;
    uint32_t x = late_x(l, v);
    if (x == NO_ID || l->f->xg->vals[x].role != X_CONST) return NULL;
    return &l->f->xg->vals[x].constant->t;
}

/* A pointwise node whose element types nobody knew before: its program is made now. */
static sard_status run_late_program(frame *f, const exec_step *s, sard_error *err) {
    const fused *fu = s->fused;
    TRY(frame_planner(f, err));
    for (uint32_t i = 0; i < s->n_in; i++) f->pl.ty[s->in[i]] = type_of_tensor(&f->slots[s->in[i]].val.t);
    for (uint32_t i = 0; i < s->n_out; i++) f->pl.ty[s->out[i]] = type_of_tensor(&f->slots[s->out[i]].val.t);
    late_types l = {.f = f, .s = s, .fu = fu};
    fuse_src src = {f->xg->x->m, fu->g, late_type, late_constant, &l};
    value_id outs[PW_MAX_OUTPUTS], ids[PW_MAX_INPUTS];
    uint32_t operand[PW_MAX_INPUTS], n_operand;
    for (uint32_t i = 0; i < s->n_out; i++) outs[i] = f->xg->vals[s->out[i]].id;
    node_id id = (node_id)(fu->nodes[0].n - fu->g->nodes);
    pw_program *prog;
    TRY(fuse_program(&src, &id, 1, NO_ID, outs, s->n_out, &prog, ids, &n_operand, err));
    for (uint32_t i = 0; i < n_operand; i++) operand[i] = ids[i] == NO_ID ? NO_ID : late_x(&l, ids[i]);
    pw_geom g;
    sard_status st = plan_geometry(f->xg, s, prog, operand, n_operand, slot_type, f, &g, err);
    if (st == SARD_OK) st = call_program(f, s, prog, operand, n_operand, &g, err);
    pw_free(prog);
    return st;
}

static sard_status run_program(frame *f, const exec_step *s, uint32_t k, sard_error *err) {
    const fused *fu = s->fused;
    for (uint32_t i = 0; i < s->n_out; i++)
        FAIL_IF(!f->slots[s->out[i]].full, err, SARD_INTERNAL, "output %u of a pointwise step has no shape", i);
    if (!fu->prog) return run_late_program(f, s, err);
    pw_geom g;
    plan_unpack_geometry(f->stage, k, fu->n_operand, s->n_out, &g);
    return call_program(f, s, fu->prog, fu->operand, fu->n_operand, &g, err);
}

/* What the model's check could not see: inputs whose types are known only now, against the operator's table. */
static sard_status check_inputs(const frame *f, const exec_step *s, sard_error *err) {
    const op_def *op = s->op;
    for (uint32_t i = 0; i < s->n_in && op->n_in; i++) {
        if (s->in[i] == NO_ID) continue;
        const formal *want = &op->in[i < op->n_in ? i : op->n_in - 1u];
        const slot *v = &f->slots[s->in[i]];
        int kind = v->full ? v->val.kind : SARD_KIND_UNKNOWN;
        FAIL_IF(!((want->kinds ? want->kinds : K_TENSOR) >> kind & 1), err, SARD_RUNTIME,
                "input %u is of a kind the operator does not take", i);
        if (kind != SARD_KIND_TENSOR) continue;
        FAIL_IF(want->types && !dtype_in(v->val.t.dtype, want->types), err, SARD_RUNTIME,
                "input %u has elements of %s, which the operator does not take", i, dtype_short(v->val.t.dtype));
        for (uint32_t j = 0; j < i && want->var && !(want->flags & F_MIXED); j++) {
            const formal *other = &op->in[j < op->n_in ? j : op->n_in - 1u];
            const slot *o = s->in[j] == NO_ID ? NULL : &f->slots[s->in[j]];
            if (!o || o->val.kind != SARD_KIND_TENSOR || !other->var || strcmp(other->var, want->var)) continue;
            FAIL_IF(o->val.t.dtype != v->val.t.dtype, err, SARD_RUNTIME,
                    "inputs %u and %u have elements of %s and %s, which must be the same", j, i,
                    dtype_short(o->val.t.dtype), dtype_short(v->val.t.dtype));
        }
    }
    return SARD_OK;
}

static sard_status run_operator(frame *f, const exec_step *s, sard_error *err) {
    if (s->untyped) TRY(check_inputs(f, s, err));
    op_ctx c;
    c.f = f;
    c.s = s;
    c.r = f->r;
    c.n_activations = 0;
    if (s->kind == STEP_EPILOGUE) {
        const fused *fu = s->fused;
        for (uint32_t i = 0; i < fu->n_operand; i++)
            c.epi_in[i] = fu->operand[i] == NO_ID ? NULL : &f->slots[fu->operand[i]].val.t;
        c.epi = (op_epilogue){fu->prog, c.epi_in, fu->n_operand};
    }
    sard_status st = s->op->run(s->state, &c, err);
    if (st == SARD_INTERNAL && s->kind == STEP_EPILOGUE) f->r->group_failed = true;
    frame_scratch_reset(f);
    for (uint32_t i = 0; st == SARD_OK && i < s->n_out; i++)
        if (s->out[i] != NO_ID && !f->slots[s->out[i]].full)
            st = err_set(err, SARD_INTERNAL, "the operator did not give output %u", i);
    return st;
}

/* A view whose shape was planned needs no operator. */
static bool run_view(frame *f, const exec_step *s) {
    slot *to = &f->slots[s->out[0]];
    const slot *from = &f->slots[s->in[0]];
    uint8_t place = f->stage->vals[s->out[0]].place;
    if (s->n_out != 1 || place == PLACE_DYNAMIC || from->val.kind != SARD_KIND_TENSOR) return false;
    to->val.t.buf = from->val.t.buf;
    to->val.t.offset = from->val.t.offset;
    to->full = true;
    to->share = from->share;
    return true;
}

static sard_status run_step(frame *f, const exec_step *s, uint32_t k, sard_error *err) {
    if (s->kind == STEP_PROGRAM) return run_program(f, s, k, err);
    if (s->view && run_view(f, s)) return SARD_OK;
    return run_operator(f, s, err);
}

static void drop_dead(frame *f, const exec_step *s) {
    for (uint32_t i = 0; i < s->n_drop; i++) slot_drop(f, &f->slots[s->drop[i]]);
}

static sard_status run_steps(frame *f, sard_error *err) {
    const exec_graph *xg = f->xg;
    run *r = f->r;
    for (uint32_t k = f->stage->first; k < f->stage->end; k++) {
        const exec_step *s = &xg->steps[k];
        if (f->stage->geom_at[k] == STEP_SKIPPED) {
            if (f->n_owned) drop_dead(f, s);
            continue;
        }
        sard_status st = ctl_check(r->par.ctl, err);
        int64_t start = r->profile ? clock_ns() : 0;
        if (st == SARD_OK) st = run_step(f, s, k, err);
        if (st != SARD_OK) return step_error(f, s, st, err);
        if (r->profile) profile_add(r->profile, f, s, start, clock_ns());
        if (f->n_owned) drop_dead(f, s);
    }
    return SARD_OK;
}

sard_status graph_run(frame *f, sard_error *err) {
    TRY(ctl_check(f->r->par.ctl, err)); /* a loop's body may have no steps */
    TRY(frame_plan(f, err));
    const plan *p = f->plan;
    for (;;) {
        TRY(frame_begin(f, p, err));
        TRY(run_steps(f, err));
        if (p->end >= f->xg->n_steps) return SARD_OK;
        uint32_t next = p->end;
        frame_stage_end(f);
        TRY(frame_late(f, next, err));
        p = f->late;
    }
}

/* ---- values that leave -------------------------------------------------------------------------------------------- */

/* Memory of the run's own that `refs` references hold. */
static bool tensor_ours(const run *r, const tensor *t, size_t refs) {
    return t->dtype != SARD_STRING && run_owns(r, t->buf) && atomic_load(&t->buf->refs) == refs && tensor_is_row(t);
}

/* Maps of the run's own that share one tensor of keys and one block of values with each other and with nobody else: what
 * a ZipMap makes. */
static bool rows_ours(const run *r, sard_value *const *items, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const sard_value *m = items[i];
        if (!m || m->kind != SARD_KIND_MAP || atomic_load(&m->refs) != 1 || !value_is_tensor(m->map.values))
            return false;
        const sard_value *keys = items[0]->map.keys, *values = m->map.values;
        if (m->map.keys != keys || atomic_load(&values->refs) != 1 || !tensor_ours(r, &values->t, n)) return false;
        if (values->t.buf != items[0]->map.values->t.buf) return false;
        if (i == 0 && (!value_is_tensor(keys) || atomic_load(&keys->refs) != n || !tensor_ours(r, &keys->t, 1)))
            return false;
    }
    return n > 0;
}

/* Does the run alone hold all of v? */
static bool all_ours(const run *r, const sard_value *v) {
    if (!v) return true;
    if (atomic_load(&v->refs) != 1) return false;
    switch (v->kind) {
    case SARD_KIND_TENSOR:
        return tensor_ours(r, &v->t, 1);
    case SARD_KIND_SEQUENCE:
        if (rows_ours(r, v->seq.items, v->seq.n)) return true;
        for (size_t i = 0; i < v->seq.n; i++)
            if (!all_ours(r, v->seq.items[i])) return false;
        return true;
    case SARD_KIND_MAP:
        return all_ours(r, v->map.keys) && all_ours(r, v->map.values);
    case SARD_KIND_OPTIONAL:
        return all_ours(r, v->opt.item);
    case SARD_KIND_SPARSE_TENSOR:
        return all_ours(r, v->sparse.values) && all_ours(r, v->sparse.indices);
    default:
        return false;
    }
}

/* The tensor's reference goes into a value; the slot shows it still, for the case that another output is the same. */
static sard_status hand_over(tensor *t, sard_value **out, sard_error *err) {
    buffer *buf = t->buf;
    sard_status st = value_tensor(t, out, err);
    t->buf = buf;
    return st;
}

static sard_status tensor_leaves(run *r, frame *f, slot *s, sard_value **out, sard_error *err) {
    tensor *t = &s->val.t;
    for (uint32_t k = 0; k < f->xg->n_outputs; k++) { /* computed where an output is to lie; handed over once */
        out_mem *o = &f->outs[k];
        if (o->user || !o->buf || t->buf != o->buf || t->dtype == SARD_STRING) continue;
        if (atomic_load(&o->buf->refs) > 1 || !tensor_is_row(t)) break;
        o->buf = NULL;
        return hand_over(t, out, err);
    }
    if (s->owned && !s->v && tensor_ours(r, t, 1)) {
        s->owned = false;
        f->n_owned--;
        return hand_over(t, out, err);
    }
    size_t bytes = tensor_bytes(t);
    TRY(ctl_charge(r->par.ctl, bytes, err));
    r->charged += bytes;
    tensor copy;
    TRY(tensor_clone(&copy, t, err));
    return value_tensor(&copy, out, err);
}

sard_status run_output(run *r, frame *f, uint32_t k, sard_value **out, sard_error *err) {
    slot *s = &f->slots[f->xg->outputs[k]];
    FAIL_IF(!s->full, err, SARD_INTERNAL, "output %u was not computed", k);
    if (s->val.kind == SARD_KIND_TENSOR && !(s->v && s->owned)) return tensor_leaves(r, f, s, out, err);
    if (s->owned && all_ours(r, s->v)) {
        *out = s->v;
        s->owned = false;
        f->n_owned--;
        return SARD_OK;
    }
    return value_clone(s->v, out, err);
}

/* ---- a run -------------------------------------------------------------------------------------------------------- */

void run_init(run *r, exec_model *x, pool *pool, run_ctl *ctl) {
    r->x = x;
    r->par = (par){pool, ctl};
    r->profile = NULL;
    r->mem = NULL;
    r->charged = 0;
    r->group_failed = false;
    pthread_mutex_init(&r->lock, NULL);
    arena_init(&r->strings);
}

void run_deinit(run *r) {
    run_mem_end(r);
    ctl_release(r->par.ctl, r->charged);
    arena_free(&r->strings);
    pthread_mutex_destroy(&r->lock);
}

static sard_status input_error(uint32_t i, sard_error *err) {
    if (err) err->code = SARD_INVALID_ARGUMENT;
    return err_context(err, SARD_INVALID_ARGUMENT, "input %u", i);
}

sard_status frame_bind_inputs(frame *f, sard_value *const *in, sard_error *err) {
    const exec_graph *xg = f->xg;
    for (uint32_t i = 0; i < xg->n_inputs; i++) {
        uint32_t x = xg->inputs[i];
        const sard_value *v = in && in[i] ? in[i] : xg->vals[x].constant;
        FAIL_IF(!v, err, SARD_INVALID_ARGUMENT, "input %u is missing", i);
        if (check_value(xg, x, v, err) != SARD_OK) return input_error(i, err);
        slot_borrow(&f->slots[x], v, true);
    }
    return SARD_OK;
}

static bool overlap(const tensor *a, const sard_value *v) {
    if (!v || v->kind != SARD_KIND_TENSOR || !v->t.buf || !a->buf) return false;
    const char *p = tensor_data(a), *q = tensor_data(&v->t);
    return p < q + tensor_bytes(&v->t) && q < p + tensor_bytes(a);
}

/* The caller's tensors are written directly where they overlap nothing that is read or written. */
static sard_status bind_outputs(frame *f, sard_value *const *in, sard_value *const *out, sard_error *err) {
    const exec_graph *xg = f->xg;
    for (uint32_t k = 0; k < xg->n_outputs; k++) {
        sard_value *v = out[k];
        if (!v) continue;
        FAIL_IF(v->kind != SARD_KIND_TENSOR || !v->t.buf || v->t.dtype == SARD_STRING, err, SARD_INVALID_ARGUMENT,
                "output %u: only a tensor of numbers can be filled", k);
        bool free = tensor_is_row(&v->t);
        for (uint32_t i = 0; free && i < xg->n_inputs; i++) free = !overlap(&v->t, in ? in[i] : NULL);
        for (uint32_t i = 0; free && i < k; i++) free = !overlap(&v->t, out[i]);
        if (!free) continue;
        f->outs[k].t = v->t;
        f->outs[k].buf = buffer_ref(v->t.buf);
        f->outs[k].offset = v->t.offset;
        f->outs[k].user = true;
    }
    return SARD_OK;
}

static sard_status fill_user(frame *f, uint32_t k, sard_value *to, sard_error *err) {
    const slot *s = &f->slots[f->xg->outputs[k]];
    FAIL_IF(!s->full || s->val.kind != SARD_KIND_TENSOR, err, SARD_INVALID_ARGUMENT,
            "output %u is not a tensor, which was given to be filled", k);
    const tensor *t = &s->val.t;
    if (t->buf == to->t.buf && t->offset == to->t.offset && f->outs[k].user) return SARD_OK;
    shape a = shape_of(t), b = shape_of(&to->t);
    if (t->dtype != to->t.dtype || !shape_eq(&a, &b)) {
        char ta[200], tb[200];
        return err_set(err, SARD_INVALID_ARGUMENT, "output %u is %s, the tensor given for it %s", k,
                       tensor_text(t, ta, sizeof ta), tensor_text(&to->t, tb, sizeof tb));
    }
    FAIL_IF(!tensor_is_row(&to->t), err, SARD_INVALID_ARGUMENT, "the tensor given for output %u is not row-major", k);
    tensor_copy_data(tensor_data(&to->t), t);
    return SARD_OK;
}

static sard_status take_outputs(run *r, frame *f, sard_value **out, sard_error *err) {
    enum { FEW = 8 };
    sard_value *few[FEW], **got = few;
    uint32_t n = f->xg->n_outputs, k = 0;
    if (n > FEW && !(got = mem_alloc(n * sizeof *got))) return err_nomem(err, n * sizeof *got);
    sard_status st = SARD_OK;
    for (; st == SARD_OK && k < n; k++) {
        got[k] = NULL;
        st = out[k] ? fill_user(f, k, out[k], err) : run_output(r, f, k, &got[k], err);
    }
    for (uint32_t i = 0; i < k; i++) {
        if (st != SARD_OK)
            sard_value_unref(i + 1 < k ? got[i] : NULL);
        else if (!out[i])
            out[i] = got[i];
    }
    if (got != few) mem_free(got);
    return st;
}

static sard_status run_once(exec_model *x, const exec_args *a, bool *group_failed, sard_error *err) {
    run r;
    run_init(&r, x, a->pool, a->ctl);
    r.profile = a->profile;
    frame *f;
    sard_status st = frame_take(x->main, &r, &f, err);
    if (st == SARD_OK) {
        st = frame_bind_inputs(f, a->in, err);
        if (st == SARD_OK) st = bind_outputs(f, a->in, a->out, err);
        if (st == SARD_OK) st = graph_run(f, err);
        if (st == SARD_OK) st = take_outputs(&r, f, a->out, err);
        frame_give(f);
    }
    *group_failed = r.group_failed;
    run_deinit(&r);
    return st;
}

sard_status exec_run(exec_model *x, const exec_args *a, sard_error *err) {
    bool group_failed;
    unsigned fp = cpu_fp_enter(x->opt.flush_denormals);
    pool_run_begin(a->pool);
    sard_status st = run_once(x, a, &group_failed, err);
    if (st != SARD_OK && group_failed) {
        exec_model *apart;
        st = exec_apart(x, &apart, err);
        if (st == SARD_OK) st = run_once(apart, a, &group_failed, err);
        if (st == SARD_OK && err) *err = (sard_error){0};
    }
    pool_run_end(a->pool);
    cpu_fp_restore(fp);
    return st == SARD_OK ? SARD_OK : err_context(err, st, "run");
}
