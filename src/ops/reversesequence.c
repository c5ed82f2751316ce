/*
 * ReverseSequence -- the first sequence_lens[b] steps of each batch element in reverse, the rest as they are.
 */
#include "ops/index.h"

enum { BATCH, TIME };
#define TYPES (DT_NUMBER | DT_COMPLEX | DT_BOOL | DT_STRING)
static const attr_def reverse_attrs[] = {ATTR_I("batch_axis", 1), ATTR_I("time_axis", 0)};
static const formal reverse_in[] = {{.name = "input", .var = "T", .types = TYPES},
                                    {.name = "sequence_lens", .types = DT(SARD_I64)}};
static const formal reverse_out[] = {{.name = "Y", .var = "T", .types = TYPES}};

static sard_status check(const attr *attrs, int rank, sard_error *err) {
    int64_t b = attrs[BATCH].i, t = attrs[TIME].i;
    FAIL_IF(!((b == 0 && t == 1) || (b == 1 && t == 0)), err, SARD_INVALID_MODEL,
            "batch_axis is %lld and time_axis %lld; they must be 0 and 1", (long long)b, (long long)t);
    FAIL_IF(rank >= 0 && rank < 2, err, SARD_INVALID_ARGUMENT, "the input has rank %d; 2 is the least", rank);
    return SARD_OK;
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    TRY(check(c->node->attrs, c->in[0]->rank, err));
    return infer_same(c, err);
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0), *lens = op_in(c, 1);
    TRY(check(op_node(c)->attrs, x->rank, err));
    int ta = (int)op_attr(c, TIME)->i;
    shape s = shape_of(x);
    tensor *y;
    FAIL_IF(lens->rank != 1 || lens->dim[0] != x->dim[1 - ta], err, SARD_INVALID_ARGUMENT,
            "sequence_lens must have %lld elements", (long long)x->dim[1 - ta]);
    TRY(op_out(c, 0, (sard_dtype)x->dtype, &s, &y, err));
    size_t slice = (size_t)dims_count(x->dim + 2, x->rank - 2) * element_size(x);
    for (int64_t i = 0; i < x->dim[0] * x->dim[1]; i++) {
        int64_t at[2] = {i / x->dim[1], i % x->dim[1]}, n = TENSOR_AT(lens, int64_t)[at[1 - ta]];
        FAIL_IF(n < 0 || n > x->dim[ta], err, SARD_INVALID_ARGUMENT,
                "sequence_lens[%lld] is %lld; there are %lld steps", (long long)at[1 - ta], (long long)n,
                (long long)x->dim[ta]);
        if (at[ta] < n) at[ta] = n - 1 - at[ta];
        if (slice)
            memcpy(TENSOR_AT(y, char) + (size_t)i * slice,
                   TENSOR_AT(x, char) + (size_t)(at[0] * x->dim[1] + at[1]) * slice, slice);
    }
    return SARD_OK;
}

const op_def op_reversesequence = {
    .domain = "",
    .name = "ReverseSequence",
    .doc = "each sequence of a batch in reverse",
    OP_SINCE(10, 28),
    OP_ATTRS(reverse_attrs),
    OP_IN(reverse_in),
    OP_OUT(reverse_out),
    .infer = infer,
    .run = run,
};
