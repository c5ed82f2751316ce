/*
 * scalar_ops.h -- arithmetic of scalar.c per family of element types. Integer results still have to be wrapped.
 */
#ifndef SARD_KERNELS_POINTWISE_SCALAR_OPS_H
#define SARD_KERNELS_POINTWISE_SCALAR_OPS_H

#include "kernels/pointwise/pointwise.h"

float pw_eval_f32(pw_opcode op, float a, float b, float c);
double pw_eval_f64(pw_opcode op, double a, double b, double c);
int64_t pw_eval_sint(pw_opcode op, int64_t a, int64_t b, int bits);
uint64_t pw_eval_uint(pw_opcode op, uint64_t a, uint64_t b, int bits);

#endif
