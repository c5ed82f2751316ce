/*
 * bench_gemm.c -- products and convolutions on one thread, beside the machine's FMA peak measured in the same process.
 *
 *     build/bench/bench_gemm [level] [rounds]      level: 0 the best kernel (default), 1 the next ...
 *
 * Each figure is the best of its rounds, and a percentage of the best peak. Bar: sgemm 512 x 512 x 512 at 80 %.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/simd.h"
#include "kernels/conv/conv_rows.h"

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static float *numbers(size_t n) {
    float *p = aligned_alloc(4096, (n * sizeof(float) + 8191) / 4096 * 4096);
    if (!p) exit(1);
    for (size_t i = 0; i < n; i++) p[i] = (float)(i * 2654435761u % 1000) * 1e-3f - 0.5f;
    return p;
}

static double best_peak;

/* GFLOP/s of ten independent chains. */
static void measure_peak(void) {
#if !SIMD_PLAIN
    const vf x = f_set(0.999f), y = f_set(0.001f);
    vf a[10];
    UNROLL for (int j = 0; j < 10; j++) a[j] = x;
    const double t0 = now();
    for (int i = 0; i < 3000; i++) {
        UNROLL for (int j = 0; j < 10; j++) {
            a[j] = f_fma(a[j], x, y);
            __asm__ volatile("" : "+v"(a[j]));
        }
    }
    const double peak = 3000. * 10 * VL * 2e-6 / (now() - t0);
    if (peak > best_peak) best_peak = peak;
#endif
}

static const gemm_kernel_f32 *kernel;
static int rounds = 20;

static void report(const char *name, double flop, double best) {
    printf("%-34s %8.3f ms %7.1f GFLOP/s %4.0f %%\n", name, best, flop * 1e-6 / best, flop * 1e-4 / best / best_peak);
}

static double product(const char *name, int64_t m, int64_t k, int64_t n, bool packed) {
    float *a = numbers((size_t)(m * k)), *b = numbers((size_t)(k * n)), *c = numbers((size_t)(m * n));
    float *pack = numbers(gemm_pack_bytes(k, n, sizeof(float)) / sizeof(float));
    gemm_pack_f32(k, n, b, n, 1, 0, gemm_panels(n), pack);
    gemm_f32 g = {.m = m,
                  .n = n,
                  .k = k,
                  .a = a,
                  .a_rs = k,
                  .a_cs = 1,
                  .b = b,
                  .b_rs = n,
                  .b_cs = 1,
                  .c = c,
                  .c_rs = n,
                  .packed = packed ? pack : NULL,
                  .e = GEMM_EPILOGUE_NONE};
    void *scratch = numbers(gemm_scratch_with_f32(kernel, &g, 1) / sizeof(float));
    double best = 1e30;
    for (int r = 0; r < rounds; r++) {
        measure_peak();
        const double t0 = now();
        if (gemm_run_with_f32(kernel, &g, NULL, scratch, NULL) != SARD_OK) exit(1);
        const double t = now() - t0;
        if (t < best) best = t;
    }
    char line[80];
    snprintf(line, sizeof line, "%s %dx%dx%d%s", name, (int)m, (int)k, (int)n, packed ? "" : " unpacked");
    report(line, 2. * (double)m * (double)k * (double)n, best);
    free(a), free(b), free(c), free(pack), free(scratch);
    return best;
}

static double convolution(int64_t h, int64_t c, int64_t oc, int64_t k, int64_t stride, int64_t groups, bool row) {
    const int64_t out = (h - 1) / stride + 1;
    conv_shape s = {.rank = 2, .n = 1, .c = c, .oc = oc, .groups = groups};
    for (int d = 0; d < 2; d++)
        s.in[d] = h, s.out[d] = out, s.kernel[d] = k, s.stride[d] = stride, s.dilation[d] = 1, s.pad[d] = k / 2;
    float *w = numbers((size_t)(oc * c / groups * k * k)), *x = numbers((size_t)(h * h * c));
    float *y = numbers((size_t)(out * out * oc)), *bias = numbers((size_t)oc);
    float *packed = numbers(conv_pack_bytes(&s) / sizeof(float));
    conv_pack pack;
    conv_pack_weights(&s, w, packed, &pack);
    conv_f32 q = {.shape = &s,
                  .pack = &pack,
                  .x = x,
                  .y = y,
                  .x_order = row ? CONV_ROW : CONV_LAST,
                  .y_order = row ? CONV_ROW : CONV_LAST,
                  .e = GEMM_EPILOGUE_NONE};
    q.e.bias = bias, q.e.act = GEMM_ACT_RELU;
    void *scratch = numbers(conv_scratch_with(kernel, &q, 1) / sizeof(float));
    double best = 1e30;
    for (int r = 0; r < rounds; r++) {
        measure_peak();
        const double t0 = now();
        if (conv_run_with(kernel, &q, NULL, scratch, NULL) != SARD_OK) exit(1);
        const double t = now() - t0;
        if (t < best) best = t;
    }
    char line[80];
    snprintf(line, sizeof line, "conv %d-%d k%d s%d g%d @%d%s", (int)c, (int)oc, (int)k, (int)stride, (int)groups,
             (int)h, row ? " row-major" : "");
    report(line, 2. * (double)(out * out * oc) * (double)(c / groups * k * k), best);
    free(w), free(x), free(y), free(bias), free(packed), free(scratch);
    return best;
}

/* The 53 convolutions of ResNet-50, each alone. */
static void resnet50(void) {
    static const int shapes[][6] = {
        /* side, c, oc, kernel, stride, times */
        {224, 3, 64, 7, 2, 1},   {56, 64, 64, 1, 1, 1},    {56, 64, 64, 3, 1, 3},    {56, 64, 256, 1, 1, 4},
        {56, 256, 64, 1, 1, 2},  {56, 256, 128, 1, 1, 1},  {56, 128, 128, 3, 2, 1},  {56, 256, 512, 1, 2, 1},
        {28, 128, 512, 1, 1, 4}, {28, 512, 128, 1, 1, 3},  {28, 128, 128, 3, 1, 3},  {28, 512, 256, 1, 1, 1},
        {28, 256, 256, 3, 2, 1}, {28, 512, 1024, 1, 2, 1}, {14, 256, 1024, 1, 1, 6}, {14, 1024, 256, 1, 1, 5},
        {14, 256, 256, 3, 1, 5}, {14, 1024, 512, 1, 1, 1}, {14, 512, 512, 3, 2, 1},  {14, 1024, 2048, 1, 2, 1},
        {7, 512, 2048, 1, 1, 3}, {7, 2048, 512, 1, 1, 2},  {7, 512, 512, 3, 1, 2}};
    double sum = 0;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const int *q = shapes[i];
        sum += q[5] * convolution(q[0], q[1], q[2], q[3], q[4], 1, false);
    }
    printf("ResNet-50's convolutions: %.2f ms\n", sum);
}

int main(int argc, char **argv) {
    kernel = gemm_kernels_f32[argc > 1 ? strtol(argv[1], NULL, 10) : 0];
    if (argc > 2) rounds = (int)strtol(argv[2], NULL, 10);
    if (!cpu_has(kernel->level)) return 1;
    for (int i = 0; i < 100; i++) measure_peak();
    printf("%s, FMA peak of this build %.1f GFLOP/s\n", isa_name(kernel->level), best_peak);
    product("sgemm", 512, 512, 512, true);
    product("sgemm", 512, 512, 512, false);
    product("dense", 128, 768, 768, true);
    product("dense", 128, 768, 3072, true);
    product("dense", 128, 3072, 768, true);
    product("attention", 128, 64, 128, false);
    product("one row", 1, 768, 3072, true);
    product("one row", 1, 768, 3072, false);
    resnet50();
    convolution(224, 3, 64, 7, 2, 1, true);
    convolution(56, 64, 64, 3, 1, 1, true);
    convolution(56, 128, 128, 3, 1, 32, false);
    static const int depthwise[][3] = {{112, 32, 1}, {112, 96, 2}, {56, 144, 1},
                                       {28, 192, 1}, {14, 576, 1}, {7, 960, 1}};
    for (size_t i = 0; i < sizeof depthwise / sizeof *depthwise; i++) {
        const int *q = depthwise[i];
        convolution(q[0], q[1], q[1], 3, q[2], q[1], false);
    }
    return 0;
}
