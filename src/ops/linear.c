/*
 * LinearRegressor, LinearClassifier -- a product with a constant matrix, then a post transform; rows of labels. The
 * products have the order of MatMul's, so that a linear model and the same one in plain operators agree.
 */
#include "ops/ml.h"

typedef struct linear {
    ml_weights w; /* n: scores, k: features */
    ml_post post;
} linear;

static void drop(void *state) {
    linear *s = state;
    if (s) mem_free(s->w.packed);
    mem_free(s);
}

/* coefficients [n, k], intercepts [n] or none. */
static sard_status prepare_linear(op_prep *p, const attr *coef, const attr *bias, int64_t n, const attr *post,
                                  linear **out, sard_error *err) {
    size_t all = attr_n_floats(coef);
    FAIL_IF(n < 1 || all % (size_t)n != 0, err, SARD_INVALID_MODEL,
            "coefficients has %zu elements, which %lld targets do not divide", all, (long long)n);
    FAIL_IF(attr_n_floats(bias) && attr_n_floats(bias) != (size_t)n, err, SARD_INVALID_MODEL,
            "intercepts has %zu elements; there are %lld targets", attr_n_floats(bias), (long long)n);
    linear *s = mem_calloc(1, sizeof *s);
    if (!s) return err_nomem(err, sizeof *s);
    *out = s;
    TRY(ml_post_attr(post, &s->post, err));
    TRY(ml_weights_pack(p, all ? coef->floats.v : NULL, n, (int64_t)all / n, &s->w, err));
    s->w.bias = attr_n_floats(bias) ? bias->floats.v : NULL;
    return SARD_OK;
}

static sard_status scores(const linear *s, op_ctx *c, float *z, int64_t rows, int64_t cols, sard_error *err) {
    const void *x;
    FAIL_IF(cols != s->w.k, err, SARD_INVALID_ARGUMENT, "X has %lld features; the coefficients are for %lld",
            (long long)cols, (long long)s->w.k);
    TRY(ml_elements(c, op_in(c, 0), SARD_F32, &x, err));
    return ml_weights_apply(&s->w, c, x, rows, z, err);
}

/* ---- LinearRegressor -------------------------------------------------------------------------------------------------- */

enum { R_COEF, R_BIAS, R_POST, R_TARGETS };
static const attr_def regressor_attrs[] = {
    ATTR_OPT("coefficients", ATTR_FLOATS),
    ATTR_OPT("intercepts", ATTR_FLOATS),
    ATTR_S("post_transform", "NONE"),
    ATTR_I("targets", 1),
};
static const formal regressor_in[] = {{.name = "X", .var = "T", .types = ML_INPUT}};
static const formal regressor_out[] = {{.name = "Y", .types = DT(SARD_F32)}};

static sard_status infer_regressor(infer_ctx *c, sard_error *err) {
    return ml_infer_rows(c, 0, SARD_F32, infer_attr(c, R_TARGETS)->i, err);
}

static sard_status prepare_regressor(op_prep *p, void **state, sard_error *err) {
    return prepare_linear(p, prep_attr(p, R_COEF), prep_attr(p, R_BIAS), prep_attr(p, R_TARGETS)->i,
                          prep_attr(p, R_POST), (linear **)state, err);
}

static sard_status run_regressor(const void *state, op_ctx *c, sard_error *err) {
    const linear *s = state;
    shape sh = {2, {0, s->w.n}};
    int64_t cols;
    tensor *y;
    TRY(ml_matrix(op_in(c, 0), &sh.dim[0], &cols, err));
    TRY(op_out(c, 0, SARD_F32, &sh, &y, err));
    TRY(scores(s, c, tensor_data(y), sh.dim[0], cols, err));
    ml_post post = s->w.n == 1 && s->post != POST_PROBIT ? POST_NONE : s->post; /* as in onnxruntime */
    return ml_post_rows(c, post, SARD_F32, tensor_data(y), sh.dim[0], s->w.n, err);
}

static double flops(const op_prep *p, const vtype *in, const vtype *out) {
    (void)p;
    double n = 2;
    for (int i = 0; i < in[0].rank; i++) n *= (double)in[0].dim[i];
    return n * (double)(out[0].rank > 1 ? out[0].dim[1] : 1);
}

const op_def op_linearregressor = {
    .domain = "ai.onnx.ml",
    .name = "LinearRegressor",
    .doc = "a linear model",
    OP_SINCE(1),
    OP_ATTRS(regressor_attrs),
    OP_IN(regressor_in),
    OP_OUT(regressor_out),
    .infer = infer_regressor,
    .prepare = prepare_regressor,
    .run = run_regressor,
    .drop = drop,
    .flops = flops,
};

/* ---- LinearClassifier ------------------------------------------------------------------------------------------------- */

enum { C_INTS, C_STRINGS, C_COEF, C_BIAS, C_MULTI, C_POST };
static const attr_def classifier_attrs[] = {
    ATTR_OPT("classlabels_ints", ATTR_INTS),
    ATTR_OPT("classlabels_strings", ATTR_STRINGS),
    ATTR_REQ("coefficients", ATTR_FLOATS),
    ATTR_OPT("intercepts", ATTR_FLOATS),
    ATTR_I("multi_class", 0),
    ATTR_S("post_transform", "NONE"),
};
static const formal classifier_in[] = {{.name = "X", .var = "T1", .types = ML_INPUT}};
static const formal classifier_out[] = {
    {.name = "Y", .var = "T2", .types = DT_STRING | DT(SARD_I64)},
    {.name = "Z", .types = DT(SARD_F32)},
};

/* Scores of the product: one per intercept, else per label (two labels may have one: the coefficients cannot tell). */
static int64_t n_scores(const attr *a, const ml_labels *l) {
    size_t n = attr_n_floats(&a[C_BIAS]);
    return n ? (int64_t)n : l->n ? l->n : 1;
}

static sard_status infer_classifier(infer_ctx *c, sard_error *err) {
    const attr *a = c->node->attrs;
    ml_labels l;
    TRY(ml_labels_of(&a[C_STRINGS], &a[C_INTS], &l, err));
    int64_t n = n_scores(a, &l);
    TRY(ml_infer_rows(c, 0, ml_label_type(&l), DIM_UNKNOWN, err));
    return ml_infer_rows(c, 1, SARD_F32, n == 1 && l.n == 2 ? 2 : n, err);
}

static sard_status prepare_classifier(op_prep *p, void **state, sard_error *err) {
    const attr *a = p->node->attrs;
    ml_labels l;
    TRY(ml_labels_of(&a[C_STRINGS], &a[C_INTS], &l, err));
    int64_t n = n_scores(a, &l);
    FAIL_IF(l.n && l.n != n && !(n == 1 && l.n == 2), err, SARD_INVALID_MODEL,
            "there are %lld class labels for %lld scores", (long long)l.n, (long long)n);
    return prepare_linear(p, &a[C_COEF], &a[C_BIAS], n, &a[C_POST], (linear **)state, err);
}

static sard_status run_classifier(const void *state, op_ctx *c, sard_error *err) {
    const linear *s = state;
    const attr *a = op_node(c)->attrs;
    ml_labels l;
    TRY(ml_labels_of(&a[C_STRINGS], &a[C_INTS], &l, err));
    bool two = s->w.n == 1 && l.n == 2;
    shape sh = {2, {0, two ? 2 : s->w.n}};
    int64_t rows, cols;
    tensor *z;
    void *which, *raw;
    TRY(ml_matrix(op_in(c, 0), &rows, &cols, err));
    sh.dim[0] = rows;
    TRY(op_out(c, 1, SARD_F32, &sh, &z, err));
    TRY(op_scratch(c, (size_t)rows * sizeof(int64_t), &which, err));
    raw = tensor_data(z);
    if (two) TRY(op_scratch(c, (size_t)rows * sizeof(float), &raw, err));
    TRY(scores(s, c, raw, rows, cols, err));
    for (int64_t r = 0; r < rows; r++) {
        const float *v = (const float *)raw + r * s->w.n;
        int64_t best = s->w.n == 1 && v[0] > 0 && l.n != 1;
        for (int64_t k = 1; k < s->w.n; k++)
            if (v[k] > v[best]) best = k;
        ((int64_t *)which)[r] = best;
    }
    for (int64_t r = 0; two && r < rows; r++) {
        float v = ((const float *)raw)[r], *to = TENSOR_AT(z, float) + 2 * r;
        if (s->post == POST_LOGISTIC)
            to[0] = ml_logistic(-v), to[1] = ml_logistic(v);
        else
            to[0] = 1 - v, to[1] = v;
    }
    if (!two && (s->w.n > 1 || s->post == POST_PROBIT)) TRY(ml_post_rows(c, s->post, SARD_F32, raw, rows, s->w.n, err));
    return ml_label_rows(c, &l, 0, which, rows, err);
}

const op_def op_linearclassifier = {
    .domain = "ai.onnx.ml",
    .name = "LinearClassifier",
    .doc = "classes by linear models",
    OP_SINCE(1),
    OP_ATTRS(classifier_attrs),
    OP_IN(classifier_in),
    OP_OUT(classifier_out),
    .infer = infer_classifier,
    .prepare = prepare_classifier,
    .run = run_classifier,
    .drop = drop,
    .flops = flops,
};
