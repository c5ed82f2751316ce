/*
 * PRelu -- x < 0 ? slope * x : x, slope broadcast to x (one way).
 *
 *   7: one-way broadcasting (before: slope of one element or one per channel, axis 1)
 */
#include "ops/common.h"

#define TYPES (DT_FLOAT | DT(SARD_I32) | DT(SARD_I64) | DT(SARD_U32) | DT(SARD_U64))
static const formal prelu_in[] = {{.name = "X", .var = "T", .types = TYPES},
                                  {.name = "slope", .var = "T", .types = TYPES}};
static const formal prelu_out[] = {{.name = "Y", .var = "T", .types = TYPES}};

/* A slope per channel [C] becomes [C, 1, ...], so that it stands against axis 1. */
static sard_status upgrade(draft *d, int since, sard_error *err) {
    (void)err;
    if (since >= 7) return SARD_OK;
    const vtype *x = draft_in_type(d, 0), *slope = draft_in_type(d, 1);
    if (slope->rank != 1 || x->rank < 3 || slope->dim[0] == 1) return SARD_OK;
    int64_t dims[MAX_RANK];
    for (int i = 0; i < x->rank - 1; i++) dims[i] = i ? 1 : -1;
    return draft_set_in(d, 1, build_reshape(&d->b, d->in[1], dims, (size_t)x->rank - 1));
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    vtype both;
    TRY(infer_broadcast(c, err));
    both = c->out[0];
    TRY(infer_same(c, err));
    for (int i = 0; both.rank >= 0 && c->in[0]->rank >= 0 && i < both.rank; i++)
        FAIL_IF(both.rank != c->in[0]->rank ||
                    (dim_known(both.dim[i]) && dim_known(c->in[0]->dim[i]) && both.dim[i] != c->in[0]->dim[i]),
                err, SARD_INVALID_MODEL, "slope is larger than X; it must broadcast to X's shape");
    return SARD_OK;
}

static sard_status emit(const op_prep *p, pw_builder *b, const pw_val *in, pw_val *out, sard_error *err) {
    (void)err;
    out[0] = pw_prelu(b, (sard_dtype)p->out[0].dtype, in[0], in[1]);
    return SARD_OK;
}

const op_def op_prelu = {
    .domain = "",
    .name = "PRelu",
    .doc = "x < 0 ? slope x : x",
    OP_SINCE(1, 6, 7, 9, 16),
    OP_IN(prelu_in),
    OP_OUT(prelu_out),
    .flags = OP_INPLACE0,
    .upgrade = upgrade,
    .infer = infer,
    .emit = emit,
};
