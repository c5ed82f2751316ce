/*
 * ConstantOfShape -- a tensor of the shape given as data, filled with one value (0.0f by default).
 */
#include "kernels/move/move.h"
#include "ops/common.h"

enum { VALUE };
#define TYPES (DT_NUMBER | DT_FLOAT8 | DT_SUBBYTE | DT_BOOL)
static const attr_def fill_attrs[] = {ATTR_OPT("value", ATTR_TENSOR)};
static const formal fill_in[] = {{.name = "input", .var = "T1", .types = DT(SARD_I64), .flags = F_CONST}};
static const formal fill_out[] = {{.name = "output", .var = "T2", .types = TYPES}};

static sard_status infer(infer_ctx *c, sard_error *err) {
    const attr *a = infer_attr(c, VALUE);
    const tensor *v = a->type == ATTR_TENSOR ? mod_const_tensor(c->g->mod, a->tensor) : NULL;
    FAIL_IF(v && (tensor_count(v) != 1 || !dtype_in(v->dtype, TYPES)), err, SARD_INVALID_MODEL,
            "attribute 'value' must be a tensor of one number");
    sard_dtype t = v ? (sard_dtype)v->dtype : SARD_F32;
    const known *want = &c->in_known[0];
    const vtype *s = c->in[0];
    int n = want->v                                                         ? (int)want->n
            : s->rank == 1 && dim_known(s->dim[0]) && s->dim[0] <= MAX_RANK ? (int)s->dim[0]
                                                                            : -1;
    FAIL_IF(n > MAX_RANK, err, SARD_UNSUPPORTED, "rank %d; at most %d is offered", n, MAX_RANK);
    for (int i = 0; i < n && want->v; i++)
        FAIL_IF(dim_known(want->v[i]) && want->v[i] < 0, err, SARD_INVALID_ARGUMENT, "input[%d] is %lld", i,
                (long long)want->v[i]);
    c->out[0] = type_tensor(t, n, want->v);
    if (n != 1 || !want->v || !dim_known(want->v[0]) || want->v[0] > KNOWN_MAX) return SARD_OK;
    if (!v || !dtype_in(t, DT(SARD_I64) | DT(SARD_I32))) return SARD_OK;
    int64_t *k = infer_known_alloc(c, (uint32_t)want->v[0]);
    for (int64_t i = 0; k && i < want->v[0]; i++) k[i] = tensor_get_i64(v, 0);
    if (k) c->out_known[0] = (known){k, (uint32_t)want->v[0]};
    return SARD_OK;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const attr *a = op_attr(c, VALUE);
    const tensor *v = a->type == ATTR_TENSOR ? mod_const_tensor(op_graph(c)->mod, a->tensor) : NULL;
    shape s;
    TRY(read_ints(op_in(c, 0), "input", s.dim, MAX_RANK, &s.rank, err));
    for (int i = 0; i < s.rank; i++)
        FAIL_IF(s.dim[i] < 0, err, SARD_INVALID_ARGUMENT, "input[%d] is %lld", i, (long long)s.dim[i]);
    tensor *y;
    TRY(op_out(c, 0, v ? (sard_dtype)v->dtype : SARD_F32, &s, &y, err));
    int64_t n = tensor_count(y);
    if (n == 0) return SARD_OK;
    if (dtype_subbyte(y->dtype)) {
        for (int64_t i = 0; i < n; i++)
            subbyte_set(tensor_data(y), y->dtype, i, v ? subbyte_get(tensor_data(v), v->dtype, 0) : 0);
        return SARD_OK;
    }
    move_box b = {.rank = 1, .dim = {n}, .dst = {1}};
    static const float zero = 0;
    move_fill(&b, (size_t)dtype_bits(y->dtype) / 8, v ? tensor_data(v) : &zero, tensor_data(y));
    return SARD_OK;
}

const op_def op_constantofshape = {
    .domain = "",
    .name = "ConstantOfShape",
    .doc = "a tensor filled with one value",
    OP_SINCE(9, 20, 21, 23, 24, 25),
    OP_ATTRS(fill_attrs),
    OP_IN(fill_in),
    OP_OUT(fill_out),
    .infer = infer,
    .run = run,
};
