/*
 * tables.h -- the ABI's function tables as structs, and a prototype for the function behind each entry.
 *
 * Both come from the rows of the .def files, so that a table cannot be out of order with its functions.
 */
#ifndef SARD_ORT_TABLES_H
#define SARD_ORT_TABLES_H

#include "ort/types.h"

#define ORT(ret, name, args) ret(*name) args;
struct OrtApi {
#include "ort/api.def"
};
struct OrtModelEditorApi {
#include "ort/editor.def"
};
struct OrtCompileApi {
#include "ort/compile.def"
};
struct OrtInteropApi {
#include "ort/interop.def"
};
struct OrtEpApi {
#include "ort/ep.def"
};
struct OrtModelPackageApi {
#include "ort/package.def"
};
#undef ORT

#define ORT(ret, name, args) ret ort_##name args;
#include "ort/api.def"
#undef ORT
#define ORT(ret, name, args) ret editor_##name args;
#include "ort/editor.def"
#undef ORT
#define ORT(ret, name, args) ret compile_##name args;
#include "ort/compile.def"
#undef ORT
#define ORT(ret, name, args) ret interop_##name args;
#include "ort/interop.def"
#undef ORT
#define ORT(ret, name, args) ret ep_##name args;
#include "ort/ep.def"
#undef ORT
#define ORT(ret, name, args) ret package_##name args;
#include "ort/package.def"
#undef ORT

struct OrtApiBase {
    const OrtApi *(*GetApi)(uint32_t version);
    const char *(*GetVersionString)(void);
};

extern const OrtApi ort_table;
extern const OrtModelEditorApi editor_table;
extern const OrtCompileApi compile_table;
extern const OrtInteropApi interop_table;
extern const OrtEpApi ep_table;
extern const OrtModelPackageApi package_table;

#endif
