/*
 * Mod -- remainder: of the divisor's sign (fmod 0, as Python's %) or of the dividend's (fmod 1, as C's).
 *
 * Before version 28 floats wanted fmod = 1; here either is computed for every type.
 */
#include "ops/common.h"

enum { FMOD };
static const attr_def mod_attrs[] = {ATTR_I("fmod", 0)};
static const formal mod_in[] = {{.name = "A", .var = "T", .types = DT_NUMBER},
                                {.name = "B", .var = "T", .types = DT_NUMBER}};
static const formal mod_out[] = {{.name = "C", .var = "T", .types = DT_NUMBER}};

static sard_status emit(const op_prep *p, pw_builder *b, const pw_val *in, pw_val *out, sard_error *err) {
    (void)err;
    out[0] = pw_op2(b, prep_attr(p, FMOD)->i ? PW_FMOD : PW_MOD, (sard_dtype)p->out[0].dtype, in[0], in[1]);
    return SARD_OK;
}

const op_def op_mod = {
    .domain = "",
    .name = "Mod",
    .doc = "remainder of a division",
    OP_SINCE(10, 13, 28),
    OP_ATTRS(mod_attrs),
    OP_IN(mod_in),
    OP_OUT(mod_out),
    .flags = OP_INPLACE0,
    .infer = infer_broadcast,
    .emit = emit,
};
