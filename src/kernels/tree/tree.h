/*
 * tree.h -- ensembles of decision trees: scores of rows.
 *
 * A tree is made of tests x[feature] <= v (or == v); NaN goes to the side its flag names. A row leaves each tree at one
 * leaf, whose weights go to targets; per target they are aggregated in tree order. Every path finds the same leaves, and
 * only leaves decide what is added, so the bits do not depend on it.
 */
#ifndef SARD_KERNELS_TREE_TREE_H
#define SARD_KERNELS_TREE_TREE_H

#include "base/pool.h"
#include "sard/sard.h"

enum { TREE_EQUAL = 1, TREE_NAN_YES = 2, TREE_MAX_FEATURES = 1 << 24 };
typedef struct tree_test {
    double v; /* exact in the type of the forest */
    int32_t feature;
    int32_t yes, no; /* >= 0: a test; < 0: leaf ~yes, ~no */
    uint8_t flags;
} tree_test;

typedef struct tree_weight {
    int32_t target;
    double w; /* exact in the type of the forest */
} tree_weight;

typedef enum tree_aggregate { TREE_SUM, TREE_MIN, TREE_MAX } tree_aggregate;

typedef struct tree_model { /* what a forest is made from; copied */
    sard_dtype type;        /* SARD_F32 or SARD_F64: of rows, thresholds, weights and sums */
    tree_aggregate aggregate;
    const tree_test *tests;
    const int32_t *roots; /* like yes and no */
    const tree_weight *weights;
    const int32_t *leaf_at; /* weights of leaf l: [leaf_at[l], leaf_at[l + 1]) */
    int32_t n_tests, n_trees, n_leaves, n_targets;
    bool all_reached; /* a test that no root reaches is an error: it lies in a cycle */
} tree_model;

typedef struct tree_forest tree_forest;
/* Linear in the model. SARD_INVALID_MODEL when an index is out of range or a test has two parents (or is its own). */
sard_status tree_forest_new(const tree_model *m, tree_forest **out, sard_error *err);
void tree_forest_free(tree_forest *f);       /* NULL is fine */
int32_t tree_features(const tree_forest *f); /* one more than the largest feature that is tested */
size_t tree_forest_bytes(const tree_forest *f);

/* Bytes of scratch memory for tree_scores on that many threads; 0 on overflow. */
size_t tree_scratch(const tree_forest *f, int threads);
/* x: [n, features] of the forest's type, rows ld apart; scores: [n, n_targets] of that type, 0 where nothing was added;
 * has: [n, n_targets], 1 where something was (NULL: not wanted, of sums only). */
sard_status tree_scores(const tree_forest *f, const void *x, int64_t n, int64_t ld, void *scores, uint8_t *has,
                        void *scratch, const par *threads, sard_error *err);

#endif
