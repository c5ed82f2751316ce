/*
 * activation.c -- activations with attributes, and those that are several instructions of a pointwise program.
 *
 * Inside a node values stay in f32 (f64 for doubles); only the last instruction rounds to the element type.
 */
#include "ops/common.h"

#define FLOATS(l)                                                                                                      \
    static const formal l##_in[] = {{.name = "X", .var = "T", .types = DT_FLOAT}};                                     \
    static const formal l##_out[] = {{.name = "Y", .var = "T", .types = DT_FLOAT}};
FLOATS(act)

static const formal relu_in[] = {{.name = "X", .var = "T", .types = DT_FLOAT | DT_INT_SIGNED}};
static const formal relu_out[] = {{.name = "Y", .var = "T", .types = DT_FLOAT | DT_INT_SIGNED}};
static const formal shrink_in[] = {
    {.name = "input", .var = "T", .types = DT_INT | DT(SARD_F16) | DT(SARD_F32) | DT(SARD_F64)}};
static const formal shrink_out[] = {
    {.name = "output", .var = "T", .types = DT_INT | DT(SARD_F16) | DT(SARD_F32) | DT(SARD_F64)}};

static const attr_def leaky_attrs[] = {ATTR_F("alpha", 0.01f)};
static const attr_def alpha_attrs[] = {ATTR_F("alpha", 1.0f)};
static const attr_def selu_attrs[] = {ATTR_F("alpha", 1.67326319217681884765625f),
                                      ATTR_F("gamma", 1.05070102214813232421875f)};
static const attr_def hard_attrs[] = {ATTR_F("alpha", 0.2f), ATTR_F("beta", 0.5f)};
static const attr_def gelu_attrs[] = {ATTR_S("approximate", "none")};
static const attr_def shrink_attrs[] = {ATTR_F("bias", 0.0f), ATTR_F("lambd", 0.5f)};

static sard_dtype type_of(const op_prep *p) { return (sard_dtype)p->out[0].dtype; }
static float attr_f(const op_prep *p, uint32_t i) { return prep_attr(p, i)->f; }

#define EMIT(name, expr)                                                                                               \
    static sard_status name(const op_prep *p, pw_builder *b, const pw_val *in, pw_val *out, sard_error *err) {         \
        (void)err;                                                                                                     \
        out[0] = expr;                                                                                                 \
        return SARD_OK;                                                                                                \
    }
EMIT(emit_relu, pw_relu(b, type_of(p), in[0]))
EMIT(emit_leaky, pw_leaky_relu(b, type_of(p), in[0], attr_f(p, 0)))
EMIT(emit_elu, pw_elu(b, type_of(p), in[0], attr_f(p, 0)))
EMIT(emit_selu, pw_selu(b, type_of(p), in[0], attr_f(p, 0), attr_f(p, 1)))
EMIT(emit_celu, pw_celu(b, type_of(p), in[0], attr_f(p, 0)))
EMIT(emit_thresholded, pw_thresholded_relu(b, type_of(p), in[0], attr_f(p, 0)))
EMIT(emit_hard_sigmoid, pw_hard_sigmoid(b, type_of(p), in[0], attr_f(p, 0), attr_f(p, 1)))
EMIT(emit_hard_swish, pw_hard_swish(b, type_of(p), in[0]))
EMIT(emit_softsign, pw_softsign(b, type_of(p), in[0]))
EMIT(emit_mish, pw_mish(b, type_of(p), in[0]))
EMIT(emit_swish, pw_swish(b, type_of(p), in[0], attr_f(p, 0)))
EMIT(emit_shrink, pw_shrink(b, type_of(p), in[0], attr_f(p, 1), attr_f(p, 0)))

static sard_status emit_gelu(const op_prep *p, pw_builder *b, const pw_val *in, pw_val *out, sard_error *err) {
    static const char *const words[] = {"none", "tanh"};
    int approximate;
    TRY(attr_word(prep_attr(p, 0), "approximate", words, 2, &approximate, err));
    out[0] = pw_gelu(b, type_of(p), in[0], approximate == 1);
    return SARD_OK;
}

#define ACTIVATION(nm, text, fn) .domain = "", .name = nm, .doc = text, .flags = OP_INPLACE0, .emit = fn
#define FLOAT_IN_OUT             OP_IN(act_in), OP_OUT(act_out)

/* clang-format off */
const op_def op_relu = {ACTIVATION("Relu", "max(0, x)", emit_relu), OP_SINCE(1, 6, 13, 14), OP_IN(relu_in), OP_OUT(relu_out)};
const op_def op_leakyrelu = {ACTIVATION("LeakyRelu", "x < 0 ? alpha x : x", emit_leaky), OP_SINCE(1, 6, 16), OP_ATTRS(leaky_attrs), FLOAT_IN_OUT};
const op_def op_elu = {ACTIVATION("Elu", "x < 0 ? alpha (e^x - 1) : x", emit_elu), OP_SINCE(1, 6, 22), OP_ATTRS(alpha_attrs), FLOAT_IN_OUT};
const op_def op_selu = {ACTIVATION("Selu", "gamma (x <= 0 ? alpha (e^x - 1) : x)", emit_selu), OP_SINCE(1, 6, 22), OP_ATTRS(selu_attrs), FLOAT_IN_OUT};
const op_def op_celu = {ACTIVATION("Celu", "max(0, x) + min(0, alpha (e^(x/alpha) - 1))", emit_celu), OP_SINCE(12, 28), OP_ATTRS(alpha_attrs), FLOAT_IN_OUT};
const op_def op_thresholdedrelu = {ACTIVATION("ThresholdedRelu", "x > alpha ? x : 0", emit_thresholded), OP_SINCE(10, 22), OP_ATTRS(alpha_attrs), FLOAT_IN_OUT};
const op_def op_hardsigmoid = {ACTIVATION("HardSigmoid", "max(0, min(1, alpha x + beta))", emit_hard_sigmoid), OP_SINCE(1, 6, 22), OP_ATTRS(hard_attrs), FLOAT_IN_OUT};
const op_def op_hardswish = {ACTIVATION("HardSwish", "x max(0, min(1, x/6 + 0.5))", emit_hard_swish), OP_SINCE(14, 22), FLOAT_IN_OUT};
const op_def op_softsign = {ACTIVATION("Softsign", "x / (1 + |x|)", emit_softsign), OP_SINCE(1, 22), FLOAT_IN_OUT};
const op_def op_mish = {ACTIVATION("Mish", "x tanh(log(1 + e^x))", emit_mish), OP_SINCE(18, 22), FLOAT_IN_OUT};
const op_def op_swish = {ACTIVATION("Swish", "x sigmoid(alpha x)", emit_swish), OP_SINCE(24), OP_ATTRS(alpha_attrs), FLOAT_IN_OUT};
const op_def op_gelu = {ACTIVATION("Gelu", "x times the normal distribution's integral", emit_gelu), OP_SINCE(20), OP_ATTRS(gelu_attrs), FLOAT_IN_OUT};
const op_def op_shrink = {ACTIVATION("Shrink", "x < -lambd ? x + bias : x > lambd ? x - bias : 0", emit_shrink), OP_SINCE(9), OP_ATTRS(shrink_attrs), OP_IN(shrink_in), OP_OUT(shrink_out)};
/* clang-format on */
