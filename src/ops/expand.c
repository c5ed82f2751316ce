/*
 * Expand -- broadcasts a tensor to a shape (both ways: an extent of the input stays where the shape says 1).
 */
#include "kernels/move/move.h"
#include "ops/common.h"

#define TYPES (DT_NUMBER | DT_COMPLEX | DT_BOOL | DT_STRING)
static const formal expand_in[] = {
    {.name = "input", .var = "T", .types = TYPES},
    {.name = "shape", .types = DT(SARD_I64), .flags = F_CONST},
};
static const formal expand_out[] = {{.name = "output", .var = "T", .types = TYPES}};

static sard_status infer(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[0], *s = c->in[1];
    const known *want = &c->in_known[1];
    c->out[0] = type_tensor((sard_dtype)x->dtype, -1, NULL);
    int n = want->v ? (int)want->n : s->rank == 1 && dim_known(s->dim[0]) ? (int)s->dim[0] : -1;
    if (n < 0 || x->rank < 0) return SARD_OK;
    int rank = n > x->rank ? n : x->rank;
    FAIL_IF(rank > MAX_RANK, err, SARD_UNSUPPORTED, "rank %d; at most %d is offered", rank, MAX_RANK);
    c->out[0] = type_tensor((sard_dtype)x->dtype, rank, NULL);
    for (int i = 0; i < rank && want->v; i++) {
        int a = i - (rank - x->rank), b = i - (rank - n);
        int64_t da = a < 0 ? 1 : x->dim[a], db = b < 0 ? 1 : want->v[b];
        FAIL_IF(!dim_broadcast(c->mod, da, db, &c->out[0].dim[i]), err, SARD_INVALID_ARGUMENT,
                "extent %lld of axis %d cannot become %lld", (long long)da, i, (long long)db);
    }
    if (!c->in_known[0].v || c->in_known[0].n != 1 || rank != 1 || !dim_known(c->out[0].dim[0])) return SARD_OK;
    int64_t count = c->out[0].dim[0], *v = count <= KNOWN_MAX ? infer_known_alloc(c, (uint32_t)count) : NULL;
    for (int64_t i = 0; v && i < count; i++) v[i] = c->in_known[0].v[0];
    if (v) c->out_known[0] = (known){v, (uint32_t)count};
    return SARD_OK;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0);
    shape in = shape_of(x), want, s;
    TRY(read_ints(op_in(c, 1), "shape", want.dim, MAX_RANK, &want.rank, err));
    for (int i = 0; i < want.rank; i++)
        FAIL_IF(want.dim[i] < 0, err, SARD_INVALID_ARGUMENT, "shape[%d] is %lld", i, (long long)want.dim[i]);
    TRY(shape_broadcast((const shape *[]){&in, &want}, 2, &s, err));
    tensor *y;
    TRY(op_out(c, 0, (sard_dtype)x->dtype, &s, &y, err));
    move_box b = {.rank = s.rank};
    for (int i = 0; i < s.rank; i++) {
        int a = i - (s.rank - x->rank);
        b.dim[i] = s.dim[i], b.dst[i] = y->stride[i];
        b.src[i] = a < 0 || x->dim[a] == 1 ? 0 : x->stride[a];
    }
    return move_copy(&b, (size_t)dtype_bits(x->dtype) / 8, tensor_data(x), tensor_data(y), op_par(c), err);
}

const op_def op_expand = {
    .domain = "",
    .name = "Expand",
    .doc = "broadcasts a tensor to a shape",
    OP_SINCE(8, 13),
    OP_IN(expand_in),
    OP_OUT(expand_out),
    .flags = OP_STRIDED,
    .infer = infer,
    .run = run,
};
