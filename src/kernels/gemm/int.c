/*
 * int.c -- products of integer matrices, wrapping (see gemm.h). Rare in models, so plain loops: every order of sums
 * gives the same bits.
 */
#include "kernels/gemm/gemm.h"

#define U       uint32_t
#define G(name) name##_i32
#include "kernels/gemm/int.inc"
#define U       uint64_t
#define G(name) name##_i64
#include "kernels/gemm/int.inc"
