/*
 * vec.c -- softmax rows and columns, compiled once per instruction set. See kernels.h.
 */
#include "base/isa_name.h"
#include "kernels/pointwise/math32.h"
#include "kernels/pointwise/math64.h"
#include "kernels/reduce/order.h"
#include "kernels/softmax/kernels.h"

enum { SHORT = 16 };

INL float log_f32(float x) {
    float t[VL];
    f_st(t, f_log(f_set(x)));
    return t[0];
}
INL vd d_expneg(vd x) {
    double t[VD];
    d_st(t, x);
    for (int i = 0; i < VD; i++) t[i] = m64_exp(t[i]);
    return d_ld(t);
}
INL vd d_log(vd x) {
    double t[VD];
    d_st(t, x);
    for (int i = 0; i < VD; i++) t[i] = m64_log(t[i]);
    return d_ld(t);
}

#define S       float
#define V       vf
#define NV      VL
#define F(n)    f_##n
#define MASK(n) m_##n
#define O(n)    order_f32_##n
#define N(n)    n##_f32
#define LOG1    log_f32
#include "kernels/softmax/vec.inc"
#undef S
#undef V
#undef NV
#undef F
#undef MASK
#undef O
#undef N
#undef LOG1

#define S       double
#define V       vd
#define NV      VD
#define F(n)    d_##n
#define MASK(n) md_##n
#define O(n)    order_f64_##n
#define N(n)    n##_f64
#define LOG1    m64_log
#include "kernels/softmax/vec.inc"

extern const softmax_kernels K(softmax_kernels);
const softmax_kernels K(softmax_kernels) = {.f32 = {rows_f32, cols_f32}, .f64 = {rows_f64, cols_f64}};
