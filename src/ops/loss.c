/*
 * loss.c -- NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss: composed of a pick along the classes, weights and a
 * reduction; the second takes the logarithm of the softmax first.
 *
 * Targets equal to ignore_index add nothing, and their weights count as 0 in a mean.
 */
#include "ops/common.h"

enum { IGNORE, REDUCTION };
enum { X, TARGET, WEIGHT };
enum { NONE, SUM, MEAN };
static const attr_def loss_attrs[] = {ATTR_OPT("ignore_index", ATTR_INT), ATTR_S("reduction", "mean")};
#define INDEX (DT(SARD_I32) | DT(SARD_I64))
#define LOSS_IN(x, t, w)                                                                                               \
    {.name = x, .var = "T", .types = DT_FLOAT}, {.name = t, .var = "Tind", .types = INDEX}, {                          \
        .name = w, .var = "T", .types = DT_FLOAT, .flags = F_OPTIONAL                                                  \
    }
static const formal nll_in[] = {LOSS_IN("input", "target", "weight")};
static const formal sce_in[] = {LOSS_IN("scores", "labels", "weights")};
static const formal nll_out[] = {{.name = "loss", .var = "T", .types = DT_FLOAT}};
static const formal sce_out[] = {{.name = "output", .var = "T", .types = DT_FLOAT},
                                 {.name = "log_prob", .var = "T", .types = DT_FLOAT, .flags = F_OPTIONAL}};

static sard_status reduction(const attr *a, int *out, sard_error *err) {
    static const char *const words[] = {"none", "sum", "mean"};
    return attr_word(a, "reduction", words, 3, out, err);
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[X], *t = c->in[TARGET];
    int how;
    TRY(reduction(infer_attr(c, REDUCTION), &how, err));
    FAIL_IF(x->rank >= 0 && (x->rank < 2 || (t->rank >= 0 && t->rank != x->rank - 1)), err, SARD_INVALID_ARGUMENT,
            "the input has rank %d, the targets %d; classes are axis 1", x->rank, t->rank);
    for (int i = 0; i < t->rank && x->rank >= 0; i++) {
        int64_t k;
        FAIL_IF(!dim_merge(t->dim[i], x->dim[i ? i + 1 : 0], &k), err, SARD_INVALID_ARGUMENT,
                "axis %d of the targets has extent %lld, the input's %lld", i, (long long)t->dim[i],
                (long long)x->dim[i ? i + 1 : 0]);
    }
    c->out[0] = type_tensor((sard_dtype)x->dtype, how == NONE ? t->rank : 0, how == NONE ? t->dim : NULL);
    if (c->n_out > 1) c->out[1] = type_tensor((sard_dtype)x->dtype, x->rank, x->dim);
    return SARD_OK;
}

/* The whole of v, summed or averaged, without axes. */
static value_id total(builder *b, const char *op, value_id v) {
    const attr_arg flat[] = {ARG_I("keepdims", 0)};
    return build_op(b, op, &v, 1, flat, 1);
}

/* log_p in type t; the loss in it. */
static value_id nll(lower_ctx *c, sard_dtype t, value_id log_p, int how) {
    builder *b = &c->b;
    const attr *ignore = &c->node->attrs[IGNORE];
    value_id target = build_cast(b, node_in(b->g, c->node, TARGET), SARD_I64), skip = NO_ID, w = NO_ID;
    value_id weight = node_in(b->g, c->node, WEIGHT), zero = build_scalar(b, t, 0);
    if (ignore->type != ATTR_NONE) {
        skip = build_2(b, "Equal", target, build_i64(b, ignore->i));
        const value_id safe[] = {skip, build_i64(b, 0), target};
        target = build_op(b, "Where", safe, 3, NULL, 0);
    }
    const value_id axis = build_i64s(b, (int64_t[]){1}, 1);
    const attr_arg classes[] = {ARG_I("axis", 1)};
    const value_id pick[] = {log_p, build_2(b, "Unsqueeze", target, axis)};
    value_id loss = build_1(b, "Neg", build_2(b, "Squeeze", build_op(b, "GatherElements", pick, 2, classes, 1), axis));
    if (weight != NO_ID) {
        const value_id of[] = {build_cast(b, weight, t), target};
        w = build_op(b, "Gather", of, 2, NULL, 0);
        loss = build_2(b, "Mul", loss, w);
    }
    if (skip != NO_ID) {
        const value_id kept[] = {skip, zero, loss};
        const value_id counted[] = {skip, zero, w != NO_ID ? w : build_scalar(b, t, 1)};
        loss = build_op(b, "Where", kept, 3, NULL, 0);
        w = build_op(b, "Where", counted, 3, NULL, 0);
    }
    if (how == NONE) return loss;
    if (how == SUM) return total(b, "ReduceSum", loss);
    if (w == NO_ID) return total(b, "ReduceMean", loss);
    return build_2(b, "Div", total(b, "ReduceSum", loss), total(b, "ReduceSum", w));
}

static sard_status lower(lower_ctx *c, sard_error *err) {
    builder *b = &c->b;
    sard_dtype type = (sard_dtype)c->in[X]->dtype, t = pw_wide(type);
    int how;
    TRY(reduction(&c->node->attrs[REDUCTION], &how, err));
    value_id x = build_cast(b, node_in(b->g, c->node, X), t);
    const attr_arg classes[] = {ARG_I("axis", 1)};
    if (c->node->op->code) x = build_op(b, "LogSoftmax", &x, 1, classes, 1);
    if (c->n_out > 1 && c->wanted[1]) c->out[1] = build_cast(b, x, type);
    c->out[0] = build_cast(b, nll(c, t, x, how), type);
    return builder_result(b);
}

#define LOSS(nm, text, l, k)                                                                                           \
    .domain = "", .name = nm, .doc = text, .code = k, OP_ATTRS(loss_attrs), OP_IN(l##_in), OP_OUT(l##_out),            \
    .infer = infer, .lower = lower
const op_def op_negativeloglikelihoodloss = {
    LOSS("NegativeLogLikelihoodLoss", "loss from logarithms of probabilities", nll, 0), OP_SINCE(12, 13, 22)};
const op_def op_softmaxcrossentropyloss = {LOSS("SoftmaxCrossEntropyLoss", "loss from scores", sce, 1),
                                           OP_SINCE(12, 13)};
