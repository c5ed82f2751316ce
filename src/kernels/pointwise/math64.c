/*
 * math64.c -- exp, log, pow and what follows from them, in double precision.
 *
 * One idea carries the file: exp and log are computed as unevaluated sums of two doubles (dd, about 70 good bits) from
 * small tables, so everything built from them (pow, hyperbolic functions and their inverses) loses nothing on the way.
 * Trigonometry and erf: math64_trig.c.
 */
#include "kernels/pointwise/math64.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "kernels/pointwise/math64_dd.h"
#include "kernels/pointwise/math64_exp_log.inc"

/* e^(x.h + x.l) = (result) * 2^*n, |x| < 800; result in [0.98, 2.01). */
static dd exp_dd(dd x, int *n) {
    double k = x.h * 0x1.71547652b82fep+6 + 0x1.8p52;
    int64_t i = (int64_t)(bits_of(k) << 13) >> 13;
    k -= 0x1.8p52;
    dd r = fast_two_sum(fma(-k, LN2_64_HI, x.h), fma(-k, LN2_64_LO, x.l));
    double u = r.h, p = fma(u, 1. / 40320, 1. / 5040);
    p = fma(u, p, 1. / 720), p = fma(u, p, 1. / 120), p = fma(u, p, 1. / 24), p = fma(u, p, 1. / 6);
    double half = 0.5 * u, sq = half * u, sql = fma(half, u, -sq);
    dd q = fast_two_sum(u, sq); /* e^r - 1 */
    q.l += sql + fma(u, r.l, r.l) + u * u * u * p;
    const double *t = EXP2_64[i & 63];
    dd m = two_prod(t[0], q.h);
    dd s = fast_two_sum(t[0], m.h);
    s.l += m.l + fma(t[0], q.l, fma(t[1], q.h, t[1]));
    *n = (int)(i >> 6);
    return fast_two_sum(s.h, s.l);
}

/* log(x) for finite x > 0, to a relative error of 2^-65. */
static dd log_dd(double x) {
    int e = 0;
    if (x < 0x1p-1022) x *= 0x1p64, e = -64;
    int64_t b = (int64_t)bits_of(x), k = (b - 0x3fe6000000000000) >> 52; /* m in [0.6875, 1.375) */
    double m = of_bits((uint64_t)(b - k * ((int64_t)1 << 52)));
    e += (int)k;
    const double *t = LOG_TABLE[(int)((m - 0.6875) * 128)];
    dd mc = two_prod(m, t[0]);
    dd z = fast_two_sum(mc.h - 1, mc.l);
    double u = z.h, p = fma(u, 1. / 11, -1. / 10);
    p = fma(u, p, 1. / 9), p = fma(u, p, -1. / 8), p = fma(u, p, 1. / 7), p = fma(u, p, -1. / 6);
    p = fma(u, p, 1. / 5), p = fma(u, p, -1. / 4), p = fma(u, p, 1. / 3);
    double half = -0.5 * u, sq = half * u, sql = fma(half, u, -sq);
    dd s = fast_two_sum(u, sq); /* log(1 + z) */
    s.l += sql + fma(-u, z.l, z.l) + u * u * u * p;
    s = fast_two_sum(s.h, s.l);
    if (t[1] != 0) s = dd_add((dd){t[1], t[2]}, s);
    if (e != 0) {
        dd big = fast_two_sum((double)e * LN2_HI, (double)e * LN2_LO);
        big.l += fma((double)e, LN2_LO, -((double)e * LN2_LO)) + (double)e * LN2_LO2;
        s = dd_add(big, s);
    }
    return s;
}

/* (p.h + p.l) * 2^n rounded once, also into the denormals; p.h in [0.98, 2.01). */
static double scale_dd(dd p, int n) {
    if (n > 1030) return INFINITY;
    if (n >= -1021) {
        int h = n / 2;
        return (p.h + p.l) * pow2(h) * pow2(n - h);
    }
    if (n < -1090) return 0;
    /* in units of the smallest denormal, whose bits are then the integer itself */
    double s = pow2(n + 1074), t = p.h * s, r = m64_round(t), d = t - r;
    if (d == 0.5 && p.l > 0) r += 1;
    if (d == -0.5 && p.l < 0) r -= 1;
    return of_bits((uint64_t)r);
}

double m64_exp(double x) {
    if (x != x) return x;
    if (x > 710) return INFINITY;
    if (x < -746) return 0;
    int n;
    dd p = exp_dd((dd){x, 0}, &n);
    return scale_dd(p, n);
}

/* e^x - 1 as dd for 2^-20 <= |x| <= 40 */
static dd expm1_dd(double x) {
    int n;
    dd p = exp_dd((dd){x, 0}, &n);
    double s = pow2(n);
    return dd_add((dd){p.h * s, p.l * s}, (dd){-1, 0});
}

double m64_expm1(double x) {
    double a = fabs(x);
    if (!(a >= 0x1p-20)) return a == 0 || x != x ? x : fma(x * x, fma(x, 1. / 6, 0.5), x);
    if (x > 40) return m64_exp(x) - 1;
    if (x < -40) return -1;
    dd r = expm1_dd(x);
    return r.h + r.l;
}

double m64_log(double x) {
    if (x != x || x == INFINITY) return x;
    if (x == 0) return -INFINITY;
    if (x < 0) return NAN;
    dd r = log_dd(x);
    return r.h + r.l;
}

/* log(1 + x.h + x.l) for |x| >= 2^-20, x > -1, finite */
static double log1p_dd(dd x) {
    dd s = two_sum(1, x.h);
    s = fast_two_sum(s.h, s.l + x.l);
    dd r = log_dd(s.h);
    return r.h + (r.l + s.l / s.h);
}

double m64_log1p(double x) {
    double a = fabs(x);
    if (a < 0x1p-20) return a == 0 ? x : fma(x * x, fma(x, fma(x, -0.25, 1. / 3), -0.5), x);
    if (!(x > -1)) return x == -1 ? -INFINITY : NAN;
    if (x == INFINITY) return x;
    return log1p_dd((dd){x, 0});
}

/* 0: y is no integer; 1: odd; 2: even */
static int parity(double y) {
    double a = fabs(y);
    if (a >= 0x1p53) return 2;
    double t = m64_trunc(a);
    if (t != a) return 0;
    return (int64_t)t & 1 ? 1 : 2;
}

double m64_pow(double x, double y) {
    if (y == 0 || x == 1) return 1;
    if (x != x || y != y) return x + y;
    double a = fabs(x);
    int odd = parity(y);
    double sign = signbit(x) && odd == 1 ? -1 : 1;
    if (isinf(y)) {
        if (a == 1) return 1;
        return (a > 1) == (y > 0) ? INFINITY : 0;
    }
    if (a == 0) return y < 0 ? sign * INFINITY : sign * 0.0;
    if (isinf(a)) return y < 0 ? sign * 0.0 : sign * INFINITY;
    if (x < 0 && odd == 0) return NAN;
    dd l = log_dd(a), t = two_prod(y, l.h);
    if (!(fabs(t.h) < 800)) return t.h > 0 ? sign * INFINITY : sign * 0.0;
    t = fast_two_sum(t.h, fma(y, l.l, t.l));
    int n;
    dd p = exp_dd(t, &n);
    return sign * scale_dd(p, n);
}

double m64_sigmoid(double x) {
    if (x != x) return x;
    if (x > 40) return 1;
    if (x < -746) return 0;
    int n;
    dd p = exp_dd((dd){x, 0}, &n); /* e / (1 + e) */
    if (x < -40) return scale_dd(p, n);
    double s = pow2(n);
    dd d = dd_add((dd){p.h * s, p.l * s}, (dd){1, 0});
    double q = p.h * s / d.h;
    return q + (fma(-q, d.h, p.h * s) + fma(-q, d.l, p.l * s)) / d.h;
}

double m64_softplus(double x) {
    if (x > 40 || x != x) return x; /* e^-40 is under half an ulp of 40 */
    if (x < -40) return m64_exp(x);
    int n;
    dd p = exp_dd((dd){x, 0}, &n);
    double s = pow2(n), h = p.h * s, l = p.l * s;
    if (h < 0x1p-20) return fma(h * h, fma(h, 1. / 3, -0.5), l) + h;
    return log1p_dd((dd){h, l});
}

double m64_tanh(double x) {
    double a = fabs(x);
    if (x != x) return x;
    if (a < 0x1p-10) return copysign(fma(x * x * x, fma(x * x, 2. / 15, -1. / 3), x), x);
    if (a > 20) return copysign(1, x);
    dd e = expm1_dd(2 * a), d = dd_add(e, (dd){2, 0}); /* e / (e + 2) */
    double q = e.h / d.h;
    q += (fma(-q, d.h, e.h) + fma(-q, d.l, e.l)) / d.h;
    return copysign(q, x);
}

double m64_sinh(double x) {
    double a = fabs(x);
    if (x != x) return x;
    if (a < 0x1p-10) return copysign(fma(x * x * x, fma(x * x, 1. / 120, 1. / 6), x), x);
    if (a > 40) {
        if (a > 711) return copysign(INFINITY, x);
        int n;
        dd p = exp_dd((dd){a, 0}, &n);
        return copysign(scale_dd(p, n - 1), x);
    }
    dd e = expm1_dd(a); /* (e + e / (e + 1)) / 2 */
    dd d = dd_add(e, (dd){1, 0});
    dd q = dd_div(e, d), s = dd_add(e, q);
    return copysign(0.5 * (s.h + s.l), x);
}

double m64_cosh(double x) {
    double a = fabs(x);
    if (x != x) return x;
    if (a > 711) return INFINITY;
    int n;
    dd p = exp_dd((dd){a, 0}, &n);
    if (a > 40) return scale_dd(p, n - 1);
    double s = pow2(n);
    p.h *= s, p.l *= s;
    dd q = dd_div((dd){1, 0}, p);
    s = p.h + q.h; /* both positive */
    return 0.5 * (s + (q.h - (s - p.h) + (p.l + q.l)));
}

double m64_asinh(double x) {
    double a = fabs(x), r;
    if (!(a < INFINITY)) return x;
    if (a < 0x1p-20) return copysign(fma(x * x * x, -1. / 6, x), x);
    if (a > 0x1p30) {
        dd l = dd_add(log_dd(a), (dd){LN2_HI, LN2_LO});
        return copysign(l.h + l.l, x);
    }
    /* log1p(a + a^2 / (1 + sqrt(a^2 + 1))) */
    dd sq = two_prod(a, a), r1 = dd_sqrt(dd_add(sq, (dd){1, 0}));
    dd q = dd_div(sq, dd_add(r1, (dd){1, 0}));
    r = log1p_dd(dd_add((dd){a, 0}, q));
    return copysign(r, x);
}

double m64_acosh(double x) {
    if (!(x >= 1)) return NAN;
    if (x == INFINITY) return x;
    if (x > 0x1p30) {
        dd l = dd_add(log_dd(x), (dd){LN2_HI, LN2_LO});
        return l.h + l.l;
    }
    double t = x - 1; /* log1p(t + sqrt(t * (t + 2))) */
    dd s = dd_sqrt(dd_mul((dd){t, 0}, two_sum(t, 2)));
    dd a = dd_add((dd){t, 0}, s);
    if (a.h < 0x1p-20) return fma(a.h * a.h, fma(a.h, 1. / 3, -0.5), a.l) + a.h;
    return log1p_dd(a);
}

double m64_atanh(double x) {
    double a = fabs(x);
    if (x != x) return x;
    if (a >= 1) return a == 1 ? copysign(INFINITY, x) : NAN;
    if (a < 0x1p-20) return copysign(fma(x * x * x, 1. / 3, x), x);
    dd q = dd_div((dd){2 * a, 0}, two_sum(1, -a)); /* log1p(2a / (1 - a)) / 2 */
    return copysign(0.5 * log1p_dd(q), x);
}

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
