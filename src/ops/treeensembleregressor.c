/*
 * TreeEnsembleRegressor -- trees whose leaves add to targets; and TreeEnsemble, its successor, whose lists hold inner
 * nodes and leaves apart, and which knows tests of membership in a set.
 *
 *   3: thresholds, weights and base values as tensors (doubles)    5 (TreeEnsembleRegressor): deprecated
 * A test of membership is a chain of tests of equality: all but the last member go to copies of the true side.
 */
#include "ops/trees.h"

/* ---- what both do with the scores ------------------------------------------------------------------------------------ */

typedef struct finish_job {
    const trees *s;
    const void *from; /* scores of s->type */
    const tensor *y;
} finish_job;

static sard_status finish_some(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    (void)worker, (void)err;
    const finish_job *j = arg;
    const trees *s = j->s;
    for (int64_t i = from * s->n_targets; i < to * s->n_targets; i++) {
        double base = s->n_base ? s->base[i % s->n_targets] : 0;
        if (s->type == SARD_F32) {
            float v = ((const float *)j->from)[i];
            if (s->average) v /= (float)s->n_trees;
            if (s->n_base) v += (float)base;
            if (j->y->dtype == SARD_F32)
                TENSOR_AT(j->y, float)[i] = v;
            else
                tensor_set_f64((tensor *)(uintptr_t)j->y, i, (double)v);
        } else {
            double v = ((const double *)j->from)[i];
            if (s->average) v /= (double)s->n_trees;
            if (s->n_base) v += base;
            tensor_set_f64((tensor *)(uintptr_t)j->y, i, v);
        }
    }
    return SARD_OK;
}

static sard_status score(const trees *s, op_ctx *c, sard_dtype type, sard_error *err) {
    const tensor *x = op_in(c, 0);
    int64_t rows, cols;
    TRY(ml_matrix(x, &rows, &cols, err));
    shape sh = {2, {rows, s->n_targets}};
    tensor *y;
    TRY(op_out(c, 0, type, &sh, &y, err));
    finish_job j = {.s = s, .y = y};
    /* one target: transforms over several, and the logistic one, leave it as it is, as in onnxruntime */
    ml_post post = s->n_targets == 1 && s->post != POST_PROBIT ? POST_NONE : s->post;
    void *scores, *out = tensor_data(y);
    uint8_t *has;
    TRY(trees_run(s, c, s->type == type ? out : NULL, &scores, s->sum ? NULL : &has, &rows, err));
    j.from = scores;
    if (scores != out || s->average || s->n_base) TRY(par_for(op_par(c), rows, 4096, finish_some, &j, err));
    if (type != SARD_F16) return ml_post_rows(c, post, type, out, rows, s->n_targets, err);
    if (post == POST_NONE) return SARD_OK;
    float *wide = scores; /* rounded once, behind the transform: its input is the float before */
    int64_t n = rows * s->n_targets;
    for (int64_t i = 0; i < n; i++) {
        if (s->average) wide[i] /= (float)s->n_trees;
        if (s->n_base) wide[i] += (float)s->base[i % s->n_targets];
    }
    TRY(ml_post_rows(c, post, SARD_F32, wide, rows, s->n_targets, err));
    for (int64_t i = 0; i < n; i++) tensor_set_f64(y, i, (double)wide[i]);
    return SARD_OK;
}

static const tree_aggregate HOW[] = {TREE_SUM, TREE_SUM, TREE_MIN, TREE_MAX}; /* AVERAGE, SUM, MIN, MAX */

static sard_status new_state(const attr *n_targets, trees **out, sard_error *err) {
    int64_t n = n_targets->type == ATTR_INT ? n_targets->i : 1;
    FAIL_IF(n < 1 || n > INT32_MAX, err, SARD_INVALID_MODEL, "n_targets is %lld; it must be positive", (long long)n);
    trees *s = mem_calloc(1, sizeof *s);
    if (!s) return err_nomem(err, sizeof *s);
    s->n_targets = n;
    *out = s;
    return SARD_OK;
}

/* ---- TreeEnsembleRegressor ------------------------------------------------------------------------------------------- */

enum {
    R_AGGREGATE,
    R_BASE,
    R_BASE_T,
    R_TARGETS,
    R_FALSE,
    R_FEATURE,
    R_HIT,
    R_HIT_T,
    R_MISSING,
    R_MODES,
    R_NODE,
    R_TREE,
    R_TRUE,
    R_VALUES,
    R_VALUES_T,
    R_POST,
    R_IDS,
    R_W_NODE,
    R_W_TREE,
    R_WEIGHTS,
    R_WEIGHTS_T
};
static const attr_def regressor_attrs[] = {
    ATTR_S("aggregate_function", "SUM"),
    ATTR_OPT("base_values", ATTR_FLOATS),
    ATTR_OPT("base_values_as_tensor", ATTR_TENSOR),
    ATTR_OPT("n_targets", ATTR_INT),
    ATTR_OPT("nodes_falsenodeids", ATTR_INTS),
    ATTR_OPT("nodes_featureids", ATTR_INTS),
    ATTR_OPT("nodes_hitrates", ATTR_FLOATS),
    ATTR_OPT("nodes_hitrates_as_tensor", ATTR_TENSOR),
    ATTR_OPT("nodes_missing_value_tracks_true", ATTR_INTS),
    ATTR_OPT("nodes_modes", ATTR_STRINGS),
    ATTR_OPT("nodes_nodeids", ATTR_INTS),
    ATTR_OPT("nodes_treeids", ATTR_INTS),
    ATTR_OPT("nodes_truenodeids", ATTR_INTS),
    ATTR_OPT("nodes_values", ATTR_FLOATS),
    ATTR_OPT("nodes_values_as_tensor", ATTR_TENSOR),
    ATTR_S("post_transform", "NONE"),
    ATTR_OPT("target_ids", ATTR_INTS),
    ATTR_OPT("target_nodeids", ATTR_INTS),
    ATTR_OPT("target_treeids", ATTR_INTS),
    ATTR_OPT("target_weights", ATTR_FLOATS),
    ATTR_OPT("target_weights_as_tensor", ATTR_TENSOR),
};
static const formal regressor_in[] = {{.name = "X", .var = "T", .types = ML_INPUT}};
static const formal regressor_out[] = {{.name = "Y", .types = DT(SARD_F32)}};
static const trees_attrs regressor_lists = {R_FALSE,  R_FEATURE,  R_MISSING, R_MODES,  R_NODE, R_TREE,    R_TRUE,
                                            R_VALUES, R_VALUES_T, R_W_TREE,  R_W_NODE, R_IDS,  R_WEIGHTS, R_WEIGHTS_T};

static sard_status infer_regressor(infer_ctx *c, sard_error *err) {
    const attr *n = infer_attr(c, R_TARGETS);
    return ml_infer_rows(c, 0, SARD_F32, n->type == ATTR_INT ? n->i : 1, err);
}

static sard_status fill_regressor(op_prep *p, trees *s, sard_error *err) {
    static const char *const words[] = {"AVERAGE", "SUM", "MIN", "MAX"};
    int how;
    TRY(attr_word(prep_attr(p, R_AGGREGATE), "aggregate_function", words, 4, &how, err));
    TRY(ml_post_attr(prep_attr(p, R_POST), &s->post, err));
    s->average = how == 0, s->sum = how < 2;
    s->type = p->in[0]->dtype == SARD_F64 || prep_attr(p, R_VALUES_T)->type == ATTR_TENSOR ||
                      prep_attr(p, R_WEIGHTS_T)->type == ATTR_TENSOR
                  ? SARD_F64
                  : SARD_F32;
    TRY(trees_base(p, R_BASE, R_BASE_T, s, err));
    FAIL_IF(s->n_base && s->n_base != (size_t)s->n_targets, err, SARD_INVALID_MODEL,
            "base_values has %zu elements; there are %lld targets", s->n_base, (long long)s->n_targets);
    return trees_load(p, &regressor_lists, HOW[how], s, err);
}

static sard_status prepare_regressor(op_prep *p, void **state, sard_error *err) {
    trees *s;
    TRY(new_state(prep_attr(p, R_TARGETS), &s, err));
    *state = s;
    return fill_regressor(p, s, err);
}

static sard_status run_regressor(const void *state, op_ctx *c, sard_error *err) {
    return score(state, c, SARD_F32, err);
}

const op_def op_treeensembleregressor = {
    .domain = "ai.onnx.ml",
    .name = "TreeEnsembleRegressor",
    .doc = "targets by decision trees",
    OP_SINCE(1, 3, 5),
    OP_ATTRS(regressor_attrs),
    OP_IN(regressor_in),
    OP_OUT(regressor_out),
    .infer = infer_regressor,
    .prepare = prepare_regressor,
    .run = run_regressor,
    .drop = trees_drop,
};

/* ---- TreeEnsemble ---------------------------------------------------------------------------------------------------- */

enum {
    E_AGGREGATE,
    E_LEAF_IDS,
    E_LEAF_WEIGHTS,
    E_MEMBERS,
    E_TARGETS,
    E_FALSE_LEAF,
    E_FALSE,
    E_FEATURE,
    E_HIT,
    E_MISSING,
    E_MODES,
    E_SPLITS,
    E_TRUE_LEAF,
    E_TRUE,
    E_POST,
    E_ROOTS
};
static const attr_def ensemble_attrs[] = {
    ATTR_I("aggregate_function", 1),
    ATTR_REQ("leaf_targetids", ATTR_INTS),
    ATTR_REQ("leaf_weights", ATTR_TENSOR),
    ATTR_OPT("membership_values", ATTR_TENSOR),
    ATTR_OPT("n_targets", ATTR_INT),
    ATTR_REQ("nodes_falseleafs", ATTR_INTS),
    ATTR_REQ("nodes_falsenodeids", ATTR_INTS),
    ATTR_REQ("nodes_featureids", ATTR_INTS),
    ATTR_OPT("nodes_hitrates", ATTR_TENSOR),
    ATTR_OPT("nodes_missing_value_tracks_true", ATTR_INTS),
    ATTR_REQ("nodes_modes", ATTR_TENSOR),
    ATTR_REQ("nodes_splits", ATTR_TENSOR),
    ATTR_REQ("nodes_trueleafs", ATTR_INTS),
    ATTR_REQ("nodes_truenodeids", ATTR_INTS),
    ATTR_I("post_transform", 0),
    ATTR_REQ("tree_roots", ATTR_INTS),
};
#define E_TYPES (DT(SARD_F16) | DT(SARD_F32) | DT(SARD_F64))
static const formal ensemble_in[] = {{.name = "X", .var = "T", .types = E_TYPES}};
static const formal ensemble_out[] = {{.name = "Y", .var = "T", .types = E_TYPES}};
enum { MEMBER = 6 };

static sard_status infer_ensemble(infer_ctx *c, sard_error *err) {
    const attr *n = infer_attr(c, E_TARGETS);
    return ml_infer_rows(c, 0, (sard_dtype)c->in[0]->dtype, n->type == ATTR_INT ? n->i : 1, err);
}

typedef struct pending { /* a node to be made into tests, and where its reference goes */
    int64_t node;
    int32_t at; /* 2 * test + side, or ~root */
} pending;

typedef struct grow {
    const op_prep *p;
    const trees *s;
    size_t n; /* nodes */
    const int64_t *yes, *no, *yes_leaf, *no_leaf, *feature, *missing;
    const tensor *mode, *split, *members;
    int64_t *set; /* per node: first of its members; one more at the end */
    tree_test *tests;
    int32_t *roots;
    tree_weight *weights;
    int32_t *leaf_at;
    size_t n_tests, cap_tests, limit, n_todo, cap_todo;
    pending *todo;
    int64_t n_leaves;
} grow;

static sard_status list(const grow *g, int at, const int64_t **out, sard_error *err) {
    const attr *a = prep_attr(g->p, (uint32_t)at);
    FAIL_IF(attr_n_ints(a) != g->n, err, SARD_INVALID_MODEL, "attribute '%s' has %zu elements; there are %zu nodes",
            ensemble_attrs[at].name, attr_n_ints(a), g->n);
    *out = a->ints.v;
    return SARD_OK;
}

static sard_status read_ensemble(grow *g, sard_error *err) {
    const op_prep *p = g->p;
    g->n = attr_n_ints(prep_attr(p, E_FEATURE));
    TRY(list(g, E_TRUE, &g->yes, err));
    TRY(list(g, E_FALSE, &g->no, err));
    TRY(list(g, E_TRUE_LEAF, &g->yes_leaf, err));
    TRY(list(g, E_FALSE_LEAF, &g->no_leaf, err));
    TRY(list(g, E_FEATURE, &g->feature, err));
    if (attr_n_ints(prep_attr(p, E_MISSING))) TRY(list(g, E_MISSING, &g->missing, err));
    g->mode = mod_const_tensor(p->mod, prep_attr(p, E_MODES)->tensor);
    g->split = mod_const_tensor(p->mod, prep_attr(p, E_SPLITS)->tensor);
    if (prep_attr(p, E_MEMBERS)->type == ATTR_TENSOR)
        g->members = mod_const_tensor(p->mod, prep_attr(p, E_MEMBERS)->tensor);
    FAIL_IF(!g->mode || g->mode->dtype != SARD_U8 || tensor_count(g->mode) != (int64_t)g->n, err, SARD_INVALID_MODEL,
            "nodes_modes must be a uint8 tensor of %zu elements", g->n);
    FAIL_IF(!g->split || !dtype_in(g->split->dtype, E_TYPES) || tensor_count(g->split) != (int64_t)g->n, err,
            SARD_INVALID_MODEL, "nodes_splits must be a tensor of %zu floats", g->n);
    FAIL_IF(g->members && !dtype_in(g->members->dtype, E_TYPES), err, SARD_INVALID_MODEL,
            "membership_values must be floats");
    return SARD_OK;
}

/* Members of the nodes of mode MEMBER, in order, separated by NaN. */
static sard_status read_sets(grow *g, sard_error *err) {
    int64_t at = 0, n = g->members ? tensor_count(g->members) : 0;
    g->set = mem_alloc((g->n + 1) * sizeof *g->set);
    if (!g->set) return err_nomem(err, g->n * sizeof *g->set);
    for (size_t i = 0; i < g->n; i++) {
        g->set[i] = at;
        unsigned mode = TENSOR_AT(g->mode, uint8_t)[i];
        FAIL_IF(mode > MEMBER, err, SARD_INVALID_MODEL, "node %zu has mode %u; 0 to %d are possible", i, mode, MEMBER);
        if (mode != MEMBER) continue;
        double v = 0;
        while (at < n && (v = tensor_get_f64(g->members, at++), v == v)) {
        }
        FAIL_IF(v == v, err, SARD_INVALID_MODEL, "membership_values end within the set of node %zu", i);
    }
    g->set[g->n] = at;
    return SARD_OK;
}

static sard_status make_leaves(grow *g, sard_error *err) {
    const attr *id = prep_attr(g->p, E_LEAF_IDS);
    const tensor *w = mod_const_tensor(g->p->mod, prep_attr(g->p, E_LEAF_WEIGHTS)->tensor);
    g->n_leaves = (int64_t)attr_n_ints(id);
    FAIL_IF(!w || !dtype_in(w->dtype, E_TYPES) || tensor_count(w) != g->n_leaves || g->n_leaves > INT32_MAX / 8, err,
            SARD_INVALID_MODEL, "leaf_weights must be a tensor of %lld floats, one per element of leaf_targetids",
            (long long)g->n_leaves);
    g->weights = mem_alloc((size_t)(g->n_leaves + 1) * sizeof *g->weights);
    g->leaf_at = mem_alloc((size_t)(g->n_leaves + 1) * sizeof *g->leaf_at);
    if (!g->weights || !g->leaf_at) return err_nomem(err, (size_t)g->n_leaves * sizeof *g->weights);
    for (int64_t i = 0; i < g->n_leaves; i++) {
        FAIL_IF(id->ints.v[i] < 0 || id->ints.v[i] >= g->s->n_targets, err, SARD_INVALID_MODEL,
                "leaf %lld is for target %lld of %lld", (long long)i, (long long)id->ints.v[i],
                (long long)g->s->n_targets);
        g->weights[i] = (tree_weight){(int32_t)id->ints.v[i], tensor_get_f64(w, i)};
        g->leaf_at[i] = (int32_t)i;
    }
    g->leaf_at[g->n_leaves] = (int32_t)g->n_leaves;
    return SARD_OK;
}

static void put(grow *g, int32_t at, int32_t ref) {
    if (at < 0)
        g->roots[~at] = ref;
    else if (at & 1)
        g->tests[at >> 1].no = ref;
    else
        g->tests[at >> 1].yes = ref;
}

/* A side of a node: a leaf at once, a node later. */
static sard_status side(grow *g, int64_t to, bool leaf, int32_t at, sard_error *err) {
    if (leaf) {
        FAIL_IF(to < 0 || to >= g->n_leaves, err, SARD_INVALID_MODEL, "leaf %lld of %lld is referred to", (long long)to,
                (long long)g->n_leaves);
        put(g, at, ~(int32_t)to);
        return SARD_OK;
    }
    FAIL_IF(to < 0 || to >= (int64_t)g->n, err, SARD_INVALID_MODEL, "node %lld of %zu is referred to", (long long)to,
            g->n);
    if (mem_grow((void **)&g->todo, &g->cap_todo, g->n_todo + 1, sizeof *g->todo))
        return err_nomem(err, g->n_todo * sizeof *g->todo);
    g->todo[g->n_todo++] = (pending){to, at};
    return SARD_OK;
}

static sard_status add_test(grow *g, const tree_test *t, int32_t at, int32_t *id, sard_error *err) {
    FAIL_IF(g->n_tests >= g->limit, err, SARD_INVALID_MODEL,
            "the trees of %zu nodes grow beyond %zu tests: a cycle, or sets too large", g->n, g->limit);
    if (mem_grow((void **)&g->tests, &g->cap_tests, g->n_tests + 1, sizeof *g->tests))
        return err_nomem(err, g->n_tests * sizeof *g->tests);
    *id = (int32_t)g->n_tests++;
    g->tests[*id] = *t;
    put(g, at, *id);
    return SARD_OK;
}

static sard_status add_node(grow *g, pending q, sard_error *err) {
    size_t i = (size_t)q.node;
    int mode = TENSOR_AT(g->mode, uint8_t)[i];
    bool missing = g->missing && g->missing[i];
    int64_t f = g->feature[i];
    int32_t id;
    FAIL_IF(f < 0 || f >= TREE_MAX_FEATURES, err, SARD_INVALID_MODEL,
            "node %zu tests feature %lld; 0 to %d are possible", i, (long long)f, TREE_MAX_FEATURES - 1);
    if (mode != MEMBER) {
        /* trees_normal may exchange the sides: marks tell which one went where */
        tree_test t = trees_normal(mode, tensor_get_f64(g->split, (int64_t)i), missing, (int32_t)f, 0, 1, g->s->type);
        int32_t turned = t.yes;
        TRY(add_test(g, &t, q.at, &id, err));
        TRY(side(g, g->yes[i], g->yes_leaf[i] != 0, 2 * id + turned, err));
        return side(g, g->no[i], g->no_leaf[i] != 0, 2 * id + !turned, err);
    }
    int64_t m = g->set[i], end = g->set[i + 1] - 1;
    int32_t at = q.at;
    do { /* an empty set: one test that never holds */
        double v = m < end ? tensor_get_f64(g->members, m) : (double)__builtin_nan("");
        tree_test t = trees_normal(4, v, missing, (int32_t)f, 0, 0, g->s->type);
        TRY(add_test(g, &t, at, &id, err));
        TRY(side(g, g->yes[i], g->yes_leaf[i] != 0, 2 * id, err));
        at = 2 * id + 1;
    } while (++m < end);
    return side(g, g->no[i], g->no_leaf[i] != 0, at, err);
}

static sard_status grow_all(grow *g, trees *s, tree_aggregate how, sard_error *err) {
    const attr *roots = prep_attr(g->p, E_ROOTS);
    TRY(read_ensemble(g, err));
    TRY(read_sets(g, err));
    TRY(make_leaves(g, err));
    size_t n = attr_n_ints(roots);
    g->limit = 8 * (g->n + (g->members ? (size_t)tensor_count(g->members) : 0)) + n;
    FAIL_IF(g->limit > INT32_MAX / 8, err, SARD_UNSUPPORTED, "%zu nodes are more than this engine takes", g->n);
    g->roots = mem_alloc((n + 1) * sizeof *g->roots);
    if (!g->roots) return err_nomem(err, n * sizeof *g->roots);
    for (size_t i = 0; i < n; i++) {
        TRY(side(g, roots->ints.v[i], false, ~(int32_t)i, err));
        while (g->n_todo) TRY(add_node(g, g->todo[--g->n_todo], err));
    }
    s->n_trees = (int64_t)n;
    tree_model m = {.type = s->type,
                    .aggregate = how,
                    .tests = g->tests,
                    .roots = g->roots,
                    .weights = g->weights,
                    .leaf_at = g->leaf_at,
                    .n_tests = (int32_t)g->n_tests,
                    .n_trees = (int32_t)n,
                    .n_leaves = (int32_t)g->n_leaves,
                    .n_targets = (int32_t)s->n_targets};
    TRY(tree_forest_new(&m, &s->forest, err));
    *g->p->packed += tree_forest_bytes(s->forest);
    return SARD_OK;
}

static sard_status prepare_ensemble(op_prep *p, void **state, sard_error *err) {
    static const ml_post posts[] = {POST_NONE, POST_SOFTMAX, POST_LOGISTIC, POST_SOFTMAX_ZERO, POST_PROBIT};
    int64_t how = prep_attr(p, E_AGGREGATE)->i, post = prep_attr(p, E_POST)->i;
    FAIL_IF(how < 0 || how > 3, err, SARD_INVALID_MODEL, "aggregate_function is %lld; 0 to 3 are possible",
            (long long)how);
    FAIL_IF(post < 0 || post > 4, err, SARD_INVALID_MODEL, "post_transform is %lld; 0 to 4 are possible",
            (long long)post);
    trees *s;
    TRY(new_state(prep_attr(p, E_TARGETS), &s, err));
    *state = s;
    s->average = how == 0, s->sum = how < 2, s->post = posts[post];
    s->type = p->in[0]->dtype == SARD_F64 ? SARD_F64 : SARD_F32;
    grow g = {.p = p, .s = s};
    sard_status status = grow_all(&g, s, HOW[how], err);
    mem_free(g.set), mem_free(g.tests), mem_free(g.roots), mem_free(g.weights), mem_free(g.leaf_at), mem_free(g.todo);
    return status;
}

static sard_status run_ensemble(const void *state, op_ctx *c, sard_error *err) {
    return score(state, c, (sard_dtype)op_in(c, 0)->dtype, err);
}

const op_def op_treeensemble = {
    .domain = "ai.onnx.ml",
    .name = "TreeEnsemble",
    .doc = "targets by decision trees, with sets",
    OP_SINCE(5),
    OP_ATTRS(ensemble_attrs),
    OP_IN(ensemble_in),
    OP_OUT(ensemble_out),
    .infer = infer_ensemble,
    .prepare = prepare_ensemble,
    .run = run_ensemble,
    .drop = trees_drop,
};
