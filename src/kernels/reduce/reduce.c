/*
 * reduce.c -- sorting the dimensions of a reduction and sharing its outputs among threads. See reduce.h and plan.h.
 */
#include "kernels/reduce/reduce.h"

#include "base/mem.h"
#include "kernels/pointwise/scalar.h"
#include "kernels/pointwise/stage.h"
#include "kernels/reduce/order_ops.h"
#include "kernels/reduce/plan.h"

/* Appends a dimension behind the others, merging it into the last one where both operands step evenly. */
static void push(reduce_dims *d, int64_t dim, int64_t in, int64_t out, bool with_out) {
    d->count *= dim;
    if (dim == 1) return;
    int k = d->n - 1;
    if (k >= 0 && d->in[k] == in * dim && (!with_out || d->out[k] == out * dim)) {
        d->dim[k] *= dim, d->in[k] = in, d->out[k] = out;
        return;
    }
    d->dim[d->n] = dim, d->in[d->n] = in, d->out[d->n] = out, d->n++;
}

static int order_of(reduce_op op) {
    switch (op) {
    case REDUCE_PROD:
        return ORDER_PROD;
    case REDUCE_MAX:
        return ORDER_MAX;
    case REDUCE_MIN:
        return ORDER_MIN;
    case REDUCE_SUM_SQUARE:
    case REDUCE_L2:
        return ORDER_SQUARE;
    case REDUCE_L1:
        return ORDER_ABS;
    default:
        return ORDER_SUM;
    }
}

static sard_status check(const reduce_args *a, sard_error *err) {
    FAIL_IF(a->rank < 0 || a->rank > REDUCE_MAX_RANK, err, SARD_UNSUPPORTED, "reduction: rank %d, at most %d", a->rank,
            REDUCE_MAX_RANK);
    pw_family f = pw_family_of(a->type);
    bool truth = f == PW_FAM_BOOL && (a->op == REDUCE_MAX || a->op == REDUCE_MIN);
    FAIL_IF(!truth && !pw_is_float(a->type) && !pw_is_int(a->type), err, SARD_UNSUPPORTED,
            "reduction %d of element type %d", (int)a->op, (int)a->type);
    int64_t total = 1;
    for (int d = 0; d < a->rank; d++)
        FAIL_IF(a->dim[d] < 0 || (a->dim[d] > 0 && mul_i64(total, a->dim[d], &total)), err, SARD_INVALID_ARGUMENT,
                "reduction: shape too large");
    return SARD_OK;
}

sard_status reduce_plan_init(reduce_plan *p, const reduce_args *a, sard_error *err) {
    TRY(check(a, err));
    *p = (reduce_plan){.a = a, .k = reduce_kernels_best(), .order = order_of(a->op), .lanes = -1};
    p->kept.count = p->other.count = p->seq.count = 1;
    int trailing = a->rank; /* axes from here on are reduced; by number, whatever their extent */
    while (trailing > 0 && a->reduced[trailing - 1]) trailing--;
    bool trails = trailing < a->rank;
    for (int d = 0; d < a->rank; d++) {
        if (!a->reduced[d])
            push(&p->kept, a->dim[d], a->in_stride[d], a->out_stride[d], true);
        else
            push(d >= trailing || !trails ? &p->seq : &p->other, a->dim[d], a->in_stride[d], 0, false);
    }
    p->count = p->seq.count * p->other.count;
    for (int i = 0; i < p->kept.n; i++)
        if (p->kept.in[i] == 1) p->lanes = i;
    return SARD_OK;
}

typedef struct job {
    const reduce_plan *p;
    bool columns;
} job;

static sard_status work(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    const job *j = arg;
    (void)worker, (void)err;
    bool f64 = j->p->a->type == SARD_F64;
    if (!pw_is_float(j->p->a->type)) return reduce_outputs_int(j->p, from, to);
    if (j->columns)
        (f64 ? reduce_columns_f64 : reduce_columns_f32)(j->p, from, to);
    else
        (f64 ? reduce_outputs_f64 : reduce_outputs_f32)(j->p, from, to);
    return SARD_OK;
}

/* ---- few outputs of long rows: blocks are shared among threads ----------------------------------------------------------- */

typedef struct long_job {
    const reduce_plan *p;
    int64_t blocks; /* of one row */
    char *totals;
} long_job;

static sard_status work_blocks(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    const long_job *j = arg;
    const reduce_dims *d = &j->p->kept;
    (void)worker, (void)err;
    bool f64 = j->p->a->type == SARD_F64;
    for (int64_t k = from; k < to; k++) {
        int64_t at = pw_offset(d->dim, d->in, d->n, k / j->blocks);
        (f64 ? reduce_block_f64 : reduce_block_f32)(j->p, at, k % j->blocks, j->totals + k * (f64 ? 8 : 4));
    }
    return SARD_OK;
}

static bool is_long(const reduce_plan *p) {
    bool native = p->a->type == SARD_F32 || p->a->type == SARD_F64;
    return native && p->seq.n == 1 && p->seq.in[0] == 1 && p->other.n == 0 && p->seq.count >= 8 * ORDER_BLOCK &&
           p->kept.count < 64 && p->a->op != REDUCE_LOG_SUM_EXP;
}

static sard_status run_long(const reduce_plan *p, const par *threads, sard_error *err) {
    const reduce_dims *d = &p->kept;
    int64_t blocks = (p->seq.count + ORDER_BLOCK - 1) / ORDER_BLOCK;
    size_t bytes = (size_t)(blocks * d->count) * 8;
    bool f64 = p->a->type == SARD_F64;
    long_job j = {p, blocks, mem_alloc(bytes)};
    if (!j.totals) return err_nomem(err, bytes);
    sard_status s = par_for(threads, blocks * d->count, 4, work_blocks, &j, err);
    for (int64_t k = 0; s == SARD_OK && k < d->count; k++)
        (f64 ? reduce_totals_f64 : reduce_totals_f32)(p, pw_offset(d->dim, d->out, d->n, k),
                                                      j.totals + k * blocks * (f64 ? 8 : 4), blocks);
    mem_free(j.totals);
    return s;
}

sard_status reduce_run(const reduce_args *a, const par *threads, sard_error *err) {
    return reduce_run_on(reduce_kernels_best(), a, threads, err);
}

sard_status reduce_run_on(const reduce_kernels *k, const reduce_args *a, const par *threads, sard_error *err) {
    reduce_plan p;
    TRY(reduce_plan_init(&p, a, err));
    p.k = k;
    if (p.kept.count == 0) return SARD_OK;
    if (is_long(&p)) return run_long(&p, threads, err);
    bool dense = p.seq.n == 0 || p.seq.in[p.seq.n - 1] == 1;
    job j = {&p, pw_is_float(a->type) && p.lanes >= 0 && !dense && p.count && a->op != REDUCE_LOG_SUM_EXP};
    int64_t items = p.kept.count, each = p.count;
    if (j.columns) {
        int64_t extent = p.kept.dim[p.lanes];
        items = p.kept.count / extent * ((extent + REDUCE_WIDTH - 1) / REDUCE_WIDTH);
        each *= extent < REDUCE_WIDTH ? extent : REDUCE_WIDTH;
    }
    int64_t grain = each < 65536 ? 65536 / (each + 1) : 1;
    if (items <= grain) return work(&j, 0, items, 0, err);
    return par_for(threads, items, grain, work, &j, err);
}

float reduce_sum_f32(const float *x, int64_t n) {
    float r = 0;
    reduce_kernels_best()->f32.rows(ORDER_SUM, x, n, 1, n, &r);
    return r;
}
