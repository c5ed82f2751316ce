/* Sessions: what they say of a model, their options, where they come from, what they write. */
#include "tests.h"
#include <dirent.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

static void test_names_and_types(void) {
    OrtSession *s = session_of("two_inputs.onnx");
    size_t n = 0;
    char *name = NULL;
    OrtTypeInfo *type = NULL;
    const OrtTensorTypeAndShapeInfo *info = NULL;
    int64_t dims[2] = {0};
    const char *symbol[2] = {NULL, NULL};
    GOOD(ort->SessionGetInputCount(s, &n));
    EXPECT(n == 2);
    GOOD(ort->SessionGetOutputCount(s, &n));
    EXPECT(n == 2);
    GOOD(ort->SessionGetOverridableInitializerCount(s, &n));
    EXPECT(n == 0);
    GOOD(ort->SessionGetInputName(s, 1, heap, &name));
    EXPECT(!strcmp(name, "b"));
    heap->Free(heap, name);
    GOOD(ort->SessionGetOutputName(s, 0, heap, &name));
    EXPECT(!strcmp(name, "y"));
    heap->Free(heap, name);
    GOOD(ort->SessionGetOutputTypeInfo(s, 0, &type));
    const OrtMemoryInfo *memory[2] = {NULL, NULL};
    GOOD(ort->SessionGetMemoryInfoForInputs(s, memory, 2));
    EXPECT(memory[0] && memory[1]);
    GOOD(ort->SessionGetMemoryInfoForOutputs(s, memory, 2));
    const OrtEpDevice *device[2] = {NULL, NULL};
    GOOD(ort->SessionGetEpDeviceForInputs(s, device, 2));
    ort->ReleaseSession(s); /* the type stays */
    GOOD(ort->CastTypeInfoToTensorInfo(type, &info));
    GOOD(ort->GetDimensions(info, dims, 2));
    EXPECT(dims[0] == -1 && dims[1] == -1);
    GOOD(ort->GetSymbolicDimensions(info, symbol, 2));
    EXPECT(!strcmp(symbol[0], "batch") && !strcmp(symbol[1], "n"));
    ort->ReleaseTypeInfo(type);
}

static void map_of_sequence(const char *model, ONNXTensorElementDataType key) {
    OrtSession *s = session_of(model);
    OrtTypeInfo *type = NULL, *element = NULL, *value = NULL;
    const OrtSequenceTypeInfo *sequence = NULL;
    const OrtMapTypeInfo *map = NULL;
    const OrtTensorTypeAndShapeInfo *tensor = NULL;
    ONNXTensorElementDataType found;
    enum ONNXType kind;
    GOOD(ort->SessionGetOutputTypeInfo(s, 1, &type));
    GOOD(ort->GetOnnxTypeFromTypeInfo(type, &kind));
    EXPECT(kind == ONNX_TYPE_SEQUENCE);
    GOOD(ort->CastTypeInfoToSequenceTypeInfo(type, &sequence));
    GOOD(ort->GetSequenceElementType(sequence, &element));
    ort->ReleaseTypeInfo(type); /* an owned description of the element stays */
    GOOD(ort->GetOnnxTypeFromTypeInfo(element, &kind));
    EXPECT(kind == ONNX_TYPE_MAP);
    GOOD(ort->CastTypeInfoToMapTypeInfo(element, &map));
    GOOD(ort->GetMapKeyType(map, &found));
    EXPECT(found == key);
    GOOD(ort->GetMapValueType(map, &value));
    GOOD(ort->CastTypeInfoToTensorInfo(value, &tensor));
    GOOD(ort->GetTensorElementType(tensor, &found));
    EXPECT(found == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT);
    ort->ReleaseTypeInfo(value);
    ort->ReleaseTypeInfo(element);
    ort->ReleaseSession(s);
}

static void test_map_types(void) {
    map_of_sequence("classifier.onnx", ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64);
    map_of_sequence("classifier_strings.onnx", ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING);
}

static void test_optional_type(void) {
    OrtSession *s = session_of("optional.onnx");
    OrtTypeInfo *type = NULL, *inner = NULL;
    const OrtOptionalTypeInfo *optional = NULL;
    enum ONNXType kind;
    GOOD(ort->SessionGetOutputTypeInfo(s, 0, &type));
    GOOD(ort->GetOnnxTypeFromTypeInfo(type, &kind));
    EXPECT(kind == ONNX_TYPE_OPTIONAL);
    GOOD(ort->CastTypeInfoToOptionalTypeInfo(type, &optional));
    GOOD(ort->GetOptionalContainedTypeInfo(optional, &inner));
    GOOD(ort->GetOnnxTypeFromTypeInfo(inner, &kind));
    EXPECT(kind == ONNX_TYPE_TENSOR);
    ort->ReleaseTypeInfo(inner);
    ort->ReleaseTypeInfo(type);
    ort->ReleaseSession(s);
}

static void metadata_text(const OrtModelMetadata *meta, const char *name,
                          OrtStatus *(*get)(const OrtModelMetadata *, OrtAllocator *, char **)) {
    char *text = NULL;
    GOOD(get(meta, heap, &text));
    answer_text("metadata", name, text);
    GOOD(ort->AllocatorFree(heap, text));
}

static void test_metadata(void) {
    OrtSession *s = session_of("two_inputs.onnx");
    OrtModelMetadata *meta = NULL;
    int64_t version = 0, n = 0;
    char **key = NULL, *text = NULL;
    GOOD(ort->SessionGetModelMetadata(s, &meta));
    ort->ReleaseSession(s); /* metadata stays */
    metadata_text(meta, "producer", ort->ModelMetadataGetProducerName);
    metadata_text(meta, "graph", ort->ModelMetadataGetGraphName);
    metadata_text(meta, "domain", ort->ModelMetadataGetDomain);
    metadata_text(meta, "description", ort->ModelMetadataGetDescription);
    metadata_text(meta, "graph_description", ort->ModelMetadataGetGraphDescription);
    GOOD(ort->ModelMetadataGetVersion(meta, &version));
    EXPECT(version == 7);
    GOOD(ort->ModelMetadataGetCustomMetadataMapKeys(meta, heap, &key, &n));
    EXPECT(n == 3);
    for (int64_t i = 0; i < n; i++) {
        GOOD(ort->ModelMetadataLookupCustomMetadataMap(meta, heap, key[i], &text));
        answer_text("metadata_map", key[i], text);
        heap->Free(heap, text);
        heap->Free(heap, key[i]);
    }
    heap->Free(heap, key);
    text = (char *)"not set";
    GOOD(ort->ModelMetadataLookupCustomMetadataMap(meta, heap, "absent", &text));
    EXPECT(text == NULL);
    ort->ReleaseModelMetadata(meta);
    s = session_of("conv.onnx"); /* a model without custom metadata */
    GOOD(ort->SessionGetModelMetadata(s, &meta));
    GOOD(ort->ModelMetadataGetCustomMetadataMapKeys(meta, heap, &key, &n));
    EXPECT(n == 0 && key == NULL);
    ort->ReleaseModelMetadata(meta);
    ort->ReleaseSession(s);
}

static void test_overridable(void) {
    OrtSession *s = session_of("overridable.onnx");
    size_t n = 0;
    char *name = NULL;
    OrtTypeInfo *type = NULL;
    float x[] = {1, 1, 1}, w[] = {5, 6, 7};
    const char *const names[] = {"x", "w"}, *const outputs[] = {"y"};
    GOOD(ort->SessionGetInputCount(s, &n));
    EXPECT(n == 1);
    GOOD(ort->SessionGetOverridableInitializerCount(s, &n));
    EXPECT(n == 1);
    GOOD(ort->SessionGetOverridableInitializerName(s, 0, heap, &name));
    EXPECT(!strcmp(name, "w"));
    heap->Free(heap, name);
    GOOD(ort->SessionGetOverridableInitializerTypeInfo(s, 0, &type));
    ort->ReleaseTypeInfo(type);
    OrtValue *in[] = {floats2(x, 1, 3), floats(w, 3)}, *y = NULL;
    for (size_t inputs = 1; inputs <= 2; inputs++) {
        GOOD(ort->Run(s, NULL, names, (const OrtValue *const *)in, inputs, outputs, 1, &y));
        EXPECT(float_data(y)[2] == (inputs == 1 ? 3 : 7));
        ort->ReleaseValue(y);
        y = NULL;
    }
    ort->ReleaseValue(in[0]);
    ort->ReleaseValue(in[1]);
    ort->ReleaseSession(s);
}

static void test_free_dimension(void) {
    OrtSessionOptions *options = NULL;
    OrtTypeInfo *type = NULL;
    const OrtTensorTypeAndShapeInfo *info = NULL;
    int64_t dims[2] = {0};
    GOOD(ort->CreateSessionOptions(&options));
    GOOD(ort->AddFreeDimensionOverrideByName(options, "batch", 4));
    OrtSession *s = session_with("two_inputs.onnx", options);
    GOOD(ort->SessionGetInputTypeInfo(s, 0, &type));
    GOOD(ort->CastTypeInfoToTensorInfo(type, &info));
    GOOD(ort->GetDimensions(info, dims, 2));
    EXPECT(dims[0] == 4 && dims[1] == 3);
    ort->ReleaseTypeInfo(type);
    ort->ReleaseSession(s);
    ort->ReleaseSessionOptions(options);
}

static void test_options(void) {
    OrtSessionOptions *options = NULL, *copy = NULL;
    char value[16];
    size_t size = sizeof value;
    int has = 0;
    OrtKeyValuePairs *pairs = NULL;
    GOOD(ort->CreateSessionOptions(&options));
    GOOD(ort->SetSessionExecutionMode(options, ORT_PARALLEL));
    GOOD(ort->SetSessionExecutionMode(options, ORT_SEQUENTIAL));
    GOOD(ort->EnableMemPattern(options));
    GOOD(ort->DisableMemPattern(options));
    GOOD(ort->EnableCpuMemArena(options));
    GOOD(ort->DisableCpuMemArena(options));
    GOOD(ort->SetSessionLogId(options, "log"));
    GOOD(ort->SetSessionLogVerbosityLevel(options, 0));
    GOOD(ort->SetSessionLogSeverityLevel(options, 4));
    const int level[] = {0, 1, 2, 3, 99};
    for (size_t i = 0; i < TABLE_SIZE(level); i++)
        GOOD(ort->SetSessionGraphOptimizationLevel(options, (GraphOptimizationLevel)level[i]));
    GOOD(ort->SetIntraOpNumThreads(options, 2));
    GOOD(ort->SetInterOpNumThreads(options, 1));
    GOOD(ort->SetDeterministicCompute(options, true));
    GOOD(ort->SessionOptionsSetEpSelectionPolicy(options, OrtExecutionProviderDevicePolicy_DEFAULT));
    GOOD(ort->AddSessionConfigEntry(options, "session.set_denormal_as_zero", "0"));
    GOOD(ort->CloneSessionOptions(options, &copy));
    ort->ReleaseSessionOptions(options);
    GOOD(ort->HasSessionConfigEntry(copy, "session.set_denormal_as_zero", &has));
    EXPECT(has == 1);
    GOOD(ort->GetSessionConfigEntry(copy, "session.set_denormal_as_zero", NULL, &size));
    EXPECT(size == 2);
    GOOD(ort->GetSessionConfigEntry(copy, "session.set_denormal_as_zero", value, &size));
    EXPECT(!strcmp(value, "0"));
    GOOD(ort->GetSessionOptionsConfigEntries(copy, &pairs));
    EXPECT(ort->GetKeyValue(pairs, "session.set_denormal_as_zero"));
    ort->ReleaseKeyValuePairs(pairs);
    OrtSession *s = session_with("conv.onnx", copy);
    ort->ReleaseSessionOptions(copy);
    ort->ReleaseSession(s);
}

static void test_from_memory(void) {
    size_t size = 0;
    char *bytes = file_bytes(model_path("one_input.onnx"), &size);
    OrtSessionOptions *options = NULL;
    OrtSession *s = NULL;
    float a[] = {1, 2, 3};
    const char *const names[] = {"a"}, *const outputs[] = {"z"};
    GOOD(ort->CreateSessionOptions(&options));
    GOOD(ort->CreateSessionFromArray(env, bytes, size, options, &s));
    ort->ReleaseSessionOptions(options); /* both were copied */
    memset(bytes, 0xff, size);
    free(bytes);
    OrtValue *in = floats2(a, 1, 3), *z = NULL;
    GOOD(ort->Run(s, NULL, names, (const OrtValue *const *)&in, 1, outputs, 1, &z));
    ort->ReleaseSession(s);
    EXPECT(float_data(z)[2] == 4); /* a value outlives its session */
    ort->ReleaseValue(z);
    ort->ReleaseValue(in);
}

static void test_external_data(void) {
    float x[64];
    const char *const names[] = {"x"}, *const outputs[] = {"y"};
    for (int i = 0; i < 64; i++) x[i] = (float)i / 64;
    OrtSession *s = session_of("external.onnx");
    OrtValue *in = floats2(x, 1, 64), *y = NULL;
    GOOD(ort->Run(s, NULL, names, (const OrtValue *const *)&in, 1, outputs, 1, &y));
    answer_value("external", "y", y);
    ort->ReleaseValue(y);
    ort->ReleaseSession(s);
    size_t size = 0, model_size = 0;
    char *data = file_bytes(model_path("external.bin"), &size),
         *model = file_bytes(model_path("external.onnx"), &model_size);
    const ORTCHAR_T *const file[] = {"external.bin"};
    char *const buffer[] = {data};
    OrtSessionOptions *options = NULL;
    GOOD(ort->CreateSessionOptions(&options));
    GOOD(ort->AddExternalInitializersFromFilesInMemory(options, file, buffer, &size, 1));
    GOOD(ort->CreateSessionFromArray(env, model, model_size, options, &s));
    y = NULL;
    GOOD(ort->Run(s, NULL, names, (const OrtValue *const *)&in, 1, outputs, 1, &y));
    answer_value("external_memory", "y", y);
    ort->ReleaseValue(y);
    ort->ReleaseValue(in);
    ort->ReleaseSession(s);
    ort->ReleaseSessionOptions(options);
    free(data);
    free(model);
}

static void test_add_initializer(void) {
    float x[] = {1, 1, 1}, w[] = {5, 6, 7};
    const int64_t dims[] = {3};
    OrtSessionOptions *options = NULL;
    OrtValue *weight = tensor_over(ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, w, sizeof w, dims, 1), *y = NULL;
    const char *const names[] = {"x"}, *const outputs[] = {"y"};
    GOOD(ort->CreateSessionOptions(&options));
    GOOD(ort->AddInitializer(options, "w", weight));
    GOOD(ort->AddInitializer(options, "of another model", weight)); /* one set of options serves many models */
    OrtSession *s = session_with("overridable.onnx", options);
    OrtValue *in = floats2(x, 1, 3);
    GOOD(ort->Run(s, NULL, names, (const OrtValue *const *)&in, 1, outputs, 1, &y));
    answer_value("add_initializer", "y", y);
    ort->ReleaseValue(y);
    ort->ReleaseValue(in);
    ort->ReleaseSession(s);
    ort->ReleaseSessionOptions(options);
    ort->ReleaseValue(weight);
}

static void test_optimized_model(void) {
    char path[1000];
    struct stat about;
    OrtSessionOptions *options = NULL;
    snprintf(path, sizeof path, "%s/optimized.onnx", getenv("OUT"));
    unlink(path);
    GOOD(ort->CreateSessionOptions(&options));
    GOOD(ort->SetOptimizedModelFilePath(options, path));
    ort->ReleaseSession(session_with("conv.onnx", options));
    EXPECT(!stat(path, &about) && about.st_size > 100);
    ort->ReleaseSessionOptions(options);
}

static void test_profiling(void) {
    char prefix[1000], *file = NULL;
    size_t size = 0;
    uint64_t start = 0;
    OrtSessionOptions *options = NULL;
    float x[64] = {1};
    const int64_t dims[] = {1, 1, 8, 8};
    const char *const names[] = {"x"}, *const outputs[] = {"y"};
    snprintf(prefix, sizeof prefix, "%s/profile", getenv("OUT"));
    GOOD(ort->CreateSessionOptions(&options));
    GOOD(ort->EnableProfiling(options, prefix));
    OrtSession *s = session_with("conv.onnx", options);
    OrtValue *in = tensor_over(ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, x, sizeof x, dims, 4), *y = NULL;
    GOOD(ort->Run(s, NULL, names, (const OrtValue *const *)&in, 1, outputs, 1, &y));
    GOOD(ort->SessionGetProfilingStartTimeNs(s, &start));
    EXPECT(start > 0);
    GOOD(ort->SessionEndProfiling(s, heap, &file));
    EXPECT(!strncmp(file, prefix, strlen(prefix)) && strlen(file) > 5 && !strcmp(file + strlen(file) - 5, ".json"));
    char *text = file_bytes(file, &size);
    EXPECT(text && size > 10 && text[0] == '[');
    free(text);
    heap->Free(heap, file);
    ort->ReleaseValue(y);
    ort->ReleaseValue(in);
    ort->ReleaseSession(s);
    ort->ReleaseSessionOptions(options);
}

static void test_session_allocator(void) {
    OrtSession *s = session_of("conv.onnx");
    OrtAllocator *a = NULL;
    OrtMemoryInfo *arena = NULL;
    const OrtMemoryInfo *info = NULL;
    GOOD(ort->CreateMemoryInfo("Cpu", OrtArenaAllocator, 0, OrtMemTypeDefault, &arena));
    GOOD(ort->CreateAllocator(s, arena, &a));
    void *p = a->Alloc(a, 256);
    EXPECT(p);
    a->Free(a, p);
    GOOD(ort->AllocatorGetInfo(a, &info));
    EXPECT(info);
    ort->ReleaseAllocator(a);
    ort->ReleaseMemoryInfo(arena);
    ort->ReleaseSession(s);
}

static void test_prepacked_weights(void) {
    OrtPrepackedWeightsContainer *box = NULL;
    OrtSessionOptions *options = NULL;
    OrtSession *s[2];
    GOOD(ort->CreateSessionOptions(&options));
    GOOD(ort->CreatePrepackedWeightsContainer(&box));
    for (int i = 0; i < 2; i++)
        GOOD(ort->CreateSessionWithPrepackedWeightsContainer(env, model_path("conv.onnx"), options, box, &s[i]));
    ort->ReleaseSession(s[0]);
    ort->ReleaseSession(s[1]);
    ort->ReleasePrepackedWeightsContainer(box);
    ort->ReleaseSessionOptions(options);
}

typedef struct {
    OrtLoggingLevel level;
    int lines, wrong;
} log_count;

static void count_log(void *param, OrtLoggingLevel severity, const char *category, const char *id, const char *location,
                      const char *message) {
    log_count *count = param;
    (void)severity;
    __atomic_add_fetch(&count->lines, 1, __ATOMIC_RELAXED);
    if (!category || !id || !location || !message) __atomic_add_fetch(&count->wrong, 1, __ATOMIC_RELAXED);
}

static void test_logging(void) {
    log_count own = {0}, all = {0};
    OrtSessionOptions *options = NULL;
    OrtEnv *logging = NULL;
    GOOD(ort->CreateSessionOptions(&options));
    GOOD(ort->SetUserLoggingFunction(options, count_log, &own));
    GOOD(ort->SetSessionLogSeverityLevel(options, 0));
    ort->ReleaseSession(session_with("conv.onnx", options));
    EXPECT(own.lines > 0 && own.wrong == 0);
    ort->ReleaseSessionOptions(options);
    ort->ReleaseEnv(env); /* the last reference */
    GOOD(ort->CreateEnvWithCustomLogger(count_log, &all, ORT_LOGGING_LEVEL_VERBOSE, "mine", &logging));
    GOOD(ort->CreateSessionOptions(&options));
    OrtSession *s = NULL;
    GOOD(ort->CreateSession(logging, model_path("conv.onnx"), options, &s));
    ort->ReleaseSession(s);
    EXPECT(all.lines > 0 && all.wrong == 0);
    ort->ReleaseSessionOptions(options);
    ort->ReleaseEnv(logging);
    GOOD(ort->CreateEnv(ORT_LOGGING_LEVEL_FATAL, "again", &env));
}

static int created, joined;
typedef struct {
    pthread_t thread;
    OrtThreadWorkerFn run;
    void *param;
} own_thread;

static void *start_thread(void *p) {
    own_thread *t = p;
    t->run(t->param);
    return NULL;
}
static OrtCustomThreadHandle create_thread(void *options, OrtThreadWorkerFn run, void *param) {
    own_thread *t = malloc(sizeof *t);
    *t = (own_thread){.run = run, .param = param};
    if (pthread_create(&t->thread, NULL, start_thread, t)) return NULL;
    *(int *)options += 1;
    return (OrtCustomThreadHandle)t;
}
static void join_thread(OrtCustomThreadHandle handle) {
    own_thread *t = (own_thread *)handle;
    pthread_join(t->thread, NULL);
    free(t);
    joined++;
}

static void test_own_threads(void) {
    OrtSessionOptions *options = NULL;
    GOOD(ort->CreateSessionOptions(&options));
    GOOD(ort->SetIntraOpNumThreads(options, 3));
    GOOD(ort->SessionOptionsSetCustomCreateThreadFn(options, create_thread));
    GOOD(ort->SessionOptionsSetCustomThreadCreationOptions(options, &created));
    GOOD(ort->SessionOptionsSetCustomJoinThreadFn(options, join_thread));
    OrtSession *s = session_with("conv.onnx", options);
    EXPECT(created == 2);
    ort->ReleaseSession(s);
    EXPECT(joined == created);
    ort->ReleaseSessionOptions(options);
}

const client_test session_tests[] = {
    {"names_and_types", test_names_and_types},
    {"map_types", test_map_types},
    {"optional_type", test_optional_type},
    {"metadata", test_metadata},
    {"overridable", test_overridable},
    {"free_dimension", test_free_dimension},
    {"options", test_options},
    {"from_memory", test_from_memory},
    {"external_data", test_external_data},
    {"add_initializer", test_add_initializer},
    {"optimized_model", test_optimized_model},
    {"profiling", test_profiling},
    {"session_allocator", test_session_allocator},
    {"prepacked_weights", test_prepacked_weights},
    {"logging", test_logging},
    {"own_threads", test_own_threads},
};
const size_t session_tests_n = TABLE_SIZE(session_tests);
