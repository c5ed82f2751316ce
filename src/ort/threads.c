/*
 * threads.c -- the thread pools of sessions and of the environment: their size, how their workers wait, where they may
 * run, and workers that a client makes itself.
 *
 * A pool belongs to whoever was told to make it, not to the model, which may live longer: so what a client's functions
 * made is joined when its session is released.
 */
#include "ort/internal.h"

#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

struct ort_maker { /* behind a pool whose workers are not the engine's own */
    OrtCustomCreateThreadFn create;
    void *options;
    OrtCustomJoinThreadFn join;
    cpu_set_t *places; /* per worker; NULL: anywhere */
    int n_places, started;
    const OrtLogger *logger;
};

/* ---- workers that a client makes ---------------------------------------------------------------------------------- */

static void *client_create(void *user, void (*fn)(void *arg), void *arg) {
    const struct ort_maker *m = user;
    return (void *)(uintptr_t)m->create(m->options, fn, arg);
}

static void client_join(void *user, void *thread) {
    const struct ort_maker *m = user;
    m->join((OrtCustomThreadHandle)thread);
}

/* ---- workers with places of their own ----------------------------------------------------------------------------- */

typedef struct placed {
    pthread_t thread;
    void (*fn)(void *arg);
    void *arg;
} placed;

static void *placed_main(void *arg) {
    const placed *p = arg;
    p->fn(p->arg);
    return NULL;
}

static void *placed_create(void *user, void (*fn)(void *arg), void *arg) {
    struct ort_maker *m = user;
    placed *p = malloc(sizeof *p);
    if (!p) return NULL;
    p->fn = fn;
    p->arg = arg;
    if (pthread_create(&p->thread, NULL, placed_main, p)) {
        free(p);
        return NULL;
    }
    const int i = m->started++;
    if (i < m->n_places && pthread_setaffinity_np(p->thread, sizeof m->places[i], &m->places[i]))
        ort_log(m->logger, ORT_LOGGING_LEVEL_WARNING, "threads",
                "thread %d cannot run on the processors it was given: it runs anywhere", i + 1);
    return p;
}

static void placed_join(void *user, void *thread) {
    (void)user;
    placed *p = thread;
    pthread_join(p->thread, NULL);
    free(p);
}

/* "3", or "1-8": processors count from 1. False when malformed or out of range. */
static bool read_range(const char **at, cpu_set_t *set) {
    char *end;
    long from = strtol(*at, &end, 10), to = from;
    if (end == *at) return false;
    if (*end == '-') {
        const char *second = end + 1;
        to = strtol(second, &end, 10);
        if (end == second) return false;
    }
    *at = end;
    if (from < 1 || to < from || to > INT_MAX) return false;
    for (long cpu = from; cpu <= to && cpu <= CPU_SETSIZE; cpu++) CPU_SET((size_t)cpu - 1, set);
    return true;
}

/* "1,2;3-4": one list of processors per worker. */
static OrtStatus *read_places(const char *text, struct ort_maker *m) {
    int n = 1;
    for (const char *p = text; *p; p++) n += *p == ';';
    m->places = calloc((size_t)n, sizeof *m->places);
    if (!m->places) return ort_no_memory((size_t)n * sizeof *m->places);
    const char *at = text;
    for (m->n_places = 0; m->n_places < n; m->n_places++) {
        bool good = read_range(&at, &m->places[m->n_places]);
        while (good && *at == ',') at++, good = read_range(&at, &m->places[m->n_places]);
        const char end = m->n_places + 1 < n ? ';' : 0;
        REQUIRE(good && *at == end, ORT_INVALID_ARGUMENT,
                "thread affinities '%s': expected processors from 1 as in '1,2;3-4', one list per thread", text);
        at++;
    }
    return NULL;
}

/* ---- pools -------------------------------------------------------------------------------------------------------- */

static OrtStatus *set_maker(const ort_thread_spec *spec, struct ort_maker *m, sard_pool_options *o) {
    o->user = m;
    if (spec->create) {
        REQUIRE(spec->join, ORT_FAIL, "a function that makes threads was given, and none that joins them");
        *m = (struct ort_maker){.create = spec->create, .options = spec->create_options, .join = spec->join};
        o->create = client_create;
        o->join = client_join;
        return NULL;
    }
    o->create = placed_create;
    o->join = placed_join;
    return read_places(spec->affinities, m);
}

static OrtStatus *make_pool(ort_threads *t, const ort_thread_spec *spec, const OrtLogger *logger) {
    sard_error err;
    sard_pool_options o = {.size = sizeof o, .threads = spec->intra > 0 ? spec->intra : 0, .spin_us = spec->spin_us};
    const bool placed_ones = spec->affinities && *spec->affinities && !spec->create;
    if (spec->create || placed_ones) {
        t->maker = calloc(1, sizeof *t->maker);
        if (!t->maker) return ort_no_memory(sizeof *t->maker);
        TRY_ORT(set_maker(spec, t->maker, &o));
        t->maker->logger = logger;
    }
    const sard_status st = sard_pool_new_with(&o, &t->pool, &err);
    if (st != SARD_OK) return ort_from_error(st, &err, false);
    const int workers = sard_pool_threads(t->pool) - 1;
    REQUIRE(!placed_ones || t->maker->n_places == workers, ORT_FAIL,
            "thread affinities '%s' are of %d threads; the pool has %d besides the caller's", spec->affinities,
            t->maker->n_places, workers);
    return NULL;
}

OrtStatus *ort_threads_init(ort_threads *t, const ort_thread_spec *spec, const OrtLogger *logger) {
    OrtStatus *st = make_pool(t, spec, logger);
    if (st)
        ort_threads_deinit(t);
    else if (t->maker)
        t->maker->logger = NULL; /* workers are made: nothing is said any more */
    return st;
}

void ort_threads_deinit(ort_threads *t) {
    sard_pool_unref(t->pool); /* joins */
    if (t->maker) free(t->maker->places);
    free(t->maker);
    *t = (ort_threads){0};
}

/* ---- what a session is told --------------------------------------------------------------------------------------- */

static bool is_off(const OrtKeyValuePairs *config, const char *key) {
    const char *v = ort_pairs_get(config, key);
    return v && strcmp(v, "0") == 0;
}

static int spin_of(const OrtKeyValuePairs *config) {
    if (is_off(config, "session.intra_op.allow_spinning")) return 0;
    const char *v = ort_pairs_get(config, "session.intra_op.spin_duration_us");
    char *end;
    if (!v) return -1;
    const long us = strtol(v, &end, 10);
    return end == v || *end || us < 0 ? -1 : us > 1000000 ? 1000000 : (int)us;
}

OrtStatus *ort_session_threads(OrtSession *s, const OrtSessionOptions *o) {
    if (!o->own_threads) {
        REQUIRE(s->env->threads.pool, ORT_FAIL,
                "When the session is not configured to use per session threadpools, the env must be created with the "
                "CreateEnvWithGlobalThreadPools API.");
        s->pool = s->env->threads.pool;
        return NULL;
    }
    const ort_thread_spec spec = {
        o->intra,         spin_of(&o->config),      ort_pairs_get(&o->config, "session.intra_op_thread_affinities"),
        o->create_thread, o->create_thread_options, o->join_thread};
    if (spec.intra <= 0 && spec.spin_us < 0 && !spec.affinities && !spec.create) return NULL; /* the process's pool */
    TRY_ORT(ort_threads_init(&s->threads, &spec, &s->logger));
    s->pool = s->threads.pool;
    return NULL;
}

int ort_session_thread_count(const OrtSession *s) {
    if (s->pool) return sard_pool_threads(s->pool);
    sard_pool *as_default; /* workers start with the first loop: this one has none */
    if (sard_pool_new(0, &as_default, NULL) != SARD_OK) return 1;
    const int n = sard_pool_threads(as_default);
    sard_pool_unref(as_default);
    return n;
}

/* ---- entries ------------------------------------------------------------------------------------------------------ */

OrtStatus *ort_SessionOptionsSetCustomCreateThreadFn(OrtSessionOptions *o, OrtCustomCreateThreadFn fn) {
    NOT_NULL(o);
    o->create_thread = fn;
    return NULL;
}

OrtStatus *ort_SessionOptionsSetCustomThreadCreationOptions(OrtSessionOptions *o, void *options) {
    NOT_NULL(o);
    o->create_thread_options = options;
    return NULL;
}

OrtStatus *ort_SessionOptionsSetCustomJoinThreadFn(OrtSessionOptions *o, OrtCustomJoinThreadFn fn) {
    NOT_NULL(o);
    o->join_thread = fn;
    return NULL;
}

OrtStatus *ort_SetGlobalCustomCreateThreadFn(OrtThreadingOptions *o, OrtCustomCreateThreadFn fn) {
    NOT_NULL(o);
    NOT_NULL(fn);
    o->create = fn;
    return NULL;
}

OrtStatus *ort_SetGlobalCustomThreadCreationOptions(OrtThreadingOptions *o, void *options) {
    NOT_NULL(o);
    o->create_options = options;
    return NULL;
}

OrtStatus *ort_SetGlobalCustomJoinThreadFn(OrtThreadingOptions *o, OrtCustomJoinThreadFn fn) {
    NOT_NULL(o);
    NOT_NULL(fn);
    o->join = fn;
    return NULL;
}

OrtStatus *ort_SetGlobalIntraOpThreadAffinity(OrtThreadingOptions *o, const char *text) {
    NOT_NULL(o);
    NOT_NULL(text);
    REQUIRE(*text && strlen(text) <= 4096, ORT_INVALID_ARGUMENT,
            "SetGlobalIntraOpThreadAffinity: the affinities have 1 to 4096 characters");
    char *copy = strdup(text);
    if (!copy) return ort_no_memory(strlen(text));
    free(o->affinities);
    o->affinities = copy;
    return NULL;
}

/* As in ONNX Runtime's own releases, which are built without them. */
OrtStatus *ort_SetPerSessionThreadPoolCallbacks(OrtEnv *env, const OrtThreadPoolCallbacksConfig *config) {
    NOT_NULL(env);
    NOT_NULL(config);
    return ort_fail(ORT_NOT_IMPLEMENTED, "SetPerSessionThreadPoolCallbacks: work is not enqueued one piece at a time "
                                         "here, so there is nothing to call back about");
}

/* Every run here gives the same bits, whatever is asked for. */
OrtStatus *ort_SetDeterministicCompute(OrtSessionOptions *o, bool value) {
    NOT_NULL(o);
    (void)value;
    return NULL;
}

OrtStatus *ort_SessionOptionsSetLoadCancellationFlag(OrtSessionOptions *o, bool cancel) {
    NOT_NULL(o);
    __atomic_store_n(&o->cancel_load, cancel, __ATOMIC_RELAXED);
    return NULL;
}
