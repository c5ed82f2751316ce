/*
 * Strided copies against a plain walk over indices: random boxes, permuted and sliced, every element size.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/pool.h"
#include "kernels/move/move.h"

static uint32_t seed = 7;
static uint32_t rnd(uint32_t n) {
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

static void naive(const move_box *b, size_t size, const char *s, char *d) {
    int64_t at[MOVE_MAX_RANK] = {0}, n = 1;
    for (int i = 0; i < b->rank; i++) n *= b->dim[i];
    for (int64_t i = 0; i < n; i++) {
        int64_t so = 0, to = 0;
        for (int a = 0; a < b->rank; a++) so += at[a] * b->src[a], to += at[a] * b->dst[a];
        memcpy(d + to * (int64_t)size, s + so * (int64_t)size, size);
        for (int a = b->rank - 1; a >= 0 && ++at[a] == b->dim[a]; a--) at[a] = 0;
    }
}

static void one_box(size_t size, const par *p) {
    move_box b = {.rank = (int)rnd(5)};
    int64_t total = 1, dst = 1, order[MOVE_MAX_RANK], src = 1 + (int64_t)rnd(2);
    for (int i = 0; i < b.rank; i++) b.dim[i] = 1 + rnd(rnd(4) ? 9 : 70), total *= b.dim[i], order[i] = i;
    for (int i = b.rank - 1; i >= 0; i--) b.dst[i] = dst, dst *= b.dim[i];
    for (int i = b.rank - 1; i > 0; i--) { /* source axes in another order */
        int k = (int)rnd((uint32_t)i + 1);
        int64_t t = order[i];
        order[i] = order[k], order[k] = t;
    }
    for (int i = 0; i < b.rank; i++) {
        int64_t a = order[i];
        b.src[a] = rnd(8) ? src : 0;
        if (b.src[a]) src *= b.dim[a] + (int64_t)rnd(2);
    }
    char *s = malloc((size_t)src * size + size), *x = calloc((size_t)total + 1, size),
         *y = calloc((size_t)total + 1, size);
    for (size_t i = 0; i < (size_t)src * size; i++) s[i] = (char)rnd(256);
    naive(&b, size, s, x);
    assert_int_equal(move_copy(&b, size, s, y, p, NULL), SARD_OK);
    assert_memory_equal(x, y, ((size_t)total + 1) * size);
    for (int i = 0; i < b.rank; i++) b.src[i] = 0;
    naive(&b, size, s, x);
    move_fill(&b, size, s, y);
    assert_memory_equal(x, y, ((size_t)total + 1) * size);
    free(s), free(x), free(y);
}

static void boxes(void **state) {
    (void)state;
    static const size_t sizes[] = {1, 2, 4, 8, 16, 3};
    pool *two;
    assert_int_equal(pool_new(2, &two, NULL), SARD_OK);
    par p = {two, NULL};
    for (int i = 0; i < 3000; i++) one_box(sizes[i % 6], i & 1 ? &p : NULL);
    pool_unref(two);
}

static void empty_and_long(void **state) {
    (void)state;
    move_box none = {.rank = 2, .dim = {3, 0}, .src = {1, 1}, .dst = {1, 1}};
    assert_int_equal(move_copy(&none, 4, "", NULL, NULL, NULL), SARD_OK);
    int64_t n = 3 << 20;
    char *s = malloc((size_t)n), *d = malloc((size_t)n);
    for (int64_t i = 0; i < n; i++) s[i] = (char)rnd(256);
    move_box row = {.rank = 1, .dim = {n}, .src = {1}, .dst = {1}};
    assert_int_equal(move_copy(&row, 1, s, d, NULL, NULL), SARD_OK);
    assert_memory_equal(s, d, (size_t)n);
    free(s), free(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(boxes), cmocka_unit_test(empty_and_long)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
