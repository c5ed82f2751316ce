/* fake_ops.c -- the operators of fake_ops.h. */
#include "graph/fake_ops.h"

/* ---- pointwise ---- */
static const formal one[] = {{.name = "X", .var = "T", .types = DT_NUMBER}};
static const formal two[] = {{.name = "A", .var = "T", .types = DT_NUMBER},
                             {.name = "B", .var = "T", .types = DT_NUMBER}};
static const formal any1[] = {{.name = "X", .var = "T", .types = DT_ALL, .kinds = K_ANY}};

static sard_status old_broadcast(struct draft *d, int since, sard_error *err) {
    return since < 7 ? draft_old_broadcast(d, err) : SARD_OK;
}

static const op_def fake_add = {.domain = "",
                                .name = "Add",
                                OP_SINCE(1, 6, 7, 13, 14),
                                OP_IN(two),
                                OP_OUT(one),
                                .flags = OP_COMMUTES,
                                .upgrade = old_broadcast,
                                .infer = infer_broadcast};
static const op_def fake_mul = {.domain = "",
                                .name = "Mul",
                                OP_SINCE(1, 6, 7, 13, 14),
                                OP_IN(two),
                                OP_OUT(one),
                                .flags = OP_COMMUTES,
                                .upgrade = old_broadcast,
                                .infer = infer_broadcast};
static const op_def fake_relu = {.domain = "", .name = "Relu", OP_SINCE(1, 6, 13, 14), OP_IN(one), OP_OUT(one)};
static const op_def fake_identity = {
    .domain = "", .name = "Identity", OP_SINCE(1, 13, 14, 16, 19), OP_IN(any1), OP_OUT(any1)};

/* ---- shapes: Shape, Unsqueeze (opset 13: axes became an input), Concat ---- */
static const formal shape_out[] = {{.name = "shape", .types = DT(SARD_I64)}};
static const formal unsqueeze_in[] = {{.name = "data", .var = "T", .types = DT_ALL},
                                      {.name = "axes", .types = DT(SARD_I64)}};
static const formal concat_in[] = {{.name = "in", .var = "T", .types = DT_ALL, .flags = F_VARIADIC}};
static const formal all1[] = {{.name = "Y", .var = "T", .types = DT_ALL}};
static const attr_def concat_attrs[] = {ATTR_REQ("axis", ATTR_INT)};

static sard_status shape_infer(infer_ctx *c, sard_error *err) {
    (void)err;
    const vtype *x = c->in[0];
    c->out[0] = type_tensor(SARD_I64, 1, NULL);
    if (x->rank < 0) return SARD_OK;
    c->out[0].dim[0] = x->rank;
    int64_t *v = infer_known_alloc(c, (uint32_t)x->rank);
    for (int i = 0; v && i < x->rank; i++) v[i] = x->dim[i];
    if (v) c->out_known[0] = (known){v, (uint32_t)x->rank};
    return SARD_OK;
}

static sard_status unsqueeze_upgrade(struct draft *d, int since, sard_error *err) {
    (void)err;
    return since < 13 ? draft_attr_to_input(d, "axes", 1, SARD_I64, true) : SARD_OK;
}

static sard_status unsqueeze_infer(infer_ctx *c, sard_error *err) {
    uint32_t n;
    const int64_t *axes = infer_ints(c, 1, &n);
    const vtype *x = c->in[0];
    if (!axes || x->rank < 0 || x->rank + n > MAX_RANK) return SARD_OK;
    const int rank = x->rank + (int)n;
    vtype t = type_tensor((sard_dtype)x->dtype, rank, NULL);
    for (uint32_t i = 0; i < n; i++) {
        int axis;
        TRY(axis_fix(axes[i], rank, &axis, err));
        t.dim[axis] = 1;
    }
    for (int i = 0, k = 0; i < rank; i++)
        if (t.dim[i] != 1 && k < x->rank) t.dim[i] = x->dim[k++];
    c->out[0] = t;
    return SARD_OK;
}

static sard_status concat_infer(infer_ctx *c, sard_error *err) {
    int axis;
    if (c->in[0]->rank < 0) return SARD_OK;
    TRY(axis_fix(infer_attr(c, 0)->i, c->in[0]->rank, &axis, err));
    vtype t = *c->in[0];
    for (uint32_t i = 1; i < c->n_in; i++) t.dim[axis] = dim_add(c->mod, t.dim[axis], c->in[i]->dim[axis]);
    c->out[0] = t;
    return SARD_OK;
}

static const op_def fake_shape = {.domain = "",
                                  .name = "Shape",
                                  OP_SINCE(1, 13, 15),
                                  OP_IN(any1),
                                  OP_OUT(shape_out),
                                  .flags = OP_SHAPE_ONLY,
                                  .infer = shape_infer};
static const op_def fake_unsqueeze = {.domain = "",
                                      .name = "Unsqueeze",
                                      OP_SINCE(1, 11, 13),
                                      OP_IN(unsqueeze_in),
                                      OP_OUT(all1),
                                      .upgrade = unsqueeze_upgrade,
                                      .infer = unsqueeze_infer};
static const op_def fake_concat = {.domain = "",
                                   .name = "Concat",
                                   OP_SINCE(1, 4, 11, 13),
                                   OP_ATTRS(concat_attrs),
                                   OP_IN(concat_in),
                                   OP_OUT(all1),
                                   .infer = concat_infer};

/* ---- attributes of every type, optional and absent inputs, several outputs ---- */
static const attr_def misc_attrs[] = {
    ATTR_F("alpha", 0.5f),           ATTR_I("count", 3),
    ATTR_S("mode", "linear"),        ATTR_OPT("sizes", ATTR_INTS),
    ATTR_OPT("scales", ATTR_FLOATS), ATTR_OPT("labels", ATTR_STRINGS),
    ATTR_OPT("table", ATTR_TENSOR),  ATTR_OPT("kind", ATTR_TYPE),
};
static const formal misc_in[] = {{.name = "X", .var = "T", .types = DT_FLOAT},
                                 {.name = "bias", .var = "T", .types = DT_FLOAT, .flags = F_OPTIONAL},
                                 {.name = "axes", .types = DT(SARD_I64), .flags = F_OPTIONAL}};
static const formal misc_out[] = {{.name = "Y", .var = "T", .types = DT_FLOAT},
                                  {.name = "index", .types = DT(SARD_I64), .flags = F_OPTIONAL}};
static const op_def fake_misc = {
    .domain = "test", .name = "Misc", OP_SINCE(1, 2), OP_ATTRS(misc_attrs), OP_IN(misc_in), OP_OUT(misc_out)};

/* ---- control ---- */
static const attr_def if_attrs[] = {ATTR_REQ("else_branch", ATTR_GRAPH), ATTR_REQ("then_branch", ATTR_GRAPH)};
static const formal if_in[] = {{.name = "cond", .types = DT_BOOL}};
static const formal if_out[] = {{.name = "outputs", .types = DT_ALL, .flags = F_VARIADIC | F_MIXED, .kinds = K_ANY}};

static sard_status if_infer(infer_ctx *c, sard_error *err) {
    vtype *other = arena_alloc(c->mem, (c->n_out + (size_t)1) * sizeof *other);
    if (!other) return err_nomem(err, sizeof *other);
    TRY(c->body(c, 0, NULL, 0, other, c->n_out, err));
    TRY(c->body(c, 1, NULL, 0, c->out, c->n_out, err));
    for (uint32_t i = 0; i < c->n_out; i++)
        for (int k = 0; k < c->out[i].rank; k++)
            if (other[i].rank != c->out[i].rank || other[i].dim[k] != c->out[i].dim[k]) c->out[i].dim[k] = DIM_UNKNOWN;
    return SARD_OK;
}

/* Loop with one carried value and nothing else: body(x) -> x. A dimension that changes becomes unknown. */
static const attr_def repeat_attrs[] = {ATTR_REQ("body", ATTR_GRAPH)};
static sard_status repeat_infer(infer_ctx *c, sard_error *err) {
    vtype in = *c->in[0], out;
    TRY(c->body(c, 0, &in, 1, &out, 1, err));
    bool same = true;
    for (int k = 0; k < in.rank && out.rank == in.rank; k++) {
        if (in.dim[k] == out.dim[k]) continue;
        in.dim[k] = DIM_UNKNOWN;
        same = false;
    }
    if (!same) TRY(c->body(c, 0, &in, 1, &out, 1, err));
    c->out[0] = in;
    return SARD_OK;
}

static const op_def fake_if = {.domain = "",
                               .name = "If",
                               OP_SINCE(1, 11, 13, 16),
                               OP_ATTRS(if_attrs),
                               OP_IN(if_in),
                               OP_OUT(if_out),
                               .flags = OP_BODY,
                               .infer = if_infer};
static const op_def fake_repeat = {.domain = "test",
                                   .name = "Repeat",
                                   OP_SINCE(1),
                                   OP_ATTRS(repeat_attrs),
                                   OP_IN(all1),
                                   OP_OUT(all1),
                                   .flags = OP_BODY,
                                   .infer = repeat_infer};
static const op_def fake_free = {
    .domain = "test", .name = "Free", OP_SINCE(1), OP_IN(if_out), OP_OUT(if_out), .flags = OP_ANY_ATTRS};

static const op_def *const table[] = {&fake_add,   &fake_mul,       &fake_relu,   &fake_identity,
                                      &fake_shape, &fake_unsqueeze, &fake_concat, &fake_misc,
                                      &fake_if,    &fake_repeat,    &fake_free};
const op_set fake_ops = {table, sizeof table / sizeof table[0], NULL};
