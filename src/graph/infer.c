/*
 * infer.c -- types, shapes and known ints of values, node by node in execution order.
 *
 * An operator's infer function says what follows from its inputs; here that is joined with what the file declares: a
 * contradiction of element types is a problem, of shapes the inferred one wins. The types of a body's values follow
 * from one activation: control operators ask for them (infer_ctx.body) with the types of the body's inputs, if need be
 * again with weaker ones; each time the body starts afresh from its declared types.
 */
#include <stdio.h>

#include "graph/op.h"

enum { FEW = 8, WHERE = 300, TEXT = 200 };

typedef struct frame { /* the inference of one node */
    infer_ctx c;
    graph *g;
    problems *p;
    int depth;
    uint64_t visited; /* bodies that were asked for */
    arena mem;
    const vtype *in_few[FEW];
    known known_few[FEW];
    const tensor *const_few[FEW];
    vtype out_few[FEW];
    known out_known_few[FEW];
} frame;

static sard_status infer_node(graph *g, node_id id, problems *p, int depth, sard_error *err);

/* ---- joining inferred and declared types --------------------------------------------------------------------------- */

static bool is_dense(const vtype *t) { return t->kind == SARD_KIND_TENSOR || t->kind == SARD_KIND_SPARSE_TENSOR; }

/* What is known of a value by inference (t) and before (base). False: kinds or element types contradict. */
static bool join(module *m, const vtype *base, const vtype *t, vtype *r) {
    *r = *t;
    if (base->kind == SARD_KIND_UNKNOWN) return true;
    if (t->kind == SARD_KIND_UNKNOWN) {
        *r = *base;
        return true;
    }
    if (t->kind != base->kind) return false;
    const sard_dtype a = type_elem_dtype(m, base), b = type_elem_dtype(m, t);
    if (a && b && a != b) return false;
    if (!is_dense(t)) {
        vtype both = *t;
        if (type_merge(m, &both, base)) *r = both;
        return true;
    }
    if (!r->dtype) r->dtype = base->dtype;
    if (t->rank < 0) {
        r->rank = base->rank;
        for (int i = 0; i < base->rank; i++) r->dim[i] = base->dim[i];
    }
    for (int i = 0; i < t->rank && t->rank == base->rank; i++)
        if (!dim_merge(t->dim[i], base->dim[i], &r->dim[i])) r->dim[i] = t->dim[i];
    return true;
}

static sard_status keep_known(module *m, value *v, const known *k, sard_error *err) {
    if (!k->v || (v->ints.v && v->ints.n == k->n && !memcmp(v->ints.v, k->v, k->n * sizeof *k->v))) return SARD_OK;
    int64_t *copy = arena_copy(&m->mem, k->v, k->n * sizeof *copy);
    if (!copy) return err_nomem(err, k->n * sizeof *copy);
    v->ints = (known){copy, k->n};
    return SARD_OK;
}

static sard_status take_outputs(frame *f, node_id id, sard_error *err) {
    graph *g = f->g;
    for (uint32_t i = 0; i < f->c.n_out; i++) {
        const value_id id_v = node_out(g, &g->nodes[id], i);
        if (id_v == NO_ID) continue;
        value *v = &g->values[id_v];
        vtype r;
        if (!join(g->mod, &v->type, &f->c.out[i], &r) && f->p) {
            char where[WHERE], type[2][TEXT];
            problem_add(f->p, SARD_INVALID_MODEL, node_where(g, &g->nodes[id], where, sizeof where),
                        "output %u ('%s') is %s, but is declared as %s", i, mod_str(g->mod, v->name),
                        type_text(g->mod, &f->c.out[i], type[0], TEXT), type_text(g->mod, &v->type, type[1], TEXT));
            g->nodes[id].faulty = true;
        }
        v->type = r;
        TRY(keep_known(g->mod, v, &f->c.out_known[i], err));
    }
    graph_check_outputs(g, id, f->p);
    return SARD_OK;
}

/* ---- bodies ------------------------------------------------------------------------------------------------------- */

static sard_status charge_work(module *m, sard_error *err) {
    if (++m->infer_work <= m->infer_limit) return SARD_OK;
    uint64_t nodes = 0;
    for (uint32_t i = 0; i < m->n_graphs; i++) nodes += m->graphs[i] ? m->graphs[i]->n_nodes : 0;
    m->infer_limit = 100000 + 256 * nodes;
    FAIL_IF(m->infer_work > m->infer_limit, err, SARD_LIMIT,
            "bodies are nested so that inferring their types takes more than %llu steps",
            (unsigned long long)m->infer_limit);
    return SARD_OK;
}

static sard_status infer_nodes(graph *g, problems *p, int depth, sard_error *err) {
    node_id *order;
    uint32_t n;
    TRY(graph_order(g, &order, &n, err));
    sard_status st = SARD_OK;
    for (uint32_t i = 0; i < n && st == SARD_OK; i++) {
        st = depth ? charge_work(g->mod, err) : SARD_OK;
        if (st == SARD_OK) st = mod_check(g->mod, err);
        if (st == SARD_OK) st = infer_node(g, order[i], p, depth, err);
    }
    mem_free(order);
    return st;
}

/* Back to what the file declares. */
static void forget(graph *b) {
    for (value_id v = 0; v < b->n_values; v++) {
        value *x = &b->values[v];
        if (x->constant != NO_ID && !x->overridable) continue;
        x->type = x->declared == NO_ID ? type_unknown() : b->mod->types[x->declared];
        x->ints = (known){0};
    }
}

static sard_status bind_input(graph *b, uint32_t i, const vtype *given, sard_error *err) {
    value *v = &b->values[b->inputs[i]];
    if (given->kind == SARD_KIND_UNKNOWN) return SARD_OK;
    vtype r;
    char type[2][TEXT];
    FAIL_IF(!join(b->mod, &v->type, given, &r), err, SARD_INVALID_MODEL,
            "body input %u ('%s') is declared as %s, but is given %s", i, mod_str(b->mod, v->name),
            type_text(b->mod, &v->type, type[0], TEXT), type_text(b->mod, given, type[1], TEXT));
    v->type = *given; /* the shape as given: what is declared may hold for the first iteration only */
    if (!v->type.dtype) v->type.dtype = r.dtype;
    if (!is_dense(given)) v->type = r;
    return SARD_OK;
}

static sard_status infer_body(frame *f, uint32_t body, const vtype *in, uint32_t n_in, vtype *out, uint32_t n_out,
                              sard_error *err) {
    const node *n = &f->g->nodes[(uint32_t)(f->c.node - f->g->nodes)];
    graph *b = node_body(f->g, n, body);
    FAIL_IF(!b, err, SARD_INTERNAL, "no body %u", body);
    FAIL_IF(f->depth >= GRAPH_DEPTH_MAX, err, SARD_LIMIT, "bodies are nested deeper than %d", GRAPH_DEPTH_MAX);
    FAIL_IF(in && n_in != b->n_inputs, err, SARD_INVALID_MODEL, "body '%s' has %u inputs; %u are needed",
            mod_str(b->mod, b->name), b->n_inputs, n_in);
    FAIL_IF(!in && n_out && b->n_inputs, err, SARD_INVALID_MODEL, "body '%s' has %u inputs; none are needed",
            mod_str(b->mod, b->name), b->n_inputs);
    FAIL_IF(n_out && n_out != b->n_outputs, err, SARD_INVALID_MODEL, "body '%s' has %u outputs; %u are needed",
            mod_str(b->mod, b->name), b->n_outputs, n_out);
    FAIL_IF(b->n_captures != n->captures.n, err, SARD_INTERNAL, "body '%s' and its node's captures differ",
            mod_str(b->mod, b->name));
    if (body < 64) f->visited |= (uint64_t)1 << body;
    forget(b);
    for (uint32_t i = 0; i < b->n_captures; i++) {
        const value *outer = &f->g->values[span_ids(f->g, n->captures)[i]];
        b->values[b->captures[i]].type = outer->type;
        b->values[b->captures[i]].ints = outer->ints;
    }
    for (uint32_t i = 0; in && i < n_in; i++) TRY(bind_input(b, i, &in[i], err));
    TRY(infer_nodes(b, f->p, f->depth + 1, err));
    for (uint32_t i = 0; i < n_out; i++) out[i] = b->values[b->outputs[i]].type;
    return SARD_OK;
}

static sard_status body_of_ctx(infer_ctx *c, uint32_t body, const vtype *in, uint32_t n_in, vtype *out, uint32_t n_out,
                               sard_error *err) {
    return infer_body(c->arg, body, in, n_in, out, n_out, err);
}

/* ---- one node ----------------------------------------------------------------------------------------------------- */

/* What the tables alone say of output i: its kind, and the element type its variable or its set fixes. */
static vtype preset(const graph *g, const node *n, uint32_t i) {
    const formal *f = formal_at(n->op->out, n->op->n_out, i);
    vtype t = type_unknown();
    if (!f || (f->kinds && f->kinds != K_TENSOR)) return t;
    t.kind = SARD_KIND_TENSOR;
    if (f->types && !(f->types & (f->types - 1))) t.dtype = (uint8_t)__builtin_ctz(f->types);
    for (uint32_t k = 0; f->var && !t.dtype && !(f->flags & F_MIXED) && k < n->in.n; k++) {
        const formal *fi = formal_at(n->op->in, n->op->n_in, k);
        const value_id v = span_ids(g, n->in)[k];
        if (!fi || !fi->var || v == NO_ID || (fi->flags & F_MIXED) || strcmp(fi->var, f->var) != 0) continue;
        t.dtype = (uint8_t)type_elem_dtype(g->mod, &g->values[v].type);
    }
    return t;
}

/* The frame's arrays: its own small ones, or from its arena. */
static sard_status frame_arrays(frame *f, const node *n, sard_error *err) {
    infer_ctx *c = &f->c;
    const vtype **in = f->in_few;
    known *in_known = f->known_few;
    const tensor **in_const = f->const_few;
    c->n_out = n->out.n;
    c->out = f->out_few;
    c->out_known = f->out_known_few;
    c->n_in = n->in.n;
    while (c->n_in && span_ids(f->g, n->in)[c->n_in - 1] == NO_ID) c->n_in--;
    /* absent inputs of the table can be looked at, too */
    const uint32_t room = c->n_in > n->op->n_in ? c->n_in : n->op->n_in;
    if (room > FEW) {
        in = arena_calloc(&f->mem, room, sizeof *in);
        in_known = arena_calloc(&f->mem, room, sizeof *in_known);
        in_const = arena_calloc(&f->mem, room, sizeof *in_const);
    }
    if (c->n_out > FEW) {
        c->out = arena_calloc(&f->mem, c->n_out, sizeof *c->out);
        c->out_known = arena_calloc(&f->mem, c->n_out, sizeof *c->out_known);
    }
    if (!in || !in_known || !in_const || !c->out || !c->out_known) return err_nomem(err, room * sizeof *c->out);
    for (uint32_t i = 0; i < c->n_in; i++) {
        const value_id v = span_ids(f->g, n->in)[i];
        if (v == NO_ID) continue;
        const value *x = &f->g->values[v];
        in[i] = &x->type;
        if (x->overridable) continue;
        in_known[i] = x->ints;
        if (x->constant != NO_ID) in_const[i] = mod_const_tensor(f->g->mod, x->constant);
    }
    for (uint32_t i = 0; i < c->n_out; i++) c->out[i] = preset(f->g, n, i);
    c->in = in;
    c->in_known = in_known;
    c->in_const = in_const;
    return SARD_OK;
}

/* Bodies the operator did not ask for (a branch never taken): their types as far as they go, faults untold. */
static void infer_other_bodies(frame *f, const node *n) {
    problems *told = f->p;
    f->p = NULL;
    for (uint32_t i = 0; i < n->bodies.n; i++)
        if (i >= 64 || !(f->visited >> i & 1)) (void)infer_body(f, i, NULL, 0, NULL, 0, NULL);
    f->p = told;
}

static sard_status call_infer(frame *f, node_id id, sard_error *err) {
    const op_def *op = f->g->nodes[id].op;
    if (op->infer) return op->infer(&f->c, err);
    for (uint32_t i = 0; i < f->c.n_out && infer_has(&f->c, 0) && !(op->flags & OP_ANY_ATTRS); i++) {
        const uint8_t dtype = f->c.out[i].dtype;
        f->c.out[i] = *f->c.in[0];
        if (dtype && is_dense(f->c.in[0])) f->c.out[i].dtype = dtype;
    }
    return SARD_OK;
}

static bool is_fatal(sard_status st) {
    return st == SARD_OUT_OF_MEMORY || st == SARD_LIMIT || st == SARD_INTERNAL || st == SARD_CANCELLED ||
           st == SARD_DEADLINE;
}

static sard_status infer_in_frame(frame *f, node_id id, sard_error *err) {
    const node *n = &f->g->nodes[id];
    TRY(frame_arrays(f, n, err));
    f->c.mod = f->g->mod;
    f->c.g = f->g;
    f->c.node = n;
    f->c.mem = &f->mem;
    f->c.body = body_of_ctx;
    f->c.arg = f;
    sard_error e;
    const sard_status st = call_infer(f, id, &e);
    char where[WHERE];
    if (st != SARD_OK) {
        for (uint32_t i = 0; i < f->c.n_out; i++) {
            f->c.out[i] = preset(f->g, n, i);
            f->c.out_known[i] = (known){0};
        }
        if (is_fatal(st)) {
            if (err) *err = e;
            return err_context(err, st, "%s", node_where(f->g, n, where, sizeof where));
        }
        if (f->p && !f->depth && !f->g->id) {
            problem_add(f->p, st == SARD_UNSUPPORTED ? st : SARD_INVALID_MODEL,
                        node_where(f->g, n, where, sizeof where), "%s", e.message);
            f->g->nodes[id].faulty = true;
        }
    }
    if (n->bodies.n) infer_other_bodies(f, n);
    return take_outputs(f, id, err);
}

static sard_status infer_node(graph *g, node_id id, problems *p, int depth, sard_error *err) {
    if (g->nodes[id].dead || !graph_check_node(g, id, p)) return SARD_OK;
    frame f = {.g = g, .p = p, .depth = depth};
    arena_init(&f.mem);
    const sard_status st = infer_in_frame(&f, id, err);
    arena_free(&f.mem);
    return st;
}

sard_status graph_infer_node(graph *g, node_id n, problems *p, sard_error *err) { return infer_node(g, n, p, 0, err); }

sard_status graph_infer(graph *g, problems *p, sard_error *err) {
    problems mine = {0};
    if (!p) p = &mine;
    const uint32_t before = p->count;
    g->mod->infer_work = 0;
    TRY(infer_nodes(g, p, 0, err));
    return p->count == before ? SARD_OK : problems_result(p, err);
}
