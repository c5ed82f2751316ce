/*
 * providers.c -- execution providers: this build has the CPU's. Asking for another is an error, never a quiet fallback.
 */
#include "ort/internal.h"

#include <stdlib.h>
#include <string.h>

ORT_EXPORT OrtStatus *OrtSessionOptionsAppendExecutionProvider_CPU(OrtSessionOptions *o, int use_arena);

OrtStatus *OrtSessionOptionsAppendExecutionProvider_CPU(OrtSessionOptions *o, int use_arena) {
    NOT_NULL(o);
    o->cpu_arena = use_arena != 0;
    return NULL;
}

OrtStatus *ort_GetAvailableProviders(char ***out, int *n) {
    NOT_NULL(out);
    NOT_NULL(n);
    static const char *const names[] = {"CPUExecutionProvider"};
    char **list = malloc(sizeof *list);
    char *name = strdup(names[0]);
    if (!list || !name) {
        free(list);
        free(name);
        return ort_no_memory(sizeof *list);
    }
    list[0] = name;
    *out = list;
    *n = 1;
    return NULL;
}

OrtStatus *ort_ReleaseAvailableProviders(char **list, int n) {
    for (int i = 0; list && i < n; i++) free(list[i]);
    free(list);
    return NULL;
}
