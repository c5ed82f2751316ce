/*
 * TreeEnsembleClassifier -- trees whose leaves vote for classes.
 *
 *   3: thresholds, weights and base values as tensors (doubles)    5: deprecated
 * The specification is silent on two classes whose trees score only one: the rules are onnxruntime's. With weights that
 * are all positive the score is a chance (above a half: the second class), else a margin (above zero).
 */
#include "ops/trees.h"

enum {
    BASE,
    BASE_T,
    IDS,
    W_NODE,
    W_TREE,
    WEIGHTS,
    WEIGHTS_T,
    LABEL_INTS,
    LABEL_STRS,
    FALSE_IDS,
    FEATURE,
    HIT,
    HIT_T,
    MISSING,
    MODES,
    NODE,
    TREE,
    TRUE_IDS,
    VALUES,
    VALUES_T,
    POST
};
static const attr_def classifier_attrs[] = {
    ATTR_OPT("base_values", ATTR_FLOATS),
    ATTR_OPT("base_values_as_tensor", ATTR_TENSOR),
    ATTR_OPT("class_ids", ATTR_INTS),
    ATTR_OPT("class_nodeids", ATTR_INTS),
    ATTR_OPT("class_treeids", ATTR_INTS),
    ATTR_OPT("class_weights", ATTR_FLOATS),
    ATTR_OPT("class_weights_as_tensor", ATTR_TENSOR),
    ATTR_OPT("classlabels_int64s", ATTR_INTS),
    ATTR_OPT("classlabels_strings", ATTR_STRINGS),
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
};
static const formal classifier_in[] = {{.name = "X", .var = "T1", .types = ML_INPUT}};
static const formal classifier_out[] = {
    {.name = "Y", .var = "T2", .types = DT_STRING | DT(SARD_I64)},
    {.name = "Z", .types = DT(SARD_F32)},
};
static const trees_attrs classifier_lists = {FALSE_IDS, FEATURE,  MISSING, MODES,  NODE, TREE,    TRUE_IDS,
                                             VALUES,    VALUES_T, W_TREE,  W_NODE, IDS,  WEIGHTS, WEIGHTS_T};

static sard_status labels_of(const attr *attrs, ml_labels *out, sard_error *err) {
    TRY(ml_labels_of(&attrs[LABEL_STRS], &attrs[LABEL_INTS], out, err));
    FAIL_IF(out->n == 0 || out->n > INT32_MAX, err, SARD_INVALID_MODEL, "there are no class labels");
    return SARD_OK;
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    ml_labels l;
    TRY(labels_of(c->node->attrs, &l, err));
    TRY(ml_infer_rows(c, 0, ml_label_type(&l), DIM_UNKNOWN, err));
    return ml_infer_rows(c, 1, SARD_F32, l.n, err);
}

static sard_status prepare(op_prep *p, void **state, sard_error *err) {
    ml_labels l;
    TRY(labels_of(p->node->attrs, &l, err));
    trees *s = mem_calloc(1, sizeof *s);
    if (!s) return err_nomem(err, sizeof *s);
    *state = s;
    s->n_targets = l.n;
    s->type = p->in[0]->dtype == SARD_F64 || prep_attr(p, VALUES_T)->type == ATTR_TENSOR ||
                      prep_attr(p, WEIGHTS_T)->type == ATTR_TENSOR
                  ? SARD_F64
                  : SARD_F32;
    TRY(ml_post_attr(prep_attr(p, POST), &s->post, err));
    TRY(trees_base(p, BASE, BASE_T, s, err));
    bool one_for_two = l.n == 2 && s->n_base == 1;
    FAIL_IF(s->n_base && s->n_base != (size_t)l.n && !one_for_two, err, SARD_INVALID_MODEL,
            "base_values has %zu elements; there are %lld classes", s->n_base, (long long)l.n);
    return trees_load(p, &classifier_lists, TREE_SUM, s, err);
}

typedef struct job {
    const trees *s;
    void *scores;
    uint8_t *has;
    float *z;
    int64_t *label;
    bool two; /* two classes of which the trees score one */
} job;

#define T      float
#define ONE    one_f32
#define FINISH finish_f32
#include "ops/treeensembleclassifier.inc"
#define T      double
#define ONE    one_f64
#define FINISH finish_f64
#include "ops/treeensembleclassifier.inc"

static sard_status some(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    (void)worker, (void)err;
    const job *j = arg;
    for (int64_t i = from; i < to; i++) {
        if (j->s->type == SARD_F64)
            finish_f64(j, i);
        else
            finish_f32(j, i);
    }
    return SARD_OK;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    const trees *s = state;
    int64_t rows, cols;
    ml_labels l;
    TRY(labels_of(op_node(c)->attrs, &l, err));
    TRY(ml_matrix(op_in(c, 0), &rows, &cols, err));
    shape sh = {2, {rows, l.n}};
    tensor *z;
    void *label;
    TRY(op_out(c, 1, SARD_F32, &sh, &z, err));
    TRY(op_scratch(c, (size_t)rows * sizeof(int64_t), &label, err));
    job j = {.s = s, .z = tensor_data(z), .label = label, .two = l.n == 2 && s->one_id};
    TRY(trees_run(s, c, s->type == SARD_F32 ? j.z : NULL, &j.scores, &j.has, &rows, err));
    TRY(par_for(op_par(c), rows, 256, some, &j, err));
    return ml_label_rows(c, &l, 0, label, rows, err);
}

const op_def op_treeensembleclassifier = {
    .domain = "ai.onnx.ml",
    .name = "TreeEnsembleClassifier",
    .doc = "classes by decision trees",
    OP_SINCE(1, 3, 5),
    OP_ATTRS(classifier_attrs),
    OP_IN(classifier_in),
    OP_OUT(classifier_out),
    .infer = infer,
    .prepare = prepare,
    .run = run,
    .drop = trees_drop,
};
