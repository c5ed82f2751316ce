/* exporter.h -- what export.c and export_data.c share. */
#ifndef SARD_IMPORT_EXPORTER_H
#define SARD_IMPORT_EXPORTER_H

#include "import/import.h"

typedef struct exporter {
    const module *m;
    arena *mem;
    strtab used;       /* names of values given so far, in all graphs: bodies must not shadow */
    strtab node_names; /* distinct as well: onnxruntime wants it */
    str **names;       /* per graph, per value; p NULL: not named yet */
    onnx_opset *opsets;
    size_t n_opsets, cap_opsets;
    uint32_t stamp; /* makes names distinct */
    int depth;
} exporter;

/* export_version.c: the oldest version of its operator at which a node is known to be valid and to mean the same */
int export_version(const graph *g, const node *n);
/* export_data.c */
sard_status export_text(exporter *x, const char *s, size_t n, str *out, sard_error *err);
sard_status export_type(exporter *x, const vtype *t, onnx_type **out, sard_error *err); /* NULL when nothing is known */
sard_status export_tensor(exporter *x, const sard_value *v, str name, onnx_tensor *out, sard_error *err);
/* All but graphs. */
sard_status export_attr(exporter *x, const attr *a, onnx_attr *out, sard_error *err);

#endif
