/*
 * Clip -- limits every element to [min, max]: Min(max, Max(min, x)), so that NaN stays NaN.
 *
 *   11: min and max became inputs (before: attributes with the largest floats as defaults)
 */
#include "ops/common.h"

enum { X, LO, HI };
static const formal clip_in[] = {
    {.name = "input", .var = "T", .types = DT_NUMBER},
    {.name = "min", .var = "T", .types = DT_NUMBER, .flags = F_OPTIONAL},
    {.name = "max", .var = "T", .types = DT_NUMBER, .flags = F_OPTIONAL},
};
static const formal clip_out[] = {{.name = "output", .var = "T", .types = DT_NUMBER}};

static sard_status upgrade(draft *d, int since, sard_error *err) {
    (void)err;
    if (since >= 11) return SARD_OK;
    const vtype *x = draft_in_type(d, X);
    sard_dtype t = x->dtype ? (sard_dtype)x->dtype : SARD_F32;
    TRY(draft_attr_to_input(d, "min", LO, t, false));
    return draft_attr_to_input(d, "max", HI, t, false);
}

static sard_status emit(const op_prep *p, pw_builder *b, const pw_val *in, pw_val *out, sard_error *err) {
    (void)err;
    pw_val lo = p->n_in > LO && p->in[LO] ? in[LO] : PW_NONE, hi = p->n_in > HI && p->in[HI] ? in[HI] : PW_NONE;
    out[0] = pw_clip(b, (sard_dtype)p->out[0].dtype, in[X], lo, hi);
    return SARD_OK;
}

/* The bounds are scalars (a tensor of one element is taken, too): only the first input decides the shape. */
const op_def op_clip = {
    .domain = "",
    .name = "Clip",
    .doc = "limits every element to [min, max]",
    OP_SINCE(1, 6, 11, 12, 13),
    OP_IN(clip_in),
    OP_OUT(clip_out),
    .flags = OP_INPLACE0,
    .upgrade = upgrade,
    .infer = infer_same,
    .emit = emit,
};
