/*
 * builder.h -- making nodes: the one way used by import's upgrades, lowering and rewriting.
 *
 * A builder stands in one graph and stamps its nodes with one origin. Every call takes operators at their newest
 * version by name. After the first failure nothing more is built: calls return NO_ID, and builder_result tells.
 */
#ifndef SARD_GRAPH_BUILDER_H
#define SARD_GRAPH_BUILDER_H

#include "graph/graph.h"

typedef struct builder {
    module *mod;
    graph *g;
    origin_id origin;
    sard_status status;       /* of the first failure */
    sard_error *err;          /* where it is told; may be NULL */
    const value_id *captures; /* what nodes with bodies capture: their bodies' captures[i] is captures[i] of g */
    uint32_t n_captures;
} builder;

static inline builder builder_at(graph *g, origin_id origin, sard_error *err) {
    return (builder){.mod = g->mod, .g = g, .origin = origin, .status = SARD_OK, .err = err};
}
static inline sard_status builder_result(const builder *b) { return b->status; }

/* Named attributes of a new node, checked against the operator's table; those not given take their defaults. */
typedef struct attr_arg {
    const char *name;
    attr_type type;
    int64_t i;
    double f;
    const char *s;
    const int64_t *ints;
    const float *floats;
    size_t n;
    sard_value *tensor; /* a new reference is taken */
    graph_id body;
} attr_arg;
#define ARG_I(nm, v)                                                                                                   \
    { .name = nm, .type = ATTR_INT, .i = (v) }
#define ARG_F(nm, v)                                                                                                   \
    { .name = nm, .type = ATTR_FLOAT, .f = (v) }
#define ARG_S(nm, v)                                                                                                   \
    { .name = nm, .type = ATTR_STRING, .s = (v) }
#define ARG_INTS(nm, v, k)                                                                                             \
    { .name = nm, .type = ATTR_INTS, .ints = (v), .n = (k) }

/* A node of the default domain ("sard.X" names one of domain sard, "ai.onnx.ml.X" of that one) with one output, whose
 * type is inferred at once. in: NO_ID leaves an input out. */
value_id build_op(builder *b, const char *op, const value_id *in, uint32_t n_in, const attr_arg *args, uint32_t n_args);
/* ... with n_out outputs; out[i] preset to NO_ID: a new value; else an existing one is defined. */
sard_status build_node(builder *b, const char *op, const value_id *in, uint32_t n_in, value_id *out, uint32_t n_out,
                       const attr_arg *args, uint32_t n_args);
value_id build_1(builder *b, const char *op, value_id x);
value_id build_2(builder *b, const char *op, value_id x, value_id y);
/* Constants. rank-0 and rank-1 tensors. */
value_id build_i64(builder *b, int64_t v);
value_id build_i64s(builder *b, const int64_t *v, size_t n);
value_id build_scalar(builder *b, sard_dtype t, double v); /* rank 0, rounded once */
value_id build_const(builder *b, sard_value *take);
value_id build_cast(builder *b, value_id x, sard_dtype t); /* x itself when it is of that type already */
value_id build_reshape(builder *b, value_id x, const int64_t *dims, size_t n);

/* ---- a node of a file on its way to the newest version ------------------------------------------------------------- */

typedef struct draft {
    builder b;
    const op_def *op;
    value_id *in; /* import's arrays: draft_... functions change them */
    uint32_t n_in;
    value_id *out;
    uint32_t n_out;
    attr *attrs; /* by name, as in the file */
    uint32_t n_attrs;
    bool done; /* upgrade has defined all of out itself; the draft is dropped */
} draft;

const attr *draft_attr(const draft *d, const char *name); /* NULL when absent */
int64_t draft_int(const draft *d, const char *name, int64_t def);
float draft_float(const draft *d, const char *name, float def);
void draft_drop(draft *d, const char *name); /* attribute no longer known (consumed_inputs, is_test) */
sard_status draft_set_int(draft *d, const char *name, int64_t v);
sard_status draft_set_float(draft *d, const char *name, float v);
sard_status draft_set_string(draft *d, const char *name, const char *v);
sard_status draft_set_ints(draft *d, const char *name, const int64_t *v, size_t n);
sard_status draft_rename(draft *d, const char *from, const char *to);
sard_status draft_set_in(draft *d, uint32_t i, value_id v); /* grows with NO_ID */
/* Attribute `name`, when there, becomes constant input i: ints -> int64 [n], int -> int64 scalar (or [1] when
 * as_list), float -> scalar of dtype t, floats -> t [n]; it is dropped from the attributes. */
sard_status draft_attr_to_input(draft *d, const char *name, uint32_t i, sard_dtype t, bool as_list);
/* The type of an input as far as import knows it; unknown when absent. */
const vtype *draft_in_type(const draft *d, uint32_t i);
/* Old broadcast of opset < 7: attributes broadcast, axis -> the second input unsqueezed (Reshape) as NumPy wants it. */
sard_status draft_old_broadcast(draft *d, sard_error *err);
/* Replaces the draft by nodes built with d->b that define d->out themselves. */
static inline void draft_done(draft *d) { d->done = true; }

#endif
