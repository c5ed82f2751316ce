/* Pooling: every kernel of the list against the definition in plain C, bit for bit. */
#include "kernels/kernel_pools.h"
#include "kernels/kernel_test.h"

#include "kernels/pool/pooling_rows.h"

static pooling make(bool last) {
    pooling p = {.rank = (int)PICK(1, 2, 2, 3), .n = PICK(1, 2), .c = PICK(1, 2, 3, 15, 16, 17, 33, 64, 70, 129)};
    for (int d = 0; d < p.rank; d++) {
        p.kernel[d] = p.rank == 1 ? PICK(1, 2, 3, 7, 70) : PICK(1, 2, 3, 5);
        p.stride[d] = PICK(1, 1, 2, 3);
        p.dilation[d] = PICK(1, 1, 1, 2);
        p.in[d] = p.rank == 3 ? PICK(1, 4, 6) : PICK(1, 5, 9, 16, 35);
        p.pad[d] = kt_below(p.kernel[d]), p.pad_end[d] = kt_below(p.kernel[d]);
        const int64_t room = p.in[d] + p.pad[d] + p.pad_end[d] - (p.kernel[d] - 1) * p.dilation[d] - 1;
        p.out[d] = (room < 0 ? 0 : room / p.stride[d]) + 1 + kt_below(2);
    }
    pooling_strides(p.rank, p.c, p.in, last, &p.x_n, &p.x_c, p.x_s);
    pooling_strides(p.rank, p.c, p.out, last, &p.y_n, &p.y_c, p.y_s);
    p.kind = (pooling_kind)kt_below(POOLING_KINDS);
    p.count_pad = kt_below(2), p.p = PICK(1, 2, 2, 3), p.column_major = kt_below(2);
    return p;
}

static int64_t count(const pooling *p, const int64_t *extent) {
    int64_t n = p->n * p->c;
    for (int d = 0; d < p->rank; d++) n *= extent[d];
    return n;
}

static void fill(unsigned char *x, int64_t n, sard_dtype t) {
    for (int64_t i = 0; i < n; i++) {
        const float f = kt_float(kt_below(4) == 0 ? KT_SPECIAL : KT_PLAIN);
        const double d = f;
        if (t == SARD_F32)
            memcpy(x + i * 4, &f, 4);
        else if (t == SARD_F64)
            memcpy(x + i * 8, &d, 8);
        else
            x[i] = (unsigned char)kt_u32();
    }
}

static int64_t differ(const void *a, const void *b, int64_t n, sard_dtype t) {
    if (t == SARD_F32) return kt_differ(a, b, n);
    if (t == SARD_F64) return kt_differ_f64(a, b, n);
    for (int64_t i = 0; i < n; i++)
        if (((const char *)a)[i] != ((const char *)b)[i]) return i;
    return -1;
}

static void one_case(void) {
    static const sard_dtype types[] = {SARD_F32, SARD_F32, SARD_F64, SARD_I8, SARD_U8};
    const sard_dtype t = types[kt_below(5)];
    const size_t size = t == SARD_F32 ? 4 : t == SARD_F64 ? 8 : 1;
    pooling p = make(kt_below(2));
    if (size == 1) p.kind = POOLING_MAX;
    const int64_t xs = count(&p, p.in), ys = count(&p, p.out);
    kt_buffer x = kt_alloc((size_t)xs * size, size * (size_t)kt_below(8));
    kt_buffer want = kt_alloc((size_t)ys * size, 0), got = kt_alloc((size_t)ys * size, size * (size_t)kt_below(8));
    kt_buffer want_at = kt_alloc((size_t)ys * 8, 0), got_at = kt_alloc((size_t)ys * 8, 0);
    fill(x.p, xs, t);
    p.x = x.p, p.y = want.p;
    const bool indices = p.kind == POOLING_MAX && kt_below(3) == 0;
    p.indices = indices ? (int64_t *)(void *)want_at.p : NULL;
    pooling_ref(&p, t);
    p.y = got.p, p.indices = indices ? (int64_t *)(void *)got_at.p : NULL;
    for (int i = 0; pooling_kernels[i]; i++) {
        if (!cpu_has(pooling_kernels[i]->level)) continue;
        for (int threads = 0; threads < 2; threads++) {
            par on = {pools[threads], NULL};
            assert_int_equal(pooling_run_on(pooling_kernels[i]->level, &p, t, &on, NULL), SARD_OK);
            const int64_t bad = differ(want.p, got.p, ys, t);
            if (bad >= 0)
                fail_msg("%s: type %d kind %d p %d rank %d c %d in %d kernel %d element %d",
                         isa_name(pooling_kernels[i]->level), (int)t, (int)p.kind, (int)p.p, p.rank, (int)p.c,
                         (int)p.in[0], (int)p.kernel[0], (int)bad);
            if (indices) assert_memory_equal(want_at.p, got_at.p, (size_t)ys * 8);
            memset(got.p, 0x11, got.n), memset(got_at.p, 0x11, got_at.n);
        }
    }
    kt_free(&x), kt_free(&want), kt_free(&got), kt_free(&want_at), kt_free(&got_at);
}

static void every_kernel(void **state) {
    (void)state;
    for (int i = 0; pooling_kernels[i]; i++)
        printf("pooling %-7s %s\n", isa_name(pooling_kernels[i]->level),
               cpu_has(pooling_kernels[i]->level) ? "ran" : "not here");
    for (int i = 0; i < 800; i++) one_case();
}

static void refusals(void **state) {
    (void)state;
    float x = 1, y = 5;
    pooling p = {.kind = POOLING_AVERAGE,
                 .rank = 1,
                 .n = 1,
                 .c = 1,
                 .in = {1},
                 .out = {1},
                 .kernel = {1},
                 .stride = {1},
                 .dilation = {1},
                 .x = &x,
                 .y = &y};
    pooling_strides(1, 1, p.in, false, &p.x_n, &p.x_c, p.x_s);
    pooling_strides(1, 1, p.out, false, &p.y_n, &p.y_c, p.y_s);
    assert_int_equal(pooling_run(&p, SARD_F32, NULL, NULL), SARD_OK);
    assert_true(y == 1);
    assert_int_equal(pooling_run(&p, SARD_I8, NULL, NULL), SARD_INVALID_ARGUMENT);
    p.stride[0] = 0;
    assert_int_equal(pooling_run(&p, SARD_F32, NULL, NULL), SARD_INVALID_ARGUMENT);
    p.stride[0] = 1, p.kind = POOLING_NORM, p.p = 0;
    assert_int_equal(pooling_run(&p, SARD_F32, NULL, NULL), SARD_INVALID_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_kernel), cmocka_unit_test(refusals)};
    return cmocka_run_group_tests(tests, pools_open, pools_close);
}
