/*
 * run_f32.c -- reductions of f32, f16 and bf16, computed in float.
 */
#include <math.h>
#include <string.h>

#include "kernels/pointwise/scalar.h"
#include "kernels/pointwise/scalar_ops.h"
#include "kernels/pointwise/stage.h"
#include "kernels/reduce/order_ops.h"
#include "kernels/reduce/plan.h"

#define S           float
#define N(name)     name##_f32
#define KERNELS(p)  (p)->k->f32
#define ABS         fabsf
#define SQRT        sqrtf
#define EVAL(op, x) pw_eval_f32(op, x, 0, 0)
#define HALVES      1
#include "kernels/reduce/run.inc"
