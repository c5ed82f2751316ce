/*
 * elements.c -- GatherElements and ScatterElements: indices stand element by element, each replacing the position along
 * one axis. Scatter is ScatterElements' name before version 11.
 *
 *   ScatterElements 16: reduction add, mul    18: max, min
 */
#include "ops/scatter.h"

enum { AXIS, REDUCTION };
#define TYPES (DT_NUMBER | DT_COMPLEX | DT_BOOL | DT_STRING)
#define INDEX (DT(SARD_I32) | DT(SARD_I64))
static const attr_def gather_attrs[] = {ATTR_I("axis", 0)};
static const attr_def scatter_attrs[] = {ATTR_I("axis", 0), ATTR_S("reduction", "none")};
static const formal gather_in[] = {{.name = "data", .var = "T", .types = TYPES},
                                   {.name = "indices", .var = "Tind", .types = INDEX}};
static const formal scatter_in[] = {{.name = "data", .var = "T", .types = TYPES},
                                    {.name = "indices", .var = "Tind", .types = INDEX},
                                    {.name = "updates", .var = "T", .types = TYPES}};
static const formal elements_out[] = {{.name = "output", .var = "T", .types = TYPES}};

/* The indices' box must lie in data's but for the axis. Extents may be unknown. */
static sard_status check_box(const int64_t *data, int rank, const int64_t *at, int at_rank, int axis, sard_error *err) {
    FAIL_IF(rank != at_rank, err, SARD_INVALID_ARGUMENT, "data has rank %d, indices %d", rank, at_rank);
    for (int i = 0; i < rank; i++)
        FAIL_IF(i != axis && dim_known(data[i]) && dim_known(at[i]) && at[i] > data[i], err, SARD_INVALID_ARGUMENT,
                "indices has extent %lld on axis %d, data %lld", (long long)at[i], i, (long long)data[i]);
    return SARD_OK;
}

static sard_status infer_gather(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[0], *at = c->in[1];
    int axis;
    c->out[0] = type_tensor((sard_dtype)x->dtype, at->rank, at->dim);
    if (x->rank < 0 || at->rank < 0) return SARD_OK;
    TRY(axis_fix(infer_attr(c, AXIS)->i, x->rank, &axis, err));
    return check_box(x->dim, x->rank, at->dim, at->rank, axis, err);
}

typedef struct job {
    const tensor *x, *at;
    tensor *y;
    int axis;
} job;

static sard_status some(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    (void)worker;
    const job *j = arg;
    const tensor *x = j->x;
    int64_t pos[MAX_RANK], stride[MAX_RANK];
    size_t size = element_size(x);
    memcpy(stride, x->stride, sizeof stride);
    stride[j->axis] = 0;
    int64_t place = index_seek(x->rank, j->at->dim, from, pos, stride);
    for (int64_t i = from; i < to; i++) {
        int64_t k = index_at(j->at, i);
        TRY(index_fix(&k, x->dim[j->axis], "indices", i, err));
        copy_element(TENSOR_AT(j->y, char) + (size_t)i * size,
                     TENSOR_AT(x, char) + (size_t)(place + k * x->stride[j->axis]) * size, size);
        index_next(x->rank, j->at->dim, pos, stride, &place);
    }
    return SARD_OK;
}

static sard_status run_gather(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    job j = {.x = op_in(c, 0), .at = op_in(c, 1)};
    TRY(axis_fix(op_attr(c, AXIS)->i, j.x->rank, &j.axis, err));
    TRY(check_box(j.x->dim, j.x->rank, j.at->dim, j.at->rank, j.axis, err));
    shape s = shape_of(j.at);
    TRY(op_out(c, 0, (sard_dtype)j.x->dtype, &s, &j.y, err));
    return par_for(op_par(c), tensor_count(j.y), 8192, some, &j, err);
}

static sard_status infer_scatter(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[0], *at = c->in[1], *u = c->in[2];
    int axis, how;
    TRY(scatter_reduction(infer_attr(c, REDUCTION), (sard_dtype)x->dtype, &how, err));
    TRY(infer_same(c, err));
    if (x->rank < 0 || at->rank < 0) return SARD_OK;
    TRY(axis_fix(infer_attr(c, AXIS)->i, x->rank, &axis, err));
    vtype both = *at, other = *u;
    other.dtype = both.dtype;
    FAIL_IF(!type_merge(c->mod, &both, &other), err, SARD_INVALID_ARGUMENT, "indices and updates differ in shape");
    return check_box(x->dim, x->rank, at->dim, at->rank, axis, err);
}

static sard_status run_scatter(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0), *at = op_in(c, 1), *u = op_in(c, 2);
    shape sat = shape_of(at), su = shape_of(u);
    int axis, how;
    scatter q;
    FAIL_IF(!shape_eq(&sat, &su), err, SARD_INVALID_ARGUMENT, "indices and updates differ in shape");
    TRY(axis_fix(op_attr(c, AXIS)->i, x->rank, &axis, err));
    TRY(check_box(x->dim, x->rank, at->dim, at->rank, axis, err));
    TRY(scatter_reduction(op_attr(c, REDUCTION), (sard_dtype)x->dtype, &how, err));
    int64_t extent = x->dim[axis], step = x->stride[axis], n = tensor_count(at);
    int64_t pos[MAX_RANK] = {0}, stride[MAX_RANK], place = 0;
    memcpy(stride, x->stride, sizeof stride);
    stride[axis] = 0;
    TRY(scatter_begin(c, how, u, &q, err));
    for (int64_t i = 0; i < n; i++) {
        int64_t k = index_at(at, i);
        TRY(index_fix(&k, extent, "indices", i, err));
        if (q.fold)
            q.fold(how, q.data + (size_t)(place + k * step) * q.size, q.updates + (size_t)i * q.size, 1);
        else
            copy_element(q.data + (size_t)(place + k * step) * q.size, q.updates + (size_t)i * q.size, q.size);
        index_next(at->rank, at->dim, pos, stride, &place);
    }
    scatter_end(&q);
    return SARD_OK;
}

/* Scatter 9 is ScatterElements. */
static sard_status upgrade_scatter(draft *d, int since, sard_error *err) {
    (void)since, (void)err;
    const attr_arg args[] = {ARG_I("axis", draft_int(d, "axis", 0))};
    TRY(build_node(&d->b, "ScatterElements", d->in, d->n_in, d->out, 1, args, 1));
    draft_done(d);
    return builder_result(&d->b);
}

const op_def op_gatherelements = {
    .domain = "",
    .name = "GatherElements",
    .doc = "elements picked by an index each",
    OP_SINCE(11, 13),
    OP_ATTRS(gather_attrs),
    OP_IN(gather_in),
    OP_OUT(elements_out),
    .infer = infer_gather,
    .run = run_gather,
};
const op_def op_scatterelements = {
    .domain = "",
    .name = "ScatterElements",
    .doc = "a copy with elements replaced, or joined, by an index each",
    OP_SINCE(11, 13, 16, 18),
    OP_ATTRS(scatter_attrs),
    OP_IN(scatter_in),
    OP_OUT(elements_out),
    .flags = OP_INPLACE0,
    .infer = infer_scatter,
    .run = run_scatter,
};
const op_def op_scatter = {
    .domain = "",
    .name = "Scatter",
    .doc = "the older name of ScatterElements",
    OP_SINCE(9, 11),
    OP_ATTRS(gather_attrs),
    OP_IN(scatter_in),
    OP_OUT(elements_out),
    .upgrade = upgrade_scatter,
    .infer = infer_same,
};
