/*
 * quantize.c -- QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear: lowered to division, rounding and casts in f32,
 * which the grouping pass makes one program. Scales per tensor, per axis (made to stand along it) or per block (repeated).
 *
 *   13: axis    19: saturate (float8)    21: block_size, output_dtype    23: precision
 */
#include "ops/common.h"

enum { X, SCALE, ZERO };
enum { Q_AXIS, Q_BLOCK, Q_OUTPUT, Q_PRECISION, Q_SATURATE };
enum { D_AXIS, D_BLOCK, D_OUTPUT };
#define F8    (DT(SARD_F8E4M3FN) | DT(SARD_F8E4M3FNUZ) | DT(SARD_F8E5M2) | DT(SARD_F8E5M2FNUZ))
#define SMALL (DT_SUBBYTE | F8 | DT(SARD_I8) | DT(SARD_U8) | DT(SARD_I16) | DT(SARD_U16))
#define REAL  (DT(SARD_F32) | DT(SARD_F16) | DT(SARD_BF16))
static const attr_def quantize_attrs[] = {ATTR_I("axis", 1), ATTR_I("block_size", 0), ATTR_I("output_dtype", 0),
                                          ATTR_I("precision", 0), ATTR_I("saturate", 1)};
static const attr_def dequantize_attrs[] = {ATTR_I("axis", 1), ATTR_I("block_size", 0), ATTR_I("output_dtype", 0)};
static const formal quantize_in[] = {
    {.name = "x", .types = REAL | DT(SARD_I32)},
    {.name = "y_scale", .types = REAL | DT(SARD_F8E8M0) | DT(SARD_I32), .flags = F_CONST},
    {.name = "y_zero_point", .var = "T3", .types = SMALL, .flags = F_OPTIONAL | F_CONST},
};
static const formal quantize_out[] = {{.name = "y", .types = SMALL}};
static const formal dequantize_in[] = {
    {.name = "x", .var = "T1", .types = SMALL | DT(SARD_I32)},
    {.name = "x_scale", .types = REAL | DT(SARD_F8E8M0), .flags = F_CONST},
    {.name = "x_zero_point", .var = "T1", .types = SMALL | DT(SARD_I32), .flags = F_OPTIONAL | F_CONST},
};
static const formal dequantize_out[] = {{.name = "y", .types = REAL}};

/* ---- scales ----------------------------------------------------------------------------------------------------------- */

/* Checks the scale's shape; *axis is where it varies, -1: one number for all. */
static sard_status granularity(const vtype *x, const vtype *scale, int64_t axis_attr, int64_t block, int *axis,
                               sard_error *err) {
    *axis = -1;
    if (scale->rank == 0 || (scale->rank == 1 && scale->dim[0] == 1 && block == 0)) return SARD_OK;
    FAIL_IF(x->rank < 0 || scale->rank < 0, err, SARD_UNSUPPORTED,
            "scales per axis or block need inputs of known rank");
    if (x->rank == 0) return SARD_OK;
    TRY(axis_fix(axis_attr, x->rank, axis, err));
    FAIL_IF(block == 0 && scale->rank != 1, err, SARD_INVALID_ARGUMENT,
            "the scale has rank %d; without block_size it has rank 0 or 1", scale->rank);
    FAIL_IF(block < 0 || (block > 0 && scale->rank != x->rank), err, SARD_INVALID_ARGUMENT,
            "block_size %lld with a scale of rank %d for an input of rank %d", (long long)block, scale->rank, x->rank);
    int64_t same;
    if (block == 0)
        FAIL_IF(!dim_merge(scale->dim[0], x->dim[*axis], &same), err, SARD_INVALID_ARGUMENT,
                "the scale has %lld numbers, axis %d has %lld", (long long)scale->dim[0], *axis,
                (long long)x->dim[*axis]);
    return SARD_OK;
}

/* [C] -> [C, 1 ...] along the axis; blocks -> every number repeated block times, cut to the input's extent. */
static value_id spread(builder *b, value_id v, value_id x, int rank, int axis, int64_t block) {
    if (axis < 0) return v;
    int64_t n[MAX_RANK + 1];
    if (block == 0) {
        for (int i = 0; i < rank - axis; i++) n[i] = i ? 1 : -1;
        return build_reshape(b, v, n, (size_t)(rank - axis));
    }
    value_id old = build_1(b, "Shape", v);
    const value_id wide_in[2] = {v, build_i64s(b, (int64_t[]){axis + 1}, 1)};
    value_id wide = build_op(b, "Unsqueeze", wide_in, 2, NULL, 0);
    for (int i = 0; i <= rank; i++) n[i] = i == axis + 1 ? block : 1;
    wide = build_2(b, "Tile", wide, build_i64s(b, n, (size_t)rank + 1));
    for (int i = 0; i < rank; i++) n[i] = i == axis ? block : 1;
    wide = build_2(b, "Reshape", wide, build_2(b, "Mul", old, build_i64s(b, n, (size_t)rank)));
    value_id at = build_i64s(b, (int64_t[]){axis}, 1), end = build_i64s(b, (int64_t[]){axis + 1}, 1);
    value_id zero = build_i64s(b, (int64_t[]){0}, 1);
    const value_id extent[3] = {build_1(b, "Shape", x), at, end};
    const value_id cut[4] = {wide, zero, build_op(b, "Slice", extent, 3, NULL, 0), at};
    return build_op(b, "Slice", cut, 4, NULL, 0);
}

/* ---- QuantizeLinear ----------------------------------------------------------------------------------------------------- */

static sard_status quantized_type(const node *n, const vtype *zero, sard_dtype *out, sard_error *err) {
    int64_t t = n->attrs[Q_OUTPUT].i;
    if (zero && zero->dtype) {
        FAIL_IF(t && t != zero->dtype, err, SARD_INVALID_MODEL, "output_dtype is %lld, the zero point is %s",
                (long long)t, sard_dtype_name((sard_dtype)zero->dtype));
        t = zero->dtype;
    }
    if (t == 0) t = SARD_U8;
    FAIL_IF(t < 0 || t > 99 || !dtype_in((int)t, SMALL), err, SARD_INVALID_MODEL,
            "output_dtype %lld cannot be quantized to", (long long)t);
    *out = (sard_dtype)t;
    return SARD_OK;
}

static sard_status infer_quantize(infer_ctx *c, sard_error *err) {
    sard_dtype t;
    int axis;
    TRY(quantized_type(c->node, infer_has(c, ZERO) ? c->in[ZERO] : NULL, &t, err));
    if (c->in[X]->rank >= 0 && c->in[SCALE]->rank >= 0)
        TRY(granularity(c->in[X], c->in[SCALE], infer_attr(c, Q_AXIS)->i, infer_attr(c, Q_BLOCK)->i, &axis, err));
    TRY(infer_same(c, err));
    c->out[0].dtype = (uint8_t)t;
    return SARD_OK;
}

static sard_status lower_quantize(lower_ctx *c, sard_error *err) {
    builder *b = &c->b;
    const node *n = c->node;
    sard_dtype t;
    int axis;
    bool zero = c->n_in > ZERO && c->in[ZERO];
    int64_t block = n->attrs[Q_BLOCK].i;
    TRY(quantized_type(n, zero ? c->in[ZERO] : NULL, &t, err));
    TRY(granularity(c->in[X], c->in[SCALE], n->attrs[Q_AXIS].i, block, &axis, err));
    value_id x = node_in(b->g, n, X);
    value_id s = spread(b, build_cast(b, node_in(b->g, n, SCALE), SARD_F32), x, c->in[X]->rank, axis, block);
    value_id y = build_2(b, "Div", build_cast(b, x, SARD_F32), s);
    if (!dtype_in(t, F8 | DT(SARD_F4E2M1))) y = build_1(b, "Round", y);
    if (zero) {
        value_id z = build_cast(b, node_in(b->g, n, ZERO), SARD_F32);
        y = build_2(b, "Add", y, spread(b, z, x, c->in[X]->rank, axis, block));
    }
    if (dtype_in(t, DT(SARD_I4) | DT(SARD_U4) | DT(SARD_I2) | DT(SARD_U2))) { /* Cast would wrap these */
        int levels = 1 << dtype_bits(t), lowest = dtype_signed(t) ? -levels / 2 : 0;
        const value_id in[3] = {y, build_scalar(b, SARD_F32, lowest), build_scalar(b, SARD_F32, lowest + levels - 1)};
        y = build_op(b, "Clip", in, 3, NULL, 0);
    }
    const attr_arg args[] = {ARG_I("to", t), ARG_I("saturate", n->attrs[Q_SATURATE].i)};
    c->out[0] = build_op(b, "Cast", &y, 1, args, 2);
    return builder_result(b);
}

const op_def op_quantizelinear = {
    .domain = "",
    .name = "QuantizeLinear",
    .doc = "round(x / scale) + zero point, saturated",
    OP_SINCE(10, 13, 19, 21, 23, 24, 25, 28),
    OP_ATTRS(quantize_attrs),
    OP_IN(quantize_in),
    OP_OUT(quantize_out),
    .infer = infer_quantize,
    .lower = lower_quantize,
};

/* ---- DequantizeLinear ----------------------------------------------------------------------------------------------------- */

static sard_status infer_dequantize(infer_ctx *c, sard_error *err) {
    int64_t t = infer_attr(c, D_OUTPUT)->i;
    int axis;
    if (c->in[X]->rank >= 0 && c->in[SCALE]->rank >= 0)
        TRY(granularity(c->in[X], c->in[SCALE], infer_attr(c, D_AXIS)->i, infer_attr(c, D_BLOCK)->i, &axis, err));
    if (t == 0) t = dtype_in(c->in[SCALE]->dtype, REAL) ? c->in[SCALE]->dtype : SARD_F32;
    FAIL_IF(t < 0 || t > 99 || !dtype_in((int)t, REAL), err, SARD_INVALID_MODEL, "output_dtype %lld is no float type",
            (long long)t);
    TRY(infer_same(c, err));
    c->out[0].dtype = (uint8_t)t;
    return SARD_OK;
}

static sard_status lower_dequantize(lower_ctx *c, sard_error *err) {
    builder *b = &c->b;
    const node *n = c->node;
    int axis;
    int64_t block = n->attrs[D_BLOCK].i, t = n->attrs[D_OUTPUT].i;
    TRY(granularity(c->in[X], c->in[SCALE], n->attrs[D_AXIS].i, block, &axis, err));
    if (t == 0) t = dtype_in(c->in[SCALE]->dtype, REAL) ? c->in[SCALE]->dtype : SARD_F32;
    value_id x = node_in(b->g, n, X), y = x;
    if (c->n_in > ZERO && c->in[ZERO]) {
        value_id z = node_in(b->g, n, ZERO);
        bool wide = c->in[X]->dtype == SARD_I32; /* exact in integers; smaller types are exact in f32 */
        if (!wide) y = build_cast(b, y, SARD_F32), z = build_cast(b, z, SARD_F32);
        y = build_2(b, "Sub", y, spread(b, z, x, c->in[X]->rank, axis, block));
    }
    value_id s = spread(b, build_cast(b, node_in(b->g, n, SCALE), SARD_F32), x, c->in[X]->rank, axis, block);
    y = build_2(b, "Mul", build_cast(b, y, SARD_F32), s);
    c->out[0] = build_cast(b, y, (sard_dtype)t);
    return builder_result(b);
}

const op_def op_dequantizelinear = {
    .domain = "",
    .name = "DequantizeLinear",
    .doc = "(x - zero point) * scale",
    OP_SINCE(10, 13, 19, 21, 23, 24, 25, 28),
    OP_ATTRS(dequantize_attrs),
    OP_IN(dequantize_in),
    OP_OUT(dequantize_out),
    .infer = infer_dequantize,
    .lower = lower_dequantize,
};

/* ---- DynamicQuantizeLinear: scale and zero point of the data itself -------------------------------------------------------- */

static const formal dynamic_in[] = {{.name = "x", .types = DT(SARD_F32)}};
static const formal dynamic_out[] = {
    {.name = "y", .types = DT(SARD_U8)},
    {.name = "y_scale", .types = DT(SARD_F32)},
    {.name = "y_zero_point", .types = DT(SARD_U8)},
};

static sard_status infer_dynamic(infer_ctx *c, sard_error *err) {
    TRY(infer_same(c, err));
    c->out[0].dtype = SARD_U8;
    if (c->n_out > 1) c->out[1] = type_tensor(SARD_F32, 0, NULL);
    if (c->n_out > 2) c->out[2] = type_tensor(SARD_U8, 0, NULL);
    return SARD_OK;
}

static sard_status lower_dynamic(lower_ctx *c, sard_error *err) {
    (void)err;
    builder *b = &c->b;
    value_id x = node_in(b->g, c->node, X), zero = build_scalar(b, SARD_F32, 0), most = build_scalar(b, SARD_F32, 255);
    const attr_arg all[] = {ARG_I("keepdims", 0)};
    value_id hi = build_2(b, "Max", build_op(b, "ReduceMax", &x, 1, all, 1), zero);
    value_id lo = build_2(b, "Min", build_op(b, "ReduceMin", &x, 1, all, 1), zero);
    value_id scale = build_2(b, "Div", build_2(b, "Sub", hi, lo), most);
    value_id point = build_1(b, "Round", build_2(b, "Div", build_2(b, "Sub", zero, lo), scale));
    value_id z = build_cast(b, point, SARD_U8);
    value_id y = build_2(b, "Add", build_1(b, "Round", build_2(b, "Div", x, scale)), build_cast(b, z, SARD_F32));
    c->out[0] = build_cast(b, y, SARD_U8);
    if (c->n_out > 1) c->out[1] = scale;
    if (c->n_out > 2) c->out[2] = z;
    return builder_result(b);
}

const op_def op_dynamicquantizelinear = {
    .domain = "",
    .name = "DynamicQuantizeLinear",
    .doc = "8 bits with the data's own scale and zero point",
    OP_SINCE(11),
    OP_IN(dynamic_in),
    OP_OUT(dynamic_out),
    .infer = infer_dynamic,
    .lower = lower_dynamic,
};
