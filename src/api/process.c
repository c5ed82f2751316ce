/*
 * process.c -- what belongs to the process, not to a model: allocator, version, thread pools.
 *
 * A sard_pool is the engine's own pool under its public name.
 */
#include "api/api.h"

#define VERSION   "0.1.0"
#define OPSET_MAX 28 /* of the default domain: onnx 1.23 */

sard_status sard_set_allocator(const sard_allocator *a, sard_error *err) {
    FAIL_IF(!a || !a->alloc || !a->free, err, SARD_INVALID_ARGUMENT, "an allocator needs both alloc and free");
    mem_set_hooks(a);
    return SARD_OK;
}

sard_status sard_guard_files(sard_error *err) { return file_guard_install(err); }

void sard_free(void *p) { mem_free(p); }

const char *sard_version(void) { return VERSION; }
int sard_onnx_opset(void) { return OPSET_MAX; }
int sard_onnx_ir_version(void) { return ONNX_IR_MAX; }

sard_status sard_pool_new(int threads, sard_pool **out, sard_error *err) {
    FAIL_IF(threads < 0 || threads > 1024, err, SARD_INVALID_ARGUMENT, "%d threads: expected 0..1024", threads);
    pool *p;
    TRY(pool_new(threads, &p, err));
    *out = (sard_pool *)p;
    return SARD_OK;
}

void sard_pool_unref(sard_pool *p) {
    if (p) pool_unref((pool *)p);
}

int sard_pool_threads(const sard_pool *p) { return p ? pool_threads((const pool *)p) : 0; }
