/*
 * Dropout -- its input; in training mode elements are set to 0 at random and the others scaled up.
 *
 *   7: is_test went    12: ratio became an input, training_mode; before, a node of a file to be run is not training
 * The random numbers are a counter generator keyed by node and seed (SplitMix64): the same on every machine.
 */
#include "ops/random.h"

enum { SEED };
enum { DATA, RATIO, TRAINING };
#define TYPES (DT_FLOAT | DT_FLOAT8)
static const attr_def dropout_attrs[] = {ATTR_OPT("seed", ATTR_INT)};
static const formal dropout_in[] = {
    {.name = "data", .var = "T", .types = TYPES},
    {.name = "ratio", .var = "T1", .types = TYPES, .flags = F_OPTIONAL},
    {.name = "training_mode", .var = "T2", .types = DT_BOOL, .flags = F_OPTIONAL},
};
static const formal dropout_out[] = {
    {.name = "output", .var = "T", .types = TYPES},
    {.name = "mask", .types = DT_BOOL, .flags = F_OPTIONAL},
};

static sard_status upgrade(draft *d, int since, sard_error *err) {
    (void)err;
    if (since >= 12) return SARD_OK;
    draft_drop(d, "is_test"), draft_drop(d, "ratio");
    return SARD_OK;
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    TRY(infer_same(c, err));
    if (c->n_out > 1) {
        c->out[1] = c->out[0];
        c->out[1].dtype = SARD_BOOL;
    }
    return SARD_OK;
}

/* Not training (a constant says so): an identity, and a mask of ones made from the shape. */
static sard_status lower(lower_ctx *c, sard_error *err) {
    (void)err;
    bool training = c->n_in > TRAINING && c->in[TRAINING];
    const tensor *t = training ? c->in_const[TRAINING] : NULL;
    if (training && (!t || tensor_count(t) != 1 || *TENSOR_AT(t, uint8_t))) {
        c->keep = true;
        return SARD_OK;
    }
    c->out[0] = node_in(c->b.g, c->node, DATA);
    if (c->n_out > 1 && c->wanted[1]) {
        value_id one = build_cast(&c->b, build_scalar(&c->b, SARD_F32, 1), SARD_BOOL);
        c->out[1] = build_2(&c->b, "Expand", one, build_1(&c->b, "Shape", c->out[0]));
    }
    return builder_result(&c->b);
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, DATA), *r = op_in(c, RATIO), *on = op_in(c, TRAINING);
    double ratio = r && tensor_count(r) == 1 ? tensor_get_f64(r, 0) : 0.5;
    FAIL_IF(!(ratio >= 0 && ratio < 1), err, SARD_INVALID_ARGUMENT, "ratio is %g; it must lie in [0, 1)", ratio);
    bool training = on && tensor_count(on) == 1 && *TENSOR_AT(on, uint8_t);
    uint64_t seed = op_attr(c, SEED)->type == ATTR_INT ? (uint64_t)op_attr(c, SEED)->i : op_seed(c);
    shape s = shape_of(x);
    tensor *y, *mask;
    TRY(op_out(c, 0, (sard_dtype)x->dtype, &s, &y, err));
    TRY(op_out(c, 1, SARD_BOOL, &s, &mask, err));
    int64_t n = tensor_count(x);
    uint8_t *m = tensor_data(mask);
    for (int64_t i = 0; i < n; i++) {
        m[i] = !training || random_unit(seed, (uint64_t)i) >= ratio;
        double v = tensor_get_f64(x, i);
        tensor_set_f64(y, i, !training ? v : m[i] ? v / (1 - ratio) : 0);
    }
    return SARD_OK;
}

const op_def op_dropout = {
    .domain = "",
    .name = "Dropout",
    .doc = "its input; at random 0 in training",
    OP_SINCE(1, 6, 7, 10, 12, 13, 22),
    OP_ATTRS(dropout_attrs),
    OP_IN(dropout_in),
    OP_OUT(dropout_out),
    .flags = OP_RANDOM,
    .upgrade = upgrade,
    .infer = infer,
    .lower = lower,
    .run = run,
};
