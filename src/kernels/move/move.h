/*
 * move.h -- copying boxes of elements between two strided layouts: what Transpose, Slice, Concat, Expand, Pad ... do.
 *
 * One routine: elements by size (never by type), any strides on both sides (0 and negative ones too on the source).
 * Dimensions are merged and ordered first, so that the inner loops run over contiguous memory, or over square blocks
 * when the two sides disagree about which axis is contiguous (a transpose).
 */
#ifndef SARD_KERNELS_MOVE_H
#define SARD_KERNELS_MOVE_H

#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"

enum { MOVE_MAX_RANK = 16 };

typedef struct move_box {
    int rank;
    int64_t dim[MOVE_MAX_RANK];
    int64_t src[MOVE_MAX_RANK], dst[MOVE_MAX_RANK]; /* strides in elements */
} move_box;

/* Copies the box. size: bytes per element (1, 2, 4, 8 or 16; any other goes byte by byte). src and dst point at the
 * box's first element and do not overlap. dst strides are not 0. Fails only when cancelled. */
sard_status move_copy(const move_box *b, size_t size, const void *src, void *dst, const par *p, sard_error *err);

/* Writes the same element everywhere in the box. */
void move_fill(const move_box *b, size_t size, const void *element, void *dst);

#endif
