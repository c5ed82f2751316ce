/*
 * data.c -- from a TensorProto to the bytes of its elements, and the external files they may lie in.
 *
 * A tensor's data is in one of three places: raw_data (a view), an external file (mapped once per store), or a typed
 * field in packed wire form, which is decoded here to the layout that raw_data would have. Each way ends in the same
 * check: exactly the bytes that dims and type ask for.
 */
#include <errno.h>
#include <stdio.h>

#include "onnx/onnx.h"
#include "tensor/dtype.h"

/* ---- the store ---- */

void onnx_store_init(onnx_store *s) {
    memset(s, 0, sizeof *s);
    arena_init(&s->mem);
}

void onnx_store_deinit(onnx_store *s) {
    for (onnx_data_file *f = s->files; f; f = f->next) file_unmap(&f->map);
    file_unmap(&s->map);
    arena_free(&s->mem);
    onnx_store_init(s);
}

sard_status onnx_store_folder(onnx_store *s, const char *folder, sard_error *err) {
    char *copy = arena_strn(&s->mem, folder, strlen(folder));
    if (!copy) return err_nomem(err, strlen(folder));
    s->folder = copy;
    return SARD_OK;
}

sard_status onnx_store_check(const onnx_store *s, sard_error *err) {
    TRY(file_map_check(&s->map, err));
    for (const onnx_data_file *f = s->files; f; f = f->next) TRY(file_map_check(&f->map, err));
    return SARD_OK;
}

void onnx_store_cool(const onnx_store *s) {
    enum { LARGE = 4 << 20 }; /* below, touching the pages again costs more than they are worth */
    if (s->map.size >= LARGE) file_map_cool(&s->map);
    for (const onnx_data_file *f = s->files; f; f = f->next)
        if (f->map.size >= LARGE) file_map_cool(&f->map);
}

/* A location without "./" in front, under which files are kept. */
static str plain_location(str at) {
    while (at.n >= 2 && at.p[0] == '.' && at.p[1] == '/') at = (str){at.p + 2, at.n - 2};
    return at;
}

static onnx_data_file *add_file(onnx_store *s, str name) {
    onnx_data_file *f = arena_calloc(&s->mem, 1, sizeof *f);
    char *copy = arena_strn(&s->mem, name.p, name.n);
    if (!f || !copy) return NULL;
    f->name = (str){copy, name.n};
    return f;
}

sard_status onnx_store_file(onnx_store *s, const char *name, const void *data, size_t n, sard_error *err) {
    onnx_data_file *f = add_file(s, plain_location(str_of(name)));
    if (!f) return err_nomem(err, sizeof *f);
    f->bytes = (onnx_bytes){data, n};
    f->next = s->files;
    s->files = f;
    return SARD_OK;
}

static sard_status find_file(onnx_store *s, str location, const onnx_data_file **out, sard_error *err) {
    char shown[ONNX_SHOW];
    str name = plain_location(location);
    FAIL_IF(name.n == 0 || memchr(name.p, 0, name.n), err, SARD_INVALID_MODEL,
            "'%s' is not a file name for external data", onnx_show(location, shown));
    for (const onnx_data_file *f = s->files; f; f = f->next)
        if (str_eq(f->name, name)) {
            *out = f;
            return SARD_OK;
        }
    FAIL_IF(!s->folder, err, SARD_NO_SUCH_FILE,
            "its data is in the file '%s', but the model was read from memory and no folder or file is given",
            onnx_show(name, shown));
    onnx_data_file *f = add_file(s, name);
    if (!f) return err_nomem(err, name.n + sizeof *f);
    TRY(file_map_beneath(s->folder, f->name.p, &f->map, err));
    f->bytes = (onnx_bytes){f->map.data, (size_t)f->map.size};
    f->next = s->files;
    s->files = f;
    *out = f;
    return SARD_OK;
}

/* ---- names and sizes ---- */

/* Length of the UTF-8 character at p, 0 when it is none or a control character. */
static size_t char_length(const unsigned char *p, size_t n) {
    if (p[0] < 0x80) return p[0] >= 0x20 && p[0] != 0x7F;
    size_t len = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
    if (p[0] < 0xC2 || p[0] > 0xF4 || len > n) return 0;
    for (size_t i = 1; i < len; i++)
        if ((p[i] & 0xC0) != 0x80) return 0;
    if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F)) return 0; /* overlong; surrogates */
    if ((p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F)) return 0; /* overlong; too large */
    return len;
}

const char *onnx_show(str name, char *buf) {
    size_t at = 0;
    for (size_t i = 0; i < name.n;) {
        size_t len = char_length((const unsigned char *)name.p + i, name.n - i), take = len ? len : 1;
        if (at + take + 4 > ONNX_SHOW) {
            memcpy(buf + at, "...", 3);
            at += 3;
            break;
        }
        if (len)
            memcpy(buf + at, name.p + i, len);
        else
            buf[at] = '?';
        at += take;
        i += take;
    }
    buf[at] = 0;
    return buf;
}

/* "tensor 'w' f32[3,4]" */
static const char *show_tensor(const onnx_tensor *t, char *buf, size_t room) {
    char name[ONNX_SHOW];
    size_t at = (size_t)snprintf(buf, room, "tensor '%s' %s[", onnx_show(t->name, name), dtype_short(t->data_type));
    size_t i = 0;
    for (; i < t->n_dims && at + 40 < room; i++)
        at += (size_t)snprintf(buf + at, room - at, i ? ",%lld" : "%lld", (long long)t->dims[i]);
    snprintf(buf + at, room - at, i < t->n_dims ? ",...]" : "]");
    return buf;
}

enum { SHOWN = 256 };

sard_status onnx_tensor_count(const onnx_tensor *t, int64_t *count, sard_error *err) {
    int64_t n = 1;
    bool empty = false, overflow = false;
    char name[ONNX_SHOW];
    for (size_t i = 0; i < t->n_dims; i++) {
        FAIL_IF(t->dims[i] < 0, err, SARD_INVALID_MODEL, "tensor '%s': dimension %zu is %lld, not a size",
                onnx_show(t->name, name), i, (long long)t->dims[i]);
        if (t->dims[i] == 0) empty = true;
        if (!overflow && mul_i64(n, t->dims[i], &n)) overflow = true;
    }
    FAIL_IF(overflow && !empty, err, SARD_INVALID_MODEL, "tensor '%s': its dimensions multiply to more than 2^63",
            onnx_show(t->name, name));
    *count = empty ? 0 : n;
    return SARD_OK;
}

str onnx_domain(str domain) { return str_is(domain, "ai.onnx") ? (str){domain.p, 0} : domain; }

int64_t onnx_opset_version(const onnx_opset *opsets, size_t n, str domain) {
    domain = onnx_domain(domain);
    for (size_t i = n; i-- > 0;)
        if (str_eq(onnx_domain(opsets[i].domain), domain)) return opsets[i].version;
    return 0;
}

int64_t onnx_model_opset(const onnx_model *m, str domain) {
    if (m->n_opsets == 0 && m->ir_version < 3) return onnx_domain(domain).n == 0;
    return onnx_opset_version(m->opsets, m->n_opsets, domain);
}

onnx_attr_type onnx_attr_kind(const onnx_attr *a) {
    static const struct {
        uint8_t field, type;
    } by_field[] = {
        {2, ONNX_ATTR_FLOAT},   {3, ONNX_ATTR_INT},      {4, ONNX_ATTR_STRING},  {5, ONNX_ATTR_TENSOR},
        {6, ONNX_ATTR_GRAPH},   {7, ONNX_ATTR_FLOATS},   {8, ONNX_ATTR_INTS},    {9, ONNX_ATTR_STRINGS},
        {14, ONNX_ATTR_TYPE},   {10, ONNX_ATTR_TENSORS}, {11, ONNX_ATTR_GRAPHS}, {15, ONNX_ATTR_TYPES},
        {22, ONNX_ATTR_SPARSE}, {23, ONNX_ATTR_SPARSES},
    };
    if (a->type != ONNX_ATTR_UNDEFINED) return (onnx_attr_type)a->type;
    for (size_t i = 0; i < sizeof by_field / sizeof by_field[0]; i++)
        if (a->has >> by_field[i].field & 1) return (onnx_attr_type)by_field[i].type;
    return ONNX_ATTR_UNDEFINED;
}

const char *onnx_attr_type_name(onnx_attr_type t) {
    static const char *const names[] = {
        "UNDEFINED", "FLOAT",   "INT",    "STRING",        "TENSOR",         "GRAPH",      "FLOATS",     "INTS",
        "STRINGS",   "TENSORS", "GRAPHS", "SPARSE_TENSOR", "SPARSE_TENSORS", "TYPE_PROTO", "TYPE_PROTOS"};
    return (unsigned)t < sizeof names / sizeof names[0] ? names[t] : "?";
}

/* ---- external data ---- */

static sard_status number_entry(const onnx_entry *e, uint64_t *out, sard_error *err) {
    char key[ONNX_SHOW], value[ONNX_SHOW];
    uint64_t v = 0;
    bool good = e->value.n > 0;
    for (size_t i = 0; i < e->value.n && good; i++) {
        char c = e->value.p[i];
        good = c >= '0' && c <= '9' && !__builtin_mul_overflow(v, (uint64_t)10, &v) &&
               !__builtin_add_overflow(v, (uint64_t)(c - '0'), &v);
    }
    FAIL_IF(!good, err, SARD_INVALID_MODEL, "external data has the %s '%s', which is not a number of bytes",
            onnx_show(e->key, key), onnx_show(e->value, value));
    *out = v;
    return SARD_OK;
}

static sard_status external_bytes(onnx_store *s, const onnx_tensor *t, size_t want, onnx_bytes *out, sard_error *err) {
    str location = {NULL, 0};
    uint64_t offset = 0, length = want;
    for (size_t i = 0; i < t->n_external; i++) {
        const onnx_entry *e = &t->external[i];
        if (str_is(e->key, "location"))
            location = e->value;
        else if (str_is(e->key, "offset"))
            TRY(number_entry(e, &offset, err));
        else if (str_is(e->key, "length"))
            TRY(number_entry(e, &length, err));
    }
    FAIL_IF(!location.p, err, SARD_INVALID_MODEL, "its data is external, but no location is given");
    FAIL_IF(length != want, err, SARD_INVALID_MODEL, "%zu bytes of external data expected, the length given is %llu",
            want, (unsigned long long)length);
    if (want == 0) {
        *out = (onnx_bytes){(const uint8_t *)"", 0};
        return SARD_OK;
    }
    const onnx_data_file *f = NULL;
    TRY(find_file(s, location, &f, err));
    char shown[ONNX_SHOW];
    FAIL_IF(offset > f->bytes.n || want > f->bytes.n - offset, err, SARD_INVALID_MODEL,
            "its data is %zu bytes at offset %llu of the file '%s', which has %zu", want, (unsigned long long)offset,
            onnx_show(location, shown), f->bytes.n);
    *out = (onnx_bytes){f->bytes.p + offset, want};
    return SARD_OK;
}

/* ---- typed fields ---- */

static bool is_float6(int32_t type) { return dtype_in(type, DT_FLOAT6); }

int onnx_file_bytes(int32_t type, int64_t count, size_t *bytes) {
    if (type == SARD_STRING) return -1;
    if (!is_float6(type)) return dtype_bytes(type, count, bytes);
    size_t n = (size_t)count, rest = n % 4; /* four take three bytes */
    if (mul_size(n / 4, 3, bytes)) return -1;
    return add_size(*bytes, rest ? (6 * rest + 7) / 8 : 0, bytes);
}

typedef struct typed { /* where a type's elements are when they are not raw */
    const char *field;
    onnx_bytes data;
    size_t per_entry_bits;                    /* bits of the layout that one entry gives */
    enum { FIXED, VARINT, VARINT32 } entries; /* VARINT32 drops the upper half, as protobuf does */
} typed;

static typed typed_field(const onnx_tensor *t) {
    uint32_t bits = (uint32_t)dtype_bits(t->data_type);
    switch (t->data_type) {
    case SARD_F32:
    case SARD_C64:
        return (typed){"float_data", t->float_data, 32, FIXED};
    case SARD_F64:
    case SARD_C128:
        return (typed){"double_data", t->double_data, 64, FIXED};
    case SARD_I64:
        return (typed){"int64_data", t->int64_data, 64, VARINT};
    case SARD_U32:
    case SARD_U64:
        return (typed){"uint64_data", t->uint64_data, bits, VARINT};
    default: /* sub-byte types have a full byte of elements per entry, but float6 has one element */
        return (typed){"int32_data", t->int32_data, is_float6(t->data_type) ? 6 : bits < 8 ? 8 : bits, VARINT32};
    }
}

static uint64_t next_varint(const uint8_t **p, const uint8_t *end) {
    uint64_t v = 0;
    unsigned shift = 0;
    while (*p < end) {
        uint8_t b = *(*p)++;
        if (shift < 64) v |= (uint64_t)(b & 0x7F) << shift;
        shift += 7;
        if (!(b & 0x80)) break;
    }
    return v;
}

/* Whether an entry is a value of `bits` bits, signed or not. */
static bool fits(uint64_t v, size_t bits) {
    if (bits == 64) return true;
    return v >> bits == 0 || (int64_t)v >> (bits - 1) == -1;
}

static sard_status decode_varints(const onnx_tensor *t, const typed *from, uint8_t *out, size_t out_bytes,
                                  sard_error *err) {
    const uint8_t *p = from->data.p, *end = p + from->data.n;
    size_t bits = from->per_entry_bits, step = (bits + 7) / 8, bit = 0;
    if (bits == 6) memset(out, 0, out_bytes);
    for (size_t i = 0; p < end; i++) {
        uint64_t v = next_varint(&p, end);
        if (from->entries == VARINT32) v = (uint64_t)(int64_t)(int32_t)(uint32_t)v;
        if (t->data_type == SARD_BOOL) v = v != 0;
        FAIL_IF(!fits(v, bits), err, SARD_INVALID_MODEL, "%s[%zu] is %lld, which does not fit its %zu bits",
                from->field, i, (long long)v, bits);
        if (bits == 6) {
            unsigned x = (unsigned)(v & 63) << (bit & 7);
            out[bit >> 3] |= (uint8_t)x;
            if (x >> 8) out[(bit >> 3) + 1] |= (uint8_t)(x >> 8);
            bit += 6;
        } else {
            for (size_t b = 0; b < step; b++) *out++ = (uint8_t)(v >> (8 * b));
        }
    }
    return SARD_OK;
}

static sard_status typed_bytes(onnx_store *s, const onnx_tensor *t, int64_t count, size_t want, onnx_bytes *out,
                               sard_error *err) {
    typed from = typed_field(t);
    size_t entries = 0, expected = (size_t)count;
    if (from.entries == FIXED) {
        FAIL_IF(from.data.n != want, err, SARD_INVALID_MODEL, "%zu bytes of data expected, raw_data has %zu and %s %zu",
                want, t->raw.n, from.field, from.data.n);
        *out = (onnx_bytes){want ? from.data.p : (const uint8_t *)"", want};
        return SARD_OK;
    }
    for (size_t i = 0; i < from.data.n; i++) entries += from.data.p[i] < 0x80;
    if (from.per_entry_bits == 8) expected = want; /* entries are bytes */
    FAIL_IF(entries != expected, err, SARD_INVALID_MODEL,
            "%zu bytes of data, or %zu entries of %s, expected; raw_data has %zu bytes and %s %zu entries", want,
            expected, from.field, t->raw.n, from.field, entries);
    if (want == 0) {
        *out = (onnx_bytes){(const uint8_t *)"", 0};
        return SARD_OK;
    }
    uint8_t *data = arena_alloc(&s->mem, want);
    if (!data) return err_nomem(err, want);
    *out = (onnx_bytes){data, want};
    return decode_varints(t, &from, data, want, err);
}

/* A stored bool may be any byte; kernels see 0 and 1 only. */
static sard_status clean_bools(onnx_store *s, onnx_bytes *data, sard_error *err) {
    size_t i = 0;
    while (i < data->n && data->p[i] <= 1) i++;
    if (i == data->n) return SARD_OK;
    uint8_t *copy = arena_alloc(&s->mem, data->n);
    if (!copy) return err_nomem(err, data->n);
    for (i = 0; i < data->n; i++) copy[i] = data->p[i] != 0;
    data->p = copy;
    return SARD_OK;
}

static sard_status find_bytes(onnx_store *s, const onnx_tensor *t, onnx_bytes *out, sard_error *err) {
    int64_t count;
    size_t want;
    TRY(onnx_tensor_count(t, &count, err));
    FAIL_IF(!dtype_valid(t->data_type), err, SARD_INVALID_MODEL, "%d is not an element type", (int)t->data_type);
    FAIL_IF(t->data_type == SARD_STRING, err, SARD_INVALID_MODEL, "strings have no bytes of fixed size");
    FAIL_IF(t->segment, err, SARD_UNSUPPORTED, "tensors stored in segments are not supported");
    FAIL_IF(onnx_file_bytes(t->data_type, count, &want) || want > PTRDIFF_MAX, err, SARD_INVALID_MODEL,
            "%lld elements are more than memory can hold", (long long)count);
    if (t->data_location == ONNX_EXTERNAL) {
        TRY(external_bytes(s, t, want, out, err));
    } else {
        FAIL_IF(t->data_location != ONNX_INSIDE, err, SARD_INVALID_MODEL, "%d is not a data location",
                (int)t->data_location);
        if (t->raw.n == 0) {
            TRY(typed_bytes(s, t, count, want, out, err));
        } else {
            FAIL_IF(t->raw.n != want, err, SARD_INVALID_MODEL, "%zu bytes of data expected, raw_data has %zu", want,
                    t->raw.n);
            *out = t->raw;
        }
    }
    return t->data_type == SARD_BOOL ? clean_bools(s, out, err) : SARD_OK;
}

sard_status onnx_tensor_bytes(onnx_store *s, const onnx_tensor *t, onnx_bytes *out, sard_error *err) {
    char shown[SHOWN];
    sard_status st = find_bytes(s, t, out, err);
    return st == SARD_OK ? st : err_context(err, st, "%s", show_tensor(t, shown, sizeof shown));
}

sard_status onnx_tensor_strings(const onnx_tensor *t, const str **out, size_t *n, sard_error *err) {
    char shown[SHOWN];
    int64_t count;
    TRY(onnx_tensor_count(t, &count, err));
    FAIL_IF(t->data_type != SARD_STRING, err, SARD_INVALID_MODEL, "%s: strings expected",
            show_tensor(t, shown, sizeof shown));
    FAIL_IF((uint64_t)count != t->n_strings, err, SARD_INVALID_MODEL, "%s: %lld strings expected, string_data has %zu",
            show_tensor(t, shown, sizeof shown), (long long)count, t->n_strings);
    *out = t->strings;
    *n = t->n_strings;
    return SARD_OK;
}
