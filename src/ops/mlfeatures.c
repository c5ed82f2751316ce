/*
 * mlfeatures.c -- preparation of features: Scaler, Binarizer, Normalizer, Imputer, ArrayFeatureExtractor are written
 * with operators of the default domain, so that they fuse with what is around them; FeatureVectorizer copies.
 */
#include <math.h>

#include "ops/ml.h"

static const formal num_in[] = {{.name = "X", .var = "T", .types = ML_INPUT}};
static const formal num_out[] = {{.name = "Y", .var = "T", .types = ML_INPUT}};
static const formal f32_out[] = {{.name = "Y", .types = DT(SARD_F32)}};

static sard_status infer_f32(infer_ctx *c, sard_error *err) {
    TRY(infer_same(c, err));
    c->out[0].dtype = SARD_F32;
    return SARD_OK;
}

/* A constant [n] (or a scalar when n is 1) of numbers in either list. */
static value_id numbers(builder *b, const float *f, const int64_t *i, size_t n, sard_dtype t) {
    tensor x;
    sard_value *v;
    shape s = {n == 1 ? 0 : 1, {(int64_t)n}};
    if (b->status != SARD_OK) return NO_ID;
    b->status = tensor_new(&x, t, &s, b->err);
    if (b->status != SARD_OK) return NO_ID;
    for (size_t k = 0; k < n; k++) {
        if (f)
            tensor_set_f64(&x, (int64_t)k, (double)f[k]);
        else if (t == SARD_I64)
            TENSOR_AT(&x, int64_t)[k] = i[k];
        else
            tensor_set_f64(&x, (int64_t)k, (double)i[k]);
    }
    b->status = value_tensor(&x, &v, b->err);
    return b->status == SARD_OK ? build_const(b, v) : NO_ID;
}

/* One number, or one per feature. */
static sard_status check_features(const vtype *x, size_t n, const char *name, sard_error *err) {
    int64_t f = x->rank > 0 ? x->dim[x->rank - 1] : DIM_UNKNOWN;
    FAIL_IF(n == 0, err, SARD_INVALID_MODEL, "attribute '%s' is empty", name);
    FAIL_IF(n > 1 && dim_known(f) && f != (int64_t)n, err, SARD_INVALID_MODEL,
            "attribute '%s' has %zu elements; X has %lld features", name, n, (long long)f);
    return SARD_OK;
}

/* ---- Scaler: (x - offset) * scale ------------------------------------------------------------------------------------ */

enum { OFFSET, SCALE };
static const attr_def scaler_attrs[] = {ATTR_OPT("offset", ATTR_FLOATS), ATTR_OPT("scale", ATTR_FLOATS)};

static sard_status lower_scaler(lower_ctx *c, sard_error *err) {
    const attr *offset = &c->node->attrs[OFFSET], *scale = &c->node->attrs[SCALE];
    value_id y = build_cast(&c->b, node_in(c->b.g, c->node, 0), SARD_F32);
    TRY(check_features(c->in[0], attr_n_floats(offset), "offset", err));
    TRY(check_features(c->in[0], attr_n_floats(scale), "scale", err));
    y = build_2(&c->b, "Sub", y, numbers(&c->b, offset->floats.v, NULL, offset->floats.n, SARD_F32));
    c->out[0] = build_2(&c->b, "Mul", y, numbers(&c->b, scale->floats.v, NULL, scale->floats.n, SARD_F32));
    return builder_result(&c->b);
}

const op_def op_scaler = {
    .domain = "ai.onnx.ml",
    .name = "Scaler",
    .doc = "(x - offset) * scale per feature",
    OP_SINCE(1),
    OP_ATTRS(scaler_attrs),
    OP_IN(num_in),
    OP_OUT(f32_out),
    .infer = infer_f32,
    .lower = lower_scaler,
};

/* ---- Binarizer: x > threshold ---------------------------------------------------------------------------------------- */

static const attr_def binarizer_attrs[] = {ATTR_F("threshold", 0)};

static sard_status lower_binarizer(lower_ctx *c, sard_error *err) {
    (void)err;
    sard_dtype t = (sard_dtype)c->in[0]->dtype;
    double threshold = (double)c->node->attrs[0].f;
    value_id x = node_in(c->b.g, c->node, 0), limit;
    if (t == SARD_F32 || t == SARD_F64) {
        limit = build_scalar(&c->b, t, threshold);
    } else { /* whole numbers above t are those above its floor; the cast saturates (every number is above the lowest
                but itself, which a threshold below it would want: as good as out of range) */
        limit = build_scalar(&c->b, t, floor(threshold));
    }
    c->out[0] = build_cast(&c->b, build_2(&c->b, "Greater", x, limit), t);
    return builder_result(&c->b);
}

const op_def op_binarizer = {
    .domain = "ai.onnx.ml",
    .name = "Binarizer",
    .doc = "1 where x is above a threshold",
    OP_SINCE(1),
    OP_ATTRS(binarizer_attrs),
    OP_IN(num_in),
    OP_OUT(num_out),
    .lower = lower_binarizer,
    .infer = infer_same,
};

/* ---- Normalizer: rows over their maximum, sum of magnitudes, or length ------------------------------------------------ */

static const attr_def normalizer_attrs[] = {ATTR_S("norm", "MAX")};

static sard_status lower_normalizer(lower_ctx *c, sard_error *err) {
    static const char *const words[] = {"MAX", "L1", "L2"}, *const ops[] = {"ReduceMax", "ReduceL1", "ReduceL2"};
    int k;
    TRY(attr_word(&c->node->attrs[0], "norm", words, 3, &k, err));
    FAIL_IF(c->in[0]->rank == 0, err, SARD_INVALID_MODEL, "X has rank 0; rows of features are needed");
    int64_t axis = c->in[0]->rank > 2 ? 1 : -1;
    value_id x = build_cast(&c->b, node_in(c->b.g, c->node, 0), SARD_F32);
    value_id in[2] = {x, build_i64s(&c->b, &axis, 1)};
    value_id norm = build_op(&c->b, ops[k], in, 2, NULL, 0), one = build_scalar(&c->b, SARD_F32, 1);
    value_id pick[3] = {build_2(&c->b, "Equal", norm, build_scalar(&c->b, SARD_F32, 0)), one, norm};
    c->out[0] = build_2(&c->b, "Div", x, build_op(&c->b, "Where", pick, 3, NULL, 0));
    return builder_result(&c->b);
}

const op_def op_normalizer = {
    .domain = "ai.onnx.ml",
    .name = "Normalizer",
    .doc = "rows over their norm",
    OP_SINCE(1),
    OP_ATTRS(normalizer_attrs),
    OP_IN(num_in),
    OP_OUT(f32_out),
    .infer = infer_f32,
    .lower = lower_normalizer,
};

/* ---- Imputer: one value replaced ------------------------------------------------------------------------------------- */

enum { TO_FLOATS, TO_INTS, FROM_FLOAT, FROM_INT };
static const attr_def imputer_attrs[] = {
    ATTR_OPT("imputed_value_floats", ATTR_FLOATS),
    ATTR_OPT("imputed_value_int64s", ATTR_INTS),
    ATTR_F("replaced_value_float", 0),
    ATTR_I("replaced_value_int64", 0),
};

static sard_status lower_imputer(lower_ctx *c, sard_error *err) {
    const attr *a = c->node->attrs;
    sard_dtype t = (sard_dtype)c->in[0]->dtype;
    value_id x = node_in(c->b.g, c->node, 0), is, to;
    if (t == SARD_F32 || t == SARD_F64) {
        float from = a[FROM_FLOAT].f;
        TRY(check_features(c->in[0], attr_n_floats(&a[TO_FLOATS]), "imputed_value_floats", err));
        is = from != from ? build_1(&c->b, "IsNaN", x)
                          : build_2(&c->b, "Equal", x, build_scalar(&c->b, t, (double)from));
        to = numbers(&c->b, a[TO_FLOATS].floats.v, NULL, a[TO_FLOATS].floats.n, t);
    } else {
        TRY(check_features(c->in[0], attr_n_ints(&a[TO_INTS]), "imputed_value_int64s", err));
        is = build_2(&c->b, "Equal", x, numbers(&c->b, NULL, &a[FROM_INT].i, 1, t));
        to = numbers(&c->b, NULL, a[TO_INTS].ints.v, a[TO_INTS].ints.n, t);
    }
    const value_id in[3] = {is, to, x};
    c->out[0] = build_op(&c->b, "Where", in, 3, NULL, 0);
    return builder_result(&c->b);
}

const op_def op_imputer = {
    .domain = "ai.onnx.ml",
    .name = "Imputer",
    .doc = "replaces missing values",
    OP_SINCE(1),
    OP_ATTRS(imputer_attrs),
    OP_IN(num_in),
    OP_OUT(num_out),
    .infer = infer_same,
    .lower = lower_imputer,
};

/* ---- ArrayFeatureExtractor: columns by number ------------------------------------------------------------------------- */

#define AFE_TYPES (ML_INPUT | DT_STRING)
static const formal extractor_in[] = {
    {.name = "X", .var = "T", .types = AFE_TYPES},
    {.name = "Y", .types = DT(SARD_I64)},
};
static const formal extractor_out[] = {{.name = "Z", .var = "T", .types = AFE_TYPES}};

static sard_status infer_extractor(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[0], *y = c->in[1];
    int64_t n = 1, dim[MAX_RANK] = {1};
    FAIL_IF(x->rank == 0, err, SARD_INVALID_ARGUMENT, "X has rank 0; features are needed");
    for (int i = 0; i < y->rank; i++) n = dim_mul(c->mod, n, y->dim[i]);
    for (int i = 0; i + 1 < x->rank; i++) dim[i] = x->dim[i];
    int rank = x->rank == 1 ? 2 : x->rank;
    if (rank > 0) dim[rank - 1] = y->rank < 0 ? DIM_UNKNOWN : n;
    c->out[0] = type_tensor((sard_dtype)x->dtype, rank, dim);
    return SARD_OK;
}

static sard_status lower_extractor(lower_ctx *c, sard_error *err) {
    FAIL_IF(c->in[0]->rank < 1, err, SARD_UNSUPPORTED, "ArrayFeatureExtractor of an input whose rank is not known");
    const int64_t flat = -1, row = 0;
    const attr_arg axis = ARG_I("axis", -1);
    value_id in[2] = {node_in(c->b.g, c->node, 0), build_reshape(&c->b, node_in(c->b.g, c->node, 1), &flat, 1)};
    c->out[0] = build_op(&c->b, "Gather", in, 2, &axis, 1);
    if (c->in[0]->rank == 1) c->out[0] = build_2(&c->b, "Unsqueeze", c->out[0], build_i64s(&c->b, &row, 1));
    return builder_result(&c->b);
}

const op_def op_arrayfeatureextractor = {
    .domain = "ai.onnx.ml",
    .name = "ArrayFeatureExtractor",
    .doc = "columns by number",
    OP_SINCE(1),
    OP_IN(extractor_in),
    OP_OUT(extractor_out),
    .infer = infer_extractor,
    .lower = lower_extractor,
};

/* ---- FeatureVectorizer: inputs side by side --------------------------------------------------------------------------- */

static const attr_def vectorizer_attrs[] = {ATTR_OPT("inputdimensions", ATTR_INTS)};
static const formal vectorizer_in[] = {{.name = "X", .var = "T1", .types = ML_INPUT, .flags = F_VARIADIC | F_MIXED}};

/* Features of input i: as the attribute says, else all there are. */
static sard_status vectorizer_widths(const attr *a, uint32_t n_in, sard_error *err) {
    FAIL_IF(a->type == ATTR_INTS && a->ints.n != n_in, err, SARD_INVALID_MODEL,
            "inputdimensions has %zu elements; there are %u inputs", a->ints.n, n_in);
    for (size_t i = 0; a->type == ATTR_INTS && i < a->ints.n; i++)
        FAIL_IF(a->ints.v[i] < 0, err, SARD_INVALID_MODEL, "inputdimensions[%zu] is %lld", i, (long long)a->ints.v[i]);
    return SARD_OK;
}

static sard_status infer_vectorizer(infer_ctx *c, sard_error *err) {
    const attr *a = infer_attr(c, 0);
    int64_t dim[2] = {DIM_UNKNOWN, 0};
    TRY(vectorizer_widths(a, c->n_in, err));
    for (uint32_t i = 0; i < c->n_in; i++) {
        const vtype *x = c->in[i];
        int64_t w = x->rank < 1 ? DIM_UNKNOWN : 1;
        for (int k = x->rank == 1 ? 0 : 1; k < x->rank; k++) w = dim_mul(c->mod, w, x->dim[k]);
        dim[1] = dim_add(c->mod, dim[1], a->type == ATTR_INTS ? a->ints.v[i] : w);
        if (i == 0 && x->rank > 0) dim[0] = x->rank == 1 ? 1 : x->dim[0];
    }
    c->out[0] = type_tensor(SARD_F32, 2, dim);
    return SARD_OK;
}

static sard_status run_vectorizer(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const attr *a = op_attr(c, 0);
    shape s = {2, {0, 0}};
    int64_t rows, cols, at = 0;
    for (uint32_t i = 0; i < op_n_in(c); i++) {
        TRY(ml_matrix(op_in(c, i), &rows, &cols, err));
        if (i == 0) s.dim[0] = rows;
        FAIL_IF(rows != s.dim[0], err, SARD_INVALID_ARGUMENT, "input %u has %lld rows; the first has %lld", i,
                (long long)rows, (long long)s.dim[0]);
        FAIL_IF(add_i64(s.dim[1], a->type == ATTR_INTS ? a->ints.v[i] : cols, &s.dim[1]), err, SARD_LIMIT,
                "the features are too many");
    }
    tensor *y;
    TRY(op_out(c, 0, SARD_F32, &s, &y, err));
    for (uint32_t i = 0; i < op_n_in(c); i++) {
        const void *data;
        TRY(ml_matrix(op_in(c, i), &rows, &cols, err));
        TRY(ml_elements(c, op_in(c, i), SARD_F32, &data, err));
        int64_t w = a->type == ATTR_INTS ? a->ints.v[i] : cols, n = w < cols ? w : cols;
        for (int64_t r = 0; r < rows; r++) {
            float *to = TENSOR_AT(y, float) + r * s.dim[1] + at;
            memcpy(to, (const float *)data + r * cols, (size_t)n * sizeof *to);
            memset(to + n, 0, (size_t)(w - n) * sizeof *to);
        }
        at += w;
    }
    return SARD_OK;
}

const op_def op_featurevectorizer = {
    .domain = "ai.onnx.ml",
    .name = "FeatureVectorizer",
    .doc = "inputs side by side, as floats",
    OP_SINCE(1),
    OP_ATTRS(vectorizer_attrs),
    OP_IN(vectorizer_in),
    OP_OUT(f32_out),
    .infer = infer_vectorizer,
    .run = run_vectorizer,
};
