/*
 * ArgMax, ArgMin -- where the largest or smallest element along an axis is.
 *
 *   12: select_last_index
 */
#include "kernels/reduce/reduce.h"
#include "ops/common.h"

enum { AXIS, KEEPDIMS, LAST };
static const attr_def arg_attrs[] = {ATTR_I("axis", 0), ATTR_I("keepdims", 1), ATTR_I("select_last_index", 0)};
static const formal arg_in[] = {{.name = "data", .var = "T", .types = DT_NUMBER}};
static const formal arg_out[] = {{.name = "reduced", .types = DT(SARD_I64)}};

static sard_status infer(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[0];
    bool keep = infer_attr(c, KEEPDIMS)->i != 0;
    c->out[0] = type_tensor(SARD_I64, -1, NULL);
    if (x->rank < 0) return SARD_OK;
    int axis, n = 0;
    int64_t dim[MAX_RANK];
    TRY(axis_fix(infer_attr(c, AXIS)->i, x->rank, &axis, err));
    for (int i = 0; i < x->rank; i++)
        if (i != axis || keep) dim[n++] = i == axis ? 1 : x->dim[i];
    c->out[0] = type_tensor(SARD_I64, n, dim);
    return SARD_OK;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0);
    bool keep = op_attr(c, KEEPDIMS)->i != 0;
    int axis;
    TRY(axis_fix(op_attr(c, AXIS)->i, x->rank, &axis, err));
    shape s = {0};
    for (int i = 0; i < x->rank; i++)
        if (i != axis || keep) s.dim[s.rank++] = i == axis ? 1 : x->dim[i];
    tensor *y;
    TRY(op_out(c, 0, SARD_I64, &s, &y, err));
    if (tensor_count(y) == 0) return SARD_OK;
    FAIL_IF(x->dim[axis] == 0, err, SARD_INVALID_ARGUMENT, "axis %d has no elements", axis);
    reduce_args a = {.type = (sard_dtype)x->dtype, .rank = x->rank, .in = tensor_data(x), .out = tensor_data(y)};
    memcpy(a.dim, x->dim, sizeof a.dim), memcpy(a.in_stride, x->stride, sizeof a.in_stride);
    for (int i = 0, k = 0; i < x->rank; i++) {
        a.out_stride[i] = i == axis ? 0 : y->stride[k];
        k += i != axis || keep;
    }
    return reduce_arg(&a, axis, op_node(c)->op->code != 0, op_attr(c, LAST)->i != 0, op_par(c), err);
}

#define ARG(nm, text, largest)                                                                                         \
    .domain = "", .name = nm, .doc = text, .code = largest, OP_SINCE(1, 11, 12, 13), OP_ATTRS(arg_attrs),              \
    OP_IN(arg_in), OP_OUT(arg_out), .infer = infer, .run = run, .flags = OP_STRIDED
const op_def op_argmax = {ARG("ArgMax", "index of the largest element along an axis", 1)};
const op_def op_argmin = {ARG("ArgMin", "index of the smallest element along an axis", 0)};
