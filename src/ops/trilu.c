/*
 * Trilu -- the upper or lower triangle of the last two axes, zeros elsewhere; k moves the diagonal to the right.
 * EyeLike -- ones on a diagonal of a matrix shaped like the input, zeros elsewhere.
 */
#include "ops/index.h"

#define TYPES (DT_NUMBER | DT_COMPLEX | DT_BOOL | DT_STRING)
enum { UPPER };
static const attr_def trilu_attrs[] = {ATTR_I("upper", 1)};
static const formal trilu_in[] = {
    {.name = "input", .var = "T", .types = TYPES},
    {.name = "k", .types = DT(SARD_I64), .flags = F_OPTIONAL},
};
static const formal trilu_out[] = {{.name = "output", .var = "T", .types = TYPES}};

static sard_status infer_trilu(infer_ctx *c, sard_error *err) {
    FAIL_IF(c->in[0]->rank >= 0 && c->in[0]->rank < 2, err, SARD_INVALID_ARGUMENT,
            "the input has rank %d; 2 is the least", c->in[0]->rank);
    return infer_same(c, err);
}

typedef struct job {
    const char *x;
    char *y;
    int64_t rows, columns, k;
    size_t size;
    bool upper;
} job;

static sard_status some(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    (void)worker, (void)err;
    const job *j = arg;
    for (int64_t i = from; i < to; i++) {
        int64_t edge = i % j->rows, n = j->columns; /* upper: kept from edge + k on; lower: up to there */
        int64_t cut = __builtin_add_overflow(edge, j->k + (j->upper ? 0 : 1), &cut) ? n : cut;
        cut = cut < 0 ? 0 : cut > n ? n : cut;
        const char *x = j->x + (size_t)(i * n) * j->size;
        char *y = j->y + (size_t)(i * n) * j->size;
        size_t head = (size_t)cut * j->size, tail = (size_t)(n - cut) * j->size;
        memset(j->upper ? y : y + head, 0, j->upper ? head : tail);
        if (x != y) memcpy(j->upper ? y + head : y, j->upper ? x + head : x, j->upper ? tail : head);
    }
    return SARD_OK;
}

static sard_status run_trilu(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0), *k = op_in(c, 1);
    shape s = shape_of(x);
    tensor *y;
    FAIL_IF(x->rank < 2, err, SARD_INVALID_ARGUMENT, "the input has rank %d; 2 is the least", x->rank);
    FAIL_IF(k && tensor_count(k) != 1, err, SARD_INVALID_ARGUMENT, "k has %lld elements; 1 is needed",
            (long long)tensor_count(k));
    TRY(op_out(c, 0, (sard_dtype)x->dtype, &s, &y, err));
    if (tensor_count(y) == 0) return SARD_OK;
    job j = {.x = tensor_data(x), .y = tensor_data(y), .size = element_size(x), .upper = op_attr(c, UPPER)->i != 0};
    j.rows = x->dim[x->rank - 2], j.columns = x->dim[x->rank - 1], j.k = k ? *TENSOR_AT(k, int64_t) : 0;
    if (j.k > j.columns) j.k = j.columns;
    if (j.k < -j.rows) j.k = -j.rows - 1;
    int64_t grain = (1 << 15) / (j.columns + 1);
    return par_for(op_par(c), tensor_count(y) / j.columns, grain > 1 ? grain : 1, some, &j, err);
}

const op_def op_trilu = {
    .domain = "",
    .name = "Trilu",
    .doc = "the upper or lower triangle of matrices",
    OP_SINCE(14),
    OP_ATTRS(trilu_attrs),
    OP_IN(trilu_in),
    OP_OUT(trilu_out),
    .flags = OP_INPLACE0,
    .infer = infer_trilu,
    .run = run_trilu,
};

/* ---- EyeLike ------------------------------------------------------------------------------------------------------- */

enum { DTYPE, K };
static const attr_def eye_attrs[] = {ATTR_OPT("dtype", ATTR_INT), ATTR_I("k", 0)};
static const formal eye_in[] = {{.name = "input", .var = "T1", .types = DT_NUMBER | DT_BOOL}};
static const formal eye_out[] = {{.name = "output", .var = "T2", .types = DT_NUMBER | DT_BOOL}};

static sard_status eye_type(const attr *a, int x, sard_dtype *out, sard_error *err) {
    *out = a->type == ATTR_NONE ? (sard_dtype)x : (sard_dtype)a->i;
    FAIL_IF(a->type != ATTR_NONE && (a->i < 0 || a->i >= SARD_DTYPE_COUNT || !dtype_in((int)a->i, DT_NUMBER | DT_BOOL)),
            err, SARD_INVALID_MODEL, "attribute 'dtype' is %lld", (long long)a->i);
    return SARD_OK;
}

static sard_status infer_eye(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[0];
    sard_dtype t;
    FAIL_IF(x->rank >= 0 && x->rank != 2, err, SARD_INVALID_ARGUMENT, "the input has rank %d; 2 is needed", x->rank);
    TRY(eye_type(infer_attr(c, DTYPE), x->dtype, &t, err));
    c->out[0] = type_tensor(t, 2, x->rank == 2 ? x->dim : NULL);
    return SARD_OK;
}

static sard_status run_eye(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0);
    shape s = shape_of(x);
    sard_dtype t;
    tensor *y;
    TRY(eye_type(op_attr(c, DTYPE), x->dtype, &t, err));
    FAIL_IF(x->rank != 2, err, SARD_INVALID_ARGUMENT, "the input has rank %d; 2 is needed", x->rank);
    TRY(op_out(c, 0, t, &s, &y, err));
    memset(tensor_data(y), 0, tensor_bytes(y));
    int64_t k = op_attr(c, K)->i;
    for (int64_t i = k < 0 ? -(k + 1) + 1 : 0; i < s.dim[0] && k < s.dim[1] - i; i++)
        tensor_set_f64(y, i * s.dim[1] + i + k, 1);
    return SARD_OK;
}

const op_def op_eyelike = {
    .domain = "",
    .name = "EyeLike",
    .doc = "ones on a diagonal",
    OP_SINCE(9, 22),
    OP_ATTRS(eye_attrs),
    OP_IN(eye_in),
    OP_OUT(eye_out),
    .flags = OP_SHAPE_ONLY,
    .infer = infer_eye,
    .run = run_eye,
};
