/*
 * kernels.h -- inner loops of reductions per instruction set (vec.c), f32 and f64; private to this family.
 */
#ifndef SARD_KERNELS_REDUCE_KERNELS_H
#define SARD_KERNELS_REDUCE_KERNELS_H

#include <stdint.h>

#include "base/cpu.h"

/* op: ORDER_... of order.h. The f32 members; the f64 ones are alike. */
#define REDUCE_KERNELS(T)                                                                                              \
    /* out[r] = the ordered reduction of row r of n contiguous elements, rows ld apart */                              \
    void (*rows)(int op, const T *x, int64_t ld, int64_t rows, int64_t n, T *out);                                     \
    /* n elements more of a sequence at a multiple of 64 of it, into its 64 partials */                                \
    void (*add)(int op, T *partials, const T *x, int64_t n);                                                           \
    /* for each s in increasing order: acc[w] = acc[w] o term(x[s * stride + w]) */                                    \
    void (*cols)(int op, T *acc, const T *x, int64_t stride, int64_t steps, int64_t width);                            \
    /* x[i] = e^(x[i] - m) */                                                                                          \
    void (*exp_minus)(T * x, int64_t n, T m)

typedef struct reduce_kernels {
    struct {
        REDUCE_KERNELS(float);
        void (*widen)(int bf16, const uint16_t *x, int64_t n, float *y);
        /* the first or last i with x[i] == v (a NaN, when v is one); -1: none */
        int64_t (*find)(const float *x, int64_t n, float v, int last);
    } f32;
    struct {
        REDUCE_KERNELS(double);
    } f64;
} reduce_kernels;

/* NULL when the build has no such row. */
const reduce_kernels *reduce_kernels_for(isa level);
const reduce_kernels *reduce_kernels_best(void);

#endif
