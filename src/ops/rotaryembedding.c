/*
 * RotaryEmbedding -- pairs of elements of each head turned by an angle that depends on the position; composed.
 *
 * X is [batch, heads, sequence, head] or [batch, sequence, heads * head]; the caches are picked by position_ids, or are
 * [batch, sequence, half] already. Pairs are element i of both halves, or (interleaved) neighbours.
 */
#include "ops/common.h"

enum { INTERLEAVED, HEADS, ROTARY_DIM };
enum { X, COS, SIN, POSITIONS };
static const attr_def rotary_attrs[] = {ATTR_I("interleaved", 0), ATTR_I("num_heads", 0),
                                        ATTR_I("rotary_embedding_dim", 0)};
static const formal rotary_in[] = {
    {.name = "X", .var = "T", .types = DT_FLOAT},
    {.name = "cos_cache", .var = "T", .types = DT_FLOAT},
    {.name = "sin_cache", .var = "T", .types = DT_FLOAT},
    {.name = "position_ids", .var = "M", .types = DT(SARD_I64), .flags = F_OPTIONAL},
};
static const formal rotary_out[] = {{.name = "Y", .var = "T", .types = DT_FLOAT}};

static sard_status infer(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[X];
    int64_t heads = infer_attr(c, HEADS)->i, dim = infer_attr(c, ROTARY_DIM)->i;
    FAIL_IF(x->rank >= 0 && x->rank != 3 && x->rank != 4, err, SARD_INVALID_ARGUMENT, "X has rank %d; 3 or 4 is needed",
            x->rank);
    FAIL_IF(heads < 0 || (x->rank == 3 && heads == 0), err, SARD_INVALID_MODEL,
            "attribute 'num_heads' is %lld; an input of rank 3 needs it", (long long)heads);
    FAIL_IF(dim < 0 || dim % 2, err, SARD_INVALID_MODEL, "attribute 'rotary_embedding_dim' is %lld", (long long)dim);
    return infer_same(c, err);
}

static value_id part(builder *b, value_id x, int64_t from, int64_t to, int64_t step) {
    const value_id in[] = {x, build_i64s(b, &from, 1), build_i64s(b, &to, 1), build_i64s(b, (int64_t[]){-1}, 1),
                           build_i64s(b, &step, 1)};
    return build_op(b, "Slice", in, 5, NULL, 0);
}

/* [batch, sequence, half], with an axis of 1 where X has its heads. */
static value_id factors(lower_ctx *c, sard_dtype t, uint32_t which, int64_t heads_axis) {
    builder *b = &c->b;
    value_id v = node_in(b->g, c->node, which), at = node_in(b->g, c->node, POSITIONS);
    if (at != NO_ID) v = build_2(b, "Gather", v, at);
    return build_cast(b, build_2(b, "Unsqueeze", v, build_i64s(b, &heads_axis, 1)), t);
}

static sard_status lower(lower_ctx *c, sard_error *err) {
    builder *b = &c->b;
    const attr *a = c->node->attrs;
    int rank = c->in[X]->rank;
    sard_dtype type = (sard_dtype)c->in[X]->dtype, t = pw_wide(type);
    FAIL_IF(rank < 0, err, SARD_UNSUPPORTED, "RotaryEmbedding of an input whose rank is not known");
    value_id whole = build_cast(b, node_in(b->g, c->node, X), t), x = whole, pair[2] = {NO_ID, NO_ID};
    if (rank == 3) x = build_reshape(b, x, (int64_t[]){0, 0, a[HEADS].i, -1}, 4);
    value_id cos = factors(c, t, COS, rank == 3 ? 2 : 1), sin = factors(c, t, SIN, rank == 3 ? 2 : 1), rest = NO_ID;
    if (a[ROTARY_DIM].i > 0) {
        rest = part(b, x, a[ROTARY_DIM].i, INT64_MAX, 1);
        x = part(b, x, 0, a[ROTARY_DIM].i, 1);
    }
    const attr_arg halves[] = {ARG_I("axis", -1), ARG_I("num_outputs", 2)}, last[] = {ARG_I("axis", -1)};
    if (a[INTERLEAVED].i)
        pair[0] = part(b, x, 0, INT64_MAX, 2), pair[1] = part(b, x, 1, INT64_MAX, 2);
    else
        TRY(build_node(b, "Split", &x, 1, pair, 2, halves, 2));
    value_id turned[3] = {build_2(b, "Sub", build_2(b, "Mul", cos, pair[0]), build_2(b, "Mul", sin, pair[1])),
                          build_2(b, "Add", build_2(b, "Mul", sin, pair[0]), build_2(b, "Mul", cos, pair[1])), rest};
    if (a[INTERLEAVED].i) {
        const value_id behind = build_i64s(b, (int64_t[]){-1}, 1);
        for (int i = 0; i < 2; i++) turned[i] = build_2(b, "Unsqueeze", turned[i], behind);
        value_id y = build_op(b, "Concat", turned, 2, last, 1);
        turned[0] = build_reshape(b, y, (int64_t[]){0, 0, 0, -1}, 4);
        turned[1] = rest;
    }
    uint32_t n = (a[INTERLEAVED].i ? 1 : 2) + (rest != NO_ID);
    value_id y = n == 1 ? turned[0] : build_op(b, "Concat", turned, n, last, 1);
    if (rank == 3) y = build_2(b, "Reshape", y, build_1(b, "Shape", whole));
    c->out[0] = build_cast(b, y, type);
    return builder_result(b);
}

const op_def op_rotaryembedding = {
    .domain = "",
    .name = "RotaryEmbedding",
    .doc = "positions as rotations of pairs of elements",
    OP_SINCE(23),
    OP_ATTRS(rotary_attrs),
    OP_IN(rotary_in),
    OP_OUT(rotary_out),
    .infer = infer,
    .lower = lower,
};
