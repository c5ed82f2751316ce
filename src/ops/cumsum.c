/*
 * CumSum, CumProd -- running sums and products along an axis.
 */
#include "kernels/reduce/reduce.h"
#include "ops/common.h"

enum { EXCLUSIVE, REVERSE };
#define TYPES (DT_FLOAT | DT(SARD_I32) | DT(SARD_I64) | DT(SARD_U32) | DT(SARD_U64))
static const attr_def cum_attrs[] = {ATTR_I("exclusive", 0), ATTR_I("reverse", 0)};
static const formal cum_in[] = {
    {.name = "x", .var = "T", .types = TYPES},
    {.name = "axis", .var = "T2", .types = DT(SARD_I32) | DT(SARD_I64)},
};
static const formal cum_out[] = {{.name = "y", .var = "T", .types = TYPES}};

static sard_status infer(infer_ctx *c, sard_error *err) {
    uint32_t n;
    const int64_t *v = infer_ints(c, 1, &n);
    int axis;
    if (v && n == 1 && c->in[0]->rank >= 0) TRY(axis_fix(v[0], c->in[0]->rank, &axis, err));
    return infer_same(c, err);
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0);
    int64_t v;
    int n, axis;
    TRY(read_ints(op_in(c, 1), "axis", &v, 1, &n, err));
    FAIL_IF(n != 1, err, SARD_INVALID_ARGUMENT, "axis is empty");
    TRY(axis_fix(v, x->rank, &axis, err));
    shape s = shape_of(x);
    tensor *y;
    TRY(op_out(c, 0, (sard_dtype)x->dtype, &s, &y, err));
    if (tensor_count(y) == 0) return SARD_OK;
    reduce_args a = {.op = (reduce_op)op_node(c)->op->code, .type = (sard_dtype)x->dtype, .rank = x->rank};
    memcpy(a.dim, x->dim, sizeof a.dim);
    memcpy(a.in_stride, x->stride, sizeof a.in_stride), memcpy(a.out_stride, y->stride, sizeof a.out_stride);
    a.in = tensor_data(x), a.out = tensor_data(y);
    return reduce_cumulative(&a, axis, op_attr(c, EXCLUSIVE)->i != 0, op_attr(c, REVERSE)->i != 0, op_par(c), err);
}

#define CUM(nm, text, o)                                                                                               \
    .domain = "", .name = nm, .doc = text, .code = o, OP_ATTRS(cum_attrs), OP_IN(cum_in), OP_OUT(cum_out),             \
    .infer = infer, .run = run, .flags = OP_STRIDED
const op_def op_cumsum = {CUM("CumSum", "running sum along an axis", REDUCE_SUM), OP_SINCE(11, 14)};
const op_def op_cumprod = {CUM("CumProd", "running product along an axis", REDUCE_PROD), OP_SINCE(26)};
