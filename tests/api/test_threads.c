/* test_threads.c -- one model, many threads: runs, fetches of ever other values, looking at types, loading. */
#include <pthread.h>
#include <stdatomic.h>

#include "api_test.h"

enum { THREADS = 4, ROUNDS = 30, CHAIN = 12 };

/* y = x + 1, twelve times: v0 .. v11; more values than variants are kept. */
static sard_model *make_chain(void) {
    sard_error err;
    sard_builder *b = NULL;
    sard_model *m = NULL;
    sard_value *one = floats(0, NULL, FLOATS(1));
    OK(sard_builder_new("chain", &b, &err));
    OK(sard_builder_input(b, "x", SARD_F32, 1, DIMS(-1), NAMES("n"), &err));
    OK(sard_builder_initializer(b, "one", one, &err));
    for (int i = 0; i < CHAIN; i++) {
        char from[8], to[8];
        snprintf(from, sizeof from, i ? "v%d" : "x", i - 1);
        snprintf(to, sizeof to, "v%d", i);
        OK(sard_builder_node(b, "", "Add", to, NAMES(from, "one"), 2, NAMES(to), 1, &err));
    }
    OK(sard_builder_output(b, "v11", SARD_F32, 1, DIMS(-1), NAMES("n"), &err));
    OK(sard_builder_build(b, NULL, &m, &err));
    sard_builder_free(b);
    sard_value_unref(one);
    return m;
}

static atomic_int wrong;

static void one_round(sard_model *m, unsigned r) {
    const int64_t n = 1 + r % 5;
    char name[8];
    const int at = (int)(r * 7 % CHAIN);
    snprintf(name, sizeof name, "v%d", at);
    sard_value *x = NULL, *out[2] = {NULL};
    sard_status st = sard_tensor_new(SARD_F32, 1, &n, &x, NULL);
    if (st == SARD_OK) st = sard_run(m, NULL, NAMES("x"), &x, 1, NAMES(name, "v11"), out, 2, NULL);
    if (st != SARD_OK || sard_tensor_dims(out[0])[0] != n ||
        *(const float *)sard_tensor_data(out[0]) != (float)at + 1 || *(const float *)sard_tensor_data(out[1]) != CHAIN)
        atomic_fetch_add(&wrong, 1);
    if (!sard_model_value_type(m, name)) atomic_fetch_add(&wrong, 1);
    sard_value_unref(out[0]);
    sard_value_unref(out[1]);
    sard_value_unref(x);
}

typedef struct job {
    sard_model *m;
    unsigned seed;
} job;

static void *work(void *arg) {
    const job *j = arg;
    for (unsigned r = 0; r < ROUNDS; r++) one_round(j->m, j->seed * 31 + r);
    sard_model_unref(j->m);
    return NULL;
}

static void test_shared_model(void **state) {
    (void)state;
    sard_model *m = make_chain();
    pthread_t threads[THREADS];
    job jobs[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        jobs[i] = (job){sard_model_ref(m), i};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &jobs[i]), 0);
    }
    sard_model_unref(m);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&wrong), 0);
}

/* Another thread's flag ends a run that is under way. */
static void *set_flag(void *flag) {
    __atomic_store_n((int *)flag, 1, __ATOMIC_RELAXED);
    return NULL;
}

static void test_cancel_from_outside(void **state) {
    (void)state;
    sard_error err = {0};
    sard_model *m = make_chain();
    volatile int flag = 0;
    const sard_run_options o = {.cancel = &flag};
    sard_value *x = NULL;
    OK(sard_tensor_new(SARD_F32, 1, DIMS(1000), &x, &err));
    pthread_t t;
    assert_int_equal(pthread_create(&t, NULL, set_flag, (void *)(uintptr_t)&flag), 0);
    sard_status st = SARD_OK;
    while (st == SARD_OK) {
        sard_value *y = NULL;
        st = sard_run(m, &o, NAMES("x"), &x, 1, NULL, &y, 1, &err);
        sard_value_unref(y);
    }
    assert_int_equal(st, SARD_CANCELLED);
    pthread_join(t, NULL);
    sard_value_unref(x);
    sard_model_unref(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shared_model), cmocka_unit_test(test_cancel_from_outside)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
