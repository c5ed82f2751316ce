/*
 * api_test.h -- what the tests of the public API share.
 */
#ifndef TESTS_API_API_TEST_H
#define TESTS_API_API_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sard/sard.h"

#define OK(call)                                                                                                       \
    do {                                                                                                               \
        memset(&err, 0, sizeof err);                                                                                   \
        if ((call) != SARD_OK) fail_msg("%s: %s", #call, err.message);                                                 \
    } while (0)
/* The call fails with this status and a message that holds the text. */
#define FAILS(status, text, call)                                                                                      \
    do {                                                                                                               \
        memset(&err, 0, sizeof err);                                                                                   \
        assert_int_equal(call, status);                                                                                \
        assert_int_equal(err.code, status);                                                                            \
        if (!strstr(err.message, text)) fail_msg("'%s' does not hold '%s'", err.message, text);                        \
    } while (0)

static inline sard_value *floats(int rank, const int64_t *dims, const float *data) {
    sard_error err = {0};
    sard_value *v = NULL;
    OK(sard_tensor_new(SARD_F32, rank, dims, &v, &err));
    if (data) memcpy(sard_tensor_data_mut(v), data, sard_tensor_bytes(v));
    return v;
}
#define DIMS(...)                                                                                                      \
    (const int64_t[]) { __VA_ARGS__ }
#define FLOATS(...)                                                                                                    \
    (const float[]) { __VA_ARGS__ }
#define NAMES(...)                                                                                                     \
    (const char *const[]) { __VA_ARGS__ }

/* y[N,3] = Relu(m + b), m = x[N,4] * w, w = 0.0 .. 1.1, b = (1, -5, 2); "m" and "a" lie inside. */
static inline sard_status build_mlp(sard_builder **b, sard_error *err) {
    sard_value *w = NULL, *bias = NULL;
    sard_status st = sard_builder_new("mlp", b, err);
    if (st != SARD_OK) return st;
    st = sard_tensor_new(SARD_F32, 2, DIMS(4, 3), &w, err);
    if (st == SARD_OK) st = sard_tensor_new(SARD_F32, 1, DIMS(3), &bias, err);
    if (st == SARD_OK) {
        for (int i = 0; i < 12; i++) ((float *)sard_tensor_data_mut(w))[i] = (float)i / 10;
        memcpy(sard_tensor_data_mut(bias), FLOATS(1, -5, 2), 12);
        sard_builder_opset(*b, "", 17, NULL);
        sard_builder_input(*b, "x", SARD_F32, 2, DIMS(-1, 4), NAMES("N", NULL), NULL);
        sard_builder_initializer(*b, "w", w, NULL);
        sard_builder_initializer(*b, "b", bias, NULL);
        sard_builder_node(*b, "", "MatMul", "mm", NAMES("x", "w"), 2, NAMES("m"), 1, NULL);
        sard_builder_node(*b, "", "Add", "add", NAMES("m", "b"), 2, NAMES("a"), 1, NULL);
        sard_builder_node(*b, "", "Relu", "relu", NAMES("a"), 1, NAMES("y"), 1, NULL);
        sard_builder_metadata(*b, "author", "a test", NULL);
        st = sard_builder_output(*b, "y", SARD_F32, 2, DIMS(-1, 3), NAMES("N", NULL), err);
    }
    sard_value_unref(w);
    sard_value_unref(bias);
    return st;
}

static inline sard_model *make_mlp(const sard_options *o) {
    sard_error err = {0};
    sard_builder *b = NULL;
    sard_model *m = NULL;
    OK(build_mlp(&b, &err));
    OK(sard_builder_build(b, o, &m, &err));
    sard_builder_free(b);
    return m;
}

#endif
