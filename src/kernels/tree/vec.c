/*
 * vec.c -- slots of rows, per instruction set: a lane is a row, or a tree when rows are few. See forest.h.
 */
#include "base/simd.h"
#include "kernels/tree/forest.h"

#define K(name) SIMD_CAT2(name, ISA_SUFFIX)
enum { G = 4, TILE = G * VL };

static void columns(const tree_forest *f, const float *x, int64_t ld, int rows, float *xt) {
    if (ld > INT32_MAX / TILE) {
        for (int r = 0; r < TILE; r++)
            for (int32_t i = 0; i < f->n_used; i++) xt[(int64_t)i * TILE + r] = x[(r < rows ? r : 0) * ld + f->used[i]];
        return;
    }
    int32_t at[TILE];
    for (int r = 0; r < TILE; r++) at[r] = r < rows ? r * (int32_t)ld : 0;
    for (int32_t i = 0; i < f->n_used; i++) {
        const float *column = x + f->used[i];
        UNROLL for (int r = 0; r < TILE; r += VL) f_st(xt + (int64_t)i * TILE + r, f_gather(column, i_ld(at + r)));
    }
}

/* Place of the lowest bit of b, which is not 0: the exponent of that bit as a float. */
INL vi lowest(vi b) {
    vi low = b & i_sub(i_set(0), b);
    return i_sub(i_shru(f_bits(f_from_i(low)), 23) & i_set(255), i_set(127));
}

INL vm passes(vf x, vf v, int group) {
    switch (group) {
    case 0:
        return f_le(x, v);
    case 1:
        return m_not(f_gt(x, v));
    case 2:
        return f_eq(x, v);
    default:
        return m_or(f_eq(x, v), f_ne(x, x));
    }
}

INL void group_bits(const tree_bit *q, const tree_bit *end, const float *xt, int g, int words, int group, vi *lo,
                    vi *hi) {
    for (; q < end; q++) {
        const float *x = xt + (int64_t)q->f * TILE;
        vf v = f_set(q->v);
        UNROLL for (int i = 0; i < g; i++) {
            vm m = passes(f_ld(x + i * VL), v, group);
            lo[i] = i_and_unless(m, lo[i], i_set((int32_t)q->keep[0]));
            if (words == 2) hi[i] = i_and_unless(m, hi[i], i_set((int32_t)q->keep[1]));
        }
    }
}

INL void tree_bits(const tree_forest *f, const tree_info *t, const float *xt, int g, int words, int32_t *out) {
    vi lo[G], hi[G];
    UNROLL for (int i = 0; i < g; i++) lo[i] = hi[i] = i_set(-1);
    const tree_bit *q = f->bits;
    group_bits(q + t->first, q + t->end[0], xt, g, words, 0, lo, hi);
    group_bits(q + t->end[0], q + t->end[1], xt, g, words, 1, lo, hi);
    group_bits(q + t->end[1], q + t->end[2], xt, g, words, 2, lo, hi);
    group_bits(q + t->end[2], q + t->end[3], xt, g, words, 3, lo, hi);
    UNROLL for (int i = 0; i < g; i++) {
        vi at = i_set(t->slot0), b = lo[i];
        if (words == 2) {
            vm high = i_eq(lo[i], i_set(0));
            b = i_sel(high, hi[i], b), at = i_sel(high, i_set(t->slot0 + 32), at);
        }
        i_st(out + i * VL, i_add(at, lowest(b)));
    }
}

/* Lanes go down together until all stand on leaves, which are their own children. */
INL void tree_walk(const tree_forest *f, const tree_info *t, const float *xt, int g, int32_t *out) {
    const float *node = (const float *)(const void *)(f->nodes + t->first);
    int32_t count[VL];
    for (int i = 0; i < VL; i++) count[i] = i;
    vi p[G];
    UNROLL for (int i = 0; i < g; i++) p[i] = i_set(0);
    for (int moved = 1; moved;) {
        moved = 0;
        UNROLL for (int i = 0; i < g; i++) {
            vi at = i_shl(p[i], 2), lane = i_add(i_ld(count), i_set(i * VL));
            vf v = f_gather(node, at);
            vi w = f_bits(f_gather(node + 2, at)), kid = f_bits(f_gather(node + 3, at));
            vf x = f_gather(xt, i_add(i_mul(w & i_set((int32_t)TREE_F_INDEX), i_set(TILE)), lane));
            vm equal = i_lt(i_shl(w, 1), i_set(0)), nan = i_lt(w, i_set(0));
            vm yes = m_or(m_or(m_and(f_le(x, v), m_not(equal)), f_eq(x, v)), m_and(f_ne(x, x), nan));
            vi next = i_sel(yes, kid, i_add(kid, i_set(1)));
            moved |= m_any(m_not(i_eq(next, p[i])));
            p[i] = next;
        }
    }
    UNROLL for (int i = 0; i < g; i++) i_st(out + i * VL, i_add(i_set(t->slot0), p[i]));
}

#define TREE(g)                                                                                                        \
    switch (t->kind) {                                                                                                 \
    case TREE_BITS32:                                                                                                  \
        tree_bits(f, t, xt + i * VL, g, 1, out + i * VL);                                                              \
        break;                                                                                                         \
    case TREE_BITS64:                                                                                                  \
        tree_bits(f, t, xt + i * VL, g, 2, out + i * VL);                                                              \
        break;                                                                                                         \
    default:                                                                                                           \
        tree_walk(f, t, xt + i * VL, g, out + i * VL);                                                                 \
        break;                                                                                                         \
    }

static void slots(const tree_forest *f, int32_t t0, int32_t t1, const float *xt, int rows, int32_t *out) {
    for (const tree_info *t = f->tree + t0; t < f->tree + t1; t++, out += TILE) {
        int i = 0;
        if (rows > (G - 1) * VL) {
            TREE(G)
            continue;
        }
        for (; i * VL < rows; i++) TREE(1)
    }
}

/* ---- ranked --------------------------------------------------------------------------------------------------------- */

typedef uint8_t vb __attribute__((vector_size(TILE))); /* a byte for each row of a tile */
typedef uint8_t vb_any __attribute__((vector_size(TILE), aligned(1), may_alias));
#ifdef SIMD_AVX512
typedef __mmask64 vbm;
INL vbm b_le(vb a, vb b) { return _mm512_cmple_epu8_mask((__m512i)a, (__m512i)b); }
INL vb b_sel(vbm m, vb a, vb b) { return (vb)_mm512_mask_blend_epi8(m, (__m512i)b, (__m512i)a); }
#else
typedef vb vbm;
INL vbm b_le(vb a, vb b) { return (vb)(a <= b); }
INL vb b_sel(vbm m, vb a, vb b) { return (m & a) | (~m & b); }
#endif
INL vb b_ld(const uint8_t *p) { return *(const vb_any *)p; }
INL void b_st(uint8_t *p, vb x) { *(vb_any *)p = x; }
INL vb b_set4(uint32_t x) {
    typedef uint32_t words __attribute__((vector_size(TILE)));
    return (vb)((words){0} + x);
}

#ifdef SIMD_AVX512
/* a[i], or b[i - 16]. */
INL vf f_lut32(const float *a, const float *b, vi i) {
    return (vf)_mm512_permutex2var_ps(f_ld(a), (__m512i)i, f_ld(b));
}
#endif

/* How many of a feature's thresholds lie below x: by halves, first among the last of every 16, then among the 15 before
 * the one that was found. */
INL vi rank_of(const tree_limits *t, vf x) {
    vi high = i_set(0), low = high;
    UNROLL for (int s = 8; s; s /= 2) high =
        i_sel(f_lt(f_lut16(t->v[15], i_add(high, i_set(s - 1))), x), i_add(high, i_set(s)), high);
#ifdef SIMD_AVX512
    vi other = i_add(high, i_set(16)), at;
    vm m8 = f_lt(f_lut16(t->v[7], high), x);
    at = i_sel(m8, other, high);
    vm m4 = f_lt(f_lut32(t->v[3], t->v[11], at), x);
    at = i_sel(m4, other, high);
    vm m2 = f_lt(f_sel(m8, f_lut32(t->v[9], t->v[13], at), f_lut32(t->v[1], t->v[5], at)), x);
    at = i_sel(m2, other, high);
    vm m1 = f_lt(f_sel(m8, f_sel(m4, f_lut32(t->v[12], t->v[14], at), f_lut32(t->v[8], t->v[10], at)),
                       f_sel(m4, f_lut32(t->v[4], t->v[6], at), f_lut32(t->v[0], t->v[2], at))),
                 x);
    low = i_sel(m8, i_set(8), low), low = i_sel(m4, i_add(low, i_set(4)), low);
    low = i_sel(m2, i_add(low, i_set(2)), low), low = i_sel(m1, i_add(low, i_set(1)), low);
#else
    UNROLL for (int s = 8; s; s /= 2) {
        vi at = i_add(high, i_shl(i_add(low, i_set(s - 1)), 4));
        low = i_sel(f_lt(f_gather(t->v[0], at), x), i_add(low, i_set(s)), low);
    }
#endif
    return i_add(i_shl(high, 4), low);
}

static void ranks(const tree_forest *f, const float *xt, uint8_t *out) {
    uint8_t *low = out + (int64_t)f->n_used * TREE_ROW;
    for (int32_t i = 0; i < f->n_used; i++) {
        UNROLL for (int g = 0; g < TILE; g += VL) {
            vf x = f_ld(xt + (int64_t)i * TILE + g);
            vi p = rank_of(&f->limits[i], x);
            i_st_8(out + (int64_t)i * TREE_ROW + g, i_sel(f_ne(x, x), i_set(TREE_RANKS), p));
            i_st_8(low + (int64_t)i * TREE_ROW + g, p); /* NaN is above no threshold: 0 */
        }
    }
}

/* The leaves of a tile's rows in a tree; of two tiles at a time, whose chains of choices overlap. */
INL void choices(const tree_forest *f, const tree_info *t, const uint8_t *ranks, uint8_t *leaf, int tiles, vb *last) {
    const tree_choice *q = f->ranked + t->choice0, *end = q + t->n_choices;
    const uint8_t *ranks2 = ranks + tree_ranks_bytes(f);
    uint8_t *leaf2 = leaf + TREE_LEAF_BYTES;
    UNROLL for (int i = 0; i < tiles; i++) last[i] = b_set4(0);
    for (int64_t c = TREE_CHOICES * TREE_ROW; q < end; q++, c += TREE_ROW) {
        vb limit = b_set4(q->limit);
        last[0] = b_sel(b_le(b_ld(ranks + q->x), limit), b_ld(leaf + q->yes), b_ld(leaf + q->no));
        b_st(leaf + c, last[0]);
        if (tiles == 1) continue;
        last[1] = b_sel(b_le(b_ld(ranks2 + q->x), limit), b_ld(leaf2 + q->yes), b_ld(leaf2 + q->no));
        b_st(leaf2 + c, last[1]);
    }
}

static void choose(const tree_forest *f, int32_t t0, int32_t t1, const uint8_t *ranks, uint8_t *leaf, int32_t *out) {
    for (const tree_info *t = f->tree + t0; t < f->tree + t1; t++, out += TILE) {
        uint8_t number[TILE];
        vb last;
        choices(f, t, ranks, leaf, 1, &last), b_st(number, last);
        UNROLL for (int i = 0; i < TILE; i += VL) i_st(out + i, i_add(i_ld_u8(number + i), i_set(t->choice_slot0)));
    }
}

/* acc[i] += v[number[i]]; `n` values, but 64 can be read: a few fit into registers. */
INL void add_values(const float *v, int n, vb leaf, float *acc) {
    uint8_t number[TILE];
    b_st(number, leaf);
#ifdef SIMD_AVX512
    __m512 a = f_ld(v), b = f_ld(v + 16), c = f_ld(v + 32), d = f_ld(v + 48);
    if (n <= 32) {
        UNROLL for (int i = 0; i < TILE; i += VL)
            f_st(acc + i, f_ld(acc + i) + _mm512_permutex2var_ps(a, (__m512i)i_ld_u8(number + i), b));
        return;
    }
    if (n <= 64) {
        UNROLL for (int i = 0; i < TILE; i += VL) {
            vi k = i_ld_u8(number + i);
            vf low = _mm512_permutex2var_ps(a, (__m512i)k, b), high = _mm512_permutex2var_ps(c, (__m512i)k, d);
            f_st(acc + i, f_ld(acc + i) + f_sel(i_lt(k, i_set(32)), low, high));
        }
        return;
    }
#endif
    (void)n;
    UNROLL for (int i = 0; i < TILE; i += VL) f_st(acc + i, f_ld(acc + i) + f_gather(v, i_ld_u8(number + i)));
}

static void choose_sum(const tree_forest *f, int32_t t0, int32_t t1, const uint8_t *ranks, uint8_t *leaf, int tiles,
                       float *acc) {
    int64_t behind = (int64_t)f->n_targets * TILE;
    for (const tree_info *t = f->tree + t0; t < f->tree + t1; t++) {
        vb last[2];
        float *to = acc + (int64_t)t->target * TILE;
        const float *value = f->slot_value + t->choice_slot0;
        if (tiles == 2 && t->leaves <= TREE_PAIRED_LEAVES) {
            choices(f, t, ranks, leaf, 2, last);
            add_values(value, t->leaves, last[0], to);
            add_values(value, t->leaves, last[1], to + behind);
            continue;
        }
        for (int i = 0; i < tiles; i++, to += behind) {
            choices(f, t, ranks + i * tree_ranks_bytes(f), leaf, 1, last);
            add_values(value, t->leaves, last[0], to);
        }
    }
}

static void side(const tree_side *s, int n, const float *x2, int32_t *local) {
    for (int b = 0; b < TREE_BLOCK; b += VL) {
        vi k = i_set(-1), k2 = k;
        for (int j = 0; j < n; j += 2) { /* an even number: two chains */
            vm m = f_le(f_gather(x2, i_ld(s[j].f + b)), f_ld(s[j].v + b));
            vm m2 = f_le(f_gather(x2, i_ld(s[j + 1].f + b)), f_ld(s[j + 1].v + b));
            k = i_and_unless(m, k, i_ld(s[j].keep + b));
            k2 = i_and_unless(m2, k2, i_ld(s[j + 1].keep + b));
        }
        i_st(local + b, lowest(k & k2));
    }
}

static void add(const float *value, const int32_t *slot, float *acc) {
    UNROLL for (int i = 0; i < TILE; i += VL) f_st(acc + i, f_ld(acc + i) + f_gather(value, i_ld(slot + i)));
}

extern const tree_kernels K(tree_kernels_);
const tree_kernels K(tree_kernels_) = {.tile = TILE,
                                       .columns = columns,
                                       .slots = slots,
                                       .ranks = ranks,
                                       .choose = choose,
                                       .choose_sum = choose_sum,
                                       .side = side,
                                       .add = add};
