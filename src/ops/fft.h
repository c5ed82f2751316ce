/*
 * fft.h -- discrete Fourier transforms of any length, in double: for DFT and STFT.
 *
 * Powers of two by radix 2; other lengths as a convolution with a chirp by transforms of a power of two (Bluestein 1970).
 * Complex numbers are pairs of doubles. All memory is the caller's.
 */
#ifndef SARD_OPS_FFT_H
#define SARD_OPS_FFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct fft {
    int64_t n, m;   /* length; that of the power of two inside (n itself when it is one) */
    double *roots;  /* m / 2 pairs: e^(-2 pi i k / m) */
    double *chirp;  /* n pairs: e^(-pi i k^2 / n); NULL when n == m */
    double *filter; /* m pairs: the transform of the conjugate chirp, over m */
} fft;

/* Doubles that fft_init and each running fft_run need; false when n is too large. n >= 1. */
bool fft_sizes(int64_t n, size_t *plan, size_t *scratch);
void fft_init(fft *f, int64_t n, double *plan);
/* In place on n pairs; inverse: with the other sign, divided by n. */
void fft_run(const fft *f, double *x, bool inverse, double *scratch);

#endif
