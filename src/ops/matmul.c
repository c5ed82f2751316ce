/*
 * MatMul -- product of the last two axes, the others broadcast as NumPy does; a vector counts as a row on the left and a
 * column on the right, and leaves the result.
 */
#include "ops/product.h"

static const formal matmul_in[] = {
    {.name = "A", .var = "T", .types = PRODUCT_TYPES},
    {.name = "B", .var = "T", .types = PRODUCT_TYPES, .flags = F_CONST, .any_byte = DT(SARD_F32)},
};
static const formal matmul_out[] = {{.name = "Y", .var = "T", .types = PRODUCT_TYPES}};

/* Dimensions of the result, symbols allowed. */
static sard_status product_dims(module *m, const vtype *a, const vtype *b, int64_t *out, int *rank, sard_error *err) {
    FAIL_IF(a->rank == 0 || b->rank == 0, err, SARD_INVALID_ARGUMENT, "a scalar cannot be multiplied as a matrix");
    int ra = a->rank == 1 ? 2 : a->rank, rb = b->rank == 1 ? 2 : b->rank, r = ra > rb ? ra : rb;
    int64_t ka = a->dim[a->rank - 1], kb = b->rank == 1 ? b->dim[0] : b->dim[b->rank - 2], k;
    FAIL_IF(!dim_merge(ka, kb, &k), err, SARD_INVALID_ARGUMENT, "A has %lld columns, B %lld rows", (long long)ka,
            (long long)kb);
    int n = 0;
    for (int i = 0; i < r - 2; i++) {
        int ia = i - (r - ra), ib = i - (r - rb);
        FAIL_IF(!dim_broadcast(m, ia < 0 ? 1 : a->dim[ia], ib < 0 ? 1 : b->dim[ib], &out[n]), err,
                SARD_INVALID_ARGUMENT, "extents %lld and %lld of the batch do not broadcast", (long long)a->dim[ia],
                (long long)b->dim[ib]);
        n++;
    }
    if (a->rank > 1) out[n++] = a->dim[a->rank - 2];
    if (b->rank > 1) out[n++] = b->dim[b->rank - 1];
    *rank = n;
    return SARD_OK;
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    const vtype *a = c->in[0], *b = c->in[1];
    c->out[0] = type_tensor((sard_dtype)a->dtype, -1, NULL);
    if (a->rank < 0 || b->rank < 0) return SARD_OK;
    int64_t dim[MAX_RANK];
    int rank;
    TRY(product_dims(c->mod, a, b, dim, &rank, err));
    c->out[0] = type_tensor((sard_dtype)a->dtype, rank, dim);
    return SARD_OK;
}

static sard_status prepare(op_prep *p, void **state, sard_error *err) {
    product *s;
    TRY(product_prepare(p, 1, false, &s, err));
    *state = s;
    return SARD_OK;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    const tensor *a = op_in(c, 0), *b = op_in(c, 1);
    product_args g = {.a = a, .b = b, .alpha = 1, .beta = 1};
    vtype ta = type_of_tensor(a), tb = type_of_tensor(b);
    TRY(product_dims(NULL, &ta, &tb, g.out.dim, &g.out.rank, err));
    int ra = a->rank == 1 ? 2 : a->rank, rb = b->rank == 1 ? 2 : b->rank, r = ra > rb ? ra : rb;
    g.k = a->dim[a->rank - 1];
    g.m = a->rank == 1 ? 1 : a->dim[a->rank - 2];
    g.n = b->rank == 1 ? 1 : b->dim[b->rank - 1];
    g.a_rs = g.k, g.a_cs = 1, g.b_rs = g.n, g.b_cs = 1;
    int64_t sa = g.m * g.k, sb = g.k * g.n;
    if (rb == 2 && r > 2) { /* one B for all: the batch is more rows */
        for (int i = 0; i < a->rank - 2; i++) g.m *= a->dim[i];
    } else {
        FAIL_IF(r - 2 > GEMM_MAX_BATCH_RANK, err, SARD_UNSUPPORTED, "rank %d", r);
        g.batch_rank = r - 2;
        for (int i = r - 3; i >= 0; i--) {
            int ia = i - (r - ra), ib = i - (r - rb);
            int64_t da = ia < 0 ? 1 : a->dim[ia], db = ib < 0 ? 1 : b->dim[ib];
            g.batch_dim[i] = g.out.dim[i];
            g.a_batch[i] = da == 1 ? 0 : sa, g.b_batch[i] = db == 1 ? 0 : sb;
            sa *= da, sb *= db;
        }
    }
    return product_run(state, c, &g, err);
}

static double flops(const op_prep *p, const vtype *in, const vtype *out) {
    (void)p;
    double n = 2;
    for (int i = 0; i < out[0].rank; i++) n *= (double)out[0].dim[i];
    return in[0].rank > 0 ? n * (double)in[0].dim[in[0].rank - 1] : 0;
}

const op_def op_matmul = {
    .domain = "",
    .name = "MatMul",
    .doc = "product of matrices",
    OP_SINCE(1, 9, 13),
    OP_IN(matmul_in),
    OP_OUT(matmul_out),
    .flags = OP_EPILOGUE,
    .infer = infer,
    .prepare = prepare,
    .run = run,
    .drop = product_drop,
    .flops = flops,
};
