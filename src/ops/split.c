/*
 * Split -- a tensor cut along an axis into the pieces `split` says, or into equal ones (the last may be smaller).
 *
 *   2: input split became an attribute    13: and an input again    18: num_outputs
 */
#include "kernels/move/move.h"
#include "ops/common.h"

enum { AXIS, NUM_OUTPUTS };
#define TYPES (DT_NUMBER | DT_COMPLEX | DT_BOOL | DT_STRING)
static const attr_def split_attrs[] = {ATTR_I("axis", 0), ATTR_OPT("num_outputs", ATTR_INT)};
static const formal split_in[] = {
    {.name = "input", .var = "T", .types = TYPES},
    {.name = "split", .types = DT(SARD_I64), .flags = F_OPTIONAL | F_CONST},
};
static const formal split_out[] = {{.name = "outputs", .var = "T", .types = TYPES, .flags = F_VARIADIC}};

static sard_status upgrade(draft *d, int since, sard_error *err) {
    (void)err;
    if (since >= 2 && since < 13) TRY(draft_attr_to_input(d, "split", 1, SARD_I64, true));
    const bool given = d->n_in > 1 && d->in[1] != NO_ID;
    return since < 18 && !given ? draft_set_int(d, "num_outputs", d->n_out) : SARD_OK; /* 18 wants one of them */
}

/* Extents of the n pieces of an axis of extent `whole`. */
static sard_status pieces(const attr *num, const int64_t *given, uint32_t n_given, int64_t whole, uint32_t n,
                          int64_t *piece, sard_error *err) {
    if (given) {
        FAIL_IF(n_given != n, err, SARD_INVALID_ARGUMENT, "split has %u pieces, the node %u outputs", n_given, n);
        int64_t sum = 0;
        for (uint32_t i = 0; i < n; i++) {
            FAIL_IF(given[i] < 0, err, SARD_INVALID_ARGUMENT, "split[%u] is %lld", i, (long long)given[i]);
            FAIL_IF(add_i64(sum, given[i], &sum), err, SARD_INVALID_ARGUMENT, "the pieces of split overflow");
            piece[i] = given[i];
        }
        FAIL_IF(sum != whole, err, SARD_INVALID_ARGUMENT, "the pieces of split add up to %lld, the axis has %lld",
                (long long)sum, (long long)whole);
        return SARD_OK;
    }
    FAIL_IF(num->type == ATTR_INT && num->i != n, err, SARD_INVALID_MODEL,
            "attribute 'num_outputs' is %lld, the node has %u outputs", (long long)num->i, n);
    FAIL_IF(num->type == ATTR_NONE && whole % n != 0, err, SARD_INVALID_ARGUMENT,
            "an axis of %lld cannot be cut into %u equal pieces", (long long)whole, n);
    int64_t each = (whole + n - 1) / n, left = whole;
    for (uint32_t i = 0; i < n; i++) {
        piece[i] = left < each ? left : each;
        left -= piece[i];
    }
    FAIL_IF(left != 0, err, SARD_INTERNAL, "pieces do not cover the axis");
    return SARD_OK;
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[0];
    int axis;
    for (uint32_t i = 0; i < c->n_out; i++) c->out[i] = *x;
    if (x->rank < 0) return SARD_OK;
    TRY(axis_fix(infer_attr(c, AXIS)->i, x->rank, &axis, err));
    for (uint32_t i = 0; i < c->n_out; i++) c->out[i].dim[axis] = DIM_UNKNOWN;
    uint32_t n_given = 0;
    const int64_t *given = infer_has(c, 1) ? infer_ints(c, 1, &n_given) : NULL;
    if (infer_has(c, 1) && !given) return SARD_OK;
    if (!dim_known(x->dim[axis])) {
        for (uint32_t i = 0; given && i < c->n_out && i < n_given; i++) c->out[i].dim[axis] = given[i];
        return SARD_OK;
    }
    int64_t *piece = arena_alloc(c->mem, c->n_out * sizeof *piece);
    if (!piece) return err_nomem(err, c->n_out * sizeof *piece);
    TRY(pieces(infer_attr(c, NUM_OUTPUTS), given, n_given, x->dim[axis], c->n_out, piece, err));
    for (uint32_t i = 0; i < c->n_out; i++) c->out[i].dim[axis] = piece[i];
    if (x->rank == 1 && c->in_known[0].v) {
        int64_t at = 0;
        for (uint32_t i = 0; i < c->n_out; at += piece[i], i++)
            c->out_known[i] = (known){c->in_known[0].v + at, (uint32_t)piece[i]};
    }
    return SARD_OK;
}

static sard_status cut(op_ctx *c, int axis, const int64_t *piece, sard_error *err) {
    const tensor *x = op_in(c, 0);
    size_t size = (size_t)dtype_bits(x->dtype) / 8;
    const char *from = tensor_data(x);
    for (uint32_t i = 0; i < op_n_out(c); i++) {
        shape s = shape_of(x);
        s.dim[axis] = piece[i];
        if (op_wants(c, i)) {
            tensor *y;
            TRY(op_out(c, i, (sard_dtype)x->dtype, &s, &y, err));
            move_box b = {.rank = s.rank};
            memcpy(b.dim, s.dim, sizeof b.dim);
            memcpy(b.src, x->stride, sizeof b.src);
            memcpy(b.dst, y->stride, sizeof b.dst);
            TRY(move_copy(&b, size, from, tensor_data(y), op_par(c), err));
        }
        from += piece[i] * x->stride[axis] * (int64_t)size;
    }
    return SARD_OK;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0), *given = op_in(c, 1);
    uint32_t n = op_n_out(c), n_given = 0;
    int axis, k = 0;
    TRY(axis_fix(op_attr(c, AXIS)->i, x->rank, &axis, err));
    void *mem;
    TRY(op_scratch(c, 2 * n * sizeof(int64_t), &mem, err));
    int64_t *piece = mem, *want = piece + n;
    if (given) {
        TRY(read_ints(given, "split", want, (int)n, &k, err));
        n_given = (uint32_t)k;
    }
    TRY(pieces(op_attr(c, NUM_OUTPUTS), given ? want : NULL, n_given, x->dim[axis], n, piece, err));
    return cut(c, axis, piece, err);
}

const op_def op_split = {
    .domain = "",
    .name = "Split",
    .doc = "a tensor cut along an axis",
    OP_SINCE(1, 2, 11, 13, 18),
    OP_ATTRS(split_attrs),
    OP_IN(split_in),
    OP_OUT(split_out),
    .flags = OP_STRIDED,
    .upgrade = upgrade,
    .infer = infer,
    .run = run,
};
