/*
 * NonZero -- indices of the elements that are not zero: int64 [rank, count], in row-major order.
 *
 * The count depends on data, so a plan's stage ends here. A rank-0 input counts as rank 1, as NumPy has it.
 */
#include "ops/common.h"

static const formal nonzero_in[] = {{.name = "X", .var = "T", .types = DT_ALL & ~(DT_SUBBYTE | DT_FLOAT8 | DT_FLOAT6)}};
static const formal nonzero_out[] = {{.name = "Y", .types = DT(SARD_I64)}};

static sard_status infer(infer_ctx *c, sard_error *err) {
    (void)err;
    int rank = c->in[0]->rank;
    int64_t dim[2] = {rank < 0 ? DIM_UNKNOWN : rank ? rank : 1, DIM_UNKNOWN};
    c->out[0] = type_tensor(SARD_I64, 2, dim);
    return SARD_OK;
}

/* An element is zero when all its bytes are, but for floats, where -0 is zero, too, and for empty strings. */
static bool is_zero(const tensor *t, int64_t i, size_t size) {
    const char *p = (const char *)tensor_data(t) + (size_t)i * size;
    if (t->dtype == SARD_STRING) return ((const str *)(const void *)p)->n == 0;
    if (dtype_in(t->dtype, DT_FLOAT)) return tensor_get_f64(t, i) == 0;
    if (t->dtype == SARD_C64) return tensor_get_f64(t, i) == 0 && ((const float *)(const void *)p)[1] == 0;
    if (t->dtype == SARD_C128) return tensor_get_f64(t, i) == 0 && ((const double *)(const void *)p)[1] == 0;
    for (size_t k = 0; k < size; k++)
        if (p[k]) return false;
    return true;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0);
    size_t size = (size_t)dtype_bits(x->dtype) / 8;
    int64_t n = tensor_count(x), found = 0;
    int rank = x->rank ? x->rank : 1;
    for (int64_t i = 0; i < n; i++) found += !is_zero(x, i, size);
    shape s = {.rank = 2, .dim = {rank, found}};
    tensor *y;
    TRY(op_out(c, 0, SARD_I64, &s, &y, err));
    int64_t *out = tensor_data(y), at[MAX_RANK] = {0}, k = 0;
    for (int64_t i = 0; i < n; i++) {
        if (!is_zero(x, i, size)) {
            for (int a = 0; a < rank; a++) out[a * found + k] = at[a];
            k++;
        }
        for (int a = x->rank - 1; a >= 0 && ++at[a] == x->dim[a]; a--) at[a] = 0;
    }
    return SARD_OK;
}

const op_def op_nonzero = {
    .domain = "",
    .name = "NonZero",
    .doc = "indices of the elements that are not zero",
    OP_SINCE(9, 13),
    OP_IN(nonzero_in),
    OP_OUT(nonzero_out),
    .flags = OP_DATA_SHAPE,
    .infer = infer,
    .run = run,
};
