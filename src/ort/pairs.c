/*
 * pairs.c -- OrtKeyValuePairs, and texts handed out.
 */
#include "ort/internal.h"

#include <stdlib.h>
#include <string.h>

bool ort_grow(void *array, size_t n, size_t *cap, size_t size) {
    if (n < *cap) return true;
    const size_t more = *cap ? *cap * 2 : 4;
    void **at = array;
    void *p = more > SIZE_MAX / size ? NULL : realloc(*at, more * size);
    if (!p) return false;
    *at = p;
    *cap = more;
    return true;
}

void ort_pairs_deinit(OrtKeyValuePairs *p) {
    for (size_t i = 0; i < p->n; i++) {
        free(p->keys[i]);
        free(p->values[i]);
    }
    free(p->keys);
    free(p->values);
    *p = (OrtKeyValuePairs){0};
}

static size_t find(const OrtKeyValuePairs *p, const char *key) {
    size_t i = 0;
    while (i < p->n && strcmp(p->keys[i], key) != 0) i++;
    return i;
}

const char *ort_pairs_get(const OrtKeyValuePairs *p, const char *key) {
    const size_t i = find(p, key);
    return i < p->n ? p->values[i] : NULL;
}

bool ort_pairs_set(OrtKeyValuePairs *p, const char *key, const char *value) {
    char *v = strdup(value);
    const size_t i = find(p, key);
    if (!v) return false;
    if (i < p->n) {
        free(p->values[i]);
        p->values[i] = v;
        return true;
    }
    size_t cap = p->cap;
    char *k = strdup(key);
    if (!k || !ort_grow(&p->keys, p->n, &cap, sizeof *p->keys) ||
        !ort_grow(&p->values, p->n, &p->cap, sizeof *p->values)) {
        free(k);
        free(v);
        return false;
    }
    p->keys[p->n] = k;
    p->values[p->n++] = v;
    return true;
}

bool ort_pairs_copy(OrtKeyValuePairs *to, const OrtKeyValuePairs *from) {
    for (size_t i = 0; i < from->n; i++)
        if (!ort_pairs_set(to, from->keys[i], from->values[i])) return false;
    return true;
}

void ort_CreateKeyValuePairs(OrtKeyValuePairs **out) { *out = calloc(1, sizeof **out); }

void ort_AddKeyValuePair(OrtKeyValuePairs *p, const char *key, const char *value) {
    if (p && key && *key && value) (void)ort_pairs_set(p, key, value);
}

const char *ort_GetKeyValue(const OrtKeyValuePairs *p, const char *key) {
    return p && key ? ort_pairs_get(p, key) : NULL;
}

void ort_GetKeyValuePairs(const OrtKeyValuePairs *p, const char *const **keys, const char *const **values, size_t *n) {
    *keys = p ? (const char *const *)p->keys : NULL;
    *values = p ? (const char *const *)p->values : NULL;
    *n = p ? p->n : 0;
}

void ort_RemoveKeyValuePair(OrtKeyValuePairs *p, const char *key) {
    const size_t i = p && key ? find(p, key) : 0;
    if (!p || !key || i == p->n) return;
    free(p->keys[i]);
    free(p->values[i]);
    p->n--;
    memmove(p->keys + i, p->keys + i + 1, (p->n - i) * sizeof *p->keys);
    memmove(p->values + i, p->values + i + 1, (p->n - i) * sizeof *p->values);
}

void ort_ReleaseKeyValuePairs(OrtKeyValuePairs *p) {
    if (p) ort_pairs_deinit(p);
    free(p);
}

OrtStatus *ort_text_out(OrtAllocator *allocator, const char *text, char **out) {
    const size_t n = strlen(text) + 1;
    char *p = allocator->Alloc(allocator, n);
    if (!p) return ort_no_memory(n);
    memcpy(p, text, n);
    *out = p;
    return NULL;
}
