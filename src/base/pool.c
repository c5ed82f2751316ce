/*
 * pool.c -- worker threads and par_for.
 *
 * A loop in progress sits in one of 64 slots of the pool; bit i of `open` says that slot i has chunks left to start.
 * Threads take chunks by adding one to the slot's `next`, so chunks start in increasing order. Two facts carry the rest:
 *
 *  - Every chunk below a failing one has started before it, and started chunks are finished. So the lowest failing chunk
 *    is always found, and its error is the same whatever the threads do.
 *  - A worker counts itself into the slot's `users` and then looks at the bit; the caller clears the bit and then looks
 *    at `users`. In the one order of sequentially consistent operations one of them sees the other: when users is 0
 *    after the bit is cleared, no worker touches the loop any more. Slots live as long as the pool, so a worker that
 *    comes late only looks and leaves.
 *
 * The caller never waits for a chunk that has not started, and a started chunk runs on a thread of its own: so nested
 * loops and loops of several callers cannot wait for each other in a circle.
 *
 * Workers sleep on the futex `epoch`, which grows whenever there may be work. Inside a run they look at it for a while
 * before they sleep. At most `threads` threads work: a worker joins only while workers at work plus runs stay below.
 */
#include "base/pool.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/cpu.h"
#include "base/mem.h"

#define SLOTS           64
#define SPIN_DEFAULT_US 50
#define THREADS_MAX     1024

typedef struct loop {
    _Alignas(64) atomic_int_least64_t next; /* first chunk not started */
    _Alignas(64) atomic_uint users;         /* workers that look at this slot or work in it; a futex */
    atomic_bool caller_sleeps;
    atomic_int_least64_t failed; /* lowest failing chunk so far; chunks: none */
    /* written by the caller before the bit in `open` is set */
    int64_t n, grain, chunks;
    par_fn fn;
    void *arg;
    run_ctl *ctl;
    unsigned fp; /* the caller's floating-point state, for workers */
    /* of the lowest failing chunk */
    pthread_mutex_t lock;
    sard_status status;
    sard_error *err;
} loop;

_Static_assert(SLOTS <= 64, "one bit per slot");

typedef struct worker {
    pool *pool;
    pthread_t thread;
    void *handle; /* of a thread that the pool's hooks made */
    int id;       /* 1 .. threads - 1 */
} worker;

struct pool {
    loop slot[SLOTS];
    _Alignas(64) atomic_uint epoch; /* grows when there may be work; a futex */
    atomic_uint_least64_t open;     /* slots with chunks left to start */
    _Alignas(64) atomic_uint_least64_t claimed;
    atomic_int working, sleepers, runs;
    atomic_int spin_us;
    atomic_uint refs;
    atomic_bool stop;
    atomic_uint born; /* fork_count + 1 when the workers were started; 0: not started */
    atomic_uint home; /* fork_count when the pool was made or last reset */
    bool is_default;
    pool_hooks hooks; /* create NULL: threads of our own */
    int threads, n_workers;
    worker *workers;
};

static pthread_mutex_t start_lock = PTHREAD_MUTEX_INITIALIZER; /* starting workers, the default pool; held over fork */
static atomic_uint fork_count;                                 /* forks between this process and the first */
static pool *the_default;

/* ---- fork: the child has none of the workers; a pool that meets another fork_count starts afresh ---- */

static void fork_prepare(void) { pthread_mutex_lock(&start_lock); }
static void fork_parent(void) { pthread_mutex_unlock(&start_lock); }
static void fork_child(void) {
    atomic_fetch_add(&fork_count, 1);
    pthread_mutex_unlock(&start_lock);
}
static void fork_watch(void) { pthread_atfork(fork_prepare, fork_parent, fork_child); }

/* ---- waiting ---- */

static void futex_wait(atomic_uint *word, unsigned value) {
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void futex_wake(atomic_uint *word, int n) { syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, n, NULL, NULL, 0); }

static inline void cpu_relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Looks at *word for at most us microseconds; whether it changed from value. */
static bool spin_while(atomic_uint *word, unsigned value, int us) {
    if (us <= 0) return atomic_load(word) != value;
    const int64_t end = clock_ns() + (int64_t)us * 1000;
    do {
        for (int i = 0; i < 32; i++) {
            if (atomic_load_explicit(word, memory_order_acquire) != value) return true;
            cpu_relax();
        }
    } while (clock_ns() < end);
    return false;
}

/* ---- working on a loop ---- */

/* Keeps the error of the lowest failing chunk. */
static void loop_fail(loop *l, int64_t chunk, sard_status status, const sard_error *err) {
    pthread_mutex_lock(&l->lock);
    if (chunk < atomic_load(&l->failed)) {
        atomic_store(&l->failed, chunk);
        l->status = status;
        if (l->err) *l->err = *err;
    }
    pthread_mutex_unlock(&l->lock);
}

static sard_status run_chunk(run_ctl *ctl, par_fn fn, void *arg, int64_t n, int64_t grain, int64_t chunk, int id,
                             sard_error *err) {
    TRY(ctl_check(ctl, err));
    const int64_t from = chunk * grain, to = n - from > grain ? from + grain : n;
    return fn(arg, from, to, id, err);
}

/* Takes chunks until there are none left to start. */
static void loop_work(pool *p, loop *l, int id) {
    const uint64_t bit = (uint64_t)1 << (l - p->slot);
    sard_error err;
    for (;;) {
        const int64_t chunk = atomic_fetch_add(&l->next, 1);
        if (chunk >= l->chunks - 1) atomic_fetch_and(&p->open, ~bit);
        if (chunk >= l->chunks || chunk > atomic_load(&l->failed)) break;
        err.code = SARD_OK;
        err.problems = 0;
        err.message[0] = 0;
        sard_status status = run_chunk(l->ctl, l->fn, l->arg, l->n, l->grain, chunk, id, &err);
        if (status != SARD_OK) loop_fail(l, chunk, status, &err);
    }
    atomic_fetch_and(&p->open, ~bit); /* after a failure, too, nobody need come any more */
}

/* ---- workers ---- */

/* How many workers may work at once beside the callers of the runs in progress. */
static int workers_allowed(const pool *p) {
    int runs = atomic_load_explicit(&p->runs, memory_order_relaxed);
    return p->threads - (runs > 1 ? runs : 1);
}

static void leave_slot(loop *l) {
    if (atomic_fetch_sub(&l->users, 1) == 1 && atomic_load(&l->caller_sleeps)) futex_wake(&l->users, 1);
}

/* Joins one open loop, if there is one and the pool has a thread to spare; whether it did. */
static bool join_loop(pool *p, int id) {
    const uint64_t open = atomic_load(&p->open);
    if (!open) return false;
    if (atomic_fetch_add(&p->working, 1) >= workers_allowed(p)) {
        atomic_fetch_sub(&p->working, 1);
        return false;
    }
    const int turn = id % SLOTS; /* workers begin their search at different slots, to spread over loops */
    const uint64_t turned = turn ? open >> turn | open << (SLOTS - turn) : open;
    const int i = (__builtin_ctzll(turned) + turn) % SLOTS;
    loop *l = &p->slot[i];
    atomic_fetch_add(&l->users, 1);
    const bool joined = atomic_load(&p->open) >> i & 1;
    if (joined) {
        cpu_fp_restore(l->fp);
        loop_work(p, l, id);
    }
    leave_slot(l);
    atomic_fetch_sub(&p->working, 1);
    return true; /* look again, also when this one closed meanwhile */
}

static void *worker_main(void *arg) {
    worker *w = arg;
    pool *p = w->pool;
    while (!atomic_load(&p->stop)) {
        const unsigned seen = atomic_load(&p->epoch);
        if (join_loop(p, w->id)) continue;
        if (atomic_load(&p->runs) > 0 && workers_allowed(p) > 0 &&
            spin_while(&p->epoch, seen, atomic_load_explicit(&p->spin_us, memory_order_relaxed)))
            continue;
        atomic_fetch_add(&p->sleepers, 1);
        if (!atomic_load(&p->stop)) futex_wait(&p->epoch, seen);
        atomic_fetch_sub(&p->sleepers, 1);
    }
    return NULL;
}

static void hooked_main(void *arg) { worker_main(arg); }

/* There may be work for `n` workers. */
static void call_workers(pool *p, int64_t n) {
    const int allowed = workers_allowed(p);
    if (n > allowed) n = allowed;
    atomic_fetch_add(&p->epoch, 1);
    if (n > 0 && atomic_load(&p->sleepers) > 0) futex_wake(&p->epoch, (int)n);
}

/*
 * Forgets the workers. After a fork the slots that were in use then stay claimed: the one thread of the child may be
 * inside such a loop, and those of other threads are lost (the parent still has them).
 */
static void pool_reset(pool *p) {
    for (int i = 0; i < SLOTS; i++)
        if (!(atomic_load(&p->claimed) >> i & 1)) atomic_store(&p->slot[i].users, 0);
    atomic_store(&p->epoch, 0);
    atomic_store(&p->open, 0);
    atomic_store(&p->working, 0);
    atomic_store(&p->sleepers, 0);
    atomic_store(&p->runs, 0);
    p->n_workers = 0;
    atomic_store(&p->home, atomic_load(&fork_count));
}

/* Signals stay with the program's own threads, but for faults, which belong to the thread that made them. */
static void block_signals(sigset_t *old) {
    static const int faults[] = {SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGTRAP};
    sigset_t set;
    sigfillset(&set);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) sigdelset(&set, faults[i]);
    pthread_sigmask(SIG_SETMASK, &set, old);
}

static bool start_worker(const pool *p, worker *w) {
    if (!p->hooks.create) return pthread_create(&w->thread, NULL, worker_main, w) == 0;
    w->handle = p->hooks.create(p->hooks.user, hooked_main, w);
    return w->handle != NULL;
}

/* Starts the workers if this process has not done so. */
static void ensure_workers(pool *p) {
    if (atomic_load_explicit(&p->born, memory_order_acquire) == atomic_load(&fork_count) + 1) return;
    pthread_mutex_lock(&start_lock);
    const unsigned forks = atomic_load(&fork_count);
    if (atomic_load(&p->born) != forks + 1) {
        if (atomic_load(&p->home) != forks) pool_reset(p);
        sigset_t old;
        block_signals(&old);
        while (p->n_workers < p->threads - 1) {
            worker *w = &p->workers[p->n_workers];
            *w = (worker){.pool = p, .id = p->n_workers + 1};
            if (!start_worker(p, w)) break;
            p->n_workers++;
        }
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        atomic_store_explicit(&p->born, forks + 1, memory_order_release);
    }
    pthread_mutex_unlock(&start_lock);
}

/* ---- the pool's life ---- */

static sard_status make(int threads, pool **out, sard_error *err) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fork_watch);
    FAIL_IF(threads < 0 || threads > THREADS_MAX, err, SARD_INVALID_ARGUMENT,
            "%d threads are asked for, expected 0 (as many as processors) to %d", threads, THREADS_MAX);
    if (threads == 0) threads = pool_usable_cpus();
    if (threads > THREADS_MAX) threads = THREADS_MAX;
    pool *p = mem_calloc(1, sizeof *p);
    if (!p) return err_nomem(err, sizeof *p);
    p->workers = mem_calloc((size_t)threads, sizeof *p->workers);
    if (!p->workers) {
        mem_free(p);
        return err_nomem(err, (size_t)threads * sizeof *p->workers);
    }
    p->threads = threads;
    for (int i = 0; i < SLOTS; i++) pthread_mutex_init(&p->slot[i].lock, NULL);
    atomic_init(&p->refs, 1);
    atomic_init(&p->spin_us, SPIN_DEFAULT_US);
    pool_reset(p);
    *out = p;
    return SARD_OK;
}

sard_status pool_new(int threads, pool **out, sard_error *err) { return make(threads, out, err); }

static void destroy(pool *p);

sard_status pool_new_hooked(int threads, const pool_hooks *hooks, pool **out, sard_error *err) {
    pool *p;
    TRY(make(threads, &p, err));
    p->hooks = *hooks;
    ensure_workers(p);
    const int made = p->n_workers, wanted = p->threads - 1;
    if (made < wanted) {
        destroy(p);
        return err_set(err, SARD_RUNTIME, "the function that makes threads made %d of %d", made, wanted);
    }
    *out = p;
    return SARD_OK;
}

sard_status pool_default(pool **out, sard_error *err) {
    sard_status status = SARD_OK;
    pthread_mutex_lock(&start_lock);
    if (the_default) {
        *out = pool_ref(the_default);
    } else if ((status = make(0, out, err)) == SARD_OK) {
        (*out)->is_default = true;
        the_default = *out;
    }
    pthread_mutex_unlock(&start_lock);
    return status;
}

pool *pool_ref(pool *p) {
    atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    return p;
}

static void destroy(pool *p) {
    atomic_store(&p->stop, true);
    if (atomic_load(&p->home) == atomic_load(&fork_count)) { /* else they stayed behind in the parent */
        atomic_fetch_add(&p->epoch, 1);
        futex_wake(&p->epoch, INT_MAX);
        for (int i = 0; i < p->n_workers; i++)
            if (p->hooks.create)
                p->hooks.join(p->hooks.user, p->workers[i].handle);
            else
                pthread_join(p->workers[i].thread, NULL);
        for (int i = 0; i < SLOTS; i++) pthread_mutex_destroy(&p->slot[i].lock);
    }
    mem_free(p->workers);
    mem_free(p);
}

void pool_unref(pool *p) {
    if (!p) return;
    bool last;
    if (p->is_default) { /* under the lock, so that pool_default never revives a pool that is going */
        pthread_mutex_lock(&start_lock);
        last = atomic_fetch_sub(&p->refs, 1) == 1;
        if (last) the_default = NULL;
        pthread_mutex_unlock(&start_lock);
    } else {
        last = atomic_fetch_sub(&p->refs, 1) == 1;
    }
    if (last) destroy(p);
}

int pool_threads(const pool *p) { return p->threads; }
void pool_spin_us(pool *p, int us) { atomic_store(&p->spin_us, us); }

void pool_run_begin(pool *p) {
    if (!p) return;
    if (atomic_load(&p->home) != atomic_load(&fork_count)) ensure_workers(p); /* before the run is counted */
    atomic_fetch_add(&p->runs, 1);
    if (atomic_load(&p->sleepers) > 0 && atomic_load(&p->spin_us) > 0) call_workers(p, p->threads);
}

void pool_run_end(pool *p) {
    if (!p) return;
    int runs = atomic_load(&p->runs);
    while (runs > 0 && !atomic_compare_exchange_weak(&p->runs, &runs, runs - 1)) {
    }                                                       /* 0: begun before a fork */
    if (atomic_load(&p->open)) call_workers(p, p->threads); /* a thread came free for another run's loop */
}

/* ---- par_for ---- */

static sard_status alone(run_ctl *ctl, int64_t n, int64_t grain, par_fn fn, void *arg, sard_error *err) {
    const int64_t chunks = n / grain + (n % grain != 0);
    for (int64_t chunk = 0; chunk < chunks; chunk++) TRY(run_chunk(ctl, fn, arg, n, grain, chunk, 0, err));
    return SARD_OK;
}

/* A free slot, claimed; NULL when all are in use. */
static loop *claim_slot(pool *p) {
    uint64_t claimed = atomic_load(&p->claimed);
    while (~claimed) {
        const int i = __builtin_ctzll(~claimed);
        if (atomic_compare_exchange_weak(&p->claimed, &claimed, claimed | (uint64_t)1 << i)) return &p->slot[i];
    }
    return NULL;
}

/* Waits until the chunks that workers have started are done. */
static sard_status wait_for_workers(pool *p, loop *l, unsigned forks, sard_error *err) {
    for (unsigned users; (users = atomic_load(&l->users)) != 0;) {
        if (atomic_load(&fork_count) != forks) /* the workers stayed in the parent, and their chunks with them */
            return err_set(err, SARD_RUNTIME, "the process was forked inside a parallel loop");
        if (spin_while(&l->users, users, atomic_load_explicit(&p->spin_us, memory_order_relaxed))) continue;
        atomic_store(&l->caller_sleeps, true);
        if ((users = atomic_load(&l->users)) != 0) futex_wait(&l->users, users);
        atomic_store(&l->caller_sleeps, false);
    }
    return SARD_OK;
}

static unsigned current_fp(void) {
    const unsigned state = cpu_fp_enter(false);
    cpu_fp_restore(state);
    return state;
}

sard_status par_for(const par *par, int64_t n, int64_t grain, par_fn fn, void *arg, sard_error *err) {
    if (n <= 0) return SARD_OK;
    if (grain < 1) grain = 1;
    pool *p = par ? par->pool : NULL;
    run_ctl *ctl = par ? par->ctl : NULL;
    if (!p || p->threads == 1 || n <= grain) return alone(ctl, n, grain, fn, arg, err);
    ensure_workers(p);
    loop *l = claim_slot(p);
    if (!l) return alone(ctl, n, grain, fn, arg, err);
    const unsigned forks = atomic_load(&fork_count);
    l->n = n;
    l->grain = grain;
    l->chunks = n / grain + (n % grain != 0);
    l->fn = fn;
    l->arg = arg;
    l->ctl = ctl;
    l->fp = current_fp();
    l->status = SARD_OK;
    l->err = err;
    atomic_store_explicit(&l->failed, l->chunks, memory_order_relaxed);
    atomic_store_explicit(&l->next, 0, memory_order_relaxed);
    const uint64_t bit = (uint64_t)1 << (l - p->slot);
    atomic_fetch_or(&p->open, bit);
    call_workers(p, l->chunks - 1);
    loop_work(p, l, 0);
    sard_status waited = wait_for_workers(p, l, forks, err);
    if (waited != SARD_OK) return waited; /* the slot belongs to a pool that will be reset */
    const sard_status status = l->status;
    atomic_fetch_and(&p->claimed, ~bit);
    return status;
}

int par_threads(const par *par) { return par && par->pool ? par->pool->threads : 1; }
