/*
 * math64_trig.c -- sin, cos, tan, arc functions and erf in double precision.
 *
 * Arguments above pi/4 are reduced with integers: x times 2/pi in fixed point against the 192 bits of 2/pi that matter
 * (Payne and Hanek 1983), so every finite argument is exact to 2^-60 of the remainder. The arc functions and erf start
 * from a table or interval value held in two doubles and add a polynomial.
 */
#include "kernels/pointwise/math64.h"

#include <math.h>

#include "kernels/pointwise/math64_dd.h"
#include "kernels/pointwise/math64_trig.inc"

static double poly(double x, const double *c, int n) {
    double p = c[n - 1];
    for (int i = n - 2; i >= 0; i--) p = fma(p, x, c[i]);
    return p;
}
#define POLY(x, c) poly(x, c, (int)(sizeof(c) / sizeof((c)[0])))

__extension__ typedef unsigned __int128 u128;

/* The 64 bits of 2/pi from bit s on. */
static uint64_t word(int s) {
    int i = s >> 6, b = s & 63;
    return b ? TWO_OVER_PI[i] << b | TWO_OVER_PI[i + 1] >> (64 - b) : TWO_OVER_PI[i];
}

/* x = quadrant * pi/2 + remainder, |remainder| <= pi/4, for finite x. */
static dd reduce(double x, int *quadrant) {
    double a = fabs(x);
    *quadrant = 0;
    if (a <= 0x1.921fb54442d18p-1) return (dd){x, 0};
    uint64_t b = bits_of(a), m = (b & (((uint64_t)1 << 52) - 1)) | (uint64_t)1 << 52;
    int e = (int)(b >> 52) - 1075, s = e > 2 ? e - 2 : 0, sh = 62 + e - s; /* a = m * 2^e; 9 <= sh <= 64 */
    /* product of m and 192 bits of 2/pi, as four words from the lowest */
    u128 p0 = (u128)m * word(s + 128), p1 = (u128)m * word(s + 64), p2 = (u128)m * word(s);
    p1 += (uint64_t)(p0 >> 64), p2 += (uint64_t)(p1 >> 64);
    uint64_t w0 = (uint64_t)p0, w1 = (uint64_t)p1, w2 = (uint64_t)p2, w3 = (uint64_t)(p2 >> 64);
    if (sh == 64)
        w3 = w2, w2 = w1, w1 = w0, w0 = 0;
    else
        w3 = w3 << sh | w2 >> (64 - sh), w2 = w2 << sh | w1 >> (64 - sh), w1 = w1 << sh | w0 >> (64 - sh);
    int q = (int)(w3 >> 62); /* then 126 bits and more of fraction */
    u128 f = (u128)w3 << 66 | (u128)w2 << 2 | w1 >> 62;
    int negative = (int)(f >> 127);
    if (negative) f = -f, q++; /* f / 2^128 in [0, 1/2] */
    int lz = (uint64_t)(f >> 64) ? __builtin_clzll((uint64_t)(f >> 64)) : 64 + __builtin_clzll((uint64_t)f | 1);
    f <<= lz;
    double h = (double)(uint64_t)(f >> 75), l = (double)(uint64_t)(f >> 11 & UINT64_MAX); /* 53 and 64 bits */
    h *= pow2(-53 - lz), l *= pow2(-117 - lz);
    dd r = dd_mul(fast_two_sum(h, l), (dd){PIO2[0], PIO2[1]});
    if (negative != (x < 0)) r.h = -r.h, r.l = -r.l;
    *quadrant = x < 0 ? -q : q;
    return r;
}

static dd sin_kernel(dd r) { /* |r| <= pi/4 */
    double u = r.h * r.h, t = r.h * u * POLY(u, SIN_POLY);
    return (dd){r.h, fma(r.l, fma(u, -0.5, 1), t)};
}
static dd cos_kernel(dd r) {
    double u = r.h * r.h, half = -0.5 * u, hl = fma(-0.5 * r.h, r.h, -half), h = 1 + half;
    return (dd){h, (half - (h - 1)) + (hl + fma(u * u, POLY(u, COS_POLY), -r.h * r.l))};
}

static double sin_or_cos(double x, int shift) {
    if (!(fabs(x) < INFINITY)) return NAN;
    int q;
    dd r = reduce(x, &q);
    q += shift;
    dd y = q & 1 ? cos_kernel(r) : sin_kernel(r);
    double v = y.h + y.l;
    if (y.h == 0) v = y.h; /* the sign of a zero */
    return q & 2 ? -v : v;
}

double m64_sin(double x) { return sin_or_cos(x, 0); }
double m64_cos(double x) { return sin_or_cos(x, 1); }

double m64_tan(double x) {
    if (!(fabs(x) < INFINITY)) return NAN;
    if (fabs(x) < 0x1p-20) return copysign(fma(x * x * x, 1. / 3, x), x);
    int q;
    dd r = reduce(x, &q), s = sin_kernel(r), c = cos_kernel(r);
    s = fast_two_sum(s.h, s.l), c = fast_two_sum(c.h, c.l);
    if (q & 1) s = (dd){-s.h, -s.l};
    dd t = q & 1 ? dd_div(c, s) : dd_div(s, c);
    return t.h + t.l;
}

/* atan of 0 <= x.h, as dd */
static dd atan_dd(dd x) {
    int inverse = x.h > 1;
    if (inverse) x = dd_div((dd){1, 0}, x);
    int i = (int)(x.h * 32 + 0.5);
    double c = (double)i / 32;
    dd t = x;
    if (i) { /* (x - c) / (1 + c x) */
        dd cx = two_prod(c, x.h);
        cx.l += c * x.l;
        t = dd_div(two_sum(x.h - c, x.l), dd_add((dd){1, 0}, cx));
    }
    double u = t.h * t.h; /* u <= 2^-12: atan t = t - t^3/3 + ... */
    double p = fma(u, -1. / 11, 1. / 9);
    p = fma(u, p, -1. / 7), p = fma(u, p, 1. / 5), p = fma(u, p, -1. / 3);
    t = fast_two_sum(t.h, fma(t.h * u, p, t.l));
    if (i) t = dd_add((dd){ATAN_TABLE[i][0], ATAN_TABLE[i][1]}, t);
    return inverse ? dd_add((dd){PIO2[0], PIO2[1]}, (dd){-t.h, -t.l}) : t;
}

double m64_atan(double x) {
    double a = fabs(x);
    if (x != x) return x;
    if (a < 0x1p-20) return copysign(fma(x * x * x, -1. / 3, x), x);
    if (a > 0x1p60) return copysign(PIO2[0], x);
    dd r = atan_dd((dd){a, 0});
    return copysign(r.h + r.l, x);
}

double m64_asin(double x) {
    double a = fabs(x);
    if (!(a <= 1)) return NAN;
    if (a < 0x1p-20) return copysign(fma(x * x * x, 1. / 6, x), x);
    if (a == 1) return copysign(PIO2[0], x);
    dd c = dd_sqrt(dd_mul(two_sum(1, -a), two_sum(1, a)));
    dd r = atan_dd(dd_div((dd){a, 0}, c));
    return copysign(r.h + r.l, x);
}

double m64_acos(double x) {
    double a = fabs(x);
    if (!(a <= 1)) return NAN;
    if (x == -1) return 2 * PIO2[0];
    dd r = atan_dd(dd_sqrt(dd_div(two_sum(1, -x), two_sum(1, x)))); /* half of it */
    return 2 * (r.h + r.l);
}

double m64_atan2(double y, double x) {
    if (x != x || y != y) return x + y;
    double ay = fabs(y), ax = fabs(x);
    dd r, pi = {2 * PIO2[0], 2 * PIO2[1]};
    if (ay == 0)
        r = (dd){0, 0};
    else if (ax == 0)
        r = (dd){PIO2[0], PIO2[1]};
    else if (isinf(ax) && isinf(ay))
        r = (dd){0.5 * PIO2[0], 0.5 * PIO2[1]};
    else if (isinf(ay))
        r = (dd){PIO2[0], PIO2[1]};
    else if (isinf(ax))
        r = (dd){0, 0};
    else { /* scale both to ordinary size first */
        int ex = (int)(bits_of(ax) >> 52), ey = (int)(bits_of(ay) >> 52);
        if (ey - ex > 60)
            r = (dd){PIO2[0], PIO2[1]};
        else if (ex - ey > 60 && !signbit(x))
            return copysign(ay / ax, y);
        else if (ex - ey > 60)
            r = (dd){0, 0};
        else {
            double s = ex > 1500 || ey > 1500 ? 0x1p-600 : ex < 500 || ey < 500 ? 0x1p500 : 1;
            r = atan_dd(dd_div((dd){ay * s, 0}, (dd){ax * s, 0}));
        }
    }
    if (signbit(x)) r = dd_add(pi, (dd){-r.h, -r.l});
    return copysign(r.h + r.l, y);
}

double m64_erf(double x) {
    double a = fabs(x);
    if (x != x) return x;
    if (a < 0.5) {
        double u = a * a, t = u * POLY(u, ERF_SMALL); /* x * (slope + t) */
        dd p = two_prod(x, ERF_SLOPE[0]);
        return copysign(p.h + fma(x, t + ERF_SLOPE[1], p.l), x);
    }
    if (a >= 5.95) return copysign(1, x);
    int i = (int)((a - 0.5) * 2);
    double t = a - (0.75 + 0.5 * i);
    return copysign(ERF_MID[i][0] + fma(t, POLY(t, ERF_POLY[i]), ERF_MID[i][1]), x);
}
