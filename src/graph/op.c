/* op.c -- finding operators and their versions, and what inference functions share. */
#include "graph/op.h"

static const char *plain_domain(const char *d) { return strcmp(d, "ai.onnx") == 0 ? "" : d; }

const op_def *op_find(const op_set *s, const char *domain, const char *name) {
    domain = plain_domain(domain);
    for (; s; s = s->next)
        for (uint32_t i = 0; i < s->n; i++)
            if (s->ops[i]->name[0] == name[0] && strcmp(s->ops[i]->name, name) == 0 &&
                strcmp(plain_domain(s->ops[i]->domain), domain) == 0)
                return s->ops[i];
    return NULL;
}

int op_newest(const op_def *op) {
    int v = 0;
    for (const int16_t *s = op->since; s && *s; s++) v = *s;
    return v;
}

int op_since(const op_def *op, int64_t opset) {
    int v = 0;
    for (const int16_t *s = op->since; s && *s && *s <= opset; s++) v = *s;
    return v;
}

/* ---- for infer functions ------------------------------------------------------------------------------------------ */

const int64_t *infer_ints(const infer_ctx *c, uint32_t i, uint32_t *n) {
    if (!infer_has(c, i) || !c->in_known[i].v) return NULL;
    const known *k = &c->in_known[i];
    for (uint32_t j = 0; j < k->n; j++)
        if (!dim_known(k->v[j])) return NULL;
    *n = k->n;
    return k->v;
}

int64_t *infer_known_alloc(infer_ctx *c, uint32_t n) {
    return n > KNOWN_MAX ? NULL : arena_alloc(c->mem, n * sizeof(int64_t));
}

sard_status infer_same(infer_ctx *c, sard_error *err) {
    (void)err;
    if (!infer_has(c, 0)) return SARD_OK;
    const uint8_t dtype = c->out[0].dtype;
    const bool fixed = c->out[0].kind == SARD_KIND_TENSOR && dtype;
    c->out[0] = *c->in[0];
    if (fixed && c->out[0].kind == SARD_KIND_TENSOR) c->out[0].dtype = dtype;
    return SARD_OK;
}

/* Broadcasts one more shape into out; a rank that is not known makes the result's unknown. */
static sard_status broadcast_one(infer_ctx *c, vtype *out, const vtype *in, sard_error *err) {
    if (out->rank < 0 || in->rank < 0) {
        out->rank = -1;
        return SARD_OK;
    }
    const int rank = out->rank > in->rank ? out->rank : in->rank;
    int64_t dim[MAX_RANK];
    for (int i = 1; i <= rank; i++) {
        const int64_t a = i <= out->rank ? out->dim[out->rank - i] : 1;
        const int64_t b = i <= in->rank ? in->dim[in->rank - i] : 1;
        if (!dim_broadcast(c->mod, a, b, &dim[rank - i])) {
            char t[2][200];
            return err_set(err, SARD_INVALID_MODEL, "shapes do not broadcast: %s and %s differ in axis -%d",
                           type_text(c->mod, out, t[0], sizeof t[0]), type_text(c->mod, in, t[1], sizeof t[1]), i);
        }
    }
    for (int i = 0; i < rank; i++) out->dim[i] = dim[i];
    out->rank = (int8_t)rank;
    return SARD_OK;
}

sard_status infer_broadcast(infer_ctx *c, sard_error *err) {
    if (!infer_has(c, 0)) return SARD_OK;
    return infer_broadcast_to(c, (sard_dtype)c->in[0]->dtype, err);
}

sard_status infer_broadcast_to(infer_ctx *c, sard_dtype t, sard_error *err) {
    vtype out = type_tensor(t, 0, NULL);
    for (uint32_t i = 0; i < c->n_in; i++)
        if (c->in[i]) TRY(broadcast_one(c, &out, c->in[i], err));
    c->out[0] = out;
    return SARD_OK;
}

sard_status axis_fix(int64_t axis, int rank, int *out, sard_error *err) {
    FAIL_IF(axis < -rank || axis >= rank, err, SARD_INVALID_MODEL, "axis %lld out of range for rank %d",
            (long long)axis, rank);
    *out = (int)(axis < 0 ? axis + rank : axis);
    return SARD_OK;
}
