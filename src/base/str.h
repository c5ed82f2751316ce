/*
 * str.h -- string slices, interned strings and a growing string buffer.
 *
 * A strtab gives each distinct string one small number (str_id), so that names are compared and stored as integers;
 * id 0 is always the empty string.
 */
#ifndef SARD_BASE_STR_H
#define SARD_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"

typedef struct str { /* a slice; not NUL-terminated unless it comes from a strtab */
    const char *p;
    size_t n;
} str;

static inline str str_of(const char *s) { return (str){s, s ? strlen(s) : 0}; }
static inline bool str_eq(str a, str b) { return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0); }
static inline bool str_is(str a, const char *b) { return str_eq(a, str_of(b)); }

typedef uint32_t str_id;

typedef struct strtab {
    arena mem;
    str *items;
    uint32_t n;
    size_t cap;
    uint32_t *slots; /* open addressing; 0 = free, else id + 1 */
    uint32_t n_slots;
    uint64_t seed; /* of the hash: names chosen to collide do not */
} strtab;

int strtab_init(strtab *t); /* 0 on success */
void strtab_free(strtab *t);
#define STR_FAIL UINT32_MAX
str_id strtab_add(strtab *t, const char *s, size_t n);        /* STR_FAIL when out of memory */
str_id strtab_find(const strtab *t, const char *s, size_t n); /* STR_FAIL when absent */
static inline const char *strtab_get(const strtab *t, str_id id) { return t->items[id].p; } /* NUL-terminated */

/* A growing text buffer; after an allocation failure `failed` is set and further writes do nothing. */
typedef struct strbuf {
    char *p;
    size_t n, cap;
    bool failed;
} strbuf;
void sb_free(strbuf *b);
void sb_put(strbuf *b, const char *s, size_t n);
void sb_puts(strbuf *b, const char *s);
void sb_printf(strbuf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *sb_str(strbuf *b); /* NUL-terminated; "" when empty */
/* Ends the writing of a text that the caller frees; `st` says how it went so far. Without success nothing is left. */
sard_status sb_take(strbuf *b, sard_status st, char **out, sard_error *err);

/* Edit distance, for "did you mean ...?" (at most 64 characters are looked at). */
int str_distance(const char *a, const char *b);

/* map: open-addressing hash map from uint64 keys to uint64 values. */
typedef struct map64 {
    uint64_t *keys, *vals;
    uint8_t *full;
    size_t cap, n;
    uint64_t seed;
} map64; /* starts zeroed */
void map_free(map64 *m);
int map_put(map64 *m, uint64_t key, uint64_t val); /* 0 on success; replaces */
bool map_get(const map64 *m, uint64_t key, uint64_t *val);
uint64_t hash_bytes(const void *p, size_t n, uint64_t seed);

#endif
