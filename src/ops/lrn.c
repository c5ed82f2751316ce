/*
 * LRN -- x / (bias + alpha * mean of squares over `size` neighbouring channels)^beta; what lies outside counts as 0.
 * MeanVarianceNormalization -- (x - mean) / (standard deviation + 1e-9) over axes.
 *
 * Both are composed: LRN's mean is an average pooling along the channels.
 */
#include "ops/common.h"

enum { ALPHA, BETA, BIAS, SIZE };
static const attr_def lrn_attrs[] = {ATTR_F("alpha", 0.0001f), ATTR_F("beta", 0.75f), ATTR_F("bias", 1.0f),
                                     ATTR_REQ("size", ATTR_INT)};
static const formal lrn_in[] = {{.name = "X", .var = "T", .types = DT_FLOAT}};
static const formal lrn_out[] = {{.name = "Y", .var = "T", .types = DT_FLOAT}};

static sard_status infer_lrn(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[0];
    int64_t size = infer_attr(c, SIZE)->i;
    FAIL_IF(size < 1 || size > INT32_MAX, err, SARD_INVALID_MODEL, "attribute 'size' is %lld", (long long)size);
    FAIL_IF(x->rank >= 0 && x->rank < 2, err, SARD_INVALID_ARGUMENT, "X has rank %d; channels are its axis 1", x->rank);
    return infer_same(c, err);
}

static sard_status lower_lrn(lower_ctx *c, sard_error *err) {
    (void)err;
    builder *b = &c->b;
    const attr *a = c->node->attrs;
    sard_dtype type = (sard_dtype)c->in[0]->dtype, t = pw_wide(type);
    int64_t size = a[SIZE].i, before = (size - 1) / 2;
    value_id x = build_cast(b, node_in(b->g, c->node, 0), t);
    value_id square = build_reshape(b, build_2(b, "Mul", x, x), (int64_t[]){0, 0, -1}, 3);
    value_id axis[2] = {square, build_i64s(b, (int64_t[]){1}, 1)};
    value_id image = build_op(b, "Unsqueeze", axis, 2, NULL, 0); /* [N, 1, C, pixels] */
    const int64_t kernel[] = {size, 1}, pads[] = {before, 0, size - 1 - before, 0};
    const attr_arg pool[] = {ARG_INTS("kernel_shape", kernel, 2), ARG_INTS("pads", pads, 4),
                             ARG_I("count_include_pad", 1)};
    value_id mean = build_op(b, "AveragePool", &image, 1, pool, 3);
    value_id back[2] = {mean, build_1(b, "Shape", x)};
    mean = build_op(b, "Reshape", back, 2, NULL, 0);
    value_id base = build_2(b, "Add", build_scalar(b, t, (double)a[BIAS].f),
                            build_2(b, "Mul", mean, build_scalar(b, t, (double)a[ALPHA].f)));
    value_id y = build_2(b, "Div", x, build_2(b, "Pow", base, build_scalar(b, t, (double)a[BETA].f)));
    c->out[0] = build_cast(b, y, type);
    return builder_result(b);
}

const op_def op_lrn = {
    .domain = "",
    .name = "LRN",
    .doc = "local response normalisation across channels",
    OP_SINCE(1, 13),
    OP_ATTRS(lrn_attrs),
    OP_IN(lrn_in),
    OP_OUT(lrn_out),
    .infer = infer_lrn,
    .lower = lower_lrn,
};

enum { AXES };
static const attr_def mvn_attrs[] = {ATTR_OPT("axes", ATTR_INTS)};

static sard_status lower_mvn(lower_ctx *c, sard_error *err) {
    (void)err;
    builder *b = &c->b;
    const attr *a = &c->node->attrs[AXES];
    const int64_t usual[] = {0, 2, 3};
    bool given = a->type != ATTR_NONE;
    sard_dtype type = (sard_dtype)c->in[0]->dtype, t = pw_wide(type);
    value_id x = build_cast(b, node_in(b->g, c->node, 0), t);
    value_id axes = build_i64s(b, given ? a->ints.v : usual, given ? a->ints.n : 3), in[2] = {x, axes};
    value_id off = build_2(b, "Sub", x, build_op(b, "ReduceMean", in, 2, NULL, 0));
    in[0] = build_2(b, "Mul", off, off);
    value_id deviation = build_1(b, "Sqrt", build_op(b, "ReduceMean", in, 2, NULL, 0));
    value_id y = build_2(b, "Div", off, build_2(b, "Add", deviation, build_scalar(b, t, 1e-9)));
    c->out[0] = build_cast(b, y, type);
    return builder_result(b);
}

const op_def op_meanvariancenormalization = {
    .domain = "",
    .name = "MeanVarianceNormalization",
    .doc = "mean 0 and variance 1 over axes",
    OP_SINCE(9, 13),
    OP_ATTRS(mvn_attrs),
    OP_IN(lrn_in),
    OP_OUT(lrn_out),
    .infer = infer_same,
    .lower = lower_mvn,
};
