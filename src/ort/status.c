/*
 * status.c -- OrtStatus: code and text in one allocation, and the ABI's codes for the public API's.
 */
#include "ort/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct OrtStatus {
    OrtErrorCode code;
    char message[];
};

/* Given when there is no memory for a status; never freed. */
static const struct {
    OrtErrorCode code;
    char message[32];
} exhausted = {ORT_RUNTIME_EXCEPTION, "out of memory"};

static OrtStatus *make(OrtErrorCode code, const char *message) {
    const size_t n = strlen(message) + 1;
    OrtStatus *s = malloc(sizeof *s + n);
    if (!s) return (OrtStatus *)(uintptr_t)&exhausted;
    s->code = code;
    memcpy(s->message, message, n);
    return s;
}

OrtStatus *ort_CreateStatus(OrtErrorCode code, const char *message) { return make(code, message ? message : ""); }

void ort_ReleaseStatus(OrtStatus *s) {
    if (s != (OrtStatus *)(uintptr_t)&exhausted) free(s);
}

OrtErrorCode ort_GetErrorCode(const OrtStatus *s) { return s ? s->code : ORT_OK; }
const char *ort_GetErrorMessage(const OrtStatus *s) { return s ? s->message : ""; }

OrtStatus *ort_fail(OrtErrorCode code, const char *fmt, ...) {
    char text[1280];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return make(code, text);
}

OrtStatus *ort_no_memory(size_t bytes) { return ort_fail(ORT_RUNTIME_EXCEPTION, "out of memory (%zu bytes)", bytes); }

/* ONNX Runtime calls a load that finds a cycle, or an operator of a domain that nobody registered, a plain failure; the
 * engine's status is that of any wrong or unsupported graph, so its text tells them. */
static bool plain_failure(const char *message) {
    static const char *const known[] = {"ai.onnx.ml.", "ai.onnx.training.", "ai.onnx.preview.", "com.microsoft."};
    const char *op = strstr(message, "operator "), *end = op ? strchr(op + 9, ' ') : NULL;
    if (strstr(message, "is part of a cycle")) return true;
    if (!end || !strstr(end, "is not supported") || !memchr(op + 9, '.', (size_t)(end - op - 9))) return false;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strncmp(op + 9, known[i], strlen(known[i])) == 0) return false;
    return true;
}

OrtStatus *ort_from_error(sard_status st, const sard_error *err, bool load) {
    static const OrtErrorCode codes[] = {
        [SARD_OK] = ORT_OK,
        [SARD_INVALID_ARGUMENT] = ORT_INVALID_ARGUMENT,
        [SARD_NO_SUCH_FILE] = ORT_NO_SUCHFILE,
        [SARD_IO] = ORT_FAIL,
        [SARD_INVALID_PROTOBUF] = ORT_INVALID_PROTOBUF,
        [SARD_INVALID_MODEL] = ORT_INVALID_GRAPH,
        [SARD_UNSUPPORTED] = ORT_NOT_IMPLEMENTED,
        [SARD_OUT_OF_MEMORY] = ORT_RUNTIME_EXCEPTION,
        [SARD_LIMIT] = ORT_FAIL,
        [SARD_CANCELLED] = ORT_FAIL,
        [SARD_DEADLINE] = ORT_FAIL,
        [SARD_RUNTIME] = ORT_FAIL,
        [SARD_INTERNAL] = ORT_RUNTIME_EXCEPTION,
    };
    OrtErrorCode code = (size_t)st < sizeof codes / sizeof *codes ? codes[st] : ORT_FAIL;
    if (load && st == SARD_UNSUPPORTED) code = ORT_INVALID_GRAPH; /* as for an operator that is not registered */
    if (load && code == ORT_INVALID_GRAPH && err && plain_failure(err->message)) code = ORT_FAIL;
    if (load && st == SARD_CANCELLED) code = ORT_MODEL_LOAD_CANCELED;
    if (err && err->detail > 0 && err->detail <= ORT_DEVICE_RESET)
        code = (OrtErrorCode)err->detail; /* a kernel's own */
    return make(code, err && err->message[0] ? err->message : sard_status_name(st));
}

OrtStatus *ort_not_offered(const char *entry) {
    static const char *const providers[][2] = {
        {"CUDA", "CUDA"},   {"Gpu", "CUDA"},          {"TensorRT", "TensorRT"}, {"ROCM", "ROCM"},      {"CANN", "CANN"},
        {"Dnnl", "oneDNN"}, {"OpenVINO", "OpenVINO"}, {"MIGraphX", "MIGraphX"}, {"VitisAI", "VitisAI"}};
    static const struct {
        const char *part, *why;
    } reasons[] = {
        {"GPU", "this build runs on the CPU"},
        {"Stream", "the CPU has no streams"},
        {"Semaphore", "memory and semaphores of other devices cannot be imported"},
        {"Memory", "memory and semaphores of other devices cannot be imported"},
        {"Interop", "this build runs on the CPU"},
        {"Opaque", "opaque values are not offered"},
        {"ModelPackage", "model packages are not offered: load the model's file"},
    };
    for (size_t i = 0; i < sizeof providers / sizeof *providers; i++)
        if (strstr(entry, providers[i][0]))
            return ort_fail(ORT_FAIL, "%s execution provider is not enabled in this build.", providers[i][1]);
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (strstr(entry, reasons[i].part))
            return ort_fail(ORT_NOT_IMPLEMENTED, "%s is not offered: %s", entry, reasons[i].why);
    return ort_fail(ORT_NOT_IMPLEMENTED, "%s is not offered by this library", entry);
}
