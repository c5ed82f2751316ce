/*
 * types.c -- types of values as the public API shows them.
 *
 * A sard_type is made once from the graph's type and lies in the model's memory: numbers as they are, symbols by name.
 */
#include "api/api.h"

#include <stdio.h>

static const char *arena_text(arena *mem, str s) { return s.n ? arena_strn(mem, s.p, s.n) : ""; }

static sard_status type_dims(const module *m, const vtype *t, const onnx_shape *decl, arena *mem, sard_type *out,
                             sard_error *err) {
    const size_t n = t->rank > 0 ? (size_t)t->rank : 0;
    out->rank = t->rank;
    out->dim = arena_calloc(mem, n + 1, sizeof *out->dim);
    out->name = arena_calloc(mem, n + 1, sizeof *out->name);
    out->denotation = arena_calloc(mem, n + 1, sizeof *out->denotation);
    if (!out->dim || !out->name || !out->denotation) return err_nomem(err, n * 24);
    for (size_t i = 0; i < n; i++) {
        const int64_t d = t->dim[i];
        out->dim[i] = dim_known(d) ? d : -1;
        out->name[i] = dim_is_sym(d) ? mod_str(m, DIM_SYM_ID(d)) : "";
        out->denotation[i] = decl && decl->n_dims == n ? arena_text(mem, decl->dims[i].denotation) : "";
        if (!out->denotation[i]) return err_nomem(err, decl->dims[i].denotation.n);
    }
    return SARD_OK;
}

sard_status api_type(const module *m, const vtype *t, const onnx_type *decl, arena *mem, const sard_type **out,
                     sard_error *err) {
    sard_type *r = arena_calloc(mem, 1, sizeof *r);
    if (!r) return err_nomem(err, sizeof *r);
    r->kind = t->kind;
    r->dtype = t->dtype;
    r->rank = -1;
    if (t->kind == SARD_KIND_TENSOR || t->kind == SARD_KIND_SPARSE_TENSOR)
        TRY(type_dims(m, t, decl ? decl->shape : NULL, mem, r, err));
    else if (t->elem < m->n_types)
        TRY(api_type(m, &m->types[t->elem], decl ? decl->elem : NULL, mem, &r->elem, err));
    *out = r;
    return SARD_OK;
}

sard_kind sard_type_kind(const sard_type *t) { return t ? (sard_kind)t->kind : SARD_KIND_UNKNOWN; }
sard_dtype sard_type_dtype(const sard_type *t) { return t ? (sard_dtype)t->dtype : SARD_UNDEFINED; }
int sard_type_rank(const sard_type *t) { return t ? t->rank : -1; }
int64_t sard_type_dim(const sard_type *t, int axis) { return t && axis >= 0 && axis < t->rank ? t->dim[axis] : -1; }
const char *sard_type_dim_name(const sard_type *t, int axis) {
    return t && axis >= 0 && axis < t->rank ? t->name[axis] : "";
}
const char *sard_type_dim_denotation(const sard_type *t, int axis) {
    return t && axis >= 0 && axis < t->rank ? t->denotation[axis] : "";
}
const sard_type *sard_type_elem(const sard_type *t) { return t ? t->elem : NULL; }

/* snprintf that goes on counting beyond the end. */
static void put(char *buf, size_t n, size_t *at, const char *s) {
    size_t len = strlen(s);
    if (*at < n) snprintf(buf + *at, n - *at, "%s", s);
    *at += len;
}

static void type_spell(const sard_type *t, char *buf, size_t n, size_t *at) {
    switch (sard_type_kind(t)) {
    case SARD_KIND_TENSOR:
    case SARD_KIND_SPARSE_TENSOR:
        put(buf, n, at, t->kind == SARD_KIND_TENSOR ? "tensor(" : "sparse_tensor(");
        put(buf, n, at, sard_dtype_onnx_name(t->dtype));
        break;
    case SARD_KIND_SEQUENCE:
        put(buf, n, at, "seq(");
        type_spell(t->elem, buf, n, at);
        break;
    case SARD_KIND_MAP:
        put(buf, n, at, "map(");
        put(buf, n, at, sard_dtype_onnx_name(t->dtype));
        put(buf, n, at, ",");
        type_spell(t->elem, buf, n, at);
        break;
    case SARD_KIND_OPTIONAL:
        put(buf, n, at, "optional(");
        type_spell(t->elem, buf, n, at);
        break;
    default:
        put(buf, n, at, "unknown");
        return;
    }
    put(buf, n, at, ")");
}

size_t sard_type_text(const sard_type *t, char *buf, size_t n) {
    size_t at = 0;
    if (n) buf[0] = 0;
    type_spell(t, buf, n, &at);
    return at;
}
