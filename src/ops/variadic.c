/*
 * variadic.c -- Min, Max, Sum, Mean of one or more inputs, with NumPy broadcasting: taken from left to right.
 *
 * Inside the node values stay wide (f32 for f16, bf16); only the last instruction rounds.
 *   8: NumPy broadcasting (before: equal shapes, which is a case of it)
 */
#include "ops/common.h"

static const formal number_in[] = {{.name = "data_0", .var = "T", .types = DT_NUMBER, .flags = F_VARIADIC}};
static const formal number_out[] = {{.name = "result", .var = "T", .types = DT_NUMBER}};
static const formal float_in[] = {{.name = "data_0", .var = "T", .types = DT_FLOAT, .flags = F_VARIADIC}};
static const formal float_out[] = {{.name = "result", .var = "T", .types = DT_FLOAT}};

/* Adds, or takes the smaller or larger, from left to right; op->code is the instruction. */
static pw_val fold(const op_prep *p, pw_builder *b, const pw_val *in, sard_dtype last) {
    sard_dtype wide = pw_wide((sard_dtype)p->out[0].dtype);
    pw_val v = in[0];
    for (uint32_t i = 1; i < p->n_in; i++)
        v = pw_op2(b, (pw_opcode)p->node->op->code, i + 1 < p->n_in ? wide : last, v, in[i]);
    return v;
}

static sard_status emit(const op_prep *p, pw_builder *b, const pw_val *in, pw_val *out, sard_error *err) {
    (void)err;
    out[0] = fold(p, b, in, (sard_dtype)p->out[0].dtype);
    if (p->n_in == 1) out[0] = pw_op1(b, PW_COPY, (sard_dtype)p->out[0].dtype, in[0]);
    return SARD_OK;
}

static sard_status emit_mean(const op_prep *p, pw_builder *b, const pw_val *in, pw_val *out, sard_error *err) {
    (void)err;
    sard_dtype t = (sard_dtype)p->out[0].dtype, wide = pw_wide(t);
    out[0] = pw_op2(b, PW_DIV, t, fold(p, b, in, wide), pw_const(b, wide, p->n_in));
    return SARD_OK;
}

/* More operands than a program takes: sixteen at a time, wide, rounded once behind the last. */
static sard_status lower_many(lower_ctx *c, sard_error *err) {
    (void)err;
    sard_dtype t = (sard_dtype)c->in[0]->dtype, wide = pw_wide(t);
    bool mean = str_is(str_of(c->node->op->name), "Mean");
    value_id part[PW_MAX_INPUTS];
    uint32_t n = 0;
    if (c->n_in <= PW_MAX_INPUTS) {
        c->keep = true;
        return SARD_OK;
    }
    for (uint32_t i = 0; i < c->n_in; i++) {
        part[n++] = build_cast(&c->b, node_in(c->b.g, c->node, i), wide);
        if (n < PW_MAX_INPUTS && i + 1 < c->n_in) continue;
        part[0] = build_op(&c->b, mean ? "Sum" : c->node->op->name, part, n, NULL, 0);
        n = 1;
    }
    if (mean) part[0] = build_2(&c->b, "Div", part[0], build_scalar(&c->b, wide, c->n_in));
    c->out[0] = build_cast(&c->b, part[0], t);
    return builder_result(&c->b);
}

#define VARIADIC(nm, text, pw, fn, t)                                                                                  \
    .domain = "", .name = nm, .doc = text, .code = PW_##pw, .emit = fn, .infer = infer_broadcast, .lower = lower_many, \
    .flags = OP_INPLACE0, OP_IN(t##_in), OP_OUT(t##_out)

/* clang-format off */
const op_def op_min = {VARIADIC("Min", "smallest of the inputs, element by element", MIN, emit, number), OP_SINCE(1, 6, 8, 12, 13)};
const op_def op_max = {VARIADIC("Max", "largest of the inputs, element by element", MAX, emit, number), OP_SINCE(1, 6, 8, 12, 13)};
const op_def op_sum = {VARIADIC("Sum", "sum of the inputs, element by element", ADD, emit, float), OP_SINCE(1, 6, 8, 13)};
const op_def op_mean = {VARIADIC("Mean", "mean of the inputs, element by element", ADD, emit_mean, float), OP_SINCE(1, 6, 8, 13)};
/* clang-format on */
