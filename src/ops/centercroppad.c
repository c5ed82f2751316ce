/*
 * CenterCropPad -- axes cut or filled up with zeros to given extents, the middle staying in the middle.
 */
#include "kernels/move/move.h"
#include "ops/index.h"

enum { AXES };
#define TYPES (DT_NUMBER | DT_COMPLEX | DT_BOOL | DT_STRING)
static const attr_def crop_attrs[] = {ATTR_OPT("axes", ATTR_INTS)};
static const formal crop_in[] = {
    {.name = "input_data", .var = "T", .types = TYPES},
    {.name = "shape", .var = "Tind", .types = DT(SARD_I32) | DT(SARD_I64), .flags = F_CONST},
};
static const formal crop_out[] = {{.name = "output_data", .var = "T", .types = TYPES}};

/* Puts the n extents where the axes say; others stay. */
static sard_status targets(const attr *a, int rank, const int64_t *want, int n, int64_t *dim, sard_error *err) {
    int k = a->type == ATTR_NONE ? rank : (int)a->ints.n;
    FAIL_IF(n != k, err, SARD_INVALID_ARGUMENT, "shape has %d elements; %d are needed", n, k);
    for (int i = 0; i < n; i++) {
        int axis = i;
        if (a->type != ATTR_NONE) TRY(axis_fix(a->ints.v[i], rank, &axis, err));
        FAIL_IF(dim_known(want[i]) && want[i] < 0, err, SARD_INVALID_ARGUMENT, "shape[%d] is %lld", i,
                (long long)want[i]);
        dim[axis] = want[i];
    }
    return SARD_OK;
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[0];
    const known *k = &c->in_known[1];
    const attr *a = infer_attr(c, AXES);
    c->out[0] = type_tensor((sard_dtype)x->dtype, x->rank, x->dim);
    if (x->rank < 0) return SARD_OK;
    if (k->v && k->n <= MAX_RANK) return targets(a, x->rank, k->v, (int)k->n, c->out[0].dim, err);
    int64_t open[MAX_RANK];
    for (int i = 0; i < MAX_RANK; i++) open[i] = DIM_UNKNOWN;
    int n = a->type == ATTR_NONE ? x->rank : (int)a->ints.n;
    FAIL_IF(n > MAX_RANK, err, SARD_INVALID_MODEL, "attribute 'axes' has %d numbers", n);
    return targets(a, x->rank, open, n, c->out[0].dim, err);
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0);
    int64_t want[MAX_RANK], from = 0, to = 0;
    int n;
    shape s = shape_of(x);
    tensor *y;
    TRY(read_ints(op_in(c, 1), "shape", want, MAX_RANK, &n, err));
    TRY(targets(op_attr(c, AXES), x->rank, want, n, s.dim, err));
    FAIL_IF(shape_count(&s) < 0, err, SARD_LIMIT, "the output is too large");
    TRY(op_out(c, 0, (sard_dtype)x->dtype, &s, &y, err));
    move_box b = {.rank = s.rank};
    bool pads = false;
    for (int a = 0; a < s.rank; a++) {
        int64_t in = x->dim[a], out = s.dim[a];
        pads |= out > in;
        b.dim[a] = in < out ? in : out, b.src[a] = x->stride[a], b.dst[a] = y->stride[a];
        if (in > out) from += (in - out) / 2 * x->stride[a];
        if (out > in) to += (out - in) / 2 * y->stride[a];
    }
    if (pads) memset(tensor_data(y), 0, tensor_bytes(y));
    if (tensor_count(y) == 0 || tensor_count(x) == 0) return SARD_OK;
    int64_t size = (int64_t)element_size(x);
    return move_copy(&b, (size_t)size, TENSOR_AT(x, char) + from * size, TENSOR_AT(y, char) + to * size, op_par(c),
                     err);
}

const op_def op_centercroppad = {
    .domain = "",
    .name = "CenterCropPad",
    .doc = "axes cut or filled up around the middle",
    OP_SINCE(18),
    OP_ATTRS(crop_attrs),
    OP_IN(crop_in),
    OP_OUT(crop_out),
    .flags = OP_STRIDED,
    .infer = infer,
    .run = run,
};
