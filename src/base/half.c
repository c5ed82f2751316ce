/*
 * half.c -- the small float formats by bits.
 *
 * All but the two 16-bit formats from float go through one encoder: a finite double is an integer times a power of two;
 * shifted so that the target's last place is 1 and rounded once, that integer is the target's code (a carry out of the
 * fraction lands in the exponent, where it belongs). Codes of one sign are ordered like their values, so "too large" is a
 * comparison of codes. float to double is exact.
 */
#include "base/half.h"

typedef struct format {
    int mbits, bias; /* bits of the fraction, bias of the exponent */
    unsigned max;    /* code of the largest finite value */
} format;

static const format F16 = {10, 15, 0x7BFF}, BF16 = {7, 127, 0x7F7F};
static const format E4M3FN = {3, 7, 0x7E}, E4M3FNUZ = {3, 8, 0x7F}, E5M2 = {2, 15, 0x7B}, E5M2FNUZ = {2, 16, 0x7F};
static const format E2M1 = {1, 1, 0x7}, E2M3 = {3, 1, 0x1F}, E3M2 = {2, 3, 0x1F};

static uint64_t f64_bits(double d) {
    uint64_t u;
    memcpy(&u, &d, 8);
    return u;
}

/* The code of |d| (finite) rounded to nearest even, as if there were no largest exponent; max + 1 when beyond max. */
static unsigned encode(double d, const format *f) {
    const uint64_t u = f64_bits(d) & (UINT64_MAX >> 1);
    if (u == 0) return 0;
    const int field = (int)(u >> 52);
    const int e = field ? field - 1023 : -1022; /* |d| = sig * 2^(e - 52) */
    const uint64_t sig = (u & (((uint64_t)1 << 52) - 1)) | (field ? (uint64_t)1 << 52 : 0);
    const int emin = 1 - f->bias, place = e > emin ? e : emin;
    const int shift = place - f->mbits - (e - 52); /* at least 52 - 10 */
    if (shift > 54) return 0;
    const uint64_t half = (uint64_t)1 << (shift - 1), rest = sig & (half * 2 - 1);
    uint64_t code = sig >> shift;
    code += rest > half || (rest == half && (code & 1));
    code += (uint64_t)(place - emin) << f->mbits;
    return code > f->max ? f->max + 1 : (unsigned)code;
}

/* The value of a code without its sign. */
static float decode(unsigned code, const format *f) {
    const int e = (int)(code >> f->mbits);
    const unsigned m = code & ((1u << f->mbits) - 1);
    const float sig = (float)(e ? m | 1u << f->mbits : m);
    const int scale = (e ? e : 1) - f->bias - f->mbits; /* -6 - 3 - ... -16 - 2: a normal power of two */
    return sig * bits_f32((uint32_t)(scale + 127) << 23);
}

static float with_sign(float f, unsigned negative) { return bits_f32(f32_bits(f) | (negative ? 1u << 31 : 0)); }
static bool is_nan(float f) { return (f32_bits(f) & 0x7FFFFFFF) > 0x7F800000; }
static bool is_inf(float f) { return (f32_bits(f) & 0x7FFFFFFF) == 0x7F800000; }

/* ---- 16 bits ---- */

float f16_to_f32(uint16_t h) {
    const uint32_t sign = (uint32_t)(h & 0x8000) << 16, a = h & 0x7FFF;
    if (a > 0x7C00) return bits_f32(sign | 0x7FC00000 | a << 13);
    if (a == 0x7C00) return bits_f32(sign | 0x7F800000);
    if (a >= 0x0400) return bits_f32(sign | ((a << 13) + (112u << 23)));
    return bits_f32(sign | f32_bits((float)a * 0x1p-24f));
}

uint16_t f32_to_f16(float f) {
    const uint32_t u = f32_bits(f), a = u & 0x7FFFFFFF;
    const uint16_t sign = (uint16_t)(u >> 16 & 0x8000);
    if (a > 0x7F800000) return (uint16_t)(sign | 0x7E00 | (a >> 13 & 0x1FF));
    if (a >= 0x477FF000) return sign | 0x7C00; /* 65520: halfway to 2^16 */
    if (a >= 0x38800000) {                     /* 2^-14: a normal result */
        const uint32_t r = a - (112u << 23);
        return (uint16_t)(sign | (r + 0xFFF + (r >> 13 & 1)) >> 13);
    }
    if (a < 0x33000000) return sign; /* 2^-25: half the smallest */
    const uint32_t shift = 126 - (a >> 23), sig = (a & 0x7FFFFF) | 0x800000, half = 1u << (shift - 1);
    const uint32_t r = sig >> shift, rest = sig & (half * 2 - 1);
    return (uint16_t)(sign | (r + (rest > half || (rest == half && (r & 1)))));
}

uint16_t f32_to_bf16(float f) {
    const uint32_t u = f32_bits(f);
    if (is_nan(f)) return (uint16_t)(u >> 16 | 0x40);
    return (uint16_t)((u + 0x7FFF + (u >> 16 & 1)) >> 16);
}

/* f->max + 1 is infinity in both formats. */
static uint16_t f64_to_16(double d, const format *f) {
    const uint64_t a = f64_bits(d) & (UINT64_MAX >> 1), inf = (uint64_t)0x7FF << 52;
    const unsigned sign = (unsigned)(f64_bits(d) >> 48 & 0x8000);
    if (a > inf) return (uint16_t)(sign | (f->max + 1) | 1u << (f->mbits - 1));
    return (uint16_t)(sign | (a == inf ? f->max + 1 : encode(d, f)));
}

uint16_t f64_to_f16(double d) { return f64_to_16(d, &F16); }
uint16_t f64_to_bf16(double d) { return f64_to_16(d, &BF16); }

/* ---- 8 bits ---- */

float f8e4m3fn_to_f32(uint8_t v) {
    const unsigned a = v & 0x7F;
    return with_sign(a == 0x7F ? bits_f32(0x7FC00000) : decode(a, &E4M3FN), v & 0x80);
}

float f8e5m2_to_f32(uint8_t v) {
    const unsigned a = v & 0x7F;
    return with_sign(a > 0x7C ? bits_f32(0x7FC00000) : a == 0x7C ? bits_f32(0x7F800000) : decode(a, &E5M2), v & 0x80);
}

/* FNUZ: no infinity, no -0, whose code is the only NaN. */
static float fnuz_to_f32(uint8_t v, const format *f) {
    return v == 0x80 ? bits_f32(0x7FC00000) : with_sign(decode(v & 0x7F, f), v & 0x80);
}
float f8e4m3fnuz_to_f32(uint8_t v) { return fnuz_to_f32(v, &E4M3FNUZ); }
float f8e5m2fnuz_to_f32(uint8_t v) { return fnuz_to_f32(v, &E5M2FNUZ); }

/* The magnitude, with the code for what is too large when it does not saturate. */
static unsigned to_f8(float f, bool saturate, const format *fmt, unsigned beyond) {
    const unsigned code = is_inf(f) ? fmt->max + 1 : encode(f, fmt);
    return code <= fmt->max ? code : saturate ? fmt->max : beyond;
}

uint8_t f32_to_f8e4m3fn(float f, bool saturate) {
    const unsigned sign = f32_bits(f) >> 24 & 0x80;
    return (uint8_t)(sign | (is_nan(f) ? 0x7F : to_f8(f, saturate, &E4M3FN, 0x7F)));
}

uint8_t f32_to_f8e5m2(float f, bool saturate) {
    const unsigned sign = f32_bits(f) >> 24 & 0x80;
    return (uint8_t)(sign | (is_nan(f) ? 0x7E : to_f8(f, saturate, &E5M2, 0x7C)));
}

static uint8_t f32_to_fnuz(float f, bool saturate, const format *fmt) {
    if (is_nan(f)) return 0x80;
    const unsigned code = to_f8(f, saturate, fmt, 0x80);
    return (uint8_t)(code ? code | (f32_bits(f) >> 24 & 0x80) : 0);
}
uint8_t f32_to_f8e4m3fnuz(float f, bool saturate) { return f32_to_fnuz(f, saturate, &E4M3FNUZ); }
uint8_t f32_to_f8e5m2fnuz(float f, bool saturate) { return f32_to_fnuz(f, saturate, &E5M2FNUZ); }

float f8e8m0_to_f32(uint8_t v) {
    if (v == 0xFF) return bits_f32(0x7FC00000);
    return bits_f32(v ? (uint32_t)v << 23 : 1u << 22); /* 2^-127 is a denormal */
}

uint8_t f32_to_f8e8m0(float f, bool saturate, e8m0_round mode) {
    const uint64_t u = f64_bits(f) & (UINT64_MAX >> 1); /* denormals of float are normal here */
    if (is_nan(f)) return 0xFF;
    if (u == 0) return saturate ? 0 : 0xFF;
    const uint64_t rest = u & (((uint64_t)1 << 52) - 1);
    int e = (int)(u >> 52) - 1023;
    e += mode == E8M0_UP ? rest != 0 : mode == E8M0_NEAREST ? rest >= (uint64_t)1 << 51 : 0;
    if (e < -127) return saturate ? 0 : 0xFF;
    if (e > 127) return saturate ? 0xFE : 0xFF;
    return (uint8_t)(e + 127);
}

/* ---- 4 and 6 bits: all codes are finite; `sign` is the sign's bit ---- */

static float mini_to_f32(unsigned v, unsigned sign, const format *f) {
    return with_sign(decode(v & (sign - 1), f), v & sign);
}

static uint8_t f32_to_mini(float f, unsigned sign, const format *fmt) {
    if (is_nan(f)) return (uint8_t)sign;
    return (uint8_t)((f32_bits(f) >> 31 ? sign : 0) | to_f8(f, true, fmt, 0));
}

float f4e2m1_to_f32(uint8_t v) { return mini_to_f32(v, 0x8, &E2M1); }
float f6e2m3_to_f32(uint8_t v) { return mini_to_f32(v, 0x20, &E2M3); }
float f6e3m2_to_f32(uint8_t v) { return mini_to_f32(v, 0x20, &E3M2); }
uint8_t f32_to_f4e2m1(float f) { return f32_to_mini(f, 0x8, &E2M1); }
uint8_t f32_to_f6e2m3(float f) { return f32_to_mini(f, 0x20, &E2M3); }
uint8_t f32_to_f6e3m2(float f) { return f32_to_mini(f, 0x20, &E3M2); }
