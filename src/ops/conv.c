/*
 * conv.c -- Conv and ConvTranspose: convolution over 1 to 8 spatial axes, with groups, dilation and padding.
 *
 * Weights are packed once (constant ones), images are channels-last inside when the layout pass says so. f16 and bf16
 * are read into f32 and rounded once.
 */
#include "ops/product.h"

#include "kernels/conv/conv.h"
#include "ops/window.h"

enum { X, W, B };
enum { AUTO_PAD, DILATIONS, GROUP, KERNEL_SHAPE, PADS, STRIDES, OUTPUT_PADDING, OUTPUT_SHAPE };
enum { PLAIN, TRANSPOSED }; /* op->code */
#define COMMON_ATTRS                                                                                                   \
    ATTR_S("auto_pad", "NOTSET"), ATTR_OPT("dilations", ATTR_INTS), ATTR_I("group", 1),                                \
        ATTR_OPT("kernel_shape", ATTR_INTS), ATTR_OPT("pads", ATTR_INTS), ATTR_OPT("strides", ATTR_INTS)
static const attr_def conv_attrs[] = {COMMON_ATTRS};
static const attr_def transposed_attrs[] = {COMMON_ATTRS, ATTR_OPT("output_padding", ATTR_INTS),
                                            ATTR_OPT("output_shape", ATTR_INTS)};
static const window_attrs conv_window = {AUTO_PAD, DILATIONS, KERNEL_SHAPE, PADS, STRIDES, -1};
static const formal conv_in[] = {
    {.name = "X", .var = "T", .types = DT_FLOAT},
    {.name = "W", .var = "T", .types = DT_FLOAT, .flags = F_CONST, .any_byte = DT(SARD_F32)},
    {.name = "B", .var = "T", .types = DT_FLOAT, .flags = F_OPTIONAL | F_CONST},
};
static const formal conv_out[] = {{.name = "Y", .var = "T", .types = DT_FLOAT}};

static sard_status check_ranks(int x, int w, sard_error *err) {
    FAIL_IF((x >= 0 && x < 3) || (w >= 0 && w < 3) || (x >= 0 && w >= 0 && x != w), err, SARD_INVALID_ARGUMENT,
            "X has rank %d and W %d; both must have the same rank, at least 3", x, w);
    return SARD_OK;
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[X], *w = c->in[W];
    int rank = x->rank >= 0 ? x->rank : w->rank;
    TRY(check_ranks(x->rank, w->rank, err));
    c->out[0] = type_tensor((sard_dtype)x->dtype, rank, NULL);
    if (rank < 0) return SARD_OK;
    int64_t *dim = c->out[0].dim, open[WINDOW_MAX], group = infer_attr(c, GROUP)->i;
    for (int i = 0; i < WINDOW_MAX; i++) open[i] = DIM_UNKNOWN;
    window win;
    TRY(window_read(c->node->attrs, &conv_window, rank - 2, w->rank >= 0 ? w->dim + 2 : open, &win, err));
    dim[0] = x->rank >= 0 ? x->dim[0] : DIM_UNKNOWN;
    dim[1] = w->rank >= 0 ? w->dim[0] : DIM_UNKNOWN;
    FAIL_IF(group < 1, err, SARD_INVALID_MODEL, "attribute 'group' is %lld", (long long)group);
    if (x->rank >= 0 && w->rank >= 0 && dim_known(x->dim[1]) && dim_known(w->dim[1]))
        FAIL_IF(w->dim[1] > INT32_MAX || group > INT32_MAX || x->dim[1] != w->dim[1] * group, err,
                SARD_INVALID_ARGUMENT, "X has %lld channels; W wants %lld in %lld group(s)", (long long)x->dim[1],
                (long long)w->dim[1], (long long)group);
    FAIL_IF(dim_known(dim[1]) && dim[1] % group, err, SARD_INVALID_ARGUMENT,
            "%lld output channels cannot be divided into %lld groups", (long long)dim[1], (long long)group);
    for (int i = 0; i < rank - 2; i++)
        TRY(window_out(c->mod, &win, i, x->rank >= 0 ? x->dim[i + 2] : DIM_UNKNOWN, &dim[i + 2], err));
    return SARD_OK;
}

/* Output extent of a transposed convolution along an axis, and the padding that output_shape or auto_pad mean. */
static sard_status transposed_out(module *m, const attr *attrs, window *w, int i, int64_t in, int64_t *out,
                                  sard_error *err) {
    const attr *extra = &attrs[OUTPUT_PADDING], *want = &attrs[OUTPUT_SHAPE];
    size_t rank = (size_t)w->rank;
    FAIL_IF(extra->type != ATTR_NONE && extra->ints.n != rank, err, SARD_INVALID_MODEL,
            "attribute 'output_padding' has %zu numbers; %d are needed", extra->ints.n, w->rank);
    FAIL_IF(want->type != ATTR_NONE && want->ints.n != rank && want->ints.n != rank + 2, err, SARD_INVALID_MODEL,
            "attribute 'output_shape' has %zu numbers; %d are needed", want->ints.n, w->rank);
    bool same = w->auto_pad == WINDOW_SAME_UPPER || w->auto_pad == WINDOW_SAME_LOWER;
    int64_t more = extra->type != ATTR_NONE ? extra->ints.v[i] : 0, s = w->stride[i], size = DIM_UNKNOWN;
    FAIL_IF(more < 0 || more > INT32_MAX, err, SARD_INVALID_MODEL, "output_padding %lld on axis %d", (long long)more,
            i);
    if (want->type != ATTR_NONE) size = want->ints.v[i + (want->ints.n - rank)];
    FAIL_IF(want->type != ATTR_NONE && (size < 0 || size > INT32_MAX), err, SARD_INVALID_MODEL,
            "output_shape %lld on axis %d", (long long)size, i);
    if (want->type == ATTR_NONE && same) size = dim_mul(m, in, s);
    *out = size;
    if (w->kernel[i] == DIM_UNKNOWN) return SARD_OK;
    int64_t natural = dim_add(m, dim_mul(m, dim_sub(m, in, 1), s), more + (w->kernel[i] - 1) * w->dilation[i] + 1);
    if (want->type == ATTR_NONE && !same) {
        *out = dim_sub(m, natural, w->pad[i] + w->pad_end[i]);
        if (in == 0) *out = 0;
        FAIL_IF(dim_known(*out) && *out < 0, err, SARD_INVALID_ARGUMENT,
                "axis %d: the padding takes more than there is", i);
        return SARD_OK;
    }
    if (!dim_known(natural) || !dim_known(size)) return SARD_OK;
    int64_t total = natural > size ? natural - size : 0;
    w->pad[i] = w->auto_pad == WINDOW_SAME_UPPER ? total / 2 : total - total / 2;
    w->pad_end[i] = total - w->pad[i];
    return SARD_OK;
}

static sard_status infer_transposed(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[X], *w = c->in[W];
    int rank = x->rank >= 0 ? x->rank : w->rank;
    TRY(check_ranks(x->rank, w->rank, err));
    c->out[0] = type_tensor((sard_dtype)x->dtype, rank, NULL);
    if (rank < 0) return SARD_OK;
    int64_t *dim = c->out[0].dim, open[WINDOW_MAX], group = infer_attr(c, GROUP)->i, k;
    for (int i = 0; i < WINDOW_MAX; i++) open[i] = DIM_UNKNOWN;
    window win;
    TRY(window_read(c->node->attrs, &conv_window, rank - 2, w->rank >= 0 ? w->dim + 2 : open, &win, err));
    FAIL_IF(group < 1 || group > INT32_MAX, err, SARD_INVALID_MODEL, "attribute 'group' is %lld", (long long)group);
    if (x->rank >= 0) dim[0] = x->dim[0];
    if (w->rank >= 0) dim[1] = dim_mul(c->mod, w->dim[1], group);
    if (x->rank >= 0 && w->rank >= 0)
        FAIL_IF(!dim_merge(x->dim[1], w->dim[0], &k) || (dim_known(k) && k % group), err, SARD_INVALID_ARGUMENT,
                "X has %lld channels, W %lld in %lld group(s)", (long long)x->dim[1], (long long)w->dim[0],
                (long long)group);
    for (int i = 0; i < rank - 2; i++)
        TRY(transposed_out(c->mod, c->node->attrs, &win, i, x->rank >= 0 ? x->dim[i + 2] : DIM_UNKNOWN, &dim[i + 2],
                           err));
    return SARD_OK;
}

/* ---- compiling: the weights are packed ---------------------------------------------------------------------------- */

typedef struct state {
    conv_pack pack;
    float *memory;
} state;

/* Sizes that depend on the node and its weights alone. */
static sard_status weight_shape(const node *n, const int64_t *w, int rank, conv_shape *s, window *win,
                                sard_error *err) {
    const attr *attrs = n->attrs;
    TRY(window_read(attrs, &conv_window, rank - 2, w + 2, win, err));
    *s = (conv_shape){.rank = rank - 2, .n = 1, .groups = attrs[GROUP].i, .transposed = n->op->code == TRANSPOSED};
    s->oc = w[0], s->c = w[1] * s->groups;
    if (s->transposed) s->c = w[0], s->oc = w[1] * s->groups;
    for (int i = 0; i < s->rank; i++) {
        s->kernel[i] = win->kernel[i], s->stride[i] = win->stride[i], s->dilation[i] = win->dilation[i];
        s->in[i] = s->out[i] = 1;
    }
    return SARD_OK;
}

static void drop(void *p) {
    state *s = p;
    if (s) mem_free(s->memory);
    mem_free(s);
}

static sard_status pack(const conv_shape *s, const tensor *w, state *st, size_t *bytes, sard_error *err) {
    int64_t n = tensor_count(w);
    const float *plain = tensor_data(w);
    float *wide = NULL;
    *bytes = conv_pack_bytes(s);
    FAIL_IF(*bytes == SIZE_MAX, err, SARD_OUT_OF_MEMORY, "the weights are too large");
    if (w->dtype != SARD_F32) {
        wide = mem_alloc((size_t)n * sizeof *wide);
        if (!wide) return err_nomem(err, (size_t)n * sizeof *wide);
        widen_f32(plain, (sard_dtype)w->dtype, wide, n);
    }
    st->memory = mem_alloc(*bytes);
    if (st->memory) conv_pack_weights(s, wide ? wide : plain, st->memory, &st->pack);
    mem_free(wide);
    return st->memory ? SARD_OK : err_nomem(err, *bytes);
}

static sard_status prepare(op_prep *p, void **out, sard_error *err) {
    const tensor *w = p->in_const[W];
    *out = NULL;
    if (!w || (p->flags & PREP_NO_PACK) || w->dtype == SARD_F64 || tensor_count(w) == 0) return SARD_OK;
    conv_shape s;
    window win;
    size_t bytes;
    TRY(weight_shape(p->node, w->dim, w->rank, &s, &win, err));
    for (int i = 0; i < s.rank; i++) /* the pack chooses the algorithm by extents, where they are known */
        if (p->out[0].rank == w->rank && dim_known(p->out[0].dim[i + 2])) s.out[i] = p->out[0].dim[i + 2];
    TRY(conv_check(&s, err));
    state *st = mem_calloc(1, sizeof *st);
    if (!st) return err_nomem(err, sizeof *st);
    sard_status status = pack(&s, w, st, &bytes, err);
    if (status != SARD_OK) {
        drop(st);
        return status;
    }
    *p->packed += bytes;
    *out = st;
    return SARD_OK;
}

/* ---- running ------------------------------------------------------------------------------------------------------ */

static sard_status wide_scratch(op_ctx *c, const tensor *t, const float **out, sard_error *err) {
    *out = t ? tensor_data(t) : NULL;
    if (!t || t->dtype == SARD_F32) return SARD_OK;
    void *mem;
    TRY(op_scratch(c, tensor_bytes(t) * 2, &mem, err));
    widen_f32(tensor_data(t), (sard_dtype)t->dtype, mem, tensor_count(t));
    *out = mem;
    return SARD_OK;
}

/* Weights that are not constant (or may be replaced) are packed by the run. */
static sard_status pack_now(op_ctx *c, const conv_shape *s, const tensor *w, conv_pack *out, sard_error *err) {
    const float *plain;
    void *mem;
    conv_shape direct = *s;
    direct.direct = true; /* transformed weights are not worth it for one run */
    size_t bytes = conv_pack_bytes(&direct);
    FAIL_IF(bytes == SIZE_MAX, err, SARD_OUT_OF_MEMORY, "the weights are too large");
    TRY(wide_scratch(c, w, &plain, err));
    TRY(op_scratch(c, bytes, &mem, err));
    conv_pack_weights(&direct, plain, mem, out);
    return SARD_OK;
}

/* Where the result goes: output 0, the program's outputs, or scratch to be rounded from. */
static sard_status output(op_ctx *c, const shape *ys, sard_dtype t, conv_f32 *k, pw_epilogue *behind, tensor **y,
                          sard_error *err) {
    *y = NULL;
    if (op_fused(c)) {
        TRY(fused_epilogue(c, ys, 1, behind, err));
        fused_into(behind, &k->e);
        k->y_order = CONV_LAST;
        if (pw_output_type(behind->program, 0) == SARD_F32) k->y = behind->out[0].p;
        return SARD_OK;
    }
    TRY(op_out(c, 0, t, ys, y, err));
    k->y_order = tensor_is_row(*y) ? CONV_ROW : CONV_LAST;
    k->y = tensor_data(*y);
    if (t == SARD_F32) return SARD_OK;
    void *mem;
    TRY(op_scratch(c, tensor_bytes(*y) * 2, &mem, err));
    k->y = mem;
    return SARD_OK;
}

static sard_status run_f64(op_ctx *c, const conv_shape *s, const shape *ys, sard_error *err);

static sard_status run(const void *st, op_ctx *c, sard_error *err) {
    const tensor *x = op_in(c, X), *w = op_in(c, W), *b = op_in(c, B);
    conv_shape s;
    window win;
    TRY(check_ranks(x->rank, w->rank, err));
    TRY(weight_shape(op_node(c), w->dim, w->rank, &s, &win, err));
    FAIL_IF(x->dim[1] != s.c, err, SARD_INVALID_ARGUMENT, "X has %lld channels; W wants %lld", (long long)x->dim[1],
            (long long)s.c);
    FAIL_IF(b && (b->rank != 1 || b->dim[0] != s.oc), err, SARD_INVALID_ARGUMENT, "B must have %lld elements",
            (long long)s.oc);
    shape ys = {.rank = x->rank, .dim = {x->dim[0], s.oc}};
    s.n = x->dim[0];
    for (int i = 0; i < s.rank; i++) {
        s.in[i] = x->dim[i + 2];
        TRY(s.transposed ? transposed_out(NULL, op_node(c)->attrs, &win, i, s.in[i], &s.out[i], err)
                         : window_out(NULL, &win, i, s.in[i], &s.out[i], err));
        s.pad[i] = win.pad[i];
        ys.dim[i + 2] = s.out[i];
    }
    TRY(conv_check(&s, err));
    if (x->dtype == SARD_F64) return run_f64(c, &s, &ys, err);
    conv_pack local;
    conv_f32 k = {.shape = &s, .e = GEMM_EPILOGUE_NONE};
    k.x_order = tensor_is_row(x) ? CONV_ROW : CONV_LAST;
    pw_epilogue behind;
    tensor *y;
    k.pack = st ? &((const state *)st)->pack : &local;
    if (!st) TRY(pack_now(c, &s, w, &local, err));
    TRY(wide_scratch(c, x, &k.x, err));
    TRY(wide_scratch(c, b, &k.e.bias, err));
    k.e.bias_cs = 1;
    TRY(output(c, &ys, (sard_dtype)x->dtype, &k, &behind, &y, err));
    size_t bytes = conv_scratch_f32(&k, par_threads(op_par(c)));
    void *scratch;
    FAIL_IF(bytes == SIZE_MAX, err, SARD_OUT_OF_MEMORY, "the images are too large");
    TRY(op_scratch(c, bytes, &scratch, err));
    TRY(conv_run_f32(&k, op_par(c), scratch, err));
    if (y && y->dtype != SARD_F32) narrow_f32(k.y, (sard_dtype)y->dtype, tensor_data(y), tensor_count(y));
    return SARD_OK;
}

/* ---- double precision: rows of taps gathered, then a product with the weights; same order of sums ------------------- */

typedef struct gather64 {
    const conv_shape *s;
    const double *x; /* one image's group */
    int64_t channel; /* strides in elements */
    int64_t step[CONV_MAX_RANK];
    double *rows; /* [pixels, kernel positions * channels of the group] */
    int64_t from; /* first pixel */
} gather64;

static void gather_pixel(const gather64 *g, int64_t pixel, double *row) {
    const conv_shape *s = g->s;
    int64_t cg = s->c / s->groups, taps = dims_count(s->kernel, s->rank);
    int64_t o[CONV_MAX_RANK], rest = pixel;
    for (int i = s->rank - 1; i >= 0; i--) o[i] = rest % s->out[i], rest /= s->out[i];
    for (int64_t t = 0; t < taps; t++) {
        int64_t at = 0, q = t;
        bool inside = true;
        for (int i = s->rank - 1; i >= 0; i--) {
            int64_t tap = q % s->kernel[i] * s->dilation[i], pos = o[i] * s->stride[i] + tap - s->pad[i];
            if (s->transposed) { /* the input element whose tap falls on o, if there is one */
                pos = o[i] + s->pad[i] - tap;
                inside &= pos >= 0 && pos % s->stride[i] == 0;
                pos /= s->stride[i];
            }
            q /= s->kernel[i];
            inside &= pos >= 0 && pos < s->in[i];
            at += pos * g->step[i];
        }
        for (int64_t ch = 0; ch < cg; ch++) row[t * cg + ch] = inside ? g->x[ch * g->channel + at] : 0;
    }
}

static sard_status gather_some(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    (void)worker, (void)err;
    const gather64 *g = arg;
    int64_t k = g->s->c / g->s->groups * dims_count(g->s->kernel, g->s->rank);
    for (int64_t i = from; i < to; i++) gather_pixel(g, g->from + i, g->rows + i * k);
    return SARD_OK;
}

/* OIHW (transposed: IOHW) -> [oc][tap][channel] */
static sard_status weights_f64(op_ctx *c, const conv_shape *s, const tensor *w, double **out, sard_error *err) {
    int64_t cg = s->c / s->groups, taps = dims_count(s->kernel, s->rank), k = cg * taps;
    const double *from = tensor_data(w);
    void *mem;
    TRY(op_scratch(c, (size_t)(s->oc * k) * sizeof(double), &mem, err));
    *out = mem;
    int64_t og = s->oc / s->groups;
    for (int64_t o = 0; o < s->oc; o++)
        for (int64_t ch = 0; ch < cg; ch++) {
            int64_t row = s->transposed ? (o / og * cg + ch) * og + o % og : o * cg + ch;
            for (int64_t t = 0; t < taps; t++) (*out)[o * k + t * cg + ch] = from[row * taps + t];
        }
    return SARD_OK;
}

/* One image, one group, a block of pixels at a time: rows[pixel, k] times weights[oc, k], whichever way y lies. */
static sard_status run_f64(op_ctx *c, const conv_shape *s, const shape *ys, sard_error *err) {
    const tensor *x = op_in(c, X), *b = op_in(c, B);
    tensor *y;
    double *weights;
    TRY(op_out(c, 0, SARD_F64, ys, &y, err));
    if (tensor_count(y) == 0) return SARD_OK;
    TRY(weights_f64(c, s, op_in(c, W), &weights, err));
    bool last = !tensor_is_row(y);
    int64_t cg = s->c / s->groups, og = s->oc / s->groups, k = cg * dims_count(s->kernel, s->rank);
    int64_t pixels = dims_count(s->out, s->rank), block = (1 << 18) / (k + 1) + 1;
    if (block > pixels) block = pixels;
    void *rows, *scratch;
    TRY(op_scratch(c, (size_t)(block * k) * sizeof(double), &rows, err));
    gemm_f64 g = {.m = last ? block : og, .n = last ? og : block, .k = k, .a_rs = k, .a_cs = 1, .b_rs = 1, .b_cs = k};
    g.c_rs = last ? s->oc : pixels;
    g.e = (gemm_epilogue_f64)GEMM_EPILOGUE_NONE;
    TRY(op_scratch(c, gemm_scratch_f64(&g, par_threads(op_par(c))), &scratch, err));
    gather64 job = {.s = s, .rows = rows, .channel = x->stride[1]};
    for (int i = 0; i < s->rank; i++) job.step[i] = x->stride[i + 2];
    for (int64_t i = 0; i < s->n * s->groups; i++) {
        int64_t image = i / s->groups, group = i % s->groups;
        job.x = TENSOR_AT(x, double) + image * x->stride[0] + group * cg * x->stride[1];
        double *wg = weights + group * og * k;
        g.a = last ? rows : wg, g.b = last ? wg : rows;
        if (b) g.e.bias = TENSOR_AT(b, double) + group * og, g.e.bias_rs = !last, g.e.bias_cs = last;
        for (job.from = 0; job.from < pixels; job.from += block) {
            int64_t n = pixels - job.from < block ? pixels - job.from : block;
            if (last)
                g.m = n;
            else
                g.n = n;
            TRY(par_for(op_par(c), n, 64, gather_some, &job, err));
            g.c = TENSOR_AT(y, double) + image * s->oc * pixels +
                  (last ? job.from * s->oc + group * og : group * og * pixels + job.from);
            TRY(gemm_run_f64(&g, op_par(c), scratch, err));
        }
    }
    return SARD_OK;
}

static double flops(const op_prep *p, const vtype *in, const vtype *out) {
    double n = 2;
    (void)p;
    for (int i = 0; i < out[0].rank; i++) n *= (double)out[0].dim[i];
    for (int i = 1; i < in[W].rank; i++) n *= (double)in[W].dim[i];
    return n;
}

/* Every element of X meets all taps of its group. */
static double transposed_flops(const op_prep *p, const vtype *in, const vtype *out) {
    double n = 2;
    (void)p, (void)out;
    for (int i = 0; i < in[X].rank; i++) n *= (double)in[X].dim[i];
    for (int i = 1; i < in[W].rank; i++) n *= (double)in[W].dim[i];
    return n;
}

const op_def op_conv = {
    .domain = "",
    .name = "Conv",
    .doc = "convolution",
    OP_SINCE(1, 11, 22),
    OP_ATTRS(conv_attrs),
    OP_IN(conv_in),
    OP_OUT(conv_out),
    .flags = OP_EPILOGUE | OP_LAST | OP_PREFER_LAST,
    .infer = infer,
    .prepare = prepare,
    .run = run,
    .drop = drop,
    .flops = flops,
};

const op_def op_convtranspose = {
    .domain = "",
    .name = "ConvTranspose",
    .doc = "transposed convolution",
    OP_SINCE(1, 11, 22),
    OP_ATTRS(transposed_attrs),
    OP_IN(conv_in),
    OP_OUT(conv_out),
    .flags = OP_EPILOGUE | OP_LAST | OP_PREFER_LAST,
    .code = TRANSPOSED,
    .infer = infer_transposed,
    .prepare = prepare,
    .run = run,
    .drop = drop,
    .flops = transposed_flops,
};
