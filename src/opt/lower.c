/*
 * lower.c -- composed operators become the nodes they are made of, where they stand and with their origin.
 */
#include "opt/pass.h"

typedef struct frame { /* what one call of lower is given, with memory for it */
    const vtype **in;
    vtype *types;
    known *ints;
    const tensor **constants;
    value_id *out;
    bool *wanted;
    void *memory;
} frame;

static sard_status frame_new(frame *f, const graph *g, const node *n, const uint32_t *uses, sard_error *err) {
    size_t k = n->in.n, q = n->out.n;
    size_t bytes = k * (sizeof *f->in + sizeof *f->types + sizeof *f->ints + sizeof *f->constants) +
                   q * (sizeof *f->out + sizeof *f->wanted) + 64;
    char *p = f->memory = mem_calloc(1, bytes);
    if (!p) return err_nomem(err, bytes);
    f->types = (vtype *)(void *)p, p += k * sizeof *f->types;
    f->ints = (known *)(void *)p, p += k * sizeof *f->ints;
    f->in = (const vtype **)(void *)p, p += k * sizeof *f->in;
    f->constants = (const tensor **)(void *)p, p += k * sizeof *f->constants;
    f->out = (value_id *)(void *)p, p += q * sizeof *f->out;
    f->wanted = (bool *)p;
    for (uint32_t i = 0; i < k; i++) {
        value_id v = node_in(g, n, i);
        if (v == NO_ID) continue;
        f->types[i] = g->values[v].type, f->in[i] = &f->types[i];
        f->ints[i] = g->values[v].ints;
        f->constants[i] = const_of(g, v);
    }
    for (uint32_t i = 0; i < q; i++) {
        value_id v = node_out(g, n, i);
        f->out[i] = NO_ID;
        f->wanted[i] = v != NO_ID && uses[v] > 0;
    }
    return SARD_OK;
}

static sard_status replace_outputs(graph *g, const node *n, const frame *f, sard_error *err) {
    char where[300];
    for (uint32_t i = 0; i < n->out.n; i++) {
        value_id v = node_out(g, n, i);
        if (v == NO_ID || !f->wanted[i]) continue;
        FAIL_IF(f->out[i] == NO_ID, err, SARD_INTERNAL, "%s: lowering gave no output %u",
                node_where(g, n, where, sizeof where), i);
        graph_replace(g, v, f->out[i]);
    }
    return SARD_OK;
}

static sard_status lower_one(pass *p, graph *g, node_id id, const uint32_t *uses, bool *did) {
    node copy = g->nodes[id];
    frame f = {0};
    char where[300];
    TRY(frame_new(&f, g, &copy, uses, p->err));
    lower_ctx c = {.b = builder_at(g, copy.origin, p->err),
                   .node = &copy,
                   .in = f.in,
                   .in_known = f.ints,
                   .in_const = f.constants,
                   .n_in = copy.in.n,
                   .out = f.out,
                   .wanted = f.wanted,
                   .n_out = copy.out.n};
    sard_status s = copy.op->lower(&c, p->err);
    if (s == SARD_OK) s = builder_result(&c.b);
    if (s == SARD_OK && !c.keep) {
        s = replace_outputs(g, &copy, &f, p->err);
        node_kill(g, id);
        *did = true;
    } else if (s != SARD_OK) {
        s = err_context(p->err, s, "%s", node_where(g, &copy, where, sizeof where));
    }
    mem_free(f.memory);
    return s;
}

sard_status pass_lower(pass *p, graph *g) {
    uint32_t n = g->n_nodes;
    for (uint32_t i = 0; i < n; i++) { /* nodes that lowering adds are looked at in the next round */
        if (g->nodes[i].dead || !g->nodes[i].op->lower) continue;
        TRY(mod_check(g->mod, p->err));
        uint32_t *uses = mem_calloc(g->n_values + 1, sizeof *uses);
        if (!uses) return err_nomem(p->err, g->n_values * sizeof *uses);
        graph_count_uses(g, uses);
        bool did = false;
        sard_status s = lower_one(p, g, i, uses, &did);
        mem_free(uses);
        TRY(s);
        p->changes += did;
    }
    return SARD_OK;
}
