/*
 * rows.c -- layer and RMS normalisation: rows of contiguous elements shared among threads. See norm.h.
 */
#include <string.h>

#include "base/mem.h"
#include "kernels/norm/kernels.h"
#include "kernels/pointwise/scalar.h"

void norm_widen(const norm_kernels *k, sard_dtype t, const void *from, int64_t n, void *to) {
    if (t == SARD_F32 || t == SARD_F64)
        memcpy(to, from, (size_t)(n * (t == SARD_F32 ? 4 : 8)));
    else
        k->f32.widen(t == SARD_BF16, from, n, to);
}
void norm_narrow(const norm_kernels *k, sard_dtype t, const void *from, int64_t n, void *to) {
    if (t == SARD_F32 || t == SARD_F64)
        memcpy(to, from, (size_t)(n * (t == SARD_F32 ? 4 : 8)));
    else
        k->f32.narrow(t == SARD_BF16, from, n, to);
}

typedef struct job {
    const norm_rows_args *a;
    const norm_kernels *k;
    const void *scale, *bias; /* in the type of computation */
} job;

static bool native(sard_dtype t) { return t == SARD_F32 || t == SARD_F64; }

/* Rows from r on, x to y in the type of computation (they may be the same), n apart. */
static void run(const job *j, int64_t r, int64_t rows, const void *x, void *y) {
    const norm_rows_args *a = j->a;
    if (a->type == SARD_F64)
        j->k->f64.rows(a->rms, x, a->n, y, a->n, rows, a->n, a->eps, j->scale, j->bias,
                       a->mean ? (double *)a->mean + r : NULL, a->inv ? (double *)a->inv + r : NULL);
    else
        j->k->f32.rows(a->rms, x, a->n, y, a->n, rows, a->n, (float)a->eps, j->scale, j->bias,
                       a->mean ? (float *)a->mean + r : NULL, a->inv ? (float *)a->inv + r : NULL);
}

static sard_status work(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    const job *j = arg;
    const norm_rows_args *a = j->a;
    (void)worker;
    int64_t bytes = a->n * (pw_bits(a->type) / 8);
    const char *x = (const char *)a->x + from * bytes;
    char *y = (char *)a->y + from * bytes;
    if (native(a->type)) {
        run(j, from, to - from, x, y);
        return SARD_OK;
    }
    size_t need = (size_t)a->n * sizeof(float);
    float *row = mem_alloc(need);
    if (!row) return err_nomem(err, need);
    for (int64_t r = from; r < to; r++, x += bytes, y += bytes) {
        norm_widen(j->k, a->type, x, a->n, row);
        run(j, r, 1, row, row);
        norm_narrow(j->k, a->type, row, a->n, y);
    }
    mem_free(row);
    return SARD_OK;
}

/* scale or bias in the type of computation: itself, or a copy in *own. */
static sard_status param(const norm_rows_args *a, const norm_kernels *k, const void *p, void **own, const void **out,
                         sard_error *err) {
    bool f64 = a->type == SARD_F64;
    *out = p;
    if (!p || a->param == (f64 ? SARD_F64 : SARD_F32)) return SARD_OK;
    FAIL_IF(f64 || a->param == SARD_F64, err, SARD_UNSUPPORTED, "normalisation: scale of type %d with input of type %d",
            (int)a->param, (int)a->type);
    size_t bytes = (size_t)a->n * 4;
    *own = mem_alloc(bytes);
    if (!*own) return err_nomem(err, bytes);
    norm_widen(k, a->param, p, a->n, *own);
    *out = *own;
    return SARD_OK;
}

sard_status norm_rows_on(const norm_kernels *k, const norm_rows_args *a, const par *threads, sard_error *err) {
    FAIL_IF(!pw_is_float(a->type) || !pw_is_float(a->param), err, SARD_UNSUPPORTED, "normalisation of element type %d",
            (int)a->type);
    int64_t bytes;
    FAIL_IF(a->n < 0 || a->rows < 0 || mul_i64(a->n, 8, &bytes), err, SARD_INVALID_ARGUMENT,
            "normalisation: shape too large");
    if (a->rows == 0) return SARD_OK;
    job j = {a, k, NULL, NULL};
    void *own[2] = {NULL, NULL};
    sard_status s = param(a, k, a->scale, &own[0], &j.scale, err);
    if (s == SARD_OK) s = param(a, k, a->bias, &own[1], &j.bias, err);
    int64_t grain = a->n < 32768 ? 32768 / (a->n + 1) : 1;
    if (s == SARD_OK)
        s = a->rows <= grain ? work(&j, 0, a->rows, 0, err) : par_for(threads, a->rows, grain, work, &j, err);
    mem_free(own[0]), mem_free(own[1]);
    return s;
}

sard_status norm_rows(const norm_rows_args *a, const par *threads, sard_error *err) {
    return norm_rows_on(norm_kernels_best(), a, threads, err);
}
