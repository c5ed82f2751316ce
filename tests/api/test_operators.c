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

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_scale), cmocka_unit_test(test_words_and_same)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
