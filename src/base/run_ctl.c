/*
 * run_ctl.c -- what one run may use: its cancel flags, deadline and memory account, shared by all its threads.
 */
#include <time.h>

#include "base/mem.h"
#include "base/pool.h"

int64_t clock_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void ctl_init(run_ctl *c) {
    atomic_init(&c->cancel, 0);
    c->cancel_user = NULL;
    c->deadline_ns = 0;
    atomic_init(&c->used, 0);
    atomic_init(&c->peak, 0);
    c->limit = 0;
}

sard_status ctl_check(run_ctl *c, sard_error *err) {
    if (!c) return SARD_OK;
    if (atomic_load_explicit(&c->cancel, memory_order_relaxed) ||
        (c->cancel_user && atomic_load_explicit(c->cancel_user, memory_order_relaxed)))
        return err_set(err, SARD_CANCELLED, "the run was cancelled");
    if (c->deadline_ns && clock_ns() >= c->deadline_ns) return err_set(err, SARD_DEADLINE, "the deadline has passed");
    return SARD_OK;
}

sard_status ctl_charge(run_ctl *c, size_t bytes, sard_error *err) {
    if (!c) return SARD_OK;
    size_t used = atomic_load_explicit(&c->used, memory_order_relaxed), now;
    do {
        if (add_size(used, bytes, &now) || (c->limit && now > c->limit))
            return err_set(err, SARD_LIMIT,
                           "the run's memory limit of %zu bytes is reached: %zu in use, %zu more wanted", c->limit,
                           used, bytes);
    } while (!atomic_compare_exchange_weak(&c->used, &used, now));
    size_t peak = atomic_load_explicit(&c->peak, memory_order_relaxed);
    while (peak < now && !atomic_compare_exchange_weak(&c->peak, &peak, now)) {
    }
    return SARD_OK;
}

void ctl_release(run_ctl *c, size_t bytes) {
    if (c) atomic_fetch_sub(&c->used, bytes);
}
