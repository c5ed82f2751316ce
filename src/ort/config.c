/*
 * config.c -- configuration entries of sessions and runs: text by key. A key is one this library follows, one that can
 * have no effect here, or one it refuses; the table in config_keys.inc says which, and why.
 */
#include "ort/config.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const ort_config_row ort_config_rows[] = {
#define ROW(scope, key, what, plain, why) {ORT_CONFIG_##scope, key, ORT_CONFIG_##what, plain, why},
#include "ort/config_keys.inc"
#undef ROW
};
const size_t ort_config_n = sizeof ort_config_rows / sizeof *ort_config_rows;

static const ort_config_row *find(ort_config_scope scope, const char *key) {
    for (size_t i = 0; i < ort_config_n; i++)
        if (ort_config_rows[i].scope == scope && strcmp(ort_config_rows[i].key, key) == 0) return &ort_config_rows[i];
    return NULL;
}

/* ---- keys that say what an entry of the table says, too ------------------------------------------------------------ */

static OrtStatus *read_int(const char *key, const char *value, int *out) {
    char *end;
    errno = 0;
    const long v = strtol(value, &end, 10);
    REQUIRE(!errno && end != value && !*end && v >= INT_MIN && v <= INT_MAX, ORT_INVALID_ARGUMENT,
            "AddSessionConfigEntry: value for '%s' must be a base-10 int32; got '%s'", key, value);
    *out = (int)v;
    return NULL;
}

static OrtStatus *read_switch(const char *key, const char *value, bool *out) {
    REQUIRE(strcmp(value, "0") == 0 || strcmp(value, "1") == 0, ORT_INVALID_ARGUMENT,
            "AddSessionConfigEntry: value for '%s' must be '0' or '1'; got '%s'", key, value);
    *out = *value == '1';
    return NULL;
}

static OrtStatus *set_level(OrtSessionOptions *o, const char *value) {
    static const struct {
        const char *name;
        GraphOptimizationLevel level;
    } levels[] = {{"disable_all", ORT_DISABLE_ALL},
                  {"enable_basic", ORT_ENABLE_BASIC},
                  {"enable_extended", ORT_ENABLE_EXTENDED},
                  {"enable_layout", ORT_ENABLE_LAYOUT},
                  {"enable_all", ORT_ENABLE_ALL}};
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (strcasecmp(value, levels[i].name) == 0) return ort_SetSessionGraphOptimizationLevel(o, levels[i].level);
    return ort_fail(ORT_INVALID_ARGUMENT,
                    "AddSessionConfigEntry: value for 'graph_optimization_level' must be one of "
                    "disable_all/enable_basic/enable_extended/enable_layout/enable_all; got '%s'",
                    value);
}

static OrtStatus *set_mode(OrtSessionOptions *o, const char *value) {
    const char *v = strncasecmp(value, "ort_", 4) == 0 ? value + 4 : value;
    const bool parallel = strcasecmp(v, "parallel") == 0;
    REQUIRE(parallel || strcasecmp(v, "sequential") == 0, ORT_INVALID_ARGUMENT,
            "AddSessionConfigEntry: value for 'execution_mode' must be 'sequential' or 'parallel'; got '%s'", value);
    return ort_SetSessionExecutionMode(o, parallel ? ORT_PARALLEL : ORT_SEQUENTIAL);
}

/* Sets the option that the key names in words, if it is one of these. */
static OrtStatus *set_option(OrtSessionOptions *o, const char *key, const char *value) {
    bool ignored;
    const char *k = strncmp(key, "session.", 8) == 0 ? key + 8 : "";
    if (strcmp(k, "intra_op_num_threads") == 0) return read_int(key, value, &o->intra);
    if (strcmp(k, "inter_op_num_threads") == 0) return read_int(key, value, &o->inter);
    if (strcmp(k, "log_severity_level") == 0) return read_int(key, value, &o->log_severity);
    if (strcmp(k, "log_verbosity_level") == 0) return read_int(key, value, &o->log_verbosity);
    if (strcmp(k, "enable_cpu_mem_arena") == 0) return read_switch(key, value, &o->cpu_arena);
    if (strcmp(k, "enable_mem_pattern") == 0) return read_switch(key, value, &o->mem_pattern);
    if (strcmp(k, "use_per_session_threads") == 0) return read_switch(key, value, &o->own_threads);
    if (strcmp(k, "use_deterministic_compute") == 0) return read_switch(key, value, &ignored);
    if (strcmp(k, "graph_optimization_level") == 0) return set_level(o, value);
    if (strcmp(k, "execution_mode") == 0) return set_mode(o, value);
    if (strcmp(k, "log_id") == 0) return ort_SetSessionLogId(o, value);
    if (strcmp(k, "optimized_model_filepath") == 0) return ort_SetOptimizedModelFilePath(o, value);
    if (strcmp(k, "enable_profiling") == 0) return *value ? ort_EnableProfiling(o, value) : ort_DisableProfiling(o);
    return NULL;
}

/* ---- when a session is made --------------------------------------------------------------------------------------- */

/* Edits between two short texts. */
static int distance(const char *a, const char *b) {
    int row[128];
    const int n = (int)strlen(b);
    if (n >= 128) return INT_MAX;
    for (int j = 0; j <= n; j++) row[j] = j;
    for (int i = 1; *a; a++, i++) {
        int corner = row[0];
        row[0] = i;
        for (int j = 1; j <= n; j++) {
            const int swap = corner + (*a != b[j - 1]);
            corner = row[j];
            int least = row[j - 1] < row[j] ? row[j - 1] + 1 : row[j] + 1;
            row[j] = swap < least ? swap : least;
        }
    }
    return row[n];
}

static void warn_unknown(const OrtLogger *logger, const char *key) {
    static const char *const ours[] = {"session.", "optimization.", "mlas."};
    bool like = false;
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) like |= strncmp(key, ours[i], strlen(ours[i])) == 0;
    if (!like) return; /* a client's own, or a provider's */
    const char *near = "";
    int best = INT_MAX;
    for (size_t i = 0; i < ort_config_n; i++) {
        const int d = ort_config_rows[i].scope == ORT_CONFIG_SESSION ? distance(key, ort_config_rows[i].key) : INT_MAX;
        if (d < best) best = d, near = ort_config_rows[i].key;
    }
    ort_log(logger, ORT_LOGGING_LEVEL_WARNING, "config",
            "the session configuration key '%s' is not known and has no effect; the nearest is '%s'", key, near);
}

OrtStatus *ort_config_check(const OrtLogger *logger, const OrtSessionOptions *o) {
    for (size_t i = 0; i < o->config.n; i++) {
        const char *key = o->config.keys[i], *value = o->config.values[i];
        const ort_config_row *row = find(ORT_CONFIG_SESSION, key);
        if (!row) warn_unknown(logger, key);
        REQUIRE(!row || row->what != ORT_CONFIG_REFUSED || strcasecmp(value, row->plain) == 0, ORT_INVALID_ARGUMENT,
                "the session configuration '%s' = '%s' is not offered: %s", key, value, row->why);
    }
    return NULL;
}

bool ort_config_on(const OrtSessionOptions *o, const char *key) {
    const char *v = ort_pairs_get(&o->config, key);
    return v && strcmp(v, "1") == 0;
}

OrtStatus *ort_config_run(const OrtRunOptions *o) {
    const char *at = ort_pairs_get(&o->config, "memory.enable_memory_arena_shrinkage");
    while (at && *at) {
        const size_t n = strcspn(at, ";");
        REQUIRE(n == 5 && strncmp(at, "cpu:0", 5) == 0, ORT_INVALID_ARGUMENT,
                "Unsupported device specified in the memory arena shrink list: %.*s (this build has cpu:0)", (int)n,
                at);
        at += n + (at[n] == ';');
    }
    return NULL;
}

/* ---- entries ------------------------------------------------------------------------------------------------------ */

OrtStatus *ort_AddSessionConfigEntry(OrtSessionOptions *o, const char *key, const char *value) {
    NOT_NULL(o);
    NOT_NULL(key);
    NOT_NULL(value);
    REQUIRE(*key && strlen(key) <= 1024, ORT_INVALID_ARGUMENT, "AddSessionConfigEntry: a key has 1 to 1024 bytes");
    REQUIRE(strlen(value) <= 8192, ORT_INVALID_ARGUMENT,
            "AddSessionConfigEntry: the value of '%s' is longer than 8192 bytes", key);
    TRY_ORT(set_option(o, key, value));
    return ort_pairs_set(&o->config, key, value) ? NULL : ort_no_memory(strlen(value));
}

OrtStatus *ort_HasSessionConfigEntry(const OrtSessionOptions *o, const char *key, int *out) {
    NOT_NULL(o);
    NOT_NULL(key);
    NOT_NULL(out);
    *out = ort_pairs_get(&o->config, key) != NULL;
    return NULL;
}

/* The value with its NUL into a buffer of *n bytes; *n becomes what it takes. With a NULL buffer only that. */
OrtStatus *ort_GetSessionConfigEntry(const OrtSessionOptions *o, const char *key, char *buffer, size_t *n) {
    NOT_NULL(o);
    NOT_NULL(key);
    NOT_NULL(n);
    const char *value = ort_pairs_get(&o->config, key);
    REQUIRE(value, ORT_INVALID_ARGUMENT, "Session config entry '%s' was not found.", key);
    const size_t need = strlen(value) + 1, room = *n;
    *n = need;
    if (!buffer) return NULL;
    REQUIRE(room >= need, ORT_INVALID_ARGUMENT, "GetSessionConfigEntry: '%s' takes %zu bytes, the buffer has %zu", key,
            need, room);
    memcpy(buffer, value, need);
    return NULL;
}

OrtStatus *ort_GetSessionOptionsConfigEntries(const OrtSessionOptions *o, OrtKeyValuePairs **out) {
    NOT_NULL(o);
    NOT_NULL(out);
    OrtKeyValuePairs *p = calloc(1, sizeof *p);
    if (!p || !ort_pairs_copy(p, &o->config)) {
        ort_ReleaseKeyValuePairs(p);
        return ort_no_memory(sizeof *p);
    }
    *out = p;
    return NULL;
}

OrtStatus *ort_AddRunConfigEntry(OrtRunOptions *o, const char *key, const char *value) {
    NOT_NULL(o);
    NOT_NULL(key);
    NOT_NULL(value);
    REQUIRE(*key && strlen(key) <= 1024, ORT_INVALID_ARGUMENT, "AddRunConfigEntry: a key has 1 to 1024 bytes");
    return ort_pairs_set(&o->config, key, value) ? NULL : ort_no_memory(strlen(value));
}

const char *ort_GetRunConfigEntry(const OrtRunOptions *o, const char *key) {
    return o && key ? ort_pairs_get(&o->config, key) : NULL;
}
