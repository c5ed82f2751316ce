/*
 * table.c -- the entry of the library: OrtGetApiBase, and the tables it leads to.
 *
 * One table serves every version of the API, since a newer one only ever adds entries at its end.
 */
#include "ort/internal.h"

#include <stdio.h>

#define ORT(ret, name, args) .name = ort_##name,
const OrtApi ort_table = {
#include "ort/api.def"
};
#undef ORT
#define ORT(ret, name, args) .name = editor_##name,
const OrtModelEditorApi editor_table = {
#include "ort/editor.def"
};
#undef ORT
#define ORT(ret, name, args) .name = compile_##name,
const OrtCompileApi compile_table = {
#include "ort/compile.def"
};
#undef ORT
#define ORT(ret, name, args) .name = interop_##name,
const OrtInteropApi interop_table = {
#include "ort/interop.def"
};
#undef ORT
#define ORT(ret, name, args) .name = ep_##name,
const OrtEpApi ep_table = {
#include "ort/ep.def"
};
#undef ORT
#define ORT(ret, name, args) .name = package_##name,
const OrtModelPackageApi package_table = {
#include "ort/package.def"
};
#undef ORT

_Static_assert(sizeof(OrtApi) == 428 * sizeof(void *), "the table has 428 entries");
_Static_assert(sizeof(OrtAllocator) == 64 && sizeof(OrtCustomOp) == 208, "layouts that clients were compiled with");
_Static_assert(sizeof(OrtEnvCreationOptions) == 48 && sizeof(OrtThreadPoolCallbacksConfig) == 48, "the same");

const OrtModelEditorApi *ort_GetModelEditorApi(void) { return &editor_table; }
const OrtCompileApi *ort_GetCompileApi(void) { return &compile_table; }
const OrtInteropApi *ort_GetInteropApi(void) { return &interop_table; }
const OrtEpApi *ort_GetEpApi(void) { return &ep_table; }
const OrtModelPackageApi *ort_GetModelPackageApi(void) { return &package_table; }
/* Training is not offered; clients take NULL for that. */
const OrtTrainingApi *ort_GetTrainingApi(uint32_t version) { return (void)version, NULL; }

const char *ort_GetBuildInfoString(void) { return "sard " ORT_VERSION_TEXT; }

static const OrtApi *get_api(uint32_t version) {
    if (version >= 1 && version <= ORT_API_NEWEST) return &ort_table;
    fprintf(stderr, "sard: API version %u was asked for; this library offers 1 to %d (as ONNX Runtime %s does)\n",
            version, ORT_API_NEWEST, ORT_VERSION_TEXT);
    return NULL;
}

static const char *get_version(void) { return ORT_VERSION_TEXT; }

ORT_EXPORT const OrtApiBase *OrtGetApiBase(void) {
    static const OrtApiBase base = {get_api, get_version};
    return &base;
}
