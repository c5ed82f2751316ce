/*
 * kernel_context.c -- one execution of a custom operator's kernel.
 *
 * Inputs are all made ready before the kernel is called, so that it may look at them on several threads. An output is
 * made when the kernel asks for it, in the engine's memory, or as strings that are handed over at the end.
 */
#include <stdlib.h>
#include <string.h>

#include "ort/custom.h"
#include "ort/guard.h"

struct OrtKernelContext {
    sard_op_ctx *c;
    const custom_kernel *k;
    OrtValue **in, **out; /* NULL: left out; not asked for yet */
    pthread_mutex_t lock; /* of out and of the engine's outputs */
};

/* ---- calling a kernel --------------------------------------------------------------------------------------------- */

static OrtStatus *ready_inputs(OrtKernelContext *c) {
    for (size_t i = 0; i < c->k->info->n_in; i++) {
        sard_value *v = sard_op_input(c->c, i);
        if (v) TRY_ORT(ort_value_new(sard_value_ref(v), &c->in[i]));
    }
    return NULL;
}

static OrtStatus *call(void *arg) {
    OrtKernelContext *c = arg;
    const OrtCustomOp *op = c->k->op;
    if (custom_has_v2(op) && op->KernelComputeV2) return op->KernelComputeV2(c->k->kernel, c);
    REQUIRE(op->KernelCompute, ORT_INVALID_ARGUMENT, "the operator has no KernelCompute");
    op->KernelCompute(c->k->kernel, c);
    return NULL;
}

/* Strings become an output when they are complete; the engine has the others. */
static sard_status give_strings(OrtKernelContext *c, sard_error *err) {
    for (size_t i = 0; i < c->k->info->n_out; i++) {
        sard_value *v;
        if (!c->out[i] || !ort_value_is_strings(c->out[i])) continue;
        OrtStatus *bad = ort_value_get(c->out[i], &v);
        if (bad) return ort_to_error(bad, err);
        const sard_status st = sard_op_give(c->c, i, v, err);
        if (st != SARD_OK) return st;
    }
    return SARD_OK;
}

sard_status group_run(void *user, void *state, sard_op_ctx *op, sard_error *err) {
    (void)user;
    const custom_kernel *k = state;
    OrtKernelContext c = {.c = op, .k = k};
    const size_t n = k->info->n_in + k->info->n_out;
    OrtValue *few[16] = {NULL}, **slots = n <= 16 ? few : calloc(n, sizeof *slots);
    if (!slots) return ort_to_error(ort_no_memory(n * sizeof *slots), err);
    c.in = slots;
    c.out = slots + k->info->n_in;
    pthread_mutex_init(&c.lock, NULL);
    OrtStatus *bad = ready_inputs(&c);
    if (!bad) bad = ort_guarded(call, &c);
    const sard_status st = bad ? ort_to_error(bad, err) : give_strings(&c, err);
    pthread_mutex_destroy(&c.lock);
    for (size_t i = 0; i < n; i++) ort_ReleaseValue(slots[i]);
    if (slots != few) free(slots);
    return st;
}

/* ---- inputs and outputs ------------------------------------------------------------------------------------------- */

OrtStatus *ort_KernelContext_GetInputCount(const OrtKernelContext *c, size_t *out) {
    NOT_NULL(c);
    NOT_NULL(out);
    *out = c->k->info->n_in;
    return NULL;
}

OrtStatus *ort_KernelContext_GetOutputCount(const OrtKernelContext *c, size_t *out) {
    NOT_NULL(c);
    NOT_NULL(out);
    *out = c->k->info->n_out;
    return NULL;
}

/* *out is lent, NULL for an input that is left out or beyond the last one. */
OrtStatus *ort_KernelContext_GetInput(const OrtKernelContext *c, size_t i, const OrtValue **out) {
    NOT_NULL(c);
    NOT_NULL(out);
    *out = i < c->k->info->n_in ? c->in[i] : NULL;
    return NULL;
}

/* Memory for an output of the node that nobody reads. */
static OrtStatus *spare(sard_dtype t, const int64_t *dims, size_t rank, OrtValue **out) {
    return ort_CreateTensorAsOrtValue(ort_default_allocator(), dims, rank, ort_type_from(t), out);
}

static OrtStatus *make_output(OrtKernelContext *c, size_t i, const int64_t *dims, size_t rank, OrtValue **out) {
    const sard_dtype t = c->k->out_types[i];
    sard_value *v;
    sard_error err;
    REQUIRE(t != SARD_UNDEFINED, ORT_FAIL, "KernelContext_GetOutput: the element type of output %zu is not known", i);
    if (t == SARD_STRING) return spare(t, dims, rank, out);
    REQUIRE(rank <= INT32_MAX, ORT_INVALID_ARGUMENT, "KernelContext_GetOutput: %zu dimensions are too many", rank);
    const sard_status st = sard_op_output(c->c, i, t, (int)rank, dims, &v, &err);
    if (st != SARD_OK) return ort_from_error(st, &err, false);
    return v ? ort_value_new(sard_value_ref(v), out) : spare(t, dims, rank, out);
}

static bool same_shape(const OrtValue *v, const int64_t *dims, size_t rank) {
    ONNXTensorElementDataType type;
    const int64_t *have;
    size_t n;
    OrtStatus *st = ort_GetTensorElementTypeAndShapeDataReference(v, &type, &have, &n);
    ort_ReleaseStatus(st);
    return !st && n == rank && (!n || memcmp(have, dims, n * sizeof *dims) == 0);
}

/* *out is lent, NULL for an output that is left out or beyond the last one. Asked again, it is the same one. */
OrtStatus *ort_KernelContext_GetOutput(OrtKernelContext *c, size_t i, const int64_t *dims, size_t rank,
                                       OrtValue **out) {
    NOT_NULL(c);
    NOT_NULL(out);
    if (rank) NOT_NULL(dims);
    *out = NULL;
    if (i >= c->k->info->n_out || !c->k->info->out[i].name) return NULL;
    OrtStatus *st = NULL;
    pthread_mutex_lock(&c->lock);
    if (!c->out[i])
        st = make_output(c, i, dims, rank, &c->out[i]);
    else if (!same_shape(c->out[i], dims, rank))
        st = ort_fail(ORT_INVALID_ARGUMENT, "KernelContext_GetOutput: output %zu was made with another shape", i);
    if (!st) *out = c->out[i];
    pthread_mutex_unlock(&c->lock);
    return st;
}

/* The run's tensor for the output, when its caller gave one, or what the kernel made of it before; else NULL. */
OrtStatus *ort_KernelContext_GetPreallocatedOutput(const OrtKernelContext *context, size_t i, OrtValue **out) {
    OrtKernelContext *c = (OrtKernelContext *)(uintptr_t)context;
    NOT_NULL(c);
    NOT_NULL(out);
    REQUIRE(i < c->k->info->n_out, ORT_INVALID_ARGUMENT, "KernelContext_GetPreallocatedOutput: output %zu of %zu", i,
            c->k->info->n_out);
    OrtStatus *st = NULL;
    sard_value *v = NULL;
    sard_error err;
    pthread_mutex_lock(&c->lock);
    if (!c->out[i] && c->k->info->out[i].name) {
        const sard_status got = sard_op_given(c->c, i, &v, &err);
        if (got != SARD_OK)
            st = ort_from_error(got, &err, false);
        else if (v)
            st = ort_value_new(sard_value_ref(v), &c->out[i]);
    }
    *out = st ? NULL : c->out[i];
    pthread_mutex_unlock(&c->lock);
    return st;
}

/* ---- memory, threads, log ----------------------------------------------------------------------------------------- */

static OrtStatus *need_cpu(const char *who, const OrtMemoryInfo *info) {
    REQUIRE(info->device == OrtMemoryInfoDeviceType_CPU, ORT_INVALID_ARGUMENT,
            "%s: this build has memory of the CPU, not of '%s'", who, info->name);
    return NULL;
}

OrtStatus *ort_KernelContext_GetAllocator(const OrtKernelContext *c, const OrtMemoryInfo *info, OrtAllocator **out) {
    NOT_NULL(c);
    NOT_NULL(info);
    NOT_NULL(out);
    TRY_ORT(need_cpu("KernelContext_GetAllocator", info));
    *out = ort_default_allocator();
    return NULL;
}

/* The kernel frees it with the allocator of that memory. */
OrtStatus *ort_KernelContext_GetScratchBuffer(const OrtKernelContext *c, const OrtMemoryInfo *info, size_t bytes,
                                              void **out) {
    NOT_NULL(c);
    NOT_NULL(info);
    NOT_NULL(out);
    TRY_ORT(need_cpu("KernelContext_GetScratchBuffer", info));
    *out = NULL;
    return bytes ? ort_AllocatorAlloc(ort_default_allocator(), bytes, out) : NULL;
}

OrtStatus *ort_KernelContext_GetLogger(const OrtKernelContext *c, const OrtLogger **out) {
    NOT_NULL(c);
    NOT_NULL(out);
    *out = &c->k->info->set->logger;
    return NULL;
}

typedef struct loop {
    void (*fn)(void *user, size_t i);
    void *user;
    size_t from, to;
} loop;

static OrtStatus *run_steps(void *arg) {
    const loop *l = arg;
    for (size_t i = l->from; i < l->to; i++) l->fn(l->user, i);
    return NULL;
}

static sard_status run_piece(void *arg, int64_t from, int64_t to, sard_error *err) {
    loop piece = *(const loop *)arg;
    piece.from = (size_t)from;
    piece.to = (size_t)to;
    return ort_to_error(ort_guarded(run_steps, &piece), err);
}

OrtStatus *ort_KernelContext_ParallelFor(const OrtKernelContext *c, void (*fn)(void *user, size_t i), size_t total,
                                         size_t num_batch, void *user) {
    NOT_NULL(c);
    NOT_NULL(fn);
    REQUIRE(total <= INT64_MAX, ORT_INVALID_ARGUMENT, "KernelContext_ParallelFor: %zu steps are too many", total);
    sard_error err;
    loop l = {fn, user, 0, 0};
    const size_t grain = num_batch && total ? (total - 1) / num_batch + 1 : 1;
    const sard_status st = sard_op_parallel(c->c, (int64_t)total, (int64_t)grain, run_piece, &l, &err);
    return st == SARD_OK ? NULL : ort_from_error(st, &err, false);
}

/* The CPU has no stream: that is no error. */
OrtStatus *ort_KernelContext_GetGPUComputeStream(const OrtKernelContext *c, void **out) {
    NOT_NULL(c);
    NOT_NULL(out);
    *out = NULL;
    return NULL;
}

OrtStatus *ort_KernelContext_GetSyncStream(const OrtKernelContext *c, OrtSyncStream **out) {
    NOT_NULL(c);
    NOT_NULL(out);
    *out = NULL;
    return NULL;
}

OrtStatus *ort_KernelContext_GetResource(const OrtKernelContext *c, int version, int id, void **out) {
    NOT_NULL(c);
    NOT_NULL(out);
    *out = NULL;
    return ort_fail(ORT_INVALID_ARGUMENT, "KernelContext_GetResource: the CPU has no resource %d (version %d)", id,
                    version);
}

sard_pool *custom_pool(const OrtKernelContext *c) { return sard_op_pool(c->c); }
