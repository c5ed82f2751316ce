/*
 * memory.c -- OrtMemoryInfo: what a place of memory is called, and which device it belongs to.
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

OrtStatus *ort_CreateMemoryInfo_V2(const char *name, OrtMemoryInfoDeviceType device, uint32_t vendor, int32_t id,
                                   OrtDeviceMemoryType mem_type, size_t alignment, OrtAllocatorType type,
                                   OrtMemoryInfo **out) {
    NOT_NULL(name);
    NOT_NULL(out);
    REQUIRE(strlen(name) < sizeof ort_cpu_memory.name, ORT_INVALID_ARGUMENT,
            "CreateMemoryInfo_V2: a name has at most %zu bytes", sizeof ort_cpu_memory.name - 1);
    REQUIRE(device >= OrtMemoryInfoDeviceType_CPU && device <= OrtMemoryInfoDeviceType_NPU, ORT_INVALID_ARGUMENT,
            "CreateMemoryInfo_V2: %d is not a type of device (0 to 3)", (int)device);
    OrtMemoryInfo *m = malloc(sizeof *m);
    if (!m) return ort_no_memory(sizeof *m);
    *m = (OrtMemoryInfo){
        .type = type, .id = id, .device = device, .device_mem = mem_type, .vendor = vendor, .alignment = alignment};
    snprintf(m->name, sizeof m->name, "%s", name);
    *out = m;
    return NULL;
}

OrtDeviceMemoryType ort_MemoryInfoGetDeviceMemType(const OrtMemoryInfo *m) {
    return m ? m->device_mem : OrtDeviceMemoryType_DEFAULT;
}

uint32_t ort_MemoryInfoGetVendorId(const OrtMemoryInfo *m) { return m ? m->vendor : 0; }
