/* export_data.c -- types, tensors and attributes as messages of the file; tensor data stays where it is. */
#include "import/exporter.h"

sard_status export_text(exporter *x, const char *s, size_t n, str *out, sard_error *err) {
    *out = (str){arena_strn(x->mem, s, n), n};
    return out->p ? SARD_OK : err_nomem(err, n);
}

/* ---- types -------------------------------------------------------------------------------------------------------- */

static sard_status export_shape(exporter *x, const vtype *t, onnx_shape **out, sard_error *err) {
    onnx_shape *s = arena_calloc(x->mem, 1, sizeof *s);
    onnx_dim *dims = arena_calloc(x->mem, (size_t)t->rank, sizeof *dims);
    if (!s || !dims) return err_nomem(err, sizeof *s);
    for (int i = 0; i < t->rank; i++) {
        if (dim_known(t->dim[i])) {
            dims[i].kind = ONNX_DIM_VALUE;
            dims[i].value = t->dim[i];
        } else if (t->dim[i] != DIM_UNKNOWN) {
            const str name = x->m->names.items[DIM_SYM_ID(t->dim[i])];
            dims[i].kind = ONNX_DIM_PARAM;
            TRY(export_text(x, name.p, name.n, &dims[i].param, err));
        }
    }
    s->dims = dims;
    s->n_dims = (size_t)t->rank;
    *out = s;
    return SARD_OK;
}

sard_status export_type(exporter *x, const vtype *t, onnx_type **out, sard_error *err) {
    static const uint8_t kinds[] = {
        0, ONNX_TYPE_TENSOR, ONNX_TYPE_SPARSE, ONNX_TYPE_SEQUENCE, ONNX_TYPE_MAP, ONNX_TYPE_OPTIONAL};
    *out = NULL;
    if (t->kind == SARD_KIND_UNKNOWN || t->kind > SARD_KIND_OPTIONAL) return SARD_OK;
    onnx_type *o = arena_calloc(x->mem, 1, sizeof *o);
    if (!o) return err_nomem(err, sizeof *o);
    o->kind = kinds[t->kind];
    if (t->kind == SARD_KIND_TENSOR || t->kind == SARD_KIND_SPARSE_TENSOR) {
        o->elem_type = t->dtype;
        if (t->rank >= 0) TRY(export_shape(x, t, &o->shape, err));
    } else {
        o->key_type = t->dtype;
        if (t->elem != NO_ID) {
            FAIL_IF(++x->depth > GRAPH_DEPTH_MAX, err, SARD_LIMIT, "a type is nested too deeply");
            TRY(export_type(x, &x->m->types[t->elem], &o->elem, err));
            x->depth--;
        }
    }
    *out = o;
    return SARD_OK;
}

/* ---- tensors ------------------------------------------------------------------------------------------------------ */

/* A byte per element -> four elements in three bytes. */
static sard_status pack6(exporter *x, const tensor *t, onnx_bytes *out, sard_error *err) {
    const int64_t n = tensor_count(t);
    const size_t bytes = ((size_t)n * 6 + 7) / 8;
    const uint8_t *from = tensor_data(t);
    uint8_t *to = arena_calloc(x->mem, bytes + 1, 1);
    if (!to) return err_nomem(err, bytes);
    for (int64_t i = 0; i < n; i++) {
        const size_t bit = (size_t)i * 6;
        const unsigned v = (unsigned)(from[i] & 63) << (bit % 8);
        to[bit / 8] |= (uint8_t)v;
        to[bit / 8 + 1] |= (uint8_t)(v >> 8);
    }
    *out = (onnx_bytes){to, bytes};
    return SARD_OK;
}

static sard_status tensor_raw(exporter *x, const tensor *t, onnx_bytes *out, sard_error *err) {
    if (dtype_in(t->dtype, DT_FLOAT6)) return pack6(x, t, out, err);
    const size_t bytes = tensor_bytes(t);
    *out = (onnx_bytes){tensor_data(t), bytes};
    if (tensor_is_row(t) || !bytes) return SARD_OK;
    void *dense = arena_alloc(x->mem, bytes);
    if (!dense) return err_nomem(err, bytes);
    tensor_copy_data(dense, t);
    out->p = dense;
    return SARD_OK;
}

sard_status export_tensor(exporter *x, const sard_value *v, str name, onnx_tensor *out, sard_error *err) {
    FAIL_IF(!value_is_tensor(v), err, SARD_UNSUPPORTED, "constant '%.*s' is no tensor", (int)name.n, name.p);
    const tensor *t = &v->t;
    *out = (onnx_tensor){.name = name, .data_type = t->dtype, .n_dims = t->rank};
    out->dims = arena_copy(x->mem, t->dim, t->rank * sizeof *t->dim);
    if (!out->dims) return err_nomem(err, t->rank * sizeof *t->dim);
    if (t->dtype != SARD_STRING) return tensor_raw(x, t, &out->raw, err);
    out->strings = TENSOR_AT(t, str);
    out->n_strings = (size_t)tensor_count(t);
    return SARD_OK;
}

static sard_status attr_tensor(exporter *x, const_id c, onnx_tensor *out, sard_error *err) {
    return export_tensor(x, x->m->constants[c].v, (str){"", 0}, out, err);
}

/* ---- attributes --------------------------------------------------------------------------------------------------- */

static sard_status attr_list(exporter *x, const attr *a, onnx_attr *out, sard_error *err) {
    const void *copy;
    if (a->type == ATTR_INTS) {
        out->n_ints = a->ints.n;
        copy = out->ints = arena_copy(x->mem, a->ints.v, a->ints.n * sizeof *a->ints.v);
    } else if (a->type == ATTR_FLOATS) {
        out->n_floats = a->floats.n;
        copy = out->floats = arena_copy(x->mem, a->floats.v, a->floats.n * sizeof *a->floats.v);
    } else if (a->type == ATTR_STRINGS) {
        out->n_strings = a->strs.n;
        copy = out->strings = arena_copy(x->mem, a->strs.v, a->strs.n * sizeof *a->strs.v);
        for (size_t i = 0; copy && i < a->strs.n; i++)
            TRY(export_text(x, a->strs.v[i].p, a->strs.v[i].n, &out->strings[i], err));
    } else {
        out->n_tensors = a->tensors.n;
        copy = out->tensors = arena_calloc(x->mem, a->tensors.n, sizeof *out->tensors);
        for (size_t i = 0; copy && i < a->tensors.n; i++) TRY(attr_tensor(x, a->tensors.v[i], &out->tensors[i], err));
    }
    return copy ? SARD_OK : err_nomem(err, sizeof *out);
}

sard_status export_attr(exporter *x, const attr *a, onnx_attr *out, sard_error *err) {
    const str name = x->m->names.items[a->name];
    *out = (onnx_attr){.type = a->type};
    TRY(export_text(x, name.p, name.n, &out->name, err));
    switch ((attr_type)a->type) {
    case ATTR_INT:
        out->i = a->i;
        return SARD_OK;
    case ATTR_FLOAT:
        out->f = a->f;
        return SARD_OK;
    case ATTR_STRING:
        return export_text(x, a->s.p, a->s.n, &out->s, err);
    case ATTR_INTS:
    case ATTR_FLOATS:
    case ATTR_STRINGS:
    case ATTR_TENSORS:
        return attr_list(x, a, out, err);
    case ATTR_TENSOR:
    case ATTR_SPARSE_TENSOR: /* import made it dense */
        out->type = ONNX_ATTR_TENSOR;
        out->t = arena_calloc(x->mem, 1, sizeof *out->t);
        return out->t ? attr_tensor(x, a->tensor, out->t, err) : err_nomem(err, sizeof *out->t);
    case ATTR_TYPE:
        return export_type(x, &x->m->types[a->vt], &out->tp, err);
    case ATTR_NONE:
    case ATTR_GRAPH:
    case ATTR_GRAPHS:
        break;
    }
    return err_set(err, SARD_INTERNAL, "attribute '%s' of type %s cannot be written", mod_str(x->m, a->name),
                   attr_type_name(a->type));
}
