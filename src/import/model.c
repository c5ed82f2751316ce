/*
 * model.c -- a whole model: opsets, inputs, initializers, nodes, outputs; and the bodies of control operators.
 */
#include <stdio.h>

#include "import/importer.h"

/* ---- opsets ------------------------------------------------------------------------------------------------------- */

/* The highest of several (some converters write the default domain twice). */
static int64_t version_in(const onnx_opset *v, size_t n, str domain) {
    int64_t best = 0;
    for (size_t i = 0; i < n; i++)
        if (str_eq(onnx_domain(v[i].domain), domain) && v[i].version > best) best = v[i].version;
    return best;
}

int64_t import_opset(const scope *s, str domain) {
    const onnx_model *src = s->im->src;
    for (const env *e = s->env; e; e = e->up) {
        const int64_t v = version_in(e->opsets, e->n_opsets, domain);
        if (v) return v;
    }
    return !domain.n && !src->n_opsets && src->ir_version < 3 ? 1 : 0;
}

static void check_version(importer *im, str domain, int64_t version) {
    const int64_t max = !domain.n ? OPSET_MAX : str_is(domain, "ai.onnx.ml") ? OPSET_ML_MAX : INT64_MAX;
    char shown[SHOW];
    if (version > max)
        problem_add(im->p, SARD_UNSUPPORTED, "", "the model imports opset %lld of '%s'; up to %lld is supported",
                    (long long)version, domain.n ? onnx_show(domain, shown) : "ai.onnx", (long long)max);
}

static sard_status read_opsets(importer *im, sard_error *err) {
    const onnx_model *src = im->src;
    module *m = im->m;
    FAIL_IF(src->n_opsets > 10000, err, SARD_LIMIT, "more than 10000 opset imports");
    m->opsets = mem_calloc(src->n_opsets, sizeof *m->opsets);
    if (!m->opsets) return err_nomem(err, src->n_opsets * sizeof *m->opsets);
    for (size_t i = 0; i < src->n_opsets; i++) {
        str_id domain;
        uint32_t k = 0;
        TRY(intern(im, onnx_domain(src->opsets[i].domain), &domain, err));
        while (k < m->n_opsets && m->opsets[k].domain != domain) k++;
        if (k == m->n_opsets) m->opsets[m->n_opsets++] = (opset_import){.domain = domain};
        if (src->opsets[i].version > m->opsets[k].version) m->opsets[k].version = src->opsets[i].version;
    }
    for (uint32_t k = 0; k < m->n_opsets; k++)
        check_version(im, m->names.items[m->opsets[k].domain], m->opsets[k].version);
    return SARD_OK;
}

/* ---- initializers ------------------------------------------------------------------------------------------------- */

/* The caller's value instead of the file's, of the same type; *v is replaced. */
static void override(importer *im, str_id name, const char *where, sard_value **v) {
    uint64_t i;
    if (!map_get(&im->overrides, name, &i)) return;
    im->override_used[i] = true;
    sard_value *mine = im->o->overrides[i].v;
    char text[2][200];
    const bool same = value_is_tensor(mine) && value_is_tensor(*v) && mine->t.dtype == (*v)->t.dtype &&
                      mine->t.rank == (*v)->t.rank &&
                      !memcmp(mine->t.dim, (*v)->t.dim, mine->t.rank * sizeof *mine->t.dim);
    if (!same) {
        problem_add(im->p, SARD_INVALID_ARGUMENT, where, "is %s; the value given instead is %s",
                    value_text(*v, text[0], sizeof text[0]), value_text(mine, text[1], sizeof text[1]));
        return;
    }
    sard_value_unref(*v);
    *v = sard_value_ref(mine);
}

/* Data of another file is not looked for when the caller gives a value of that type. */
static bool replaced_file(importer *im, str_id name, const onnx_tensor *t, sard_value **v) {
    uint64_t i;
    if (t->data_location != ONNX_EXTERNAL || !map_get(&im->overrides, name, &i)) return false;
    sard_value *mine = im->o->overrides[i].v;
    if (!value_is_tensor(mine) || mine->t.dtype != t->data_type || mine->t.rank != t->n_dims ||
        memcmp(mine->t.dim, t->dims, t->n_dims * sizeof *t->dims))
        return false;
    *v = sard_value_ref(mine);
    return true;
}

/* Defines the value, or gives the graph input of that name its default. */
static sard_status bind_initializer(scope *s, str name, const char *where, const_id c, bool body, sard_error *err) {
    importer *im = s->im;
    str_id key;
    uint64_t at;
    TRY(intern(im, name, &key, err));
    if (!map_get(&s->names, key, &at)) {
        value_id v;
        TRY(scope_define(s, name, where, &v, err));
        return value_set_constant(s->g, v, c, err);
    }
    value *v = &s->g->values[at];
    if (body || v->constant != NO_ID) {
        problem_add(im->p, SARD_INVALID_MODEL, where,
                    v->constant != NO_ID ? "is there twice" : "is a body's input, too");
        return SARD_OK;
    }
    const vtype declared = v->type;
    TRY(value_set_constant(s->g, (value_id)at, c, err));
    vtype both = s->g->values[at].type;
    char text[2][200];
    if (!type_merge(im->m, &both, &declared))
        problem_add(im->p, SARD_INVALID_MODEL, where, "is %s, but as an input it is declared as %s",
                    type_text(im->m, &s->g->values[at].type, text[0], sizeof text[0]),
                    type_text(im->m, &declared, text[1], sizeof text[1]));
    if (im->src->ir_version < 4) return SARD_OK;
    s->g->values[at].overridable = true;
    /* its default is but one value of what is declared */
    if (declared.kind == SARD_KIND_TENSOR && declared.rank >= 0) s->g->values[at].type = declared;
    s->g->values[at].ints = (known){0};
    return SARD_OK;
}

static sard_status add_initializer(scope *s, const onnx_tensor *t, const onnx_sparse *sparse, bool body,
                                   sard_error *err) {
    importer *im = s->im;
    const str name = sparse ? (sparse->values ? sparse->values->name : (str){0}) : t->name;
    char where[WHERE], shown[SHOW];
    sard_value *v;
    sard_error e;
    str_id id;
    snprintf(where, sizeof where, "initializer '%s'", onnx_show(name, shown));
    if (!name.n) {
        problem_add(im->p, SARD_INVALID_MODEL, where, "has no name");
        return SARD_OK;
    }
    TRY(intern(im, name, &id, err));
    const bool replaced = !body && !sparse && replaced_file(im, id, t, &v);
    const sard_status st = replaced ? SARD_OK
                           : sparse ? import_sparse(im, sparse, &v, &e)
                                    : import_tensor(im->src, t, im->o->copy_weights, &v, &e);
    if (st == SARD_OUT_OF_MEMORY) return err_set(err, st, "%s: %s", where, e.message);
    if (st != SARD_OK) {
        value_id none;
        problem_add(im->p, st, where, "%s", e.message);
        return scope_define(s, name, where, &none, err); /* so that its uses are not told as well */
    }
    const sard_value *from_file = v;
    const_id c;
    if (!body) override(im, id, where, &v);
    const bool in_place = v == from_file && !replaced && !sparse && !im->o->copy_weights;
    TRY(mod_constant(im->m, v, &c, err));
    im->m->constants[c].in_place = in_place;
    return bind_initializer(s, name, where, c, body, err);
}

/* ---- graphs ------------------------------------------------------------------------------------------------------- */

static sard_status add_inputs(scope *s, const onnx_graph *og, value_id *in, sard_error *err) {
    for (size_t i = 0; i < og->n_inputs; i++) {
        char where[WHERE], shown[SHOW];
        vtype t;
        snprintf(where, sizeof where, "graph input '%s'", onnx_show(og->inputs[i].name, shown));
        if (!og->inputs[i].name.n) problem_add(s->im->p, SARD_INVALID_MODEL, where, "has no name");
        TRY(scope_define(s, og->inputs[i].name, where, &in[i], err));
        if (in[i] == NO_ID) continue;
        TRY(import_type(s->im, og->inputs[i].type, where, &t, err));
        s->g->values[in[i]].type = t;
        if (t.kind != SARD_KIND_UNKNOWN) TRY(mod_type(s->im->m, &t, &s->g->values[in[i]].declared, err));
    }
    return SARD_OK;
}

/* Inputs without those that are plain constants (before IR 4 every initializer is an input, too). */
static sard_status set_inputs(scope *s, value_id *in, size_t n, sard_error *err) {
    uint32_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        const value *v = in[i] == NO_ID ? NULL : &s->g->values[in[i]];
        if (v && (v->constant == NO_ID || v->overridable)) in[kept++] = in[i];
    }
    return graph_set_inputs(s->g, in, kept, err);
}

static sard_status set_outputs(scope *s, const onnx_graph *og, value_id *out, sard_error *err) {
    uint32_t n = 0;
    for (size_t i = 0; i < og->n_outputs; i++) {
        bool known;
        char shown[SHOW];
        TRY(scope_find(s, og->outputs[i].name, &known, &out[n], err));
        if (known && out[n] != NO_ID)
            n++;
        else
            problem_add(s->im->p, SARD_INVALID_MODEL, "", "graph output '%s' is not defined by anything",
                        onnx_show(og->outputs[i].name, shown));
    }
    return graph_set_outputs(s->g, out, n, err);
}

static sard_status import_graph(scope *s, const onnx_graph *og, bool body, value_id *ids, sard_error *err) {
    TRY(intern(s->im, og->name, &s->g->name, err));
    TRY(scope_declare(s, og->outputs, og->n_outputs, "graph output", err));
    TRY(scope_declare(s, og->value_infos, og->n_value_infos, "value", err));
    TRY(add_inputs(s, og, ids, err));
    for (size_t i = 0; i < og->n_initializers; i++) TRY(add_initializer(s, &og->initializers[i], NULL, body, err));
    for (size_t i = 0; i < og->n_sparse_initializers; i++)
        TRY(add_initializer(s, NULL, &og->sparse_initializers[i], body, err));
    TRY(set_inputs(s, ids, og->n_inputs, err));
    TRY(import_nodes(s, og->nodes, og->n_nodes, err));
    return set_outputs(s, og, ids, err);
}

static sard_status import_scope(scope *s, const onnx_graph *og, bool body, sard_error *err) {
    const size_t n = og->n_inputs > og->n_outputs ? og->n_inputs : og->n_outputs;
    FAIL_IF(n >= NO_ID, err, SARD_LIMIT, "more than 2^32 inputs or outputs");
    value_id *ids = mem_alloc(n * sizeof *ids);
    if (!ids) return err_nomem(err, n * sizeof *ids);
    sard_status st = import_graph(s, og, body, ids, err);
    if (st == SARD_OK && body) st = scope_close_captures(s, err);
    mem_free(ids);
    scope_deinit(s);
    return st;
}

sard_status import_body(scope *outer, const onnx_graph *og, const char *name, captures *caps, graph_id *out,
                        sard_error *err) {
    importer *im = outer->im;
    FAIL_IF(im->depth >= GRAPH_DEPTH_MAX, err, SARD_LIMIT, "bodies are nested deeper than %d", GRAPH_DEPTH_MAX);
    FAIL_IF(!caps, err, SARD_INVALID_MODEL, "a Constant with a graph");
    scope s = {.im = im, .env = outer->env, .outer = outer, .caps = caps};
    strbuf b = {0};
    const char *path = mod_str(im->m, outer->path);
    sb_printf(&b, "%s%s%s", path, *path ? "/" : "", name);
    sard_status st = b.failed ? err_nomem(err, b.n) : mod_intern(im->m, b.p, b.n, &s.path, err);
    sb_free(&b);
    if (st == SARD_OK) st = graph_new(im->m, &s.g, err);
    if (st != SARD_OK) return st;
    *out = s.g->id;
    im->depth++;
    st = import_scope(&s, og, true, err);
    im->depth--;
    return st;
}

/* ---- the whole ---------------------------------------------------------------------------------------------------- */

static sard_status read_options(importer *im, sard_error *err) {
    const import_options *o = im->o;
    str_id id;
    im->override_used = mem_calloc(o->n_overrides, sizeof *im->override_used);
    im->dim_used = mem_calloc(o->n_dims, sizeof *im->dim_used);
    if (!im->override_used || !im->dim_used) return err_nomem(err, o->n_overrides);
    for (size_t i = 0; i < o->n_overrides; i++) {
        TRY(intern(im, str_of(o->overrides[i].name), &id, err));
        if (map_put(&im->overrides, id, i)) return err_nomem(err, 64);
    }
    for (size_t i = 0; i < o->n_dims; i++) {
        TRY(intern(im, str_of(o->dims[i].name), &id, err));
        if (map_put(o->dims[i].denotation ? &im->denotations : &im->dims, id, i)) return err_nomem(err, 64);
        if (o->dims[i].value < 0)
            problem_add(im->p, SARD_INVALID_ARGUMENT, "", "dimension '%s' cannot be %lld", o->dims[i].name,
                        (long long)o->dims[i].value);
    }
    return SARD_OK;
}

static void tell_unsupported(const importer *im) {
    for (uint32_t i = 0; i < im->n_missing; i++) {
        const unsupported *u = &im->missing[i];
        const char *domain = mod_str(im->m, u->domain);
        problem_add(im->p, SARD_UNSUPPORTED, "", "operator %s%s%s (opset %lld) is not supported: %u node%s, first %s",
                    domain, *domain ? "." : "", mod_str(im->m, u->op), (long long)u->version, u->count,
                    u->count == 1 ? "" : "s", u->first);
    }
    for (size_t i = 0; i < im->o->n_overrides && !im->o->ignore_unknown_initializers; i++)
        if (!im->override_used[i])
            problem_add(im->p, SARD_INVALID_ARGUMENT, "", "the model has no initializer '%s'",
                        im->o->overrides[i].name);
    for (size_t i = 0; i < im->o->n_dims && !im->o->ignore_unknown_dims; i++)
        if (!im->dim_used[i])
            problem_add(im->p, SARD_INVALID_ARGUMENT, "", "the model has no symbolic dimension %s'%s' to fix",
                        im->o->dims[i].denotation ? "of denotation " : "", im->o->dims[i].name);
}

static sard_status import_all(importer *im, sard_error *err) {
    const onnx_model *src = im->src;
    const env e = {.opsets = src->opsets, .n_opsets = src->n_opsets};
    scope s = {.im = im, .g = module_main(im->m), .env = &e};
    FAIL_IF(!src->graph, err, SARD_INVALID_MODEL, "the model has no graph");
    TRY(read_options(im, err));
    TRY(read_opsets(im, err));
    TRY(functions_index(im, err));
    TRY(import_scope(&s, src->graph, false, err));
    tell_unsupported(im);
    return import_align(im->m, err);
}

sard_status import_model(onnx_model *src, const import_options *o, module **out, sard_error *err) {
    problems own = {0};
    importer im = {.src = src, .o = o, .p = o->problems ? o->problems : &own};
    const uint32_t before = im.p->count;
    TRY(module_new(o->ops, &im.m, err));
    im.m->ctl = o->ctl;
    sard_status st = import_all(&im, err);
    if (st == SARD_OK && im.p->count != before) st = problems_result(im.p, err);
    mem_free(im.override_used);
    mem_free(im.dim_used);
    mem_free(im.missing);
    map_free(&im.functions);
    map_free(&im.ops);
    map_free(&im.overrides);
    map_free(&im.dims);
    map_free(&im.denotations);
    if (st != SARD_OK) {
        module_free(im.m);
        return st;
    }
    *out = im.m;
    return SARD_OK;
}
