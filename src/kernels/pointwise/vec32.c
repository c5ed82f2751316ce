/*
 * vec32.c -- threaded functions of 32-bit lanes, compiled once per instruction set. See steps.inc and program.h.
 */
#include "base/isa_name.h"
#include "base/simd.h"
#include "kernels/pointwise/math32.h"
#include "kernels/pointwise/program.h"

#define V    vf
#define I    vi
#define LANE int32_t
#define F(n) f_##n
#define L(n) i_##n
#define M(n) m_##n
#define REAL i_real
#define BITS f_bits
#include "kernels/pointwise/steps.inc"

/* ---- loads and stores that convert ---- */
INL vf load_F16(const void *p) { return f_ld_f16(p); }
INL vf load_BF16(const void *p) { return f_ld_bf16(p); }
INL vf load_I8(const void *p) { return i_real(i_ld_i8(p)); }
INL vf load_U8(const void *p) { return i_real(i_ld_u8(p)); }
INL vf load_I16(const void *p) { return i_real(i_ld_i16(p)); }
INL vf load_U16(const void *p) { return i_real(i_ld_u16(p)); }
INL vf load_BOOL(const void *p) { return i_real(i_sel(m_ld_bool(p), i_set(-1), i_set(0))); }
INL void store_F16(void *p, vf x) { f_st_f16(p, x); }
INL void store_BF16(void *p, vf x) { f_st_bf16(p, x); }
INL void store_8(void *p, vf x) { i_st_8(p, f_bits(x)); }
INL void store_16(void *p, vf x) { i_st_16(p, f_bits(x)); }
INL void store_BOOL(void *p, vf x) { i_st_8(p, f_bits(x) & i_set(1)); }

#define LOAD(t)                                                                                                        \
    static void s_LD_##t(ARGS) {                                                                                       \
        OPERAND(a, st->a);                                                                                             \
        v0 = load_##t(AT(a, 0)), v1 = load_##t(AT(a, 1)), v2 = load_##t(AT(a, 2)), v3 = load_##t(AT(a, 3));            \
        v4 = load_##t(AT(a, 4)), v5 = load_##t(AT(a, 5)), v6 = load_##t(AT(a, 6)), v7 = load_##t(AT(a, 7));            \
        NEXT;                                                                                                          \
    }                                                                                                                  \
    static void s_TMP_##t(ARGS) {                                                                                      \
        OPERAND(a, st->a);                                                                                             \
        OPERAND(b, st->b);                                                                                             \
        UNROLL for (int j = 0; j < PW_UNITS; j++) f_st((void *)AT(b, j), load_##t(AT(a, j)));                          \
        NEXT;                                                                                                          \
    }
#define STORE(t)                                                                                                       \
    static void s_ST_##t(ARGS) {                                                                                       \
        OPERAND(a, st->a);                                                                                             \
        store_##t(AT(a, 0), v0), store_##t(AT(a, 1), v1), store_##t(AT(a, 2), v2), store_##t(AT(a, 3), v3);            \
        store_##t(AT(a, 4), v4), store_##t(AT(a, 5), v5), store_##t(AT(a, 6), v6), store_##t(AT(a, 7), v7);            \
        NEXT;                                                                                                          \
    }
#define LOADS(X)  X(F16) X(BF16) X(I8) X(U8) X(I16) X(U16) X(BOOL)
#define STORES(X) X(F16) X(BF16) X(8) X(16) X(BOOL)
LOADS(LOAD)
STORES(STORE)

INL vf e_RND_F16(vf x) {
    uint16_t t[VL];
    f_st_f16(t, x);
    return f_ld_f16(t);
}
INL vf e_RND_BF16(vf x) {
    vi u = f_bits(x), odd = i_shru(u, 16) & i_set(1);
    vi r = i_add(u, i_add(i_set(0x7fff), odd)), nan = u | i_set(0x400000);
    return i_real(i_sel(f_eq(x, x), r, nan) & i_set((int32_t)0xffff0000));
}
INL vf e_WRAP_I8(vf x) { return i_real(i_shr(i_shl(f_bits(x), 24), 24)); }
INL vf e_WRAP_U8(vf x) { return i_real(f_bits(x) & i_set(0xff)); }
INL vf e_WRAP_I16(vf x) { return i_real(i_shr(i_shl(f_bits(x), 16), 16)); }
INL vf e_WRAP_U16(vf x) { return i_real(f_bits(x) & i_set(0xffff)); }
INL vf e_U_TO_F(vf x) { /* both halves are exact; rounded once */
    vi u = f_bits(x);
    return f_fma(f_from_i(i_shru(u, 16)), f_set(65536), f_from_i(u & i_set(0xffff)));
}
INL vf e_F_TO_U(vf x) {
    vf half = f_set(0x1p31f);
    vi low = i_from_f(f_max(f_set(0), x)), high = i_add(i_from_f(x - half), i_set(INT32_MIN));
    return i_real(i_sel(f_ge(x, half), high, low));
}

INL vf e_EXP(vf x) { return f_exp(x); }
INL vf e_EXPM1(vf x) { return f_expm1(x); }
INL vf e_LOG(vf x) { return f_log(x); }
INL vf e_SIGMOID(vf x) { return f_sigmoid(x); }
INL vf e_TANH(vf x) { return f_tanh(x); }
INL vf e_ERF(vf x) { return f_erf(x); }
INL vf e_SOFTPLUS(vf x) { return f_softplus(x); }
INL vf e_SIN(vf x) { return f_sin(x); }
INL vf e_COS(vf x) { return f_cos(x); }

#define OWN_UNARY(X)       X(RND_F16) X(RND_BF16) X(WRAP_I8) X(WRAP_U8) X(WRAP_I16) X(WRAP_U16) X(U_TO_F) X(F_TO_U)
#define SHORT_FUNCTIONS(X) X(EXP) X(SIGMOID) X(TANH) X(ERF) X(EXPM1)
#define LONG_FUNCTIONS(X)  X(LOG) X(SOFTPLUS) X(SIN) X(COS)
OWN_UNARY(UNARY)
SHORT_FUNCTIONS(UNARY)
LONG_FUNCTIONS(UNARY_LONG)

/* x / c for a constant c with y = 1 / c rounded: q = x y, r = x - c q (exact), q + r y is the quotient rounded to nearest
 * (Markstein 1990) as long as nothing leaves the normal range; else the division. */
static void s_DIVK_F(ARGS) {
    OPERAND(a, st->a);
    OPERAND(b, st->b);
    (void)t_a, (void)h_a, (void)t_b, (void)h_b;
    const vf c = f_ld((const void *)m_a), y = f_ld((const void *)m_b);
    const vi low = i_set(0x21800000), range = i_set(0x5e000000 - 0x21800000); /* 2^-60 <= |x| < 2^61 */
    vm inside = m_not(m_none());
#define S(x, j) inside = m_and(inside, i_ltu(i_sub(f_bits(f_abs(x)), low), range));
    EACH(S)
#undef S
    if (__builtin_expect(m_all(inside), 1)) {
#define S(x, j)                                                                                                        \
    {                                                                                                                  \
        vf q = x * y;                                                                                                  \
        x = f_fma(f_fma(-c, q, x), y, q);                                                                              \
    }
        EACH(S)
#undef S
    } else {
#define S(x, j) x = x / c;
        EACH(S)
#undef S
    }
    NEXT;
}

static void s_POW_F(ARGS) {
    OPERAND(a, st->a);
    vf t[PW_UNITS] = {v0, v1, v2, v3, v4, v5, v6, v7};
    for (int j = 0; j < PW_UNITS; j++) t[j] = f_pow(t[j], VEC(a, j));
    v0 = t[0], v1 = t[1], v2 = t[2], v3 = t[3], v4 = t[4], v5 = t[5], v6 = t[6], v7 = t[7];
    NEXT;
}

#define ROW_LD(t) [PW_S_LD_##t] = (pw_fn)s_LD_##t, [PW_S_TMP_##t] = (pw_fn)s_TMP_##t,
#define ROW_ST(t) [PW_S_ST_##t] = (pw_fn)s_ST_##t,
extern const pw_fn K(pw_fn32)[PW_STEP_COUNT];
const pw_fn K(pw_fn32)[PW_STEP_COUNT] = {COMMON_ROWS LOADS(ROW_LD) STORES(ROW_ST) OWN_UNARY(ROW) SHORT_FUNCTIONS(ROW)
                                             LONG_FUNCTIONS(ROW) ROW(DIVK_F) ROW(POW_F)};

void K(pw_enter32)(const pw_step *s, const pw_slot *slot, int64_t o);
void K(pw_enter32)(const pw_step *s, const pw_slot *slot, int64_t o) {
    const vf z = f_set(0);
    ((step_fn *)s->fn)(s, slot, o, z, z, z, z, z, z, z, z);
}
