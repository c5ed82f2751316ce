/*
 * pooling.h -- maxima, averages and p-norms over sliding windows of any rank, in any layout.
 *
 * One definition: the taps of a window in increasing (row-major) order of kernel position; those outside the image do
 * not take part.
 *   max      starts from the lowest value (-inf); x replaces it when x is greater or the first NaN. With indices: the
 *            place of that x; an empty window gives the lowest value and index 0
 *   average  sum from -0, one division by the number of taps: those inside the image, or with count_pad those inside
 *            image and padding. An empty window gives 0
 *   norm     sum of |x|^p from -0, then the p-th root; p = 1: |x|, no root; p = 2: x * x, sqrt; else by m64_pow
 * The channels are lanes where they are contiguous (channels-last), else the outputs along the last axis are.
 */
#ifndef SARD_KERNELS_POOLING_H
#define SARD_KERNELS_POOLING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cpu.h"
#include "base/pool.h"

enum { POOLING_MAX_RANK = 8 };
typedef enum pooling_kind { POOLING_MAX, POOLING_AVERAGE, POOLING_NORM, POOLING_KINDS } pooling_kind;

/* Output o's tap t is at input o * stride + t * dilation - pad. Strides in elements; x_c and y_c are both 1, or the
 * last spatial stride of y is. */
typedef struct pooling {
    pooling_kind kind;
    int rank; /* spatial axes, 1 .. POOLING_MAX_RANK */
    int64_t n, c;
    int64_t in[POOLING_MAX_RANK], out[POOLING_MAX_RANK];
    int64_t kernel[POOLING_MAX_RANK], stride[POOLING_MAX_RANK], dilation[POOLING_MAX_RANK];
    int64_t pad[POOLING_MAX_RANK], pad_end[POOLING_MAX_RANK];
    bool count_pad;    /* average */
    int64_t p;         /* norm: >= 1 */
    bool column_major; /* indices count the spatial axes in reverse order */
    int64_t x_n, x_c, x_s[POOLING_MAX_RANK];
    int64_t y_n, y_c, y_s[POOLING_MAX_RANK]; /* of y and of the indices */
    const void *x;
    void *y;
    int64_t *indices; /* max only; NULL: not wanted. Index in the row-major tensor [n, c, in ...] */
} pooling;

/* The strides of a dense tensor [n, c, extent ...], row-major or channels-last. */
void pooling_strides(int rank, int64_t c, const int64_t *extent, bool last, int64_t *s_n, int64_t *s_c, int64_t *s_s);

/* dtype: F32 or F64 for all; I8 and U8 for max. SARD_INVALID_ARGUMENT for sizes that break the rules above. */
sard_status pooling_run(const pooling *p, sard_dtype dtype, const par *par, sard_error *err);
/* On the kernel of one level, for tests; and the definition, one element after the other. */
sard_status pooling_run_on(isa level, const pooling *p, sard_dtype dtype, const par *par, sard_error *err);
void pooling_ref(const pooling *p, sard_dtype dtype);

#endif
