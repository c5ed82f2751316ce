/*
 * prepacked.c -- containers of packed weights: sessions made with one container share whole compiled models (shared.c),
 * files included, and the container keeps them for sessions to come.
 */
#include "ort/internal.h"

#include <stdlib.h>

typedef struct kept {
    struct kept *next;
    struct ort_shared_model *model; /* a reference */
} kept;

struct OrtPrepackedWeightsContainer {
    pthread_mutex_t lock;
    kept *first;
};

OrtStatus *ort_CreatePrepackedWeightsContainer(OrtPrepackedWeightsContainer **out) {
    NOT_NULL(out);
    OrtPrepackedWeightsContainer *c = calloc(1, sizeof *c);
    if (!c) return ort_no_memory(sizeof *c);
    pthread_mutex_init(&c->lock, NULL);
    *out = c;
    return NULL;
}

/* Sessions keep what they use. */
void ort_ReleasePrepackedWeightsContainer(OrtPrepackedWeightsContainer *c) {
    if (!c) return;
    for (kept *k = c->first, *next; k; k = next) {
        next = k->next;
        ort_shared_unref(k->model);
        free(k);
    }
    pthread_mutex_destroy(&c->lock);
    free(c);
}

OrtStatus *ort_container_keep(OrtPrepackedWeightsContainer *c, struct ort_shared_model *m) {
    pthread_mutex_lock(&c->lock);
    const kept *k = c->first;
    while (k && k->model != m) k = k->next;
    kept *add = k ? NULL : malloc(sizeof *add);
    if (add) {
        ort_shared_ref(m);
        *add = (kept){c->first, m};
        c->first = add;
    }
    pthread_mutex_unlock(&c->lock);
    return k || add ? NULL : ort_no_memory(sizeof *add);
}

OrtStatus *ort_CreateSessionWithPrepackedWeightsContainer(const OrtEnv *env, const char *path,
                                                          const OrtSessionOptions *o, OrtPrepackedWeightsContainer *c,
                                                          OrtSession **out) {
    NOT_NULL(env);
    NOT_NULL(path);
    NOT_NULL(c);
    NOT_NULL(out);
    return ort_session_load(env, &(ort_source){.path = path}, o, c, out);
}

OrtStatus *ort_CreateSessionFromArrayWithPrepackedWeightsContainer(const OrtEnv *env, const void *data, size_t n,
                                                                   const OrtSessionOptions *o,
                                                                   OrtPrepackedWeightsContainer *c, OrtSession **out) {
    NOT_NULL(env);
    NOT_NULL(c);
    NOT_NULL(out);
    return ort_session_load(env, &(ort_source){.data = data, .n = n}, o, c, out);
}
