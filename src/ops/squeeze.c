/*
 * Squeeze, Unsqueeze, Flatten -- views with axes of extent 1 taken out or put in, or of rank 2.
 *
 *   13: axes became an input (Squeeze, Unsqueeze)
 */
#include "ops/common.h"

static const formal view_in[] = {
    {.name = "data", .var = "T", .types = DT_ALL},
    {.name = "axes", .types = DT(SARD_I64), .flags = F_OPTIONAL | F_CONST},
};
static const formal put_in[] = {
    {.name = "data", .var = "T", .types = DT_ALL},
    {.name = "axes", .types = DT(SARD_I64), .flags = F_CONST},
};
static const formal view_out[] = {{.name = "reshaped", .var = "T", .types = DT_ALL}};

static sard_status upgrade(draft *d, int since, sard_error *err) {
    (void)err;
    return since < 13 ? draft_attr_to_input(d, "axes", 1, SARD_I64, true) : SARD_OK;
}

/* Bit per axis of a list; each may be named once. */
static sard_status axis_set(const int64_t *axes, int n, int rank, uint32_t *set, sard_error *err) {
    *set = 0;
    for (int i = 0; i < n; i++) {
        int a;
        TRY(axis_fix(axes[i], rank, &a, err));
        FAIL_IF(*set >> a & 1, err, SARD_INVALID_ARGUMENT, "axis %d is named twice", a);
        *set |= 1u << a;
    }
    return SARD_OK;
}

/* Dimensions (maybe symbolic) of rank `rank` less the axes in axes (NULL: those that are 1). */
static sard_status squeezed(const int64_t *dim, int rank, const int64_t *axes, int n, int64_t *out, int *out_rank,
                            sard_error *err) {
    uint32_t set = 0;
    if (axes) TRY(axis_set(axes, n, rank, &set, err));
    int k = 0;
    for (int i = 0; i < rank; i++) {
        bool drop = axes ? set >> i & 1 : dim[i] == 1;
        FAIL_IF(drop && dim_known(dim[i]) && dim[i] != 1, err, SARD_INVALID_ARGUMENT,
                "axis %d has extent %lld; only 1 can be squeezed", i, (long long)dim[i]);
        if (!drop) out[k++] = dim[i];
    }
    *out_rank = k;
    return SARD_OK;
}

static sard_status unsqueezed(const int64_t *dim, int rank, const int64_t *axes, int n, int64_t *out, int *out_rank,
                              sard_error *err) {
    uint32_t set;
    FAIL_IF(rank + n > MAX_RANK, err, SARD_UNSUPPORTED, "rank %d; at most %d is offered", rank + n, MAX_RANK);
    TRY(axis_set(axes, n, rank + n, &set, err));
    for (int i = 0, k = 0; i < rank + n; i++) out[i] = set >> i & 1 ? 1 : dim[k++];
    *out_rank = rank + n;
    return SARD_OK;
}

static sard_status infer_squeeze(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[0];
    uint32_t n = 0;
    const int64_t *axes = infer_has(c, 1) ? infer_ints(c, 1, &n) : NULL;
    c->out[0] = type_tensor((sard_dtype)x->dtype, -1, NULL);
    bool open = infer_has(c, 1) && !axes;
    for (int i = 0; i < x->rank && !infer_has(c, 1); i++) open |= !dim_known(x->dim[i]);
    if (x->rank < 0 || open) return SARD_OK;
    int64_t dim[MAX_RANK];
    int rank;
    TRY(squeezed(x->dim, x->rank, axes, (int)n, dim, &rank, err));
    c->out[0] = type_tensor((sard_dtype)x->dtype, rank, dim);
    c->out_known[0] = c->in_known[0];
    return SARD_OK;
}

static sard_status infer_unsqueeze(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[0];
    uint32_t n = 0;
    const int64_t *axes = infer_ints(c, 1, &n);
    c->out[0] = type_tensor((sard_dtype)x->dtype, -1, NULL);
    if (x->rank < 0 || !axes) return SARD_OK;
    int64_t dim[MAX_RANK];
    int rank;
    TRY(unsqueezed(x->dim, x->rank, axes, (int)n, dim, &rank, err));
    c->out[0] = type_tensor((sard_dtype)x->dtype, rank, dim);
    if (rank == 1) c->out_known[0] = c->in_known[0];
    return SARD_OK;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0), *a = op_in(c, 1);
    int64_t axes[MAX_RANK];
    int n = 0;
    shape s;
    if (a) TRY(read_ints(a, "axes", axes, MAX_RANK, &n, err));
    if (op_node(c)->op->code)
        TRY(unsqueezed(x->dim, x->rank, axes, n, s.dim, &s.rank, err));
    else
        TRY(squeezed(x->dim, x->rank, a ? axes : NULL, n, s.dim, &s.rank, err));
    return op_out_view(c, 0, 0, &s, err);
}

const op_def op_squeeze = {
    .domain = "",
    .name = "Squeeze",
    .doc = "takes out axes of extent 1",
    OP_SINCE(1, 11, 13, 21, 23, 24, 25),
    OP_IN(view_in),
    OP_OUT(view_out),
    .flags = OP_VIEW0,
    .upgrade = upgrade,
    .infer = infer_squeeze,
    .run = run,
};
const op_def op_unsqueeze = {
    .domain = "",
    .name = "Unsqueeze",
    .doc = "puts in axes of extent 1",
    OP_SINCE(1, 11, 13, 21, 23, 24, 25),
    OP_IN(put_in),
    OP_OUT(view_out),
    .flags = OP_VIEW0,
    .upgrade = upgrade,
    .infer = infer_unsqueeze,
    .run = run,
    .code = 1,
};

/* ---- Flatten ------------------------------------------------------------------------------------------------------ */

static const attr_def flatten_attrs[] = {ATTR_I("axis", 1)};
static const formal flatten_in[] = {{.name = "input", .var = "T", .types = DT_ALL}};

/* axis may be rank (all in front) and negative. */
static sard_status flat(module *m, const int64_t *dim, int rank, int64_t axis, int64_t *out, sard_error *err) {
    FAIL_IF(axis < -rank || axis > rank, err, SARD_INVALID_MODEL, "axis %lld is out of range for rank %d",
            (long long)axis, rank);
    if (axis < 0) axis += rank;
    out[0] = out[1] = 1;
    for (int i = 0; i < rank; i++) out[i >= axis] = dim_mul(m, out[i >= axis], dim[i]);
    return SARD_OK;
}

static sard_status infer_flatten(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[0];
    int64_t dim[2] = {DIM_UNKNOWN, DIM_UNKNOWN};
    if (x->rank >= 0) TRY(flat(c->mod, x->dim, x->rank, infer_attr(c, 0)->i, dim, err));
    c->out[0] = type_tensor((sard_dtype)x->dtype, 2, dim);
    return SARD_OK;
}

static sard_status run_flatten(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0);
    shape s = {.rank = 2};
    TRY(flat(NULL, x->dim, x->rank, op_attr(c, 0)->i, s.dim, err));
    return op_out_view(c, 0, 0, &s, err);
}

const op_def op_flatten = {
    .domain = "",
    .name = "Flatten",
    .doc = "a matrix: axes before `axis`, axes from it on",
    OP_SINCE(1, 9, 11, 13, 21, 23, 24, 25),
    OP_ATTRS(flatten_attrs),
    OP_IN(flatten_in),
    OP_OUT(view_out),
    .flags = OP_VIEW0,
    .infer = infer_flatten,
    .run = run_flatten,
};
