/* simd_probe.h -- every operation of base/simd.h over arrays of numbers, compiled once per instruction set. */
#ifndef SARD_TESTS_SIMD_PROBE_H
#define SARD_TESTS_SIMD_PROBE_H

#include <stdint.h>

enum { PROBE_N = 2048, PROBE_MAX_OPS = 160 };

typedef struct probe_in {
    float f[3][PROBE_N];
    double d[3][PROBE_N];
    int32_t i[2][PROBE_N];
    int64_t l[2][PROBE_N];
    float mantissa[PROBE_N], exponent[PROBE_N]; /* for ldexp */
    uint16_t half[PROBE_N];
    uint8_t byte[PROBE_N];
} probe_in;

typedef struct probe_out { /* the bits of each operation's results, NaNs made alike */
    int n;
    const char *name[PROBE_MAX_OPS];
    uint64_t bits[PROBE_MAX_OPS][PROBE_N];
    const char *wrong; /* an operation on the first n lanes that touched others */
} probe_out;

void simd_probe_ref(const probe_in *in, probe_out *out);
void simd_probe_avx2(const probe_in *in, probe_out *out);
void simd_probe_avx512(const probe_in *in, probe_out *out);
void simd_probe_neon(const probe_in *in, probe_out *out);

#endif
