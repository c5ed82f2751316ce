/*
 * TopK -- the k largest (or smallest) elements along an axis and where they are, best first; of equal ones the first in
 * the axis comes first. NaN counts as the largest. `sorted` does not matter: the answer always is.
 *
 *   10: the attribute k became an input    11: largest, sorted
 *
 * A heap of the k best so far, its worst on top, takes the elements one by one; then it is emptied from the worst on.
 */
#include "ops/order_key.h"

enum { AXIS, LARGEST, SORTED };
static const attr_def topk_attrs[] = {ATTR_I("axis", -1), ATTR_I("largest", 1), ATTR_I("sorted", 1)};
static const formal topk_in[] = {
    {.name = "X", .var = "T", .types = DT_NUMBER},
    {.name = "K", .types = DT(SARD_I64), .flags = F_CONST},
};
static const formal topk_out[] = {
    {.name = "Values", .var = "T", .types = DT_NUMBER},
    {.name = "Indices", .var = "I", .types = DT(SARD_I64)},
};

static sard_status upgrade(draft *d, int since, sard_error *err) {
    (void)err;
    return since < 10 ? draft_attr_to_input(d, "k", 1, SARD_I64, true) : SARD_OK;
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[0];
    const known *k = &c->in_known[1];
    vtype t = type_tensor((sard_dtype)x->dtype, x->rank, x->dim);
    if (x->rank >= 0) {
        int axis;
        TRY(axis_fix(infer_attr(c, AXIS)->i, x->rank, &axis, err));
        t.dim[axis] = k->v && k->n == 1 ? k->v[0] : DIM_UNKNOWN;
        FAIL_IF(dim_known(t.dim[axis]) && (t.dim[axis] < 0 || (dim_known(x->dim[axis]) && t.dim[axis] > x->dim[axis])),
                err, SARD_INVALID_ARGUMENT, "K is %lld; the axis has %lld elements", (long long)t.dim[axis],
                (long long)x->dim[axis]);
    }
    c->out[0] = t;
    if (c->n_out > 1) c->out[1] = t, c->out[1].dtype = SARD_I64;
    return SARD_OK;
}

typedef struct entry {
    uint64_t key; /* the larger the better */
    int64_t at;
} entry;

static bool better(const entry *a, const entry *b) { return a->key != b->key ? a->key > b->key : a->at < b->at; }

/* Sinks entry i of a heap of n whose top is the worst. */
static void sink(entry *h, int64_t n, int64_t i) {
    entry e = h[i];
    for (int64_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && better(&h[child], &h[child + 1])) child++;
        if (!better(&e, &h[child])) break;
        h[i] = h[child];
    }
    h[i] = e;
}

typedef struct job {
    const tensor *x;
    tensor *y, *at; /* at may be NULL */
    int64_t n, k, inner;
    uint64_t flip;
    entry *heaps; /* k per worker */
} job;

static void row(const job *j, int64_t r, entry *h) {
    size_t size = element_size(j->x);
    int64_t first = r / j->inner * j->n * j->inner + r % j->inner;
    const char *x = TENSOR_AT(j->x, char) + (size_t)first * size;
    for (int64_t i = 0; i < j->n; i++) {
        entry e = {order_key(j->x->dtype, x, i * j->inner) ^ j->flip, i};
        if (i < j->k) {
            h[i] = e;
            if (i == j->k - 1)
                for (int64_t p = j->k / 2 - 1; p >= 0; p--) sink(h, j->k, p);
        } else if (better(&e, &h[0])) {
            h[0] = e;
            sink(h, j->k, 0);
        }
    }
    int64_t out = r / j->inner * j->k * j->inner + r % j->inner;
    for (int64_t i = j->k - 1; i >= 0; i--) {
        int64_t to = out + i * j->inner, from = h[0].at * j->inner;
        copy_element(TENSOR_AT(j->y, char) + (size_t)to * size, x + (size_t)from * size, size);
        if (j->at) TENSOR_AT(j->at, int64_t)[to] = h[0].at;
        h[0] = h[i];
        sink(h, i, 0);
    }
}

static sard_status some(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    (void)err;
    const job *j = arg;
    for (int64_t r = from; r < to; r++) row(j, r, j->heaps + worker * j->k);
    return SARD_OK;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0);
    int64_t k;
    int n, axis;
    TRY(read_ints(op_in(c, 1), "K", &k, 1, &n, err));
    TRY(axis_fix(op_attr(c, AXIS)->i, x->rank, &axis, err));
    FAIL_IF(n != 1 || k < 0 || k > x->dim[axis], err, SARD_INVALID_ARGUMENT, "K is %lld; the axis has %lld elements",
            n ? (long long)k : 0, (long long)x->dim[axis]);
    shape s = shape_of(x);
    s.dim[axis] = k;
    job j = {.x = x, .n = x->dim[axis], .k = k, .inner = dims_count(x->dim + axis + 1, x->rank - axis - 1)};
    j.flip = op_attr(c, LARGEST)->i ? 0 : UINT64_MAX;
    TRY(op_out(c, 0, (sard_dtype)x->dtype, &s, &j.y, err));
    if (op_n_out(c) > 1 && op_wants(c, 1)) TRY(op_out(c, 1, SARD_I64, &s, &j.at, err));
    if (tensor_count(j.y) == 0) return SARD_OK;
    void *mem;
    TRY(op_scratch(c, (size_t)par_threads(op_par(c)) * (size_t)k * sizeof(entry), &mem, err));
    j.heaps = mem;
    int64_t grain = 16384 / (j.n + 1);
    return par_for(op_par(c), tensor_count(x) / j.n, grain > 1 ? grain : 1, some, &j, err);
}

const op_def op_topk = {
    .domain = "",
    .name = "TopK",
    .doc = "the largest or smallest elements along an axis",
    OP_SINCE(1, 10, 11, 24),
    OP_ATTRS(topk_attrs),
    OP_IN(topk_in),
    OP_OUT(topk_out),
    .upgrade = upgrade,
    .infer = infer,
    .run = run,
};
