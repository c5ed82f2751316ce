/*
 * view.h -- a model's graph as tables and pictures need it, from the library's description in JSON.
 */
#ifndef SARD_CLI_VIEW_H
#define SARD_CLI_VIEW_H

#include <jansson.h>

#include "cli.h"

typedef struct view_graph view_graph;
typedef struct view_value {
    const char *name, *type, *dtype;
    const json_t *dims, *data; /* NULL: unknown rank; not small or not constant */
    bool constant;
} view_value;
typedef struct view_node {
    const char *op, *domain, *name, *path;
    int *in, *out, *captures; /* value numbers of the graph, -1 left out */
    size_t n_in, n_out, n_captures;
    const json_t *attributes;
    double flops, bytes;
    bool exact;
    int merged; /* nodes of the file that went into this one, besides its own */
    view_graph *bodies;
    const char **body_names;
    size_t n_bodies;
} view_node;
struct view_graph {
    const char *name;
    view_value *values; /* by number; those not there have no type */
    size_t n_values;
    view_node *nodes; /* in execution order */
    size_t n_nodes;
    int *inputs, *outputs, *captures;
    size_t n_inputs, n_outputs, n_captures;
};

/* False when the JSON is not what sard_model_describe writes. */
bool view_make(const json_t *graph, view_graph *out);
void view_free(view_graph *g);
/* "64×3×7×7", "N×?", "scalar"; the element type in front when it is not float32. */
const char *view_shape(const view_value *v, char *buf, size_t n);

/* A picture of the whole model as SVG: malloc'd text. */
char *svg_picture(const json_t *description, const view_graph *g, size_t *n);

#endif
