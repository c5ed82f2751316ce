/*
 * container.c -- sequences, maps and optionals: put together from values, and taken apart again. What is taken out is a
 * value of its own, which shares its memory with the container.
 */
#include "ort/internal.h"

#include <stdlib.h>

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

/* The part `index` of a container, borrowed. */
static OrtStatus *part(const OrtValue *v, int index, sard_value **out) {
    switch (ort_value_kind(v)) {
    case ONNX_TYPE_SEQUENCE:
        REQUIRE(index >= 0 && (size_t)index < sard_sequence_length(v->v), ORT_RUNTIME_EXCEPTION,
                "GetValue: index %d is outside the sequence of %zu elements", index, sard_sequence_length(v->v));
        *out = sard_sequence_item(v->v, (size_t)index);
        return NULL;
    case ONNX_TYPE_MAP:
        REQUIRE(index == 0 || index == 1, ORT_FAIL, "GetValue: a map has its keys at 0 and its values at 1, not at %d",
                index);
        *out = index == 0 ? sard_map_keys(v->v) : sard_map_values(v->v);
        return NULL;
    case ONNX_TYPE_OPTIONAL:
        *out = sard_optional_get(v->v);
        REQUIRE(*out, ORT_FAIL, "GetValue: the optional is empty");
        return NULL;
    default:
        return ort_fail(ORT_FAIL, "GetValue: the value is neither a sequence nor a map");
    }
}

OrtStatus *ort_GetValue(const OrtValue *v, int index, OrtAllocator *allocator, OrtValue **out) {
    (void)allocator; /* nothing is copied */
    NOT_NULL(v);
    NOT_NULL(out);
    sard_value *p;
    TRY_ORT(part(v, index, &p));
    return ort_value_new(sard_value_ref(p), out);
}

static OrtStatus *make(sard_value *const *in, size_t n, ONNXType kind, sard_value **out) {
    sard_error err;
    sard_status st;
    if (kind == ONNX_TYPE_SEQUENCE) {
        REQUIRE(n > 0, ORT_FAIL, "CreateValue: a sequence takes at least one value");
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
