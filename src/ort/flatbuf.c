/* flatbuf.c -- the reader of flatbuf.h. Positions are offsets from the first byte; 0 stands for "absent", since the
 * first bytes are the root's offset. */
#include <string.h>

#include "flatbuf.h"

static int bad(fb *f, const char *why) {
    if (!f->wrong) f->wrong = why;
    return 0;
}

static int inside(fb *f, size_t at, size_t bytes) {
    if (f->wrong) return 0;
    if (at > f->n || bytes > f->n - at) return bad(f, "an offset points outside the file");
    return 1;
}

static uint32_t load16(const fb *f, size_t at) { return (uint32_t)f->p[at] | (uint32_t)f->p[at + 1] << 8; }
static uint32_t load32(const fb *f, size_t at) { return load16(f, at) | load16(f, at + 2) << 16; }
static uint64_t load64(const fb *f, size_t at) { return load32(f, at) | (uint64_t)load32(f, at + 4) << 32; }

int fb_is(const void *data, size_t n, const char *identifier) {
    return n >= 8 && memcmp((const char *)data + 4, identifier, 4) == 0;
}

void fb_init(fb *f, const void *data, size_t n) {
    *f = (fb){.p = data, .n = n};
    if (n > FB_BYTES_MAX) bad(f, "it is larger than 2 GiB");
}

/* The position that the offset stored at `at` means; 0 when it is bad. */
static size_t follow(fb *f, size_t at) {
    if (!inside(f, at, 4)) return 0;
    size_t to = at + load32(f, at);
    if (to <= at || to >= f->n) return (size_t)bad(f, "an offset points outside the file");
    return to;
}

static fb_table open_table(fb *f, size_t at) {
    fb_table none = {0}, t = {.at = at};
    if (!at || !inside(f, at, 4)) return none;
    if (++f->tables > FB_TABLES_MAX) return (void)bad(f, "it holds too many tables"), none;
    int64_t vtable = (int64_t)at - (int32_t)load32(f, at);
    if (vtable < 0 || !inside(f, (size_t)vtable, 4))
        return (void)bad(f, "a table's layout lies outside the file"), none;
    t.vtable = (size_t)vtable;
    uint32_t layout = load16(f, t.vtable);
    t.bytes = load16(f, t.vtable + 2);
    if (layout < 4 || layout % 2 || t.bytes < 4) return (void)bad(f, "a table's layout is malformed"), none;
    if (!inside(f, t.vtable, layout) || !inside(f, at, t.bytes)) return none;
    t.fields = (layout - 4) / 2;
    return t;
}

fb_table fb_root(fb *f) {
    if (f->n < 8) {
        bad(f, "it is too short");
        return (fb_table){0};
    }
    return open_table(f, follow(f, 0));
}

/* Where a field of so many bytes lies; 0: absent. */
static size_t place(fb *f, const fb_table *t, unsigned field, size_t bytes) {
    if (f->wrong || field >= t->fields) return 0;
    uint32_t off = load16(f, t->vtable + 4 + 2 * (size_t)field);
    if (!off) return 0;
    if (off < 4 || off + bytes > t->bytes) return (size_t)bad(f, "a field lies outside its table");
    return t->at + off;
}

int64_t fb_i8(fb *f, const fb_table *t, unsigned field, int64_t absent) {
    size_t at = place(f, t, field, 1);
    return at ? (int8_t)f->p[at] : absent;
}

int64_t fb_i32(fb *f, const fb_table *t, unsigned field, int64_t absent) {
    size_t at = place(f, t, field, 4);
    return at ? (int32_t)load32(f, at) : absent;
}

int64_t fb_i64(fb *f, const fb_table *t, unsigned field, int64_t absent) {
    size_t at = place(f, t, field, 8);
    return at ? (int64_t)load64(f, at) : absent;
}

uint32_t fb_bits32(fb *f, const fb_table *t, unsigned field) {
    size_t at = place(f, t, field, 4);
    return at ? load32(f, at) : 0;
}

fb_table fb_sub(fb *f, const fb_table *t, unsigned field) {
    size_t at = place(f, t, field, 4);
    return at ? open_table(f, follow(f, at)) : (fb_table){0};
}

static fb_vector vector(fb *f, size_t at, size_t size) {
    fb_vector v = {0};
    if (!at || !inside(f, at, 4)) return v;
    size_t n = load32(f, at);
    if (n > f->n / size || !inside(f, at + 4, n * size)) return (void)bad(f, "a list reaches beyond the file"), v;
    return (fb_vector){at + 4, n};
}

fb_vector fb_vec(fb *f, const fb_table *t, unsigned field, size_t size) {
    size_t at = place(f, t, field, 4);
    return at ? vector(f, follow(f, at), size) : (fb_vector){0};
}

static fb_text text(fb *f, size_t at) {
    fb_vector v = vector(f, at, 1);
    return v.at ? (fb_text){(const char *)f->p + v.at, v.n} : (fb_text){0};
}

fb_text fb_str(fb *f, const fb_table *t, unsigned field) {
    size_t at = place(f, t, field, 4);
    return at ? text(f, follow(f, at)) : (fb_text){0};
}

fb_table fb_vec_table(fb *f, const fb_vector *v, size_t i) { return open_table(f, follow(f, v->at + 4 * i)); }
fb_text fb_vec_str(fb *f, const fb_vector *v, size_t i) { return text(f, follow(f, v->at + 4 * i)); }
int64_t fb_vec_i64(const fb *f, const fb_vector *v, size_t i) { return (int64_t)load64(f, v->at + 8 * i); }
