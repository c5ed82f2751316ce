/* test_model.c -- building, running, fetching, refusing: the way of a model through the public API. */
#include "api_test.h"

static void test_build_and_run(void **state) {
    (void)state;
    sard_error err;
    sard_model *m = make_mlp(NULL);
    assert_int_equal(sard_model_inputs(m), 1);
    assert_string_equal(sard_model_input_name(m, 0), "x");
    const sard_type *t = sard_model_input_type(m, 0);
    char text[64];
    assert_int_equal(sard_type_text(t, text, sizeof text), 13);
    assert_string_equal(text, "tensor(float)");
    assert_int_equal(sard_type_text(t, text, 7), 13); /* cut, and says what it needs */
    assert_string_equal(text, "tensor");
    assert_int_equal(sard_type_rank(t), 2);
    assert_int_equal(sard_type_dim(t, 0), -1);
    assert_string_equal(sard_type_dim_name(t, 0), "N");
    assert_int_equal(sard_type_dim(t, 1), 4);
    assert_string_equal(sard_model_output_name(m, 0), "y");
    assert_string_equal(sard_model_metadata_key(m, 0), "author");
    assert_string_equal(sard_model_metadata_value(m, 0), "a test");
    assert_int_equal(sard_model_opset_version(m, 0), 17);
    assert_string_equal(sard_model_text(m, "graph_name"), "mlp");
    assert_string_equal(sard_type_dim_name(sard_model_value_type(m, "a"), 0), "N");
    assert_null(sard_model_value_type(m, "no such"));
    sard_model_stats s;
    sard_model_get_stats(m, &s);
    assert_int_equal(s.nodes, 3);
    assert_int_equal(s.parameters, 15);
    assert_int_equal(s.weight_bytes, 60);

    sard_value *x = floats(2, DIMS(2, 4), FLOATS(0, 1, 2, 3, 4, 5, 6, 7)), *y = NULL;
    OK(sard_run(m, NULL, NAMES("x"), &x, 1, NULL, &y, 1, &err));
    const float want[] = {5.2f, 0, 7.4f, 12.4f, 8.6f, 17.8f};
    assert_int_equal(sard_tensor_dims(y)[0], 2);
    for (int i = 0; i < 6; i++) assert_float_equal(((const float *)sard_tensor_data(y))[i], want[i], 1e-5);

    sard_value *own = floats(2, DIMS(2, 3), NULL), *kept = own; /* into memory of the caller's */
    OK(sard_run(m, NULL, NAMES("x"), &x, 1, NAMES("y"), &own, 1, &err));
    assert_ptr_equal(own, kept);
    assert_memory_equal(sard_tensor_data(own), sard_tensor_data(y), 24);
    sard_value *narrow = floats(2, DIMS(1, 3), NULL);
    FAILS(SARD_INVALID_ARGUMENT, "1", sard_run(m, NULL, NAMES("x"), &x, 1, NAMES("y"), &narrow, 1, &err));
    sard_value_unref(narrow);
    sard_value_unref(own);
    sard_value_unref(x);
    sard_value_unref(y);
    sard_model_unref(m);
}

static void test_fetch(void **state) {
    (void)state;
    sard_error err;
    sard_model *m = make_mlp(NULL);
    sard_value *x = floats(2, DIMS(1, 4), FLOATS(1, 2, 3, 4)), *plain = NULL;
    OK(sard_run(m, NULL, NAMES("x"), &x, 1, NULL, &plain, 1, &err));
    for (int round = 0; round < 2; round++) { /* the second time the variant is there */
        sard_value *out[4] = {NULL};
        OK(sard_run(m, NULL, NAMES("x"), &x, 1, NAMES("a", "y", "m", "y"), out, 4, &err));
        const float *a = sard_tensor_data(out[0]), *mm = sard_tensor_data(out[2]);
        assert_float_equal(mm[0], 6, 1e-5);
        assert_float_equal(a[1], mm[1] - 5, 1e-5);
        assert_memory_equal(sard_tensor_data(out[1]), sard_tensor_data(plain), 12); /* bits do not change */
        assert_ptr_equal(out[1], out[3]);
        for (int i = 0; i < 4; i++) sard_value_unref(out[i]);
    }
    sard_value *out[2] = {NULL, floats(2, DIMS(1, 3), NULL)};
    OK(sard_run(m, NULL, NAMES("x"), &x, 1, NAMES("x", "a"), out, 2, &err)); /* an input can be fetched, too */
    assert_memory_equal(sard_tensor_data(out[0]), sard_tensor_data(x), 16);
    assert_ptr_not_equal(sard_tensor_data(out[0]), sard_tensor_data(x));
    sard_value_unref(out[0]);
    sard_value_unref(out[1]);
    sard_value *none = NULL;
    FAILS(SARD_INVALID_ARGUMENT, "unknown output 'q'; the outputs are 'y'",
          sard_run(m, NULL, NAMES("x"), &x, 1, NAMES("q"), &none, 1, &err));
    assert_null(none);
    sard_value_unref(plain);
    sard_value_unref(x);
    sard_model_unref(m);
}

static void test_wrong_inputs(void **state) {
    (void)state;
    sard_error err;
    sard_model *m = make_mlp(NULL);
    sard_value *x = floats(2, DIMS(1, 4), NULL), *y = NULL, *bad = NULL;
    sard_value *two[] = {x, x};
    FAILS(SARD_INVALID_ARGUMENT, "did you mean 'x'? The inputs are 'x'",
          sard_run(m, NULL, NAMES("X"), &x, 1, NULL, &y, 1, &err));
    FAILS(SARD_INVALID_ARGUMENT, "given twice", sard_run(m, NULL, NAMES("x", "x"), two, 2, NULL, &y, 1, &err));
    FAILS(SARD_INVALID_ARGUMENT, "1 of 1 inputs missing: 'x'", sard_run(m, NULL, NULL, NULL, 0, NULL, &y, 1, &err));
    FAILS(SARD_INVALID_ARGUMENT, "room for 2", sard_run(m, NULL, NAMES("x"), &x, 1, NULL, two, 2, &err));
    OK(sard_tensor_new(SARD_F64, 2, DIMS(1, 4), &bad, &err));
    FAILS(SARD_INVALID_ARGUMENT, "input 'x': wrong element type: expected float32[N,4], found float64[1,4]",
          sard_run(m, NULL, NAMES("x"), &bad, 1, NULL, &y, 1, &err));
    sard_value_unref(bad);
    bad = floats(1, DIMS(4), NULL);
    FAILS(SARD_INVALID_ARGUMENT, "wrong rank", sard_run(m, NULL, NAMES("x"), &bad, 1, NULL, &y, 1, &err));
    sard_value_unref(bad);
    bad = floats(2, DIMS(1, 5), NULL);
    FAILS(SARD_INVALID_ARGUMENT, "input 'x', dimension 1: expected 4, found 5",
          sard_run(m, NULL, NAMES("x"), &bad, 1, NULL, &y, 1, &err));
    sard_value_unref(bad);
    OK(sard_sequence_new(two, 2, &bad, &err));
    FAILS(SARD_INVALID_ARGUMENT, "wrong kind", sard_run(m, NULL, NAMES("x"), &bad, 1, NULL, &y, 1, &err));
    sard_value_unref(bad);
    sard_value_unref(x);
    sard_model_unref(m);
}

static void test_symbols_agree(void **state) {
    (void)state;
    sard_error err;
    sard_builder *b = NULL;
    sard_model *m = NULL;
    OK(sard_builder_new("sum", &b, &err));
    sard_builder_input(b, "p", SARD_F32, 2, DIMS(-1, 2), NAMES("N", NULL), NULL);
    sard_builder_input(b, "q", SARD_F32, 2, DIMS(2, -1), NAMES(NULL, "N"), NULL);
    sard_builder_node(b, "", "MatMul", "", NAMES("p", "q"), 2, NAMES("r"), 1, NULL);
    OK(sard_builder_output(b, "r", SARD_UNDEFINED, 0, NULL, NULL, &err));
    OK(sard_builder_build(b, NULL, &m, &err));
    sard_value *in[] = {floats(2, DIMS(3, 2), NULL), floats(2, DIMS(2, 4), NULL)}, *out = NULL;
    FAILS(SARD_INVALID_ARGUMENT, "input 'q', axis 1: dimension 'N' is 4 here, but 3 in input 'p', axis 0",
          sard_run(m, NULL, NAMES("p", "q"), in, 2, NULL, &out, 1, &err));
    sard_model_unref(m);
    sard_options *o = NULL;
    OK(sard_options_new(&o, &err));
    OK(sard_options_set(o, "dim.N", "5", &err)); /* the caller fixes it */
    OK(sard_builder_build(b, o, &m, &err));
    assert_int_equal(sard_type_dim(sard_model_input_type(m, 0), 0), 5);
    sard_model_unref(m);
    OK(sard_options_set(o, "dim.M", "5", &err));
    FAILS(SARD_INVALID_ARGUMENT, "no symbolic dimension 'M' to fix", sard_builder_build(b, o, &m, &err));
    OK(sard_options_set(o, "unknown_dims", "ignore", &err));
    OK(sard_builder_build(b, o, &m, &err));
    sard_model_unref(m);
    volatile int cancel = 1;
    sard_options_cancel(o, &cancel);
    FAILS(SARD_CANCELLED, "loading was cancelled", sard_builder_build(b, o, &m, &err));
    cancel = 0;
    OK(sard_options_set(o, "load_timeout", "0.000000001", &err));
    FAILS(SARD_DEADLINE, "the deadline has passed", sard_builder_build(b, o, &m, &err));
    OK(sard_options_set(o, "load_timeout", "60", &err));
    OK(sard_builder_build(b, o, &m, &err));
    sard_model_unref(m);
    sard_options_free(o);
    sard_builder_free(b);
    sard_value_unref(in[0]);
    sard_value_unref(in[1]);
}

static void test_options(void **state) {
    (void)state;
    sard_error err;
    sard_options *o = NULL;
    OK(sard_options_new(&o, &err));
    FAILS(SARD_INVALID_ARGUMENT, "unknown option 'optimise'; did you mean 'optimize'?",
          sard_options_set(o, "optimise", "all", &err));
    FAILS(SARD_INVALID_ARGUMENT, "none, basic, extended, all; found 'most'",
          sard_options_set(o, "optimize", "most", &err));
    FAILS(SARD_INVALID_ARGUMENT, "0..1024", sard_options_set(o, "threads", "-1", &err));
    FAILS(SARD_INVALID_ARGUMENT, "0..1024", sard_options_set(o, "threads", "2x", &err));
    FAILS(SARD_INVALID_ARGUMENT, "1GiB", sard_options_set(o, "memory_limit", "1XB", &err));
    FAILS(SARD_INVALID_ARGUMENT, "1GiB", sard_options_set(o, "memory_limit", "99999999999G", &err));
    FAILS(SARD_INVALID_ARGUMENT, "seconds", sard_options_set(o, "load_timeout", "-1", &err));
    FAILS(SARD_INVALID_ARGUMENT, "seconds", sard_options_set(o, "load_timeout", "nan", &err));
    FAILS(SARD_INVALID_ARGUMENT, "dim.N", sard_options_set(o, "dim.N", "-2", &err));
    const char *const good[][2] = {{"optimize", "none"},   {"threads", "2"},      {"spin_us", "0"},
                                   {"weights", "read"},    {"denormals", "keep"}, {"memory_limit", "1GiB"},
                                   {"load_limit", "512M"}, {"stop_after", "3"},   {"dim.N", "2"}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) OK(sard_options_set(o, good[i][0], good[i][1], &err));
    sard_model *m = make_mlp(o);
    sard_value *x = floats(2, DIMS(2, 4), NULL), *y = NULL;
    OK(sard_run(m, NULL, NAMES("x"), &x, 1, NULL, &y, 1, &err));
    sard_value_unref(y);
    y = NULL;
    const sard_run_options tight = {.memory_limit = 8};
    FAILS(SARD_LIMIT, "", sard_run(m, &tight, NAMES("x"), &x, 1, NULL, &y, 1, &err));
    volatile int stop = 1;
    const sard_run_options cancelled = {.cancel = &stop};
    FAILS(SARD_CANCELLED, "", sard_run(m, &cancelled, NAMES("x"), &x, 1, NULL, &y, 1, &err));
    const sard_run_options late = {.timeout_s = 1e-9};
    FAILS(SARD_DEADLINE, "", sard_run(m, &late, NAMES("x"), &x, 1, NULL, &y, 1, &err));
    assert_null(y);
    sard_value_unref(x);
    sard_model_unref(m);
    sard_options_free(o);
}

static void test_replaced_initializer(void **state) {
    (void)state;
    sard_error err;
    sard_options *o = NULL;
    OK(sard_options_new(&o, &err));
    sard_value *b = floats(1, DIMS(3), FLOATS(100, 100, 100)), *x = floats(2, DIMS(1, 4), NULL), *y = NULL;
    OK(sard_options_initializer(o, "b", b, &err));
    sard_model *m = make_mlp(o);
    OK(sard_run(m, NULL, NAMES("x"), &x, 1, NULL, &y, 1, &err));
    assert_float_equal(((const float *)sard_tensor_data(y))[1], 100, 0);
    sard_value_unref(y);
    sard_model_unref(m);
    sard_builder *bad = NULL;
    OK(build_mlp(&bad, &err));
    OK(sard_options_initializer(o, "no such", b, &err));
    FAILS(SARD_INVALID_ARGUMENT, "no such", sard_builder_build(bad, o, &m, &err));
    OK(sard_options_set(o, "unknown_initializers", "ignore", &err));
    OK(sard_builder_build(bad, o, &m, &err));
    sard_model_unref(m);
    sard_builder_free(bad);
    sard_options_free(o);
    sard_value_unref(b);
    sard_value_unref(x);
}

static void test_body(void **state) {
    (void)state;
    sard_error err;
    sard_builder *b = NULL, *yes = NULL, *no = NULL;
    sard_model *m = NULL;
    OK(sard_builder_new("choice", &b, &err));
    OK(sard_builder_new("yes", &yes, &err));
    OK(sard_builder_new("no", &no, &err));
    sard_builder_node(yes, "", "Add", "", NAMES("x", "x"), 2, NAMES("double"), 1, NULL); /* x is the outer graph's */
    sard_builder_output(yes, "double", SARD_UNDEFINED, 0, NULL, NULL, NULL);
    sard_builder_node(no, "", "Neg", "", NAMES("x"), 1, NAMES("minus"), 1, NULL);
    sard_builder_output(no, "minus", SARD_UNDEFINED, 0, NULL, NULL, NULL);
    sard_builder_input(b, "c", SARD_BOOL, 0, NULL, NULL, NULL);
    sard_builder_input(b, "x", SARD_F32, 1, DIMS(2), NULL, NULL);
    sard_builder_node(b, "", "If", "choose", NAMES("c"), 1, NAMES("y"), 1, NULL);
    OK(sard_builder_attr_graph(b, "then_branch", yes, &err));
    OK(sard_builder_attr_graph(b, "else_branch", no, &err));
    OK(sard_builder_output(b, "y", SARD_UNDEFINED, 0, NULL, NULL, &err));
    OK(sard_builder_build(b, NULL, &m, &err));
    sard_builder_free(b);
    for (int c = 0; c < 2; c++) {
        sard_value *in[] = {NULL, floats(1, DIMS(2), FLOATS(3, 4))}, *y = NULL;
        OK(sard_tensor_new(SARD_BOOL, 0, NULL, &in[0], &err));
        *(uint8_t *)sard_tensor_data_mut(in[0]) = (uint8_t)c;
        OK(sard_run(m, NULL, NAMES("c", "x"), in, 2, NULL, &y, 1, &err));
        assert_float_equal(((const float *)sard_tensor_data(y))[0], c ? 6 : -3, 0);
        sard_value_unref(in[0]);
        sard_value_unref(in[1]);
        sard_value_unref(y);
    }
    sard_model_unref(m);
}

typedef struct seen {
    int n;
    char where[256], message[256];
} seen;
static void note(void *user, sard_status st, const char *where, const char *message) {
    seen *s = user;
    assert_int_not_equal(st, SARD_OK);
    s->n++;
    snprintf(s->where, sizeof s->where, "%s", where);
    snprintf(s->message, sizeof s->message, "%s", message);
}

static void test_problems(void **state) {
    (void)state;
    sard_error err;
    sard_builder *b = NULL;
    sard_options *o = NULL;
    sard_model *m = NULL;
    seen s = {0};
    OK(sard_options_new(&o, &err));
    sard_options_problems(o, note, &s);
    OK(sard_builder_new("odd", &b, &err));
    sard_builder_input(b, "x", SARD_F32, 1, DIMS(2), NULL, NULL);
    sard_builder_node(b, "", "Nonsense", "n1", NAMES("x"), 1, NAMES("p"), 1, NULL);
    sard_builder_node(b, "some.where", "Strange", "n2", NAMES("p"), 1, NAMES("q"), 1, NULL);
    sard_builder_opset(b, "some.where", 1, NULL);
    sard_builder_output(b, "q", SARD_UNDEFINED, 0, NULL, NULL, NULL);
    memset(&err, 0, sizeof err);
    assert_int_not_equal(sard_builder_build(b, o, &m, &err), SARD_OK);
    assert_int_equal(s.n, 2); /* both, not only the first */
    assert_int_equal(err.problems, 2);
    assert_non_null(strstr(err.message, "Nonsense"));
    assert_non_null(strstr(s.message, "Strange"));
    sard_builder_free(b);
    OK(sard_builder_new("wrong calls", &b, &err));
    FAILS(SARD_INVALID_ARGUMENT, "before any node", sard_builder_attr_int(b, "axis", 1, &err));
    FAILS(SARD_INVALID_ARGUMENT, "before any node", sard_builder_build(b, o, &m, &err)); /* the first failure stays */
    sard_builder_free(b);
    sard_options_free(o);
    FAILS(SARD_NO_SUCH_FILE, "/no/such/model.onnx", sard_model_load("/no/such/model.onnx", NULL, &m, &err));
    FAILS(SARD_INVALID_PROTOBUF, "", sard_model_load_memory("\xff\xff\xff", 3, 1, NULL, &m, &err));
}

/* Puts every constant behind the others into memory that stands for a file. */
typedef struct placed {
    uint8_t bytes[64];
    size_t n, calls;
    const char *file;
    sard_status fails;
} placed;

static sard_status put_there(void *user, const char *name, sard_value *v, const sard_place *from, sard_place *to,
                             sard_error *err) {
    placed *p = user;
    assert_true(*name && !from && !to->file);
    p->calls++;
    if (p->fails) snprintf(err->message, sizeof err->message, "the disk is full");
    if (p->fails || !p->file) return p->fails;
    const size_t n = sard_tensor_bytes(v);
    assert_true(n <= sizeof p->bytes - p->n);
    if (n) memcpy(p->bytes + p->n, sard_tensor_data(v), n);
    *to = (sard_place){p->file, p->n, n};
    p->n += n;
    return SARD_OK;
}

/* c ? x + k : -x, k a constant of the branch; t strings */
static sard_model *make_placed(bool strings) {
    sard_error err;
    sard_builder *b = NULL, *yes = NULL, *no = NULL;
    sard_model *m = NULL;
    sard_value *k = floats(1, DIMS(2), FLOATS(10, 20)), *t = NULL;
    OK(sard_tensor_strings(1, DIMS(1), NAMES("text"), NULL, &t, &err));
    OK(sard_builder_new("choice", &b, &err));
    OK(sard_builder_new("yes", &yes, &err));
    OK(sard_builder_new("no", &no, &err));
    sard_builder_initializer(yes, "k", k, NULL);
    sard_builder_node(yes, "", "Add", "", NAMES("x", "k"), 2, NAMES("more"), 1, NULL);
    sard_builder_output(yes, "more", SARD_UNDEFINED, 0, NULL, NULL, NULL);
    sard_builder_node(no, "", "Neg", "", NAMES("x"), 1, NAMES("minus"), 1, NULL);
    sard_builder_output(no, "minus", SARD_UNDEFINED, 0, NULL, NULL, NULL);
    sard_builder_input(b, "c", SARD_BOOL, 0, NULL, NULL, NULL);
    sard_builder_input(b, "x", SARD_F32, 1, DIMS(2), NULL, NULL);
    sard_builder_node(b, "", "If", "choose", NAMES("c"), 1, NAMES("y"), 1, NULL);
    OK(sard_builder_attr_graph(b, "then_branch", yes, &err));
    OK(sard_builder_attr_graph(b, "else_branch", no, &err));
    OK(sard_builder_output(b, "y", SARD_UNDEFINED, 0, NULL, NULL, &err));
    if (strings) sard_builder_initializer(b, "t", t, NULL);
    if (strings) OK(sard_builder_output(b, "t", SARD_UNDEFINED, 0, NULL, NULL, &err));
    OK(sard_builder_build(b, NULL, &m, &err));
    sard_builder_free(b);
    sard_value_unref(k), sard_value_unref(t);
    return m;
}

static void test_placed(void **state) {
    (void)state;
    sard_error err;
    sard_options *o;
    void *data;
    size_t n;
    sard_model *m = make_placed(false), *again;
    sard_value *in[] = {NULL, floats(1, DIMS(2), FLOATS(3, 4))};
    OK(sard_tensor_new(SARD_BOOL, 0, NULL, &in[0], &err));
    *(uint8_t *)sard_tensor_data_mut(in[0]) = 1;
    for (int stage = 0; stage < 2; stage++) {
        placed p = {.file = "all.bin"};
        sard_value *y = NULL;
        OK(sard_model_serialize_placed(m, stage, put_there, &p, &data, &n, &err));
        assert_true(p.calls == 1 && p.n == 8);
        FAILS(SARD_NO_SUCH_FILE, "all.bin", sard_model_load_memory(data, n, 0, NULL, &again, &err));
        OK(sard_options_new(&o, &err));
        OK(sard_options_external_data(o, "all.bin", p.bytes, p.n, &err));
        OK(sard_model_load_memory(data, n, 0, o, &again, &err));
        OK(sard_run(again, NULL, NAMES("c", "x"), in, 2, NULL, &y, 1, &err));
        assert_float_equal(((const float *)sard_tensor_data(y))[1], 24, 0);
        sard_value_unref(y);
        sard_model_unref(again);
        sard_options_free(o);
        sard_free(data);
    }
    placed p = {.fails = SARD_IO};
    FAILS(SARD_IO, "'k': the disk is full", sard_model_serialize_placed(m, 0, put_there, &p, &data, &n, &err));
    p = (placed){.file = ""};
    FAILS(SARD_INVALID_ARGUMENT, "without a name", sard_model_serialize_placed(m, 0, put_there, &p, &data, &n, &err));
    FAILS(SARD_INVALID_ARGUMENT, "NULL", sard_model_write_placed(m, 0, "x.onnx", NULL, NULL, &err));
    FAILS(SARD_INVALID_ARGUMENT, "NULL", sard_model_serialize_placed(m, 0, NULL, NULL, &data, &n, &err));
    sard_model_unref(m);
    m = make_placed(true);
    p = (placed){.file = "all.bin"};
    FAILS(SARD_INVALID_ARGUMENT, "strings", sard_model_serialize_placed(m, 0, put_there, &p, &data, &n, &err));
    p = (placed){0}; /* all of them into the model */
    OK(sard_model_serialize_placed(m, 0, put_there, &p, &data, &n, &err));
    assert_int_equal(p.calls, 2);
    OK(sard_model_load_memory(data, n, 0, NULL, &again, &err));
    sard_model_unref(again);
    sard_free(data);
    sard_model_unref(m);
    sard_value_unref(in[0]), sard_value_unref(in[1]);
}

static void list_node(void *user, const char *name, const char *domain, const char *op) {
    char *all = user;
    snprintf(all + strlen(all), 128 - strlen(all), "%s:%s:%s ", name, domain, op);
}

static void test_texts(void **state) {
    (void)state;
    sard_error err;
    sard_model *m = make_mlp(NULL);
    char *text = NULL;
    for (int stage = 0; stage < 2; stage++) {
        OK(sard_model_dump(m, stage, &text, &err));
        assert_non_null(strstr(text, "MatMul"));
        sard_free(text);
    }
    OK(sard_model_describe(m, "x=8x4", 0, &text, &err));
    assert_non_null(strstr(text, "\"op\":\"MatMul\""));
    assert_non_null(strstr(text, "\"dims\":[8,3]"));
    assert_non_null(strstr(text, "\"exact\":true"));
    sard_free(text);
    OK(sard_model_describe(m, NULL, 1, &text, &err));
    assert_non_null(strstr(text, "\"stage\":\"compiled\""));
    sard_free(text);
    FAILS(SARD_INVALID_ARGUMENT, "no input 'z'", sard_model_describe(m, "z=1", 0, &text, &err));
    FAILS(SARD_INVALID_ARGUMENT, "axis 1 is 4", sard_model_describe(m, "x=1x5", 0, &text, &err));
    FAILS(SARD_INVALID_ARGUMENT, "not a shape", sard_model_describe(m, "x=1y5", 0, &text, &err));
    FAILS(SARD_INVALID_ARGUMENT, "stage", sard_model_dump(m, 2, &text, &err));
    for (int stage = 0; stage < 2; stage++) { /* compiled, they are one group */
        char all[128] = "";
        OK(sard_model_nodes(m, stage, list_node, all, &err));
        assert_string_equal(all, "mm::MatMul add::Add relu::Relu ");
    }
    FAILS(SARD_INVALID_ARGUMENT, "stage", sard_model_nodes(m, 2, list_node, NULL, &err));
    FAILS(SARD_INVALID_ARGUMENT, "NULL", sard_model_nodes(m, 0, NULL, NULL, &err));
    sard_value *x = floats(2, DIMS(8, 4), NULL);
    sard_estimate e;
    OK(sard_model_estimate(m, NAMES("x"), &x, 1, &e, &err));
    assert_true(e.exact);
    assert_true(e.flops >= 8 * 4 * 3 * 2);
    assert_int_equal(e.output_bytes, 96);
    sard_value *y = NULL;
    sard_profile *p = NULL;
    OK(sard_profile_new(&p, &err));
    const sard_run_options profiled = {.profile = p};
    OK(sard_run(m, &profiled, NAMES("x"), &x, 1, NULL, &y, 1, &err));
    OK(sard_profile_json(p, &text, &err));
    assert_non_null(strstr(text, "\"dur\""));
    sard_free(text);
    sard_profile_free(p);
    sard_value_unref(x);
    sard_value_unref(y);
    sard_model_unref(m);
}

static void test_lists(void **state) {
    (void)state;
    assert_true(sard_op_count() > 0);
    assert_true(sard_kernel_count() > 0);
    size_t chosen = 0;
    for (size_t i = 0; i < sard_op_count(); i++) {
        sard_op_info op;
        sard_op_get(i, &op);
        assert_non_null(op.name);
        assert_true(op.since[0] > 0);
        assert_string_not_equal(op.domain, "sard");
    }
    for (size_t i = 0; i < sard_kernel_count(); i++) {
        sard_kernel_info k;
        sard_kernel_get(i, &k);
        assert_non_null(k.family);
        chosen += k.chosen != 0;
    }
    assert_true(chosen > 0);
    assert_true(sard_onnx_opset() >= 28);
    sard_pool *p = NULL;
    sard_error err;
    OK(sard_pool_new(2, &p, &err));
    assert_int_equal(sard_pool_threads(p), 2);
    sard_pool_unref(p);
    FAILS(SARD_INVALID_ARGUMENT, "-1 threads", sard_pool_new(-1, &p, &err));
}

/* Tensors of the caller's, in and out, at every byte. */
static void test_any_byte(void **state) {
    (void)state;
    sard_error err;
    sard_model *m = make_mlp(NULL);
    sard_value *x = floats(2, DIMS(2, 4), NULL), *y = NULL;
    for (int i = 0; i < 8; i++) ((float *)sard_tensor_data_mut(x))[i] = (float)i - 3;
    OK(sard_run(m, NULL, NAMES("x"), &x, 1, NULL, &y, 1, &err));
    const size_t n_in = sard_tensor_bytes(x), n_out = sard_tensor_bytes(y);
    char in[64], out[256];
    assert_true(n_in + 4 <= sizeof in && n_out + 4 <= sizeof out);
    for (int shift = 0; shift < 4; shift++) {
        sard_value *ax = NULL, *ay = NULL;
        memcpy(in + shift, sard_tensor_data(x), n_in);
        OK(sard_tensor_wrap(SARD_F32, 2, sard_tensor_dims(x), in + shift, n_in, NULL, NULL, &ax, &err));
        OK(sard_tensor_wrap(SARD_F32, sard_tensor_rank(y), sard_tensor_dims(y), out + shift, n_out, NULL, NULL, &ay,
                            &err));
        OK(sard_run(m, NULL, NAMES("x"), &ax, 1, NULL, &ay, 1, &err));
        assert_memory_equal(out + shift, sard_tensor_data(y), n_out);
        sard_value_unref(ax);
        sard_value_unref(ay);
    }
    sard_value_unref(x);
    sard_value_unref(y);
    sard_model_unref(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_any_byte),
                                       cmocka_unit_test(test_build_and_run),
                                       cmocka_unit_test(test_fetch),
                                       cmocka_unit_test(test_wrong_inputs),
                                       cmocka_unit_test(test_symbols_agree),
                                       cmocka_unit_test(test_options),
                                       cmocka_unit_test(test_replaced_initializer),
                                       cmocka_unit_test(test_body),
                                       cmocka_unit_test(test_problems),
                                       cmocka_unit_test(test_texts),
                                       cmocka_unit_test(test_placed),
                                       cmocka_unit_test(test_lists)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
