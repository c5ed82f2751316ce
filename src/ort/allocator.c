/*
 * allocator.c -- allocators of the CPU: the default one, those an environment makes and shares, and those that clients
 * register.
 *
 * An allocator serves what is asked of it: tensors that clients make, texts that are handed out, blocks of a client's
 * own; and, where a session's options say so, the memory of its runs, which the engine cuts up itself. Each of ours
 * counts what it gave; an arena's configuration is its limit. A value may outlive the environment whose allocator it
 * came from, so an allocator of ours goes with its last block.
 */
#include "ort/internal.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct counted { /* an allocator of ours */
    OrtAllocator base;
    OrtMemoryInfo info;
    size_t limit;          /* 0: none */
    atomic_size_t holders; /* the blocks that are out, and who made it */
    atomic_size_t in_use, most_in_use, largest, allocs;
} counted;

/* ---- an allocator's functions ------------------------------------------------------------------------------------- */

static void raise_to(atomic_size_t *at, size_t value) {
    size_t seen = atomic_load_explicit(at, memory_order_relaxed);
    while (seen < value &&
           !atomic_compare_exchange_weak_explicit(at, &seen, value, memory_order_relaxed, memory_order_relaxed)) {
    }
}

static void *counted_alloc(OrtAllocator *self, size_t size) {
    counted *c = (counted *)self;
    void *p = NULL;
    const size_t used = atomic_load_explicit(&c->in_use, memory_order_relaxed);
    if (c->limit && (size > c->limit || used > c->limit - size)) return NULL;
    if (posix_memalign(&p, 64, size ? size : 1)) return NULL;
    const size_t got = malloc_usable_size(p);
    raise_to(&c->most_in_use, atomic_fetch_add_explicit(&c->in_use, got, memory_order_relaxed) + got);
    raise_to(&c->largest, got);
    atomic_fetch_add_explicit(&c->allocs, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&c->holders, 1, memory_order_relaxed);
    return p;
}

static void drop_holder(counted *c) {
    if (atomic_fetch_sub(&c->holders, 1) == 1) free(c);
}

static void counted_free(OrtAllocator *self, void *p) {
    counted *c = (counted *)self;
    if (!p) return;
    atomic_fetch_sub_explicit(&c->in_use, malloc_usable_size(p), memory_order_relaxed);
    free(p);
    drop_holder(c);
}

static const OrtMemoryInfo *counted_info(const OrtAllocator *self) { return &((const counted *)self)->info; }

static OrtStatus *counted_stats(const OrtAllocator *self, OrtKeyValuePairs **out) {
    const counted *c = (const counted *)self;
    const struct {
        const char *key;
        long long value;
    } rows[] = {{"Limit", c->limit ? (long long)c->limit : -1},
                {"InUse", (long long)atomic_load(&c->in_use)},
                {"TotalAllocated", (long long)atomic_load(&c->in_use)},
                {"MaxInUse", (long long)atomic_load(&c->most_in_use)},
                {"NumAllocs", (long long)atomic_load(&c->allocs)},
                {"NumReserves", 0},
                {"NumArenaExtensions", 0},
                {"NumArenaShrinkages", 0},
                {"MaxAllocSize", (long long)atomic_load(&c->largest)}};
    OrtKeyValuePairs *p = calloc(1, sizeof *p);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[24];
        snprintf(text, sizeof text, "%lld", rows[i].value);
        if (p && ort_pairs_set(p, rows[i].key, text)) continue;
        ort_ReleaseKeyValuePairs(p);
        return ort_no_memory(sizeof *p);
    }
    *out = p;
    return NULL;
}

#define FUNCTIONS                                                                                                      \
    { ORT_API_NEWEST, counted_alloc, counted_free, counted_info, counted_alloc, counted_stats, NULL, NULL }

OrtAllocator *ort_default_allocator(void) {
    static counted the_default = {.base = FUNCTIONS, .holders = 1, .info = {.name = "Cpu", .type = OrtDeviceAllocator}};
    return &the_default.base;
}

OrtStatus *ort_GetAllocatorWithDefaultOptions(OrtAllocator **out) {
    NOT_NULL(out);
    *out = ort_default_allocator();
    return NULL;
}

OrtStatus *ort_AllocatorAlloc(OrtAllocator *a, size_t size, void **out) {
    NOT_NULL(a);
    NOT_NULL(out);
    void *p = a->Alloc(a, size);
    if (!p && size) return ort_no_memory(size);
    *out = p;
    return NULL;
}

OrtStatus *ort_AllocatorFree(OrtAllocator *a, void *p) {
    NOT_NULL(a);
    if (p) a->Free(a, p);
    return NULL;
}

OrtStatus *ort_AllocatorGetInfo(const OrtAllocator *a, const OrtMemoryInfo **out) {
    NOT_NULL(a);
    NOT_NULL(out);
    *out = a->Info(a);
    return NULL;
}

/* An allocator without statistics has no pairs. */
OrtStatus *ort_AllocatorGetStats(const OrtAllocator *a, OrtKeyValuePairs **out) {
    NOT_NULL(a);
    NOT_NULL(out);
    if (a->version >= 23 && a->GetStats) return a->GetStats(a, out);
    ort_CreateKeyValuePairs(out);
    return *out ? NULL : ort_no_memory(sizeof **out);
}

/* ---- configurations ----------------------------------------------------------------------------------------------- */

struct OrtArenaCfg {
    size_t limit;
};

OrtStatus *ort_CreateArenaCfgV2(const char *const *keys, const size_t *values, size_t n, OrtArenaCfg **out) {
    static const char *const known[] = {"max_mem",
                                        "arena_extend_strategy",
                                        "initial_chunk_size_bytes",
                                        "max_dead_bytes_per_chunk",
                                        "initial_growth_chunk_size_bytes",
                                        "max_power_of_two_extend_bytes"};
    if (n) NOT_NULL(keys);
    if (n) NOT_NULL(values);
    NOT_NULL(out);
    OrtArenaCfg made = {0};
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;
        REQUIRE(keys[i], ORT_INVALID_ARGUMENT, "CreateArenaCfgV2: key %zu is NULL", i);
        while (k < sizeof known / sizeof *known && strcmp(keys[i], known[k]) != 0) k++;
        REQUIRE(k < sizeof known / sizeof *known, ORT_INVALID_ARGUMENT, "CreateArenaCfgV2: Invalid key found: %s",
                keys[i]);
        REQUIRE(k != 1 || values[i] <= 1 || values[i] == SIZE_MAX, ORT_INVALID_ARGUMENT,
                "CreateArenaCfgV2: arena_extend_strategy is 0, 1 or -1, not %zu", values[i]);
        if (k == 0) made.limit = values[i];
    }
    OrtArenaCfg *c = malloc(sizeof *c);
    if (!c) return ort_no_memory(sizeof *c);
    *c = made;
    *out = c;
    return NULL;
}

OrtStatus *ort_CreateArenaCfg(size_t limit, int strategy, int initial, int dead, OrtArenaCfg **out) {
    REQUIRE(strategy >= -1 && strategy <= 1 && initial >= -1 && dead >= -1, ORT_INVALID_ARGUMENT,
            "CreateArenaCfg: the strategy is -1, 0 or 1, sizes are -1 or more");
    return ort_CreateArenaCfgV2((const char *const[]){"max_mem"}, &limit, 1, out);
}

void ort_ReleaseArenaCfg(OrtArenaCfg *c) { free(c); }

/* ---- what an environment shares ----------------------------------------------------------------------------------- */

/* Of the same memory: an arena and a plain allocator of one device are the same place. */
static bool same_memory(const OrtMemoryInfo *a, const OrtMemoryInfo *b) {
    return a->device == b->device && a->id == b->id && a->device_mem == b->device_mem && a->vendor == b->vendor &&
           strcmp(a->name, b->name) == 0;
}

static ort_shared_allocator *find(OrtEnv *env, const OrtMemoryInfo *info) {
    for (ort_shared_allocator *s = env->allocators; s; s = s->next)
        if (s->a && same_memory(&s->info, info)) return s;
    return NULL;
}

/* Registers, instead of a former one of the same memory, which lives on for those who have it. */
static OrtStatus *share(OrtEnv *env, const OrtMemoryInfo *info, OrtAllocator *a, bool ours) {
    ort_shared_allocator *s = calloc(1, sizeof *s);
    if (!s) return ort_no_memory(sizeof *s);
    *s = (ort_shared_allocator){.info = *info, .a = a, .ours = ours ? a : NULL};
    ort_env_lock();
    ort_shared_allocator *former = find(env, info);
    if (former) former->a = NULL;
    s->next = env->allocators;
    env->allocators = s;
    ort_env_unlock();
    return NULL;
}

void ort_env_free_allocators(OrtEnv *env) {
    while (env->allocators) {
        ort_shared_allocator *s = env->allocators;
        env->allocators = s->next;
        if (s->ours) drop_holder((counted *)s->ours);
        free(s);
    }
}

static OrtStatus *make(const OrtMemoryInfo *info, size_t limit, OrtAllocator **out) {
    counted *c = malloc(sizeof *c);
    if (!c) return ort_no_memory(sizeof *c);
    *c = (counted){.base = FUNCTIONS, .info = *info, .limit = limit, .holders = 1};
    *out = &c->base;
    return NULL;
}

OrtStatus *ort_CreateAndRegisterAllocator(OrtEnv *env, const OrtMemoryInfo *info, const OrtArenaCfg *config) {
    NOT_NULL(env);
    NOT_NULL(info);
    REQUIRE(info->device == OrtMemoryInfoDeviceType_CPU, ORT_INVALID_ARGUMENT,
            "CreateAndRegisterAllocator: Only CPU devices are supported, not '%s'", info->name);
    OrtAllocator *a;
    TRY_ORT(make(info, config ? config->limit : 0, &a));
    OrtStatus *st = share(env, info, a, true);
    if (st) free(a);
    return st;
}

OrtStatus *ort_CreateAndRegisterAllocatorV2(OrtEnv *env, const char *provider, const OrtMemoryInfo *info,
                                            const OrtArenaCfg *config, const char *const *keys,
                                            const char *const *values, size_t n) {
    NOT_NULL(env);
    NOT_NULL(provider);
    NOT_NULL(info);
    (void)keys;
    (void)values;
    (void)n; /* options of a device's provider: the CPU's has none */
    REQUIRE(strcmp(provider, "CPUExecutionProvider") == 0, ORT_INVALID_ARGUMENT,
            "%s is not implemented in CreateAndRegisterAllocatorV2(): this build has the CPUExecutionProvider",
            provider);
    return ort_CreateAndRegisterAllocator(env, info, config);
}

OrtStatus *ort_RegisterAllocator(OrtEnv *env, OrtAllocator *a) {
    NOT_NULL(env);
    NOT_NULL(a);
    const OrtMemoryInfo *info = a->Info(a);
    REQUIRE(info, ORT_INVALID_ARGUMENT, "RegisterAllocator: the allocator's Info gives nothing");
    return share(env, info, a, false);
}

static bool withdraw(OrtEnv *env, const OrtMemoryInfo *info) {
    ort_env_lock();
    ort_shared_allocator *s = find(env, info);
    if (s) s->a = NULL;
    ort_env_unlock();
    return s != NULL;
}

OrtStatus *ort_UnregisterAllocator(OrtEnv *env, const OrtMemoryInfo *info) {
    NOT_NULL(env);
    NOT_NULL(info);
    REQUIRE(withdraw(env, info), ORT_INVALID_ARGUMENT, "No allocator for '%s' has been registered for sharing.",
            info->name);
    return NULL;
}

OrtStatus *ort_GetSharedAllocator(OrtEnv *env, const OrtMemoryInfo *info, OrtAllocator **out) {
    NOT_NULL(env);
    NOT_NULL(info);
    NOT_NULL(out);
    ort_env_lock();
    const ort_shared_allocator *s = find(env, info);
    OrtAllocator *a = s ? s->a : NULL;
    ort_env_unlock();
    if (!a && same_memory(info, &ort_cpu_memory)) a = ort_default_allocator();
    *out = a;
    return NULL;
}

OrtStatus *ort_CreateSharedAllocator(OrtEnv *env, const OrtEpDevice *device, OrtDeviceMemoryType mem_type,
                                     OrtAllocatorType type, const OrtKeyValuePairs *options, OrtAllocator **out) {
    NOT_NULL(env);
    NOT_NULL(device);
    REQUIRE(type == OrtDeviceAllocator, ORT_INVALID_ARGUMENT,
            "CreateSharedAllocator: a device allocator (0) can be made, not type %d", (int)type);
    REQUIRE(mem_type == OrtDeviceMemoryType_DEFAULT, ORT_INVALID_ARGUMENT,
            "CreateSharedAllocator: the CPU has default memory (0) only, not type %d", (int)mem_type);
    (void)options;
    OrtAllocator *a;
    TRY_ORT(make(&ort_cpu_memory, 0, &a));
    OrtStatus *st = share(env, &ort_cpu_memory, a, true);
    if (st)
        free(a);
    else if (out)
        *out = a;
    return st;
}

OrtStatus *ort_ReleaseSharedAllocator(OrtEnv *env, const OrtEpDevice *device, OrtDeviceMemoryType mem_type) {
    NOT_NULL(env);
    NOT_NULL(device);
    if (mem_type == OrtDeviceMemoryType_DEFAULT) withdraw(env, &ort_cpu_memory);
    return NULL;
}

/* ---- memory of runs ----------------------------------------------------------------------------------------------- */

/* The engine wants its blocks aligned, which an allocator of a client need not do: where a block begins stands before
 * its first aligned byte. */
enum { ALIGNED = 64 };

static void *aligned_alloc_of(void *user, size_t bytes) {
    OrtAllocator *a = user;
    if (bytes > SIZE_MAX - ALIGNED - sizeof(void *)) return NULL;
    void *begin = a->Alloc(a, bytes + ALIGNED + sizeof(void *));
    if (!begin) return NULL;
    const uintptr_t first = ((uintptr_t)begin + sizeof(void *) + ALIGNED - 1) & ~(uintptr_t)(ALIGNED - 1);
    memcpy((void *)(first - sizeof(void *)), &begin, sizeof begin);
    return (void *)first;
}

static void aligned_free_of(void *user, void *p) {
    OrtAllocator *a = user;
    void *begin;
    memcpy(&begin, (char *)p - sizeof begin, sizeof begin);
    a->Free(a, begin);
}

bool ort_run_memory(const OrtEnv *env, const OrtSessionOptions *o, sard_allocator *out) {
    if (!ort_config_on(o, "session.use_env_allocators")) return false;
    ort_env_lock();
    const ort_shared_allocator *s = find((OrtEnv *)(uintptr_t)env, &ort_cpu_memory);
    OrtAllocator *a = s ? s->a : NULL;
    ort_env_unlock();
    if (!a || a == ort_default_allocator()) return false;
    *out = (sard_allocator){aligned_alloc_of, aligned_free_of, a};
    return true;
}

/* The allocator lives as long as the environment at least, so there is nothing to release. */
OrtStatus *ort_CreateAllocator(const OrtSession *s, const OrtMemoryInfo *info, OrtAllocator **out) {
    NOT_NULL(s);
    NOT_NULL(info);
    NOT_NULL(out);
    REQUIRE(strcmp(info->name, "Cpu") == 0, ORT_INVALID_ARGUMENT,
            "CreateAllocator: No requested allocator available: there is none for '%s' in this build", info->name);
    *out = ort_default_allocator();
    return s->env_allocators ? ort_GetSharedAllocator(s->env, info, out) : NULL;
}

void ort_ReleaseAllocator(OrtAllocator *a) { (void)a; }
