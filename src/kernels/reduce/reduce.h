/*
 * reduce.h -- reductions over any set of axes, ArgMax/ArgMin and cumulative sums, in one defined order.
 *
 * Order (logical indices, never memory): the trailing reduced axes (the longest run of reduced axes at the end of the
 * shape; where the last axis is kept, all reduced axes) are one sequence: element i of a block of 16,384 goes to partial
 * i mod 64; partials start from the identity; p[j] = p[j] o p[j + 32], then + 16 ... + 1; block totals in increasing
 * order. Over the other reduced axes: those totals in increasing index, from the identity. The identity of a sum is -0,
 * an empty sum is +0. So a reduction has the same bits for every layout, thread count and instruction set. (A plain
 * running sum over leading axes was measured at five times the error: variances of 512 rows lost three digits.)
 *
 * f16 and bf16 are computed in f32 and rounded once. Integers wrap. Max and Min: a if a > b or a is NaN, else b.
 * All functions may run on any number of threads through `threads` (NULL: the caller alone).
 */
#ifndef SARD_KERNELS_REDUCE_H
#define SARD_KERNELS_REDUCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cpu.h"
#include "base/err.h"
#include "base/pool.h"

typedef enum reduce_op {
    REDUCE_SUM,
    REDUCE_MEAN, /* the sum divided by the count, once; integers: toward zero */
    REDUCE_PROD,
    REDUCE_MAX, /* of nothing: -inf, the lowest integer, false */
    REDUCE_MIN,
    REDUCE_SUM_SQUARE, /* squares are rounded before they are added */
    REDUCE_L1,
    REDUCE_L2,         /* square root of SUM_SQUARE; integers: of the wrapped sum, cut */
    REDUCE_LOG_SUM,    /* floats only, as the next */
    REDUCE_LOG_SUM_EXP /* m + log(sum of e^(x - m)), m the maximum (0 where it is not finite) */
} reduce_op;

enum { REDUCE_MAX_RANK = 16, REDUCE_BLOCK = 16384, REDUCE_PARTIALS = 64 };

/* Strides in elements; out_stride of a reduced axis is not looked at. Types: F32 F64 F16 BF16, I8..I64, U8..U64; BOOL
 * for MAX (any) and MIN (all). Input and output have the same type and do not overlap. */
typedef struct reduce_args {
    reduce_op op;
    sard_dtype type;
    int rank;
    int64_t dim[REDUCE_MAX_RANK], in_stride[REDUCE_MAX_RANK], out_stride[REDUCE_MAX_RANK];
    bool reduced[REDUCE_MAX_RANK];
    const void *in;
    void *out;
} reduce_args;
sard_status reduce_run(const reduce_args *a, const par *threads, sard_error *err);

/* Index (int64) of the largest or smallest element along `axis`; ties: the first, or the last with select_last; a NaN
 * beats every number. out strides as in reduce_args (op, reduced and out type are not looked at). The axis is not
 * empty. */
sard_status reduce_arg(const reduce_args *a, int axis, bool largest, bool select_last, const par *threads,
                       sard_error *err);

/* Running totals along `axis` in increasing (reverse: decreasing) index; exclusive: what came before, from +0 (product:
 * 1). op: REDUCE_SUM or REDUCE_PROD. Input and output may be the same memory with the same strides. f16, bf16: the
 * running total is kept in f32. */
sard_status reduce_cumulative(const reduce_args *a, int axis, bool exclusive, bool reverse, const par *threads,
                              sard_error *err);

/* ---- building blocks for other families: contiguous f32 -------------------------------------------------------------- */

/* Sum of n contiguous floats in the order above. */
float reduce_sum_f32(const float *x, int64_t n);

#endif
