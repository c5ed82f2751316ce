/*
 * sparse.c -- sparse tensors as the ABI has them: coordinates, compressed rows, blocks.
 *
 * Beside what a client gave (values and indices in its own format, which it may ask for again) a value holds the same
 * tensor as coordinates, which is what the engine's runs take. Blocks have no such twin, as the ABI says nowhere which
 * elements they stand for; a run hands them on as they are (run.c).
 */
#include "ort/internal.h"

#include <stdlib.h>
#include <string.h>

typedef struct sparse_data { /* OrtValue.extra */
    ONNXTensorElementDataType type;
    int rank;
    int64_t *dims;
    sard_value *values;   /* NULL until there are any */
    sard_value *index[2]; /* coordinates; or inner and outer; or blocks */
} sparse_data;

static void data_free(void *p) {
    sparse_data *d = p;
    sard_value_unref(d->values);
    sard_value_unref(d->index[0]);
    sard_value_unref(d->index[1]);
    free(d->dims);
    free(d);
}

/* ---- tensors from a client's arrays ------------------------------------------------------------------------------- */

static OrtStatus *count_of(const char *who, const int64_t *shape, size_t rank, int64_t *count) {
    REQUIRE(rank == 0 || shape, ORT_INVALID_ARGUMENT, "%s: a shape is NULL", who);
    REQUIRE(rank <= 8, ORT_INVALID_ARGUMENT, "%s: %zu dimensions are too many", who, rank);
    int64_t n = 1;
    for (size_t i = 0; i < rank; i++) {
        REQUIRE(shape[i] >= 0, ORT_INVALID_ARGUMENT, "%s: dimension %zu is negative: %lld", who, i,
                (long long)shape[i]);
        REQUIRE(!__builtin_mul_overflow(n, shape[i], &n), ORT_INVALID_ARGUMENT, "%s: the shape is too large", who);
    }
    *count = n;
    return NULL;
}

/* A tensor over the data, or with a copy of it; strings (`data` is an array of const char *) are copied always. */
static OrtStatus *tensor_of(const char *who, sard_dtype type, const int64_t *shape, size_t rank, const void *data,
                            bool copy, sard_value **out) {
    int64_t n;
    sard_error err;
    TRY_ORT(count_of(who, shape, rank, &n));
    REQUIRE(data || n == 0, ORT_INVALID_ARGUMENT, "%s: %lld elements were announced, and none given", who,
            (long long)n);
    REQUIRE(n <= INT64_MAX / 16, ORT_INVALID_ARGUMENT, "%s: the shape is too large", who);
    const size_t bytes = ((size_t)n * (size_t)sard_dtype_bits(type) + 7) / 8;
    sard_status st;
    if (type == SARD_STRING) {
        st = sard_tensor_strings((int)rank, shape, data, NULL, out, &err);
    } else if (copy) {
        st = sard_tensor_new(type, (int)rank, shape, out, &err);
        if (st == SARD_OK && bytes) memcpy(sard_tensor_data_mut(*out), data, bytes);
    } else {
        st = sard_tensor_wrap(type, (int)rank, shape, (void *)(uintptr_t)data, bytes, NULL, NULL, out, &err);
    }
    return st == SARD_OK ? NULL : ort_from_error(st, &err, false);
}

/* ---- making -------------------------------------------------------------------------------------------------------- */

/* The engine's form: coordinates. Replaces what the value held. */
static OrtStatus *set_coordinates(OrtValue *v, sard_value *values, sard_value *indices) {
    const sparse_data *d = v->extra;
    sard_value *coo;
    sard_error err;
    const sard_status st = sard_sparse_new(d->rank, d->dims, values, indices, &coo, &err);
    if (st != SARD_OK) return ort_from_error(st, &err, false);
    sard_value_unref(v->v);
    v->v = coo;
    return NULL;
}

/* No elements yet. */
static OrtStatus *set_empty(OrtValue *v, sard_dtype type) {
    static const int64_t none[] = {0};
    sard_value *values = NULL, *indices = NULL;
    OrtStatus *st = tensor_of("sparse tensor", type, none, 1, NULL, true, &values);
    if (!st) st = tensor_of("sparse tensor", SARD_I64, none, 1, NULL, true, &indices);
    if (!st) st = set_coordinates(v, values, indices);
    sard_value_unref(values);
    sard_value_unref(indices);
    return st;
}

static OrtStatus *create(const char *who, const int64_t *dims, size_t rank, ONNXTensorElementDataType type,
                         OrtValue **out) {
    int64_t n;
    const sard_dtype t = ort_type_to(type);
    TRY_ORT(count_of(who, dims, rank, &n));
    REQUIRE(t != SARD_UNDEFINED, ORT_NOT_IMPLEMENTED, "%s: tensor type %d is not supported", who, (int)type);
    OrtValue *v;
    TRY_ORT(ort_value_new(NULL, &v));
    sparse_data *d = v->extra = calloc(1, sizeof *d);
    v->free_extra = data_free;
    if (d) d->dims = malloc((rank ? rank : 1) * sizeof *d->dims);
    OrtStatus *st = d && d->dims ? NULL : ort_no_memory(sizeof *d);
    if (!st) {
        d->type = type;
        d->rank = (int)rank;
        if (rank) memcpy(d->dims, dims, rank * sizeof *dims);
        st = set_empty(v, t);
    }
    if (st)
        ort_ReleaseValue(v);
    else
        *out = v;
    return st;
}

OrtStatus *ort_CreateSparseTensorAsOrtValue(OrtAllocator *allocator, const int64_t *dims, size_t rank,
                                            ONNXTensorElementDataType type, OrtValue **out) {
    NOT_NULL(allocator); /* values are copied into memory of this library's */
    NOT_NULL(dims);
    NOT_NULL(out);
    return create("CreateSparseTensorAsOrtValue", dims, rank, type, out);
}

OrtStatus *ort_CreateSparseTensorWithValuesAsOrtValue(const OrtMemoryInfo *info, void *data, const int64_t *dims,
                                                      size_t rank, const int64_t *values_shape, size_t values_rank,
                                                      ONNXTensorElementDataType type, OrtValue **out) {
    NOT_NULL(info);
    NOT_NULL(dims);
    NOT_NULL(values_shape);
    NOT_NULL(out);
    REQUIRE(type != ORT_TYPE_STRING, ORT_INVALID_ARGUMENT,
            "CreateSparseTensorWithValuesAsOrtValue: strings cannot lie in memory of the client's: use "
            "CreateSparseTensorAsOrtValue and fill it");
    OrtValue *v;
    TRY_ORT(create("CreateSparseTensorWithValuesAsOrtValue", dims, rank, type, &v));
    sparse_data *d = v->extra;
    OrtStatus *st = tensor_of("CreateSparseTensorWithValuesAsOrtValue", ort_type_to(type), values_shape, values_rank,
                              data, false, &d->values);
    if (st)
        ort_ReleaseValue(v);
    else
        *out = v;
    return st;
}

/* ---- filling ------------------------------------------------------------------------------------------------------- */

/* A value that a client made and that has no indices yet. */
static OrtStatus *to_fill(const char *who, const OrtValue *v, sparse_data **out) {
    REQUIRE(ort_value_kind(v) == ONNX_TYPE_SPARSETENSOR, ORT_FAIL, "%s: the value is not a sparse tensor", who);
    REQUIRE(v->extra && v->sparse == ORT_SPARSE_UNDEFINED, ORT_FAIL, "%s: this tensor already has populated indices",
            who);
    *out = v->extra;
    return NULL;
}

static void forget_indices(sparse_data *d) {
    sard_value_unref(d->index[0]);
    sard_value_unref(d->index[1]);
    d->index[0] = d->index[1] = NULL;
}

static OrtStatus *use_coo(const char *who, OrtValue *v, const int64_t *indices, size_t n, bool copy) {
    sparse_data *d = v->extra;
    const int64_t nnz = sard_tensor_count(d->values), shape[] = {nnz, 2};
    const bool pairs = nnz && n == 2 * (size_t)nnz;
    REQUIRE(pairs || n == (size_t)nnz, ORT_INVALID_ARGUMENT,
            "%s: COO indices count must be equal to or twice the values count: %zu indices, %lld values", who, n,
            (long long)nnz);
    REQUIRE(!pairs || d->rank == 2, ORT_INVALID_ARGUMENT, "%s: pairs of indices are of 2 dimensions, the shape has %d",
            who, d->rank);
    TRY_ORT(tensor_of(who, SARD_I64, shape, pairs ? 2 : 1, indices, copy, &d->index[0]));
    TRY_ORT(set_coordinates(v, d->values, d->index[0]));
    v->sparse = ORT_SPARSE_COO;
    return NULL;
}

/* The linear indices of compressed rows, checked. */
static OrtStatus *rows_to_linear(const char *who, const sparse_data *d, const int64_t *inner, const int64_t *outer,
                                 int64_t *linear) {
    const int64_t rows = d->dims[0], columns = d->dims[1], nnz = sard_tensor_count(d->values);
    REQUIRE(outer[0] == 0 && outer[rows] == nnz, ORT_INVALID_ARGUMENT,
            "%s: the outer indices run from %lld to %lld, expected 0 to %lld", who, (long long)outer[0],
            (long long)outer[rows], (long long)nnz);
    for (int64_t r = 0; r < rows; r++) {
        REQUIRE(outer[r] <= outer[r + 1] && outer[r + 1] <= nnz, ORT_INVALID_ARGUMENT,
                "%s: the outer indices fall at row %lld", who, (long long)r);
        for (int64_t i = outer[r]; i < outer[r + 1]; i++) {
            REQUIRE(inner[i] >= 0 && inner[i] < columns, ORT_INVALID_ARGUMENT,
                    "%s: inner index %lld is %lld, the tensor has %lld columns", who, (long long)i, (long long)inner[i],
                    (long long)columns);
            linear[i] = r * columns + inner[i];
        }
    }
    return NULL;
}

static OrtStatus *use_csr(const char *who, OrtValue *v, const int64_t *inner, size_t n_inner, const int64_t *outer,
                          size_t n_outer, bool copy) {
    sparse_data *d = v->extra;
    const int64_t nnz = sard_tensor_count(d->values), shape[] = {(int64_t)n_inner}, shape_out[] = {(int64_t)n_outer};
    REQUIRE(d->rank == 2, ORT_INVALID_ARGUMENT, "%s: compressed rows are of 2 dimensions, the shape has %d", who,
            d->rank);
    REQUIRE(n_inner == (size_t)nnz, ORT_INVALID_ARGUMENT, "%s: %zu inner indices for %lld values", who, n_inner,
            (long long)nnz);
    REQUIRE((nnz == 0 && n_outer == 0) || n_outer == (size_t)d->dims[0] + 1, ORT_INVALID_ARGUMENT,
            "%s: %zu outer indices for %lld rows, expected one more than rows", who, n_outer, (long long)d->dims[0]);
    TRY_ORT(tensor_of(who, SARD_I64, shape, 1, inner, copy, &d->index[0]));
    TRY_ORT(tensor_of(who, SARD_I64, shape_out, 1, outer, copy, &d->index[1]));
    sard_value *linear;
    sard_error err;
    const sard_status made = sard_tensor_new(SARD_I64, 1, shape, &linear, &err);
    if (made != SARD_OK) return ort_from_error(made, &err, false);
    OrtStatus *st = n_outer ? rows_to_linear(who, d, inner, outer, sard_tensor_data_mut(linear)) : NULL;
    if (!st) st = set_coordinates(v, d->values, linear);
    sard_value_unref(linear);
    if (!st) v->sparse = ORT_SPARSE_CSRC;
    return st;
}

static OrtStatus *use_blocks(const char *who, OrtValue *v, const int64_t *shape, size_t rank, const int32_t *indices,
                             bool copy) {
    sparse_data *d = v->extra;
    const int values_rank = sard_tensor_rank(d->values);
    const int64_t *dims = sard_tensor_dims(d->values);
    if (sard_tensor_count(d->values)) {
        int64_t blocks = 1;
        REQUIRE(values_rank >= 3, ORT_FAIL, "%s: values of blocks have 3 dimensions or more, not %d", who, values_rank);
        REQUIRE(rank == 2 && shape[0] == 2, ORT_FAIL, "%s: indices of blocks are of shape [2, number of blocks]", who);
        for (int i = 2; i < values_rank; i++) blocks *= dims[i];
        REQUIRE(shape[1] == blocks, ORT_FAIL, "%s: %lld indices for %lld blocks of values", who, (long long)shape[1],
                (long long)blocks);
    }
    TRY_ORT(tensor_of(who, SARD_I32, shape, rank, indices, copy, &d->index[0]));
    v->sparse = ORT_SPARSE_BLOCK_SPARSE;
    return NULL;
}

/* A failed call leaves the tensor as it was before. */
static OrtStatus *done(OrtValue *v, bool own_values, OrtStatus *st) {
    sparse_data *d = v->extra;
    if (!st) return NULL;
    forget_indices(d);
    if (own_values) {
        sard_value_unref(d->values);
        d->values = NULL;
    }
    return st;
}

static OrtStatus *copy_values(const char *who, OrtValue *v, const OrtMemoryInfo *info, const int64_t *shape,
                              size_t rank, const void *values) {
    sparse_data *d;
    REQUIRE(v && info && shape, ORT_INVALID_ARGUMENT, "%s: an argument is NULL", who);
    TRY_ORT(to_fill(who, v, &d));
    REQUIRE(!d->values, ORT_FAIL, "%s: this tensor uses values of the client's: give it indices", who);
    return tensor_of(who, ort_type_to(d->type), shape, rank, values, true, &d->values);
}

OrtStatus *ort_FillSparseTensorCoo(OrtValue *v, const OrtMemoryInfo *info, const int64_t *shape, size_t rank,
                                   const void *values, const int64_t *indices, size_t n) {
    TRY_ORT(copy_values("FillSparseTensorCoo", v, info, shape, rank, values));
    return done(v, true, use_coo("FillSparseTensorCoo", v, indices, n, true));
}

OrtStatus *ort_FillSparseTensorCsr(OrtValue *v, const OrtMemoryInfo *info, const int64_t *shape, size_t rank,
                                   const void *values, const int64_t *inner, size_t n_inner, const int64_t *outer,
                                   size_t n_outer) {
    TRY_ORT(copy_values("FillSparseTensorCsr", v, info, shape, rank, values));
    return done(v, true, use_csr("FillSparseTensorCsr", v, inner, n_inner, outer, n_outer, true));
}

OrtStatus *ort_FillSparseTensorBlockSparse(OrtValue *v, const OrtMemoryInfo *info, const int64_t *shape, size_t rank,
                                           const void *values, const int64_t *indices_shape, size_t indices_rank,
                                           const int32_t *indices) {
    NOT_NULL(indices_shape);
    TRY_ORT(copy_values("FillSparseTensorBlockSparse", v, info, shape, rank, values));
    return done(v, true, use_blocks("FillSparseTensorBlockSparse", v, indices_shape, indices_rank, indices, true));
}

static OrtStatus *with_values(const char *who, const OrtValue *v) {
    sparse_data *d;
    REQUIRE(v, ORT_INVALID_ARGUMENT, "%s: the value is NULL", who);
    TRY_ORT(to_fill(who, v, &d));
    REQUIRE(d->values, ORT_FAIL, "%s: the tensor has no values yet: make it with them, or fill it", who);
    return NULL;
}

OrtStatus *ort_UseCooIndices(OrtValue *v, int64_t *indices, size_t n) {
    TRY_ORT(with_values("UseCooIndices", v));
    return done(v, false, use_coo("UseCooIndices", v, indices, n, false));
}

OrtStatus *ort_UseCsrIndices(OrtValue *v, int64_t *inner, size_t n_inner, int64_t *outer, size_t n_outer) {
    TRY_ORT(with_values("UseCsrIndices", v));
    return done(v, false, use_csr("UseCsrIndices", v, inner, n_inner, outer, n_outer, false));
}

OrtStatus *ort_UseBlockSparseIndices(OrtValue *v, const int64_t *shape, size_t rank, int32_t *indices) {
    NOT_NULL(shape);
    TRY_ORT(with_values("UseBlockSparseIndices", v));
    return done(v, false, use_blocks("UseBlockSparseIndices", v, shape, rank, indices, false));
}

/* ---- reading ------------------------------------------------------------------------------------------------------- */

OrtStatus *ort_IsSparseTensor(const OrtValue *v, int *out) {
    NOT_NULL(v);
    NOT_NULL(out);
    *out = ort_value_kind(v) == ONNX_TYPE_SPARSETENSOR;
    return NULL;
}

static OrtStatus *need_sparse(const char *who, const OrtValue *v) {
    REQUIRE(ort_value_kind(v) == ONNX_TYPE_SPARSETENSOR, ORT_RUNTIME_EXCEPTION, "%s: the value is not a sparse tensor",
            who);
    return NULL;
}

/* What comes out of a run has no client's data beside it, and is of coordinates. */
OrtStatus *ort_GetSparseTensorFormat(const OrtValue *v, OrtSparseFormat *out) {
    NOT_NULL(v);
    NOT_NULL(out);
    TRY_ORT(need_sparse("GetSparseTensorFormat", v));
    *out = v->extra ? v->sparse : ORT_SPARSE_COO;
    return NULL;
}

static OrtStatus *values_of(const char *who, const OrtValue *v, sard_value **out) {
    TRY_ORT(need_sparse(who, v));
    const sparse_data *d = v->extra;
    REQUIRE(!d || v->sparse != ORT_SPARSE_UNDEFINED, ORT_FAIL, "%s: Sparse Tensor does not contain sparse data", who);
    *out = d ? d->values : sard_sparse_values(v->v);
    return NULL;
}

static OrtStatus *shape_out(const sard_value *t, OrtTensorTypeAndShapeInfo **out) {
    OrtTensorTypeAndShapeInfo *s = malloc(sizeof *s);
    if (!s) return ort_no_memory(sizeof *s);
    OrtStatus *st = ort_shape_info(ort_type_from(sard_tensor_dtype(t)), sard_tensor_rank(t), sard_tensor_dims(t), s);
    if (st)
        free(s);
    else
        *out = s;
    return st;
}

OrtStatus *ort_GetSparseTensorValuesTypeAndShape(const OrtValue *v, OrtTensorTypeAndShapeInfo **out) {
    NOT_NULL(v);
    NOT_NULL(out);
    sard_value *values;
    TRY_ORT(values_of("GetSparseTensorValuesTypeAndShape", v, &values));
    return shape_out(values, out);
}

OrtStatus *ort_GetSparseTensorValues(const OrtValue *v, const void **out) {
    NOT_NULL(v);
    NOT_NULL(out);
    sard_value *values;
    TRY_ORT(values_of("GetSparseTensorValues", v, &values));
    REQUIRE(sard_tensor_dtype(values) != SARD_STRING, ORT_INVALID_ARGUMENT,
            "GetSparseTensorValues: the values are strings: use GetStringTensorContent or GetStringTensorElement");
    *out = sard_tensor_data(values);
    return NULL;
}

OrtStatus *ort_sparse_strings(const char *who, const OrtValue *v, OrtValue *out) {
    REQUIRE(!v->extra || v->sparse != ORT_SPARSE_UNDEFINED, ORT_INVALID_ARGUMENT,
            "%s: Sparse Tensor does not contain sparse data", who);
    return values_of(who, v, &out->v);
}

static OrtStatus *indices_of(const char *who, const OrtValue *v, OrtSparseIndicesFormat format, sard_value **out) {
    static const OrtSparseFormat of[] = {ORT_SPARSE_COO, ORT_SPARSE_CSRC, ORT_SPARSE_CSRC, ORT_SPARSE_BLOCK_SPARSE};
    OrtSparseFormat have;
    TRY_ORT(ort_GetSparseTensorFormat(v, &have));
    REQUIRE((size_t)format < sizeof of / sizeof *of && of[format] == have, ORT_FAIL,
            "%s: indices of kind %d were asked for, the tensor's format is %d", who, (int)format, (int)have);
    const sparse_data *d = v->extra;
    *out = d ? d->index[format == ORT_SPARSE_CSR_OUTER_INDICES] : sard_sparse_indices(v->v);
    return NULL;
}

OrtStatus *ort_GetSparseTensorIndicesTypeShape(const OrtValue *v, OrtSparseIndicesFormat format,
                                               OrtTensorTypeAndShapeInfo **out) {
    NOT_NULL(v);
    NOT_NULL(out);
    sard_value *indices;
    TRY_ORT(indices_of("GetSparseTensorIndicesTypeShape", v, format, &indices));
    return shape_out(indices, out);
}

OrtStatus *ort_GetSparseTensorIndices(const OrtValue *v, OrtSparseIndicesFormat format, size_t *n, const void **out) {
    NOT_NULL(v);
    NOT_NULL(n);
    NOT_NULL(out);
    sard_value *indices;
    TRY_ORT(indices_of("GetSparseTensorIndices", v, format, &indices));
    *n = (size_t)sard_tensor_count(indices);
    *out = sard_tensor_data(indices);
    return NULL;
}
