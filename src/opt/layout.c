/*
 * layout.c -- decides which values lie channels-last in memory.
 *
 * A walk in execution order: nodes whose kernels gain from it (OP_PREFER_LAST) give channels-last; operators that take
 * any layout pass it on; everything else is given a row-major copy (one per value). Shapes and axes never change: the
 * layout is only an order of strides.
 */
#include "opt/pass.h"

typedef struct plan {
    pass *p;
    graph *g;
    value_id *row; /* per value: its row-major copy, or NO_ID */
    const op_def *reorder;
} plan;

static bool spatial(const graph *g, value_id v) { /* ranks that may be channels-last */
    const vtype *t = &g->values[v].type;
    return t->kind == SARD_KIND_TENSOR && t->rank >= 3 && t->rank <= 5 && !dtype_subbyte(t->dtype) &&
           t->dtype != SARD_STRING;
}

static bool is_last(const graph *g, value_id v) { return v != NO_ID && g->values[v].order == ORDER_LAST; }

/* Ranks of input and output agree, so that the layout can go through. */
static bool same_rank(const graph *g, value_id a, value_id b) {
    return a != NO_ID && b != NO_ID && g->values[a].type.rank == g->values[b].type.rank;
}

static bool passes_on(const graph *g, const node *n) {
    value_id y = node_out(g, n, 0), x = node_in(g, n, 0);
    if (y == NO_ID || !spatial(g, y)) return false;
    if (is_pointwise(g, n)) { /* some input of the output's own shape is channels-last */
        for (uint32_t i = 0; i < n->in.n; i++) {
            value_id v = node_in(g, n, i);
            if (is_last(g, v) && same_rank(g, v, y) && same_shape(&g->values[v].type, &g->values[y].type)) return true;
        }
        return false;
    }
    if (n->op->flags & OP_LAST_ALL) {
        for (uint32_t i = 0; i < n->in.n; i++)
            if (node_in(g, n, i) != NO_ID && (!is_last(g, node_in(g, n, i)) || !same_rank(g, node_in(g, n, i), y)))
                return false;
        return true;
    }
    return (n->op->flags & OP_LAST) && is_last(g, x) && same_rank(g, x, y);
}

static bool takes_last(const graph *g, const node *n, uint32_t i) {
    if (is_pointwise(g, n) || (n->op->flags & OP_SHAPE_ONLY)) return true;
    if (n->op->flags & OP_LAST_ALL) return passes_on(g, n);
    return i == 0 && (n->op->flags & OP_LAST) && spatial(g, node_in(g, n, 0));
}

/* The row-major twin of v, made when first asked for. */
static sard_status row_copy(plan *q, value_id v, origin_id origin, value_id *out) {
    if (q->row[v] == NO_ID) {
        graph *g = q->g;
        value_id y;
        node_id id;
        TRY(graph_value(g, g->values[v].name, &g->values[v].type, &y, q->p->err));
        g->values[y].ints = g->values[v].ints;
        TRY(graph_node(g, q->reorder, &v, 1, &y, 1, NULL, 0, NULL, 0, origin, &id, q->p->err));
        q->row[v] = y;
    }
    *out = q->row[v];
    return SARD_OK;
}

static sard_status feed(plan *q, node_id id) {
    graph *g = q->g;
    for (uint32_t i = 0; i < g->nodes[id].in.n; i++) {
        value_id v = node_in(g, &g->nodes[id], i), copy;
        if (!is_last(g, v) || takes_last(g, &g->nodes[id], i)) continue;
        TRY(row_copy(q, v, g->nodes[id].origin, &copy));
        node_set_in(g, &g->nodes[id], i, copy);
    }
    if (g->nodes[id].captures.n == 0) return SARD_OK;
    for (uint32_t i = 0; i < g->nodes[id].captures.n; i++) { /* bodies see row-major values */
        value_id v = span_ids(g, g->nodes[id].captures)[i], copy;
        if (!is_last(g, v)) continue;
        TRY(row_copy(q, v, g->nodes[id].origin, &copy));
        span_ids(g, g->nodes[id].captures)[i] = copy;
    }
    return SARD_OK;
}

static void choose(plan *q, const node *n) {
    graph *g = q->g;
    value_id y = node_out(g, n, 0), x = node_in(g, n, 0);
    if (y == NO_ID || !spatial(g, y)) return;
    bool prefers = (n->op->flags & OP_PREFER_LAST) && x != NO_ID && spatial(g, x);
    if (!prefers && !passes_on(g, n)) return;
    if (n->out.n > 1 && node_out(g, n, 1) != NO_ID && !is_pointwise(g, n)) return; /* MaxPool's indices: row-major */
    if (prefers && is_last(g, x) == false && maker(g, x) && !(n->op->flags & OP_EPILOGUE))
        return; /* no copy for a pool */
    for (uint32_t i = 0; i < n->out.n; i++)
        if (node_out(g, n, i) != NO_ID && spatial(g, node_out(g, n, i)))
            g->values[node_out(g, n, i)].order = ORDER_LAST;
}

static sard_status outputs(plan *q) {
    graph *g = q->g;
    value_id *out = mem_alloc((g->n_outputs + 1) * sizeof *out);
    if (!out) return err_nomem(q->p->err, g->n_outputs * sizeof *out);
    sard_status s = SARD_OK;
    for (uint32_t i = 0; i < g->n_outputs && s == SARD_OK; i++) {
        out[i] = g->outputs[i];
        if (!is_last(g, out[i])) continue;
        s = row_copy(q, out[i], maker(g, out[i])->origin, &out[i]);
    }
    for (uint32_t i = 0; i < g->n_outputs && s == SARD_OK; i++) g->outputs[i] = out[i]; /* the names stay */
    mem_free(out);
    return s;
}

sard_status pass_layout(pass *p, graph *g) {
    bool gain = false;
    for (uint32_t i = 0; i < g->n_nodes; i++)
        gain |= !g->nodes[i].dead && (g->nodes[i].op->flags & OP_PREFER_LAST) && (g->nodes[i].op->flags & OP_EPILOGUE);
    plan q = {.p = p, .g = g, .reorder = op_find(p->m->ops, "sard", "Reorder")};
    if (!gain || !q.reorder || p->left == 0) return SARD_OK;
    node_id *order;
    uint32_t n, before = g->n_values;
    TRY(graph_order(g, &order, &n, p->err));
    q.row = mem_alloc((before + 1) * sizeof *q.row);
    sard_status s = q.row ? SARD_OK : err_nomem(p->err, before * sizeof *q.row);
    for (uint32_t i = 0; i < before && s == SARD_OK; i++) q.row[i] = NO_ID;
    for (uint32_t i = 0; i < n && s == SARD_OK; i++) {
        choose(&q, &g->nodes[order[i]]);
        s = mod_check(g->mod, p->err);
        if (s == SARD_OK) s = feed(&q, order[i]);
    }
    if (s == SARD_OK) s = outputs(&q);
    mem_free(q.row), mem_free(order);
    p->changes++;
    return s;
}
