/*
 * write.c -- a model back to ONNX: the imported graph, or the optimised one.
 */
#include "api/api.h"

/* Where the model goes, and what of it goes elsewhere. */
typedef struct target {
    const char *path; /* NULL: to memory */
    uint8_t *data;
    size_t n;
    const char *external; /* NULL: no file for big tensors */
    size_t min_bytes;
    sard_place_fn place; /* NULL: nobody is asked where tensors go */
    void *user;
} target;

/* ---- tensors that lie elsewhere ----------------------------------------------------------------------------------- */

/* Whether the bytes are in one of the files that lie beside the model's. */
static bool find_place(const sard_model *m, onnx_bytes bytes, sard_place *out) {
    if (!m->has_src || !bytes.n) return false;
    for (const onnx_data_file *f = m->src.store.files; f; f = f->next) {
        const uintptr_t from = (uintptr_t)f->bytes.p, at = (uintptr_t)bytes.p;
        if (at < from || at - from > f->bytes.n || bytes.n > f->bytes.n - (at - from)) continue;
        *out = (sard_place){f->name.p, at - from, bytes.n};
        return true;
    }
    return false;
}

static sard_status set_entry(onnx_entry *e, const char *key, const char *value, sard_error *err) {
    if (!value) return err_nomem(err, 32);
    *e = (onnx_entry){.key = str_of(key), .value = str_of(value)};
    return SARD_OK;
}

/* The tensor without its bytes, which are at the place. */
static sard_status refer(onnx_tensor *t, const sard_place *to, arena *mem, sard_error *err) {
    FAIL_IF(t->data_type == SARD_STRING, err, SARD_INVALID_ARGUMENT,
            "tensor '%s' is of strings, which must be in the model: it was placed in '%s'", t->name.p, to->file);
    FAIL_IF(!*to->file, err, SARD_INVALID_ARGUMENT, "tensor '%s' was placed in a file without a name", t->name.p);
    FAIL_IF(to->bytes != t->raw.n, err, SARD_INVALID_ARGUMENT,
            "tensor '%s' has %zu bytes, %llu were placed in the file '%s'", t->name.p, t->raw.n,
            (unsigned long long)to->bytes, to->file);
    FAIL_IF(to->offset > INT64_MAX - to->bytes, err, SARD_INVALID_ARGUMENT,
            "tensor '%s' was placed at offset %llu of the file '%s'", t->name.p, (unsigned long long)to->offset,
            to->file);
    onnx_entry *e = arena_calloc(mem, 3, sizeof *e);
    if (!e) return err_nomem(err, 3 * sizeof *e);
    TRY(set_entry(e, "location", arena_printf(mem, "%s", to->file), err));
    TRY(set_entry(e + 1, "offset", arena_printf(mem, "%llu", (unsigned long long)to->offset), err));
    TRY(set_entry(e + 2, "length", arena_printf(mem, "%llu", (unsigned long long)to->bytes), err));
    t->external = e;
    t->n_external = 3;
    t->data_location = ONNX_EXTERNAL;
    t->raw = (onnx_bytes){NULL, 0};
    return SARD_OK;
}

static sard_status place_tensor(const sard_model *m, const target *to, onnx_model *out, onnx_tensor *t, arena *mem,
                                sard_error *err) {
    sard_place from, at = {0};
    sard_error own = {0};
    sard_value *v;
    const bool is_outside = find_place(m, t->raw, &from), copy = t->raw.n && dtype_odd_address(t->data_type, t->raw.p);
    TRY(import_tensor(out, t, copy, &v, err));
    const sard_status st = to->place(to->user, t->name.p, v, is_outside ? &from : NULL, &at, &own);
    sard_value_unref(v);
    FAIL_IF(st != SARD_OK, err, st, "tensor '%s': %s", t->name.p,
            *own.message ? own.message : "the function that is asked for its place failed");
    return at.file ? refer(t, &at, mem, err) : SARD_OK;
}

static sard_status place_tensors(const sard_model *m, const target *to, onnx_model *out, onnx_graph *g, arena *mem,
                                 sard_error *err) {
    for (size_t i = 0; i < g->n_initializers; i++) TRY(place_tensor(m, to, out, &g->initializers[i], mem, err));
    for (size_t i = 0; i < g->n_nodes; i++)
        for (size_t k = 0; k < g->nodes[i].n_attrs; k++) /* export has bounded how deep bodies are */
            if (g->nodes[i].attrs[k].g) TRY(place_tensors(m, to, out, g->nodes[i].attrs[k].g, mem, err));
    return SARD_OK;
}

/* ---- writing ------------------------------------------------------------------------------------------------------ */

static sard_status write_to(const sard_model *m, int stage, target *to, sard_error *err) {
    const module *mod = NULL;
    TRY(api_stage(m, stage, &mod, err));
    arena mem;
    arena_init(&mem);
    onnx_model out = {0};
    sard_status st = export_model(mod, &m->meta, &mem, &out, err);
    if (st == SARD_OK && to->place) st = place_tensors(m, to, &out, out.graph, &mem, err);
    if (st == SARD_OK)
        st = to->path ? onnx_write_path(&out, to->path, to->external, to->min_bytes, err)
                      : onnx_write_mem(&out, NULL, &to->data, &to->n, err);
    onnx_store_deinit(&out.store);
    arena_free(&mem);
    if (st == SARD_OK) return SARD_OK;
    return to->path ? err_context(err, st, "write '%s'", to->path) : err_context(err, st, "serialize");
}

sard_status sard_model_write_split(const sard_model *m, int stage, const char *path, const char *external,
                                   size_t min_bytes, sard_error *err) {
    FAIL_IF(!path, err, SARD_INVALID_ARGUMENT, "write: the path is NULL");
    return write_to(m, stage, &(target){.path = path, .external = external, .min_bytes = min_bytes}, err);
}

sard_status sard_model_write(const sard_model *m, int stage, const char *path, const char *external, sard_error *err) {
    enum { EXTERNAL_MIN = 1024 };
    return sard_model_write_split(m, stage, path, external, EXTERNAL_MIN, err);
}

sard_status sard_model_write_placed(const sard_model *m, int stage, const char *path, sard_place_fn place, void *user,
                                    sard_error *err) {
    FAIL_IF(!path || !place, err, SARD_INVALID_ARGUMENT, "write: the %s is NULL", path ? "function" : "path");
    return write_to(m, stage, &(target){.path = path, .place = place, .user = user}, err);
}

static sard_status to_memory(const sard_model *m, int stage, target *to, void **data, size_t *n, sard_error *err) {
    TRY(write_to(m, stage, to, err));
    *data = to->data;
    *n = to->n;
    return SARD_OK;
}

sard_status sard_model_serialize_placed(const sard_model *m, int stage, sard_place_fn place, void *user, void **data,
                                        size_t *n, sard_error *err) {
    FAIL_IF(!place, err, SARD_INVALID_ARGUMENT, "serialize: the function is NULL");
    return to_memory(m, stage, &(target){.place = place, .user = user}, data, n, err);
}

sard_status sard_model_serialize(const sard_model *m, int stage, void **data, size_t *n, sard_error *err) {
    return to_memory(m, stage, &(target){0}, data, n, err);
}
