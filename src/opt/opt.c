/*
 * opt.c -- the driver: which passes run at which level, over which graphs, and the helpers of pass.h.
 */
#include "opt/opt.h"

#include <stdio.h>

#include "opt/pass.h"

enum { ROUNDS_MAX = 32 }; /* of passes that enable each other */

/* ---- helpers of the passes ---------------------------------------------------------------------------------------- */

static void explain(pass *p, const graph *g, const node *n, const char *what, const char *fmt, va_list ap) {
    if (!p->o->explain) return;
    char where[300], text[400], line[800];
    vsnprintf(text, sizeof text, fmt, ap);
    snprintf(line, sizeof line, "%s%s: %s", what, node_where(g, n, where, sizeof where), text);
    p->o->explain(p->o->explain_user, line);
}

bool pass_may(pass *p, const graph *g, const node *n, const char *fmt, ...) {
    if (p->left == 0) return false;
    if (p->left > 0) p->left--;
    p->changes++;
    va_list ap;
    va_start(ap, fmt);
    explain(p, g, n, "", fmt, ap);
    va_end(ap);
    return true;
}

void pass_why_not(pass *p, const graph *g, const node *n, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    explain(p, g, n, "not done: ", fmt, ap);
    va_end(ap);
}

const tensor *const_of(const graph *g, value_id v) {
    if (v == NO_ID || g->values[v].constant == NO_ID || g->values[v].overridable) return NULL;
    return mod_const_tensor(g->mod, g->values[v].constant);
}

node *maker(const graph *g, value_id v) {
    if (v == NO_ID || g->values[v].def == NO_ID) return NULL;
    node *n = &g->nodes[g->values[v].def];
    return n->dead ? NULL : n;
}

bool const_scalar(const graph *g, value_id v, double *out) {
    const tensor *t = const_of(g, v);
    if (!t || tensor_count(t) != 1 || !dtype_in(t->dtype, DT_NUMBER | DT_BOOL)) return false;
    *out = tensor_get_f64(t, 0);
    return true;
}

bool same_shape(const vtype *a, const vtype *b) {
    if (a->kind != SARD_KIND_TENSOR || b->kind != SARD_KIND_TENSOR || a->rank < 0 || a->rank != b->rank) return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i] || a->dim[i] == DIM_UNKNOWN) return false;
    return true;
}

bool is_pointwise(const graph *g, const node *n) {
    if (!n->op->emit) return false;
    for (uint32_t i = 0; i < n->in.n + n->out.n; i++) {
        value_id v = i < n->in.n ? node_in(g, n, i) : node_out(g, n, i - n->in.n);
        if (v == NO_ID) continue;
        const vtype *t = &g->values[v].type;
        if (t->kind != SARD_KIND_TENSOR || !t->dtype || dtype_in(t->dtype, DT_STRING | DT_COMPLEX)) return false;
    }
    return true;
}

/* ---- the driver --------------------------------------------------------------------------------------------------- */

typedef sard_status pass_fn(pass *p, graph *g);

/* One pass over every graph that is still reachable; *did: it changed something. */
static sard_status everywhere(pass *p, pass_fn *fn, bool *did) {
    p->changes = 0;
    TRY(mod_check(p->m, p->err));
    for (uint32_t i = 0; i < p->m->n_graphs; i++) {
        graph *g = p->m->graphs[i];
        if (!g) continue;
        TRY(fn(p, g));
    }
    *did |= p->changes > 0;
    return SARD_OK;
}

/* Types again, after a pass that changed something: later passes build on them. */
static sard_status infer_again(pass *p) {
    problems none = {0};
    TRY(graph_infer(module_main(p->m), &none, p->err));
    return problems_result(&none, p->err);
}

static sard_status settle(pass *p, pass_fn *const *list, int n) {
    for (int round = 0; round < ROUNDS_MAX; round++) {
        bool did = false;
        for (int i = 0; i < n; i++) TRY(everywhere(p, list[i], &did));
        if (!did || p->left == 0) return SARD_OK;
        TRY(infer_again(p));
    }
    return SARD_OK;
}

/* A model may double by folding, a small one take fold_total. Not by time alone: what a model takes is then the same
 * on every machine. */
static size_t fold_budget(const module *m, const opt_options *o) {
    size_t all = o->fold_total;
    for (uint32_t i = 0; i < m->n_constants; i++) {
        const tensor *t = mod_const_tensor(m, i);
        if (t && add_size(all, tensor_bytes(t), &all)) return SIZE_MAX;
    }
    return all;
}

sard_status opt_run(module *m, const opt_options *o, sard_error *err) {
    static pass_fn *const lower[] = {pass_lower};
    static pass_fn *const basic[] = {pass_clean, pass_fold, pass_cse, pass_lower};
    static pass_fn *const extended[] = {pass_conv_scale, pass_clean, pass_fold, pass_cse, pass_lower};
    pass p = {.m = m, .o = o, .left = -1, .fold_left = fold_budget(m, o), .err = err};
    TRY(settle(&p, lower, 1)); /* needed to run at all: no part of the budget */
    p.left = o->stop_after;
    if (o->level >= OPT_BASIC) TRY(settle(&p, basic, 4));
    if (o->level >= OPT_EXTENDED) TRY(settle(&p, extended, 5));
    bool did = false;
    if (o->level >= OPT_ALL) TRY(everywhere(&p, pass_layout, &did));
    if (o->level >= OPT_EXTENDED) TRY(everywhere(&p, pass_group, &did));
    for (uint32_t i = 0; i < m->n_graphs; i++)
        if (m->graphs[i]) graph_compact(m->graphs[i]);
    return SARD_OK;
}
