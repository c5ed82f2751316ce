/*
 * unary.c -- operators of one input that are one instruction of a pointwise program: Abs, Exp, Not ...
 *
 * Versions only widened the types (and dropped consumed_inputs at 6, which import ignores).
 */
#include "ops/common.h"

static const formal number_in[] = {{.name = "X", .var = "T", .types = DT_NUMBER}};
static const formal number_out[] = {{.name = "Y", .var = "T", .types = DT_NUMBER}};
static const formal signed_in[] = {{.name = "X", .var = "T", .types = DT_FLOAT | DT_INT_SIGNED}};
static const formal signed_out[] = {{.name = "Y", .var = "T", .types = DT_FLOAT | DT_INT_SIGNED}};
static const formal float_in[] = {{.name = "X", .var = "T", .types = DT_FLOAT}};
static const formal float_out[] = {{.name = "Y", .var = "T", .types = DT_FLOAT}};
static const formal bool_in[] = {{.name = "X", .var = "T", .types = DT_BOOL}};
static const formal bool_out[] = {{.name = "Y", .var = "T", .types = DT_BOOL}};
static const formal int_in[] = {{.name = "X", .var = "T", .types = DT_INT}};
static const formal int_out[] = {{.name = "Y", .var = "T", .types = DT_INT}};

#define UNARY(nm, pw, text, t)                                                                                         \
    .name = nm, .doc = text, .code = PW_##pw, OP_IN(t##_in), OP_OUT(t##_out), .flags = OP_INPLACE0, .domain = "",      \
    .emit = emit_code1

/* clang-format off */
const op_def op_abs = {UNARY("Abs", ABS, "|x|", number), OP_SINCE(1, 6, 13)};
const op_def op_neg = {UNARY("Neg", NEG, "-x", signed), OP_SINCE(1, 6, 13)};
const op_def op_sign = {UNARY("Sign", SIGN, "-1, 0 or 1", number), OP_SINCE(9, 13)};
const op_def op_sqrt = {UNARY("Sqrt", SQRT, "square root", float), OP_SINCE(1, 6, 13)};
const op_def op_reciprocal = {UNARY("Reciprocal", RECIPROCAL, "1 / x", float), OP_SINCE(1, 6, 13)};
const op_def op_floor = {UNARY("Floor", FLOOR, "largest integer not above x", float), OP_SINCE(1, 6, 13)};
const op_def op_ceil = {UNARY("Ceil", CEIL, "smallest integer not below x", float), OP_SINCE(1, 6, 13)};
const op_def op_round = {UNARY("Round", ROUND, "nearest integer, halves to even", float), OP_SINCE(11, 22)};
const op_def op_exp = {UNARY("Exp", EXP, "e^x", float), OP_SINCE(1, 6, 13)};
const op_def op_log = {UNARY("Log", LOG, "natural logarithm", float), OP_SINCE(1, 6, 13)};
const op_def op_sigmoid = {UNARY("Sigmoid", SIGMOID, "1 / (1 + e^-x)", float), OP_SINCE(1, 6, 13)};
const op_def op_tanh = {UNARY("Tanh", TANH, "hyperbolic tangent", float), OP_SINCE(1, 6, 13)};
const op_def op_erf = {UNARY("Erf", ERF, "error function", float), OP_SINCE(9, 13)};
const op_def op_softplus = {UNARY("Softplus", SOFTPLUS, "log(1 + e^x)", float), OP_SINCE(1, 22)};
const op_def op_sin = {UNARY("Sin", SIN, "sine", float), OP_SINCE(7, 22)};
const op_def op_cos = {UNARY("Cos", COS, "cosine", float), OP_SINCE(7, 22)};
const op_def op_tan = {UNARY("Tan", TAN, "tangent", float), OP_SINCE(7, 22)};
const op_def op_asin = {UNARY("Asin", ASIN, "arc sine", float), OP_SINCE(7, 22)};
const op_def op_acos = {UNARY("Acos", ACOS, "arc cosine", float), OP_SINCE(7, 22)};
const op_def op_atan = {UNARY("Atan", ATAN, "arc tangent", float), OP_SINCE(7, 22)};
const op_def op_sinh = {UNARY("Sinh", SINH, "hyperbolic sine", float), OP_SINCE(9, 22)};
const op_def op_cosh = {UNARY("Cosh", COSH, "hyperbolic cosine", float), OP_SINCE(9, 22)};
const op_def op_asinh = {UNARY("Asinh", ASINH, "inverse hyperbolic sine", float), OP_SINCE(9, 22)};
const op_def op_acosh = {UNARY("Acosh", ACOSH, "inverse hyperbolic cosine", float), OP_SINCE(9, 22)};
const op_def op_atanh = {UNARY("Atanh", ATANH, "inverse hyperbolic tangent", float), OP_SINCE(9, 22)};
const op_def op_not = {UNARY("Not", NOT, "logical negation", bool), OP_SINCE(1)};
const op_def op_bitwisenot = {UNARY("BitwiseNot", BITNOT, "all bits inverted", int), OP_SINCE(18)};
/* clang-format on */
