/*
 * order_key.h -- elements as unsigned numbers that order as the elements do: for TopK and Unique.
 *
 * Both zeros have one key, and all NaNs the largest one.
 */
#ifndef SARD_OPS_ORDER_KEY_H
#define SARD_OPS_ORDER_KEY_H

#include "base/half.h"
#include "ops/index.h"

static inline uint64_t key_f64(double d) {
    uint64_t u;
    if (d != d) return UINT64_MAX;
    d += 0; /* -0 becomes +0 */
    memcpy(&u, &d, sizeof u);
    return u >> 63 ? ~u : u | (uint64_t)1 << 63;
}

static inline uint64_t key_i64(int64_t v) { return (uint64_t)v ^ (uint64_t)1 << 63; }

/* Element i at base; numbers and bool. */
static inline uint64_t order_key(int dtype, const void *base, int64_t i) {
    switch (dtype) {
    case SARD_F32:
        return key_f64((double)((const float *)base)[i]);
    case SARD_F64:
        return key_f64(((const double *)base)[i]);
    case SARD_F16:
        return key_f64((double)f16_to_f32(((const uint16_t *)base)[i]));
    case SARD_BF16:
        return key_f64((double)bf16_to_f32(((const uint16_t *)base)[i]));
    case SARD_I8:
        return key_i64(((const int8_t *)base)[i]);
    case SARD_I16:
        return key_i64(((const int16_t *)base)[i]);
    case SARD_I32:
        return key_i64(((const int32_t *)base)[i]);
    case SARD_I64:
        return key_i64(((const int64_t *)base)[i]);
    case SARD_U16:
        return ((const uint16_t *)base)[i];
    case SARD_U32:
        return ((const uint32_t *)base)[i];
    case SARD_U64:
        return ((const uint64_t *)base)[i];
    default: /* uint8, bool */
        return ((const uint8_t *)base)[i];
    }
}

#endif
