/*
 * shared.c -- compiled models that sessions share. Sessions made from the same bytes with the same options have one
 * model, compiled once: it never changes. What Spark does, a session per task from one broadcast model, then costs one
 * load and one model's memory however many tasks there are.
 *
 * The process keeps a list of the models in use. It holds no reference: a model goes with the last session, run,
 * metadata or container that has it. A model that is being compiled is in the list already, and who asks for the same
 * waits for it.
 *
 * Not shared: a model made with what cannot be compared (custom operators, initializers or files from the client), or
 * whose runs take their memory from the environment's allocators, which may go before others' sessions do; from a file or
 * beside a folder of external data, whose bytes may have changed since, unless a container is named, where files are known
 * by place, size and time of change; and one whose loading had something to say to the log, which every session then
 * hears.
 */
#include "ort/internal.h"
#include "ort/ort_format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

typedef enum shared_state { LOADING, READY, FAILED } shared_state;

struct ort_shared_model {
    unsigned refs; /* this and what follows under the lock */
    struct ort_shared_model *next;
    shared_state state;
    bool silent; /* loading said nothing */
    char *key;   /* what reaches the compilation besides the bytes; this and the rest never change once it is ready */
    void *bytes; /* of a model from memory, which is read in place */
    size_t n;
    sard_model *model;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER; /* a state */
static struct ort_shared_model *in_use;

/* ---- keys --------------------------------------------------------------------------------------------------------- */

static void put_pairs(FILE *f, const OrtKeyValuePairs *p) {
    for (size_t i = 0; i < p->n; i++)
        fprintf(f, "%zu:%s=%zu:%s;", strlen(p->keys[i]), p->keys[i], strlen(p->values[i]), p->values[i]);
    putc('|', f);
}

static char *key_of(const ort_shared_request *r, const struct stat *file) {
    char *key = NULL;
    size_t n;
    FILE *f = open_memstream(&key, &n);
    if (!f) return NULL;
    fprintf(f, "%d|%d|", (int)r->options->level, ort_flushes_denormals(r->env, r->options));
    if (r->from->path)
        fprintf(f, "%s|%llu|%llu|%lld|%lld.%09ld|", r->from->path, (unsigned long long)file->st_dev,
                (unsigned long long)file->st_ino, (long long)file->st_size, (long long)file->st_mtim.tv_sec,
                file->st_mtim.tv_nsec);
    put_pairs(f, &r->options->config);
    put_pairs(f, &r->options->free_dims);
    put_pairs(f, &r->options->free_dim_denotations);
    const bool failed = ferror(f);
    if (fclose(f) || failed) {
        free(key);
        return NULL;
    }
    return key;
}

/* NULL: this one is not shared. */
static char *key_to_share(const ort_shared_request *r) {
    const OrtSessionOptions *o = r->options;
    struct stat file = {0};
    if (ort_config_on(o, "session.use_env_allocators")) return NULL;
    if (o->n_domains || o->n_libraries || o->n_initializers || o->n_files) return NULL;
    if (!r->contained) {
        const char *folder = ort_pairs_get(&o->config, "session.model_external_initializers_file_folder_path");
        if (r->from->path || (folder && *folder) || ort_config_on(o, "session.use_ort_model_bytes_directly") ||
            ort_format_is(r->from->data, r->from->n))
            return NULL;
    }
    if (r->from->path && stat(r->from->path, &file)) return NULL;
    return key_of(r, &file);
}

/* ---- references --------------------------------------------------------------------------------------------------- */

static void destroy(struct ort_shared_model *m) {
    if (!m) return;
    sard_model_unref(m->model);
    free(m->key);
    free(m->bytes);
    free(m);
}

/* Under the lock: gives a reference back, and the model when it was the last. */
static struct ort_shared_model *drop(struct ort_shared_model *m) {
    if (--m->refs) return NULL;
    for (struct ort_shared_model **at = &in_use; *at; at = &(*at)->next)
        if (*at == m) {
            *at = m->next;
            break;
        }
    return m;
}

void ort_shared_unref(struct ort_shared_model *m) {
    if (!m) return;
    pthread_mutex_lock(&lock);
    struct ort_shared_model *last = drop(m);
    pthread_mutex_unlock(&lock);
    destroy(last);
}

void ort_shared_ref(struct ort_shared_model *m) {
    if (!m) return;
    pthread_mutex_lock(&lock);
    m->refs++;
    pthread_mutex_unlock(&lock);
}

sard_model *ort_shared_get(const struct ort_shared_model *m) { return sard_model_ref(m->model); }

/* ---- finding and loading ------------------------------------------------------------------------------------------ */

static bool is_same(const struct ort_shared_model *m, const ort_shared_request *r, const char *key) {
    if (m->state == FAILED || (m->state == READY && !m->silent && !r->contained) || strcmp(m->key, key)) return false;
    if (r->from->path) return !m->bytes;
    return m->bytes && m->n == r->from->n && memcmp(m->bytes, r->from->data, r->from->n) == 0;
}

static bool is_cancelled(const ort_shared_request *r) {
    return __atomic_load_n(&r->options->cancel_load, __ATOMIC_RELAXED);
}

/* Under the lock, which it gives up while another session compiles the model: a reference to one that is ready. */
static OrtStatus *find(const ort_shared_request *r, const char *key, struct ort_shared_model **out) {
    struct ort_shared_model *m = in_use;
    while (m) {
        if (!is_same(m, r, key)) {
            m = m->next;
            continue;
        }
        if (is_cancelled(r)) return ort_fail(ORT_MODEL_LOAD_CANCELED, "loading the model was cancelled");
        m->refs++;
        while (m->state == LOADING && !is_cancelled(r)) {
            struct timespec until;
            clock_gettime(CLOCK_REALTIME, &until);
            until.tv_nsec += 20 * 1000 * 1000;
            if (until.tv_nsec >= 1000000000) until.tv_nsec -= 1000000000, until.tv_sec++;
            pthread_cond_timedwait(&changed, &lock, &until);
        }
        if (m->state != LOADING && is_same(m, r, key)) {
            *out = m;
            return NULL;
        }
        destroy(drop(m)); /* one that failed, or that is not waited for any longer */
        m = in_use;       /* the list may be another one */
    }
    return NULL;
}

/* Takes over the key. NULL when out of memory. */
static struct ort_shared_model *shared_new(const ort_source *from, char *key) {
    struct ort_shared_model *m = calloc(1, sizeof *m);
    if (!m) {
        free(key);
        return NULL;
    }
    m->refs = 1;
    m->key = key;
    if (from->path) return m;
    m->bytes = malloc(from->n);
    m->n = from->n;
    if (m->bytes) {
        memcpy(m->bytes, from->data, from->n);
        return m;
    }
    destroy(m);
    return NULL;
}

static OrtStatus *compile(const ort_shared_request *r, struct ort_shared_model *m) {
    sard_error err;
    sard_model *model = NULL;
    const sard_status st = r->from->path ? ort_load_file(r->from->path, r->to_load, &model, &err)
                                         : ort_load_bytes(m->bytes, m->n, 1, r->to_load, &model, &err);
    pthread_mutex_lock(&lock);
    m->model = model;
    m->silent = !*r->said;
    m->state = st == SARD_OK ? READY : FAILED;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    return st == SARD_OK ? NULL : ort_from_error(st, &err, true);
}

OrtStatus *ort_shared_load(const ort_shared_request *r, struct ort_shared_model **out) {
    *out = NULL;
    struct ort_shared_model *mine = NULL, *found = NULL;
    char *key = key_to_share(r);
    if (!key) return NULL;
    pthread_mutex_lock(&lock);
    OrtStatus *st = find(r, key, &found);
    pthread_mutex_unlock(&lock);
    if (st || found) {
        free(key);
        *out = found;
        return st;
    }
    mine = shared_new(r->from, key);
    if (!mine) return ort_no_memory(r->from->n);
    pthread_mutex_lock(&lock);
    st = find(r, mine->key, &found); /* another thread may have been quicker */
    if (!st && !found) mine->next = in_use, in_use = mine;
    pthread_mutex_unlock(&lock);
    if (!st && !found) {
        st = compile(r, mine);
        if (!st) *out = mine;
    } else {
        *out = found;
    }
    if (!*out || *out != mine) ort_shared_unref(mine);
    return st;
}
