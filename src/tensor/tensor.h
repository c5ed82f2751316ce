/*
 * tensor.h -- a tensor is a refcounted buffer and a strided view of it.
 *
 * Shapes are always ONNX's. A dense row-major tensor has stride[rank-1] = 1; channels-last is the same shape
 * with other strides. Sub-byte types are packed, dense and never strided. Strings are elements of type `str`
 * whose bytes belong to the buffer's owner (or, inside a run, to the run's string arena).
 */
#ifndef SARD_TENSOR_TENSOR_H
#define SARD_TENSOR_TENSOR_H

#include <stdatomic.h>

#include "base/err.h"
#include "base/str.h"
#include "tensor/dtype.h"

enum { MAX_RANK = 16 };

typedef struct buffer {
    atomic_uint refs;
    uint16_t device; /* 0: host */
    void *data;
    size_t bytes;
    sard_release_fn release; /* NULL: data belongs to the buffer's own allocation, or is borrowed */
    void *owner;
} buffer;

buffer *buffer_new(size_t bytes); /* 64-byte aligned, not zeroed; NULL when out of memory */
/* release may be NULL: borrowed memory. NULL when out of memory (release is then not called). */
buffer *buffer_wrap(void *data, size_t bytes, sard_release_fn release, void *owner);
buffer *buffer_ref(buffer *b);
void buffer_unref(buffer *b); /* NULL is allowed */

typedef struct shape {
    int rank;
    int64_t dim[MAX_RANK];
} shape;

typedef struct tensor {
    buffer *buf;   /* one reference is held by whoever owns the tensor; NULL: no data (shape only) */
    size_t offset; /* bytes */
    uint8_t dtype; /* sard_dtype */
    uint8_t rank;
    int64_t dim[MAX_RANK], stride[MAX_RANK]; /* elements */
} tensor;

/* Host access to the data; NULL for a tensor without buffer. */
static inline void *tensor_data(const tensor *t) { return t->buf ? (char *)t->buf->data + t->offset : NULL; }
#define TENSOR_AT(t, type) ((type *)tensor_data(t))

/* Whether its elements lie where a pointer of their type may not point. */
bool tensor_at_odd_address(const tensor *t);

shape shape_of(const tensor *t);
static inline bool shape_eq(const shape *a, const shape *b) {
    if (a->rank != b->rank) return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i]) return false;
    return true;
}
/* Elements; -1 on a negative dimension or when the dimensions other than 0 overflow (so an empty shape's strides fit). */
int64_t shape_count(const shape *s);
int64_t dims_count(const int64_t *dim, int rank);
/* "[2,3]" into buf, which is returned. */
const char *shape_text(const shape *s, char *buf, size_t n);
/* Multidirectional (NumPy) broadcast of n shapes; SARD_INVALID_ARGUMENT names the axis and both extents. */
sard_status shape_broadcast(const shape *const *s, int n, shape *out, sard_error *err);

/* Describes dense row-major data; buf is taken as it is (no reference is added). */
void tensor_view(tensor *t, sard_dtype dtype, const shape *s, buffer *buf, size_t offset);
void tensor_row_strides(const int64_t *dim, int rank, int64_t *stride);
void tensor_last_strides(const int64_t *dim, int rank, int64_t *stride); /* N C D1 .. lies as N D1 .. C */
bool tensor_is_row(const tensor *t);  /* dense row-major (axes of extent 1 do not matter) */
bool tensor_is_last(const tensor *t); /* dense channels-last */
int64_t tensor_count(const tensor *t);
size_t tensor_bytes(const tensor *t); /* of dense data */
/* New dense row-major tensor with memory of its own (not zeroed; strings are zeroed); sizes are checked. */
sard_status tensor_new(tensor *out, sard_dtype dtype, const shape *s, sard_error *err);
void tensor_drop(tensor *t); /* gives back the reference */
/* Copies src (any strides) densely in row-major order to dst (dense memory of the same dtype and shape). */
void tensor_copy_data(void *dst, const tensor *src);
/* A deep dense row-major copy that owns everything, strings' bytes included. */
sard_status tensor_clone(tensor *out, const tensor *src, sard_error *err);
/* "f32[1,3,224,224]" into buf, which is returned. */
const char *tensor_text(const tensor *t, char *buf, size_t n);

/* Element i (row-major index) of a dense tensor as a number; any numeric type, bool, sub-byte and float8. */
int64_t tensor_get_i64(const tensor *t, int64_t i); /* floats truncate */
double tensor_get_f64(const tensor *t, int64_t i);
void tensor_set_f64(tensor *t, int64_t i, double v); /* rounds once, saturates */
/* Sub-byte access by element index: raw bits. */
unsigned subbyte_get(const void *p, int dtype, int64_t i);
void subbyte_set(void *p, int dtype, int64_t i, unsigned v);

#endif
