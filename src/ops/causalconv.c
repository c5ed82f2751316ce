/*
 * CausalConvWithState -- a depthwise convolution that looks back only, and the inputs the next step will look back at.
 *
 * Composed: the state before the input, Conv, an activation, and the end of it all as the new state.
 */
#include "ops/common.h"

enum { ACTIVATION };
enum { X, W, BIAS, PAST };
static const attr_def causal_attrs[] = {ATTR_S("activation", "none")};
static const formal causal_in[] = {
    {.name = "input", .var = "T", .types = DT_FLOAT},
    {.name = "weight", .var = "T", .types = DT_FLOAT, .flags = F_CONST},
    {.name = "bias", .var = "T", .types = DT_FLOAT, .flags = F_OPTIONAL | F_CONST},
    {.name = "past_state", .var = "T", .types = DT_FLOAT, .flags = F_OPTIONAL},
};
static const formal causal_out[] = {{.name = "output", .var = "T", .types = DT_FLOAT},
                                    {.name = "present_state", .var = "T", .types = DT_FLOAT, .flags = F_OPTIONAL}};

static sard_status activation(const attr *a, int *out, sard_error *err) {
    static const char *const words[] = {"none", "silu", "swish"};
    return attr_word(a, "activation", words, 3, out, err);
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[X], *w = c->in[W];
    int act;
    TRY(activation(infer_attr(c, ACTIVATION), &act, err));
    FAIL_IF((x->rank >= 0 && x->rank != 3) || (w->rank >= 0 && w->rank != 3), err, SARD_INVALID_ARGUMENT,
            "the input has rank %d and the weight %d; 3 is needed", x->rank, w->rank);
    c->out[0] = type_tensor((sard_dtype)x->dtype, 3, x->rank == 3 ? x->dim : NULL);
    if (c->n_out < 2) return SARD_OK;
    c->out[1] = c->out[0];
    c->out[1].dim[2] = w->rank == 3 ? dim_sub(c->mod, w->dim[2], 1) : DIM_UNKNOWN;
    return SARD_OK;
}

static sard_status lower(lower_ctx *c, sard_error *err) {
    builder *b = &c->b;
    const vtype *w = c->in[W];
    sard_dtype type = (sard_dtype)c->in[X]->dtype, t = pw_wide(type);
    int act;
    TRY(activation(&c->node->attrs[ACTIVATION], &act, err));
    FAIL_IF(w->rank != 3 || !dim_known(w->dim[0]) || !dim_known(w->dim[2]) || w->dim[2] < 1, err, SARD_UNSUPPORTED,
            "CausalConvWithState of a weight whose shape is not known");
    int64_t back = w->dim[2] - 1, from = -back, end = INT64_MAX, last = 2;
    value_id x = node_in(b->g, c->node, X), past = node_in(b->g, c->node, PAST), bias = node_in(b->g, c->node, BIAS);
    if (past != NO_ID) {
        const value_id both[] = {past, x};
        const attr_arg along[] = {ARG_I("axis", 2)};
        x = build_op(b, "Concat", both, 2, along, 1);
    } else {
        const value_id pad[] = {x, build_i64s(b, (int64_t[]){back, 0}, 2), NO_ID, build_i64s(b, &last, 1)};
        x = build_op(b, "Pad", pad, 4, NULL, 0);
    }
    const value_id in[] = {build_cast(b, x, t), build_cast(b, node_in(b->g, c->node, W), t),
                           bias == NO_ID ? NO_ID : build_cast(b, bias, t)};
    const attr_arg group[] = {ARG_I("group", w->dim[0])};
    value_id y = build_op(b, "Conv", in, bias == NO_ID ? 2 : 3, group, 1);
    if (act) y = build_2(b, "Mul", y, build_1(b, "Sigmoid", y));
    c->out[0] = build_cast(b, y, type);
    if (c->n_out > 1 && c->wanted[1]) {
        if (back == 0) from = end; /* nothing */
        const value_id cut[] = {x, build_i64s(b, &from, 1), build_i64s(b, &end, 1), build_i64s(b, &last, 1)};
        c->out[1] = build_op(b, "Slice", cut, 4, NULL, 0);
    }
    return builder_result(b);
}

const op_def op_causalconvwithstate = {
    .domain = "",
    .name = "CausalConvWithState",
    .doc = "a depthwise convolution that looks back, and its state",
    OP_SINCE(27),
    OP_ATTRS(causal_attrs),
    OP_IN(causal_in),
    OP_OUT(causal_out),
    .infer = infer,
    .lower = lower,
};
