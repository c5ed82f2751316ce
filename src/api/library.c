/*
 * library.c -- operators from outside.
 *
 * Each registered operator becomes an op_def of its own whose callbacks translate: infer and prepare hand the caller a
 * sard_node_info over the engine's node, run hands it a sard_op_ctx over the engine's op_ctx. The op_def never moves,
 * so a model points at it for as long as it holds the library.
 */
#include "api/api.h"

enum { FORMALS_MAX = 200 };

typedef struct outside_op {
    op_def def; /* first: what the engine sees */
    sard_op_desc desc;
    int16_t since[2];
    formal *in, *out;
} outside_op;

struct sard_node_info {
    const graph *g;
    const node *n;
    const vtype *const *in;        /* NULL where absent */
    const tensor *const *in_const; /* NULL where not constant */
    const vtype *out;              /* NULL while types are inferred */
    uint32_t n_in;
    arena *mem; /* for types */
};

/* ---- looking at a node ------------------------------------------------------------------------------------------ */

const char *sard_node_name(const sard_node_info *n) {
    const module *m = n->g->mod;
    return n->n->origin < m->n_origins ? mod_str(m, m->origins[n->n->origin].name) : "";
}

int64_t sard_node_opset(const sard_node_info *n) {
    const int64_t version = mod_opset(n->g->mod, n->n->op->domain);
    return version ? version : n->n->op->since[0];
}

size_t sard_node_inputs(const sard_node_info *n) { return node_n_in(n->n); }
size_t sard_node_outputs(const sard_node_info *n) { return node_n_out(n->n); }

static const char *value_name(const sard_node_info *n, span ids, size_t i) {
    if (i >= ids.n) return NULL;
    const value_id v = span_ids(n->g, ids)[i];
    return v == NO_ID ? NULL : mod_str(n->g->mod, n->g->values[v].name);
}

const char *sard_node_input_name(const sard_node_info *n, size_t i) { return value_name(n, n->n->in, i); }
const char *sard_node_output_name(const sard_node_info *n, size_t i) { return value_name(n, n->n->out, i); }

static const sard_type *public_type(const sard_node_info *n, const vtype *t) {
    const sard_type *made = NULL;
    return api_type(n->g->mod, t, NULL, n->mem, &made, NULL) == SARD_OK ? made : NULL;
}

const sard_type *sard_node_input_type(const sard_node_info *n, size_t i) {
    return i < n->n_in && n->in[i] ? public_type(n, n->in[i]) : NULL;
}

const sard_type *sard_node_output_type(const sard_node_info *n, size_t i) {
    return n->out && sard_node_output_name(n, i) ? public_type(n, &n->out[i]) : NULL;
}

sard_value *sard_node_input_constant(const sard_node_info *n, size_t i) {
    const tensor *t = i < n->n_in && n->in_const ? n->in_const[i] : NULL;
    /* constants are values of a module: the tensor lies in one */
    return t ? (sard_value *)(uintptr_t)((const char *)t - offsetof(sard_value, t)) : NULL;
}

size_t sard_node_attrs(const sard_node_info *n) { return n->n->n_attrs; }

const char *sard_node_attr_name(const sard_node_info *n, size_t i) {
    return i < n->n->n_attrs ? mod_str(n->g->mod, n->n->attrs[i].name) : NULL;
}

sard_attr_kind sard_node_attr_kind(const sard_node_info *n, const char *name) {
    const attr *a = node_attr_named(n->g, n->n, name);
    return a ? (sard_attr_kind)a->type : SARD_ATTR_NONE;
}

static const attr *find_attr(const sard_node_info *n, const char *name, attr_type t) {
    const attr *a = node_attr_named(n->g, n->n, name);
    return a && a->type == t ? a : NULL;
}

sard_status sard_node_attr_int(const sard_node_info *n, const char *name, int64_t *v) {
    const attr *a = find_attr(n, name, ATTR_INT);
    if (!a) return SARD_INVALID_ARGUMENT;
    *v = a->i;
    return SARD_OK;
}

sard_status sard_node_attr_float(const sard_node_info *n, const char *name, float *v) {
    const attr *a = find_attr(n, name, ATTR_FLOAT);
    if (!a) return SARD_INVALID_ARGUMENT;
    *v = a->f;
    return SARD_OK;
}

sard_status sard_node_attr_string(const sard_node_info *n, const char *name, const char **v, size_t *len) {
    const attr *a = find_attr(n, name, ATTR_STRING);
    if (!a) return SARD_INVALID_ARGUMENT;
    *v = a->s.p ? a->s.p : "";
    *len = a->s.n;
    return SARD_OK;
}

sard_status sard_node_attr_ints(const sard_node_info *n, const char *name, const int64_t **v, size_t *len) {
    const attr *a = find_attr(n, name, ATTR_INTS);
    if (!a) return SARD_INVALID_ARGUMENT;
    *v = a->ints.v;
    *len = a->ints.n;
    return SARD_OK;
}

sard_status sard_node_attr_floats(const sard_node_info *n, const char *name, const float **v, size_t *len) {
    const attr *a = find_attr(n, name, ATTR_FLOATS);
    if (!a) return SARD_INVALID_ARGUMENT;
    *v = a->floats.v;
    *len = a->floats.n;
    return SARD_OK;
}

sard_status sard_node_attr_strings(const sard_node_info *n, const char *name, size_t *count) {
    const attr *a = find_attr(n, name, ATTR_STRINGS);
    if (!a) return SARD_INVALID_ARGUMENT;
    *count = a->strs.n;
    return SARD_OK;
}

sard_status sard_node_attr_strings_at(const sard_node_info *n, const char *name, size_t i, const char **v,
                                      size_t *len) {
    const attr *a = find_attr(n, name, ATTR_STRINGS);
    if (!a || i >= a->strs.n) return SARD_INVALID_ARGUMENT;
    *v = a->strs.v[i].p ? a->strs.v[i].p : "";
    *len = a->strs.v[i].n;
    return SARD_OK;
}

sard_status sard_node_attr_tensor(const sard_node_info *n, const char *name, sard_value **borrowed) {
    const attr *a = find_attr(n, name, ATTR_TENSOR);
    if (!a || a->tensor >= n->g->mod->n_constants) return SARD_INVALID_ARGUMENT;
    *borrowed = n->g->mod->constants[a->tensor].v;
    return SARD_OK;
}

/* ---- inference and preparation ---------------------------------------------------------------------------------- */

/* An error for a callback to write ... */
static sard_error *blank(sard_error *err) {
    if (err) {
        err->code = SARD_OK;
        err->problems = 1;
        err->detail = 0;
        err->message[0] = 0;
    }
    return err;
}

/* ... and what it wrote when it failed with st; what it left out is made up for. */
static sard_status tell(sard_error *err, sard_status st) {
    if (!err) return st;
    const int32_t detail = err->detail;
    if (!err->message[0]) err_set(err, st, "the operator failed (%s)", sard_status_name(st));
    err->code = st;
    err->detail = detail;
    return st;
}

typedef struct infer_set {
    infer_ctx *c;
    sard_error *err;
} infer_set;

static sard_status set_output(void *arg, size_t i, sard_dtype t, int rank, const int64_t *dims) {
    infer_set *s = arg;
    FAIL_IF(i >= s->c->n_out, s->err, SARD_INVALID_ARGUMENT, "output %zu was set, the node has %u", i, s->c->n_out);
    FAIL_IF(!dtype_valid(t), s->err, SARD_INVALID_ARGUMENT, "output %zu: %d is not an element type", i, (int)t);
    FAIL_IF(rank > MAX_RANK, s->err, SARD_INVALID_ARGUMENT, "output %zu: rank %d is above %d", i, rank, MAX_RANK);
    vtype v = type_tensor(t, rank < 0 ? -1 : rank, NULL);
    for (int k = 0; k < rank && dims; k++)
        if (dims[k] >= 0) v.dim[k] = dims[k];
    s->c->out[i] = v;
    return SARD_OK;
}

static const outside_op *outside_of(const node *n) { return (const outside_op *)(const void *)n->op; }

static sard_status outside_infer(infer_ctx *c, sard_error *err) {
    const outside_op *op = outside_of(c->node);
    if (!op->desc.infer) return SARD_OK;
    if (op->desc.loose_shapes && !c->mod) { /* a run is planned: what comes out is known when it has come */
        for (uint32_t i = 0; i < c->n_out; i++) c->out[i] = type_unknown();
        return SARD_OK;
    }
    arena mem;
    arena_init(&mem);
    const sard_node_info info = {c->g, c->node, c->in, c->in_const, NULL, c->n_in, &mem};
    infer_set set = {c, err};
    sard_status st = op->desc.infer(op->desc.user, &info, set_output, &set, blank(err));
    arena_free(&mem);
    return st == SARD_OK ? SARD_OK : tell(err, st);
}

typedef struct outside_state {
    const outside_op *op;
    void *state;
} outside_state;

static sard_status outside_prepare(op_prep *p, void **state, sard_error *err) {
    outside_state *s = mem_calloc(1, sizeof *s);
    if (!s) return err_nomem(err, sizeof *s);
    s->op = outside_of(p->node);
    if (s->op->desc.create) {
        arena mem;
        arena_init(&mem);
        const sard_node_info info = {p->g, p->node, p->in, p->in_const, p->out, p->n_in, &mem};
        sard_status st = s->op->desc.create(s->op->desc.user, &info, &s->state, blank(err));
        arena_free(&mem);
        if (st != SARD_OK) {
            mem_free(s);
            return tell(err, st);
        }
    }
    *state = s;
    return SARD_OK;
}

static void outside_drop(void *state) {
    outside_state *s = state;
    if (!s) return;
    if (s->op->desc.destroy) s->op->desc.destroy(s->op->desc.user, s->state);
    mem_free(s);
}

/* ---- execution -------------------------------------------------------------------------------------------------- */

enum { FACES_INLINE = 8 };
/* Tensors in a run's memory are no values that can be referenced: operators see faces of them, which borrow the buffer
 * and have one reference that nobody gives back. */
struct sard_op_ctx {
    op_ctx *c;
    sard_value *ins;  /* faces of the inputs that are not values of their own */
    sard_value *outs; /* faces of the tensors given out */
    bool *done;       /* per output: made or given */
    uint32_t n_in, n_out;
};

static void show(sard_value *face, const tensor *t) {
    memset(face, 0, sizeof *face);
    atomic_init(&face->refs, 1);
    face->kind = SARD_KIND_TENSOR;
    face->t = *t;
}

sard_value *sard_op_input(sard_op_ctx *c, size_t i) {
    if (i >= c->n_in) return NULL;
    if (c->ins[i].kind == SARD_KIND_TENSOR) return &c->ins[i];
    return (sard_value *)(uintptr_t)op_in_value(c->c, (uint32_t)i); /* to be read only, as the header says */
}

sard_status sard_op_output(sard_op_ctx *c, size_t i, sard_dtype t, int rank, const int64_t *dims, sard_value **out,
                           sard_error *err) {
    *out = NULL;
    FAIL_IF(i >= c->n_out, err, SARD_INVALID_ARGUMENT, "output %zu was made, the node has %u", i, c->n_out);
    FAIL_IF(t == SARD_STRING, err, SARD_INVALID_ARGUMENT, "string outputs are made with sard_op_give");
    FAIL_IF(!dtype_valid(t) || rank < 0 || rank > MAX_RANK || (rank && !dims), err, SARD_INVALID_ARGUMENT,
            "output %zu: element type %d, rank %d", i, (int)t, rank);
    shape s = {.rank = rank};
    for (int k = 0; k < rank; k++) {
        FAIL_IF(dims[k] < 0, err, SARD_INVALID_ARGUMENT, "output %zu: dimension %d is %lld", i, k, (long long)dims[k]);
        s.dim[k] = dims[k];
    }
    if (!op_wants(c->c, (uint32_t)i)) return SARD_OK;
    tensor *made;
    TRY(op_out(c->c, (uint32_t)i, t, &s, &made, err));
    show(&c->outs[i], made); /* the engine keeps the buffer until the operator returns */
    c->done[i] = true;
    *out = &c->outs[i];
    return SARD_OK;
}

sard_status sard_op_given(sard_op_ctx *c, size_t i, sard_value **out, sard_error *err) {
    *out = NULL;
    FAIL_IF(i >= c->n_out, err, SARD_INVALID_ARGUMENT, "output %zu was asked for, the node has %u", i, c->n_out);
    const tensor *t = op_out_given(c->c, (uint32_t)i);
    return t ? sard_op_output(c, i, (sard_dtype)t->dtype, t->rank, t->dim, out, err) : SARD_OK;
}

sard_status sard_op_give(sard_op_ctx *c, size_t i, sard_value *v, sard_error *err) {
    FAIL_IF(!v, err, SARD_INVALID_ARGUMENT, "output %zu was given NULL", i);
    if (i >= c->n_out) {
        sard_value_unref(v);
        return err_set(err, SARD_INVALID_ARGUMENT, "output %zu was given, the node has %u", i, c->n_out);
    }
    for (uint32_t k = 0; k < c->n_in; k++) {
        if (sard_op_input(c, k) != v) continue;
        sard_value *copy; /* an input lies in the run's memory: it must not live on as an output */
        sard_status st = value_clone(v, &copy, err);
        sard_value_unref(v);
        if (st != SARD_OK) return st;
        v = copy;
        break;
    }
    c->done[i] = true;
    return op_give(c->c, (uint32_t)i, v, err);
}

sard_status sard_op_scratch(sard_op_ctx *c, size_t bytes, void **out, sard_error *err) {
    return op_scratch(c->c, bytes, out, err);
}

typedef struct piece {
    sard_status (*fn)(void *arg, int64_t from, int64_t to, sard_error *err);
    void *arg;
} piece;

static sard_status run_piece(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    (void)worker;
    const piece *p = arg;
    return p->fn(p->arg, from, to, err);
}

sard_status sard_op_parallel(sard_op_ctx *c, int64_t n, int64_t grain,
                             sard_status (*fn)(void *arg, int64_t from, int64_t to, sard_error *err), void *arg,
                             sard_error *err) {
    FAIL_IF(n < 0 || grain < 1 || !fn, err, SARD_INVALID_ARGUMENT, "a loop over %lld indices in pieces of %lld",
            (long long)n, (long long)grain);
    piece p = {fn, arg};
    return par_for(op_par(c->c), n, grain, run_piece, &p, err);
}

sard_pool *sard_op_pool(sard_op_ctx *c) { return (sard_pool *)op_par(c->c)->pool; }

/* Room for `have` faces, or for n in scratch memory. */
static sard_status faces(op_ctx *c, uint32_t n, sard_value **at, sard_error *err) {
    void *room = *at;
    if (n > FACES_INLINE) TRY(op_scratch(c, n * sizeof **at, &room, err));
    *at = room;
    return SARD_OK;
}

static sard_status outside_run(const void *state, op_ctx *c, sard_error *err) {
    const outside_state *s = state;
    sard_value ins[FACES_INLINE], outs[FACES_INLINE];
    bool done[FACES_INLINE] = {false};
    sard_op_ctx ctx = {c, ins, outs, done, op_n_in(c), op_n_out(c)};
    TRY(faces(c, ctx.n_in, &ctx.ins, err));
    TRY(faces(c, ctx.n_out, &ctx.outs, err));
    if (ctx.n_out > FACES_INLINE) {
        void *room;
        TRY(op_scratch(c, ctx.n_out * sizeof *ctx.done, &room, err));
        ctx.done = memset(room, 0, ctx.n_out * sizeof *ctx.done);
    }
    for (uint32_t i = 0; i < ctx.n_in; i++) {
        const sard_value *v = op_in_value(c, i);
        ctx.ins[i].kind = SARD_KIND_UNKNOWN;
        if (v && v->kind == SARD_KIND_TENSOR && atomic_load(&v->refs) == 0) show(&ctx.ins[i], &v->t);
    }
    sard_status st = s->op->desc.run(s->op->desc.user, s->state, &ctx, blank(err));
    if (st != SARD_OK) return tell(err, st);
    for (uint32_t i = 0; i < ctx.n_out; i++)
        FAIL_IF(op_wants(c, i) && !ctx.done[i], err, SARD_RUNTIME, "the operator did not make its output %u", i);
    return SARD_OK;
}

/* ---- registration ----------------------------------------------------------------------------------------------- */

/* Formals that say how many there may be and nothing of their types. */
static formal *make_formals(size_t least, size_t most, uint8_t *n) {
    const bool variadic = most > FORMALS_MAX;
    const size_t count = variadic ? least + 1 : most;
    formal *f = mem_calloc(count + 1, sizeof *f);
    if (!f) return NULL;
    for (size_t i = 0; i < count; i++) {
        f[i] = (formal){.name = "value", .types = DT_ALL, .kinds = K_ANY};
        if (i >= least) f[i].flags = F_OPTIONAL;
    }
    if (variadic) f[count - 1].flags = F_OPTIONAL | F_VARIADIC | F_MIXED;
    *n = (uint8_t)count;
    return f;
}

static void outside_free(outside_op *op) {
    mem_free(op->in);
    mem_free(op->out);
    mem_free(op);
}

sard_status sard_op_library_new(sard_op_library **out, sard_error *err) {
    sard_op_library *lib = mem_calloc(1, sizeof *lib);
    if (!lib) return err_nomem(err, sizeof *lib);
    atomic_init(&lib->refs, 1);
    *out = lib;
    return SARD_OK;
}

void sard_op_library_unref(sard_op_library *lib) {
    if (!lib || atomic_fetch_sub(&lib->refs, 1) != 1) return;
    for (size_t i = 0; i < lib->n; i++) outside_free((outside_op *)(void *)lib->ops[i]);
    if (lib->release) lib->release(lib->owner);
    mem_free(lib->ops);
    mem_free(lib);
}

void sard_op_library_owner(sard_op_library *lib, void (*release)(void *owner), void *owner) {
    lib->release = release;
    lib->owner = owner;
}

static sard_status check_desc(const sard_op_library *lib, const sard_op_desc *d, sard_error *err) {
    FAIL_IF(d->size != sizeof *d, err, SARD_INVALID_ARGUMENT, "sard_op_desc.size is %zu, expected %zu", d->size,
            sizeof *d);
    FAIL_IF(!d->name || !*d->name || !d->domain, err, SARD_INVALID_ARGUMENT, "an operator needs a domain and a name");
    FAIL_IF(!d->run, err, SARD_INVALID_ARGUMENT, "operator '%s' has no run function", d->name);
    FAIL_IF(d->since < 1 || d->since > INT16_MAX, err, SARD_INVALID_ARGUMENT, "operator '%s': since is %d", d->name,
            d->since);
    FAIL_IF(strcmp(d->domain, "sard") == 0, err, SARD_INVALID_ARGUMENT, "the domain 'sard' is the engine's own");
    FAIL_IF(d->min_in > d->max_in || d->min_in > FORMALS_MAX || d->min_out > d->max_out || d->min_out > FORMALS_MAX ||
                d->max_out == 0,
            err, SARD_INVALID_ARGUMENT, "operator '%s': %zu to %zu inputs, %zu to %zu outputs", d->name, d->min_in,
            d->max_in, d->min_out, d->max_out);
    for (size_t i = 0; i < lib->n; i++)
        FAIL_IF(strcmp(lib->ops[i]->name, d->name) == 0 && strcmp(lib->ops[i]->domain, d->domain) == 0, err,
                SARD_INVALID_ARGUMENT, "operator '%s' of domain '%s' is there already", d->name, d->domain);
    return SARD_OK;
}

sard_status sard_op_library_add(sard_op_library *lib, const sard_op_desc *desc, sard_error *err) {
    FAIL_IF(!lib || !desc, err, SARD_INVALID_ARGUMENT, "library and description must not be NULL");
    TRY(check_desc(lib, desc, err));
    void *ops = lib->ops;
    if (mem_grow(&ops, &lib->cap, lib->n + 1, sizeof *lib->ops)) return err_nomem(err, sizeof *lib->ops);
    lib->ops = ops;
    outside_op *op = mem_calloc(1, sizeof *op);
    if (!op) return err_nomem(err, sizeof *op);
    op->desc = *desc;
    op->since[0] = (int16_t)desc->since;
    uint8_t n_in = 0, n_out = 0;
    op->in = make_formals(desc->min_in, desc->max_in, &n_in);
    op->out = make_formals(desc->min_out, desc->max_out, &n_out);
    if (!op->in || !op->out) {
        outside_free(op);
        return err_nomem(err, FORMALS_MAX * sizeof(formal));
    }
    op->def = (op_def){.domain = strcmp(desc->domain, "ai.onnx") == 0 ? "" : desc->domain,
                       .name = desc->name,
                       .doc = "registered by the program",
                       .since = op->since,
                       .in = op->in,
                       .n_in = n_in,
                       .out = op->out,
                       .n_out = n_out,
                       .flags = OP_ANY_ATTRS | OP_RANDOM | (desc->infer && !desc->loose_shapes ? 0 : OP_DATA_SHAPE),
                       .infer = outside_infer,
                       .prepare = outside_prepare,
                       .run = outside_run,
                       .drop = outside_drop,
                       .user = op};
    lib->ops[lib->n++] = &op->def;
    return SARD_OK;
}
