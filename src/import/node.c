/*
 * node.c -- one node of the file: its operator found, raised to the newest version by the operator's upgrade, checked,
 * made, and its outputs' types inferred, before the next one is looked at.
 */
#include <stdio.h>

#include "import/importer.h"

/* Made for every node, told of few: no formatted printing. */
const char *show_node(const onnx_node *n, size_t index, char *buf, size_t len) {
    char parts[3][SHOW], number[24];
    const str d = onnx_domain(n->domain);
    const char *name = n->name.n ? onnx_show(n->name, parts[0]) : number;
    if (!n->name.n) snprintf(number, sizeof number, "%zu", index);
    const char *const text[] = {n->name.n ? "node '" : "node #",
                                name,
                                n->name.n ? "' (" : " (",
                                d.n ? onnx_show(d, parts[1]) : "",
                                d.n ? "." : "",
                                onnx_show(n->op_type, parts[2]),
                                ")"};
    size_t at = 0;
    for (size_t i = 0; i < sizeof text / sizeof text[0]; i++)
        for (const char *p = text[i]; *p && at + 1 < len; p++) buf[at++] = *p;
    buf[at] = 0;
    return buf;
}

/* ---- finding the operator ----------------------------------------------------------------------------------------- */

static const op_def *find_op(importer *im, str_id domain, str_id name) {
    const uint64_t key = (uint64_t)domain << 32 | name;
    uint64_t v;
    if (map_get(&im->ops, key, &v)) return (const op_def *)(uintptr_t)v;
    const op_def *op = op_find(im->o->ops, mod_str(im->m, domain), mod_str(im->m, name));
    if (op && (op->flags & OP_INTERNAL)) op = NULL;
    if (op) (void)map_put(&im->ops, key, (uint64_t)(uintptr_t)op); /* only a cache */
    return op;
}

/* One more node that wants an operator there is not. Told at the end, each operator once. */
static sard_status missing(importer *im, str_id domain, str_id name, int64_t version, const char *where,
                           sard_error *err) {
    for (uint32_t i = 0; i < im->n_missing; i++) {
        unsupported *u = &im->missing[i];
        if (u->domain != domain || u->op != name || u->version != version) continue;
        u->count++;
        return SARD_OK;
    }
    if (im->n_missing >= 1000) return SARD_OK; /* enough is told */
    void *items = im->missing;
    if (mem_grow(&items, &im->cap_missing, im->n_missing + (size_t)1, sizeof *im->missing)) return err_nomem(err, 64);
    im->missing = items;
    unsupported *u = &im->missing[im->n_missing++];
    *u = (unsupported){.domain = domain, .op = name, .version = version, .count = 1};
    snprintf(u->first, sizeof u->first, "%.*s", (int)sizeof u->first - 1, where);
    return SARD_OK;
}

typedef struct found {
    const op_def *op; /* NULL: a problem was reported */
    int since;
    str_id name; /* with domain, for origins */
} found;

static sard_status lookup_op(scope *s, const onnx_node *n, const char *where, found *out, sard_error *err) {
    importer *im = s->im;
    const str domain = onnx_domain(n->domain);
    str_id d, name;
    *out = (found){0};
    TRY(intern(im, domain, &d, err));
    TRY(intern(im, n->op_type, &name, err));
    out->name = name;
    if (domain.n) {
        strbuf b = {0};
        sb_put(&b, domain.p, domain.n);
        sb_puts(&b, ".");
        sb_put(&b, n->op_type.p, n->op_type.n);
        const sard_status st = b.failed ? err_nomem(err, b.n) : mod_intern(im->m, b.p, b.n, &out->name, err);
        sb_free(&b);
        TRY(st);
    }
    const int64_t version = import_opset(s, domain);
    char shown[SHOW];
    if (!version) {
        problem_add(im->p, SARD_INVALID_MODEL, where, "the model imports no opset of the domain '%s'",
                    onnx_show(domain, shown));
        return SARD_OK;
    }
    const op_def *op = find_op(im, d, name);
    if (!op) return missing(im, d, name, version, where, err);
    out->since = op_since(op, version);
    if (!out->since)
        problem_add(im->p, SARD_INVALID_MODEL, where, "%s is there from opset %d on, the model imports %lld", op->name,
                    op->since ? op->since[0] : 0, (long long)version);
    else
        out->op = op;
    return SARD_OK;
}

/* ---- Constant ----------------------------------------------------------------------------------------------------- */

static sard_status number_constant(const attr *a, sard_value **out, sard_error *err) {
    const bool ints = a->type == ATTR_INT || a->type == ATTR_INTS,
               list = a->type == ATTR_INTS || a->type == ATTR_FLOATS;
    const size_t n = !list ? 1 : ints ? a->ints.n : a->floats.n;
    const void *data = ints ? (list ? (const void *)a->ints.v : &a->i) : list ? (const void *)a->floats.v : &a->f;
    tensor t;
    TRY(tensor_new(&t, ints ? SARD_I64 : SARD_F32, &(shape){.rank = list, .dim = {(int64_t)n}}, err));
    if (n) memcpy(tensor_data(&t), data, n * (ints ? 8 : 4));
    return value_tensor(&t, out, err);
}

static sard_status string_constant(const attr *a, sard_value **out, sard_error *err) {
    const bool list = a->type == ATTR_STRINGS;
    const size_t n = list ? a->strs.n : 1;
    tensor t, copy;
    TRY(tensor_new(&t, SARD_STRING, &(shape){.rank = list, .dim = {(int64_t)n}}, err));
    if (n) memcpy(tensor_data(&t), list ? a->strs.v : &a->s, n * sizeof(str));
    const sard_status st = tensor_clone(&copy, &t, err); /* owns its bytes */
    tensor_drop(&t);
    TRY(st);
    return value_tensor(&copy, out, err);
}

static bool is_constant_attr(const module *m, const attr *a) {
    static const struct {
        const char *name;
        uint8_t type;
    } known[] = {{"value", ATTR_TENSOR},        {"sparse_value", ATTR_SPARSE_TENSOR}, {"value_int", ATTR_INT},
                 {"value_ints", ATTR_INTS},     {"value_float", ATTR_FLOAT},          {"value_floats", ATTR_FLOATS},
                 {"value_string", ATTR_STRING}, {"value_strings", ATTR_STRINGS}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].type == a->type && !strcmp(known[i].name, mod_str(m, a->name))) return true;
    return false;
}

static sard_status import_constant(scope *s, const onnx_node *n, const char *where, sard_error *err) {
    module *m = s->im->m;
    attr *a;
    uint32_t n_attrs;
    const uint32_t before = s->im->p->count;
    TRY(import_attrs(s, n, where, NULL, &a, &n_attrs, err));
    if (s->im->p->count != before) return SARD_OK;
    if (n_attrs != 1 || n->n_outputs != 1 || n->n_inputs || !is_constant_attr(m, a)) {
        problem_add(s->im->p, SARD_INVALID_MODEL, where,
                    "a Constant has one output and one attribute: value, "
                    "sparse_value, value_int, value_ints, value_float, value_floats, value_string or value_strings");
        return SARD_OK;
    }
    const_id c = a->tensor;
    if (a->type != ATTR_TENSOR && a->type != ATTR_SPARSE_TENSOR) {
        sard_value *v;
        if (a->type == ATTR_STRING || a->type == ATTR_STRINGS)
            TRY(string_constant(a, &v, err));
        else
            TRY(number_constant(a, &v, err));
        TRY(mod_constant(m, v, &c, err));
    }
    value_id v;
    TRY(scope_define(s, n->outputs[0], where, &v, err));
    if (v == NO_ID) return SARD_OK;
    s->g->values[v].declared = NO_ID;
    return value_set_constant(s->g, v, c, err);
}

/* ---- any other node ----------------------------------------------------------------------------------------------- */

/* ids of the inputs; *whole is false when one is undefined (reported). */
static sard_status find_inputs(scope *s, const onnx_node *n, const char *where, value_id *in, bool *whole,
                               sard_error *err) {
    for (size_t i = 0; i < n->n_inputs; i++) {
        bool known;
        in[i] = NO_ID;
        if (!n->inputs[i].n) continue;
        TRY(scope_find(s, n->inputs[i], &known, &in[i], err));
        if (known) continue;
        char shown[SHOW];
        *whole = false;
        problem_add(s->im->p, SARD_INVALID_MODEL, where, "input %zu ('%s') is not defined by anything", i,
                    onnx_show(n->inputs[i], shown));
    }
    return SARD_OK;
}

static sard_status define_outputs(scope *s, const onnx_node *n, const char *where, value_id *out, bool *whole,
                                  sard_error *err) {
    for (size_t i = 0; i < n->n_outputs; i++) {
        out[i] = NO_ID;
        if (!n->outputs[i].n) continue;
        TRY(scope_define(s, n->outputs[i], where, &out[i], err));
        if (out[i] == NO_ID) *whole = false;
    }
    return SARD_OK;
}

/* The draft, as it is after the upgrade, becomes a node. */
sard_status import_finish(scope *s, draft *d, const char *where, sard_error *err) {
    module *m = s->im->m;
    problems *p = s->im->p;
    const uint32_t before = p->count;
    attr *attrs;
    uint32_t n_attrs, n_bodies = 0;
    node_id id;
    TRY(op_attrs(m, d->op, d->attrs, d->n_attrs, &attrs, &n_attrs, where, p, err));
    if (p->count != before) return SARD_OK;
    graph_id *bodies = arena_alloc(&m->mem, n_attrs * sizeof *bodies);
    if (!bodies) return err_nomem(err, n_attrs * sizeof *bodies);
    for (uint32_t i = 0; i < n_attrs; i++)
        if (attrs[i].type == ATTR_GRAPH) bodies[n_bodies++] = attrs[i].body;
    TRY(graph_node(s->g, d->op, d->in, d->n_in, d->out, d->n_out, attrs, n_attrs, bodies, n_bodies, d->b.origin, &id,
                   err));
    if (n_bodies) TRY(node_set_captures(s->g, id, d->b.captures, d->b.n_captures, err));
    return graph_infer_node(s->g, id, p, err);
}

typedef struct before { /* a draft as the file has it */
    const op_def *op;
    value_id *in;
    attr *attrs;
    uint32_t n_in, n_attrs;
} before;

static bool unchanged(const before *b, const draft *d) {
    if (d->done || d->op != b->op || d->n_in != b->n_in || d->n_attrs != b->n_attrs) return false;
    return (!b->n_in || !memcmp(d->in, b->in, b->n_in * sizeof *b->in)) &&
           (!b->n_attrs || !memcmp(d->attrs, b->attrs, b->n_attrs * sizeof *b->attrs));
}

/* Notes in the node's origin whether an older opset says the same. */
static sard_status upgrade_and_compare(draft *d, int since, sard_error *err) {
    module *m = d->b.mod;
    before b = {.op = d->op, .n_in = d->n_in, .n_attrs = d->n_attrs};
    b.in = arena_copy(&m->mem, d->in, d->n_in * sizeof *b.in);
    b.attrs = arena_copy(&m->mem, d->attrs, d->n_attrs * sizeof *b.attrs);
    if (!b.in || !b.attrs) return err_nomem(err, d->n_attrs * sizeof *b.attrs);
    TRY(d->op->upgrade(d, since, err));
    m->origins[d->b.origin].unchanged = unchanged(&b, d);
    return SARD_OK;
}

static sard_status upgrade(scope *s, draft *d, int since, const char *where, sard_error *err) {
    sard_error e;
    static const char *const training[] = {"consumed_inputs", "is_test"};
    if (d->op->upgrade) {
        d->b.err = &e;
        const sard_status st = upgrade_and_compare(d, since, &e);
        const sard_status all = st == SARD_OK ? d->b.status : st;
        if (all == SARD_OUT_OF_MEMORY || all == SARD_LIMIT || all == SARD_INTERNAL) {
            if (err) *err = e;
            return all;
        }
        if (all != SARD_OK) {
            problem_add(s->im->p, all == SARD_UNSUPPORTED ? all : SARD_INVALID_MODEL, where, "%s", e.message);
            return SARD_OK;
        }
        d->b.err = err;
    } else {
        s->im->m->origins[d->b.origin].unchanged = true;
    }
    if (d->done) return SARD_OK;
    if (since < 7 && !*d->op->domain) /* what the first versions had for training, and nobody means any more */
        for (size_t i = 0; i < sizeof training / sizeof training[0]; i++) draft_drop(d, training[i]);
    return import_finish(s, d, where, err);
}

static sard_status make_origin(scope *s, const onnx_node *n, size_t index, const found *f, origin_id *out,
                               sard_error *err) {
    origin o = {.path = s->path, .op = f->name, .version = f->since, .index = (uint32_t)index, .next = NO_ID};
    TRY(intern(s->im, n->name, &o.name, err));
    return mod_origin(s->im->m, &o, out, err);
}

/* Room for n ids and NO_ID behind them: an upgrade is called before anybody has counted. */
static value_id *draft_ids(importer *im, uint32_t n) {
    const size_t room = (size_t)n + 16;
    value_id *ids = arena_alloc(&im->m->mem, room * sizeof *ids);
    for (size_t i = 0; ids && i < room; i++) ids[i] = NO_ID;
    return ids;
}

static sard_status import_ordinary(scope *s, const onnx_node *n, size_t index, const char *where, captures *caps,
                                   sard_error *err) {
    importer *im = s->im;
    FAIL_IF(n->n_inputs >= NO_ID || n->n_outputs >= NO_ID, err, SARD_LIMIT, "more than 2^32 inputs");
    draft d = {.b = builder_at(s->g, NO_ID, err), .n_in = (uint32_t)n->n_inputs, .n_out = (uint32_t)n->n_outputs};
    d.in = draft_ids(im, d.n_in);
    d.out = draft_ids(im, d.n_out);
    if (!d.in || !d.out) return err_nomem(err, n->n_inputs * sizeof *d.in);
    bool whole = true;
    found f;
    const uint32_t before = im->p->count;
    TRY(lookup_op(s, n, where, &f, err));
    TRY(find_inputs(s, n, where, d.in, &whole, err));
    TRY(import_attrs(s, n, where, caps, &d.attrs, &d.n_attrs, err));
    TRY(define_outputs(s, n, where, d.out, &whole, err));
    if (!f.op || !whole || im->p->count != before) return SARD_OK;
    d.op = f.op;
    TRY(make_origin(s, n, index, &f, &d.b.origin, err));
    value_id *outer = arena_copy(&im->m->mem, caps->outer, caps->n * sizeof *outer);
    if (!outer) return err_nomem(err, caps->n * sizeof *outer);
    d.b.captures = outer;
    d.b.n_captures = caps->n;
    for (uint32_t i = 0; i < d.n_attrs; i++)
        if (d.attrs[i].type == ATTR_GRAPH) TRY(captures_complete(s->g, im->m->graphs[d.attrs[i].body], caps, err));
    return upgrade(s, &d, f.since, where, err);
}

static sard_status import_node(scope *s, const onnx_node *n, size_t index, sard_error *err) {
    char where[WHERE];
    show_node(n, index, where, sizeof where);
    const onnx_function *fn = function_find(s->im, n);
    if (fn) return function_inline(s, n, index, fn, where, err);
    if (str_is(n->op_type, "Constant") && !onnx_domain(n->domain).n) return import_constant(s, n, where, err);
    captures caps = {0};
    const sard_status st = import_ordinary(s, n, index, where, &caps, err);
    mem_free(caps.outer);
    map_free(&caps.index);
    return st;
}

sard_status import_nodes(scope *s, const onnx_node *nodes, size_t n, sard_error *err) {
    uint32_t *order;
    TRY(import_order(s->im, nodes, n, &order, err));
    if (!order) return SARD_OK;
    sard_status st = SARD_OK;
    for (size_t i = 0; i < n && st == SARD_OK; i++) {
        st = mod_check(s->im->m, err);
        if (st == SARD_OK) st = import_node(s, &nodes[order[i]], order[i], err);
    }
    mem_free(order);
    return st;
}
