/*
 * test_formats.c -- models in ONNX Runtime's format and LoRA adapters, as written by ONNX Runtime itself (the files of
 * fuzz/corpus/ort_format and fuzz/corpus/adapter; what they hold is said where they are used).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ort/internal.h"
#include "ort/ort_format.h"

#define CORPUS SARD_SOURCE_DIR "/fuzz/corpus/"

static void good(OrtStatus *st) {
    if (st) fail_msg("%s", ort_GetErrorMessage(st));
}

/* The call fails with this code, and its text says so. */
static void refused(OrtStatus *st, OrtErrorCode code, const char *part) {
    assert_non_null(st);
    assert_int_equal(ort_GetErrorCode(st), code);
    if (!strstr(ort_GetErrorMessage(st), part)) fail_msg("'%s' does not say '%s'", ort_GetErrorMessage(st), part);
    ort_ReleaseStatus(st);
}

static void read_file(const char *path, char **data, size_t *n) {
    void *p;
    sard_error err;
    assert_int_equal(ort_read_file(path, &p, n, &err), SARD_OK);
    *data = p;
}

static sard_model *load(const char *path) {
    sard_model *m;
    sard_error err;
    if (ort_load_file(path, NULL, &m, &err) != SARD_OK) fail_msg("%s", err.message);
    return m;
}

/* ---- models ------------------------------------------------------------------------------------------------------- */

/* branches.ort: sum(x) > 0 ? x * [3, 6] : x + [5, 10] as y; t = LeakyRelu(y, alpha 0.5) transposed; x is [N, 2] */
static void branches(void **state) {
    (void)state;
    static const float x[2][4] = {{1, 2, 3, 4}, {-1, -2, -3, -24}};
    static const float y[2][4] = {{3, 12, 9, 24}, {4, 8, 2, -14}};
    static const float t[2][4] = {{3, 9, 12, 24}, {4, 2, 8, -7}};
    sard_model *m = load(CORPUS "ort_format/branches.ort");
    assert_string_equal(sard_model_text(m, "producer_name"), "sard");
    assert_string_equal(sard_model_text(m, "graph_doc_string"), "two branches");
    assert_int_equal(sard_model_version(m), 4);
    assert_int_equal(sard_model_metadata(m), 1);
    assert_string_equal(sard_model_metadata_value(m, 0), "sard");
    assert_string_equal(sard_model_input_name(m, 0), "x");
    assert_string_equal(sard_type_dim_name(sard_model_input_type(m, 0), 0), "N");
    assert_int_equal(sard_type_dim(sard_model_input_type(m, 0), 1), 2);
    for (int i = 0; i < 2; i++) {
        const char *name = "x";
        const int64_t dims[] = {2, 2};
        sard_value *in, *out[2] = {0};
        sard_error err;
        assert_int_equal(
            sard_tensor_wrap(SARD_F32, 2, dims, (void *)(uintptr_t)x[i], sizeof x[i], NULL, NULL, &in, NULL), SARD_OK);
        if (sard_run(m, NULL, &name, &in, 1, NULL, out, 2, &err) != SARD_OK) fail_msg("%s", err.message);
        assert_memory_equal(sard_tensor_data(out[0]), y[i], sizeof y[i]);
        assert_memory_equal(sard_tensor_data(out[1]), t[i], sizeof t[i]);
        sard_value_unref(in);
        sard_value_unref(out[0]);
        sard_value_unref(out[1]);
    }
    sard_model_unref(m);
}

static void kinds_of_models(void **state) {
    (void)state;
    sard_model *m = load(CORPUS "ort_format/classifier.ort");
    char text[64];
    sard_type_text(sard_model_output_type(m, 1), text, sizeof text);
    assert_string_equal(text, "seq(map(int64,tensor(float)))");
    sard_model_unref(m);
    m = load(CORPUS "ort_format/overridable.ort");
    assert_int_equal(sard_model_inputs(m), 1);
    assert_int_equal(sard_model_overridables(m), 1);
    assert_string_equal(sard_model_overridable_name(m, 0), "w");
    sard_model_unref(m);
    m = load(CORPUS "ort_format/map_input.ort");
    sard_type_text(sard_model_input_type(m, 0), text, sizeof text);
    assert_string_equal(text, "map(string,tensor(float))");
    sard_model_unref(m);
}

static void no_models(void **state) {
    (void)state;
    char *data;
    size_t n, bytes;
    void *onnx;
    sard_error err;
    read_file(CORPUS "ort_format/strings.ort", &data, &n);
    for (size_t cut = 0; cut < n; cut += cut < 64 ? 1 : 97) {
        const sard_status st = ort_format_to_onnx(data, cut, &onnx, &bytes, &err);
        assert_int_not_equal(st, SARD_OK);
        assert_non_null(strstr(err.message, "ORT format model: "));
    }
    free(data);
    /* a root that holds nothing; one that says version 9 */
    static const char hollow[] = "\x0c\0\0\0ORTM\4\0\4\0\4\0\0\0";
    assert_int_equal(ort_format_to_onnx(hollow, 16, &onnx, &bytes, &err), SARD_UNSUPPORTED);
    assert_non_null(strstr(err.message, "format version"));
}

/* ---- adapters ----------------------------------------------------------------------------------------------------- */

static OrtLoraAdapter *adapter(const char *path) {
    OrtLoraAdapter *a;
    good(ort_CreateLoraAdapter(path, NULL, &a));
    return a;
}

/* types.onnx_adapter: for each of these types a parameter of its name, [2, 3], holding 0 to 5 (bool: 0, 1, 1, 1, 1, 1) */
static void adapter_types(void **state) {
    (void)state;
    static const struct {
        const char *name;
        sard_dtype type;
    } want[] = {{"float32", SARD_F32}, {"float64", SARD_F64}, {"int8", SARD_I8},   {"int16", SARD_I16},
                {"int32", SARD_I32},   {"int64", SARD_I64},   {"uint8", SARD_U8},  {"uint16", SARD_U16},
                {"uint32", SARD_U32},  {"uint64", SARD_U64},  {"bool", SARD_BOOL}, {"float16", SARD_F16}};
    static const uint16_t halves[] = {0, 0x3c00, 0x4000, 0x4200, 0x4400, 0x4500};
    OrtRunOptions *o;
    ort_inputs all;
    OrtLoraAdapter *a = adapter(CORPUS "adapter/types.onnx_adapter");
    good(ort_CreateRunOptions(&o));
    good(ort_RunOptionsAddActiveLoraAdapter(o, a));
    good(ort_RunOptionsAddActiveLoraAdapter(o, a)); /* twice is once */
    ort_ReleaseLoraAdapter(a);                      /* the options keep it */
    good(ort_adapters_join(o, NULL, NULL, 0, &all));
    assert_int_equal(all.n, sizeof want / sizeof *want);
    for (size_t k = 0; k < all.n; k++) {
        size_t i = 0;
        while (strcmp(want[i].name, all.names[k]) != 0) i++;
        const sard_value *v = all.values[k]->v;
        assert_int_equal(sard_tensor_dtype(v), want[i].type);
        assert_int_equal(sard_tensor_rank(v), 2);
        assert_int_equal(sard_tensor_dims(v)[0] * 10 + sard_tensor_dims(v)[1], 23);
        for (int e = 0; e < 6; e++) {
            const char *p = (const char *)sard_tensor_data(v) + (size_t)e * sard_tensor_bytes(v) / 6;
            const float f = (float)e;
            const double d = e;
            const int64_t whole = want[i].type == SARD_BOOL ? e > 0 : e; /* little-endian: also the shorter types */
            const void *expected = want[i].type == SARD_F32   ? (const void *)&f
                                   : want[i].type == SARD_F64 ? (const void *)&d
                                   : want[i].type == SARD_F16 ? (const void *)&halves[e]
                                                              : (const void *)&whole;
            assert_memory_equal(p, expected, sard_tensor_bytes(v) / 6);
        }
    }
    ort_inputs_deinit(&all);
    ort_ReleaseRunOptions(o);
}

/* A given name's value comes from the adapter; what the adapter does not know stays. */
static void adapter_first(void **state) {
    (void)state;
    OrtRunOptions *o;
    ort_inputs all;
    OrtLoraAdapter *a = adapter(CORPUS "adapter/ok.onnx_adapter");
    const OrtValue mine = {0};
    const OrtValue *values[] = {&mine, &mine};
    const char *names[] = {"input_x", "lora_param_a"};
    good(ort_CreateRunOptions(&o));
    good(ort_RunOptionsAddActiveLoraAdapter(o, a));
    good(ort_adapters_join(o, names, values, 2, &all));
    assert_int_equal(all.n, 3);
    for (size_t i = 0; i < 3; i++) assert_int_equal(all.values[i] == &mine, strcmp(all.names[i], "input_x") == 0);
    ort_inputs_deinit(&all);
    ort_ReleaseRunOptions(o);
    ort_ReleaseLoraAdapter(a);
}

static void no_adapters(void **state) {
    (void)state;
    char *data;
    size_t n;
    OrtLoraAdapter *a = NULL;
    refused(ort_CreateLoraAdapter("/no/such/file", NULL, &a), ORT_NO_SUCHFILE, "/no/such/file");
    refused(ort_CreateLoraAdapter(CORPUS "ort_format/strings.ort", NULL, &a), ORT_FAIL, "TORT");
    refused(ort_CreateLoraAdapterFromArray("", 0, NULL, &a), ORT_FAIL, "TORT");
    read_file(CORPUS "adapter/ok.onnx_adapter", &data, &n);
    for (size_t cut = 0; cut + 8 < n; cut++) /* the end is padding */
        refused(ort_CreateLoraAdapterFromArray(data, cut, NULL, &a), ORT_FAIL, "LoRA");
    free(data);
    a = adapter(CORPUS "adapter/empty.onnx_adapter"); /* no parameters is valid */
    ort_ReleaseLoraAdapter(a);
    ort_ReleaseLoraAdapter(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(branches),      cmocka_unit_test(kinds_of_models), cmocka_unit_test(no_models),
        cmocka_unit_test(adapter_types), cmocka_unit_test(adapter_first),   cmocka_unit_test(no_adapters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
