/*
 * pool.h -- threads, parallel loops and the control of a run.
 *
 * par_for cuts [0, n) into chunks of `grain` indices and hands them to the caller and any idle worker. The caller takes
 * part and waits only for chunks already started, so nested and concurrent loops never dead-lock. Cancel flag and
 * deadline are looked at before each chunk: every kernel longer than a millisecond goes through par_for, also with one
 * thread. Which thread runs a chunk never changes a result: chunk boundaries come from n and grain alone.
 */
#ifndef SARD_BASE_POOL_H
#define SARD_BASE_POOL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

typedef struct pool pool; /* refcounted */

/* threads: total number that take part, the caller included (1: no workers); 0: from affinity and cgroup quota. The
 * workers start with the first loop, and afresh in a forked child; where the system gives fewer threads, fewer work. */
sard_status pool_new(int threads, pool **out, sard_error *err);
/* The user's threads instead of this library's: made at once, joined by destroying the pool. */
typedef struct pool_hooks {
    void *user;
    void *(*create)(void *user, void (*fn)(void *arg), void *arg); /* NULL when it cannot */
    void (*join)(void *user, void *thread);
} pool_hooks;
sard_status pool_new_hooked(int threads, const pool_hooks *hooks, pool **out, sard_error *err);
sard_status pool_default(pool **out, sard_error *err); /* one per process; a new reference */
pool *pool_ref(pool *p);
void pool_unref(pool *p); /* the last one joins the workers: not from inside a loop */
int pool_threads(const pool *p);
int pool_usable_cpus(void);         /* min(affinity, cgroup quota rounded up), at least 1 */
void pool_spin_us(pool *p, int us); /* how long workers spin inside a run before they sleep; default 50 */
/* Between these, workers may spin for work; outside they sleep. Each run in progress takes one of the pool's threads for
 * its caller, so concurrent runs do not oversubscribe. NULL is allowed. */
void pool_run_begin(pool *p);
void pool_run_end(pool *p);

/* What one run may use, shared by all its threads. */
typedef struct run_ctl {
    atomic_int cancel;        /* non-zero: stop */
    atomic_int *cancel_user;  /* the caller's flag; may be NULL */
    int64_t deadline_ns;      /* CLOCK_MONOTONIC; 0: none */
    atomic_size_t used, peak; /* bytes charged to the run */
    size_t limit;             /* 0: none */
} run_ctl;
int64_t clock_ns(void);
void ctl_init(run_ctl *c);
sard_status ctl_check(run_ctl *c, sard_error *err); /* SARD_CANCELLED, SARD_DEADLINE or SARD_OK; c may be NULL */
sard_status ctl_charge(run_ctl *c, size_t bytes, sard_error *err); /* SARD_LIMIT beyond the limit; c may be NULL */
void ctl_release(run_ctl *c, size_t bytes);

/* What kernels are given to run on: either member may be NULL (no pool: the caller alone). */
typedef struct par {
    pool *pool;
    run_ctl *ctl;
} par;

/* Works on indices [from, to); may be called on any thread; worker is < pool_threads, distinct among those running. */
typedef sard_status (*par_fn)(void *arg, int64_t from, int64_t to, int worker, sard_error *err);
sard_status par_for(const par *p, int64_t n, int64_t grain, par_fn fn, void *arg, sard_error *err);
int par_threads(const par *p);

#endif
