/*
 * Trees: scores on every instruction set against a walk of the tests themselves, bit for bit; trees of all sizes, tests
 * of both kinds, missing values, all numbers of rows; and models that are no trees.
 */
#include "kernels/kernel_test.h"
#include "kernels/tree/forest.h"

enum { FEATURES = 7, MAX_TESTS = 20000, MAX_TREES = 64, MAX_ROWS = 200, MAX_TARGETS = 3 };
static tree_test tests[MAX_TESTS];
static int32_t roots[MAX_TREES], leaf_at[2 * MAX_TESTS];
static tree_weight weights[4 * MAX_TESTS];
static const isa LEVELS[] = {ISA_REF, ISA_NEON, ISA_AVX2, ISA_AVX512};
static int rows_run[4], ranked_run[2]; /* of small trees, of large ones */

static double threshold(bool few) {
    if (few) return kt_below(50) ? (double)kt_below(100) / 16 - 3 : kt_below(2) ? (double)INFINITY : -(double)INFINITY;
    if (kt_below(40) == 0) return kt_below(2) ? (double)INFINITY : (double)NAN;
    return kt_below(4) ? (double)kt_real() : (double)kt_below(3);
}

/* A random tree of that many leaves: a leaf is split until there are enough. `few`: thresholds that can be ranked. */
static void add_tree(tree_model *m, int leaves, int flags, bool few) {
    int32_t *open[1024];
    int n = 1;
    open[0] = &roots[m->n_trees++];
    while (n < leaves) {
        int k = (int)kt_below(n);
        tree_test *t = &tests[m->n_tests];
        *open[k] = m->n_tests++;
        t->v = threshold(few);
        t->feature = (int32_t)kt_below(FEATURES);
        t->flags = (uint8_t)(kt_u32() & (unsigned)flags);
        open[k] = &t->yes, open[n++] = &t->no;
    }
    for (int i = 0; i < n; i++) *open[i] = ~m->n_leaves++;
}

static void add_weights(tree_model *m, bool simple) {
    int32_t n = 0;
    for (int32_t l = 0; l < m->n_leaves; l++) {
        leaf_at[l] = n;
        int k = simple ? 1 : (int)kt_below(4);
        for (int i = 0; i < k; i++)
            weights[n++] = (tree_weight){simple ? 0 : (int32_t)kt_below(m->n_targets), (double)kt_real()};
    }
    leaf_at[m->n_leaves] = n;
}

static int32_t walk(const tree_model *m, int32_t tree, const double *x) {
    int32_t p = m->roots[tree];
    while (p >= 0) {
        const tree_test *t = &m->tests[p];
        double a = x[t->feature];
        bool yes = t->flags & TREE_EQUAL ? a == t->v : a <= t->v;
        p = yes || (a != a && t->flags & TREE_NAN_YES) ? t->yes : t->no;
    }
    return ~p;
}

#define EXPECT(T, NAME)                                                                                                \
    static void NAME(const tree_model *m, const double *x, T *y, uint8_t *has) {                                       \
        for (int32_t t = 0; t < m->n_trees; t++) {                                                                     \
            int32_t l = walk(m, t, x);                                                                                 \
            for (int32_t i = m->leaf_at[l]; i < m->leaf_at[l + 1]; i++) {                                              \
                int32_t k = m->weights[i].target;                                                                      \
                T w = (T)m->weights[i].w;                                                                              \
                if (m->aggregate == TREE_SUM) y[k] += w;                                                               \
                if (m->aggregate == TREE_MIN && (!has[k] || w < y[k])) y[k] = w;                                       \
                if (m->aggregate == TREE_MAX && (!has[k] || w > y[k])) y[k] = w;                                       \
                has[k] = 1;                                                                                            \
            }                                                                                                          \
        }                                                                                                              \
    }
EXPECT(float, expect_f32)
EXPECT(double, expect_f64)

static void check(const tree_model *m, int rows) {
    static double x64[MAX_ROWS * FEATURES], y64[MAX_ROWS * MAX_TARGETS], want64[MAX_ROWS * MAX_TARGETS];
    static float x32[MAX_ROWS * FEATURES], y32[MAX_ROWS * MAX_TARGETS], want32[MAX_ROWS * MAX_TARGETS];
    static uint8_t has[MAX_ROWS * MAX_TARGETS], want_has[MAX_ROWS * MAX_TARGETS];
    bool wide = m->type == SARD_F64;
    tree_forest *f = NULL;
    sard_error err;
    int cells = rows * m->n_targets;
    assert_int_equal(tree_forest_new(m, &f, &err), SARD_OK);
    for (int i = 0; i < rows * FEATURES; i++) {
        x32[i] = kt_below(4) ? kt_float(KT_SPECIAL) : (float)kt_below(100) / 16 - 3;
        if (kt_below(3) == 0) x32[i] = (float)kt_below(3);
        x64[i] = (double)x32[i];
    }
    memset(want32, 0, sizeof want32), memset(want64, 0, sizeof want64), memset(want_has, 0, sizeof want_has);
    for (int r = 0; r < rows; r++) {
        if (wide)
            expect_f64(m, x64 + r * FEATURES, want64 + r * m->n_targets, want_has + r * m->n_targets);
        else
            expect_f32(m, x64 + r * FEATURES, want32 + r * m->n_targets, want_has + r * m->n_targets);
    }
    for (int32_t t = 0; f->limits && t < m->n_trees; t++)
        if (f->tree[t].n_choices > 0) ranked_run[f->tree[t].kind == TREE_NODES]++;
    kt_buffer scratch = kt_alloc(tree_scratch(f, 1), 0);
    for (int l = 0; l < 4; l++) {
        const tree_kernels *k = tree_kernels_for(LEVELS[l]);
        if (!k || !cpu_has(LEVELS[l])) continue;
        rows_run[l]++;
        const void *x = wide ? (const void *)x64 : (const void *)x32;
        void *y = wide ? (void *)y64 : (void *)y32;
        assert_int_equal(tree_scores_on(k, f, x, rows, FEATURES, y, has, scratch.p, NULL, &err), SARD_OK);
        int64_t at = wide ? kt_differ_f64(y64, want64, cells) : kt_differ(y32, want32, cells);
        if (at >= 0) fail_msg("%s, %d rows: score %lld differs", isa_name(LEVELS[l]), rows, (long long)at);
        assert_memory_equal(has, want_has, (size_t)cells);
        if (m->aggregate != TREE_SUM) continue;
        assert_int_equal(tree_scores_on(k, f, x, rows, FEATURES, y, NULL, scratch.p, NULL, &err), SARD_OK);
        assert_int_equal(wide ? kt_differ_f64(y64, want64, cells) : kt_differ(y32, want32, cells), -1);
    }
    kt_free(&scratch);
    tree_forest_free(f);
}

static void test_scores(void **state) {
    (void)state;
    static const int leaves[] = {1, 2, 5, 31, 32, 33, 63, 64, 65, 256, 257, 300},
                     counts[] = {1, 2, 3, 4, 15, 16, 17, 48, 64, 65, 200};
    for (int round = 0; round < 400; round++) {
        tree_model m = {.tests = tests, .roots = roots, .weights = weights, .leaf_at = leaf_at};
        bool simple = round % 2, mixed = round % 3 == 0, few = kt_below(2);
        int size = leaves[kt_below(12)], trees = 1 + (int)kt_below(40), flags = round % 5 ? TREE_NAN_YES : 3;
        m.type = round % 7 ? SARD_F32 : SARD_F64;
        m.aggregate = round % 4 < 2 ? TREE_SUM : round % 4 == 2 ? TREE_MIN : TREE_MAX;
        m.n_targets = 1 + (int32_t)kt_below(MAX_TARGETS);
        for (int t = 0; t < trees; t++) add_tree(&m, mixed ? leaves[kt_below(12)] : size, flags, few);
        for (int32_t i = 0; m.type == SARD_F32 && i < m.n_tests; i++) tests[i].v = (double)(float)tests[i].v;
        add_weights(&m, simple);
        check(&m, counts[kt_below(11)]);
    }
    assert_true(ranked_run[0] > 100 && ranked_run[1] > 100);
}

static void refused(const tree_model *m, const char *why) {
    tree_forest *f = NULL;
    sard_error err;
    assert_int_equal(tree_forest_new(m, &f, &err), SARD_INVALID_MODEL);
    if (!strstr(err.message, why)) fail_msg("\"%s\" does not say \"%s\"", err.message, why);
}

static void test_faults(void **state) {
    (void)state;
    tree_test t[] = {{.yes = 1, .no = ~0}, {.yes = ~1, .no = ~0}};
    int32_t root = 0, at[] = {0, 1, 2};
    tree_weight w[] = {{0, 1}, {0, 2}};
    tree_model m = {.type = SARD_F32,
                    .tests = t,
                    .roots = &root,
                    .weights = w,
                    .leaf_at = at,
                    .n_tests = 2,
                    .n_trees = 1,
                    .n_leaves = 2,
                    .n_targets = 1,
                    .all_reached = true};
    tree_forest *f = NULL;
    assert_int_equal(tree_forest_new(&m, &f, NULL), SARD_OK); /* a leaf may have two parents */
    tree_forest_free(f);
    t[1].no = 0, refused(&m, "reaches a node twice");
    t[1].no = 2, refused(&m, "refers to node 2 of 2");
    t[1].no = ~2, refused(&m, "refers to leaf 2 of 2");
    t[1].no = ~0, t[0].yes = ~0, refused(&m, "reached from no root");
    t[0].yes = 1, t[0].feature = -1, refused(&m, "feature -1");
    t[0].feature = 0, w[1].target = 1, refused(&m, "target 1 of 1");
}

static int print_rows(void **state) {
    (void)state;
    for (int l = 0; l < 4; l++) printf("tree %s: %d runs\n", isa_name(LEVELS[l]), rows_run[l]);
    return 0;
}

int main(void) {
    const struct CMUnitTest all[] = {cmocka_unit_test(test_scores), cmocka_unit_test(test_faults)};
    return cmocka_run_group_tests(all, NULL, print_rows);
}
