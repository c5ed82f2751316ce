/*
 * index.h -- helpers of operators that take positions from data: indices in a tensor, walking over a box.
 */
#ifndef SARD_OPS_INDEX_H
#define SARD_OPS_INDEX_H

#include "ops/common.h"

/* Element i of dense int32 or int64 indices. */
static inline int64_t index_at(const tensor *t, int64_t i) {
    return t->dtype == SARD_I64 ? TENSOR_AT(t, int64_t)[i] : TENSOR_AT(t, int32_t)[i];
}

/* Makes an index of an axis with n elements positive; SARD_RUNTIME names its place when it is out of range. */
static inline sard_status index_fix(int64_t *k, int64_t n, const char *name, int64_t place, sard_error *err) {
    FAIL_IF(*k < -n || *k >= n, err, SARD_RUNTIME, "%s[%lld] is %lld; the axis has %lld elements", name,
            (long long)place, (long long)*k, (long long)n);
    if (*k < 0) *k += n;
    return SARD_OK;
}

/* The next position of a box in row-major order; `place` moves along by the strides. */
static inline void index_next(int rank, const int64_t *dim, int64_t *at, const int64_t *stride, int64_t *place) {
    for (int a = rank - 1; a >= 0; a--) {
        *place += stride[a];
        if (++at[a] < dim[a]) return;
        *place -= stride[a] * dim[a], at[a] = 0;
    }
}

/* Position number i (row-major) of a box, and its place by the strides. */
static inline int64_t index_seek(int rank, const int64_t *dim, int64_t i, int64_t *at, const int64_t *stride) {
    int64_t place = 0;
    for (int a = rank - 1; a >= 0; a--) at[a] = i % dim[a], i /= dim[a], place += at[a] * stride[a];
    return place;
}

/* Copies one element of `size` bytes. */
static inline void copy_element(char *dst, const char *src, size_t size) {
    switch (size) {
    case 1:
        *dst = *src;
        return;
    case 2:
        memcpy(dst, src, 2);
        return;
    case 4:
        memcpy(dst, src, 4);
        return;
    case 8:
        memcpy(dst, src, 8);
        return;
    default:
        memcpy(dst, src, size);
    }
}

static inline size_t element_size(const tensor *t) { return (size_t)dtype_bits(t->dtype) / 8; }

#endif
