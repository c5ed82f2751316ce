/*
 * align.c -- weights lie in the file at any byte. What is read by loops that do not mind (packers of products and
 * convolutions, gathers, pointwise programs) stays there; every other large constant at an odd address gets memory of its
 * own, so that operators may read it element by element. (Small ones were copied when they were read: values.c.)
 */
#include "import/importer.h"

/* Whether the node reads input i, whose element type is t, at any byte: pointwise programs do, others say so. */
static bool reads_anywhere(const node *n, uint32_t i, uint8_t t) {
    if (n->op->emit) return !dtype_in(t, DT_STRING | DT_COMPLEX);
    const formal *f = formal_at(n->op->in, n->op->n_in, i);
    return f && dtype_in(t, f->any_byte);
}

static void want(const graph *g, value_id v, bool *wanted) {
    if (v != NO_ID && g->values[v].constant != NO_ID) wanted[g->values[v].constant] = true;
}

/* Marks the constants that a graph reads element by element. */
static void look(const graph *g, bool *wanted) {
    for (uint32_t k = 0; k < g->n_outputs; k++) want(g, g->outputs[k], wanted);
    for (uint32_t k = 0; k < g->n_nodes; k++) {
        const node *n = &g->nodes[k];
        for (uint32_t i = 0; i < n->in.n; i++) {
            const value_id v = node_in(g, n, i);
            const const_id c = v != NO_ID ? g->values[v].constant : NO_ID;
            const tensor *t = c != NO_ID ? mod_const_tensor(g->mod, c) : NULL;
            if (t && !reads_anywhere(n, i, t->dtype)) wanted[c] = true;
        }
        for (uint32_t i = 0; i < n->captures.n; i++) want(g, g->ids[n->captures.at + i], wanted);
        for (uint32_t i = 0; i < n->n_attrs; i++)
            if (n->attrs[i].type == ATTR_TENSOR) wanted[n->attrs[i].tensor] = true;
    }
}

static sard_status own_memory(constant *c, sard_error *err) {
    sard_value *v;
    TRY(value_clone(c->v, &v, err));
    sard_value_unref(c->v);
    *c = (constant){.v = v};
    return SARD_OK;
}

sard_status import_align(module *m, sard_error *err) {
    bool *wanted = mem_calloc(m->n_constants, sizeof *wanted);
    if (!wanted) return err_nomem(err, m->n_constants);
    for (uint32_t g = 0; g < m->n_graphs; g++)
        if (m->graphs[g]) look(m->graphs[g], wanted);
    sard_status st = SARD_OK;
    for (const_id c = 0; c < m->n_constants && st == SARD_OK; c++) {
        const tensor *t = wanted[c] ? mod_const_tensor(m, c) : NULL;
        if (t && t->dtype != SARD_STRING && tensor_at_odd_address(t)) st = own_memory(&m->constants[c], err);
    }
    mem_free(wanted);
    return st;
}
