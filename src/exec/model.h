/*
 * model.h -- inside the executor: the compiled graph, its plans, frames and runs.
 *
 * An exec_graph is one graph (the main one or a body) as an array of steps over values with numbers of their own ("x
 * values"). A plan gives the values of one stage their places for given input shapes. A frame is one activation of an
 * exec_graph: a slot per value, an arena and scratch memory; frames and plans are cached per exec_graph.
 *
 *   exec_model -> exec_graph -> exec_step[]           compiled once, never changes
 *                            -> plan (LRU), frame     caches behind one lock
 *   run        -> frame -> slot[]                     owned by one run
 *
 * Lifetimes are static: an x value is alive from step `def` to step `last`, where the last of a value that is viewed
 * (OP_VIEW0) covers that of its views, so views never hold references.
 */
#ifndef SARD_EXEC_MODEL_H
#define SARD_EXEC_MODEL_H

#include <pthread.h>

#include "exec/exec.h"
#include "kernels/pointwise/pointwise.h"

/* ---- the compiled graph ------------------------------------------------------------------------------------------- */

#define STEP_SKIPPED (NO_ID - 1) /* plan.geom_at of a step whose results are known */
#define X_OUTPUT     UINT32_MAX  /* xval.last of a graph output: alive to the end */

typedef enum xrole { X_STEP, X_INPUT, X_CAPTURE, X_CONST } xrole;

typedef struct xval {
    value_id id;                /* in the graph it was made from; NO_ID in exec_eval */
    uint8_t role, order;        /* xrole, value_order */
    uint8_t kind, dtype;        /* as known when compiled; 0: unknown */
    bool fixed;                 /* its constant is final (not a default that a run may replace) */
    uint32_t def, last;         /* steps */
    uint32_t out;               /* the first graph output it is; NO_ID: none */
    const sard_value *constant; /* of X_CONST, and the default of an X_INPUT; borrowed from the module */
    known ints;                 /* of small integer constants */
    const vtype *type;          /* when compiled; of a constant: exactly */
} xval;

/* A node of a group, over the group's local numbers: first the outside values (fused.ext), then inner ones. */
typedef struct fused_node {
    const op_def *op;
    const node *n;
    const uint32_t *in, *out; /* local numbers; NO_ID */
    uint32_t n_in, n_out;
} fused_node;

typedef struct fused {
    pw_program *prog;          /* NULL: element types were unknown; made when the step runs */
    const graph *g;            /* the body */
    const fused_node *nodes;   /* in order */
    uint32_t n_nodes, heavy;   /* heavy: index of the node that is no pointwise one; NO_ID */
    const uint32_t *ext;       /* x values */
    const uint8_t *inner_type; /* dtypes of the inner local values */
    uint32_t n_ext, n_local;
    const uint32_t *out;     /* local numbers of the program's outputs */
    const uint32_t *operand; /* x value of each program input; [0] is NO_ID behind a heavy node */
    uint32_t n_operand, n_out;
    bool broadcasts; /* the one output's shape is the broadcast of all outside values */
} fused;

typedef enum step_kind { STEP_RUN, STEP_PROGRAM, STEP_EPILOGUE } step_kind;

typedef struct exec_graph exec_graph;
typedef struct exec_step {
    uint8_t kind;     /* step_kind */
    bool view;        /* output 0 is input 0's memory */
    bool untyped;     /* an input's kind or element type is not known before the run: looked at then */
    const op_def *op; /* what runs: of a group with a heavy node, that node's */
    const graph *g;   /* where `node` stands */
    const node *node;
    const graph *outer_g; /* node of the graph itself (the group), for messages and profiles */
    const node *outer_node;
    void *state;
    const fused *fused;       /* groups and pointwise nodes */
    const uint32_t *in, *out; /* x values; NO_ID: left out or not wanted */
    uint32_t n_in, n_out;
    const uint32_t *drop; /* x values whose last use is here */
    uint32_t n_drop;
    const uint32_t *cap; /* captured x values */
    uint32_t n_cap, n_bodies;
    exec_graph *const *bodies;
    uint64_t seed;
} exec_step;

typedef struct plan plan;
typedef struct frame frame;
typedef struct planner planner;
enum { PLANS_KEPT = 8, FRAMES_KEPT = 16, MAX_DEPTH = 64, SCRATCH_KEPT = 256 << 10 };

struct exec_graph {
    exec_model *x;
    exec_graph *outer;
    uint32_t depth;
    xval *vals;
    uint32_t n_vals;
    size_t cap_vals;
    exec_step *steps;
    uint32_t n_steps;
    size_t cap_steps;
    uint32_t *inputs, *captures, *outputs;
    uint32_t n_inputs, n_captures, n_outputs;
    uint32_t max_in, max_out, max_local; /* of a step: what planning needs room for */
    uint32_t n_programs;
    pthread_mutex_t lock;    /* of what follows */
    plan *plans[PLANS_KEPT]; /* most recent first */
    uint32_t n_plans;
    plan *spare;   /* one that fell out */
    planner *idle; /* for inferring this body while an outer graph is planned */
    frame *frames;
    uint32_t n_frames;
    size_t runs, least_arena;      /* frames given back, the smallest arena they used */
    _Atomic(uint8_t *) int_inputs; /* per input: its values reach shapes, so plans depend on them; NULL: not found
                                            out yet. Published once */
};

struct exec_model {
    arena mem;
    const module *m;
    exec_options opt;
    exec_graph **graphs; /* by graph id */
    uint32_t n_graphs;
    exec_graph *main;
    size_t packed;
    uint64_t n_steps;
    size_t keep;                 /* bytes of arena a frame keeps between runs */
    bool groups_apart;           /* groups were compiled node by node */
    _Atomic(exec_model *) apart; /* this model so compiled: for shapes under which a group does not hold */
    pthread_mutex_t apart_lock;
};

/* ---- plans -------------------------------------------------------------------------------------------------------- */

typedef enum xplace {
    PLACE_NONE,   /* not a value of this stage */
    PLACE_ARENA,  /* offset in the frame's arena */
    PLACE_OWN,    /* lives on after the stage: its class has memory of its own */
    PLACE_OUT,    /* in the memory of a graph output */
    PLACE_KNOWN,  /* small integers that planning has found: in the plan itself, and their step is skipped */
    PLACE_VIEW,   /* view of something that is not planned here: set when the step runs */
    PLACE_DYNAMIC /* no shape, or no tensor: set when the step runs */
} xplace;

typedef struct pval {
    uint8_t place, dtype;
    int8_t rank;
    uint32_t dims; /* in plan.dims */
    uint32_t own;  /* PLACE_OWN: index of plan.own; PLACE_OUT: of the output */
    size_t offset;
} pval;

typedef struct plan_own {
    size_t bytes;
    uint32_t last;
} plan_own;

struct plan {
    atomic_uint refs;
    uint32_t first, end; /* steps of the stage; end < n_steps: another one follows */
    pval *vals;          /* per x value */
    uint32_t n_vals;
    int64_t *dims;
    size_t n_dims, cap_dims;
    uint32_t *made; /* x values this stage defines */
    size_t n_made, cap_made;
    uint32_t *rebind; /* those not in the arena: their place is new in every run */
    size_t n_rebind, cap_rebind;
    plan_own *own;
    size_t n_own, cap_own;
    size_t *out_bytes; /* per graph output: of its memory when planned here, else SIZE_MAX */
    int64_t *geom;     /* packed pw_geoms */
    size_t n_geom, cap_geom;
    uint32_t *geom_at; /* per step: of its geometry in geom; NO_ID: none */
    buffer mem;        /* of PLACE_KNOWN values; data is the plan's */
    size_t n_mem, cap_mem;
    int64_t *ints; /* the key's values: of the inputs that reach shapes, in order */
    size_t n_ints, cap_ints;
    size_t arena_bytes, own_bytes, out_total;
};

/* One alias class while a stage is planned: values that share memory. */
typedef struct pclass {
    size_t bytes, offset;
    uint32_t first, last;
    uint32_t out;  /* graph output it lies in; NO_ID */
    uint32_t next; /* of the classes that end at the same step */
    uint8_t place;
} pclass;

typedef struct hole { /* of the arena */
    size_t at, bytes;
} hole;

/* Working memory of planning, reused. */
struct planner {
    exec_graph *xg;
    frame *f;
    bool values; /* a later stage: the values of whatever was computed may be looked at */
    vtype *ty;   /* per x value */
    known *kn;
    uint32_t first;
    uint32_t *stamp, *stamp_kn, now; /* ty[x], kn[x] are of this stage when stamp == now */
    uint32_t *cls;                   /* per x value, this stage; NO_ID: none */
    vtype *out_ty, *local_ty;
    known *out_kn, *local_kn;
    const vtype **in_ty;
    known *in_kn;
    const tensor **in_const;
    pclass *classes;
    size_t n_classes, cap_classes;
    uint32_t *ends; /* per step: first class that ends there */
    hole *holes;
    size_t n_holes, cap_holes;
    arena mem;
    const uint8_t *use_ints; /* first stages: inputs whose values may be looked at; NULL: none */
    void *block;
    const exec_step *step; /* the one that is inferred */
    uint32_t work;         /* steps of bodies inferred for this plan */
};

/* ---- runs --------------------------------------------------------------------------------------------------------- */

/* What buffers made during a run hold on to, so that their bytes are given back to the run when they are freed. */
typedef struct run_mem {
    atomic_uint refs;
    atomic_size_t charged;
    run_ctl *ctl; /* NULL once the run is over */
    sard_allocator from;
} run_mem;

typedef struct run {
    exec_model *x;
    par par;
    exec_profile *profile;
    run_mem *mem;         /* made with the first buffer */
    pthread_mutex_t lock; /* of strings */
    arena strings;
    size_t charged;    /* until the run ends */
    bool group_failed; /* a group's nodes turned out to have different shapes */
} run;

/* A run-time value. Tensors lie inline in val (whose refs stay 0: it is no heap value). */
typedef struct slot {
    sard_value val;
    sard_value *v; /* a heap value: anything but a tensor, or what the tensor came in */
    bool full;     /* has a value */
    bool owned;    /* v, or the reference in val.t.buf, is given back when dropped */
    bool share;    /* memory nobody writes again: may be kept by reference */
} slot;

typedef struct held { /* memory of a PLACE_OWN class */
    buffer *buf;
    uint32_t last;
} held;

typedef struct out_mem { /* where a graph output is to lie */
    buffer *buf;         /* one reference */
    size_t offset;
    bool user; /* the caller's tensor, which is t */
    tensor t;
} out_mem;

typedef struct scratch_chunk {
    struct scratch_chunk *next;
    size_t bytes, used;
} scratch_chunk;

struct frame {
    exec_graph *xg;
    frame *next;
    run *r;
    frame *outer; /* the activation whose step runs this body */
    const exec_step *outer_step;
    plan *plan;        /* of the first stage: one reference */
    plan *late;        /* of later stages: memory reused */
    const plan *bound; /* whose places the slots have now; NULL: none */
    const plan *stage; /* the one that is run */
    slot *slots;
    uint32_t n_owned; /* slots that are */
    buffer mem;       /* the arena, embedded; never freed through references */
    size_t mem_bytes, mem_used;
    held *held;
    size_t n_held, cap_held, held_base; /* held_base: of the stage's plan.own */
    out_mem *outs;                      /* per graph output */
    size_t charged, arena_charged;
    scratch_chunk *scratch;
    size_t scratch_want;
    bool scratch_charged;
    planner pl;
    bool pl_ready;
    uint64_t salt; /* of random numbers: which activation this is */
};

struct op_ctx {
    frame *f;
    const exec_step *s;
    run *r;
    uint32_t n_activations; /* of bodies, so far */
    op_epilogue epi;
    const tensor *epi_in[PW_MAX_INPUTS];
};

/* compile.c */
sard_status exec_compile_node(exec_model *x, const graph *g, node_id n, sard_value *const *in, uint32_t n_in,
                              uint32_t n_out, exec_graph **out, sard_error *err);
void exec_model_deinit(exec_model *x);
sard_status exec_apart(exec_model *x, exec_model **out, sard_error *err); /* made once, on first use */

/* fuse.c: what a group's nodes are made of, as the compiler knows it. */
typedef struct fuse_src {
    const module *m;
    const graph *g;
    const vtype *(*type)(void *arg, value_id v);      /* never NULL */
    const tensor *(*constant)(void *arg, value_id v); /* NULL: no constant */
    void *arg;
} fuse_src;
/* The program of `n` nodes in order; heavy: index of the one whose output 0 is the program's input 0 (NO_ID: none).
 * outs: the values it stores. operand[i] (PW_MAX_INPUTS long) is the value of input i. SARD_UNSUPPORTED with the reason
 * when it is no program. */
sard_status fuse_program(const fuse_src *s, const node_id *nodes, uint32_t n, uint32_t heavy, const value_id *outs,
                         uint32_t n_outs, pw_program **prog, value_id *operand, uint32_t *n_operand, sard_error *err);

/* plan.c */
sard_status planner_init(planner *p, exec_graph *xg, sard_error *err);
void planner_deinit(planner *p);
/* Plans from step `first` on as far as shapes are known. f: its slots hold what earlier stages and inputs gave. */
sard_status plan_stage(planner *p, frame *f, uint32_t first, plan *out, sard_error *err);
/* Types of a step's outputs now (for outputs nobody asked for). */
sard_status plan_step_types(planner *p, frame *f, const exec_step *s, const vtype **out, sard_error *err);
bool plan_small_ints(const tensor *t); /* is it what inference can follow as known ints? */
/* The iteration space of a program step, operands and outputs described by type(). */
sard_status plan_geometry(const exec_graph *xg, const exec_step *s, const pw_program *prog, const uint32_t *operand,
                          uint32_t n_operand, const vtype *(*type)(void *, uint32_t), void *arg, pw_geom *g,
                          sard_error *err);
void plan_unpack_geometry(const plan *p, uint32_t k, uint32_t n_in, uint32_t n_out, pw_geom *g);
sard_status plan_infer_step(planner *p, const exec_step *s, sard_error *err); /* into p->out_ty, p->out_kn */
const vtype *plan_type(planner *p, uint32_t x);
known plan_known(planner *p, uint32_t x);
/* Completes an output's type from what was declared, and sees whether it lies open. What kernels were prepared for must
 * hold: element type and rank. */
sard_status plan_output_type(const xval *v, uint32_t j, vtype *t, bool *open, sard_error *err);
sard_status plan_new(const exec_graph *xg, plan **out, sard_error *err);
void plan_unref(plan *p);

/* plan_body.c: infer_ctx.body. */
sard_status plan_body_types(infer_ctx *c, uint32_t body, const vtype *in, uint32_t n_in, vtype *out, uint32_t n_out,
                            sard_error *err);

/* memplan.c */
sard_status memplan_value(planner *p, plan *out, const exec_step *s, uint32_t k, uint32_t j, size_t bytes,
                          sard_error *err);
sard_status memplan_places(planner *p, plan *out, sard_error *err);

/* frame.c */
sard_status frame_take(exec_graph *xg, run *r, frame **out, sard_error *err);
void frame_give(frame *f);
void frame_free(frame *f);
sard_status frame_plan(frame *f, sard_error *err); /* finds or makes the plan for the inputs in the slots */
sard_status frame_begin(frame *f, const plan *p, sard_error *err); /* memory and slots of a stage */
void frame_stage_end(frame *f);
sard_status frame_late(frame *f, uint32_t first, sard_error *err); /* plans the stage that begins at step first */
sard_status frame_planner(frame *f, sard_error *err);

/* memory.c: 64-byte aligned, from the allocator that the model was loaded with; NULL when there is none left */
void *exec_mem(const exec_model *x, size_t bytes);
/* bytes: how much of a large block goes back to the system, or 0 for a small one, which may stay with the allocator. */
void exec_mem_free(const exec_model *x, void *p, size_t bytes);
/* Gives back what lies beyond `keep`, where that can be done in parts. */
bool exec_mem_shrink(const exec_model *x, void *p, size_t keep, size_t bytes);
buffer *exec_mem_output(const exec_model *x, size_t bytes);                  /* may outlive the model */
sard_status run_buffer(run *r, size_t bytes, buffer **out, sard_error *err); /* charged until it is freed */
bool run_owns(const run *r, const buffer *b);
void run_mem_end(run *r);

/* slot.c */
void slot_drop(frame *f, slot *s);
void slot_borrow(slot *s, const sard_value *v, bool share);
void slot_take(frame *f, slot *s, sard_value *take); /* takes over the reference */
/* A value that may be kept: another reference where nobody writes the memory again, else a copy. done: the frame has
 * ended, nothing but its arena will be written. */
sard_status slot_keep(run *r, const frame *f, const slot *s, bool done, sard_value **out, sard_error *err);
/* The tensor with dense strides for the order. */
void slot_shape(tensor *t, uint8_t dtype, int rank, const int64_t *dims, uint8_t order);
/* Do the element type and rank agree with what the model was compiled for? */
sard_status check_type(const exec_graph *xg, uint32_t x, const tensor *t, sard_error *err);
sard_status check_value(const exec_graph *xg, uint32_t x, const sard_value *v, sard_error *err); /* of any kind */
sard_status frame_scratch(frame *f, size_t bytes, void **out, sard_error *err);
void frame_scratch_reset(frame *f);
void frame_scratch_trim(frame *f, bool all);

/* run.c */
void run_init(run *r, exec_model *x, pool *pool, run_ctl *ctl);
void run_deinit(run *r);
sard_status graph_run(frame *f, sard_error *err); /* inputs and captures are in the slots; plans, then runs */
sard_status frame_bind_inputs(frame *f, sard_value *const *in, sard_error *err);
/* The frame's output k as a value that leaves the run: it owns all it shows. */
sard_status run_output(run *r, frame *f, uint32_t k, sard_value **out, sard_error *err);

/* profile.c */
void profile_add(exec_profile *p, const frame *f, const exec_step *s, int64_t from_ns, int64_t to_ns);

/* "; input shapes: f32[2,3], i64[1]" after the message, and where it happened before it. */
sard_status step_error(const frame *f, const exec_step *s, sard_status st, sard_error *err);

#endif
