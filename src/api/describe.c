/*
 * describe.c -- a model as JSON: what `sard inspect` shows.
 *
 * Shapes given are put on a copy of the graph and inferred through it; operations and bytes per node then follow from
 * the operators' own formulas. What stays symbolic counts as nothing and makes the sum inexact.
 */
#include "api/api.h"
#include "api/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { LIST_SHOWN = 64, DATA_SHOWN = 8 };

/* ---- shapes given -------------------------------------------------------------------------------------------------- */

typedef struct symbol_value {
    int64_t symbol, value;
} symbol_value;

static sard_status parse_dims(const char *s, size_t n, int64_t *dim, int *rank, sard_error *err) {
    *rank = 0;
    for (size_t at = 0; at < n;) {
        char *end;
        errno = 0;
        long long v = strtoll(s + at, &end, 10);
        const size_t used = (size_t)(end - (s + at));
        FAIL_IF(errno || used == 0 || v < 0 || *rank == MAX_RANK, err, SARD_INVALID_ARGUMENT,
                "'%.*s' is not a shape such as 1x3x224x224", (int)n, s);
        dim[(*rank)++] = v;
        at += used;
        FAIL_IF(at < n && s[at] != 'x' && s[at] != 'X', err, SARD_INVALID_ARGUMENT,
                "'%.*s' is not a shape such as 1x3x224x224", (int)n, s);
        at++;
    }
    return SARD_OK;
}

/* Sets the shape of one input; symbols that get a number are noted. */
static sard_status set_shape(graph *g, const char *item, size_t n, symbol_value *symbols, size_t *n_symbols,
                             sard_error *err) {
    const char *eq = memrchr(item, '=', n);
    FAIL_IF(!eq, err, SARD_INVALID_ARGUMENT, "shapes: '%.*s' is not NAME=1x2x3", (int)n, item);
    const str name = {item, (size_t)(eq - item)};
    int64_t dim[MAX_RANK];
    int rank;
    TRY(parse_dims(eq + 1, n - name.n - 1, dim, &rank, err));
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        value *v = &g->values[g->inputs[i]];
        if (!str_eq(g->mod->names.items[v->name], name)) continue;
        FAIL_IF(v->type.kind != SARD_KIND_TENSOR, err, SARD_INVALID_ARGUMENT, "shapes: input '%.*s' is no tensor",
                (int)name.n, name.p);
        FAIL_IF(v->type.rank >= 0 && v->type.rank != rank, err, SARD_INVALID_ARGUMENT,
                "shapes: input '%.*s' has rank %d, %d dimensions were given", (int)name.n, name.p, v->type.rank, rank);
        for (int k = 0; k < rank; k++) {
            const int64_t had = v->type.rank >= 0 ? v->type.dim[k] : DIM_UNKNOWN;
            FAIL_IF(dim_known(had) && had != dim[k], err, SARD_INVALID_ARGUMENT,
                    "shapes: input '%.*s', axis %d is %lld, %lld was given", (int)name.n, name.p, k, (long long)had,
                    (long long)dim[k]);
            if (dim_is_sym(had) && *n_symbols < 256) symbols[(*n_symbols)++] = (symbol_value){had, dim[k]};
            v->type.dim[k] = dim[k];
        }
        v->type.rank = (int8_t)rank;
        return SARD_OK;
    }
    return err_set(err, SARD_INVALID_ARGUMENT, "shapes: the model has no input '%.*s'", (int)name.n, name.p);
}

static sard_status apply_shapes(module *m, const char *shapes, sard_error *err) {
    graph *g = module_main(m);
    symbol_value symbols[256];
    size_t n_symbols = 0;
    for (const char *at = shapes; *at;) {
        const size_t n = strcspn(at, ",");
        if (n) TRY(set_shape(g, at, n, symbols, &n_symbols, err));
        at += n + (at[n] == ',');
    }
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        vtype *t = &g->values[g->inputs[i]].type;
        for (int k = 0; k < t->rank; k++)
            for (size_t s = 0; s < n_symbols; s++)
                if (t->dim[k] == symbols[s].symbol) t->dim[k] = symbols[s].value;
    }
    problems found = {0};
    TRY(graph_infer(g, &found, err));
    return problems_result(&found, err);
}

/* ---- work of a node ------------------------------------------------------------------------------------------------ */

typedef struct work {
    double flops, bytes;
    bool exact;
} work;

static double type_bytes(const vtype *t, bool *exact) {
    shape s;
    if (t->kind != SARD_KIND_TENSOR || !type_shape(t, &s)) {
        *exact = false;
        return 0;
    }
    return (double)shape_count(&s) * dtype_bits(t->dtype) / 8;
}

static sard_status node_work(const graph *g, const node *n, arena *mem, work *w, sard_error *err);

static sard_status body_work(const graph *b, arena *mem, work *w, sard_error *err) {
    for (uint32_t i = 0; i < b->n_nodes; i++) {
        if (b->nodes[i].dead) continue;
        work inner;
        TRY(node_work(b, &b->nodes[i], mem, &inner, err));
        w->flops += inner.flops;
        w->exact &= inner.exact;
    }
    return SARD_OK;
}

/* What the operator's own formula says, or one per element of the outputs. */
static sard_status own_flops(const graph *g, const node *n, arena *mem, work *w, sard_error *err) {
    const uint32_t n_in = node_n_in(n), n_out = node_n_out(n);
    const vtype **in = arena_calloc(mem, n_in + 1, sizeof *in);
    const tensor **constants = arena_calloc(mem, n_in + 1, sizeof *constants);
    vtype *in_flat = arena_calloc(mem, n_in + 1, sizeof *in_flat), *out = arena_calloc(mem, n_out + 1, sizeof *out);
    bool *wanted = arena_calloc(mem, n_out + 1, sizeof *wanted);
    if (!in || !constants || !in_flat || !out || !wanted) return err_nomem(err, (n_in + n_out) * sizeof *out);
    for (uint32_t i = 0; i < n_in; i++) {
        const value_id v = node_in(g, n, i);
        in_flat[i] = v == NO_ID ? type_unknown() : g->values[v].type;
        if (v == NO_ID) continue;
        in[i] = &in_flat[i];
        if (g->values[v].constant != NO_ID) constants[i] = mod_const_tensor(g->mod, g->values[v].constant);
    }
    bool known = true;
    for (uint32_t i = 0; i < n_out; i++) {
        const value_id v = node_out(g, n, i);
        wanted[i] = v != NO_ID;
        out[i] = v == NO_ID ? type_unknown() : g->values[v].type;
        if (wanted[i]) known &= out[i].kind != SARD_KIND_TENSOR || type_static(&out[i]);
    }
    w->exact &= known;
    if (!known) return SARD_OK;
    size_t packed = 0;
    const op_prep p = {.mod = g->mod,
                       .g = g,
                       .node = n,
                       .in = in,
                       .in_const = constants,
                       .n_in = n_in,
                       .out = out,
                       .wanted = wanted,
                       .n_out = n_out,
                       .packed = &packed};
    bool ins_known = true;
    for (uint32_t i = 0; i < n_in; i++) ins_known &= !in[i] || in[i]->kind != SARD_KIND_TENSOR || type_static(in[i]);
    if (n->op->flops) {
        if (ins_known)
            w->flops += n->op->flops(&p, in_flat, out);
        else
            w->exact = false;
    } else if (!(n->op->flags & (OP_VIEW0 | OP_SHAPE_ONLY)) && n_out && out[0].kind == SARD_KIND_TENSOR) {
        shape s;
        if (type_shape(&out[0], &s)) w->flops += (double)shape_count(&s);
    }
    return SARD_OK;
}

static sard_status node_work(const graph *g, const node *n, arena *mem, work *w, sard_error *err) {
    *w = (work){.exact = true};
    for (uint32_t i = 0; i < node_n_in(n); i++) {
        const value_id v = node_in(g, n, i);
        if (v != NO_ID) w->bytes += type_bytes(&g->values[v].type, &w->exact);
    }
    for (uint32_t i = 0; i < node_n_out(n); i++) {
        const value_id v = node_out(g, n, i);
        if (v != NO_ID) w->bytes += type_bytes(&g->values[v].type, &w->exact);
    }
    if (n->bodies.n == 0) return own_flops(g, n, mem, w, err);
    for (uint32_t i = 0; i < n->bodies.n; i++) {
        const graph *b = node_body(g, n, i);
        if (b) TRY(body_work(b, mem, w, err));
    }
    if (strcmp(n->op->domain, "sard") != 0) w->exact = false; /* how often a body runs is not known */
    return SARD_OK;
}

/* ---- JSON of types, values, attributes ----------------------------------------------------------------------------- */

static void put_str(json *j, const module *m, str_id s) { json_str(j, m->names.items[s].p, m->names.items[s].n); }

static void put_dims(json *j, const module *m, const vtype *t) {
    json_open(j, '[');
    for (int i = 0; i < t->rank; i++) {
        if (dim_known(t->dim[i]))
            json_int(j, t->dim[i]);
        else if (dim_is_sym(t->dim[i]))
            put_str(j, m, DIM_SYM_ID(t->dim[i]));
        else
            json_null(j);
    }
    json_close(j, ']');
}

static sard_status put_type(json *j, const module *m, const vtype *t, arena *mem, sard_error *err) {
    const sard_type *pub;
    char text[256];
    TRY(api_type(m, t, NULL, mem, &pub, err));
    sard_type_text(pub, text, sizeof text);
    json_key_str(j, "type", text);
    if (t->kind != SARD_KIND_TENSOR && t->kind != SARD_KIND_SPARSE_TENSOR) return SARD_OK;
    json_key_str(j, "dtype", sard_dtype_name(t->dtype));
    if (t->rank < 0) return SARD_OK;
    json_key(j, "dims");
    put_dims(j, m, t);
    return SARD_OK;
}

/* The first elements of a small constant. */
static void put_data(json *j, const tensor *t) {
    const int64_t n = tensor_count(t);
    if (n > DATA_SHOWN || t->dtype == SARD_C64 || t->dtype == SARD_C128) return;
    json_key(j, "data");
    json_open(j, '[');
    for (int64_t i = 0; i < n; i++) {
        if (t->dtype == SARD_STRING)
            json_str(j, TENSOR_AT(t, str)[i].n ? TENSOR_AT(t, str)[i].p : "", TENSOR_AT(t, str)[i].n);
        else if (dtype_in(t->dtype, DT_INT | DT_BOOL))
            json_int(j, tensor_get_i64(t, i));
        else
            json_num(j, tensor_get_f64(t, i));
    }
    json_close(j, ']');
}

static sard_status put_value(json *j, const graph *g, value_id id, arena *mem, sard_error *err) {
    const value *v = &g->values[id];
    json_open(j, '{');
    json_key_int(j, "id", id);
    json_key(j, "name");
    put_str(j, g->mod, v->name);
    TRY(put_type(j, g->mod, &v->type, mem, err));
    if (v->constant != NO_ID) {
        const tensor *t = mod_const_tensor(g->mod, v->constant);
        json_key(j, "constant");
        json_bool(j, true);
        if (v->overridable) {
            json_key(j, "overridable");
            json_bool(j, true);
        }
        if (t) put_data(j, t);
    }
    json_close(j, '}');
    return SARD_OK;
}

static void put_list(json *j, const attr *a) {
    const size_t n = a->type == ATTR_INTS ? a->ints.n : a->type == ATTR_FLOATS ? a->floats.n : a->strs.n;
    json_key_int(j, "length", (int64_t)n);
    json_key(j, "value"); /* the first of them */
    json_open(j, '[');
    for (size_t i = 0; i < n && i < LIST_SHOWN; i++) {
        if (a->type == ATTR_INTS)
            json_int(j, a->ints.v[i]);
        else if (a->type == ATTR_FLOATS)
            json_num(j, (double)a->floats.v[i]);
        else
            json_str(j, a->strs.v[i].n ? a->strs.v[i].p : "", a->strs.v[i].n);
    }
    json_close(j, ']');
}

static void put_attr(json *j, const graph *g, const node *n, uint32_t i) {
    const attr *a = node_attr(n, i);
    char text[128];
    const tensor *t;
    json_open(j, '{');
    json_key(j, "name");
    if (n->op->flags & OP_ANY_ATTRS || i >= n->op->n_attrs)
        put_str(j, g->mod, a->name);
    else
        json_str(j, n->op->attrs[i].name, strlen(n->op->attrs[i].name));
    json_key_str(j, "type", attr_type_name(a->type));
    switch (a->type) {
    case ATTR_INT:
        json_key_int(j, "value", a->i);
        break;
    case ATTR_FLOAT:
        json_key(j, "value");
        json_num(j, (double)a->f);
        break;
    case ATTR_STRING:
        json_key(j, "value");
        json_str(j, a->s.n ? a->s.p : "", a->s.n);
        break;
    case ATTR_INTS:
    case ATTR_FLOATS:
    case ATTR_STRINGS:
        put_list(j, a);
        break;
    case ATTR_TENSOR:
        t = mod_const_tensor(g->mod, a->tensor);
        if (t) json_key_str(j, "value", tensor_text(t, text, sizeof text));
        break;
    default:
        break;
    }
    json_close(j, '}');
}

/* ---- nodes and graphs ---------------------------------------------------------------------------------------------- */

static void put_ids(json *j, const char *key, const value_id *ids, uint32_t n) {
    json_key(j, key);
    json_open(j, '[');
    for (uint32_t i = 0; i < n; i++) {
        if (ids[i] == NO_ID)
            json_null(j);
        else
            json_int(j, ids[i]);
    }
    json_close(j, ']');
}

static void put_origin(json *j, const module *m, const node *n) {
    if (n->origin >= m->n_origins) return;
    const origin *o = &m->origins[n->origin];
    json_key(j, "name");
    put_str(j, m, o->name);
    if (o->path) {
        json_key(j, "path");
        put_str(j, m, o->path);
    }
    json_key(j, "file_op");
    put_str(j, m, o->op);
    json_key_int(j, "file_version", o->version);
    json_key_int(j, "file_index", o->index);
    uint32_t merged = 0;
    for (origin_id k = o->next; k < m->n_origins && merged < m->n_origins; k = m->origins[k].next) merged++;
    if (merged) json_key_int(j, "merged", merged);
}

static sard_status put_graph(json *j, const graph *g, arena *mem, work *total, sard_error *err);

static sard_status put_bodies(json *j, const graph *g, const node *n, arena *mem, sard_error *err) {
    json_key(j, "bodies");
    json_open(j, '[');
    uint32_t at = 0;
    for (uint32_t i = 0; i < n->bodies.n; i++) {
        const graph *b = node_body(g, n, i);
        if (!b) continue;
        while (at < n->n_attrs && n->attrs[at].type != ATTR_GRAPH) at++;
        json_open(j, '{');
        if (at < n->n_attrs && at < n->op->n_attrs) json_key_str(j, "attribute", n->op->attrs[at].name);
        at++;
        json_key(j, "graph");
        work inner = {.exact = true};
        TRY(put_graph(j, b, mem, &inner, err));
        json_close(j, '}');
    }
    json_close(j, ']');
    return SARD_OK;
}

static sard_status put_node(json *j, const graph *g, const node *n, arena *mem, work *total, sard_error *err) {
    json_open(j, '{');
    json_key_str(j, "op", n->op->name);
    json_key_str(j, "domain", n->op->domain);
    put_origin(j, g->mod, n);
    put_ids(j, "inputs", span_ids(g, n->in), n->in.n);
    put_ids(j, "outputs", span_ids(g, n->out), n->out.n);
    json_key(j, "attributes");
    json_open(j, '[');
    for (uint32_t i = 0; i < n->n_attrs; i++)
        if (n->attrs[i].type != ATTR_NONE && n->attrs[i].type != ATTR_GRAPH && !n->attrs[i].defaulted)
            put_attr(j, g, n, i);
    json_close(j, ']');
    work w;
    TRY(node_work(g, n, mem, &w, err));
    json_key(j, "flops");
    json_num(j, w.flops);
    json_key(j, "bytes");
    json_num(j, w.bytes);
    json_key(j, "exact");
    json_bool(j, w.exact);
    total->flops += w.flops;
    total->bytes += w.bytes;
    total->exact &= w.exact;
    if (n->captures.n) put_ids(j, "captures", span_ids(g, n->captures), n->captures.n);
    if (n->bodies.n) TRY(put_bodies(j, g, n, mem, err));
    json_close(j, '}');
    return SARD_OK;
}

/* Values that something of the graph names, in order of their numbers. */
static sard_status put_values(json *j, const graph *g, arena *mem, sard_error *err) {
    bool *used = mem_calloc((size_t)g->n_values + 1, sizeof *used);
    if (!used) return err_nomem(err, g->n_values);
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        const node *n = &g->nodes[i];
        if (n->dead) continue;
        const span spans[] = {n->in, n->out, n->captures};
        for (int s = 0; s < 3; s++)
            for (uint32_t k = 0; k < spans[s].n; k++)
                if (span_ids(g, spans[s])[k] != NO_ID) used[span_ids(g, spans[s])[k]] = true;
    }
    for (uint32_t i = 0; i < g->n_inputs; i++) used[g->inputs[i]] = true;
    for (uint32_t i = 0; i < g->n_outputs; i++) used[g->outputs[i]] = true;
    for (uint32_t i = 0; i < g->n_captures; i++) used[g->captures[i]] = true;
    json_key(j, "values");
    json_open(j, '[');
    sard_status st = SARD_OK;
    for (value_id v = 0; v < g->n_values && st == SARD_OK; v++)
        if (used[v]) st = put_value(j, g, v, mem, err);
    json_close(j, ']');
    mem_free(used);
    return st;
}

static sard_status put_graph(json *j, const graph *g, arena *mem, work *total, sard_error *err) {
    json_open(j, '{');
    json_key(j, "name");
    put_str(j, g->mod, g->name);
    put_ids(j, "inputs", g->inputs, g->n_inputs);
    put_ids(j, "outputs", g->outputs, g->n_outputs);
    put_ids(j, "captures", g->captures, g->n_captures);
    TRY(put_values(j, g, mem, err));
    node_id *order;
    uint32_t n;
    TRY(graph_order(g, &order, &n, err));
    json_key(j, "nodes");
    json_open(j, '[');
    sard_status st = SARD_OK;
    for (uint32_t i = 0; i < n && st == SARD_OK; i++) st = put_node(j, g, &g->nodes[order[i]], mem, total, err);
    mem_free(order);
    json_close(j, ']');
    json_close(j, '}');
    return st;
}

/* ---- the model ------------------------------------------------------------------------------------------------------ */

static sard_status put_io(json *j, const module *m, const char *key, const model_io *io, uint32_t n,
                          const value_id *now, arena *mem, sard_error *err) {
    const graph *g = module_main(m);
    json_key(j, key);
    json_open(j, '[');
    for (uint32_t i = 0; i < n; i++) {
        const value_id v = now[io[i].index];
        json_open(j, '{');
        json_key_str(j, "name", io[i].name);
        TRY(put_type(j, m, &g->values[v].type, mem, err));
        json_close(j, '}');
    }
    json_close(j, ']');
    return SARD_OK;
}

static void put_head(json *j, const sard_model *m, int stage) {
    static const char *const texts[] = {"producer_name", "producer_version", "domain",
                                        "doc_string",    "graph_name",       "graph_doc_string"};
    json_key_str(j, "sard", sard_version());
    json_key_str(j, "stage", stage ? "compiled" : "imported");
    json_key_str(j, "file", m->path);
    json_key_int(j, "ir_version", m->meta.ir_version);
    json_key_int(j, "model_version", m->meta.model_version);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) json_key_str(j, texts[i], sard_model_text(m, texts[i]));
    json_key(j, "opsets");
    json_open(j, '[');
    for (size_t i = 0; i < m->meta.n_opsets; i++) {
        json_open(j, '{');
        json_key_str(j, "domain", m->meta.opsets[i].domain.p);
        json_key_int(j, "version", m->meta.opsets[i].version);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_key(j, "metadata");
    json_open(j, '[');
    for (size_t i = 0; i < m->meta.n_metadata; i++) {
        json_open(j, '{');
        json_key_str(j, "key", m->meta.metadata[i].key.p);
        json_key_str(j, "value", m->meta.metadata[i].value.p);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static sard_status describe(json *j, const sard_model *m, const module *mod, int stage, arena *mem, sard_error *err) {
    const graph *g = module_main(mod);
    FAIL_IF(g->n_inputs != m->n_graph_in || g->n_outputs != m->n_out, err, SARD_INTERNAL,
            "the compiled graph has other inputs or outputs than the model");
    json_open(j, '{');
    put_head(j, m, stage);
    TRY(put_io(j, mod, "inputs", m->in, m->n_in, g->inputs, mem, err));
    TRY(put_io(j, mod, "overridables", m->over, m->n_over, g->inputs, mem, err));
    TRY(put_io(j, mod, "outputs", m->out, m->n_out, g->outputs, mem, err));
    work total = {.exact = true};
    json_key(j, "graph");
    TRY(put_graph(j, g, mem, &total, err));
    sard_model_stats s;
    sard_model_get_stats(m, &s);
    json_key(j, "stats");
    json_open(j, '{');
    json_key_int(j, "parameters", (int64_t)s.parameters);
    json_key_int(j, "weight_bytes", (int64_t)s.weight_bytes);
    json_key_int(j, "packed_bytes", (int64_t)s.packed_bytes);
    json_key_int(j, "nodes", (int64_t)s.nodes);
    json_key_int(j, "steps", (int64_t)s.steps);
    json_key(j, "flops");
    json_num(j, total.flops);
    json_key(j, "bytes");
    json_num(j, total.bytes);
    json_key(j, "exact");
    json_bool(j, total.exact);
    json_close(j, '}');
    json_close(j, '}');
    return j->out.failed ? err_nomem(err, j->out.n) : SARD_OK;
}

sard_status sard_model_describe(const sard_model *m, const char *shapes, int stage, char **text, sard_error *err) {
    const module *mod = NULL;
    TRY(api_stage(m, stage, &mod, err));
    module *copy = NULL;
    arena mem;
    arena_init(&mem);
    json j = {0};
    sard_status st = SARD_OK;
    if (shapes && *shapes) {
        st = module_clone(mod, &copy, err);
        if (st == SARD_OK) st = apply_shapes(copy, shapes, err);
        mod = copy;
    }
    if (st == SARD_OK) st = describe(&j, m, mod, stage, &mem, err);
    if (copy) module_free(copy);
    arena_free(&mem);
    st = sb_take(&j.out, st, text, err);
    return st == SARD_OK ? st : err_context(err, st, "describe");
}
