/*
 * function.c -- model-local functions: a call is replaced by the function's nodes.
 *
 * The nodes are imported into the caller's graph through a scope of their own: the function's inputs mean the caller's
 * values, its outputs the values the call defines, its attribute references what the call gives (or the default).
 */
#include <stdio.h>

#include "import/importer.h"

static uint64_t key_of(str domain, str name, str overload) {
    domain = onnx_domain(domain);
    uint64_t h = hash_bytes(domain.p, domain.n, 1);
    h = hash_bytes(name.p, name.n, h);
    return hash_bytes(overload.p, overload.n, h);
}

static bool is_of(const onnx_function *f, str domain, str name, str overload) {
    return str_eq(onnx_domain(f->domain), onnx_domain(domain)) && str_eq(f->name, name) &&
           str_eq(f->overload, overload);
}

static const onnx_function *find(const importer *im, str domain, str name, str overload) {
    uint64_t i;
    if (!map_get(&im->functions, key_of(domain, name, overload), &i)) return NULL;
    const onnx_function *f = &im->src->functions[i];
    return is_of(f, domain, name, overload) ? f : NULL;
}

sard_status functions_index(importer *im, sard_error *err) {
    for (size_t i = 0; i < im->src->n_functions; i++) {
        const onnx_function *f = &im->src->functions[i];
        char name[SHOW];
        if (find(im, f->domain, f->name, f->overload)) {
            problem_add(im->p, SARD_INVALID_MODEL, "", "function '%s' is there twice", onnx_show(f->name, name));
            continue;
        }
        if (map_put(&im->functions, key_of(f->domain, f->name, f->overload), i)) return err_nomem(err, 64);
    }
    return SARD_OK;
}

const onnx_function *function_find(const importer *im, const onnx_node *n) {
    return im->src->n_functions ? find(im, n->domain, n->op_type, n->overload) : NULL;
}

static const onnx_attr *given(const scope *s, const onnx_node *n, str name, const char *where) {
    for (size_t i = 0; i < n->n_attrs; i++)
        if (str_eq(n->attrs[i].name, name)) return attr_resolve(s, &n->attrs[i], where);
    return NULL;
}

/* What each attribute name means in this call. */
static sard_status bind(scope *s, const onnx_node *n, const onnx_function *f, const char *where, env *e,
                        sard_error *err) {
    const size_t count = f->n_attrs + f->n_attr_protos;
    binding *b = arena_calloc(&s->im->m->mem, count, sizeof *b);
    if (!b) return err_nomem(err, count * sizeof *b);
    for (size_t i = 0; i < f->n_attrs; i++) b[i] = (binding){f->attrs[i], given(s, n, f->attrs[i], where)};
    for (size_t i = 0; i < f->n_attr_protos; i++) {
        const onnx_attr *a = given(s, n, f->attr_protos[i].name, where);
        b[f->n_attrs + i] = (binding){f->attr_protos[i].name, a ? a : &f->attr_protos[i]};
    }
    for (size_t i = 0; i < n->n_attrs; i++) {
        size_t k = 0;
        char shown[SHOW];
        while (k < count && !str_eq(b[k].name, n->attrs[i].name)) k++;
        if (k == count)
            problem_add(s->im->p, SARD_INVALID_MODEL, where, "the function has no attribute '%s'",
                        onnx_show(n->attrs[i].name, shown));
    }
    e->attrs = b;
    e->n_attrs = count;
    return SARD_OK;
}

static sard_status bind_inputs(scope *s, scope *inner, const onnx_node *n, const onnx_function *f, const char *where,
                               sard_error *err) {
    importer *im = s->im;
    if (n->n_inputs > f->n_inputs)
        problem_add(im->p, SARD_INVALID_MODEL, where, "%zu inputs; the function has %zu", n->n_inputs, f->n_inputs);
    for (size_t i = 0; i < f->n_inputs; i++) {
        value_id v = NO_ID;
        bool known = true;
        str_id key;
        char shown[SHOW];
        if (i < n->n_inputs && n->inputs[i].n) TRY(scope_find(s, n->inputs[i], &known, &v, err));
        if (!known)
            problem_add(im->p, SARD_INVALID_MODEL, where, "input %zu ('%s') is not defined by anything", i,
                        onnx_show(n->inputs[i], shown));
        TRY(intern(im, f->inputs[i], &key, err));
        if (map_put(&inner->names, key, v)) return err_nomem(err, 64);
    }
    return SARD_OK;
}

/* The call's outputs are defined in the caller's scope; the function's names for them lead there. */
static sard_status preset_outputs(scope *s, scope *inner, const onnx_node *n, const onnx_function *f, const char *where,
                                  value_id *out, sard_error *err) {
    if (n->n_outputs > f->n_outputs)
        problem_add(s->im->p, SARD_INVALID_MODEL, where, "%zu outputs; the function has %zu", n->n_outputs,
                    f->n_outputs);
    for (size_t i = 0; i < n->n_outputs; i++) {
        uint64_t taken;
        str_id key;
        out[i] = NO_ID;
        if (!n->outputs[i].n) continue;
        TRY(scope_define(s, n->outputs[i], where, &out[i], err));
        if (out[i] == NO_ID || i >= f->n_outputs) continue;
        TRY(intern(s->im, f->outputs[i], &key, err));
        if (map_get(&inner->names, key, &taken) || map_get(&inner->preset, key, &taken)) continue;
        if (map_put(&inner->preset, key, out[i])) return err_nomem(err, 64);
    }
    return SARD_OK;
}

/* Outputs that are no node's own: an input of the function, a constant, or the same value twice. */
static sard_status copy_outputs(scope *s, scope *inner, const onnx_node *n, const onnx_function *f, const char *where,
                                const value_id *out, origin_id origin, sard_error *err) {
    for (size_t i = 0; i < n->n_outputs && i < f->n_outputs; i++) {
        bool known;
        value_id v, to = out[i];
        char shown[SHOW];
        if (to == NO_ID) continue;
        TRY(scope_find(inner, f->outputs[i], &known, &v, err));
        if (!known || v == NO_ID) {
            problem_add(s->im->p, SARD_INVALID_MODEL, where, "output %zu ('%s') of the function is not defined", i,
                        onnx_show(f->outputs[i], shown));
        } else if (v != to) {
            builder b = builder_at(s->g, origin, err);
            TRY(build_node(&b, "Identity", &v, 1, &to, 1, NULL, 0));
        }
    }
    return SARD_OK;
}

static bool calls_itself(const scope *s, const onnx_function *f) {
    for (const env *e = s->env; e; e = e->up)
        if (e->fn == f) return true;
    return false;
}

static sard_status call_path(scope *s, const onnx_node *n, size_t index, str_id *out, sard_error *err) {
    strbuf b = {0};
    const char *path = mod_str(s->im->m, s->path);
    sb_printf(&b, "%s%s", path, *path ? "/" : "");
    if (n->name.n) {
        sb_put(&b, n->name.p, n->name.n);
    } else {
        sb_put(&b, n->op_type.p, n->op_type.n);
        sb_printf(&b, "#%zu", index);
    }
    const sard_status st = b.failed ? err_nomem(err, b.n) : mod_intern(s->im->m, b.p, b.n, out, err);
    sb_free(&b);
    return st;
}

static sard_status inline_in(scope *s, scope *inner, env *e, const onnx_node *n, size_t index, const onnx_function *f,
                             const char *where, sard_error *err) {
    importer *im = s->im;
    value_id *out = arena_alloc(&im->m->mem, n->n_outputs * sizeof *out);
    if (!out) return err_nomem(err, n->n_outputs * sizeof *out);
    const uint32_t before = im->p->count;
    origin o = {.path = s->path, .next = NO_ID, .index = (uint32_t)index};
    origin_id origin;
    TRY(bind(s, n, f, where, e, err));
    TRY(bind_inputs(s, inner, n, f, where, err));
    TRY(preset_outputs(s, inner, n, f, where, out, err));
    if (im->p->count != before) return SARD_OK;
    TRY(scope_declare(inner, f->value_infos, f->n_value_infos, "value", err));
    TRY(import_nodes(inner, f->nodes, f->n_nodes, err));
    if (im->p->count != before) return SARD_OK;
    TRY(intern(im, n->name, &o.name, err));
    TRY(intern(im, n->op_type, &o.op, err));
    TRY(mod_origin(im->m, &o, &origin, err));
    return copy_outputs(s, inner, n, f, where, out, origin, err);
}

sard_status function_inline(scope *s, const onnx_node *n, size_t index, const onnx_function *f, const char *where,
                            sard_error *err) {
    importer *im = s->im;
    if (calls_itself(s, f)) {
        problem_add(im->p, SARD_INVALID_MODEL, where, "the function calls itself");
        return SARD_OK;
    }
    FAIL_IF(s->env->calls >= CALLS_MAX, err, SARD_LIMIT, "%s: functions call each other more than %d levels deep",
            where, CALLS_MAX);
    im->inlined += f->n_nodes;
    FAIL_IF(im->inlined > INLINED_MAX, err, SARD_LIMIT, "%s: the model's functions become more than %d nodes", where,
            INLINED_MAX);
    env e = {.opsets = f->opsets, .n_opsets = f->n_opsets, .fn = f, .up = s->env, .calls = s->env->calls + 1};
    scope inner = {.im = im, .g = s->g, .env = &e, .prefix = true};
    sard_status st = call_path(s, n, index, &inner.path, err);
    if (st == SARD_OK) st = inline_in(s, &inner, &e, n, index, f, where, err);
    scope_deinit(&inner);
    return st;
}
