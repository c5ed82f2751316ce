/*
 * group.c -- pointwise nodes that can run in one loop become one sard.Fused node, and the heavy node in front of them
 * (a product, a convolution) joins as the one whose tiles the program finishes while they are in cache.
 *
 * A walk in execution order: a pointwise node joins the group of a node that feeds it when both run over the same shape,
 * the instructions fit one program, and no path leads from the group through outside nodes back into it. Groups never
 * change the arithmetic: every node keeps its own instructions and its own rounding.
 */
#include "opt/pass.h"

#include "kernels/pointwise/pointwise.h"

enum { GROUP_MAX = 48, SEARCH_MAX = 4000 }; /* nodes of a group; nodes looked at for a circle */

typedef struct group {
    node_id nodes[GROUP_MAX]; /* in execution order */
    uint32_t n;
    node_id heavy; /* NO_ID: none */
} group;

typedef struct grouping {
    pass *p;
    graph *g;
    node_id *order;
    uint32_t n_order;
    uint32_t *place;    /* of a node in the order */
    uint32_t *low;      /* per place: the first place of the groups that reach across it; itself: none does */
    uint32_t *group_of; /* NO_ID: none */
    uint32_t *mark;     /* last search that saw the node */
    uint32_t search;
    node_id *stack;
    uint32_t n_stack;
    uint32_t *uses;
    group *groups;
    uint32_t n_groups;
    size_t cap;
} grouping;

/* ---- may they run in one loop? -------------------------------------------------------------------------------------- */

static node_id def_of(const graph *g, value_id v) { return v == NO_ID ? NO_ID : g->values[v].def; }

static void push(grouping *q, value_id v, uint32_t from) {
    node_id d = def_of(q->g, v);
    if (d == NO_ID || q->place[d] < from || q->mark[d] == q->search) return;
    q->mark[d] = q->search;
    q->stack[q->n_stack++] = d; /* each node once per search: there is room for all */
}

/* Does value v depend on a node of group k? Nodes before place `from` cannot. A search that goes on for long says yes,
 * which only means that a fusion is not done. */
static bool depends(grouping *q, value_id v, uint32_t k, uint32_t from) {
    q->n_stack = 0;
    push(q, v, from);
    for (uint32_t seen = 0; q->n_stack; seen++) {
        node_id d = q->stack[--q->n_stack];
        uint32_t other = q->group_of[d];
        if (other == k || seen > SEARCH_MAX) return true;
        const node *n = &q->g->nodes[d];
        for (uint32_t i = 0; i < n->in.n; i++) push(q, node_in(q->g, n, i), from);
        for (uint32_t i = 0; i < n->captures.n; i++) push(q, span_ids(q->g, n->captures)[i], from);
        for (uint32_t m = 0; other != NO_ID && m < q->groups[other].n; m++) { /* a group is one node */
            const node *x = &q->g->nodes[q->groups[other].nodes[m]];
            for (uint32_t i = 0; i < x->in.n; i++) push(q, node_in(q->g, x, i), from);
        }
    }
    return false;
}

static uint32_t first_place(const grouping *q, const group *k) {
    uint32_t at = UINT32_MAX;
    for (uint32_t i = 0; i < k->n; i++) at = q->place[k->nodes[i]] < at ? q->place[k->nodes[i]] : at;
    return at;
}

/* A group runs as one step, so its first node needs what its last one needs: group k reaches from its first place to
 * its last, and no place between is a point before which nothing depends on what comes after. */
static void reaches(grouping *q, const group *k) {
    uint32_t first = first_place(q, k);
    for (uint32_t p = q->place[k->nodes[k->n - 1]]; p > first; p--)
        if (q->low[p] > first) q->low[p] = first;
}

/* Some input of n that group k does not make needs the group: joining would close a circle. */
static bool circle(grouping *q, const node *n, uint32_t k) {
    uint32_t from = first_place(q, &q->groups[k]);
    while (q->low[from] < from) from = q->low[from];
    q->search++;
    for (uint32_t i = 0; i < n->in.n; i++) {
        value_id v = node_in(q->g, n, i);
        node_id d = def_of(q->g, v);
        if (d != NO_ID && q->group_of[d] == k) continue;
        if (depends(q, v, k, from)) return true;
    }
    return false;
}

/* ---- do the instructions fit one program? --------------------------------------------------------------------------- */

typedef struct emission {
    const grouping *q;
    pw_builder b;
    value_id ids[4 * GROUP_MAX];
    pw_val regs[4 * GROUP_MAX];
    uint32_t n;
} emission;

static bool remember(emission *e, value_id v, pw_val r) {
    if (e->n == OP_COUNT(e->ids) || r == PW_NONE) return false;
    e->ids[e->n] = v, e->regs[e->n++] = r;
    return true;
}

static bool operand(emission *e, value_id v, pw_val *out) {
    const graph *g = e->q->g;
    for (uint32_t i = 0; i < e->n; i++)
        if (e->ids[i] == v) {
            *out = e->regs[i];
            return true;
        }
    sard_dtype t = (sard_dtype)g->values[v].type.dtype;
    const tensor *c = const_of(g, v);
    if (c && tensor_count(c) == 1 && pw_is_float(t))
        *out = pw_const(&e->b, t, tensor_get_f64(c, 0));
    else if (c && tensor_count(c) == 1 && (pw_is_int(t) || t == SARD_BOOL))
        *out = pw_const_i(&e->b, t, tensor_get_i64(c, 0));
    else
        *out = pw_input(&e->b, t);
    return remember(e, v, *out);
}

static bool emit_one(emission *e, const node *n) {
    enum { MOST = 32 };
    const graph *g = e->q->g;
    const vtype *types[MOST] = {0};
    const tensor *constants[MOST] = {0};
    pw_val in[MOST], out[MOST];
    bool wanted[MOST];
    if (n->in.n > MOST || n->out.n != 1) return false;
    for (uint32_t i = 0; i < MOST; i++) in[i] = out[i] = PW_NONE, wanted[i] = true;
    for (uint32_t i = 0; i < n->in.n; i++) {
        value_id v = node_in(g, n, i);
        if (v == NO_ID) continue;
        types[i] = &g->values[v].type, constants[i] = const_of(g, v);
        if (!operand(e, v, &in[i])) return false;
    }
    op_prep p = {.mod = g->mod,
                 .g = g,
                 .node = n,
                 .in = types,
                 .in_const = constants,
                 .n_in = n->in.n,
                 .out = &g->values[node_out(g, n, 0)].type,
                 .wanted = wanted,
                 .n_out = 1};
    return n->op->emit(&p, &e->b, in, out, NULL) == SARD_OK && remember(e, node_out(g, n, 0), out[0]);
}

/* Nodes a, then b, then x (any may be empty), all their results counted as outputs up to the limit. */
static bool one_program(const grouping *q, const group *a, const group *b, const node *x) {
    emission *e = mem_alloc(sizeof *e);
    bool ok = e != NULL;
    if (!ok) return false;
    e->q = q, e->n = 0;
    pw_init(&e->b);
    uint32_t i = 0, k = 0, na = a ? a->n : 0, nb = b ? b->n : 0;
    pw_val last = PW_NONE;
    while (ok && (i < na || k < nb)) { /* merged in execution order */
        bool first = k == nb || (i < na && q->place[a->nodes[i]] < q->place[b->nodes[k]]);
        ok = emit_one(e, &q->g->nodes[first ? a->nodes[i++] : b->nodes[k++]]);
    }
    if (ok && x) ok = emit_one(e, x);
    if (ok) last = e->regs[e->n - 1];
    if (ok) pw_output(&e->b, last);
    ok = ok && pw_check(&e->b, NULL) == SARD_OK && e->b.n_in < PW_MAX_INPUTS;
    mem_free(e);
    return ok;
}

/* How many results of the group somebody outside needs. */
static uint32_t outside(grouping *q, const group *k, value_id *out) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < k->n; i++) {
        value_id v = node_out(q->g, &q->g->nodes[k->nodes[i]], 0);
        uint32_t inside = 0;
        for (uint32_t m = 0; m < k->n; m++) {
            const node *x = &q->g->nodes[k->nodes[m]];
            for (uint32_t a = 0; a < x->in.n; a++) inside += node_in(q->g, x, a) == v;
        }
        if (q->uses[v] > inside && n < PW_MAX_OUTPUTS)
            out[n++] = v;
        else if (q->uses[v] > inside)
            return UINT32_MAX;
    }
    return n;
}

/* ---- forming groups ------------------------------------------------------------------------------------------------- */

/* The same shape as far as one can see: an extent that nothing is known of is taken to be what it meets. The executor
 * looks again when the numbers are there, and runs the nodes one by one where the guess was wrong. */
static bool alike(const vtype *a, const vtype *b) {
    if (a->kind != SARD_KIND_TENSOR || b->kind != SARD_KIND_TENSOR || a->rank < 0 || a->rank != b->rank) return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i] && a->dim[i] != DIM_UNKNOWN && b->dim[i] != DIM_UNKNOWN) return false;
    return true;
}

static const vtype *shape_of_group(const grouping *q, const group *k) {
    return &q->g->values[node_out(q->g, &q->g->nodes[k->nodes[0]], 0)].type;
}

static void add_node(grouping *q, uint32_t k, node_id id) {
    q->groups[k].nodes[q->groups[k].n++] = id;
    q->group_of[id] = k;
    reaches(q, &q->groups[k]);
}

static bool joins(grouping *q, uint32_t k, node_id id) {
    const node *n = &q->g->nodes[id];
    group *a = &q->groups[k];
    value_id out[PW_MAX_OUTPUTS], y = node_out(q->g, n, 0);
    if (a->n == GROUP_MAX || !alike(shape_of_group(q, a), &q->g->values[y].type)) return false;
    if (q->g->values[node_out(q->g, &q->g->nodes[a->nodes[0]], 0)].order != q->g->values[y].order) return false;
    if (circle(q, n, k)) {
        pass_why_not(q->p, q->g, n, "joining a group of pointwise nodes would close a circle");
        return false;
    }
    if (!one_program(q, a, NULL, n)) {
        pass_why_not(q->p, q->g, n, "its instructions do not fit the group's program");
        return false;
    }
    a->nodes[a->n++] = id; /* on trial */
    bool few = outside(q, a, out) != UINT32_MAX;
    a->n--;
    return few;
}

/* Two groups that both feed one node: one, when neither needs the other through outside nodes. */
static void merge(grouping *q, uint32_t a, uint32_t b) {
    group *x = &q->groups[a], *y = &q->groups[b];
    value_id out[PW_MAX_OUTPUTS];
    if (a == b || x->n + y->n > GROUP_MAX || !alike(shape_of_group(q, x), shape_of_group(q, y))) return;
    if (q->g->values[node_out(q->g, &q->g->nodes[x->nodes[0]], 0)].order !=
        q->g->values[node_out(q->g, &q->g->nodes[y->nodes[0]], 0)].order)
        return;
    for (uint32_t i = 0; i < x->n; i++) /* a direct edge between them is fine, a way round is not */
        if (circle(q, &q->g->nodes[x->nodes[i]], b)) return;
    for (uint32_t i = 0; i < y->n; i++)
        if (circle(q, &q->g->nodes[y->nodes[i]], a)) return;
    if (!one_program(q, x, y, NULL)) return;
    group both = {.heavy = NO_ID};
    for (uint32_t i = 0, k = 0; i < x->n || k < y->n;) {
        bool first = k == y->n || (i < x->n && q->place[x->nodes[i]] < q->place[y->nodes[k]]);
        both.nodes[both.n++] = first ? x->nodes[i++] : y->nodes[k++];
    }
    if (outside(q, &both, out) == UINT32_MAX) return;
    for (uint32_t i = 0; i < y->n; i++) q->group_of[y->nodes[i]] = a;
    *x = both;
    y->n = 0;
    reaches(q, x);
}

static sard_status visit(grouping *q, node_id id) {
    const node *n = &q->g->nodes[id];
    if (!is_pointwise(q->g, n) || n->out.n != 1 || node_out(q->g, n, 0) == NO_ID) return SARD_OK;
    uint32_t mine = NO_ID;
    for (uint32_t i = 0; i < n->in.n; i++) {
        node_id d = def_of(q->g, node_in(q->g, n, i));
        uint32_t k = d == NO_ID ? NO_ID : q->group_of[d];
        if (k == NO_ID || k == mine) continue;
        if (mine == NO_ID && joins(q, k, id))
            add_node(q, mine = k, id);
        else if (mine != NO_ID)
            merge(q, mine, k);
    }
    if (mine != NO_ID) return SARD_OK;
    void *items = q->groups;
    if (mem_grow(&items, &q->cap, q->n_groups + 1, sizeof *q->groups)) return err_nomem(q->p->err, sizeof *q->groups);
    q->groups = items;
    q->groups[q->n_groups] = (group){.heavy = NO_ID};
    add_node(q, q->n_groups++, id);
    return SARD_OK;
}

/* ---- the heavy node in front ---------------------------------------------------------------------------------------- */

/* Extent 1 everywhere but on `axis`, where it is the output's. */
static bool along(const vtype *t, const vtype *y, int axis) {
    int lead = y->rank - t->rank;
    for (int i = 0; i < t->rank; i++)
        if (t->dim[i] != 1 && (i + lead != axis || t->dim[i] != y->dim[axis])) return false;
    return true;
}

/* Can the operand be read at [row, column] of the kernel's output? */
static bool placed(const grouping *q, value_id v, const vtype *y, int col, uint8_t order) {
    const vtype *t = &q->g->values[v].type;
    if (t->kind != SARD_KIND_TENSOR || t->rank < 0 || t->rank > y->rank) return false;
    if (dtype_bits(t->dtype) > 32 || dtype_bits(t->dtype) < 8) return false;
    if (alike(t, y)) return q->g->values[v].order == order;
    if (along(t, y, col)) return true; /* per column or scalar */
    for (int i = 0; i < y->rank; i++)  /* per row: the other axes of rows must be 1 */
        if (i != col && y->dim[i] != 1) return along(t, y, i) && y->rank == 2;
    return false;
}

static bool fits_heavy(grouping *q, const group *k, value_id v) {
    const graph *g = q->g;
    const node *h = maker(g, v);
    const vtype *y = &g->values[v].type;
    if (!h || !(h->op->flags & OP_EPILOGUE) || h->out.n != 1 || g->values[v].def == NO_ID) return false;
    bool image = (h->op->flags & OP_PREFER_LAST) != 0;
    uint8_t order = g->values[v].order;
    int col = image ? 1 : y->rank - 1;
    if (y->dtype != SARD_F32 || y->rank < 2 || !alike(y, shape_of_group(q, k))) return false;
    if (order != (image ? ORDER_LAST : ORDER_ROW) || graph_is_output(g, v)) return false;
    uint32_t inside = 0;
    for (uint32_t i = 0; i < k->n; i++) {
        const node *n = &g->nodes[k->nodes[i]];
        value_id out = node_out(g, n, 0);
        if (dtype_bits(g->values[out].type.dtype) > 32 || g->values[out].order != order) return false;
        for (uint32_t a = 0; a < n->in.n; a++) {
            value_id w = node_in(g, n, a);
            node_id d = def_of(g, w);
            if (w == NO_ID) continue;
            inside += w == v;
            if (w == v || (d != NO_ID && q->group_of[d] == (uint32_t)(k - q->groups))) continue;
            const tensor *c = const_of(g, w);
            if (!(c && tensor_count(c) == 1) && !placed(q, w, y, col, order)) return false;
        }
    }
    return inside == q->uses[v];
}

static void find_heavy(grouping *q, uint32_t k) {
    group *x = &q->groups[k];
    uint32_t best = 0;
    for (uint32_t i = 0; i < x->n; i++) {
        const node *n = &q->g->nodes[x->nodes[i]];
        for (uint32_t a = 0; a < n->in.n; a++) {
            node_id d = def_of(q->g, node_in(q->g, n, a));
            if (d == NO_ID || q->group_of[d] != NO_ID || !fits_heavy(q, x, node_in(q->g, n, a))) continue;
            if (x->heavy == NO_ID || q->place[d] > best) x->heavy = d, best = q->place[d];
        }
    }
    if (x->heavy != NO_ID) q->group_of[x->heavy] = k;
}

/* ---- making the node ------------------------------------------------------------------------------------------------ */

typedef struct making {
    grouping *q;
    graph *body;
    graph_id body_id;
    value_id from[8 * GROUP_MAX], to[8 * GROUP_MAX]; /* outer value -> body's */
    uint32_t n;
    value_id in[8 * GROUP_MAX]; /* the node's inputs */
    value_id inner[8 * GROUP_MAX];
    uint32_t n_in;
} making;

static sard_status mapped(making *m, value_id v, bool made, value_id *out) {
    const graph *g = m->q->g;
    sard_error *err = m->q->p->err;
    *out = NO_ID;
    for (uint32_t i = 0; i < m->n; i++)
        if (m->from[i] == v) *out = m->to[i];
    if (*out != NO_ID) return SARD_OK;
    FAIL_IF(m->n == OP_COUNT(m->from), err, SARD_INTERNAL, "a group of too many values");
    const tensor *c = made ? NULL : const_of(g, v);
    if (c && tensor_count(c) == 1) {
        TRY(graph_const_value(m->body, g->values[v].name, sard_value_ref(g->mod->constants[g->values[v].constant].v),
                              out, err));
    } else {
        TRY(graph_value(m->body, g->values[v].name, &g->values[v].type, out, err));
        m->body->values[*out].order = g->values[v].order;
        if (!made) m->in[m->n_in] = v, m->inner[m->n_in++] = *out;
    }
    m->from[m->n] = v, m->to[m->n++] = *out;
    return SARD_OK;
}

static sard_status move_in(making *m, node_id id, origin_id *merged) {
    graph *g = m->q->g;
    sard_error *err = m->q->p->err;
    const node n = g->nodes[id];
    value_id in[64], out;
    node_id made;
    FAIL_IF(n.in.n > 64, err, SARD_INTERNAL, "a group's node of too many inputs");
    for (uint32_t i = 0; i < n.in.n; i++) {
        value_id v = node_in(g, &n, i);
        in[i] = NO_ID;
        if (v != NO_ID) TRY(mapped(m, v, false, &in[i]));
    }
    TRY(mapped(m, node_out(g, &n, 0), true, &out));
    TRY(graph_node(m->body, n.op, in, n.in.n, &out, 1, n.attrs, n.n_attrs, NULL, 0, n.origin, &made, err));
    if (n.origin != NO_ID) { /* the group remembers all it is made of */
        origin o = g->mod->origins[n.origin];
        o.next = *merged;
        TRY(mod_origin(g->mod, &o, merged, err));
    }
    node_kill(g, id);
    return SARD_OK;
}

static sard_status make_node(making *m, const group *k) {
    grouping *q = m->q;
    sard_error *err = q->p->err;
    value_id outer[PW_MAX_OUTPUTS], inner[PW_MAX_OUTPUTS];
    uint32_t n_out = outside(q, k, outer);
    origin_id merged = NO_ID;
    node_id id;
    TRY(graph_new(q->g->mod, &m->body, err));
    m->body_id = m->body->id;
    if (k->heavy != NO_ID) TRY(move_in(m, k->heavy, &merged));
    for (uint32_t i = 0; i < k->n; i++) TRY(move_in(m, k->nodes[i], &merged));
    for (uint32_t i = 0; i < n_out; i++) TRY(mapped(m, outer[i], true, &inner[i]));
    TRY(graph_set_inputs(m->body, m->inner, m->n_in, err));
    TRY(graph_set_outputs(m->body, inner, n_out, err));
    const op_def *op = op_find(q->p->m->ops, "sard", "Fused");
    FAIL_IF(!op, err, SARD_INTERNAL, "operator sard.Fused is missing");
    attr body = {.type = ATTR_GRAPH, .body = m->body_id};
    TRY(mod_intern(q->g->mod, "body", 4, &body.name, err));
    return graph_node(q->g, op, m->in, m->n_in, outer, n_out, &body, 1, &m->body_id, 1, merged, &id, err);
}

static sard_status make(grouping *q, uint32_t k) {
    const group *x = &q->groups[k];
    if (x->n == 0 || (x->n == 1 && x->heavy == NO_ID)) return SARD_OK;
    const node *last = &q->g->nodes[x->nodes[x->n - 1]];
    if (!pass_may(q->p, q->g, last, "%u pointwise node(s)%s%s in one step", x->n, x->heavy == NO_ID ? "" : " behind ",
                  x->heavy == NO_ID ? "" : q->g->nodes[x->heavy].op->name))
        return SARD_OK;
    making *m = mem_calloc(1, sizeof *m);
    if (!m) return err_nomem(q->p->err, sizeof *m);
    m->q = q;
    sard_status s = make_node(m, x);
    mem_free(m);
    return s;
}

static sard_status prepare(grouping *q) {
    graph *g = q->g;
    size_t n = g->n_nodes + 1;
    q->place = mem_calloc(n, sizeof *q->place), q->group_of = mem_alloc(n * sizeof *q->group_of);
    q->mark = mem_calloc(n, sizeof *q->mark), q->uses = mem_calloc(g->n_values + 1, sizeof *q->uses);
    q->stack = mem_alloc(n * sizeof *q->stack), q->low = mem_alloc(n * sizeof *q->low);
    if (!q->place || !q->group_of || !q->mark || !q->uses || !q->stack || !q->low)
        return err_nomem(q->p->err, n * sizeof *q->place);
    for (size_t i = 0; i < n; i++) q->group_of[i] = NO_ID, q->low[i] = (uint32_t)i;
    for (uint32_t i = 0; i < q->n_order; i++) q->place[q->order[i]] = i;
    graph_count_uses(g, q->uses);
    return SARD_OK;
}

/* A group's body is left alone: its nodes are where they belong. */
static bool is_group_body(const module *m, graph_id id) {
    for (uint32_t i = 0; i < m->n_graphs; i++) {
        const graph *g = m->graphs[i];
        for (uint32_t k = 0; g && k < g->n_nodes; k++)
            if (!g->nodes[k].dead && (g->nodes[k].op->flags & OP_INTERNAL) && g->nodes[k].bodies.n &&
                span_ids(g, g->nodes[k].bodies)[0] == id)
                return true;
    }
    return false;
}

sard_status pass_group(pass *p, graph *g) {
    if (is_group_body(p->m, g->id)) return SARD_OK;
    grouping q = {.p = p, .g = g};
    sard_status s = graph_order(g, &q.order, &q.n_order, p->err);
    if (s == SARD_OK) s = prepare(&q);
    for (uint32_t i = 0; i < q.n_order && s == SARD_OK; i++) {
        s = mod_check(g->mod, p->err);
        if (s == SARD_OK) s = visit(&q, q.order[i]);
    }
    for (uint32_t k = 0; k < q.n_groups && s == SARD_OK; k++)
        if (q.groups[k].n) find_heavy(&q, k);
    for (uint32_t k = 0; k < q.n_groups && s == SARD_OK; k++) {
        s = mod_check(g->mod, p->err);
        if (s == SARD_OK) s = make(&q, k);
    }
    mem_free(q.order), mem_free(q.place), mem_free(q.group_of), mem_free(q.mark), mem_free(q.uses), mem_free(q.groups),
        mem_free(q.stack), mem_free(q.low);
    return s;
}
