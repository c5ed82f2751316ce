/*
 * Concat -- tensors one behind the other along an axis.
 *
 *   4: axis is required (before: 1 by default)
 */
#include "kernels/move/move.h"
#include "ops/common.h"

enum { AXIS };
#define TYPES (DT_NUMBER | DT_COMPLEX | DT_BOOL | DT_STRING)
static const attr_def concat_attrs[] = {ATTR_REQ("axis", ATTR_INT)};
static const formal concat_in[] = {{.name = "inputs", .var = "T", .types = TYPES, .flags = F_VARIADIC}};
static const formal concat_out[] = {{.name = "concat_result", .var = "T", .types = TYPES}};

static sard_status upgrade(draft *d, int since, sard_error *err) {
    (void)err;
    return since < 4 && !draft_attr(d, "axis") ? draft_set_int(d, "axis", 1) : SARD_OK;
}

/* Known integers (pieces of shapes) go on when all pieces are known. */
static void concat_known(infer_ctx *c) {
    uint32_t n = 0, at = 0;
    for (uint32_t i = 0; i < c->n_in; i++) {
        if (!c->in_known[i].v) return;
        n += c->in_known[i].n;
    }
    int64_t *v = infer_known_alloc(c, n);
    if (!v) return;
    for (uint32_t i = 0; i < c->n_in; i++) {
        memcpy(v + at, c->in_known[i].v, c->in_known[i].n * sizeof *v);
        at += c->in_known[i].n;
    }
    c->out_known[0] = (known){v, n};
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    int rank = -1, axis;
    for (uint32_t i = 0; i < c->n_in && rank < 0; i++) rank = c->in[i]->rank;
    c->out[0] = type_tensor((sard_dtype)c->in[0]->dtype, rank, NULL);
    if (rank < 0) return SARD_OK;
    TRY(axis_fix(infer_attr(c, AXIS)->i, rank, &axis, err));
    int64_t *dim = c->out[0].dim;
    dim[axis] = 0;
    for (uint32_t i = 0; i < c->n_in; i++) {
        const vtype *x = c->in[i];
        if (x->rank < 0) {
            dim[axis] = DIM_UNKNOWN;
            continue;
        }
        FAIL_IF(x->rank != rank, err, SARD_INVALID_ARGUMENT, "input %u has rank %d, the ones before it %d", i, x->rank,
                rank);
        for (int a = 0; a < rank; a++) {
            if (a == axis)
                dim[a] = dim_add(c->mod, dim[a], x->dim[a]);
            else
                FAIL_IF(!dim_merge(dim[a], x->dim[a], &dim[a]), err, SARD_INVALID_ARGUMENT,
                        "input %u has extent %lld on axis %d, the ones before it %lld", i, (long long)x->dim[a], a,
                        (long long)dim[a]);
        }
    }
    if (rank == 1) concat_known(c);
    return SARD_OK;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0);
    shape s = shape_of(x);
    int axis;
    TRY(axis_fix(op_attr(c, AXIS)->i, x->rank, &axis, err));
    for (uint32_t i = 1; i < op_n_in(c); i++) {
        const tensor *t = op_in(c, i);
        FAIL_IF(t->rank != x->rank, err, SARD_INVALID_ARGUMENT, "input %u has rank %d, input 0 %d", i, t->rank,
                x->rank);
        for (int a = 0; a < x->rank; a++)
            FAIL_IF(a != axis && t->dim[a] != x->dim[a], err, SARD_INVALID_ARGUMENT,
                    "input %u has extent %lld on axis %d, input 0 has %lld", i, (long long)t->dim[a], a,
                    (long long)x->dim[a]);
        s.dim[axis] += t->dim[axis];
    }
    tensor *y;
    TRY(op_out(c, 0, (sard_dtype)x->dtype, &s, &y, err));
    size_t size = (size_t)dtype_bits(x->dtype) / 8;
    char *out = tensor_data(y);
    for (uint32_t i = 0; i < op_n_in(c); i++) {
        const tensor *t = op_in(c, i);
        move_box b = {.rank = s.rank};
        memcpy(b.dim, t->dim, sizeof b.dim);
        memcpy(b.src, t->stride, sizeof b.src);
        memcpy(b.dst, y->stride, sizeof b.dst);
        TRY(move_copy(&b, size, tensor_data(t), out, op_par(c), err));
        out += t->dim[axis] * y->stride[axis] * (int64_t)size;
    }
    return SARD_OK;
}

const op_def op_concat = {
    .domain = "",
    .name = "Concat",
    .doc = "tensors one behind the other along an axis",
    OP_SINCE(1, 4, 11, 13),
    OP_ATTRS(concat_attrs),
    OP_IN(concat_in),
    OP_OUT(concat_out),
    .flags = OP_STRIDED | OP_LAST | OP_LAST_ALL,
    .upgrade = upgrade,
    .infer = infer,
    .run = run,
};
