/* ort_test.h -- what the tests of the C ABI share. */
#ifndef SARD_TESTS_ORT_TEST_H
#define SARD_TESTS_ORT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ort/internal.h"

#define NAMES(...) ((const char *[]){__VA_ARGS__})
#define DIMS(...)  ((const int64_t[]){__VA_ARGS__})

static inline void good_(OrtStatus *st, const char *file, int line) {
    if (!st) return;
    print_error("%s\n", ort_GetErrorMessage(st));
    _fail(file, line);
}
#define good(call) good_(call, __FILE__, __LINE__)

/* The call fails with this code, and its text says so. */
static inline void refused_(OrtStatus *st, OrtErrorCode code, const char *part, const char *file, int line) {
    if (!st || ort_GetErrorCode(st) != code || !strstr(ort_GetErrorMessage(st), part)) {
        print_error("%d '%s', wanted %d '%s'\n", st ? (int)ort_GetErrorCode(st) : 0, st ? ort_GetErrorMessage(st) : "",
                    (int)code, part);
        _fail(file, line);
    }
    ort_ReleaseStatus(st);
}
#define refused(call, code, part) refused_(call, code, part, __FILE__, __LINE__)

static inline OrtEnv *test_env(void) {
    OrtEnv *env;
    good(ort_CreateEnv(ORT_LOGGING_LEVEL_FATAL, "test", &env));
    return env;
}

/* A float tensor with memory of its own. */
static inline OrtValue *floats(const int64_t *dims, size_t rank, const float *data) {
    OrtValue *v;
    void *p;
    size_t n = 1;
    for (size_t i = 0; i < rank; i++) n *= (size_t)dims[i];
    good(ort_CreateTensorAsOrtValue(ort_default_allocator(), dims, rank, ORT_TYPE_FLOAT, &v));
    good(ort_GetTensorMutableData(v, &p));
    if (n) memcpy(p, data, n * sizeof *data);
    return v;
}

static inline const float *data_of(const OrtValue *v) {
    const void *p;
    good(ort_GetTensorData(v, &p));
    return p;
}

#endif
