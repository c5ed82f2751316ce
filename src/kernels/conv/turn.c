/*
 * turn.c -- row-major images to channels-last and back: square blocks, so that both sides are touched by whole cache
 * lines.
 */
#include "kernels/conv/conv.h"

enum { SIDE = 16, PIXELS = 256 }; /* of a block; pixels per task step */

typedef struct turn {
    int64_t rows, cols; /* of the source, per image: dst[col * rows + row] = src[row * cols + col] */
    int64_t steps;      /* stretches of `cols` per image */
    const float *src;
    float *dst;
} turn;

static void block(const turn *t, const float *src, float *dst, int64_t r, int64_t c, int64_t r1, int64_t c1) {
    if (r1 - r == SIDE && c1 - c == SIDE) {
        float b[SIDE][SIDE];
        for (int i = 0; i < SIDE; i++)
            for (int k = 0; k < SIDE; k++) b[k][i] = src[(r + i) * t->cols + c + k];
        for (int k = 0; k < SIDE; k++)
            for (int i = 0; i < SIDE; i++) dst[(c + k) * t->rows + r + i] = b[k][i];
        return;
    }
    for (int64_t k = c; k < c1; k++)
        for (int64_t i = r; i < r1; i++) dst[k * t->rows + i] = src[i * t->cols + k];
}

static sard_status part(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    (void)worker, (void)err;
    const turn *t = arg;
    for (int64_t q = from; q < to; q++) {
        const int64_t image = q / t->steps * t->rows * t->cols, c0 = q % t->steps * PIXELS;
        const int64_t c1 = t->cols - c0 < PIXELS ? t->cols : c0 + PIXELS;
        for (int64_t r = 0; r < t->rows; r += SIDE)
            for (int64_t c = c0; c < c1; c += SIDE)
                block(t, t->src + image, t->dst + image, r, c, t->rows - r < SIDE ? t->rows : r + SIDE,
                      c1 - c < SIDE ? c1 : c + SIDE);
    }
    return SARD_OK;
}

static sard_status run(int64_t n, int64_t rows, int64_t cols, const float *src, float *dst, const par *par,
                       sard_error *err) {
    if (n == 0 || rows == 0 || cols == 0) return SARD_OK;
    turn t = {rows, cols, (cols + PIXELS - 1) / PIXELS, src, dst};
    const int64_t bytes = (cols < PIXELS ? cols : PIXELS) * rows * (int64_t)sizeof(float);
    return par_for(par, n * t.steps, bytes > 65536 ? 1 : 65536 / bytes + 1, part, &t, err);
}

sard_status conv_to_last(int64_t n, int64_t channels, int64_t pixels, const float *src, float *dst, const par *par,
                         sard_error *err) {
    return run(n, channels, pixels, src, dst, par, err);
}

sard_status conv_to_row(int64_t n, int64_t channels, int64_t pixels, const float *src, float *dst, const par *par,
                        sard_error *err) {
    return run(n, pixels, channels, src, dst, par, err);
}
