/*
 * graph_view.c -- looking at a client's graph: its nodes, the values between them, who makes them and who uses them.
 *
 * The values of a graph are indexed by name when a view first needs them; a change of the graph drops the index. Values
 * that the client gave a type to (inputs and outputs) are the client's own objects.
 */
#include "ort/graph.h"

#include <stdlib.h>
#include <string.h>

/* ---- the index ---------------------------------------------------------------------------------------------------- */

static void forget_uses(OrtValueInfo *v) {
    free(v->uses);
    v->uses = NULL;
    v->n_uses = v->cap_uses = 0;
    v->producer = NULL;
    v->initializer = NULL;
    v->is_input = v->is_output = false;
}

void ort_graph_index_drop(OrtGraph *g) {
    for (size_t i = 0; i < g->n_values; i++) {
        if (g->made[i])
            ort_ReleaseValueInfo(g->values[i]);
        else
            forget_uses(g->values[i]);
    }
    free(g->values);
    free(g->made);
    g->values = NULL;
    g->made = NULL;
    g->n_values = 0;
    g->indexed = false;
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* Every name of a value in the graph, sorted, each once; borrowed. */
static const char **all_names(const OrtGraph *g, size_t *n_out) {
    size_t room = g->n_inputs + g->n_outputs + g->n_initializers + 1, n = 0, kept = 0;
    for (size_t i = 0; i < g->n_nodes; i++) room += g->nodes[i]->n_inputs + g->nodes[i]->n_outputs;
    const char **names = calloc(room, sizeof *names);
    if (!names) return NULL;
    for (size_t i = 0; i < g->n_inputs; i++) names[n++] = g->inputs[i]->name;
    for (size_t i = 0; i < g->n_outputs; i++) names[n++] = g->outputs[i]->name;
    for (size_t i = 0; i < g->n_initializers; i++) names[n++] = g->initializers[i].name;
    for (size_t i = 0; i < g->n_nodes; i++) {
        const OrtNode *node = g->nodes[i];
        for (size_t k = 0; k < node->n_inputs; k++)
            if (*node->inputs[k]) names[n++] = node->inputs[k];
        for (size_t k = 0; k < node->n_outputs; k++)
            if (*node->outputs[k]) names[n++] = node->outputs[k];
    }
    qsort(names, n, sizeof *names, by_name);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || strcmp(names[i], names[kept - 1]) != 0) names[kept++] = names[i];
    *n_out = kept;
    return names;
}

/* NULL when there is no value of that name. */
static OrtValueInfo **find(const OrtGraph *g, const char *name) {
    size_t low = 0, high = g->n_values;
    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        const int order = strcmp(g->values[mid]->name, name);
        if (order == 0) return &g->values[mid];
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

/* The client's object takes the place of the one that was made for its name. */
static void place(OrtGraph *g, OrtValueInfo *v, bool input) {
    OrtValueInfo **at = find(g, v->name);
    const size_t i = (size_t)(at - g->values);
    if (g->made[i]) {
        ort_ReleaseValueInfo(*at);
        *at = v;
        g->made[i] = false;
    }
    (*at)->is_input |= input;
    (*at)->is_output |= !input;
}

static bool link_node(OrtGraph *g, const OrtNode *n) {
    for (size_t k = 0; k < n->n_outputs; k++) {
        if (!*n->outputs[k]) continue;
        OrtValueInfo *v = *find(g, n->outputs[k]);
        v->producer = n;
        v->producer_output = k;
    }
    for (size_t k = 0; k < n->n_inputs; k++) {
        if (!*n->inputs[k]) continue;
        OrtValueInfo *v = *find(g, n->inputs[k]);
        if (!ort_grow(&v->uses, v->n_uses, &v->cap_uses, sizeof *v->uses)) return false;
        v->uses[v->n_uses++] = (ort_use){n, k};
    }
    return true;
}

static bool make_values(OrtGraph *g) {
    size_t n;
    const char **names = all_names(g, &n);
    if (!names) return false;
    g->values = calloc(n ? n : 1, sizeof *g->values);
    g->made = calloc(n ? n : 1, sizeof *g->made);
    bool ok = g->values && g->made;
    for (size_t i = 0; ok && i < n; i++) {
        OrtValueInfo *v = calloc(1, sizeof *v);
        if (!v) break;
        v->graph = g;
        g->values[i] = v;
        g->made[i] = true;
        g->n_values++;
        v->name = strdup(names[i]);
        if (!v->name) break;
    }
    ok = ok && g->n_values == n && (n == 0 || g->values[n - 1]->name);
    free(names);
    return ok;
}

static bool make_index(OrtGraph *g) {
    if (!make_values(g)) return false;
    for (size_t i = 0; i < g->n_inputs; i++) place(g, g->inputs[i], true);
    for (size_t i = 0; i < g->n_outputs; i++) place(g, g->outputs[i], false);
    for (size_t i = 0; i < g->n_initializers; i++)
        (*find(g, g->initializers[i].name))->initializer = g->initializers[i].value;
    for (size_t i = 0; i < g->n_nodes; i++)
        if (!link_node(g, g->nodes[i])) return false;
    return true;
}

/* The graph that holds the values of g: g, or what it is a view of. Its index is up to date. */
static OrtStatus *indexed(const OrtGraph *g, const OrtGraph **out) {
    OrtGraph *whole = (OrtGraph *)(uintptr_t)(g->source ? g->source : g);
    pthread_mutex_lock(&whole->lock);
    if (!whole->indexed) {
        whole->indexed = make_index(whole);
        if (!whole->indexed) ort_graph_index_drop(whole);
    }
    const bool ok = whole->indexed;
    pthread_mutex_unlock(&whole->lock);
    *out = whole;
    return ok ? NULL : ort_no_memory(sizeof(OrtValueInfo));
}

/* ---- values ------------------------------------------------------------------------------------------------------- */

OrtStatus *ort_GetValueInfoName(const OrtValueInfo *v, const char **out) {
    NOT_NULL(v);
    NOT_NULL(out);
    *out = v->name;
    return NULL;
}

OrtStatus *ort_GetValueInfoTypeInfo(const OrtValueInfo *v, const OrtTypeInfo **out) {
    NOT_NULL(v);
    NOT_NULL(out);
    *out = v->type;
    return NULL;
}

static OrtStatus *linked(const char *who, const OrtValueInfo *v) {
    const OrtGraph *whole;
    REQUIRE(v, ORT_INVALID_ARGUMENT, "%s: the value is NULL", who);
    return v->graph ? indexed(v->graph, &whole) : NULL;
}

OrtStatus *ort_ValueInfo_GetValueProducer(const OrtValueInfo *v, const OrtNode **node, size_t *output) {
    TRY_ORT(linked("ValueInfo_GetValueProducer", v));
    NOT_NULL(node);
    *node = v->producer;
    if (output) *output = v->producer ? v->producer_output : 0;
    return NULL;
}

OrtStatus *ort_ValueInfo_GetValueNumConsumers(const OrtValueInfo *v, size_t *out) {
    TRY_ORT(linked("ValueInfo_GetValueNumConsumers", v));
    NOT_NULL(out);
    *out = v->n_uses;
    return NULL;
}

OrtStatus *ort_ValueInfo_GetValueConsumers(const OrtValueInfo *v, const OrtNode **nodes, int64_t *inputs, size_t n) {
    TRY_ORT(linked("ValueInfo_GetValueConsumers", v));
    if (n) NOT_NULL(nodes);
    if (n) NOT_NULL(inputs);
    REQUIRE(n >= v->n_uses, ORT_INVALID_ARGUMENT, "ValueInfo_GetValueConsumers: room for %zu, there are %zu", n,
            v->n_uses);
    for (size_t i = 0; i < v->n_uses; i++) {
        nodes[i] = v->uses[i].node;
        inputs[i] = (int64_t)v->uses[i].index;
    }
    return NULL;
}

OrtStatus *ort_ValueInfo_GetInitializerValue(const OrtValueInfo *v, const OrtValue **out) {
    TRY_ORT(linked("ValueInfo_GetInitializerValue", v));
    NOT_NULL(out);
    *out = v->initializer;
    return NULL;
}

/* Initializers of a client's graph lie in memory: none has a file. */
OrtStatus *ort_ValueInfo_GetExternalInitializerInfo(const OrtValueInfo *v, OrtExternalInitializerInfo **out) {
    NOT_NULL(v);
    NOT_NULL(out);
    *out = NULL;
    return NULL;
}

OrtStatus *ort_ValueInfo_IsRequiredGraphInput(const OrtValueInfo *v, bool *out) {
    TRY_ORT(linked("ValueInfo_IsRequiredGraphInput", v));
    NOT_NULL(out);
    *out = v->is_input && !v->initializer;
    return NULL;
}

OrtStatus *ort_ValueInfo_IsOptionalGraphInput(const OrtValueInfo *v, bool *out) {
    TRY_ORT(linked("ValueInfo_IsOptionalGraphInput", v));
    NOT_NULL(out);
    *out = v->is_input && v->initializer;
    return NULL;
}

OrtStatus *ort_ValueInfo_IsGraphOutput(const OrtValueInfo *v, bool *out) {
    TRY_ORT(linked("ValueInfo_IsGraphOutput", v));
    NOT_NULL(out);
    *out = v->is_output;
    return NULL;
}

OrtStatus *ort_ValueInfo_IsConstantInitializer(const OrtValueInfo *v, bool *out) {
    TRY_ORT(linked("ValueInfo_IsConstantInitializer", v));
    NOT_NULL(out);
    *out = !v->is_input && v->initializer;
    return NULL;
}

/* A client's graph has no bodies, so that nothing comes from outside of one. */
OrtStatus *ort_ValueInfo_IsFromOuterScope(const OrtValueInfo *v, bool *out) {
    NOT_NULL(v);
    NOT_NULL(out);
    *out = false;
    return NULL;
}

/* ---- graphs ------------------------------------------------------------------------------------------------------- */

OrtStatus *ort_Graph_GetName(const OrtGraph *g, const char **out) {
    NOT_NULL(g);
    NOT_NULL(out);
    *out = "graph"; /* as in what is built of it: the editor names none */
    return NULL;
}

/* A client's model has no texts of its own: they are those of any model that is built. */
OrtStatus *ort_Graph_GetModelMetadata(const OrtGraph *g, OrtModelMetadata **out) {
    NOT_NULL(g);
    NOT_NULL(out);
    sard_error err;
    sard_builder *b;
    sard_model *m;
    sard_status st = sard_builder_new(NULL, &b, &err);
    if (st != SARD_OK) return ort_from_error(st, &err, false);
    st = sard_builder_build(b, NULL, &m, &err);
    sard_builder_free(b);
    if (st != SARD_OK) return ort_from_error(st, &err, false);
    OrtStatus *bad = ort_metadata_new(m, NULL, out);
    sard_model_unref(m);
    return bad;
}

OrtStatus *ort_Graph_GetModelPath(const OrtGraph *g, const char **out) {
    NOT_NULL(g);
    NOT_NULL(out);
    *out = "";
    return NULL;
}

OrtStatus *ort_Graph_GetOnnxIRVersion(const OrtGraph *g, int64_t *out) {
    NOT_NULL(g);
    NOT_NULL(out);
    *out = sard_onnx_ir_version();
    return NULL;
}

static size_t opsets(const OrtGraph *g) { return g->model ? g->model->n_domains : 0; }

OrtStatus *ort_Graph_GetNumOperatorSets(const OrtGraph *g, size_t *out) {
    NOT_NULL(g);
    NOT_NULL(out);
    *out = opsets(g);
    return NULL;
}

#define ROOM(n, need)                                                                                                  \
    REQUIRE((n) >= (need), ORT_INVALID_ARGUMENT, "%s: room for %zu, there are %zu", __func__ + 4, n, need)

OrtStatus *ort_Graph_GetOperatorSets(const OrtGraph *g, const char **domains, int64_t *versions, size_t n) {
    NOT_NULL(g);
    if (n) NOT_NULL(domains);
    if (n) NOT_NULL(versions);
    ROOM(n, opsets(g));
    for (size_t i = 0; i < opsets(g); i++) {
        domains[i] = g->model->domains[i];
        versions[i] = g->model->versions[i];
    }
    return NULL;
}

OrtStatus *ort_Graph_GetNumInputs(const OrtGraph *g, size_t *out) {
    NOT_NULL(g);
    NOT_NULL(out);
    *out = g->n_inputs;
    return NULL;
}

OrtStatus *ort_Graph_GetInputs(const OrtGraph *g, const OrtValueInfo **out, size_t n) {
    NOT_NULL(g);
    if (n) NOT_NULL(out);
    ROOM(n, g->n_inputs);
    for (size_t i = 0; i < g->n_inputs; i++) out[i] = g->inputs[i];
    return NULL;
}

OrtStatus *ort_Graph_GetNumOutputs(const OrtGraph *g, size_t *out) {
    NOT_NULL(g);
    NOT_NULL(out);
    *out = g->n_outputs;
    return NULL;
}

OrtStatus *ort_Graph_GetOutputs(const OrtGraph *g, const OrtValueInfo **out, size_t n) {
    NOT_NULL(g);
    if (n) NOT_NULL(out);
    ROOM(n, g->n_outputs);
    const OrtGraph *whole;
    TRY_ORT(indexed(g, &whole));
    for (size_t i = 0; i < g->n_outputs; i++) out[i] = *find(whole, g->outputs[i]->name);
    return NULL;
}

OrtStatus *ort_Graph_GetNumInitializers(const OrtGraph *g, size_t *out) {
    NOT_NULL(g);
    NOT_NULL(out);
    *out = (g->source ? g->source : g)->n_initializers;
    return NULL;
}

OrtStatus *ort_Graph_GetInitializers(const OrtGraph *g, const OrtValueInfo **out, size_t n) {
    NOT_NULL(g);
    if (n) NOT_NULL(out);
    const OrtGraph *whole;
    TRY_ORT(indexed(g, &whole));
    ROOM(n, whole->n_initializers);
    for (size_t i = 0; i < whole->n_initializers; i++) out[i] = *find(whole, whole->initializers[i].name);
    return NULL;
}

OrtStatus *ort_Graph_GetNumNodes(const OrtGraph *g, size_t *out) {
    NOT_NULL(g);
    NOT_NULL(out);
    *out = g->n_nodes;
    return NULL;
}

OrtStatus *ort_Graph_GetNodes(const OrtGraph *g, const OrtNode **out, size_t n) {
    NOT_NULL(g);
    if (n) NOT_NULL(out);
    ROOM(n, g->n_nodes);
    for (size_t i = 0; i < g->n_nodes; i++) out[i] = g->nodes[i];
    return NULL;
}

OrtStatus *ort_Graph_GetParentNode(const OrtGraph *g, const OrtNode **out) {
    NOT_NULL(g);
    NOT_NULL(out);
    *out = NULL; /* no graph of a client's is a body */
    return NULL;
}

/* The values that the view's nodes make, in their order, as its outputs. */
static bool view_outputs(OrtGraph *view, const OrtGraph *whole) {
    size_t room = 1;
    for (size_t i = 0; i < view->n_nodes; i++) room += view->nodes[i]->n_outputs;
    view->outputs = calloc(room, sizeof *view->outputs);
    for (size_t i = 0; view->outputs && i < view->n_nodes; i++)
        for (size_t k = 0; k < view->nodes[i]->n_outputs; k++)
            if (*view->nodes[i]->outputs[k])
                view->outputs[view->n_outputs++] = *find(whole, view->nodes[i]->outputs[k]);
    return view->outputs != NULL;
}

OrtStatus *ort_Graph_GetGraphView(const OrtGraph *g, const OrtNode **nodes, size_t n, OrtGraph **out) {
    NOT_NULL(g);
    NOT_NULL(out);
    if (n) NOT_NULL(nodes);
    const OrtGraph *whole;
    TRY_ORT(indexed(g, &whole));
    for (size_t i = 0; i < n; i++)
        REQUIRE(nodes[i] && nodes[i]->graph == whole, ORT_INVALID_ARGUMENT,
                "Graph_GetGraphView: node %zu is not one of the graph's", i);
    OrtGraph *view;
    TRY_ORT(editor_CreateGraph(&view));
    view->source = whole;
    view->model = whole->model;
    view->nodes = calloc(n ? n : 1, sizeof *view->nodes);
    view->inputs = calloc(whole->n_inputs ? whole->n_inputs : 1, sizeof *view->inputs);
    if (view->nodes && n) memcpy(view->nodes, nodes, n * sizeof *nodes);
    view->n_nodes = view->nodes ? n : 0;
    if (view->inputs && whole->n_inputs) memcpy(view->inputs, whole->inputs, whole->n_inputs * sizeof *view->inputs);
    view->n_inputs = view->inputs ? whole->n_inputs : 0;
    if (!view->nodes || !view->inputs || !view_outputs(view, whole)) {
        ort_ReleaseGraph(view);
        return ort_no_memory(n * sizeof *nodes);
    }
    *out = view;
    return NULL;
}

/* ---- nodes -------------------------------------------------------------------------------------------------------- */

OrtStatus *ort_Node_GetId(const OrtNode *n, size_t *out) {
    NOT_NULL(n);
    NOT_NULL(out);
    *out = n->id;
    return NULL;
}

OrtStatus *ort_Node_GetName(const OrtNode *n, const char **out) {
    NOT_NULL(n);
    NOT_NULL(out);
    *out = n->name;
    return NULL;
}

OrtStatus *ort_Node_GetOperatorType(const OrtNode *n, const char **out) {
    NOT_NULL(n);
    NOT_NULL(out);
    *out = n->op;
    return NULL;
}

OrtStatus *ort_Node_GetDomain(const OrtNode *n, const char **out) {
    NOT_NULL(n);
    NOT_NULL(out);
    *out = n->domain;
    return NULL;
}

/* The version of its domain the node's model is of; 0 when that is not said. */
static int domain_version(const OrtNode *n) {
    const OrtModel *m = n->graph ? n->graph->model : NULL;
    for (size_t i = 0; m && i < m->n_domains; i++)
        if (strcmp(strcmp(m->domains[i], "ai.onnx") == 0 ? "" : m->domains[i], n->domain) == 0) return m->versions[i];
    return 0;
}

OrtStatus *ort_Node_GetSinceVersion(const OrtNode *n, int *out) {
    NOT_NULL(n);
    NOT_NULL(out);
    const int version = domain_version(n);
    REQUIRE(version > 0, ORT_FAIL, "Node_GetSinceVersion: the node is in no model that imports the domain '%s'",
            n->domain);
    for (size_t i = 0; i < sard_op_count(); i++) {
        sard_op_info op;
        sard_op_get(i, &op);
        const char *domain = strcmp(op.domain, "ai.onnx") == 0 ? "" : op.domain;
        if (strcmp(op.name, n->op) != 0 || strcmp(domain, n->domain) != 0) continue;
        int since = 0;
        for (const int16_t *s = op.since; *s && *s <= version; s++) since = *s;
        REQUIRE(since, ORT_FAIL, "Node_GetSinceVersion: %s came after version %d of its domain", n->op, version);
        *out = since;
        return NULL;
    }
    return ort_fail(ORT_NOT_FOUND, "Node_GetSinceVersion: %s of the domain '%s' is not known", n->op, n->domain);
}

OrtStatus *ort_Node_GetNumInputs(const OrtNode *n, size_t *out) {
    NOT_NULL(n);
    NOT_NULL(out);
    *out = n->n_inputs;
    return NULL;
}

/* NULL for one left out. */
static OrtStatus *values_of(const char *who, const OrtNode *n, char *const *names, size_t count,
                            const OrtValueInfo **out, size_t room) {
    const OrtGraph *whole;
    REQUIRE(!room || out, ORT_INVALID_ARGUMENT, "%s: the array is NULL", who);
    REQUIRE(room >= count, ORT_INVALID_ARGUMENT, "%s: room for %zu, there are %zu", who, room, count);
    REQUIRE(n->graph, ORT_FAIL, "%s: the node '%s' (%s) is in no graph, so that its values are only names", who,
            n->name, n->op);
    TRY_ORT(indexed(n->graph, &whole));
    for (size_t i = 0; i < count; i++) out[i] = *names[i] ? *find(whole, names[i]) : NULL;
    return NULL;
}

OrtStatus *ort_Node_GetInputs(const OrtNode *n, const OrtValueInfo **out, size_t room) {
    NOT_NULL(n);
    return values_of("Node_GetInputs", n, n->inputs, n->n_inputs, out, room);
}

OrtStatus *ort_Node_GetNumOutputs(const OrtNode *n, size_t *out) {
    NOT_NULL(n);
    NOT_NULL(out);
    *out = n->n_outputs;
    return NULL;
}

OrtStatus *ort_Node_GetOutputs(const OrtNode *n, const OrtValueInfo **out, size_t room) {
    NOT_NULL(n);
    return values_of("Node_GetOutputs", n, n->outputs, n->n_outputs, out, room);
}

/* Only bodies take values silently, and a client's nodes have none. */
OrtStatus *ort_Node_GetNumImplicitInputs(const OrtNode *n, size_t *out) {
    NOT_NULL(n);
    NOT_NULL(out);
    *out = 0;
    return NULL;
}

OrtStatus *ort_Node_GetImplicitInputs(const OrtNode *n, const OrtValueInfo **out, size_t room) {
    (void)out, (void)room;
    NOT_NULL(n);
    return NULL;
}

OrtStatus *ort_Node_GetNumAttributes(const OrtNode *n, size_t *out) {
    NOT_NULL(n);
    NOT_NULL(out);
    *out = n->n_attrs;
    return NULL;
}

OrtStatus *ort_Node_GetAttributes(const OrtNode *n, const OrtOpAttr **out, size_t room) {
    NOT_NULL(n);
    if (room) NOT_NULL(out);
    ROOM(room, n->n_attrs);
    for (size_t i = 0; i < n->n_attrs; i++) out[i] = n->attrs[i];
    return NULL;
}

OrtStatus *ort_Node_GetAttributeByName(const OrtNode *n, const char *name, const OrtOpAttr **out) {
    NOT_NULL(n);
    NOT_NULL(name);
    NOT_NULL(out);
    *out = NULL;
    for (size_t i = 0; i < n->n_attrs && !*out; i++)
        if (strcmp(n->attrs[i]->name, name) == 0) *out = n->attrs[i];
    return *out ? NULL
                : ort_fail(ORT_NOT_FOUND, "Node_GetAttributeByName: the node '%s' (%s) has no attribute '%s'", n->name,
                           n->op, name);
}

OrtStatus *ort_Node_GetNumSubgraphs(const OrtNode *n, size_t *out) {
    NOT_NULL(n);
    NOT_NULL(out);
    *out = 0;
    return NULL;
}

OrtStatus *ort_Node_GetSubgraphs(const OrtNode *n, const OrtGraph **out, size_t room, const char **names) {
    (void)out, (void)room, (void)names;
    NOT_NULL(n);
    return NULL;
}

OrtStatus *ort_Node_GetGraph(const OrtNode *n, const OrtGraph **out) {
    NOT_NULL(n);
    NOT_NULL(out);
    *out = n->graph;
    return NULL;
}

/* A client's node is not assigned to any provider before a session is made. */
OrtStatus *ort_Node_GetEpName(const OrtNode *n, const char **out) {
    NOT_NULL(n);
    NOT_NULL(out);
    *out = NULL;
    return NULL;
}

/* ---- where an initializer lies ------------------------------------------------------------------------------------ */

struct OrtExternalInitializerInfo {
    int64_t offset;
    size_t bytes;
    char path[];
};

OrtStatus *ort_CreateExternalInitializerInfo(const char *path, int64_t offset, size_t bytes,
                                             OrtExternalInitializerInfo **out) {
    NOT_NULL(path);
    NOT_NULL(out);
    const size_t n = strlen(path) + 1;
    OrtExternalInitializerInfo *i = malloc(sizeof *i + n);
    if (!i) return ort_no_memory(sizeof *i + n);
    i->offset = offset;
    i->bytes = bytes;
    memcpy(i->path, path, n);
    *out = i;
    return NULL;
}

void ort_ReleaseExternalInitializerInfo(OrtExternalInitializerInfo *i) { free(i); }
const char *ort_ExternalInitializerInfo_GetFilePath(const OrtExternalInitializerInfo *i) { return i ? i->path : NULL; }
int64_t ort_ExternalInitializerInfo_GetFileOffset(const OrtExternalInitializerInfo *i) { return i ? i->offset : 0; }
size_t ort_ExternalInitializerInfo_GetByteSize(const OrtExternalInitializerInfo *i) { return i ? i->bytes : 0; }
