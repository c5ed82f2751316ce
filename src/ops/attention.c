/*
 * Attention -- softmax(Q K' * scale + bias) V per head, with caches, masks, windows, soft caps and groups of query heads
 * that share keys and values.
 *
 *   24: nonpad_kv_seqlen    25: windows
 *
 * Composed. Query heads of a group are rows of one product with their keys, so keys and values are never repeated. What
 * may not be seen gets a bias of -inf; a row that may see nothing is 0. Inside everything is in float (double), rounded
 * once.
 */
#include <math.h>

#include "ops/common.h"

enum { CAUSAL, KV_HEADS, LEFT, Q_HEADS, MODE, RIGHT, SCALE, SOFTCAP, PRECISION };
enum { Q, K, V, MASK, PAST_KEY, PAST_VALUE, VALID };
enum { Y, PRESENT_KEY, PRESENT_VALUE, SCORES };
static const attr_def attention_attrs[] = {
    ATTR_I("is_causal", 0),
    ATTR_OPT("kv_num_heads", ATTR_INT),
    ATTR_I("left_window_size", -1),
    ATTR_OPT("q_num_heads", ATTR_INT),
    ATTR_I("qk_matmul_output_mode", 0),
    ATTR_I("right_window_size", -1),
    ATTR_OPT("scale", ATTR_FLOAT),
    ATTR_F("softcap", 0.0f),
    ATTR_OPT("softmax_precision", ATTR_INT),
};
static const formal attention_in[] = {
    {.name = "Q", .var = "T1", .types = DT_FLOAT},
    {.name = "K", .var = "T1", .types = DT_FLOAT},
    {.name = "V", .var = "T2", .types = DT_FLOAT},
    {.name = "attn_mask", .var = "U", .types = DT_NUMBER | DT_BOOL, .flags = F_OPTIONAL},
    {.name = "past_key", .var = "T1", .types = DT_FLOAT, .flags = F_OPTIONAL},
    {.name = "past_value", .var = "T2", .types = DT_FLOAT, .flags = F_OPTIONAL},
    {.name = "nonpad_kv_seqlen", .types = DT(SARD_I64), .flags = F_OPTIONAL},
};
static const formal attention_out[] = {
    {.name = "Y", .var = "T1", .types = DT_FLOAT},
    {.name = "present_key", .var = "T1", .types = DT_FLOAT, .flags = F_OPTIONAL},
    {.name = "present_value", .var = "T2", .types = DT_FLOAT, .flags = F_OPTIONAL},
    {.name = "qk_matmul_output", .var = "T1", .types = DT_FLOAT, .flags = F_OPTIONAL},
};

/* ---- shapes -------------------------------------------------------------------------------------------------------- */

static sard_status check(const attr *a, const vtype *const *in, uint32_t n_in, sard_error *err) {
    int rank = in[Q]->rank;
    bool past = n_in > PAST_KEY && in[PAST_KEY], past_v = n_in > PAST_VALUE && in[PAST_VALUE];
    FAIL_IF(rank >= 0 && rank != 3 && rank != 4, err, SARD_INVALID_ARGUMENT, "Q has rank %d; 3 or 4 is needed", rank);
    for (int i = K; i <= V; i++)
        FAIL_IF(rank >= 0 && in[i]->rank >= 0 && in[i]->rank != rank, err, SARD_INVALID_ARGUMENT,
                "Q has rank %d, input %d has %d", rank, i, in[i]->rank);
    FAIL_IF(rank == 3 && (a[Q_HEADS].type == ATTR_NONE || a[KV_HEADS].type == ATTR_NONE), err, SARD_INVALID_MODEL,
            "inputs of rank 3 need q_num_heads and kv_num_heads");
    for (int i = KV_HEADS; i <= Q_HEADS; i += Q_HEADS - KV_HEADS)
        FAIL_IF(a[i].type != ATTR_NONE && (a[i].i < 1 || a[i].i > INT32_MAX), err, SARD_INVALID_MODEL,
                "the number of heads is %lld", (long long)a[i].i);
    FAIL_IF(past != past_v, err, SARD_INVALID_MODEL, "past_key and past_value must be given together");
    FAIL_IF(past && n_in > VALID && in[VALID], err, SARD_INVALID_MODEL,
            "nonpad_kv_seqlen cannot be used together with past_key");
    FAIL_IF(a[LEFT].i < -1 || a[RIGHT].i < -1, err, SARD_INVALID_MODEL, "a window of %lld and %lld",
            (long long)a[LEFT].i, (long long)a[RIGHT].i);
    FAIL_IF(a[MODE].i < 0 || a[MODE].i > 3, err, SARD_INVALID_MODEL, "attribute 'qk_matmul_output_mode' is %lld",
            (long long)a[MODE].i);
    int64_t p = a[PRECISION].type == ATTR_NONE ? SARD_F32 : a[PRECISION].i;
    FAIL_IF(p != SARD_F32 && p != SARD_F64 && p != SARD_F16 && p != SARD_BF16, err, SARD_INVALID_MODEL,
            "attribute 'softmax_precision' is %lld", (long long)p);
    return SARD_OK;
}

typedef struct extents {
    int64_t batch, q_heads, kv_heads, q, kv, total, head, v_head;
} extents;

static extents measure(infer_ctx *c) {
    extents e;
    int64_t *all = &e.batch;
    for (size_t i = 0; i < sizeof e / sizeof *all; i++) all[i] = DIM_UNKNOWN;
    const vtype *q = c->in[Q], *k = c->in[K], *v = c->in[V];
    int64_t qh = infer_attr(c, Q_HEADS)->i, kh = infer_attr(c, KV_HEADS)->i;
    if (q->rank == 4) e.batch = q->dim[0], e.q_heads = q->dim[1], e.q = q->dim[2], e.head = q->dim[3];
    if (k->rank == 4) e.kv_heads = k->dim[1], e.kv = k->dim[2];
    if (v->rank == 4) e.v_head = v->dim[3];
    if (q->rank == 3) e.batch = q->dim[0], e.q_heads = qh, e.q = q->dim[1], e.head = dim_div(c->mod, q->dim[2], qh);
    if (k->rank == 3) e.kv_heads = kh, e.kv = k->dim[1];
    if (v->rank == 3) e.v_head = dim_div(c->mod, v->dim[2], kh);
    e.total = e.kv;
    if (infer_has(c, PAST_KEY))
        e.total = c->in[PAST_KEY]->rank == 4 ? dim_add(c->mod, c->in[PAST_KEY]->dim[2], e.kv) : DIM_UNKNOWN;
    return e;
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    const vtype *q = c->in[Q];
    sard_dtype t = (sard_dtype)q->dtype, tv = (sard_dtype)c->in[V]->dtype;
    TRY(check(c->node->attrs, c->in, c->n_in, err));
    extents e = measure(c);
    int64_t k;
    FAIL_IF(dim_known(e.q_heads) && dim_known(e.kv_heads) && (e.kv_heads == 0 || e.q_heads % e.kv_heads), err,
            SARD_INVALID_ARGUMENT, "%lld query heads cannot share %lld heads of keys", (long long)e.q_heads,
            (long long)e.kv_heads);
    if (c->in[K]->rank == 4 && q->rank == 4)
        FAIL_IF(!dim_merge(q->dim[3], c->in[K]->dim[3], &k), err, SARD_INVALID_ARGUMENT,
                "heads of Q have %lld elements, of K %lld", (long long)q->dim[3], (long long)c->in[K]->dim[3]);
    int64_t four[] = {e.batch, e.q_heads, e.q, e.v_head};
    int64_t three[] = {e.batch, e.q, dim_mul(c->mod, e.q_heads, e.v_head)};
    c->out[Y] = q->rank < 0 ? type_tensor(t, -1, NULL) : type_tensor(t, q->rank, q->rank == 3 ? three : four);
    if (c->n_out > PRESENT_KEY)
        c->out[PRESENT_KEY] = type_tensor(t, 4, (int64_t[]){e.batch, e.kv_heads, e.total, e.head});
    if (c->n_out > PRESENT_VALUE)
        c->out[PRESENT_VALUE] = type_tensor(tv, 4, (int64_t[]){e.batch, e.kv_heads, e.total, e.v_head});
    if (c->n_out > SCORES) c->out[SCORES] = type_tensor(t, 4, (int64_t[]){e.batch, e.q_heads, e.q, e.total});
    return SARD_OK;
}

/* ---- lowering ------------------------------------------------------------------------------------------------------ */

/* Dimension i of x as int64 [1]. */
static value_id dim_of(builder *b, value_id x, int64_t i) {
    const attr_arg cut[] = {ARG_I("start", i), ARG_I("end", i + 1)};
    return build_op(b, "Shape", &x, 1, cut, 2);
}

static value_id joined(builder *b, const value_id *v, uint32_t n, int64_t axis) {
    const attr_arg along[] = {ARG_I("axis", axis)};
    return n == 1 ? v[0] : build_op(b, "Concat", v, n, along, 1);
}

/* [batch, heads, sequence, head] */
static value_id by_heads(builder *b, value_id x, int rank, int64_t heads) {
    const int64_t swap[] = {0, 2, 1, 3};
    const attr_arg perm[] = {ARG_INTS("perm", swap, 4)};
    if (rank == 4) return x;
    x = build_reshape(b, x, (int64_t[]){0, 0, heads, -1}, 4);
    return build_op(b, "Transpose", &x, 1, perm, 1);
}

static value_id one(builder *b, int64_t v) { return build_i64s(b, &v, 1); }

typedef struct sight {             /* what is needed to say who sees whom */
    value_id q_len, total, offset; /* int64 [1], [1], and [1] or [batch, 1, 1, 1] */
    value_id valid;                /* [batch, 1, 1, 1]; NO_ID: all keys */
} sight;

static value_id range(builder *b, value_id n, const int64_t *dims, size_t rank) {
    const value_id scalar[] = {build_i64(b, 0), build_reshape(b, n, NULL, 0), build_i64(b, 1)};
    return build_reshape(b, build_op(b, "Range", scalar, 3, NULL, 0), dims, rank);
}

static value_id both(builder *b, value_id x, value_id y) { return x == NO_ID ? y : build_2(b, "And", x, y); }

/* bool, broadcastable to [batch, heads, q, total]; NO_ID: everything is seen. */
static value_id visible(lower_ctx *c, const sight *s) {
    builder *b = &c->b;
    const attr *a = c->node->attrs;
    bool causal = a[CAUSAL].i != 0, window = a[LEFT].i >= 0 || a[RIGHT].i >= 0;
    value_id seen = NO_ID, j = NO_ID;
    if (causal || window || s->valid != NO_ID) j = range(b, s->total, (int64_t[]){1, -1}, 2);
    if (causal || window) {
        value_id p = build_2(b, "Add", range(b, s->q_len, (int64_t[]){-1, 1}, 2), s->offset);
        if (causal) seen = build_2(b, "LessOrEqual", j, p);
        if (a[LEFT].i >= 0)
            seen = both(b, seen, build_2(b, "GreaterOrEqual", j, build_2(b, "Sub", p, one(b, a[LEFT].i))));
        if (a[RIGHT].i >= 0)
            seen = both(b, seen, build_2(b, "LessOrEqual", j, build_2(b, "Add", p, one(b, a[RIGHT].i))));
    }
    return s->valid != NO_ID ? both(b, seen, build_2(b, "Less", j, s->valid)) : seen;
}

/* The mask as something to add, as long as the keys. */
static value_id mask_bias(lower_ctx *c, sard_dtype t, const sight *s) {
    builder *b = &c->b;
    value_id m = node_in(b->g, c->node, MASK), none = build_scalar(b, t, -(double)INFINITY);
    const vtype type = *c->in[MASK];
    if (type.dtype == SARD_BOOL) {
        const value_id in[] = {m, build_scalar(b, t, 0), none};
        m = build_op(b, "Where", in, 3, NULL, 0);
    }
    m = build_cast(b, m, t);
    const known *all = &b->g->values[s->total].ints;
    if (all->v && all->n == 1 && all->v[0] != DIM_UNKNOWN && all->v[0] == type.dim[type.rank - 1]) return m;
    value_id more = build_2(b, "Sub", s->total, dim_of(b, m, type.rank - 1));
    const value_id pads[] = {one(b, 0), build_2(b, "Max", more, one(b, 0))};
    const value_id in[] = {m, joined(b, pads, 2, 0), none, build_i64s(b, (int64_t[]){-1}, 1)};
    return build_op(b, "Pad", in, 4, NULL, 0);
}

/* What is added to the scores; NO_ID: nothing. */
static value_id bias_of(lower_ctx *c, sard_dtype t, const sight *s) {
    builder *b = &c->b;
    value_id bias = node_in(b->g, c->node, MASK) != NO_ID ? mask_bias(c, t, s) : NO_ID, seen = visible(c, s);
    if (seen == NO_ID) return bias;
    const value_id in[] = {seen, bias != NO_ID ? bias : build_scalar(b, t, 0), build_scalar(b, t, -(double)INFINITY)};
    return build_op(b, "Where", in, 3, NULL, 0);
}

/* Softmax of the scores, in the precision asked for; rows that see nothing are 0. */
static value_id probabilities(lower_ctx *c, sard_dtype type, sard_dtype t, value_id scores, value_id bias) {
    builder *b = &c->b;
    const attr *p = &c->node->attrs[PRECISION];
    sard_dtype in = p->type == ATTR_NONE ? t : (sard_dtype)p->i;
    if (in == SARD_F32 || type == SARD_F16 || type == SARD_BF16) in = in == SARD_F64 ? in : t;
    value_id y = build_cast(b, build_1(b, "Softmax", build_cast(b, scores, in)), t);
    if (bias == NO_ID) return y;
    const value_id most[] = {bias, build_i64s(b, (int64_t[]){-1}, 1)};
    value_id blind =
        build_2(b, "Equal", build_op(b, "ReduceMax", most, 2, NULL, 0), build_scalar(b, t, -(double)INFINITY));
    const value_id guarded[] = {blind, build_scalar(b, t, 0), y};
    return build_op(b, "Where", guarded, 3, NULL, 0);
}

typedef struct parts {
    value_id q, k, v; /* by heads, in the wide type; k and v with what is in the cache */
    int64_t q_heads, kv_heads;
    value_id batch, q_len, total, q_head, v_head; /* int64 [1] */
} parts;

/* x [batch, q heads, q, n] as [batch, kv heads, group * q, n], and back. */
static value_id grouped(builder *b, const parts *p, value_id x, value_id n, bool back) {
    if (p->q_heads == p->kv_heads) return x;
    const value_id dims[] = {p->batch, one(b, back ? p->q_heads : p->kv_heads),
                             back ? p->q_len : build_2(b, "Mul", p->q_len, one(b, p->q_heads / p->kv_heads)), n};
    return build_2(b, "Reshape", x, joined(b, dims, 4, 0));
}

static value_id with_past(lower_ctx *c, uint32_t past, value_id fresh) {
    const value_id in[] = {node_in(c->b.g, c->node, past), fresh};
    return in[0] == NO_ID ? fresh : joined(&c->b, in, 2, 2);
}

/* Inputs by heads; present keys and values become outputs. */
static sard_status gather(lower_ctx *c, sard_dtype t, parts *p, sard_error *err) {
    builder *b = &c->b;
    const attr *a = c->node->attrs;
    int rank = c->in[Q]->rank;
    FAIL_IF(rank < 0, err, SARD_UNSUPPORTED, "Attention of inputs whose rank is not known");
    p->q_heads = rank == 3 ? a[Q_HEADS].i : c->in[Q]->dim[1];
    p->kv_heads = rank == 3 ? a[KV_HEADS].i : c->in[K]->rank == 4 ? c->in[K]->dim[1] : DIM_UNKNOWN;
    FAIL_IF(p->q_heads != p->kv_heads && (!dim_known(p->q_heads) || !dim_known(p->kv_heads)), err, SARD_UNSUPPORTED,
            "Attention whose numbers of heads are not known");
    FAIL_IF(c->n_in > MASK && c->in[MASK] && c->in[MASK]->rank < 1, err, SARD_UNSUPPORTED,
            "Attention with a mask of rank %d", c->in[MASK]->rank);
    value_id q = by_heads(b, node_in(b->g, c->node, Q), rank, a[Q_HEADS].i);
    value_id k = with_past(c, PAST_KEY, by_heads(b, node_in(b->g, c->node, K), rank, a[KV_HEADS].i));
    value_id v = with_past(c, PAST_VALUE, by_heads(b, node_in(b->g, c->node, V), rank, a[KV_HEADS].i));
    if (c->n_out > PRESENT_KEY && c->wanted[PRESENT_KEY]) c->out[PRESENT_KEY] = k;
    if (c->n_out > PRESENT_VALUE && c->wanted[PRESENT_VALUE]) c->out[PRESENT_VALUE] = v;
    p->q = build_cast(b, q, t), p->k = build_cast(b, k, t), p->v = build_cast(b, v, t);
    p->batch = dim_of(b, q, 0), p->q_len = dim_of(b, q, 2), p->q_head = dim_of(b, q, 3);
    p->total = dim_of(b, k, 2), p->v_head = dim_of(b, v, 3);
    return builder_result(b);
}

static sight sight_of(lower_ctx *c, const parts *p) {
    builder *b = &c->b;
    value_id past = node_in(b->g, c->node, PAST_KEY), valid = node_in(b->g, c->node, VALID);
    sight s = {p->q_len, p->total, NO_ID, NO_ID};
    if (valid != NO_ID) s.valid = build_reshape(b, valid, (int64_t[]){-1, 1, 1, 1}, 4);
    s.offset = past != NO_ID ? dim_of(b, past, 2) : valid != NO_ID ? build_2(b, "Sub", s.valid, p->q_len) : one(b, 0);
    return s;
}

/* Q * scale; the default is 1 / sqrt(head size). */
static value_id scaled(lower_ctx *c, sard_dtype t, const parts *p) {
    builder *b = &c->b;
    const attr *a = &c->node->attrs[SCALE];
    if (a->type != ATTR_NONE) return build_2(b, "Mul", p->q, build_scalar(b, t, (double)a->f));
    value_id root = build_1(b, "Sqrt", build_cast(b, build_reshape(b, p->q_head, NULL, 0), t));
    return build_2(b, "Mul", p->q, build_2(b, "Div", build_scalar(b, t, 1), root));
}

static sard_status lower(lower_ctx *c, sard_error *err) {
    builder *b = &c->b;
    const attr *a = c->node->attrs;
    const int64_t turn[] = {0, 1, 3, 2}, swap[] = {0, 2, 1, 3};
    const attr_arg turned[] = {ARG_INTS("perm", turn, 4)}, swapped[] = {ARG_INTS("perm", swap, 4)};
    sard_dtype type = (sard_dtype)c->in[Q]->dtype, t = pw_wide(type);
    parts p;
    TRY(gather(c, t, &p, err));
    sight s = sight_of(c, &p);
    value_id bias = bias_of(c, t, &s), kept[4];
    value_id q = grouped(b, &p, scaled(c, t, &p), p.q_head, false);
    value_id scores = build_2(b, "MatMul", q, build_op(b, "Transpose", &p.k, 1, turned, 1));
    kept[0] = scores = grouped(b, &p, scores, p.total, true);
    if (a[SOFTCAP].f != 0) {
        value_id cap = build_scalar(b, t, (double)a[SOFTCAP].f);
        scores = build_2(b, "Mul", cap, build_1(b, "Tanh", build_2(b, "Div", scores, cap)));
    }
    kept[1] = scores;
    if (bias != NO_ID) scores = build_2(b, "Add", scores, bias);
    kept[2] = scores;
    kept[3] = scores = probabilities(c, type, t, scores, bias);
    if (c->n_out > SCORES && c->wanted[SCORES]) c->out[SCORES] = build_cast(b, kept[a[MODE].i], type);
    value_id y = build_2(b, "MatMul", grouped(b, &p, scores, p.total, false), p.v);
    y = grouped(b, &p, y, p.v_head, true);
    if (c->in[Q]->rank == 3) {
        y = build_op(b, "Transpose", &y, 1, swapped, 1);
        y = build_reshape(b, y, (int64_t[]){0, 0, -1}, 3);
    }
    c->out[Y] = build_cast(b, y, type);
    return builder_result(b);
}

const op_def op_attention = {
    .domain = "",
    .name = "Attention",
    .doc = "softmax(Q K' * scale + bias) V per head",
    OP_SINCE(23, 24, 25),
    OP_ATTRS(attention_attrs),
    OP_IN(attention_in),
    OP_OUT(attention_out),
    .infer = infer,
    .lower = lower,
};
