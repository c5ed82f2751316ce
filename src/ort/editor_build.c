/*
 * editor_build.c -- from a client's model to the public API's builder, and the sessions that come of it: new ones, and
 * those that add to a model of a file.
 */
#include "ort/graph.h"

#include <stdlib.h>
#include <string.h>

/* Each call of the builder's keeps the first failure, so that only the last one need be looked at. */

/* ---- types -------------------------------------------------------------------------------------------------------- */

static const sard_type *builder_type(sard_builder *b, const OrtTypeInfo *t) {
    static const sard_kind kinds[] = {[ONNX_TYPE_TENSOR] = SARD_KIND_TENSOR,
                                      [ONNX_TYPE_SEQUENCE] = SARD_KIND_SEQUENCE,
                                      [ONNX_TYPE_MAP] = SARD_KIND_MAP,
                                      [ONNX_TYPE_SPARSETENSOR] = SARD_KIND_SPARSE_TENSOR,
                                      [ONNX_TYPE_OPTIONAL] = SARD_KIND_OPTIONAL};
    const sard_type *elem = t->elem ? builder_type(b, t->elem) : NULL; /* as deep as the client nested them */
    const sard_kind kind = kinds[t->kind];
    if (kind == SARD_KIND_TENSOR || kind == SARD_KIND_SPARSE_TENSOR) {
        /* Clients give no dimensions where they mean any: a declared scalar takes every shape, here as there. */
        const int rank = t->tensor.has_shape && t->tensor.rank ? (int)t->tensor.rank : -1;
        return sard_builder_tensor_type(b, kind, ort_type_to(t->tensor.type), rank, t->tensor.dims,
                                        (const char *const *)t->tensor.names);
    }
    return sard_builder_type_of(b, kind, ort_type_to(t->key), elem);
}

static void add_infos(sard_builder *b, OrtValueInfo *const *infos, size_t n, bool inputs) {
    for (size_t i = 0; i < n; i++) {
        const sard_type *t = builder_type(b, infos[i]->type);
        if (inputs)
            sard_builder_input_typed(b, infos[i]->name, t, NULL);
        else
            sard_builder_output_typed(b, infos[i]->name, t, NULL);
    }
}

/* ---- nodes -------------------------------------------------------------------------------------------------------- */

static OrtStatus *add_strings(sard_builder *b, const OrtOpAttr *a) {
    const char *few[16], **texts = a->n <= 16 ? few : calloc(a->n, sizeof *texts);
    if (!texts) return ort_no_memory(a->n * sizeof *texts);
    for (size_t i = 0; i < a->n; i++) texts[i] = a->strings[i].p ? a->strings[i].p : "";
    sard_builder_attr_strings(b, a->name, texts, a->n, NULL);
    if (texts != few) free(texts);
    return NULL;
}

static OrtStatus *add_attr(sard_builder *b, const OrtOpAttr *a) {
    switch (a->type) {
    case ORT_OP_ATTR_INT:
        sard_builder_attr_int(b, a->name, a->i, NULL);
        return NULL;
    case ORT_OP_ATTR_INTS:
        sard_builder_attr_ints(b, a->name, a->ints, a->n, NULL);
        return NULL;
    case ORT_OP_ATTR_FLOAT:
        sard_builder_attr_float(b, a->name, a->f, NULL);
        return NULL;
    case ORT_OP_ATTR_FLOATS:
        sard_builder_attr_floats(b, a->name, a->floats, a->n, NULL);
        return NULL;
    case ORT_OP_ATTR_STRING:
        sard_builder_attr_string(b, a->name, a->s.p, a->s.n, NULL);
        return NULL;
    case ORT_OP_ATTR_STRINGS:
        return add_strings(b, a);
    case ORT_OP_ATTR_TENSOR:
        sard_builder_attr_tensor(b, a->name, a->tensor, NULL);
        return NULL;
    default:
        return ort_fail(ORT_INVALID_ARGUMENT, "the attribute '%s' has a type that nodes cannot have: %d", a->name,
                        (int)a->type);
    }
}

/* The tensor of an initializer: copied when its memory need not stay longer than the graph. */
static OrtStatus *tensor_of(const ort_initializer *i, sard_value **out) {
    TRY_ORT(ort_value_get(i->value, out));
    if (i->external || !i->value->borrowed) return NULL;
    sard_error err;
    sard_value *v = *out;
    const sard_status st = sard_tensor_new(sard_tensor_dtype(v), sard_tensor_rank(v), sard_tensor_dims(v), out, &err);
    if (st == SARD_OK && sard_tensor_bytes(v))
        memcpy(sard_tensor_data_mut(*out), sard_tensor_data(v), sard_tensor_bytes(v));
    sard_value_unref(v);
    return st == SARD_OK ? NULL : ort_from_error(st, &err, false);
}

/* All but inputs and outputs of the graph. */
static OrtStatus *add_content(sard_builder *b, const OrtGraph *g) {
    for (size_t i = 0; i < g->n_initializers; i++) {
        sard_value *v;
        TRY_ORT(tensor_of(&g->initializers[i], &v));
        sard_builder_initializer(b, g->initializers[i].name, v, NULL);
        sard_value_unref(v);
    }
    for (size_t i = 0; i < g->n_nodes; i++) {
        const OrtNode *n = g->nodes[i];
        sard_builder_node(b, n->domain, n->op, n->name, (const char *const *)n->inputs, n->n_inputs,
                          (const char *const *)n->outputs, n->n_outputs, NULL);
        for (size_t k = 0; k < n->n_attrs; k++) TRY_ORT(add_attr(b, n->attrs[k]));
    }
    return NULL;
}

static OrtStatus *build(sard_builder *b, const sard_options *options, sard_model **out) {
    sard_error err;
    const sard_status st = sard_builder_build(b, options, out, &err);
    return st == SARD_OK ? NULL : ort_from_error(st, &err, true);
}

OrtStatus *ort_model_build(const OrtModel *m, const sard_options *options, sard_model **out) {
    sard_error err;
    sard_builder *b;
    REQUIRE(m->graph, ORT_INVALID_ARGUMENT, "the model has no graph");
    const OrtGraph *g = m->graph;
    REQUIRE(g->inputs_set && g->outputs_set, ORT_INVALID_ARGUMENT,
            "the graph's inputs and outputs are not set: SetGraphInputs and SetGraphOutputs do that");
    const sard_status st = sard_builder_new("", &b, &err);
    if (st != SARD_OK) return ort_from_error(st, &err, false);
    for (size_t i = 0; i < m->n_domains; i++) sard_builder_opset(b, m->domains[i], m->versions[i], NULL);
    add_infos(b, g->inputs, g->n_inputs, true);
    add_infos(b, g->outputs, g->n_outputs, false);
    OrtStatus *bad = add_content(b, g);
    if (!bad) bad = build(b, options, out);
    sard_builder_free(b);
    return bad;
}

/* ---- sessions ----------------------------------------------------------------------------------------------------- */

static OrtStatus *default_options(const OrtSessionOptions **options, OrtSessionOptions **own) {
    *own = NULL;
    if (*options) return NULL;
    TRY_ORT(ort_CreateSessionOptions(own));
    *options = *own;
    return NULL;
}

OrtStatus *editor_CreateSessionFromModel(const OrtEnv *env, const OrtModel *m, const OrtSessionOptions *o,
                                         OrtSession **out) {
    NOT_NULL(env);
    NOT_NULL(m);
    NOT_NULL(out);
    OrtSessionOptions *own;
    sard_options *options;
    sard_model *model;
    TRY_ORT(default_options(&o, &own));
    OrtStatus *st = ort_load_options(env, o, &options);
    if (!st) {
        st = ort_model_build(m, options, &model);
        sard_options_free(options);
        if (!st) st = ort_session_wrap(env, o, model, out);
    }
    ort_ReleaseSessionOptions(own);
    return st;
}

OrtStatus *editor_SessionGetOpsetForDomain(const OrtSession *s, const char *domain, int *out) {
    NOT_NULL(s);
    NOT_NULL(domain);
    NOT_NULL(out);
    if (strcmp(domain, "ai.onnx") == 0) domain = "";
    for (size_t i = 0; i < sard_model_opsets(s->model); i++) {
        const char *known = sard_model_opset_domain(s->model, i);
        if (strcmp(strcmp(known, "ai.onnx") == 0 ? "" : known, domain) != 0) continue;
        *out = (int)sard_model_opset_version(s->model, i);
        return NULL;
    }
    return ort_fail(ORT_INVALID_ARGUMENT, "SessionGetOpsetForDomain: the model does not use the domain '%s'", domain);
}

/* ---- adding to the model of a file -------------------------------------------------------------------------------- */

/* A session whose model is not optimised yet: that is left to Finalize, which gets options of its own. */
static OrtStatus *open_editing(const OrtEnv *env, const char *path, const void *data, size_t n,
                               const OrtSessionOptions *given, OrtSession **out) {
    OrtSessionOptions *o;
    if (given)
        TRY_ORT(ort_CloneSessionOptions(given, &o));
    else
        TRY_ORT(ort_CreateSessionOptions(&o));
    o->level = ORT_DISABLE_ALL;
    o->profile = false;
    free(o->optimized_path);
    o->optimized_path = NULL;
    OrtStatus *st = path ? ort_CreateSession(env, path, o, out) : ort_CreateSessionFromArray(env, data, n, o, out);
    if (st)
        ort_ReleaseSessionOptions(o);
    else
        (*out)->editing = o;
    return st;
}

OrtStatus *editor_CreateModelEditorSession(const OrtEnv *env, const char *path, const OrtSessionOptions *o,
                                           OrtSession **out) {
    NOT_NULL(path);
    return open_editing(env, path, NULL, 0, o, out);
}

OrtStatus *editor_CreateModelEditorSessionFromArray(const OrtEnv *env, const void *data, size_t n,
                                                    const OrtSessionOptions *o, OrtSession **out) {
    return open_editing(env, NULL, data, n, o, out);
}

static OrtStatus *add_opsets(sard_builder *b, const OrtSession *s, const OrtModel *m) {
    for (size_t i = 0; i < m->n_domains; i++) {
        int known;
        OrtStatus *none = editor_SessionGetOpsetForDomain(s, m->domains[i], &known);
        ort_ReleaseStatus(none);
        REQUIRE(none || known == m->versions[i], ORT_INVALID_ARGUMENT,
                "ApplyModelToModelEditorSession: the model has version %d of the domain '%s', the nodes to add are of "
                "version %d",
                known, m->domains[i], m->versions[i]);
        if (none) sard_builder_opset(b, m->domains[i], m->versions[i], NULL);
    }
    return NULL;
}

/* Puts the model's graph into a builder that holds the session's model. */
static OrtStatus *add_model(sard_builder *b, const OrtSession *s, const OrtModel *m) {
    const OrtGraph *g = m->graph;
    TRY_ORT(add_opsets(b, s, m));
    if (g->inputs_set) {
        sard_builder_clear_inputs(b, NULL);
        add_infos(b, g->inputs, g->n_inputs, true);
    }
    if (g->outputs_set) {
        sard_builder_clear_outputs(b, NULL);
        add_infos(b, g->outputs, g->n_outputs, false);
    }
    return add_content(b, g);
}

/* The session's model, with the graph of `add` when there is one, built as the options say. */
static OrtStatus *rebuild(const OrtSession *s, const OrtModel *add, const OrtSessionOptions *o, sard_model **out) {
    sard_error err;
    sard_builder *b;
    sard_options *options;
    const sard_status st = sard_builder_extend(s->model, &b, &err);
    if (st != SARD_OK) return ort_from_error(st, &err, false);
    OrtStatus *bad = ort_load_options(s->env, o, &options);
    if (!bad) {
        if (add) bad = add_model(b, s, add);
        if (!bad) bad = build(b, options, out);
        sard_options_free(options);
    }
    sard_builder_free(b);
    return bad;
}

OrtStatus *editor_ApplyModelToModelEditorSession(OrtSession *s, OrtModel *m) {
    NOT_NULL(s);
    NOT_NULL(m);
    REQUIRE(s->editing, ORT_MODEL_LOADED,
            "ApplyModelToModelEditorSession: the session was not made by CreateModelEditorSession, or is final");
    REQUIRE(m->graph, ORT_INVALID_ARGUMENT, "ApplyModelToModelEditorSession: the model has no graph");
    sard_model *built;
    TRY_ORT(rebuild(s, m, s->editing, &built));
    sard_model_unref(s->model);
    s->model = built;
    return NULL;
}

OrtStatus *editor_FinalizeModelEditorSession(OrtSession *s, const OrtSessionOptions *o,
                                             OrtPrepackedWeightsContainer *packed) {
    (void)packed; /* sessions share packed weights by the model, not by a container */
    NOT_NULL(s);
    if (!s->editing) return NULL; /* it is final */
    OrtSessionOptions *own;
    sard_model *built;
    TRY_ORT(default_options(&o, &own));
    OrtStatus *st = rebuild(s, NULL, o, &built);
    if (!st) st = ort_session_finalize(s, o, built);
    ort_ReleaseSessionOptions(own);
    return st;
}
