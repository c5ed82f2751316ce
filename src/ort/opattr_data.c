/*
 * opattr_data.c -- attributes made of a client's data or of a node's, and read back.
 */
#include <stdlib.h>
#include <string.h>

#include "ort/custom.h"

/* ---- making ------------------------------------------------------------------------------------------------------- */

static OrtOpAttr *begin(const char *name, OrtOpAttrType type) {
    OrtOpAttr *a = calloc(1, sizeof *a);
    char *copy = strdup(name);
    if (!a || !copy) {
        free(a);
        free(copy);
        return NULL;
    }
    atomic_init(&a->refs, 1);
    a->type = type;
    a->name = copy;
    return a;
}

static char *copy_text(const char *p, size_t n) {
    char *copy = n < SIZE_MAX ? malloc(n + 1) : NULL;
    if (!copy) return NULL;
    if (n) memcpy(copy, p, n);
    copy[n] = 0;
    return copy;
}

static bool set_text(OrtOpAttr *a, const char *p, size_t n) {
    a->s = (ort_string){copy_text(p, n), n};
    a->n = n;
    return a->s.p;
}

/* A copy of n elements; never NULL but for lack of memory. */
static void *copy_list(const void *data, size_t n, size_t one) {
    void *copy = calloc(n ? n : 1, one);
    if (copy && n) memcpy(copy, data, n * one);
    return copy;
}

static bool set_texts(OrtOpAttr *a, const char *const *texts, size_t n) {
    a->strings = calloc(n ? n : 1, sizeof *a->strings);
    for (size_t i = 0; a->strings && i < n; i++) {
        const size_t len = strlen(texts[i]);
        a->strings[i] = (ort_string){copy_text(texts[i], len), len};
        a->n = i + 1;
        if (!a->strings[i].p) return false;
    }
    return a->strings;
}

static bool set_data(OrtOpAttr *a, const void *data, size_t n) {
    switch (a->type) {
    case ORT_OP_ATTR_INT:
        memcpy(&a->i, data, sizeof a->i);
        return true;
    case ORT_OP_ATTR_FLOAT:
        memcpy(&a->f, data, sizeof a->f);
        return true;
    case ORT_OP_ATTR_INTS:
        a->n = n;
        return (a->ints = copy_list(data, n, sizeof *a->ints));
    case ORT_OP_ATTR_FLOATS:
        a->n = n;
        return (a->floats = copy_list(data, n, sizeof *a->floats));
    case ORT_OP_ATTR_STRING:
        return set_text(a, data, n);
    default:
        return set_texts(a, data, n);
    }
}

static OrtStatus *set_tensor(OrtOpAttr *a, const OrtValue *v) {
    REQUIRE(ort_value_kind(v) == ONNX_TYPE_TENSOR, ORT_INVALID_ARGUMENT, "CreateOpAttr: the value of '%s' is no tensor",
            a->name);
    return ort_value_get(v, &a->tensor);
}

OrtStatus *ort_CreateOpAttr(const char *name, const void *data, int n, OrtOpAttrType type, OrtOpAttr **out) {
    NOT_NULL(name);
    NOT_NULL(out);
    REQUIRE(type > ORT_OP_ATTR_UNDEFINED && type <= ORT_OP_ATTR_TENSOR && type != ORT_OP_ATTR_GRAPH, ORT_FAIL,
            "CreateOpAttr: attributes of type %d cannot be made", (int)type);
    REQUIRE(n >= 0, ORT_INVALID_ARGUMENT, "CreateOpAttr: a length of %d", n);
    const bool list = type == ORT_OP_ATTR_INTS || type == ORT_OP_ATTR_FLOATS || type == ORT_OP_ATTR_STRINGS ||
                      type == ORT_OP_ATTR_STRING;
    if (!list || n) NOT_NULL(data);
    for (int i = 0; type == ORT_OP_ATTR_STRINGS && i < n; i++)
        REQUIRE(((const char *const *)data)[i], ORT_INVALID_ARGUMENT, "CreateOpAttr: string %d is NULL", i);
    OrtOpAttr *a = begin(name, type);
    if (!a) return ort_no_memory(sizeof *a);
    OrtStatus *st = NULL;
    if (type == ORT_OP_ATTR_TENSOR)
        st = set_tensor(a, data);
    else if (!set_data(a, data, (size_t)n))
        st = ort_no_memory((size_t)n);
    if (st)
        ort_op_attr_unref(a);
    else
        *out = a;
    return st;
}

void ort_ReleaseOpAttr(OrtOpAttr *a) { ort_op_attr_unref(a); }

/* ---- of a node ---------------------------------------------------------------------------------------------------- */

static bool node_texts(OrtOpAttr *a, const sard_node_info *n, const char *name) {
    size_t count, len;
    const char *text;
    if (sard_node_attr_strings(n, name, &count) != SARD_OK) return false;
    a->strings = calloc(count ? count : 1, sizeof *a->strings);
    for (size_t i = 0; a->strings && i < count; i++) {
        if (sard_node_attr_strings_at(n, name, i, &text, &len) != SARD_OK) return false;
        a->strings[i] = (ort_string){copy_text(text, len), len};
        a->n = i + 1;
        if (!a->strings[i].p) return false;
    }
    return a->strings;
}

static bool node_data(OrtOpAttr *a, const sard_node_info *n, const char *name) {
    const int64_t *ints;
    const float *floats;
    const char *text;
    size_t len;
    switch (a->type) {
    case ORT_OP_ATTR_INT:
        return sard_node_attr_int(n, name, &a->i) == SARD_OK;
    case ORT_OP_ATTR_FLOAT:
        return sard_node_attr_float(n, name, &a->f) == SARD_OK;
    case ORT_OP_ATTR_INTS:
        return sard_node_attr_ints(n, name, &ints, &len) == SARD_OK && set_data(a, ints, len);
    case ORT_OP_ATTR_FLOATS:
        return sard_node_attr_floats(n, name, &floats, &len) == SARD_OK && set_data(a, floats, len);
    case ORT_OP_ATTR_STRING:
        return sard_node_attr_string(n, name, &text, &len) == SARD_OK && set_text(a, text, len);
    case ORT_OP_ATTR_STRINGS:
        return node_texts(a, n, name);
    case ORT_OP_ATTR_TENSOR:
        if (sard_node_attr_tensor(n, name, &a->tensor) != SARD_OK) return false;
        sard_value_ref(a->tensor);
        return true;
    default: /* a kind that kernels cannot read: it is there by name */
        return true;
    }
}

OrtStatus *op_attr_from_node(const sard_node_info *n, const char *name, OrtOpAttr **out) {
    static const OrtOpAttrType types[] = {
        [SARD_ATTR_INT] = ORT_OP_ATTR_INT,       [SARD_ATTR_INTS] = ORT_OP_ATTR_INTS,
        [SARD_ATTR_FLOAT] = ORT_OP_ATTR_FLOAT,   [SARD_ATTR_FLOATS] = ORT_OP_ATTR_FLOATS,
        [SARD_ATTR_STRING] = ORT_OP_ATTR_STRING, [SARD_ATTR_STRINGS] = ORT_OP_ATTR_STRINGS,
        [SARD_ATTR_TENSOR] = ORT_OP_ATTR_TENSOR,
    };
    const size_t kind = sard_node_attr_kind(n, name);
    OrtOpAttr *a = begin(name, kind < sizeof types / sizeof *types ? types[kind] : ORT_OP_ATTR_UNDEFINED);
    if (!a) return ort_no_memory(sizeof *a);
    if (!node_data(a, n, name)) {
        ort_op_attr_unref(a);
        return ort_no_memory(1);
    }
    *out = a;
    return NULL;
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

/* The texts one after the other, each with its NUL. */
static size_t texts_bytes(const OrtOpAttr *a) {
    size_t n = 0;
    for (size_t i = 0; i < a->n; i++) n += a->strings[i].n + 1;
    return n;
}

static void put_texts(const OrtOpAttr *a, char *to) {
    for (size_t i = 0; i < a->n; i++) {
        memcpy(to, a->strings[i].p, a->strings[i].n + 1);
        to += a->strings[i].n + 1;
    }
}

/* *out becomes the bytes that are needed, on failure, too. */
OrtStatus *ort_ReadOpAttr(const OrtOpAttr *a, OrtOpAttrType type, void *data, size_t len, size_t *out) {
    NOT_NULL(a);
    NOT_NULL(out);
    REQUIRE(a->type == type, ORT_INVALID_ARGUMENT, "ReadOpAttr: the attribute '%s' is of type %d, not %d", a->name,
            (int)a->type, (int)type);
    const void *from = NULL;
    switch (type) {
    case ORT_OP_ATTR_INT:
        from = &a->i, *out = sizeof a->i;
        break;
    case ORT_OP_ATTR_FLOAT:
        from = &a->f, *out = sizeof a->f;
        break;
    case ORT_OP_ATTR_INTS:
        from = a->ints, *out = a->n * sizeof *a->ints;
        break;
    case ORT_OP_ATTR_FLOATS:
        from = a->floats, *out = a->n * sizeof *a->floats;
        break;
    case ORT_OP_ATTR_STRING:
        from = a->s.p, *out = a->n;
        break;
    case ORT_OP_ATTR_STRINGS:
        *out = texts_bytes(a);
        break;
    default:
        return ort_fail(ORT_INVALID_ARGUMENT, "ReadOpAttr: attributes of type %d cannot be read", (int)type);
    }
    REQUIRE(len >= *out, ORT_INVALID_ARGUMENT, "ReadOpAttr: '%s' takes %zu bytes, there is room for %zu", a->name, *out,
            len);
    if (!*out) return NULL;
    NOT_NULL(data);
    if (from)
        memcpy(data, from, *out);
    else
        put_texts(a, data);
    return NULL;
}
