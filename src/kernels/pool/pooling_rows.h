/* pooling_rows.h -- the inner loops of pooling, per instruction set and element type. */
#ifndef SARD_KERNELS_POOLING_ROWS_H
#define SARD_KERNELS_POOLING_ROWS_H

#include "kernels/pool/pooling.h"

typedef enum pooling_op {
    POOLING_OP_MAX,
    POOLING_OP_SUM,
    POOLING_OP_ABS,
    POOLING_OP_SQUARE,
    POOLING_OP_POW
} pooling_op;

typedef struct pooling_rows {
    /* y[i] = lowest value, or -0 */
    void (*start)(pooling_op op, int64_t n, void *y);
    /* y[i] = y[i] op x[off[t] + i] for t = 0, 1, ... */
    void (*taps)(pooling_op op, int64_t p, const void *x, const int64_t *off, int64_t taps, int64_t n, void *y);
    /* y[i] = y[i] op x[i * step] */
    void (*line)(pooling_op op, int64_t p, const void *x, int64_t step, int64_t n, void *y);
    /* y[i] = y[i] / divisor (sum), the root of it (others) */
    void (*finish)(pooling_op op, int64_t p, double divisor, int64_t n, void *y);
} pooling_rows;

enum { POOLING_F32, POOLING_F64, POOLING_I8, POOLING_U8, POOLING_TYPES };
typedef struct pooling_kernel {
    isa level;
    pooling_rows rows[POOLING_TYPES];
} pooling_kernel;
extern const pooling_kernel *const pooling_kernels[]; /* best first, NULL-terminated */

#endif
