/*
 * devices.c -- devices, and what runs on them: one CPU, whose memory every other entry of the ABI works on.
 */
#include "ort/devices.h"

#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

/* ---- the CPU ------------------------------------------------------------------------------------------------------ */

struct OrtHardwareDevice {
    const char *vendor;
    uint32_t vendor_id; /* as PCI numbers vendors */
    OrtKeyValuePairs metadata;
};

struct OrtEpDevice {
    OrtHardwareDevice hardware;
    OrtKeyValuePairs metadata, options;
};

static OrtEpDevice cpu;
static const OrtEpDevice *const devices[] = {&cpu};

static void find_cpu(void) {
    static char key[] = "version", value[] = ORT_VERSION_TEXT, *keys[] = {key}, *values[] = {value};
    cpu.metadata = (OrtKeyValuePairs){keys, values, 1, 1};
    cpu.hardware.vendor = "";
#if defined(__x86_64__) || defined(__i386__)
    unsigned most, b, c, d;
    if (!__get_cpuid(0, &most, &b, &c, &d)) return;
    if (b == signature_INTEL_ebx) cpu.hardware.vendor = "Intel", cpu.hardware.vendor_id = 0x8086;
    if (b == signature_AMD_ebx) cpu.hardware.vendor = "AMD", cpu.hardware.vendor_id = 0x1022;
#elif defined(__aarch64__)
    cpu.hardware.vendor = "ARM", cpu.hardware.vendor_id = 0x13b5;
#endif
}

const OrtEpDevice *ort_cpu_device(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find_cpu);
    return &cpu;
}

OrtStatus *ort_GetEpDevices(const OrtEnv *env, const OrtEpDevice *const **out, size_t *n) {
    NOT_NULL(env);
    NOT_NULL(out);
    NOT_NULL(n);
    ort_cpu_device();
    *out = devices;
    *n = 1;
    return NULL;
}

const char *ort_EpDevice_EpName(const OrtEpDevice *d) { return d ? CPU_PROVIDER : NULL; }
const char *ort_EpDevice_EpVendor(const OrtEpDevice *d) { return d ? "sard" : NULL; }
const OrtKeyValuePairs *ort_EpDevice_EpMetadata(const OrtEpDevice *d) { return d ? &d->metadata : NULL; }
const OrtKeyValuePairs *ort_EpDevice_EpOptions(const OrtEpDevice *d) { return d ? &d->options : NULL; }
const OrtHardwareDevice *ort_EpDevice_Device(const OrtEpDevice *d) { return d ? &d->hardware : NULL; }
/* The CPU's memory is everybody's: no device has any of its own. */
const OrtMemoryInfo *ort_EpDevice_MemoryInfo(const OrtEpDevice *d, OrtDeviceMemoryType type) {
    return (void)d, (void)type, NULL;
}

OrtHardwareDeviceType ort_HardwareDevice_Type(const OrtHardwareDevice *d) { return (void)d, OrtHardwareDeviceType_CPU; }
uint32_t ort_HardwareDevice_VendorId(const OrtHardwareDevice *d) { return d ? d->vendor_id : 0; }
const char *ort_HardwareDevice_Vendor(const OrtHardwareDevice *d) { return d ? d->vendor : NULL; }
uint32_t ort_HardwareDevice_DeviceId(const OrtHardwareDevice *d) { return (void)d, 0; }
const OrtKeyValuePairs *ort_HardwareDevice_Metadata(const OrtHardwareDevice *d) { return d ? &d->metadata : NULL; }

OrtStatus *ort_GetNumHardwareDevices(const OrtEnv *env, size_t *out) {
    NOT_NULL(env);
    NOT_NULL(out);
    *out = 1;
    return NULL;
}

OrtStatus *ort_GetHardwareDevices(const OrtEnv *env, const OrtHardwareDevice **out, size_t n) {
    NOT_NULL(env);
    NOT_NULL(out);
    REQUIRE(n >= 1, ORT_INVALID_ARGUMENT, "GetHardwareDevices: room for none, there is 1 device");
    out[0] = &ort_cpu_device()->hardware;
    return NULL;
}

static OrtStatus *fill_devices(const char *who, const OrtEpDevice **out, size_t n, size_t have) {
    REQUIRE(n == have && (out || !n), ORT_INVALID_ARGUMENT, "%s: room for %zu, the model has %zu", who, n, have);
    for (size_t i = 0; i < n; i++) out[i] = ort_cpu_device();
    return NULL;
}

OrtStatus *ort_SessionGetEpDeviceForInputs(const OrtSession *s, const OrtEpDevice **out, size_t n) {
    NOT_NULL(s);
    return fill_devices("SessionGetEpDeviceForInputs", out, n, sard_model_inputs(s->model));
}

OrtStatus *ort_SessionGetEpDeviceForOutputs(const OrtSession *s, const OrtEpDevice **out, size_t n) {
    NOT_NULL(s);
    return fill_devices("SessionGetEpDeviceForOutputs", out, n, sard_model_outputs(s->model));
}

/* ---- tensors between devices -------------------------------------------------------------------------------------- */

OrtStatus *ort_CreateSyncStreamForEpDevice(const OrtEpDevice *d, const OrtKeyValuePairs *options, OrtSyncStream **out) {
    (void)options;
    NOT_NULL(d);
    NOT_NULL(out);
    return ort_fail(ORT_INVALID_ARGUMENT, "CreateSyncStreamForEpDevice: the CPU has no streams");
}

static OrtStatus *copy_one(const OrtValue *from, OrtValue *to, size_t i) {
    REQUIRE(from && to, ORT_INVALID_ARGUMENT, "CopyTensors: tensor %zu is NULL", i);
    REQUIRE(ort_value_kind(from) == ONNX_TYPE_TENSOR && ort_value_kind(to) == ONNX_TYPE_TENSOR &&
                !ort_value_is_strings(from) && !ort_value_is_strings(to),
            ORT_INVALID_ARGUMENT, "CopyTensors: value %zu is not a tensor of numbers", i);
    const size_t n = sard_tensor_bytes(from->v);
    REQUIRE(sard_tensor_dtype(from->v) == sard_tensor_dtype(to->v) && n == sard_tensor_bytes(to->v),
            ORT_INVALID_ARGUMENT, "CopyTensors: tensor %zu goes to one of another type or size", i);
    if (n) memmove(sard_tensor_data_mut(to->v), sard_tensor_data(from->v), n);
    return NULL;
}

OrtStatus *ort_CopyTensors(const OrtEnv *env, const OrtValue *const *from, OrtValue *const *to, OrtSyncStream *stream,
                           size_t n) {
    (void)stream;
    NOT_NULL(env);
    REQUIRE(n && from && to, ORT_INVALID_ARGUMENT, "CopyTensors: no tensors were passed");
    for (size_t i = 0; i < n; i++) TRY_ORT(copy_one(from[i], to[i], i));
    return NULL;
}

/* Optional for a provider: *out is NULL where nothing can be imported. */
OrtStatus *interop_CreateExternalResourceImporterForDevice(const OrtEpDevice *d, OrtExternalResourceImporter **out) {
    NOT_NULL(d);
    NOT_NULL(out);
    *out = NULL;
    return NULL;
}

/* ---- what goes with a device -------------------------------------------------------------------------------------- */

static OrtStatus *known_provider(const char *who, const char *name) {
    REQUIRE(name && *name, ORT_INVALID_ARGUMENT, "%s: the name of the execution provider is missing", who);
    REQUIRE(strcmp(name, CPU_PROVIDER) == 0, ORT_INVALID_ARGUMENT,
            "%s: there is no execution provider '%s' in this build", who, name);
    return NULL;
}

/* Nothing is wrong with the CPU, so that there are no details to keep. */
struct OrtDeviceEpIncompatibilityDetails {
    char nothing;
};

OrtStatus *ort_GetHardwareDeviceEpIncompatibilityDetails(const OrtEnv *env, const char *name,
                                                         const OrtHardwareDevice *d,
                                                         OrtDeviceEpIncompatibilityDetails **out) {
    NOT_NULL(env);
    NOT_NULL(d);
    NOT_NULL(out);
    TRY_ORT(known_provider("GetHardwareDeviceEpIncompatibilityDetails", name));
    *out = calloc(1, sizeof **out);
    return *out ? NULL : ort_no_memory(sizeof **out);
}

OrtStatus *ort_DeviceEpIncompatibilityDetails_GetReasonsBitmask(const OrtDeviceEpIncompatibilityDetails *d,
                                                                uint32_t *out) {
    NOT_NULL(d);
    NOT_NULL(out);
    *out = 0;
    return NULL;
}

OrtStatus *ort_DeviceEpIncompatibilityDetails_GetNotes(const OrtDeviceEpIncompatibilityDetails *d, const char **out) {
    NOT_NULL(d);
    NOT_NULL(out);
    *out = NULL;
    return NULL;
}

OrtStatus *ort_DeviceEpIncompatibilityDetails_GetErrorCode(const OrtDeviceEpIncompatibilityDetails *d, int32_t *out) {
    NOT_NULL(d);
    NOT_NULL(out);
    *out = 0;
    return NULL;
}

void ort_ReleaseDeviceEpIncompatibilityDetails(OrtDeviceEpIncompatibilityDetails *d) { free(d); }

OrtStatus *ort_GetModelCompatibilityForEpDevices(const OrtEpDevice *const *list, size_t n, const char *info,
                                                 OrtCompiledModelCompatibility *out) {
    REQUIRE(list && n && list[0], ORT_INVALID_ARGUMENT, "GetModelCompatibilityForEpDevices: no devices were passed");
    NOT_NULL(info);
    NOT_NULL(out);
    *out = OrtCompiledModelCompatibility_EP_NOT_APPLICABLE; /* no model is compiled for the CPU */
    return NULL;
}

/* ---- what a model's file says about providers --------------------------------------------------------------------- */

typedef struct bytes { /* what is left of a message */
    const unsigned char *p;
    size_t n;
} bytes;

static bool read_varint(bytes *b, uint64_t *out) {
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (!b->n) return false;
        const unsigned char c = *b->p++;
        b->n--;
        v |= (uint64_t)(c & 127) << shift;
        if (c < 128) {
            *out = v;
            return true;
        }
    }
    return false;
}

static bool take(bytes *b, uint64_t n, bytes *out) {
    if (n > b->n) return false;
    *out = (bytes){b->p, (size_t)n};
    b->p += n;
    b->n -= (size_t)n;
    return true;
}

/* The next field of a message; *value is empty for all but fields with a length. False when it is malformed. */
static bool next_field(bytes *b, uint64_t *number, bytes *value) {
    uint64_t tag, n;
    if (!read_varint(b, &tag)) return false;
    *number = tag >> 3;
    *value = (bytes){0};
    bytes skipped;
    switch (tag & 7) {
    case 0:
        return read_varint(b, &n);
    case 1:
        return take(b, 8, &skipped);
    case 2:
        return read_varint(b, &n) && take(b, n, value);
    case 5:
        return take(b, 4, &skipped);
    default:
        return false;
    }
}

/* The custom metadata `key` of a model's bytes; *out is empty when there is none. False when they are malformed. */
static bool find_metadata(bytes model, const char *key, bytes *out) {
    enum { METADATA = 14, KEY = 1, VALUE = 2 };
    *out = (bytes){0};
    while (model.n) {
        uint64_t number, part;
        bytes entry, k = {0}, v = {0}, x;
        if (!next_field(&model, &number, &entry)) return false;
        if (number != METADATA) continue;
        while (entry.n) {
            if (!next_field(&entry, &part, &x)) return false;
            if (part == KEY) k = x;
            if (part == VALUE) v = x;
        }
        if (k.n == strlen(key) && memcmp(k.p, key, k.n) == 0) *out = v;
    }
    return true;
}

static OrtStatus *compatibility(bytes model, const char *provider, OrtAllocator *allocator, char **out) {
    static const char prefix[] = "ep_compatibility_info.";
    const size_t n = strlen(provider);
    bytes found;
    char *key = malloc(sizeof prefix + n), *text;
    if (!key) return ort_no_memory(n);
    memcpy(key, prefix, sizeof prefix - 1);
    memcpy(key + sizeof prefix - 1, provider, n + 1);
    const bool ok = find_metadata(model, key, &found);
    free(key);
    REQUIRE(ok, ORT_INVALID_PROTOBUF, "GetCompatibilityInfoFromModel: the bytes are not an ONNX model");
    *out = NULL;
    if (!found.n) return NULL;
    text = allocator->Alloc(allocator, found.n + 1);
    if (!text) return ort_no_memory(found.n + 1);
    memcpy(text, found.p, found.n);
    text[found.n] = 0;
    *out = text;
    return NULL;
}

OrtStatus *ort_GetCompatibilityInfoFromModelBytes(const void *data, size_t n, const char *provider,
                                                  OrtAllocator *allocator, char **out) {
    REQUIRE(data && n, ORT_INVALID_ARGUMENT, "GetCompatibilityInfoFromModelBytes: there are no bytes");
    REQUIRE(provider && *provider, ORT_INVALID_ARGUMENT, "GetCompatibilityInfoFromModelBytes: no execution provider");
    NOT_NULL(allocator);
    NOT_NULL(out);
    return compatibility((bytes){data, n}, provider, allocator, out);
}

OrtStatus *ort_GetCompatibilityInfoFromModel(const char *path, const char *provider, OrtAllocator *allocator,
                                             char **out) {
    REQUIRE(path && *path, ORT_INVALID_ARGUMENT, "GetCompatibilityInfoFromModel: the path is missing");
    REQUIRE(provider && *provider, ORT_INVALID_ARGUMENT, "GetCompatibilityInfoFromModel: no execution provider");
    NOT_NULL(allocator);
    NOT_NULL(out);
    void *data;
    size_t n;
    sard_error err;
    const sard_status st = ort_read_file(path, &data, &n, &err);
    if (st != SARD_OK) return ort_from_error(st, &err, true);
    OrtStatus *bad = compatibility((bytes){data, n}, provider, allocator, out);
    free(data);
    return bad;
}
