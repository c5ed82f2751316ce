/*
 * depthwise.h -- convolutions of one channel by one channel, channels-last: lanes are channels, nothing is packed but
 * the weights, [tap][channel].
 *
 * A row of outputs (along the last axis) is cut into groups that share a list of taps; a group loads each weight once.
 */
#ifndef SARD_KERNELS_DEPTHWISE_H
#define SARD_KERNELS_DEPTHWISE_H

#include "kernels/conv/conv.h"

typedef struct depthwise_tap {
    int64_t off; /* of its input from the first output's base; CONV_NO_TAP: reads zeros */
    int64_t tap; /* number of the tap, which is its place in k */
} depthwise_tap;

typedef struct depthwise_group { /* `outputs` neighbours, all with the same taps */
    const float *x;
    int64_t x_step; /* elements from one output's base to the next's */
    int64_t outputs, channels;
    const depthwise_tap *tap;
    int64_t taps;
    const float *w, *bias, *add; /* add: channels apart */
    float *y;
    gemm_act act;
    float lo, hi;
} depthwise_group;

typedef struct depthwise_kernel {
    isa level;
    void (*group)(const depthwise_group *g);
} depthwise_kernel;

extern const depthwise_kernel *const depthwise_kernels[]; /* best first, NULL-terminated */
const depthwise_kernel *depthwise_kernel_for(isa level);  /* the one of that level */

size_t depthwise_worker_bytes(const conv_shape *s, bool hidden); /* hidden: there is no y */
/* c: channels-last operands; scratch: worker_bytes per thread. */
sard_status depthwise_run(const depthwise_kernel *k, const conv_f32 *c, const par *par, void *scratch,
                          size_t worker_bytes, sard_error *err);

#endif
