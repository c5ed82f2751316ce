/*
 * fold.c -- what depends on constants alone is computed now.
 *
 * Two sources: inference knows an integer value without reading data (the shape of a static input), or all inputs of a
 * node are constants and the evaluator runs it. What would grow the model much is left to the run.
 */
#include "opt/pass.h"

enum { GROWTH = 1 << 20 }; /* a folded value may be this much larger than its inputs */

/* Every use of v is given the constant instead (taken over); what made v is dead then, unless it makes more. */
static sard_status becomes(graph *g, value_id v, sard_value *take, sard_error *err) {
    value_id c;
    TRY(graph_const_value(g, g->values[v].name, take, &c, err));
    graph_replace(g, v, c);
    return SARD_OK;
}

/* A value whose integers inference knows becomes a constant. */
static sard_status fold_known(pass *p, graph *g, value_id v, bool *did) {
    const value *x = &g->values[v];
    shape s;
    if (x->constant != NO_ID || x->def == NO_ID || !x->ints.v || !type_shape(&x->type, &s)) return SARD_OK;
    if (!dtype_in(x->type.dtype, DT(SARD_I64) | DT(SARD_I32)) || shape_count(&s) != (int64_t)x->ints.n) return SARD_OK;
    for (uint32_t i = 0; i < x->ints.n; i++)
        if (!dim_known(x->ints.v[i])) return SARD_OK;
    if (!pass_may(p, g, &g->nodes[x->def], "its value is known: folded")) return SARD_OK;
    tensor t;
    sard_value *made;
    TRY(tensor_new(&t, (sard_dtype)x->type.dtype, &s, p->err));
    for (uint32_t i = 0; i < x->ints.n; i++) {
        if (t.dtype == SARD_I64)
            TENSOR_AT(&t, int64_t)[i] = x->ints.v[i];
        else
            TENSOR_AT(&t, int32_t)[i] = (int32_t)x->ints.v[i];
    }
    TRY(value_tensor(&t, &made, p->err));
    *did = true;
    return becomes(g, v, made, p->err);
}

static size_t constant_bytes(const graph *g, value_id v) {
    const tensor *t = const_of(g, v);
    return t ? tensor_bytes(t) : 0;
}

/* All inputs constants; nothing captured, nothing random. */
static bool foldable(const graph *g, const node *n) {
    if (n->dead || n->captures.n || (n->op->flags & (OP_RANDOM | OP_INTERNAL | OP_ANY_ATTRS))) return false;
    for (uint32_t i = 0; i < n->in.n; i++) {
        value_id v = node_in(g, n, i);
        if (v != NO_ID && !const_of(g, v)) return false;
    }
    return n->in.n > 0 || n->op->run || n->op->emit;
}

/* Would the outputs, as far as their shapes are known, be too large to keep? */
static bool too_large(const pass *p, const graph *g, const node *n) {
    size_t in = 0, all = 0;
    for (uint32_t i = 0; i < n->in.n; i++) {
        value_id v = node_in(g, n, i);
        if (v != NO_ID) in += constant_bytes(g, v);
    }
    for (uint32_t i = 0; i < n->out.n; i++) {
        value_id v = node_out(g, n, i);
        shape s;
        size_t bytes;
        if (v == NO_ID) continue;
        if (!type_shape(&g->values[v].type, &s)) continue; /* looked at again when it is there */
        if (dtype_bytes(g->values[v].type.dtype, shape_count(&s), &bytes)) return true;
        if (bytes > p->o->fold_limit || bytes > 8 * in + GROWTH) return true;
        if (add_size(all, bytes, &all)) return true;
    }
    return all > p->fold_left;
}

/* What keeping the tensor takes, its strings included. */
static bool add_bytes(const tensor *t, size_t *all) {
    if (add_size(*all, tensor_bytes(t), all)) return false;
    for (int64_t i = 0; t->dtype == SARD_STRING && i < tensor_count(t); i++)
        if (add_size(*all, TENSOR_AT(t, str)[i].n, all)) return false;
    return true;
}

static sard_status keep_results(pass *p, graph *g, const node *n, sard_value **out, bool *did) {
    size_t all = 0;
    for (uint32_t i = 0; i < n->out.n; i++) {
        if (node_out(g, n, i) == NO_ID) continue;
        if (!value_is_tensor(out[i]) || tensor_bytes(&out[i]->t) > p->o->fold_limit) return SARD_OK;
        if (!add_bytes(&out[i]->t, &all)) return SARD_OK;
    }
    if (all > p->fold_left || !pass_may(p, g, n, "all inputs are constants: folded")) return SARD_OK;
    p->fold_left -= all;
    *did = true;
    for (uint32_t i = 0; i < n->out.n; i++) {
        value_id v = node_out(g, n, i);
        if (v != NO_ID) TRY(becomes(g, v, sard_value_ref(out[i]), p->err));
    }
    return SARD_OK;
}

static sard_status fold_node(pass *p, graph *g, node_id id, bool *did) {
    const node n = g->nodes[id];
    sard_value *in[64], *out[64] = {0};
    sard_error why;
    if (n.in.n > 64 || n.out.n > 64 || !p->o->eval || too_large(p, g, &n)) return SARD_OK;
    for (uint32_t i = 0; i < n.in.n; i++) {
        value_id v = node_in(g, &n, i);
        in[i] = v == NO_ID ? NULL : g->mod->constants[g->values[v].constant].v;
    }
    sard_status s = p->o->eval(p->o->eval_arg, g, id, in, n.in.n, out, n.out.n, &why);
    if (s == SARD_OUT_OF_MEMORY) return err_nomem(p->err, 0);
    if (s != SARD_OK) { /* the run will say so, should it come there */
        pass_why_not(p, g, &n, "folding failed: %s", why.message);
        return SARD_OK;
    }
    s = keep_results(p, g, &n, out, did);
    for (uint32_t i = 0; i < n.out.n; i++) sard_value_unref(out[i]);
    return s;
}

sard_status pass_fold(pass *p, graph *g) {
    node_id *order;
    uint32_t n;
    TRY(graph_order(g, &order, &n, p->err));
    sard_status s = SARD_OK;
    for (uint32_t i = 0; i < n && s == SARD_OK; i++) {
        node_id id = order[i];
        bool did = false;
        s = mod_check(p->m, p->err);
        for (uint32_t k = 0; k < g->nodes[id].out.n && s == SARD_OK; k++) {
            value_id v = node_out(g, &g->nodes[id], k);
            if (v != NO_ID) s = fold_known(p, g, v, &did);
        }
        if (s == SARD_OK && !did && foldable(g, &g->nodes[id])) s = fold_node(p, g, id, &did);
    }
    mem_free(order);
    return s;
}
