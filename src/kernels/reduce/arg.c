/*
 * arg.c -- ArgMax, ArgMin and cumulative sums: sequences along one axis, element after element.
 */
#include <math.h>
#include <string.h>

#include "kernels/pointwise/scalar.h"
#include "kernels/pointwise/stage.h"
#include "kernels/reduce/order_ops.h"
#include "kernels/reduce/plan.h"

typedef struct job {
    const reduce_plan *p;
    int64_t n, in, out; /* the axis */
    bool largest, last, exclusive, reverse;
    run_ctl *ctl;
} job;

/* All axes but one are kept. */
static sard_status plan(reduce_plan *p, reduce_args *copy, const reduce_args *a, int axis, sard_error *err) {
    FAIL_IF(axis < 0 || axis >= a->rank, err, SARD_INVALID_ARGUMENT, "axis %d out of range for rank %d", axis, a->rank);
    *copy = *a;
    for (int d = 0; d < a->rank && d < REDUCE_MAX_RANK; d++) copy->reduced[d] = d == axis;
    return reduce_plan_init(p, copy, err);
}

/* Is x better than the best so far? A NaN is better than any number. */
static bool better(const job *j, pw_family f, bool u64, pw_cell x, pw_cell best) {
    if (f == PW_FAM_F32) x.d = (double)x.f, best.d = (double)best.f;
    if (f == PW_FAM_F32 || f == PW_FAM_F64) {
        if (best.d != best.d) return j->last && x.d != x.d;
        if (x.d != x.d) return true;
        if (x.d == best.d) return j->last;
        return (x.d > best.d) == j->largest;
    }
    if (x.i == best.i) return j->last;
    return (u64 ? (uint64_t)x.i > (uint64_t)best.i : x.i > best.i) == j->largest;
}

static int64_t arg_general(const job *j, const char *base, sard_dtype t) {
    uint64_t raw[REDUCE_TILE];
    pw_family f = pw_family_of(t);
    pw_cell best = {.i = 0};
    int64_t at = -1;
    for (int64_t i = 0; i < j->n; i += REDUCE_TILE) {
        int64_t m = j->n - i < REDUCE_TILE ? j->n - i : REDUCE_TILE;
        pw_gather(t, base, i * j->in, j->in, m, raw);
        for (int64_t q = 0; q < m; q++) {
            pw_cell x = pw_load_cell(t, raw, q);
            if (at < 0 || better(j, f, t == SARD_U64, x, best)) best = x, at = i + q;
        }
    }
    return at;
}

/* Contiguous floats: the extreme value by vectors, then the place where it stands. */
static int64_t arg_f32(const job *j, const float *x) {
    float best;
    j->p->k->f32.rows(j->largest ? ORDER_MAX : ORDER_MIN, x, 0, 1, j->n, &best);
    return j->p->k->f32.find(x, j->n, best, j->last);
}

static sard_status arg_work(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    const job *j = arg;
    const reduce_args *a = j->p->a;
    (void)worker, (void)err;
    for (int64_t k = from; k < to; k++) {
        const reduce_dims *d = &j->p->kept;
        const char *base = (const char *)a->in + pw_offset(d->dim, d->in, d->n, k) * (pw_bits(a->type) / 8);
        bool fast = a->type == SARD_F32 && j->in == 1;
        int64_t at = fast ? arg_f32(j, (const float *)(const void *)base) : arg_general(j, base, a->type);
        ((int64_t *)a->out)[pw_offset(d->dim, d->out, d->n, k)] = at;
    }
    return SARD_OK;
}

static sard_status share(job *j, par_fn fn, const par *threads, sard_error *err) {
    int64_t items = j->p->kept.count, grain = j->n < 16384 ? 16384 / (j->n + 1) : 1;
    if (items == 0) return SARD_OK;
    if (items <= grain) return fn(j, 0, items, 0, err);
    return par_for(threads, items, grain, fn, j, err);
}

sard_status reduce_arg(const reduce_args *a, int axis, bool largest, bool select_last, const par *threads,
                       sard_error *err) {
    reduce_plan p;
    reduce_args copy;
    TRY(plan(&p, &copy, a, axis, err));
    copy.op = REDUCE_MAX;
    job j = {.p = &p, .n = a->dim[axis], .in = a->in_stride[axis], .largest = largest, .last = select_last};
    FAIL_IF(j.n == 0 && p.kept.count, err, SARD_RUNTIME, "ArgMax or ArgMin over an empty axis %d", axis);
    return share(&j, arg_work, threads, err);
}

/* ---- running totals ------------------------------------------------------------------------------------------------------ */

static pw_cell step(bool product, sard_dtype t, pw_cell acc, pw_cell x) {
    switch (pw_family_of(t)) {
    case PW_FAM_F32:
        acc.f = product ? acc.f * x.f : acc.f + x.f;
        break;
    case PW_FAM_F64:
        acc.d = product ? acc.d * x.d : acc.d + x.d;
        break;
    default:
        acc.i = (int64_t)(product ? (uint64_t)acc.i * (uint64_t)x.i : (uint64_t)acc.i + (uint64_t)x.i);
        acc.i = pw_wrap(t, acc.i);
    }
    return acc;
}

static sard_status cumulative_work(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    const job *j = arg;
    const reduce_args *a = j->p->a;
    (void)worker, (void)err;
    sard_dtype t = a->type;
    bool product = a->op == REDUCE_PROD;
    enum { LOOK = 1 << 16 }; /* elements of a line between two looks at the deadline */
    for (int64_t k = from; k < to; k++) {
        const reduce_dims *d = &j->p->kept;
        int64_t in = pw_offset(d->dim, d->in, d->n, k), out = pw_offset(d->dim, d->out, d->n, k);
        pw_cell acc = pw_convert(t, SARD_I64, 0, (pw_cell){.i = product});
        bool first = true;
        for (int64_t q = 0; q < j->n; q++) {
            if (q % LOOK == LOOK - 1) TRY(ctl_check(j->ctl, err));
            int64_t i = j->reverse ? j->n - 1 - q : q;
            pw_cell x = pw_load_cell(t, a->in, in + i * j->in), before = acc;
            acc = first ? x : step(product, t, acc, x);
            first = false;
            pw_store_cell(t, a->out, out + i * j->out, j->exclusive ? before : acc);
        }
    }
    return SARD_OK;
}

sard_status reduce_cumulative(const reduce_args *a, int axis, bool exclusive, bool reverse, const par *threads,
                              sard_error *err) {
    reduce_plan p;
    reduce_args copy;
    TRY(plan(&p, &copy, a, axis, err));
    FAIL_IF(a->op != REDUCE_SUM && a->op != REDUCE_PROD, err, SARD_INTERNAL, "cumulative reduction %d", (int)a->op);
    job j = {.p = &p, .n = a->dim[axis], .in = a->in_stride[axis], .out = a->out_stride[axis]};
    j.exclusive = exclusive, j.reverse = reverse, j.ctl = threads ? threads->ctl : NULL;
    return share(&j, cumulative_work, threads, err);
}
