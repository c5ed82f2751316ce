/*
 * stage.h -- gathering elements of any type from strided memory into contiguous buffers, and back; for kernel
 * families. In a buffer an element of a packed type (2 or 4 bits) takes one byte.
 */
#ifndef SARD_KERNELS_POINTWISE_STAGE_H
#define SARD_KERNELS_POINTWISE_STAGE_H

#include "kernels/pointwise/pointwise.h"

/* Offset, in elements, of row `number` of the first n dimensions. */
int64_t pw_offset(const int64_t *dim, const int64_t *stride, int n, int64_t number);
/* Inputs are never written: slots have one pointer type for both directions. */
char *pw_address(const char *p, int64_t bytes);
void pw_gather1(pw_type t, const void *base, int64_t at, void *to);
void pw_gather(pw_type t, const void *base, int64_t at, int64_t stride, int64_t n, void *to);
void pw_scatter(pw_type t, void *base, int64_t at, int64_t stride, int64_t n, const void *from);
/* Elements at, at + 1 ... of the flat space [dim]; base is element 0. */
void pw_gather_nd(pw_type t, int rank, const int64_t *dim, const int64_t *stride, const void *base, int64_t at,
                  int64_t n, void *to);
void pw_scatter_nd(pw_type t, int rank, const int64_t *dim, const int64_t *stride, void *base, int64_t at, int64_t n,
                   const void *from);

#endif
