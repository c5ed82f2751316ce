/*
 * Col2Im -- columns of blocks put back into an image: what overlaps is added, kernel positions outer, blocks inner.
 */
#include "ops/scatter.h"
#include "ops/window.h"

enum { DILATIONS, PADS, STRIDES };
static const attr_def col_attrs[] = {ATTR_OPT("dilations", ATTR_INTS), ATTR_OPT("pads", ATTR_INTS),
                                     ATTR_OPT("strides", ATTR_INTS)};
static const window_attrs col_window = {-1, DILATIONS, -1, PADS, STRIDES, -1};
static const formal col_in[] = {
    {.name = "input", .var = "T", .types = DT_NUMBER | DT_BOOL},
    {.name = "image_shape", .types = DT(SARD_I64), .flags = F_CONST},
    {.name = "block_shape", .types = DT(SARD_I64), .flags = F_CONST},
};
static const formal col_out[] = {{.name = "output", .var = "T", .types = DT_NUMBER | DT_BOOL}};

typedef struct layout {
    window w;
    int64_t image[WINDOW_MAX], blocks[WINDOW_MAX]; /* extents; blocks along each axis */
    int64_t taps, n_blocks, channels;
} layout;

static sard_status read_layout(const attr *attrs, const int64_t *x, const int64_t *image, int n, const int64_t *block,
                               layout *q, sard_error *err) {
    TRY(window_read(attrs, &col_window, n, block, &q->w, err));
    q->taps = q->n_blocks = 1;
    for (int i = 0; i < n; i++) {
        q->image[i] = image[i];
        FAIL_IF(image[i] < 0 || image[i] > INT32_MAX, err, SARD_INVALID_ARGUMENT, "image_shape[%d] is %lld", i,
                (long long)image[i]);
        TRY(window_out(NULL, &q->w, i, image[i], &q->blocks[i], err));
        FAIL_IF(mul_i64(q->taps, q->w.kernel[i], &q->taps) || mul_i64(q->n_blocks, q->blocks[i], &q->n_blocks), err,
                SARD_LIMIT, "the blocks are too large");
    }
    FAIL_IF(dim_known(x[1]) && x[1] % q->taps, err, SARD_INVALID_ARGUMENT,
            "axis 1 has %lld elements, which is no multiple of the block's %lld", (long long)x[1], (long long)q->taps);
    FAIL_IF(dim_known(x[2]) && x[2] != q->n_blocks, err, SARD_INVALID_ARGUMENT,
            "axis 2 has %lld elements; the image has %lld blocks", (long long)x[2], (long long)q->n_blocks);
    q->channels = dim_known(x[1]) ? x[1] / q->taps : DIM_UNKNOWN;
    return SARD_OK;
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[0];
    uint32_t n, k;
    const int64_t *image = infer_ints(c, 1, &n), *block = infer_ints(c, 2, &k);
    c->out[0] = type_tensor((sard_dtype)x->dtype, -1, NULL);
    FAIL_IF(x->rank >= 0 && x->rank != 3, err, SARD_INVALID_ARGUMENT, "the input has rank %d; 3 is needed", x->rank);
    if (!image || !block || x->rank < 0) return SARD_OK;
    FAIL_IF(n != k || n < 1 || n > WINDOW_MAX, err, SARD_INVALID_ARGUMENT,
            "image_shape has %u elements, block_shape %u; 1 to %d of each are needed", n, k, WINDOW_MAX);
    layout q;
    TRY(read_layout(c->node->attrs, x->dim, image, (int)n, block, &q, err));
    c->out[0] = type_tensor((sard_dtype)x->dtype, (int)n + 2, NULL);
    c->out[0].dim[0] = x->dim[0], c->out[0].dim[1] = q.channels;
    memcpy(c->out[0].dim + 2, image, n * sizeof *image);
    return SARD_OK;
}

/* Where tap t of block b lies in the image; -1: in the padding. */
static int64_t place(const layout *q, int64_t t, int64_t b) {
    int64_t at = 0, step = 1;
    for (int i = q->w.rank - 1; i >= 0; i--) {
        int64_t p = b % q->blocks[i] * q->w.stride[i] + t % q->w.kernel[i] * q->w.dilation[i] - q->w.pad[i];
        if (p < 0 || p >= q->image[i]) return -1;
        at += p * step, step *= q->image[i];
        b /= q->blocks[i], t /= q->w.kernel[i];
    }
    return at;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0);
    int64_t image[WINDOW_MAX], block[WINDOW_MAX];
    int n, k;
    layout q;
    scatter f;
    FAIL_IF(x->rank != 3, err, SARD_INVALID_ARGUMENT, "the input has rank %d; 3 is needed", x->rank);
    TRY(read_ints(op_in(c, 1), "image_shape", image, WINDOW_MAX, &n, err));
    TRY(read_ints(op_in(c, 2), "block_shape", block, WINDOW_MAX, &k, err));
    FAIL_IF(n != k, err, SARD_INVALID_ARGUMENT, "image_shape has %d elements, block_shape %d", n, k);
    TRY(read_layout(op_node(c)->attrs, x->dim, image, n, block, &q, err));
    shape s = {.rank = n + 2, .dim = {x->dim[0], q.channels}};
    memcpy(s.dim + 2, image, (size_t)n * sizeof *image);
    FAIL_IF(shape_count(&s) < 0, err, SARD_LIMIT, "the image is too large");
    TRY(scatter_zeros(c, &s, x, &f, err));
    int64_t plane = dims_count(image, n);
    for (int64_t i = 0; i < x->dim[0] * q.channels; i++)
        for (int64_t t = 0; t < q.taps; t++)
            for (int64_t b = 0; b < q.n_blocks; b++) {
                int64_t to = place(&q, t, b);
                if (to >= 0) scatter_put(&f, i * plane + to, (i * q.taps + t) * q.n_blocks + b, 1);
            }
    scatter_end(&f);
    return SARD_OK;
}

const op_def op_col2im = {
    .domain = "",
    .name = "Col2Im",
    .doc = "columns of blocks put back into an image",
    OP_SINCE(18),
    OP_ATTRS(col_attrs),
    OP_IN(col_in),
    OP_OUT(col_out),
    .infer = infer,
    .run = run,
};
