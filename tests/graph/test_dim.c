/* test_dim.c -- arithmetic on symbolic dimensions, merging of types. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "graph/graph.h"

static module *m;

static int setup(void **state) {
    (void)state;
    return module_new(NULL, &m, NULL);
}

static int teardown(void **state) {
    (void)state;
    module_free(m);
    return 0;
}

static int64_t sym(const char *name) {
    str_id id;
    assert_int_equal(mod_intern(m, name, strlen(name), &id, NULL), SARD_OK);
    return DIM_SYM(id);
}

#define IS(d, text)                                                                                                    \
    do {                                                                                                               \
        const int64_t d_ = (d);                                                                                        \
        assert_true(dim_is_sym(d_));                                                                                   \
        assert_string_equal(mod_str(m, DIM_SYM_ID(d_)), text);                                                         \
    } while (0)

static void test_sums(void **state) {
    (void)state;
    const int64_t a = sym("a"), b = sym("b");
    IS(dim_add(m, a, 1), "(a+1)");
    IS(dim_add(m, 1, a), "(a+1)");
    IS(dim_add(m, a, b), "(a+b)");
    IS(dim_add(m, b, a), "(a+b)");
    IS(dim_add(m, a, a), "(2*a)");
    IS(dim_add(m, a, 0), "a");
    IS(dim_sub(m, dim_add(m, a, b), b), "a");
    IS(dim_sub(m, a, 3), "(a-3)");
    IS(dim_sub(m, 3, a), "(-a+3)");
    assert_int_equal(dim_sub(m, a, a), 0);
    assert_int_equal(dim_sub(m, dim_add(m, a, 5), dim_add(m, 2, a)), 3);
    assert_int_equal(dim_add(m, 2, 3), 5);
    assert_int_equal(dim_add(m, INT64_MAX, 1), DIM_UNKNOWN);
    assert_int_equal(dim_add(m, a, DIM_UNKNOWN), DIM_UNKNOWN);
    assert_int_equal(dim_add(NULL, a, 1), DIM_UNKNOWN);
    assert_int_equal(dim_add(NULL, 4, 1), 5);
}

static void test_products(void **state) {
    (void)state;
    const int64_t a = sym("a"), b = sym("b");
    IS(dim_mul(m, a, 2), "(2*a)");
    IS(dim_mul(m, a, 1), "a");
    assert_int_equal(dim_mul(m, a, 0), 0);
    IS(dim_mul(m, b, a), "(a*b)");
    IS(dim_mul(m, dim_add(m, a, 1), dim_sub(m, a, 1)), "(a*a-1)");
    IS(dim_div(m, dim_mul(m, 2, a), 2), "a");
    IS(dim_div(m, dim_mul(m, 12, dim_mul(m, a, b)), dim_mul(m, 3, b)), "(4*a)");
    assert_int_equal(dim_div(m, a, a), 1);
    assert_int_equal(dim_div(m, 7, 2), 3);
    assert_int_equal(dim_div(m, -7, 2), -4);
    assert_int_equal(dim_div(m, 7, 0), DIM_UNKNOWN);
    IS(dim_div(m, a, 2), "div(a,2)");
    IS(dim_div(m, dim_add(m, a, 7), 2), "(div((a+1),2)+3)");
    IS(dim_div(m, dim_div(m, a, 2), 3), "div(a,6)");
    IS(dim_div(m, dim_add(m, dim_mul(m, 4, a), 3), 2), "(2*a+1)");
    IS(dim_ceil_div(m, a, 2), "div((a+1),2)");
    IS(dim_ceil_div(m, dim_mul(m, a, 4), 2), "(2*a)");
    assert_int_equal(dim_ceil_div(m, 7, 2), 4);
    IS(dim_div(m, a, b), "div(a,b)");
    /* two stages of a strided net */
    int64_t d = a;
    for (int i = 0; i < 3; i++) d = dim_add(m, dim_div(m, dim_sub(m, d, 1), 2), 1);
    IS(d, "div((a+7),8)");
}

static void test_extremes(void **state) {
    (void)state;
    const int64_t a = sym("a"), b = sym("b");
    IS(dim_max(m, a, 0), "a");
    assert_int_equal(dim_min(m, a, 0), 0);
    IS(dim_max(m, dim_add(m, a, 1), a), "(a+1)");
    IS(dim_max(m, b, a), "max(a,b)");
    IS(dim_max(m, a, b), "max(a,b)");
    IS(dim_min(m, a, 512), "min(512,a)");
    IS(dim_add(m, dim_min(m, a, 512), 1), "(min(512,a)+1)");
    assert_int_equal(dim_max(m, 3, 5), 5);
    assert_int_equal(dim_min(m, 3, 5), 3);
}

static void test_odd_names(void **state) {
    (void)state;
    const int64_t a = sym("past + 1"), d = dim_add(m, a, 2);
    IS(d, "(`past + 1`+2)");
    IS(dim_sub(m, d, 2), "past + 1");
    IS(dim_mul(m, sym("(x"), 2), "(2*`(x`)");
    assert_int_equal(dim_add(m, sym("tick`"), 2), DIM_UNKNOWN);
    IS(dim_add(m, sym("(n+1)"), 1), "(n+2)");
    char name[300];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = 0;
    IS(dim_add(m, sym(name), 0), name);
    assert_int_equal(dim_add(m, sym(name), 1), DIM_UNKNOWN); /* too long */
    int64_t d2 = 0;
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "s%d", i);
        d2 = dim_add(m, d2, sym(name));
    }
    assert_int_equal(d2, DIM_UNKNOWN); /* too many terms */
    IS(dim_mul(m, sym("(9223372036854775807*z)"), 1), "(9223372036854775807*z)");
    assert_int_equal(dim_mul(m, sym("(9223372036854775807*z)"), 2), DIM_UNKNOWN);
}

static void test_broadcast_merge(void **state) {
    (void)state;
    const int64_t a = sym("a"), b = sym("b");
    int64_t r;
    assert_true(dim_broadcast(m, 1, a, &r) && r == a);
    assert_true(dim_broadcast(m, a, 1, &r) && r == a);
    assert_true(dim_broadcast(m, a, 7, &r) && r == 7);
    assert_true(dim_broadcast(m, a, a, &r) && r == a);
    assert_true(dim_broadcast(m, a, b, &r) && r == DIM_UNKNOWN);
    assert_true(dim_broadcast(m, 1, 5, &r) && r == 5);
    assert_false(dim_broadcast(m, 2, 3, &r));
    assert_true(dim_merge(a, 3, &r) && r == 3);
    assert_true(dim_merge(DIM_UNKNOWN, a, &r) && r == a);
    assert_true(dim_merge(a, b, &r) && r == a);
    assert_false(dim_merge(3, 4, &r));
}

static void test_types(void **state) {
    (void)state;
    const int64_t a = sym("batch"), d1[] = {a, 3, DIM_UNKNOWN}, d2[] = {DIM_UNKNOWN, 3, 5}, d3[] = {a, 4, 5};
    vtype x = type_tensor(SARD_F32, 3, d1), y = type_tensor(SARD_F32, 3, d2), z = type_tensor(SARD_F32, 3, d3);
    char buf[100];
    assert_string_equal(type_text(m, &x, buf, sizeof buf), "tensor(float)[batch,3,?]");
    assert_true(type_merge(m, &x, &y));
    assert_string_equal(type_text(m, &x, buf, sizeof buf), "tensor(float)[batch,3,5]");
    assert_false(type_merge(m, &x, &z));
    assert_false(type_static(&x));
    vtype seq = type_unknown(), seq2 = type_unknown();
    seq.kind = seq2.kind = SARD_KIND_SEQUENCE;
    vtype e = type_tensor(SARD_I64, -1, NULL);
    assert_int_equal(mod_type(m, &e, &seq.elem, NULL), SARD_OK);
    assert_string_equal(type_text(m, &seq, buf, sizeof buf), "seq(tensor(int64))");
    assert_int_equal(type_elem_dtype(m, &seq), SARD_I64);
    assert_true(type_merge(m, &seq2, &seq) && seq2.elem == seq.elem);
    type_id again;
    assert_int_equal(mod_type(m, &e, &again, NULL), SARD_OK);
    assert_int_equal(again, seq.elem);
    e.dtype = SARD_F32;
    assert_int_equal(mod_type(m, &e, &seq2.elem, NULL), SARD_OK);
    assert_false(type_merge(m, &seq2, &seq));
    vtype none = type_unknown();
    assert_true(type_merge(m, &none, &x) && none.rank == 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sums, setup, teardown),
        cmocka_unit_test_setup_teardown(test_products, setup, teardown),
        cmocka_unit_test_setup_teardown(test_extremes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_odd_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_broadcast_merge, setup, teardown),
        cmocka_unit_test_setup_teardown(test_types, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
