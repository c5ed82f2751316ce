/*
 * Slice -- every step-th element from start to end along some axes (Python's rules: negative counts from the end,
 * out of range is clamped).
 *
 *   10: attributes starts, ends, axes became inputs; steps
 */
#include "kernels/move/move.h"
#include "ops/common.h"

enum { DATA, STARTS, ENDS, AXES, STEPS };
#define TYPES (DT_NUMBER | DT_COMPLEX | DT_BOOL | DT_STRING)
#define INDEX (DT(SARD_I32) | DT(SARD_I64))
static const formal slice_in[] = {
    {.name = "data", .var = "T", .types = TYPES},
    {.name = "starts", .var = "Tind", .types = INDEX, .flags = F_CONST},
    {.name = "ends", .var = "Tind", .types = INDEX, .flags = F_CONST},
    {.name = "axes", .var = "Tind", .types = INDEX, .flags = F_OPTIONAL | F_CONST},
    {.name = "steps", .var = "Tind", .types = INDEX, .flags = F_OPTIONAL | F_CONST},
};
static const formal slice_out[] = {{.name = "output", .var = "T", .types = TYPES}};

static sard_status upgrade(draft *d, int since, sard_error *err) {
    (void)err;
    if (since >= 10) return SARD_OK;
    TRY(draft_attr_to_input(d, "starts", STARTS, SARD_I64, true));
    TRY(draft_attr_to_input(d, "ends", ENDS, SARD_I64, true));
    return draft_attr_to_input(d, "axes", AXES, SARD_I64, true);
}

typedef struct cut { /* what is asked along each axis; step 0: nothing */
    int64_t start[MAX_RANK], end[MAX_RANK], step[MAX_RANK];
} cut;

/* Orders the four lists by axis. Elements may be unknown (inference). */
static sard_status cuts(int rank, const int64_t *start, const int64_t *end, const int64_t *axes, const int64_t *steps,
                        int n, cut *out, sard_error *err) {
    memset(out, 0, sizeof *out);
    for (int i = 0; i < n; i++) {
        int axis = i;
        FAIL_IF(!axes && i >= rank, err, SARD_INVALID_ARGUMENT, "%d starts for an input of rank %d", n, rank);
        if (axes) TRY(axis_fix(axes[i], rank, &axis, err));
        FAIL_IF(out->step[axis], err, SARD_INVALID_ARGUMENT, "axis %d is named twice", axis);
        int64_t step = steps ? steps[i] : 1;
        FAIL_IF(step == 0, err, SARD_INVALID_ARGUMENT, "the step of axis %d is 0", axis);
        out->start[axis] = start[i], out->end[axis] = end[i], out->step[axis] = step;
    }
    return SARD_OK;
}

/* Start and number of elements along an axis of extent d. */
static int64_t clamp_cut(int64_t d, int64_t step, int64_t *start, int64_t end) {
    int64_t lo = step > 0 ? 0 : -1, hi = step > 0 ? d : d - 1, s = *start;
    if (s < 0) s = s < -d ? lo : s + d;
    if (end < 0) end = end < -d ? lo : end + d;
    s = s < lo ? lo : s > hi ? hi : s;
    end = end < lo ? lo : end > hi ? hi : end;
    *start = s;
    if (step > 0) return end > s ? (int64_t)(((uint64_t)(end - s) - 1) / (uint64_t)step) + 1 : 0;
    return s > end ? (int64_t)(((uint64_t)(s - end) - 1) / (0 - (uint64_t)step)) + 1 : 0;
}

static int64_t cut_dim(infer_ctx *c, int64_t d, const cut *k, int axis) {
    int64_t start = k->start[axis], end = k->end[axis], step = k->step[axis];
    if (dim_known(d) && dim_known(start) && dim_known(end) && dim_known(step)) return clamp_cut(d, step, &start, end);
    if (step == -1 && start == -1 && dim_known(end) && end <= INT32_MIN) return d; /* the whole axis, backwards */
    if (step != 1 || !dim_nonneg(c->mod, start) || !dim_nonneg(c->mod, end)) return DIM_UNKNOWN;
    const int64_t stop = dim_known(end) && end >= INT32_MAX ? d : dim_min(c->mod, end, d);
    if (start == 0) return stop;
    return dim_max(c->mod,
                   dim_sub(c->mod, stop, dim_known(end) && end >= INT32_MAX ? start : dim_min(c->mod, start, d)), 0);
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[DATA];
    c->out[0] = type_tensor((sard_dtype)x->dtype, x->rank, NULL);
    const known *k = c->in_known;
    bool axes = infer_has(c, AXES), steps = infer_has(c, STEPS);
    uint32_t unused;
    if (x->rank < 0 || (axes && !infer_ints(c, AXES, &unused))) return SARD_OK;
    uint32_t n = axes ? k[AXES].n : k[STARTS].v ? k[STARTS].n : k[ENDS].n;
    if ((!axes && !k[STARTS].v && !k[ENDS].v) || n > MAX_RANK) return SARD_OK;
    int64_t open[MAX_RANK], *dim = c->out[0].dim;
    for (int i = 0; i < MAX_RANK; i++) open[i] = DIM_UNKNOWN;
    for (int i = STARTS; i <= STEPS; i++)
        FAIL_IF(infer_has(c, (uint32_t)i) && k[i].v && k[i].n != n, err, SARD_INVALID_ARGUMENT,
                "starts, ends, axes and steps have different lengths (%u and %u)", k[i].n, n);
    cut q;
    TRY(cuts(x->rank, k[STARTS].v ? k[STARTS].v : open, k[ENDS].v ? k[ENDS].v : open, axes ? k[AXES].v : NULL,
             !steps       ? NULL
             : k[STEPS].v ? k[STEPS].v
                          : open,
             (int)n, &q, err));
    for (int a = 0; a < x->rank; a++) dim[a] = q.step[a] ? cut_dim(c, x->dim[a], &q, a) : x->dim[a];
    if (x->rank != 1 || !k[DATA].v || !dim_known(dim[0])) return SARD_OK;
    int64_t start = q.start[0], step = q.step[0] ? q.step[0] : 1, *v = infer_known_alloc(c, (uint32_t)dim[0]);
    if (!v) return SARD_OK;
    (void)clamp_cut(k[DATA].n, step, &start, q.end[0]);
    for (int64_t i = 0; i < dim[0]; i++) v[i] = k[DATA].v[start + i * step];
    c->out_known[0] = (known){v, (uint32_t)dim[0]};
    return SARD_OK;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    static const char *const names[] = {"data", "starts", "ends", "axes", "steps"};
    const tensor *x = op_in(c, DATA);
    int64_t list[5][MAX_RANK];
    int n = 0, k;
    for (uint32_t i = STARTS; i <= STEPS; i++) {
        if (!op_in(c, i)) continue;
        TRY(read_ints(op_in(c, i), names[i], list[i], MAX_RANK, &k, err));
        FAIL_IF(i > STARTS && k != n, err, SARD_INVALID_ARGUMENT, "%s has %d elements, starts %d", names[i], k, n);
        n = k;
    }
    cut q;
    TRY(cuts(x->rank, list[STARTS], list[ENDS], op_in(c, AXES) ? list[AXES] : NULL,
             op_in(c, STEPS) ? list[STEPS] : NULL, n, &q, err));
    shape s = shape_of(x);
    move_box b = {.rank = x->rank};
    int64_t from = 0;
    for (int a = 0; a < x->rank; a++) {
        int64_t start = q.start[a], step = q.step[a] ? q.step[a] : 1;
        if (q.step[a]) s.dim[a] = clamp_cut(x->dim[a], step, &start, q.end[a]);
        if (s.dim[a] > 0) from += start * x->stride[a];
        b.dim[a] = s.dim[a], b.src[a] = s.dim[a] > 1 ? x->stride[a] * step : x->stride[a];
    }
    tensor *y;
    TRY(op_out(c, 0, (sard_dtype)x->dtype, &s, &y, err));
    if (tensor_count(y) == 0) return SARD_OK;
    memcpy(b.dst, y->stride, sizeof b.dst);
    size_t size = (size_t)dtype_bits(x->dtype) / 8;
    return move_copy(&b, size, TENSOR_AT(x, char) + from * (int64_t)size, tensor_data(y), op_par(c), err);
}

const op_def op_slice = {
    .domain = "",
    .name = "Slice",
    .doc = "a part of a tensor, by start, end and step",
    OP_SINCE(1, 10, 11, 13),
    OP_IN(slice_in),
    OP_OUT(slice_out),
    .flags = OP_STRIDED,
    .upgrade = upgrade,
    .infer = infer,
    .run = run,
};
