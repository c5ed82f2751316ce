/*
 * window.h -- kernels sliding over spatial axes: the geometry shared by convolutions and pooling.
 */
#ifndef SARD_OPS_WINDOW_H
#define SARD_OPS_WINDOW_H

#include "ops/common.h"

enum { WINDOW_MAX = 8 }; /* spatial axes */

typedef struct window {
    int rank; /* spatial axes */
    int64_t kernel[WINDOW_MAX], stride[WINDOW_MAX], dilation[WINDOW_MAX];
    int64_t pad[WINDOW_MAX], pad_end[WINDOW_MAX]; /* those of auto_pad once the extents are known */
    int auto_pad;                                 /* WINDOW_... */
    bool ceil;
} window;
enum { WINDOW_NOTSET, WINDOW_SAME_UPPER, WINDOW_SAME_LOWER, WINDOW_VALID };

/* The attributes, by their places in the operator's table (-1: the operator has no such attribute). */
typedef struct window_attrs {
    int auto_pad, dilations, kernel_shape, pads, strides, ceil_mode;
} window_attrs;

/* Reads and checks the attributes of a node for `rank` spatial axes; kernel: extents when kernel_shape is absent
 * (a convolution's weights), NULL: it is required. Unknown dimensions of kernel may be DIM_UNKNOWN. */
sard_status window_read(const attr *attrs, const window_attrs *at, int rank, const int64_t *kernel, window *w,
                        sard_error *err);
/* Extent of an output axis, and the pads auto_pad means (when in is known). Unknown in: unknown, but for stride-1 SAME. */
sard_status window_out(module *m, window *w, int axis, int64_t in, int64_t *out, sard_error *err);

#endif
