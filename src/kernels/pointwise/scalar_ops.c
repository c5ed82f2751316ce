/*
 * scalar_ops.c -- arithmetic of scalar.c: float (the plain C instance of math32.h), double, signed and unsigned.
 */
#define ISA_SUFFIX ref /* one lane */
#include "kernels/pointwise/scalar_ops.h"

#include "kernels/pointwise/math32.h"
#include "kernels/pointwise/math64.h"

static double mod_of(double a, double b) { /* sign of the divisor; a zero too */
    double m = m64_fmod(a, b);
    if (m == 0) return copysign(m, b);
    return (m < 0) != (b < 0) ? m + b : m;
}

static float eval_f32_1(pw_opcode op, float a) {
    double d = (double)a;
    switch (op) {
    case PW_NEG:
        return -a;
    case PW_ABS:
        return f_abs(a);
    case PW_SIGN:
        return a > 0 ? 1.f : a < 0 ? -1.f : a;
    case PW_SQRT:
        return sqrtf(a);
    case PW_RECIPROCAL:
        return 1 / a;
    case PW_FLOOR:
        return f_floor(a);
    case PW_CEIL:
        return f_ceil(a);
    case PW_ROUND:
        return f_round(a);
    case PW_TRUNC:
        return f_trunc(a);
    case PW_EXP:
        return f_exp(a);
    case PW_EXPM1:
        return f_expm1(a);
    case PW_LOG:
        return f_log(a);
    case PW_LOG1P:
        return (float)m64_log1p(d);
    case PW_SIGMOID:
        return f_sigmoid(a);
    case PW_TANH:
        return f_tanh(a);
    case PW_ERF:
        return f_erf(a);
    case PW_SOFTPLUS:
        return f_softplus(a);
    case PW_SIN:
        return f_sin(a);
    case PW_COS:
        return f_cos(a);
    case PW_TAN:
        return (float)m64_tan(d);
    case PW_ASIN:
        return (float)m64_asin(d);
    case PW_ACOS:
        return (float)m64_acos(d);
    case PW_ATAN:
        return (float)m64_atan(d);
    case PW_SINH:
        return (float)m64_sinh(d);
    case PW_COSH:
        return (float)m64_cosh(d);
    case PW_ASINH:
        return (float)m64_asinh(d);
    case PW_ACOSH:
        return (float)m64_acosh(d);
    case PW_ATANH:
        return (float)m64_atanh(d);
    default:
        return a; /* PW_COPY */
    }
}

float pw_eval_f32(pw_opcode op, float a, float b, float c) {
    switch (op) {
    case PW_ADD:
        return a + b;
    case PW_SUB:
        return a - b;
    case PW_MUL:
        return a * b;
    case PW_DIV:
        return a / b;
    case PW_MIN:
        return a != a || a < b ? a : b;
    case PW_MAX:
        return a != a || a > b ? a : b;
    case PW_POW:
        return f_pow(a, b);
    case PW_FMOD:
        return (float)m64_fmod((double)a, (double)b); /* exact: representable as float */
    case PW_MOD: {
        float m = (float)m64_fmod((double)a, (double)b);
        if (m == 0) return f_copysign(m, b);
        return (m < 0) != (b < 0) ? m + b : m;
    }
    case PW_ATAN2:
        return (float)m64_atan2((double)a, (double)b);
    case PW_FMA:
        return fmaf(a, b, c);
    default:
        return eval_f32_1(op, a);
    }
}

static double eval_f64_1(pw_opcode op, double a) {
    switch (op) {
    case PW_NEG:
        return -a;
    case PW_ABS:
        return fabs(a);
    case PW_SIGN:
        return a > 0 ? 1 : a < 0 ? -1 : a;
    case PW_SQRT:
        return sqrt(a);
    case PW_RECIPROCAL:
        return 1 / a;
    case PW_FLOOR:
        return m64_floor(a);
    case PW_CEIL:
        return m64_ceil(a);
    case PW_ROUND:
        return m64_round(a);
    case PW_TRUNC:
        return m64_trunc(a);
    case PW_EXP:
        return m64_exp(a);
    case PW_EXPM1:
        return m64_expm1(a);
    case PW_LOG:
        return m64_log(a);
    case PW_LOG1P:
        return m64_log1p(a);
    case PW_SIGMOID:
        return m64_sigmoid(a);
    case PW_TANH:
        return m64_tanh(a);
    case PW_ERF:
        return m64_erf(a);
    case PW_SOFTPLUS:
        return m64_softplus(a);
    case PW_SIN:
        return m64_sin(a);
    case PW_COS:
        return m64_cos(a);
    case PW_TAN:
        return m64_tan(a);
    case PW_ASIN:
        return m64_asin(a);
    case PW_ACOS:
        return m64_acos(a);
    case PW_ATAN:
        return m64_atan(a);
    case PW_SINH:
        return m64_sinh(a);
    case PW_COSH:
        return m64_cosh(a);
    case PW_ASINH:
        return m64_asinh(a);
    case PW_ACOSH:
        return m64_acosh(a);
    case PW_ATANH:
        return m64_atanh(a);
    default:
        return a; /* PW_COPY */
    }
}

double pw_eval_f64(pw_opcode op, double a, double b, double c) {
    switch (op) {
    case PW_ADD:
        return a + b;
    case PW_SUB:
        return a - b;
    case PW_MUL:
        return a * b;
    case PW_DIV:
        return a / b;
    case PW_MIN:
        return a != a || a < b ? a : b;
    case PW_MAX:
        return a != a || a > b ? a : b;
    case PW_POW:
        return m64_pow(a, b);
    case PW_FMOD:
        return m64_fmod(a, b);
    case PW_MOD:
        return mod_of(a, b);
    case PW_ATAN2:
        return m64_atan2(a, b);
    case PW_FMA:
        return fma(a, b, c);
    default:
        return eval_f64_1(op, a);
    }
}

static uint64_t power(uint64_t a, uint64_t n) { /* modulo 2^64 */
    uint64_t r = 1;
    for (; n; n >>= 1, a *= a)
        if (n & 1) r *= a;
    return r;
}

uint64_t pw_eval_uint(pw_opcode op, uint64_t a, uint64_t b, int bits) {
    switch (op) {
    case PW_NEG:
        return -a;
    case PW_SIGN:
        return a != 0;
    case PW_BITNOT:
        return ~a;
    case PW_ADD:
        return a + b;
    case PW_SUB:
        return a - b;
    case PW_MUL:
        return a * b;
    case PW_DIV:
        return b ? a / b : 0;
    case PW_MOD:
    case PW_FMOD:
        return b ? a % b : 0;
    case PW_POW:
        return power(a, b);
    case PW_MIN:
        return a < b ? a : b;
    case PW_MAX:
        return a > b ? a : b;
    case PW_BITAND:
        return a & b;
    case PW_BITOR:
        return a | b;
    case PW_BITXOR:
        return a ^ b;
    case PW_SHL:
        return b < (uint64_t)bits ? a << b : 0;
    case PW_SHR:
        return b < (uint64_t)bits ? a >> b : 0;
    default:
        return a; /* PW_COPY, PW_ABS */
    }
}

static int64_t sint_pow(int64_t a, int64_t n) {
    if (n >= 0) return (int64_t)power((uint64_t)a, (uint64_t)n);
    if (a == 1) return 1;
    if (a == -1) return n & 1 ? -1 : 1;
    return 0;
}

int64_t pw_eval_sint(pw_opcode op, int64_t a, int64_t b, int bits) {
    bool flip = b == -1; /* x / -1 without the trap of lowest / -1 */
    switch (op) {
    case PW_ABS:
        return a < 0 ? (int64_t) - (uint64_t)a : a;
    case PW_SIGN:
        return (a > 0) - (a < 0);
    case PW_DIV:
        return b == 0 ? 0 : flip ? (int64_t) - (uint64_t)a : a / b;
    case PW_FMOD:
        return b == 0 || flip ? 0 : a % b;
    case PW_MOD: {
        int64_t m = b == 0 || flip ? 0 : a % b;
        return m && (m < 0) != (b < 0) ? m + b : m;
    }
    case PW_POW:
        return sint_pow(a, b);
    case PW_MIN:
        return a < b ? a : b;
    case PW_MAX:
        return a > b ? a : b;
    case PW_SHR:
        return a >> (b < 0 || b >= bits ? 63 : b);
    case PW_SHL:
        return b < 0 || b >= bits ? 0 : (int64_t)((uint64_t)a << b);
    default:
        return (int64_t)pw_eval_uint(op, (uint64_t)a, (uint64_t)b, bits);
    }
}
