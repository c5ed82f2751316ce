/*
 * values.c -- making and reading values from outside.
 *
 * A sard_value is the engine's own value; these functions check what the caller gives and keep to dense row-major
 * tensors, which is all that enters or leaves a model.
 */
#include "api/api.h"

/* Shape and byte size of a tensor to be made. */
static sard_status check_shape(sard_dtype t, int rank, const int64_t *dims, shape *s, size_t *bytes, sard_error *err) {
    FAIL_IF(!dtype_valid(t), err, SARD_INVALID_ARGUMENT, "%d is not an element type", (int)t);
    FAIL_IF(rank < 0 || rank > MAX_RANK, err, SARD_INVALID_ARGUMENT, "rank %d is outside 0..%d", rank, MAX_RANK);
    FAIL_IF(rank > 0 && !dims, err, SARD_INVALID_ARGUMENT, "dims is NULL for rank %d", rank);
    s->rank = rank;
    for (int i = 0; i < rank; i++) {
        FAIL_IF(dims[i] < 0, err, SARD_INVALID_ARGUMENT, "dimension %d is negative: %lld", i, (long long)dims[i]);
        s->dim[i] = dims[i];
    }
    int64_t count = shape_count(s);
    FAIL_IF(count < 0 || dtype_bytes(t, count, bytes), err, SARD_INVALID_ARGUMENT, "the shape is too large");
    return SARD_OK;
}

sard_status sard_tensor_new(sard_dtype t, int rank, const int64_t *dims, sard_value **out, sard_error *err) {
    shape s;
    size_t bytes;
    FAIL_IF(t == SARD_STRING, err, SARD_INVALID_ARGUMENT, "a string tensor is made with sard_tensor_strings");
    TRY(check_shape(t, rank, dims, &s, &bytes, err));
    tensor x;
    TRY(tensor_new(&x, t, &s, err));
    if (bytes) memset(tensor_data(&x), 0, bytes);
    return value_tensor(&x, out, err);
}

sard_status sard_tensor_wrap(sard_dtype t, int rank, const int64_t *dims, void *data, size_t bytes,
                             sard_release_fn release, void *owner, sard_value **out, sard_error *err) {
    shape s;
    size_t need;
    FAIL_IF(t == SARD_STRING, err, SARD_INVALID_ARGUMENT, "strings cannot be wrapped: use sard_tensor_strings");
    TRY(check_shape(t, rank, dims, &s, &need, err));
    char text[128];
    FAIL_IF(bytes != need, err, SARD_INVALID_ARGUMENT, "%s%s needs %zu bytes, %zu were given", sard_dtype_name(t),
            shape_text(&s, text, sizeof text), need, bytes);
    FAIL_IF(need && !data, err, SARD_INVALID_ARGUMENT, "data is NULL");
    buffer *b = buffer_wrap(data, bytes, release, owner);
    if (!b) return err_nomem(err, sizeof *b);
    tensor x;
    tensor_view(&x, t, &s, b, 0);
    return value_tensor(&x, out, err);
}

sard_status sard_tensor_strings(int rank, const int64_t *dims, const char *const *strings, const size_t *lens,
                                sard_value **out, sard_error *err) {
    shape s;
    size_t head, total;
    TRY(check_shape(SARD_STRING, rank, dims, &s, &head, err));
    const int64_t n = shape_count(&s);
    FAIL_IF(n > 0 && !strings, err, SARD_INVALID_ARGUMENT, "strings is NULL");
    total = head;
    for (int64_t i = 0; i < n; i++) {
        FAIL_IF(!strings[i] && (!lens || lens[i]), err, SARD_INVALID_ARGUMENT, "string %lld is NULL", (long long)i);
        FAIL_IF(add_size(total, lens ? lens[i] : strlen(strings[i]), &total), err, SARD_INVALID_ARGUMENT,
                "the strings are too large");
    }
    buffer *b = buffer_new(total);
    if (!b) return err_nomem(err, total);
    str *at = b->data;
    char *bytes = (char *)b->data + head;
    for (int64_t i = 0; i < n; i++) {
        at[i] = (str){bytes, lens ? lens[i] : strlen(strings[i])};
        if (at[i].n) memcpy(bytes, strings[i], at[i].n);
        bytes += at[i].n;
    }
    tensor x;
    tensor_view(&x, SARD_STRING, &s, b, 0);
    return value_tensor(&x, out, err);
}

sard_kind sard_value_kind(const sard_value *v) { return v ? (sard_kind)v->kind : SARD_KIND_UNKNOWN; }
sard_dtype sard_tensor_dtype(const sard_value *v) {
    return value_is_tensor(v) ? (sard_dtype)v->t.dtype : SARD_UNDEFINED;
}
int sard_tensor_rank(const sard_value *v) { return value_is_tensor(v) ? v->t.rank : 0; }
const int64_t *sard_tensor_dims(const sard_value *v) { return value_is_tensor(v) ? v->t.dim : NULL; }
int64_t sard_tensor_count(const sard_value *v) { return value_is_tensor(v) ? tensor_count(&v->t) : 0; }

size_t sard_tensor_bytes(const sard_value *v) {
    return value_is_tensor(v) && v->t.dtype != SARD_STRING ? tensor_bytes(&v->t) : 0;
}

void *sard_tensor_data_mut(sard_value *v) {
    return value_is_tensor(v) && v->t.dtype != SARD_STRING ? tensor_data(&v->t) : NULL;
}

const void *sard_tensor_data(const sard_value *v) {
    return value_is_tensor(v) && v->t.dtype != SARD_STRING ? tensor_data(&v->t) : NULL;
}

const char *sard_tensor_string(const sard_value *v, int64_t index, size_t *len) {
    if (len) *len = 0;
    if (!value_is_tensor(v) || v->t.dtype != SARD_STRING || index < 0 || index >= tensor_count(&v->t)) return NULL;
    const str *s = TENSOR_AT(&v->t, str) + index;
    if (len) *len = s->n;
    return s->p ? s->p : "";
}

/* ---- containers ------------------------------------------------------------------------------------------------- */

sard_status sard_sequence_new(sard_value *const *items, size_t n, sard_value **out, sard_error *err) {
    FAIL_IF(n == 0, err, SARD_INVALID_ARGUMENT, "an empty sequence is made with sard_sequence_empty");
    FAIL_IF(!items, err, SARD_INVALID_ARGUMENT, "items is NULL");
    for (size_t i = 0; i < n; i++) {
        FAIL_IF(!items[i], err, SARD_INVALID_ARGUMENT, "item %zu is NULL", i);
        FAIL_IF(items[i]->kind != items[0]->kind, err, SARD_INVALID_ARGUMENT, "item %zu is of another kind than item 0",
                i);
        FAIL_IF(value_is_tensor(items[i]) && items[i]->t.dtype != items[0]->t.dtype, err, SARD_INVALID_ARGUMENT,
                "item %zu has elements of type %s, item 0 of type %s", i, sard_dtype_name(items[i]->t.dtype),
                sard_dtype_name(items[0]->t.dtype));
    }
    for (size_t i = 0; i < n; i++) sard_value_ref(items[i]);
    const sard_dtype t = value_is_tensor(items[0]) ? (sard_dtype)items[0]->t.dtype : SARD_UNDEFINED;
    return value_sequence((sard_value **)(uintptr_t)items, n, t, out, err); /* copies the array */
}

sard_status sard_sequence_empty(sard_dtype t, sard_value **out, sard_error *err) {
    FAIL_IF(!dtype_valid(t), err, SARD_INVALID_ARGUMENT, "%d is not an element type", (int)t);
    return value_sequence(NULL, 0, t, out, err);
}

size_t sard_sequence_length(const sard_value *v) { return v && v->kind == SARD_KIND_SEQUENCE ? v->seq.n : 0; }

sard_value *sard_sequence_item(const sard_value *v, size_t i) {
    return i < sard_sequence_length(v) ? v->seq.items[i] : NULL;
}

sard_status sard_map_new(sard_value *keys, sard_value *values, sard_value **out, sard_error *err) {
    FAIL_IF(!value_is_tensor(keys) || keys->t.rank != 1 || !dtype_in(keys->t.dtype, DT_INT | DT_STRING), err,
            SARD_INVALID_ARGUMENT, "a map's keys are a rank-1 tensor of integers or strings");
    int64_t n = value_is_tensor(values) && values->t.rank == 1 ? values->t.dim[0]
                : values && values->kind == SARD_KIND_SEQUENCE ? (int64_t)values->seq.n
                                                               : -1;
    FAIL_IF(n < 0, err, SARD_INVALID_ARGUMENT, "a map's values are a rank-1 tensor or a sequence");
    FAIL_IF(n != keys->t.dim[0], err, SARD_INVALID_ARGUMENT, "a map of %lld keys was given %lld values",
            (long long)keys->t.dim[0], (long long)n);
    return value_map(sard_value_ref(keys), sard_value_ref(values), out, err);
}

sard_value *sard_map_keys(const sard_value *v) { return v && v->kind == SARD_KIND_MAP ? v->map.keys : NULL; }
sard_value *sard_map_values(const sard_value *v) { return v && v->kind == SARD_KIND_MAP ? v->map.values : NULL; }

sard_status sard_optional_new(sard_value *item, sard_dtype t, sard_value **out, sard_error *err) {
    FAIL_IF(!item && !dtype_valid(t), err, SARD_INVALID_ARGUMENT, "an empty optional needs an element type");
    FAIL_IF(item && item->kind != SARD_KIND_TENSOR && item->kind != SARD_KIND_SEQUENCE, err, SARD_INVALID_ARGUMENT,
            "an optional holds a tensor or a sequence");
    if (item) t = value_is_tensor(item) ? (sard_dtype)item->t.dtype : (sard_dtype)item->dtype;
    return value_optional(item ? sard_value_ref(item) : NULL, t, out, err);
}

sard_value *sard_optional_get(const sard_value *v) { return v && v->kind == SARD_KIND_OPTIONAL ? v->opt.item : NULL; }

/* Indices must lie inside the dense shape. */
static sard_status check_indices(const tensor *index, const shape *dims, int64_t nnz, sard_error *err) {
    const int64_t *at = TENSOR_AT(index, int64_t);
    if (index->rank == 1) {
        const int64_t count = shape_count(dims);
        for (int64_t i = 0; i < nnz; i++)
            FAIL_IF(at[i] < 0 || at[i] >= count, err, SARD_INVALID_ARGUMENT,
                    "index %lld of value %lld is outside 0..%lld", (long long)at[i], (long long)i, (long long)count);
        return SARD_OK;
    }
    for (int64_t i = 0; i < nnz * dims->rank; i++) {
        int axis = (int)(i % dims->rank);
        FAIL_IF(at[i] < 0 || at[i] >= dims->dim[axis], err, SARD_INVALID_ARGUMENT,
                "index %lld of value %lld, axis %d, is outside 0..%lld", (long long)at[i], (long long)(i / dims->rank),
                axis, (long long)dims->dim[axis]);
    }
    return SARD_OK;
}

sard_status sard_sparse_new(int rank, const int64_t *dims, sard_value *values, sard_value *indices, sard_value **out,
                            sard_error *err) {
    shape s;
    size_t bytes;
    FAIL_IF(!value_is_tensor(values) || values->t.rank != 1, err, SARD_INVALID_ARGUMENT,
            "the values of a sparse tensor are a rank-1 tensor");
    TRY(check_shape(values->t.dtype, rank, dims, &s, &bytes, err));
    FAIL_IF(!value_is_tensor(indices) || indices->t.dtype != SARD_I64, err, SARD_INVALID_ARGUMENT,
            "the indices of a sparse tensor are an int64 tensor");
    const tensor *index = &indices->t;
    const int64_t nnz = values->t.dim[0];
    bool fits =
        index->rank == 1 ? index->dim[0] == nnz : index->rank == 2 && index->dim[0] == nnz && index->dim[1] == rank;
    char text[128];
    FAIL_IF(!fits, err, SARD_INVALID_ARGUMENT, "indices of %lld values are [%lld] or [%lld,%d]; found %s",
            (long long)nnz, (long long)nnz, (long long)nnz, rank, tensor_text(index, text, sizeof text));
    TRY(check_indices(index, &s, nnz, err));
    return value_sparse(&s, sard_value_ref(values), sard_value_ref(indices), out, err);
}

sard_value *sard_sparse_values(const sard_value *v) {
    return v && v->kind == SARD_KIND_SPARSE_TENSOR ? v->sparse.values : NULL;
}

sard_value *sard_sparse_indices(const sard_value *v) {
    return v && v->kind == SARD_KIND_SPARSE_TENSOR ? v->sparse.indices : NULL;
}

const int64_t *sard_sparse_dims(const sard_value *v, int *rank) {
    if (!v || v->kind != SARD_KIND_SPARSE_TENSOR) return NULL;
    if (rank) *rank = v->sparse.dims.rank;
    return v->sparse.dims.dim;
}
