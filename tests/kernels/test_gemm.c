/* Products of matrices: every kernel of the list against the definition in plain C, bit for bit. */
#include "kernels/kernel_pools.h"
#include "kernels/kernel_test.h"

#include "kernels/gemm/gemm_tile.h"

static const int64_t sizes[] = {1, 2, 3, 5, 7, 8, 13, 15, 16, 17, 28, 31, 32, 33, 47, 48, 64, 65, 97, 129};
static const int64_t depths[] = {0, 1, 2, 3, 7, 16, 63, 64, 100, 511, 512, 513, 1023, 1024, 1025, 1500, 2049};
#define ONE_OF(a) (a)[kt_below((int64_t)(sizeof(a) / sizeof *(a)))]

/* What one random case looks like; the same for float and double. */
typedef struct plan {
    int64_t m, n, k, batches[2], a_rs, a_cs, b_rs, b_cs, ldc, bias_rs, bias_cs, a_batch[2], b_batch[2], c_batch[2];
    int packed, bias, add, act, hook, no_c, special;
    double alpha, beta;
} plan;

static plan make_plan(void) {
    plan p = {.m = ONE_OF(sizes), .n = ONE_OF(sizes), .k = ONE_OF(depths), .batches = {1, 1}, .alpha = 1, .beta = 1};
    p.special = kt_below(2) == 0;
    p.packed = (int)kt_below(2);
    if (kt_below(4) == 0) p.batches[0] = 1 + kt_below(3), p.batches[1] = 1 + kt_below(4);
    while (p.m * p.n * p.k * p.batches[0] * p.batches[1] > 1500000) p.m = ONE_OF(sizes), p.k = ONE_OF(depths);
    const int64_t pad = kt_below(3);
    const int a_turned = kt_below(4) == 0, b_turned = kt_below(2) == 0;
    p.a_rs = a_turned ? 1 : p.k + pad, p.a_cs = a_turned ? p.m + pad : 1;
    p.b_rs = b_turned ? 1 : p.n + pad, p.b_cs = b_turned ? p.k + pad : 1;
    if (kt_below(16) == 0) p.a_rs = 1024; /* rows in the same cache sets */
    if (p.a_rs == 1024) p.a_cs = 1, p.k = p.k > 1024 ? 1024 : p.k, p.b_cs = b_turned ? p.k + pad : 1;
    p.ldc = p.n + kt_below(3);
    const int64_t a_one = (p.m - 1) * p.a_rs + (p.k > 0 ? (p.k - 1) * p.a_cs : 0) + 1;
    const int64_t b_one = (p.k > 0 ? (p.k - 1) * p.b_rs : 0) + (p.n - 1) * p.b_cs + 1;
    const int a_all = kt_below(4) != 0, b_all = kt_below(4) != 0;
    p.a_batch[1] = a_all ? (a_turned ? a_one : p.m * p.a_rs) : 0;
    p.a_batch[0] = kt_below(8) == 0 ? 0 : p.a_batch[1] * p.batches[1];
    p.b_batch[1] = p.packed || !b_all ? 0 : b_one;
    p.b_batch[0] = p.packed || kt_below(4) == 0 ? 0 : b_one * p.batches[1];
    p.c_batch[1] = p.m * p.ldc;
    p.c_batch[0] = p.batches[1] * p.m * p.ldc;
    p.bias = (int)kt_below(5);
    const int64_t rs[] = {0, 0, 1, 0, p.n + 1}, cs[] = {0, 1, 0, 0, 1};
    p.bias_rs = rs[p.bias], p.bias_cs = cs[p.bias];
    p.add = kt_below(3) == 0, p.act = (int)kt_below(3), p.hook = kt_below(3) == 0;
    p.no_c = p.hook && kt_below(2) == 0;
    if (kt_below(4) == 0) p.alpha = 0.7, p.beta = kt_below(2) ? 1 : -1.3;
    return p;
}

#define T       float
#define G(name) name##_f32
#define DIFFER  kt_differ
#include "kernels/gemm_case.inc"
#define T       double
#define G(name) name##_f64
#define DIFFER  kt_differ_f64
#include "kernels/gemm_case.inc"

static void every_kernel(void **state) {
    (void)state;
    cases_f32(600);
    cases_f64(300);
}

/* A row's bits do not depend on the rows beside it. */
static void rows_alone(void **state) {
    (void)state;
    const int64_t m = 37, n = 70, k = 777;
    float *a = malloc(sizeof(float) * (size_t)(m * k)), *b = malloc(sizeof(float) * (size_t)(k * n));
    float *all = malloc(sizeof(float) * (size_t)(m * n)), one[70];
    for (int64_t i = 0; i < m * k; i++) a[i] = kt_real();
    for (int64_t i = 0; i < k * n; i++) b[i] = kt_real();
    gemm_f32 g = {.m = m,
                  .n = n,
                  .k = k,
                  .a = a,
                  .a_rs = k,
                  .a_cs = 1,
                  .b = b,
                  .b_rs = n,
                  .b_cs = 1,
                  .c = all,
                  .c_rs = n,
                  .e = GEMM_EPILOGUE_NONE};
    void *scratch = aligned_alloc(64, gemm_scratch_f32(&g, 1));
    assert_int_equal(gemm_run_f32(&g, NULL, scratch, NULL), SARD_OK);
    for (int64_t i = 0; i < m; i++) {
        gemm_f32 h = g;
        h.m = 1, h.a = a + i * k, h.c = one;
        void *s = aligned_alloc(64, gemm_scratch_f32(&h, 1));
        assert_int_equal(gemm_run_f32(&h, NULL, s, NULL), SARD_OK);
        assert_memory_equal(one, all + i * n, sizeof one);
        free(s);
    }
    free(scratch), free(a), free(b), free(all);
}

static void integers(void **state) {
    (void)state;
    for (int round = 0; round < 40; round++) {
        const int64_t m = ONE_OF(sizes), n = ONE_OF(sizes), k = kt_below(40), turned = kt_below(2),
                      batches = 1 + kt_below(3);
        uint64_t *a = calloc((size_t)(batches * m * k + 1), 8), *b = calloc((size_t)(k * n + 1), 8);
        uint64_t *c = calloc((size_t)(batches * m * n), 8);
        for (int64_t i = 0; i < batches * m * k; i++) a[i] = (uint64_t)kt_u32() << 32 | kt_u32();
        for (int64_t i = 0; i < k * n; i++) b[i] = (uint64_t)kt_u32() << 32 | kt_u32();
        gemm_int g = {.m = m,
                      .n = n,
                      .k = k,
                      .a = a,
                      .a_rs = k,
                      .a_cs = 1,
                      .b = b,
                      .b_rs = turned ? 1 : n,
                      .b_cs = turned ? k : 1,
                      .c = c,
                      .c_rs = n,
                      .batch_rank = 1,
                      .batch_dim = {batches},
                      .a_batch = {m * k},
                      .c_batch = {m * n}};
        assert_int_equal(gemm_run_i64(&g, &(par){pools[round & 1], NULL}, NULL), SARD_OK);
        for (int64_t i = 0; i < batches * m; i++)
            for (int64_t j = 0; j < n; j++) {
                uint64_t s = 0;
                for (int64_t p = 0; p < k; p++) s += a[i * k + p] * b[p * g.b_rs + j * g.b_cs];
                assert_true(c[i * n + j] == s);
            }
        free(a), free(b), free(c);
    }
}

static void nothing_to_do(void **state) {
    (void)state;
    gemm_f32 g = {.m = 0, .n = 5, .k = 3, .e = GEMM_EPILOGUE_NONE};
    assert_int_equal(gemm_scratch_f32(&g, 2), 0);
    float c = 1;
    g.c = &c;
    assert_int_equal(gemm_run_f32(&g, NULL, NULL, NULL), SARD_OK);
    g.m = -1;
    assert_int_equal(gemm_run_f32(&g, NULL, NULL, NULL), SARD_INTERNAL);
    assert_int_equal(gemm_pack_bytes(INT64_MAX, 16, 4), 0);
    assert_int_equal(gemm_pack_bytes(3, 17, 4), 3 * 32 * 4);
    assert_true(c == 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_kernel), cmocka_unit_test(rows_alone),
                                       cmocka_unit_test(integers), cmocka_unit_test(nothing_to_do)};
    return cmocka_run_group_tests(tests, pools_open, pools_close);
}
