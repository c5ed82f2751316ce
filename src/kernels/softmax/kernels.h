/*
 * kernels.h -- inner loops of softmax per instruction set (vec.c); private to this family.
 */
#ifndef SARD_KERNELS_SOFTMAX_KERNELS_H
#define SARD_KERNELS_SOFTMAX_KERNELS_H

#include <stdint.h>

#include "base/cpu.h"
#include "kernels/softmax/softmax.h"

#define SOFTMAX_KERNELS(T)                                                                                             \
    /* rows of n contiguous elements; the sum in blocks and partials */                                                \
    void (*rows)(int log, const T *x, int64_t ldx, T *y, int64_t ldy, int64_t rows, int64_t n);                        \
    /* `width` neighbouring columns of n elements, ldx and ldy apart; the sum in increasing order */                   \
    void (*cols)(int log, const T *x, int64_t ldx, T *y, int64_t ldy, int64_t n, int64_t width)

typedef struct softmax_kernels {
    struct {
        SOFTMAX_KERNELS(float);
    } f32;
    struct {
        SOFTMAX_KERNELS(double);
    } f64;
} softmax_kernels;

/* NULL when the build has no such row. */
const softmax_kernels *softmax_kernels_for(isa level);
const softmax_kernels *softmax_kernels_best(void);
sard_status softmax_run_on(const softmax_kernels *k, const softmax_args *a, const par *threads, sard_error *err);

#endif
