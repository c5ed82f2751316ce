/* type.c -- types of values: making, merging, spelling. */
#include "graph/type.h"

#include <stdio.h>

#include "graph/graph.h"

vtype type_tensor(sard_dtype t, int rank, const int64_t *dim) {
    vtype v = {.kind = SARD_KIND_TENSOR, .dtype = (uint8_t)t, .rank = (int8_t)rank, .elem = NO_ID};
    for (int i = 0; i < rank; i++) v.dim[i] = dim ? dim[i] : DIM_UNKNOWN;
    return v;
}

vtype type_of_tensor(const tensor *t) { return type_tensor((sard_dtype)t->dtype, t->rank, t->dim); }

bool type_static(const vtype *t) {
    if (t->kind != SARD_KIND_TENSOR || t->rank < 0) return false;
    for (int i = 0; i < t->rank; i++)
        if (!dim_known(t->dim[i])) return false;
    return true;
}

bool type_shape(const vtype *t, shape *out) {
    if (!type_static(t)) return false;
    out->rank = t->rank;
    for (int i = 0; i < t->rank; i++) out->dim[i] = t->dim[i];
    return true;
}

enum { TYPE_DEPTH = 16 }; /* of sequences of optionals of ... */

/* What both say, without writing anything: false when they contradict. */
static bool merge(module *m, vtype *a, const vtype *b, int depth) {
    if (b->kind == SARD_KIND_UNKNOWN) return true;
    if (a->kind == SARD_KIND_UNKNOWN) {
        *a = *b;
        return true;
    }
    if (a->kind != b->kind || depth > TYPE_DEPTH) return false;
    if (a->dtype && b->dtype && a->dtype != b->dtype) return false;
    if (!a->dtype) a->dtype = b->dtype;
    if (a->kind == SARD_KIND_TENSOR || a->kind == SARD_KIND_SPARSE_TENSOR) {
        if (b->rank < 0) return true;
        if (a->rank >= 0 && a->rank != b->rank) return false;
        for (int i = 0; i < b->rank; i++)
            if (!dim_merge(a->rank < 0 ? DIM_UNKNOWN : a->dim[i], b->dim[i], &a->dim[i])) return false;
        a->rank = b->rank;
        return true;
    }
    if (b->elem == NO_ID || a->elem == b->elem) return true;
    if (a->elem == NO_ID || !m) {
        if (a->elem == NO_ID) a->elem = b->elem;
        return true;
    }
    vtype e = m->types[a->elem];
    const vtype other = m->types[b->elem];
    return merge(m, &e, &other, depth + 1) && mod_type(m, &e, &a->elem, NULL) == SARD_OK;
}

bool type_merge(module *m, vtype *a, const vtype *b) {
    vtype r = *a;
    if (!merge(m, &r, b, 0)) return false;
    *a = r;
    return true;
}

sard_dtype type_elem_dtype(const module *m, const vtype *t) {
    for (int depth = 0; depth < TYPE_DEPTH; depth++) {
        if (t->kind != SARD_KIND_SEQUENCE && t->kind != SARD_KIND_OPTIONAL) return (sard_dtype)t->dtype;
        if (!m || t->elem == NO_ID) return SARD_UNDEFINED;
        t = &m->types[t->elem];
    }
    return SARD_UNDEFINED;
}

static void put_dims(const module *m, const vtype *t, strbuf *b) {
    sb_puts(b, "[");
    for (int i = 0; i < t->rank; i++) {
        if (i) sb_puts(b, ",");
        if (dim_known(t->dim[i]))
            sb_printf(b, "%lld", (long long)t->dim[i]);
        else
            sb_puts(b, m && dim_is_sym(t->dim[i]) ? mod_str(m, DIM_SYM_ID(t->dim[i])) : "?");
    }
    sb_puts(b, "]");
}

static void put_type(const module *m, const vtype *t, strbuf *b, int depth) {
    const char *elem = t->dtype ? sard_dtype_onnx_name((sard_dtype)t->dtype) : "?";
    static const char *const names[] = {"?", "tensor(", "sparse_tensor(", "seq(", "map(", "optional("};
    if (t->kind > SARD_KIND_OPTIONAL || depth > TYPE_DEPTH) {
        sb_puts(b, "?");
        return;
    }
    sb_puts(b, names[t->kind]);
    if (t->kind == SARD_KIND_UNKNOWN) return;
    const bool dense = t->kind == SARD_KIND_TENSOR || t->kind == SARD_KIND_SPARSE_TENSOR;
    if (dense || t->kind == SARD_KIND_MAP) sb_puts(b, elem);
    if (t->kind == SARD_KIND_MAP) sb_puts(b, ",");
    if (!dense && m && t->elem != NO_ID)
        put_type(m, &m->types[t->elem], b, depth + 1);
    else if (!dense)
        sb_puts(b, "?");
    sb_puts(b, ")");
    if (dense && t->rank >= 0) put_dims(m, t, b);
}

const char *type_text(const module *m, const vtype *t, char *buf, size_t n) {
    strbuf b = {0};
    put_type(m, t, &b, 0);
    if (n) snprintf(buf, n, "%s", b.failed ? "?" : sb_str(&b));
    sb_free(&b);
    return buf;
}
