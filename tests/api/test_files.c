/* test_files.c -- models in files and in memory: writing, external data, defaults that may be replaced, memory kept. */
#include <sys/stat.h>
#include <unistd.h>

#include "api_test.h"

static char folder[] = "/tmp/sard-test-XXXXXX";

static const char *in_folder(const char *name) {
    static char path[4][128];
    static int at;
    char *p = path[at++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", folder, name);
    return p;
}

static char *slurp(const char *path, size_t *n) {
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *data = malloc(1 << 20);
    assert_non_null(data);
    *n = fread(data, 1, 1 << 20, f);
    fclose(f);
    return data;
}

static void spill(const char *path, const void *data, size_t n) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, n, f), n);
    fclose(f);
}

/* y = x w with 32 x 32 ones: big enough to be written outside. */
static sard_model *make_product(void) {
    sard_error err;
    sard_builder *b = NULL;
    sard_model *m = NULL;
    sard_value *w = floats(2, DIMS(32, 32), NULL);
    for (int i = 0; i < 32 * 32; i++) ((float *)sard_tensor_data_mut(w))[i] = 1;
    OK(sard_builder_new("product", &b, &err));
    OK(sard_builder_input(b, "x", SARD_F32, 2, DIMS(-1, 32), NAMES("N", NULL), &err));
    OK(sard_builder_initializer(b, "w", w, &err));
    OK(sard_builder_node(b, "", "MatMul", "mm", NAMES("x", "w"), 2, NAMES("y"), 1, &err));
    OK(sard_builder_output(b, "y", SARD_UNDEFINED, 0, NULL, NULL, &err));
    OK(sard_builder_build(b, NULL, &m, &err));
    sard_builder_free(b);
    sard_value_unref(w);
    return m;
}

static void assert_sum(sard_model *m) {
    sard_error err;
    float data[32];
    for (int i = 0; i < 32; i++) data[i] = (float)i;
    sard_value *x = floats(2, DIMS(1, 32), data), *y = NULL;
    OK(sard_run(m, NULL, NAMES("x"), &x, 1, NULL, &y, 1, &err));
    assert_float_equal(((const float *)sard_tensor_data(y))[31], 31 * 16, 0);
    sard_value_unref(x);
    sard_value_unref(y);
}

static void test_write_and_load(void **state) {
    (void)state;
    sard_error err;
    sard_model *m = make_product(), *again = NULL;
    sard_options *o = NULL;
    OK(sard_options_new(&o, &err));
    for (int read = 0; read < 2; read++) {
        OK(sard_options_set(o, "weights", read ? "read" : "map", &err));
        for (int stage = 0; stage < 2; stage++) {
            OK(sard_model_write(m, stage, in_folder("m.onnx"), NULL, &err));
            OK(sard_model_load(in_folder("m.onnx"), o, &again, &err));
            if (read)
                assert_int_equal(truncate(in_folder("m.onnx"), 10), 0); /* nothing of the file is needed any more */
            assert_sum(again);
            sard_model_unref(again);
        }
    }
    sard_options_free(o);
    void *data;
    size_t n;
    OK(sard_model_serialize(m, 0, &data, &n, &err));
    OK(sard_model_load_memory(data, n, 0, NULL, &again, &err)); /* copied: the bytes may go */
    memset(data, 0xAA, n);
    sard_free(data);
    assert_sum(again);
    sard_model_unref(again);
    FAILS(SARD_IO, "", sard_model_write(m, 0, in_folder("no/such/folder/m.onnx"), NULL, &err));
    sard_model_unref(m);
}

static void test_external_data(void **state) {
    (void)state;
    sard_error err;
    sard_model *m = make_product(), *again = NULL;
    sard_options *o = NULL;
    OK(sard_model_write(m, 0, in_folder("e.onnx"), "e.data", &err));
    sard_model_unref(m);
    struct stat s;
    assert_int_equal(stat(in_folder("e.data"), &s), 0);
    assert_true(s.st_size >= 4096);
    OK(sard_model_load(in_folder("e.onnx"), NULL, &again, &err));
    assert_sum(again);
    sard_model_unref(again);
    size_t n, n_data;
    char *file = slurp(in_folder("e.onnx"), &n), *data = slurp(in_folder("e.data"), &n_data);
    assert_true(n < 1000);
    assert_int_not_equal(sard_model_load_memory(file, n, 1, NULL, &again, &err), SARD_OK); /* where is the data? */
    assert_non_null(strstr(err.message, "e.data"));
    OK(sard_options_new(&o, &err));
    OK(sard_options_external_folder(o, folder, &err));
    OK(sard_model_load_memory(file, n, 1, o, &again, &err));
    assert_sum(again);
    sard_model_unref(again);
    sard_options_free(o);
    OK(sard_options_new(&o, &err));
    OK(sard_options_external_data(o, "e.data", data, n_data, &err));
    OK(sard_model_load_memory(file, n, 1, o, &again, &err));
    assert_sum(again);
    sard_model_unref(again);
    sard_options_free(o);
    sard_value *ones = floats(2, DIMS(32, 32), NULL); /* the weight itself instead of the file */
    for (int i = 0; i < 32 * 32; i++) ((float *)sard_tensor_data_mut(ones))[i] = 1;
    OK(sard_options_new(&o, &err));
    OK(sard_options_initializer(o, "w", ones, &err));
    OK(sard_model_load_memory(file, n, 1, o, &again, &err));
    assert_sum(again);
    sard_model_unref(again);
    sard_options_free(o);
    sard_value_unref(ones);
    char *name = memmem(file, n, "e.data", 6); /* a way out of the folder */
    assert_non_null(name);
    memcpy(name, "/e.dat", 6);
    spill(in_folder("out.onnx"), file, n);
    assert_int_not_equal(sard_model_load(in_folder("out.onnx"), NULL, &again, &err), SARD_OK);
    memcpy(name, "../dat", 6);
    spill(in_folder("out.onnx"), file, n);
    assert_int_not_equal(sard_model_load(in_folder("out.onnx"), NULL, &again, &err), SARD_OK);
    assert_int_equal(truncate(in_folder("e.data"), 100), 0);
    assert_int_not_equal(sard_model_load(in_folder("e.onnx"), NULL, &again, &err), SARD_OK);
    assert_non_null(strstr(err.message, "e.data"));
    free(file);
    free(data);
}

/* x a b, where a [2,r] and b [r,2] are empty unless given (as a model that takes LoRA adapters has them). */
static void test_default_of_another_size(void **state) {
    (void)state;
    sard_error err;
    sard_builder *b = NULL;
    sard_model *m = NULL;
    sard_value *none[] = {floats(2, DIMS(2, 0), NULL), floats(2, DIMS(0, 2), NULL)}, *y = NULL;
    sard_value *in[] = {floats(2, DIMS(1, 2), FLOATS(1, 2)), floats(2, DIMS(2, 1), FLOATS(3, 4)),
                        floats(2, DIMS(1, 2), FLOATS(5, 6))};
    OK(sard_builder_new("default", &b, &err));
    OK(sard_builder_input(b, "x", SARD_F32, 2, DIMS(1, 2), NULL, &err));
    OK(sard_builder_input(b, "a", SARD_F32, 2, DIMS(2, -1), NAMES(NULL, "r"), &err));
    OK(sard_builder_input(b, "b", SARD_F32, 2, DIMS(-1, 2), NAMES("r", NULL), &err));
    OK(sard_builder_initializer(b, "a", none[0], &err));
    OK(sard_builder_initializer(b, "b", none[1], &err));
    OK(sard_builder_node(b, "", "MatMul", "", NAMES("x", "a"), 2, NAMES("xa"), 1, &err));
    OK(sard_builder_node(b, "", "MatMul", "", NAMES("xa", "b"), 2, NAMES("y"), 1, &err));
    OK(sard_builder_output(b, "y", SARD_UNDEFINED, 0, NULL, NULL, &err));
    OK(sard_builder_build(b, NULL, &m, &err));
    sard_builder_free(b);
    assert_string_equal(sard_type_dim_name(sard_model_overridable_type(m, 0), 1), "r");
    for (int turn = 0; turn < 4; turn++) { /* the default, given, the default again, given again */
        const bool given = turn == 1 || turn == 3;
        OK(sard_run(m, NULL, NAMES("x", "a", "b"), in, given ? 3 : 1, NULL, &y, 1, &err));
        assert_float_equal(((const float *)sard_tensor_data(y))[0], given ? 55 : 0, 0);
        assert_float_equal(((const float *)sard_tensor_data(y))[1], given ? 66 : 0, 0);
        sard_value_unref(y);
        y = NULL;
    }
    for (int i = 0; i < 3; i++) sard_value_unref(in[i]);
    for (int i = 0; i < 2; i++) sard_value_unref(none[i]);
    sard_model_unref(m);
}

static void test_replaceable_default(void **state) {
    (void)state;
    sard_error err;
    sard_builder *b = NULL;
    sard_model *m = NULL;
    sard_value *k = floats(1, DIMS(2), FLOATS(10, 20)), *x = floats(1, DIMS(2), FLOATS(1, 2)), *y = NULL, *w = NULL;
    OK(sard_builder_new("default", &b, &err));
    OK(sard_builder_input(b, "x", SARD_F32, 1, DIMS(2), NULL, &err));
    OK(sard_builder_input(b, "k", SARD_F32, 1, DIMS(2), NULL, &err));
    OK(sard_builder_initializer(b, "k", k, &err));
    OK(sard_builder_node(b, "", "Mul", "", NAMES("x", "k"), 2, NAMES("y"), 1, &err));
    OK(sard_builder_output(b, "y", SARD_UNDEFINED, 0, NULL, NULL, &err));
    OK(sard_builder_build(b, NULL, &m, &err));
    sard_builder_free(b);
    assert_int_equal(sard_model_inputs(m), 1);
    assert_int_equal(sard_model_overridables(m), 1);
    assert_string_equal(sard_model_overridable_name(m, 0), "k");
    OK(sard_run(m, NULL, NAMES("x"), &x, 1, NULL, &y, 1, &err));
    assert_float_equal(((const float *)sard_tensor_data(y))[1], 40, 0);
    sard_value_unref(y);
    y = NULL;
    sard_value *in[] = {x, x};
    OK(sard_run(m, NULL, NAMES("x", "k"), in, 2, NULL, &y, 1, &err));
    assert_float_equal(((const float *)sard_tensor_data(y))[1], 4, 0);
    sard_value_unref(y);
    y = NULL;
    OK(sard_run(m, NULL, NAMES("x"), &x, 1, NULL, &y, 1, &err)); /* and the default again */
    assert_float_equal(((const float *)sard_tensor_data(y))[0], 10, 0);
    sard_value_unref(y);
    y = NULL;
    w = floats(1, DIMS(3), NULL);
    in[1] = w;
    FAILS(SARD_INVALID_ARGUMENT, "input 'k'", sard_run(m, NULL, NAMES("x", "k"), in, 2, NULL, &y, 1, &err));
    sard_value_unref(w);
    sard_value_unref(k);
    sard_value_unref(x);
    sard_model_unref(m);
}

static void test_limits_of_loading(void **state) {
    (void)state;
    sard_error err;
    sard_options *o = NULL;
    sard_builder *b = NULL;
    sard_model *m = NULL;
    OK(sard_options_new(&o, &err));
    OK(sard_options_set(o, "load_limit", "1K", &err));
    OK(build_mlp(&b, &err));
    FAILS(SARD_LIMIT, "limit is 1024", sard_builder_build(b, o, &m, &err));
    sard_builder_free(b);
    sard_options_free(o);
}

static int begin(void **state) {
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int end(void **state) {
    (void)state;
    const char *const names[] = {"m.onnx", "e.onnx", "e.data", "out.onnx"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) unlink(in_folder(names[i]));
    return rmdir(folder);
}

/* y = x + w, whose weights of 1 MiB are read at every run. */
static void test_file_cut_short(void **state) {
    (void)state;
    enum { N = 1 << 18 };
    sard_error err;
    sard_builder *b = NULL;
    sard_model *m = NULL;
    sard_value *w = floats(1, DIMS(N), NULL), *x = floats(1, DIMS(N), NULL), *y = NULL;
    OK(sard_guard_files(&err));
    OK(sard_builder_new("sum", &b, &err));
    OK(sard_builder_input(b, "x", SARD_F32, 1, DIMS(N), NULL, &err));
    OK(sard_builder_initializer(b, "w", w, &err));
    OK(sard_builder_node(b, "", "Add", "add", NAMES("x", "w"), 2, NAMES("y"), 1, &err));
    OK(sard_builder_output(b, "y", SARD_UNDEFINED, 0, NULL, NULL, &err));
    OK(sard_builder_build(b, NULL, &m, &err));
    OK(sard_model_write(m, 0, in_folder("cut.onnx"), NULL, &err));
    sard_model_unref(m);
    OK(sard_model_load(in_folder("cut.onnx"), NULL, &m, &err));
    OK(sard_run(m, NULL, NAMES("x"), &x, 1, NULL, &y, 1, &err));
    sard_value_unref(y);
    y = NULL;
    assert_int_equal(truncate(in_folder("cut.onnx"), 8192), 0);
    FAILS(SARD_IO, "cut short", sard_run(m, NULL, NAMES("x"), &x, 1, NULL, &y, 1, &err));
    assert_null(y);
    sard_model_unref(m);
    sard_builder_free(b);
    sard_value_unref(w);
    sard_value_unref(x);
    unlink(in_folder("cut.onnx"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file_cut_short),          cmocka_unit_test(test_write_and_load),
        cmocka_unit_test(test_external_data),           cmocka_unit_test(test_replaceable_default),
        cmocka_unit_test(test_default_of_another_size), cmocka_unit_test(test_limits_of_loading)};
    return cmocka_run_group_tests(tests, begin, end);
}
