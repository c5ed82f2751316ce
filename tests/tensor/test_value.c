/* test_value.c -- values of every kind: references taken over, deep copies, failing allocations, text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tensor/value.h"

static int live; /* buffers not yet released */
static float data[6] = {1, 2, 3, 4, 5, 6};
static void release(void *owner, void *p, size_t bytes) {
    (void)owner;
    (void)p;
    (void)bytes;
    live--;
}

static sard_value *numbers(int64_t n) {
    tensor t;
    shape s = {1, {n}};
    sard_value *v;
    live++;
    tensor_view(&t, SARD_F32, &s, buffer_wrap(data, sizeof data, release, NULL), 0);
    assert_int_equal(value_tensor(&t, &v, NULL), SARD_OK);
    assert_null(t.buf);
    return v;
}

static sard_value *everything(void) {
    sard_value *items[3] = {numbers(1), numbers(2), numbers(3)}, *seq, *map, *opt, *sparse, *all;
    shape dims = {2, {4, 5}};
    assert_int_equal(value_sequence(items, 3, SARD_F32, &seq, NULL), SARD_OK);
    assert_int_equal(value_map(numbers(3), seq, &map, NULL), SARD_OK);
    assert_int_equal(value_optional(map, SARD_UNDEFINED, &opt, NULL), SARD_OK);
    assert_int_equal(value_sparse(&dims, numbers(2), numbers(2), &sparse, NULL), SARD_OK);
    sard_value *top[3] = {opt, sparse, sard_value_ref(sparse)};
    assert_int_equal(value_sequence(top, 3, SARD_F32, &all, NULL), SARD_OK);
    return all;
}

static void test_lifetimes(void **state) {
    (void)state;
    sard_value *v = everything();
    assert_int_equal(live, 6);
    sard_value_ref(v);
    sard_value_unref(v);
    assert_int_equal(live, 6);
    sard_value_unref(v);
    assert_int_equal(live, 0);
    sard_value_unref(NULL);
}

static void test_clone(void **state) {
    (void)state;
    sard_value *v = everything(), *c;
    assert_int_equal(value_clone(v, &c, NULL), SARD_OK);
    sard_value_unref(v);
    assert_int_equal(live, 0); /* the copy holds none of them */
    const sard_value *map = c->seq.items[0]->opt.item;
    assert_int_equal(map->kind, SARD_KIND_MAP);
    assert_memory_equal(tensor_data(&map->map.keys->t), data, 12);
    assert_memory_equal(tensor_data(&map->map.values->seq.items[1]->t), data, 8);
    assert_int_equal(c->seq.items[1]->sparse.dims.dim[1], 5);
    sard_value_unref(c);
}

/* Every allocation of a deep copy and of the makers fails in turn; nothing leaks (the sanitizer looks). */
static void test_failing_allocations(void **state) {
    (void)state;
    sard_value *v = everything(), *c;
    int failures = 0;
    for (long fail = 1;; fail++) {
        mem_fail_after(fail);
        sard_status s = value_clone(v, &c, NULL);
        mem_fail_after(0);
        if (s == SARD_OK) break;
        assert_int_equal(s, SARD_OUT_OF_MEMORY);
        failures++;
    }
    assert_true(failures > 10);
    sard_value_unref(c);
    sard_value_unref(v);
    assert_int_equal(live, 0);
    shape dims = {1, {4}};
    sard_value *a = numbers(1), *b = numbers(1);
    mem_fail_after(1);
    assert_int_equal(value_map(a, b, &c, NULL), SARD_OUT_OF_MEMORY);
    assert_int_equal(live, 0);
    mem_fail_after(0);
    a = numbers(1);
    mem_fail_after(1);
    assert_int_equal(value_optional(a, SARD_F32, &c, NULL), SARD_OUT_OF_MEMORY);
    mem_fail_after(0);
    a = numbers(1);
    b = numbers(1);
    mem_fail_after(1);
    assert_int_equal(value_sparse(&dims, a, b, &c, NULL), SARD_OUT_OF_MEMORY);
    mem_fail_after(0);
    a = numbers(1);
    mem_fail_after(2);
    assert_int_equal(value_sequence(&a, 1, SARD_F32, &c, NULL), SARD_OUT_OF_MEMORY);
    mem_fail_after(0);
    assert_int_equal(live, 0);
}

static void test_text(void **state) {
    (void)state;
    char text[60];
    sard_value *v = everything(), *empty;
    assert_string_equal(value_text(v, text, sizeof text), "seq(3)");
    assert_string_equal(value_text(v->seq.items[0], text, sizeof text), "optional(map(f32,3))");
    assert_string_equal(value_text(v->seq.items[1], text, sizeof text), "sparse f32[4,5]");
    assert_string_equal(value_text(v->seq.items[1]->sparse.values, text, sizeof text), "f32[2]");
    assert_string_equal(value_text(NULL, text, sizeof text), "nothing");
    sard_value_unref(v);
    assert_int_equal(value_optional(NULL, SARD_F32, &empty, NULL), SARD_OK);
    assert_string_equal(value_text(empty, text, sizeof text), "optional()");
    sard_value_unref(empty);
    assert_int_equal(value_sequence(NULL, 0, SARD_F32, &empty, NULL), SARD_OK);
    assert_string_equal(value_text(empty, text, 5), "seq(");
    sard_value_unref(empty);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lifetimes),
        cmocka_unit_test(test_clone),
        cmocka_unit_test(test_failing_allocations),
        cmocka_unit_test(test_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
