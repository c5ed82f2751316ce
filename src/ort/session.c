/*
 * session.c -- sessions: a model loaded with a session's options, and what can be asked of it.
 */
#include "ort/internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* ---- making and releasing ----------------------------------------------------------------------------------------- */

void ort_session_unref(OrtSession *s) {
    if (!s || atomic_fetch_sub(&s->refs, 1) != 1) return;
    sard_model_unref(s->model);
    sard_profile_free(s->profile);
    sard_pool_unref(s->pool);
    free(s->profile_prefix);
    free(s->logger.id);
    ort_ReleaseEnv(s->env);
    free(s);
}

void ort_ReleaseSession(OrtSession *s) { ort_session_unref(s); }

OrtLogger ort_session_logger(const OrtEnv *env, const OrtSessionOptions *o) {
    OrtLogger logger = o->has_logger ? o->logger : env->logger;
    logger.least = o->log_severity >= 0 ? (OrtLoggingLevel)o->log_severity : env->logger.least;
    logger.id = o->log_id ? o->log_id : env->logger.id;
    return logger;
}

static OrtStatus *start_profile(OrtSession *s, const OrtSessionOptions *o) {
    struct timespec now;
    sard_error err;
    if (!o->profile) return NULL;
    clock_gettime(CLOCK_MONOTONIC, &now);
    s->profile_start_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    s->profile_prefix = strdup(o->profile_prefix);
    if (!s->profile_prefix) return ort_no_memory(strlen(o->profile_prefix));
    const sard_status st = sard_profile_new(&s->profile, &err);
    return st == SARD_OK ? NULL : ort_from_error(st, &err, false);
}

static OrtStatus *write_optimized(const OrtSession *s, const OrtSessionOptions *o) {
    sard_error err;
    if (!o->optimized_path) return NULL;
    const sard_status st = sard_model_write(s->model, 1, o->optimized_path, NULL, &err);
    return st == SARD_OK ? NULL : ort_from_error(st, &err, false);
}

OrtStatus *ort_session_wrap(const OrtEnv *env, const OrtSessionOptions *o, sard_model *take, OrtSession **out) {
    OrtSession *s = calloc(1, sizeof *s);
    if (!s) {
        sard_model_unref(take);
        return ort_no_memory(sizeof *s);
    }
    atomic_init(&s->refs, 1);
    s->model = take;
    s->env = ort_env_ref(env);
    s->intra = o->intra;
    s->logger = ort_session_logger(env, o);
    s->logger.id = strdup(s->logger.id);
    OrtStatus *st = s->logger.id ? start_profile(s, o) : ort_no_memory(1);
    if (!st) st = write_optimized(s, o);
    if (st)
        ort_session_unref(s);
    else
        *out = s;
    return st;
}

typedef struct source { /* where a model comes from */
    const char *path;
    const void *data;
    size_t n;
} source;

static OrtStatus *load(const OrtEnv *env, const source *from, const OrtSessionOptions *given, OrtSession **out) {
    OrtSessionOptions *own = NULL;
    sard_options *options;
    sard_model *model;
    sard_error err;
    if (!given) TRY_ORT(ort_CreateSessionOptions(&own));
    const OrtSessionOptions *o = given ? given : own;
    OrtLogger logger = ort_session_logger(env, o);
    OrtStatus *bad = ort_load_options(env, o, &options);
    if (!bad) {
        sard_options_log(options,
                         (sard_log_level)(logger.least < ORT_LOGGING_LEVEL_ERROR ? logger.least : SARD_LOG_ERROR),
                         ort_log_from_load, &logger);
        const char *direct = ort_pairs_get(&o->config, "session.use_ort_model_bytes_directly");
        const int borrow = direct && strcmp(direct, "1") == 0;
        const sard_status st = from->path ? ort_load_file(from->path, options, &model, &err)
                                          : ort_load_bytes(from->data, from->n, borrow, options, &model, &err);
        sard_options_free(options);
        bad = st == SARD_OK ? ort_session_wrap(env, o, model, out) : ort_from_error(st, &err, true);
    }
    ort_ReleaseSessionOptions(own);
    return bad;
}

static OrtStatus *check_path(const char *path) {
    struct stat info;
    REQUIRE(*path, ORT_INVALID_ARGUMENT, "CreateSession: the path of the model is empty");
    REQUIRE(stat(path, &info) == 0, ORT_NO_SUCHFILE, "Load model from %s failed: the file does not exist", path);
    REQUIRE(!S_ISDIR(info.st_mode), ORT_INVALID_ARGUMENT, "Load model from %s failed: this is a folder, not a file",
            path);
    REQUIRE(info.st_size > 0, ORT_INVALID_ARGUMENT,
            "Load model from %s failed: the file is empty. No graph was found in the protobuf.", path);
    return NULL;
}

OrtStatus *ort_CreateSession(const OrtEnv *env, const char *path, const OrtSessionOptions *o, OrtSession **out) {
    NOT_NULL(env);
    NOT_NULL(path);
    NOT_NULL(out);
    TRY_ORT(check_path(path));
    return load(env, &(source){.path = path}, o, out);
}

OrtStatus *ort_CreateSessionFromArray(const OrtEnv *env, const void *data, size_t n, const OrtSessionOptions *o,
                                      OrtSession **out) {
    NOT_NULL(env);
    NOT_NULL(out);
    REQUIRE(n > 0, ORT_INVALID_ARGUMENT, "The model has no bytes. No graph was found in the protobuf.");
    NOT_NULL(data);
    return load(env, &(source){.data = data, .n = n}, o, out);
}

/* ---- inputs and outputs ------------------------------------------------------------------------------------------- */

OrtStatus *ort_SessionGetInputCount(const OrtSession *s, size_t *out) {
    NOT_NULL(s);
    NOT_NULL(out);
    *out = sard_model_inputs(s->model);
    return NULL;
}

OrtStatus *ort_SessionGetOutputCount(const OrtSession *s, size_t *out) {
    NOT_NULL(s);
    NOT_NULL(out);
    *out = sard_model_outputs(s->model);
    return NULL;
}

OrtStatus *ort_SessionGetOverridableInitializerCount(const OrtSession *s, size_t *out) {
    NOT_NULL(s);
    NOT_NULL(out);
    *out = sard_model_overridables(s->model);
    return NULL;
}

#define IN_RANGE(i, n) REQUIRE((i) < (n), ORT_FAIL, "%s: index %zu is out of range, there are %zu", __func__ + 4, i, n)

OrtStatus *ort_SessionGetInputName(const OrtSession *s, size_t i, OrtAllocator *allocator, char **out) {
    NOT_NULL(s);
    NOT_NULL(allocator);
    NOT_NULL(out);
    IN_RANGE(i, sard_model_inputs(s->model));
    return ort_text_out(allocator, sard_model_input_name(s->model, i), out);
}

OrtStatus *ort_SessionGetOutputName(const OrtSession *s, size_t i, OrtAllocator *allocator, char **out) {
    NOT_NULL(s);
    NOT_NULL(allocator);
    NOT_NULL(out);
    IN_RANGE(i, sard_model_outputs(s->model));
    return ort_text_out(allocator, sard_model_output_name(s->model, i), out);
}

OrtStatus *ort_SessionGetOverridableInitializerName(const OrtSession *s, size_t i, OrtAllocator *allocator,
                                                    char **out) {
    NOT_NULL(s);
    NOT_NULL(allocator);
    NOT_NULL(out);
    IN_RANGE(i, sard_model_overridables(s->model));
    return ort_text_out(allocator, sard_model_overridable_name(s->model, i), out);
}

OrtStatus *ort_SessionGetInputTypeInfo(const OrtSession *s, size_t i, OrtTypeInfo **out) {
    NOT_NULL(s);
    NOT_NULL(out);
    IN_RANGE(i, sard_model_inputs(s->model));
    return ort_type_info_new(sard_model_input_type(s->model, i), out);
}

OrtStatus *ort_SessionGetOutputTypeInfo(const OrtSession *s, size_t i, OrtTypeInfo **out) {
    NOT_NULL(s);
    NOT_NULL(out);
    IN_RANGE(i, sard_model_outputs(s->model));
    return ort_type_info_new(sard_model_output_type(s->model, i), out);
}

OrtStatus *ort_SessionGetOverridableInitializerTypeInfo(const OrtSession *s, size_t i, OrtTypeInfo **out) {
    NOT_NULL(s);
    NOT_NULL(out);
    IN_RANGE(i, sard_model_overridables(s->model));
    return ort_type_info_new(sard_model_overridable_type(s->model, i), out);
}

OrtStatus *ort_SessionGetMemoryInfoForInputs(const OrtSession *s, const OrtMemoryInfo **out, size_t n) {
    NOT_NULL(s);
    if (n) NOT_NULL(out);
    REQUIRE(n == sard_model_inputs(s->model), ORT_FAIL,
            "SessionGetMemoryInfoForInputs: room for %zu, the model has %zu", n, sard_model_inputs(s->model));
    for (size_t i = 0; i < n; i++) out[i] = &ort_cpu_memory;
    return NULL;
}

OrtStatus *ort_SessionGetMemoryInfoForOutputs(const OrtSession *s, const OrtMemoryInfo **out, size_t n) {
    NOT_NULL(s);
    if (n) NOT_NULL(out);
    REQUIRE(n == sard_model_outputs(s->model), ORT_FAIL,
            "SessionGetMemoryInfoForOutputs: room for %zu, the model has %zu", n, sard_model_outputs(s->model));
    for (size_t i = 0; i < n; i++) out[i] = &ort_cpu_memory;
    return NULL;
}

OrtStatus *ort_SessionGetProfilingStartTimeNs(const OrtSession *s, uint64_t *out) {
    NOT_NULL(s);
    NOT_NULL(out);
    *out = s->profile_start_ns;
    return NULL;
}

/* The allocator lives as long as the process, so there is nothing to release. */
OrtStatus *ort_CreateAllocator(const OrtSession *s, const OrtMemoryInfo *info, OrtAllocator **out) {
    NOT_NULL(s);
    NOT_NULL(info);
    NOT_NULL(out);
    REQUIRE(strcmp(info->name, "Cpu") == 0, ORT_INVALID_ARGUMENT,
            "CreateAllocator: there is none for '%s' in this build", info->name);
    *out = ort_default_allocator();
    return NULL;
}

void ort_ReleaseAllocator(OrtAllocator *a) { (void)a; }

/* ---- metadata: a reference to the model, which may outlive the session -------------------------------------------- */

struct OrtModelMetadata {
    sard_model *model;
};

OrtStatus *ort_SessionGetModelMetadata(const OrtSession *s, OrtModelMetadata **out) {
    NOT_NULL(s);
    NOT_NULL(out);
    OrtModelMetadata *m = malloc(sizeof *m);
    if (!m) return ort_no_memory(sizeof *m);
    m->model = sard_model_ref(s->model);
    *out = m;
    return NULL;
}

void ort_ReleaseModelMetadata(OrtModelMetadata *m) {
    if (m) sard_model_unref(m->model);
    free(m);
}

static OrtStatus *text_of(const char *who, const OrtModelMetadata *m, const char *field, OrtAllocator *a, char **out) {
    REQUIRE(m && a && out, ORT_INVALID_ARGUMENT, "%s: an argument is NULL", who);
    return ort_text_out(a, sard_model_text(m->model, field), out);
}

OrtStatus *ort_ModelMetadataGetProducerName(const OrtModelMetadata *m, OrtAllocator *a, char **out) {
    return text_of("ModelMetadataGetProducerName", m, "producer_name", a, out);
}

OrtStatus *ort_ModelMetadataGetGraphName(const OrtModelMetadata *m, OrtAllocator *a, char **out) {
    return text_of("ModelMetadataGetGraphName", m, "graph_name", a, out);
}

OrtStatus *ort_ModelMetadataGetDomain(const OrtModelMetadata *m, OrtAllocator *a, char **out) {
    return text_of("ModelMetadataGetDomain", m, "domain", a, out);
}

OrtStatus *ort_ModelMetadataGetDescription(const OrtModelMetadata *m, OrtAllocator *a, char **out) {
    return text_of("ModelMetadataGetDescription", m, "doc_string", a, out);
}

OrtStatus *ort_ModelMetadataGetGraphDescription(const OrtModelMetadata *m, OrtAllocator *a, char **out) {
    return text_of("ModelMetadataGetGraphDescription", m, "graph_doc_string", a, out);
}

OrtStatus *ort_ModelMetadataGetVersion(const OrtModelMetadata *m, int64_t *out) {
    NOT_NULL(m);
    NOT_NULL(out);
    *out = sard_model_version(m->model);
    return NULL;
}

/* *out is NULL when there is no such key: that is no error. */
OrtStatus *ort_ModelMetadataLookupCustomMetadataMap(const OrtModelMetadata *m, OrtAllocator *a, const char *key,
                                                    char **out) {
    NOT_NULL(m);
    NOT_NULL(a);
    NOT_NULL(key);
    NOT_NULL(out);
    *out = NULL;
    for (size_t i = 0; i < sard_model_metadata(m->model); i++)
        if (strcmp(sard_model_metadata_key(m->model, i), key) == 0)
            return ort_text_out(a, sard_model_metadata_value(m->model, i), out);
    return NULL;
}

OrtStatus *ort_ModelMetadataGetCustomMetadataMapKeys(const OrtModelMetadata *m, OrtAllocator *a, char ***out,
                                                     int64_t *count) {
    NOT_NULL(m);
    NOT_NULL(a);
    NOT_NULL(out);
    NOT_NULL(count);
    const size_t n = sard_model_metadata(m->model);
    *out = NULL;
    *count = 0;
    if (!n) return NULL;
    char **keys = a->Alloc(a, n * sizeof *keys);
    if (!keys) return ort_no_memory(n * sizeof *keys);
    for (size_t i = 0; i < n; i++) {
        OrtStatus *st = ort_text_out(a, sard_model_metadata_key(m->model, i), &keys[i]);
        if (!st) continue;
        while (i--) a->Free(a, keys[i]);
        a->Free(a, keys);
        return st;
    }
    *out = keys;
    *count = (int64_t)n;
    return NULL;
}
