/* test_values.c -- values from outside: making, reading, refusing, and their protobuf form there and back. */
#include "api_test.h"

static void test_tensors(void **state) {
    (void)state;
    sard_error err;
    sard_value *v = NULL;
    OK(sard_tensor_new(SARD_I32, 2, DIMS(2, 3), &v, &err));
    assert_int_equal(sard_value_kind(v), SARD_KIND_TENSOR);
    assert_int_equal(sard_tensor_dtype(v), SARD_I32);
    assert_int_equal(sard_tensor_rank(v), 2);
    assert_int_equal(sard_tensor_dims(v)[1], 3);
    assert_int_equal(sard_tensor_count(v), 6);
    assert_int_equal(sard_tensor_bytes(v), 24);
    for (int i = 0; i < 6; i++) assert_int_equal(((const int32_t *)sard_tensor_data(v))[i], 0);
    sard_value_unref(sard_value_ref(v));
    sard_value_unref(v);
    OK(sard_tensor_new(SARD_I4, 1, DIMS(3), &v, &err)); /* packed: two bytes */
    assert_int_equal(sard_tensor_bytes(v), 2);
    sard_value_unref(v);
    OK(sard_tensor_new(SARD_F32, 0, NULL, &v, &err));
    assert_int_equal(sard_tensor_count(v), 1);
    sard_value_unref(v);
    OK(sard_tensor_new(SARD_F32, 2, DIMS(0, 7), &v, &err));
    assert_int_equal(sard_tensor_bytes(v), 0);
    sard_value_unref(v);

    FAILS(SARD_INVALID_ARGUMENT, "negative", sard_tensor_new(SARD_F32, 1, DIMS(-1), &v, &err));
    FAILS(SARD_INVALID_ARGUMENT, "too large", sard_tensor_new(SARD_F32, 2, DIMS(INT64_MAX, 8), &v, &err));
    FAILS(SARD_INVALID_ARGUMENT, "element type", sard_tensor_new((sard_dtype)77, 1, DIMS(1), &v, &err));
    FAILS(SARD_INVALID_ARGUMENT, "sard_tensor_strings", sard_tensor_new(SARD_STRING, 1, DIMS(1), &v, &err));
    FAILS(SARD_INVALID_ARGUMENT, "rank", sard_tensor_new(SARD_F32, 99, DIMS(1), &v, &err));
}

static int released;
static void release(void *owner, void *data, size_t bytes) {
    assert_ptr_equal(owner, &released);
    assert_non_null(data);
    assert_int_equal(bytes, 8);
    released++;
}

static void test_wrap_and_strings(void **state) {
    (void)state;
    sard_error err;
    sard_value *v = NULL;
    char room[9];
    memcpy(room + 1, FLOATS(1, 2), 8); /* any alignment */
    OK(sard_tensor_wrap(SARD_F32, 1, DIMS(2), room + 1, 8, release, &released, &v, &err));
    assert_ptr_equal(sard_tensor_data(v), room + 1);
    sard_value_unref(v);
    assert_int_equal(released, 1);
    FAILS(SARD_INVALID_ARGUMENT, "needs 8 bytes, 4 were given",
          sard_tensor_wrap(SARD_F32, 1, DIMS(2), room, 4, release, &released, &v, &err));
    assert_int_equal(released, 1);

    size_t n;
    OK(sard_tensor_strings(1, DIMS(3), NAMES("ab", "", "c\0d"), (const size_t[]){2, 0, 3}, &v, &err));
    assert_memory_equal(sard_tensor_string(v, 2, &n), "c\0d", 3);
    assert_int_equal(n, 3);
    sard_tensor_string(v, 1, &n);
    assert_int_equal(n, 0);
    assert_null(sard_tensor_string(v, 3, &n));
    assert_null(sard_tensor_data(v));
    sard_value_unref(v);
}

static void test_containers(void **state) {
    (void)state;
    sard_error err;
    sard_value *a = floats(1, DIMS(2), FLOATS(1, 2)), *b = floats(1, DIMS(1), FLOATS(3)), *keys = NULL, *v = NULL;
    OK(sard_sequence_new((sard_value *const[]){a, b}, 2, &v, &err));
    assert_int_equal(sard_sequence_length(v), 2);
    assert_ptr_equal(sard_sequence_item(v, 1), b);
    assert_null(sard_sequence_item(v, 2));
    sard_value_unref(v);
    OK(sard_sequence_empty(SARD_I64, &v, &err));
    assert_int_equal(sard_sequence_length(v), 0);
    sard_value_unref(v);
    OK(sard_tensor_strings(1, DIMS(2), NAMES("x", "y"), NULL, &keys, &err));
    OK(sard_map_new(keys, a, &v, &err));
    assert_ptr_equal(sard_map_keys(v), keys);
    assert_ptr_equal(sard_map_values(v), a);
    sard_value_unref(v);
    FAILS(SARD_INVALID_ARGUMENT, "2 keys was given 1 values", sard_map_new(keys, b, &v, &err));
    FAILS(SARD_INVALID_ARGUMENT, "keys", sard_map_new(a, a, &v, &err));
    FAILS(SARD_INVALID_ARGUMENT, "item 1", sard_sequence_new((sard_value *const[]){a, keys}, 2, &v, &err));
    OK(sard_optional_new(a, SARD_UNDEFINED, &v, &err));
    assert_ptr_equal(sard_optional_get(v), a);
    sard_value_unref(v);
    OK(sard_optional_new(NULL, SARD_F32, &v, &err));
    assert_null(sard_optional_get(v));
    sard_value_unref(v);
    sard_value *index = NULL;
    OK(sard_tensor_new(SARD_I64, 1, DIMS(2), &index, &err));
    memcpy(sard_tensor_data_mut(index), DIMS(1, 5), 16);
    OK(sard_sparse_new(2, DIMS(2, 3), a, index, &v, &err));
    int rank;
    assert_int_equal(sard_sparse_dims(v, &rank)[1], 3);
    assert_int_equal(rank, 2);
    sard_value_unref(v);
    FAILS(SARD_INVALID_ARGUMENT, "outside", sard_sparse_new(1, DIMS(4), a, index, &v, &err));
    sard_value_unref(index);
    sard_value_unref(keys);
    sard_value_unref(a);
    sard_value_unref(b);
}

/* There and back; the copy is given back. */
static sard_value *again(const sard_value *v) {
    sard_error err;
    void *data;
    size_t n;
    sard_value *r = NULL;
    OK(sard_value_serialize(v, "value", &data, &n, &err));
    OK(sard_value_parse(sard_value_kind(v), data, n, &r, &err));
    assert_int_equal(sard_value_kind(r), sard_value_kind(v));
    for (size_t cut = 0; cut < n; cut++) { /* a shorter file: a value or an error, never more */
        sard_value *part = NULL;
        if (sard_value_parse(sard_value_kind(v), data, cut, &part, NULL) == SARD_OK) sard_value_unref(part);
    }
    sard_free(data);
    return r;
}

static void assert_same(const sard_value *a, const sard_value *b) {
    assert_int_equal(sard_tensor_dtype(a), sard_tensor_dtype(b));
    assert_int_equal(sard_tensor_rank(a), sard_tensor_rank(b));
    for (int i = 0; i < sard_tensor_rank(a); i++) assert_int_equal(sard_tensor_dims(a)[i], sard_tensor_dims(b)[i]);
    if (sard_tensor_bytes(a)) assert_memory_equal(sard_tensor_data(a), sard_tensor_data(b), sard_tensor_bytes(a));
}

/* A sparse tensor of strings holds what it was given. */
static void test_sparse_strings(void **state) {
    (void)state;
    sard_error err;
    sard_value *texts = NULL, *index = NULL, *v = NULL;
    int rank;
    size_t n;
    OK(sard_tensor_strings(1, DIMS(2), NAMES("x", "long"), NULL, &texts, &err));
    OK(sard_tensor_new(SARD_I64, 1, DIMS(2), &index, &err));
    memcpy(sard_tensor_data_mut(index), DIMS(1, 5), 16);
    FAILS(SARD_INVALID_ARGUMENT, "outside", sard_sparse_new(2, DIMS(2, 2), texts, index, &v, &err));
    OK(sard_sparse_new(2, DIMS(2, 3), texts, index, &v, &err));
    sard_value_unref(texts);
    sard_value_unref(index);
    assert_int_equal(sard_sparse_dims(v, &rank)[1], 3);
    assert_memory_equal(sard_tensor_string(sard_sparse_values(v), 1, &n), "long", 4);
    assert_int_equal(n, 4);
    assert_memory_equal(sard_tensor_data(sard_sparse_indices(v)), DIMS(1, 5), 16);
    sard_value_unref(v);
}

static void test_protobuf(void **state) {
    (void)state;
    sard_error err;
    for (int t = 1; t < SARD_DTYPE_COUNT; t++) {
        if (t == SARD_STRING) continue;
        sard_value *v = NULL;
        OK(sard_tensor_new((sard_dtype)t, 2, DIMS(2, 4), &v, &err));
        for (size_t i = 0; i < sard_tensor_bytes(v); i++)
            ((uint8_t *)sard_tensor_data_mut(v))[i] = (uint8_t)(t == SARD_BOOL ? i & 1 : i * 5 % 64);
        sard_value *r = again(v);
        assert_same(v, r);
        sard_value_unref(v);
        sard_value_unref(r);
    }
    sard_value *s = NULL, *keys = NULL, *m = NULL, *seq = NULL, *opt = NULL, *f = floats(1, DIMS(2), FLOATS(1, 2));
    OK(sard_tensor_strings(1, DIMS(2), NAMES("one", "two"), NULL, &s, &err));
    OK(sard_map_new(s, f, &m, &err));
    sard_value *m2 = again(m);
    assert_same(sard_map_values(m2), f);
    size_t n;
    assert_memory_equal(sard_tensor_string(sard_map_keys(m2), 1, &n), "two", 3);
    OK(sard_sequence_new((sard_value *const[]){m, m2}, 2, &seq, &err));
    sard_value *seq2 = again(seq);
    assert_int_equal(sard_sequence_length(seq2), 2);
    assert_same(sard_map_values(sard_sequence_item(seq2, 1)), f);
    OK(sard_optional_new(f, SARD_UNDEFINED, &opt, &err));
    sard_value *opt2 = again(opt);
    assert_same(sard_optional_get(opt2), f);
    sard_value *all[] = {s, keys, m, m2, seq, seq2, opt, opt2, f};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) sard_value_unref(all[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_tensors), cmocka_unit_test(test_wrap_and_strings),
                                       cmocka_unit_test(test_containers), cmocka_unit_test(test_sparse_strings),
                                       cmocka_unit_test(test_protobuf)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
