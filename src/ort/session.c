/*
 * session.c -- sessions: a model loaded with a session's options, and what can be asked of it.
 */
#include "ort/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- making and releasing ----------------------------------------------------------------------------------------- */

void ort_session_unref(OrtSession *s) {
    if (!s || atomic_fetch_sub(&s->refs, 1) != 1) return;
    ort_profile_close(&s->profile, &s->logger);
    sard_model_unref(s->model);
    ort_shared_unref(s->shared);
    ort_profile_deinit(&s->profile);
    ort_threads_deinit(&s->threads);
    ort_async_unref(s->async);
    free(s->logger.id);
    ort_assignment_free(s->assignment);
    ort_ReleaseSessionOptions(s->editing);
    ort_ReleaseEnv(s->env);
    free(s);
}

void ort_ReleaseSession(OrtSession *s) {
    if (s) ort_async_close(s);
    ort_session_unref(s);
}

OrtLogger ort_session_logger(const OrtEnv *env, const OrtSessionOptions *o) {
    OrtLogger logger = o->has_logger ? o->logger : env->logger;
    logger.least = o->log_severity >= 0 ? (OrtLoggingLevel)o->log_severity : env->logger.least;
    logger.id = o->log_id ? o->log_id : env->logger.id;
    return logger;
}

/* From how many bytes on a tensor of the optimised model goes to the file of external data. */
static OrtStatus *external_least(const OrtSessionOptions *o, size_t *out) {
    static const char key[] = "session.optimized_model_external_initializers_min_size_in_bytes";
    const char *text = ort_pairs_get(&o->config, key);
    char *end;
    *out = 1024;
    if (!text || !*text) return NULL;
    errno = 0;
    const unsigned long long n = strtoull(text, &end, 10);
    REQUIRE(*text >= '0' && *text <= '9' && !*end && !errno, ORT_INVALID_ARGUMENT, "%s: '%s' is not a number of bytes",
            key, text);
    *out = (size_t)n;
    return NULL;
}

static OrtStatus *write_optimized(const OrtSession *s, const OrtSessionOptions *o) {
    sard_error err;
    size_t least;
    if (!o->optimized_path || !*o->optimized_path) return NULL;
    const char *external = ort_pairs_get(&o->config, "session.optimized_model_external_initializers_file_name");
    TRY_ORT(external_least(o, &least));
    const sard_status st =
        sard_model_write_split(s->model, 1, o->optimized_path, external && *external ? external : NULL, least, &err);
    return st == SARD_OK ? NULL : ort_from_error(st, &err, false);
}

/* What the options say of a session besides its model. */
static OrtStatus *set_up(OrtSession *s, const OrtSessionOptions *o) {
    s->env_allocators = ort_config_on(o, "session.use_env_allocators");
    s->logger = ort_session_logger(s->env, o);
    s->logger.id = strdup(s->logger.id);
    OrtStatus *st = s->logger.id ? NULL : ort_no_memory(1);
    if (!st && o->profile) st = ort_profile_start(&s->profile, o->profile_prefix);
    if (!st) st = ort_session_threads(s, o);
    if (!st) st = ort_assignment_record(s, o);
    if (!st) st = write_optimized(s, o);
    return st;
}

OrtStatus *ort_session_finalize(OrtSession *s, const OrtSessionOptions *o, sard_model *take) {
    sard_model_unref(s->model);
    s->model = take;
    ort_profile_deinit(&s->profile);
    memset(&s->profile, 0, sizeof s->profile);
    ort_threads_deinit(&s->threads);
    s->pool = NULL;
    free(s->logger.id);
    TRY_ORT(set_up(s, o));
    ort_ReleaseSessionOptions(s->editing);
    s->editing = NULL;
    return NULL;
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
    OrtStatus *st = set_up(s, o);
    if (st)
        ort_session_unref(s);
    else
        *out = s;
    return st;
}

typedef struct load_log {
    OrtLogger logger;
    bool said;
} load_log;

static void log_load(void *user, sard_log_level level, const char *message) {
    load_log *l = user;
    l->said = true;
    ort_log_from_load(&l->logger, level, message);
}

/* The model and, when it is shared, what it lies in: references. */
static OrtStatus *load_model(const ort_shared_request *r, OrtPrepackedWeightsContainer *container, sard_model **model,
                             struct ort_shared_model **shared) {
    sard_error err;
    TRY_ORT(ort_shared_load(r, shared));
    if (*shared) {
        OrtStatus *st = container ? ort_container_keep(container, *shared) : NULL;
        if (st)
            ort_shared_unref(*shared);
        else
            *model = ort_shared_get(*shared);
        return st;
    }
    const bool borrow = ort_config_on(r->options, "session.use_ort_model_bytes_directly");
    const sard_status st = r->from->path ? ort_load_file(r->from->path, r->to_load, model, &err)
                                         : ort_load_bytes(r->from->data, r->from->n, borrow, r->to_load, model, &err);
    return st == SARD_OK ? NULL : ort_from_error(st, &err, true);
}

static OrtStatus *load(const OrtEnv *env, const ort_source *from, const OrtSessionOptions *o,
                       OrtPrepackedWeightsContainer *container, OrtSession **out) {
    sard_options *options;
    sard_model *model;
    struct ort_shared_model *shared = NULL;
    load_log log = {.logger = ort_session_logger(env, o)};
    const OrtLoggingLevel least = log.logger.least;
    const uint64_t begin = ort_now_ns();
    TRY_ORT(ort_load_options(env, o, &options));
    sard_options_log(options, (sard_log_level)(least < ORT_LOGGING_LEVEL_ERROR ? least : SARD_LOG_ERROR), log_load,
                     &log);
    sard_options_cancel(options, (volatile int *)(uintptr_t)&o->cancel_load);
    const ort_shared_request request = {env, from, o, options, &log.said, container};
    OrtStatus *st = load_model(&request, container, &model, &shared);
    sard_options_free(options);
    if (st) return st;
    st = ort_session_wrap(env, o, model, out);
    if (st) {
        ort_shared_unref(shared);
        return st;
    }
    (*out)->shared = shared;
    ort_profile_event(&(*out)->profile, "model_loading_uri", begin, ort_now_ns());
    ort_profile_event(&(*out)->profile, "session_initialization", begin, ort_now_ns());
    return NULL;
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

OrtStatus *ort_session_load(const OrtEnv *env, const ort_source *from, const OrtSessionOptions *o,
                            OrtPrepackedWeightsContainer *container, OrtSession **out) {
    OrtSessionOptions *own = NULL;
    if (from->path)
        TRY_ORT(check_path(from->path));
    else
        REQUIRE(from->data && from->n, ORT_INVALID_ARGUMENT,
                "The model has no bytes. No graph was found in the protobuf.");
    REQUIRE(!o || o->log_severity <= ORT_LOGGING_LEVEL_FATAL, ORT_FAIL,
            "the session's log severity is %d: expected 0 to 4, or less than 0 for the environment's", o->log_severity);
    if (!o) TRY_ORT(ort_CreateSessionOptions(&own));
    OrtStatus *st = load(env, from, o ? o : own, container, out);
    ort_ReleaseSessionOptions(own);
    return st;
}

OrtStatus *ort_CreateSession(const OrtEnv *env, const char *path, const OrtSessionOptions *o, OrtSession **out) {
    NOT_NULL(env);
    NOT_NULL(path);
    NOT_NULL(out);
    return ort_session_load(env, &(ort_source){.path = path}, o, NULL, out);
}

OrtStatus *ort_CreateSessionFromArray(const OrtEnv *env, const void *data, size_t n, const OrtSessionOptions *o,
                                      OrtSession **out) {
    NOT_NULL(env);
    NOT_NULL(out);
    return ort_session_load(env, &(ort_source){.data = data, .n = n}, o, NULL, out);
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

/* Options of providers while they work: the CPU's has none, and options of others are not ours to judge. */
OrtStatus *ort_SetEpDynamicOptions(OrtSession *s, const char *const *keys, const char *const *values, size_t n) {
    NOT_NULL(s);
    if (n) NOT_NULL(keys);
    if (n) NOT_NULL(values);
    return NULL;
}

/* Runs are not captured, so there is nothing to release. */
OrtStatus *ort_SessionReleaseCapturedGraph(OrtSession *s, int id) {
    NOT_NULL(s);
    (void)id;
    return NULL;
}

/* ---- metadata: a reference to the model, which may outlive the session -------------------------------------------- */

struct OrtModelMetadata {
    sard_model *model;
    struct ort_shared_model *shared; /* what the model may lie in */
};

OrtStatus *ort_metadata_new(sard_model *model, struct ort_shared_model *shared, OrtModelMetadata **out) {
    OrtModelMetadata *m = malloc(sizeof *m);
    if (!m) return ort_no_memory(sizeof *m);
    m->model = sard_model_ref(model);
    m->shared = shared;
    ort_shared_ref(shared);
    *out = m;
    return NULL;
}

OrtStatus *ort_SessionGetModelMetadata(const OrtSession *s, OrtModelMetadata **out) {
    NOT_NULL(s);
    NOT_NULL(out);
    return ort_metadata_new(s->model, s->shared, out);
}

void ort_ReleaseModelMetadata(OrtModelMetadata *m) {
    if (!m) return;
    sard_model_unref(m->model);
    ort_shared_unref(m->shared);
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
