/*
 * fuzz_import.c -- any bytes as a model, imported with the built-in operators: an error with a message, or a module that
 * passes the checks, prints, and can be written and imported again.
 */
#include <stdio.h>
#include <stdlib.h>

#include "import/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool good, const char *what, const sard_error *err) {
    if (good) return;
    fprintf(stderr, "fuzz_import: %s: %s\n", what, err->message);
    abort();
}

static sard_status load(const uint8_t *data, size_t n, onnx_model *src, module **m, sard_error *err) {
    static op_set ops; /* as long as the modules */
    problems p = {0};
    ops = (op_set){op_table, op_table_n, NULL};
    const import_options o = {.ops = &ops, .problems = &p};
    TRY(onnx_read(data, n, src, err));
    const sard_status st = import_model(src, &o, m, err);
    if (st != SARD_OK) onnx_model_deinit(src);
    must(st != SARD_INTERNAL, "an internal error", err);
    return st;
}

static void write_again(const module *m, sard_error *err) {
    arena mem;
    onnx_model out, src;
    module *again;
    uint8_t *bytes;
    size_t n;
    arena_init(&mem);
    if (export_model(m, NULL, &mem, &out, err) == SARD_OK) {
        must(onnx_write_mem(&out, NULL, &bytes, &n, err) == SARD_OK, "a module cannot be written", err);
        must(load(bytes, n, &src, &again, err) == SARD_OK, "a module that was written cannot be imported", err);
        module_free(again);
        onnx_model_deinit(&src);
        mem_free(bytes);
    }
    arena_free(&mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    onnx_model src;
    module *m;
    sard_error err = {0};
    if (load(data, n, &src, &m, &err) != SARD_OK) {
        must(err.message[0] != 0, "an error without a message", &err);
        return 0;
    }
    problems p = {0};
    strbuf text = {0};
    must(graph_check(module_main(m), &p, &err) == SARD_OK, "an imported module does not pass the checks", &err);
    must(graph_infer(module_main(m), &p, &err) == SARD_OK, "types inferred again contradict", &err);
    must(module_print(m, &text, &err) == SARD_OK, "a module cannot be printed", &err);
    sb_free(&text);
    write_again(m, &err);
    module_free(m);
    onnx_model_deinit(&src);
    return 0;
}
