/*
 * values.c -- data of the file as values: tensors in place or copied, strings, sparse tensors made dense.
 */
#include <stdio.h>

#include "import/importer.h"

enum {
    SPARSE_MAX_BYTES = 1 << 30, /* of a sparse initializer made dense */
    ALIGN_MAX_BYTES = 1 << 16   /* of a tensor that is copied when its elements lie at odd addresses */
};

static sard_status tensor_shape(const onnx_tensor *t, shape *s, int64_t *count, sard_error *err) {
    char name[SHOW];
    FAIL_IF(!dtype_valid(t->data_type), err, SARD_INVALID_MODEL, "tensor '%s' has the unknown element type %d",
            onnx_show(t->name, name), t->data_type);
    FAIL_IF(t->n_dims > MAX_RANK, err, SARD_UNSUPPORTED, "tensor '%s' has rank %zu; at most %d is supported",
            onnx_show(t->name, name), t->n_dims, MAX_RANK);
    TRY(onnx_tensor_count(t, count, err));
    s->rank = (int)t->n_dims;
    for (size_t i = 0; i < t->n_dims; i++) s->dim[i] = t->dims[i];
    return SARD_OK;
}

static sard_status string_tensor(const onnx_tensor *t, const shape *s, bool copy, tensor *out, sard_error *err) {
    const str *from;
    size_t n, bytes = 0;
    TRY(onnx_tensor_strings(t, &from, &n, err));
    for (size_t i = 0; i < n && copy; i++)
        if (add_size(bytes, from[i].n, &bytes)) return err_nomem(err, SIZE_MAX);
    size_t total;
    if (mul_size(n, sizeof(str), &total) || add_size(total, bytes, &total)) return err_nomem(err, SIZE_MAX);
    buffer *b = buffer_new(total);
    if (!b) return err_nomem(err, total);
    str *to = b->data;
    char *at = (char *)(to + n);
    for (size_t i = 0; i < n; i++) {
        to[i] = from[i];
        if (!copy) continue;
        if (from[i].n) memcpy(at, from[i].p, from[i].n);
        to[i].p = at;
        at += from[i].n;
    }
    tensor_view(out, SARD_STRING, s, b, 0);
    return SARD_OK;
}

/* Four 6-bit elements in three bytes -> a byte each. */
static void unpack6(const uint8_t *p, size_t bytes, uint8_t *out, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        const size_t bit = (size_t)i * 6, at = bit / 8;
        unsigned v = p[at];
        if (at + 1 < bytes) v |= (unsigned)p[at + 1] << 8;
        out[i] = (uint8_t)(v >> (bit % 8) & 63);
    }
}

/* Small tensors at odd addresses get memory of their own here, so that any operator may read them element by element;
 * large ones stay where they are until align.c knows who reads them. */
static bool wants_copy(const onnx_tensor *t, onnx_bytes data) {
    return dtype_in(t->data_type, DT_FLOAT6) || (data.n <= ALIGN_MAX_BYTES && dtype_odd_address(t->data_type, data.p));
}

static sard_status data_tensor(onnx_model *src, const onnx_tensor *t, const shape *s, int64_t count, bool copy,
                               tensor *out, sard_error *err) {
    onnx_bytes data;
    TRY(onnx_tensor_bytes(&src->store, t, &data, err));
    if (copy || wants_copy(t, data)) {
        TRY(tensor_new(out, (sard_dtype)t->data_type, s, err));
        if (dtype_in(t->data_type, DT_FLOAT6))
            unpack6(data.p, data.n, tensor_data(out), count);
        else if (data.n)
            memcpy(tensor_data(out), data.p, data.n);
        return SARD_OK;
    }
    buffer *b = buffer_wrap((void *)(uintptr_t)data.p, data.n, NULL, NULL); /* read only: constants are not written */
    if (!b) return err_nomem(err, sizeof *b);
    tensor_view(out, (sard_dtype)t->data_type, s, b, 0);
    return SARD_OK;
}

sard_status import_tensor(onnx_model *src, const onnx_tensor *t, bool copy, sard_value **out, sard_error *err) {
    shape s;
    int64_t count;
    tensor x;
    TRY(tensor_shape(t, &s, &count, err));
    if (t->data_type == SARD_STRING)
        TRY(string_tensor(t, &s, copy, &x, err));
    else
        TRY(data_tensor(src, t, &s, count, copy, &x, err));
    return value_tensor(&x, out, err);
}

/* ---- sparse ------------------------------------------------------------------------------------------------------- */

/* The row-major place of entry k; the indices are [nnz] or [nnz, rank]. */
static sard_status sparse_place(const tensor *at, const shape *s, int64_t k, int64_t count, int64_t *place,
                                sard_error *err) {
    if (at->rank == 1) {
        *place = tensor_get_i64(at, k);
    } else {
        *place = 0;
        for (int i = 0; i < s->rank; i++) {
            const int64_t v = tensor_get_i64(at, k * s->rank + i);
            FAIL_IF(v < 0 || v >= s->dim[i], err, SARD_INVALID_MODEL,
                    "index %lld of entry %lld is outside of axis %d, which has %lld", (long long)v, (long long)k, i,
                    (long long)s->dim[i]);
            *place = *place * s->dim[i] + v;
        }
    }
    FAIL_IF(*place < 0 || *place >= count, err, SARD_INVALID_MODEL,
            "index %lld of entry %lld is outside of %lld elements", (long long)*place, (long long)k, (long long)count);
    return SARD_OK;
}

static sard_status sparse_fill(const tensor *values, const tensor *at, const shape *s, tensor *out, sard_error *err) {
    const int64_t nnz = values->dim[0], count = tensor_count(out);
    const size_t each = (size_t)dtype_bits(values->dtype) / 8;
    char *to = tensor_data(out);
    const char *from = tensor_data(values);
    memset(to, 0, tensor_bytes(out));
    for (int64_t k = 0; k < nnz; k++) {
        int64_t place;
        TRY(sparse_place(at, s, k, count, &place, err));
        memcpy(to + (size_t)place * each, from + (size_t)k * each, each);
    }
    return SARD_OK;
}

static sard_status sparse_check(const onnx_sparse *t, const tensor *values, const tensor *at, shape *s,
                                sard_error *err) {
    FAIL_IF(t->n_dims > MAX_RANK, err, SARD_UNSUPPORTED, "rank %zu; at most %d is supported", t->n_dims, MAX_RANK);
    s->rank = (int)t->n_dims;
    for (int i = 0; i < s->rank; i++) s->dim[i] = t->dims[i];
    const int64_t count = shape_count(s);
    size_t bytes;
    FAIL_IF(count < 0, err, SARD_INVALID_MODEL, "its dimensions are no sizes");
    FAIL_IF(values->rank != 1, err, SARD_INVALID_MODEL, "its values have rank %d; 1 is needed", values->rank);
    FAIL_IF(at->dtype != SARD_I64, err, SARD_INVALID_MODEL, "its indices are %s; int64 is needed",
            sard_dtype_onnx_name((sard_dtype)at->dtype));
    const bool linear = at->rank == 1, pairs = at->rank == 2 && at->dim[1] == s->rank;
    FAIL_IF((!linear && !pairs) || at->dim[0] != values->dim[0], err, SARD_INVALID_MODEL,
            "its indices must be [%lld] or [%lld,%d]", (long long)values->dim[0], (long long)values->dim[0], s->rank);
    FAIL_IF(dtype_subbyte(values->dtype) || values->dtype == SARD_STRING, err, SARD_UNSUPPORTED,
            "sparse tensors of %s are not supported", sard_dtype_onnx_name((sard_dtype)values->dtype));
    FAIL_IF(dtype_bytes(values->dtype, count, &bytes) || bytes > SPARSE_MAX_BYTES, err, SARD_LIMIT,
            "made dense it would take more than %d bytes", SPARSE_MAX_BYTES);
    return SARD_OK;
}

static sard_status sparse_dense(const onnx_sparse *t, const sard_value *values, const sard_value *at, sard_value **out,
                                sard_error *err) {
    shape s;
    tensor x;
    TRY(sparse_check(t, &values->t, &at->t, &s, err));
    TRY(tensor_new(&x, (sard_dtype)values->t.dtype, &s, err));
    const sard_status st = sparse_fill(&values->t, &at->t, &s, &x, err);
    if (st != SARD_OK) {
        tensor_drop(&x);
        return st;
    }
    return value_tensor(&x, out, err);
}

sard_status import_sparse(importer *im, const onnx_sparse *t, sard_value **out, sard_error *err) {
    sard_value *values, *at;
    char name[SHOW];
    FAIL_IF(!t->values || !t->indices, err, SARD_INVALID_MODEL, "a sparse tensor without values or indices");
    TRY(import_tensor(im->src, t->values, false, &values, err));
    sard_status st = import_tensor(im->src, t->indices, false, &at, err);
    if (st == SARD_OK) {
        st = sparse_dense(t, values, at, out, err);
        sard_value_unref(at);
    }
    sard_value_unref(values);
    return st == SARD_OK ? st : err_context(err, st, "sparse tensor '%s'", onnx_show(t->values->name, name));
}
