/*
 * forest.c -- a forest from its tests and leaves: checked and laid out in one walk, breadth first, tree by tree.
 */
#include "kernels/tree/forest.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

typedef struct build {
    const tree_model *m;
    tree_forest *f;
    int32_t *queue, *kid; /* of the tree at hand: references as in the model; place of the yes child */
    int32_t *place;       /* of a feature in used[], by feature */
    int32_t *at;          /* of a leaf: its number; of a test: its choice */
    uint8_t *seen;        /* tests */
    int32_t n, leaves, depth, reached;
} build;

/* ---- one tree, breadth first ---------------------------------------------------------------------------------------- */

static sard_status enter(build *b, int32_t tree, int32_t ref, sard_error *err) {
    if (ref < 0) {
        FAIL_IF(~ref >= b->m->n_leaves, err, SARD_INVALID_MODEL, "tree %d refers to leaf %d of %d", tree, ~ref,
                b->m->n_leaves);
        b->leaves++;
    } else {
        FAIL_IF(ref >= b->m->n_tests, err, SARD_INVALID_MODEL, "tree %d refers to node %d of %d", tree, ref,
                b->m->n_tests);
        FAIL_IF(b->seen[ref], err, SARD_INVALID_MODEL, "tree %d reaches a node twice: a cycle, or two parents", tree);
        b->seen[ref] = 1, b->reached++;
    }
    b->queue[b->n++] = ref;
    return SARD_OK;
}

static sard_status collect(build *b, int32_t tree, sard_error *err) {
    b->n = b->leaves = b->depth = 0;
    TRY(enter(b, tree, b->m->roots[tree], err));
    for (int32_t h = 0, level_end = 1; h < b->n; h++) {
        if (h == level_end) b->depth++, level_end = b->n;
        b->kid[h] = h;
        if (b->queue[h] < 0) continue;
        const tree_test *t = &b->m->tests[b->queue[h]];
        b->kid[h] = b->n;
        TRY(enter(b, tree, t->yes, err));
        TRY(enter(b, tree, t->no, err));
    }
    return SARD_OK;
}

/* ---- its forms ------------------------------------------------------------------------------------------------------ */

static void add_nodes(build *b, tree_info *t) {
    tree_forest *f = b->f;
    t->kind = TREE_NODES, t->first = f->n_nodes, t->depth = b->depth;
    for (int32_t h = 0; h < b->n; h++) {
        tree_node *q = &f->nodes[f->n_nodes++];
        int32_t ref = b->queue[h];
        const tree_test *s = ref < 0 ? NULL : &b->m->tests[ref];
        double v = s ? s->v : (double)__builtin_inf();
        *q = (tree_node){0};
        if (f->wide)
            q->v.f64 = v;
        else
            q->v.f32 = (float)v;
        q->kid = b->kid[h];
        q->f = s ? (uint32_t)(f->wide ? s->feature : b->place[s->feature]) : TREE_F_NAN;
        if (s && s->flags & TREE_EQUAL) q->f |= TREE_F_EQUAL;
        if (s && s->flags & TREE_NAN_YES) q->f |= TREE_F_NAN;
        f->slot_leaf[f->n_slots++] = s ? 0 : ~ref;
    }
}

static int group_of(const tree_test *t) {
    return (t->flags & TREE_EQUAL || t->v != t->v ? 2 : 0) + (t->flags & TREE_NAN_YES ? 1 : 0);
}

/* Leaves below node h get the next numbers, yes side first; tests of `group` are added. Returns the leaves' bits. */
static uint64_t add_span(build *b, int32_t h, int group, int32_t slot0, int *leaf) {
    tree_forest *f = b->f;
    int32_t ref = b->queue[h];
    if (ref < 0) {
        f->slot_leaf[slot0 + *leaf] = ~ref;
        b->at[h] = *leaf;
        return (uint64_t)1 << (*leaf)++;
    }
    const tree_test *t = &b->m->tests[ref];
    uint64_t yes = add_span(b, b->kid[h], group, slot0, leaf), no = add_span(b, b->kid[h] + 1, group, slot0, leaf);
    if (group_of(t) == group) {
        tree_bit *q = &f->bits[f->n_bits++];
        *q = (tree_bit){(float)t->v, b->place[t->feature], {(uint32_t)~yes, (uint32_t)(~yes >> 32)}};
    }
    return yes | no;
}

static void add_bits(build *b, tree_info *t) {
    tree_forest *f = b->f;
    t->kind = b->leaves <= 32 ? TREE_BITS32 : TREE_BITS64, t->first = f->n_bits;
    for (int g = 0; g < 4; g++) {
        int leaf = 0;
        add_span(b, 0, g, t->slot0, &leaf);
        t->end[g] = f->n_bits;
    }
    f->n_slots += b->leaves;
}

static uint32_t row_at(int32_t row) { return (uint32_t)row * TREE_ROW; }

/* The choices of a ranked tree, children first. Leaves of a tree that is also walked get numbers and slots of their own. */
static void add_choices(build *b, tree_info *t) {
    tree_forest *f = b->f;
    t->n_choices = -1;
    if (!f->ranked || b->leaves > TREE_RANKED_LEAVES) return;
    t->choice0 = f->n_choices, t->choice_slot0 = t->slot0, t->n_choices = 0, t->leaves = b->leaves;
    if (b->leaves > f->most_leaves) f->most_leaves = b->leaves;
    if (t->kind == TREE_NODES) {
        t->choice_slot0 = f->n_slots;
        for (int32_t h = 0; h < b->n; h++) {
            if (b->queue[h] >= 0) continue;
            b->at[h] = f->n_slots - t->choice_slot0;
            f->slot_leaf[f->n_slots++] = ~b->queue[h];
        }
    }
    for (int32_t h = b->n - 1; h >= 0; h--) {
        if (b->queue[h] < 0) continue;
        const tree_test *s = &b->m->tests[b->queue[h]];
        int32_t x = b->place[s->feature], rank = tree_rank(f, x, (float)s->v), yes = b->kid[h];
        f->ranked[f->n_choices++] =
            (tree_choice){(uint32_t)rank * 0x01010101u, row_at(x + (s->flags & TREE_NAN_YES ? f->n_used : 0)),
                          row_at(b->at[yes]), row_at(b->at[yes + 1])};
        b->at[h] = TREE_CHOICES + t->n_choices++;
    }
}

/* The target of all its leaves when each has one weight and all the same target; -1 else. */
static int32_t common_target(const build *b) {
    int32_t target = -1;
    for (int32_t h = 0; h < b->n; h++) {
        if (b->queue[h] >= 0) continue;
        int32_t leaf = ~b->queue[h], at = b->m->leaf_at[leaf];
        if (b->m->leaf_at[leaf + 1] != at + 1) return -1;
        if (target >= 0 && b->m->weights[at].target != target) return -1;
        target = b->m->weights[at].target;
    }
    return target;
}

/* ---- features, weights ---------------------------------------------------------------------------------------------- */

static sard_status find_features(build *b, sard_error *err) {
    tree_forest *f = b->f;
    for (int32_t i = 0; i < b->m->n_tests; i++) {
        int32_t k = b->m->tests[i].feature;
        FAIL_IF(k < 0 || k >= TREE_MAX_FEATURES, err, SARD_INVALID_MODEL, "feature %d; 0 to %d are possible", k,
                TREE_MAX_FEATURES - 1);
        if (k >= f->n_features) f->n_features = k + 1;
    }
    b->place = mem_calloc((size_t)f->n_features, sizeof *b->place);
    if (!b->place) return err_nomem(err, (size_t)f->n_features * sizeof *b->place);
    for (int32_t i = 0; i < b->m->n_tests; i++) b->place[b->m->tests[i].feature] = 1;
    for (int32_t k = 0; k < f->n_features; k++)
        if (b->place[k]) b->place[k] = f->n_used++;
    f->used = mem_alloc((size_t)f->n_used * sizeof *f->used);
    if (!f->used) return err_nomem(err, (size_t)f->n_used * sizeof *f->used);
    for (int32_t i = 0; i < b->m->n_tests; i++) f->used[b->place[b->m->tests[i].feature]] = b->m->tests[i].feature;
    return SARD_OK;
}

static sard_status copy_weights(build *b, sard_error *err) {
    tree_forest *f = b->f;
    const tree_model *m = b->m;
    int32_t n = m->leaf_at[m->n_leaves];
    f->leaf_at = mem_alloc(((size_t)m->n_leaves + 1) * sizeof *f->leaf_at);
    f->target = mem_alloc((size_t)n * sizeof *f->target);
    if (f->wide)
        f->w64 = mem_alloc((size_t)n * sizeof *f->w64);
    else
        f->w32 = mem_alloc((size_t)n * sizeof *f->w32);
    if (!f->leaf_at || !f->target || !(f->wide ? (void *)f->w64 : (void *)f->w32))
        return err_nomem(err, (size_t)n * sizeof *f->w64);
    memcpy(f->leaf_at, m->leaf_at, ((size_t)m->n_leaves + 1) * sizeof *f->leaf_at);
    for (int32_t i = 0; i < n; i++) {
        f->target[i] = m->weights[i].target;
        FAIL_IF(f->target[i] < 0 || f->target[i] >= m->n_targets, err, SARD_INVALID_MODEL,
                "a leaf adds to target %d of %d", f->target[i], m->n_targets);
        if (f->wide)
            f->w64[i] = m->weights[i].w;
        else
            f->w32[i] = (float)m->weights[i].w;
    }
    f->bytes += (size_t)n * (f->wide ? 12 : 8) + (size_t)m->n_leaves * 4;
    return SARD_OK;
}

/* ---- side by side --------------------------------------------------------------------------------------------------- */

/* Tests of the block's trees, rounded up to an even number; -1: not all of its trees can lie side by side. */
static int32_t side_length(const tree_forest *f, int32_t block) {
    int32_t n = 0;
    for (int32_t t = block * TREE_BLOCK; t < f->n_trees && t < (block + 1) * TREE_BLOCK; t++) {
        const tree_info *i = &f->tree[t];
        if (i->kind != TREE_BITS32 || i->end[3] != i->end[1]) return -1;
        if (i->end[3] - i->first > n) n = i->end[3] - i->first;
    }
    return n + (n & 1);
}

static sard_status lay_side(tree_forest *f, sard_error *err) {
    int32_t blocks = (f->n_trees + TREE_BLOCK - 1) / TREE_BLOCK, n = 0;
    f->side_at = mem_alloc(((size_t)blocks + 1) * sizeof *f->side_at);
    if (!f->side_at) return err_nomem(err, (size_t)blocks * sizeof *f->side_at);
    f->all_side = true;
    for (int32_t b = 0; b < blocks; b++) {
        int32_t length = side_length(f, b);
        f->side_at[b] = n, f->all_side &= length >= 0;
        if (length > 0) n += length;
    }
    f->side_at[blocks] = n;
    if (!f->all_side) return SARD_OK;
    f->side = mem_alloc((size_t)n * sizeof *f->side);
    if (!f->side) return err_nomem(err, (size_t)n * sizeof *f->side);
    for (int32_t b = 0; b < blocks; b++) {
        for (int32_t j = 0; j < f->side_at[b + 1] - f->side_at[b]; j++) {
            tree_side *s = &f->side[f->side_at[b] + j];
            for (int l = 0; l < TREE_BLOCK; l++) {
                int32_t t = b * TREE_BLOCK + l, at = t < f->n_trees ? f->tree[t].first + j : 0;
                bool there = t < f->n_trees && at < f->tree[t].end[1];
                const tree_bit *q = &f->bits[there ? at : 0];
                s->v[l] = there ? q->v : __builtin_inff();
                s->keep[l] = there ? (int32_t)q->keep[0] : -1;
                s->f[l] = there ? q->f + (at >= f->tree[t].end[0] ? f->n_used : 0) : 0;
            }
        }
    }
    f->bytes += (size_t)n * sizeof *f->side;
    return SARD_OK;
}

/* Values by slot: a simple forest's sums need no leaves. */
static sard_status lay_values(tree_forest *f, sard_error *err) {
    f->slot_value = mem_calloc((size_t)f->n_slots + 64, sizeof *f->slot_value);
    if (!f->slot_value) return err_nomem(err, (size_t)f->n_slots * sizeof *f->slot_value);
    for (int32_t i = 0; i < f->n_slots; i++) f->slot_value[i] = f->w32[f->leaf_at[f->slot_leaf[i]]];
    f->bytes += (size_t)f->n_slots * sizeof *f->slot_value;
    return SARD_OK;
}

/* ---- all ------------------------------------------------------------------------------------------------------------ */

static sard_status allocate(build *b, sard_error *err) {
    tree_forest *f = b->f;
    size_t tests = (size_t)b->m->n_tests, trees = (size_t)b->m->n_trees, n = 2 * tests + trees,
           slots = n + tests + trees;
    FAIL_IF(n > INT32_MAX / 4, err, SARD_UNSUPPORTED, "%zu tests in %zu trees are more than this engine takes", tests,
            trees);
    b->queue = mem_alloc(n * sizeof *b->queue), b->kid = mem_alloc(n * sizeof *b->kid);
    b->at = mem_alloc(n * sizeof *b->at), b->seen = mem_calloc(tests, 1);
    f->tree = mem_calloc(trees, sizeof *f->tree);
    f->bits = mem_alloc((f->wide ? 1 : tests + 1) * sizeof *f->bits);
    f->slot_leaf = mem_alloc(slots * sizeof *f->slot_leaf);
    if (!b->queue || !b->kid || !b->at || !b->seen || !f->tree || !f->bits || !f->slot_leaf)
        return err_nomem(err, slots * sizeof *b->queue);
    f->bits[0] = (tree_bit){0};
    return SARD_OK;
}

static sard_status fill(build *b, sard_error *err) {
    tree_forest *f = b->f;
    size_t cap = 0;
    TRY(allocate(b, err));
    TRY(find_features(b, err));
    TRY(copy_weights(b, err));
    TRY(tree_ranks_new(f, b->m, b->place, err));
    f->simple = !f->wide && f->aggregate == TREE_SUM;
    for (int32_t i = 0; i < f->n_trees; i++) {
        TRY(collect(b, i, err));
        f->tree[i].slot0 = f->n_slots;
        f->tree[i].target = common_target(b);
        f->simple &= f->tree[i].target >= 0;
        if (!f->wide && b->leaves <= 64) {
            add_bits(b, &f->tree[i]);
            add_choices(b, &f->tree[i]);
            continue;
        }
        if (mem_grow((void **)&f->nodes, &cap, (size_t)f->n_nodes + (size_t)b->n, sizeof *f->nodes))
            return err_nomem(err, ((size_t)f->n_nodes + (size_t)b->n) * sizeof *f->nodes);
        add_nodes(b, &f->tree[i]);
        add_choices(b, &f->tree[i]);
    }
    FAIL_IF(b->m->all_reached && b->reached != b->m->n_tests, err, SARD_INVALID_MODEL,
            "%d of %d inner nodes are reached from no root: there is a cycle", b->m->n_tests - b->reached,
            b->m->n_tests);
    f->bytes += (size_t)f->n_bits * sizeof *f->bits + (size_t)f->n_nodes * sizeof *f->nodes + (size_t)f->n_slots * 4;
    if (f->wide) return SARD_OK;
    if (f->simple) TRY(lay_values(f, err));
    return lay_side(f, err);
}

sard_status tree_forest_new(const tree_model *m, tree_forest **out, sard_error *err) {
    tree_forest *f = mem_calloc(1, sizeof *f);
    if (!f) return err_nomem(err, sizeof *f);
    f->aggregate = m->aggregate, f->wide = m->type == SARD_F64;
    f->n_trees = m->n_trees, f->n_targets = m->n_targets, f->bytes = sizeof *f;
    build b = {.m = m, .f = f};
    sard_status s = fill(&b, err);
    mem_free(b.queue), mem_free(b.kid), mem_free(b.at), mem_free(b.place), mem_free(b.seen);
    if (s != SARD_OK) {
        tree_forest_free(f);
        return s;
    }
    *out = f;
    return SARD_OK;
}

void tree_forest_free(tree_forest *f) {
    if (!f) return;
    mem_free(f->used), mem_free(f->tree), mem_free(f->bits), mem_free(f->nodes), mem_free(f->slot_leaf);
    mem_free(f->limits), mem_free(f->ranked);
    mem_free(f->slot_value), mem_free(f->side), mem_free(f->side_at), mem_free(f->leaf_at), mem_free(f->target);
    mem_free(f->w32), mem_free(f->w64);
    mem_free(f);
}

int32_t tree_features(const tree_forest *f) { return f->n_features; }
size_t tree_forest_bytes(const tree_forest *f) { return f->bytes; }
