/*
 * fuzz_onnx.c -- any bytes as a model and as each standalone value: an error or a result, and what was read is written
 * back the same however often.
 */
#include <stdio.h>
#include <stdlib.h>

#include "onnx/onnx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool good, const char *what) {
    if (good) return;
    fprintf(stderr, "fuzz_onnx: %s\n", what);
    abort();
}

static void use_tensors(onnx_store *s, const onnx_tensor *t, size_t n) {
    onnx_bytes bytes;
    sard_error err;
    for (size_t i = 0; i < n; i++) {
        if (onnx_tensor_bytes(s, &t[i], &bytes, &err) != SARD_OK || bytes.n == 0) continue;
        volatile uint8_t last = bytes.p[bytes.n - 1];
        (void)last;
    }
}

static void try_model(const uint8_t *data, size_t n) {
    onnx_model m, again;
    sard_error err = {0};
    if (onnx_read(data, n, &m, &err) != SARD_OK) {
        must(err.message[0] != 0, "an error without a message");
        return;
    }
    use_tensors(&m.store, m.graph->initializers, m.graph->n_initializers);
    uint8_t *first, *second;
    size_t first_n, second_n;
    must(onnx_write_mem(&m, NULL, &first, &first_n, &err) == SARD_OK, "a model that was read cannot be written");
    must(onnx_read(first, first_n, &again, &err) == SARD_OK, "a model that was written cannot be read");
    must(onnx_write_mem(&again, NULL, &second, &second_n, &err) == SARD_OK, "it cannot be written again");
    must(first_n == second_n && memcmp(first, second, first_n) == 0, "written again it differs");
    onnx_model_deinit(&again);
    onnx_model_deinit(&m);
    mem_free(first);
    mem_free(second);
}

static void try_values(const uint8_t *data, size_t n) {
    onnx_store s;
    sard_error err;
    onnx_buffer out = {0};
    const onnx_sink sink = {onnx_buffer_write, &out};
    onnx_tensor tensor;
    onnx_sequence sequence;
    onnx_map map;
    onnx_optional optional;
    onnx_store_init(&s);
    if (onnx_read_tensor(&s, data, n, &tensor, &err) == SARD_OK) {
        use_tensors(&s, &tensor, 1);
        must(onnx_write_tensor(&tensor, &sink, &err) == SARD_OK, "a tensor cannot be written");
    }
    if (onnx_read_sequence(&s, data, n, &sequence, &err) == SARD_OK) {
        use_tensors(&s, sequence.tensors, sequence.n_tensors);
        must(onnx_write_sequence(&sequence, &sink, &err) == SARD_OK, "a sequence cannot be written");
    }
    if (onnx_read_map(&s, data, n, &map, &err) == SARD_OK)
        must(onnx_write_map(&map, &sink, &err) == SARD_OK, "a map cannot be written");
    if (onnx_read_optional(&s, data, n, &optional, &err) == SARD_OK)
        must(onnx_write_optional(&optional, &sink, &err) == SARD_OK, "an optional cannot be written");
    mem_free(out.data);
    onnx_store_deinit(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    try_model(data, n);
    try_values(data, n);
    return 0;
}
