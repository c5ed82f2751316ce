/*
 * BatchNormalization -- x * s + (B - mean * s) with s = scale / sqrt(var + epsilon), per channel (axis 1). With constant
 * statistics the two vectors fold, and a convolution in front takes them into its weights.
 *
 *   7: is_test went (training is what asks for more outputs); spatial   9: spatial went   14: training_mode, three outputs
 * In training mode mean and variance are the batch's, and the running ones are outputs.
 */
#include "ops/common.h"

enum { X, SCALE, BIAS, MEAN, VAR };
enum { EPSILON, MOMENTUM, TRAINING };
static const attr_def norm_attrs[] = {ATTR_F("epsilon", 1e-5f), ATTR_F("momentum", 0.9f), ATTR_I("training_mode", 0)};
static const formal norm_in[] = {
    {.name = "X", .var = "T", .types = DT_FLOAT},
    {.name = "scale", .var = "T1", .types = DT_FLOAT, .flags = F_CONST},
    {.name = "B", .var = "T1", .types = DT_FLOAT, .flags = F_CONST},
    {.name = "input_mean", .var = "T2", .types = DT_FLOAT, .flags = F_CONST},
    {.name = "input_var", .var = "T2", .types = DT_FLOAT, .flags = F_CONST},
};
static const formal norm_out[] = {
    {.name = "Y", .var = "T", .types = DT_FLOAT},
    {.name = "running_mean", .var = "T2", .types = DT_FLOAT, .flags = F_OPTIONAL},
    {.name = "running_var", .var = "T2", .types = DT_FLOAT, .flags = F_OPTIONAL},
};

/* x, scale ... in type t (statistics already shaped to stand against x) -> the normalised x. */
static value_id normalise(builder *b, sard_dtype t, value_id x, const value_id *v, float epsilon) {
    value_id eps = build_scalar(b, t, (double)epsilon);
    value_id s = build_2(b, "Div", v[SCALE], build_1(b, "Sqrt", build_2(b, "Add", v[VAR], eps)));
    value_id shift = build_2(b, "Sub", v[BIAS], build_2(b, "Mul", v[MEAN], s));
    return build_2(b, "Add", build_2(b, "Mul", x, s), shift);
}

/* Versions 7 and 8 with spatial = 0: a statistic per element [C, D1 ...] instead of per channel. */
static sard_status per_element(draft *d, sard_error *err) {
    const vtype *x = draft_in_type(d, X);
    FAIL_IF(d->n_in < 5 || !dtype_in(x->dtype, DT_FLOAT), err, SARD_INVALID_MODEL,
            "five inputs of a float type are needed");
    sard_dtype t = pw_wide((sard_dtype)x->dtype);
    value_id v[5];
    for (int i = 0; i < 5; i++) v[i] = build_cast(&d->b, d->in[i], t);
    value_id y =
        build_cast(&d->b, normalise(&d->b, t, v[X], v, draft_float(d, "epsilon", 1e-5f)), (sard_dtype)x->dtype);
    TRY(build_node(&d->b, "Identity", &y, 1, d->out, 1, NULL, 0));
    draft_done(d);
    return builder_result(&d->b);
}

static sard_status upgrade(draft *d, int since, sard_error *err) {
    if (since >= 14) return SARD_OK;
    uint32_t used = 0;
    for (uint32_t i = 1; i < d->n_out; i++) used += d->out[i] != NO_ID;
    bool training = since < 7 && draft_int(d, "is_test", 0) == 0 && used > 0;
    FAIL_IF(used > 0 && !training, err, SARD_UNSUPPORTED,
            "version %d with %u outputs (training); only the first output is offered", since, used + 1);
    FAIL_IF(training, err, SARD_UNSUPPORTED, "version %d in training mode (is_test = 0, %u outputs)", since, used + 1);
    bool whole = since < 9 && draft_int(d, "spatial", 1) == 0;
    draft_drop(d, "is_test"), draft_drop(d, "spatial");
    d->n_out = 1;
    return whole ? per_element(d, err) : SARD_OK;
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    TRY(infer_same(c, err));
    const vtype *x = c->in[X];
    FAIL_IF(x->rank >= 0 && x->rank < 2, err, SARD_INVALID_ARGUMENT, "X has rank %d; channels are its axis 1", x->rank);
    for (uint32_t i = SCALE; i <= VAR; i++) {
        const vtype *v = c->in[i];
        int64_t k;
        FAIL_IF((v->rank >= 0 && v->rank != 1) ||
                    (v->rank == 1 && x->rank >= 2 && !dim_merge(v->dim[0], x->dim[1], &k)),
                err, SARD_INVALID_ARGUMENT, "input %u must have one number per channel of X", i);
    }
    for (uint32_t i = 1; i < c->n_out; i++) c->out[i] = *c->in[i + MEAN - 1];
    return SARD_OK;
}

/* Batch mean and variance per channel, and the running ones when asked for. */
static void train(lower_ctx *c, sard_dtype t, int rank, value_id *v) {
    builder *b = &c->b;
    int64_t axes[MAX_RANK];
    int n = 0;
    for (int i = 0; i < rank; i++)
        if (i != 1) axes[n++] = i;
    const attr_arg flat[] = {ARG_I("keepdims", 0)}, kept[] = {ARG_I("keepdims", 1)};
    value_id in[2] = {v[X], build_i64s(b, axes, (size_t)n)};
    value_id mean = build_op(b, "ReduceMean", in, 2, flat, 1);
    value_id off = build_2(b, "Sub", v[X], build_op(b, "ReduceMean", in, 2, kept, 1));
    in[0] = build_2(b, "Mul", off, off);
    value_id var = build_op(b, "ReduceMean", in, 2, flat, 1), now[2] = {mean, var};
    value_id keep = build_scalar(b, t, (double)c->node->attrs[MOMENTUM].f);
    value_id take = build_scalar(b, t, 1 - (double)c->node->attrs[MOMENTUM].f);
    for (int i = 0; i < 2; i++) {
        if (c->n_out > (uint32_t)i + 1 && c->wanted[i + 1]) {
            value_id r = build_2(b, "Add", build_2(b, "Mul", v[MEAN + i], keep), build_2(b, "Mul", now[i], take));
            c->out[i + 1] = build_cast(b, r, (sard_dtype)c->in[MEAN]->dtype);
        }
        v[MEAN + i] = now[i];
    }
}

static sard_status lower(lower_ctx *c, sard_error *err) {
    const vtype *x = c->in[X];
    FAIL_IF(x->rank < 2, err, SARD_UNSUPPORTED, "BatchNormalization of an input whose rank is not known");
    sard_dtype t = pw_wide((sard_dtype)x->dtype);
    value_id v[5];
    int64_t dims[MAX_RANK];
    for (uint32_t i = 0; i < 5; i++) v[i] = build_cast(&c->b, node_in(c->b.g, c->node, i), t);
    if (c->node->attrs[TRAINING].i) train(c, t, x->rank, v);
    for (int i = 0; i < x->rank - 1; i++) dims[i] = i ? 1 : -1; /* [C] -> [C, 1, ...] */
    for (int i = SCALE; i <= VAR; i++)
        if (x->rank > 2) v[i] = build_reshape(&c->b, v[i], dims, (size_t)x->rank - 1);
    value_id y = normalise(&c->b, t, v[X], v, c->node->attrs[EPSILON].f);
    c->out[0] = build_cast(&c->b, y, (sard_dtype)x->dtype);
    for (uint32_t i = 1; i < c->n_out; i++) /* without training the running statistics stay as they are */
        if (c->wanted[i] && c->out[i] == NO_ID) c->out[i] = node_in(c->b.g, c->node, i + MEAN - 1);
    return builder_result(&c->b);
}

const op_def op_batchnormalization = {
    .domain = "",
    .name = "BatchNormalization",
    .doc = "normalises each channel",
    OP_SINCE(1, 6, 7, 9, 14, 15),
    OP_ATTRS(norm_attrs),
    OP_IN(norm_in),
    OP_OUT(norm_out),
    .upgrade = upgrade,
    .infer = infer,
    .lower = lower,
};
