/*
 * test_runs.c -- bindings, asynchronous runs, termination, closing a session while it runs, threads that a client makes,
 * outputs that are the client's own.
 */
#include "run_test.h"

#include <pthread.h>
#include <time.h>
#include <unistd.h>

static OrtEnv *env;

static int setup(void **state) {
    (void)state;
    env = new_env();
    return 0;
}

static int teardown(void **state) {
    (void)state;
    ort_ReleaseEnv(env);
    return 0;
}

/* ---- memory of runs ------------------------------------------------------------------------------------------------ */

typedef struct counting { /* a client's allocator, whose blocks lie as badly as can be */
    OrtAllocator base;
    long out, calls;
} counting;

static void *counting_alloc(OrtAllocator *a, size_t n) {
    char *p = malloc(n + 1);
    ((counting *)a)->out++;
    ((counting *)a)->calls++;
    return p ? p + 1 : NULL;
}

static void counting_free(OrtAllocator *a, void *p) {
    ((counting *)a)->out--;
    free((char *)p - 1);
}

static const OrtMemoryInfo *counting_info(const OrtAllocator *a) {
    (void)a;
    return &ort_cpu_memory;
}

static OrtValue *run_once(OrtSession *s) {
    float a[6] = {1, 2, 3, 4, 5, 6}, b[3] = {1, 1, 1};
    OrtValue *in[] = {view(a, 6, DIMS(2, 3), 2), view(b, 3, DIMS(3, 1), 2)}, *y = NULL;
    good(ort_Run(s, NULL, NAMES("a", "b"), (const OrtValue *const *)in, 2, NAMES("y"), 1, &y));
    ort_ReleaseValue(in[0]);
    ort_ReleaseValue(in[1]);
    assert_float_equal(floats_of(y)[1], 15, 0);
    return y;
}

/* Sessions that are told so take the memory of their runs from the allocator registered with the environment. */
static void run_memory(void **state) {
    (void)state;
    counting mine = {.base = {.version = 1, .Alloc = counting_alloc, .Free = counting_free, .Info = counting_info}};
    OrtSessionOptions *o = new_options(1);
    good(ort_AddSessionConfigEntry(o, "session.use_env_allocators", "1"));
    OrtSession *before = session_of(env, two_inputs(), o); /* nothing is registered yet */
    good(ort_RegisterAllocator(env, &mine.base));
    OrtSession *s = session_of(env, two_inputs(), o), *other = session_of(env, two_inputs(), NULL);
    const long calls = mine.calls;
    ort_ReleaseValue(run_once(before));
    ort_ReleaseValue(run_once(other));
    assert_int_equal(mine.calls, calls);
    OrtValue *y = run_once(s);
    assert_true(mine.calls > calls);
    good(ort_UnregisterAllocator(env, &ort_cpu_memory));
    ort_ReleaseSession(s);
    assert_int_equal(mine.out, 1);
    ort_ReleaseValue(y);
    assert_int_equal(mine.out, 0);
    ort_ReleaseSession(before);
    ort_ReleaseSession(other);
    ort_ReleaseSessionOptions(o);
}

/* An arena's limit holds for runs; a value outlives the environment whose arena it came from. */
static void run_arena(void **state) {
    (void)state;
    OrtArenaCfg *limit;
    OrtSessionOptions *o = new_options(1);
    OrtValue *in[2], *y = NULL;
    float a[300] = {0}, b[300] = {0};
    good(ort_AddSessionConfigEntry(o, "session.use_env_allocators", "1"));
    good(ort_CreateArenaCfgV2(TEXTS("max_mem"), (const size_t[]){8192}, 1, &limit));
    good(ort_CreateAndRegisterAllocator(env, &ort_cpu_memory, limit));
    ort_ReleaseArenaCfg(limit);
    OrtSession *s = session_of(env, two_inputs(), o);
    in[0] = view(a, 300, DIMS(100, 3), 2), in[1] = view(b, 300, DIMS(3, 100), 2); /* an answer of 40,000 bytes */
    refused(ort_Run(s, NULL, NAMES("a", "b"), (const OrtValue *const *)in, 2, NAMES("y"), 1, &y), ORT_RUNTIME_EXCEPTION,
            "out of memory");
    ort_ReleaseValue(in[0]);
    ort_ReleaseValue(in[1]);
    y = run_once(s);
    ort_ReleaseSession(s);
    ort_ReleaseSessionOptions(o);
    ort_ReleaseEnv(env);
    assert_float_equal(floats_of(y)[1], 15, 0);
    ort_ReleaseValue(y);
    env = new_env();
}

/* ---- bindings ------------------------------------------------------------------------------------------------------ */

static void binding(void **state) {
    (void)state;
    OrtSession *s = session_of(env, two_inputs(), NULL);
    float a[6] = {1, 2, 3, 4, 5, 6}, b[3] = {1, 1, 1}, z[6] = {0};
    OrtValue *va = view(a, 6, DIMS(2, 3), 2), *vb = view(b, 3, DIMS(3, 1), 2), *vz = view(z, 6, DIMS(2, 3), 2);
    OrtAllocator *heap = ort_default_allocator();
    OrtIoBinding *io = NULL;
    OrtValue **values;
    char *names;
    size_t *lengths, n;
    good(ort_CreateIoBinding(s, &io));
    refused(ort_BindInput(io, "nope", va), ORT_FAIL, "nope");
    good(ort_BindInput(io, "a", va));
    good(ort_BindInput(io, "b", vb));
    ort_ReleaseValue(va); /* the binding has its own share */
    refused(ort_RunWithBinding(s, NULL, io), ORT_INVALID_ARGUMENT, "at least one output");
    good(ort_GetBoundOutputValues(io, heap, &values, &n));
    assert_true(!values && n == 0);
    good(ort_BindOutputToDevice(io, "y", &ort_cpu_memory));
    good(ort_BindOutput(io, "z", vz));
    good(ort_RunWithBinding(s, NULL, io));
    assert_float_equal(z[5], 7, 0);
    good(ort_GetBoundOutputNames(io, heap, &names, &lengths, &n));
    assert_int_equal(n, 2);
    assert_memory_equal(names, "yz", 2);
    assert_true(lengths[0] == 1 && lengths[1] == 1);
    good(ort_AllocatorFree(heap, names));
    good(ort_AllocatorFree(heap, lengths));
    good(ort_GetBoundOutputValues(io, heap, &values, &n));
    OrtValue *first = values[0];
    assert_float_equal(floats_of(first)[1], 15, 0);
    assert_ptr_equal(floats_of(values[1]), z);
    ort_ReleaseValue(values[1]);
    good(ort_AllocatorFree(heap, values));
    OrtValue *one_row = view(a, 3, DIMS(1, 3), 2); /* another shape; z is the client's, so it must go */
    good(ort_BindInput(io, "a", one_row));
    refused(ort_RunWithBinding(s, NULL, io), ORT_INVALID_ARGUMENT, "output");
    ort_ClearBoundOutputs(io);
    good(ort_BindOutputToDevice(io, "y", &ort_cpu_memory));
    good(ort_RunWithBinding(s, NULL, io));
    good(ort_SynchronizeBoundOutputs(io));
    assert_float_equal(floats_of(first)[1], 15, 0); /* the former result is whose it was */
    ort_ReleaseSession(s);
    ort_ReleaseIoBinding(io);
    ort_ReleaseValue(first);
    ort_ReleaseValue(one_row);
    ort_ReleaseValue(vb);
    ort_ReleaseValue(vz);
}

/* ---- outputs are the client's own ------------------------------------------------------------------------------------ */

static void own_outputs(void **state) {
    (void)state;
    OrtSession *s = session_of(env, constants(), NULL);
    float x[4] = {5, 6, 7, 8};
    OrtValue *in = view(x, 4, DIMS(4), 1);
    for (int round = 0; round < 2; round++) {
        OrtValue *out[3] = {NULL};
        good(ort_Run(s, NULL, TEXTS("x"), (const OrtValue *const *)&in, 1, TEXTS("same", "w", "folded"), 3, out));
        assert_ptr_not_equal(floats_of(out[0]), x);
        assert_float_equal(floats_of(out[0])[3], 8, 0);
        assert_float_equal(floats_of(out[1])[3], 4, 0);
        assert_float_equal(floats_of(out[2])[3], 8, 0);
        for (int i = 0; i < 3; i++) {
            memset(floats_of(out[i]), 0xff, 16);
            ort_ReleaseValue(out[i]);
        }
    }
    float wrong[3];
    OrtValue *given = view(wrong, 3, DIMS(3), 1);
    refused(ort_Run(s, NULL, TEXTS("x"), (const OrtValue *const *)&in, 1, TEXTS("same"), 1, &given),
            ORT_INVALID_ARGUMENT, "output");
    ort_ReleaseValue(given);
    good(ort_CreateTensorAsOrtValue(ort_default_allocator(), DIMS(4), 1, (ONNXTensorElementDataType)SARD_I64, &given));
    refused(ort_Run(s, NULL, TEXTS("x"), (const OrtValue *const *)&in, 1, TEXTS("same"), 1, &given),
            ORT_INVALID_ARGUMENT, "int64");
    ort_ReleaseValue(given);
    ort_ReleaseValue(in);
    ort_ReleaseSession(s);
}

/* ---- asynchronous runs ----------------------------------------------------------------------------------------------- */

typedef struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int done, failed;
    OrtErrorCode code;
    OrtSession *release; /* in the callback */
} waiter;

#define WAITER                                                                                                         \
    { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER }

static void called_back(void *user, OrtValue **outputs, size_t n, OrtStatus *st) {
    waiter *w = user;
    for (size_t i = 0; i < n; i++) {
        ort_ReleaseValue(outputs[i]);
        outputs[i] = NULL;
    }
    ort_ReleaseSession(w->release);
    pthread_mutex_lock(&w->lock);
    w->done++;
    w->failed += st != NULL;
    w->code = ort_GetErrorCode(st);
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->lock);
    ort_ReleaseStatus(st);
}

static void wait_for(waiter *w, int n) {
    pthread_mutex_lock(&w->lock);
    while (w->done < n) pthread_cond_wait(&w->changed, &w->lock);
    pthread_mutex_unlock(&w->lock);
}

static void async_runs(void **state) {
    (void)state;
    OrtSessionOptions *o = new_options(3), *alone = new_options(1);
    OrtSession *s = session_of(env, two_inputs(), o), *s1 = session_of(env, two_inputs(), alone);
    float a[6] = {1, 2, 3, 4, 5, 6}, b[3] = {1, 1, 1};
    OrtValue *in[2] = {view(a, 6, DIMS(2, 3), 2), view(b, 3, DIMS(3, 1), 2)}, *out[40][2] = {{NULL}};
    const OrtValue *const *inputs = (const OrtValue *const *)in;
    waiter w = WAITER;
    refused(ort_RunAsync(s1, NULL, TEXTS("a", "b"), inputs, 2, TEXTS("y", "z"), 2, out[0], called_back, &w),
            ORT_INVALID_ARGUMENT, "at least one thread");
    refused(ort_RunAsync(s, NULL, TEXTS("a", "b"), inputs, 2, TEXTS("y", "z"), 2, out[0], NULL, NULL),
            ORT_INVALID_ARGUMENT, "NULL");
    for (int i = 0; i < 40; i++) {
        char name[2] = "y"; /* names are copied */
        good(ort_RunAsync(s, NULL, TEXTS("a", "b"), inputs, 2, TEXTS(name, "z"), 2, out[i], called_back, &w));
        *name = '?';
    }
    for (int i = 0; i < 2; i++) ort_ReleaseValue(in[i]); /* jobs have shares */
    wait_for(&w, 40);
    assert_int_equal(w.failed, 0);
    in[0] = view(a, 6, DIMS(2, 3), 2);
    in[1] = view(b, 3, DIMS(3, 1), 2);
    good(ort_RunAsync(s, NULL, TEXTS("a", "b"), inputs, 2, TEXTS("nope"), 1, out[0], called_back, &w));
    wait_for(&w, 41);
    assert_int_equal(w.code, ORT_INVALID_ARGUMENT);
    w.release = s; /* from inside the callback */
    good(ort_RunAsync(s, NULL, TEXTS("a", "b"), inputs, 2, TEXTS("z"), 1, out[0], called_back, &w));
    wait_for(&w, 42);
    for (int i = 0; i < 2; i++) ort_ReleaseValue(in[i]);
    ort_ReleaseSession(s1);
    ort_ReleaseSessionOptions(o);
    ort_ReleaseSessionOptions(alone);
}

/* ---- termination and closing ---------------------------------------------------------------------------------------- */

typedef struct running {
    OrtSession *session;
    OrtRunOptions *options;
    OrtStatus *status;
} running;

static void *run_endless(void *arg) {
    running *r = arg;
    float x[8] = {0};
    OrtValue *in = view(x, 8, DIMS(8), 1), *out = NULL;
    r->status = ort_Run(r->session, r->options, TEXTS("x"), (const OrtValue *const *)&in, 1, TEXTS("y"), 1, &out);
    ort_ReleaseValue(in);
    return NULL;
}

static void terminate(void **state) {
    (void)state;
    OrtSession *s = session_of(env, endless(), NULL);
    running r = {.session = s};
    pthread_t t;
    good(ort_CreateRunOptions(&r.options));
    pthread_create(&t, NULL, run_endless, &r);
    usleep(20000);
    ort_ReleaseSession(s); /* while it runs: the run keeps what it needs */
    usleep(20000);
    good(ort_RunOptionsSetTerminate(r.options));
    pthread_join(t, NULL);
    refused(r.status, ORT_FAIL, "terminate flag");
    ort_ReleaseRunOptions(r.options);
}

/* ReleaseSession waits for asynchronous runs. */
static void close_async(void **state) {
    (void)state;
    OrtSessionOptions *o = new_options(2);
    OrtSession *s = session_of(env, endless(), o);
    OrtRunOptions *options;
    float x[8] = {0};
    OrtValue *in = view(x, 8, DIMS(8), 1), *out = NULL;
    waiter w = WAITER;
    good(ort_CreateRunOptions(&options));
    good(ort_RunAsync(s, options, TEXTS("x"), (const OrtValue *const *)&in, 1, TEXTS("y"), 1, &out, called_back, &w));
    usleep(10000);
    good(ort_RunOptionsSetTerminate(options));
    ort_ReleaseSession(s);
    assert_int_equal(w.done, 1);
    assert_int_equal(w.code, ORT_FAIL);
    ort_ReleaseValue(in);
    ort_ReleaseRunOptions(options);
    ort_ReleaseSessionOptions(o);
}

/* ---- threads that a client makes ------------------------------------------------------------------------------------- */

typedef struct made_thread {
    pthread_t thread;
    OrtThreadWorkerFn fn;
    void *param;
} made_thread;

static int created, joined;

static void *made_main(void *arg) {
    made_thread *t = arg;
    t->fn(t->param);
    return NULL;
}

static OrtCustomThreadHandle make_thread(void *options, OrtThreadWorkerFn fn, void *param) {
    assert_ptr_equal(options, &created);
    made_thread *t = malloc(sizeof *t);
    *t = (made_thread){.fn = fn, .param = param};
    pthread_create(&t->thread, NULL, made_main, t);
    created++;
    return (OrtCustomThreadHandle)(uintptr_t)t;
}

static void join_thread(OrtCustomThreadHandle handle) {
    made_thread *t = (made_thread *)(uintptr_t)handle;
    pthread_join(t->thread, NULL);
    free(t);
    joined++;
}

static void client_threads(void **state) {
    (void)state;
    OrtSessionOptions *o = new_options(3);
    OrtSession *s;
    OrtModelMetadata *metadata;
    model_bytes m = two_inputs();
    good(ort_SessionOptionsSetCustomCreateThreadFn(o, make_thread));
    good(ort_SessionOptionsSetCustomThreadCreationOptions(o, &created));
    refused(ort_CreateSessionFromArray(env, m.data, m.n, o, &s), ORT_FAIL, "joins");
    good(ort_SessionOptionsSetCustomJoinThreadFn(o, join_thread));
    s = session_of(env, m, o);
    assert_int_equal(created, 2);
    good(ort_SessionGetModelMetadata(s, &metadata)); /* outlives the session, and keeps no thread */
    ort_ReleaseSession(s);
    assert_int_equal(joined, 2);
    ort_ReleaseModelMetadata(metadata);
    ort_ReleaseSessionOptions(o);
}

static void pools_of_sessions(void **state) {
    (void)state;
    OrtSessionOptions *o = new_options(2);
    OrtSession *s;
    model_bytes m = two_inputs();
    good(ort_AddSessionConfigEntry(o, "session.intra_op_thread_affinities", "1;2"));
    refused(ort_CreateSessionFromArray(env, m.data, m.n, o, &s), ORT_FAIL, "affinities");
    good(ort_AddSessionConfigEntry(o, "session.intra_op_thread_affinities", "1-2,x"));
    refused(ort_CreateSessionFromArray(env, m.data, m.n, o, &s), ORT_INVALID_ARGUMENT, "affinities");
    good(ort_AddSessionConfigEntry(o, "session.intra_op_thread_affinities", "1-2"));
    good(ort_AddSessionConfigEntry(o, "session.intra_op.allow_spinning", "0"));
    good(ort_CreateSessionFromArray(env, m.data, m.n, o, &s));
    ort_ReleaseSession(s);
    good(ort_DisablePerSessionThreads(o));
    refused(ort_CreateSessionFromArray(env, m.data, m.n, o, &s), ORT_FAIL, "CreateEnvWithGlobalThreadPools");
    sard_free(m.data);
    ort_ReleaseSessionOptions(o);
}

/* ---- many at once ---------------------------------------------------------------------------------------------------- */

/* SARD_STRESS_SECONDS makes the threads run for so long (tests/ort/stress). */
static bool go_on(int round, time_t begin) {
    const char *seconds = getenv("SARD_STRESS_SECONDS");
    return seconds ? time(NULL) - begin < strtol(seconds, NULL, 10) : round < 50;
}

static void *run_often(void *arg) {
    OrtSession *s = arg;
    const time_t begin = time(NULL);
    for (int i = 0; go_on(i, begin); i++) {
        float a[6] = {1, 2, 3, 4, 5, (float)(i % 1000)}, b[3] = {1, 1, 1};
        OrtValue *in[2] = {view(a, 6, DIMS(2, 3), 2), view(b, 3, DIMS(3, 1), 2)}, *out[2] = {NULL};
        OrtStatus *st = ort_Run(s, NULL, TEXTS("a", "b"), (const OrtValue *const *)in, 2, TEXTS("y", "z"), 2, out);
        const bool right =
            !st && floats_of(out[0])[1] == 9 + (float)(i % 1000) && floats_of(out[1])[5] == (float)(i % 1000) + 1;
        for (int k = 0; k < 2; k++) {
            ort_ReleaseValue(in[k]);
            ort_ReleaseValue(out[k]);
        }
        ort_ReleaseStatus(st);
        if (!right) return arg;
    }
    return NULL;
}

static void many_threads(void **state) {
    (void)state;
    OrtSessionOptions *o = new_options(2);
    OrtSession *s = session_of(env, two_inputs(), o);
    pthread_t t[16];
    for (int i = 0; i < 16; i++) pthread_create(&t[i], NULL, run_often, s);
    for (int i = 0; i < 16; i++) {
        void *wrong;
        pthread_join(t[i], &wrong);
        assert_null(wrong);
    }
    ort_ReleaseSession(s);
    ort_ReleaseSessionOptions(o);
}

static long resident_pages(void) {
    long size = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f) return 0;
    if (fscanf(f, "%ld %ld", &size, &resident) != 2) resident = 0;
    fclose(f);
    return resident;
}

static void many_sessions(void **state) {
    (void)state;
    OrtSessionOptions *o = new_options(2);
    model_bytes m = two_inputs();
    long before = 0;
    for (int i = 0; i < 1000; i++) {
        OrtSession *s;
        good(ort_CreateSessionFromArray(env, m.data, m.n, o, &s));
        if (i % 100 == 0 && !getenv("SARD_STRESS_SECONDS")) assert_null(run_often(s));
        ort_ReleaseSession(s);
        if (i == 200) before = resident_pages();
    }
    const long grown = resident_pages() - before;
#ifdef __SANITIZE_ADDRESS__
    (void)grown; /* the sanitizer keeps what was freed for a while */
#else
    assert_true(grown < 1024); /* 4 MiB */
#endif
    sard_free(m.data);
    ort_ReleaseSessionOptions(o);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(run_memory),   cmocka_unit_test(run_arena),      cmocka_unit_test(binding),
        cmocka_unit_test(own_outputs),  cmocka_unit_test(async_runs),     cmocka_unit_test(terminate),
        cmocka_unit_test(close_async),  cmocka_unit_test(client_threads), cmocka_unit_test(pools_of_sessions),
        cmocka_unit_test(many_threads), cmocka_unit_test(many_sessions)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
