/*
 * half.h -- conversions between float and the small float formats, by bits, each rounded once (to nearest even).
 *
 * Scalar definitions: the oracle that vector versions must equal. float8 encodings follow the ONNX float8 page
 * (E4M3FN, E4M3FNUZ, E5M2, E5M2FNUZ, E8M0), float4 E2M1, float6 E2M3/E3M2 the OCP Microscaling specification.
 */
#ifndef SARD_BASE_HALF_H
#define SARD_BASE_HALF_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t f32_bits(float f) {
    uint32_t u;
    memcpy(&u, &f, 4);
    return u;
}
static inline float bits_f32(uint32_t u) {
    float f;
    memcpy(&f, &u, 4);
    return f;
}

float f16_to_f32(uint16_t h);
uint16_t f32_to_f16(float f);
uint16_t f64_to_f16(double d); /* rounded once */
static inline float bf16_to_f32(uint16_t h) { return bits_f32((uint32_t)h << 16); }
uint16_t f32_to_bf16(float f);
uint16_t f64_to_bf16(double d);

/* saturate: out-of-range values become the largest finite one, else NaN/inf as the ONNX Cast tables say. E8M0 has no sign
 * and takes the magnitude; its modes round to a power of two (up: away from zero, ties of nearest up), and what is then
 * below 2^-127 is 2^-127, else NaN. Float4 and float6 always saturate; they have no NaN, and a NaN becomes -0. */
float f8e4m3fn_to_f32(uint8_t v);
float f8e4m3fnuz_to_f32(uint8_t v);
float f8e5m2_to_f32(uint8_t v);
float f8e5m2fnuz_to_f32(uint8_t v);
float f8e8m0_to_f32(uint8_t v);
uint8_t f32_to_f8e4m3fn(float f, bool saturate);
uint8_t f32_to_f8e4m3fnuz(float f, bool saturate);
uint8_t f32_to_f8e5m2(float f, bool saturate);
uint8_t f32_to_f8e5m2fnuz(float f, bool saturate);
typedef enum { E8M0_UP, E8M0_DOWN, E8M0_NEAREST } e8m0_round;
uint8_t f32_to_f8e8m0(float f, bool saturate, e8m0_round mode);
float f4e2m1_to_f32(uint8_t v); /* low four bits */
uint8_t f32_to_f4e2m1(float f);
float f6e2m3_to_f32(uint8_t v);
uint8_t f32_to_f6e2m3(float f);
float f6e3m2_to_f32(uint8_t v);
uint8_t f32_to_f6e3m2(float f);

#endif
