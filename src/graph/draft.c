/* draft.c -- what upgrade functions do with a node of a file before it is made. */
#include <stdio.h>

#include "graph/op.h"

static attr *find(const draft *d, const char *name) {
    for (uint32_t i = 0; i < d->n_attrs; i++)
        if (d->attrs[i].type != ATTR_NONE && strcmp(mod_str(d->b.mod, d->attrs[i].name), name) == 0)
            return &d->attrs[i];
    return NULL;
}

const attr *draft_attr(const draft *d, const char *name) { return find(d, name); }

int64_t draft_int(const draft *d, const char *name, int64_t def) {
    const attr *a = find(d, name);
    return a && a->type == ATTR_INT ? a->i : def;
}

float draft_float(const draft *d, const char *name, float def) {
    const attr *a = find(d, name);
    return a && a->type == ATTR_FLOAT ? a->f : def;
}

void draft_drop(draft *d, const char *name) {
    attr *a = find(d, name);
    if (a) *a = d->attrs[--d->n_attrs];
}

/* The attribute of that name, made when it is not there. */
static sard_status make(draft *d, const char *name, attr_type type, attr **out) {
    attr *a = find(d, name);
    module *m = d->b.mod;
    if (!a) {
        attr *more = arena_alloc(&m->mem, (d->n_attrs + (size_t)1) * sizeof *more);
        if (!more) return err_nomem(d->b.err, sizeof *more);
        if (d->n_attrs) memcpy(more, d->attrs, d->n_attrs * sizeof *more);
        d->attrs = more;
        a = &more[d->n_attrs++];
    }
    *a = (attr){.type = (uint8_t)type};
    *out = a;
    return mod_intern(m, name, strlen(name), &a->name, d->b.err);
}

sard_status draft_set_int(draft *d, const char *name, int64_t v) {
    attr *a;
    TRY(make(d, name, ATTR_INT, &a));
    a->i = v;
    return SARD_OK;
}

sard_status draft_set_float(draft *d, const char *name, float v) {
    attr *a;
    TRY(make(d, name, ATTR_FLOAT, &a));
    a->f = v;
    return SARD_OK;
}

sard_status draft_set_string(draft *d, const char *name, const char *v) {
    attr *a;
    const char *copy = arena_strn(&d->b.mod->mem, v, strlen(v));
    if (!copy) return err_nomem(d->b.err, strlen(v));
    TRY(make(d, name, ATTR_STRING, &a));
    a->s = str_of(copy);
    return SARD_OK;
}

sard_status draft_set_ints(draft *d, const char *name, const int64_t *v, size_t n) {
    attr *a;
    const int64_t *copy = arena_copy(&d->b.mod->mem, v, n * sizeof *v);
    if (!copy) return err_nomem(d->b.err, n * sizeof *v);
    TRY(make(d, name, ATTR_INTS, &a));
    a->ints.v = copy;
    a->ints.n = n;
    return SARD_OK;
}

sard_status draft_rename(draft *d, const char *from, const char *to) {
    attr *a = find(d, from);
    return a ? mod_intern(d->b.mod, to, strlen(to), &a->name, d->b.err) : SARD_OK;
}

sard_status draft_set_in(draft *d, uint32_t i, value_id v) {
    if (i >= d->n_in) {
        value_id *more = arena_alloc(&d->b.mod->mem, (i + (size_t)1) * sizeof *more);
        if (!more) return err_nomem(d->b.err, (i + (size_t)1) * sizeof *more);
        for (uint32_t k = 0; k <= i; k++) more[k] = k < d->n_in ? d->in[k] : NO_ID;
        d->in = more;
        d->n_in = i + 1;
    }
    d->in[i] = v;
    return SARD_OK;
}

static value_id build_floats(builder *b, sard_dtype t, const float *v, size_t n, bool list) {
    tensor x;
    sard_value *out;
    const shape s = {.rank = list, .dim = {(int64_t)n}};
    if (tensor_new(&x, t, &s, b->err) != SARD_OK) {
        b->status = SARD_OUT_OF_MEMORY;
        return NO_ID;
    }
    for (size_t i = 0; i < n; i++) tensor_set_f64(&x, (int64_t)i, (double)v[i]);
    if (value_tensor(&x, &out, b->err) != SARD_OK) {
        b->status = SARD_OUT_OF_MEMORY;
        return NO_ID;
    }
    return build_const(b, out);
}

sard_status draft_attr_to_input(draft *d, const char *name, uint32_t i, sard_dtype t, bool as_list) {
    const attr *a = find(d, name);
    if (!a) return SARD_OK;
    builder *b = &d->b;
    const sard_dtype real = t ? t : SARD_F32;
    value_id v = NO_ID;
    if (a->type == ATTR_INTS)
        v = build_i64s(b, a->ints.v, a->ints.n);
    else if (a->type == ATTR_INT)
        v = as_list ? build_i64s(b, &a->i, 1) : build_i64(b, a->i);
    else if (a->type == ATTR_FLOAT)
        v = build_floats(b, real, &a->f, 1, as_list);
    else if (a->type == ATTR_FLOATS)
        v = build_floats(b, real, a->floats.v, a->floats.n, true);
    else if (a->type == ATTR_TENSOR)
        v = build_const(b, sard_value_ref(d->b.mod->constants[a->tensor].v));
    else
        return err_set(b->err, SARD_INVALID_MODEL, "attribute '%s' is of type %s, which cannot be an input", name,
                       attr_type_name(a->type));
    TRY(builder_result(b));
    draft_drop(d, name);
    return draft_set_in(d, i, v);
}

const vtype *draft_in_type(const draft *d, uint32_t i) {
    static const vtype none = {.rank = -1, .elem = NO_ID};
    return i < d->n_in && d->in[i] != NO_ID ? &d->b.g->values[d->in[i]].type : &none;
}

/* y with as many axes of extent 1 behind its own as `ranks` asks for, where ranks are not known before the run. */
static value_id pad_shape_at_run(builder *b, value_id x, value_id y, int64_t axis) {
    const int64_t one = 1;
    const value_id xr = build_1(b, "Size", build_1(b, "Shape", x)), ys = build_1(b, "Shape", y);
    value_id count = build_2(b, "Sub", axis < 0 ? build_i64(b, 0) : xr, build_i64(b, axis)); /* axes from `axis` on */
    count = build_2(b, "Sub", count, build_1(b, "Size", ys));
    count = build_reshape(b, count, &one, 1);
    const value_id ones = build_2(b, "Expand", build_i64s(b, &one, 1), count), parts[2] = {ys, ones};
    const value_id s = build_op(b, "Concat", parts, 2, &(attr_arg)ARG_I("axis", 0), 1);
    return build_2(b, "Reshape", y, s);
}

sard_status draft_old_broadcast(draft *d, sard_error *err) {
    const attr *at = find(d, "axis");
    const bool on = draft_int(d, "broadcast", 0) != 0 && at && at->type == ATTR_INT;
    const int64_t axis = on ? at->i : 0;
    draft_drop(d, "broadcast");
    draft_drop(d, "axis");
    if (!on || d->n_in < 2 || d->in[0] == NO_ID || d->in[1] == NO_ID) return SARD_OK;
    const vtype *x = draft_in_type(d, 0), *y = draft_in_type(d, 1);
    value_id v;
    if (x->rank >= 0 && y->rank >= 0) {
        const int64_t from = axis < 0 ? axis + x->rank : axis, tail = x->rank - from - y->rank;
        FAIL_IF(from < 0 || tail < 0, err, SARD_INVALID_MODEL,
                "axis %lld: a second input of rank %d does not fit there into rank %d", (long long)axis, y->rank,
                x->rank);
        if (!tail) return SARD_OK;
        int64_t axes[MAX_RANK];
        for (int64_t i = 0; i < tail; i++) axes[i] = y->rank + i;
        v = build_2(&d->b, "Unsqueeze", d->in[1], build_i64s(&d->b, axes, (size_t)tail));
    } else {
        v = pad_shape_at_run(&d->b, d->in[0], d->in[1], axis);
    }
    TRY(builder_result(&d->b));
    return draft_set_in(d, 1, v);
}
