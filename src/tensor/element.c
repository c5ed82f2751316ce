/*
 * element.c -- single elements of any type as numbers: for constants, attributes, messages; not for loops over data.
 *
 * Data may start at any byte, so elements are copied out and in.
 */
#include "base/half.h"
#include "tensor/tensor.h"

unsigned subbyte_get(const void *p, int dtype, int64_t i) {
    const int bits = dtype_bits(dtype), per_byte = 8 / bits;
    const uint8_t byte = ((const uint8_t *)p)[i / per_byte];
    return (unsigned)(byte >> (i % per_byte * bits)) & ((1u << bits) - 1);
}

void subbyte_set(void *p, int dtype, int64_t i, unsigned v) {
    const int bits = dtype_bits(dtype), per_byte = 8 / bits;
    const unsigned mask = (1u << bits) - 1, at = (unsigned)(i % per_byte * bits);
    uint8_t *byte = (uint8_t *)p + i / per_byte;
    *byte = (uint8_t)((*byte & ~(mask << at)) | (v & mask) << at);
}

/* Truncated; beyond the range the nearest end; NaN is 0. */
static int64_t f64_to_i64(double v) {
    if (v != v) return 0;
    return v >= 0x1p63 ? INT64_MAX : v < -0x1p63 ? INT64_MIN : (int64_t)v;
}

static uint64_t f64_to_u64(double v) {
    if (!(v > 0)) return 0;
    return v >= 0x1p64 ? UINT64_MAX : (uint64_t)v;
}

#define LOAD(type)                                                                                                     \
    type v;                                                                                                            \
    memcpy(&v, at, sizeof v)

/* The value of a type that a double holds exactly. */
static double small_f64(int dtype, const uint8_t *at) {
    switch (dtype) {
    case SARD_F16: {
        LOAD(uint16_t);
        return f16_to_f32(v);
    }
    case SARD_BF16: {
        LOAD(uint16_t);
        return bf16_to_f32(v);
    }
    case SARD_F8E4M3FN:
        return f8e4m3fn_to_f32(*at);
    case SARD_F8E4M3FNUZ:
        return f8e4m3fnuz_to_f32(*at);
    case SARD_F8E5M2:
        return f8e5m2_to_f32(*at);
    case SARD_F8E5M2FNUZ:
        return f8e5m2fnuz_to_f32(*at);
    case SARD_F8E8M0:
        return f8e8m0_to_f32(*at);
    case SARD_F6E2M3:
        return f6e2m3_to_f32(*at);
    case SARD_F6E3M2:
        return f6e3m2_to_f32(*at);
    default:
        return 0;
    }
}

static double wide_f64(int dtype, const uint8_t *at) {
    switch (dtype) {
    case SARD_F32:
    case SARD_C64: { /* its real part */
        LOAD(float);
        return v;
    }
    case SARD_F64:
    case SARD_C128: {
        LOAD(double);
        return v;
    }
    default:
        return small_f64(dtype, at);
    }
}

static int64_t signed_at(int dtype, const uint8_t *at) {
    switch (dtype) {
    case SARD_I8:
        return (int8_t)*at;
    case SARD_I16: {
        LOAD(int16_t);
        return v;
    }
    case SARD_I32: {
        LOAD(int32_t);
        return v;
    }
    default: {
        LOAD(int64_t);
        return v;
    }
    }
}

static uint64_t unsigned_at(int dtype, const uint8_t *at) {
    switch (dtype) {
    case SARD_BOOL:
        return *at != 0;
    case SARD_U8:
        return *at;
    case SARD_U16: {
        LOAD(uint16_t);
        return v;
    }
    case SARD_U32: {
        LOAD(uint32_t);
        return v;
    }
    default: {
        LOAD(uint64_t);
        return v;
    }
    }
}

/* Sign extension of a sub-byte integer. */
static int64_t small_int(int dtype, unsigned v) {
    if (dtype == SARD_I4) return (int64_t)(v ^ 8) - 8;
    if (dtype == SARD_I2) return (int64_t)(v ^ 2) - 2;
    return v;
}

static const uint8_t *element(const tensor *t, int64_t i) {
    return (const uint8_t *)tensor_data(t) + i * (dtype_bits(t->dtype) / 8);
}

int64_t tensor_get_i64(const tensor *t, int64_t i) {
    const int d = t->dtype;
    if (d == SARD_F4E2M1) return (int64_t)f4e2m1_to_f32((uint8_t)subbyte_get(tensor_data(t), d, i));
    if (dtype_subbyte(d)) return small_int(d, subbyte_get(tensor_data(t), d, i));
    if (dtype_in(d, DT_INT_SIGNED)) return signed_at(d, element(t, i));
    if (dtype_in(d, DT_INT_UNSIGNED | DT_BOOL)) {
        const uint64_t v = unsigned_at(d, element(t, i));
        return v > INT64_MAX ? INT64_MAX : (int64_t)v;
    }
    return f64_to_i64(wide_f64(d, element(t, i)));
}

double tensor_get_f64(const tensor *t, int64_t i) {
    const int d = t->dtype;
    if (d == SARD_F4E2M1) return f4e2m1_to_f32((uint8_t)subbyte_get(tensor_data(t), d, i));
    if (dtype_subbyte(d)) return (double)small_int(d, subbyte_get(tensor_data(t), d, i));
    if (dtype_in(d, DT_INT_SIGNED)) return (double)signed_at(d, element(t, i));
    if (dtype_in(d, DT_INT_UNSIGNED | DT_BOOL)) return (double)unsigned_at(d, element(t, i));
    return wide_f64(d, element(t, i));
}

/*
 * Rounded to odd: cut towards zero, the last bit set when anything was cut off. Rounding the result again to a format of
 * at least two bits less is the same as rounding v once.
 */
static float to_odd(double v) {
    float f = (float)v;
    if ((double)f == v || v != v) return f;
    uint32_t u = f32_bits(f);
    if ((v < 0 ? -(double)f : (double)f) > (v < 0 ? -v : v)) u--;
    return bits_f32(u | 1);
}

static uint8_t f8_of(int dtype, double v) {
    const float f = to_odd(v);
    switch (dtype) {
    case SARD_F8E4M3FN:
        return f32_to_f8e4m3fn(f, true);
    case SARD_F8E4M3FNUZ:
        return f32_to_f8e4m3fnuz(f, true);
    case SARD_F8E5M2:
        return f32_to_f8e5m2(f, true);
    case SARD_F8E5M2FNUZ:
        return f32_to_f8e5m2fnuz(f, true);
    case SARD_F8E8M0:
        return f32_to_f8e8m0(f, true, E8M0_UP);
    case SARD_F6E2M3:
        return f32_to_f6e2m3(f);
    case SARD_F6E3M2:
        return f32_to_f6e3m2(f);
    default:
        return f32_to_f4e2m1(f);
    }
}

static int64_t clamp(int64_t v, int64_t lo, int64_t hi) { return v < lo ? lo : v > hi ? hi : v; }

static void set_int(int dtype, uint8_t *at, double v) {
    const int bits = dtype_bits(dtype);
    if (dtype_in(dtype, DT_INT_SIGNED)) {
        const int64_t hi = (int64_t)(UINT64_MAX >> (65 - bits)), x = clamp(f64_to_i64(v), -hi - 1, hi);
        memcpy(at, &x, (size_t)bits / 8); /* little endian, as all supported machines are */
    } else {
        const uint64_t hi = UINT64_MAX >> (64 - bits), u = f64_to_u64(v), x = u > hi ? hi : u;
        memcpy(at, &x, (size_t)bits / 8);
    }
}

static void set_float(int dtype, uint8_t *at, double v) {
    if (dtype_in(dtype, DT(SARD_F64) | DT(SARD_C128))) {
        const double x[2] = {v, 0};
        memcpy(at, x, dtype == SARD_F64 ? 8 : 16);
    } else if (dtype_in(dtype, DT(SARD_F32) | DT(SARD_C64))) {
        const float x[2] = {(float)v, 0};
        memcpy(at, x, dtype == SARD_F32 ? 4 : 8);
    } else if (dtype_in(dtype, DT(SARD_F16) | DT(SARD_BF16))) {
        const uint16_t x = dtype == SARD_F16 ? f64_to_f16(v) : f64_to_bf16(v);
        memcpy(at, &x, 2);
    } else {
        *at = f8_of(dtype, v);
    }
}

void tensor_set_f64(tensor *t, int64_t i, double v) {
    const int d = t->dtype;
    if (dtype_subbyte(d)) {
        const int half = 1 << (dtype_bits(d) - 1);
        unsigned code;
        if (d == SARD_F4E2M1)
            code = f8_of(d, v);
        else
            code = (unsigned)(dtype_signed(d) ? clamp(f64_to_i64(v), -half, half - 1)
                                              : clamp(f64_to_i64(v), 0, 2 * half - 1));
        subbyte_set(tensor_data(t), d, i, code);
        return;
    }
    uint8_t *at = (uint8_t *)tensor_data(t) + i * (dtype_bits(d) / 8);
    if (d == SARD_BOOL)
        *at = v != 0;
    else if (dtype_in(d, DT_INT))
        set_int(d, at, v);
    else if (d != SARD_STRING)
        set_float(d, at, v);
}
