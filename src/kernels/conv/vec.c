/*
 * vec.c -- the kernel of depthwise convolutions and small groups, compiled once per instruction set: a vector of channels
 * for up to eight outputs.
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

/* Value q of each lane's group of G channels: one of the lanes of x, or of memory, where a group is wider than a vector. */
INL vf of_group(const int G, const float *from, int64_t c, vf x, int q) {
    if (G == 1) return x;
    if (G > VL) return f_set(from[q - c % G]);
    int32_t lane[VL];
    UNROLL for (int l = 0; l < VL; l++) lane[l] = l / G * G + q;
    return f_perm(x, i_ld(lane));
}

/* Outputs [o, o + N), channels [c, c + n), groups of G channels, taps [t0, t1) of the last axis. SHARE: stride and dilation 1 and three taps, so
 * that a loaded input serves up to three outputs. */
INL void block(const int N, const int G, const bool SHARE, const depthwise_row *r, int64_t o, int64_t c, int64_t n,
               int64_t t0, int64_t t1) {
    vf a[8];
    const float *x = r->x + o * r->x_step + c, *w = r->w + c;
    const int64_t x_step = r->x_step, channels = r->channels;
    UNROLL for (int i = 0; i < N; i++) a[i] = f_set(0);
    for (int64_t q = 0; q < r->outers; q++) {
        const float *from = x + r->outer[q].off, *weights = w + r->outer[q].tap * G * channels;
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
            vf in[8];
            UNROLL for (int i = 0; i < N; i++) in[i] = f_ldn(tap + i * x_step, n);
            UNROLL for (int k = 0; k < G; k++) {
                const vf weight = f_ldn(weights + (t * G + k) * channels, n);
                UNROLL for (int i = 0; i < N; i++) a[i] =
                    f_fma(of_group(G, tap + i * x_step, c, in[i], k), weight, a[i]);
            }
        }
    }
    UNROLL for (int i = 0; i < N; i++) f_stn(r->y + (o + i) * channels + c, n, finish(r, o + i, c, n, f_set(0) + a[i]));
}

/* One output at the border: the taps of the last axis that lie inside. */
INL void border(const int G, const depthwise_row *r, int64_t o, int64_t c, int64_t n) {
    const int64_t base = o * r->stride - r->pad;
    int64_t t0 = base >= 0 ? 0 : (-base + r->dilation - 1) / r->dilation;
    int64_t t1 = base >= r->in ? 0 : (r->in - 1 - base) / r->dilation + 1;
    if (t1 > r->kernel) t1 = r->kernel;
    block(1, G, false, r, o, c, n, t0, t1);
}

INL void channels(const int G, const bool share, const depthwise_row *r, int64_t c, int64_t n) {
    for (int64_t o = 0; o < r->from; o++) border(G, r, o, c, n);
    int64_t o = r->from;
    for (; o + 8 <= r->to; o += 8) block(8, G, share, r, o, c, n, 0, r->kernel);
    if (o + 4 <= r->to) {
        block(4, G, share, r, o, c, n, 0, r->kernel);
        o += 4;
    }
    for (; o < r->to; o++) block(1, G, false, r, o, c, n, 0, r->kernel);
    for (; o < r->outputs; o++) border(G, r, o, c, n);
}

INL void all_channels(const int G, const bool share, const depthwise_row *r) {
    int64_t c = 0;
    for (; c + VL <= r->channels; c += VL) channels(G, share, r, c, VL);
    if (c < r->channels) channels(G, false, r, c, r->channels - c);
}

static void row(const depthwise_row *r) {
    const bool share = r->kernel == 3 && r->stride == 1 && r->dilation == 1;
    if (r->group == 2)
        all_channels(2, false, r);
    else if (r->group == 4)
        all_channels(4, false, r);
    else if (r->group == 8)
        all_channels(8, false, r);
    else if (share)
        all_channels(1, true, r);
    else
        all_channels(1, false, r);
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

const depthwise_kernel K(depthwise_f32) = {SIMD_LEVEL, row, listed};
