/*
 * vec.c -- the depthwise kernel, compiled once per instruction set: a vector of channels for up to eight outputs.
 */
#include "base/isa_name.h"
#include "base/simd.h"
#include "kernels/conv/conv_rows.h"
#include "kernels/conv/depthwise.h"

INL vf finish(const depthwise_row *r, int64_t o, int64_t c, int64_t n, vf v) {
    if (r->bias) v = v + f_ldn(r->bias + c, n);
    if (r->add) v = v + f_ldn(r->add + o * r->channels + c, n);
    if (r->act == GEMM_ACT_RELU) v = f_max(f_set(0), v);
    if (r->act == GEMM_ACT_CLIP) v = f_min(f_set(r->hi), f_max(f_set(r->lo), v));
    return v;
}

/* Outputs [o, o + N), channels [c, c + n), taps [t0, t1) of the last axis. SHARE: stride and dilation 1 and three taps, so
 * that a loaded input serves up to three outputs. */
INL void block(const int N, const bool SHARE, const depthwise_row *r, int64_t o, int64_t c, int64_t n, int64_t t0,
               int64_t t1) {
    vf a[8];
    const float *x = r->x + o * r->x_step + c, *w = r->w + c;
    const int64_t x_step = r->x_step, channels = r->channels;
    UNROLL for (int i = 0; i < N; i++) a[i] = f_set(0);
    for (int64_t q = 0; q < r->outers; q++) {
        const float *from = x + r->outer[q].off, *weights = w + r->outer[q].tap * channels;
        if (SHARE) {
            const vf w0 = f_ld(weights), w1 = f_ld(weights + channels), w2 = f_ld(weights + 2 * channels);
            vf in[10];
            UNROLL for (int i = 0; i < N + 2; i++) in[i] = f_ld(from + i * channels);
            UNROLL for (int i = 0; i < N; i++) a[i] = f_fma(in[i], w0, a[i]);
            UNROLL for (int i = 0; i < N; i++) a[i] = f_fma(in[i + 1], w1, a[i]);
            UNROLL for (int i = 0; i < N; i++) a[i] = f_fma(in[i + 2], w2, a[i]);
            continue;
        }
        for (int64_t t = t0; t < t1; t++) {
            const float *tap = from + t * r->tap_step;
            const vf weight = f_ldn(weights + t * channels, n);
            UNROLL for (int i = 0; i < N; i++) a[i] = f_fma(f_ldn(tap + i * x_step, n), weight, a[i]);
        }
    }
    UNROLL for (int i = 0; i < N; i++) f_stn(r->y + (o + i) * channels + c, n, finish(r, o + i, c, n, f_set(0) + a[i]));
}

/* One output at the border: the taps of the last axis that lie inside. */
INL void border(const depthwise_row *r, int64_t o, int64_t c, int64_t n) {
    const int64_t base = o * r->stride - r->pad;
    int64_t t0 = base >= 0 ? 0 : (-base + r->dilation - 1) / r->dilation;
    int64_t t1 = base >= r->in ? 0 : (r->in - 1 - base) / r->dilation + 1;
    if (t1 > r->kernel) t1 = r->kernel;
    block(1, false, r, o, c, n, t0, t1);
}

INL void channels(const depthwise_row *r, int64_t c, int64_t n, const bool share) {
    for (int64_t o = 0; o < r->from; o++) border(r, o, c, n);
    int64_t o = r->from;
    for (; o + 8 <= r->to; o += 8) block(8, share, r, o, c, n, 0, r->kernel);
    if (o + 4 <= r->to) {
        block(4, share, r, o, c, n, 0, r->kernel);
        o += 4;
    }
    for (; o < r->to; o++) block(1, false, r, o, c, n, 0, r->kernel);
    for (; o < r->outputs; o++) border(r, o, c, n);
}

static void row(const depthwise_row *r) {
    int64_t c = 0;
    if (r->kernel == 3 && r->stride == 1 && r->dilation == 1)
        for (; c + VL <= r->channels; c += VL) channels(r, c, VL, true);
    else
        for (; c + VL <= r->channels; c += VL) channels(r, c, VL, false);
    if (c < r->channels) channels(r, c, r->channels - c, false);
}

static void listed(const depthwise_row *r, int64_t o) {
    for (int64_t c = 0; c < r->channels; c += VL) {
        const int64_t n = r->channels - c < VL ? r->channels - c : VL;
        vf total = f_set(0), a = f_set(0);
        int64_t segment = 0;
        for (int64_t t = 0; t < r->outers; t++) {
            const depthwise_tap *q = &r->outer[t];
            if (q->tap / GEMM_SEGMENT != segment) {
                total = total + a;
                a = f_set(0);
                segment = q->tap / GEMM_SEGMENT;
            }
            const vf x = q->off == CONV_NO_TAP ? f_set(0) : f_ldn(r->x + o * r->x_step + q->off + c, n);
            a = f_fma(x, f_ldn(r->w + q->tap * r->channels + c, n), a);
        }
        f_stn(r->y + o * r->channels + c, n, finish(r, o, c, n, total + a));
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
const depthwise_kernel K(depthwise_f32) = {LEVEL, row, listed};
