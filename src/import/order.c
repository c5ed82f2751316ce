/*
 * order.c -- nodes of the file in an order in which each comes after what it needs.
 *
 * Files should be sorted already; then one pass says so. Otherwise: depth-first from each node in file order, with a
 * stack of its own. What a node needs includes the names its bodies do not define themselves.
 */
#include <stdio.h>

#include "import/importer.h"

typedef struct needs { /* nodes that node i needs: of[from[i]] ... of[from[i+1]-1] */
    importer *im;
    map64 makers; /* name -> index of the node that makes it */
    uint32_t *of;
    size_t n, cap;
    size_t *from;
    int depth;
} needs;

static sard_status need(needs *d, str name, const map64 *inner, uint32_t self, sard_error *err) {
    if (!name.n) return SARD_OK;
    const str_id id = strtab_find(&d->im->m->names, name.p, name.n);
    uint64_t maker, own;
    if (id == STR_FAIL || !map_get(&d->makers, id, &maker)) return SARD_OK;
    if (inner && (map_get(inner, id, &own) || maker == self)) return SARD_OK; /* a body's own, or found out later */
    void *items = d->of;
    if (mem_grow(&items, &d->cap, d->n + 1, sizeof *d->of)) return err_nomem(err, d->n * sizeof *d->of);
    d->of = items;
    d->of[d->n++] = (uint32_t)maker;
    return SARD_OK;
}

static sard_status own(needs *d, map64 *inner, str name, sard_error *err) {
    str_id id;
    if (!name.n) return SARD_OK;
    TRY(intern(d->im, name, &id, err));
    return map_put(inner, id, 1) ? err_nomem(err, 64) : SARD_OK;
}

static sard_status body_needs(needs *d, const onnx_graph *g, uint32_t self, sard_error *err);

static sard_status node_needs(needs *d, const onnx_node *n, const map64 *inner, uint32_t self, sard_error *err) {
    for (size_t i = 0; i < n->n_inputs; i++) TRY(need(d, n->inputs[i], inner, self, err));
    for (size_t i = 0; i < n->n_attrs; i++) {
        if (n->attrs[i].g) TRY(body_needs(d, n->attrs[i].g, self, err));
        for (size_t k = 0; k < n->attrs[i].n_graphs; k++) TRY(body_needs(d, &n->attrs[i].graphs[k], self, err));
    }
    return SARD_OK;
}

static sard_status body_names(needs *d, const onnx_graph *g, map64 *inner, uint32_t self, sard_error *err) {
    for (size_t i = 0; i < g->n_inputs; i++) TRY(own(d, inner, g->inputs[i].name, err));
    for (size_t i = 0; i < g->n_initializers; i++) TRY(own(d, inner, g->initializers[i].name, err));
    for (size_t i = 0; i < g->n_nodes; i++)
        for (size_t k = 0; k < g->nodes[i].n_outputs; k++) TRY(own(d, inner, g->nodes[i].outputs[k], err));
    for (size_t i = 0; i < g->n_nodes; i++) TRY(node_needs(d, &g->nodes[i], inner, self, err));
    for (size_t i = 0; i < g->n_outputs; i++) TRY(need(d, g->outputs[i].name, inner, self, err));
    return SARD_OK;
}

/* A name a body inside defines may also be one of the outer body's: then too much is needed, which does no harm unless
 * it closes a cycle; files with such names are not valid anyway. */
static sard_status body_needs(needs *d, const onnx_graph *g, uint32_t self, sard_error *err) {
    FAIL_IF(++d->depth > GRAPH_DEPTH_MAX, err, SARD_LIMIT, "bodies are nested deeper than %d", GRAPH_DEPTH_MAX);
    map64 inner = {0};
    const sard_status st = body_names(d, g, &inner, self, err);
    map_free(&inner);
    d->depth--;
    return st;
}

static sard_status collect(needs *d, const onnx_node *nodes, size_t n, sard_error *err) {
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < nodes[i].n_outputs; k++) {
            str_id id;
            if (!nodes[i].outputs[k].n) continue;
            TRY(intern(d->im, nodes[i].outputs[k], &id, err));
            if (map_put(&d->makers, id, i)) return err_nomem(err, 64);
        }
    }
    for (size_t i = 0; i < n; i++) {
        d->from[i] = d->n;
        TRY(node_needs(d, &nodes[i], NULL, (uint32_t)i, err));
    }
    d->from[n] = d->n;
    return SARD_OK;
}

static bool sorted(const needs *d, size_t n) {
    for (size_t i = 0; i < n; i++)
        for (size_t k = d->from[i]; k < d->from[i + 1]; k++)
            if (d->of[k] >= i) return false;
    return true;
}

typedef struct visit {
    uint32_t node;
    size_t next;
} visit;

/* False: a cycle, which is reported. */
static bool visit_from(needs *d, const onnx_node *nodes, uint32_t root, uint8_t *seen, visit *stack, uint32_t *order,
                       size_t *n) {
    size_t depth = 0;
    stack[depth++] = (visit){root, d->from[root]};
    seen[root] = 1;
    while (depth) {
        visit *top = &stack[depth - 1];
        if (top->next == d->from[top->node + 1]) {
            seen[top->node] = 2;
            order[(*n)++] = top->node;
            depth--;
            continue;
        }
        const uint32_t of = d->of[top->next++];
        if (seen[of] == 2) continue;
        if (seen[of] == 1) {
            char where[WHERE];
            problem_add(d->im->p, SARD_INVALID_MODEL, show_node(&nodes[of], of, where, sizeof where),
                        "is part of a cycle: its inputs depend on its own outputs");
            return false;
        }
        seen[of] = 1;
        stack[depth++] = (visit){of, d->from[of]};
    }
    return true;
}

/* *order keeps the file's order, or becomes NULL after a cycle. */
static sard_status sort(needs *d, const onnx_node *nodes, size_t n, uint32_t **order, sard_error *err) {
    uint8_t *seen = mem_calloc(n, 1);
    visit *stack = mem_alloc(n * sizeof *stack);
    size_t done = 0;
    const bool room = seen && stack;
    bool good = true;
    for (size_t i = 0; i < n && room && good; i++)
        if (!seen[i]) good = visit_from(d, nodes, (uint32_t)i, seen, stack, *order, &done);
    mem_free(seen);
    mem_free(stack);
    if (!good || !room) {
        mem_free(*order);
        *order = NULL;
    }
    return room ? SARD_OK : err_nomem(err, n * sizeof *stack);
}

sard_status import_order(importer *im, const onnx_node *nodes, size_t n, uint32_t **order, sard_error *err) {
    FAIL_IF(n >= NO_ID, err, SARD_LIMIT, "more than 2^32 nodes");
    needs d = {.im = im};
    d.from = mem_alloc((n + 1) * sizeof *d.from);
    *order = mem_alloc(n * sizeof **order);
    sard_status st = d.from && *order ? SARD_OK : err_nomem(err, n * sizeof *d.from);
    for (size_t i = 0; i < n && st == SARD_OK; i++) (*order)[i] = (uint32_t)i;
    if (st == SARD_OK) st = collect(&d, nodes, n, err);
    if (st == SARD_OK && !sorted(&d, n)) st = sort(&d, nodes, n, order, err);
    if (st != SARD_OK) {
        mem_free(*order);
        *order = NULL;
    }
    map_free(&d.makers);
    mem_free(d.of);
    mem_free(d.from);
    return st;
}
