/*
 * nd.c -- GatherND and ScatterND: the last axis of indices holds the first coordinates of a slice of data.
 *
 *   GatherND 12: batch_dims    ScatterND 16: reduction add, mul    18: max, min
 */
#include "ops/scatter.h"

enum { BATCH_DIMS };
enum { REDUCTION };
#define TYPES (DT_NUMBER | DT_COMPLEX | DT_BOOL | DT_STRING)
static const attr_def gather_attrs[] = {ATTR_I("batch_dims", 0)};
static const attr_def scatter_attrs[] = {ATTR_S("reduction", "none")};
static const formal gather_in[] = {{.name = "data", .var = "T", .types = TYPES},
                                   {.name = "indices", .types = DT(SARD_I64)}};
static const formal scatter_in[] = {{.name = "data", .var = "T", .types = TYPES},
                                    {.name = "indices", .types = DT(SARD_I64)},
                                    {.name = "updates", .var = "T", .types = TYPES}};
static const formal nd_out[] = {{.name = "output", .var = "T", .types = TYPES}};

/* Checks ranks; *k: coordinates per index. batch: leading axes both share. */
static sard_status coordinates(const int64_t *data, int rank, const int64_t *at, int at_rank, int64_t batch, int *k,
                               sard_error *err) {
    FAIL_IF(rank < 1 || at_rank < 1, err, SARD_INVALID_ARGUMENT, "data has rank %d and indices %d; 1 is the least",
            rank, at_rank);
    FAIL_IF(batch < 0 || batch >= rank || batch >= at_rank, err, SARD_INVALID_ARGUMENT,
            "batch_dims is %lld; data has rank %d and indices %d", (long long)batch, rank, at_rank);
    int64_t n = at[at_rank - 1];
    *k = 0;
    for (int i = 0; i < batch; i++)
        FAIL_IF(dim_known(data[i]) && dim_known(at[i]) && data[i] != at[i], err, SARD_INVALID_ARGUMENT,
                "batch axis %d has extent %lld in data, %lld in indices", i, (long long)data[i], (long long)at[i]);
    if (!dim_known(n)) return SARD_OK;
    FAIL_IF(n < 0 || n > rank - batch, err, SARD_INVALID_ARGUMENT,
            "indices holds %lld coordinates; data has %d axes beyond batch_dims", (long long)n, rank - (int)batch);
    *k = (int)n;
    return SARD_OK;
}

/* Batch and positions of indices, then the axes of data that no coordinate names. */
static sard_status slices_shape(const int64_t *data, int rank, const int64_t *at, int at_rank, int skip, shape *s,
                                sard_error *err) {
    s->rank = at_rank - 1 + rank - skip;
    FAIL_IF(s->rank > MAX_RANK, err, SARD_UNSUPPORTED, "rank %d; at most %d is offered", s->rank, MAX_RANK);
    memcpy(s->dim, at, (size_t)(at_rank - 1) * sizeof *at);
    memcpy(s->dim + at_rank - 1, data + skip, (size_t)(rank - skip) * sizeof *at);
    return SARD_OK;
}

static sard_status infer_gather(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[0], *at = c->in[1];
    int64_t batch = infer_attr(c, BATCH_DIMS)->i;
    int k;
    shape s;
    c->out[0] = type_tensor((sard_dtype)x->dtype, -1, NULL);
    if (x->rank < 0 || at->rank < 0) return SARD_OK;
    TRY(coordinates(x->dim, x->rank, at->dim, at->rank, batch, &k, err));
    if (!dim_known(at->dim[at->rank - 1])) return SARD_OK;
    TRY(slices_shape(x->dim, x->rank, at->dim, at->rank, (int)batch + k, &s, err));
    c->out[0] = type_tensor((sard_dtype)x->dtype, s.rank, s.dim);
    return SARD_OK;
}

/* Where the slice of index i begins in data's axes from `first` on, in slices. */
static sard_status slice_of(const tensor *x, int first, int k, const int64_t *at, int64_t i, int64_t *out,
                            sard_error *err) {
    int64_t place = 0;
    for (int a = 0; a < k; a++) {
        int64_t v = at[i * k + a];
        TRY(index_fix(&v, x->dim[first + a], "indices", i * k + a, err));
        place = place * x->dim[first + a] + v;
    }
    *out = place;
    return SARD_OK;
}

typedef struct job {
    const tensor *x;
    tensor *y;
    const int64_t *at;
    int first, k;
    int64_t per_batch, in_batch; /* indices and slices of data of one batch */
    size_t slice;                /* bytes */
} job;

static sard_status some(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    (void)worker;
    const job *j = arg;
    for (int64_t i = from; i < to; i++) {
        int64_t place;
        TRY(slice_of(j->x, j->first, j->k, j->at, i, &place, err));
        place += i / j->per_batch * j->in_batch;
        memcpy(TENSOR_AT(j->y, char) + (size_t)i * j->slice, TENSOR_AT(j->x, char) + (size_t)place * j->slice,
               j->slice);
    }
    return SARD_OK;
}

static sard_status run_gather(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0), *at = op_in(c, 1);
    int k;
    shape s;
    job j = {.x = x, .at = tensor_data(at), .first = (int)op_attr(c, BATCH_DIMS)->i};
    TRY(coordinates(x->dim, x->rank, at->dim, at->rank, op_attr(c, BATCH_DIMS)->i, &k, err));
    TRY(slices_shape(x->dim, x->rank, at->dim, at->rank, j.first + k, &s, err));
    TRY(op_out(c, 0, (sard_dtype)x->dtype, &s, &j.y, err));
    if (tensor_count(j.y) == 0) return SARD_OK;
    j.k = k;
    j.slice = (size_t)dims_count(x->dim + j.first + k, x->rank - j.first - k) * element_size(x);
    j.in_batch = dims_count(x->dim + j.first, k);
    j.per_batch = dims_count(at->dim + j.first, at->rank - 1 - j.first);
    int64_t grain = (1 << 16) / (int64_t)(j.slice + 8);
    return par_for(op_par(c), dims_count(at->dim, at->rank - 1), grain > 1 ? grain : 1, some, &j, err);
}

static sard_status infer_scatter(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[0], *at = c->in[1];
    int k, how;
    TRY(scatter_reduction(infer_attr(c, REDUCTION), (sard_dtype)x->dtype, &how, err));
    TRY(infer_same(c, err));
    if (x->rank < 0 || at->rank < 0) return SARD_OK;
    return coordinates(x->dim, x->rank, at->dim, at->rank, 0, &k, err);
}

static sard_status run_scatter(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0), *at = op_in(c, 1), *u = op_in(c, 2);
    int k, how;
    shape want, have = shape_of(u);
    scatter q;
    char a[96], b[96];
    TRY(scatter_reduction(op_attr(c, REDUCTION), (sard_dtype)x->dtype, &how, err));
    TRY(coordinates(x->dim, x->rank, at->dim, at->rank, 0, &k, err));
    TRY(slices_shape(x->dim, x->rank, at->dim, at->rank, k, &want, err));
    FAIL_IF(!shape_eq(&want, &have), err, SARD_INVALID_ARGUMENT, "updates has shape %s; %s is needed",
            shape_text(&have, a, sizeof a), shape_text(&want, b, sizeof b));
    TRY(scatter_begin(c, how, u, &q, err));
    int64_t n = dims_count(at->dim, at->rank - 1), slice = dims_count(x->dim + k, x->rank - k), place;
    if (tensor_count(u) == 0) return SARD_OK;
    for (int64_t i = 0; i < n; i++) {
        TRY(slice_of(x, 0, k, tensor_data(at), i, &place, err));
        scatter_put(&q, place * slice, i * slice, slice);
    }
    scatter_end(&q);
    return SARD_OK;
}

const op_def op_gathernd = {
    .domain = "",
    .name = "GatherND",
    .doc = "slices picked by their first coordinates",
    OP_SINCE(11, 12, 13),
    OP_ATTRS(gather_attrs),
    OP_IN(gather_in),
    OP_OUT(nd_out),
    .infer = infer_gather,
    .run = run_gather,
};
const op_def op_scatternd = {
    .domain = "",
    .name = "ScatterND",
    .doc = "a copy with slices replaced, or joined, by their first coordinates",
    OP_SINCE(11, 13, 16, 18),
    OP_ATTRS(scatter_attrs),
    OP_IN(scatter_in),
    OP_OUT(nd_out),
    .flags = OP_INPLACE0,
    .infer = infer_scatter,
    .run = run_scatter,
};
