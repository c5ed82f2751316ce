/* test_pool.c -- every index once, the lowest error, nesting, concurrency, cancelling, fork, the default pool. */
#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cpu.h"
#include "base/cpus.h"
#include "base/mem.h"
#include "base/pool.h"

#define MAX_THREADS 8

/* ---- every index once, chunks as promised, worker numbers distinct ---- */

typedef struct cover {
    atomic_int seen[1000];
    atomic_int busy[MAX_THREADS];
    int64_t n, grain;
    int threads;
    atomic_int bad;
} cover;

static sard_status cover_chunk(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    (void)err;
    cover *c = arg;
    if (worker < 0 || worker >= c->threads || atomic_fetch_add(&c->busy[worker], 1) != 0) atomic_fetch_add(&c->bad, 1);
    if (from % c->grain != 0 || (to - from != c->grain && to != c->n)) atomic_fetch_add(&c->bad, 1);
    for (int64_t i = from; i < to; i++) atomic_fetch_add(&c->seen[i], 1);
    atomic_fetch_sub(&c->busy[worker], 1);
    return SARD_OK;
}

static void check_cover(pool *p, int64_t n, int64_t grain) {
    static cover c;
    memset(&c, 0, sizeof c);
    c.n = n;
    c.grain = grain < 1 ? 1 : grain;
    c.threads = p ? pool_threads(p) : 1;
    par par = {.pool = p};
    assert_int_equal(par_for(&par, n, grain, cover_chunk, &c, NULL), SARD_OK);
    assert_int_equal(c.bad, 0);
    for (int64_t i = 0; i < 1000; i++) assert_int_equal(c.seen[i], i < n);
}

static void test_every_index_once(void **state) {
    (void)state;
    static const int64_t sizes[] = {-5, 0, 1, 2, 7, 64, 999, 1000}, grains[] = {0, 1, 3, 10, 1000, INT64_MAX};
    for (int threads = 0; threads <= MAX_THREADS; threads++) {
        pool *p = NULL;
        if (threads) assert_int_equal(pool_new(threads, &p, NULL), SARD_OK);
        for (size_t i = 0; i < 8; i++)
            for (size_t j = 0; j < 6; j++)
                for (int spin = 0; spin < 2; spin++) {
                    if (spin && p) pool_run_begin(p);
                    check_cover(p, sizes[i], grains[j]);
                    if (spin && p) pool_run_end(p);
                }
        pool_unref(p);
    }
    assert_int_equal(par_for(NULL, 0, 1, cover_chunk, NULL, NULL), SARD_OK);
    assert_int_equal(par_threads(NULL), 1);
}

/* ---- the lowest failing chunk's error ---- */

typedef struct failing {
    int64_t first, every;
    atomic_int ran;
} failing;

static void nap(int us) { usleep((useconds_t)us); }

static sard_status failing_chunk(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    (void)worker;
    (void)to;
    failing *f = arg;
    atomic_fetch_add(&f->ran, 1);
    if (from == f->first) nap(300); /* let later ones fail before */
    if (from >= f->first && (from - f->first) % f->every == 0)
        return err_set(err, from % 2 ? SARD_RUNTIME : SARD_IO, "chunk %d failed", (int)from);
    return SARD_OK;
}

static void test_lowest_error(void **state) {
    (void)state;
    for (int threads = 1; threads <= MAX_THREADS; threads++) {
        pool *p;
        assert_int_equal(pool_new(threads, &p, NULL), SARD_OK);
        par par = {.pool = p};
        for (int repeat = 0; repeat < 40; repeat++) {
            failing f = {.first = repeat * 2, .every = 1 + repeat % 3};
            sard_error err = {0};
            char want[40];
            snprintf(want, sizeof want, "chunk %d failed", (int)f.first);
            assert_int_equal(par_for(&par, 200, 1, failing_chunk, &f, &err), SARD_IO);
            assert_int_equal(err.code, SARD_IO);
            assert_string_equal(err.message, want);
            assert_true(f.ran <= f.first + 3 * threads + 1);
        }
        failing f = {.first = 3, .every = 1};
        assert_int_equal(par_for(&par, 200, 1, failing_chunk, &f, NULL), SARD_RUNTIME);
        pool_unref(p);
    }
}

/* ---- nested and concurrent loops ---- */

typedef struct nest {
    par par;
    int depth;
    atomic_long *sum;
} nest;

static sard_status nest_chunk(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    (void)worker;
    nest *t = arg;
    if (t->depth == 0) {
        for (int64_t i = from; i < to; i++) atomic_fetch_add(t->sum, i);
        return SARD_OK;
    }
    nest inner = {t->par, t->depth - 1, t->sum};
    for (int64_t i = from; i < to; i++) TRY(par_for(&t->par, 12, 2, nest_chunk, &inner, err));
    return SARD_OK;
}

static void test_nested(void **state) {
    (void)state;
    for (int threads = 1; threads <= 4; threads++) {
        pool *p;
        assert_int_equal(pool_new(threads, &p, NULL), SARD_OK);
        for (int repeat = 0; repeat < 20; repeat++) {
            atomic_long sum = 0;
            nest top = {{.pool = p}, 3, &sum};
            pool_run_begin(p);
            assert_int_equal(par_for(&top.par, 5, 1, nest_chunk, &top, NULL), SARD_OK);
            pool_run_end(p);
            assert_int_equal(sum, 5 * 12 * 12 * 66);
        }
        pool_unref(p);
    }
}

static atomic_int at_work, most_at_work;

static sard_status count_chunk(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    (void)worker;
    (void)err;
    int now = atomic_fetch_add(&at_work, 1) + 1, most = atomic_load(&most_at_work);
    while (most < now && !atomic_compare_exchange_weak(&most_at_work, &most, now)) {
    }
    for (volatile int spin = 0; spin < 200; spin++) {
    }
    atomic_fetch_add((atomic_long *)arg, to - from);
    atomic_fetch_sub(&at_work, 1);
    return SARD_OK;
}

static void *concurrent_main(void *arg) {
    pool *p = arg;
    par par = {.pool = p};
    for (int i = 0; i < 100; i++) {
        pool_run_begin(p);
        for (int k = 0; k < 5; k++) {
            atomic_long sum = 0;
            if (par_for(&par, 50 + i, 3, count_chunk, &sum, NULL) != SARD_OK || sum != 50 + i) return arg;
        }
        pool_run_end(p);
    }
    return NULL;
}

static void test_concurrent(void **state) {
    (void)state;
    pool *p;
    assert_int_equal(pool_new(3, &p, NULL), SARD_OK);
    for (int callers = 1; callers <= 6; callers += 5) {
        pthread_t t[6];
        most_at_work = 0;
        for (int i = 0; i < callers; i++) assert_int_equal(pthread_create(&t[i], NULL, concurrent_main, p), 0);
        for (int i = 0; i < callers; i++) {
            void *bad;
            pthread_join(t[i], &bad);
            assert_null(bad);
        }
        /* a worker that joined before a run began may still finish its loop beside that run's caller */
        assert_true(most_at_work <= (callers > 3 ? callers : 3) + 2);
    }
    pool_unref(p);
}

static sard_status deeper(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    (void)to;
    (void)worker;
    nest *t = arg;
    atomic_fetch_add(t->sum, 1);
    if (from != 0 || t->depth == 0) return SARD_OK;
    nest inner = {t->par, t->depth - 1, t->sum};
    return par_for(&t->par, 2, 1, deeper, &inner, err);
}

/* More loops open at once than the pool has slots: those without one run on their caller alone. */
static void test_deep_nesting(void **state) {
    (void)state;
    pool *p;
    assert_int_equal(pool_new(2, &p, NULL), SARD_OK);
    atomic_long sum = 0;
    nest top = {{.pool = p}, 99, &sum};
    assert_int_equal(par_for(&top.par, 2, 1, deeper, &top, NULL), SARD_OK);
    assert_int_equal(sum, 200);
    pool_unref(p);
}

/* ---- run control ---- */

static sard_status cancel_chunk(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    (void)to;
    (void)worker;
    (void)err;
    if (from == 20) atomic_store(&((run_ctl *)arg)->cancel, 1);
    return SARD_OK;
}

static sard_status slow_chunk(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    (void)from;
    (void)to;
    (void)worker;
    (void)err;
    atomic_fetch_add((atomic_int *)arg, 1);
    nap(2000);
    return SARD_OK;
}

static void test_cancel_and_deadline(void **state) {
    (void)state;
    for (int threads = 0; threads <= 3; threads++) {
        pool *p = NULL;
        if (threads) assert_int_equal(pool_new(threads, &p, NULL), SARD_OK);
        run_ctl ctl;
        ctl_init(&ctl);
        par par = {p, &ctl};
        sard_error err;
        assert_int_equal(par_for(&par, 100, 1, cancel_chunk, &ctl, &err), SARD_CANCELLED);
        assert_string_equal(err.message, "the run was cancelled");
        assert_int_equal(par_for(&par, 1, 1, cancel_chunk, &ctl, &err), SARD_CANCELLED);
        ctl_init(&ctl);
        atomic_int user = 1;
        ctl.cancel_user = &user;
        assert_int_equal(par_for(&par, 100, 1, cancel_chunk, &ctl, &err), SARD_CANCELLED);
        ctl_init(&ctl);
        ctl.deadline_ns = clock_ns() + 8000000;
        atomic_int ran = 0;
        assert_int_equal(par_for(&par, 10000, 1, slow_chunk, &ran, &err), SARD_DEADLINE);
        assert_true(ran <= 4 * (threads ? threads : 1));
        pool_unref(p);
    }
    assert_int_equal(ctl_check(NULL, NULL), SARD_OK);
}

static void test_account(void **state) {
    (void)state;
    run_ctl c;
    sard_error err;
    ctl_init(&c);
    assert_int_equal(ctl_charge(&c, SIZE_MAX / 2, &err), SARD_OK);
    assert_int_equal(ctl_charge(&c, SIZE_MAX / 2 + 2, &err), SARD_LIMIT); /* would overflow */
    ctl_release(&c, SIZE_MAX / 2);
    c.limit = 100;
    assert_int_equal(ctl_charge(&c, 60, &err), SARD_OK);
    assert_int_equal(ctl_charge(&c, 41, &err), SARD_LIMIT);
    assert_string_equal(err.message, "the run's memory limit of 100 bytes is reached: 60 in use, 41 more wanted");
    assert_int_equal(ctl_charge(&c, 40, &err), SARD_OK);
    ctl_release(&c, 100);
    assert_int_equal(c.used, 0);
    assert_int_equal(c.peak, SIZE_MAX / 2);
    assert_int_equal(ctl_charge(NULL, 5, &err), SARD_OK);
    ctl_release(NULL, 5);
}

/* ---- workers see the caller's floating-point state ---- */

static sard_status fp_chunk(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    (void)from;
    (void)to;
    (void)worker;
    (void)err;
    volatile float tiny = 1e-38f;
    if (tiny / 16 == 0) atomic_fetch_add((atomic_int *)arg, 1);
    nap(100);
    return SARD_OK;
}

static void test_fp_state(void **state) {
    (void)state;
    pool *p;
    assert_int_equal(pool_new(4, &p, NULL), SARD_OK);
    par par = {.pool = p};
    for (int flush = 0; flush < 4; flush++) {
        atomic_int flushed = 0;
        unsigned found = cpu_fp_enter(flush & 1);
        assert_int_equal(par_for(&par, 40, 1, fp_chunk, &flushed, NULL), SARD_OK);
        cpu_fp_restore(found);
        assert_int_equal(flushed, flush & 1 ? 40 : 0);
    }
    pool_unref(p);
}

/* ---- the pool's life ---- */

static int threads_now(void) {
    DIR *d = opendir("/proc/self/task");
    int n = 0;
    for (struct dirent *e; (e = readdir(d));) n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static void test_default_pool(void **state) {
    (void)state;
    pool *a, *b;
    int before = threads_now();
    assert_int_equal(pool_default(&a, NULL), SARD_OK);
    assert_int_equal(pool_default(&b, NULL), SARD_OK);
    assert_ptr_equal(a, b);
    assert_int_equal(pool_threads(a), pool_usable_cpus());
    check_cover(a, 5, 1);
    pool_unref(a);
    pool_unref(b);
    for (int i = 0; i < 100 && threads_now() > before; i++) nap(1000); /* a joined thread leaves /proc a little later */
    assert_int_equal(threads_now(), before);
    pool_unref(NULL);
}

static void test_bad_sizes(void **state) {
    (void)state;
    pool *p;
    sard_error err;
    assert_int_equal(pool_new(-1, &p, &err), SARD_INVALID_ARGUMENT);
    assert_int_equal(pool_new(100000, &p, &err), SARD_INVALID_ARGUMENT);
    for (long fail = 1; fail <= 2; fail++) {
        mem_fail_after(fail);
        assert_int_equal(pool_new(3, &p, &err), SARD_OUT_OF_MEMORY);
    }
    mem_fail_after(0);
}

static atomic_bool fork_stop;
static void *fork_noise(void *arg) {
    while (!atomic_load(&fork_stop)) concurrent_main(arg);
    return NULL;
}

/* A child made while other threads use the pool has a working pool of its own, and so has its child. */
static void test_fork(void **state) {
    (void)state;
#if defined(__SANITIZE_THREAD__)
    skip(); /* the thread sanitizer supports no new threads after a fork with several */
#endif
    pool *p;
    pthread_t noise;
    assert_int_equal(pool_new(3, &p, NULL), SARD_OK);
    atomic_store(&fork_stop, false);
    assert_int_equal(pthread_create(&noise, NULL, fork_noise, p), 0);
    for (int i = 0; i < 10; i++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(20);
            for (int k = 0; k < 20; k++) check_cover(p, 1000, 7);
            pid_t grandchild = fork();
            if (grandchild == 0) {
                pool_run_begin(p);
                check_cover(p, 1000, 7);
                pool_run_end(p);
                pool_unref(p);
                _exit(0);
            }
            int status;
            waitpid(grandchild, &status, 0);
            pool_unref(p);
            _exit(status != 0);
        }
        int status;
        waitpid(child, &status, 0);
        assert_int_equal(status, 0);
        check_cover(p, 1000, 7);
    }
    atomic_store(&fork_stop, true);
    pthread_join(noise, NULL);
    pool_unref(p);
}

/* ---- control groups ---- */

static void put(const char *root, const char *path, const char *text) {
    char name[300];
    snprintf(name, sizeof name, "%s/%s", root, path);
    for (char *p = name + strlen(root) + 1; (p = strchr(p, '/')); p++) {
        *p = 0;
        mkdir(name, 0700);
        *p = '/';
    }
    FILE *f = fopen(name, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int quota(const char *root, const char *proc) {
    char name[100];
    snprintf(name, sizeof name, "%s/proc", root);
    put(root, "proc", proc);
    return cpus_quota(name, root);
}

static void test_quota(void **state) {
    (void)state;
    char root[] = "/tmp/sard_quota_XXXXXX", command[100];
    assert_non_null(mkdtemp(root));
    assert_int_equal(cpus_quota("/nowhere", root), 0);
    assert_int_equal(quota(root, "0::/a/b\n"), 0);
    put(root, "a/b/cpu.max", "max 100000\n");
    assert_int_equal(quota(root, "0::/a/b\n"), 0);
    put(root, "a/cpu.max", "350000 100000\n");
    assert_int_equal(quota(root, "0::/a/b\n"), 4);
    assert_int_equal(quota(root, "0::/elsewhere\n"), 0);
    put(root, "cpu.max", "150000 100000\n");
    assert_int_equal(quota(root, "0::/elsewhere\n"), 2);
    put(root, "cpu/x/cpu.cfs_quota_us", "-1\n");
    put(root, "cpu/x/cpu.cfs_period_us", "100000\n");
    assert_int_equal(quota(root, "4:memory:/x\n3:cpu,cpuacct:/x\n"), 0);
    put(root, "cpu/x/cpu.cfs_quota_us", "50000\n");
    assert_int_equal(quota(root, "4:memory:/x\n3:cpu,cpuacct:/x\n0::/\n"), 1);
    assert_int_equal(quota(root, "garbage\n:\n::\n3:cpuset:/x\n"), 2); /* "::" is version 2 at the root */
    put(root, "cpu.max", "0 0\n");
    assert_int_equal(quota(root, "0::/\n"), 0);
    assert_true(pool_usable_cpus() >= 1);
    snprintf(command, sizeof command, "rm -r %s", root);
    assert_int_equal(system(command), 0);
}

/* ---- the user's own threads ---- */

static struct { int created, joined, limit; } hooked;

typedef struct hooked_thread {
    pthread_t thread;
    void (*fn)(void *);
    void *arg;
} hooked_thread;

static void *hooked_main(void *arg) {
    hooked_thread *t = arg;
    t->fn(t->arg);
    return NULL;
}

static void *hooked_create(void *user, void (*fn)(void *), void *arg) {
    assert_ptr_equal(user, &hooked);
    if (hooked.created == hooked.limit) return NULL;
    hooked_thread *t = malloc(sizeof *t);
    *t = (hooked_thread){.fn = fn, .arg = arg};
    pthread_create(&t->thread, NULL, hooked_main, t);
    hooked.created++;
    return t;
}

static void hooked_join(void *user, void *thread) {
    assert_ptr_equal(user, &hooked);
    pthread_join(((hooked_thread *)thread)->thread, NULL);
    free(thread);
    hooked.joined++;
}

static void test_hooked_threads(void **state) {
    (void)state;
    const pool_hooks hooks = {&hooked, hooked_create, hooked_join};
    pool *p = NULL;
    sard_error err;
    hooked.limit = 100;
    assert_int_equal(pool_new_hooked(3, &hooks, &p, &err), SARD_OK);
    assert_int_equal(hooked.created, 2);
    check_cover(p, 1000, 3);
    pool_unref(p);
    assert_int_equal(hooked.joined, 2);
    hooked.limit = 3; /* one more, then none */
    assert_int_equal(pool_new_hooked(3, &hooks, &p, &err), SARD_RUNTIME);
    assert_non_null(strstr(err.message, "made 1 of 2"));
    assert_int_equal(hooked.joined, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_index_once),
        cmocka_unit_test(test_lowest_error),
        cmocka_unit_test(test_nested),
        cmocka_unit_test(test_concurrent),
        cmocka_unit_test(test_deep_nesting),
        cmocka_unit_test(test_cancel_and_deadline),
        cmocka_unit_test(test_account),
        cmocka_unit_test(test_fp_state),
        cmocka_unit_test(test_default_pool),
        cmocka_unit_test(test_bad_sizes),
        cmocka_unit_test(test_fork),
        cmocka_unit_test(test_hooked_threads),
        cmocka_unit_test(test_quota),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
