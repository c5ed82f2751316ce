/*
 * Tile -- repeats a tensor along its axes: each axis is walked as (repeat, element), the source standing still on the
 * first.
 *
 *   6: inputs tiles, axis became repeats
 */
#include "kernels/move/move.h"
#include "ops/common.h"

#define TYPES (DT_NUMBER | DT_COMPLEX | DT_BOOL | DT_STRING)
static const formal tile_in[] = {
    {.name = "input", .var = "T", .types = TYPES},
    {.name = "repeats", .var = "T1", .types = DT(SARD_I64), .flags = F_CONST},
};
static const formal tile_out[] = {{.name = "output", .var = "T", .types = TYPES}};

/* Version 1 repeats along one axis, both numbers inputs: built as the vector 1 ... tiles ... 1. */
static sard_status upgrade(draft *d, int since, sard_error *err) {
    if (since >= 6) return SARD_OK;
    const vtype *x = draft_in_type(d, 0);
    FAIL_IF(x->rank < 0 || d->n_in < 3, err, SARD_UNSUPPORTED, "Tile of opset 1 needs an input of known rank");
    builder *b = &d->b;
    value_id one = build_i64s(b, (int64_t[]){1}, 1), rank = build_i64s(b, (int64_t[]){x->rank}, 1);
    value_id tiles = build_reshape(b, build_cast(b, d->in[1], SARD_I64), (int64_t[]){1}, 1);
    value_id axis = build_reshape(b, build_cast(b, d->in[2], SARD_I64), (int64_t[]){1}, 1);
    value_id ones = build_2(b, "Expand", one, rank);
    const value_id in[3] = {ones, axis, tiles};
    const attr_arg along[] = {ARG_I("axis", 0)};
    value_id repeats = build_op(b, "ScatterElements", in, 3, along, 1);
    TRY(builder_result(b));
    TRY(draft_set_in(d, 1, repeats));
    d->n_in = 2;
    return SARD_OK;
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[0];
    const known *r = &c->in_known[1];
    c->out[0] = type_tensor((sard_dtype)x->dtype, x->rank, NULL);
    if (x->rank < 0 || !r->v) return SARD_OK;
    FAIL_IF((int)r->n != x->rank, err, SARD_INVALID_ARGUMENT, "repeats has %u elements, the input rank %d", r->n,
            x->rank);
    for (int i = 0; i < x->rank; i++) c->out[0].dim[i] = dim_mul(c->mod, x->dim[i], r->v[i]);
    return SARD_OK;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0);
    int64_t repeat[MAX_RANK];
    int n;
    TRY(read_ints(op_in(c, 1), "repeats", repeat, MAX_RANK, &n, err));
    FAIL_IF(n != x->rank, err, SARD_INVALID_ARGUMENT, "repeats has %d elements, the input rank %d", n, x->rank);
    shape s = shape_of(x);
    for (int i = 0; i < n; i++) {
        FAIL_IF(repeat[i] < 0, err, SARD_INVALID_ARGUMENT, "repeats[%d] is %lld", i, (long long)repeat[i]);
        FAIL_IF(mul_i64(s.dim[i], repeat[i], &s.dim[i]), err, SARD_INVALID_ARGUMENT, "axis %d grows beyond 2^63", i);
    }
    tensor *y;
    TRY(op_out(c, 0, (sard_dtype)x->dtype, &s, &y, err));
    if (tensor_count(y) == 0) return SARD_OK;
    move_box b = {0};
    for (int i = 0; i < n; i++) { /* axes that are not repeated (or of extent 1) take one place, the others two */
        if (repeat[i] != 1 && x->dim[i] != 1) {
            FAIL_IF(b.rank + 2 > MOVE_MAX_RANK, err, SARD_UNSUPPORTED, "Tile along more than %d axes of rank %d",
                    MOVE_MAX_RANK - x->rank, x->rank);
            b.dim[b.rank] = repeat[i], b.dst[b.rank] = y->stride[i] * x->dim[i], b.rank++;
            b.dim[b.rank] = x->dim[i], b.src[b.rank] = x->stride[i], b.dst[b.rank] = y->stride[i], b.rank++;
        } else {
            b.dim[b.rank] = s.dim[i], b.src[b.rank] = x->dim[i] == 1 ? 0 : x->stride[i], b.dst[b.rank] = y->stride[i];
            b.rank++;
        }
    }
    return move_copy(&b, (size_t)dtype_bits(x->dtype) / 8, tensor_data(x), tensor_data(y), op_par(c), err);
}

const op_def op_tile = {
    .domain = "",
    .name = "Tile",
    .doc = "repeats a tensor along its axes",
    OP_SINCE(1, 6, 13),
    OP_IN(tile_in),
    OP_OUT(tile_out),
    .flags = OP_STRIDED,
    .upgrade = upgrade,
    .infer = infer,
    .run = run,
};
