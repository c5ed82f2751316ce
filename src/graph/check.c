/*
 * check.c -- nodes and graphs against the operators' tables and the rules of the IR.
 *
 * Everything is reported, not only the first fault; a node that has one is marked faulty, so that it is told once.
 */
#include <stdio.h>

#include "graph/op.h"

enum { WHERE = 300, TEXT = 200 };

const formal *formal_at(const formal *f, uint32_t n, uint32_t i) {
    if (i < n) return &f[i];
    return n && (f[n - 1].flags & F_VARIADIC) ? &f[n - 1] : NULL;
}

/* ---- attributes --------------------------------------------------------------------------------------------------- */

const char *attr_type_name(int t) {
    static const char *const names[] = {"none",           "FLOAT",     "INT",     "STRING",  "TENSOR", "GRAPH",
                                        "FLOATS",         "INTS",      "STRINGS", "TENSORS", "GRAPHS", "SPARSE_TENSOR",
                                        "SPARSE_TENSORS", "TYPE_PROTO"};
    return t >= 0 && (size_t)t < sizeof names / sizeof names[0] ? names[t] : "?";
}

static void unknown_attr(const op_def *op, const char *name, const char *where, problems *p) {
    const char *best = NULL;
    int least = 1000;
    for (uint32_t i = 0; i < op->n_attrs; i++) {
        const int d = str_distance(name, op->attrs[i].name);
        if (d >= least) continue;
        least = d;
        best = op->attrs[i].name;
    }
    if (best)
        problem_add(p, SARD_INVALID_MODEL, where, "unknown attribute '%s'; did you mean '%s'?", name, best);
    else
        problem_add(p, SARD_INVALID_MODEL, where, "unknown attribute '%s'; %s has none", name, op->name);
}

static attr default_attr(const attr_def *d, str_id name) {
    attr a = {.name = name, .defaulted = true};
    if (!d->has_default) return a;
    a.type = (uint8_t)d->type;
    if (d->type == ATTR_INT) a.i = d->i;
    if (d->type == ATTR_FLOAT) a.f = d->f;
    if (d->type == ATTR_STRING) a.s = str_of(d->s);
    return a;
}

/* Puts one given attribute at its place. */
static void place_attr(module *m, const op_def *op, const attr *a, attr *list, const char *where, problems *p) {
    const char *name = mod_str(m, a->name);
    for (uint32_t i = 0; i < op->n_attrs; i++) {
        const attr_def *d = &op->attrs[i];
        if (strcmp(d->name, name) != 0) continue;
        if (a->type != d->type)
            problem_add(p, SARD_INVALID_MODEL, where, "attribute '%s' is of type %s; %s is needed", name,
                        attr_type_name(a->type), attr_type_name(d->type));
        else if (!list[i].defaulted)
            problem_add(p, SARD_INVALID_MODEL, where, "attribute '%s' is there twice", name);
        list[i] = *a;
        list[i].defaulted = false;
        return;
    }
    unknown_attr(op, name, where, p);
}

sard_status op_attrs(module *m, const op_def *op, const attr *given, uint32_t n_given, attr **out, uint32_t *n_out,
                     const char *where, problems *p, sard_error *err) {
    const uint32_t n = op->flags & OP_ANY_ATTRS ? n_given : op->n_attrs;
    attr *list = arena_calloc(&m->mem, n, sizeof *list);
    if (!list) return err_nomem(err, n * sizeof *list);
    *out = list;
    *n_out = n;
    if (op->flags & OP_ANY_ATTRS) {
        if (n) memcpy(list, given, n * sizeof *list);
        return SARD_OK;
    }
    for (uint32_t i = 0; i < n; i++) {
        str_id name;
        TRY(mod_intern(m, op->attrs[i].name, strlen(op->attrs[i].name), &name, err));
        list[i] = default_attr(&op->attrs[i], name);
    }
    for (uint32_t i = 0; i < n_given; i++)
        if (given[i].type != ATTR_NONE) place_attr(m, op, &given[i], list, where, p);
    for (uint32_t i = 0; i < n; i++)
        if (list[i].type == ATTR_NONE && op->attrs[i].required)
            problem_add(p, SARD_INVALID_MODEL, where, "attribute '%s' is missing", op->attrs[i].name);
    return SARD_OK;
}

static void check_attrs(const graph *g, const node *n, const char *where, problems *p) {
    const op_def *op = n->op;
    if (op->flags & OP_ANY_ATTRS) return;
    if (n->n_attrs != op->n_attrs) {
        problem_add(p, SARD_INTERNAL, where, "%u attributes; the table has %u", n->n_attrs, op->n_attrs);
        return;
    }
    uint32_t bodies = 0;
    for (uint32_t i = 0; i < n->n_attrs; i++) {
        const attr *a = &n->attrs[i];
        const attr_def *d = &op->attrs[i];
        if (a->type == ATTR_NONE ? d->required : a->type != d->type)
            problem_add(p, SARD_INVALID_MODEL, where, "attribute '%s' is %s; %s is needed", d->name,
                        a->type ? attr_type_name(a->type) : "missing", attr_type_name(d->type));
        if (a->type != ATTR_GRAPH) continue;
        const graph *b = node_body(g, n, bodies++);
        if (!b || b->id != a->body || b->n_captures != n->captures.n)
            problem_add(p, SARD_INTERNAL, where, "body '%s' and the node's captures do not fit", d->name);
    }
}

/* ---- inputs and outputs ------------------------------------------------------------------------------------------- */

typedef struct side { /* the inputs or the outputs of a node */
    const char *what;
    const formal *f;
    uint32_t n_f;
    span s;
} side;

static void types_text(dtype_set set, char *buf, size_t n) {
    size_t at = 0;
    buf[0] = 0;
    for (int t = 1; t < SARD_DTYPE_COUNT; t++) {
        if (!dtype_in(t, set) || at >= n) continue;
        at += (size_t)snprintf(buf + at, n - at, "%s%s", at ? ", " : "", sard_dtype_onnx_name((sard_dtype)t));
    }
}

static void check_arity(const graph *g, const node *n, const side *s, bool outputs, const char *where, problems *p) {
    const bool open = s->n_f && (s->f[s->n_f - 1].flags & F_VARIADIC);
    uint32_t last = s->s.n;
    while (last && span_ids(g, s->s)[last - 1] == NO_ID) last--;
    if (!open && last > s->n_f)
        problem_add(p, SARD_INVALID_MODEL, where, "%u %ss; %s has at most %u", last, s->what, n->op->name, s->n_f);
    for (uint32_t i = 0; i < s->n_f && !outputs; i++) {
        if ((s->f[i].flags & F_OPTIONAL) || (i < s->s.n && span_ids(g, s->s)[i] != NO_ID)) continue;
        problem_add(p, SARD_INVALID_MODEL, where, "%s %u (%s) is missing", s->what, i, s->f[i].name);
    }
    for (uint32_t i = s->n_f; open && i < s->s.n && !outputs; i++) /* a list has no holes */
        if (span_ids(g, s->s)[i] == NO_ID)
            problem_add(p, SARD_INVALID_MODEL, where, "%s %u (%s) is missing", s->what, i, s->f[s->n_f - 1].name);
}

static void check_type(const graph *g, const node *n, const side *s, uint32_t i, const char *where, problems *p) {
    const formal *f = formal_at(s->f, s->n_f, i);
    const value *v = &g->values[span_ids(g, s->s)[i]];
    if (!f || v->type.kind == SARD_KIND_UNKNOWN) return;
    char type[TEXT], takes[TEXT + TEXT];
    const unsigned kinds = f->kinds ? f->kinds : K_TENSOR;
    const sard_dtype t = type_elem_dtype(g->mod, &v->type);
    if (!(kinds >> v->type.kind & 1)) {
        static const char *const names[] = {"", "tensor", "sparse tensor", "sequence", "map", "optional"};
        size_t at = 0;
        for (int k = 1; k <= SARD_KIND_OPTIONAL; k++)
            if (kinds >> k & 1)
                at += (size_t)snprintf(takes + at, sizeof takes - at, "%s%s", at ? " or " : "a ", names[k]);
        problem_add(p, SARD_INVALID_MODEL, where, "%s %u (%s, '%s') is %s; %s is needed", s->what, i, f->name,
                    mod_str(g->mod, v->name), type_text(g->mod, &v->type, type, sizeof type), takes);
    } else if (t && f->types && !dtype_in(t, f->types)) {
        types_text(f->types, takes, sizeof takes);
        problem_add(p, SARD_INVALID_MODEL, where, "%s %u (%s, '%s') is %s; %s %s %s", s->what, i, f->name,
                    mod_str(g->mod, v->name), type_text(g->mod, &v->type, type, sizeof type), n->op->name,
                    s->f == n->op->in ? "takes" : "gives", takes);
    }
}

/* The first input (or, for an output, earlier output) whose formal has the same type variable; NULL: none known. */
static const value *first_of_var(const graph *g, const node *n, const char *var, const side *s, uint32_t i,
                                 const char **what, uint32_t *index) {
    const side sides[2] = {{"input", n->op->in, n->op->n_in, n->in}, {"output", n->op->out, n->op->n_out, n->out}};
    for (int k = 0; k < 2; k++) {
        for (uint32_t j = 0; j < sides[k].s.n; j++) {
            if (sides[k].f == s->f && j >= i) return NULL;
            const formal *f = formal_at(sides[k].f, sides[k].n_f, j);
            const value_id v = span_ids(g, sides[k].s)[j];
            if (!f || !f->var || (f->flags & F_MIXED) || v == NO_ID || strcmp(f->var, var) != 0) continue;
            if (!type_elem_dtype(g->mod, &g->values[v].type)) continue;
            *what = sides[k].what;
            *index = j;
            return &g->values[v];
        }
    }
    return NULL;
}

static void check_var(const graph *g, const node *n, const side *s, uint32_t i, const char *where, problems *p) {
    const formal *f = formal_at(s->f, s->n_f, i);
    const value *v = &g->values[span_ids(g, s->s)[i]];
    const sard_dtype t = type_elem_dtype(g->mod, &v->type);
    if (!f || !f->var || (f->flags & F_MIXED) || !t) return;
    const char *what;
    uint32_t index;
    const value *o = first_of_var(g, n, f->var, s, i, &what, &index);
    if (!o || type_elem_dtype(g->mod, &o->type) == t) return;
    char type[2][TEXT];
    problem_add(p, SARD_INVALID_MODEL, where, "%s %u (%s, '%s') is %s, but %s %u ('%s') is %s: both are %s", s->what, i,
                f->name, mod_str(g->mod, v->name), type_text(g->mod, &v->type, type[0], TEXT), what, index,
                mod_str(g->mod, o->name), type_text(g->mod, &o->type, type[1], TEXT), f->var);
}

static void check_types(const graph *g, const node *n, const side *s, const char *where, problems *p) {
    for (uint32_t i = 0; i < s->s.n; i++) {
        if (span_ids(g, s->s)[i] == NO_ID) continue;
        const uint32_t before = p->count;
        check_type(g, n, s, i, where, p);
        if (p->count == before) check_var(g, n, s, i, where, p);
    }
}

static void check_inputs(const graph *g, const node *n, const char *where, problems *p) {
    const side in = {"input", n->op->in, n->op->n_in, n->in}, out = {"output", n->op->out, n->op->n_out, n->out};
    check_arity(g, n, &in, false, where, p);
    check_arity(g, n, &out, true, where, p);
    check_attrs(g, n, where, p);
    check_types(g, n, &in, where, p);
}

static void check_outputs(const graph *g, const node *n, const char *where, problems *p) {
    const side out = {"output", n->op->out, n->op->n_out, n->out};
    check_types(g, n, &out, where, p);
}

/* Where the node stands is spelled out only when there is something to tell. */
static bool check_with(graph *g, node_id id, problems *p,
                       void (*check)(const graph *, const node *, const char *, problems *)) {
    node *n = &g->nodes[id];
    if (n->dead || n->faulty) return !n->faulty;
    problems quiet = {0};
    check(g, n, "", &quiet);
    if (!quiet.count) return true;
    char where[WHERE];
    if (p) check(g, n, node_where(g, n, where, sizeof where), p);
    if (p) n->faulty = true;
    return false;
}

bool graph_check_node(graph *g, node_id id, problems *p) { return check_with(g, id, p, check_inputs); }
bool graph_check_outputs(graph *g, node_id id, problems *p) { return check_with(g, id, p, check_outputs); }

/* ---- whole graphs ------------------------------------------------------------------------------------------------- */

enum { IS_INPUT = 1, IS_CAPTURE = 2, IS_DEFINED = 4 };

static void mark(const graph *g, uint8_t *seen, value_id v, uint8_t as, const char *where, problems *p) {
    if (seen[v] || (g->values[v].constant != NO_ID && as == IS_DEFINED))
        problem_add(p, SARD_INVALID_MODEL, where, "value '%s' is defined more than once",
                    mod_str(g->mod, g->values[v].name));
    seen[v] |= as;
}

static bool has_source(const graph *g, const uint8_t *seen, value_id v) {
    return v < g->n_values && (seen[v] || g->values[v].constant != NO_ID);
}

static void check_sources(graph *g, const uint8_t *seen, problems *p) {
    char where[WHERE];
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        node *n = &g->nodes[i];
        for (uint32_t k = 0; k < n->in.n && !n->dead && !n->faulty; k++) {
            const value_id v = span_ids(g, n->in)[k];
            if (v == NO_ID || has_source(g, seen, v)) continue;
            problem_add(p, SARD_INVALID_MODEL, node_where(g, n, where, sizeof where),
                        "input %u ('%s') is not defined by anything", k,
                        v < g->n_values ? mod_str(g->mod, g->values[v].name) : "?");
        }
        for (uint32_t k = 0; k < n->captures.n && !n->dead && !n->faulty; k++)
            if (!has_source(g, seen, span_ids(g, n->captures)[k]))
                problem_add(p, SARD_INVALID_MODEL, node_where(g, n, where, sizeof where),
                            "captured value %u is not defined by anything", k);
    }
    for (uint32_t i = 0; i < g->n_outputs; i++)
        if (!has_source(g, seen, g->outputs[i]))
            problem_add(p, SARD_INVALID_MODEL, "", "graph output '%s' is not defined by anything",
                        g->outputs[i] < g->n_values ? mod_str(g->mod, g->values[g->outputs[i]].name) : "?");
}

static sard_status check_graph(graph *g, problems *p, int depth, sard_error *err);

static sard_status check_nodes(graph *g, uint8_t *seen, problems *p, int depth, sard_error *err) {
    char where[WHERE];
    for (uint32_t i = 0; i < g->n_inputs; i++) mark(g, seen, g->inputs[i], IS_INPUT, "graph input", p);
    for (uint32_t i = 0; i < g->n_captures; i++) mark(g, seen, g->captures[i], IS_CAPTURE, "captured value", p);
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        node *n = &g->nodes[i];
        for (uint32_t k = 0; k < n->out.n && !n->dead; k++) {
            const value_id v = span_ids(g, n->out)[k];
            if (v == NO_ID) continue;
            const bool twice = seen[v] || g->values[v].constant != NO_ID;
            mark(g, seen, v, IS_DEFINED, twice ? node_where(g, n, where, sizeof where) : "", p);
        }
    }
    check_sources(g, seen, p);
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        node *n = &g->nodes[i];
        TRY(mod_check(g->mod, err));
        if (!n->dead) graph_check_node(g, i, p);
        if (!n->dead) graph_check_outputs(g, i, p);
        for (uint32_t k = 0; k < n->bodies.n && !n->dead; k++)
            if (node_body(g, n, k)) TRY(check_graph(node_body(g, n, k), p, depth + 1, err));
    }
    return SARD_OK;
}

static sard_status check_graph(graph *g, problems *p, int depth, sard_error *err) {
    FAIL_IF(depth > GRAPH_DEPTH_MAX, err, SARD_LIMIT, "bodies are nested deeper than %d", GRAPH_DEPTH_MAX);
    uint8_t *seen = mem_calloc(g->n_values, 1);
    if (!seen) return err_nomem(err, g->n_values);
    sard_status st = check_nodes(g, seen, p, depth, err);
    mem_free(seen);
    if (st != SARD_OK) return st;
    node_id *order;
    uint32_t n;
    sard_error cycle;
    st = graph_order(g, &order, &n, &cycle);
    mem_free(order);
    if (st != SARD_INVALID_MODEL) {
        if (st != SARD_OK && err) *err = cycle;
        return st;
    }
    problem_add(p, st, "", "%s", cycle.message);
    return SARD_OK;
}

sard_status graph_check(graph *g, problems *p, sard_error *err) {
    problems mine = {0};
    if (!p) p = &mine;
    const uint32_t before = p->count;
    TRY(check_graph(g, p, 0, err));
    return p->count == before ? SARD_OK : problems_result(p, err);
}
