/* test_editor.c -- models put together by a client, added to one of a file, and looked at. */
#include "ort/graph.h"
#include "ort_test.h"

#define F ORT_TYPE_FLOAT

static OrtValueInfo *tensor_info(const char *name, ONNXTensorElementDataType t, const int64_t *dims, size_t rank) {
    OrtTensorTypeAndShapeInfo *shape;
    OrtTypeInfo *type;
    OrtValueInfo *v;
    good(ort_CreateTensorTypeAndShapeInfo(&shape));
    good(ort_SetTensorElementType(shape, t));
    good(ort_SetDimensions(shape, dims, rank));
    good(editor_CreateTensorTypeInfo(shape, &type));
    good(editor_CreateValueInfo(name, type, &v));
    ort_ReleaseTensorTypeAndShapeInfo(shape);
    ort_ReleaseTypeInfo(type);
    return v;
}

static OrtNode *node(const char *op, const char *name, const char *const *in, size_t n_in, const char *out) {
    OrtNode *n;
    good(editor_CreateNode(op, "", name, in, n_in, &out, 1, NULL, 0, &n));
    return n;
}

static OrtModel *model(int opset, OrtGraph *g) {
    OrtModel *m;
    good(editor_CreateModel(NAMES(""), &opset, 1, &m));
    good(editor_AddGraphToModel(m, g));
    return m;
}

static void check_run(OrtSession *s, const char *input, const float *x, const char *output, const float *want,
                      size_t n) {
    OrtValue *in = floats(DIMS((int64_t)n), 1, x), *out = NULL;
    good(ort_Run(s, NULL, &input, (const OrtValue *const *)&in, 1, &output, 1, &out));
    assert_memory_equal(data_of(out), want, n * sizeof *want);
    ort_ReleaseValue(in);
    ort_ReleaseValue(out);
}

/* y = x * weight, as five numbers */
static OrtModel *multiply(void) {
    OrtGraph *g;
    OrtValueInfo *x = tensor_info("x", F, DIMS(5), 1), *y = tensor_info("y", F, DIMS(5), 1);
    good(editor_CreateGraph(&g));
    good(editor_SetGraphInputs(g, &x, 1));
    good(editor_SetGraphOutputs(g, &y, 1));
    assert_null(x); /* taken over */
    good(editor_AddNodeToGraph(g, node("Mul", "mul", NAMES("x", "weight"), 2, "y")));
    good(editor_AddInitializerToGraph(g, "weight", floats(DIMS(5), 1, (float[]){1, 2, 3, 4, 5}), false));
    return model(22, g);
}

static void test_session(void **state) {
    (void)state;
    OrtEnv *env = test_env();
    OrtModel *m = multiply();
    OrtSession *s;
    int opset;
    size_t n;
    good(editor_CreateSessionFromModel(env, m, NULL, &s));
    good(ort_SessionGetInputCount(s, &n)); /* the weight is not one */
    assert_int_equal(n, 1);
    ort_ReleaseModel(m);
    check_run(s, "x", (float[]){2, 2, 2, 2, 2}, "y", (float[]){2, 4, 6, 8, 10}, 5);
    good(editor_SessionGetOpsetForDomain(s, "", &opset));
    assert_int_equal(opset, 22);
    good(editor_SessionGetOpsetForDomain(s, "ai.onnx", &opset));
    refused(editor_SessionGetOpsetForDomain(s, "none.such", &opset), ORT_INVALID_ARGUMENT, "none.such");
    refused(editor_ApplyModelToModelEditorSession(s, NULL), ORT_INVALID_ARGUMENT, "NULL");
    OrtModel *other = multiply();
    refused(editor_ApplyModelToModelEditorSession(s, other), ORT_MODEL_LOADED, "CreateModelEditorSession");
    ort_ReleaseModel(other);
    good(editor_FinalizeModelEditorSession(s, NULL, NULL)); /* it is final */
    ort_ReleaseSession(s);
    ort_ReleaseEnv(env);
}

/* A scalar's declaration takes any shape, as the clients that give no dimensions expect. */
static void test_any_shape(void **state) {
    (void)state;
    OrtEnv *env = test_env();
    OrtGraph *g;
    OrtSession *s;
    OrtValueInfo *x = tensor_info("x", F, NULL, 0), *y = tensor_info("y", F, NULL, 0);
    good(editor_CreateGraph(&g));
    good(editor_SetGraphInputs(g, &x, 1));
    good(editor_SetGraphOutputs(g, &y, 1));
    good(editor_AddNodeToGraph(g, node("Identity", "", NAMES("x"), 1, "y")));
    OrtModel *m = model(22, g);
    good(editor_CreateSessionFromModel(env, m, NULL, &s));
    check_run(s, "x", (float[]){1, 2, 3}, "y", (float[]){1, 2, 3}, 3);
    ort_ReleaseSession(s);
    ort_ReleaseModel(m);
    ort_ReleaseEnv(env);
}

/* Attributes are taken over: the list's entries become NULL. */
static void test_attributes(void **state) {
    (void)state;
    OrtEnv *env = test_env();
    OrtOpAttr *attr[3];
    OrtNode *sum;
    OrtSession *s;
    OrtGraph *g;
    const OrtOpAttr *found;
    OrtValueInfo *x = tensor_info("x", F, DIMS(-1, 2), 2), *y = tensor_info("y", F, DIMS(-1), 1);
    good(ort_CreateOpAttr("alpha", &(float){0.5f}, 1, ORT_OP_ATTR_FLOAT, &attr[0]));
    good(ort_CreateOpAttr("keepdims", &(int64_t){0}, 1, ORT_OP_ATTR_INT, &attr[1]));
    good(ort_CreateOpAttr("axes", DIMS(1), 1, ORT_OP_ATTR_INTS, &attr[2]));
    OrtNode *bad = NULL, *leaky;
    refused(editor_CreateNode("ReduceSum", "", "", NAMES("t"), 1, NAMES("y"), 1, (OrtOpAttr *[]){attr[0], attr[0]}, 2,
                              &bad),
            ORT_INVALID_ARGUMENT, "twice");
    good(editor_CreateGraph(&g));
    good(editor_SetGraphInputs(g, &x, 1));
    good(editor_SetGraphOutputs(g, &y, 1));
    good(editor_CreateNode("LeakyRelu", "", "leaky", NAMES("x"), 1, NAMES("t"), 1, attr, 1, &leaky));
    good(editor_CreateNode("ReduceSum", "", "sum", NAMES("t"), 1, NAMES("y"), 1, attr + 1, 2, &sum));
    for (int i = 0; i < 3; i++) assert_null(attr[i]);
    good(ort_Node_GetAttributeByName(sum, "axes", &found));
    assert_int_equal(found->n, 1);
    refused(ort_Node_GetAttributeByName(sum, "beta", &found), ORT_NOT_FOUND, "beta");
    assert_null(found);
    good(editor_AddNodeToGraph(g, sum)); /* order does not matter */
    good(editor_AddNodeToGraph(g, leaky));
    OrtModel *m = model(11, g); /* where axes is an attribute */
    int since;
    good(ort_Node_GetSinceVersion(sum, &since));
    assert_int_equal(since, 11);
    good(ort_Node_GetSinceVersion(leaky, &since));
    assert_int_equal(since, 6);
    good(editor_CreateSessionFromModel(env, m, NULL, &s));
    OrtValue *in = floats(DIMS(2, 2), 2, (float[]){1, 2, -4, 8}), *out = NULL;
    good(ort_Run(s, NULL, NAMES("x"), (const OrtValue *const *)&in, 1, NAMES("y"), 1, &out));
    assert_memory_equal(data_of(out), ((float[]){3, 6}), 8);
    ort_ReleaseValue(in);
    ort_ReleaseValue(out);
    ort_ReleaseSession(s);
    ort_ReleaseModel(m);
    ort_ReleaseEnv(env);
}

/* Sequences, maps and optionals as inputs; their types come back from the session. */
static void test_types(void **state) {
    (void)state;
    OrtEnv *env = test_env();
    OrtTensorTypeAndShapeInfo *shape;
    OrtTypeInfo *tensor, *sequence, *map, *optional, *sparse, *got, *elem;
    const OrtSequenceTypeInfo *as_sequence;
    ONNXType kind;
    OrtValueInfo *in, *out;
    OrtGraph *g;
    OrtSession *s;
    good(ort_CreateTensorTypeAndShapeInfo(&shape));
    refused(editor_CreateTensorTypeInfo(shape, &tensor), ORT_INVALID_ARGUMENT, "element type");
    good(ort_SetTensorElementType(shape, F));
    good(ort_SetDimensions(shape, DIMS(-1, 3), 2));
    good(ort_SetSymbolicDimensions(shape, NAMES("N", ""), 2));
    good(editor_CreateTensorTypeInfo(shape, &tensor));
    good(editor_CreateSparseTensorTypeInfo(shape, &sparse));
    good(editor_CreateSequenceTypeInfo(tensor, &sequence));
    good(editor_CreateMapTypeInfo(ORT_TYPE_STRING, tensor, &map));
    refused(editor_CreateMapTypeInfo(ORT_TYPE_UNDEFINED, tensor, &got), ORT_INVALID_ARGUMENT, "keys");
    good(editor_CreateOptionalTypeInfo(sequence, &optional));
    ort_ReleaseTensorTypeAndShapeInfo(shape);
    good(ort_GetOnnxTypeFromTypeInfo(optional, &kind));
    assert_int_equal(kind, ONNX_TYPE_OPTIONAL);
    good(ort_GetOnnxTypeFromTypeInfo(sparse, &kind));
    assert_int_equal(kind, ONNX_TYPE_SPARSETENSOR);

    good(editor_CreateValueInfo("list", sequence, &in));
    out = tensor_info("n", (ONNXTensorElementDataType)7, NULL, 0);
    good(editor_CreateGraph(&g));
    good(editor_SetGraphInputs(g, &in, 1));
    good(editor_SetGraphOutputs(g, &out, 1));
    good(editor_AddNodeToGraph(g, node("SequenceLength", "", NAMES("list"), 1, "n")));
    OrtModel *m = model(17, g);
    good(editor_CreateSessionFromModel(env, m, NULL, &s));
    good(ort_SessionGetInputTypeInfo(s, 0, &got));
    good(ort_CastTypeInfoToSequenceTypeInfo(got, &as_sequence));
    assert_non_null(as_sequence);
    good(ort_GetSequenceElementType(as_sequence, &elem));
    assert_int_equal(elem->tensor.type, F);
    ort_ReleaseTypeInfo(elem);
    ort_ReleaseTypeInfo(got);
    ort_ReleaseSession(s);
    ort_ReleaseModel(m);
    ort_ReleaseTypeInfo(tensor);
    ort_ReleaseTypeInfo(sequence);
    ort_ReleaseTypeInfo(map);
    ort_ReleaseTypeInfo(optional);
    ort_ReleaseTypeInfo(sparse);
    ort_ReleaseEnv(env);
}

/* On failure nothing is taken over, and what there was stays. */
static void test_ownership(void **state) {
    (void)state;
    OrtGraph *g, *other;
    OrtModel *m, *empty;
    OrtValueInfo *a = tensor_info("a", F, DIMS(2), 1), *again = tensor_info("a", F, DIMS(2), 1);
    OrtValueInfo *both[] = {a, again}, *none[] = {again, NULL};
    size_t n;
    good(editor_CreateGraph(&g));
    refused(editor_SetGraphInputs(g, both, 2), ORT_INVALID_ARGUMENT, "twice");
    refused(editor_SetGraphInputs(g, none, 2), ORT_INVALID_ARGUMENT, "NULL");
    assert_ptr_equal(both[0], a);
    good(editor_SetGraphInputs(g, both, 1));
    refused(editor_SetGraphOutputs(g, &a, 1), ORT_INVALID_ARGUMENT, "belongs to a graph");
    good(ort_Graph_GetNumInputs(g, &n));
    assert_int_equal(n, 1);
    good(editor_SetGraphInputs(g, &again, 1)); /* replaces and frees the first */

    OrtNode *copy = node("Identity", "", NAMES("a"), 1, "b");
    good(editor_AddNodeToGraph(g, copy));
    refused(editor_AddNodeToGraph(g, copy), ORT_INVALID_ARGUMENT, "already");
    OrtValue *w = floats(DIMS(2), 1, (float[]){1, 2}), *v = floats(DIMS(2), 1, (float[]){1, 2});
    refused(editor_AddInitializerToGraph(g, "w", w, true), ORT_INVALID_ARGUMENT, "128");
    good(editor_AddInitializerToGraph(g, "w", w, false));
    refused(editor_AddInitializerToGraph(g, "w2", w, false), ORT_INVALID_ARGUMENT, "already");
    refused(editor_AddInitializerToGraph(g, "w", v, false), ORT_INVALID_ARGUMENT, "already");
    ort_ReleaseValue(v);

    m = model(17, g);
    good(editor_CreateGraph(&other));
    refused(editor_AddGraphToModel(m, other), ORT_INVALID_ARGUMENT, "graph already");
    refused(editor_CreateModel(NAMES(""), &(int){0}, 1, &empty), ORT_INVALID_ARGUMENT, "version");
    good(editor_CreateModel(NULL, NULL, 0, &empty));
    refused(editor_AddGraphToModel(empty, g), ORT_INVALID_ARGUMENT, "belongs");
    OrtEnv *env = test_env();
    OrtSession *s = NULL;
    refused(editor_CreateSessionFromModel(env, empty, NULL, &s), ORT_INVALID_ARGUMENT, "no graph");
    refused(editor_CreateSessionFromModel(env, m, NULL, &s), ORT_INVALID_ARGUMENT, "SetGraphOutputs");
    assert_null(s);
    ort_ReleaseEnv(env);
    ort_ReleaseGraph(other);
    ort_ReleaseModel(empty);
    ort_ReleaseModel(m);
    ort_ReleaseValueInfo(NULL);
    ort_ReleaseNode(NULL);
    ort_ReleaseGraph(NULL);
    ort_ReleaseModel(NULL);
}

/* A model that breaks the rules fails when the session is made, with the node's name. */
static void test_bad_model(void **state) {
    (void)state;
    OrtEnv *env = test_env();
    OrtGraph *g;
    OrtSession *s = NULL;
    OrtValueInfo *x = tensor_info("x", F, DIMS(2), 1), *y = tensor_info("y", F, DIMS(2), 1);
    good(editor_CreateGraph(&g));
    good(editor_SetGraphInputs(g, &x, 1));
    good(editor_SetGraphOutputs(g, &y, 1));
    good(editor_AddNodeToGraph(g, node("NoSuchOperator", "odd", NAMES("x"), 1, "y")));
    OrtModel *m = model(17, g);
    refused(editor_CreateSessionFromModel(env, m, NULL, &s), ORT_INVALID_GRAPH, "NoSuchOperator");
    assert_null(s);
    ort_ReleaseModel(m);
    ort_ReleaseEnv(env);
}

/* The client's memory: used in place when external, copied when not. */
static void test_external(void **state) {
    (void)state;
    OrtEnv *env = test_env();
    OrtMemoryInfo *cpu;
    float *data = malloc(64 * sizeof *data), x[64], want[64];
    good(ort_CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &cpu));
    for (int external = 0; external < 2; external++) {
        OrtGraph *g;
        OrtSession *s;
        OrtValue *w;
        OrtValueInfo *in = tensor_info("x", F, DIMS(64), 1), *out = tensor_info("y", F, DIMS(64), 1);
        for (int i = 0; i < 64; i++) data[i] = (float)i, x[i] = 1, want[i] = (float)i + 1;
        good(ort_CreateTensorWithDataAsOrtValue(cpu, data, 64 * sizeof *data, DIMS(64), 1, F, &w));
        good(editor_CreateGraph(&g));
        good(editor_SetGraphInputs(g, &in, 1));
        good(editor_SetGraphOutputs(g, &out, 1));
        good(editor_AddNodeToGraph(g, node("Add", "", NAMES("x", "w"), 2, "y")));
        good(editor_AddInitializerToGraph(g, "w", w, external));
        OrtModel *m = model(17, g);
        good(editor_CreateSessionFromModel(env, m, NULL, &s));
        ort_ReleaseModel(m);
        if (!external) memset(data, 0, 64 * sizeof *data); /* not looked at any more */
        check_run(s, "x", x, "y", want, 64);
        ort_ReleaseSession(s);
    }
    free(data);
    ort_ReleaseMemoryInfo(cpu);
    ort_ReleaseEnv(env);
}

/* ---- adding to a model -------------------------------------------------------------------------------------------- */

/* z = -(x * weight) in place of y, then -x in front as well */
static void test_augment(void **state) {
    (void)state;
    OrtEnv *env = test_env();
    OrtModel *m = multiply();
    OrtSession *s;
    OrtGraph *g;
    sard_model *plain;
    void *bytes;
    size_t n;
    sard_error err;
    char *name;
    good(ort_model_build(m, NULL, &plain));
    assert_int_equal(sard_model_serialize(plain, 0, &bytes, &n, &err), SARD_OK);
    ort_ReleaseModel(m);
    sard_model_unref(plain);
    good(editor_CreateModelEditorSessionFromArray(env, bytes, n, NULL, &s));
    sard_free(bytes);
    OrtValue *in = floats(DIMS(5), 1, (float[]){1, 1, 1, 1, 1}), *out = NULL;
    refused(ort_Run(s, NULL, NAMES("x"), (const OrtValue *const *)&in, 1, NAMES("y"), 1, &out), ORT_FAIL, "Finalize");
    ort_ReleaseValue(in);
    int opset;
    good(editor_SessionGetOpsetForDomain(s, "", &opset));

    good(editor_CreateGraph(&g)); /* a bad one leaves the session as it is */
    good(editor_AddNodeToGraph(g, node("NoSuchOperator", "", NAMES("y"), 1, "z")));
    m = model(opset, g);
    refused(editor_ApplyModelToModelEditorSession(s, m), ORT_INVALID_GRAPH, "NoSuchOperator");
    ort_ReleaseModel(m);

    OrtValueInfo *z = tensor_info("z", F, DIMS(5), 1), *before = tensor_info("before", F, DIMS(5), 1);
    good(editor_CreateGraph(&g));
    good(editor_SetGraphOutputs(g, &z, 1));
    good(editor_AddNodeToGraph(g, node("Neg", "neg", NAMES("y"), 1, "z")));
    m = model(opset, g);
    good(editor_ApplyModelToModelEditorSession(s, m));
    ort_ReleaseModel(m);
    good(editor_CreateGraph(&g)); /* a second time: what made x an input now comes from a node */
    good(editor_SetGraphInputs(g, &before, 1));
    good(editor_AddNodeToGraph(g, node("Add", "twice", NAMES("before", "before"), 2, "x")));
    m = model(opset + 1, g);
    refused(editor_ApplyModelToModelEditorSession(s, m), ORT_INVALID_ARGUMENT, "version");
    m->versions[0] = opset;
    good(editor_ApplyModelToModelEditorSession(s, m));
    ort_ReleaseModel(m);
    good(editor_FinalizeModelEditorSession(s, NULL, NULL));
    good(ort_SessionGetInputCount(s, &n));
    assert_int_equal(n, 1);
    good(ort_SessionGetInputName(s, 0, ort_default_allocator(), &name));
    assert_string_equal(name, "before");
    good(ort_AllocatorFree(ort_default_allocator(), name));
    check_run(s, "before", (float[]){1, 1, 1, 1, 1}, "z", (float[]){-2, -4, -6, -8, -10}, 5);
    good(editor_FinalizeModelEditorSession(s, NULL, NULL)); /* once is enough */
    ort_ReleaseSession(s);
    refused(editor_CreateModelEditorSession(env, "/no/such/model.onnx", NULL, &s), ORT_NO_SUCHFILE, "no/such");
    ort_ReleaseEnv(env);
}

/* ---- views -------------------------------------------------------------------------------------------------------- */

static void test_views(void **state) {
    (void)state;
    OrtModel *m = multiply();
    OrtGraph *view;
    const OrtGraph *g = m->graph, *owner;
    const OrtValueInfo *in, *out, *weight, *ends[2];
    const OrtNode *mul, *maker;
    const OrtValue *tensor;
    const char *text;
    size_t n, at;
    int64_t index, version;
    bool is;
    good(ort_Graph_GetNumNodes(g, &n));
    assert_int_equal(n, 1);
    refused(ort_Graph_GetNodes(g, &mul, 0), ORT_INVALID_ARGUMENT, "room for 0");
    good(ort_Graph_GetNodes(g, &mul, 1));
    good(ort_Graph_GetInputs(g, &in, 1));
    good(ort_Graph_GetOutputs(g, &out, 1));
    good(ort_Graph_GetInitializers(g, &weight, 1));
    good(ort_GetValueInfoName(weight, &text));
    assert_string_equal(text, "weight");
    good(ort_Node_GetInputs(mul, ends, 2));
    assert_ptr_equal(ends[0], in);
    assert_ptr_equal(ends[1], weight);
    good(ort_Node_GetOutputs(mul, ends, 1));
    assert_ptr_equal(ends[0], out);
    good(ort_ValueInfo_GetValueProducer(out, &maker, &at));
    assert_ptr_equal(maker, mul);
    good(ort_ValueInfo_GetValueProducer(in, &maker, NULL));
    assert_null(maker);
    good(ort_ValueInfo_GetValueNumConsumers(weight, &n));
    assert_int_equal(n, 1);
    good(ort_ValueInfo_GetValueConsumers(weight, &maker, &index, 1));
    assert_ptr_equal(maker, mul);
    assert_int_equal(index, 1);
    good(ort_ValueInfo_GetInitializerValue(weight, &tensor));
    assert_float_equal(data_of(tensor)[4], 5, 0);
    good(ort_ValueInfo_GetInitializerValue(in, &tensor));
    assert_null(tensor);
    good(ort_ValueInfo_IsConstantInitializer(weight, &is));
    assert_true(is);
    good(ort_ValueInfo_IsRequiredGraphInput(in, &is));
    assert_true(is);
    good(ort_ValueInfo_IsOptionalGraphInput(in, &is));
    assert_false(is);
    good(ort_ValueInfo_IsGraphOutput(out, &is));
    assert_true(is);
    good(ort_Graph_GetOperatorSets(g, &text, &version, 1));
    assert_string_equal(text, "");
    assert_int_equal(version, 22);
    good(ort_Node_GetOperatorType(mul, &text));
    assert_string_equal(text, "Mul");
    good(ort_Node_GetGraph(mul, &owner));
    assert_ptr_equal(owner, g);
    good(ort_Graph_GetGraphView(g, &mul, 1, &view));
    good(ort_Graph_GetNumOutputs(view, &n));
    assert_int_equal(n, 1);
    good(ort_Graph_GetOutputs(view, ends, 1));
    assert_ptr_equal(ends[0], out);
    OrtNode *late = node("Neg", "", NAMES("y"), 1, "z");
    refused(editor_AddNodeToGraph(view, late), ORT_INVALID_ARGUMENT, "view");
    ort_ReleaseGraph(view);
    good(editor_AddNodeToGraph(m->graph, late)); /* a change is seen */
    good(ort_Graph_GetOutputs(g, &out, 1));
    good(ort_ValueInfo_GetValueNumConsumers(out, &n));
    assert_int_equal(n, 1);
    ort_ReleaseModel(m);
}

static void test_metadata(void **state) {
    (void)state;
    OrtModel *m = multiply();
    OrtModelMetadata *about;
    char *text;
    const char *name;
    good(ort_Graph_GetModelMetadata(m->graph, &about));
    good(ort_ModelMetadataGetGraphName(about, ort_default_allocator(), &text));
    good(ort_Graph_GetName(m->graph, &name));
    assert_string_equal(text, name);
    good(ort_AllocatorFree(ort_default_allocator(), text));
    ort_ReleaseModelMetadata(about);
    ort_ReleaseModel(m);
}

static void test_place_of_initializer(void **state) {
    (void)state;
    OrtExternalInitializerInfo *where;
    good(ort_CreateExternalInitializerInfo("weights.bin", 64, 128, &where));
    assert_string_equal(ort_ExternalInitializerInfo_GetFilePath(where), "weights.bin");
    assert_int_equal(ort_ExternalInitializerInfo_GetFileOffset(where), 64);
    assert_int_equal(ort_ExternalInitializerInfo_GetByteSize(where), 128);
    ort_ReleaseExternalInitializerInfo(where);
    ort_ReleaseExternalInitializerInfo(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_session),
        cmocka_unit_test(test_any_shape),
        cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_ownership),
        cmocka_unit_test(test_bad_model),
        cmocka_unit_test(test_external),
        cmocka_unit_test(test_augment),
        cmocka_unit_test(test_views),
        cmocka_unit_test(test_metadata),
        cmocka_unit_test(test_place_of_initializer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
