/*
 * math32.h -- elementary functions on vectors of float, as fixed sequences: the same bits on every instruction set.
 *
 * For vec*.c files of any kernel family (it needs simd.h's vectors). Only + - * /, fma, shifts and selects; no branch
 * but in sin and cos for arguments above 2^17. Largest errors over all 2^32 floats, in ulp: exp 0.9, log 1.5, tanh 2.6,
 * erf 1.7, sigmoid 2.5, sin and cos 1.6, pow 0.6 (pairs), expm1 1.6, softplus 2.0. NaN in, NaN out; -0 stays -0 where
 * the function is odd.
 *
 * Ideas: one clamp written min(c, x) / max(c, x) keeps NaN; adding 1.5 * 2^23 leaves the integer in the low bits, so
 * the exponent is a shift; sigmoid = s / (s + s e^-x) with s = 2^-40 never overflows and keeps the small end; tanh =
 * E / (1 + E) with E = (e^2a - 1) / 2, whose error shrinks on the way; erf by eight intervals whose coefficients stand
 * in tables of eight floats; pow goes through double.
 */
#ifndef SARD_KERNELS_MATH32_H
#define SARD_KERNELS_MATH32_H

#include "base/simd.h"

#define F_MAGIC        12582912.f /* 1.5 * 2^23 */
#define F_POLY(x, ...) f_poly(x, (const float[]){__VA_ARGS__}, (int)(sizeof((const float[]){__VA_ARGS__}) / 4))
#define D_POLY(x, ...) d_poly(x, (const double[]){__VA_ARGS__}, (int)(sizeof((const double[]){__VA_ARGS__}) / 8))

/* Coefficients in increasing order. */
INL vf f_poly(vf x, const float *c, int n) {
    vf p = f_set(c[n - 1]);
    UNROLL for (int i = n - 2; i >= 0; i--) p = f_fma(p, x, f_set(c[i]));
    return p;
}
INL vd d_poly(vd x, const double *c, int n) {
    vd p = d_set(c[n - 1]);
    UNROLL for (int i = n - 2; i >= 0; i--) p = d_fma(p, x, d_set(c[i]));
    return p;
}

INL vf f_exp(vf x) {
    x = f_min(f_set(89), f_max(f_set(-104), x));
    vf m = f_fma(x, f_set(1.44269504f), f_set(F_MAGIC)), n = m - f_set(F_MAGIC);
    vf r = f_fma(n, f_set(-1.42860677e-6f), f_fma(n, f_set(-0.693145752f), x));
    vf p = F_POLY(r, 1, 1, 0.49999994f, 0.166665211f, 0.0416682698f, 0.00836867839f, 0.001382043f);
    return f_ldexp(p, n, f_bits(m));
}

/* e^x for x <= 0, as softmax uses it: below -86.99 the result is +0 (by an exponent field that becomes 0), so that no
 * denormal is ever made. */
INL vf f_expneg(vf x) {
    x = f_max(f_set(-87.4f), x);
    vf m = f_fma(x, f_set(1.44269504f), f_set(F_MAGIC)), n = m - f_set(F_MAGIC);
    vf r = f_fma(n, f_set(-1.42860677e-6f), f_fma(n, f_set(-0.693145752f), x));
    vf p = F_POLY(r, 2, 2, 0.99999988f, 0.333330422f, 0.0833365396f, 0.0167373568f, 0.002764086f);
    return p * i_real(i_add(i_shl(f_bits(m), 23), i_set(126 << 23)));
}

/* e^x - 1 = 2 (s q + s - 1/2), s = 2^(n-1), q = e^r - 1 */
INL vf f_expm1(vf x) {
    vf c = f_min(f_set(89), f_max(f_set(-18), x));
    vf m = f_fma(c, f_set(1.44269504f), f_set(F_MAGIC)), n = m - f_set(F_MAGIC);
    vf r = f_fma(n, f_set(-1.42860677e-6f), f_fma(n, f_set(-0.693145752f), c));
    vf p = F_POLY(r, 0.5f, 0.16666667f, 0.041666463f, 0.0083333105f, 0.0013933731f, 0.0001989108f);
    vf q = f_fma(r * r, p, r), s = i_real(i_add(i_shl(f_bits(m), 23), i_set(126 << 23)));
    vf y = f_fma(s, q, s - f_set(0.5f));
    return f_sel(f_eq(x, f_set(0)), x, y + y);
}

INL vf f_log(vf x) {
    vf e, f = f_frexp(x, &e) - f_set(1), f2 = f * f;
    vf p = F_POLY(f, -0.5f, 0.333333403f, -0.250001639f, 0.199995816f, -0.166553184f, 0.142767027f, -0.127282068f,
                  0.116977543f, -0.0910910517f, 0.037626572f);
    return f_fma(e, f_set(0.693145752f), f) + f_fma(f2, p, e * f_set(1.42860677e-6f));
}

INL vf f_tanh(vf x) {
    vf a = f_min(f_set(9.1f), f_abs(x)), m = f_fma(a, f_set(2.88539008f), f_set(F_MAGIC));
    vf v = f_fma(m - f_set(F_MAGIC), f_set(-0.34657359f), a);
    vf s = i_real(i_add(i_shl(f_bits(m), 23), i_set(0x3f800000))), w = v * s;
    vf p = v * F_POLY(v, 0.99999988f, 0.666660844f, 0.333346158f, 0.133898854f, 0.044225376f);
    vf big = f_fma(w, p, w) + f_fma(s, f_set(.5f), f_set(-.5f)); /* (e^2a - 1) / 2 without cancellation */
    return f_copysign(big / (f_set(1) + big), x);
}

/* Eight intervals of width 0.52 around centres whose erf is (almost) a float; the first is an odd polynomial. */
INL vf f_erf(vf x) {
    static const float T[][8] __attribute__((aligned(64))) = {
        {0, 0.52326709f, 1.04665411f, 1.56975555f, 2.09267449f, 2.61675f, 3.1394794f, 3.66252685f},
        {0, 0.540706933f, 0.8611781f, 0.973579168f, 0.996918499f, 0.999784946f, 0.999991f, 0.999999762f},
        {0.128379166f, -0.141892731f, -0.622695446f, -0.903994545f, -0.985856559f, -0.998801397f, -0.999940857f,
         -0.999998314f},
        {0, -0.449018866f, -0.394907683f, -0.150705174f, -0.029597532f, -0.00313644204f, -0.000185685974f,
         -2.05940637e-06f},
        {-0.376125962f, -0.129401714f, 0.149786219f, 0.125711858f, 0.0365776233f, 0.00507196411f, 0.000368913345f,
         1.44414671e-05f},
        {0, 0.183484703f, 0.0532768965f, -0.0484262593f, -0.0284142774f, -0.00559087005f, -0.000516608241f,
         -0.000182164062f},
        {0.112807229f, 0.00052416278f, -0.0672288761f, -0.007315272f, 0.0128064379f, 0.00433155755f, 0.000538607419f,
         3.70419875e-05f},
        {0, -0.0478269979f, 0.00854716729f, 0.0165600516f, -0.00116588117f, -0.0022791496f, -0.0004404028f,
         0.00147909846f},
        {-0.0261545908f, 0.00604837714f, 0.0131272785f, -0.0055165817f, -0.0022692692f, 0.000651511597f,
         0.000257775391f, -5.23249146e-05f}};
    vf a = f_min(f_set(3.9192059f), f_abs(x));
    vi i = f_bits(f_fma(a, f_set(1.911f), f_set(F_MAGIC)));
    vf t = a - f_lut8(T[0], i), p = f_lut8(T[8], i);
    UNROLL for (int j = 7; j > 1; j--) p = f_fma(p, t, f_lut8(T[j], i)); /* T[2] is the slope less one */
    return f_copysign(f_fma(p, t, f_lut8(T[1], i) + t), x);
}

INL vf f_sigmoid(vf x) {
    x = f_min(f_set(20), f_max(f_set(-104), x));
    vf m = f_fma(x, f_set(-1.44269504f), f_set(F_MAGIC - 40)), n = m - f_set(F_MAGIC - 40);
    vf r = f_fma(n, f_set(1.42860677e-6f), f_fma(n, f_set(0.693145752f), x)); /* minus the remainder */
    vf p = F_POLY(r, 1, -1, 0.49999994f, -0.166665211f, 0.0416682698f, -0.00836867839f, 0.001382043f);
    vf s = i_real(i_add(i_shl(f_bits(m), 23), i_set(0x3f800000)));
    return f_set(0x1p-40f) / f_fma(p, s, f_set(0x1p-40f));
}

/* log(1 + e^x) = max(0, x) + log1p(e^-|x|) */
INL vf f_softplus(vf x) {
    vf t = f_exp(-f_abs(x)), u = t + f_set(1), c = t - (u - f_set(1));
    return f_max(f_set(0), x) + (f_log(u) + c / u);
}

/* |a| > 2^17: a * 2/pi in fixed point against the bits of 2/pi; the remainder, and the quadrant */
INL float f_reduce_big_(float a, int32_t *quad) {
    static const uint32_t w[] = {0x28be60db, 0x9391054a, 0x7f09d5f4, 0x7d4d3770, 0x36d8a566, 0x4f10e410, 0x7f9458ea};
    uint32_t b = f32_bits(a), m = (b & 0x7fffff) << 8 | 0x80000000, e = (b >> 23 & 0xff) - 126, i = e >> 5;
    uint32_t hi = i ? w[i - 1] : 0, mid = w[i], lo = w[i + 1], t = w[i + 2];
    e &= 31;
    if (e) hi = hi << e | mid >> (32 - e), mid = mid << e | lo >> (32 - e), lo = lo << e | t >> (32 - e);
    uint64_t p = (uint64_t)m * lo;
    p = (uint64_t)m * mid + (p >> 32), p = ((uint64_t)(m * hi) << 32) + p;
    int32_t q = (int32_t)(p >> 62);
    p &= 0x3fffffffffffffff;
    if (p & 0x2000000000000000) p -= 0x4000000000000000, q++;
    float r = (float)((double)(int64_t)p * 0x1.921fb54442d18p-62);
    if (b >> 31) r = -r, q = -q;
    *quad = q;
    return r;
}

/* Those lanes of r and q whose x is beyond 2^17, one by one. */
__attribute__((noinline, unused)) static void f_reduce_lanes_(const float *x, float *r, int32_t *q) {
    for (int i = 0; i < VL; i++) {
        uint32_t a = f32_bits(x[i]) & 0x7fffffff;
        if (a >= 0x7f800000)
            r[i] = bits_f32(0x7fc00000);
        else if (a > 0x48000000)
            r[i] = f_reduce_big_(x[i], q + i);
    }
}

INL vf f_sincos_(vf x, int32_t shift) {
    vf m = f_fma(x, f_set(0.636619772f), f_set(F_MAGIC)), n = m - f_set(F_MAGIC);
    vi q = f_bits(m);
    vf r = f_fma(n, f_set(-1.57079625f), x); /* three positive parts of pi/2: -0 stays -0 */
    r = f_fma(n, f_set(-7.54978942e-8f), r), r = f_fma(n, f_set(-5.39030286e-15f), r);
    if (__builtin_expect(!m_all(f_le(f_abs(x), f_set(131072))), 0)) {
        float xs[VL], rs[VL];
        int32_t qs[VL];
        f_st(xs, x), f_st(rs, r), i_st(qs, q);
        f_reduce_lanes_(xs, rs, qs);
        r = f_ld(rs), q = i_ld(qs);
    }
    q = i_add(q, i_set(shift));
    vf u = r * r, s, c;
    s = f_fma(r * u, F_POLY(u, -0.166666552f, 0.00833218731f, -0.000195179091f), r);
    s = i_real(f_bits(s) | (f_bits(r) & i_set(INT32_MIN))); /* -0 again */
    c = f_fma(u, F_POLY(u, -0.5f, 0.0416666456f, -0.00138873095f, 2.44323364e-05f), f_set(1));
    vf y = f_sel(i_eq(q & i_set(1), i_set(0)), s, c);
    return i_real(f_bits(y) ^ i_shl(q & i_set(2), 30));
}
INL vf f_sin(vf x) { return f_sincos_(x, 0); }
INL vf f_cos(vf x) { return f_sincos_(x, 1); }

/* x^y to a little more than float precision, for operands that are floats */
INL vd d_pow_of_floats_(vd x, vd y) {
    vd a = d_abs(x);
    vl i = l_sub(d_bits(a), l_set(0x3fe6a09e00000000 - (150ll << 52))), e = l_shru(i, 52);
    vd f = l_real(l_sub(d_bits(a), l_shl(l_sub(e, l_set(150)), 52))) - d_set(1); /* a = (1 + f) 2^(e-150) */
    vd ed = l_real(e | l_set(0x4330000000000000)) - d_set(0x1p52 + 150);
    vd p =
        D_POLY(f, 1.4426950408862027, -0.7213475203430544, 0.48089834907318846, -0.36067378977892106,
               0.28853876229693953, -0.24044662622662133, 0.20610869592594372, -0.18043270077010096, 0.1601822685576911,
               -0.1425232203731212, 0.1306286117623969, -0.1347900010036847, 0.1311393711833679, -0.06806397009710254);
    vd l = d_fma(f, p, ed);
    l = d_sel(d_eq(a, d_set(0)), d_set(-(double)INFINITY), l), l = d_sel(d_lt(a, d_set((double)INFINITY)), l, a);
    vd t = d_min(d_set(200), d_max(d_set(-200), y * l));
    vd m = t + d_set(0x1.8p52), g = t - (m - d_set(0x1.8p52));
    p = D_POLY(g, 1.000000000555062, 0.69314720576709954, 0.24022646885991203, 0.055503287118705641,
               0.0096184892540135195, 0.0013399957605996547, 0.00015345786395038754);
    p = l_real(l_add(d_bits(p), l_shl(d_bits(m), 52)));
    p = d_sel(d_eq(t, t), p, t);
    vd c = d_min(d_set(0x1p25), d_max(d_set(-0x1p25), y)), cm = c + d_set(0x1.8p52);
    vmd whole = d_eq(cm - d_set(0x1.8p52), c); /* beyond 2^24 all floats are even integers */
    vmd odd = md_and(whole, l_eq(d_bits(cm) & l_set(1), l_set(1)));
    p = l_real(d_bits(p) ^ (d_bits(x) & l_sel(odd, l_set(INT64_MIN), l_set(0))));
    vmd bad = md_and(md_and(d_lt(x, d_set(0)), md_not(whole)), md_and(d_lt(d_set(-(double)INFINITY), x), d_eq(y, y)));
    p = d_sel(bad, d_set((double)NAN), p);
    vmd one = md_or(md_or(d_eq(x, d_set(1)), d_eq(y, d_set(0))),
                    md_and(d_eq(x, d_set(-1)), d_eq(d_abs(y), d_set((double)INFINITY))));
    return d_sel(one, d_set(1), p);
}
INL vf f_pow(vf x, vf y) {
    vd a[VPD], b[VPD];
    f_to_d(x, a), f_to_d(y, b);
    UNROLL for (int i = 0; i < VPD; i++) a[i] = d_pow_of_floats_(a[i], b[i]);
    return d_to_f(a);
}

#endif
