/* Runs: classifiers, every element type, sequences and maps, outputs in place, bindings, threads, termination. */
#include "tests.h"
#include <pthread.h>
#include <unistd.h>

static void run1(OrtSession *s, const char *input, OrtValue *in, const char *const *outputs, size_t n, OrtValue **out) {
    GOOD(ort->Run(s, NULL, &input, (const OrtValue *const *)&in, 1, outputs, n, out));
}

static float iris[] = {5.1F, 3.5F, 1.4F, 0.2F, 6.2F, 2.9F, 4.3F, 1.3F, 7.7F, 3, 6.1F, 2.3F};

static void test_classifier(void) {
    const char *const outputs[] = {"label", "probabilities"};
    OrtSession *s = session_of("classifier.onnx");
    OrtValue *in = floats2(iris, 3, 4), *out[2] = {NULL, NULL};
    run1(s, "x", in, outputs, 2, out);
    answer_value("classifier", "label", out[0]);
    answer_value("classifier", "probabilities", out[1]);
    ort->ReleaseValue(out[0]);
    ort->ReleaseValue(out[1]);
    out[1] = NULL;
    run1(s, "x", in, outputs + 1, 1, out + 1); /* one of the outputs alone */
    answer_value("classifier", "alone", out[1]);
    ort->ReleaseValue(out[1]);
    ort->ReleaseValue(in);
    ort->ReleaseSession(s);
}

static void test_string_classifier(void) {
    const char *const color[] = {"red", "blue", "unseen"}, *const names[] = {"color", "size"};
    const char *const outputs[] = {"label", "probabilities"};
    float size[] = {1, 2, 9};
    const int64_t dims[] = {3, 1};
    OrtSession *s = session_of("classifier_strings.onnx");
    OrtValue *in[] = {strings(color, dims, 2), floats2(size, 3, 1)}, *out[2] = {NULL, NULL};
    GOOD(ort->Run(s, NULL, names, (const OrtValue *const *)in, 2, outputs, 2, out));
    answer_value("string_classifier", "label", out[0]);
    answer_value("string_classifier", "probabilities", out[1]);
    for (int i = 0; i < 2; i++) {
        ort->ReleaseValue(in[i]);
        ort->ReleaseValue(out[i]);
    }
    ort->ReleaseSession(s);
}

static void test_string_tensors(void) {
    const char *const text[] = {"a", "", "\xc5\xbelu\xc5\xa5", "a \"quoted\" \\ text"}, *const outputs[] = {"t", "id"};
    const int64_t dims[] = {4};
    OrtSession *s = session_of("strings.onnx");
    OrtValue *in = strings(text, dims, 1), *out[2] = {NULL, NULL};
    run1(s, "s", in, outputs, 2, out);
    ort->ReleaseValue(in);
    answer_value("strings", "t", out[0]);
    answer_value("strings", "id", out[1]);
    ort->ReleaseValue(out[0]);
    ort->ReleaseValue(out[1]);
    ort->ReleaseSession(s);
}

static void test_dynamic_shapes(void) {
    float a[12], b[15];
    const char *const names[] = {"b", "a"}, *const outputs[] = {"z", "y"};
    OrtSession *s = session_of("two_inputs.onnx");
    for (int i = 0; i < 12; i++) a[i] = (float)i;
    for (int i = 0; i < 15; i++) b[i] = (float)(i * i);
    for (int64_t rows = 0; rows <= 4; rows += 2) {
        OrtValue *in[] = {floats2(b, 3, rows + 1), floats2(a, rows, 3)}, *out[2] = {NULL, NULL};
        GOOD(ort->Run(s, NULL, names, (const OrtValue *const *)in, 2, outputs, 2, out));
        answer_value("dynamic", "z", out[0]);
        answer_value("dynamic", "y", out[1]);
        for (int i = 0; i < 2; i++) {
            ort->ReleaseValue(in[i]);
            ort->ReleaseValue(out[i]);
        }
    }
    ort->ReleaseSession(s);
}

static void test_element_types(void) {
    static const struct {
        const char *name;
        ONNXTensorElementDataType type;
        size_t size;
    } kinds[] = {
        {"float", ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, 4},     {"double", ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE, 8},
        {"float16", ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16, 2}, {"bfloat16", ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16, 2},
        {"int8", ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8, 1},       {"int16", ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16, 2},
        {"int32", ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32, 4},     {"int64", ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, 8},
        {"uint8", ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8, 1},     {"uint16", ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16, 2},
        {"uint32", ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32, 4},   {"uint64", ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64, 8},
        {"bool", ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL, 1},
    };
    const char *const outputs[] = {"y"};
    for (size_t i = 0; i < TABLE_SIZE(kinds); i++) {
        unsigned char bytes[24];
        const int64_t n = 3;
        char file[64];
        void *data = NULL;
        for (size_t k = 0; k < sizeof bytes; k++) bytes[k] = i == 12 ? k & 1 : (unsigned char)(k * 5 + 1);
        snprintf(file, sizeof file, "identity_%s.onnx", kinds[i].name);
        OrtSession *s = session_of(file);
        OrtValue *in = tensor_over(kinds[i].type, bytes, 3 * kinds[i].size, &n, 1), *y = NULL;
        run1(s, "x", in, outputs, 1, &y);
        GOOD(ort->GetTensorMutableData(y, &data));
        EXPECT(data != bytes); /* never the input's memory */
        if (memcmp(data, bytes, 3 * kinds[i].size) != 0) client_fail("%s", kinds[i].name);
        answer_value("identity", kinds[i].name, y);
        ort->ReleaseValue(y);
        ort->ReleaseValue(in);
        ort->ReleaseSession(s);
    }
}

static void test_sequences(void) {
    float x[] = {3, 1, 2}, more[] = {7, 8};
    const char *const split[] = {"s", "n"}, *const join[] = {"y", "n"};
    OrtSession *s = session_of("sequence.onnx");
    OrtValue *in = floats(x, 3), *out[2] = {NULL, NULL}, *part[2], *sequence = NULL;
    run1(s, "x", in, split, 2, out);
    answer_value("sequence", "s", out[0]);
    answer_value("sequence", "n", out[1]);
    ort->ReleaseValue(out[1]);
    ort->ReleaseValue(in);
    ort->ReleaseSession(s);
    s = session_of("sequence_input.onnx");
    out[1] = NULL;
    OrtValue *back[2] = {NULL, NULL};
    run1(s, "s", out[0], join, 2, back); /* what one session gave, another takes */
    answer_value("sequence_input", "y", back[0]);
    part[0] = floats(x, 3);
    part[1] = floats(more, 2);
    GOOD(ort->CreateValue((const OrtValue *const *)part, 2, ONNX_TYPE_SEQUENCE, &sequence));
    OrtValue *own[2] = {NULL, NULL};
    run1(s, "s", sequence, join, 2, own);
    answer_value("sequence_input", "own", own[0]);
    answer_value("sequence_input", "n", own[1]);
    OrtValue *all[] = {out[0], back[0], back[1], part[0], part[1], sequence, own[0], own[1]};
    for (size_t i = 0; i < TABLE_SIZE(all); i++) ort->ReleaseValue(all[i]);
    ort->ReleaseSession(s);
}

static void test_optional(void) {
    float x[] = {1, 2};
    const char *const outputs[] = {"o", "has", "y"}, *const has[] = {"has"};
    OrtSession *s = session_of("optional.onnx");
    OrtValue *in = floats(x, 2), *out[3] = {NULL, NULL, NULL}, *answer = NULL;
    int is = 0;
    run1(s, "x", in, outputs, 3, out);
    GOOD(ort->HasValue(out[0], &is));
    EXPECT(is == 1);
    answer_value("optional", "has", out[1]);
    answer_value("optional", "y", out[2]);
    ort->ReleaseSession(s);
    s = session_of("optional_input.onnx");
    run1(s, "o", in, has, 1, &answer);
    answer_value("optional_input", "has", answer);
    for (int i = 0; i < 3; i++) ort->ReleaseValue(out[i]);
    ort->ReleaseValue(answer);
    ort->ReleaseValue(in);
    ort->ReleaseSession(s);
}

static void test_map_input(void) {
    const char *const key[] = {"c", "zz", "a"}, *const outputs[] = {"y"};
    int64_t number[] = {3, 1, 9};
    float value[] = {5, 6, 7};
    const int64_t three = 3;
    for (int ints = 0; ints < 2; ints++) {
        OrtSession *s = session_of(ints ? "map_input_int.onnx" : "map_input.onnx");
        OrtValue *part[2], *map = NULL, *y = NULL;
        part[0] = ints ? tensor_over(ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, number, sizeof number, &three, 1)
                       : strings(key, &three, 1);
        part[1] = floats(value, 3);
        GOOD(ort->CreateValue((const OrtValue *const *)part, 2, ONNX_TYPE_MAP, &map));
        run1(s, "m", map, outputs, 1, &y);
        answer_value("map_input", ints ? "int" : "string", y);
        ort->ReleaseValue(part[0]);
        ort->ReleaseValue(part[1]);
        ort->ReleaseValue(map);
        ort->ReleaseValue(y);
        ort->ReleaseSession(s);
    }
}

static void test_output_in_place(void) {
    float a[] = {1, 2, 3}, own[3] = {-1, -1, -1}, both[3] = {1, 2, 3};
    const char *const outputs[] = {"z"}, *const y[] = {"y"};
    OrtSession *s = session_of("one_input.onnx");
    OrtValue *in = floats2(a, 1, 3), *z = floats2(own, 1, 3), *const before = z;
    run1(s, "a", in, outputs, 1, &z);
    EXPECT(z == before && own[0] == 2 && own[2] == 4);
    ort->ReleaseValue(in);
    ort->ReleaseValue(z);
    OrtValue *same = floats2(both, 1, 3), *out = same; /* the input's memory as the output's */
    run1(s, "a", same, outputs, 1, &out);
    EXPECT(both[0] == 2 && both[2] == 4);
    ort->ReleaseValue(same);
    ort->ReleaseSession(s);
    s = session_of("identity_float.onnx");
    in = floats(a, 3);
    z = floats(own, 3);
    run1(s, "x", in, y, 1, &z);
    EXPECT(own[0] == 1 && own[2] == 3);
    ort->ReleaseValue(in);
    ort->ReleaseValue(z);
    ort->ReleaseSession(s);
}

static void test_binding(void) {
    float a[] = {1, 2, 3}, own[3] = {0};
    OrtSession *s = session_of("one_input.onnx");
    OrtIoBinding *binding = NULL;
    OrtValue *in = floats2(a, 1, 3), *z = floats2(own, 1, 3), **values = NULL;
    char *names = NULL;
    size_t *lengths = NULL, n = 0;
    GOOD(ort->CreateIoBinding(s, &binding));
    GOOD(ort->BindInput(binding, "a", in));
    GOOD(ort->BindOutput(binding, "z", z));
    GOOD(ort->SynchronizeBoundInputs(binding));
    GOOD(ort->RunWithBinding(s, NULL, binding));
    GOOD(ort->SynchronizeBoundOutputs(binding));
    EXPECT(own[2] == 4);
    ort->ClearBoundOutputs(binding);
    GOOD(ort->BindOutputToDevice(binding, "z", cpu));
    GOOD(ort->RunWithBinding(s, NULL, binding));
    GOOD(ort->GetBoundOutputNames(binding, heap, &names, &lengths, &n));
    EXPECT(n == 1 && lengths[0] == 1 && names[0] == 'z');
    heap->Free(heap, names);
    heap->Free(heap, lengths);
    GOOD(ort->GetBoundOutputValues(binding, heap, &values, &n));
    EXPECT(n == 1 && float_data(values[0])[0] == 2);
    ort->ReleaseValue(values[0]);
    heap->Free(heap, values);
    ort->ClearBoundInputs(binding);
    ort->ClearBoundOutputs(binding);
    GOOD(ort->GetBoundOutputNames(binding, heap, &names, &lengths, &n));
    EXPECT(n == 0);
    ort->ReleaseIoBinding(binding);
    ort->ReleaseValue(in);
    ort->ReleaseValue(z);
    ort->ReleaseSession(s);
}

static void test_run_options(void) {
    OrtRunOptions *options = NULL;
    const char *tag = NULL;
    int level = -1;
    float a[] = {1, 2, 3};
    const char *const input[] = {"a"}, *const outputs[] = {"z"};
    GOOD(ort->CreateRunOptions(&options));
    GOOD(ort->RunOptionsSetRunTag(options, "a tag"));
    GOOD(ort->RunOptionsGetRunTag(options, &tag));
    EXPECT(!strcmp(tag, "a tag"));
    GOOD(ort->RunOptionsSetRunLogSeverityLevel(options, 3));
    GOOD(ort->RunOptionsGetRunLogSeverityLevel(options, &level));
    EXPECT(level == 3);
    GOOD(ort->RunOptionsSetRunLogVerbosityLevel(options, 5));
    GOOD(ort->RunOptionsGetRunLogVerbosityLevel(options, &level));
    EXPECT(level == 5);
    GOOD(ort->AddRunConfigEntry(options, "memory.enable_memory_arena_shrinkage", "cpu:0"));
    EXPECT(!strcmp(ort->GetRunConfigEntry(options, "memory.enable_memory_arena_shrinkage"), "cpu:0"));
    EXPECT(!ort->GetRunConfigEntry(options, "absent"));
    OrtSession *s = session_of("one_input.onnx");
    OrtValue *in = floats2(a, 1, 3), *z = NULL;
    GOOD(ort->RunOptionsSetTerminate(options));
    BAD(ort->Run(s, options, input, (const OrtValue *const *)&in, 1, outputs, 1, &z), ORT_FAIL);
    GOOD(ort->RunOptionsUnsetTerminate(options));
    ort->ReleaseValue(z);
    z = NULL;
    OrtRunOptions *plain = NULL;
    GOOD(ort->CreateRunOptions(&plain));
    GOOD(ort->Run(s, plain, input, (const OrtValue *const *)&in, 1, outputs, 1, &z));
    EXPECT(float_data(z)[0] == 2);
    ort->ReleaseRunOptions(plain);
    ort->ReleaseRunOptions(options);
    ort->ReleaseValue(in);
    ort->ReleaseValue(z);
    ort->ReleaseSession(s);
}

static void *terminate_soon(void *options) {
    usleep(300000);
    GOOD(ort->RunOptionsSetTerminate(options));
    return NULL;
}

static void test_terminate(void) {
    static float x[128 * 128];
    const char *const input[] = {"x"}, *const outputs[] = {"y"};
    OrtRunOptions *options = NULL;
    pthread_t thread;
    OrtSession *s = session_of("slow.onnx");
    OrtValue *in = floats2(x, 128, 128), *y = NULL;
    GOOD(ort->CreateRunOptions(&options));
    if (pthread_create(&thread, NULL, terminate_soon, options)) return;
    alarm(10); /* the whole model takes longer */
    BAD(ort->Run(s, options, input, (const OrtValue *const *)&in, 1, outputs, 1, &y), ORT_FAIL);
    alarm(0);
    pthread_join(thread, NULL);
    ort->ReleaseRunOptions(options);
    ort->ReleaseValue(in);
    ort->ReleaseSession(s);
}

static OrtSession *shared;
static int wrong;

static void *many_runs(void *seed) {
    const char *const outputs[] = {"label", "probabilities"};
    const char *const input = "x";
    for (int i = 0; i < 50; i++) {
        OrtValue *in = floats2(iris, 3, 4), *out[2] = {NULL, NULL};
        OrtStatus *status = ort->Run(shared, NULL, &input, (const OrtValue *const *)&in, 1, outputs, 2, out);
        void *label = NULL;
        if (status || ort->GetTensorMutableData(out[0], &label) || ((int64_t *)label)[0] != 0 ||
            ((int64_t *)label)[2] != 2)
            __atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
        ort->ReleaseStatus(status);
        ort->ReleaseValue(in);
        ort->ReleaseValue(out[0]);
        ort->ReleaseValue(out[1]);
        if (i % 10 == 0) ort->ReleaseSession(session_of("conv.onnx")); /* sessions come and go meanwhile */
    }
    return seed;
}

static void test_concurrent_runs(void) {
    pthread_t thread[4];
    shared = session_of("classifier.onnx");
    for (int i = 0; i < 4; i++) EXPECT(!pthread_create(&thread[i], NULL, many_runs, NULL));
    for (int i = 0; i < 4; i++) pthread_join(thread[i], NULL);
    EXPECT(wrong == 0);
    ort->ReleaseSession(shared);
}

static volatile int called;
static void after_run(void *user, OrtValue **outputs, size_t n, OrtStatusPtr status) {
    if (!status && n == 1 && outputs[0]) *(int *)user = 1;
    ort->ReleaseStatus(status);
    called = 1;
}

static void test_run_async(void) {
    static float x[64];
    static const int64_t dims[] = {1, 1, 8, 8};
    static const char *const input[] = {"x"}, *const outputs[] = {"y"};
    OrtSessionOptions *options = NULL;
    int good = 0;
    GOOD(ort->CreateSessionOptions(&options));
    GOOD(ort->SetIntraOpNumThreads(options, 2));
    OrtSession *s = session_with("conv.onnx", options);
    OrtValue *in = tensor_over(ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, x, sizeof x, dims, 4), *y = NULL;
    GOOD(ort->RunAsync(s, NULL, input, (const OrtValue *const *)&in, 1, outputs, 1, &y, after_run, &good));
    for (int i = 0; i < 2000 && !called; i++) usleep(5000);
    EXPECT(called && good && y);
    answer_value("run_async", "y", y);
    ort->ReleaseValue(y);
    ort->ReleaseValue(in);
    ort->ReleaseSession(s);
    ort->ReleaseSessionOptions(options);
}

static void test_same_input_twice(void) {
    float a[] = {1, 2, 3};
    const char *const names[] = {"a", "a"}, *const outputs[] = {"z", "z"};
    OrtSession *s = session_of("one_input.onnx");
    OrtValue *in = floats2(a, 1, 3), *out[2] = {NULL, NULL};
    const OrtValue *const both[] = {in, in};
    GOOD(ort->Run(s, NULL, names, both, 2, outputs, 1, out));
    EXPECT(float_data(out[0])[0] == 2);
    ort->ReleaseValue(out[0]);
    ort->ReleaseValue(in);
    ort->ReleaseSession(s);
}

const client_test run_tests[] = {
    {"classifier", test_classifier},
    {"string_classifier", test_string_classifier},
    {"string_tensors", test_string_tensors},
    {"dynamic_shapes", test_dynamic_shapes},
    {"element_types", test_element_types},
    {"sequences", test_sequences},
    {"optional", test_optional},
    {"map_input", test_map_input},
    {"output_in_place", test_output_in_place},
    {"binding", test_binding},
    {"run_options", test_run_options},
    {"terminate", test_terminate},
    {"concurrent_runs", test_concurrent_runs},
    {"run_async", test_run_async},
    {"same_input_twice", test_same_input_twice},
};
const size_t run_tests_n = TABLE_SIZE(run_tests);
