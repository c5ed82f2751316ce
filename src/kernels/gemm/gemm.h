/*
 * gemm.h -- products of matrices: C = alpha * (A B) + (beta * bias), then an epilogue, in one defined order of sums.
 *
 * Order of every output element (one definition for every kernel that multiplies matrices): k is cut at multiples of
 * GEMM_SEGMENT; each segment is one chain of FMAs from +0 in increasing k; segment totals are added to +0 in increasing
 * order, also when there is only one. Then * alpha, + (beta * bias), + add, activation, each rounded; then the hook.
 * Tiles, packing, threads, instruction sets and the batch never show in a result. An empty k gives +0.
 *
 * A is read in place by rows when its columns are contiguous (a_cs == 1), else copied a tile at a time. B is used
 * packed: panels of GEMM_PANEL columns, panel[k][16], the last one filled up with zeros, the same on every instruction
 * set, so that one packed file serves all machines. Weights are packed once (gemm_pack_f32); a B that is not constant
 * is given as it is (b, b_rs, b_cs: a transposed B is a matter of strides) and packed by the run in its scratch.
 *
 * All memory is the caller's. The operands may have any alignment of their element type. C, and what the hook writes,
 * must not overlap A, B, bias or add. Threads: runs split their work over `par` (NULL: the caller alone); any number
 * of runs may share a pack.
 *
 * Integer products (i32, u32 and i64, u64, alike in two's complement) wrap.
 */
#ifndef SARD_KERNELS_GEMM_H
#define SARD_KERNELS_GEMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cpu.h"
#include "base/err.h"
#include "base/pool.h"

enum { GEMM_SEGMENT = 512, GEMM_PANEL = 16, GEMM_MAX_BATCH_RANK = 14 };

typedef enum gemm_act {
    GEMM_ACT_NONE,
    GEMM_ACT_RELU, /* 0 > x ? 0 : x */
    GEMM_ACT_CLIP  /* min(hi, max(lo, x)) as lo > x ? lo : x and hi < x ? hi : x; lo and hi are no NaN */
} gemm_act;

/*
 * Called on finished rectangles of the output while they are in cache: tile is element (row, col) of the output seen as
 * one matrix [batch * m, n] (batches in row-major order), rows ld_tile elements apart. It may change the tile in place,
 * and store elsewhere (results of another type). Calls come from any thread of the pool, each element in exactly one
 * call. When c is NULL the tile lies in scratch and what the hook stores is all that remains.
 */
typedef void (*gemm_hook)(const void *arg, void *tile, int64_t ld_tile, int64_t row, int64_t col, int64_t rows,
                          int64_t cols);

/* Zeroed by {0} means: alpha 0! Start from GEMM_EPILOGUE_NONE. bias: element (i, j) of [batch * m, n] is
 * bias[i * bias_rs + j * bias_cs]: per column (0, 1), per row (1, 0), scalar (0, 0), full (ld, 1), NULL: none.
 * add: + add[i * add_ld + j] (a residual), NULL: none. */
#define T       float
#define G(name) name##_f32
#include "kernels/gemm/gemm_types.inc"
#define T       double
#define G(name) name##_f64
#include "kernels/gemm/gemm_types.inc"
#define GEMM_EPILOGUE_NONE                                                                                             \
    { .alpha = 1, .beta = 1 }

/*
 * Packing. gemm_pack_bytes: size of a packed B of k x n elements of elem bytes (0 on overflow).
 * gemm_pack_f32: panels [from, to) of element (p, j) at b[p * rs + j * cs] to out (start of the whole pack). Returns
 * whether all of them are finite. Panels: gemm_panels(n).
 */
size_t gemm_pack_bytes(int64_t k, int64_t n, size_t elem);
static inline int64_t gemm_panels(int64_t n) { return n / GEMM_PANEL + (n % GEMM_PANEL != 0); }

/* Integers: C[i * c_rs + j] = sum over p of A[i * a_rs + p * a_cs] * B[p * b_rs + j * b_cs], wrapping; batches as
 * above. Signedness does not matter. No epilogue. */
typedef struct gemm_int {
    int64_t m, n, k;
    const void *a;
    int64_t a_rs, a_cs;
    const void *b;
    int64_t b_rs, b_cs;
    void *c;
    int64_t c_rs;
    int batch_rank;
    int64_t batch_dim[GEMM_MAX_BATCH_RANK];
    int64_t a_batch[GEMM_MAX_BATCH_RANK], b_batch[GEMM_MAX_BATCH_RANK], c_batch[GEMM_MAX_BATCH_RANK];
} gemm_int;
sard_status gemm_run_i32(const gemm_int *g, const par *par, sard_error *err);
sard_status gemm_run_i64(const gemm_int *g, const par *par, sard_error *err);

#endif
