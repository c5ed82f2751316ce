/* test_onnx.c -- the ONNX reader and writer: equal round trips, exact errors, and hostile bytes of every sort. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "onnx/onnx.h"

/* ---- a model with every kind of field ---- */

static int64_t dims23[] = {2, 3};
static const uint8_t weights[24] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

static onnx_tensor tensor_w(void) {
    return (onnx_tensor){
        .data_type = SARD_F32, .dims = dims23, .n_dims = 2, .name = str_of("w"), .raw = {weights, sizeof weights}};
}

/* Puts into the arena; the tests' models are small. */
static void *keep(arena *a, const void *p, size_t n) {
    void *q = arena_copy(a, p, n);
    assert_non_null(q);
    return q;
}
#define KEEP(a, type, ...) keep(a, (const type[]){__VA_ARGS__}, sizeof((const type[]){__VA_ARGS__}))

static onnx_graph *small_graph(arena *a, const char *name) {
    onnx_node *n = KEEP(a, onnx_node, {.op_type = str_of("Identity")});
    n->inputs = KEEP(a, str, {"x", 1});
    n->n_inputs = 1;
    n->outputs = KEEP(a, str, {"b", 1});
    n->n_outputs = 1;
    onnx_graph *g = KEEP(a, onnx_graph, {.name = str_of(name), .nodes = n, .n_nodes = 1});
    g->outputs = KEEP(a, onnx_value_info, {.name = str_of("b")});
    g->n_outputs = 1;
    return g;
}

/* A type of each kind, nested. */
static onnx_type *all_types(arena *a, size_t *n) {
    onnx_dim *dims =
        KEEP(a, onnx_dim, {.kind = ONNX_DIM_VALUE, .value = 0}, {.kind = ONNX_DIM_PARAM, .param = {"n", 1}},
             {.denotation = {"C", 1}}, {.kind = ONNX_DIM_PARAM});
    onnx_shape *shape = KEEP(a, onnx_shape, {.dims = dims, .n_dims = 4});
    onnx_shape *scalar = KEEP(a, onnx_shape, {.has = 0});
    onnx_type *f32 = KEEP(a, onnx_type, {.kind = ONNX_TYPE_TENSOR, .elem_type = SARD_F32, .shape = scalar});
    onnx_type *map =
        KEEP(a, onnx_type, {.kind = ONNX_TYPE_MAP, .key_type = SARD_I64, .elem = f32, .denotation = {"D", 1}});
    *n = 7;
    return KEEP(a, onnx_type, {.kind = ONNX_TYPE_TENSOR, .elem_type = SARD_I4, .shape = shape},
                {.kind = ONNX_TYPE_SEQUENCE, .elem = map}, {.kind = ONNX_TYPE_OPTIONAL, .elem = f32},
                {.kind = ONNX_TYPE_SPARSE, .elem_type = SARD_F64, .shape = shape},
                {.kind = ONNX_TYPE_OPAQUE, .domain = {"d", 1}, .name = {"o", 1}}, {.kind = ONNX_TYPE_NONE},
                {.kind = ONNX_TYPE_TENSOR});
}

static onnx_attr *all_attrs(arena *a, size_t *n) {
    onnx_tensor *w = KEEP(a, onnx_tensor, tensor_w());
    onnx_sparse *sparse = KEEP(a, onnx_sparse, {.values = w, .indices = w, .dims = dims23, .n_dims = 2});
    size_t n_types;
    onnx_type *types = all_types(a, &n_types);
    int64_t *ints = KEEP(a, int64_t, 0, -1, INT64_MIN, INT64_MAX, 300);
    float *floats = KEEP(a, float, 0.0f, -0.0f, 1.5f);
    str *strings = KEEP(a, str, {"a\0b", 3}, {NULL, 0});
    onnx_attr *list =
        KEEP(a, onnx_attr, {.name = str_of("f"), .type = ONNX_ATTR_FLOAT, .f = -0.0f},
             {.name = str_of("i"), .type = ONNX_ATTR_INT}, {.name = str_of("s"), .type = ONNX_ATTR_STRING},
             {.name = str_of("t"), .type = ONNX_ATTR_TENSOR, .t = w},
             {.name = str_of("g"), .type = ONNX_ATTR_GRAPH, .g = small_graph(a, "body")},
             {.name = str_of("floats"), .type = ONNX_ATTR_FLOATS, .floats = floats, .n_floats = 3},
             {.name = str_of("ints"), .type = ONNX_ATTR_INTS, .ints = ints, .n_ints = 5, .doc = str_of("doc")},
             {.name = str_of("strings"), .type = ONNX_ATTR_STRINGS, .strings = strings, .n_strings = 2},
             {.name = str_of("tensors"), .type = ONNX_ATTR_TENSORS, .tensors = w, .n_tensors = 1},
             {.name = str_of("graphs"), .type = ONNX_ATTR_GRAPHS, .graphs = small_graph(a, "g"), .n_graphs = 1},
             {.name = str_of("sparse"), .type = ONNX_ATTR_SPARSE, .sparse = sparse},
             {.name = str_of("sparses"), .type = ONNX_ATTR_SPARSES, .sparses = sparse, .n_sparses = 1},
             {.name = str_of("type"), .type = ONNX_ATTR_TYPE, .tp = types},
             {.name = str_of("types"), .type = ONNX_ATTR_TYPES, .types = types, .n_types = n_types},
             {.name = str_of("ref"), .type = ONNX_ATTR_INT, .ref_attr_name = str_of("alpha")});
    *n = 15;
    return list;
}

static onnx_graph *full_graph(arena *a) {
    onnx_graph *g = small_graph(a, "main");
    g->nodes->attrs = all_attrs(a, &g->nodes->n_attrs);
    g->nodes->name = str_of("node");
    g->nodes->overload = str_of("over");
    g->nodes->domain = str_of("my.domain");
    g->nodes->metadata = KEEP(a, onnx_entry, {.key = {"k", 1}, .value = {"v", 1}});
    g->nodes->n_metadata = 1;
    onnx_tensor *w = KEEP(a, onnx_tensor, tensor_w(), tensor_w());
    static const uint8_t packed[] = {1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 3, 4, 5, 6};
    w[1].data_type = SARD_I32;
    w[1].raw = (onnx_bytes){NULL, 0};
    w[1].int32_data = (onnx_bytes){packed, sizeof packed};
    g->initializers = w;
    g->n_initializers = 2;
    g->sparse_initializers = KEEP(a, onnx_sparse, {.values = w, .dims = dims23, .n_dims = 2});
    g->n_sparse_initializers = 1;
    size_t n_types;
    onnx_type *types = all_types(a, &n_types);
    g->inputs = KEEP(a, onnx_value_info, {.name = {"x", 1}, .type = types, .doc = {"", 0}},
                     {.name = {"y", 1}, .type = types + 1});
    g->n_inputs = 2;
    g->value_infos = KEEP(a, onnx_value_info, {.name = {"v", 1}});
    g->n_value_infos = 1;
    g->annotations = KEEP(a, onnx_annotation, {.tensor = {"x", 1}, .params = g->nodes->metadata, .n_params = 1});
    g->n_annotations = 1;
    return g;
}

/* Everything set. Its arena is the model's. */
static onnx_model full_model(void) {
    onnx_model m = {.ir_version = 10, .producer_name = str_of("test"), .producer_version = str_of("1")};
    onnx_store_init(&m.store);
    arena *a = &m.store.mem;
    m.model_version = -7;
    m.opsets = KEEP(a, onnx_opset, {.version = 20}, {.version = 3, .domain = {"my.domain", 9}});
    m.n_opsets = 2;
    m.graph = full_graph(a);
    m.functions = KEEP(a, onnx_function, {.name = {"f", 1}, .domain = {"my.domain", 9}, .overload = {"o", 1}});
    m.n_functions = 1;
    m.functions->nodes = m.graph->nodes;
    m.functions->n_nodes = 1;
    m.functions->attrs = KEEP(a, str, {"alpha", 5});
    m.functions->n_attrs = 1;
    m.functions->attr_protos = m.graph->nodes->attrs;
    m.functions->n_attr_protos = 2;
    m.functions->opsets = m.opsets;
    m.functions->n_opsets = 2;
    m.training = KEEP(a, onnx_training, {.initialization = small_graph(a, "t")});
    m.n_training = 1;
    return m;
}

/* The written bytes, in an allocation of exactly that size so that a sanitizer sees every read beyond. */
static uint8_t *written(onnx_model *m, size_t *n) {
    uint8_t *data;
    sard_error err = {0};
    assert_int_equal(onnx_write_mem(m, NULL, &data, n, &err), SARD_OK);
    uint8_t *exact = malloc(*n);
    memcpy(exact, data, *n);
    mem_free(data);
    return exact;
}

static uint8_t *full_bytes(size_t *n) {
    onnx_model m = full_model();
    uint8_t *data = written(&m, n);
    onnx_model_deinit(&m);
    return data;
}

/* ---- round trips ---- */

static void test_roundtrip(void **state) {
    (void)state;
    size_t n, again_n;
    uint8_t *data = full_bytes(&n);
    onnx_model m;
    sard_error err = {0};
    assert_int_equal(onnx_read(data, n, &m, &err), SARD_OK);
    uint8_t *again = written(&m, &again_n);
    assert_int_equal(n, again_n);
    assert_memory_equal(data, again, n);

    assert_int_equal(m.model_version, -7);
    const onnx_node *node = &m.graph->nodes[0];
    assert_int_equal(node->n_attrs, 15);
    assert_true(str_is(node->overload, "over"));
    assert_int_equal(node->attrs[6].ints[2], INT64_MIN);
    assert_int_equal(node->attrs[6].ints[3], INT64_MAX);
    assert_true(str_eq(node->attrs[7].strings[0], (str){"a\0b", 3}));
    assert_true(node->attrs[1].has >> 3 & 1); /* i = 0 is written: readers take a missing one for the default */
    const onnx_type *types = node->attrs[13].types;
    assert_int_equal(types[0].shape->n_dims, 4);
    assert_int_equal(types[0].shape->dims[0].kind, ONNX_DIM_VALUE);
    assert_int_equal(types[0].shape->dims[2].kind, ONNX_DIM_UNKNOWN);
    assert_int_equal(types[0].shape->dims[3].kind, ONNX_DIM_PARAM);
    assert_int_equal(types[1].elem->key_type, SARD_I64);
    assert_int_equal(types[2].elem->shape->n_dims, 0);
    assert_null(types[6].shape);
    const uint8_t *raw = m.graph->initializers[0].raw.p;
    assert_true(raw > data && raw < data + n); /* in place */
    onnx_bytes bytes;
    assert_int_equal(onnx_tensor_bytes(&m.store, &m.graph->initializers[1], &bytes, &err), SARD_OK);
    static const int32_t expected[] = {1, -1, 3, 4, 5, 6};
    assert_int_equal(bytes.n, sizeof expected);
    assert_memory_equal(bytes.p, expected, sizeof expected);
    onnx_model_deinit(&m);
    onnx_model_deinit(&m);
    free(again);
    free(data);
}

static const uint8_t *bytes_of(const char *text) { return (const uint8_t *)text; }
#define LITERAL(text) bytes_of(text), sizeof(text) - 1

static void test_values(void **state) {
    (void)state;
    sard_error err = {0};
    onnx_store s;
    onnx_store_init(&s);
    onnx_sequence seq;
    onnx_buffer out = {0};
    const onnx_sink sink = {onnx_buffer_write, &out};
    /* a sequence of a map of an optional that is empty */
    static const char text[] = "\x0a\x01s\x10\x04\x32\x0e\x10\x07\x18\x05\x2a\x08\x10\x05\x3a\x04\x0a\x00\x10\x01";
    assert_int_equal(onnx_read_sequence(&s, LITERAL(text), &seq, &err), SARD_OK);
    assert_int_equal(seq.n_maps, 1);
    assert_int_equal(seq.maps[0].keys[0], 5);
    assert_int_equal(seq.maps[0].values->n_optionals, 1);
    assert_null(seq.maps[0].values->optionals[0].tensor);
    assert_int_equal(onnx_write_sequence(&seq, &sink, &err), SARD_OK);
    assert_int_equal(out.n, sizeof text - 1);
    assert_memory_equal(out.data, text, out.n);
    mem_free(out.data);
    onnx_store_deinit(&s);
}

/* Messages in pieces merge, lists concatenate, the last scalar wins, unknown fields and groups are skipped. */
static void test_protobuf_semantics(void **state) {
    (void)state;
    sard_error err = {0};
    onnx_store s;
    onnx_store_init(&s);
    onnx_type t;
    /* tensor_type{elem_type 1}, an unknown field 31, a group 3{field 1 = 5, group 2{}}, tensor_type{shape{dim{},dim{}}},
     * tensor_type{elem_type 7, shape{dim{dim_value 4, dim_param "k"}}} */
    assert_int_equal(onnx_read_type(&s,
                                    LITERAL("\x0a\x02\x08\x01\xf8\x01\x05\x1b\x08\x05\x13\x14\x1c"
                                            "\x0a\x06\x12\x04\x0a\x00\x0a\x00\x0a\x0b\x08\x07\x12\x07\x0a\x05\x08\x04"
                                            "\x12\x01k"),
                                    &t, &err),
                     SARD_OK);
    assert_int_equal(t.kind, ONNX_TYPE_TENSOR);
    assert_int_equal(t.elem_type, 7);
    assert_int_equal(t.shape->n_dims, 3);
    assert_int_equal(t.shape->dims[2].kind, ONNX_DIM_PARAM);
    assert_int_equal(t.shape->dims[2].value, 0);
    /* another member of the oneof replaces */
    assert_int_equal(onnx_read_type(&s, LITERAL("\x0a\x02\x08\x01\x22\x00"), &t, &err), SARD_OK);
    assert_int_equal(t.kind, ONNX_TYPE_SEQUENCE);
    assert_int_equal(t.elem_type, 0);
    /* numbers packed, unpacked and packed again; the name twice; dims of the wrong wire type are skipped */
    onnx_tensor x;
    assert_int_equal(onnx_read_tensor(&s,
                                      LITERAL("\x0a\x01\x03\x08\x02\x0d\x00\x00\x00\x00\x10\x07\x3a\x02\x01\x02\x38\x03"
                                              "\x3a\x03\xac\x02\x05\x42\x01y\x42\x01x\x38\x7f"),
                                      &x, &err),
                     SARD_OK);
    assert_int_equal(x.n_dims, 2);
    assert_true(str_is(x.name, "x"));
    onnx_bytes bytes;
    assert_int_equal(onnx_tensor_bytes(&s, &x, &bytes, &err), SARD_OK);
    static const int64_t expected[] = {1, 2, 3, 300, 5, 127};
    assert_memory_equal(bytes.p, expected, sizeof expected);
    onnx_store_deinit(&s);
}

/* ---- errors ---- */

static void expect_error(const uint8_t *data, size_t n, sard_status status, const char *message) {
    onnx_model m;
    sard_error err = {0};
    uint8_t *exact = malloc(n ? n : 1);
    memcpy(exact, data, n);
    assert_int_equal(onnx_read(exact, n, &m, &err), status);
    assert_string_equal(err.message, message);
    free(exact);
}

static void test_error_messages(void **state) {
    (void)state;
    expect_error(LITERAL("\x08\x08\x3a\x0d\x0a\x00\x0a\x09\x2a\x00\x2a\x05\x2a\x88\x27\x00\x00"), SARD_INVALID_PROTOBUF,
                 "graph.node[1].attribute[1].t: length 5000 runs past the end (offset 12 of 17)");
    expect_error(LITERAL("\x08\x08\x3a"), SARD_INVALID_PROTOBUF, "graph: a number runs past the end (offset 2 of 3)");
    expect_error(LITERAL("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), SARD_INVALID_PROTOBUF,
                 "ir_version: a number takes more than 10 bytes (offset 0 of 12)");
    expect_error(LITERAL("PK\x03\x04"), SARD_INVALID_PROTOBUF,
                 "not a field number: these bytes are not protobuf (offset 2 of 4)");
    expect_error(LITERAL("\x0f"), SARD_INVALID_PROTOBUF,
                 "ir_version: a wire type that does not exist: these bytes are not protobuf (offset 0 of 1)");
    expect_error(LITERAL("\x00\x01"), SARD_INVALID_PROTOBUF,
                 "not a field number: these bytes are not protobuf (offset 0 of 2)");
    expect_error(LITERAL("\x1c"), SARD_INVALID_PROTOBUF,
                 "producer_version: a group is closed that is not open (offset 0 of 1)");
    expect_error(LITERAL("\xfb\x01\xf3\x01\xfc\x01"), SARD_INVALID_PROTOBUF,
                 "a group is closed that is not open (offset 0 of 6)");
    expect_error(LITERAL("\xfb\x01\x08\x01"), SARD_INVALID_PROTOBUF, "a group runs past the end (offset 0 of 4)");
    expect_error(LITERAL("\x3a\x06\x2a\x04\x22\x02\x00\x00"), SARD_INVALID_PROTOBUF,
                 "graph.initializer[0].float_data[0]: the length is not a multiple of a number's size (offset 4 of 8)");
    expect_error(LITERAL("\x3a\x06\x2a\x04\x0a\x02\x00\x80"), SARD_INVALID_PROTOBUF,
                 "graph.initializer[0].dims[0]: the last number is not complete (offset 4 of 8)");
    expect_error(LITERAL(""), SARD_INVALID_MODEL,
                 "no IR version (a positive number was expected, 0 was found): not an ONNX model");
    expect_error(LITERAL("\x08\x08"), SARD_INVALID_MODEL, "the model has no graph");
    expect_error(LITERAL("\x08\x08\x3a\x00"), SARD_INVALID_MODEL,
                 "the model imports no operator set, which IR version 8 asks for");
    expect_error(LITERAL("\x08\x0f\x3a\x00\x42\x00"), SARD_UNSUPPORTED,
                 "IR version 15 is newer than 14, the newest this build reads");
}

static void test_opsets(void **state) {
    (void)state;
    onnx_model m;
    sard_error err = {0};
    /* IR 2 without imports is operator set 1 */
    assert_int_equal(onnx_read(LITERAL("\x08\x02\x3a\x00"), &m, &err), SARD_OK);
    assert_int_equal(onnx_model_opset(&m, str_of("")), 1);
    assert_int_equal(onnx_model_opset(&m, str_of("ai.onnx")), 1);
    assert_int_equal(onnx_model_opset(&m, str_of("ai.onnx.ml")), 0);
    onnx_model_deinit(&m);
    /* the empty domain twice, the second time by its name */
    assert_int_equal(onnx_read(LITERAL("\x08\x08\x3a\x00\x42\x02\x10\x01\x42\x0b\x0a\x07"
                                       "ai.onnx\x10\x0d"),
                               &m, &err),
                     SARD_OK);
    assert_int_equal(onnx_model_opset(&m, str_of("")), 13);
    onnx_model_deinit(&m);
}

static void test_attr_kind(void **state) {
    (void)state;
    onnx_attr a = {.has = 1u << 3};
    assert_int_equal(onnx_attr_kind(&a), ONNX_ATTR_INT);
    a.has = 1u << 15;
    assert_int_equal(onnx_attr_kind(&a), ONNX_ATTR_TYPES);
    a.type = ONNX_ATTR_GRAPH;
    assert_int_equal(onnx_attr_kind(&a), ONNX_ATTR_GRAPH);
    a = (onnx_attr){0};
    assert_int_equal(onnx_attr_kind(&a), ONNX_ATTR_UNDEFINED);
    assert_string_equal(onnx_attr_type_name(ONNX_ATTR_TYPES), "TYPE_PROTOS");
    assert_string_equal(onnx_attr_type_name((onnx_attr_type)99), "?");
}

static void test_show(void **state) {
    (void)state;
    char buf[ONNX_SHOW];
    assert_string_equal(onnx_show(str_of("conv1/w"), buf), "conv1/w");
    assert_string_equal(onnx_show((str){"a\0b\n\xff", 5}, buf), "a?b??");
    assert_string_equal(onnx_show(str_of("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"), buf),
                        "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
    assert_string_equal(onnx_show(str_of("\xed\xa0\x80"), buf), "???");
    char all[300];
    memset(all, 'x', sizeof all);
    assert_true(strlen(onnx_show((str){all, sizeof all}, buf)) < ONNX_SHOW);
    assert_string_equal(buf + strlen(buf) - 4, "x...");
}

/* ---- tensor data ---- */

static void expect_data_error(const onnx_tensor *t, sard_status status, const char *message) {
    onnx_store s;
    onnx_bytes bytes;
    sard_error err = {0};
    onnx_store_init(&s);
    assert_int_equal(onnx_tensor_bytes(&s, t, &bytes, &err), status);
    assert_string_equal(err.message, message);
    onnx_store_deinit(&s);
}

static void test_data_errors(void **state) {
    (void)state;
    static const uint8_t bytes[64] = {0x80, 0x02, 1};
    int64_t dims[] = {3, 4}, negative[] = {-1}, huge[] = {INT64_MAX, 2}, large[] = {INT64_MAX},
            none[] = {INT64_MAX, 2, 0};
    onnx_tensor t = {.data_type = SARD_F32, .name = str_of("w"), .dims = dims, .n_dims = 2, .raw = {bytes, 40}};
    expect_data_error(&t, SARD_INVALID_MODEL, "tensor 'w' f32[3,4]: 48 bytes of data expected, raw_data has 40");
    t.raw.n = 0;
    expect_data_error(&t, SARD_INVALID_MODEL,
                      "tensor 'w' f32[3,4]: 48 bytes of data expected, raw_data has 0 and float_data 0");
    t.data_type = SARD_U8;
    t.int32_data = (onnx_bytes){bytes, 3};
    expect_data_error(
        &t, SARD_INVALID_MODEL,
        "tensor 'w' u8[3,4]: 12 bytes of data, or 12 entries of int32_data, expected; raw_data has 0 bytes "
        "and int32_data 2 entries");
    int64_t two[] = {2};
    t.dims = two;
    t.n_dims = 1;
    expect_data_error(&t, SARD_INVALID_MODEL, "tensor 'w' u8[2]: int32_data[0] is 256, which does not fit its 8 bits");
    t.dims = negative;
    expect_data_error(&t, SARD_INVALID_MODEL, "tensor 'w' u8[-1]: tensor 'w': dimension 0 is -1, not a size");
    t.dims = huge;
    t.n_dims = 2;
    expect_data_error(&t, SARD_INVALID_MODEL,
                      "tensor 'w' u8[9223372036854775807,2]: tensor 'w': its dimensions multiply to more than 2^63");
    t.dims = large;
    t.n_dims = 1;
    t.data_type = SARD_C128;
    expect_data_error(
        &t, SARD_INVALID_MODEL,
        "tensor 'w' c128[9223372036854775807]: 9223372036854775807 elements are more than memory can hold");
    t.data_type = 99;
    expect_data_error(&t, SARD_INVALID_MODEL, "tensor 'w' ?[9223372036854775807]: 99 is not an element type");
    t.data_type = SARD_STRING;
    expect_data_error(&t, SARD_INVALID_MODEL,
                      "tensor 'w' str[9223372036854775807]: strings have no bytes of fixed size");
    onnx_segment segment = {0};
    t = (onnx_tensor){.data_type = SARD_F32, .segment = &segment};
    expect_data_error(&t, SARD_UNSUPPORTED, "tensor '' f32[]: tensors stored in segments are not supported");
    t = (onnx_tensor){.data_type = SARD_F32, .data_location = 5};
    expect_data_error(&t, SARD_INVALID_MODEL, "tensor '' f32[]: 5 is not a data location");

    onnx_store s;
    onnx_bytes out;
    sard_error err = {0};
    onnx_store_init(&s);
    t = (onnx_tensor){.data_type = SARD_F64, .dims = none, .n_dims = 3};
    assert_int_equal(onnx_tensor_bytes(&s, &t, &out, &err), SARD_OK);
    assert_int_equal(out.n, 0);
    t = (onnx_tensor){.data_type = SARD_BOOL, .dims = two, .n_dims = 1, .raw = {bytes, 2}};
    assert_int_equal(onnx_tensor_bytes(&s, &t, &out, &err), SARD_OK);
    assert_int_equal(out.p[0], 1);
    assert_int_equal(out.p[1], 1);
    const str *strings;
    size_t n;
    t = (onnx_tensor){.data_type = SARD_STRING, .dims = two, .n_dims = 1};
    assert_int_equal(onnx_tensor_strings(&t, &strings, &n, &err), SARD_INVALID_MODEL);
    assert_string_equal(err.message, "tensor '' str[2]: 2 strings expected, string_data has 0");
    onnx_store_deinit(&s);
}

static onnx_tensor outside(onnx_entry *entries, const char *location, const char *offset, const char *length) {
    entries[0] = (onnx_entry){.key = str_of("location"), .value = str_of(location)};
    entries[1] = (onnx_entry){.key = str_of("offset"), .value = str_of(offset)};
    entries[2] = (onnx_entry){.key = str_of("length"), .value = str_of(length)};
    onnx_tensor t = tensor_w();
    t.raw = (onnx_bytes){NULL, 0};
    t.data_location = ONNX_EXTERNAL;
    t.external = entries;
    t.n_external = length ? 3 : offset ? 2 : 1;
    return t;
}

static void expect_external(onnx_store *s, const char *location, const char *offset, const char *length,
                            sard_status status, const char *part) {
    onnx_entry e[3];
    onnx_tensor t = outside(e, location, offset, length);
    onnx_bytes out;
    sard_error err = {0};
    assert_int_equal(onnx_tensor_bytes(s, &t, &out, &err), status);
    if (status == SARD_OK)
        assert_memory_equal(out.p, weights, sizeof weights);
    else if (!strstr(err.message, part))
        fail_msg("'%s' expected in '%s'", part, err.message);
}

static void test_external_from_memory(void **state) {
    (void)state;
    onnx_store s;
    sard_error err = {0};
    uint8_t file[100] = {0};
    memcpy(file + 76, weights, sizeof weights);
    onnx_store_init(&s);
    expect_external(&s, "w.bin", "76", "24", SARD_NO_SUCH_FILE, "no folder or file is given");
    assert_int_equal(onnx_store_file(&s, "w.bin", file, sizeof file, &err), SARD_OK);
    expect_external(&s, "w.bin", "76", "24", SARD_OK, "");
    expect_external(&s, "./w.bin", "76", NULL, SARD_OK, "");
    expect_external(&s, "w.bin", "77", "24", SARD_INVALID_MODEL,
                    "its data is 24 bytes at offset 77 of the file 'w.bin', which has 100");
    expect_external(&s, "w.bin", "18446744073709551615", "24", SARD_INVALID_MODEL, "which has 100");
    expect_external(&s, "w.bin", "18446744073709551616", "24", SARD_INVALID_MODEL, "not a number of bytes");
    expect_external(&s, "w.bin", "-1", "24", SARD_INVALID_MODEL, "the offset '-1', which is not a number of bytes");
    expect_external(&s, "w.bin", "", "24", SARD_INVALID_MODEL, "not a number of bytes");
    expect_external(&s, "w.bin", "0", "25", SARD_INVALID_MODEL,
                    "24 bytes of external data expected, the length given is 25");
    expect_external(&s, "", "0", "24", SARD_INVALID_MODEL, "is not a file name");
    onnx_store_deinit(&s);
}

static void test_external_files(void **state) {
    (void)state;
    char folder[] = "/tmp/sard_onnx_XXXXXX", path[200], data[200], secret[200];
    sard_error err = {0};
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/model", folder);
    mkdir(path, 0700);
    snprintf(secret, sizeof secret, "%s/secret", folder);
    snprintf(path, sizeof path, "%s/model/m.onnx", folder);
    snprintf(data, sizeof data, "%s/model/m.data", folder);
    assert_int_equal(file_write(secret, weights, sizeof weights, &err), SARD_OK);

    onnx_model m = full_model(), back;
    assert_int_equal(onnx_write_path(&m, path, "m.data", 24, &err), SARD_OK);
    assert_int_equal(onnx_load_path(path, &back, &err), SARD_OK);
    const onnx_tensor *w = &back.graph->initializers[0];
    assert_int_equal(w->data_location, ONNX_EXTERNAL);
    assert_int_equal(w->raw.n, 0);
    assert_true(str_is(w->external[0].value, "m.data"));
    assert_int_equal(back.graph->sparse_initializers[0].values->data_location, ONNX_INSIDE); /* readers look inside */
    onnx_bytes out;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(onnx_tensor_bytes(&back.store, w, &out, &err), SARD_OK);
        assert_memory_equal(out.p, weights, sizeof weights);
    }
    assert_int_equal(onnx_tensor_bytes(&back.store, &back.graph->initializers[1], &out, &err), SARD_OK);
    assert_int_equal(out.n, 24);
    assert_int_equal((uintptr_t)out.p % 64, 0);
    assert_null(back.store.files->next); /* one mapping */

    /* inside again: the typed data has become raw data, nothing else changed */
    size_t n, n_first;
    uint8_t *embedded, *first = written(&m, &n_first);
    const onnx_write_opts embed = {.embed = true};
    assert_int_equal(onnx_write_mem(&back, &embed, &embedded, &n, &err), SARD_OK);
    onnx_model third;
    assert_int_equal(onnx_read(embedded, n, &third, &err), SARD_OK);
    assert_memory_equal(third.graph->initializers[0].raw.p, weights, sizeof weights);
    onnx_model_deinit(&third);
    mem_free(embedded);
    free(first);

    expect_external(&back.store, "../secret", "0", "24", SARD_INVALID_MODEL, "");
    expect_external(&back.store, secret, "0", "24", SARD_INVALID_MODEL, "");
    expect_external(&back.store, "nothing", "0", "24", SARD_NO_SUCH_FILE, "nothing");
    onnx_model_deinit(&back);
    onnx_model_deinit(&m);
    assert_int_equal(onnx_load_path(secret, &back, &err), SARD_INVALID_PROTOBUF);
    assert_non_null(strstr(err.message, "secret"));
    unlink(path);
    unlink(data);
    unlink(secret);
    *strrchr(path, '/') = 0;
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* ---- hostile bytes ---- */

/* Reads what may be anything and, when it is a model, uses all of it. Returns the status. */
static sard_status try_bytes(const uint8_t *data, size_t n) {
    onnx_model m;
    sard_error err = {0};
    uint8_t *exact = malloc(n ? n : 1);
    memcpy(exact, data, n);
    sard_status st = onnx_read(exact, n, &m, &err);
    if (st == SARD_OK) {
        for (size_t i = 0; i < m.graph->n_initializers; i++) {
            onnx_bytes out;
            if (onnx_tensor_bytes(&m.store, &m.graph->initializers[i], &out, &err) == SARD_OK && out.n > 0) {
                volatile uint8_t last = out.p[out.n - 1];
                (void)last;
            }
        }
        uint8_t *again;
        size_t again_n;
        assert_int_equal(onnx_write_mem(&m, NULL, &again, &again_n, &err), SARD_OK);
        mem_free(again);
        onnx_model_deinit(&m);
    } else {
        assert_true(err.message[0] != 0);
    }
    free(exact);
    return st;
}

static void test_truncation_everywhere(void **state) {
    (void)state;
    size_t n;
    uint8_t *data = full_bytes(&n);
    for (size_t i = 0; i < n; i++) try_bytes(data, i);
    assert_int_equal(try_bytes(data, n), SARD_OK);
    free(data);
}

static uint32_t next_random(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

static void test_flips(void **state) {
    (void)state;
    size_t n, good = 0;
    uint8_t *data = full_bytes(&n), *copy = malloc(n);
    uint64_t random = 1;
    for (int i = 0; i < 20000; i++) {
        memcpy(copy, data, n);
        for (uint32_t k = next_random(&random) % 4 + 1; k-- > 0;) {
            uint8_t *at = copy + next_random(&random) % n;
            if (next_random(&random) % 2)
                *at ^= (uint8_t)(1u << next_random(&random) % 8);
            else
                *at = (uint8_t)next_random(&random);
        }
        good += try_bytes(copy, n) == SARD_OK;
    }
    assert_true(good > 1000); /* names and values change, too */
    free(copy);
    free(data);
}

/* `depth` types inside each other: optional{elem_type: optional{...}}. */
static size_t nested_types(uint8_t *out, int depth) {
    uint8_t *end = out + 8192, *p = end;
    for (int i = 0; i < depth; i++) {
        for (int tag = 0; tag < 2; tag++) {
            size_t n = (size_t)(end - p);
            uint8_t head[4] = {tag == 0 ? 0x0A : 0x4A};
            size_t k = 1;
            for (; n >= 0x80; n >>= 7) head[k++] = (uint8_t)(n | 0x80);
            head[k++] = (uint8_t)n;
            p -= k;
            memcpy(p, head, k);
        }
    }
    size_t n = (size_t)(end - p);
    memmove(out, p, n);
    return n;
}

static void test_depth(void **state) {
    (void)state;
    uint8_t data[8192];
    onnx_store s;
    onnx_type t;
    sard_error err = {0};
    onnx_store_init(&s);
    assert_int_equal(onnx_read_type(&s, data, nested_types(data, ONNX_DEPTH_MAX / 2), &t, &err), SARD_OK);
    int depth = 0;
    for (const onnx_type *p = &t; p; p = p->elem) depth++;
    assert_int_equal(depth, ONNX_DEPTH_MAX / 2 + 1);
    assert_int_equal(onnx_read_type(&s, data, nested_types(data, ONNX_DEPTH_MAX / 2 + 1), &t, &err),
                     SARD_INVALID_PROTOBUF);
    assert_non_null(strstr(err.message, "optional_type.elem_type.optional_type.elem_type.optional_type.(118 levels)."));
    assert_non_null(strstr(err.message, "more than 128 messages inside each other"));
    uint8_t groups[400];
    memset(groups, 0xFB & 0x1B, sizeof groups); /* group 3 opened again and again */
    assert_int_equal(onnx_read_type(&s, groups, sizeof groups, &t, &err), SARD_INVALID_PROTOBUF);
    onnx_store_deinit(&s);
    /* a writer's model may be cyclic by mistake */
    onnx_type loop = {.kind = ONNX_TYPE_SEQUENCE};
    loop.elem = &loop;
    onnx_attr attr = {.name = str_of("a"), .type = ONNX_ATTR_TYPE, .tp = &loop};
    onnx_node node = {.attrs = &attr, .n_attrs = 1};
    onnx_graph graph = {.nodes = &node, .n_nodes = 1};
    onnx_model m = {.ir_version = 8, .graph = &graph};
    uint8_t *out;
    size_t n;
    assert_int_equal(onnx_write_mem(&m, NULL, &out, &n, &err), SARD_INVALID_MODEL);
}

/* Many empty elements: two bytes each in the file, hundreds in memory. */
static void test_memory_is_bounded(void **state) {
    (void)state;
    enum { N = 1 << 20 };
    uint8_t *data = malloc(2 * N + 16), *p = data;
    memcpy(p, "\x08\x08\x42\x00\x3a\x80\x80\x80\x01", 9);
    p += 9;
    for (int i = 0; i < N; i++) {
        *p++ = 0x2A;
        *p++ = 0;
    }
    onnx_model m;
    sard_error err = {0};
    assert_int_equal(onnx_read(data, (uint64_t)(p - data), &m, &err), SARD_LIMIT);
    /* the same list in pieces: no quadratic growth */
    memcpy(data, "\x08\x08\x42\x00", 4);
    p = data + 4;
    for (int i = 0; i < 40000; i++, p += 4) memcpy(p, "\x3a\x02\x0a\x00", 4);
    assert_int_equal(onnx_read(data, (uint64_t)(p - data), &m, &err), SARD_OK);
    assert_int_equal(m.graph->n_nodes, 40000);
    assert_true(m.store.mem.used < 5 * 40000 * sizeof(onnx_node));
    onnx_model_deinit(&m);
    free(data);
}

static void test_every_allocation_fails(void **state) {
    (void)state;
    size_t n;
    uint8_t *data = full_bytes(&n);
    for (long i = 1;; i++) {
        onnx_model m;
        uint8_t *out = NULL;
        size_t out_n;
        sard_error err = {0};
        mem_fail_after(i);
        sard_status st = onnx_read(data, n, &m, &err);
        if (st == SARD_OK) {
            st = onnx_write_mem(&m, NULL, &out, &out_n, &err);
            onnx_model_deinit(&m);
        }
        bool failed = mem_fail_after(0) >= i;
        mem_free(out);
        assert_int_equal(st, failed ? SARD_OUT_OF_MEMORY : SARD_OK);
        if (!failed) break;
    }
    free(data);
}

static sard_status count_bytes(void *user, const void *p, size_t n, sard_error *err) {
    (void)p;
    (void)err;
    *(uint64_t *)user += n;
    return SARD_OK;
}

/* More than 4 GiB in a model: lengths are 64 bits wide. The bytes are an untouched zero page over and over. */
static void test_huge_model(void **state) {
    (void)state;
    enum { PARTS = 5 };
    const size_t part = (size_t)1 << 30;
    uint8_t *zeros = calloc(part, 1);
    assert_non_null(zeros);
    int64_t dims[] = {(int64_t)part};
    onnx_tensor t[PARTS];
    for (int i = 0; i < PARTS; i++)
        t[i] = (onnx_tensor){.data_type = SARD_U8, .dims = dims, .n_dims = 1, .raw = {zeros, part}};
    onnx_graph g = {.initializers = t, .n_initializers = PARTS};
    onnx_opset opset = {.version = 20};
    onnx_model m = {.ir_version = 10, .graph = &g, .opsets = &opset, .n_opsets = 1};
    uint64_t inside = 0, beside = 0;
    sard_error err = {0};
    const onnx_sink to_model = {count_bytes, &inside}, to_data = {count_bytes, &beside};
    assert_int_equal(onnx_write(&m, NULL, &to_model, &err), SARD_LIMIT);
    assert_int_equal(onnx_write(&m, &(onnx_write_opts){.allow_huge = true}, &to_model, &err), SARD_OK);
    assert_true(inside > PARTS * (uint64_t)part && inside < PARTS * (uint64_t)part + 200);
    inside = 0;
    const onnx_write_opts opts = {.external = &to_data, .external_name = "x", .external_min = 1000};
    assert_int_equal(onnx_write(&m, &opts, &to_model, &err), SARD_OK);
    assert_true(inside < 1000);
    assert_int_equal(beside, PARTS * (uint64_t)part);
    free(zeros);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roundtrip),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_protobuf_semantics),
        cmocka_unit_test(test_error_messages),
        cmocka_unit_test(test_opsets),
        cmocka_unit_test(test_attr_kind),
        cmocka_unit_test(test_show),
        cmocka_unit_test(test_data_errors),
        cmocka_unit_test(test_external_from_memory),
        cmocka_unit_test(test_external_files),
        cmocka_unit_test(test_truncation_everywhere),
        cmocka_unit_test(test_flips),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_memory_is_bounded),
        cmocka_unit_test(test_every_allocation_fails),
        cmocka_unit_test(test_huge_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
