/*
 * binding.c -- OrtIoBinding: a run's inputs and outputs by name, kept from run to run.
 *
 * A binding shares the values it is given, so a client may release its own. An output bound to memory rather than to a
 * value gets a new value with each run: whoever took the former one keeps it, and shapes may differ from run to run.
 */
#include "ort/internal.h"

#include <stdlib.h>
#include <string.h>

typedef struct bound {
    char *name;
    OrtValue *v; /* NULL: an output that the next run makes */
    bool made;   /* v is a run's result, not a client's value */
} bound;

typedef struct bound_list {
    bound *at;
    size_t n, cap;
} bound_list;

struct OrtIoBinding {
    OrtSession *session; /* with a reference of ours */
    bound_list in, out;  /* in the order in which they were bound */
};

static void list_clear(bound_list *l) {
    for (size_t i = 0; i < l->n; i++) {
        free(l->at[i].name);
        ort_ReleaseValue(l->at[i].v);
    }
    l->n = 0;
}

/* Binds, or binds anew in the same place. */
static OrtStatus *list_set(bound_list *l, const char *name, const OrtValue *v) {
    size_t i = 0;
    while (i < l->n && strcmp(l->at[i].name, name) != 0) i++;
    if (i == l->n) {
        if (!ort_grow(&l->at, l->n, &l->cap, sizeof *l->at)) return ort_no_memory(sizeof *l->at);
        char *copy = strdup(name);
        if (!copy) return ort_no_memory(strlen(name));
        l->at[l->n++] = (bound){.name = copy};
    }
    ort_ReleaseValue(l->at[i].v);
    l->at[i].v = v ? ort_value_share(v) : NULL;
    l->at[i].made = false;
    return NULL;
}

OrtStatus *ort_CreateIoBinding(OrtSession *session, OrtIoBinding **out) {
    NOT_NULL(session);
    NOT_NULL(out);
    OrtIoBinding *b = calloc(1, sizeof *b);
    if (!b) return ort_no_memory(sizeof *b);
    atomic_fetch_add(&session->refs, 1);
    b->session = session;
    *out = b;
    return NULL;
}

void ort_ReleaseIoBinding(OrtIoBinding *b) {
    if (!b) return;
    list_clear(&b->in);
    list_clear(&b->out);
    free(b->in.at);
    free(b->out.at);
    ort_session_unref(b->session);
    free(b);
}

static bool is_input(const sard_model *m, const char *name) {
    for (size_t i = 0; i < sard_model_inputs(m); i++)
        if (strcmp(sard_model_input_name(m, i), name) == 0) return true;
    for (size_t i = 0; i < sard_model_overridables(m); i++)
        if (strcmp(sard_model_overridable_name(m, i), name) == 0) return true;
    return false;
}

OrtStatus *ort_BindInput(OrtIoBinding *b, const char *name, const OrtValue *v) {
    NOT_NULL(b);
    NOT_NULL(name);
    NOT_NULL(v);
    REQUIRE(is_input(b->session->model, name), ORT_FAIL, "BindInput: Failed to find input name in the mapping: %s",
            name);
    return list_set(&b->in, name, v);
}

OrtStatus *ort_BindOutput(OrtIoBinding *b, const char *name, const OrtValue *v) {
    NOT_NULL(b);
    NOT_NULL(name);
    NOT_NULL(v);
    return list_set(&b->out, name, v);
}

OrtStatus *ort_BindOutputToDevice(OrtIoBinding *b, const char *name, const OrtMemoryInfo *info) {
    NOT_NULL(b);
    NOT_NULL(name);
    NOT_NULL(info);
    REQUIRE(info->device == OrtMemoryInfoDeviceType_CPU, ORT_INVALID_ARGUMENT,
            "BindOutputToDevice: this build makes outputs in the CPU's memory, not in '%s'", info->name);
    return list_set(&b->out, name, NULL);
}

void ort_ClearBoundInputs(OrtIoBinding *b) {
    if (b) list_clear(&b->in);
}

void ort_ClearBoundOutputs(OrtIoBinding *b) {
    if (b) list_clear(&b->out);
}

/* Runs are done when they return, so nothing is left to wait for. */
OrtStatus *ort_SynchronizeBoundInputs(OrtIoBinding *b) {
    NOT_NULL(b);
    return NULL;
}

OrtStatus *ort_SynchronizeBoundOutputs(OrtIoBinding *b) {
    NOT_NULL(b);
    return NULL;
}

/* ---- the run ------------------------------------------------------------------------------------------------------ */

typedef struct lists { /* a binding as Run takes it */
    const char **names;
    OrtValue **values;
} lists;

static bool lists_new(const bound_list *from, bool outputs, lists *out) {
    out->names = calloc(from->n + 1, sizeof *out->names);
    out->values = calloc(from->n + 1, sizeof(OrtValue *));
    if (!out->names || !out->values) return false;
    for (size_t i = 0; i < from->n; i++) {
        out->names[i] = from->at[i].name;
        out->values[i] = outputs && from->at[i].made ? NULL : from->at[i].v;
    }
    return true;
}

static void lists_free(lists *l) {
    free(l->names);
    free(l->values);
}

OrtStatus *ort_RunWithBinding(OrtSession *session, const OrtRunOptions *options, const OrtIoBinding *binding) {
    NOT_NULL(session);
    NOT_NULL(binding);
    OrtIoBinding *b = (OrtIoBinding *)(uintptr_t)binding; /* the results go into it */
    lists in = {0}, out = {0};
    OrtStatus *st = NULL;
    if (!lists_new(&b->in, false, &in) || !lists_new(&b->out, true, &out)) st = ort_no_memory(b->in.n + b->out.n);
    if (!st)
        st = ort_Run(session, options, in.names, (const OrtValue *const *)in.values, b->in.n, out.names, b->out.n,
                     out.values);
    for (size_t i = 0; i < b->out.n && !st; i++) {
        bound *o = &b->out.at[i];
        if (o->v && !o->made) continue;
        ort_ReleaseValue(o->v);
        o->v = out.values[i];
        o->made = true;
    }
    lists_free(&in);
    lists_free(&out);
    return st;
}

/* ---- results ------------------------------------------------------------------------------------------------------ */

OrtStatus *ort_GetBoundOutputNames(const OrtIoBinding *b, OrtAllocator *allocator, char **buffer, size_t **lengths,
                                   size_t *count) {
    NOT_NULL(b);
    NOT_NULL(allocator);
    NOT_NULL(buffer);
    NOT_NULL(lengths);
    NOT_NULL(count);
    size_t bytes = 0;
    *buffer = NULL;
    *lengths = NULL;
    *count = 0;
    if (!b->out.n) return NULL;
    for (size_t i = 0; i < b->out.n; i++) bytes += strlen(b->out.at[i].name);
    char *text = allocator->Alloc(allocator, bytes ? bytes : 1);
    size_t *lens = text ? allocator->Alloc(allocator, b->out.n * sizeof *lens) : NULL;
    if (!lens) {
        if (text) allocator->Free(allocator, text);
        return ort_no_memory(bytes);
    }
    size_t at = 0;
    for (size_t i = 0; i < b->out.n; i++) {
        lens[i] = strlen(b->out.at[i].name);
        memcpy(text + at, b->out.at[i].name, lens[i]);
        at += lens[i];
    }
    *buffer = text;
    *lengths = lens;
    *count = b->out.n;
    return NULL;
}

/* A value that holds nothing: an output before its first run. */
static OrtStatus *empty_value(OrtValue **out) {
    sard_value *v;
    sard_error err;
    const sard_status st = sard_optional_new(NULL, SARD_F32, &v, &err);
    return st == SARD_OK ? ort_value_new(v, out) : ort_from_error(st, &err, false);
}

OrtStatus *ort_GetBoundOutputValues(const OrtIoBinding *b, OrtAllocator *allocator, OrtValue ***out, size_t *count) {
    NOT_NULL(b);
    NOT_NULL(allocator);
    NOT_NULL(out);
    NOT_NULL(count);
    *out = NULL;
    *count = 0;
    if (!b->out.n) return NULL;
    OrtValue **list = allocator->Alloc(allocator, b->out.n * sizeof *list);
    if (!list) return ort_no_memory(b->out.n * sizeof *list);
    for (size_t i = 0; i < b->out.n; i++) {
        OrtStatus *st = NULL;
        if (b->out.at[i].v)
            list[i] = ort_value_share(b->out.at[i].v);
        else
            st = empty_value(&list[i]);
        if (!st) continue;
        while (i--) ort_ReleaseValue(list[i]);
        allocator->Free(allocator, list);
        return st;
    }
    *out = list;
    *count = b->out.n;
    return NULL;
}
