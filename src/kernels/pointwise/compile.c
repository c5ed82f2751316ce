/*
 * compile.c -- from a builder's values to steps for an accumulator. See program.h.
 *
 * One pass in order of definition. Each value lives in the accumulator, in a slot, or both; an instruction wants its
 * first operand in the accumulator (its second, where the operation can be swapped) and the others in slots. A value
 * with uses left is spilled to a temporary just before the accumulator is overwritten. Outputs are stored last, after
 * every load, so that an output may be the same memory as an input.
 */
#include <stdio.h>
#include <string.h>

#include "base/half.h"
#include "base/mem.h"
#include "kernels/pointwise/program.h"

typedef struct gen {
    const pw_builder *b;
    pw_program *p;
    pw_step step[PW_MAX_STEPS];
    int n;
    int16_t root[PW_MAX_VALUES];   /* the value that stands for this one (casts that change nothing) */
    int16_t uses[PW_MAX_VALUES];   /* still to come, outputs included; of roots */
    int16_t slot[PW_MAX_VALUES];   /* -1: none */
    int16_t source[PW_MAX_VALUES]; /* -1: not read from an input */
    bool live[PW_MAX_VALUES];
    int acc; /* value in the accumulator, -1: none */
    uint32_t temps_used;
    float extra[PW_MAX_CONSTS]; /* constants made here, by slot - CONST_BASE; 0: none */
    const char *fail;
} gen;

enum { TEMP_BASE = PW_MAX_SOURCES + PW_MAX_OUTPUTS, CONST_BASE = TEMP_BASE + PW_MAX_TEMPS };

static pw_type type_of(const gen *g, int v) { return (pw_type)g->b->v[v].type; }
static bool is_u(pw_type t) { return t == SARD_U32 || t == SARD_U64; }
static bool is_packed(pw_type t) { return t == SARD_I4 || t == SARD_U4 || t == SARD_I2 || t == SARD_U2; }

/* ---- which values cost nothing -------------------------------------------------------------------------------------- */

static bool range_within(pw_type from, pw_type to) { /* integers: every value of `from` stays itself */
    int f = pw_bits(from), t = pw_bits(to);
    bool fu = from == SARD_U8 || from == SARD_U16 || is_u(from) || from == SARD_U4 || from == SARD_U2;
    bool tu = to == SARD_U8 || to == SARD_U16 || is_u(to) || to == SARD_U4 || to == SARD_U2;
    return fu == tu ? f <= t : fu && f < t;
}

static bool float_within(pw_type from, pw_type to) {
    return from == to || to == SARD_F64 || (to == SARD_F32 && pw_family_of(from) == PW_FAM_F32);
}

/* Is the conversion the identity on lanes? */
static bool free_cast(const gen *g, pw_type from, pw_type to, unsigned flags) {
    pw_family ff = pw_family_of(from), tf = pw_family_of(to);
    if (from == to) return true;
    if (ff == PW_FAM_INT && tf == PW_FAM_INT) {
        if (range_within(from, to) && !(g->p->lane_bits == 32 && pw_bits(to) > 32)) return true;
        return !(flags & PW_SATURATE_INT) && pw_bits(to) == g->p->lane_bits; /* all bits of a lane */
    }
    bool floats = (ff == PW_FAM_F32 || ff == PW_FAM_F64) && (tf == PW_FAM_F32 || tf == PW_FAM_F64);
    return floats && float_within(from, to) && !(g->p->lane_bits == 32 && to == SARD_F64);
}

/* An input is read once for each type it is wanted in; sources are found or added. */
static int add_source(gen *g, int input, pw_type type, pw_type lane, unsigned flags) {
    pw_program *p = g->p;
    for (int i = 0; i < p->n_sources; i++) {
        const pw_source *s = &p->source[i];
        if (s->input == input && s->lane == lane && s->flags == flags) return i;
    }
    bool native = pw_bits(type) == p->lane_bits;
    if (p->lane_bits == 32 && (pw_family_of(type) == PW_FAM_BOOL || type == SARD_F16 || type == SARD_BF16 ||
                               (pw_family_of(type) == PW_FAM_INT && (pw_bits(type) == 8 || pw_bits(type) == 16))))
        native = true;
    p->source[p->n_sources] = (pw_source){.input = (int16_t)input,
                                          .type = (uint8_t)type,
                                          .lane = (uint8_t)lane,
                                          .flags = (uint8_t)flags,
                                          .staged = !native || lane != type};
    return p->n_sources++;
}

static void mark_live(gen *g) {
    const pw_builder *b = g->b;
    for (int i = 0; i < b->n_out; i++) g->live[b->out[i]] = true;
    for (int v = b->n - 1; v >= 0; v--)
        for (int k = 0; g->live[v] && b->v[v].kind == PW_KIND_OP && k < pw_operands((pw_opcode)b->v[v].op); k++)
            g->live[b->v[v].arg[k]] = true;
}

/* A 64-bit value at the border of a 32-bit program: read or stored by staging, never in lanes. */
static bool outside(const gen *g, int v) { return g->p->lane_bits == 32 && pw_bits(type_of(g, v)) == 64; }

static void find_roots(gen *g) {
    const pw_builder *b = g->b;
    for (int v = 0; v < b->n; v++) {
        const pw_ins *x = &b->v[v];
        g->root[v] = (int16_t)v, g->slot[v] = g->source[v] = -1;
        if (!g->live[v]) continue;
        if (x->kind == PW_KIND_INPUT && !outside(g, v)) {
            g->source[v] = (int16_t)add_source(g, x->arg[0], type_of(g, v), type_of(g, v), 0);
        } else if (x->kind == PW_KIND_CONST && !outside(g, v)) {
            g->slot[v] = (int16_t)(CONST_BASE + g->p->n_consts++);
        } else if (x->kind == PW_KIND_OP && x->op == PW_CAST) {
            int a = x->arg[0];
            if (outside(g, a)) /* an input or constant that is only cast */
                g->source[v] = (int16_t)add_source(g, b->v[a].arg[0], type_of(g, a), type_of(g, v), x->flags);
            else if (outside(g, v) || free_cast(g, type_of(g, a), type_of(g, v), x->flags))
                g->root[v] = g->root[a];
        } else if (x->kind == PW_KIND_OP && x->op == PW_COPY && free_cast(g, type_of(g, x->arg[0]), type_of(g, v), 0)) {
            g->root[v] = g->root[x->arg[0]];
        }
        if (g->source[v] >= 0 &&
            (g->p->source[g->source[v]].staged || pw_bits((pw_type)g->p->source[g->source[v]].type) == g->p->lane_bits))
            g->slot[v] = g->source[v]; /* lies in lanes */
    }
}

static bool emits(const gen *g, int v) {
    return g->live[v] && g->b->v[v].kind == PW_KIND_OP && g->root[v] == v && g->source[v] < 0;
}

static void count_uses(gen *g) {
    const pw_builder *b = g->b;
    for (int v = 0; v < b->n; v++)
        for (int k = 0; emits(g, v) && k < pw_operands((pw_opcode)b->v[v].op); k++) g->uses[g->root[b->v[v].arg[k]]]++;
    for (int i = 0; i < b->n_out; i++) g->uses[g->root[b->out[i]]]++;
}

/* ---- steps ---------------------------------------------------------------------------------------------------------- */

static pw_step *emit(gen *g, pw_step_kind kind, int a, int b) {
    if (g->n >= PW_MAX_STEPS - 1) g->fail = "too many steps", g->n = 0;
    pw_step *s = &g->step[g->n++];
    *s = (pw_step){.fn = g->p->code->fn[kind], .a = (int16_t)a, .b = (int16_t)b, .kind = (uint8_t)kind};
    return s;
}

static int new_temp(gen *g) {
    for (int t = 0; t < PW_MAX_TEMPS; t++)
        if (!(g->temps_used >> t & 1)) {
            g->temps_used |= 1u << t;
            if (t >= g->p->n_temps) g->p->n_temps = t + 1;
            return TEMP_BASE + t;
        }
    g->fail = "too many values alive at once";
    return TEMP_BASE;
}

static void release(gen *g, int v) { /* one use less */
    if (--g->uses[v] == 0 && g->slot[v] >= TEMP_BASE && g->slot[v] < CONST_BASE) {
        g->temps_used &= ~(1u << (g->slot[v] - TEMP_BASE));
        g->slot[v] = -1;
    }
}

/* The step that reads an input into the accumulator; LD + k and TMP_F16 + k go together. */
static pw_step_kind load_kind(pw_type t) {
    switch (t) {
    case SARD_F16:
        return PW_S_LD_F16;
    case SARD_BF16:
        return PW_S_LD_BF16;
    case SARD_I8:
        return PW_S_LD_I8;
    case SARD_U8:
        return PW_S_LD_U8;
    case SARD_I16:
        return PW_S_LD_I16;
    case SARD_U16:
        return PW_S_LD_U16;
    default:
        return PW_S_LD_BOOL;
    }
}

static int slot_of(gen *g, int v) { /* v as an operand in memory */
    if (g->slot[v] < 0) {
        int t = new_temp(g);
        g->slot[v] = (int16_t)t;
        if (g->acc == v) {
            emit(g, PW_S_ST, t, -1);
        } else {
            pw_step_kind ld = load_kind((pw_type)g->p->source[g->source[v]].type);
            emit(g, (pw_step_kind)(ld - PW_S_LD_F16 + PW_S_TMP_F16), g->source[v], t);
        }
    }
    return g->slot[v];
}

/* The accumulator is about to be overwritten; `mine`: uses of its value by the instruction itself. */
static void save_acc(gen *g, int mine) {
    if (g->acc >= 0 && g->uses[g->acc] > mine) slot_of(g, g->acc);
}

static void load(gen *g, int v) {
    if (g->acc == v) return;
    if (g->slot[v] >= 0)
        emit(g, PW_S_LD, g->slot[v], -1);
    else
        emit(g, load_kind((pw_type)g->p->source[g->source[v]].type), g->source[v], -1);
    g->acc = v;
}

/* ---- choice of step -------------------------------------------------------------------------------------------------- */

typedef struct choice {
    pw_step_kind kind, swapped; /* PW_S_END: none */
} choice;

/* By opcode; what is not listed is a CALL. */
static const choice FLOAT_STEPS[PW_OPCODE_COUNT] = {
    [PW_NEG] = {PW_S_NEG_F, PW_S_END},
    [PW_ABS] = {PW_S_ABS_F, PW_S_END},
    [PW_SIGN] = {PW_S_SIGN_F, PW_S_END},
    [PW_SQRT] = {PW_S_SQRT, PW_S_END},
    [PW_RECIPROCAL] = {PW_S_RECIPROCAL, PW_S_END},
    [PW_FLOOR] = {PW_S_FLOOR, PW_S_END},
    [PW_CEIL] = {PW_S_CEIL, PW_S_END},
    [PW_ROUND] = {PW_S_ROUND, PW_S_END},
    [PW_TRUNC] = {PW_S_TRUNC, PW_S_END},
    [PW_EXP] = {PW_S_EXP, PW_S_END},
    [PW_EXPM1] = {PW_S_EXPM1, PW_S_END},
    [PW_LOG] = {PW_S_LOG, PW_S_END},
    [PW_SIGMOID] = {PW_S_SIGMOID, PW_S_END},
    [PW_TANH] = {PW_S_TANH, PW_S_END},
    [PW_ERF] = {PW_S_ERF, PW_S_END},
    [PW_SOFTPLUS] = {PW_S_SOFTPLUS, PW_S_END},
    [PW_SIN] = {PW_S_SIN, PW_S_END},
    [PW_COS] = {PW_S_COS, PW_S_END},
    [PW_ISNAN] = {PW_S_ISNAN, PW_S_END},
    [PW_ISPINF] = {PW_S_ISPINF, PW_S_END},
    [PW_ISNINF] = {PW_S_ISNINF, PW_S_END},
    [PW_ADD] = {PW_S_ADD_F, PW_S_ADD_F},
    [PW_SUB] = {PW_S_SUB_F, PW_S_SUBT_F},
    [PW_MUL] = {PW_S_MUL_F, PW_S_MUL_F},
    [PW_DIV] = {PW_S_DIV_F, PW_S_DIVT_F},
    [PW_POW] = {PW_S_POW_F, PW_S_END},
    [PW_MIN] = {PW_S_MIN_F, PW_S_MINT_F},
    [PW_MAX] = {PW_S_MAX_F, PW_S_MAXT_F},
    [PW_EQ] = {PW_S_EQ_F, PW_S_EQ_F},
    [PW_NE] = {PW_S_NE_F, PW_S_NE_F},
    [PW_LT] = {PW_S_LT_F, PW_S_GT_F},
    [PW_LE] = {PW_S_LE_F, PW_S_GE_F},
    [PW_GT] = {PW_S_GT_F, PW_S_LT_F},
    [PW_GE] = {PW_S_GE_F, PW_S_LE_F},
    [PW_FMA] = {PW_S_FMA, PW_S_END},
};
static const choice INT_STEPS[PW_OPCODE_COUNT] = {
    /* BOOL too */
    [PW_NEG] = {PW_S_NEG_I, PW_S_END},    [PW_ABS] = {PW_S_ABS_I, PW_S_END},   [PW_SIGN] = {PW_S_SIGN_I, PW_S_END},
    [PW_NOT] = {PW_S_NOT, PW_S_END},      [PW_BITNOT] = {PW_S_NOT, PW_S_END},  [PW_ADD] = {PW_S_ADD_I, PW_S_ADD_I},
    [PW_SUB] = {PW_S_SUB_I, PW_S_SUBT_I}, [PW_MUL] = {PW_S_MUL_I, PW_S_MUL_I}, [PW_MIN] = {PW_S_MIN_I, PW_S_MIN_I},
    [PW_MAX] = {PW_S_MAX_I, PW_S_MAX_I},  [PW_AND] = {PW_S_AND, PW_S_AND},     [PW_BITAND] = {PW_S_AND, PW_S_AND},
    [PW_OR] = {PW_S_OR, PW_S_OR},         [PW_BITOR] = {PW_S_OR, PW_S_OR},     [PW_XOR] = {PW_S_XOR, PW_S_XOR},
    [PW_BITXOR] = {PW_S_XOR, PW_S_XOR},   [PW_EQ] = {PW_S_EQ_I, PW_S_EQ_I},    [PW_NE] = {PW_S_NE_I, PW_S_NE_I},
    [PW_LT] = {PW_S_LT_I, PW_S_GT_I},     [PW_LE] = {PW_S_LE_I, PW_S_GE_I},    [PW_GT] = {PW_S_GT_I, PW_S_LT_I},
    [PW_GE] = {PW_S_GE_I, PW_S_LE_I},
};
/* Where a full lane of unsigned bits differs from signed ones. */
static choice unsigned_step(pw_opcode op) {
    switch (op) {
    case PW_SIGN:
        return (choice){PW_S_SIGN_U, PW_S_END};
    case PW_MIN:
        return (choice){PW_S_MIN_U, PW_S_MIN_U};
    case PW_MAX:
        return (choice){PW_S_MAX_U, PW_S_MAX_U};
    case PW_LT:
        return (choice){PW_S_LT_U, PW_S_GT_U};
    case PW_LE:
        return (choice){PW_S_LE_U, PW_S_GE_U};
    case PW_GT:
        return (choice){PW_S_GT_U, PW_S_LT_U};
    case PW_GE:
        return (choice){PW_S_GE_U, PW_S_LE_U};
    case PW_ABS:
        return (choice){PW_S_END, PW_S_END};
    default:
        return INT_STEPS[op];
    }
}

static bool is_float_family(pw_type t) { return pw_family_of(t) == PW_FAM_F32 || pw_family_of(t) == PW_FAM_F64; }

/* Division of floats by a constant: a multiplication by a power of two, or a step that has the same bits as the division
 * and costs two FMAs. Returns the slot of the reciprocal, or -1. */
static int reciprocal_slot(gen *g, const pw_ins *v, choice *c) {
    const pw_ins *d = &g->b->v[g->root[v->arg[1]]];
    if (v->op != PW_DIV || pw_family_of((pw_type)v->type) != PW_FAM_F32 || d->kind != PW_KIND_CONST) return -1;
    uint32_t bits = f32_bits((float)d->c.f), mantissa = bits & 0x7fffff, exponent = bits >> 23 & 0xff;
    if (exponent < 127 - 60 || exponent > 127 + 60 || mantissa == 0x7fffff || g->p->n_consts >= PW_MAX_CONSTS)
        return -1;
    *c = (choice){mantissa ? PW_S_DIVK_F : PW_S_MUL_F, PW_S_END};
    g->extra[g->p->n_consts] = 1 / (float)d->c.f;
    return CONST_BASE + g->p->n_consts++;
}

static choice choose(const gen *g, const pw_ins *v) {
    pw_type t = (pw_type)v->type;
    if (t == SARD_BOOL) t = type_of(g, v->arg[0]);
    if (v->op == PW_WHERE) return (choice){PW_S_WHERE, PW_S_END};
    choice c = is_float_family(t) ? FLOAT_STEPS[v->op] : is_u(t) ? unsigned_step((pw_opcode)v->op) : INT_STEPS[v->op];
    const pw_ins *first = &g->b->v[g->root[v->arg[0]]];
    bool number = first->kind == PW_KIND_CONST && pw_operands((pw_opcode)v->op) == 2 && is_float_family(t) &&
                  !(first->c.f != first->c.f);
    if (number && v->op == PW_MIN) c.swapped = PW_S_MINK_F;
    if (number && v->op == PW_MAX) c.swapped = PW_S_MAXK_F;
    if (c.kind == PW_S_END || !g->p->code->fn[c.kind]) c = (choice){PW_S_CALL, PW_S_END};
    return c;
}

static void call(gen *g, pw_opcode op, pw_type type, pw_type from, unsigned flags, int a, int b) {
    pw_step *s = emit(g, PW_S_CALL, a, b);
    s->op = (uint8_t)op, s->type = (uint8_t)type, s->from = (uint8_t)from, s->flags = (uint8_t)flags;
}

static void clamp_to(gen *g, pw_type t) {
    int n = pw_bits(t);
    bool u = t == SARD_U8 || t == SARD_U16 || t == SARD_U4 || t == SARD_U2;
    pw_step *s = emit(g, PW_S_CLAMP_I, -1, -1);
    s->lo = u ? 0 : -((int64_t)1 << (n - 1));
    s->hi = u ? ((int64_t)1 << n) - 1 : ((int64_t)1 << (n - 1)) - 1;
}

/* Brings the accumulator back into the range of a type narrower than a lane. */
static void narrow(gen *g, pw_type t, pw_type from) {
    switch (t) {
    case SARD_F16:
        emit(g, PW_S_RND_F16, -1, -1);
        break;
    case SARD_BF16:
        emit(g, PW_S_RND_BF16, -1, -1);
        break;
    case SARD_I8:
        emit(g, PW_S_WRAP_I8, -1, -1);
        break;
    case SARD_U8:
        emit(g, PW_S_WRAP_U8, -1, -1);
        break;
    case SARD_I16:
        emit(g, PW_S_WRAP_I16, -1, -1);
        break;
    case SARD_U16:
        emit(g, PW_S_WRAP_U16, -1, -1);
        break;
    case SARD_F32:
    case SARD_I32:
    case SARD_U32:
        break;
    default:
        call(g, PW_CAST, t, from, 0, -1, -1);
    }
}

static void cast32(gen *g, pw_type from, pw_type to, unsigned flags) {
    pw_family ff = pw_family_of(from), tf = pw_family_of(to);
    bool plain_int = tf == PW_FAM_INT && !is_u(to) && pw_bits(to) <= 32;
    bool exotic = tf == PW_FAM_F32 && to != SARD_F32 && to != SARD_F16 && to != SARD_BF16;
    if (tf == PW_FAM_BOOL) {
        emit(g, ff == PW_FAM_F32 ? PW_S_F_TO_BOOL : PW_S_I_TO_BOOL, -1, -1);
    } else if (ff == PW_FAM_F32 && plain_int) {
        emit(g, PW_S_F_TO_I, -1, -1);
        if (pw_bits(to) < 32) clamp_to(g, to);
    } else if (ff == PW_FAM_F32 && tf == PW_FAM_INT) {
        emit(g, PW_S_F_TO_U, -1, -1);
    } else if (ff == PW_FAM_INT && tf == PW_FAM_INT && plain_int && pw_bits(to) < 32 && from != SARD_U32 &&
               (flags & PW_SATURATE_INT)) {
        clamp_to(g, to);
    } else if (ff == PW_FAM_INT && tf == PW_FAM_INT && !(flags & PW_SATURATE_INT) && !is_packed(to)) {
        narrow(g, to, from);
    } else if (ff == PW_FAM_BOOL && tf == PW_FAM_INT) {
        emit(g, PW_S_BOOL_TO_I, -1, -1);
    } else if (ff == PW_FAM_BOOL && !exotic) {
        emit(g, PW_S_BOOL_TO_F, -1, -1);
    } else if (ff == PW_FAM_INT && tf == PW_FAM_F32 && !exotic) {
        emit(g, from == SARD_U32 ? PW_S_U_TO_F : PW_S_I_TO_F, -1, -1);
        if (to != SARD_F32) narrow(g, to, SARD_F32);
    } else if (ff == PW_FAM_F32 && tf == PW_FAM_F32 && !exotic) {
        narrow(g, to, from);
    } else {
        call(g, PW_CAST, to, from, flags, -1, -1);
    }
}

static void cast64(gen *g, pw_type from, pw_type to, unsigned flags) {
    if (from == SARD_F64 && to == SARD_I64)
        emit(g, PW_S_F_TO_I, -1, -1);
    else if (from == SARD_I64 && to == SARD_F64)
        emit(g, PW_S_I_TO_F, -1, -1);
    else if (to == SARD_BOOL)
        emit(g, is_float_family(from) ? PW_S_F_TO_BOOL : PW_S_I_TO_BOOL, -1, -1);
    else if (from == SARD_BOOL && pw_family_of(to) == PW_FAM_INT)
        emit(g, PW_S_BOOL_TO_I, -1, -1);
    else if (from == SARD_BOOL && to != SARD_F8E8M0)
        emit(g, PW_S_BOOL_TO_F, -1, -1);
    else
        call(g, PW_CAST, to, from, flags, -1, -1);
}

/* Can the result of op on operands that have type t already be outside of t? */
static bool needs_narrowing(const gen *g, const pw_ins *v) {
    pw_type t = (pw_type)v->type;
    if (t == SARD_BOOL || pw_bits(t) >= 32) return false;
    if (pw_is_int(t)) {
        bool grows = v->op == PW_ADD || v->op == PW_SUB || v->op == PW_MUL || v->op == PW_NEG || v->op == PW_ABS;
        return grows || v->op == PW_BITNOT;
    }
    switch (v->op) {
    case PW_COPY:
    case PW_NEG:
    case PW_ABS:
    case PW_SIGN:
    case PW_FLOOR:
    case PW_CEIL:
    case PW_ROUND:
    case PW_TRUNC:
    case PW_MIN:
    case PW_MAX:
    case PW_WHERE:
        for (int k = v->op == PW_WHERE; k < pw_operands((pw_opcode)v->op); k++)
            if (type_of(g, v->arg[k]) != t) return true;
        return false;
    default:
        return true;
    }
}

static void gen_value(gen *g, int v) {
    const pw_ins *x = &g->b->v[v];
    int n = pw_operands((pw_opcode)x->op), arg[3] = {-1, -1, -1}, slot[2] = {-1, -1};
    for (int k = 0; k < n; k++) arg[k] = g->root[x->arg[k]];
    choice c = x->op == PW_CAST || x->op == PW_COPY ? (choice){PW_S_END, PW_S_END} : choose(g, x);
    int reciprocal = c.kind == PW_S_DIV_F ? reciprocal_slot(g, x, &c) : -1;
    bool swap = n == 2 && g->acc != arg[0] && c.swapped != PW_S_END &&
                (g->acc == arg[1] || c.swapped == PW_S_MINK_F || c.swapped == PW_S_MAXK_F);
    int first = swap ? arg[1] : arg[0];
    for (int k = 1; k < n; k++) slot[k - 1] = slot_of(g, swap ? arg[0] : arg[k]);
    if (g->acc != first) save_acc(g, 0);
    load(g, first);
    int mine = 0;
    for (int k = 0; k < n; k++) mine += arg[k] == first;
    save_acc(g, mine);
    if (x->op == PW_CAST) {
        (g->p->lane_bits == 32 ? cast32 : cast64)(g, type_of(g, x->arg[0]), type_of(g, v), x->flags);
    } else if (c.kind == PW_S_CALL) {
        pw_type from = type_of(g, x->arg[n == 3 && x->op == PW_WHERE ? 1 : 0]);
        call(g, (pw_opcode)x->op, (pw_type)x->type, from, x->flags, slot[0], slot[1]);
    } else if (c.kind != PW_S_END) {
        if (c.kind == PW_S_DIVK_F)
            slot[1] = reciprocal;
        else if (reciprocal >= 0)
            slot[0] = reciprocal;
        emit(g, swap ? c.swapped : c.kind, slot[0], slot[1]);
    }
    if (x->op != PW_CAST && c.kind != PW_S_CALL && needs_narrowing(g, x)) narrow(g, (pw_type)x->type, SARD_F32);
    for (int k = 0; k < n; k++) release(g, arg[k]);
    g->acc = v;
}

/* ---- outputs ---------------------------------------------------------------------------------------------------------- */

static pw_step_kind store_kind(const pw_sink *s) {
    if (s->staged) return PW_S_ST;
    switch ((pw_type)s->type) {
    case SARD_F16:
        return PW_S_ST_F16;
    case SARD_BF16:
        return PW_S_ST_BF16;
    case SARD_I8:
    case SARD_U8:
        return PW_S_ST_8;
    case SARD_I16:
    case SARD_U16:
        return PW_S_ST_16;
    case SARD_BOOL:
        return PW_S_ST_BOOL;
    default:
        return PW_S_ST;
    }
}

static void gen_output(gen *g, int i) {
    int v = g->b->out[i], r = g->root[v];
    pw_sink *s = &g->p->sink[i];
    pw_type t = type_of(g, v);
    s->type = s->lane = (uint8_t)t;
    if (outside(g, v)) { /* the cast is done in staging */
        s->lane = (uint8_t)type_of(g, g->b->v[v].arg[0]);
        s->flags = g->b->v[v].flags;
    }
    int bits = pw_bits(t);
    bool native = bits == g->p->lane_bits;
    if (g->p->lane_bits == 32 && (t == SARD_BOOL || t == SARD_F16 || t == SARD_BF16 || (pw_is_int(t) && bits < 32)))
        native = true;
    s->staged = !native;
    load(g, r);
    emit(g, store_kind(s), PW_MAX_SOURCES + i, -1);
    release(g, r);
}

static void gen_all(gen *g) {
    const pw_builder *b = g->b;
    g->acc = -1;
    for (int v = 0; v < b->n && !g->fail; v++)
        if (emits(g, v)) gen_value(g, v);
    bool done[PW_MAX_OUTPUTS] = {false};
    for (int i = 0; i < b->n_out; i++) /* what is in the accumulator goes first */
        if (g->root[b->out[i]] == g->acc) gen_output(g, i), done[i] = true;
    /* every other output is in a slot or an input; loads of inputs come before any store */
    for (int i = 0; i < b->n_out; i++)
        if (!done[i]) gen_output(g, i);
    emit(g, PW_S_END, -1, -1);
}

static int step_cost(const pw_step *s) {
    switch (s->kind) {
    case PW_S_EXP:
    case PW_S_EXPM1:
    case PW_S_SIGMOID:
    case PW_S_TANH:
    case PW_S_ERF:
        return 8;
    case PW_S_LOG:
    case PW_S_SIN:
    case PW_S_COS:
    case PW_S_SOFTPLUS:
        return 12;
    case PW_S_POW_F:
        return 60;
    case PW_S_DIV_F:
    case PW_S_DIVT_F:
    case PW_S_RECIPROCAL:
    case PW_S_SQRT:
        return 4;
    case PW_S_CALL:
        return 200;
    default:
        return 1;
    }
}

static void fill_consts(const gen *g) {
    pw_program *p = g->p;
    int size = p->lane_bits / 8;
    for (int s = 0; s < p->n_consts; s++)
        for (int k = 0; k < PW_VEC_MAX / 4 && g->extra[s] != 0; k++)
            memcpy(p->consts + s * PW_VEC_MAX + k * 4, &g->extra[s], 4);
    for (int v = 0; v < g->b->n; v++) {
        int s = g->slot[v] - CONST_BASE;
        if (!g->live[v] || g->b->v[v].kind != PW_KIND_CONST || s < 0) continue;
        for (int k = 0; k < PW_VEC_MAX / size; k++)
            pw_to_lane(type_of(g, v), p->lane_bits, p->consts + s * PW_VEC_MAX + k * size, pw_const_cell(&g->b->v[v]));
    }
}

static sard_status finish(gen *g, pw_program **out, sard_error *err) {
    size_t steps = sizeof(pw_step) * (size_t)g->n, consts = (size_t)g->p->n_consts * PW_VEC_MAX;
    size_t head = (sizeof(pw_program) + 63) & ~(size_t)63;
    pw_program *p = mem_alloc(head + consts + steps);
    if (!p) return err_nomem(err, head + consts + steps);
    *p = *g->p;
    p->consts = (char *)p + head, p->steps = (pw_step *)(void *)((char *)p + head + consts), p->n_steps = g->n;
    memcpy(p->steps, g->step, steps);
    g->p = p;
    fill_consts(g);
    for (int i = 0; i < g->n; i++) p->cost += step_cost(&g->step[i]);
    *out = p;
    return SARD_OK;
}

static sard_status generate(gen *g, const pw_builder *b, isa level, pw_program *p, sard_error *err) {
    pw_class c;
    TRY(pw_classify(b, &c, err));
    g->b = b, g->p = p;
    p->lane_bits = c.lane_bits, p->code = pw_code_for(level, c.lane_bits);
    FAIL_IF(!p->code, err, SARD_INVALID_ARGUMENT, "pointwise programs: no code for instruction set %s",
            isa_name(level));
    p->n_in = b->n_in, p->n_out = b->n_out;
    for (int v = 0; v < b->n; v++)
        if (b->v[v].kind == PW_KIND_INPUT) p->in_type[b->v[v].arg[0]] = b->v[v].type;
    for (int i = 0; i < b->n_out; i++) p->out_type[i] = b->v[b->out[i]].type;
    mark_live(g);
    find_roots(g);
    count_uses(g);
    gen_all(g);
    p->is_simple = pw_simple_find(b, &p->simple);
    FAIL_IF(g->fail, err, SARD_UNSUPPORTED, "pointwise program too large: %s", g->fail);
    return SARD_OK;
}

sard_status pw_compile_for(const pw_builder *b, isa level, pw_program **out, sard_error *err) {
    *out = NULL;
    gen *g = mem_calloc(1, sizeof *g);
    if (!g) return err_nomem(err, sizeof *g);
    pw_program p = {0};
    sard_status s = generate(g, b, level, &p, err);
    if (s == SARD_OK) s = finish(g, out, err);
    mem_free(g);
    return s;
}

sard_status pw_compile(const pw_builder *b, pw_program **out, sard_error *err) {
    isa level = ISA_REF;
    for (int i = ISA_COUNT - 1; i > ISA_REF && level == ISA_REF; i--)
        if (cpu_has((isa)i) && pw_code_for((isa)i, 32)) level = (isa)i;
    return pw_compile_for(b, level, out, err);
}

sard_status pw_check(const pw_builder *b, sard_error *err) {
    pw_class c;
    TRY(pw_classify(b, &c, err));
    gen *g = mem_calloc(1, sizeof *g);
    if (!g) return err_nomem(err, sizeof *g);
    pw_program p = {0};
    sard_status s = generate(g, b, ISA_REF, &p, err);
    mem_free(g);
    return s;
}

void pw_free(pw_program *p) { mem_free(p); }
int pw_inputs(const pw_program *p) { return p->n_in; }
int pw_outputs(const pw_program *p) { return p->n_out; }
pw_type pw_input_type(const pw_program *p, int i) { return (pw_type)p->in_type[i]; }
pw_type pw_output_type(const pw_program *p, int i) { return (pw_type)p->out_type[i]; }
