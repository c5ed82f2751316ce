/*
 * view.c -- from the library's JSON to plain arrays.
 */
#include "view.h"

#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *o, const char *key) {
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static int *numbers(const json_t *list, size_t *n) {
    *n = json_array_size(list);
    int *out = xmalloc((*n + 1) * sizeof *out);
    for (size_t i = 0; i < *n; i++) {
        const json_t *v = json_array_get(list, i);
        out[i] = json_is_integer(v) ? (int)json_integer_value(v) : -1;
    }
    return out;
}

static bool make_values(const json_t *list, view_graph *g) {
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_int_t id = json_integer_value(json_object_get(json_array_get(list, i), "id"));
        if (id < 0 || id > 100000000) return false;
        if ((size_t)id >= g->n_values) g->n_values = (size_t)id + 1;
    }
    g->values = xmalloc((g->n_values + 1) * sizeof *g->values);
    memset(g->values, 0, (g->n_values + 1) * sizeof *g->values);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *v = json_array_get(list, i);
        g->values[json_integer_value(json_object_get(v, "id"))] =
            (view_value){.name = text_of(v, "name"),
                         .type = text_of(v, "type"),
                         .dtype = text_of(v, "dtype"),
                         .dims = json_object_get(v, "dims"),
                         .data = json_object_get(v, "data"),
                         .constant = json_is_true(json_object_get(v, "constant"))};
    }
    return true;
}

/* Numbers of values that are there; others become -1. */
static void check_ids(const view_graph *g, int *ids, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (ids[i] >= 0 && ((size_t)ids[i] >= g->n_values || !g->values[ids[i]].type)) ids[i] = -1;
}

static bool make_node(const json_t *j, const view_graph *g, view_node *n) {
    *n = (view_node){.op = text_of(j, "op"),
                     .domain = text_of(j, "domain"),
                     .name = text_of(j, "name"),
                     .path = text_of(j, "path"),
                     .attributes = json_object_get(j, "attributes"),
                     .flops = json_number_value(json_object_get(j, "flops")),
                     .bytes = json_number_value(json_object_get(j, "bytes")),
                     .exact = json_is_true(json_object_get(j, "exact")),
                     .merged = (int)json_integer_value(json_object_get(j, "merged"))};
    n->in = numbers(json_object_get(j, "inputs"), &n->n_in);
    n->out = numbers(json_object_get(j, "outputs"), &n->n_out);
    n->captures = numbers(json_object_get(j, "captures"), &n->n_captures);
    check_ids(g, n->in, n->n_in);
    check_ids(g, n->out, n->n_out);
    check_ids(g, n->captures, n->n_captures);
    const json_t *bodies = json_object_get(j, "bodies");
    const size_t n_bodies = json_array_size(bodies);
    if (n_bodies == 0) return true;
    n->bodies = xmalloc(n_bodies * sizeof *n->bodies);
    n->body_names = xmalloc(n_bodies * sizeof *n->body_names);
    for (size_t i = 0; i < n_bodies; i++) {
        const json_t *b = json_array_get(bodies, i);
        n->body_names[i] = text_of(b, "attribute");
        n->n_bodies++;
        if (!view_make(json_object_get(b, "graph"), &n->bodies[i])) return false;
    }
    return true;
}

bool view_make(const json_t *j, view_graph *g) {
    *g = (view_graph){.name = text_of(j, "name")};
    if (!json_is_object(j) || !make_values(json_object_get(j, "values"), g)) return false;
    g->inputs = numbers(json_object_get(j, "inputs"), &g->n_inputs);
    g->outputs = numbers(json_object_get(j, "outputs"), &g->n_outputs);
    g->captures = numbers(json_object_get(j, "captures"), &g->n_captures);
    check_ids(g, g->inputs, g->n_inputs);
    check_ids(g, g->outputs, g->n_outputs);
    check_ids(g, g->captures, g->n_captures);
    const json_t *nodes = json_object_get(j, "nodes");
    g->nodes = xmalloc((json_array_size(nodes) + 1) * sizeof *g->nodes);
    for (size_t i = 0; i < json_array_size(nodes); i++) {
        const bool good = make_node(json_array_get(nodes, i), g, &g->nodes[g->n_nodes]);
        g->n_nodes++;
        if (!good) return false;
    }
    return true;
}

void view_free(view_graph *g) {
    for (size_t i = 0; i < g->n_nodes; i++) {
        view_node *n = &g->nodes[i];
        for (size_t b = 0; b < n->n_bodies; b++) view_free(&n->bodies[b]);
        free(n->in);
        free(n->out);
        free(n->captures);
        free(n->bodies);
        free(n->body_names);
    }
    free(g->nodes);
    free(g->values);
    free(g->inputs);
    free(g->outputs);
    free(g->captures);
    *g = (view_graph){0};
}

const char *view_shape(const view_value *v, char *buf, size_t n) {
    size_t at = 0;
    if (!json_is_array(v->dims) && strncmp(v->type, "tensor(", 7) != 0) {
        snprintf(buf, n, "%s", v->type);
        return buf;
    }
    buf[0] = 0;
    if (strcmp(v->dtype, "float32") != 0) at = (size_t)snprintf(buf, n, "%s ", v->dtype);
    if (!v->dims) {
        snprintf(buf + at, n - at, "any rank");
        return buf;
    }
    const size_t rank = json_array_size(v->dims);
    if (rank == 0) snprintf(buf + at, n - at, "scalar");
    for (size_t i = 0; i < rank && at + 40 < n; i++) {
        const json_t *d = json_array_get(v->dims, i);
        const char *x = i ? "×" : "";
        if (json_is_integer(d))
            at += (size_t)snprintf(buf + at, n - at, "%s%lld", x, (long long)json_integer_value(d));
        else if (json_is_string(d) && json_string_length(d) <= 14)
            at += (size_t)snprintf(buf + at, n - at, "%s%s", x, json_string_value(d));
        else if (json_is_string(d))
            at += (size_t)snprintf(buf + at, n - at, "%s%.12s…", x, json_string_value(d));
        else
            at += (size_t)snprintf(buf + at, n - at, "%s?", x);
    }
    return buf;
}
