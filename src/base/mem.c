/*
 * mem.c -- the allocator behind everything, and the arena.
 *
 * An arena is a list of chunks, the newest first; only the newest is filled. Chunk sizes double, so the
 * number of chunks stays small, and a chunk begins with a 64-byte header so that its contents are 64-byte
 * aligned:
 *
 *     | header 64 | used ....................... | free ............ |
 */
#include "base/mem.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ALIGN     64
#define HUGE_FROM ((size_t)4 << 20)

/* ---- the allocator ---- */

static sard_allocator hooks; /* alloc is NULL: the C library's */

static struct {
    atomic_bool on; /* counting starts with the first call of mem_fail_after, so others pay one load */
    atomic_long seen, countdown;
} probe;

/* Whether this allocation is the one that shall fail. */
static bool probe_fails(void) {
    if (!atomic_load_explicit(&probe.on, memory_order_relaxed)) return false;
    atomic_fetch_add(&probe.seen, 1);
    return atomic_load(&probe.countdown) > 0 && atomic_fetch_sub(&probe.countdown, 1) == 1;
}

long mem_fail_after(long n) {
    atomic_store(&probe.countdown, n);
    atomic_store(&probe.on, true);
    return atomic_exchange(&probe.seen, 0);
}

void mem_set_hooks(const sard_allocator *a) { hooks = a ? *a : (sard_allocator){0}; }

/* Large blocks ask for large pages: their first touch costs less than half (packing the weights of a large model). */
static void *huge_alloc(size_t bytes) {
    const size_t page = (size_t)2 << 20;
    if (bytes > PTRDIFF_MAX - page) return NULL;
    void *p;
    if (posix_memalign(&p, page, bytes) != 0) return NULL; /* aligned_alloc would want whole pages */
    madvise(p, bytes & ~(page - 1), MADV_HUGEPAGE);        /* advice: where it is not taken nothing is lost */
    return p;
}

/* The C library's malloc is several times as fast as its aligned one for small blocks, and a run makes a few of them:
 * a block is aligned by hand, and the word before it says where it began. Under a sanitizer blocks end where they end. */
#if defined(__SANITIZE_ADDRESS__)
#define EXACT 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EXACT 1
#endif
#endif
#ifndef EXACT
#define EXACT 0
#endif

static void *system_alloc(size_t bytes) {
    if (EXACT)
        return bytes >= HUGE_FROM ? huge_alloc(bytes)
                                  : aligned_alloc(ALIGN, (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1));
    char *raw = bytes >= HUGE_FROM ? huge_alloc(bytes + ALIGN) : malloc(bytes + ALIGN);
    if (!raw) return NULL;
    char *p = raw + ALIGN - ((uintptr_t)raw & (ALIGN - 1)); /* malloc's blocks are 16-byte aligned: room for a word */
    memcpy(p - sizeof raw, &raw, sizeof raw);
    return p;
}

static void system_free(void *p) {
    char *raw = p;
    if (!EXACT) memcpy(&raw, (char *)p - sizeof raw, sizeof raw);
    free(raw);
}

void *mem_alloc(size_t bytes) {
    if (probe_fails()) return NULL;
    if (bytes > PTRDIFF_MAX - 2 * ALIGN) return NULL;
    if (bytes == 0) bytes = 1;
    return hooks.alloc ? hooks.alloc(hooks.user, bytes) : system_alloc(bytes);
}

void mem_free(void *p) {
    if (!p) return;
    if (hooks.free)
        hooks.free(hooks.user, p);
    else
        system_free(p);
}

void *mem_calloc(size_t n, size_t size) {
    size_t bytes;
    if (mul_size(n, size, &bytes)) return NULL;
    void *p = mem_alloc(bytes);
    if (p) memset(p, 0, bytes);
    return p;
}

void *mem_realloc(void *p, size_t old_bytes, size_t new_bytes) {
    void *q = mem_alloc(new_bytes);
    if (!q) return NULL;
    size_t keep = old_bytes < new_bytes ? old_bytes : new_bytes;
    if (p && keep) memcpy(q, p, keep);
    mem_free(p);
    return q;
}

char *mem_strdup(const char *s) {
    size_t n = strlen(s) + 1;
    char *p = mem_alloc(n);
    return p ? memcpy(p, s, n) : NULL;
}

int mem_grow(void **items, size_t *cap, size_t need, size_t elem) {
    if (need <= *cap) return 0;
    size_t want = *cap < 8 ? 8 : *cap + *cap / 2, bytes;
    if (want < need) want = need;
    if (mul_size(want, elem, &bytes)) return -1;
    void *p = mem_realloc(*items, *cap * elem, bytes);
    if (!p) return -1;
    *items = p;
    *cap = want;
    return 0;
}

/* ---- the arena ---- */

#define CHUNK_MIN 4096
#define CHUNK_MAX (1u << 20)

struct arena_chunk {
    arena_chunk *next;
    size_t size, used; /* of what follows the header */
};

#define CHUNK_HEADER 64
_Static_assert(sizeof(arena_chunk) <= CHUNK_HEADER, "a chunk's header fits before its first aligned byte");

static char *chunk_data(arena_chunk *c) { return (char *)c + CHUNK_HEADER; }

void arena_init(arena *a) { *a = (arena){0}; }

void arena_free(arena *a) {
    for (arena_chunk *c = a->head, *next; c; c = next) {
        next = c->next;
        mem_free(c);
    }
    *a = (arena){.limit = a->limit};
}

void arena_reset(arena *a) {
    arena_chunk *keep = a->head;
    for (arena_chunk *c = a->head; c; c = c->next)
        if (c->size > keep->size) keep = c;
    for (arena_chunk *c = a->head, *next; c; c = next) {
        next = c->next;
        if (c != keep) mem_free(c);
    }
    a->head = keep;
    a->used = 0;
    a->held = keep ? keep->size + CHUNK_HEADER : 0;
    if (keep) *keep = (arena_chunk){.size = keep->size};
}

/* A new chunk in front that holds at least `bytes`; NULL when out of memory. */
static arena_chunk *chunk_add(arena *a, size_t bytes) {
    size_t size = a->head ? a->head->size + CHUNK_HEADER : CHUNK_MIN / 2, total;
    size = size >= CHUNK_MAX / 2 ? CHUNK_MAX : size * 2;
    size -= CHUNK_HEADER;
    if (size < bytes) size = bytes;
    if (add_size(size, CHUNK_HEADER, &total)) return NULL;
    arena_chunk *c = mem_alloc(total);
    if (!c) return NULL;
    *c = (arena_chunk){.next = a->head, .size = size};
    a->head = c;
    a->held += total;
    return c;
}

void *arena_alloc(arena *a, size_t bytes) {
    const size_t align = bytes >= 64 ? 64 : 16;
    if (bytes > PTRDIFF_MAX / 2) return NULL;
    const size_t take = bytes ? (bytes + 15) & ~(size_t)15 : 16;
    if (a->limit && (take > a->limit || a->used > a->limit - take)) return NULL;
    arena_chunk *c = a->head;
    size_t at = c ? (c->used + align - 1) & ~(align - 1) : 0;
    if (!c || at > c->size || c->size - at < take) {
        if (!(c = chunk_add(a, take))) return NULL;
        at = 0;
    }
    c->used = at + take;
    a->used += take;
    return chunk_data(c) + at;
}

void *arena_calloc(arena *a, size_t n, size_t size) {
    size_t bytes;
    if (mul_size(n, size, &bytes)) return NULL;
    void *p = arena_alloc(a, bytes);
    if (p) memset(p, 0, bytes);
    return p;
}

void *arena_copy(arena *a, const void *p, size_t bytes) {
    void *q = arena_alloc(a, bytes);
    if (q && bytes) memcpy(q, p, bytes);
    return q;
}

char *arena_strn(arena *a, const char *s, size_t n) {
    size_t bytes;
    if (add_size(n, 1, &bytes)) return NULL;
    char *q = arena_alloc(a, bytes);
    if (!q) return NULL;
    if (n) memcpy(q, s, n);
    q[n] = 0;
    return q;
}

char *arena_printf(arena *a, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0) return NULL;
    char *q = arena_alloc(a, (size_t)n + 1);
    if (!q) return NULL;
    va_start(ap, fmt);
    vsnprintf(q, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return q;
}
