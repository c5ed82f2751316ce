/*
 * SplitToSequence, ConcatFromSequence -- a tensor cut along an axis into a sequence, and tensors of a sequence put one
 * behind the other along an axis, or stacked along a new one.
 */
#include "kernels/move/move.h"
#include "ops/index.h"
#include "ops/sequence.h"

/* ---- SplitToSequence ----------------------------------------------------------------------------------------------- */

enum { AXIS, KEEPDIMS };
#define SPLIT_TYPES (DT_NUMBER | DT_COMPLEX | DT_BOOL | DT_STRING)
static const attr_def split_attrs[] = {ATTR_I("axis", 0), ATTR_I("keepdims", 1)};
static const formal split_in[] = {
    {.name = "input", .var = "T", .types = SPLIT_TYPES},
    {.name = "split", .var = "I", .types = DT(SARD_I32) | DT(SARD_I64), .flags = F_OPTIONAL},
};
static const formal split_out[] = {{.name = "output_sequence", .var = "S", .types = SPLIT_TYPES, .kinds = K_SEQ}};

static sard_status infer_split(infer_ctx *c, sard_error *err) {
    int axis;
    if (c->in[0]->rank >= 0) TRY(axis_fix(infer_attr(c, AXIS)->i, c->in[0]->rank, &axis, err));
    return infer_sequence(c, 0, (sard_dtype)c->in[0]->dtype, err);
}

/* Extents: pieces of one size (the last may be smaller), or a list of them. */
typedef struct cuts {
    int64_t n, each;
    const tensor *list; /* NULL: all are `each` long */
} cuts;

static sard_status read_cuts(const tensor *split, int64_t whole, cuts *k, sard_error *err) {
    *k = (cuts){.each = 1, .n = whole};
    if (!split) return SARD_OK;
    if (split->rank == 0) {
        k->each = index_at(split, 0);
        FAIL_IF(k->each <= 0, err, SARD_INVALID_ARGUMENT, "split is %lld; it must be positive", (long long)k->each);
        k->n = whole / k->each + (whole % k->each != 0);
        return SARD_OK;
    }
    FAIL_IF(split->rank != 1, err, SARD_INVALID_ARGUMENT, "split has rank %d; 0 or 1 is needed", split->rank);
    k->list = split;
    k->n = split->dim[0];
    int64_t sum = 0;
    for (int64_t i = 0; i < k->n; i++) {
        int64_t v = index_at(split, i);
        FAIL_IF(v < 0 || add_i64(sum, v, &sum), err, SARD_INVALID_ARGUMENT, "split[%lld] is %lld", (long long)i,
                (long long)v);
    }
    FAIL_IF(sum != whole, err, SARD_INVALID_ARGUMENT, "the pieces of split add up to %lld, the axis has %lld",
            (long long)sum, (long long)whole);
    return SARD_OK;
}

/* The piece of x that begins at `from` of axis, `extent` long; that axis is dropped unless kept. */
static sard_status cut_one(op_ctx *c, const tensor *x, int axis, int64_t from, int64_t extent, bool keep,
                           sard_value **out, sard_error *err) {
    shape s = shape_of(x);
    s.dim[axis] = extent;
    move_box b = {.rank = s.rank};
    memcpy(b.dim, s.dim, sizeof b.dim);
    memcpy(b.src, x->stride, sizeof b.src);
    tensor_row_strides(s.dim, s.rank, b.dst);
    if (!keep) {
        s.rank--;
        memmove(s.dim + axis, s.dim + axis + 1, (size_t)(s.rank - axis) * sizeof *s.dim);
    }
    TRY(op_new_tensor(c, (sard_dtype)x->dtype, &s, out, err));
    size_t size = element_size(x);
    const char *src = TENSOR_AT(x, char) + (size_t)(from * x->stride[axis]) * size;
    sard_status st =
        tensor_count(&(*out)->t) ? move_copy(&b, size, src, tensor_data(&(*out)->t), op_par(c), err) : SARD_OK;
    if (st != SARD_OK) sard_value_unref(*out);
    return st;
}

static sard_status run_split(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0), *split = op_in(c, 1);
    int axis;
    cuts k;
    void *mem;
    TRY(axis_fix(op_attr(c, AXIS)->i, x->rank, &axis, err));
    TRY(read_cuts(split, x->dim[axis], &k, err));
    FAIL_IF((uint64_t)k.n > SIZE_MAX / 1024, err, SARD_LIMIT, "a sequence of %lld elements", (long long)k.n);
    TRY(op_scratch(c, (size_t)k.n * sizeof(sard_value *), &mem, err));
    sard_value **items = mem, *seq;
    bool keep = split || op_attr(c, KEEPDIMS)->i;
    int64_t from = 0, i = 0;
    sard_status s = SARD_OK;
    for (; i < k.n; i++) {
        int64_t left = x->dim[axis] - from, extent = k.list ? index_at(k.list, i) : left < k.each ? left : k.each;
        s = cut_one(c, x, axis, from, extent, keep, &items[i], err);
        if (s != SARD_OK) break;
        from += extent;
    }
    if (s != SARD_OK) {
        while (i--) sard_value_unref(items[i]);
        return s;
    }
    TRY(value_sequence(items, (size_t)k.n, (sard_dtype)x->dtype, &seq, err));
    return op_give(c, 0, seq, err);
}

const op_def op_splittosequence = {
    .domain = "",
    .name = "SplitToSequence",
    .doc = "a tensor cut along an axis into a sequence",
    OP_SINCE(11, 24),
    OP_ATTRS(split_attrs),
    OP_IN(split_in),
    OP_OUT(split_out),
    .infer = infer_split,
    .run = run_split,
};

/* ---- ConcatFromSequence -------------------------------------------------------------------------------------------- */

enum { CONCAT_AXIS, NEW_AXIS };
#define TYPES (DT_INT | DT_COMPLEX | DT_BOOL | DT_STRING | DT(SARD_F16) | DT(SARD_F32) | DT(SARD_F64))
static const attr_def concat_attrs[] = {ATTR_REQ("axis", ATTR_INT), ATTR_I("new_axis", 0)};
static const formal concat_in[] = {{.name = "input_sequence", .var = "S", .types = TYPES, .kinds = K_SEQ}};
static const formal concat_out[] = {{.name = "concat_result", .var = "T", .types = TYPES}};

static sard_status infer_concat(infer_ctx *c, sard_error *err) {
    int64_t n = infer_attr(c, NEW_AXIS)->i;
    FAIL_IF(n != 0 && n != 1, err, SARD_INVALID_MODEL, "attribute 'new_axis' is %lld; it must be 0 or 1", (long long)n);
    c->out[0] = type_tensor((sard_dtype)type_inside(c, c->in[0]).dtype, -1, NULL);
    return SARD_OK;
}

/* The result's shape; the elements must agree but for the axis they are concatenated on. */
static sard_status concat_shape(const sard_value *seq, int64_t axis_attr, bool new_axis, int *axis, shape *s,
                                sard_error *err) {
    sard_value *first, *v;
    char a[200], b[200];
    FAIL_IF(!seq->seq.n, err, SARD_INVALID_ARGUMENT, "the sequence has no elements; at least one is needed");
    TRY(sequence_tensor(seq, 0, &first, err));
    *s = shape_of(&first->t);
    FAIL_IF(new_axis && s->rank == MAX_RANK, err, SARD_UNSUPPORTED, "rank %d", s->rank + 1);
    TRY(axis_fix(axis_attr, s->rank + new_axis, axis, err));
    int64_t total = 0;
    for (size_t k = 0; k < seq->seq.n; k++) {
        TRY(sequence_tensor(seq, k, &v, err));
        bool same = v->t.rank == first->t.rank && v->t.dtype == first->t.dtype;
        for (int i = 0; same && i < v->t.rank; i++) same = v->t.dim[i] == first->t.dim[i] || (i == *axis && !new_axis);
        FAIL_IF(!same, err, SARD_INVALID_ARGUMENT, "element %zu is %s, element 0 %s: they cannot be put together", k,
                tensor_text(&v->t, a, sizeof a), tensor_text(&first->t, b, sizeof b));
        FAIL_IF(add_i64(total, new_axis ? 1 : v->t.dim[*axis], &total), err, SARD_LIMIT, "the output is too large");
    }
    if (new_axis) {
        memmove(s->dim + *axis + 1, s->dim + *axis, (size_t)(s->rank - *axis) * sizeof *s->dim);
        s->rank++;
    }
    s->dim[*axis] = total;
    FAIL_IF(shape_count(s) < 0, err, SARD_LIMIT, "the output is too large");
    return SARD_OK;
}

static sard_status run_concat(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const sard_value *seq;
    bool new_axis = op_attr(c, NEW_AXIS)->i != 0;
    int axis;
    shape s;
    tensor *y;
    TRY(sequence_in(c, 0, &seq, err));
    TRY(concat_shape(seq, op_attr(c, CONCAT_AXIS)->i, new_axis, &axis, &s, err));
    TRY(op_out(c, 0, (sard_dtype)seq->seq.items[0]->t.dtype, &s, &y, err));
    if (!tensor_count(y)) return SARD_OK;
    size_t size = element_size(y);
    char *out = tensor_data(y);
    for (size_t k = 0; k < seq->seq.n; k++) {
        const tensor *t = &seq->seq.items[k]->t;
        move_box b = {.rank = s.rank};
        memcpy(b.dim, s.dim, sizeof b.dim);
        memcpy(b.dst, y->stride, sizeof b.dst);
        b.dim[axis] = new_axis ? 1 : t->dim[axis];
        for (int i = 0, j = 0; i < s.rank; i++)
            if (!new_axis || i != axis) b.src[i] = t->stride[j++];
        if (tensor_count(t)) TRY(move_copy(&b, size, tensor_data(t), out, op_par(c), err));
        out += (size_t)(b.dim[axis] * y->stride[axis]) * size;
    }
    return SARD_OK;
}

const op_def op_concatfromsequence = {
    .domain = "",
    .name = "ConcatFromSequence",
    .doc = "the tensors of a sequence put together along an axis",
    OP_SINCE(11),
    OP_ATTRS(concat_attrs),
    OP_IN(concat_in),
    OP_OUT(concat_out),
    .flags = OP_DATA_SHAPE,
    .infer = infer_concat,
    .run = run_concat,
};
