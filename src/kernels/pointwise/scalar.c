/*
 * scalar.c -- conversions, and the instructions dispatched by family of element type. See scalar.h.
 */
#include "kernels/pointwise/scalar.h"

#include <math.h>

#include "base/half.h"
#include "kernels/pointwise/math64_dd.h"
#include "kernels/pointwise/scalar_ops.h"

pw_family pw_family_of(pw_type t) {
    switch (t) {
    case SARD_F32:
    case SARD_F16:
    case SARD_BF16:
    case SARD_F8E4M3FN:
    case SARD_F8E4M3FNUZ:
    case SARD_F8E5M2:
    case SARD_F8E5M2FNUZ:
    case SARD_F8E8M0:
    case SARD_F4E2M1:
        return PW_FAM_F32;
    case SARD_F64:
        return PW_FAM_F64;
    case SARD_BOOL:
        return PW_FAM_BOOL;
    case SARD_I8:
    case SARD_U8:
    case SARD_I16:
    case SARD_U16:
    case SARD_I32:
    case SARD_U32:
    case SARD_I64:
    case SARD_U64:
    case SARD_I4:
    case SARD_U4:
    case SARD_I2:
    case SARD_U2:
        return PW_FAM_INT;
    default:
        return PW_FAM_NONE;
    }
}

int pw_bits(pw_type t) {
    switch (t) {
    case SARD_I2:
    case SARD_U2:
        return 2;
    case SARD_I4:
    case SARD_U4:
    case SARD_F4E2M1:
        return 4;
    case SARD_F16:
    case SARD_BF16:
    case SARD_I16:
    case SARD_U16:
        return 16;
    case SARD_F32:
    case SARD_I32:
    case SARD_U32:
        return 32;
    case SARD_F64:
    case SARD_I64:
    case SARD_U64:
        return 64;
    default:
        return 8;
    }
}

static bool is_unsigned(pw_type t) {
    return t == SARD_U8 || t == SARD_U16 || t == SARD_U32 || t == SARD_U64 || t == SARD_U4 || t == SARD_U2;
}

int64_t pw_wrap(pw_type t, int64_t x) {
    int s = 64 - pw_bits(t);
    uint64_t u = (uint64_t)x << s;
    return is_unsigned(t) ? (int64_t)(u >> s) : (int64_t)u >> s;
}

static float decode(pw_type t, unsigned v) {
    switch (t) {
    case SARD_F16:
        return f16_to_f32((uint16_t)v);
    case SARD_BF16:
        return bf16_to_f32((uint16_t)v);
    case SARD_F8E4M3FN:
        return f8e4m3fn_to_f32((uint8_t)v);
    case SARD_F8E4M3FNUZ:
        return f8e4m3fnuz_to_f32((uint8_t)v);
    case SARD_F8E5M2:
        return f8e5m2_to_f32((uint8_t)v);
    case SARD_F8E5M2FNUZ:
        return f8e5m2fnuz_to_f32((uint8_t)v);
    case SARD_F8E8M0:
        return f8e8m0_to_f32((uint8_t)v);
    default:
        return f4e2m1_to_f32((uint8_t)v);
    }
}

static unsigned encode(pw_type t, float x, unsigned flags) {
    bool saturate = !(flags & PW_NO_SATURATE);
    switch (t) {
    case SARD_F16:
        return f32_to_f16(x);
    case SARD_BF16:
        return f32_to_bf16(x);
    case SARD_F8E4M3FN:
        return f32_to_f8e4m3fn(x, saturate);
    case SARD_F8E4M3FNUZ:
        return f32_to_f8e4m3fnuz(x, saturate);
    case SARD_F8E5M2:
        return f32_to_f8e5m2(x, saturate);
    case SARD_F8E5M2FNUZ:
        return f32_to_f8e5m2fnuz(x, saturate);
    case SARD_F8E8M0:
        return f32_to_f8e8m0(x, saturate,
                             flags & PW_ROUND_UP     ? E8M0_UP
                             : flags & PW_ROUND_DOWN ? E8M0_DOWN
                                                     : E8M0_NEAREST);
    default:
        return f32_to_f4e2m1(x);
    }
}

float pw_round_to(pw_type t, float x, unsigned flags) { return t == SARD_F32 ? x : decode(t, encode(t, x, flags)); }

/* To float with the sticky bit kept (round to odd), so that a second rounding to fewer bits is right. */
static float odd_float(double d) {
    float f = (float)d;
    if ((double)f == d || d != d) return f;
    uint32_t b = f32_bits(f);
    if (fabs((double)f) > fabs(d)) b--; /* toward zero */
    return bits_f32(b | 1);
}

static float float_from_double(pw_type t, double d, unsigned flags) {
    switch (t) {
    case SARD_F32:
        return (float)d;
    case SARD_F16:
        return f16_to_f32(f64_to_f16(d));
    case SARD_BF16:
        return bf16_to_f32(f64_to_bf16(d));
    default:
        return pw_round_to(t, odd_float(d), flags);
    }
}

static void int_range(pw_type t, int64_t *lo, int64_t *hi) { /* U64: hi is INT64_MAX, see the callers */
    int n = pw_bits(t);
    if (is_unsigned(t))
        *lo = 0, *hi = n == 64 ? INT64_MAX : ((int64_t)1 << n) - 1;
    else
        *hi = (int64_t)(UINT64_MAX >> (65 - n)), *lo = -*hi - 1;
}

static int64_t int_from_double(pw_type t, double d) {
    int64_t lo, hi;
    int_range(t, &lo, &hi);
    if (d != d) return 0;
    if (t == SARD_U64 && d >= 0x1p63) return d >= 0x1p64 ? -1 : (int64_t)(uint64_t)d;
    if (d >= (double)hi) return hi; /* (double)INT64_MAX is 2^63 */
    return d <= (double)lo ? lo : (int64_t)d;
}

static int64_t int_from_int(pw_type t, pw_type from, unsigned flags, int64_t x) {
    if (!(flags & PW_SATURATE_INT)) return pw_wrap(t, x);
    int64_t lo, hi;
    int_range(t, &lo, &hi);
    if (from == SARD_U64 && x < 0) return t == SARD_U64 ? x : hi;
    return x < lo ? lo : x > hi && t != SARD_U64 ? hi : x;
}

pw_cell pw_convert(pw_type to, pw_type from, unsigned flags, pw_cell a) {
    pw_cell r = {.i = 0};
    pw_family tf = pw_family_of(to), ff = pw_family_of(from);
    if (tf == PW_FAM_BOOL) {
        r.i = ff == PW_FAM_F32 ? a.f != 0 : ff == PW_FAM_F64 ? a.d != 0 : a.i != 0;
    } else if (tf == PW_FAM_INT) {
        if (ff == PW_FAM_F32)
            r.i = int_from_double(to, (double)a.f);
        else if (ff == PW_FAM_F64)
            r.i = int_from_double(to, a.d);
        else
            r.i = int_from_int(to, from, flags, a.i);
    } else if (tf == PW_FAM_F64) {
        if (ff == PW_FAM_F32)
            r.d = (double)a.f;
        else if (ff == PW_FAM_F64)
            r.d = a.d;
        else
            r.d = from == SARD_U64 ? (double)(uint64_t)a.i : (double)a.i;
    } else if (ff == PW_FAM_F64) {
        r.f = float_from_double(to, a.d, flags);
    } else {
        float f = ff == PW_FAM_F32 ? a.f : from == SARD_U64 ? (float)(uint64_t)a.i : (float)a.i;
        r.f = pw_round_to(to, f, flags);
    }
    return r;
}

pw_cell pw_load_cell(pw_type t, const void *base, int64_t k) {
    pw_cell r = {.i = 0};
    const uint8_t *b = base;
    switch (t) {
    case SARD_F32:
        memcpy(&r.f, b + k * 4, 4);
        break;
    case SARD_F64:
    case SARD_I64:
    case SARD_U64:
        memcpy(&r.i, b + k * 8, 8);
        break;
    case SARD_BOOL:
        r.i = b[k] != 0;
        break;
    default: {
        int n = pw_bits(t);
        uint32_t v = 0;
        if (n < 8)
            v = b[k * n >> 3] >> (k * n & 7) & ((1u << n) - 1);
        else
            for (int j = 0; j < n / 8; j++) v |= (uint32_t)b[k * (n / 8) + j] << 8 * j;
        if (pw_family_of(t) == PW_FAM_INT)
            r.i = pw_wrap(t, (int64_t)v);
        else
            r.f = decode(t, v);
    }
    }
    return r;
}

void pw_store_cell(pw_type t, void *base, int64_t k, pw_cell c) {
    uint8_t *b = base;
    switch (t) {
    case SARD_F32:
        memcpy(b + k * 4, &c.f, 4);
        break;
    case SARD_F64:
    case SARD_I64:
    case SARD_U64:
        memcpy(b + k * 8, &c.i, 8);
        break;
    case SARD_BOOL:
        b[k] = c.i != 0;
        break;
    default: {
        int n = pw_bits(t);
        /* A float here is one of the type's own: nothing to saturate, and infinity must stay. */
        uint32_t v = pw_family_of(t) == PW_FAM_INT ? (uint32_t)c.i : encode(t, c.f, PW_NO_SATURATE);
        if (n < 8) {
            unsigned mask = (1u << n) - 1, at = (unsigned)(k * n & 7);
            uint8_t *p = b + (k * n >> 3);
            *p = (uint8_t)((*p & ~(mask << at)) | (v & mask) << at);
        } else {
            for (int j = 0; j < n / 8; j++) b[k * (n / 8) + j] = (uint8_t)(v >> 8 * j);
        }
    }
    }
}

static bool compare(pw_opcode op, int less, int equal) { /* both false: unordered, or greater when op says so */
    switch (op) {
    case PW_EQ:
        return equal;
    case PW_NE:
        return !equal;
    case PW_LT:
        return less;
    default:
        return less || equal; /* PW_LE */
    }
}

static bool compare_cells(pw_opcode op, pw_type from, pw_cell a, pw_cell b) {
    if (op == PW_GT || op == PW_GE) {
        pw_cell t = a;
        a = b, b = t, op = op == PW_GT ? PW_LT : PW_LE;
    }
    switch (pw_family_of(from)) {
    case PW_FAM_F32:
        return compare(op, a.f < b.f, a.f == b.f);
    case PW_FAM_F64:
        return compare(op, a.d < b.d, a.d == b.d);
    default:
        if (from == SARD_U64) return compare(op, (uint64_t)a.i < (uint64_t)b.i, a.i == b.i);
        return compare(op, a.i < b.i, a.i == b.i);
    }
}

static bool eval_bool(pw_opcode op, pw_type from, const pw_cell *a) {
    double d = pw_family_of(from) == PW_FAM_F32 ? (double)a[0].f : pw_family_of(from) == PW_FAM_F64 ? a[0].d : 0;
    switch (op) {
    case PW_ISNAN:
        return d != d;
    case PW_ISPINF:
        return d == (double)INFINITY;
    case PW_ISNINF:
        return d == -(double)INFINITY;
    case PW_NOT:
        return !a[0].i;
    case PW_AND:
        return a[0].i && a[1].i;
    case PW_OR:
        return a[0].i || a[1].i;
    case PW_XOR:
        return a[0].i != a[1].i;
    case PW_COPY:
        return a[0].i;
    default:
        return compare_cells(op, from, a[0], a[1]);
    }
}

pw_cell pw_eval(pw_opcode op, pw_type type, pw_type from, unsigned flags, const pw_cell *a) {
    pw_cell r = {.i = 0};
    if (op == PW_CAST) return pw_convert(type, from, flags, a[0]);
    if (op == PW_WHERE) {
        r = a[0].i ? a[1] : a[2];
        if (pw_family_of(type) == PW_FAM_F32) r.f = pw_round_to(type, r.f, 0);
        return r;
    }
    switch (pw_family_of(type)) {
    case PW_FAM_F32:
        r.f = pw_round_to(type, pw_eval_f32(op, a[0].f, a[1].f, a[2].f), flags);
        break;
    case PW_FAM_F64:
        r.d = pw_eval_f64(op, a[0].d, a[1].d, a[2].d);
        break;
    case PW_FAM_BOOL:
        r.i = eval_bool(op, from, a);
        break;
    default:
        r.i = is_unsigned(type) ? (int64_t)pw_eval_uint(op, (uint64_t)a[0].i, (uint64_t)a[1].i, pw_bits(type))
                                : pw_eval_sint(op, a[0].i, a[1].i, pw_bits(type));
        r.i = pw_wrap(type, r.i);
    }
    return r;
}
