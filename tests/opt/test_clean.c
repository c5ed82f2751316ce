/*
 * test_clean.c -- what does nothing goes at level basic, is told to the explain callback, and stop_after bounds it.
 */
#include "api/api_test.h"

static void count_lines(void *user, const char *line) {
    assert_non_null(strstr(line, "gives its input back"));
    ++*(int *)user;
}

/* y = Relu(Identity(Identity(x))); the rewrites told while loading, and the nodes left. */
static int rewrites(const char *level, const char *stop_after, uint64_t *steps) {
    sard_error err;
    sard_builder *b;
    sard_options *o;
    sard_model *m;
    sard_model_stats stats;
    int lines = 0;
    OK(sard_options_new(&o, &err));
    OK(sard_options_set(o, "optimize", level, &err));
    if (stop_after) OK(sard_options_set(o, "stop_after", stop_after, &err));
    sard_options_explain(o, count_lines, &lines);
    OK(sard_builder_new("clean", &b, &err));
    OK(sard_builder_input(b, "x", SARD_F32, 1, DIMS(-1), NULL, &err));
    OK(sard_builder_node(b, "", "Identity", "a", NAMES("x"), 1, NAMES("p"), 1, &err));
    OK(sard_builder_node(b, "", "Identity", "b", NAMES("p"), 1, NAMES("q"), 1, &err));
    OK(sard_builder_node(b, "", "Relu", "c", NAMES("q"), 1, NAMES("y"), 1, &err));
    OK(sard_builder_output(b, "y", SARD_F32, 1, DIMS(-1), NULL, &err));
    OK(sard_builder_build(b, o, &m, &err));
    sard_model_get_stats(m, &stats);
    *steps = stats.steps;
    sard_value *in = floats(1, DIMS(3), FLOATS(-1, 0, 2)), *out = NULL;
    OK(sard_run(m, NULL, NAMES("x"), &in, 1, NULL, &out, 1, &err));
    assert_memory_equal(sard_tensor_data(out), FLOATS(0, 0, 2), sizeof(float[3]));
    sard_value_unref(out);
    sard_value_unref(in);
    sard_model_unref(m);
    sard_builder_free(b);
    sard_options_free(o);
    return lines;
}

static void test_identities(void **state) {
    (void)state;
    uint64_t steps;
    assert_int_equal(rewrites("none", NULL, &steps), 0);
    assert_int_equal(steps, 3);
    assert_int_equal(rewrites("basic", NULL, &steps), 2);
    assert_int_equal(steps, 1);
    assert_int_equal(rewrites("basic", "1", &steps), 1);
    assert_int_equal(steps, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_identities)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
