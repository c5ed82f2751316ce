/*
 * Equal -- a == b with NumPy broadcasting. Strings, which pointwise programs lack, are compared byte by byte.
 *
 *   7: NumPy broadcasting (before: attributes broadcast, axis)    19: strings
 */
#include "ops/common.h"

#define TYPES (DT_NUMBER | DT_BOOL | DT_STRING)
static const formal equal_in[] = {{.name = "A", .var = "T", .types = TYPES}, {.name = "B", .var = "T", .types = TYPES}};
static const formal equal_out[] = {{.name = "C", .var = "T1", .types = DT_BOOL}};

static sard_status infer(infer_ctx *c, sard_error *err) {
    TRY(infer_broadcast_bool(c, err));
    const int64_t *a, *b;
    uint32_t n, m;
    a = infer_ints(c, 0, &n), b = infer_ints(c, 1, &m);
    if (!a || !b || (n != m && n != 1 && m != 1)) return SARD_OK;
    uint32_t k = n > m ? n : m;
    int64_t *v = infer_known_alloc(c, k);
    if (!v) return SARD_OK;
    for (uint32_t i = 0; i < k; i++) v[i] = a[n == 1 ? 0 : i] == b[m == 1 ? 0 : i];
    c->out_known[0] = (known){v, k};
    return SARD_OK;
}

static sard_status emit(const op_prep *p, pw_builder *b, const pw_val *in, pw_val *out, sard_error *err) {
    (void)p, (void)err;
    out[0] = pw_op2(b, PW_EQ, SARD_BOOL, in[0], in[1]);
    return SARD_OK;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *t[2] = {op_in(c, 0), op_in(c, 1)};
    shape in[2] = {shape_of(t[0]), shape_of(t[1])}, s;
    const shape *list[2] = {&in[0], &in[1]};
    TRY(shape_broadcast(list, 2, &s, err));
    tensor *y;
    TRY(op_out(c, 0, SARD_BOOL, &s, &y, err));
    int64_t stride[2][MAX_RANK], at[MAX_RANK] = {0}, pos[2] = {0}, n = tensor_count(y);
    for (int i = 0; i < 2; i++)
        if (!pw_broadcast(s.rank, s.dim, t[i]->rank, t[i]->dim, NULL, stride[i])) return SARD_INTERNAL;
    uint8_t *out = tensor_data(y);
    for (int64_t i = 0; i < n; i++) {
        out[i] = str_eq(TENSOR_AT(t[0], str)[pos[0]], TENSOR_AT(t[1], str)[pos[1]]);
        for (int a = s.rank - 1; a >= 0; a--) {
            for (int q = 0; q < 2; q++) pos[q] += stride[q][a];
            if (++at[a] < s.dim[a]) break;
            for (int q = 0; q < 2; q++) pos[q] -= stride[q][a] * s.dim[a];
            at[a] = 0;
        }
    }
    return SARD_OK;
}

const op_def op_equal = {
    .domain = "",
    .name = "Equal",
    .doc = "a == b",
    OP_SINCE(1, 7, 11, 13, 19),
    OP_IN(equal_in),
    OP_OUT(equal_out),
    .flags = OP_COMMUTES,
    .upgrade = upgrade_old_broadcast,
    .infer = infer,
    .emit = emit,
    .run = run,
};
