/*
 * vec.c -- inner loops of reductions, compiled once per instruction set. See kernels.h and order.h.
 */
#include "base/isa_name.h"
#include "kernels/pointwise/math32.h"
#include "kernels/pointwise/math64.h"
#include "kernels/reduce/kernels.h"
#include "kernels/reduce/order.h"

#define S    float
#define V    vf
#define NV   VL
#define F(n) f_##n
#define O(n) order_f32_##n
#define N(n) n##_f32
#include "kernels/reduce/vec.inc"
#undef S
#undef V
#undef NV
#undef F
#undef O
#undef N

#define S    double
#define V    vd
#define NV   VD
#define F(n) d_##n
#define O(n) order_f64_##n
#define N(n) n##_f64
#include "kernels/reduce/vec.inc"

static void exp_minus_f32(float *x, int64_t n, float m) {
    int64_t i = 0;
    for (; i + VL <= n; i += VL) f_st(x + i, f_exp(f_ld(x + i) - f_set(m)));
    if (i < n) f_stn(x + i, n - i, f_exp(f_ldn(x + i, n - i) - f_set(m)));
}
static void exp_minus_f64(double *x, int64_t n, double m) {
    for (int64_t i = 0; i < n; i++) x[i] = m64_exp(x[i] - m);
}

static void widen(int bf16, const uint16_t *x, int64_t n, float *y) {
    int64_t i = 0;
    for (; i + VL <= n; i += VL) f_st(y + i, bf16 ? f_ld_bf16(x + i) : f_ld_f16(x + i));
    if (i < n) f_stn(y + i, n - i, bf16 ? f_ldn_bf16(x + i, n - i) : f_ldn_f16(x + i, n - i));
}

static int is_found(const float *x, float v) { return v != v ? *x != *x : *x == v; }
static int64_t find_within(const float *x, int64_t n, float v, int last) {
    for (int64_t q = 0; q < n; q++) {
        int64_t i = last ? n - 1 - q : q;
        if (is_found(x + i, v)) return i;
    }
    return -1;
}
INL int hits(const float *x, vf w, const int nan) { /* one vector */
    vf t = f_ld(x);
    return m_any(nan ? f_ne(t, t) : f_eq(t, w));
}
static int64_t find(const float *x, int64_t n, float v, int last) {
    const vf w = f_set(v);
    const int nan = v != v;
    int64_t rest = n % VL, at = last ? n - VL : 0; /* whole vectors from the end that is looked at first */
    for (int64_t b = 0; b < n / VL; b++, at += last ? -VL : VL)
        if (hits(x + at, w, nan)) return at + find_within(x + at, VL, v, last);
    int64_t found = find_within(last ? x : x + at, rest, v, last);
    return found < 0 ? -1 : found + (last ? 0 : at);
}

extern const reduce_kernels K(reduce_kernels);
const reduce_kernels K(reduce_kernels) = {
    .f32 = {rows_f32, add_f32, cols_f32, exp_minus_f32, widen, find},
    .f64 = {rows_f64, add_f64, cols_f64, exp_minus_f64},
};
