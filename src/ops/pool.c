/*
 * pool.c -- MaxPool, AveragePool, LpPool: one number from each window; and GlobalLpPool, one window over everything.
 *
 * f16 and bf16 are read into f32 and rounded once (a maximum exactly).
 *   8: Indices, storage_order (MaxPool)    10: dilations, ceil_mode    18, 19: the same for LpPool, AveragePool
 */
#include "kernels/pool/pooling.h"
#include "ops/product.h"
#include "ops/window.h"

enum { MAX, AVERAGE, LP }; /* op->code */
enum { AUTO_PAD, CEIL_MODE, DILATIONS, KERNEL_SHAPE, PADS, STRIDES, EXTRA };
#define POOL_ATTRS(l, extra)                                                                                           \
    static const attr_def l##_attrs[] = {                                                                              \
        ATTR_S("auto_pad", "NOTSET"),                                                                                  \
        ATTR_I("ceil_mode", 0),                                                                                        \
        ATTR_OPT("dilations", ATTR_INTS),                                                                              \
        ATTR_REQ("kernel_shape", ATTR_INTS),                                                                           \
        ATTR_OPT("pads", ATTR_INTS),                                                                                   \
        ATTR_OPT("strides", ATTR_INTS),                                                                                \
        extra,                                                                                                         \
    };
POOL_ATTRS(max, ATTR_I("storage_order", 0))
POOL_ATTRS(average, ATTR_I("count_include_pad", 0))
POOL_ATTRS(lp, ATTR_I("p", 2))
static const window_attrs places = {AUTO_PAD, DILATIONS, KERNEL_SHAPE, PADS, STRIDES, CEIL_MODE};

static const formal max_in[] = {{.name = "X", .var = "T", .types = DT_FLOAT | DT(SARD_I8) | DT(SARD_U8)}};
static const formal max_out[] = {
    {.name = "Y", .var = "T", .types = DT_FLOAT | DT(SARD_I8) | DT(SARD_U8)},
    {.name = "Indices", .types = DT(SARD_I64), .flags = F_OPTIONAL},
};
static const formal real_in[] = {{.name = "X", .var = "T", .types = DT_FLOAT}};
static const formal real_out[] = {{.name = "Y", .var = "T", .types = DT_FLOAT}};

/* LpPool 1: p was a float, kernel_shape not required (no kernel meant nothing useful). */
static sard_status upgrade(draft *d, int since, sard_error *err) {
    (void)err;
    const attr *p = draft_attr(d, "p");
    if (since < 2 && p && p->type == ATTR_FLOAT) return draft_set_int(d, "p", (int64_t)p->f);
    return SARD_OK;
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[0];
    window w;
    FAIL_IF(x->rank >= 0 && x->rank < 3, err, SARD_INVALID_ARGUMENT, "X has rank %d; at least 3 is needed", x->rank);
    FAIL_IF(c->node->op->code == LP && infer_attr(c, EXTRA)->i < 1, err, SARD_INVALID_MODEL, "attribute 'p' is %lld",
            (long long)infer_attr(c, EXTRA)->i);
    TRY(infer_same(c, err));
    if (x->rank >= 0) {
        TRY(window_read(c->node->attrs, &places, x->rank - 2, NULL, &w, err));
        for (int i = 0; i < w.rank; i++) TRY(window_out(c->mod, &w, i, x->dim[i + 2], &c->out[0].dim[i + 2], err));
    }
    if (c->n_out > 1) {
        c->out[1] = c->out[0];
        c->out[1].dtype = SARD_I64;
    }
    return SARD_OK;
}

/* X in a type the kernel has, and memory for Y in that type. */
static sard_status widened(op_ctx *c, const tensor *x, tensor *y, pooling *p, sard_dtype *t, sard_error *err) {
    *t = (sard_dtype)x->dtype;
    p->x = tensor_data(x), p->y = tensor_data(y);
    if (x->dtype != SARD_F16 && x->dtype != SARD_BF16) return SARD_OK;
    void *a, *b;
    *t = SARD_F32;
    TRY(op_scratch(c, tensor_bytes(x) * 2, &a, err));
    TRY(op_scratch(c, tensor_bytes(y) * 2, &b, err));
    widen_f32(tensor_data(x), (sard_dtype)x->dtype, a, tensor_count(x));
    p->x = a, p->y = b;
    return SARD_OK;
}

static void strides_of(const tensor *t, int64_t *n, int64_t *ch, int64_t *s) {
    *n = t->stride[0], *ch = t->stride[1];
    for (int i = 2; i < t->rank; i++) s[i - 2] = t->stride[i];
}

static sard_status run_window(op_ctx *c, const window *w, int64_t extra, sard_error *err) {
    static const pooling_kind kinds[] = {POOLING_MAX, POOLING_AVERAGE, POOLING_NORM};
    const tensor *x = op_in(c, 0);
    int code = op_node(c)->op->code;
    pooling p = {.kind = kinds[code],
                 .rank = w->rank,
                 .n = x->dim[0],
                 .c = x->dim[1],
                 .p = code == LP ? extra : 1,
                 .count_pad = code == AVERAGE && extra != 0,
                 .column_major = code == MAX && extra != 0};
    shape s = {.rank = x->rank, .dim = {x->dim[0], x->dim[1]}};
    window at = *w;
    for (int i = 0; i < w->rank; i++) {
        p.in[i] = x->dim[i + 2];
        TRY(window_out(NULL, &at, i, p.in[i], &p.out[i], err));
        p.kernel[i] = at.kernel[i], p.stride[i] = at.stride[i], p.dilation[i] = at.dilation[i];
        p.pad[i] = at.pad[i], p.pad_end[i] = at.pad_end[i];
        s.dim[i + 2] = p.out[i];
    }
    tensor *y, *indices;
    sard_dtype t;
    TRY(op_out(c, 0, (sard_dtype)x->dtype, &s, &y, err));
    if (code == MAX && op_wants(c, 1)) {
        TRY(op_out(c, 1, SARD_I64, &s, &indices, err));
        p.indices = tensor_data(indices);
    }
    strides_of(x, &p.x_n, &p.x_c, p.x_s);
    strides_of(y, &p.y_n, &p.y_c, p.y_s);
    TRY(widened(c, x, y, &p, &t, err));
    TRY(pooling_run(&p, t, op_par(c), err));
    if (p.y != tensor_data(y)) narrow_f32(p.y, (sard_dtype)y->dtype, tensor_data(y), tensor_count(y));
    return SARD_OK;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0);
    window w;
    FAIL_IF(x->rank < 3, err, SARD_INVALID_ARGUMENT, "X has rank %d; at least 3 is needed", x->rank);
    TRY(window_read(op_node(c)->attrs, &places, x->rank - 2, NULL, &w, err));
    return run_window(c, &w, op_attr(c, EXTRA)->i, err);
}

static double flops(const op_prep *p, const vtype *in, const vtype *out) {
    (void)in;
    double n = 1;
    const attr *k = prep_attr(p, KERNEL_SHAPE);
    for (int i = 0; i < out[0].rank; i++) n *= (double)out[0].dim[i];
    for (size_t i = 0; k->type == ATTR_INTS && i < k->ints.n; i++) n *= (double)k->ints.v[i];
    return n;
}

const op_def op_maxpool = {
    .domain = "",
    .name = "MaxPool",
    .doc = "largest element of each window",
    OP_SINCE(1, 8, 10, 11, 12, 22),
    OP_ATTRS(max_attrs),
    OP_IN(max_in),
    OP_OUT(max_out),
    .flags = OP_LAST | OP_PREFER_LAST,
    .infer = infer,
    .run = run,
    .flops = flops,
    .code = MAX,
};
const op_def op_averagepool = {
    .domain = "",
    .name = "AveragePool",
    .doc = "mean of each window",
    OP_SINCE(1, 7, 10, 11, 19, 22),
    OP_ATTRS(average_attrs),
    OP_IN(real_in),
    OP_OUT(real_out),
    .flags = OP_LAST | OP_PREFER_LAST,
    .infer = infer,
    .run = run,
    .flops = flops,
    .code = AVERAGE,
};
const op_def op_lppool = {
    .domain = "",
    .name = "LpPool",
    .doc = "Lp norm of each window",
    OP_SINCE(1, 2, 11, 18, 22),
    OP_ATTRS(lp_attrs),
    OP_IN(real_in),
    OP_OUT(real_out),
    .flags = OP_LAST | OP_PREFER_LAST,
    .upgrade = upgrade,
    .infer = infer,
    .run = run,
    .flops = flops,
    .code = LP,
};

/* ---- GlobalLpPool: one window ----------------------------------------------------------------------------------------- */

static const attr_def global_attrs[] = {ATTR_I("p", 2)};

static sard_status infer_global(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[0];
    FAIL_IF(x->rank >= 0 && x->rank < 3, err, SARD_INVALID_ARGUMENT, "X has rank %d; at least 3 is needed", x->rank);
    FAIL_IF(infer_attr(c, 0)->i < 1, err, SARD_INVALID_MODEL, "attribute 'p' is %lld", (long long)infer_attr(c, 0)->i);
    TRY(infer_same(c, err));
    for (int i = 2; i < x->rank; i++) c->out[0].dim[i] = 1;
    return SARD_OK;
}

static sard_status run_global(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0);
    FAIL_IF(x->rank < 3 || x->rank - 2 > WINDOW_MAX, err, SARD_INVALID_ARGUMENT, "X has rank %d", x->rank);
    window w = {.rank = x->rank - 2};
    for (int i = 0; i < w.rank; i++) w.kernel[i] = x->dim[i + 2], w.stride[i] = w.dilation[i] = 1;
    return run_window(c, &w, op_attr(c, 0)->i, err);
}

const op_def op_globallppool = {
    .domain = "",
    .name = "GlobalLpPool",
    .doc = "Lp norm over the spatial axes",
    OP_SINCE(1, 2, 22),
    OP_ATTRS(global_attrs),
    OP_IN(real_in),
    OP_OUT(real_out),
    .flags = OP_LAST,
    .upgrade = upgrade,
    .infer = infer_global,
    .run = run_global,
    .code = LP,
};
