/*
 * import.h -- ONNX file <-> graph.
 *
 * Import makes a module of an onnx_model: functions inlined, names resolved through the bodies (captures added at every
 * level), every node raised to its operator's newest version by calling its `upgrade`, attributes checked against the
 * table. All problems are reported, not only the first; unsupported operators all at once. Constants are read in place.
 * Export writes a module back as ONNX at the lowest opset at which all its nodes are valid.
 */
#ifndef SARD_IMPORT_IMPORT_H
#define SARD_IMPORT_IMPORT_H

#include "graph/op.h"
#include "onnx/onnx.h"

typedef struct import_override { /* an initializer given by the caller */
    const char *name;
    sard_value *v;
} import_override;
typedef struct import_dim { /* a symbolic dimension fixed by the caller */
    const char *name;
    int64_t value;
    bool denotation; /* the name is a denotation: whatever dimensions have it */
} import_dim;

typedef struct import_options {
    const op_set *ops;
    problems *problems; /* not NULL */
    const import_override *overrides;
    size_t n_overrides;
    const import_dim *dims;
    size_t n_dims;
    bool ignore_unknown_dims; /* else a dimension that the model does not have is a problem */
    bool ignore_unknown_initializers;
    bool copy_weights; /* constants get memory of their own instead of lying in the file's mapping */
    run_ctl *ctl;      /* the module's from its first node on; may be NULL */
} import_options;

/* src must outlive the module unless copy_weights. Ends with SARD_OK, or the first problem (all were reported). */
sard_status import_model(onnx_model *src, const import_options *o, module **out, sard_error *err);

/* A standalone TensorProto/SequenceProto/... as a value that owns its memory. */
sard_status import_tensor(onnx_model *src, const onnx_tensor *t, bool copy, sard_value **out, sard_error *err);

/* Fills *out (memory from `mem`; tensor data stays where it is) with the module as an ONNX model. `meta` (may be NULL)
 * gives producer, domain, doc strings and metadata. Internal nodes are written as model-local functions; what cannot be
 * is SARD_UNSUPPORTED naming the node. */
sard_status export_model(const module *m, const onnx_model *meta, arena *mem, onnx_model *out, sard_error *err);

#endif
