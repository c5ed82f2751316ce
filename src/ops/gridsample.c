/*
 * GridSample -- elements of X at positions given by a grid in [-1, 1]: nearest, linear or cubic, in any number of axes.
 *
 *   20: bilinear and bicubic became linear and cubic, any number of axes
 *
 * A point has up to four taps per axis; their values are joined from the last axis to the first. Coordinates are taken in
 * float (double for double grids), values in double, rounded once.
 */
#include "ops/index.h"

enum { ALIGN, MODE, PADDING };
enum { LINEAR, NEAREST, CUBIC };
enum { ZEROS, BORDER, REFLECTION };
enum { POINTS_MAX = 1024 }; /* taps of one point */
#define TYPES (DT_NUMBER | DT_COMPLEX | DT_BOOL | DT_STRING)
static const attr_def grid_attrs[] = {ATTR_I("align_corners", 0), ATTR_S("mode", "linear"),
                                      ATTR_S("padding_mode", "zeros")};
static const formal grid_in[] = {{.name = "X", .var = "T1", .types = TYPES},
                                 {.name = "grid", .var = "T2", .types = DT_FLOAT}};
static const formal grid_out[] = {{.name = "Y", .var = "T1", .types = TYPES}};

static sard_status upgrade(draft *d, int since, sard_error *err) {
    (void)err;
    const attr *a = draft_attr(d, "mode");
    if (since >= 20 || !a || a->type != ATTR_STRING) return SARD_OK;
    if (str_is(a->s, "bilinear")) return draft_set_string(d, "mode", "linear");
    return str_is(a->s, "bicubic") ? draft_set_string(d, "mode", "cubic") : SARD_OK;
}

static sard_status words(const node *n, int dtype, int *mode, int *padding, sard_error *err) {
    static const char *const modes[] = {"linear", "nearest", "cubic"}, *const pads[] = {"zeros", "border",
                                                                                        "reflection"};
    TRY(attr_word(&n->attrs[MODE], "mode", modes, 3, mode, err));
    FAIL_IF(*mode != NEAREST && !dtype_in(dtype, DT_NUMBER), err, SARD_UNSUPPORTED, "mode \"%s\" of %s", modes[*mode],
            sard_dtype_name((sard_dtype)dtype));
    return attr_word(&n->attrs[PADDING], "padding_mode", pads, 3, padding, err);
}

static sard_status dims(const int64_t *x, int rank, const int64_t *grid, int grid_rank, int64_t *out, sard_error *err) {
    FAIL_IF(rank < 3 || grid_rank != rank || (dim_known(grid[rank - 1]) && grid[rank - 1] != rank - 2), err,
            SARD_INVALID_ARGUMENT, "X has rank %d; grid must have that rank and %d coordinates per point", rank,
            rank - 2);
    FAIL_IF(!dim_merge(x[0], grid[0], &out[0]), err, SARD_INVALID_ARGUMENT, "X has %lld images, grid %lld",
            (long long)x[0], (long long)grid[0]);
    out[1] = x[1];
    for (int i = 2; i < rank; i++) out[i] = grid[i - 1];
    return SARD_OK;
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[0], *g = c->in[1];
    int mode, padding;
    TRY(words(c->node, x->dtype, &mode, &padding, err));
    c->out[0] = type_tensor((sard_dtype)x->dtype, x->rank, NULL);
    if (x->rank < 0 || g->rank < 0) return SARD_OK;
    return dims(x->dim, x->rank, g->dim, g->rank, c->out[0].dim, err);
}

typedef struct job {
    const tensor *x, *grid;
    tensor *y;
    int axes, mode, padding, taps; /* taps per axis */
    bool align;
    int64_t points; /* of one image */
} job;

typedef struct point { /* where a point's taps are; -1: outside, 0 */
    int64_t at[POINTS_MAX];
    double w[8][4];
    int n;
} point;

static double reflected(double x, double lo, double hi) {
    double range = hi - lo, d = x < lo ? lo - x : x - hi;
    if (!(d > 0)) return x;
    if (!(range > 0) || !(d < 1e15)) return lo;
    int64_t n = (int64_t)(d / range);
    double r = d - (double)n * range;
    return (x < lo) == (n % 2 == 0) ? lo + r : hi - r;
}

static double from_unit(const job *j, int64_t i, int64_t n) {
    if (j->grid->dtype == SARD_F64) {
        double u = TENSOR_AT(j->grid, double)[i];
        return j->align ? (u + 1) / 2 * (double)(n - 1) : ((u + 1) * (double)n - 1) / 2;
    }
    float u = j->grid->dtype == SARD_F32 ? TENSOR_AT(j->grid, float)[i] : (float)tensor_get_f64(j->grid, i);
    return (double)(j->align ? (u + 1) / 2 * (float)(n - 1) : ((u + 1) * (float)n - 1) / 2);
}

/* Largest whole number not above x, which is at most 2^53 in size. */
static int64_t whole_below(double x) {
    int64_t k = (int64_t)x;
    return (double)k > x ? k - 1 : k;
}

/* An axis of extent n: taps' positions (-1: none) and weights around coordinate x. */
static void axis_taps(const job *j, double x, int64_t n, int64_t *pos, double *w) {
    double lo = j->align ? 0 : -0.5, hi = j->align ? (double)(n - 1) : (double)n - 0.5;
    if (!(x > -1e15)) x = -1e15;
    if (x > 1e15) x = 1e15;
    if (j->mode == NEAREST) { /* half to even */
        int64_t k = whole_below(x);
        double part = x - (double)k;
        x = (double)(part > 0.5 || (part == 0.5 && k % 2 != 0) ? k + 1 : k);
    }
    if (x < lo || x > hi) {
        if (j->padding == BORDER && j->mode != CUBIC) x = x < 0 ? 0 : (double)(n - 1); /* cubic: its taps alone */
        if (j->padding == REFLECTION) x = reflected(x, lo, hi);
    }
    int64_t base = whole_below(x);
    double r = x - (double)base, a = -0.75;
    w[0] = 1;
    if (j->mode == LINEAR) w[0] = 1 - r, w[1] = r;
    if (j->mode == CUBIC) {
        w[0] = ((a * (r + 1) - 5 * a) * (r + 1) + 8 * a) * (r + 1) - 4 * a;
        w[1] = ((a + 2) * r - (a + 3)) * r * r + 1;
        w[2] = ((a + 2) * (1 - r) - (a + 3)) * (1 - r) * (1 - r) + 1;
        w[3] = ((a * (2 - r) - 5 * a) * (2 - r) + 8 * a) * (2 - r) - 4 * a;
        base--;
    }
    for (int t = 0; t < j->taps; t++) {
        int64_t k = base + t;
        if (k < 0 || k >= n) {
            if (j->padding == BORDER) k = k < 0 ? 0 : n - 1;
            if (j->padding == REFLECTION) k = (int64_t)reflected((double)k, lo, hi);
            if (j->padding == ZEROS) k = -1;
            if (j->padding == REFLECTION) k = k < 0 ? 0 : k >= n ? n - 1 : k;
        }
        pos[t] = k;
    }
}

static void place(const job *j, int64_t index, point *p) {
    p->n = 1, p->at[0] = 0;
    for (int a = 0; a < j->axes; a++) {
        int64_t pos[4], n = j->x->dim[a + 2], before[POINTS_MAX];
        axis_taps(j, from_unit(j, index * j->axes + (j->axes - 1 - a), n), n, pos, p->w[a]);
        memcpy(before, p->at, (size_t)p->n * sizeof *before);
        for (int i = 0; i < p->n; i++)
            for (int t = 0; t < j->taps; t++)
                p->at[i * j->taps + t] = before[i] < 0 || pos[t] < 0 ? -1 : before[i] * n + pos[t];
        p->n *= j->taps;
    }
}

static double value_at(const job *j, const point *p, int64_t plane) {
    double v[POINTS_MAX];
    int n = p->n;
    for (int i = 0; i < n; i++) {
        int64_t k = plane + p->at[i];
        v[i] = p->at[i] < 0 ? 0 : j->x->dtype == SARD_F32 ? (double)TENSOR_AT(j->x, float)[k] : tensor_get_f64(j->x, k);
    }
    for (int a = j->axes - 1; a >= 0; a--) {
        n /= j->taps;
        for (int i = 0; i < n; i++) {
            double sum = p->w[a][0] * v[i * j->taps];
            for (int t = 1; t < j->taps; t++) sum = sum + p->w[a][t] * v[i * j->taps + t];
            v[i] = sum;
        }
    }
    return v[0];
}

static sard_status some(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    (void)worker, (void)err;
    const job *j = arg;
    int64_t plane = dims_count(j->x->dim + 2, j->axes), channels = j->x->dim[1];
    size_t size = element_size(j->x);
    bool integer = dtype_in(j->x->dtype, DT_INT);
    for (int64_t i = from; i < to; i++) {
        point p;
        place(j, i, &p);
        for (int64_t ch = 0; ch < channels; ch++) {
            int64_t image = i / j->points * channels + ch, out = image * j->points + i % j->points;
            if (j->mode != NEAREST) {
                double v = value_at(j, &p, image * plane);
                tensor_set_f64(j->y, out, integer && v > -9e15 && v < 9e15 ? (double)(int64_t)v : v);
            } else if (p.at[0] < 0) {
                memset(TENSOR_AT(j->y, char) + (size_t)out * size, 0, size);
            } else {
                copy_element(TENSOR_AT(j->y, char) + (size_t)out * size,
                             TENSOR_AT(j->x, char) + (size_t)(image * plane + p.at[0]) * size, size);
            }
        }
    }
    return SARD_OK;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    job j = {.x = op_in(c, 0), .grid = op_in(c, 1), .align = op_attr(c, ALIGN)->i != 0};
    shape s = {.rank = j.x->rank};
    TRY(words(op_node(c), j.x->dtype, &j.mode, &j.padding, err));
    TRY(dims(j.x->dim, j.x->rank, j.grid->dim, j.grid->rank, s.dim, err));
    j.axes = s.rank - 2, j.taps = j.mode == LINEAR ? 2 : j.mode == CUBIC ? 4 : 1;
    int64_t all = 1;
    for (int i = 0; i < j.axes; i++) all *= j.taps;
    FAIL_IF(all > POINTS_MAX || j.axes > 8, err, SARD_UNSUPPORTED, "%d spatial axes", j.axes);
    TRY(op_out(c, 0, (sard_dtype)j.x->dtype, &s, &j.y, err));
    if (tensor_count(j.y) == 0) return SARD_OK;
    FAIL_IF(tensor_count(j.x) == 0, err, SARD_INVALID_ARGUMENT, "X is empty");
    j.points = dims_count(s.dim + 2, j.axes);
    return par_for(op_par(c), s.dim[0] * j.points, 64, some, &j, err);
}

const op_def op_gridsample = {
    .domain = "",
    .name = "GridSample",
    .doc = "elements at positions given by a grid",
    OP_SINCE(16, 20, 22),
    OP_ATTRS(grid_attrs),
    OP_IN(grid_in),
    OP_OUT(grid_out),
    .upgrade = upgrade,
    .infer = infer,
    .run = run,
};
