/* test_custom.c -- custom operators: versions of the structure, arguments, types, failures, threads, libraries. */
#include "custom_test.h"

#include <dlfcn.h>
#include <pthread.h>
#include <unwind.h>

static const ONNXTensorElementDataType I64 = (ONNXTensorElementDataType)7, F64 = (ONNXTensorElementDataType)11;

/* y = x + kernel's number (as float); counts kernels alive. */
static atomic_int alive;

static OrtStatus *counted(const OrtKernelInfo *info, void **kernel) {
    (void)info;
    atomic_fetch_add(&alive, 1);
    *kernel = NULL;
    return NULL;
}
static void uncounted(void *kernel) {
    (void)kernel;
    atomic_fetch_sub(&alive, 1);
}

static OrtStatus *plus_one(void *kernel, OrtKernelContext *c) {
    (void)kernel;
    const OrtValue *x;
    OrtValue *y;
    void *p;
    GOOD(ort->KernelContext_GetInput(c, 0, &x));
    const int64_t n = count_of(x);
    GOOD(ort->KernelContext_GetOutput(c, 0, &n, 1, &y));
    GOOD(ort->GetTensorMutableData(y, &p));
    for (int64_t i = 0; i < n; i++) ((float *)p)[i] = ((const float *)data_of(x))[i] + 1;
    return NULL;
}

static test_op plus_of(uint32_t version) {
    test_op t = {.name = "Plus",
                 .n_in = 1,
                 .n_out = 1,
                 .in = {ORT_TYPE_FLOAT},
                 .out = {ORT_TYPE_FLOAT},
                 .create = counted,
                 .compute = plus_one,
                 .destroy = uncounted};
    /* what lies beyond the version's end is not to be read */
    memset(&t.op, 0xab, sizeof t.op);
    op_fill(&t, version);
    return t;
}

static model_bytes plus_model(void) {
    return one_node("Plus", 1, LIST(char *, "x0"), LIST(sard_dtype, SARD_F32), 1, 1);
}

static void test_versions(void **state) {
    (void)state;
    static const uint32_t versions[] = {1, 7, 8, 14, 16, 17, 18, 24, 31, 40};
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        test_op t = plus_of(versions[i]), *ops[] = {&t};
        OrtSession *s = NULL;
        OrtValue *x = floats(LIST(float, 1, 2, 3), 3), *y;
        GOOD(open_with(plus_model(), ops, 1, &s));
        assert_true(atomic_load(&alive) > 0);
        GOOD(run_one(s, &x, 1, &y));
        assert_float_equal(((const float *)data_of(y))[2], 4, 0);
        ort->ReleaseValue(x);
        ort->ReleaseValue(y);
        ort->ReleaseSession(s);
        assert_int_equal(atomic_load(&alive), 0);
    }
    OrtCustomOpDomain *d = NULL;
    test_op t = plus_of(0);
    GOOD(ort->CreateCustomOpDomain("test.custom", &d));
    BAD(ORT_INVALID_ARGUMENT, "version", ort->CustomOpDomain_Add(d, &t.op));
    ort->ReleaseCustomOpDomain(d);
}

/* Options may go, and be cloned, before the session does. */
static void test_not_registered(void **state) {
    (void)state;
    OrtSession *s = NULL;
    BAD(ORT_FAIL, "test.custom", open_with(plus_model(), NULL, 0, &s));
    test_op t = plus_of(18), *ops[] = {&t};
    t.provider = "CUDAExecutionProvider"; /* of no use here */
    BAD(ORT_FAIL, "test.custom", open_with(plus_model(), ops, 1, &s));
    t.provider = "CPUExecutionProvider";
    GOOD(open_with(plus_model(), ops, 1, &s));
    ort->ReleaseSession(s);
}

/* ---- arguments ---------------------------------------------------------------------------------------------------- */

/* Which inputs are there, as bits; how many there are. */
static OrtStatus *which(void *kernel, OrtKernelContext *c) {
    (void)kernel;
    size_t n;
    OrtValue *y;
    void *p;
    int64_t bits = 0;
    GOOD(ort->KernelContext_GetInputCount(c, &n));
    for (size_t i = 0; i < n; i++) {
        const OrtValue *x;
        GOOD(ort->KernelContext_GetInput(c, i, &x));
        if (x) bits |= 1 << i;
    }
    const OrtValue *beyond;
    GOOD(ort->KernelContext_GetInput(c, n, &beyond));
    assert_null(beyond);
    GOOD(ort->KernelContext_GetOutput(c, 0, LIST(int64_t, 2), 1, &y));
    GOOD(ort->GetTensorMutableData(y, &p));
    ((int64_t *)p)[0] = bits;
    ((int64_t *)p)[1] = (int64_t)n;
    OrtValue *again;
    GOOD(ort->KernelContext_GetOutput(c, 0, LIST(int64_t, 2), 1, &again));
    assert_ptr_equal(again, y);
    BAD(ORT_INVALID_ARGUMENT, "another shape", ort->KernelContext_GetOutput(c, 0, LIST(int64_t, 3), 1, &again));
    GOOD(ort->KernelContext_GetOutput(c, 9, NULL, 0, &again));
    assert_null(again);
    return NULL;
}

static void check_which(OrtSession *s, size_t n, int64_t bits, int64_t count) {
    OrtValue *x[4], *y;
    for (size_t i = 0; i < n; i++) x[i] = floats(LIST(float, 1), 1);
    GOOD(run_one(s, x, n, &y));
    assert_int_equal(((const int64_t *)data_of(y))[0], bits);
    assert_int_equal(((const int64_t *)data_of(y))[1], count);
    for (size_t i = 0; i < n; i++) ort->ReleaseValue(x[i]);
    ort->ReleaseValue(y);
    ort->ReleaseSession(s);
}

static void test_optional(void **state) {
    (void)state;
    test_op t = {.name = "Which",
                 .n_in = 3,
                 .n_out = 1,
                 .in = {ORT_TYPE_FLOAT, ORT_TYPE_FLOAT, ORT_TYPE_FLOAT},
                 .out = {I64},
                 .in_is = {INPUT_OUTPUT_REQUIRED, INPUT_OUTPUT_OPTIONAL, INPUT_OUTPUT_OPTIONAL},
                 .compute = which};
    test_op *ops[] = {&t};
    OrtSession *s = NULL;
    op_fill(&t, 18);
    const sard_dtype f[] = {SARD_F32, SARD_F32, SARD_F32, SARD_F32};
    GOOD(open_with(one_node("Which", 1, LIST(char *, "x0"), f, 1, 1), ops, 1, &s));
    check_which(s, 1, 1, 1);
    GOOD(open_with(one_node("Which", 1, LIST(char *, "x0", "", "x1"), f, 3, 1), ops, 1, &s));
    check_which(s, 2, 5, 3);
    BAD(ORT_INVALID_GRAPH, "mine", open_with(one_node("Which", 1, NULL, f, 0, 1), ops, 1, &s));
    BAD(ORT_INVALID_GRAPH, "mine",
        open_with(one_node("Which", 1, LIST(char *, "x0", "x1", "x2", "x3"), f, 4, 1), ops, 1, &s));
    BAD(ORT_INVALID_GRAPH, "tensor(int64)",
        open_with(one_node("Which", 1, LIST(char *, "x0"), LIST(sard_dtype, SARD_I64), 1, 1), ops, 1, &s));
    /* required after optional */
    t.in_is[2] = INPUT_OUTPUT_REQUIRED;
    GOOD(open_with(one_node("Which", 1, LIST(char *, "x0", "", "x1"), f, 3, 1), ops, 1, &s));
    check_which(s, 2, 5, 3);
    BAD(ORT_INVALID_GRAPH, "inputs", open_with(one_node("Which", 1, LIST(char *, "x0"), f, 1, 1), ops, 1, &s));
}

static void test_variadic(void **state) {
    (void)state;
    test_op t = {.name = "Which",
                 .n_in = 2,
                 .n_out = 1,
                 .in = {ORT_TYPE_FLOAT, ORT_TYPE_UNDEFINED},
                 .out = {I64},
                 .in_is = {INPUT_OUTPUT_REQUIRED, INPUT_OUTPUT_VARIADIC},
                 .in_arity = 2,
                 .in_uniform = 1,
                 .compute = which};
    test_op *ops[] = {&t};
    OrtSession *s = NULL;
    op_fill(&t, 18);
    const char *const names[] = {"x0", "x1", "x2", "x3"};
    GOOD(open_with(one_node("Which", 1, names, LIST(sard_dtype, SARD_F32, SARD_F32, SARD_F32, SARD_F32), 4, 1), ops, 1,
                   &s));
    check_which(s, 4, 15, 4);
    BAD(ORT_INVALID_GRAPH, "mine",
        open_with(one_node("Which", 1, names, LIST(sard_dtype, SARD_F32, SARD_F32), 2, 1), ops, 1, &s));
    const sard_dtype mixed[] = {SARD_F32, SARD_F32, SARD_I64};
    BAD(ORT_INVALID_GRAPH, "one type", open_with(one_node("Which", 1, names, mixed, 3, 1), ops, 1, &s));
    t.in_uniform = 0;
    GOOD(open_with(one_node("Which", 1, names, mixed, 3, 1), ops, 1, &s));
    ort->ReleaseSession(s);
}

/* A sparse input is no kernel's, not even one's of any type. */
static void test_sparse(void **state) {
    (void)state;
    test_op t = {.name = "Which", .n_in = 1, .n_out = 1, .out = {I64}, .compute = which}, *ops[] = {&t};
    const char *const name = "Which";
    const ONNXTensorElementDataType kinds[] = {ORT_TYPE_UNDEFINED, ORT_TYPE_FLOAT};
    op_fill(&t, 18);
    for (size_t i = 0; i < 2; i++) {
        OrtSession *s = NULL;
        sard_builder *b = builder_new(1);
        sard_builder_input_typed(
            b, "x", sard_builder_tensor_type(b, SARD_KIND_SPARSE_TENSOR, SARD_F32, 2, LIST(int64_t, 4, 4), NULL), NULL);
        node(b, name, LIST(char *, "x"), 1, LIST(char *, "y"), 1);
        sard_builder_output(b, "y", SARD_UNDEFINED, 0, NULL, NULL, NULL);
        t.in[0] = kinds[i];
        BAD(ORT_INVALID_GRAPH, "sparse_tensor(float)", open_with(bytes_of(b, &name, 1), ops, 1, &s));
    }
}

/* ---- strings ------------------------------------------------------------------------------------------------------ */

/* Each text twice; the length of all as a second output, which may be left out. */
static OrtStatus *doubled(void *kernel, OrtKernelContext *c) {
    (void)kernel;
    const OrtValue *x;
    OrtValue *y, *n_out = NULL;
    size_t outputs, total = 0;
    GOOD(ort->KernelContext_GetInput(c, 0, &x));
    const int64_t n = count_of(x);
    GOOD(ort->KernelContext_GetOutput(c, 0, &n, 1, &y));
    for (int64_t i = 0; i < n; i++) {
        size_t len;
        char text[64] = "", twice[128];
        GOOD(ort->GetStringTensorElementLength(x, (size_t)i, &len));
        assert_true(len < sizeof text);
        GOOD(ort->GetStringTensorElement(x, len, (size_t)i, text));
        snprintf(twice, sizeof twice, "%s%s", text, text);
        GOOD(ort->FillStringTensorElement(y, twice, (size_t)i));
        total += len;
    }
    GOOD(ort->KernelContext_GetOutputCount(c, &outputs));
    if (outputs > 1) GOOD(ort->KernelContext_GetOutput(c, 1, NULL, 0, &n_out));
    if (n_out) {
        void *p;
        GOOD(ort->GetTensorMutableData(n_out, &p));
        *(int64_t *)p = (int64_t)total;
    }
    return NULL;
}

static test_op doubled_op(void) {
    test_op t = {.name = "Doubled",
                 .n_in = 1,
                 .n_out = 2,
                 .in = {ORT_TYPE_STRING},
                 .out = {ORT_TYPE_STRING, I64},
                 .out_is = {INPUT_OUTPUT_REQUIRED, INPUT_OUTPUT_OPTIONAL},
                 .compute = doubled};
    op_fill(&t, 18);
    return t;
}

static void test_strings(void **state) {
    (void)state;
    test_op t = doubled_op(), *ops[] = {&t};
    for (size_t n_out = 1; n_out <= 2; n_out++) {
        OrtSession *s = NULL;
        OrtValue *x = texts(LIST(char *, "ab", "", "c"), 3), *y;
        GOOD(
            open_with(one_node("Doubled", 1, LIST(char *, "x0"), LIST(sard_dtype, SARD_STRING), 1, n_out), ops, 1, &s));
        char text[8] = "";
        GOOD(run_one(s, &x, 1, &y)); /* with two outputs: the second is asked for by nobody */
        GOOD(ort->GetStringTensorElement(y, 4, 0, text));
        assert_string_equal(text, "abab");
        ort->ReleaseValue(y);
        if (n_out == 2) {
            OrtValue *both[2] = {NULL, NULL};
            GOOD(ort->Run(s, NULL, LIST(char *, "x0"), (const OrtValue *const *)&x, 1, LIST(char *, "y0", "y1"), 2,
                          both));
            assert_int_equal(*(const int64_t *)data_of(both[1]), 3);
            ort->ReleaseValue(both[0]);
            ort->ReleaseValue(both[1]);
        }
        ort->ReleaseValue(x);
        ort->ReleaseSession(s);
    }
}

/* ---- several operators of one name -------------------------------------------------------------------------------- */

static OrtStatus *give_number(OrtKernelContext *c, int64_t number) {
    OrtValue *y;
    void *p;
    GOOD(ort->KernelContext_GetOutput(c, 0, NULL, 0, &y));
    GOOD(ort->GetTensorMutableData(y, &p));
    *(int64_t *)p = number;
    return NULL;
}
static OrtStatus *give_1(void *kernel, OrtKernelContext *c) { return (void)kernel, give_number(c, 1); }
static OrtStatus *give_2(void *kernel, OrtKernelContext *c) { return (void)kernel, give_number(c, 2); }
static OrtStatus *give_3(void *kernel, OrtKernelContext *c) { return (void)kernel, give_number(c, 3); }

static void test_overloads(void **state) {
    (void)state;
    test_op t[3] = {
        {.name = "Say", .n_in = 1, .n_out = 1, .in = {ORT_TYPE_FLOAT}, .out = {I64}, .compute = give_1, .to = 2},
        {.name = "Say", .n_in = 1, .n_out = 1, .in = {F64}, .out = {I64}, .compute = give_2},
        {.name = "Say", .n_in = 1, .n_out = 1, .in = {ORT_TYPE_FLOAT}, .out = {I64}, .compute = give_3, .from = 3},
    };
    test_op *ops[] = {&t[0], &t[1], &t[2]};
    static const struct {
        int64_t version;
        sard_dtype type;
        int64_t answer;
    } cases[] = {{1, SARD_F32, 1}, {2, SARD_F32, 1}, {3, SARD_F32, 3},
                 {9, SARD_F32, 3}, {1, SARD_F64, 2}, {5, SARD_F64, 2}};
    for (size_t i = 0; i < 3; i++) op_fill(&t[i], 18);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        OrtSession *s = NULL;
        OrtValue *x = tensor(ort_type_from(cases[i].type), NULL, 0, 1), *y;
        GOOD(open_with(one_node("Say", cases[i].version, LIST(char *, "x0"), &cases[i].type, 1, 1), ops, 3, &s));
        GOOD(run_one(s, &x, 1, &y));
        assert_int_equal(*(const int64_t *)data_of(y), cases[i].answer);
        ort->ReleaseValue(x);
        ort->ReleaseValue(y);
        ort->ReleaseSession(s);
    }
    OrtSession *s = NULL;
    BAD(ORT_INVALID_GRAPH, "none of the 3",
        open_with(one_node("Say", 1, LIST(char *, "x0"), LIST(sard_dtype, SARD_I64), 1, 1), ops, 3, &s));
    t[1].from = 4;
    test_op *late[] = {&t[1]};
    BAD(ORT_INVALID_GRAPH, "mine",
        open_with(one_node("Say", 2, LIST(char *, "x0"), LIST(sard_dtype, SARD_F64), 1, 1), late, 1, &s));
}

/* ---- failures ----------------------------------------------------------------------------------------------------- */

static OrtErrorCode code_wanted;
static OrtStatus *fails(void *kernel, OrtKernelContext *c) {
    (void)kernel, (void)c;
    return ort->CreateStatus(code_wanted, "this kernel never works");
}
static OrtStatus *not_created(const OrtKernelInfo *info, void **kernel) {
    (void)info, (void)kernel;
    return ort->CreateStatus(ORT_EP_FAIL, "no kernel for you");
}
static OrtStatus *makes_nothing(void *kernel, OrtKernelContext *c) {
    (void)kernel, (void)c;
    return NULL;
}

static void forget(_Unwind_Reason_Code reason, struct _Unwind_Exception *e) {
    (void)reason;
    free(e);
}
static OrtStatus *throws(void *kernel, OrtKernelContext *c) {
    (void)kernel, (void)c;
    struct _Unwind_Exception *e = calloc(1, sizeof *e);
    assert_non_null(e);
    e->exception_class = 0x7465737474657374; /* nobody's */
    e->exception_cleanup = forget;
    _Unwind_RaiseException(e);
    free(e); /* there was no handler: not on processors without a guarded frame */
    return ort->CreateStatus(ORT_RUNTIME_EXCEPTION, "an exception of a foreign language was thrown");
}

static void test_failures(void **state) {
    (void)state;
    test_op t = plus_of(18), *ops[] = {&t};
    OrtSession *s = NULL;
    OrtValue *x = floats(LIST(float, 1), 1), *y;
    t.compute = fails;
    GOOD(open_with(plus_model(), ops, 1, &s));
    for (code_wanted = ORT_FAIL; code_wanted <= ORT_DEVICE_RESET; code_wanted++) {
        BAD(code_wanted, "this kernel never works", run_one(s, &x, 1, &y));
        BAD(code_wanted, "mine", run_one(s, &x, 1, &y));
        assert_null(y);
    }
    t.compute = makes_nothing;
    BAD(ORT_FAIL, "did not make its output 0", run_one(s, &x, 1, &y));
    t.compute = throws;
    for (int i = 0; i < 3; i++) BAD(ORT_RUNTIME_EXCEPTION, "foreign", run_one(s, &x, 1, &y));
    t.compute = plus_one;
    GOOD(run_one(s, &x, 1, &y)); /* the session is none the worse for it */
    ort->ReleaseValue(y);
    ort->ReleaseValue(x);
    ort->ReleaseSession(s);
    assert_int_equal(atomic_load(&alive), 0);
    t.create = not_created;
    BAD(ORT_EP_FAIL, "no kernel for you", open_with(plus_model(), ops, 1, &s));
}

/* ---- threads ------------------------------------------------------------------------------------------------------ */

static OrtSession *shared;
static void *run_many(void *arg) {
    const float start = (float)(intptr_t)arg;
    for (int i = 0; i < 50; i++) {
        float data[64];
        for (int k = 0; k < 64; k++) data[k] = start + (float)(i * k);
        OrtValue *x = floats(data, 1 + i % 64), *y;
        GOOD(run_one(shared, &x, 1, &y));
        for (int k = 0; k < 1 + i % 64; k++) assert_float_equal(((const float *)data_of(y))[k], data[k] + 2, 0);
        ort->ReleaseValue(x);
        ort->ReleaseValue(y);
    }
    return NULL;
}

static void test_threads(void **state) {
    (void)state;
    test_op t = plus_of(18), *ops[] = {&t};
    sard_builder *b = builder_new(1);
    sard_builder_input(b, "x0", SARD_F32, 1, LIST(int64_t, -1), NULL, NULL);
    node(b, "Plus", LIST(char *, "x0"), 1, LIST(char *, "a"), 1);
    node(b, "Plus", LIST(char *, "a"), 1, LIST(char *, "y0"), 1);
    sard_builder_output(b, "y0", SARD_UNDEFINED, 0, NULL, NULL, NULL);
    GOOD(open_with(bytes_of(b, LIST(char *, "Plus"), 1), ops, 1, &shared));
    pthread_t threads[4];
    for (intptr_t i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, run_many, (void *)i), 0);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    ort->ReleaseSession(shared);
    assert_int_equal(atomic_load(&alive), 0);
}

/* ---- libraries: tests/ort/custom_library.c ------------------------------------------------------------------------- */

static OrtStatus *open_library_model(OrtSessionOptions *o, OrtSession **s) {
    model_bytes m = one_node("Negated", 1, LIST(char *, "x0"), LIST(sard_dtype, SARD_F32), 1, 1);
    OrtStatus *st = ort->CreateSessionFromArray(env, m.data, m.n, o, s);
    sard_free(m.data);
    return st;
}

static void check_negated(OrtSession *s) {
    OrtValue *x = floats(LIST(float, 1, -2), 2), *y;
    GOOD(run_one(s, &x, 1, &y));
    assert_float_equal(((const float *)data_of(y))[1], 2, 0);
    ort->ReleaseValue(x);
    ort->ReleaseValue(y);
}

static bool is_loaded(const char *path) {
    void *handle = dlopen(path, RTLD_LAZY | RTLD_NOLOAD);
    if (handle) dlclose(handle);
    return handle != NULL;
}

static void test_library(void **state) {
    (void)state;
    const char *path = SARD_BINARY_DIR "/tests/libcustom_library.so";
    OrtSessionOptions *o = NULL, *clone = NULL;
    OrtSession *s = NULL;
    void *handle = NULL;
    GOOD(ort->CreateSessionOptions(&o));
    BAD(ORT_FAIL, "libnowhere.so", ort->RegisterCustomOpsLibrary_V2(o, "libnowhere.so"));
    BAD(ORT_FAIL, "RegisterCustomOps", ort->RegisterCustomOpsLibrary_V2(o, "libm.so.6"));
    BAD(ORT_FAIL, "extensions", ort->EnableOrtCustomOps(o));
    GOOD(ort->RegisterCustomOpsLibrary_V2(o, path));
    GOOD(ort->CloneSessionOptions(o, &clone));
    ort->ReleaseSessionOptions(o);
    GOOD(open_library_model(clone, &s));
    ort->ReleaseSessionOptions(clone);
    check_negated(s); /* the session keeps the library */
    assert_true(is_loaded(path));
    ort->ReleaseSession(s);
    assert_false(is_loaded(path));
    GOOD(ort->CreateSessionOptions(&o));
    GOOD(ort->RegisterCustomOpsLibrary(o, path, &handle));
    GOOD(open_library_model(o, &s));
    ort->ReleaseSessionOptions(o);
    check_negated(s);
    ort->ReleaseSession(s);
    assert_true(is_loaded(path)); /* that one is the client's to close */
    assert_int_equal(dlclose(handle), 0);
    assert_false(is_loaded(path));
}

/* Found by name in the process. */
ORT_EXPORT OrtStatus *register_for_test(OrtSessionOptions *o, const OrtApiBase *base);
OrtStatus *register_for_test(OrtSessionOptions *o, const OrtApiBase *base) {
    assert_ptr_equal(base->GetApi(1), ort);
    return ort->AddSessionConfigEntry(o, "was", "here");
}

static void test_function(void **state) {
    (void)state;
    OrtSessionOptions *o = NULL;
    int there = 0;
    GOOD(ort->CreateSessionOptions(&o));
    BAD(ORT_FAIL, "no_such_function", ort->RegisterCustomOpsUsingFunction(o, "no_such_function"));
    BAD(ORT_FAIL, "empty", ort->RegisterCustomOpsUsingFunction(o, ""));
    GOOD(ort->RegisterCustomOpsUsingFunction(o, "register_for_test"));
    GOOD(ort->HasSessionConfigEntry(o, "was", &there));
    assert_true(there);
    ort->ReleaseSessionOptions(o);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions),  cmocka_unit_test(test_not_registered), cmocka_unit_test(test_optional),
        cmocka_unit_test(test_variadic),  cmocka_unit_test(test_sparse),         cmocka_unit_test(test_strings),
        cmocka_unit_test(test_overloads), cmocka_unit_test(test_failures),       cmocka_unit_test(test_threads),
        cmocka_unit_test(test_library),   cmocka_unit_test(test_function),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
