/*
 * conv_rows.h -- from output pixels to the rows and runs of gemm's tile.
 *
 * A convolution's matrix A is never made: row r is output pixel r, and the tap at kernel position t is found at a fixed
 * offset from the row's own, so k is a list of runs that is the same for all pixels whose taps all exist. A tile that
 * touches the border gets a list of its own, in which rows without a tap read zeros.
 *
 * A transposed convolution falls into phases, one per remainder of the output position by the stride: inside a phase it
 * is a convolution of stride 1 with some of the taps; the others are left out.
 */
#ifndef SARD_KERNELS_CONV_ROWS_H
#define SARD_KERNELS_CONV_ROWS_H

#include "kernels/conv/conv.h"
#include "kernels/gemm/gemm_tile.h"

#define CONV_NO_TAP INT64_MIN

typedef struct conv_axis {
    int64_t first, every, count; /* outputs of the phase: first + i * every, i < count */
    int64_t base, step;          /* the input position output i's taps are counted from: base + i * step */
    int64_t lo, hi;              /* from positions in [lo, hi] all taps are inside */
    int64_t in, stride;          /* of x, in elements */
    int64_t taps;
    const int64_t *at; /* [taps] tap's input position from the base; CONV_NO_TAP: none in this phase */
} conv_axis;

typedef struct conv_rows {
    int rank;
    conv_axis axis[CONV_MAX_RANK];
    const float *x; /* channels-last, first channel of the group */
    int64_t image;  /* elements per image */
    int64_t depth;  /* channels of a group */
    bool leave_out; /* taps that no row of a tile has are left out */
    bool plain;     /* row r is simply at r * pitch, with one run per segment */
    int64_t pitch;
    const gemm_run *inner; /* of pixels whose taps all exist */
    int64_t inner_n;
} conv_rows;

int64_t conv_taps(const conv_shape *s);
/* Most runs a list may have, and the bytes of the tables below. */
int64_t conv_runs_most(const conv_shape *s);
size_t conv_rows_tables(const conv_shape *s); /* of conv_rows_init; multiple of 64 */
size_t conv_rows_own(const conv_shape *s);    /* a worker's scratch for conv_rows_get */

/* The phase whose first output is `first` (0 for each axis unless transposed). tables: conv_rows_tables bytes. */
void conv_rows_init(conv_rows *r, const conv_shape *s, const int64_t *first, bool finite, void *tables);
int64_t conv_rows_count(const conv_rows *r, int64_t images); /* rows of the phase */
/* Row r of the phase as a pixel of [n, out ...]. */
int64_t conv_rows_pixel(const conv_rows *r, const conv_shape *s, int64_t row);
/* gemm_job's callback; arg is a conv_rows. */
void conv_rows_get(const void *arg, void *own, int64_t from, int count, int64_t k0, int64_t k1, gemm_tile_f32 *t);

/* conv.h's run on a kernel of the caller's choice, for tests and benchmarks. */
size_t conv_scratch_with(const gemm_kernel_f32 *kernel, const conv_f32 *c, int threads);
sard_status conv_run_with(const gemm_kernel_f32 *kernel, const conv_f32 *c, const par *par, void *scratch,
                          sard_error *err);

#endif
