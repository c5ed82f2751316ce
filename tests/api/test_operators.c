/* test_operators.c -- operators registered by the program. */
#include <stdatomic.h>

#include "api_test.h"

/* outside.Scale: y = x * factor (attribute); second output, when asked for, the number of elements. */
typedef struct scale {
    float factor;
} scale;
static atomic_int alive;

static sard_status scale_infer(void *user, const sard_node_info *n,
                               sard_status (*set)(void *arg, size_t i, sard_dtype t, int rank, const int64_t *dims),
                               void *arg, sard_error *err) {
    (void)user;
    (void)err;
    const sard_type *t = sard_node_input_type(n, 0);
    int64_t dims[16];
    for (int i = 0; i < sard_type_rank(t); i++) dims[i] = sard_type_dim(t, i);
    sard_status st = set(arg, 0, SARD_F32, sard_type_rank(t), dims);
    return st == SARD_OK && sard_node_outputs(n) > 1 ? set(arg, 1, SARD_I64, 0, NULL) : st;
}

static sard_status scale_create(void *user, const sard_node_info *n, void **state, sard_error *err) {
    (void)err;
    assert_ptr_equal(user, &alive);
    scale *s = malloc(sizeof *s);
    if (!s) return SARD_OUT_OF_MEMORY;
    s->factor = 1;
    if (sard_node_attr_float(n, "factor", &s->factor) != SARD_OK) s->factor = 2;
    atomic_fetch_add(&alive, 1);
    *state = s;
    return SARD_OK;
}

static sard_status scale_run(void *user, void *state, sard_op_ctx *c, sard_error *err) {
    (void)user;
    const scale *s = state;
    const sard_value *x = sard_op_input(c, 0);
    sard_value *y, *count;
    sard_status st = sard_op_output(c, 0, SARD_F32, sard_tensor_rank(x), sard_tensor_dims(x), &y, err);
    if (st != SARD_OK) return st;
    if (y)
        for (int64_t i = 0; i < sard_tensor_count(x); i++)
            ((float *)sard_tensor_data_mut(y))[i] = ((const float *)sard_tensor_data(x))[i] * s->factor;
    st = sard_tensor_new(SARD_I64, 0, NULL, &count, err);
    if (st != SARD_OK) return st;
    *(int64_t *)sard_tensor_data_mut(count) = sard_tensor_count(x);
    if (sard_op_give(c, 1, count, err) != SARD_OK) return SARD_OK; /* a node with one output */
    return SARD_OK;
}

static void scale_destroy(void *user, void *state) {
    (void)user;
    atomic_fetch_sub(&alive, 1);
    free(state);
}

/* outside.Words: no inference: strings whose number depends on the data. */
static sard_status words_run(void *user, void *state, sard_op_ctx *c, sard_error *err) {
    (void)user;
    (void)state;
    size_t len, n = 0;
    const char *text = sard_tensor_string(sard_op_input(c, 0), 0, &len), *words[32];
    size_t lens[32];
    for (size_t i = 0; i < len && n < 32;) {
        const size_t begin = i;
        while (i < len && text[i] != ' ') i++;
        words[n] = text + begin;
        lens[n++] = i - begin;
        i++;
    }
    sard_value *v;
    const int64_t dim = (int64_t)n;
    sard_status st = sard_tensor_strings(1, &dim, words, lens, &v, err);
    return st == SARD_OK ? sard_op_give(c, 0, v, err) : st;
}

/* outside.Same: gives its input as its output. */
static sard_status same_run(void *user, void *state, sard_op_ctx *c, sard_error *err) {
    (void)user;
    (void)state;
    return sard_op_give(c, 0, sard_value_ref(sard_op_input(c, 0)), err);
}

/* outside.Look: what a node tells. Its input 1 is left out, input 2 is a constant. */
static sard_status look_create(void *user, const sard_node_info *n, void **state, sard_error *err) {
    (void)user;
    (void)err;
    *state = NULL;
    const char *text;
    size_t len, count;
    int64_t one;
    assert_string_equal(sard_node_name(n), "look");
    assert_int_equal(sard_node_opset(n), 3);
    assert_int_equal(sard_node_inputs(n), 3);
    assert_string_equal(sard_node_input_name(n, 0), "x");
    assert_null(sard_node_input_name(n, 1));
    assert_null(sard_node_input_type(n, 1));
    assert_null(sard_node_input_constant(n, 0));
    assert_int_equal(((const int64_t *)sard_tensor_data(sard_node_input_constant(n, 2)))[0], 7);
    assert_string_equal(sard_node_output_name(n, 0), "y");
    assert_null(sard_node_output_name(n, 9));
    assert_int_equal(sard_type_dtype(sard_node_output_type(n, 0)), SARD_F32);
    assert_int_equal(sard_type_dim(sard_node_output_type(n, 0), 0), 5); /* as infer says, though it is not so */
    assert_int_equal(sard_node_attrs(n), 2);
    assert_string_equal(sard_node_attr_name(n, 1), "words");
    assert_int_equal(sard_node_attr_kind(n, "words"), SARD_ATTR_STRINGS);
    assert_int_equal(sard_node_attr_kind(n, "other"), SARD_ATTR_NONE);
    assert_int_equal(sard_node_attr_strings(n, "words", &count), SARD_OK);
    assert_int_equal(count, 2);
    assert_int_equal(sard_node_attr_strings_at(n, "words", 1, &text, &len), SARD_OK);
    assert_memory_equal(text, "bc", len);
    assert_int_equal(sard_node_attr_strings_at(n, "words", 2, &text, &len), SARD_INVALID_ARGUMENT);
    assert_int_equal(sard_node_attr_int(n, "words", &one), SARD_INVALID_ARGUMENT);
    return SARD_OK;
}

static sard_status look_infer(void *user, const sard_node_info *n,
                              sard_status (*set)(void *arg, size_t i, sard_dtype t, int rank, const int64_t *dims),
                              void *arg, sard_error *err) {
    (void)user;
    (void)err;
    assert_null(sard_node_output_type(n, 0));
    return set(arg, 0, SARD_F32, 1, DIMS(5));
}

static sard_status look_piece(void *arg, int64_t from, int64_t to, sard_error *err) {
    (void)err;
    float **p = arg;
    for (int64_t i = from; i < to; i++) p[1][i] = p[0][i] + 1;
    return SARD_OK;
}

/* y = x + 1 in pieces, through scratch memory; a negative first element is a failure with a number of its own. */
static sard_status look_run(void *user, void *state, sard_op_ctx *c, sard_error *err) {
    (void)user;
    (void)state;
    sard_value *x = sard_op_input(c, 0), *y;
    const int64_t n = sard_tensor_count(x);
    assert_null(sard_op_input(c, 1));
    assert_true(sard_pool_threads(sard_op_pool(c)) >= 1);
    void *room;
    sard_status st = sard_op_scratch(c, (size_t)n * sizeof(float), &room, err);
    if (st == SARD_OK) st = sard_op_output(c, 0, SARD_F32, 1, &n, &y, err);
    if (st != SARD_OK) return st;
    memcpy(room, sard_tensor_data(x), sard_tensor_bytes(x));
    if (n && *(float *)room < 0) {
        if (*(float *)room < -1) return SARD_LIMIT; /* without a word */
        snprintf(err->message, sizeof err->message, "a negative number");
        err->detail = -77;
        return SARD_RUNTIME;
    }
    float *p[2] = {room, sard_tensor_data_mut(y)};
    return sard_op_parallel(c, n, 3, look_piece, p, err);
}

static sard_status lazy_run(void *user, void *state, sard_op_ctx *c, sard_error *err) {
    (void)user;
    (void)state;
    (void)c;
    (void)err;
    return SARD_OK; /* without making its output */
}

static sard_op_library *library(void) {
    sard_error err;
    sard_op_library *lib = NULL;
    OK(sard_op_library_new(&lib, &err));
    sard_op_desc d = {.size = sizeof d,
                      .domain = "outside",
                      .name = "Scale",
                      .since = 1,
                      .min_in = 1,
                      .max_in = 1,
                      .min_out = 1,
                      .max_out = 2,
                      .user = &alive,
                      .infer = scale_infer,
                      .create = scale_create,
                      .run = scale_run,
                      .destroy = scale_destroy};
    OK(sard_op_library_add(lib, &d, &err));
    FAILS(SARD_INVALID_ARGUMENT, "there already", sard_op_library_add(lib, &d, &err));
    d = (sard_op_desc){.size = sizeof d,
                       .domain = "outside",
                       .name = "Words",
                       .since = 1,
                       .min_in = 1,
                       .max_in = 1,
                       .min_out = 1,
                       .max_out = 1,
                       .run = words_run};
    OK(sard_op_library_add(lib, &d, &err));
    d.name = "Same", d.run = same_run;
    OK(sard_op_library_add(lib, &d, &err));
    d.name = "Lazy", d.run = lazy_run;
    OK(sard_op_library_add(lib, &d, &err));
    d.name = "None", d.run = NULL;
    FAILS(SARD_INVALID_ARGUMENT, "no run", sard_op_library_add(lib, &d, &err));
    d.size = 3;
    FAILS(SARD_INVALID_ARGUMENT, "size", sard_op_library_add(lib, &d, &err));
    return lib;
}

/* One node of domain outside over x, then Neg when it gives floats. */
static sard_model *model_of(const char *op, sard_dtype t, size_t n_out) {
    sard_error err;
    sard_builder *b = NULL;
    sard_options *o = NULL;
    sard_model *m = NULL;
    sard_op_library *lib = library();
    OK(sard_options_new(&o, &err));
    OK(sard_options_operators(o, lib, &err));
    sard_op_library_unref(lib); /* options and model keep it */
    OK(sard_builder_new("outside", &b, &err));
    OK(sard_builder_opset(b, "outside", 1, &err));
    OK(sard_builder_input(b, "x", t, 1, DIMS(-1), NULL, &err));
    OK(sard_builder_node(b, "outside", op, "mine", NAMES("x"), 1, NAMES("y", "n"), n_out, &err));
    if (strcmp(op, "Scale") == 0) OK(sard_builder_attr_float(b, "factor", 3, &err));
    if (t == SARD_F32) OK(sard_builder_node(b, "", "Neg", "", NAMES("y"), 1, NAMES("z"), 1, &err));
    OK(sard_builder_output(b, t == SARD_F32 ? "z" : "y", SARD_UNDEFINED, 0, NULL, NULL, &err));
    if (n_out > 1) OK(sard_builder_output(b, "n", SARD_UNDEFINED, 0, NULL, NULL, &err));
    OK(sard_builder_build(b, o, &m, &err));
    sard_builder_free(b);
    sard_options_free(o);
    return m;
}

static void test_scale(void **state) {
    (void)state;
    sard_error err;
    sard_model *m = model_of("Scale", SARD_F32, 2);
    assert_int_equal(sard_type_rank(sard_model_output_type(m, 0)), 1); /* inferred through Neg */
    sard_value *x = floats(1, DIMS(3), FLOATS(1, 2, 3)), *out[2] = {NULL};
    OK(sard_run(m, NULL, NAMES("x"), &x, 1, NULL, out, 2, &err));
    assert_float_equal(((const float *)sard_tensor_data(out[0]))[2], -9, 0);
    assert_int_equal(*(const int64_t *)sard_tensor_data(out[1]), 3);
    sard_value_unref(out[0]);
    sard_value_unref(out[1]);
    sard_value_unref(x);
    assert_true(atomic_load(&alive) > 0);
    sard_model_unref(m);
    assert_int_equal(atomic_load(&alive), 0);
}

static void test_words_and_same(void **state) {
    (void)state;
    sard_error err;
    sard_model *m = model_of("Words", SARD_STRING, 1);
    sard_value *x = NULL, *y = NULL;
    size_t n;
    OK(sard_tensor_strings(1, DIMS(1), NAMES("run it twice"), NULL, &x, &err));
    OK(sard_run(m, NULL, NAMES("x"), &x, 1, NULL, &y, 1, &err));
    assert_int_equal(sard_tensor_count(y), 3);
    assert_memory_equal(sard_tensor_string(y, 1, &n), "it", 2);
    sard_value_unref(x);
    sard_value_unref(y);
    sard_model_unref(m);
    m = model_of("Same", SARD_I64, 1);
    x = y = NULL;
    OK(sard_tensor_new(SARD_I64, 1, DIMS(2), &x, &err));
    OK(sard_run(m, NULL, NAMES("x"), &x, 1, NULL, &y, 1, &err));
    assert_ptr_not_equal(sard_tensor_data(x), sard_tensor_data(y)); /* a run's outputs never share its inputs' memory */
    sard_value_unref(y);
    sard_value_unref(x);
    sard_model_unref(m);
    m = model_of("Lazy", SARD_I64, 1);
    x = y = NULL;
    OK(sard_tensor_new(SARD_I64, 1, DIMS(2), &x, &err));
    FAILS(SARD_RUNTIME, "did not make its output 0", sard_run(m, NULL, NAMES("x"), &x, 1, NULL, &y, 1, &err));
    assert_non_null(strstr(err.message, "mine"));
    sard_value_unref(x);
    sard_model_unref(m);
}

/* An intermediate value given on as an output: it lies in the run's memory and is copied. */
static void test_same_inside(void **state) {
    (void)state;
    sard_error err;
    sard_builder *b = NULL;
    sard_options *o = NULL;
    sard_model *m = NULL;
    sard_op_library *lib = library();
    OK(sard_options_new(&o, &err));
    OK(sard_options_operators(o, lib, &err));
    sard_op_library_unref(lib);
    OK(sard_builder_new("inside", &b, &err));
    OK(sard_builder_opset(b, "outside", 1, &err));
    OK(sard_builder_input(b, "x", SARD_F32, 1, DIMS(-1), NULL, &err));
    OK(sard_builder_node(b, "", "Neg", "", NAMES("x"), 1, NAMES("a"), 1, &err));
    OK(sard_builder_node(b, "outside", "Same", "", NAMES("a"), 1, NAMES("y"), 1, &err));
    OK(sard_builder_output(b, "y", SARD_UNDEFINED, 0, NULL, NULL, &err));
    OK(sard_builder_build(b, o, &m, &err));
    sard_builder_free(b);
    sard_options_free(o);
    sard_value *x = floats(1, DIMS(2), FLOATS(1, -2)), *y = NULL;
    for (int i = 0; i < 3; i++) {
        OK(sard_run(m, NULL, NAMES("x"), &x, 1, NULL, &y, 1, &err));
        assert_float_equal(((const float *)sard_tensor_data(y))[1], 2, 0);
        sard_value_unref(y);
        y = NULL;
    }
    sard_value_unref(x);
    sard_model_unref(m);
}

static int released;
static void on_release(void *owner) {
    assert_ptr_equal(owner, &released);
    released++;
}

static sard_model *look_model(void) {
    sard_error err;
    sard_builder *b = NULL;
    sard_options *o = NULL;
    sard_model *m = NULL;
    sard_value *seven = NULL;
    sard_op_library *lib = NULL;
    OK(sard_op_library_new(&lib, &err));
    sard_op_library_owner(lib, on_release, &released);
    const sard_op_desc d = {.size = sizeof d,
                            .domain = "outside",
                            .name = "Look",
                            .since = 1,
                            .min_in = 1,
                            .max_in = 3,
                            .min_out = 1,
                            .max_out = 1,
                            .infer = look_infer,
                            .create = look_create,
                            .run = look_run,
                            .loose_shapes = 1};
    OK(sard_op_library_add(lib, &d, &err));
    OK(sard_options_new(&o, &err));
    OK(sard_options_operators(o, lib, &err));
    sard_op_library_unref(lib);
    OK(sard_tensor_new(SARD_I64, 1, DIMS(1), &seven, &err));
    *(int64_t *)sard_tensor_data_mut(seven) = 7;
    OK(sard_builder_new("look", &b, &err));
    OK(sard_builder_opset(b, "outside", 3, &err));
    OK(sard_builder_input(b, "x", SARD_F32, 1, DIMS(-1), NULL, &err));
    OK(sard_builder_initializer(b, "seven", seven, &err));
    OK(sard_builder_node(b, "outside", "Look", "look", NAMES("x", "", "seven"), 3, NAMES("y"), 1, &err));
    OK(sard_builder_attr_int(b, "number", 4, &err));
    OK(sard_builder_attr_strings(b, "words", NAMES("a", "bc"), 2, &err));
    OK(sard_builder_node(b, "", "Neg", "", NAMES("y"), 1, NAMES("z"), 1, &err));
    OK(sard_builder_output(b, "z", SARD_UNDEFINED, 0, NULL, NULL, &err));
    OK(sard_builder_build(b, o, &m, &err));
    sard_builder_free(b);
    sard_options_free(o);
    sard_value_unref(seven);
    return m;
}

static void test_look(void **state) {
    (void)state;
    sard_error err;
    sard_model *m = look_model();
    for (int64_t n = 8; n <= 64; n *= 2) {
        sard_value *x = floats(1, &n, NULL), *y = NULL;
        OK(sard_run(m, NULL, NAMES("x"), &x, 1, NULL, &y, 1, &err));
        assert_int_equal(sard_tensor_count(y), n); /* whatever was inferred */
        assert_float_equal(((const float *)sard_tensor_data(y))[n - 1], -1, 0);
        sard_value_unref(y);
        sard_value_unref(x);
    }
    sard_value *x = floats(1, DIMS(1), FLOATS(-1)), *y = NULL;
    FAILS(SARD_RUNTIME, "a negative number", sard_run(m, NULL, NAMES("x"), &x, 1, NULL, &y, 1, &err));
    assert_non_null(strstr(err.message, "look"));
    assert_int_equal(err.detail, -77);
    *(float *)sard_tensor_data_mut(x) = -2;
    FAILS(SARD_LIMIT, "the operator failed", sard_run(m, NULL, NAMES("x"), &x, 1, NULL, &y, 1, &err));
    assert_int_equal(err.detail, 0);
    sard_value_unref(x);
    assert_int_equal(released, 0);
    sard_model_unref(m);
    assert_int_equal(released, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_scale), cmocka_unit_test(test_words_and_same),
                                       cmocka_unit_test(test_same_inside), cmocka_unit_test(test_look)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
