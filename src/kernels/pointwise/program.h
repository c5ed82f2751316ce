/*
 * program.h -- inside of a compiled pointwise program; private to this family.
 *
 * A builder's values become a list of steps for an accumulator of eight vectors. A step is a function that takes the
 * accumulator in registers, works on it with at most two operands from slots, and calls the next step as its last act
 * (a jump, where the compiler optimises): values stay in registers from step to step. Slots say where operands lie:
 *
 *     address of vector j of a block at element o  =  p + o * step + j * vs
 *
 * A contiguous array has step = element size, vs = VL * element size; a constant step = vs = 0 (one vector repeated); a
 * temporary step = 0; in an epilogue tile the eight vectors are rows (vs = row stride).
 *
 *     slots: [inputs as they lie in memory or staged | outputs | temporaries | constants]
 *
 * A source is one way an input is read: its element type in memory, and the type it has in lanes. Types that a load
 * step can convert are read directly; all others, and every strided operand, are staged: run.c fills a buffer for one
 * block with scalar code first. A sink is the same for an output.
 */
#ifndef SARD_KERNELS_POINTWISE_PROGRAM_H
#define SARD_KERNELS_POINTWISE_PROGRAM_H

#include "kernels/pointwise/pointwise.h"
#include "kernels/pointwise/scalar.h"

/* X(name): one threaded function per class. _F float, _I signed, _U unsigned lanes; T before _: operands swapped (slot op accumulator); K: so, and the slot is no NaN
 * (DIVK: a constant, whose reciprocal is in slot b).
 * BOOL lanes are 0 or -1. */
// clang-format off
#define PW_STEPS(X)                                                                                            \
    X(END)                                                                                                     \
    X(LD) X(LD_F16) X(LD_BF16) X(LD_I8) X(LD_U8) X(LD_I16) X(LD_U16) X(LD_BOOL)  /* accumulator = slot a */      \
    X(TMP_F16) X(TMP_BF16) X(TMP_I8) X(TMP_U8) X(TMP_I16) X(TMP_U16) X(TMP_BOOL) /* slot b = slot a */           \
    X(ST) X(ST_F16) X(ST_BF16) X(ST_8) X(ST_16) X(ST_BOOL)                       /* slot a = accumulator */      \
    X(RND_F16) X(RND_BF16) X(WRAP_I8) X(WRAP_U8) X(WRAP_I16) X(WRAP_U16)                                       \
    X(CLAMP_I)                                                                   /* to [lo, hi] of the step */   \
    X(F_TO_I) X(F_TO_U) X(I_TO_F) X(U_TO_F) X(F_TO_BOOL) X(I_TO_BOOL) X(BOOL_TO_F) X(BOOL_TO_I)                \
    X(NEG_F) X(NEG_I) X(ABS_F) X(ABS_I) X(SIGN_F) X(SIGN_I) X(SIGN_U) X(SQRT) X(RECIPROCAL)                    \
    X(FLOOR) X(CEIL) X(ROUND) X(TRUNC)                                                                         \
    X(EXP) X(EXPM1) X(LOG) X(SIGMOID) X(TANH) X(ERF) X(SOFTPLUS) X(SIN) X(COS)                                 \
    X(ISNAN) X(ISPINF) X(ISNINF) X(NOT)                                                                        \
    X(ADD_F) X(ADD_I) X(SUB_F) X(SUB_I) X(SUBT_F) X(SUBT_I) X(MUL_F) X(MUL_I) X(DIV_F) X(DIVT_F) X(DIVK_F) X(POW_F)      \
    X(MIN_F) X(MINT_F) X(MINK_F) X(MIN_I) X(MIN_U) X(MAX_F) X(MAXT_F) X(MAXK_F) X(MAX_I) X(MAX_U)              \
    X(AND) X(OR) X(XOR)                                                                                        \
    X(EQ_F) X(NE_F) X(LT_F) X(LE_F) X(GT_F) X(GE_F)                                                            \
    X(EQ_I) X(NE_I) X(LT_I) X(LE_I) X(GT_I) X(GE_I) X(LT_U) X(LE_U) X(GT_U) X(GE_U)                            \
    X(WHERE) X(FMA)                                                                                            \
    X(CALL) /* pw_eval on each lane; operands b, c in slots a, b */
// clang-format on

typedef enum pw_step_kind {
#define PW_X(name) PW_S_##name,
    PW_STEPS(PW_X)
#undef PW_X
        PW_STEP_COUNT
} pw_step_kind;

typedef void (*pw_fn)(void); /* cast to the per-ISA type before the call */

typedef struct pw_step {
    pw_fn fn;
    int16_t a, b;                  /* slots */
    uint8_t kind;                  /* pw_step_kind */
    uint8_t op, type, from, flags; /* CALL */
    int64_t lo, hi;                /* CLAMP_I */
} pw_step;

typedef struct pw_slot {
    char *p;
    int64_t step, vs; /* bytes */
} pw_slot;

enum { PW_UNITS = 8, PW_VEC_MAX = 64, PW_BLOCK_BYTES = PW_UNITS * PW_VEC_MAX };

/* One instruction set: how a program of a lane class is entered, and its functions. */
typedef struct pw_code {
    isa level;
    int lanes;       /* per vector */
    const pw_fn *fn; /* [PW_STEP_COUNT]; NULL where the class has no such step */
    void (*enter)(const pw_step *s, const pw_slot *slot, int64_t o);
} pw_code;
const pw_code *pw_code_for(isa level, int lane_bits);

enum { PW_MAX_SOURCES = 32, PW_MAX_TEMPS = 24, PW_MAX_CONSTS = 96, PW_MAX_OWN_CONSTS = 64 };
enum { PW_MAX_SLOTS = PW_MAX_SOURCES + PW_MAX_OUTPUTS + PW_MAX_TEMPS + PW_MAX_CONSTS, PW_MAX_STEPS = 1024 };

typedef struct pw_source {
    int16_t input;
    uint8_t type;  /* in memory */
    uint8_t lane;  /* type in lanes (the cast's result when a cast was absorbed) */
    uint8_t flags; /* of that cast */
    bool staged;   /* always by way of converted lanes: no load step converts this */
} pw_source;
typedef struct pw_sink {
    uint8_t type; /* in memory */
    uint8_t lane, flags;
    bool staged;
} pw_sink;

struct pw_program {
    const pw_code *code;
    int32_t lane_bits;
    int32_t n_in, n_out, n_sources, n_temps, n_consts, n_steps;
    int32_t cost; /* of one element, in units of a cheap step */
    pw_source source[PW_MAX_SOURCES];
    pw_sink sink[PW_MAX_OUTPUTS];
    uint8_t in_type[PW_MAX_INPUTS], out_type[PW_MAX_OUTPUTS];
    char *consts; /* [n_consts][PW_VEC_MAX], in the same allocation */
    pw_step *steps;
    bool is_simple;
    pw_simple simple;
};
bool pw_simple_find(const pw_builder *b, pw_simple *out);

/* What decides the lane class of a builder (analyze.c). */
typedef struct pw_class {
    bool need32, need64;
    int lane_bits;
} pw_class;
sard_status pw_classify(const pw_builder *b, pw_class *c, sard_error *err);

int pw_operands(pw_opcode op);
pw_cell pw_const_cell(const pw_ins *v);

/* Between lanes (32 or 64 bits) and cells; t: the value's type. */
pw_cell pw_from_lane(pw_type t, int lane_bits, const void *lane);
void pw_to_lane(pw_type t, int lane_bits, void *lane, pw_cell c);
/* n lanes x[i] = eval(x[i], a[i], b[i]) for a CALL step */
void pw_call_lanes(const pw_step *s, int lane_bits, int n, void *x, const void *a, const void *b);
/* n elements of a contiguous array to lanes, and back */
void pw_stage_in(const pw_source *s, int lane_bits, int n, const void *mem, void *lanes);
void pw_stage_out(const pw_sink *s, int lane_bits, int n, const void *lanes, void *mem);

#endif
