/*
 * container.c -- sequences, maps and optionals: put together from values, and taken apart again. What is taken out is a
 * value of its own, which shares its memory with the container (keys and values of a map only when its keys ascend).
 */
#include "ort/internal.h"

#include <stdlib.h>
#include <string.h>

OrtStatus *ort_GetValueCount(const OrtValue *v, size_t *out) {
    NOT_NULL(v);
    NOT_NULL(out);
    switch (ort_value_kind(v)) {
    case ONNX_TYPE_SEQUENCE:
        *out = sard_sequence_length(v->v);
        return NULL;
    case ONNX_TYPE_MAP:
        *out = 2;
        return NULL;
    default:
        return ort_fail(ORT_FAIL, "GetValueCount: the value is neither a sequence nor a map");
    }
}

/* ---- maps: their keys ascend, as in the ordered maps of ONNX Runtime ------------------------------------------------ */

typedef struct map_key {
    const char *text; /* NULL: `number` is the key */
    size_t len;
    int64_t number;
    int64_t at; /* its place in the map */
} map_key;

static int compare_keys(const void *pa, const void *pb) {
    const map_key *a = pa, *b = pb;
    if (!a->text) return (a->number > b->number) - (a->number < b->number);
    const int c = memcmp(a->text, b->text, a->len < b->len ? a->len : b->len);
    return c ? c : (a->len > b->len) - (a->len < b->len);
}

/* Ascending keys; *sorted says that they were in order. NULL when out of memory. */
static map_key *sorted_keys(const sard_value *keys, bool *sorted) {
    const int64_t n = sard_tensor_count(keys);
    const bool text = sard_tensor_dtype(keys) == SARD_STRING;
    map_key *k = calloc(n ? (size_t)n : 1, sizeof *k);
    if (!k) return NULL;
    *sorted = true;
    for (int64_t i = 0; i < n; i++) {
        k[i].at = i;
        if (text)
            k[i].text = sard_tensor_string(keys, i, &k[i].len);
        else
            k[i].number = ((const int64_t *)sard_tensor_data(keys))[i];
        if (i && compare_keys(&k[i - 1], &k[i]) > 0) *sorted = false;
    }
    if (!*sorted) qsort(k, (size_t)n, sizeof *k, compare_keys);
    return k;
}

static sard_status gather_strings(const sard_value *v, const map_key *order, size_t n, sard_value **out,
                                  sard_error *err) {
    const char **text = malloc((n ? n : 1) * sizeof *text);
    size_t *len = malloc((n ? n : 1) * sizeof *len);
    const int64_t dim = (int64_t)n;
    sard_status st = SARD_OUT_OF_MEMORY;
    if (text && len) {
        for (size_t i = 0; i < n; i++) text[i] = sard_tensor_string(v, order[i].at, &len[i]);
        st = sard_tensor_strings(1, &dim, text, len, out, err);
    }
    free(text);
    free(len);
    return st;
}

static sard_status gather(const sard_value *v, const map_key *order, size_t n, sard_value **out, sard_error *err) {
    const int64_t dim = (int64_t)n;
    *err = (sard_error){0};
    if (sard_tensor_dtype(v) == SARD_STRING) return gather_strings(v, order, n, out, err);
    const sard_status st = sard_tensor_new(sard_tensor_dtype(v), 1, &dim, out, err);
    if (st != SARD_OK) return st;
    const size_t size = sard_tensor_bytes(v) / (n ? n : 1);
    for (size_t i = 0; i < n; i++)
        memcpy((char *)sard_tensor_data_mut(*out) + i * size,
               (const char *)sard_tensor_data(v) + (size_t)order[i].at * size, size);
    return SARD_OK;
}

/* The keys or the values of a map in the order of its keys: a reference. */
static OrtStatus *map_part(const sard_value *map, int index, sard_value **out) {
    sard_value *const keys = sard_map_keys(map), *const v = index == 0 ? keys : sard_map_values(map);
    const bool ordered = sard_tensor_dtype(keys) == SARD_I64 || sard_tensor_dtype(keys) == SARD_STRING;
    *out = sard_value_ref(v);
    if (!ordered || sard_value_kind(v) != SARD_KIND_TENSOR) return NULL;
    bool sorted;
    sard_error err;
    sard_status st = SARD_OK;
    map_key *order = sorted_keys(keys, &sorted);
    if (!order) st = SARD_OUT_OF_MEMORY, err = (sard_error){0};
    if (order && !sorted) {
        sard_value_unref(*out);
        *out = NULL;
        st = gather(v, order, (size_t)sard_tensor_count(keys), out, &err);
    }
    free(order);
    if (st == SARD_OK) return NULL;
    sard_value_unref(*out);
    *out = NULL;
    return ort_from_error(st, &err, false);
}

/* The part `index` of a container: a reference. */
static OrtStatus *part(const OrtValue *v, int index, sard_value **out) {
    switch (ort_value_kind(v)) {
    case ONNX_TYPE_SEQUENCE:
        REQUIRE(index >= 0 && (size_t)index < sard_sequence_length(v->v), ORT_RUNTIME_EXCEPTION,
                "GetValue: index %d is outside the sequence of %zu elements", index, sard_sequence_length(v->v));
        *out = sard_value_ref(sard_sequence_item(v->v, (size_t)index));
        return NULL;
    case ONNX_TYPE_MAP:
        REQUIRE(index == 0 || index == 1, ORT_FAIL, "GetValue: a map has its keys at 0 and its values at 1, not at %d",
                index);
        return map_part(v->v, index, out);
    case ONNX_TYPE_OPTIONAL:
        REQUIRE(sard_optional_get(v->v), ORT_FAIL, "GetValue: the optional is empty");
        *out = sard_value_ref(sard_optional_get(v->v));
        return NULL;
    default:
        return ort_fail(ORT_FAIL, "GetValue: the value is neither a sequence nor a map");
    }
}

OrtStatus *ort_GetValue(const OrtValue *v, int index, OrtAllocator *allocator, OrtValue **out) {
    (void)allocator; /* the value's memory is the engine's */
    NOT_NULL(v);
    NOT_NULL(out);
    sard_value *p;
    TRY_ORT(part(v, index, &p));
    return ort_value_new(p, out);
}

static OrtStatus *make(sard_value *const *in, size_t n, ONNXType kind, sard_value **out) {
    sard_error err;
    sard_status st;
    if (kind == ONNX_TYPE_SEQUENCE) {
        REQUIRE(n > 0, ORT_FAIL, "CreateValue: a sequence takes at least one value");
        for (size_t i = 0; i < n; i++)
            REQUIRE(sard_value_kind(in[i]) == SARD_KIND_TENSOR || sard_value_kind(in[i]) == SARD_KIND_MAP, ORT_FAIL,
                    "CreateValue: a sequence takes tensors or maps; value %zu is neither", i);
        st = sard_sequence_new(in, n, out, &err);
    } else {
        REQUIRE(n == 2, ORT_FAIL, "CreateValue: a map takes two values, its keys and its values, not %zu", n);
        st = sard_map_new(in[0], in[1], out, &err);
    }
    if (st == SARD_INVALID_ARGUMENT) return ort_fail(ORT_FAIL, "CreateValue: %s", err.message);
    return st == SARD_OK ? NULL : ort_from_error(st, &err, false);
}

OrtStatus *ort_CreateValue(const OrtValue *const *in, size_t n, ONNXType kind, OrtValue **out) {
    NOT_NULL(in);
    NOT_NULL(out);
    REQUIRE(kind == ONNX_TYPE_SEQUENCE || kind == ONNX_TYPE_MAP, ORT_FAIL,
            "CreateValue: a sequence (2) or a map (3) can be made, not a value of type %d", (int)kind);
    sard_value **parts = calloc(n ? n : 1, sizeof *parts), *made = NULL;
    if (!parts) return ort_no_memory(n * sizeof *parts);
    OrtStatus *st = NULL;
    size_t got = 0;
    for (; got < n && !st; got++) {
        if (!in[got])
            st = ort_fail(ORT_INVALID_ARGUMENT, "CreateValue: value %zu is NULL", got);
        else
            st = ort_value_get(in[got], &parts[got]);
    }
    if (!st) st = make(parts, n, kind, &made);
    for (size_t i = 0; i < n; i++) sard_value_unref(parts[i]);
    free(parts);
    return st ? st : ort_value_new(made, out);
}
