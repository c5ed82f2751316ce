/* nodes.c -- the nodes of a model, told one by one; groups of the optimiser as the nodes they hold. */
#include "api/api.h"

typedef struct teller {
    void (*fn)(void *user, const char *name, const char *domain, const char *op);
    void *user;
} teller;

static sard_status tell_graph(const teller *t, const graph *g, sard_error *err);

static sard_status tell_node(const teller *t, const graph *g, const node *n, sard_error *err) {
    const module *m = g->mod;
    if (n->op->flags & OP_INTERNAL) { /* neither a group nor a copy into another layout is a node of anybody's */
        if (!strcmp(n->op->name, "Fused") && node_body(g, n, 0)) return tell_graph(t, node_body(g, n, 0), err);
        if (!strcmp(n->op->name, "Reorder")) return SARD_OK;
    }
    strbuf name = {0};
    if (n->origin < m->n_origins && m->names.items[m->origins[n->origin].name].n) {
        const str path = m->names.items[m->origins[n->origin].path], own = m->names.items[m->origins[n->origin].name];
        sb_put(&name, path.p, path.n);
        if (path.n) sb_puts(&name, "/");
        sb_put(&name, own.p, own.n);
    }
    const sard_status st = name.failed ? err_nomem(err, name.n) : SARD_OK;
    if (st == SARD_OK) t->fn(t->user, name.n ? sb_str(&name) : "", n->op->domain, n->op->name);
    sb_free(&name);
    return st;
}

static sard_status tell_graph(const teller *t, const graph *g, sard_error *err) {
    node_id *order;
    uint32_t n;
    TRY(graph_order(g, &order, &n, err));
    sard_status st = SARD_OK;
    for (uint32_t i = 0; i < n && st == SARD_OK; i++) st = tell_node(t, g, &g->nodes[order[i]], err);
    mem_free(order);
    return st;
}

sard_status sard_model_nodes(const sard_model *m, int stage,
                             void (*fn)(void *user, const char *name, const char *domain, const char *op), void *user,
                             sard_error *err) {
    const module *mod = NULL;
    FAIL_IF(!m || !fn, err, SARD_INVALID_ARGUMENT, "nodes: the model or the function is NULL");
    TRY(api_stage(m, stage, &mod, err));
    const teller t = {fn, user};
    return tell_graph(&t, module_main(mod), err);
}
