/*
 * options.c -- OrtSessionOptions: what a session is told, kept as it was told; ort_load_options makes the public API's
 * options of it. What the configuration keys mean lies in config.c.
 */
#include "ort/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- making, copying, releasing ----------------------------------------------------------------------------------- */

OrtStatus *ort_CreateSessionOptions(OrtSessionOptions **out) {
    NOT_NULL(out);
    OrtSessionOptions *o = calloc(1, sizeof *o);
    if (!o) return ort_no_memory(sizeof *o);
    *o = (OrtSessionOptions){
        .level = ORT_ENABLE_ALL, .log_severity = -1, .mem_pattern = true, .cpu_arena = true, .own_threads = true};
    *out = o;
    return NULL;
}

void ort_ReleaseSessionOptions(OrtSessionOptions *o) {
    if (!o) return;
    free(o->log_id);
    free(o->profile_prefix);
    free(o->optimized_path);
    ort_pairs_deinit(&o->config);
    ort_pairs_deinit(&o->free_dims);
    ort_pairs_deinit(&o->free_dim_denotations);
    for (size_t i = 0; i < o->n_domains; i++) ort_domain_unref(o->domains[i]);
    free(o->domains);
    for (size_t i = 0; i < o->n_libraries; i++) ort_library_unref(o->libraries[i]); /* after their domains */
    free(o->libraries);
    for (size_t i = 0; i < o->n_initializers; i++) {
        free(o->initializers[i].name);
        sard_value_unref(o->initializers[i].v);
    }
    free(o->initializers);
    for (size_t i = 0; i < o->n_files; i++) free(o->files[i].name);
    free(o->files);
    free(o);
}

static bool copy_text(char **to, const char *from) {
    *to = from ? strdup(from) : NULL;
    return !from || *to;
}

static bool copy_domains(OrtSessionOptions *o, const OrtSessionOptions *from) {
    for (size_t i = 0; i < from->n_domains; i++) {
        if (!ort_grow(&o->domains, o->n_domains, &o->cap_domains, sizeof *o->domains)) return false;
        ort_domain_ref(from->domains[i]);
        o->domains[o->n_domains++] = from->domains[i];
    }
    for (size_t i = 0; i < from->n_libraries; i++) {
        if (!ort_grow(&o->libraries, o->n_libraries, &o->cap_libraries, sizeof *o->libraries)) return false;
        o->libraries[o->n_libraries++] = ort_library_ref(from->libraries[i]);
    }
    return true;
}

static bool add_initializer(OrtSessionOptions *o, const char *name, sard_value *v) {
    char *copy = strdup(name);
    if (!copy || !ort_grow(&o->initializers, o->n_initializers, &o->cap_initializers, sizeof *o->initializers)) {
        free(copy);
        return false;
    }
    o->initializers[o->n_initializers++] = (ort_named_value){copy, sard_value_ref(v)};
    return true;
}

static bool add_file(OrtSessionOptions *o, const char *name, const void *data, size_t n) {
    char *copy = strdup(name);
    if (!copy || !ort_grow(&o->files, o->n_files, &o->cap_files, sizeof *o->files)) {
        free(copy);
        return false;
    }
    o->files[o->n_files++] = (ort_file_bytes){copy, data, n};
    return true;
}

OrtStatus *ort_CloneSessionOptions(const OrtSessionOptions *in, OrtSessionOptions **out) {
    NOT_NULL(in);
    NOT_NULL(out);
    OrtSessionOptions *o = malloc(sizeof *o);
    if (!o) return ort_no_memory(sizeof *o);
    *o = *in;
    o->log_id = o->profile_prefix = o->optimized_path = NULL;
    o->config = o->free_dims = o->free_dim_denotations = (OrtKeyValuePairs){0};
    o->domains = NULL;
    o->libraries = NULL;
    o->n_libraries = o->cap_libraries = 0;
    o->initializers = NULL;
    o->files = NULL;
    o->n_domains = o->cap_domains = o->n_initializers = o->cap_initializers = o->n_files = o->cap_files = 0;
    bool ok = copy_text(&o->log_id, in->log_id) && copy_text(&o->profile_prefix, in->profile_prefix) &&
              copy_text(&o->optimized_path, in->optimized_path) && ort_pairs_copy(&o->config, &in->config) &&
              ort_pairs_copy(&o->free_dims, &in->free_dims) &&
              ort_pairs_copy(&o->free_dim_denotations, &in->free_dim_denotations) && copy_domains(o, in);
    for (size_t i = 0; i < in->n_initializers && ok; i++)
        ok = add_initializer(o, in->initializers[i].name, in->initializers[i].v);
    for (size_t i = 0; i < in->n_files && ok; i++)
        ok = add_file(o, in->files[i].name, in->files[i].data, in->files[i].n);
    if (!ok) {
        ort_ReleaseSessionOptions(o);
        return ort_no_memory(sizeof *o);
    }
    *out = o;
    return NULL;
}

/* ---- settings ----------------------------------------------------------------------------------------------------- */

static OrtStatus *set_text(char **at, const char *text) {
    char *copy = strdup(text);
    if (!copy) return ort_no_memory(strlen(text));
    free(*at);
    *at = copy;
    return NULL;
}

OrtStatus *ort_SetSessionGraphOptimizationLevel(OrtSessionOptions *o, GraphOptimizationLevel level) {
    NOT_NULL(o);
    REQUIRE((level >= ORT_DISABLE_ALL && level <= ORT_ENABLE_LAYOUT) || level == ORT_ENABLE_ALL, ORT_INVALID_ARGUMENT,
            "graph_optimization_level %d is not valid: 0, 1, 2, 3 or 99", (int)level);
    o->level = level;
    return NULL;
}

OrtStatus *ort_SetSessionExecutionMode(OrtSessionOptions *o, ExecutionMode mode) {
    NOT_NULL(o);
    REQUIRE(mode == ORT_SEQUENTIAL || mode == ORT_PARALLEL, ORT_INVALID_ARGUMENT,
            "execution_mode %d is not valid: 0 or 1", (int)mode);
    o->mode = mode;
    return NULL;
}

OrtStatus *ort_GetSessionExecutionMode(const OrtSessionOptions *o, ExecutionMode *out) {
    NOT_NULL(o);
    NOT_NULL(out);
    *out = o->mode;
    return NULL;
}

OrtStatus *ort_SetIntraOpNumThreads(OrtSessionOptions *o, int n) {
    NOT_NULL(o);
    o->intra = n;
    return NULL;
}

OrtStatus *ort_SetInterOpNumThreads(OrtSessionOptions *o, int n) {
    NOT_NULL(o);
    o->inter = n;
    return NULL;
}

OrtStatus *ort_DisablePerSessionThreads(OrtSessionOptions *o) {
    NOT_NULL(o);
    o->own_threads = false;
    return NULL;
}

OrtStatus *ort_EnableMemPattern(OrtSessionOptions *o) {
    NOT_NULL(o);
    o->mem_pattern = true;
    return NULL;
}

OrtStatus *ort_DisableMemPattern(OrtSessionOptions *o) {
    NOT_NULL(o);
    o->mem_pattern = false;
    return NULL;
}

OrtStatus *ort_GetMemPatternEnabled(const OrtSessionOptions *o, int *out) {
    NOT_NULL(o);
    NOT_NULL(out);
    *out = o->mem_pattern;
    return NULL;
}

OrtStatus *ort_EnableCpuMemArena(OrtSessionOptions *o) {
    NOT_NULL(o);
    o->cpu_arena = true;
    return NULL;
}

OrtStatus *ort_DisableCpuMemArena(OrtSessionOptions *o) {
    NOT_NULL(o);
    o->cpu_arena = false;
    return NULL;
}

OrtStatus *ort_SetOptimizedModelFilePath(OrtSessionOptions *o, const char *path) {
    NOT_NULL(o);
    NOT_NULL(path);
    return set_text(&o->optimized_path, path);
}

OrtStatus *ort_EnableProfiling(OrtSessionOptions *o, const char *prefix) {
    NOT_NULL(o);
    NOT_NULL(prefix);
    o->profile = true;
    return set_text(&o->profile_prefix, prefix);
}

OrtStatus *ort_DisableProfiling(OrtSessionOptions *o) {
    NOT_NULL(o);
    o->profile = false;
    return NULL;
}

OrtStatus *ort_SetSessionLogId(OrtSessionOptions *o, const char *id) {
    NOT_NULL(o);
    NOT_NULL(id);
    return set_text(&o->log_id, id);
}

OrtStatus *ort_SetSessionLogVerbosityLevel(OrtSessionOptions *o, int level) {
    NOT_NULL(o);
    o->log_verbosity = level;
    return NULL;
}

OrtStatus *ort_SetSessionLogSeverityLevel(OrtSessionOptions *o, int level) {
    NOT_NULL(o);
    o->log_severity = level;
    return NULL;
}

OrtStatus *ort_SetUserLoggingFunction(OrtSessionOptions *o, OrtLoggingFunction fn, void *param) {
    NOT_NULL(o);
    NOT_NULL(fn);
    o->logger.fn = fn;
    o->logger.param = param;
    o->has_logger = true;
    return NULL;
}

static OrtStatus *add_free_dim(OrtKeyValuePairs *to, const char *name, int64_t value) {
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)value);
    return ort_pairs_set(to, name, text) ? NULL : ort_no_memory(strlen(name));
}

OrtStatus *ort_AddFreeDimensionOverrideByName(OrtSessionOptions *o, const char *name, int64_t value) {
    NOT_NULL(o);
    NOT_NULL(name);
    return add_free_dim(&o->free_dims, name, value);
}

OrtStatus *ort_AddFreeDimensionOverride(OrtSessionOptions *o, const char *denotation, int64_t value) {
    NOT_NULL(o);
    NOT_NULL(denotation);
    return add_free_dim(&o->free_dim_denotations, denotation, value);
}

OrtStatus *ort_AddInitializer(OrtSessionOptions *o, const char *name, const OrtValue *v) {
    NOT_NULL(o);
    NOT_NULL(name);
    NOT_NULL(v);
    REQUIRE(ort_value_kind(v) == ONNX_TYPE_TENSOR && !ort_value_is_strings(v), ORT_INVALID_ARGUMENT,
            "AddInitializer: '%s' is not a tensor of numbers", name);
    return add_initializer(o, name, v->v) ? NULL : ort_no_memory(strlen(name));
}

OrtStatus *ort_AddExternalInitializers(OrtSessionOptions *o, const char *const *names, const OrtValue *const *values,
                                       size_t n) {
    NOT_NULL(o);
    if (n) NOT_NULL(names);
    if (n) NOT_NULL(values);
    for (size_t i = 0; i < n; i++) TRY_ORT(ort_AddInitializer(o, names[i], values[i]));
    return NULL;
}

OrtStatus *ort_AddExternalInitializersFromFilesInMemory(OrtSessionOptions *o, const char *const *names,
                                                        char *const *data, const size_t *lengths, size_t n) {
    NOT_NULL(o);
    if (n) NOT_NULL(names);
    if (n) NOT_NULL(data);
    if (n) NOT_NULL(lengths);
    for (size_t i = 0; i < n; i++) {
        REQUIRE(names[i] && data[i], ORT_INVALID_ARGUMENT, "AddExternalInitializersFromFilesInMemory: file %zu is NULL",
                i);
        if (!add_file(o, names[i], data[i], lengths[i])) return ort_no_memory(strlen(names[i]));
    }
    return NULL;
}

OrtStatus *ort_AddCustomOpDomain(OrtSessionOptions *o, OrtCustomOpDomain *domain) {
    NOT_NULL(o);
    NOT_NULL(domain);
    if (!ort_grow(&o->domains, o->n_domains, &o->cap_domains, sizeof *o->domains)) return ort_no_memory(sizeof domain);
    ort_domain_ref(domain);
    o->domains[o->n_domains++] = domain;
    return NULL;
}

/* ---- for the public API ------------------------------------------------------------------------------------------- */

/* Numbers below 0 fix nothing, as the ABI has it. */
static sard_status set_free_dims(const OrtKeyValuePairs *dims, const char *prefix, sard_options *to, sard_error *err) {
    for (size_t i = 0; i < dims->n; i++) {
        const size_t n = strlen(prefix) + strlen(dims->keys[i]) + 1;
        char *key = *dims->values[i] == '-' ? NULL : malloc(n);
        if (!key) continue;
        snprintf(key, n, "%s%s", prefix, dims->keys[i]);
        const sard_status st = sard_options_set(to, key, dims->values[i], err);
        free(key);
        if (st != SARD_OK) return st;
    }
    return SARD_OK;
}

static sard_status set_data(const OrtSessionOptions *o, sard_options *to, sard_error *err) {
    for (size_t i = 0; i < o->n_initializers; i++) {
        const sard_status st = sard_options_initializer(to, o->initializers[i].name, o->initializers[i].v, err);
        if (st != SARD_OK) return st;
    }
    for (size_t i = 0; i < o->n_files; i++) {
        const sard_status st = sard_options_external_data(to, o->files[i].name, o->files[i].data, o->files[i].n, err);
        if (st != SARD_OK) return st;
    }
    return SARD_OK;
}

bool ort_flushes_denormals(const OrtEnv *env, const OrtSessionOptions *o) {
    return ort_config_on(o, "session.set_denormal_as_zero") || (!o->own_threads && env->flush_denormals);
}

/* The threads of runs are the session's business (threads.c), not the model's. */
static sard_status set_all(const OrtEnv *env, const OrtSessionOptions *o, sard_options *to, sard_error *err) {
    static const char *const levels[] = {"none", "basic", "extended", "all"};
    const char *folder = ort_pairs_get(&o->config, "session.model_external_initializers_file_folder_path");
    const char *level = levels[o->level > ORT_ENABLE_LAYOUT ? ORT_ENABLE_LAYOUT : o->level];
    sard_status st = sard_options_set(to, "optimize", level, err);
    if (st == SARD_OK && ort_flushes_denormals(env, o)) st = sard_options_set(to, "denormals", "flush", err);
    if (st == SARD_OK && folder && *folder) st = sard_options_external_folder(to, folder, err);
    if (st == SARD_OK) st = sard_options_set(to, "unknown_dims", "ignore", err);         /* the ABI has it so */
    if (st == SARD_OK) st = sard_options_set(to, "unknown_initializers", "ignore", err); /* options for many models */
    if (st == SARD_OK) st = set_free_dims(&o->free_dims, "dim.", to, err);
    if (st == SARD_OK) st = set_free_dims(&o->free_dim_denotations, "dim_denotation.", to, err);
    if (st == SARD_OK) st = set_data(o, to, err);
    sard_allocator memory;
    if (st == SARD_OK && ort_run_memory(env, o, &memory)) st = sard_options_allocator(to, &memory, err);
    return st;
}

OrtStatus *ort_load_options(const OrtEnv *env, const OrtSessionOptions *o, sard_options **out) {
    sard_error err;
    sard_options *to;
    sard_op_library *lib = NULL;
    TRY_ORT(ort_select_device(o));
    sard_status st = sard_options_new(&to, &err);
    if (st != SARD_OK) return ort_from_error(st, &err, false);
    const OrtLogger logger = ort_session_logger(env, o);
    OrtStatus *bad = ort_config_check(&logger, o);
    if (!bad && (st = set_all(env, o, to, &err)) != SARD_OK) bad = ort_from_error(st, &err, false);
    if (!bad) bad = ort_custom_library(&logger, o, &lib);
    if (!bad && lib) {
        st = sard_options_operators(to, lib, &err);
        if (st != SARD_OK) bad = ort_from_error(st, &err, false);
    }
    sard_op_library_unref(lib);
    if (bad)
        sard_options_free(to);
    else
        *out = to;
    return bad;
}
