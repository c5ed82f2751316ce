/*
 * flatbuf.h -- reads FlatBuffers that nobody vouches for: every offset is checked before it is followed.
 *
 * A FlatBuffer is a file of tables. A table begins with the distance back to its vtable, which says for each field (by
 * number) where in the table it lies; strings, vectors and tables inside it are forward offsets. As offsets only go
 * forward there are no cycles, but one table may be reached in many ways: a reader counts the tables it opens.
 *
 * Failures are sticky: `wrong` is set to the first one, and from then on everything reads as absent.
 */
#ifndef SARD_ORT_FLATBUF_H
#define SARD_ORT_FLATBUF_H

#include <stddef.h>
#include <stdint.h>

#define FB_TABLES_MAX 4000000u   /* opened in one reading */
#define FB_BYTES_MAX  0x7fffffff /* offsets are 32 bits with sign */

typedef struct fb {
    const uint8_t *p;
    size_t n;
    const char *wrong; /* NULL: nothing so far */
    uint32_t tables;
} fb;

typedef struct fb_table { /* a checked one; zeroed: absent, every field of it is absent too */
    size_t at;
    size_t vtable;
    uint32_t fields;
    uint32_t bytes;
} fb_table;

typedef struct fb_text { /* a view into the buffer; p NULL: absent */
    const char *p;
    size_t n;
} fb_text;

typedef struct fb_vector {
    size_t at; /* of the first element; 0: absent */
    size_t n;
} fb_vector;

/* Non-zero when the bytes carry this identifier of four characters. */
int fb_is(const void *data, size_t n, const char *identifier);
void fb_init(fb *f, const void *data, size_t n);
fb_table fb_root(fb *f);

/* Scalars of a field, or `absent`. */
int64_t fb_i8(fb *f, const fb_table *t, unsigned field, int64_t absent);
int64_t fb_i32(fb *f, const fb_table *t, unsigned field, int64_t absent);
int64_t fb_i64(fb *f, const fb_table *t, unsigned field, int64_t absent);
uint32_t fb_bits32(fb *f, const fb_table *t, unsigned field); /* a float's bits; 0 when absent */

fb_table fb_sub(fb *f, const fb_table *t, unsigned field);
fb_text fb_str(fb *f, const fb_table *t, unsigned field);
/* A vector of `size`-byte elements (4 for offsets of tables and strings). */
fb_vector fb_vec(fb *f, const fb_table *t, unsigned field, size_t size);
/* Element i of a vector of tables or strings; i < v->n. */
fb_table fb_vec_table(fb *f, const fb_vector *v, size_t i);
fb_text fb_vec_str(fb *f, const fb_vector *v, size_t i);
int64_t fb_vec_i64(const fb *f, const fb_vector *v, size_t i); /* of a checked vector of 8-byte elements */

#endif
