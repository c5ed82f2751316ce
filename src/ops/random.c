/*
 * random.c -- RandomUniform, RandomNormal (and Like), Bernoulli, Multinomial.
 *
 * Element i takes draw i (normal: 2i and 2i + 1, by Box and Muller) of a counter generator keyed by attribute seed, or
 * by the node where there is none. Everything is computed in double and rounded once.
 */
#include "ops/random.h"

#include <math.h>

#include "kernels/pointwise/math64.h"
#include "ops/meter.h"

#define PI  3.141592653589793
#define ANY (DT_NUMBER | DT_COMPLEX | DT_BOOL | DT_STRING)
enum { DTYPE, A, B, SEED, SHAPE }; /* of the first four; A, B: high and low, or mean and scale */
static const attr_def normal_attrs[] = {
    ATTR_I("dtype", SARD_F32),    ATTR_F("mean", 0.0f),         ATTR_F("scale", 1.0f),
    ATTR_OPT("seed", ATTR_FLOAT), ATTR_REQ("shape", ATTR_INTS),
};
static const attr_def uniform_attrs[] = {
    ATTR_I("dtype", SARD_F32),    ATTR_F("high", 1.0f),         ATTR_F("low", 0.0f),
    ATTR_OPT("seed", ATTR_FLOAT), ATTR_REQ("shape", ATTR_INTS),
};
static const attr_def normal_like_attrs[] = {
    ATTR_OPT("dtype", ATTR_INT),
    ATTR_F("mean", 0.0f),
    ATTR_F("scale", 1.0f),
    ATTR_OPT("seed", ATTR_FLOAT),
};
static const attr_def uniform_like_attrs[] = {
    ATTR_OPT("dtype", ATTR_INT),
    ATTR_F("high", 1.0f),
    ATTR_F("low", 0.0f),
    ATTR_OPT("seed", ATTR_FLOAT),
};
static const formal like_in[] = {{.name = "input", .types = ANY}};
static const formal float_out[] = {{.name = "output", .types = DT_FLOAT}};
enum { UNIFORM, NORMAL }; /* op_def.code */

/* ---- shared -------------------------------------------------------------------------------------------------------- */

static uint64_t seed_of(op_ctx *c, const attr *a) {
    uint32_t bits;
    if (a->type != ATTR_FLOAT) return op_seed(c);
    memcpy(&bits, &a->f, sizeof bits);
    return random_at(0, bits);
}

/* The attribute's element type, or `other` where it is not given. */
static sard_status dtype_of(const attr *a, int other, dtype_set set, sard_dtype *out, sard_error *err) {
    int64_t t = a->type == ATTR_INT ? a->i : other;
    *out = SARD_UNDEFINED;
    if (a->type != ATTR_INT && !other) return SARD_OK; /* not known yet */
    FAIL_IF(t < 0 || t >= SARD_DTYPE_COUNT || !dtype_in((int)t, set), err, SARD_INVALID_MODEL,
            "the output's element type would be %lld (%s), which the operator does not give", (long long)t,
            t > 0 && t < SARD_DTYPE_COUNT ? dtype_short((int)t) : "?");
    *out = (sard_dtype)t;
    return SARD_OK;
}

/* ---- RandomUniform, RandomNormal, and Like ------------------------------------------------------------------------- */

static sard_status shape_attr(const attr *a, shape *s, sard_error *err) {
    FAIL_IF(a->ints.n > MAX_RANK, err, SARD_UNSUPPORTED, "attribute 'shape' has rank %zu", a->ints.n);
    s->rank = (int)a->ints.n;
    for (int i = 0; i < s->rank; i++) s->dim[i] = a->ints.v[i];
    FAIL_IF(shape_count(s) < 0, err, SARD_INVALID_MODEL, "attribute 'shape' is negative or too large");
    return SARD_OK;
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    sard_dtype t;
    TRY(dtype_of(infer_attr(c, DTYPE), 0, DT_FLOAT, &t, err));
    shape s;
    TRY(shape_attr(infer_attr(c, SHAPE), &s, err));
    c->out[0] = type_tensor(t, s.rank, s.dim);
    return SARD_OK;
}

static sard_status infer_like(infer_ctx *c, sard_error *err) {
    sard_dtype t;
    TRY(dtype_of(infer_attr(c, DTYPE), c->in[0]->dtype, DT_FLOAT, &t, err));
    c->out[0] = *c->in[0];
    c->out[0].dtype = (uint8_t)t;
    return SARD_OK;
}

static double draw(const attr *attrs, int code, uint64_t seed, uint64_t i) {
    const double a = attrs[A].f, b = attrs[B].f;
    if (code == UNIFORM) return fma(random_unit(seed, i), a - b, b);
    const double u = random_unit(seed, 2 * i) + 0x1p-53, v = random_unit(seed, 2 * i + 1); /* u in (0, 1] */
    return fma(sqrt(-2 * m64_log(u)) * m64_cos(2 * PI * v), b, a);
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const node *n = op_node(c);
    const tensor *x = op_in(c, 0);
    shape s;
    sard_dtype t;
    tensor *y;
    if (n->op->n_in)
        s = shape_of(x);
    else
        TRY(shape_attr(op_attr(c, SHAPE), &s, err));
    TRY(dtype_of(op_attr(c, DTYPE), n->op->n_in ? x->dtype : 0, DT_FLOAT, &t, err));
    TRY(op_out(c, 0, t, &s, &y, err));
    const uint64_t seed = seed_of(c, op_attr(c, SEED));
    const int64_t count = tensor_count(y);
    meter m = {.ctl = op_par(c)->ctl};
    for (int64_t i = 0; i < count; i++) {
        TRY(meter_add(&m, 32, err));
        tensor_set_f64(y, i, draw(n->attrs, n->op->code, seed, (uint64_t)i));
    }
    return SARD_OK;
}

const op_def op_randomuniform = {
    .domain = "",
    .name = "RandomUniform",
    .doc = "numbers drawn evenly from an interval",
    OP_SINCE(1, 22),
    OP_ATTRS(uniform_attrs),
    OP_OUT(float_out),
    .flags = OP_RANDOM,
    .infer = infer,
    .run = run,
    .code = UNIFORM,
};

const op_def op_randomuniformlike = {
    .domain = "",
    .name = "RandomUniformLike",
    .doc = "numbers drawn evenly from an interval, in the input's shape",
    OP_SINCE(1, 22),
    OP_ATTRS(uniform_like_attrs),
    OP_IN(like_in),
    OP_OUT(float_out),
    .flags = OP_RANDOM,
    .infer = infer_like,
    .run = run,
    .code = UNIFORM,
};

const op_def op_randomnormal = {
    .domain = "",
    .name = "RandomNormal",
    .doc = "normally distributed numbers",
    OP_SINCE(1, 22),
    OP_ATTRS(normal_attrs),
    OP_OUT(float_out),
    .flags = OP_RANDOM,
    .infer = infer,
    .run = run,
    .code = NORMAL,
};

const op_def op_randomnormallike = {
    .domain = "",
    .name = "RandomNormalLike",
    .doc = "normally distributed numbers in the input's shape",
    OP_SINCE(1, 22),
    OP_ATTRS(normal_like_attrs),
    OP_IN(like_in),
    OP_OUT(float_out),
    .flags = OP_RANDOM,
    .infer = infer_like,
    .run = run,
    .code = NORMAL,
};

/* ---- Bernoulli ----------------------------------------------------------------------------------------------------- */

enum { BERNOULLI_SEED = 1 };
static const attr_def bernoulli_attrs[] = {ATTR_OPT("dtype", ATTR_INT), ATTR_OPT("seed", ATTR_FLOAT)};
static const formal bernoulli_in[] = {{.name = "input", .types = DT_FLOAT}};
static const formal bernoulli_out[] = {{.name = "output", .types = DT_NUMBER | DT_BOOL}};

static sard_status infer_bernoulli(infer_ctx *c, sard_error *err) {
    sard_dtype t;
    TRY(dtype_of(infer_attr(c, DTYPE), c->in[0]->dtype, DT_NUMBER | DT_BOOL, &t, err));
    c->out[0] = *c->in[0];
    c->out[0].dtype = (uint8_t)t;
    return SARD_OK;
}

static sard_status run_bernoulli(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0);
    const uint64_t seed = seed_of(c, op_attr(c, BERNOULLI_SEED));
    shape s = shape_of(x);
    sard_dtype t;
    tensor *y;
    TRY(dtype_of(op_attr(c, DTYPE), x->dtype, DT_NUMBER | DT_BOOL, &t, err));
    TRY(op_out(c, 0, t, &s, &y, err));
    const int64_t n = tensor_count(x);
    meter m = {.ctl = op_par(c)->ctl};
    for (int64_t i = 0; i < n; i++) {
        TRY(meter_add(&m, 16, err));
        tensor_set_f64(y, i, random_unit(seed, (uint64_t)i) < tensor_get_f64(x, i));
    }
    return SARD_OK;
}

const op_def op_bernoulli = {
    .domain = "",
    .name = "Bernoulli",
    .doc = "1 with the probability the input says, else 0",
    OP_SINCE(15, 22),
    OP_ATTRS(bernoulli_attrs),
    OP_IN(bernoulli_in),
    OP_OUT(bernoulli_out),
    .flags = OP_RANDOM,
    .infer = infer_bernoulli,
    .run = run_bernoulli,
};

/* ---- Multinomial --------------------------------------------------------------------------------------------------- */

enum { SAMPLES = 1, MULTI_SEED };
static const attr_def multi_attrs[] = {
    ATTR_I("dtype", SARD_I32),
    ATTR_I("sample_size", 1),
    ATTR_OPT("seed", ATTR_FLOAT),
};
static const formal multi_in[] = {{.name = "input", .types = DT_FLOAT}};
static const formal multi_out[] = {{.name = "output", .types = DT(SARD_I32) | DT(SARD_I64)}};

static sard_status infer_multi(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[0];
    sard_dtype t;
    TRY(dtype_of(infer_attr(c, DTYPE), 0, DT(SARD_I32) | DT(SARD_I64), &t, err));
    FAIL_IF(infer_attr(c, SAMPLES)->i < 0, err, SARD_INVALID_MODEL, "attribute 'sample_size' is %lld",
            (long long)infer_attr(c, SAMPLES)->i);
    FAIL_IF(x->rank >= 0 && x->rank != 2, err, SARD_INVALID_ARGUMENT, "the input has rank %d; 2 is needed", x->rank);
    const int64_t dim[2] = {x->rank == 2 ? x->dim[0] : DIM_UNKNOWN, infer_attr(c, SAMPLES)->i};
    c->out[0] = type_tensor(t, 2, dim);
    return SARD_OK;
}

/* Running sums of e^(x - max) of row r into sum; they end above 0. */
static sard_status running_sums(const tensor *x, int64_t r, double *sum, sard_error *err) {
    const int64_t n = x->dim[1];
    double most = -INFINITY, total = 0;
    for (int64_t i = 0; i < n; i++) {
        double v = tensor_get_f64(x, r * n + i);
        FAIL_IF(isnan(v) || v == INFINITY, err, SARD_RUNTIME, "row %lld holds %g at %lld", (long long)r, v,
                (long long)i);
        if (v > most) most = v;
    }
    FAIL_IF(most == -INFINITY, err, SARD_RUNTIME, "no class of row %lld has a probability above 0", (long long)r);
    for (int64_t i = 0; i < n; i++) sum[i] = total += m64_exp(tensor_get_f64(x, r * n + i) - most);
    return SARD_OK;
}

static int64_t pick(const double *sum, int64_t n, double at) { /* the first sum above `at` */
    int64_t lo = 0, hi = n - 1;
    while (lo < hi) {
        int64_t mid = lo + (hi - lo) / 2;
        if (sum[mid] > at)
            hi = mid;
        else
            lo = mid + 1;
    }
    return lo;
}

static sard_status run_multi(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0);
    const int64_t samples = op_attr(c, SAMPLES)->i;
    FAIL_IF(x->rank != 2, err, SARD_INVALID_ARGUMENT, "the input has rank %d; 2 is needed", x->rank);
    const shape s = {.rank = 2, .dim = {x->dim[0], samples}};
    FAIL_IF(shape_count(&s) < 0, err, SARD_LIMIT, "the output is too large");
    const int64_t n = x->dim[1];
    const uint64_t seed = seed_of(c, op_attr(c, MULTI_SEED));
    tensor *y;
    void *mem;
    TRY(op_out(c, 0, (sard_dtype)op_attr(c, DTYPE)->i, &s, &y, err));
    FAIL_IF(!n && tensor_count(y), err, SARD_INVALID_ARGUMENT, "the input has no classes");
    TRY(op_scratch(c, (size_t)n * sizeof(double) + 1, &mem, err));
    const double *sum = mem;
    meter m = {.ctl = op_par(c)->ctl};
    for (int64_t r = 0; r < x->dim[0] && samples; r++) {
        TRY(running_sums(x, r, mem, err));
        TRY(meter_add(&m, n, err));
        for (int64_t i = r * samples; i < (r + 1) * samples; i++) {
            TRY(meter_add(&m, 32, err));
            tensor_set_f64(y, i, (double)pick(sum, n, random_unit(seed, (uint64_t)i) * sum[n - 1]));
        }
    }
    return SARD_OK;
}

const op_def op_multinomial = {
    .domain = "",
    .name = "Multinomial",
    .doc = "classes drawn by their log probabilities",
    OP_SINCE(7, 22),
    OP_ATTRS(multi_attrs),
    OP_IN(multi_in),
    OP_OUT(multi_out),
    .flags = OP_RANDOM,
    .infer = infer_multi,
    .run = run_multi,
};
