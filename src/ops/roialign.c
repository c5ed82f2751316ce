/*
 * RoiAlign -- regions of images as grids of bins: each the mean (or maximum) of points placed evenly in it, which are
 * interpolated linearly. MaxRoiPool -- the older form: whole pixels, each bin their maximum.
 *
 *   RoiAlign 16: coordinate_transformation_mode, half_pixel by default
 *
 * Coordinates are computed in float (double for doubles), sums in double, rounded once.
 */
#include "ops/index.h"
#include "ops/meter.h"

enum { TRANSFORM, MODE, HEIGHT, WIDTH, RATIO, SCALE };
enum { SAMPLES_MAX = 4096 }; /* per side of a bin */
static const attr_def align_attrs[] = {
    ATTR_S("coordinate_transformation_mode", "half_pixel"),
    ATTR_S("mode", "avg"),
    ATTR_I("output_height", 1),
    ATTR_I("output_width", 1),
    ATTR_I("sampling_ratio", 0),
    ATTR_F("spatial_scale", 1.0f),
};
static const formal align_in[] = {
    {.name = "X", .var = "T1", .types = DT_FLOAT},
    {.name = "rois", .var = "T1", .types = DT_FLOAT},
    {.name = "batch_indices", .var = "T2", .types = DT(SARD_I64)},
};
static const formal align_out[] = {{.name = "Y", .var = "T1", .types = DT_FLOAT}};

static sard_status upgrade(draft *d, int since, sard_error *err) {
    (void)err;
    return since < 16 ? draft_set_string(d, "coordinate_transformation_mode", "output_half_pixel") : SARD_OK;
}

static sard_status settings(const node *n, int *half, int *max, sard_error *err) {
    static const char *const transforms[] = {"output_half_pixel", "half_pixel"}, *const modes[] = {"avg", "max"};
    const attr *a = n->attrs;
    TRY(attr_word(&a[TRANSFORM], "coordinate_transformation_mode", transforms, 2, half, err));
    TRY(attr_word(&a[MODE], "mode", modes, 2, max, err));
    FAIL_IF(a[HEIGHT].i < 1 || a[WIDTH].i < 1 || a[HEIGHT].i > INT32_MAX || a[WIDTH].i > INT32_MAX || a[RATIO].i < 0 ||
                a[RATIO].i > SAMPLES_MAX,
            err, SARD_INVALID_MODEL, "output_height %lld, output_width %lld, sampling_ratio %lld",
            (long long)a[HEIGHT].i, (long long)a[WIDTH].i, (long long)a[RATIO].i);
    return SARD_OK;
}

static sard_status infer_align(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[0], *r = c->in[1];
    int half, max;
    TRY(settings(c->node, &half, &max, err));
    FAIL_IF((x->rank >= 0 && x->rank != 4) || (r->rank >= 0 && r->rank != 2), err, SARD_INVALID_ARGUMENT,
            "X has rank %d and rois %d; 4 and 2 are needed", x->rank, r->rank);
    c->out[0] = type_tensor((sard_dtype)x->dtype, 4,
                            (int64_t[]){r->rank == 2 ? r->dim[0] : DIM_UNKNOWN, x->rank == 4 ? x->dim[1] : DIM_UNKNOWN,
                                        infer_attr(c, HEIGHT)->i, infer_attr(c, WIDTH)->i});
    return SARD_OK;
}

typedef struct job {
    const tensor *x, *rois, *at;
    tensor *y;
    bool half, max, wide;
    int64_t ratio;
    double scale;
    double *sums; /* channels per worker */
    run_ctl *ctl;
} job;

/* The result of one operation in the type coordinates are computed in. */
static double in_type(const job *j, double v) { return j->wide ? v : (double)(float)v; }

typedef struct side { /* a region along one axis */
    double start, bin;
    int64_t samples, extent;
} side;

static sard_status measure(const job *j, int64_t roi, int axis, int64_t bins, side *s, sard_error *err) {
    double off = j->half ? 0.5 : 0;
    int64_t at = roi * 4 + (axis == 0 ? 1 : 0); /* x1 y1 x2 y2 */
    double lo = in_type(j, in_type(j, tensor_get_f64(j->rois, at) * j->scale) - off);
    double hi = in_type(j, in_type(j, tensor_get_f64(j->rois, at + 2) * j->scale) - off);
    double size = in_type(j, hi - lo);
    if (!j->half && size < 1) size = 1;
    *s = (side){.start = lo, .bin = in_type(j, size / (double)bins), .extent = j->x->dim[2 + axis]};
    FAIL_IF(!(s->bin >= -1e9 && s->bin <= SAMPLES_MAX), err, SARD_INVALID_ARGUMENT, "region %lld has an extent of %g",
            (long long)roi, size);
    s->samples = s->bin <= 0 ? 0 : (int64_t)s->bin + ((double)(int64_t)s->bin < s->bin);
    if (j->ratio > 0) s->samples = j->ratio;
    return SARD_OK;
}

typedef struct tap { /* two pixels around a coordinate */
    bool outside;
    int64_t lo, hi;
    double wl, wh;
} tap;

static tap tap_at(const job *j, const side *s, int64_t bin, int64_t i) {
    double v = in_type(j, s->start + in_type(j, (double)bin * s->bin));
    v = in_type(j, v + in_type(j, in_type(j, ((double)i + 0.5) * s->bin) / (double)s->samples));
    if (!(v >= -1 && v <= (double)s->extent)) return (tap){.outside = true};
    if (v < 0) v = 0;
    int64_t lo = (int64_t)v;
    if (lo >= s->extent - 1) return (tap){false, s->extent - 1, s->extent - 1, 1, 0};
    double part = in_type(j, v - (double)lo);
    return (tap){false, lo, lo + 1, in_type(j, 1 - part), part};
}

/* One bin of one region, all channels. */
static sard_status fill_bin(const job *j, int64_t image, const side *h, const side *w, int64_t ph, int64_t pw,
                            double *sum, meter *m, sard_error *err) {
    int64_t channels = j->x->dim[1], plane = h->extent * w->extent;
    bool first = true;
    for (int64_t ch = 0; ch < channels; ch++) sum[ch] = 0;
    for (int64_t iy = 0; iy < h->samples; iy++) {
        tap y = tap_at(j, h, ph, iy);
        TRY(meter_add(m, w->samples * (channels + 1), err));
        for (int64_t ix = 0; ix < w->samples; ix++) {
            tap x = tap_at(j, w, pw, ix);
            bool outside = x.outside || y.outside;
            int64_t at[4] = {y.lo * w->extent + x.lo, y.lo * w->extent + x.hi, y.hi * w->extent + x.lo,
                             y.hi * w->extent + x.hi};
            double f[4] = {y.wl * x.wl, y.wl * x.wh, y.wh * x.wl, y.wh * x.wh};
            if (outside && !j->max) continue;
            for (int64_t ch = 0; ch < channels; ch++) {
                double v[4] = {0, 0, 0, 0};
                for (int k = 0; k < 4 && !outside; k++)
                    v[k] = f[k] * tensor_get_f64(j->x, (image * channels + ch) * plane + at[k]);
                if (!j->max) {
                    sum[ch] = sum[ch] + (((v[0] + v[1]) + v[2]) + v[3]);
                    continue;
                }
                for (int k = 1; k < 4; k++)
                    if (v[k] > v[0] || v[k] != v[k]) v[0] = v[k];
                if (first || v[0] > sum[ch] || v[0] != v[0]) sum[ch] = v[0];
            }
            first = false;
        }
    }
    double n = (double)(h->samples * w->samples > 1 ? h->samples * w->samples : 1);
    for (int64_t ch = 0; ch < channels && !j->max; ch++) sum[ch] = sum[ch] / n;
    return SARD_OK;
}

static sard_status align_some(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    const job *j = arg;
    int64_t channels = j->x->dim[1], hn = j->y->dim[2], wn = j->y->dim[3];
    double *sum = j->sums + worker * channels;
    meter m = {.ctl = j->ctl};
    for (int64_t i = from; i < to; i++) {
        int64_t roi = i / (hn * wn), ph = i / wn % hn, pw = i % wn, image = TENSOR_AT(j->at, int64_t)[roi];
        side h, w;
        FAIL_IF(image < 0 || image >= j->x->dim[0], err, SARD_INVALID_ARGUMENT,
                "batch_indices[%lld] is %lld; there are %lld images", (long long)roi, (long long)image,
                (long long)j->x->dim[0]);
        TRY(measure(j, roi, 0, hn, &h, err));
        TRY(measure(j, roi, 1, wn, &w, err));
        TRY(fill_bin(j, image, &h, &w, ph, pw, sum, &m, err));
        for (int64_t ch = 0; ch < channels; ch++)
            tensor_set_f64(j->y, ((roi * channels + ch) * hn + ph) * wn + pw, sum[ch]);
    }
    return SARD_OK;
}

static sard_status run_align(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0), *r = op_in(c, 1), *at = op_in(c, 2);
    int half, max;
    TRY(settings(op_node(c), &half, &max, err));
    FAIL_IF(x->rank != 4 || r->rank != 2 || r->dim[1] != 4 || at->rank != 1 || at->dim[0] != r->dim[0], err,
            SARD_INVALID_ARGUMENT, "X must have rank 4, rois be [n, 4] and batch_indices [n]");
    shape s = {4, {r->dim[0], x->dim[1], op_attr(c, HEIGHT)->i, op_attr(c, WIDTH)->i}};
    FAIL_IF(shape_count(&s) < 0, err, SARD_LIMIT, "the output is too large");
    job j = {.x = x, .rois = r, .at = at, .half = half != 0, .max = max != 0, .wide = x->dtype == SARD_F64};
    j.ratio = op_attr(c, RATIO)->i, j.scale = (double)op_attr(c, SCALE)->f;
    TRY(op_out(c, 0, (sard_dtype)x->dtype, &s, &j.y, err));
    if (tensor_count(j.y) == 0) return SARD_OK;
    FAIL_IF(x->dim[2] == 0 || x->dim[3] == 0, err, SARD_INVALID_ARGUMENT, "X is empty");
    void *mem;
    TRY(op_scratch(c, (size_t)par_threads(op_par(c)) * (size_t)x->dim[1] * sizeof(double), &mem, err));
    j.sums = mem;
    j.ctl = op_par(c)->ctl;
    return par_for(op_par(c), s.dim[0] * s.dim[2] * s.dim[3], 16, align_some, &j, err);
}

const op_def op_roialign = {
    .domain = "",
    .name = "RoiAlign",
    .doc = "regions of images as grids of interpolated bins",
    OP_SINCE(10, 16, 22),
    OP_ATTRS(align_attrs),
    OP_IN(align_in),
    OP_OUT(align_out),
    .upgrade = upgrade,
    .infer = infer_align,
    .run = run_align,
};

/* ---- MaxRoiPool ---------------------------------------------------------------------------------------------------- */

enum { POOLED, POOL_SCALE };
static const attr_def pool_attrs[] = {ATTR_REQ("pooled_shape", ATTR_INTS), ATTR_F("spatial_scale", 1.0f)};
static const formal pool_in[] = {{.name = "X", .var = "T", .types = DT_FLOAT},
                                 {.name = "rois", .var = "T", .types = DT_FLOAT}};
static const formal pool_out[] = {{.name = "Y", .var = "T", .types = DT_FLOAT}};

static sard_status pool_shape(const attr *a, const int64_t *x, int rank, const int64_t *r, int r_rank, int64_t *out,
                              sard_error *err) {
    FAIL_IF((rank >= 0 && rank != 4) || (r_rank >= 0 && r_rank != 2), err, SARD_INVALID_ARGUMENT,
            "X has rank %d and rois %d; 4 and 2 are needed", rank, r_rank);
    FAIL_IF(a->ints.n != 2 || a->ints.v[0] < 1 || a->ints.v[1] < 1 || a->ints.v[0] > INT32_MAX ||
                a->ints.v[1] > INT32_MAX,
            err, SARD_INVALID_MODEL, "attribute 'pooled_shape' must be two numbers above 0");
    out[0] = r_rank == 2 ? r[0] : DIM_UNKNOWN, out[1] = rank == 4 ? x[1] : DIM_UNKNOWN;
    out[2] = a->ints.v[0], out[3] = a->ints.v[1];
    return SARD_OK;
}

static sard_status infer_pool(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[0], *r = c->in[1];
    c->out[0] = type_tensor((sard_dtype)x->dtype, 4, NULL);
    return pool_shape(infer_attr(c, POOLED), x->dim, x->rank, r->dim, r->rank, c->out[0].dim, err);
}

/* Half away from zero, within what pixels can be. */
static int64_t whole(float v) {
    if (!(v > -1e9f)) return -1000000000;
    if (v > 1e9f) return 1000000000;
    return (int64_t)(v < 0 ? (double)v - 0.5 : (double)v + 0.5);
}

/* Pixels of bin i of n along an axis of the region [from, to]. */
static void bin_range(int64_t from, int64_t to, int64_t i, int64_t n, int64_t extent, int64_t *lo, int64_t *hi) {
    int64_t size = to - from + 1 > 1 ? to - from + 1 : 1;
    float bin = (float)size / (float)n, b = (float)i * bin, e = (float)(i + 1) * bin;
    *lo = (int64_t)b + from, *hi = (int64_t)e + ((float)(int64_t)e < e) + from;
    *lo = *lo < 0 ? 0 : *lo > extent ? extent : *lo, *hi = *hi < 0 ? 0 : *hi > extent ? extent : *hi;
}

static sard_status pool_some(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    (void)worker;
    const job *j = arg;
    const tensor *x = j->x;
    int64_t channels = x->dim[1], hn = j->y->dim[2], wn = j->y->dim[3];
    for (int64_t i = from; i < to; i++) {
        int64_t roi = i / (channels * hn * wn), ch = i / (hn * wn) % channels, edge[4], y0, y1, x0, x1;
        double image = tensor_get_f64(j->rois, roi * 5), best = 0;
        FAIL_IF(!(image >= 0 && image < (double)x->dim[0]), err, SARD_INVALID_ARGUMENT,
                "region %lld is of image %g; there are %lld", (long long)roi, image, (long long)x->dim[0]);
        for (int k = 0; k < 4; k++) edge[k] = whole((float)tensor_get_f64(j->rois, roi * 5 + 1 + k) * (float)j->scale);
        bin_range(edge[1], edge[3], i / wn % hn, hn, x->dim[2], &y0, &y1);
        bin_range(edge[0], edge[2], i % wn, wn, x->dim[3], &x0, &x1);
        bool first = true;
        for (int64_t r = y0; r < y1; r++)
            for (int64_t q = x0; q < x1; q++) {
                double v = tensor_get_f64(x, (((int64_t)image * channels + ch) * x->dim[2] + r) * x->dim[3] + q);
                if (first || v > best || v != v) best = v, first = false;
            }
        tensor_set_f64(j->y, i, best);
    }
    return SARD_OK;
}

static sard_status run_pool(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0), *r = op_in(c, 1);
    shape s = {.rank = 4};
    TRY(pool_shape(op_attr(c, POOLED), x->dim, x->rank, r->dim, r->rank, s.dim, err));
    FAIL_IF(r->dim[1] != 5, err, SARD_INVALID_ARGUMENT, "rois must be [n, 5]");
    FAIL_IF(shape_count(&s) < 0, err, SARD_LIMIT, "the output is too large");
    job j = {.x = x, .rois = r, .scale = (double)op_attr(c, POOL_SCALE)->f};
    TRY(op_out(c, 0, (sard_dtype)x->dtype, &s, &j.y, err));
    return par_for(op_par(c), tensor_count(j.y), 256, pool_some, &j, err);
}

const op_def op_maxroipool = {
    .domain = "",
    .name = "MaxRoiPool",
    .doc = "maxima over bins of regions of images",
    OP_SINCE(1, 22),
    OP_ATTRS(pool_attrs),
    OP_IN(pool_in),
    OP_OUT(pool_out),
    .infer = infer_pool,
    .run = run_pool,
};
