/*
 * editor.c -- models put together by a client: types, values, nodes and graphs, and sessions made of them.
 *
 * What is given to a node, a graph or a model belongs to it once the call has succeeded, and still to the client when
 * it failed. Where a list was given (attributes, inputs, outputs) its entries become NULL.
 */
#include "ort/graph.h"

#include <stdlib.h>
#include <string.h>

/* ---- texts -------------------------------------------------------------------------------------------------------- */

void ort_texts_free(char **texts, size_t n) {
    for (size_t i = 0; texts && i < n; i++) free(texts[i]);
    free(texts);
}

char **ort_texts_copy(const char *const *texts, size_t n) {
    char **copy = calloc(n ? n : 1, sizeof *copy);
    for (size_t i = 0; copy && i < n; i++) {
        copy[i] = strdup(texts[i] ? texts[i] : "");
        if (copy[i]) continue;
        ort_texts_free(copy, n);
        return NULL;
    }
    return copy;
}

/* ---- types -------------------------------------------------------------------------------------------------------- */

static OrtStatus *tensor_type(ONNXType kind, const OrtTensorTypeAndShapeInfo *shape, OrtTypeInfo **out) {
    REQUIRE(ort_type_to(shape->type) != SARD_UNDEFINED, ORT_INVALID_ARGUMENT,
            "the tensor's element type is not set, or not known: %d", (int)shape->type);
    return ort_type_info_copy(&(OrtTypeInfo){.kind = kind, .tensor = *shape}, out);
}

OrtStatus *editor_CreateTensorTypeInfo(const OrtTensorTypeAndShapeInfo *shape, OrtTypeInfo **out) {
    NOT_NULL(shape);
    NOT_NULL(out);
    return tensor_type(ONNX_TYPE_TENSOR, shape, out);
}

OrtStatus *editor_CreateSparseTensorTypeInfo(const OrtTensorTypeAndShapeInfo *shape, OrtTypeInfo **out) {
    NOT_NULL(shape);
    NOT_NULL(out);
    return tensor_type(ONNX_TYPE_SPARSETENSOR, shape, out);
}

/* A type made of a copy of another. */
static OrtStatus *type_of(ONNXType kind, ONNXTensorElementDataType key, const OrtTypeInfo *elem, OrtTypeInfo **out) {
    OrtTypeInfo whole = {.kind = kind, .key = key, .elem = (OrtTypeInfo *)(uintptr_t)elem};
    return ort_type_info_copy(&whole, out);
}

OrtStatus *editor_CreateMapTypeInfo(ONNXTensorElementDataType key, const OrtTypeInfo *value, OrtTypeInfo **out) {
    NOT_NULL(value);
    NOT_NULL(out);
    REQUIRE(ort_type_to(key) != SARD_UNDEFINED, ORT_INVALID_ARGUMENT, "CreateMapTypeInfo: %d is no type of keys",
            (int)key);
    return type_of(ONNX_TYPE_MAP, key, value, out);
}

OrtStatus *editor_CreateSequenceTypeInfo(const OrtTypeInfo *elem, OrtTypeInfo **out) {
    NOT_NULL(elem);
    NOT_NULL(out);
    return type_of(ONNX_TYPE_SEQUENCE, ORT_TYPE_UNDEFINED, elem, out);
}

OrtStatus *editor_CreateOptionalTypeInfo(const OrtTypeInfo *elem, OrtTypeInfo **out) {
    NOT_NULL(elem);
    NOT_NULL(out);
    return type_of(ONNX_TYPE_OPTIONAL, ORT_TYPE_UNDEFINED, elem, out);
}

/* ---- values and nodes --------------------------------------------------------------------------------------------- */

OrtStatus *editor_CreateValueInfo(const char *name, const OrtTypeInfo *type, OrtValueInfo **out) {
    NOT_NULL(name);
    NOT_NULL(type);
    NOT_NULL(out);
    REQUIRE(*name, ORT_INVALID_ARGUMENT, "CreateValueInfo: the name is empty");
    OrtValueInfo *v = calloc(1, sizeof *v);
    if (!v) return ort_no_memory(sizeof *v);
    v->name = strdup(name);
    OrtStatus *st = v->name ? ort_type_info_copy(type, &v->type) : ort_no_memory(strlen(name));
    if (st)
        ort_ReleaseValueInfo(v);
    else
        *out = v;
    return st;
}

void ort_ReleaseValueInfo(OrtValueInfo *v) {
    if (!v) return;
    free(v->name);
    ort_ReleaseTypeInfo(v->type);
    free(v->uses);
    free(v);
}

void ort_ReleaseNode(OrtNode *n) {
    if (!n) return;
    free(n->domain);
    free(n->op);
    free(n->name);
    ort_texts_free(n->inputs, n->n_inputs);
    ort_texts_free(n->outputs, n->n_outputs);
    for (size_t i = 0; i < n->n_attrs; i++) ort_op_attr_unref(n->attrs[i]);
    free(n->attrs);
    free(n);
}

static OrtStatus *check_attrs(OrtOpAttr *const *attrs, size_t n) {
    for (size_t i = 0; i < n; i++) {
        REQUIRE(attrs[i], ORT_INVALID_ARGUMENT, "CreateNode: attribute %zu is NULL", i);
        for (size_t k = 0; k < i; k++)
            REQUIRE(attrs[k] != attrs[i], ORT_INVALID_ARGUMENT, "CreateNode: the attribute '%s' is there twice",
                    attrs[i]->name);
    }
    return NULL;
}

OrtStatus *editor_CreateNode(const char *op, const char *domain, const char *name, const char *const *inputs,
                             size_t n_inputs, const char *const *outputs, size_t n_outputs, OrtOpAttr **attrs,
                             size_t n_attrs, OrtNode **out) {
    NOT_NULL(op);
    NOT_NULL(domain);
    NOT_NULL(name);
    NOT_NULL(out);
    if (n_inputs) NOT_NULL(inputs);
    if (n_outputs) NOT_NULL(outputs);
    if (n_attrs) NOT_NULL(attrs);
    REQUIRE(*op, ORT_INVALID_ARGUMENT, "CreateNode: the operator's name is empty");
    TRY_ORT(check_attrs(attrs, n_attrs));
    OrtNode *n = calloc(1, sizeof *n);
    if (!n) return ort_no_memory(sizeof *n);
    n->op = strdup(op);
    n->domain = strdup(strcmp(domain, "ai.onnx") == 0 ? "" : domain);
    n->name = strdup(name);
    n->inputs = ort_texts_copy(inputs, n_inputs);
    n->n_inputs = n->inputs ? n_inputs : 0;
    n->outputs = ort_texts_copy(outputs, n_outputs);
    n->n_outputs = n->outputs ? n_outputs : 0;
    n->attrs = calloc(n_attrs ? n_attrs : 1, sizeof *n->attrs);
    if (!n->op || !n->domain || !n->name || !n->inputs || !n->outputs || !n->attrs) {
        ort_ReleaseNode(n);
        return ort_no_memory(sizeof *n);
    }
    for (size_t i = 0; i < n_attrs; i++) {
        n->attrs[n->n_attrs++] = attrs[i];
        attrs[i] = NULL;
    }
    *out = n;
    return NULL;
}

/* ---- graphs ------------------------------------------------------------------------------------------------------- */

OrtStatus *editor_CreateGraph(OrtGraph **out) {
    NOT_NULL(out);
    OrtGraph *g = calloc(1, sizeof *g);
    if (!g) return ort_no_memory(sizeof *g);
    pthread_mutex_init(&g->lock, NULL);
    *out = g;
    return NULL;
}

static void infos_free(OrtValueInfo **infos, size_t n) {
    for (size_t i = 0; i < n; i++) ort_ReleaseValueInfo(infos[i]);
    free(infos);
}

void ort_ReleaseGraph(OrtGraph *g) {
    if (!g) return;
    ort_graph_index_drop(g);
    if (!g->source) {
        infos_free(g->inputs, g->n_inputs);
        infos_free(g->outputs, g->n_outputs);
        for (size_t i = 0; i < g->n_nodes; i++) ort_ReleaseNode(g->nodes[i]);
    } else { /* a view lends all it shows */
        free(g->inputs);
        free(g->outputs);
    }
    for (size_t i = 0; i < g->n_initializers; i++) {
        free(g->initializers[i].name);
        ort_ReleaseValue(g->initializers[i].value);
    }
    free(g->initializers);
    free(g->nodes);
    pthread_mutex_destroy(&g->lock);
    free(g);
}

/* Replaces a list of inputs or outputs. Nothing is taken over unless all can be. */
static OrtStatus *set_infos(const char *who, OrtGraph *g, OrtValueInfo ***list, size_t *n_list, OrtValueInfo **infos,
                            size_t n) {
    REQUIRE(g, ORT_INVALID_ARGUMENT, "%s: the graph is NULL", who);
    REQUIRE(!g->source, ORT_INVALID_ARGUMENT, "%s: a view of a graph cannot be changed", who);
    REQUIRE(!n || infos, ORT_INVALID_ARGUMENT, "%s: the list is NULL", who);
    for (size_t i = 0; i < n; i++) {
        REQUIRE(infos[i], ORT_INVALID_ARGUMENT, "%s: value %zu is NULL", who, i);
        REQUIRE(!infos[i]->graph, ORT_INVALID_ARGUMENT, "%s: '%s' belongs to a graph already", who, infos[i]->name);
        for (size_t k = 0; k < i; k++)
            REQUIRE(infos[k] != infos[i] && strcmp(infos[k]->name, infos[i]->name) != 0, ORT_INVALID_ARGUMENT,
                    "%s: '%s' is there twice", who, infos[i]->name);
    }
    OrtValueInfo **copy = calloc(n ? n : 1, sizeof *copy);
    if (!copy) return ort_no_memory(n * sizeof *copy);
    ort_graph_index_drop(g);
    infos_free(*list, *n_list);
    for (size_t i = 0; i < n; i++) {
        copy[i] = infos[i];
        copy[i]->graph = g;
        infos[i] = NULL;
    }
    *list = copy;
    *n_list = n;
    return NULL;
}

OrtStatus *editor_SetGraphInputs(OrtGraph *g, OrtValueInfo **infos, size_t n) {
    TRY_ORT(set_infos("SetGraphInputs", g, g ? &g->inputs : NULL, g ? &g->n_inputs : NULL, infos, n));
    g->inputs_set = true;
    return NULL;
}

OrtStatus *editor_SetGraphOutputs(OrtGraph *g, OrtValueInfo **infos, size_t n) {
    TRY_ORT(set_infos("SetGraphOutputs", g, g ? &g->outputs : NULL, g ? &g->n_outputs : NULL, infos, n));
    g->outputs_set = true;
    return NULL;
}

OrtStatus *editor_AddInitializerToGraph(OrtGraph *g, const char *name, OrtValue *tensor, bool external) {
    enum { EXTERNAL_LEAST = 128 };
    NOT_NULL(g);
    NOT_NULL(name);
    NOT_NULL(tensor);
    REQUIRE(!g->source, ORT_INVALID_ARGUMENT, "AddInitializerToGraph: a view of a graph cannot be changed");
    REQUIRE(*name, ORT_INVALID_ARGUMENT, "AddInitializerToGraph: the name is empty");
    REQUIRE(ort_value_kind(tensor) == ONNX_TYPE_TENSOR, ORT_INVALID_ARGUMENT,
            "AddInitializerToGraph: '%s' is not a tensor", name);
    REQUIRE(!external || (!ort_value_is_strings(tensor) && sard_tensor_bytes(tensor->v) >= EXTERNAL_LEAST),
            ORT_INVALID_ARGUMENT,
            "AddInitializerToGraph: '%s' has less than %d bytes: too few for external data, let them be copied", name,
            EXTERNAL_LEAST);
    for (size_t i = 0; i < g->n_initializers; i++) {
        REQUIRE(g->initializers[i].value != tensor, ORT_INVALID_ARGUMENT,
                "AddInitializerToGraph: the value of '%s' is the initializer '%s' already", name,
                g->initializers[i].name);
        REQUIRE(strcmp(g->initializers[i].name, name) != 0, ORT_INVALID_ARGUMENT,
                "AddInitializerToGraph: there is an initializer '%s' already", name);
    }
    char *copy = strdup(name);
    if (!copy || !ort_grow(&g->initializers, g->n_initializers, &g->cap_initializers, sizeof *g->initializers)) {
        free(copy);
        return ort_no_memory(strlen(name));
    }
    ort_graph_index_drop(g);
    g->initializers[g->n_initializers++] = (ort_initializer){copy, tensor, external};
    return NULL;
}

OrtStatus *editor_AddNodeToGraph(OrtGraph *g, OrtNode *n) {
    NOT_NULL(g);
    NOT_NULL(n);
    REQUIRE(!g->source, ORT_INVALID_ARGUMENT, "AddNodeToGraph: a view of a graph cannot be changed");
    REQUIRE(!n->graph, ORT_INVALID_ARGUMENT, "AddNodeToGraph: the node '%s' (%s) belongs to a graph already", n->name,
            n->op);
    if (!ort_grow(&g->nodes, g->n_nodes, &g->cap_nodes, sizeof *g->nodes)) return ort_no_memory(sizeof n);
    ort_graph_index_drop(g);
    n->graph = g;
    n->id = g->n_nodes;
    g->nodes[g->n_nodes++] = n;
    return NULL;
}

/* ---- models ------------------------------------------------------------------------------------------------------- */

void ort_ReleaseModel(OrtModel *m) {
    if (!m) return;
    ort_texts_free(m->domains, m->n_domains);
    free(m->versions);
    ort_ReleaseGraph(m->graph);
    free(m);
}

OrtStatus *editor_CreateModel(const char *const *domains, const int *versions, size_t n, OrtModel **out) {
    NOT_NULL(out);
    if (n) NOT_NULL(domains);
    if (n) NOT_NULL(versions);
    for (size_t i = 0; i < n; i++) {
        REQUIRE(domains[i], ORT_INVALID_ARGUMENT, "CreateModel: domain %zu is NULL", i);
        REQUIRE(versions[i] > 0, ORT_INVALID_ARGUMENT, "CreateModel: %d is not a version of the domain '%s'",
                versions[i], domains[i]);
    }
    OrtModel *m = calloc(1, sizeof *m);
    if (!m) return ort_no_memory(sizeof *m);
    m->domains = ort_texts_copy(domains, n);
    m->n_domains = m->domains ? n : 0;
    m->versions = malloc((n ? n : 1) * sizeof *versions);
    if (!m->domains || !m->versions) {
        ort_ReleaseModel(m);
        return ort_no_memory(n);
    }
    if (n) memcpy(m->versions, versions, n * sizeof *versions);
    *out = m;
    return NULL;
}

OrtStatus *editor_AddGraphToModel(OrtModel *m, OrtGraph *g) {
    NOT_NULL(m);
    NOT_NULL(g);
    REQUIRE(!m->graph, ORT_INVALID_ARGUMENT, "AddGraphToModel: the model has a graph already");
    REQUIRE(!g->model && !g->source, ORT_INVALID_ARGUMENT,
            "AddGraphToModel: the graph belongs to a model already, or is a view of one");
    m->graph = g;
    g->model = m;
    return NULL;
}
