/*
 * sard.Fused -- a group of pointwise nodes, with at most one heavy node in front, that the executor runs as one step.
 *
 * The nodes stand in the body as they were, so that the writer can put them back and types follow from the body. exec
 * derives the pointwise program from the body when it compiles.
 */
#include "ops/common.h"

static const attr_def fused_attrs[] = {ATTR_REQ("body", ATTR_GRAPH)};
static const formal fused_in[] = {
    {.name = "inputs", .types = DT_ALL, .flags = F_VARIADIC | F_MIXED | F_OPTIONAL},
};
static const formal fused_out[] = {{.name = "outputs", .types = DT_ALL, .flags = F_VARIADIC | F_MIXED}};

static sard_status infer(infer_ctx *c, sard_error *err) {
    vtype *in = arena_calloc(c->mem, c->n_in + 1, sizeof *in);
    if (!in) return err_nomem(err, c->n_in * sizeof *in);
    for (uint32_t i = 0; i < c->n_in; i++) in[i] = c->in[i] ? *c->in[i] : type_unknown();
    return c->body(c, 0, in, c->n_in, c->out, c->n_out, err);
}

const op_def op_sard_fused = {
    .domain = "sard",
    .name = "Fused",
    .doc = "nodes that run as one step",
    OP_SINCE(1),
    OP_ATTRS(fused_attrs),
    OP_IN(fused_in),
    OP_OUT(fused_out),
    .flags = OP_INTERNAL,
    .infer = infer,
};
