/*
 * Adagrad, Adam, Momentum -- one step of an optimiser for any number of variables, written with arithmetic of the
 * default domain. Inputs: rate R, count T, then the variables, their gradients, and what is accumulated, each in turn;
 * outputs: the new variables, then the new accumulated ones.
 */
#include "ops/common.h"

enum { R, T, FIRST };
#define TYPES (DT(SARD_F32) | DT(SARD_F64))
static const formal opt_in[] = {
    {.name = "R", .var = "T1", .types = TYPES},
    {.name = "T", .var = "T2", .types = DT(SARD_I64)},
    {.name = "inputs", .types = TYPES, .flags = F_VARIADIC | F_MIXED},
};
static const formal opt_out[] = {{.name = "outputs", .types = TYPES, .flags = F_VARIADIC | F_MIXED}};

/* op->code: inputs per variable (its gradient included); outputs are one fewer. */
static sard_status variables(const op_def *op, uint32_t n_in, uint32_t n_out, uint32_t *n, sard_error *err) {
    uint32_t k = (uint32_t)op->code;
    *n = n_in > FIRST ? (n_in - FIRST) / k : 0;
    FAIL_IF(n_in <= FIRST || (n_in - FIRST) % k != 0, err, SARD_INVALID_MODEL,
            "%u inputs behind R and T; %u for each variable are needed", n_in > FIRST ? n_in - FIRST : 0, k);
    FAIL_IF(n_out > *n * (k - 1), err, SARD_INVALID_MODEL, "%u outputs for %u variables; %u each are made", n_out, *n,
            k - 1);
    return SARD_OK;
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    uint32_t n;
    TRY(variables(c->node->op, c->n_in, c->n_out, &n, err));
    for (uint32_t i = 0; i < c->n_out; i++) { /* the gradients have no new value */
        uint32_t from = FIRST + (i < n ? i : i + n);
        if (infer_has(c, from)) c->out[i] = *c->in[from];
    }
    return SARD_OK;
}

/* ---- arithmetic in one type --------------------------------------------------------------------------------------------- */

typedef struct calc {
    builder *b;
    sard_dtype t;
} calc;

static value_id num(const calc *k, double v) { return build_scalar(k->b, k->t, v); }
static value_id add(const calc *k, value_id x, value_id y) { return build_2(k->b, "Add", x, y); }
static value_id sub(const calc *k, value_id x, value_id y) { return build_2(k->b, "Sub", x, y); }
static value_id mul(const calc *k, value_id x, value_id y) { return build_2(k->b, "Mul", x, y); }
static value_id quot(const calc *k, value_id x, value_id y) { return build_2(k->b, "Div", x, y); }
static value_id root(const calc *k, value_id x) { return build_1(k->b, "Sqrt", x); }

typedef struct step { /* of one variable */
    calc k;
    const attr *a;
    value_id r, t, positive; /* rate; count, in the variable's type; is it above 0? */
    value_id x, g, s[2];     /* variable, gradient, accumulated; results in x and s */
} step;

/* norm_coefficient * X + G */
static value_id regular(const step *s, int norm) {
    return add(&s->k, mul(&s->k, num(&s->k, (double)s->a[norm].f), s->x), s->g);
}

static value_id choose(const step *s, value_id yes, value_id no) {
    const value_id in[3] = {s->positive, yes, no};
    return build_op(s->k.b, "Where", in, 3, NULL, 0);
}

static sard_status lower_each(lower_ctx *c, void (*one)(step *), sard_error *err) {
    uint32_t n, k = (uint32_t)c->node->op->code;
    TRY(variables(c->node->op, c->n_in, c->n_out, &n, err));
    for (uint32_t i = 0; i < n; i++) {
        sard_dtype t = (sard_dtype)c->in[FIRST + i]->dtype;
        value_id count = node_in(c->b.g, c->node, T);
        step s = {.k = {&c->b, t}, .a = c->node->attrs};
        for (uint32_t j = 0; j < k; j++) {
            const vtype *v = c->in[FIRST + j * n + i];
            FAIL_IF(!v || v->dtype != t, err, SARD_INVALID_MODEL, "variable %u and what belongs to it differ in type",
                    i);
        }
        s.r = build_cast(&c->b, node_in(c->b.g, c->node, R), t), s.t = build_cast(&c->b, count, t);
        s.positive = build_2(&c->b, "Greater", count, build_i64(&c->b, 0));
        s.x = node_in(c->b.g, c->node, FIRST + i), s.g = node_in(c->b.g, c->node, FIRST + n + i);
        for (uint32_t j = 2; j < k; j++) s.s[j - 2] = node_in(c->b.g, c->node, FIRST + j * n + i);
        one(&s);
        if (i < c->n_out) c->out[i] = s.x;
        for (uint32_t j = 1; j < k - 1; j++)
            if (j * n + i < c->n_out) c->out[j * n + i] = s.s[j - 1];
    }
    return builder_result(&c->b);
}

/* ---- Adagrad ------------------------------------------------------------------------------------------------------------ */

enum { AG_DECAY, AG_EPSILON, AG_NORM };
static const attr_def adagrad_attrs[] = {
    ATTR_F("decay_factor", 0),
    ATTR_F("epsilon", 1e-6f),
    ATTR_F("norm_coefficient", 0),
};

static void adagrad(step *s) {
    const calc *k = &s->k;
    value_id decay = num(k, (double)s->a[AG_DECAY].f), g = regular(s, AG_NORM);
    value_id r = quot(k, s->r, add(k, num(k, 1), mul(k, s->t, decay)));
    s->s[0] = add(k, s->s[0], mul(k, g, g));
    value_id h = add(k, root(k, s->s[0]), num(k, (double)s->a[AG_EPSILON].f));
    s->x = sub(k, s->x, quot(k, mul(k, r, g), h));
}

static sard_status lower_adagrad(lower_ctx *c, sard_error *err) { return lower_each(c, adagrad, err); }

/* ---- Adam --------------------------------------------------------------------------------------------------------------- */

enum { AD_ALPHA, AD_BETA, AD_EPSILON, AD_NORM, AD_POST };
static const attr_def adam_attrs[] = {
    ATTR_F("alpha", 0.9f),
    ATTR_F("beta", 0.999f),
    ATTR_F("epsilon", 1e-6f),
    ATTR_F("norm_coefficient", 0),
    ATTR_F("norm_coefficient_post", 0),
};

static void adam(step *s) {
    const calc *k = &s->k;
    value_id alpha = num(k, (double)s->a[AD_ALPHA].f), beta = num(k, (double)s->a[AD_BETA].f), one = num(k, 1);
    value_id g = regular(s, AD_NORM);
    s->s[0] = add(k, mul(k, alpha, s->s[0]), mul(k, sub(k, one, alpha), g));
    s->s[1] = add(k, mul(k, beta, s->s[1]), mul(k, mul(k, sub(k, one, beta), g), g));
    value_id h = add(k, root(k, s->s[1]), num(k, (double)s->a[AD_EPSILON].f));
    value_id up = root(k, sub(k, one, build_2(k->b, "Pow", beta, s->t)));
    value_id down = sub(k, one, build_2(k->b, "Pow", alpha, s->t));
    value_id r = choose(s, quot(k, mul(k, s->r, up), down), s->r);
    value_id x = sub(k, s->x, quot(k, mul(k, r, s->s[0]), h));
    s->x = mul(k, sub(k, one, num(k, (double)s->a[AD_POST].f)), x);
}

static sard_status lower_adam(lower_ctx *c, sard_error *err) { return lower_each(c, adam, err); }

/* ---- Momentum ----------------------------------------------------------------------------------------------------------- */

enum { MO_ALPHA, MO_BETA, MO_MODE, MO_NORM };
static const attr_def momentum_attrs[] = {
    ATTR_REQ("alpha", ATTR_FLOAT),
    ATTR_REQ("beta", ATTR_FLOAT),
    ATTR_REQ("mode", ATTR_STRING),
    ATTR_REQ("norm_coefficient", ATTR_FLOAT),
};

static void momentum(step *s) {
    const calc *k = &s->k;
    value_id alpha = num(k, (double)s->a[MO_ALPHA].f), g = regular(s, MO_NORM);
    value_id beta = choose(s, num(k, (double)s->a[MO_BETA].f), num(k, 1));
    s->s[0] = add(k, mul(k, alpha, s->s[0]), mul(k, beta, g));
    value_id way = str_is(s->a[MO_MODE].s, "nesterov") ? add(k, g, mul(k, alpha, s->s[0])) : s->s[0];
    s->x = sub(k, s->x, mul(k, s->r, way));
}

static sard_status lower_momentum(lower_ctx *c, sard_error *err) {
    static const char *const words[] = {"standard", "nesterov"};
    int mode;
    TRY(attr_word(&c->node->attrs[MO_MODE], "mode", words, 2, &mode, err));
    return lower_each(c, momentum, err);
}

#define OPTIMIZER(nm, text, list, fn, inputs)                                                                          \
    .domain = "ai.onnx.preview.training", .name = nm, .doc = text, .code = inputs, OP_ATTRS(list), OP_IN(opt_in),      \
    OP_OUT(opt_out), .infer = infer, .lower = fn

/* clang-format off */
const op_def op_adagrad = {OPTIMIZER("Adagrad", "a step of Adagrad", adagrad_attrs, lower_adagrad, 3), OP_SINCE(1)};
const op_def op_adam = {OPTIMIZER("Adam", "a step of Adam", adam_attrs, lower_adam, 4), OP_SINCE(1)};
const op_def op_momentum = {OPTIMIZER("Momentum", "a step of gradient descent with momentum", momentum_attrs, lower_momentum, 3), OP_SINCE(1)};
/* clang-format on */
