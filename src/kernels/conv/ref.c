/*
 * ref.c -- the definition of a convolution in plain C (see conv.h): one output element after the other.
 */
#include <math.h>

#include "kernels/conv/conv.h"

typedef struct walk { /* one output element's sum under way */
    float total, chain;
    int64_t k; /* products seen or left out so far */
} walk;

static void step(walk *w, float a, float b, bool skip) {
    if (!skip) w->chain = fmaf(a, b, w->chain);
    if (++w->k % GEMM_SEGMENT == 0) {
        w->total += w->chain;
        w->chain = 0;
    }
}

/* Position of kernel tap t's input along axis d for output o; false: there is none. */
static bool source(const conv_shape *s, int d, int64_t o, int64_t t, int64_t *i) {
    if (!s->transposed) {
        *i = o * s->stride[d] + t * s->dilation[d] - s->pad[d];
    } else {
        int64_t at = o + s->pad[d] - t * s->dilation[d];
        if (at % s->stride[d] != 0) return false;
        *i = at / s->stride[d];
    }
    return *i >= 0 && *i < s->in[d];
}

static int64_t product(const int64_t *d, int n) {
    int64_t r = 1;
    for (int i = 0; i < n; i++) r *= d[i];
    return r;
}

/* Channel ch of pixel px (row-major position) in image n of `channels` channels. */
static int64_t at(conv_order order, int64_t n, int64_t px, int64_t ch, int64_t pixels, int64_t channels) {
    return order == CONV_LAST ? (n * pixels + px) * channels + ch : (n * channels + ch) * pixels + px;
}

static float element(const conv_f32 *c, const float *w, int64_t n, const int64_t *o, int64_t oc) {
    const conv_shape *s = c->shape;
    int64_t cg = s->c / s->groups, og = s->oc / s->groups, g = oc / og;
    int64_t taps = product(s->kernel, s->rank), pixels = product(s->in, s->rank);
    walk sum = {0};
    for (int64_t t = 0; t < taps; t++) {
        int64_t rest = t, px = 0, scale = 1;
        bool there = true;
        for (int d = s->rank - 1; d >= 0; d--) {
            int64_t i = 0;
            there &= source(s, d, o[d], rest % s->kernel[d], &i);
            rest /= s->kernel[d];
            px += i * scale;
            scale *= s->in[d];
        }
        for (int64_t q = 0; q < cg; q++) {
            int64_t ic = g * cg + q;
            float b = s->transposed ? w[(ic * og + oc % og) * taps + t] : w[(oc * cg + q) * taps + t];
            step(&sum, there ? c->x[at(c->x_order, n, px, ic, pixels, s->c)] : 0, b, s->transposed && !there);
        }
    }
    return sum.k % GEMM_SEGMENT ? sum.total + sum.chain : sum.total;
}

static float finish(const gemm_epilogue_f32 *e, float x, int64_t oc, int64_t where) {
    if (e->bias) x += e->bias[oc];
    if (e->add) x += e->add[where];
    float lo = e->act == GEMM_ACT_CLIP ? e->lo : 0;
    if (e->act != GEMM_ACT_NONE) x = lo > x ? lo : x;
    if (e->act == GEMM_ACT_CLIP) x = e->hi < x ? e->hi : x;
    return x;
}

void conv_ref_f32(const conv_f32 *c, const float *w) {
    const conv_shape *s = c->shape;
    int64_t pixels = product(s->out, s->rank);
    for (int64_t n = 0; n < s->n; n++)
        for (int64_t px = 0; px < pixels; px++) {
            int64_t o[CONV_MAX_RANK], rest = px;
            for (int d = s->rank - 1; d >= 0; d--) {
                o[d] = rest % s->out[d];
                rest /= s->out[d];
            }
            for (int64_t oc = 0; oc < s->oc; oc++) {
                int64_t where = at(c->y_order, n, px, oc, pixels, s->oc);
                float x = finish(&c->e, element(c, w, n, o, oc), oc, where);
                if (c->y) c->y[where] = x;
                if (c->e.hook) c->e.hook(c->e.hook_arg, c->y ? &c->y[where] : &x, s->oc, n * pixels + px, oc, 1, 1);
            }
        }
}
