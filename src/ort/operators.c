/*
 * operators.c -- a file of custom operators as an operator library of the public API, without a session of the C ABI.
 */
#include "ort/operators.h"

#include "ort/custom.h"

static OrtStatus *open_into(OrtSessionOptions *o, const char *path, sard_op_library **out) {
    const OrtLogger logger = {.least = ORT_LOGGING_LEVEL_WARNING, .id = (char[]){"operators"}};
    TRY_ORT(ort_RegisterCustomOpsLibrary_V2(o, path));
    TRY_ORT(ort_custom_library(&logger, o, out));
    REQUIRE(*out, ORT_FAIL, "the library %s registered no operators", path);
    return NULL;
}

sard_status ort_operators_open(const char *path, sard_op_library **out, sard_error *err) {
    OrtSessionOptions *o;
    OrtStatus *st = ort_CreateSessionOptions(&o);
    if (st) return ort_to_error(st, err);
    st = open_into(o, path, out);
    ort_ReleaseSessionOptions(o);
    return ort_to_error(st, err);
}
