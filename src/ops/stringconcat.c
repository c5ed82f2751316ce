/*
 * StringConcat -- strings put together pair by pair, with broadcasting.
 */
#include "ops/index.h"

static const formal concat_in[] = {
    {.name = "X", .var = "T", .types = DT_STRING},
    {.name = "Y", .var = "T", .types = DT_STRING},
};
static const formal concat_out[] = {{.name = "Z", .var = "T", .types = DT_STRING}};

static void broadcast_strides(const tensor *x, const shape *s, int64_t *stride) {
    for (int i = 0; i < s->rank; i++) {
        int k = i - (s->rank - x->rank);
        stride[i] = k < 0 || x->dim[k] == 1 ? 0 : x->stride[k];
    }
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0), *y = op_in(c, 1);
    shape sx = shape_of(x), sy = shape_of(y), s;
    const shape *both[2] = {&sx, &sy};
    int64_t at[MAX_RANK] = {0}, ax[MAX_RANK], ay[MAX_RANK], px = 0, py = 0;
    tensor *z;
    TRY(shape_broadcast(both, 2, &s, err));
    TRY(op_out(c, 0, SARD_STRING, &s, &z, err));
    broadcast_strides(x, &s, ax), broadcast_strides(y, &s, ay);
    int64_t n = tensor_count(z);
    size_t bytes = 0;
    str *out = tensor_data(z);
    for (int64_t i = 0; i < n; i++) { /* x, kept in the output until the bytes have a place */
        str a = TENSOR_AT(x, str)[px];
        FAIL_IF(__builtin_add_overflow(bytes, a.n, &bytes), err, SARD_LIMIT, "the strings are too long");
        out[i] = a;
        index_next(s.rank, s.dim, at, ax, &px);
    }
    memset(at, 0, sizeof at);
    for (int64_t i = 0; i < n; i++) {
        FAIL_IF(__builtin_add_overflow(bytes, TENSOR_AT(y, str)[py].n, &bytes), err, SARD_LIMIT,
                "the strings are too long");
        index_next(s.rank, s.dim, at, ay, &py);
    }
    char *to;
    TRY(op_string_space(c, bytes, &to, err));
    memset(at, 0, sizeof at);
    py = 0;
    for (int64_t i = 0; i < n; i++) {
        str a = out[i], b = TENSOR_AT(y, str)[py];
        out[i] = (str){to, a.n + b.n};
        if (a.n) memcpy(to, a.p, a.n);
        if (b.n) memcpy(to + a.n, b.p, b.n);
        to += a.n + b.n;
        index_next(s.rank, s.dim, at, ay, &py);
    }
    return SARD_OK;
}

const op_def op_stringconcat = {
    .domain = "",
    .name = "StringConcat",
    .doc = "strings put together",
    OP_SINCE(20),
    OP_IN(concat_in),
    OP_OUT(concat_out),
    .infer = infer_broadcast,
    .run = run,
};
