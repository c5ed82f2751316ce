/*
 * feeds.c -- what goes into a run: names must be the model's; values are fitted to what the model declares where the ABI
 * takes more than the engine: a value for an optional, one element for a scalar, an input named twice (the last counts).
 */
#include "ort/internal.h"

#include <string.h>

/* The type of the input or overridable initializer `name`, looked for at `hint` first; NULL when there is none. */
static const sard_type *input_type(const sard_model *m, size_t hint, const char *name) {
    const size_t inputs = sard_model_inputs(m), extra = sard_model_overridables(m);
    if (hint < inputs && strcmp(name, sard_model_input_name(m, hint)) == 0) return sard_model_input_type(m, hint);
    for (size_t i = 0; i < inputs; i++)
        if (strcmp(name, sard_model_input_name(m, i)) == 0) return sard_model_input_type(m, i);
    for (size_t i = 0; i < extra; i++)
        if (strcmp(name, sard_model_overridable_name(m, i)) == 0) return sard_model_overridable_type(m, i);
    return NULL;
}

static bool in_order(const sard_model *m, const char *const *names, size_t n) {
    if (n > sard_model_inputs(m)) return false;
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], sard_model_input_name(m, i)) != 0) return false;
    return true;
}

static bool given(const char *name, const char *const *names, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0) return true;
    return false;
}

OrtStatus *ort_feeds_check(const sard_model *m, const char *const *names, const OrtValue *const *values, size_t n) {
    for (size_t i = 0; i < n; i++) {
        REQUIRE(names[i] && *names[i], ORT_INVALID_ARGUMENT, "Run: the name of input %zu is empty", i);
        REQUIRE(values[i], ORT_INVALID_ARGUMENT, "Run: the value of input '%s' is NULL", names[i]);
    }
    const size_t inputs = sard_model_inputs(m);
    if (n == inputs && in_order(m, names, n)) return NULL;
    for (size_t i = 0; i < n; i++)
        REQUIRE(input_type(m, i, names[i]), ORT_INVALID_ARGUMENT,
                "Run: Invalid input name: %s (the model has %zu inputs, the first is '%s')", names[i], inputs,
                inputs ? sard_model_input_name(m, 0) : "");
    for (size_t i = 0; i < inputs; i++)
        REQUIRE(given(sard_model_input_name(m, i), names, n), ORT_FAIL, "Run: Missing Input: %s",
                sard_model_input_name(m, i));
    return NULL;
}

static void unref_owner(void *owner, void *data, size_t bytes) {
    (void)data, (void)bytes;
    sard_value_unref(owner);
}

/* A tensor of one element without its axes: a view, since ONNX Runtime checks no shape against a declared scalar. */
static sard_status as_scalar(sard_value *v, sard_value **out, sard_error *err) {
    if (sard_tensor_dtype(v) == SARD_STRING) {
        size_t len;
        const char *text = sard_tensor_string(v, 0, &len);
        return sard_tensor_strings(0, NULL, &text, &len, out, err);
    }
    const sard_status st = sard_tensor_wrap(sard_tensor_dtype(v), 0, NULL, (void *)(uintptr_t)sard_tensor_data(v),
                                            sard_tensor_bytes(v), unref_owner, v, out, err);
    if (st == SARD_OK) sard_value_ref(v);
    return st;
}

static OrtStatus *fit(const sard_type *t, sard_value **v) {
    sard_value *made = NULL;
    sard_error err;
    sard_status st = SARD_OK;
    const sard_kind is = sard_value_kind(*v), wanted = sard_type_kind(t);
    if (wanted == SARD_KIND_OPTIONAL && is != SARD_KIND_OPTIONAL)
        st = sard_optional_new(*v, sard_tensor_dtype(*v), &made, &err);
    else if (wanted == SARD_KIND_TENSOR && is == SARD_KIND_TENSOR && sard_type_rank(t) == 0 &&
             sard_tensor_rank(*v) > 0 && sard_tensor_count(*v) == 1)
        st = as_scalar(*v, &made, &err);
    if (st != SARD_OK) return ort_from_error(st, &err, false);
    if (!made) return NULL;
    sard_value_unref(*v);
    *v = made;
    return NULL;
}

/* A sparse tensor of blocks is stood for by one without elements: operators only hand sparse tensors on, and what comes
 * out of the run is the client's value again (run.c). */
static OrtStatus *get(const OrtValue *v, sard_value **out) {
    if (v->sparse != ORT_SPARSE_BLOCK_SPARSE) return ort_value_get(v, out);
    *out = sard_value_ref(v->v);
    return NULL;
}

OrtStatus *ort_feeds_get(const sard_model *m, const char *const *names, const OrtValue *const *values, size_t *n,
                         const char **to_names, sard_value **to) {
    const bool once = in_order(m, names, *n);
    size_t kept = 0;
    for (size_t i = 0; i < *n; i++) {
        if (!once && given(names[i], names + i + 1, *n - i - 1)) continue;
        to_names[kept] = names[i];
        TRY_ORT(get(values[i], &to[kept]));
        TRY_ORT(fit(input_type(m, i, names[i]), &to[kept++]));
    }
    *n = kept;
    return NULL;
}
