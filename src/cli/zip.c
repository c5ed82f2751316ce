/*
 * zip.c -- zip archives, as far as .npz files need them: members stored or deflated, also beyond 4 GiB when read.
 *
 * Reading goes by the directory at the end, as the format wants (PKWARE's APPNOTE). Inflating is zlib's; without it
 * (a build choice) only stored members are read.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"

#ifdef SARD_HAVE_ZLIB
#include <zlib.h>
#endif

enum { END_SIZE = 22, MEMBER_SIZE = 46, LOCAL_SIZE = 30, STORED = 0, DEFLATED = 8 };

static uint64_t get(const char *p, int bytes) {
    uint64_t v = 0;
    for (int i = bytes - 1; i >= 0; i--) v = v << 8 | (uint8_t)p[i];
    return v;
}

static uint32_t crc(const char *p, size_t n) {
    static const uint32_t nibble[16] = {0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4,
                                        0x4DB26158, 0x5005713C, 0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C,
                                        0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C};
    uint32_t c = 0xFFFFFFFF;
    for (size_t i = 0; i < n; i++) {
        c ^= (uint8_t)p[i];
        c = c >> 4 ^ nibble[c & 15];
        c = c >> 4 ^ nibble[c & 15];
    }
    return ~c;
}

typedef struct member {
    const char *name;
    size_t name_n;
    int method;
    uint32_t crc;
    uint64_t packed, size, offset;
} member;

/* Sizes of 0xFFFFFFFF stand in the extra field with id 1, in this order. */
static void zip64_sizes(const char *extra, size_t n, member *m) {
    while (n >= 4) {
        const size_t len = (size_t)get(extra + 2, 2);
        if (len + 4 > n) return;
        if (get(extra, 2) == 1) {
            uint64_t *const fields[] = {&m->size, &m->packed, &m->offset};
            size_t at = 0;
            for (int i = 0; i < 3; i++)
                if (*fields[i] == 0xFFFFFFFF && at + 8 <= len) *fields[i] = get(extra + 4 + at, 8), at += 8;
            return;
        }
        extra += len + 4;
        n -= len + 4;
    }
}

/* Where the directory begins; false when there is none. */
static bool find_directory(const char *data, size_t n, size_t *at, uint64_t *members) {
    for (size_t back = END_SIZE; back <= n && back < END_SIZE + 65536; back++) {
        const char *end = data + n - back;
        if (memcmp(end, "PK\5\6", 4) != 0) continue;
        uint64_t offset = get(end + 16, 4);
        *members = get(end + 10, 2);
        if (offset == 0xFFFFFFFF && back + 20 <= n && memcmp(end - 20, "PK\6\7", 4) == 0) {
            const uint64_t far = get(end - 12, 8);
            if (far > n || n - far < 56 || memcmp(data + far, "PK\6\6", 4) != 0) return false;
            *members = get(data + far + 32, 8);
            offset = get(data + far + 48, 8);
        }
        *at = (size_t)offset;
        return offset <= n;
    }
    return false;
}

/* Walks the directory until fn answers false. */
static bool walk(const char *data, size_t n, bool (*fn)(void *user, const member *m), void *user, const char *what) {
    size_t at;
    uint64_t count;
    if (!find_directory(data, n, &at, &count)) {
        complain("'%s' is no zip archive (.npz)", what);
        return false;
    }
    for (uint64_t i = 0; i < count; i++) {
        const char *p = data + at;
        if (n - at < MEMBER_SIZE || memcmp(p, "PK\1\2", 4) != 0) break;
        const size_t name = (size_t)get(p + 28, 2), extra = (size_t)get(p + 30, 2), note = (size_t)get(p + 32, 2);
        if (n - at - MEMBER_SIZE < name + extra + note) break;
        member m = {p + MEMBER_SIZE, name,           (int)get(p + 10, 2), (uint32_t)get(p + 16, 4),
                    get(p + 20, 4),  get(p + 24, 4), get(p + 42, 4)};
        zip64_sizes(p + MEMBER_SIZE + name, extra, &m);
        if (!fn(user, &m)) return true;
        at += MEMBER_SIZE + name + extra + note;
    }
    return true;
}

#ifdef SARD_HAVE_ZLIB
static bool inflate_all(const char *from, size_t n, char *to, size_t size) {
    z_stream z = {0};
    if (inflateInit2(&z, -MAX_WBITS) != Z_OK) return false;
    size_t in = 0, out = 0;
    int st = Z_OK;
    while (st == Z_OK) { /* zlib counts in 32 bits */
        const size_t some_in = n - in < 1u << 30 ? n - in : 1u << 30,
                     some_out = size - out < 1u << 30 ? size - out : 1u << 30;
        z.next_in = (Bytef *)(uintptr_t)(from + in), z.avail_in = (uInt)some_in;
        z.next_out = (Bytef *)to + out, z.avail_out = (uInt)some_out;
        st = inflate(&z, Z_NO_FLUSH);
        in += some_in - z.avail_in;
        out += some_out - z.avail_out;
    }
    inflateEnd(&z);
    return st == Z_STREAM_END && out == size;
}
#else
static bool inflate_all(const char *from, size_t n, char *to, size_t size) {
    (void)from, (void)n, (void)to, (void)size;
    complain("this sard was built without zlib: compressed archives cannot be read (numpy.savez writes plain ones)");
    return false;
}
#endif

/* The bytes of one member. Deflate packs at most 1032 to 1, so a size beyond that is a lie. */
static char *unpack(const char *data, size_t n, const member *m, size_t *size, const char *what) {
    if (m->offset > n || n - m->offset < LOCAL_SIZE || memcmp(data + m->offset, "PK\3\4", 4) != 0) {
        complain("'%s': member '%.*s' does not begin where the directory says", what, (int)m->name_n, m->name);
        return NULL;
    }
    const char *p = data + m->offset;
    const uint64_t at = m->offset + LOCAL_SIZE + get(p + 26, 2) + get(p + 28, 2);
    if (at > n || m->packed > n - at || (m->method == STORED && m->packed != m->size) ||
        m->size / 1100 > m->packed + 1) {
        complain("'%s': member '%.*s' is cut short", what, (int)m->name_n, m->name);
        return NULL;
    }
    if (m->method != STORED && m->method != DEFLATED) {
        complain("'%s': member '%.*s' is packed by method %d; stored and deflated are known", what, (int)m->name_n,
                 m->name, m->method);
        return NULL;
    }
    char *out = xmalloc((size_t)m->size + 1);
    bool good = true;
    if (m->method == STORED)
        memcpy(out, data + at, (size_t)m->size);
    else
        good = inflate_all(data + at, (size_t)m->packed, out, (size_t)m->size);
    if (!good || crc(out, (size_t)m->size) != m->crc) {
        complain("'%s': member '%.*s' is damaged", what, (int)m->name_n, m->name);
        free(out);
        return NULL;
    }
    out[m->size] = 0;
    *size = (size_t)m->size;
    return out;
}

typedef struct finder {
    const char *name;
    member found;
    bool any;
    void (*fn)(void *user, const char *name);
    void *user;
} finder;

static bool match(void *user, const member *m) {
    finder *f = user;
    if (strlen(f->name) != m->name_n || memcmp(f->name, m->name, m->name_n) != 0) return true;
    f->found = *m;
    f->any = true;
    return false;
}

char *zip_read(const char *data, size_t n, const char *name, size_t *size, const char *what) {
    finder f = {.name = name};
    if (!walk(data, n, match, &f, what)) return NULL;
    if (f.any) return unpack(data, n, &f.found, size, what);
    complain("'%s' has no member '%s'", what, name);
    return NULL;
}

static bool tell(void *user, const member *m) {
    finder *f = user;
    char *name = xprintf("%.*s", (int)m->name_n, m->name);
    f->fn(f->user, name);
    free(name);
    return true;
}

bool zip_list(const char *data, size_t n, void (*fn)(void *user, const char *name), void *user, const char *what) {
    finder f = {.fn = fn, .user = user};
    return walk(data, n, tell, &f, what);
}

/* ---- writing --------------------------------------------------------------------------------------------------------- */

static char *put(char *p, uint64_t v, int bytes) {
    for (int i = 0; i < bytes; i++) *p++ = (char)(v >> (8 * i));
    return p;
}

bool zip_add(zip_writer *z, const char *name, const char *data, size_t n) {
    const size_t name_n = strlen(name);
    if (n > 0xFFFFFFF0u - z->n || z->members == 0xFFFF || name_n > 0xFFFF) return false;
    const uint32_t sum = crc(data, n);
    z->data = xrealloc(z->data, z->n + LOCAL_SIZE + name_n + n);
    z->directory = xrealloc(z->directory, z->n_directory + MEMBER_SIZE + name_n);
    char *p = z->data + z->n, *d = z->directory + z->n_directory;
    memcpy(p, "PK\3\4", 4);
    memcpy(d, "PK\1\2", 4);
    d = put(put(d + 4, 20, 2), 20, 2); /* made by and needs version 2.0; then both alike */
    p = put(p + 4, 20, 2);
    char *const both[] = {p, d};
    for (int i = 0; i < 2; i++) { /* flags: names are UTF-8; stored; 1980-01-01 */
        char *q = put(put(put(put(both[i], 0x800, 2), STORED, 2), 0, 2), 0x21, 2);
        q = put(put(put(put(q, sum, 4), n, 4), n, 4), name_n, 2);
        put(q, 0, 2);
    }
    memset(d + 24, 0, 14); /* note, disk, attributes */
    put(d + 34, z->n, 4);
    memcpy(z->directory + z->n_directory + MEMBER_SIZE, name, name_n);
    memcpy(z->data + z->n + LOCAL_SIZE, name, name_n);
    if (n) memcpy(z->data + z->n + LOCAL_SIZE + name_n, data, n);
    z->n += LOCAL_SIZE + name_n + n;
    z->n_directory += MEMBER_SIZE + name_n;
    z->members++;
    return true;
}

void zip_finish(zip_writer *z) {
    z->data = xrealloc(z->data, z->n + z->n_directory + END_SIZE);
    if (z->n_directory) memcpy(z->data + z->n, z->directory, z->n_directory);
    char *p = z->data + z->n + z->n_directory;
    memcpy(p, "PK\5\6\0\0\0\0", 8);
    p = put(put(p + 8, z->members, 2), z->members, 2);
    put(put(put(p, z->n_directory, 4), z->n, 4), 0, 2);
    z->n += z->n_directory + END_SIZE;
    free(z->directory);
    z->directory = NULL;
}
