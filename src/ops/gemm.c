/*
 * Gemm -- alpha * A' B' + beta * C, where ' may transpose and C broadcasts to the result.
 *
 *   7: NumPy broadcasting of C (before: attribute broadcast)    11: C is optional
 */
#include "ops/product.h"

enum { ALPHA, BETA, TRANSA, TRANSB };
static const attr_def gemm_attrs[] = {ATTR_F("alpha", 1.0f), ATTR_F("beta", 1.0f), ATTR_I("transA", 0),
                                      ATTR_I("transB", 0)};
static const formal gemm_in[] = {
    {.name = "A", .var = "T", .types = PRODUCT_TYPES},
    {.name = "B", .var = "T", .types = PRODUCT_TYPES, .flags = F_CONST, .any_byte = DT(SARD_F32)},
    {.name = "C", .var = "T", .types = PRODUCT_TYPES, .flags = F_OPTIONAL},
};
static const formal gemm_out[] = {{.name = "Y", .var = "T", .types = PRODUCT_TYPES}};

static sard_status upgrade(draft *d, int since, sard_error *err) {
    (void)err;
    if (since < 7) draft_drop(d, "broadcast");
    return SARD_OK;
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    const vtype *a = c->in[0], *b = c->in[1];
    bool ta = infer_attr(c, TRANSA)->i != 0, tb = infer_attr(c, TRANSB)->i != 0;
    int64_t dim[2] = {DIM_UNKNOWN, DIM_UNKNOWN}, k;
    FAIL_IF((a->rank >= 0 && a->rank != 2) || (b->rank >= 0 && b->rank != 2), err, SARD_INVALID_ARGUMENT,
            "A and B must have rank 2; they have %d and %d", a->rank, b->rank);
    if (a->rank == 2) dim[0] = a->dim[ta];
    if (b->rank == 2) dim[1] = b->dim[!tb];
    if (a->rank == 2 && b->rank == 2)
        FAIL_IF(!dim_merge(a->dim[!ta], b->dim[tb], &k), err, SARD_INVALID_ARGUMENT,
                "A has %lld columns, B %lld rows (after transposing)", (long long)a->dim[!ta], (long long)b->dim[tb]);
    c->out[0] = type_tensor((sard_dtype)a->dtype, 2, dim);
    return SARD_OK;
}

static sard_status prepare(op_prep *p, void **state, sard_error *err) {
    product *s;
    TRY(product_prepare(p, 1, prep_attr(p, TRANSB)->i != 0, &s, err));
    *state = s;
    return SARD_OK;
}

/* Strides with which C (rank <= 2) stands against [m, n]. */
static sard_status place_bias(const tensor *b, product_args *g, sard_error *err) {
    int64_t rows = b->rank == 2 ? b->dim[0] : 1, cols = b->rank >= 1 ? b->dim[b->rank - 1] : 1;
    FAIL_IF(b->rank > 2 || (rows != 1 && rows != g->m) || (cols != 1 && cols != g->n), err, SARD_INVALID_ARGUMENT,
            "C of %lld x %lld does not broadcast to %lld x %lld", (long long)rows, (long long)cols, (long long)g->m,
            (long long)g->n);
    g->bias = b;
    g->bias_rs = rows == 1 ? 0 : cols, g->bias_cs = cols == 1 ? 0 : 1;
    return SARD_OK;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    const tensor *a = op_in(c, 0), *b = op_in(c, 1), *bias = op_in(c, 2);
    bool ta = op_attr(c, TRANSA)->i != 0, tb = op_attr(c, TRANSB)->i != 0;
    FAIL_IF(a->rank != 2 || b->rank != 2, err, SARD_INVALID_ARGUMENT, "A and B must have rank 2; they have %d and %d",
            a->rank, b->rank);
    product_args g = {.a = a, .b = b, .alpha = op_attr(c, ALPHA)->f, .beta = op_attr(c, BETA)->f};
    g.m = a->dim[ta], g.k = a->dim[!ta], g.n = b->dim[!tb];
    FAIL_IF(b->dim[tb] != g.k, err, SARD_INVALID_ARGUMENT, "A has %lld columns, B %lld rows (after transposing)",
            (long long)g.k, (long long)b->dim[tb]);
    g.a_rs = ta ? 1 : g.k, g.a_cs = ta ? g.m : 1;
    g.b_rs = tb ? 1 : g.n, g.b_cs = tb ? g.k : 1;
    g.out = (shape){.rank = 2, .dim = {g.m, g.n}};
    if (bias) TRY(place_bias(bias, &g, err));
    return product_run(state, c, &g, err);
}

static double flops(const op_prep *p, const vtype *in, const vtype *out) {
    bool ta = prep_attr(p, TRANSA)->i != 0;
    return in[0].rank == 2 ? 2.0 * (double)out[0].dim[0] * (double)out[0].dim[1] * (double)in[0].dim[!ta] : 0;
}

const op_def op_gemm = {
    .domain = "",
    .name = "Gemm",
    .doc = "alpha A B + beta C",
    OP_SINCE(1, 6, 7, 9, 11, 13),
    OP_ATTRS(gemm_attrs),
    OP_IN(gemm_in),
    OP_OUT(gemm_out),
    .flags = OP_EPILOGUE,
    .upgrade = upgrade,
    .infer = infer,
    .prepare = prepare,
    .run = run,
    .drop = product_drop,
    .flops = flops,
};
