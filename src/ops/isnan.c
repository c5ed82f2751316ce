/*
 * IsNaN, IsInf -- tests of floats, float8 included: these are read as f32, which holds them all.
 */
#include "ops/common.h"

#define TYPES (DT_FLOAT | DT(SARD_F8E4M3FN) | DT(SARD_F8E4M3FNUZ) | DT(SARD_F8E5M2) | DT(SARD_F8E5M2FNUZ))
static const formal test_in[] = {{.name = "X", .var = "T1", .types = TYPES}};
static const formal test_out[] = {{.name = "Y", .var = "T2", .types = DT_BOOL}};
enum { DETECT_NEGATIVE, DETECT_POSITIVE };
static const attr_def isinf_attrs[] = {ATTR_I("detect_negative", 1), ATTR_I("detect_positive", 1)};

static pw_val widened(const op_prep *p, pw_builder *b, pw_val x) {
    return p->in[0]->dtype == SARD_F64 ? x : pw_cast(b, SARD_F32, x, 0);
}

static sard_status emit_nan(const op_prep *p, pw_builder *b, const pw_val *in, pw_val *out, sard_error *err) {
    (void)err;
    out[0] = pw_op1(b, PW_ISNAN, SARD_BOOL, widened(p, b, in[0]));
    return SARD_OK;
}

static sard_status emit_inf(const op_prep *p, pw_builder *b, const pw_val *in, pw_val *out, sard_error *err) {
    (void)err;
    pw_val x = widened(p, b, in[0]), y = pw_const(b, SARD_BOOL, 0);
    if (prep_attr(p, DETECT_POSITIVE)->i) y = pw_op1(b, PW_ISPINF, SARD_BOOL, x);
    if (prep_attr(p, DETECT_NEGATIVE)->i) y = pw_op2(b, PW_OR, SARD_BOOL, y, pw_op1(b, PW_ISNINF, SARD_BOOL, x));
    out[0] = y;
    return SARD_OK;
}

const op_def op_isnan = {
    .domain = "",
    .name = "IsNaN",
    .doc = "is an element NaN?",
    OP_SINCE(9, 13, 20),
    OP_IN(test_in),
    OP_OUT(test_out),
    .infer = infer_same_bool,
    .emit = emit_nan,
};
const op_def op_isinf = {
    .domain = "",
    .name = "IsInf",
    .doc = "is an element infinite?",
    OP_SINCE(10, 20),
    OP_ATTRS(isinf_attrs),
    OP_IN(test_in),
    OP_OUT(test_out),
    .infer = infer_same_bool,
    .emit = emit_inf,
};
