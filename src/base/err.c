/*
 * err.c -- the error object. A message is built from the inside out: err_set writes the fault, each
 * err_context on the way out moves it right and writes "where: " in front. What does not fit is cut at the
 * end, never between the bytes of one UTF-8 character.
 */
#include "base/err.h"

#include <stdio.h>
#include <string.h>

const char *sard_status_name(sard_status s) {
    static const char *const names[] = {
        [SARD_OK] = "OK",
        [SARD_INVALID_ARGUMENT] = "INVALID_ARGUMENT",
        [SARD_NO_SUCH_FILE] = "NO_SUCH_FILE",
        [SARD_IO] = "IO",
        [SARD_INVALID_PROTOBUF] = "INVALID_PROTOBUF",
        [SARD_INVALID_MODEL] = "INVALID_MODEL",
        [SARD_UNSUPPORTED] = "UNSUPPORTED",
        [SARD_OUT_OF_MEMORY] = "OUT_OF_MEMORY",
        [SARD_LIMIT] = "LIMIT",
        [SARD_CANCELLED] = "CANCELLED",
        [SARD_DEADLINE] = "DEADLINE",
        [SARD_RUNTIME] = "RUNTIME",
        [SARD_INTERNAL] = "INTERNAL",
    };
    return (unsigned)s < sizeof names / sizeof names[0] ? names[s] : "UNKNOWN";
}

/* Takes off an incomplete UTF-8 character at the end of the n bytes at s; returns the new length. */
static size_t cut_utf8(const char *s, size_t n) {
    size_t start = n;
    while (start > 0 && n - start < 3 && ((unsigned char)s[start - 1] & 0xC0) == 0x80) start--;
    if (start == 0) return n;
    unsigned char lead = (unsigned char)s[start - 1];
    size_t want = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    return n - (start - 1) < want ? start - 1 : n;
}

sard_status err_setv(sard_error *err, sard_status code, const char *fmt, va_list ap) {
    if (!err) return code;
    char text[sizeof err->message]; /* the arguments may point into err itself */
    int n = vsnprintf(text, sizeof text, fmt, ap);
    size_t len = n < 0 ? 0 : (size_t)n;
    if (len >= sizeof text) len = cut_utf8(text, sizeof text - 1);
    memcpy(err->message, text, len);
    err->message[len] = 0;
    err->code = code;
    err->problems = 1;
    err->detail = 0;
    return code;
}

sard_status err_set(sard_error *err, sard_status code, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    err_setv(err, code, fmt, ap);
    va_end(ap);
    return code;
}

sard_status err_context(sard_error *err, sard_status code, const char *fmt, ...) {
    if (!err) return code;
    char where[256];
    va_list ap;
    va_start(ap, fmt);
    int wrote = vsnprintf(where, sizeof where, fmt, ap);
    va_end(ap);
    size_t n = wrote < 0 ? 0 : (size_t)wrote;
    if (n >= sizeof where) n = cut_utf8(where, sizeof where - 1);
    const size_t room = sizeof err->message - 1;
    size_t old = strnlen(err->message, room), keep = old;
    if (n + 2 + keep > room) keep = cut_utf8(err->message, room - n - 2);
    memmove(err->message + n + 2, err->message, keep);
    memcpy(err->message, where, n);
    memcpy(err->message + n, ": ", 2);
    err->message[n + 2 + keep] = 0;
    return code;
}

sard_status err_nomem(sard_error *err, size_t bytes) {
    return err_set(err, SARD_OUT_OF_MEMORY, "out of memory: %zu bytes were wanted", bytes);
}
