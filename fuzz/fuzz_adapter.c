/* fuzz_adapter.c -- any bytes as a LoRA adapter: an error with a message, or an adapter that a run can take. */
#include <stdio.h>
#include <stdlib.h>

#include "ort/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    OrtLoraAdapter *adapter;
    OrtRunOptions *options = NULL;
    ort_inputs all;
    OrtStatus *st = ort_CreateLoraAdapterFromArray(data, n, NULL, &adapter);
    if (st) {
        if (!*ort_GetErrorMessage(st)) {
            fprintf(stderr, "fuzz_adapter: an error without a message\n");
            abort();
        }
        ort_ReleaseStatus(st);
        return 0;
    }
    if (ort_CreateRunOptions(&options) || ort_RunOptionsAddActiveLoraAdapter(options, adapter) ||
        ort_adapters_join(options, NULL, NULL, 0, &all))
        abort();
    ort_inputs_deinit(&all);
    ort_ReleaseLoraAdapter(adapter);
    ort_ReleaseRunOptions(options);
    return 0;
}
