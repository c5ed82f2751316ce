/*
 * BitShift -- shifts left or right; a shift of at least the width gives 0 (or -1 for negative numbers to the right).
 */
#include "ops/common.h"

enum { DIRECTION };
static const attr_def shift_attrs[] = {ATTR_REQ("direction", ATTR_STRING)};
static const formal shift_in[] = {{.name = "X", .var = "T", .types = DT_INT},
                                  {.name = "Y", .var = "T", .types = DT_INT}};
static const formal shift_out[] = {{.name = "Z", .var = "T", .types = DT_INT}};

static sard_status infer(infer_ctx *c, sard_error *err) {
    static const char *const words[] = {"LEFT", "RIGHT"};
    int which;
    TRY(attr_word(infer_attr(c, DIRECTION), "direction", words, 2, &which, err));
    return infer_broadcast(c, err);
}

static sard_status emit(const op_prep *p, pw_builder *b, const pw_val *in, pw_val *out, sard_error *err) {
    (void)err;
    pw_opcode op = str_is(prep_attr(p, DIRECTION)->s, "LEFT") ? PW_SHL : PW_SHR;
    out[0] = pw_op2(b, op, (sard_dtype)p->out[0].dtype, in[0], in[1]);
    return SARD_OK;
}

const op_def op_bitshift = {
    .domain = "",
    .name = "BitShift",
    .doc = "bitwise shift to the left or right",
    OP_SINCE(11, 28),
    OP_ATTRS(shift_attrs),
    OP_IN(shift_in),
    OP_OUT(shift_out),
    .flags = OP_INPLACE0,
    .infer = infer,
    .emit = emit,
};
