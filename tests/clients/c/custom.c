/* A custom operator of the program's own, as far back as the structure's oldest form: c = a b + alpha. */
#include "tests.h"

typedef struct {
    const OrtApi *api;
    float alpha;
    int64_t dims[3];
    char label[8];
    size_t inputs, outputs;
} mul_add;

static int kernels, destroyed, seen_version;

static OrtStatus *make_kernel(const OrtApi *api, const OrtKernelInfo *info, void **kernel) {
    mul_add *k = calloc(1, sizeof *k);
    size_t n = 3, label = sizeof k->label;
    char name[16];
    size_t size = sizeof name;
    k->api = api;
    OrtStatus *s = api->KernelInfoGetAttribute_float(info, "alpha", &k->alpha);
    if (!s) s = api->KernelInfoGetAttributeArray_int64(info, "dims", k->dims, &n);
    if (!s) s = api->KernelInfoGetAttribute_string(info, "label", k->label, &label);
    if (!s) s = api->KernelInfo_GetInputCount(info, &k->inputs);
    if (!s) s = api->KernelInfo_GetOutputCount(info, &k->outputs);
    if (!s) s = api->KernelInfo_GetNodeName(info, name, &size);
    if (!s) client_part("custom_node_name", !strcmp(name, "mul_add"), name);
    if (!s) {
        size = 0;
        s = api->KernelInfo_GetInputName(info, 1, NULL, &size); /* asks for the size */
        if (!s) client_part("custom_input_name", size == 2, "the size of the name");
    }
    kernels++;
    *kernel = k;
    return s;
}

static void *create_old(const OrtCustomOp *op, const OrtApi *api, const OrtKernelInfo *info) {
    void *kernel = NULL;
    (void)op;
    client_good(make_kernel(api, info, &kernel), "kernel", 0);
    return kernel;
}

static OrtStatus *create_new(const OrtCustomOp *op, const OrtApi *api, const OrtKernelInfo *info, void **kernel) {
    seen_version = (int)op->version;
    return make_kernel(api, info, kernel);
}

static OrtStatus *compute(void *kernel, OrtKernelContext *context) {
    const mul_add *k = kernel;
    const OrtValue *a = NULL, *b = NULL;
    OrtValue *c = NULL;
    OrtTensorTypeAndShapeInfo *info = NULL;
    int64_t n = 0;
    size_t inputs = 0;
    void *pa = NULL, *pb = NULL, *pc = NULL;
    OrtStatus *s = k->api->KernelContext_GetInputCount(context, &inputs);
    if (!s) s = k->api->KernelContext_GetInput(context, 0, &a);
    if (!s) s = k->api->KernelContext_GetInput(context, 1, &b);
    if (!s) s = k->api->GetTensorTypeAndShape(a, &info);
    if (!s) s = k->api->GetDimensions(info, &n, 1);
    k->api->ReleaseTensorTypeAndShapeInfo(info);
    if (!s && n == 13) return k->api->CreateStatus(ORT_INVALID_ARGUMENT, "thirteen elements are too many");
    if (!s) s = k->api->KernelContext_GetOutput(context, 0, &n, 1, &c);
    if (!s) s = k->api->GetTensorMutableData((OrtValue *)a, &pa);
    if (!s) s = k->api->GetTensorMutableData((OrtValue *)b, &pb);
    if (!s) s = k->api->GetTensorMutableData(c, &pc);
    for (int64_t i = 0; !s && i < n; i++) ((float *)pc)[i] = ((float *)pa)[i] * ((float *)pb)[i] + k->alpha;
    return s;
}

static void compute_old(void *kernel, OrtKernelContext *context) {
    client_good(compute(kernel, context), "compute", 0);
}

static void destroy(void *kernel) {
    destroyed++;
    free(kernel);
}

static const char *op_name(const OrtCustomOp *op) {
    (void)op;
    return "MulAdd";
}
static const char *provider(const OrtCustomOp *op) {
    (void)op;
    return NULL;
}
static ONNXTensorElementDataType any_type(const OrtCustomOp *op, size_t i) {
    (void)op, (void)i;
    return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
}
static size_t two(const OrtCustomOp *op) {
    (void)op;
    return 2;
}
static size_t one(const OrtCustomOp *op) {
    (void)op;
    return 1;
}
static OrtCustomOpInputOutputCharacteristic required(const OrtCustomOp *op, size_t i) {
    (void)op, (void)i;
    return INPUT_OUTPUT_REQUIRED;
}
static OrtMemType memory_type(const OrtCustomOp *op, size_t i) {
    (void)op, (void)i;
    return OrtMemTypeDefault;
}
static int min_arity(const OrtCustomOp *op) {
    (void)op;
    return 1;
}
static int version_1(const OrtCustomOp *op) {
    (void)op;
    return 1;
}
static int last_version(const OrtCustomOp *op) {
    (void)op;
    return 0x7fffffff;
}

static OrtCustomOp operator_of(uint32_t version) {
    OrtCustomOp op = {
        .version = version,
        .CreateKernel = create_old,
        .GetName = op_name,
        .GetExecutionProviderType = provider,
        .GetInputType = any_type,
        .GetInputTypeCount = two,
        .GetOutputType = any_type,
        .GetOutputTypeCount = one,
        .KernelCompute = compute_old,
        .KernelDestroy = destroy,
        .GetInputCharacteristic = required,
        .GetOutputCharacteristic = required,
        .GetInputMemoryType = memory_type,
        .GetVariadicInputMinArity = min_arity,
        .GetVariadicInputHomogeneity = min_arity,
        .GetVariadicOutputMinArity = min_arity,
        .GetVariadicOutputHomogeneity = min_arity,
    };
    if (version >= 16) op.CreateKernelV2 = create_new, op.KernelComputeV2 = compute;
    if (version >= 17) op.GetStartVersion = version_1, op.GetEndVersion = last_version;
    if (version >= 16) op.CreateKernel = NULL, op.KernelCompute = NULL;
    return op;
}

static void run_custom(const OrtCustomOp *op, const char *check) {
    OrtCustomOpDomain *domain = NULL;
    OrtSessionOptions *options = NULL;
    OrtValue *c = NULL;
    float a[] = {1, 2, 3}, b[] = {4, 5, 6}, many[13] = {0};
    const char *const names[] = {"a", "b"}, *const outputs[] = {"c"};
    kernels = destroyed = 0;
    GOOD(ort->CreateCustomOpDomain("test.custom", &domain));
    GOOD(ort->CustomOpDomain_Add(domain, op));
    GOOD(ort->CreateSessionOptions(&options));
    GOOD(ort->AddCustomOpDomain(options, domain));
    OrtSession *s = session_with("custom.onnx", options);
    ort->ReleaseSessionOptions(options);
    OrtValue *in[] = {floats(a, 3), floats(b, 3)}, *too_many[] = {floats(many, 13), floats(many, 13)};
    GOOD(ort->Run(s, NULL, names, (const OrtValue *const *)in, 2, outputs, 1, &c));
    answer_value(check, "c", c);
    EXPECT(float_data(c)[2] == 18.5F);
    ort->ReleaseValue(c);
    c = NULL;
    if (op->version >= 16) { /* the kernel's own error comes out */
        OrtStatus *status = ort->Run(s, NULL, names, (const OrtValue *const *)too_many, 2, outputs, 1, &c);
        if (EXPECT(status)) EXPECT(strstr(ort->GetErrorMessage(status), "thirteen elements"));
        ort->ReleaseStatus(status);
    }
    ort->ReleaseSession(s);
    EXPECT(kernels >= 1 && destroyed == kernels);
    ort->ReleaseCustomOpDomain(domain);
    for (int i = 0; i < 2; i++) {
        ort->ReleaseValue(in[i]);
        ort->ReleaseValue(too_many[i]);
    }
}

static void test_newest(void) {
    const OrtCustomOp op = operator_of(ORT_API_VERSION);
    run_custom(&op, "custom");
    EXPECT(seen_version == ORT_API_VERSION);
}

static void test_oldest(void) {
    const OrtCustomOp op = operator_of(10); /* nothing after GetOutputCharacteristic may be read */
    run_custom(&op, "custom_old");
}

const client_test custom_tests[] = {{"custom_op", test_newest}, {"custom_op_old", test_oldest}};
const size_t custom_tests_n = TABLE_SIZE(custom_tests);
