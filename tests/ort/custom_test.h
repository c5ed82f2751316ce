/*
 * custom_test.h -- what the tests of custom operators share: models of the domain "test.custom" as bytes, sessions over
 * them, and an operator that a test fills in by fields.
 */
#ifndef TESTS_ORT_CUSTOM_TEST_H
#define TESTS_ORT_CUSTOM_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ort/internal.h"

static const OrtApi *ort;
static OrtEnv *env;

#define GOOD(call)                                                                                                     \
    do {                                                                                                               \
        OrtStatus *st_ = (call);                                                                                       \
        if (st_) fail_msg("%s: %d %s", #call, (int)ort->GetErrorCode(st_), ort->GetErrorMessage(st_));                 \
    } while (0)
/* The call fails with this code and a text that holds this. */
#define BAD(code, text, call)                                                                                          \
    do {                                                                                                               \
        OrtStatus *st_ = (call);                                                                                       \
        assert_non_null(st_);                                                                                          \
        if (!strstr(ort->GetErrorMessage(st_), text))                                                                  \
            fail_msg("'%s' does not hold '%s'", ort->GetErrorMessage(st_), text);                                      \
        assert_int_equal(ort->GetErrorCode(st_), code);                                                                \
        ort->ReleaseStatus(st_);                                                                                       \
    } while (0)
#define LIST(type, ...)                                                                                                \
    (const type[]) { __VA_ARGS__ }

/* ---- an operator, by fields ---------------------------------------------------------------------------------------- */

typedef struct test_op {
    OrtCustomOp op; /* first */
    const char *name, *provider;
    size_t n_in, n_out;
    ONNXTensorElementDataType in[4], out[4];
    OrtCustomOpInputOutputCharacteristic in_is[4], out_is[4];
    int in_arity, in_uniform, from, to;
    OrtStatus *(*create)(const OrtKernelInfo *info, void **kernel);
    OrtStatus *(*compute)(void *kernel, OrtKernelContext *context);
    void (*destroy)(void *kernel);
    OrtStatus *(*shapes)(OrtShapeInferContext *context);
} test_op;

typedef struct test_kernel { /* what KernelCompute has of its operator */
    const test_op *op;
    void *own;
} test_kernel;

static const test_op *test_of(const OrtCustomOp *op) { return (const test_op *)(const void *)op; }
static const char *op_name(const OrtCustomOp *op) { return test_of(op)->name; }
static const char *op_provider(const OrtCustomOp *op) { return test_of(op)->provider; }
static ONNXTensorElementDataType op_in(const OrtCustomOp *op, size_t i) { return test_of(op)->in[i]; }
static size_t op_n_in(const OrtCustomOp *op) { return test_of(op)->n_in; }
static ONNXTensorElementDataType op_out(const OrtCustomOp *op, size_t i) { return test_of(op)->out[i]; }
static size_t op_n_out(const OrtCustomOp *op) { return test_of(op)->n_out; }
static OrtCustomOpInputOutputCharacteristic op_in_is(const OrtCustomOp *op, size_t i) { return test_of(op)->in_is[i]; }
static OrtCustomOpInputOutputCharacteristic op_out_is(const OrtCustomOp *op, size_t i) {
    return test_of(op)->out_is[i];
}
static int op_arity(const OrtCustomOp *op) { return test_of(op)->in_arity; }
static int op_uniform(const OrtCustomOp *op) { return test_of(op)->in_uniform; }
static int op_from(const OrtCustomOp *op) { return test_of(op)->from ? test_of(op)->from : 1; }
static int op_to(const OrtCustomOp *op) { return test_of(op)->to ? test_of(op)->to : INT32_MAX; }

static OrtStatus *op_create2(const OrtCustomOp *op, const OrtApi *api, const OrtKernelInfo *info, void **kernel) {
    assert_ptr_equal(api, ort);
    test_kernel *k = calloc(1, sizeof *k);
    assert_non_null(k);
    k->op = test_of(op);
    OrtStatus *st = k->op->create ? k->op->create(info, &k->own) : NULL;
    if (st)
        free(k);
    else
        *kernel = k;
    return st;
}

static void *op_create(const OrtCustomOp *op, const OrtApi *api, const OrtKernelInfo *info) {
    void *kernel = NULL;
    GOOD(op_create2(op, api, info, &kernel));
    return kernel;
}

static OrtStatus *op_compute2(void *kernel, OrtKernelContext *context) {
    const test_kernel *k = kernel;
    return k->op->compute(k->own, context);
}

static void op_compute(void *kernel, OrtKernelContext *context) { GOOD(op_compute2(kernel, context)); }

static void op_destroy(void *kernel) {
    test_kernel *k = kernel;
    if (k->op->destroy) k->op->destroy(k->own);
    free(k);
}

static OrtStatus *op_shapes(const OrtCustomOp *op, OrtShapeInferContext *context) {
    return test_of(op)->shapes ? test_of(op)->shapes(context) : NULL;
}

/* The functions of an operator; those that its version does not have are left as they were. */
static void op_fill(test_op *t, uint32_t version) {
    OrtCustomOp *op = &t->op;
    op->version = version;
    op->GetName = op_name;
    op->GetExecutionProviderType = op_provider;
    op->GetInputType = op_in;
    op->GetInputTypeCount = op_n_in;
    op->GetOutputType = op_out;
    op->GetOutputTypeCount = op_n_out;
    op->KernelDestroy = op_destroy;
    if (version < 16) op->CreateKernel = op_create, op->KernelCompute = op_compute;
    if (version >= 8) op->GetInputCharacteristic = op_in_is, op->GetOutputCharacteristic = op_out_is;
    if (version >= 14) op->GetVariadicInputMinArity = op_arity, op->GetVariadicInputHomogeneity = op_uniform;
    if (version >= 16) op->CreateKernelV2 = op_create2, op->KernelComputeV2 = op_compute2;
    if (version >= 17) op->InferOutputShapeFn = op_shapes, op->GetStartVersion = op_from, op->GetEndVersion = op_to;
}

/* ---- models -------------------------------------------------------------------------------------------------------- */

static sard_status never_run(void *user, void *state, sard_op_ctx *c, sard_error *err) {
    (void)user, (void)state, (void)c, (void)err;
    return SARD_INTERNAL;
}

typedef struct model_bytes {
    void *data;
    size_t n;
} model_bytes;

/* The bytes of what b holds; its operators of test.custom are those named. The builder is freed. */
static model_bytes bytes_of(sard_builder *b, const char *const *names, size_t n) {
    sard_error err;
    sard_op_library *lib = NULL;
    sard_options *o = NULL;
    sard_model *m = NULL;
    model_bytes bytes = {NULL, 0};
    if (sard_op_library_new(&lib, &err) || sard_options_new(&o, &err)) fail_msg("%s", err.message);
    for (size_t i = 0; i < n; i++) {
        const sard_op_desc d = {.size = sizeof d,
                                .domain = "test.custom",
                                .name = names[i],
                                .since = 1,
                                .max_in = 8,
                                .max_out = 8,
                                .run = never_run};
        if (sard_op_library_add(lib, &d, &err)) fail_msg("%s", err.message);
    }
    if (sard_options_set(o, "optimize", "none", &err) || sard_options_operators(o, lib, &err) ||
        sard_builder_build(b, o, &m, &err) || sard_model_serialize(m, 0, &bytes.data, &bytes.n, &err))
        fail_msg("%s", err.message);
    sard_model_unref(m);
    sard_builder_free(b);
    sard_options_free(o);
    sard_op_library_unref(lib);
    return bytes;
}

static sard_builder *builder_new(int64_t version) {
    sard_error err;
    sard_builder *b = NULL;
    if (sard_builder_new("custom", &b, &err) || sard_builder_opset(b, "test.custom", version, &err))
        fail_msg("%s", err.message);
    return b;
}

static void node(sard_builder *b, const char *op, const char *const *in, size_t n_in, const char *const *out,
                 size_t n_out) {
    sard_builder_node(b, "test.custom", op, "mine", in, n_in, out, n_out, NULL);
}

/* One node of op over inputs x0 ...: names of inputs, "" for one left out, and their types; outputs y0 ... */
static model_bytes one_node(const char *op, int64_t version, const char *const *in, const sard_dtype *types,
                            size_t n_in, size_t n_out) {
    static const char *const out[] = {"y0", "y1", "y2"};
    sard_builder *b = builder_new(version);
    for (size_t i = 0; i < n_in; i++)
        if (*in[i]) sard_builder_input(b, in[i], types[i], 1, LIST(int64_t, -1), NULL, NULL);
    node(b, op, in, n_in, out, n_out);
    for (size_t i = 0; i < n_out; i++) sard_builder_output(b, out[i], SARD_UNDEFINED, 0, NULL, NULL, NULL);
    return bytes_of(b, &op, 1);
}

/* ---- sessions ------------------------------------------------------------------------------------------------------ */

/* A session with these operators; the bytes are given back. */
static OrtStatus *open_with(model_bytes m, test_op *const *ops, size_t n, OrtSession **out) {
    OrtSessionOptions *o = NULL;
    OrtCustomOpDomain *d = NULL;
    GOOD(ort->CreateSessionOptions(&o));
    GOOD(ort->AddSessionConfigEntry(o, "test.key", "test value"));
    GOOD(ort->CreateCustomOpDomain("test.custom", &d));
    for (size_t i = 0; i < n; i++) GOOD(ort->CustomOpDomain_Add(d, &ops[i]->op));
    GOOD(ort->AddCustomOpDomain(o, d));
    ort->ReleaseCustomOpDomain(d);
    OrtStatus *st = ort->CreateSessionFromArray(env, m.data, m.n, o, out);
    ort->ReleaseSessionOptions(o);
    sard_free(m.data);
    return st;
}

static OrtValue *tensor(ONNXTensorElementDataType t, const void *data, size_t bytes, int64_t n) {
    OrtValue *v = NULL;
    void *p;
    OrtAllocator *a = NULL;
    GOOD(ort->GetAllocatorWithDefaultOptions(&a));
    GOOD(ort->CreateTensorAsOrtValue(a, &n, 1, t, &v));
    GOOD(ort->GetTensorMutableData(v, &p));
    if (bytes) memcpy(p, data, bytes);
    return v;
}

static OrtValue *floats(const float *x, int64_t n) { return tensor(ORT_TYPE_FLOAT, x, (size_t)n * sizeof *x, n); }

static OrtValue *texts(const char *const *s, int64_t n) {
    OrtValue *v = tensor(ORT_TYPE_STRING, NULL, 0, n);
    GOOD(ort->FillStringTensor(v, s, (size_t)n));
    return v;
}

/* Runs for inputs x0 ... and the output y0. */
static OrtStatus *run_one(OrtSession *s, OrtValue *const *in, size_t n, OrtValue **out) {
    static const char *const names[] = {"x0", "x1", "x2", "x3"}, *const y = "y0";
    *out = NULL;
    return ort->Run(s, NULL, names, (const OrtValue *const *)in, n, &y, 1, out);
}

static int64_t count_of(const OrtValue *v) {
    OrtTensorTypeAndShapeInfo *info = NULL;
    size_t n;
    GOOD(ort->GetTensorTypeAndShape(v, &info));
    GOOD(ort->GetTensorShapeElementCount(info, &n));
    ort->ReleaseTensorTypeAndShapeInfo(info);
    return (int64_t)n;
}

static const void *data_of(const OrtValue *v) {
    const void *p;
    GOOD(ort->GetTensorData(v, &p));
    return p;
}

static int begin(void **state) {
    (void)state;
    ort = OrtGetApiBase()->GetApi(ORT_API_NEWEST);
    GOOD(ort->CreateEnv(ORT_LOGGING_LEVEL_WARNING, "custom", &env));
    return 0;
}

static int end(void **state) {
    (void)state;
    ort->ReleaseEnv(env);
    return 0;
}

#endif
