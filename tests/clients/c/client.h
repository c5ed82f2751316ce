/* What the C clients share: a table of tests, each run in a process of its own so that a crash is one failure; checks;
 * lines of answers.txt. Everything goes through the official header's OrtApi, as in any C program. */
#ifndef CLIENT_H
#define CLIENT_H
#include "onnxruntime_c_api.h"
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *name;
    void (*run)(void);
} client_test;

/* Set before a test runs: the table, an environment, the default allocator, memory information of the processor. */
extern const OrtApi *ort;
extern OrtEnv *env;
extern OrtAllocator *heap;
extern OrtMemoryInfo *cpu;

int client_main(int argc, char **argv, const client_test *tests, size_t n);

/* The first expectation that fails is the test's failure; the test goes on. */
#define EXPECT(truth) client_expect(!!(truth), #truth, __FILE__, __LINE__)
int client_expect(int truth, const char *what, const char *file, int line);
void client_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A status that must be good: releases it, and ends the test when it is an error. */
#define GOOD(status) client_good((status), #status, __LINE__)
void client_good(OrtStatus *status, const char *what, int line);
/* A status that must be the error `code` with a text. Releases it. */
#define BAD(status, code) client_bad((status), (code), #status, __LINE__)
void client_bad(OrtStatus *status, int code, const char *what, int line);

/* PASS or FAIL of a part of a test, under its own name. */
void client_part(const char *name, int good, const char *why);

const char *model_path(const char *name);         /* valid until the fourth call after */
void *file_bytes(const char *path, size_t *size); /* malloc-ed; NULL when there is no such file */
OrtSession *session_of(const char *model);        /* with default options */
OrtSession *session_with(const char *model, const OrtSessionOptions *options);

/* A tensor over the caller's data; a tensor of strings. */
OrtValue *tensor_over(ONNXTensorElementDataType type, void *data, size_t bytes, const int64_t *dims, size_t rank);
OrtValue *floats(float *data, int64_t n); /* shape [n] */
OrtValue *floats2(float *data, int64_t rows, int64_t columns);
OrtValue *strings(const char *const *text, const int64_t *dims, size_t rank);
float *float_data(OrtValue *value);
size_t element_count(const OrtValue *value);

/* answers.txt: the value as `check output ...`; sequences and maps too. */
void answer_value(const char *check, const char *output, const OrtValue *value);
void answer_text(const char *check, const char *output, const char *text); /* one string */
void answer_int(const char *check, const char *output, int64_t number);
#endif
