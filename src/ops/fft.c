/*
 * fft.c -- see fft.h.
 */
#include "ops/fft.h"

#include <string.h>

#include "kernels/pointwise/math64.h"

bool fft_sizes(int64_t n, size_t *plan, size_t *scratch) {
    if (n < 1 || n > (int64_t)1 << 40) return false;
    size_t m = 1;
    while (m < (size_t)n) m *= 2;
    bool power = m == (size_t)n;
    if (!power)
        while (m < 2 * (size_t)n - 1) m *= 2;
    *plan = m + 2 + (power ? 0 : 2 * (size_t)n + 2 * m);
    *scratch = power ? 2 : 2 * m;
    return true;
}

/* e^(-i turn), turn = part / whole of half a circle */
static void unit(double *z, int64_t part, int64_t whole) {
    double a = 3.14159265358979323846 * ((double)part / (double)whole);
    z[0] = m64_cos(a), z[1] = -m64_sin(a);
}

static void product(double *z, const double *a, const double *b) {
    double re = a[0] * b[0] - a[1] * b[1], im = a[0] * b[1] + a[1] * b[0];
    z[0] = re, z[1] = im;
}

static void swap_pairs(double *a, double *b) {
    double re = a[0], im = a[1];
    a[0] = b[0], a[1] = b[1], b[0] = re, b[1] = im;
}

/* In place, m a power of two. */
static void radix2(const double *roots, double *x, int64_t m) {
    for (int64_t i = 1, j = 0; i < m; i++) {
        int64_t bit = m >> 1;
        for (; j & bit; bit >>= 1) j ^= bit;
        j ^= bit;
        if (i < j) swap_pairs(x + 2 * i, x + 2 * j);
    }
    for (int64_t half = 1; half < m; half *= 2)
        for (int64_t from = 0; from < m; from += 2 * half)
            for (int64_t k = 0; k < half; k++) {
                double *a = x + 2 * (from + k), *b = a + 2 * half, t[2];
                product(t, b, roots + 2 * (k * (m / (2 * half))));
                b[0] = a[0] - t[0], b[1] = a[1] - t[1];
                a[0] = a[0] + t[0], a[1] = a[1] + t[1];
            }
}

void fft_init(fft *f, int64_t n, double *plan) {
    *f = (fft){.n = n, .m = 1, .roots = plan};
    while (f->m < n) f->m *= 2;
    if (f->m != n) {
        while (f->m < 2 * n - 1) f->m *= 2;
        f->chirp = plan + f->m + 2, f->filter = f->chirp + 2 * n;
    }
    for (int64_t k = 0; k < f->m / 2; k++) unit(f->roots + 2 * k, 2 * k, f->m);
    if (!f->chirp) return;
    for (int64_t k = 0, square = 0; k < n; k++) {
        unit(f->chirp + 2 * k, square, n);
        square = (square + 2 * k + 1) % (2 * n); /* (k + 1)^2: the chirp's period is 2 n */
    }
    memset(f->filter, 0, (size_t)(2 * f->m) * sizeof(double));
    for (int64_t k = 0; k < n; k++) {
        int64_t to[2] = {k, k ? f->m - k : 0};
        for (int i = 0; i < 2; i++)
            f->filter[2 * to[i]] = f->chirp[2 * k], f->filter[2 * to[i] + 1] = -f->chirp[2 * k + 1];
    }
    radix2(f->roots, f->filter, f->m);
    for (int64_t k = 0; k < 2 * f->m; k++) f->filter[k] = f->filter[k] / (double)f->m;
}

static void swap_parts(double *x, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        double t = x[2 * i];
        x[2 * i] = x[2 * i + 1], x[2 * i + 1] = t;
    }
}

static void forward(const fft *f, double *x, double *s) {
    if (!f->chirp) {
        radix2(f->roots, x, f->m);
        return;
    }
    memset(s, 0, (size_t)(2 * f->m) * sizeof *s);
    for (int64_t k = 0; k < f->n; k++) product(s + 2 * k, x + 2 * k, f->chirp + 2 * k);
    radix2(f->roots, s, f->m);
    for (int64_t k = 0; k < f->m; k++) product(s + 2 * k, s + 2 * k, f->filter + 2 * k);
    swap_parts(s, f->m); /* the transform back */
    radix2(f->roots, s, f->m);
    swap_parts(s, f->m);
    for (int64_t k = 0; k < f->n; k++) product(x + 2 * k, s + 2 * k, f->chirp + 2 * k);
}

void fft_run(const fft *f, double *x, bool inverse, double *scratch) {
    if (inverse) swap_parts(x, f->n);
    forward(f, x, scratch);
    if (!inverse) return;
    swap_parts(x, f->n);
    for (int64_t i = 0; i < 2 * f->n; i++) x[i] = x[i] / (double)f->n;
}
