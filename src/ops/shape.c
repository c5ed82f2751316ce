/*
 * Shape, Size -- the dimensions, or the number of elements, of a tensor. They read no data, so with known (or
 * symbolic) dimensions their results are known before the run.
 *
 *   15: start and end (Shape)
 */
#include "ops/common.h"

enum { END, START };
static const attr_def shape_attrs[] = {ATTR_OPT("end", ATTR_INT), ATTR_I("start", 0)};
static const formal shape_in[] = {{.name = "data", .var = "T", .types = DT_ALL}};
static const formal shape_out[] = {{.name = "shape", .var = "T1", .types = DT(SARD_I64)}};

/* Slice rules: negative counts from the end, out of range is clamped. */
static int part(const attr *start, const attr *end, int rank, int *from) {
    int64_t s = start->i, e = end->type == ATTR_NONE ? rank : end->i;
    s = s < 0 ? s + rank : s, e = e < 0 ? e + rank : e;
    s = s < 0 ? 0 : s > rank ? rank : s, e = e < 0 ? 0 : e > rank ? rank : e;
    *from = (int)s;
    return e > s ? (int)(e - s) : 0;
}

static sard_status infer_shape(infer_ctx *c, sard_error *err) {
    (void)err;
    const vtype *x = c->in[0];
    int64_t n = DIM_UNKNOWN;
    int from = 0;
    if (x->rank >= 0) n = part(infer_attr(c, START), infer_attr(c, END), x->rank, &from);
    c->out[0] = type_tensor(SARD_I64, 1, &n);
    if (x->rank < 0) return SARD_OK;
    int64_t *v = infer_known_alloc(c, (uint32_t)n);
    if (!v) return SARD_OK;
    memcpy(v, x->dim + from, (size_t)n * sizeof *v);
    c->out_known[0] = (known){v, (uint32_t)n};
    return SARD_OK;
}

static sard_status run_shape(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0);
    int from;
    shape s = {.rank = 1};
    s.dim[0] = part(op_attr(c, START), op_attr(c, END), x->rank, &from);
    tensor *y;
    TRY(op_out(c, 0, SARD_I64, &s, &y, err));
    memcpy(tensor_data(y), x->dim + from, (size_t)s.dim[0] * sizeof(int64_t));
    return SARD_OK;
}

const op_def op_shape = {
    .domain = "",
    .name = "Shape",
    .doc = "the dimensions of a tensor",
    OP_SINCE(1, 13, 15, 19, 21, 23, 24, 25),
    OP_ATTRS(shape_attrs),
    OP_IN(shape_in),
    OP_OUT(shape_out),
    .flags = OP_SHAPE_ONLY | OP_STRIDED,
    .infer = infer_shape,
    .run = run_shape,
};

static sard_status infer_size(infer_ctx *c, sard_error *err) {
    (void)err;
    const vtype *x = c->in[0];
    c->out[0] = type_tensor(SARD_I64, 0, NULL);
    int64_t *v = x->rank < 0 ? NULL : infer_known_alloc(c, 1);
    if (!v) return SARD_OK;
    *v = 1;
    for (int i = 0; i < x->rank; i++) *v = dim_mul(c->mod, *v, x->dim[i]);
    c->out_known[0] = (known){v, 1};
    return SARD_OK;
}

static sard_status run_size(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    shape s = {0};
    tensor *y;
    TRY(op_out(c, 0, SARD_I64, &s, &y, err));
    *TENSOR_AT(y, int64_t) = tensor_count(op_in(c, 0));
    return SARD_OK;
}

const op_def op_size = {
    .domain = "",
    .name = "Size",
    .doc = "the number of elements of a tensor",
    OP_SINCE(1, 13, 19, 21, 23, 24, 25),
    OP_IN(shape_in),
    OP_OUT(shape_out),
    .flags = OP_SHAPE_ONLY | OP_STRIDED,
    .infer = infer_size,
    .run = run_size,
};
