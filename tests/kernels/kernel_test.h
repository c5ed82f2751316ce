/*
 * kernel_test.h -- what the tests of kernel families share: seeded data with special values, guarded buffers at odd
 * addresses, comparison of bits.
 */
#ifndef SARD_TESTS_KERNEL_TEST_H
#define SARD_TESTS_KERNEL_TEST_H

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t kt_seed = 20240601;
static inline uint32_t kt_u32(void) {
    kt_seed = kt_seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(kt_seed >> 32);
}
static inline int64_t kt_below(int64_t n) { return (int64_t)(kt_u32() % (uint64_t)n); }
/* One of the numbers in the list. */
#define PICK(...) ((const int64_t[]){__VA_ARGS__})[kt_below((int64_t)(sizeof((const int64_t[]){__VA_ARGS__}) / 8))]
static inline float kt_real(void) { return (float)(int32_t)kt_u32() * 0x1p-31f; }

enum { KT_PLAIN, KT_SPECIAL };
/* Numbers in (-1, 1); KT_SPECIAL: one in eight a zero, a denormal, an infinity, a NaN, or huge. */
static inline float kt_float(int kind) {
    static const float special[] = {0, -0.f, 0x1p-149f, -0x1p-130f, 0x1p-126f, INFINITY, -INFINITY, NAN, 3e38f, 1e-30f};
    if (kind == KT_SPECIAL && kt_below(8) == 0) return special[kt_below(10)];
    return kt_real();
}
/* Finite ones only: zeros, denormals, ordinary numbers. */
static inline float kt_finite(void) {
    static const float special[] = {0, -0.f, 0x1p-149f, -0x1p-130f, 0x1p-126f, 1e-30f};
    return kt_below(8) == 0 ? special[kt_below(6)] : kt_real();
}

enum { KT_GUARD = 64 };
/* n bytes at an address that is `off` bytes past a multiple of 64, guard bytes on both sides. */
typedef struct kt_buffer {
    unsigned char *raw, *p;
    size_t n;
} kt_buffer;
static inline kt_buffer kt_alloc(size_t n, size_t off) {
    kt_buffer b = {NULL, NULL, n};
    size_t total = (n + off + 2 * KT_GUARD + 63) / 64 * 64;
    b.raw = aligned_alloc(64, total);
    assert_non_null(b.raw);
    memset(b.raw, 0xa5, total);
    b.p = b.raw + KT_GUARD + off;
    return b;
}
static inline void kt_check_guard(const kt_buffer *b) {
    for (int i = 1; i <= KT_GUARD; i++) {
        assert_int_equal(b->p[-i], 0xa5);
        assert_int_equal(b->p[b->n + (size_t)i - 1], 0xa5);
    }
}
static inline void kt_free(kt_buffer *b) {
    kt_check_guard(b);
    free(b->raw);
}

/* Index of the first element whose bits differ (NaN equals NaN), or -1. */
static inline int64_t kt_differ(const float *a, const float *b, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        if (memcmp(a + i, b + i, sizeof *a) != 0 && !(isnan(a[i]) && isnan(b[i]))) return i;
    return -1;
}
static inline int64_t kt_differ_f64(const double *a, const double *b, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        if (memcmp(a + i, b + i, sizeof *a) != 0 && !(isnan(a[i]) && isnan(b[i]))) return i;
    return -1;
}

#endif
