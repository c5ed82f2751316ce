/*
 * sard.h -- the public C API of sard, a library that runs ONNX models on the CPU with one answer: the same bits for the
 * same model, input and options, whatever the number of threads, the batch a row comes in, or the instruction set.
 */
#ifndef SARD_H
#define SARD_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define SARD_API __attribute__((visibility("default")))
#define SARD_MUST_CHECK __attribute__((warn_unused_result))
#else
#define SARD_API
#define SARD_MUST_CHECK
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- status and errors ------------------------------------------------------------------------------------------ */

typedef enum sard_status {
    SARD_OK = 0,
    SARD_INVALID_ARGUMENT, /* a call's argument: unknown name, wrong dtype, rank or shape, unknown option */
    SARD_NO_SUCH_FILE,     /* the file, or a model's external data, is not there */
    SARD_IO,               /* reading or writing failed; a mapped file was cut short */
    SARD_INVALID_PROTOBUF, /* the bytes are not an ONNX model */
    SARD_INVALID_MODEL,    /* a model that breaks the standard: cycle, ill-typed node, missing input ... */
    SARD_UNSUPPORTED,      /* valid, but an operator, type or version is not offered by this build */
    SARD_OUT_OF_MEMORY,
    SARD_LIMIT,            /* the run's memory limit, or a load limit, was reached */
    SARD_CANCELLED,
    SARD_DEADLINE,
    SARD_RUNTIME,          /* an operator's run-time rule was broken by the data (index out of range ...) */
    SARD_INTERNAL          /* a bug of sard's: please report it */
} sard_status;

/* The caller's error object: fixed size, may be NULL wherever it is taken. Written only on failure. */
typedef struct sard_error {
    sard_status code;
    uint32_t problems;   /* how many problems were found in all (load and check report each to a callback) */
    char message[1016];  /* UTF-8, NUL-terminated; outermost context first */
} sard_error;

SARD_API const char *sard_status_name(sard_status s); /* "INVALID_ARGUMENT" ... */

/* ---- memory hooks ----------------------------------------------------------------------------------------------- */

/* All three are called from any thread. `alloc` returns memory aligned to 64 bytes or NULL. */
typedef struct sard_allocator {
    void *(*alloc)(void *user, size_t bytes);
    void (*free)(void *user, void *p);
    void *user;
} sard_allocator;

/* ---- element types: the numbers of ONNX's TensorProto.DataType ---------------------------------------------------- */

typedef enum sard_dtype {
    SARD_UNDEFINED = 0,
    SARD_F32 = 1,
    SARD_U8 = 2,
    SARD_I8 = 3,
    SARD_U16 = 4,
    SARD_I16 = 5,
    SARD_I32 = 6,
    SARD_I64 = 7,
    SARD_STRING = 8,
    SARD_BOOL = 9,
    SARD_F16 = 10,
    SARD_F64 = 11,
    SARD_U32 = 12,
    SARD_U64 = 13,
    SARD_C64 = 14,
    SARD_C128 = 15,
    SARD_BF16 = 16,
    SARD_F8E4M3FN = 17,
    SARD_F8E4M3FNUZ = 18,
    SARD_F8E5M2 = 19,
    SARD_F8E5M2FNUZ = 20,
    SARD_U4 = 21,
    SARD_I4 = 22,
    SARD_F4E2M1 = 23,
    SARD_F8E8M0 = 24,
    SARD_U2 = 25,
    SARD_I2 = 26,
    SARD_F6E2M3 = 27,
    SARD_F6E3M2 = 28,
    SARD_DTYPE_COUNT
} sard_dtype;

#ifdef __cplusplus
}
#endif
#endif
