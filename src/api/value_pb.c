/*
 * value_pb.c -- values to and from the protobuf messages of test data files: TensorProto, SparseTensorProto,
 * SequenceProto, MapProto, OptionalProto.
 *
 * Reading copies, so a value never points into the bytes it came from. A map whose values are all scalars of one type
 * becomes keys and values of rank 1, as operators of ai.onnx.ml want them; writing takes that back.
 */
#include "api/api.h"

enum { DEPTH_MAX = 64 }; /* containers inside containers */

/* ---- reading ---------------------------------------------------------------------------------------------------- */

static sard_status read_sequence(onnx_model *src, const onnx_sequence *s, int depth, sard_value **out, sard_error *err);
static sard_status read_map(onnx_model *src, const onnx_map *s, int depth, sard_value **out, sard_error *err);
static sard_status read_optional(onnx_model *src, const onnx_optional *s, int depth, sard_value **out, sard_error *err);

static sard_status read_sparse(onnx_model *src, const onnx_sparse *s, sard_value **out, sard_error *err) {
    FAIL_IF(!s->values || !s->indices, err, SARD_INVALID_PROTOBUF, "a sparse tensor without values or indices");
    FAIL_IF(s->n_dims > MAX_RANK, err, SARD_UNSUPPORTED, "a sparse tensor of rank %zu", s->n_dims);
    sard_value *values = NULL, *indices = NULL;
    sard_status st = import_tensor(src, s->values, true, &values, err);
    if (st == SARD_OK) st = import_tensor(src, s->indices, true, &indices, err);
    if (st == SARD_OK) st = sard_sparse_new((int)s->n_dims, s->dims, values, indices, out, err);
    sard_value_unref(values);
    sard_value_unref(indices);
    return st;
}

/* Gives the references in items to a new sequence, or back. */
static sard_status finish_sequence(sard_value **items, size_t n, sard_status st, sard_value **out, sard_error *err) {
    if (st == SARD_OK) st = sard_sequence_new(items, n, out, err);
    for (size_t i = 0; i < n; i++) sard_value_unref(items[i]);
    mem_free(items);
    return st;
}

static sard_status read_sequence(onnx_model *src, const onnx_sequence *s, int depth, sard_value **out,
                                 sard_error *err) {
    FAIL_IF(depth > DEPTH_MAX, err, SARD_LIMIT, "containers are nested deeper than %d", DEPTH_MAX);
    const size_t n = s->elem_type == ONNX_ELEM_TENSOR     ? s->n_tensors
                     : s->elem_type == ONNX_ELEM_SPARSE   ? s->n_sparses
                     : s->elem_type == ONNX_ELEM_SEQUENCE ? s->n_sequences
                     : s->elem_type == ONNX_ELEM_MAP      ? s->n_maps
                     : s->elem_type == ONNX_ELEM_OPTIONAL ? s->n_optionals
                                                          : s->n_tensors;
    if (n == 0) return value_sequence(NULL, 0, SARD_F32, out, err); /* the file does not say of what */
    sard_value **items = mem_calloc(n, sizeof *items);
    if (!items) return err_nomem(err, n);
    sard_status st = SARD_OK;
    for (size_t i = 0; i < n && st == SARD_OK; i++) {
        switch (s->elem_type) {
        case ONNX_ELEM_SPARSE:
            st = read_sparse(src, &s->sparses[i], &items[i], err);
            break;
        case ONNX_ELEM_SEQUENCE:
            st = read_sequence(src, &s->sequences[i], depth + 1, &items[i], err);
            break;
        case ONNX_ELEM_MAP:
            st = read_map(src, &s->maps[i], depth + 1, &items[i], err);
            break;
        case ONNX_ELEM_OPTIONAL:
            st = read_optional(src, &s->optionals[i], depth + 1, &items[i], err);
            break;
        default:
            st = import_tensor(src, &s->tensors[i], true, &items[i], err);
        }
    }
    return finish_sequence(items, n, st, out, err);
}

static sard_status map_keys(const onnx_map *s, sard_value **out, sard_error *err) {
    int64_t n = (int64_t)(s->key_type == SARD_STRING ? s->n_string_keys : s->n_keys);
    if (s->key_type == SARD_STRING) {
        const char **p = mem_calloc((size_t)n + 1, sizeof *p);
        size_t *len = mem_calloc((size_t)n + 1, sizeof *len);
        sard_status st = p && len ? SARD_OK : err_nomem(err, (size_t)n * 16);
        for (int64_t i = 0; i < n && st == SARD_OK; i++) {
            p[i] = s->string_keys[i].n ? s->string_keys[i].p : "";
            len[i] = s->string_keys[i].n;
        }
        if (st == SARD_OK) st = sard_tensor_strings(1, &n, p, len, out, err);
        mem_free(p);
        mem_free(len);
        return st;
    }
    FAIL_IF(!dtype_in(s->key_type, DT_INT), err, SARD_INVALID_PROTOBUF,
            "a map's keys are integers or strings; found element type %d", s->key_type);
    TRY(sard_tensor_new((sard_dtype)s->key_type, 1, &n, out, err));
    char *at = sard_tensor_data_mut(*out);
    const size_t size = (size_t)dtype_bits(s->key_type) / 8;
    for (int64_t i = 0; i < n; i++) memcpy(at + (size_t)i * size, &s->keys[i], size); /* little-endian low bytes */
    return SARD_OK;
}

/* A sequence of n scalars of one type as a rank-1 tensor; NULL in *out when it is not that. */
static sard_status join_scalars(const sard_value *seq, sard_value **out, sard_error *err) {
    *out = NULL;
    const int64_t n = (int64_t)seq->seq.n;
    if (n == 0 || seq->dtype == SARD_STRING || dtype_subbyte(seq->dtype)) return SARD_OK;
    for (int64_t i = 0; i < n; i++)
        if (!value_is_tensor(seq->seq.items[i]) || seq->seq.items[i]->t.rank != 0) return SARD_OK;
    TRY(sard_tensor_new(seq->seq.items[0]->t.dtype, 1, &n, out, err));
    const size_t size = tensor_bytes(&seq->seq.items[0]->t);
    for (int64_t i = 0; i < n; i++)
        memcpy((char *)sard_tensor_data_mut(*out) + (size_t)i * size, tensor_data(&seq->seq.items[i]->t), size);
    return SARD_OK;
}

static sard_status read_map(onnx_model *src, const onnx_map *s, int depth, sard_value **out, sard_error *err) {
    FAIL_IF(depth > DEPTH_MAX, err, SARD_LIMIT, "containers are nested deeper than %d", DEPTH_MAX);
    FAIL_IF(!s->values, err, SARD_INVALID_PROTOBUF, "a map without values");
    sard_value *keys = NULL, *values = NULL, *joined = NULL;
    sard_status st = map_keys(s, &keys, err);
    if (st == SARD_OK) st = read_sequence(src, s->values, depth + 1, &values, err);
    if (st == SARD_OK) st = join_scalars(values, &joined, err);
    if (st == SARD_OK) st = sard_map_new(keys, joined ? joined : values, out, err);
    sard_value_unref(keys);
    sard_value_unref(values);
    sard_value_unref(joined);
    return st;
}

static sard_status read_optional(onnx_model *src, const onnx_optional *s, int depth, sard_value **out,
                                 sard_error *err) {
    FAIL_IF(depth > DEPTH_MAX, err, SARD_LIMIT, "containers are nested deeper than %d", DEPTH_MAX);
    sard_value *item = NULL;
    sard_status st = SARD_OK;
    if (s->elem_type == ONNX_ELEM_TENSOR && s->tensor)
        st = import_tensor(src, s->tensor, true, &item, err);
    else if (s->elem_type == ONNX_ELEM_SPARSE && s->sparse)
        st = read_sparse(src, s->sparse, &item, err);
    else if (s->elem_type == ONNX_ELEM_SEQUENCE && s->sequence)
        st = read_sequence(src, s->sequence, depth + 1, &item, err);
    else if (s->elem_type == ONNX_ELEM_MAP && s->map)
        st = read_map(src, s->map, depth + 1, &item, err);
    else if (s->elem_type == ONNX_ELEM_OPTIONAL && s->optional)
        st = read_optional(src, s->optional, depth + 1, &item, err);
    if (st != SARD_OK) return st;
    sard_dtype t = value_is_tensor(item) ? (sard_dtype)item->t.dtype : item ? (sard_dtype)item->dtype : SARD_F32;
    return value_optional(item, t, out, err);
}

static sard_status parse(onnx_model *src, sard_kind kind, const void *data, size_t n, sard_value **out,
                         sard_error *err) {
    onnx_store *store = &src->store;
    switch (kind) {
    case SARD_KIND_TENSOR: {
        onnx_tensor t = {0};
        TRY(onnx_read_tensor(store, data, n, &t, err));
        return import_tensor(src, &t, true, out, err);
    }
    case SARD_KIND_SPARSE_TENSOR: {
        onnx_sparse s = {0};
        TRY(onnx_read_sparse(store, data, n, &s, err));
        return read_sparse(src, &s, out, err);
    }
    case SARD_KIND_SEQUENCE: {
        onnx_sequence s = {0};
        TRY(onnx_read_sequence(store, data, n, &s, err));
        return read_sequence(src, &s, 0, out, err);
    }
    case SARD_KIND_MAP: {
        onnx_map s = {0};
        TRY(onnx_read_map(store, data, n, &s, err));
        return read_map(src, &s, 0, out, err);
    }
    case SARD_KIND_OPTIONAL: {
        onnx_optional s = {0};
        TRY(onnx_read_optional(store, data, n, &s, err));
        return read_optional(src, &s, 0, out, err);
    }
    default:
        return err_set(err, SARD_INVALID_ARGUMENT, "%d is not a kind of value", (int)kind);
    }
}

sard_status sard_value_parse(sard_kind kind, const void *data, size_t n, sard_value **out, sard_error *err) {
    FAIL_IF(!data && n, err, SARD_INVALID_ARGUMENT, "data is NULL");
    onnx_model src = {0};
    onnx_store_init(&src.store);
    sard_status st = parse(&src, kind, data ? data : "", n, out, err);
    onnx_store_deinit(&src.store);
    return st;
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

/* Elements of six bits, a byte each in memory, are packed without gaps in a file. */
sard_status api_file_bytes(const tensor *t, arena *mem, onnx_bytes *out, sard_error *err) {
    *out = (onnx_bytes){tensor_data(t), tensor_bytes(t)};
    if (!dtype_in(t->dtype, DT_FLOAT6)) return SARD_OK;
    const size_t n = out->n, bytes = n / 4 * 3 + (n % 4 * 6 + 7) / 8;
    uint8_t *packed = arena_calloc(mem, bytes + 1, 1);
    if (!packed) return err_nomem(err, bytes);
    for (size_t i = 0; i < n; i++)
        for (size_t b = 0; b < 6; b++) packed[(i * 6 + b) / 8] |= (uint8_t)((out->p[i] >> b & 1) << (i * 6 + b) % 8);
    *out = (onnx_bytes){packed, bytes};
    return SARD_OK;
}

static sard_status to_tensor(const tensor *t, const char *name, arena *mem, onnx_tensor *out, sard_error *err) {
    *out = (onnx_tensor){.data_type = t->dtype, .name = str_of(name)};
    out->n_dims = t->rank;
    out->dims = arena_copy(mem, t->dim, t->rank * sizeof *t->dim);
    if (!out->dims) return err_nomem(err, t->rank * sizeof *t->dim);
    if (t->dtype == SARD_STRING) {
        out->strings = TENSOR_AT(t, str);
        out->n_strings = (size_t)tensor_count(t);
    } else {
        TRY(api_file_bytes(t, mem, &out->raw, err));
        out->has |= 1u << 9; /* raw_data, also when it is empty */
    }
    return SARD_OK;
}

static sard_status to_sequence(const sard_value *v, const char *name, int depth, arena *mem, onnx_sequence *out,
                               sard_error *err);
static sard_status to_map(const sard_value *v, const char *name, int depth, arena *mem, onnx_map *out, sard_error *err);

static sard_status to_sparse(const sard_value *v, arena *mem, onnx_sparse *out, sard_error *err) {
    *out = (onnx_sparse){.dims = arena_copy(mem, v->sparse.dims.dim, (size_t)v->sparse.dims.rank * sizeof(int64_t)),
                         .n_dims = (size_t)v->sparse.dims.rank,
                         .values = arena_calloc(mem, 1, sizeof *out->values),
                         .indices = arena_calloc(mem, 1, sizeof *out->indices)};
    if (!out->dims || !out->values || !out->indices) return err_nomem(err, sizeof *out->values);
    TRY(to_tensor(&v->sparse.values->t, "", mem, out->values, err));
    return to_tensor(&v->sparse.indices->t, "", mem, out->indices, err);
}

static sard_status to_optional(const sard_value *v, const char *name, int depth, arena *mem, onnx_optional *out,
                               sard_error *err) {
    FAIL_IF(depth > DEPTH_MAX, err, SARD_LIMIT, "containers are nested deeper than %d", DEPTH_MAX);
    const sard_value *item = v->opt.item;
    *out = (onnx_optional){.name = str_of(name), .elem_type = ONNX_ELEM_TENSOR};
    if (!item) return SARD_OK;
    if (value_is_tensor(item)) {
        out->tensor = arena_calloc(mem, 1, sizeof *out->tensor);
        return out->tensor ? to_tensor(&item->t, "", mem, out->tensor, err) : err_nomem(err, sizeof *out->tensor);
    }
    if (item->kind == SARD_KIND_MAP) {
        out->elem_type = ONNX_ELEM_MAP;
        out->map = arena_calloc(mem, 1, sizeof *out->map);
        return out->map ? to_map(item, "", depth + 1, mem, out->map, err) : err_nomem(err, sizeof *out->map);
    }
    FAIL_IF(item->kind != SARD_KIND_SEQUENCE, err, SARD_UNSUPPORTED, "an optional of this kind cannot be written");
    out->elem_type = ONNX_ELEM_SEQUENCE;
    out->sequence = arena_calloc(mem, 1, sizeof *out->sequence);
    return out->sequence ? to_sequence(item, "", depth + 1, mem, out->sequence, err)
                         : err_nomem(err, sizeof *out->sequence);
}

static sard_status to_sequence(const sard_value *v, const char *name, int depth, arena *mem, onnx_sequence *out,
                               sard_error *err) {
    FAIL_IF(depth > DEPTH_MAX, err, SARD_LIMIT, "containers are nested deeper than %d", DEPTH_MAX);
    *out = (onnx_sequence){.name = str_of(name), .elem_type = ONNX_ELEM_TENSOR};
    const size_t n = v->seq.n;
    if (n == 0) return SARD_OK;
    const int kind = v->seq.items[0]->kind;
    void *list = kind == SARD_KIND_TENSOR          ? arena_calloc(mem, n, sizeof *out->tensors)
                 : kind == SARD_KIND_SPARSE_TENSOR ? arena_calloc(mem, n, sizeof *out->sparses)
                 : kind == SARD_KIND_SEQUENCE      ? arena_calloc(mem, n, sizeof *out->sequences)
                 : kind == SARD_KIND_MAP           ? arena_calloc(mem, n, sizeof *out->maps)
                                                   : arena_calloc(mem, n, sizeof *out->optionals);
    if (!list) return err_nomem(err, n);
    for (size_t i = 0; i < n; i++) {
        const sard_value *item = v->seq.items[i];
        switch (kind) {
        case SARD_KIND_TENSOR:
            TRY(to_tensor(&item->t, "", mem, (onnx_tensor *)list + i, err));
            break;
        case SARD_KIND_SPARSE_TENSOR:
            TRY(to_sparse(item, mem, (onnx_sparse *)list + i, err));
            break;
        case SARD_KIND_SEQUENCE:
            TRY(to_sequence(item, "", depth + 1, mem, (onnx_sequence *)list + i, err));
            break;
        case SARD_KIND_MAP:
            TRY(to_map(item, "", depth + 1, mem, (onnx_map *)list + i, err));
            break;
        default:
            TRY(to_optional(item, "", depth + 1, mem, (onnx_optional *)list + i, err));
        }
    }
    switch (kind) {
    case SARD_KIND_TENSOR:
        out->tensors = list, out->n_tensors = n;
        break;
    case SARD_KIND_SPARSE_TENSOR:
        out->elem_type = ONNX_ELEM_SPARSE, out->sparses = list, out->n_sparses = n;
        break;
    case SARD_KIND_SEQUENCE:
        out->elem_type = ONNX_ELEM_SEQUENCE, out->sequences = list, out->n_sequences = n;
        break;
    case SARD_KIND_MAP:
        out->elem_type = ONNX_ELEM_MAP, out->maps = list, out->n_maps = n;
        break;
    default:
        out->elem_type = ONNX_ELEM_OPTIONAL, out->optionals = list, out->n_optionals = n;
    }
    return SARD_OK;
}

/* The elements of a rank-1 tensor as scalars. */
static sard_status to_scalars(const tensor *t, arena *mem, onnx_sequence *out, sard_error *err) {
    FAIL_IF(dtype_subbyte(t->dtype), err, SARD_UNSUPPORTED, "a map of %s cannot be written", sard_dtype_name(t->dtype));
    const size_t n = (size_t)t->dim[0], size = n ? tensor_bytes(t) / n : 0;
    *out = (onnx_sequence){.elem_type = ONNX_ELEM_TENSOR};
    out->n_tensors = n;
    out->tensors = arena_calloc(mem, n + 1, sizeof *out->tensors);
    if (!out->tensors) return err_nomem(err, n);
    for (size_t i = 0; i < n; i++) {
        onnx_tensor *e = &out->tensors[i];
        e->data_type = t->dtype;
        if (t->dtype == SARD_STRING) {
            e->strings = TENSOR_AT(t, str) + i;
            e->n_strings = 1;
        } else {
            e->raw = (onnx_bytes){TENSOR_AT(t, uint8_t) + i * size, size};
        }
    }
    return SARD_OK;
}

static sard_status to_map(const sard_value *v, const char *name, int depth, arena *mem, onnx_map *out,
                          sard_error *err) {
    FAIL_IF(depth > DEPTH_MAX, err, SARD_LIMIT, "containers are nested deeper than %d", DEPTH_MAX);
    const tensor *keys = &v->map.keys->t;
    const size_t n = (size_t)keys->dim[0];
    *out = (onnx_map){.name = str_of(name), .key_type = keys->dtype};
    if (keys->dtype == SARD_STRING) {
        out->string_keys = TENSOR_AT(keys, str);
        out->n_string_keys = n;
    } else {
        out->n_keys = n;
        out->keys = arena_calloc(mem, n + 1, sizeof *out->keys);
        if (!out->keys) return err_nomem(err, n);
        for (size_t i = 0; i < n; i++) out->keys[i] = tensor_get_i64(keys, (int64_t)i);
    }
    out->values = arena_calloc(mem, 1, sizeof *out->values);
    if (!out->values) return err_nomem(err, sizeof *out->values);
    if (value_is_tensor(v->map.values)) return to_scalars(&v->map.values->t, mem, out->values, err);
    return to_sequence(v->map.values, "", depth + 1, mem, out->values, err);
}

static sard_status serialize(const sard_value *v, const char *name, arena *mem, const onnx_sink *sink,
                             sard_error *err) {
    switch (v->kind) {
    case SARD_KIND_TENSOR: {
        onnx_tensor t;
        TRY(to_tensor(&v->t, name, mem, &t, err));
        return onnx_write_tensor(&t, sink, err);
    }
    case SARD_KIND_SEQUENCE: {
        onnx_sequence s;
        TRY(to_sequence(v, name, 0, mem, &s, err));
        return onnx_write_sequence(&s, sink, err);
    }
    case SARD_KIND_MAP: {
        onnx_map s;
        TRY(to_map(v, name, 0, mem, &s, err));
        return onnx_write_map(&s, sink, err);
    }
    case SARD_KIND_OPTIONAL: {
        onnx_optional s;
        TRY(to_optional(v, name, 0, mem, &s, err));
        return onnx_write_optional(&s, sink, err);
    }
    default:
        return err_set(err, SARD_UNSUPPORTED, "a value of this kind has no message of its own");
    }
}

sard_status sard_value_serialize(const sard_value *v, const char *name, void **data, size_t *n, sard_error *err) {
    FAIL_IF(!v, err, SARD_INVALID_ARGUMENT, "the value is NULL");
    arena mem;
    arena_init(&mem);
    onnx_buffer buf = {0};
    const onnx_sink sink = {onnx_buffer_write, &buf};
    sard_status st = serialize(v, name ? name : "", &mem, &sink, err);
    arena_free(&mem);
    if (st == SARD_OK && !buf.data && !(buf.data = mem_alloc(0))) st = err_nomem(err, 0);
    if (st != SARD_OK) {
        mem_free(buf.data);
        return st;
    }
    *data = buf.data;
    *n = buf.n;
    return SARD_OK;
}
