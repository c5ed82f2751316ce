/*
 * adapter.c -- LoRA adapters: named tensors kept in a file of their own (a FlatBuffer with identifier "TORT"), which a
 * run takes as inputs besides those the caller gives.
 *
 * Source of the format's numbers: the schema that ONNX Runtime publishes (lora/adapter_format/adapter_schema.fbs). As
 * there, an adapter's tensor goes before a value that the caller gives under the same name, and of two adapters the one
 * added first.
 */
#include "ort/internal.h"

#include <stdlib.h>
#include <string.h>

#include "ort/flatbuf.h"

struct OrtLoraAdapter {
    atomic_uint refs; /* one is the client's, one of each run options that hold it */
    size_t n;
    char **names;
    OrtValue **values;
};

void ort_adapter_unref(const OrtLoraAdapter *adapter) {
    OrtLoraAdapter *a = (OrtLoraAdapter *)(uintptr_t)adapter;
    if (!a || atomic_fetch_sub(&a->refs, 1) != 1) return;
    for (size_t i = 0; i < a->n; i++) {
        free(a->names[i]);
        ort_ReleaseValue(a->values[i]);
    }
    free(a->names);
    free(a->values);
    free(a);
}

void ort_ReleaseLoraAdapter(OrtLoraAdapter *a) { ort_adapter_unref(a); }

/* ---- reading ------------------------------------------------------------------------------------------------------ */

#define BAD(...) ort_fail(ORT_FAIL, "LoRA adapter: " __VA_ARGS__)

/* The bytes a tensor of this type and shape takes; false when that is no valid shape. */
static bool bytes_of(const fb *f, const fb_vector *dims, sard_dtype type, int64_t *dim, size_t *bytes) {
    size_t n = 1;
    bool empty = false;
    for (size_t i = 0; i < dims->n; i++) {
        dim[i] = fb_vec_i64(f, dims, i);
        if (dim[i] < 0) return false;
        if (dim[i] == 0)
            empty = true;
        else if (__builtin_mul_overflow(n, (size_t)dim[i], &n))
            return false;
    }
    if (empty) n = 0;
    if (__builtin_mul_overflow(n, (size_t)sard_dtype_bits(type), &n) || n > SIZE_MAX - 7) return false;
    *bytes = (n + 7) / 8;
    return true;
}

/* Adds one parameter; *left is how many bytes of data the file may still account for. */
static OrtStatus *add_parameter(OrtLoraAdapter *a, fb *f, const fb_table *t, size_t *left) {
    enum { RANK_MAX = 32 };
    int64_t dim[RANK_MAX];
    sard_value *v;
    sard_error err;
    size_t bytes = 0;
    const fb_text name = fb_str(f, t, 0);
    const fb_vector dims = fb_vec(f, t, 1, 8), data = fb_vec(f, t, 3, 1);
    const sard_dtype type = (sard_dtype)fb_i32(f, t, 2, 0);
    if (f->wrong) return BAD("%s", f->wrong);
    const int shown = name.n < 200 ? (int)name.n : 200;
    REQUIRE(name.n && !memchr(name.p, 0, name.n), ORT_FAIL, "LoRA adapter: parameter %zu has no name", a->n);
    REQUIRE(sard_dtype_bits(type) > 0, ORT_FAIL, "LoRA adapter: parameter '%.*s' is of type %d, not one of numbers",
            shown, name.p, (int)type);
    REQUIRE(dims.n <= RANK_MAX && bytes_of(f, &dims, type, dim, &bytes), ORT_FAIL,
            "LoRA adapter: the shape of parameter '%.*s' is not valid", shown, name.p);
    REQUIRE(bytes == data.n, ORT_FAIL, "LoRA adapter: parameter '%.*s' needs %zu bytes by its shape, it has %zu", shown,
            name.p, bytes, data.n);
    REQUIRE(bytes <= *left, ORT_FAIL, "LoRA adapter: the data of its parameters overlap");
    *left -= bytes;
    const sard_status st = sard_tensor_new(type, (int)dims.n, dim, &v, &err);
    if (st != SARD_OK) return ort_from_error(st, &err, false);
    if (bytes) memcpy(sard_tensor_data_mut(v), f->p + data.at, bytes);
    TRY_ORT(ort_value_new(v, &a->values[a->n]));
    a->names[a->n++] = strndup(name.p, name.n);
    return a->names[a->n - 1] ? NULL : ort_no_memory(name.n);
}

static OrtStatus *read_parameters(OrtLoraAdapter *a, const void *data, size_t n) {
    fb f;
    size_t left = n;
    REQUIRE(fb_is(data, n, "TORT"), ORT_FAIL,
            "LoRA adapter: expected identifier \"TORT\" at byte 4, found none: this is not an adapter");
    fb_init(&f, data, n);
    const fb_table root = fb_root(&f);
    const int64_t version = fb_i32(&f, &root, 0, 0);
    if (f.wrong) return BAD("%s", f.wrong);
    REQUIRE(version == 1, ORT_FAIL, "LoRA adapter: its format has version %d, 1 is the one known", (int)version);
    const fb_vector list = fb_vec(&f, &root, 3, 4);
    a->names = calloc(list.n + 1, sizeof *a->names);
    a->values = calloc(list.n + 1, sizeof *a->values);
    if (!a->names || !a->values) return ort_no_memory(list.n * sizeof *a->names);
    for (size_t i = 0; i < list.n; i++) {
        const fb_table t = fb_vec_table(&f, &list, i);
        TRY_ORT(add_parameter(a, &f, &t, &left));
    }
    return f.wrong ? BAD("%s", f.wrong) : NULL;
}

/* The allocator says where the tensors are wanted; there is only the CPU's memory. The bytes are copied. */
OrtStatus *ort_CreateLoraAdapterFromArray(const void *data, size_t n, OrtAllocator *allocator, OrtLoraAdapter **out) {
    (void)allocator;
    if (n) NOT_NULL(data);
    NOT_NULL(out);
    OrtLoraAdapter *a = calloc(1, sizeof *a);
    if (!a) return ort_no_memory(sizeof *a);
    atomic_init(&a->refs, 1);
    OrtStatus *st = read_parameters(a, data, n);
    if (st)
        ort_adapter_unref(a);
    else
        *out = a;
    return st;
}

OrtStatus *ort_CreateLoraAdapter(const char *path, OrtAllocator *allocator, OrtLoraAdapter **out) {
    NOT_NULL(path);
    NOT_NULL(out);
    void *data;
    size_t n;
    sard_error err = {0};
    const sard_status st = ort_read_file(path, &data, &n, &err);
    if (st != SARD_OK) return ort_from_error(st, &err, false);
    OrtStatus *bad = ort_CreateLoraAdapterFromArray(data, n, allocator, out);
    free(data);
    return bad;
}

/* ---- in a run ----------------------------------------------------------------------------------------------------- */

OrtStatus *ort_RunOptionsAddActiveLoraAdapter(OrtRunOptions *o, const OrtLoraAdapter *a) {
    NOT_NULL(o);
    NOT_NULL(a);
    if (!ort_grow(&o->adapters, o->n_adapters, &o->cap_adapters, sizeof *o->adapters)) return ort_no_memory(sizeof *a);
    atomic_fetch_add(&((OrtLoraAdapter *)(uintptr_t)a)->refs, 1);
    o->adapters[o->n_adapters++] = a;
    return NULL;
}

static bool named(const char *name, const char *const *names, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (names[i] && strcmp(names[i], name) == 0) return true;
    return false;
}

OrtStatus *ort_adapters_join(const OrtRunOptions *o, const char *const *names, const OrtValue *const *values, size_t n,
                             ort_inputs *out) {
    size_t all = n, k = 0;
    for (size_t i = 0; i < o->n_adapters; i++) all += o->adapters[i]->n;
    *out = (ort_inputs){.names = calloc(all + 1, sizeof *out->names), .values = calloc(all + 1, sizeof *out->values)};
    if (!out->names || !out->values) {
        ort_inputs_deinit(out);
        return ort_no_memory(all * sizeof *out->names);
    }
    for (size_t i = 0; i < o->n_adapters; i++) {
        const OrtLoraAdapter *a = o->adapters[i];
        const size_t before = k; /* names are compared with those of other adapters only: an adapter's own differ */
        for (size_t p = 0; p < a->n; p++) {
            if (named(a->names[p], out->names, before)) continue;
            out->names[k] = a->names[p];
            out->values[k++] = a->values[p];
        }
    }
    const size_t own = k;
    for (size_t i = 0; i < n; i++) {
        if (names[i] && named(names[i], out->names, own)) continue;
        out->names[k] = names[i];
        out->values[k++] = values[i];
    }
    out->n = k;
    return NULL;
}

void ort_inputs_deinit(ort_inputs *in) {
    free(in->names);
    free(in->values);
}
