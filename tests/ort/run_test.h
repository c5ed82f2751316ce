/*
 * run_test.h -- small models as bytes, and sessions and values of them, for the tests of runs.
 */
#ifndef SARD_TESTS_RUN_TEST_H
#define SARD_TESTS_RUN_TEST_H

#include <stdint.h>

#include "ort_test.h"

#define UNUSED     __attribute__((unused))
#define TEXTS(...) ((const char *const[]){__VA_ARGS__})

typedef struct model_bytes {
    void *data;
    size_t n;
} model_bytes;

UNUSED static model_bytes finish(sard_builder *b) {
    model_bytes m = {0};
    sard_model *model;
    sard_error err;
    if (sard_builder_build(b, NULL, &model, &err) != SARD_OK) fail_msg("%s", err.message);
    if (sard_model_serialize(model, 0, &m.data, &m.n, &err) != SARD_OK) fail_msg("%s", err.message);
    sard_model_unref(model);
    sard_builder_free(b);
    return m;
}

UNUSED static sard_builder *begin(void) {
    sard_builder *b = NULL;
    assert_int_equal(sard_builder_new("test", &b, NULL), SARD_OK);
    return b;
}

UNUSED static sard_value *number(sard_dtype t, double v) {
    sard_value *x = NULL;
    assert_int_equal(sard_tensor_new(t, 0, NULL, &x, NULL), SARD_OK);
    if (t == SARD_F32) *(float *)sard_tensor_data_mut(x) = (float)v;
    if (t == SARD_I64) *(int64_t *)sard_tensor_data_mut(x) = (int64_t)v;
    if (t == SARD_BOOL) *(uint8_t *)sard_tensor_data_mut(x) = v != 0;
    return x;
}

UNUSED static void constant(sard_builder *b, const char *name, sard_dtype t, double v) {
    sard_value *x = number(t, v);
    sard_builder_initializer(b, name, x, NULL);
    sard_value_unref(x);
}

/* a [batch, 3], b [3, n] -> y = a b, z = a + 1, both of open shapes */
UNUSED static model_bytes two_inputs(void) {
    sard_builder *b = begin();
    sard_builder_input(b, "a", SARD_F32, 2, DIMS(-1, 3), TEXTS("batch", NULL), NULL);
    sard_builder_input(b, "b", SARD_F32, 2, DIMS(3, -1), TEXTS(NULL, "n"), NULL);
    constant(b, "one", SARD_F32, 1);
    sard_builder_node(b, "", "MatMul", "mul", TEXTS("a", "b"), 2, TEXTS("y"), 1, NULL);
    sard_builder_node(b, "", "Add", "add", TEXTS("a", "one"), 2, TEXTS("z"), 1, NULL);
    sard_builder_output(b, "y", SARD_UNDEFINED, 0, NULL, NULL, NULL);
    sard_builder_output(b, "z", SARD_UNDEFINED, 0, NULL, NULL, NULL);
    return finish(b);
}

/* x [4] -> same = x, w (an initializer), folded = w + w */
UNUSED static model_bytes constants(void) {
    sard_builder *b = begin();
    sard_value *w = NULL;
    assert_int_equal(sard_tensor_new(SARD_F32, 1, DIMS(4), &w, NULL), SARD_OK);
    for (int i = 0; i < 4; i++) ((float *)sard_tensor_data_mut(w))[i] = (float)i + 1;
    sard_builder_input(b, "x", SARD_F32, 1, DIMS(4), NULL, NULL);
    sard_builder_initializer(b, "w", w, NULL);
    sard_value_unref(w);
    sard_builder_node(b, "", "Identity", "", TEXTS("x"), 1, TEXTS("same"), 1, NULL);
    sard_builder_node(b, "", "Add", "", TEXTS("w", "w"), 2, TEXTS("folded"), 1, NULL);
    sard_builder_output(b, "same", SARD_UNDEFINED, 0, NULL, NULL, NULL);
    sard_builder_output(b, "w", SARD_UNDEFINED, 0, NULL, NULL, NULL);
    sard_builder_output(b, "folded", SARD_UNDEFINED, 0, NULL, NULL, NULL);
    return finish(b);
}

/* x [8] -> y: a loop that takes hours */
UNUSED static model_bytes endless(void) {
    sard_builder *b = begin(), *body = begin();
    sard_builder_input(body, "i", SARD_I64, 0, NULL, NULL, NULL);
    sard_builder_input(body, "go", SARD_BOOL, 0, NULL, NULL, NULL);
    sard_builder_input(body, "v", SARD_F32, 1, DIMS(8), NULL, NULL);
    constant(body, "one", SARD_F32, 1);
    sard_builder_node(body, "", "Identity", "", TEXTS("go"), 1, TEXTS("on"), 1, NULL);
    sard_builder_node(body, "", "Add", "", TEXTS("v", "one"), 2, TEXTS("next"), 1, NULL);
    sard_builder_output(body, "on", SARD_UNDEFINED, 0, NULL, NULL, NULL);
    sard_builder_output(body, "next", SARD_UNDEFINED, 0, NULL, NULL, NULL);
    sard_builder_input(b, "x", SARD_F32, 1, DIMS(8), NULL, NULL);
    constant(b, "trips", SARD_I64, 1e12);
    constant(b, "true", SARD_BOOL, 1);
    sard_builder_node(b, "", "Loop", "loop", TEXTS("trips", "true", "x"), 3, TEXTS("y"), 1, NULL);
    sard_builder_attr_graph(b, "body", body, NULL);
    sard_builder_output(b, "y", SARD_UNDEFINED, 0, NULL, NULL, NULL);
    return finish(b);
}

UNUSED static OrtEnv *new_env(void) {
    OrtEnv *env = NULL;
    good(ort_CreateEnv(ORT_LOGGING_LEVEL_FATAL, "test", &env));
    return env;
}

/* A session for the bytes, which are freed. */
UNUSED static OrtSession *session_of(const OrtEnv *env, model_bytes m, const OrtSessionOptions *o) {
    OrtSession *s = NULL;
    good(ort_CreateSessionFromArray(env, m.data, m.n, o, &s));
    sard_free(m.data);
    return s;
}

UNUSED static OrtSessionOptions *new_options(int threads) {
    OrtSessionOptions *o = NULL;
    good(ort_CreateSessionOptions(&o));
    good(ort_SetIntraOpNumThreads(o, threads));
    return o;
}

/* A tensor of floats over the client's memory. */
UNUSED static OrtValue *view(float *data, size_t n, const int64_t *dims, size_t rank) {
    OrtValue *v = NULL;
    good(ort_CreateTensorWithDataAsOrtValue(&ort_cpu_memory, data, n * sizeof *data, dims, rank,
                                            (ONNXTensorElementDataType)SARD_F32, &v));
    return v;
}

UNUSED static float *floats_of(OrtValue *v) {
    void *p = NULL;
    good(ort_GetTensorMutableData(v, &p));
    return p;
}

#endif
