/*
 * bench_pointwise.c -- speed of pointwise programs, reductions, softmax and normalisation: best of many rounds, one thread.
 * Build: scripts of the bench, or: cc -O2 -Isrc -Iinclude bench/kernels/bench_pointwise.c build/libsard_core.a -lm -lpthread
 * SARD_ISA=avx2 lowers the instruction set.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernels/norm/norm.h"
#include "kernels/pointwise/pointwise.h"
#include "kernels/reduce/reduce.h"
#include "kernels/softmax/softmax.h"

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

enum { MAX = 1 << 21 };
static float *x, *y, *z;

typedef struct program {
    const char *name;
    int arrays;
    void (*emit)(pw_builder *b);
} program;

static void emit_relu(pw_builder *b) { pw_output(b, pw_relu(b, SARD_F32, pw_input(b, SARD_F32))); }
static void emit_add(pw_builder *b) {
    pw_val a = pw_input(b, SARD_F32);
    pw_output(b, pw_op2(b, PW_ADD, SARD_F32, a, pw_input(b, SARD_F32)));
}
static void emit_gelu(pw_builder *b) { pw_output(b, pw_gelu(b, SARD_F32, pw_input(b, SARD_F32), false)); }
static void emit_gelu_tanh(pw_builder *b) { pw_output(b, pw_gelu(b, SARD_F32, pw_input(b, SARD_F32), true)); }
static void emit_silu(pw_builder *b) { pw_output(b, pw_swish(b, SARD_F32, pw_input(b, SARD_F32), 1)); }
static void emit_mish(pw_builder *b) { pw_output(b, pw_mish(b, SARD_F32, pw_input(b, SARD_F32))); }
static void emit_12(pw_builder *b) {
    pw_val v = pw_input(b, SARD_F32), h = pw_const(b, SARD_F32, 0.5), o = pw_const(b, SARD_F32, 1);
    for (int i = 0; i < 6; i++) v = pw_op2(b, PW_ADD, SARD_F32, pw_op2(b, PW_MUL, SARD_F32, v, h), o);
    pw_output(b, v);
}
static void emit_quant(pw_builder *b) {
    pw_output(b, pw_quantize(b, SARD_U8, pw_input(b, SARD_F32), pw_const(b, SARD_F32, 0.02),
                             pw_const_i(b, SARD_U8, 128), true));
}
#define UNARY(op)                                                                                                      \
    static void emit_##op(pw_builder *b) { pw_output(b, pw_op1(b, PW_##op, SARD_F32, pw_input(b, SARD_F32))); }
UNARY(EXP)
UNARY(LOG) UNARY(TANH) UNARY(ERF) UNARY(SIGMOID) UNARY(SIN) UNARY(SQRT) UNARY(TAN) static void emit_pow(pw_builder *b) {
    pw_val a = pw_op1(b, PW_ABS, SARD_F32, pw_input(b, SARD_F32));
    pw_output(b, pw_op2(b, PW_POW, SARD_F32, a, pw_const(b, SARD_F32, 1.7)));
}
static const program PROGRAMS[] = {{"relu", 2, emit_relu},
                                   {"add", 3, emit_add},
                                   {"12 cheap", 2, emit_12},
                                   {"gelu", 2, emit_gelu},
                                   {"gelu tanh", 2, emit_gelu_tanh},
                                   {"silu", 2, emit_silu},
                                   {"mish", 2, emit_mish},
                                   {"quantize", 2, emit_quant},
                                   {"exp", 2, emit_EXP},
                                   {"log", 2, emit_LOG},
                                   {"tanh", 2, emit_TANH},
                                   {"erf", 2, emit_ERF},
                                   {"sigmoid", 2, emit_SIGMOID},
                                   {"sin", 2, emit_SIN},
                                   {"sqrt", 2, emit_SQRT},
                                   {"pow", 2, emit_pow},
                                   {"tan", 2, emit_TAN}};

static double best_of(void (*f)(void *), void *arg, double budget_us) {
    double best = 1e30, end = now() + budget_us;
    for (int i = 0; i < 5 || now() < end; i++) {
        double t = now();
        f(arg);
        t = now() - t;
        if (t < best) best = t;
    }
    return best;
}

typedef struct run {
    const pw_program *p;
    pw_geom g;
} run;
static void run_pw(void *arg) {
    const run *r = arg;
    if (pw_run(r->p, &r->g, (const void *[]){x, y}, (void *[]){z}, NULL, NULL) != SARD_OK) abort();
}

static void programs(void) {
    static const int64_t sizes[] = {16, 1000, 128 * 768, 64 * 112 * 112};
    for (size_t k = 0; k < sizeof PROGRAMS / sizeof *PROGRAMS; k++) {
        pw_builder b;
        pw_program *p;
        pw_init(&b);
        PROGRAMS[k].emit(&b);
        if (pw_compile(&b, &p, NULL) != SARD_OK) abort();
        printf("%-10s", PROGRAMS[k].name);
        for (int s = 0; s < 4; s++) {
            run r = {.p = p};
            if (pw_geom_init(&r.g, p, 1, &sizes[s], NULL, NULL, NULL) != SARD_OK) abort();
            double t = best_of(run_pw, &r, 30000);
            printf(" | %7lld: %8.2f us %6.3f ns/el %6.1f GB/s", (long long)sizes[s], t, t * 1e3 / (double)sizes[s],
                   (double)(4 * PROGRAMS[k].arrays * sizes[s]) * 1e-3 / t);
        }
        printf("\n");
        pw_free(p);
    }
}

typedef struct bcast {
    const char *name;
    int64_t dims[3], stride[3];
} bcast;
static void broadcasts(void) {
    static const bcast B[] = {
        {"bias of last axis, 64", {1, 12544, 64}, {0, 0, 1}}, {"bias of last axis, 768", {1, 128, 768}, {0, 0, 1}},
        {"bias of last axis, 30", {1, 4000, 30}, {0, 0, 1}},  {"per channel, 56 x 56", {1, 64, 3136}, {0, 1, 0}},
        {"per channel, 7 x 7", {1, 2048, 49}, {0, 1, 0}},     {"transposed", {1, 256, 384}, {0, 1, 256}}};
    pw_builder b;
    pw_program *p;
    pw_init(&b);
    emit_add(&b);
    if (pw_compile(&b, &p, NULL) != SARD_OK) abort();
    for (size_t k = 0; k < sizeof B / sizeof *B; k++) {
        run r = {.p = p};
        if (pw_geom_init(&r.g, p, 3, B[k].dims, (const int64_t *[]){NULL, B[k].stride}, NULL, NULL) != SARD_OK) abort();
        double t = best_of(run_pw, &r, 30000), n = (double)r.g.total;
        printf("add, %-24s %8.2f us %6.3f ns/el\n", B[k].name, t, t * 1e3 / n);
    }
    pw_free(p);
}

static void run_reduce(void *arg) {
    if (reduce_run(arg, NULL, NULL) != SARD_OK) abort();
}
static void run_softmax(void *arg) {
    if (softmax_run(arg, NULL, NULL) != SARD_OK) abort();
}
static void run_norm(void *arg) {
    if (norm_rows(arg, NULL, NULL) != SARD_OK) abort();
}
static void run_argmax(void *arg) {
    if (reduce_arg(arg, 1, true, false, NULL, NULL) != SARD_OK) abort();
}

static void rows(void) {
    static const int64_t S[][2] = {{128, 768}, {1536, 128}, {1, 50257}, {2000, 13}, {100, 77}, {49, 2048}};
    for (int k = 0; k < 6; k++) {
        int64_t r = S[k][0], n = S[k][1];
        double e = (double)(r * n);
        reduce_args a = {.op = REDUCE_SUM,
                         .type = SARD_F32,
                         .rank = 2,
                         .dim = {r, n},
                         .in_stride = {n, 1},
                         .out_stride = {1, 0},
                         .reduced = {false, true},
                         .in = x,
                         .out = z};
        double t = best_of(run_reduce, &a, 20000);
        printf("%5lld x %-6lld sum %8.2f us %6.1f GB/s", (long long)r, (long long)n, t, e * 4e-3 / t);
        a.reduced[0] = true, a.reduced[1] = false, a.out_stride[1] = 1;
        t = best_of(run_reduce, &a, 20000);
        printf(" | of columns %8.2f us %6.1f GB/s", t, e * 4e-3 / t);
        t = best_of(run_argmax, &a, 20000);
        printf(" | argmax %8.2f us", t);
        softmax_args s = {.type = SARD_F32,
                          .rank = 2,
                          .axis = 1,
                          .dim = {r, n},
                          .in_stride = {n, 1},
                          .out_stride = {n, 1},
                          .in = x,
                          .out = z};
        t = best_of(run_softmax, &s, 20000);
        printf(" | softmax %8.2f us %6.1f GB/s", t, e * 8e-3 / t);
        norm_rows_args m = {
            .type = SARD_F32, .param = SARD_F32, .eps = 1e-5, .rows = r, .n = n, .x = x, .y = z, .scale = y, .bias = y};
        t = best_of(run_norm, &m, 20000);
        printf(" | layernorm %8.2f us %6.1f GB/s\n", t, e * 8e-3 / t);
    }
}

int main(void) {
    x = aligned_alloc(64, MAX * 4), y = aligned_alloc(64, MAX * 4), z = aligned_alloc(64, MAX * 4);
    uint32_t r = 1;
    for (int i = 0; i < MAX; i++) {
        r = r * 1664525 + 1013904223, x[i] = (float)(int32_t)r * 0x1p-31f * 6;
        r = r * 1664525 + 1013904223, y[i] = (float)(int32_t)r * 0x1p-31f * 6;
    }
    printf("instruction set: %s\n", isa_name(cpu_best()));
    programs(), broadcasts(), rows();
    return 0;
}
