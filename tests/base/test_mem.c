/* test_mem.c -- alignment, checked sizes, failing allocations, hooks; the arena. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

static void test_alloc(void **state) {
    (void)state;
    void *a = mem_alloc(0), *b = mem_alloc(0);
    assert_non_null(a);
    assert_non_null(b);
    assert_ptr_not_equal(a, b);
    mem_free(a);
    mem_free(b);
    mem_free(NULL);
    for (size_t n = 1; n < 5000; n = n * 3 + 1) {
        char *p = mem_calloc(n, 3);
        assert_int_equal((uintptr_t)p % 64, 0);
        for (size_t i = 0; i < 3 * n; i++) assert_int_equal(p[i], 0);
        memset(p, 7, 3 * n);
        p = mem_realloc(p, 3 * n, 5 * n);
        for (size_t i = 0; i < 3 * n; i++) assert_int_equal(p[i], 7);
        p = mem_realloc(p, 5 * n, n);
        for (size_t i = 0; i < n; i++) assert_int_equal(p[i], 7);
        mem_free(p);
    }
    assert_null(mem_calloc(SIZE_MAX / 2, 3));
    assert_null(mem_alloc(SIZE_MAX));
    assert_null(mem_alloc(SIZE_MAX - 63));
    char *s = mem_strdup("abc");
    assert_string_equal(s, "abc");
    mem_free(s);
}

static void test_fail_after(void **state) {
    (void)state;
    mem_fail_after(2);
    void *a = mem_alloc(1), *b = mem_alloc(1), *c = mem_alloc(1);
    assert_non_null(a);
    assert_null(b);
    assert_non_null(c);
    assert_int_equal(mem_fail_after(0), 3);
    void *p = mem_alloc(10);
    mem_fail_after(1);
    assert_null(mem_realloc(p, 10, 20)); /* the old block stays */
    mem_fail_after(0);
    mem_free(a);
    mem_free(c);
    mem_free(p);
}

static int live;
static void *hook_alloc(void *user, size_t bytes) {
    ++*(int *)user;
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
}
static void hook_free(void *user, void *p) {
    --*(int *)user;
    free(p);
}

static void test_hooks(void **state) {
    (void)state;
    mem_set_hooks(&(sard_allocator){hook_alloc, hook_free, &live});
    void *p = mem_alloc(5);
    p = mem_realloc(p, 5, 500);
    assert_int_equal(live, 1);
    mem_free(p);
    assert_int_equal(live, 0);
    mem_set_hooks(NULL);
}

static void test_grow(void **state) {
    (void)state;
    uint32_t *v = NULL;
    size_t cap = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        void *items = v;
        assert_int_equal(mem_grow(&items, &cap, i + 1, sizeof *v), 0);
        v = items;
        v[i] = i;
    }
    for (uint32_t i = 0; i < 1000; i++) assert_int_equal(v[i], i);
    void *items = v;
    size_t before = cap;
    assert_int_not_equal(mem_grow(&items, &cap, SIZE_MAX / 2, sizeof *v), 0);
    assert_int_equal(cap, before);
    mem_free(items);
}

static void test_arena(void **state) {
    (void)state;
    arena a;
    arena_init(&a);
    char *blocks[400];
    for (size_t i = 0; i < 400; i++) {
        blocks[i] = arena_alloc(&a, i * i % 3000);
        assert_int_equal((uintptr_t)blocks[i] % (i * i % 3000 >= 64 ? 64 : 16), 0);
        memset(blocks[i], (int)i, i * i % 3000);
    }
    for (size_t i = 0; i < 400; i++)
        for (size_t k = 0; k < i * i % 3000; k++) assert_int_equal((unsigned char)blocks[i][k], (unsigned char)i);
    assert_true(a.used <= a.held);
    char *big = arena_calloc(&a, 1000, 10000);
    assert_int_equal(big[9999999], 0);
    assert_string_equal(arena_printf(&a, "%s-%d", "x", 12), "x-12");
    assert_string_equal(arena_strn(&a, "hello", 4), "hell");
    assert_memory_equal(arena_copy(&a, "abc", 3), "abc", 3);
    assert_null(arena_calloc(&a, SIZE_MAX, 2));
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_null(arena_strn(&a, "", SIZE_MAX));
    arena_reset(&a);
    assert_int_equal(a.used, 0);
    assert_true(a.held >= 10000000);
    size_t held = a.held;
    assert_non_null(arena_alloc(&a, 9000000));
    assert_int_equal(a.held, held); /* the largest chunk was kept */
    arena_free(&a);
    assert_int_equal(a.held, 0);
}

static void test_arena_limit(void **state) {
    (void)state;
    arena a;
    arena_init(&a);
    a.limit = 1024;
    assert_non_null(arena_alloc(&a, 1000));
    assert_null(arena_alloc(&a, 100));
    assert_non_null(arena_alloc(&a, 16));
    assert_null(arena_alloc(&a, 16));
    arena_free(&a);
    assert_int_equal(a.limit, 1024);
    assert_null(arena_alloc(&a, 1025));
    mem_fail_after(1);
    assert_null(arena_alloc(&a, 1));
    mem_fail_after(0);
    arena_free(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alloc), cmocka_unit_test(test_fail_after), cmocka_unit_test(test_hooks),
        cmocka_unit_test(test_grow),  cmocka_unit_test(test_arena),      cmocka_unit_test(test_arena_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
