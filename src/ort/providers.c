/*
 * providers.c -- execution providers: this build has the CPU's. Asking for another is an error, never a quiet fallback.
 */
#include "ort/devices.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- by name ------------------------------------------------------------------------------------------------------ */

OrtStatus *ort_GetAvailableProviders(char ***out, int *n) {
    NOT_NULL(out);
    NOT_NULL(n);
    char **list = malloc(sizeof *list);
    char *name = strdup(CPU_PROVIDER);
    if (!list || !name) {
        free(list);
        free(name);
        return ort_no_memory(sizeof *list);
    }
    list[0] = name;
    *out = list;
    *n = 1;
    return NULL;
}

OrtStatus *ort_ReleaseAvailableProviders(char **list, int n) {
    for (int i = 0; list && i < n; i++) free(list[i]);
    free(list);
    return NULL;
}

/* Providers that a client may know, by short and by long name. */
static const char *const known[][2] = {
    {"DML", "DmlExecutionProvider"},
    {"QNN", "QNNExecutionProvider"},
    {"OpenVINO", "OpenVINOExecutionProvider"},
    {"SNPE", "SNPEExecutionProvider"},
    {"XNNPACK", "XnnpackExecutionProvider"},
    {"WEBNN", "WebNNExecutionProvider"},
    {"WebGPU", "WebGpuExecutionProvider"},
    {"AZURE", "AzureExecutionProvider"},
    {"JS", "JsExecutionProvider"},
    {"VitisAI", "VitisAIExecutionProvider"},
    {"CoreML", "CoreMLExecutionProvider"},
    {"NvTensorRtRtx", "NvTensorRTRTXExecutionProvider"},
    {"MIGraphX", "MIGraphXExecutionProvider"},
    {"CUDA", "CUDAExecutionProvider"},
    {"TensorRT", "TensorrtExecutionProvider"},
    {"ROCM", "ROCMExecutionProvider"},
    {"CANN", "CANNExecutionProvider"},
    {"Dnnl", "DnnlExecutionProvider"},
    {"NNAPI", "NnapiExecutionProvider"},
    {"ACL", "ACLExecutionProvider"},
    {"ArmNN", "ArmNNExecutionProvider"},
    {"RKNPU", "RknpuExecutionProvider"},
    {"VSINPU", "VSINPUExecutionProvider"},
};

OrtStatus *ort_SessionOptionsAppendExecutionProvider(OrtSessionOptions *o, const char *name, const char *const *keys,
                                                     const char *const *values, size_t n) {
    NOT_NULL(o);
    NOT_NULL(name);
    if (n) NOT_NULL(keys);
    if (n) NOT_NULL(values);
    if (strcmp(name, "CPU") == 0 || strcmp(name, CPU_PROVIDER) == 0) return NULL;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        REQUIRE(strcmp(name, known[i][0]) != 0 && strcmp(name, known[i][1]) != 0, ORT_INVALID_ARGUMENT,
                "%s execution provider is not supported in this build. ", name);
    return ort_fail(ORT_INVALID_ARGUMENT,
                    "Unknown provider name '%s'. Currently supported values are 'CPU'/'" CPU_PROVIDER "'.", name);
}

/* ---- functions of their own: clients look these up by name -------------------------------------------------------- */

ORT_EXPORT OrtStatus *OrtSessionOptionsAppendExecutionProvider_CPU(OrtSessionOptions *o, int use_arena);

OrtStatus *OrtSessionOptionsAppendExecutionProvider_CPU(OrtSessionOptions *o, int use_arena) {
    NOT_NULL(o);
    o->cpu_arena = use_arena != 0;
    return NULL;
}

/* What comes behind the options differs (a number, a text) and is not looked at. */
#define ABSENT(symbol, name)                                                                                           \
    ORT_EXPORT OrtStatus *OrtSessionOptionsAppendExecutionProvider_##symbol(OrtSessionOptions *o, uintptr_t setting);  \
    OrtStatus *OrtSessionOptionsAppendExecutionProvider_##symbol(OrtSessionOptions *o, uintptr_t setting) {            \
        (void)o, (void)setting;                                                                                        \
        return ort_fail(ORT_FAIL, name " execution provider is not enabled in this build.");                           \
    }
ABSENT(CUDA, "CUDA")
ABSENT(Tensorrt, "TensorRT")
ABSENT(ROCM, "ROCM")
ABSENT(MIGraphX, "MIGraphX")
ABSENT(OpenVINO, "OpenVINO")
ABSENT(Dnnl, "oneDNN")
ABSENT(DML, "DML")
ABSENT(CoreML, "CoreML")
ABSENT(Nnapi, "NNAPI")
ABSENT(ACL, "ACL")
ABSENT(ArmNN, "ArmNN")
ABSENT(Rknpu, "RKNPU")
ABSENT(Tvm, "TVM")
#undef ABSENT

/* ---- by device ---------------------------------------------------------------------------------------------------- */

OrtStatus *ort_SessionOptionsAppendExecutionProvider_V2(OrtSessionOptions *o, OrtEnv *env,
                                                        const OrtEpDevice *const *devices, size_t n,
                                                        const char *const *keys, const char *const *values,
                                                        size_t n_options) {
    NOT_NULL(o);
    NOT_NULL(env);
    REQUIRE(n && devices, ORT_INVALID_ARGUMENT, "Must provide one or more OrtEpDevice instances.");
    if (n_options) NOT_NULL(keys);
    if (n_options) NOT_NULL(values);
    for (size_t i = 0; i < n; i++)
        REQUIRE(devices[i] == ort_cpu_device(), ORT_INVALID_ARGUMENT,
                "SessionOptionsAppendExecutionProvider_V2: device %zu is not one of GetEpDevices", i);
    return NULL;
}

/* Whatever is preferred, the CPU is what there is. */
OrtStatus *ort_SessionOptionsSetEpSelectionPolicy(OrtSessionOptions *o, OrtExecutionProviderDevicePolicy policy) {
    (void)policy;
    NOT_NULL(o);
    return NULL;
}

OrtStatus *ort_SessionOptionsSetEpSelectionPolicyDelegate(OrtSessionOptions *o, EpSelectionDelegate select,
                                                          void *state) {
    NOT_NULL(o);
    NOT_NULL(select);
    o->select = select;
    o->select_state = state;
    return NULL;
}

OrtStatus *ort_select_device(const OrtSessionOptions *o) {
    enum { MOST = 8 };
    if (!o->select) return NULL;
    const OrtEpDevice *devices[] = {ort_cpu_device()}, *selected[MOST] = {NULL};
    const OrtKeyValuePairs none = {0};
    size_t n = 0;
    OrtStatus *st = o->select(devices, 1, &none, NULL, selected, MOST, &n, o->select_state);
    if (st) return st;
    REQUIRE(n > 0 && n <= MOST, ORT_FAIL, "the delegate that selects devices chose %zu, of 1", n);
    for (size_t i = 0; i < n; i++)
        REQUIRE(selected[i] == devices[0], ORT_FAIL, "the delegate that selects devices chose one that is not there");
    return NULL;
}

/* ---- providers from outside --------------------------------------------------------------------------------------- */

OrtStatus *ort_RegisterExecutionProviderLibrary(OrtEnv *env, const char *name, const char *path) {
    NOT_NULL(env);
    NOT_NULL(name);
    NOT_NULL(path);
    REQUIRE(access(path, R_OK) == 0, ORT_FAIL,
            "Failed to load library %s with error: cannot open shared object file: No such file or directory", path);
    return ort_fail(ORT_NOT_IMPLEMENTED,
                    "RegisterExecutionProviderLibrary: '%s' (%s) was not loaded: execution providers from outside are "
                    "not offered",
                    name, path);
}

OrtStatus *ort_UnregisterExecutionProviderLibrary(OrtEnv *env, const char *name) {
    NOT_NULL(env);
    NOT_NULL(name);
    return ort_fail(ORT_FAIL, "Execution provider library: %s was not registered.", name);
}

OrtStatus *ort_GetExecutionProviderApi(const char *name, uint32_t version, const void **out) {
    (void)version;
    NOT_NULL(name);
    NOT_NULL(out);
    return ort_fail(ORT_INVALID_ARGUMENT, "GetExecutionProviderApi: '%s' has no functions of its own in this build",
                    name);
}
