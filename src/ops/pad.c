/*
 * Pad -- more (or, with negative pads, fewer) elements at both ends of axes: a constant, or what the input holds.
 *
 *   2: paddings was renamed pads    11: attributes pads, value became inputs    18: axes    19: wrap
 *
 * The part of the input that stays is copied into its place. A constant then fills slabs, axis by axis, each beside what
 * the axes before it left. The other modes copy inside the output: the slabs of axis 0 from the part, those of axis 1
 * from what is there by now, and so on. With negative pads the input is cut first, and the modes look at what is left.
 */
#include "kernels/move/move.h"
#include "ops/common.h"

enum { MODE };
enum { CONSTANT, REFLECT, EDGE, WRAP };
enum { DATA, PADS, VALUE, AXES };
#define TYPES (DT_NUMBER | DT_FLOAT8 | DT_SUBBYTE | DT_COMPLEX | DT_BOOL | DT_STRING | DT_FLOAT6)
static const attr_def pad_attrs[] = {ATTR_S("mode", "constant")};
static const formal pad_in[] = {
    {.name = "data", .var = "T", .types = TYPES},
    {.name = "pads", .types = DT(SARD_I64), .flags = F_CONST},
    {.name = "constant_value", .var = "T", .types = TYPES, .flags = F_OPTIONAL},
    {.name = "axes", .var = "Tind", .types = DT(SARD_I32) | DT(SARD_I64), .flags = F_OPTIONAL | F_CONST},
};
static const formal pad_out[] = {{.name = "output", .var = "T", .types = TYPES}};

static sard_status upgrade(draft *d, int since, sard_error *err) {
    (void)err;
    if (since >= 11) return SARD_OK;
    if (since < 2) TRY(draft_rename(d, "paddings", "pads"));
    TRY(draft_attr_to_input(d, "pads", PADS, SARD_I64, true));
    sard_dtype t = (sard_dtype)draft_in_type(d, DATA)->dtype;
    return draft_attr_to_input(d, "value", VALUE, t ? t : SARD_F32, false);
}

static sard_status read_mode(const attr *a, int *mode, sard_error *err) {
    static const char *const words[] = {"constant", "reflect", "edge", "wrap"};
    return attr_word(a, "mode", words, 4, mode, err);
}

/* Sorts begins and ends by axis. n: numbers in pads. Unknown ones (inference) stay unknown. */
static sard_status sort_pads(int rank, const int64_t *pads, int n, const int64_t *axes, int n_axes, int64_t *begin,
                             int64_t *end, sard_error *err) {
    int k = axes ? n_axes : rank;
    uint32_t seen = 0;
    FAIL_IF(n != 2 * k, err, SARD_INVALID_ARGUMENT, "pads has %d numbers; %d axes want %d", n, k, 2 * k);
    for (int i = 0; i < rank; i++) begin[i] = end[i] = 0;
    for (int i = 0; i < k; i++) {
        int axis = i;
        if (axes) TRY(axis_fix(axes[i], rank, &axis, err));
        FAIL_IF(seen >> axis & 1, err, SARD_INVALID_ARGUMENT, "axes names axis %d twice", axis);
        seen |= 1u << axis;
        begin[axis] = pads[i], end[axis] = pads[i + k];
    }
    return SARD_OK;
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[DATA];
    int mode;
    TRY(read_mode(infer_attr(c, MODE), &mode, err));
    c->out[0] = type_tensor((sard_dtype)x->dtype, x->rank, NULL);
    const known *pads = &c->in_known[PADS];
    uint32_t n_axes = 0;
    const int64_t *axes = infer_has(c, AXES) ? infer_ints(c, AXES, &n_axes) : NULL;
    if (x->rank < 0 || !pads->v || (infer_has(c, AXES) && !axes)) return SARD_OK;
    FAIL_IF(n_axes > MAX_RANK || pads->n > 2 * MAX_RANK, err, SARD_INVALID_ARGUMENT, "too many pads");
    int64_t begin[MAX_RANK], end[MAX_RANK];
    TRY(sort_pads(x->rank, pads->v, (int)pads->n, axes, (int)n_axes, begin, end, err));
    for (int i = 0; i < x->rank; i++) {
        int64_t d = dim_add(c->mod, dim_add(c->mod, x->dim[i], begin[i]), end[i]);
        FAIL_IF(dim_known(d) && d < 0, err, SARD_INVALID_ARGUMENT,
                "pads %lld and %lld of axis %d leave nothing of %lld", (long long)begin[i], (long long)end[i], i,
                (long long)x->dim[i]);
        c->out[0].dim[i] = d;
    }
    return SARD_OK;
}

/* ---- running ------------------------------------------------------------------------------------------------------ */

typedef struct job {
    const tensor *x;
    tensor *y;
    size_t size;                        /* bytes per element; 0: packed */
    int64_t from[MAX_RANK];             /* first element of the input that stays */
    int64_t lo[MAX_RANK], hi[MAX_RANK]; /* where it lies in the output */
    const par *par;
} job;

static char *at(const job *j, const int64_t *pos) {
    int64_t k = 0;
    for (int a = 0; a < j->y->rank; a++) k += pos[a] * j->y->stride[a];
    return TENSOR_AT(j->y, char) + k * (int64_t)j->size;
}

/* The box [lo, hi) of the output from `src`, strides `stride`; all from one element when stride is NULL. */
static sard_status put(const job *j, const int64_t *lo, const int64_t *hi, const void *src, const int64_t *stride,
                       sard_error *err) {
    move_box b = {.rank = j->y->rank};
    for (int a = 0; a < b.rank; a++) {
        b.dim[a] = hi[a] - lo[a];
        if (b.dim[a] <= 0) return SARD_OK;
        b.src[a] = stride ? stride[a] : 0, b.dst[a] = j->y->stride[a];
    }
    if (stride) return move_copy(&b, j->size, src, at(j, lo), j->par, err);
    move_fill(&b, j->size, src, at(j, lo));
    return SARD_OK;
}

static sard_status pad_constant(const job *j, const void *value, sard_error *err) {
    int64_t lo[MAX_RANK] = {0}, hi[MAX_RANK];
    memcpy(hi, j->y->dim, sizeof hi);
    for (int a = 0; a < j->y->rank; a++) {
        hi[a] = j->lo[a];
        TRY(put(j, lo, hi, value, NULL, err));
        lo[a] = j->hi[a], hi[a] = j->y->dim[a];
        TRY(put(j, lo, hi, value, NULL, err));
        lo[a] = j->lo[a], hi[a] = j->hi[a];
    }
    return SARD_OK;
}

/* Which element of 0 .. n - 1 stands at place i outside of them. */
static int64_t mirror(int mode, int64_t i, int64_t n) {
    if (mode == EDGE) return i < 0 ? 0 : n - 1;
    int64_t period = mode == WRAP ? n : 2 * (n - 1);
    if (period == 0) return 0;
    i %= period;
    if (i < 0) i += period;
    return i < n ? i : period - i;
}

/* Places [from, to) of axis a, run by run: within one the source moves by a fixed step. */
static sard_status pad_run(const job *j, int mode, int a, int64_t *lo, int64_t *hi, int64_t from, int64_t to,
                           sard_error *err) {
    int64_t n = j->hi[a] - j->lo[a], stride[MAX_RANK], src[MAX_RANK];
    memcpy(stride, j->y->stride, sizeof stride);
    while (from < to) {
        int64_t first = mirror(mode, from - j->lo[a], n), step = 0, end = from + 1;
        if (end < to) step = mirror(mode, end - j->lo[a], n) - first;
        while (end < to && mirror(mode, end - j->lo[a], n) == first + (end - from) * step) end++;
        memcpy(src, lo, sizeof src);
        src[a] = j->lo[a] + first;
        lo[a] = from, hi[a] = end, stride[a] = j->y->stride[a] * step;
        TRY(put(j, lo, hi, at(j, src), stride, err));
        from = end;
    }
    return SARD_OK;
}

static sard_status pad_mirrored(const job *j, int mode, sard_error *err) {
    int64_t lo[MAX_RANK], hi[MAX_RANK];
    memcpy(lo, j->lo, sizeof lo), memcpy(hi, j->hi, sizeof hi);
    for (int a = 0; a < j->y->rank; a++) {
        TRY(pad_run(j, mode, a, lo, hi, 0, j->lo[a], err));
        TRY(pad_run(j, mode, a, lo, hi, j->hi[a], j->y->dim[a], err));
        lo[a] = 0, hi[a] = j->y->dim[a];
    }
    return SARD_OK;
}

/* Packed 2- and 4-bit elements, one by one. */
static void pad_packed(const job *j, int mode, unsigned value) {
    int64_t pos[MAX_RANK] = {0}, n = tensor_count(j->y);
    for (int64_t i = 0; i < n; i++) {
        int64_t k = 0;
        bool inside = true;
        for (int a = 0; a < j->y->rank; a++) {
            int64_t p = pos[a] - j->lo[a], extent = j->hi[a] - j->lo[a];
            if (p < 0 || p >= extent) inside = mode != CONSTANT, p = inside ? mirror(mode, p, extent) : 0;
            k += (j->from[a] + p) * j->x->stride[a];
            if (!inside) break;
        }
        subbyte_set(tensor_data(j->y), j->y->dtype, i, inside ? subbyte_get(tensor_data(j->x), j->x->dtype, k) : value);
        for (int a = j->y->rank - 1; a >= 0 && ++pos[a] == j->y->dim[a]; a--) pos[a] = 0;
    }
}

static sard_status layout(job *j, const int64_t *begin, const int64_t *end, int mode, shape *s, sard_error *err) {
    bool empty = false;
    *s = shape_of(j->x);
    for (int a = 0; a < s->rank; a++) {
        int64_t d = j->x->dim[a];
        FAIL_IF(begin[a] < -(1LL << 60) || end[a] < -(1LL << 60) || begin[a] > 1LL << 60 || end[a] > 1LL << 60, err,
                SARD_INVALID_ARGUMENT, "pads %lld and %lld of axis %d", (long long)begin[a], (long long)end[a], a);
        s->dim[a] = d + begin[a] + end[a];
        FAIL_IF(s->dim[a] < 0, err, SARD_INVALID_ARGUMENT, "pads %lld and %lld of axis %d leave nothing of %lld",
                (long long)begin[a], (long long)end[a], a, (long long)d);
        j->lo[a] = begin[a] > 0 ? begin[a] : 0;
        j->hi[a] = begin[a] + d < s->dim[a] ? begin[a] + d : s->dim[a];
        if (j->lo[a] > s->dim[a]) j->lo[a] = s->dim[a];
        if (j->hi[a] < j->lo[a]) j->hi[a] = j->lo[a];
        j->from[a] = j->lo[a] - begin[a];
        empty |= j->hi[a] == j->lo[a] && s->dim[a] > 0;
    }
    int64_t n = shape_count(s);
    FAIL_IF(n < 0, err, SARD_LIMIT, "the padded tensor is too large");
    FAIL_IF(empty && n > 0 && mode != CONSTANT, err, SARD_INVALID_ARGUMENT,
            "only mode 'constant' can pad an axis of which nothing is left");
    return SARD_OK;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, DATA), *v = op_in(c, VALUE);
    int64_t pads[2 * MAX_RANK], axes[MAX_RANK], begin[MAX_RANK], end[MAX_RANK];
    int mode, n, n_axes = 0;
    static const char zeros[16];
    const str none = {.p = "", .n = 0};
    const void *value = v ? tensor_data(v) : x->dtype == SARD_STRING ? (const void *)&none : zeros;
    TRY(read_mode(op_attr(c, MODE), &mode, err));
    TRY(read_ints(op_in(c, PADS), "pads", pads, 2 * MAX_RANK, &n, err));
    if (op_in(c, AXES)) TRY(read_ints(op_in(c, AXES), "axes", axes, MAX_RANK, &n_axes, err));
    TRY(sort_pads(x->rank, pads, n, op_in(c, AXES) ? axes : NULL, n_axes, begin, end, err));
    FAIL_IF(v && tensor_count(v) != 1, err, SARD_INVALID_ARGUMENT, "constant_value has %lld elements; 1 is needed",
            (long long)tensor_count(v));
    job j = {.x = x, .size = (size_t)dtype_bits(x->dtype) / 8, .par = op_par(c)};
    shape s;
    TRY(layout(&j, begin, end, mode, &s, err));
    TRY(op_out(c, 0, (sard_dtype)x->dtype, &s, &j.y, err));
    if (tensor_count(j.y) == 0) return SARD_OK;
    if (dtype_subbyte(x->dtype)) {
        pad_packed(&j, mode, v ? subbyte_get(value, v->dtype, 0) : 0);
        return SARD_OK;
    }
    int64_t k = 0;
    for (int a = 0; a < x->rank; a++) k += j.from[a] * x->stride[a];
    bool some = true;
    for (int a = 0; a < x->rank; a++) some &= j.hi[a] > j.lo[a];
    if (some) TRY(put(&j, j.lo, j.hi, TENSOR_AT(x, char) + k * (int64_t)j.size, x->stride, err));
    return mode == CONSTANT ? pad_constant(&j, value, err) : pad_mirrored(&j, mode, err);
}

const op_def op_pad = {
    .domain = "",
    .name = "Pad",
    .doc = "more elements at both ends of axes",
    OP_SINCE(1, 2, 11, 13, 18, 19, 21, 23, 24, 25),
    OP_ATTRS(pad_attrs),
    OP_IN(pad_in),
    OP_OUT(pad_out),
    .flags = OP_STRIDED | OP_LAST,
    .upgrade = upgrade,
    .infer = infer,
    .run = run,
};
