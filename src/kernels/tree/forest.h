/*
 * forest.h -- how a forest lies in memory; private to this family.
 *
 * Trees of at most 64 leaves are bit vectors (QuickScorer; Lucchese et al., SIGIR 2015): leaves are numbered from the
 * yes side, every test of the tree is made, one that fails clears the leaves of its yes side, and the lowest bit left
 * is the row's leaf. Nothing depends on an earlier test, reads are contiguous. Larger trees, and all of doubles, are
 * walked: nodes in breadth-first order, children adjacent, a leaf is its own child.
 *
 * Where a forest has many tests and no feature more than 255 thresholds, rows are ranked first: a byte tells where a
 * number stands among its feature's thresholds. A tree of at most 256 leaves is then a list of choices, children before
 * parents: a test picks the yes or the no child's leaf for a whole tile of rows, a byte each; the last one is the root's.
 *
 * A row's way out of a tree is a slot; slots of all trees are numbered through.
 */
#ifndef SARD_KERNELS_TREE_FOREST_H
#define SARD_KERNELS_TREE_FOREST_H

#include "base/cpu.h"
#include "kernels/tree/tree.h"

#define TREE_F_INDEX 0x0fffffffu
#define TREE_F_EQUAL 0x40000000u
#define TREE_F_NAN   0x80000000u

typedef struct tree_bit { /* 16 bytes */
    float v;
    int32_t f;        /* place in used[] */
    uint32_t keep[2]; /* leaves that stay when the test fails */
} tree_bit;

typedef struct tree_node { /* 16 bytes: f32 in the low word of v's place */
    union {
        float f32;
        double f64;
    } v;
    uint32_t f;  /* TREE_F_... */
    int32_t kid; /* place of the yes child in the tree, the no child is next */
} tree_node;

/* Choices lie half a page beside the leaves: a load from the place in a page that was just stored to is slow. */
enum {
    TREE_RANKS = 255,
    TREE_RANKED_LEAVES = 256,
    TREE_CHOICES = TREE_RANKED_LEAVES + 32,
    TREE_LEAF_ROWS = TREE_CHOICES + 256
};
enum { TREE_ROW = 64 }; /* bytes: the largest tile */
enum { TREE_LEAF_BYTES = TREE_LEAF_ROWS * TREE_ROW };
enum { TREE_PAIRED_LEAVES = 128 }; /* of the largest trees that two tiles take side by side: it all stays near */
enum { TREE_RANKS_PAY = 112 };     /* tests per feature from which ranking the rows is repaid; half for large trees */
typedef struct tree_limits {       /* a feature's thresholds, ascending, then infinity: number k is v[k % 16][k / 16] */
    float v[16][16];
    int32_t n;
} tree_limits;

typedef struct tree_choice { /* 16 bytes */
    uint32_t limit;          /* the threshold's rank, four times */
    /* In bytes, TREE_ROW to a tile: of the feature in the ranks; of a leaf, or behind all leaves one of this tree's
     * choices. */
    uint32_t x, yes, no;
} tree_choice;

typedef enum tree_kind { TREE_BITS32, TREE_BITS64, TREE_NODES } tree_kind;
typedef struct tree_info {
    uint8_t kind;
    int32_t first;  /* of bits or nodes */
    int32_t end[4]; /* of bits: groups <=, <= NaN yes, ==, == NaN yes */
    int32_t slot0, depth;
    int32_t choice0, n_choices; /* n_choices < 0: not ranked */
    int32_t choice_slot0, leaves;
    int32_t target; /* of all its leaves' one weight; -1: leaves are not that simple */
} tree_info;

enum { TREE_BLOCK = 16 };  /* trees side by side, for few rows */
typedef struct tree_side { /* test j of 16 trees */
    float v[TREE_BLOCK];
    int32_t keep[TREE_BLOCK];
    int32_t f[TREE_BLOCK]; /* of a row and its copy in which NaN is -inf */
} tree_side;

struct tree_forest {
    tree_aggregate aggregate;
    bool wide;     /* doubles */
    bool all_side; /* every block of trees lies side by side */
    bool simple;   /* every tree has a target: sums of one weight each */
    int32_t n_trees, n_targets, n_used, n_features, n_slots, n_bits, n_nodes;
    int32_t *used; /* features tested, in order */
    tree_info *tree;
    tree_bit *bits;
    tree_node *nodes;
    int32_t *slot_leaf;
    float *slot_value;   /* simple forests of f32 */
    tree_limits *limits; /* per used feature; NULL: not ranked */
    tree_choice *ranked;
    int32_t n_choices, most_leaves; /* of a ranked tree */
    tree_side *side;                /* blocks of trees side by side */
    int32_t *side_at;               /* per block: its first; one more at the end */
    int32_t *leaf_at, *target;      /* weights of leaf l: [leaf_at[l], leaf_at[l + 1]) */
    float *w32;
    double *w64;
    size_t bytes;
};

typedef struct tree_kernels {
    int tile; /* rows at a time */
    /* The used columns of a tile's rows, rows ld apart: xt[n_used][tile], the first row where there are no more. */
    void (*columns)(const tree_forest *f, const float *x, int64_t ld, int rows, float *xt);
    /* Slots of trees [t0, t1): out[(t - t0) * tile + row]. xt: [n_used][tile]; `rows` of the tile are needed. */
    void (*slots)(const tree_forest *f, int32_t t0, int32_t t1, const float *xt, int rows, int32_t *out);
    /* Ranks of a tile, bytes: out[feature * TREE_ROW + row], then the same with NaN below everything. */
    void (*ranks)(const tree_forest *f, const float *xt, uint8_t *out);
    /* As slots, of trees that are ranked; leaf: [TREE_LEAF_ROWS][TREE_ROW], row l all l for every leaf l. */
    void (*choose)(const tree_forest *f, int32_t t0, int32_t t1, const uint8_t *ranks, uint8_t *leaf, int32_t *out);
    /* The same with their values added, of simple forests, of one tile or two: the second's ranks tree_ranks_bytes behind
     * the first's, its leaves TREE_LEAF_BYTES; acc: for each [n_targets][tile]. */
    void (*choose_sum)(const tree_forest *f, int32_t t0, int32_t t1, const uint8_t *ranks, uint8_t *leaf, int tiles,
                       float *acc);
    /* Slots of the trees of a block that lie side by side, for one row: x2 has n_used values, then with NaN as -inf. */
    void (*side)(const tree_side *s, int n, const float *x2, int32_t *local);
    /* acc[i] += value[slot[i]] for a tile */
    void (*add)(const float *value, const int32_t *slot, float *acc);
} tree_kernels;

/* Bytes of a tile's ranks. */
static inline size_t tree_ranks_bytes(const tree_forest *f) { return (size_t)f->n_used * (2 * TREE_ROW); }

/* Thresholds of all tests, ranked, and room for the choices, where that pays; place: of a feature in used[]. */
sard_status tree_ranks_new(tree_forest *f, const tree_model *m, const int32_t *place, sard_error *err);
int32_t tree_rank(const tree_forest *f, int32_t place, float v); /* of a threshold */

const tree_kernels *tree_kernels_for(isa level); /* NULL when the build has no such row */
const tree_kernels *tree_kernels_best(void);
sard_status tree_scores_on(const tree_kernels *k, const tree_forest *f, const void *x, int64_t n, int64_t ld,
                           void *scores, uint8_t *has, void *scratch, const par *threads, sard_error *err);

#endif
