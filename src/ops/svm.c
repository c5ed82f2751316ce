/*
 * SVMRegressor, SVMClassifier -- support vector machines: kernels of a row with every support vector, then sums of them
 * by coefficients. Without support vectors the model is linear. Pairs of classes vote; what comes out for two classes,
 * or one score, follows onnxruntime. Chances of classes from those of pairs: Wu, Lin, Weng, "Probability estimates for
 * multi-class classification by pairwise coupling" (JMLR 2004), second method.
 */
#include <math.h>

#include "kernels/pointwise/scalar_ops.h"
#include "ops/ml.h"

typedef enum svm_kernel { SVM_LINEAR, SVM_POLY, SVM_RBF, SVM_SIGMOID } svm_kernel;

typedef struct svm {
    svm_kernel kernel;
    float gamma, coef0, degree;
    const float *vectors; /* [n, k]; of a linear model: its coefficients */
    ml_weights w;         /* the same; not packed for RBF */
    ml_post post;
} svm;

static void drop(void *state) {
    svm *s = state;
    if (s) mem_free(s->w.packed);
    mem_free(s);
}

static sard_status prepare_svm(op_prep *p, const attr *type, const attr *params, const attr *post, svm **out,
                               sard_error *err) {
    static const char *const words[] = {"LINEAR", "POLY", "RBF", "SIGMOID"};
    int kernel;
    svm *s = mem_calloc(1, sizeof *s);
    (void)p;
    if (!s) return err_nomem(err, sizeof *s);
    *out = s;
    TRY(attr_word(type, "kernel_type", words, 4, &kernel, err));
    TRY(ml_post_attr(post, &s->post, err));
    s->kernel = (svm_kernel)kernel;
    size_t n = attr_n_floats(params);
    FAIL_IF(n != 0 && n != 3, err, SARD_INVALID_MODEL,
            "kernel_params has %zu elements; gamma, coef0, degree are needed", n);
    if (n) s->gamma = params->floats.v[0], s->coef0 = params->floats.v[1], s->degree = params->floats.v[2];
    return SARD_OK;
}

/* n vectors of equal length. */
static sard_status set_vectors(op_prep *p, svm *s, const attr *a, int64_t n, sard_error *err) {
    size_t all = attr_n_floats(a);
    FAIL_IF(n < 1 || all % (size_t)n != 0, err, SARD_INVALID_MODEL, "%zu numbers are not %lld vectors", all,
            (long long)n);
    s->vectors = all ? a->floats.v : NULL, s->w.n = n, s->w.k = (int64_t)all / n;
    return s->kernel == SVM_RBF ? SARD_OK : ml_weights_pack(p, s->vectors, n, s->w.k, &s->w, err);
}

/* ---- kernels ---------------------------------------------------------------------------------------------------------- */

typedef struct kernel_job {
    const svm *s;
    const float *x;
    float *out; /* [rows, n] */
} kernel_job;

/* Squared distance: element i goes to partial i mod 16, which are added in order. */
static float distance(const float *a, const float *b, int64_t k) {
    float p[16] = {0}, sum = 0;
    int64_t i = 0;
    for (; i + 16 <= k; i += 16)
        for (int j = 0; j < 16; j++) {
            float d = a[i + j] - b[i + j];
            p[j] += d * d;
        }
    for (; i < k; i++) {
        float d = a[i] - b[i];
        p[i % 16] += d * d;
    }
    for (int j = 0; j < 16; j++) sum += p[j];
    return sum;
}

static sard_status kernel_some(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    (void)worker, (void)err;
    const kernel_job *j = arg;
    const svm *s = j->s;
    for (int64_t r = from; r < to; r++)
        for (int64_t i = 0; i < s->w.n; i++) {
            float *v = &j->out[r * s->w.n + i];
            switch (s->kernel) {
            case SVM_LINEAR:
                break;
            case SVM_POLY:
                *v = pw_eval_f32(PW_POW, s->gamma * *v + s->coef0, s->degree, 0);
                break;
            case SVM_SIGMOID:
                *v = pw_eval_f32(PW_TANH, s->gamma * *v + s->coef0, 0, 0);
                break;
            case SVM_RBF: {
                float d = distance(j->x + r * s->w.k, s->vectors + i * s->w.k, s->w.k);
                *v = pw_eval_f32(PW_EXP, -s->gamma * d, 0, 0);
                break;
            }
            }
        }
    return SARD_OK;
}

static sard_status kernels(const svm *s, op_ctx *c, int64_t rows, int64_t cols, float *out, sard_error *err) {
    const void *x;
    FAIL_IF(cols != s->w.k, err, SARD_INVALID_ARGUMENT, "X has %lld features; the model is for %lld", (long long)cols,
            (long long)s->w.k);
    TRY(ml_elements(c, op_in(c, 0), SARD_F32, &x, err));
    if (s->kernel != SVM_RBF) TRY(ml_weights_apply(&s->w, c, x, rows, out, err));
    if (s->kernel == SVM_LINEAR) return SARD_OK;
    kernel_job j = {s, x, out};
    int64_t grain = 65536 / (s->w.n * (s->w.k + 8));
    return par_for(op_par(c), rows, grain > 0 ? grain : 1, kernel_some, &j, err);
}

static sard_status kernel_memory(const svm *s, op_ctx *c, int64_t rows, void **out, sard_error *err) {
    int64_t n;
    FAIL_IF(mul_i64(rows, s->w.n, &n) || n > INT64_MAX / 8, err, SARD_LIMIT, "%lld rows of %lld kernels are too large",
            (long long)rows, (long long)s->w.n);
    return op_scratch(c, (size_t)n * sizeof(float), out, err);
}

/* ---- SVMRegressor ------------------------------------------------------------------------------------------------------ */

enum { R_COEF, R_PARAMS, R_TYPE, R_N, R_ONE_CLASS, R_POST, R_RHO, R_VECTORS };
static const attr_def regressor_attrs[] = {
    ATTR_OPT("coefficients", ATTR_FLOATS),
    ATTR_OPT("kernel_params", ATTR_FLOATS),
    ATTR_S("kernel_type", "LINEAR"),
    ATTR_I("n_supports", 0),
    ATTR_I("one_class", 0),
    ATTR_S("post_transform", "NONE"),
    ATTR_OPT("rho", ATTR_FLOATS),
    ATTR_OPT("support_vectors", ATTR_FLOATS),
};
static const formal regressor_in[] = {{.name = "X", .var = "T", .types = ML_INPUT}};
static const formal regressor_out[] = {{.name = "Y", .types = DT(SARD_F32)}};

static sard_status infer_regressor(infer_ctx *c, sard_error *err) { return ml_infer_rows(c, 0, SARD_F32, 1, err); }

static sard_status prepare_regressor(op_prep *p, void **state, sard_error *err) {
    const attr *a = p->node->attrs;
    svm *s;
    TRY(prepare_svm(p, &a[R_TYPE], &a[R_PARAMS], &a[R_POST], (svm **)state, err));
    s = *state;
    FAIL_IF(attr_n_floats(&a[R_RHO]) < 1, err, SARD_INVALID_MODEL, "attribute 'rho' is empty");
    if (a[R_N].i <= 0) { /* linear: one vector, the coefficients */
        s->kernel = SVM_LINEAR;
        return set_vectors(p, s, &a[R_COEF], 1, err);
    }
    FAIL_IF(attr_n_floats(&a[R_COEF]) < (size_t)a[R_N].i, err, SARD_INVALID_MODEL,
            "there are %zu coefficients for %lld support vectors", attr_n_floats(&a[R_COEF]), (long long)a[R_N].i);
    return set_vectors(p, s, &a[R_VECTORS], a[R_N].i, err);
}

static sard_status run_regressor(const void *state, op_ctx *c, sard_error *err) {
    const svm *s = state;
    const attr *a = op_node(c)->attrs;
    shape sh = {2, {0, 1}};
    int64_t cols;
    void *k;
    tensor *y;
    TRY(ml_matrix(op_in(c, 0), &sh.dim[0], &cols, err));
    TRY(op_out(c, 0, SARD_F32, &sh, &y, err));
    TRY(kernel_memory(s, c, sh.dim[0], &k, err));
    TRY(kernels(s, c, sh.dim[0], cols, k, err));
    for (int64_t r = 0; r < sh.dim[0]; r++) {
        const float *v = (const float *)k + r * s->w.n;
        double sum = 0;
        if (a[R_N].i <= 0)
            sum = (double)v[0];
        else
            for (int64_t i = 0; i < s->w.n; i++) sum += (double)a[R_COEF].floats.v[i] * (double)v[i];
        float out = (float)(sum + (double)a[R_RHO].floats.v[0]);
        TENSOR_AT(y, float)[r] = !a[R_ONE_CLASS].i ? out : out > 0 ? 1 : -1;
    }
    return SARD_OK;
}

const op_def op_svmregressor = {
    .domain = "ai.onnx.ml",
    .name = "SVMRegressor",
    .doc = "support vector regression, one class",
    OP_SINCE(1),
    OP_ATTRS(regressor_attrs),
    OP_IN(regressor_in),
    OP_OUT(regressor_out),
    .infer = infer_regressor,
    .prepare = prepare_regressor,
    .run = run_regressor,
    .drop = drop,
};

/* ---- SVMClassifier ----------------------------------------------------------------------------------------------------- */

enum { INTS, STRINGS, COEF, PARAMS, TYPE, POST, PROB_A, PROB_B, RHO, VECTORS, PER_CLASS };
static const attr_def classifier_attrs[] = {
    ATTR_OPT("classlabels_ints", ATTR_INTS),
    ATTR_OPT("classlabels_strings", ATTR_STRINGS),
    ATTR_OPT("coefficients", ATTR_FLOATS),
    ATTR_OPT("kernel_params", ATTR_FLOATS),
    ATTR_S("kernel_type", "LINEAR"),
    ATTR_S("post_transform", "NONE"),
    ATTR_OPT("prob_a", ATTR_FLOATS),
    ATTR_OPT("prob_b", ATTR_FLOATS),
    ATTR_OPT("rho", ATTR_FLOATS),
    ATTR_OPT("support_vectors", ATTR_FLOATS),
    ATTR_OPT("vectors_per_class", ATTR_INTS),
};
static const formal classifier_in[] = {{.name = "X", .var = "T1", .types = ML_INPUT}};
static const formal classifier_out[] = {
    {.name = "Y", .var = "T2", .types = DT_STRING | DT(SARD_I64)},
    {.name = "Z", .types = DT(SARD_F32)},
};
enum { CLASSES_MAX = 65535 };

static sard_status labels_of(const attr *a, ml_labels *out, sard_error *err) {
    TRY(ml_labels_of(&a[STRINGS], &a[INTS], out, err));
    FAIL_IF(out->n < 1 || out->n > CLASSES_MAX, err, SARD_INVALID_MODEL,
            "there are %lld class labels; 1 to %d are possible", (long long)out->n, CLASSES_MAX);
    return SARD_OK;
}

static int64_t vector_count(const attr *a) {
    int64_t n = 0;
    for (size_t i = 0; i < attr_n_ints(&a[PER_CLASS]); i++)
        if (a[PER_CLASS].ints.v[i] < 0 || add_i64(n, a[PER_CLASS].ints.v[i], &n)) return -1;
    return n;
}

static int64_t n_columns(const attr *a, const ml_labels *l) {
    bool pairs = vector_count(a) != 0 && !attr_n_floats(&a[PROB_A]);
    return pairs && l->n > 2 ? l->n * (l->n - 1) / 2 : pairs ? 2 : l->n;
}

static sard_status infer_classifier(infer_ctx *c, sard_error *err) {
    const attr *a = c->node->attrs;
    ml_labels l;
    TRY(labels_of(a, &l, err));
    TRY(ml_infer_rows(c, 0, ml_label_type(&l), DIM_UNKNOWN, err));
    return ml_infer_rows(c, 1, SARD_F32, n_columns(a, &l), err);
}

static sard_status prepare_classifier(op_prep *p, void **state, sard_error *err) {
    const attr *a = p->node->attrs;
    ml_labels l;
    TRY(labels_of(a, &l, err));
    TRY(prepare_svm(p, &a[TYPE], &a[PARAMS], &a[POST], (svm **)state, err));
    svm *s = *state;
    int64_t n = vector_count(a);
    size_t pairs = (size_t)(l.n * (l.n - 1) / 2), coef = attr_n_floats(&a[COEF]);
    FAIL_IF(n < 0, err, SARD_INVALID_MODEL, "vectors_per_class holds a number below 0");
    FAIL_IF(attr_n_floats(&a[PROB_A]) != attr_n_floats(&a[PROB_B]), err, SARD_INVALID_MODEL,
            "prob_a and prob_b are not equally long");
    FAIL_IF(attr_n_floats(&a[RHO]) < (n ? pairs : 1), err, SARD_INVALID_MODEL, "rho has %zu elements; %zu are needed",
            attr_n_floats(&a[RHO]), n ? pairs : 1);
    if (n == 0) {
        s->kernel = SVM_LINEAR;
        return set_vectors(p, s, &a[COEF], l.n, err);
    }
    FAIL_IF(attr_n_ints(&a[PER_CLASS]) != (size_t)l.n, err, SARD_INVALID_MODEL,
            "vectors_per_class has %zu elements; there are %lld classes", attr_n_ints(&a[PER_CLASS]), (long long)l.n);
    FAIL_IF(n > INT32_MAX || coef < (size_t)(l.n - 1) * (size_t)n, err, SARD_INVALID_MODEL,
            "coefficients has %zu elements; %lld vectors of %lld classes need more", coef, (long long)n,
            (long long)l.n);
    FAIL_IF(attr_n_floats(&a[PROB_A]) && attr_n_floats(&a[PROB_A]) < pairs, err, SARD_INVALID_MODEL,
            "prob_a has %zu elements; there are %zu pairs of classes", attr_n_floats(&a[PROB_A]), pairs);
    return set_vectors(p, s, &a[VECTORS], n, err);
}

/* Scores of pairs of classes (i, j): class i's vectors with row j - 1 of the coefficients, class j's with row i. */
static void pair_scores(const attr *a, int64_t classes, int64_t n, const float *k, float *score, int32_t *votes) {
    const float *coef = a[COEF].floats.v;
    const int64_t *per = a[PER_CLASS].ints.v;
    int64_t pair = 0, at_i = 0;
    for (int64_t i = 0; i < classes; at_i += per[i++]) {
        int64_t at_j = at_i + per[i];
        for (int64_t j = i + 1; j < classes; at_j += per[j++]) {
            double sum = 0;
            for (int64_t m = at_i; m < at_i + per[i]; m++) sum += (double)(coef[(j - 1) * n + m] * k[m]);
            for (int64_t m = at_j; m < at_j + per[j]; m++) sum += (double)(coef[i * n + m] * k[m]);
            sum += (double)a[RHO].floats.v[pair];
            score[pair++] = (float)sum;
            votes[sum > 0 ? i : j]++;
        }
    }
}

/* Chances p of n classes from those r[i][j] that i wins against j: p' Q p is made smallest, one coordinate at a time. */
static void couple(int64_t n, const float *r, float *q, float *qp, float *p) {
    for (int64_t i = 0; i < n; i++) {
        p[i] = 1 / (float)n;
        float own = 0;
        for (int64_t j = 0; j < n; j++) {
            if (j == i) continue;
            own += r[j * n + i] * r[j * n + i];
            q[i * n + j] = -r[j * n + i] * r[i * n + j];
        }
        q[i * n + i] = own;
    }
    for (int round = 0; round < 100; round++) {
        float all = 0, worst = 0;
        for (int64_t i = 0; i < n; i++) {
            qp[i] = 0;
            for (int64_t j = 0; j < n; j++) qp[i] += q[i * n + j] * p[j];
            all += p[i] * qp[i];
        }
        for (int64_t i = 0; i < n; i++)
            if (fabsf(qp[i] - all) > worst) worst = fabsf(qp[i] - all);
        if (worst < 0.005f / (float)n) return;
        for (int64_t i = 0; i < n; i++) {
            float step = (all - qp[i]) / q[i * n + i], scale = 1 + step;
            p[i] += step;
            all = (all + step * (step * q[i * n + i] + 2 * qp[i])) / scale / scale;
            for (int64_t j = 0; j < n; j++) {
                qp[j] = (qp[j] + step * q[i * n + j]) / scale;
                p[j] /= scale;
            }
        }
    }
}

static void chances(const attr *a, int64_t n, const float *score, float *work, float *z) {
    float *r = work, *q = r + n * n, *qp = q + n * n;
    int64_t pair = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = i + 1; j < n; j++, pair++) {
            float v = 1 - ml_logistic(score[pair] * a[PROB_A].floats.v[pair] + a[PROB_B].floats.v[pair]);
            v = v < 1e-7f ? 1e-7f : v > 1 - 1e-7f ? 1 - 1e-7f : v;
            r[i * n + j] = v, r[j * n + i] = 1 - v;
        }
    couple(n, r, q, qp, z);
}

static int64_t first_largest(const float *v, int64_t n) {
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (v[i] > v[best]) best = i;
    return best;
}

/* Linear models: rho is added to all scores. */
static int64_t finish_linear(const attr *a, const svm *s, const float *k, float *z) {
    bool positive = true;
    for (size_t i = 0; i < attr_n_floats(&a[COEF]); i++) positive &= a[COEF].floats.v[i] >= 0;
    for (int64_t i = 0; i < s->w.n; i++) z[i] = k[i] + a[RHO].floats.v[0];
    int64_t best = first_largest(z, s->w.n);
    if (s->w.n == 2 && !attr_n_floats(&a[PROB_A]) && (positive ? z[best] >= 0.5f : z[best] > 0)) best = 1;
    if (s->w.n > 1) ml_post_row_f32(s->post, z, s->w.n);
    return best;
}

static int64_t finish_pairs(const attr *a, const svm *s, int64_t classes, const float *k, void *work, float *z) {
    int64_t pairs = classes * (classes - 1) / 2, best = 0;
    int32_t *votes = work;
    float *score = (float *)work + classes;
    memset(votes, 0, (size_t)classes * sizeof *votes);
    pair_scores(a, classes, s->w.n, k, score, votes);
    for (int64_t i = 1; i < classes; i++)
        if (votes[i] > votes[best]) best = i;
    if (attr_n_floats(&a[PROB_A])) {
        chances(a, classes, score, score + pairs, z);
        ml_post_row_f32(s->post, z, classes);
    } else if (classes > 2) {
        memcpy(z, score, (size_t)pairs * sizeof *z);
        ml_post_row_f32(s->post, z, pairs);
    } else {
        float v = pairs ? score[0] : 0;
        if (s->post == POST_LOGISTIC)
            z[0] = ml_logistic(-v), z[1] = ml_logistic(v);
        else
            z[0] = s->post == POST_NONE ? -v : 1 - v, z[1] = v;
    }
    return best;
}

static sard_status run_classifier(const void *state, op_ctx *c, sard_error *err) {
    const svm *s = state;
    const attr *a = op_node(c)->attrs;
    ml_labels l;
    TRY(labels_of(a, &l, err));
    bool linear = vector_count(a) == 0;
    shape sh = {2, {0, n_columns(a, &l)}};
    int64_t rows, cols;
    tensor *z;
    void *k, *which, *work;
    TRY(ml_matrix(op_in(c, 0), &rows, &cols, err));
    sh.dim[0] = rows;
    TRY(op_out(c, 1, SARD_F32, &sh, &z, err));
    TRY(kernel_memory(s, c, rows, &k, err));
    TRY(op_scratch(c, (size_t)rows * sizeof(int64_t), &which, err));
    TRY(op_scratch(c, (size_t)(l.n * l.n * 3 + 2 * l.n) * sizeof(float), &work, err));
    TRY(kernels(s, c, rows, cols, k, err));
    for (int64_t r = 0; r < rows; r++) {
        const float *v = (const float *)k + r * s->w.n;
        float *to = TENSOR_AT(z, float) + r * sh.dim[1];
        ((int64_t *)which)[r] = linear ? finish_linear(a, s, v, to) : finish_pairs(a, s, l.n, v, work, to);
    }
    return ml_label_rows(c, &l, 0, which, rows, err);
}

const op_def op_svmclassifier = {
    .domain = "ai.onnx.ml",
    .name = "SVMClassifier",
    .doc = "support vector classification",
    OP_SINCE(1),
    OP_ATTRS(classifier_attrs),
    OP_IN(classifier_in),
    OP_OUT(classifier_out),
    .infer = infer_classifier,
    .prepare = prepare_classifier,
    .run = run_classifier,
    .drop = drop,
};
