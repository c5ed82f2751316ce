/* build.c -- the builder: nodes by name, checked and typed as they are made. */
#include <stdio.h>

#include "graph/op.h"

static value_id fail(builder *b, sard_status st) {
    if (b->status == SARD_OK) b->status = st;
    return NO_ID;
}

/* "ai.onnx.ml.Scaler": what is before the last dot is the domain. */
static const op_def *op_named(const module *m, const char *name) {
    char domain[100];
    const char *dot = strrchr(name, '.');
    if (!dot) return op_find(m->ops, "", name);
    if ((size_t)(dot - name) >= sizeof domain) return NULL;
    snprintf(domain, sizeof domain, "%.*s", (int)(dot - name), name);
    return op_find(m->ops, domain, dot + 1);
}

/* One attribute argument as an attribute whose lists lie in the module. */
static sard_status attr_of_arg(module *m, const attr_arg *a, attr *out, sard_error *err) {
    *out = (attr){.type = (uint8_t)a->type};
    TRY(mod_intern(m, a->name, strlen(a->name), &out->name, err));
    const void *copy = NULL;
    switch (a->type) {
    case ATTR_INT:
        out->i = a->i;
        return SARD_OK;
    case ATTR_FLOAT:
        out->f = (float)a->f;
        return SARD_OK;
    case ATTR_GRAPH:
        out->body = a->body;
        return SARD_OK;
    case ATTR_STRING:
        out->s = (str){arena_strn(&m->mem, a->s, strlen(a->s)), strlen(a->s)};
        return out->s.p ? SARD_OK : err_nomem(err, out->s.n);
    case ATTR_INTS:
        out->ints.n = a->n;
        copy = out->ints.v = arena_copy(&m->mem, a->ints, a->n * sizeof *a->ints);
        break;
    case ATTR_FLOATS:
        out->floats.n = a->n;
        copy = out->floats.v = arena_copy(&m->mem, a->floats, a->n * sizeof *a->floats);
        break;
    case ATTR_TENSOR:
        return mod_constant(m, sard_value_ref(a->tensor), &out->tensor, err);
    default:
        return err_set(err, SARD_INTERNAL, "attribute '%s' has a type the builder does not make", a->name);
    }
    return copy ? SARD_OK : err_nomem(err, a->n * sizeof(int64_t));
}

/* The node with its attributes, in *id. Faults of the caller's are in p. */
static sard_status make_node(builder *b, const op_def *op, const value_id *in, uint32_t n_in, const value_id *out,
                             uint32_t n_out, const attr_arg *args, uint32_t n_args, node_id *id, problems *p) {
    attr *given = arena_calloc(&b->mod->mem, n_args, sizeof *given), *attrs;
    graph_id *bodies = arena_calloc(&b->mod->mem, n_args, sizeof *bodies);
    uint32_t n_attrs, n_bodies = 0;
    if (!given || !bodies) return err_nomem(b->err, n_args * sizeof *given);
    for (uint32_t i = 0; i < n_args; i++) TRY(attr_of_arg(b->mod, &args[i], &given[i], b->err));
    TRY(op_attrs(b->mod, op, given, n_args, &attrs, &n_attrs, op->name, p, b->err));
    TRY(problems_result(p, b->err));
    for (uint32_t i = 0; i < n_attrs; i++)
        if (attrs[i].type == ATTR_GRAPH) bodies[n_bodies++] = attrs[i].body;
    TRY(graph_node(b->g, op, in, n_in, out, n_out, attrs, n_attrs, bodies, n_bodies, b->origin, id, b->err));
    return n_bodies ? node_set_captures(b->g, *id, b->captures, b->n_captures, b->err) : SARD_OK;
}

sard_status build_node(builder *b, const char *name, const value_id *in, uint32_t n_in, value_id *out, uint32_t n_out,
                       const attr_arg *args, uint32_t n_args) {
    if (b->status != SARD_OK) return b->status;
    const op_def *op = op_named(b->mod, name);
    if (!op) return b->status = err_set(b->err, SARD_UNSUPPORTED, "operator '%s' is not offered", name);
    problems p = {0};
    node_id id;
    for (uint32_t i = 0; i < n_out && b->status == SARD_OK; i++)
        if (out[i] == NO_ID) b->status = graph_value(b->g, 0, NULL, &out[i], b->err);
    if (b->status == SARD_OK) b->status = make_node(b, op, in, n_in, out, n_out, args, n_args, &id, &p);
    if (b->status == SARD_OK) b->status = graph_infer_node(b->g, id, &p, b->err);
    if (b->status == SARD_OK) b->status = problems_result(&p, b->err);
    return b->status;
}

value_id build_op(builder *b, const char *op, const value_id *in, uint32_t n_in, const attr_arg *args,
                  uint32_t n_args) {
    value_id out = NO_ID;
    return build_node(b, op, in, n_in, &out, 1, args, n_args) == SARD_OK ? out : NO_ID;
}

value_id build_1(builder *b, const char *op, value_id x) { return build_op(b, op, &x, 1, NULL, 0); }

value_id build_2(builder *b, const char *op, value_id x, value_id y) {
    return build_op(b, op, (value_id[]){x, y}, 2, NULL, 0);
}

/* ---- constants ---------------------------------------------------------------------------------------------------- */

value_id build_const(builder *b, sard_value *take) {
    value_id v;
    if (b->status != SARD_OK) {
        sard_value_unref(take);
        return NO_ID;
    }
    const sard_status st = graph_const_value(b->g, 0, take, &v, b->err);
    return st == SARD_OK ? v : fail(b, st);
}

static value_id build_tensor(builder *b, sard_dtype t, const shape *s, const void *data, double number) {
    tensor x;
    sard_value *v;
    if (b->status != SARD_OK) return NO_ID;
    sard_status st = tensor_new(&x, t, s, b->err);
    if (st != SARD_OK) return fail(b, st);
    if (data)
        memcpy(tensor_data(&x), data, tensor_bytes(&x));
    else
        tensor_set_f64(&x, 0, number);
    st = value_tensor(&x, &v, b->err);
    return st == SARD_OK ? build_const(b, v) : fail(b, st);
}

value_id build_i64(builder *b, int64_t v) { return build_tensor(b, SARD_I64, &(shape){.rank = 0}, &v, 0); }

value_id build_i64s(builder *b, const int64_t *v, size_t n) {
    const int64_t none = 0;
    return build_tensor(b, SARD_I64, &(shape){.rank = 1, .dim = {(int64_t)n}}, n ? v : &none, 0);
}

value_id build_scalar(builder *b, sard_dtype t, double v) { return build_tensor(b, t, &(shape){.rank = 0}, NULL, v); }

value_id build_cast(builder *b, value_id x, sard_dtype t) {
    if (b->status != SARD_OK) return NO_ID;
    const vtype *type = &b->g->values[x].type;
    if (type->kind == SARD_KIND_TENSOR && type->dtype == t) return x;
    return build_op(b, "Cast", &x, 1, &(attr_arg)ARG_I("to", t), 1);
}

value_id build_reshape(builder *b, value_id x, const int64_t *dims, size_t n) {
    return build_2(b, "Reshape", x, build_i64s(b, dims, n));
}
