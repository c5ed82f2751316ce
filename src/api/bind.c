/*
 * bind.c -- the inputs of a run: by name, complete, and of the types the model declares.
 *
 * Dimensions with a name must agree wherever the name stands, so the first number met is remembered with its place.
 */
#include "api/api.h"

#include <stdio.h>

/* ---- names ------------------------------------------------------------------------------------------------------ */

static const model_io *find_input(const sard_model *m, const char *name, size_t guess) {
    if (guess < m->n_in && strcmp(m->in[guess].name, name) == 0) return &m->in[guess];
    for (uint32_t i = 0; i < m->n_in; i++)
        if (strcmp(m->in[i].name, name) == 0) return &m->in[i];
    for (uint32_t i = 0; i < m->n_over; i++)
        if (strcmp(m->over[i].name, name) == 0) return &m->over[i];
    return NULL;
}

/* "'a', 'b', 'c'", cut with "..." */
static void list_names(const model_io *io, uint32_t n, char *buf, size_t len) {
    size_t at = 0;
    buf[0] = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (at + strlen(io[i].name) + 12 > len) {
            snprintf(buf + at, len - at, ", ...");
            return;
        }
        at += (size_t)snprintf(buf + at, len - at, "%s'%s'", i ? ", " : "", io[i].name);
    }
}

static sard_status unknown_input(const sard_model *m, const char *name, sard_error *err) {
    char names[512];
    list_names(m->in, m->n_in, names, sizeof names);
    const char *near = NULL;
    const char **all = mem_alloc((m->n_in + 1) * sizeof *all);
    for (uint32_t i = 0; all && i < m->n_in; i++) all[i] = m->in[i].name;
    if (all) near = api_nearest(name, all, m->n_in);
    mem_free(all);
    if (near)
        return err_set(err, SARD_INVALID_ARGUMENT, "unknown input '%s'; did you mean '%s'? The inputs are %s", name,
                       near, names);
    return err_set(err, SARD_INVALID_ARGUMENT, "unknown input '%s'; the inputs are %s", name, m->n_in ? names : "none");
}

static sard_status missing_inputs(const sard_model *m, sard_value *const *in, sard_error *err) {
    char names[512];
    size_t at = 0;
    uint32_t missing = 0;
    for (uint32_t i = 0; i < m->n_in; i++) {
        if (in[m->in[i].index]) continue;
        missing++;
        if (at + strlen(m->in[i].name) + 12 < sizeof names)
            at += (size_t)snprintf(names + at, sizeof names - at, "%s'%s'", missing > 1 ? ", " : "", m->in[i].name);
    }
    if (!missing) return SARD_OK;
    names[at < sizeof names ? at : sizeof names - 1] = 0;
    return err_set(err, SARD_INVALID_ARGUMENT, "%u of %u inputs missing: %s", missing, m->n_in, names);
}

/* ---- types ------------------------------------------------------------------------------------------------------ */

/* "float32[N,3,?]" */
static void expected_text(const sard_type *t, char *buf, size_t n) {
    char spelt[160];
    if (t->kind != SARD_KIND_TENSOR && t->kind != SARD_KIND_SPARSE_TENSOR) {
        sard_type_text(t, buf, n);
        return;
    }
    size_t at = 0;
    spelt[0] = 0;
    for (int i = 0; i < t->rank && at < sizeof spelt - 40; i++) {
        const char *comma = i ? "," : "";
        if (t->dim[i] >= 0)
            at += (size_t)snprintf(spelt + at, 40, "%s%lld", comma, (long long)t->dim[i]);
        else
            at += (size_t)snprintf(spelt + at, 40, "%s%.32s", comma, t->name[i][0] ? t->name[i] : "?");
    }
    if (t->rank < 0)
        snprintf(buf, n, "%s of any rank", sard_dtype_name(t->dtype));
    else
        snprintf(buf, n, "%s[%s]", sard_dtype_name(t->dtype), spelt);
}

static void found_text(const sard_value *v, char *buf, size_t n) {
    char text[160];
    if (!value_is_tensor(v)) {
        value_text(v, buf, n);
        return;
    }
    shape s = shape_of(&v->t);
    snprintf(buf, n, "%s%s", sard_dtype_name(v->t.dtype), shape_text(&s, text, sizeof text));
}

static sard_status mismatch(const model_io *io, const sard_value *v, const char *what, sard_error *err) {
    char want[224], found[224];
    expected_text(io->type, want, sizeof want);
    found_text(v, found, sizeof found);
    return err_set(err, SARD_INVALID_ARGUMENT, "input '%s': wrong %s: expected %s, found %s", io->name, what, want,
                   found);
}

/* Where a named dimension got its number. */
typedef struct dim_seen {
    const char *name, *input;
    int axis;
    int64_t value;
} dim_seen;
typedef struct dim_table {
    dim_seen *items;
    size_t n, cap;
    dim_seen fixed[16]; /* enough for most models: no allocation */
} dim_table;

static sard_status check_symbol(dim_table *t, const model_io *io, int axis, int64_t value, sard_error *err) {
    const char *name = io->type->name[axis];
    if (!*name) return SARD_OK;
    for (size_t i = 0; i < t->n; i++) {
        const dim_seen *s = &t->items[i];
        if (s->name != name && strcmp(s->name, name) != 0) continue;
        FAIL_IF(s->value != value, err, SARD_INVALID_ARGUMENT,
                "input '%s', axis %d: dimension '%s' is %lld here, but %lld in input '%s', axis %d", io->name, axis,
                name, (long long)value, (long long)s->value, s->input, s->axis);
        return SARD_OK;
    }
    if (t->n == t->cap) {
        void *items = t->items == t->fixed ? NULL : t->items;
        size_t cap = items ? t->cap : 0;
        if (mem_grow(&items, &cap, t->n + 1, sizeof *t->items)) return err_nomem(err, t->n * sizeof *t->items);
        if (t->items == t->fixed) memcpy(items, t->fixed, sizeof t->fixed);
        t->items = items;
        t->cap = cap;
    }
    t->items[t->n++] = (dim_seen){name, io->name, axis, value};
    return SARD_OK;
}

static sard_status check_dims(dim_table *table, const model_io *io, const sard_value *v, const int64_t *dim, int rank,
                              sard_error *err) {
    const sard_type *t = io->type;
    if (t->rank < 0) return SARD_OK;
    if (rank != t->rank) return mismatch(io, v, "rank", err);
    for (int i = 0; i < rank; i++) {
        if (t->dim[i] >= 0 && t->dim[i] != dim[i]) {
            char want[224], found[224];
            expected_text(t, want, sizeof want);
            found_text(v, found, sizeof found);
            return err_set(err, SARD_INVALID_ARGUMENT,
                           "input '%s', dimension %d: expected %lld, found %lld (expected %s, found %s)", io->name, i,
                           (long long)t->dim[i], (long long)dim[i], want, found);
        }
        if (t->dim[i] < 0) TRY(check_symbol(table, io, i, dim[i], err));
    }
    return SARD_OK;
}

/* Kind and element types, containers to any depth. */
static const char *check_kind(const sard_type *t, const sard_value *v, int depth) {
    if (!t || t->kind == SARD_KIND_UNKNOWN || depth > 64) return NULL;
    if (v->kind != t->kind) return "kind";
    switch (v->kind) {
    case SARD_KIND_TENSOR:
        return t->dtype && v->t.dtype != t->dtype ? "element type" : NULL;
    case SARD_KIND_SPARSE_TENSOR:
        return t->dtype && v->sparse.values->t.dtype != t->dtype ? "element type" : NULL;
    case SARD_KIND_SEQUENCE:
        for (size_t i = 0; i < v->seq.n; i++) {
            const char *bad = check_kind(t->elem, v->seq.items[i], depth + 1);
            if (bad) return bad;
        }
        return NULL;
    case SARD_KIND_MAP: {
        if (t->dtype && v->map.keys->t.dtype != t->dtype) return "key type";
        const sard_type *e = t->elem;
        if (e && value_is_tensor(v->map.values) && e->kind == SARD_KIND_TENSOR)
            return e->dtype && v->map.values->t.dtype != e->dtype ? "value type" : NULL;
        return NULL;
    }
    default:
        return v->opt.item ? check_kind(t->elem, v->opt.item, depth + 1) : NULL;
    }
}

static sard_status check_input(dim_table *table, const model_io *io, const sard_value *v, sard_error *err) {
    const char *bad = check_kind(io->type, v, 0);
    if (bad) return mismatch(io, v, bad, err);
    if (v->kind == SARD_KIND_TENSOR && io->type->kind == SARD_KIND_TENSOR)
        return check_dims(table, io, v, v->t.dim, v->t.rank, err);
    if (v->kind == SARD_KIND_SPARSE_TENSOR)
        return check_dims(table, io, v, v->sparse.dims.dim, v->sparse.dims.rank, err);
    return SARD_OK;
}

sard_status api_bind_inputs(const sard_model *m, const char *const *names, sard_value *const *values, size_t n,
                            sard_value **in, sard_error *err) {
    dim_table table = {.cap = sizeof table.fixed / sizeof *table.fixed};
    table.items = table.fixed;
    sard_status st = SARD_OK;
    FAIL_IF(n && (!names || !values), err, SARD_INVALID_ARGUMENT, "input names or values are NULL");
    for (uint32_t i = 0; i < m->n_graph_in; i++) in[i] = NULL;
    for (size_t i = 0; i < n && st == SARD_OK; i++) {
        const model_io *io = names[i] ? find_input(m, names[i], i) : NULL;
        if (!io)
            st = unknown_input(m, names[i] ? names[i] : "(NULL)", err);
        else if (in[io->index])
            st = err_set(err, SARD_INVALID_ARGUMENT, "input '%s' is given twice", io->name);
        else if (!values[i])
            st = err_set(err, SARD_INVALID_ARGUMENT, "input '%s': the value is NULL", io->name);
        else
            st = check_input(&table, io, values[i], err);
        if (st == SARD_OK) in[io->index] = values[i];
    }
    if (table.items != table.fixed) mem_free(table.items);
    return st == SARD_OK ? missing_inputs(m, in, err) : st;
}
