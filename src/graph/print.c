/*
 * print.c -- the text form of a module, for people and for module_parse.
 *
 *   graph NAME(x: f32[n,3], w: f32[2] = {1, 2}) captures(c: i64) -> (y, z) {
 *     const k: i64[2] = {1, -1}
 *     y: f32[n,3], %7: f32 = Op(x, _, k) {axis = 1, mode = "m", t = f32[2] {1, 2}, body = graph ...}
 *     r = If(cond) {then_branch = graph ...} captures(x)
 *   }
 *
 * Names that are not plain are quoted; values without a name, and those whose name is taken, are %index. A default
 * that is an overridable initializer stands at its input. Attributes at their defaults are left out. Data of more than
 * PRINT_MAX elements is "...", which module_parse refuses.
 */
#include <math.h>
#include <stdio.h>

#include "graph/op.h"

enum { PRINT_MAX = 64 };

typedef struct printer {
    const module *m;
    strbuf *b;
    map64 names; /* per graph: name -> value that has it; values of other graphs are never printed meanwhile */
    int depth;
} printer;

static sard_status print_graph(printer *p, const graph *g, const char *indent, sard_error *err);

static bool plain(const char *s, size_t n) {
    if (!n || !strcmp(s, "_") || (*s >= '0' && *s <= '9')) return false;
    for (size_t i = 0; i < n; i++) {
        const char c = s[i];
        const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
        if (!word && c != '.' && c != '/') return false;
    }
    return true;
}

static void put_quoted(strbuf *b, const char *s, size_t n) {
    sb_puts(b, "\"");
    for (size_t i = 0; i < n; i++) {
        const unsigned char c = (unsigned char)s[i];
        if (c == '"' || c == '\\')
            sb_printf(b, "\\%c", c);
        else if (c < 32 || c == 127)
            sb_printf(b, "\\x%02x", c);
        else
            sb_put(b, s + i, 1);
    }
    sb_puts(b, "\"");
}

static void put_name(strbuf *b, str s) {
    if (plain(s.p, s.n))
        sb_put(b, s.p, s.n);
    else
        put_quoted(b, s.p, s.n);
}

static void put_value(printer *p, const graph *g, value_id v) {
    uint64_t owner;
    if (v == NO_ID) {
        sb_puts(p->b, "_");
        return;
    }
    const str_id name = g->values[v].name;
    if (name && map_get(&p->names, name, &owner) && owner == v)
        put_name(p->b, p->m->names.items[name]);
    else
        sb_printf(p->b, "%%%u", v);
}

static void put_dim(printer *p, int64_t d) {
    if (dim_known(d))
        sb_printf(p->b, "%lld", (long long)d);
    else if (d == DIM_UNKNOWN)
        sb_puts(p->b, "?");
    else
        put_name(p->b, p->m->names.items[DIM_SYM_ID(d)]);
}

static void put_vtype(printer *p, const vtype *t, int depth) {
    static const char *const kinds[] = {"?", "", "sparse(", "seq(", "map(", "opt("};
    if (t->kind > SARD_KIND_OPTIONAL || depth > GRAPH_DEPTH_MAX) return;
    sb_puts(p->b, kinds[t->kind]);
    if (t->kind == SARD_KIND_UNKNOWN) return;
    const bool dense = t->kind == SARD_KIND_TENSOR || t->kind == SARD_KIND_SPARSE_TENSOR;
    if (dense || t->kind == SARD_KIND_MAP) sb_puts(p->b, t->dtype ? dtype_short(t->dtype) : "any");
    if (t->kind == SARD_KIND_MAP) sb_puts(p->b, ", ");
    if (!dense && t->elem != NO_ID)
        put_vtype(p, &p->m->types[t->elem], depth + 1);
    else if (!dense)
        sb_puts(p->b, "?");
    if (dense && t->rank > 0) {
        sb_puts(p->b, "[");
        for (int i = 0; i < t->rank; i++) {
            if (i) sb_puts(p->b, ",");
            put_dim(p, t->dim[i]);
        }
        sb_puts(p->b, "]");
    } else if (dense && t->rank == 0) {
        sb_puts(p->b, "[]");
    }
    if (t->kind != SARD_KIND_TENSOR) sb_puts(p->b, ")");
}

static void put_float(strbuf *b, double v, bool wide) {
    char text[40];
    if (isnan(v)) {
        sb_puts(b, "nan");
        return;
    }
    if (isinf(v)) {
        sb_puts(b, v < 0 ? "-inf" : "inf");
        return;
    }
    snprintf(text, sizeof text, wide ? "%.17g" : "%.9g", v);
    sb_puts(b, text);
    if (!strpbrk(text, ".en")) sb_puts(b, ".0");
}

static void put_data(printer *p, const tensor *t) {
    const int64_t n = tensor_count(t);
    if (n > PRINT_MAX || dtype_in(t->dtype, DT_COMPLEX)) {
        sb_puts(p->b, "...");
        return;
    }
    sb_puts(p->b, "{");
    for (int64_t i = 0; i < n; i++) {
        if (i) sb_puts(p->b, ", ");
        if (t->dtype == SARD_STRING) {
            const str s = TENSOR_AT(t, str)[i];
            put_quoted(p->b, s.p, s.n);
        } else if (t->dtype == SARD_U64) {
            sb_printf(p->b, "%llu", (unsigned long long)tensor_get_i64(t, i));
        } else if (dtype_in(t->dtype, DT_INT | DT_BOOL | DT(SARD_U4) | DT(SARD_I4) | DT(SARD_U2) | DT(SARD_I2))) {
            sb_printf(p->b, "%lld", (long long)tensor_get_i64(t, i));
        } else {
            put_float(p->b, tensor_get_f64(t, i), t->dtype == SARD_F64);
        }
    }
    sb_puts(p->b, "}");
}

static void put_constant(printer *p, const_id c) {
    const tensor *t = mod_const_tensor(p->m, c);
    if (!t) {
        sb_puts(p->b, "...");
        return;
    }
    const vtype type = type_of_tensor(t);
    put_vtype(p, &type, 0);
    sb_puts(p->b, " ");
    put_data(p, t);
}

static void put_list(printer *p, const attr *a) {
    const size_t n = a->type == ATTR_INTS ? a->ints.n : a->type == ATTR_FLOATS ? a->floats.n : a->strs.n;
    sb_puts(p->b, "[");
    for (size_t i = 0; i < n; i++) {
        if (i) sb_puts(p->b, ", ");
        if (a->type == ATTR_INTS)
            sb_printf(p->b, "%lld", (long long)a->ints.v[i]);
        else if (a->type == ATTR_FLOATS)
            put_float(p->b, a->floats.v[i], false);
        else
            put_quoted(p->b, a->strs.v[i].p, a->strs.v[i].n);
    }
    sb_puts(p->b, "]");
}

static sard_status put_attr(printer *p, const attr *a, const char *indent, sard_error *err) {
    put_name(p->b, p->m->names.items[a->name]);
    sb_puts(p->b, " = ");
    switch ((attr_type)a->type) {
    case ATTR_INT:
        sb_printf(p->b, "%lld", (long long)a->i);
        break;
    case ATTR_FLOAT:
        put_float(p->b, a->f, false);
        break;
    case ATTR_STRING:
        put_quoted(p->b, a->s.p, a->s.n);
        break;
    case ATTR_INTS:
    case ATTR_FLOATS:
    case ATTR_STRINGS:
        put_list(p, a);
        break;
    case ATTR_TENSOR:
    case ATTR_SPARSE_TENSOR:
        put_constant(p, a->tensor);
        break;
    case ATTR_TYPE:
        sb_puts(p->b, "type ");
        put_vtype(p, &p->m->types[a->vt], 0);
        break;
    case ATTR_GRAPH:
        return print_graph(p, p->m->graphs[a->body], indent, err);
    case ATTR_TENSORS:
        sb_puts(p->b, "[");
        for (size_t i = 0; i < a->tensors.n; i++) {
            if (i) sb_puts(p->b, ", ");
            put_constant(p, a->tensors.v[i]);
        }
        sb_puts(p->b, "]");
        break;
    case ATTR_NONE:
    case ATTR_GRAPHS:
        sb_puts(p->b, "...");
        break;
    }
    return SARD_OK;
}

static void put_typed(printer *p, const graph *g, value_id v) {
    put_value(p, g, v);
    if (v == NO_ID || g->values[v].type.kind == SARD_KIND_UNKNOWN) return;
    sb_puts(p->b, ": ");
    put_vtype(p, &g->values[v].type, 0);
}

static sard_status print_node(printer *p, const graph *g, const node *n, const char *indent, sard_error *err) {
    sb_printf(p->b, "%s  ", indent);
    for (uint32_t i = 0; i < n->out.n; i++) {
        if (i) sb_puts(p->b, ", ");
        put_typed(p, g, node_out(g, n, i));
    }
    sb_printf(p->b, " = %s%s%s(", n->op->domain, *n->op->domain ? "." : "", n->op->name);
    for (uint32_t i = 0; i < n->in.n; i++) {
        if (i) sb_puts(p->b, ", ");
        put_value(p, g, node_in(g, n, i));
    }
    sb_puts(p->b, ")");
    char deeper[2 * GRAPH_DEPTH_MAX + 8];
    snprintf(deeper, sizeof deeper, "%s  ", indent);
    uint32_t shown = 0;
    for (uint32_t i = 0; i < n->n_attrs; i++) {
        if (n->attrs[i].type == ATTR_NONE || n->attrs[i].defaulted) continue;
        sb_puts(p->b, shown++ ? ", " : " {");
        TRY(put_attr(p, &n->attrs[i], deeper, err));
    }
    if (shown) sb_puts(p->b, "}");
    for (uint32_t i = 0; i < n->captures.n; i++) {
        sb_puts(p->b, i ? ", " : " captures(");
        put_value(p, g, span_ids(g, n->captures)[i]);
    }
    sb_puts(p->b, n->captures.n ? ")\n" : "\n");
    return SARD_OK;
}

static void put_header(printer *p, const graph *g) {
    sb_puts(p->b, "graph ");
    put_name(p->b, p->m->names.items[g->name]);
    sb_puts(p->b, "(");
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        const value *v = &g->values[g->inputs[i]];
        if (i) sb_puts(p->b, ", ");
        put_typed(p, g, g->inputs[i]);
        if (v->constant == NO_ID) continue;
        sb_puts(p->b, " = ");
        put_constant(p, v->constant);
    }
    sb_puts(p->b, ")");
    for (uint32_t i = 0; i < g->n_captures; i++) {
        sb_puts(p->b, i ? ", " : " captures(");
        put_typed(p, g, g->captures[i]);
    }
    sb_puts(p->b, g->n_captures ? ") -> (" : " -> (");
    for (uint32_t i = 0; i < g->n_outputs; i++) {
        if (i) sb_puts(p->b, ", ");
        put_value(p, g, g->outputs[i]);
    }
    sb_puts(p->b, ") {\n");
}

static sard_status print_body(printer *p, const graph *g, const char *indent, sard_error *err) {
    put_header(p, g);
    for (value_id v = 0; v < g->n_values; v++) {
        const value *x = &g->values[v];
        if (x->constant == NO_ID || x->overridable || x->def != NO_ID) continue;
        sb_printf(p->b, "%s  const ", indent);
        put_value(p, g, v);
        sb_puts(p->b, " = ");
        put_constant(p, x->constant);
        sb_puts(p->b, "\n");
    }
    node_id *order;
    uint32_t n;
    TRY(graph_order(g, &order, &n, err));
    sard_status st = SARD_OK;
    for (uint32_t i = 0; i < n && st == SARD_OK; i++) st = print_node(p, g, &g->nodes[order[i]], indent, err);
    mem_free(order);
    sb_printf(p->b, "%s}", indent);
    return st;
}

static sard_status print_graph(printer *p, const graph *g, const char *indent, sard_error *err) {
    FAIL_IF(++p->depth > GRAPH_DEPTH_MAX, err, SARD_LIMIT, "bodies are nested deeper than %d", GRAPH_DEPTH_MAX);
    const map64 outer = p->names;
    p->names = (map64){0};
    sard_status st = SARD_OK;
    for (value_id v = 0; v < g->n_values && st == SARD_OK; v++) {
        uint64_t owner;
        if (!g->values[v].name || map_get(&p->names, g->values[v].name, &owner)) continue;
        if (map_put(&p->names, g->values[v].name, v)) st = err_nomem(err, 64);
    }
    if (st == SARD_OK) st = print_body(p, g, indent, err);
    map_free(&p->names);
    p->names = outer;
    p->depth--;
    return st;
}

sard_status module_print(const module *m, strbuf *out, sard_error *err) {
    printer p = {.m = m, .b = out};
    for (uint32_t i = 0; i < m->n_opsets; i++) {
        sb_puts(out, "opset ");
        put_quoted(out, mod_str(m, m->opsets[i].domain), strlen(mod_str(m, m->opsets[i].domain)));
        sb_printf(out, " %lld\n", (long long)m->opsets[i].version);
    }
    TRY(print_graph(&p, module_main(m), "", err));
    sb_puts(out, "\n");
    return out->failed ? err_nomem(err, out->n) : SARD_OK;
}
