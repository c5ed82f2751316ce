/* The custom operator library of onnxruntime-extensions in a C program: EXTENSIONS is its path, OPERATORS the models'. */
#include "client.h"

static OrtSession *session_with_extensions(const char *model) {
    char path[1000];
    OrtSessionOptions *options = NULL;
    OrtSession *s = NULL;
    snprintf(path, sizeof path, "%s/%s.onnx", getenv("OPERATORS"), model);
    GOOD(ort->CreateSessionOptions(&options));
    GOOD(ort->RegisterCustomOpsLibrary_V2(options, getenv("EXTENSIONS")));
    GOOD(ort->CreateSession(env, path, options, &s));
    ort->ReleaseSessionOptions(options);
    return s;
}

/* Runs a model of one input `text` for some strings; an answer per output. */
static void run_text(const char *model, const char *const *text, int64_t n, const char *const *outputs, size_t count) {
    OrtSession *s = session_with_extensions(model);
    OrtValue *in = strings(text, &n, 1), *out[3] = {NULL, NULL, NULL};
    const char *const name[] = {"text"};
    for (int again = 0; again < 2; again++) { /* a kernel may keep state */
        GOOD(ort->Run(s, NULL, name, (const OrtValue *const *)&in, 1, outputs, count, out));
        for (size_t i = 0; i < count; i++) {
            if (again) answer_value(model, outputs[i], out[i]);
            ort->ReleaseValue(out[i]);
            out[i] = NULL;
        }
    }
    ort->ReleaseValue(in);
    ort->ReleaseSession(s);
}

static void test_bert(void) {
    const char *const text[] = {"The cats, sitting un\xc3\xa9"
                                "do on a MAT."},
                      *const outputs[] = {"ids", "types", "mask"};
    run_text("bert", text, 1, outputs, 3);
}

static void test_gpt2(void) {
    const char *const text[] = {"hello world!", "hell"}, *const outputs[] = {"ids", "mask"};
    run_text("gpt2", text, 2, outputs, 2);
}

static void test_strings(void) {
    const char *const text[] = {"abc 12-34", "", "\xc5\xbelu\xc5\xa5 7-8 9-10"}, *const out[] = {"out"};
    run_text("upper", text, 3, out, 1);
    run_text("length", text, 3, out, 1);
    run_text("regex", text, 3, out, 1);
    run_text("mixed", text, 3, out, 1);
}

static void test_floats(void) {
    float x[] = {2, 1, 1, 3};
    const char *const name[] = {"x"}, *const outputs[] = {"y"};
    OrtSession *s = session_with_extensions("inverse");
    OrtValue *in = floats2(x, 2, 2), *y = NULL;
    GOOD(ort->Run(s, NULL, name, (const OrtValue *const *)&in, 1, outputs, 1, &y));
    answer_value("inverse", "y", y);
    ort->ReleaseValue(y);
    ort->ReleaseValue(in);
    ort->ReleaseSession(s);
}

static void test_errors(void) {
    const char *const name[] = {"text", "pattern", "rewrite"}, *const outputs[] = {"out"}, *const text[] = {"a", "b"};
    const int64_t two = 2;
    OrtSessionOptions *options = NULL;
    GOOD(ort->CreateSessionOptions(&options));
    OrtStatus *status = ort->RegisterCustomOpsLibrary_V2(options, "libnowhere.so");
    EXPECT(status && *ort->GetErrorMessage(status));
    ort->ReleaseStatus(status);
    ort->ReleaseSessionOptions(options);
    OrtSession *s = session_with_extensions("regex_input");
    OrtValue *v = strings(text, &two, 1), *out = NULL;
    const OrtValue *const in[] = {v, v, v};
    status = ort->Run(s, NULL, name, in, 3, outputs, 1, &out); /* two patterns: the kernel's own error comes out */
    EXPECT(status && *ort->GetErrorMessage(status));
    ort->ReleaseStatus(status);
    ort->ReleaseValue(v);
    ort->ReleaseSession(s);
}

int main(int argc, char **argv) {
    static const client_test tests[] = {
        {"bert", test_bert},     {"gpt2", test_gpt2},     {"strings", test_strings},
        {"floats", test_floats}, {"errors", test_errors},
    };
    return client_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
