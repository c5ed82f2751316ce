/*
 * softmax.c -- which way the axis lies in memory, and the sharing of rows among threads. See softmax.h.
 */
#include "kernels/softmax/softmax.h"

#include <string.h>

#include "base/mem.h"
#include "kernels/pointwise/scalar.h"
#include "kernels/pointwise/stage.h"
#include "kernels/softmax/kernels.h"

enum { WIDTH = 64, GATHERED = 16 };

typedef struct job {
    const softmax_args *a;
    const softmax_kernels *k;
    int64_t n, in, out;            /* the axis */
    int64_t dim[SOFTMAX_MAX_RANK]; /* of the items: the axis has extent 1, the lanes are cut into pieces */
    int64_t step_in[SOFTMAX_MAX_RANK], step_out[SOFTMAX_MAX_RANK];
    int lanes;     /* dimension with strides 1, or -1 */
    int64_t items; /* rows, or pieces of lanes */
    bool trailing;
} job;

static bool native(const job *j) { return j->a->type == SARD_F32 || j->a->type == SARD_F64; }
static int size_of(const job *j) { return pw_bits(j->a->type) / 8; }
static const char *in_at(const job *j, int64_t k) {
    return (const char *)j->a->in + pw_offset(j->dim, j->step_in, j->a->rank, k) * size_of(j);
}
static char *out_at(const job *j, int64_t k) {
    return (char *)j->a->out + pw_offset(j->dim, j->step_out, j->a->rank, k) * size_of(j);
}

static void rows(const job *j, const void *x, int64_t ldx, void *y, int64_t ldy, int64_t count) {
    if (j->a->type == SARD_F64)
        j->k->f64.rows(j->a->log, x, ldx, y, ldy, count, j->n);
    else
        j->k->f32.rows(j->a->log, x, ldx, y, ldy, count, j->n);
}
static void cols(const job *j, const void *x, int64_t ldx, void *y, int64_t ldy, int64_t width) {
    if (j->a->type == SARD_F64)
        j->k->f64.cols(j->a->log, x, ldx, y, ldy, j->n, width);
    else
        j->k->f32.cols(j->a->log, x, ldx, y, ldy, j->n, width);
}

static sard_status work_rows(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    const job *j = arg;
    (void)worker, (void)err;
    for (int64_t k = from, m; k < to; k += m) { /* neighbouring rows at an even distance go together */
        int d = j->a->rank - 1;
        while (d > 0 && j->dim[d] == 1) d--;
        m = j->a->rank ? j->dim[d] - k % j->dim[d] : 1;
        if (m > to - k) m = to - k;
        rows(j, in_at(j, k), j->a->rank ? j->step_in[d] : 0, out_at(j, k), j->a->rank ? j->step_out[d] : 0, m);
    }
    return SARD_OK;
}

static sard_status work_cols(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    const job *j = arg;
    (void)worker, (void)err;
    int64_t extent = j->a->dim[j->lanes], inner = 1;
    for (int d = j->lanes + 1; d < j->a->rank; d++) inner *= j->dim[d];
    for (int64_t k = from; k < to; k++) {
        int64_t first = k / inner % j->dim[j->lanes] * WIDTH, width = extent - first < WIDTH ? extent - first : WIDTH;
        cols(j, in_at(j, k), j->in, out_at(j, k), j->out, width);
    }
    return SARD_OK;
}

/* Any strides, half floats: rows are gathered into scratch[n][GATHERED], in which a column is a row. */
static void gather_column(const job *j, const char *x, int64_t w, void *raw, void *tile) {
    sard_dtype t = j->a->type;
    pw_gather(t, x, 0, j->in, j->n, raw);
    for (int64_t i = 0; i < j->n; i++) {
        pw_cell c = pw_load_cell(t, raw, i);
        if (t == SARD_F64)
            ((double *)tile)[i * GATHERED + w] = c.d;
        else
            ((float *)tile)[i * GATHERED + w] = c.f;
    }
}
static void scatter_column(const job *j, char *y, int64_t w, void *raw, const void *tile) {
    sard_dtype t = j->a->type;
    for (int64_t i = 0; i < j->n; i++) {
        pw_cell c;
        if (t == SARD_F64)
            c.d = ((const double *)tile)[i * GATHERED + w];
        else
            c.f = ((const float *)tile)[i * GATHERED + w];
        pw_store_cell(t, raw, i, c);
    }
    pw_scatter(t, y, 0, j->out, j->n, raw);
}

static sard_status work_gathered(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    const job *j = arg;
    (void)worker;
    size_t bytes;
    if (mul_size((size_t)j->n, 8 * (GATHERED + 1), &bytes)) return err_nomem(err, SIZE_MAX);
    char *tile = mem_calloc(1, bytes);
    if (!tile) return err_nomem(err, bytes);
    char *raw = tile + (size_t)j->n * 8 * GATHERED;
    for (int64_t k = from, m; k < to; k += m) {
        m = j->trailing ? 1 : to - k < GATHERED ? to - k : GATHERED;
        if (j->trailing) { /* one row, contiguous */
            float *f = (float *)(void *)tile;
            pw_gather(j->a->type, in_at(j, k), 0, j->in, j->n, raw);
            if (native(j))
                memcpy(tile, raw, (size_t)(j->n * size_of(j)));
            else
                for (int64_t i = 0; i < j->n; i++) f[i] = pw_load_cell(j->a->type, raw, i).f;
            rows(j, tile, j->n, tile, j->n, 1);
            if (native(j))
                memcpy(raw, tile, (size_t)(j->n * size_of(j)));
            else
                for (int64_t i = 0; i < j->n; i++) pw_store_cell(j->a->type, raw, i, (pw_cell){.f = f[i]});
            pw_scatter(j->a->type, out_at(j, k), 0, j->out, j->n, raw);
        } else {
            for (int64_t w = 0; w < m; w++) gather_column(j, in_at(j, k + w), w, raw, tile);
            cols(j, tile, GATHERED, tile, GATHERED, m);
            for (int64_t w = 0; w < m; w++) scatter_column(j, out_at(j, k + w), w, raw, tile);
        }
    }
    mem_free(tile);
    return SARD_OK;
}

static sard_status plan(job *j, const softmax_args *a, sard_error *err) {
    FAIL_IF(!pw_is_float(a->type), err, SARD_UNSUPPORTED, "softmax of element type %d", (int)a->type);
    FAIL_IF(a->rank < 1 || a->rank > SOFTMAX_MAX_RANK || a->axis < 0 || a->axis >= a->rank, err, SARD_INVALID_ARGUMENT,
            "softmax: axis %d out of range for rank %d", a->axis, a->rank);
    j->n = a->dim[a->axis], j->in = a->in_stride[a->axis], j->out = a->out_stride[a->axis];
    j->trailing = a->axis == a->rank - 1;
    for (int d = 0; d < a->rank; d++) {
        j->dim[d] = d == a->axis ? 1 : a->dim[d];
        j->step_in[d] = a->in_stride[d], j->step_out[d] = a->out_stride[d];
        if (d != a->axis && a->dim[d] > 1 && a->in_stride[d] == 1 && a->out_stride[d] == 1) j->lanes = d;
    }
    if (j->trailing || !native(j)) j->lanes = -1;
    if (j->lanes >= 0) {
        j->dim[j->lanes] = (a->dim[j->lanes] + WIDTH - 1) / WIDTH;
        j->step_in[j->lanes] = j->step_out[j->lanes] = WIDTH;
    }
    j->items = 1;
    for (int d = 0; d < a->rank; d++)
        FAIL_IF(j->dim[d] < 0 || mul_i64(j->items, j->dim[d], &j->items), err, SARD_INVALID_ARGUMENT,
                "softmax: shape too large");
    return SARD_OK;
}

sard_status softmax_run_on(const softmax_kernels *k, const softmax_args *a, const par *threads, sard_error *err) {
    job j = {.a = a, .k = k, .lanes = -1};
    TRY(plan(&j, a, err));
    if (j.items == 0 || j.n == 0) return SARD_OK;
    par_fn fn = j.lanes >= 0 ? work_cols : work_gathered;
    if (j.trailing && native(&j) && j.in == 1 && j.out == 1) fn = work_rows;
    int64_t each = j.lanes >= 0 ? j.n * WIDTH : j.n, grain = each < 32768 ? 32768 / each : 1;
    if (fn == work_gathered && grain < GATHERED) grain = GATHERED;
    if (j.items <= grain) return fn(&j, 0, j.items, 0, err);
    return par_for(threads, j.items, grain, fn, &j, err);
}

sard_status softmax_run(const softmax_args *a, const par *threads, sard_error *err) {
    return softmax_run_on(softmax_kernels_best(), a, threads, err);
}

void softmax_rows_f32(const float *x, int64_t ldx, float *y, int64_t ldy, int64_t rows_, int64_t n) {
    softmax_kernels_best()->f32.rows(0, x, ldx, y, ldy, rows_, n);
}
