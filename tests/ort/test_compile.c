/* test_compile.c -- the compile API: what is written is the model, optimised as asked for. */
#include <sys/stat.h>
#include <unistd.h>

#include "ort/graph.h"
#include "ort_test.h"

#define DIR SARD_BINARY_DIR "/tests/"

/* y = Relu(x * w + w), w of 1024 numbers */
static sard_model *build(void) {
    sard_builder *b;
    sard_model *m;
    sard_value *w;
    sard_error err;
    static float ones[1024];
    for (int i = 0; i < 1024; i++) ones[i] = 1;
    assert_int_equal(sard_tensor_wrap(SARD_F32, 1, DIMS(1024), ones, sizeof ones, NULL, NULL, &w, &err), SARD_OK);
    assert_int_equal(sard_builder_new("g", &b, &err), SARD_OK);
    sard_builder_opset(b, "", 17, NULL);
    sard_builder_input(b, "x", SARD_F32, 1, DIMS(1024), NULL, NULL);
    sard_builder_initializer(b, "w", w, NULL);
    sard_builder_node(b, "", "Mul", "", NAMES("x", "w"), 2, NAMES("t"), 1, NULL);
    sard_builder_node(b, "", "Add", "", NAMES("t", "w"), 2, NAMES("u"), 1, NULL);
    sard_builder_node(b, "", "Relu", "", NAMES("u"), 1, NAMES("y"), 1, NULL);
    sard_builder_output(b, "y", SARD_F32, 1, DIMS(1024), NULL, NULL);
    if (sard_builder_build(b, NULL, &m, &err) != SARD_OK) fail_msg("%s", err.message);
    sard_builder_free(b);
    sard_value_unref(w);
    return m;
}

static void write_model(const char *path) {
    sard_error err;
    sard_model *m = build();
    if (sard_model_write(m, 0, path, NULL, &err) != SARD_OK) fail_msg("%s", err.message);
    sard_model_unref(m);
}

static size_t size_of(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 ? (size_t)info.st_size : 0;
}

static void check_model(const char *path) {
    sard_model *m;
    sard_error err;
    if (sard_model_load(path, NULL, &m, &err) != SARD_OK) fail_msg("%s", err.message);
    assert_string_equal(sard_model_input_name(m, 0), "x");
    assert_string_equal(sard_model_output_name(m, 0), "y");
    sard_model_unref(m);
}

static OrtModelCompilationOptions *options(OrtEnv *env) {
    OrtSessionOptions *s;
    OrtModelCompilationOptions *o;
    good(ort_CreateSessionOptions(&s));
    good(compile_CreateModelCompilationOptionsFromSessionOptions(env, s, &o));
    ort_ReleaseSessionOptions(s);
    return o;
}

static void test_files(void **state) {
    (void)state;
    OrtEnv *env = test_env();
    OrtModelCompilationOptions *o = options(env);
    const char *in = DIR "compile_in.onnx", *out = DIR "compile_out.onnx", *beside = DIR "compile_in_ctx.onnx";
    write_model(in);
    unlink(out);
    unlink(beside);
    unlink(DIR "compile.bin");
    refused(compile_CompileModel(env, o), ORT_INVALID_ARGUMENT, "Input model to compile must be specified");
    refused(compile_ModelCompilationOptions_SetInputModelPath(o, ""), ORT_INVALID_ARGUMENT, "empty");
    good(compile_ModelCompilationOptions_SetInputModelPath(o, "/no/such.onnx"));
    refused(compile_CompileModel(env, o), ORT_INVALID_ARGUMENT, "does not exist: \"/no/such.onnx\"");
    good(compile_ModelCompilationOptions_SetInputModelPath(o, in));
    good(compile_CompileModel(env, o)); /* to a path made of the input's */
    check_model(beside);
    good(compile_ModelCompilationOptions_SetOutputModelPath(o, out));
    good(compile_ModelCompilationOptions_SetGraphOptimizationLevel(o, ORT_ENABLE_ALL));
    good(compile_CompileModel(env, o));
    check_model(out);
    good(compile_ModelCompilationOptions_SetFlags(o, OrtCompileApiFlags_ERROR_IF_OUTPUT_FILE_EXISTS));
    refused(compile_CompileModel(env, o), ORT_FAIL, "exists already");
    good(compile_ModelCompilationOptions_SetFlags(o, OrtCompileApiFlags_ERROR_IF_NO_NODES_COMPILED));
    refused(compile_CompileModel(env, o), ORT_FAIL, "Unable to compile any nodes");
    good(compile_ModelCompilationOptions_SetFlags(o, 0));

    good(compile_ModelCompilationOptions_SetOutputModelExternalInitializersFile(o, "/elsewhere/compile.bin", 4095));
    refused(compile_CompileModel(env, o), ORT_INVALID_ARGUMENT, "must lie in the folder");
    good(compile_ModelCompilationOptions_SetOutputModelExternalInitializersFile(o, DIR "compile.bin", 4095));
    good(compile_CompileModel(env, o));
    assert_true(size_of(DIR "compile.bin") >= 4096);
    assert_true(size_of(out) < 4096);
    check_model(out);
    good(compile_ModelCompilationOptions_SetOutputModelExternalInitializersFile(o, "compile.bin", 4096));
    good(compile_CompileModel(env, o)); /* no tensor is larger than that */
    assert_true(size_of(out) > 4096);
    compile_ReleaseModelCompilationOptions(o);
    compile_ReleaseModelCompilationOptions(NULL);
    unlink(in), unlink(out), unlink(beside), unlink(DIR "compile.bin");
    ort_ReleaseEnv(env);
}

static OrtStatus *count(void *state, const void *data, size_t n) {
    (void)data;
    *(size_t *)state += n;
    return NULL;
}

static OrtStatus *refuse(void *state, const void *data, size_t n) {
    (void)state, (void)data, (void)n;
    return ort_CreateStatus(ORT_FAIL, "the disk is full");
}

static void test_memory(void **state) {
    (void)state;
    OrtEnv *env = test_env();
    OrtModelCompilationOptions *o = options(env);
    sard_error err;
    sard_model *m = build();
    void *bytes, *out;
    size_t n, n_out, written = 0;
    assert_int_equal(sard_model_serialize(m, 0, &bytes, &n, &err), SARD_OK);
    sard_model_unref(m);
    refused(compile_ModelCompilationOptions_SetInputModelFromBuffer(o, bytes, 0), ORT_INVALID_ARGUMENT, "size is 0");
    good(compile_ModelCompilationOptions_SetInputModelFromBuffer(o, bytes, n));
    refused(compile_CompileModel(env, o), ORT_INVALID_ARGUMENT, "output");
    good(compile_ModelCompilationOptions_SetOutputModelBuffer(o, ort_default_allocator(), &out, &n_out));
    good(compile_CompileModel(env, o));
    assert_int_equal(sard_model_load_memory(out, n_out, 0, NULL, &m, &err), SARD_OK);
    sard_model_unref(m);
    good(ort_AllocatorFree(ort_default_allocator(), out));
    good(compile_ModelCompilationOptions_SetOutputModelWriteFunc(o, count, &written));
    good(compile_CompileModel(env, o));
    assert_int_equal(written, n_out);
    good(compile_ModelCompilationOptions_SetOutputModelWriteFunc(o, refuse, NULL));
    refused(compile_CompileModel(env, o), ORT_FAIL, "the disk is full");
    good(compile_ModelCompilationOptions_SetInputModelFromBuffer(o, "garbage", 7));
    refused(compile_CompileModel(env, o), ORT_INVALID_PROTOBUF, "");
    refused(compile_ModelCompilationOptions_SetGraphOptimizationLevel(o, (GraphOptimizationLevel)50),
            ORT_INVALID_ARGUMENT, "50");
    refused(compile_ModelCompilationOptions_SetEpContextBinaryInformation(o, "/no/such", "m"), ORT_INVALID_ARGUMENT,
            "/no/such");
    refused(compile_ModelCompilationOptions_SetInputModelPath(NULL, "x"), ORT_INVALID_ARGUMENT, "NULL");
    compile_ReleaseModelCompilationOptions(o);
    sard_free(bytes);
    ort_ReleaseEnv(env);
}

/* A client that puts big initializers into a file of its own, behind eight other bytes. */
typedef struct placer {
    const char *was;        /* the file it is told of; NULL: none */
    size_t calls, size_off; /* size_off: what is added to the size told */
    int64_t offset;
    bool fails;
} placer;

static OrtStatus *place(void *state, const char *name, const OrtValue *v, const OrtExternalInitializerInfo *was,
                        OrtExternalInitializerInfo **out) {
    placer *p = state;
    size_t n;
    p->calls++;
    assert_null(*out);
    assert_string_equal(name, "w");
    good(ort_GetTensorSizeInBytes(v, &n));
    assert_int_equal(n, 4096);
    assert_int_equal(was != NULL, p->was != NULL);
    if (was) {
        assert_string_equal(ort_ExternalInitializerInfo_GetFilePath(was), p->was);
        assert_int_equal(ort_ExternalInitializerInfo_GetFileOffset(was), 8);
        assert_int_equal(ort_ExternalInitializerInfo_GetByteSize(was), 4096);
    }
    if (p->offset == 0) return NULL; /* into the model */
    FILE *f = fopen(DIR "placed.bin", "wb");
    assert_non_null(f);
    assert_int_equal(fwrite("12345678", 1, 8, f) + fwrite(data_of(v), 1, n, f), n + 8);
    fclose(f);
    good(ort_CreateExternalInitializerInfo("placed.bin", p->offset, n + p->size_off, out));
    return p->fails ? ort_CreateStatus(ORT_FAIL, "no place for it") : NULL;
}

/* Relu(2 * 1 + 1) */
static void check_answer(const char *path) {
    sard_model *m;
    sard_error err;
    sard_value *x, *y = NULL;
    if (sard_model_load(path, NULL, &m, &err) != SARD_OK) fail_msg("%s", err.message);
    assert_int_equal(sard_tensor_new(SARD_F32, 1, DIMS(1024), &x, &err), SARD_OK);
    for (int i = 0; i < 1024; i++) ((float *)sard_tensor_data_mut(x))[i] = 2;
    if (sard_run(m, NULL, NAMES("x"), &x, 1, NULL, &y, 1, &err) != SARD_OK) fail_msg("%s", err.message);
    for (int i = 0; i < 1024; i++) assert_true(((const float *)sard_tensor_data(y))[i] == 3);
    sard_value_unref(x), sard_value_unref(y);
    sard_model_unref(m);
}

static void test_located(void **state) {
    (void)state;
    OrtEnv *env = test_env();
    OrtModelCompilationOptions *o = options(env);
    const char *in = DIR "located_in.onnx", *out = DIR "located_out.onnx", *again = DIR "located_again.onnx";
    placer p = {.offset = 8};
    void *bytes;
    size_t n;
    write_model(in);
    good(compile_ModelCompilationOptions_SetInputModelPath(o, in));
    good(compile_ModelCompilationOptions_SetOutputModelPath(o, out));
    refused(compile_ModelCompilationOptions_SetOutputModelGetInitializerLocationFunc(o, NULL, &p), ORT_INVALID_ARGUMENT,
            "NULL");
    good(compile_ModelCompilationOptions_SetOutputModelExternalInitializersFile(o, "/elsewhere/w.bin", 1));
    good(compile_ModelCompilationOptions_SetOutputModelGetInitializerLocationFunc(o, place,
                                                                                  &p)); /* the last one counts */
    for (int level = 0; level < 2; level++) {
        good(compile_ModelCompilationOptions_SetGraphOptimizationLevel(o, level ? ORT_ENABLE_ALL : ORT_DISABLE_ALL));
        p.calls = 0;
        good(compile_CompileModel(env, o));
        assert_int_equal(p.calls, 1);
        assert_true(size_of(out) > 0 && size_of(out) < 4096);
        check_answer(out);
    }
    good(compile_ModelCompilationOptions_SetOutputModelBuffer(o, ort_default_allocator(), &bytes, &n));
    good(compile_CompileModel(env, o));
    assert_true(n > 0 && n < 4096);
    good(ort_AllocatorFree(ort_default_allocator(), bytes));
    good(compile_ModelCompilationOptions_SetOutputModelPath(o, again));
    p.size_off = 1;
    refused(compile_CompileModel(env, o), ORT_INVALID_ARGUMENT, "'w' has 4096 bytes, 4097 were placed");
    p.size_off = 0, p.offset = -1;
    refused(compile_CompileModel(env, o), ORT_INVALID_ARGUMENT, "offset -1");
    p.fails = true;
    refused(compile_CompileModel(env, o), ORT_FAIL, "no place for it");
    assert_int_equal(size_of(again), 0);

    good(compile_ModelCompilationOptions_SetInputModelPath(o, out)); /* back into the model, told where it was */
    p = (placer){.was = "placed.bin"};
    good(compile_CompileModel(env, o));
    assert_int_equal(p.calls, 1);
    assert_true(size_of(again) > 4096);
    compile_ReleaseModelCompilationOptions(o);
    unlink(DIR "placed.bin");
    check_answer(again);
    unlink(in), unlink(out), unlink(again);
    ort_ReleaseEnv(env);
}

/* The optimised model of a session, with its tensors beside it as the configuration says. */
static void test_optimized(void **state) {
    (void)state;
    OrtEnv *env = test_env();
    const char *in = DIR "optimized_in.onnx", *out = DIR "optimized_out.onnx", *beside = DIR "optimized.bin";
    static const char least[] = "session.optimized_model_external_initializers_min_size_in_bytes";
    OrtSessionOptions *o;
    OrtSession *s;
    write_model(in);
    unlink(beside);
    good(ort_CreateSessionOptions(&o));
    good(ort_SetOptimizedModelFilePath(o, out));
    good(ort_AddSessionConfigEntry(o, "session.optimized_model_external_initializers_file_name", "optimized.bin"));
    for (int big = 1; big >= 0; big--) {
        good(ort_AddSessionConfigEntry(o, least, big ? "1000000" : "4096"));
        good(ort_CreateSession(env, in, o, &s));
        ort_ReleaseSession(s);
        assert_int_equal(size_of(beside) >= 4096, !big);
        check_model(out);
    }
    good(ort_AddSessionConfigEntry(o, least, "many"));
    refused(ort_CreateSession(env, in, o, &s), ORT_INVALID_ARGUMENT, "'many' is not a number of bytes");
    ort_ReleaseSessionOptions(o);
    unlink(in), unlink(out), unlink(beside);
    ort_ReleaseEnv(env);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_files), cmocka_unit_test(test_memory),
                                       cmocka_unit_test(test_located), cmocka_unit_test(test_optimized)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
