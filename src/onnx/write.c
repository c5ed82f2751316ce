/*
 * write.c -- structs to bytes: one walk over the rows of table.c, done twice.
 *
 * A message is preceded by its length, so the first walk adds up sizes and keeps the size of every inner message in the
 * order of the walk; the second takes them from there and writes. Tensors that move to or from an external file are
 * replaced, in the first walk, by a changed copy that the second finds in the same way.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "onnx/onnx.h"
#include "onnx/table.h"

enum { BUFFER = 1 << 16, WIRE_VARINT = 0, WIRE_LEN = 2, WIRE_32 = 5 };

typedef struct writer {
    onnx_store *store; /* of the model; NULL when no tensor can move */
    onnx_write_opts opts;
    const onnx_sink *sink;
    sard_error *err;
    int depth, in_sparse;
    uint64_t *sizes; /* of inner messages, in the order of the walk */
    size_t n_sizes, cap_sizes, next_size;
    onnx_tensor **changed; /* one per tensor when tensors may move; NULL: as it is */
    size_t n_changed, cap_changed, next_changed;
    arena mem; /* the changed ones */
    uint64_t external_at;
    size_t used;
    uint8_t buffer[BUFFER];
} writer;

/* ---- what is written ---- */

typedef struct list {
    const void *items;
    size_t n;
} list;

static bool is_present(const message_desc *d, uint32_t number, const void *msg) {
    const field_row *row = &d->rows[number];
    const char *base = msg, *at = base + row->offset;
    if (row->when) {
        uint32_t kind;
        memcpy(&kind, base + d->discriminator, sizeof kind);
        if (kind == row->when) return true;
        if (d->rule == RULE_ONEOF) return false;
    }
    bool has = *(const uint32_t *)(const void *)(base + d->has) >> number & 1;
    switch (row->kind) {
    case FIELD_NONE:
        return false;
    case FIELD_I64:
        return has || *(const int64_t *)(const void *)at != 0;
    case FIELD_I32:
    case FIELD_F32:
        return has || *(const uint32_t *)(const void *)at != 0; /* -0.0 is written */
    case FIELD_STR:
        return has || ((const list *)(const void *)at)->n != 0;
    case FIELD_MSG:
        return *(void *const *)(const void *)at != NULL;
    default:
        return ((const list *)(const void *)at)->n != 0;
    }
}

static size_t varint_size(uint64_t v) {
    size_t n = 1;
    for (; v >= 0x80; v >>= 7) n++;
    return n;
}

static size_t tag_size(uint32_t number) { return number < 16 ? 1 : 2; }

/* The value of a scalar field of varint kind, as protobuf writes it. */
static uint64_t scalar(const field_row *row, const void *at) {
    return row->kind == FIELD_I64 ? (uint64_t) * (const int64_t *)at : (uint64_t)(int64_t) * (const int32_t *)at;
}

/* ---- tensors that move ---- */

static sard_status sink_zeros(const onnx_sink *sink, uint64_t n, sard_error *err) {
    static const uint8_t zeros[4096];
    while (n > 0) {
        size_t now = n < sizeof zeros ? (size_t)n : sizeof zeros;
        TRY(sink->write(sink->user, zeros, now, err));
        n -= now;
    }
    return SARD_OK;
}

static sard_status set_entry(writer *w, onnx_entry *e, const char *key, str value) {
    *e = (onnx_entry){.key = str_of(key), .value = value};
    return value.p ? SARD_OK : err_nomem(w->err, 32);
}

/* Writes the bytes to the external file and makes t refer to them. */
static sard_status move_out(writer *w, onnx_tensor *t, onnx_bytes bytes) {
    uint64_t align = bytes.n >= 4096 ? 4096 : 64, at = (w->external_at + align - 1) / align * align;
    TRY(sink_zeros(w->opts.external, at - w->external_at, w->err));
    TRY(w->opts.external->write(w->opts.external->user, bytes.p, bytes.n, w->err));
    w->external_at = at + bytes.n;
    onnx_entry *e = arena_calloc(&w->mem, 3, sizeof *e);
    if (!e) return err_nomem(w->err, 3 * sizeof *e);
    const char *offset = arena_printf(&w->mem, "%llu", (unsigned long long)at);
    const char *length = arena_printf(&w->mem, "%zu", bytes.n);
    TRY(set_entry(w, &e[0], "location", str_of(w->opts.external_name)));
    TRY(set_entry(w, &e[1], "offset", str_of(offset)));
    TRY(set_entry(w, &e[2], "length", str_of(length)));
    t->external = e;
    t->n_external = 3;
    t->data_location = ONNX_EXTERNAL;
    return SARD_OK;
}

/* In the first walk: the tensor as it is to be written, NULL when unchanged. */
static sard_status change(writer *w, const onnx_tensor *t, onnx_tensor **out) {
    *out = NULL;
    bool outside = t->data_location == ONNX_EXTERNAL;
    if (t->data_type == SARD_STRING || (outside && !w->opts.embed)) return SARD_OK;
    int64_t count;
    size_t size = 0;
    TRY(onnx_tensor_count(t, &count, w->err));
    if (onnx_file_bytes(t->data_type, count, &size)) size = 0;
    bool out_again = w->opts.external && w->in_sparse == 0 && size > 0 && size >= w->opts.external_min;
    if (!out_again && !outside) return SARD_OK;
    onnx_bytes bytes;
    TRY(onnx_tensor_bytes(w->store, t, &bytes, w->err));
    onnx_tensor *copy = arena_copy(&w->mem, t, sizeof *t);
    if (!copy) return err_nomem(w->err, sizeof *t);
    const onnx_bytes none = {NULL, 0};
    copy->raw = copy->float_data = copy->double_data = none;
    copy->int32_data = copy->int64_data = copy->uint64_data = none;
    copy->has &= ~((uint32_t)1 << 9 | (uint32_t)1 << 14); /* raw_data, data_location */
    copy->external = NULL;
    copy->n_external = 0;
    copy->data_location = ONNX_INSIDE;
    *out = copy;
    if (out_again) return move_out(w, copy, bytes);
    copy->raw = bytes;
    return SARD_OK;
}

/* What is to be written instead of this message. */
static sard_status replacement(writer *w, const message_desc *d, const void **msg, bool sizing) {
    if (d != &desc_tensor || !w->store) return SARD_OK;
    if (sizing) {
        if (mem_grow((void **)&w->changed, &w->cap_changed, w->n_changed + 1, sizeof *w->changed))
            return err_nomem(w->err, w->n_changed * sizeof *w->changed);
        TRY(change(w, *msg, &w->changed[w->n_changed]));
        w->n_changed++;
    }
    const onnx_tensor *t = w->changed[sizing ? w->n_changed - 1 : w->next_changed++];
    if (t) *msg = t;
    return SARD_OK;
}

/* ---- first walk: sizes ---- */

static sard_status size_message(writer *w, const message_desc *d, const void *msg, uint64_t *size);

static sard_status size_sub(writer *w, const message_desc *d, const void *msg, uint64_t *total) {
    size_t slot = w->n_sizes;
    if (mem_grow((void **)&w->sizes, &w->cap_sizes, slot + 1, sizeof *w->sizes))
        return err_nomem(w->err, slot * sizeof *w->sizes);
    w->n_sizes++;
    uint64_t size;
    TRY(size_message(w, d, msg, &size));
    w->sizes[slot] = size;
    *total += varint_size(size) + size;
    return SARD_OK;
}

static uint64_t size_list(const field_row *row, uint32_t number, const list *l) {
    uint64_t total = (uint64_t)tag_size(number) * l->n;
    if (row->kind == FIELD_F32S) return total + 4 * (uint64_t)l->n;
    for (size_t i = 0; i < l->n; i++) {
        if (row->kind == FIELD_I64S) {
            total += varint_size((uint64_t)((const int64_t *)l->items)[i]);
        } else {
            size_t n = ((const str *)l->items)[i].n;
            total += varint_size(n) + n;
        }
    }
    return total;
}

static sard_status size_field(writer *w, const field_row *row, uint32_t number, const void *msg, uint64_t *total) {
    const void *at = (const char *)msg + row->offset;
    const list *l = at;
    switch (row->kind) {
    case FIELD_I64:
    case FIELD_I32:
        *total += tag_size(number) + varint_size(scalar(row, at));
        return SARD_OK;
    case FIELD_F32:
        *total += tag_size(number) + 4;
        return SARD_OK;
    case FIELD_STRS:
    case FIELD_I64S:
    case FIELD_F32S:
        *total += size_list(row, number, l);
        return SARD_OK;
    case FIELD_MSG:
    case FIELD_INNER:
        *total += tag_size(number);
        return size_sub(w, row->sub, row->kind == FIELD_MSG ? *(void *const *)at : msg, total);
    case FIELD_MSGS:
        for (size_t i = 0; i < l->n; i++) {
            *total += tag_size(number);
            TRY(size_sub(w, row->sub, (const char *)l->items + i * row->sub->size, total));
        }
        return SARD_OK;
    default: /* strings and packed bytes */
        *total += tag_size(number) + varint_size(l->n) + l->n;
        return SARD_OK;
    }
}

static sard_status size_message(writer *w, const message_desc *d, const void *msg, uint64_t *size) {
    *size = 0;
    FAIL_IF(w->depth == ONNX_DEPTH_MAX, w->err, SARD_INVALID_MODEL, "more than %d messages inside each other",
            ONNX_DEPTH_MAX);
    TRY(replacement(w, d, &msg, true));
    w->depth++;
    w->in_sparse += d == &desc_sparse;
    for (uint32_t i = 1; i < d->n_rows; i++)
        if (is_present(d, i, msg)) TRY(size_field(w, &d->rows[i], i, msg, size));
    w->in_sparse -= d == &desc_sparse;
    w->depth--;
    return SARD_OK;
}

/* ---- second walk: bytes ---- */

static sard_status flush(writer *w) {
    size_t n = w->used;
    w->used = 0;
    return n ? w->sink->write(w->sink->user, w->buffer, n, w->err) : SARD_OK;
}

static sard_status put(writer *w, const void *p, size_t n) {
    if (n > BUFFER - w->used) TRY(flush(w));
    if (n >= BUFFER) return w->sink->write(w->sink->user, p, n, w->err);
    if (n) memcpy(w->buffer + w->used, p, n);
    w->used += n;
    return SARD_OK;
}

static sard_status put_varint(writer *w, uint64_t v) {
    uint8_t bytes[10];
    size_t n = 0;
    for (; v >= 0x80; v >>= 7) bytes[n++] = (uint8_t)(v | 0x80);
    bytes[n++] = (uint8_t)v;
    return put(w, bytes, n);
}

static sard_status put_tag(writer *w, uint32_t number, uint32_t wire) { return put_varint(w, number << 3 | wire); }

static sard_status put_bytes(writer *w, uint32_t number, const void *p, size_t n) {
    TRY(put_tag(w, number, WIRE_LEN));
    TRY(put_varint(w, n));
    return put(w, p, n);
}

static sard_status write_message(writer *w, const message_desc *d, const void *msg);

static sard_status write_sub(writer *w, uint32_t number, const message_desc *d, const void *msg) {
    TRY(put_tag(w, number, WIRE_LEN));
    TRY(put_varint(w, w->sizes[w->next_size++]));
    return write_message(w, d, msg);
}

static sard_status write_list(writer *w, const field_row *row, uint32_t number, const list *l) {
    for (size_t i = 0; i < l->n; i++) {
        switch (row->kind) {
        case FIELD_I64S:
            TRY(put_tag(w, number, WIRE_VARINT));
            TRY(put_varint(w, (uint64_t)((const int64_t *)l->items)[i]));
            break;
        case FIELD_F32S:
            TRY(put_tag(w, number, WIRE_32));
            TRY(put(w, (const float *)l->items + i, 4));
            break;
        case FIELD_STRS:
            TRY(put_bytes(w, number, ((const str *)l->items)[i].p, ((const str *)l->items)[i].n));
            break;
        default:
            TRY(write_sub(w, number, row->sub, (const char *)l->items + i * row->sub->size));
        }
    }
    return SARD_OK;
}

static sard_status write_field(writer *w, const field_row *row, uint32_t number, const void *msg) {
    const void *at = (const char *)msg + row->offset;
    const list *l = at;
    switch (row->kind) {
    case FIELD_I64:
    case FIELD_I32:
        TRY(put_tag(w, number, WIRE_VARINT));
        return put_varint(w, scalar(row, at));
    case FIELD_F32:
        TRY(put_tag(w, number, WIRE_32));
        return put(w, at, 4);
    case FIELD_MSG:
        return write_sub(w, number, row->sub, *(void *const *)at);
    case FIELD_INNER:
        return write_sub(w, number, row->sub, msg);
    case FIELD_STRS:
    case FIELD_MSGS:
    case FIELD_I64S:
    case FIELD_F32S:
        return write_list(w, row, number, l);
    default:
        return put_bytes(w, number, l->items, l->n);
    }
}

static sard_status write_message(writer *w, const message_desc *d, const void *msg) {
    TRY(replacement(w, d, &msg, false));
    for (uint32_t i = 1; i < d->n_rows; i++)
        if (is_present(d, i, msg)) TRY(write_field(w, &d->rows[i], i, msg));
    return SARD_OK;
}

/* ---- the whole ---- */

static void writer_free(writer *w) {
    mem_free(w->sizes);
    mem_free(w->changed);
    arena_free(&w->mem);
    mem_free(w);
}

/* Walks once; *total is the size of what emit will write. On failure *out is NULL. */
static sard_status prepare(const message_desc *d, const void *msg, onnx_store *store, const onnx_write_opts *opts,
                           writer **out, uint64_t *total, sard_error *err) {
    *out = NULL;
    writer *w = mem_calloc(1, sizeof *w);
    if (!w) return err_nomem(err, sizeof *w);
    arena_init(&w->mem);
    if (opts) w->opts = *opts;
    if (w->opts.embed || w->opts.external) w->store = store;
    w->err = err;
    sard_status st = size_message(w, d, msg, total);
    if (st == SARD_OK && *total > INT32_MAX && !w->opts.allow_huge)
        st = err_set(err, SARD_LIMIT,
                     "the model takes %llu bytes, protobuf's limit is 2 GiB: put tensors in external data",
                     (unsigned long long)*total);
    if (st == SARD_OK)
        *out = w;
    else
        writer_free(w);
    return st;
}

static sard_status emit(writer *w, const message_desc *d, const void *msg, const onnx_sink *sink) {
    w->sink = sink;
    TRY(write_message(w, d, msg));
    return flush(w);
}

static sard_status write_top(const message_desc *d, const void *msg, onnx_store *store, const onnx_write_opts *opts,
                             const onnx_sink *sink, sard_error *err) {
    writer *w;
    uint64_t total;
    TRY(prepare(d, msg, store, opts, &w, &total, err));
    sard_status st = emit(w, d, msg, sink);
    writer_free(w);
    return st;
}

sard_status onnx_write(onnx_model *m, const onnx_write_opts *opts, const onnx_sink *sink, sard_error *err) {
    return write_top(&desc_model, m, &m->store, opts, sink, err);
}

sard_status onnx_write_mem(onnx_model *m, const onnx_write_opts *opts, uint8_t **out, size_t *n, sard_error *err) {
    writer *w;
    uint64_t total;
    *out = NULL;
    *n = 0;
    TRY(prepare(&desc_model, m, &m->store, opts, &w, &total, err));
    onnx_buffer b = {.data = mem_alloc((size_t)total), .cap = (size_t)total};
    sard_status st =
        b.data ? emit(w, &desc_model, m, &(onnx_sink){onnx_buffer_write, &b}) : err_nomem(err, (size_t)total);
    writer_free(w);
    if (st != SARD_OK) {
        mem_free(b.data);
        return st;
    }
    *out = b.data;
    *n = b.n;
    return SARD_OK;
}

sard_status onnx_write_tensor(const onnx_tensor *t, const onnx_sink *sink, sard_error *err) {
    return write_top(&desc_tensor, t, NULL, NULL, sink, err);
}

sard_status onnx_write_sequence(const onnx_sequence *t, const onnx_sink *sink, sard_error *err) {
    return write_top(&desc_sequence, t, NULL, NULL, sink, err);
}

sard_status onnx_write_map(const onnx_map *t, const onnx_sink *sink, sard_error *err) {
    return write_top(&desc_map, t, NULL, NULL, sink, err);
}

sard_status onnx_write_optional(const onnx_optional *t, const onnx_sink *sink, sard_error *err) {
    return write_top(&desc_optional, t, NULL, NULL, sink, err);
}

/* ---- sinks and files ---- */

sard_status onnx_buffer_write(void *user, const void *p, size_t n, sard_error *err) {
    onnx_buffer *b = user;
    if (n > SIZE_MAX - b->n || mem_grow((void **)&b->data, &b->cap, b->n + n, 1)) return err_nomem(err, n);
    if (n) memcpy(b->data + b->n, p, n);
    b->n += n;
    return SARD_OK;
}

sard_status onnx_file_write(void *user, const void *p, size_t n, sard_error *err) {
    FAIL_IF(n && fwrite(p, 1, n, user) != n, err, SARD_IO, "writing failed: %s", strerror(errno));
    return SARD_OK;
}

typedef struct out_file { /* written beside its place, then renamed */
    FILE *f;
    char *path, *temporary;
} out_file;

static sard_status out_open(out_file *o, arena *mem, const char *folder, size_t folder_n, const char *name,
                            sard_error *err) {
    o->path = arena_printf(mem, "%.*s%s", (int)folder_n, folder, name);
    o->temporary = o->path ? arena_printf(mem, "%s.new-%ld", o->path, (long)getpid()) : NULL;
    if (!o->temporary) return err_nomem(err, folder_n + strlen(name));
    o->f = fopen(o->temporary, "wb");
    FAIL_IF(!o->f, err, SARD_IO, "%s cannot be written: %s", o->path, strerror(errno));
    return SARD_OK;
}

/* Closes and, if all went well, puts the file in its place. */
static sard_status out_close(out_file *o, sard_status st, sard_error *err) {
    if (!o->f) return st;
    bool closed = fclose(o->f) == 0;
    if (st == SARD_OK && (!closed || rename(o->temporary, o->path) != 0))
        st = err_set(err, SARD_IO, "%s cannot be written: %s", o->path, strerror(errno));
    if (st != SARD_OK) unlink(o->temporary);
    return st;
}

sard_status onnx_write_path(onnx_model *m, const char *path, const char *external_name, size_t external_min,
                            sard_error *err) {
    FAIL_IF(external_name && (!*external_name || strchr(external_name, '/')), err, SARD_INVALID_ARGUMENT,
            "'%s' is not a plain file name for external data", external_name);
    const char *slash = strrchr(path, '/');
    size_t folder_n = slash ? (size_t)(slash + 1 - path) : 0;
    arena mem;
    arena_init(&mem);
    out_file model = {0}, data = {0};
    sard_status st = out_open(&model, &mem, path, folder_n, path + folder_n, err);
    if (st == SARD_OK && external_name) st = out_open(&data, &mem, path, folder_n, external_name, err);
    if (st == SARD_OK) {
        const onnx_sink to_data = {onnx_file_write, data.f}, to_model = {onnx_file_write, model.f};
        const onnx_write_opts opts = {.external = external_name ? &to_data : NULL,
                                      .external_name = external_name,
                                      .external_min = external_min,
                                      .embed = external_name != NULL};
        st = onnx_write(m, &opts, &to_model, err);
    }
    st = out_close(&data, st, err);
    st = out_close(&model, st, err);
    arena_free(&mem);
    return st;
}
