/*
 * mem.h -- allocation, with checked sizes and the user's hooks; and the arena.
 *
 * All memory of the engine comes through mem_alloc, so that a test can make the n-th allocation fail and a user can
 * supply an allocator. An arena is a chain of growing chunks freed all at once: models, graphs and plans live in one.
 */
#ifndef SARD_BASE_MEM_H
#define SARD_BASE_MEM_H

#include <stddef.h>
#include <stdint.h>

#include "sard/sard.h"

/* 64-byte aligned. mem_alloc(0) returns a valid unique pointer. NULL when out of memory. */
void *mem_alloc(size_t bytes);
void *mem_calloc(size_t n, size_t size); /* zeroed; NULL on overflow of n*size */
void *mem_realloc(void *p, size_t old_bytes, size_t new_bytes);
void mem_free(void *p);
char *mem_strdup(const char *s);
/* Replaces the process's allocator; hooks must be set before anything else is called (see sard_set_allocator). */
void mem_set_hooks(const sard_allocator *a);
/* Test hook: the n-th allocation from now fails (n = 1: the next one); 0 switches it off. Returns allocations seen
 * since the last call. */
long mem_fail_after(long n);

/* Grows a dynamic array of `elem`-byte items to hold at least `need`; *cap is in items. 0 on success. */
int mem_grow(void **items, size_t *cap, size_t need, size_t elem);

typedef struct arena_chunk arena_chunk;
typedef struct arena {
    arena_chunk *head;
    size_t used;  /* bytes handed out */
    size_t held;  /* bytes taken from the allocator */
    size_t limit; /* 0: none; else arena_alloc returns NULL beyond it */
} arena;

void arena_init(arena *a);
void arena_free(arena *a);
void arena_reset(arena *a); /* keeps the largest chunk */
/* 16-byte aligned (64 for sizes of 64 and up); NULL when out of memory. */
void *arena_alloc(arena *a, size_t bytes);
void *arena_calloc(arena *a, size_t n, size_t size);
void *arena_copy(arena *a, const void *p, size_t bytes);
char *arena_strn(arena *a, const char *s, size_t n); /* NUL-terminated copy */
char *arena_printf(arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Checked arithmetic: non-zero when the result does not fit. */
static inline int mul_size(size_t a, size_t b, size_t *r) { return __builtin_mul_overflow(a, b, r); }
static inline int add_size(size_t a, size_t b, size_t *r) { return __builtin_add_overflow(a, b, r); }
static inline int mul_i64(int64_t a, int64_t b, int64_t *r) { return __builtin_mul_overflow(a, b, r); }
static inline int add_i64(int64_t a, int64_t b, int64_t *r) { return __builtin_add_overflow(a, b, r); }

#endif
