/*
 * fuzz_model.c -- any bytes as a model, loaded and run on small inputs under tight limits: an error or a result.
 *
 * Inputs get the declared types; unknown dimensions are 2, numbers are small and of both signs. Bytes are mutated as
 * models (mutate_model.c), so that most of what is tried gets past the reader.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sard/sard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { MOST_INPUTS = 16, MOST_ELEMENTS = 4096, MOST_OUTPUTS = 64 };

static void must(bool good, const char *what) {
    if (good) return;
    fprintf(stderr, "fuzz_model: %s\n", what);
    abort();
}

/* Made once: options with a pool of one thread. */
static sard_options *load_options(void) {
    static sard_options *o;
    static const char *const set[][2] = {{"memory_limit", "64MiB"}, {"load_limit", "256MiB"}};
    sard_error err;
    sard_pool *pool = NULL;
    if (o) return o;
    must(sard_options_new(&o, &err) == SARD_OK && sard_pool_new(1, &pool, &err) == SARD_OK, "no options");
    must(sard_options_pool(o, pool, &err) == SARD_OK, "no pool");
    for (size_t i = 0; i < sizeof set / sizeof set[0]; i++)
        must(sard_options_set(o, set[i][0], set[i][1], &err) == SARD_OK, "an option is refused");
    return o;
}

static sard_value *make_strings(int rank, const int64_t *dims, int64_t count) {
    static const char *const words[] = {"a", "", "b c", "7", "\xc3\xa4"};
    const char *strings[MOST_ELEMENTS];
    sard_value *v = NULL;
    sard_error err;
    for (int64_t i = 0; i < count; i++) strings[i] = words[i % 5];
    return sard_tensor_strings(rank, dims, strings, NULL, &v, &err) == SARD_OK ? v : NULL;
}

/* NULL when the type is none that a tensor can be made of, or it would be large. */
static sard_value *make_tensor(const sard_type *type) {
    int64_t dims[16], count = 1;
    int rank = sard_type_rank(type) < 0 ? 1 : sard_type_rank(type);
    if (sard_type_kind(type) != SARD_KIND_TENSOR || rank > 16) return NULL;
    for (int i = 0; i < rank; i++) {
        int64_t dim = sard_type_rank(type) < 0 ? 2 : sard_type_dim(type, i);
        dims[i] = dim < 0 ? 2 : dim;
        if (dims[i] > MOST_ELEMENTS || (count *= dims[i]) > MOST_ELEMENTS) return NULL;
    }
    sard_dtype t = sard_type_dtype(type);
    if (t == SARD_STRING) return make_strings(rank, dims, count);
    sard_value *v;
    sard_error err;
    if (sard_tensor_new(t, rank, dims, &v, &err) != SARD_OK) return NULL;
    uint8_t *p = sard_tensor_data_mut(v);
    for (int64_t i = 0; i < count; i++) {
        int x = (int)(i * 7 % 11) - 3;
        if (t == SARD_F32) ((float *)(void *)p)[i] = (float)x * 0.5f;
        if (t == SARD_F64) ((double *)(void *)p)[i] = x * 0.5;
        if (t == SARD_I32) ((int32_t *)(void *)p)[i] = x;
        if (t == SARD_I64) ((int64_t *)(void *)p)[i] = x;
    }
    for (size_t i = 0; i < sard_tensor_bytes(v) && (t == SARD_BOOL || t == SARD_U8); i++)
        p[i] = t == SARD_BOOL ? i % 2 : (uint8_t)(37 * i);
    return v;
}

static void run_model(sard_model *m) {
    size_t n_in = sard_model_inputs(m), n_out = sard_model_outputs(m), made = 0;
    const char *names[MOST_INPUTS];
    sard_value *in[MOST_INPUTS], *out[MOST_OUTPUTS] = {0};
    const sard_run_options options = {.timeout_s = 2};
    sard_error err = {0};
    if (n_in > MOST_INPUTS || n_out > MOST_OUTPUTS) return;
    while (made < n_in && (in[made] = make_tensor(sard_model_input_type(m, made)))) {
        names[made] = sard_model_input_name(m, made);
        made++;
    }
    if (made == n_in) {
        sard_status s = sard_run(m, &options, names, in, n_in, NULL, out, n_out, &err);
        must(s == SARD_OK || err.message[0], "an error without a message");
        must(s != SARD_INTERNAL, err.message);
        for (size_t i = 0; i < n_out; i++) {
            must(s == SARD_OK || !out[i], "an output of a failed run");
            sard_value_unref(out[i]);
        }
    }
    while (made > 0) sard_value_unref(in[--made]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    sard_model *m;
    sard_error err = {0};
    sard_status s = sard_model_load_memory(data, n, 1, load_options(), &m, &err);
    must(s == SARD_OK || err.message[0], "an error without a message");
    must(s != SARD_INTERNAL, err.message);
    if (s != SARD_OK) return 0;
    run_model(m);
    sard_model_unref(m);
    return 0;
}
