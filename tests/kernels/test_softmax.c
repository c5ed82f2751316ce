/*
 * Softmax: every instruction set's row against the definition of softmax.h in plain C, bit for bit, over axes, layouts,
 * types and sizes; and against double for its error.
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

#define ISA_SUFFIX ref
#include "kernels/pointwise/math32.h"
#include "kernels/pointwise/math64.h"
#include "kernels/pointwise/scalar.h"
#include "kernels/pointwise/stage.h"
#include "kernels/softmax/kernels.h"

static uint64_t seed = 3;
static double rnd(void) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(int64_t)(seed ^ seed >> 29) * 0x1p-63;
}
static const isa LEVELS[] = {ISA_REF, ISA_NEON, ISA_AVX2, ISA_AVX512};
static int rows_run[4];

#define DEFINE(S, NAME, EXPNEG, LOG)                                                                                   \
    static void NAME(bool log, bool trailing, const S *x, S *y, int64_t n) {                                           \
        S m = -(S)INFINITY, sum = -(S)0;                                                                               \
        for (int64_t i = 0; i < n; i++) m = m > x[i] ? m : x[i];                                                       \
        for (int64_t i = 0; i < n; i++) y[i] = EXPNEG(x[i] - m);                                                       \
        for (int64_t b = 0; trailing && b < n; b += 16384) {                                                           \
            S p[64];                                                                                                   \
            for (int j = 0; j < 64; j++) p[j] = -(S)0;                                                                 \
            for (int64_t i = b; i < n && i < b + 16384; i++) p[(i - b) % 64] += y[i];                                  \
            for (int h = 32; h; h /= 2)                                                                                \
                for (int j = 0; j < h; j++) p[j] += p[j + h];                                                          \
            sum += p[0];                                                                                               \
        }                                                                                                              \
        for (int64_t i = 0; !trailing && i < n; i++) sum += y[i];                                                      \
        S q = log ? LOG(sum) : 1 / sum;                                                                                \
        for (int64_t i = 0; i < n; i++) y[i] = log ? x[i] - m - q : y[i] * q;                                          \
    }
DEFINE(float, define_f32, f_expneg, f_log)
DEFINE(double, define_f64, m64_exp, m64_log)

static void define(sard_dtype t, bool log, bool trailing, const char *x, int64_t stride, char *y, int64_t n) {
    size_t size = (size_t)pw_bits(t) / 8;
    float *f = malloc(sizeof *f * (size_t)n * 2);
    double *d = malloc(sizeof *d * (size_t)n * 2);
    for (int64_t i = 0; i < n; i++) {
        pw_cell c = pw_load_cell(t, x + i * stride * (int64_t)size, 0);
        f[i] = c.f, d[i] = c.d;
    }
    if (t == SARD_F64)
        define_f64(log, trailing, d, d + n, n);
    else
        define_f32(log, trailing, f, f + n, n);
    for (int64_t i = 0; i < n; i++) {
        pw_cell c;
        if (t == SARD_F64)
            c.d = d[n + i];
        else
            c.f = f[n + i];
        pw_store_cell(t, y + i * stride * (int64_t)size, 0, c);
    }
    free(f), free(d);
}

static void check(softmax_args a, const int *order, bool in_place, int kind) {
    int64_t n = 1;
    size_t size = (size_t)pw_bits(a.type) / 8;
    for (int i = a.rank - 1; i >= 0; i--) a.in_stride[order[i]] = a.out_stride[order[i]] = n, n *= a.dim[order[i]];
    char *x = malloc((size_t)n * size + size), *y = malloc((size_t)n * size + 128), *want = malloc((size_t)n * size);
    char *in = x + size;
    for (int64_t i = 0; i < n; i++) {
        double v = rnd() * 10;
        if (kind == 1 && rnd() < -0.3) v = -10000;
        if (kind == 2 && rnd() > 0.99) v = rnd() > 0 ? (double)NAN : (double)INFINITY;
        if (kind == 3 && rnd() > -0.5) v = -(double)INFINITY;
        pw_store_cell(a.type, in, i, pw_convert(a.type, SARD_F64, 0, (pw_cell){.d = v}));
    }
    int64_t dim[4], items = 1;
    for (int d = 0; d < a.rank; d++) dim[d] = d == a.axis ? 1 : a.dim[d], items *= dim[d];
    for (int64_t k = 0; k < items; k++) {
        int64_t at = pw_offset(dim, a.in_stride, a.rank, k) * (int64_t)size;
        define(a.type, a.log, a.axis == a.rank - 1, in + at, a.in_stride[a.axis], want + at, a.dim[a.axis]);
    }
    for (int l = 0; l < 4; l++) {
        const softmax_kernels *kernels = softmax_kernels_for(LEVELS[l]);
        if (!cpu_has(LEVELS[l]) || !kernels) continue;
        rows_run[l]++;
        memset(y, 0xa5, (size_t)n * size + 128);
        a.in = in, a.out = y + 64;
        if (in_place) memcpy(y + 64, in, (size_t)n * size), a.in = a.out;
        assert_int_equal(softmax_run_on(kernels, &a, NULL, NULL), SARD_OK);
        for (int i = 0; i < 64; i++)
            assert_true((unsigned char)y[i] == 0xa5 && (unsigned char)y[64 + (size_t)n * size + (size_t)i] == 0xa5);
        for (int64_t i = 0; i < n; i++) {
            pw_cell g = pw_load_cell(a.type, y + 64, i), w = pw_load_cell(a.type, want, i);
            bool nan = a.type == SARD_F64 ? g.d != g.d && w.d != w.d : g.f != g.f && w.f != w.f;
            if (nan || (a.type == SARD_F64 ? g.i == w.i : !memcmp(&g.f, &w.f, 4))) continue;
            printf("%s type %d axis %d of %d, log %d: element %lld is %a, wanted %a\n", isa_name(LEVELS[l]), a.type,
                   a.axis, a.rank, a.log, (long long)i, (double)g.f, (double)w.f);
            fail();
        }
    }
    free(x), free(y), free(want);
}

static void test_softmax(void **state) {
    (void)state;
    static const int64_t shapes[][4] = {{2, 3, 5, 7},     {1, 70, 3, 16}, {3, 2, 4, 130},  {1, 2, 1, 1},
                                        {1, 1, 2, 16500}, {2, 17, 3, 64}, {1, 1000, 1, 1}, {1, 3, 37, 2}};
    static const int orders[][4] = {{0, 1, 2, 3}, {0, 2, 3, 1}, {3, 2, 1, 0}};
    static const sard_dtype types[] = {SARD_F32, SARD_F64, SARD_F16, SARD_BF16};
    for (int z = 0; z < 8; z++)
        for (int axis = 0; axis < 4; axis++)
            for (int o = 0; o < 3; o++)
                for (int t = 0; t < 4; t++)
                    for (int log = 0; log < 2; log++)
                        for (int kind = 0; kind < 4; kind++) {
                            if (z == 4 && (o || t > 1)) continue;
                            softmax_args a = {.type = types[t], .log = log, .rank = 4, .axis = axis};
                            memcpy(a.dim, shapes[z], sizeof shapes[z]);
                            check(a, orders[o], kind & 1, kind);
                        }
}

static void test_error(void **state) {
    (void)state;
    enum { N = 3000 };
    static float x[N], y[N];
    double s = 0, worst = 0, m = -1e9;
    for (int i = 0; i < N; i++) x[i] = (float)(rnd() * 20), m = x[i] > m ? (double)x[i] : m;
    for (int i = 0; i < N; i++) s += exp((double)x[i] - m);
    softmax_rows_f32(x, N, y, N, 1, N);
    for (int i = 0; i < N; i++) {
        double v = exp((double)x[i] - m) / s, e = fabs((double)y[i] - v) / v;
        if (e > worst) worst = e;
    }
    printf("softmax: relative error %.2g\n", worst);
    assert_true(worst < 2.5e-6);
}

static int print_rows(void **state) {
    (void)state;
    for (int l = 0; l < 4; l++) printf("softmax %s: %d runs\n", isa_name(LEVELS[l]), rows_run[l]);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_softmax), cmocka_unit_test(test_error)};
    return cmocka_run_group_tests(tests, NULL, print_rows);
}
