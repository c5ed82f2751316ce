/* Values, type information, allocators, the table itself: what holds without a session. */
#include "tests.h"

static void test_versions(void) {
    const OrtApiBase *base = OrtGetApiBase();
    const void *const *table = (const void *const *)ort;
    int major = 0, minor = 0;
    EXPECT(base == OrtGetApiBase());
    for (uint32_t v = 1; v <= 31; v++) EXPECT(base->GetApi(v) == ort);
    EXPECT(base->GetApi(0) == NULL);
    EXPECT(base->GetApi(32) == NULL);
    EXPECT(base->GetApi(1000) == NULL);
    EXPECT(sscanf(base->GetVersionString(), "%d.%d.", &major, &minor) == 2 && major == 1 && minor >= 31);
    for (size_t i = 0; i < sizeof *ort / sizeof *table; i++)
        if (!table[i]) client_fail("entry %zu of the table is NULL", i);
    EXPECT(ort->GetBuildInfoString() && *ort->GetBuildInfoString());
    const void *const *compile = (const void *const *)ort->GetCompileApi();
    if (EXPECT(compile))
        for (size_t i = 0; i < sizeof(OrtCompileApi) / sizeof *compile; i++) EXPECT(compile[i]);
}

static void test_environment(void) {
    OrtEnv *again = NULL;
    GOOD(ort->CreateEnv(ORT_LOGGING_LEVEL_WARNING, "other", &again));
    EXPECT(again == env);
    ort->ReleaseEnv(again);
    OrtThreadingOptions *threads = NULL;
    GOOD(ort->CreateThreadingOptions(&threads));
    GOOD(ort->SetGlobalIntraOpNumThreads(threads, 2));
    GOOD(ort->SetGlobalInterOpNumThreads(threads, 1));
    GOOD(ort->SetGlobalSpinControl(threads, 0));
    GOOD(ort->SetGlobalDenormalAsZero(threads));
    GOOD(ort->CreateEnvWithGlobalThreadPools(ORT_LOGGING_LEVEL_WARNING, "pools", threads, &again));
    ort->ReleaseThreadingOptions(threads);
    ort->ReleaseEnv(again);
    GOOD(ort->SetLanguageProjection(env, ORT_PROJECTION_C));
    GOOD(ort->EnableTelemetryEvents(env));
    GOOD(ort->DisableTelemetryEvents(env));
    GOOD(ort->UpdateEnvWithCustomLogLevel(env, ORT_LOGGING_LEVEL_ERROR));
}

static void test_status(void) {
    char text[] = "a text of the caller's";
    OrtStatus *s = ort->CreateStatus(ORT_NOT_IMPLEMENTED, text);
    memset(text, 'x', 5);
    EXPECT(ort->GetErrorCode(s) == ORT_NOT_IMPLEMENTED);
    EXPECT(!strcmp(ort->GetErrorMessage(s), "a text of the caller's"));
    ort->ReleaseStatus(s);
    s = ort->CreateStatus(ORT_OK, "");
    EXPECT(ort->GetErrorCode(s) == ORT_OK && !*ort->GetErrorMessage(s));
    ort->ReleaseStatus(s);
}

static void test_release_null(void) {
    ort->ReleaseEnv(NULL);
    ort->ReleaseStatus(NULL);
    ort->ReleaseMemoryInfo(NULL);
    ort->ReleaseSession(NULL);
    ort->ReleaseValue(NULL);
    ort->ReleaseRunOptions(NULL);
    ort->ReleaseTypeInfo(NULL);
    ort->ReleaseTensorTypeAndShapeInfo(NULL);
    ort->ReleaseSessionOptions(NULL);
    ort->ReleaseCustomOpDomain(NULL);
    ort->ReleaseMapTypeInfo(NULL);
    ort->ReleaseSequenceTypeInfo(NULL);
    ort->ReleaseModelMetadata(NULL);
    ort->ReleaseThreadingOptions(NULL);
    ort->ReleaseAllocator(NULL);
    ort->ReleaseIoBinding(NULL);
    ort->ReleaseArenaCfg(NULL);
    ort->ReleasePrepackedWeightsContainer(NULL);
    ort->ReleaseOpAttr(NULL);
    ort->ReleaseOp(NULL);
    ort->ReleaseKernelInfo(NULL);
    ort->ReleaseLoraAdapter(NULL);
    ort->ReleaseValueInfo(NULL);
    ort->ReleaseNode(NULL);
    ort->ReleaseGraph(NULL);
    ort->ReleaseModel(NULL);
    ort->ReleaseKeyValuePairs(NULL);
    ort->ReleaseExternalInitializerInfo(NULL);
    ort->ReleaseSyncStream(NULL);
    ort->ReleaseDeviceEpIncompatibilityDetails(NULL);
}

static void test_allocator(void) {
    OrtAllocator *again = NULL;
    const OrtMemoryInfo *info = NULL;
    const char *name = NULL;
    int same = 1, id = -1;
    OrtMemType kind;
    OrtAllocatorType type;
    OrtMemoryInfoDeviceType device = OrtMemoryInfoDeviceType_GPU;
    GOOD(ort->GetAllocatorWithDefaultOptions(&again));
    EXPECT(again == heap);
    EXPECT(heap->version >= 18 && heap->Alloc && heap->Free && heap->Info && heap->Reserve);
    char *p = heap->Alloc(heap, 1000);
    if (EXPECT(p)) memset(p, 1, 1000);
    heap->Free(heap, p);
    p = heap->Reserve(heap, 64);
    EXPECT(p && (uintptr_t)p % 16 == 0);
    GOOD(ort->AllocatorFree(heap, p));
    void *q = NULL;
    GOOD(ort->AllocatorAlloc(heap, 10, &q));
    heap->Free(heap, q);
    heap->Free(heap, NULL);
    GOOD(ort->AllocatorGetInfo(heap, &info));
    EXPECT(heap->Info(heap) == info);
    GOOD(ort->CompareMemoryInfo(info, cpu, &same));
    EXPECT(same == 0);
    GOOD(ort->MemoryInfoGetName(info, &name));
    EXPECT(!strcmp(name, "Cpu"));
    GOOD(ort->MemoryInfoGetId(info, &id));
    GOOD(ort->MemoryInfoGetMemType(info, &kind));
    GOOD(ort->MemoryInfoGetType(info, &type));
    ort->MemoryInfoGetDeviceType(info, &device);
    EXPECT(id == 0 && kind == OrtMemTypeDefault && type == OrtDeviceAllocator && device == OrtMemoryInfoDeviceType_CPU);
    OrtMemoryInfo *arena = NULL;
    GOOD(ort->CreateMemoryInfo("Cpu", OrtArenaAllocator, 0, OrtMemTypeDefault, &arena));
    GOOD(ort->CompareMemoryInfo(arena, cpu, &same));
    EXPECT(same != 0);
    ort->ReleaseMemoryInfo(arena);
}

static void test_tensor_view(void) {
    float data[6] = {1, 2, 3, 4, 5, 6};
    const int64_t dims[] = {2, 3}, none[] = {0, 3}, at[] = {1, 2};
    void *p = NULL;
    const void *q = NULL;
    int is = 0;
    size_t bytes = 0;
    const OrtMemoryInfo *info = NULL;
    OrtValue *v = tensor_over(ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, data, sizeof data, dims, 2);
    GOOD(ort->GetTensorMutableData(v, &p));
    GOOD(ort->GetTensorData(v, &q));
    EXPECT(p == data && q == data);
    GOOD(ort->IsTensor(v, &is));
    EXPECT(is == 1);
    GOOD(ort->HasValue(v, &is));
    EXPECT(is == 1);
    GOOD(ort->IsSparseTensor(v, &is));
    EXPECT(is == 0);
    GOOD(ort->GetTensorSizeInBytes(v, &bytes));
    EXPECT(bytes == sizeof data);
    GOOD(ort->TensorAt(v, at, 2, &p));
    EXPECT(p == &data[5]);
    GOOD(ort->GetTensorMemoryInfo(v, &info));
    EXPECT(info != NULL);
    ort->ReleaseValue(v);
    EXPECT(data[5] == 6);
    v = tensor_over(ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, NULL, 0, none, 2);
    EXPECT(element_count(v) == 0);
    ort->ReleaseValue(v);
    v = tensor_over(ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, data, sizeof data, NULL, 0); /* a scalar over more memory */
    EXPECT(element_count(v) == 1);
    ort->ReleaseValue(v);
}

static void test_type_and_shape(void) {
    float data[6] = {0};
    const int64_t dims[] = {2, 3}, *shape = NULL;
    int64_t got[2] = {-1, -1};
    size_t n = 0;
    ONNXTensorElementDataType type;
    const char *symbol[2] = {NULL, NULL};
    OrtTensorTypeAndShapeInfo *info = NULL;
    OrtTypeInfo *whole = NULL;
    const OrtTensorTypeAndShapeInfo *borrowed = NULL;
    const OrtMapTypeInfo *map = (const OrtMapTypeInfo *)data;
    const OrtSequenceTypeInfo *sequence = (const OrtSequenceTypeInfo *)data;
    const OrtOptionalTypeInfo *optional = (const OrtOptionalTypeInfo *)data;
    enum ONNXType kind;
    OrtValue *v = tensor_over(ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, data, sizeof data, dims, 2);
    GOOD(ort->GetTensorElementTypeAndShapeDataReference(v, &type, &shape, &n));
    EXPECT(type == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT && n == 2 && shape[0] == 2 && shape[1] == 3);
    GOOD(ort->GetTensorTypeAndShape(v, &info));
    GOOD(ort->GetTypeInfo(v, &whole));
    ort->ReleaseValue(v); /* the descriptions outlive the value */
    GOOD(ort->GetDimensions(info, got, 1));
    EXPECT(got[0] == 2 && got[1] == -1);
    GOOD(ort->GetDimensions(info, got, 2));
    EXPECT(got[1] == 3);
    GOOD(ort->GetSymbolicDimensions(info, symbol, 2));
    EXPECT(symbol[0] && !*symbol[0] && symbol[1] && !*symbol[1]);
    EXPECT(ort->TensorTypeAndShape_HasShape(info));
    ort->ReleaseTensorTypeAndShapeInfo(info);
    GOOD(ort->GetOnnxTypeFromTypeInfo(whole, &kind));
    EXPECT(kind == ONNX_TYPE_TENSOR);
    GOOD(ort->CastTypeInfoToTensorInfo(whole, &borrowed));
    GOOD(ort->CastTypeInfoToMapTypeInfo(whole, &map));
    GOOD(ort->CastTypeInfoToSequenceTypeInfo(whole, &sequence));
    GOOD(ort->CastTypeInfoToOptionalTypeInfo(whole, &optional));
    EXPECT(borrowed && !map && !sequence && !optional);
    ort->ReleaseTypeInfo(whole);
    GOOD(ort->CreateTensorTypeAndShapeInfo(&info));
    GOOD(ort->SetTensorElementType(info, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32));
    GOOD(ort->SetDimensions(info, dims, 2));
    const char *names[] = {"batch", ""};
    GOOD(ort->SetSymbolicDimensions(info, names, 2));
    GOOD(ort->GetSymbolicDimensions(info, symbol, 2));
    GOOD(ort->GetTensorElementType(info, &type));
    GOOD(ort->GetTensorShapeElementCount(info, &n));
    EXPECT(type == ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32 && n == 6 && !strcmp(symbol[0], "batch"));
    ort->ReleaseTensorTypeAndShapeInfo(info);
}

static void test_strings(void) {
    const char *const text[] = {"a", "", "\xc5\xbelu\xc5\xa5"};
    const int64_t dims[] = {3};
    size_t length = 99, offset[3];
    char all[64] = {0};
    char *buffer = NULL;
    OrtValue *v = NULL;
    GOOD(ort->CreateTensorAsOrtValue(heap, dims, 1, ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING, &v));
    for (size_t i = 0; i < 3; i++) {
        GOOD(ort->GetStringTensorElementLength(v, i, &length));
        EXPECT(length == 0);
    }
    GOOD(ort->FillStringTensor(v, text, 3));
    GOOD(ort->GetStringTensorDataLength(v, &length));
    EXPECT(length == 1 + strlen(text[2]));
    GOOD(ort->GetStringTensorContent(v, all, length, offset, 3));
    EXPECT(offset[0] == 0 && offset[1] == 1 && offset[2] == 1 && !memcmp(all, "a\xc5\xbelu\xc5\xa5", length) &&
           !all[length]);
    GOOD(ort->FillStringTensorElement(v, "other", 1));
    GOOD(ort->GetResizedStringTensorElementBuffer(v, 1, 3, &buffer)); /* keeps the beginning */
    EXPECT(!memcmp(buffer, "oth", 3));
    GOOD(ort->GetStringTensorElementLength(v, 1, &length));
    EXPECT(length == 3);
    GOOD(ort->GetResizedStringTensorElementBuffer(v, 1, 5, &buffer));
    EXPECT(!memcmp(buffer, "oth\0\0", 5));
    memcpy(buffer, "ab\0cd", 5);
    GOOD(ort->GetStringTensorElement(v, 5, 1, all));
    EXPECT(!memcmp(all, "ab\0cd", 5));
    ort->ReleaseValue(v);
}

static void test_sequence_and_map(void) {
    float data[] = {1, 2, 3}, value[] = {0.5F, 0.25F, 0.125F};
    int64_t key[] = {7, -3, 5}, three = 3;
    size_t n = 0;
    enum ONNXType kind;
    void *p = NULL;
    OrtValue *part[2] = {floats(data, 3), floats(data, 2)}, *sequence = NULL, *map = NULL, *got = NULL, *maps = NULL;
    GOOD(ort->CreateValue((const OrtValue *const *)part, 2, ONNX_TYPE_SEQUENCE, &sequence));
    ort->ReleaseValue(part[0]);
    ort->ReleaseValue(part[1]);
    GOOD(ort->GetValueType(sequence, &kind));
    GOOD(ort->GetValueCount(sequence, &n));
    EXPECT(kind == ONNX_TYPE_SEQUENCE && n == 2);
    GOOD(ort->GetValue(sequence, 1, heap, &got));
    ort->ReleaseValue(sequence); /* an element stays */
    EXPECT(element_count(got) == 2 && float_data(got)[1] == 2);
    ort->ReleaseValue(got);
    part[0] = tensor_over(ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, key, sizeof key, &three, 1);
    part[1] = floats(value, 3);
    GOOD(ort->CreateValue((const OrtValue *const *)part, 2, ONNX_TYPE_MAP, &map));
    ort->ReleaseValue(part[0]);
    ort->ReleaseValue(part[1]);
    GOOD(ort->GetValueType(map, &kind));
    GOOD(ort->GetValueCount(map, &n));
    EXPECT(kind == ONNX_TYPE_MAP && n == 2);
    GOOD(ort->GetValue(map, 0, heap, &got));
    GOOD(ort->GetTensorMutableData(got, &p));
    EXPECT(((int64_t *)p)[0] == -3 && ((int64_t *)p)[1] == 5 && ((int64_t *)p)[2] == 7);
    ort->ReleaseValue(got);
    GOOD(ort->GetValue(map, 1, heap, &got));
    EXPECT(float_data(got)[0] == 0.25F && float_data(got)[2] == 0.5F);
    ort->ReleaseValue(got);
    answer_value("sequence_and_map", "map", map);
    GOOD(ort->CreateValue((const OrtValue *const *)&map, 1, ONNX_TYPE_SEQUENCE, &maps));
    answer_value("sequence_and_map", "maps", maps);
    ort->ReleaseValue(maps);
    ort->ReleaseValue(map);
}

static int freed;
static void *my_alloc(OrtAllocator *self, size_t size) {
    (void)self;
    return malloc(size ? size : 1);
}
static void my_free(OrtAllocator *self, void *p) {
    (void)self;
    freed += p != NULL;
    free(p);
}
static const OrtMemoryInfo *my_info(const OrtAllocator *self) {
    (void)self;
    return cpu;
}

static void test_own_allocator(void) {
    OrtAllocator mine = {.version = 17, .Alloc = my_alloc, .Free = my_free, .Info = my_info};
    const int64_t dims[] = {4};
    OrtValue *v = NULL;
    OrtSession *s = session_of("two_inputs.onnx");
    OrtModelMetadata *meta = NULL;
    char *text = NULL;
    GOOD(ort->SessionGetInputName(s, 0, &mine, &text));
    EXPECT(!strcmp(text, "a"));
    mine.Free(&mine, text);
    GOOD(ort->SessionGetModelMetadata(s, &meta));
    GOOD(ort->ModelMetadataGetGraphName(meta, &mine, &text));
    GOOD(ort->AllocatorFree(&mine, text));
    EXPECT(freed == 2);
    GOOD(ort->CreateTensorAsOrtValue(&mine, dims, 1, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &v));
    ort->ReleaseValue(v);
    EXPECT(freed == 3);
    float *data = malloc(4 * sizeof *data);
    GOOD(ort->CreateTensorWithDataAndDeleterAsOrtValue(&mine, data, 16, dims, 1, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT,
                                                       &v));
    EXPECT(float_data(v) == data);
    ort->ReleaseValue(v);
    EXPECT(freed == 4);
    ort->ReleaseModelMetadata(meta);
    ort->ReleaseSession(s);
}

static void test_providers(void) {
    char **name = NULL;
    int n = 0, found = 0;
    const OrtEpDevice *const *device = NULL;
    size_t devices = 0;
    GOOD(ort->GetAvailableProviders(&name, &n));
    for (int i = 0; i < n; i++) found |= !strcmp(name[i], "CPUExecutionProvider");
    EXPECT(found);
    GOOD(ort->ReleaseAvailableProviders(name, n));
    GOOD(ort->GetEpDevices(env, &device, &devices));
    if (EXPECT(devices >= 1)) {
        EXPECT(!strcmp(ort->EpDevice_EpName(device[0]), "CPUExecutionProvider"));
        EXPECT(ort->EpDevice_EpVendor(device[0]));
        EXPECT(ort->HardwareDevice_Type(ort->EpDevice_Device(device[0])) == OrtHardwareDeviceType_CPU);
    }
    OrtMemoryInfo *cuda = NULL;
    GOOD(ort->CreateMemoryInfo("Cuda", OrtDeviceAllocator, 0, OrtMemTypeDefault, &cuda));
    ort->ReleaseMemoryInfo(cuda);
}

static void test_key_value_pairs(void) {
    OrtKeyValuePairs *pairs = NULL;
    const char *const *key = NULL, *const *value = NULL;
    size_t n = 99;
    ort->CreateKeyValuePairs(&pairs);
    ort->GetKeyValuePairs(pairs, &key, &value, &n);
    EXPECT(n == 0);
    ort->AddKeyValuePair(pairs, "b", "1");
    ort->AddKeyValuePair(pairs, "a", "2");
    ort->AddKeyValuePair(pairs, "b", "3");
    ort->GetKeyValuePairs(pairs, &key, &value, &n);
    EXPECT(n == 2);
    EXPECT(!strcmp(ort->GetKeyValue(pairs, "b"), "3"));
    EXPECT(!ort->GetKeyValue(pairs, "c"));
    ort->RemoveKeyValuePair(pairs, "b");
    ort->RemoveKeyValuePair(pairs, "zz");
    EXPECT(!ort->GetKeyValue(pairs, "b"));
    ort->GetKeyValuePairs(pairs, &key, &value, &n);
    EXPECT(n == 1 && !strcmp(key[0], "a") && !strcmp(value[0], "2"));
    ort->ReleaseKeyValuePairs(pairs);
}

const client_test value_tests[] = {
    {"versions", test_versions},
    {"environment", test_environment},
    {"status", test_status},
    {"release_null", test_release_null},
    {"allocator", test_allocator},
    {"tensor_view", test_tensor_view},
    {"type_and_shape", test_type_and_shape},
    {"strings", test_strings},
    {"sequence_and_map", test_sequence_and_map},
    {"own_allocator", test_own_allocator},
    {"providers", test_providers},
    {"key_value_pairs", test_key_value_pairs},
};
const size_t value_tests_n = TABLE_SIZE(value_tests);
