/*
 * importer.h -- what the files of the import room share: one import, its scopes of names.
 *
 * A scope is a region of the file in which a name means one value: the main graph, a body, an inlined function. Scopes
 * of bodies look outward for names they lack, and each graph passed on the way captures the value. Constants are not
 * captured: a body gets a value of its own for the same constant.
 *
 * Functions return a status only for what ends the import at once (memory, limits); faults of the model are reported as
 * problems, and the import goes on to find the others.
 */
#ifndef SARD_IMPORT_IMPORTER_H
#define SARD_IMPORT_IMPORTER_H

#include "import/import.h"

enum {
    OPSET_MAX = 28,        /* of the default domain: onnx 1.23 */
    OPSET_ML_MAX = 5,      /* of ai.onnx.ml */
    CALLS_MAX = 64,        /* functions calling functions */
    INLINED_MAX = 1 << 18, /* nodes that functions become: some seconds and 100 MB */
    WHERE = 300,
    SHOW = ONNX_SHOW
};

typedef struct unsupported { /* an operator that is not offered */
    str_id domain, op;
    int64_t version;
    uint32_t count;
    char first[200]; /* the first node that wants it */
} unsupported;

typedef struct importer {
    onnx_model *src;
    const import_options *o;
    module *m;
    problems *p;
    map64 functions;     /* hash of (domain, name, overload) -> index in src->functions */
    map64 ops;           /* (domain, name) as ids -> op_def */
    map64 overrides;     /* name -> index in o->overrides */
    bool *override_used; /* per override */
    bool *dim_used;      /* per fixed dimension */
    map64 dims;          /* name -> index in o->dims */
    map64 denotations;   /* the same, of those that are denotations */
    unsupported *missing;
    uint32_t n_missing;
    size_t cap_missing;
    uint64_t inlined; /* nodes that came out of functions */
    int depth;        /* of bodies */
    int type_depth;
} importer;

typedef struct binding { /* an attribute of a function's caller; a NULL: not given */
    str name;
    const onnx_attr *a;
} binding;

typedef struct env { /* what a region of the file stands in: opsets, attributes of the call */
    const onnx_opset *opsets;
    size_t n_opsets;
    const onnx_function *fn; /* NULL: not in a function */
    const binding *attrs;
    size_t n_attrs;
    const struct env *up; /* the caller's */
    int calls;
} env;

typedef struct captures { /* of one node, for all its bodies */
    value_id *outer;
    uint32_t n;
    size_t cap;
    map64 index; /* outer value -> place */
} captures;

typedef struct scope {
    importer *im;
    graph *g;
    const env *env;
    str_id path;         /* of origins: "loop1/body" */
    bool prefix;         /* values are named path/name: functions */
    map64 names;         /* str_id -> value_id; NO_ID: an input that is not given */
    map64 preset;        /* a function's outputs: str_id -> value that is there already */
    map64 declared;      /* str_id -> type_id: outputs and value_infos */
    struct scope *outer; /* bodies: where other names are looked up */
    captures *caps;      /* bodies: of their node */
    map64 local;         /* bodies: place in caps -> value of g */
} scope;

/* ---- values.c: data ---- */
sard_status import_sparse(importer *im, const onnx_sparse *s, sard_value **out, sard_error *err);

/* ---- scope.c: names and types ---- */
void scope_deinit(scope *s);
sard_status intern(importer *im, str s, str_id *out, sard_error *err);
/* The id of a symbol, or its number where the caller fixed it; problems as to `where`. */
sard_status import_type(importer *im, const onnx_type *t, const char *where, vtype *out, sard_error *err);
sard_status scope_declare(scope *s, const onnx_value_info *list, size_t n, const char *what, sard_error *err);
/* A new value of that name. *out is NO_ID (and a problem reported) when the name is taken. */
sard_status scope_define(scope *s, str name, const char *where, value_id *out, sard_error *err);
/* *found: whether the name means anything here; *out may then still be NO_ID (an input not given). */
sard_status scope_find(scope *s, str name, bool *found, value_id *out, sard_error *err);
/* The body's graph gets its captures, in the order of caps, */
sard_status scope_close_captures(scope *s, sard_error *err);
/* and those that bodies imported after it added. */
sard_status captures_complete(const graph *outer, graph *body, const captures *caps, sard_error *err);

/* ---- align.c ---- */
/* Large constants at odd addresses that some operator reads element by element get memory of their own. */
sard_status import_align(module *m, sard_error *err);

/* ---- order.c ---- */
/* Indices of nodes so that each comes after what it needs. A cycle is a problem: *order is then NULL. */
sard_status import_order(importer *im, const onnx_node *nodes, size_t n, uint32_t **order, sard_error *err);

/* ---- attr.c ---- */
/* The node's attributes by name; bodies are imported. n_out <= n->n_attrs. */
sard_status import_attrs(scope *s, const onnx_node *n, const char *where, captures *caps, attr **out, uint32_t *n_out,
                         sard_error *err);
/* The attribute itself, or what a reference to the function's caller means; NULL: not given. */
const onnx_attr *attr_resolve(const scope *s, const onnx_attr *a, const char *where);

/* ---- node.c ---- */
sard_status import_nodes(scope *s, const onnx_node *nodes, size_t n, sard_error *err);
sard_status import_finish(scope *s, draft *d, const char *where, sard_error *err);
const char *show_node(const onnx_node *n, size_t index, char *buf, size_t len);

/* ---- function.c ---- */
sard_status functions_index(importer *im, sard_error *err);
const onnx_function *function_find(const importer *im, const onnx_node *n);
sard_status function_inline(scope *s, const onnx_node *n, size_t index, const onnx_function *f, const char *where,
                            sard_error *err);

/* ---- model.c ---- */
int64_t import_opset(const scope *s, str domain); /* 0: not imported */
sard_status import_body(scope *outer, const onnx_graph *og, const char *name, captures *caps, graph_id *out,
                        sard_error *err);

#endif
