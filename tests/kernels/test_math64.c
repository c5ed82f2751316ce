/* The double precision functions against the C library's long double ones: error in ulp over random and special
 * arguments, and the special values of C99. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kernels/pointwise/math64.h"

static uint64_t seed = 20240607;
static uint64_t rnd(void) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    uint64_t x = seed;
    x ^= x >> 29, x *= 0x9e3779b97f4a7c15u;
    return x ^ x >> 32;
}
static double of(uint64_t b) {
    double x;
    memcpy(&x, &b, 8);
    return x;
}

/* Difference in units of the last place of the exact value r. */
static double ulps(double y, long double r) {
    if (isnan(y) || isnan(r)) return isnan(y) && isnan(r) ? 0 : 1e9;
    if ((double)r == y) return y == 0 && !signbit(y) != !signbit(r) ? 2e9 : 0;
    if (isinf(y) || isinf((double)r)) return 1e9;
    int e;
    frexpl(r, &e);
    if (e < -1021) e = -1021;
    return (double)fabsl(ldexpl((long double)y - r, 53 - e));
}

static long double sigmoidl(long double x) { return 1 / (1 + expl(-x)); }
static long double softplusl(long double x) { return x > 60 ? x : log1pl(expl(x)); }

typedef struct fn {
    const char *name;
    double (*f)(double);
    long double (*r)(long double);
    double lo, hi, bound;
} fn;
static const fn FN[] = {
    {"exp", m64_exp, expl, -750, 712, 0.6},
    {"expm1", m64_expm1, expm1l, -50, 712, 0.6},
    {"log", m64_log, logl, 0, 4, 0.6},
    {"log1p", m64_log1p, log1pl, -1, 4, 0.6},
    {"sigmoid", m64_sigmoid, sigmoidl, -60, 60, 0.6},
    {"softplus", m64_softplus, softplusl, -60, 60, 0.6},
    {"tanh", m64_tanh, tanhl, -21, 21, 0.6},
    {"sinh", m64_sinh, sinhl, -712, 712, 0.6},
    {"cosh", m64_cosh, coshl, -712, 712, 0.6},
    {"asinh", m64_asinh, asinhl, -100, 100, 0.6},
    {"acosh", m64_acosh, acoshl, 1, 100, 0.6},
    {"atanh", m64_atanh, atanhl, -1, 1, 0.6},
    {"erf", m64_erf, erfl, -6, 6, 0.9},
    {"sin", m64_sin, sinl, -100, 100, 0.8},
    {"cos", m64_cos, cosl, -100, 100, 0.8},
    {"tan", m64_tan, tanl, -100, 100, 1.0},
    {"asin", m64_asin, asinl, -1, 1, 0.6},
    {"acos", m64_acos, acosl, -1, 1, 0.6},
    {"atan", m64_atan, atanl, -10, 10, 0.6},
};

static void test_errors(void **state) {
    (void)state;
    static const double special[] = {0,        -0.0,
                                     1,        -1,
                                     0.5,      -0.5,
                                     2,        1e300,
                                     -1e300,   5e-324,
                                     -5e-324,  NAN,
                                     INFINITY, -INFINITY,
                                     1e-300,   709.7827,
                                     -745.133, 0x1p-1022,
                                     1e22,     3.141592653589793,
                                     1e-9,     -1e-9,
                                     0x1p-20,  -0x1p-20,
                                     0x1p-10,  1.5707963267948966,
                                     40,       -40,
                                     20,       0.99999999999999989};
    for (size_t k = 0; k < sizeof FN / sizeof *FN; k++) {
        const fn *f = FN + k;
        double worst = 0, at = 0;
        for (int i = 0; i < 60000; i++) {
            double x;
            if (i < (int)(sizeof special / sizeof *special))
                x = special[i];
            else if (i % 3 == 0)
                x = of(rnd()); /* any double */
            else if (i % 3 == 1)
                x = f->lo + (f->hi - f->lo) * (double)(rnd() >> 11) * 0x1p-53;
            else
                x = (i & 1 ? 1 : -1) * ldexp(1 + (double)(rnd() >> 11) * 0x1p-53, (int)(rnd() % 44) - 40);
            double e = ulps(f->f(x), f->r((long double)x));
            if (e > worst) worst = e, at = x;
        }
        printf("%-9s %.3f ulp at %.17g\n", f->name, worst, at);
        if (worst > f->bound)
            printf("  got %.17g wanted %.17g\n", f->f(at), (double)f->r((long double)at)),
                assert_true(worst <= f->bound);
    }
}

static void test_pow(void **state) {
    (void)state;
    static const double s[] = {0,
                               -0.0,
                               1,
                               -1,
                               2,
                               -2,
                               0.5,
                               -0.5,
                               3,
                               -3,
                               1e300,
                               -1e300,
                               INFINITY,
                               -INFINITY,
                               NAN,
                               0x1p53,
                               4503599627370497.0,
                               1e-300,
                               5e-324};
    int n = sizeof s / sizeof *s;
    double worst = 0, worst2 = 0;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            double e = ulps(m64_pow(s[i], s[j]), powl(s[i], s[j]));
            if (e > 0.6) printf("pow(%g, %g) = %g, wanted %Lg\n", s[i], s[j], m64_pow(s[i], s[j]), powl(s[i], s[j]));
            assert_true(e <= 0.6);
            e = ulps(m64_atan2(s[i], s[j]), atan2l(s[i], s[j]));
            if (e > 0.6)
                printf("atan2(%g, %g) = %g, wanted %Lg\n", s[i], s[j], m64_atan2(s[i], s[j]), atan2l(s[i], s[j]));
            assert_true(e <= 0.6);
            double f = m64_fmod(s[i], s[j]);
            assert_true(ulps(f, fmodl(s[i], s[j])) == 0);
        }
    for (int i = 0; i < 100000; i++) {
        double x = i & 1 ? of(rnd() & INT64_MAX) : ldexp(1 + (double)(rnd() >> 11) * 0x1p-53, (int)(rnd() % 9) - 4);
        double y = ((double)(rnd() >> 11) * 0x1p-52 - 1) * (i & 1 ? 2 : 100);
        double e = ulps(m64_pow(x, y), powl(x, y));
        if (e > worst) worst = e;
        e = ulps(m64_atan2(y, x), atan2l(y, x));
        if (e > worst2) worst2 = e;
        double a = of(rnd()), b = of(rnd());
        assert_true(ulps(m64_fmod(a, b), fmodl(a, b)) == 0);
    }
    printf("pow       %.3f ulp\natan2     %.3f ulp\n", worst, worst2);
    assert_true(worst <= 0.6 && worst2 <= 0.6);
}

static void test_rounding(void **state) {
    (void)state;
    for (int i = 0; i < 100000; i++) {
        double x = i & 1 ? of(rnd()) : ((double)(int64_t)rnd()) * 0x1p-63 * 16;
        if (i % 5 == 0) x = (double)(int64_t)(x * 2) / 2;
        if (isnan(x)) continue;
        double got[] = {m64_floor(x), m64_ceil(x), m64_trunc(x), m64_round(x)},
               want[] = {floor(x), ceil(x), trunc(x), rint(x)};
        assert_memory_equal(got, want, sizeof got);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_errors), cmocka_unit_test(test_pow),
                                       cmocka_unit_test(test_rounding)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
