/*
 * Pow -- x to the power y; the result has x's type, y may be of any number type.
 *
 *   7: NumPy broadcasting (before: attributes broadcast, axis)    12: y's type is free
 */
#include "ops/common.h"

static const formal pow_in[] = {
    {.name = "X", .var = "T", .types = DT_FLOAT | DT(SARD_I32) | DT(SARD_I64)},
    {.name = "Y", .var = "T1", .types = DT_NUMBER},
};
static const formal pow_out[] = {{.name = "Z", .var = "T", .types = DT_FLOAT | DT(SARD_I32) | DT(SARD_I64)}};

/* The type in which the power is taken: one that holds both operands, without mixing lanes. */
static sard_dtype compute_type(sard_dtype x, sard_dtype y) {
    if (pw_is_int(x) && pw_is_int(y)) return x == SARD_I32 && dtype_bits(y) < 32 ? SARD_I32 : x == y ? x : SARD_I64;
    if (pw_is_int(x) || pw_is_int(y)) { /* small integers are exact in f32 */
        sard_dtype i = pw_is_int(x) ? x : y, f = pw_is_int(x) ? y : x;
        return dtype_bits(i) <= 16 && f != SARD_F64 ? SARD_F32 : SARD_F64;
    }
    return x == SARD_F64 || y == SARD_F64 ? SARD_F64 : SARD_F32;
}

static sard_status emit(const op_prep *p, pw_builder *b, const pw_val *in, pw_val *out, sard_error *err) {
    (void)err;
    sard_dtype x = (sard_dtype)p->in[0]->dtype, y = (sard_dtype)p->in[1]->dtype;
    sard_dtype t = compute_type(x, y);
    if (pw_wide(x) == t) { /* the power's own rounding is the node's */
        out[0] = pw_op2(b, PW_POW, x, in[0], pw_cast(b, t, in[1], 0));
        return SARD_OK;
    }
    pw_val z = pw_op2(b, PW_POW, t, pw_cast(b, t, in[0], 0), pw_cast(b, t, in[1], 0));
    out[0] = pw_cast(b, x, z, 0);
    return SARD_OK;
}

const op_def op_pow = {
    .domain = "",
    .name = "Pow",
    .doc = "x to the power y",
    OP_SINCE(1, 7, 12, 13, 15),
    OP_IN(pow_in),
    OP_OUT(pow_out),
    .flags = OP_INPLACE0,
    .upgrade = upgrade_old_broadcast,
    .infer = infer_broadcast,
    .emit = emit,
};
