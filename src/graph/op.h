/*
 * op.h -- what an operator tells the rest of the engine.
 *
 * One operator, one file: src/ops/clip.c holds an op_def named op_clip and everything it refers to; the build scans
 * the folder and writes the table. An operator is one of
 *   primitive  has run (and maybe prepare/drop): a kernel call
 *   pointwise  has emit: instructions of a pointwise program (it may have run as well, for types programs lack)
 *   composed   has lower: becomes other nodes before optimisation
 *   control    has bodies, which run calls through op_body
 */
#ifndef SARD_GRAPH_OP_H
#define SARD_GRAPH_OP_H

#include "base/pool.h"
#include "graph/builder.h"
#include "graph/graph.h"

/* ---- the descriptor ----------------------------------------------------------------------------------------------- */

typedef struct attr_def {
    const char *name;
    attr_type type;
    bool required;
    /* The default, when not required and `type` has one: i/f/s below; lists have none (absent = ATTR_NONE). */
    bool has_default;
    int64_t i;
    float f;
    const char *s;
} attr_def;
#define ATTR_I(n, v)                                                                                                   \
    { .name = n, .type = ATTR_INT, .has_default = true, .i = v }
#define ATTR_F(n, v)                                                                                                   \
    { .name = n, .type = ATTR_FLOAT, .has_default = true, .f = v }
#define ATTR_S(n, v)                                                                                                   \
    { .name = n, .type = ATTR_STRING, .has_default = true, .s = v }
#define ATTR_OPT(n, t)                                                                                                 \
    { .name = n, .type = t } /* absent: ATTR_NONE */
#define ATTR_REQ(n, t)                                                                                                 \
    { .name = n, .type = t, .required = true }

enum { /* formal.flags */
       F_OPTIONAL = 1,
       F_VARIADIC = 2, /* the last one only; one or more unless also F_OPTIONAL */
       F_MIXED = 4,    /* variadic whose members may differ in type */
       F_CONST = 8     /* prefers (not requires) a constant: weights, axes */
};
enum { /* formal.kinds: bit per sard_kind; 0 means tensors only */
       K_TENSOR = 1 << SARD_KIND_TENSOR,
       K_SPARSE = 1 << SARD_KIND_SPARSE_TENSOR,
       K_SEQ = 1 << SARD_KIND_SEQUENCE,
       K_MAP = 1 << SARD_KIND_MAP,
       K_OPT = 1 << SARD_KIND_OPTIONAL,
       K_ANY = K_TENSOR | K_SPARSE | K_SEQ | K_MAP | K_OPT
};
typedef struct formal { /* an input or output of the table */
    const char *name;
    const char *var; /* type variable: equal names have equal element types; NULL: free */
    dtype_set types; /* element types (of a sequence's or optional's tensors, too; of a map: key types) */
    uint8_t flags;
    uint8_t kinds;
    dtype_set any_byte; /* types of which elements are read at any address; others get memory of their own (align.c) */
} formal;

enum {                  /* op_def.flags */
       OP_INPLACE0 = 1, /* output 0 may be written over input 0 (same dtype and element count) */
       OP_VIEW0 = 2,    /* output 0 is input 0's data with another shape (Reshape ...): shares its memory */
       OP_COMMUTES = 4,
       OP_RANDOM = 8,      /* not folded, not merged */
       OP_SHAPE_ONLY = 16, /* reads only shapes of its inputs (Shape, Size) */
       OP_BODY = 32,       /* control */
       OP_ANY_ATTRS = 64,  /* attributes by name, unchecked (operators from outside) */
       OP_EPILOGUE = 128,  /* takes a pointwise program on its output 0 (prepare sees it, run applies it) */
       OP_LAST = 256,      /* input 0 and output 0 may be channels-last (all data inputs of its rank for OP_LAST_ALL) */
       OP_LAST_ALL = 512,
       OP_PREFER_LAST = 1024, /* gains from channels-last: conv, pooling */
       OP_DATA_SHAPE = 2048,  /* an output's shape depends on data (NonZero): ends a plan's stage */
       OP_STRIDED = 4096,     /* run takes inputs of any strides */
       OP_INTERNAL = 8192     /* domain "sard": never in a file */
};

struct draft;
struct infer_ctx;
struct lower_ctx;
struct op_prep;
typedef struct op_ctx op_ctx; /* one execution; implemented by exec */
struct pw_builder;            /* kernels/pointwise */

struct op_def {
    const char *domain, *name, *doc; /* domain "" is ai.onnx */
    const int16_t *since;            /* versions that changed something, oldest first, 0-terminated */
    const attr_def *attrs;
    uint32_t n_attrs;
    const formal *in, *out;
    uint8_t n_in, n_out; /* formals */
    uint32_t flags;
    /* An older version's node made new: may change the draft, or replace it (draft_done). Called once with the version
     * the file means (since <= newest). NULL: nothing to do. */
    sard_status (*upgrade)(struct draft *d, int since, sard_error *err);
    /* Types, shapes and known ints of the outputs, as far as the inputs tell. NULL: outputs like input 0. Called at load
     * (with symbols), and for every plan with concrete shapes: quick, no allocation but through the context. */
    sard_status (*infer)(struct infer_ctx *c, sard_error *err);
    sard_status (*lower)(struct lower_ctx *c, sard_error *err);
    /* in/out: pw_reg of inputs (by position; absent ones are PW_NONE) and of outputs to set. */
    sard_status (*emit)(const struct op_prep *p, struct pw_builder *b, const int32_t *in, int32_t *out,
                        sard_error *err);
    sard_status (*prepare)(struct op_prep *p, void **state, sard_error *err); /* pack weights, choose algorithms */
    sard_status (*run)(const void *state, op_ctx *c, sard_error *err);
    void (*drop)(void *state);
    /* Floating-point operations of one execution, for reports; NULL: one per output element. */
    double (*flops)(const struct op_prep *p, const vtype *in, const vtype *out);
    int32_t code; /* what tells members of a family apart: a pw_opcode, a reduction ... */
    void *user;   /* operators from outside */
};
#define OP_COUNT(a) ((uint32_t)(sizeof(a) / sizeof *(a)))
/* .attrs/.n_attrs, .in/.n_in, .out/.n_out from tables */
#define OP_ATTRS(a) .attrs = (a), .n_attrs = OP_COUNT(a)
#define OP_IN(a)    .in = (a), .n_in = OP_COUNT(a)
#define OP_OUT(a)   .out = (a), .n_out = OP_COUNT(a)
#define OP_SINCE(...)                                                                                                  \
    .since = (const int16_t[]) { __VA_ARGS__, 0 }

/* A chain of tables; the built-in one is the last link. */
typedef struct op_set {
    const op_def *const *ops;
    uint32_t n;
    const struct op_set *next;
} op_set;
extern const op_def *const op_table[];
extern const uint32_t op_table_n;
const op_def *op_find(const op_set *s, const char *domain, const char *name); /* "ai.onnx" is "" */
int op_newest(const op_def *op);
/* The version a file of that opset means; 0: not there yet. */
int op_since(const op_def *op, int64_t opset);

/* ---- inference ---------------------------------------------------------------------------------------------------- */

typedef struct infer_ctx {
    module *mod; /* symbols and interned types; NULL when planning a run (all dims numbers or unknown) */
    const graph *g;
    const node *node;
    const vtype *const *in; /* NULL where absent; n_in entries (trailing absent ones cut) */
    const known *in_known;
    const tensor *const *in_const; /* data of constants; NULL where not constant */
    uint32_t n_in;
    vtype *out; /* preset to unknown, with the dtype its type variable fixes; n_out entries */
    known *out_known;
    uint32_t n_out;
    arena *mem; /* for out_known values */
    /* body: place in node->bodies (the table order of the graph attributes). Types of its outputs for these types of its inputs (captures are bound). */
    sard_status (*body)(struct infer_ctx *c, uint32_t body, const vtype *in, uint32_t n_in, vtype *out, uint32_t n_out,
                        sard_error *err);
    void *arg; /* of the caller */
} infer_ctx;

static inline const attr *infer_attr(const infer_ctx *c, uint32_t i) { return &c->node->attrs[i]; }
static inline bool infer_has(const infer_ctx *c, uint32_t i) { return i < c->n_in && c->in[i]; }
/* Known ints of input i when every element is a plain number; NULL else. */
const int64_t *infer_ints(const infer_ctx *c, uint32_t i, uint32_t *n);
int64_t *infer_known_alloc(infer_ctx *c, uint32_t n); /* NULL when out of memory or n > KNOWN_MAX */
/* Common shapes. */
sard_status infer_same(infer_ctx *c, sard_error *err);      /* output 0 like input 0 */
sard_status infer_broadcast(infer_ctx *c, sard_error *err); /* output 0: broadcast of all inputs, dtype of input 0 */
sard_status infer_broadcast_to(infer_ctx *c, sard_dtype t, sard_error *err); /* ... with dtype t (comparisons) */
/* axis in [-rank, rank) made positive; SARD_INVALID_MODEL else. */
sard_status axis_fix(int64_t axis, int rank, int *out, sard_error *err);

/* ---- lowering (composed operators) -------------------------------------------------------------------------------- */

typedef struct lower_ctx {
    builder b;        /* builds where the node stands, with its origin */
    const node *node; /* a copy; inputs by node_in(b.g, ...) */
    const vtype *const *in;
    const known *in_known;
    const tensor *const *in_const;
    uint32_t n_in;
    value_id *out;      /* to be set: the values that stand for the node's outputs (NO_ID where not asked for) */
    const bool *wanted; /* per output */
    uint32_t n_out;
    bool keep; /* set by lower: leave the node as it is (e.g. it can't be lowered without its rank) */
} lower_ctx;

/* ---- compiling ---------------------------------------------------------------------------------------------------- */

struct pw_program;
typedef struct op_prep {
    const module *mod;
    const graph *g;
    const node *node;
    const vtype *const *in; /* types at compile time; NULL where absent */
    const tensor *const *in_const;
    uint32_t n_in;
    const vtype *out;
    const bool *wanted; /* per output */
    uint32_t n_out;
    const struct pw_program *epilogue; /* non-NULL only for OP_EPILOGUE operators */
    const uint8_t *in_order;           /* value_order per input, out_order per output: the layout that was chosen */
    const uint8_t *out_order;
    uint32_t flags; /* PREP_... */
    size_t *packed; /* add the bytes the state holds */
} op_prep;
enum { PREP_NO_PACK = 1 /* constants may be replaced: keep to their plain form */ };
static inline const attr *prep_attr(const op_prep *p, uint32_t i) { return &p->node->attrs[i]; }

/* ---- running ------------------------------------------------------------------------------------------------------ */

/* All inputs are dense row-major (sub-byte: packed) unless the operator's flags say more. */
const tensor *op_in(op_ctx *c, uint32_t i);           /* NULL when absent or not a tensor */
const sard_value *op_in_value(op_ctx *c, uint32_t i); /* any kind (borrowed); NULL when absent */
uint32_t op_n_in(op_ctx *c);
uint32_t op_n_out(op_ctx *c);
bool op_wants(op_ctx *c, uint32_t i); /* is output i asked for? */
const attr *op_attr(op_ctx *c, uint32_t i);
const node *op_node(op_ctx *c);
const graph *op_graph(op_ctx *c);
/* Output i as a dense tensor (in the layout the compiler chose: strides are set) to be filled. The shape must be what
 * was planned, where it was. For an output that is not asked for, memory is given all the same. */
sard_status op_out(op_ctx *c, uint32_t i, sard_dtype t, const shape *s, tensor **out, sard_error *err);
/* The tensor that the run's caller gave for output i, or NULL: op_out with its type and shape makes it the output. */
const tensor *op_out_given(op_ctx *c, uint32_t i);
/* The planned dtype and shape of output i (from infer); SARD_INTERNAL when it was not known. */
sard_status op_out_planned(op_ctx *c, uint32_t i, tensor **out, sard_error *err);
/* Output i is input k's data with shape s: no copy for OP_VIEW0 operators with i = k = 0, a copy else. */
sard_status op_out_view(op_ctx *c, uint32_t i, uint32_t k, const shape *s, sard_error *err);
/* A finished value of any kind; takes over the reference, also on failure. */
sard_status op_give(op_ctx *c, uint32_t i, sard_value *take, sard_error *err);
/* Input i as a value that may be kept: a tensor in run memory is copied, everything else is one more reference. For
 * sequences, optionals, carried values; never keep what op_in_value gives. */
sard_status op_own(op_ctx *c, uint32_t i, sard_value **out, sard_error *err);
/* 64-byte aligned memory until the operator returns; charged to the run. Call on the thread that called run. */
sard_status op_scratch(op_ctx *c, size_t bytes, void **out, sard_error *err);
/* Bytes of a string that lives as long as the run. */
sard_status op_string(op_ctx *c, const char *s, size_t n, str *out, sard_error *err);
sard_status op_string_space(op_ctx *c, size_t n, char **out, sard_error *err);
const par *op_par(op_ctx *c); /* for par_for and kernel drivers */
uint64_t op_seed(op_ctx *c);  /* the node's own number, for random operators: stable for a model */
/* Runs body b: n_in inputs as the body's graph wants them (borrowed), captures are bound by exec. out: one new
 * reference per body output. */
sard_status op_body(op_ctx *c, uint32_t body, sard_value *const *in, uint32_t n_in, sard_value **out, uint32_t n_out,
                    sard_error *err);
/* A value (tensor) with memory of its own, to be filled: what bodies are given and sequences hold. */
sard_status op_new_tensor(op_ctx *c, sard_dtype t, const shape *s, sard_value **out, sard_error *err);

/* The program behind a heavy kernel's output 0: its input 0 is the kernel's own element (f32, f64 or i32: not yet
 * rounded to a 16-bit type), the others are operands, scalar, per column, per row or of the same shape. NULL: none.
 * With a program the step's outputs are the program's, all of the shape the operator alone would give output 0: op_out,
 * op_out_planned and op_n_out count them (pw_outputs), and op_out ignores its dtype: the program's stands. */
typedef struct op_epilogue {
    const struct pw_program *prog;
    const tensor *const *in; /* by the program's inputs; in[0] is NULL */
    uint32_t n_in;           /* pw_inputs(prog) */
} op_epilogue;
const op_epilogue *op_fused(op_ctx *c);

/* Evaluates one node on constant inputs: constant folding calls it, exec implements it. outs: new references. */
typedef sard_status (*graph_eval_fn)(void *arg, const graph *g, node_id n, sard_value *const *in, uint32_t n_in,
                                     sard_value **out, uint32_t n_out, sard_error *err);

/* ---- whole-graph services of the graph room ------------------------------------------------------------------------ */

/* Types, shapes and known ints of every value, in order, bodies included. Contradictions with declared types are
 * problems. */
sard_status graph_infer(graph *g, problems *p, sard_error *err);
/* Arity, element types against the tables, single definitions, cycles: each a problem. */
sard_status graph_check(graph *g, problems *p, sard_error *err);
/* The same for one node whose inputs are inferred already. False when a problem was reported (the node is then faulty).
 * Errors of inference are no problems inside bodies: a branch that is never taken may have shapes that do not fit. */
bool graph_check_node(graph *g, node_id n, problems *p);
sard_status graph_infer_node(graph *g, node_id n, problems *p, sard_error *err);
/* The formal of input or output i; NULL beyond the end. */
const formal *formal_at(const formal *f, uint32_t n, uint32_t i);
/* The node's outputs against their formals; after inference. */
bool graph_check_outputs(graph *g, node_id n, problems *p);
/* Attributes by name -> in the order of op's table (module arena), defaults filled in, lists shared. Unknown names,
 * wrong types and missing ones are problems. For OP_ANY_ATTRS they stay as they are. */
sard_status op_attrs(module *m, const op_def *op, const attr *given, uint32_t n_given, attr **out, uint32_t *n_out,
                     const char *where, problems *p, sard_error *err);
const char *attr_type_name(int t); /* "INT", "FLOATS" ... */

#endif
