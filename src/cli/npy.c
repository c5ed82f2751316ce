/*
 * npy.c -- NumPy's .npy files.
 *
 * A header in Python's syntax, {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }, then the elements. The
 * format: numpy.lib.format.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"

enum { RANK_MAX = 16 };
static const char magic[] = "\x93NUMPY";

typedef struct header {
    char order, kind; /* '<' '>' '|' '=', and 'f' 'i' 'u' 'b' 'c' 'U' 'S' 'V' */
    size_t size;      /* the number behind it: bytes, of 'U' characters */
    bool fortran;
    int rank;
    int64_t dim[RANK_MAX], count;
} header;

static const struct {
    char kind;
    size_t size;
    sard_dtype dtype;
} types[] = {{'f', 4, SARD_F32}, {'f', 8, SARD_F64},  {'f', 2, SARD_F16}, {'i', 1, SARD_I8},   {'i', 2, SARD_I16},
             {'i', 4, SARD_I32}, {'i', 8, SARD_I64},  {'u', 1, SARD_U8},  {'u', 2, SARD_U16},  {'u', 4, SARD_U32},
             {'u', 8, SARD_U64}, {'b', 1, SARD_BOOL}, {'c', 8, SARD_C64}, {'c', 16, SARD_C128}};

/* ---- reading --------------------------------------------------------------------------------------------------------- */

static bool parse_shape(const char *s, header *h) {
    const char *p = strchr(s, '(');
    if (!p) return false;
    h->count = 1;
    for (p++; *p && *p != ')';) {
        char *end;
        if (*p == ' ' || *p == ',') {
            p++;
            continue;
        }
        long long v = strtoll(p, &end, 10);
        if (end == p || v < 0 || h->rank == RANK_MAX) return false;
        h->dim[h->rank++] = v;
        if (__builtin_mul_overflow(h->count, v, &h->count)) return false;
        p = *end == 'L' ? end + 1 : end;
    }
    return *p == ')';
}

static bool parse_header(const char *text, header *h) {
    *h = (header){0};
    const char *descr = strstr(text, "'descr'"), *fortran = strstr(text, "'fortran_order'"),
               *shape = strstr(text, "'shape'");
    if (!descr || !fortran || !shape) return false;
    const char *q = strchr(descr + 7, '\'');
    if (!q || strlen(q) < 4 || q > strchr(descr, ',')) return false; /* a list of fields is no plain array */
    h->order = q[1];
    h->kind = q[2];
    char *end;
    h->size = strtoul(q + 3, &end, 10);
    if (*end != '\'' || !strchr("<>|=", h->order)) return false;
    const char *value = fortran + 15 + strspn(fortran + 15, ": ");
    h->fortran = strncmp(value, "True", 4) == 0;
    return parse_shape(shape, h);
}

/* Finds header and elements; the header's text is copied to be NUL-terminated. */
static bool split(const char *data, size_t n, header *h, size_t *at, const char *what) {
    if (n < 10 || memcmp(data, magic, 6) != 0) {
        complain("'%s' is no .npy file", what);
        return false;
    }
    const uint8_t *u = (const uint8_t *)data;
    const bool v1 = u[6] == 1;
    size_t len = v1 ? u[8] | (size_t)u[9] << 8 : 0;
    if (!v1 && n >= 12) len = u[8] | (size_t)u[9] << 8 | (size_t)u[10] << 16 | (size_t)u[11] << 24;
    *at = (v1 ? 10 : 12) + len;
    if (u[6] < 1 || u[6] > 3 || *at > n || len > 1 << 20) {
        complain("'%s': a .npy header of version %d and %zu bytes", what, u[6], len);
        return false;
    }
    char *text = xmalloc(len + 1);
    memcpy(text, data + *at - len, len);
    text[len] = 0;
    const bool good = parse_header(text, h);
    if (!good) complain("'%s': not a plain array: %.100s", what, text);
    free(text);
    return good;
}

static void swap_bytes(char *p, size_t n, size_t size) {
    for (size_t i = 0; i < n; i++)
        for (size_t a = 0, b = size - 1; a < b; a++, b--) {
            const char c = p[i * size + a];
            p[i * size + a] = p[i * size + b];
            p[i * size + b] = c;
        }
}

/* Column-major elements in row-major order. */
static void unfortran(const header *h, const char *src, char *dst, size_t size) {
    int64_t index[RANK_MAX] = {0}, stride[RANK_MAX], s = 1;
    for (int i = 0; i < h->rank; i++) stride[i] = s, s *= h->dim[i];
    for (int64_t k = 0; k < h->count; k++) {
        int64_t from = 0;
        for (int i = 0; i < h->rank; i++) from += index[i] * stride[i];
        memcpy(dst + (size_t)k * size, src + (size_t)from * size, size);
        for (int i = h->rank - 1; i >= 0 && ++index[i] == h->dim[i]; i--) index[i] = 0;
    }
}

static size_t put_utf8(char *out, uint32_t c) {
    if (c < 0x80) return out[0] = (char)c, 1;
    if (c < 0x800) return out[0] = (char)(0xC0 | c >> 6), out[1] = (char)(0x80 | (c & 63)), 2;
    if (c < 0x10000)
        return out[0] = (char)(0xE0 | c >> 12), out[1] = (char)(0x80 | (c >> 6 & 63)), out[2] = (char)(0x80 | (c & 63)),
               3;
    out[0] = (char)(0xF0 | (c >> 18 & 7)), out[1] = (char)(0x80 | (c >> 12 & 63));
    out[2] = (char)(0x80 | (c >> 6 & 63)), out[3] = (char)(0x80 | (c & 63));
    return 4;
}

/* Arrays of 'U' (four bytes a character) and 'S', each padded with zeros. */
static sard_value *read_strings(const header *h, char *data) {
    const size_t n = (size_t)h->count, width = h->kind == 'U' ? h->size * 4 : h->size;
    const char **p = xmalloc((n + 1) * sizeof *p);
    size_t *len = xmalloc((n + 1) * sizeof *len);
    char *text = xmalloc(n * width + 1), *at = text;
    if (h->kind == 'U' && h->order == '>') swap_bytes(data, n * h->size, 4);
    for (size_t i = 0; i < n; i++) {
        const char *s = data + i * width;
        p[i] = at;
        if (h->kind == 'S') {
            const size_t k = strnlen(s, width);
            memcpy(at, s, k);
            at += k;
        }
        for (size_t k = 0; h->kind == 'U' && k < h->size; k++) {
            uint32_t c;
            memcpy(&c, s + k * 4, 4);
            if (!c) break;
            at += put_utf8(at, c);
        }
        len[i] = (size_t)(at - p[i]);
    }
    sard_value *v = NULL;
    sard_error e = {0};
    if (sard_tensor_strings(h->rank, h->dim, p, len, &v, &e) != SARD_OK) complain("%s", e.message);
    free(p);
    free(len);
    free(text);
    return v;
}

static sard_dtype file_dtype(const header *h, sard_dtype want) {
    const int bits = sard_dtype_bits(want);
    const bool nameless = want == SARD_BF16 || (bits == 8 && want != SARD_U8 && want != SARD_I8 && want != SARD_BOOL);
    if (nameless && h->size * 8 == (size_t)bits && strchr("Vuif", h->kind)) return want;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].kind == h->kind && types[i].size == h->size) return types[i].dtype;
    return SARD_UNDEFINED;
}

/* Integers one per byte as the packed type. */
static sard_value *pack(const sard_value *bytes, sard_dtype t) {
    sard_value *v = NULL;
    sard_error e = {0};
    if (sard_tensor_new(t, sard_tensor_rank(bytes), sard_tensor_dims(bytes), &v, &e) != SARD_OK) {
        complain("%s", e.message);
        return NULL;
    }
    for (int64_t i = 0; i < sard_tensor_count(bytes); i++) set_element(v, i, element(bytes, i));
    return v;
}

sard_value *npy_read(const char *data, size_t n, sard_dtype want, const char *what) {
    header h;
    size_t at, need;
    if (!split(data, n, &h, &at, what)) return NULL;
    const size_t size = h.kind == 'U' ? h.size * 4 : h.size;
    if (__builtin_mul_overflow((size_t)h.count, size, &need) || need > n - at) {
        complain("'%s': the header asks for %" PRId64 " elements of %zu bytes, the file has %zu bytes of them", what,
                 h.count, size, n - at);
        return NULL;
    }
    char *body = xmalloc(need);
    memcpy(body, data + at, need);
    if (h.fortran && h.rank > 1) unfortran(&h, data + at, body, size);
    sard_value *v = NULL;
    sard_error e = {0};
    const sard_dtype t = file_dtype(&h, want);
    if (h.kind == 'U' || h.kind == 'S') {
        v = read_strings(&h, body);
    } else if (t == SARD_UNDEFINED) {
        complain("'%s': elements of type '%c%c%zu' are not known", what, h.order, h.kind, h.size);
    } else if (sard_tensor_new(t, h.rank, h.dim, &v, &e) != SARD_OK) {
        complain("'%s': %s", what, e.message);
    } else {
        const size_t part = h.kind == 'c' ? size / 2 : size;
        if (h.order == '>' && part > 1) swap_bytes(body, need / part, part);
        if (need) memcpy(sard_tensor_data_mut(v), body, need);
    }
    free(body);
    const int bits = sard_dtype_bits(want);
    if (v && bits > 0 && bits < 8 && sard_dtype_bits(t) == 8) {
        sard_value *packed = pack(v, want);
        sard_value_unref(v);
        v = packed;
    }
    return v;
}

/* ---- writing --------------------------------------------------------------------------------------------------------- */

static const char *descr_of(const sard_value *v, char *buf, size_t n) {
    const sard_dtype t = sard_tensor_dtype(v);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].dtype == t) {
            snprintf(buf, n, "%c%c%zu", types[i].size == 1 ? '|' : '<', types[i].kind, types[i].size);
            return buf;
        }
    if (t == SARD_STRING) {
        size_t most = 1;
        for (int64_t i = 0; i < sard_tensor_count(v); i++) {
            size_t len;
            sard_tensor_string(v, i, &len);
            if (len > most) most = len;
        }
        snprintf(buf, n, "<U%zu", most); /* bytes are at least as many as characters */
        return buf;
    }
    if (sard_dtype_bits(t) < 8) {
        snprintf(buf, n, t == SARD_I4 || t == SARD_I2 ? "|i1" : "|u1"); /* one element a byte */
        return buf;
    }
    snprintf(buf, n, "%cV%d", sard_dtype_bits(t) == 8 ? '|' : '<', sard_dtype_bits(t) / 8);
    return buf;
}

static uint32_t get_utf8(const uint8_t *s, size_t n, size_t *used) {
    const size_t len = s[0] < 0x80 ? 1 : s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : s[0] >= 0xC2 ? 2 : 0;
    *used = 1;
    if (len == 0 || len > n) return 0xFFFD;
    uint32_t c = len == 1 ? s[0] : s[0] & (0x7Fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xC0) != 0x80) return 0xFFFD;
        c = c << 6 | (s[i] & 63);
    }
    *used = len;
    return c;
}

static void write_strings(const sard_value *v, char *out, size_t width) {
    for (int64_t i = 0; i < sard_tensor_count(v); i++) {
        size_t len, used;
        const uint8_t *s = (const uint8_t *)sard_tensor_string(v, i, &len);
        char *at = out + (size_t)i * width * 4;
        for (size_t k = 0; k < len; k += used, at += 4) {
            const uint32_t c = get_utf8(s + k, len - k, &used);
            memcpy(at, &c, 4);
        }
    }
}

/* float4 and 2-bit elements as their raw codes, integers as integers. */
static void write_unpacked(const sard_value *v, char *out) {
    const uint8_t *p = sard_tensor_data(v);
    const int bits = sard_dtype_bits(sard_tensor_dtype(v));
    const sard_dtype t = sard_tensor_dtype(v);
    const bool integer = t == SARD_I4 || t == SARD_U4 || t == SARD_I2 || t == SARD_U2;
    for (int64_t i = 0; i < sard_tensor_count(v); i++) {
        unsigned code = 0;
        for (int b = 0; b < bits; b++) code |= (unsigned)(p[(i * bits + b) / 8] >> ((i * bits + b) % 8) & 1) << b;
        out[i] = integer ? (char)(int)element(v, i) : (char)code;
    }
}

bool npy_write(const sard_value *v, char **out, size_t *n, const char *what) {
    if (sard_value_kind(v) != SARD_KIND_TENSOR) {
        char words[64];
        complain("'%s' is a %s: only tensors go into .npy files (use --format pb)", what,
                 value_words(v, words, sizeof words));
        return false;
    }
    char descr[32], shape[RANK_MAX * 24], head[1024];
    size_t at = 0;
    const int rank = sard_tensor_rank(v);
    shape[0] = 0;
    for (int i = 0; i < rank; i++)
        at += (size_t)snprintf(shape + at, sizeof shape - at, "%" PRId64 "%s", sard_tensor_dims(v)[i],
                               rank == 1      ? ","
                               : i + 1 < rank ? ", "
                                              : "");
    snprintf(head, sizeof head, "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }",
             descr_of(v, descr, sizeof descr), shape);
    const size_t len = (strlen(head) + 11 + 63) / 64 * 64 - 10; /* the elements begin at a multiple of 64 */
    const size_t count = (size_t)sard_tensor_count(v), width = strtoul(descr + 2, NULL, 10);
    const size_t body = count * (descr[1] == 'U' ? width * 4 : width);
    char *p = xmalloc(10 + len + body);
    memcpy(p, magic, 6);
    p[6] = 1, p[7] = 0, p[8] = (char)(len & 255), p[9] = (char)(len >> 8);
    memset(p + 10, ' ', len);
    memcpy(p + 10, head, strlen(head));
    p[10 + len - 1] = '\n';
    memset(p + 10 + len, 0, body);
    const int bits = sard_dtype_bits(sard_tensor_dtype(v));
    if (descr[1] == 'U')
        write_strings(v, p + 10 + len, width);
    else if (bits < 8)
        write_unpacked(v, p + 10 + len);
    else if (body)
        memcpy(p + 10 + len, sard_tensor_data(v), body);
    *out = p;
    *n = 10 + len + body;
    return true;
}
