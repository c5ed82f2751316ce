/*
 * typeinfo.c -- OrtTypeInfo and OrtTensorTypeAndShapeInfo. The casts lend a part of a type; everything else that is
 * handed out is a copy of the client's own.
 */
#include "ort/internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- element types ------------------------------------------------------------------------------------------------ */

ONNXTensorElementDataType ort_type_from(sard_dtype t) {
    switch (t) {
    case SARD_U2:
        return ORT_TYPE_UINT2;
    case SARD_I2:
        return ORT_TYPE_INT2;
    case SARD_F8E8M0:
        return ORT_TYPE_FLOAT8E8M0;
    default:
        return t <= SARD_F4E2M1 ? (ONNXTensorElementDataType)t : ORT_TYPE_UNDEFINED;
    }
}

sard_dtype ort_type_to(ONNXTensorElementDataType t) {
    switch ((int)t) {
    case ORT_TYPE_UINT2:
        return SARD_U2;
    case ORT_TYPE_INT2:
        return SARD_I2;
    case ORT_TYPE_FLOAT8E8M0:
        return SARD_F8E8M0;
    default:
        return (int)t >= 0 && (int)t <= ORT_TYPE_FLOAT4E2M1 ? (sard_dtype)t : SARD_UNDEFINED;
    }
}

ONNXType ort_kind_from(sard_kind k) {
    static const ONNXType kinds[] = {[SARD_KIND_UNKNOWN] = ONNX_TYPE_UNKNOWN,
                                     [SARD_KIND_TENSOR] = ONNX_TYPE_TENSOR,
                                     [SARD_KIND_SPARSE_TENSOR] = ONNX_TYPE_SPARSETENSOR,
                                     [SARD_KIND_SEQUENCE] = ONNX_TYPE_SEQUENCE,
                                     [SARD_KIND_MAP] = ONNX_TYPE_MAP,
                                     [SARD_KIND_OPTIONAL] = ONNX_TYPE_OPTIONAL};
    return kinds[k];
}

/* ---- shapes ------------------------------------------------------------------------------------------------------- */

void ort_shape_info_deinit(OrtTensorTypeAndShapeInfo *s) {
    for (size_t i = 0; s->names && i < s->rank; i++) free(s->names[i]);
    free(s->names);
    free(s->dims);
    *s = (OrtTensorTypeAndShapeInfo){0};
}

OrtStatus *ort_shape_info(ONNXTensorElementDataType type, int rank, const int64_t *dims,
                          OrtTensorTypeAndShapeInfo *out) {
    *out = (OrtTensorTypeAndShapeInfo){.type = type, .has_shape = rank >= 0, .rank = rank > 0 ? (size_t)rank : 0};
    if (!out->rank) return NULL;
    out->dims = malloc(out->rank * sizeof *dims);
    if (!out->dims) return ort_no_memory(out->rank * sizeof *dims);
    memcpy(out->dims, dims, out->rank * sizeof *dims);
    return NULL;
}

static bool set_name(OrtTensorTypeAndShapeInfo *s, size_t i, const char *name) {
    if (!s->names) s->names = calloc(s->rank, sizeof *s->names);
    if (!s->names) return false;
    char *copy = strdup(name);
    if (!copy) return false;
    free(s->names[i]);
    s->names[i] = copy;
    return true;
}

static OrtStatus *shape_copy(const OrtTensorTypeAndShapeInfo *from, OrtTensorTypeAndShapeInfo *to) {
    TRY_ORT(ort_shape_info(from->type, from->has_shape ? (int)from->rank : -1, from->dims, to));
    for (size_t i = 0; from->names && i < from->rank; i++)
        if (from->names[i] && !set_name(to, i, from->names[i])) {
            ort_shape_info_deinit(to);
            return ort_no_memory(from->rank);
        }
    return NULL;
}

static OrtStatus *shape_from_type(const sard_type *t, OrtTensorTypeAndShapeInfo *out) {
    const int rank = sard_type_rank(t);
    int64_t *dims = rank > 0 ? malloc((size_t)rank * sizeof *dims) : NULL;
    if (rank > 0 && !dims) return ort_no_memory((size_t)rank * sizeof *dims);
    for (int i = 0; i < rank; i++) dims[i] = sard_type_dim(t, i);
    OrtStatus *st = ort_shape_info(ort_type_from(sard_type_dtype(t)), rank, dims, out);
    free(dims);
    for (int i = 0; i < rank && !st; i++) {
        const char *name = sard_type_dim_name(t, i);
        if (*name && !set_name(out, (size_t)i, name)) st = ort_no_memory(strlen(name));
    }
    if (st) ort_shape_info_deinit(out);
    return st;
}

OrtStatus *ort_CreateTensorTypeAndShapeInfo(OrtTensorTypeAndShapeInfo **out) {
    NOT_NULL(out);
    *out = calloc(1, sizeof **out);
    return *out ? NULL : ort_no_memory(sizeof **out);
}

void ort_ReleaseTensorTypeAndShapeInfo(OrtTensorTypeAndShapeInfo *s) {
    if (s) ort_shape_info_deinit(s);
    free(s);
}

OrtStatus *ort_SetTensorElementType(OrtTensorTypeAndShapeInfo *s, ONNXTensorElementDataType type) {
    NOT_NULL(s);
    s->type = type;
    return NULL;
}

OrtStatus *ort_SetDimensions(OrtTensorTypeAndShapeInfo *s, const int64_t *dims, size_t n) {
    NOT_NULL(s);
    if (n) NOT_NULL(dims);
    OrtTensorTypeAndShapeInfo made;
    REQUIRE(n <= 1024, ORT_INVALID_ARGUMENT, "SetDimensions: %zu dimensions are too many", n);
    TRY_ORT(ort_shape_info(s->type, (int)n, dims, &made));
    ort_shape_info_deinit(s);
    *s = made;
    return NULL;
}

OrtStatus *ort_SetSymbolicDimensions(OrtTensorTypeAndShapeInfo *s, const char **names, size_t n) {
    NOT_NULL(s);
    if (n) NOT_NULL(names);
    REQUIRE(n == s->rank, ORT_INVALID_ARGUMENT, "SetSymbolicDimensions: %zu names for %zu dimensions", n, s->rank);
    for (size_t i = 0; i < n; i++)
        if (!set_name(s, i, names[i] ? names[i] : "")) return ort_no_memory(n);
    return NULL;
}

OrtStatus *ort_GetTensorElementType(const OrtTensorTypeAndShapeInfo *s, ONNXTensorElementDataType *out) {
    NOT_NULL(s);
    NOT_NULL(out);
    *out = s->type;
    return NULL;
}

OrtStatus *ort_GetDimensionsCount(const OrtTensorTypeAndShapeInfo *s, size_t *out) {
    NOT_NULL(s);
    NOT_NULL(out);
    *out = s->rank;
    return NULL;
}

OrtStatus *ort_GetDimensions(const OrtTensorTypeAndShapeInfo *s, int64_t *dims, size_t n) {
    NOT_NULL(s);
    if (n) NOT_NULL(dims);
    for (size_t i = 0; i < n && i < s->rank; i++) dims[i] = s->dims[i];
    return NULL;
}

OrtStatus *ort_GetSymbolicDimensions(const OrtTensorTypeAndShapeInfo *s, const char **names, size_t n) {
    NOT_NULL(s);
    if (n) NOT_NULL(names);
    for (size_t i = 0; i < n && i < s->rank; i++) names[i] = s->names && s->names[i] ? s->names[i] : "";
    return NULL;
}

/* Unknown dimensions count as -1 each, as the ABI has it; 0 when the product does not fit. */
OrtStatus *ort_GetTensorShapeElementCount(const OrtTensorTypeAndShapeInfo *s, size_t *out) {
    NOT_NULL(s);
    NOT_NULL(out);
    int64_t n = 1;
    for (size_t i = 0; i < s->rank; i++) {
        REQUIRE(s->dims[i] >= 0, ORT_FAIL, "GetTensorShapeElementCount: dimension %zu is not known", i);
        REQUIRE(!__builtin_mul_overflow(n, s->dims[i], &n), ORT_FAIL,
                "GetTensorShapeElementCount: the shape is too large");
    }
    *out = (size_t)n;
    return NULL;
}

bool ort_TensorTypeAndShape_HasShape(const OrtTensorTypeAndShapeInfo *s) { return s && s->has_shape; }

/* ---- types -------------------------------------------------------------------------------------------------------- */

void ort_ReleaseTypeInfo(OrtTypeInfo *t) {
    while (t) {
        OrtTypeInfo *elem = t->elem;
        ort_shape_info_deinit(&t->tensor);
        free(t->denotation);
        free(t);
        t = elem;
    }
}

OrtStatus *ort_type_info_new(const sard_type *t, OrtTypeInfo **out) {
    OrtTypeInfo *first = NULL, **at = &first;
    OrtStatus *st = NULL;
    for (; t && !st; t = sard_type_elem(t), at = &(*at)->elem) {
        OrtTypeInfo *x = *at = calloc(1, sizeof *x);
        if (!x) {
            st = ort_no_memory(sizeof *x);
            break;
        }
        x->kind = ort_kind_from(sard_type_kind(t));
        if (x->kind == ONNX_TYPE_TENSOR || x->kind == ONNX_TYPE_SPARSETENSOR) st = shape_from_type(t, &x->tensor);
        if (x->kind == ONNX_TYPE_MAP) x->key = ort_type_from(sard_type_dtype(t));
    }
    if (st)
        ort_ReleaseTypeInfo(first);
    else
        *out = first;
    return st;
}

OrtStatus *ort_type_info_copy(const OrtTypeInfo *t, OrtTypeInfo **out) {
    OrtTypeInfo *first = NULL, **at = &first;
    OrtStatus *st = NULL;
    for (; t && !st; t = t->elem, at = &(*at)->elem) {
        OrtTypeInfo *x = *at = calloc(1, sizeof *x);
        if (!x) {
            st = ort_no_memory(sizeof *x);
            break;
        }
        x->kind = t->kind;
        x->key = t->key;
        if (t->denotation && !(x->denotation = strdup(t->denotation))) st = ort_no_memory(1);
        if (!st) st = shape_copy(&t->tensor, &x->tensor);
    }
    if (st)
        ort_ReleaseTypeInfo(first);
    else
        *out = first;
    return st;
}

OrtStatus *ort_GetOnnxTypeFromTypeInfo(const OrtTypeInfo *t, ONNXType *out) {
    NOT_NULL(t);
    NOT_NULL(out);
    *out = t->kind;
    return NULL;
}

OrtStatus *ort_GetDenotationFromTypeInfo(const OrtTypeInfo *t, const char **const out, size_t *n) {
    NOT_NULL(t);
    NOT_NULL(out);
    NOT_NULL(n);
    *out = t->denotation ? t->denotation : "";
    *n = strlen(*out);
    return NULL;
}

OrtStatus *ort_CastTypeInfoToTensorInfo(const OrtTypeInfo *t, const OrtTensorTypeAndShapeInfo **out) {
    NOT_NULL(t);
    NOT_NULL(out);
    *out = t->kind == ONNX_TYPE_TENSOR || t->kind == ONNX_TYPE_SPARSETENSOR ? &t->tensor : NULL;
    return NULL;
}

OrtStatus *ort_CastTypeInfoToMapTypeInfo(const OrtTypeInfo *t, const OrtMapTypeInfo **out) {
    NOT_NULL(t);
    NOT_NULL(out);
    *out = t->kind == ONNX_TYPE_MAP ? (const OrtMapTypeInfo *)t : NULL;
    return NULL;
}

OrtStatus *ort_CastTypeInfoToSequenceTypeInfo(const OrtTypeInfo *t, const OrtSequenceTypeInfo **out) {
    NOT_NULL(t);
    NOT_NULL(out);
    *out = t->kind == ONNX_TYPE_SEQUENCE ? (const OrtSequenceTypeInfo *)t : NULL;
    return NULL;
}

OrtStatus *ort_CastTypeInfoToOptionalTypeInfo(const OrtTypeInfo *t, const OrtOptionalTypeInfo **out) {
    NOT_NULL(t);
    NOT_NULL(out);
    *out = t->kind == ONNX_TYPE_OPTIONAL ? (const OrtOptionalTypeInfo *)t : NULL;
    return NULL;
}

OrtStatus *ort_GetMapKeyType(const OrtMapTypeInfo *map, ONNXTensorElementDataType *out) {
    NOT_NULL(map);
    NOT_NULL(out);
    *out = ((const OrtTypeInfo *)map)->key;
    return NULL;
}

static OrtStatus *elem_of(const void *type, OrtTypeInfo **out) {
    const OrtTypeInfo *t = type;
    REQUIRE(t->elem, ORT_FAIL, "the type of the elements is not known");
    return ort_type_info_copy(t->elem, out);
}

OrtStatus *ort_GetMapValueType(const OrtMapTypeInfo *map, OrtTypeInfo **out) {
    NOT_NULL(map);
    NOT_NULL(out);
    return elem_of(map, out);
}

OrtStatus *ort_GetSequenceElementType(const OrtSequenceTypeInfo *sequence, OrtTypeInfo **out) {
    NOT_NULL(sequence);
    NOT_NULL(out);
    return elem_of(sequence, out);
}

OrtStatus *ort_GetOptionalContainedTypeInfo(const OrtOptionalTypeInfo *optional, OrtTypeInfo **out) {
    NOT_NULL(optional);
    NOT_NULL(out);
    return elem_of(optional, out);
}

/* What the casts lend belongs to the type it was lent of. */
void ort_ReleaseMapTypeInfo(OrtMapTypeInfo *t) { (void)t; }
void ort_ReleaseSequenceTypeInfo(OrtSequenceTypeInfo *t) { (void)t; }
