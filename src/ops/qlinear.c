/*
 * qlinear.c -- MatMulInteger, ConvInteger, QLinearMatMul, QLinearConv: products of 8-bit integers, exact in 32 bits.
 *
 * Zero points are taken off first (so padding is the zero point's value), then an exact product: of int32 matrices, or,
 * for images, of doubles, which hold every such sum exactly. Requantisation: the sum in f32 times one scale, rounded to
 * even, plus the zero point, saturated.
 */
#include "ops/common.h"
#include "ops/window.h"

#define I8       (DT(SARD_I8) | DT(SARD_U8))
#define F8       (DT(SARD_F8E4M3FN) | DT(SARD_F8E4M3FNUZ) | DT(SARD_F8E5M2) | DT(SARD_F8E5M2FNUZ))
#define TS       (DT(SARD_F32) | DT(SARD_F16) | DT(SARD_BF16))
#define OPTIONAL .flags = F_OPTIONAL

static value_id input(lower_ctx *c, uint32_t i) {
    return i < c->n_in && c->in[i] ? node_in(c->b.g, c->node, i) : NO_ID;
}

/* (x - zero) in type t. column: a vector of zero points stands along the rows of x. */
static value_id centred(lower_ctx *c, uint32_t x, uint32_t zero, sard_dtype t, bool column) {
    builder *b = &c->b;
    value_id v = build_cast(b, input(c, x), t), z = input(c, zero);
    if (z == NO_ID) return v;
    if (column && c->in[zero]->rank == 1) z = build_reshape(b, z, (int64_t[]){-1, 1}, 2);
    return build_2(b, "Sub", v, build_cast(b, z, t));
}

/* ---- products of matrices -------------------------------------------------------------------------------------------- */

static sard_status matmul_type(infer_ctx *c, uint32_t a, uint32_t b, sard_dtype t, sard_error *err) {
    const op_def *op = op_find(c->g->mod->ops, "", "MatMul");
    const vtype *in[2] = {c->in[a], c->in[b]};
    const known none[2] = {{0}, {0}};
    infer_ctx m = *c;
    m.in = in, m.in_known = none, m.n_in = 2, m.n_out = 1;
    FAIL_IF(!op, err, SARD_INTERNAL, "operator MatMul is missing");
    TRY(op->infer(&m, err));
    c->out[0].dtype = (uint8_t)t;
    return SARD_OK;
}

static const formal mm_in[] = {
    {.name = "A", .var = "T1", .types = I8},
    {.name = "B", .var = "T2", .types = I8, .flags = F_CONST},
    {.name = "a_zero_point", .var = "T1", .types = I8, OPTIONAL},
    {.name = "b_zero_point", .var = "T2", .types = I8, OPTIONAL},
};
static const formal int_out[] = {{.name = "Y", .types = DT(SARD_I32)}};

static sard_status infer_mm(infer_ctx *c, sard_error *err) { return matmul_type(c, 0, 1, SARD_I32, err); }

static sard_status lower_mm(lower_ctx *c, sard_error *err) {
    (void)err;
    c->out[0] = build_2(&c->b, "MatMul", centred(c, 0, 2, SARD_I32, true), centred(c, 1, 3, SARD_I32, false));
    return builder_result(&c->b);
}

const op_def op_matmulinteger = {
    .domain = "",
    .name = "MatMulInteger",
    .doc = "product of 8-bit matrices in 32 bits",
    OP_SINCE(10),
    OP_IN(mm_in),
    OP_OUT(int_out),
    .infer = infer_mm,
    .lower = lower_mm,
};

static const formal qmm_in[] = {
    {.name = "a", .var = "T1", .types = I8 | F8},
    {.name = "a_scale", .var = "TS", .types = TS},
    {.name = "a_zero_point", .var = "T1", .types = I8 | F8},
    {.name = "b", .var = "T2", .types = I8 | F8, .flags = F_CONST},
    {.name = "b_scale", .var = "TS", .types = TS},
    {.name = "b_zero_point", .var = "T2", .types = I8 | F8},
    {.name = "y_scale", .var = "TS", .types = TS},
    {.name = "y_zero_point", .var = "T3", .types = I8 | F8},
};
static const formal q_out[] = {{.name = "y", .var = "T3", .types = I8 | F8}};

static sard_status infer_qmm(infer_ctx *c, sard_error *err) {
    return matmul_type(c, 0, 3, (sard_dtype)c->in[7]->dtype, err);
}

/* round(sum * scale) + zero, saturated to zero's type. */
static value_id requantised(builder *b, value_id sum, value_id scale, value_id zero, sard_dtype t) {
    value_id y = build_2(b, "Mul", build_cast(b, sum, SARD_F32), scale);
    if (dtype_in(t, I8)) y = build_1(b, "Round", y);
    return build_cast(b, build_2(b, "Add", y, build_cast(b, zero, SARD_F32)), t);
}

static sard_status lower_qmm(lower_ctx *c, sard_error *err) {
    (void)err;
    builder *b = &c->b;
    sard_dtype t = dtype_in(c->in[0]->dtype, I8) && dtype_in(c->in[3]->dtype, I8) ? SARD_I32 : SARD_F32;
    value_id sum = build_2(b, "MatMul", centred(c, 0, 2, t, true), centred(c, 3, 5, t, false));
    value_id sa = build_cast(b, input(c, 1), SARD_F32), sb = build_cast(b, input(c, 4), SARD_F32);
    if (c->in[1]->rank == 1) sa = build_reshape(b, sa, (int64_t[]){-1, 1}, 2);
    value_id s = build_2(b, "Div", build_2(b, "Mul", sa, sb), build_cast(b, input(c, 6), SARD_F32));
    c->out[0] = requantised(b, sum, s, input(c, 7), (sard_dtype)c->in[7]->dtype);
    return builder_result(b);
}

const op_def op_qlinearmatmul = {
    .domain = "",
    .name = "QLinearMatMul",
    .doc = "product of quantized matrices",
    OP_SINCE(10, 21),
    OP_IN(qmm_in),
    OP_OUT(q_out),
    .infer = infer_qmm,
    .lower = lower_qmm,
};

/* ---- convolutions ------------------------------------------------------------------------------------------------------ */

enum { AUTO_PAD, DILATIONS, GROUP, KERNEL_SHAPE, PADS, STRIDES };
static const attr_def conv_attrs[] = {
    ATTR_S("auto_pad", "NOTSET"),        ATTR_OPT("dilations", ATTR_INTS), ATTR_I("group", 1),
    ATTR_OPT("kernel_shape", ATTR_INTS), ATTR_OPT("pads", ATTR_INTS),      ATTR_OPT("strides", ATTR_INTS),
};

/* Conv has the same attributes in the same order. */
static sard_status conv_type(infer_ctx *c, uint32_t x, uint32_t w, sard_dtype t, sard_error *err) {
    const op_def *op = op_find(c->g->mod->ops, "", "Conv");
    const vtype *in[2] = {c->in[x], c->in[w]};
    const known none[2] = {{0}, {0}};
    infer_ctx m = *c;
    m.in = in, m.in_known = none, m.n_in = 2, m.n_out = 1;
    FAIL_IF(!op, err, SARD_INTERNAL, "operator Conv is missing");
    TRY(op->infer(&m, err));
    c->out[0].dtype = (uint8_t)t;
    return SARD_OK;
}

/* The sums, as doubles: |sum| < 2^17 * k, exact below 2^53. w's zero points stand along its first axis. */
static value_id conv_sum(lower_ctx *c, uint32_t x, uint32_t xz, uint32_t w, uint32_t wz) {
    builder *b = &c->b;
    const attr *a = c->node->attrs;
    value_id weights = build_cast(b, input(c, w), SARD_F64), z = input(c, wz);
    if (z != NO_ID) {
        int64_t dims[MAX_RANK] = {-1};
        int rank = c->in[w]->rank > 0 ? c->in[w]->rank : 1;
        for (int i = 1; i < rank; i++) dims[i] = 1;
        z = build_cast(b, z, SARD_F64);
        if (c->in[wz]->rank == 1) z = build_reshape(b, z, dims, (size_t)rank);
        weights = build_2(b, "Sub", weights, z);
    }
    attr_arg args[6] = {{.name = "auto_pad", .type = ATTR_STRING, .s = a[AUTO_PAD].s.p}, ARG_I("group", a[GROUP].i)};
    static const char *const names[] = {"dilations", "kernel_shape", "pads", "strides"};
    static const int places[] = {DILATIONS, KERNEL_SHAPE, PADS, STRIDES};
    uint32_t n = 2;
    for (int i = 0; i < 4; i++)
        if (a[places[i]].type == ATTR_INTS)
            args[n++] =
                (attr_arg){.name = names[i], .type = ATTR_INTS, .ints = a[places[i]].ints.v, .n = a[places[i]].ints.n};
    const value_id in[2] = {centred(c, x, xz, SARD_F64, false), weights};
    return build_op(b, "Conv", in, 2, args, n);
}

static const formal conv_in[] = {
    {.name = "x", .var = "T1", .types = I8},
    {.name = "w", .var = "T2", .types = I8, .flags = F_CONST},
    {.name = "x_zero_point", .var = "T1", .types = I8, OPTIONAL},
    {.name = "w_zero_point", .var = "T2", .types = I8, OPTIONAL},
};

static sard_status infer_conv(infer_ctx *c, sard_error *err) { return conv_type(c, 0, 1, SARD_I32, err); }

static sard_status lower_conv(lower_ctx *c, sard_error *err) {
    (void)err;
    value_id sum = build_cast(&c->b, conv_sum(c, 0, 2, 1, 3), SARD_I64); /* then the low 32 bits: sums wrap */
    c->out[0] = build_cast(&c->b, sum, SARD_I32);
    return builder_result(&c->b);
}

const op_def op_convinteger = {
    .domain = "",
    .name = "ConvInteger",
    .doc = "convolution of 8-bit images in 32 bits",
    OP_SINCE(10),
    OP_ATTRS(conv_attrs),
    OP_IN(conv_in),
    OP_OUT(int_out),
    .infer = infer_conv,
    .lower = lower_conv,
};

static const formal qconv_in[] = {
    {.name = "x", .var = "T1", .types = I8},
    {.name = "x_scale", .types = DT(SARD_F32)},
    {.name = "x_zero_point", .var = "T1", .types = I8},
    {.name = "w", .var = "T2", .types = I8, .flags = F_CONST},
    {.name = "w_scale", .types = DT(SARD_F32)},
    {.name = "w_zero_point", .var = "T2", .types = I8},
    {.name = "y_scale", .types = DT(SARD_F32)},
    {.name = "y_zero_point", .var = "T3", .types = I8},
    {.name = "B", .types = DT(SARD_I32), OPTIONAL},
};

static sard_status infer_qconv(infer_ctx *c, sard_error *err) {
    return conv_type(c, 0, 3, (sard_dtype)c->in[7]->dtype, err);
}

/* A number per channel, so that it stands against [N, C, ...]. */
static value_id per_channel(builder *b, value_id v, const vtype *t, int rank) {
    int64_t dims[MAX_RANK] = {-1};
    for (int i = 1; i < rank - 1; i++) dims[i] = 1;
    return t->rank == 1 && rank > 2 ? build_reshape(b, v, dims, (size_t)rank - 1) : v;
}

static sard_status lower_qconv(lower_ctx *c, sard_error *err) {
    builder *b = &c->b;
    int rank = c->in[0]->rank;
    FAIL_IF(rank < 3, err, SARD_UNSUPPORTED, "QLinearConv of an image whose rank is not known");
    value_id sum = conv_sum(c, 0, 2, 3, 5), bias = input(c, 8);
    if (bias != NO_ID) sum = build_2(b, "Add", sum, per_channel(b, build_cast(b, bias, SARD_F64), c->in[8], rank));
    value_id s = build_2(b, "Div", build_2(b, "Mul", input(c, 1), input(c, 4)), input(c, 6));
    s = per_channel(b, s, c->in[4], rank);
    c->out[0] = requantised(b, sum, s, input(c, 7), (sard_dtype)c->in[7]->dtype);
    return builder_result(b);
}

const op_def op_qlinearconv = {
    .domain = "",
    .name = "QLinearConv",
    .doc = "convolution of quantized images",
    OP_SINCE(10),
    OP_ATTRS(conv_attrs),
    OP_IN(qconv_in),
    OP_OUT(q_out),
    .infer = infer_qconv,
    .lower = lower_qconv,
};
