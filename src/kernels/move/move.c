/*
 * move.c -- see move.h. The box is brought into a canonical form (axes ordered by the destination's stride, merged where
 * both sides allow), then cut into rows for par_for; a row is a memcpy, a strided gather or a blocked transpose.
 */
#include "kernels/move/move.h"

#include <stdbool.h>
#include <string.h>

/* Drops axes of extent 1, orders the others by destination stride (largest first), merges neighbours. False: empty. */
static bool canonical(const move_box *in, move_box *b) {
    b->rank = 0;
    for (int i = 0; i < in->rank; i++) {
        if (in->dim[i] == 0) return false;
        if (in->dim[i] == 1) continue;
        int k = b->rank++;
        for (; k > 0 && b->dst[k - 1] < in->dst[i]; k--)
            b->dim[k] = b->dim[k - 1], b->src[k] = b->src[k - 1], b->dst[k] = b->dst[k - 1];
        b->dim[k] = in->dim[i], b->src[k] = in->src[i], b->dst[k] = in->dst[i];
    }
    int n = 0;
    for (int i = 1; i < b->rank; i++) {
        if (b->dst[n] == b->dst[i] * b->dim[i] && b->src[n] == b->src[i] * b->dim[i]) {
            b->dim[n] *= b->dim[i], b->dst[n] = b->dst[i], b->src[n] = b->src[i];
        } else {
            n++;
            b->dim[n] = b->dim[i], b->dst[n] = b->dst[i], b->src[n] = b->src[i];
        }
    }
    b->rank = b->rank ? n + 1 : 0;
    return true;
}

/* n elements, strides in elements. */
static void copy_row(size_t size, const char *s, int64_t ss, char *d, int64_t ds, int64_t n) {
    if (ss == 1 && ds == 1) {
        memcpy(d, s, (size_t)n * size);
        return;
    }
#define ROW(bytes)                                                                                                     \
    case bytes:                                                                                                        \
        for (int64_t i = 0; i < n; i++) memcpy(d + i * ds * bytes, s + i * ss * bytes, bytes);                         \
        break
    switch (size) {
        ROW(1);
        ROW(2);
        ROW(4);
        ROW(8);
        ROW(16);
    default:
        for (int64_t i = 0; i < n; i++) memcpy(d + i * ds * (int64_t)size, s + i * ss * (int64_t)size, size);
    }
#undef ROW
}

/* rows x cols, the source contiguous along rows and the destination along cols: square blocks stay in L1. */
static void copy_transposed(size_t size, const char *s, int64_t s_col, char *d, int64_t d_row, int64_t rows,
                            int64_t cols) {
    enum { B = 16 };
#define BLOCK(type)                                                                                                    \
    {                                                                                                                  \
        for (int64_t r = r0; r < r1; r++)                                                                              \
            for (int64_t c = c0; c < c1; c++)                                                                          \
                memcpy(d + (r * d_row + c) * (int64_t)sizeof(type), s + (r + c * s_col) * (int64_t)sizeof(type),       \
                       sizeof(type));                                                                                  \
    }
    for (int64_t r0 = 0; r0 < rows; r0 += B)
        for (int64_t c0 = 0; c0 < cols; c0 += B) {
            int64_t r1 = r0 + B < rows ? r0 + B : rows, c1 = c0 + B < cols ? c0 + B : cols;
            switch (size) {
            case 1:
                BLOCK(uint8_t) break;
            case 2:
                BLOCK(uint16_t) break;
            case 4:
                BLOCK(uint32_t) break;
            case 8:
                BLOCK(uint64_t) break;
            default:
                for (int64_t r = r0; r < r1; r++)
                    copy_row(size, s + (r + c0 * s_col) * (int64_t)size, s_col, d + (r * d_row + c0) * (int64_t)size, 1,
                             c1 - c0);
            }
        }
#undef BLOCK
}

typedef struct job {
    move_box b;
    size_t size;
    const char *src;
    char *dst;
    int inner;     /* axes done inside one index of the loop: 1, or 2 for a transpose */
    int64_t count; /* product of the outer axes */
} job;

static void one(const job *j, const char *s, char *d) {
    const move_box *b = &j->b;
    int k = b->rank - j->inner;
    if (j->inner == 2)
        copy_transposed(j->size, s, b->src[k + 1], d, b->dst[k], b->dim[k], b->dim[k + 1]);
    else
        copy_row(j->size, s, b->src[k], d, b->dst[k], b->dim[k]);
}

static sard_status some(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    (void)worker, (void)err;
    const job *j = arg;
    int outer = j->b.rank - j->inner;
    int64_t at[MOVE_MAX_RANK], rest = from, s = 0, d = 0;
    for (int a = outer - 1; a >= 0; a--) {
        at[a] = rest % j->b.dim[a], rest /= j->b.dim[a];
        s += at[a] * j->b.src[a], d += at[a] * j->b.dst[a];
    }
    for (int64_t i = from; i < to; i++) {
        one(j, j->src + s * (int64_t)j->size, j->dst + d * (int64_t)j->size);
        for (int a = outer - 1; a >= 0; a--) {
            s += j->b.src[a], d += j->b.dst[a];
            if (++at[a] < j->b.dim[a]) break;
            s -= j->b.src[a] * j->b.dim[a], d -= j->b.dst[a] * j->b.dim[a], at[a] = 0;
        }
    }
    return SARD_OK;
}

/* Splits one long axis in front, so that a copy of a single row runs in parallel, too. */
static void split_long_row(move_box *b, size_t size) {
    enum { PIECE = 1 << 18 };
    int64_t piece = (int64_t)(PIECE / size), n = b->rank ? b->dim[b->rank - 1] : 1;
    if (b->rank == 0 || b->rank == MOVE_MAX_RANK || n < 2 * piece) return;
    while (n % piece) piece--; /* an exact divisor keeps the loop simple; long rows have one nearby or stay whole */
    if (piece < 4096) return;
    int k = b->rank - 1;
    b->dim[k + 1] = piece, b->src[k + 1] = b->src[k], b->dst[k + 1] = b->dst[k];
    b->dim[k] = n / piece, b->src[k] *= piece, b->dst[k] *= piece;
    b->rank++;
}

sard_status move_copy(const move_box *box, size_t size, const void *src, void *dst, const par *p, sard_error *err) {
    job j = {.size = size, .src = src, .dst = dst, .inner = 1, .count = 1};
    if (!canonical(box, &j.b)) return SARD_OK;
    if (j.b.rank == 0) {
        memcpy(dst, src, size);
        return SARD_OK;
    }
    int r = j.b.rank;
    /* the axis along which the source is contiguous, when it is not the last one, goes next to it: a transpose */
    if (r > 1 && j.b.dst[r - 1] == 1 && j.b.src[r - 1] != 1) {
        for (int a = 0; a < r - 1; a++)
            if (j.b.src[a] == 1 && j.b.dim[a] >= 4) {
                int64_t n = j.b.dim[a], s = j.b.src[a], d = j.b.dst[a];
                for (int q = a; q < r - 2; q++)
                    j.b.dim[q] = j.b.dim[q + 1], j.b.src[q] = j.b.src[q + 1], j.b.dst[q] = j.b.dst[q + 1];
                j.b.dim[r - 2] = n, j.b.src[r - 2] = s, j.b.dst[r - 2] = d;
                j.inner = 2;
                break;
            }
    }
    if (j.inner == 1) split_long_row(&j.b, size);
    int64_t piece = 1;
    for (int a = 0; a < j.b.rank; a++) *(a < j.b.rank - j.inner ? &j.count : &piece) *= j.b.dim[a];
    int64_t grain = (1 << 16) / (piece * (int64_t)size);
    return par_for(p, j.count, grain > 1 ? grain : 1, some, &j, err);
}

void move_fill(const move_box *box, size_t size, const void *element, void *dst) {
    move_box flat = *box, b;
    for (int a = 0; a < flat.rank; a++) flat.src[a] = flat.dst[a]; /* merged as the destination allows */
    if (!canonical(&flat, &b)) return;
    job j = {.b = b, .size = size, .inner = 1, .count = 1};
    for (int a = 0; a < j.b.rank; a++) j.b.src[a] = 0;
    if (j.b.rank == 0) {
        memcpy(dst, element, size);
        return;
    }
    for (int a = 0; a < j.b.rank - 1; a++) j.count *= j.b.dim[a];
    j.src = element, j.dst = dst;
    (void)some(&j, 0, j.count, 0, NULL);
}
