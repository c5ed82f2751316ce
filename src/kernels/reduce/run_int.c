/*
 * run_int.c -- reductions of integers and truth values: in 64 bits, wrapped to the type at the end. Their order shows
 * nowhere, so there is only one way.
 */
#include <math.h>

#include "kernels/pointwise/math64.h"
#include "kernels/pointwise/scalar.h"
#include "kernels/pointwise/stage.h"
#include "kernels/reduce/order_ops.h"
#include "kernels/reduce/plan.h"

static int64_t join(int op, bool u64, int64_t p, int64_t x) {
    switch (op) {
    case ORDER_PROD:
        return (int64_t)((uint64_t)p * (uint64_t)x);
    case ORDER_MAX:
        return (u64 ? (uint64_t)p > (uint64_t)x : p > x) ? p : x;
    case ORDER_MIN:
        return (u64 ? (uint64_t)p < (uint64_t)x : p < x) ? p : x;
    case ORDER_SQUARE:
        return (int64_t)((uint64_t)p + (uint64_t)x * (uint64_t)x);
    case ORDER_ABS:
        return (int64_t)((uint64_t)p + (!u64 && x < 0 ? -(uint64_t)x : (uint64_t)x));
    default:
        return (int64_t)((uint64_t)p + (uint64_t)x);
    }
}

static int64_t identity(sard_dtype t, int op) {
    int n = t == SARD_BOOL ? 1 : pw_bits(t);
    bool is_signed = t == SARD_I8 || t == SARD_I16 || t == SARD_I32 || t == SARD_I64;
    int64_t top = (int64_t)(UINT64_MAX >> (64 - n + is_signed)); /* U64: all bits */
    switch (op) {
    case ORDER_PROD:
        return 1;
    case ORDER_MAX:
        return is_signed ? -top - 1 : 0;
    case ORDER_MIN:
        return top;
    default:
        return 0;
    }
}

static int64_t finish(const reduce_plan *p, int64_t v) {
    bool u64 = p->a->type == SARD_U64;
    double d = u64 ? (double)(uint64_t)v : (double)v;
    switch (p->a->op) {
    case REDUCE_MEAN:
        if (p->count == 0) return 0;
        return u64 ? (int64_t)((uint64_t)v / (uint64_t)p->count) : v / p->count;
    case REDUCE_L2:
        return pw_convert(p->a->type, SARD_F64, 0, (pw_cell){.d = sqrt(d)}).i;
    case REDUCE_LOG_SUM:
        return pw_convert(p->a->type, SARD_F64, 0, (pw_cell){.d = m64_log(d)}).i;
    default:
        return v;
    }
}

static double load_double(const reduce_plan *p, int64_t at) {
    return pw_convert(SARD_F64, p->a->type, 0, pw_load_cell(p->a->type, p->a->in, at)).d;
}

/* Rare for integers: in double, in increasing order. */
static int64_t log_sum_exp(const reduce_plan *p, int64_t at, int64_t largest) {
    double s = 0, m = p->a->type == SARD_U64 ? (double)(uint64_t)largest : (double)largest;
    for (int64_t o = 0; o < p->other.count; o++)
        for (int64_t i = 0; i < p->seq.count; i++)
            s += m64_exp(load_double(p, at + pw_offset(p->other.dim, p->other.in, p->other.n, o) +
                                            pw_offset(p->seq.dim, p->seq.in, p->seq.n, i)) -
                         m);
    return pw_convert(p->a->type, SARD_F64, 0, (pw_cell){.d = m + m64_log(s)}).i;
}

sard_status reduce_outputs_int(const reduce_plan *p, int64_t from, int64_t to) {
    sard_dtype t = p->a->type;
    int size = pw_bits(t) / 8, op = p->a->op == REDUCE_LOG_SUM_EXP ? ORDER_MAX : p->order;
    const reduce_dims *d = &p->seq;
    uint64_t raw[REDUCE_TILE];
    for (int64_t k = from; k < to; k++) {
        int64_t at = pw_offset(p->kept.dim, p->kept.in, p->kept.n, k), v = identity(t, op);
        for (int64_t o = 0; o < p->other.count && p->count; o++) {
            const char *base =
                (const char *)p->a->in + (at + pw_offset(p->other.dim, p->other.in, p->other.n, o)) * size;
            for (int64_t i = 0; i < d->count; i += REDUCE_TILE) {
                int64_t n = d->count - i < REDUCE_TILE ? d->count - i : REDUCE_TILE;
                if (d->n)
                    pw_gather_nd(t, d->n, d->dim, d->in, base, i, n, raw);
                else
                    pw_gather1(t, base, 0, raw);
                for (int64_t j = 0; j < n; j++) v = join(op, t == SARD_U64, v, pw_load_cell(t, raw, j).i);
            }
        }
        v = p->a->op == REDUCE_LOG_SUM_EXP ? log_sum_exp(p, at, v) : finish(p, v);
        if (t != SARD_BOOL) v = pw_wrap(t, v);
        pw_store_cell(t, p->a->out, pw_offset(p->kept.dim, p->kept.out, p->kept.n, k), (pw_cell){.i = v});
    }
    return SARD_OK;
}
