/*
 * winograd.h -- 3 x 3 convolutions of stride 1 by Winograd's minimal filtering, F(2x2) and F(4x4): a tile of R x R
 * outputs from (R + 2)^2 products per channel instead of 9 R^2.
 *
 * Order of every output element: weights are transformed in double and rounded once; the input tile (padding is +0) by
 * columns, then by rows; each of the (R + 2)^2 products of tile and weights is a dot product over the channels as gemm.h
 * says; the result by columns, then by rows; then + bias, + add, activation. The one-dimensional transforms are
 * sequences of additions and FMAs written down once, here in winograd.c (for tests) and for vectors in vec_winograd.c.
 * Lavin and Gray, Fast Algorithms for Convolutional Neural Networks (2015).
 */
#ifndef SARD_KERNELS_WINOGRAD_H
#define SARD_KERNELS_WINOGRAD_H

#include "kernels/conv/conv.h"
#include "kernels/gemm/gemm_tile.h"

enum { WINOGRAD_SIDE = 6 }; /* of the largest input tile */

/* One tile in the image: `rows` x `cols` of its outputs exist. */
typedef struct winograd_in {
    const float *x; /* the image */
    int64_t h, w, c;
    int64_t row, col; /* of the tile's first input; may lie outside */
    float *v;         /* transformed: value i of channel q at v[i * v_step + q] */
    int64_t v_step;
} winograd_in;

typedef struct winograd_out {
    const float *m; /* products: as v */
    int64_t m_step, oc;
    int rows, cols;
    const float *bias, *add;
    float *y;
    int64_t y_row, add_row; /* elements from one row of outputs to the next; columns are oc apart */
    gemm_act act;
    float lo, hi;
} winograd_out;

typedef struct winograd_kernel {
    isa level;
    void (*in2)(const winograd_in *t);
    void (*in4)(const winograd_in *t);
    void (*out2)(const winograd_out *t);
    void (*out4)(const winograd_out *t);
} winograd_kernel;
extern const winograd_kernel *const winograd_kernels[]; /* best first, NULL-terminated */

/* R for this shape: 4, 2, or 0 for the direct algorithm. By weight shape and extents alone. */
int winograd_for(const conv_shape *s);
size_t winograd_pack_bytes(const conv_shape *s, int r); /* SIZE_MAX on overflow */
void winograd_pack(const conv_shape *s, int r, const float *w, float *out);
/* As the driver's of conv.h, on channels-last operands. */
size_t winograd_worker_bytes(const gemm_kernel_f32 *k, const conv_f32 *c, int r, int threads);
sard_status winograd_run(const gemm_kernel_f32 *k, const conv_f32 *c, int r, const par *par, void *scratch,
                         size_t worker_bytes, sard_error *err);
/* The definition in plain C. w: as given to winograd_pack. */
void winograd_ref(const conv_f32 *c, int r, const float *w);

#endif
