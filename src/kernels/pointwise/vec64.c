/*
 * vec64.c -- threaded functions of 64-bit lanes, compiled once per instruction set. Functions such as exp are called
 * lane by lane (math64.h). See steps.inc and program.h.
 */
#include "base/isa_name.h"
#include "base/simd.h"
#include "kernels/pointwise/program.h"

#define V        vd
#define I        vl
#define LANE     int64_t
#define F(n)     d_##n
#define L(n)     l_##n
#define M(n)     md_##n
#define REAL     l_real
#define BITS     d_bits
#define l_from_f l_from_d
#define d_from_i d_from_l
#include "kernels/pointwise/steps.inc"

extern const pw_fn K(pw_fn64)[PW_STEP_COUNT];
const pw_fn K(pw_fn64)[PW_STEP_COUNT] = {COMMON_ROWS};

void K(pw_enter64)(const pw_step *s, const pw_slot *slot, int64_t o);
void K(pw_enter64)(const pw_step *s, const pw_slot *slot, int64_t o) {
    const vd z = d_set(0);
    ((step_fn *)s->fn)(s, slot, o, z, z, z, z, z, z, z, z);
}
