/*
 * exec.h -- the compiled model, plans, runs.
 *
 * exec_compile turns an optimised module into steps (one per node or fused group) with prepared kernels. Per distinct
 * set of input shapes a plan gives every value its place in one arena. A run takes an arena, walks the plan's steps and
 * gives fresh values. A compiled model never changes but for its caches of plans; any number of threads run it at once.
 */
#ifndef SARD_EXEC_EXEC_H
#define SARD_EXEC_EXEC_H

#include "base/pool.h"
#include "graph/op.h"

typedef struct exec_model exec_model;
typedef struct exec_profile exec_profile;

typedef struct exec_options {
    bool flush_denormals;
    bool overridable;      /* some constants may be replaced per run: not packed */
    sard_allocator memory; /* of runs; no functions: the process's */
} exec_options;

/* The module is borrowed and must outlive the compiled model. */
sard_status exec_compile(const module *m, const exec_options *o, exec_model **out, sard_error *err);
void exec_free(exec_model *x);
size_t exec_packed_bytes(const exec_model *x);
uint64_t exec_steps(const exec_model *x);

typedef struct exec_args {
    pool *pool;
    run_ctl *ctl;
    exec_profile *profile; /* may be NULL */
    sard_value *const *in; /* one per main-graph input, checked by the caller for dtype and shape; NULL: the default */
    sard_value **out;      /* one per main-graph output: NULL (a new value) or the caller's tensor to fill */
} exec_args;
sard_status exec_run(exec_model *x, const exec_args *a, sard_error *err);

typedef struct exec_size {
    double flops;
    uint64_t arena_bytes, output_bytes;
    bool exact;
} exec_size;
sard_status exec_estimate(exec_model *x, sard_value *const *in, exec_size *out, sard_error *err);

/* graph_eval_fn: runs one node (with its bodies) on constants. arg: NULL or a run_ctl with the limits to keep. */
sard_status exec_eval(void *arg, const graph *g, node_id n, sard_value *const *in, uint32_t n_in, sard_value **out,
                      uint32_t n_out, sard_error *err);

sard_status exec_profile_new(exec_profile **out, sard_error *err);
void exec_profile_free(exec_profile *p);
sard_status exec_profile_json(const exec_profile *p, strbuf *out, sard_error *err);

#endif
