/*
 * norm.h -- layer, RMS, group and instance normalisation, and division by an Lp norm.
 *
 * Two passes of statistics in the order of reduce.h: mean = sum / n; var = (sum of squares of x - mean, each rounded) / n;
 * inv = 1 / sqrt(var + eps); y = fma((x - mean) * inv, scale, bias), or ((x - mean) * inv) * scale without a bias. RMS:
 * mean = 0 and not subtracted. f16 and bf16 in f32, rounded once; f64 in double.
 */
#ifndef SARD_KERNELS_NORM_H
#define SARD_KERNELS_NORM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cpu.h"
#include "base/err.h"
#include "base/pool.h"

/* Rows of n contiguous elements, row-major. */
typedef struct norm_rows_args {
    sard_dtype type;  /* of x, y: F32 F64 F16 BF16 */
    sard_dtype param; /* of scale and bias: the same set (statistics are F64 only when type is F64) */
    bool rms;
    double eps; /* rounded to the type of computation */
    int64_t rows, n;
    const void *x;
    void *y;                  /* may be x */
    const void *scale, *bias; /* [n]; NULL: none */
    void *mean, *inv;         /* [rows], float (double when type is F64); NULL: not wanted */
} norm_rows_args;
sard_status norm_rows(const norm_rows_args *a, const par *threads, sard_error *err);

/* Groups of channels of [batch, channels, inner]: statistics over channels_per_group x inner (channel outer); scale and
 * bias per channel. Instance normalisation: channels_per_group = 1. Strides in elements, so channels-last works. */
typedef struct norm_group_args {
    sard_dtype type, param;
    double eps;
    int64_t batch, channels, inner, channels_per_group;
    int64_t x_stride[3], y_stride[3]; /* of batch, channel, inner */
    const void *x;
    void *y;                  /* may be x with the same strides */
    const void *scale, *bias; /* [channels]; NULL: none */
} norm_group_args;
sard_status norm_group(const norm_group_args *a, const par *threads, sard_error *err);

/* y = x / (p == 1 ? sum |x| : sqrt(sum x^2)) along one axis of any strides; 0 / 0 is 0. */
typedef struct norm_lp_args {
    sard_dtype type;
    int p, rank, axis;
    int64_t dim[16], in_stride[16], out_stride[16];
    const void *in;
    void *out; /* may be in, with the same strides */
} norm_lp_args;
sard_status norm_lp(const norm_lp_args *a, const par *threads, sard_error *err);

#endif
