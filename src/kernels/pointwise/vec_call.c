/*
 * vec_call.c -- the CALL step for functions of floats, compiled once per instruction set: lane by lane, but with that
 * set's fma instruction. Same bits as pw_eval.
 */
#include "base/isa_name.h"
#include "kernels/pointwise/program.h"

#define M64(name) K(m64_##name)
#define M64_API   __attribute__((unused)) static
#define M64_LOCAL static
#include "kernels/pointwise/math64.inc"
#include "kernels/pointwise/math64_trig_fn.inc"

typedef double fn1(double);
static fn1 *const FN1[PW_OPCODE_COUNT] = {
    [PW_EXP] = M64(exp),     [PW_EXPM1] = M64(expm1),     [PW_LOG] = M64(log),           [PW_LOG1P] = M64(log1p),
    [PW_TANH] = M64(tanh),   [PW_SIGMOID] = M64(sigmoid), [PW_SOFTPLUS] = M64(softplus), [PW_ERF] = M64(erf),
    [PW_SIN] = M64(sin),     [PW_COS] = M64(cos),         [PW_TAN] = M64(tan),           [PW_ASIN] = M64(asin),
    [PW_ACOS] = M64(acos),   [PW_ATAN] = M64(atan),       [PW_SINH] = M64(sinh),         [PW_COSH] = M64(cosh),
    [PW_ASINH] = M64(asinh), [PW_ACOSH] = M64(acosh),     [PW_ATANH] = M64(atanh),
};
/* Those that a float takes from double; the others have a sequence of their own. */
static bool from_double(pw_opcode op) {
    return op == PW_LOG1P || op == PW_TAN || op == PW_ASIN || op == PW_ACOS || op == PW_ATAN || op == PW_SINH ||
           op == PW_COSH || op == PW_ASINH || op == PW_ACOSH || op == PW_ATANH;
}

void K(pw_call)(const pw_step *s, int lane_bits, int n, void *x, const void *a, const void *b);
void K(pw_call)(const pw_step *s, int lane_bits, int n, void *x, const void *a, const void *b) {
    fn1 *f = FN1[s->op];
    if (f && s->type == SARD_F64) {
        double *v = x;
        for (int i = 0; i < n; i++) v[i] = f(v[i]);
    } else if (f && s->type == SARD_F32 && lane_bits == 32 && from_double((pw_opcode)s->op)) {
        float *v = x;
        for (int i = 0; i < n; i++) v[i] = (float)f((double)v[i]);
    } else if (s->op == PW_POW && s->type == SARD_F64) {
        double *v = x;
        const double *y = a;
        for (int i = 0; i < n; i++) v[i] = M64(pow)(v[i], y[i]);
    } else {
        pw_call_lanes(s, lane_bits, n, x, a, b);
    }
}
