/*
 * config.c -- configuration entries of sessions and runs: text by key. A key is one this library follows, one that can
 * have no effect here, or one it refuses; the table says which, and why.
 */
#include "ort/internal.h"

#include <stdlib.h>
#include <string.h>

OrtStatus *ort_AddSessionConfigEntry(OrtSessionOptions *o, const char *key, const char *value) {
    NOT_NULL(o);
    NOT_NULL(key);
    NOT_NULL(value);
    REQUIRE(*key && strlen(key) <= 1024, ORT_INVALID_ARGUMENT, "AddSessionConfigEntry: a key has 1 to 1024 bytes");
    REQUIRE(strlen(value) <= 8192, ORT_INVALID_ARGUMENT,
            "AddSessionConfigEntry: the value of '%s' is longer than 8192 bytes", key);
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
