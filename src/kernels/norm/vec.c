/*
 * vec.c -- statistics and normalisation of rows, compiled once per instruction set. See kernels.h.
 */
#include "base/isa_name.h"
#include "kernels/norm/kernels.h"
#include "kernels/reduce/order.h"

#define S    float
#define V    vf
#define NV   VL
#define F(n) f_##n
#define O(n) order_f32_##n
#define N(n) n##_f32
#define ROOT sqrtf
#include "kernels/norm/vec.inc"
#undef S
#undef V
#undef NV
#undef F
#undef O
#undef N
#undef ROOT

#define S    double
#define V    vd
#define NV   VD
#define F(n) d_##n
#define O(n) order_f64_##n
#define N(n) n##_f64
#define ROOT sqrt
#include "kernels/norm/vec.inc"

static void widen(int bf16, const uint16_t *x, int64_t n, float *y) {
    int64_t i = 0;
    for (; i + VL <= n; i += VL) f_st(y + i, bf16 ? f_ld_bf16(x + i) : f_ld_f16(x + i));
    if (i < n) f_stn(y + i, n - i, bf16 ? f_ldn_bf16(x + i, n - i) : f_ldn_f16(x + i, n - i));
}
static void narrow(int bf16, const float *x, int64_t n, uint16_t *y) {
    int64_t i = 0;
    for (; i + VL <= n; i += VL) {
        if (bf16)
            f_st_bf16(y + i, f_ld(x + i));
        else
            f_st_f16(y + i, f_ld(x + i));
    }
    if (i < n && bf16)
        f_stn_bf16(y + i, n - i, f_ldn(x + i, n - i));
    else if (i < n)
        f_stn_f16(y + i, n - i, f_ldn(x + i, n - i));
}

extern const norm_kernels K(norm_kernels);
const norm_kernels K(norm_kernels) = {
    .f32 = {stats_f32, rows_f32, apply1_f32, power_f32, divide_f32, widen, narrow},
    .f64 = {stats_f64, rows_f64, apply1_f64, power_f64, divide_f64},
};
