/*
 * order.h -- sums, products, maxima and minima of contiguous elements in the one order, on vectors.
 *
 * For vec*.c files of the families that sum (reduce, softmax, norm ...). order_f32_row(ORDER_SUM, 0, x, n, 0) is the
 * whole story of n floats: see reduce.h for the order. The pieces (start, add, tree) serve sequences that are produced
 * tile by tile. `shifted` subtracts `minus` from every element first (deviations from a mean).
 */
#ifndef SARD_KERNELS_REDUCE_ORDER_H
#define SARD_KERNELS_REDUCE_ORDER_H

#include "base/simd.h"
#include "kernels/reduce/fold.h"
#include "kernels/reduce/order_ops.h"

#define S       float
#define V       vf
#define NV      VL
#define F(n)    f_##n
#define MASK(n) m_##n
#define O(n)    order_f32_##n
#include "kernels/reduce/order.inc"
#undef S
#undef V
#undef NV
#undef F
#undef MASK
#undef O

#define S       double
#define V       vd
#define NV      VD
#define F(n)    d_##n
#define MASK(n) md_##n
#define O(n)    order_f64_##n
#include "kernels/reduce/order.inc"
#undef S
#undef V
#undef NV
#undef F
#undef MASK
#undef O

#endif
