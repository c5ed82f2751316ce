/*
 * math64.h -- elementary functions in double precision, the same bits on every machine.
 *
 * Scalar, of integer operations, + - * /, fma and sqrt only; results are within 0.52 ulp, sin and cos 0.8, erf 0.9, tan 1.0 (measured by
 * tests/kernels/test_math64.c against long double), so nearly always the nearest double. C99 special values. They also
 * serve the rarer functions of float, rounded once more from here.
 */
#ifndef SARD_KERNELS_MATH64_H
#define SARD_KERNELS_MATH64_H

double m64_exp(double x);
double m64_expm1(double x);
double m64_log(double x);
double m64_log1p(double x);
double m64_pow(double x, double y);
double m64_sigmoid(double x);  /* 1 / (1 + e^-x) */
double m64_softplus(double x); /* log(1 + e^x) */
double m64_tanh(double x);
double m64_sinh(double x);
double m64_cosh(double x);
double m64_asinh(double x);
double m64_acosh(double x);
double m64_atanh(double x);
double m64_erf(double x);
double m64_sin(double x);
double m64_cos(double x);
double m64_tan(double x);
double m64_asin(double x);
double m64_acos(double x);
double m64_atan(double x);
double m64_atan2(double y, double x);
double m64_fmod(double x, double y); /* exact; C's fmod */
double m64_floor(double x);
double m64_ceil(double x);
double m64_trunc(double x);
double m64_round(double x); /* half to even */

#endif
