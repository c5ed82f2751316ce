/*
 * compile.c -- "compiling" a model ahead of time: the CPU needs nothing compiled, so that what is written is the model
 * itself, optimised as far as was asked for.
 */
#include "ort/graph.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct OrtModelCompilationOptions {
    OrtSessionOptions *session; /* a copy; its level is the compilation's */
    uint32_t flags;
    /* from: one of these */
    char *path;
    const void *data; /* the client keeps it until the model is compiled, the model too */
    size_t n;
    const OrtModel *model;
    /* to: one of these; none: a path made of the input's */
    char *out_path;
    OrtAllocator *allocator;
    void **out_data;
    size_t *out_n;
    OrtWriteBufferFunc write;
    void *write_state;

    char *external; /* NULL: initializers stay in the model */
    size_t external_above;
    OrtGetInitializerLocationFunc locate; /* NULL: not set; else external is NULL */
    void *locate_state;
};

/* ---- options ------------------------------------------------------------------------------------------------------ */

OrtStatus *compile_CreateModelCompilationOptionsFromSessionOptions(const OrtEnv *env, const OrtSessionOptions *session,
                                                                   OrtModelCompilationOptions **out) {
    NOT_NULL(env);
    NOT_NULL(session);
    NOT_NULL(out);
    OrtModelCompilationOptions *o = calloc(1, sizeof *o);
    if (!o) return ort_no_memory(sizeof *o);
    OrtStatus *st = ort_CloneSessionOptions(session, &o->session);
    if (st) {
        free(o);
        return st;
    }
    o->session->level = ORT_DISABLE_ALL;
    *out = o;
    return NULL;
}

void compile_ReleaseModelCompilationOptions(OrtModelCompilationOptions *o) {
    if (!o) return;
    ort_ReleaseSessionOptions(o->session);
    free(o->path);
    free(o->out_path);
    free(o->external);
    free(o);
}

static OrtStatus *replace_text(char **at, const char *text) {
    char *copy = text ? strdup(text) : NULL;
    if (text && !copy) return ort_no_memory(strlen(text));
    free(*at);
    *at = copy;
    return NULL;
}

/* The input is what was set last. */
static OrtStatus *set_input(OrtModelCompilationOptions *o, const char *path, const void *data, size_t n,
                            const OrtModel *model) {
    TRY_ORT(replace_text(&o->path, path));
    o->data = data;
    o->n = n;
    o->model = model;
    return NULL;
}

OrtStatus *compile_ModelCompilationOptions_SetInputModelPath(OrtModelCompilationOptions *o, const char *path) {
    NOT_NULL(o);
    NOT_NULL(path);
    REQUIRE(*path, ORT_INVALID_ARGUMENT, "Invalid input model: path string is empty");
    return set_input(o, path, NULL, 0, NULL);
}

OrtStatus *compile_ModelCompilationOptions_SetInputModelFromBuffer(OrtModelCompilationOptions *o, const void *data,
                                                                   size_t n) {
    NOT_NULL(o);
    NOT_NULL(data);
    REQUIRE(n, ORT_INVALID_ARGUMENT, "Invalid input model: data size is 0");
    return set_input(o, NULL, data, n, NULL);
}

OrtStatus *compile_ModelCompilationOptions_SetInputModel(OrtModelCompilationOptions *o, const OrtModel *model) {
    NOT_NULL(o);
    NOT_NULL(model);
    return set_input(o, NULL, NULL, 0, model);
}

/* So is the output. */
static OrtStatus *set_output(OrtModelCompilationOptions *o, const char *path) {
    TRY_ORT(replace_text(&o->out_path, path));
    o->allocator = NULL;
    o->out_data = NULL;
    o->out_n = NULL;
    o->write = NULL;
    o->write_state = NULL;
    return NULL;
}

OrtStatus *compile_ModelCompilationOptions_SetOutputModelPath(OrtModelCompilationOptions *o, const char *path) {
    NOT_NULL(o);
    NOT_NULL(path);
    REQUIRE(*path, ORT_INVALID_ARGUMENT, "Invalid output model path: path is empty");
    return set_output(o, path);
}

OrtStatus *compile_ModelCompilationOptions_SetOutputModelBuffer(OrtModelCompilationOptions *o, OrtAllocator *allocator,
                                                                void **data, size_t *n) {
    NOT_NULL(o);
    NOT_NULL(allocator);
    NOT_NULL(data);
    NOT_NULL(n);
    TRY_ORT(set_output(o, NULL));
    o->allocator = allocator;
    o->out_data = data;
    o->out_n = n;
    *data = NULL;
    *n = 0;
    return NULL;
}

OrtStatus *compile_ModelCompilationOptions_SetOutputModelWriteFunc(OrtModelCompilationOptions *o,
                                                                   OrtWriteBufferFunc write, void *state) {
    NOT_NULL(o);
    NOT_NULL(write);
    TRY_ORT(set_output(o, NULL));
    o->write = write;
    o->write_state = state;
    return NULL;
}

OrtStatus *compile_ModelCompilationOptions_SetOutputModelExternalInitializersFile(OrtModelCompilationOptions *o,
                                                                                  const char *path, size_t above) {
    NOT_NULL(o);
    NOT_NULL(path);
    REQUIRE(*path, ORT_INVALID_ARGUMENT, "Invalid external initializer file: path is empty");
    TRY_ORT(replace_text(&o->external, path));
    o->external_above = above;
    o->locate = NULL;
    return NULL;
}

OrtStatus *compile_ModelCompilationOptions_SetOutputModelGetInitializerLocationFunc(
    OrtModelCompilationOptions *o, OrtGetInitializerLocationFunc locate, void *state) {
    NOT_NULL(o);
    NOT_NULL(locate);
    TRY_ORT(replace_text(&o->external, NULL));
    o->locate = locate;
    o->locate_state = state;
    return NULL;
}

OrtStatus *compile_ModelCompilationOptions_SetGraphOptimizationLevel(OrtModelCompilationOptions *o,
                                                                     GraphOptimizationLevel level) {
    NOT_NULL(o);
    return ort_SetSessionGraphOptimizationLevel(o->session, level);
}

OrtStatus *compile_ModelCompilationOptions_SetFlags(OrtModelCompilationOptions *o, uint32_t flags) {
    NOT_NULL(o);
    o->flags = flags;
    return NULL;
}

/* The next three are about the binaries of other devices, of which there are none. */
OrtStatus *compile_ModelCompilationOptions_SetEpContextEmbedMode(OrtModelCompilationOptions *o, bool embed) {
    (void)embed;
    NOT_NULL(o);
    return NULL;
}

OrtStatus *compile_ModelCompilationOptions_SetEpContextBinaryInformation(OrtModelCompilationOptions *o,
                                                                         const char *folder, const char *name) {
    struct stat info;
    NOT_NULL(o);
    NOT_NULL(folder);
    NOT_NULL(name);
    REQUIRE(stat(folder, &info) == 0 && S_ISDIR(info.st_mode), ORT_INVALID_ARGUMENT, "'%s' is not a folder", folder);
    return NULL;
}

OrtStatus *compile_ModelCompilationOptions_SetWeightlessEnabled(OrtModelCompilationOptions *o, bool enabled) {
    (void)enabled;
    NOT_NULL(o);
    return NULL;
}

/* ---- compiling ---------------------------------------------------------------------------------------------------- */

static OrtStatus *read_model(const OrtEnv *env, const OrtModelCompilationOptions *o, sard_model **out) {
    sard_options *options;
    sard_error err;
    REQUIRE(o->path || o->data || o->model, ORT_INVALID_ARGUMENT,
            "Input model to compile must be specified via file path, memory buffer, or OrtModel");
    REQUIRE(!o->path || access(o->path, F_OK) == 0, ORT_INVALID_ARGUMENT, "Input model path does not exist: \"%s\"",
            o->path);
    TRY_ORT(ort_load_options(env, o->session, &options));
    OrtStatus *bad = NULL;
    if (o->model) {
        bad = ort_model_build(o->model, options, out);
    } else {
        const sard_status st =
            o->path ? ort_load_file(o->path, options, out, &err) : ort_load_bytes(o->data, o->n, 1, options, out, &err);
        if (st != SARD_OK) bad = ort_from_error(st, &err, true);
    }
    sard_options_free(options);
    return bad;
}

/* "/folder/model.onnx" -> "/folder/model_ctx.onnx"; freed by the caller. */
static char *default_path(const char *input) {
    static const char suffix[] = "_ctx.onnx";
    const char *name = strrchr(input, '/'), *dot = strrchr(name ? name + 1 : input, '.');
    const size_t n = dot ? (size_t)(dot - input) : strlen(input);
    char *path = malloc(n + sizeof suffix);
    if (!path) return NULL;
    memcpy(path, input, n);
    memcpy(path + n, suffix, sizeof suffix);
    return path;
}

/* The external file's name, when it lies beside the model; NULL when it does not. */
static const char *beside(const char *external, const char *model) {
    const char *name = strrchr(external, '/'), *model_name = strrchr(model, '/');
    if (!name) return external;
    const size_t n = (size_t)(name - external);
    return model_name && n == (size_t)(model_name - model) && memcmp(external, model, n) == 0 ? name + 1 : NULL;
}

/* The client's function as sard_place_fn. */
typedef struct locator {
    const OrtModelCompilationOptions *o;
    OrtExternalInitializerInfo *info; /* the last answer, whose text is still in use */
    OrtStatus *failed;
} locator;

static OrtStatus *ask(locator *l, const char *name, sard_value *value, const sard_place *from) {
    OrtValue *v;
    OrtExternalInitializerInfo *was = NULL;
    TRY_ORT(ort_value_new(sard_value_ref(value), &v));
    OrtStatus *st =
        from ? ort_CreateExternalInitializerInfo(from->file, (int64_t)from->offset, from->bytes, &was) : NULL;
    if (!st) st = l->o->locate(l->o->locate_state, name, v, was, &l->info);
    ort_ReleaseExternalInitializerInfo(was);
    ort_ReleaseValue(v);
    return st;
}

static sard_status locate(void *user, const char *name, sard_value *value, const sard_place *from, sard_place *to,
                          sard_error *err) {
    (void)err; /* a failure is told as it was made */
    locator *l = user;
    ort_ReleaseExternalInitializerInfo(l->info);
    l->info = NULL;
    l->failed = ask(l, name, value, from);
    const int64_t offset = ort_ExternalInitializerInfo_GetFileOffset(l->info);
    if (!l->failed && offset < 0)
        l->failed = ort_fail(ORT_INVALID_ARGUMENT, "CompileModel: initializer '%s' is placed at offset %lld of '%s'",
                             name, (long long)offset, ort_ExternalInitializerInfo_GetFilePath(l->info));
    if (l->failed) return SARD_INVALID_ARGUMENT;
    if (l->info)
        *to = (sard_place){ort_ExternalInitializerInfo_GetFilePath(l->info), (uint64_t)offset,
                           ort_ExternalInitializerInfo_GetByteSize(l->info)};
    return SARD_OK;
}

/* Writes to the path, or to bytes when it is NULL. */
static OrtStatus *write_located(const OrtModelCompilationOptions *o, const sard_model *m, int stage, const char *path,
                                void **data, size_t *n) {
    sard_error err;
    locator l = {.o = o};
    const sard_status st = path ? sard_model_write_placed(m, stage, path, locate, &l, &err)
                                : sard_model_serialize_placed(m, stage, locate, &l, data, n, &err);
    ort_ReleaseExternalInitializerInfo(l.info);
    if (l.failed) return l.failed;
    return st == SARD_OK ? NULL : ort_from_error(st, &err, false);
}

static OrtStatus *write_file(const OrtModelCompilationOptions *o, const sard_model *m, int stage, const char *path) {
    sard_error err;
    sard_status st;
    REQUIRE(!(o->flags & OrtCompileApiFlags_ERROR_IF_OUTPUT_FILE_EXISTS) || access(path, F_OK) != 0, ORT_FAIL,
            "CompileModel: the output file \"%s\" exists already", path);
    if (o->locate) return write_located(o, m, stage, path, NULL, NULL);
    if (o->external) {
        const char *name = beside(o->external, path);
        REQUIRE(name && *name, ORT_INVALID_ARGUMENT,
                "CompileModel: the file of external initializers \"%s\" must lie in the folder of the model \"%s\"",
                o->external, path);
        const size_t least = o->external_above == SIZE_MAX ? SIZE_MAX : o->external_above + 1;
        st = sard_model_write_split(m, stage, path, name, least, &err);
    } else {
        st = sard_model_write(m, stage, path, NULL, &err);
    }
    return st == SARD_OK ? NULL : ort_from_error(st, &err, false);
}

static OrtStatus *write_bytes(const OrtModelCompilationOptions *o, const sard_model *m, int stage) {
    void *data;
    size_t n;
    sard_error err;
    REQUIRE(!o->external, ORT_INVALID_ARGUMENT,
            "CompileModel: external initializers go beside a model file: set the path of the output");
    if (o->locate) {
        TRY_ORT(write_located(o, m, stage, NULL, &data, &n));
    } else {
        const sard_status st = sard_model_serialize(m, stage, &data, &n, &err);
        if (st != SARD_OK) return ort_from_error(st, &err, false);
    }
    OrtStatus *bad = NULL;
    if (o->write) {
        bad = o->write(o->write_state, data, n);
    } else {
        *o->out_data = o->allocator->Alloc(o->allocator, n);
        if (*o->out_data) {
            memcpy(*o->out_data, data, n);
            *o->out_n = n;
        } else {
            bad = ort_no_memory(n);
        }
    }
    sard_free(data);
    return bad;
}

OrtStatus *compile_CompileModel(const OrtEnv *env, const OrtModelCompilationOptions *o) {
    NOT_NULL(env);
    NOT_NULL(o);
    sard_model *m;
    const int stage = o->session->level == ORT_DISABLE_ALL ? 0 : 1;
    char *own = NULL;
    const char *path = o->out_path;
    if (!path && !o->allocator && !o->write) {
        REQUIRE(o->path || (!o->data && !o->model), ORT_INVALID_ARGUMENT,
                "CompileModel: the output of a model from memory must be set: a path, a buffer or a function");
        if (o->path && !(own = default_path(o->path))) return ort_no_memory(strlen(o->path));
        path = own;
    }
    OrtStatus *st = read_model(env, o, &m);
    if (!st) {
        if (o->flags & OrtCompileApiFlags_ERROR_IF_NO_NODES_COMPILED)
            st = ort_fail(ORT_FAIL, "Unable to compile any nodes: the CPU runs a model's nodes as they are");
        else
            st = path ? write_file(o, m, stage, path) : write_bytes(o, m, stage);
        sard_model_unref(m);
    }
    free(own);
    return st;
}
