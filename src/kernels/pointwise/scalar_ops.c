/*
 * scalar_ops.c -- arithmetic of scalar.c: float (the plain C instance of math32.h), double, signed and unsigned.
 */
#define ISA_SUFFIX ref /* one lane */
#include "kernels/pointwise/scalar_ops.h"

#include "kernels/pointwise/math32.h"
#include "kernels/pointwise/math64.h"

#define T       float
#define N(n)    n##_f32
#define OWN(f)  f_##f
#define LANE(f) f_##f
#define WIDE(f) (float)m64_##f
#include "kernels/pointwise/scalar_eval.inc"
#define T       double
#define N(n)    n##_f64
#define OWN(f)  m64_##f
#define LANE(f) d_##f
#define WIDE(f) m64_##f
#include "kernels/pointwise/scalar_eval.inc"

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
