/*
 * DeformConv -- a convolution whose kernel positions are moved by offsets, different for every output pixel, and may be
 * weighted by a mask. Elements between pixels are interpolated linearly; outside the image is 0.
 *
 * Rows of taps [pixels, kernel positions * channels of the group] are gathered, then multiplied by the weights, both in
 * double for every type; the order of sums is Conv's.
 */
#include "kernels/gemm/gemm.h"
#include "ops/index.h"
#include "ops/window.h"

enum { X, W, OFFSET, B, MASK };
enum { DILATIONS, GROUP, KERNEL, OFFSET_GROUP, PADS, STRIDES };
static const attr_def deform_attrs[] = {
    ATTR_OPT("dilations", ATTR_INTS), ATTR_I("group", 1),          ATTR_OPT("kernel_shape", ATTR_INTS),
    ATTR_I("offset_group", 1),        ATTR_OPT("pads", ATTR_INTS), ATTR_OPT("strides", ATTR_INTS),
};
static const window_attrs deform_window = {-1, DILATIONS, KERNEL, PADS, STRIDES, -1};
static const formal deform_in[] = {
    {.name = "X", .var = "T", .types = DT_FLOAT},
    {.name = "W", .var = "T", .types = DT_FLOAT},
    {.name = "offset", .var = "T", .types = DT_FLOAT},
    {.name = "B", .var = "T", .types = DT_FLOAT, .flags = F_OPTIONAL},
    {.name = "mask", .var = "T", .types = DT_FLOAT, .flags = F_OPTIONAL},
};
static const formal deform_out[] = {{.name = "Y", .var = "T", .types = DT_FLOAT}};

static sard_status dims(module *m, const attr *attrs, const int64_t *x, const int64_t *w, int rank, window *win,
                        int64_t *out, sard_error *err) {
    FAIL_IF(rank < 3, err, SARD_INVALID_ARGUMENT, "X has rank %d; 3 is the least", rank);
    TRY(window_read(attrs, &deform_window, rank - 2, w + 2, win, err));
    int64_t g = attrs[GROUP].i, og = attrs[OFFSET_GROUP].i;
    FAIL_IF(g < 1 || og < 1 || g > INT32_MAX || og > INT32_MAX, err, SARD_INVALID_MODEL,
            "group %lld, offset_group %lld", (long long)g, (long long)og);
    FAIL_IF(dim_known(x[1]) && dim_known(w[1]) && (w[1] > INT32_MAX || x[1] != w[1] * g || x[1] % og), err,
            SARD_INVALID_ARGUMENT, "X has %lld channels; W wants %lld in %lld group(s)", (long long)x[1],
            (long long)w[1], (long long)g);
    FAIL_IF(dim_known(w[0]) && w[0] % g, err, SARD_INVALID_ARGUMENT, "%lld output channels in %lld groups",
            (long long)w[0], (long long)g);
    out[0] = x[0], out[1] = w[0];
    for (int i = 0; i < rank - 2; i++) TRY(window_out(m, win, i, x[i + 2], &out[i + 2], err));
    return SARD_OK;
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[X], *w = c->in[W];
    window win;
    c->out[0] = type_tensor((sard_dtype)x->dtype, x->rank, NULL);
    if (x->rank < 0 || w->rank < 0) return SARD_OK;
    FAIL_IF(x->rank != w->rank, err, SARD_INVALID_ARGUMENT, "X has rank %d, W %d", x->rank, w->rank);
    return dims(c->mod, c->node->attrs, x->dim, w->dim, x->rank, &win, c->out[0].dim, err);
}

typedef struct job {
    const tensor *x, *offset, *mask;
    window w;
    int64_t out[MAX_RANK], pixels, taps, channels, offset_groups; /* channels: of the group */
    int64_t image, first, from;                                   /* first channel, first pixel */
    double *rows;
} job;

/* The image's element at a position between pixels. plane: the channel's first element. */
static double between(const job *j, int64_t plane, const double *at) {
    int n = j->w.rank;
    double sum = 0;
    for (int corner = 0; corner < 1 << n; corner++) {
        double weight = 1;
        int64_t place = 0;
        for (int i = 0; i < n && weight != 0; i++) {
            int64_t k = (int64_t)at[i], extent = j->x->dim[i + 2];
            if ((double)k > at[i]) k--;
            double part = at[i] - (double)k;
            bool high = corner >> (n - 1 - i) & 1;
            k += high;
            weight = k < 0 || k >= extent ? 0 : weight * (high ? part : 1 - part);
            place = place * extent + k;
        }
        if (weight != 0) sum = sum + weight * tensor_get_f64(j->x, plane + place);
    }
    return sum;
}

static void gather_pixel(const job *j, int64_t pixel, double *row) {
    int n = j->w.rank;
    int64_t o[WINDOW_MAX], rest = pixel, all = j->x->dim[1], plane = dims_count(j->x->dim + 2, n);
    for (int i = n - 1; i >= 0; i--) o[i] = rest % j->out[i], rest /= j->out[i];
    for (int64_t t = 0; t < j->taps; t++) {
        int64_t group = -1;
        double at[WINDOW_MAX], mask = 1;
        bool inside = true;
        for (int64_t ch = 0; ch < j->channels; ch++) {
            int64_t g = (j->first + ch) / (all / j->offset_groups);
            if (g != group) {
                int64_t q = t, base = (j->image * j->offset_groups + g) * j->taps + t;
                group = g, inside = true;
                for (int i = n - 1; i >= 0; i--) {
                    double d = tensor_get_f64(j->offset, (base * n + i) * j->pixels + pixel);
                    at[i] = (double)(o[i] * j->w.stride[i] - j->w.pad[i] + q % j->w.kernel[i] * j->w.dilation[i]) + d;
                    q /= j->w.kernel[i];
                    inside &= at[i] > -1 && at[i] < (double)j->x->dim[i + 2];
                }
                mask = j->mask ? tensor_get_f64(j->mask, base * j->pixels + pixel) : 1;
            }
            double v = inside ? between(j, (j->image * all + j->first + ch) * plane, at) : 0;
            row[t * j->channels + ch] = v * mask;
        }
    }
}

static sard_status gather_some(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    (void)worker, (void)err;
    const job *j = arg;
    for (int64_t i = from; i < to; i++) gather_pixel(j, j->from + i, j->rows + i * j->taps * j->channels);
    return SARD_OK;
}

/* [oc, channels, tap] -> [oc][tap][channel] in double; the bias behind it. */
static sard_status weights(op_ctx *c, const job *j, double **out, sard_error *err) {
    const tensor *w = op_in(c, W), *b = op_in(c, B);
    int64_t k = j->taps * j->channels;
    void *mem;
    TRY(op_scratch(c, (size_t)(w->dim[0] * (k + 1)) * sizeof(double), &mem, err));
    double *to = mem;
    for (int64_t o = 0; o < w->dim[0]; o++) {
        for (int64_t ch = 0; ch < j->channels; ch++)
            for (int64_t t = 0; t < j->taps; t++)
                to[o * k + t * j->channels + ch] = tensor_get_f64(w, (o * j->channels + ch) * j->taps + t);
        to[w->dim[0] * k + o] = b ? tensor_get_f64(b, o) : 0;
    }
    *out = to;
    return SARD_OK;
}

static sard_status check(op_ctx *c, const job *j, const shape *s, sard_error *err) {
    const tensor *b = op_in(c, B);
    const int64_t per[2] = {j->offset_groups * j->taps * j->w.rank, j->offset_groups * j->taps};
    for (int i = 0; i < 2; i++) {
        const tensor *t = i ? j->mask : j->offset;
        if (!t) continue;
        shape want = *s, have = shape_of(t);
        want.dim[1] = per[i];
        char p[96], q[96];
        FAIL_IF(!shape_eq(&want, &have), err, SARD_INVALID_ARGUMENT, "%s has shape %s; %s is needed",
                i ? "mask" : "offset", shape_text(&have, p, sizeof p), shape_text(&want, q, sizeof q));
    }
    FAIL_IF(b && (b->rank != 1 || b->dim[0] != s->dim[1]), err, SARD_INVALID_ARGUMENT, "B must have %lld elements",
            (long long)s->dim[1]);
    return SARD_OK;
}

static sard_status convolve(op_ctx *c, job *j, tensor *y, sard_error *err) {
    int64_t oc = y->dim[1], groups = op_attr(c, GROUP)->i, og = oc / groups, k = j->taps * j->channels;
    int64_t block = (1 << 17) / (k + 1) + 1;
    if (block > j->pixels) block = j->pixels;
    double *w;
    void *rows, *result, *scratch;
    TRY(weights(c, j, &w, err));
    TRY(op_scratch(c, (size_t)(block * k) * sizeof(double), &rows, err));
    TRY(op_scratch(c, (size_t)(block * og) * sizeof(double), &result, err));
    gemm_f64 g = {.m = og, .n = block, .k = k, .a_rs = k, .a_cs = 1, .b = rows, .b_rs = 1, .b_cs = k};
    g.c = result, g.e = (gemm_epilogue_f64)GEMM_EPILOGUE_NONE, g.e.bias_rs = 1;
    size_t bytes = gemm_scratch_f64(&g, par_threads(op_par(c)));
    FAIL_IF(bytes == SIZE_MAX, err, SARD_OUT_OF_MEMORY, "the images are too large");
    TRY(op_scratch(c, bytes, &scratch, err));
    j->rows = rows;
    for (int64_t i = 0; i < y->dim[0] * groups; i++) {
        int64_t group = i % groups;
        j->image = i / groups, j->first = group * j->channels;
        g.a = w + group * og * k, g.e.bias = w + oc * k + group * og;
        for (j->from = 0; j->from < j->pixels; j->from += block) {
            g.n = j->pixels - j->from < block ? j->pixels - j->from : block, g.c_rs = g.n;
            TRY(par_for(op_par(c), g.n, 16, gather_some, j, err));
            TRY(gemm_run_f64(&g, op_par(c), scratch, err));
            for (int64_t o = 0; o < og; o++)
                for (int64_t p = 0; p < g.n; p++)
                    tensor_set_f64(y, ((j->image * oc) + group * og + o) * j->pixels + j->from + p, g.c[o * g.n + p]);
        }
    }
    return SARD_OK;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, X), *w = op_in(c, W);
    job j = {.x = x, .offset = op_in(c, OFFSET), .mask = op_in(c, MASK), .channels = w->dim[1]};
    shape s = {.rank = x->rank};
    tensor *y;
    FAIL_IF(x->rank != w->rank, err, SARD_INVALID_ARGUMENT, "X has rank %d, W %d", x->rank, w->rank);
    TRY(dims(NULL, op_node(c)->attrs, x->dim, w->dim, x->rank, &j.w, s.dim, err));
    FAIL_IF(shape_count(&s) < 0, err, SARD_LIMIT, "the output is too large");
    j.offset_groups = op_attr(c, OFFSET_GROUP)->i;
    memcpy(j.out, s.dim + 2, (size_t)j.w.rank * sizeof *j.out);
    j.pixels = dims_count(j.out, j.w.rank), j.taps = dims_count(w->dim + 2, j.w.rank);
    TRY(check(c, &j, &s, err));
    TRY(op_out(c, 0, (sard_dtype)x->dtype, &s, &y, err));
    return tensor_count(y) == 0 ? SARD_OK : convolve(c, &j, y, err);
}

const op_def op_deformconv = {
    .domain = "",
    .name = "DeformConv",
    .doc = "convolution with kernel positions moved by offsets",
    OP_SINCE(19, 22),
    OP_ATTRS(deform_attrs),
    OP_IN(deform_in),
    OP_OUT(deform_out),
    .infer = infer,
    .run = run,
};
