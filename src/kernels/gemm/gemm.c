/*
 * gemm.c -- products of matrices: the walk over register tiles, packing, and the split into tasks (see gemm.h).
 *
 * A task is a block of panels times a chunk of rows. The block of packed B (one segment of k, when k is long) stays in
 * the second-level cache while all rows of the chunk pass; the next block is asked for meanwhile, a little per step.
 */
#include <string.h>

#include "base/mem.h"
#include "kernels/gemm/gemm_tile.h"

const double gemm_zeros[GEMM_SEGMENT] = {0};

int64_t gemm_runs(gemm_run *out, int64_t off, int64_t k, int64_t done) {
    int64_t n = 0;
    while (k > 0) {
        int64_t room = GEMM_SEGMENT - done % GEMM_SEGMENT, len = k < room ? k : room;
        out[n++] = (gemm_run){.off = off, .len = (int32_t)len, .valid = ~0u, .end = len == room};
        off += len, k -= len, done += len;
    }
    return n;
}

size_t gemm_pack_bytes(int64_t k, int64_t n, size_t elem) {
    size_t r;
    if (k < 0 || n < 0) return 0;
    if (mul_size((size_t)gemm_panels(n), GEMM_PANEL * elem, &r) || mul_size(r, (size_t)k, &r)) return 0;
    return r > SIZE_MAX / 4 ? 0 : r;
}

static int64_t ceil_div(int64_t a, int64_t b) { return a / b + (a % b != 0); }
static size_t round64(size_t n) { return (n + 63) & ~(size_t)63; }

#define KERNEL(level, name)   extern const gemm_kernel_f32 name;
#define KERNEL64(level, name) extern const gemm_kernel_f64 name;
#include "kernels/gemm/list.inc"
#undef KERNEL
#undef KERNEL64
const gemm_kernel_f32 *const gemm_kernels_f32[] = {
#define KERNEL(level, name) &name,
#define KERNEL64(level, name)
#include "kernels/gemm/list.inc"
#undef KERNEL
#undef KERNEL64
    NULL};
const gemm_kernel_f64 *const gemm_kernels_f64[] = {
#define KERNEL(level, name)
#define KERNEL64(level, name) &name,
#include "kernels/gemm/list.inc"
#undef KERNEL
#undef KERNEL64
    NULL};

#define T       float
#define BITS    uint32_t
#define INFBITS 0x7f800000u
#define G(name) name##_f32
#include "kernels/gemm/walk.inc"

#include "kernels/gemm/drive.inc"
#define T       double
#define BITS    uint64_t
#define INFBITS 0x7ff0000000000000u
#define G(name) name##_f64
#include "kernels/gemm/walk.inc"

#include "kernels/gemm/drive.inc"
