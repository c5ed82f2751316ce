/* test_builder.c -- types of any kind, and models that begin with another. */
#include "api_test.h"

static sard_model *build(sard_builder *b) {
    sard_error err;
    sard_model *m;
    OK(sard_builder_build(b, NULL, &m, &err));
    sard_builder_free(b);
    return m;
}

static void test_types(void **state) {
    (void)state;
    sard_error err;
    sard_builder *b;
    char text[64];
    OK(sard_builder_new("typed", &b, &err));
    const sard_type *rows = sard_builder_tensor_type(b, SARD_KIND_TENSOR, SARD_F32, 2, DIMS(-1, 3), NAMES("N", NULL));
    const sard_type *list = sard_builder_type_of(b, SARD_KIND_SEQUENCE, SARD_UNDEFINED, rows);
    const sard_type *map = sard_builder_type_of(b, SARD_KIND_MAP, SARD_I64, rows);
    const sard_type *maybe = sard_builder_type_of(b, SARD_KIND_OPTIONAL, SARD_UNDEFINED, list);
    sard_type_text(map, text, sizeof text);
    assert_string_equal(text, "map(int64,tensor(float))");
    sard_type_text(maybe, text, sizeof text);
    assert_string_equal(text, "optional(seq(tensor(float)))");
    OK(sard_builder_input_typed(b, "list", list, &err));
    OK(sard_builder_input_typed(b, "maybe", maybe, &err));
    OK(sard_builder_node(b, "", "SequenceLength", "", NAMES("list"), 1, NAMES("n"), 1, &err));
    OK(sard_builder_node(b, "", "OptionalHasElement", "", NAMES("maybe"), 1, NAMES("has"), 1, &err));
    OK(sard_builder_output(b, "n", SARD_UNDEFINED, 0, NULL, NULL, &err));
    OK(sard_builder_output(b, "has", SARD_UNDEFINED, 0, NULL, NULL, &err));
    sard_model *m = build(b);
    const sard_type *got = sard_model_input_type(m, 0);
    assert_int_equal(sard_type_kind(got), SARD_KIND_SEQUENCE);
    assert_string_equal(sard_type_dim_name(sard_type_elem(got), 0), "N");
    assert_int_equal(sard_type_dim(sard_type_elem(got), 1), 3);

    sard_builder *again; /* a model's type serves another model */
    OK(sard_builder_new("again", &again, &err));
    OK(sard_builder_input_typed(again, "list", got, &err));
    OK(sard_builder_node(again, "", "Identity", "", NAMES("list"), 1, NAMES("same"), 1, &err));
    OK(sard_builder_output_typed(again, "same", got, &err));
    sard_model_unref(m);
    m = build(again);
    sard_type_text(sard_model_output_type(m, 0), text, sizeof text);
    assert_string_equal(text, "seq(tensor(float))");
    sard_model_unref(m);
}

/* A bad type is told by the next call that returns a status. */
static void test_bad_types(void **state) {
    (void)state;
    sard_error err;
    for (int i = 0; i < 6; i++) {
        sard_builder *b;
        OK(sard_builder_new("bad", &b, &err));
        const sard_type *good = sard_builder_tensor_type(b, SARD_KIND_TENSOR, SARD_F32, -1, NULL, NULL), *t = good;
        assert_non_null(good);
        if (i == 0) t = sard_builder_tensor_type(b, SARD_KIND_MAP, SARD_F32, 0, NULL, NULL);
        if (i == 1) t = sard_builder_tensor_type(b, SARD_KIND_TENSOR, SARD_UNDEFINED, 0, NULL, NULL);
        if (i == 2) t = sard_builder_tensor_type(b, SARD_KIND_TENSOR, SARD_F32, 1000000, NULL, NULL);
        if (i == 3) t = sard_builder_type_of(b, SARD_KIND_TENSOR, SARD_F32, good);
        if (i == 4) t = sard_builder_type_of(b, SARD_KIND_MAP, SARD_UNDEFINED, good);
        if (i == 5) t = sard_builder_type_of(b, SARD_KIND_SEQUENCE, SARD_UNDEFINED, NULL);
        assert_null(t);
        FAILS(SARD_INVALID_ARGUMENT, "type", sard_builder_input_typed(b, "x", t, &err));
        sard_builder_free(b);
    }
    sard_builder *b;
    OK(sard_builder_new("null", &b, &err));
    FAILS(SARD_INVALID_ARGUMENT, "'x': the type is NULL", sard_builder_input_typed(b, "x", NULL, &err));
    sard_builder_free(b);
}

static void check(sard_model *m, const char *input, const float *x, const char *output, const float *want) {
    sard_error err;
    sard_value *in = floats(2, DIMS(1, 4), x), *out = NULL;
    OK(sard_run(m, NULL, &input, &in, 1, &output, &out, 1, &err));
    for (int i = 0; i < 3; i++) assert_float_equal(((const float *)sard_tensor_data(out))[i], want[i], 1e-5);
    sard_value_unref(in);
    sard_value_unref(out);
}

/* Behind the model's nodes, then in front of them; each step leaves what it began with as it was. */
static void test_extend(void **state) {
    (void)state;
    sard_error err;
    sard_builder *b;
    sard_model *base = make_mlp(NULL);
    OK(sard_builder_extend(base, &b, &err));
    OK(sard_builder_clear_outputs(b, &err));
    OK(sard_builder_output(b, "z", SARD_UNDEFINED, 0, NULL, NULL, &err));
    OK(sard_builder_node(b, "", "Neg", "neg", NAMES("y"), 1, NAMES("z"), 1, &err));
    sard_model *behind = build(b);
    assert_int_equal(sard_model_outputs(behind), 1);
    assert_string_equal(sard_model_output_name(behind, 0), "z");
    assert_string_equal(sard_model_metadata_value(behind, 0), "a test");
    assert_string_equal(sard_model_text(behind, "graph_name"), "mlp");
    check(base, "x", FLOATS(0, 1, 2, 3), "y", FLOATS(5.2f, 0, 7.4f));

    OK(sard_builder_extend(behind, &b, &err));
    OK(sard_builder_clear_inputs(b, &err));
    OK(sard_builder_input(b, "half", SARD_F32, 2, DIMS(-1, 4), NULL, &err));
    OK(sard_builder_node(b, "", "Add", "front", NAMES("half", "half"), 2, NAMES("x"), 1, &err));
    sard_model *both = build(b);
    sard_model_unref(base); /* what is built keeps it */
    check(both, "half", FLOATS(0, 0.5f, 1, 1.5f), "z", FLOATS(-5.2f, 0, -7.4f));
    check(behind, "x", FLOATS(0, 1, 2, 3), "z", FLOATS(-5.2f, 0, -7.4f));
    sard_model_unref(behind);
    sard_model_unref(both);
}

/* Weights of the file, in it and beside it, serve the model that extends it; one that does not keep its file is refused. */
static void test_extend_file(void **state) {
    (void)state;
    const char *path = SARD_BINARY_DIR "/tests/extend.onnx", *data = SARD_BINARY_DIR "/tests/extend.bin";
    sard_error err;
    sard_builder *b;
    sard_options *o;
    sard_model *m = make_mlp(NULL), *more;
    for (int split = 0; split < 2; split++) {
        OK(sard_model_write_split(m, 0, path, split ? "extend.bin" : NULL, 16, &err));
        FILE *f = fopen(data, "rb");
        assert_int_equal(f != NULL, split);
        if (f) fclose(f);
        sard_model *file;
        OK(sard_model_load(path, NULL, &file, &err));
        OK(sard_builder_extend(file, &b, &err));
        sard_model_unref(file);
        OK(sard_builder_node(b, "", "Neg", "", NAMES("y"), 1, NAMES("z"), 1, &err));
        OK(sard_builder_output(b, "z", SARD_UNDEFINED, 0, NULL, NULL, &err));
        more = build(b);
        assert_int_equal(sard_model_outputs(more), 2);
        check(more, "x", FLOATS(0, 1, 2, 3), "z", FLOATS(-5.2f, 0, -7.4f));
        sard_model_unref(more);
    }
    OK(sard_options_new(&o, &err));
    OK(sard_options_set(o, "weights", "read", &err));
    OK(sard_model_load(path, o, &more, &err));
    FAILS(SARD_UNSUPPORTED, "weights=read", sard_builder_extend(more, &b, &err));
    FAILS(SARD_INVALID_ARGUMENT, "NULL", sard_builder_extend(NULL, &b, &err));
    sard_options_free(o);
    sard_model_unref(more);
    sard_model_unref(m);
    remove(path);
    remove(data);
}

/* An attribute needs a node of the builder's own: a model's nodes are finished. */
static void test_extend_attributes(void **state) {
    (void)state;
    sard_error err;
    sard_builder *b;
    sard_model *m = make_mlp(NULL);
    OK(sard_builder_extend(m, &b, &err));
    FAILS(SARD_INVALID_ARGUMENT, "before any node", sard_builder_attr_int(b, "axis", 0, &err));
    sard_builder_free(b);
    OK(sard_builder_extend(m, &b, &err));
    OK(sard_builder_node(b, "", "Softmax", "", NAMES("y"), 1, NAMES("p"), 1, &err));
    OK(sard_builder_attr_int(b, "axis", 0, &err));
    OK(sard_builder_output(b, "p", SARD_UNDEFINED, 0, NULL, NULL, &err));
    sard_model_unref(m);
    m = build(b);
    check(m, "x", FLOATS(0, 1, 2, 3), "p", FLOATS(1, 1, 1));
    sard_model_unref(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),       cmocka_unit_test(test_bad_types),         cmocka_unit_test(test_extend),
        cmocka_unit_test(test_extend_file), cmocka_unit_test(test_extend_attributes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
