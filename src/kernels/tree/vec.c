/*
 * vec.c -- slots of rows, per instruction set: a lane is a row, or a tree when rows are few. See forest.h.
 */
#include "base/simd.h"
#include "kernels/tree/forest.h"

#define K(name) SIMD_CAT2(name, ISA_SUFFIX)
enum { G = 4, TILE = G * VL };

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
const tree_kernels K(tree_kernels_) = {.tile = TILE, .slots = slots, .side = side, .add = add};
