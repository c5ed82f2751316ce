/*
 * kernel_pools.h -- a test program's pools of one and of two threads: a kernel's answer must be the same in both.
 */
#ifndef SARD_TESTS_KERNEL_POOLS_H
#define SARD_TESTS_KERNEL_POOLS_H

#include "base/pool.h"

static pool *pools[2]; /* one thread, two threads */

/* For cmocka_run_group_tests. */
static int pools_open(void **state) {
    (void)state;
    return pool_new(1, &pools[0], NULL) != SARD_OK || pool_new(2, &pools[1], NULL) != SARD_OK;
}
static int pools_close(void **state) {
    (void)state;
    pool_unref(pools[0]);
    pool_unref(pools[1]);
    return 0;
}

#endif
