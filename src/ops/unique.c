/*
 * Unique -- the distinct elements, or slices along an axis, sorted or in the order they first appear; where each appears
 * first, which of them stands at each place, and how often.
 *
 * Places are sorted (merging, so that equal ones keep their order) by keys that order as the elements do; runs of equal
 * ones are the distinct items. All NaNs are one.
 */
#include "ops/order_key.h"

enum { AXIS, SORTED };
#define TYPES (DT_NUMBER | DT_COMPLEX | DT_BOOL | DT_STRING)
static const attr_def unique_attrs[] = {ATTR_OPT("axis", ATTR_INT), ATTR_I("sorted", 1)};
static const formal unique_in[] = {{.name = "X", .var = "T", .types = TYPES}};
static const formal unique_out[] = {
    {.name = "Y", .var = "T", .types = TYPES},
    {.name = "indices", .types = DT(SARD_I64), .flags = F_OPTIONAL},
    {.name = "inverse_indices", .types = DT(SARD_I64), .flags = F_OPTIONAL},
    {.name = "counts", .types = DT(SARD_I64), .flags = F_OPTIONAL},
};

static sard_status infer(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[0];
    const attr *a = infer_attr(c, AXIS);
    int axis = 0, rank = a->type == ATTR_NONE ? 1 : x->rank;
    int64_t open = DIM_UNKNOWN, items = DIM_UNKNOWN;
    c->out[0] = type_tensor((sard_dtype)x->dtype, rank, a->type == ATTR_NONE ? &open : x->dim);
    if (x->rank >= 0) {
        if (a->type != ATTR_NONE) {
            TRY(axis_fix(a->i, x->rank, &axis, err));
            items = x->dim[axis], c->out[0].dim[axis] = DIM_UNKNOWN;
        } else {
            items = 1;
            for (int i = 0; i < x->rank; i++) items = dim_mul(c->mod, items, x->dim[i]);
        }
    }
    for (uint32_t i = 1; i < c->n_out; i++) c->out[i] = type_tensor(SARD_I64, 1, i == 2 ? &items : &open);
    return SARD_OK;
}

typedef struct items {
    const tensor *x;
    const uint64_t *keys;    /* parts per element; NULL: strings */
    int64_t n, outer, inner; /* item i is elements [outer][i][inner] */
    int parts;
} items;

static int compare(const items *s, int64_t a, int64_t b) {
    for (int64_t o = 0; o < s->outer; o++) {
        int64_t ia = (o * s->n + a) * s->inner, ib = (o * s->n + b) * s->inner;
        for (int64_t k = 0; !s->keys && k < s->inner; k++) {
            str p = TENSOR_AT(s->x, str)[ia + k], q = TENSOR_AT(s->x, str)[ib + k];
            size_t n = p.n < q.n ? p.n : q.n;
            int d = n ? memcmp(p.p, q.p, n) : 0;
            if (d || p.n != q.n) return d ? d : p.n < q.n ? -1 : 1;
        }
        const uint64_t *p = s->keys + ia * s->parts, *q = s->keys + ib * s->parts;
        for (int64_t k = 0; s->keys && k < s->inner * s->parts; k++)
            if (p[k] != q[k]) return p[k] < q[k] ? -1 : 1;
    }
    return 0;
}

/* Sorts order[n] by compare, ties in their order; spare: as long. Returns where the result lies. */
static int64_t *merge_sort(const items *s, int64_t *order, int64_t *spare) {
    for (int64_t width = 1; width < s->n; width *= 2) {
        for (int64_t lo = 0; lo < s->n; lo += 2 * width) {
            int64_t mid = lo + width < s->n ? lo + width : s->n, hi = lo + 2 * width < s->n ? lo + 2 * width : s->n;
            int64_t a = lo, b = mid;
            for (int64_t k = lo; k < hi; k++)
                spare[k] = a < mid && (b == hi || compare(s, order[a], order[b]) <= 0) ? order[a++] : order[b++];
        }
        int64_t *t = order;
        order = spare, spare = t;
    }
    return order;
}

static sard_status make_keys(op_ctx *c, items *s, sard_error *err) {
    int64_t n = tensor_count(s->x);
    void *mem;
    bool complex = s->x->dtype == SARD_C64 || s->x->dtype == SARD_C128;
    int type = s->x->dtype == SARD_C64 ? SARD_F32 : s->x->dtype == SARD_C128 ? SARD_F64 : s->x->dtype;
    s->parts = complex ? 2 : 1;
    if (type == SARD_STRING) return SARD_OK;
    TRY(op_scratch(c, (size_t)n * sizeof(uint64_t) * (size_t)s->parts, &mem, err));
    uint64_t *keys = mem;
    for (int64_t i = 0; i < n * s->parts; i++) keys[i] = order_key(type, tensor_data(s->x), i);
    s->keys = keys;
    return SARD_OK;
}

/* From the sorted places: the first place of each distinct item (in `first`, which is one of them), its rank per place. */
static int64_t groups(const items *s, const int64_t *order, int64_t *first, int64_t *inverse, int64_t *counts) {
    int64_t n = 0;
    for (int64_t i = 0; i < s->n; i++) {
        if (i == 0 || compare(s, order[i - 1], order[i]) != 0) first[n] = order[i], counts[n++] = 0;
        inverse[order[i]] = n - 1;
        counts[n - 1]++;
    }
    return n;
}

/* Renumbers the distinct items by their first place: items come in the order of places anyway. */
static void by_appearance(const items *s, int64_t n, int64_t *first, int64_t *inverse, int64_t *counts, int64_t *old,
                          int64_t *number) {
    int64_t next = 0;
    memcpy(old, counts, (size_t)n * sizeof *old);
    for (int64_t g = 0; g < n; g++) number[g] = -1;
    for (int64_t i = 0; i < s->n; i++) {
        int64_t g = inverse[i];
        if (number[g] < 0) number[g] = next, first[next] = i, counts[next++] = old[g];
        inverse[i] = number[g];
    }
}

static sard_status give(op_ctx *c, uint32_t i, const int64_t *v, int64_t n, sard_error *err) {
    shape s = {1, {n}};
    tensor *y;
    if (i >= op_n_out(c) || !op_wants(c, i)) return SARD_OK;
    TRY(op_out(c, i, SARD_I64, &s, &y, err));
    memcpy(tensor_data(y), v, (size_t)n * sizeof *v);
    return SARD_OK;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0);
    const attr *a = op_attr(c, AXIS);
    bool flat = a->type == ATTR_NONE;
    items s = {.x = x, .n = tensor_count(x), .outer = 1, .inner = 1};
    shape ys = {.rank = 1};
    int axis = 0;
    if (!flat) {
        TRY(axis_fix(a->i, x->rank, &axis, err));
        ys = shape_of(x);
        s.n = x->dim[axis], s.outer = dims_count(x->dim, axis);
        s.inner = dims_count(x->dim + axis + 1, x->rank - axis - 1);
    }
    void *mem[6];
    for (int i = 0; i < 6; i++) TRY(op_scratch(c, (size_t)s.n * sizeof(int64_t), &mem[i], err));
    int64_t *order = mem[0], *first = mem[2], *inverse = mem[3], *counts = mem[4];
    for (int64_t i = 0; i < s.n; i++) order[i] = i;
    TRY(make_keys(c, &s, err));
    int64_t *sorted = merge_sort(&s, order, mem[1]);
    int64_t n = groups(&s, sorted, first, inverse, counts);
    if (!op_attr(c, SORTED)->i) by_appearance(&s, n, first, inverse, counts, mem[5], sorted);
    ys.dim[axis] = n;
    tensor *y;
    TRY(op_out(c, 0, (sard_dtype)x->dtype, &ys, &y, err));
    size_t slice = (size_t)s.inner * element_size(x);
    for (int64_t o = 0; o < s.outer && slice; o++)
        for (int64_t i = 0; i < n; i++)
            memcpy(TENSOR_AT(y, char) + (size_t)(o * n + i) * slice,
                   TENSOR_AT(x, char) + (size_t)(o * s.n + first[i]) * slice, slice);
    TRY(give(c, 1, first, n, err));
    TRY(give(c, 2, inverse, s.n, err));
    return give(c, 3, counts, n, err);
}

const op_def op_unique = {
    .domain = "",
    .name = "Unique",
    .doc = "distinct elements or slices",
    OP_SINCE(11, 28),
    OP_ATTRS(unique_attrs),
    OP_IN(unique_in),
    OP_OUT(unique_out),
    .flags = OP_DATA_SHAPE,
    .infer = infer,
    .run = run,
};
