/*
 * builder.c -- building, checking and printing pointwise programs. See pointwise.h.
 *
 * Every call checks its operands at once, so that a builder without an error is well-typed; whether it fits one lane
 * class is the business of analyze.c.
 */
#include <stdio.h>
#include <string.h>

#include "kernels/pointwise/program.h"

typedef struct op_info {
    const char *name;
    uint8_t n;
    char kind;
} op_info;
static const op_info OPS[] = {
#define PW_X(name, n, kind) {#name, n, #kind[0]},
    PW_OPCODES(PW_X)
#undef PW_X
};

const char *pw_opcode_name(pw_opcode op) { return (unsigned)op < PW_OPCODE_COUNT ? OPS[op].name : "?"; }
int pw_operands(pw_opcode op) { return OPS[op].n; }

bool pw_is_float(pw_type t) { return t == SARD_F16 || t == SARD_BF16 || t == SARD_F32 || t == SARD_F64; }
bool pw_is_int(pw_type t) { return pw_family_of(t) == PW_FAM_INT && pw_bits(t) >= 8; }

static const char *type_name(pw_type t) {
    static const char *const names[] = {
        "undefined",  "f32",    "u8",         "i8",  "u16", "i16",    "i32",    "i64",  "string",
        "bool",       "f16",    "f64",        "u32", "u64", "c64",    "c128",   "bf16", "f8e4m3fn",
        "f8e4m3fnuz", "f8e5m2", "f8e5m2fnuz", "u4",  "i4",  "f4e2m1", "f8e8m0", "u2",   "i2"};
    return (size_t)t < sizeof names / sizeof *names ? names[t] : "?";
}

void pw_init(pw_builder *b) { memset(b, 0, sizeof *b); }

static pw_val fail(pw_builder *b, sard_status code, const char *what, const char *detail, const char *more) {
    if (b->status == SARD_OK) {
        b->status = code;
        snprintf(b->why, sizeof b->why, "%s %s%s%s", what, detail, *more ? ", " : "", more);
    }
    return PW_NONE;
}

static pw_val append(pw_builder *b, const pw_ins *v) {
    if (b->n >= PW_MAX_VALUES) return fail(b, SARD_UNSUPPORTED, "pointwise program too long:", "too many values", "");
    b->v[b->n] = *v;
    return b->n++;
}

pw_val pw_input(pw_builder *b, pw_type type) {
    if (b->status != SARD_OK) return PW_NONE;
    if (pw_family_of(type) == PW_FAM_NONE)
        return fail(b, SARD_UNSUPPORTED, "no pointwise input of type", type_name(type), "");
    if (b->n_in >= PW_MAX_INPUTS) return fail(b, SARD_UNSUPPORTED, "pointwise program too large:", "inputs", "");
    pw_ins v;
    memset(&v, 0, sizeof v);
    v.kind = PW_KIND_INPUT, v.type = (uint8_t)type, v.arg[0] = (int16_t)b->n_in;
    pw_val r = append(b, &v);
    if (r >= 0) b->n_in++;
    return r;
}

static pw_val add_const(pw_builder *b, pw_type type, pw_cell c) {
    pw_ins v;
    memset(&v, 0, sizeof v);
    v.kind = PW_KIND_CONST, v.type = (uint8_t)type;
    if (pw_family_of(type) == PW_FAM_F32)
        v.c.f = (double)c.f;
    else
        v.c.i = c.i; /* F64: the bits */
    for (pw_val i = 0; i < b->n; i++)
        if (b->v[i].kind == PW_KIND_CONST && b->v[i].type == type && b->v[i].c.i == v.c.i) return i;
    return append(b, &v);
}

pw_cell pw_const_cell(const pw_ins *v) {
    pw_cell c = {.i = v->c.i};
    if (pw_family_of((pw_type)v->type) == PW_FAM_F32) c.f = (float)v->c.f;
    return c;
}

pw_val pw_const(pw_builder *b, pw_type type, double x) {
    if (b->status != SARD_OK) return PW_NONE;
    if (pw_family_of(type) == PW_FAM_NONE)
        return fail(b, SARD_UNSUPPORTED, "no pointwise constant of type", type_name(type), "");
    return add_const(b, type, pw_convert(type, SARD_F64, 0, (pw_cell){.d = x}));
}

pw_val pw_const_i(pw_builder *b, pw_type type, int64_t x) {
    if (b->status != SARD_OK) return PW_NONE;
    if (pw_family_of(type) == PW_FAM_NONE)
        return fail(b, SARD_UNSUPPORTED, "no pointwise constant of type", type_name(type), "");
    return add_const(b, type, pw_convert(type, SARD_I64, 0, (pw_cell){.i = x}));
}

/* May a value of type `have` be an operand where `want` is computed? */
static bool fits(pw_type have, pw_type want) {
    return have == want || (pw_is_float(have) && pw_is_float(want) && pw_wide(have) == pw_wide(want));
}

static bool number(pw_type t) { return pw_is_float(t) || pw_is_int(t); }

static bool result_ok(char kind, pw_opcode op, pw_type t) {
    switch (kind) {
    case 'n':
        return number(t);
    case 'f':
        return pw_is_float(t);
    case 'i':
        return pw_is_int(t);
    case 's':
        return op == PW_WHERE ? number(t) || t == SARD_BOOL : pw_family_of(t) != PW_FAM_NONE;
    default:
        return t == SARD_BOOL;
    }
}

static bool operand_ok(char kind, pw_opcode op, pw_type result, int i, pw_type first, pw_type t) {
    switch (kind) {
    case 'b':
        return t == SARD_BOOL;
    case 'c':
        return (number(t) || (t == SARD_BOOL && (op == PW_EQ || op == PW_NE))) && fits(t, first);
    case 'p':
        return pw_is_float(t);
    case 's':
        return op == PW_CAST || (op == PW_WHERE && i == 0 ? t == SARD_BOOL : fits(t, result));
    default:
        return fits(t, result);
    }
}

static pw_val add_op(pw_builder *b, pw_opcode op, pw_type type, int n, const pw_val *a, unsigned flags) {
    if (b->status != SARD_OK) return PW_NONE;
    if ((unsigned)op >= PW_OPCODE_COUNT || OPS[op].n != n)
        return fail(b, SARD_INTERNAL, "pointwise: wrong number of operands of", pw_opcode_name(op), "");
    if (!result_ok(OPS[op].kind, op, type))
        return fail(b, SARD_UNSUPPORTED, "pointwise: wrong result type of", OPS[op].name, type_name(type));
    pw_ins v;
    memset(&v, 0, sizeof v);
    v.kind = PW_KIND_OP, v.op = (uint8_t)op, v.type = (uint8_t)type, v.flags = (uint8_t)flags;
    for (int i = 0; i < n; i++) {
        if (a[i] < 0 || a[i] >= b->n) return fail(b, SARD_INTERNAL, "pointwise: no such operand of", OPS[op].name, "");
        if (!operand_ok(OPS[op].kind, op, type, i, pw_type_of(b, a[0]), pw_type_of(b, a[i])))
            return fail(b, SARD_UNSUPPORTED, "pointwise: wrong operand type of", OPS[op].name,
                        type_name(pw_type_of(b, a[i])));
        v.arg[i] = (int16_t)a[i];
    }
    return append(b, &v);
}

pw_val pw_op1(pw_builder *b, pw_opcode op, pw_type type, pw_val a) {
    if (op == PW_CAST) return pw_cast(b, type, a, 0);
    return add_op(b, op, type, 1, &a, 0);
}
pw_val pw_op2(pw_builder *b, pw_opcode op, pw_type type, pw_val a, pw_val c) {
    return add_op(b, op, type, 2, (const pw_val[]){a, c}, 0);
}
pw_val pw_op3(pw_builder *b, pw_opcode op, pw_type type, pw_val a, pw_val c, pw_val d) {
    return add_op(b, op, type, 3, (const pw_val[]){a, c, d}, 0);
}

pw_val pw_cast(pw_builder *b, pw_type type, pw_val a, unsigned flags) {
    if (b->status == SARD_OK && a >= 0 && a < b->n) {
        if (pw_type_of(b, a) == type) return a;
        const pw_ins *v = &b->v[a];
        if (v->kind == PW_KIND_CONST && pw_family_of(type) != PW_FAM_NONE)
            return add_const(b, type, pw_convert(type, (pw_type)v->type, flags, pw_const_cell(v)));
    }
    return add_op(b, PW_CAST, type, 1, &a, flags);
}

void pw_output(pw_builder *b, pw_val v) {
    if (b->status != SARD_OK) return;
    if (v < 0 || v >= b->n)
        fail(b, SARD_INTERNAL, "pointwise: no such value for", "an output", "");
    else if (b->n_out >= PW_MAX_OUTPUTS)
        fail(b, SARD_UNSUPPORTED, "pointwise program too large:", "outputs", "");
    else
        b->out[b->n_out++] = (int16_t)v;
}

bool pw_equal(const pw_builder *a, const pw_builder *b) {
    return a->n == b->n && a->n_in == b->n_in && a->n_out == b->n_out && a->status == b->status &&
           memcmp(a->v, b->v, sizeof *a->v * (size_t)a->n) == 0 &&
           memcmp(a->out, b->out, sizeof *a->out * (size_t)a->n_out) == 0;
}

size_t pw_print(const pw_builder *b, char *buf, size_t cap) {
    size_t n = 0;
    for (int i = 0; i < b->n + b->n_out; i++) {
        char line[96], args[48] = "";
        if (i >= b->n) {
            snprintf(line, sizeof line, "output %%%d\n", b->out[i - b->n]);
        } else {
            const pw_ins *v = &b->v[i];
            const char *t = type_name((pw_type)v->type);
            size_t at = 0;
            for (int k = 0; v->kind == PW_KIND_OP && k < OPS[v->op].n; k++)
                at += (size_t)snprintf(args + at, sizeof args - at, " %%%d", v->arg[k]);
            if (v->kind == PW_KIND_INPUT)
                snprintf(line, sizeof line, "%%%d = input %d %s\n", i, v->arg[0], t);
            else if (v->kind == PW_KIND_OP)
                snprintf(line, sizeof line, "%%%d = %s %s%s\n", i, OPS[v->op].name, t, args);
            else if (pw_is_float((pw_type)v->type))
                snprintf(line, sizeof line, "%%%d = const %s %.9g\n", i, t, v->c.f);
            else
                snprintf(line, sizeof line, "%%%d = const %s %lld\n", i, t, (long long)v->c.i);
        }
        size_t len = strlen(line);
        if (n + len < cap) memcpy(buf + n, line, len + 1);
        n += len;
    }
    if (n == 0 && cap) *buf = 0;
    return n;
}
