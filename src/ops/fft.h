/*
 * fft.h -- discrete Fourier transforms of any length, in float or double: for DFT and STFT.
 *
 * The length is split into radices 4, 2 and odd primes; each pass transforms by one radix and sorts as it goes, decimating
 * in frequency (Stockham's form of the algorithm of Cooley and Tukey; the passes stand in the order of FFTPACK, Swarztrauber
 * 1982, which NumPy's transforms keep to, so that the answers in float are NumPy's). The factors of each pass are computed
 * in double and rounded. A length with a large prime is a convolution with a chirp (Bluestein 1970), in double always.
 * Complex numbers are pairs. All memory is the caller's.
 */
#ifndef SARD_OPS_FFT_H
#define SARD_OPS_FFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ops/meter.h"

enum { FFT_PASSES = 64, FFT_PRIME = 31 /* the largest radix */ };

typedef struct fft {
    int64_t n, m; /* length; that of the power of two inside (n itself when there is no chirp) */
    bool wide;    /* numbers are doubles, else floats */
    int passes;   /* of the transform of length m */
    int radix[FFT_PASSES];
    void *turns; /* per pass, for each element but every row's first: the factors e^(-2 pi i j k / m); m pairs in all */
    void *roots; /* FFT_PRIME pairs a pass: e^(-2 pi i j / radix) */
    double *chirp;  /* n pairs: e^(-pi i k^2 / n); NULL when n == m */
    double *filter; /* m pairs: the transform of the conjugate chirp, over m */
    meter *work;    /* of whoever plans or runs: each thread runs a copy with one of its own */
} fft;

/* Splits n; says whether numbers are doubles (asked for, or needed by the chirp) and how many of them the plan and each
 * running fft_run need. false when n is too large. n >= 1. */
bool fft_sizes(fft *f, int64_t n, bool wide, size_t *plan, size_t *scratch);
/* After fft_sizes, with a meter; scratch as for fft_run. Both fail only where the meter's run has to end. */
sard_status fft_init(fft *f, void *plan, void *scratch, sard_error *err);
/* In place on n pairs; inverse: with the other sign, divided by n. */
sard_status fft_run(const fft *f, void *x, bool inverse, void *scratch, sard_error *err);

#endif
