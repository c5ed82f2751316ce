/*
 * reduce.c -- ReduceSum, ReduceMean ... : one element from all along some axes; and the global poolings, which are
 * reductions over the spatial axes.
 *
 *   13 (ReduceSum), 18 (the others): axes became an input; noop_with_empty_axes
 */
#include "kernels/reduce/reduce.h"
#include "ops/common.h"

enum { KEEPDIMS, NOOP };
static const attr_def reduce_attrs[] = {ATTR_I("keepdims", 1), ATTR_I("noop_with_empty_axes", 0)};
#define NUM (DT_FLOAT | DT(SARD_I32) | DT(SARD_I64) | DT(SARD_U32) | DT(SARD_U64))
#define ORD (NUM | DT(SARD_I8) | DT(SARD_U8) | DT_BOOL)
#define FORMALS(l, set)                                                                                                \
    static const formal l##_in[] = {{.name = "data", .var = "T", .types = set},                                        \
                                    {.name = "axes", .types = DT(SARD_I64), .flags = F_OPTIONAL | F_CONST}};           \
    static const formal l##_out[] = {{.name = "reduced", .var = "T", .types = set}};
FORMALS(num, NUM)
FORMALS(ord, ORD)
FORMALS(flt, DT_FLOAT)

static sard_status upgrade(draft *d, int since, sard_error *err) {
    (void)err;
    return since < (d->op->code == REDUCE_SUM ? 13 : 18) ? draft_attr_to_input(d, "axes", 1, SARD_I64, true) : SARD_OK;
}

/* Which axes go. No axes: all, or none with noop_with_empty_axes. */
static sard_status reduced_axes(const int64_t *axes, uint32_t n, int rank, bool noop, bool *reduced, sard_error *err) {
    for (int i = 0; i < rank; i++) reduced[i] = n == 0 && !noop;
    for (uint32_t i = 0; i < n; i++) {
        int a;
        TRY(axis_fix(axes[i], rank, &a, err));
        reduced[a] = true;
    }
    return SARD_OK;
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[0];
    bool keep = infer_attr(c, KEEPDIMS)->i != 0, reduced[MAX_RANK];
    uint32_t n = 0;
    const int64_t *axes = infer_has(c, 1) ? infer_ints(c, 1, &n) : NULL;
    c->out[0] = type_tensor((sard_dtype)x->dtype, keep ? x->rank : -1, NULL);
    if (x->rank < 0 || (infer_has(c, 1) && !axes)) return SARD_OK;
    TRY(reduced_axes(axes, n, x->rank, infer_attr(c, NOOP)->i != 0, reduced, err));
    int64_t dim[MAX_RANK];
    int k = 0;
    for (int i = 0; i < x->rank; i++) {
        if (!reduced[i])
            dim[k++] = x->dim[i];
        else if (keep)
            dim[k++] = 1;
    }
    c->out[0] = type_tensor((sard_dtype)x->dtype, k, dim);
    return SARD_OK;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0), *at = op_in(c, 1);
    bool keep = op_attr(c, KEEPDIMS)->i != 0;
    int64_t axes[MAX_RANK];
    int n = 0;
    if (at) TRY(read_ints(at, "axes", axes, MAX_RANK, &n, err));
    reduce_args a = {.op = (reduce_op)op_node(c)->op->code, .type = (sard_dtype)x->dtype, .rank = x->rank};
    TRY(reduced_axes(axes, (uint32_t)n, x->rank, op_attr(c, NOOP)->i != 0, a.reduced, err));
    shape s = {0};
    for (int i = 0; i < x->rank; i++) {
        if (!a.reduced[i])
            s.dim[s.rank++] = x->dim[i];
        else if (keep)
            s.dim[s.rank++] = 1;
    }
    tensor *y;
    TRY(op_out(c, 0, a.type, &s, &y, err));
    memcpy(a.dim, x->dim, sizeof a.dim);
    memcpy(a.in_stride, x->stride, sizeof a.in_stride);
    for (int i = 0, k = 0; i < x->rank; i++) {
        a.out_stride[i] = a.reduced[i] ? 0 : y->stride[k];
        k += !a.reduced[i] || keep;
    }
    a.in = tensor_data(x), a.out = tensor_data(y);
    return reduce_run(&a, op_par(c), err);
}

static double flops(const op_prep *p, const vtype *in, const vtype *out) {
    (void)p, (void)out;
    double n = 1;
    for (int i = 0; i < in[0].rank; i++) n *= (double)in[0].dim[i];
    return n;
}

#define REDUCE(nm, op, text, t)                                                                                        \
    .domain = "", .name = nm, .doc = text " along axes", .code = REDUCE_##op, OP_ATTRS(reduce_attrs), OP_IN(t##_in),   \
    OP_OUT(t##_out), .flags = OP_STRIDED | OP_LAST, .upgrade = upgrade, .infer = infer, .run = run, .flops = flops

/* clang-format off */
const op_def op_reducesum = {REDUCE("ReduceSum", SUM, "sum", num), OP_SINCE(1, 11, 13)};
const op_def op_reducemean = {REDUCE("ReduceMean", MEAN, "mean", num), OP_SINCE(1, 11, 13, 18)};
const op_def op_reduceprod = {REDUCE("ReduceProd", PROD, "product", num), OP_SINCE(1, 11, 13, 18)};
const op_def op_reducemax = {REDUCE("ReduceMax", MAX, "largest element", ord), OP_SINCE(1, 11, 12, 13, 18, 20)};
const op_def op_reducemin = {REDUCE("ReduceMin", MIN, "smallest element", ord), OP_SINCE(1, 11, 12, 13, 18, 20)};
const op_def op_reducesumsquare = {REDUCE("ReduceSumSquare", SUM_SQUARE, "sum of squares", num), OP_SINCE(1, 11, 13, 18)};
const op_def op_reducel1 = {REDUCE("ReduceL1", L1, "sum of magnitudes", num), OP_SINCE(1, 11, 13, 18)};
const op_def op_reducel2 = {REDUCE("ReduceL2", L2, "square root of the sum of squares", num), OP_SINCE(1, 11, 13, 18)};
const op_def op_reducelogsum = {REDUCE("ReduceLogSum", LOG_SUM, "logarithm of the sum", flt), OP_SINCE(1, 11, 13, 18, 28)};
const op_def op_reducelogsumexp = {REDUCE("ReduceLogSumExp", LOG_SUM_EXP, "logarithm of the sum of exponentials", flt), OP_SINCE(1, 11, 13, 18, 28)};
/* clang-format on */

/* ---- global pooling: a reduction over axes 2 and up, kept -------------------------------------------------------------- */

static const formal global_in[] = {{.name = "X", .var = "T", .types = DT_FLOAT}};
static const formal global_out[] = {{.name = "Y", .var = "T", .types = DT_FLOAT}};

static sard_status infer_global(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[0];
    FAIL_IF(x->rank >= 0 && x->rank < 2, err, SARD_INVALID_ARGUMENT, "X has rank %d; at least 2 is needed", x->rank);
    TRY(infer_same(c, err));
    for (int i = 2; i < x->rank; i++) c->out[0].dim[i] = 1;
    return SARD_OK;
}

static sard_status lower_global(lower_ctx *c, sard_error *err) {
    int rank = c->in[0]->rank;
    int64_t axes[MAX_RANK];
    FAIL_IF(rank < 2, err, SARD_UNSUPPORTED, "global pooling of an input whose rank is not known");
    for (int i = 2; i < rank; i++) axes[i - 2] = i;
    value_id in[2] = {node_in(c->b.g, c->node, 0), build_i64s(&c->b, axes, (size_t)rank - 2)};
    const attr_arg args[] = {ARG_I("keepdims", 1), ARG_I("noop_with_empty_axes", 1)};
    c->out[0] = build_op(&c->b, c->node->op->code == REDUCE_MEAN ? "ReduceMean" : "ReduceMax", in, 2, args, 2);
    return builder_result(&c->b);
}

/* clang-format off */
const op_def op_globalaveragepool = {.domain = "", .name = "GlobalAveragePool", .doc = "mean over the spatial axes", OP_SINCE(1, 22), OP_IN(global_in), OP_OUT(global_out), .infer = infer_global, .lower = lower_global, .code = REDUCE_MEAN};
const op_def op_globalmaxpool = {.domain = "", .name = "GlobalMaxPool", .doc = "maximum over the spatial axes", OP_SINCE(1, 22), OP_IN(global_in), OP_OUT(global_out), .infer = infer_global, .lower = lower_global, .code = REDUCE_MAX};
/* clang-format on */
