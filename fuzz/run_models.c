/*
 * run_models -- loads and runs models that may be anything, one per line of standard input, and says how each ended.
 *
 * A line is a JSON string or a bare text "MODEL" or "MODEL|FOLDER"; FOLDER holds input_<i>.pb, the values for the
 * model's inputs in order, where there are any. An input without a stored value gets one made from its declared type.
 * Each answer is a line of JSON: {"status": "pass"} or {"status": "refused", "reason": "NAME: message"}. The limits
 * below are the engine's own; whoever starts this program enforces time and memory from outside as well
 * (scripts/mutants.py).
 */
#include "sard/sard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY_LIMIT  (512u << 20)
#define SECONDS       5.0
#define MOST_INPUTS   64
#define MOST_ELEMENTS (1 << 20)

static uint64_t noise_state;

/* Small numbers of both signs, the same ones for every model. */
static int noise(void) {
    noise_state = noise_state * 6364136223846793005u + 1442695040888963407u;
    return (int)(noise_state >> 60) - 4;
}

static void fill(sard_value *v) {
    int64_t n = sard_tensor_count(v);
    void *data = sard_tensor_data_mut(v);
    switch (sard_tensor_dtype(v)) {
    case SARD_F32:
        for (int64_t i = 0; i < n; i++) ((float *)data)[i] = (float)noise() * 0.5f;
        break;
    case SARD_F64:
        for (int64_t i = 0; i < n; i++) ((double *)data)[i] = noise() * 0.5;
        break;
    case SARD_I32:
        for (int64_t i = 0; i < n; i++) ((int32_t *)data)[i] = noise();
        break;
    case SARD_I64:
        for (int64_t i = 0; i < n; i++) ((int64_t *)data)[i] = noise();
        break;
    default: /* the others stay zero: every bit pattern of zeros is a value of its type */
        break;
    }
}

/* A tensor as the model declares it; unknown dimensions are 2. NULL in *out and SARD_LIMIT when it would be large. */
static sard_status make_tensor(const sard_type *type, sard_value **out, sard_error *err) {
    int64_t dims[16], count = 1;
    int rank = sard_type_rank(type) < 0 ? 1 : sard_type_rank(type);
    if (rank > 16) return SARD_LIMIT;
    for (int i = 0; i < rank; i++) {
        int64_t dim = sard_type_rank(type) < 0 ? -1 : sard_type_dim(type, i);
        dims[i] = dim < 0 ? 2 : dim;
        if (dims[i] > MOST_ELEMENTS || (count *= dims[i]) > MOST_ELEMENTS) return SARD_LIMIT;
    }
    if (sard_type_dtype(type) == SARD_STRING) {
        const char **strings = calloc((size_t)count + 1, sizeof *strings);
        if (!strings) return SARD_OUT_OF_MEMORY;
        for (int64_t i = 0; i < count; i++) strings[i] = "text";
        sard_status status = sard_tensor_strings(rank, dims, strings, NULL, out, err);
        free(strings);
        return status;
    }
    sard_status status = sard_tensor_new(sard_type_dtype(type), rank, dims, out, err);
    if (status == SARD_OK) fill(*out);
    return status;
}

static sard_status make_value(const sard_type *type, sard_value **out, sard_error *err) {
    switch (sard_type_kind(type)) {
    case SARD_KIND_TENSOR:
        return make_tensor(type, out, err);
    case SARD_KIND_SEQUENCE:
        return sard_sequence_empty(sard_type_dtype(sard_type_elem(type)), out, err);
    case SARD_KIND_OPTIONAL:
        return sard_optional_new(NULL, sard_type_dtype(sard_type_elem(type)), out, err);
    default:
        return SARD_LIMIT;
    }
}

/* The stored value of input i, or SARD_NO_SUCH_FILE. */
static sard_status read_value(const char *folder, size_t i, const sard_type *type, sard_value **out, sard_error *err) {
    char path[4096];
    if (snprintf(path, sizeof path, "%s/input_%zu.pb", folder, i) >= (int)sizeof path) return SARD_NO_SUCH_FILE;
    FILE *f = fopen(path, "rb");
    if (!f) return SARD_NO_SUCH_FILE;
    static char data[4 << 20];
    size_t n = fread(data, 1, sizeof data, f);
    fclose(f);
    return sard_value_parse(sard_type_kind(type), data, n, out, err);
}

static sard_status run(sard_model *model, const char *folder, sard_error *err) {
    size_t n_in = sard_model_inputs(model), n_out = sard_model_outputs(model);
    if (n_in > MOST_INPUTS || n_out > MOST_INPUTS) return SARD_LIMIT;
    const char *names[MOST_INPUTS];
    sard_value *inputs[MOST_INPUTS] = {0}, *outputs[MOST_INPUTS] = {0};
    sard_status status = SARD_OK;
    for (size_t i = 0; i < n_in && status == SARD_OK; i++) {
        const sard_type *type = sard_model_input_type(model, i);
        names[i] = sard_model_input_name(model, i);
        if (!folder || read_value(folder, i, type, &inputs[i], err) != SARD_OK)
            status = make_value(type, &inputs[i], err);
    }
    sard_run_options options = {.timeout_s = SECONDS, .memory_limit = MEMORY_LIMIT};
    if (status == SARD_OK) status = sard_run(model, &options, names, inputs, n_in, NULL, outputs, n_out, err);
    for (size_t i = 0; i < MOST_INPUTS; i++) {
        sard_value_unref(inputs[i]);
        sard_value_unref(outputs[i]);
    }
    return status;
}

static sard_status load_and_run(const char *path, const char *folder, sard_error *err) {
    sard_options *options = NULL;
    sard_model *model = NULL;
    char limit[32];
    snprintf(limit, sizeof limit, "%u", MEMORY_LIMIT);
    sard_status status = sard_options_new(&options, err);
    if (status == SARD_OK) status = sard_options_set(options, "load_limit", limit, err);
    if (status == SARD_OK) status = sard_model_load(path, options, &model, err);
    sard_options_free(options);
    if (status != SARD_OK) return status;
    status = run(model, folder, err);
    sard_model_unref(model);
    return status;
}

static void say(sard_status status, const char *message) {
    if (status == SARD_OK) {
        puts("{\"status\": \"pass\"}");
    } else {
        printf("{\"status\": \"refused\", \"reason\": \"%s: ", sard_status_name(status));
        for (const unsigned char *c = (const unsigned char *)message; *c; c++) {
            if (*c == '"' || *c == '\\')
                printf("\\%c", *c);
            else if (*c < 32 || *c > 126)
                printf("\\u%04x", *c);
            else
                putchar(*c);
        }
        puts("\"}");
    }
    fflush(stdout);
}

int main(void) {
    static char line[16384];
    while (fgets(line, sizeof line, stdin)) {
        char *path = line, *end = line + strcspn(line, "\n");
        if (end > path + 1 && *path == '"' && end[-1] == '"') path++, end--;
        *end = 0;
        char *folder = strchr(path, '|');
        if (folder) *folder++ = 0;
        sard_error err = {0};
        noise_state = 1;
        sard_status status = load_and_run(path, folder, &err);
        say(status, err.message);
    }
    return 0;
}
