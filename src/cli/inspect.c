/*
 * inspect.c -- `sard inspect`: what goes in, what comes out, what a model is made of; as text, JSON or a picture.
 */
#include <stdlib.h>
#include <string.h>

#include "view.h"

typedef struct op_count {
    const char *domain, *op;
    size_t n;
    double flops;
} op_count;
typedef struct op_counts {
    op_count *items;
    size_t n;
} op_counts;

static void count_ops(const view_graph *g, op_counts *c) {
    for (size_t i = 0; i < g->n_nodes; i++) {
        const view_node *n = &g->nodes[i];
        size_t k = 0;
        while (k < c->n && (strcmp(c->items[k].op, n->op) != 0 || strcmp(c->items[k].domain, n->domain) != 0)) k++;
        if (k == c->n) {
            c->items = xrealloc(c->items, (c->n + 1) * sizeof *c->items);
            c->items[c->n++] = (op_count){.domain = n->domain, .op = n->op};
        }
        c->items[k].n++;
        c->items[k].flops += n->flops;
        for (size_t b = 0; b < n->n_bodies; b++) count_ops(&n->bodies[b], c);
    }
}

static int by_count(const void *a, const void *b) {
    const op_count *x = a, *y = b;
    if (x->flops != y->flops) return x->flops < y->flops ? 1 : -1;
    if (x->n != y->n) return x->n < y->n ? 1 : -1;
    return strcmp(x->op, y->op);
}

static void print_ops(const view_graph *g) {
    op_counts c = {0};
    count_ops(g, &c);
    if (c.n) qsort(c.items, c.n, sizeof *c.items, by_count);
    table t;
    char flops[32];
    table_init(&t, "lrr");
    table_cell(&t, "operator");
    table_cell(&t, "nodes");
    table_cell(&t, "operations");
    for (size_t i = 0; i < c.n; i++) {
        table_cell(&t, "%s%s%s", c.items[i].domain, *c.items[i].domain ? "." : "", c.items[i].op);
        table_cell(&t, "%zu", c.items[i].n);
        table_cell(&t, "%s", human_count(c.items[i].flops, flops, sizeof flops));
    }
    printf("\noperators\n");
    table_print(&t, stdout, "  ");
    free(c.items);
}

/* A row a node; bodies are indented below. */
static void node_rows(const view_graph *g, table *t, int depth) {
    for (size_t i = 0; i < g->n_nodes; i++) {
        const view_node *n = &g->nodes[i];
        char shape[96], flops[32], bytes[32];
        table_cell(t, "%*s%s", depth * 2, "", n->op);
        table_cell(t, "%s", n->name);
        table_cell(t, "%s", n->n_out && n->out[0] >= 0 ? view_shape(&g->values[n->out[0]], shape, sizeof shape) : "");
        table_cell(t, "%s%s", human_count(n->flops, flops, sizeof flops), n->exact ? "" : " +");
        table_cell(t, "%s%s", human_bytes(n->bytes, bytes, sizeof bytes), n->exact ? "" : " +");
        for (size_t b = 0; b < n->n_bodies; b++) node_rows(&n->bodies[b], t, depth + 1);
    }
}

static void print_nodes(const view_graph *g) {
    table t;
    table_init(&t, "lllrr");
    table_cell(&t, "operator");
    table_cell(&t, "node");
    table_cell(&t, "output");
    table_cell(&t, "operations");
    table_cell(&t, "bytes");
    node_rows(g, &t, 0);
    printf("\nnodes\n");
    table_print(&t, stdout, "  ");
}

/* Names and types of inputs or outputs, as the description has them. */
static void print_values(const char *title, const json_t *list) {
    if (json_array_size(list) == 0) return;
    table t;
    table_init(&t, "lll");
    table_cell(&t, "name");
    table_cell(&t, "type");
    table_cell(&t, "shape");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *v = json_array_get(list, i), *dims = json_object_get(v, "dims");
        char shape[512] = "";
        size_t at = 0;
        for (size_t k = 0; k < json_array_size(dims) && at + 80 < sizeof shape; k++) {
            const json_t *d = json_array_get(dims, k);
            const char *comma = k ? ", " : "";
            if (json_is_integer(d))
                at += (size_t)snprintf(shape + at, 40, "%s%lld", comma, (long long)json_integer_value(d));
            else
                at +=
                    (size_t)snprintf(shape + at, 70, "%s%.60s", comma, json_is_string(d) ? json_string_value(d) : "?");
        }
        table_cell(&t, "%s", json_string_value(json_object_get(v, "name")));
        table_cell(&t, "%s", json_string_value(json_object_get(v, "type")));
        if (dims)
            table_cell(&t, "[%s]", shape);
        else
            table_cell(&t, "%s", json_object_get(v, "dtype") ? "any rank" : "");
    }
    printf("\n%s\n", title);
    table_print(&t, stdout, "  ");
}

static void print_pair(const char *key, const char *value) {
    if (value && *value) printf("%-12s %s\n", key, value);
}

static void print_head(const json_t *d) {
    char a[32], b[32];
    const json_t *stats = json_object_get(d, "stats"), *opsets = json_object_get(d, "opsets"),
                 *meta = json_object_get(d, "metadata");
    const char *producer = json_string_value(json_object_get(d, "producer_name"));
    print_pair("file", json_string_value(json_object_get(d, "file")));
    print_pair("graph", json_string_value(json_object_get(d, "graph_name")));
    if (producer && *producer)
        printf("%-12s %s %s\n", "producer", producer, json_string_value(json_object_get(d, "producer_version")));
    print_pair("domain", json_string_value(json_object_get(d, "domain")));
    print_pair("description", json_string_value(json_object_get(d, "doc_string")));
    printf("%-12s %lld\n%-12s", "IR version", (long long)json_integer_value(json_object_get(d, "ir_version")),
           "opsets");
    for (size_t i = 0; i < json_array_size(opsets); i++) {
        const json_t *o = json_array_get(opsets, i);
        const char *domain = json_string_value(json_object_get(o, "domain"));
        printf(" %s %lld%s", *domain ? domain : "ai.onnx", (long long)json_integer_value(json_object_get(o, "version")),
               i + 1 < json_array_size(opsets) ? "," : "");
    }
    printf("\n%-12s %s (%s)\n", "parameters",
           human_count((double)json_integer_value(json_object_get(stats, "parameters")), a, sizeof a),
           human_bytes((double)json_integer_value(json_object_get(stats, "weight_bytes")), b, sizeof b));
    printf("%-12s %lld in the file, %lld steps when compiled, %s besides the file\n", "nodes",
           (long long)json_integer_value(json_object_get(stats, "nodes")),
           (long long)json_integer_value(json_object_get(stats, "steps")),
           human_bytes((double)json_integer_value(json_object_get(stats, "packed_bytes")), a, sizeof a));
    printf("%-12s %s operations, %s moved%s\n", "work",
           human_count(json_number_value(json_object_get(stats, "flops")), a, sizeof a),
           human_bytes(json_number_value(json_object_get(stats, "bytes")), b, sizeof b),
           json_is_true(json_object_get(stats, "exact")) ? "" : ", where shapes are known (give them with --shape)");
    if (json_array_size(meta)) printf("\nmetadata\n");
    for (size_t i = 0; i < json_array_size(meta); i++) {
        const json_t *m = json_array_get(meta, i);
        const char *value = json_string_value(json_object_get(m, "value"));
        printf("  %s = %.100s%s\n", json_string_value(json_object_get(m, "key")), value,
               strlen(value) > 100 ? "..." : "");
    }
}

static int show(const args *a, const json_t *d, const char *text) {
    view_graph g = {0};
    int st = EXIT_OK;
    if (!view_make(json_object_get(d, "graph"), &g)) {
        complain("inspect: the description could not be read");
        st = EXIT_ERROR;
    } else {
        const char *svg = args_get(a, "svg", NULL);
        const bool quiet = svg || args_has(a, "json");
        if (args_has(a, "json")) printf("%s\n", text);
        if (svg) {
            size_t n;
            char *picture = svg_picture(d, &g, &n);
            if (!write_file(svg, picture, n)) st = EXIT_ERROR;
            free(picture);
        }
        if (!quiet) {
            print_head(d);
            print_values("inputs", json_object_get(d, "inputs"));
            print_values("initializers that may be given as inputs", json_object_get(d, "overridables"));
            print_values("outputs", json_object_get(d, "outputs"));
            print_ops(&g);
            if (args_has(a, "nodes")) print_nodes(&g);
        }
    }
    view_free(&g);
    return st;
}

/* "--shape a=1x2 --shape b=3" as the library wants it: "a=1x2,b=3". */
static char *join_shapes(const args *a) {
    char *all = xstrdup("");
    const char *s;
    for (size_t k = 0; (s = args_nth(a, "shape", k)); k++) {
        char *longer = xprintf("%s%s%s", all, k ? "," : "", s);
        free(all);
        all = longer;
    }
    return all;
}

static int inspect(const args *a, const sard_model *m) {
    sard_error e = {0};
    char *text = NULL;
    const char *stage_name = args_get(a, "stage", "imported");
    const int stage = strcmp(stage_name, "compiled") == 0;
    if (!stage && strcmp(stage_name, "imported") != 0) {
        complain("inspect: option '--stage': expected imported or compiled; found '%s'", stage_name);
        return EXIT_USAGE;
    }
    if (args_has(a, "dump")) {
        sard_status st = sard_model_dump(m, stage, &text, &e);
        if (st != SARD_OK) return fail_status(NULL, st, &e);
        fputs(text, stdout);
        sard_free(text);
        return EXIT_OK;
    }
    char *shapes = join_shapes(a);
    sard_status st = sard_model_describe(m, shapes, stage, &text, &e);
    free(shapes);
    if (st != SARD_OK) return fail_status(NULL, st, &e);
    json_error_t je;
    json_t *d = json_loads(text, 0, &je);
    int result = EXIT_ERROR;
    if (!d)
        complain("inspect: the description could not be read: %s", je.text);
    else
        result = show(a, d, text);
    json_decref(d);
    sard_free(text);
    return result;
}

static int run_inspect(const args *a) {
    sard_model *m = load_model(a, a->pos[0]);
    if (!m) return EXIT_ERROR;
    const int st = inspect(a, m);
    sard_model_unref(m);
    return st;
}

static const option options[] = {
    {"nodes", 'n', NULL, "every node, with its output's shape, operations and bytes"},
    {"json", 'j', NULL, "everything as JSON"},
    {"svg", 0, "FILE", "a picture of the graph (- for standard output)"},
    {"dump", 0, NULL, "the graph as text"},
    {"stage", 0, "imported|compiled", "the graph as read (default) or as optimised for running"},
    {"shape", 's', "NAME=1x3x224x224", "shape of an input: shapes, operations and bytes follow from it"},
    OPTIONS_MODEL,
    {0}};
extern const command cmd_inspect;
const command cmd_inspect = {.name = "inspect",
                             .summary = "shows inputs, outputs, operators, work; as text, JSON or a picture",
                             .positional = "MODEL.onnx",
                             .examples = "  sard inspect model.onnx\n"
                                         "  sard inspect resnet50.onnx --shape data=1x3x224x224 --nodes\n"
                                         "  sard inspect model.onnx --svg model.svg\n"
                                         "  sard inspect model.onnx --stage compiled --dump",
                             .options = options,
                             .least = 1,
                             .most = 1,
                             .run = run_inspect};
