/*
 * compose.c -- operators that are a few instructions: activations, quantisation. See pointwise.h.
 *
 * Inner instructions have type pw_wide(t) and the last one t, so that the node rounds once.
 */
#include "kernels/pointwise/pointwise.h"

pw_val pw_relu(pw_builder *b, pw_type t, pw_val x) { return pw_op2(b, PW_MAX, t, pw_const(b, t, 0), x); }

pw_val pw_clip(pw_builder *b, pw_type t, pw_val x, pw_val lo, pw_val hi) {
    if (lo != PW_NONE) x = pw_op2(b, PW_MAX, t, lo, x);
    if (hi != PW_NONE) x = pw_op2(b, PW_MIN, t, hi, x);
    return x;
}

/* x < 0 ? negative : x */
static pw_val if_negative(pw_builder *b, pw_type t, pw_val x, pw_val negative) {
    pw_type w = pw_wide(t);
    pw_val c = pw_op2(b, PW_LT, SARD_BOOL, x, pw_const(b, w, 0));
    return pw_op3(b, PW_WHERE, t, c, negative, x);
}

pw_val pw_leaky_relu(pw_builder *b, pw_type t, pw_val x, double alpha) {
    pw_type w = pw_wide(t);
    return if_negative(b, t, x, pw_op2(b, PW_MUL, w, pw_const(b, w, alpha), x));
}

pw_val pw_prelu(pw_builder *b, pw_type t, pw_val x, pw_val slope) {
    pw_val c = pw_op2(b, PW_LT, SARD_BOOL, x, pw_const(b, t, 0));
    return pw_op3(b, PW_WHERE, t, c, pw_op2(b, PW_MUL, pw_wide(t), slope, x), x);
}

pw_val pw_elu(pw_builder *b, pw_type t, pw_val x, double alpha) {
    pw_type w = pw_wide(t);
    return if_negative(b, t, x, pw_op2(b, PW_MUL, w, pw_const(b, w, alpha), pw_op1(b, PW_EXPM1, w, x)));
}

pw_val pw_selu(pw_builder *b, pw_type t, pw_val x, double alpha, double gamma) {
    pw_type w = pw_wide(t);
    pw_val e = pw_op2(b, PW_MUL, w, pw_const(b, w, alpha), pw_op1(b, PW_EXPM1, w, x));
    return pw_op2(b, PW_MUL, t, pw_const(b, w, gamma), if_negative(b, w, x, e));
}

/* max(0, x) + min(0, alpha (e^(x / alpha) - 1)) */
pw_val pw_celu(pw_builder *b, pw_type t, pw_val x, double alpha) {
    pw_type w = pw_wide(t);
    pw_val zero = pw_const(b, w, 0), a = pw_const(b, w, alpha);
    pw_val e = pw_op2(b, PW_MUL, w, a, pw_op1(b, PW_EXPM1, w, pw_op2(b, PW_DIV, w, x, a)));
    return pw_op2(b, PW_ADD, t, pw_op2(b, PW_MAX, w, zero, x), pw_op2(b, PW_MIN, w, zero, e));
}

pw_val pw_thresholded_relu(pw_builder *b, pw_type t, pw_val x, double alpha) {
    pw_type w = pw_wide(t);
    pw_val c = pw_op2(b, PW_LE, SARD_BOOL, x, pw_const(b, w, alpha)); /* a NaN stays */
    return pw_op3(b, PW_WHERE, t, c, pw_const(b, w, 0), x);
}

/* max(0, min(1, alpha x + beta)) */
static pw_val hard_sigmoid(pw_builder *b, pw_type t, pw_val x, double alpha, double beta) {
    pw_type w = pw_wide(t);
    pw_val y = pw_op2(b, PW_MUL, w, x, pw_const(b, w, alpha));
    y = pw_op2(b, PW_ADD, w, y, pw_const(b, w, beta));
    return pw_op2(b, PW_MAX, t, pw_const(b, w, 0), pw_op2(b, PW_MIN, w, pw_const(b, w, 1), y));
}
pw_val pw_hard_sigmoid(pw_builder *b, pw_type t, pw_val x, double alpha, double beta) {
    return hard_sigmoid(b, t, x, alpha, beta);
}
pw_val pw_hard_swish(pw_builder *b, pw_type t, pw_val x) {
    return pw_op2(b, PW_MUL, t, x, hard_sigmoid(b, pw_wide(t), x, 1.0 / 6, 0.5));
}

pw_val pw_softsign(pw_builder *b, pw_type t, pw_val x) {
    pw_type w = pw_wide(t);
    return pw_op2(b, PW_DIV, t, x, pw_op2(b, PW_ADD, w, pw_const(b, w, 1), pw_op1(b, PW_ABS, w, x)));
}

/* x tanh(log(1 + e^x)) = x n / (n + 2), n = e (e + 2), e = e^x; at 20 the factor is 1 */
pw_val pw_mish(pw_builder *b, pw_type t, pw_val x) {
    pw_type w = pw_wide(t);
    pw_val two = pw_const(b, w, 2), e = pw_op1(b, PW_EXP, w, pw_op2(b, PW_MIN, w, pw_const(b, w, 20), x));
    pw_val n = pw_op2(b, PW_MUL, w, e, pw_op2(b, PW_ADD, w, e, two));
    return pw_op2(b, PW_MUL, t, x, pw_op2(b, PW_DIV, w, n, pw_op2(b, PW_ADD, w, n, two)));
}

pw_val pw_swish(pw_builder *b, pw_type t, pw_val x, double alpha) {
    pw_type w = pw_wide(t);
    pw_val a = alpha == 1 ? x : pw_op2(b, PW_MUL, w, pw_const(b, w, alpha), x);
    return pw_op2(b, PW_MUL, t, x, pw_op1(b, PW_SIGMOID, w, a));
}

pw_val pw_gelu(pw_builder *b, pw_type t, pw_val x, bool approximate_tanh) {
    pw_type w = pw_wide(t);
    pw_val half_x = pw_op2(b, PW_MUL, w, pw_const(b, w, 0.5), x), one = pw_const(b, w, 1), in;
    if (approximate_tanh) { /* 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) */
        pw_val x3 = pw_op2(b, PW_MUL, w, pw_op2(b, PW_MUL, w, x, x), x);
        in = pw_op2(b, PW_ADD, w, x, pw_op2(b, PW_MUL, w, pw_const(b, w, 0.044715), x3));
        in = pw_op1(b, PW_TANH, w, pw_op2(b, PW_MUL, w, pw_const(b, w, 0x1.9884533d43651p-1), in));
    } else { /* 0.5 x (1 + erf(x / sqrt 2)) */
        in = pw_op1(b, PW_ERF, w, pw_op2(b, PW_DIV, w, x, pw_const(b, w, 0x1.6a09e667f3bcdp+0)));
    }
    return pw_op2(b, PW_MUL, t, half_x, pw_op2(b, PW_ADD, w, one, in));
}

/* x < -lambda ? x + bias : x > lambda ? x - bias : 0 */
pw_val pw_shrink(pw_builder *b, pw_type t, pw_val x, double lambda, double bias) {
    bool big = t == SARD_I64 || t == SARD_U64 || t == SARD_I32 || t == SARD_U32 || t == SARD_F64;
    pw_type c = big ? SARD_F64 : SARD_F32; /* integers are compared and shifted as floats */
    pw_val f = pw_is_int(t) ? pw_cast(b, c, x, 0) : x;
    pw_val low = pw_op2(b, PW_LT, SARD_BOOL, f, pw_const(b, c, -lambda));
    pw_val high = pw_op2(b, PW_GT, SARD_BOOL, f, pw_const(b, c, lambda));
    pw_val minus = pw_op2(b, PW_SUB, c, f, pw_const(b, c, bias)), plus = pw_op2(b, PW_ADD, c, f, pw_const(b, c, bias));
    pw_type last = pw_is_int(t) ? c : t;
    pw_val y = pw_op3(b, PW_WHERE, last, low, plus, pw_op3(b, PW_WHERE, c, high, minus, pw_const(b, c, 0)));
    return pw_cast(b, t, y, 0);
}

pw_val pw_quantize(pw_builder *b, pw_type type, pw_val x, pw_val scale, pw_val zero, bool saturate) {
    pw_val q = pw_op2(b, PW_DIV, SARD_F32, x, scale);
    bool integer = pw_is_int(type) || type == SARD_I4 || type == SARD_U4 || type == SARD_I2 || type == SARD_U2;
    if (!integer) {
        if (zero != PW_NONE) q = pw_op2(b, PW_ADD, SARD_F32, q, pw_cast(b, SARD_F32, zero, 0));
        return pw_cast(b, type, q, saturate ? 0 : PW_NO_SATURATE);
    }
    q = pw_op1(b, PW_ROUND, SARD_F32, q);
    if (zero != PW_NONE) q = pw_op2(b, PW_ADD, SARD_F32, q, pw_cast(b, SARD_F32, zero, 0));
    return pw_cast(b, type, q, 0);
}

pw_val pw_dequantize(pw_builder *b, pw_type type, pw_val q, pw_val scale, pw_val zero) {
    pw_type t = pw_type_of(b, q);
    if (zero != PW_NONE && pw_is_int(t)) { /* exact in i32 */
        q = pw_op2(b, PW_SUB, SARD_I32, pw_cast(b, SARD_I32, q, 0), pw_cast(b, SARD_I32, zero, 0));
    } else if (zero != PW_NONE) {
        q = pw_op2(b, PW_SUB, SARD_F32, pw_cast(b, SARD_F32, q, 0), pw_cast(b, SARD_F32, zero, 0));
    }
    return pw_op2(b, PW_MUL, type, pw_cast(b, SARD_F32, q, 0), scale);
}
