/*
 * write.c -- a model back to ONNX: the imported graph, or the optimised one.
 */
#include "api/api.h"

sard_status sard_model_write_split(const sard_model *m, int stage, const char *path, const char *external,
                                   size_t min_bytes, sard_error *err) {
    FAIL_IF(!path, err, SARD_INVALID_ARGUMENT, "write: the path is NULL");
    const module *mod = NULL;
    TRY(api_stage(m, stage, &mod, err));
    arena mem;
    arena_init(&mem);
    onnx_model out = {0};
    sard_status st = export_model(mod, &m->meta, &mem, &out, err);
    if (st == SARD_OK) st = onnx_write_path(&out, path, external, min_bytes, err);
    onnx_store_deinit(&out.store);
    arena_free(&mem);
    return st == SARD_OK ? SARD_OK : err_context(err, st, "write '%s'", path);
}

sard_status sard_model_write(const sard_model *m, int stage, const char *path, const char *external, sard_error *err) {
    enum { EXTERNAL_MIN = 1024 };
    return sard_model_write_split(m, stage, path, external, EXTERNAL_MIN, err);
}

sard_status sard_model_serialize(const sard_model *m, int stage, void **data, size_t *n, sard_error *err) {
    const module *mod = NULL;
    TRY(api_stage(m, stage, &mod, err));
    arena mem;
    arena_init(&mem);
    onnx_model out = {0};
    uint8_t *bytes = NULL;
    sard_status st = export_model(mod, &m->meta, &mem, &out, err);
    if (st == SARD_OK) st = onnx_write_mem(&out, NULL, &bytes, n, err);
    onnx_store_deinit(&out.store);
    arena_free(&mem);
    if (st != SARD_OK) return err_context(err, st, "serialize");
    *data = bytes;
    return SARD_OK;
}
