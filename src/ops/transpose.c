/*
 * Transpose -- axes in another order; a strided copy by element size. Packed 2- and 4-bit elements move one by one.
 */
#include "kernels/move/move.h"
#include "ops/common.h"

enum { PERM };
static const attr_def transpose_attrs[] = {ATTR_OPT("perm", ATTR_INTS)};
static const formal transpose_in[] = {{.name = "data", .var = "T", .types = DT_ALL}};
static const formal transpose_out[] = {{.name = "transposed", .var = "T", .types = DT_ALL}};

static sard_status permutation(const attr *a, int rank, int *perm, sard_error *err) {
    if (a->type == ATTR_NONE) {
        for (int i = 0; i < rank; i++) perm[i] = rank - 1 - i;
        return SARD_OK;
    }
    FAIL_IF(a->ints.n != (size_t)rank, err, SARD_INVALID_MODEL, "attribute 'perm' has %zu axes, the input %d",
            a->ints.n, rank);
    uint32_t seen = 0;
    for (int i = 0; i < rank; i++) {
        TRY(axis_fix(a->ints.v[i], rank, &perm[i], err));
        FAIL_IF(seen >> perm[i] & 1, err, SARD_INVALID_MODEL, "attribute 'perm' names axis %d twice", perm[i]);
        seen |= 1u << perm[i];
    }
    return SARD_OK;
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[0];
    const attr *a = infer_attr(c, PERM);
    int perm[MAX_RANK], rank = x->rank;
    if (rank < 0) {
        if (a->type == ATTR_NONE || a->ints.n > MAX_RANK) {
            c->out[0] = type_tensor((sard_dtype)x->dtype, -1, NULL);
            return SARD_OK;
        }
        c->out[0] = type_tensor((sard_dtype)x->dtype, (int)a->ints.n, NULL);
        return permutation(a, (int)a->ints.n, perm, err);
    }
    TRY(permutation(a, rank, perm, err));
    int64_t dim[MAX_RANK];
    for (int i = 0; i < rank; i++) dim[i] = x->dim[perm[i]];
    c->out[0] = type_tensor((sard_dtype)x->dtype, rank, dim);
    if (rank <= 1) c->out_known[0] = c->in_known[0];
    return SARD_OK;
}

static void transpose_packed(const tensor *x, const int64_t *stride, tensor *y) {
    int64_t at[MAX_RANK] = {0}, from = 0, n = tensor_count(y);
    for (int64_t i = 0; i < n; i++) {
        subbyte_set(tensor_data(y), y->dtype, i, subbyte_get(tensor_data(x), x->dtype, from));
        for (int a = y->rank - 1; a >= 0; a--) {
            from += stride[a];
            if (++at[a] < y->dim[a]) break;
            from -= stride[a] * y->dim[a], at[a] = 0;
        }
    }
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0);
    int perm[MAX_RANK];
    TRY(permutation(op_attr(c, PERM), x->rank, perm, err));
    shape s = {.rank = x->rank};
    move_box b = {.rank = x->rank};
    for (int i = 0; i < s.rank; i++) {
        s.dim[i] = b.dim[i] = x->dim[perm[i]];
        b.src[i] = x->stride[perm[i]];
    }
    tensor *y;
    TRY(op_out(c, 0, (sard_dtype)x->dtype, &s, &y, err));
    if (dtype_subbyte(x->dtype)) {
        transpose_packed(x, b.src, y);
        return SARD_OK;
    }
    memcpy(b.dst, y->stride, sizeof b.dst);
    return move_copy(&b, (size_t)dtype_bits(x->dtype) / 8, tensor_data(x), tensor_data(y), op_par(c), err);
}

const op_def op_transpose = {
    .domain = "",
    .name = "Transpose",
    .doc = "axes in another order",
    OP_SINCE(1, 13, 21, 23, 24, 25),
    OP_ATTRS(transpose_attrs),
    OP_IN(transpose_in),
    OP_OUT(transpose_out),
    .flags = OP_STRIDED,
    .infer = infer,
    .run = run,
};
