/*
 * order_ops.h -- the operations of ordered reductions, and the constants of the order.
 */
#ifndef SARD_KERNELS_REDUCE_ORDER_OPS_H
#define SARD_KERNELS_REDUCE_ORDER_OPS_H

enum { ORDER_SUM, ORDER_PROD, ORDER_MAX, ORDER_MIN, ORDER_SQUARE, ORDER_ABS, ORDER_COUNT };
enum { ORDER_PARTIALS = 64, ORDER_BLOCK = 16384 };

#endif
