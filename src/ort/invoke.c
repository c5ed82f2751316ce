/*
 * invoke.c -- operators of the engine that a custom operator's kernel calls itself: a model of one node. It is made when
 * the element types of the inputs are seen, and kept for the next call with these.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ort/custom.h"

enum { MODELS_KEPT = 8, ARGS_MAX = 1024 };

typedef struct made {
    sard_dtype *types; /* per input; UNDEFINED: left out */
    sard_model *model;
} made;

struct OrtOp {
    char *domain, *name;
    int version;
    OrtOpAttr **attrs;
    size_t n_attrs, n_in, n_out;
    char (*in_names)[8], (*out_names)[8]; /* "x0" ..., "y0" ... */
    pthread_mutex_t lock;                 /* of made */
    made made[MODELS_KEPT];               /* the oldest goes first */
    size_t n_made;
};

/* ---- making and releasing ----------------------------------------------------------------------------------------- */

static void made_free(made *m) {
    free(m->types);
    sard_model_unref(m->model);
}

void ort_ReleaseOp(OrtOp *op) {
    if (!op) return;
    for (size_t i = 0; i < op->n_made; i++) made_free(&op->made[i]);
    for (size_t i = 0; op->attrs && i < op->n_attrs; i++) ort_op_attr_unref(op->attrs[i]);
    pthread_mutex_destroy(&op->lock);
    free(op->attrs);
    free(op->in_names);
    free(op->out_names);
    free(op->domain);
    free(op->name);
    free(op);
}

static bool fill(OrtOp *op, const char *name, const char *domain, const OrtOpAttr *const *attrs, size_t n_attrs) {
    op->domain = strdup(domain ? domain : "");
    op->name = strdup(name);
    op->attrs = calloc(n_attrs + 1, sizeof *op->attrs);
    op->in_names = calloc(op->n_in + 1, sizeof *op->in_names);
    op->out_names = calloc(op->n_out + 1, sizeof *op->out_names);
    if (!op->domain || !op->name || !op->attrs || !op->in_names || !op->out_names) return false;
    for (size_t i = 0; i < n_attrs; i++) op->attrs[op->n_attrs++] = ort_op_attr_ref(attrs[i]);
    for (size_t i = 0; i < op->n_in; i++) snprintf(op->in_names[i], sizeof *op->in_names, "x%zu", i);
    for (size_t i = 0; i < op->n_out; i++) snprintf(op->out_names[i], sizeof *op->out_names, "y%zu", i);
    return true;
}

static bool offered(const char *domain, const char *name) {
    sard_op_info info;
    const char *d = !domain || strcmp(domain, "ai.onnx") == 0 ? "" : domain;
    for (size_t i = 0; i < sard_op_count(); i++) {
        sard_op_get(i, &info);
        if (strcmp(info.name, name) == 0 && strcmp(info.domain, d) == 0) return true;
    }
    return false;
}

/* The types that the constraints name are those of the values that come: they need not be kept. */
OrtStatus *ort_CreateOp(const OrtKernelInfo *info, const char *name, const char *domain, int version,
                        const char **constraints, const ONNXTensorElementDataType *types, int n_constraints,
                        const OrtOpAttr *const *attrs, int n_attrs, int n_in, int n_out, OrtOp **out) {
    (void)constraints;
    (void)types;
    (void)n_constraints;
    NOT_NULL(info);
    NOT_NULL(name);
    NOT_NULL(out);
    if (n_attrs > 0) NOT_NULL(attrs);
    REQUIRE(n_in >= 0 && n_out > 0 && n_in <= ARGS_MAX && n_out <= ARGS_MAX && n_attrs >= 0, ORT_INVALID_ARGUMENT,
            "CreateOp: %d inputs, %d outputs, %d attributes", n_in, n_out, n_attrs);
    REQUIRE(version >= 1, ORT_INVALID_ARGUMENT, "CreateOp: version %d of %s", version, name);
    REQUIRE(offered(domain, name), ORT_FAIL, "CreateOp: there is no operator %s.%s", domain ? domain : "", name);
    for (int i = 0; i < n_attrs; i++)
        REQUIRE(attrs[i], ORT_INVALID_ARGUMENT, "CreateOp: attribute %d of %s is NULL", i, name);
    OrtOp *op = calloc(1, sizeof *op);
    if (!op) return ort_no_memory(sizeof *op);
    op->version = version;
    op->n_in = (size_t)n_in;
    op->n_out = (size_t)n_out;
    pthread_mutex_init(&op->lock, NULL);
    if (!fill(op, name, domain, attrs, (size_t)n_attrs)) {
        ort_ReleaseOp(op);
        return ort_no_memory(sizeof *op);
    }
    *out = op;
    return NULL;
}

/* ---- the model of a call ------------------------------------------------------------------------------------------ */

/* The builder keeps its first failure and tells it when the model is built. */
static OrtStatus *add_attr(sard_builder *b, const OrtOpAttr *a) {
    const char **texts;
    switch (a->type) {
    case ORT_OP_ATTR_INT:
        sard_builder_attr_int(b, a->name, a->i, NULL);
        return NULL;
    case ORT_OP_ATTR_FLOAT:
        sard_builder_attr_float(b, a->name, a->f, NULL);
        return NULL;
    case ORT_OP_ATTR_INTS:
        sard_builder_attr_ints(b, a->name, a->ints, a->n, NULL);
        return NULL;
    case ORT_OP_ATTR_FLOATS:
        sard_builder_attr_floats(b, a->name, a->floats, a->n, NULL);
        return NULL;
    case ORT_OP_ATTR_STRING:
        sard_builder_attr_string(b, a->name, a->s.p, a->n, NULL);
        return NULL;
    case ORT_OP_ATTR_STRINGS:
        texts = calloc(a->n + 1, sizeof *texts);
        if (!texts) return ort_no_memory(a->n);
        for (size_t i = 0; i < a->n; i++) texts[i] = a->strings[i].p;
        sard_builder_attr_strings(b, a->name, texts, a->n, NULL);
        free(texts);
        return NULL;
    case ORT_OP_ATTR_TENSOR:
        sard_builder_attr_tensor(b, a->name, a->tensor, NULL);
        return NULL;
    default:
        return ort_fail(ORT_NOT_IMPLEMENTED, "CreateOp: the attribute '%s' is of a type that is not offered", a->name);
    }
}

/* The inputs and outputs that the model has; the outputs' types follow from the inputs'. */
static OrtStatus *describe(const OrtOp *op, sard_builder *b, const sard_dtype *types) {
    const char **names = calloc(op->n_in + op->n_out, sizeof *names);
    if (!names) return ort_no_memory(op->n_in + op->n_out);
    for (size_t i = 0; i < op->n_in; i++) {
        names[i] = types[i] ? op->in_names[i] : "";
        if (types[i]) sard_builder_input(b, names[i], types[i], -1, NULL, NULL, NULL);
    }
    for (size_t i = 0; i < op->n_out; i++) names[op->n_in + i] = op->out_names[i];
    sard_builder_opset(b, op->domain, op->version, NULL);
    sard_builder_node(b, op->domain, op->name, op->name, names, op->n_in, names + op->n_in, op->n_out, NULL);
    OrtStatus *st = NULL;
    for (size_t i = 0; i < op->n_attrs && !st; i++) st = add_attr(b, op->attrs[i]);
    for (size_t i = 0; i < op->n_out; i++)
        sard_builder_output(b, op->out_names[i], SARD_UNDEFINED, -1, NULL, NULL, NULL);
    free(names);
    return st;
}

static OrtStatus *build(const OrtOp *op, const sard_dtype *types, sard_model **out) {
    sard_builder *b;
    sard_error err;
    sard_status st = sard_builder_new(op->name, &b, &err);
    if (st != SARD_OK) return ort_from_error(st, &err, false);
    OrtStatus *bad = describe(op, b, types);
    if (!bad) {
        st = sard_builder_build(b, NULL, out, &err);
        if (st != SARD_OK) bad = ort_from_error(st, &err, false);
    }
    sard_builder_free(b);
    return bad;
}

static OrtStatus *keep(OrtOp *op, const sard_dtype *types, sard_model *model) {
    made m = {calloc(op->n_in + 1, sizeof *types), model};
    if (!m.types) return ort_no_memory(op->n_in);
    memcpy(m.types, types, op->n_in * sizeof *types);
    if (op->n_made == MODELS_KEPT) {
        made_free(&op->made[0]);
        memmove(op->made, op->made + 1, --op->n_made * sizeof *op->made);
    }
    sard_model_ref(model);
    op->made[op->n_made++] = m;
    return NULL;
}

/* A reference to the model for inputs of these types. */
static OrtStatus *model_for(OrtOp *op, const sard_dtype *types, sard_model **out) {
    OrtStatus *st = NULL;
    *out = NULL;
    pthread_mutex_lock(&op->lock);
    for (size_t i = 0; i < op->n_made && !*out; i++)
        if (memcmp(op->made[i].types, types, op->n_in * sizeof *types) == 0) *out = sard_model_ref(op->made[i].model);
    if (!*out) {
        st = build(op, types, out);
        if (!st) st = keep(op, types, *out);
        if (st) {
            sard_model_unref(*out);
            *out = NULL;
        }
    }
    pthread_mutex_unlock(&op->lock);
    return st;
}

/* ---- calling ------------------------------------------------------------------------------------------------------ */

typedef struct call {
    const OrtOp *op;
    sard_dtype *types;      /* per input */
    const char **in_names;  /* n_in */
    const char **out_names; /* n_out */
    sard_value **in, **out; /* references */
    size_t n_in;            /* those that are there */
} call;

static OrtStatus *take_inputs(call *c, const OrtValue *const *inputs) {
    for (size_t i = 0; i < c->op->n_in; i++) {
        if (!inputs[i]) continue;
        REQUIRE(ort_value_kind(inputs[i]) == ONNX_TYPE_TENSOR, ORT_NOT_IMPLEMENTED,
                "InvokeOp: input %zu of %s is not a tensor", i, c->op->name);
        TRY_ORT(ort_value_get(inputs[i], &c->in[c->n_in]));
        c->types[i] = sard_tensor_dtype(c->in[c->n_in]);
        c->in_names[c->n_in++] = c->op->in_names[i];
    }
    return NULL;
}

/* Numbers are written where the kernel wants them; strings come back and replace what it gave. */
static OrtStatus *take_outputs(call *c, OrtValue *const *outputs) {
    for (size_t i = 0; i < c->op->n_out; i++) {
        REQUIRE(outputs[i] && ort_value_kind(outputs[i]) == ONNX_TYPE_TENSOR, ORT_INVALID_ARGUMENT,
                "InvokeOp: output %zu of %s is not a tensor of the caller's", i, c->op->name);
        c->out_names[i] = c->op->out_names[i];
        if (!ort_value_is_strings(outputs[i])) c->out[i] = sard_value_ref(outputs[i]->v);
    }
    return NULL;
}

static OrtStatus *put_strings(call *c, OrtValue *const *outputs) {
    for (size_t i = 0; i < c->op->n_out; i++) {
        if (!ort_value_is_strings(outputs[i])) continue;
        OrtValue *result;
        TRY_ORT(ort_value_new(sard_value_ref(c->out[i]), &result));
        OrtStatus *st = ort_value_own_strings(result);
        const OrtValue old = *outputs[i];
        if (!st) {
            *outputs[i] = *result;
            *result = old;
        }
        ort_ReleaseValue(result);
        if (st) return st;
    }
    return NULL;
}

static OrtStatus *invoke(const OrtKernelContext *context, call *c, const OrtValue *const *inputs,
                         OrtValue *const *outputs) {
    TRY_ORT(take_inputs(c, inputs));
    TRY_ORT(take_outputs(c, outputs));
    sard_model *model;
    sard_error err;
    const sard_run_options options = {.pool = custom_pool(context)};
    TRY_ORT(model_for((OrtOp *)(uintptr_t)c->op, c->types, &model)); /* only what its lock guards is changed */
    const sard_status st =
        sard_run(model, &options, c->in_names, c->in, c->n_in, c->out_names, c->out, c->op->n_out, &err);
    sard_model_unref(model);
    return st == SARD_OK ? put_strings(c, outputs) : ort_from_error(st, &err, false);
}

OrtStatus *ort_InvokeOp(const OrtKernelContext *context, const OrtOp *op, const OrtValue *const *inputs, int n_in,
                        OrtValue *const *outputs, int n_out) {
    NOT_NULL(context);
    NOT_NULL(op);
    if (n_in > 0) NOT_NULL(inputs);
    NOT_NULL(outputs);
    REQUIRE(n_in >= 0 && n_out >= 0 && (size_t)n_in == op->n_in && (size_t)n_out == op->n_out, ORT_INVALID_ARGUMENT,
            "InvokeOp: %s was made with %zu inputs and %zu outputs, %d and %d are given", op->name, op->n_in, op->n_out,
            n_in, n_out);
    const size_t n = op->n_in + op->n_out;
    void **room = calloc(2 * n, sizeof *room);
    call c = {.op = op, .types = calloc(op->n_in + 1, sizeof *c.types)};
    OrtStatus *st = room && c.types ? NULL : ort_no_memory(2 * n * sizeof *room);
    if (!st) {
        c.in_names = (const char **)(void *)room;
        c.out_names = c.in_names + op->n_in;
        c.in = (sard_value **)(room + n);
        c.out = c.in + op->n_in;
        st = invoke(context, &c, inputs, outputs);
        for (size_t i = 0; i < n; i++) sard_value_unref(c.in[i]);
    }
    free(c.types);
    free(room);
    return st;
}
