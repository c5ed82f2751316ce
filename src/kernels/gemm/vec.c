/*
 * vec.c -- fp32 register tiles, compiled once per instruction set: 14 x 32 on AVX-512, 6 x 16 on AVX2 and NEON.
 */
#include "base/isa_name.h"
#include "base/simd.h"
#include "kernels/gemm/gemm_tile.h"

#define T       float
#define VEC     vf
#define W       VL
#define O(name) f_##name
#define G(name) name##_f32
#include "kernels/gemm/tile.inc"

#include "kernels/gemm/pack.inc"

#define TILE(name, M, P, kind)                                                                                         \
    static void name(const gemm_tile_f32 *t) { tile(M, P, kind, t); }
#define BOTH(M)                                                                                                        \
    TILE(one_##M, M, 1, BLOCK)                                                                                         \
    TILE(two_##M, M, 2, BLOCK)

/* Rows of functions. */
/* clang-format off */
#if defined(SIMD_AVX512)
BOTH(1) BOTH(2) BOTH(3) BOTH(4) BOTH(5) BOTH(6) BOTH(7) BOTH(8) BOTH(9) BOTH(10) BOTH(11) BOTH(12) BOTH(13) BOTH(14)
TILE(few_1, 1, 4, STREAM) TILE(plain_1, 1, 4, PLAIN) TILE(few_2, 2, 4, STREAM) TILE(plain_2, 2, 4, PLAIN)
        TILE(few_3, 3, 4, STREAM) TILE(plain_3, 3, 4, PLAIN) TILE(few_4, 4, 4, STREAM)
            TILE(plain_4, 4, 4, PLAIN) const gemm_kernel_f32
    K(gemm_f32) = {
        ISA_AVX512,
        14,
        2,
        {0, 4, 4, 4, 4},
        {0, one_1, one_2, one_3, one_4, one_5, one_6, one_7, one_8, one_9, one_10, one_11, one_12, one_13, one_14},
        {0, two_1, two_2, two_3, two_4, two_5, two_6, two_7, two_8, two_9, two_10, two_11, two_12, two_13, two_14},
        {0, few_1, few_2, few_3, few_4},
        {0, plain_1, plain_2, plain_3, plain_4},
        pack_columns};
#elif SIMD_PLAIN
TILE(one_1, 1, 1, BLOCK)
TILE(plain_1, 1, 1, PLAIN)
const gemm_kernel_f32 K(gemm_f32) = {ISA_REF,      1,           1, {0, 1}, {0, one_1}, {0, one_1}, {0, one_1},
                                     {0, plain_1}, pack_columns};
#else
TILE(one_1, 1, 1, BLOCK)
TILE(one_2, 2, 1, BLOCK)
TILE(one_3, 3, 1, BLOCK)
TILE(one_4, 4, 1, BLOCK)
TILE(one_5, 5, 1, BLOCK)
TILE(one_6, 6, 1, BLOCK)
TILE(few_1, 1, 4, STREAM)
TILE(plain_1, 1, 4, PLAIN)
TILE(few_2, 2, 2, STREAM)
TILE(plain_2, 2, 2, PLAIN)
TILE(few_3, 3, 2, STREAM)
TILE(plain_3, 3, 2, PLAIN)
TILE(plain_4, 4, 1, PLAIN)
const gemm_kernel_f32 K(gemm_f32) = {SIMD_LEVEL,
                                     6,
                                     1,
                                     {0, 4, 2, 2, 1},
                                     {0, one_1, one_2, one_3, one_4, one_5, one_6},
                                     {0, one_1, one_2, one_3, one_4, one_5, one_6},
                                     {0, few_1, few_2, few_3, one_4},
                                     {0, plain_1, plain_2, plain_3, plain_4},
                                     pack_columns};
#endif
/* clang-format on */
