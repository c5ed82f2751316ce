/*
 * conv.h -- convolutions of any spatial rank, and transposed ones, with the order of sums of gemm.h.
 *
 * Order of every output element: k runs over kernel positions (row-major) and, inside, over the channels of its group;
 * cut at multiples of GEMM_SEGMENT and summed as gemm.h says. A padding tap is a product with +0. In a transposed
 * convolution the positions that no input element reaches (between strides, outside) are left out; they count in k.
 * Then + bias of the channel, + add, activation, hook.
 *
 * A convolution is the tile of gemm over row pointers: one row per output pixel, one run of k per stretch of kernel
 * taps that is contiguous in memory. Channels-last images are read and written in place; row-major (NCHW) ones are
 * turned over by the run in its scratch, at the cost of a copy. Depthwise convolutions have a kernel of their own.
 *
 * All memory is the caller's; y must not overlap any operand. Threads: as gemm.h.
 */
#ifndef SARD_KERNELS_CONV_H
#define SARD_KERNELS_CONV_H

#include "kernels/gemm/gemm.h"

enum { CONV_MAX_RANK = 8 };

typedef enum conv_order {
    CONV_LAST, /* channels-last: [n, spatial ..., channels], dense */
    CONV_ROW   /* row-major: [n, channels, spatial ...], dense */
} conv_order;

/*
 * Sizes. All are >= 1 but n, in and out, which may be 0 (then nothing is done). oc and c are multiples of groups.
 * pad: at the beginning of each axis, >= 0 (what lies behind the end follows from out); output o's tap t reads input
 * o * stride + t * dilation - pad. The caller computes out (auto_pad, ceil ...).
 * transposed: input i's tap t adds to output i * stride + t * dilation - pad.
 */
typedef struct conv_shape {
    int rank; /* spatial: 1 .. CONV_MAX_RANK */
    bool transposed;
    bool direct; /* never Winograd */
    int64_t n, c, oc, groups;
    int64_t in[CONV_MAX_RANK], out[CONV_MAX_RANK];
    int64_t kernel[CONV_MAX_RANK], stride[CONV_MAX_RANK], dilation[CONV_MAX_RANK], pad[CONV_MAX_RANK];
} conv_shape;

/* SARD_INVALID_ARGUMENT when s breaks the rules above, or a tensor of it would have 2^60 elements or more. */
sard_status conv_check(const conv_shape *s, sard_error *err);

/*
 * Weights packed once. The algorithm is chosen here, by weights, groups, kernel, stride, dilation and out: 3 x 3 of stride
 * 1 goes by Winograd's (winograd.h: other bits than the direct sum, error 5 to 9 times as large, 1.5 to 2.5 times as fast)
 * where both outputs are at least 14. An `out` of 0 or 1 says that the extents are not known: always direct. A pack works
 * for images of all sizes. Plain data: the bytes may be stored in a file and mapped.
 */
typedef struct conv_pack {
    uint32_t algorithm; /* conv_algorithm */
    uint32_t finite;    /* no weight is infinite or NaN: padding taps may be skipped */
    const float *w;
} conv_pack;
typedef enum conv_algorithm {
    CONV_ALGO_TILE,      /* panels per group: [groups][gemm_panels(oc / groups)][k][16] */
    CONV_ALGO_DEPTHWISE, /* groups of 1, 2, 4, 8 to as many: [kernel positions][c / groups][oc] */
    CONV_ALGO_WINOGRAD2, /* [16][gemm_panels(oc)][c][16] */
    CONV_ALGO_WINOGRAD4  /* [36] ... */
} conv_algorithm;

/* Bytes of the packed weights; SIZE_MAX on overflow. */
size_t conv_pack_bytes(const conv_shape *s);
/* w: ONNX's layout, [oc, c / groups, kernel ...]; transposed: [c, oc / groups, kernel ...]. out: conv_pack_bytes(s),
 * 64-byte aligned; stays with the caller, who keeps it as long as the pack. */
void conv_pack_weights(const conv_shape *s, const float *w, float *out, conv_pack *pack);

/* One run. Epilogue e: alpha is ignored; bias is per channel: bias[oc] with bias_rs == 0, bias_cs == 1, beta 1, or
 * NULL; `add` has y's layout (add_ld is ignored). The hook is called with row = pixel of [n, spatial ...] and col =
 * channel; it needs y_order == CONV_LAST. y may be NULL only with a hook. */
typedef struct conv_f32 {
    const conv_shape *shape;
    const conv_pack *pack;
    const float *x;
    float *y;
    conv_order x_order, y_order;
    gemm_epilogue_f32 e;
} conv_f32;

/* Bytes of scratch (64-byte aligned) for a run on that many threads; SIZE_MAX on overflow. */
size_t conv_scratch_f32(const conv_f32 *c, int threads);
sard_status conv_run_f32(const conv_f32 *c, const par *par, void *scratch, sard_error *err);

/*
 * Copies of n images between the two orders: src [n, channels, pixels], dst [n, pixels, channels], and back. No overlap.
 * Fails only as par_for does.
 */
sard_status conv_to_last(int64_t n, int64_t channels, int64_t pixels, const float *src, float *dst, const par *par,
                         sard_error *err);
sard_status conv_to_row(int64_t n, int64_t channels, int64_t pixels, const float *src, float *dst, const par *par,
                        sard_error *err);

/* The definition of the direct sum in plain C, for tests: w in ONNX's layout, x and y in the orders of c. c->pack is not
 * looked at. */
void conv_ref_f32(const conv_f32 *c, const float *w);

#endif
