/*
 * value.c -- OrtValue: tensors over their own, a client's or an allocator's memory.
 */
#include "ort/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- making and releasing ----------------------------------------------------------------------------------------- */

static void strings_free(OrtValue *v) {
    for (size_t i = 0; v->strings && i < v->n_strings; i++) free(v->strings[i].p);
    free(v->strings);
    free(v->dims);
    v->strings = NULL;
    v->dims = NULL;
}

void ort_ReleaseValue(OrtValue *v) {
    if (!v || atomic_fetch_sub(&v->shares, 1) != 0) return;
    sard_value_unref(v->v);
    strings_free(v);
    if (v->extra && v->free_extra) v->free_extra(v->extra);
    free(v);
}

OrtValue *ort_value_share(const OrtValue *v) {
    OrtValue *shared = (OrtValue *)(uintptr_t)v; /* who owns a value says nothing about what it holds */
    atomic_fetch_add(&shared->shares, 1);
    return shared;
}

static void move_content(OrtValue *to, const OrtValue *from) {
    const unsigned shares = atomic_load(&to->shares);
    *to = *from;
    atomic_store(&to->shares, shares);
}

void ort_value_swap(OrtValue *to, OrtValue *from) {
    OrtValue old = {0};
    move_content(&old, to);
    move_content(to, from);
    move_content(from, &old);
}

OrtStatus *ort_value_new(sard_value *take, OrtValue **out) {
    OrtValue *v = calloc(1, sizeof *v);
    if (!v) {
        sard_value_unref(take);
        return ort_no_memory(sizeof *v);
    }
    v->v = take;
    *out = v;
    return NULL;
}

/* Checks a shape; the number of elements and, for all but strings, of bytes. */
static OrtStatus *check_shape(const char *who, ONNXTensorElementDataType type, const int64_t *dims, size_t rank,
                              size_t *count, size_t *bytes) {
    const sard_dtype t = ort_type_to(type);
    REQUIRE(t != SARD_UNDEFINED, ORT_NOT_IMPLEMENTED, "%s: tensor type %d is not supported", who, (int)type);
    REQUIRE(rank == 0 || dims, ORT_INVALID_ARGUMENT, "%s: the shape is NULL", who);
    REQUIRE(rank <= 1024, ORT_INVALID_ARGUMENT, "%s: %zu dimensions are too many", who, rank);
    size_t n = 1, bits;
    bool empty = false, over = false;
    for (size_t i = 0; i < rank; i++) {
        REQUIRE(dims[i] >= 0, ORT_INVALID_ARGUMENT, "%s: dimension %zu of the shape is negative: %lld", who, i,
                (long long)dims[i]);
        if (dims[i] == 0)
            empty = true;
        else
            over |= __builtin_mul_overflow(n, (size_t)dims[i], &n);
    }
    if (empty) n = 0, over = false;
    over |= __builtin_mul_overflow(n, t == SARD_STRING ? 8 * sizeof(ort_string) : (size_t)sard_dtype_bits(t), &bits);
    REQUIRE(!over, ORT_INVALID_ARGUMENT, "%s: the shape is too large", who);
    *count = n;
    *bytes = bits / 8 + (bits % 8 != 0);
    return NULL;
}

/* An all-empty tensor of strings in its changeable form. */
static OrtStatus *strings_new(const int64_t *dims, size_t rank, size_t count, OrtValue **out) {
    OrtValue *v;
    TRY_ORT(ort_value_new(NULL, &v));
    v->strings = calloc(count ? count : 1, sizeof *v->strings);
    v->dims = malloc((rank ? rank : 1) * sizeof *v->dims);
    v->n_strings = count;
    v->rank = (int)rank;
    if (!v->strings || !v->dims) {
        ort_ReleaseValue(v);
        return ort_no_memory(count * sizeof(ort_string));
    }
    if (rank) memcpy(v->dims, dims, rank * sizeof *dims);
    *out = v;
    return NULL;
}

static OrtStatus *wrap(ONNXTensorElementDataType type, const int64_t *dims, size_t rank, void *data, size_t bytes,
                       sard_release_fn release, void *owner, OrtValue **out) {
    sard_value *v;
    sard_error err;
    const sard_status st = sard_tensor_wrap(ort_type_to(type), (int)rank, dims, data, bytes, release, owner, &v, &err);
    if (st != SARD_OK) return ort_from_error(st, &err, false);
    return ort_value_new(v, out);
}

static void give_back(void *owner, void *data, size_t bytes) {
    (void)bytes;
    OrtAllocator *a = owner;
    a->Free(a, data);
}

OrtStatus *ort_CreateTensorAsOrtValue(OrtAllocator *allocator, const int64_t *dims, size_t rank,
                                      ONNXTensorElementDataType type, OrtValue **out) {
    NOT_NULL(allocator);
    NOT_NULL(out);
    size_t count, bytes;
    TRY_ORT(check_shape("CreateTensorAsOrtValue", type, dims, rank, &count, &bytes));
    if (type == ORT_TYPE_STRING) return strings_new(dims, rank, count, out);
    void *data = allocator->Alloc(allocator, bytes ? bytes : 1);
    if (!data) return ort_no_memory(bytes);
    OrtStatus *st = wrap(type, dims, rank, data, bytes, give_back, allocator, out);
    if (st) {
        allocator->Free(allocator, data);
        return st;
    }
    (*out)->memory = allocator->Info(allocator);
    return NULL;
}

static OrtStatus *check_data(const char *who, ONNXTensorElementDataType type, const void *data, size_t given,
                             size_t bytes) {
    REQUIRE(given >= bytes, ORT_INVALID_ARGUMENT, "%s: the shape needs %zu bytes, %zu were given", who, bytes, given);
    REQUIRE(type != ORT_TYPE_STRING, ORT_NOT_IMPLEMENTED,
            "%s: a tensor of strings has no memory of the client's: make it with CreateTensorAsOrtValue", who);
    REQUIRE(data || bytes == 0, ORT_INVALID_ARGUMENT, "%s: the data is NULL", who);
    return NULL;
}

OrtStatus *ort_CreateTensorWithDataAsOrtValue(const OrtMemoryInfo *info, void *data, size_t n, const int64_t *dims,
                                              size_t rank, ONNXTensorElementDataType type, OrtValue **out) {
    NOT_NULL(info);
    NOT_NULL(out);
    size_t count, bytes;
    TRY_ORT(check_shape("CreateTensorWithDataAsOrtValue", type, dims, rank, &count, &bytes));
    TRY_ORT(check_data("CreateTensorWithDataAsOrtValue", type, data, n, bytes));
    REQUIRE(info->device == OrtMemoryInfoDeviceType_CPU, ORT_INVALID_ARGUMENT,
            "CreateTensorWithDataAsOrtValue: this build reads memory of the CPU, not of '%s'", info->name);
    TRY_ORT(wrap(type, dims, rank, data, bytes, NULL, NULL, out));
    (*out)->borrowed = true;
    return NULL;
}

OrtStatus *ort_CreateTensorWithDataAndDeleterAsOrtValue(OrtAllocator *deleter, void *data, size_t n,
                                                        const int64_t *dims, size_t rank,
                                                        ONNXTensorElementDataType type, OrtValue **out) {
    NOT_NULL(deleter);
    NOT_NULL(out);
    size_t count, bytes;
    TRY_ORT(check_shape("CreateTensorWithDataAndDeleterAsOrtValue", type, dims, rank, &count, &bytes));
    TRY_ORT(check_data("CreateTensorWithDataAndDeleterAsOrtValue", type, data, n, bytes));
    return wrap(type, dims, rank, data, bytes, give_back, deleter, out);
}

/* ---- what a value is ---------------------------------------------------------------------------------------------- */

ONNXType ort_value_kind(const OrtValue *v) { return v->v ? ort_kind_from(sard_value_kind(v->v)) : ONNX_TYPE_TENSOR; }

bool ort_value_is_strings(const OrtValue *v) {
    return v->strings || (sard_value_kind(v->v) == SARD_KIND_TENSOR && sard_tensor_dtype(v->v) == SARD_STRING);
}

static int rank_of(const OrtValue *v) { return v->strings ? v->rank : sard_tensor_rank(v->v); }
static const int64_t *dims_of(const OrtValue *v) { return v->strings ? v->dims : sard_tensor_dims(v->v); }
static ONNXTensorElementDataType type_of(const OrtValue *v) {
    return v->strings ? ORT_TYPE_STRING : ort_type_from(sard_tensor_dtype(v->v));
}

OrtStatus *ort_IsTensor(const OrtValue *v, int *out) {
    NOT_NULL(v);
    NOT_NULL(out);
    *out = ort_value_kind(v) == ONNX_TYPE_TENSOR;
    return NULL;
}

OrtStatus *ort_GetValueType(const OrtValue *v, ONNXType *out) {
    NOT_NULL(v);
    NOT_NULL(out);
    *out = ort_value_kind(v);
    return NULL;
}

/* Shape and type of a tensor; of a sparse one, the shape it stands for. */
static OrtStatus *shape_of_value(const OrtValue *v, OrtTensorTypeAndShapeInfo *out) {
    if (ort_value_kind(v) == ONNX_TYPE_TENSOR) return ort_shape_info(type_of(v), rank_of(v), dims_of(v), out);
    REQUIRE(ort_value_kind(v) == ONNX_TYPE_SPARSETENSOR, ORT_FAIL, "the value is not a tensor");
    int rank;
    const int64_t *dims = sard_sparse_dims(v->v, &rank);
    return ort_shape_info(ort_type_from(sard_tensor_dtype(sard_sparse_values(v->v))), rank, dims, out);
}

OrtStatus *ort_GetTensorTypeAndShape(const OrtValue *v, OrtTensorTypeAndShapeInfo **out) {
    NOT_NULL(v);
    NOT_NULL(out);
    OrtTensorTypeAndShapeInfo *s = malloc(sizeof *s);
    if (!s) return ort_no_memory(sizeof *s);
    OrtStatus *st = shape_of_value(v, s);
    if (st)
        free(s);
    else
        *out = s;
    return st;
}

OrtStatus *ort_GetTensorElementTypeAndShapeDataReference(const OrtValue *v, ONNXTensorElementDataType *type,
                                                         const int64_t **dims, size_t *n) {
    NOT_NULL(v);
    NOT_NULL(type);
    NOT_NULL(dims);
    NOT_NULL(n);
    REQUIRE(ort_value_kind(v) == ONNX_TYPE_TENSOR, ORT_INVALID_ARGUMENT, "the value is not a tensor");
    *type = type_of(v);
    *dims = dims_of(v);
    *n = (size_t)rank_of(v);
    return NULL;
}

/* The type of a value, with the shapes of its tensors; of a container, that of its first element. */
static OrtStatus *type_of_value(const OrtValue *v, OrtTypeInfo **out);

static OrtStatus *type_of_part(sard_value *part, OrtTypeInfo **out) {
    if (!part) return NULL;
    const OrtValue v = {.v = part};
    return type_of_value(&v, out);
}

static OrtStatus *type_of_value(const OrtValue *v, OrtTypeInfo **out) {
    OrtTypeInfo *t = calloc(1, sizeof *t);
    if (!t) return ort_no_memory(sizeof *t);
    t->kind = ort_value_kind(v);
    OrtStatus *st = NULL;
    switch (t->kind) {
    case ONNX_TYPE_TENSOR:
    case ONNX_TYPE_SPARSETENSOR:
        st = shape_of_value(v, &t->tensor);
        break;
    case ONNX_TYPE_SEQUENCE:
        if (sard_sequence_length(v->v)) st = type_of_part(sard_sequence_item(v->v, 0), &t->elem);
        break;
    case ONNX_TYPE_MAP:
        t->key = ort_type_from(sard_tensor_dtype(sard_map_keys(v->v)));
        st = type_of_part(sard_map_values(v->v), &t->elem);
        break;
    case ONNX_TYPE_OPTIONAL:
        st = type_of_part(sard_optional_get(v->v), &t->elem);
        break;
    default:
        break;
    }
    if (st)
        ort_ReleaseTypeInfo(t);
    else
        *out = t;
    return st;
}

OrtStatus *ort_GetTypeInfo(const OrtValue *v, OrtTypeInfo **out) {
    NOT_NULL(v);
    NOT_NULL(out);
    return type_of_value(v, out);
}

OrtStatus *ort_HasValue(const OrtValue *v, int *out) {
    NOT_NULL(v);
    NOT_NULL(out);
    *out = ort_value_kind(v) != ONNX_TYPE_OPTIONAL || sard_optional_get(v->v) != NULL;
    return NULL;
}

/* ---- data --------------------------------------------------------------------------------------------------------- */

OrtStatus *ort_GetTensorMutableData(OrtValue *v, void **out) {
    NOT_NULL(v);
    NOT_NULL(out);
    REQUIRE(ort_value_kind(v) == ONNX_TYPE_TENSOR, ORT_FAIL, "GetTensorMutableData: the value is not a tensor");
    if (ort_value_is_strings(v)) { /* opaque to clients, who only look whether it is there */
        TRY_ORT(ort_value_own_strings(v));
        *out = v->strings;
        return NULL;
    }
    *out = sard_tensor_data_mut(v->v);
    return NULL;
}

OrtStatus *ort_GetTensorData(const OrtValue *v, const void **out) {
    void *p;
    TRY_ORT(ort_GetTensorMutableData((OrtValue *)(uintptr_t)v, &p));
    *out = p;
    return NULL;
}

OrtStatus *ort_GetTensorSizeInBytes(const OrtValue *v, size_t *out) {
    NOT_NULL(v);
    NOT_NULL(out);
    REQUIRE(ort_value_kind(v) == ONNX_TYPE_TENSOR && !ort_value_is_strings(v), ORT_INVALID_ARGUMENT,
            "GetTensorSizeInBytes: the value is not a tensor of numbers");
    *out = sard_tensor_bytes(v->v);
    return NULL;
}

OrtStatus *ort_GetTensorMemoryInfo(const OrtValue *v, const OrtMemoryInfo **out) {
    NOT_NULL(v);
    NOT_NULL(out);
    REQUIRE(ort_value_kind(v) == ONNX_TYPE_TENSOR, ORT_FAIL, "GetTensorMemoryInfo: the value is not a tensor");
    *out = v->memory ? v->memory : &ort_cpu_memory;
    return NULL;
}

OrtStatus *ort_TensorAt(OrtValue *v, const int64_t *at, size_t n, void **out) {
    NOT_NULL(v);
    NOT_NULL(out);
    if (n) NOT_NULL(at);
    REQUIRE(ort_value_kind(v) == ONNX_TYPE_TENSOR && !ort_value_is_strings(v), ORT_INVALID_ARGUMENT,
            "TensorAt: the value is not a tensor of numbers");
    const int64_t *dims = sard_tensor_dims(v->v);
    const int bits = sard_dtype_bits(sard_tensor_dtype(v->v));
    REQUIRE((int)n == sard_tensor_rank(v->v), ORT_INVALID_ARGUMENT, "TensorAt: %zu places for a tensor of rank %d", n,
            sard_tensor_rank(v->v));
    REQUIRE(bits % 8 == 0, ORT_NOT_IMPLEMENTED, "TensorAt: elements smaller than a byte have no address");
    int64_t index = 0;
    for (size_t i = 0; i < n; i++) {
        REQUIRE(at[i] >= 0 && at[i] < dims[i], ORT_INVALID_ARGUMENT,
                "TensorAt: place %lld is outside dimension %zu (%lld)", (long long)at[i], i, (long long)dims[i]);
        index = index * dims[i] + at[i];
    }
    *out = (char *)sard_tensor_data_mut(v->v) + index * (bits / 8);
    return NULL;
}

/* ---- strings ------------------------------------------------------------------------------------------------------ */

static bool string_set(ort_string *s, const char *p, size_t n) {
    char *copy = malloc(n + 1);
    if (!copy) return false;
    if (n) memcpy(copy, p, n);
    copy[n] = 0;
    free(s->p);
    *s = (ort_string){copy, n};
    return true;
}

static const char *string_at(const OrtValue *v, size_t i, size_t *n) {
    if (!v->strings) return sard_tensor_string(v->v, (int64_t)i, n);
    *n = v->strings[i].n;
    return v->strings[i].p ? v->strings[i].p : "";
}

static size_t string_count(const OrtValue *v) { return v->strings ? v->n_strings : (size_t)sard_tensor_count(v->v); }

OrtStatus *ort_value_own_strings(OrtValue *v) {
    if (v->strings) return NULL;
    OrtValue *made;
    const size_t count = string_count(v);
    TRY_ORT(strings_new(sard_tensor_dims(v->v), (size_t)sard_tensor_rank(v->v), count, &made));
    for (size_t i = 0; i < count; i++) {
        size_t n;
        const char *p = sard_tensor_string(v->v, (int64_t)i, &n);
        if (string_set(&made->strings[i], p, n)) continue;
        ort_ReleaseValue(made);
        return ort_no_memory(n);
    }
    sard_value_unref(v->v);
    v->v = NULL;
    v->strings = made->strings;
    v->dims = made->dims;
    v->n_strings = count;
    v->rank = made->rank;
    free(made);
    return NULL;
}

OrtStatus *ort_value_get(const OrtValue *v, sard_value **out) {
    if (v->v) {
        REQUIRE(v->sparse != ORT_SPARSE_BLOCK_SPARSE, ORT_NOT_IMPLEMENTED,
                "a sparse tensor of blocks can only go through a run: expected coordinates or compressed rows");
        *out = sard_value_ref(v->v);
        return NULL;
    }
    const size_t n = v->n_strings;
    const char **p = malloc((n ? n : 1) * sizeof *p);
    size_t *lens = malloc((n ? n : 1) * sizeof *lens);
    sard_error err;
    sard_status st = SARD_OK;
    OrtStatus *bad = p && lens ? NULL : ort_no_memory(n * sizeof *p);
    if (!bad) {
        for (size_t i = 0; i < n; i++) p[i] = string_at(v, i, &lens[i]);
        st = sard_tensor_strings(v->rank, v->dims, p, lens, out, &err);
        if (st != SARD_OK) bad = ort_from_error(st, &err, false);
    }
    free(p);
    free(lens);
    return bad;
}

static OrtStatus *need_strings(const char *who, const OrtValue *v) {
    REQUIRE(ort_value_is_strings(v), ORT_FAIL, "%s: the value is not a tensor of strings", who);
    return NULL;
}

/* The strings to read: of a sparse tensor its values, for which *v then points to `view`. */
static OrtStatus *strings_to_read(const char *who, const OrtValue **v, OrtValue *view) {
    if (ort_value_kind(*v) == ONNX_TYPE_SPARSETENSOR) {
        TRY_ORT(ort_sparse_strings(who, *v, view));
        *v = view;
    }
    return need_strings(who, *v);
}

OrtStatus *ort_FillStringTensor(OrtValue *v, const char *const *s, size_t n) {
    NOT_NULL(v);
    NOT_NULL(s);
    TRY_ORT(need_strings("FillStringTensor", v));
    REQUIRE(n == string_count(v), ORT_INVALID_ARGUMENT, "FillStringTensor: %zu strings for a tensor of %zu elements", n,
            string_count(v));
    TRY_ORT(ort_value_own_strings(v));
    for (size_t i = 0; i < n; i++) {
        REQUIRE(s[i], ORT_INVALID_ARGUMENT, "FillStringTensor: string %zu is NULL", i);
        if (!string_set(&v->strings[i], s[i], strlen(s[i]))) return ort_no_memory(strlen(s[i]));
    }
    return NULL;
}

OrtStatus *ort_FillStringTensorElement(OrtValue *v, const char *s, size_t index) {
    NOT_NULL(v);
    NOT_NULL(s);
    TRY_ORT(need_strings("FillStringTensorElement", v));
    REQUIRE(index < string_count(v), ORT_INVALID_ARGUMENT,
            "FillStringTensorElement: element index %zu is out of bounds (%zu)", index, string_count(v));
    TRY_ORT(ort_value_own_strings(v));
    return string_set(&v->strings[index], s, strlen(s)) ? NULL : ort_no_memory(strlen(s));
}

/* Makes the string `n` bytes long, keeping what it holds so far, and lends its bytes. */
OrtStatus *ort_GetResizedStringTensorElementBuffer(OrtValue *v, size_t index, size_t n, char **out) {
    NOT_NULL(v);
    NOT_NULL(out);
    TRY_ORT(need_strings("GetResizedStringTensorElementBuffer", v));
    REQUIRE(index < string_count(v), ORT_INVALID_ARGUMENT,
            "GetResizedStringTensorElementBuffer: element index %zu is out of bounds (%zu)", index, string_count(v));
    TRY_ORT(ort_value_own_strings(v));
    ort_string *s = &v->strings[index];
    char *p = n == SIZE_MAX ? NULL : realloc(s->p, n + 1);
    if (!p) return ort_no_memory(n);
    if (n > s->n || !s->p) memset(p + s->n, 0, n - s->n);
    p[n] = 0;
    *s = (ort_string){p, n};
    *out = p;
    return NULL;
}

OrtStatus *ort_GetStringTensorDataLength(const OrtValue *v, size_t *out) {
    NOT_NULL(v);
    NOT_NULL(out);
    OrtValue view = {0};
    TRY_ORT(strings_to_read("GetStringTensorDataLength", &v, &view));
    size_t total = 0, n;
    for (size_t i = 0; i < string_count(v); i++) string_at(v, i, &n), total += n;
    *out = total;
    return NULL;
}

OrtStatus *ort_GetStringTensorContent(const OrtValue *v, void *s, size_t len, size_t *offsets, size_t n_offsets) {
    NOT_NULL(v);
    OrtValue view = {0};
    TRY_ORT(strings_to_read("GetStringTensorContent", &v, &view));
    const size_t count = string_count(v);
    size_t need, at = 0, n;
    TRY_ORT(ort_GetStringTensorDataLength(v, &need));
    REQUIRE(n_offsets == count, ORT_FAIL, "GetStringTensorContent: room for %zu offsets, the tensor has %zu elements",
            n_offsets, count);
    REQUIRE(len >= need, ORT_FAIL, "GetStringTensorContent: the buffer has %zu bytes, the strings take %zu", len, need);
    if (need) NOT_NULL(s);
    if (count) NOT_NULL(offsets);
    for (size_t i = 0; i < count; i++) {
        const char *p = string_at(v, i, &n);
        offsets[i] = at;
        if (n) memcpy((char *)s + at, p, n);
        at += n;
    }
    return NULL;
}

OrtStatus *ort_GetStringTensorElementLength(const OrtValue *v, size_t index, size_t *out) {
    NOT_NULL(v);
    NOT_NULL(out);
    OrtValue view = {0};
    TRY_ORT(strings_to_read("GetStringTensorElementLength", &v, &view));
    REQUIRE(index < string_count(v), ORT_INVALID_ARGUMENT,
            "GetStringTensorElementLength: element index %zu is out of bounds (%zu)", index, string_count(v));
    string_at(v, index, out);
    return NULL;
}

OrtStatus *ort_GetStringTensorElement(const OrtValue *v, size_t len, size_t index, void *s) {
    NOT_NULL(v);
    OrtValue view = {0};
    TRY_ORT(strings_to_read("GetStringTensorElement", &v, &view));
    REQUIRE(index < string_count(v), ORT_INVALID_ARGUMENT,
            "GetStringTensorElement: element index %zu is out of bounds (%zu)", index, string_count(v));
    size_t n;
    const char *p = string_at(v, index, &n);
    REQUIRE(len >= n, ORT_FAIL, "GetStringTensorElement: the buffer has %zu bytes, the string takes %zu", len, n);
    if (n) NOT_NULL(s);
    if (n) memcpy(s, p, n);
    return NULL;
}
