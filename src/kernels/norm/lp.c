/*
 * lp.c -- division by the L1 or L2 norm along an axis. See norm.h.
 */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "kernels/norm/kernels.h"
#include "kernels/pointwise/scalar.h"
#include "kernels/pointwise/stage.h"

typedef struct job {
    const norm_lp_args *a;
    const norm_kernels *k;
    int64_t n, in, out, dim[16], items;
    bool trailing;
} job;

/* Along an axis that is not the last: increasing index. */
static float in_order_f32(int p, const float *x, int64_t n) {
    float s = -0.f;
    for (int64_t i = 0; i < n; i++) s = s + (p == 1 ? fabsf(x[i]) : x[i] * x[i]);
    return s;
}
static double in_order_f64(int p, const double *x, int64_t n) {
    double s = -0.0;
    for (int64_t i = 0; i < n; i++) s = s + (p == 1 ? fabs(x[i]) : x[i] * x[i]);
    return s;
}

static void one(const job *j, void *row) {
    int p = j->a->p;
    if (j->a->type == SARD_F64) {
        double s = j->trailing ? j->k->f64.power(p, row, j->n) : in_order_f64(p, row, j->n);
        if (p == 2) s = sqrt(s);
        if (s == 0)
            memset(row, 0, (size_t)j->n * 8);
        else
            j->k->f64.divide(row, row, j->n, s);
    } else {
        float s = j->trailing ? j->k->f32.power(p, row, j->n) : in_order_f32(p, row, j->n);
        if (p == 2) s = sqrtf(s);
        if (s == 0)
            memset(row, 0, (size_t)j->n * 4);
        else
            j->k->f32.divide(row, row, j->n, s);
    }
}

static sard_status work(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    const job *j = arg;
    const norm_lp_args *a = j->a;
    (void)worker;
    int size = pw_bits(a->type) / 8;
    size_t bytes;
    if (mul_size((size_t)j->n, 16, &bytes)) return err_nomem(err, SIZE_MAX);
    char *row = mem_alloc(bytes);
    if (!row) return err_nomem(err, bytes);
    char *raw = row + j->n * 8;
    for (int64_t k = from; k < to; k++) {
        pw_gather(a->type, (const char *)a->in + pw_offset(j->dim, a->in_stride, a->rank, k) * size, 0, j->in, j->n,
                  raw);
        norm_widen(j->k, a->type, raw, j->n, row);
        one(j, row);
        norm_narrow(j->k, a->type, row, j->n, raw);
        pw_scatter(a->type, (char *)a->out + pw_offset(j->dim, a->out_stride, a->rank, k) * size, 0, j->out, j->n, raw);
    }
    mem_free(row);
    return SARD_OK;
}

sard_status norm_lp_on(const norm_kernels *k, const norm_lp_args *a, const par *threads, sard_error *err) {
    FAIL_IF(!pw_is_float(a->type), err, SARD_UNSUPPORTED, "normalisation of element type %d", (int)a->type);
    FAIL_IF(a->p != 1 && a->p != 2, err, SARD_UNSUPPORTED, "normalisation by the L%d norm", a->p);
    FAIL_IF(a->rank < 1 || a->rank > 16 || a->axis < 0 || a->axis >= a->rank, err, SARD_INVALID_ARGUMENT,
            "normalisation: axis %d out of range for rank %d", a->axis, a->rank);
    job j = {
        .a = a, .k = k, .n = a->dim[a->axis], .in = a->in_stride[a->axis], .out = a->out_stride[a->axis], .items = 1};
    j.trailing = a->axis == a->rank - 1;
    for (int d = 0; d < a->rank; d++) {
        j.dim[d] = d == a->axis ? 1 : a->dim[d];
        FAIL_IF(j.dim[d] < 0 || mul_i64(j.items, j.dim[d], &j.items), err, SARD_INVALID_ARGUMENT,
                "normalisation: shape too large");
    }
    if (j.items == 0 || j.n == 0) return SARD_OK;
    int64_t grain = j.n < 16384 ? 16384 / j.n : 1;
    if (j.items <= grain) return work(&j, 0, j.items, 0, err);
    return par_for(threads, j.items, grain, work, &j, err);
}

sard_status norm_lp(const norm_lp_args *a, const par *threads, sard_error *err) {
    return norm_lp_on(norm_kernels_best(), a, threads, err);
}
