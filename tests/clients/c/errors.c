/* What is wrong gives which code, situation by situation; the texts are each library's own, but there is one. */
#include "tests.h"

enum { ANY = -1 }; /* some error: the official library's code depends on what is inside */

static void situation(const char *name, int code, OrtStatus *status) {
    char why[300];
    const int found = status ? (int)ort->GetErrorCode(status) : 0;
    const char *text = status ? ort->GetErrorMessage(status) : "";
    snprintf(why, sizeof why, "code %d, expected %d: %.200s", found, code, text);
    client_part(name, (found == code || (code == ANY && found)) && (!status || *text), why);
    if (code != ANY) answer_int("code", name, found);
    ort->ReleaseStatus(status);
}

static void load(const char *name, int code, const char *path, const OrtSessionOptions *options) {
    OrtSession *s = NULL;
    OrtStatus *status = ort->CreateSession(env, path, options, &s);
    if (status) EXPECT(s == NULL);
    situation(name, code, status);
    ort->ReleaseSession(s);
}

static void load_bytes(const char *name, int code, const void *bytes, size_t size, const OrtSessionOptions *options) {
    OrtSession *s = NULL;
    situation(name, code, ort->CreateSessionFromArray(env, bytes, size, options, &s));
    ort->ReleaseSession(s);
}

static void test_loading(void) {
    OrtSessionOptions *options = NULL;
    GOOD(ort->CreateSessionOptions(&options));
    load("missing_file", ORT_NO_SUCHFILE, model_path("nope.onnx"), options);
    load("garbage_file", ORT_INVALID_PROTOBUF, model_path("garbage.onnx"), options);
    load("empty_file", ORT_INVALID_ARGUMENT, model_path("empty.onnx"), options);
    load("unknown_operator", ORT_INVALID_GRAPH, model_path("badop.onnx"), options);
    load("cycle", ORT_FAIL, model_path("cyclic.onnx"), options);
    load("folder_as_file", ORT_INVALID_ARGUMENT, model_path(""), options);
    load("custom_op_not_registered", ORT_FAIL, model_path("custom.onnx"), options);
    load_bytes("garbage_bytes", ORT_INVALID_PROTOBUF, "not a model at all", 18, options);
    load_bytes("no_bytes", ORT_INVALID_ARGUMENT, "", 0, options);
    ort->ReleaseSessionOptions(options);
}

static void test_options(void) {
    OrtSessionOptions *o = NULL;
    char value[8];
    size_t size = sizeof value;
    const char *const key[] = {"a"}, *const text[] = {"b"};
    OrtCUDAProviderOptionsV2 *cuda = NULL;
    OrtTensorRTProviderOptionsV2 *trt = NULL;
    GOOD(ort->CreateSessionOptions(&o));
    situation("unknown_provider", ORT_INVALID_ARGUMENT,
              ort->SessionOptionsAppendExecutionProvider(o, "Bogus", key, text, 1));
    situation("level_50", ORT_INVALID_ARGUMENT, ort->SetSessionGraphOptimizationLevel(o, (GraphOptimizationLevel)50));
    situation("threads_minus_1", 0, ort->SetIntraOpNumThreads(o, -1));
    situation("execution_mode_7", ORT_INVALID_ARGUMENT, ort->SetSessionExecutionMode(o, (ExecutionMode)7));
    situation("log_severity_9", 0, ort->SetSessionLogSeverityLevel(o, 9));
    situation("cuda_options", ORT_FAIL, ort->CreateCUDAProviderOptions(&cuda));
    situation("tensorrt_options", ORT_FAIL, ort->CreateTensorRTProviderOptions(&trt));
    OrtCUDAProviderOptions old;
    memset(&old, 0, sizeof old);
    situation("append_cuda", ORT_FAIL, ort->SessionOptionsAppendExecutionProvider_CUDA(o, &old));
    situation("absent_config_entry", ORT_INVALID_ARGUMENT, ort->GetSessionConfigEntry(o, "zz", value, &size));
    situation("free_dimension_0", 0, ort->AddFreeDimensionOverrideByName(o, "batch", 0));
    ort->ReleaseSessionOptions(o);
}

static void make(const char *name, int code, ONNXTensorElementDataType type, void *p, size_t bytes, int64_t a,
                 int64_t b) {
    const int64_t dims[] = {a, b};
    OrtValue *v = NULL;
    situation(name, code, ort->CreateTensorWithDataAsOrtValue(cpu, p, bytes, dims, 2, type, &v));
    ort->ReleaseValue(v);
}

static void test_tensors(void) {
    float data[6] = {0};
    OrtMemoryInfo *info = NULL;
    const ONNXTensorElementDataType f32 = ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
    make("small_buffer", ORT_INVALID_ARGUMENT, f32, data, 8, 2, 3);
    make("negative_dimension", ORT_INVALID_ARGUMENT, f32, data, sizeof data, -2, 3);
    make("no_elements_no_data", 0, f32, NULL, 0, 0, 3);
    make("strings_over_data", ORT_INVALID_ARGUMENT, ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING, data, sizeof data, 2, 3);
    make("type_undefined", ORT_NOT_IMPLEMENTED, ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED, data, sizeof data, 2, 3);
    make("type_99", ORT_NOT_IMPLEMENTED, (ONNXTensorElementDataType)99, data, sizeof data, 2, 3);
    situation("memory_info_bogus", ORT_INVALID_ARGUMENT,
              ort->CreateMemoryInfo("Bogus", OrtDeviceAllocator, 0, OrtMemTypeDefault, &info));
    OrtValue *v = floats(data, 6);
    size_t n = 0;
    situation("string_length_of_floats", ORT_FAIL, ort->GetStringTensorDataLength(v, &n));
    situation("count_of_tensor", ORT_FAIL, ort->GetValueCount(v, &n));
    ort->ReleaseValue(v);
}

static void test_strings(void) {
    const char *const text[] = {"one", "two", "three", "four"};
    const int64_t dims[] = {2};
    char small[2], one[2];
    size_t offset[2];
    OrtValue *v = strings(text, dims, 1);
    situation("fill_too_many", ORT_INVALID_ARGUMENT, ort->FillStringTensor(v, text, 3));
    situation("content_too_small", ORT_FAIL, ort->GetStringTensorContent(v, small, sizeof small, offset, 2));
    situation("string_element_7", ORT_INVALID_ARGUMENT, ort->GetStringTensorElement(v, 2, 7, one));
    situation("fill_element_7", ORT_INVALID_ARGUMENT, ort->FillStringTensorElement(v, "x", 7));
    ort->ReleaseValue(v);
}

static void test_containers(void) {
    float data[] = {1, 2};
    int64_t number[] = {1, 2};
    const int64_t two = 2;
    OrtValue *f = floats(data, 2),
             *i = tensor_over(ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, number, sizeof number, &two, 1);
    const OrtValue *const mixed[] = {f, i}, *const pair[] = {i, f};
    OrtValue *v = NULL, *got = NULL;
    OrtTensorTypeAndShapeInfo *info = NULL;
    void *p = NULL;
    situation("sequence_of_mixed_types", ORT_FAIL, ort->CreateValue(mixed, 2, ONNX_TYPE_SEQUENCE, &v));
    situation("map_of_one_value", ORT_FAIL, ort->CreateValue(mixed, 1, ONNX_TYPE_MAP, &v));
    situation("empty_sequence", ORT_FAIL, ort->CreateValue(mixed, 0, ONNX_TYPE_SEQUENCE, &v));
    v = NULL;
    GOOD(ort->CreateValue(mixed, 1, ONNX_TYPE_SEQUENCE, &v));
    situation("shape_of_sequence", ORT_FAIL, ort->GetTensorTypeAndShape(v, &info));
    situation("data_of_sequence", ANY, ort->GetTensorMutableData(v, &p));
    situation("element_9_of_sequence", ANY, ort->GetValue(v, 9, heap, &got));
    ort->ReleaseValue(v);
    v = NULL;
    GOOD(ort->CreateValue(pair, 2, ONNX_TYPE_MAP, &v));
    situation("part_2_of_map", ORT_FAIL, ort->GetValue(v, 2, heap, &got));
    ort->ReleaseValue(v);
    ort->ReleaseValue(f);
    ort->ReleaseValue(i);
}

/* One run of a session with input `name`, output `out` (may exist already). */
static void run(const char *situation_name, int code, OrtSession *s, const char *name, OrtValue *in, const char *out,
                OrtValue *y) {
    OrtValue *const given = y;
    const char *const names[] = {name}, *const outputs[] = {out};
    OrtStatus *status = ort->Run(s, NULL, names, (const OrtValue *const *)&in, 1, outputs, 1, &y);
    situation(situation_name, code, status);
    if (y != given) ort->ReleaseValue(y);
}

static void test_runs(void) {
    OrtSession *s = session_of("one_input.onnx"), *two = session_of("two_inputs.onnx");
    float data[12] = {0};
    double wide[6] = {0};
    int64_t ints[6] = {0};
    const int64_t dims[] = {2, 3};
    OrtValue *good = floats2(data, 2, 3), *narrow = floats2(data, 2, 2), *line = floats(data, 3),
             *small = floats2(data, 2, 2);
    OrtValue *doubles = tensor_over(ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE, wide, sizeof wide, dims, 2);
    OrtValue *integers = tensor_over(ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, ints, sizeof ints, dims, 2), *none = NULL;
    const char *const name[] = {"a"}, *const out[] = {"z"};
    run("good", 0, s, "a", good, "z", NULL);
    run("wrong_dimension", ORT_INVALID_ARGUMENT, s, "a", narrow, "z", NULL);
    run("wrong_rank", ORT_INVALID_ARGUMENT, s, "a", line, "z", NULL);
    run("wrong_type", ORT_INVALID_ARGUMENT, s, "a", doubles, "z", NULL);
    run("wrong_output_name", ORT_INVALID_ARGUMENT, s, "a", good, "nope", NULL);
    run("empty_output_name", ORT_INVALID_ARGUMENT, s, "a", good, "", NULL);
    run("wrong_input_name", ORT_INVALID_ARGUMENT, s, "bogus", good, "z", NULL);
    run("no_input_value", ORT_INVALID_ARGUMENT, s, "a", NULL, "z", NULL);
    run("missing_input", ORT_FAIL, two, "a", good, "y", NULL);
    run("output_wrong_shape", ORT_INVALID_ARGUMENT, s, "a", good, "z", small);
    run("output_wrong_type", ORT_INVALID_ARGUMENT, s, "a", good, "z", integers);
    situation("no_outputs", ORT_INVALID_ARGUMENT,
              ort->Run(s, NULL, name, (const OrtValue *const *)&good, 1, out, 0, &none));
    OrtRunOptions *options = NULL;
    GOOD(ort->CreateRunOptions(&options));
    situation("run_log_severity_77", 0, ort->RunOptionsSetRunLogSeverityLevel(options, 77));
    GOOD(ort->RunOptionsSetTerminate(options));
    none = NULL;
    situation("terminated", ORT_FAIL, ort->Run(s, options, name, (const OrtValue *const *)&good, 1, out, 1, &none));
    ort->ReleaseRunOptions(options);
    OrtValue *const all[] = {good, narrow, line, small, doubles, integers};
    for (size_t i = 0; i < TABLE_SIZE(all); i++) ort->ReleaseValue(all[i]);
    ort->ReleaseSession(s);
    ort->ReleaseSession(two);
}

static void test_queries(void) {
    OrtSession *s = session_of("two_inputs.onnx");
    char *name = NULL;
    OrtTypeInfo *type = NULL;
    OrtMemoryInfo *cuda = NULL;
    OrtAllocator *a = NULL;
    situation("input_name_9", ORT_FAIL, ort->SessionGetInputName(s, 9, heap, &name));
    situation("input_type_9", ORT_FAIL, ort->SessionGetInputTypeInfo(s, 9, &type));
    GOOD(ort->CreateMemoryInfo("Cuda", OrtDeviceAllocator, 0, OrtMemTypeDefault, &cuda));
    situation("allocator_of_cuda", ORT_INVALID_ARGUMENT, ort->CreateAllocator(s, cuda, &a));
    ort->ReleaseMemoryInfo(cuda);
    OrtIoBinding *binding = NULL;
    float data[4] = {0};
    OrtValue *v = floats(data, 4);
    GOOD(ort->CreateIoBinding(s, &binding));
    situation("bind_unknown_input", ORT_FAIL, ort->BindInput(binding, "nope", v));
    ort->ReleaseIoBinding(binding);
    ort->ReleaseValue(v);
    ort->ReleaseSession(s);
}

const client_test error_tests[] = {
    {"errors_loading", test_loading},       {"errors_options", test_options}, {"errors_tensors", test_tensors},
    {"errors_strings", test_strings},       {"errors_runs", test_runs},       {"errors_queries", test_queries},
    {"errors_containers", test_containers},
};
const size_t error_tests_n = TABLE_SIZE(error_tests);
