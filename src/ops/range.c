/*
 * Range -- start, start + delta, ... up to but without limit. Element i is start + i * delta, rounded once per operation.
 *
 *   27: stash_type, f16 and bf16 (computed in f32)
 */
#include "ops/common.h"

enum { STASH_TYPE };
#define TYPES (DT_FLOAT | DT(SARD_I16) | DT(SARD_I32) | DT(SARD_I64))
static const attr_def range_attrs[] = {ATTR_I("stash_type", 1)};
static const formal range_in[] = {
    {.name = "start", .var = "T", .types = TYPES},
    {.name = "limit", .var = "T", .types = TYPES},
    {.name = "delta", .var = "T", .types = TYPES},
};
static const formal range_out[] = {{.name = "output", .var = "T", .types = TYPES}};

/* max(ceil((limit - start) / delta), 0); -1: delta is 0 or the count is beyond reason. */
static int64_t count_i(int64_t start, int64_t limit, int64_t delta) {
    int64_t d;
    if (delta == 0 || __builtin_sub_overflow(limit, start, &d)) return -1;
    if (d == 0 || (d > 0) != (delta > 0)) return 0;
    uint64_t a = d < 0 ? 0 - (uint64_t)d : (uint64_t)d, b = delta < 0 ? 0 - (uint64_t)delta : (uint64_t)delta;
    return (int64_t)((a - 1) / b) + 1;
}

static int64_t count_f(double start, double limit, double delta) {
    double n = (limit - start) / delta;
    if (!(n == n) || n > 0x1p40) return -1;
    if (n <= 0) return 0;
    int64_t k = (int64_t)n;
    return (double)k < n ? k + 1 : k;
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    int64_t n = DIM_UNKNOWN;
    uint32_t k;
    const int64_t *a = infer_ints(c, 0, &k), *b = infer_ints(c, 1, &k), *d = infer_ints(c, 2, &k);
    if (a && b && d) {
        n = count_i(*a, *b, *d);
        FAIL_IF(n < 0, err, SARD_INVALID_ARGUMENT, "a range from %lld to %lld by %lld", (long long)*a, (long long)*b,
                (long long)*d);
    } else if (a && d && *a == 0 && *d == 1 && c->in_known[1].v) {
        n = c->in_known[1].v[0]; /* 0 .. a dimension */
    }
    c->out[0] = type_tensor((sard_dtype)c->in[0]->dtype, 1, &n);
    if (!a || !b || !d || n > KNOWN_MAX) return SARD_OK;
    int64_t *v = infer_known_alloc(c, (uint32_t)n);
    for (int64_t i = 0; v && i < n; i++) v[i] = *a + i * *d;
    if (v) c->out_known[0] = (known){v, (uint32_t)n};
    return SARD_OK;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    static const char *const names[] = {"start", "limit", "delta"};
    const tensor *t[3];
    for (uint32_t i = 0; i < 3; i++) {
        t[i] = op_in(c, i);
        FAIL_IF(tensor_count(t[i]) != 1, err, SARD_INVALID_ARGUMENT, "%s has %lld elements; 1 is needed", names[i],
                (long long)tensor_count(t[i]));
    }
    bool real = dtype_in(t[0]->dtype, DT_FLOAT);
    shape s = {.rank = 1};
    double f0 = tensor_get_f64(t[0], 0), fd = tensor_get_f64(t[2], 0);
    int64_t i0 = real ? 0 : tensor_get_i64(t[0], 0), id = real ? 0 : tensor_get_i64(t[2], 0);
    s.dim[0] = real ? count_f(f0, tensor_get_f64(t[1], 0), fd) : count_i(i0, tensor_get_i64(t[1], 0), id);
    FAIL_IF(s.dim[0] < 0, err, SARD_INVALID_ARGUMENT, "a range from %g to %g by %g", f0, tensor_get_f64(t[1], 0), fd);
    tensor *y;
    TRY(op_out(c, 0, (sard_dtype)t[0]->dtype, &s, &y, err));
    for (int64_t i = 0; i < s.dim[0]; i++) {
        if (y->dtype == SARD_F64)
            TENSOR_AT(y, double)[i] = f0 + (double)i * fd;
        else if (real)
            tensor_set_f64(y, i, (double)((float)f0 + (float)i * (float)fd));
        else if (y->dtype == SARD_I64)
            TENSOR_AT(y, int64_t)[i] = i0 + i * id;
        else if (y->dtype == SARD_I32)
            TENSOR_AT(y, int32_t)[i] = (int32_t)(i0 + i * id);
        else
            TENSOR_AT(y, int16_t)[i] = (int16_t)(i0 + i * id);
    }
    return SARD_OK;
}

const op_def op_range = {
    .domain = "",
    .name = "Range",
    .doc = "numbers from start by delta to limit",
    OP_SINCE(11, 27),
    OP_ATTRS(range_attrs),
    OP_IN(range_in),
    OP_OUT(range_out),
    .flags = OP_DATA_SHAPE,
    .infer = infer,
    .run = run,
};
