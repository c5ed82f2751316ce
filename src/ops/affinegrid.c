/*
 * AffineGrid -- for every pixel of an image of the given size, the position an affine map sends it to, in [-1, 1].
 *
 * Computed in double, rounded once.
 */
#include "ops/common.h"

enum { ALIGN };
static const attr_def grid_attrs[] = {ATTR_I("align_corners", 0)};
static const formal grid_in[] = {{.name = "theta", .var = "T1", .types = DT_FLOAT},
                                 {.name = "size", .var = "T2", .types = DT(SARD_I64), .flags = F_CONST}};
static const formal grid_out[] = {{.name = "grid", .var = "T1", .types = DT_FLOAT}};

/* size [N, C, spatial ...] -> [N, spatial ..., axes] */
static sard_status dims(const int64_t *size, int n, int64_t *out, sard_error *err) {
    FAIL_IF(n != 4 && n != 5, err, SARD_INVALID_ARGUMENT, "size has %d elements; 4 or 5 are needed", n);
    out[0] = size[0], out[n - 1] = n - 2;
    for (int i = 0; i < n - 2; i++) out[i + 1] = size[i + 2];
    for (int i = 0; i < n; i++)
        FAIL_IF(dim_known(size[i]) && size[i] < 0, err, SARD_INVALID_ARGUMENT, "size[%d] is %lld", i,
                (long long)size[i]);
    return SARD_OK;
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    const known *k = &c->in_known[1];
    const vtype *t = c->in[0];
    int rank = t->rank == 3 && dim_known(t->dim[1]) ? (int)t->dim[1] + 2 : -1;
    c->out[0] = type_tensor((sard_dtype)t->dtype, rank == 4 || rank == 5 ? rank : -1, NULL);
    if (!k->v || k->n > MAX_RANK) return SARD_OK;
    c->out[0] = type_tensor((sard_dtype)t->dtype, (int)k->n, NULL);
    return dims(k->v, (int)k->n, c->out[0].dim, err);
}

/* Coordinate i of n along an axis. */
static double coordinate(int64_t i, int64_t n, bool align) {
    if (!align) return (double)(2 * i + 1) / (double)n - 1;
    return n == 1 ? -1 : (double)(2 * i) / (double)(n - 1) - 1;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *t = op_in(c, 0);
    int64_t size[5];
    int n;
    shape s = {0};
    tensor *y;
    TRY(read_ints(op_in(c, 1), "size", size, 5, &n, err));
    s.rank = n;
    TRY(dims(size, n, s.dim, err));
    FAIL_IF(shape_count(&s) < 0, err, SARD_LIMIT, "the grid is too large");
    int axes = n - 2;
    FAIL_IF(t->rank != 3 || t->dim[0] != s.dim[0] || t->dim[1] != axes || t->dim[2] != axes + 1, err,
            SARD_INVALID_ARGUMENT, "theta must be [%lld, %d, %d]", (long long)s.dim[0], axes, axes + 1);
    TRY(op_out(c, 0, (sard_dtype)t->dtype, &s, &y, err));
    int64_t points = tensor_count(y) / axes;
    for (int64_t i = 0; i < points; i++) {
        double x[3];
        int64_t rest = i;
        for (int a = 0; a < axes; a++) { /* x first: the last spatial axis */
            int64_t d = s.dim[axes - a];
            x[a] = coordinate(rest % d, d, op_attr(c, ALIGN)->i != 0), rest /= d;
        }
        for (int r = 0; r < axes; r++) {
            int64_t row = (rest * axes + r) * (axes + 1);
            double v = 0;
            for (int a = 0; a < axes; a++) v = v + tensor_get_f64(t, row + a) * x[a];
            tensor_set_f64(y, i * axes + r, v + tensor_get_f64(t, row + axes));
        }
    }
    return SARD_OK;
}

const op_def op_affinegrid = {
    .domain = "",
    .name = "AffineGrid",
    .doc = "positions of pixels under an affine map",
    OP_SINCE(20),
    OP_ATTRS(grid_attrs),
    OP_IN(grid_in),
    OP_OUT(grid_out),
    .infer = infer,
    .run = run,
};
