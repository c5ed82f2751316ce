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

sard_status sard_pool_new_with(const sard_pool_options *o, sard_pool **out, sard_error *err) {
    FAIL_IF(!o || o->size < sizeof *o, err, SARD_INVALID_ARGUMENT, "the pool's options are NULL or too small");
    FAIL_IF(!o->create != !o->join, err, SARD_INVALID_ARGUMENT, "a pool needs both create and join, or none of them");
    pool *p;
    if (o->create) {
        FAIL_IF(o->threads < 0 || o->threads > 1024, err, SARD_INVALID_ARGUMENT, "%d threads: expected 0..1024",
                o->threads);
        TRY(pool_new_hooked(o->threads, &(pool_hooks){o->user, o->create, o->join}, &p, err));
        *out = (sard_pool *)p;
    } else {
        TRY(sard_pool_new(o->threads, out, err));
    }
    if (o->spin_us >= 0) pool_spin_us((pool *)*out, o->spin_us);
    return SARD_OK;
}

void sard_pool_unref(sard_pool *p) {
    if (p) pool_unref((pool *)p);
}

int sard_pool_threads(const sard_pool *p) { return p ? pool_threads((const pool *)p) : 0; }
