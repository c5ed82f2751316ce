/*
 * fft.c -- see fft.h.
 */
#include "ops/fft.h"

#include <string.h>

#include "base/simd.h"
#include "kernels/pointwise/math64.h"

/* e^(-2 pi i k / n), 0 <= k < n: by the first eighth of the circle, so that what is 0, 1 or equal is so exactly. */
static void unit(double *z, int64_t k, int64_t n) {
    int64_t part = 8 * k, eighth = n; /* the angle is part / eighth of an eighth of a turn */
    bool below = part > 4 * eighth;
    if (below) part = 8 * eighth - part;
    bool left = part > 2 * eighth;
    if (left) part = 4 * eighth - part;
    bool steep = part > eighth;
    if (steep) part = 2 * eighth - part;
    double a = 0.78539816339744830962 * ((double)part / (double)eighth);
    double c = steep ? m64_sin(a) : m64_cos(a), s = steep ? m64_cos(a) : m64_sin(a);
    z[0] = left ? -c : c, z[1] = below ? s : -s;
}

#define T       float
#define PAIR    pair32
#define N(name) name##_f32
#include "ops/fft_pass.inc"
#define T       double
#define PAIR    pair64
#define N(name) name##_f64
#include "ops/fft_pass.inc"

static sard_status transform_f32(const fft *f, pair32 *x, pair32 *room, sard_error *err) {
    return passes_f32(f, x, room, err);
}

static sard_status transform_f64(const fft *f, pair64 *x, pair64 *room, sard_error *err) {
    if (!f->chirp) return passes_f64(f, x, room, err);
    const pair64 *chirp = (const pair64 *)(const void *)f->chirp, *filter = (const pair64 *)(const void *)f->filter;
    pair64 *s = room + f->m;
    memset(s, 0, (size_t)f->m * sizeof *s);
    for (int64_t k = 0; k < f->n; k++) s[k] = times_f64(x[k], chirp[k]);
    TRY(passes_f64(f, s, room, err));
    for (int64_t k = 0; k < f->m; k++) s[k] = times_f64(s[k], filter[k]);
    swap_parts_f64(s, f->m); /* the transform back */
    TRY(passes_f64(f, s, room, err));
    swap_parts_f64(s, f->m);
    for (int64_t k = 0; k < f->n; k++) x[k] = times_f64(s[k], chirp[k]);
    return SARD_OK;
}

static void split(fft *f, int64_t n) {
    for (f->passes = 0; n % 4 == 0; n /= 4) f->radix[f->passes++] = 4;
    if (n % 2 == 0) { /* first of all */
        f->radix[f->passes++] = f->radix[0];
        f->radix[0] = 2, n /= 2;
    }
    for (int p = 3; p <= FFT_PRIME; p += 2)
        for (; n % p == 0; n /= p) f->radix[f->passes++] = p;
}

bool fft_sizes(fft *f, int64_t n, bool wide, size_t *plan, size_t *scratch) {
    if (n < 1 || n > (int64_t)1 << 40) return false;
    *f = (fft){.n = n, .m = 1, .wide = wide};
    split(f, n);
    for (int i = 0; i < f->passes; i++) f->m *= f->radix[i];
    bool chirp = f->m != n;
    if (chirp) {
        for (f->m = 1; f->m < 2 * n - 1;) f->m *= 2;
        split(f, f->m);
        f->wide = true;
    }
    *plan = 2 * ((size_t)f->m + (size_t)f->passes * FFT_PRIME) + (chirp ? 2 * (size_t)(n + f->m) : 0);
    *scratch = (chirp ? 4 : 2) * (size_t)f->m;
    return true;
}

static sard_status plan_chirp(fft *f, double *mem, void *scratch, sard_error *err) {
    f->chirp = mem, f->filter = mem + 2 * f->n;
    for (int64_t k = 0, square = 0; k < f->n; k++) {
        TRY(meter_add(f->work, 16, err));
        unit(f->chirp + 2 * k, square, 2 * f->n);
        square = (square + 2 * k + 1) % (2 * f->n); /* (k + 1)^2: the chirp's period is 2 n */
    }
    memset(f->filter, 0, (size_t)(2 * f->m) * sizeof(double));
    for (int64_t k = 0; k < f->n; k++) {
        int64_t to[2] = {k, k ? f->m - k : 0};
        for (int i = 0; i < 2; i++)
            f->filter[2 * to[i]] = f->chirp[2 * k], f->filter[2 * to[i] + 1] = -f->chirp[2 * k + 1];
    }
    TRY(passes_f64(f, (pair64 *)(void *)f->filter, scratch, err));
    for (int64_t k = 0; k < 2 * f->m; k++) f->filter[k] = f->filter[k] / (double)f->m;
    return SARD_OK;
}

sard_status fft_init(fft *f, void *plan, void *scratch, sard_error *err) {
    f->turns = plan;
    if (!f->wide) {
        f->roots = (float *)plan + 2 * f->m;
        return plan_f32(f, err);
    }
    double *roots = (double *)plan + 2 * f->m;
    f->roots = roots;
    TRY(plan_f64(f, err));
    return f->n == f->m ? SARD_OK : plan_chirp(f, roots + 2 * FFT_PRIME * (ptrdiff_t)f->passes, scratch, err);
}

sard_status fft_run(const fft *f, void *x, bool inverse, void *scratch, sard_error *err) {
    return f->wide ? run_f64(f, x, inverse, scratch, err) : run_f32(f, x, inverse, scratch, err);
}
