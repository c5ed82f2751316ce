/*
 * norm.c -- LayerNormalization, RMSNormalization, GroupNormalization, InstanceNormalization, LpNormalization.
 *
 * Statistics are of rows (all axes from `axis` on) or of groups of channels; scale and bias are applied in the same pass.
 *   GroupNormalization 18: scale and bias per group (upgrade: each repeated over its channels)
 */
#include "kernels/norm/norm.h"

#include "ops/common.h"

/* ---- rows: LayerNormalization, RMSNormalization ----------------------------------------------------------------------- */

enum { AXIS, EPSILON, STASH_TYPE };
static const attr_def rows_attrs[] = {ATTR_I("axis", -1), ATTR_F("epsilon", 1e-5f), ATTR_I("stash_type", 1)};
static const formal layer_in[] = {
    {.name = "X", .var = "T", .types = DT_FLOAT},
    {.name = "Scale", .var = "T", .types = DT_FLOAT, .flags = F_CONST},
    {.name = "B", .var = "T", .types = DT_FLOAT, .flags = F_OPTIONAL | F_CONST},
};
static const formal layer_out[] = {
    {.name = "Y", .var = "T", .types = DT_FLOAT},
    {.name = "Mean", .types = DT(SARD_F32) | DT(SARD_BF16) | DT(SARD_F64), .flags = F_OPTIONAL},
    {.name = "InvStdDev", .types = DT(SARD_F32) | DT(SARD_BF16) | DT(SARD_F64), .flags = F_OPTIONAL},
};
static const formal rms_in[] = {
    {.name = "X", .var = "T", .types = DT_FLOAT},
    {.name = "scale", .var = "V", .types = DT_FLOAT, .flags = F_CONST},
};
static const formal rms_out[] = {{.name = "Y", .var = "V", .types = DT_FLOAT}};

static sard_status infer_rows(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[0];
    int axis = 0;
    int64_t stash = infer_attr(c, STASH_TYPE)->i;
    FAIL_IF(stash != SARD_F32 && stash != SARD_BF16 && stash != SARD_F64, err, SARD_UNSUPPORTED,
            "stash_type %lld; float, double and bfloat16 are offered", (long long)stash);
    TRY(infer_same(c, err));
    c->out[0].dtype = c->node->op->code ? c->in[1]->dtype : x->dtype;
    if (x->rank >= 0) TRY(axis_fix(infer_attr(c, AXIS)->i, x->rank, &axis, err));
    for (uint32_t i = 1; i < c->n_out; i++) {
        c->out[i] = type_tensor((sard_dtype)stash, x->rank, x->dim);
        for (int a = axis; a < x->rank; a++) c->out[i].dim[a] = 1;
    }
    return SARD_OK;
}

/* Is t's shape that of the trailing axes, so that a row meets it element by element? */
static bool fits_row(const tensor *t, const tensor *x, int axis) {
    int skip = t->rank - (x->rank - axis);
    for (int i = 0; i < t->rank; i++) {
        int a = i - skip + axis;
        if (i < skip ? t->dim[i] != 1 : t->dim[i] != x->dim[a]) return false;
    }
    return skip >= 0;
}

/* scale and bias may broadcast to X in any way; what a row cannot take directly is written out for each row. */
typedef struct factors {
    const tensor *t; /* NULL: none */
    bool per_row;    /* element i of row r at broadcast position: taken by hand */
    int64_t stride[MAX_RANK];
} factors;

static sard_status factors_of(const tensor *t, const tensor *x, int axis, const char *name, factors *f,
                              sard_error *err) {
    *f = (factors){.t = t};
    if (!t || fits_row(t, x, axis)) return SARD_OK;
    f->per_row = true;
    FAIL_IF(!pw_broadcast(x->rank, x->dim, t->rank, t->dim, NULL, f->stride), err, SARD_INVALID_ARGUMENT,
            "%s does not broadcast to X", name);
    return SARD_OK;
}

static double factor_at(const factors *f, const tensor *x, int64_t i) {
    int64_t at = 0;
    for (int a = x->rank - 1; a >= 0; a--) at += i % x->dim[a] * f->stride[a], i /= x->dim[a];
    return tensor_get_f64(f->t, at);
}

/* y = (x - mean) * inv came out of the kernel in the wide type; now scale and bias element by element. */
static void apply_by_hand(const factors *s, const factors *b, const tensor *x, const void *normal, tensor *y) {
    int64_t n = tensor_count(x);
    for (int64_t i = 0; i < n; i++) {
        if (x->dtype == SARD_F64) {
            double v = ((const double *)normal)[i];
            if (s->t) v *= s->per_row ? factor_at(s, x, i) : tensor_get_f64(s->t, i % tensor_count(s->t));
            if (b->t) v += b->per_row ? factor_at(b, x, i) : tensor_get_f64(b->t, i % tensor_count(b->t));
            tensor_set_f64(y, i, v);
        } else {
            float v = ((const float *)normal)[i];
            if (s->t) v *= (float)(s->per_row ? factor_at(s, x, i) : tensor_get_f64(s->t, i % tensor_count(s->t)));
            if (b->t) v += (float)(b->per_row ? factor_at(b, x, i) : tensor_get_f64(b->t, i % tensor_count(b->t)));
            tensor_set_f64(y, i, (double)v);
        }
    }
}

/* Mean and InvStdDev, when asked for: memory for the kernel, and afterwards their own type. */
static sard_status statistic(op_ctx *c, uint32_t i, const shape *s, sard_dtype stash, int64_t rows, sard_dtype wide,
                             void **mem, tensor **t, sard_error *err) {
    *mem = NULL, *t = NULL;
    if (!op_wants(c, i)) return SARD_OK;
    TRY(op_out(c, i, stash, s, t, err));
    return op_scratch(c, (size_t)rows * (wide == SARD_F64 ? 8 : 4), mem, err);
}

static void store_statistic(const void *mem, sard_dtype wide, tensor *t) {
    for (int64_t i = 0; t && i < tensor_count(t); i++)
        tensor_set_f64(t, i, wide == SARD_F64 ? ((const double *)mem)[i] : (double)((const float *)mem)[i]);
}

static sard_status run_rows(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0);
    factors scale, bias;
    int axis = 0;
    if (x->rank > 0) TRY(axis_fix(op_attr(c, AXIS)->i, x->rank, &axis, err));
    TRY(factors_of(op_in(c, 1), x, axis, "Scale", &scale, err));
    TRY(factors_of(op_node(c)->op->code ? NULL : op_in(c, 2), x, axis, "B", &bias, err));
    shape s = shape_of(x), stat = s;
    for (int a = axis; a < s.rank; a++) stat.dim[a] = 1;
    tensor *y, *mean, *inv;
    sard_dtype wide = pw_wide((sard_dtype)x->dtype), stash = (sard_dtype)op_attr(c, STASH_TYPE)->i;
    TRY(op_out(c, 0, (sard_dtype)(op_node(c)->op->code ? op_in(c, 1)->dtype : x->dtype), &s, &y, err));
    norm_rows_args a = {.type = (sard_dtype)x->dtype,
                        .param = (sard_dtype)x->dtype,
                        .rms = op_node(c)->op->code != 0,
                        .eps = (double)op_attr(c, EPSILON)->f,
                        .rows = dims_count(x->dim, axis),
                        .n = dims_count(x->dim + axis, x->rank - axis),
                        .x = tensor_data(x),
                        .y = tensor_data(y)};
    TRY(statistic(c, 1, &stat, stash, a.rows, wide, &a.mean, &mean, err));
    TRY(statistic(c, 2, &stat, stash, a.rows, wide, &a.inv, &inv, err));
    bool plain = !scale.per_row && !bias.per_row && y->dtype == x->dtype;
    void *normal = NULL;
    if (plain) {
        a.scale = scale.t ? tensor_data(scale.t) : NULL, a.bias = bias.t ? tensor_data(bias.t) : NULL;
        if (scale.t) a.param = (sard_dtype)scale.t->dtype;
        TRY(norm_rows(&a, op_par(c), err));
    } else { /* the rows in the wide type first */
        void *in;
        int64_t n = tensor_count(x);
        TRY(op_scratch(c, (size_t)n * 8, &normal, err));
        TRY(op_scratch(c, (size_t)n * 8, &in, err));
        for (int64_t i = 0; i < n; i++) {
            if (wide == SARD_F64)
                ((double *)in)[i] = tensor_get_f64(x, i);
            else
                ((float *)in)[i] = (float)tensor_get_f64(x, i);
        }
        a.type = a.param = wide, a.x = in, a.y = normal;
        TRY(norm_rows(&a, op_par(c), err));
        apply_by_hand(&scale, &bias, x, normal, y);
    }
    store_statistic(a.mean, wide, mean);
    store_statistic(a.inv, wide, inv);
    return SARD_OK;
}

static double flops(const op_prep *p, const vtype *in, const vtype *out) {
    (void)p, (void)out;
    double n = 7;
    for (int i = 0; i < in[0].rank; i++) n *= (double)in[0].dim[i];
    return n;
}

const op_def op_layernormalization = {
    .domain = "",
    .name = "LayerNormalization",
    .doc = "rows less their mean over their deviation",
    OP_SINCE(17),
    OP_ATTRS(rows_attrs),
    OP_IN(layer_in),
    OP_OUT(layer_out),
    .infer = infer_rows,
    .run = run_rows,
    .flops = flops,
};
const op_def op_rmsnormalization = {
    .domain = "",
    .name = "RMSNormalization",
    .doc = "rows over their root mean square",
    OP_SINCE(23),
    OP_ATTRS(rows_attrs),
    OP_IN(rms_in),
    OP_OUT(rms_out),
    .infer = infer_rows,
    .run = run_rows,
    .flops = flops,
    .code = 1,
};

/* ---- groups of channels: GroupNormalization, InstanceNormalization ------------------------------------------------------ */

enum { G_EPSILON, G_NUM_GROUPS, G_STASH_TYPE };
static const attr_def group_attrs[] = {ATTR_F("epsilon", 1e-5f), ATTR_REQ("num_groups", ATTR_INT),
                                       ATTR_I("stash_type", 1)};
static const attr_def instance_attrs[] = {ATTR_F("epsilon", 1e-5f)};
static const formal group_in[] = {
    {.name = "X", .var = "T", .types = DT_FLOAT},
    {.name = "scale", .var = "T", .types = DT_FLOAT, .flags = F_CONST},
    {.name = "bias", .var = "T", .types = DT_FLOAT, .flags = F_CONST},
};
static const formal group_out[] = {{.name = "Y", .var = "T", .types = DT_FLOAT}};

/* Version 18 has one scale and one bias per group: [G] -> [G, 1] -> [G, C / G] -> [C]. */
static sard_status upgrade_group(draft *d, int since, sard_error *err) {
    if (since >= 21) return SARD_OK;
    const vtype *x = draft_in_type(d, 0);
    int64_t groups = draft_int(d, "num_groups", 0);
    FAIL_IF(x->rank < 2 || !dim_known(x->dim[1]) || groups < 1, err, SARD_UNSUPPORTED,
            "GroupNormalization of version 18 needs a known number of channels");
    for (uint32_t i = 1; i < 3; i++) {
        value_id column = build_reshape(&d->b, d->in[i], (int64_t[]){-1, 1}, 2);
        value_id all = build_2(&d->b, "Expand", column, build_i64s(&d->b, (int64_t[]){groups, x->dim[1] / groups}, 2));
        TRY(draft_set_in(d, i, build_reshape(&d->b, all, (int64_t[]){-1}, 1)));
    }
    return builder_result(&d->b);
}

static sard_status infer_group(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[0];
    FAIL_IF(x->rank >= 0 && x->rank < 2, err, SARD_INVALID_ARGUMENT, "X has rank %d; channels are its axis 1", x->rank);
    return infer_same(c, err);
}

static sard_status run_group(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0), *scale = op_in(c, 1), *bias = op_in(c, 2);
    bool instance = op_node(c)->op->code != 0;
    int64_t groups = instance ? x->dim[1] : op_attr(c, G_NUM_GROUPS)->i;
    FAIL_IF(groups < 1 || x->dim[1] % groups, err, SARD_INVALID_ARGUMENT, "%lld channels in %lld groups",
            (long long)x->dim[1], (long long)groups);
    FAIL_IF(tensor_count(scale) != x->dim[1] || tensor_count(bias) != x->dim[1], err, SARD_INVALID_ARGUMENT,
            "scale and bias must have %lld elements, one per channel", (long long)x->dim[1]);
    shape s = shape_of(x);
    tensor *y;
    TRY(op_out(c, 0, (sard_dtype)x->dtype, &s, &y, err));
    norm_group_args a = {.type = (sard_dtype)x->dtype,
                         .param = (sard_dtype)scale->dtype,
                         .eps = (double)op_attr(c, 0)->f,
                         .batch = x->dim[0],
                         .channels = x->dim[1],
                         .inner = dims_count(x->dim + 2, x->rank - 2),
                         .channels_per_group = x->dim[1] / groups,
                         .x = tensor_data(x),
                         .y = tensor_data(y),
                         .scale = tensor_data(scale),
                         .bias = tensor_data(bias)};
    for (int i = 0; i < 2; i++) a.x_stride[i] = x->stride[i], a.y_stride[i] = y->stride[i];
    a.x_stride[2] = x->rank > 2 ? x->stride[x->rank - 1] : 1, a.y_stride[2] = y->rank > 2 ? y->stride[y->rank - 1] : 1;
    return norm_group(&a, op_par(c), err);
}

const op_def op_groupnormalization = {
    .domain = "",
    .name = "GroupNormalization",
    .doc = "groups of channels less their mean over their deviation",
    OP_SINCE(18, 21),
    OP_ATTRS(group_attrs),
    OP_IN(group_in),
    OP_OUT(group_out),
    .flags = OP_LAST,
    .upgrade = upgrade_group,
    .infer = infer_group,
    .run = run_group,
    .flops = flops,
};
const op_def op_instancenormalization = {
    .domain = "",
    .name = "InstanceNormalization",
    .doc = "each channel less its mean over its deviation",
    OP_SINCE(1, 6, 22),
    OP_ATTRS(instance_attrs),
    OP_IN(group_in),
    OP_OUT(group_out),
    .flags = OP_LAST,
    .infer = infer_group,
    .run = run_group,
    .flops = flops,
    .code = 1,
};

/* ---- LpNormalization ----------------------------------------------------------------------------------------------------- */

enum { L_AXIS, L_P };
static const attr_def lp_attrs[] = {ATTR_I("axis", -1), ATTR_I("p", 2)};
static const formal lp_in[] = {{.name = "input", .var = "T", .types = DT_FLOAT}};
static const formal lp_out[] = {{.name = "output", .var = "T", .types = DT_FLOAT}};

static sard_status infer_lp(infer_ctx *c, sard_error *err) {
    int64_t p = infer_attr(c, L_P)->i;
    int axis;
    FAIL_IF(p != 1 && p != 2, err, SARD_INVALID_MODEL, "attribute 'p' is %lld; 1 and 2 are allowed", (long long)p);
    if (c->in[0]->rank >= 0) TRY(axis_fix(infer_attr(c, L_AXIS)->i, c->in[0]->rank, &axis, err));
    return infer_same(c, err);
}

static sard_status run_lp(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0);
    shape s = shape_of(x);
    tensor *y;
    norm_lp_args a = {.type = (sard_dtype)x->dtype, .p = (int)op_attr(c, L_P)->i, .rank = x->rank};
    TRY(axis_fix(op_attr(c, L_AXIS)->i, x->rank, &a.axis, err));
    TRY(op_out(c, 0, (sard_dtype)x->dtype, &s, &y, err));
    memcpy(a.dim, x->dim, sizeof a.dim), memcpy(a.in_stride, x->stride, sizeof a.in_stride);
    memcpy(a.out_stride, y->stride, sizeof a.out_stride);
    a.in = tensor_data(x), a.out = tensor_data(y);
    return norm_lp(&a, op_par(c), err);
}

const op_def op_lpnormalization = {
    .domain = "",
    .name = "LpNormalization",
    .doc = "divided by the Lp norm along an axis",
    OP_SINCE(1, 22),
    OP_ATTRS(lp_attrs),
    OP_IN(lp_in),
    OP_OUT(lp_out),
    .flags = OP_STRIDED | OP_LAST,
    .infer = infer_lp,
    .run = run_lp,
};
