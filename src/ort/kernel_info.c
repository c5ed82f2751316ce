/*
 * kernel_info.c -- OrtKernelInfo: what a custom operator's kernel may ask of its node. Everything is copied when the
 * kernel is made, so that a copy of the info may be kept as long as the session lives.
 */
#include <stdlib.h>
#include <string.h>

#include "ort/custom.h"

/* ---- making and releasing ----------------------------------------------------------------------------------------- */

static void args_free(info_arg *a, size_t n) {
    for (size_t i = 0; a && i < n; i++) {
        free(a[i].name);
        ort_ReleaseTypeInfo(a[i].type);
        ort_ReleaseValue(a[i].constant);
    }
    free(a);
}

void ort_ReleaseKernelInfo(OrtKernelInfo *info) {
    if (!info || atomic_fetch_sub(&info->refs, 1) != 1) return;
    args_free(info->in, info->n_in);
    args_free(info->out, info->n_out);
    for (size_t i = 0; info->attrs && i < info->n_attrs; i++) ort_op_attr_unref(info->attrs[i]);
    free(info->attrs);
    free(info->node_name);
    free(info);
}

OrtStatus *ort_CopyKernelInfo(const OrtKernelInfo *info, OrtKernelInfo **out) {
    NOT_NULL(info);
    NOT_NULL(out);
    *out = (OrtKernelInfo *)(uintptr_t)info;
    atomic_fetch_add(&(*out)->refs, 1);
    return NULL;
}

static OrtStatus *make_arg(info_arg *a, const char *name, const sard_type *type, sard_value *constant) {
    if (!name) return NULL;
    a->name = strdup(name);
    if (!a->name) return ort_no_memory(strlen(name));
    if (type) TRY_ORT(ort_type_info_new(type, &a->type));
    return constant ? ort_value_new(sard_value_ref(constant), &a->constant) : NULL;
}

static OrtStatus *fill(OrtKernelInfo *info, const sard_node_info *n) {
    const size_t n_in = sard_node_inputs(n), n_out = sard_node_outputs(n), n_attrs = sard_node_attrs(n);
    info->node_name = strdup(sard_node_name(n));
    info->in = calloc(n_in + 1, sizeof *info->in);
    info->out = calloc(n_out + 1, sizeof *info->out);
    info->attrs = calloc(n_attrs + 1, sizeof *info->attrs);
    if (!info->node_name || !info->in || !info->out || !info->attrs) return ort_no_memory(sizeof *info);
    info->n_in = n_in;
    info->n_out = n_out;
    info->n_attrs = n_attrs;
    for (size_t i = 0; i < n_in; i++)
        TRY_ORT(make_arg(&info->in[i], sard_node_input_name(n, i), sard_node_input_type(n, i),
                         sard_node_input_constant(n, i)));
    for (size_t i = 0; i < n_out; i++)
        TRY_ORT(make_arg(&info->out[i], sard_node_output_name(n, i), sard_node_output_type(n, i), NULL));
    for (size_t i = 0; i < n_attrs; i++) TRY_ORT(op_attr_from_node(n, sard_node_attr_name(n, i), &info->attrs[i]));
    return NULL;
}

OrtStatus *kernel_info_new(const op_group *g, const OrtCustomOp *op, const sard_node_info *n, OrtKernelInfo **out) {
    OrtKernelInfo *info = calloc(1, sizeof *info);
    if (!info) return ort_no_memory(sizeof *info);
    *info = (OrtKernelInfo){.set = g->set, .domain = g->domain, .type = g->name, .since = custom_first_version(op)};
    atomic_init(&info->refs, 1);
    OrtStatus *st = fill(info, n);
    if (st)
        ort_ReleaseKernelInfo(info);
    else
        *out = info;
    return st;
}

/* ---- attributes --------------------------------------------------------------------------------------------------- */

static OrtStatus *find(const OrtKernelInfo *info, const char *name, OrtOpAttrType type, const char *kind,
                       const OrtOpAttr **out) {
    for (size_t i = 0; i < info->n_attrs; i++) {
        if (strcmp(info->attrs[i]->name, name) != 0) continue;
        REQUIRE(info->attrs[i]->type == type, ORT_FAIL, "the attribute '%s' is not %s", name, kind);
        *out = info->attrs[i];
        return NULL;
    }
    return ort_fail(ORT_FAIL, "No attribute with name: '%s' is defined.", name);
}

OrtStatus *ort_KernelInfoGetAttribute_float(const OrtKernelInfo *info, const char *name, float *out) {
    NOT_NULL(info);
    NOT_NULL(name);
    NOT_NULL(out);
    const OrtOpAttr *a;
    TRY_ORT(find(info, name, ORT_OP_ATTR_FLOAT, "a float", &a));
    *out = a->f;
    return NULL;
}

OrtStatus *ort_KernelInfoGetAttribute_int64(const OrtKernelInfo *info, const char *name, int64_t *out) {
    NOT_NULL(info);
    NOT_NULL(name);
    NOT_NULL(out);
    const OrtOpAttr *a;
    TRY_ORT(find(info, name, ORT_OP_ATTR_INT, "an integer", &a));
    *out = a->i;
    return NULL;
}

/* The ABI's way with buffers: *size becomes what is needed; with a NULL buffer only that; too small is an error. */
static OrtStatus *copy_out(const char *who, const void *from, size_t n, size_t one, void *out, size_t *size) {
    const size_t room = *size;
    *size = n;
    if (!out) return NULL;
    REQUIRE(room >= n, ORT_INVALID_ARGUMENT, "%s: Result buffer is not large enough: %zu, %zu are needed", who, room,
            n);
    if (n) memcpy(out, from, n * one);
    return NULL;
}

static OrtStatus *text_out(const char *who, const char *text, char *out, size_t *size) {
    return copy_out(who, text, strlen(text) + 1, 1, out, size);
}

OrtStatus *ort_KernelInfoGetAttribute_string(const OrtKernelInfo *info, const char *name, char *out, size_t *size) {
    NOT_NULL(info);
    NOT_NULL(name);
    NOT_NULL(size);
    const OrtOpAttr *a;
    TRY_ORT(find(info, name, ORT_OP_ATTR_STRING, "a string", &a));
    return copy_out("KernelInfoGetAttribute_string", a->s.p, a->n + 1, 1, out, size);
}

OrtStatus *ort_KernelInfoGetAttributeArray_float(const OrtKernelInfo *info, const char *name, float *out,
                                                 size_t *size) {
    NOT_NULL(info);
    NOT_NULL(name);
    NOT_NULL(size);
    const OrtOpAttr *a;
    TRY_ORT(find(info, name, ORT_OP_ATTR_FLOATS, "a list of floats", &a));
    return copy_out("KernelInfoGetAttributeArray_float", a->floats, a->n, sizeof *out, out, size);
}

OrtStatus *ort_KernelInfoGetAttributeArray_int64(const OrtKernelInfo *info, const char *name, int64_t *out,
                                                 size_t *size) {
    NOT_NULL(info);
    NOT_NULL(name);
    NOT_NULL(size);
    const OrtOpAttr *a;
    TRY_ORT(find(info, name, ORT_OP_ATTR_INTS, "a list of integers", &a));
    return copy_out("KernelInfoGetAttributeArray_int64", a->ints, a->n, sizeof *out, out, size);
}

/* The array and each text are the client's, of its allocator; an empty list is NULL. With a NULL `out` only the size. */
OrtStatus *ort_KernelInfoGetAttributeArray_string(const OrtKernelInfo *info, const char *name, OrtAllocator *allocator,
                                                  char ***out, size_t *size) {
    NOT_NULL(info);
    NOT_NULL(name);
    NOT_NULL(size);
    const OrtOpAttr *a;
    TRY_ORT(find(info, name, ORT_OP_ATTR_STRINGS, "a list of strings", &a));
    *size = a->n;
    if (!out) return NULL;
    NOT_NULL(allocator);
    *out = NULL;
    if (!a->n) return NULL;
    char **list = allocator->Alloc(allocator, a->n * sizeof *list);
    if (!list) return ort_no_memory(a->n * sizeof *list);
    for (size_t i = 0; i < a->n; i++) {
        OrtStatus *st = ort_text_out(allocator, a->strings[i].p, &list[i]);
        if (!st) continue;
        while (i--) allocator->Free(allocator, list[i]);
        allocator->Free(allocator, list);
        return st;
    }
    *out = list;
    return NULL;
}

/* A copy of the tensor, of the client's. */
OrtStatus *ort_KernelInfoGetAttribute_tensor(const OrtKernelInfo *info, const char *name, OrtAllocator *allocator,
                                             OrtValue **out) {
    NOT_NULL(info);
    NOT_NULL(name);
    NOT_NULL(allocator);
    NOT_NULL(out);
    const OrtOpAttr *a;
    TRY_ORT(find(info, name, ORT_OP_ATTR_TENSOR, "a tensor", &a));
    const sard_value *t = a->tensor;
    if (sard_tensor_dtype(t) == SARD_STRING)
        return ort_value_new(sard_value_ref(a->tensor), out); /* copied on writing */
    OrtValue *copy;
    void *data;
    TRY_ORT(ort_CreateTensorAsOrtValue(allocator, sard_tensor_dims(t), (size_t)sard_tensor_rank(t),
                                       ort_type_from(sard_tensor_dtype(t)), &copy));
    OrtStatus *st = ort_GetTensorMutableData(copy, &data);
    if (st) {
        ort_ReleaseValue(copy);
        return st;
    }
    if (sard_tensor_bytes(t)) memcpy(data, sard_tensor_data(t), sard_tensor_bytes(t));
    *out = copy;
    return NULL;
}

/* ---- inputs and outputs ------------------------------------------------------------------------------------------- */

OrtStatus *ort_KernelInfo_GetInputCount(const OrtKernelInfo *info, size_t *out) {
    NOT_NULL(info);
    NOT_NULL(out);
    *out = info->n_in;
    return NULL;
}

OrtStatus *ort_KernelInfo_GetOutputCount(const OrtKernelInfo *info, size_t *out) {
    NOT_NULL(info);
    NOT_NULL(out);
    *out = info->n_out;
    return NULL;
}

static OrtStatus *name_out(const char *who, const info_arg *args, size_t n, size_t i, char *out, size_t *size) {
    REQUIRE(i < n, ORT_INVALID_ARGUMENT, "%s: index %zu is out of bounds, the node has %zu", who, i, n);
    return text_out(who, args[i].name ? args[i].name : "", out, size);
}

OrtStatus *ort_KernelInfo_GetInputName(const OrtKernelInfo *info, size_t i, char *out, size_t *size) {
    NOT_NULL(info);
    NOT_NULL(size);
    return name_out("KernelInfo_GetInputName", info->in, info->n_in, i, out, size);
}

OrtStatus *ort_KernelInfo_GetOutputName(const OrtKernelInfo *info, size_t i, char *out, size_t *size) {
    NOT_NULL(info);
    NOT_NULL(size);
    return name_out("KernelInfo_GetOutputName", info->out, info->n_out, i, out, size);
}

static OrtStatus *type_out(const char *who, const info_arg *args, size_t n, size_t i, OrtTypeInfo **out) {
    REQUIRE(i < n, ORT_INVALID_ARGUMENT, "%s: index %zu is out of bounds, the node has %zu", who, i, n);
    REQUIRE(args[i].type, ORT_INVALID_GRAPH, "%s: number %zu has no type: it is left out", who, i);
    return ort_type_info_copy(args[i].type, out);
}

OrtStatus *ort_KernelInfo_GetInputTypeInfo(const OrtKernelInfo *info, size_t i, OrtTypeInfo **out) {
    NOT_NULL(info);
    NOT_NULL(out);
    return type_out("KernelInfo_GetInputTypeInfo", info->in, info->n_in, i, out);
}

OrtStatus *ort_KernelInfo_GetOutputTypeInfo(const OrtKernelInfo *info, size_t i, OrtTypeInfo **out) {
    NOT_NULL(info);
    NOT_NULL(out);
    return type_out("KernelInfo_GetOutputTypeInfo", info->out, info->n_out, i, out);
}

/* *out is lent. An input that is no constant, or not there, is no error. */
OrtStatus *ort_KernelInfoGetConstantInput_tensor(const OrtKernelInfo *info, size_t i, int *is_constant,
                                                 const OrtValue **out) {
    NOT_NULL(info);
    NOT_NULL(is_constant);
    NOT_NULL(out);
    *out = i < info->n_in ? info->in[i].constant : NULL;
    *is_constant = *out != NULL;
    return NULL;
}

/* ---- the rest ----------------------------------------------------------------------------------------------------- */

OrtStatus *ort_KernelInfo_GetNodeName(const OrtKernelInfo *info, char *out, size_t *size) {
    NOT_NULL(info);
    NOT_NULL(size);
    return text_out("KernelInfo_GetNodeName", info->node_name, out, size);
}

OrtStatus *ort_KernelInfo_GetOperatorDomain(const OrtKernelInfo *info, char *out, size_t *size) {
    NOT_NULL(info);
    NOT_NULL(size);
    return text_out("KernelInfo_GetOperatorDomain", info->domain, out, size);
}

OrtStatus *ort_KernelInfo_GetOperatorType(const OrtKernelInfo *info, char *out, size_t *size) {
    NOT_NULL(info);
    NOT_NULL(size);
    return text_out("KernelInfo_GetOperatorType", info->type, out, size);
}

OrtStatus *ort_KernelInfo_GetOperatorSinceVersion(const OrtKernelInfo *info, int *out) {
    NOT_NULL(info);
    NOT_NULL(out);
    *out = info->since;
    return NULL;
}

OrtStatus *ort_KernelInfo_GetLogger(const OrtKernelInfo *info, const OrtLogger **out) {
    NOT_NULL(info);
    NOT_NULL(out);
    *out = &info->set->logger;
    return NULL;
}

/* The CPU's memory is of one kind. */
OrtStatus *ort_KernelInfoGetAllocator(const OrtKernelInfo *info, OrtMemType mem_type, OrtAllocator **out) {
    (void)mem_type;
    NOT_NULL(info);
    NOT_NULL(out);
    *out = ort_default_allocator();
    return NULL;
}

OrtStatus *ort_KernelInfo_GetConfigEntries(const OrtKernelInfo *info, OrtKeyValuePairs **out) {
    NOT_NULL(info);
    NOT_NULL(out);
    OrtKeyValuePairs *p = calloc(1, sizeof *p);
    if (!p || !ort_pairs_copy(p, &info->set->config)) {
        ort_ReleaseKeyValuePairs(p);
        return ort_no_memory(sizeof *p);
    }
    *out = p;
    return NULL;
}
