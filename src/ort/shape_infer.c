/*
 * shape_infer.c -- what an operator's InferOutputShapeFn sees: types and shapes of a node's inputs, its attributes; and
 * where it puts the shapes of its outputs. All of it is lent for the call.
 */
#include <stdlib.h>
#include <string.h>

#include "ort/custom.h"
#include "ort/guard.h"

struct OrtShapeInferContext {
    const OrtCustomOp *op;
    const sard_node_info *n;
    OrtTypeInfo **in; /* per input; NULL: left out, or not known */
    size_t n_in;
    OrtOpAttr **attrs; /* per attribute of the node; made when asked for */
    size_t n_attrs;
    sard_status (*set)(void *arg, size_t i, sard_dtype t, int rank, const int64_t *dims);
    void *arg;
};

static OrtStatus *begin(OrtShapeInferContext *c) {
    c->n_in = sard_node_inputs(c->n);
    c->n_attrs = sard_node_attrs(c->n);
    c->in = calloc(c->n_in + 1, sizeof *c->in);
    c->attrs = calloc(c->n_attrs + 1, sizeof *c->attrs);
    if (!c->in || !c->attrs) return ort_no_memory(c->n_in + c->n_attrs);
    for (size_t i = 0; i < c->n_in; i++) {
        const sard_type *t = sard_node_input_type(c->n, i);
        if (t) TRY_ORT(ort_type_info_new(t, &c->in[i]));
    }
    return NULL;
}

static OrtStatus *call(void *arg) {
    OrtShapeInferContext *c = arg;
    return c->op->InferOutputShapeFn(c->op, c);
}

OrtStatus *custom_infer_shapes(const OrtCustomOp *op, const sard_node_info *n,
                               sard_status (*set)(void *arg, size_t i, sard_dtype t, int rank, const int64_t *dims),
                               void *arg) {
    OrtShapeInferContext c = {.op = op, .n = n, .set = set, .arg = arg};
    OrtStatus *st = begin(&c);
    if (!st) st = ort_guarded(call, &c);
    for (size_t i = 0; c.in && i < c.n_in; i++) ort_ReleaseTypeInfo(c.in[i]);
    for (size_t i = 0; c.attrs && i < c.n_attrs; i++) ort_op_attr_unref(c.attrs[i]);
    free(c.in);
    free(c.attrs);
    return st;
}

OrtStatus *ort_ShapeInferContext_GetInputCount(const OrtShapeInferContext *c, size_t *out) {
    NOT_NULL(c);
    NOT_NULL(out);
    *out = c->n_in;
    return NULL;
}

OrtStatus *ort_ShapeInferContext_GetInputTypeShape(const OrtShapeInferContext *c, size_t i,
                                                   OrtTensorTypeAndShapeInfo **out) {
    NOT_NULL(c);
    NOT_NULL(out);
    REQUIRE(i < c->n_in, ORT_INVALID_ARGUMENT, "ShapeInferContext_GetInputTypeShape: input %zu of %zu", i, c->n_in);
    static OrtTensorTypeAndShapeInfo nothing; /* of one that is left out, not known, or no tensor; never written */
    *out = c->in[i] && c->in[i]->kind == ONNX_TYPE_TENSOR ? &c->in[i]->tensor : &nothing;
    return NULL;
}

OrtStatus *ort_ShapeInferContext_GetAttribute(const OrtShapeInferContext *c, const char *name, const OrtOpAttr **out) {
    NOT_NULL(c);
    NOT_NULL(name);
    NOT_NULL(out);
    for (size_t i = 0; i < c->n_attrs; i++) {
        if (strcmp(sard_node_attr_name(c->n, i), name) != 0) continue;
        if (!c->attrs[i]) TRY_ORT(op_attr_from_node(c->n, name, &c->attrs[i]));
        *out = c->attrs[i];
        return NULL;
    }
    return ort_fail(ORT_INVALID_ARGUMENT, "ShapeInferContext_GetAttribute: the node has no attribute '%s'", name);
}

/* The type is the operator's own, which says it by GetOutputType; one that leaves it open may be told here. */
OrtStatus *ort_ShapeInferContext_SetOutputTypeShape(const OrtShapeInferContext *c, size_t i,
                                                    const OrtTensorTypeAndShapeInfo *info) {
    NOT_NULL(c);
    NOT_NULL(info);
    REQUIRE(i < sard_node_outputs(c->n), ORT_INVALID_ARGUMENT,
            "ShapeInferContext_SetOutputTypeShape: output %zu of %zu", i, sard_node_outputs(c->n));
    sard_dtype t = custom_output_of(c->op, c->n, i);
    if (t == SARD_UNDEFINED) t = ort_type_to(info->type);
    REQUIRE(t != SARD_UNDEFINED, ORT_INVALID_ARGUMENT,
            "ShapeInferContext_SetOutputTypeShape: the element type of output %zu is not known", i);
    const sard_status st = c->set(c->arg, i, t, info->has_shape ? (int)info->rank : -1, info->dims);
    REQUIRE(st == SARD_OK, ORT_INVALID_ARGUMENT,
            "ShapeInferContext_SetOutputTypeShape: output %zu cannot have %zu dimensions", i, info->rank);
    return NULL;
}
