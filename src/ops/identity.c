/*
 * Identity -- its input, of any kind: a view of a tensor, a new reference of anything else.
 */
#include "ops/common.h"

static const formal id_in[] = {{.name = "input", .var = "V", .types = DT_ALL, .kinds = K_ANY}};
static const formal id_out[] = {{.name = "output", .var = "V", .types = DT_ALL, .kinds = K_ANY}};

static sard_status infer(infer_ctx *c, sard_error *err) {
    TRY(infer_same(c, err));
    c->out_known[0] = c->in_known[0];
    return SARD_OK;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *t = op_in(c, 0);
    if (t) {
        shape s = shape_of(t);
        return op_out_view(c, 0, 0, &s, err);
    }
    const sard_value *v = op_in_value(c, 0);
    return op_give(c, 0, sard_value_ref((sard_value *)(uintptr_t)v), err);
}

const op_def op_identity = {
    .domain = "",
    .name = "Identity",
    .doc = "its input",
    OP_SINCE(1, 13, 14, 16, 19, 21, 23, 24, 25),
    OP_IN(id_in),
    OP_OUT(id_out),
    .flags = OP_VIEW0,
    .infer = infer,
    .run = run,
};
