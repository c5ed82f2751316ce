/*
 * ref.c -- the definition of a product of matrices in plain C (see gemm.h). Never made faster: every kernel must give
 * these bits.
 */
#include <math.h>

#include "kernels/gemm/gemm.h"

#define T       float
#define FMA     fmaf
#define G(name) name##_f32
#include "kernels/gemm/ref.inc"
#define T       double
#define FMA     fma
#define G(name) name##_f64
#include "kernels/gemm/ref.inc"
