/*
 * ml.h -- what operators of ai.onnx.ml share: rows of features as floats, post transforms, labels.
 */
#ifndef SARD_OPS_ML_H
#define SARD_OPS_ML_H

#include "ops/common.h"

typedef enum ml_post { POST_NONE, POST_LOGISTIC, POST_SOFTMAX, POST_SOFTMAX_ZERO, POST_PROBIT } ml_post;
#define ML_INPUT (DT(SARD_F32) | DT(SARD_F64) | DT(SARD_I32) | DT(SARD_I64))

/* Attribute post_transform. */
sard_status ml_post_attr(const attr *a, ml_post *out, sard_error *err);
/* In place on [rows, cols] of F32 or F64; large ones in parallel. */
sard_status ml_post_rows(op_ctx *c, ml_post post, sard_dtype t, void *z, int64_t rows, int64_t cols, sard_error *err);
/* One row, and the logistic function. */
void ml_post_row_f32(ml_post post, float *z, int64_t n);
float ml_logistic(float x);

/* Input 0 as [rows, cols]: rank 1 is one row, higher ranks are flattened behind axis 0. */
sard_status ml_matrix(const tensor *x, int64_t *rows, int64_t *cols, sard_error *err);
/* Its elements as `t` (F32 or F64), rounded once: in place when they are, else in scratch memory. */
sard_status ml_elements(op_ctx *c, const tensor *x, sard_dtype t, const void **out, sard_error *err);
/* A constant matrix [n, k], packed for products with rows of k numbers; of a state that is all zeros at first. */
typedef struct ml_weights {
    float *packed;
    int64_t n, k;
    const float *bias; /* [n] or NULL */
} ml_weights;
/* n vectors in a list of floats, without bias. */
sard_status ml_weights_pack(op_prep *p, const float *v, int64_t n, int64_t k, ml_weights *out, sard_error *err);
/* y [rows, n] = x w' + bias, x [rows, k] */
sard_status ml_weights_apply(const ml_weights *w, op_ctx *c, const float *x, int64_t rows, float *y, sard_error *err);
/* Types: [rows] of labels (int64 unless `strings` is there) and [rows, cols] of scores. */
sard_status ml_infer_rows(infer_ctx *c, uint32_t out, sard_dtype t, int64_t cols, sard_error *err);

/* Class labels: strings or integers; neither means 0 .. n-1. */
typedef struct ml_labels {
    const attr *strings, *ints;
    int64_t n; /* 0: none given */
} ml_labels;
sard_status ml_labels_of(const attr *strings, const attr *ints, ml_labels *out, sard_error *err);
static inline sard_dtype ml_label_type(const ml_labels *l) { return l->strings ? SARD_STRING : SARD_I64; }
/* Output `out`, [rows]: the labels of classes which[]; strings are made to live with the run. */
sard_status ml_label_rows(op_ctx *c, const ml_labels *l, uint32_t out, const int64_t *which, int64_t rows,
                          sard_error *err);

/* The list's length, 0 when absent. */
static inline size_t attr_n_ints(const attr *a) { return a->type == ATTR_INTS ? a->ints.n : 0; }
static inline size_t attr_n_floats(const attr *a) { return a->type == ATTR_FLOATS ? a->floats.n : 0; }
static inline size_t attr_n_strs(const attr *a) { return a->type == ATTR_STRINGS ? a->strs.n : 0; }

#endif
