/*
 * vec.c -- the depthwise kernel, compiled once per instruction set: a vector of channels for up to eight outputs.
 */
#include "base/isa_name.h"
#include "base/simd.h"
#include "kernels/conv/conv_rows.h"
#include "kernels/conv/depthwise.h"

INL vf finish(const depthwise_group *g, int64_t o, int64_t c, int64_t n, vf v) {
    if (g->bias) v = v + f_ldn(g->bias + c, n);
    if (g->add) v = v + f_ldn(g->add + o * g->channels + c, n);
    if (g->act == GEMM_ACT_RELU) v = f_max(f_set(0), v);
    if (g->act == GEMM_ACT_CLIP) v = f_min(f_set(g->hi), f_max(f_set(g->lo), v));
    return v;
}

/* Outputs [o, o + N), channels [c, c + n). */
INL void block(const int N, const depthwise_group *g, int64_t o, int64_t c, int64_t n) {
    vf total[8];
    const float *x = g->x + o * g->x_step + c;
    UNROLL for (int i = 0; i < N; i++) total[i] = f_set(0);
    for (int64_t t = 0; t < g->taps;) {
        const int64_t segment = g->tap[t].tap / GEMM_SEGMENT;
        vf a[8];
        UNROLL for (int i = 0; i < N; i++) a[i] = f_set(0);
        for (; t < g->taps && g->tap[t].tap / GEMM_SEGMENT == segment; t++) {
            const float *from = x + g->tap[t].off;
            const float *w = g->w + g->tap[t].tap * g->channels + c;
            if (n == VL) {
                const vf weight = f_ld(w);
                UNROLL for (int i = 0; i < N; i++) a[i] = f_fma(f_ld(from + i * g->x_step), weight, a[i]);
            } else {
                const vf weight = f_ldn(w, n);
                UNROLL for (int i = 0; i < N; i++) a[i] = f_fma(f_ldn(from + i * g->x_step, n), weight, a[i]);
            }
        }
        UNROLL for (int i = 0; i < N; i++) total[i] = total[i] + a[i];
    }
    UNROLL for (int i = 0; i < N; i++) f_stn(g->y + (o + i) * g->channels + c, n, finish(g, o + i, c, n, total[i]));
}

/* As block for one output some of whose taps read zeros. */
static void zeros_too(const depthwise_group *g, int64_t c, int64_t n) {
    vf total = f_set(0), a = f_set(0);
    for (int64_t t = 0; t < g->taps; t++) {
        const depthwise_tap *q = &g->tap[t];
        const vf x = q->off == CONV_NO_TAP ? f_set(0) : f_ldn(g->x + q->off + c, n);
        a = f_fma(x, f_ldn(g->w + q->tap * g->channels + c, n), a);
        if (q->tap % GEMM_SEGMENT == GEMM_SEGMENT - 1) {
            total = total + a;
            a = f_set(0);
        }
    }
    f_stn(g->y + c, n, finish(g, 0, c, n, total + a));
}

static void group(const depthwise_group *g) {
    bool zeros = false;
    for (int64_t t = 0; t < g->taps; t++) zeros |= g->tap[t].off == CONV_NO_TAP;
    for (int64_t o = 0; o < g->outputs;) {
        const int64_t left = g->outputs - o;
        const int64_t take = left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
        for (int64_t c = 0; c < g->channels; c += VL) {
            const int64_t n = g->channels - c < VL ? g->channels - c : VL;
            if (zeros)
                zeros_too(g, c, n);
            else if (take == 8 && n == VL)
                block(8, g, o, c, VL);
            else if (take == 4 && n == VL)
                block(4, g, o, c, VL);
            else if (take == 2 && n == VL)
                block(2, g, o, c, VL);
            else
                for (int64_t i = 0; i < take; i++) block(1, g, o + i, c, n);
        }
        o += take;
    }
}

#if defined(SIMD_AVX512)
#define LEVEL ISA_AVX512
#elif defined(SIMD_AVX2)
#define LEVEL ISA_AVX2
#elif defined(SIMD_NEON)
#define LEVEL ISA_NEON
#else
#define LEVEL ISA_REF
#endif
const depthwise_kernel K(depthwise_f32) = {LEVEL, group};
