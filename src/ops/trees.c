/*
 * trees.c -- lists of nodes into a forest. Every node becomes one test `x <= v` or `x == v`, by taking the next smaller
 * threshold for < and by exchanging its children for >, >= and !=.
 */
#include "ops/trees.h"

#include <math.h>

#include "base/half.h"

sard_status trees_list_of(const op_prep *p, int floats, int tensor_at, trees_list *out, sard_error *err) {
    const attr *f = prep_attr(p, (uint32_t)floats), *t = prep_attr(p, (uint32_t)tensor_at);
    *out = (trees_list){0};
    FAIL_IF(attr_n_floats(f) && t->type == ATTR_TENSOR, err, SARD_INVALID_MODEL,
            "a list is given as floats and as a tensor");
    if (t->type == ATTR_TENSOR) {
        out->t = mod_const_tensor(p->mod, t->tensor);
        FAIL_IF(!out->t || !dtype_in(out->t->dtype, DT(SARD_F32) | DT(SARD_F64) | DT(SARD_F16)), err,
                SARD_INVALID_MODEL, "a list's tensor is not of floats");
        out->n = (size_t)tensor_count(out->t);
    } else if (f->type == ATTR_FLOATS) {
        out->f = f->floats.v, out->n = f->floats.n;
    }
    return SARD_OK;
}

double trees_list_at(const trees_list *l, size_t i) {
    return l->t ? tensor_get_f64(l->t, (int64_t)i) : (double)l->f[i];
}

/* ---- tests ---------------------------------------------------------------------------------------------------------- */

/* The largest number below v; NaN when there is none. */
static double below(double v, sard_dtype type) {
    uint32_t s;
    uint64_t u;
    if (v != v || (v < 0 && v - v != 0)) return NAN;
    if (type == SARD_F64) {
        if (v == 0) return -0x1p-1074;
        memcpy(&u, &v, sizeof u);
        u += v > 0 ? (uint64_t)-1 : 1;
        memcpy(&v, &u, sizeof v);
        return v;
    }
    if (v == 0) return -0x1p-149;
    s = f32_bits((float)v);
    return (double)bits_f32(v > 0 ? s - 1 : s + 1);
}

tree_test trees_normal(int mode, double v, bool missing_yes, int32_t feature, int32_t yes, int32_t no,
                       sard_dtype type) {
    tree_test t = {.v = v, .feature = feature, .yes = yes, .no = no, .flags = missing_yes ? TREE_NAN_YES : 0};
    bool nan = v != v, turn = (mode == 2 || mode == 3) && !nan;
    if (mode == 1 || mode == 2) t.v = below(v, type);
    if (mode == 4 || mode == 5) t.flags |= TREE_EQUAL;
    if (mode == 5) t.flags &= (uint8_t)~TREE_NAN_YES; /* NaN != v holds */
    if (turn) t.flags ^= TREE_NAN_YES;
    if (turn || mode == 5) t.yes = no, t.no = yes;
    if (t.v != t.v) t.flags |= TREE_EQUAL; /* never holds */
    return t;
}

static int mode_of(str s) {
    static const char *const names[] = {"BRANCH_LEQ", "BRANCH_LT",  "BRANCH_GTE", "BRANCH_GT",
                                        "BRANCH_EQ",  "BRANCH_NEQ", "LEAF"};
    for (int i = 0; i < 7; i++)
        if (str_is(s, names[i])) return i;
    return -1;
}

/* ---- the lists ------------------------------------------------------------------------------------------------------ */

typedef struct load {
    const op_prep *p;
    const trees_attrs *a;
    trees *s;
    size_t n; /* nodes */
    const int64_t *tree, *id, *yes, *no, *feature, *missing;
    const str *mode;
    trees_list value, weight;
    map64 place;  /* (tree, node) -> node of the list */
    map64 rooted; /* tree -> its root */
    int32_t *ref; /* per node: its test, or ~leaf */
    uint8_t *child;
    tree_test *tests;
    int32_t *roots, *leaf_at;
    tree_weight *weights;
    int32_t n_tests, n_leaves, n_roots;
} load;

static sard_status ints(const load *l, int at, const char *name, const int64_t **out, bool optional, sard_error *err) {
    const attr *a = prep_attr(l->p, (uint32_t)at);
    *out = NULL;
    if (optional && attr_n_ints(a) == 0) return SARD_OK;
    FAIL_IF(attr_n_ints(a) != l->n, err, SARD_INVALID_MODEL, "%s has %zu elements; there are %zu nodes", name,
            attr_n_ints(a), l->n);
    *out = a->type == ATTR_INTS ? a->ints.v : NULL;
    return SARD_OK;
}

static sard_status read_lists(load *l, sard_error *err) {
    const trees_attrs *a = l->a;
    const attr *modes = prep_attr(l->p, (uint32_t)a->modes);
    l->n = attr_n_ints(prep_attr(l->p, (uint32_t)a->nodeids));
    FAIL_IF(l->n > INT32_MAX / 8, err, SARD_UNSUPPORTED, "%zu nodes are more than this engine takes", l->n);
    TRY(ints(l, a->nodeids, "nodes_nodeids", &l->id, false, err));
    TRY(ints(l, a->treeids, "nodes_treeids", &l->tree, false, err));
    TRY(ints(l, a->featureids, "nodes_featureids", &l->feature, false, err));
    TRY(ints(l, a->truenodeids, "nodes_truenodeids", &l->yes, false, err));
    TRY(ints(l, a->falsenodeids, "nodes_falsenodeids", &l->no, false, err));
    TRY(ints(l, a->missing, "nodes_missing_value_tracks_true", &l->missing, true, err));
    TRY(trees_list_of(l->p, a->values, a->values_tensor, &l->value, err));
    TRY(trees_list_of(l->p, a->weights, a->weights_tensor, &l->weight, err));
    FAIL_IF(attr_n_strs(modes) != l->n, err, SARD_INVALID_MODEL, "nodes_modes has %zu elements; there are %zu nodes",
            attr_n_strs(modes), l->n);
    FAIL_IF(l->value.n != l->n, err, SARD_INVALID_MODEL, "nodes_values has %zu elements; there are %zu nodes",
            l->value.n, l->n);
    l->mode = modes->type == ATTR_STRINGS ? modes->strs.v : NULL;
    return SARD_OK;
}

static sard_status key_of(int64_t tree, int64_t node, uint64_t *key, sard_error *err) {
    FAIL_IF(tree < 0 || tree > INT32_MAX || node < 0 || node > INT32_MAX, err, SARD_INVALID_MODEL,
            "node %lld of tree %lld: numbers from 0 to 2^31 - 1 are possible", (long long)node, (long long)tree);
    *key = (uint64_t)tree << 32 | (uint64_t)node;
    return SARD_OK;
}

static sard_status find(const load *l, int64_t tree, int64_t node, uint64_t *at, sard_error *err) {
    uint64_t key = 0;
    TRY(key_of(tree, node, &key, err));
    FAIL_IF(!map_get(&l->place, key, at), err, SARD_INVALID_MODEL, "tree %lld has no node %lld", (long long)tree,
            (long long)node);
    return SARD_OK;
}

static sard_status number_nodes(load *l, sard_error *err) {
    for (size_t i = 0; i < l->n; i++) {
        uint64_t key = 0, other;
        int mode = mode_of(l->mode[i]);
        TRY(key_of(l->tree[i], l->id[i], &key, err));
        FAIL_IF(map_get(&l->place, key, &other), err, SARD_INVALID_MODEL, "tree %lld has two nodes %lld",
                (long long)l->tree[i], (long long)l->id[i]);
        FAIL_IF(mode < 0, err, SARD_INVALID_MODEL, "node %zu has mode \"%.*s\", which is none", i, (int)l->mode[i].n,
                l->mode[i].p);
        if (map_put(&l->place, key, i)) return err_nomem(err, l->n * 16);
        l->ref[i] = mode == 6 ? ~l->n_leaves++ : l->n_tests++;
    }
    return SARD_OK;
}

static sard_status make_tests(load *l, sard_error *err) {
    for (size_t i = 0; i < l->n; i++) {
        uint64_t yes, no;
        if (l->ref[i] < 0) continue;
        TRY(find(l, l->tree[i], l->yes[i], &yes, err));
        TRY(find(l, l->tree[i], l->no[i], &no, err));
        FAIL_IF(l->feature[i] < 0 || l->feature[i] >= TREE_MAX_FEATURES, err, SARD_INVALID_MODEL,
                "node %zu tests feature %lld; 0 to %d are possible", i, (long long)l->feature[i],
                TREE_MAX_FEATURES - 1);
        l->child[yes] = l->child[no] = 1;
        l->tests[l->ref[i]] =
            trees_normal(mode_of(l->mode[i]), trees_list_at(&l->value, i), l->missing && l->missing[i],
                         (int32_t)l->feature[i], l->ref[yes], l->ref[no], l->s->type);
    }
    for (size_t i = 0; i < l->n; i++) {
        uint64_t other;
        if (l->child[i]) continue;
        FAIL_IF(map_get(&l->rooted, (uint64_t)l->tree[i], &other), err, SARD_INVALID_MODEL,
                "tree %lld has two roots, nodes %lld and %lld", (long long)l->tree[i], (long long)l->id[other],
                (long long)l->id[i]);
        if (map_put(&l->rooted, (uint64_t)l->tree[i], i)) return err_nomem(err, l->n * 16);
        l->roots[l->n_roots++] = l->ref[i];
    }
    return SARD_OK;
}

/* Weights are sorted by leaf (counting), in their order within one. */
static sard_status make_weights(load *l, sard_error *err) {
    const attr *t = prep_attr(l->p, (uint32_t)l->a->weight_treeids),
               *n = prep_attr(l->p, (uint32_t)l->a->weight_nodeids), *id = prep_attr(l->p, (uint32_t)l->a->weight_ids);
    size_t k = l->weight.n;
    FAIL_IF(attr_n_ints(t) != k || attr_n_ints(n) != k || attr_n_ints(id) != k, err, SARD_INVALID_MODEL,
            "the lists of weights have %zu, %zu, %zu and %zu elements; they must be equally long", attr_n_ints(t),
            attr_n_ints(n), attr_n_ints(id), k);
    FAIL_IF(k > INT32_MAX / 8, err, SARD_UNSUPPORTED, "%zu weights are more than this engine takes", k);
    l->weights = mem_alloc((k + 1) * sizeof *l->weights);
    int32_t *leaf = mem_alloc((k + 1) * sizeof *leaf);
    sard_status s = l->weights && leaf ? SARD_OK : err_nomem(err, k * sizeof *l->weights);
    for (size_t i = 0; i < k && s == SARD_OK; i++) {
        uint64_t at;
        s = find(l, t->ints.v[i], n->ints.v[i], &at, err);
        if (s != SARD_OK) break;
        leaf[i] = l->ref[at] < 0 ? ~l->ref[at] : -1; /* a weight of an inner node counts for nothing */
        if (leaf[i] >= 0) l->leaf_at[leaf[i] + 1]++;
        if (id->ints.v[i] < 0 || id->ints.v[i] >= l->s->n_targets)
            s = err_set(err, SARD_INVALID_MODEL, "weight %zu is for target %lld of %lld", i, (long long)id->ints.v[i],
                        (long long)l->s->n_targets);
        l->s->any_negative |= trees_list_at(&l->weight, i) < 0;
        l->s->one_id &= id->ints.v[i] == id->ints.v[0];
    }
    for (int32_t i = 0; i < l->n_leaves && s == SARD_OK; i++) l->leaf_at[i + 1] += l->leaf_at[i];
    for (size_t i = k; i-- > 0 && s == SARD_OK;) { /* from behind: leaf_at[leaf + 1] goes down to the leaf's first */
        if (leaf[i] < 0) continue;
        tree_weight *w = &l->weights[--l->leaf_at[leaf[i] + 1]];
        *w = (tree_weight){(int32_t)id->ints.v[i], trees_list_at(&l->weight, i)};
    }
    /* now leaf_at[l + 1] is the first of leaf l */
    if (s == SARD_OK) {
        int32_t total = 0;
        for (size_t i = 0; i < k; i++) total += leaf[i] >= 0;
        memmove(l->leaf_at, l->leaf_at + 1, (size_t)l->n_leaves * sizeof *l->leaf_at);
        l->leaf_at[l->n_leaves] = total;
    }
    mem_free(leaf);
    return s;
}

static sard_status load_all(load *l, tree_aggregate how, sard_error *err) {
    TRY(read_lists(l, err));
    l->ref = mem_alloc((l->n + 1) * sizeof *l->ref), l->child = mem_calloc(l->n + 1, 1);
    l->tests = mem_alloc((l->n + 1) * sizeof *l->tests), l->roots = mem_alloc((l->n + 1) * sizeof *l->roots);
    l->leaf_at = mem_calloc(l->n + 2, sizeof *l->leaf_at);
    if (!l->ref || !l->child || !l->tests || !l->roots || !l->leaf_at) return err_nomem(err, l->n * sizeof *l->tests);
    TRY(number_nodes(l, err));
    TRY(make_tests(l, err));
    TRY(make_weights(l, err));
    FAIL_IF(l->n > 0 && l->n_roots == 0, err, SARD_INVALID_MODEL, "no node is a root: the trees are cycles");
    tree_model m = {.type = l->s->type,
                    .aggregate = how,
                    .tests = l->tests,
                    .roots = l->roots,
                    .weights = l->weights,
                    .leaf_at = l->leaf_at,
                    .n_tests = l->n_tests,
                    .n_trees = l->n_roots,
                    .n_leaves = l->n_leaves,
                    .n_targets = (int32_t)l->s->n_targets,
                    .all_reached = true};
    l->s->n_trees = l->n_roots;
    TRY(tree_forest_new(&m, &l->s->forest, err));
    *l->p->packed += tree_forest_bytes(l->s->forest);
    return SARD_OK;
}

sard_status trees_load(const op_prep *p, const trees_attrs *a, tree_aggregate how, trees *s, sard_error *err) {
    load l = {.p = p, .a = a, .s = s};
    s->one_id = true;
    sard_status status = load_all(&l, how, err);
    map_free(&l.place), map_free(&l.rooted);
    mem_free(l.ref), mem_free(l.child), mem_free(l.tests), mem_free(l.roots), mem_free(l.leaf_at), mem_free(l.weights);
    return status;
}

sard_status trees_base(const op_prep *p, int floats, int tensor_at, trees *s, sard_error *err) {
    trees_list l;
    TRY(trees_list_of(p, floats, tensor_at, &l, err));
    s->base = mem_alloc((l.n + 1) * sizeof *s->base);
    if (!s->base) return err_nomem(err, l.n * sizeof *s->base);
    for (size_t i = 0; i < l.n; i++) s->base[i] = trees_list_at(&l, i);
    s->n_base = l.n;
    return SARD_OK;
}

void trees_drop(void *state) {
    trees *s = state;
    if (!s) return;
    tree_forest_free(s->forest);
    mem_free(s->base), mem_free(s);
}

/* ---- running -------------------------------------------------------------------------------------------------------- */

sard_status trees_run(const trees *s, op_ctx *c, void *into, void **scores, uint8_t **has, int64_t *rows,
                      sard_error *err) {
    const tensor *x = op_in(c, 0);
    const void *data;
    void *scratch, *flags;
    int64_t cols, cells;
    TRY(ml_matrix(x, rows, &cols, err));
    FAIL_IF(*rows > 0 && cols < tree_features(s->forest), err, SARD_INVALID_ARGUMENT,
            "X has %lld features; the trees test feature %d", (long long)cols, tree_features(s->forest) - 1);
    FAIL_IF(mul_i64(*rows, s->n_targets, &cells), err, SARD_LIMIT, "%lld rows of %lld scores are too large",
            (long long)*rows, (long long)s->n_targets);
    TRY(ml_elements(c, x, s->type, &data, err));
    *scores = into;
    if (!into) TRY(op_scratch(c, (size_t)cells * (s->type == SARD_F64 ? 8 : 4), scores, err));
    if (has) {
        TRY(op_scratch(c, (size_t)cells, &flags, err));
        *has = flags;
    }
    size_t bytes = tree_scratch(s->forest, par_threads(op_par(c)));
    FAIL_IF(!bytes, err, SARD_LIMIT, "the scratch memory of %lld targets is too large", (long long)s->n_targets);
    TRY(op_scratch(c, bytes, &scratch, err));
    return tree_scores(s->forest, data, *rows, cols, *scores, has ? *has : NULL, scratch, op_par(c), err);
}
