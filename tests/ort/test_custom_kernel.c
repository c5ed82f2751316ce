/* test_custom_kernel.c -- what a custom operator's kernel may ask: its node, the run, shapes, operators of the engine. */
#include "custom_test.h"

static const ONNXTensorElementDataType I64 = (ONNXTensorElementDataType)7;

/* ---- the node ----------------------------------------------------------------------------------------------------- */

static int looked, shaped;
static OrtKernelInfo *kept;

static void check_text(OrtStatus *(*ask)(const OrtKernelInfo *, char *, size_t *), const OrtKernelInfo *info,
                       const char *want) {
    size_t n = 0;
    char text[32];
    GOOD(ask(info, NULL, &n));
    assert_int_equal(n, strlen(want) + 1);
    n = 1;
    BAD(ORT_INVALID_ARGUMENT, "not large enough", ask(info, text, &n));
    assert_int_equal(n, strlen(want) + 1);
    GOOD(ask(info, text, &n));
    assert_string_equal(text, want);
}

static void check_attrs(const OrtKernelInfo *info) {
    float f, floats[4];
    int64_t i, ints[4];
    char text[16], **words;
    size_t n = sizeof text;
    OrtAllocator *a = NULL;
    OrtValue *t = NULL;
    GOOD(ort->GetAllocatorWithDefaultOptions(&a));
    GOOD(ort->KernelInfoGetAttribute_float(info, "f", &f));
    assert_float_equal(f, 1.5f, 0);
    GOOD(ort->KernelInfoGetAttribute_int64(info, "i", &i));
    assert_int_equal(i, -4);
    GOOD(ort->KernelInfoGetAttribute_string(info, "s", text, &n));
    assert_string_equal(text, "text");
    assert_int_equal(n, 5);
    BAD(ORT_FAIL, "none", ort->KernelInfoGetAttribute_int64(info, "none", &i));
    BAD(ORT_FAIL, "'f'", ort->KernelInfoGetAttribute_int64(info, "f", &i));
    GOOD(ort->KernelInfoGetAttributeArray_float(info, "fs", NULL, &n));
    assert_int_equal(n, 2);
    GOOD(ort->KernelInfoGetAttributeArray_float(info, "fs", floats, &n));
    assert_float_equal(floats[1], 2.5f, 0);
    n = 2;
    BAD(ORT_INVALID_ARGUMENT, "not large enough", ort->KernelInfoGetAttributeArray_int64(info, "is", ints, &n));
    assert_int_equal(n, 3);
    GOOD(ort->KernelInfoGetAttributeArray_int64(info, "is", ints, &n));
    assert_int_equal(ints[2], 9);
    GOOD(ort->KernelInfoGetAttributeArray_string(info, "ss", a, NULL, &n));
    assert_int_equal(n, 2);
    GOOD(ort->KernelInfoGetAttributeArray_string(info, "ss", a, &words, &n));
    assert_string_equal(words[0], "a");
    assert_string_equal(words[1], "bc");
    for (size_t k = 0; k < n; k++) GOOD(ort->AllocatorFree(a, words[k]));
    GOOD(ort->AllocatorFree(a, words));
    GOOD(ort->KernelInfoGetAttribute_tensor(info, "t", a, &t));
    assert_float_equal(((const float *)data_of(t))[1], 8, 0);
    ort->ReleaseValue(t);
}

static OrtStatus *name_in(const OrtKernelInfo *info, char *out, size_t *n) {
    return ort->KernelInfo_GetInputName(info, 2, out, n);
}
static OrtStatus *name_out(const OrtKernelInfo *info, char *out, size_t *n) {
    return ort->KernelInfo_GetOutputName(info, 0, out, n);
}

static void check_arguments(const OrtKernelInfo *info) {
    size_t n, none = 0;
    int constant = -1;
    const OrtValue *v = NULL;
    OrtTypeInfo *type = NULL;
    const OrtTensorTypeAndShapeInfo *shape;
    ONNXTensorElementDataType t;
    int64_t dims[2];
    const char *names[2];
    GOOD(ort->KernelInfo_GetInputCount(info, &n));
    assert_int_equal(n, 3);
    GOOD(ort->KernelInfo_GetOutputCount(info, &n));
    assert_int_equal(n, 1);
    check_text(name_in, info, "seven");
    check_text(name_out, info, "y0");
    BAD(ORT_INVALID_ARGUMENT, "bounds", ort->KernelInfo_GetInputName(info, 3, NULL, &none));
    GOOD(ort->KernelInfoGetConstantInput_tensor(info, 0, &constant, &v));
    assert_int_equal(constant, 0);
    assert_null(v);
    GOOD(ort->KernelInfoGetConstantInput_tensor(info, 9, &constant, &v));
    assert_int_equal(constant, 0);
    GOOD(ort->KernelInfoGetConstantInput_tensor(info, 2, &constant, &v));
    assert_int_equal(constant, 1);
    assert_int_equal(*(const int64_t *)data_of(v), 7);
    GOOD(ort->KernelInfo_GetInputTypeInfo(info, 0, &type));
    GOOD(ort->CastTypeInfoToTensorInfo(type, &shape));
    GOOD(ort->GetTensorElementType(shape, &t));
    assert_int_equal(t, ORT_TYPE_FLOAT);
    GOOD(ort->GetDimensionsCount(shape, &n));
    assert_int_equal(n, 2);
    GOOD(ort->GetDimensions(shape, dims, 2));
    GOOD(ort->GetSymbolicDimensions(shape, names, 2));
    assert_int_equal(dims[0], -1);
    assert_string_equal(names[0], "rows");
    assert_int_equal(dims[1], 3);
    ort->ReleaseTypeInfo(type);
    BAD(ORT_INVALID_GRAPH, "left out", ort->KernelInfo_GetInputTypeInfo(info, 1, &type));
    GOOD(ort->KernelInfo_GetOutputTypeInfo(info, 0, &type));
    GOOD(ort->CastTypeInfoToTensorInfo(type, &shape));
    GOOD(ort->GetDimensionsCount(shape, &n));
    assert_int_equal(n, 1); /* as InferOutputShapeFn says */
    ort->ReleaseTypeInfo(type);
}

static OrtStatus *look(const OrtKernelInfo *info, void **kernel) {
    const OrtLogger *logger = NULL;
    OrtLoggingLevel level;
    OrtKeyValuePairs *pairs = NULL;
    OrtAllocator *a = NULL, *standard = NULL;
    int since = 0;
    *kernel = NULL;
    check_attrs(info);
    check_arguments(info);
    check_text(ort->KernelInfo_GetNodeName, info, "mine");
    check_text(ort->KernelInfo_GetOperatorDomain, info, "test.custom");
    check_text(ort->KernelInfo_GetOperatorType, info, "Look");
    GOOD(ort->KernelInfo_GetOperatorSinceVersion(info, &since));
    assert_int_equal(since, 2);
    GOOD(ort->KernelInfo_GetLogger(info, &logger));
    GOOD(ort->Logger_GetLoggingSeverityLevel(logger, &level));
    assert_int_equal(level, ORT_LOGGING_LEVEL_WARNING);
    GOOD(ort->KernelInfo_GetConfigEntries(info, &pairs));
    assert_string_equal(ort->GetKeyValue(pairs, "test.key"), "test value");
    ort->ReleaseKeyValuePairs(pairs);
    GOOD(ort->KernelInfoGetAllocator(info, OrtMemTypeDefault, &a));
    GOOD(ort->GetAllocatorWithDefaultOptions(&standard));
    assert_ptr_equal(a, standard);
    if (!kept) GOOD(ort->CopyKernelInfo(info, &kept));
    looked++;
    return NULL;
}

static OrtStatus *shapes(OrtShapeInferContext *c) {
    size_t n;
    OrtTensorTypeAndShapeInfo *in = NULL, *out = NULL;
    const OrtOpAttr *a = NULL;
    int64_t i = 0, ints[3];
    char text[8];
    GOOD(ort->ShapeInferContext_GetInputCount(c, &n));
    assert_int_equal(n, 3);
    GOOD(ort->ShapeInferContext_GetInputTypeShape(c, 0, &in));
    GOOD(ort->GetDimensionsCount(in, &n));
    assert_int_equal(n, 2);
    GOOD(ort->ShapeInferContext_GetInputTypeShape(c, 1, &in));
    assert_false(ort->TensorTypeAndShape_HasShape(in));
    BAD(ORT_INVALID_ARGUMENT, "input 3", ort->ShapeInferContext_GetInputTypeShape(c, 3, &in));
    BAD(ORT_INVALID_ARGUMENT, "none", ort->ShapeInferContext_GetAttribute(c, "none", &a));
    GOOD(ort->ShapeInferContext_GetAttribute(c, "i", &a));
    GOOD(ort->ReadOpAttr(a, ORT_OP_ATTR_INT, &i, sizeof i, &n));
    assert_int_equal(i, -4);
    BAD(ORT_INVALID_ARGUMENT, "'i'", ort->ReadOpAttr(a, ORT_OP_ATTR_FLOAT, &i, sizeof i, &n));
    GOOD(ort->ShapeInferContext_GetAttribute(c, "is", &a));
    BAD(ORT_INVALID_ARGUMENT, "24 bytes", ort->ReadOpAttr(a, ORT_OP_ATTR_INTS, NULL, 0, &n));
    assert_int_equal(n, 24);
    GOOD(ort->ReadOpAttr(a, ORT_OP_ATTR_INTS, ints, n, &n));
    assert_int_equal(ints[1], 6);
    GOOD(ort->ShapeInferContext_GetAttribute(c, "ss", &a));
    GOOD(ort->ReadOpAttr(a, ORT_OP_ATTR_STRINGS, text, sizeof text, &n));
    assert_int_equal(n, 5);
    assert_memory_equal(text, "a\0bc\0", 5);
    GOOD(ort->ShapeInferContext_GetAttribute(c, "s", &a));
    GOOD(ort->ReadOpAttr(a, ORT_OP_ATTR_STRING, text, sizeof text, &n));
    assert_int_equal(n, 4);
    GOOD(ort->CreateTensorTypeAndShapeInfo(&out));
    GOOD(ort->SetTensorElementType(out, I64));
    GOOD(ort->SetDimensions(out, LIST(int64_t, 42), 1));
    GOOD(ort->ShapeInferContext_SetOutputTypeShape(c, 0, out));
    BAD(ORT_INVALID_ARGUMENT, "output 5", ort->ShapeInferContext_SetOutputTypeShape(c, 5, out));
    ort->ReleaseTensorTypeAndShapeInfo(out);
    shaped++;
    return NULL;
}

/* Three numbers, whatever shapes() says. */
static OrtStatus *three(void *kernel, OrtKernelContext *c) {
    (void)kernel;
    OrtValue *y;
    void *p;
    GOOD(ort->KernelContext_GetOutput(c, 0, LIST(int64_t, 3), 1, &y));
    GOOD(ort->GetTensorMutableData(y, &p));
    for (int i = 0; i < 3; i++) ((int64_t *)p)[i] = i;
    return NULL;
}

static model_bytes look_model(void) {
    sard_error err;
    sard_value *seven = NULL, *t = NULL;
    sard_builder *b = builder_new(2);
    if (sard_tensor_new(SARD_I64, 1, LIST(int64_t, 1), &seven, &err) ||
        sard_tensor_new(SARD_F32, 1, LIST(int64_t, 2), &t, &err))
        fail_msg("%s", err.message);
    *(int64_t *)sard_tensor_data_mut(seven) = 7;
    ((float *)sard_tensor_data_mut(t))[1] = 8;
    sard_builder_input(b, "x0", SARD_F32, 2, LIST(int64_t, -1, 3), LIST(char *, "rows", NULL), NULL);
    sard_builder_initializer(b, "seven", seven, NULL);
    node(b, "Look", LIST(char *, "x0", "", "seven"), 3, LIST(char *, "y0"), 1);
    sard_builder_attr_float(b, "f", 1.5f, NULL);
    sard_builder_attr_int(b, "i", -4, NULL);
    sard_builder_attr_string(b, "s", "text", 4, NULL);
    sard_builder_attr_floats(b, "fs", LIST(float, 0, 2.5f), 2, NULL);
    sard_builder_attr_ints(b, "is", LIST(int64_t, 3, 6, 9), 3, NULL);
    sard_builder_attr_strings(b, "ss", LIST(char *, "a", "bc"), 2, NULL);
    sard_builder_attr_tensor(b, "t", t, NULL);
    sard_builder_output(b, "y0", SARD_UNDEFINED, 0, NULL, NULL, NULL);
    model_bytes m = bytes_of(b, LIST(char *, "Look"), 1);
    sard_value_unref(seven);
    sard_value_unref(t);
    return m;
}

static void test_info(void **state) {
    (void)state;
    test_op t = {.name = "Look",
                 .n_in = 3,
                 .n_out = 1,
                 .in = {ORT_TYPE_FLOAT, ORT_TYPE_FLOAT, I64},
                 .out = {I64},
                 .in_is = {INPUT_OUTPUT_REQUIRED, INPUT_OUTPUT_OPTIONAL, INPUT_OUTPUT_REQUIRED},
                 .from = 2,
                 .create = look,
                 .compute = three,
                 .shapes = shapes};
    test_op *ops[] = {&t};
    OrtSession *s = NULL;
    op_fill(&t, 18);
    GOOD(open_with(look_model(), ops, 1, &s));
    assert_true(looked > 0 && shaped > 0);
    const int before = shaped;
    OrtTypeInfo *type = NULL;
    const OrtTensorTypeAndShapeInfo *shape;
    int64_t dim = 0;
    GOOD(ort->SessionGetOutputTypeInfo(s, 0, &type));
    GOOD(ort->CastTypeInfoToTensorInfo(type, &shape));
    GOOD(ort->GetDimensions(shape, &dim, 1));
    assert_int_equal(dim, 42);
    ort->ReleaseTypeInfo(type);
    sard_value *v = NULL;
    sard_error err;
    OrtValue *x = NULL, *y = NULL;
    if (sard_tensor_new(SARD_F32, 2, LIST(int64_t, 5, 3), &v, &err)) fail_msg("%s", err.message);
    GOOD(ort_value_new(v, &x));
    GOOD(run_one(s, &x, 1, &y));
    assert_int_equal(count_of(y), 3);
    assert_int_equal(shaped, before); /* a run does not infer */
    ort->ReleaseValue(x);
    ort->ReleaseValue(y);
    check_text(ort->KernelInfo_GetNodeName, kept, "mine");
    ort->ReleaseKernelInfo(kept);
    ort->ReleaseKernelInfo(NULL);
    ort->ReleaseSession(s);
}

/* ---- the run ------------------------------------------------------------------------------------------------------ */

static void square(void *user, size_t i) { ((int64_t *)user)[i] = (int64_t)(i * i); }

static OrtStatus *busy(void *kernel, OrtKernelContext *c) {
    (void)kernel;
    OrtMemoryInfo *cpu = NULL, *gpu = NULL;
    OrtAllocator *a = NULL;
    const OrtLogger *logger = NULL;
    void *scratch = NULL, *p, *other = &other;
    OrtValue *y, *early = NULL;
    GOOD(ort->CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &cpu));
    GOOD(ort->CreateMemoryInfo("Cuda", OrtDeviceAllocator, 0, OrtMemTypeDefault, &gpu));
    GOOD(ort->KernelContext_GetAllocator(c, cpu, &a));
    BAD(ORT_INVALID_ARGUMENT, "Cuda", ort->KernelContext_GetAllocator(c, gpu, &a));
    GOOD(ort->KernelContext_GetScratchBuffer(c, cpu, 100, &scratch));
    memset(scratch, 1, 100);
    GOOD(ort->AllocatorFree(a, scratch));
    ort->ReleaseAllocator(a);
    ort->ReleaseMemoryInfo(cpu);
    ort->ReleaseMemoryInfo(gpu);
    GOOD(ort->KernelContext_GetLogger(c, &logger));
    GOOD(ort->Logger_LogMessage(logger, ORT_LOGGING_LEVEL_VERBOSE, "unseen", __FILE__, __LINE__, "busy"));
    GOOD(ort->KernelContext_GetGPUComputeStream(c, &other));
    assert_null(other);
    BAD(ORT_INVALID_ARGUMENT, "resource", ort->KernelContext_GetResource(c, 1, 1, &other));
    GOOD(ort->KernelContext_GetPreallocatedOutput(c, 0, &early));
    assert_null(early);
    GOOD(ort->KernelContext_GetOutput(c, 0, LIST(int64_t, 1000), 1, &y));
    GOOD(ort->GetTensorMutableData(y, &p));
    GOOD(ort->KernelContext_ParallelFor(c, square, 400, 0, p));
    GOOD(ort->KernelContext_ParallelFor(c, square, 1000, 3, p));
    GOOD(ort->KernelContext_ParallelFor(c, square, 0, 0, NULL));
    return NULL;
}

static void test_context(void **state) {
    (void)state;
    test_op t = {.name = "Busy", .n_in = 1, .n_out = 1, .in = {ORT_TYPE_FLOAT}, .out = {I64}, .compute = busy};
    test_op *ops[] = {&t};
    OrtSession *s = NULL;
    OrtValue *x = floats(LIST(float, 1), 1), *y;
    op_fill(&t, 18);
    GOOD(open_with(one_node("Busy", 1, LIST(char *, "x0"), LIST(sard_dtype, SARD_F32), 1, 1), ops, 1, &s));
    GOOD(run_one(s, &x, 1, &y));
    for (int64_t i = 0; i < 1000; i++) assert_int_equal(((const int64_t *)data_of(y))[i], i * i);
    ort->ReleaseValue(x);
    ort->ReleaseValue(y);
    ort->ReleaseSession(s);
}

/* ---- operators of the engine -------------------------------------------------------------------------------------- */

typedef struct engine_ops {
    OrtOp *gemm, *concat;
} engine_ops;

static OrtOpAttr *attr(const char *name, const void *data, int n, OrtOpAttrType type) {
    OrtOpAttr *a = NULL;
    GOOD(ort->CreateOpAttr(name, data, n, type, &a));
    return a;
}

static OrtStatus *make_ops(const OrtKernelInfo *info, void **kernel) {
    engine_ops *k = calloc(1, sizeof *k);
    assert_non_null(k);
    const char *t = "T";
    const ONNXTensorElementDataType f = ORT_TYPE_FLOAT;
    OrtOpAttr *alpha = attr("alpha", LIST(float, 2), 1, ORT_OP_ATTR_FLOAT);
    OrtOpAttr *trans = attr("transB", LIST(int64_t, 1), 1, ORT_OP_ATTR_INT);
    OrtOpAttr *axis = attr("axis", LIST(int64_t, 0), 1, ORT_OP_ATTR_INT);
    OrtOpAttr *bad = NULL;
    BAD(ORT_FAIL, "type 7", ort->CreateOpAttr("g", &alpha, 1, ORT_OP_ATTR_GRAPH, &bad));
    BAD(ORT_INVALID_ARGUMENT, "NULL", ort->CreateOpAttr("s", LIST(char *, "a", NULL), 2, ORT_OP_ATTR_STRINGS, &bad));
    const OrtOpAttr *attrs[] = {alpha, trans}, *one[] = {axis};
    GOOD(ort->CreateOp(info, "Gemm", "", 13, &t, &f, 1, attrs, 2, 3, 1, &k->gemm));
    GOOD(ort->CreateOp(info, "Concat", "ai.onnx", 13, &t, &f, 1, one, 1, 2, 1, &k->concat));
    OrtOp *none = NULL;
    BAD(ORT_FAIL, "Nope", ort->CreateOp(info, "Nope", "", 13, NULL, NULL, 0, NULL, 0, 1, 1, &none));
    ort->ReleaseOpAttr(alpha);
    ort->ReleaseOpAttr(trans);
    ort->ReleaseOpAttr(axis);
    *kernel = k;
    return NULL;
}

static void drop_ops(void *kernel) {
    engine_ops *k = kernel;
    ort->ReleaseOp(k->gemm);
    ort->ReleaseOp(k->concat);
    free(k);
}

/* y = concat(2 a b^T, c) with a = (x0 as a row), b = 2 rows, c = x0 twice; then strings through Concat. */
static OrtStatus *use_ops(void *kernel, OrtKernelContext *c) {
    const engine_ops *k = kernel;
    const OrtValue *x;
    OrtValue *y;
    float a[3], b[6] = {1, 0, 0, 0, 1, 1}, product[2];
    OrtMemoryInfo *cpu = NULL;
    OrtValue *va = NULL, *vb = NULL, *vp = NULL, *row = NULL, *none = NULL;
    GOOD(ort->KernelContext_GetInput(c, 0, &x));
    memcpy(a, data_of(x), sizeof a);
    GOOD(ort->CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &cpu));
    GOOD(ort->CreateTensorWithDataAsOrtValue(cpu, a, sizeof a, LIST(int64_t, 1, 3), 2, ORT_TYPE_FLOAT, &va));
    GOOD(ort->CreateTensorWithDataAsOrtValue(cpu, b, sizeof b, LIST(int64_t, 2, 3), 2, ORT_TYPE_FLOAT, &vb));
    GOOD(
        ort->CreateTensorWithDataAsOrtValue(cpu, product, sizeof product, LIST(int64_t, 1, 2), 2, ORT_TYPE_FLOAT, &vp));
    GOOD(ort->CreateTensorWithDataAsOrtValue(cpu, product, sizeof product, LIST(int64_t, 2), 1, ORT_TYPE_FLOAT, &row));
    const OrtValue *in[] = {va, vb, NULL}, *both[] = {row, x};
    OrtValue *out[] = {vp};
    GOOD(ort->InvokeOp(c, k->gemm, in, 3, out, 1));
    GOOD(ort->KernelContext_GetOutput(c, 0, LIST(int64_t, 5), 1, &y));
    GOOD(ort->InvokeOp(c, k->concat, both, 2, &y, 1));
    BAD(ORT_INVALID_ARGUMENT, "2 inputs", ort->InvokeOp(c, k->concat, both, 1, &y, 1));
    BAD(ORT_INVALID_ARGUMENT, "output 0", ort->InvokeOp(c, k->concat, both, 2, &none, 1));
    OrtValue *s1 = texts(LIST(char *, "p"), 1), *s2 = texts(LIST(char *, "q"), 1), *s3 = texts(LIST(char *, "", ""), 2);
    const OrtValue *words[] = {s1, s2};
    char text[2] = "";
    GOOD(ort->InvokeOp(c, k->concat, words, 2, &s3, 1));
    GOOD(ort->GetStringTensorElement(s3, 1, 1, text));
    assert_string_equal(text, "q");
    OrtValue *const all[] = {va, vb, vp, row, s1, s2, s3};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) ort->ReleaseValue(all[i]);
    ort->ReleaseMemoryInfo(cpu);
    return NULL;
}

static void test_invoke(void **state) {
    (void)state;
    test_op t = {.name = "Use",
                 .n_in = 1,
                 .n_out = 1,
                 .in = {ORT_TYPE_FLOAT},
                 .out = {ORT_TYPE_FLOAT},
                 .create = make_ops,
                 .compute = use_ops,
                 .destroy = drop_ops};
    test_op *ops[] = {&t};
    OrtSession *s = NULL;
    OrtValue *x = floats(LIST(float, 1, 2, 3), 3), *y;
    op_fill(&t, 18);
    GOOD(open_with(one_node("Use", 1, LIST(char *, "x0"), LIST(sard_dtype, SARD_F32), 1, 1), ops, 1, &s));
    for (int i = 0; i < 3; i++) {
        GOOD(run_one(s, &x, 1, &y));
        assert_memory_equal(data_of(y), LIST(float, 2, 10, 1, 2, 3), 5 * sizeof(float));
        ort->ReleaseValue(y);
    }
    ort->ReleaseValue(x);
    ort->ReleaseSession(s);
}

/* ---- types that follow from inputs -------------------------------------------------------------------------------- */

/* y = x, of whatever type. */
static OrtStatus *same(void *kernel, OrtKernelContext *c) {
    (void)kernel;
    const OrtValue *x;
    OrtValue *y;
    void *p;
    size_t bytes;
    GOOD(ort->KernelContext_GetInput(c, 0, &x));
    const int64_t n = count_of(x);
    GOOD(ort->KernelContext_GetOutput(c, 0, &n, 1, &y));
    GOOD(ort->GetTensorMutableData(y, &p));
    GOOD(ort->GetTensorSizeInBytes(x, &bytes));
    memcpy(p, data_of(x), bytes);
    return NULL;
}

static void test_open_types(void **state) {
    (void)state;
    static const sard_dtype types[] = {SARD_F32, SARD_F64, SARD_U8, SARD_F16, SARD_BOOL};
    test_op t = {.name = "Same", .n_in = 1, .n_out = 1, .compute = same};
    test_op *ops[] = {&t};
    op_fill(&t, 18);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        OrtSession *s = NULL;
        sard_builder *b = builder_new(1);
        sard_builder_input(b, "x0", types[i], 1, LIST(int64_t, -1), NULL, NULL);
        node(b, "Same", LIST(char *, "x0"), 1, LIST(char *, "a"), 1);
        sard_builder_node(b, "", "Identity", "", LIST(char *, "a"), 1, LIST(char *, "y0"), 1, NULL);
        sard_builder_output(b, "y0", types[i], -1, NULL, NULL, NULL);
        OrtValue *x = tensor(ort_type_from(types[i]), "\1\0\1\0\1\0\1\0\1\0\1\0\1\0\1\0",
                             2 * (size_t)sard_dtype_bits(types[i]) / 8, 2),
                 *y;
        GOOD(open_with(bytes_of(b, LIST(char *, "Same"), 1), ops, 1, &s));
        GOOD(run_one(s, &x, 1, &y));
        assert_memory_equal(data_of(x), data_of(y), 2 * (size_t)sard_dtype_bits(types[i]) / 8);
        ort->ReleaseValue(x);
        ort->ReleaseValue(y);
        ort->ReleaseSession(s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_info),
        cmocka_unit_test(test_context),
        cmocka_unit_test(test_invoke),
        cmocka_unit_test(test_open_types),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
