/*
 * Reductions: every instruction set's row against the definition of the order written out over logical indices, bit for
 * bit, over shapes, axis sets, layouts and element types; ArgMax and cumulative sums against their definitions.
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
#include "kernels/pointwise/scalar.h"
#include "kernels/pointwise/scalar_ops.h"
#include "kernels/pointwise/stage.h"
#include "kernels/reduce/plan.h"

static uint64_t seed = 11;
static uint64_t rnd(void) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    uint64_t x = seed;
    x ^= x >> 29, x *= 0x9e3779b97f4a7c15u;
    return x ^ x >> 32;
}

static const isa LEVELS[] = {ISA_REF, ISA_NEON, ISA_AVX2, ISA_AVX512};
static int rows_run[4];
#define COUNT(a) (int)(sizeof(a) / sizeof(a)[0])

static void fill(sard_dtype t, void *p, int64_t n, int wild) {
    for (int64_t i = 0; i < n; i++) {
        double d = (double)(int64_t)rnd() * 0x1p-62;
        uint64_t r = rnd() % 200;
        if (wild && r < 4) d = r == 0 ? (double)NAN : r == 1 ? (double)INFINITY : r == 2 ? -(double)INFINITY : 1e-42;
        if (r > 190) d = r & 1 ? 0.0 : -0.0;
        pw_cell c = pw_is_float(t) ? pw_convert(t, SARD_F64, 0, (pw_cell){.d = d})
                                   : (pw_cell){.i = pw_wrap(t, r < 100 ? (int64_t)rnd() : (int64_t)(rnd() % 7) - 3)};
        if (t == SARD_BOOL) c.i = (int64_t)(rnd() & 1);
        pw_store_cell(t, p, i, c);
    }
}

/* ---- the definition, on double or float through one type of number -------------------------------------------------- */

static sard_dtype wide(sard_dtype t) { return t == SARD_F16 || t == SARD_BF16 ? SARD_F32 : t; }
static pw_cell op2(sard_dtype w, pw_opcode op, pw_cell a, pw_cell b) {
    return pw_eval(op, w, w, 0, (pw_cell[]){a, b, a});
}
static pw_opcode join_of(reduce_op op) {
    return op == REDUCE_PROD ? PW_MUL : op == REDUCE_MAX ? PW_MAX : op == REDUCE_MIN ? PW_MIN : PW_ADD;
}
static pw_cell number(sard_dtype w, double x) { return pw_convert(w, SARD_F64, 0, (pw_cell){.d = x}); }
static pw_cell identity(sard_dtype w, pw_opcode j) {
    return number(w, j == PW_MUL ? 1 : j == PW_MAX ? -(double)INFINITY : j == PW_MIN ? (double)INFINITY : -0.0);
}

typedef struct naive {
    const reduce_args *a;
    sard_dtype w;
    reduce_op op;
    const pw_cell *shift; /* terms are e^(x - shift) */
} naive;

static pw_cell term(const naive *q, int64_t at) {
    pw_cell x = pw_load_cell(q->a->type, q->a->in, at);
    if (q->shift) {
        x = op2(q->w, PW_SUB, x, *q->shift);
        return pw_eval(PW_EXP, q->w, q->w, 0, (pw_cell[]){x, x, x});
    }
    if (q->op == REDUCE_SUM_SQUARE || q->op == REDUCE_L2) return op2(q->w, PW_MUL, x, x);
    if (q->op == REDUCE_L1) return pw_eval(PW_ABS, q->w, q->w, 0, (pw_cell[]){x, x, x});
    return x;
}

static pw_cell total(const naive *q, int64_t at) {
    const reduce_args *a = q->a;
    pw_opcode j = join_of(q->op);
    int trailing = a->rank, nt = 0, no = 0;
    while (trailing > 0 && a->reduced[trailing - 1]) trailing--;
    int64_t td[16], ts[16], od[16], os[16], tn = 1, on = 1;
    for (int d = 0; d < a->rank; d++) {
        if (!a->reduced[d]) continue;
        if (d >= trailing || trailing == a->rank)
            td[nt] = a->dim[d], ts[nt++] = a->in_stride[d], tn *= a->dim[d];
        else
            od[no] = a->dim[d], os[no++] = a->in_stride[d], on *= a->dim[d];
    }
    pw_cell sum = identity(q->w, j);
    if (tn * on == 0) return j == PW_ADD ? number(q->w, 0) : sum;
    for (int64_t o = 0; o < on; o++) {
        int64_t base = at + pw_offset(od, os, no, o);
        pw_cell t = identity(q->w, j);
        for (int64_t b = 0; b < tn; b += 16384) {
            pw_cell p[64];
            for (int i = 0; i < 64; i++) p[i] = identity(q->w, j);
            for (int64_t i = b; i < tn && i < b + 16384; i++)
                p[(i - b) % 64] = op2(q->w, j, p[(i - b) % 64], term(q, base + pw_offset(td, ts, nt, i)));
            for (int h = 32; h; h /= 2)
                for (int i = 0; i < h; i++) p[i] = op2(q->w, j, p[i], p[i + h]);
            t = op2(q->w, j, t, p[0]);
        }
        sum = op2(q->w, j, sum, t);
    }
    return sum;
}

static pw_cell expected(const reduce_args *a, int64_t at, int64_t count) {
    naive q = {a, wide(a->type), a->op, NULL};
    pw_cell v;
    if (a->op == REDUCE_LOG_SUM_EXP) {
        naive m = {a, q.w, REDUCE_MAX, NULL};
        pw_cell max = total(&m, at);
        if (!(fabs(pw_convert(SARD_F64, q.w, 0, max).d) < (double)INFINITY)) max = number(q.w, 0);
        naive s = {a, q.w, REDUCE_SUM, &max};
        v = total(&s, at);
        return op2(q.w, PW_ADD, max, pw_eval(PW_LOG, q.w, q.w, 0, (pw_cell[]){v, v, v}));
    }
    v = total(&q, at);
    if (a->op == REDUCE_MEAN) v = op2(q.w, PW_DIV, v, number(q.w, (double)count));
    if (a->op == REDUCE_L2) v = pw_eval(PW_SQRT, q.w, q.w, 0, (pw_cell[]){v, v, v});
    if (a->op == REDUCE_LOG_SUM) v = pw_eval(PW_LOG, q.w, q.w, 0, (pw_cell[]){v, v, v});
    return v;
}

static bool same_cell(sard_dtype t, pw_cell a, pw_cell b) {
    if (pw_family_of(t) == PW_FAM_F32) return (a.f != a.f && b.f != b.f) || !memcmp(&a.f, &b.f, 4);
    if (t == SARD_F64) return (a.d != a.d && b.d != b.d) || a.i == b.i;
    return a.i == b.i;
}

static void check(reduce_args *a, const int *order) { /* order: memory order of the dimensions, outermost first */
    int64_t n = 1, outs = 1, count = 1, out_dim[16], in_st[16], zero[16] = {0};
    int nk = 0;
    for (int i = a->rank - 1; i >= 0; i--) a->in_stride[order[i]] = n, n *= a->dim[order[i]];
    for (int d = a->rank - 1; d >= 0; d--) {
        a->out_stride[d] = outs;
        if (!a->reduced[d])
            outs *= a->dim[d];
        else
            count *= a->dim[d];
    }
    for (int d = 0; d < a->rank; d++)
        if (!a->reduced[d]) out_dim[nk] = a->dim[d], in_st[nk++] = a->in_stride[d];
    (void)zero;
    size_t size = (size_t)pw_bits(a->type) / 8;
    char *in = malloc((size_t)n * size + 1 + size), *out = malloc((size_t)outs * size + 128);
    fill(a->type, in + size, n, (int)(rnd() & 1));
    a->in = in + size;
    pw_cell *want = malloc(sizeof *want * (size_t)(outs + 1));
    for (int64_t k = 0; k < outs; k++) {
        pw_cell w = expected(a, pw_offset(out_dim, in_st, nk, k), count);
        char tmp[16];
        pw_store_cell(a->type, tmp, 0, w);
        want[k] = pw_load_cell(a->type, tmp, 0);
    }
    for (int l = 0; l < 4; l++) {
        const reduce_kernels *kernels = reduce_kernels_for(LEVELS[l]);
        if (!cpu_has(LEVELS[l]) || !kernels) continue;
        rows_run[l]++;
        memset(out, 0xa5, (size_t)outs * size + 128);
        a->out = out + 64;
        sard_error err;
        assert_int_equal(reduce_run_on(kernels, a, NULL, &err), SARD_OK);
        for (int i = 0; i < 64; i++)
            assert_int_equal((unsigned char)out[i], 0xa5),
                assert_int_equal((unsigned char)out[64 + (size_t)outs * size + (size_t)i], 0xa5);
        for (int64_t k = 0; k < outs; k++) {
            pw_cell got = pw_load_cell(a->type, a->out, k);
            if (same_cell(a->type, got, want[k])) continue;
            printf("%s op %d type %d rank %d [%lld %lld %lld %lld] output %lld: %a, wanted %a\n", isa_name(LEVELS[l]),
                   a->op, a->type, a->rank, (long long)a->dim[0], (long long)a->dim[1], (long long)a->dim[2],
                   (long long)a->dim[3], (long long)k, (double)got.f, (double)want[k].f);
            fail();
        }
    }
    free(in), free(out), free(want);
}

static const int ROWMAJOR[] = {0, 1, 2, 3}, LAST[] = {0, 2, 3, 1}, TURNED[] = {3, 2, 1, 0};

static void test_floats(void **state) {
    (void)state;
    static const int64_t shapes[][4] = {{2, 3, 5, 7},     {1, 70, 9, 16}, {3, 2, 4, 130}, {2, 67, 1, 1},
                                        {1, 2, 150, 149}, {2, 1, 3, 64},  {2, 0, 3, 2}};
    static const sard_dtype types[] = {SARD_F32, SARD_F16, SARD_BF16, SARD_F64};
    for (int z = 0; z < COUNT(shapes); z++)
        for (int axes = 0; axes < 16; axes++)
            for (int op = 0; op <= REDUCE_LOG_SUM_EXP; op++)
                for (int o = 0; o < 3; o++) {
                    if (z == 4 && (axes % 5 || o == 2)) continue; /* large */
                    reduce_args a = {.op = (reduce_op)op, .type = types[rnd() % 4], .rank = 4};
                    for (int d = 0; d < 4; d++) a.dim[d] = shapes[z][d], a.reduced[d] = axes >> d & 1;
                    check(&a, o == 0 ? ROWMAJOR : o == 1 ? LAST : TURNED);
                }
}

static void test_rows(void **state) {
    (void)state;
    static const int64_t sizes[] = {1, 2, 15, 16, 17, 63, 64, 65, 127, 128, 129, 1000, 16384, 16385, 40000, 150001};
    for (int z = 0; z < COUNT(sizes); z++)
        for (int op = 0; op <= REDUCE_LOG_SUM_EXP; op++)
            for (int t = 0; t < 3; t++) {
                reduce_args a = {.op = (reduce_op)op,
                                 .type = t == 0   ? SARD_F32
                                         : t == 1 ? SARD_F64
                                                  : SARD_F16,
                                 .rank = 2};
                a.dim[0] = 3, a.dim[1] = sizes[z], a.reduced[1] = true;
                check(&a, ROWMAJOR);
            }
}

static void test_ints(void **state) {
    (void)state;
    static const sard_dtype types[] = {SARD_I8,  SARD_U8,  SARD_I16, SARD_U16, SARD_I32,
                                       SARD_U32, SARD_I64, SARD_U64, SARD_BOOL};
    for (int t = 0; t < COUNT(types); t++)
        for (int op = 0; op <= REDUCE_SUM_SQUARE; op++) {
            if (types[t] == SARD_BOOL && op != REDUCE_MAX && op != REDUCE_MIN) continue;
            enum { A = 3, B = 5, C = 7 };
            uint64_t in[A * B * C], out[A * C];
            reduce_args a = {.op = (reduce_op)op,
                             .type = types[t],
                             .rank = 3,
                             .dim = {A, B, C},
                             .in_stride = {B * C, C, 1},
                             .out_stride = {C, 0, 1},
                             .reduced = {false, true, false}};
            fill(types[t], in, A * B * C, 0);
            a.in = in, a.out = out;
            assert_int_equal(reduce_run(&a, NULL, NULL), SARD_OK);
            for (int i = 0; i < A; i++)
                for (int k = 0; k < C; k++) {
                    pw_cell v = pw_load_cell(types[t], in, i * B * C + k);
                    int64_t s = op == REDUCE_SUM_SQUARE ? (int64_t)((uint64_t)v.i * (uint64_t)v.i) : v.i;
                    for (int j = 1; j < B; j++) {
                        int64_t x = pw_load_cell(types[t], in, (i * B + j) * C + k).i;
                        bool u = types[t] == SARD_U64;
                        if (op == REDUCE_PROD)
                            s = (int64_t)((uint64_t)s * (uint64_t)x);
                        else if (op == REDUCE_MAX)
                            s = (u ? (uint64_t)x > (uint64_t)s : x > s) ? x : s;
                        else if (op == REDUCE_MIN)
                            s = (u ? (uint64_t)x < (uint64_t)s : x < s) ? x : s;
                        else if (op == REDUCE_SUM_SQUARE)
                            s = (int64_t)((uint64_t)s + (uint64_t)x * (uint64_t)x);
                        else
                            s = (int64_t)((uint64_t)s + (uint64_t)x);
                    }
                    if (op == REDUCE_MEAN) s = types[t] == SARD_U64 ? (int64_t)((uint64_t)s / B) : s / B;
                    if (types[t] != SARD_BOOL) s = pw_wrap(types[t], s);
                    assert_int_equal(pw_load_cell(types[t], out, i * C + k).i, s);
                }
        }
}

static void test_arg(void **state) {
    (void)state;
    static const float x[] = {1, 5, 5, -2, 0, -0.f, NAN, 3, NAN, 7};
    static const struct {
        int n;
        bool largest, last;
        int64_t want;
    } cases[] = {{4, true, false, 1},  {4, true, true, 2}, {4, false, false, 3}, {10, true, false, 6},
                 {10, false, true, 8}, {6, true, true, 2}, {1, true, false, 0}};
    for (int c = 0; c < COUNT(cases); c++)
        for (int stride = 1; stride < 3; stride++) {
            float in[20];
            for (int i = 0; i < 10; i++) in[i * stride] = x[i];
            int64_t out = -1;
            reduce_args a = {
                .type = SARD_F32, .rank = 1, .dim = {cases[c].n}, .in_stride = {stride}, .in = in, .out = &out};
            assert_int_equal(reduce_arg(&a, 0, cases[c].largest, cases[c].last, NULL, NULL), SARD_OK);
            assert_int_equal(out, cases[c].want);
        }
}

static void test_cumulative(void **state) {
    (void)state;
    int32_t x[2][4] = {{1, 2, 3, 4}, {5, 6, 7, 8}}, y[2][4];
    reduce_args a = {.op = REDUCE_SUM,
                     .type = SARD_I32,
                     .rank = 2,
                     .dim = {2, 4},
                     .in_stride = {4, 1},
                     .out_stride = {4, 1},
                     .in = x,
                     .out = y};
    assert_int_equal(reduce_cumulative(&a, 1, false, false, NULL, NULL), SARD_OK);
    assert_memory_equal(y, ((int32_t[]){1, 3, 6, 10, 5, 11, 18, 26}), sizeof y);
    assert_int_equal(reduce_cumulative(&a, 1, true, true, NULL, NULL), SARD_OK);
    assert_memory_equal(y, ((int32_t[]){9, 7, 4, 0, 21, 15, 8, 0}), sizeof y);
    a.op = REDUCE_PROD;
    assert_int_equal(reduce_cumulative(&a, 0, true, false, NULL, NULL), SARD_OK);
    assert_memory_equal(y, ((int32_t[]){1, 1, 1, 1, 1, 2, 3, 4}), sizeof y);
    a.out = x; /* in place */
    assert_int_equal(reduce_cumulative(&a, 0, false, true, NULL, NULL), SARD_OK);
    assert_memory_equal(x, ((int32_t[]){5, 12, 21, 32, 5, 6, 7, 8}), sizeof x);
}

static int print_rows(void **state) {
    (void)state;
    for (int l = 0; l < 4; l++) printf("reduce %s: %d reductions\n", isa_name(LEVELS[l]), rows_run[l]);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_floats),
                                       cmocka_unit_test(test_ints), cmocka_unit_test(test_arg),
                                       cmocka_unit_test(test_cumulative)};
    return cmocka_run_group_tests(tests, NULL, print_rows);
}
