/*
 * env.c -- the environment: one per process, with the log and, when asked for, a thread pool that sessions share.
 */
#include "ort/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static pthread_mutex_t env_lock = PTHREAD_MUTEX_INITIALIZER;
static OrtEnv *the_env; /* NULL: there is none just now */

/* ---- logging ------------------------------------------------------------------------------------------------------ */

static void log_to_stderr(OrtLoggingLevel level, const char *id, const char *place, const char *message) {
    static const char letters[] = "VIWEF";
    struct timespec now;
    struct tm t;
    char time_text[32];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &t);
    strftime(time_text, sizeof time_text, "%F %T", &t);
    fprintf(stderr, "%s.%03ld [%c:sard:%s, %s] %s\n", time_text, now.tv_nsec / 1000000, letters[level], id, place,
            message);
}

static void log_text(const OrtLogger *l, OrtLoggingLevel level, const char *place, const char *message) {
    if (level < l->least) return;
    if (l->fn)
        l->fn(l->param, level, "sard", l->id ? l->id : "", place, message);
    else
        log_to_stderr(level, l->id ? l->id : "", place, message);
}

void ort_log(const OrtLogger *logger, OrtLoggingLevel level, const char *place, const char *fmt, ...) {
    if (level < logger->least) return;
    char text[1280];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    log_text(logger, level, place, text);
}

void ort_log_from_load(void *user, sard_log_level level, const char *message) {
    log_text(user, (OrtLoggingLevel)level, "load", message); /* both count from verbose to error */
}

OrtStatus *ort_Logger_LogMessage(const OrtLogger *logger, OrtLoggingLevel level, const char *message, const char *file,
                                 int line, const char *function) {
    NOT_NULL(logger);
    NOT_NULL(message);
    REQUIRE(level >= ORT_LOGGING_LEVEL_VERBOSE && level <= ORT_LOGGING_LEVEL_FATAL, ORT_INVALID_ARGUMENT,
            "Logger_LogMessage: %d is not a severity (0 to 4)", (int)level);
    char place[256];
    snprintf(place, sizeof place, "%s:%d %s", file ? file : "", line, function ? function : "");
    log_text(logger, level, place, message);
    return NULL;
}

OrtStatus *ort_Logger_GetLoggingSeverityLevel(const OrtLogger *logger, OrtLoggingLevel *out) {
    NOT_NULL(logger);
    NOT_NULL(out);
    *out = logger->least;
    return NULL;
}

/* ---- making and releasing ----------------------------------------------------------------------------------------- */

void ort_env_lock(void) { pthread_mutex_lock(&env_lock); }
void ort_env_unlock(void) { pthread_mutex_unlock(&env_lock); }

static void env_free(OrtEnv *env) {
    ort_threads_deinit(&env->threads);
    ort_env_free_allocators(env);
    ort_pairs_deinit(&env->config);
    free(env->logger.id);
    free(env);
}

static OrtStatus *env_new(const OrtLogger *logger, const OrtThreadingOptions *threads, const OrtKeyValuePairs *config,
                          OrtEnv **out) {
    OrtEnv *env = calloc(1, sizeof *env);
    if (!env) return ort_no_memory(sizeof *env);
    *env = (OrtEnv){.refs = 1, .logger = *logger};
    env->logger.id = strdup(logger->id ? logger->id : "");
    OrtStatus *st = NULL;
    if (!env->logger.id || (config && !ort_pairs_copy(&env->config, config))) st = ort_no_memory(sizeof *env);
    if (!st && threads) {
        const ort_thread_spec spec = {threads->intra,  threads->spin == 0 ? 0 : -1, threads->affinities,
                                      threads->create, threads->create_options,     threads->join};
        env->flush_denormals = threads->flush_denormals;
        st = ort_threads_init(&env->threads, &spec, &env->logger);
    }
    if (st)
        env_free(env);
    else
        *out = env;
    return st;
}

static OrtStatus *env_get(const OrtLogger *logger, const OrtThreadingOptions *threads, const OrtKeyValuePairs *config,
                          OrtEnv **out) {
    NOT_NULL(out);
    REQUIRE(logger->least >= ORT_LOGGING_LEVEL_VERBOSE && logger->least <= ORT_LOGGING_LEVEL_FATAL,
            ORT_INVALID_ARGUMENT, "CreateEnv: %d is not a severity (0 to 4)", (int)logger->least);
    OrtStatus *st = NULL;
    pthread_mutex_lock(&env_lock);
    if (the_env)
        the_env->refs++;
    else
        st = env_new(logger, threads, config, &the_env);
    if (!st) *out = the_env;
    pthread_mutex_unlock(&env_lock);
    return st;
}

OrtEnv *ort_env_ref(const OrtEnv *env) {
    pthread_mutex_lock(&env_lock);
    OrtEnv *e = (OrtEnv *)(uintptr_t)env;
    e->refs++;
    pthread_mutex_unlock(&env_lock);
    return e;
}

void ort_ReleaseEnv(OrtEnv *env) {
    if (!env) return;
    pthread_mutex_lock(&env_lock);
    const bool last = --env->refs == 0;
    if (last && env == the_env) the_env = NULL;
    pthread_mutex_unlock(&env_lock);
    if (last) env_free(env);
}

OrtStatus *ort_CreateEnv(OrtLoggingLevel level, const char *id, OrtEnv **out) {
    return env_get(&(OrtLogger){.least = level, .id = (char *)(uintptr_t)id}, NULL, NULL, out);
}

OrtStatus *ort_CreateEnvWithCustomLogger(OrtLoggingFunction fn, void *param, OrtLoggingLevel level, const char *id,
                                         OrtEnv **out) {
    return env_get(&(OrtLogger){fn, param, level, (char *)(uintptr_t)id}, NULL, NULL, out);
}

OrtStatus *ort_CreateEnvWithGlobalThreadPools(OrtLoggingLevel level, const char *id, const OrtThreadingOptions *threads,
                                              OrtEnv **out) {
    NOT_NULL(threads);
    return env_get(&(OrtLogger){.least = level, .id = (char *)(uintptr_t)id}, threads, NULL, out);
}

OrtStatus *ort_CreateEnvWithCustomLoggerAndGlobalThreadPools(OrtLoggingFunction fn, void *param, OrtLoggingLevel level,
                                                             const char *id, const OrtThreadingOptions *threads,
                                                             OrtEnv **out) {
    NOT_NULL(threads);
    return env_get(&(OrtLogger){fn, param, level, (char *)(uintptr_t)id}, threads, NULL, out);
}

OrtStatus *ort_CreateEnvWithOptions(const OrtEnvCreationOptions *options, OrtEnv **out) {
    NOT_NULL(options);
    const OrtLogger logger = {options->logging_function, options->logging_param,
                              (OrtLoggingLevel)options->logging_severity_level, (char *)(uintptr_t)options->log_id};
    return env_get(&logger, options->threading_options, options->config_entries, out);
}

OrtStatus *ort_UpdateEnvWithCustomLogLevel(OrtEnv *env, OrtLoggingLevel level) {
    NOT_NULL(env);
    REQUIRE(level >= ORT_LOGGING_LEVEL_VERBOSE && level <= ORT_LOGGING_LEVEL_FATAL, ORT_INVALID_ARGUMENT,
            "UpdateEnvWithCustomLogLevel: %d is not a severity (0 to 4)", (int)level);
    env->logger.least = level;
    return NULL;
}

/* This library sends nothing anywhere: both are true already. */
OrtStatus *ort_EnableTelemetryEvents(const OrtEnv *env) {
    NOT_NULL(env);
    return NULL;
}

OrtStatus *ort_DisableTelemetryEvents(const OrtEnv *env) {
    NOT_NULL(env);
    return NULL;
}

OrtStatus *ort_SetLanguageProjection(const OrtEnv *env, OrtLanguageProjection projection) {
    NOT_NULL(env);
    REQUIRE(projection >= ORT_PROJECTION_C && projection <= ORT_PROJECTION_LAST, ORT_INVALID_ARGUMENT,
            "SetLanguageProjection: %d is not a language", (int)projection);
    return NULL;
}

/* ---- threading options -------------------------------------------------------------------------------------------- */

OrtStatus *ort_CreateThreadingOptions(OrtThreadingOptions **out) {
    NOT_NULL(out);
    OrtThreadingOptions *o = calloc(1, sizeof *o);
    if (!o) return ort_no_memory(sizeof *o);
    *o = (OrtThreadingOptions){.intra = -1, .inter = -1, .spin = -1};
    *out = o;
    return NULL;
}

void ort_ReleaseThreadingOptions(OrtThreadingOptions *o) {
    if (o) free(o->affinities);
    free(o);
}

OrtStatus *ort_SetGlobalIntraOpNumThreads(OrtThreadingOptions *o, int n) {
    NOT_NULL(o);
    o->intra = n;
    return NULL;
}

OrtStatus *ort_SetGlobalInterOpNumThreads(OrtThreadingOptions *o, int n) {
    NOT_NULL(o);
    o->inter = n;
    return NULL;
}

OrtStatus *ort_SetGlobalSpinControl(OrtThreadingOptions *o, int spin) {
    NOT_NULL(o);
    REQUIRE(spin == 0 || spin == 1, ORT_INVALID_ARGUMENT, "SetGlobalSpinControl: %d is neither 0 nor 1", spin);
    o->spin = spin;
    return NULL;
}

OrtStatus *ort_SetGlobalDenormalAsZero(OrtThreadingOptions *o) {
    NOT_NULL(o);
    o->flush_denormals = true;
    return NULL;
}
