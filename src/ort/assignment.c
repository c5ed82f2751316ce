/*
 * assignment.c -- which nodes run where, for sessions made with session.record_ep_graph_assignment_info: each node of the
 * compiled model's main graph is a subgraph of its own, as ONNX Runtime tells those of its CPU provider.
 */
#include "ort/devices.h"
#include "ort/internal.h"

#include <stdlib.h>
#include <string.h>

struct OrtEpAssignedNode {
    const char *name, *domain, *op; /* in `texts` of its subgraph */
};
struct OrtEpAssignedSubgraph {
    OrtEpAssignedNode node;
    const OrtEpAssignedNode *nodes[1]; /* the same, as it is handed out */
    char texts[];
};
struct ort_assignment {
    OrtEpAssignedSubgraph **subgraphs;
    size_t n, cap;
    size_t missing; /* bytes that were not to be had */
};

static char *put_text(char **at, const char *text) {
    const size_t n = strlen(text) + 1;
    char *to = memcpy(*at, text, n);
    *at += n;
    return to;
}

static void add_node(void *user, const char *name, const char *domain, const char *op) {
    struct ort_assignment *a = user;
    const size_t bytes = sizeof(OrtEpAssignedSubgraph) + strlen(name) + strlen(domain) + strlen(op) + 3;
    OrtEpAssignedSubgraph *s = ort_grow(&a->subgraphs, a->n, &a->cap, sizeof *a->subgraphs) ? malloc(bytes) : NULL;
    if (!s) {
        a->missing = bytes;
        return;
    }
    char *at = s->texts;
    s->node.name = put_text(&at, name);
    s->node.domain = put_text(&at, domain);
    s->node.op = put_text(&at, op);
    s->nodes[0] = &s->node;
    a->subgraphs[a->n++] = s;
}

void ort_assignment_free(struct ort_assignment *a) {
    if (!a) return;
    for (size_t i = 0; i < a->n; i++) free(a->subgraphs[i]);
    free(a->subgraphs);
    free(a);
}

OrtStatus *ort_assignment_record(OrtSession *s, const OrtSessionOptions *o) {
    sard_error err;
    ort_assignment_free(s->assignment); /* of the model that was edited */
    s->assignment = NULL;
    if (!ort_config_on(o, "session.record_ep_graph_assignment_info")) return NULL;
    struct ort_assignment *a = s->assignment = calloc(1, sizeof *a);
    if (!a) return ort_no_memory(sizeof *a);
    const sard_status st = sard_model_nodes(s->model, 1, add_node, a, &err);
    if (st != SARD_OK) return ort_from_error(st, &err, true);
    return a->missing ? ort_no_memory(a->missing) : NULL;
}

OrtStatus *ort_Session_GetEpGraphAssignmentInfo(const OrtSession *s, const OrtEpAssignedSubgraph *const **out,
                                                size_t *n) {
    NOT_NULL(s);
    NOT_NULL(out);
    NOT_NULL(n);
    REQUIRE(!s->editing, ORT_FAIL,
            "Session_GetEpGraphAssignmentInfo: the session is being edited: its nodes are known when it is final");
    REQUIRE(s->assignment, ORT_FAIL,
            "Session_GetEpGraphAssignmentInfo: which nodes run where was not recorded: the session was made without "
            "the configuration session.record_ep_graph_assignment_info = 1");
    *out = (const OrtEpAssignedSubgraph *const *)s->assignment->subgraphs;
    *n = s->assignment->n;
    return NULL;
}

OrtStatus *ort_EpAssignedSubgraph_GetEpName(const OrtEpAssignedSubgraph *g, const char **out) {
    NOT_NULL(g);
    NOT_NULL(out);
    *out = CPU_PROVIDER;
    return NULL;
}

OrtStatus *ort_EpAssignedSubgraph_GetNodes(const OrtEpAssignedSubgraph *g, const OrtEpAssignedNode *const **out,
                                           size_t *n) {
    NOT_NULL(g);
    NOT_NULL(out);
    NOT_NULL(n);
    *out = g->nodes;
    *n = 1;
    return NULL;
}

OrtStatus *ort_EpAssignedNode_GetName(const OrtEpAssignedNode *node, const char **out) {
    NOT_NULL(node);
    NOT_NULL(out);
    *out = node->name;
    return NULL;
}

OrtStatus *ort_EpAssignedNode_GetDomain(const OrtEpAssignedNode *node, const char **out) {
    NOT_NULL(node);
    NOT_NULL(out);
    *out = node->domain;
    return NULL;
}

OrtStatus *ort_EpAssignedNode_GetOperatorType(const OrtEpAssignedNode *node, const char **out) {
    NOT_NULL(node);
    NOT_NULL(out);
    *out = node->op;
    return NULL;
}
