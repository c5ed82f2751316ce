/*
 * Softmax, LogSoftmax, Hardmax -- along one axis.
 *
 *   13: the axis alone (before: the input seen as a matrix cut at the axis, which was 1 by default)
 * An older node is rewritten: Flatten at the axis, the operator along the last axis, Reshape back.
 */
#include "kernels/softmax/softmax.h"
#include "kernels/reduce/reduce.h"
#include "ops/common.h"

enum { AXIS };
enum { SOFT, LOG, HARD }; /* op->code */
static const attr_def softmax_attrs[] = {ATTR_I("axis", -1)};
static const formal softmax_in[] = {{.name = "input", .var = "T", .types = DT_FLOAT}};
static const formal softmax_out[] = {{.name = "output", .var = "T", .types = DT_FLOAT}};

static sard_status upgrade(draft *d, int since, sard_error *err) {
    (void)err;
    if (since >= 13) return SARD_OK;
    int64_t axis = draft_int(d, "axis", 1);
    const vtype *x = draft_in_type(d, 0);
    if (x->rank > 0 && (axis == x->rank - 1 || axis == -1)) return draft_set_int(d, "axis", -1);
    const attr_arg cut[] = {ARG_I("axis", axis)}, last[] = {ARG_I("axis", -1)};
    value_id flat = build_op(&d->b, "Flatten", d->in, 1, cut, 1);
    value_id y = build_op(&d->b, d->op->name, &flat, 1, last, 1);
    const value_id back[2] = {y, build_1(&d->b, "Shape", d->in[0])};
    TRY(build_node(&d->b, "Reshape", back, 2, d->out, 1, NULL, 0));
    draft_done(d);
    return builder_result(&d->b);
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    int axis;
    if (c->in[0]->rank > 0) TRY(axis_fix(infer_attr(c, AXIS)->i, c->in[0]->rank, &axis, err));
    return infer_same(c, err);
}

/* 1 at the first largest element, 0 elsewhere: by way of its index. */
static sard_status hardmax(op_ctx *c, const tensor *x, tensor *y, int axis, sard_error *err) {
    int64_t n = tensor_count(x), extent = x->dim[axis], inner = dims_count(x->dim + axis + 1, x->rank - axis - 1);
    void *mem;
    size_t size = (size_t)dtype_bits(x->dtype) / 8;
    memset(tensor_data(y), 0, (size_t)n * size);
    if (n == 0) return SARD_OK;
    TRY(op_scratch(c, (size_t)(n / extent) * sizeof(int64_t), &mem, err));
    reduce_args a = {.type = (sard_dtype)x->dtype, .rank = x->rank, .in = tensor_data(x), .out = mem};
    memcpy(a.dim, x->dim, sizeof a.dim), memcpy(a.in_stride, x->stride, sizeof a.in_stride);
    int64_t s = 1;
    for (int i = x->rank - 1; i >= 0; i--) {
        a.out_stride[i] = i == axis ? 0 : s;
        if (i != axis) s *= x->dim[i];
    }
    TRY(reduce_arg(&a, axis, true, false, op_par(c), err));
    const int64_t *best = mem;
    for (int64_t i = 0; i < n / extent; i++)
        tensor_set_f64(y, i / inner * extent * inner + best[i] * inner + i % inner, 1);
    return SARD_OK;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0);
    int code = op_node(c)->op->code, axis = 0;
    shape s = shape_of(x);
    tensor *y;
    if (x->rank > 0) TRY(axis_fix(op_attr(c, AXIS)->i, x->rank, &axis, err));
    TRY(op_out(c, 0, (sard_dtype)x->dtype, &s, &y, err));
    softmax_args a = {.type = (sard_dtype)x->dtype, .log = code == LOG, .rank = x->rank, .axis = axis};
    memcpy(a.dim, x->dim, sizeof a.dim);
    memcpy(a.in_stride, x->stride, sizeof a.in_stride), memcpy(a.out_stride, y->stride, sizeof a.out_stride);
    if (x->rank == 0) a.rank = 1, a.dim[0] = a.in_stride[0] = a.out_stride[0] = 1;
    a.in = tensor_data(x), a.out = tensor_data(y);
    if (code == HARD && x->rank == 0) {
        tensor_set_f64(y, 0, 1);
        return SARD_OK;
    }
    return code == HARD ? hardmax(c, x, y, axis, err) : softmax_run(&a, op_par(c), err);
}

static double flops(const op_prep *p, const vtype *in, const vtype *out) {
    (void)p, (void)out;
    double n = 5; /* maximum, difference, exponential, sum, factor */
    for (int i = 0; i < in[0].rank; i++) n *= (double)in[0].dim[i];
    return n;
}

#define SOFTMAX(nm, text, kind, extra)                                                                                 \
    .domain = "", .name = nm, .doc = text, .code = kind, OP_SINCE(1, 11, 13), OP_ATTRS(softmax_attrs),                 \
    OP_IN(softmax_in), OP_OUT(softmax_out), .upgrade = upgrade, .infer = infer, .run = run, .flops = flops,            \
    .flags = extra

const op_def op_softmax = {SOFTMAX("Softmax", "e^x / sum e^x along an axis", SOFT, OP_INPLACE0 | OP_STRIDED | OP_LAST)};
const op_def op_logsoftmax = {
    SOFTMAX("LogSoftmax", "log softmax along an axis", LOG, OP_INPLACE0 | OP_STRIDED | OP_LAST)};
const op_def op_hardmax = {SOFTMAX("Hardmax", "1 at the largest element along an axis", HARD, 0)};
