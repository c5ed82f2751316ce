/*
 * gemm_tile.h -- the register tile below gemm.h, and the walk over tiles, for families that multiply matrices whose
 * rows they find themselves (convolution, attention, recurrent layers).
 *
 * A tile is a few rows times one or more panels of 16 columns. A row is an offset into `a`; k is a list of runs: a run
 * is `len` products on contiguous elements of each row, at row offset + off. So a matrix has one run per segment, and a
 * convolution one per stretch of kernel taps.
 */
#ifndef SARD_KERNELS_GEMM_TILE_H
#define SARD_KERNELS_GEMM_TILE_H

#include "kernels/gemm/gemm.h"

enum {
    GEMM_MAX_ROWS = 14,        /* of any tile */
    GEMM_MAX_WIDE = 4,         /* panels of any tile */
    GEMM_FEW = 4,              /* rows up to which a product is bound by memory: several panels as parallel streams */
    GEMM_BLOCK_BYTES = 600000, /* of packed B kept in the second-level cache while rows pass */
    GEMM_BLOCK_PANELS = 32     /* and no more than so many panels: a hook's tile stays in the first-level cache */
};

typedef struct gemm_run {
    int64_t off;
    int32_t len;    /* 1 .. GEMM_SEGMENT */
    uint32_t valid; /* bit m: row m of the tile has this run; the others read zeros */
    bool skip;      /* left out for all rows */
    bool end;       /* the last run of a segment */
} gemm_run;

/* The runs of k contiguous elements from off: writes at most k / GEMM_SEGMENT + 2 runs, all rows valid, given that
 * `done` products of the sum come before. Returns how many. */
int64_t gemm_runs(gemm_run *out, int64_t off, int64_t k, int64_t done);

extern const double gemm_zeros[GEMM_SEGMENT];

#define T       float
#define G(name) name##_f32
#include "kernels/gemm/gemm_tile_types.inc"
#define T       double
#define G(name) name##_f64
#include "kernels/gemm/gemm_tile_types.inc"

/* The kernels of this build, by list.inc, best first; NULL-terminated. And the best one this process may use. */
extern const gemm_kernel_f32 *const gemm_kernels_f32[];
extern const gemm_kernel_f64 *const gemm_kernels_f64[];
const gemm_kernel_f32 *gemm_kernel_best_f32(void);
const gemm_kernel_f64 *gemm_kernel_best_f64(void);

#endif
