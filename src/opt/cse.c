/*
 * cse.c -- common subexpressions: of two nodes with the same operator, attributes and inputs, the second goes. Small
 * equal constants become one value first, so that nodes on them are seen to be equal.
 */
#include "opt/pass.h"

enum { SMALL = 256 }; /* bytes of a constant that is compared */

static uint64_t hash_u64(uint64_t h, uint64_t v) { return hash_bytes(&v, sizeof v, h); }

static uint64_t attr_hash(const attr *a, uint64_t h) {
    h = hash_u64(h, a->type);
    switch (a->type) {
    case ATTR_INT:
        return hash_u64(h, (uint64_t)a->i);
    case ATTR_FLOAT:
        return hash_bytes(&a->f, sizeof a->f, h);
    case ATTR_STRING:
        return hash_bytes(a->s.p, a->s.n, h);
    case ATTR_INTS:
        return hash_bytes(a->ints.v, a->ints.n * sizeof *a->ints.v, h);
    case ATTR_FLOATS:
        return hash_bytes(a->floats.v, a->floats.n * sizeof *a->floats.v, h);
    default:
        return h;
    }
}

static bool attr_equal(const attr *a, const attr *b) {
    if (a->type != b->type || a->name != b->name) return false;
    switch (a->type) {
    case ATTR_NONE:
        return true;
    case ATTR_INT:
        return a->i == b->i;
    case ATTR_FLOAT:
        return memcmp(&a->f, &b->f, sizeof a->f) == 0;
    case ATTR_STRING:
        return str_eq(a->s, b->s);
    case ATTR_INTS:
        return a->ints.n == b->ints.n && !memcmp(a->ints.v, b->ints.v, a->ints.n * sizeof *a->ints.v);
    case ATTR_FLOATS:
        return a->floats.n == b->floats.n && !memcmp(a->floats.v, b->floats.v, a->floats.n * sizeof *a->floats.v);
    case ATTR_TENSOR:
        return a->tensor == b->tensor;
    case ATTR_TYPE:
        return a->vt == b->vt;
    default:
        return false;
    }
}

static bool comparable(const node *n) {
    return !n->dead && n->bodies.n == 0 && !(n->op->flags & (OP_RANDOM | OP_ANY_ATTRS | OP_INTERNAL));
}

static uint64_t node_hash(const graph *g, const node *n) {
    uint64_t h = hash_u64((uint64_t)(uintptr_t)n->op, n->out.n);
    for (uint32_t i = 0; i < n->in.n; i++) h = hash_u64(h, node_in(g, n, i));
    for (uint32_t i = 0; i < n->n_attrs; i++) h = attr_hash(&n->attrs[i], h);
    return h;
}

static bool node_equal(const graph *g, const node *a, const node *b) {
    if (a->op != b->op || a->out.n != b->out.n || a->in.n != b->in.n || a->n_attrs != b->n_attrs) return false;
    for (uint32_t i = 0; i < a->in.n; i++)
        if (node_in(g, a, i) != node_in(g, b, i)) return false;
    for (uint32_t i = 0; i < a->out.n; i++) /* an output left out may be needed of the other */
        if ((node_out(g, a, i) == NO_ID) != (node_out(g, b, i) == NO_ID)) return false;
    for (uint32_t i = 0; i < a->n_attrs; i++)
        if (!attr_equal(&a->attrs[i], &b->attrs[i])) return false;
    return true;
}

static bool const_equal(const tensor *a, const tensor *b) {
    shape x = shape_of(a), y = shape_of(b);
    return a->dtype == b->dtype && shape_eq(&x, &y) && memcmp(tensor_data(a), tensor_data(b), tensor_bytes(a)) == 0;
}

/* Equal small constants: later ones give way. */
static sard_status merge_constants(pass *p, graph *g, map64 *seen) {
    for (value_id v = 0; v < g->n_values; v++) {
        const tensor *t = const_of(g, v);
        if (!t || t->dtype == SARD_STRING || tensor_bytes(t) > SMALL) continue;
        TRY(mod_check(g->mod, p->err));
        uint64_t h = hash_bytes(tensor_data(t), tensor_bytes(t), hash_u64(t->dtype, t->rank)), other;
        h = hash_bytes(t->dim, t->rank * sizeof *t->dim, h);
        if (map_get(seen, h, &other) && other != v && const_equal(t, const_of(g, (value_id)other))) {
            if (graph_uses(g, v)) graph_replace(g, v, (value_id)other), p->changes++;
        } else if (map_put(seen, h, v))
            return err_nomem(p->err, sizeof h);
    }
    return SARD_OK;
}

static sard_status merge_nodes(pass *p, graph *g, map64 *seen) {
    node_id *order;
    uint32_t n;
    TRY(graph_order(g, &order, &n, p->err));
    sard_status s = SARD_OK;
    for (uint32_t i = 0; i < n && s == SARD_OK; i++) {
        node *x = &g->nodes[order[i]];
        s = mod_check(g->mod, p->err);
        if (s != SARD_OK || !comparable(x)) continue;
        uint64_t h = node_hash(g, x), other;
        if (map_get(seen, h, &other) && node_equal(g, &g->nodes[other], x) &&
            pass_may(p, g, x, "computes what another node computes: removed")) {
            for (uint32_t k = 0; k < x->out.n; k++)
                if (node_out(g, x, k) != NO_ID) graph_replace(g, node_out(g, x, k), node_out(g, &g->nodes[other], k));
            node_kill(g, order[i]);
        } else if (map_put(seen, h, order[i])) {
            s = err_nomem(p->err, sizeof h);
        }
    }
    mem_free(order);
    return s;
}

sard_status pass_cse(pass *p, graph *g) {
    map64 constants = {0}, nodes = {0};
    sard_status s = merge_constants(p, g, &constants);
    if (s == SARD_OK) s = merge_nodes(p, g, &nodes);
    map_free(&constants), map_free(&nodes);
    return s;
}
