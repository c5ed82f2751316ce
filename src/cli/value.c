/*
 * value.c -- elements of any type as numbers and as text, types and values in words.
 *
 * Small float formats are decoded from their parts: sign, exponent bits, mantissa bits, bias.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* ---- small floats ---------------------------------------------------------------------------------------------------- */

enum { SPECIAL_IEEE, SPECIAL_FN, SPECIAL_FNUZ, SPECIAL_NONE };
typedef struct small_float {
    int dtype, exponent, mantissa, bias, special;
} small_float;
static const small_float formats[] = {
    {SARD_F16, 5, 10, 15, SPECIAL_IEEE},   {SARD_BF16, 8, 7, 127, SPECIAL_IEEE},
    {SARD_F8E4M3FN, 4, 3, 7, SPECIAL_FN},  {SARD_F8E4M3FNUZ, 4, 3, 8, SPECIAL_FNUZ},
    {SARD_F8E5M2, 5, 2, 15, SPECIAL_IEEE}, {SARD_F8E5M2FNUZ, 5, 2, 16, SPECIAL_FNUZ},
    {SARD_F4E2M1, 2, 1, 1, SPECIAL_NONE},  {SARD_F6E2M3, 2, 3, 1, SPECIAL_NONE},
    {SARD_F6E3M2, 3, 2, 3, SPECIAL_NONE},
};

static const small_float *small_format(int dtype) {
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (formats[i].dtype == dtype) return &formats[i];
    return NULL;
}

static double decode_small(const small_float *f, unsigned bits) {
    const unsigned m = bits & ((1u << f->mantissa) - 1), top = (1u << f->exponent) - 1;
    const unsigned e = bits >> f->mantissa & top;
    const double sign = bits >> (f->mantissa + f->exponent) & 1 ? -1 : 1;
    if (f->special == SPECIAL_IEEE && e == top) return m ? NAN : sign * INFINITY;
    if (f->special == SPECIAL_FN && e == top && m == (1u << f->mantissa) - 1) return NAN;
    if (f->special == SPECIAL_FNUZ && sign < 0 && e == 0 && m == 0) return NAN;
    const double scale = ldexp(1, -f->mantissa);
    return sign * (e ? ldexp(1 + m * scale, (int)e - f->bias) : ldexp(m * scale, 1 - f->bias));
}

/* The nearest value of the format, ties to the even code: formats are small, so codes are searched by halves. */
static unsigned encode_small(const small_float *f, double x) {
    const unsigned sign_at = (unsigned)(f->mantissa + f->exponent);
    if (isnan(x)) return f->special == SPECIAL_FNUZ ? 1u << sign_at : (1u << sign_at) - 1;
    const unsigned sign = signbit(x) ? 1u << sign_at : 0;
    unsigned lo = 0, hi = (1u << sign_at) - 1;
    while (hi && isnan(decode_small(f, hi))) hi--;
    const double a = fabs(x);
    if (a >= decode_small(f, hi)) return sign | hi;
    while (hi - lo > 1) { /* positive codes grow with their value */
        const unsigned mid = (lo + hi) / 2;
        if (decode_small(f, mid) <= a)
            lo = mid;
        else
            hi = mid;
    }
    const double below = a - decode_small(f, lo), above = decode_small(f, hi) - a;
    const unsigned code = below < above || (below == above && lo % 2 == 0) ? lo : hi;
    return code == 0 && f->special == SPECIAL_FNUZ ? 0 : sign | code;
}

/* ---- elements --------------------------------------------------------------------------------------------------------- */

/* The bits of element i of a type of at most 8 bits. */
static unsigned get_bits(const uint8_t *p, int bits, int64_t i) {
    if (bits == 8) return p[i];
    if (bits == 6) {
        unsigned v = 0;
        for (int b = 0; b < 6; b++) v |= (unsigned)(p[(i * 6 + b) / 8] >> ((i * 6 + b) % 8) & 1) << b;
        return v;
    }
    const int per = 8 / bits;
    return p[i / per] >> (i % per * bits) & ((1u << bits) - 1);
}

static void put_bits(uint8_t *p, int bits, int64_t i, unsigned v) {
    for (int b = 0; b < bits; b++) {
        const int64_t at = i * bits + b;
        p[at / 8] = (uint8_t)((p[at / 8] & ~(1u << at % 8)) | (v >> b & 1) << at % 8);
    }
}

#define READ(type)                                                                                                     \
    do {                                                                                                               \
        type v_;                                                                                                       \
        memcpy(&v_, (const char *)p + (size_t)i * sizeof v_, sizeof v_);                                               \
        return (double)v_;                                                                                             \
    } while (0)

double element(const sard_value *v, int64_t i) {
    const void *p = sard_tensor_data(v);
    const sard_dtype t = sard_tensor_dtype(v);
    const int bits = sard_dtype_bits(t);
    const small_float *f = small_format(t);
    if (!p) return 0;
    switch (t) {
    case SARD_F32:
        READ(float);
    case SARD_F64:
        READ(double);
    case SARD_I8:
        READ(int8_t);
    case SARD_I16:
        READ(int16_t);
    case SARD_I32:
        READ(int32_t);
    case SARD_I64:
        READ(int64_t);
    case SARD_BOOL:
    case SARD_U8:
        READ(uint8_t);
    case SARD_U16:
        READ(uint16_t);
    case SARD_U32:
        READ(uint32_t);
    case SARD_U64:
        READ(uint64_t);
    case SARD_U4:
    case SARD_U2:
        return get_bits(p, bits, i);
    case SARD_I4:
    case SARD_I2: {
        const int u = (int)get_bits(p, bits, i);
        return u >= 1 << (bits - 1) ? u - (1 << bits) : u;
    }
    case SARD_F8E8M0: {
        const unsigned u = get_bits(p, 8, i);
        return u == 255 ? NAN : ldexp(1, (int)u - 127);
    }
    default:
        break;
    }
    if (!f) return 0;
    if (bits == 16) {
        uint16_t u;
        memcpy(&u, (const char *)p + (size_t)i * 2, 2);
        return decode_small(f, u);
    }
    return decode_small(f, get_bits(p, bits, i));
}

#define WRITE(type, value)                                                                                             \
    do {                                                                                                               \
        const type v_ = (type)(value);                                                                                 \
        memcpy((char *)p + (size_t)i * sizeof v_, &v_, sizeof v_);                                                     \
        return;                                                                                                        \
    } while (0)
#define WRITE_INT(type, low, high) WRITE(type, isnan(x) ? 0 : x <= (low) ? (low) : x >= (high) ? (high) : x)

void set_element(sard_value *v, int64_t i, double x) {
    void *p = sard_tensor_data_mut(v);
    const sard_dtype t = sard_tensor_dtype(v);
    const int bits = sard_dtype_bits(t);
    const small_float *f = small_format(t);
    if (!p) return;
    switch (t) {
    case SARD_F32:
        WRITE(float, x);
    case SARD_F64:
        WRITE(double, x);
    case SARD_BOOL:
        WRITE(uint8_t, x != 0);
    case SARD_I8:
        WRITE_INT(int8_t, INT8_MIN, INT8_MAX);
    case SARD_I16:
        WRITE_INT(int16_t, INT16_MIN, INT16_MAX);
    case SARD_I32:
        WRITE_INT(int32_t, INT32_MIN, INT32_MAX);
    case SARD_I64:
        if (x >= 9223372036854775807.0) WRITE(int64_t, INT64_MAX);
        WRITE(int64_t, x <= -9223372036854775808.0 ? INT64_MIN : isnan(x) ? 0 : (int64_t)x);
    case SARD_U8:
        WRITE_INT(uint8_t, 0, UINT8_MAX);
    case SARD_U16:
        WRITE_INT(uint16_t, 0, UINT16_MAX);
    case SARD_U32:
        WRITE_INT(uint32_t, 0, UINT32_MAX);
    case SARD_U64:
        if (x >= 18446744073709551615.0) WRITE(uint64_t, UINT64_MAX);
        WRITE(uint64_t, x > 0 ? x : 0);
    case SARD_U4:
    case SARD_U2:
    case SARD_I4:
    case SARD_I2:
        put_bits(p, bits, i, (unsigned)(isnan(x) ? 0 : (int)x));
        return;
    case SARD_F8E8M0:
        put_bits(p, 8, i, x > 0 ? (unsigned)(ilogb(x) + 127) & 255 : 0);
        return;
    case SARD_C64: {
        const float c[2] = {(float)x, 0};
        memcpy((char *)p + (size_t)i * 8, c, 8);
        return;
    }
    case SARD_C128: {
        const double c[2] = {x, 0};
        memcpy((char *)p + (size_t)i * 16, c, 16);
        return;
    }
    default:
        break;
    }
    if (!f) return;
    const unsigned code = encode_small(f, x);
    if (bits == 16) WRITE(uint16_t, code);
    put_bits(p, bits, i, code);
}

const char *element_text(const sard_value *v, int64_t i, char *buf, size_t n) {
    const void *p = sard_tensor_data(v);
    switch (sard_tensor_dtype(v)) {
    case SARD_STRING: {
        size_t len;
        const char *s = sard_tensor_string(v, i, &len);
        snprintf(buf, n, "\"%.*s\"", (int)(len < 60 ? len : 60), s);
        return buf;
    }
    case SARD_BOOL:
        snprintf(buf, n, "%s", element(v, i) != 0 ? "true" : "false");
        return buf;
    case SARD_I64: {
        int64_t x;
        memcpy(&x, (const char *)p + i * 8, 8);
        snprintf(buf, n, "%" PRId64, x);
        return buf;
    }
    case SARD_U64: {
        uint64_t x;
        memcpy(&x, (const char *)p + i * 8, 8);
        snprintf(buf, n, "%" PRIu64, x);
        return buf;
    }
    case SARD_F64:
        snprintf(buf, n, "%.10g", element(v, i));
        return buf;
    case SARD_C64:
    case SARD_C128: {
        double re, im;
        float f[2];
        if (sard_tensor_dtype(v) == SARD_C64) {
            memcpy(f, (const char *)p + i * 8, 8);
            re = (double)f[0], im = (double)f[1];
        } else {
            memcpy(&re, (const char *)p + i * 16, 8);
            memcpy(&im, (const char *)p + i * 16 + 8, 8);
        }
        snprintf(buf, n, "%g%+gi", re, im);
        return buf;
    }
    default:
        snprintf(buf, n, "%.7g", element(v, i));
        return buf;
    }
}

/* ---- in words --------------------------------------------------------------------------------------------------------- */

const char *type_words(const sard_type *t, char *buf, size_t n) {
    const sard_kind k = sard_type_kind(t);
    if (k != SARD_KIND_TENSOR && k != SARD_KIND_SPARSE_TENSOR) {
        sard_type_text(t, buf, n);
        return buf;
    }
    const int rank = sard_type_rank(t);
    int at = snprintf(buf, n, "%s%s%s", k == SARD_KIND_TENSOR ? "" : "sparse ", sard_dtype_name(sard_type_dtype(t)),
                      rank < 0 ? " of any rank" : "[");
    for (int i = 0; i < rank && at > 0 && (size_t)at < n; i++) {
        const int64_t d = sard_type_dim(t, i);
        const char *name = sard_type_dim_name(t, i);
        if (d >= 0)
            at += snprintf(buf + at, n - (size_t)at, "%s%" PRId64, i ? "," : "", d);
        else
            at += snprintf(buf + at, n - (size_t)at, "%s%s", i ? "," : "", *name ? name : "?");
    }
    if (rank >= 0 && at > 0 && (size_t)at < n) snprintf(buf + at, n - (size_t)at, "]");
    return buf;
}

const char *value_words(const sard_value *v, char *buf, size_t n) {
    switch (sard_value_kind(v)) {
    case SARD_KIND_TENSOR: {
        int at = snprintf(buf, n, "%s[", sard_dtype_name(sard_tensor_dtype(v)));
        for (int i = 0; i < sard_tensor_rank(v) && at > 0 && (size_t)at < n; i++)
            at += snprintf(buf + at, n - (size_t)at, "%s%" PRId64, i ? "," : "", sard_tensor_dims(v)[i]);
        if (at > 0 && (size_t)at < n) snprintf(buf + at, n - (size_t)at, "]");
        break;
    }
    case SARD_KIND_SEQUENCE:
        snprintf(buf, n, "sequence of %zu", sard_sequence_length(v));
        break;
    case SARD_KIND_MAP:
        snprintf(buf, n, "map of %" PRId64, sard_tensor_count(sard_map_keys(v)));
        break;
    case SARD_KIND_OPTIONAL:
        snprintf(buf, n, sard_optional_get(v) ? "optional" : "optional, empty");
        break;
    case SARD_KIND_SPARSE_TENSOR:
        snprintf(buf, n, "sparse tensor");
        break;
    default:
        snprintf(buf, n, "nothing");
    }
    return buf;
}
