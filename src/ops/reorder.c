/*
 * sard.Reorder -- a copy into the other memory layout (row-major or channels-last); the values are the same, so it is an
 * identity to everything but memory. The layout pass inserts it, the writer drops it.
 */
#include "kernels/move/move.h"
#include "ops/common.h"

static const formal reorder_in[] = {{.name = "X", .var = "T", .types = DT_ALL}};
static const formal reorder_out[] = {{.name = "Y", .var = "T", .types = DT_ALL}};

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0);
    shape s = shape_of(x);
    tensor *y;
    TRY(op_out(c, 0, (sard_dtype)x->dtype, &s, &y, err));
    move_box b = {.rank = s.rank};
    memcpy(b.dim, s.dim, sizeof b.dim);
    memcpy(b.src, x->stride, sizeof b.src);
    memcpy(b.dst, y->stride, sizeof b.dst);
    return move_copy(&b, (size_t)dtype_bits(x->dtype) / 8, tensor_data(x), tensor_data(y), op_par(c), err);
}

const op_def op_sard_reorder = {
    .domain = "sard",
    .name = "Reorder",
    .doc = "a copy into the other memory layout",
    OP_SINCE(1),
    OP_IN(reorder_in),
    OP_OUT(reorder_out),
    .flags = OP_INTERNAL | OP_STRIDED | OP_LAST,
    .infer = infer_same,
    .run = run,
};
