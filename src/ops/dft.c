/*
 * DFT -- discrete Fourier transforms along an axis, forward, inverse, of real or complex numbers, whole or one-sided.
 * STFT -- transforms of windows sliding along a signal.
 *
 *   DFT 20: the attribute axis (1 by default) became an input (-2 by default)
 *
 * The last axis holds real and imaginary parts (or only the real one). Double in double, the other types in float (fft.h)
 * and rounded once more. The spectrum of real numbers is made symmetric, which it is but for rounding.
 */
#include "ops/fft.h"
#include "ops/index.h"

enum { INVERSE, ONESIDED };
enum { INPUT, LENGTH, AXIS };
#define INDEX (DT(SARD_I32) | DT(SARD_I64))
static const attr_def dft_attrs[] = {ATTR_I("inverse", 0), ATTR_I("onesided", 0)};
static const formal dft_in[] = {
    {.name = "input", .var = "T1", .types = DT_FLOAT},
    {.name = "dft_length", .var = "T2", .types = INDEX, .flags = F_OPTIONAL | F_CONST},
    {.name = "axis", .types = INDEX, .flags = F_OPTIONAL | F_CONST},
};
static const formal dft_out[] = {{.name = "output", .var = "T1", .types = DT_FLOAT}};

static sard_status upgrade(draft *d, int since, sard_error *err) {
    (void)err;
    if (since >= 20) return SARD_OK;
    if (!draft_attr(d, "axis")) TRY(draft_set_int(d, "axis", 1));
    return draft_attr_to_input(d, "axis", AXIS, SARD_I64, false);
}

/* One-sided and inverse: real numbers from half a spectrum. */
static bool to_real(const attr *a) { return a[INVERSE].i && a[ONESIDED].i; }

/* Extents; n: the transform's length, unknown (inference) or -1: the default. */
static sard_status dims(module *m, const attr *attrs, const int64_t *x, int rank, int64_t axis, int64_t n, int *at,
                        int64_t *length, int64_t *out, sard_error *err) {
    FAIL_IF(rank < 2 || axis == -1 || axis == rank - 1, err, SARD_INVALID_ARGUMENT,
            "axis %lld of an input of rank %d, whose last axis holds parts of numbers", (long long)axis, rank);
    TRY(axis_fix(axis, rank, at, err));
    FAIL_IF(dim_known(x[rank - 1]) && x[rank - 1] != 1 && x[rank - 1] != 2, err, SARD_INVALID_ARGUMENT,
            "the last axis has %lld elements; 1 or 2 are needed", (long long)x[rank - 1]);
    if (n == -1) n = to_real(attrs) ? dim_mul(m, dim_sub(m, x[*at], 1), 2) : x[*at];
    FAIL_IF(dim_known(n) && n < 1, err, SARD_INVALID_ARGUMENT, "a transform of length %lld", (long long)n);
    memcpy(out, x, (size_t)rank * sizeof *x);
    *length = n;
    out[*at] = attrs[ONESIDED].i && !attrs[INVERSE].i ? dim_add(m, dim_div(m, n, 2), 1) : n;
    out[rank - 1] = to_real(attrs) ? 1 : 2;
    return SARD_OK;
}

static int64_t known_scalar(const infer_ctx *c, uint32_t i, int64_t missing) {
    if (!infer_has(c, i)) return missing;
    const known *k = &c->in_known[i];
    return k->v && k->n == 1 ? k->v[0] : DIM_UNKNOWN;
}

static sard_status infer_dft(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[INPUT];
    int64_t axis = known_scalar(c, AXIS, -2), n = known_scalar(c, LENGTH, -1), length;
    int at;
    c->out[0] = type_tensor((sard_dtype)x->dtype, x->rank, NULL);
    if (x->rank < 0 || !dim_known(axis)) return SARD_OK;
    return dims(c->mod, c->node->attrs, x->dim, x->rank, axis, n, &at, &length, c->out[0].dim, err);
}

typedef struct job {
    const tensor *x, *window;
    tensor *y;
    fft f;
    bool inverse, real_out;
    int64_t in, out, inner; /* extents along the axis; elements (pairs) behind it */
    int parts;              /* of the input's numbers */
    char *space;            /* per worker: n pairs, then scratch */
    size_t per_worker;      /* bytes */
    int64_t frames, hop;    /* STFT */
    run_ctl *ctl;
} job;

/* Part i of a worker's numbers. */
static double get(const job *j, const void *z, int64_t i) {
    return j->f.wide ? ((const double *)z)[i] : (double)((const float *)z)[i];
}
static void set(const job *j, void *z, int64_t i, double v) {
    if (j->f.wide)
        ((double *)z)[i] = v;
    else
        ((float *)z)[i] = (float)v;
}
static void set_conjugate(const job *j, void *z, int64_t to, int64_t from) {
    set(j, z, 2 * to, get(j, z, 2 * from)), set(j, z, 2 * to + 1, -get(j, z, 2 * from + 1));
}

/* The second half of n numbers is the conjugate of the first; what is its own conjugate is real. */
static void make_symmetric(const job *j, void *z, int64_t n) {
    set(j, z, 1, 0);
    if (n % 2 == 0) set(j, z, n + 1, 0);
    for (int64_t k = 1; k < (n + 1) / 2; k++) set_conjugate(j, z, n - k, k);
}

/* Transforms a line and writes it. */
static sard_status transform(const job *j, const fft *f, void *z, int64_t base, sard_error *err) {
    int64_t n = f->n;
    TRY(fft_run(f, z, j->inverse, (char *)z + (f->wide ? sizeof(double) : sizeof(float)) * 2 * (size_t)n, err));
    if (j->parts == 1) make_symmetric(j, z, n);
    for (int64_t k = 0; k < j->out; k++)
        for (int p = 0; p < (j->real_out ? 1 : 2); p++)
            tensor_set_f64(j->y, (base + k * j->inner) * (j->real_out ? 1 : 2) + p, get(j, z, 2 * k + p));
    return SARD_OK;
}

/* Lines [from, to) of [outer, inner]. */
static sard_status lines(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    const job *j = arg;
    meter work = {.ctl = j->ctl};
    fft f = j->f;
    f.work = &work;
    void *z = j->space + (size_t)worker * j->per_worker;
    int64_t n = j->f.n, given = j->in < n ? j->in : n;
    if (j->real_out && given > n / 2 + 1) given = n / 2 + 1;
    for (int64_t r = from; r < to; r++) {
        int64_t base = r / j->inner * j->in * j->inner + r % j->inner;
        memset(z, 0, (size_t)(2 * n) * (j->f.wide ? sizeof(double) : sizeof(float)));
        for (int64_t k = 0; k < given; k++)
            for (int p = 0; p < j->parts; p++)
                set(j, z, 2 * k + p, tensor_get_f64(j->x, (base + k * j->inner) * j->parts + p));
        if (j->real_out) make_symmetric(j, z, n);
        TRY(transform(j, &f, z, r / j->inner * j->out * j->inner + r % j->inner, err));
    }
    return SARD_OK;
}

/* The plan for length n and room for every worker. */
static sard_status prepare_fft(op_ctx *c, int64_t n, job *j, sard_error *err) {
    size_t plan, scratch, all;
    void *mem;
    FAIL_IF(!fft_sizes(&j->f, n, j->y->dtype == SARD_F64, &plan, &scratch), err, SARD_LIMIT,
            "a transform of length %lld", (long long)n);
    size_t size = j->f.wide ? sizeof(double) : sizeof(float);
    TRY(op_scratch(c, plan * size, &mem, err));
    void *plan_at = mem;
    j->per_worker = (2 * (size_t)n + scratch) * size;
    FAIL_IF(mul_size(j->per_worker, (size_t)par_threads(op_par(c)), &all), err, SARD_LIMIT,
            "a transform of length %lld", (long long)n);
    TRY(op_scratch(c, all, &mem, err));
    meter work = {.ctl = j->ctl = op_par(c)->ctl};
    j->f.work = &work;
    j->space = mem;
    sard_status s = fft_init(&j->f, plan_at, mem, err);
    j->f.work = NULL;
    return s;
}

static sard_status scalar(op_ctx *c, uint32_t i, const char *name, int64_t *v, sard_error *err) {
    int n;
    if (!op_in(c, i)) return SARD_OK;
    TRY(read_ints(op_in(c, i), name, v, 1, &n, err));
    FAIL_IF(n != 1, err, SARD_INVALID_ARGUMENT, "%s is empty", name);
    return SARD_OK;
}

static sard_status run_dft(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, INPUT);
    const attr *a = op_node(c)->attrs;
    int64_t axis = -2, n = 0, length;
    int at, rank = x->rank;
    shape s = {.rank = rank};
    TRY(scalar(c, AXIS, "axis", &axis, err));
    TRY(scalar(c, LENGTH, "dft_length", &n, err));
    FAIL_IF(op_in(c, LENGTH) && n < 1, err, SARD_INVALID_ARGUMENT, "dft_length is %lld", (long long)n);
    TRY(dims(NULL, a, x->dim, rank, axis, op_in(c, LENGTH) ? n : -1, &at, &length, s.dim, err));
    FAIL_IF(shape_count(&s) < 0, err, SARD_LIMIT, "the output is too large");
    job j = {.x = x, .inverse = a[INVERSE].i != 0, .real_out = to_real(a), .parts = (int)x->dim[rank - 1]};
    TRY(op_out(c, 0, (sard_dtype)x->dtype, &s, &j.y, err));
    if (tensor_count(j.y) == 0) return SARD_OK;
    j.in = x->dim[at], j.out = s.dim[at], j.inner = dims_count(x->dim + at + 1, rank - at - 2);
    TRY(prepare_fft(c, length, &j, err));
    return par_for(op_par(c), dims_count(x->dim, at) * j.inner, 1 + 1024 / length, lines, &j, err);
}

const op_def op_dft = {
    .domain = "",
    .name = "DFT",
    .doc = "discrete Fourier transform along an axis",
    OP_SINCE(17, 20),
    OP_ATTRS(dft_attrs),
    OP_IN(dft_in),
    OP_OUT(dft_out),
    .upgrade = upgrade,
    .infer = infer_dft,
    .run = run_dft,
};

/* ---- STFT ---------------------------------------------------------------------------------------------------------- */

enum { SIGNAL, STEP, WINDOW, FRAME };
static const attr_def stft_attrs[] = {ATTR_I("onesided", 1)};
static const formal stft_in[] = {
    {.name = "signal", .var = "T1", .types = DT_FLOAT},
    {.name = "frame_step", .var = "T2", .types = INDEX, .flags = F_CONST},
    {.name = "window", .var = "T1", .types = DT_FLOAT, .flags = F_OPTIONAL},
    {.name = "frame_length", .var = "T2", .types = INDEX, .flags = F_OPTIONAL | F_CONST},
};

/* [batch, frames, bins, 2] of a signal [batch, length, 1 or 2] */
static sard_status frames(module *m, const int64_t *x, int rank, int64_t step, int64_t length, bool onesided,
                          int64_t *out, sard_error *err) {
    FAIL_IF(rank != 3, err, SARD_INVALID_ARGUMENT, "the signal has rank %d; 3 is needed", rank);
    FAIL_IF((dim_known(step) && step < 1) || (dim_known(length) && length < 1), err, SARD_INVALID_ARGUMENT,
            "frame_step is %lld and the frame's length %lld", (long long)step, (long long)length);
    FAIL_IF(dim_known(x[1]) && dim_known(length) && length > x[1], err, SARD_INVALID_ARGUMENT,
            "a frame of %lld does not fit the signal's %lld", (long long)length, (long long)x[1]);
    FAIL_IF(dim_known(x[2]) && x[2] != 1 && (x[2] != 2 || onesided), err, SARD_INVALID_ARGUMENT,
            "the signal's last axis has %lld elements%s", (long long)x[2],
            onesided ? "; onesided wants real numbers, 1" : "; 1 or 2 are needed");
    out[0] = x[0], out[3] = 2, out[1] = DIM_UNKNOWN;
    if (dim_known(step)) out[1] = dim_add(m, dim_div(m, dim_sub(m, x[1], length), step), 1);
    out[2] = onesided ? dim_add(m, dim_div(m, length, 2), 1) : length;
    return SARD_OK;
}

static sard_status infer_stft(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[SIGNAL];
    int64_t step = known_scalar(c, STEP, 1), length = known_scalar(c, FRAME, -1);
    c->out[0] = type_tensor((sard_dtype)x->dtype, 4, NULL);
    if (x->rank < 0) return SARD_OK;
    if (length == -1 && infer_has(c, WINDOW))
        length = c->in[WINDOW]->rank == 1 ? c->in[WINDOW]->dim[0] : DIM_UNKNOWN;
    else if (length == -1)
        length = x->rank == 3 ? x->dim[1] : DIM_UNKNOWN;
    return frames(c->mod, x->dim, x->rank, step, length, infer_attr(c, 0)->i != 0, c->out[0].dim, err);
}

static sard_status windows(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    const job *j = arg;
    meter work = {.ctl = j->ctl};
    fft f = j->f;
    f.work = &work;
    void *z = j->space + (size_t)worker * j->per_worker;
    int64_t n = j->f.n;
    for (int64_t i = from; i < to; i++) {
        int64_t first = i / j->frames * j->in + i % j->frames * j->hop;
        for (int64_t k = 0; k < n; k++) {
            double w = j->window ? tensor_get_f64(j->window, k) : 1;
            for (int p = 0; p < 2; p++)
                set(j, z, 2 * k + p, p < j->parts ? w * tensor_get_f64(j->x, (first + k) * j->parts + p) : 0);
        }
        TRY(transform(j, &f, z, i * j->out, err));
    }
    return SARD_OK;
}

static sard_status run_stft(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, SIGNAL), *w = op_in(c, WINDOW);
    FAIL_IF(x->rank != 3, err, SARD_INVALID_ARGUMENT, "the signal has rank %d; 3 is needed", x->rank);
    int64_t step = 1, length = w ? tensor_count(w) : x->dim[1];
    shape s = {.rank = 4};
    TRY(scalar(c, STEP, "frame_step", &step, err));
    TRY(scalar(c, FRAME, "frame_length", &length, err));
    FAIL_IF(w && (w->rank != 1 || w->dim[0] != length), err, SARD_INVALID_ARGUMENT,
            "the window has %lld elements, a frame %lld", (long long)tensor_count(w), (long long)length);
    TRY(frames(NULL, x->dim, 3, step, length, op_attr(c, 0)->i != 0, s.dim, err));
    FAIL_IF(shape_count(&s) < 0, err, SARD_LIMIT, "the output is too large");
    job j = {.x = x, .window = w, .parts = (int)x->dim[2], .in = x->dim[1], .out = s.dim[2], .inner = 1};
    TRY(op_out(c, 0, (sard_dtype)x->dtype, &s, &j.y, err));
    if (tensor_count(j.y) == 0) return SARD_OK;
    j.frames = s.dim[1], j.hop = step;
    TRY(prepare_fft(c, length, &j, err));
    return par_for(op_par(c), s.dim[0] * s.dim[1], 1 + 1024 / length, windows, &j, err);
}

const op_def op_stft = {
    .domain = "",
    .name = "STFT",
    .doc = "Fourier transforms of windows along a signal",
    OP_SINCE(17),
    OP_ATTRS(stft_attrs),
    OP_IN(stft_in),
    OP_OUT(dft_out),
    .infer = infer_stft,
    .run = run_stft,
};
