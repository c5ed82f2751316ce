/*
 * SwiGLU -- Swish(A) * B, of equal shapes.
 */
#include "ops/common.h"

enum { ALPHA };
static const attr_def swiglu_attrs[] = {ATTR_F("alpha", 1.0f)};
static const formal swiglu_in[] = {{.name = "A", .var = "T", .types = DT_FLOAT},
                                   {.name = "B", .var = "T", .types = DT_FLOAT}};
static const formal swiglu_out[] = {{.name = "Y", .var = "T", .types = DT_FLOAT}};

static sard_status infer(infer_ctx *c, sard_error *err) {
    vtype both = *c->in[0];
    FAIL_IF(!type_merge(c->mod, &both, c->in[1]), err, SARD_INVALID_ARGUMENT, "A and B differ in shape");
    c->out[0] = both;
    return SARD_OK;
}

static sard_status emit(const op_prep *p, pw_builder *b, const pw_val *in, pw_val *out, sard_error *err) {
    (void)err;
    sard_dtype t = (sard_dtype)p->out[0].dtype;
    pw_val gate = pw_swish(b, pw_wide(t), in[0], (double)prep_attr(p, ALPHA)->f);
    out[0] = pw_op2(b, PW_MUL, t, gate, in[1]);
    return SARD_OK;
}

const op_def op_swiglu = {
    .domain = "",
    .name = "SwiGLU",
    .doc = "Swish of a gate, times a value",
    OP_SINCE(28),
    OP_ATTRS(swiglu_attrs),
    OP_IN(swiglu_in),
    OP_OUT(swiglu_out),
    .flags = OP_INPLACE0,
    .infer = infer,
    .emit = emit,
};
