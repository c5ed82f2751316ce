/*
 * pointwise.h -- pointwise programs: how every pointwise operator runs, alone or fused with its neighbours.
 *
 * A program is a short list of typed instructions in SSA form over values: inputs, constants, results. An
 * operator's `emit` function appends instructions to a pw_builder; the compiler room lets all nodes of a
 * group emit into one builder, compiles it once (pw_compile) and runs it (pw_run), or hands it to a heavy
 * kernel as epilogue (pw_tile).
 *
 *     pw_builder b;                                        // HardSwish, y = x * max(0, min(1, x/6 + 0.5)),
 * for type T pw_init(&b); pw_val x = pw_input(&b, T); pw_type w = pw_wide(T);                              //
 * F32 for f16, bf16, f32; F64 for f64: inside a node pw_val t = pw_op2(&b, PW_MUL, w, x, pw_const(&b, w, 1.0
 * / 6)); t = pw_op2(&b, PW_ADD, w, t, pw_const(&b, w, 0.5)); t = pw_op2(&b, PW_MAX, w, pw_const(&b, w, 0),
 * pw_op2(&b, PW_MIN, w, pw_const(&b, w, 1), t)); pw_output(&b, pw_op2(&b, PW_MUL, T, x, t));          // the
 * node's last instruction has the node's type
 *
 * Types and rounding. The `type` of an instruction is the element type of its result:
 *  - F32 and F64 compute in that type. F16 and BF16 compute in f32 and round the result to the type, once. So
 * the inner instructions of a node have type pw_wide(T), and only its last one has type T: one rounding per
 * node. A value of type F16/BF16/F32 may be an operand of an instruction of type F16/BF16/F32 without a cast.
 *  - Integers wrap modulo 2^bits after every instruction (also I8, U8, I16, U16). Operands have exactly the
 * type.
 *  - BOOL is the type of comparisons, PW_ISNAN, PW_ISINF and the logical operators.
 *  - float8, float4, 2- and 4-bit integers exist only as inputs, constants and outputs, and as operand or
 * result of PW_CAST.
 *
 * Lane classes. A program computes in 32-bit lanes (f32 i32 u32 and everything narrower) or in 64-bit lanes
 * (f64 i64 u64). Casts at the borders are free: an input that is only cast, and a cast result that is only an
 * output, may have any type in either class. A builder whose instructions need both classes inside cannot
 * compile: pw_check tells, and the grouping pass asks it (on a copy of the builder with the candidate
 * emitted) before it joins two groups. A single node's emit must never need both: use F64/I64 throughout when
 * one operand is 64 bits wide (Pow of i32 by f32: cast both to F64; casts of narrower inputs to 64-bit types
 * are free too).
 *
 * Errors of building are sticky: the first one is kept in the builder, later calls return PW_NONE and
 * pw_compile reports it. Nothing here depends on tensors: the caller gives dims, strides and pointers.
 */
#ifndef SARD_KERNELS_POINTWISE_H
#define SARD_KERNELS_POINTWISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cpu.h"
#include "base/err.h"
#include "base/pool.h"

typedef sard_dtype pw_type;
typedef int32_t pw_val; /* index of a value in its builder; PW_NONE after an error */
#define PW_NONE (-1)

/* X(opcode, operands, kind): kind says which types the result may have:
 *   n: any number (floats and integers)   f: float   i: integer   b: BOOL (operands BOOL)   c: BOOL
 * (operands: two of the same number type)   p: BOOL (operand float)   s: special, see below */
#define PW_OPCODES(X)                                                                                                  \
    X(COPY, 1, s) /* any type; Identity, also rounds F32 to the type when the type is F16 or BF16 */                   \
    X(CAST, 1, s) /* see pw_cast */                                                                                    \
    X(NEG, 1, n)                                                                                                       \
    X(ABS, 1, n)                                                                                                       \
    X(SIGN, 1, n) /* -1, 0, 1; NaN stays NaN, zero keeps its sign */                                                   \
    X(SQRT, 1, f)                                                                                                      \
    X(RECIPROCAL, 1, f) /* 1 / x */                                                                                    \
    X(FLOOR, 1, f)                                                                                                     \
    X(CEIL, 1, f)                                                                                                      \
    X(ROUND, 1, f) /* half to even */                                                                                  \
    X(TRUNC, 1, f)                                                                                                     \
    X(EXP, 1, f)                                                                                                       \
    X(EXPM1, 1, f)                                                                                                     \
    X(LOG, 1, f)                                                                                                       \
    X(LOG1P, 1, f)                                                                                                     \
    X(SIGMOID, 1, f)                                                                                                   \
    X(TANH, 1, f)                                                                                                      \
    X(ERF, 1, f)                                                                                                       \
    X(SOFTPLUS, 1, f) /* log(1 + e^x) */                                                                               \
    X(SIN, 1, f)                                                                                                       \
    X(COS, 1, f)                                                                                                       \
    X(TAN, 1, f)                                                                                                       \
    X(ASIN, 1, f)                                                                                                      \
    X(ACOS, 1, f)                                                                                                      \
    X(ATAN, 1, f)                                                                                                      \
    X(SINH, 1, f)                                                                                                      \
    X(COSH, 1, f)                                                                                                      \
    X(ASINH, 1, f)                                                                                                     \
    X(ACOSH, 1, f)                                                                                                     \
    X(ATANH, 1, f)                                                                                                     \
    X(ISNAN, 1, p)                                                                                                     \
    X(ISPINF, 1, p) /* x == +inf */                                                                                    \
    X(ISNINF, 1, p) /* x == -inf */                                                                                    \
    X(NOT, 1, b)                                                                                                       \
    X(BITNOT, 1, i)                                                                                                    \
    X(ADD, 2, n)                                                                                                       \
    X(SUB, 2, n)                                                                                                       \
    X(MUL, 2, n)                                                                                                       \
    X(DIV, 2, n)  /* integers: toward zero; x / 0 = 0, lowest / -1 wraps */                                            \
    X(MOD, 2, n)  /* sign of the divisor (Python); integers: x mod 0 = 0 */                                            \
    X(FMOD, 2, n) /* sign of the dividend (C); integers: x mod 0 = 0; floats are exact */                              \
    X(POW, 2, n)  /* integers: by squaring, wraps; a negative exponent gives the true value cut toward zero, \
                     0^-n = 0 */         \
    X(MIN, 2, n)  /* a if a < b or a is NaN, else b: does not commute on zeros of both signs */                        \
    X(MAX, 2, n)  /* a if a > b or a is NaN, else b */                                                                 \
    X(ATAN2, 2, f)                                                                                                     \
    X(AND, 2, b)                                                                                                       \
    X(OR, 2, b)                                                                                                        \
    X(XOR, 2, b)                                                                                                       \
    X(BITAND, 2, i)                                                                                                    \
    X(BITOR, 2, i)                                                                                                     \
    X(BITXOR, 2, i)                                                                                                    \
    X(SHL, 2, i) /* shift by b taken as unsigned; b >= bits gives 0 */                                                 \
    X(SHR, 2, i) /* unsigned types: zeros come in; signed: the sign; b >= bits gives 0 or -1 */                        \
    X(EQ, 2, c)  /* also of BOOL operands */                                                                           \
    X(NE, 2, c)  /* also of BOOL operands */                                                                           \
    X(LT, 2, c)                                                                                                        \
    X(LE, 2, c)                                                                                                        \
    X(GT, 2, c)                                                                                                        \
    X(GE, 2, c)                                                                                                        \
    X(WHERE, 3, s) /* a ? b : c; a BOOL; b and c of the type (BOOL too) */                                             \
    X(FMA, 3, f)   /* a * b + c rounded once: only where the operator itself is defined so, never for two nodes */

typedef enum pw_opcode {
#define PW_X(name, n, k) PW_##name,
    PW_OPCODES(PW_X)
#undef PW_X
        PW_OPCODE_COUNT
} pw_opcode;

/* Limits of one program; a group that would exceed them is not joined (pw_check says so). */
enum { PW_MAX_VALUES = 192, PW_MAX_INPUTS = 16, PW_MAX_OUTPUTS = 8, PW_MAX_RANK = 16 };

typedef enum pw_kind { PW_KIND_INPUT, PW_KIND_CONST, PW_KIND_OP } pw_kind;

typedef struct pw_ins { /* one value */
    uint8_t kind;       /* pw_kind */
    uint8_t op;         /* pw_opcode, for PW_KIND_OP */
    uint8_t type;       /* pw_type */
    uint8_t flags;      /* PW_CAST: pw_cast_flags */
    int16_t arg[3];     /* operands; input number for PW_KIND_INPUT */
    union {
        double f;  /* constant of a float type (exactly representable in the type) */
        int64_t i; /* of an integer type (U64: the bits) or BOOL (0, 1) */
    } c;
} pw_ins;

/* A program under construction. Plain data without pointers: copied by assignment, compared by pw_equal. */
typedef struct pw_builder {
    int32_t n, n_in, n_out;
    sard_status status; /* of the first failed call */
    char why[120];      /* and its reason */
    pw_ins v[PW_MAX_VALUES];
    int16_t out[PW_MAX_OUTPUTS];
} pw_builder;

void pw_init(pw_builder *b);
pw_val pw_input(pw_builder *b, pw_type type);              /* inputs are numbered in call order */
pw_val pw_const(pw_builder *b, pw_type type, double x);    /* rounded to the type (BOOL: x != 0) */
pw_val pw_const_i(pw_builder *b, pw_type type, int64_t x); /* wraps to the type; float types: converted */
pw_val pw_op1(pw_builder *b, pw_opcode op, pw_type type, pw_val a);
pw_val pw_op2(pw_builder *b, pw_opcode op, pw_type type, pw_val a, pw_val c);
pw_val pw_op3(pw_builder *b, pw_opcode op, pw_type type, pw_val a, pw_val c, pw_val d);
void pw_output(pw_builder *b, pw_val v); /* outputs are numbered in call order; any value */

/* Conversion as by ONNX Cast: float -> integer cuts toward zero, saturates, NaN is 0; integer -> narrower
 * integer wraps; anything -> BOOL is x != 0; float -> narrower float rounds once to nearest even (integers ->
 * F16/BF16 via f32). PW_NO_SATURATE: float8 overflow gives NaN/inf instead of the largest value.
 * PW_ROUND_UP/DOWN: F8E8M0 only. PW_SATURATE_INT: integer -> narrower integer clamps instead of wrapping
 * (QuantizeLinear). */
enum pw_cast_flags { PW_NO_SATURATE = 1, PW_ROUND_UP = 2, PW_ROUND_DOWN = 4, PW_SATURATE_INT = 8 };
pw_val pw_cast(pw_builder *b, pw_type type, pw_val a, unsigned flags); /* a itself when the type is the same */

static inline pw_type pw_type_of(const pw_builder *b, pw_val v) {
    return v < 0 ? SARD_UNDEFINED : (pw_type)b->v[v].type;
}
/* The type in which the inner instructions of a node of this type are written: F32 for F16, BF16, F32; else
 * itself. */
static inline pw_type pw_wide(pw_type t) { return t == SARD_F16 || t == SARD_BF16 ? SARD_F32 : t; }
bool pw_is_float(pw_type t); /* F16 BF16 F32 F64 */
bool pw_is_int(pw_type t);   /* I8..I64, U8..U64 */

/* ---- composed functions: each emits primitive instructions in pw_wide(type), the last one in type
 * -------------------- The sequences are those of the ONNX function bodies, so that a graph rewriting from
 * nodes to the operator keeps bits. */
pw_val pw_relu(pw_builder *b, pw_type t, pw_val x);                       /* max(0, x) */
pw_val pw_clip(pw_builder *b, pw_type t, pw_val x, pw_val lo, pw_val hi); /* PW_NONE: no bound */
pw_val pw_leaky_relu(pw_builder *b, pw_type t, pw_val x, double alpha);
pw_val pw_prelu(pw_builder *b, pw_type t, pw_val x, pw_val slope); /* integers too */
pw_val pw_elu(pw_builder *b, pw_type t, pw_val x, double alpha);
pw_val pw_selu(pw_builder *b, pw_type t, pw_val x, double alpha, double gamma);
pw_val pw_celu(pw_builder *b, pw_type t, pw_val x, double alpha);
pw_val pw_thresholded_relu(pw_builder *b, pw_type t, pw_val x, double alpha);
pw_val pw_hard_sigmoid(pw_builder *b, pw_type t, pw_val x, double alpha, double beta);
pw_val pw_hard_swish(pw_builder *b, pw_type t, pw_val x);
pw_val pw_softsign(pw_builder *b, pw_type t, pw_val x);
pw_val pw_mish(pw_builder *b, pw_type t, pw_val x);
pw_val pw_swish(pw_builder *b, pw_type t, pw_val x, double alpha); /* x * sigmoid(alpha x) */
pw_val pw_gelu(pw_builder *b, pw_type t, pw_val x, bool approximate_tanh);
pw_val pw_shrink(pw_builder *b, pw_type t, pw_val x, double lambda, double bias); /* integers too */
/* (x / scale rounded half to even) + zero, saturated to `type` (8-, 16-, 4-, 2-bit integers); float8/float4:
 * cast of x / scale. x and scale in f32 (f16, bf16 are read as such); zero: a value of `type`, or PW_NONE. */
pw_val pw_quantize(pw_builder *b, pw_type type, pw_val x, pw_val scale, pw_val zero, bool saturate);
/* (q - zero) * scale in f32, rounded to `type` (F32, F16, BF16). */
pw_val pw_dequantize(pw_builder *b, pw_type type, pw_val q, pw_val scale, pw_val zero);

/* SARD_OK when the builder would compile; SARD_UNSUPPORTED with the reason when it needs both lane classes or
 * exceeds a limit; SARD_INTERNAL when a building call was wrong. err may be NULL. */
sard_status pw_check(const pw_builder *b, sard_error *err);
/* Could the nodes of `more` (built on its own) join the group `b`? A quick necessary condition that does not see shared
 * inputs; pw_check on the joint builder has the last word. */
bool pw_joinable(const pw_builder *b, const pw_builder *more);

/* ---- compiled programs
 * ------------------------------------------------------------------------------------------- */

typedef struct pw_program pw_program; /* immutable; shared by any number of threads */

/* Compiles for the best instruction set of this process. Unused inputs stay numbered (their pointers may be
 * NULL). */
sard_status pw_compile(const pw_builder *b, pw_program **out, sard_error *err);
sard_status pw_compile_for(const pw_builder *b, isa level, pw_program **out, sard_error *err); /* for tests */
void pw_free(pw_program *p);                                                                   /* NULL is fine */
int pw_inputs(const pw_program *p);
int pw_outputs(const pw_program *p);
pw_type pw_input_type(const pw_program *p, int i);
pw_type pw_output_type(const pw_program *p, int i);

/* The iteration space of a run, prepared once per set of shapes (no allocation; plain data). */
typedef struct pw_geom {
    int32_t rank; /* after dimensions have been sorted by output 0's strides and merged */
    int32_t flags;
    int64_t total;
    int64_t dim[PW_MAX_RANK];
    int64_t in[PW_MAX_INPUTS][PW_MAX_RANK]; /* strides in elements; 0: broadcast */
    int64_t out[PW_MAX_OUTPUTS][PW_MAX_RANK];
} pw_geom;

/* dims: the output shape (rank <= PW_MAX_RANK). in_stride[i], out_stride[i]: strides in elements of operand i
 * aligned to dims (0 where it is broadcast), or NULL for contiguous row-major of the full shape. 2- and 4-bit
 * operands are dense and packed, low bits first; their strides (in elements) may only say broadcast or
 * row-major. */
sard_status pw_geom_init(pw_geom *g, const pw_program *p, int rank, const int64_t *dims,
                         const int64_t *const *in_stride, const int64_t *const *out_stride, sard_error *err);
/* Strides of an operand of the given shape broadcast (ONNX rules) to dims, from its own strides (NULL:
 * contiguous). false when the shape does not broadcast. */
bool pw_broadcast(int rank, const int64_t *dims, int in_rank, const int64_t *in_dims, const int64_t *in_strides,
                  int64_t *stride);

/* Runs. An output may be the same memory as an input of the same element size that has the same strides (in
 * place); otherwise operands do not overlap. Large runs go through par_for (threads NULL: the caller alone). */
sard_status pw_run(const pw_program *p, const pw_geom *g, const void *const *in, void *const *out, const par *threads,
                   sard_error *err);

/* The plain scalar interpreter of a builder: the oracle (ref.c). Same results, bit for bit, NaN payloads
 * aside. */
sard_status pw_run_ref(const pw_builder *b, const pw_geom *g, const void *const *in, void *const *out, sard_error *err);

/* ---- epilogues ----------------------------------------------------------------------------------------------------
 * Input 0 of the program is a heavy kernel's tile of 32-bit results (f32 or int32); the other inputs are indexed by the
 * position in the whole matrix [rows, cols]. pw_tile_hook has the type of gemm_hook (kernels/gemm/gemm.h) with a
 * pw_epilogue as its argument. */
typedef enum pw_place { PW_SCALAR, PW_PER_COL, PW_PER_ROW, PW_SAME } pw_place;
typedef struct pw_operand {
    const void *p;  /* element (0, 0) of the whole matrix */
    pw_place place; /* PW_PER_COL: p[col]; PW_PER_ROW: p[row]; PW_SAME: p[row * ld + col] */
    int64_t ld;
} pw_operand;
typedef struct pw_epilogue {
    const pw_program *program;
    pw_operand in[PW_MAX_INPUTS]; /* in[0] is not looked at */
    struct {
        void *p; /* element (0, 0) of the whole matrix, rows ld apart; NULL: the tile itself (32-bit types) */
        int64_t ld;
    } out[PW_MAX_OUTPUTS];
} pw_epilogue;
/* A program of f32 that is only: + operand add[0], + operand add[1], then max(lo, x), then min(hi, x), each or none of
 * them; what a heavy kernel can do in registers. NULL: it is more than that. */
typedef struct pw_limit {
    bool there;
    int16_t input; /* whose number this input is (a scalar, if it is one); -1: */
    float value;
} pw_limit;
typedef struct pw_simple {
    int16_t add[2]; /* inputs; -1: none */
    pw_limit lo, hi;
} pw_simple;
const pw_simple *pw_program_simple(const pw_program *p);

/* May the program be an epilogue: 32-bit lanes, input 0 of type F32 or I32, and no operand of a 64-bit, float8 or packed
 * type. */
bool pw_tile_ok(const pw_program *p);
/* Applies e to the tile[rows][ld_tile] whose first element is element (row, col) of the matrix. Never fails. */
void pw_tile(const pw_epilogue *e, void *tile, int64_t ld_tile, int64_t row, int64_t col, int64_t rows, int64_t cols);
void pw_tile_hook(const void *epilogue, void *tile, int64_t ld_tile, int64_t row, int64_t col, int64_t rows,
                  int64_t cols);

/* One line per instruction into buf ("%2 = ADD f32 %0 %1"); for --explain and debugging. Returns bytes
 * wanted. */
size_t pw_print(const pw_builder *b, char *buf, size_t cap);
const char *pw_opcode_name(pw_opcode op);
bool pw_equal(const pw_builder *a, const pw_builder *b);

#endif
