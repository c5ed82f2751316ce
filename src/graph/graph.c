/*
 * graph.c -- values and nodes: adding, capturing, replacing, ordering.
 *
 * A node's lists are spans of one array of ids per graph; a list that grows in the middle of it moves to the end.
 */
#include "graph/graph.h"

#include <stdio.h>

static sard_status room(void **items, size_t *cap, size_t need, size_t elem, sard_error *err) {
    if (need > UINT32_MAX - 1) return err_set(err, SARD_LIMIT, "more than 2^32 items in one graph");
    return mem_grow(items, cap, need, elem) ? err_nomem(err, need * elem) : SARD_OK;
}

/* ---- values ------------------------------------------------------------------------------------------------------- */

sard_status graph_value(graph *g, str_id name, const vtype *t, value_id *out, sard_error *err) {
    const vtype type = t ? *t : type_unknown(); /* t may point into the array that moves now */
    void *items = g->values;
    TRY(room(&items, &g->cap_values, (size_t)g->n_values + 1, sizeof *g->values, err));
    g->values = items;
    g->values[g->n_values] = (value){.name = name, .def = NO_ID, .constant = NO_ID, .declared = NO_ID, .type = type};
    *out = g->n_values++;
    return SARD_OK;
}

sard_status value_set_constant(graph *g, value_id v, const_id c, sard_error *err) {
    value *x = &g->values[v];
    x->constant = c;
    x->ints = (known){0};
    const tensor *t = mod_const_tensor(g->mod, c);
    if (!t) return SARD_OK;
    x->type = type_of_tensor(t);
    const int64_t count = tensor_count(t);
    if ((t->dtype != SARD_I64 && t->dtype != SARD_I32) || count < 0 || count > KNOWN_MAX) return SARD_OK;
    int64_t *ints = arena_alloc(&g->mod->mem, (size_t)count * sizeof *ints);
    if (!ints) return err_nomem(err, (size_t)count * sizeof *ints);
    for (int64_t i = 0; i < count; i++) {
        ints[i] = tensor_get_i64(t, i);
        if (!dim_known(ints[i])) return SARD_OK; /* numbers that the coding cannot tell from symbols */
    }
    x->ints = (known){ints, (uint32_t)count};
    return SARD_OK;
}

sard_status graph_const_value(graph *g, str_id name, sard_value *take, value_id *out, sard_error *err) {
    const_id c;
    TRY(mod_constant(g->mod, take, &c, err));
    TRY(graph_value(g, name, NULL, out, err));
    return value_set_constant(g, *out, c, err);
}

/* ---- nodes -------------------------------------------------------------------------------------------------------- */

static sard_status add_ids(graph *g, const uint32_t *v, uint32_t n, span *out, sard_error *err) {
    void *items = g->ids;
    TRY(room(&items, &g->cap_ids, (size_t)g->n_ids + n, sizeof *g->ids, err));
    g->ids = items;
    *out = (span){g->n_ids, n};
    if (n) memcpy(g->ids + g->n_ids, v, n * sizeof *v);
    g->n_ids += n;
    return SARD_OK;
}

sard_status graph_node(graph *g, const op_def *op, const value_id *in, uint32_t n_in, const value_id *out,
                       uint32_t n_out, const attr *attrs, uint32_t n_attrs, const graph_id *bodies, uint32_t n_bodies,
                       origin_id origin, node_id *id, sard_error *err) {
    void *items = g->nodes;
    TRY(room(&items, &g->cap_nodes, (size_t)g->n_nodes + 1, sizeof *g->nodes, err));
    g->nodes = items;
    node n = {.op = op, .origin = origin, .n_attrs = n_attrs};
    if (n_attrs) {
        n.attrs = arena_copy(&g->mod->mem, attrs, n_attrs * sizeof *attrs);
        if (!n.attrs) return err_nomem(err, n_attrs * sizeof *attrs);
    }
    TRY(add_ids(g, in, n_in, &n.in, err));
    TRY(add_ids(g, out, n_out, &n.out, err));
    TRY(add_ids(g, bodies, n_bodies, &n.bodies, err));
    n.captures = (span){g->n_ids, 0};
    for (uint32_t i = 0; i < n_out; i++) {
        if (out[i] == NO_ID) continue;
        g->values[out[i]].def = g->n_nodes;
        g->values[out[i]].def_out = i;
    }
    *id = g->n_nodes;
    g->nodes[g->n_nodes++] = n;
    return SARD_OK;
}

static sard_status set_list(graph *g, value_id **list, uint32_t *count, const value_id *v, uint32_t n,
                            sard_error *err) {
    value_id *copy = arena_copy(&g->mod->mem, v, n * sizeof *v);
    if (!copy) return err_nomem(err, n * sizeof *v);
    *list = copy;
    *count = n;
    return SARD_OK;
}

sard_status graph_set_inputs(graph *g, const value_id *v, uint32_t n, sard_error *err) {
    return set_list(g, &g->inputs, &g->n_inputs, v, n, err);
}

sard_status graph_set_outputs(graph *g, const value_id *v, uint32_t n, sard_error *err) {
    str_id *names = arena_alloc(&g->mod->mem, n * sizeof *names);
    if (!names) return err_nomem(err, n * sizeof *names);
    for (uint32_t i = 0; i < n; i++) {
        names[i] = v[i] == NO_ID ? 0 : g->values[v[i]].name;
        if (n == g->n_outputs && (!names[i] || v[i] == g->outputs[i])) names[i] = g->output_names[i];
    }
    TRY(set_list(g, &g->outputs, &g->n_outputs, v, n, err));
    g->output_names = names;
    return SARD_OK;
}

sard_status graph_set_captures(graph *g, const value_id *v, uint32_t n, sard_error *err) {
    return set_list(g, &g->captures, &g->n_captures, v, n, err);
}

sard_status node_set_captures(graph *g, node_id n, const value_id *v, uint32_t k, sard_error *err) {
    span s;
    TRY(add_ids(g, v, k, &s, err));
    g->nodes[n].captures = s;
    return SARD_OK;
}

sard_status node_add_capture(graph *g, node_id n, value_id v, uint32_t *index, sard_error *err) {
    const span old = g->nodes[n].captures;
    for (uint32_t i = 0; i < old.n; i++) {
        if (g->ids[old.at + i] == v) {
            *index = i;
            return SARD_OK;
        }
    }
    span s = old;
    if (old.n && old.at + old.n != g->n_ids) { /* not the last list: moves to the end */
        span moved;
        TRY(add_ids(g, NULL, 0, &moved, err));
        for (uint32_t i = 0; i < old.n; i++) {
            const uint32_t id = g->ids[old.at + i];
            TRY(add_ids(g, &id, 1, &(span){0}, err));
        }
        s.at = moved.at;
    } else if (!old.n) {
        s.at = g->n_ids;
    }
    TRY(add_ids(g, &v, 1, &(span){0}, err));
    s.n = old.n + 1;
    for (uint32_t i = 0; i < g->nodes[n].bodies.n; i++) {
        graph *b = node_body(g, &g->nodes[n], i);
        if (!b) continue;
        value_id inner, *list = arena_alloc(&g->mod->mem, (b->n_captures + (size_t)1) * sizeof *list);
        if (!list) return err_nomem(err, (b->n_captures + (size_t)1) * sizeof *list);
        TRY(graph_value(b, g->values[v].name, &g->values[v].type, &inner, err));
        if (b->n_captures) memcpy(list, b->captures, b->n_captures * sizeof *list);
        list[b->n_captures++] = inner;
        b->captures = list;
    }
    g->nodes[n].captures = s;
    *index = old.n;
    return SARD_OK;
}

value_id node_in(const graph *g, const node *n, uint32_t i) { return i < n->in.n ? g->ids[n->in.at + i] : NO_ID; }
value_id node_out(const graph *g, const node *n, uint32_t i) { return i < n->out.n ? g->ids[n->out.at + i] : NO_ID; }

graph *node_body(const graph *g, const node *n, uint32_t i) {
    return i < n->bodies.n ? g->mod->graphs[g->ids[n->bodies.at + i]] : NULL;
}

const attr *node_attr_named(const graph *g, const node *n, const char *name) {
    const str_id id = strtab_find(&g->mod->names, name, strlen(name));
    for (uint32_t i = 0; id != STR_FAIL && i < n->n_attrs; i++)
        if (n->attrs[i].name == id && n->attrs[i].type != ATTR_NONE) return &n->attrs[i];
    return NULL;
}

void node_set_in(graph *g, node *n, uint32_t i, value_id v) { g->ids[n->in.at + i] = v; }

void node_kill(graph *g, node_id n) {
    node *x = &g->nodes[n];
    x->dead = true;
    for (uint32_t i = 0; i < x->out.n; i++) {
        const value_id v = g->ids[x->out.at + i];
        if (v != NO_ID && g->values[v].def == n) g->values[v].def = NO_ID;
    }
}

/* ---- uses --------------------------------------------------------------------------------------------------------- */

static uint32_t span_replace(graph *g, span s, value_id from, value_id to) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < s.n; i++) {
        if (g->ids[s.at + i] != from) continue;
        g->ids[s.at + i] = to;
        n++;
    }
    return n;
}

/* Counts the uses of `from` and makes them `to`. */
static uint32_t each_use(graph *g, value_id from, value_id to) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        if (g->nodes[i].dead) continue;
        n += span_replace(g, g->nodes[i].in, from, to);
        n += span_replace(g, g->nodes[i].captures, from, to);
    }
    for (uint32_t i = 0; i < g->n_outputs; i++) {
        if (g->outputs[i] != from) continue;
        g->outputs[i] = to;
        n++;
    }
    return n;
}

void graph_replace(graph *g, value_id from, value_id to) { each_use(g, from, to); }

void graph_count_uses(const graph *g, uint32_t *uses) {
    memset(uses, 0, g->n_values * sizeof *uses);
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        const node *n = &g->nodes[i];
        if (n->dead) continue;
        for (uint32_t k = 0; k < n->in.n; k++)
            if (g->ids[n->in.at + k] != NO_ID) uses[g->ids[n->in.at + k]]++;
        for (uint32_t k = 0; k < n->captures.n; k++) uses[g->ids[n->captures.at + k]]++;
    }
    for (uint32_t i = 0; i < g->n_outputs; i++) uses[g->outputs[i]]++;
}

static uint32_t span_count(const graph *g, span s, value_id v) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < s.n; i++) n += g->ids[s.at + i] == v;
    return n;
}

uint32_t graph_uses(const graph *g, value_id v) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < g->n_nodes; i++)
        if (!g->nodes[i].dead) n += span_count(g, g->nodes[i].in, v) + span_count(g, g->nodes[i].captures, v);
    for (uint32_t i = 0; i < g->n_outputs; i++) n += g->outputs[i] == v;
    return n;
}

bool graph_is_output(const graph *g, value_id v) {
    for (uint32_t i = 0; i < g->n_outputs; i++)
        if (g->outputs[i] == v) return true;
    return false;
}

void graph_compact(graph *g) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        if (g->nodes[i].dead) continue;
        g->nodes[n] = g->nodes[i];
        for (uint32_t k = 0; k < g->nodes[n].out.n && n != i; k++) {
            const value_id v = g->ids[g->nodes[n].out.at + k];
            if (v != NO_ID && g->values[v].def == i) g->values[v].def = n;
        }
        n++;
    }
    g->n_nodes = n;
}

/* ---- order -------------------------------------------------------------------------------------------------------- */

typedef struct visit {
    node_id n;
    uint32_t next; /* input or capture to look at next */
} visit;

/* The definition of the node's k-th input or capture; NO_ID without. */
static node_id dependency(const graph *g, const node *n, uint32_t k) {
    const value_id v = k < n->in.n ? g->ids[n->in.at + k] : g->ids[n->captures.at + k - n->in.n];
    const node_id d = v == NO_ID ? NO_ID : g->values[v].def;
    return d == NO_ID || g->nodes[d].dead ? NO_ID : d;
}

static sard_status visit_from(const graph *g, node_id root, uint8_t *seen, visit *stack, node_id *order, uint32_t *n,
                              sard_error *err) {
    uint32_t depth = 0;
    stack[depth++] = (visit){root, 0};
    seen[root] = 1;
    while (depth) {
        visit *top = &stack[depth - 1];
        const node *x = &g->nodes[top->n];
        if (top->next == x->in.n + x->captures.n) {
            seen[top->n] = 2;
            order[(*n)++] = top->n;
            depth--;
            continue;
        }
        const node_id d = dependency(g, x, top->next++);
        if (d == NO_ID || seen[d] == 2) continue;
        if (seen[d] == 1) {
            char where[300];
            return err_set(err, SARD_INVALID_MODEL, "%s is part of a cycle: its inputs depend on its own outputs",
                           node_where(g, &g->nodes[d], where, sizeof where));
        }
        seen[d] = 1;
        stack[depth++] = (visit){d, 0};
    }
    return SARD_OK;
}

sard_status graph_order(const graph *g, node_id **order, uint32_t *n, sard_error *err) {
    const size_t nodes = g->n_nodes;
    uint8_t *seen = mem_calloc(nodes, 1);
    visit *stack = mem_alloc(nodes * sizeof *stack);
    node_id *ids = mem_alloc(nodes * sizeof *ids);
    sard_status st = seen && stack && ids ? SARD_OK : err_nomem(err, nodes * sizeof *stack);
    *n = 0;
    for (uint32_t i = 0; i < nodes && st == SARD_OK; i++)
        if (!g->nodes[i].dead && !seen[i]) st = visit_from(g, i, seen, stack, ids, n, err);
    mem_free(seen);
    mem_free(stack);
    if (st != SARD_OK) {
        mem_free(ids);
        ids = NULL;
        *n = 0;
    }
    *order = ids;
    return st;
}
