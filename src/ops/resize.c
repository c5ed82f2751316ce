/*
 * Resize -- interpolation along any axes: nearest, linear or cubic, with or without antialiasing. Upsample is its older
 * name.
 *
 *   11: coordinate transformations, roi, sizes    18: antialias, axes, keep_aspect_ratio_policy
 *   10 and Upsample: asymmetric coordinates; nearest takes the element before, or behind when it shrinks ("simple")
 *
 * For every axis that changes there is a table: the input positions each output position is made of, and their weights.
 * Nearest copies elements by the tables; the others go axis by axis. Coordinates are computed in float. What Resize can
 * no longer say (tf_half_pixel_for_nn, "simple") is said by sard.Resize, which is this operator with more words.
 */
#include "kernels/move/move.h"
#include "ops/index.h"
#include "ops/product.h"

enum { X, ROI, SCALES, SIZES };
enum { ANTIALIAS, AXES, COORDINATES, CUBIC_A, EXCLUDE, EXTRAPOLATION, POLICY, MODE, NEAREST };
enum { HALF_PIXEL, SYMMETRIC, PYTORCH, ALIGN, ASYMMETRIC, CROP, TF_NN };
enum { MODE_NEAREST, MODE_LINEAR, MODE_CUBIC };
enum { PREFER_FLOOR, PREFER_CEIL, FLOOR, CEIL, SIMPLE };
enum { STRETCH, NOT_LARGER, NOT_SMALLER };
#define TYPES (DT_NUMBER | DT_COMPLEX | DT_BOOL | DT_STRING)
static const attr_def resize_attrs[] = {
    ATTR_I("antialias", 0),
    ATTR_OPT("axes", ATTR_INTS),
    ATTR_S("coordinate_transformation_mode", "half_pixel"),
    ATTR_F("cubic_coeff_a", -0.75f),
    ATTR_I("exclude_outside", 0),
    ATTR_F("extrapolation_value", 0.0f),
    ATTR_S("keep_aspect_ratio_policy", "stretch"),
    ATTR_S("mode", "nearest"),
    ATTR_S("nearest_mode", "round_prefer_floor"),
};
static const formal resize_in[] = {
    {.name = "X", .var = "T1", .types = TYPES},
    {.name = "roi", .var = "T2", .types = DT_FLOAT, .flags = F_OPTIONAL | F_CONST},
    {.name = "scales", .types = DT(SARD_F32), .flags = F_OPTIONAL | F_CONST},
    {.name = "sizes", .types = DT(SARD_I64), .flags = F_OPTIONAL | F_CONST},
};
static const formal resize_out[] = {{.name = "Y", .var = "T1", .types = TYPES}};

typedef struct words {
    int coordinates, mode, nearest, policy;
} words;

static sard_status read_words(const node *n, int dtype, words *w, sard_error *err) {
    static const char *const coordinates[] = {"half_pixel",          "half_pixel_symmetric", "pytorch_half_pixel",
                                              "align_corners",       "asymmetric",           "tf_crop_and_resize",
                                              "tf_half_pixel_for_nn"};
    static const char *const modes[] = {"nearest", "linear", "cubic"};
    static const char *const nearest[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil", "simple"};
    static const char *const policies[] = {"stretch", "not_larger", "not_smaller"};
    int more = n->op->code; /* sard.Resize knows one word more of each */
    TRY(attr_word(&n->attrs[COORDINATES], "coordinate_transformation_mode", coordinates, 6 + more, &w->coordinates,
                  err));
    TRY(attr_word(&n->attrs[MODE], "mode", modes, 3, &w->mode, err));
    TRY(attr_word(&n->attrs[NEAREST], "nearest_mode", nearest, 4 + more, &w->nearest, err));
    TRY(attr_word(&n->attrs[POLICY], "keep_aspect_ratio_policy", policies, 3, &w->policy, err));
    FAIL_IF(w->mode != MODE_NEAREST && !dtype_in(dtype, DT_NUMBER), err, SARD_UNSUPPORTED, "mode \"%s\" of %s",
            modes[w->mode], sard_dtype_name((sard_dtype)dtype));
    return SARD_OK;
}

/* ---- older versions ------------------------------------------------------------------------------------------------ */

/* Do constant scales only enlarge? */
static bool enlarges(const draft *d, uint32_t i) {
    value_id v = i < d->n_in ? d->in[i] : NO_ID;
    const value *s = v == NO_ID ? NULL : &d->b.g->values[v];
    const tensor *t = s && s->constant != NO_ID && !s->overridable ? mod_const_tensor(d->b.mod, s->constant) : NULL;
    for (int64_t k = 0; t && t->dtype == SARD_F32 && k < tensor_count(t); k++)
        if (!(TENSOR_AT(t, float)[k] >= 1)) return false;
    return t != NULL;
}

static sard_status old_resize(draft *d, uint32_t scales, bool simple) {
    const attr *a = draft_attr(d, "mode");
    bool nearest = !a || a->type != ATTR_STRING || str_is(a->s, "nearest");
    bool internal = simple && nearest && !enlarges(d, scales);
    const attr_arg args[] = {ARG_S("mode", nearest ? "nearest" : "linear"),
                             ARG_S("coordinate_transformation_mode", "asymmetric"),
                             ARG_S("nearest_mode", internal ? "simple" : "floor")};
    const value_id in[] = {d->in[0], NO_ID, scales < d->n_in ? d->in[scales] : NO_ID};
    TRY(build_node(&d->b, internal ? "sard.Resize" : "Resize", in, 3, d->out, 1, args, 3));
    draft_done(d);
    return builder_result(&d->b);
}

static sard_status upgrade(draft *d, int since, sard_error *err) {
    const attr *a = draft_attr(d, "coordinate_transformation_mode");
    FAIL_IF(since < 11 && d->n_in < 2, err, SARD_INVALID_MODEL, "scales are missing");
    if (since < 11) return old_resize(d, 1, true);
    if (since < 19 && a && a->type == ATTR_STRING && str_is(a->s, "tf_half_pixel_for_nn")) {
        attr_arg args[5] = {ARG_S("coordinate_transformation_mode", "tf_half_pixel_for_nn")};
        uint32_t n = 1;
        static const char *const copied[] = {"mode", "nearest_mode"};
        char text[2][32];
        for (int i = 0; i < 2; i++) {
            const attr *w = draft_attr(d, copied[i]);
            if (!w || w->type != ATTR_STRING || w->s.n >= sizeof text[i]) continue;
            memcpy(text[i], w->s.p, w->s.n), text[i][w->s.n] = 0;
            args[n++] = (attr_arg)ARG_S(copied[i], text[i]);
        }
        args[n++] = (attr_arg)ARG_F("cubic_coeff_a", (double)draft_float(d, "cubic_coeff_a", -0.75f));
        args[n++] = (attr_arg)ARG_I("exclude_outside", draft_int(d, "exclude_outside", 0));
        TRY(build_node(&d->b, "sard.Resize", d->in, d->n_in, d->out, 1, args, n));
        draft_done(d);
        return builder_result(&d->b);
    }
    return SARD_OK;
}

static sard_status upgrade_upsample(draft *d, int since, sard_error *err) {
    FAIL_IF(d->n_in < 1 || (since >= 9 && d->n_in < 2), err, SARD_INVALID_MODEL, "an input is missing");
    if (since < 7) {
        sard_value *v = NULL;
        tensor t = {0};
        shape s = {1, {4}};
        TRY(tensor_new(&t, SARD_F32, &s, err));
        float scale[4] = {1, 1, draft_float(d, "height_scale", 1), draft_float(d, "width_scale", 1)};
        memcpy(tensor_data(&t), scale, sizeof scale);
        sard_status status = value_tensor(&t, &v, err);
        if (status != SARD_OK) return status;
        TRY(draft_set_in(d, 1, build_const(&d->b, v)));
    } else if (since < 9) {
        TRY(draft_attr_to_input(d, "scales", 1, SARD_F32, true));
    }
    return old_resize(d, 1, false);
}

/* ---- shapes -------------------------------------------------------------------------------------------------------- */

/* The axes that scales, sizes and roi speak of. */
static sard_status read_axes(const attr *a, int rank, int *axes, int *n, sard_error *err) {
    uint32_t seen = 0;
    *n = a->type == ATTR_NONE ? rank : (int)a->ints.n;
    FAIL_IF(a->type != ATTR_NONE && a->ints.n > (size_t)rank, err, SARD_INVALID_MODEL,
            "attribute 'axes' has %zu numbers, the input rank %d", a->ints.n, rank);
    for (int i = 0; i < *n; i++) {
        axes[i] = i;
        if (a->type == ATTR_NONE) continue;
        TRY(axis_fix(a->ints.v[i], rank, &axes[i], err));
        FAIL_IF(seen >> axes[i] & 1, err, SARD_INVALID_MODEL, "attribute 'axes' names axis %d twice", axes[i]);
        seen |= 1u << axes[i];
    }
    return SARD_OK;
}

static sard_status from_scale(module *m, int64_t in, float scale, int64_t *out, sard_error *err) {
    FAIL_IF(!(scale > 0) || scale > 1e9f, err, SARD_INVALID_ARGUMENT, "a scale is %g; it must be above 0",
            (double)scale);
    if (dim_known(in)) {
        float f = (float)in * scale;
        FAIL_IF(f > 1e18f, err, SARD_LIMIT, "an output extent of %g", (double)f);
        *out = (int64_t)f;
    } else {
        *out = scale == (float)(int64_t)scale ? dim_mul(m, in, (int64_t)scale) : DIM_UNKNOWN;
    }
    return SARD_OK;
}

/* Half up, as the standard's round_int. */
static int64_t round_up(float v) {
    int64_t k = (int64_t)v;
    return v - (float)k >= 0.5f ? k + 1 : k;
}

/* Extents by sizes (one per axis of `axes`), and their scale when the policy keeps the ratio (else 0). */
static sard_status from_sizes(const int64_t *in, const int *axes, int n, const int64_t *sizes, int policy, int64_t *out,
                              float *scale, sard_error *err) {
    *scale = 0;
    for (int i = 0; i < n; i++)
        FAIL_IF(dim_known(sizes[i]) && (sizes[i] < 0 || sizes[i] > 1LL << 40), err, SARD_INVALID_ARGUMENT,
                "sizes[%d] is %lld", i, (long long)sizes[i]);
    for (int i = 0; i < n && policy == STRETCH; i++) out[axes[i]] = sizes[i];
    if (policy == STRETCH) return SARD_OK;
    bool known = true;
    for (int i = 0; i < n; i++) {
        if (!dim_known(sizes[i]) || !dim_known(in[axes[i]])) known = false;
        if (!known || in[axes[i]] == 0) continue;
        float s = (float)sizes[i] / (float)in[axes[i]];
        if (*scale == 0 || (policy == NOT_LARGER ? s < *scale : s > *scale)) *scale = s;
    }
    for (int i = 0; i < n; i++) out[axes[i]] = known ? round_up(*scale * (float)in[axes[i]]) : DIM_UNKNOWN;
    return SARD_OK;
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[X];
    words w;
    int axes[MAX_RANK], n;
    TRY(read_words(c->node, x->dtype, &w, err));
    c->out[0] = type_tensor((sard_dtype)x->dtype, x->rank, x->dim);
    if (x->rank < 0) return SARD_OK;
    TRY(read_axes(infer_attr(c, AXES), x->rank, axes, &n, err));
    const tensor *s = infer_has(c, SCALES) ? c->in_const[SCALES] : NULL;
    const known *sizes = infer_has(c, SIZES) ? &c->in_known[SIZES] : NULL;
    int64_t *dim = c->out[0].dim;
    for (int i = 0; i < n; i++) dim[axes[i]] = DIM_UNKNOWN;
    if (sizes && sizes->v && sizes->n) {
        float scale;
        FAIL_IF(sizes->n != (uint32_t)n, err, SARD_INVALID_ARGUMENT, "sizes has %u elements; %d are needed", sizes->n,
                n);
        return from_sizes(x->dim, axes, n, sizes->v, w.policy, dim, &scale, err);
    }
    if (!s || tensor_count(s) == 0 || s->dtype != SARD_F32) return SARD_OK;
    FAIL_IF(tensor_count(s) != n, err, SARD_INVALID_ARGUMENT, "scales has %lld elements; %d are needed",
            (long long)tensor_count(s), n);
    for (int i = 0; i < n; i++) TRY(from_scale(c->mod, x->dim[axes[i]], TENSOR_AT(s, float)[i], &dim[axes[i]], err));
    return SARD_OK;
}

/* ---- tables -------------------------------------------------------------------------------------------------------- */

typedef struct taps { /* of an axis; n 0: it stays as it is */
    int64_t n;        /* per output position */
    int64_t *at;
    double *w;     /* NULL: nearest */
    bool *outside; /* takes extrapolation_value; NULL: none does */
} taps;

typedef struct plan { /* axes in the order of memory */
    int rank;
    int64_t in[MAX_RANK], out[MAX_RANK];
    int pass[MAX_RANK]; /* logical axis -> place in memory */
    taps taps[MAX_RANK];
} plan;

typedef struct axis_job {
    int64_t in, out;
    float scale, start, end; /* start and end of roi */
    float width;             /* the length asked for, which a scale may make a fraction */
    const words *w;
    float cubic_a;
    bool antialias, exclude;
} axis_job;

static float coordinate(const axis_job *j, int64_t i) {
    float x = (float)i, in = (float)j->in, out = (float)j->out, s = j->scale, width = j->width;
    switch (j->w->coordinates) {
    case HALF_PIXEL:
        return (x + 0.5f) / s - 0.5f;
    case SYMMETRIC: {
        float centre = in / 2, offset = centre * (1 - out / (s * in));
        return offset + ((x + 0.5f) / s - 0.5f);
    }
    case PYTORCH:
        return j->out > 1 ? (x + 0.5f) / s - 0.5f : 0;
    case ALIGN:
        return width == 1 ? 0 : x * (in - 1) / (width - 1);
    case ASYMMETRIC:
        return x / s;
    case TF_NN:
        return (x + 0.5f) / s;
    default:
        if (width == 1) return 0.5f * (j->start + j->end) * (in - 1);
        return j->start * (in - 1) + x * (j->end - j->start) * (in - 1) / (width - 1);
    }
}

/* A coordinate as a whole number, kept within what positions can be. */
static int64_t whole_below(float x) {
    if (!(x > -1e15f)) return -1000000000000000;
    if (x > 1e15f) return 1000000000000000;
    int64_t k = (int64_t)x;
    return (float)k > x ? k - 1 : k;
}

static int64_t clamp_to(int64_t k, int64_t n) { return k < 0 ? 0 : k >= n ? n - 1 : k; }

static int64_t nearest(const axis_job *j, float x) {
    int64_t k = whole_below(x);
    float part = x - (float)k;
    switch (j->w->nearest) {
    case PREFER_FLOOR:
        return part > 0.5f ? k + 1 : k;
    case PREFER_CEIL:
        return part >= 0.5f ? k + 1 : k;
    case FLOOR:
        return k;
    case CEIL:
        return part > 0 ? k + 1 : k;
    default:
        return j->scale < 1 && part > 0 ? k + 1 : k;
    }
}

static double weight(const axis_job *j, double d) {
    double a = (double)j->cubic_a;
    d = d < 0 ? -d : d;
    if (j->w->mode == MODE_LINEAR) return d < 1 ? 1 - d : 0;
    if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
    return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

/* Positions and weights around x; taps beyond the ends stand at the ends, or weigh nothing with exclude_outside. */
static void fill_taps(const axis_job *j, float x, double stretch, int64_t reach, int64_t n, int64_t *at, double *w) {
    int64_t base = whole_below(x);
    double sum = 0, part = (double)(x - (float)base);
    for (int64_t k = 0; k < n; k++) {
        int64_t off = k + 1 - reach, pos = base + off;
        bool outside = pos < 0 || pos >= j->in;
        w[k] = j->exclude && outside ? 0 : weight(j, ((double)off - part) * stretch);
        at[k] = clamp_to(pos, j->in);
        sum += w[k];
    }
    if (!(j->antialias || j->exclude) || sum == 0) return;
    for (int64_t k = 0; k < n; k++) w[k] /= sum;
}

static sard_status make_taps(op_ctx *c, const axis_job *j, taps *t, sard_error *err) {
    bool near = j->w->mode == MODE_NEAREST;
    double stretch = j->antialias && j->scale < 1 ? (double)j->scale : 1, support = j->w->mode == MODE_CUBIC ? 2 : 1;
    int64_t reach = near ? 1 : (int64_t)(support / stretch);
    if (!near && (double)reach < support / stretch) reach++;
    t->n = near ? 1 : 2 * reach;
    size_t n;
    void *mem;
    FAIL_IF(mul_size((size_t)j->out, (size_t)t->n, &n) || n > SIZE_MAX / 16, err, SARD_LIMIT,
            "the tables are too large");
    TRY(op_scratch(c, n * sizeof *t->at, &mem, err));
    t->at = mem;
    if (!near) {
        TRY(op_scratch(c, n * sizeof *t->w, &mem, err));
        t->w = mem;
    }
    if (j->w->coordinates == CROP) {
        TRY(op_scratch(c, (size_t)j->out, &mem, err));
        t->outside = mem;
    }
    for (int64_t i = 0; i < j->out; i++) {
        float x = coordinate(j, i);
        if (t->outside) t->outside[i] = !(x >= 0 && x <= (float)(j->in - 1));
        if (near)
            t->at[i] = clamp_to(nearest(j, x), j->in);
        else
            fill_taps(j, x, stretch, reach, t->n, t->at + i * t->n, t->w + i * t->n);
    }
    return SARD_OK;
}

/* ---- running ------------------------------------------------------------------------------------------------------- */

#define T       float
#define G(name) name##_f32
#include "ops/resize_pass.inc"
#define T       double
#define G(name) name##_f64
#include "ops/resize_pass.inc"

typedef struct copy_job {
    const plan *p;
    const char *x;
    char *y;
    size_t size;
} copy_job;

/* Rows [from, to) of the output along the last axis of memory. */
static sard_status copy_rows(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    (void)worker, (void)err;
    const copy_job *j = arg;
    const plan *p = j->p;
    int last = p->rank - 1;
    const taps *t = &p->taps[last];
    for (int64_t r = from; r < to; r++) {
        int64_t rest = r, stride = p->in[last], place = 0;
        for (int a = last - 1; a >= 0; a--) {
            int64_t i = rest % p->out[a];
            rest /= p->out[a];
            place += (p->taps[a].n ? p->taps[a].at[i] : i) * stride, stride *= p->in[a];
        }
        const char *x = j->x + (size_t)place * j->size;
        char *y = j->y + (size_t)(r * p->out[last]) * j->size;
        if (t->n == 0)
            memcpy(y, x, (size_t)p->out[last] * j->size);
        else
            for (int64_t i = 0; i < p->out[last]; i++)
                copy_element(y + (size_t)i * j->size, x + (size_t)t->at[i] * j->size, j->size);
    }
    return SARD_OK;
}

/* Positions outside the input take extrapolation_value. */
static void extrapolate(const plan *p, double value, tensor *y) {
    char element[16] = {0};
    tensor one = {.dtype = y->dtype};
    buffer b = {.data = element, .bytes = sizeof element};
    one.buf = &b;
    if (dtype_in(y->dtype, DT_NUMBER | DT_BOOL)) tensor_set_f64(&one, 0, value);
    for (int a = 0; a < p->rank; a++)
        for (int64_t i = 0; p->taps[a].outside && i < p->out[a]; i++) {
            if (!p->taps[a].outside[i]) continue;
            int64_t inner = dims_count(p->out + a + 1, p->rank - a - 1);
            move_box box = {.rank = 2, .dim = {dims_count(p->out, a), inner}, .dst = {inner * p->out[a], 1}};
            size_t size = element_size(y);
            move_fill(&box, size, element, TENSOR_AT(y, char) + (size_t)(i * inner) * size);
        }
}

/* Interpolation of other types than float and double: there and back. Integers are cut toward zero, or rounded when
 * antialiasing. */
static sard_status through_wide(op_ctx *c, const plan *p, const tensor *x, tensor *y, bool antialias, sard_error *err) {
    bool half = x->dtype == SARD_F16 || x->dtype == SARD_BF16;
    int64_t n = tensor_count(x), m = tensor_count(y);
    void *from, *to;
    size_t size = half ? sizeof(float) : sizeof(double);
    TRY(op_scratch(c, (size_t)n * size, &from, err));
    TRY(op_scratch(c, (size_t)m * size, &to, err));
    if (half) {
        widen_f32(tensor_data(x), (sard_dtype)x->dtype, from, n);
        TRY(interpolate_f32(c, p, from, to, err));
        narrow_f32(to, (sard_dtype)y->dtype, tensor_data(y), m);
        return SARD_OK;
    }
    double *d = from, *e = to;
    for (int64_t i = 0; i < n; i++) d[i] = tensor_get_f64(x, i);
    TRY(interpolate_f64(c, p, d, e, err));
    for (int64_t i = 0; i < m; i++) {
        double v = e[i], cut = v > -9e15 && v < 9e15 ? (double)(int64_t)v : v, rest = v - cut;
        if (antialias && (rest >= 0.5 || rest <= -0.5)) cut += rest > 0 ? 1 : -1;
        tensor_set_f64(y, i, cut);
    }
    return SARD_OK;
}

/* Extents and scales of all axes, from whichever of scales and sizes is there. */
static sard_status measure(op_ctx *c, const words *w, const int *axes, int n, shape *s, float *scale, sard_error *err) {
    const tensor *x = op_in(c, X), *by = op_in(c, SCALES), *to = op_in(c, SIZES);
    int64_t sizes[MAX_RANK];
    int k;
    float common;
    *s = shape_of(x);
    for (int i = 0; i < x->rank; i++) scale[i] = 1;
    bool scales = by && tensor_count(by) > 0, exact = to && tensor_count(to) > 0;
    FAIL_IF(scales == exact && n > 0, err, SARD_INVALID_ARGUMENT, "one of scales and sizes is needed");
    if (scales) {
        FAIL_IF(tensor_count(by) != n, err, SARD_INVALID_ARGUMENT, "scales has %lld elements; %d are needed",
                (long long)tensor_count(by), n);
        for (int i = 0; i < n; i++) {
            scale[axes[i]] = TENSOR_AT(by, float)[i];
            TRY(from_scale(NULL, x->dim[axes[i]], scale[axes[i]], &s->dim[axes[i]], err));
        }
        return SARD_OK;
    }
    if (!exact) return SARD_OK;
    TRY(read_ints(to, "sizes", sizes, MAX_RANK, &k, err));
    FAIL_IF(k != n, err, SARD_INVALID_ARGUMENT, "sizes has %d elements; %d are needed", k, n);
    TRY(from_sizes(x->dim, axes, n, sizes, w->policy, s->dim, &common, err));
    for (int i = 0; i < n; i++) {
        int a = axes[i];
        scale[a] = common != 0 ? common : x->dim[a] ? (float)s->dim[a] / (float)x->dim[a] : 1;
    }
    return SARD_OK;
}

static sard_status make_plan(op_ctx *c, const words *w, const shape *s, const float *scale, const int *axes, int n,
                             bool last, plan *p, sard_error *err) {
    const tensor *x = op_in(c, X), *roi = op_in(c, ROI);
    FAIL_IF(w->coordinates == CROP && (!roi || tensor_count(roi) != 2 * n), err, SARD_INVALID_ARGUMENT,
            "roi needs %d elements for tf_crop_and_resize", 2 * n);
    *p = (plan){.rank = s->rank};
    for (int a = 0; a < s->rank; a++) {
        int k = !last || a == 0 ? a : a == 1 ? s->rank - 1 : a - 1;
        p->pass[a] = k, p->in[k] = x->dim[a], p->out[k] = s->dim[a];
        axis_job j = {.in = x->dim[a], .out = s->dim[a], .scale = scale[a], .w = w, .start = 0, .end = 1};
        bool named = false, scaled = op_in(c, SCALES) && tensor_count(op_in(c, SCALES)) > 0;
        j.width = scaled ? scale[a] * (float)j.in : (float)j.out;
        for (int i = 0; i < n; i++) {
            if (axes[i] != a) continue;
            named = true;
            if (w->coordinates != CROP) continue;
            j.start = (float)tensor_get_f64(roi, i), j.end = (float)tensor_get_f64(roi, i + n);
        }
        bool still = j.in == j.out && scale[a] == 1 && (w->coordinates != CROP || (j.start == 0 && j.end == 1));
        if (!named || still) continue;
        j.cubic_a = op_attr(c, CUBIC_A)->f;
        j.exclude = op_attr(c, EXCLUDE)->i != 0, j.antialias = op_attr(c, ANTIALIAS)->i != 0;
        TRY(make_taps(c, &j, &p->taps[k], err));
    }
    return SARD_OK;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, X);
    words w;
    shape s;
    plan p;
    tensor *y;
    int axes[MAX_RANK], n;
    float scale[MAX_RANK];
    TRY(read_words(op_node(c), x->dtype, &w, err));
    TRY(read_axes(op_attr(c, AXES), x->rank, axes, &n, err));
    TRY(measure(c, &w, axes, n, &s, scale, err));
    FAIL_IF(shape_count(&s) < 0, err, SARD_LIMIT, "the output is too large");
    TRY(op_out(c, 0, (sard_dtype)x->dtype, &s, &y, err));
    if (tensor_count(y) == 0) return SARD_OK;
    FAIL_IF(tensor_count(x) == 0, err, SARD_INVALID_ARGUMENT, "an empty input cannot be enlarged");
    TRY(make_plan(c, &w, &s, scale, axes, n, !tensor_is_row(y), &p, err));
    if (w.mode == MODE_NEAREST) {
        copy_job j = {&p, tensor_data(x), tensor_data(y), element_size(x)};
        int64_t row = p.rank ? p.out[p.rank - 1] : 1, grain = 16384 / (row + 1);
        if (p.rank == 0)
            memcpy(j.y, j.x, j.size);
        else
            TRY(par_for(op_par(c), tensor_count(y) / row, grain > 1 ? grain : 1, copy_rows, &j, err));
    } else if (x->dtype == SARD_F32) {
        TRY(interpolate_f32(c, &p, tensor_data(x), tensor_data(y), err));
    } else if (x->dtype == SARD_F64) {
        TRY(interpolate_f64(c, &p, tensor_data(x), tensor_data(y), err));
    } else {
        TRY(through_wide(c, &p, x, y, op_attr(c, ANTIALIAS)->i != 0, err));
    }
    if (w.coordinates == CROP) extrapolate(&p, (double)op_attr(c, EXTRAPOLATION)->f, y);
    return SARD_OK;
}

const op_def op_resize = {
    .domain = "",
    .name = "Resize",
    .doc = "interpolation along any axes",
    OP_SINCE(10, 11, 13, 18, 19),
    OP_ATTRS(resize_attrs),
    OP_IN(resize_in),
    OP_OUT(resize_out),
    .flags = OP_LAST,
    .upgrade = upgrade,
    .infer = infer,
    .run = run,
};
const op_def op_sard_resize = {
    .domain = "sard",
    .name = "Resize",
    .doc = "Resize with the words of older versions",
    OP_SINCE(1),
    OP_ATTRS(resize_attrs),
    OP_IN(resize_in),
    OP_OUT(resize_out),
    .flags = OP_INTERNAL | OP_LAST,
    .code = 1,
    .infer = infer,
    .run = run,
};

static const attr_def upsample_attrs[] = {ATTR_S("mode", "nearest")};
static const formal upsample_in[] = {{.name = "X", .var = "T", .types = TYPES},
                                     {.name = "scales", .types = DT(SARD_F32), .flags = F_CONST}};
static const formal upsample_out[] = {{.name = "Y", .var = "T", .types = TYPES}};
const op_def op_upsample = {
    .domain = "",
    .name = "Upsample",
    .doc = "the older name of Resize",
    OP_SINCE(1, 7, 9, 10),
    OP_ATTRS(upsample_attrs),
    OP_IN(upsample_in),
    OP_OUT(upsample_out),
    .upgrade = upgrade_upsample,
};
