/*
 * vec_winograd.c -- Winograd's transforms, compiled once per instruction set: lanes are channels.
 */
#include "base/isa_name.h"
#include "base/simd.h"
#include "kernels/conv/winograd.h"

INL void transform_in(const int R, const vf *d, vf *t) {
    if (R == 2) {
        t[0] = d[0] - d[2], t[1] = d[1] + d[2], t[2] = d[2] - d[1], t[3] = d[1] - d[3];
        return;
    }
    const vf a = f_fma(f_set(-4), d[2], d[4]), b = f_fma(f_set(-4), d[1], d[3]), c = d[4] - d[2], e = d[3] - d[1];
    t[0] = f_fma(f_set(4), d[0], f_fma(f_set(-5), d[2], d[4]));
    t[1] = a + b, t[2] = a - b;
    t[3] = f_fma(f_set(2), e, c), t[4] = f_fma(f_set(-2), e, c);
    t[5] = f_fma(f_set(4), d[1], f_fma(f_set(-5), d[3], d[5]));
}

INL void transform_out(const int R, const vf *m, vf *y) {
    if (R == 2) {
        y[0] = (m[0] + m[1]) + m[2], y[1] = (m[1] - m[2]) - m[3];
        return;
    }
    const vf s = m[1] + m[2], d = m[1] - m[2], p = m[3] + m[4], q = m[3] - m[4];
    y[0] = (m[0] + s) + p, y[1] = f_fma(f_set(2), q, d), y[2] = f_fma(f_set(4), p, s),
    y[3] = f_fma(f_set(8), q, d) + m[5];
}

INL void input(const int R, const winograd_in *q) {
    const int A = R + 2;
    for (int64_t c = 0; c < q->c; c += VL) {
        const int64_t n = q->c - c < VL ? q->c - c : VL;
        vf t[WINOGRAD_SIDE][WINOGRAD_SIDE], d[WINOGRAD_SIDE], o[WINOGRAD_SIDE];
        UNROLL for (int j = 0; j < A; j++) {
            const int64_t col = q->col + j;
            UNROLL for (int i = 0; i < A; i++) {
                const int64_t row = q->row + i;
                const bool inside = row >= 0 && row < q->h && col >= 0 && col < q->w;
                d[i] = inside ? f_ldn(q->x + (row * q->w + col) * q->c + c, n) : f_set(0);
            }
            transform_in(R, d, o);
            UNROLL for (int i = 0; i < A; i++) t[i][j] = o[i];
        }
        UNROLL for (int i = 0; i < A; i++) {
            transform_in(R, t[i], o);
            UNROLL for (int j = 0; j < A; j++) f_stn(q->v + (i * A + j) * q->v_step + c, n, o[j]);
        }
    }
}

INL void output(const int R, const winograd_out *q) {
    const int A = R + 2;
    for (int64_t c = 0; c < q->oc; c += VL) {
        const int64_t n = q->oc - c < VL ? q->oc - c : VL;
        vf t[WINOGRAD_SIDE][WINOGRAD_SIDE], d[WINOGRAD_SIDE], o[WINOGRAD_SIDE];
        UNROLL for (int j = 0; j < A; j++) {
            UNROLL for (int i = 0; i < A; i++) d[i] = f_ldn(q->m + (i * A + j) * q->m_step + c, n);
            transform_out(R, d, o);
            UNROLL for (int i = 0; i < R; i++) t[i][j] = o[i];
        }
        const vf bias = q->bias ? f_ldn(q->bias + c, n) : f_set(-0.0f); /* x + -0 is x */
        for (int i = 0; i < q->rows; i++) {
            transform_out(R, t[i], o);
            UNROLL for (int j = 0; j < R; j++) {
                if (j >= q->cols) break;
                vf v = o[j] + bias;
                if (q->add) v = v + f_ldn(q->add + i * q->add_row + j * q->oc + c, n);
                if (q->act == GEMM_ACT_RELU) v = f_max(f_set(0), v);
                if (q->act == GEMM_ACT_CLIP) v = f_min(f_set(q->hi), f_max(f_set(q->lo), v));
                f_stn(q->y + i * q->y_row + j * q->oc + c, n, v);
            }
        }
    }
}

static void in2(const winograd_in *t) { input(2, t); }
static void in4(const winograd_in *t) { input(4, t); }
static void out2(const winograd_out *t) { output(2, t); }
static void out4(const winograd_out *t) { output(4, t); }

const winograd_kernel K(winograd_f32) = {SIMD_LEVEL, in2, in4, out2, out4};
