/*
 * Compress -- the slices along an axis (without one: the elements) where a condition holds.
 */
#include "ops/index.h"

enum { AXIS };
#define TYPES (DT_NUMBER | DT_COMPLEX | DT_BOOL | DT_STRING)
static const attr_def compress_attrs[] = {ATTR_OPT("axis", ATTR_INT)};
static const formal compress_in[] = {{.name = "input", .var = "T", .types = TYPES},
                                     {.name = "condition", .var = "T1", .types = DT_BOOL}};
static const formal compress_out[] = {{.name = "output", .var = "T", .types = TYPES}};

static sard_status infer(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[0];
    const attr *a = infer_attr(c, AXIS);
    int64_t open = DIM_UNKNOWN;
    int axis;
    c->out[0] =
        type_tensor((sard_dtype)x->dtype, a->type == ATTR_NONE ? 1 : x->rank, a->type == ATTR_NONE ? &open : x->dim);
    if (a->type == ATTR_NONE || x->rank < 0) return SARD_OK;
    TRY(axis_fix(a->i, x->rank, &axis, err));
    c->out[0].dim[axis] = DIM_UNKNOWN;
    return SARD_OK;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0), *cond = op_in(c, 1);
    const uint8_t *keep = tensor_data(cond);
    const attr *a = op_attr(c, AXIS);
    shape s = {.rank = 1};
    int axis = 0;
    int64_t extent = tensor_count(x), outer = 1, n = tensor_count(cond), kept = 0;
    size_t slice = element_size(x);
    if (a->type != ATTR_NONE) {
        TRY(axis_fix(a->i, x->rank, &axis, err));
        s = shape_of(x), extent = x->dim[axis], outer = dims_count(x->dim, axis);
        slice *= (size_t)dims_count(x->dim + axis + 1, x->rank - axis - 1);
    }
    FAIL_IF(cond->rank != 1, err, SARD_INVALID_ARGUMENT, "condition has rank %d; 1 is needed", cond->rank);
    if (n > extent) n = extent; /* what lies beyond the axis says nothing */
    for (int64_t i = 0; i < n; i++) kept += keep[i] != 0;
    s.dim[axis] = kept;
    tensor *y;
    TRY(op_out(c, 0, (sard_dtype)x->dtype, &s, &y, err));
    char *to = tensor_data(y);
    for (int64_t o = 0; o < outer && slice; o++)
        for (int64_t i = 0; i < n; i++)
            if (keep[i]) memcpy(to, TENSOR_AT(x, char) + (size_t)(o * extent + i) * slice, slice), to += slice;
    return SARD_OK;
}

const op_def op_compress = {
    .domain = "",
    .name = "Compress",
    .doc = "slices where a condition holds",
    OP_SINCE(9, 11, 28),
    OP_ATTRS(compress_attrs),
    OP_IN(compress_in),
    OP_OUT(compress_out),
    .flags = OP_DATA_SHAPE,
    .infer = infer,
    .run = run,
};
