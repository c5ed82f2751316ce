/* test_err.c -- messages built by layers, and what happens when they do not fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

static void test_set_and_context(void **state) {
    (void)state;
    sard_error e = {0};
    assert_int_equal(err_set(&e, SARD_RUNTIME, "axis %d out of range for rank %d", 4, 3), SARD_RUNTIME);
    assert_int_equal(e.code, SARD_RUNTIME);
    assert_int_equal(e.problems, 1);
    assert_string_equal(e.message, "axis 4 out of range for rank 3");
    assert_int_equal(err_context(&e, SARD_RUNTIME, "node '%s'", "a/b"), SARD_RUNTIME);
    assert_int_equal(err_context(&e, SARD_RUNTIME, "run"), SARD_RUNTIME);
    assert_string_equal(e.message, "run: node 'a/b': axis 4 out of range for rank 3");
    assert_int_equal(err_set(&e, SARD_IO, "again: %s", e.message), SARD_IO); /* its own text as argument */
    assert_string_equal(e.message, "again: run: node 'a/b': axis 4 out of range for rank 3");
}

static void test_null_is_fine(void **state) {
    (void)state;
    assert_int_equal(err_set(NULL, SARD_IO, "x"), SARD_IO);
    assert_int_equal(err_context(NULL, SARD_IO, "x"), SARD_IO);
    assert_int_equal(err_nomem(NULL, 5), SARD_OUT_OF_MEMORY);
}

/* A message is cut at its end, whole characters only, and stays terminated whatever is prepended. */
static void test_truncation(void **state) {
    (void)state;
    static char text[3001];
    for (int i = 0; i < 3000; i += 3) memcpy(text + i, "\xE2\x82\xAC", 3); /* the euro sign */
    for (int shift = 0; shift < 8; shift++) {
        sard_error e;
        memset(&e, 0x55, sizeof e);
        err_set(&e, SARD_IO, "%.*s%s", shift, "abcdefgh", text);
        size_t n = strlen(e.message);
        assert_true(n < sizeof e.message && n + 3 >= sizeof e.message);
        assert_int_equal((n - (size_t)shift) % 3, 0);
        for (int k = 0; k < 10; k++) {
            err_context(&e, SARD_IO, "layer %d", k);
            n = strlen(e.message);
            assert_true(n < sizeof e.message);
            assert_memory_equal(e.message + n - 3, "\xE2\x82\xAC", 3);
        }
        err_context(&e, SARD_IO, "%s", text);
        assert_true(strlen(e.message) < sizeof e.message);
        assert_memory_equal(e.message + 255, ": ", 2);
    }
}

static void test_names(void **state) {
    (void)state;
    assert_string_equal(sard_status_name(SARD_OK), "OK");
    assert_string_equal(sard_status_name(SARD_INTERNAL), "INTERNAL");
    assert_string_equal(sard_status_name((sard_status)99), "UNKNOWN");
    for (int s = 0; s <= SARD_INTERNAL; s++) assert_string_not_equal(sard_status_name((sard_status)s), "UNKNOWN");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_and_context),
        cmocka_unit_test(test_null_is_fine),
        cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
