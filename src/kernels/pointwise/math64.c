/*
 * math64.c -- the double precision functions for every machine. See math64.h and math64.inc.
 */
#include "kernels/pointwise/math64.h"

#define M64(name) m64_##name
#define M64_API
#define M64_LOCAL static
#include "kernels/pointwise/math64.inc"
#include "kernels/pointwise/math64_trig_fn.inc"

/* ---- exact functions, by bits -------------------------------------------------------------------------------------- */

double m64_trunc(double x) {
    uint64_t b = bits_of(x);
    int e = (int)(b >> 52 & 0x7ff) - 1023;
    if (e >= 52) return x;
    if (e < 0) return of_bits(b & ((uint64_t)1 << 63));
    return of_bits(b & ~(UINT64_MAX >> (12 + e)));
}

double m64_floor(double x) {
    double t = m64_trunc(x);
    return t > x ? t - 1 : t;
}

double m64_ceil(double x) {
    double t = m64_trunc(x);
    return t < x ? copysign(t + 1, x) : t;
}

double m64_round(double x) {
    double a = fabs(x);
    if (!(a < 0x1p52)) return x;
    return copysign(a + 0x1p52 - 0x1p52, x);
}

/* Exact: long division of the mantissas, at most 2,100 single-bit steps taken 11 at a time. */
double m64_fmod(double x, double y) {
    double a = fabs(x), b = fabs(y);
    if (!(a < INFINITY) || b != b || b == 0) return NAN;
    if (a < b) return x;
    uint64_t ba = bits_of(a), bb = bits_of(b);
    int ea = (int)(ba >> 52), eb = (int)(bb >> 52);
    uint64_t ma = ba & (((uint64_t)1 << 52) - 1), mb = bb & (((uint64_t)1 << 52) - 1);
    if (ea)
        ma |= (uint64_t)1 << 52;
    else
        ea = 1;
    if (eb)
        mb |= (uint64_t)1 << 52;
    else
        eb = 1;
    int n = ea - eb;
    ma %= mb;
    while (n > 0 && ma) {
        int k = n < 11 ? n : 11;
        ma = (ma << k) % mb, n -= k;
    }
    if (!ma) return copysign(0.0, x);
    int lz = __builtin_clzll(ma) - 11; /* normalise */
    int sh = lz < eb - 1 ? lz : eb - 1;
    ma <<= sh, eb -= sh;
    uint64_t r = ma >> 52 ? (ma & (((uint64_t)1 << 52) - 1)) | (uint64_t)eb << 52 : ma;
    return copysign(of_bits(r), x);
}
