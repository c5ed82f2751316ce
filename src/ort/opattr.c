/*
 * opattr.c -- OrtOpAttr: one attribute of a node, as the model editor, the graph's views and operators share it.
 */
#include "ort/internal.h"

#include <stdlib.h>

OrtOpAttr *ort_op_attr_ref(const OrtOpAttr *a) {
    OrtOpAttr *shared = (OrtOpAttr *)(uintptr_t)a;
    atomic_fetch_add(&shared->refs, 1);
    return shared;
}

void ort_op_attr_unref(OrtOpAttr *a) {
    if (!a || atomic_fetch_sub(&a->refs, 1) != 1) return;
    switch (a->type) {
    case ORT_OP_ATTR_INTS:
        free(a->ints);
        break;
    case ORT_OP_ATTR_FLOATS:
        free(a->floats);
        break;
    case ORT_OP_ATTR_STRING:
        free(a->s.p);
        break;
    case ORT_OP_ATTR_STRINGS:
        for (size_t i = 0; a->strings && i < a->n; i++) free(a->strings[i].p);
        free(a->strings);
        break;
    case ORT_OP_ATTR_TENSOR:
        sard_value_unref(a->tensor);
        break;
    default:
        break;
    }
    free(a->name);
    free(a);
}

OrtStatus *ort_OpAttr_GetType(const OrtOpAttr *a, OrtOpAttrType *out) {
    NOT_NULL(a);
    NOT_NULL(out);
    *out = a->type;
    return NULL;
}

OrtStatus *ort_OpAttr_GetName(const OrtOpAttr *a, const char **out) {
    NOT_NULL(a);
    NOT_NULL(out);
    *out = a->name;
    return NULL;
}

OrtStatus *ort_OpAttr_GetTensorAttributeAsOrtValue(const OrtOpAttr *a, OrtValue **out) {
    NOT_NULL(a);
    NOT_NULL(out);
    REQUIRE(a->type == ORT_OP_ATTR_TENSOR, ORT_INVALID_ARGUMENT,
            "OpAttr_GetTensorAttributeAsOrtValue: the attribute '%s' is not a tensor", a->name);
    return ort_value_new(sard_value_ref(a->tensor), out);
}
