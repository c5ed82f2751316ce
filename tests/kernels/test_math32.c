/*
 * The functions of float: error in ulp against double (math64.h, itself tested against long double) over a stride of all
 * bit patterns and edge cases, through compiled programs at every instruction set, whose bits must agree with the plain
 * C ones. With an argument ("1" for all floats) the stride is smaller: see `make exhaustive`.
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

#include "kernels/pointwise/math64.h"
#include "kernels/pointwise/program.h"

static int64_t stride = 100003;

static double ulps(float y, double r) {
    if (isnan(y) || isnan(r)) return isnan(y) && isnan(r) ? 0 : 1e9;
    if ((float)r == y) return y == 0 && !signbit(y) != !signbit(r) ? 2e9 : fabs((double)y - r) == 0 ? 0 : 0.5;
    if (isinf((float)r) && isinf(r)) return 1e9;
    int e;
    frexp(r, &e);
    if (e < -125) e = -125;
    double d = isinf(y) ? copysign(0x1p128, (double)y) : (double)y;
    return fabs(d - r) * ldexp(1, 24 - e);
}

typedef struct fn {
    pw_opcode op;
    double (*r)(double);
    double bound;
} fn;
static const fn FN[] = {{PW_EXP, m64_exp, 0.9},      {PW_EXPM1, m64_expm1, 1.7},       {PW_LOG, m64_log, 1.6},
                        {PW_LOG1P, m64_log1p, 0.51}, {PW_SIGMOID, m64_sigmoid, 2.5},   {PW_TANH, m64_tanh, 2.7},
                        {PW_ERF, m64_erf, 1.7},      {PW_SOFTPLUS, m64_softplus, 2.2}, {PW_SIN, m64_sin, 1.6},
                        {PW_COS, m64_cos, 1.6},      {PW_TAN, m64_tan, 0.51},          {PW_ASIN, m64_asin, 0.51},
                        {PW_ACOS, m64_acos, 0.51},   {PW_ATAN, m64_atan, 0.51},        {PW_SINH, m64_sinh, 0.51},
                        {PW_COSH, m64_cosh, 0.51},   {PW_ASINH, m64_asinh, 0.51},      {PW_ACOSH, m64_acosh, 0.51},
                        {PW_ATANH, m64_atanh, 0.51}};
enum { N = 4096 };

static pw_program *compile1(pw_opcode op, isa level, int operands) {
    pw_builder b;
    pw_init(&b);
    pw_val x = pw_input(&b, SARD_F32);
    pw_output(&b, operands == 1 ? pw_op1(&b, op, SARD_F32, x) : pw_op2(&b, op, SARD_F32, x, pw_input(&b, SARD_F32)));
    pw_program *p;
    assert_int_equal(pw_compile_for(&b, level, &p, NULL), SARD_OK);
    return p;
}

static void run(const pw_program *p, const float *x, const float *y, float *out, int64_t n) {
    pw_geom g;
    const void *in[] = {x, y};
    void *o[] = {out};
    assert_int_equal(pw_geom_init(&g, p, 1, &n, NULL, NULL, NULL), SARD_OK);
    assert_int_equal(pw_run(p, &g, in, o, NULL, NULL), SARD_OK);
}

static void same_bits(const float *a, const float *b, const float *x, const char *name, isa level) {
    for (int i = 0; i < N; i++)
        if (memcmp(a + i, b + i, 4) && !(a[i] != a[i] && b[i] != b[i])) {
            printf("%s(%a): %s gives %a, ref %a\n", name, (double)x[i], isa_name(level), (double)a[i], (double)b[i]);
            fail();
        }
}

static const isa LEVELS[] = {ISA_NEON, ISA_AVX2, ISA_AVX512};

static void fill(float *x, int64_t from) {
    static const float edges[] = {
        0,          -0.f,          1,         -1,         INFINITY,  -INFINITY,   NAN,
        0x1p-149f,  -0x1p-149f,    0x1p-126f, 88.722839f, 88.72284f, -103.97208f, -103.97209f,
        -87.33655f, 3.4028235e38f, 9.1f,      3.9192059f, 131072,    131080,      0x1.921fb6p+0f};
    for (int i = 0; i < N; i++) {
        uint32_t b = (uint32_t)(from + i * stride);
        memcpy(x + i, &b, 4);
    }
    if (from == 0) memcpy(x, edges, sizeof edges);
}

static void test_functions(void **state) {
    (void)state;
    static float x[N], ref[N], y[N];
    for (size_t k = 0; k < sizeof FN / sizeof *FN; k++) {
        pw_program *r = compile1(FN[k].op, ISA_REF, 1), *p[3] = {0};
        for (int l = 0; l < 3; l++)
            if (cpu_has(LEVELS[l]) && pw_code_for(LEVELS[l], 32)) p[l] = compile1(FN[k].op, LEVELS[l], 1);
        double worst = 0;
        float at = 0;
        for (int64_t from = 0; from < (int64_t)1 << 32; from += N * stride) {
            fill(x, from);
            run(r, x, NULL, ref, N);
            for (int l = 0; l < 3; l++)
                if (p[l]) run(p[l], x, NULL, y, N), same_bits(y, ref, x, pw_opcode_name(FN[k].op), LEVELS[l]);
            for (int i = 0; i < N; i++) {
                double e = ulps(ref[i], FN[k].r((double)x[i]));
                if (e > worst) worst = e, at = x[i];
            }
        }
        printf("%-9s %.3f ulp at %.9g\n", pw_opcode_name(FN[k].op), worst, (double)at);
        assert_true(worst <= FN[k].bound);
        pw_free(r);
        for (int l = 0; l < 3; l++) pw_free(p[l]);
    }
}

static void test_pow(void **state) {
    (void)state;
    static float x[N], e[N], ref[N], y[N];
    pw_program *r = compile1(PW_POW, ISA_REF, 2);
    double worst = 0;
    uint64_t seed = 99;
    for (int round_ = 0; round_ < 64; round_++) {
        fill(x, round_ * 40503);
        for (int i = 0; i < N; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            e[i] = (float)(int32_t)(seed >> 32) * 0x1p-27f;
            if (i % 4 == 1) e[i] = rintf(e[i]);
            if (i % 4 == 2) x[i] = 1 + fabsf(e[i]) / 16;
            if (i % 64 == 5) e[i] = x[(i * 7 + round_) % 21];
            if (i % 64 == 6) x[i] = x[(i * 5 + round_) % 21];
        }
        run(r, x, e, ref, N);
        for (int l = 0; l < 3; l++) {
            if (!cpu_has(LEVELS[l]) || !pw_code_for(LEVELS[l], 32)) continue;
            pw_program *p = compile1(PW_POW, LEVELS[l], 2);
            run(p, x, e, y, N), same_bits(y, ref, x, "POW", LEVELS[l]);
            pw_free(p);
        }
        for (int i = 0; i < N; i++) {
            double u = ulps(ref[i], m64_pow((double)x[i], (double)e[i]));
            if (u > worst) worst = u;
        }
    }
    pw_free(r);
    printf("POW       %.3f ulp\n", worst);
    assert_true(worst <= 0.7);
}

int main(int argc, char **argv) {
    if (argc > 1) stride = strtoll(argv[1], NULL, 10);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_functions), cmocka_unit_test(test_pow)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
