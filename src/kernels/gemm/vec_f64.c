/*
 * vec_f64.c -- double register tiles, compiled once per instruction set: 14 x 16 on AVX-512, 3 x 16 on AVX2, 2 x 16 on
 * NEON.
 */
#include "base/isa_name.h"
#include "base/simd.h"
#include "kernels/gemm/gemm_tile.h"

#define T       double
#define VEC     vd
#define W       VD
#define O(name) d_##name
#define G(name) name##_f64
#include "kernels/gemm/tile.inc"

#include "kernels/gemm/pack.inc"

#define TILE(name, M, P, kind)                                                                                         \
    static void name(const gemm_tile_f64 *t) { tile(M, P, kind, t); }

TILE(one_1, 1, 1, BLOCK)
#if !SIMD_PLAIN
TILE(one_2, 2, 1, BLOCK)
#endif
#if defined(SIMD_AVX512)
TILE(one_3, 3, 1, BLOCK)
TILE(one_4, 4, 1, BLOCK)
TILE(one_5, 5, 1, BLOCK)
TILE(one_6, 6, 1, BLOCK)
TILE(one_7, 7, 1, BLOCK)
TILE(one_8, 8, 1, BLOCK)
TILE(one_9, 9, 1, BLOCK)
TILE(one_10, 10, 1, BLOCK)
TILE(one_11, 11, 1, BLOCK)
TILE(one_12, 12, 1, BLOCK)
TILE(one_13, 13, 1, BLOCK)
TILE(one_14, 14, 1, BLOCK)
TILE(few_1, 1, 4, STREAM)
TILE(plain_1, 1, 4, PLAIN)
TILE(few_2, 2, 4, STREAM)
TILE(plain_2, 2, 4, PLAIN)
TILE(few_3, 3, 4, STREAM)
TILE(plain_3, 3, 4, PLAIN)
TILE(plain_4, 4, 1, PLAIN)
#define ROWS 0, one_1, one_2, one_3, one_4, one_5, one_6, one_7, one_8, one_9, one_10, one_11, one_12, one_13, one_14
const gemm_kernel_f64 K(gemm_f64) = {ISA_AVX512,
                                     14,
                                     1,
                                     {0, 4, 4, 4, 1},
                                     {ROWS},
                                     {ROWS},
                                     {0, few_1, few_2, few_3, one_4},
                                     {0, plain_1, plain_2, plain_3, plain_4},
                                     pack_columns};
#elif SIMD_PLAIN
TILE(plain_1, 1, 1, PLAIN)
const gemm_kernel_f64 K(gemm_f64) = {ISA_REF,      1,           1, {0, 1}, {0, one_1}, {0, one_1}, {0, one_1},
                                     {0, plain_1}, pack_columns};
#elif defined(SIMD_NEON)
TILE(few_1, 1, 2, STREAM)
TILE(plain_1, 1, 2, PLAIN)
TILE(plain_2, 2, 1, PLAIN)
const gemm_kernel_f64 K(gemm_f64) = {
    ISA_NEON,    2, 1, {0, 2, 1}, {0, one_1, one_2}, {0, one_1, one_2}, {0, few_1, one_2}, {0, plain_1, plain_2},
    pack_columns};
#else
TILE(one_3, 3, 1, BLOCK)
TILE(few_1, 1, 2, STREAM)
TILE(plain_1, 1, 2, PLAIN)
TILE(plain_2, 2, 1, PLAIN)
TILE(plain_3, 3, 1, PLAIN)
const gemm_kernel_f64 K(gemm_f64) = {ISA_AVX2,
                                     3,
                                     1,
                                     {0, 2, 1, 1},
                                     {0, one_1, one_2, one_3},
                                     {0, one_1, one_2, one_3},
                                     {0, few_1, one_2, one_3},
                                     {0, plain_1, plain_2, plain_3},
                                     pack_columns};
#endif
