/*
 * str.c -- interned strings, the text buffer, edit distance and the integer map.
 *
 * Both tables are open addressing with linear probing over a power of two, at most three quarters full. Their
 * hashes are seeded afresh for each table, since names come from files that may have been made to collide;
 * nothing that can be seen depends on the seed (ids are given in order of insertion).
 */
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

#include "base/err.h"

/* ---- hashing: 16 bytes at a time through the two halves of a 64x64 -> 128 bit product ---- */

__extension__ typedef unsigned __int128 u128;

static uint64_t mix(uint64_t a, uint64_t b) {
    u128 r = (u128)a * b;
    return (uint64_t)r ^ (uint64_t)(r >> 64);
}

static uint64_t load64(const uint8_t *p) {
    uint64_t v;
    memcpy(&v, p, 8);
    return v;
}

#define SALT0                                                                                                          \
    0x9E3779B97F4A7C15u /* odd constants with no structure: fractions of the golden ratio, pi, e   \
                                   */
#define SALT1 0x243F6A8885A308D3u
#define SALT2 0xB7E151628AED2A6Bu

uint64_t hash_bytes(const void *data, size_t n, uint64_t seed) {
    const uint8_t *p = data;
    uint64_t h = mix(seed ^ SALT0, SALT1 ^ n);
    size_t left = n;
    for (; left >= 16; left -= 16, p += 16) h = mix(load64(p) ^ SALT1 ^ h, load64(p + 8) ^ SALT2 ^ (h >> 32));
    uint8_t tail[16] = {0};
    if (left) memcpy(tail, p, left);
    h = mix(load64(tail) ^ SALT2 ^ h, load64(tail + 8) ^ SALT0);
    return mix(h ^ SALT0, SALT1);
}

static uint64_t fresh_seed(const void *where) {
    uint64_t s;
    if (getrandom(&s, sizeof s, GRND_NONBLOCK) == (ssize_t)sizeof s) return s;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return mix((uint64_t)(uintptr_t)where ^ SALT0, (uint64_t)t.tv_nsec ^ SALT1);
}

/* ---- strtab ---- */

int strtab_init(strtab *t) {
    *t = (strtab){.seed = fresh_seed(t)};
    arena_init(&t->mem);
    return strtab_add(t, "", 0) == 0 ? 0 : -1;
}

void strtab_free(strtab *t) {
    arena_free(&t->mem);
    mem_free(t->items);
    mem_free(t->slots);
    *t = (strtab){0};
}

/* The slot that holds the string, or the free one where it belongs. */
static uint32_t strtab_slot(const strtab *t, const char *s, size_t n) {
    const uint32_t mask = t->n_slots - 1;
    uint32_t i = (uint32_t)hash_bytes(s, n, t->seed) & mask;
    while (t->slots[i] && !str_eq(t->items[t->slots[i] - 1], (str){s, n})) i = (i + 1) & mask;
    return i;
}

static int strtab_rehash(strtab *t) {
    if (t->n_slots > UINT32_MAX / 4) return -1;
    uint32_t n_slots = t->n_slots ? t->n_slots * 2 : 64;
    uint32_t *slots = mem_calloc(n_slots, sizeof *slots);
    if (!slots) return -1;
    mem_free(t->slots);
    t->slots = slots;
    t->n_slots = n_slots;
    for (uint32_t id = 0; id < t->n; id++) slots[strtab_slot(t, t->items[id].p, t->items[id].n)] = id + 1;
    return 0;
}

str_id strtab_add(strtab *t, const char *s, size_t n) {
    if ((uint64_t)t->n * 4 >= (uint64_t)t->n_slots * 3 && strtab_rehash(t)) return STR_FAIL;
    uint32_t i = strtab_slot(t, s, n);
    if (t->slots[i]) return t->slots[i] - 1;
    void *items = t->items;
    if (mem_grow(&items, &t->cap, (size_t)t->n + 1, sizeof *t->items)) return STR_FAIL;
    t->items = items;
    char *copy = arena_strn(&t->mem, s, n);
    if (!copy) return STR_FAIL;
    t->items[t->n] = (str){copy, n};
    t->slots[i] = t->n + 1;
    return t->n++;
}

str_id strtab_find(const strtab *t, const char *s, size_t n) {
    if (!t->n_slots) return STR_FAIL;
    uint32_t slot = t->slots[strtab_slot(t, s, n)];
    return slot ? slot - 1 : STR_FAIL;
}

/* ---- strbuf ---- */

/* Room for n more bytes and the NUL. */
static bool sb_room(strbuf *b, size_t n) {
    size_t need;
    void *p = b->p;
    if (b->failed || add_size(b->n, n, &need) || add_size(need, 1, &need) || mem_grow(&p, &b->cap, need, 1)) {
        b->failed = true;
        return false;
    }
    b->p = p;
    return true;
}

void sb_free(strbuf *b) {
    mem_free(b->p);
    *b = (strbuf){0};
}

void sb_put(strbuf *b, const char *s, size_t n) {
    if (!sb_room(b, n)) return;
    if (n) memcpy(b->p + b->n, s, n);
    b->n += n;
}

void sb_puts(strbuf *b, const char *s) { sb_put(b, s, strlen(s)); }

void sb_printf(strbuf *b, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0 || !sb_room(b, (size_t)n)) {
        b->failed = true;
        return;
    }
    va_start(ap, fmt);
    vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->n += (size_t)n;
}

const char *sb_str(strbuf *b) {
    if (!b->p) return "";
    b->p[b->n] = 0; /* sb_room keeps a byte for it */
    return b->p;
}

sard_status sb_take(strbuf *b, sard_status st, char **out, sard_error *err) {
    if (st == SARD_OK && !sb_room(b, 0)) st = err_nomem(err, b->n);
    if (st != SARD_OK) {
        sb_free(b);
        return st;
    }
    b->p[b->n] = 0;
    *out = b->p;
    *b = (strbuf){0};
    return SARD_OK;
}

/* ---- edit distance ---- */

#define NAME_MAX_LEN 64

/* Levenshtein's, two rows at a time. */
int str_distance(const char *a, const char *b) {
    const int na = (int)strnlen(a, NAME_MAX_LEN), nb = (int)strnlen(b, NAME_MAX_LEN);
    int row[NAME_MAX_LEN + 1];
    for (int j = 0; j <= nb; j++) row[j] = j;
    for (int i = 1; i <= na; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= nb; j++) {
            int best = diagonal + (a[i - 1] != b[j - 1]);
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[nb];
}

/* ---- map64 ---- */

void map_free(map64 *m) {
    mem_free(m->keys);
    mem_free(m->vals);
    mem_free(m->full);
    *m = (map64){0};
}

static size_t map_slot(const map64 *m, uint64_t key) {
    size_t i = (size_t)mix(key ^ m->seed, SALT0 ^ m->seed >> 1) & (m->cap - 1);
    while (m->full[i] && m->keys[i] != key) i = (i + 1) & (m->cap - 1);
    return i;
}

static int map_rehash(map64 *m) {
    if (m->cap > SIZE_MAX / 32) return -1;
    map64 next = {.cap = m->cap ? m->cap * 2 : 16, .n = m->n, .seed = m->cap ? m->seed : fresh_seed(m)};
    next.keys = mem_alloc(next.cap * sizeof *next.keys);
    next.vals = mem_alloc(next.cap * sizeof *next.vals);
    next.full = mem_calloc(next.cap, 1);
    if (!next.keys || !next.vals || !next.full) {
        map_free(&next);
        return -1;
    }
    for (size_t i = 0; i < m->cap; i++) {
        if (!m->full[i]) continue;
        size_t j = map_slot(&next, m->keys[i]);
        next.full[j] = 1;
        next.keys[j] = m->keys[i];
        next.vals[j] = m->vals[i];
    }
    map_free(m);
    *m = next;
    return 0;
}

int map_put(map64 *m, uint64_t key, uint64_t val) {
    if (m->n + 1 > m->cap / 4 * 3 && map_rehash(m)) return -1;
    size_t i = map_slot(m, key);
    if (!m->full[i]) m->n++;
    m->full[i] = 1;
    m->keys[i] = key;
    m->vals[i] = val;
    return 0;
}

bool map_get(const map64 *m, uint64_t key, uint64_t *val) {
    if (!m->cap) return false;
    size_t i = map_slot(m, key);
    if (m->full[i]) *val = m->vals[i];
    return m->full[i];
}
