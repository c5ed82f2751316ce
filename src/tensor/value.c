/*
 * value.c -- values of every kind: made, shared, copied, shown.
 */
#include "tensor/value.h"

#include <stdio.h>

#include "base/mem.h"

sard_value *sard_value_ref(sard_value *v) {
    atomic_fetch_add_explicit(&v->refs, 1, memory_order_relaxed);
    return v;
}

void sard_value_unref(sard_value *v) {
    if (!v || atomic_fetch_sub_explicit(&v->refs, 1, memory_order_acq_rel) != 1) return;
    switch (v->kind) {
    case SARD_KIND_TENSOR:
        tensor_drop(&v->t);
        break;
    case SARD_KIND_SEQUENCE:
        for (size_t i = 0; i < v->seq.n; i++) sard_value_unref(v->seq.items[i]);
        mem_free(v->seq.items);
        break;
    case SARD_KIND_MAP:
        sard_value_unref(v->map.keys);
        sard_value_unref(v->map.values);
        break;
    case SARD_KIND_OPTIONAL:
        sard_value_unref(v->opt.item);
        break;
    case SARD_KIND_SPARSE_TENSOR:
        sard_value_unref(v->sparse.values);
        sard_value_unref(v->sparse.indices);
        break;
    default:
        break;
    }
    mem_free(v);
}

static sard_value *value_new(sard_kind kind, sard_dtype dtype) {
    sard_value *v = mem_calloc(1, sizeof *v);
    if (!v) return NULL;
    atomic_init(&v->refs, 1);
    v->kind = (uint8_t)kind;
    v->dtype = (uint8_t)dtype;
    return v;
}

sard_status value_tensor(tensor *take, sard_value **out, sard_error *err) {
    sard_value *v = value_new(SARD_KIND_TENSOR, (sard_dtype)take->dtype);
    if (!v) {
        tensor_drop(take);
        return err_nomem(err, sizeof *v);
    }
    v->t = *take;
    take->buf = NULL;
    *out = v;
    return SARD_OK;
}

sard_status value_sequence(sard_value **items, size_t n, sard_dtype elem, sard_value **out, sard_error *err) {
    sard_value *v = value_new(SARD_KIND_SEQUENCE, elem);
    sard_value **copy = mem_calloc(n, sizeof *copy);
    if (!v || !copy) {
        mem_free(v);
        mem_free(copy);
        for (size_t i = 0; i < n; i++) sard_value_unref(items[i]);
        return err_nomem(err, sizeof *v + n * sizeof *copy);
    }
    if (n) memcpy(copy, items, n * sizeof *copy);
    v->seq.items = copy;
    v->seq.n = v->seq.cap = n;
    *out = v;
    return SARD_OK;
}

sard_status value_map(sard_value *keys, sard_value *values, sard_value **out, sard_error *err) {
    sard_value *v = value_new(SARD_KIND_MAP, value_is_tensor(keys) ? (sard_dtype)keys->t.dtype : SARD_UNDEFINED);
    if (!v) {
        sard_value_unref(keys);
        sard_value_unref(values);
        return err_nomem(err, sizeof *v);
    }
    v->map.keys = keys;
    v->map.values = values;
    *out = v;
    return SARD_OK;
}

sard_status value_optional(sard_value *item, sard_dtype elem, sard_value **out, sard_error *err) {
    sard_value *v = value_new(SARD_KIND_OPTIONAL, elem);
    if (!v) {
        sard_value_unref(item);
        return err_nomem(err, sizeof *v);
    }
    v->opt.item = item;
    *out = v;
    return SARD_OK;
}

sard_status value_sparse(const shape *dims, sard_value *values, sard_value *indices, sard_value **out,
                         sard_error *err) {
    sard_value *v =
        value_new(SARD_KIND_SPARSE_TENSOR, value_is_tensor(values) ? (sard_dtype)values->t.dtype : SARD_UNDEFINED);
    if (!v) {
        sard_value_unref(values);
        sard_value_unref(indices);
        return err_nomem(err, sizeof *v);
    }
    v->sparse.dims = *dims;
    v->sparse.values = values;
    v->sparse.indices = indices;
    *out = v;
    return SARD_OK;
}

/* ---- deep copies ---- */

/* Copies element i; a map with the keys of the one before it (ZipMap's) shares the copied keys with that one's copy. */
static sard_status clone_item(sard_value *const *from, size_t i, sard_value **items, sard_error *err) {
    const sard_value *v = from[i], *before = i ? from[i - 1] : NULL;
    if (!before || v->kind != SARD_KIND_MAP || before->kind != SARD_KIND_MAP || v->map.keys != before->map.keys)
        return value_clone(v, &items[i], err);
    sard_value *values;
    TRY(value_clone(v->map.values, &values, err));
    return value_map(sard_value_ref(items[i - 1]->map.keys), values, &items[i], err);
}

static sard_status clone_sequence(const sard_value *v, sard_value **out, sard_error *err) {
    const size_t n = v->seq.n;
    sard_value **items = mem_calloc(n, sizeof *items);
    if (!items) return err_nomem(err, n * sizeof *items);
    for (size_t i = 0; i < n; i++) {
        sard_status s = clone_item(v->seq.items, i, items, err);
        if (s == SARD_OK) continue;
        while (i > 0) sard_value_unref(items[--i]);
        mem_free(items);
        return s;
    }
    sard_status s = value_sequence(items, n, (sard_dtype)v->dtype, out, err);
    mem_free(items);
    return s;
}

/* Copies of two values that belong together (either may be NULL). */
static sard_status clone_pair(const sard_value *a, const sard_value *b, sard_value *out[2], sard_error *err) {
    out[0] = out[1] = NULL;
    if (a) TRY(value_clone(a, &out[0], err));
    sard_status s = b ? value_clone(b, &out[1], err) : SARD_OK;
    if (s != SARD_OK) sard_value_unref(out[0]);
    return s;
}

sard_status value_clone(const sard_value *v, sard_value **out, sard_error *err) {
    sard_value *pair[2];
    tensor t;
    switch (v->kind) {
    case SARD_KIND_TENSOR:
        TRY(tensor_clone(&t, &v->t, err));
        return value_tensor(&t, out, err);
    case SARD_KIND_SEQUENCE:
        return clone_sequence(v, out, err);
    case SARD_KIND_MAP:
        TRY(clone_pair(v->map.keys, v->map.values, pair, err));
        return value_map(pair[0], pair[1], out, err);
    case SARD_KIND_OPTIONAL:
        TRY(clone_pair(v->opt.item, NULL, pair, err));
        return value_optional(pair[0], (sard_dtype)v->dtype, out, err);
    case SARD_KIND_SPARSE_TENSOR:
        TRY(clone_pair(v->sparse.values, v->sparse.indices, pair, err));
        return value_sparse(&v->sparse.dims, pair[0], pair[1], out, err);
    default:
        return err_set(err, SARD_INTERNAL, "a value of kind %d cannot be copied", v->kind);
    }
}

/* ---- text ---- */

static size_t map_length(const sard_value *v) {
    const sard_value *k = v->map.keys;
    return value_is_tensor(k) ? (size_t)tensor_count(&k->t) : 0;
}

const char *value_text(const sard_value *v, char *buf, size_t n) {
    char inner[300];
    if (!v) {
        snprintf(buf, n, "nothing");
        return buf;
    }
    switch (v->kind) {
    case SARD_KIND_TENSOR:
        return tensor_text(&v->t, buf, n);
    case SARD_KIND_SEQUENCE:
        snprintf(buf, n, "seq(%zu)", v->seq.n);
        break;
    case SARD_KIND_MAP:
        snprintf(buf, n, "map(%s,%zu)", dtype_short(v->dtype), map_length(v));
        break;
    case SARD_KIND_OPTIONAL: /* one level is shown: an optional in an optional is rare, and depth must be bounded */
        if (v->opt.item && v->opt.item->kind != SARD_KIND_OPTIONAL)
            snprintf(buf, n, "optional(%s)", value_text(v->opt.item, inner, sizeof inner));
        else
            snprintf(buf, n, v->opt.item ? "optional(optional)" : "optional()");
        break;
    case SARD_KIND_SPARSE_TENSOR:
        snprintf(buf, n, "sparse %s%s", dtype_short(v->dtype), shape_text(&v->sparse.dims, inner, sizeof inner));
        break;
    default:
        snprintf(buf, n, "unknown");
        break;
    }
    return buf;
}
