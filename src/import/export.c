/*
 * export.c -- a module as an ONNX model, at the lowest opsets at which all its nodes are known to be valid.
 *
 * Every node is at its operator's newest version; one that import did not have to change is valid at its file's version,
 * too. The opset of a domain is the highest of those. Groups of the
 * optimiser are written as the nodes they hold, layout copies not at all. Values keep their names where they can: names
 * are unique over all graphs of the model, and a captured value has its outer value's.
 */
#include <stdio.h>

#include "import/exporter.h"

enum { WHERE = 300 };

typedef struct sink { /* lists of one graph of the file while it grows */
    onnx_node *nodes;
    size_t n_nodes, cap_nodes;
    onnx_tensor *inits;
    size_t n_inits, cap_inits;
    onnx_value_info *infos;
    size_t n_infos, cap_infos;
} sink;

#define ROOM(s, field, err)                                                                                            \
    do {                                                                                                               \
        void *items_ = (s)->field;                                                                                     \
        if (mem_grow(&items_, &(s)->cap_##field, (s)->n_##field + 1, sizeof *(s)->field))                              \
            return err_nomem(err, (s)->n_##field * sizeof *(s)->field);                                                \
        (s)->field = items_;                                                                                           \
    } while (0)

static sard_status export_body(exporter *x, const graph *g, onnx_graph **out, sard_error *err);
static sard_status export_content(exporter *x, const graph *g, sink *s, sard_error *err);

/* ---- opsets and names --------------------------------------------------------------------------------------------- */

static sard_status need_version(exporter *x, const char *domain, int version, sard_error *err) {
    for (size_t i = 0; i < x->n_opsets; i++) {
        if (!str_is(x->opsets[i].domain, domain)) continue;
        if (version > x->opsets[i].version) x->opsets[i].version = version;
        return SARD_OK;
    }
    ROOM(x, opsets, err);
    onnx_opset *o = &x->opsets[x->n_opsets];
    *o = (onnx_opset){.version = version > 1 ? version : 1};
    TRY(export_text(x, domain, strlen(domain), &o->domain, err));
    x->n_opsets++;
    return SARD_OK;
}

/* The given name, or with a number behind it where it is taken. */
static sard_status unique_name(exporter *x, strtab *used, const char *want, str *out, sard_error *err) {
    strbuf b = {0};
    sb_puts(&b, want);
    for (uint32_t i = 0; !b.failed && (!b.n || strtab_find(used, sb_str(&b), b.n) != STR_FAIL); i++) {
        b.n = 0;
        sb_printf(&b, "%s_%u", want, *want ? i + 1 : used->n + i);
        if (i >= 100) sb_printf(&b, "_%u", x->stamp++); /* a name that is taken very often */
    }
    sard_status st = b.failed || strtab_add(used, sb_str(&b), b.n) == STR_FAIL ? err_nomem(err, b.n) : SARD_OK;
    if (st == SARD_OK) st = export_text(x, sb_str(&b), b.n, out, err);
    sb_free(&b);
    return st;
}

static sard_status name_of(exporter *x, const graph *g, value_id v, str *out, sard_error *err) {
    *out = (str){"", 0};
    if (v == NO_ID) return SARD_OK;
    str *name = &x->names[g->id][v];
    if (!name->p) TRY(unique_name(x, &x->used, mod_str(x->m, g->values[v].name), name, err));
    *out = *name;
    return SARD_OK;
}

static sard_status open_names(exporter *x, const graph *g, sard_error *err) {
    x->names[g->id] = arena_calloc(x->mem, g->n_values, sizeof **x->names);
    return x->names[g->id] ? SARD_OK : err_nomem(err, g->n_values * sizeof **x->names);
}

static sard_status value_info(exporter *x, const graph *g, value_id v, onnx_value_info *out, sard_error *err) {
    *out = (onnx_value_info){0};
    TRY(name_of(x, g, v, &out->name, err));
    return export_type(x, &g->values[v].type, &out->type, err);
}

/* ---- nodes -------------------------------------------------------------------------------------------------------- */

static sard_status names_of(exporter *x, const graph *g, span s, str **out, size_t *n, sard_error *err) {
    uint32_t count = s.n;
    while (count && span_ids(g, s)[count - 1] == NO_ID) count--;
    str *list = arena_calloc(x->mem, count, sizeof *list);
    if (!list) return err_nomem(err, count * sizeof *list);
    for (uint32_t i = 0; i < count; i++) TRY(name_of(x, g, span_ids(g, s)[i], &list[i], err));
    *out = list;
    *n = count;
    return SARD_OK;
}

static sard_status write_identity(exporter *x, sink *s, str from, str to, sard_error *err) {
    ROOM(s, nodes, err);
    onnx_node *o = &s->nodes[s->n_nodes];
    str *ends = arena_alloc(x->mem, 2 * sizeof *ends);
    if (!ends) return err_nomem(err, 2 * sizeof *ends);
    ends[0] = from;
    ends[1] = to;
    *o = (onnx_node){.op_type = {"Identity", 8}, .inputs = ends, .n_inputs = 1, .outputs = ends + 1, .n_outputs = 1};
    s->n_nodes++;
    return SARD_OK; /* valid at every opset; of sequences from 14 on, which their own operators ask for */
}

static sard_status origin_name(exporter *x, const graph *g, const node *n, str *out, sard_error *err) {
    const module *m = g->mod;
    *out = (str){"", 0};
    if (n->origin == NO_ID || n->origin >= m->n_origins) return SARD_OK;
    const str path = m->names.items[m->origins[n->origin].path], name = m->names.items[m->origins[n->origin].name];
    if (!name.n) return SARD_OK;
    strbuf b = {0};
    sb_put(&b, path.p, path.n);
    if (path.n) sb_puts(&b, "/");
    sb_put(&b, name.p, name.n);
    const sard_status st = b.failed ? err_nomem(err, name.n) : unique_name(x, &x->node_names, sb_str(&b), out, err);
    sb_free(&b);
    return st;
}

static sard_status write_attrs(exporter *x, const graph *g, const node *n, onnx_node *o, sard_error *err) {
    const module *m = g->mod;
    o->attrs = arena_calloc(x->mem, n->n_attrs, sizeof *o->attrs);
    if (!o->attrs) return err_nomem(err, n->n_attrs * sizeof *o->attrs);
    for (uint32_t i = 0; i < n->n_attrs; i++) {
        const attr *a = &n->attrs[i];
        onnx_attr *to = &o->attrs[o->n_attrs];
        if (a->type == ATTR_NONE || a->defaulted) continue;
        o->n_attrs++;
        if (a->type != ATTR_GRAPH) {
            TRY(export_attr(x, a, to, err));
            continue;
        }
        const graph *b = m->graphs[a->body];
        *to = (onnx_attr){.type = ONNX_ATTR_GRAPH};
        TRY(export_text(x, mod_str(m, a->name), strlen(mod_str(m, a->name)), &to->name, err));
        TRY(open_names(x, b, err));
        for (uint32_t k = 0; k < b->n_captures && k < n->captures.n; k++)
            TRY(name_of(x, g, span_ids(g, n->captures)[k], &x->names[b->id][b->captures[k]], err));
        TRY(export_body(x, b, &to->g, err));
    }
    return SARD_OK;
}

static sard_status write_node(exporter *x, const graph *g, const node *n, sink *s, sard_error *err) {
    onnx_node o = {0};
    const op_def *op = n->op;
    TRY(need_version(x, op->domain, export_version(g, n), err));
    TRY(export_text(x, op->name, strlen(op->name), &o.op_type, err));
    TRY(export_text(x, op->domain, strlen(op->domain), &o.domain, err));
    TRY(origin_name(x, g, n, &o.name, err));
    TRY(names_of(x, g, n->in, &o.inputs, &o.n_inputs, err));
    TRY(names_of(x, g, n->out, &o.outputs, &o.n_outputs, err));
    TRY(write_attrs(x, g, n, &o, err));
    ROOM(s, nodes, err);
    s->nodes[s->n_nodes++] = o;
    return SARD_OK;
}

/* A group: its nodes here, the body's ends named as the node's. */
static sard_status write_group(exporter *x, const graph *g, const node *n, sink *s, sard_error *err) {
    const graph *b = node_body(g, n, 0);
    TRY(open_names(x, b, err));
    str *names = x->names[b->id];
    for (uint32_t i = 0; i < b->n_inputs; i++) TRY(name_of(x, g, node_in(g, n, i), &names[b->inputs[i]], err));
    for (uint32_t i = 0; i < b->n_captures && i < n->captures.n; i++)
        TRY(name_of(x, g, span_ids(g, n->captures)[i], &names[b->captures[i]], err));
    for (uint32_t i = 0; i < b->n_outputs; i++)
        if (!names[b->outputs[i]].p && node_out(g, n, i) != NO_ID && b->values[b->outputs[i]].constant == NO_ID)
            TRY(name_of(x, g, node_out(g, n, i), &names[b->outputs[i]], err));
    TRY(export_content(x, b, s, err));
    for (uint32_t i = 0; i < b->n_outputs; i++) {
        str from, to;
        if (node_out(g, n, i) == NO_ID) continue;
        TRY(name_of(x, b, b->outputs[i], &from, err));
        TRY(name_of(x, g, node_out(g, n, i), &to, err));
        if (!str_eq(from, to)) TRY(write_identity(x, s, from, to, err));
    }
    return SARD_OK;
}

/* A copy into another layout: the output is the input, but for a name it must have. */
static sard_status write_copy(exporter *x, const graph *g, const node *n, sink *s, sard_error *err) {
    const value_id out = node_out(g, n, 0);
    str from;
    TRY(name_of(x, g, node_in(g, n, 0), &from, err));
    if (out == NO_ID) return SARD_OK;
    str *to = &x->names[g->id][out];
    if (to->p) return write_identity(x, s, from, *to, err);
    *to = from;
    return SARD_OK;
}

static sard_status export_node(exporter *x, const graph *g, const node *n, sink *s, sard_error *err) {
    char where[WHERE];
    if (!(n->op->flags & OP_INTERNAL)) return write_node(x, g, n, s, err);
    if (!strcmp(n->op->name, "Fused") && node_body(g, n, 0)) return write_group(x, g, n, s, err);
    if (!strcmp(n->op->name, "Reorder")) return write_copy(x, g, n, s, err);
    return err_set(err, SARD_UNSUPPORTED, "%s cannot be written: %s.%s means what no operator of the standard does",
                   node_where(g, n, where, sizeof where), n->op->domain, n->op->name);
}

/* ---- graphs ------------------------------------------------------------------------------------------------------- */

static sard_status export_constants(exporter *x, const graph *g, sink *s, sard_error *err) {
    uint32_t *uses = mem_alloc(g->n_values * sizeof *uses);
    if (!uses) return err_nomem(err, g->n_values * sizeof *uses);
    graph_count_uses(g, uses);
    sard_status st = SARD_OK;
    for (value_id v = 0; v < g->n_values && st == SARD_OK; v++) {
        const value *c = &g->values[v];
        str name;
        if (c->constant == NO_ID || c->def != NO_ID || (!uses[v] && !c->overridable)) continue;
        void *items = s->inits;
        if (mem_grow(&items, &s->cap_inits, s->n_inits + 1, sizeof *s->inits)) st = err_nomem(err, sizeof *s->inits);
        s->inits = items;
        if (st == SARD_OK) st = name_of(x, g, v, &name, err);
        if (st == SARD_OK) st = export_tensor(x, g->mod->constants[c->constant].v, name, &s->inits[s->n_inits++], err);
    }
    mem_free(uses);
    return st;
}

static sard_status export_infos(exporter *x, const graph *g, sink *s, sard_error *err) {
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        const node *n = &g->nodes[i];
        for (uint32_t k = 0; k < n->out.n && !n->dead && !(n->op->flags & OP_INTERNAL); k++) {
            const value_id v = span_ids(g, n->out)[k];
            if (v == NO_ID || g->values[v].type.kind == SARD_KIND_UNKNOWN || graph_is_output(g, v)) continue;
            ROOM(s, infos, err);
            TRY(value_info(x, g, v, &s->infos[s->n_infos], err));
            s->n_infos++;
        }
    }
    return SARD_OK;
}

/* Constants and nodes. */
static sard_status export_content(exporter *x, const graph *g, sink *s, sard_error *err) {
    node_id *order;
    uint32_t n;
    TRY(export_constants(x, g, s, err));
    TRY(graph_order(g, &order, &n, err));
    sard_status st = SARD_OK;
    for (uint32_t i = 0; i < n && st == SARD_OK; i++) st = export_node(x, g, &g->nodes[order[i]], s, err);
    mem_free(order);
    return st;
}

/* A body's output must be a value of one of its own nodes, and each another one. */
static bool needs_copy(const graph *g, uint32_t i) {
    const value_id v = g->outputs[i];
    if (g->values[v].def == NO_ID) return true;
    for (uint32_t k = 0; k < i; k++)
        if (g->outputs[k] == v) return true;
    return false;
}

static sard_status export_ends(exporter *x, const graph *g, bool main, sink *s, onnx_graph *o, sard_error *err) {
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        TRY(value_info(x, g, g->inputs[i], &o->inputs[i], err));
        o->n_inputs++;
    }
    for (uint32_t i = 0; i < g->n_outputs; i++) {
        TRY(value_info(x, g, g->outputs[i], &o->outputs[i], err));
        o->n_outputs++;
        const str from = o->outputs[i].name, want = g->mod->names.items[g->output_names[i]];
        if (main ? !want.n || str_eq(want, from) : !needs_copy(g, i)) continue;
        TRY(unique_name(x, &x->used, main ? want.p : "copy", &o->outputs[i].name, err));
        TRY(write_identity(x, s, from, o->outputs[i].name, err));
    }
    return SARD_OK;
}

static sard_status close_sink(exporter *x, const sink *s, onnx_graph *o, sard_error *err) {
    o->nodes = arena_copy(x->mem, s->nodes, s->n_nodes * sizeof *s->nodes);
    o->initializers = arena_copy(x->mem, s->inits, s->n_inits * sizeof *s->inits);
    o->value_infos = arena_copy(x->mem, s->infos, s->n_infos * sizeof *s->infos);
    if (!o->nodes || !o->initializers || !o->value_infos) return err_nomem(err, s->n_nodes * sizeof *s->nodes);
    o->n_nodes = s->n_nodes;
    o->n_initializers = s->n_inits;
    o->n_value_infos = s->n_infos;
    return SARD_OK;
}

/* The graph's own names first: those of its inputs and outputs stay what they are. */
static sard_status fill_graph(exporter *x, const graph *g, bool main, sink *s, onnx_graph *o, sard_error *err) {
    str name = g->mod->names.items[g->name], none;
    TRY(export_text(x, name.n ? name.p : "graph", name.n ? name.n : 5, &o->name, err));
    o->inputs = arena_calloc(x->mem, g->n_inputs, sizeof *o->inputs);
    o->outputs = arena_calloc(x->mem, g->n_outputs, sizeof *o->outputs);
    if (!o->inputs || !o->outputs) return err_nomem(err, sizeof *o->inputs);
    for (uint32_t i = 0; i < g->n_inputs; i++) TRY(name_of(x, g, g->inputs[i], &none, err));
    for (uint32_t i = 0; i < g->n_outputs; i++) {
        const str *want = &g->mod->names.items[g->output_names[i]];
        str *has = &x->names[g->id][g->outputs[i]];
        if (main && !has->p && want->n && strtab_find(&x->used, want->p, want->n) == STR_FAIL)
            TRY(unique_name(x, &x->used, want->p, has, err));
        TRY(name_of(x, g, g->outputs[i], &none, err));
    }
    for (value_id v = 0; v < g->n_values && main; v++) /* before bodies take them */
        if (g->values[v].name && (g->values[v].def != NO_ID || g->values[v].constant != NO_ID))
            TRY(name_of(x, g, v, &none, err));
    TRY(export_content(x, g, s, err));
    TRY(export_ends(x, g, main, s, o, err));
    if (main) TRY(export_infos(x, g, s, err));
    return close_sink(x, s, o, err);
}

static sard_status export_graph(exporter *x, const graph *g, bool main, onnx_graph **out, sard_error *err) {
    onnx_graph *o = arena_calloc(x->mem, 1, sizeof *o);
    sink s = {0};
    if (!o) return err_nomem(err, sizeof *o);
    const sard_status st = fill_graph(x, g, main, &s, o, err);
    mem_free(s.nodes);
    mem_free(s.inits);
    mem_free(s.infos);
    *out = o;
    return st;
}

static sard_status export_body(exporter *x, const graph *g, onnx_graph **out, sard_error *err) {
    FAIL_IF(++x->depth > GRAPH_DEPTH_MAX, err, SARD_LIMIT, "bodies are nested deeper than %d", GRAPH_DEPTH_MAX);
    const sard_status st = export_graph(x, g, false, out, err);
    x->depth--;
    return st;
}

/* ---- the model ---------------------------------------------------------------------------------------------------- */

/* The oldest IR version that goes with an opset of the default domain; 4 for initializers that are no inputs. */
static int64_t ir_of(int64_t opset) {
    static const uint8_t first[][2] = {{28, 14}, {25, 13}, {24, 12}, {23, 11}, {21, 10},
                                       {19, 9},  {15, 8},  {12, 7},  {11, 6},  {10, 5}};
    for (size_t i = 0; i < sizeof first / sizeof first[0]; i++)
        if (opset >= first[i][0]) return first[i][1];
    return 4;
}

static void copy_meta(const onnx_model *meta, onnx_model *out) {
    out->producer_name = meta->producer_name;
    out->producer_version = meta->producer_version;
    out->model_version = meta->model_version;
    out->domain = meta->domain;
    out->doc = meta->doc;
    out->metadata = meta->metadata;
    out->n_metadata = meta->n_metadata;
    if (!meta->graph || !out->graph) return;
    out->graph->name = meta->graph->name;
    out->graph->doc = meta->graph->doc;
}

static sard_status export_all(exporter *x, const onnx_model *meta, onnx_model *out, sard_error *err) {
    const module *m = x->m;
    x->names = arena_calloc(x->mem, m->n_graphs, sizeof *x->names);
    if (!x->names) return err_nomem(err, m->n_graphs * sizeof *x->names);
    if (strtab_init(&x->used) || strtab_init(&x->node_names)) return err_nomem(err, 64);
    TRY(need_version(x, "", 7, err));
    TRY(open_names(x, module_main(m), err));
    TRY(export_graph(x, module_main(m), true, &out->graph, err));
    out->opsets = arena_copy(x->mem, x->opsets, x->n_opsets * sizeof *x->opsets);
    if (!out->opsets) return err_nomem(err, x->n_opsets * sizeof *x->opsets);
    out->n_opsets = x->n_opsets;
    out->ir_version = ir_of(out->opsets[0].version);
    if (meta) copy_meta(meta, out);
    return SARD_OK;
}

sard_status export_model(const module *m, const onnx_model *meta, arena *mem, onnx_model *out, sard_error *err) {
    exporter x = {.m = m, .mem = mem};
    memset(out, 0, sizeof *out);
    onnx_store_init(&out->store);
    const sard_status st = export_all(&x, meta, out, err);
    strtab_free(&x.used);
    strtab_free(&x.node_names);
    mem_free(x.opsets);
    return st;
}
