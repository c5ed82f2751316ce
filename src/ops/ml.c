/*
 * ml.c -- see ml.h.
 */
#include "ops/ml.h"

#include <math.h>

#include "kernels/gemm/gemm.h"
#include "kernels/pointwise/scalar_ops.h"

#define T       float
#define NAME(n) n##_f32
#define EVAL    pw_eval_f32
#define SQRT    sqrtf
#define F(x)    ((float)(x))
#include "ops/ml_post.inc"
#define T       double
#define F(x)    ((double)(x))
#define NAME(n) n##_f64
#define EVAL    pw_eval_f64
#define SQRT    sqrt
#include "ops/ml_post.inc"

sard_status ml_post_attr(const attr *a, ml_post *out, sard_error *err) {
    static const char *const words[] = {"NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO", "PROBIT"};
    int k;
    TRY(attr_word(a, "post_transform", words, 5, &k, err));
    *out = (ml_post)k;
    return SARD_OK;
}

void ml_post_row_f32(ml_post post, float *z, int64_t n) { row_f32(post, z, n); }
float ml_logistic(float x) { return pw_eval_f32(PW_SIGMOID, x, 0, 0); }

typedef struct post_job {
    ml_post post;
    bool wide;
    void *z;
    int64_t cols;
} post_job;

static sard_status post_some(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    (void)worker, (void)err;
    const post_job *j = arg;
    for (int64_t i = from; i < to; i++) {
        if (j->wide)
            row_f64(j->post, (double *)j->z + i * j->cols, j->cols);
        else
            row_f32(j->post, (float *)j->z + i * j->cols, j->cols);
    }
    return SARD_OK;
}

sard_status ml_post_rows(op_ctx *c, ml_post post, sard_dtype t, void *z, int64_t rows, int64_t cols, sard_error *err) {
    if (post == POST_NONE || cols == 0) return SARD_OK;
    post_job j = {post, t == SARD_F64, z, cols};
    int64_t grain = 4096 / cols;
    return par_for(op_par(c), rows, grain > 0 ? grain : 1, post_some, &j, err);
}

sard_status ml_matrix(const tensor *x, int64_t *rows, int64_t *cols, sard_error *err) {
    FAIL_IF(x->rank == 0, err, SARD_INVALID_ARGUMENT, "X has rank 0; rows of features are needed");
    *rows = x->rank == 1 ? 1 : x->dim[0];
    *cols = x->rank == 1 ? x->dim[0] : dims_count(x->dim + 1, x->rank - 1);
    return SARD_OK;
}

sard_status ml_elements(op_ctx *c, const tensor *x, sard_dtype t, const void **out, sard_error *err) {
    *out = tensor_data(x);
    if (x->dtype == t) return SARD_OK;
    int64_t n = tensor_count(x);
    void *mem;
    TRY(op_scratch(c, (size_t)n * (t == SARD_F64 ? sizeof(double) : sizeof(float)), &mem, err));
    for (int64_t i = 0; i < n; i++) {
        if (t == SARD_F64)
            ((double *)mem)[i] = x->dtype == SARD_I64 ? (double)TENSOR_AT(x, int64_t)[i] : tensor_get_f64(x, i);
        else
            ((float *)mem)[i] = x->dtype == SARD_I64 ? (float)TENSOR_AT(x, int64_t)[i] : (float)tensor_get_f64(x, i);
    }
    *out = mem;
    return SARD_OK;
}

sard_status ml_weights_pack(op_prep *p, const float *v, int64_t n, int64_t k, ml_weights *out, sard_error *err) {
    size_t bytes = gemm_pack_bytes(k, n, sizeof(float));
    *out = (ml_weights){.packed = mem_alloc(bytes), .n = n, .k = k};
    if (!out->packed) return err_nomem(err, bytes);
    if (k) gemm_pack_f32(k, n, v, 1, k, 0, gemm_panels(n), out->packed);
    *p->packed += bytes;
    return SARD_OK;
}

sard_status ml_weights_apply(const ml_weights *w, op_ctx *c, const float *x, int64_t rows, float *y, sard_error *err) {
    void *scratch;
    gemm_f32 g = {.m = rows,
                  .n = w->n,
                  .k = w->k,
                  .a = x,
                  .a_rs = w->k,
                  .a_cs = 1,
                  .packed = w->packed,
                  .c = y,
                  .c_rs = w->n,
                  .e = GEMM_EPILOGUE_NONE};
    g.e.bias = w->bias, g.e.bias_cs = 1;
    TRY(op_scratch(c, gemm_scratch_f32(&g, par_threads(op_par(c))), &scratch, err));
    return gemm_run_f32(&g, op_par(c), scratch, err);
}

sard_status ml_infer_rows(infer_ctx *c, uint32_t out, sard_dtype t, int64_t cols, sard_error *err) {
    const vtype *x = c->in[0];
    if (out >= c->n_out) return SARD_OK;
    FAIL_IF(x->rank == 0, err, SARD_INVALID_ARGUMENT, "X has rank 0; rows of features are needed");
    int64_t dim[2] = {x->rank < 0 ? DIM_UNKNOWN : x->rank == 1 ? 1 : x->dim[0], cols};
    c->out[out] = type_tensor(t, cols == DIM_UNKNOWN && out == 0 ? 1 : 2, dim);
    return SARD_OK;
}

sard_status ml_labels_of(const attr *strings, const attr *ints, ml_labels *out, sard_error *err) {
    *out = (ml_labels){0};
    FAIL_IF(attr_n_strs(strings) && attr_n_ints(ints), err, SARD_INVALID_MODEL,
            "class labels are given as strings and as integers");
    if (attr_n_strs(strings))
        *out = (ml_labels){.strings = strings, .n = (int64_t)strings->strs.n};
    else if (attr_n_ints(ints))
        *out = (ml_labels){.ints = ints, .n = (int64_t)ints->ints.n};
    return SARD_OK;
}

sard_status ml_label_rows(op_ctx *c, const ml_labels *l, uint32_t out, const int64_t *which, int64_t rows,
                          sard_error *err) {
    shape s = {1, {rows}};
    tensor *y;
    void *made = NULL; /* strings of the classes that came up */
    TRY(op_out(c, out, ml_label_type(l), &s, &y, err));
    if (l->strings) {
        TRY(op_scratch(c, (size_t)l->n * sizeof(str), &made, err));
        memset(made, 0, (size_t)l->n * sizeof(str));
    }
    for (int64_t i = 0; i < rows; i++) {
        int64_t k = which[i];
        FAIL_IF(l->n && k >= l->n, err, SARD_INVALID_MODEL, "class %lld has no label: there are %lld", (long long)k,
                (long long)l->n);
        if (!l->strings) {
            TENSOR_AT(y, int64_t)[i] = l->ints ? l->ints->ints.v[k] : k;
            continue;
        }
        str *m = (str *)made + k, from = l->strings->strs.v[k];
        if (!m->p) TRY(op_string(c, from.p, from.n, m, err));
        TENSOR_AT(y, str)[i] = *m;
    }
    return SARD_OK;
}
