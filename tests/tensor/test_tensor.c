/* test_tensor.c -- element types, shapes, layouts, copies and single elements. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/half.h"
#include "base/mem.h"
#include "tensor/tensor.h"

static void test_dtypes(void **state) {
    (void)state;
    size_t bytes;
    assert_int_equal(dtype_bytes(SARD_F32, 3, &bytes), 0);
    assert_int_equal(bytes, 12);
    assert_int_equal(dtype_bytes(SARD_U4, 5, &bytes), 0);
    assert_int_equal(bytes, 3);
    assert_int_equal(dtype_bytes(SARD_I2, 5, &bytes), 0);
    assert_int_equal(bytes, 2);
    assert_int_equal(dtype_bytes(SARD_U4, INT64_MAX, &bytes), 0);
    assert_int_not_equal(dtype_bytes(SARD_F64, INT64_MAX, &bytes), 0);
    assert_int_not_equal(dtype_bytes(SARD_F32, -1, &bytes), 0);
    assert_int_not_equal(dtype_bytes(SARD_UNDEFINED, 1, &bytes), 0);
    assert_int_not_equal(dtype_bytes(SARD_DTYPE_COUNT, 1, &bytes), 0);
    dtype_set seen = 0;
    for (int t = 1; t < SARD_DTYPE_COUNT; t++) {
        assert_true(dtype_valid(t) && dtype_bits(t) > 0 && dtype_in(t, DT_ALL));
        assert_int_equal(dtype_bits(t) < 8, dtype_subbyte(t));
        assert_true(strlen(dtype_short(t)) > 0 && strcmp(sard_dtype_name((sard_dtype)t), "undefined") != 0);
        seen |= DT(t);
    }
    assert_int_equal(seen, DT_ALL);
    assert_string_equal(sard_dtype_name(SARD_F64), "float64");
    assert_string_equal(sard_dtype_onnx_name(SARD_F64), "double");
    assert_string_equal(sard_dtype_onnx_name((sard_dtype)99), "undefined");
    assert_int_equal(sard_dtype_bits(SARD_STRING), 0);
}

static void test_counts(void **state) {
    (void)state;
    assert_int_equal(dims_count(NULL, 0), 1);
    assert_int_equal(dims_count((int64_t[]){2, 3, 4}, 3), 24);
    assert_int_equal(dims_count((int64_t[]){2, 0, 4}, 3), 0);
    assert_int_equal(dims_count((int64_t[]){2, -1}, 2), -1);
    assert_int_equal(dims_count((int64_t[]){0, -1}, 2), -1);
    assert_int_equal(dims_count((int64_t[]){INT64_MAX, 2}, 2), -1);
    assert_int_equal(dims_count((int64_t[]){INT64_MAX, 2, 0}, 3), -1);
}

static void test_broadcast(void **state) {
    (void)state;
    shape a = {3, {2, 1, 4}}, b = {2, {3, 1}}, c = {0, {0}}, out;
    const shape *all[] = {&a, &b, &c};
    sard_error err;
    char text[100];
    assert_int_equal(shape_broadcast(all, 3, &out, &err), SARD_OK);
    assert_string_equal(shape_text(&out, text, sizeof text), "[2,3,4]");
    shape zero = {1, {0}};
    all[1] = &zero;
    a.dim[2] = 1;
    assert_int_equal(shape_broadcast(all, 2, &out, &err), SARD_OK);
    assert_string_equal(shape_text(&out, text, sizeof text), "[2,1,0]");
    a.dim[2] = 5;
    all[1] = &b;
    b.dim[1] = 4;
    assert_int_equal(shape_broadcast(all, 2, &out, &err), SARD_INVALID_ARGUMENT);
    assert_string_equal(err.message, "shapes do not broadcast: axis 2 (of 3) is 5 and 4");
    assert_int_equal(shape_broadcast(all, 0, &out, &err), SARD_OK);
    assert_int_equal(out.rank, 0);
}

static void test_text(void **state) {
    (void)state;
    shape s = {3, {1, -1, 224}};
    char buf[12];
    assert_string_equal(shape_text(&s, buf, sizeof buf), "[1,-1,224]");
    assert_string_equal(shape_text(&s, buf, 8), "[1,-1,2");
    tensor t;
    tensor_view(&t, SARD_F16, &s, NULL, 0);
    assert_string_equal(tensor_text(&t, buf, sizeof buf), "f16[1,-1,22");
    s.rank = 0;
    assert_string_equal(shape_text(&s, buf, sizeof buf), "[]");
}

static void test_new(void **state) {
    (void)state;
    tensor t;
    sard_error err;
    shape s = {2, {3, 5}};
    assert_int_equal(tensor_new(&t, SARD_F32, &s, &err), SARD_OK);
    assert_int_equal((uintptr_t)tensor_data(&t) % 64, 0);
    assert_true(tensor_is_row(&t) && !tensor_is_last(&t));
    assert_int_equal(tensor_bytes(&t), 60);
    buffer_ref(t.buf);
    buffer *b = t.buf;
    tensor_drop(&t);
    assert_null(tensor_data(&t));
    buffer_unref(b);
    buffer_unref(NULL);
    s.dim[0] = -1;
    assert_int_equal(tensor_new(&t, SARD_F32, &s, &err), SARD_INVALID_ARGUMENT);
    s.dim[0] = INT64_MAX / 4;
    assert_int_equal(tensor_new(&t, SARD_F32, &s, &err), SARD_INVALID_ARGUMENT);
    s.rank = 17;
    assert_int_equal(tensor_new(&t, SARD_F32, &s, &err), SARD_UNSUPPORTED);
    s.rank = 1;
    assert_int_equal(tensor_new(&t, SARD_UNDEFINED, &s, &err), SARD_INVALID_ARGUMENT);
    s.dim[0] = 10;
    mem_fail_after(1);
    assert_int_equal(tensor_new(&t, SARD_F32, &s, &err), SARD_OUT_OF_MEMORY);
    mem_fail_after(0);
}

static int released;
static void release(void *owner, void *data, size_t bytes) {
    assert_ptr_equal(owner, &released);
    assert_non_null(data);
    released += (int)bytes;
}

static void test_wrap(void **state) {
    (void)state;
    static float data[4];
    buffer *b = buffer_wrap(data, sizeof data, release, &released);
    buffer_unref(buffer_ref(b));
    assert_int_equal(released, 0);
    buffer_unref(b);
    assert_int_equal(released, 16);
    buffer_unref(buffer_wrap(data, sizeof data, NULL, NULL));
}

/* Every permutation of a box, sliced, against a plain walk over indices; every element size, an odd address. */
static void copy_case(int dtype, const int *perm, int rank, int64_t skip) {
    static unsigned char raw[1 << 16], want[1 << 16], got[1 << 16];
    const int64_t size = dtype_bits(dtype) / 8, base[4] = {3, 2, 4, 5};
    int64_t stride[4];
    tensor_row_strides(base, rank, stride);
    for (size_t i = 0; i < sizeof raw; i++) raw[i] = (unsigned char)(i * 131 + i / 251);
    buffer *b = buffer_wrap(raw + 1, sizeof raw - 1, NULL, NULL);
    tensor t = {.buf = b, .dtype = (uint8_t)dtype, .rank = (uint8_t)rank};
    for (int i = 0; i < rank; i++) {
        t.dim[i] = base[perm[i]];
        t.stride[i] = stride[perm[i]] * skip;
    }
    const int64_t n = tensor_count(&t);
    for (int64_t k = 0; k < n; k++) {
        int64_t rest = k, at = 0;
        for (int i = rank - 1; i >= 0; i--) {
            at += rest % t.dim[i] * t.stride[i];
            rest /= t.dim[i];
        }
        memcpy(want + k * size, raw + 1 + at * size, (size_t)size);
    }
    memset(got, 0xEE, sizeof got);
    tensor_copy_data(got + 1, &t);
    assert_memory_equal(got + 1, want, (size_t)(n * size));
    assert_int_equal(got[0], 0xEE);
    assert_int_equal(got[1 + n * size], 0xEE);
    buffer_unref(b);
}

static void test_copy(void **state) {
    (void)state;
    static const int types[] = {SARD_U8, SARD_F16, SARD_F32, SARD_F64, SARD_C128};
    for (size_t d = 0; d < 5; d++)
        for (int p = 0; p < 256; p++) {
            const int perm[4] = {p & 3, p >> 2 & 3, p >> 4 & 3, p >> 6 & 3};
            if ((1 << perm[0] | 1 << perm[1] | 1 << perm[2] | 1 << perm[3]) != 15) continue;
            for (int64_t skip = 1; skip < 4; skip++) copy_case(types[d], perm, 4, skip);
        }
    copy_case(SARD_F32, (const int[]){0}, 1, 7);
    copy_case(SARD_F32, NULL, 0, 1);
    /* repeated by stride 0, and backwards */
    float line[3] = {1, 2, 3}, out[6];
    buffer *b = buffer_wrap(line, sizeof line, NULL, NULL);
    tensor t = {.buf = b, .offset = 8, .dtype = SARD_F32, .rank = 2, .dim = {2, 3}, .stride = {0, -1}};
    tensor_copy_data(out, &t);
    assert_memory_equal(out, ((float[]){3, 2, 1, 3, 2, 1}), sizeof out);
    buffer_unref(b);
}

static void test_layouts(void **state) {
    (void)state;
    tensor t;
    shape s = {4, {2, 3, 4, 5}};
    tensor_view(&t, SARD_F32, &s, NULL, 0);
    assert_true(tensor_is_row(&t) && !tensor_is_last(&t));
    tensor_last_strides(t.dim, 4, t.stride);
    assert_memory_equal(t.stride, ((int64_t[]){60, 1, 15, 3}), 4 * sizeof(int64_t));
    assert_true(!tensor_is_row(&t) && tensor_is_last(&t));
    t.dim[1] = 1; /* one channel: both at once */
    tensor_last_strides(t.dim, 4, t.stride);
    assert_true(tensor_is_row(&t) && tensor_is_last(&t));
    t.dim[2] = 0;
    t.stride[3] = 77;
    assert_true(tensor_is_row(&t) && tensor_is_last(&t));
}

static void test_strings(void **state) {
    (void)state;
    sard_error err;
    tensor t, c;
    shape s = {2, {2, 2}};
    assert_int_equal(tensor_new(&t, SARD_STRING, &s, &err), SARD_OK);
    str *at = TENSOR_AT(&t, str);
    assert_int_equal(at[3].n, 0);
    char ab[] = "ab";
    at[0] = (str){ab, 2};
    at[1] = str_of("a longer one");
    t.stride[0] = 1;
    t.stride[1] = 2; /* transposed */
    assert_int_equal(tensor_clone(&c, &t, &err), SARD_OK);
    ab[0] = 'x';
    at = TENSOR_AT(&c, str);
    assert_true(str_is(at[0], "ab") && str_is(at[2], "a longer one") && str_is(at[1], "") && tensor_is_row(&c));
    tensor_drop(&c);
    for (long fail = 1; fail <= 2; fail++) {
        mem_fail_after(fail);
        assert_int_equal(tensor_clone(&c, &t, &err), SARD_OUT_OF_MEMORY);
    }
    mem_fail_after(0);
    tensor_drop(&t);
}

/* What is set is read back: the nearest the type can hold. */
static void set_get(int dtype, double v, double want) {
    tensor t;
    shape s = {1, {9}};
    assert_int_equal(tensor_new(&t, (sard_dtype)dtype, &s, NULL), SARD_OK);
    memset(tensor_data(&t), 0, tensor_bytes(&t));
    for (int64_t i = 0; i < 9; i++) {
        tensor_set_f64(&t, i, v);
        const double got = tensor_get_f64(&t, i);
        if (!(got == want || (isnan(got) && isnan(want))))
            fail_msg("%s: %g became %g, wanted %g", dtype_short(dtype), v, got, want);
        if (i < 8) assert_true(tensor_get_f64(&t, i + 1) == (dtype == SARD_F8E8M0 ? 0x1p-127 : 0));
    }
    tensor_drop(&t);
}

static void test_elements(void **state) {
    (void)state;
    static const struct {
        int dtype;
        double lo, hi;
    } ints[] = {{SARD_I8, -128, 127},
                {SARD_U8, 0, 255},
                {SARD_I16, -32768, 32767},
                {SARD_U16, 0, 65535},
                {SARD_I32, INT32_MIN, INT32_MAX},
                {SARD_U32, 0, UINT32_MAX},
                {SARD_I64, -0x1p63, 0x1p63},
                {SARD_U64, 0, 0x1p64},
                {SARD_I4, -8, 7},
                {SARD_U4, 0, 15},
                {SARD_I2, -2, 1},
                {SARD_U2, 0, 3}};
    for (size_t k = 0; k < sizeof ints / sizeof ints[0]; k++) {
        set_get(ints[k].dtype, 1.9, 1);
        set_get(ints[k].dtype, -1.9, ints[k].lo < 0 ? -1 : 0);
        set_get(ints[k].dtype, 1e30, ints[k].hi);
        set_get(ints[k].dtype, -1e30, ints[k].lo);
        set_get(ints[k].dtype, NAN, 0);
    }
    set_get(SARD_BOOL, 0.5, 1);
    set_get(SARD_F32, 0.1, 0.1f);
    set_get(SARD_F64, 0.1, 0.1);
    set_get(SARD_C64, 0.1, 0.1f);
    set_get(SARD_C128, 0.1, 0.1);
    set_get(SARD_F16, 1e30, INFINITY);
    set_get(SARD_BF16, 1 + 0x1p-8 + 0x1p-40, 1 + 0x1p-7); /* through float this would be a tie */
    set_get(SARD_F8E4M3FN, 1e30, 448);
    set_get(SARD_F8E4M3FN, 1 + 0x1p-4 + 0x1p-40, 1.125);
    set_get(SARD_F8E4M3FN, -1 - 0x1p-4 - 0x1p-40, -1.125);
    set_get(SARD_F8E4M3FN, 1 + 0x1p-4, 1);
    set_get(SARD_F8E4M3FNUZ, NAN, NAN);
    set_get(SARD_F8E5M2, -1e300, -57344);
    set_get(SARD_F8E5M2FNUZ, 3, 3);
    set_get(SARD_F8E8M0, 3, 4);
    set_get(SARD_F4E2M1, -100, -6);
    set_get(SARD_F6E2M3, 7.5, 7.5);
    set_get(SARD_F6E3M2, 28, 28);
}

static void test_get_i64(void **state) {
    (void)state;
    int64_t big[2] = {INT64_MIN + 1, INT64_MAX - 1};
    buffer *b = buffer_wrap(big, sizeof big, NULL, NULL);
    tensor t;
    shape s = {1, {2}};
    tensor_view(&t, SARD_I64, &s, b, 0);
    assert_int_equal(tensor_get_i64(&t, 0), INT64_MIN + 1); /* not through double */
    assert_int_equal(tensor_get_i64(&t, 1), INT64_MAX - 1);
    t.dtype = SARD_U64;
    assert_int_equal(tensor_get_i64(&t, 0), INT64_MAX);
    t.dtype = SARD_F64;
    double d[2] = {-2.9, NAN};
    memcpy(big, d, sizeof d);
    assert_int_equal(tensor_get_i64(&t, 0), -2);
    assert_int_equal(tensor_get_i64(&t, 1), 0);
    buffer_unref(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dtypes),   cmocka_unit_test(test_counts),  cmocka_unit_test(test_broadcast),
        cmocka_unit_test(test_text),     cmocka_unit_test(test_new),     cmocka_unit_test(test_wrap),
        cmocka_unit_test(test_copy),     cmocka_unit_test(test_layouts), cmocka_unit_test(test_strings),
        cmocka_unit_test(test_elements), cmocka_unit_test(test_get_i64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
