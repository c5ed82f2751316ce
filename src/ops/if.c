/*
 * If -- runs one of two bodies. Both take no inputs (outer values come as captures) and give the same number of
 * outputs; their types must agree, their shapes need not.
 */
#include "ops/common.h"

enum { ELSE_BRANCH, THEN_BRANCH };
static const attr_def if_attrs[] = {
    ATTR_REQ("else_branch", ATTR_GRAPH),
    ATTR_REQ("then_branch", ATTR_GRAPH),
};
static const formal if_in[] = {{.name = "cond", .var = "B", .types = DT_BOOL}};
static const formal if_out[] = {
    {.name = "outputs", .types = DT_ALL, .flags = F_VARIADIC | F_MIXED, .kinds = K_ANY},
};

/* A dimension is known only where both branches say the same. */
static void weaken(vtype *a, const vtype *b) {
    if (a->kind != SARD_KIND_TENSOR || b->kind != SARD_KIND_TENSOR) return;
    if (a->rank != b->rank) a->rank = -1;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i]) a->dim[i] = DIM_UNKNOWN;
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    vtype *other = arena_alloc(c->mem, (c->n_out + 1) * sizeof *other);
    if (!other) return err_nomem(err, c->n_out * sizeof *other);
    const tensor *cond = c->in_const[0]; /* a constant condition: the other branch may have any shapes */
    uint32_t body = cond && tensor_count(cond) == 1 && *TENSOR_AT(cond, uint8_t) ? THEN_BRANCH : ELSE_BRANCH;
    TRY(c->body(c, body, NULL, 0, c->out, c->n_out, err));
    if (cond) return SARD_OK;
    TRY(c->body(c, THEN_BRANCH, NULL, 0, other, c->n_out, err));
    for (uint32_t i = 0; i < c->n_out; i++) {
        FAIL_IF(other[i].kind && c->out[i].kind &&
                    (other[i].kind != c->out[i].kind ||
                     (other[i].dtype && c->out[i].dtype && other[i].dtype != c->out[i].dtype)),
                err, SARD_INVALID_MODEL, "output %u is of another type in then_branch than in else_branch", i);
        weaken(&c->out[i], &other[i]);
    }
    return SARD_OK;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *cond = op_in(c, 0);
    FAIL_IF(tensor_count(cond) != 1, err, SARD_INVALID_ARGUMENT, "cond has %lld elements; 1 is needed",
            (long long)tensor_count(cond));
    uint32_t body = *TENSOR_AT(cond, uint8_t) ? THEN_BRANCH : ELSE_BRANCH, n = op_n_out(c);
    sard_value **out = mem_calloc(n, sizeof *out);
    if (!out) return err_nomem(err, n * sizeof *out);
    sard_status s = op_body(c, body, NULL, 0, out, n, err);
    for (uint32_t i = 0; i < n; i++) {
        if (s == SARD_OK)
            s = op_give(c, i, out[i], err);
        else
            sard_value_unref(out[i]);
    }
    mem_free(out);
    return s;
}

const op_def op_if = {
    .domain = "",
    .name = "If",
    .doc = "runs one of two bodies",
    OP_SINCE(1, 11, 13, 16, 19, 21, 23, 24, 25),
    OP_ATTRS(if_attrs),
    OP_IN(if_in),
    OP_OUT(if_out),
    .flags = OP_BODY,
    .infer = infer,
    .run = run,
};
