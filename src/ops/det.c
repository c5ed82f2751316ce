/*
 * Det -- determinants of square matrices: elimination by rows with the largest pivot of each column.
 */
#include "ops/common.h"

static const formal det_in[] = {{.name = "X", .var = "T", .types = DT_FLOAT}};
static const formal det_out[] = {{.name = "Y", .var = "T", .types = DT_FLOAT}};

static sard_status infer(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[0];
    int64_t k;
    c->out[0] = type_tensor((sard_dtype)x->dtype, x->rank < 0 ? -1 : x->rank - 2, x->dim);
    if (x->rank < 0) return SARD_OK;
    FAIL_IF(x->rank < 2 || !dim_merge(x->dim[x->rank - 1], x->dim[x->rank - 2], &k), err, SARD_INVALID_ARGUMENT,
            "X must hold square matrices in its last two axes");
    return SARD_OK;
}

/* In place; in double, so that half, float and double differ only in the last rounding. */
static double determinant(double *a, int64_t n) {
    double det = 1;
    for (int64_t k = 0; k < n; k++) {
        int64_t best = k;
        for (int64_t i = k + 1; i < n; i++) {
            double p = a[i * n + k], q = a[best * n + k];
            if ((p < 0 ? -p : p) > (q < 0 ? -q : q)) best = i;
        }
        if (best != k) det = -det;
        for (int64_t j = k; j < n && best != k; j++) {
            double t = a[k * n + j];
            a[k * n + j] = a[best * n + j], a[best * n + j] = t;
        }
        double pivot = a[k * n + k];
        det *= pivot;
        if (pivot == 0) return det;
        for (int64_t i = k + 1; i < n; i++) {
            double f = a[i * n + k] / pivot;
            for (int64_t j = k + 1; j < n; j++) a[i * n + j] = a[i * n + j] - f * a[k * n + j];
        }
    }
    return det;
}

typedef struct job {
    const tensor *x;
    tensor *y;
    int64_t n;
    double *space; /* n * n per worker */
} job;

static sard_status some(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    (void)err;
    const job *j = arg;
    double *a = j->space + worker * j->n * j->n;
    for (int64_t i = from; i < to; i++) {
        for (int64_t k = 0; k < j->n * j->n; k++) a[k] = tensor_get_f64(j->x, i * j->n * j->n + k);
        tensor_set_f64(j->y, i, determinant(a, j->n));
    }
    return SARD_OK;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    job j = {.x = op_in(c, 0)};
    int rank = j.x->rank;
    FAIL_IF(rank < 2 || j.x->dim[rank - 1] != j.x->dim[rank - 2], err, SARD_INVALID_ARGUMENT,
            "X must hold square matrices in its last two axes");
    shape s = shape_of(j.x);
    s.rank -= 2, j.n = j.x->dim[rank - 1];
    TRY(op_out(c, 0, (sard_dtype)j.x->dtype, &s, &j.y, err));
    void *mem;
    TRY(op_scratch(c, (size_t)par_threads(op_par(c)) * (size_t)(j.n * j.n) * sizeof(double), &mem, err));
    j.space = mem;
    return par_for(op_par(c), tensor_count(j.y), 1 + 4096 / (1 + j.n * j.n * j.n), some, &j, err);
}

const op_def op_det = {
    .domain = "",
    .name = "Det",
    .doc = "determinants of square matrices",
    OP_SINCE(11, 22),
    OP_IN(det_in),
    OP_OUT(det_out),
    .infer = infer,
    .run = run,
};
