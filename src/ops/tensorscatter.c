/*
 * TensorScatter -- a cache with new steps written along its sequence axis from an index per batch element on.
 */
#include "ops/index.h"

enum { AXIS, MODE };
#define TYPES (DT_NUMBER | DT_FLOAT8 | DT_SUBBYTE | DT_COMPLEX | DT_BOOL | DT_STRING)
static const attr_def cache_attrs[] = {ATTR_I("axis", -2), ATTR_S("mode", "linear")};
static const formal cache_in[] = {
    {.name = "past_cache", .var = "T", .types = TYPES},
    {.name = "update", .var = "T", .types = TYPES},
    {.name = "write_indices", .types = DT(SARD_I64), .flags = F_OPTIONAL},
};
static const formal cache_out[] = {{.name = "present_cache", .var = "T", .types = TYPES}};

static sard_status check(const attr *attrs, const vtype *x, const vtype *u, int *axis, int *circular, sard_error *err) {
    static const char *const words[] = {"linear", "circular"};
    TRY(attr_word(&attrs[MODE], "mode", words, 2, circular, err));
    if (x->rank < 0 || u->rank < 0) return SARD_OK;
    TRY(axis_fix(attrs[AXIS].i, x->rank, axis, err));
    FAIL_IF(*axis == 0, err, SARD_INVALID_MODEL, "axis 0 is the batch; it cannot be the sequence");
    FAIL_IF(x->rank != u->rank, err, SARD_INVALID_ARGUMENT, "past_cache has rank %d, update %d", x->rank, u->rank);
    for (int i = 0; i < x->rank; i++)
        FAIL_IF(dim_known(x->dim[i]) && dim_known(u->dim[i]) &&
                    (i == *axis ? u->dim[i] > x->dim[i] : u->dim[i] != x->dim[i]),
                err, SARD_INVALID_ARGUMENT, "past_cache has extent %lld on axis %d, update %lld", (long long)x->dim[i],
                i, (long long)u->dim[i]);
    return SARD_OK;
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    int axis, circular;
    TRY(check(c->node->attrs, c->in[0], c->in[1], &axis, &circular, err));
    return infer_same(c, err);
}

static void put(tensor *y, int64_t to, const tensor *u, int64_t from, int64_t n) {
    if (!dtype_subbyte(y->dtype)) {
        size_t size = element_size(y);
        memcpy(TENSOR_AT(y, char) + (size_t)to * size, TENSOR_AT(u, char) + (size_t)from * size, (size_t)n * size);
        return;
    }
    for (int64_t i = 0; i < n; i++)
        subbyte_set(tensor_data(y), y->dtype, to + i, subbyte_get(tensor_data(u), u->dtype, from + i));
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0), *u = op_in(c, 1), *at = op_in(c, 2);
    vtype tx = type_of_tensor(x), tu = type_of_tensor(u);
    int axis = 0, circular;
    tensor *y;
    shape s = shape_of(x);
    TRY(check(op_node(c)->attrs, &tx, &tu, &axis, &circular, err));
    FAIL_IF(at && (at->rank != 1 || at->dim[0] != x->dim[0]), err, SARD_INVALID_ARGUMENT,
            "write_indices must have %lld elements", (long long)x->dim[0]);
    int64_t steps = u->dim[axis], room = x->dim[axis], inner = dims_count(x->dim + axis + 1, x->rank - axis - 1);
    int64_t rows = dims_count(x->dim, axis), per_batch = dims_count(x->dim + 1, axis - 1);
    for (int64_t b = 0; at && b < x->dim[0]; b++) {
        int64_t k = TENSOR_AT(at, int64_t)[b];
        FAIL_IF(k < 0 || (!circular && k > room - steps), err, SARD_INVALID_ARGUMENT,
                "write_indices[%lld] is %lld; %lld steps do not fit behind it in %lld", (long long)b, (long long)k,
                (long long)steps, (long long)room);
    }
    TRY(op_out(c, 0, (sard_dtype)x->dtype, &s, &y, err));
    if (tensor_data(y) != tensor_data(x)) memcpy(tensor_data(y), tensor_data(x), tensor_bytes(x));
    if (tensor_count(u) == 0) return SARD_OK;
    for (int64_t r = 0; r < rows; r++) {
        int64_t k = at ? TENSOR_AT(at, int64_t)[r / per_batch] % room : 0;
        int64_t head = steps < room - k ? steps : room - k; /* before it wraps */
        put(y, (r * room + k) * inner, u, r * steps * inner, head * inner);
        put(y, r * room * inner, u, (r * steps + head) * inner, (steps - head) * inner);
    }
    return SARD_OK;
}

const op_def op_tensorscatter = {
    .domain = "",
    .name = "TensorScatter",
    .doc = "a cache with new steps written into it",
    OP_SINCE(24),
    OP_ATTRS(cache_attrs),
    OP_IN(cache_in),
    OP_OUT(cache_out),
    .flags = OP_INPLACE0,
    .infer = infer,
    .run = run,
};
