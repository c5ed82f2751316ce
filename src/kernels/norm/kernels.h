/*
 * kernels.h -- inner loops of normalisation per instruction set (vec.c); private to this family.
 */
#ifndef SARD_KERNELS_NORM_KERNELS_H
#define SARD_KERNELS_NORM_KERNELS_H

#include <stdint.h>

#include "base/cpu.h"
#include "kernels/norm/norm.h"

#define NORM_KERNELS(T)                                                                                                      \
    /* statistics of n contiguous elements; rms: mean 0 */                                                                   \
    void (*stats)(int rms, const T *x, int64_t n, T eps, T *mean, T *inv);                                                   \
    /* rows of n: y = fma((x - mean) * inv, scale[i], bias[i]); scale, bias: NULL or n elements; mean, inv: NULL or        \
     * where the statistics of each row go */ \
    void (*rows)(int rms, const T *x, int64_t ldx, T *y, int64_t ldy, int64_t rows, int64_t n, T eps, const T *scale,        \
                 const T *bias, T *mean, T *inv);                                                                            \
    /* y of one row with given statistics, one scale and one bias (NULL: none) */                                            \
    void (*apply1)(const T *x, T *y, int64_t n, T mean, T inv, const T *scale, const T *bias);                               \
    /* sum of |x| or of x^2 in blocks and partials */                                                                        \
    T (*power)(int p, const T *x, int64_t n);                                                                                \
    /* y = x / d */                                                                                                          \
    void (*divide)(const T *x, T *y, int64_t n, T d)

typedef struct norm_kernels {
    struct {
        NORM_KERNELS(float);
        void (*widen)(int bf16, const uint16_t *x, int64_t n, float *y);
        void (*narrow)(int bf16, const float *x, int64_t n, uint16_t *y);
    } f32;
    struct {
        NORM_KERNELS(double);
    } f64;
} norm_kernels;

/* NULL when the build has no such row. */
const norm_kernels *norm_kernels_for(isa level);
const norm_kernels *norm_kernels_best(void);
sard_status norm_rows_on(const norm_kernels *k, const norm_rows_args *a, const par *threads, sard_error *err);
sard_status norm_group_on(const norm_kernels *k, const norm_group_args *a, const par *threads, sard_error *err);
sard_status norm_lp_on(const norm_kernels *k, const norm_lp_args *a, const par *threads, sard_error *err);

/* A row of any float type as floats (doubles when the type is F64), and back. */
void norm_widen(const norm_kernels *k, sard_dtype t, const void *from, int64_t n, void *to);
void norm_narrow(const norm_kernels *k, sard_dtype t, const void *from, int64_t n, void *to);

#endif
