/*
 * Reshape -- the same elements under another shape: a view, nothing is copied.
 *
 *   5: the attribute shape became an input     14: allowzero
 */
#include "ops/common.h"

enum { ALLOWZERO };
static const attr_def reshape_attrs[] = {ATTR_I("allowzero", 0)};
static const formal reshape_in[] = {
    {.name = "data", .var = "T", .types = DT_ALL},
    {.name = "shape", .types = DT(SARD_I64), .flags = F_CONST},
};
static const formal reshape_out[] = {{.name = "reshaped", .var = "T", .types = DT_ALL}};

static sard_status upgrade(draft *d, int since, sard_error *err) {
    (void)err;
    return since < 5 ? draft_attr_to_input(d, "shape", 1, SARD_I64, true) : SARD_OK;
}

/* The new dimensions from the request, symbols allowed: 0 copies (unless allowzero), one -1 takes what is left. */
static sard_status new_dims(module *m, const vtype *x, const int64_t *want, int n, bool allowzero, int64_t *dim,
                            sard_error *err) {
    int infer = -1;
    int64_t rest = 1, total = x->rank < 0 ? DIM_UNKNOWN : 1;
    for (int i = 0; i < x->rank; i++) total = dim_mul(m, total, x->dim[i]);
    for (int i = 0; i < n; i++) {
        FAIL_IF(dim_known(want[i]) && want[i] < -1, err, SARD_INVALID_ARGUMENT, "shape[%d] is %lld; -1 is the least", i,
                (long long)want[i]);
        dim[i] = want[i];
        if (want[i] == -1) {
            FAIL_IF(infer >= 0, err, SARD_INVALID_ARGUMENT, "shape has -1 at %d and at %d; one is allowed", infer, i);
            infer = i;
            continue;
        }
        if (want[i] == 0 && !allowzero) {
            FAIL_IF(x->rank >= 0 && i >= x->rank, err, SARD_INVALID_ARGUMENT,
                    "shape[%d] is 0, which copies dimension %d of an input of rank %d", i, i, x->rank);
            dim[i] = x->rank >= 0 ? x->dim[i] : DIM_UNKNOWN;
        }
        rest = dim_mul(m, rest, dim[i]);
    }
    if (infer >= 0) {
        dim[infer] = DIM_UNKNOWN;
        if (rest == 0) {
            FAIL_IF(dim_known(total) && total != 0, err, SARD_INVALID_ARGUMENT,
                    "-1 in shape cannot be found: the other dimensions have no elements, the input %lld",
                    (long long)total);
            dim[infer] = dim_known(total) ? 0 : DIM_UNKNOWN;
        } else if (dim_known(total) && dim_known(rest)) {
            FAIL_IF(total % rest != 0, err, SARD_INVALID_ARGUMENT, "%lld elements cannot be divided into rows of %lld",
                    (long long)total, (long long)rest);
            dim[infer] = total / rest;
        } else if (total != DIM_UNKNOWN && rest != DIM_UNKNOWN) {
            dim[infer] = rest == 1 ? total : dim_known(rest) ? dim_div(m, total, rest) : DIM_UNKNOWN;
        }
    } else {
        FAIL_IF(dim_known(total) && dim_known(rest) && total != rest, err, SARD_INVALID_ARGUMENT,
                "the input has %lld elements, the shape asks for %lld", (long long)total, (long long)rest);
    }
    return SARD_OK;
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    const known *want = &c->in_known[1];
    c->out[0] = type_tensor((sard_dtype)c->in[0]->dtype, -1, NULL);
    if (!want->v) { /* the rank may be known from the shape's own shape */
        const vtype *s = c->in[1];
        if (s->rank == 1 && dim_known(s->dim[0]) && s->dim[0] <= MAX_RANK)
            c->out[0] = type_tensor((sard_dtype)c->in[0]->dtype, (int)s->dim[0], NULL);
        return SARD_OK;
    }
    FAIL_IF(want->n > MAX_RANK, err, SARD_UNSUPPORTED, "rank %u; at most %d is offered", want->n, MAX_RANK);
    int64_t dim[MAX_RANK];
    TRY(new_dims(c->mod, c->in[0], want->v, (int)want->n, infer_attr(c, ALLOWZERO)->i != 0, dim, err));
    c->out[0] = type_tensor((sard_dtype)c->in[0]->dtype, (int)want->n, dim);
    if (want->n <= 1) c->out_known[0] = c->in_known[0];
    return SARD_OK;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0), *want = op_in(c, 1);
    int64_t v[MAX_RANK], dim[MAX_RANK];
    int n = 0;
    FAIL_IF(want->rank != 1, err, SARD_INVALID_ARGUMENT, "shape has rank %d; 1 is needed", want->rank);
    TRY(read_ints(want, "shape", v, MAX_RANK, &n, err));
    vtype xt = type_of_tensor(x);
    TRY(new_dims(NULL, &xt, v, n, op_attr(c, ALLOWZERO)->i != 0, dim, err));
    shape s = {.rank = n};
    memcpy(s.dim, dim, (size_t)n * sizeof *dim);
    return op_out_view(c, 0, 0, &s, err);
}

const op_def op_reshape = {
    .domain = "",
    .name = "Reshape",
    .doc = "the same elements under another shape",
    OP_SINCE(1, 5, 13, 14, 19, 21, 23, 24, 25),
    OP_ATTRS(reshape_attrs),
    OP_IN(reshape_in),
    OP_OUT(reshape_out),
    .flags = OP_VIEW0,
    .upgrade = upgrade,
    .infer = infer,
    .run = run,
};
