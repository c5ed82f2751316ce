/*
 * depthwise.h -- convolutions of one channel by one channel, or of small groups of 2, 4 or 8 to as many, channels-last:
 * lanes are channels. Weights: [tap][channel of the group][channel].
 *
 * The kernel does a whole row of outputs along the last axis, a vector of channels at a time, so that the weights stay in
 * the first-level cache; neighbouring outputs share their loads. Rare cases (weights that are not finite, more taps than a
 * segment) go by lists of taps, one output after the other.
 */
#ifndef SARD_KERNELS_DEPTHWISE_H
#define SARD_KERNELS_DEPTHWISE_H

#include "kernels/conv/conv.h"

typedef struct depthwise_tap {
    int64_t off; /* of its input from the first output's base; CONV_NO_TAP: reads zeros */
    int64_t tap; /* number of the tap, which is its place in k */
} depthwise_tap;

typedef struct depthwise_row {         /* outputs along the last axis, all with the same outer taps */
    const float *x;                    /* at the window's first tap of output 0 (which may lie outside) */
    int64_t x_step, tap_step;          /* from output to output, from tap to tap of the last axis */
    int64_t outputs, from, to;         /* outputs [from, to) have all taps of the last axis */
    int64_t channels, group;           /* channels of a group: 1, 2, 4 or 8 */
    int64_t kernel;                    /* taps of the last axis */
    int64_t in, stride, dilation, pad; /* of the last axis */
    const depthwise_tap *outer;        /* the outer taps that exist; .tap: number of the first of its taps */
    int64_t outers;
    const float *w, *bias, *add; /* add: as y */
    float *y;
    gemm_act act;
    float lo, hi;
} depthwise_row;

typedef struct depthwise_kernel {
    isa level;
    void (*row)(const depthwise_row *r);
    /* Groups of 1: output `o` by the list outer[outers] of single taps; some may read zeros. */
    void (*listed)(const depthwise_row *r, int64_t o);
} depthwise_kernel;

extern const depthwise_kernel *const depthwise_kernels[]; /* best first, NULL-terminated */
const depthwise_kernel *depthwise_kernel_for(isa level);  /* the one of that level */

/* Whether s is such a convolution, if its weights are finite (those of groups of 1: or not). */
bool depthwise_for(const conv_shape *s);
size_t depthwise_worker_bytes(const conv_shape *s, bool hidden); /* hidden: there is no y */
/* c: channels-last operands; scratch: worker_bytes per thread. */
sard_status depthwise_run(const depthwise_kernel *k, const conv_f32 *c, const par *par, void *scratch,
                          size_t worker_bytes, sard_error *err);

#endif
