/*
 * ort_format.c -- .ort to ONNX, by tables: each FlatBuffers table of the format corresponds to one protobuf message, each
 * of its fields (by number) to a field of that message. `convert` walks a table's rows; a few rows are functions.
 *
 * Source of the numbers: the schemas that ONNX Runtime publishes (core/flatbuffers/schema/ort.fbs; onnx.proto).
 * What differs between the two formats:
 *  - inputs and outputs are names; their types stand in one list of all values (node_args).
 *  - a node carries the version of its operator. Where that is newer than the model's import of its domain, the
 *    version is what was meant (kernels are chosen by it), so imports are raised to the newest one seen.
 *  - lists of nodes need not be in order; the importer sorts.
 * A message's length takes five bytes whatever it is, so that it can be filled in afterwards.
 */
#include "ort_format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flatbuf.h"

#define DEPTH_MAX   64 /* tables inside tables */
#define DOMAINS_MAX 64

typedef struct domain { /* newest operator version seen */
    fb_text name;
    int64_t version;
} domain;

typedef struct job {
    fb in;
    uint8_t *out;
    size_t n, cap, limit;
    sard_status status;
    const char *why; /* of a failure that is not of the FlatBuffer */
    domain domains[DOMAINS_MAX];
    size_t n_domains;
} job;

typedef struct row row;
typedef struct message {
    const row *rows;
    size_t n;
} message;

typedef enum kind { TEXT, TEXTS, BYTES, INT32, INT64, FLOAT, INT64S, FLOATS, MESSAGE, MESSAGES, HOOK } kind;

struct row {
    uint8_t field; /* of the FlatBuffers table */
    uint8_t kind;
    uint8_t number; /* of the protobuf field */
    const message *message;
    void (*hook)(job *, const fb_table *, int depth);
};

/* ---- writing protobuf ---- */

static int failed(job *j) { return j->status != SARD_OK || j->in.wrong; }

static void fail(job *j, sard_status st, const char *why) {
    if (failed(j)) return;
    j->status = st;
    j->why = why;
}

static uint8_t *room(job *j, size_t n) {
    if (failed(j)) return NULL;
    if (n > j->limit - j->n) return fail(j, SARD_LIMIT, "it refers to the same parts too often"), NULL;
    if (n > j->cap - j->n) {
        size_t cap = j->cap ? j->cap : 4096;
        while (cap - j->n < n) cap *= 2;
        uint8_t *p = realloc(j->out, cap);
        if (!p) return fail(j, SARD_OUT_OF_MEMORY, "out of memory"), NULL;
        j->out = p;
        j->cap = cap;
    }
    j->n += n;
    return j->out + j->n - n;
}

static void put(job *j, const void *p, size_t n) {
    uint8_t *to = room(j, n);
    if (to && n) memcpy(to, p, n);
}

static void put_varint(job *j, uint64_t v) {
    uint8_t b[10];
    size_t n = 0;
    for (; v >= 0x80; v >>= 7) b[n++] = (uint8_t)(v | 0x80);
    b[n++] = (uint8_t)v;
    put(j, b, n);
}

static void put_tag(job *j, unsigned number, unsigned wire) { put_varint(j, number << 3 | wire); }

static void put_int(job *j, unsigned number, int64_t v) {
    put_tag(j, number, 0);
    put_varint(j, (uint64_t)v);
}

static void put_blob(job *j, unsigned number, const void *p, size_t n) {
    put_tag(j, number, 2);
    put_varint(j, n);
    put(j, p, n);
}

static void put_text(job *j, unsigned number, fb_text t) {
    if (t.p) put_blob(j, number, t.p, t.n);
}

/* Begins a message; what it returns is for `leave`. */
static size_t enter(job *j, unsigned number) {
    put_tag(j, number, 2);
    put(j, "\0\0\0\0\0", 5);
    return j->n;
}

static void leave(job *j, size_t begin) {
    if (failed(j)) return;
    uint64_t n = j->n - begin;
    for (int i = 0; i < 5; i++, n >>= 7) j->out[begin - 5 + (size_t)i] = (uint8_t)((n & 0x7f) | (i < 4 ? 0x80 : 0));
}

/* ---- one table ---- */

static void convert(job *j, const fb_table *t, const message *m, int depth);

static void convert_sub(job *j, const fb_table *t, const row *r, int depth) {
    if (!t->at) return;
    size_t begin = enter(j, r->number);
    convert(j, t, r->message, depth + 1);
    leave(j, begin);
}

static void convert_list(job *j, const fb_table *t, const row *r, int depth) {
    fb *in = &j->in;
    fb_vector v = fb_vec(in, t, r->field, 4);
    for (size_t i = 0; i < v.n && !failed(j); i++) {
        if (r->kind == TEXTS) {
            put_text(j, r->number, fb_vec_str(in, &v, i));
        } else {
            fb_table sub = fb_vec_table(in, &v, i);
            convert_sub(j, &sub, r, depth);
        }
    }
}

static void convert_numbers(job *j, const fb_table *t, const row *r) {
    fb *in = &j->in;
    size_t size = r->kind == INT64S ? 8 : r->kind == FLOATS ? 4 : 1;
    fb_vector v = fb_vec(in, t, r->field, size);
    if (!v.at) return;
    if (r->kind != INT64S) { /* little-endian in both formats */
        put_blob(j, r->number, in->p + v.at, v.n * size);
        return;
    }
    size_t begin = enter(j, r->number);
    for (size_t i = 0; i < v.n && !failed(j); i++) put_varint(j, (uint64_t)fb_vec_i64(in, &v, i));
    leave(j, begin);
}

static void convert(job *j, const fb_table *t, const message *m, int depth) {
    fb *in = &j->in;
    if (depth > DEPTH_MAX) fail(j, SARD_LIMIT, "its tables are nested too deeply");
    for (size_t i = 0; i < m->n && !failed(j); i++) {
        const row *r = &m->rows[i];
        switch ((kind)r->kind) {
        case TEXT:
            put_text(j, r->number, fb_str(in, t, r->field));
            break;
        case INT32:
            put_int(j, r->number, fb_i32(in, t, r->field, 0));
            break;
        case INT64:
            put_int(j, r->number, fb_i64(in, t, r->field, 0));
            break;
        case FLOAT: {
            uint32_t bits = fb_bits32(in, t, r->field);
            uint8_t b[4] = {(uint8_t)bits, (uint8_t)(bits >> 8), (uint8_t)(bits >> 16), (uint8_t)(bits >> 24)};
            put_tag(j, r->number, 5);
            put(j, b, 4);
            break;
        }
        case BYTES:
        case INT64S:
        case FLOATS:
            convert_numbers(j, t, r);
            break;
        case TEXTS:
        case MESSAGES:
            convert_list(j, t, r, depth);
            break;
        case MESSAGE: {
            fb_table sub = fb_sub(in, t, r->field);
            convert_sub(j, &sub, r, depth);
            break;
        }
        case HOOK:
            r->hook(j, t, depth);
            break;
        }
    }
}

/* ---- the format's tables ---- */

#define MESSAGE_OF(rows)                                                                                               \
    { rows, sizeof(rows) / sizeof(rows)[0] }

static const message GRAPH, TYPE;

static void dim_value(job *j, const fb_table *t, int depth) {
    enum { VALUE = 1, PARAM = 2 };
    (void)depth;
    fb_table v = fb_sub(&j->in, t, 0);
    int64_t which = fb_i8(&j->in, &v, 0, 0);
    if (which == VALUE)
        put_int(j, 1, fb_i64(&j->in, &v, 1, 0));
    else if (which == PARAM)
        put_text(j, 2, fb_str(&j->in, &v, 2));
}

static const row DIM_ROWS[] = {{0, HOOK, 0, NULL, dim_value}, {1, TEXT, 3, NULL, NULL}};
static const message DIM = MESSAGE_OF(DIM_ROWS);
static const row SHAPE_ROWS[] = {{0, MESSAGES, 1, &DIM, NULL}};
static const message SHAPE = MESSAGE_OF(SHAPE_ROWS);
static const row TENSOR_TYPE_ROWS[] = {{0, INT32, 1, NULL, NULL}, {1, MESSAGE, 2, &SHAPE, NULL}};
static const message TENSOR_TYPE = MESSAGE_OF(TENSOR_TYPE_ROWS);
static const row SEQUENCE_TYPE_ROWS[] = {{0, MESSAGE, 1, &TYPE, NULL}};
static const message SEQUENCE_TYPE = MESSAGE_OF(SEQUENCE_TYPE_ROWS);
static const row MAP_TYPE_ROWS[] = {{0, INT32, 1, NULL, NULL}, {1, MESSAGE, 2, &TYPE, NULL}};
static const message MAP_TYPE = MESSAGE_OF(MAP_TYPE_ROWS);

/* A union is two fields: which it is, and a table. */
static void type_value(job *j, const fb_table *t, int depth) {
    static const row which[] = {
        {2, MESSAGE, 1, &TENSOR_TYPE, NULL}, {2, MESSAGE, 4, &SEQUENCE_TYPE, NULL}, {2, MESSAGE, 5, &MAP_TYPE, NULL}};
    int64_t k = fb_i8(&j->in, t, 1, 0);
    if (k < 0 || k > 3) {
        fail(j, SARD_UNSUPPORTED, "a value is neither tensor, sequence nor map");
    } else if (k) {
        fb_table sub = fb_sub(&j->in, t, 2);
        convert_sub(j, &sub, &which[k - 1], depth);
    }
}

static const row TYPE_ROWS[] = {{0, TEXT, 6, NULL, NULL}, {2, HOOK, 0, NULL, type_value}};
static const message TYPE = MESSAGE_OF(TYPE_ROWS);
static const row VALUE_INFO_ROWS[] = {{0, TEXT, 1, NULL, NULL}, {1, TEXT, 3, NULL, NULL}, {2, MESSAGE, 2, &TYPE, NULL}};
static const message VALUE_INFO = MESSAGE_OF(VALUE_INFO_ROWS);

static void tensor_here(job *j, const fb_table *t, int depth) {
    (void)depth;
    if (fb_i64(&j->in, t, 6, -1) != -1) fail(j, SARD_UNSUPPORTED, "a tensor's data lie in another file");
}

static const row TENSOR_ROWS[] = {{0, TEXT, 8, NULL, NULL},       {1, TEXT, 12, NULL, NULL}, {2, INT64S, 1, NULL, NULL},
                                  {3, INT32, 2, NULL, NULL},      {4, BYTES, 9, NULL, NULL}, {5, TEXTS, 6, NULL, NULL},
                                  {6, HOOK, 0, NULL, tensor_here}};
static const message TENSOR = MESSAGE_OF(TENSOR_ROWS);
static const row SPARSE_ROWS[] = {
    {0, MESSAGE, 1, &TENSOR, NULL}, {1, MESSAGE, 2, &TENSOR, NULL}, {2, INT64S, 3, NULL, NULL}};
static const message SPARSE = MESSAGE_OF(SPARSE_ROWS);

/* The one scalar that an attribute's type names; zeros are not stored in a FlatBuffer but wanted in protobuf. */
static void attr_scalar(job *j, const fb_table *t, int depth) {
    static const row f = {3, FLOAT, 2, NULL, NULL}, i = {4, INT64, 3, NULL, NULL};
    switch (fb_i32(&j->in, t, 2, 0)) {
    case 1:
        convert(j, t, &(const message){&f, 1}, depth);
        break;
    case 2:
        convert(j, t, &(const message){&i, 1}, depth);
        break;
    case 3: {
        fb_text s = fb_str(&j->in, t, 5);
        put_blob(j, 4, s.p, s.n);
        break;
    }
    default:
        break;
    }
}

static const row ATTR_ROWS[] = {
    {0, TEXT, 1, NULL, NULL},          {1, TEXT, 13, NULL, NULL},       {2, INT32, 20, NULL, NULL},
    {3, HOOK, 0, NULL, attr_scalar},   {6, MESSAGE, 5, &TENSOR, NULL},  {7, MESSAGE, 6, &GRAPH, NULL},
    {8, FLOATS, 7, NULL, NULL},        {9, INT64S, 8, NULL, NULL},      {10, TEXTS, 9, NULL, NULL},
    {11, MESSAGES, 10, &TENSOR, NULL}, {12, MESSAGES, 11, &GRAPH, NULL}};
static const message ATTR = MESSAGE_OF(ATTR_ROWS);

static int same_text(fb_text a, fb_text b) { return a.n == b.n && (!a.n || memcmp(a.p, b.p, a.n) == 0); }

static domain *find_domain(job *j, fb_text name) {
    for (size_t i = 0; i < j->n_domains; i++)
        if (same_text(j->domains[i].name, name)) return &j->domains[i];
    return NULL;
}

static void node_version(job *j, const fb_table *t, int depth) {
    (void)depth;
    if (fb_i32(&j->in, t, 6, 0) != 0) fail(j, SARD_UNSUPPORTED, "a node was compiled for one device (a fused node)");
    fb_text name = fb_str(&j->in, t, 2);
    int64_t version = fb_i32(&j->in, t, 3, 0);
    domain *d = find_domain(j, name);
    if (d && version > d->version) d->version = version;
}

static const row NODE_ROWS[] = {
    {0, TEXT, 3, NULL, NULL}, {1, TEXT, 6, NULL, NULL},  {2, TEXT, 7, NULL, NULL},  {3, HOOK, 0, NULL, node_version},
    {5, TEXT, 4, NULL, NULL}, {8, TEXTS, 1, NULL, NULL}, {9, TEXTS, 2, NULL, NULL}, {10, MESSAGES, 5, &ATTR, NULL}};
static const message NODE = MESSAGE_OF(NODE_ROWS);

/* ---- a graph's inputs and outputs: names, whose types are looked up ---- */

typedef struct arg {
    fb_text name;
    size_t index;
} arg;

static int by_name(const void *a, const void *b) {
    const arg *x = a, *y = b;
    size_t n = x->name.n < y->name.n ? x->name.n : y->name.n;
    int c = n ? memcmp(x->name.p, y->name.p, n) : 0;
    return c ? c : (x->name.n > y->name.n) - (x->name.n < y->name.n);
}

static void put_named(job *j, const fb_table *t, const fb_vector *infos, const arg *args, unsigned field,
                      unsigned number, int depth) {
    fb_vector names = fb_vec(&j->in, t, field, 4);
    const row r = {0, MESSAGE, (uint8_t)number, &VALUE_INFO, NULL};
    for (size_t i = 0; i < names.n && !failed(j); i++) {
        arg key = {.name = fb_vec_str(&j->in, &names, i)};
        const arg *found = infos->n ? bsearch(&key, args, infos->n, sizeof *args, by_name) : NULL;
        if (found) {
            fb_table info = fb_vec_table(&j->in, infos, found->index);
            convert_sub(j, &info, &r, depth);
        } else { /* a name without type */
            size_t begin = enter(j, number);
            put_text(j, 1, key.name);
            leave(j, begin);
        }
    }
}

static void graph_values(job *j, const fb_table *t, int depth) {
    fb_vector infos = fb_vec(&j->in, t, 1, 4);
    arg *args = infos.n ? malloc(infos.n * sizeof *args) : NULL; /* at most four times the file */
    if (infos.n && !args) fail(j, SARD_OUT_OF_MEMORY, "out of memory");
    for (size_t i = 0; i < infos.n && !failed(j); i++) {
        fb_table info = fb_vec_table(&j->in, &infos, i);
        args[i] = (arg){fb_str(&j->in, &info, 0), i};
    }
    if (infos.n && !failed(j)) qsort(args, infos.n, sizeof *args, by_name);
    put_blob(j, 2, "graph", 5); /* ONNX wants a name; this format keeps none */
    put_named(j, t, &infos, args, 5, 11, depth);
    put_named(j, t, &infos, args, 6, 12, depth);
    free(args);
}

static const row GRAPH_ROWS[] = {{0, MESSAGES, 5, &TENSOR, NULL},
                                 {1, HOOK, 0, NULL, graph_values},
                                 {2, MESSAGES, 1, &NODE, NULL},
                                 {7, MESSAGES, 15, &SPARSE, NULL}};
static const message GRAPH = MESSAGE_OF(GRAPH_ROWS);

/* ---- the model ---- */

static void model_graph(job *j, const fb_table *t, int depth) {
    fb *in = &j->in;
    fb_vector opsets = fb_vec(in, t, 1, 4);
    if (opsets.n > DOMAINS_MAX) fail(j, SARD_LIMIT, "it imports too many domains");
    for (size_t i = 0; i < opsets.n && !failed(j); i++) {
        fb_table opset = fb_vec_table(in, &opsets, i);
        j->domains[j->n_domains++] = (domain){fb_str(in, &opset, 0), fb_i64(in, &opset, 1, 0)};
    }
    fb_table graph = fb_sub(in, t, 7);
    if (!graph.at) fail(j, SARD_INVALID_MODEL, "it has no graph");
    size_t begin = enter(j, 7);
    convert(j, &graph, &GRAPH, depth + 1);
    put_text(j, 10, fb_str(in, t, 8));
    leave(j, begin);
    for (size_t i = 0; i < j->n_domains; i++) {
        begin = enter(j, 8);
        put_text(j, 1, j->domains[i].name);
        put_int(j, 2, j->domains[i].version);
        leave(j, begin);
    }
}

static const row ENTRY_ROWS[] = {{0, TEXT, 1, NULL, NULL}, {1, TEXT, 2, NULL, NULL}};
static const message ENTRY = MESSAGE_OF(ENTRY_ROWS);
static const row MODEL_ROWS[] = {{0, INT64, 1, NULL, NULL},       {2, TEXT, 2, NULL, NULL},
                                 {3, TEXT, 3, NULL, NULL},        {4, TEXT, 4, NULL, NULL},
                                 {5, INT64, 5, NULL, NULL},       {6, TEXT, 6, NULL, NULL},
                                 {7, HOOK, 0, NULL, model_graph}, {9, MESSAGES, 14, &ENTRY, NULL}};
static const message MODEL = MESSAGE_OF(MODEL_ROWS);

int ort_format_is(const void *data, size_t n) { return fb_is(data, n, "ORTM"); }

static sard_status tell(sard_error *err, sard_status st, const char *why) {
    if (err) {
        err->code = st;
        err->problems = 1;
        snprintf(err->message, sizeof err->message, "ORT format model: %s", why);
    }
    return st;
}

sard_status ort_format_to_onnx(const void *data, size_t n, void **onnx, size_t *bytes, sard_error *err) {
    if (!ort_format_is(data, n))
        return tell(err, SARD_INVALID_PROTOBUF, "expected identifier \"ORTM\" at byte 4, found none");
    job *j = calloc(1, sizeof *j);
    if (!j) return tell(err, SARD_OUT_OF_MEMORY, "out of memory");
    fb_init(&j->in, data, n);
    j->limit = (n < FB_BYTES_MAX ? n : 0) * 16 + 65536; /* names are stored once and used several times */
    fb_table session = fb_root(&j->in), model = fb_sub(&j->in, &session, 1);
    fb_text version = fb_str(&j->in, &session, 0);
    if (!j->in.wrong && (version.n != 1 || version.p[0] < '1' || version.p[0] > '6'))
        fail(j, SARD_UNSUPPORTED, "its format version is not one of 1 to 6");
    if (!j->in.wrong && !model.at) fail(j, SARD_INVALID_MODEL, "it holds no model");
    convert(j, &model, &MODEL, 1);
    sard_status st = j->in.wrong ? SARD_INVALID_PROTOBUF : j->status;
    if (st != SARD_OK) {
        tell(err, st, j->in.wrong ? j->in.wrong : j->why);
        free(j->out);
    } else {
        *onnx = j->out;
        *bytes = j->n;
    }
    free(j);
    return st;
}
