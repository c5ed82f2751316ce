/*
 * memory.c -- OrtMemoryInfo, and the one allocator of the CPU. Clients call an allocator's functions directly.
 */
#include "ort/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const OrtMemoryInfo ort_cpu_memory = {.name = "Cpu", .type = OrtDeviceAllocator};

/* ---- memory info -------------------------------------------------------------------------------------------------- */

OrtStatus *ort_CreateMemoryInfo(const char *name, OrtAllocatorType type, int id, OrtMemType mem_type,
                                OrtMemoryInfo **out) {
    static const struct {
        const char *name;
        OrtMemoryInfoDeviceType device;
    } known[] = {{"Cpu", OrtMemoryInfoDeviceType_CPU},          {"Cuda", OrtMemoryInfoDeviceType_GPU},
                 {"CudaPinned", OrtMemoryInfoDeviceType_CPU},   {"Hip", OrtMemoryInfoDeviceType_GPU},
                 {"HipPinned", OrtMemoryInfoDeviceType_CPU},    {"Cann", OrtMemoryInfoDeviceType_NPU},
                 {"DML", OrtMemoryInfoDeviceType_GPU},          {"OpenVINO_CPU", OrtMemoryInfoDeviceType_CPU},
                 {"OpenVINO_GPU", OrtMemoryInfoDeviceType_GPU}, {"WebGPU_Buffer", OrtMemoryInfoDeviceType_GPU},
                 {"WebGPU_Buf", OrtMemoryInfoDeviceType_GPU}};
    NOT_NULL(name);
    NOT_NULL(out);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(name, known[i].name) != 0) continue;
        OrtMemoryInfo *m = calloc(1, sizeof *m);
        if (!m) return ort_no_memory(sizeof *m);
        *m = (OrtMemoryInfo){.type = type, .id = id, .mem_type = mem_type, .device = known[i].device};
        snprintf(m->name, sizeof m->name, "%s", name);
        *out = m;
        return NULL;
    }
    return ort_fail(ORT_INVALID_ARGUMENT, "CreateMemoryInfo: '%s' is not a known memory; the CPU's is 'Cpu'", name);
}

OrtStatus *ort_CreateCpuMemoryInfo(OrtAllocatorType type, OrtMemType mem_type, OrtMemoryInfo **out) {
    return ort_CreateMemoryInfo("Cpu", type, 0, mem_type, out);
}

void ort_ReleaseMemoryInfo(OrtMemoryInfo *m) {
    if (m != &ort_cpu_memory) free(m);
}

OrtStatus *ort_CompareMemoryInfo(const OrtMemoryInfo *a, const OrtMemoryInfo *b, int *out) {
    NOT_NULL(a);
    NOT_NULL(b);
    NOT_NULL(out);
    *out = !(strcmp(a->name, b->name) == 0 && a->type == b->type && a->id == b->id && a->mem_type == b->mem_type &&
             a->device == b->device && a->device_mem == b->device_mem && a->vendor == b->vendor);
    return NULL;
}

OrtStatus *ort_MemoryInfoGetName(const OrtMemoryInfo *m, const char **out) {
    NOT_NULL(m);
    NOT_NULL(out);
    *out = m->name;
    return NULL;
}

OrtStatus *ort_MemoryInfoGetId(const OrtMemoryInfo *m, int *out) {
    NOT_NULL(m);
    NOT_NULL(out);
    *out = m->id;
    return NULL;
}

OrtStatus *ort_MemoryInfoGetMemType(const OrtMemoryInfo *m, OrtMemType *out) {
    NOT_NULL(m);
    NOT_NULL(out);
    *out = m->mem_type;
    return NULL;
}

OrtStatus *ort_MemoryInfoGetType(const OrtMemoryInfo *m, OrtAllocatorType *out) {
    NOT_NULL(m);
    NOT_NULL(out);
    *out = m->type;
    return NULL;
}

void ort_MemoryInfoGetDeviceType(const OrtMemoryInfo *m, OrtMemoryInfoDeviceType *out) {
    if (out) *out = m ? m->device : OrtMemoryInfoDeviceType_CPU;
}

/* ---- the default allocator ---------------------------------------------------------------------------------------- */

static void *default_alloc(OrtAllocator *self, size_t size) {
    (void)self;
    void *p = NULL;
    return posix_memalign(&p, 64, size ? size : 1) == 0 ? p : NULL;
}

static void default_free(OrtAllocator *self, void *p) {
    (void)self;
    free(p);
}

static const OrtMemoryInfo *default_info(const OrtAllocator *self) {
    (void)self;
    return &ort_cpu_memory;
}

static OrtStatus *default_stats(const OrtAllocator *self, OrtKeyValuePairs **out) {
    (void)self;
    ort_CreateKeyValuePairs(out);
    return *out ? NULL : ort_no_memory(sizeof **out);
}

OrtAllocator *ort_default_allocator(void) {
    static OrtAllocator allocator = {ORT_API_NEWEST, default_alloc, default_free, default_info,
                                     default_alloc,  default_stats, NULL,         NULL};
    return &allocator;
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
