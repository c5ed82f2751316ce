/*
 * compile.c -- from an optimised module to steps.
 *
 * Every graph gets values numbered anew ("x values"): only those that steps use, constants among them, so that a node
 * alone (exec_eval), a group taken apart again, and a whole graph are the same thing. Order of work: number values and
 * make steps in an execution order; then lifetimes; then prepare the operators, who see constants and layouts.
 */
#include "exec/model.h"

#include <stdlib.h>
#include <string.h>

typedef struct compiler {
    exec_model *x;
    exec_graph *xg;
    const graph *g; /* where nodes are taken from: the graph, or a group's body */
    uint32_t *map;  /* of g: x value per value; NO_ID */
    uint32_t *uses; /* of g */
} compiler;

#define NEW(a, n, type) ((type *)arena_calloc((a), (n) ? (n) : 1, sizeof(type)))

static bool is_group(const op_def *op) { return strcmp(op->domain, "sard") == 0 && strcmp(op->name, "Fused") == 0; }

static sard_status at_node(const graph *g, const node *n, sard_status st, sard_error *err) {
    char where[256];
    return err_context(err, st, "%s", node_where(g, n, where, sizeof where));
}

/* ---- values ------------------------------------------------------------------------------------------------------- */

static sard_status new_val(exec_graph *xg, xrole role, value_id id, const vtype *type, uint8_t order, uint32_t *out,
                           sard_error *err) {
    if (mem_grow((void **)&xg->vals, &xg->cap_vals, xg->n_vals + 1u, sizeof *xg->vals))
        return err_nomem(err, (xg->n_vals + 1u) * sizeof *xg->vals);
    xg->vals[xg->n_vals] = (xval){.id = id,
                                  .role = (uint8_t)role,
                                  .order = order,
                                  .kind = type->kind,
                                  .dtype = type->kind == SARD_KIND_TENSOR ? type->dtype : 0,
                                  .out = NO_ID,
                                  .type = type};
    *out = xg->n_vals++;
    return SARD_OK;
}

/* The integers of a small constant, for inference. */
static sard_status constant_ints(exec_model *x, xval *v, sard_error *err) {
    const tensor *t = &v->constant->t;
    int64_t n = tensor_count(t);
    if (!dtype_in(t->dtype, DT_INT | DT_BOOL) || n > KNOWN_MAX || t->rank > 1 || !tensor_is_row(t)) return SARD_OK;
    int64_t *p = NEW(&x->mem, (size_t)n, int64_t);
    if (!p) return err_nomem(err, (size_t)n * sizeof *p);
    for (int64_t i = 0; i < n; i++) p[i] = tensor_get_i64(t, i);
    v->ints = (known){p, (uint32_t)n};
    return SARD_OK;
}

static sard_status set_constant(exec_model *x, xval *v, const sard_value *c, bool fixed, sard_error *err) {
    v->constant = c;
    v->fixed = fixed;
    v->kind = c->kind;
    if (c->kind != SARD_KIND_TENSOR || !fixed) return SARD_OK;
    vtype *t = NEW(&x->mem, 1, vtype);
    if (!t) return err_nomem(err, sizeof *t);
    *t = type_of_tensor(&c->t);
    v->type = t;
    v->dtype = c->t.dtype;
    return constant_ints(x, v, err);
}

/* The x value of a value of c->g that is read. */
static sard_status use(compiler *c, value_id v, uint32_t *out, sard_error *err) {
    *out = NO_ID;
    if (v == NO_ID) return SARD_OK;
    FAIL_IF(v >= c->g->n_values, err, SARD_INTERNAL, "value %u of a graph with %u values", v, c->g->n_values);
    if (c->map[v] != NO_ID) {
        *out = c->map[v];
        return SARD_OK;
    }
    const value *val = &c->g->values[v];
    FAIL_IF(val->constant == NO_ID, err, SARD_INVALID_MODEL, "value '%s' is used and never defined",
            mod_str(c->g->mod, val->name));
    uint32_t id;
    TRY(new_val(c->xg, X_CONST, v, &val->type, ORDER_ROW, &id, err));
    TRY(set_constant(c->x, &c->xg->vals[id], c->g->mod->constants[val->constant].v, true, err));
    *out = c->map[v] = id;
    return SARD_OK;
}

static sard_status use_all(compiler *c, span s, const uint32_t **out, sard_error *err) {
    uint32_t *ids = NEW(&c->x->mem, s.n, uint32_t);
    if (!ids) return err_nomem(err, s.n * sizeof *ids);
    for (uint32_t i = 0; i < s.n; i++) TRY(use(c, span_ids(c->g, s)[i], &ids[i], err));
    *out = ids;
    return SARD_OK;
}

static sard_status define(compiler *c, value_id v, uint32_t *out, sard_error *err) {
    *out = NO_ID;
    if (v == NO_ID || c->uses[v] == 0) return SARD_OK;
    const value *val = &c->g->values[v];
    FAIL_IF(c->map[v] != NO_ID, err, SARD_INVALID_MODEL, "value '%s' is defined twice", mod_str(c->g->mod, val->name));
    TRY(new_val(c->xg, X_STEP, v, &val->type, val->order, out, err));
    c->xg->vals[*out].def = c->xg->n_steps;
    c->map[v] = *out;
    return SARD_OK;
}

/* ---- what fuse_program asks ----------------------------------------------------------------------------------------- */

static const vtype *fuse_type(void *arg, value_id v) {
    const compiler *c = arg;
    const vtype *t = &c->g->values[v].type;
    if ((t->kind != SARD_KIND_TENSOR || !t->dtype) && c->map[v] != NO_ID) return c->xg->vals[c->map[v]].type;
    return t;
}

static const tensor *fuse_constant(void *arg, value_id v) {
    const compiler *c = arg;
    if (c->map[v] != NO_ID) {
        const xval *x = &c->xg->vals[c->map[v]];
        return x->role == X_CONST && x->fixed && x->kind == SARD_KIND_TENSOR ? &x->constant->t : NULL;
    }
    const value *val = &c->g->values[v];
    return val->constant == NO_ID || val->overridable ? NULL : mod_const_tensor(c->g->mod, val->constant);
}

/* One output, all nodes lead to it and all do nothing but broadcast: its shape is the broadcast of all outside values.
 * Not for integers, whose values may be shapes that inference follows node by node. */
static bool only_broadcasts(const fused *f) {
    if (f->heavy != NO_ID || f->n_out != 1 || dtype_in(f->inner_type[f->out[0] - f->n_ext], DT_INT)) return false;
    for (uint32_t i = 0; i < f->n_nodes; i++) {
        const fused_node *a = &f->nodes[i];
        if (a->op->infer != infer_broadcast || a->n_out != 1) return false;
        bool used = a->out[0] == f->out[0];
        for (uint32_t j = i + 1; j < f->n_nodes; j++)
            for (uint32_t k = 0; k < f->nodes[j].n_in; k++) used = used || f->nodes[j].in[k] == a->out[0];
        if (!used) return false;
    }
    return true;
}

/* Local numbers: outside values first, in order of use, then what the nodes define. */
static sard_status local_numbers(compiler *c, fused *f, const node_id *nodes, uint32_t n, uint32_t *local,
                                 sard_error *err) {
    const graph *g = c->g;
    uint32_t total = 0, n_ext = 0;
    for (uint32_t i = 0; i < n; i++) total += g->nodes[nodes[i]].in.n;
    uint32_t *ext = NEW(&c->x->mem, total, uint32_t);
    fused_node *fn = NEW(&c->x->mem, n, fused_node);
    if (!ext || !fn) return err_nomem(err, total * sizeof *ext);
    uint8_t *inner = NEW(&c->x->mem, g->n_values, uint8_t); /* 1: defined by one of the nodes */
    if (!inner) return err_nomem(err, g->n_values);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < g->nodes[nodes[i]].out.n; j++) {
            value_id v = node_out(g, &g->nodes[nodes[i]], j);
            if (v != NO_ID) inner[v] = 1;
        }
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < g->nodes[nodes[i]].in.n; j++) {
            value_id v = node_in(g, &g->nodes[nodes[i]], j);
            if (v == NO_ID || inner[v] || local[v] != NO_ID) continue;
            local[v] = n_ext;
            TRY(use(c, v, &ext[n_ext++], err));
        }
    uint32_t n_local = n_ext;
    for (uint32_t i = 0; i < n; i++) {
        const node *nd = &g->nodes[nodes[i]];
        uint32_t *in = NEW(&c->x->mem, nd->in.n, uint32_t), *out = NEW(&c->x->mem, nd->out.n, uint32_t);
        if (!in || !out) return err_nomem(err, nd->in.n * sizeof *in);
        for (uint32_t j = 0; j < nd->out.n; j++) {
            value_id v = node_out(g, nd, j);
            out[j] = v == NO_ID ? NO_ID : (local[v] = n_local++);
        }
        for (uint32_t j = 0; j < nd->in.n; j++) {
            value_id v = node_in(g, nd, j);
            in[j] = v == NO_ID ? NO_ID : local[v];
        }
        fn[i] = (fused_node){nd->op, nd, in, out, nd->in.n, nd->out.n};
    }
    *f = (fused){.g = g, .nodes = fn, .n_nodes = n, .heavy = NO_ID, .ext = ext, .n_ext = n_ext, .n_local = n_local};
    return SARD_OK;
}

static sard_status local_types(compiler *c, fused *f, const uint32_t *local, sard_error *err) {
    uint8_t *t = NEW(&c->x->mem, f->n_local - f->n_ext, uint8_t);
    if (!t) return err_nomem(err, f->n_local);
    for (value_id v = 0; v < c->g->n_values; v++)
        if (local[v] != NO_ID && local[v] >= f->n_ext) t[local[v] - f->n_ext] = fuse_type(c, v)->dtype;
    f->inner_type = t;
    return SARD_OK;
}

/* Makes the fused description of nodes of c->g with the program's outputs `outs`. SARD_UNSUPPORTED: no program. */
static sard_status make_fused(compiler *c, const node_id *nodes, uint32_t n, uint32_t heavy, const value_id *outs,
                              uint32_t n_outs, const fused **result, sard_error *err) {
    arena *mem = &c->x->mem;
    fused *f = NEW(mem, 1, fused);
    uint32_t *local = mem_alloc(c->g->n_values * sizeof *local);
    uint32_t *out = NEW(mem, n_outs, uint32_t), *operand = NEW(mem, PW_MAX_INPUTS, uint32_t);
    if (!f || !local || !out || !operand) {
        mem_free(local);
        return err_nomem(err, c->g->n_values * sizeof *local);
    }
    memset(local, 0xff, c->g->n_values * sizeof *local);
    sard_status st = local_numbers(c, f, nodes, n, local, err);
    if (st == SARD_OK) st = local_types(c, f, local, err);
    for (uint32_t i = 0; st == SARD_OK && i < n_outs; i++) out[i] = local[outs[i]];
    mem_free(local);
    TRY(st);
    f->heavy = heavy;
    f->out = out;
    f->n_out = n_outs;
    f->operand = operand;
    bool typed = true;
    for (uint32_t i = 0; i < f->n_ext; i++) typed = typed && c->xg->vals[f->ext[i]].dtype;
    if (typed) {
        value_id ids[PW_MAX_INPUTS];
        fuse_src src = {c->x->m, c->g, fuse_type, fuse_constant, c};
        TRY(fuse_program(&src, nodes, n, heavy, outs, n_outs, &f->prog, ids, &f->n_operand, err));
        for (uint32_t i = 0; i < f->n_operand; i++) operand[i] = ids[i] == NO_ID ? NO_ID : c->map[ids[i]];
    } else if (n > 1) {
        return err_set(err, SARD_UNSUPPORTED, "the type of a group's input is not known");
    }
    f->broadcasts = f->out[0] >= f->n_ext && f->out[0] < f->n_local && only_broadcasts(f);
    *result = f;
    return SARD_OK;
}

/* ---- steps -------------------------------------------------------------------------------------------------------- */

static uint64_t node_seed(const graph *g, const node *n) {
    uint64_t h = 0x9E3779B97F4A7C15u;
    if (n->origin < g->mod->n_origins) {
        const origin *o = &g->mod->origins[n->origin];
        const char *path = mod_str(g->mod, o->path);
        h = hash_bytes(path, strlen(path), h + o->index);
    }
    return h;
}

static sard_status push_step(compiler *c, const exec_step *s, sard_error *err) {
    exec_graph *xg = c->xg;
    if (mem_grow((void **)&xg->steps, &xg->cap_steps, xg->n_steps + 1u, sizeof *xg->steps))
        return err_nomem(err, (xg->n_steps + 1u) * sizeof *xg->steps);
    xg->steps[xg->n_steps++] = *s;
    if (s->n_in > xg->max_in) xg->max_in = s->n_in;
    if (s->n_out > xg->max_out) xg->max_out = s->n_out;
    if (s->fused) {
        for (uint32_t i = 0; i < s->fused->n_nodes; i++) {
            if (s->fused->nodes[i].n_in > xg->max_in) xg->max_in = s->fused->nodes[i].n_in;
            if (s->fused->nodes[i].n_out > xg->max_out) xg->max_out = s->fused->nodes[i].n_out;
        }
        if (s->fused->n_local > xg->max_local) xg->max_local = s->fused->n_local;
    }
    return SARD_OK;
}

/* Values in channels-last order go only to those who said they take them. */
static sard_status check_layout(const compiler *c, const exec_step *s, sard_error *err) {
    if (s->kind == STEP_PROGRAM) return SARD_OK;
    uint32_t fl = s->op->flags;
    for (uint32_t i = 0; i < s->n_in; i++) {
        if (s->in[i] == NO_ID || c->xg->vals[s->in[i]].order != ORDER_LAST) continue;
        FAIL_IF(!(fl & OP_LAST_ALL) && !((fl & OP_LAST) && i == 0), err, SARD_INTERNAL,
                "input %u is channels-last, which the operator does not take", i);
    }
    for (uint32_t i = 0; i < s->n_out; i++)
        if (s->out[i] != NO_ID && c->xg->vals[s->out[i]].order == ORDER_LAST)
            FAIL_IF(!(fl & (OP_LAST | OP_LAST_ALL)) || (i > 0 && s->kind != STEP_EPILOGUE), err, SARD_INTERNAL,
                    "output %u is channels-last, which the operator does not give", i);
    return SARD_OK;
}

static sard_status compile_graph(exec_model *x, const graph *g, exec_graph *outer, const uint32_t *cap, uint32_t n_cap,
                                 exec_graph **out, sard_error *err);

static sard_status compile_bodies(compiler *c, const node *n, exec_step *s, sard_error *err) {
    exec_graph **bodies = NEW(&c->x->mem, n->bodies.n, exec_graph *);
    if (!bodies) return err_nomem(err, n->bodies.n * sizeof(void *));
    TRY(use_all(c, n->captures, &s->cap, err));
    s->n_cap = n->captures.n;
    for (uint32_t i = 0; i < n->bodies.n; i++) {
        exec_graph *b;
        TRY(compile_graph(c->x, node_body(c->g, n, i), c->xg, s->cap, s->n_cap, &b, err));
        bodies[i] = b;
    }
    s->bodies = bodies;
    s->n_bodies = n->bodies.n;
    return SARD_OK;
}

static sard_status add_plain(compiler *c, const node *n, sard_error *err) {
    exec_step s = {.kind = STEP_RUN, .op = n->op, .g = c->g, .node = n, .outer_g = c->g, .outer_node = n};
    FAIL_IF(!n->op->run, err, SARD_UNSUPPORTED, "operator %s has no kernel for these types", n->op->name);
    s.seed = node_seed(c->g, n);
    TRY(use_all(c, n->in, &s.in, err));
    s.n_in = n->in.n;
    while (s.n_in && s.in[s.n_in - 1] == NO_ID) s.n_in--;
    if (n->bodies.n) TRY(compile_bodies(c, n, &s, err));
    uint32_t *out = NEW(&c->x->mem, n->out.n, uint32_t);
    if (!out) return err_nomem(err, n->out.n * sizeof *out);
    for (uint32_t i = 0; i < n->out.n; i++) TRY(define(c, node_out(c->g, n, i), &out[i], err));
    s.out = out;
    s.n_out = n->out.n;
    s.view = (n->op->flags & OP_VIEW0) && s.n_in && s.in[0] != NO_ID && s.n_out && out[0] != NO_ID;
    for (uint32_t i = 0; i < s.n_in; i++) {
        const xval *v = s.in[i] == NO_ID ? NULL : &c->xg->vals[s.in[i]];
        if (v && (v->kind == SARD_KIND_UNKNOWN || (v->kind == SARD_KIND_TENSOR && !v->dtype))) s.untyped = true;
    }
    TRY(check_layout(c, &s, err));
    return push_step(c, &s, err);
}

/* A node that is a program of its own; SARD_UNSUPPORTED when it is none. */
static sard_status add_pointwise(compiler *c, const node *n, node_id id, sard_error *err) {
    value_id outs[PW_MAX_OUTPUTS];
    uint32_t n_outs = 0;
    for (uint32_t i = 0; i < n->out.n; i++) {
        value_id v = node_out(c->g, n, i);
        if (v == NO_ID || c->uses[v] == 0) continue;
        FAIL_IF(n_outs == PW_MAX_OUTPUTS, err, SARD_UNSUPPORTED, "too many outputs");
        outs[n_outs++] = v;
    }
    exec_step s = {.kind = STEP_PROGRAM, .op = n->op, .g = c->g, .node = n, .outer_g = c->g, .outer_node = n};
    TRY(make_fused(c, &id, 1, NO_ID, outs, n_outs, &s.fused, err));
    s.in = s.fused->ext;
    s.n_in = s.fused->n_ext;
    uint32_t *out = NEW(&c->x->mem, n_outs, uint32_t);
    if (!out) {
        pw_free(s.fused->prog);
        return err_nomem(err, n_outs * sizeof *out);
    }
    s.out = out;
    s.n_out = n_outs;
    sard_status st = SARD_OK;
    for (uint32_t i = 0; st == SARD_OK && i < n_outs; i++) st = define(c, outs[i], &out[i], err);
    if (st == SARD_OK) st = push_step(c, &s, err);
    if (st != SARD_OK) pw_free(s.fused->prog);
    return st;
}

static sard_status add_nodes(compiler *c, const node_id *order, uint32_t n, sard_error *err);

/* The group as one step. c is over its body; outer: over the graph it stands in. */
static sard_status add_fused(compiler *c, compiler *outer, const node *group, const node_id *order, uint32_t n,
                             sard_error *err) {
    uint32_t heavy = NO_ID, n_outs = 0;
    for (uint32_t i = 0; i < n; i++) {
        const op_def *op = c->g->nodes[order[i]].op;
        if (op->emit && !(op->flags & OP_EPILOGUE)) continue;
        FAIL_IF(heavy != NO_ID || !(op->flags & OP_EPILOGUE), err, SARD_UNSUPPORTED, "no group of operators: %s",
                op->name);
        heavy = i;
    }
    uint32_t *out = NEW(&c->x->mem, group->out.n, uint32_t);
    value_id outs[PW_MAX_OUTPUTS];
    if (!out) return err_nomem(err, group->out.n * sizeof *out);
    value_id stored[PW_MAX_OUTPUTS];
    for (uint32_t i = 0; i < group->out.n && i < c->g->n_outputs; i++) {
        value_id v = node_out(outer->g, group, i);
        if (v == NO_ID || outer->uses[v] == 0) continue;
        FAIL_IF(n_outs == PW_MAX_OUTPUTS, err, SARD_UNSUPPORTED, "a group of too many outputs");
        outs[n_outs] = v;
        stored[n_outs++] = c->g->outputs[i];
    }
    exec_step s = {.kind = heavy == NO_ID ? STEP_PROGRAM : STEP_EPILOGUE, .outer_g = outer->g, .outer_node = group};
    s.g = c->g;
    s.node = &c->g->nodes[order[heavy == NO_ID ? 0 : heavy]];
    s.op = s.node->op;
    s.seed = node_seed(c->g, s.node);
    TRY(make_fused(c, order, n, heavy, stored, n_outs, &s.fused, err));
    sard_status st = SARD_OK;
    if (heavy == NO_ID) {
        s.in = s.fused->ext;
        s.n_in = s.fused->n_ext;
    } else {
        st = use_all(c, s.node->in, &s.in, err);
        s.n_in = s.node->in.n;
        while (s.n_in && s.in && s.in[s.n_in - 1] == NO_ID) s.n_in--;
        if (st == SARD_OK && !pw_tile_ok(s.fused->prog))
            st = err_set(err, SARD_UNSUPPORTED, "the program cannot stand behind a kernel");
    }
    for (uint32_t i = 0; st == SARD_OK && i < n_outs; i++) st = define(outer, outs[i], &out[i], err);
    s.out = out;
    s.n_out = n_outs;
    if (st == SARD_OK) st = check_layout(c, &s, err);
    if (st == SARD_OK) st = push_step(c, &s, err);
    if (st != SARD_OK) pw_free(s.fused->prog);
    return st;
}

/* A group whose nodes make no program (a type programs lack, too many operands) runs node by node. */
static sard_status add_apart(compiler *c, compiler *outer, const node *group, const node_id *order, uint32_t n,
                             sard_error *err) {
    TRY(add_nodes(c, order, n, err));
    for (uint32_t i = 0; i < group->out.n && i < c->g->n_outputs; i++) {
        value_id v = node_out(outer->g, group, i);
        if (v == NO_ID || outer->uses[v] == 0) continue;
        TRY(use(c, c->g->outputs[i], &outer->map[v], err));
    }
    return SARD_OK;
}

/* Frees what belongs to a compiler over a graph. */
static void compiler_deinit(compiler *c) {
    mem_free(c->map);
    mem_free(c->uses);
}

static sard_status compiler_init(compiler *c, exec_model *x, exec_graph *xg, const graph *g, sard_error *err) {
    size_t n = g->n_values ? g->n_values : 1;
    *c = (compiler){.x = x, .xg = xg, .g = g, .map = mem_alloc(n * 4), .uses = mem_alloc(n * 4)};
    if (!c->map || !c->uses) {
        compiler_deinit(c);
        return err_nomem(err, n * 4);
    }
    memset(c->map, 0xff, n * 4);
    graph_count_uses(g, c->uses);
    return SARD_OK;
}

static sard_status add_group(compiler *outer, const node *group, sard_error *err) {
    const graph *body = node_body(outer->g, group, 0);
    FAIL_IF(!body, err, SARD_INTERNAL, "a group without body");
    FAIL_IF(body->n_inputs > group->in.n, err, SARD_INTERNAL, "a group with %u inputs whose body has %u", group->in.n,
            body->n_inputs);
    compiler c;
    TRY(compiler_init(&c, outer->x, outer->xg, body, err));
    node_id *order = NULL;
    uint32_t n = 0;
    sard_status st = graph_order(body, &order, &n, err);
    for (uint32_t i = 0; st == SARD_OK && i < body->n_inputs; i++)
        st = use(outer, node_in(outer->g, group, i), &c.map[body->inputs[i]], err);
    for (uint32_t i = 0; st == SARD_OK && i < body->n_captures; i++)
        st = use(outer, span_ids(outer->g, group->captures)[i], &c.map[body->captures[i]], err);
    if (st == SARD_OK) {
        uint32_t steps = outer->xg->n_steps;
        sard_error why = {0};
        st = outer->x->groups_apart ? SARD_UNSUPPORTED : add_fused(&c, outer, group, order, n, &why);
        if (st == SARD_UNSUPPORTED && steps == outer->xg->n_steps)
            st = add_apart(&c, outer, group, order, n, err);
        else if (st != SARD_OK)
            err_set(err, st, "%s", why.message);
    }
    mem_free(order);
    compiler_deinit(&c);
    return st;
}

static sard_status add_node(compiler *c, node_id id, sard_error *err) {
    const node *n = &c->g->nodes[id];
    if (is_group(n->op)) return add_group(c, n, err);
    if (n->op->emit) {
        sard_status st = add_pointwise(c, n, id, n->op->run ? NULL : err);
        if (st == SARD_OK || !n->op->run) return st;
        if (st != SARD_UNSUPPORTED) return add_pointwise(c, n, id, err);
    }
    return add_plain(c, n, err);
}

/* Adds the nodes somebody needs. */
static sard_status add_nodes(compiler *c, const node_id *order, uint32_t n, sard_error *err) {
    const graph *g = c->g;
    uint8_t *need = mem_calloc(g->n_values + (size_t)n + 1, 1), *run = need + g->n_values;
    if (!need) return err_nomem(err, g->n_values + (size_t)n);
    for (uint32_t i = 0; i < g->n_outputs; i++)
        if (g->outputs[i] != NO_ID) need[g->outputs[i]] = 1;
    for (uint32_t i = n; i-- > 0;) {
        const node *nd = &g->nodes[order[i]];
        for (uint32_t j = 0; j < nd->out.n; j++) {
            value_id v = span_ids(g, nd->out)[j];
            if (v != NO_ID && need[v]) run[i] = 1;
        }
        if (!run[i]) continue;
        for (uint32_t j = 0; j < nd->in.n; j++) {
            value_id v = span_ids(g, nd->in)[j];
            if (v != NO_ID) need[v] = 1;
        }
        for (uint32_t j = 0; j < nd->captures.n; j++) need[span_ids(g, nd->captures)[j]] = 1;
    }
    sard_status st = SARD_OK;
    for (uint32_t i = 0; st == SARD_OK && i < n; i++) {
        if (!run[i]) continue;
        st = mod_check(c->x->m, err);
        if (st == SARD_OK) st = add_node(c, order[i], err);
        if (st != SARD_OK) at_node(g, &g->nodes[order[i]], st, err);
    }
    mem_free(need);
    return st;
}

/* ---- lifetimes ---------------------------------------------------------------------------------------------------- */

static void used_at(exec_graph *xg, uint32_t v, uint32_t step) {
    if (v != NO_ID && xg->vals[v].last < step) xg->vals[v].last = step;
}

static sard_status lifetimes(exec_graph *xg, sard_error *err) {
    for (uint32_t v = 0; v < xg->n_vals; v++) xg->vals[v].last = xg->vals[v].def;
    for (uint32_t k = 0; k < xg->n_steps; k++) {
        const exec_step *s = &xg->steps[k];
        for (uint32_t i = 0; i < s->n_in; i++) used_at(xg, s->in[i], k);
        for (uint32_t i = 0; i < s->n_cap; i++) used_at(xg, s->cap[i], k);
        for (uint32_t i = 0; s->fused && i < s->fused->n_ext; i++) used_at(xg, s->fused->ext[i], k);
    }
    for (uint32_t i = xg->n_outputs; i-- > 0;) {
        xval *v = &xg->vals[xg->outputs[i]];
        v->last = X_OUTPUT;
        v->out = i;
    }
    for (uint32_t k = xg->n_steps; k-- > 0;) { /* a value outlives its views */
        const exec_step *s = &xg->steps[k];
        if (s->view) used_at(xg, s->in[0], xg->vals[s->out[0]].last);
    }
    uint32_t *count = mem_calloc(xg->n_steps + 1u, sizeof *count);
    if (!count) return err_nomem(err, xg->n_steps * sizeof *count);
    for (uint32_t v = 0; v < xg->n_vals; v++)
        if (xg->vals[v].role == X_STEP && xg->vals[v].last < xg->n_steps) count[xg->vals[v].last]++;
    sard_status st = SARD_OK;
    for (uint32_t k = 0; k < xg->n_steps; k++) {
        uint32_t *drop = NEW(&xg->x->mem, count[k], uint32_t);
        if (!drop) st = err_nomem(err, count[k] * sizeof *drop);
        xg->steps[k].drop = drop;
    }
    for (uint32_t v = 0; st == SARD_OK && v < xg->n_vals; v++) {
        if (xg->vals[v].role != X_STEP || xg->vals[v].last >= xg->n_steps) continue;
        exec_step *s = &xg->steps[xg->vals[v].last];
        uint32_t *drop = (uint32_t *)(uintptr_t)s->drop;
        drop[s->n_drop++] = v;
    }
    mem_free(count);
    return st;
}

/* ---- preparing ---------------------------------------------------------------------------------------------------- */

static sard_status prepare_step(exec_graph *xg, exec_step *s, sard_error *err) {
    if (s->kind == STEP_PROGRAM || !s->op->prepare) return SARD_OK;
    uint32_t n_out = s->node->out.n, n_in = s->n_in;
    size_t bytes = n_in * (sizeof(void *) * 2 + 1) + n_out * (sizeof(vtype) + 2) + 8;
    char *block = mem_calloc(bytes, 1);
    if (!block) return err_nomem(err, bytes);
    vtype *out = (vtype *)(void *)block;
    const vtype **in = (const vtype **)(void *)(out + n_out);
    const tensor **in_const = (const tensor **)(void *)(in + n_in);
    uint8_t *in_order = (uint8_t *)(in_const + n_in), *out_order = in_order + n_in;
    bool *wanted = (bool *)(out_order + n_out);
    for (uint32_t i = 0; i < n_in; i++) {
        if (s->in[i] == NO_ID) continue;
        const xval *v = &xg->vals[s->in[i]];
        in[i] = v->type;
        in_order[i] = v->order;
        if (v->role == X_CONST && v->fixed && v->kind == SARD_KIND_TENSOR) in_const[i] = &v->constant->t;
    }
    for (uint32_t i = 0; i < n_out; i++) {
        value_id v = node_out(s->g, s->node, i);
        out[i] = v == NO_ID ? type_unknown() : s->g->values[v].type;
        wanted[i] = s->kind == STEP_EPILOGUE ? i == 0 : s->out[i] != NO_ID;
        if (i < s->n_out && s->out[i] != NO_ID) out_order[i] = xg->vals[s->out[i]].order;
    }
    op_prep p = {.mod = s->g->mod,
                 .g = s->g,
                 .node = s->node,
                 .in = in,
                 .in_const = in_const,
                 .n_in = n_in,
                 .out = out,
                 .wanted = wanted,
                 .n_out = n_out,
                 .epilogue = s->kind == STEP_EPILOGUE ? s->fused->prog : NULL,
                 .in_order = in_order,
                 .out_order = out_order,
                 .flags = xg->x->opt.overridable ? PREP_NO_PACK : 0,
                 .packed = &xg->x->packed};
    sard_status st = s->op->prepare(&p, &s->state, err);
    mem_free(block);
    return st == SARD_OK ? SARD_OK : at_node(s->outer_g, s->outer_node, st, err);
}

static sard_status finish_graph(exec_graph *xg, sard_error *err) {
    TRY(lifetimes(xg, err));
    for (uint32_t k = 0; k < xg->n_steps; k++) {
        TRY(mod_check(xg->x->m, err));
        TRY(prepare_step(xg, &xg->steps[k], err));
    }
    xg->x->n_steps += xg->n_steps;
    return SARD_OK;
}

/* ---- graphs ------------------------------------------------------------------------------------------------------- */

/* The list doubles in the arena: it has room for a power of two. */
static sard_status room_for_graph(exec_model *x, sard_error *err) {
    const uint32_t n = x->n_graphs;
    if (n & (n - 1)) return SARD_OK;
    exec_graph **all = NEW(&x->mem, n ? 2 * (size_t)n : 1, exec_graph *);
    if (!all) return err_nomem(err, n * sizeof *all);
    if (n) memcpy(all, x->graphs, n * sizeof *all);
    x->graphs = all;
    return SARD_OK;
}

static sard_status new_graph(exec_model *x, exec_graph *outer, uint32_t n_in, uint32_t n_cap, uint32_t n_out,
                             exec_graph **out, sard_error *err) {
    exec_graph *xg = NEW(&x->mem, 1, exec_graph);
    if (!xg) return err_nomem(err, sizeof *xg);
    xg->x = x;
    xg->outer = outer;
    xg->depth = outer ? outer->depth + 1 : 0;
    xg->least_arena = SIZE_MAX;
    FAIL_IF(xg->depth > MAX_DEPTH, err, SARD_UNSUPPORTED, "bodies nested more than %d deep", MAX_DEPTH);
    xg->inputs = NEW(&x->mem, n_in, uint32_t);
    xg->captures = NEW(&x->mem, n_cap, uint32_t);
    xg->outputs = NEW(&x->mem, n_out, uint32_t);
    if (!xg->inputs || !xg->captures || !xg->outputs) return err_nomem(err, n_in + n_cap + n_out);
    TRY(room_for_graph(x, err));
    pthread_mutex_init(&xg->lock, NULL);
    x->graphs[x->n_graphs++] = xg;
    *out = xg;
    return SARD_OK;
}

static sard_status add_inputs(compiler *c, exec_graph *outer, const uint32_t *cap, sard_error *err) {
    const graph *g = c->g;
    exec_graph *xg = c->xg;
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        const value *v = &g->values[g->inputs[i]];
        FAIL_IF(c->map[g->inputs[i]] != NO_ID, err, SARD_INVALID_MODEL, "input '%s' stands there twice",
                mod_str(g->mod, v->name));
        uint32_t id;
        TRY(new_val(xg, X_INPUT, g->inputs[i], &v->type, ORDER_ROW, &id, err));
        if (v->constant != NO_ID) TRY(set_constant(c->x, &xg->vals[id], g->mod->constants[v->constant].v, false, err));
        c->map[g->inputs[i]] = xg->inputs[xg->n_inputs++] = id;
    }
    for (uint32_t i = 0; i < g->n_captures; i++) {
        const value *v = &g->values[g->captures[i]];
        const xval *from = &outer->vals[cap[i]];
        uint32_t id;
        bool fixed = from->role == X_CONST && from->fixed;
        TRY(new_val(xg, fixed ? X_CONST : X_CAPTURE, g->captures[i], &v->type, from->order, &id, err));
        from = &outer->vals[cap[i]];
        if (fixed) TRY(set_constant(c->x, &xg->vals[id], from->constant, true, err));
        c->map[g->captures[i]] = xg->captures[xg->n_captures++] = id;
    }
    return SARD_OK;
}

static sard_status fill_graph(compiler *c, const graph *g, exec_graph *outer, const uint32_t *cap, sard_error *err) {
    TRY(add_inputs(c, outer, cap, err));
    node_id *order;
    uint32_t n;
    TRY(graph_order(g, &order, &n, err));
    sard_status st = add_nodes(c, order, n, err);
    mem_free(order);
    TRY(st);
    for (uint32_t i = 0; i < g->n_outputs; i++) {
        FAIL_IF(g->outputs[i] == NO_ID, err, SARD_INVALID_MODEL, "output %u is left out", i);
        TRY(use(c, g->outputs[i], &c->xg->outputs[i], err));
        c->xg->n_outputs++;
    }
    return finish_graph(c->xg, err);
}

static sard_status compile_graph(exec_model *x, const graph *g, exec_graph *outer, const uint32_t *cap, uint32_t n_cap,
                                 exec_graph **out, sard_error *err) {
    FAIL_IF(!g, err, SARD_INTERNAL, "a body that is not there");
    FAIL_IF(g->n_captures != n_cap, err, SARD_INTERNAL, "a body with %u captures given %u", g->n_captures, n_cap);
    exec_graph *xg;
    TRY(new_graph(x, outer, g->n_inputs, n_cap, g->n_outputs, &xg, err));
    compiler c;
    TRY(compiler_init(&c, x, xg, g, err));
    sard_status st = fill_graph(&c, g, outer, cap, err);
    compiler_deinit(&c);
    *out = xg;
    return st;
}

/* ---- the model ---------------------------------------------------------------------------------------------------- */

static void graph_deinit(exec_graph *xg) {
    for (uint32_t k = 0; k < xg->n_steps; k++) {
        const exec_step *s = &xg->steps[k];
        if (s->state && s->op->drop) s->op->drop(s->state);
        if (s->fused) pw_free(s->fused->prog);
    }
    while (xg->frames) {
        frame *f = xg->frames;
        xg->frames = f->next;
        frame_free(f);
    }
    for (uint32_t i = 0; i < xg->n_plans; i++) plan_unref(xg->plans[i]);
    plan_unref(xg->spare);
    if (xg->idle) planner_deinit(xg->idle);
    mem_free(xg->idle);
    pthread_mutex_destroy(&xg->lock);
    mem_free(atomic_load(&xg->int_inputs));
    mem_free(xg->steps);
    mem_free(xg->vals);
}

void exec_model_deinit(exec_model *x) {
    for (uint32_t i = 0; i < x->n_graphs; i++) graph_deinit(x->graphs[i]);
    arena_free(&x->mem);
}

void exec_free(exec_model *x) {
    if (!x) return;
    exec_free(atomic_load(&x->apart));
    pthread_mutex_destroy(&x->apart_lock);
    exec_model_deinit(x);
    mem_free(x);
}

size_t exec_packed_bytes(const exec_model *x) { return x->packed; }
uint64_t exec_steps(const exec_model *x) { return x->n_steps; }

/* A small model keeps little between runs, so that one large batch does not stay in memory. */
static size_t arena_to_keep(const module *m) {
    size_t weights = 0;
    for (uint32_t i = 0; i < m->n_constants; i++) {
        const tensor *t = mod_const_tensor(m, i);
        if (t) weights += tensor_bytes(t);
    }
    return ((size_t)2 << 20) + weights / 16;
}

static sard_status compile_model(const module *m, const exec_options *o, bool groups_apart, exec_model **out,
                                 sard_error *err) {
    exec_model *x = mem_calloc(1, sizeof *x);
    if (!x) return err_nomem(err, sizeof *x);
    arena_init(&x->mem);
    pthread_mutex_init(&x->apart_lock, NULL);
    x->m = m;
    x->groups_apart = groups_apart;
    if (o) x->opt = *o;
    x->keep = arena_to_keep(m);
    sard_status st = compile_graph(x, module_main(m), NULL, NULL, 0, &x->main, err);
    if (st != SARD_OK) {
        exec_free(x);
        return st;
    }
    *out = x;
    return SARD_OK;
}

sard_status exec_compile(const module *m, const exec_options *o, exec_model **out, sard_error *err) {
    return compile_model(m, o, false, out, err);
}

/* Groups are formed by what the model says of shapes. Where it is loose (two inputs share the name of a dimension and
 * differ in it), a run may find that a group's nodes differ in shape; such runs take the nodes one by one. */
sard_status exec_apart(exec_model *x, exec_model **out, sard_error *err) {
    pthread_mutex_lock(&x->apart_lock);
    *out = atomic_load(&x->apart);
    sard_status st = *out ? SARD_OK : compile_model(x->m, &x->opt, true, out, err);
    if (st == SARD_OK) atomic_store(&x->apart, *out);
    pthread_mutex_unlock(&x->apart_lock);
    return st;
}

/* One node whose inputs are the values given: a graph of one step, all its inputs constants. */
sard_status exec_compile_node(exec_model *x, const graph *g, node_id id, sard_value *const *in, uint32_t n_in,
                              uint32_t n_out, exec_graph **out, sard_error *err) {
    const node *n = &g->nodes[id];
    exec_graph *xg;
    TRY(new_graph(x, NULL, 0, 0, n_out, &xg, err));
    compiler c;
    TRY(compiler_init(&c, x, xg, g, err));
    sard_status st = SARD_OK;
    for (uint32_t i = 0; st == SARD_OK && i < n->in.n && i < n_in; i++) {
        value_id v = node_in(g, n, i);
        if (v == NO_ID || !in[i] || c.map[v] != NO_ID) continue;
        st = new_val(xg, X_CONST, v, &g->values[v].type, ORDER_ROW, &c.map[v], err);
        if (st == SARD_OK) st = set_constant(x, &xg->vals[c.map[v]], in[i], true, err);
    }
    for (uint32_t i = 0; i < n_out && i < n->out.n; i++) /* all outputs are wanted */
        if (node_out(g, n, i) != NO_ID) c.uses[node_out(g, n, i)]++;
    if (st == SARD_OK) st = add_node(&c, id, err);
    if (st != SARD_OK) at_node(g, n, st, err);
    for (uint32_t i = 0; st == SARD_OK && i < n_out; i++) {
        value_id v = node_out(g, n, i);
        if (v == NO_ID || c.map[v] == NO_ID) continue;
        xg->outputs[xg->n_outputs++] = c.map[v];
    }
    if (st == SARD_OK) st = finish_graph(xg, err);
    compiler_deinit(&c);
    *out = xg;
    return st;
}
