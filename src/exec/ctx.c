/*
 * ctx.c -- what an operator sees while it runs: inputs, outputs, memory.
 */
#include "exec/model.h"

#include <string.h>

/* ---- inputs ------------------------------------------------------------------------------------------------------- */

static const slot *in_slot(const op_ctx *c, uint32_t i) {
    if (i >= c->s->n_in || c->s->in[i] == NO_ID) return NULL;
    const slot *s = &c->f->slots[c->s->in[i]];
    return s->full ? s : NULL;
}

const tensor *op_in(op_ctx *c, uint32_t i) {
    const slot *s = in_slot(c, i);
    return s && s->val.kind == SARD_KIND_TENSOR ? &s->val.t : NULL;
}

const sard_value *op_in_value(op_ctx *c, uint32_t i) {
    const slot *s = in_slot(c, i);
    return !s ? NULL : s->v ? s->v : &s->val;
}

uint32_t op_n_in(op_ctx *c) { return c->s->n_in; }
uint32_t op_n_out(op_ctx *c) { return c->s->n_out; }
bool op_wants(op_ctx *c, uint32_t i) { return i < c->s->n_out && c->s->out[i] != NO_ID; }
const attr *op_attr(op_ctx *c, uint32_t i) { return &c->s->node->attrs[i]; }
const node *op_node(op_ctx *c) { return c->s->node; }
const graph *op_graph(op_ctx *c) { return c->s->g; }
const par *op_par(op_ctx *c) { return &c->r->par; }
const op_epilogue *op_fused(op_ctx *c) { return c->s->kind == STEP_EPILOGUE ? &c->epi : NULL; }

uint64_t op_seed(op_ctx *c) { return c->f->salt ? (c->s->seed ^ c->f->salt) * 0x9E3779B97F4A7C15u : c->s->seed; }

/* ---- outputs ------------------------------------------------------------------------------------------------------ */

/* Memory for an output nobody asked for: tensor, buffer and data lie in scratch. */
static sard_status unwanted(op_ctx *c, sard_dtype t, const shape *s, tensor **out, sard_error *err) {
    struct {
        tensor t;
        buffer b;
    } * m;
    size_t bytes;
    int64_t n = shape_count(s);
    FAIL_IF(n < 0 || dtype_bytes(t, n, &bytes), err, SARD_LIMIT, "an output that is too large");
    void *p;
    TRY(frame_scratch(c->f, sizeof *m, &p, err));
    m = p;
    memset(m, 0, sizeof *m);
    atomic_init(&m->b.refs, 1);
    m->b.bytes = bytes;
    TRY(frame_scratch(c->f, bytes, &m->b.data, err));
    m->t.buf = &m->b;
    slot_shape(&m->t, (uint8_t)t, s->rank, s->dim, ORDER_ROW);
    *out = &m->t;
    return SARD_OK;
}

static bool is_planned(const op_ctx *c, uint32_t x) {
    uint8_t place = c->f->stage->vals[x].place;
    return place == PLACE_ARENA || place == PLACE_OUT || place == PLACE_OWN;
}

/* Does a shape agree with the plan? Values that have no planned place agree with anything. */
static sard_status as_planned(const op_ctx *c, uint32_t i, const int64_t *dim, int rank, sard_error *err) {
    const pval *v = &c->f->stage->vals[c->s->out[i]];
    if (v->place == PLACE_NONE || v->rank < 0) return SARD_OK;
    const int64_t *d = c->f->stage->dims + v->dims;
    bool same = v->rank == rank;
    for (int k = 0; same && k < rank; k++) same = d[k] == dim[k];
    if (same) return SARD_OK;
    shape a = {.rank = v->rank}, b = {.rank = rank};
    char ta[200], tb[200];
    memcpy(a.dim, d, (size_t)v->rank * sizeof *d);
    memcpy(b.dim, dim, (size_t)rank * sizeof *dim);
    return err_set(err, SARD_INTERNAL, "output %u was planned as %s and is %s", i, shape_text(&a, ta, sizeof ta),
                   shape_text(&b, tb, sizeof tb));
}

/* The place of the caller's memory for output i of the step, or NULL. */
static const out_mem *given_out(const op_ctx *c, uint32_t i) {
    const exec_graph *xg = c->f->xg;
    for (uint32_t k = 0; k < xg->n_outputs; k++)
        if (xg->outputs[k] == c->s->out[i] && c->f->outs[k].user) return &c->f->outs[k];
    return NULL;
}

const tensor *op_out_given(op_ctx *c, uint32_t i) {
    const out_mem *o = op_wants(c, i) ? given_out(c, i) : NULL;
    return o ? &o->t : NULL;
}

/* A tensor of its own for output i, whose shape nobody knew: the caller's, when that is of this type and shape. */
static sard_status dynamic_out(op_ctx *c, uint32_t i, sard_dtype t, const shape *s, tensor **out, sard_error *err) {
    uint32_t x = c->s->out[i];
    slot *sl = &c->f->slots[x];
    size_t bytes;
    int64_t n = shape_count(s);
    FAIL_IF(n < 0 || dtype_bytes(t, n, &bytes), err, SARD_LIMIT, "output %u is too large", i);
    slot_drop(c->f, sl);
    slot_shape(&sl->val.t, (uint8_t)t, s->rank, s->dim, c->f->xg->vals[x].order);
    TRY(check_type(c->f->xg, x, &sl->val.t, err));
    const out_mem *given = given_out(c, i);
    const shape have = given ? shape_of(&given->t) : *s;
    if (given && given->t.dtype == t && shape_eq(&have, s) && tensor_is_row(&sl->val.t)) {
        sl->val.t.buf = buffer_ref(given->buf);
        sl->val.t.offset = given->offset;
    } else {
        TRY(run_buffer(c->r, bytes, &sl->val.t.buf, err));
        if (t == SARD_STRING) memset(sl->val.t.buf->data, 0, bytes);
        sl->val.t.offset = 0;
    }
    sl->val.kind = SARD_KIND_TENSOR;
    sl->full = sl->owned = sl->share = true;
    c->f->n_owned++;
    *out = &sl->val.t;
    return SARD_OK;
}

sard_status op_out(op_ctx *c, uint32_t i, sard_dtype t, const shape *s, tensor **out, sard_error *err) {
    if (!op_wants(c, i)) return unwanted(c, t, s, out, err);
    uint32_t x = c->s->out[i];
    TRY(as_planned(c, i, s->dim, s->rank, err));
    if (!is_planned(c, x)) return dynamic_out(c, i, t, s, out, err);
    tensor *o = &c->f->slots[x].val.t;
    FAIL_IF(o->dtype != t && c->s->kind != STEP_EPILOGUE, err, SARD_INTERNAL, "output %u was planned as %s and is %s",
            i, dtype_short(o->dtype), dtype_short(t));
    if (o->dtype == SARD_STRING) memset(tensor_data(o), 0, tensor_bytes(o));
    *out = o;
    return SARD_OK;
}

sard_status op_out_planned(op_ctx *c, uint32_t i, tensor **out, sard_error *err) {
    if (op_wants(c, i) && is_planned(c, c->s->out[i])) {
        *out = &c->f->slots[c->s->out[i]].val.t;
        if ((*out)->dtype == SARD_STRING) memset(tensor_data(*out), 0, tensor_bytes(*out));
        return SARD_OK;
    }
    const vtype *t;
    shape s;
    TRY(frame_planner(c->f, err));
    TRY(plan_step_types(&c->f->pl, c->f, c->s, &t, err));
    FAIL_IF(i >= c->s->n_out || !t[i].dtype || !type_shape(&t[i], &s), err, SARD_INTERNAL,
            "the shape of output %u was not known", i);
    return op_out(c, i, (sard_dtype)t[i].dtype, &s, out, err);
}

static sard_status view_copy(op_ctx *c, uint32_t i, const tensor *from, const shape *s, sard_error *err) {
    tensor *o;
    TRY(op_out(c, i, (sard_dtype)from->dtype, s, &o, err));
    FAIL_IF(tensor_count(o) != tensor_count(from), err, SARD_INTERNAL, "a view of another number of elements");
    if (tensor_data(o) != tensor_data(from)) tensor_copy_data(tensor_data(o), from);
    return SARD_OK;
}

sard_status op_out_view(op_ctx *c, uint32_t i, uint32_t k, const shape *s, sard_error *err) {
    const slot *from = in_slot(c, k);
    FAIL_IF(!from || from->val.kind != SARD_KIND_TENSOR, err, SARD_INTERNAL, "a view of input %u, which is no tensor",
            k);
    if (!op_wants(c, i)) return SARD_OK;
    if (i || k || !c->s->view) return view_copy(c, i, &from->val.t, s, err);
    FAIL_IF(shape_count(s) != tensor_count(&from->val.t), err, SARD_RUNTIME, "%lld elements cannot be seen as %lld",
            (long long)tensor_count(&from->val.t), (long long)shape_count(s));
    TRY(as_planned(c, i, s->dim, s->rank, err));
    slot *to = &c->f->slots[c->s->out[0]];
    slot_drop(c->f, to);
    slot_shape(&to->val.t, from->val.t.dtype, s->rank, s->dim, ORDER_ROW);
    TRY(check_type(c->f->xg, c->s->out[0], &to->val.t, err));
    to->val.t.buf = from->val.t.buf;
    to->val.t.offset = from->val.t.offset;
    to->val.kind = SARD_KIND_TENSOR;
    to->full = true;
    to->share = from->share;
    return SARD_OK;
}

sard_status op_give(op_ctx *c, uint32_t i, sard_value *take, sard_error *err) {
    if (!take) return err_set(err, SARD_INTERNAL, "nothing was given as output %u", i);
    if (!op_wants(c, i)) {
        sard_value_unref(take);
        return SARD_OK;
    }
    uint32_t x = c->s->out[i];
    sard_status st = SARD_OK;
    if (take->kind == SARD_KIND_TENSOR) {
        const tensor *t = &take->t;
        st = check_type(c->f->xg, x, t, err);
        const pval *v = &c->f->stage->vals[x];
        if (st == SARD_OK && v->rank >= 0 && v->place != PLACE_NONE && v->dtype != t->dtype)
            st = err_set(err, SARD_INTERNAL, "output %u was planned as %s and is %s", i, dtype_short(v->dtype),
                         dtype_short(t->dtype));
        if (st == SARD_OK) st = as_planned(c, i, t->dim, t->rank, err);
        if (st == SARD_OK && (!tensor_is_row(t) || !t->buf || c->f->xg->vals[x].order == ORDER_LAST))
            st = err_set(err, SARD_INTERNAL, "output %u was given in an order it cannot have", i);
    } else {
        st = check_value(c->f->xg, x, take, err);
    }
    if (st != SARD_OK) {
        sard_value_unref(take);
        return st;
    }
    slot_take(c->f, &c->f->slots[x], take);
    c->f->bound = NULL;
    return SARD_OK;
}

sard_status op_own(op_ctx *c, uint32_t i, sard_value **out, sard_error *err) {
    const slot *s = in_slot(c, i);
    FAIL_IF(!s, err, SARD_INTERNAL, "input %u is not there", i);
    return slot_keep(c->r, c->f, s, false, out, err);
}

sard_status op_new_tensor(op_ctx *c, sard_dtype t, const shape *s, sard_value **out, sard_error *err) {
    size_t bytes;
    int64_t n = shape_count(s);
    FAIL_IF(n < 0 || dtype_bytes(t, n, &bytes), err, SARD_LIMIT, "a tensor that is too large");
    tensor x = {0};
    slot_shape(&x, (uint8_t)t, s->rank, s->dim, ORDER_ROW);
    TRY(run_buffer(c->r, bytes, &x.buf, err));
    if (t == SARD_STRING) memset(x.buf->data, 0, bytes);
    return value_tensor(&x, out, err);
}

/* ---- memory ------------------------------------------------------------------------------------------------------- */

sard_status op_scratch(op_ctx *c, size_t bytes, void **out, sard_error *err) {
    return frame_scratch(c->f, bytes, out, err);
}

sard_status op_string_space(op_ctx *c, size_t n, char **out, sard_error *err) {
    run *r = c->r;
    pthread_mutex_lock(&r->lock);
    sard_status st = ctl_charge(r->par.ctl, n, err);
    if (st == SARD_OK) {
        *out = arena_alloc(&r->strings, n);
        if (*out)
            r->charged += n;
        else {
            ctl_release(r->par.ctl, n);
            st = err_nomem(err, n);
        }
    }
    pthread_mutex_unlock(&r->lock);
    return st;
}

sard_status op_string(op_ctx *c, const char *s, size_t n, str *out, sard_error *err) {
    char *p;
    TRY(op_string_space(c, n, &p, err));
    if (n) memcpy(p, s, n);
    *out = (str){p, n};
    return SARD_OK;
}

/* ---- bodies ------------------------------------------------------------------------------------------------------- */

static sard_status bind_body(op_ctx *c, frame *f, sard_value *const *in, uint32_t n_in, sard_error *err) {
    const exec_graph *xg = f->xg;
    for (uint32_t i = 0; i < xg->n_inputs; i++) {
        uint32_t x = xg->inputs[i];
        const sard_value *v = i < n_in && in[i] ? in[i] : xg->vals[x].constant;
        FAIL_IF(!v, err, SARD_RUNTIME, "input %u of the body is missing", i);
        sard_status st = check_value(xg, x, v, err);
        if (st != SARD_OK) return err_context(err, st, "input %u of the body", i);
        slot_borrow(&f->slots[x], v, atomic_load_explicit(&v->refs, memory_order_relaxed) != 0);
    }
    for (uint32_t i = 0; i < xg->n_captures; i++) {
        uint32_t x = xg->captures[i];
        if (xg->vals[x].role == X_CONST) continue;
        const slot *from = &c->f->slots[c->s->cap[i]];
        FAIL_IF(!from->full, err, SARD_INTERNAL, "captured value %u is not there", i);
        slot_borrow(&f->slots[x], from->v ? from->v : &from->val, from->share);
    }
    return SARD_OK;
}

sard_status op_body(op_ctx *c, uint32_t body, sard_value *const *in, uint32_t n_in, sard_value **out, uint32_t n_out,
                    sard_error *err) {
    FAIL_IF(body >= c->s->n_bodies, err, SARD_INTERNAL, "body %u of %u", body, c->s->n_bodies);
    exec_graph *xg = c->s->bodies[body];
    FAIL_IF(n_in > xg->n_inputs, err, SARD_RUNTIME, "the body takes %u inputs, %u are given", xg->n_inputs, n_in);
    FAIL_IF(n_out > xg->n_outputs, err, SARD_RUNTIME, "the body gives %u outputs, %u are wanted", xg->n_outputs, n_out);
    frame *f;
    TRY(frame_take(xg, c->r, &f, err));
    f->outer = c->f;
    f->outer_step = c->s;
    f->salt = (c->f->salt + c->s->seed + ++c->n_activations) * 0xBF58476D1CE4E5B9u | 1;
    sard_status st = bind_body(c, f, in, n_in, err);
    if (st == SARD_OK) st = graph_run(f, err);
    uint32_t n = 0;
    for (; st == SARD_OK && n < n_out; n++) st = slot_keep(c->r, f, &f->slots[xg->outputs[n]], true, &out[n], err);
    if (st != SARD_OK)
        for (uint32_t i = 0; i + 1 < n; i++) sard_value_unref(out[i]);
    frame_give(f);
    return st;
}
