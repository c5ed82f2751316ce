/*
 * export_version.c -- how old an opset may be for a node to be valid and mean what it means here.
 *
 * A node is at its operator's newest version. It may be older when import did not have to change it: then as old as in
 * its file. Or when the older version differs from the newest in nothing but element types that the node does not use:
 * the rows of same.inc. Words that a later version added to an attribute (Pad's wrap) do not show there, so a node with
 * a word of its own counts as new. Of operators from outside no other version than the file's is known.
 */
#include "import/exporter.h"

static const struct same {
    const char *op;
    int version;
    uint32_t types; /* that both versions treat alike */
} sames[] = {
#define SAME(op, version, types) {op, version, types},
#include "import/same.inc"
#undef SAME
};

/* The element types of the node's inputs and outputs, as bits; 0 when one is no tensor or not known. */
static uint32_t types_used(const graph *g, const node *n) {
    uint32_t used = 0;
    const span ends[] = {n->in, n->out};
    for (int k = 0; k < 2; k++) {
        for (uint32_t i = 0; i < ends[k].n; i++) {
            const value_id v = span_ids(g, ends[k])[i];
            if (v == NO_ID) continue;
            const vtype *t = &g->values[v].type;
            if (t->kind != SARD_KIND_TENSOR || !dtype_valid(t->dtype)) return 0;
            used |= DT(t->dtype);
        }
    }
    return used;
}

static int oldest_same(const graph *g, const node *n, int newest) {
    if (*n->op->domain) return newest;
    for (uint32_t i = 0; i < n->n_attrs; i++)
        if ((n->attrs[i].type == ATTR_STRING || n->attrs[i].type == ATTR_STRINGS) && !n->attrs[i].defaulted)
            return newest;
    const uint32_t used = types_used(g, n);
    int oldest = newest;
    for (size_t i = 0; i < sizeof sames / sizeof sames[0] && used; i++)
        if (sames[i].version < oldest && !(used & ~sames[i].types) && !strcmp(sames[i].op, n->op->name))
            oldest = sames[i].version;
    return oldest;
}

int export_version(const graph *g, const node *n) {
    const module *m = g->mod;
    if (n->op->flags & OP_ANY_ATTRS) { /* what a version changes there is known outside only: it stays what it was */
        const int64_t was = mod_opset(m, n->op->domain);
        return was > 0 && was <= INT32_MAX ? (int)was : op_newest(n->op);
    }
    const int oldest = oldest_same(g, n, op_newest(n->op));
    if (n->origin == NO_ID || n->origin >= m->n_origins || !m->origins[n->origin].unchanged) return oldest;
    const origin *o = &m->origins[n->origin];
    const char *was = mod_str(m, o->op), *name = n->op->name;
    const size_t len = strlen(was), tail = strlen(name), domain = strlen(n->op->domain);
    const bool same = len == tail + domain + (domain ? 1 : 0) && !strcmp(was + len - tail, name) &&
                      !strncmp(was, n->op->domain, domain);
    return same && o->version < oldest ? o->version : oldest;
}
