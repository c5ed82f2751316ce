/*
 * Gather -- slices of `data` along an axis, picked by index; negative indices count from the end.
 */
#include "ops/common.h"

enum { AXIS };
#define TYPES (DT_NUMBER | DT_COMPLEX | DT_BOOL | DT_STRING)
static const attr_def gather_attrs[] = {ATTR_I("axis", 0)};
static const formal gather_in[] = {
    {.name = "data", .var = "T", .types = TYPES, .any_byte = TYPES},
    {.name = "indices", .var = "Tind", .types = DT(SARD_I32) | DT(SARD_I64)},
};
static const formal gather_out[] = {{.name = "output", .var = "T", .types = TYPES}};

static void gather_known(infer_ctx *c) {
    uint32_t n;
    const int64_t *at = infer_ints(c, 1, &n);
    const known *x = &c->in_known[0];
    int64_t *v = at && x->v && c->in[0]->rank == 1 ? infer_known_alloc(c, n) : NULL;
    if (!v) return;
    for (uint32_t i = 0; i < n; i++) {
        int64_t k = at[i] < 0 ? at[i] + x->n : at[i];
        if (k < 0 || k >= x->n) return;
        v[i] = x->v[k];
    }
    c->out_known[0] = (known){v, n};
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[0], *at = c->in[1];
    c->out[0] = type_tensor((sard_dtype)x->dtype, -1, NULL);
    if (x->rank < 0 || at->rank < 0) return SARD_OK;
    int axis, rank = x->rank - 1 + at->rank;
    TRY(axis_fix(infer_attr(c, AXIS)->i, x->rank, &axis, err));
    FAIL_IF(rank > MAX_RANK, err, SARD_UNSUPPORTED, "rank %d; at most %d is offered", rank, MAX_RANK);
    int64_t dim[MAX_RANK];
    memcpy(dim, x->dim, (size_t)axis * sizeof *dim);
    memcpy(dim + axis, at->dim, (size_t)at->rank * sizeof *dim);
    memcpy(dim + axis + at->rank, x->dim + axis + 1, (size_t)(x->rank - axis - 1) * sizeof *dim);
    c->out[0] = type_tensor((sard_dtype)x->dtype, rank, dim);
    gather_known(c);
    return SARD_OK;
}

typedef struct job {
    const char *x;
    char *y;
    const tensor *at;
    size_t slice;      /* bytes */
    int64_t extent, n; /* of the axis; indices */
} job;

/* Slice i of the output: outer index i / n, index i % n. */
static sard_status some(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    (void)worker;
    const job *j = arg;
    bool wide = j->at->dtype == SARD_I64;
    for (int64_t i = from; i < to; i++) {
        int64_t k = wide ? TENSOR_AT(j->at, int64_t)[i % j->n] : TENSOR_AT(j->at, int32_t)[i % j->n];
        FAIL_IF(k < -j->extent || k >= j->extent, err, SARD_RUNTIME,
                "indices[%lld] is %lld; the axis has %lld elements", (long long)(i % j->n), (long long)k,
                (long long)j->extent);
        if (k < 0) k += j->extent;
        memcpy(j->y + (size_t)i * j->slice, j->x + (size_t)(i / j->n * j->extent + k) * j->slice, j->slice);
    }
    return SARD_OK;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0), *at = op_in(c, 1);
    int axis;
    TRY(axis_fix(op_attr(c, AXIS)->i, x->rank, &axis, err));
    shape s = {.rank = x->rank - 1 + at->rank};
    FAIL_IF(s.rank > MAX_RANK, err, SARD_UNSUPPORTED, "rank %d; at most %d is offered", s.rank, MAX_RANK);
    for (int i = 0; i < s.rank; i++)
        s.dim[i] = i < axis ? x->dim[i] : i < axis + at->rank ? at->dim[i - axis] : x->dim[i - at->rank + 1];
    tensor *y;
    TRY(op_out(c, 0, (sard_dtype)x->dtype, &s, &y, err));
    if (tensor_count(y) == 0) return SARD_OK;
    int64_t inner = dims_count(x->dim + axis + 1, x->rank - axis - 1), outer = dims_count(x->dim, axis);
    job j = {tensor_data(x), tensor_data(y),  at, (size_t)inner * ((size_t)dtype_bits(x->dtype) / 8),
             x->dim[axis],   tensor_count(at)};
    int64_t grain = (1 << 16) / (int64_t)(j.slice + 1);
    return par_for(op_par(c), outer * j.n, grain > 1 ? grain : 1, some, &j, err);
}

const op_def op_gather = {
    .domain = "",
    .name = "Gather",
    .doc = "slices along an axis, picked by index",
    OP_SINCE(1, 11, 13),
    OP_ATTRS(gather_attrs),
    OP_IN(gather_in),
    OP_OUT(gather_out),
    .infer = infer,
    .run = run,
};
