/*
 * run_f64.c -- reductions of f64.
 */
#include <math.h>
#include <string.h>

#include "kernels/pointwise/scalar.h"
#include "kernels/pointwise/scalar_ops.h"
#include "kernels/pointwise/stage.h"
#include "kernels/reduce/order_ops.h"
#include "kernels/reduce/plan.h"

#define S           double
#define N(name)     name##_f64
#define KERNELS(p)  (p)->k->f64
#define ABS         fabs
#define SQRT        sqrt
#define EVAL(op, x) pw_eval_f64(op, x, 0, 0)
#define HALVES      0
#include "kernels/reduce/run.inc"
