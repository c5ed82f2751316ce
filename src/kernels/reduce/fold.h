/*
 * fold.h -- the upper half of the first 2h lanes of a vector brought down onto the lower half: the last steps of a tree.
 */
#ifndef SARD_KERNELS_REDUCE_FOLD_H
#define SARD_KERNELS_REDUCE_FOLD_H

#include "base/simd.h"

/* h is a constant; lanes from h on of the result mean nothing. */
#if defined(SIMD_AVX512)
INL vf f_down(vf v, int h) {
    switch (h) {
    case 8:
        return __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15);
    case 4:
        return __builtin_shufflevector(v, v, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7);
    case 2:
        return __builtin_shufflevector(v, v, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3);
    default:
        return __builtin_shufflevector(v, v, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1);
    }
}
INL vd d_down(vd v, int h) {
    switch (h) {
    case 4:
        return __builtin_shufflevector(v, v, 4, 5, 6, 7, 4, 5, 6, 7);
    case 2:
        return __builtin_shufflevector(v, v, 2, 3, 2, 3, 2, 3, 2, 3);
    default:
        return __builtin_shufflevector(v, v, 1, 1, 1, 1, 1, 1, 1, 1);
    }
}
#elif defined(SIMD_AVX2)
INL vf f_down(vf v, int h) {
    switch (h) {
    case 4:
        return __builtin_shufflevector(v, v, 4, 5, 6, 7, 4, 5, 6, 7);
    case 2:
        return __builtin_shufflevector(v, v, 2, 3, 2, 3, 2, 3, 2, 3);
    default:
        return __builtin_shufflevector(v, v, 1, 1, 1, 1, 1, 1, 1, 1);
    }
}
INL vd d_down(vd v, int h) {
    return h == 2 ? __builtin_shufflevector(v, v, 2, 3, 2, 3) : __builtin_shufflevector(v, v, 1, 1, 1, 1);
}
#elif defined(SIMD_NEON)
INL vf f_down(vf v, int h) {
    return h == 2 ? __builtin_shufflevector(v, v, 2, 3, 2, 3) : __builtin_shufflevector(v, v, 1, 1, 1, 1);
}
INL vd d_down(vd v, int h) {
    (void)h;
    return __builtin_shufflevector(v, v, 1, 1);
}
#else
INL vf f_down(vf v, int h) {
    (void)h;
    return v;
}
INL vd d_down(vd v, int h) {
    (void)h;
    return v;
}
#endif

INL float f_first(vf v) {
    float t[VL];
    f_st(t, v);
    return t[0];
}
INL double d_first(vd v) {
    double t[VD];
    d_st(t, v);
    return t[0];
}

#endif
