/*
 * err.h -- status codes and the caller-owned error object.
 *
 * Every function that can fail returns a sard_status and takes a sard_error * last (which may be NULL). The innermost
 * code says what is wrong (err_set); each layer prepends where it was (err_context) on the way out. No thread-local
 * messages, no allocation.
 */
#ifndef SARD_BASE_ERR_H
#define SARD_BASE_ERR_H

#include <stdarg.h>

#include "sard/sard.h"

#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

/* Sets code and message (replacing what was there) and returns code, so that `return err_set(...)` reads well. */
sard_status err_set(sard_error *err, sard_status code, const char *fmt, ...) PRINTF_LIKE(3, 4);
sard_status err_setv(sard_error *err, sard_status code, const char *fmt, va_list ap);

/* Prepends "fmt: " to the message; keeps the code. Returns the code given, for `return err_context(...)`. */
sard_status err_context(sard_error *err, sard_status code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Out of memory, with the size that was wanted. */
sard_status err_nomem(sard_error *err, size_t bytes);

/* Returns from the calling function when expr is not SARD_OK. */
#define TRY(expr)                                                                                                      \
    do {                                                                                                               \
        sard_status try_status_ = (expr);                                                                              \
        if (try_status_ != SARD_OK) return try_status_;                                                                \
    } while (0)

#define FAIL_IF(cond, err, code, ...)                                                                                  \
    do {                                                                                                               \
        if (cond) return err_set((err), (code), __VA_ARGS__);                                                          \
    } while (0)

#endif
