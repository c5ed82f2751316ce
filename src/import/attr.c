/* attr.c -- attributes of the file's nodes as the graph's: references resolved, tensors to constants, bodies imported. */
#include <stdio.h>

#include "import/importer.h"

const onnx_attr *attr_resolve(const scope *s, const onnx_attr *a, const char *where) {
    if (!a->ref_attr_name.n) return a;
    char shown[SHOW];
    for (size_t i = 0; i < s->env->n_attrs; i++)
        if (str_eq(s->env->attrs[i].name, a->ref_attr_name)) return s->env->attrs[i].a;
    problem_add(s->im->p, SARD_INVALID_MODEL, where, "refers to the attribute '%s', which %s",
                onnx_show(a->ref_attr_name, shown),
                s->env->fn ? "the function does not have" : "means nothing outside of a function");
    return NULL;
}

/* A fault of the data itself is a problem, everything else ends the import. *out is NO_ID after a problem. */
static sard_status soften(importer *im, sard_status st, const char *where, const sard_error *e, sard_error *err) {
    if (st == SARD_OK) return SARD_OK;
    if (st == SARD_OUT_OF_MEMORY || st == SARD_CANCELLED || st == SARD_INTERNAL) {
        if (err) *err = *e;
        return st;
    }
    problem_add(im->p, st, where, "%s", e->message);
    return SARD_OK;
}

static sard_status tensor_attr(scope *s, const onnx_tensor *t, const onnx_sparse *sparse, const char *where,
                               const_id *out, sard_error *err) {
    importer *im = s->im;
    sard_error e;
    sard_value *v = NULL;
    *out = NO_ID;
    sard_status st;
    if (sparse)
        st = import_sparse(im, sparse, &v, &e);
    else if (t)
        st = import_tensor(im->src, t, im->o->copy_weights, &v, &e);
    else
        st = err_set(&e, SARD_INVALID_MODEL, "a tensor attribute without a tensor");
    if (st != SARD_OK) return soften(im, st, where, &e, err);
    TRY(mod_constant(im->m, v, out, err));
    im->m->constants[*out].in_place = !sparse && !im->o->copy_weights;
    return SARD_OK;
}

static sard_status list_attr(module *m, const onnx_attr *a, attr *out, sard_error *err) {
    const void *copy;
    if (out->type == ATTR_INTS) {
        out->ints.n = a->n_ints;
        copy = out->ints.v = arena_copy(&m->mem, a->ints, a->n_ints * sizeof *a->ints);
    } else if (out->type == ATTR_FLOATS) {
        out->floats.n = a->n_floats;
        copy = out->floats.v = arena_copy(&m->mem, a->floats, a->n_floats * sizeof *a->floats);
    } else {
        str *v = arena_copy(&m->mem, a->strings, a->n_strings * sizeof *v);
        for (size_t i = 0; v && i < a->n_strings; i++) {
            v[i].p = arena_strn(&m->mem, v[i].p, v[i].n);
            if (!v[i].p) return err_nomem(err, v[i].n);
        }
        out->strs.n = a->n_strings;
        copy = out->strs.v = v;
    }
    return copy ? SARD_OK : err_nomem(err, sizeof *a);
}

static sard_status tensors_attr(scope *s, const onnx_attr *a, const char *where, attr *out, sard_error *err) {
    const_id *v = arena_alloc(&s->im->m->mem, a->n_tensors * sizeof *v);
    if (!v) return err_nomem(err, a->n_tensors * sizeof *v);
    for (size_t i = 0; i < a->n_tensors; i++) TRY(tensor_attr(s, &a->tensors[i], NULL, where, &v[i], err));
    out->tensors.v = v;
    out->tensors.n = a->n_tensors;
    return SARD_OK;
}

static sard_status body_attr(scope *s, const onnx_attr *a, const onnx_node *n, const char *where, captures *caps,
                             attr *out, sard_error *err) {
    char name[2 * SHOW], shown[2][SHOW];
    if (!a->g) {
        problem_add(s->im->p, SARD_INVALID_MODEL, where, "attribute '%s' has no graph", onnx_show(a->name, shown[0]));
        out->type = ATTR_NONE;
        return SARD_OK;
    }
    snprintf(name, sizeof name, "%s/%s", onnx_show(n->name.n ? n->name : n->op_type, shown[0]),
             onnx_show(a->name, shown[1]));
    return import_body(s, a->g, name, caps, &out->body, err);
}

/* The value of `a` under the name of the attribute that may have referred to it; ATTR_NONE when it cannot be had. */
static sard_status convert(scope *s, const onnx_attr *a, const onnx_node *n, const char *where, captures *caps,
                           attr *out, sard_error *err) {
    module *m = s->im->m;
    out->type = (uint8_t)onnx_attr_kind(a);
    switch (onnx_attr_kind(a)) {
    case ONNX_ATTR_FLOAT:
        out->f = a->f;
        return SARD_OK;
    case ONNX_ATTR_INT:
        out->i = a->i;
        return SARD_OK;
    case ONNX_ATTR_STRING:
        out->s = (str){arena_strn(&m->mem, a->s.n ? a->s.p : "", a->s.n), a->s.n};
        return out->s.p ? SARD_OK : err_nomem(err, a->s.n);
    case ONNX_ATTR_INTS:
    case ONNX_ATTR_FLOATS:
    case ONNX_ATTR_STRINGS:
        return list_attr(m, a, out, err);
    case ONNX_ATTR_TENSOR:
        TRY(tensor_attr(s, a->t, NULL, where, &out->tensor, err));
        if (out->tensor == NO_ID) out->type = ATTR_NONE;
        return SARD_OK;
    case ONNX_ATTR_SPARSE:
        TRY(tensor_attr(s, NULL, a->sparse, where, &out->tensor, err));
        if (out->tensor == NO_ID) out->type = ATTR_NONE;
        return SARD_OK;
    case ONNX_ATTR_TENSORS:
        return tensors_attr(s, a, where, out, err);
    case ONNX_ATTR_GRAPH:
        return body_attr(s, a, n, where, caps, out, err);
    case ONNX_ATTR_TYPE: {
        vtype t;
        TRY(import_type(s->im, a->tp, where, &t, err));
        return mod_type(m, &t, &out->vt, err);
    }
    default: {
        char shown[SHOW];
        problem_add(s->im->p, SARD_UNSUPPORTED, where, "attribute '%s' is of type %s, which is not supported",
                    onnx_show(a->name, shown), onnx_attr_type_name(onnx_attr_kind(a)));
        out->type = ATTR_NONE;
        return SARD_OK;
    }
    }
}

sard_status import_attrs(scope *s, const onnx_node *n, const char *where, captures *caps, attr **out, uint32_t *n_out,
                         sard_error *err) {
    FAIL_IF(n->n_attrs >= NO_ID, err, SARD_LIMIT, "more than 2^32 attributes");
    attr *list = arena_calloc(&s->im->m->mem, n->n_attrs, sizeof *list);
    if (!list) return err_nomem(err, n->n_attrs * sizeof *list);
    *out = list;
    *n_out = 0;
    for (size_t i = 0; i < n->n_attrs; i++) {
        const onnx_attr *a = attr_resolve(s, &n->attrs[i], where);
        if (!a) continue;
        attr *to = &list[*n_out];
        if (a != &n->attrs[i] && (a->g || a->n_graphs)) {
            problem_add(s->im->p, SARD_UNSUPPORTED, where, "refers to a graph of the function's caller");
            continue;
        }
        TRY(convert(s, a, n, where, caps, to, err));
        if (to->type == ATTR_NONE) continue;
        TRY(intern(s->im, n->attrs[i].name, &to->name, err));
        ++*n_out;
    }
    return SARD_OK;
}
