/* depthwise.c -- see depthwise.h: rows of outputs, the taps they have, tasks. */
#include "kernels/conv/depthwise.h"
#include "kernels/conv/conv_rows.h"

#define WINOGRAD(level, name)
#define KERNEL(level, name) extern const depthwise_kernel name;
#include "kernels/conv/list.inc"
#undef KERNEL
const depthwise_kernel *const depthwise_kernels[] = {
#define KERNEL(level, name) &name,
#include "kernels/conv/list.inc"
#undef KERNEL
#undef WINOGRAD
    NULL};

const depthwise_kernel *depthwise_kernel_for(isa level) {
    const depthwise_kernel *const *k = depthwise_kernels;
    while (k[1] && (*k)->level != level) k++;
    return *k;
}

bool depthwise_for(const conv_shape *s) {
    const int64_t g = s->c / s->groups;
    if (s->transposed || s->oc != s->c || s->groups < 2) return false;
    return g == 1 || ((g == 2 || g == 4 || g == 8) && g * conv_taps(s) <= GEMM_SEGMENT);
}

static size_t round64(size_t n) { return (n + 63) & ~(size_t)63; }
static size_t lists_bytes(const conv_shape *s) { return round64(2 * (size_t)conv_taps(s) * sizeof(depthwise_tap)); }

size_t depthwise_worker_bytes(const conv_shape *s, bool hidden) {
    const size_t row = (size_t)s->out[s->rank - 1] * (size_t)s->c * sizeof(float);
    return lists_bytes(s) + (hidden ? round64(row) : 0);
}

typedef struct work {
    const depthwise_kernel *k;
    const conv_f32 *c;
    char *scratch;
    size_t worker_bytes;
} work;

/* Lists the taps of an output whose window begins at at[] (outer axes) and base (last axis); offsets are from the window's
 * position along the last axis. Taps outside the image are left out, or read zeros. Returns how many. */
static int64_t list_taps(const work *w, const int64_t *at, int64_t base, depthwise_tap *tap) {
    const conv_shape *s = w->c->shape;
    const bool finite = w->c->pack->finite;
    int64_t i[CONV_MAX_RANK] = {0}, n = 0;
    for (int64_t t = 0;; t++) {
        int64_t off = 0;
        bool inside = true;
        for (int d = 0; d < s->rank; d++) {
            const int64_t p = (d < s->rank - 1 ? at[d] : base) + i[d] * s->dilation[d];
            inside &= p >= 0 && p < s->in[d];
            off = off * s->in[d] + (d < s->rank - 1 ? p : p - base);
        }
        if (inside)
            tap[n++] = (depthwise_tap){off * s->c, t};
        else if (!finite)
            tap[n++] = (depthwise_tap){CONV_NO_TAP, t};
        int d = s->rank - 1;
        while (d >= 0 && ++i[d] == s->kernel[d]) i[d--] = 0;
        if (d < 0) return n;
    }
}

/* The outer taps (all axes but the last) that exist; offsets from the window's place along the last axis. */
static int64_t list_outer(const conv_shape *s, const int64_t *at, depthwise_tap *tap) {
    const int last = s->rank - 1;
    int64_t i[CONV_MAX_RANK] = {0}, n = 0;
    for (int64_t t = 0;; t += s->kernel[last]) {
        int64_t off = 0;
        bool inside = true;
        for (int d = 0; d < last; d++) {
            const int64_t p = at[d] + i[d] * s->dilation[d];
            inside &= p >= 0 && p < s->in[d];
            off = off * s->in[d] + p;
        }
        if (inside) tap[n++] = (depthwise_tap){off * s->in[last] * s->c, t};
        int d = last - 1;
        while (d >= 0 && ++i[d] == s->kernel[d]) i[d--] = 0;
        if (d < 0) return n;
    }
}

static int64_t ceil_div(int64_t a, int64_t b) { return a / b + (a % b != 0); }

/* One row of outputs along the last axis. */
static void run_row(const work *w, int64_t index, void *scratch) {
    const conv_f32 *c = w->c;
    const conv_shape *s = c->shape;
    const int last = s->rank - 1;
    const int64_t width = s->out[last], in = s->in[last], stride = s->stride[last], pad = s->pad[last];
    const int64_t reach = (s->kernel[last] - 1) * s->dilation[last], pixel = index * width;
    int64_t at[CONV_MAX_RANK], rest = index, image = s->c;
    for (int d = last - 1; d >= 0; d--) {
        at[d] = rest % s->out[d] * s->stride[d] - s->pad[d];
        rest /= s->out[d];
    }
    for (int d = 0; d <= last; d++) image *= s->in[d];
    depthwise_row r = {.x = c->x + (rest * image - pad * s->c),
                       .x_step = stride * s->c,
                       .channels = s->c,
                       .group = s->c / s->groups,
                       .tap_step = s->dilation[last] * s->c,
                       .outputs = width,
                       .kernel = s->kernel[last],
                       .in = in,
                       .stride = stride,
                       .dilation = s->dilation[last],
                       .pad = pad,
                       .outer = scratch,
                       .w = c->pack->w,
                       .bias = c->e.bias,
                       .act = c->e.act,
                       .lo = c->e.lo,
                       .hi = c->e.hi};
    r.y = c->y ? c->y + pixel * s->c : (float *)(void *)((char *)scratch + lists_bytes(s));
    r.add = c->e.add ? c->e.add + pixel * s->c : NULL;
    r.from = ceil_div(pad, stride);
    r.to = in - 1 - reach + pad >= 0 ? (in - 1 - reach + pad) / stride + 1 : 0;
    if (r.to > width) r.to = width;
    if (r.from > r.to) r.from = r.to = 0;
    if (r.group > 1 || (c->pack->finite && conv_taps(s) <= GEMM_SEGMENT)) {
        r.outers = list_outer(s, at, scratch);
        w->k->row(&r);
    } else {
        for (int64_t o = 0; o < width; o++) {
            r.outers = list_taps(w, at, o * stride - pad, scratch);
            w->k->listed(&r, o);
        }
    }
    if (c->e.hook) c->e.hook(c->e.hook_arg, r.y, s->c, pixel, 0, width, s->c);
}

static sard_status part(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    (void)err;
    const work *w = arg;
    for (int64_t r = from; r < to; r++) run_row(w, r, w->scratch + (size_t)worker * w->worker_bytes);
    return SARD_OK;
}

sard_status depthwise_run(const depthwise_kernel *k, const conv_f32 *c, const par *par, void *scratch,
                          size_t worker_bytes, sard_error *err) {
    const conv_shape *s = c->shape;
    work w = {k, c, scratch, worker_bytes};
    int64_t rows = s->n;
    for (int d = 0; d < s->rank - 1; d++) rows *= s->out[d];
    const double each = (double)s->out[s->rank - 1] * (double)s->c * (double)conv_taps(s);
    return par_for(par, rows, each > 2e5 ? 1 : (int64_t)(2e5 / (each + 1)) + 1, part, &w, err);
}
