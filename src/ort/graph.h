/*
 * graph.h -- the model editor's objects: models, graphs, nodes and values as a client puts them together.
 *
 * A graph owns its nodes, its inputs and outputs, and its initializers. What the views of graph_view.c add (which node
 * makes a value, who uses it) is worked out when it is first asked for, and again after a change.
 */
#ifndef SARD_ORT_GRAPH_H
#define SARD_ORT_GRAPH_H

#include "ort/internal.h"

typedef struct ort_use { /* a value as input `index` of a node */
    const OrtNode *node;
    size_t index;
} ort_use;

struct OrtValueInfo {
    const OrtGraph *graph; /* NULL: in none */
    char *name;
    OrtTypeInfo *type; /* NULL: not known */
    /* for the views: */
    const OrtNode *producer; /* NULL: none */
    size_t producer_output;
    ort_use *uses;
    size_t n_uses, cap_uses;
    const OrtValue *initializer; /* borrowed from the graph; NULL: none */
    bool is_input, is_output;
};

struct OrtNode {
    const OrtGraph *graph; /* NULL: in none */
    size_t id;             /* its place among the graph's nodes */
    char *domain, *op, *name;
    char **inputs, **outputs; /* "" for one left out */
    size_t n_inputs, n_outputs;
    OrtOpAttr **attrs; /* taken over */
    size_t n_attrs;
};

typedef struct ort_initializer {
    char *name;
    OrtValue *value;
    bool external; /* the client keeps the memory alive as long as any session */
} ort_initializer;

struct OrtGraph {
    const OrtGraph
        *source; /* of a view: the graph whose nodes it shows; nodes, values and initializers are that one's */
    const OrtModel *model; /* NULL: in none */
    OrtValueInfo **inputs, **outputs;
    size_t n_inputs, n_outputs;
    bool inputs_set, outputs_set;
    ort_initializer *initializers;
    size_t n_initializers, cap_initializers;
    OrtNode **nodes;
    size_t n_nodes, cap_nodes;
    pthread_mutex_t lock;  /* of the index */
    bool indexed;          /* values[] is up to date */
    OrtValueInfo **values; /* one per name, sorted by name; owned where `made` says so */
    bool *made;
    size_t n_values;
};

struct OrtModel {
    char **domains;
    int *versions;
    size_t n_domains;
    OrtGraph *graph; /* NULL: none yet */
};

/* Copies of n texts, NULL as ""; NULL when out of memory. */
char **ort_texts_copy(const char *const *texts, size_t n);
void ort_texts_free(char **texts, size_t n);

/* The model as the public API's. */
OrtStatus *ort_model_build(const OrtModel *m, const sard_options *options, sard_model **out);
/* Frees what the views have made. */
void ort_graph_index_drop(OrtGraph *g);

#endif
