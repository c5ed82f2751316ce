/*
 * plan.h -- a reduction sorted into kept, other reduced and trailing reduced dimensions; private to this family.
 */
#ifndef SARD_KERNELS_REDUCE_PLAN_H
#define SARD_KERNELS_REDUCE_PLAN_H

#include "kernels/reduce/kernels.h"
#include "kernels/reduce/reduce.h"

typedef struct reduce_dims {
    int n;
    int64_t count; /* product of the extents */
    int64_t dim[REDUCE_MAX_RANK], in[REDUCE_MAX_RANK], out[REDUCE_MAX_RANK];
} reduce_dims;

typedef struct reduce_plan {
    const reduce_args *a;
    const reduce_kernels *k;
    reduce_dims kept;
    reduce_dims other; /* reduced, before the trailing ones; without trailing axes: all of them are in seq */
    reduce_dims seq;   /* what is walked as one sequence: the trailing axes, or the other ones where none trails */
    int order;         /* ORDER_... of the terms */
    int64_t count;     /* elements of one output */
    int lanes;         /* index in kept of a dimension with input stride 1, or -1 */
} reduce_plan;

sard_status reduce_run_on(const reduce_kernels *k, const reduce_args *a, const par *threads, sard_error *err);
sard_status reduce_plan_init(reduce_plan *p, const reduce_args *a, sard_error *err);
/* Work on outputs [from, to) of p->kept, in order. */
sard_status reduce_outputs_int(const reduce_plan *p, int64_t from, int64_t to);
void reduce_outputs_f32(const reduce_plan *p, int64_t from, int64_t to);
void reduce_outputs_f64(const reduce_plan *p, int64_t from, int64_t to);
/* Blocks of one long row of a native type that starts at element `at`, and the joining of their totals into output `at`. */
void reduce_block_f32(const reduce_plan *p, int64_t at, int64_t block, void *total);
void reduce_block_f64(const reduce_plan *p, int64_t at, int64_t block, void *total);
void reduce_totals_f32(const reduce_plan *p, int64_t at, const void *totals, int64_t n);
void reduce_totals_f64(const reduce_plan *p, int64_t at, const void *totals, int64_t n);
/* Work on pieces [from, to) of up to REDUCE_WIDTH neighbouring outputs along p->lanes. */
void reduce_columns_f32(const reduce_plan *p, int64_t from, int64_t to);
void reduce_columns_f64(const reduce_plan *p, int64_t from, int64_t to);
enum { REDUCE_WIDTH = 64, REDUCE_TILE = 1024 };

#endif
