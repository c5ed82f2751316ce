/*
 * parse.c -- the text form of a module (print.c tells the grammar) read back.
 *
 * A name that is used before anything defines it becomes a value all the same; the check at the end tells of those
 * that nothing defines, as of every other fault.
 */
#include <stdio.h>

#include "graph/lex.h"
#include "graph/op.h"

enum { FAULT = 400, TYPE_DEPTH = 16 };

typedef struct list { /* of ids */
    uint32_t *v;
    uint32_t n;
    size_t cap;
} list;

typedef struct parser {
    lexer l;
    module *m;
    graph *g;
    map64 names; /* of g */
    int depth, type_depth;
} parser;

static sard_status parse_graph(parser *p, graph *g, sard_error *err);

static sard_status push(list *l, uint32_t v, sard_error *err) {
    void *items = l->v;
    if (mem_grow(&items, &l->cap, l->n + (size_t)1, sizeof v)) return err_nomem(err, l->n * sizeof v);
    l->v = items;
    l->v[l->n++] = v;
    return SARD_OK;
}

/* A word or quoted string, interned. */
static sard_status parse_name(parser *p, str_id *out, sard_error *err) {
    if (p->l.kind != TOK_WORD && p->l.kind != TOK_STRING) return lex_error(&p->l, "a name", err);
    TRY(mod_intern(p->m, p->l.text.p, p->l.text.n, out, err));
    lex_next(&p->l);
    return SARD_OK;
}

/* A value by name, made when it is new; _ is NO_ID. */
static sard_status parse_value(parser *p, value_id *out, sard_error *err) {
    str_id key;
    uint64_t at;
    *out = NO_ID;
    if (lex_word(&p->l, "_")) {
        lex_next(&p->l);
        return SARD_OK;
    }
    const bool unnamed = p->l.kind == TOK_WORD && p->l.text.n && p->l.text.p[0] == '%';
    TRY(parse_name(p, &key, err));
    if (map_get(&p->names, key, &at)) {
        *out = (value_id)at;
        return SARD_OK;
    }
    TRY(graph_value(p->g, unnamed ? 0 : key, NULL, out, err));
    return map_put(&p->names, key, *out) ? err_nomem(err, 64) : SARD_OK;
}

/* ---- types -------------------------------------------------------------------------------------------------------- */

static sard_status parse_dims(parser *p, vtype *t, sard_error *err) {
    t->rank = 0;
    for (bool more = !lex_is(&p->l, ']'); more; more = lex_take(&p->l, ',')) {
        int64_t d = DIM_UNKNOWN;
        str_id id;
        FAIL_IF(t->rank == MAX_RANK, err, SARD_UNSUPPORTED, "line %d: rank over %d", p->l.line, MAX_RANK);
        if (p->l.kind == TOK_NUMBER) {
            TRY(lex_int(&p->l, &d, err));
        } else if (!lex_take(&p->l, '?')) {
            TRY(parse_name(p, &id, err));
            d = DIM_SYM(id);
        }
        t->dim[t->rank++] = d;
    }
    return lex_expect(&p->l, ']', err);
}

static int dtype_named(const lexer *l) {
    if (lex_word(l, "any")) return 0;
    for (int t = 1; t < SARD_DTYPE_COUNT && l->kind == TOK_WORD; t++)
        if (str_is(l->text, dtype_short(t))) return t;
    return -1;
}

static sard_status parse_dense(parser *p, vtype *t, sard_error *err) {
    const int dtype = dtype_named(&p->l);
    if (dtype < 0) return lex_error(&p->l, "an element type", err);
    *t = type_tensor((sard_dtype)dtype, -1, NULL);
    lex_next(&p->l);
    return lex_take(&p->l, '[') ? parse_dims(p, t, err) : SARD_OK;
}

static sard_status parse_type(parser *p, vtype *t, sard_error *err);

static sard_status parse_container(parser *p, sard_kind kind, vtype *t, sard_error *err) {
    lex_next(&p->l);
    TRY(lex_expect(&p->l, '(', err));
    if (kind == SARD_KIND_SPARSE_TENSOR) {
        TRY(parse_dense(p, t, err));
        t->kind = (uint8_t)kind;
        return lex_expect(&p->l, ')', err);
    }
    vtype elem;
    *t = type_unknown();
    t->kind = (uint8_t)kind;
    if (kind == SARD_KIND_MAP) {
        const int key = dtype_named(&p->l);
        if (key < 0) return lex_error(&p->l, "an element type", err);
        t->dtype = (uint8_t)key;
        lex_next(&p->l);
        TRY(lex_expect(&p->l, ',', err));
    }
    TRY(parse_type(p, &elem, err));
    if (elem.kind != SARD_KIND_UNKNOWN) TRY(mod_type(p->m, &elem, &t->elem, err));
    return lex_expect(&p->l, ')', err);
}

static sard_status parse_type(parser *p, vtype *t, sard_error *err) {
    static const char *const words[] = {NULL, NULL, "sparse", "seq", "map", "opt"};
    *t = type_unknown();
    if (lex_take(&p->l, '?')) return SARD_OK;
    for (int k = SARD_KIND_SPARSE_TENSOR; k <= SARD_KIND_OPTIONAL; k++) {
        if (!lex_word(&p->l, words[k])) continue;
        FAIL_IF(p->type_depth == TYPE_DEPTH, err, SARD_LIMIT, "line %d: types nest too deeply", p->l.line);
        p->type_depth++;
        const sard_status st = parse_container(p, (sard_kind)k, t, err);
        p->type_depth--;
        return st;
    }
    return parse_dense(p, t, err);
}

/* ---- data --------------------------------------------------------------------------------------------------------- */

static sard_status parse_element(parser *p, tensor *t, int64_t i, sard_error *err) {
    if (t->dtype == SARD_STRING) {
        str_id s;
        TRY(parse_name(p, &s, err));
        TENSOR_AT(t, str)[i] = p->m->names.items[s];
        return SARD_OK;
    }
    if (dtype_in(t->dtype, DT(SARD_I64) | DT(SARD_U64))) return lex_int(&p->l, &TENSOR_AT(t, int64_t)[i], err);
    double v;
    TRY(lex_real(&p->l, &v, err));
    tensor_set_f64(t, i, v);
    return SARD_OK;
}

static sard_status parse_elements(parser *p, tensor *t, sard_error *err) {
    const int64_t n = tensor_count(t);
    for (int64_t i = 0; i < n; i++) {
        if (i) TRY(lex_expect(&p->l, ',', err));
        TRY(parse_element(p, t, i, err));
    }
    return lex_expect(&p->l, '}', err);
}

/* "f32[2] {1, 2}" */
static sard_status parse_constant(parser *p, const_id *out, sard_error *err) {
    vtype type;
    shape s;
    tensor t, copy;
    sard_value *v;
    TRY(parse_dense(p, &type, err));
    if (!type_shape(&type, &s) || !type.dtype || shape_count(&s) < 0 || shape_count(&s) > 1 << 20)
        return lex_error(&p->l, "a constant's type with all its dimensions", err);
    TRY(lex_expect(&p->l, '{', err));
    TRY(tensor_new(&t, (sard_dtype)type.dtype, &s, err));
    sard_status st = parse_elements(p, &t, err);
    if (st == SARD_OK) st = tensor_clone(&copy, &t, err); /* strings get bytes of their own */
    tensor_drop(&t);
    TRY(st);
    TRY(value_tensor(&copy, &v, err));
    return mod_constant(p->m, v, out, err);
}

/* ---- attributes --------------------------------------------------------------------------------------------------- */

static int table_type(const parser *p, const op_def *op, str_id name) {
    for (uint32_t i = 0; i < op->n_attrs; i++)
        if (!strcmp(op->attrs[i].name, mod_str(p->m, name))) return op->attrs[i].type;
    return ATTR_NONE;
}

static sard_status attr_string(parser *p, str *out, sard_error *err) {
    if (p->l.kind != TOK_STRING) return lex_error(&p->l, "a string", err);
    *out = (str){arena_strn(&p->m->mem, p->l.text.p, p->l.text.n), p->l.text.n};
    lex_next(&p->l);
    return out->p ? SARD_OK : err_nomem(err, out->n);
}

static sard_status parse_list(parser *p, attr *a, sard_error *err) {
    enum { MAX_LIST = 1024 };
    size_t n = 0;
    int64_t *ints = arena_alloc(&p->m->mem, MAX_LIST * sizeof *ints);
    float *floats = arena_alloc(&p->m->mem, MAX_LIST * sizeof *floats);
    str *strs = arena_alloc(&p->m->mem, MAX_LIST * sizeof *strs);
    const_id *tensors = arena_alloc(&p->m->mem, MAX_LIST * sizeof *tensors);
    if (!ints || !floats || !strs || !tensors) return err_nomem(err, MAX_LIST);
    if (!lex_is(&p->l, ']') && a->type == ATTR_NONE)
        a->type = p->l.kind == TOK_STRING ? ATTR_STRINGS
                  : p->l.kind == TOK_WORD ? ATTR_TENSORS
                  : p->l.real             ? ATTR_FLOATS
                                          : ATTR_INTS;
    for (bool more = !lex_is(&p->l, ']'); more; more = lex_take(&p->l, ','), n++) {
        double v;
        FAIL_IF(n == MAX_LIST, err, SARD_LIMIT, "line %d: more than %d items", p->l.line, MAX_LIST);
        if (a->type == ATTR_STRINGS) {
            TRY(attr_string(p, &strs[n], err));
        } else if (a->type == ATTR_TENSORS) {
            TRY(parse_constant(p, &tensors[n], err));
        } else if (a->type == ATTR_FLOATS) {
            TRY(lex_real(&p->l, &v, err));
            floats[n] = (float)v;
        } else {
            TRY(lex_int(&p->l, &ints[n], err));
        }
    }
    a->strs.n = n; /* all lists begin alike */
    if (a->type == ATTR_STRINGS)
        a->strs.v = strs;
    else if (a->type == ATTR_TENSORS)
        a->tensors.v = tensors;
    else if (a->type == ATTR_FLOATS)
        a->floats.v = floats;
    else
        a->ints.v = ints;
    if (a->type == ATTR_NONE) a->type = ATTR_INTS;
    return lex_expect(&p->l, ']', err);
}

static sard_status parse_body(parser *p, attr *a, sard_error *err) {
    graph *body, *outer = p->g;
    const map64 names = p->names;
    a->type = ATTR_GRAPH;
    TRY(graph_new(p->m, &body, err));
    a->body = body->id;
    p->names = (map64){0};
    const sard_status st = parse_graph(p, body, err);
    map_free(&p->names);
    p->names = names;
    p->g = outer;
    return st;
}

static sard_status parse_attr(parser *p, const op_def *op, attr *a, sard_error *err) {
    double v;
    *a = (attr){0};
    TRY(parse_name(p, &a->name, err));
    TRY(lex_expect(&p->l, '=', err));
    const int want = table_type(p, op, a->name);
    if (lex_take(&p->l, '[')) {
        a->type = want == ATTR_FLOATS || want == ATTR_STRINGS || want == ATTR_TENSORS ? (uint8_t)want : ATTR_NONE;
        return parse_list(p, a, err);
    }
    if (p->l.kind == TOK_STRING) {
        a->type = ATTR_STRING;
        return attr_string(p, &a->s, err);
    }
    if (p->l.kind == TOK_NUMBER && (p->l.real || want == ATTR_FLOAT)) {
        a->type = ATTR_FLOAT;
        TRY(lex_real(&p->l, &v, err));
        a->f = (float)v;
        return SARD_OK;
    }
    if (p->l.kind == TOK_NUMBER) {
        a->type = ATTR_INT;
        return lex_int(&p->l, &a->i, err);
    }
    if (lex_word(&p->l, "graph")) return parse_body(p, a, err);
    if (lex_word(&p->l, "type")) {
        vtype t;
        a->type = ATTR_TYPE;
        lex_next(&p->l);
        TRY(parse_type(p, &t, err));
        return mod_type(p->m, &t, &a->vt, err);
    }
    a->type = want == ATTR_SPARSE_TENSOR ? ATTR_SPARSE_TENSOR : ATTR_TENSOR;
    return parse_constant(p, &a->tensor, err);
}

/* ---- nodes and graphs --------------------------------------------------------------------------------------------- */

/* "x, y: f32[2], _" up to something else. */
static sard_status parse_values(parser *p, list *out, char end, sard_error *err) {
    for (bool more = !end || !lex_is(&p->l, end); more; more = lex_take(&p->l, ',')) {
        value_id v;
        vtype t;
        TRY(parse_value(p, &v, err));
        TRY(push(out, v, err));
        if (!lex_take(&p->l, ':')) continue;
        TRY(parse_type(p, &t, err));
        if (v != NO_ID) p->g->values[v].type = t;
    }
    return end ? lex_expect(&p->l, end, err) : SARD_OK;
}

static sard_status parse_op(parser *p, const op_def **op, sard_error *err) {
    char name[200];
    if (p->l.kind != TOK_WORD || p->l.text.n >= sizeof name) return lex_error(&p->l, "an operator", err);
    memcpy(name, p->l.text.p, p->l.text.n);
    name[p->l.text.n] = 0;
    char *dot = strrchr(name, '.');
    if (dot) *dot = 0;
    *op = dot ? op_find(p->m->ops, name, dot + 1) : op_find(p->m->ops, "", name);
    if (!*op) return lex_error(&p->l, "a known operator", err);
    lex_next(&p->l);
    return lex_expect(&p->l, '(', err);
}

typedef struct parts {
    list out, in, captures, bodies;
    attr *attrs;
    uint32_t n_attrs;
    size_t cap_attrs;
} parts;

static sard_status parse_attrs(parser *p, const op_def *op, parts *q, sard_error *err) {
    if (!lex_take(&p->l, '{')) return SARD_OK;
    for (bool more = !lex_is(&p->l, '}'); more; more = lex_take(&p->l, ',')) {
        void *items = q->attrs;
        if (mem_grow(&items, &q->cap_attrs, q->n_attrs + (size_t)1, sizeof *q->attrs)) return err_nomem(err, 64);
        q->attrs = items;
        TRY(parse_attr(p, op, &q->attrs[q->n_attrs++], err));
    }
    return lex_expect(&p->l, '}', err);
}

static sard_status parse_node_into(parser *p, parts *q, sard_error *err) {
    const op_def *op = NULL;
    attr *attrs;
    uint32_t n_attrs;
    node_id id;
    problems faults = {0};
    const int line = p->l.line;
    if (!lex_is(&p->l, '=')) TRY(parse_values(p, &q->out, 0, err));
    TRY(lex_expect(&p->l, '=', err));
    TRY(parse_op(p, &op, err));
    TRY(parse_values(p, &q->in, ')', err));
    TRY(parse_attrs(p, op, q, err));
    if (lex_word(&p->l, "captures")) {
        lex_next(&p->l);
        TRY(lex_expect(&p->l, '(', err));
        TRY(parse_values(p, &q->captures, ')', err));
    }
    TRY(op_attrs(p->m, op, q->attrs, q->n_attrs, &attrs, &n_attrs, op->name, &faults, err));
    if (faults.count) {
        const sard_status st = problems_result(&faults, err);
        return err_context(err, st, "line %d", line);
    }
    for (uint32_t i = 0; i < n_attrs; i++)
        if (attrs[i].type == ATTR_GRAPH) TRY(push(&q->bodies, attrs[i].body, err));
    TRY(graph_node(p->g, op, q->in.v, q->in.n, q->out.v, q->out.n, attrs, n_attrs, q->bodies.v, q->bodies.n, NO_ID, &id,
                   err));
    return node_set_captures(p->g, id, q->captures.v, q->captures.n, err);
}

static sard_status parse_node(parser *p, sard_error *err) {
    parts q = {0};
    const sard_status st = parse_node_into(p, &q, err);
    mem_free(q.out.v);
    mem_free(q.in.v);
    mem_free(q.captures.v);
    mem_free(q.bodies.v);
    mem_free(q.attrs);
    return st;
}

static sard_status parse_const(parser *p, sard_error *err) {
    value_id v;
    const_id c;
    lex_next(&p->l);
    TRY(parse_value(p, &v, err));
    if (v == NO_ID) return lex_error(&p->l, "a name", err);
    TRY(lex_expect(&p->l, '=', err));
    TRY(parse_constant(p, &c, err));
    return value_set_constant(p->g, v, c, err);
}

/* Inputs with types, and perhaps defaults. */
static sard_status parse_inputs(parser *p, list *in, sard_error *err) {
    for (bool more = !lex_is(&p->l, ')'); more; more = lex_take(&p->l, ',')) {
        value_id v;
        vtype t;
        const_id c;
        TRY(parse_value(p, &v, err));
        if (v == NO_ID) return lex_error(&p->l, "a name", err);
        TRY(push(in, v, err));
        if (lex_take(&p->l, ':')) {
            TRY(parse_type(p, &t, err));
            p->g->values[v].type = t;
            TRY(mod_type(p->m, &t, &p->g->values[v].declared, err));
        }
        if (!lex_take(&p->l, '=')) continue;
        TRY(parse_constant(p, &c, err));
        TRY(value_set_constant(p->g, v, c, err));
        p->g->values[v].overridable = true;
    }
    return lex_expect(&p->l, ')', err);
}

static sard_status parse_header(parser *p, list *ids, list *outputs, sard_error *err) {
    if (!lex_word(&p->l, "graph")) return lex_error(&p->l, "'graph'", err);
    lex_next(&p->l);
    if (!lex_is(&p->l, '(')) TRY(parse_name(p, &p->g->name, err));
    TRY(lex_expect(&p->l, '(', err));
    TRY(parse_inputs(p, ids, err));
    TRY(graph_set_inputs(p->g, ids->v, ids->n, err));
    ids->n = 0;
    if (lex_word(&p->l, "captures")) {
        lex_next(&p->l);
        TRY(lex_expect(&p->l, '(', err));
        TRY(parse_values(p, ids, ')', err));
        TRY(graph_set_captures(p->g, ids->v, ids->n, err));
    }
    TRY(lex_expect(&p->l, '>', err));
    TRY(lex_expect(&p->l, '(', err));
    TRY(parse_values(p, outputs, ')', err));
    return lex_expect(&p->l, '{', err);
}

static sard_status parse_graph(parser *p, graph *g, sard_error *err) {
    FAIL_IF(p->depth == GRAPH_DEPTH_MAX, err, SARD_LIMIT, "bodies are nested deeper than %d", GRAPH_DEPTH_MAX);
    list ids = {0}, outputs = {0};
    p->depth++;
    p->g = g;
    sard_status st = parse_header(p, &ids, &outputs, err);
    while (st == SARD_OK && !lex_is(&p->l, '}')) {
        if (p->l.kind == TOK_END)
            st = lex_error(&p->l, "'}'", err);
        else
            st = lex_word(&p->l, "const") ? parse_const(p, err) : parse_node(p, err);
    }
    for (uint32_t i = 0; i < outputs.n && st == SARD_OK; i++)
        if (outputs.v[i] == NO_ID) st = err_set(err, SARD_INVALID_ARGUMENT, "an output without a name");
    if (st == SARD_OK) st = graph_set_outputs(g, outputs.v, outputs.n, err);
    if (st == SARD_OK) lex_next(&p->l);
    mem_free(ids.v);
    mem_free(outputs.v);
    p->depth--;
    return st;
}

static sard_status parse_opsets(parser *p, sard_error *err) {
    size_t cap = 0;
    while (lex_word(&p->l, "opset")) {
        void *items = p->m->opsets;
        opset_import o;
        lex_next(&p->l);
        TRY(parse_name(p, &o.domain, err));
        TRY(lex_int(&p->l, &o.version, err));
        if (mem_grow(&items, &cap, p->m->n_opsets + (size_t)1, sizeof o)) return err_nomem(err, 64);
        p->m->opsets = items;
        p->m->opsets[p->m->n_opsets++] = o;
    }
    return SARD_OK;
}

static sard_status parse_module(parser *p, sard_error *err) {
    problems faults = {0};
    lex_next(&p->l);
    TRY(parse_opsets(p, err));
    TRY(parse_graph(p, module_main(p->m), err));
    if (p->l.kind != TOK_END) return lex_error(&p->l, "the end", err);
    TRY(graph_check(module_main(p->m), &faults, err));
    return graph_infer(module_main(p->m), &faults, err);
}

sard_status module_parse(const struct op_set *ops, const char *text, module **out, sard_error *err) {
    parser p = {.l = {.p = text, .line = 1}};
    TRY(module_new(ops, &p.m, err));
    const sard_status st = parse_module(&p, err);
    map_free(&p.names);
    sb_free(&p.l.unquoted);
    if (st != SARD_OK) {
        module_free(p.m);
        return st;
    }
    *out = p.m;
    return SARD_OK;
}
