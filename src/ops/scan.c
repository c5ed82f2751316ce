/*
 * Scan -- runs its body over slices of the scan inputs; state is carried from one iteration to the next, and what the
 * body gives besides is put together into the scan outputs.
 *
 *   9: no batch axis and no sequence_lens; sard.Scan is version 8, which has both: one scan per batch element, whose
 *      outputs are 0 beyond the element's length
 * State owns its memory: a body's outputs become the next iteration's inputs by reference. A slice's memory is used
 * again when the body has kept nothing of it. Scan outputs are made with the first slice: the number of them is known.
 */
#include "kernels/move/move.h"
#include "ops/index.h"

enum { BODY, NUM_SCAN_INPUTS, IN_AXES, IN_DIRECTIONS, OUT_AXES, OUT_DIRECTIONS };
#define TYPES (DT_NUMBER | DT_FLOAT8 | DT_SUBBYTE | DT_COMPLEX | DT_BOOL | DT_STRING | DT_FLOAT6)
static const attr_def scan_attrs[] = {
    ATTR_REQ("body", ATTR_GRAPH),
    ATTR_REQ("num_scan_inputs", ATTR_INT),
    ATTR_OPT("scan_input_axes", ATTR_INTS),
    ATTR_OPT("scan_input_directions", ATTR_INTS),
    ATTR_OPT("scan_output_axes", ATTR_INTS),
    ATTR_OPT("scan_output_directions", ATTR_INTS),
};
static const formal scan_in[] = {
    {.name = "initial_state_and_scan_inputs", .types = TYPES, .flags = F_VARIADIC | F_MIXED | F_OPTIONAL},
};
static const formal scan_out[] = {
    {.name = "final_state_and_scan_outputs", .types = TYPES, .flags = F_VARIADIC | F_MIXED | F_OPTIONAL},
};

/* Version 8: the lengths come first (they may be absent). */
static const formal batch_in[] = {
    {.name = "sequence_lens", .types = DT(SARD_I64), .flags = F_OPTIONAL},
    {.name = "initial_state_and_scan_inputs", .types = TYPES, .flags = F_VARIADIC | F_MIXED | F_OPTIONAL},
};

static sard_status upgrade(draft *d, int since, sard_error *err) {
    if (since >= 9) return SARD_OK;
    const attr *body = draft_attr(d, "body"), *dir = draft_attr(d, "directions");
    FAIL_IF(!body || body->type != ATTR_GRAPH, err, SARD_INVALID_MODEL, "attribute 'body' is missing");
    FAIL_IF(dir && dir->type != ATTR_INTS, err, SARD_INVALID_MODEL, "attribute 'directions' is no list of integers");
    attr_arg args[3] = {
        {.name = "body", .type = ATTR_GRAPH, .body = body->body},
        ARG_I("num_scan_inputs", draft_int(d, "num_scan_inputs", 0)),
    };
    if (dir) args[2] = (attr_arg)ARG_INTS("scan_input_directions", dir->ints.v, dir->ints.n);
    TRY(build_node(&d->b, "sard.Scan", d->in, d->n_in, d->out, d->n_out, args, dir ? 3 : 2));
    draft_done(d);
    return SARD_OK;
}

/* ---- what the node says -------------------------------------------------------------------------------------------- */

typedef struct form {
    bool batch;      /* version 8 */
    uint32_t first;  /* the first state's input */
    uint32_t states; /* carried values */
    uint32_t scans;  /* scan inputs */
    uint32_t outs;   /* scan outputs */
    const attr *attrs;
} form;

static sard_status check_list(const attr *a, const char *name, uint32_t n, bool binary, sard_error *err) {
    if (a->type == ATTR_NONE) return SARD_OK;
    FAIL_IF(a->ints.n != n, err, SARD_INVALID_MODEL, "attribute '%s' has %zu elements; %u are needed", name, a->ints.n,
            n);
    for (uint32_t i = 0; binary && i < n; i++)
        FAIL_IF(a->ints.v[i] != 0 && a->ints.v[i] != 1, err, SARD_INVALID_MODEL,
                "attribute '%s' has %lld at %u; it must be 0 or 1", name, (long long)a->ints.v[i], i);
    return SARD_OK;
}

static sard_status read_form(const graph *g, const node *n, uint32_t n_in, form *f, sard_error *err) {
    const graph *body = node_body(g, n, 0);
    *f = (form){.batch = n->op->flags & OP_INTERNAL, .attrs = n->attrs};
    f->first = f->batch;
    int64_t scans = n->attrs[NUM_SCAN_INPUTS].i;
    uint32_t given = n_in > f->first ? n_in - f->first : 0;
    FAIL_IF(scans < 1 || scans > given, err, SARD_INVALID_MODEL,
            "attribute 'num_scan_inputs' is %lld; the node has %u inputs", (long long)scans, given);
    f->scans = (uint32_t)scans;
    f->states = given - f->scans;
    FAIL_IF(body->n_inputs != given, err, SARD_INVALID_MODEL, "the body has %u inputs; the node gives it %u",
            body->n_inputs, given);
    FAIL_IF(body->n_outputs < f->states, err, SARD_INVALID_MODEL, "the body has %u outputs; there are %u states",
            body->n_outputs, f->states);
    f->outs = body->n_outputs - f->states;
    FAIL_IF(n->out.n > body->n_outputs, err, SARD_INVALID_MODEL, "the node has %u outputs, the body gives %u", n->out.n,
            body->n_outputs);
    TRY(check_list(&n->attrs[IN_AXES], "scan_input_axes", f->scans, false, err));
    TRY(check_list(&n->attrs[IN_DIRECTIONS], "scan_input_directions", f->scans, true, err));
    TRY(check_list(&n->attrs[OUT_AXES], "scan_output_axes", f->outs, false, err));
    return check_list(&n->attrs[OUT_DIRECTIONS], "scan_output_directions", f->outs, true, err);
}

static int64_t list_at(const form *f, int which, uint32_t i) {
    const attr *a = &f->attrs[which];
    return a->type == ATTR_NONE ? 0 : a->ints.v[i];
}

/* The axis scan input k is cut along, of the tensor the node is given. */
static sard_status in_axis(const form *f, uint32_t k, int rank, int *axis, sard_error *err) {
    if (f->batch) {
        FAIL_IF(rank < 2, err, SARD_INVALID_ARGUMENT, "scan input %u has rank %d; 2 is the least (batch, sequence)", k,
                rank);
        *axis = 1;
        return SARD_OK;
    }
    FAIL_IF(rank < 1, err, SARD_INVALID_ARGUMENT, "scan input %u is a scalar", k);
    sard_status s = axis_fix(list_at(f, IN_AXES, k), rank, axis, err);
    return s == SARD_OK ? s : err_context(err, s, "scan input %u", k);
}

/* ---- types --------------------------------------------------------------------------------------------------------- */

static vtype without_axis(const vtype *t, int axis) {
    vtype r = type_tensor((sard_dtype)t->dtype, t->rank - 1, NULL);
    for (int i = 0, j = 0; i < t->rank; i++)
        if (i != axis) r.dim[j++] = t->dim[i];
    return r;
}

static vtype with_axis(const vtype *t, int axis, int64_t n) {
    vtype r = type_tensor((sard_dtype)t->dtype, t->rank + 1, NULL);
    for (int i = 0, j = 0; i <= t->rank; i++) r.dim[i] = i == axis ? n : t->dim[j++];
    return r;
}

typedef struct extents { /* of the batch and of the sequence; may be unknown */
    int64_t batch, steps;
} extents;

static sard_status merge_dim(int64_t *a, int64_t b, const char *what, uint32_t k, sard_error *err) {
    int64_t was = *a;
    FAIL_IF(!dim_merge(was, b, a), err, SARD_INVALID_ARGUMENT, "input %u has %s of %lld, the ones before it %lld", k,
            what, (long long)b, (long long)was);
    return SARD_OK;
}

/* Types of the body's inputs. */
static sard_status body_inputs(infer_ctx *c, const form *f, vtype *in, extents *e, sard_error *err) {
    *e = (extents){DIM_UNKNOWN, DIM_UNKNOWN};
    for (uint32_t k = 0; k < f->states + f->scans; k++) {
        vtype t = *c->in[f->first + k];
        int axis;
        if (t.kind == SARD_KIND_TENSOR && t.rank < 0) t = type_tensor((sard_dtype)t.dtype, -1, NULL);
        if (t.kind == SARD_KIND_TENSOR && t.rank >= 0 && k >= f->states) {
            TRY(in_axis(f, k - f->states, t.rank, &axis, err));
            TRY(merge_dim(&e->steps, t.dim[axis], "a sequence", k, err));
            t = without_axis(&t, axis);
        }
        if (t.kind == SARD_KIND_TENSOR && t.rank >= 0 && f->batch) {
            FAIL_IF(t.rank < 1, err, SARD_INVALID_ARGUMENT, "state %u is a scalar; it needs a batch axis", k);
            TRY(merge_dim(&e->batch, t.dim[0], "a batch", k, err));
            t = without_axis(&t, 0);
        }
        in[k] = t;
    }
    return SARD_OK;
}

static sard_status output_type(const form *f, uint32_t i, vtype t, const extents *e, vtype *out, sard_error *err) {
    *out = type_tensor((sard_dtype)t.dtype, -1, NULL);
    if (t.kind != SARD_KIND_TENSOR || t.rank < 0) return SARD_OK;
    FAIL_IF(t.rank + 1 + f->batch > MAX_RANK, err, SARD_UNSUPPORTED, "an output of rank %d", t.rank + 1 + f->batch);
    int axis = 0;
    if (i >= f->states) {
        TRY(axis_fix(list_at(f, OUT_AXES, i - f->states), t.rank + 1, &axis, err));
        t = with_axis(&t, axis, e->steps);
    }
    *out = f->batch ? with_axis(&t, 0, e->batch) : t;
    return SARD_OK;
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    form f;
    extents e;
    TRY(read_form(c->g, c->node, c->n_in, &f, err));
    uint32_t n_in = f.states + f.scans, n_out = f.states + f.outs;
    vtype *in = arena_calloc(c->mem, n_in + 1, sizeof *in), *out = arena_calloc(c->mem, n_out + 1, sizeof *out);
    if (!in || !out) return err_nomem(err, (n_in + n_out) * sizeof *in);
    TRY(body_inputs(c, &f, in, &e, err));
    for (bool again = true; again;) { /* shapes only get weaker, so this ends */
        again = false;
        TRY(c->body(c, 0, in, n_in, out, n_out, err));
        for (uint32_t i = 0; i < f.states; i++) again |= type_weaken(&in[i], &out[i]);
    }
    for (uint32_t i = 0; i < c->n_out; i++) {
        vtype t = i < f.states ? in[i] : out[i];
        if (!t.dtype) t.dtype = out[i].dtype;
        TRY(output_type(&f, i, t, &e, &c->out[i], err));
    }
    return SARD_OK;
}

/* ---- running ------------------------------------------------------------------------------------------------------- */

typedef struct scan {
    op_ctx *c;
    form f;
    int64_t batch, steps; /* batch: 1 without */
    sard_value **in, **out;
    tensor **y; /* scan outputs; NULL before the first slice. Version 8: states, too */
} scan;

/* A box of x without `axis` (at `at`) and, with a batch, without axis 0 (at `b`): shape, strides and first element. */
static const char *slice_of(const tensor *x, bool batch, int64_t b, int axis, int64_t at, shape *s, int64_t *stride) {
    int64_t place = 0;
    s->rank = 0;
    for (int i = 0; i < x->rank; i++) {
        if (i == axis)
            place += at * x->stride[i];
        else if (batch && i == 0)
            place += b * x->stride[i];
        else
            s->dim[s->rank] = x->dim[i], stride[s->rank++] = x->stride[i];
    }
    return TENSOR_AT(x, char) + place * (int64_t)element_size(x);
}

/* *v becomes that slice of x, in its old memory when nobody else has it. axis -1: only the batch element. */
static sard_status take_slice(scan *s, const tensor *x, int64_t b, int axis, int64_t at, sard_value **v,
                              sard_error *err) {
    shape sh;
    move_box box = {0};
    FAIL_IF(dtype_subbyte(x->dtype), err, SARD_UNSUPPORTED, "slices of %s", sard_dtype_name((sard_dtype)x->dtype));
    const char *src = slice_of(x, s->f.batch, b, axis, at, &sh, box.src);
    if (*v && (atomic_load(&(*v)->refs) != 1 || atomic_load(&(*v)->t.buf->refs) != 1)) {
        sard_value_unref(*v);
        *v = NULL;
    }
    if (!*v) TRY(op_new_tensor(s->c, (sard_dtype)x->dtype, &sh, v, err));
    box.rank = sh.rank;
    memcpy(box.dim, sh.dim, (size_t)sh.rank * sizeof *sh.dim);
    memcpy(box.dst, (*v)->t.stride, (size_t)sh.rank * sizeof *sh.dim);
    if (!tensor_count(&(*v)->t)) return SARD_OK;
    return move_copy(&box, element_size(x), src, tensor_data(&(*v)->t), op_par(s->c), err);
}

/* Output i of the node, for body outputs of that type and shape. */
static sard_status make_output(scan *s, uint32_t i, sard_dtype t, const shape *slice, sard_error *err) {
    const bool is_scan = i >= s->f.states, batch = s->f.batch;
    shape sh = {.rank = slice->rank + is_scan + batch};
    int axis = 0;
    FAIL_IF(sh.rank > MAX_RANK, err, SARD_UNSUPPORTED, "an output of rank %d", sh.rank);
    FAIL_IF(dtype_subbyte(t), err, SARD_UNSUPPORTED, "outputs of %s", sard_dtype_name(t));
    if (is_scan) TRY(axis_fix(list_at(&s->f, OUT_AXES, i - s->f.states), slice->rank + 1, &axis, err));
    if (batch) sh.dim[0] = s->batch;
    for (int k = batch, j = 0; k < sh.rank; k++) sh.dim[k] = is_scan && k == axis + batch ? s->steps : slice->dim[j++];
    FAIL_IF(shape_count(&sh) < 0, err, SARD_LIMIT, "output %u is too large", i);
    TRY(op_out(s->c, i, t, &sh, &s->y[i], err));
    if (batch && tensor_count(s->y[i])) memset(tensor_data(s->y[i]), 0, tensor_bytes(s->y[i]));
    return SARD_OK;
}

/* Body output v goes to its place in output i. */
static sard_status put_slice(scan *s, uint32_t i, const sard_value *v, int64_t b, int64_t at, sard_error *err) {
    shape sh, want;
    move_box box = {0};
    char have[200], first[200];
    FAIL_IF(!value_is_tensor(v), err, SARD_RUNTIME, "output %u of the body is no tensor", i);
    sh = shape_of(&v->t);
    if (!s->y[i]) TRY(make_output(s, i, (sard_dtype)v->t.dtype, &sh, err));
    const tensor *y = s->y[i];
    int axis = -1;
    if (i >= s->f.states) {
        TRY(axis_fix(list_at(&s->f, OUT_AXES, i - s->f.states), y->rank - s->f.batch, &axis, err));
        axis += s->f.batch;
    }
    const char *dst = slice_of(y, s->f.batch, b, axis, at, &want, box.dst);
    FAIL_IF(!shape_eq(&sh, &want) || v->t.dtype != y->dtype, err, SARD_RUNTIME,
            "output %u of the body changes from %s to %s", i, shape_text(&want, first, sizeof first),
            tensor_text(&v->t, have, sizeof have));
    box.rank = sh.rank;
    memcpy(box.dim, sh.dim, sizeof box.dim);
    memcpy(box.src, v->t.stride, sizeof box.src);
    if (!tensor_count(&v->t)) return SARD_OK;
    return move_copy(&box, element_size(y), tensor_data(&v->t), (char *)(uintptr_t)dst, op_par(s->c), err);
}

static sard_status steps_of(scan *s, int64_t b, int64_t steps, sard_error *err) {
    const form *f = &s->f;
    for (int64_t i = 0; i < steps; i++) {
        for (uint32_t k = 0; k < f->scans; k++) {
            const tensor *x = op_in(s->c, f->first + f->states + k);
            int axis;
            TRY(in_axis(f, k, x->rank, &axis, err));
            int64_t at = list_at(f, IN_DIRECTIONS, k) ? steps - 1 - i : i;
            TRY(take_slice(s, x, b, axis, at, &s->in[f->states + k], err));
        }
        TRY(op_body(s->c, 0, s->in, f->states + f->scans, s->out, f->states + f->outs, err));
        for (uint32_t k = 0; k < f->states; k++) {
            sard_value_unref(s->in[k]);
            s->in[k] = s->out[k], s->out[k] = NULL;
        }
        for (uint32_t k = f->states; k < f->states + f->outs; k++) {
            int64_t at = list_at(f, OUT_DIRECTIONS, k - f->states) ? steps - 1 - i : i;
            if (k < op_n_out(s->c)) TRY(put_slice(s, k, s->out[k], b, at, err));
            sard_value_unref(s->out[k]);
            s->out[k] = NULL;
        }
    }
    return SARD_OK;
}

/* Outputs no slice came to: of the shape the body would give, as far as that is known. */
static sard_status finish(scan *s, sard_error *err) {
    const graph *body = node_body(op_graph(s->c), op_node(s->c), 0);
    for (uint32_t i = s->f.batch ? 0 : s->f.states; i < op_n_out(s->c); i++) {
        if (s->y[i]) continue;
        const vtype *t = &body->values[body->outputs[i]].type;
        FAIL_IF(t->kind != SARD_KIND_TENSOR || !t->dtype, err, SARD_RUNTIME,
                "no iteration ran, and the type of output %u is not known", i);
        shape sh = {.rank = t->rank < 0 ? 0 : t->rank};
        for (int a = 0; a < sh.rank; a++) sh.dim[a] = dim_known(t->dim[a]) ? t->dim[a] : 0;
        TRY(make_output(s, i, (sard_dtype)t->dtype, &sh, err));
    }
    return SARD_OK;
}

static sard_status run_plain(scan *s, sard_error *err) {
    const form *f = &s->f;
    for (uint32_t k = 0; k < f->states; k++) TRY(op_own(s->c, k, &s->in[k], err));
    TRY(steps_of(s, 0, s->steps, err));
    for (uint32_t k = 0; k < f->states && k < op_n_out(s->c); k++) {
        sard_value *v = s->in[k];
        s->in[k] = NULL;
        TRY(op_give(s->c, k, v, err));
    }
    return finish(s, err);
}

static sard_status run_batch(scan *s, sard_error *err) {
    const form *f = &s->f;
    const tensor *lens = op_in(s->c, 0);
    FAIL_IF(lens && (lens->rank != 1 || lens->dim[0] != s->batch), err, SARD_INVALID_ARGUMENT,
            "sequence_lens must have %lld elements", (long long)s->batch);
    for (int64_t b = 0; b < s->batch; b++) {
        int64_t steps = lens ? TENSOR_AT(lens, int64_t)[b] : s->steps;
        FAIL_IF(steps < 0 || steps > s->steps, err, SARD_INVALID_ARGUMENT,
                "sequence_lens[%lld] is %lld; there are %lld steps", (long long)b, (long long)steps,
                (long long)s->steps);
        for (uint32_t k = 0; k < f->states; k++) {
            sard_value_unref(s->in[k]);
            s->in[k] = NULL;
            TRY(take_slice(s, op_in(s->c, f->first + k), b, -1, 0, &s->in[k], err));
        }
        TRY(steps_of(s, b, steps, err));
        for (uint32_t k = 0; k < f->states && k < op_n_out(s->c); k++) TRY(put_slice(s, k, s->in[k], b, 0, err));
    }
    return finish(s, err);
}

static sard_status start(scan *s, sard_error *err) {
    const form *f = &s->f;
    s->steps = s->batch = -1;
    for (uint32_t k = 0; k < f->states + f->scans; k++) {
        const tensor *x = op_in(s->c, f->first + k);
        int axis;
        FAIL_IF(!x, err, SARD_INVALID_ARGUMENT, "input %u is no tensor", f->first + k);
        if (k >= f->states) {
            TRY(in_axis(f, k - f->states, x->rank, &axis, err));
            FAIL_IF(s->steps >= 0 && s->steps != x->dim[axis], err, SARD_INVALID_ARGUMENT,
                    "scan input %u has a sequence of %lld, the ones before it %lld", k - f->states,
                    (long long)x->dim[axis], (long long)s->steps);
            s->steps = x->dim[axis];
        }
        if (!f->batch) continue;
        FAIL_IF(x->rank < 1 || (s->batch >= 0 && s->batch != x->dim[0]), err, SARD_INVALID_ARGUMENT,
                "input %u has a batch of %lld, the ones before it %lld", k, (long long)(x->rank ? x->dim[0] : 0),
                (long long)s->batch);
        s->batch = x->dim[0];
    }
    return f->batch ? run_batch(s, err) : run_plain(s, err);
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    scan s = {.c = c};
    TRY(read_form(op_graph(c), op_node(c), op_n_in(c), &s.f, err));
    uint32_t n_in = s.f.states + s.f.scans, n_out = s.f.states + s.f.outs;
    s.in = mem_calloc(n_in, sizeof *s.in);
    s.out = mem_calloc(n_out + 1, sizeof *s.out);
    s.y = mem_calloc(n_out + 1, sizeof *s.y);
    sard_status st = s.in && s.out && s.y ? start(&s, err) : err_nomem(err, (n_in + n_out) * sizeof *s.in);
    for (uint32_t i = 0; s.in && i < n_in; i++) sard_value_unref(s.in[i]);
    for (uint32_t i = 0; s.out && i < n_out; i++) sard_value_unref(s.out[i]);
    mem_free(s.in), mem_free(s.out), mem_free(s.y);
    return st;
}

const op_def op_scan = {
    .domain = "",
    .name = "Scan",
    .doc = "runs a body over slices of tensors",
    OP_SINCE(8, 9, 11, 16, 19, 21, 23, 24, 25),
    OP_ATTRS(scan_attrs),
    OP_IN(scan_in),
    OP_OUT(scan_out),
    .flags = OP_BODY,
    .upgrade = upgrade,
    .infer = infer,
    .run = run,
};

const op_def op_sard_scan = {
    .domain = "sard",
    .name = "Scan",
    .doc = "Scan of version 8: a batch axis, and a length for each of its elements",
    OP_SINCE(1),
    OP_ATTRS(scan_attrs),
    OP_IN(batch_in),
    OP_OUT(scan_out),
    .flags = OP_BODY | OP_INTERNAL,
    .infer = infer,
    .run = run,
};
