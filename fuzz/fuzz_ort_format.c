/*
 * fuzz_ort_format.c -- any bytes as a model in ONNX Runtime's format: an error with a message, or the bytes of an ONNX
 * model, which loads or is refused with a message.
 */
#include <stdio.h>
#include <stdlib.h>

#include "ort/ort_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(int good, const char *what) {
    if (good) return;
    fprintf(stderr, "fuzz_ort_format: %s\n", what);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    void *onnx;
    size_t bytes;
    sard_error err = {0};
    sard_options *options;
    sard_model *model;
    if (ort_format_to_onnx(data, n, &onnx, &bytes, &err) != SARD_OK) {
        must(err.message[0] != 0, "an error without a message");
        return 0;
    }
    must(bytes <= n * 16 + 65536, "more bytes than it may make");
    must(sard_options_new(&options, NULL) == SARD_OK && sard_options_set(options, "threads", "1", NULL) == SARD_OK &&
             sard_options_set(options, "optimize", "none", NULL) == SARD_OK &&
             sard_options_set(options, "load_limit", "64MiB", NULL) == SARD_OK,
         "options");
    if (sard_model_load_memory(onnx, bytes, 1, options, &model, &err) == SARD_OK)
        sard_model_unref(model);
    else
        must(err.message[0] != 0, "an error without a message");
    sard_options_free(options);
    free(onnx);
    return 0;
}
