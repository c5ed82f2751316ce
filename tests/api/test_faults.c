/*
 * test_faults.c -- every allocation of loading, running and fetching fails once: an error each time, nothing leaks (the
 * sanitizers look), and the model works when memory is back.
 */
#include "api_test.h"
#include "base/mem.h"

/* Builds, runs, fetches and describes; true when all of it went well. */
static bool whole_way(sard_error *err) {
    sard_builder *b = NULL;
    sard_options *o = NULL;
    sard_model *m = NULL;
    sard_value *x = NULL, *out[2] = {NULL};
    char *text = NULL;
    sard_status st = build_mlp(&b, err);
    if (st == SARD_OK) st = sard_options_new(&o, err);
    if (st == SARD_OK) st = sard_options_set(o, "threads", "1", err);
    if (st == SARD_OK) st = sard_builder_build(b, o, &m, err);
    if (st == SARD_OK) st = sard_tensor_new(SARD_F32, 2, DIMS(2, 4), &x, err);
    if (st == SARD_OK) st = sard_run(m, NULL, NAMES("x"), &x, 1, NAMES("y", "m"), out, 2, err);
    if (st == SARD_OK) st = sard_model_describe(m, "x=2x4", 0, &text, err);
    assert_true(st == SARD_OK || (!out[0] && !out[1]) || !text);
    sard_free(text);
    sard_value_unref(out[0]);
    sard_value_unref(out[1]);
    sard_value_unref(x);
    sard_model_unref(m);
    sard_options_free(o);
    sard_builder_free(b);
    return st == SARD_OK;
}

static void test_allocation_failures(void **state) {
    (void)state;
    sard_error err = {0};
    mem_fail_after(0);
    if (!whole_way(&err)) fail_msg("%s", err.message);
    const long all = mem_fail_after(0);
    assert_true(all > 10);
    const long step = all > 1500 ? all / 1500 + 1 : 1; /* a seeded stride when there are many */
    for (long n = 1; n <= all; n += step) {
        memset(&err, 0, sizeof err);
        mem_fail_after(n);
        const bool good = whole_way(&err);
        mem_fail_after(0);
        if (!good) assert_true(err.code == SARD_OUT_OF_MEMORY && *err.message);
    }
    if (!whole_way(&err)) fail_msg("afterwards: %s", err.message);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_allocation_failures)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
