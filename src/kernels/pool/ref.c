/* ref.c -- the definition of pooling in plain C (see pooling.h): one output element after the other. */
#include <math.h>

#include "kernels/pointwise/math64.h"
#include "kernels/pool/pooling.h"

typedef struct sum { /* what one window has come to; f32 sums are rounded at each step */
    sard_dtype type;
    double value;
    int64_t index, taps, taps_and_pads;
} sum;

static double rounded(const sum *s, double v) { return s->type == SARD_F32 ? (double)(float)v : v; }

static double load(const pooling *p, sard_dtype t, int64_t off) {
    switch (t) {
    case SARD_F32:
        return ((const float *)p->x)[off];
    case SARD_F64:
        return ((const double *)p->x)[off];
    case SARD_I8:
        return ((const int8_t *)p->x)[off];
    default:
        return ((const uint8_t *)p->x)[off];
    }
}

static void take(const pooling *p, sum *s, double x, int64_t index) {
    if (p->kind == POOLING_MAX) {
        const bool better = x > s->value || (isnan(x) && !isnan(s->value));
        if (better) s->value = x;
        if (better || s->index < 0) s->index = index;
        return;
    }
    double term = x;
    if (p->kind == POOLING_NORM)
        term = p->p == 1 ? fabs(x) : rounded(s, p->p == 2 ? x * x : m64_pow(fabs(x), (double)p->p));
    s->value = rounded(s, s->value + term);
}

static void window(const pooling *p, sum *s, int64_t n, int64_t c, const int64_t *o) {
    int64_t taps = 1;
    for (int d = 0; d < p->rank; d++) taps *= p->kernel[d];
    for (int64_t t = 0; t < taps; t++) {
        int64_t rest = t, off = n * p->x_n + c * p->x_c, place[POOLING_MAX_RANK], index = 0;
        bool inside = true, padded = true;
        for (int d = p->rank - 1; d >= 0; d--) {
            place[d] = o[d] * p->stride[d] + rest % p->kernel[d] * p->dilation[d] - p->pad[d];
            rest /= p->kernel[d];
            inside = inside && place[d] >= 0 && place[d] < p->in[d];
            padded = padded && place[d] < p->in[d] + p->pad_end[d];
            off += place[d] * p->x_s[d];
        }
        s->taps_and_pads += padded;
        if (!inside) continue;
        s->taps++;
        for (int k = 0; k < p->rank; k++) {
            const int d = p->column_major ? p->rank - 1 - k : k;
            index = index * p->in[d] + place[d];
        }
        take(p, s, load(p, s->type, off), index);
    }
}

static void put(const pooling *p, const sum *s, int64_t off, int64_t before) {
    double v = s->value;
    const int64_t divide = p->count_pad ? s->taps_and_pads : s->taps;
    if (p->kind == POOLING_AVERAGE) v = divide ? v / (double)divide : 0;
    if (p->kind == POOLING_NORM && p->p > 1) v = p->p == 2 ? sqrt(v) : m64_pow(v, 1 / (double)p->p);
    if (s->type == SARD_F32)
        ((float *)p->y)[off] = (float)v;
    else if (s->type == SARD_F64)
        ((double *)p->y)[off] = v;
    else if (s->type == SARD_I8)
        ((int8_t *)p->y)[off] = (int8_t)v;
    else
        ((uint8_t *)p->y)[off] = (uint8_t)v;
    if (p->indices) p->indices[off] = s->index < 0 ? 0 : before + s->index;
}

void pooling_ref(const pooling *p, sard_dtype dtype) {
    int64_t pixels = 1, plane = 1;
    for (int d = 0; d < p->rank; d++) pixels *= p->out[d], plane *= p->in[d];
    for (int64_t i = 0; i < p->n * p->c * pixels; i++) {
        int64_t o[POOLING_MAX_RANK], rest = i, off = 0;
        for (int d = p->rank - 1; d >= 0; d--) {
            o[d] = rest % p->out[d];
            rest /= p->out[d];
            off += o[d] * p->y_s[d];
        }
        const int64_t n = rest / p->c, c = rest % p->c;
        sum s = {.type = dtype, .index = -1, .value = -0.0};
        if (p->kind == POOLING_MAX) s.value = dtype == SARD_I8 ? -128 : dtype == SARD_U8 ? 0 : -INFINITY;
        window(p, &s, n, c, o);
        put(p, &s, off + n * p->y_n + c * p->y_c, (n * p->c + c) * plane);
    }
}
