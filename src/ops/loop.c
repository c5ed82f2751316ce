/*
 * Loop -- runs its body up to M times while a condition holds; values are carried from one iteration to the next, and
 * each iteration may add a slice to scan outputs, which are stacked along a new first axis.
 *
 * Carried values own their memory: a body's outputs become the next iteration's inputs by reference. Scan outputs grow
 * by doubling.
 */
#include "ops/common.h"

enum { M, COND, INITIAL }; /* inputs */
#define TYPES (DT_NUMBER | DT_FLOAT8 | DT_SUBBYTE | DT_COMPLEX | DT_BOOL | DT_STRING | DT_FLOAT6)
static const attr_def loop_attrs[] = {ATTR_REQ("body", ATTR_GRAPH)};
static const formal loop_in[] = {
    {.name = "M", .types = DT(SARD_I64), .flags = F_OPTIONAL},
    {.name = "cond", .types = DT_BOOL, .flags = F_OPTIONAL},
    {.name = "v_initial", .types = TYPES, .flags = F_VARIADIC | F_OPTIONAL | F_MIXED, .kinds = K_ANY},
};
static const formal loop_out[] = {
    {.name = "v_final_and_scan_outputs", .types = TYPES, .flags = F_VARIADIC | F_MIXED | F_OPTIONAL, .kinds = K_ANY},
};

/* ---- types --------------------------------------------------------------------------------------------------------- */

/* [slices, ...] of a tensor [...] */
static vtype stacked(const vtype *t) {
    int64_t dim[MAX_RANK] = {DIM_UNKNOWN};
    if (t->kind != SARD_KIND_TENSOR || t->rank < 0 || t->rank >= MAX_RANK)
        return type_tensor((sard_dtype)t->dtype, -1, NULL);
    for (int i = 0; i < t->rank; i++) dim[i + 1] = t->dim[i];
    return type_tensor((sard_dtype)t->dtype, t->rank + 1, dim);
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    const graph *body = node_body(c->g, c->node, 0);
    uint32_t carried = c->n_in > INITIAL ? c->n_in - INITIAL : 0, n_body = body->n_outputs;
    FAIL_IF(body->n_inputs != carried + 2, err, SARD_INVALID_MODEL,
            "the body has %u inputs; %u carried values want %u (iteration, condition, values)", body->n_inputs, carried,
            carried + 2);
    FAIL_IF(n_body < carried + 1, err, SARD_INVALID_MODEL, "the body has %u outputs; at least %u are needed", n_body,
            carried + 1);
    FAIL_IF(c->n_out > n_body - 1, err, SARD_INVALID_MODEL, "the node has %u outputs, the body gives %u", c->n_out,
            n_body - 1);
    vtype *in = arena_calloc(c->mem, carried + 2, sizeof *in), *out = arena_calloc(c->mem, n_body, sizeof *out);
    if (!in || !out) return err_nomem(err, (carried + n_body) * sizeof *in);
    in[0] = type_tensor(SARD_I64, 0, NULL), in[1] = type_tensor(SARD_BOOL, 0, NULL);
    for (uint32_t i = 0; i < carried; i++) in[i + 2] = c->in[INITIAL + i] ? *c->in[INITIAL + i] : type_unknown();
    for (bool again = true; again;) { /* shapes only get weaker, so this ends */
        again = false;
        TRY(c->body(c, 0, in, carried + 2, out, n_body, err));
        for (uint32_t i = 0; i < carried; i++) again |= type_weaken(&in[i + 2], &out[i + 1]);
    }
    for (uint32_t i = 0; i < c->n_out; i++) {
        if (i < carried) {
            /* an optional that the body unwraps is what the body makes of it */
            bool unlike = out[i + 1].kind && out[i + 1].kind != in[i + 2].kind;
            c->out[i] = unlike ? out[i + 1] : in[i + 2];
            if (!c->out[i].dtype) c->out[i].dtype = out[i + 1].dtype;
        } else {
            c->out[i] = stacked(&out[i + 1]);
        }
    }
    return SARD_OK;
}

/* ---- running ------------------------------------------------------------------------------------------------------- */

typedef struct stack { /* a scan output under way */
    sard_value *v;     /* [capacity, ...]; NULL before the first slice */
    int64_t n;
} stack;

static sard_status push(op_ctx *c, stack *k, const sard_value *slice, sard_error *err) {
    FAIL_IF(!value_is_tensor(slice), err, SARD_RUNTIME, "a scan output is no tensor");
    const tensor *t = &slice->t;
    FAIL_IF(dtype_subbyte(t->dtype), err, SARD_UNSUPPORTED, "scan outputs of %s",
            sard_dtype_name((sard_dtype)t->dtype));
    size_t bytes = tensor_bytes(t);
    if (k->v) {
        FAIL_IF(k->v->t.dtype != t->dtype || k->v->t.rank != t->rank + 1 ||
                    memcmp(k->v->t.dim + 1, t->dim, t->rank * sizeof *t->dim) != 0,
                err, SARD_RUNTIME, "a scan output changes its shape in iteration %lld", (long long)k->n);
    }
    if (!k->v || k->n == k->v->t.dim[0]) {
        FAIL_IF(t->rank == MAX_RANK, err, SARD_UNSUPPORTED, "a scan output of rank %d", MAX_RANK + 1);
        shape s = {.rank = t->rank + 1, .dim = {k->n ? 2 * k->n : 4}};
        memcpy(s.dim + 1, t->dim, t->rank * sizeof *t->dim);
        sard_value *larger;
        TRY(op_new_tensor(c, (sard_dtype)t->dtype, &s, &larger, err));
        if (k->v) memcpy(tensor_data(&larger->t), tensor_data(&k->v->t), (size_t)k->n * bytes);
        sard_value_unref(k->v);
        k->v = larger;
    }
    memcpy(TENSOR_AT(&k->v->t, char) + (size_t)k->n * bytes, tensor_data(t), bytes);
    k->n++;
    return SARD_OK;
}

/* Scan output i: what was stacked, or nothing of the shape the body would give. */
static sard_status finish(op_ctx *c, uint32_t i, const stack *k, sard_error *err) {
    tensor *y;
    shape s = {0};
    if (!k->v) {
        const graph *body = node_body(op_graph(c), op_node(c), 0);
        const vtype *t = &body->values[body->outputs[i + 1]].type;
        FAIL_IF(t->kind != SARD_KIND_TENSOR || !t->dtype, err, SARD_RUNTIME,
                "no iteration ran, and the type of scan output %u is not known", i);
        s.rank = t->rank < 0 ? 1 : t->rank + 1;
        for (int a = 1; a < s.rank; a++) s.dim[a] = dim_known(t->dim[a - 1]) ? t->dim[a - 1] : 0;
        return op_out(c, i, (sard_dtype)t->dtype, &s, &y, err);
    }
    s = shape_of(&k->v->t);
    s.dim[0] = k->n;
    TRY(op_out(c, i, (sard_dtype)k->v->t.dtype, &s, &y, err));
    memcpy(tensor_data(y), tensor_data(&k->v->t), tensor_bytes(y));
    return SARD_OK;
}

typedef struct loop {
    op_ctx *c;
    uint32_t carried, n_body; /* carried values; outputs of the body */
    sard_value **in, **out;   /* of the body: carried + 2, n_body */
    stack *scan;
    int64_t trips; /* -1: no limit */
} loop;

static sard_status scalar_in(op_ctx *c, sard_dtype t, int64_t v, sard_value **out, sard_error *err) {
    shape s = {0};
    TRY(op_new_tensor(c, t, &s, out, err));
    if (t == SARD_I64)
        *TENSOR_AT(&(*out)->t, int64_t) = v;
    else
        *TENSOR_AT(&(*out)->t, uint8_t) = v != 0;
    return SARD_OK;
}

static sard_status read_cond(const sard_value *v, bool *out, sard_error *err) {
    FAIL_IF(!value_is_tensor(v) || v->t.dtype != SARD_BOOL || tensor_count(&v->t) != 1, err, SARD_RUNTIME,
            "the body's condition is no single bool");
    *out = *TENSOR_AT(&v->t, uint8_t) != 0;
    return SARD_OK;
}

/* Where the body takes an optional and the iteration before it has unwrapped it, it is wrapped again. */
static sard_status wrap_optionals(loop *l, sard_error *err) {
    const graph *body = node_body(op_graph(l->c), op_node(l->c), 0);
    for (uint32_t k = 0; k < l->carried; k++) {
        sard_value **v = &l->in[k + 2];
        if (body->values[body->inputs[k + 2]].type.kind != SARD_KIND_OPTIONAL || (*v)->kind == SARD_KIND_OPTIONAL)
            continue;
        sard_value *item = *v;
        *v = NULL;
        TRY(value_optional(item, (sard_dtype)(value_is_tensor(item) ? item->t.dtype : item->dtype), v, err));
    }
    return SARD_OK;
}

static sard_status iterate(loop *l, bool go, sard_error *err) {
    for (int64_t i = 0; go && (l->trips < 0 || i < l->trips); i++) {
        sard_value_unref(l->in[0]), l->in[0] = NULL;
        sard_value_unref(l->in[1]), l->in[1] = NULL;
        TRY(scalar_in(l->c, SARD_I64, i, &l->in[0], err));
        TRY(scalar_in(l->c, SARD_BOOL, 1, &l->in[1], err));
        TRY(wrap_optionals(l, err));
        TRY(op_body(l->c, 0, l->in, l->carried + 2, l->out, l->n_body, err));
        TRY(read_cond(l->out[0], &go, err));
        for (uint32_t k = 0; k < l->carried; k++) {
            sard_value_unref(l->in[k + 2]);
            l->in[k + 2] = l->out[k + 1], l->out[k + 1] = NULL;
        }
        for (uint32_t k = l->carried + 1; k < l->n_body; k++) TRY(push(l->c, &l->scan[k], l->out[k], err));
        for (uint32_t k = 0; k < l->n_body; k++) sard_value_unref(l->out[k]), l->out[k] = NULL;
    }
    for (uint32_t k = 0; k < l->carried && k < op_n_out(l->c); k++) {
        sard_value *v = l->in[k + 2];
        l->in[k + 2] = NULL;
        TRY(op_give(l->c, k, v, err));
    }
    for (uint32_t k = l->carried; k < op_n_out(l->c); k++) TRY(finish(l->c, k, &l->scan[k + 1], err));
    return SARD_OK;
}

static sard_status start(loop *l, sard_error *err) {
    const tensor *m = op_in(l->c, M), *cond = op_in(l->c, COND);
    bool go = true;
    FAIL_IF(m && tensor_count(m) != 1, err, SARD_INVALID_ARGUMENT, "M has %lld elements; 1 is needed",
            (long long)tensor_count(m));
    FAIL_IF(cond && tensor_count(cond) != 1, err, SARD_INVALID_ARGUMENT, "cond has %lld elements; 1 is needed",
            (long long)tensor_count(cond));
    l->trips = m ? *TENSOR_AT(m, int64_t) : -1;
    if (m && l->trips < 0) l->trips = 0;
    if (cond) go = *TENSOR_AT(cond, uint8_t) != 0;
    for (uint32_t i = 0; i < l->carried; i++) TRY(op_own(l->c, INITIAL + i, &l->in[i + 2], err));
    return iterate(l, go, err);
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const graph *body = node_body(op_graph(c), op_node(c), 0);
    loop l = {.c = c, .n_body = body->n_outputs, .carried = body->n_inputs - 2};
    l.in = mem_calloc(l.carried + 2, sizeof *l.in);
    l.out = mem_calloc(l.n_body, sizeof *l.out);
    l.scan = mem_calloc(l.n_body, sizeof *l.scan);
    sard_status s = l.in && l.out && l.scan ? start(&l, err) : err_nomem(err, l.n_body * sizeof *l.scan);
    for (uint32_t i = 0; l.in && i < l.carried + 2; i++) sard_value_unref(l.in[i]);
    for (uint32_t i = 0; l.out && i < l.n_body; i++) sard_value_unref(l.out[i]);
    for (uint32_t i = 0; l.scan && i < l.n_body; i++) sard_value_unref(l.scan[i].v);
    mem_free(l.in), mem_free(l.out), mem_free(l.scan);
    return s;
}

const op_def op_loop = {
    .domain = "",
    .name = "Loop",
    .doc = "runs a body while a condition holds",
    OP_SINCE(1, 11, 13, 16, 19, 21, 23, 24, 25),
    OP_ATTRS(loop_attrs),
    OP_IN(loop_in),
    OP_OUT(loop_out),
    .flags = OP_BODY,
    .infer = infer,
    .run = run,
};
