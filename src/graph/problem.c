/* problem.c -- where a node comes from, in words, and the collecting of a model's faults. */
#include <stdio.h>

#include "graph/op.h"

const char *node_where(const graph *g, const node *n, char *buf, size_t len) {
    const module *m = g->mod;
    const int newest = op_newest(n->op);
    if (n->origin == NO_ID || n->origin >= m->n_origins) {
        const value_id out = node_out(g, n, 0);
        const char *name = out == NO_ID ? "" : mod_str(m, g->values[out].name);
        snprintf(buf, len, "node of '%s' (%s%s%s)", name, n->op->domain, *n->op->domain ? "." : "", n->op->name);
        return buf;
    }
    const origin *o = &m->origins[n->origin];
    const char *path = mod_str(m, o->path), *name = mod_str(m, o->name);
    strbuf b = {0};
    if (*name)
        sb_printf(&b, "node '%s%s%s'", path, *path ? "/" : "", name);
    else
        sb_printf(&b, "node #%u%s%s%s", o->index, *path ? " of '" : "", path, *path ? "'" : "");
    sb_printf(&b, " (%s, opset %d", mod_str(m, o->op), o->version);
    if (newest != o->version) sb_printf(&b, "\xE2\x86\x92%d", newest); /* an arrow */
    sb_puts(&b, ")");
    snprintf(buf, len, "%s", sb_str(&b));
    sb_free(&b);
    return buf;
}

void problem_add(problems *p, sard_status code, const char *where, const char *fmt, ...) {
    sard_error e;
    va_list ap;
    va_start(ap, fmt);
    err_setv(&e, code, fmt, ap);
    va_end(ap);
    if (!p) return;
    if (p->fn) p->fn(p->user, code, where ? where : "", e.message);
    if (p->count++) return;
    if (where && *where) err_context(&e, code, "%s", where);
    p->first = e;
}

sard_status problems_result(const problems *p, sard_error *err) {
    if (!p->count) return SARD_OK;
    if (err) {
        *err = p->first;
        err->problems = p->count;
    }
    return p->first.code;
}
