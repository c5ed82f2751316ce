/* clang-format off */
/*
 * simd.h -- vectors of whatever width the build was compiled for, with the same bits on every width.
 *
 * A kernel's vec.c is compiled once per instruction set (-DISA_SUFFIX=avx512|avx2|neon|ref and that set's flags); this
 * header then gives VL float lanes: 16, 8, 4, or 1 (plain C: the oracle's width). Vectors are the compiler's own
 * vector types, so + - * / & | ^ ~ and unary minus are written as operators; every other operation is wrapped here,
 * and gives the same bits (NaN payloads aside) on every set. Never include it from code not compiled per set.
 *
 * Types:  vf float, vi int32 (VL lanes);  vd double, vl int64 (VD lanes);  vm, vmd: masks over them (opaque).
 *         A vf corresponds to VPD = VL / VD vectors of double (2, or 1 in plain C).
 * Names:  f_ vf, i_ vi, d_ vd, l_ vl, m_ vm, md_ vmd; u in an i_ or l_ name: lanes taken as unsigned. `n` counts
 *         lanes, 0 <= n <= VL (VD). Loads and stores take any address; those ending in n touch the first n elements
 *         only, and the remaining lanes of such a load are zero.
 *
 *   set ld st ldn stn         broadcast, load, store
 *   f_fma(a, b, c)            a * b + c rounded once (d_)
 *   f_min f_max (a, b)        a < b ? a : b and a > b ? a : b: b when either is NaN, and when both are zeros (d_)
 *   f_minn f_maxn             ONNX Min and Max: as above, but a when a is NaN (d_). Relu is f_max(0, x), Clip is
 *                             f_min(hi, f_max(lo, x)): x in second place keeps NaN (bounds that may be NaN: f_..n)
 *   f_sqrt, f_abs, f_copysign(magnitude, sign), f_round (to even), f_floor, f_ceil, f_trunc (d_)
 *   lt le gt ge eq ne         ordered comparisons to masks, false for NaN, but ne (f_ d_; i_ l_: lt gt eq, ltu)
 *   sel(m, a, b)              m ? a : b
 *   i_and_unless(m, a, b)     m ? a : a & b
 *   m_and m_or m_xor m_not m_any m_all m_none m_first(n) (md_)
 *   f_bits i_real             the same bits as the other type (d_bits l_real)
 *   i_add i_sub i_mul         wrap (l_); i_shl, i_shr (arithmetic), i_shru by a constant (l_); i_min i_max (l_)
 *   f_from_i i_from_f         convert; from float: towards zero, saturating, NaN -> 0 (d_from_l, l_from_d)
 *   f_to_d(x, out) d_to_f(in) to and from VPD vectors of double; i_to_l, l_to_i (truncates)
 *   f_ldexp(p, n, nb)         p * 2^n rounded once, p in [0.5, 2); n integer-valued, and nb has n in its low bits (as
 *                             left by adding 1.5 * 2^23); d_ldexp alike (1.5 * 2^52)
 *   f_frexp(x, &e)            mantissa in [0.75, 1.5) and exponent of x >= 0, denormals too; +0, -0: 1, -1 and -inf;
 *                             inf: 1 and inf; x < 0 or NaN: the mantissa is NaN, e unspecified (d_)
 *   f_lut8(t, i) f_lut16(t, i) t[i & 7], t[i & 15]; t: 8 or 16 floats
 *   f_perm(x, i)              lane l is x's lane i[l] modulo VL
 *   f_gather(p, i)            p[i]
 *   f_zip(a, b, &lo, &hi)     a0 b0 a1 b1 ... (d_); one lane: a and b
 *   i_ld_i8 _u8 _i16 _u16, i_st_8 _16    small integers; stores truncate (and i_ldn_i8 ...)
 *   f_ld_f16 _bf16, f_st_f16 _bf16       half floats, rounded to even (and f_ldn_f16 ...)
 *   m_ld_bool m_st_bool                  bytes: non-zero is true; stores 0 and 1 (and m_ldn_bool ...)
 *   SIMD_LEVEL                the set's name in base/cpu.h
 *   simd_leave()              clears the upper halves of the registers: at the end of a chain of tail calls, where the
 *                             compiler does not; left dirty they slow down the caller's narrower instructions
 */
/* clang-format on */
#ifndef SARD_BASE_SIMD_H
#define SARD_BASE_SIMD_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/half.h"

#define INL static inline __attribute__((always_inline, unused))
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 64")
#endif

#define SIMD_IS_ref     1
#define SIMD_IS_avx2    0
#define SIMD_IS_avx512  0
#define SIMD_IS_neon    0
#define SIMD_IS_native  0 /* whatever this file's flags allow */
#define SIMD_CAT(a, b)  a##b
#define SIMD_CAT2(a, b) SIMD_CAT(a, b)
#ifndef ISA_SUFFIX
#define ISA_SUFFIX native
#endif
#define SIMD_PLAIN SIMD_CAT2(SIMD_IS_, ISA_SUFFIX)

#if !SIMD_PLAIN && defined(__AVX512F__) && defined(__AVX512DQ__)
#define SIMD_AVX512 1
#define SIMD_LEVEL  ISA_AVX512 /* of base/cpu.h */
#include <immintrin.h>
enum { VL = 16, VD = 8 };
#elif !SIMD_PLAIN && defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#define SIMD_AVX2  1
#define SIMD_LEVEL ISA_AVX2
#include <immintrin.h>
enum { VL = 8, VD = 4 };
#elif !SIMD_PLAIN && defined(__aarch64__) && defined(__ARM_NEON)
#define SIMD_NEON  1
#define SIMD_LEVEL ISA_NEON
#include <arm_neon.h>
enum { VL = 4, VD = 2 };
#else
#undef SIMD_PLAIN
#define SIMD_PLAIN 1
#define SIMD_LEVEL ISA_REF
enum { VL = 1, VD = 1 };
#endif
enum { VPD = VL / VD };

#if defined(SIMD_AVX512)
#include "base/simd_avx512.inc"
#elif defined(SIMD_AVX2)
#include "base/simd_avx2.inc"
#elif defined(SIMD_NEON)
#include "base/simd_neon.inc"
#else
#include "base/simd_ref.inc"
#endif
#include "base/simd_common.inc"

#endif
