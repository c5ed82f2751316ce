/* simd_probe.c -- see simd_probe.h. One line per operation: its name is the expression. */
#include "base/simd_probe.h"

#include "base/isa_name.h"
#include "base/simd.h"

static uint64_t *next(probe_out *out, const char *name) {
    out->name[out->n] = name;
    return out->bits[out->n++];
}
static uint64_t bits32(float x) { return x == x ? f32_bits(x) : 0x7fc00000; }
static uint64_t bits64(double x) {
    uint64_t u;
    memcpy(&u, &x, 8);
    return x == x ? u : 0x7ff8000000000000;
}

#define EACH_F(name, expression)                                                                                       \
    do {                                                                                                               \
        uint64_t *o = next(out, name);                                                                                 \
        for (int k = 0; k < PROBE_N; k += VL) {                                                                        \
            const vf a = f_ld(in->f[0] + k), b = f_ld(in->f[1] + k), c = f_ld(in->f[2] + k);                           \
            float r[VL];                                                                                               \
            (void)a, (void)b, (void)c;                                                                                 \
            f_st(r, expression);                                                                                       \
            for (int q = 0; q < VL; q++) o[k + q] = bits32(r[q]);                                                      \
        }                                                                                                              \
    } while (0)
#define EACH_D(name, expression)                                                                                       \
    do {                                                                                                               \
        uint64_t *o = next(out, name);                                                                                 \
        for (int k = 0; k < PROBE_N; k += VD) {                                                                        \
            const vd a = d_ld(in->d[0] + k), b = d_ld(in->d[1] + k), c = d_ld(in->d[2] + k);                           \
            double r[VD];                                                                                              \
            (void)a, (void)b, (void)c;                                                                                 \
            d_st(r, expression);                                                                                       \
            for (int q = 0; q < VD; q++) o[k + q] = bits64(r[q]);                                                      \
        }                                                                                                              \
    } while (0)
#define EACH_I(name, expression)                                                                                       \
    do {                                                                                                               \
        uint64_t *o = next(out, name);                                                                                 \
        for (int k = 0; k < PROBE_N; k += VL) {                                                                        \
            const vi a = i_ld(in->i[0] + k), b = i_ld(in->i[1] + k);                                                   \
            const vf x = f_ld(in->f[0] + k);                                                                           \
            int32_t r[VL];                                                                                             \
            (void)a, (void)b, (void)x;                                                                                 \
            i_st(r, expression);                                                                                       \
            for (int q = 0; q < VL; q++) o[k + q] = (uint32_t)r[q];                                                    \
        }                                                                                                              \
    } while (0)
#define EACH_L(name, expression)                                                                                       \
    do {                                                                                                               \
        uint64_t *o = next(out, name);                                                                                 \
        for (int k = 0; k < PROBE_N; k += VD) {                                                                        \
            const vl a = l_ld(in->l[0] + k), b = l_ld(in->l[1] + k);                                                   \
            const vd x = d_ld(in->d[0] + k);                                                                           \
            int64_t r[VD];                                                                                             \
            (void)a, (void)b, (void)x;                                                                                 \
            l_st(r, expression);                                                                                       \
            for (int q = 0; q < VD; q++) o[k + q] = (uint64_t)r[q];                                                    \
        }                                                                                                              \
    } while (0)
#define F(expression) EACH_F(#expression, expression)
#define D(expression) EACH_D(#expression, expression)
#define I(expression) EACH_I(#expression, expression)
#define L(expression) EACH_L(#expression, expression)

static void floats(const probe_in *in, probe_out *out) {
    F(f_fma(a, b, c));
    F(f_min(a, b));
    F(f_max(a, b));
    F(f_minn(a, b));
    F(f_maxn(a, b));
    F(f_sqrt(a));
    F(f_abs(a));
    F(f_copysign(a, b));
    F(f_round(a));
    F(f_floor(a));
    F(f_ceil(a));
    F(f_trunc(a));
    F(a + b);
    F(a - b);
    F(a * b);
    F(a / b);
    F(-a);
    F(f_sel(f_lt(a, b), a, c));
    F(f_sel(f_le(a, b), a, c));
    F(f_sel(f_gt(a, b), a, c));
    F(f_sel(f_ge(a, b), a, c));
    F(f_sel(f_eq(a, b), a, c));
    F(f_sel(f_ne(a, b), a, c));
    F(f_sel(m_and(f_lt(a, b), f_lt(b, c)), a, c));
    F(f_sel(m_or(f_lt(a, b), f_lt(b, c)), a, c));
    F(f_sel(m_xor(f_lt(a, b), f_lt(b, c)), a, c));
    F(f_sel(m_not(f_lt(a, b)), a, c));
    F(f_sel(m_none(), a, c));
}

static void doubles(const probe_in *in, probe_out *out) {
    D(d_fma(a, b, c));
    D(d_min(a, b));
    D(d_max(a, b));
    D(d_minn(a, b));
    D(d_maxn(a, b));
    D(d_sqrt(a));
    D(d_abs(a));
    D(d_copysign(a, b));
    D(d_round(a));
    D(d_floor(a));
    D(d_ceil(a));
    D(d_trunc(a));
    D(d_sel(d_lt(a, b), a, c));
    D(d_sel(d_le(a, b), a, c));
    D(d_sel(d_gt(a, b), a, c));
    D(d_sel(d_ge(a, b), a, c));
    D(d_sel(d_eq(a, b), a, c));
    D(d_sel(d_ne(a, b), a, c));
    D(d_sel(md_not(md_xor(d_lt(a, b), md_and(d_lt(b, c), d_lt(a, c)))), a, c));
    D(d_sel(md_or(md_none(), d_lt(a, b)), a, c));
}

static void integers(const probe_in *in, probe_out *out) {
    I(i_add(a, b));
    I(i_sub(a, b));
    I(i_mul(a, b));
    I(i_shl(a, 5));
    I(i_shr(a, 5));
    I(i_shru(a, 5));
    I(i_min(a, b));
    I(i_max(a, b));
    I(i_sel(i_lt(a, b), a, b));
    I(i_sel(i_gt(a, b), a, b));
    I(i_sel(i_ltu(a, b), a, b));
    I(i_sel(i_eq(a, b), a, ~b));
    I(i_and_unless(i_lt(a, b), a, b));
    I(i_from_f(x));
    I(f_bits(f_from_i(a)));
    L(l_add(a, b));
    L(l_sub(a, b));
    L(l_mul(a, b));
    L(l_shl(a, 5));
    L(l_shr(a, 5));
    L(l_shru(a, 5));
    L(l_min(a, b));
    L(l_max(a, b));
    L(l_sel(l_lt(a, b), a, b));
    L(l_sel(l_gt(a, b), a, b));
    L(l_sel(l_ltu(a, b), a, b));
    L(l_sel(l_eq(a, b), a, ~b));
    L(l_from_d(x));
    L(d_bits(d_from_l(a)));
}

/* Between widths, exponents, tables. */
static void others(const probe_in *in, probe_out *out) {
    uint64_t *wide = next(out, "f_to_d"), *narrow = next(out, "d_to_f"), *longer = next(out, "i_to_l");
    uint64_t *shorter = next(out, "l_to_i"), *scaled = next(out, "f_ldexp"), *m = next(out, "f_frexp: mantissa");
    uint64_t *e = next(out, "f_frexp: exponent");
    for (int k = 0; k < PROBE_N; k += VL) {
        vd d[VPD];
        vl l[VPD];
        float f[VL];
        double two[VL];
        int64_t eight[VL];
        int32_t four[VL];
        f_to_d(f_ld(in->f[0] + k), d);
        for (int q = 0; q < VPD; q++) d_st(two + q * VD, d[q]);
        for (int q = 0; q < VL; q++) wide[k + q] = bits64(two[q]);
        for (int q = 0; q < VPD; q++) d[q] = d_ld(in->d[0] + k + q * VD), l[q] = l_ld(in->l[0] + k + q * VD);
        f_st(f, d_to_f(d));
        for (int q = 0; q < VL; q++) narrow[k + q] = bits32(f[q]);
        i_st(four, l_to_i(l));
        for (int q = 0; q < VL; q++) shorter[k + q] = (uint32_t)four[q];
        i_to_l(i_ld(in->i[0] + k), l);
        for (int q = 0; q < VPD; q++) l_st(eight + q * VD, l[q]);
        for (int q = 0; q < VL; q++) longer[k + q] = (uint64_t)eight[q];
        const vf n = f_ld(in->exponent + k), x = f_ld(in->f[0] + k);
        f_st(f, f_ldexp(f_ld(in->mantissa + k), n, f_bits(n + f_set(12582912.f))));
        for (int q = 0; q < VL; q++) scaled[k + q] = bits32(f[q]);
        vf exponent, mantissa = f_frexp(x, &exponent);
        const vm defined = f_ge(x, f_set(0));
        f_st(f, mantissa);
        for (int q = 0; q < VL; q++) m[k + q] = bits32(f[q]);
        f_st(f, f_sel(defined, exponent, f_set(0)));
        for (int q = 0; q < VL; q++) e[k + q] = bits32(f[q]);
    }
    EACH_F("f_lut8", f_lut8(in->mantissa, f_bits(a)));
    EACH_F("f_lut16", f_lut16(in->mantissa, f_bits(a)));
    EACH_F("f_gather", f_gather(in->mantissa, f_bits(a) & i_set(PROBE_N - 1)));
}

static void exponents64(const probe_in *in, probe_out *out) {
    uint64_t *scaled = next(out, "d_ldexp"), *m = next(out, "d_frexp: mantissa"), *e = next(out, "d_frexp: exponent");
    for (int k = 0; k < PROBE_N; k += VD) {
        vd p, n;
        double r[VD], number[VD];
        for (int q = 0; q < VD; q++) r[q] = (double)in->mantissa[k + q], number[q] = (double)in->exponent[k + q] * 7;
        p = d_ld(r), n = d_ld(number);
        d_st(r, d_ldexp(p, n, d_bits(n + d_set(0x1.8p52))));
        for (int q = 0; q < VD; q++) scaled[k + q] = bits64(r[q]);
        const vd x = d_ld(in->d[0] + k);
        vd exponent, mantissa = d_frexp(x, &exponent);
        d_st(r, mantissa);
        for (int q = 0; q < VD; q++) m[k + q] = bits64(r[q]);
        d_st(r, d_sel(d_ge(x, d_set(0)), exponent, d_set(0)));
        for (int q = 0; q < VD; q++) e[k + q] = bits64(r[q]);
    }
}

static void small_types(const probe_in *in, probe_out *out) {
    const int8_t *i8 = (const int8_t *)in->byte;
    const int16_t *i16 = (const int16_t *)(const void *)in->half;
    uint64_t *o[] = {next(out, "i_ld_i8"),  next(out, "i_ld_u8"),   next(out, "i_ld_i16"),  next(out, "i_ld_u16"),
                     next(out, "i_st_8"),   next(out, "i_st_16"),   next(out, "f_ld_f16"),  next(out, "f_ld_bf16"),
                     next(out, "f_st_f16"), next(out, "f_st_bf16"), next(out, "m_ld_bool"), next(out, "f_perm")};
    for (int k = 0; k < PROBE_N; k += VL) {
        int32_t r[VL];
        uint8_t b[VL];
        uint16_t h[VL];
        float f[VL];
        const vf x = f_ld(in->f[0] + k), number = f_sel(f_eq(x, x), x, f_set(1)); /* a NaN's payload may differ */
#define PUT(row, code, value)                                                                                          \
    code;                                                                                                              \
    for (int q = 0; q < VL; q++) o[row][k + q] = value
        PUT(0, i_st(r, i_ld_i8(i8 + k)), (uint32_t)r[q]);
        PUT(1, i_st(r, i_ld_u8(in->byte + k)), (uint32_t)r[q]);
        PUT(2, i_st(r, i_ld_i16(i16 + k)), (uint32_t)r[q]);
        PUT(3, i_st(r, i_ld_u16(in->half + k)), (uint32_t)r[q]);
        PUT(4, i_st_8(b, i_ld(in->i[0] + k)), b[q]);
        PUT(5, i_st_16(h, i_ld(in->i[0] + k)), h[q]);
        PUT(6, f_st(f, f_ld_f16(in->half + k)), bits32(f[q]));
        PUT(7, f_st(f, f_ld_bf16(in->half + k)), bits32(f[q]));
        PUT(8, f_st_f16(h, number), h[q]);
        PUT(9, f_st_bf16(h, number), h[q]);
        PUT(10, m_st_bool(b, m_ld_bool(in->byte + k)), b[q]);
#undef PUT
        /* reversed within the vector: compared after it is put back */
        for (int q = 0; q < VL; q++) r[q] = VL - 1 - q;
        f_st(f, f_perm(x, i_ld(r)));
        for (int q = 0; q < VL; q++) o[11][k + VL - 1 - q] = bits32(f[q]);
    }
}

/* Loads and stores of the first n lanes leave the others alone. */
static void first_lanes(const probe_in *in, probe_out *out) {
    for (int n = 0; n <= VL; n++) {
        float f[3 * VL], z[VL];
        uint16_t h[3 * VL];
        uint8_t b[3 * VL];
        memset(f, 0x55, sizeof f), memset(h, 0x55, sizeof h), memset(b, 0x55, sizeof b);
        f_stn(f + VL, n, f_ldn(in->mantissa + 1, n));
        f_st(z, f_ldn(in->mantissa, n));
        f_stn_bf16(h + VL, n, f_ldn_bf16(in->half, n));
        m_stn_bool(b + VL, n, m_ldn_bool(in->byte, n));
        for (int k = 0; k < 3 * VL; k++) {
            const bool inside = k >= VL && k < VL + n;
            const bool nan = inside && (in->half[k - VL] & 0x7fff) > 0x7f80;
            if (f32_bits(f[k]) != (inside ? f32_bits(in->mantissa[1 + k - VL]) : 0x55555555)) out->wrong = "f_stn";
            if (!nan && h[k] != (inside ? in->half[k - VL] : 0x5555)) out->wrong = "f_stn_bf16";
            if (b[k] != (inside ? in->byte[k - VL] != 0 : 0x55)) out->wrong = "m_stn_bool";
        }
        for (int k = n; k < VL; k++)
            if (z[k] != 0) out->wrong = "f_ldn";
        if (m_any(m_first(n)) != (n > 0) || m_all(m_first(n)) != (n == VL)) out->wrong = "m_first";
    }
    for (int n = 0; n <= VD; n++) {
        double d[3 * VD];
        int64_t l[3 * VD];
        memset(d, 0x55, sizeof d), memset(l, 0x55, sizeof l);
        d_stn(d + VD, n, d_ldn(in->d[0], n));
        l_stn(l + VD, n, l_ldn(in->l[0], n));
        for (int k = 0; k < 3 * VD; k++) {
            const bool inside = k >= VD && k < VD + n;
            if (l[k] != (inside ? in->l[0][k - VD] : 0x5555555555555555)) out->wrong = "l_stn";
            if (!inside && bits64(d[k]) != 0x5555555555555555) out->wrong = "d_stn";
            if (inside && bits64(d[k]) != bits64(in->d[0][k - VD])) out->wrong = "d_ldn";
        }
    }
}

void K(simd_probe)(const probe_in *in, probe_out *out) {
    out->n = 0, out->wrong = NULL;
    floats(in, out);
    doubles(in, out);
    integers(in, out);
    others(in, out);
    exponents64(in, out);
    small_types(in, out);
    first_lanes(in, out);
}
