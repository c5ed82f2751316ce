/*
 * test_half.c -- the small float formats against their definitions.
 *
 * A conversion is right when no other code's value is nearer, and a tie went to the even code: checked with differences in
 * double, which are exact. Inputs are every code's value, every midpoint and its two neighbours, and a stride of all floats.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/half.h"

typedef struct format {
    const char *name;
    unsigned sign, max; /* the sign's bit; code of the largest finite value */
    double largest, smallest_normal, smallest;
    float (*from)(unsigned code);
    unsigned (*to)(float f);
} format;

static float from_f16(unsigned v) { return f16_to_f32((uint16_t)v); }
static float from_bf16(unsigned v) { return bf16_to_f32((uint16_t)v); }
static float from_e4m3fn(unsigned v) { return f8e4m3fn_to_f32((uint8_t)v); }
static float from_e4m3fnuz(unsigned v) { return f8e4m3fnuz_to_f32((uint8_t)v); }
static float from_e5m2(unsigned v) { return f8e5m2_to_f32((uint8_t)v); }
static float from_e5m2fnuz(unsigned v) { return f8e5m2fnuz_to_f32((uint8_t)v); }
static float from_e2m1(unsigned v) { return f4e2m1_to_f32((uint8_t)v); }
static float from_e2m3(unsigned v) { return f6e2m3_to_f32((uint8_t)v); }
static float from_e3m2(unsigned v) { return f6e3m2_to_f32((uint8_t)v); }
static unsigned to_f16(float f) { return f32_to_f16(f); }
static unsigned to_bf16(float f) { return f32_to_bf16(f); }
static unsigned to_e4m3fn(float f) { return f32_to_f8e4m3fn(f, true); }
static unsigned to_e4m3fnuz(float f) { return f32_to_f8e4m3fnuz(f, true); }
static unsigned to_e5m2(float f) { return f32_to_f8e5m2(f, true); }
static unsigned to_e5m2fnuz(float f) { return f32_to_f8e5m2fnuz(f, true); }
static unsigned to_e2m1(float f) { return f32_to_f4e2m1(f); }
static unsigned to_e2m3(float f) { return f32_to_f6e2m3(f); }
static unsigned to_e3m2(float f) { return f32_to_f6e3m2(f); }

/* The constants are those of the ONNX float8 page, the OCP Microscaling specification, and IEEE 754 for f16. */
static const format formats[] = {
    {"f16", 0x8000, 0x7BFF, 65504, 0x1p-14, 0x1p-24, from_f16, to_f16},
    {"bf16", 0x8000, 0x7F7F, 0x1.FEp127, 0x1p-126, 0x1p-133, from_bf16, to_bf16},
    {"e4m3fn", 0x80, 0x7E, 448, 0x1p-6, 0x1p-9, from_e4m3fn, to_e4m3fn},
    {"e4m3fnuz", 0x80, 0x7F, 240, 0x1p-7, 0x1p-10, from_e4m3fnuz, to_e4m3fnuz},
    {"e5m2", 0x80, 0x7B, 57344, 0x1p-14, 0x1p-16, from_e5m2, to_e5m2},
    {"e5m2fnuz", 0x80, 0x7F, 57344, 0x1p-15, 0x1p-17, from_e5m2fnuz, to_e5m2fnuz},
    {"e2m1", 0x8, 0x7, 6, 1, 0.5, from_e2m1, to_e2m1},
    {"e2m3", 0x20, 0x1F, 7.5, 1, 0.125, from_e2m3, to_e2m3},
    {"e3m2", 0x20, 0x1F, 28, 0.25, 0.0625, from_e3m2, to_e3m2},
};
#define N_FORMATS (sizeof formats / sizeof formats[0])

static int has_negative_zero(const format *f) { return isnan(f->from(f->sign)) == 0; }

/* The value of a code up to one beyond the largest, as if exponents went on: what rounding decides by. */
static double value(const format *f, unsigned code) {
    if (code <= f->max) return f->from(code);
    return 2.0 * f->from(f->max) - f->from(f->max - 1);
}

static void check_nearest(const format *f, float x, unsigned overflow) {
    const double a = fabs((double)x);
    unsigned code = f->to(x), magnitude = code & (f->sign - 1);
    int negative = (code & f->sign) != 0;
    int ok = negative == (signbit(x) != 0) || (magnitude == 0 && !has_negative_zero(f));
    if (code == f->sign && !has_negative_zero(f)) ok = 0;
    if (magnitude > f->max || (a > f->largest && magnitude == f->max)) { /* 0x7C00 and the like, or saturated */
        const double tie = (f->largest + value(f, f->max + 1)) / 2;
        ok &= magnitude == f->max || magnitude == overflow;
        if (magnitude == overflow && overflow != f->max) ok &= a > tie || (a == tie && (f->max & 1));
    } else {
        const double d = fabs(a - value(f, magnitude));
        if (magnitude > 0) {
            const double lower = fabs(a - value(f, magnitude - 1));
            ok &= d < lower || (d == lower && !(magnitude & 1));
        }
        if (magnitude < f->max || overflow != f->max) {
            const double upper = fabs(value(f, magnitude + 1) - a);
            ok &= d < upper || (d == upper && !(magnitude & 1));
        }
    }
    if (!ok) fail_msg("%s: %a became code 0x%x", f->name, (double)x, code);
}

static unsigned overflow_of(const format *f) { return f - formats < 2 ? f->max + 1 : f->max; }

static void test_values(void **state) {
    (void)state;
    for (size_t k = 0; k < N_FORMATS; k++) {
        const format *f = &formats[k];
        assert_true(f->from(f->max) == f->largest);
        assert_true(f->from(1) == f->smallest);
        const unsigned normal = (unsigned)(f->smallest_normal / f->smallest);
        assert_true(f->from(normal) == f->smallest_normal);
        assert_true(f->from(0) == 0 && !signbit(f->from(0)));
        for (unsigned code = 1; code <= f->max; code++) {
            assert_true(f->from(code) > f->from(code - 1));
            assert_true(f->from(code | f->sign) == -f->from(code));
            assert_int_equal(f->to(f->from(code)), code);
            assert_int_equal(f->to(-f->from(code)), code | f->sign);
            /* evenly spaced below the smallest normal, then a fraction of `normal` steps per octave */
            const int e = code < 2 * normal ? 0 : ilogb(f->from(code)) - ilogb(f->smallest_normal);
            assert_true(f->from(code) - f->from(code - 1) == ldexp(f->smallest, code % normal ? e : e > 0 ? e - 1 : 0));
        }
        assert_int_equal(f->to(-0.0f), has_negative_zero(f) ? f->sign : 0);
    }
}

static void test_midpoints(void **state) {
    (void)state;
    for (size_t k = 0; k < N_FORMATS; k++) {
        const format *f = &formats[k];
        for (unsigned code = 0; code <= f->max; code++) {
            const float mid = (float)((value(f, code) + value(f, code + 1)) / 2);
            const float at[] = {f->from(code), mid, nextafterf(mid, 0), nextafterf(mid, INFINITY)};
            for (int i = 0; i < 4; i++) {
                check_nearest(f, at[i], overflow_of(f));
                check_nearest(f, -at[i], overflow_of(f));
            }
        }
    }
}

static void test_stride(void **state) {
    (void)state;
    for (uint64_t u = 0; u < (uint64_t)1 << 32; u += 9973) {
        const float x = bits_f32((uint32_t)u);
        if (isnan(x)) continue;
        for (size_t k = 0; k < N_FORMATS; k++)
            if (!isinf(x)) check_nearest(&formats[k], x, overflow_of(&formats[k]));
        assert_int_equal(f32_to_f16(x), f64_to_f16(x));
        assert_int_equal(f32_to_bf16(x), f64_to_bf16(x));
    }
}

/* A double just beside a midpoint of f16 must not be rounded to float first. */
static void test_double_rounds_once(void **state) {
    (void)state;
    for (unsigned h = 0; h < 0x7BFF; h++) {
        const double mid = ((double)f16_to_f32((uint16_t)h) + (double)f16_to_f32((uint16_t)(h + 1))) / 2;
        assert_int_equal(f64_to_f16(nextafter(mid, 0)), h);
        assert_int_equal(f64_to_f16(nextafter(mid, INFINITY)), h + 1);
        assert_int_equal(f64_to_f16(-mid), 0x8000 | (h & 1 ? h + 1 : h));
    }
    for (unsigned h = 0; h < 0x7F7F; h++) {
        const double mid = ((double)bf16_to_f32((uint16_t)h) + (double)bf16_to_f32((uint16_t)(h + 1))) / 2;
        assert_int_equal(f64_to_bf16(nextafter(mid, 0)), h);
        assert_int_equal(f64_to_bf16(nextafter(mid, INFINITY)), h + 1);
    }
    assert_int_equal(f64_to_f16(1e300), 0x7C00);
    assert_int_equal(f64_to_f16(-INFINITY), 0xFC00);
    assert_int_equal(f64_to_bf16(INFINITY), 0x7F80);
    assert_int_equal(f64_to_f16(NAN) & 0x7E00, 0x7E00);
    assert_int_equal(f64_to_bf16(-NAN) & 0x7FC0, 0x7FC0);
    assert_int_equal(f64_to_f16(0x1p-1074), 0);
    assert_int_equal(f64_to_bf16(-0x1p-1074), 0x8000);
}

static void test_f16_all(void **state) {
    (void)state;
    for (unsigned h = 0; h < 65536; h++) {
        const float f = f16_to_f32((uint16_t)h);
        if ((h & 0x7FFF) > 0x7C00) {
            assert_true(isnan(f));
            assert_int_equal(f32_to_f16(f), h | 0x200);
            assert_true(isnan(f16_to_f32(f32_to_f16(f))));
        } else {
            assert_int_equal(f32_to_f16(f), h);
            const int e = (int)(h >> 10 & 31), m = (int)(h & 1023);
            const double want = e == 31 ? INFINITY : e ? ldexp(1024 + m, e - 25) : ldexp(m, -24);
            assert_true(f == (h & 0x8000 ? -want : want));
        }
        const float b = bf16_to_f32((uint16_t)h);
        assert_int_equal(f32_to_bf16(b), isnan(b) ? h | 0x40 : h);
    }
}

/* The special rows of ONNX's Cast tables. */
static void test_cast_tables(void **state) {
    (void)state;
    static const float big[] = {INFINITY, 1e30f, 65536.0f};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(f32_to_f8e4m3fn(big[i], true), 0x7E);
        assert_int_equal(f32_to_f8e4m3fn(-big[i], true), 0xFE);
        assert_int_equal(f32_to_f8e4m3fn(big[i], false), 0x7F);
        assert_int_equal(f32_to_f8e4m3fn(-big[i], false), 0xFF);
        assert_int_equal(f32_to_f8e4m3fnuz(-big[i], true), 0xFF);
        assert_int_equal(f32_to_f8e4m3fnuz(-big[i], false), 0x80);
        assert_int_equal(f32_to_f8e5m2(-big[i], true), 0xFB);
        assert_int_equal(f32_to_f8e5m2(-big[i], false), 0xFC);
        assert_int_equal(f32_to_f8e5m2fnuz(big[i], true), 0x7F);
        assert_int_equal(f32_to_f8e5m2fnuz(big[i], false), 0x80);
        assert_int_equal(f32_to_f4e2m1(-big[i]), 0xF);
        assert_int_equal(f32_to_f6e2m3(big[i]), 0x1F);
        assert_int_equal(f32_to_f6e3m2(-big[i]), 0x3F);
    }
    assert_int_equal(f32_to_f8e4m3fn(464.0f, false), 0x7E); /* a tie goes to the even code */
    assert_int_equal(f32_to_f8e4m3fn(464.1f, false), 0x7F);
    assert_int_equal(f32_to_f8e4m3fn(NAN, true), 0x7F);
    assert_int_equal(f32_to_f8e4m3fn(-NAN, true), 0xFF);
    assert_int_equal(f32_to_f8e4m3fnuz(-NAN, true), 0x80);
    assert_int_equal(f32_to_f8e5m2fnuz(NAN, false), 0x80);
    assert_int_equal(f32_to_f4e2m1(NAN), 0x8);
    assert_int_equal(f32_to_f6e2m3(NAN), 0x20);
    assert_true(isnan(f8e5m2_to_f32(f32_to_f8e5m2(NAN, true))));
    assert_true(isnan(f8e4m3fn_to_f32(0x7F)) && isnan(f8e4m3fn_to_f32(0xFF)));
    assert_true(isnan(f8e4m3fnuz_to_f32(0x80)) && isnan(f8e5m2fnuz_to_f32(0x80)));
    for (uint8_t v = 0x7D; v <= 0x7F; v++) assert_true(isnan(f8e5m2_to_f32(v)) && isnan(f8e5m2_to_f32(v | 0x80)));
    assert_true(f8e5m2_to_f32(0x7C) == INFINITY && f8e5m2_to_f32(0xFC) == -INFINITY);
    assert_int_equal(f32_to_f8e4m3fnuz(-1e-9f, true), 0);                 /* there is no -0 */
    assert_true(f4e2m1_to_f32(0xF7) == 6 && f6e2m3_to_f32(0xDF) == 7.5f); /* the high bits do not count */
}

static void test_e8m0(void **state) {
    (void)state;
    for (int v = 0; v < 255; v++) {
        const float f = f8e8m0_to_f32((uint8_t)v);
        assert_true(f == (float)ldexp(1, v - 127));
        for (int mode = E8M0_UP; mode <= E8M0_NEAREST; mode++)
            for (int saturate = 0; saturate < 2; saturate++) {
                assert_int_equal(f32_to_f8e8m0(f, saturate, (e8m0_round)mode), v);
                const int top = saturate ? 254 : 255, next = v == 254 ? top : v + 1;
                if (v > 0) {
                    assert_int_equal(f32_to_f8e8m0(f * 1.25f, saturate, (e8m0_round)mode), mode == E8M0_UP ? next : v);
                    assert_int_equal(f32_to_f8e8m0(f * 1.5f, saturate, (e8m0_round)mode), mode == E8M0_DOWN ? v : next);
                }
            }
    }
    assert_true(isnan(f8e8m0_to_f32(255)));
    assert_int_equal(f32_to_f8e8m0(0, true, E8M0_UP), 0);
    assert_int_equal(f32_to_f8e8m0(0, false, E8M0_NEAREST), 255);
    assert_int_equal(f32_to_f8e8m0(INFINITY, true, E8M0_UP), 254);
    assert_int_equal(f32_to_f8e8m0(INFINITY, false, E8M0_NEAREST), 255);
    assert_int_equal(f32_to_f8e8m0(NAN, true, E8M0_UP), 255);
    assert_int_equal(f32_to_f8e8m0(0x1p-140f, true, E8M0_UP), 0);
    assert_int_equal(f32_to_f8e8m0(0x1p-140f, false, E8M0_NEAREST), 255);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),  cmocka_unit_test(test_midpoints),          cmocka_unit_test(test_stride),
        cmocka_unit_test(test_f16_all), cmocka_unit_test(test_double_rounds_once), cmocka_unit_test(test_cast_tables),
        cmocka_unit_test(test_e8m0),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
