/* base/simd.h: every operation gives plain C's bits on every instruction set of this machine. */
#include "kernels/kernel_test.h"

#include "base/cpu.h"
#include "base/half.h"
#include "base/simd_probe.h"

static void fill(probe_in *in) {
    static const float edge[] = {
        0,         -0.f,       1,         -1,       .5f,       -.5f,      1.5f,       2.5f,         -2.5f,
        .4999999f, 8388607.5f, 8388608,   -8388609, 1e10f,     0x1p31f,   -0x1p31f,   2147483520.f, 3e9f,
        -3e9f,     INFINITY,   -INFINITY, NAN,      0x1p-126f, 0x1p-149f, -0x1p-140f, 3.4e38f,      65504,
        65520,     65519.9f,   6e-8f,     .75f,     1.4999999f};
    enum { EDGES = sizeof edge / sizeof *edge };
    for (int k = 0; k < PROBE_N; k++) {
        for (int j = 0; j < 3; j++) {
            const uint64_t u = (uint64_t)kt_u32() << 32 | kt_u32();
            in->f[j][k] = k < EDGES * EDGES ? edge[j == 0   ? k / EDGES
                                                   : j == 1 ? k % EDGES
                                                            : (int)(kt_u32() % EDGES)]
                                            : bits_f32(kt_u32());
            in->d[j][k] = (double)in->f[j][k];
            if (k >= EDGES * EDGES) memcpy(&in->d[j][k], &u, 8);
        }
        if (k % 7 == 0)
            in->f[0][k] = (float)(int32_t)kt_u32() * 0x1p-20f, in->d[0][k] = (double)(int32_t)kt_u32() * 0x1.3p-9;
        for (int j = 0; j < 2; j++)
            in->i[j][k] = (int32_t)kt_u32(), in->l[j][k] = (int64_t)((uint64_t)kt_u32() << 32 | kt_u32());
        if (k % 4 == 0) in->i[1][k] = in->i[0][k], in->l[1][k] = in->l[0][k];
        in->mantissa[k] = 0.5f + (float)(kt_u32() >> 8) * 0x1.8p-24f;
        in->exponent[k] = (float)(int)(kt_u32() % 300) - 160;
        in->half[k] = (uint16_t)kt_u32();
        in->byte[k] = kt_u32() & 1 ? (uint8_t)kt_u32() : 0;
    }
    in->d[0][5] = 0x1p63, in->d[0][6] = -0x1p63, in->d[0][7] = 9.3e18, in->d[0][8] = -9.3e18, in->d[0][9] = 0x1p-1074;
}

static probe_in in;
static probe_out want, got;

static void one_set(isa level, void (*probe)(const probe_in *, probe_out *)) {
    printf("simd %-7s %s\n", isa_name(level), cpu_has(level) ? "ran" : "not on this machine");
    if (!cpu_has(level)) return;
    probe(&in, &got);
    if (got.wrong) fail_msg("%s: %s touched other lanes", isa_name(level), got.wrong);
    assert_int_equal(got.n, want.n);
    for (int op = 0; op < want.n; op++)
        for (int k = 0; k < PROBE_N; k++)
            if (want.bits[op][k] != got.bits[op][k])
                fail_msg("%s: %s: element %d is %llx, expected %llx", isa_name(level), want.name[op], k,
                         (unsigned long long)got.bits[op][k], (unsigned long long)want.bits[op][k]);
}

static void every_set(void **state) {
    (void)state;
    fill(&in);
    simd_probe_ref(&in, &want);
    assert_null(want.wrong);
    assert_true(want.n > 90 && want.n <= PROBE_MAX_OPS);
#if defined(__x86_64__)
    one_set(ISA_AVX2, simd_probe_avx2);
    one_set(ISA_AVX512, simd_probe_avx512);
#elif defined(__aarch64__)
    one_set(ISA_NEON, simd_probe_neon);
#endif
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_set)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
