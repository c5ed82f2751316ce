/*
 * math64_dd.h -- unevaluated sums of two doubles: the arithmetic under math64.c.
 *
 * h is the sum rounded to nearest, l what is missing. Source of the algorithms: Dekker 1971, Knuth TAOCP 2 4.2.2.
 */
#ifndef SARD_KERNELS_MATH64_DD_H
#define SARD_KERNELS_MATH64_DD_H

#include <math.h>
#include <stdint.h>
#include <string.h>

typedef struct dd {
    double h, l;
} dd;

static inline uint64_t bits_of(double x) {
    uint64_t b;
    memcpy(&b, &x, 8);
    return b;
}
static inline double of_bits(uint64_t b) {
    double x;
    memcpy(&x, &b, 8);
    return x;
}
static inline double pow2(int n) { return of_bits((uint64_t)(n + 1023) << 52); } /* -1022 <= n <= 1023 */

static inline dd fast_two_sum(double a, double b) { /* |a| >= |b| or a = 0 */
    double s = a + b;
    return (dd){s, b - (s - a)};
}
static inline dd two_sum(double a, double b) {
    double s = a + b, t = s - a;
    return (dd){s, (a - (s - t)) + (b - t)};
}
static inline dd two_prod(double a, double b) {
    double p = a * b;
    return (dd){p, fma(a, b, -p)};
}
static inline dd dd_add(dd a, dd b) {
    dd s = two_sum(a.h, b.h), t = two_sum(a.l, b.l);
    s = fast_two_sum(s.h, s.l + t.h);
    return fast_two_sum(s.h, s.l + t.l);
}
static inline dd dd_mul(dd a, dd b) {
    dd p = two_prod(a.h, b.h);
    p.l += fma(a.h, b.l, a.l * b.h);
    return fast_two_sum(p.h, p.l);
}
static inline dd dd_div(dd a, dd b) {
    double q = a.h / b.h;
    double r = fma(-q, b.h, a.h) + fma(-q, b.l, a.l);
    return fast_two_sum(q, r / b.h);
}
static inline dd dd_sqrt(dd a) { /* a >= 0 */
    if (a.h == 0) return a;
    double s = sqrt(a.h);
    return fast_two_sum(s, (fma(-s, s, a.h) + a.l) / (2 * s));
}

#endif
