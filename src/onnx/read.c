/*
 * read.c -- bytes to structs: one parse loop for all messages, driven by the rows of table.c.
 *
 * A message is walked twice. The first walk checks its fields' framing and counts the elements of its lists, so that each
 * list is one array of the right size; the second stores. Both see the same tokens from next_field. What is allocated is
 * bounded by the size of the input (limit_bytes): an empty element takes two bytes in a file and some hundred here.
 */
#include <stdarg.h>
#include <stdio.h>

#include "onnx/onnx.h"
#include "onnx/table.h"

enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_LEN = 2, WIRE_OPEN = 3, WIRE_CLOSE = 4, WIRE_32 = 5 };

typedef struct step { /* one level of where the reader is */
    const field_row *row;
    size_t index;
} step;

typedef struct reader {
    const uint8_t *data;
    uint64_t n;
    arena *mem;
    sard_error *err;
    int depth;
    step path[ONNX_DEPTH_MAX];
} reader;

typedef struct token {
    const uint8_t *at; /* of the tag */
    const uint8_t *p;  /* of the value: a varint's bytes, 4 or 8 bytes, a length's contents */
    size_t n;
    uint64_t value; /* of a varint */
    uint32_t number, wire;
} token;

/* ---- errors ---- */

static int put_step(char *out, size_t room, const step *s, bool first) {
    bool list = s->row->kind >= FIELD_STRS;
    const char *dot = first ? "" : ".";
    int n = list ? snprintf(out, room, "%s%s[%zu]", dot, s->row->name, s->index)
                 : snprintf(out, room, "%s%s", dot, s->row->name);
    return n < 0 || (size_t)n >= room ? -1 : n;
}

/* Sets "path: message (offset 12 of 345)". `last` is the field at fault within the present message, or NULL. */
static sard_status PRINTF_LIKE(5, 6)
    fail(reader *r, sard_status code, const uint8_t *at, const step *last, const char *fmt, ...) {
    char path[480], what[200];
    size_t used = 0;
    path[0] = 0;
    int total = r->depth + (last ? 1 : 0);
    for (int i = 0; i < total; i++) {
        if (total > 16 && i == 5) { /* deep: the first few levels and the last */
            used += (size_t)snprintf(path + used, sizeof path - used, ".(%d levels)", total - 10);
            i = total - 5;
        }
        int n = put_step(path + used, sizeof path - used, i < r->depth ? &r->path[i] : last, i == 0);
        if (n < 0) break;
        used += (size_t)n;
    }
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    return err_set(r->err, code, "%s%s%s (offset %llu of %llu)", path, used ? ": " : "", what,
                   (unsigned long long)(at - r->data), (unsigned long long)r->n);
}

static sard_status fail_memory(reader *r, const uint8_t *at, size_t bytes) {
    if (r->mem->limit && bytes > r->mem->limit - r->mem->used)
        return fail(r, SARD_LIMIT, at, NULL, "the file has more elements than any sensible one of its size");
    return err_nomem(r->err, bytes);
}

/* ---- tokens ---- */

/* Returns what is wrong, NULL when nothing is. */
static inline __attribute__((always_inline)) const char *get_varint(const uint8_t **p, const uint8_t *end,
                                                                    uint64_t *value) {
    uint64_t v = 0;
    const uint8_t *q = *p;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (q == end) return "a number runs past the end";
        uint8_t b = *q++;
        if (shift < 64) v |= (uint64_t)(b & 0x7F) << shift;
        if (!(b & 0x80)) {
            *p = q;
            *value = v;
            return NULL;
        }
    }
    return "a number takes more than 10 bytes";
}

static inline __attribute__((always_inline)) const char *get_tag(const uint8_t **p, const uint8_t *end, token *t) {
    uint64_t tag = 0; /* gcc cannot see that get_varint set it when built for TSan */
    const char *wrong = get_varint(p, end, &tag);
    if (wrong) return wrong;
    t->number = (uint32_t)(tag >> 3);
    t->wire = tag & 7;
    if (tag > UINT32_MAX || t->number == 0) return "not a field number: these bytes are not protobuf";
    return NULL;
}

static const char too_long[] = "length"; /* the one message that needs the token */

/* Reads the value after a tag; *p moves behind it. Groups are the caller's. */
static inline __attribute__((always_inline)) const char *get_value(const uint8_t **p, const uint8_t *end, token *t) {
    const char *wrong = NULL;
    t->p = *p;
    switch (t->wire) {
    case WIRE_VARINT:
        wrong = get_varint(p, end, &t->value);
        t->n = (size_t)(*p - t->p);
        return wrong;
    case WIRE_64:
    case WIRE_32:
        t->n = t->wire == WIRE_64 ? 8 : 4;
        if ((size_t)(end - *p) < t->n) return "a number runs past the end";
        *p += t->n;
        return NULL;
    case WIRE_LEN:
        wrong = get_varint(p, end, &t->value);
        if (wrong) return wrong;
        t->p = *p;
        if (t->value > (uint64_t)(end - *p)) return too_long;
        t->n = (size_t)t->value;
        *p += t->n;
        return NULL;
    case WIRE_OPEN:
    case WIRE_CLOSE:
        return NULL;
    default:
        return "a wire type that does not exist: these bytes are not protobuf";
    }
}

/* *p is behind the opening tag of group `number`; moves it behind the closing one. */
static const char *skip_group(const uint8_t **p, const uint8_t *end, uint32_t number) {
    uint32_t open[ONNX_DEPTH_MAX];
    int n = 1;
    open[0] = number;
    while (n > 0) {
        token t;
        if (*p == end) return "a group runs past the end";
        const char *wrong = get_tag(p, end, &t);
        if (!wrong) wrong = get_value(p, end, &t);
        if (wrong) return wrong;
        if (t.wire == WIRE_CLOSE) {
            if (open[--n] != t.number) return "a group is closed that is not open";
        } else if (t.wire == WIRE_OPEN) {
            if (n == ONNX_DEPTH_MAX) return "groups are nested too deeply";
            open[n++] = t.number;
        }
    }
    return NULL;
}

static const field_row *find_row(const message_desc *d, uint32_t number) {
    if (number >= d->n_rows || d->rows[number].kind == FIELD_NONE) return NULL;
    return &d->rows[number];
}

/* Reads the next field of a message of kind d. counts, when given, are the list elements seen (for the message). */
static sard_status next_field(reader *r, const uint8_t **p, const uint8_t *end, const message_desc *d,
                              const size_t *counts, token *t) {
    t->at = *p;
    t->n = 0;
    t->number = 0;
    const char *wrong = get_tag(p, end, t);
    if (!wrong) wrong = get_value(p, end, t);
    if (!wrong && t->wire == WIRE_OPEN) wrong = skip_group(p, end, t->number);
    if (!wrong && t->wire == WIRE_CLOSE) wrong = "a group is closed that is not open";
    if (!wrong) return SARD_OK;
    const field_row *row = find_row(d, t->number);
    step at = {row, row && counts ? counts[t->number] : 0};
    if (wrong == too_long)
        return fail(r, SARD_INVALID_PROTOBUF, t->at, row ? &at : NULL, "length %llu runs past the end",
                    (unsigned long long)t->value);
    return fail(r, SARD_INVALID_PROTOBUF, t->at, row ? &at : NULL, "%s", wrong);
}

/* Whether a field of this kind is stored from this wire type; if not it is skipped like an unknown one. */
static inline __attribute__((always_inline)) bool takes(int kind, uint32_t wire) {
    switch (kind) {
    case FIELD_I64:
    case FIELD_I32:
        return wire == WIRE_VARINT;
    case FIELD_F32:
        return wire == WIRE_32;
    case FIELD_I64S:
    case FIELD_VARINTS:
        return wire == WIRE_VARINT || wire == WIRE_LEN;
    case FIELD_F32S:
    case FIELD_FIXED32:
        return wire == WIRE_32 || wire == WIRE_LEN;
    case FIELD_FIXED64:
        return wire == WIRE_64 || wire == WIRE_LEN;
    default:
        return wire == WIRE_LEN;
    }
}

/* ---- lists ---- */

typedef struct list { /* how a list member of a struct looks */
    void *items;
    size_t n;
} list;

/* In front of each array that the reader makes. */
typedef struct list_head {
    size_t cap;
    size_t unused;
} list_head;

static bool is_view(const reader *r, const void *p) {
    uintptr_t at = (uintptr_t)p, from = (uintptr_t)r->data;
    return at >= from && at - from < r->n;
}

/* Makes room for `more` elements. An array that must move grows at least twofold, so that messages given in many pieces
 * cost no more than linear time and memory. */
static sard_status reserve(reader *r, const uint8_t *at, list *l, size_t more, size_t elem) {
    size_t cap = 0, need, bytes;
    if (l->items) cap = is_view(r, l->items) ? l->n : ((list_head *)l->items)[-1].cap;
    if (add_size(l->n, more, &need)) return fail_memory(r, at, SIZE_MAX);
    if (need <= cap && !is_view(r, l->items)) return SARD_OK;
    if (cap && need < 2 * cap) need = 2 * cap;
    if (mul_size(need, elem, &bytes) || add_size(bytes, sizeof(list_head), &bytes)) return fail_memory(r, at, SIZE_MAX);
    list_head *h = arena_calloc(r->mem, 1, bytes);
    if (!h) return fail_memory(r, at, bytes);
    h->cap = need;
    if (l->n) memcpy(h + 1, l->items, l->n * elem);
    l->items = h + 1;
    return SARD_OK;
}

static size_t elem_size(const field_row *row) {
    switch (row->kind) {
    case FIELD_STRS:
        return sizeof(str);
    case FIELD_MSGS:
        return row->sub->size;
    case FIELD_I64S:
        return sizeof(int64_t);
    case FIELD_F32S:
        return sizeof(float);
    default:
        return 1;
    }
}

/* How many elements a token adds to a list; checks packed contents. */
static sard_status count_elements(reader *r, const token *t, const field_row *row, size_t index, size_t *n) {
    const char *wrong = NULL;
    *n = 1;
    if (row->kind == FIELD_STRS || row->kind == FIELD_MSGS || t->wire != WIRE_LEN) return SARD_OK;
    if (row->kind == FIELD_I64S || row->kind == FIELD_VARINTS) {
        size_t count = 0, run = 0;
        for (size_t i = 0; i < t->n && !wrong; i++) {
            if (t->p[i] < 0x80) {
                count++;
                run = 0;
            } else if (++run == 10) {
                wrong = "a number takes more than 10 bytes";
            }
        }
        if (!wrong && run) wrong = "the last number is not complete";
        *n = count;
    } else {
        size_t each = row->kind == FIELD_FIXED64 ? 8 : 4;
        if (t->n % each) wrong = "the length is not a multiple of a number's size";
        *n = t->n / each;
    }
    step at = {row, index};
    return wrong ? fail(r, SARD_INVALID_PROTOBUF, t->at, &at, "%s", wrong) : SARD_OK;
}

/* Numbers that are not packed come one to a tag (a forest has hundreds of thousands): a run of the same one-byte tag with
 * short values is walked here, the rest is next_field's. l: where they go; NULL: they are counted only. */
static size_t walk_run(const token *t, const field_row *row, const uint8_t **p, const uint8_t *end, list *l) {
    const uint8_t tag = (uint8_t)(t->number << 3 | t->wire), *q = *p;
    size_t n = 0;
    if (t->number > 15) return 0;
    if (row->kind == FIELD_F32S && t->wire == WIRE_32) {
        for (; end - q >= 5 && *q == tag; q += 5, n++)
            if (l) memcpy((float *)l->items + l->n++, q + 1, sizeof(float));
    } else if (row->kind == FIELD_I64S && t->wire == WIRE_VARINT) {
        for (; end - q >= 3 && *q == tag && (q[1] < 0x80 || q[2] < 0x80); n++) {
            bool two = q[1] >= 0x80;
            if (l) ((int64_t *)l->items)[l->n++] = two ? (q[1] & 0x7f) | q[2] << 7 : q[1];
            q += two ? 3 : 2;
        }
    }
    *p = q;
    return n;
}

/* The first walk: checks the message's framing and makes room in its lists. */
static sard_status reserve_lists(reader *r, const uint8_t *p, const uint8_t *end, const message_desc *d, void *msg) {
    size_t counts[32] = {0};
    const uint8_t *from = p;
    while (p < end) {
        token t;
        TRY(next_field(r, &p, end, d, counts, &t));
        const field_row *row = find_row(d, t.number);
        if (!row || row->kind < FIELD_STRS || !takes(row->kind, t.wire)) continue;
        size_t n;
        TRY(count_elements(r, &t, row, counts[t.number], &n));
        counts[t.number] += n + walk_run(&t, row, &p, end, NULL);
    }
    for (uint32_t i = 1; i < d->n_rows; i++) {
        const field_row *row = &d->rows[i];
        if (counts[i] && row->kind <= FIELD_F32S)
            TRY(reserve(r, from, (list *)(void *)((char *)msg + row->offset), counts[i], elem_size(row)));
    }
    return SARD_OK;
}

/* ---- values ---- */

static sard_status read_message(reader *r, const uint8_t *p, const uint8_t *end, const message_desc *d, void *msg);

static sard_status read_sub(reader *r, const token *t, const field_row *row, size_t index, void *msg) {
    if (r->depth == ONNX_DEPTH_MAX)
        return fail(r, SARD_INVALID_PROTOBUF, t->at, NULL, "more than %d messages inside each other", ONNX_DEPTH_MAX);
    r->path[r->depth++] = (step){row, index};
    TRY(read_message(r, t->p, t->p + t->n, row->sub, msg));
    r->depth--;
    return SARD_OK;
}

static void store_numbers(const token *t, const field_row *row, list *l) {
    const uint8_t *p = t->p, *end = t->p + t->n;
    if (t->n == 0) return;
    if (row->kind == FIELD_F32S) {
        memcpy((float *)l->items + l->n, p, t->n);
        l->n += t->n / sizeof(float);
        return;
    }
    int64_t *to = l->items;
    while (p < end) {
        uint64_t v = 0;
        get_varint(&p, end, &v); /* counted, so it cannot fail */
        to[l->n++] = (int64_t)v;
    }
}

/* Packed wire bytes: the first piece that is packed is a view, later ones are appended to a copy. */
static sard_status store_wire(reader *r, const token *t, list *l) {
    if (t->n == 0) return SARD_OK;
    if (l->n == 0 && t->wire == WIRE_LEN) {
        memcpy(&l->items, &t->p, sizeof t->p);
        l->n = t->n;
        return SARD_OK;
    }
    TRY(reserve(r, t->at, l, t->n, 1));
    memcpy((uint8_t *)l->items + l->n, t->p, t->n);
    l->n += t->n;
    return SARD_OK;
}

/* A member of a oneof is about to be set: another one that is set goes. */
static void choose(const message_desc *d, const field_row *row, void *msg) {
    uint32_t *kind = (uint32_t *)(void *)((char *)msg + d->discriminator);
    if (*kind == row->when) return;
    memset((char *)msg + d->one_from, 0, (size_t)(d->one_until - d->one_from));
    *kind = row->when;
}

static sard_status store(reader *r, const token *t, const message_desc *d, const field_row *row, void *msg) {
    void *at = (char *)msg + row->offset;
    list *l = at;
    if (d->rule == RULE_ONEOF && row->when)
        choose(d, row, msg);
    else
        *(uint32_t *)(void *)((char *)msg + d->has) |= (uint32_t)1 << t->number;
    switch (row->kind) {
    case FIELD_I64:
        *(int64_t *)at = (int64_t)t->value;
        return SARD_OK;
    case FIELD_I32:
        *(int32_t *)at = (int32_t)(uint32_t)t->value;
        return SARD_OK;
    case FIELD_F32:
        memcpy(at, t->p, 4);
        return SARD_OK;
    case FIELD_STR:
        *(str *)at = (str){(const char *)t->p, t->n};
        return SARD_OK;
    case FIELD_MSG: {
        void **sub = at;
        if (!*sub) *sub = arena_calloc(r->mem, 1, row->sub->size);
        if (!*sub) return fail_memory(r, t->at, row->sub->size);
        return read_sub(r, t, row, 0, *sub);
    }
    case FIELD_INNER:
        return read_sub(r, t, row, 0, msg);
    case FIELD_STRS:
        ((str *)l->items)[l->n++] = (str){(const char *)t->p, t->n};
        return SARD_OK;
    case FIELD_MSGS: {
        size_t index = l->n++;
        return read_sub(r, t, row, index, (char *)l->items + index * row->sub->size);
    }
    case FIELD_I64S:
    case FIELD_F32S:
        store_numbers(t, row, l);
        return SARD_OK;
    default:
        return store_wire(r, t, l);
    }
}

static sard_status read_message(reader *r, const uint8_t *p, const uint8_t *end, const message_desc *d, void *msg) {
    TRY(reserve_lists(r, p, end, d, msg));
    while (p < end) {
        token t;
        TRY(next_field(r, &p, end, d, NULL, &t));
        const field_row *row = find_row(d, t.number);
        if (!row || !takes(row->kind, t.wire)) continue;
        TRY(store(r, &t, d, row, msg));
        (void)walk_run(&t, row, &p, end, (list *)(void *)((char *)msg + row->offset));
    }
    return SARD_OK;
}

/* What the structs of a file of n bytes may take: a small file can be all structure, a large one is mostly weights. */
static size_t limit_bytes(uint64_t n) {
    size_t limit;
    if (mul_size((size_t)n, 48, &limit) || add_size(limit, (size_t)16 << 20, &limit)) return SIZE_MAX;
    return limit;
}

static sard_status read_top(onnx_store *s, const uint8_t *data, uint64_t n, const message_desc *d, void *msg,
                            sard_error *err) {
    memset(msg, 0, d->size);
    if (n == 0) return SARD_OK;
    FAIL_IF(!data, err, SARD_INVALID_ARGUMENT, "no bytes are given");
    FAIL_IF(n > PTRDIFF_MAX, err, SARD_INVALID_ARGUMENT, "%llu bytes cannot be in memory", (unsigned long long)n);
    reader r = {.data = data, .n = n, .mem = &s->mem, .err = err};
    size_t before = s->mem.limit;
    if (add_size(s->mem.used, limit_bytes(n), &s->mem.limit)) s->mem.limit = 0;
    sard_status st = read_message(&r, data, data + n, d, msg);
    s->mem.limit = before;
    return st;
}

/* ---- the entry points ---- */

sard_status onnx_read_tensor(onnx_store *s, const uint8_t *data, uint64_t n, onnx_tensor *out, sard_error *err) {
    return read_top(s, data, n, &desc_tensor, out, err);
}

sard_status onnx_read_sparse(onnx_store *s, const uint8_t *data, uint64_t n, onnx_sparse *out, sard_error *err) {
    return read_top(s, data, n, &desc_sparse, out, err);
}

sard_status onnx_read_sequence(onnx_store *s, const uint8_t *data, uint64_t n, onnx_sequence *out, sard_error *err) {
    return read_top(s, data, n, &desc_sequence, out, err);
}

sard_status onnx_read_map(onnx_store *s, const uint8_t *data, uint64_t n, onnx_map *out, sard_error *err) {
    return read_top(s, data, n, &desc_map, out, err);
}

sard_status onnx_read_optional(onnx_store *s, const uint8_t *data, uint64_t n, onnx_optional *out, sard_error *err) {
    return read_top(s, data, n, &desc_optional, out, err);
}

sard_status onnx_read_type(onnx_store *s, const uint8_t *data, uint64_t n, onnx_type *out, sard_error *err) {
    return read_top(s, data, n, &desc_type, out, err);
}

/* Reads into m, whose store is initialised and kept. */
static sard_status read_model(onnx_model *m, const uint8_t *data, uint64_t n, sard_error *err) {
    onnx_store keep = m->store;
    sard_status st = read_top(&keep, data, n, &desc_model, m, err);
    m->store = keep;
    TRY(st);
    FAIL_IF(m->ir_version > ONNX_IR_MAX, err, SARD_UNSUPPORTED,
            "IR version %lld is newer than %d, the newest this build reads", (long long)m->ir_version, ONNX_IR_MAX);
    FAIL_IF(m->ir_version < 1, err, SARD_INVALID_MODEL,
            "no IR version (a positive number was expected, %lld was found): not an ONNX model",
            (long long)m->ir_version);
    FAIL_IF(!m->graph, err, SARD_INVALID_MODEL, "the model has no graph");
    FAIL_IF(m->ir_version >= 3 && m->n_opsets == 0, err, SARD_INVALID_MODEL,
            "the model imports no operator set, which IR version %lld asks for", (long long)m->ir_version);
    return SARD_OK;
}

sard_status onnx_read(const uint8_t *data, uint64_t n, onnx_model *out, sard_error *err) {
    memset(out, 0, sizeof *out);
    onnx_store_init(&out->store);
    sard_status st = read_model(out, data, n, err);
    if (st != SARD_OK) onnx_model_deinit(out);
    return st;
}

static sard_status load(const char *path, onnx_model *m, sard_error *err) {
    const char *slash = strrchr(path, '/');
    char *folder = slash == path ? arena_strn(&m->store.mem, "/", 1)
                   : slash       ? arena_strn(&m->store.mem, path, (size_t)(slash - path))
                                 : arena_strn(&m->store.mem, ".", 1);
    if (!folder) return err_nomem(err, strlen(path));
    m->store.folder = folder;
    TRY(file_map_path(path, &m->store.map, err));
    sard_status st = read_model(m, m->store.map.data, m->store.map.size, err);
    TRY(file_map_check(&m->store.map, err));
    return st == SARD_OK ? st : err_context(err, st, "%s", path);
}

sard_status onnx_load_path(const char *path, onnx_model *out, sard_error *err) {
    memset(out, 0, sizeof *out);
    onnx_store_init(&out->store);
    sard_status st = load(path, out, err);
    if (st != SARD_OK) onnx_model_deinit(out);
    return st;
}

void onnx_model_deinit(onnx_model *m) {
    onnx_store_deinit(&m->store);
    memset(m, 0, sizeof *m);
    onnx_store_init(&m->store); /* a second call does nothing */
}
