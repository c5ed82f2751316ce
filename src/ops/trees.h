/*
 * trees.h -- tree ensembles as the three operators of ai.onnx.ml have them, made into one forest.
 */
#ifndef SARD_OPS_TREES_H
#define SARD_OPS_TREES_H

#include "kernels/tree/tree.h"
#include "ops/ml.h"

/* The lists of nodes (versions 1 to 4 of the classifier and the regressor): places in the operator's attribute table. */
typedef struct trees_attrs {
    int falsenodeids, featureids, missing, modes, nodeids, treeids, truenodeids, values, values_tensor;
    int weight_treeids, weight_nodeids, weight_ids, weights, weights_tensor;
} trees_attrs;

typedef struct trees { /* state of the operators */
    tree_forest *forest;
    sard_dtype type; /* F32 or F64, of the sums */
    int64_t n_targets, n_trees;
    ml_post post;
    bool average, sum; /* not the smallest or largest */
    double *base;      /* n_base values */
    size_t n_base;
    bool any_negative, one_id; /* weights below 0; all weights go to one target */
} trees;

/* A list of numbers given as floats or as a tensor. */
typedef struct trees_list {
    const float *f;
    const tensor *t;
    size_t n;
} trees_list;
sard_status trees_list_of(const op_prep *p, int floats, int tensor_at, trees_list *out, sard_error *err);
double trees_list_at(const trees_list *l, size_t i);

/* A node's mode, threshold and what missing values do, as one test; modes as TreeEnsemble numbers them (0 <= 1 < 2 >=
 * 3 > 4 == 5 !=). */
tree_test trees_normal(int mode, double v, bool missing_yes, int32_t feature, int32_t yes, int32_t no, sard_dtype type);
/* s->forest from the lists of nodes, aggregated so. s->type and s->n_targets are set by the caller. */
sard_status trees_load(const op_prep *p, const trees_attrs *a, tree_aggregate how, trees *s, sard_error *err);
sard_status trees_base(const op_prep *p, int floats, int tensor_at, trees *s, sard_error *err);
void trees_drop(void *state);

/* Input 0 through the forest: *scores is [*rows, n_targets] of s->type and *has the same of flags (NULL: not wanted).
 * into: where the scores go (NULL: scratch memory). */
sard_status trees_run(const trees *s, op_ctx *c, void *into, void **scores, uint8_t **has, int64_t *rows,
                      sard_error *err);

#endif
