/*
 * pooling.c -- see pooling.h: which outputs a tap reaches, lines of work, tasks.
 */
#include <math.h>

#include "base/mem.h"
#include "kernels/pool/pooling_rows.h"

#define KERNEL(level, name) extern const pooling_kernel name;
#include "kernels/pool/list.inc"
#undef KERNEL
const pooling_kernel *const pooling_kernels[] = {
#define KERNEL(level, name) &name,
#include "kernels/pool/list.inc"
#undef KERNEL
    NULL};

void pooling_strides(int rank, int64_t c, const int64_t *extent, bool last, int64_t *s_n, int64_t *s_c, int64_t *s_s) {
    int64_t stride = last ? c : 1;
    for (int d = rank - 1; d >= 0; d--) {
        s_s[d] = stride;
        stride *= extent[d];
    }
    *s_c = last ? 1 : stride;
    *s_n = last ? stride : stride * c;
}

typedef struct work {
    const pooling *p;
    const pooling_rows *rows;
    pooling_op op;
    size_t size;   /* of an element */
    bool channels; /* lanes are channels, else outputs along the last axis */
} work;

enum { TAPS = 64 }; /* handed to the kernel at once */

/* Taps [*from, *to) of an axis lie inside for output o. */
static void tap_range(const pooling *p, int d, int64_t o, int64_t low, int64_t high, int64_t *from, int64_t *to) {
    const int64_t base = o * p->stride[d] - p->pad[d], step = p->dilation[d];
    *from = base >= low ? 0 : (low - base + step - 1) / step;
    *to = base >= high ? 0 : (high - 1 - base) / step + 1;
    if (*to > p->kernel[d]) *to = p->kernel[d];
    if (*from > *to) *from = *to;
}

static int64_t taps_inside(const pooling *p, int d, int64_t o, bool count_pad) {
    int64_t from, to;
    tap_range(p, d, o, count_pad ? -p->pad[d] : 0, p->in[d] + (count_pad ? p->pad_end[d] : 0), &from, &to);
    return to - from;
}

static const void *x_at(const work *w, int64_t off) { return (const char *)w->p->x + off * (int64_t)w->size; }
static void *y_at(const work *w, int64_t off) { return (char *)w->p->y + off * (int64_t)w->size; }

/* Walks over the taps of axes [0, axes) that output o[] has, as offsets in x: calls f for each. */
typedef struct outer {
    int64_t from[POOLING_MAX_RANK], to[POOLING_MAX_RANK], i[POOLING_MAX_RANK];
    bool any;
} outer;

static void outer_begin(const pooling *p, int axes, const int64_t *o, outer *u) {
    u->any = true;
    for (int d = 0; d < axes; d++) {
        tap_range(p, d, o[d], 0, p->in[d], &u->from[d], &u->to[d]);
        u->i[d] = u->from[d];
        u->any = u->any && u->from[d] < u->to[d];
    }
}
static int64_t outer_offset(const pooling *p, int axes, const int64_t *o, const outer *u) {
    int64_t off = 0;
    for (int d = 0; d < axes; d++) off += (o[d] * p->stride[d] - p->pad[d] + u->i[d] * p->dilation[d]) * p->x_s[d];
    return off;
}
static bool outer_next(int axes, outer *u) {
    for (int d = axes - 1; d >= 0; d--) {
        if (++u->i[d] < u->to[d]) return true;
        u->i[d] = u->from[d];
    }
    return false;
}

static double divisor(const pooling *p, int axes, const int64_t *o) {
    double n = 1;
    for (int d = 0; d < axes; d++) n *= (double)taps_inside(p, d, o[d], p->count_pad);
    return n;
}

/* All channels of one output. */
static void pixel(const work *w, int64_t n, const int64_t *o) {
    const pooling *p = w->p;
    int64_t off[TAPS], taps = 0, out = n * p->y_n;
    for (int d = 0; d < p->rank; d++) out += o[d] * p->y_s[d];
    void *y = y_at(w, out);
    w->rows->start(w->op, p->c, y);
    outer u;
    outer_begin(p, p->rank, o, &u);
    for (bool more = u.any; more;) {
        off[taps++] = n * p->x_n + outer_offset(p, p->rank, o, &u);
        more = outer_next(p->rank, &u);
        if (taps == TAPS || !more) {
            w->rows->taps(w->op, p->p, p->x, off, taps, p->c, y);
            taps = 0;
        }
    }
    w->rows->finish(w->op, p->p, divisor(p, p->rank, o), p->c, y);
}

/* All outputs along the last axis of channel c. */
static void line(const work *w, int64_t n, int64_t c, const int64_t *o) {
    const pooling *p = w->p;
    const int last = p->rank - 1;
    const int64_t width = p->out[last], stride = p->stride[last];
    int64_t out = n * p->y_n + c * p->y_c;
    for (int d = 0; d < last; d++) out += o[d] * p->y_s[d];
    w->rows->start(w->op, width, y_at(w, out));
    /* The taps that lie inside for any output of the line: a kernel may be much larger than the image. */
    int64_t first, end, none;
    tap_range(p, last, width - 1, 0, p->in[last], &first, &none);
    tap_range(p, last, 0, 0, p->in[last], &none, &end);
    outer u;
    outer_begin(p, last, o, &u);
    for (bool more = u.any; more; more = outer_next(last, &u)) {
        const int64_t base = n * p->x_n + c * p->x_c + outer_offset(p, last, o, &u);
        for (int64_t t = first; t < end; t++) {
            const int64_t at = t * p->dilation[last] - p->pad[last]; /* of output 0 */
            const int64_t from = at >= 0 ? 0 : (-at + stride - 1) / stride;
            int64_t to = at >= p->in[last] ? 0 : (p->in[last] - 1 - at) / stride + 1;
            if (to > width) to = width;
            if (from >= to) continue;
            w->rows->line(w->op, p->p, x_at(w, base + (from * stride + at) * p->x_s[last]), stride * p->x_s[last],
                          to - from, y_at(w, out + from));
        }
    }
    const double outside = divisor(p, last, o);
    if (w->op != POOLING_OP_SUM) {
        w->rows->finish(w->op, p->p, 1, width, y_at(w, out));
        return;
    }
    for (int64_t i = 0, e; i < width; i = e) { /* stretches with the same number of taps */
        const int64_t taps = taps_inside(p, last, i, p->count_pad);
        for (e = i + 1; e < width && taps_inside(p, last, e, p->count_pad) == taps;) e++;
        w->rows->finish(w->op, p->p, outside * (double)taps, e - i, y_at(w, out + i));
    }
}

static sard_status part(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    (void)worker, (void)err;
    const work *w = arg;
    const pooling *p = w->p;
    const int last = p->rank - 1;
    for (int64_t i = from; i < to; i++) {
        int64_t o[POOLING_MAX_RANK], rest = i;
        for (int d = last - 1; d >= 0; d--) {
            o[d] = rest % p->out[d];
            rest /= p->out[d];
        }
        if (w->channels)
            for (o[last] = 0; o[last] < p->out[last]; o[last]++) pixel(w, rest, o);
        else
            line(w, rest / p->c, rest % p->c, o);
    }
    return SARD_OK;
}

/* ---- one element after the other: the definition, and maxima with their places --------------------------------------- */

static double load(const void *x, int64_t off, sard_dtype t) {
    if (t == SARD_F32) return ((const float *)x)[off];
    if (t == SARD_F64) return ((const double *)x)[off];
    return t == SARD_I8 ? ((const int8_t *)x)[off] : ((const uint8_t *)x)[off];
}
static void store(void *y, int64_t off, sard_dtype t, double v) {
    if (t == SARD_F32)
        ((float *)y)[off] = (float)v;
    else if (t == SARD_F64)
        ((double *)y)[off] = v;
    else if (t == SARD_I8)
        ((int8_t *)y)[off] = (int8_t)v;
    else
        ((uint8_t *)y)[off] = (uint8_t)v;
}

static void max_element(const pooling *p, sard_dtype t, int64_t n, int64_t c, const int64_t *o, int64_t out) {
    double best = t == SARD_I8 ? -128 : t == SARD_U8 ? 0 : -INFINITY;
    int64_t at = -1;
    outer u;
    outer_begin(p, p->rank, o, &u);
    for (bool more = u.any; more; more = outer_next(p->rank, &u)) {
        const double x = load(p->x, n * p->x_n + c * p->x_c + outer_offset(p, p->rank, o, &u), t);
        const bool first_nan = isnan(x) && !isnan(best);
        if (!(x > best) && !first_nan && at >= 0) continue;
        if (x > best || first_nan) best = x;
        at = 0;
        for (int k = 0; k < p->rank; k++) {
            const int d = p->column_major ? p->rank - 1 - k : k;
            at = at * p->in[d] + o[d] * p->stride[d] - p->pad[d] + u.i[d] * p->dilation[d];
        }
    }
    int64_t plane = 1;
    for (int d = 0; d < p->rank; d++) plane *= p->in[d];
    store(p->y, out, t, best);
    if (p->indices) p->indices[out] = at < 0 ? 0 : (n * p->c + c) * plane + at;
}

typedef struct elements {
    const pooling *p;
    sard_dtype dtype;
} elements;

static sard_status max_part(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    (void)worker, (void)err;
    const elements *e = arg;
    const pooling *p = e->p;
    for (int64_t i = from; i < to; i++) {
        int64_t o[POOLING_MAX_RANK], rest = i, out = 0;
        for (int d = p->rank - 1; d >= 0; d--) {
            o[d] = rest % p->out[d];
            rest /= p->out[d];
            out += o[d] * p->y_s[d];
        }
        const int64_t n = rest / p->c, c = rest % p->c;
        max_element(p, e->dtype, n, c, o, out + n * p->y_n + c * p->y_c);
    }
    return SARD_OK;
}

/* ---- a run ----------------------------------------------------------------------------------------------------------- */

static sard_status check(const pooling *p, sard_dtype t, sard_error *err) {
    FAIL_IF(p->rank < 1 || p->rank > POOLING_MAX_RANK || p->n < 0 || p->c < 0, err, SARD_INVALID_ARGUMENT,
            "pooling over %d spatial axes of %lld x %lld images; 1 to %d axes are possible", p->rank, (long long)p->n,
            (long long)p->c, POOLING_MAX_RANK);
    for (int d = 0; d < p->rank; d++) {
        int64_t reach, taps;
        const bool bad = p->in[d] < 0 || p->out[d] < 0 || p->kernel[d] < 1 || p->stride[d] < 1 || p->dilation[d] < 1 ||
                         p->pad[d] < 0 || p->pad_end[d] < 0 || mul_i64(p->out[d], p->stride[d], &reach) ||
                         mul_i64(p->kernel[d], p->dilation[d], &taps) || add_i64(reach, taps, &reach) ||
                         reach >= (int64_t)1 << 60 || p->pad[d] >= (int64_t)1 << 60 ||
                         p->pad_end[d] >= (int64_t)1 << 60;
        FAIL_IF(bad, err, SARD_INVALID_ARGUMENT,
                "pooling: axis %d has input %lld, output %lld, kernel %lld, stride %lld, dilation %lld, pads %lld %lld",
                d, (long long)p->in[d], (long long)p->out[d], (long long)p->kernel[d], (long long)p->stride[d],
                (long long)p->dilation[d], (long long)p->pad[d], (long long)p->pad_end[d]);
    }
    const bool floats = t == SARD_F32 || t == SARD_F64, small = t == SARD_I8 || t == SARD_U8;
    FAIL_IF(!floats && !(small && p->kind == POOLING_MAX), err, SARD_INVALID_ARGUMENT, "pooling of element type %d",
            (int)t);
    FAIL_IF(p->kind == POOLING_NORM && p->p < 1, err, SARD_INVALID_ARGUMENT, "pooling with p = %lld", (long long)p->p);
    return SARD_OK;
}

static pooling_op op_of(const pooling *p) {
    if (p->kind == POOLING_MAX) return POOLING_OP_MAX;
    if (p->kind == POOLING_AVERAGE) return POOLING_OP_SUM;
    return p->p == 1 ? POOLING_OP_ABS : p->p == 2 ? POOLING_OP_SQUARE : POOLING_OP_POW;
}

static int64_t grain_for(double each) { return each > 1e5 ? 1 : (int64_t)(1e5 / (each + 1)) + 1; }

sard_status pooling_run_on(isa level, const pooling *p, sard_dtype dtype, const par *par, sard_error *err) {
    TRY(check(p, dtype, err));
    const int last = p->rank - 1;
    int64_t lines = p->n;
    double taps = 1;
    for (int d = 0; d < last; d++) lines *= p->out[d];
    for (int d = 0; d <= last; d++) taps *= (double)p->kernel[d];
    if (lines == 0 || p->c == 0 || p->out[last] == 0) return SARD_OK;
    if (p->indices) {
        elements e = {p, dtype};
        return par_for(par, lines * p->out[last] * p->c, grain_for(10 * taps), max_part, &e, err);
    }
    const pooling_kernel *const *k = pooling_kernels;
    while (k[1] && (*k)->level != level) k++;
    const int type = dtype == SARD_F32   ? POOLING_F32
                     : dtype == SARD_F64 ? POOLING_F64
                     : dtype == SARD_I8  ? POOLING_I8
                                         : POOLING_U8;
    work w = {p, &(*k)->rows[type], op_of(p), type == POOLING_F64 ? 8 : type == POOLING_F32 ? 4 : 1, false};
    w.channels = p->y_c == 1 && p->x_c == 1 && (p->c > 1 || p->y_s[last] != 1);
    FAIL_IF(!w.channels && p->y_s[last] != 1 && p->out[last] > 1, err, SARD_INTERNAL,
            "pooling: neither channels nor the outputs of a line are contiguous");
    if (!w.channels) lines *= p->c;
    const double each = (double)p->out[last] * (w.channels ? (double)p->c : 1) * taps;
    return par_for(par, lines, grain_for(each), part, &w, err);
}

sard_status pooling_run(const pooling *p, sard_dtype dtype, const par *par, sard_error *err) {
    const pooling_kernel *const *k = pooling_kernels;
    while (k[1] && !cpu_has((*k)->level)) k++;
    return pooling_run_on((*k)->level, p, dtype, par, err);
}
