/*
 * builder.c -- building a model node by node.
 *
 * A builder fills the same onnx_graph structs that reading a file gives, in an arena, and a finished model goes through
 * import like any file. Tensors are not copied: the arena and the values are shared with the models made of it.
 */
#include "api/api.h"

typedef struct list { /* a growing array in the arena; old copies stay behind until the arena goes */
    void *items;
    size_t n, cap;
} list;

struct sard_builder {
    build_data *data;
    onnx_graph *g;
    list nodes, inputs, outputs, inits, opsets, meta;
    list attrs;        /* of the node that was begun last */
    size_t base_nodes; /* the first ones are a model's: they have their attributes */
    onnx_model from;   /* what is not in the lists: of the model that is extended, else empty */
    sard_status status;
    sard_error first; /* the failure that is kept */
};

void build_data_unref(build_data *d) {
    if (!d || atomic_fetch_sub(&d->refs, 1) != 1) return;
    for (size_t i = 0; i < d->n_values; i++) sard_value_unref(d->values[i]);
    for (size_t i = 0; i < d->n_children; i++) build_data_unref(d->children[i]);
    mem_free(d->values);
    mem_free(d->children);
    sard_model_unref(d->base);
    arena_free(&d->mem);
    mem_free(d);
}

/* Keeps the first failure and tells it to this call. */
static sard_status fail(sard_builder *b, sard_status st, const sard_error *e, sard_error *err) {
    if (b->status == SARD_OK) {
        b->status = st;
        b->first = *e;
    }
    if (err) *err = b->first;
    return b->status;
}

#define FAIL(b, err, st, ...)                                                                                          \
    do {                                                                                                               \
        sard_error e_ = {0};                                                                                           \
        err_set(&e_, st, __VA_ARGS__);                                                                                 \
        return fail(b, st, &e_, err);                                                                                  \
    } while (0)
#define NOMEM(b, err) FAIL(b, err, SARD_OUT_OF_MEMORY, "out of memory while building a model")
#define BEGIN(b, err)                                                                                                  \
    do {                                                                                                               \
        if (!(b)) return err_set(err, SARD_INVALID_ARGUMENT, "the builder is NULL");                                   \
        if ((b)->status != SARD_OK) return fail(b, (b)->status, &(b)->first, err);                                     \
    } while (0)

/* A zeroed item at the end of l; NULL when out of memory. */
static void *list_add(sard_builder *b, list *l, size_t size) {
    if (l->n == l->cap) {
        const size_t cap = l->cap ? l->cap * 2 : 8;
        void *items = arena_calloc(&b->data->mem, cap, size);
        if (!items) return NULL;
        if (l->n) memcpy(items, l->items, l->n * size);
        l->items = items;
        l->cap = cap;
    }
    return (char *)l->items + l->n++ * size;
}

/* A list that begins with n items of a model's. */
static bool list_from(sard_builder *b, list *l, const void *items, size_t n, size_t size) {
    l->items = arena_calloc(&b->data->mem, n + 1, size);
    l->n = n;
    l->cap = n + 1;
    if (l->items && n) memcpy(l->items, items, n * size);
    return l->items != NULL;
}

static bool copy_str(sard_builder *b, const char *s, size_t n, str *out) {
    const char *p = arena_strn(&b->data->mem, s ? s : "", n);
    *out = (str){p, n};
    return p != NULL;
}
static bool copy_name(sard_builder *b, const char *s, str *out) { return copy_str(b, s, s ? strlen(s) : 0, out); }

sard_status sard_builder_new(const char *graph_name, sard_builder **out, sard_error *err) {
    sard_builder *b = mem_calloc(1, sizeof *b);
    build_data *d = mem_calloc(1, sizeof *d);
    if (!b || !d) {
        mem_free(b);
        mem_free(d);
        return err_nomem(err, sizeof *b);
    }
    atomic_init(&d->refs, 1);
    arena_init(&d->mem);
    b->data = d;
    b->g = arena_calloc(&d->mem, 1, sizeof *b->g);
    if (!b->g || !copy_name(b, graph_name && *graph_name ? graph_name : "graph", &b->g->name)) {
        sard_builder_free(b);
        return err_nomem(err, sizeof *b->g);
    }
    *out = b;
    return SARD_OK;
}

void sard_builder_free(sard_builder *b) {
    if (!b) return;
    build_data_unref(b->data);
    mem_free(b);
}

sard_status sard_builder_opset(sard_builder *b, const char *domain, int64_t version, sard_error *err) {
    BEGIN(b, err);
    if (version < 1) FAIL(b, err, SARD_INVALID_ARGUMENT, "opset version %lld", (long long)version);
    onnx_opset *o = list_add(b, &b->opsets, sizeof *o);
    if (!o || !copy_name(b, domain, &o->domain)) NOMEM(b, err);
    o->version = version;
    return SARD_OK;
}

sard_status sard_builder_metadata(sard_builder *b, const char *key, const char *value, sard_error *err) {
    BEGIN(b, err);
    if (!key || !*key) FAIL(b, err, SARD_INVALID_ARGUMENT, "the metadata's key is missing");
    onnx_entry *e = list_add(b, &b->meta, sizeof *e);
    if (!e || !copy_name(b, key, &e->key) || !copy_name(b, value, &e->value)) NOMEM(b, err);
    return SARD_OK;
}

/* ---- inputs and outputs -------------------------------------------------------------------------------------------- */

static onnx_type *make_type(sard_builder *b, sard_dtype t, int rank, const int64_t *dims,
                            const char *const *dim_names) {
    arena *mem = &b->data->mem;
    onnx_type *type = arena_calloc(mem, 1, sizeof *type);
    if (!type) return NULL;
    type->kind = ONNX_TYPE_TENSOR;
    type->elem_type = t;
    if (rank < 0) return type;
    type->shape = arena_calloc(mem, 1, sizeof *type->shape);
    if (!type->shape) return NULL;
    type->shape->n_dims = (size_t)rank;
    type->shape->dims = arena_calloc(mem, (size_t)rank + 1, sizeof *type->shape->dims);
    if (!type->shape->dims) return NULL;
    for (int i = 0; i < rank; i++) {
        onnx_dim *d = &type->shape->dims[i];
        if (dims && dims[i] >= 0) {
            d->kind = ONNX_DIM_VALUE;
            d->value = dims[i];
        } else if (dim_names && dim_names[i] && *dim_names[i]) {
            d->kind = ONNX_DIM_PARAM;
            if (!copy_name(b, dim_names[i], &d->param)) return NULL;
        }
    }
    return type;
}

static sard_status add_info(sard_builder *b, list *l, const char *what, const char *name, sard_dtype t, int rank,
                            const int64_t *dims, const char *const *dim_names, sard_error *err) {
    BEGIN(b, err);
    if (!name || !*name) FAIL(b, err, SARD_INVALID_ARGUMENT, "the name of an %s is missing", what);
    if (rank > MAX_RANK)
        FAIL(b, err, SARD_INVALID_ARGUMENT, "%s '%s': rank %d is above %d", what, name, rank, MAX_RANK);
    onnx_value_info *v = list_add(b, l, sizeof *v);
    if (!v || !copy_name(b, name, &v->name)) NOMEM(b, err);
    if (t == SARD_UNDEFINED) return SARD_OK;
    if (!dtype_valid(t)) FAIL(b, err, SARD_INVALID_ARGUMENT, "%s '%s': %d is not an element type", what, name, (int)t);
    v->type = make_type(b, t, rank, dims, dim_names);
    if (!v->type) NOMEM(b, err);
    return SARD_OK;
}

sard_status sard_builder_input(sard_builder *b, const char *name, sard_dtype t, int rank, const int64_t *dims,
                               const char *const *dim_names, sard_error *err) {
    return add_info(b, b ? &b->inputs : NULL, "input", name, t, rank, dims, dim_names, err);
}

sard_status sard_builder_output(sard_builder *b, const char *name, sard_dtype t, int rank, const int64_t *dims,
                                const char *const *dim_names, sard_error *err) {
    return add_info(b, b ? &b->outputs : NULL, "output", name, t, rank, dims, dim_names, err);
}

/* ---- types of any kind -------------------------------------------------------------------------------------------- */

/* Keeps a failure without telling it: for functions that return a type. */
static const sard_type *no_type(sard_builder *b, sard_status st, const char *what) {
    sard_error e = {0};
    err_set(&e, st, "%s", what);
    fail(b, st, &e, NULL);
    return NULL;
}

const sard_type *sard_builder_tensor_type(sard_builder *b, sard_kind kind, sard_dtype t, int rank, const int64_t *dims,
                                          const char *const *dim_names) {
    if (!b || b->status != SARD_OK) return NULL;
    arena *mem = &b->data->mem;
    if (kind != SARD_KIND_TENSOR && kind != SARD_KIND_SPARSE_TENSOR)
        return no_type(b, SARD_INVALID_ARGUMENT, "a tensor's type is dense or sparse");
    if (!dtype_valid(t)) return no_type(b, SARD_INVALID_ARGUMENT, "a tensor's type needs its element type");
    if (rank > MAX_RANK) return no_type(b, SARD_INVALID_ARGUMENT, "a tensor's type has too many dimensions");
    const size_t n = rank > 0 ? (size_t)rank : 0;
    sard_type *r = arena_calloc(mem, 1, sizeof *r);
    if (!r) return no_type(b, SARD_OUT_OF_MEMORY, "out of memory while building a model");
    *r = (sard_type){.kind = (uint8_t)kind, .dtype = (uint8_t)t, .rank = rank < 0 ? -1 : rank};
    r->dim = arena_calloc(mem, n + 1, sizeof *r->dim);
    r->name = arena_calloc(mem, n + 1, sizeof *r->name);
    r->denotation = arena_calloc(mem, n + 1, sizeof *r->denotation);
    bool ok = r->dim && r->name && r->denotation;
    for (size_t i = 0; ok && i < n; i++) {
        const char *name = dim_names && dim_names[i] ? dim_names[i] : "";
        r->dim[i] = dims && dims[i] >= 0 ? dims[i] : -1;
        r->name[i] = arena_strn(mem, name, strlen(name));
        r->denotation[i] = "";
        ok = r->name[i] != NULL;
    }
    return ok ? r : no_type(b, SARD_OUT_OF_MEMORY, "out of memory while building a model");
}

const sard_type *sard_builder_type_of(sard_builder *b, sard_kind kind, sard_dtype key, const sard_type *elem) {
    if (!b || b->status != SARD_OK) return NULL;
    if (kind != SARD_KIND_SEQUENCE && kind != SARD_KIND_OPTIONAL && kind != SARD_KIND_MAP)
        return no_type(b, SARD_INVALID_ARGUMENT, "only sequences, optionals and maps are made of other types");
    if (!elem) return no_type(b, SARD_INVALID_ARGUMENT, "the type of the elements is NULL");
    if (kind == SARD_KIND_MAP && !dtype_valid(key))
        return no_type(b, SARD_INVALID_ARGUMENT, "a map's type needs the type of its keys");
    sard_type *r = arena_calloc(&b->data->mem, 1, sizeof *r);
    if (!r) return no_type(b, SARD_OUT_OF_MEMORY, "out of memory while building a model");
    *r = (sard_type){.kind = (uint8_t)kind, .dtype = kind == SARD_KIND_MAP ? (uint8_t)key : 0, .rank = -1};
    r->elem = elem;
    return r;
}

/* The file's form of a type; NULL when out of memory. */
static onnx_type *file_type(sard_builder *b, const sard_type *t) {
    static const onnx_type_kind kinds[] = {[SARD_KIND_UNKNOWN] = ONNX_TYPE_NONE,
                                           [SARD_KIND_TENSOR] = ONNX_TYPE_TENSOR,
                                           [SARD_KIND_SPARSE_TENSOR] = ONNX_TYPE_SPARSE,
                                           [SARD_KIND_SEQUENCE] = ONNX_TYPE_SEQUENCE,
                                           [SARD_KIND_MAP] = ONNX_TYPE_MAP,
                                           [SARD_KIND_OPTIONAL] = ONNX_TYPE_OPTIONAL};
    onnx_type *first = NULL, **at = &first;
    for (; t; t = t->elem, at = &(*at)->elem) {
        if (t->kind == SARD_KIND_TENSOR || t->kind == SARD_KIND_SPARSE_TENSOR)
            *at = make_type(b, t->dtype, t->rank, t->dim, t->name);
        else
            *at = arena_calloc(&b->data->mem, 1, sizeof **at);
        if (!*at) return NULL;
        (*at)->kind = kinds[t->kind];
        (*at)->key_type = t->kind == SARD_KIND_MAP ? t->dtype : 0;
    }
    return first;
}

static sard_status add_typed(sard_builder *b, list *l, const char *what, const char *name, const sard_type *t,
                             sard_error *err) {
    BEGIN(b, err);
    if (!name || !*name) FAIL(b, err, SARD_INVALID_ARGUMENT, "the name of an %s is missing", what);
    if (!t) FAIL(b, err, SARD_INVALID_ARGUMENT, "%s '%s': the type is NULL", what, name);
    onnx_value_info *v = list_add(b, l, sizeof *v);
    if (!v || !copy_name(b, name, &v->name)) NOMEM(b, err);
    v->type = file_type(b, t);
    if (!v->type) NOMEM(b, err);
    return SARD_OK;
}

sard_status sard_builder_input_typed(sard_builder *b, const char *name, const sard_type *t, sard_error *err) {
    return add_typed(b, b ? &b->inputs : NULL, "input", name, t, err);
}

sard_status sard_builder_output_typed(sard_builder *b, const char *name, const sard_type *t, sard_error *err) {
    return add_typed(b, b ? &b->outputs : NULL, "output", name, t, err);
}

sard_status sard_builder_clear_inputs(sard_builder *b, sard_error *err) {
    BEGIN(b, err);
    b->inputs = (list){0}; /* models that were built keep the old ones */
    return SARD_OK;
}

sard_status sard_builder_clear_outputs(sard_builder *b, sard_error *err) {
    BEGIN(b, err);
    b->outputs = (list){0};
    return SARD_OK;
}

/* ---- tensors ------------------------------------------------------------------------------------------------------ */

/* A tensor in the file's form whose data stays where it is; the value is kept alive. */
static sard_status put_tensor(sard_builder *b, const char *name, sard_value *v, onnx_tensor *out, sard_error *err) {
    build_data *d = b->data;
    if (!value_is_tensor(v)) FAIL(b, err, SARD_INVALID_ARGUMENT, "'%s': a tensor is expected", name);
    void *values = d->values;
    if (mem_grow(&values, &d->cap_values, d->n_values + 1, sizeof(sard_value *))) NOMEM(b, err);
    d->values = values;
    d->values[d->n_values++] = sard_value_ref(v);
    const tensor *t = &v->t;
    *out = (onnx_tensor){.data_type = t->dtype, .n_dims = t->rank};
    out->dims = arena_copy(&d->mem, t->dim, t->rank * sizeof *t->dim);
    if (!out->dims || !copy_name(b, name, &out->name)) NOMEM(b, err);
    if (t->dtype == SARD_STRING) {
        out->strings = TENSOR_AT(t, str);
        out->n_strings = (size_t)tensor_count(t);
    } else {
        if (api_file_bytes(t, &d->mem, &out->raw, NULL) != SARD_OK) NOMEM(b, err);
        out->has |= 1u << 9; /* raw_data, also when it is empty */
    }
    return SARD_OK;
}

sard_status sard_builder_initializer(sard_builder *b, const char *name, sard_value *v, sard_error *err) {
    BEGIN(b, err);
    if (!name || !*name) FAIL(b, err, SARD_INVALID_ARGUMENT, "the name of an initializer is missing");
    onnx_tensor *t = list_add(b, &b->inits, sizeof *t);
    if (!t) NOMEM(b, err);
    return put_tensor(b, name, v, t, err);
}

/* ---- nodes and attributes ----------------------------------------------------------------------------------------- */

/* Puts the attributes gathered so far into the node that was begun last. */
static void end_node(sard_builder *b) {
    if (b->nodes.n <= b->base_nodes) return;
    onnx_node *n = (onnx_node *)b->nodes.items + b->nodes.n - 1;
    n->attrs = b->attrs.items;
    n->n_attrs = b->attrs.n;
}

static str *copy_names(sard_builder *b, const char *const *names, size_t n) {
    str *out = arena_calloc(&b->data->mem, n + 1, sizeof *out);
    for (size_t i = 0; out && i < n; i++)
        if (!copy_name(b, names[i], &out[i])) return NULL;
    return out;
}

sard_status sard_builder_node(sard_builder *b, const char *domain, const char *op, const char *name,
                              const char *const *inputs, size_t n_in, const char *const *outputs, size_t n_out,
                              sard_error *err) {
    BEGIN(b, err);
    if (!op || !*op) FAIL(b, err, SARD_INVALID_ARGUMENT, "the node's operator is missing");
    if ((n_in && !inputs) || (n_out && !outputs))
        FAIL(b, err, SARD_INVALID_ARGUMENT, "%s: inputs or outputs are NULL", op);
    end_node(b);
    b->attrs = (list){0};
    onnx_node *n = list_add(b, &b->nodes, sizeof *n);
    if (!n) NOMEM(b, err);
    n->n_inputs = n_in;
    n->n_outputs = n_out;
    n->inputs = copy_names(b, inputs, n_in);
    n->outputs = copy_names(b, outputs, n_out);
    if (!n->inputs || !n->outputs || !copy_name(b, domain, &n->domain) || !copy_name(b, op, &n->op_type) ||
        !copy_name(b, name, &n->name))
        NOMEM(b, err);
    return SARD_OK;
}

/* A new attribute of the last node; NULL after a failure that is kept. */
static onnx_attr *add_attr(sard_builder *b, const char *name, onnx_attr_type t, sard_error *err) {
    sard_error e = {0};
    if (!b) {
        err_set(err, SARD_INVALID_ARGUMENT, "the builder is NULL");
        return NULL;
    }
    sard_status st = b->status;
    if (st == SARD_OK && (!name || !*name)) st = err_set(&e, SARD_INVALID_ARGUMENT, "the attribute's name is missing");
    if (st == SARD_OK && b->nodes.n <= b->base_nodes)
        st = err_set(&e, SARD_INVALID_ARGUMENT, "attribute '%s' comes before any node", name);
    onnx_attr *a = st == SARD_OK ? list_add(b, &b->attrs, sizeof *a) : NULL;
    if (st == SARD_OK && (!a || !copy_name(b, name, &a->name)))
        st = err_set(&e, SARD_OUT_OF_MEMORY, "out of memory while building a model");
    if (st != SARD_OK) {
        fail(b, st, &e, err);
        return NULL;
    }
    a->type = t;
    return a;
}
#define ATTR(a, b, name, t, err)                                                                                       \
    onnx_attr *a = add_attr(b, name, t, err);                                                                          \
    if (!a) return b ? b->status : SARD_INVALID_ARGUMENT

sard_status sard_builder_attr_int(sard_builder *b, const char *name, int64_t v, sard_error *err) {
    ATTR(a, b, name, ONNX_ATTR_INT, err);
    a->i = v;
    return SARD_OK;
}

sard_status sard_builder_attr_float(sard_builder *b, const char *name, float v, sard_error *err) {
    ATTR(a, b, name, ONNX_ATTR_FLOAT, err);
    a->f = v;
    return SARD_OK;
}

sard_status sard_builder_attr_string(sard_builder *b, const char *name, const char *v, size_t n, sard_error *err) {
    ATTR(a, b, name, ONNX_ATTR_STRING, err);
    if (!copy_str(b, v, n, &a->s)) NOMEM(b, err);
    return SARD_OK;
}

sard_status sard_builder_attr_ints(sard_builder *b, const char *name, const int64_t *v, size_t n, sard_error *err) {
    ATTR(a, b, name, ONNX_ATTR_INTS, err);
    a->ints = arena_copy(&b->data->mem, n ? v : (const int64_t[]){0}, n * sizeof *v);
    if (!a->ints) NOMEM(b, err);
    a->n_ints = n;
    return SARD_OK;
}

sard_status sard_builder_attr_floats(sard_builder *b, const char *name, const float *v, size_t n, sard_error *err) {
    ATTR(a, b, name, ONNX_ATTR_FLOATS, err);
    a->floats = arena_copy(&b->data->mem, n ? v : (const float[]){0}, n * sizeof *v);
    if (!a->floats) NOMEM(b, err);
    a->n_floats = n;
    return SARD_OK;
}

sard_status sard_builder_attr_strings(sard_builder *b, const char *name, const char *const *v, size_t n,
                                      sard_error *err) {
    ATTR(a, b, name, ONNX_ATTR_STRINGS, err);
    a->strings = copy_names(b, v, n);
    if (!a->strings) NOMEM(b, err);
    a->n_strings = n;
    return SARD_OK;
}

sard_status sard_builder_attr_tensor(sard_builder *b, const char *name, sard_value *v, sard_error *err) {
    ATTR(a, b, name, ONNX_ATTR_TENSOR, err);
    a->t = arena_calloc(&b->data->mem, 1, sizeof *a->t);
    if (!a->t) NOMEM(b, err);
    return put_tensor(b, "", v, a->t, err);
}

/* The lists become the graph's arrays. */
static void end_graph(sard_builder *b) {
    end_node(b);
    onnx_graph *g = b->g;
    g->nodes = b->nodes.items, g->n_nodes = b->nodes.n;
    g->inputs = b->inputs.items, g->n_inputs = b->inputs.n;
    g->outputs = b->outputs.items, g->n_outputs = b->outputs.n;
    g->initializers = b->inits.items, g->n_initializers = b->inits.n;
}

sard_status sard_builder_attr_graph(sard_builder *b, const char *name, sard_builder *body, sard_error *err) {
    if (body && body == b) return err_set(err, SARD_INVALID_ARGUMENT, "a graph cannot be its own body");
    onnx_attr *a = body ? add_attr(b, name, ONNX_ATTR_GRAPH, err) : NULL;
    if (!a) {
        sard_builder_free(body);
        if (!body) return err_set(err, SARD_INVALID_ARGUMENT, "the body is NULL");
        return b ? b->status : SARD_INVALID_ARGUMENT;
    }
    sard_status st = body->status;
    sard_error e = body->first;
    build_data *d = b->data;
    void *children = d->children;
    if (st == SARD_OK && mem_grow(&children, &d->cap_children, d->n_children + 1, sizeof *d->children))
        st = err_set(&e, SARD_OUT_OF_MEMORY, "out of memory while building a model");
    d->children = children;
    if (st != SARD_OK) {
        sard_builder_free(body);
        return fail(b, st, &e, err);
    }
    end_graph(body);
    a->g = body->g;
    d->children[d->n_children++] = body->data; /* the reference moves */
    mem_free(body);
    return SARD_OK;
}

/* What lies beside the model that is extended: its folder, and files the caller gave as bytes. */
static sard_status base_files(const sard_builder *b, onnx_store *to, sard_error *err) {
    if (!b->data->base) return SARD_OK;
    const onnx_store *from = &b->data->base->src.store;
    if (from->folder) TRY(onnx_store_folder(to, from->folder, err));
    for (const onnx_data_file *f = from->files; f; f = f->next)
        if (!f->map.data) TRY(onnx_store_file(to, f->name.p, f->bytes.p, f->bytes.n, err));
    return SARD_OK;
}

sard_status sard_builder_extend(sard_model *m, sard_builder **out, sard_error *err) {
    FAIL_IF(!m, err, SARD_INVALID_ARGUMENT, "extend: the model is NULL");
    FAIL_IF(!m->has_src, err, SARD_UNSUPPORTED, "extend: a model loaded with weights=read does not keep its file");
    sard_builder *b = NULL;
    const onnx_graph *g = m->src.graph;
    TRY(sard_builder_new(NULL, &b, err));
    b->data->base = sard_model_ref(m);
    b->from = m->src;
    b->base_nodes = g->n_nodes;
    *b->g = *g;
    if (!list_from(b, &b->nodes, g->nodes, g->n_nodes, sizeof *g->nodes) ||
        !list_from(b, &b->inputs, g->inputs, g->n_inputs, sizeof *g->inputs) ||
        !list_from(b, &b->outputs, g->outputs, g->n_outputs, sizeof *g->outputs) ||
        !list_from(b, &b->inits, g->initializers, g->n_initializers, sizeof *g->initializers) ||
        !list_from(b, &b->opsets, m->src.opsets, m->src.n_opsets, sizeof *m->src.opsets) ||
        !list_from(b, &b->meta, m->src.metadata, m->src.n_metadata, sizeof *m->src.metadata)) {
        sard_builder_free(b);
        return err_nomem(err, g->n_nodes * sizeof *g->nodes);
    }
    *out = b;
    return SARD_OK;
}

sard_status sard_builder_build(sard_builder *b, const sard_options *options, sard_model **out, sard_error *err) {
    enum { IR_VERSION = 10 };
    BEGIN(b, err);
    const sard_options *o = options ? options : &api_default_options;
    bool has_default = false;
    for (size_t i = 0; i < b->opsets.n; i++)
        has_default |= onnx_domain(((onnx_opset *)b->opsets.items)[i].domain).n == 0;
    if (!has_default) TRY(sard_builder_opset(b, "", sard_onnx_opset(), err));
    end_graph(b);
    onnx_model src = b->from;
    src.graph = arena_copy(&b->data->mem, b->g, sizeof *b->g); /* what is built does not change with the builder */
    if (!src.graph) NOMEM(b, err);
    if (!b->data->base) {
        src.ir_version = IR_VERSION;
        src.producer_name = str_of("sard");
        src.producer_version = str_of(sard_version());
    }
    src.opsets = b->opsets.items, src.n_opsets = b->opsets.n;
    src.metadata = b->meta.items, src.n_metadata = b->meta.n;
    onnx_store_init(&src.store);
    sard_status st = base_files(b, &src.store, err);
    if (st != SARD_OK) {
        onnx_store_deinit(&src.store);
        return err_context(err, st, "build");
    }
    atomic_fetch_add(&b->data->refs, 1);
    st = api_model_make(&src, "", NULL, b->data, o, out, err);
    return st == SARD_OK ? SARD_OK : err_context(err, st, "build");
}
