/*
 * clean.c -- identities go, constants are handed into bodies, nodes that nobody uses die.
 */
#include "opt/pass.h"

/* ---- nodes that give their input back ------------------------------------------------------------------------------ */

static bool keeps_order(
    const node *n) { /* a Transpose that moves only axes of extent 1 is rare: perm alone is looked at */
    const attr *perm = &n->attrs[0];
    if (perm->type != ATTR_INTS) return false;
    for (size_t i = 0; i < perm->ints.n; i++)
        if (perm->ints.v[i] != (int64_t)i) return false;
    return true;
}

/* The input that the node's only output equals, bit for bit; NO_ID: it does something. */
static value_id same_as(const graph *g, const node *n) {
    static const char *const views[] = {"Reshape", "Squeeze", "Unsqueeze", "Flatten", "Expand", "Tile"};
    static const char *const singles[] = {"Sum", "Min", "Max", "Concat"};
    value_id x = node_in(g, n, 0), y = node_out(g, n, 0);
    if (n->out.n != 1 || x == NO_ID || y == NO_ID) return NO_ID;
    const vtype *tx = &g->values[x].type, *ty = &g->values[y].type;
    if (is_op(n, "Identity")) return x;
    if (is_op(n, "Cast")) return tx->dtype && tx->dtype == ty->dtype ? x : NO_ID;
    if (is_op(n, "Transpose")) return keeps_order(n) ? x : NO_ID;
    for (size_t i = 0; i < OP_COUNT(views); i++)
        if (is_op(n, views[i])) return same_shape(tx, ty) ? x : NO_ID;
    for (size_t i = 0; i < OP_COUNT(singles); i++)
        if (is_op(n, singles[i])) return n->in.n == 1 ? x : NO_ID;
    return NO_ID;
}

/* What takes v's place: to[v], or what takes that one's, and so on; v itself where nothing does. Shortens the way. */
static value_id replaced(value_id *to, value_id v) {
    for (; to[v] != v; v = to[v]) to[v] = to[to[v]];
    return v;
}

static void replace_all(graph *g, value_id *to) {
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        node *n = &g->nodes[i];
        if (n->dead) continue;
        for (uint32_t k = 0; k < n->in.n; k++)
            if (node_in(g, n, k) != NO_ID) node_set_in(g, n, k, replaced(to, node_in(g, n, k)));
        for (uint32_t k = 0; k < n->captures.n; k++)
            g->ids[n->captures.at + k] = replaced(to, g->ids[n->captures.at + k]);
    }
    for (uint32_t i = 0; i < g->n_outputs; i++)
        if (g->outputs[i] != NO_ID) g->outputs[i] = replaced(to, g->outputs[i]);
}

/* One walk finds them all and one replaces what they make: a long chain takes no longer than others. */
static sard_status drop_identities(pass *p, graph *g) {
    value_id *to = mem_alloc((g->n_values + 1) * sizeof *to);
    if (!to) return err_nomem(p->err, g->n_values * sizeof *to);
    for (uint32_t v = 0; v < g->n_values; v++) to[v] = v;
    sard_status s = SARD_OK;
    for (uint32_t i = 0; i < g->n_nodes && s == SARD_OK; i++) {
        node *n = &g->nodes[i];
        s = mod_check(g->mod, p->err);
        if (s != SARD_OK || n->dead) continue;
        if (n->in.n && node_in(g, n, 0) != NO_ID) node_set_in(g, n, 0, replaced(to, node_in(g, n, 0)));
        value_id x = same_as(g, n);
        if (x == NO_ID || !pass_may(p, g, n, "gives its input back: removed")) continue;
        to[node_out(g, n, 0)] = x;
        node_kill(g, i);
    }
    replace_all(g, to);
    mem_free(to);
    return s;
}

/* ---- constants that bodies capture ---------------------------------------------------------------------------------- */

/* Capture k of node n: is its outer value a constant? Then each body gets it as one of its own. */
static sard_status hand_in(graph *g, const node *n, uint32_t k, sard_error *err) {
    const value *outer = &g->values[span_ids(g, n->captures)[k]];
    for (uint32_t b = 0; b < n->bodies.n; b++) {
        graph *body = node_body(g, n, b);
        value_id mine = body->captures[k], made;
        sard_value *v = sard_value_ref(g->mod->constants[outer->constant].v);
        TRY(graph_const_value(body, body->values[mine].name, v, &made, err));
        graph_replace(body, mine, made);
    }
    return SARD_OK;
}

static sard_status drop_captures(pass *p, graph *g) {
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        if (g->nodes[i].dead || g->nodes[i].captures.n == 0) continue;
        TRY(mod_check(g->mod, p->err));
        const node n = g->nodes[i];
        uint32_t k = n.captures.n, left = 0;
        value_id *keep = mem_alloc(2 * (k + 1) * sizeof *keep);
        bool *gone = mem_calloc(k + 1, sizeof *gone);
        sard_status s = keep && gone ? SARD_OK : err_nomem(p->err, k * sizeof *keep);
        for (uint32_t q = 0; q < k && s == SARD_OK; q++) {
            value_id v = span_ids(g, n.captures)[q];
            uint32_t used = 0;
            for (uint32_t b = 0; b < n.bodies.n; b++)
                used += graph_uses(node_body(g, &n, b), node_body(g, &n, b)->captures[q]);
            bool constant = const_of(g, v) != NULL;
            gone[q] = (constant || used == 0) && pass_may(p, g, &n, "a captured value is constant or not used");
            if (gone[q] && constant) s = hand_in(g, &n, q, p->err);
            if (!gone[q]) keep[left++] = v;
        }
        if (s == SARD_OK && left < k) {
            s = node_set_captures(g, i, keep, left, p->err);
            for (uint32_t b = 0; b < n.bodies.n && s == SARD_OK; b++) {
                graph *body = node_body(g, &n, b);
                uint32_t m = 0;
                for (uint32_t q = 0; q < k; q++)
                    if (!gone[q]) keep[m++] = body->captures[q];
                s = graph_set_captures(body, keep, m, p->err);
            }
        }
        mem_free(keep), mem_free(gone);
        TRY(s);
    }
    return SARD_OK;
}

/* ---- dead nodes ----------------------------------------------------------------------------------------------------- */

static void drop_body(module *m, graph_id id) { /* the bodies inside it, too: they are reached no more */
    graph *g = m->graphs[id];
    if (!g) return;
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        if (g->nodes[i].dead) continue;
        for (uint32_t b = 0; b < g->nodes[i].bodies.n; b++) drop_body(m, span_ids(g, g->nodes[i].bodies)[b]);
        node_kill(g, i);
    }
    g->n_outputs = g->n_inputs = g->n_captures = 0;
}

static sard_status drop_dead(pass *p, graph *g) {
    node_id *order;
    uint32_t n;
    TRY(graph_order(g, &order, &n, p->err));
    uint32_t *uses = mem_calloc(g->n_values + 1, sizeof *uses);
    if (!uses) {
        mem_free(order);
        return err_nomem(p->err, g->n_values * sizeof *uses);
    }
    graph_count_uses(g, uses);
    while (n--) { /* from the end: what only dead nodes use dies in the same walk */
        node *x = &g->nodes[order[n]];
        bool used = false;
        for (uint32_t i = 0; i < x->out.n; i++) {
            value_id v = node_out(g, x, i);
            used |= v != NO_ID && uses[v] > 0;
        }
        if (used) continue;
        for (uint32_t i = 0; i < x->in.n + x->captures.n; i++) {
            value_id v = i < x->in.n ? node_in(g, x, i) : span_ids(g, x->captures)[i - x->in.n];
            if (v != NO_ID && uses[v]) uses[v]--;
        }
        for (uint32_t b = 0; b < x->bodies.n; b++) drop_body(p->m, span_ids(g, x->bodies)[b]);
        node_kill(g, order[n]);
        p->changes++; /* costs no budget: nothing can depend on it */
    }
    mem_free(uses), mem_free(order);
    return SARD_OK;
}

sard_status pass_clean(pass *p, graph *g) {
    TRY(drop_identities(p, g));
    TRY(drop_captures(p, g));
    return drop_dead(p, g);
}
