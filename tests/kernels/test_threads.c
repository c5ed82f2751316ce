/*
 * One answer for any number of threads: large pointwise programs, reductions, softmax and normalisation on pools of 1 to
 * 4 threads, bit for bit.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/pool.h"
#include "kernels/norm/norm.h"
#include "kernels/pointwise/pointwise.h"
#include "kernels/reduce/reduce.h"
#include "kernels/softmax/softmax.h"

enum { A = 37, B = 130, C = 211, N = A * B * C };
static float x[N], y[N], out[N], want[N];
static int64_t n_dims[3] = {A, B, C}, dense[3] = {B * C, C, 1}, turned[3] = {1, A, A *B};

static pw_program *program(void) {
    pw_builder b;
    pw_program *p = NULL;
    pw_init(&b);
    pw_val u = pw_input(&b, SARD_F32), v = pw_input(&b, SARD_F32);
    pw_output(&b, pw_op2(&b, PW_SUB, SARD_F32, pw_gelu(&b, SARD_F32, u, false), pw_op1(&b, PW_SIN, SARD_F32, v)));
    assert_int_equal(pw_compile(&b, &p, NULL), SARD_OK);
    return p;
}

/* Every kind of run, number `what`, from x and y into out. */
static void run(int what, const par *threads) {
    memset(out, 0, sizeof out);
    reduce_args r = {.op = what & 1 ? REDUCE_SUM : REDUCE_L2, .type = SARD_F32, .rank = 3, .in = x, .out = out};
    memcpy(r.dim, n_dims, sizeof n_dims), memcpy(r.in_stride, dense, sizeof dense);
    r.out_stride[0] = B * C, r.out_stride[1] = C, r.out_stride[2] = 1;
    softmax_args s = {.type = SARD_F32, .rank = 3, .axis = what % 3, .in = x, .out = out};
    memcpy(s.dim, n_dims, sizeof n_dims), memcpy(s.in_stride, dense, sizeof dense);
    memcpy(s.out_stride, dense, sizeof dense);
    norm_rows_args m = {.type = SARD_F32, .param = SARD_F32, .eps = 1e-5, .rows = A * B, .n = C, .x = x, .y = out};
    if (what < 4) { /* contiguous; broadcast along rows; along columns; transposed */
        static const int64_t last[3] = {0, 0, 1}, lead[3] = {1, 0, 0};
        const int64_t *strides[] = {NULL, last, lead, turned};
        pw_program *p = program();
        pw_geom g;
        assert_int_equal(pw_geom_init(&g, p, 3, n_dims, (const int64_t *[]){NULL, strides[what]}, NULL, NULL), SARD_OK);
        assert_int_equal(pw_run(p, &g, (const void *[]){x, y}, (void *[]){out}, threads, NULL), SARD_OK);
        pw_free(p);
    } else if (what < 12) {
        for (int d = 0; d < 3; d++) r.reduced[d] = what - 4 + 1 == 8 || ((what - 4 + 1) >> d & 1);
        assert_int_equal(reduce_run(&r, threads, NULL), SARD_OK);
    } else if (what < 15) {
        assert_int_equal(softmax_run(&s, threads, NULL), SARD_OK);
    } else if (what == 15) {
        assert_int_equal(norm_rows(&m, threads, NULL), SARD_OK);
    } else {
        assert_int_equal(reduce_cumulative(&r, what % 3, false, true, threads, NULL), SARD_INTERNAL);
        r.op = REDUCE_SUM;
        assert_int_equal(reduce_cumulative(&r, what % 3, false, true, threads, NULL), SARD_OK);
    }
}

static void test_threads(void **state) {
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < N; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        x[i] = (float)(int32_t)(seed >> 32) * 0x1p-29f, y[i] = x[i] * 3 + 1;
    }
    for (int what = 0; what < 18; what++) {
        if (what >= 16 && (what & 1) == 1) continue;
        run(what, NULL);
        memcpy(want, out, sizeof out);
        for (int t = 1; t <= 4; t++) {
            pool *p;
            assert_int_equal(pool_new(t, &p, NULL), SARD_OK);
            run_ctl ctl;
            ctl_init(&ctl);
            par threads = {p, &ctl};
            pool_run_begin(p);
            run(what, &threads);
            pool_run_end(p);
            pool_unref(p);
            assert_memory_equal(out, want, sizeof out);
        }
    }
}

static void test_cancel(void **state) {
    (void)state;
    run_ctl ctl;
    ctl_init(&ctl);
    atomic_store(&ctl.cancel, 1);
    par threads = {NULL, &ctl};
    pw_program *p = program();
    pw_geom g;
    sard_error err;
    assert_int_equal(pw_geom_init(&g, p, 3, n_dims, NULL, NULL, NULL), SARD_OK);
    assert_int_equal(pw_run(p, &g, (const void *[]){x, y}, (void *[]){out}, &threads, &err), SARD_CANCELLED);
    pw_free(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_threads), cmocka_unit_test(test_cancel)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
