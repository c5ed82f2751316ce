/*
 * test_entries.c -- every entry of the table takes NULL, and what surrounds sessions: versions, configuration keys,
 * allocators, sparse tensors, profiles, shared models, dimensions.
 */
#include "ort/config.h"
#include "run_test.h"

#include <unistd.h>

static OrtEnv *env;

static int setup(void **state) {
    (void)state;
    env = new_env();
    return 0;
}

static int teardown(void **state) {
    (void)state;
    ort_ReleaseEnv(env);
    return 0;
}

/* ---- NULL everywhere ------------------------------------------------------------------------------------------------- */

typedef void (*any_fn)(void);
typedef void *(*all_null)(void *, void *, void *, void *, void *, void *, void *, void *, void *, void *);

typedef struct entry {
    const char *ret, *name;
    any_fn fn;
} entry;

#define ORT(ret, name, args) {#ret, #name, (any_fn)ort_##name},
static const entry entries[] = {
#include "ort/api.def"
};
#undef ORT

/* Entries whose arguments may all be absent, or that have none. */
static bool may_succeed(const char *name) {
    static const char *const names[] = {"CreateStatus", "ReleaseAvailableProviders", "GetCurrentGpuDeviceId"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0) return true;
    return false;
}

static void null_arguments(void **state) {
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        const bool status = strcmp(entries[i].ret, "OrtStatus *") == 0;
        if (!status && strncmp(entries[i].name, "Release", 7) != 0) continue;
        void *got = ((all_null)entries[i].fn)(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
        if (!status) continue;
        if (!got && !may_succeed(entries[i].name)) {
            print_error("%s takes NULL for everything\n", entries[i].name);
            wrong++;
        }
        if (got && !*ort_GetErrorMessage(got) && !may_succeed(entries[i].name)) wrong++;
        ort_ReleaseStatus(got);
    }
    assert_int_equal(wrong, 0);
}

static void versions(void **state) {
    (void)state;
    const OrtApiBase *base = OrtGetApiBase();
    for (uint32_t v = 1; v <= ORT_API_NEWEST; v++) assert_ptr_equal(base->GetApi(v), &ort_table);
    FILE *lines = tmpfile();
    const int old = dup(2);
    assert_non_null(lines);
    dup2(fileno(lines), 2);
    const OrtApi *none = base->GetApi(0), *newer = base->GetApi(ORT_API_NEWEST + 1);
    dup2(old, 2);
    close(old);
    assert_true(!none && !newer);
    assert_true(lseek(fileno(lines), 0, SEEK_END) > 20); /* and says so */
    fclose(lines);
    const any_fn *const *table = (const any_fn *const *)(const void *)&ort_table;
    for (size_t i = 0; i < sizeof ort_table / sizeof *table; i++) assert_non_null(table[i]);
}

/* ---- configuration keys ---------------------------------------------------------------------------------------------- */

static char *read_text(const char *path) {
    void *p;
    size_t n;
    sard_error err;
    if (ort_read_file(path, &p, &n, &err) != SARD_OK) fail_msg("%s", err.message);
    char *text = realloc(p, n + 1);
    text[n] = 0;
    return text;
}

static void keys_and_page(void **state) {
    (void)state;
    static const char *const words[] = {"followed", "no effect", "refused"};
    char *page = read_text(SARD_SOURCE_DIR "/docs/ort-options.md"), line[1024];
    for (size_t i = 0; i < ort_config_n; i++) {
        const ort_config_row *r = &ort_config_rows[i];
        const char *quote = *r->plain ? "`" : "";
        snprintf(line, sizeof line, "| `%s` | %s | %s%s%s | %s |\n", r->key, words[r->what], quote, r->plain, quote,
                 r->why);
        if (!strstr(page, line)) fail_msg("docs/ort-options.md lacks: %s", line);
    }
    free(page);
}

static void keys_of_sessions(void **state) {
    (void)state;
    model_bytes m = two_inputs();
    for (size_t i = 0; i < ort_config_n; i++) {
        const ort_config_row *r = &ort_config_rows[i];
        if (r->scope != ORT_CONFIG_SESSION) continue;
        OrtSessionOptions *o = new_options(1);
        OrtSession *s = NULL;
        good(ort_AddSessionConfigEntry(o, r->key, r->plain)); /* the plain value is always taken */
        good(ort_CreateSessionFromArray(env, m.data, m.n, o, &s));
        ort_ReleaseSession(s);
        if (r->what == ORT_CONFIG_REFUSED) {
            good(ort_AddSessionConfigEntry(o, r->key, "something"));
            refused(ort_CreateSessionFromArray(env, m.data, m.n, o, &s), ORT_INVALID_ARGUMENT, r->key);
        }
        ort_ReleaseSessionOptions(o);
    }
    sard_free(m.data);
}

static void count_warnings(void *param, OrtLoggingLevel level, const char *category, const char *id, const char *place,
                           const char *message) {
    (void)category;
    (void)id;
    (void)place;
    if (level == ORT_LOGGING_LEVEL_WARNING && strstr(message, "session.disable_prepacking")) ++*(int *)param;
}

static void unknown_keys(void **state) {
    (void)state;
    OrtSessionOptions *o = new_options(1);
    int warned = 0;
    char text[1100], out[8];
    size_t n = sizeof out;
    good(ort_SetUserLoggingFunction(o, count_warnings, &warned));
    good(ort_SetSessionLogSeverityLevel(o, ORT_LOGGING_LEVEL_WARNING));
    good(ort_AddSessionConfigEntry(o, "session.disable_prepaking", "1")); /* near a known key: told */
    good(ort_AddSessionConfigEntry(o, "my.own.key", "mine"));             /* a client's own: kept */
    ort_ReleaseSession(session_of(env, two_inputs(), o));
    assert_int_equal(warned, 1);
    good(ort_GetSessionConfigEntry(o, "my.own.key", out, &n));
    assert_string_equal(out, "mine");
    memset(text, 'k', sizeof text);
    text[sizeof text - 1] = 0;
    refused(ort_AddSessionConfigEntry(o, text, "1"), ORT_INVALID_ARGUMENT, "1024");
    refused(ort_AddSessionConfigEntry(o, "", "1"), ORT_INVALID_ARGUMENT, "1024");
    refused(ort_AddSessionConfigEntry(o, "session.intra_op_num_threads", "x"), ORT_INVALID_ARGUMENT, "int32");
    refused(ort_AddSessionConfigEntry(o, "session.graph_optimization_level", "x"), ORT_INVALID_ARGUMENT, "enable_all");
    good(ort_AddSessionConfigEntry(o, "session.execution_mode", "ort_parallel"));
    assert_int_equal(o->mode, ORT_PARALLEL);
    ort_ReleaseSessionOptions(o);
}

static void run_keys(void **state) {
    (void)state;
    OrtSession *s = session_of(env, constants(), NULL);
    OrtRunOptions *o;
    float x[4] = {0};
    OrtValue *in = view(x, 4, DIMS(4), 1), *out = NULL;
    good(ort_CreateRunOptions(&o));
    good(ort_AddRunConfigEntry(o, "memory.enable_memory_arena_shrinkage", "cpu:0"));
    good(ort_Run(s, o, TEXTS("x"), (const OrtValue *const *)&in, 1, TEXTS("same"), 1, &out));
    good(ort_AddRunConfigEntry(o, "memory.enable_memory_arena_shrinkage", "cpu:0;gpu:0"));
    refused(ort_Run(s, o, TEXTS("x"), (const OrtValue *const *)&in, 1, TEXTS("same"), 1, &out), ORT_INVALID_ARGUMENT,
            "gpu:0");
    ort_ReleaseValue(in);
    ort_ReleaseValue(out);
    ort_ReleaseRunOptions(o);
    ort_ReleaseSession(s);
}

/* ---- which nodes run where ------------------------------------------------------------------------------------------- */

/* "name:domain:operator " of every node, each in a subgraph of its own on the CPU; as long as the session. */
static void check_assignment(const OrtSession *s, const char *want) {
    const OrtEpAssignedSubgraph *const *graphs;
    size_t n, n_nodes;
    char got[256] = "";
    good(ort_Session_GetEpGraphAssignmentInfo(s, &graphs, &n));
    for (size_t i = 0; i < n; i++) {
        const OrtEpAssignedNode *const *nodes;
        const char *provider, *name, *domain, *op;
        good(ort_EpAssignedSubgraph_GetEpName(graphs[i], &provider));
        assert_string_equal(provider, "CPUExecutionProvider");
        good(ort_EpAssignedSubgraph_GetNodes(graphs[i], &nodes, &n_nodes));
        assert_int_equal(n_nodes, 1);
        good(ort_EpAssignedNode_GetName(nodes[0], &name));
        good(ort_EpAssignedNode_GetDomain(nodes[0], &domain));
        good(ort_EpAssignedNode_GetOperatorType(nodes[0], &op));
        const size_t used = strlen(got);
        snprintf(got + used, sizeof got - used, "%s:%s:%s ", name, domain, op);
    }
    assert_string_equal(got, want);
}

static void assignment(void **state) {
    (void)state;
    static const char key[] = "session.record_ep_graph_assignment_info";
    const OrtEpAssignedSubgraph *const *graphs;
    size_t n;
    OrtSessionOptions *o = new_options(1);
    OrtSession *s = session_of(env, two_inputs(), o), *edited;
    refused(ort_Session_GetEpGraphAssignmentInfo(s, &graphs, &n), ORT_FAIL, key);
    ort_ReleaseSession(s);
    good(ort_AddSessionConfigEntry(o, key, "1"));
    s = session_of(env, two_inputs(), o);
    check_assignment(s, "mul::MatMul add::Add ");
    ort_ReleaseSession(s);
    s = session_of(env, endless(), o); /* what a body holds is its node's */
    check_assignment(s, "loop::Loop ");
    ort_ReleaseSession(s);
    s = session_of(env, constants(), o); /* nothing is left to run */
    check_assignment(s, "");
    ort_ReleaseSession(s);
    good(ort_SetSessionGraphOptimizationLevel(o, ORT_DISABLE_ALL));
    s = session_of(env, constants(), o);
    check_assignment(s, "::Identity ::Add ");
    ort_ReleaseSession(s);
    model_bytes m = two_inputs();
    good(editor_CreateModelEditorSessionFromArray(env, m.data, m.n, o, &edited));
    refused(ort_Session_GetEpGraphAssignmentInfo(edited, &graphs, &n), ORT_FAIL, "edited");
    good(editor_FinalizeModelEditorSession(edited, o, NULL));
    check_assignment(edited, "mul::MatMul add::Add ");
    ort_ReleaseSession(edited);
    sard_free(m.data);
    ort_ReleaseSessionOptions(o);
}

/* ---- allocators -------------------------------------------------------------------------------------------------------- */

static long long stat_of(const OrtAllocator *a, const char *key) {
    OrtKeyValuePairs *p = NULL;
    good(ort_AllocatorGetStats(a, &p));
    const char *v = ort_GetKeyValue(p, key);
    const long long n = v ? strtoll(v, NULL, 10) : -2;
    ort_ReleaseKeyValuePairs(p);
    return n;
}

static void allocators(void **state) {
    (void)state;
    OrtAllocator *heap = ort_default_allocator(), *shared = NULL;
    OrtArenaCfg *limit;
    void *p;
    const long long before = stat_of(heap, "InUse"), allocs = stat_of(heap, "NumAllocs");
    good(ort_AllocatorAlloc(heap, 1000, &p));
    assert_true(stat_of(heap, "InUse") >= before + 1000);
    assert_int_equal(stat_of(heap, "NumAllocs"), allocs + 1);
    good(ort_AllocatorFree(heap, p));
    assert_int_equal(stat_of(heap, "InUse"), before);
    good(ort_GetSharedAllocator(env, &ort_cpu_memory, &shared));
    assert_ptr_equal(shared, heap);
    refused(ort_UnregisterAllocator(env, &ort_cpu_memory), ORT_INVALID_ARGUMENT, "registered");
    good(ort_CreateArenaCfgV2(TEXTS("max_mem"), (const size_t[]){4096}, 1, &limit));
    good(ort_CreateAndRegisterAllocator(env, &ort_cpu_memory, limit));
    ort_ReleaseArenaCfg(limit);
    good(ort_GetSharedAllocator(env, &ort_cpu_memory, &shared));
    assert_ptr_not_equal(shared, heap);
    assert_int_equal(stat_of(shared, "Limit"), 4096);
    refused(ort_AllocatorAlloc(shared, 8192, &p), ORT_RUNTIME_EXCEPTION, "memory");
    good(ort_RegisterAllocator(env, heap));
    good(ort_GetSharedAllocator(env, &ort_cpu_memory, &shared));
    assert_ptr_equal(shared, heap);
    good(ort_UnregisterAllocator(env, &ort_cpu_memory));
    refused(ort_CreateArenaCfgV2(TEXTS("bogus"), (const size_t[]){1}, 1, &limit), ORT_INVALID_ARGUMENT, "bogus");
    OrtMemoryInfo *info;
    good(ort_CreateMemoryInfo_V2("mine", OrtMemoryInfoDeviceType_GPU, 0x10de, 1, OrtDeviceMemoryType_HOST_ACCESSIBLE,
                                 64, OrtDeviceAllocator, &info));
    assert_int_equal(ort_MemoryInfoGetDeviceMemType(info), OrtDeviceMemoryType_HOST_ACCESSIBLE);
    assert_int_equal(ort_MemoryInfoGetVendorId(info), 0x10de);
    ort_ReleaseMemoryInfo(info);
}

/* ---- sparse tensors ---------------------------------------------------------------------------------------------------- */

static void sparse_tensors(void **state) {
    (void)state;
    const float values[] = {1, 2, 3};
    const int64_t inner[] = {0, 1, 3}, outer[] = {0, 1, 2, 3}, falling[] = {0, 2, 1, 3};
    OrtAllocator *heap = ort_default_allocator();
    const ONNXTensorElementDataType f32 = (ONNXTensorElementDataType)SARD_F32;
    OrtValue *v;
    const void *p;
    size_t n;
    int is;
    OrtSparseFormat format;
    good(ort_CreateSparseTensorAsOrtValue(heap, DIMS(3, 4), 2, f32, &v));
    good(ort_IsSparseTensor(v, &is));
    assert_int_equal(is, 1);
    refused(ort_GetSparseTensorValues(v, &p), ORT_FAIL, "sparse data");
    refused(ort_FillSparseTensorCoo(v, &ort_cpu_memory, DIMS(3), 1, values, DIMS(0, 5, 12), 3), ORT_INVALID_ARGUMENT,
            "12");
    refused(ort_FillSparseTensorCsr(v, &ort_cpu_memory, DIMS(3), 1, values, inner, 3, falling, 4), ORT_INVALID_ARGUMENT,
            "fall");
    refused(ort_FillSparseTensorCsr(v, &ort_cpu_memory, DIMS(3), 1, values, inner, 3, outer, 3), ORT_INVALID_ARGUMENT,
            "outer");
    good(ort_FillSparseTensorCsr(v, &ort_cpu_memory, DIMS(3), 1, values, inner, 3, outer, 4));
    refused(ort_FillSparseTensorCoo(v, &ort_cpu_memory, DIMS(3), 1, values, DIMS(0, 5, 11), 3), ORT_FAIL, "already");
    good(ort_GetSparseTensorIndices(v, ORT_SPARSE_CSR_OUTER_INDICES, &n, &p));
    assert_int_equal(n, 4);
    assert_memory_equal(p, outer, sizeof outer);
    sard_value *coo = NULL; /* what a run would get */
    good(ort_value_get(v, &coo));
    assert_memory_equal(sard_tensor_data(sard_sparse_indices(coo)), DIMS(0, 5, 11), 24);
    sard_value_unref(coo);
    ort_ReleaseValue(v);
    float mine[] = {1, 2};
    int64_t at[] = {1, 6};
    int32_t blocks[] = {0, 1};
    good(ort_CreateSparseTensorWithValuesAsOrtValue(&ort_cpu_memory, mine, DIMS(8), 1, DIMS(2), 1, f32, &v));
    good(ort_UseCooIndices(v, at, 2));
    good(ort_GetSparseTensorIndices(v, ORT_SPARSE_COO_INDICES, &n, &p));
    assert_ptr_equal(p, at);
    good(ort_GetSparseTensorValues(v, &p));
    assert_ptr_equal(p, mine);
    ort_ReleaseValue(v);
    good(ort_CreateSparseTensorWithValuesAsOrtValue(&ort_cpu_memory, mine, DIMS(4, 4), 2, DIMS(2, 1, 1), 3, f32, &v));
    good(ort_UseBlockSparseIndices(v, DIMS(2, 1), 2, blocks));
    good(ort_GetSparseTensorFormat(v, &format));
    assert_int_equal(format, ORT_SPARSE_BLOCK_SPARSE);
    refused(ort_value_get(v, &coo), ORT_NOT_IMPLEMENTED, "blocks");
    ort_ReleaseValue(v);
}

/* The values of a sparse tensor of strings, read as those of a tensor of strings are. */
static void holds_texts(const OrtValue *v, const char *together, size_t n, const char *second) {
    char text[32] = {0};
    size_t offsets[8], length;
    const void *p;
    good(ort_GetStringTensorDataLength(v, &length));
    assert_int_equal(length, strlen(together));
    good(ort_GetStringTensorContent(v, text, sizeof text, offsets, n));
    assert_string_equal(text, together);
    refused(ort_GetStringTensorContent(v, text, sizeof text, offsets, n + 1), ORT_FAIL, "offsets");
    good(ort_GetStringTensorElementLength(v, 1, &length));
    assert_int_equal(length, strlen(second));
    good(ort_GetStringTensorElement(v, length, 1, text));
    assert_memory_equal(text, second, length);
    refused(ort_GetStringTensorElement(v, length, n, text), ORT_INVALID_ARGUMENT, "out of bounds");
    refused(ort_GetSparseTensorValues(v, &p), ORT_INVALID_ARGUMENT, "strings");
}

static void sparse_strings(void **state) {
    (void)state;
    const ONNXTensorElementDataType type = ORT_TYPE_STRING;
    const char *const texts[] = {"a", "bc", ""}, *const hole[] = {"a", NULL, "c"};
    const char *const eight[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    const int64_t inner[] = {0, 1, 3}, outer[] = {0, 1, 2, 3};
    const int32_t places[] = {0, 0, 0, 1};
    OrtAllocator *heap = ort_default_allocator();
    OrtTensorTypeAndShapeInfo *shape;
    ONNXTensorElementDataType is;
    OrtValue *v = NULL;
    size_t n;
    refused(ort_CreateSparseTensorWithValuesAsOrtValue(&ort_cpu_memory, (void *)(uintptr_t)texts, DIMS(3, 4), 2,
                                                       DIMS(3), 1, type, &v),
            ORT_INVALID_ARGUMENT, "strings");
    good(ort_CreateSparseTensorAsOrtValue(heap, DIMS(3, 4), 2, type, &v));
    refused(ort_GetStringTensorDataLength(v, &n), ORT_INVALID_ARGUMENT, "sparse data");
    refused(ort_FillSparseTensorCoo(v, &ort_cpu_memory, DIMS(3), 1, hole, DIMS(0, 5, 11), 3), ORT_INVALID_ARGUMENT,
            "string 1 is NULL");
    refused(ort_FillSparseTensorCoo(v, &ort_cpu_memory, DIMS(3), 1, NULL, DIMS(0, 5, 11), 3), ORT_INVALID_ARGUMENT,
            "none given");
    refused(ort_FillSparseTensorCoo(v, &ort_cpu_memory, DIMS(3), 1, texts, DIMS(0, 5, 12), 3), ORT_INVALID_ARGUMENT,
            "12");
    refused(ort_FillSparseTensorCoo(v, &ort_cpu_memory, DIMS(INT64_MAX / 8), 1, texts, DIMS(0), 1),
            ORT_INVALID_ARGUMENT, "too large");
    good(ort_FillSparseTensorCoo(v, &ort_cpu_memory, DIMS(3), 1, texts, DIMS(0, 5, 11), 3));
    holds_texts(v, "abc", 3, "bc");
    good(ort_GetSparseTensorValuesTypeAndShape(v, &shape));
    good(ort_GetTensorElementType(shape, &is));
    assert_int_equal(is, type);
    ort_ReleaseTensorTypeAndShapeInfo(shape);
    sard_value *coo = NULL; /* what a run would get */
    good(ort_value_get(v, &coo));
    assert_memory_equal(sard_tensor_string(sard_sparse_values(coo), 1, &n), "bc", 2);
    assert_int_equal(n, 2);
    sard_value_unref(coo);
    ort_ReleaseValue(v);
    good(ort_CreateSparseTensorAsOrtValue(heap, DIMS(3, 4), 2, type, &v));
    good(ort_FillSparseTensorCsr(v, &ort_cpu_memory, DIMS(3), 1, texts, inner, 3, outer, 4));
    holds_texts(v, "abc", 3, "bc");
    ort_ReleaseValue(v);
    good(ort_CreateSparseTensorAsOrtValue(heap, DIMS(4, 4), 2, type, &v));
    refused(ort_FillSparseTensorBlockSparse(v, &ort_cpu_memory, DIMS(2, 2, 2), 3, eight, DIMS(2, 1), 2, places),
            ORT_FAIL, "2 blocks");
    good(ort_FillSparseTensorBlockSparse(v, &ort_cpu_memory, DIMS(2, 2, 2), 3, eight, DIMS(2, 2), 2, places));
    holds_texts(v, "abcdefgh", 8, "b");
    ort_ReleaseValue(v);
    const float numbers[] = {1, 2, 3};
    good(ort_CreateSparseTensorAsOrtValue(heap, DIMS(3, 4), 2, (ONNXTensorElementDataType)SARD_F32, &v));
    good(ort_FillSparseTensorCoo(v, &ort_cpu_memory, DIMS(3), 1, numbers, DIMS(0, 5, 11), 3));
    refused(ort_GetStringTensorDataLength(v, &n), ORT_FAIL, "not a tensor of strings");
    ort_ReleaseValue(v);
}

/* x, a sparse tensor of type t, comes out as it is; unless `only`, as y, too, through an operator */
static model_bytes sparse_model(sard_dtype t, bool only) {
    sard_builder *b = begin();
    const sard_type *type = sard_builder_tensor_type(b, SARD_KIND_SPARSE_TENSOR, t, 2, DIMS(4, 4), NULL);
    sard_builder_input_typed(b, "x", type, NULL);
    sard_builder_output_typed(b, "x", type, NULL);
    if (!only) {
        sard_builder_node(b, "", "Identity", "same", TEXTS("x"), 1, TEXTS("y"), 1, NULL);
        sard_builder_output_typed(b, "y", type, NULL);
    }
    return finish(b);
}

/* The sparse input comes out under its own name in the format it has, and outlives the value given. */
static void comes_through(OrtSession *s, OrtValue *in, OrtSparseFormat wanted, OrtValue **out) {
    OrtSparseFormat format;
    const OrtValue *const fed[] = {in};
    *out = NULL;
    good(ort_Run(s, NULL, TEXTS("x"), fed, 1, TEXTS("x"), 1, out));
    ort_ReleaseValue(in);
    good(ort_GetSparseTensorFormat(*out, &format));
    assert_int_equal(format, wanted);
}

static void sparse_runs(void **state) {
    (void)state;
    const ONNXTensorElementDataType f32 = (ONNXTensorElementDataType)SARD_F32;
    const float values[] = {1, 2, 3, 4, 5, 6, 7, 8};
    const char *const texts[] = {"a", "bc", ""};
    const int64_t inner[] = {0, 1, 3}, outer[] = {0, 1, 2, 3, 3};
    const int32_t places[] = {0, 0, 0, 1};
    OrtAllocator *heap = ort_default_allocator();
    OrtSessionOptions *o = new_options(1);
    OrtSession *s = session_of(env, sparse_model(SARD_F32, false), o);
    OrtValue *in, *out, *two[2] = {NULL, NULL};
    const void *p;
    size_t n;
    good(ort_CreateSparseTensorAsOrtValue(heap, DIMS(4, 4), 2, f32, &in));
    good(ort_FillSparseTensorCsr(in, &ort_cpu_memory, DIMS(3), 1, values, inner, 3, outer, 5));
    good(ort_Run(s, NULL, TEXTS("x"), (const OrtValue *const *)&in, 1, TEXTS("y"), 1, two)); /* as coordinates */
    good(ort_GetSparseTensorIndices(two[0], ORT_SPARSE_COO_INDICES, &n, &p));
    assert_int_equal(n, 3);
    assert_memory_equal(p, DIMS(0, 5, 11), 24);
    ort_ReleaseValue(two[0]);
    two[0] = NULL;
    comes_through(s, in, ORT_SPARSE_CSRC, &out);
    ort_ReleaseValue(out);
    good(ort_CreateSparseTensorAsOrtValue(heap, DIMS(4, 4), 2, f32, &in));
    good(ort_FillSparseTensorBlockSparse(in, &ort_cpu_memory, DIMS(2, 2, 2), 3, values, DIMS(2, 2), 2, places));
    refused(ort_Run(s, NULL, TEXTS("x"), (const OrtValue *const *)&in, 1, TEXTS("y"), 1, two), ORT_NOT_IMPLEMENTED,
            "blocks");
    refused(ort_Run(s, NULL, TEXTS("x"), (const OrtValue *const *)&in, 1, TEXTS("x", "y"), 2, two), ORT_NOT_IMPLEMENTED,
            "blocks");
    assert_true(!two[0] && !two[1]); /* nothing was handed out */
    good(ort_CreateSparseTensorAsOrtValue(heap, DIMS(4, 4), 2, f32, &two[0]));
    refused(ort_Run(s, NULL, TEXTS("x"), (const OrtValue *const *)&in, 1, TEXTS("x"), 1, two), ORT_INVALID_ARGUMENT,
            "");
    ort_ReleaseValue(two[0]);
    OrtSession *dense = session_of(env, constants(), o), *strings = session_of(env, sparse_model(SARD_STRING, true), o);
    two[0] = NULL;
    refused(ort_Run(dense, NULL, TEXTS("x"), (const OrtValue *const *)&in, 1, TEXTS("same"), 1, two),
            ORT_INVALID_ARGUMENT, "sparse");
    refused(ort_Run(strings, NULL, TEXTS("x"), (const OrtValue *const *)&in, 1, TEXTS("x"), 1, two),
            ORT_INVALID_ARGUMENT, "element type");
    comes_through(s, in, ORT_SPARSE_BLOCK_SPARSE, &out);
    good(ort_GetSparseTensorValues(out, &p));
    assert_memory_equal(p, values, sizeof values);
    good(ort_GetSparseTensorIndices(out, ORT_SPARSE_BLOCK_SPARSE_INDICES, &n, &p));
    assert_memory_equal(p, places, sizeof places);
    ort_ReleaseValue(out);
    good(ort_CreateSparseTensorAsOrtValue(heap, DIMS(4, 4), 2, ORT_TYPE_STRING, &in));
    good(ort_FillSparseTensorCoo(in, &ort_cpu_memory, DIMS(3), 1, texts, DIMS(0, 5, 11), 3));
    comes_through(strings, in, ORT_SPARSE_COO, &out);
    holds_texts(out, "abc", 3, "bc");
    ort_ReleaseValue(out);
    ort_ReleaseSession(strings);
    strings = session_of(env, sparse_model(SARD_STRING, false), o);
    good(ort_CreateSparseTensorAsOrtValue(heap, DIMS(4, 4), 2, ORT_TYPE_STRING, &in));
    good(ort_FillSparseTensorCsr(in, &ort_cpu_memory, DIMS(3), 1, texts, inner, 3, outer, 5));
    good(ort_Run(strings, NULL, TEXTS("x"), (const OrtValue *const *)&in, 1, TEXTS("y"), 1, &two[0]));
    ort_ReleaseValue(in);
    holds_texts(two[0], "abc", 3, "bc"); /* the engine's own copy */
    ort_ReleaseValue(two[0]);
    ort_ReleaseSession(strings);
    ort_ReleaseSession(dense);
    ort_ReleaseSession(s);
    ort_ReleaseSessionOptions(o);
}

/* ---- profiles, shared models, options of loading ----------------------------------------------------------------------- */

static void profiles(void **state) {
    (void)state;
    OrtSessionOptions *o = new_options(1);
    OrtAllocator *heap = ort_default_allocator();
    uint64_t start;
    char *file, prefix[] = "/tmp/ort-profile-XXXXXX";
    assert_non_null(mkdtemp(prefix));
    char inside[64];
    snprintf(inside, sizeof inside, "%s/p", prefix);
    good(ort_EnableProfiling(o, inside));
    OrtSession *s = session_of(env, two_inputs(), o);
    float a[3] = {0}, b[3] = {0};
    OrtValue *in[2] = {view(a, 3, DIMS(1, 3), 2), view(b, 3, DIMS(3, 1), 2)}, *out = NULL;
    good(ort_Run(s, NULL, TEXTS("a", "b"), (const OrtValue *const *)in, 2, TEXTS("y"), 1, &out));
    good(ort_SessionGetProfilingStartTimeNs(s, &start));
    assert_true(start > 0);
    good(ort_SessionEndProfiling(s, heap, &file));
    assert_int_equal(strncmp(file, inside, strlen(inside)), 0);
    char *text = read_text(file);
    assert_true(*text == '[' && strstr(text, "\"model_run\"") && strstr(text, "mul_kernel_time"));
    free(text);
    unlink(file);
    good(ort_AllocatorFree(heap, file));
    good(ort_SessionEndProfiling(s, heap, &file)); /* nothing more */
    assert_string_equal(file, "");
    good(ort_AllocatorFree(heap, file));
    rmdir(prefix);
    ort_ReleaseValue(in[0]);
    ort_ReleaseValue(in[1]);
    ort_ReleaseValue(out);
    ort_ReleaseSession(s);
    ort_ReleaseSessionOptions(o);
}

/* ---- names without end --------------------------------------------------------------------------------------------- */

/* A megabyte where a name is expected: taken where ONNX Runtime takes any name, a status otherwise; the text is cut. */
static void long_names(void **state) {
    (void)state;
    enum { N = 1 << 20 };
    char *name = malloc(N + 1), *text = NULL;
    memset(name, 'n', N), name[N] = 0;
    OrtSessionOptions *o = new_options(1);
    OrtRunOptions *run;
    OrtMemoryInfo *info;
    OrtModelMetadata *metadata;
    OrtIoBinding *io;
    OrtAllocator *heap = ort_default_allocator();
    OrtCustomOpDomain *domain;
    const char *tag;
    good(ort_SetSessionLogId(o, name));
    good(ort_AddFreeDimensionOverrideByName(o, name, 3)); /* the model has none of that name */
    good(ort_CreateCustomOpDomain(name, &domain));
    ort_ReleaseCustomOpDomain(domain);
    OrtSession *s = session_of(env, two_inputs(), o);
    float x[3] = {0};
    OrtValue *in[2] = {view(x, 3, DIMS(1, 3), 2), view(x, 3, DIMS(3, 1), 2)}, *out = NULL;
    refused(ort_Run(s, NULL, TEXTS(name, "b"), (const OrtValue *const *)in, 2, TEXTS("y"), 1, &out),
            ORT_INVALID_ARGUMENT, "nnn");
    refused(ort_Run(s, NULL, TEXTS("a", "b"), (const OrtValue *const *)in, 2, TEXTS(name), 1, &out),
            ORT_INVALID_ARGUMENT, "nnn");
    good(ort_CreateRunOptions(&run));
    good(ort_RunOptionsSetRunTag(run, name));
    good(ort_RunOptionsGetRunTag(run, &tag));
    assert_int_equal(strlen(tag), N);
    refused(ort_AddRunConfigEntry(run, name, "1"), ORT_INVALID_ARGUMENT, "1024");
    refused(ort_CreateMemoryInfo(name, OrtDeviceAllocator, 0, OrtMemTypeDefault, &info), ORT_INVALID_ARGUMENT, "nnn");
    good(ort_SessionGetModelMetadata(s, &metadata));
    good(ort_ModelMetadataLookupCustomMetadataMap(metadata, heap, name, &text));
    assert_null(text);
    good(ort_CreateIoBinding(s, &io));
    refused(ort_BindInput(io, name, in[0]), ORT_FAIL, "nnn");
    good(ort_BindOutput(io, name, in[0])); /* looked at when it runs */
    good(ort_BindInput(io, "a", in[0])), good(ort_BindInput(io, "b", in[1]));
    refused(ort_RunWithBinding(s, NULL, io), ORT_INVALID_ARGUMENT, "nnn");
    OrtSession *none = NULL;
    refused(ort_CreateSession(env, name, o, &none), ORT_NO_SUCHFILE, "nnn");
    ort_ReleaseIoBinding(io), ort_ReleaseModelMetadata(metadata), ort_ReleaseRunOptions(run);
    ort_ReleaseValue(in[0]), ort_ReleaseValue(in[1]);
    ort_ReleaseSession(s), ort_ReleaseSessionOptions(o);
    free(name);
}

/* ---- models that sessions share ------------------------------------------------------------------------------------ */

/* Sessions of equal bytes and options have one model, without being asked to. */
static void equal_models(void **state) {
    (void)state;
    OrtSession *a, *b, *other, *after;
    OrtSessionOptions *o = new_options(2), *basic = new_options(2), *verbose = new_options(1);
    model_bytes m = two_inputs(), same = two_inputs();
    good(ort_SetSessionGraphOptimizationLevel(basic, ORT_ENABLE_BASIC));
    good(ort_CreateSessionFromArray(env, m.data, m.n, o, &a));
    good(ort_CreateSessionFromArray(env, same.data, same.n, o, &b));
    good(ort_CreateSessionFromArray(env, m.data, m.n, basic, &other));
    assert_ptr_equal(a->model, b->model);
    assert_ptr_not_equal(a->model, other->model);
    memset(m.data, 0, m.n); /* the bytes are nobody's but the caller's */
    ort_ReleaseSession(a);
    float x[3] = {1, 2, 3}, y[3] = {1, 1, 1};
    OrtValue *in[2] = {view(x, 3, DIMS(1, 3), 2), view(y, 3, DIMS(3, 1), 2)}, *out = NULL;
    good(ort_Run(b, NULL, TEXTS("a", "b"), (const OrtValue *const *)in, 2, TEXTS("y"), 1, &out));
    float *got;
    good(ort_GetTensorMutableData(out, (void **)&got));
    assert_true(got[0] == 6);
    good(ort_SessionOptionsSetLoadCancellationFlag(o, true));
    refused(ort_CreateSessionFromArray(env, same.data, same.n, o, &after), ORT_MODEL_LOAD_CANCELED, "cancel");
    good(ort_SetSessionLogSeverityLevel(verbose, 0)); /* who wants to hear of the loading loads */
    good(ort_CreateSessionFromArray(env, same.data, same.n, verbose, &after));
    ort_ReleaseValue(in[0]), ort_ReleaseValue(in[1]), ort_ReleaseValue(out);
    ort_ReleaseSession(b), ort_ReleaseSession(other), ort_ReleaseSession(after);
    ort_ReleaseSessionOptions(o), ort_ReleaseSessionOptions(basic), ort_ReleaseSessionOptions(verbose);
    sard_free(m.data), sard_free(same.data);
}

typedef struct racer {
    const model_bytes *m;
    pthread_barrier_t *start;
    OrtSession *s;
    OrtStatus *status;
} racer;

static void *create_at_once(void *arg) {
    racer *r = arg;
    pthread_barrier_wait(r->start);
    r->status = ort_CreateSessionFromArray(env, r->m->data, r->m->n, NULL, &r->s);
    return NULL;
}

/* Threads that make sessions of one model at the same time: one model for all, or an error for all. */
static void equal_models_at_once(void **state) {
    (void)state;
    enum { N = 8 };
    model_bytes m = two_inputs(), cut = m;
    cut.n -= 3;
    for (int round = 0; round < 40; round++) {
        const bool good_model = round % 2;
        pthread_barrier_t start;
        pthread_t thread[N];
        racer r[N];
        pthread_barrier_init(&start, NULL, N);
        for (int i = 0; i < N; i++) {
            r[i] = (racer){good_model ? &m : &cut, &start, NULL, NULL};
            assert_int_equal(pthread_create(&thread[i], NULL, create_at_once, &r[i]), 0);
        }
        for (int i = 0; i < N; i++) pthread_join(thread[i], NULL);
        for (int i = 0; i < N; i++) {
            assert_int_equal(!r[i].status, good_model);
            if (good_model) assert_ptr_equal(r[i].s->model, r[0].s->model);
        }
        for (int i = 0; i < N; i++) ort_ReleaseSession(r[i].s), ort_ReleaseStatus(r[i].status);
        pthread_barrier_destroy(&start);
    }
    sard_free(m.data);
}

static void shared_models(void **state) {
    (void)state;
    OrtPrepackedWeightsContainer *c;
    OrtSession *a, *b, *other;
    OrtSessionOptions *o = new_options(2), *basic = new_options(2);
    model_bytes m = two_inputs();
    good(ort_SetSessionGraphOptimizationLevel(basic, ORT_ENABLE_BASIC));
    good(ort_CreatePrepackedWeightsContainer(&c));
    good(ort_CreateSessionFromArrayWithPrepackedWeightsContainer(env, m.data, m.n, o, c, &a));
    good(ort_CreateSessionFromArrayWithPrepackedWeightsContainer(env, m.data, m.n, o, c, &b));
    good(ort_CreateSessionFromArrayWithPrepackedWeightsContainer(env, m.data, m.n, basic, c, &other));
    assert_ptr_equal(a->model, b->model);
    assert_ptr_not_equal(a->model, other->model);
    memset(m.data, 0, m.n);
    sard_free(m.data);
    OrtModelMetadata *metadata;
    char *name;
    good(ort_SessionGetModelMetadata(a, &metadata));
    ort_ReleasePrepackedWeightsContainer(c);
    ort_ReleaseSession(a);
    ort_ReleaseSession(b);
    good(ort_ModelMetadataGetGraphName(metadata, ort_default_allocator(), &name));
    assert_string_equal(name, "test");
    good(ort_AllocatorFree(ort_default_allocator(), name));
    ort_ReleaseModelMetadata(metadata);
    ort_ReleaseSession(other);
    ort_ReleaseSessionOptions(o);
    ort_ReleaseSessionOptions(basic);
}

/* x: float [?], its dimension of denotation D -> y = Abs(x); written by hand, as no builder gives denotations */
static const uint8_t denoted[] = {
    0x08, 8,  0x42, 2,  0x10, 17,                                                                 /* IR 8, opset 17 */
    0x3a, 45, 0x0a, 11, 0x0a, 1,    'x', 0x12, 1, 'y',  0x22, 3,    'A', 'b',  's', 0x12, 1, 'g', /* the node */
    0x5a, 16, 0x0a, 1,  'x',  0x12, 11,  0x0a, 9, 0x08, 1,    0x12, 5,   0x0a, 3,   0x1a, 1, 'D', /* the input */
    0x62, 9,  0x0a, 1,  'y',  0x12, 4,   0x0a, 2, 0x08, 1};                                       /* the output */

static void loading(void **state) {
    (void)state;
    OrtSessionOptions *o = new_options(1);
    OrtSession *s = NULL;
    OrtTypeInfo *type;
    const OrtTensorTypeAndShapeInfo *tensor;
    int64_t dim;
    good(ort_AddFreeDimensionOverride(o, "D", 7));
    good(ort_AddFreeDimensionOverride(o, "absent", 7));
    good(ort_AddFreeDimensionOverrideByName(o, "absent", 0));
    good(ort_AddFreeDimensionOverrideByName(o, "absent", -1));
    good(ort_CreateSessionFromArray(env, denoted, sizeof denoted, o, &s));
    good(ort_SessionGetInputTypeInfo(s, 0, &type));
    good(ort_CastTypeInfoToTensorInfo(type, &tensor));
    good(ort_GetDimensions(tensor, &dim, 1));
    assert_int_equal(dim, 7);
    ort_ReleaseTypeInfo(type);
    ort_ReleaseSession(s);
    good(ort_SessionOptionsSetLoadCancellationFlag(o, true));
    refused(ort_CreateSessionFromArray(env, denoted, sizeof denoted, o, &s), ORT_MODEL_LOAD_CANCELED, "cancelled");
    good(ort_SessionOptionsSetLoadCancellationFlag(o, false));
    good(ort_SetDeterministicCompute(o, false));
    good(ort_CreateSessionFromArray(env, denoted, sizeof denoted, o, &s));
    ort_ReleaseSession(s);
    ort_ReleaseSessionOptions(o);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(null_arguments), cmocka_unit_test(versions),
                                       cmocka_unit_test(keys_and_page),  cmocka_unit_test(keys_of_sessions),
                                       cmocka_unit_test(unknown_keys),   cmocka_unit_test(run_keys),
                                       cmocka_unit_test(assignment),     cmocka_unit_test(allocators),
                                       cmocka_unit_test(sparse_tensors), cmocka_unit_test(sparse_strings),
                                       cmocka_unit_test(sparse_runs),    cmocka_unit_test(profiles),
                                       cmocka_unit_test(equal_models),   cmocka_unit_test(equal_models_at_once),
                                       cmocka_unit_test(long_names),     cmocka_unit_test(shared_models),
                                       cmocka_unit_test(loading)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
