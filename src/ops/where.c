/*
 * Where -- condition ? X : Y with NumPy broadcasting. Numbers are one instruction of a pointwise program; strings and
 * complex numbers, which programs lack, are moved by element size.
 */
#include "ops/common.h"

#define TYPES (DT_NUMBER | DT_COMPLEX | DT_BOOL | DT_STRING)
static const formal where_in[] = {
    {.name = "condition", .var = "B", .types = DT_BOOL},
    {.name = "X", .var = "T", .types = TYPES},
    {.name = "Y", .var = "T", .types = TYPES},
};
static const formal where_out[] = {{.name = "output", .var = "T", .types = TYPES}};

static sard_status infer(infer_ctx *c, sard_error *err) {
    TRY(infer_broadcast_to(c, (sard_dtype)c->in[1]->dtype, err));
    const known *k = c->in_known;
    if (!k[0].v || !k[1].v || !k[2].v) return SARD_OK;
    uint32_t n = k[0].n;
    for (int i = 1; i < 3; i++) n = k[i].n > n ? k[i].n : n;
    for (int i = 0; i < 3; i++)
        if (k[i].n != n && k[i].n != 1) return SARD_OK;
    int64_t *v = infer_known_alloc(c, n);
    if (!v) return SARD_OK;
    for (uint32_t i = 0; i < n; i++) {
        int64_t cond = k[0].v[k[0].n == 1 ? 0 : i];
        const known *from = dim_known(cond) ? &k[cond ? 1 : 2] : NULL;
        v[i] = from ? from->v[from->n == 1 ? 0 : i] : DIM_UNKNOWN;
    }
    c->out_known[0] = (known){v, n};
    return SARD_OK;
}

static sard_status emit(const op_prep *p, pw_builder *b, const pw_val *in, pw_val *out, sard_error *err) {
    (void)err;
    out[0] = pw_op3(b, PW_WHERE, (sard_dtype)p->out[0].dtype, in[0], in[1], in[2]);
    return SARD_OK;
}

/* Strings and complex numbers: 8 or 16 bytes moved per element. */
static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *t[3] = {op_in(c, 0), op_in(c, 1), op_in(c, 2)};
    shape in[3], s;
    const shape *list[3] = {&in[0], &in[1], &in[2]};
    for (int i = 0; i < 3; i++) in[i] = shape_of(t[i]);
    TRY(shape_broadcast(list, 3, &s, err));
    tensor *y;
    TRY(op_out(c, 0, (sard_dtype)t[1]->dtype, &s, &y, err));
    size_t size = (size_t)dtype_bits(t[1]->dtype) / 8;
    int64_t stride[3][MAX_RANK], at[MAX_RANK] = {0}, pos[3] = {0}, n = tensor_count(y);
    for (int i = 0; i < 3; i++)
        if (!pw_broadcast(s.rank, s.dim, t[i]->rank, t[i]->dim, NULL, stride[i])) return SARD_INTERNAL;
    char *out = tensor_data(y);
    for (int64_t i = 0; i < n; i++, out += size) {
        int k = TENSOR_AT(t[0], uint8_t)[pos[0]] ? 1 : 2;
        memcpy(out, TENSOR_AT(t[k], char) + (size_t)pos[k] * size, size);
        for (int a = s.rank - 1; a >= 0; a--) {
            for (int q = 0; q < 3; q++) pos[q] += stride[q][a];
            if (++at[a] < s.dim[a]) break;
            for (int q = 0; q < 3; q++) pos[q] -= stride[q][a] * s.dim[a];
            at[a] = 0;
        }
    }
    return SARD_OK;
}

const op_def op_where = {
    .domain = "",
    .name = "Where",
    .doc = "condition ? X : Y",
    OP_SINCE(9, 16),
    OP_IN(where_in),
    OP_OUT(where_out),
    .infer = infer,
    .emit = emit,
    .run = run,
};
