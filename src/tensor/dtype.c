/*
 * dtype.c -- element types: one row each.
 *
 * Sub-byte types are packed in memory as in ONNX files; a float6 takes a byte of its own (in files four of them take
 * three bytes), so that it can be strided.
 */
#include "tensor/dtype.h"

static const struct {
    char name[11];
    uint8_t bits;
    bool is_signed;
} rows[SARD_DTYPE_COUNT] = {
    [SARD_F32] = {"f32", 32, true},
    [SARD_U8] = {"u8", 8, false},
    [SARD_I8] = {"i8", 8, true},
    [SARD_U16] = {"u16", 16, false},
    [SARD_I16] = {"i16", 16, true},
    [SARD_I32] = {"i32", 32, true},
    [SARD_I64] = {"i64", 64, true},
    [SARD_STRING] = {"str", 128, false},
    [SARD_BOOL] = {"bool", 8, false},
    [SARD_F16] = {"f16", 16, true},
    [SARD_F64] = {"f64", 64, true},
    [SARD_U32] = {"u32", 32, false},
    [SARD_U64] = {"u64", 64, false},
    [SARD_C64] = {"c64", 64, true},
    [SARD_C128] = {"c128", 128, true},
    [SARD_BF16] = {"bf16", 16, true},
    [SARD_F8E4M3FN] = {"f8e4m3fn", 8, true},
    [SARD_F8E4M3FNUZ] = {"f8e4m3fnuz", 8, true},
    [SARD_F8E5M2] = {"f8e5m2", 8, true},
    [SARD_F8E5M2FNUZ] = {"f8e5m2fnuz", 8, true},
    [SARD_U4] = {"u4", 4, false},
    [SARD_I4] = {"i4", 4, true},
    [SARD_F4E2M1] = {"f4e2m1", 4, true},
    [SARD_F8E8M0] = {"f8e8m0", 8, false},
    [SARD_U2] = {"u2", 2, false},
    [SARD_I2] = {"i2", 2, true},
    [SARD_F6E2M3] = {"f6e2m3", 8, true},
    [SARD_F6E3M2] = {"f6e3m2", 8, true},
};

bool dtype_valid(int t) { return t > SARD_UNDEFINED && t < SARD_DTYPE_COUNT; }
int dtype_bits(int t) { return dtype_valid(t) ? rows[t].bits : 0; }

bool dtype_odd_address(int t, const void *p) {
    const int bytes = dtype_bits(t) / 8, unit = bytes > 8 ? 8 : bytes;
    return unit > 1 && (uintptr_t)p % (unsigned)unit != 0;
}
bool dtype_signed(int t) { return dtype_valid(t) && rows[t].is_signed; }
const char *dtype_short(int t) { return dtype_valid(t) ? rows[t].name : "?"; }

int dtype_bytes(int t, int64_t count, size_t *bytes) {
    size_t n = (size_t)count, bits = (size_t)dtype_bits(t);
    if (count < 0 || bits == 0) return -1;
    if (bits < 8) {
        size_t each = 8 / bits; /* elements of a byte */
        *bytes = n / each + (n % each != 0);
        return 0;
    }
    return mul_size(n, bits / 8, bytes);
}

/* ---- public names: numpy's spelling, and that of tensor(float) ---- */

static const struct {
    char numpy[15], onnx[15];
} names[SARD_DTYPE_COUNT] = {
    [SARD_UNDEFINED] = {"undefined", "undefined"},
    [SARD_F32] = {"float32", "float"},
    [SARD_U8] = {"uint8", "uint8"},
    [SARD_I8] = {"int8", "int8"},
    [SARD_U16] = {"uint16", "uint16"},
    [SARD_I16] = {"int16", "int16"},
    [SARD_I32] = {"int32", "int32"},
    [SARD_I64] = {"int64", "int64"},
    [SARD_STRING] = {"string", "string"},
    [SARD_BOOL] = {"bool", "bool"},
    [SARD_F16] = {"float16", "float16"},
    [SARD_F64] = {"float64", "double"},
    [SARD_U32] = {"uint32", "uint32"},
    [SARD_U64] = {"uint64", "uint64"},
    [SARD_C64] = {"complex64", "complex64"},
    [SARD_C128] = {"complex128", "complex128"},
    [SARD_BF16] = {"bfloat16", "bfloat16"},
    [SARD_F8E4M3FN] = {"float8e4m3fn", "float8e4m3fn"},
    [SARD_F8E4M3FNUZ] = {"float8e4m3fnuz", "float8e4m3fnuz"},
    [SARD_F8E5M2] = {"float8e5m2", "float8e5m2"},
    [SARD_F8E5M2FNUZ] = {"float8e5m2fnuz", "float8e5m2fnuz"},
    [SARD_U4] = {"uint4", "uint4"},
    [SARD_I4] = {"int4", "int4"},
    [SARD_F4E2M1] = {"float4e2m1", "float4e2m1"},
    [SARD_F8E8M0] = {"float8e8m0", "float8e8m0"},
    [SARD_U2] = {"uint2", "uint2"},
    [SARD_I2] = {"int2", "int2"},
    [SARD_F6E2M3] = {"float6e2m3", "float6e2m3"},
    [SARD_F6E3M2] = {"float6e3m2", "float6e3m2"},
};

const char *sard_dtype_name(sard_dtype t) { return names[dtype_valid((int)t) ? t : SARD_UNDEFINED].numpy; }
const char *sard_dtype_onnx_name(sard_dtype t) { return names[dtype_valid((int)t) ? t : SARD_UNDEFINED].onnx; }
int sard_dtype_bits(sard_dtype t) { return t == SARD_STRING ? 0 : dtype_bits((int)t); }
