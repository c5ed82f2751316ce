/* Convolutions: every kernel of the lists against the definition in plain C, bit for bit. */
#include "kernels/kernel_pools.h"
#include "kernels/kernel_test.h"

#include "kernels/conv/conv_rows.h"
#include "kernels/conv/depthwise.h"
#include "kernels/conv/winograd.h"

static int64_t product(const int64_t *d, int n) {
    int64_t r = 1;
    for (int i = 0; i < n; i++) r *= d[i];
    return r;
}

enum { ANY, DEPTHWISE, TRANSPOSED, KINDS, WINOGRAD };

static void axis(conv_shape *s, int d) {
    s->kernel[d] = s->rank == 1 ? PICK(1, 2, 3, 5, 9, 530) : PICK(1, 1, 2, 3, 3, 4);
    s->stride[d] = PICK(1, 1, 2, 3);
    s->dilation[d] = PICK(1, 1, 1, 2, 3);
    s->in[d] = s->rank == 1 ? PICK(1, 3, 17, 40, 100) : s->rank == 2 ? PICK(1, 4, 7, 12, 14, 23) : PICK(1, 3, 5);
    s->pad[d] = kt_below(s->kernel[d] * s->dilation[d] + 1);
    const int64_t reach = (s->kernel[d] - 1) * s->dilation[d] + 1, after = kt_below(3);
    if (s->transposed) {
        s->out[d] = (s->in[d] - 1) * s->stride[d] + reach + after - s->pad[d];
        if (s->out[d] < 1) s->pad[d] = 0, s->out[d] = (s->in[d] - 1) * s->stride[d] + reach;
    } else {
        const int64_t all = s->in[d] + s->pad[d] + after - reach;
        s->out[d] = all < 0 ? 1 : all / s->stride[d] + 1;
    }
}

static conv_shape make_shape(int kind) {
    conv_shape s;
    double work;
    do {
        s = (conv_shape){.rank = (int)PICK(1, 2, 2, 2, 3), .transposed = kind == TRANSPOSED, .n = PICK(1, 1, 2, 3)};
        s.groups = kind == DEPTHWISE ? PICK(2, 3, 8, 15, 16, 17, 33, 64) : PICK(1, 1, 1, 2, 3, 5);
        s.c = kind == DEPTHWISE ? s.groups : s.groups * PICK(1, 2, 3, 8, 16, 33, 64, 130, 513);
        const int64_t wide = PICK(1, 1, 2, 4, 8); /* of depthwise groups */
        s.oc = kind == DEPTHWISE ? s.groups : s.groups * PICK(1, 3, 8, 15, 16, 17, 32, 40, 64, 100);
        if (kind == DEPTHWISE) s.c *= wide, s.oc *= wide;
        for (int d = 0; d < s.rank; d++) axis(&s, d);
        work = (double)s.n * (double)s.oc * (double)s.c / (double)s.groups * (double)product(s.out, s.rank) *
               (double)product(s.kernel, s.rank);
    } while (work > 2e6);
    return s;
}

static conv_shape make_winograd(void) {
    conv_shape s = {.rank = 2, .n = PICK(1, 1, 2), .groups = 1, .c = PICK(32, 33, 40), .oc = PICK(32, 35, 48)};
    const int64_t side = PICK(14, 28);
    for (int d = 0; d < 2; d++) {
        s.kernel[d] = 3, s.stride[d] = s.dilation[d] = 1, s.pad[d] = PICK(0, 1, 1, 2);
        s.out[d] = side + kt_below(6);
        s.in[d] = s.out[d] + 2 - s.pad[d] - kt_below(2);
    }
    if (kt_below(4) == 0) s.n = 1, s.c = 530, s.out[0] = s.out[1] = 14;
    return s;
}

typedef struct seen { /* what the hook stores */
    float *out;
    int64_t oc;
} seen;

static void hook(const void *arg, void *tile, int64_t ld, int64_t row, int64_t col, int64_t rows, int64_t cols) {
    const seen *s = arg;
    float *t = tile;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t k = 0; k < cols; k++) {
            t[i * ld + k] *= 2;
            s->out[(row + i) * s->oc + col + k] = t[i * ld + k] - 1;
        }
}

static kt_buffer numbers(int64_t n, int special) {
    kt_buffer b = kt_alloc((size_t)n * sizeof(float), (size_t)kt_below(16) * sizeof(float));
    for (int64_t i = 0; i < n; i++) ((float *)(void *)b.p)[i] = special ? kt_float(KT_SPECIAL) : kt_finite();
    return b;
}

static void describe(const conv_shape *s, const conv_f32 *c, isa level, int threads, int64_t bad) {
    print_error(
        "%s, %d threads: element %d: rank %d transposed %d n %d c %d oc %d groups %d orders %d %d hook %d y %d\n",
        isa_name(level), threads, (int)bad, s->rank, s->transposed, (int)s->n, (int)s->c, (int)s->oc, (int)s->groups,
        (int)c->x_order, (int)c->y_order, c->e.hook != NULL, c->y != NULL);
    for (int d = 0; d < s->rank; d++)
        print_error("  in %d out %d kernel %d stride %d dilation %d pad %d\n", (int)s->in[d], (int)s->out[d],
                    (int)s->kernel[d], (int)s->stride[d], (int)s->dilation[d], (int)s->pad[d]);
}

static void one_case(int kind) {
    const conv_shape s = kind == WINOGRAD ? make_winograd() : make_shape(kind);
    assert_int_equal(conv_check(&s, NULL), SARD_OK);
    const int64_t taps = product(s.kernel, s.rank), xs = s.n * s.c * product(s.in, s.rank);
    const int64_t ys = s.n * s.oc * product(s.out, s.rank), ws = s.c / s.groups * s.oc * taps;
    const int infinite = kt_below(8) == 0 && s.c / s.groups * taps < 10;
    kt_buffer x = numbers(xs, infinite), w = numbers(ws, infinite), bias = numbers(s.oc, 0), add = numbers(ys, 0);
    kt_buffer out[2], side[2], packed = kt_alloc(conv_pack_bytes(&s), 0);
    seen sees[2];
    for (int i = 0; i < 2; i++) {
        out[i] = kt_alloc((size_t)ys * sizeof(float), (size_t)kt_below(16) * sizeof(float));
        side[i] = kt_alloc((size_t)ys * sizeof(float), 0);
        memset(side[i].p, 0, side[i].n), memset(out[i].p, 0, out[i].n);
        sees[i] = (seen){(float *)(void *)side[i].p, s.oc};
    }
    conv_pack pack;
    conv_pack_weights(&s, (float *)(void *)w.p, (float *)(void *)packed.p, &pack);
    conv_f32 c = {.shape = &s, .pack = &pack, .x = (float *)(void *)x.p, .e = GEMM_EPILOGUE_NONE};
    c.x_order = (conv_order)kt_below(2), c.y_order = (conv_order)kt_below(2);
    if (kt_below(3) > 0) c.e.bias = (float *)(void *)bias.p, c.e.bias_cs = 1;
    if (kt_below(3) == 0) c.e.add = (float *)(void *)add.p;
    c.e.act = (gemm_act)kt_below(3), c.e.lo = -0.4f, c.e.hi = 0.9f;
    if (c.y_order == CONV_LAST && kt_below(2)) c.e.hook = hook;
    const int hidden = c.e.hook && kt_below(2);
    for (int i = -1; gemm_kernels_f32[i < 0 ? 0 : i]; i++) {
        const gemm_kernel_f32 *k = gemm_kernels_f32[i < 0 ? 0 : i];
        if (i >= 0 && !cpu_has(k->level)) continue;
        for (int threads = 1; threads <= 2; threads++) {
            const int which = i >= 0;
            c.y = hidden ? NULL : (float *)(void *)out[which].p;
            c.e.hook_arg = &sees[which];
            if (i < 0) {
                if (kind == WINOGRAD && pack.algorithm != CONV_ALGO_TILE)
                    winograd_ref(&c, winograd_for(&s), (float *)(void *)w.p);
                else
                    conv_ref_f32(&c, (float *)(void *)w.p);
                break;
            }
            par on = {pools[threads - 1], NULL};
            kt_buffer scratch = kt_alloc(conv_scratch_with(k, &c, threads), 0);
            assert_int_equal(conv_run_with(k, &c, &on, scratch.p, NULL), SARD_OK);
            kt_free(&scratch);
            int64_t bad = kt_differ((float *)(void *)out[0].p, (float *)(void *)out[1].p, ys);
            if (bad < 0) bad = kt_differ(sees[0].out, sees[1].out, ys);
            if (bad >= 0) describe(&s, &c, k->level, threads, bad);
            assert_int_equal(bad, -1);
            memset(side[1].p, 0, side[1].n), memset(out[1].p, 0, out[1].n);
        }
    }
    for (int i = 0; i < 2; i++) kt_free(&out[i]), kt_free(&side[i]);
    kt_free(&x), kt_free(&w), kt_free(&bias), kt_free(&add), kt_free(&packed);
}

static void every_kernel(void **state) {
    (void)state;
    for (int i = 0; depthwise_kernels[i]; i++)
        printf("depthwise %-7s %s\n", isa_name(depthwise_kernels[i]->level),
               cpu_has(depthwise_kernels[i]->level) ? "ran" : "not here");
    for (int i = 0; i < 600; i++) one_case(i % KINDS);
    for (int i = 0; i < 10; i++) one_case(WINOGRAD);
}

/* How far Winograd's results are from the direct ones. */
static void winograd_error(void **state) {
    (void)state;
    kt_seed = 7;
    for (int64_t side = 14; side <= 28; side += 14) {
        conv_shape s = {.rank = 2,
                        .n = 1,
                        .c = 64,
                        .oc = 64,
                        .groups = 1,
                        .in = {side, side},
                        .out = {side, side},
                        .kernel = {3, 3},
                        .stride = {1, 1},
                        .dilation = {1, 1},
                        .pad = {1, 1}};
        const int64_t n = side * side * 64;
        float *x = malloc((size_t)n * 4), *w = malloc(64 * 64 * 9 * 4), *y[2], largest = 0, error = 0;
        for (int64_t i = 0; i < n; i++) x[i] = kt_real();
        for (int64_t i = 0; i < 64 * 64 * 9; i++) w[i] = kt_real();
        for (int direct = 0; direct < 2; direct++) {
            s.direct = direct;
            conv_pack pack;
            void *packed = aligned_alloc(64, conv_pack_bytes(&s));
            conv_pack_weights(&s, w, packed, &pack);
            assert_int_equal(pack.algorithm, direct       ? CONV_ALGO_TILE
                                             : side == 14 ? CONV_ALGO_WINOGRAD2
                                                          : CONV_ALGO_WINOGRAD4);
            y[direct] = malloc((size_t)n * 4);
            conv_f32 c = {.shape = &s, .pack = &pack, .x = x, .y = y[direct], .e = GEMM_EPILOGUE_NONE};
            void *scratch = aligned_alloc(64, conv_scratch_f32(&c, 1));
            assert_int_equal(conv_run_f32(&c, NULL, scratch, NULL), SARD_OK);
            free(packed), free(scratch);
        }
        for (int64_t i = 0; i < n; i++) {
            if (fabsf(y[1][i]) > largest) largest = fabsf(y[1][i]);
            if (fabsf(y[1][i] - y[0][i]) > error) error = fabsf(y[1][i] - y[0][i]);
        }
        printf("winograd, %d x %d: largest difference %.1e of the largest output\n", (int)side, (int)side,
               error / largest);
        assert_true(error <= 1e-5f * largest);
        free(x), free(w), free(y[0]), free(y[1]);
    }
}

static void copies(void **state) {
    (void)state;
    for (int round = 0; round < 30; round++) {
        const int64_t n = PICK(1, 2), c = PICK(1, 3, 16, 17, 50), p = PICK(1, 7, 16, 100, 257, 600), all = n * c * p;
        kt_buffer a = numbers(all, 0), b = numbers(all, 0), d = numbers(all, 0);
        float *row = (float *)(void *)a.p, *last = (float *)(void *)b.p, *back = (float *)(void *)d.p;
        const par on = {pools[round % 2], NULL};
        assert_int_equal(conv_to_last(n, c, p, row, last, &on, NULL), SARD_OK);
        for (int64_t i = 0; i < n; i++)
            for (int64_t q = 0; q < p; q++)
                for (int64_t k = 0; k < c; k++)
                    assert_memory_equal(&last[(i * p + q) * c + k], &row[(i * c + k) * p + q], sizeof(float));
        assert_int_equal(conv_to_row(n, c, p, last, back, &on, NULL), SARD_OK);
        assert_memory_equal(row, back, (size_t)all * sizeof(float));
        kt_free(&a), kt_free(&b), kt_free(&d);
    }
}

static void refusals(void **state) {
    (void)state;
    conv_shape s = {.rank = 1,
                    .n = 1,
                    .c = 4,
                    .oc = 6,
                    .groups = 2,
                    .in = {5},
                    .out = {3},
                    .kernel = {3},
                    .stride = {1},
                    .dilation = {1},
                    .pad = {0}};
    sard_error err;
    assert_int_equal(conv_check(&s, &err), SARD_OK);
    s.oc = 5;
    assert_int_equal(conv_check(&s, &err), SARD_INVALID_ARGUMENT);
    s.oc = 6, s.stride[0] = 0;
    assert_int_equal(conv_check(&s, &err), SARD_INVALID_ARGUMENT);
    s.stride[0] = 1, s.dilation[0] = INT64_MAX / 2;
    assert_int_equal(conv_check(&s, &err), SARD_INVALID_ARGUMENT);
    s.dilation[0] = 1, s.in[0] = INT64_MAX / 8;
    assert_int_equal(conv_check(&s, &err), SARD_INVALID_ARGUMENT);
    s.rank = 9;
    assert_int_equal(conv_check(&s, &err), SARD_INVALID_ARGUMENT);
    s.rank = 1, s.in[0] = 5, s.n = 0;
    conv_f32 c = {.shape = &s, .e = GEMM_EPILOGUE_NONE};
    assert_int_equal(conv_scratch_f32(&c, 1), 0);
    assert_int_equal(conv_run_f32(&c, NULL, NULL, NULL), SARD_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_kernel), cmocka_unit_test(winograd_error),
                                       cmocka_unit_test(copies), cmocka_unit_test(refusals)};
    return cmocka_run_group_tests(tests, pools_open, pools_close);
}
