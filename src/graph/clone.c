/* clone.c -- a copy of a module to rewrite: ids stay what they are, constants are shared by reference. */
#include "graph/graph.h"

static sard_status clone_names(const module *m, module *c, sard_error *err) {
    for (uint32_t i = 0; i < m->names.n; i++) {
        str_id id;
        TRY(mod_intern(c, m->names.items[i].p, m->names.items[i].n, &id, err));
    }
    return SARD_OK;
}

static void *copy_array(const void *p, size_t n, size_t cap, size_t elem) {
    void *q = mem_alloc(cap * elem);
    if (q && n) memcpy(q, p, n * elem);
    return q;
}

static sard_status clone_tables(const module *m, module *c, sard_error *err) {
    for (uint32_t i = 0; i < m->n_constants; i++) {
        const_id id;
        TRY(mod_constant(c, sard_value_ref(m->constants[i].v), &id, err));
        c->constants[id].in_place = m->constants[i].in_place;
    }
    for (uint32_t i = 0; i < m->n_types; i++) {
        type_id id;
        TRY(mod_type(c, &m->types[i], &id, err));
        if (id != i) return err_set(err, SARD_INTERNAL, "two types that are equal");
    }
    for (uint32_t i = 0; i < m->n_origins; i++) {
        origin_id id;
        TRY(mod_origin(c, &m->origins[i], &id, err));
    }
    c->opsets = copy_array(m->opsets, m->n_opsets, m->n_opsets, sizeof *m->opsets);
    if (!c->opsets) return err_nomem(err, m->n_opsets * sizeof *m->opsets);
    c->n_opsets = m->n_opsets;
    return SARD_OK;
}

static sard_status clone_attr(module *c, attr *a, sard_error *err) {
    const void *copy = a;
    if (a->type == ATTR_STRING) {
        copy = a->s.p = arena_strn(&c->mem, a->s.p, a->s.n);
    } else if (a->type == ATTR_INTS) {
        copy = a->ints.v = arena_copy(&c->mem, a->ints.v, a->ints.n * sizeof *a->ints.v);
    } else if (a->type == ATTR_FLOATS) {
        copy = a->floats.v = arena_copy(&c->mem, a->floats.v, a->floats.n * sizeof *a->floats.v);
    } else if (a->type == ATTR_TENSORS) {
        copy = a->tensors.v = arena_copy(&c->mem, a->tensors.v, a->tensors.n * sizeof *a->tensors.v);
    } else if (a->type == ATTR_STRINGS) {
        str *v = arena_copy(&c->mem, a->strs.v, a->strs.n * sizeof *v);
        for (size_t i = 0; v && i < a->strs.n; i++)
            if (!(v[i].p = arena_strn(&c->mem, v[i].p, v[i].n))) return err_nomem(err, v[i].n);
        copy = a->strs.v = v;
    }
    return copy ? SARD_OK : err_nomem(err, 64);
}

static sard_status clone_graph(const graph *g, graph *c, sard_error *err) {
    arena *mem = &c->mod->mem;
    c->name = g->name;
    c->values = copy_array(g->values, g->n_values, g->n_values, sizeof *g->values);
    c->nodes = copy_array(g->nodes, g->n_nodes, g->n_nodes, sizeof *g->nodes);
    c->ids = copy_array(g->ids, g->n_ids, g->n_ids, sizeof *g->ids);
    if (!c->values || !c->nodes || !c->ids) return err_nomem(err, g->n_values * sizeof *g->values);
    c->n_values = g->n_values;
    c->cap_values = g->n_values;
    c->n_nodes = g->n_nodes;
    c->cap_nodes = g->n_nodes;
    c->n_ids = g->n_ids;
    c->cap_ids = g->n_ids;
    for (uint32_t i = 0; i < c->n_values; i++) {
        known *k = &c->values[i].ints;
        if (k->v && !(k->v = arena_copy(mem, k->v, k->n * sizeof *k->v))) return err_nomem(err, k->n * sizeof *k->v);
    }
    for (uint32_t i = 0; i < c->n_nodes; i++) {
        node *n = &c->nodes[i];
        n->attrs = arena_copy(mem, n->attrs, n->n_attrs * sizeof *n->attrs);
        if (!n->attrs) return err_nomem(err, n->n_attrs * sizeof *n->attrs);
        for (uint32_t k = 0; k < n->n_attrs; k++) TRY(clone_attr(c->mod, &n->attrs[k], err));
    }
    TRY(graph_set_inputs(c, g->inputs, g->n_inputs, err));
    TRY(graph_set_captures(c, g->captures, g->n_captures, err));
    TRY(graph_set_outputs(c, g->outputs, g->n_outputs, err));
    if (g->n_outputs) memcpy(c->output_names, g->output_names, g->n_outputs * sizeof *g->output_names);
    return SARD_OK;
}

static sard_status clone_into(const module *m, module *c, sard_error *err) {
    TRY(clone_names(m, c, err));
    TRY(clone_tables(m, c, err));
    for (uint32_t i = 0; i < m->n_graphs; i++) {
        graph *g = i ? NULL : module_main(c);
        if (i) TRY(graph_new(c, &g, err));
        if (m->graphs[i]) {
            TRY(clone_graph(m->graphs[i], g, err));
        } else {
            mem_free(g);
            c->graphs[i] = NULL;
        }
    }
    return SARD_OK;
}

sard_status module_clone(const module *m, module **out, sard_error *err) {
    module *c;
    TRY(module_new(m->ops, &c, err));
    const sard_status st = clone_into(m, c, err);
    if (st != SARD_OK) {
        module_free(c);
        return st;
    }
    *out = c;
    return SARD_OK;
}
