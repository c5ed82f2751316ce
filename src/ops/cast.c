/*
 * Cast, CastLike -- conversion of element types. Between numbers it is an instruction of a pointwise program; to and
 * from strings and float6 it is a loop here.
 *
 *   6: `to` is a number (before: a type's name)    19: saturate (float8)    24: round_mode (float8e8m0)
 * Strings: numbers become the shortest text that reads back as the same number, in NumPy's form ("1.5", "1e-05", "nan").
 */
#include "ops/common.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/half.h"

enum { ROUND_MODE, SATURATE, TO };
static const attr_def cast_attrs[] = {ATTR_S("round_mode", "up"), ATTR_I("saturate", 1), ATTR_REQ("to", ATTR_INT)};
static const attr_def like_attrs[] = {ATTR_S("round_mode", "up"), ATTR_I("saturate", 1)};
#define TYPES (DT_ALL & ~DT_COMPLEX)
static const formal cast_in[] = {{.name = "input", .var = "T1", .types = TYPES}};
static const formal cast_out[] = {{.name = "output", .var = "T2", .types = TYPES}};
static const formal like_in[] = {
    {.name = "input", .var = "T1", .types = TYPES},
    {.name = "target_type", .var = "T2", .types = TYPES},
};

static sard_status upgrade(draft *d, int since, sard_error *err) {
    const attr *to = draft_attr(d, "to");
    if (since >= 6 || !to || to->type != ATTR_STRING) return SARD_OK;
    for (int t = 1; t < SARD_DTYPE_COUNT; t++) { /* "FLOAT", "INT64" ... */
        const char *name = sard_dtype_onnx_name((sard_dtype)t);
        if (strlen(name) == to->s.n && strncasecmp(name, to->s.p, to->s.n) == 0) return draft_set_int(d, "to", t);
    }
    return err_set(err, SARD_INVALID_MODEL, "attribute 'to' is \"%.*s\", which is no element type", (int)to->s.n,
                   to->s.p);
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    int64_t to = infer_attr(c, TO)->i;
    FAIL_IF(!dtype_in((int)(to < 0 || to > 99 ? 0 : to), TYPES), err, SARD_INVALID_MODEL,
            "attribute 'to' is %lld, which is no element type that can be cast to", (long long)to);
    TRY(infer_same(c, err));
    c->out[0].dtype = (uint8_t)to;
    bool ints = dtype_in(c->in[0]->dtype, DT(SARD_I32) | DT(SARD_I64) | DT(SARD_BOOL));
    if (ints && dtype_in((int)to, DT(SARD_I32) | DT(SARD_I64))) c->out_known[0] = c->in_known[0];
    return SARD_OK;
}

static sard_status emit(const op_prep *p, pw_builder *b, const pw_val *in, pw_val *out, sard_error *err) {
    static const char *const words[] = {"up", "down", "nearest"};
    static const unsigned round[] = {PW_ROUND_UP, PW_ROUND_DOWN, 0};
    sard_dtype to = (sard_dtype)prep_attr(p, TO)->i;
    unsigned flags = prep_attr(p, SATURATE)->i ? 0 : PW_NO_SATURATE;
    if (to == SARD_F8E8M0) {
        int mode;
        TRY(attr_word(prep_attr(p, ROUND_MODE), "round_mode", words, 3, &mode, err));
        flags |= round[mode];
    }
    pw_val x = in[0];
    if (dtype_in(to, DT(SARD_I4) | DT(SARD_U4) | DT(SARD_I2) | DT(SARD_U2)) && pw_is_float((sard_dtype)p->in[0]->dtype))
        x = pw_cast(b, p->in[0]->dtype == SARD_F64 ? SARD_I64 : SARD_I32, x, 0); /* these wrap, as NumPy's do */
    out[0] = pw_cast(b, to, x, flags);
    return SARD_OK;
}

/* ---- strings ------------------------------------------------------------------------------------------------------ */

/* The shortest "%g" digits that read back equal, laid out as NumPy prints floats. */
static int float_text(double v, int dtype, char *out, size_t cap) {
    if (v != v) return snprintf(out, cap, "nan");
    if (v - v != 0) return snprintf(out, cap, v > 0 ? "inf" : "-inf");
    char e[40];
    int digits = 1, most = dtype == SARD_F64 ? 17 : 9;
    for (; digits <= most; digits++) {
        snprintf(e, sizeof e, "%.*e", digits - 1, v);
        double back = dtype == SARD_F64 ? strtod(e, NULL) : (double)strtof(e, NULL);
        if (dtype == SARD_F16 && f16_to_f32(f32_to_f16((float)back)) == (float)v) break;
        if (dtype == SARD_BF16 && bf16_to_f32(f32_to_bf16((float)back)) == (float)v) break;
        if (back == v) break;
    }
    if (digits > most) digits = most;
    int exponent = (int)strtol(strchr(e, 'e') + 1, NULL, 10);
    if (v != 0 && (exponent < -4 || exponent >= 16)) {
        for (char *q = e; *q; q++)
            if (*q == ',') *q = '.'; /* whatever the process's locale is */
        return snprintf(out, cap, "%s", e);
    }
    int places = digits - 1 - exponent;
    int n = snprintf(out, cap, "%.*f", places < 1 ? 1 : places, v);
    for (char *q = out; *q; q++)
        if (*q == ',') *q = '.';
    return n;
}

int cast_number_text(const tensor *t, int64_t i, char *out, size_t cap) {
    if (t->dtype == SARD_BOOL) return snprintf(out, cap, tensor_get_i64(t, i) ? "True" : "False");
    if (t->dtype == SARD_U64) return snprintf(out, cap, "%llu", (unsigned long long)TENSOR_AT(t, uint64_t)[i]);
    if (dtype_in(t->dtype, DT_INT | DT(SARD_U4) | DT(SARD_I4) | DT(SARD_U2) | DT(SARD_I2)))
        return snprintf(out, cap, "%lld", (long long)tensor_get_i64(t, i));
    return float_text(tensor_get_f64(t, i), t->dtype, out, cap);
}

static sard_status to_strings(op_ctx *c, const tensor *x, tensor *y, sard_error *err) {
    char text[64];
    for (int64_t i = 0; i < tensor_count(x); i++) {
        int n = cast_number_text(x, i, text, sizeof text);
        TRY(op_string(c, text, (size_t)n, &TENSOR_AT(y, str)[i], err));
    }
    return SARD_OK;
}

static sard_status parse_error(str s, sard_dtype t, sard_error *err) {
    return err_set(err, SARD_RUNTIME, "\"%.*s\" cannot be read as %s", (int)(s.n < 60 ? s.n : 60), s.p,
                   sard_dtype_name(t));
}

/* Integers exactly (also beyond 2^53); what has a point or an exponent through double. */
static bool parse_integer(const char *p, tensor *y, int64_t i) {
    char *end;
    if (strpbrk(p, ".eEnN")) return false;
    uint64_t v = *p == '-' ? (uint64_t)strtoll(p, &end, 10) : strtoull(p, &end, 10);
    if (*end || end == p) return false;
    memcpy(TENSOR_AT(y, char) + i * (dtype_bits(y->dtype) / 8), &v, (size_t)dtype_bits(y->dtype) / 8);
    return true;
}

sard_status cast_strings(const tensor *x, tensor *y, sard_error *err) {
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!plain) return err_nomem(err, 0);
    sard_status status = SARD_OK;
    for (int64_t i = 0; i < tensor_count(x) && status == SARD_OK; i++) {
        str s = TENSOR_AT(x, str)[i];
        char text[512], *end;
        if (s.n == 0 || s.n >= sizeof text || memchr(s.p, 0, s.n)) {
            status = parse_error(s, (sard_dtype)y->dtype, err);
            break;
        }
        memcpy(text, s.p, s.n), text[s.n] = 0;
        if (y->dtype == SARD_BOOL && (!strcasecmp(text, "true") || !strcasecmp(text, "false"))) {
            TENSOR_AT(y, uint8_t)[i] = text[0] == 't' || text[0] == 'T';
            continue;
        }
        if (dtype_in(y->dtype, DT_INT) && parse_integer(text, y, i)) continue;
        double v = y->dtype == SARD_F32 ? (double)strtof_l(text, &end, plain) : strtod_l(text, &end, plain);
        if (*end || end == text)
            status = parse_error(s, (sard_dtype)y->dtype, err);
        else
            tensor_set_f64(y, i, v);
    }
    freelocale(plain);
    return status;
}

/* Of types that programs do not take (float6): through double, which holds each of their values. */
static sard_status numbers(op_ctx *c, const tensor *x, tensor *y, sard_error *err) {
    static const char *const words[] = {"up", "down", "nearest"};
    int mode = 0;
    if (y->dtype == SARD_F8E8M0) TRY(attr_word(op_attr(c, ROUND_MODE), "round_mode", words, 3, &mode, err));
    const e8m0_round rounds[] = {E8M0_UP, E8M0_DOWN, E8M0_NEAREST};
    for (int64_t i = 0; i < tensor_count(x); i++) {
        double v = tensor_get_f64(x, i);
        if (y->dtype == SARD_F8E8M0)
            TENSOR_AT(y, uint8_t)[i] = f32_to_f8e8m0((float)v, op_attr(c, SATURATE)->i != 0, rounds[mode]);
        else
            tensor_set_f64(y, i, v);
    }
    return SARD_OK;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0);
    shape s = shape_of(x);
    tensor *y;
    TRY(op_out(c, 0, (sard_dtype)op_attr(c, TO)->i, &s, &y, err));
    if (x->dtype == SARD_STRING && y->dtype == SARD_STRING) {
        memcpy(tensor_data(y), tensor_data(x), tensor_bytes(x));
        return SARD_OK;
    }
    if (x->dtype != SARD_STRING && y->dtype != SARD_STRING) return numbers(c, x, y, err);
    return y->dtype == SARD_STRING ? to_strings(c, x, y, err) : cast_strings(x, y, err);
}

const op_def op_cast = {
    .domain = "",
    .name = "Cast",
    .doc = "conversion of the element type",
    OP_SINCE(1, 6, 9, 13, 19, 21, 23, 24, 25, 28),
    OP_ATTRS(cast_attrs),
    OP_IN(cast_in),
    OP_OUT(cast_out),
    .flags = OP_INPLACE0,
    .upgrade = upgrade,
    .infer = infer,
    .emit = emit,
    .run = run,
};

/* ---- CastLike: a Cast to the second input's type ------------------------------------------------------------------- */

static sard_status infer_like(infer_ctx *c, sard_error *err) {
    TRY(infer_same(c, err));
    c->out[0].dtype = c->in[1]->dtype;
    return SARD_OK;
}

static sard_status lower_like(lower_ctx *c, sard_error *err) {
    (void)err;
    const value_id x = node_in(c->b.g, c->node, 0);
    const attr_arg args[] = {
        {.name = "round_mode", .type = ATTR_STRING, .s = c->node->attrs[ROUND_MODE].s.p},
        ARG_I("saturate", c->node->attrs[SATURATE].i),
        ARG_I("to", c->in[1]->dtype),
    };
    c->out[0] = build_op(&c->b, "Cast", &x, 1, args, 3);
    return builder_result(&c->b);
}

const op_def op_castlike = {
    .domain = "",
    .name = "CastLike",
    .doc = "conversion to the element type of another tensor",
    OP_SINCE(15, 19, 21, 23, 24, 25),
    OP_ATTRS(like_attrs),
    OP_IN(like_in),
    OP_OUT(cast_out),
    .infer = infer_like,
    .lower = lower_like,
};
