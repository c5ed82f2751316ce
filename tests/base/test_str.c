/* test_str.c -- interning, the text buffer, edit distance, the integer map. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

static void test_strtab(void **state) {
    (void)state;
    strtab t;
    assert_int_equal(strtab_init(&t), 0);
    assert_int_equal(strtab_add(&t, "", 0), 0);
    assert_string_equal(strtab_get(&t, 0), "");
    assert_int_equal(strtab_find(&t, "x", 1), STR_FAIL);
    char name[40];
    for (uint32_t i = 0; i < 20000; i++) {
        int n = snprintf(name, sizeof name, "node/%u", i);
        assert_int_equal(strtab_add(&t, name, (size_t)n), i + 1);
    }
    for (uint32_t i = 0; i < 20000; i++) {
        int n = snprintf(name, sizeof name, "node/%u", i);
        assert_int_equal(strtab_add(&t, name, (size_t)n), i + 1);
        assert_int_equal(strtab_find(&t, name, (size_t)n), i + 1);
        assert_string_equal(strtab_get(&t, i + 1), name);
    }
    str_id a = strtab_add(&t, "a\0b", 3), b = strtab_add(&t, "a\0c", 3), c = strtab_add(&t, "a", 1);
    assert_true(a != b && b != c && a != c); /* a NUL inside counts */
    strtab_free(&t);
}

static void test_strtab_out_of_memory(void **state) {
    (void)state;
    for (long fail = 1; fail < 12; fail++) {
        strtab t;
        mem_fail_after(fail);
        int ok = strtab_init(&t) == 0;
        uint32_t added = 0;
        for (char c = 'a'; ok && c <= 'z'; c++) added += strtab_add(&t, &c, 1) != STR_FAIL;
        mem_fail_after(0);
        for (char c = 'a'; c <= 'z'; c++) added -= strtab_find(&t, &c, 1) != STR_FAIL;
        assert_int_equal(added, 0);
        strtab_free(&t);
    }
}

static void test_strbuf(void **state) {
    (void)state;
    strbuf b = {0};
    assert_string_equal(sb_str(&b), "");
    sb_puts(&b, "f32[");
    for (int i = 0; i < 500; i++) sb_printf(&b, "%s%d", i ? "," : "", i);
    sb_put(&b, "]xx", 1);
    assert_int_equal(strlen(sb_str(&b)), b.n);
    assert_memory_equal(b.p, "f32[0,1,2,3", 11);
    assert_string_equal(sb_str(&b) + b.n - 4, "499]");
    sb_free(&b);
    mem_fail_after(1);
    sb_puts(&b, "x");
    mem_fail_after(0);
    assert_true(b.failed);
    sb_puts(&b, "y");
    assert_string_equal(sb_str(&b), "");
    sb_free(&b);
}

static void test_distance(void **state) {
    (void)state;
    assert_int_equal(str_distance("", ""), 0);
    assert_int_equal(str_distance("", "abc"), 3);
    assert_int_equal(str_distance("kitten", "sitting"), 3);
    assert_int_equal(str_distance("Softmax", "SoftMax"), 1);
    char longer[301];
    memset(longer, 'x', 300);
    longer[300] = 0;
    assert_int_equal(str_distance(longer, ""), 64);
}

static void test_map(void **state) {
    (void)state;
    map64 m = {0};
    uint64_t v = 77;
    assert_false(map_get(&m, 0, &v));
    for (uint64_t i = 0; i < 10000; i++) assert_int_equal(map_put(&m, i * 0x100000001u, i), 0);
    assert_int_equal(m.n, 10000);
    for (uint64_t i = 0; i < 10000; i++) {
        assert_true(map_get(&m, i * 0x100000001u, &v));
        assert_int_equal(v, i);
    }
    assert_false(map_get(&m, 5, &v));
    assert_int_equal(map_put(&m, 0, 42), 0);
    assert_int_equal(m.n, 10000);
    assert_true(map_get(&m, 0, &v));
    assert_int_equal(v, 42);
    map_free(&m);
}

/* Every bit of every input byte, the length and the seed reach the hash; no collisions among near neighbours.
 */
static void test_hash(void **state) {
    (void)state;
    map64 seen = {0};
    uint8_t data[70] = {0};
    uint64_t v;
    for (size_t n = 0; n <= sizeof data; n++) {
        uint64_t base = hash_bytes(data, n, 1);
        assert_false(map_get(&seen, base, &v));
        map_put(&seen, base, 1);
        assert_int_not_equal(base, hash_bytes(data, n, 2));
        for (size_t bit = 0; bit < 8 * n; bit++) {
            data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            uint64_t h = hash_bytes(data, n, 1);
            data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_false(map_get(&seen, h, &v));
            map_put(&seen, h, 1);
            int changed = __builtin_popcountll(h ^ base);
            assert_in_range(changed, 10, 54);
        }
    }
    map_free(&seen);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strtab), cmocka_unit_test(test_strtab_out_of_memory),
        cmocka_unit_test(test_strbuf), cmocka_unit_test(test_distance),
        cmocka_unit_test(test_map),    cmocka_unit_test(test_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
