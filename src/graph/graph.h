/*
 * graph.h -- the IR: values, nodes, attributes, bodies.
 *
 * A module is one model: its graphs (graph 0 is the main one, the others are bodies of nodes), and what they share:
 * strings, constants, types, origins. Values, nodes, graphs, strings and constants are known by index, never by
 * pointer, so arrays may grow while one works (fetch pointers anew after adding). Each graph has its own value table;
 * a body reaches outer values only through captures: node->captures[i] (a value of the outer graph) is the body's
 * graph->captures[i], through every level between. Every operator is at its newest version (import raises it) and its
 * attributes stand in the order of the operator's table, defaults filled in.
 */
#ifndef SARD_GRAPH_GRAPH_H
#define SARD_GRAPH_GRAPH_H

#include "base/pool.h"
#include "graph/type.h"
#include "tensor/value.h"

typedef uint32_t value_id, node_id, graph_id, const_id, origin_id;
#define NO_ID UINT32_MAX
enum { GRAPH_DEPTH_MAX = 32 }; /* bodies inside bodies */

typedef struct module module;
typedef struct graph graph;
typedef struct op_def op_def;

/* ---- attributes --------------------------------------------------------------------------------------------------- */

typedef enum attr_type {                /* the numbers of ONNX's AttributeProto.AttributeType */
                         ATTR_NONE = 0, /* absent, and without default */
                         ATTR_FLOAT = 1,
                         ATTR_INT = 2,
                         ATTR_STRING = 3,
                         ATTR_TENSOR = 4,
                         ATTR_GRAPH = 5,
                         ATTR_FLOATS = 6,
                         ATTR_INTS = 7,
                         ATTR_STRINGS = 8,
                         ATTR_TENSORS = 9,
                         ATTR_GRAPHS = 10,
                         ATTR_SPARSE_TENSOR = 11,
                         ATTR_TYPE = 13
} attr_type;

typedef struct attr { /* lists and strings lie in the module's arena */
    str_id name;
    uint8_t type;   /* attr_type */
    bool defaulted; /* not in the file: the table's default */
    union {
        int64_t i;
        float f;
        str s;
        struct {
            const int64_t *v;
            size_t n;
        } ints;
        struct {
            const float *v;
            size_t n;
        } floats;
        struct {
            const str *v;
            size_t n;
        } strs;
        const_id tensor; /* TENSOR, SPARSE_TENSOR: module->constants */
        struct {
            const const_id *v;
            size_t n;
        } tensors;
        graph_id body; /* GRAPH */
        type_id vt;    /* TYPE */
    };
} attr;

/* ---- values and nodes --------------------------------------------------------------------------------------------- */

typedef enum value_order { ORDER_ROW = 0, ORDER_LAST = 1 } value_order;

typedef struct value {
    str_id name;       /* as in the file; "" for values the compiler made (dumps print %index) */
    node_id def;       /* NO_ID: input, capture, constant or nothing */
    uint32_t def_out;  /* which output of def */
    const_id constant; /* NO_ID unless an initializer or a folded value */
    bool overridable;  /* an initializer that is also an input: never folded or packed */
    uint8_t order;     /* value_order: the strides it has in memory */
    type_id declared;  /* what the file says of it; NO_ID: nothing. Inference in a body starts from this */
    vtype type;
    known ints; /* what inference knows of the value itself (module arena) */
} value;

typedef struct span { /* of graph->ids */
    uint32_t at, n;
} span;

typedef struct node {
    const op_def *op;
    span in, out;  /* value ids; NO_ID: left out */
    span captures; /* value ids of this graph, for all bodies of the node */
    span bodies;   /* graph ids, in the order of the attributes */
    attr *attrs;   /* op->n_attrs in the table's order; any number for an OP_ANY_ATTRS operator */
    uint32_t n_attrs;
    origin_id origin;
    bool dead;   /* removed; graph_compact drops it */
    bool faulty; /* a problem was reported: told once, and left alone by inference */
} node;

/* Where a node comes from, for errors, profiles and fetching. */
typedef struct origin {
    str_id path;     /* of bodies and functions: "loop1/body" or "" */
    str_id name;     /* the node's name in the file */
    str_id op;       /* its operator there, with domain unless default */
    int32_t version; /* since-version in the file */
    bool unchanged;  /* raising it to the newest version changed nothing: it is valid at `version`, too */
    uint32_t index;  /* of the node in its file graph */
    origin_id next;  /* origins merged into this node; NO_ID ends */
} origin;

struct graph {
    module *mod;
    graph_id id;
    str_id name;
    value *values;
    uint32_t n_values;
    size_t cap_values;
    node *nodes; /* in any order; graph_order gives an execution order */
    uint32_t n_nodes;
    size_t cap_nodes;
    uint32_t *ids; /* what spans point into */
    uint32_t n_ids;
    size_t cap_ids;
    value_id *inputs, *outputs, *captures; /* module arena; graph_set_* replaces them */
    str_id *output_names;                  /* an output keeps its name when its value is replaced by an unnamed one */
    uint32_t n_inputs, n_outputs, n_captures;
};

typedef struct constant {
    sard_value *v; /* one reference; a tensor, or a sparse tensor before import made it dense */
    bool in_place; /* its data lies in the model file's mapping */
} constant;

typedef struct opset_import {
    str_id domain;
    int64_t version;
} opset_import;

struct op_set;
struct module {
    arena mem;
    strtab names;
    graph **graphs; /* [0] is the main graph; NULL entries are dropped bodies */
    uint32_t n_graphs;
    size_t cap_graphs;
    constant *constants;
    uint32_t n_constants;
    size_t cap_constants;
    vtype *types; /* element types of sequences, maps, optionals; interned */
    uint32_t n_types;
    size_t cap_types;
    map64 type_index; /* hash of a type -> its id */
    origin *origins;
    uint32_t n_origins;
    size_t cap_origins;
    opset_import *opsets; /* as imported */
    uint32_t n_opsets;
    const struct op_set *ops;
    uint64_t infer_work, infer_limit; /* nodes of bodies inferred so far: bodies in bodies multiply */
    run_ctl *ctl;                     /* while something is made of it: see mod_check; NULL: no limits */
};

/* ---- making and looking ------------------------------------------------------------------------------------------- */

sard_status module_new(const struct op_set *ops, module **out, sard_error *err); /* with an empty main graph */
void module_free(module *m);
/* A copy to rewrite; constants are shared by reference, names keep their ids. */
sard_status module_clone(const module *m, module **out, sard_error *err);
sard_status graph_new(module *m, graph **out, sard_error *err);
static inline graph *module_main(const module *m) { return m->graphs[0]; }
static inline const char *mod_str(const module *m, str_id s) { return strtab_get(&m->names, s); }
int64_t mod_opset(const module *m, const char *domain); /* as imported; 0: not at all */
sard_status mod_intern(module *m, const char *s, size_t n, str_id *out, sard_error *err);
sard_status mod_type(module *m, const vtype *t, type_id *out, sard_error *err);
/* Takes over the reference, also on failure. */
sard_status mod_constant(module *m, sard_value *take, const_id *out, sard_error *err);
const tensor *mod_const_tensor(const module *m, const_id c); /* NULL unless a tensor */
/* Asked before each node by whoever walks a whole module: has its deadline passed, was it cancelled, does it hold more
 * than its limit? */
sard_status mod_check(const module *m, sard_error *err);
sard_status mod_origin(module *m, const origin *o, origin_id *out, sard_error *err);

sard_status graph_value(graph *g, str_id name, const vtype *t, value_id *out, sard_error *err);
/* The value has this constant from now on: its type and known ints follow. */
sard_status value_set_constant(graph *g, value_id v, const_id c, sard_error *err);
sard_status graph_const_value(graph *g, str_id name, sard_value *take, value_id *out, sard_error *err);
/* Plain addition of a node; outs get def and def_out set. attrs as op's table wants them (copied). */
sard_status graph_node(graph *g, const op_def *op, const value_id *in, uint32_t n_in, const value_id *out,
                       uint32_t n_out, const attr *attrs, uint32_t n_attrs, const graph_id *bodies, uint32_t n_bodies,
                       origin_id origin, node_id *id, sard_error *err);
sard_status graph_set_inputs(graph *g, const value_id *v, uint32_t n, sard_error *err);
sard_status graph_set_outputs(graph *g, const value_id *v, uint32_t n, sard_error *err);
sard_status graph_set_captures(graph *g, const value_id *v, uint32_t n, sard_error *err); /* of a body */
sard_status node_set_captures(graph *g, node_id n, const value_id *v, uint32_t k, sard_error *err);
/* Adds outer value v to node n's captures (once) and to each of its bodies; *index is its place. */
sard_status node_add_capture(graph *g, node_id n, value_id v, uint32_t *index, sard_error *err);

static inline value_id *span_ids(const graph *g, span s) { return g->ids + s.at; }
static inline uint32_t node_n_in(const node *n) { return n->in.n; }
static inline uint32_t node_n_out(const node *n) { return n->out.n; }
value_id node_in(const graph *g, const node *n, uint32_t i); /* NO_ID when absent or beyond the end */
value_id node_out(const graph *g, const node *n, uint32_t i);
graph *node_body(const graph *g, const node *n, uint32_t i);
static inline const attr *node_attr(const node *n, uint32_t i) { return &n->attrs[i]; }
const attr *node_attr_named(const graph *g, const node *n, const char *name); /* for OP_ANY_ATTRS; NULL: absent */
void node_set_in(graph *g, node *n, uint32_t i, value_id v);
/* Every use of `from` (inputs, captures, graph outputs) becomes `to`. */
void graph_replace(graph *g, value_id from, value_id to);
void node_kill(graph *g, node_id n);             /* its outputs lose their definition */
uint32_t graph_uses(const graph *g, value_id v); /* by nodes, captures and as output; O(nodes) */
/* uses[v] for every value at once; array of n_values by the caller. */
void graph_count_uses(const graph *g, uint32_t *uses);
bool graph_is_output(const graph *g, value_id v);
/* Drops dead nodes (values keep their ids). */
void graph_compact(graph *g);
/* Node ids in an execution order: stable (file order where it is one). A cycle is SARD_INVALID_MODEL and names a node
 * of it. The array is the caller's: mem_free. */
sard_status graph_order(const graph *g, node_id **order, uint32_t *n, sard_error *err);
/* "node 'encoder/Softmax_3' (Softmax, opset 11)" into buf, which is returned. */
const char *node_where(const graph *g, const node *n, char *buf, size_t len);
/* Text form of a whole module (or one graph). */
sard_status module_print(const module *m, strbuf *out, sard_error *err);
/* The text form read back (used by tests of rules and by --dump round trips). */
sard_status module_parse(const struct op_set *ops, const char *text, module **out, sard_error *err);

/* ---- problems: all of a model's faults, not only the first -------------------------------------------------------- */

typedef struct problems {
    sard_problem_fn fn; /* may be NULL */
    void *user;
    uint32_t count;
    sard_error first;
} problems;
void problem_add(problems *p, sard_status code, const char *where, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* SARD_OK when there was none, else the first one, its count filled in. */
sard_status problems_result(const problems *p, sard_error *err);

#endif
