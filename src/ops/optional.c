/*
 * optional.c -- Optional, OptionalHasElement, OptionalGetElement.
 *
 * An optional is one value or none; what it holds is shared, not copied.
 *   OptionalHasElement, OptionalGetElement 18: tensors and sequences are taken too, and are always there
 */
#include "ops/sequence.h"

enum { TYPE };
static const attr_def optional_attrs[] = {ATTR_OPT("type", ATTR_TYPE)};
static const formal optional_in[] = {
    {.name = "input", .types = DT_ALL, .flags = F_OPTIONAL, .kinds = K_SEQ | K_TENSOR | K_OPT},
};
static const formal optional_out[] = {{.name = "output", .types = DT_ALL, .kinds = K_OPT}};
static const formal has_in[] = {
    {.name = "input", .types = DT_ALL, .flags = F_OPTIONAL, .kinds = K_OPT | K_SEQ | K_TENSOR},
};
static const formal has_out[] = {{.name = "output", .types = DT_BOOL}};
static const formal get_in[] = {{.name = "input", .types = DT_ALL, .kinds = K_OPT | K_SEQ | K_TENSOR}};
static const formal get_out[] = {{.name = "output", .types = DT_ALL, .kinds = K_SEQ | K_TENSOR}};

/* ---- Optional ------------------------------------------------------------------------------------------------------ */

static sard_status infer_optional(infer_ctx *c, sard_error *err) {
    const attr *a = infer_attr(c, TYPE);
    FAIL_IF(a->type == ATTR_NONE && !infer_has(c, 0), err, SARD_INVALID_MODEL,
            "neither an input nor attribute 'type' is given");
    if (infer_has(c, 0)) return infer_holder(c, 0, SARD_KIND_OPTIONAL, c->in[0], err);
    return infer_holder(c, 0, SARD_KIND_OPTIONAL, &c->g->mod->types[a->vt], err);
}

static sard_status run_optional(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    sard_value *item = NULL, *out;
    sard_dtype t;
    if (op_in_value(c, 0)) {
        TRY(op_own(c, 0, &item, err));
        t = (sard_dtype)(value_is_tensor(item) ? item->t.dtype : item->dtype);
    } else {
        const module *m = op_graph(c)->mod;
        const attr *a = op_attr(c, TYPE);
        t = a->type == ATTR_NONE ? SARD_UNDEFINED : type_elem_dtype(m, &m->types[a->vt]);
    }
    TRY(value_optional(item, t, &out, err));
    return op_give(c, 0, out, err);
}

const op_def op_optional = {
    .domain = "",
    .name = "Optional",
    .doc = "an optional that holds its input, or nothing",
    OP_SINCE(15, 28),
    OP_ATTRS(optional_attrs),
    OP_IN(optional_in),
    OP_OUT(optional_out),
    .infer = infer_optional,
    .run = run_optional,
};

/* ---- OptionalHasElement -------------------------------------------------------------------------------------------- */

static sard_status infer_has_element(infer_ctx *c, sard_error *err) {
    (void)err;
    c->out[0] = type_tensor(SARD_BOOL, 0, NULL);
    return SARD_OK;
}

static sard_status run_has_element(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const sard_value *v = op_in_value(c, 0);
    const shape s = {0};
    tensor *y;
    TRY(op_out(c, 0, SARD_BOOL, &s, &y, err));
    *TENSOR_AT(y, uint8_t) = v && (v->kind != SARD_KIND_OPTIONAL || v->opt.item);
    return SARD_OK;
}

const op_def op_optionalhaselement = {
    .domain = "",
    .name = "OptionalHasElement",
    .doc = "does an optional hold a value?",
    OP_SINCE(15, 18, 28),
    OP_IN(has_in),
    OP_OUT(has_out),
    .infer = infer_has_element,
    .run = run_has_element,
};

/* ---- OptionalGetElement -------------------------------------------------------------------------------------------- */

static sard_status infer_get(infer_ctx *c, sard_error *err) {
    (void)err;
    if (c->in[0]->kind != SARD_KIND_OPTIONAL) {
        c->out[0] = *c->in[0];
        return SARD_OK;
    }
    c->out[0] = type_inside(c, c->in[0]);
    if (c->out[0].kind == SARD_KIND_TENSOR) c->out[0] = type_tensor((sard_dtype)c->out[0].dtype, -1, NULL);
    return SARD_OK;
}

static sard_status run_get(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *t = op_in(c, 0);
    if (t) {
        shape s = shape_of(t);
        return op_out_view(c, 0, 0, &s, err);
    }
    const sard_value *v = op_in_value(c, 0);
    FAIL_IF(!v, err, SARD_INVALID_ARGUMENT, "there is no input");
    if (v->kind != SARD_KIND_OPTIONAL) return op_give(c, 0, sard_value_ref((sard_value *)(uintptr_t)v), err);
    FAIL_IF(!v->opt.item, err, SARD_INVALID_ARGUMENT, "the optional holds nothing");
    return give_shared(c, 0, v->opt.item, err);
}

const op_def op_optionalgetelement = {
    .domain = "",
    .name = "OptionalGetElement",
    .doc = "the value an optional holds",
    OP_SINCE(15, 18, 28),
    OP_IN(get_in),
    OP_OUT(get_out),
    .flags = OP_DATA_SHAPE,
    .infer = infer_get,
    .run = run_get,
};
