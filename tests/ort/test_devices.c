/* test_devices.c -- execution providers and devices: the CPU's, and clear refusals of all others. */
#include "ort/devices.h"
#include "ort_test.h"

static void test_names(void **state) {
    (void)state;
    OrtSessionOptions *o;
    char **list;
    int n;
    good(ort_GetAvailableProviders(&list, &n));
    assert_int_equal(n, 1);
    assert_string_equal(list[0], "CPUExecutionProvider");
    good(ort_ReleaseAvailableProviders(list, n));
    good(ort_CreateSessionOptions(&o));
    good(ort_SessionOptionsAppendExecutionProvider(o, "CPU", NULL, NULL, 0));
    good(ort_SessionOptionsAppendExecutionProvider(o, "CPUExecutionProvider", NAMES("k"), NAMES("v"), 1));
    refused(ort_SessionOptionsAppendExecutionProvider(o, "CoreML", NULL, NULL, 0), ORT_INVALID_ARGUMENT,
            "CoreML execution provider is not supported in this build");
    refused(ort_SessionOptionsAppendExecutionProvider(o, "CUDAExecutionProvider", NULL, NULL, 0), ORT_INVALID_ARGUMENT,
            "not supported in this build");
    refused(ort_SessionOptionsAppendExecutionProvider(o, "Bogus", NULL, NULL, 0), ORT_INVALID_ARGUMENT,
            "Unknown provider name 'Bogus'. Currently supported values are 'CPU'/'CPUExecutionProvider'.");
    ort_ReleaseSessionOptions(o);
}

/* Entries and exported functions of providers that are not there. */
static void test_absent(void **state) {
    (void)state;
    extern OrtStatus *OrtSessionOptionsAppendExecutionProvider_CUDA(OrtSessionOptions *, uintptr_t);
    OrtCUDAProviderOptionsV2 *cuda = NULL;
    OrtSessionOptions *o;
    good(ort_CreateSessionOptions(&o));
    refused(ort_CreateCUDAProviderOptions(&cuda), ORT_FAIL, "CUDA execution provider is not enabled in this build.");
    refused(ort_UpdateCUDAProviderOptions(NULL, NULL, NULL, 0), ORT_FAIL, "CUDA");
    refused(ort_SessionOptionsAppendExecutionProvider_TensorRT(o, NULL), ORT_FAIL,
            "TensorRT execution provider is not enabled in this build.");
    refused(ort_SessionOptionsAppendExecutionProvider_Dnnl(o, NULL), ORT_FAIL, "oneDNN");
    refused(ort_SetCurrentGpuDeviceId(0), ORT_FAIL, "CUDA");
    refused(OrtSessionOptionsAppendExecutionProvider_CUDA(o, 0), ORT_FAIL, "not enabled in this build.");
    ort_ReleaseCUDAProviderOptions(NULL);
    ort_ReleaseTensorRTProviderOptions(NULL);
    ort_ReleaseSyncStream(NULL);
    assert_null(ort_GetExperimentalFunction("anything"));
    ort_ReleaseSessionOptions(o);
}

static void test_device(void **state) {
    (void)state;
    OrtEnv *env = test_env();
    const OrtEpDevice *const *devices;
    const OrtHardwareDevice *hardware;
    OrtSessionOptions *o;
    OrtSyncStream *stream = NULL;
    OrtDeviceEpIncompatibilityDetails *details;
    OrtCompiledModelCompatibility fit;
    size_t n;
    uint32_t reasons = 1;
    good(ort_GetEpDevices(env, &devices, &n));
    assert_int_equal(n, 1);
    assert_string_equal(ort_EpDevice_EpName(devices[0]), "CPUExecutionProvider");
    assert_string_equal(ort_GetKeyValue(ort_EpDevice_EpMetadata(devices[0]), "version"), ORT_VERSION_TEXT);
    assert_non_null(ort_HardwareDevice_Vendor(ort_EpDevice_Device(devices[0])));
    assert_int_equal(ort_HardwareDevice_Type(ort_EpDevice_Device(devices[0])), OrtHardwareDeviceType_CPU);
    good(ort_GetNumHardwareDevices(env, &n));
    assert_int_equal(n, 1);
    good(ort_GetHardwareDevices(env, &hardware, 1));
    assert_ptr_equal(hardware, ort_EpDevice_Device(devices[0]));
    refused(ort_GetHardwareDevices(env, &hardware, 0), ORT_INVALID_ARGUMENT, "room");
    good(ort_CreateSessionOptions(&o));
    good(ort_SessionOptionsAppendExecutionProvider_V2(o, env, devices, 1, NULL, NULL, 0));
    refused(ort_SessionOptionsAppendExecutionProvider_V2(o, env, devices, 0, NULL, NULL, 0), ORT_INVALID_ARGUMENT,
            "one or more");
    good(ort_SessionOptionsSetEpSelectionPolicy(o, OrtExecutionProviderDevicePolicy_PREFER_GPU));
    ort_ReleaseSessionOptions(o);
    refused(ort_CreateSyncStreamForEpDevice(devices[0], NULL, &stream), ORT_INVALID_ARGUMENT, "no streams");
    good(ort_GetModelCompatibilityForEpDevices(devices, 1, "anything", &fit));
    assert_int_equal(fit, OrtCompiledModelCompatibility_EP_NOT_APPLICABLE);
    good(ort_GetHardwareDeviceEpIncompatibilityDetails(env, "CPUExecutionProvider", hardware, &details));
    good(ort_DeviceEpIncompatibilityDetails_GetReasonsBitmask(details, &reasons));
    assert_int_equal(reasons, 0);
    ort_ReleaseDeviceEpIncompatibilityDetails(details);
    refused(ort_GetHardwareDeviceEpIncompatibilityDetails(env, "Bogus", hardware, &details), ORT_INVALID_ARGUMENT,
            "Bogus");
    refused(ort_RegisterExecutionProviderLibrary(env, "mine", "/no/such.so"), ORT_FAIL, "Failed to load library");
    refused(ort_RegisterExecutionProviderLibrary(env, "mine", SARD_SOURCE_DIR "/README.md"), ORT_NOT_IMPLEMENTED,
            "mine");
    refused(ort_UnregisterExecutionProviderLibrary(env, "mine"), ORT_FAIL, "was not registered");
    ort_ReleaseEnv(env);
}

static OrtStatus *pick(const OrtEpDevice **devices, size_t n, const OrtKeyValuePairs *model,
                       const OrtKeyValuePairs *runtime, const OrtEpDevice **selected, size_t most, size_t *n_selected,
                       void *state) {
    (void)model, (void)runtime;
    assert_int_equal(n, 1);
    assert_true(most >= 1);
    int *mode = state;
    selected[0] = *mode == 2 ? (const OrtEpDevice *)mode : devices[0];
    *n_selected = *mode > 0;
    return *mode == 3 ? ort_CreateStatus(ORT_FAIL, "not today") : NULL;
}

static void test_delegate(void **state) {
    (void)state;
    int mode = 1;
    OrtSessionOptions *o;
    good(ort_CreateSessionOptions(&o));
    good(ort_select_device(o));
    good(ort_SessionOptionsSetEpSelectionPolicyDelegate(o, pick, &mode));
    good(ort_select_device(o));
    mode = 0;
    refused(ort_select_device(o), ORT_FAIL, "chose 0");
    mode = 2;
    refused(ort_select_device(o), ORT_FAIL, "not there");
    mode = 3;
    refused(ort_select_device(o), ORT_FAIL, "not today");
    ort_ReleaseSessionOptions(o);
}

static void test_memory(void **state) {
    (void)state;
    OrtEnv *env = test_env();
    OrtMemoryInfo *m;
    const char *name;
    good(ort_CreateMemoryInfo_V2("Mine", OrtMemoryInfoDeviceType_NPU, 7, 2, OrtDeviceMemoryType_HOST_ACCESSIBLE, 64,
                                 OrtDeviceAllocator, &m));
    good(ort_MemoryInfoGetName(m, &name));
    assert_string_equal(name, "Mine");
    assert_int_equal(ort_MemoryInfoGetVendorId(m), 7);
    assert_int_equal(ort_MemoryInfoGetDeviceMemType(m), OrtDeviceMemoryType_HOST_ACCESSIBLE);
    ort_ReleaseMemoryInfo(m);
    refused(ort_CreateMemoryInfo_V2("a name that has more bytes than there is room for", OrtMemoryInfoDeviceType_CPU, 0,
                                    0, OrtDeviceMemoryType_DEFAULT, 0, OrtDeviceAllocator, &m),
            ORT_INVALID_ARGUMENT, "at most 31 bytes");
    OrtValue *from = floats(DIMS(2), 1, (float[]){1, 2}), *to = floats(DIMS(2, 1), 2, (float[]){0, 0});
    OrtValue *small = floats(DIMS(1), 1, (float[]){0});
    good(ort_CopyTensors(env, (const OrtValue *const *)&from, &to, NULL, 1));
    assert_memory_equal(data_of(to), data_of(from), 8);
    refused(ort_CopyTensors(env, (const OrtValue *const *)&from, &small, NULL, 1), ORT_INVALID_ARGUMENT, "size");
    refused(ort_CopyTensors(env, NULL, NULL, NULL, 0), ORT_INVALID_ARGUMENT, "no tensors");
    ort_ReleaseValue(from);
    ort_ReleaseValue(to);
    ort_ReleaseValue(small);
    ort_ReleaseEnv(env);
}

/* The metadata of a model is found without loading it; bytes that are no model are an error. */
static void test_compatibility(void **state) {
    (void)state;
    OrtAllocator *a = ort_default_allocator();
    static const char other[] = "\x72\x06\x0a\x01k\x12\x01v"; /* metadata_props: k = v */
    char model[64], *text;
    static const char key[] = "ep_compatibility_info.E", value[] = "fine";
    size_t n = sizeof other - 1;
    memcpy(model, other, n);
    model[n++] = 0x72;
    model[n++] = (char)(4 + sizeof key - 1 + sizeof value - 1);
    model[n++] = 0x0a;
    model[n++] = sizeof key - 1;
    memcpy(model + n, key, sizeof key - 1), n += sizeof key - 1;
    model[n++] = 0x12;
    model[n++] = sizeof value - 1;
    memcpy(model + n, value, sizeof value - 1), n += sizeof value - 1;
    good(ort_GetCompatibilityInfoFromModelBytes(model, n, "E", a, &text));
    assert_string_equal(text, "fine");
    good(ort_AllocatorFree(a, text));
    good(ort_GetCompatibilityInfoFromModelBytes(model, n, "F", a, &text));
    assert_null(text);
    for (size_t cut = 1; cut < n; cut++) { /* cut anywhere: a text, none, or an error */
        OrtStatus *st = ort_GetCompatibilityInfoFromModelBytes(model, cut, "E", a, &text);
        assert_true(!st || ort_GetErrorCode(st) == ORT_INVALID_PROTOBUF);
        if (!st) assert_null(text);
        ort_ReleaseStatus(st);
    }
    refused(ort_GetCompatibilityInfoFromModel("/no/such.onnx", "E", a, &text), ORT_NO_SUCHFILE, "no/such");
    refused(ort_GetCompatibilityInfoFromModelBytes(model, 0, "E", a, &text), ORT_INVALID_ARGUMENT, "no bytes");
    refused(ort_GetCompatibilityInfoFromModelBytes(model, n, "", a, &text), ORT_INVALID_ARGUMENT, "provider");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),    cmocka_unit_test(test_absent), cmocka_unit_test(test_device),
        cmocka_unit_test(test_delegate), cmocka_unit_test(test_memory), cmocka_unit_test(test_compatibility),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
