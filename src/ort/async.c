/*
 * async.c -- RunAsync: runs on threads of their own, which each session starts when it first needs them.
 *
 * A job keeps its session, its inputs and its names alive; the array of outputs and the run options stay the client's.
 * ReleaseSession waits until every job has called back and joins the threads; only when it is called from a callback
 * (a thread cannot wait for itself) do they end by themselves afterwards.
 */
#include "ort/internal.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS_MAX = 16 };

typedef struct job {
    struct job *next;
    OrtSession *session; /* with a reference of ours */
    const OrtRunOptions *options;
    size_t n_in, n_out;
    char **in_names, **out_names;
    OrtValue **in;
    OrtValue **outputs; /* the client's */
    RunAsyncCallbackFn fn;
    void *user;
} job;

struct ort_async {
    atomic_uint refs; /* the session's and one of each thread */
    pthread_mutex_t lock;
    pthread_cond_t more;
    job *first, **last;
    pthread_t threads[THREADS_MAX];
    int n_threads, idle, waiting, most;
    bool closing;
};

/* ---- jobs --------------------------------------------------------------------------------------------------------- */

static void job_free(job *j) {
    for (size_t i = 0; i < j->n_in && j->in_names; i++) free(j->in_names[i]);
    for (size_t i = 0; i < j->n_in && j->in; i++) ort_ReleaseValue(j->in[i]);
    for (size_t i = 0; i < j->n_out && j->out_names; i++) free(j->out_names[i]);
    free(j->in_names);
    free(j->in);
    free(j->out_names);
    ort_session_unref(j->session);
    free(j);
}

static bool copy_names(char ***to, const char *const *from, size_t n) {
    *to = calloc(n ? n : 1, sizeof **to);
    for (size_t i = 0; i < n && *to; i++)
        if (from[i] && !((*to)[i] = strdup(from[i]))) return false;
    return *to != NULL;
}

static void job_run(job *j) {
    OrtStatus *st = ort_Run(j->session, j->options, (const char *const *)j->in_names, (const OrtValue *const *)j->in,
                            j->n_in, (const char *const *)j->out_names, j->n_out, j->outputs);
    j->fn(j->user, j->outputs, st ? 0 : j->n_out, st); /* who is called frees the status */
    job_free(j);
}

/* ---- threads ------------------------------------------------------------------------------------------------------ */

void ort_async_unref(struct ort_async *a) {
    if (!a || atomic_fetch_sub(&a->refs, 1) != 1) return;
    pthread_mutex_destroy(&a->lock);
    pthread_cond_destroy(&a->more);
    free(a);
}

static void *work(void *arg) {
    struct ort_async *a = arg;
    pthread_mutex_lock(&a->lock);
    for (;;) {
        while (!a->first && !a->closing) {
            a->idle++;
            pthread_cond_wait(&a->more, &a->lock);
            a->idle--;
        }
        job *j = a->first;
        if (!j) break;
        a->first = j->next;
        if (!a->first) a->last = &a->first;
        a->waiting--;
        pthread_mutex_unlock(&a->lock);
        job_run(j);
        pthread_mutex_lock(&a->lock);
    }
    pthread_mutex_unlock(&a->lock);
    ort_async_unref(a);
    return NULL;
}

/* One more thread, under the lock; signals stay with the client's own. */
static bool start_thread(struct ort_async *a) {
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    atomic_fetch_add(&a->refs, 1);
    const bool started = pthread_create(&a->threads[a->n_threads], NULL, work, a) == 0;
    if (started)
        a->n_threads++;
    else
        atomic_fetch_sub(&a->refs, 1);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return started;
}

static OrtStatus *async_of(OrtSession *s, struct ort_async **out) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    const int threads = ort_session_thread_count(s);
    REQUIRE(threads > 1, ORT_INVALID_ARGUMENT, "RunAsync: intra op thread pool must have at least one thread");
    pthread_mutex_lock(&lock);
    struct ort_async *a = s->async;
    if (!a && (a = calloc(1, sizeof *a))) {
        atomic_init(&a->refs, 1);
        pthread_mutex_init(&a->lock, NULL);
        pthread_cond_init(&a->more, NULL);
        a->last = &a->first;
        a->most = threads - 1 < THREADS_MAX ? threads - 1 : THREADS_MAX;
        s->async = a;
    }
    pthread_mutex_unlock(&lock);
    *out = a;
    return a ? NULL : ort_no_memory(sizeof *a);
}

static OrtStatus *submit(struct ort_async *a, job *j) {
    OrtStatus *st = NULL;
    pthread_mutex_lock(&a->lock);
    if (a->closing)
        st = ort_fail(ORT_FAIL, "RunAsync: the session is being released");
    else if (a->idle <= a->waiting && a->n_threads < a->most && !start_thread(a) && a->n_threads == 0)
        st = ort_fail(ORT_FAIL, "RunAsync: the system gives no thread");
    if (!st) {
        *a->last = j;
        a->last = &j->next;
        a->waiting++;
        pthread_cond_signal(&a->more);
    }
    pthread_mutex_unlock(&a->lock);
    return st;
}

void ort_async_close(OrtSession *s) {
    struct ort_async *a = s->async;
    if (!a) return;
    bool inside = false;
    pthread_mutex_lock(&a->lock);
    a->closing = true;
    pthread_cond_broadcast(&a->more);
    for (int i = 0; i < a->n_threads; i++) inside |= pthread_equal(a->threads[i], pthread_self()) != 0;
    const int n = a->n_threads;
    pthread_mutex_unlock(&a->lock);
    for (int i = 0; i < n; i++) {
        if (inside)
            pthread_detach(a->threads[i]);
        else
            pthread_join(a->threads[i], NULL);
    }
}

OrtStatus *ort_RunAsync(OrtSession *session, const OrtRunOptions *options, const char *const *input_names,
                        const OrtValue *const *inputs, size_t n_in, const char *const *output_names, size_t n_out,
                        OrtValue **outputs, RunAsyncCallbackFn fn, void *user) {
    NOT_NULL(session);
    NOT_NULL(fn);
    if (n_in) NOT_NULL(input_names);
    if (n_in) NOT_NULL(inputs);
    if (n_out) NOT_NULL(output_names);
    if (n_out) NOT_NULL(outputs);
    struct ort_async *a;
    TRY_ORT(async_of(session, &a));
    job *j = calloc(1, sizeof *j);
    if (!j) return ort_no_memory(sizeof *j);
    atomic_fetch_add(&session->refs, 1);
    *j = (job){.session = session,
               .options = options,
               .n_in = n_in,
               .n_out = n_out,
               .outputs = outputs,
               .fn = fn,
               .user = user};
    j->in = calloc(n_in ? n_in : 1, sizeof(OrtValue *));
    OrtStatus *st = NULL;
    if (!j->in || !copy_names(&j->in_names, input_names, n_in) || !copy_names(&j->out_names, output_names, n_out))
        st = ort_no_memory(n_in + n_out);
    for (size_t i = 0; i < n_in && !st; i++) j->in[i] = inputs[i] ? ort_value_share(inputs[i]) : NULL;
    if (!st) st = submit(a, j);
    if (st) job_free(j);
    return st;
}
