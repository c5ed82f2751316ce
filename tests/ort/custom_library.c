/* custom_library.c -- a library of custom operators, for the tests that load one: test.custom.Negated, y = -x. */
#include <stddef.h>

#include "ort/tables.h"

static const OrtApi *api;
static OrtCustomOpDomain *domain;

static const char *name(const OrtCustomOp *op) { return (void)op, "Negated"; }
static const char *provider(const OrtCustomOp *op) { return (void)op, NULL; }
static ONNXTensorElementDataType type(const OrtCustomOp *op, size_t i) { return (void)op, (void)i, ORT_TYPE_FLOAT; }
static size_t one(const OrtCustomOp *op) { return (void)op, 1; }

static OrtStatus *create(const OrtCustomOp *op, const OrtApi *given, const OrtKernelInfo *info, void **kernel) {
    (void)op, (void)given, (void)info;
    *kernel = NULL;
    return NULL;
}

static OrtStatus *compute(void *kernel, OrtKernelContext *c) {
    (void)kernel;
    const OrtValue *x;
    OrtValue *y;
    ONNXTensorElementDataType t;
    const int64_t *dims;
    size_t rank;
    const void *from;
    void *to;
    OrtStatus *st = api->KernelContext_GetInput(c, 0, &x);
    if (!st) st = api->GetTensorElementTypeAndShapeDataReference(x, &t, &dims, &rank);
    if (!st) st = api->KernelContext_GetOutput(c, 0, dims, rank, &y);
    if (!st) st = api->GetTensorData(x, &from);
    if (!st) st = api->GetTensorMutableData(y, &to);
    for (int64_t i = 0; !st && i < dims[0]; i++) ((float *)to)[i] = -((const float *)from)[i];
    return st;
}

static void destroy(void *kernel) { (void)kernel; }

static const OrtCustomOp negated = {.version = 16,
                                    .GetName = name,
                                    .GetExecutionProviderType = provider,
                                    .GetInputType = type,
                                    .GetInputTypeCount = one,
                                    .GetOutputType = type,
                                    .GetOutputTypeCount = one,
                                    .KernelDestroy = destroy,
                                    .CreateKernelV2 = create,
                                    .KernelComputeV2 = compute};

__attribute__((visibility("default"))) OrtStatus *RegisterCustomOps(OrtSessionOptions *options, const OrtApiBase *base);
OrtStatus *RegisterCustomOps(OrtSessionOptions *options, const OrtApiBase *base) {
    api = base->GetApi(16);
    OrtStatus *st = domain ? NULL : api->CreateCustomOpDomain("test.custom", &domain);
    if (!st) st = api->CustomOpDomain_Add(domain, &negated);
    return st ? st : api->AddCustomOpDomain(options, domain);
}

__attribute__((destructor)) static void unloaded(void) {
    if (api) api->ReleaseCustomOpDomain(domain);
}
