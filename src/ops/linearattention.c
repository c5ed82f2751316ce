/*
 * LinearAttention -- a state per head that each token decays, corrects, adds its key and value to and reads by its query.
 *
 * Tokens one after the other, heads side by side; in float, rounded once on leaving. chunk_size is a hint to others.
 */
#include "kernels/pointwise/math64.h"
#include "ops/index.h"
#include "ops/product.h"

enum { CHUNK, KV_HEADS, Q_HEADS, SCALE, RULE };
enum { Q, K, V, PAST, DECAY, BETA };
enum { LINEAR, GATED, DELTA, GATED_DELTA }; /* bit 0: decays, bit 1: corrects */
static const attr_def linear_attrs[] = {
    ATTR_I("chunk_size", 64), ATTR_REQ("kv_num_heads", ATTR_INT),   ATTR_REQ("q_num_heads", ATTR_INT),
    ATTR_F("scale", 0.0f),    ATTR_S("update_rule", "gated_delta"),
};
#define TYPES (DT(SARD_F32) | DT(SARD_F16) | DT(SARD_BF16))
static const formal linear_in[] = {
    {.name = "query", .var = "T", .types = TYPES},
    {.name = "key", .var = "T", .types = TYPES},
    {.name = "value", .var = "T", .types = TYPES},
    {.name = "past_state", .var = "S", .types = TYPES, .flags = F_OPTIONAL},
    {.name = "decay", .var = "T", .types = TYPES, .flags = F_OPTIONAL},
    {.name = "beta", .var = "T", .types = TYPES, .flags = F_OPTIONAL},
};
static const formal linear_out[] = {{.name = "output", .var = "T", .types = TYPES},
                                    {.name = "present_state", .var = "S", .types = TYPES, .flags = F_OPTIONAL}};

static sard_status settings(const attr *a, bool decay, bool beta, int *rule, sard_error *err) {
    static const char *const words[] = {"linear", "gated", "delta", "gated_delta"};
    TRY(attr_word(&a[RULE], "update_rule", words, 4, rule, err));
    FAIL_IF(a[KV_HEADS].i < 1 || a[Q_HEADS].i < 1 || a[Q_HEADS].i % a[KV_HEADS].i || a[Q_HEADS].i > INT32_MAX, err,
            SARD_INVALID_MODEL, "%lld query heads cannot share %lld heads of keys", (long long)a[Q_HEADS].i,
            (long long)a[KV_HEADS].i);
    FAIL_IF(decay != ((*rule & 1) != 0), err, SARD_INVALID_MODEL, "update_rule \"%s\" %s the input decay", words[*rule],
            decay ? "does not take" : "needs");
    FAIL_IF(beta != ((*rule & 2) != 0), err, SARD_INVALID_MODEL, "update_rule \"%s\" %s the input beta", words[*rule],
            beta ? "does not take" : "needs");
    return SARD_OK;
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    const attr *a = c->node->attrs;
    const vtype *q = c->in[Q], *v = c->in[V], *past = infer_has(c, PAST) ? c->in[PAST] : NULL;
    int rule;
    TRY(settings(a, infer_has(c, DECAY), infer_has(c, BETA), &rule, err));
    for (int i = Q; i <= V; i++)
        FAIL_IF(c->in[i]->rank >= 0 && c->in[i]->rank != 3, err, SARD_INVALID_ARGUMENT,
                "input %d has rank %d; 3 is needed", i, c->in[i]->rank);
    int64_t batch = q->rank == 3 ? q->dim[0] : DIM_UNKNOWN, t = q->rank == 3 ? q->dim[1] : DIM_UNKNOWN;
    int64_t dk = q->rank == 3 ? dim_div(c->mod, q->dim[2], a[Q_HEADS].i) : DIM_UNKNOWN;
    int64_t dv = v->rank == 3 ? dim_div(c->mod, v->dim[2], a[KV_HEADS].i) : DIM_UNKNOWN;
    c->out[0] = type_tensor((sard_dtype)q->dtype, 3, (int64_t[]){batch, t, dim_mul(c->mod, dv, a[Q_HEADS].i)});
    if (c->n_out > 1)
        c->out[1] =
            type_tensor((sard_dtype)(past ? past->dtype : q->dtype), 4, (int64_t[]){batch, a[KV_HEADS].i, dk, dv});
    return SARD_OK;
}

typedef struct job {
    int rule;
    int64_t batch, steps, hq, hk, dk, dv, per_decay, per_beta; /* the last two: elements per token */
    float scale;
    const float *q, *k, *v, *decay, *beta;
    float *state, *y; /* [batch, hk, dk, dv], [batch, steps, hq * dv] */
    float *space;     /* dv per worker */
} job;

static void token(const job *j, int64_t b, int64_t h, int64_t t, float *s, float *v) {
    int64_t at = b * j->steps + t, group = j->hq / j->hk;
    const float *k = j->k + (at * j->hk + h) * j->dk;
    memcpy(v, j->v + (at * j->hk + h) * j->dv, (size_t)j->dv * sizeof *v);
    for (int64_t d = 0; j->rule & 1 && d < j->dk; d++) {
        float g = j->decay[at * j->per_decay + (j->per_decay == j->hk ? h : h * j->dk + d)];
        float e = (float)m64_exp((double)g);
        for (int64_t m = 0; m < j->dv; m++) s[d * j->dv + m] = s[d * j->dv + m] * e;
    }
    if (j->rule & 2) { /* v = beta * (v - S' k) */
        float beta = j->beta[at * j->per_beta + (j->per_beta == 1 ? 0 : h)];
        for (int64_t m = 0; m < j->dv; m++) {
            float sum = 0;
            for (int64_t d = 0; d < j->dk; d++) sum = sum + s[d * j->dv + m] * k[d];
            v[m] = beta * (v[m] - sum);
        }
    }
    for (int64_t d = 0; d < j->dk; d++)
        for (int64_t m = 0; m < j->dv; m++) s[d * j->dv + m] = s[d * j->dv + m] + k[d] * v[m];
    for (int64_t i = h * group; i < (h + 1) * group; i++) {
        const float *q = j->q + (at * j->hq + i) * j->dk;
        float *y = j->y + (at * j->hq + i) * j->dv;
        for (int64_t m = 0; m < j->dv; m++) y[m] = 0;
        for (int64_t d = 0; d < j->dk; d++)
            for (int64_t m = 0; m < j->dv; m++) y[m] = y[m] + q[d] * s[d * j->dv + m];
        for (int64_t m = 0; m < j->dv; m++) y[m] = j->scale * y[m];
    }
}

static sard_status heads(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    (void)err;
    const job *j = arg;
    for (int64_t i = from; i < to; i++)
        for (int64_t t = 0; t < j->steps; t++)
            token(j, i / j->hk, i % j->hk, t, j->state + i * j->dk * j->dv, j->space + worker * j->dv);
    return SARD_OK;
}

static sard_status floats(op_ctx *c, int64_t n, float **out, sard_error *err) {
    void *mem;
    TRY(op_scratch(c, (size_t)n * sizeof(float), &mem, err));
    *out = mem;
    return SARD_OK;
}

static sard_status widened(op_ctx *c, uint32_t i, const float **out, sard_error *err) {
    const tensor *t = op_in(c, i);
    float *mem;
    *out = t ? tensor_data(t) : NULL;
    if (!t || t->dtype == SARD_F32) return SARD_OK;
    TRY(floats(c, tensor_count(t), &mem, err));
    widen_f32(tensor_data(t), (sard_dtype)t->dtype, mem, tensor_count(t));
    *out = mem;
    return SARD_OK;
}

static sard_status check(op_ctx *c, uint32_t i, const char *name, int rank, const int64_t *want, sard_error *err) {
    const tensor *t = op_in(c, i);
    if (!t) return SARD_OK;
    shape s = {.rank = rank}, have = shape_of(t);
    memcpy(s.dim, want, (size_t)rank * sizeof *want);
    char a[96], b[96];
    FAIL_IF(!shape_eq(&s, &have), err, SARD_INVALID_ARGUMENT, "%s has shape %s; %s is needed", name,
            shape_text(&have, a, sizeof a), shape_text(&s, b, sizeof b));
    return SARD_OK;
}

static sard_status measure(op_ctx *c, job *j, sard_error *err) {
    const attr *a = op_node(c)->attrs;
    const tensor *q = op_in(c, Q), *v = op_in(c, V), *decay = op_in(c, DECAY), *beta = op_in(c, BETA);
    TRY(settings(a, decay != NULL, beta != NULL, &j->rule, err));
    j->hq = a[Q_HEADS].i, j->hk = a[KV_HEADS].i;
    FAIL_IF(q->rank != 3 || v->rank != 3 || q->dim[2] % j->hq || v->dim[2] % j->hk, err, SARD_INVALID_ARGUMENT,
            "query and value must have rank 3 and whole heads in their last axis");
    j->batch = q->dim[0], j->steps = q->dim[1], j->dk = q->dim[2] / j->hq, j->dv = v->dim[2] / j->hk;
    TRY(check(c, K, "key", 3, (int64_t[]){j->batch, j->steps, j->hk * j->dk}, err));
    TRY(check(c, V, "value", 3, (int64_t[]){j->batch, j->steps, j->hk * j->dv}, err));
    TRY(check(c, PAST, "past_state", 4, (int64_t[]){j->batch, j->hk, j->dk, j->dv}, err));
    if (decay) {
        bool per_head = decay->rank == 3 && decay->dim[2] == j->hk;
        j->per_decay = per_head ? j->hk : j->hk * j->dk;
        TRY(check(c, DECAY, "decay", 3, (int64_t[]){j->batch, j->steps, j->per_decay}, err));
    }
    if (beta) {
        j->per_beta = beta->rank == 3 && beta->dim[2] == 1 ? 1 : j->hk;
        TRY(check(c, BETA, "beta", 3, (int64_t[]){j->batch, j->steps, j->per_beta}, err));
    }
    float root = __builtin_sqrtf((float)j->dk);
    j->scale = a[SCALE].f != 0 ? a[SCALE].f : 1 / root;
    return SARD_OK;
}

static void store(const float *from, tensor *to) {
    if (!to) return;
    if (to->dtype == SARD_F32)
        memcpy(tensor_data(to), from, tensor_bytes(to));
    else
        narrow_f32(from, (sard_dtype)to->dtype, tensor_data(to), tensor_count(to));
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *past = op_in(c, PAST);
    sard_dtype t = (sard_dtype)op_in(c, Q)->dtype;
    job j = {0};
    tensor *y, *present = NULL;
    TRY(measure(c, &j, err));
    shape ys = {3, {j.batch, j.steps, j.hq * j.dv}}, ss = {4, {j.batch, j.hk, j.dk, j.dv}};
    FAIL_IF(shape_count(&ys) < 0 || shape_count(&ss) < 0, err, SARD_LIMIT, "the output is too large");
    TRY(op_out(c, 0, t, &ys, &y, err));
    if (op_n_out(c) > 1 && op_wants(c, 1)) TRY(op_out(c, 1, past ? (sard_dtype)past->dtype : t, &ss, &present, err));
    int64_t n = shape_count(&ss);
    const float *before;
    TRY(widened(c, Q, &j.q, err));
    TRY(widened(c, K, &j.k, err));
    TRY(widened(c, V, &j.v, err));
    TRY(widened(c, PAST, &before, err));
    TRY(widened(c, DECAY, &j.decay, err));
    TRY(widened(c, BETA, &j.beta, err));
    TRY(floats(c, n, &j.state, err));
    TRY(floats(c, shape_count(&ys), &j.y, err));
    TRY(floats(c, par_threads(op_par(c)) * j.dv, &j.space, err));
    if (before)
        memcpy(j.state, before, (size_t)n * sizeof *before);
    else
        memset(j.state, 0, (size_t)n * sizeof *j.state);
    TRY(par_for(op_par(c), j.batch * j.hk, 1, heads, &j, err));
    store(j.y, y);
    store(j.state, present);
    return SARD_OK;
}

const op_def op_linearattention = {
    .domain = "",
    .name = "LinearAttention",
    .doc = "attention by a state that tokens decay and add to",
    OP_SINCE(27),
    OP_ATTRS(linear_attrs),
    OP_IN(linear_in),
    OP_OUT(linear_out),
    .infer = infer,
    .run = run,
};
