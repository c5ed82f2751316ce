/*
 * prepacked.c -- containers of packed weights: sessions made with one container share a whole compiled model when the
 * model and everything that reaches its compilation are the same.
 *
 * A file is known by its place, size and time of change, bytes by themselves. A model made with something that cannot be
 * compared (custom operators, initializers from the client) is not shared.
 */
#include "ort/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct ort_shared_model { /* one reference is the container's, one each of the sessions */
    atomic_uint refs;
    struct ort_shared_model *next;
    char *key;
    void *bytes; /* of a model from memory, which is read in place */
    size_t n;
    sard_model *model;
};

struct OrtPrepackedWeightsContainer {
    pthread_mutex_t lock;
    struct ort_shared_model *first;
};

OrtStatus *ort_CreatePrepackedWeightsContainer(OrtPrepackedWeightsContainer **out) {
    NOT_NULL(out);
    OrtPrepackedWeightsContainer *c = calloc(1, sizeof *c);
    if (!c) return ort_no_memory(sizeof *c);
    pthread_mutex_init(&c->lock, NULL);
    *out = c;
    return NULL;
}

void ort_shared_unref(struct ort_shared_model *m) {
    if (!m || atomic_fetch_sub(&m->refs, 1) != 1) return;
    sard_model_unref(m->model);
    free(m->key);
    free(m->bytes);
    free(m);
}

void ort_shared_ref(struct ort_shared_model *m) {
    if (m) atomic_fetch_add(&m->refs, 1);
}

/* Sessions keep what they use. */
void ort_ReleasePrepackedWeightsContainer(OrtPrepackedWeightsContainer *c) {
    while (c && c->first) {
        struct ort_shared_model *m = c->first;
        c->first = m->next;
        ort_shared_unref(m);
    }
    if (c) pthread_mutex_destroy(&c->lock);
    free(c);
}

/* ---- keys --------------------------------------------------------------------------------------------------------- */

static void put_pairs(FILE *f, const OrtKeyValuePairs *p) {
    for (size_t i = 0; i < p->n; i++)
        fprintf(f, "%zu:%s=%zu:%s;", strlen(p->keys[i]), p->keys[i], strlen(p->values[i]), p->values[i]);
    putc('|', f);
}

/* NULL: this one cannot be shared. */
static char *key_of(const ort_source *from, const OrtSessionOptions *o) {
    char *key = NULL;
    size_t n;
    struct stat s = {0};
    if (o->n_domains || o->n_libraries || o->n_initializers || o->n_files) return NULL;
    if (from->path && stat(from->path, &s)) return NULL;
    FILE *f = open_memstream(&key, &n);
    if (!f) return NULL;
    fprintf(f, "%d|", (int)o->level);
    if (from->path)
        fprintf(f, "%s|%llu|%llu|%lld|%lld.%09ld|", from->path, (unsigned long long)s.st_dev,
                (unsigned long long)s.st_ino, (long long)s.st_size, (long long)s.st_mtim.tv_sec, s.st_mtim.tv_nsec);
    put_pairs(f, &o->config);
    put_pairs(f, &o->free_dims);
    put_pairs(f, &o->free_dim_denotations);
    const bool failed = ferror(f);
    if (fclose(f) || failed) {
        free(key);
        return NULL;
    }
    return key;
}

static struct ort_shared_model *find(OrtPrepackedWeightsContainer *c, const char *key, const ort_source *from) {
    for (struct ort_shared_model *m = c->first; m; m = m->next)
        if (strcmp(m->key, key) == 0 && (from->path ? !m->bytes : m->bytes && m->n == from->n) &&
            (from->path || memcmp(m->bytes, from->data, from->n) == 0))
            return m;
    return NULL;
}

/* ---- loading ------------------------------------------------------------------------------------------------------ */

static sard_status load_shared(const ort_source *from, const sard_options *options, struct ort_shared_model *m,
                               sard_error *err) {
    if (from->path) return ort_load_file(from->path, options, &m->model, err);
    return ort_load_bytes(m->bytes, m->n, 1, options, &m->model, err);
}

/* Takes over the key. */
static struct ort_shared_model *shared_new(const ort_source *from, char *key) {
    struct ort_shared_model *m = calloc(1, sizeof *m);
    if (!m) {
        free(key);
        return NULL;
    }
    atomic_init(&m->refs, 1);
    m->key = key;
    if (from->path) return m;
    m->bytes = malloc(from->n);
    m->n = from->n;
    if (m->bytes) {
        memcpy(m->bytes, from->data, from->n);
        return m;
    }
    ort_shared_unref(m);
    return NULL;
}

OrtStatus *ort_container_load(OrtPrepackedWeightsContainer *c, const ort_source *from, const OrtSessionOptions *o,
                              const sard_options *options, struct ort_shared_model **out) {
    *out = NULL;
    char *key = key_of(from, o);
    if (!key) return NULL;
    OrtStatus *st = NULL;
    sard_error err;
    pthread_mutex_lock(&c->lock); /* held while loading: another session with the same model waits for it */
    struct ort_shared_model *m = find(c, key, from);
    if (m) {
        free(key);
    } else if ((m = shared_new(from, key))) {
        const sard_status loaded = load_shared(from, options, m, &err);
        if (loaded == SARD_OK) {
            m->next = c->first;
            c->first = m;
        } else {
            st = ort_from_error(loaded, &err, true);
            ort_shared_unref(m);
        }
    } else {
        st = ort_no_memory(from->n);
    }
    if (!st) {
        ort_shared_ref(m);
        *out = m;
    }
    pthread_mutex_unlock(&c->lock);
    return st;
}

sard_model *ort_shared_get(const struct ort_shared_model *m) { return sard_model_ref(m->model); }

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
