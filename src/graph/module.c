/* module.c -- what the graphs of a model share: strings, types, constants, origins. */
#include "graph/graph.h"

static sard_status grow(void **items, size_t *cap, size_t need, size_t elem, sard_error *err) {
    if (need > UINT32_MAX - 1) return err_set(err, SARD_LIMIT, "more than 2^32 items in one table");
    return mem_grow(items, cap, need, elem) ? err_nomem(err, need * elem) : SARD_OK;
}

/* Makes room for one more item of m->field (an array with n_field and cap_field). */
#define ROOM(m, field, err)                                                                                            \
    do {                                                                                                               \
        void *items_ = (m)->field;                                                                                     \
        TRY(grow(&items_, &(m)->cap_##field, (size_t)(m)->n_##field + 1, sizeof *(m)->field, err));                    \
        (m)->field = items_;                                                                                           \
    } while (0)

sard_status module_new(const struct op_set *ops, module **out, sard_error *err) {
    module *m = mem_calloc(1, sizeof *m);
    if (!m) return err_nomem(err, sizeof *m);
    arena_init(&m->mem);
    m->ops = ops;
    sard_status st = SARD_OK;
    graph *g;
    if (strtab_init(&m->names)) st = err_nomem(err, 64);
    if (st == SARD_OK) st = graph_new(m, &g, err);
    if (st != SARD_OK) {
        module_free(m);
        return st;
    }
    *out = m;
    return SARD_OK;
}

void module_free(module *m) {
    if (!m) return;
    for (uint32_t i = 0; i < m->n_graphs; i++) {
        graph *g = m->graphs[i];
        if (!g) continue;
        mem_free(g->values);
        mem_free(g->nodes);
        mem_free(g->ids);
        mem_free(g);
    }
    for (uint32_t i = 0; i < m->n_constants; i++) sard_value_unref(m->constants[i].v);
    mem_free(m->graphs);
    mem_free(m->constants);
    mem_free(m->types);
    mem_free(m->origins);
    mem_free(m->opsets);
    map_free(&m->type_index);
    strtab_free(&m->names);
    arena_free(&m->mem);
    mem_free(m);
}

sard_status graph_new(module *m, graph **out, sard_error *err) {
    ROOM(m, graphs, err);
    graph *g = mem_calloc(1, sizeof *g);
    if (!g) return err_nomem(err, sizeof *g);
    g->mod = m;
    g->id = m->n_graphs;
    m->graphs[m->n_graphs++] = g;
    *out = g;
    return SARD_OK;
}

int64_t mod_opset(const module *m, const char *domain) {
    for (uint32_t i = 0; i < m->n_opsets; i++)
        if (strcmp(mod_str(m, m->opsets[i].domain), domain) == 0) return m->opsets[i].version;
    return 0;
}

sard_status mod_intern(module *m, const char *s, size_t n, str_id *out, sard_error *err) {
    *out = strtab_add(&m->names, s, n);
    return *out == STR_FAIL ? err_nomem(err, n) : SARD_OK;
}

/* Only what the kind uses, so that equal types are equal bytes. */
static vtype type_canonical(const vtype *t) {
    vtype c;
    memset(&c, 0, sizeof c);
    c.kind = t->kind;
    c.dtype = t->dtype;
    c.rank = -1;
    c.elem = NO_ID;
    if (t->kind == SARD_KIND_TENSOR || t->kind == SARD_KIND_SPARSE_TENSOR) {
        c.rank = t->rank;
        for (int i = 0; i < t->rank; i++) c.dim[i] = t->dim[i];
    } else {
        c.elem = t->elem;
    }
    return c;
}

sard_status mod_type(module *m, const vtype *t, type_id *out, sard_error *err) {
    const vtype c = type_canonical(t);
    const uint64_t key = hash_bytes(&c, sizeof c, m->names.seed);
    uint64_t at;
    if (map_get(&m->type_index, key, &at) && memcmp(&m->types[at], &c, sizeof c) == 0) {
        *out = (type_id)at;
        return SARD_OK;
    }
    ROOM(m, types, err);
    if (map_put(&m->type_index, key, m->n_types)) return err_nomem(err, sizeof c);
    memcpy(&m->types[m->n_types], &c, sizeof c);
    *out = m->n_types++;
    return SARD_OK;
}

static sard_status constant_room(module *m, sard_error *err) {
    ROOM(m, constants, err);
    return SARD_OK;
}

sard_status mod_constant(module *m, sard_value *take, const_id *out, sard_error *err) {
    if (!take) return err_set(err, SARD_INTERNAL, "a constant without a value");
    const sard_status st = constant_room(m, err);
    if (st != SARD_OK) {
        sard_value_unref(take);
        return st;
    }
    m->constants[m->n_constants] = (constant){.v = take};
    *out = m->n_constants++;
    return SARD_OK;
}

const tensor *mod_const_tensor(const module *m, const_id c) {
    if (c == NO_ID || !value_is_tensor(m->constants[c].v)) return NULL;
    return &m->constants[c].v->t;
}

sard_status mod_check(const module *m, sard_error *err) {
    if (!m->ctl) return SARD_OK;
    const size_t held = m->mem.held + m->names.mem.held;
    FAIL_IF(m->ctl->limit && held > m->ctl->limit, err, SARD_LIMIT,
            "the graph takes %zu bytes so far, the limit is %zu", held, m->ctl->limit);
    const sard_status s = ctl_check(m->ctl, err);
    return s == SARD_CANCELLED ? err_set(err, s, "loading was cancelled") : s;
}

sard_status mod_origin(module *m, const origin *o, origin_id *out, sard_error *err) {
    ROOM(m, origins, err);
    m->origins[m->n_origins] = *o;
    *out = m->n_origins++;
    return SARD_OK;
}
