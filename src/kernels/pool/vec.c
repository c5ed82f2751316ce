/*
 * vec.c -- the inner loops of pooling, compiled once per instruction set. fp32 windows keep their lanes in registers
 * over all taps; the rest are plain loops.
 */
#include "base/isa_name.h"
#include "base/simd.h"
#include "kernels/pointwise/math64.h"
#include "kernels/pool/pooling_rows.h"

#define T       float
#define LOWEST  -INFINITY
#define ROOT    sqrtf
#define ABS     fabsf
#define FLOAT   1
#define G(name) name##_f32
#include "kernels/pool/rows.inc"
#define T       double
#define LOWEST  -INFINITY
#define ROOT    sqrt
#define ABS     fabs
#define FLOAT   1
#define G(name) name##_f64
#include "kernels/pool/rows.inc"
#define T      int8_t
#define LOWEST INT8_MIN
#define ROOT
#define ABS
#define FLOAT   0
#define G(name) name##_i8
#include "kernels/pool/rows.inc"
#define T      uint8_t
#define LOWEST 0
#define ROOT
#define ABS
#define FLOAT   0
#define G(name) name##_u8
#include "kernels/pool/rows.inc"

INL vf op_of(const pooling_op op, vf acc, vf x) {
    switch (op) {
    case POOLING_OP_MAX:
        return f_maxn(x, acc);
    case POOLING_OP_SUM:
        return acc + x;
    case POOLING_OP_ABS:
        return acc + f_abs(x);
    default:
        return acc + x * x;
    }
}

INL void window(const pooling_op op, const float *x, const int64_t *off, int64_t taps, int64_t n, float *y) {
    int64_t i = 0;
    for (; i + 4 * VL <= n; i += 4 * VL) {
        vf a[4];
        UNROLL for (int v = 0; v < 4; v++) a[v] = f_ld(y + i + v * VL);
        for (int64_t t = 0; t < taps; t++)
            UNROLL for (int v = 0; v < 4; v++) a[v] = op_of(op, a[v], f_ld(x + off[t] + i + v * VL));
        UNROLL for (int v = 0; v < 4; v++) f_st(y + i + v * VL, a[v]);
    }
    for (; i < n; i += VL) {
        const int64_t some = n - i < VL ? n - i : VL;
        vf a = f_ldn(y + i, some);
        for (int64_t t = 0; t < taps; t++) a = op_of(op, a, f_ldn(x + off[t] + i, some));
        f_stn(y + i, some, a);
    }
}

static void windows(pooling_op op, int64_t p, const void *x, const int64_t *off, int64_t taps, int64_t n, void *y) {
    switch (op) {
    case POOLING_OP_MAX:
        window(POOLING_OP_MAX, x, off, taps, n, y);
        break;
    case POOLING_OP_SUM:
        window(POOLING_OP_SUM, x, off, taps, n, y);
        break;
    case POOLING_OP_ABS:
        window(POOLING_OP_ABS, x, off, taps, n, y);
        break;
    case POOLING_OP_SQUARE:
        window(POOLING_OP_SQUARE, x, off, taps, n, y);
        break;
    case POOLING_OP_POW:
        taps_f32(op, p, x, off, taps, n, y);
        break;
    }
}

const pooling_kernel K(pooling_kernel) = {SIMD_LEVEL,
                                          {{start_f32, windows, line_f32, finish_f32},
                                           {start_f64, taps_f64, line_f64, finish_f64},
                                           {start_i8, taps_i8, line_i8, finish_i8},
                                           {start_u8, taps_u8, line_u8, finish_u8}}};
