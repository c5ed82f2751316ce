/*
 * softmax.h -- Softmax and LogSoftmax along one axis.
 *
 * maximum m; e = e^(x - m) by a sequence of its own (below e^-86.99 it is +0: no denormals, masked scores cost nothing);
 * s = sum of e in the order of reduce.h; y = e * (1 / s). LogSoftmax: (x - m) - log(s). A NaN or a row of -inf gives
 * NaN. f16 and bf16 in f32, rounded once; f64 likewise in double.
 */
#ifndef SARD_KERNELS_SOFTMAX_H
#define SARD_KERNELS_SOFTMAX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cpu.h"
#include "base/err.h"
#include "base/pool.h"

enum { SOFTMAX_MAX_RANK = 16 };

typedef struct softmax_args {
    sard_dtype type; /* F32 F64 F16 BF16 */
    bool log;
    int rank, axis;
    int64_t dim[SOFTMAX_MAX_RANK], in_stride[SOFTMAX_MAX_RANK], out_stride[SOFTMAX_MAX_RANK]; /* elements */
    const void *in;
    void *out; /* may be in, with the same strides */
} softmax_args;
sard_status softmax_run(const softmax_args *a, const par *threads, sard_error *err);

/* The same over the last axis of rows of n floats (ldx, ldy apart), on the calling thread: for attention. */
void softmax_rows_f32(const float *x, int64_t ldx, float *y, int64_t ldy, int64_t rows, int64_t n);

#endif
