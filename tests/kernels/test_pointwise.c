/*
 * Pointwise programs: every instruction set's row against the plain interpreter, bit for bit, for every opcode and type,
 * over sizes around the block, unaligned and guarded, in place, broadcast, strided; and programs of many instructions.
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

#include "kernels/pointwise/program.h"

static uint64_t seed = 7;
static uint64_t rnd(void) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    uint64_t x = seed;
    x ^= x >> 29, x *= 0x9e3779b97f4a7c15u;
    return x ^ x >> 32;
}

static const isa LEVELS[] = {ISA_REF, ISA_NEON, ISA_AVX2, ISA_AVX512};
enum { N_LEVELS = 4, GUARD = 64 };
static const pw_type NUMBERS[] = {SARD_F32, SARD_F16, SARD_BF16, SARD_F64, SARD_I8,  SARD_U8,
                                  SARD_I16, SARD_U16, SARD_I32,  SARD_U32, SARD_I64, SARD_U64};
static const pw_type ALL[] = {SARD_F32,    SARD_F16,      SARD_BF16,       SARD_F64,    SARD_I8,         SARD_U8,
                              SARD_I16,    SARD_U16,      SARD_I32,        SARD_U32,    SARD_I64,        SARD_U64,
                              SARD_BOOL,   SARD_F8E4M3FN, SARD_F8E4M3FNUZ, SARD_F8E5M2, SARD_F8E5M2FNUZ, SARD_F8E8M0,
                              SARD_F4E2M1, SARD_I4,       SARD_U4,         SARD_I2,     SARD_U2};
#define COUNT(a) (int)(sizeof(a) / sizeof(a)[0])

static size_t bytes_of(pw_type t, int64_t n) { return (size_t)((n * pw_bits(t) + 7) / 8); }

/* Values that matter: small numbers, zeros of both signs, infinities, NaN, denormals, any bits. */
static void fill(pw_type t, void *p, int64_t n) {
    static const float special[] = {0,  -0.f,   1,       -1,       2,         0.5f, -0.5f, 3,
                                    -3, 1e-40f, -1e-40f, INFINITY, -INFINITY, NAN,  65504, 88.7f};
    for (int64_t k = 0; k < n; k++) {
        uint64_t r = rnd();
        pw_cell c;
        pw_family f = pw_family_of(t);
        double d = (double)(int64_t)rnd() * 0x1p-63;
        switch (r % 4) {
        case 0:
            d = (double)special[r / 4 % 16];
            break;
        case 1:
            d *= 8;
            break;
        case 2:
            d = round(d * 6);
            break;
        default:
            d *= 300;
        }
        if (f == PW_FAM_BOOL)
            c.i = (int64_t)(r >> 5 & 1);
        else if (f == PW_FAM_INT)
            c.i = pw_wrap(t, r % 4 == 0 ? (int64_t)rnd() : (int64_t)(rnd() % 13) - 6);
        else if (f == PW_FAM_F64)
            c.d = r % 8 == 7 ? d * 1e200 : d;
        else
            c = pw_convert(t, SARD_F64, 0, (pw_cell){.d = d});
        if (t == SARD_F32 && r % 16 == 9) {
            uint32_t b = (uint32_t)rnd();
            memcpy(&c.f, &b, 4);
        }
        pw_store_cell(t, p, k, c);
    }
}

/* Equal but for NaN payloads. */
static bool same(pw_type t, const void *a, const void *b, int64_t n) {
    for (int64_t k = 0; k < n; k++) {
        pw_cell x = pw_load_cell(t, a, k), y = pw_load_cell(t, b, k);
        pw_family f = pw_family_of(t);
        bool nan = f == PW_FAM_F32 ? x.f != x.f && y.f != y.f : f == PW_FAM_F64 && x.d != x.d && y.d != y.d;
        if (nan) continue;
        if (f == PW_FAM_F32 ? memcmp(&x.f, &y.f, 4) : x.i != y.i) {
            printf("element %lld: %.9g (%llx), reference %.9g (%llx)\n", (long long)k, f == PW_FAM_F32 ? x.f : x.d,
                   (unsigned long long)x.i, f == PW_FAM_F32 ? y.f : y.d, (unsigned long long)y.i);
            return false;
        }
    }
    return true;
}

typedef struct area { /* guarded, unaligned memory */
    char *base, *p;
    size_t n;
} area;
static area area_new(size_t n, size_t shift) {
    area a = {malloc(n + 2 * GUARD + 64), NULL, n};
    assert_non_null(a.base);
    a.p = a.base + GUARD + shift;
    memset(a.base, 0xa5, n + 2 * GUARD + 64);
    return a;
}
static void area_free(area *a) {
    for (char *q = a->base; q < a->p; q++) assert_int_equal((unsigned char)*q, 0xa5);
    for (char *q = a->p + a->n; q < a->base + a->n + 2 * GUARD + 64; q++) assert_int_equal((unsigned char)*q, 0xa5);
    free(a->base);
}

typedef struct shape {
    int rank;
    int64_t dims[4];
    const int64_t *in[PW_MAX_INPUTS]; /* strides; NULL: contiguous */
    int64_t elements[PW_MAX_INPUTS];  /* of that operand; 0: all */
    const int64_t *out;
    int64_t out_elements;
} shape;

static int rows_run[N_LEVELS];

/* Runs b on every level and compares with the interpreter. in_place: output 0 is written over input 0. */
static void check(const pw_builder *b, const shape *s, bool in_place) {
    int64_t total = 1;
    for (int d = 0; d < s->rank; d++) total *= s->dims[d];
    area in[PW_MAX_INPUTS], out[PW_MAX_OUTPUTS], want[PW_MAX_OUTPUTS];
    const void *ip[PW_MAX_INPUTS] = {0};
    void *op[PW_MAX_OUTPUTS] = {0}, *wp[PW_MAX_OUTPUTS] = {0};
    pw_type it[PW_MAX_INPUTS] = {0};
    for (int v = 0; v < b->n; v++)
        if (b->v[v].kind == PW_KIND_INPUT) it[b->v[v].arg[0]] = (pw_type)b->v[v].type;
    for (int i = 0; i < b->n_in; i++) {
        int64_t n = s->elements[i] ? s->elements[i] : total;
        in[i] = area_new(bytes_of(it[i], n), pw_bits(it[i]) >= 8 ? (size_t)(i + 1) * (size_t)pw_bits(it[i]) / 8 : 0);
        fill(it[i], in[i].p, n);
        ip[i] = in[i].p;
    }
    const int64_t *outs[PW_MAX_OUTPUTS];
    for (int i = 0; i < b->n_out; i++) outs[i] = s->out;
    pw_geom g;
    sard_error err;
    for (int l = 0; l < N_LEVELS; l++) {
        pw_program *p = NULL;
        if (!cpu_has(LEVELS[l]) || !pw_code_for(LEVELS[l], 32)) continue;
        rows_run[l]++;
        sard_status st = pw_compile_for(b, LEVELS[l], &p, &err);
        if (st != SARD_OK) printf("%s\n", err.message);
        assert_int_equal(st, SARD_OK);
        assert_int_equal(pw_geom_init(&g, p, s->rank, s->dims, s->in, s->out ? outs : NULL, &err), SARD_OK);
        int64_t n = s->out ? s->out_elements : total;
        for (int i = 0; i < b->n_out; i++) {
            pw_type t = pw_output_type(p, i);
            want[i] = area_new(bytes_of(t, n), 0),
            out[i] = area_new(bytes_of(t, n), pw_bits(t) >= 8 ? (size_t)pw_bits(t) / 8 : 0);
            memset(want[i].p, 0, want[i].n), memset(out[i].p, 0, out[i].n);
            op[i] = out[i].p, wp[i] = want[i].p;
        }
        assert_int_equal(pw_run_ref(b, &g, ip, wp, &err), SARD_OK);
        area saved = {0};
        if (in_place) {
            saved = area_new(in[0].n, 0);
            memcpy(saved.p, in[0].p, in[0].n);
            op[0] = in[0].p;
        }
        assert_int_equal(pw_run(p, &g, ip, op, NULL, &err), SARD_OK);
        for (int i = 0; i < b->n_out; i++)
            if (!same(pw_output_type(p, i), op[i], want[i].p, n)) {
                char text[4096];
                pw_print(b, text, sizeof text);
                printf("%s%s, output %d, %lld elements%s\n", text, isa_name(LEVELS[l]), i, (long long)total,
                       in_place ? ", in place" : "");
                for (int k = 0; k < b->n_in && total < 4; k++)
                    printf("input %d: %.9g\n", k, (double)pw_load_cell(it[k], ip[k], 0).f);
                fail();
            }
        if (in_place) {
            memcpy(in[0].p, saved.p, in[0].n);
            area_free(&saved);
        }
        for (int i = 0; i < b->n_out; i++) area_free(&out[i]), area_free(&want[i]);
        pw_free(p);
    }
    for (int i = 0; i < b->n_in; i++) area_free(&in[i]);
}

static void check_sizes(const pw_builder *b, bool in_place) {
    static const int64_t sizes[] = {1, 7, 8, 9, 63, 64, 65, 127, 128, 129, 131, 257, 1031};
    for (int i = 0; i < COUNT(sizes); i++) {
        shape s = {.rank = 1, .dims = {sizes[i]}};
        check(b, &s, in_place);
    }
}

static void test_opcodes(void **state) {
    (void)state;
    for (int op = 0; op < PW_OPCODE_COUNT; op++)
        for (int k = 0; k < COUNT(NUMBERS) + 1; k++) {
            pw_type t = k < COUNT(NUMBERS) ? NUMBERS[k] : SARD_BOOL;
            int n = pw_operands((pw_opcode)op), built = 0;
            if (op == PW_CAST) continue;
            for (int result = 0; result < 2; result++) { /* of the type itself, or BOOL */
                pw_builder b;
                pw_init(&b);
                pw_val a[3];
                for (int i = 0; i < n; i++) a[i] = pw_input(&b, op == PW_WHERE && i == 0 ? SARD_BOOL : t);
                pw_type r = result ? SARD_BOOL : t;
                pw_val v = n == 1   ? pw_op1(&b, (pw_opcode)op, r, a[0])
                           : n == 2 ? pw_op2(&b, (pw_opcode)op, r, a[0], a[1])
                                    : pw_op3(&b, (pw_opcode)op, r, a[0], a[1], a[2]);
                pw_output(&b, v);
                if (b.status != SARD_OK || (result && t == SARD_BOOL)) continue;
                built++;
                check_sizes(&b, false);
                if (r == t && op != PW_WHERE) {
                    shape s = {.rank = 1, .dims = {300}};
                    check(&b, &s, true);
                }
            }
            (void)built;
        }
}

static void test_casts(void **state) {
    (void)state;
    for (int f = 0; f < COUNT(ALL); f++)
        for (int t = 0; t < COUNT(ALL); t++)
            for (unsigned flags = 0; flags < 3; flags++) {
                pw_builder b;
                pw_init(&b);
                static const unsigned F[] = {0, PW_NO_SATURATE, PW_SATURATE_INT};
                pw_output(&b, pw_cast(&b, ALL[t], pw_input(&b, ALL[f]), F[flags]));
                assert_int_equal(b.status, SARD_OK);
                static const int64_t sizes[] = {2, 130, 601};
                for (int i = 0; i < 3; i++) {
                    shape s = {.rank = 1, .dims = {sizes[i]}};
                    check(&b, &s, false);
                }
                /* there and on to a computation, in both classes */
                if (pw_is_float(ALL[t])) {
                    pw_init(&b);
                    pw_val v = pw_cast(&b, ALL[t], pw_input(&b, ALL[f]), F[flags]);
                    pw_output(&b, pw_op2(&b, PW_ADD, ALL[t], v, v));
                    shape s = {.rank = 1, .dims = {201}};
                    check(&b, &s, false);
                }
            }
}

static void test_broadcast(void **state) {
    (void)state;
    static const pw_type types[] = {SARD_F32, SARD_F16, SARD_I8, SARD_F64, SARD_I64};
    static const int64_t sizes[][3] = {{2, 3, 5}, {3, 5, 16},  {2, 7, 300}, {5, 64, 49},
                                       {1, 1, 1}, {4, 1, 700}, {3, 130, 2}, {2, 9, 1100}};
    for (int t = 0; t < COUNT(types); t++)
        for (int z = 0; z < COUNT(sizes); z++)
            for (int kind = 0; kind < 7; kind++) {
                int64_t a = sizes[z][0], c = sizes[z][1], w = sizes[z][2];
                int64_t scalar[3] = {0, 0, 0}, last[3] = {0, 0, 1}, lead[3] = {1, 0, 0}, mid[3] = {0, 1, 0},
                        plane[3] = {0, w, 1};
                int64_t turned[3] = {1, a, a * c}, wide[3] = {c * w * 2, w * 2, 2};
                const int64_t *st[] = {scalar, last, lead, mid, plane, turned, wide};
                int64_t count[] = {1, w, a, c, c * w, a * c * w, 2 * a * c * w};
                pw_builder b;
                pw_init(&b);
                pw_val x = pw_input(&b, types[t]), y = pw_input(&b, types[t]);
                pw_output(&b, pw_op2(&b, PW_ADD, types[t], pw_op2(&b, PW_SUB, pw_wide(types[t]), y, x), y));
                shape s = {.rank = 3, .dims = {a, c, w}, .in = {NULL, st[kind]}, .elements = {0, count[kind]}};
                check(&b, &s, false);
                check(&b, &s, true);
                s.out = turned, s.out_elements = a * c * w; /* another order of memory */
                check(&b, &s, false);
                s.out = wide, s.out_elements = 2 * a * c * w;
                check(&b, &s, false);
            }
}

/* The k-th composed function. */
static pw_val composed(pw_builder *b, int k, pw_type T) {
    pw_val x = pw_input(b, T), y;
    switch (k) {
    case 0:
        y = pw_relu(b, T, x);
        break;
    case 1:
        y = pw_clip(b, T, x, pw_input(b, T), pw_const(b, T, 6));
        break;
    case 2:
        y = pw_leaky_relu(b, T, x, 0.01);
        break;
    case 3:
        y = pw_prelu(b, T, x, pw_input(b, T));
        break;
    case 4:
        y = pw_elu(b, T, x, 1.5);
        break;
    case 5:
        y = pw_selu(b, T, x, 1.67326319217681884765625, 1.05070102214813232421875);
        break;
    case 6:
        y = pw_celu(b, T, x, 2);
        break;
    case 7:
        y = pw_thresholded_relu(b, T, x, 1);
        break;
    case 8:
        y = pw_hard_sigmoid(b, T, x, 0.2, 0.5);
        break;
    case 9:
        y = pw_hard_swish(b, T, x);
        break;
    case 10:
        y = pw_softsign(b, T, x);
        break;
    case 11:
        y = pw_mish(b, T, x);
        break;
    case 12:
        y = pw_swish(b, T, x, 1);
        break;
    case 13:
        y = pw_gelu(b, T, x, false);
        break;
    case 14:
        y = pw_gelu(b, T, x, true);
        break;
    case 15:
        y = pw_shrink(b, T, x, 0.5, 0.25);
        break;
    case 16:
        y = T == SARD_F64 ? pw_relu(b, T, x)
                          : pw_quantize(b, SARD_U8, x, pw_const(b, SARD_F32, 0.1), pw_input(b, SARD_U8), true);
        break;
    default:
        y = T == SARD_F64 ? pw_relu(b, T, x) : pw_dequantize(b, T, pw_input(b, SARD_I8), x, pw_const_i(b, SARD_I8, 3));
    }
    return y;
}

static void test_composed(void **state) {
    (void)state;
    static const pw_type types[] = {SARD_F32, SARD_F16, SARD_BF16, SARD_F64};
    for (int t = 0; t < COUNT(types); t++)
        for (int k = 0; k < 18; k++) {
            pw_type T = types[t];
            pw_builder b;
            pw_init(&b);
            pw_val y = composed(&b, k, T);
            pw_output(&b, y);
            assert_int_equal(b.status, SARD_OK);
            check_sizes(&b, false);
        }
}

/* Random programs: any instruction on any earlier values of its type, several outputs. */
static void test_random(void **state) {
    (void)state;
    int built = 0;
    for (int round_ = 0; round_ < 400; round_++) {
        static const pw_type classes[][5] = {{SARD_F32, SARD_F16, SARD_I32, SARD_U8, SARD_BOOL},
                                             {SARD_F64, SARD_I64, SARD_U64, SARD_BOOL, SARD_F64}};
        const pw_type *T = classes[round_ & 1];
        pw_builder b;
        pw_init(&b);
        for (int i = 0; i < 4; i++) pw_input(&b, T[rnd() % 5]);
        pw_const(&b, T[0], 1.5);
        for (int i = 0; i < 24; i++) {
            pw_builder old = b;
            pw_opcode op = (pw_opcode)(rnd() % PW_OPCODE_COUNT);
            pw_type t = T[rnd() % 5];
            pw_val a[3];
            for (int k = 0; k < 3; k++) a[k] = (pw_val)(rnd() % (uint64_t)b.n);
            int n = pw_operands(op);
            if (n == 1)
                pw_op1(&b, op, t, a[0]);
            else if (n == 2)
                pw_op2(&b, op, t, a[0], a[1]);
            else
                pw_op3(&b, op, t, a[0], a[1], a[2]);
            if (b.status != SARD_OK) b = old;
        }
        pw_output(&b, b.n - 1);
        for (int i = 0; i < 3; i++) pw_output(&b, (pw_val)(rnd() % (uint64_t)b.n));
        if (pw_check(&b, NULL) != SARD_OK) continue;
        built++;
        shape s = {.rank = 1, .dims = {(int64_t)(rnd() % 400) + 1}};
        check(&b, &s, false);
    }
    assert_true(built > 100);
}

/* A tile in the middle of a matrix, all kinds of operands, against the interpreter on the same rectangle. */
static void test_tile(void **state) {
    (void)state;
    static const int64_t sizes[][2] = {{1, 1},   {8, 16},  {14, 32}, {6, 16}, {1, 128},
                                       {3, 300}, {17, 33}, {8, 7},   {9, 129}};
    for (int z = 0; z < COUNT(sizes); z++)
        for (int l = 0; l < N_LEVELS; l++) {
            if (!cpu_has(LEVELS[l]) || !pw_code_for(LEVELS[l], 32)) continue;
            int64_t rows = sizes[z][0], cols = sizes[z][1], R = rows + 3, C = cols + 5, n = R * C, row = 2, col = 3;
            pw_builder b;
            pw_init(&b);
            pw_val t = pw_input(&b, SARD_F32), scalar = pw_input(&b, SARD_F32), bias = pw_input(&b, SARD_F32);
            pw_val scale = pw_input(&b, SARD_F16), more = pw_input(&b, SARD_F32);
            pw_val y = pw_op2(&b, PW_ADD, SARD_F32, t, bias);
            y = pw_op2(&b, PW_MUL, SARD_F32, y, scale), y = pw_op2(&b, PW_SUB, SARD_F32, more, y);
            y = pw_op2(&b, PW_MAX, SARD_F32, scalar, y);
            pw_output(&b, y), pw_output(&b, pw_cast(&b, SARD_I8, y, 0));
            pw_program *p;
            sard_error err;
            assert_int_equal(pw_compile_for(&b, LEVELS[l], &p, &err), SARD_OK);
            assert_true(pw_tile_ok(p));
            size_t tile_n = (size_t)(rows * (cols + 2));
            float *tile = malloc(tile_n * 4), *keep = malloc(tile_n * 4), *m = malloc((size_t)n * 4),
                  *v = malloc((size_t)C * 4), s = 0.25f;
            uint16_t *q = malloc((size_t)R * 2);
            int8_t *o8 = calloc((size_t)n, 1), *w8 = calloc((size_t)n, 1);
            fill(SARD_F32, tile, (int64_t)tile_n), fill(SARD_F32, m, n), fill(SARD_F32, v, C), fill(SARD_F16, q, R);
            memcpy(keep, tile, tile_n * 4);
            pw_epilogue e = {.program = p};
            e.in[1] = (pw_operand){&s, PW_SCALAR, 0}, e.in[2] = (pw_operand){v, PW_PER_COL, 0};
            e.in[3] = (pw_operand){q, PW_PER_ROW, 0}, e.in[4] = (pw_operand){m, PW_SAME, C};
            e.out[1].p = o8, e.out[1].ld = C;
            pw_tile_hook(&e, tile, cols + 2, row, col, rows, cols);
            pw_geom g;
            int64_t dims[2] = {rows, cols}, st[4][2] = {{cols + 2, 1}, {0, 0}, {0, 1}, {1, 0}}, sm[2] = {C, 1};
            const int64_t *ins[] = {st[0], st[1], st[2], st[3], sm}, *outs[] = {st[0], sm};
            assert_int_equal(pw_geom_init(&g, p, 2, dims, ins, outs, &err), SARD_OK);
            float *want = malloc(tile_n * 4);
            memcpy(want, keep, tile_n * 4);
            const void *ip[] = {keep, &s, v + col, q + row, m + row * C + col};
            void *op[] = {want, w8 + row * C + col};
            assert_int_equal(pw_run_ref(&b, &g, ip, op, &err), SARD_OK);
            assert_true(same(SARD_F32, tile, want, (int64_t)tile_n));
            assert_memory_equal(o8, w8, (size_t)n);
            pw_free(p), free(tile), free(keep), free(m), free(v), free(q), free(o8), free(w8), free(want);
        }
}

static void test_split(void **state) {
    (void)state;
    pw_builder b;
    pw_init(&b);
    pw_val x = pw_input(&b, SARD_I64);
    pw_val f = pw_cast(&b, SARD_F32, x, 0);
    pw_output(&b, pw_op1(&b, PW_EXP, SARD_F32, f));
    assert_int_equal(pw_check(&b, NULL), SARD_OK);
    pw_output(&b, pw_op2(&b, PW_ADD, SARD_I64, x, x));
    sard_error err;
    assert_int_equal(pw_check(&b, &err), SARD_UNSUPPORTED);
    pw_init(&b);
    pw_output(&b, pw_op2(&b, PW_ADD, SARD_I32, pw_input(&b, SARD_I32), pw_input(&b, SARD_F32)));
    assert_int_equal(b.status, SARD_UNSUPPORTED);
    assert_int_equal(pw_check(&b, &err), SARD_UNSUPPORTED);
}

static int print_rows(void **state) {
    (void)state;
    for (int l = 0; l < N_LEVELS; l++) printf("pointwise %s: %d programs\n", isa_name(LEVELS[l]), rows_run[l]);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_split),    cmocka_unit_test(test_opcodes),
                                       cmocka_unit_test(test_casts),    cmocka_unit_test(test_broadcast),
                                       cmocka_unit_test(test_composed), cmocka_unit_test(test_random),
                                       cmocka_unit_test(test_tile)};
    return cmocka_run_group_tests(tests, NULL, print_rows);
}
