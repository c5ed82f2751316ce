/*
 * Normalisation: every instruction set's row against the definition of norm.h in plain C, bit for bit.
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

#include "kernels/norm/kernels.h"
#include "kernels/pointwise/scalar.h"

static uint64_t seed = 5;
static double rnd(void) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(int64_t)(seed ^ seed >> 29) * 0x1p-63;
}
static const isa LEVELS[] = {ISA_REF, ISA_NEON, ISA_AVX2, ISA_AVX512};
static int rows_run[4];

static void fill(sard_dtype t, void *p, int64_t n) {
    for (int64_t i = 0; i < n; i++) pw_store_cell(t, p, i, pw_convert(t, SARD_F64, 0, (pw_cell){.d = rnd() * 3 + 0.5}));
}

/* The definition, in double or float by type of number. */
#define DEFINE(S, NAME, SQRT, FMA, ABS)                                                                                \
    static S NAME##_sum(int what, const S *x, int64_t n, S m) {                                                        \
        S total = -(S)0;                                                                                               \
        for (int64_t b = 0; b < n; b += 16384) {                                                                       \
            S p[64];                                                                                                   \
            for (int j = 0; j < 64; j++) p[j] = -(S)0;                                                                 \
            for (int64_t i = b; i < n && i < b + 16384; i++) {                                                         \
                S d = x[i] - m;                                                                                        \
                p[(i - b) % 64] += what == 2 ? d * d : what == 1 ? ABS(d) : d;                                         \
            }                                                                                                          \
            for (int h = 32; h; h /= 2)                                                                                \
                for (int j = 0; j < h; j++) p[j] += p[j + h];                                                          \
            total += p[0];                                                                                             \
        }                                                                                                              \
        return total;                                                                                                  \
    }                                                                                                                  \
    static void NAME(bool rms, const S *x, S *y, int64_t n, int64_t per, double eps, const S *g, const S *b, S *mean,  \
                     S *inv) {                                                                                         \
        S m = rms ? 0 : NAME##_sum(0, x, n, 0) / (S)n, v = NAME##_sum(2, x, n, m) / (S)n;                              \
        S s = 1 / SQRT(v + (S)eps);                                                                                    \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            S t = (x[i] - m) * s;                                                                                      \
            y[i] = g && b ? FMA(t, g[i / per], b[i / per]) : g ? t * g[i / per] : b ? t + b[i / per] : t;              \
        }                                                                                                              \
        *mean = m, *inv = s;                                                                                           \
    }
DEFINE(float, def_f32, sqrtf, fmaf, fabsf)
DEFINE(double, def_f64, sqrt, fma, fabs)

static void load(sard_dtype t, const void *p, int64_t n, float *f, double *d) {
    for (int64_t i = 0; i < n; i++) {
        pw_cell c = pw_load_cell(t, p, i);
        if (t == SARD_F64)
            d[i] = c.d;
        else
            f[i] = c.f;
    }
}

static void test_rows(void **state) {
    (void)state;
    static const int64_t sizes[] = {1, 7, 64, 65, 129, 768, 1000, 17000};
    static const sard_dtype types[] = {SARD_F32, SARD_F64, SARD_F16, SARD_BF16};
    enum { R = 5 };
    for (int z = 0; z < 8; z++)
        for (int t = 0; t < 4; t++)
            for (int how = 0; how < 8; how++) {
                int64_t n = sizes[z];
                sard_dtype T = types[t], P = t > 1 && how & 1 ? SARD_F32 : T;
                char *x = malloc((size_t)(R * n * 8)), *y = malloc((size_t)(R * n * 8)),
                     *w = malloc((size_t)(R * n * 8)), *g = malloc((size_t)n * 8), *b = malloc((size_t)n * 8);
                float *f = malloc((size_t)n * 16);
                double *d = malloc((size_t)n * 32), mean[R], inv[R], wmean[R], winv[R];
                fill(T, x, R * n), fill(P, g, n), fill(P, b, n);
                norm_rows_args a = {.type = T,
                                    .param = P,
                                    .rms = how >> 2,
                                    .eps = 1e-5,
                                    .rows = R,
                                    .n = n,
                                    .scale = how & 1 ? g : NULL,
                                    .bias = how & 2 ? b : NULL};
                load(P, g, n, f + n, d + n), load(P, b, n, f + 2 * n, d + 2 * n);
                for (int r = 0; r < R; r++) {
                    int64_t es = pw_bits(T) / 8;
                    load(T, x + r * n * es, n, f, d);
                    if (t == 1)
                        def_f64(a.rms, d, d + 3 * n, n, 1, a.eps, how & 1 ? d + n : NULL, how & 2 ? d + 2 * n : NULL,
                                &wmean[r], &winv[r]);
                    else
                        def_f32(a.rms, f, f + 3 * n, n, 1, a.eps, how & 1 ? f + n : NULL, how & 2 ? f + 2 * n : NULL,
                                (float *)wmean + r, (float *)winv + r);
                    for (int64_t i = 0; i < n; i++) {
                        pw_cell c;
                        if (t == 1)
                            c.d = d[3 * n + i];
                        else
                            c.f = f[3 * n + i];
                        pw_store_cell(T, w, r * n + i, c);
                    }
                }
                for (int l = 0; l < 4; l++) {
                    const norm_kernels *k = norm_kernels_for(LEVELS[l]);
                    if (!cpu_has(LEVELS[l]) || !k) continue;
                    rows_run[l]++;
                    bool in_place = z & 1;
                    memcpy(y, x, (size_t)(R * n * 8));
                    a.x = in_place ? y : x, a.y = y, a.mean = mean, a.inv = inv;
                    assert_int_equal(norm_rows_on(k, &a, NULL, NULL), SARD_OK);
                    assert_memory_equal(y, w, (size_t)(R * n * pw_bits(T) / 8));
                    assert_memory_equal(mean, wmean, R * (t == 1 ? 8 : 4));
                    assert_memory_equal(inv, winv, R * (t == 1 ? 8 : 4));
                }
                free(x), free(y), free(w), free(g), free(b), free(f), free(d);
            }
}

static void test_groups(void **state) {
    (void)state;
    enum { B = 2, C = 6, I = 77, N = B * C * I };
    static const sard_dtype types[] = {SARD_F32, SARD_F64, SARD_F16};
    for (int t = 0; t < 3; t++)
        for (int cpg = 1; cpg <= 6; cpg++)
            for (int last = 0; last < 2; last++) {
                if (C % cpg) continue;
                sard_dtype T = types[t];
                static double x[N], y[N], w[N];
                double g[C], b[C], dd[4 * I * C + 2 * C], m, s;
                float ff[4 * I * C + 2 * C], fm, fs;
                fill(T, x, N), fill(T, g, C), fill(T, b, C);
                norm_group_args a = {.type = T,
                                     .param = T,
                                     .eps = 1e-5,
                                     .batch = B,
                                     .channels = C,
                                     .inner = I,
                                     .channels_per_group = cpg,
                                     .scale = g,
                                     .bias = b,
                                     .x = x,
                                     .y = y};
                int64_t st[3] = {C * I, last ? 1 : I, last ? C : 1};
                memcpy(a.x_stride, st, sizeof st), memcpy(a.y_stride, st, sizeof st);
                for (int q = 0; q < B * C / cpg; q++) {
                    int c0 = q % (C / cpg) * cpg, n = cpg * I;
                    int64_t at[I * C];
                    for (int i = 0; i < n; i++) {
                        at[i] = q / (C / cpg) * st[0] + (c0 + i / I) * st[1] + i % I * st[2];
                        pw_cell c = pw_load_cell(T, x, at[i]);
                        dd[i] = c.d, ff[i] = c.f;
                    }
                    load(T, g, C, ff + 4 * I * C, dd + 4 * I * C),
                        load(T, b, C, ff + 4 * I * C + C, dd + 4 * I * C + C);
                    if (t == 1)
                        def_f64(false, dd, dd + I * C, n, I, 1e-5, dd + 4 * I * C + c0, dd + 4 * I * C + C + c0, &m,
                                &s);
                    else
                        def_f32(false, ff, ff + I * C, n, I, 1e-5, ff + 4 * I * C + c0, ff + 4 * I * C + C + c0, &fm,
                                &fs);
                    for (int i = 0; i < n; i++) {
                        pw_cell c;
                        if (t == 1)
                            c.d = dd[I * C + i];
                        else
                            c.f = ff[I * C + i];
                        pw_store_cell(T, w, at[i], c);
                    }
                }
                for (int l = 0; l < 4; l++) {
                    const norm_kernels *k = norm_kernels_for(LEVELS[l]);
                    if (!cpu_has(LEVELS[l]) || !k) continue;
                    assert_int_equal(norm_group_on(k, &a, NULL, NULL), SARD_OK);
                    assert_memory_equal(y, w, (size_t)(N * pw_bits(T) / 8));
                }
            }
}

static void test_lp(void **state) {
    (void)state;
    enum { A = 3, B = 130, C = 5 };
    static float x[A * B * C], y[A * B * C], row[B];
    fill(SARD_F32, x, A * B * C);
    memset(x, 0, B * C * 4); /* norm 0 */
    for (int axis = 1; axis < 3; axis++)
        for (int p = 1; p < 3; p++)
            for (int l = 0; l < 4; l++) {
                const norm_kernels *k = norm_kernels_for(LEVELS[l]);
                if (!cpu_has(LEVELS[l]) || !k) continue;
                norm_lp_args a = {.type = SARD_F32,
                                  .p = p,
                                  .rank = 3,
                                  .axis = axis,
                                  .dim = {A, B, C},
                                  .in_stride = {B * C, C, 1},
                                  .out_stride = {B * C, C, 1},
                                  .in = x,
                                  .out = y};
                if (axis == 2) a.dim[1] = C, a.dim[2] = B, a.in_stride[1] = a.out_stride[1] = B;
                assert_int_equal(norm_lp_on(k, &a, NULL, NULL), SARD_OK);
                for (int i = 0; i < A; i++)
                    for (int c = 0; c < C; c++) {
                        int64_t at = i * B * C + (axis == 1 ? c : c * B), st = axis == 1 ? C : 1;
                        for (int j = 0; j < B; j++) row[j] = x[at + j * st];
                        float s = -0.f;
                        if (axis == 2)
                            s = def_f32_sum(p, row, B, 0);
                        else
                            for (int j = 0; j < B; j++) s += p == 1 ? fabsf(row[j]) : row[j] * row[j];
                        if (p == 2) s = sqrtf(s);
                        for (int j = 0; j < B; j++) {
                            float want = s == 0 ? 0 : row[j] / s;
                            assert_memory_equal(&y[at + j * st], &want, 4);
                        }
                    }
            }
}

static int print_rows(void **state) {
    (void)state;
    for (int l = 0; l < 4; l++) printf("norm %s: %d runs\n", isa_name(LEVELS[l]), rows_run[l]);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_groups),
                                       cmocka_unit_test(test_lp)};
    return cmocka_run_group_tests(tests, NULL, print_rows);
}
