/*
 * sparse.c -- sparse tensors as coordinates (COO): made over the client's memory or filled with copies, and read.
 *
 * A client names the values first and the indices later. Until then a sparse tensor has the format "undefined" and stands
 * for its values in the first places of the dense shape.
 */
#include "ort/internal.h"

#include <stdlib.h>
#include <string.h>

static OrtStatus *need_sparse(const char *who, const OrtValue *v) {
    REQUIRE(v, ORT_INVALID_ARGUMENT, "%s: the value is NULL", who);
    REQUIRE(ort_value_kind(v) == ONNX_TYPE_SPARSETENSOR, ORT_FAIL, "%s: the value is not a sparse tensor", who);
    return NULL;
}

static OrtStatus *need_coo(const char *who, const OrtValue *v) {
    TRY_ORT(need_sparse(who, v));
    REQUIRE(v->sparse == ORT_SPARSE_COO, ORT_INVALID_ARGUMENT, "%s: the sparse tensor has no indices yet", who);
    return NULL;
}

OrtStatus *ort_IsSparseTensor(const OrtValue *v, int *out) {
    NOT_NULL(v);
    NOT_NULL(out);
    *out = ort_value_kind(v) == ONNX_TYPE_SPARSETENSOR;
    return NULL;
}

/* ---- making ------------------------------------------------------------------------------------------------------- */

/* An int64 tensor 0, 1, ... n-1. */
static sard_status first_places(int64_t n, sard_value **out, sard_error *err) {
    const sard_status st = sard_tensor_new(SARD_I64, 1, &n, out, err);
    if (st != SARD_OK) return st;
    int64_t *p = sard_tensor_data_mut(*out);
    for (int64_t i = 0; i < n; i++) p[i] = i;
    return SARD_OK;
}

/* A sparse value of `values` (taken over) and `indices` (taken over; NULL: the first places). */
static OrtStatus *build(const int64_t *dims, int rank, sard_value *values, sard_value *indices, sard_value **out) {
    sard_error err;
    sard_status st = SARD_OK;
    if (!indices) st = first_places(sard_tensor_count(values), &indices, &err);
    if (st == SARD_OK) st = sard_sparse_new(rank, dims, values, indices, out, &err);
    sard_value_unref(values);
    sard_value_unref(indices);
    return st == SARD_OK ? NULL : ort_from_error(st, &err, false);
}

static OrtStatus *check_values(const char *who, ONNXTensorElementDataType type, const int64_t *shape, size_t rank) {
    const sard_dtype t = ort_type_to(type);
    REQUIRE(t != SARD_UNDEFINED && t != SARD_STRING, ORT_NOT_IMPLEMENTED, "%s: tensor type %d is not supported", who,
            (int)type);
    REQUIRE(rank == 1 && shape && shape[0] >= 0, ORT_INVALID_ARGUMENT, "%s: the values' shape must have one dimension",
            who);
    return NULL;
}

/* A rank-1 tensor over the client's memory. */
static OrtStatus *over(sard_dtype t, int64_t n, void *data, sard_value **out) {
    sard_error err;
    int64_t bytes;
    REQUIRE(!__builtin_mul_overflow(n, (int64_t)sard_dtype_bits(t), &bytes), ORT_INVALID_ARGUMENT,
            "sparse tensor: %lld values are too many", (long long)n);
    REQUIRE(data || n == 0, ORT_INVALID_ARGUMENT, "sparse tensor: the data is NULL");
    const sard_status st =
        sard_tensor_wrap(t, 1, &n, data, (size_t)(bytes / 8 + (bytes % 8 != 0)), NULL, NULL, out, &err);
    return st == SARD_OK ? NULL : ort_from_error(st, &err, false);
}

/* The same with memory of its own. */
static OrtStatus *copy_of(sard_dtype t, int64_t n, const void *data, sard_value **out) {
    sard_value *view;
    sard_error err;
    TRY_ORT(over(t, n, (void *)(uintptr_t)data, &view));
    const sard_status st = sard_tensor_new(t, 1, &n, out, &err);
    if (st == SARD_OK && sard_tensor_bytes(view))
        memcpy(sard_tensor_data_mut(*out), sard_tensor_data(view), sard_tensor_bytes(view));
    sard_value_unref(view);
    return st == SARD_OK ? NULL : ort_from_error(st, &err, false);
}

OrtStatus *ort_CreateSparseTensorWithValuesAsOrtValue(const OrtMemoryInfo *info, void *data, const int64_t *dims,
                                                      size_t rank, const int64_t *values_shape, size_t values_rank,
                                                      ONNXTensorElementDataType type, OrtValue **out) {
    NOT_NULL(info);
    NOT_NULL(out);
    if (rank) NOT_NULL(dims);
    TRY_ORT(check_values("CreateSparseTensorWithValues", type, values_shape, values_rank));
    REQUIRE(rank <= 64, ORT_INVALID_ARGUMENT, "CreateSparseTensorWithValues: %zu dimensions are too many", rank);
    sard_value *values, *v;
    TRY_ORT(over(ort_type_to(type), values_shape[0], data, &values));
    TRY_ORT(build(dims, (int)rank, values, NULL, &v));
    return ort_value_new(v, out);
}

OrtStatus *ort_CreateSparseTensorAsOrtValue(OrtAllocator *allocator, const int64_t *dims, size_t rank,
                                            ONNXTensorElementDataType type, OrtValue **out) {
    static const int64_t none[] = {0};
    NOT_NULL(allocator);
    return ort_CreateSparseTensorWithValuesAsOrtValue(&ort_cpu_memory, NULL, dims, rank, none, 1, type, out);
}

/* Puts new values and indices into v. Both are taken over. */
static OrtStatus *replace(OrtValue *v, sard_value *values, sard_value *indices) {
    int rank;
    sard_value *made;
    const int64_t *dims = sard_sparse_dims(v->v, &rank);
    TRY_ORT(build(dims, rank, values, indices, &made));
    sard_value_unref(v->v);
    v->v = made;
    v->sparse = ORT_SPARSE_COO;
    return NULL;
}

/* Indices [nnz] count in the dense tensor's row-major order; [nnz, rank] are coordinates. */
static OrtStatus *indices_of(const OrtValue *v, int64_t nnz, sard_value *flat, sard_value **out) {
    int rank;
    sard_error err;
    sard_sparse_dims(v->v, &rank);
    const int64_t n = sard_tensor_count(flat), dims[] = {nnz, rank};
    *out = flat;
    if (n == nnz) return NULL;
    sard_status st = SARD_INVALID_ARGUMENT;
    sard_value *table = NULL;
    if (rank > 0 && n / rank == nnz && n % rank == 0) st = sard_tensor_new(SARD_I64, 2, dims, &table, &err);
    if (table) memcpy(sard_tensor_data_mut(table), sard_tensor_data(flat), sard_tensor_bytes(flat));
    sard_value_unref(flat);
    *out = table;
    if (table) return NULL;
    REQUIRE(st != SARD_INVALID_ARGUMENT, ORT_INVALID_ARGUMENT,
            "sparse tensor: %lld indices fit neither %lld values nor their coordinates in %d dimensions", (long long)n,
            (long long)nnz, rank);
    return ort_from_error(st, &err, false);
}

OrtStatus *ort_UseCooIndices(OrtValue *v, int64_t *data, size_t n) {
    TRY_ORT(need_sparse("UseCooIndices", v));
    REQUIRE(n <= INT64_MAX, ORT_INVALID_ARGUMENT, "UseCooIndices: %zu indices are too many", n);
    sard_value *flat, *indices;
    TRY_ORT(over(SARD_I64, (int64_t)n, data, &flat));
    TRY_ORT(indices_of(v, sard_tensor_count(sard_sparse_values(v->v)), flat, &indices));
    return replace(v, sard_value_ref(sard_sparse_values(v->v)), indices);
}

OrtStatus *ort_FillSparseTensorCoo(OrtValue *v, const OrtMemoryInfo *info, const int64_t *shape, size_t rank,
                                   const void *data, const int64_t *index, size_t n) {
    TRY_ORT(need_sparse("FillSparseTensorCoo", v));
    NOT_NULL(info);
    const sard_dtype t = sard_tensor_dtype(sard_sparse_values(v->v));
    TRY_ORT(check_values("FillSparseTensorCoo", ort_type_from(t), shape, rank));
    REQUIRE(n <= INT64_MAX, ORT_INVALID_ARGUMENT, "FillSparseTensorCoo: %zu indices are too many", n);
    sard_value *values, *flat, *indices = NULL;
    TRY_ORT(copy_of(t, shape[0], data, &values));
    OrtStatus *st = copy_of(SARD_I64, (int64_t)n, index, &flat);
    if (!st) st = indices_of(v, shape[0], flat, &indices);
    if (!st) return replace(v, values, indices);
    sard_value_unref(values);
    return st;
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

OrtStatus *ort_GetSparseTensorFormat(const OrtValue *v, OrtSparseFormat *out) {
    TRY_ORT(need_sparse("GetSparseTensorFormat", v));
    NOT_NULL(out);
    *out = v->sparse;
    return NULL;
}

OrtStatus *ort_GetSparseTensorValuesTypeAndShape(const OrtValue *v, OrtTensorTypeAndShapeInfo **out) {
    TRY_ORT(need_sparse("GetSparseTensorValuesTypeAndShape", v));
    const OrtValue values = {.v = sard_sparse_values(v->v)};
    return ort_GetTensorTypeAndShape(&values, out);
}

OrtStatus *ort_GetSparseTensorValues(const OrtValue *v, const void **out) {
    TRY_ORT(need_sparse("GetSparseTensorValues", v));
    NOT_NULL(out);
    *out = sard_tensor_data(sard_sparse_values(v->v));
    return NULL;
}

static OrtStatus *need_coordinates(const char *who, const OrtValue *v, OrtSparseIndicesFormat format) {
    TRY_ORT(need_coo(who, v));
    REQUIRE(format == ORT_SPARSE_COO_INDICES, ORT_INVALID_ARGUMENT, "%s: the tensor has coordinates, not format %d",
            who, (int)format);
    return NULL;
}

OrtStatus *ort_GetSparseTensorIndicesTypeShape(const OrtValue *v, OrtSparseIndicesFormat format,
                                               OrtTensorTypeAndShapeInfo **out) {
    TRY_ORT(need_coordinates("GetSparseTensorIndicesTypeShape", v, format));
    const OrtValue indices = {.v = sard_sparse_indices(v->v)};
    return ort_GetTensorTypeAndShape(&indices, out);
}

OrtStatus *ort_GetSparseTensorIndices(const OrtValue *v, OrtSparseIndicesFormat format, size_t *n, const void **out) {
    TRY_ORT(need_coordinates("GetSparseTensorIndices", v, format));
    NOT_NULL(n);
    NOT_NULL(out);
    *n = (size_t)sard_tensor_count(sard_sparse_indices(v->v));
    *out = sard_tensor_data(sard_sparse_indices(v->v));
    return NULL;
}
