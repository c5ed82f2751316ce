/*
 * product.h -- products of matrices for the operators that make them: MatMul, Gemm and what is lowered to them.
 *
 * A constant B is packed once, at compile time. f16 and bf16 are read into f32 and the result is rounded once. A
 * pointwise program behind the operator is applied to finished tiles while they are in cache.
 */
#ifndef SARD_OPS_PRODUCT_H
#define SARD_OPS_PRODUCT_H

#include "kernels/gemm/gemm.h"
#include "ops/common.h"

#define PRODUCT_TYPES (DT_FLOAT | DT(SARD_I32) | DT(SARD_I64) | DT(SARD_U32) | DT(SARD_U64))

typedef struct product { /* state of the operator */
    void *packed;        /* float or double panels; NULL: B is not constant */
    int64_t k, n;
} product;

/* Packs constant input `which` as B [k, n] (or its transpose). *out is NULL when there is nothing to pack. */
sard_status product_prepare(op_prep *p, uint32_t which, bool transposed, product **out, sard_error *err);
void product_drop(void *state);

typedef struct product_args {
    const tensor *a, *b;
    int64_t m, n, k;
    int64_t a_rs, a_cs, b_rs, b_cs; /* strides of the matrices */
    int batch_rank;
    int64_t batch_dim[GEMM_MAX_BATCH_RANK], a_batch[GEMM_MAX_BATCH_RANK], b_batch[GEMM_MAX_BATCH_RANK];
    float alpha, beta;
    const tensor *bias; /* may be NULL; broadcast by the strides, element (row of [batch * m], column) */
    int64_t bias_rs, bias_cs;
    shape out; /* of output 0: the batch, m and n in that order */
} product_args;

/* Output 0 (and the outputs of the program behind the operator). */
sard_status product_run(const product *s, op_ctx *c, const product_args *g, sard_error *err);

/* What a heavy operator hands to its kernel for op_fused: output 0 of shape `y` seen as [rows, cols]. col_axis: the axis
 * that is the columns (the last one for products; 1 for channels-last images). */
sard_status fused_epilogue(op_ctx *c, const shape *y, int col_axis, pw_epilogue *out, sard_error *err);
/* Gives the kernel's own epilogue what it can do of `behind` in registers: all of it (operands added, then limits), or
 * nothing, and then the hook does all. */
void fused_into(const pw_epilogue *behind, gemm_epilogue_f32 *e);
void fused_hook(const void *arg, void *tile, int64_t ld, int64_t row, int64_t col, int64_t rows, int64_t cols);

/* Widening of 16-bit floats (F16 or BF16) and back, rounding once. */
void widen_f32(const void *src, sard_dtype t, float *dst, int64_t n);
void narrow_f32(const float *src, sard_dtype t, void *dst, int64_t n);

#endif
