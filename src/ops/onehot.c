/*
 * OneHot -- along a new axis of length depth: values[1] at the index, values[0] elsewhere. Negative indices count from
 * the end; others beyond it mean nothing.
 */
#include "kernels/move/move.h"
#include "ops/index.h"

enum { INDICES, DEPTH, VALUES };
enum { AXIS };
#define TYPES  (DT_NUMBER | DT_COMPLEX | DT_BOOL | DT_STRING)
#define NUMBER DT_NUMBER
static const attr_def onehot_attrs[] = {ATTR_I("axis", -1)};
static const formal onehot_in[] = {
    {.name = "indices", .var = "T1", .types = NUMBER},
    {.name = "depth", .var = "T2", .types = NUMBER, .flags = F_CONST},
    {.name = "values", .var = "T3", .types = TYPES},
};
static const formal onehot_out[] = {{.name = "output", .var = "T3", .types = TYPES}};

static sard_status check_depth(const tensor *t, int64_t *out, sard_error *err) {
    FAIL_IF(tensor_count(t) != 1, err, SARD_INVALID_ARGUMENT, "depth has %lld elements; 1 is needed",
            (long long)tensor_count(t));
    *out = tensor_get_i64(t, 0);
    FAIL_IF(*out < 0, err, SARD_INVALID_ARGUMENT, "depth is %lld", (long long)*out);
    return SARD_OK;
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[INDICES];
    c->out[0] = type_tensor((sard_dtype)c->in[VALUES]->dtype, -1, NULL);
    if (x->rank < 0) return SARD_OK;
    FAIL_IF(x->rank == MAX_RANK, err, SARD_UNSUPPORTED, "rank %d", x->rank + 1);
    int64_t dim[MAX_RANK], depth = DIM_UNKNOWN;
    int axis;
    TRY(axis_fix(infer_attr(c, AXIS)->i, x->rank + 1, &axis, err));
    if (c->in_const[DEPTH])
        TRY(check_depth(c->in_const[DEPTH], &depth, err));
    else if (c->in_known[DEPTH].v && c->in_known[DEPTH].n == 1)
        depth = c->in_known[DEPTH].v[0];
    for (int i = 0; i <= x->rank; i++) dim[i] = i < axis ? x->dim[i] : i == axis ? depth : x->dim[i - 1];
    c->out[0] = type_tensor((sard_dtype)c->in[VALUES]->dtype, x->rank + 1, dim);
    return SARD_OK;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, INDICES), *v = op_in(c, VALUES);
    int64_t depth;
    int axis;
    TRY(check_depth(op_in(c, DEPTH), &depth, err));
    FAIL_IF(tensor_count(v) != 2, err, SARD_INVALID_ARGUMENT, "values has %lld elements; 2 are needed",
            (long long)tensor_count(v));
    FAIL_IF(x->rank == MAX_RANK, err, SARD_UNSUPPORTED, "rank %d", x->rank + 1);
    TRY(axis_fix(op_attr(c, AXIS)->i, x->rank + 1, &axis, err));
    shape s = {.rank = x->rank + 1};
    for (int i = 0; i < s.rank; i++) s.dim[i] = i < axis ? x->dim[i] : i == axis ? depth : x->dim[i - 1];
    FAIL_IF(shape_count(&s) < 0, err, SARD_LIMIT, "the output is too large");
    tensor *y;
    TRY(op_out(c, 0, (sard_dtype)v->dtype, &s, &y, err));
    int64_t n = tensor_count(x), inner = dims_count(x->dim + axis, x->rank - axis);
    if (tensor_count(y) == 0) return SARD_OK;
    size_t size = element_size(v);
    move_box all = {.rank = 1, .dim = {tensor_count(y)}, .dst = {1}};
    move_fill(&all, size, tensor_data(v), tensor_data(y));
    for (int64_t i = 0; i < n; i++) {
        int64_t k = tensor_get_i64(x, i);
        if (k < 0) k += depth;
        if (k < 0 || k >= depth) continue;
        int64_t at = (i / inner * depth + k) * inner + i % inner;
        copy_element(TENSOR_AT(y, char) + (size_t)at * size, TENSOR_AT(v, char) + size, size);
    }
    return SARD_OK;
}

const op_def op_onehot = {
    .domain = "",
    .name = "OneHot",
    .doc = "one of two values by index along a new axis",
    OP_SINCE(9, 11, 28),
    OP_ATTRS(onehot_attrs),
    OP_IN(onehot_in),
    OP_OUT(onehot_out),
    .infer = infer,
    .run = run,
};
