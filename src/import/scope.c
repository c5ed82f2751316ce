/* scope.c -- what names mean: values of a region of the file, their declared types, captures of bodies. */
#include <stdio.h>

#include "import/importer.h"

enum { TYPE_DEPTH = 16 };

void scope_deinit(scope *s) {
    map_free(&s->names);
    map_free(&s->preset);
    map_free(&s->declared);
    map_free(&s->local);
}

sard_status intern(importer *im, str s, str_id *out, sard_error *err) {
    return mod_intern(im->m, s.n ? s.p : "", s.n, out, err);
}

static sard_status put(map64 *m, uint64_t key, uint64_t v, sard_error *err) {
    return map_put(m, key, v) ? err_nomem(err, 64) : SARD_OK;
}

/* ---- types -------------------------------------------------------------------------------------------------------- */

/* The caller's size of a dimension that the model leaves open, by its denotation. */
static sard_status fixed_by_denotation(importer *im, const onnx_dim *d, int64_t *out, sard_error *err) {
    str_id id;
    uint64_t at;
    TRY(intern(im, d->denotation, &id, err));
    if (map_get(&im->denotations, id, &at)) {
        im->dim_used[at] = true;
        *out = im->o->dims[at].value;
    }
    return SARD_OK;
}

static sard_status read_dim(importer *im, const onnx_dim *d, const char *where, int64_t *out, sard_error *err) {
    *out = DIM_UNKNOWN;
    if (d->kind == ONNX_DIM_VALUE) {
        if (d->value >= 0)
            *out = d->value;
        else if (d->value != -1) /* many exporters write -1 for unknown */
            problem_add(im->p, SARD_INVALID_MODEL, where, "dimension %lld is no size", (long long)d->value);
    } else if (d->kind == ONNX_DIM_PARAM && d->param.n) {
        str_id id;
        uint64_t at;
        TRY(intern(im, d->param, &id, err));
        *out = DIM_SYM(id);
        if (map_get(&im->dims, id, &at)) {
            im->dim_used[at] = true;
            *out = im->o->dims[at].value;
        }
    }
    if (*out < 0 && d->denotation.n) TRY(fixed_by_denotation(im, d, out, err));
    return SARD_OK;
}

static sard_status import_dense_type(importer *im, const onnx_type *t, const char *where, vtype *out, sard_error *err) {
    out->kind = t->kind == ONNX_TYPE_SPARSE ? SARD_KIND_SPARSE_TENSOR : SARD_KIND_TENSOR;
    if (t->elem_type && !dtype_valid(t->elem_type))
        problem_add(im->p, SARD_INVALID_MODEL, where, "unknown element type %d", t->elem_type);
    else
        out->dtype = (uint8_t)t->elem_type;
    if (!t->shape) return SARD_OK;
    if (t->shape->n_dims > MAX_RANK) {
        problem_add(im->p, SARD_UNSUPPORTED, where, "rank %zu; at most %d is supported", t->shape->n_dims, MAX_RANK);
        return SARD_OK;
    }
    out->rank = (int8_t)t->shape->n_dims;
    for (int i = 0; i < out->rank; i++) TRY(read_dim(im, &t->shape->dims[i], where, &out->dim[i], err));
    return SARD_OK;
}

sard_status import_type(importer *im, const onnx_type *t, const char *where, vtype *out, sard_error *err) {
    *out = type_unknown();
    if (!t || t->kind == ONNX_TYPE_NONE) return SARD_OK;
    if (t->kind == ONNX_TYPE_TENSOR || t->kind == ONNX_TYPE_SPARSE) return import_dense_type(im, t, where, out, err);
    if (t->kind == ONNX_TYPE_OPAQUE || im->type_depth == TYPE_DEPTH) {
        problem_add(im->p, SARD_UNSUPPORTED, where,
                    t->kind == ONNX_TYPE_OPAQUE ? "opaque types are not supported" : "the type is nested too deeply");
        return SARD_OK;
    }
    vtype elem;
    im->type_depth++;
    const sard_status st = import_type(im, t->elem, where, &elem, err);
    im->type_depth--;
    TRY(st);
    if (t->kind == ONNX_TYPE_MAP) {
        out->kind = SARD_KIND_MAP;
        if (dtype_in(t->key_type, DT_INT | DT_STRING))
            out->dtype = (uint8_t)t->key_type;
        else
            problem_add(im->p, SARD_INVALID_MODEL, where, "a map cannot have keys of element type %d", t->key_type);
    } else {
        out->kind = t->kind == ONNX_TYPE_SEQUENCE ? SARD_KIND_SEQUENCE : SARD_KIND_OPTIONAL;
    }
    return elem.kind == SARD_KIND_UNKNOWN ? SARD_OK : mod_type(im->m, &elem, &out->elem, err);
}

/* Remembers declared types; what is declared twice is merged as far as it agrees. */
sard_status scope_declare(scope *s, const onnx_value_info *list, size_t n, const char *what, sard_error *err) {
    module *m = s->im->m;
    for (size_t i = 0; i < n; i++) {
        char where[WHERE], shown[SHOW];
        vtype t;
        str_id name;
        type_id id;
        uint64_t before;
        snprintf(where, sizeof where, "%s '%s'", what, onnx_show(list[i].name, shown));
        TRY(import_type(s->im, list[i].type, where, &t, err));
        if (t.kind == SARD_KIND_UNKNOWN || !list[i].name.n) continue;
        TRY(intern(s->im, list[i].name, &name, err));
        if (map_get(&s->declared, name, &before)) {
            vtype both = m->types[before];
            if (!type_merge(m, &both, &t)) continue;
            t = both;
        }
        TRY(mod_type(m, &t, &id, err));
        TRY(put(&s->declared, name, id, err));
    }
    return SARD_OK;
}

/* ---- values ------------------------------------------------------------------------------------------------------- */

static sard_status value_name(scope *s, str name, str_id plain, str_id *out, sard_error *err) {
    *out = plain;
    if (!s->prefix) return SARD_OK;
    strbuf b = {0};
    sb_puts(&b, mod_str(s->im->m, s->path));
    sb_puts(&b, "/");
    sb_put(&b, name.p, name.n);
    const sard_status st = b.failed ? err_nomem(err, name.n) : mod_intern(s->im->m, b.p, b.n, out, err);
    sb_free(&b);
    return st;
}

sard_status scope_define(scope *s, str name, const char *where, value_id *out, sard_error *err) {
    str_id key, id;
    uint64_t at;
    *out = NO_ID;
    TRY(intern(s->im, name, &key, err));
    if (map_get(&s->names, key, &at)) {
        char shown[SHOW];
        problem_add(s->im->p, SARD_INVALID_MODEL, where, "'%s' is defined already", onnx_show(name, shown));
        return SARD_OK;
    }
    if (map_get(&s->preset, key, &at)) {
        *out = (value_id)at;
    } else {
        TRY(value_name(s, name, key, &id, err));
        TRY(graph_value(s->g, id, NULL, out, err));
        if (map_get(&s->declared, key, &at)) {
            s->g->values[*out].declared = (type_id)at;
            s->g->values[*out].type = s->im->m->types[at];
        }
    }
    return put(&s->names, key, *out, err);
}

/* ---- captures ----------------------------------------------------------------------------------------------------- */

/* The body's own value for place i of its captures. */
static sard_status capture_local(scope *s, uint32_t i, value_id *out, sard_error *err) {
    uint64_t at;
    if (map_get(&s->local, i, &at)) {
        *out = (value_id)at;
        return SARD_OK;
    }
    const value *outer = &s->outer->g->values[s->caps->outer[i]];
    const known ints = outer->ints;
    TRY(graph_value(s->g, outer->name, &outer->type, out, err));
    s->g->values[*out].ints = ints;
    return put(&s->local, i, *out, err);
}

static sard_status capture(scope *s, value_id v, value_id *out, sard_error *err) {
    const value *outer = &s->outer->g->values[v];
    if (outer->constant != NO_ID && !outer->overridable) {
        const const_id c = outer->constant;
        TRY(graph_value(s->g, outer->name, NULL, out, err));
        return value_set_constant(s->g, *out, c, err);
    }
    captures *c = s->caps;
    uint64_t i;
    if (!map_get(&c->index, v, &i)) {
        void *items = c->outer;
        if (mem_grow(&items, &c->cap, c->n + (size_t)1, sizeof *c->outer))
            return err_nomem(err, c->n * sizeof *c->outer);
        c->outer = items;
        i = c->n;
        TRY(put(&c->index, v, i, err));
        c->outer[c->n++] = v;
    }
    return capture_local(s, (uint32_t)i, out, err);
}

sard_status scope_find(scope *s, str name, bool *found, value_id *out, sard_error *err) {
    str_id key;
    uint64_t at;
    *found = true;
    TRY(intern(s->im, name, &key, err));
    if (map_get(&s->names, key, &at)) {
        *out = (value_id)at;
        return SARD_OK;
    }
    *found = false;
    *out = NO_ID;
    if (!s->outer) return SARD_OK;
    value_id v;
    TRY(scope_find(s->outer, name, found, &v, err)); /* as deep as bodies nest */
    if (!*found || v == NO_ID) return SARD_OK;
    TRY(capture(s, v, out, err));
    return put(&s->names, key, *out, err);
}

sard_status scope_close_captures(scope *s, sard_error *err) {
    const uint32_t n = s->caps->n;
    value_id *list = mem_alloc(n * sizeof *list);
    if (!list) return err_nomem(err, n * sizeof *list);
    sard_status st = SARD_OK;
    for (uint32_t i = 0; i < n && st == SARD_OK; i++) st = capture_local(s, i, &list[i], err);
    if (st == SARD_OK) st = graph_set_captures(s->g, list, n, err);
    mem_free(list);
    return st;
}

sard_status captures_complete(const graph *outer, graph *body, const captures *caps, sard_error *err) {
    if (body->n_captures == caps->n) return SARD_OK;
    value_id *list = mem_alloc(caps->n * sizeof *list);
    if (!list) return err_nomem(err, caps->n * sizeof *list);
    sard_status st = SARD_OK;
    for (uint32_t i = 0; i < caps->n && st == SARD_OK; i++) {
        const value *v = &outer->values[caps->outer[i]];
        if (i < body->n_captures)
            list[i] = body->captures[i];
        else
            st = graph_value(body, v->name, &v->type, &list[i], err);
    }
    if (st == SARD_OK) st = graph_set_captures(body, list, caps->n, err);
    mem_free(list);
    return st;
}
