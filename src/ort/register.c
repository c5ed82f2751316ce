/*
 * register.c -- libraries of custom operators: each has a function RegisterCustomOps that adds its domains to a
 * session's options.
 */
#include "ort/custom.h"
#include "ort/guard.h"

#include <dlfcn.h>
#include <stdlib.h>

ort_library *ort_library_ref(ort_library *l) {
    atomic_fetch_add(&l->refs, 1);
    return l;
}

void ort_library_unref(ort_library *l) {
    if (!l || atomic_fetch_sub(&l->refs, 1) != 1) return;
    if (l->handle) dlclose(l->handle);
    free(l);
}

typedef struct registration {
    RegisterCustomOpsFn fn;
    OrtSessionOptions *options;
} registration;

static OrtStatus *call_it(void *arg) {
    const registration *r = arg;
    return r->fn(r->options, OrtGetApiBase());
}

static OrtStatus *call(RegisterCustomOpsFn fn, OrtSessionOptions *o) {
    registration r = {fn, o};
    return ort_guarded(call_it, &r);
}

static RegisterCustomOpsFn function_of(void *handle, const char *name) {
    RegisterCustomOpsFn fn;
    *(void **)&fn = dlsym(handle, name); /* POSIX: a function's address as an object's */
    return fn;
}

/* Opens a library and has it register; *handle is set as soon as it is open. */
static OrtStatus *open_and_register(OrtSessionOptions *o, const char *path, void **handle) {
    *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!*handle) {
        const char *why = dlerror();
        return ort_fail(ORT_FAIL, "Failed to load library %s with error: %s", path, why ? why : "unknown");
    }
    const RegisterCustomOpsFn fn = function_of(*handle, "RegisterCustomOps");
    REQUIRE(fn, ORT_FAIL, "the library %s has no function RegisterCustomOps", path);
    return call(fn, o);
}

/* The client closes the handle when no session is left, or on failure when there is one. */
OrtStatus *ort_RegisterCustomOpsLibrary(OrtSessionOptions *o, const char *path, void **handle) {
    NOT_NULL(o);
    NOT_NULL(path);
    NOT_NULL(handle);
    return open_and_register(o, path, handle);
}

/* The options and the sessions made with them keep the library open. */
OrtStatus *ort_RegisterCustomOpsLibrary_V2(OrtSessionOptions *o, const char *path) {
    NOT_NULL(o);
    NOT_NULL(path);
    ort_library *l = calloc(1, sizeof *l);
    if (!l || !ort_grow(&o->libraries, o->n_libraries, &o->cap_libraries, sizeof *o->libraries)) {
        free(l);
        return ort_no_memory(sizeof *l);
    }
    atomic_init(&l->refs, 1);
    o->libraries[o->n_libraries++] = l; /* before it registers: on failure its domains may be there already */
    return open_and_register(o, path, &l->handle);
}

OrtStatus *ort_RegisterCustomOpsUsingFunction(OrtSessionOptions *o, const char *name) {
    NOT_NULL(o);
    NOT_NULL(name);
    REQUIRE(*name, ORT_FAIL, "RegisterCustomOpsUsingFunction: the name of the registration function is empty");
    const RegisterCustomOpsFn fn = function_of(RTLD_DEFAULT, name);
    REQUIRE(fn, ORT_FAIL, "RegisterCustomOpsUsingFunction: no function %s was found in this process", name);
    return call(fn, o);
}

OrtStatus *ort_EnableOrtCustomOps(OrtSessionOptions *o) {
    NOT_NULL(o);
    return ort_fail(ORT_FAIL, "EnableOrtCustomOps: the operators of onnxruntime-extensions are not part of this "
                              "library: give its file to RegisterCustomOpsLibrary_V2");
}
