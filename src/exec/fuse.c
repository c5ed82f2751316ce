/*
 * fuse.c -- the pointwise program of one node or of a group of nodes.
 *
 * Every node emits into one builder, in order: its inputs are the registers of what came before, constants of one
 * element become constants of the program, everything else an input. Behind a heavy node the program's input 0 is the
 * kernel's own element, in the wide type; the rounding of a 16-bit node is the program's first instruction.
 */
#include "exec/model.h"

#include <string.h>

enum { FUSE_VALUES = 1024, FUSE_ARGS = 64 }; /* more than any program's limits let through */

typedef struct fusion {
    const fuse_src *s;
    pw_builder b;
    uint32_t n;
    value_id id[FUSE_VALUES]; /* values that have a register */
    pw_val reg[FUSE_VALUES];
    value_id *operand;
    uint32_t n_operand;
} fusion;

static sard_status remember(fusion *f, value_id v, pw_val r, sard_error *err) {
    FAIL_IF(f->n == FUSE_VALUES, err, SARD_UNSUPPORTED, "a group of more than %d values", FUSE_VALUES);
    f->id[f->n] = v;
    f->reg[f->n++] = r;
    return SARD_OK;
}

/* Constants of one element whose value a program can hold exactly. */
static bool constant_reg(fusion *f, const tensor *t, pw_val *r) {
    if (!t || !t->buf || tensor_count(t) != 1) return false;
    pw_type ty = (pw_type)t->dtype;
    if (pw_is_float(ty))
        *r = pw_const(&f->b, ty, tensor_get_f64(t, 0));
    else if (pw_is_int(ty) || ty == SARD_BOOL)
        *r = pw_const_i(&f->b, ty, tensor_get_i64(t, 0));
    else
        return false;
    return true;
}

static sard_status value_reg(fusion *f, value_id v, pw_val *r, sard_error *err) {
    for (uint32_t i = f->n; i-- > 0;)
        if (f->id[i] == v) {
            *r = f->reg[i];
            return SARD_OK;
        }
    if (!constant_reg(f, f->s->constant(f->s->arg, v), r)) {
        const vtype *t = f->s->type(f->s->arg, v);
        FAIL_IF(t->kind != SARD_KIND_TENSOR || !t->dtype, err, SARD_UNSUPPORTED, "an operand of unknown type");
        FAIL_IF(f->n_operand == PW_MAX_INPUTS, err, SARD_UNSUPPORTED, "more than %d operands", PW_MAX_INPUTS);
        *r = pw_input(&f->b, (pw_type)t->dtype);
        f->operand[f->n_operand++] = v;
    }
    return remember(f, v, *r, err);
}

static sard_status emit_node(fusion *f, const node *n, sard_error *err) {
    const graph *g = f->s->g;
    const vtype *types[FUSE_ARGS] = {0};
    const tensor *consts[FUSE_ARGS] = {0};
    vtype out_types[PW_MAX_OUTPUTS];
    bool wanted[PW_MAX_OUTPUTS] = {0};
    pw_val in[FUSE_ARGS], out[FUSE_ARGS];
    uint8_t order[FUSE_ARGS] = {0};
    FAIL_IF(n->in.n > FUSE_ARGS || n->op->n_in > FUSE_ARGS, err, SARD_UNSUPPORTED, "more than %d operands", FUSE_ARGS);
    FAIL_IF(n->out.n > PW_MAX_OUTPUTS, err, SARD_UNSUPPORTED, "more than %d outputs", PW_MAX_OUTPUTS);
    for (uint32_t i = 0; i < FUSE_ARGS; i++) in[i] = out[i] = PW_NONE;
    for (uint32_t i = 0; i < n->in.n; i++) {
        value_id v = node_in(g, n, i);
        if (v == NO_ID) continue;
        types[i] = f->s->type(f->s->arg, v);
        consts[i] = f->s->constant(f->s->arg, v);
        TRY(value_reg(f, v, &in[i], err));
    }
    for (uint32_t i = 0; i < n->out.n; i++) {
        value_id v = node_out(g, n, i);
        out_types[i] = v == NO_ID ? type_unknown() : *f->s->type(f->s->arg, v);
        wanted[i] = v != NO_ID;
    }
    op_prep p = {.mod = f->s->m,
                 .g = g,
                 .node = n,
                 .in = types,
                 .in_const = consts,
                 .n_in = n->in.n,
                 .out = out_types,
                 .wanted = wanted,
                 .n_out = n->out.n,
                 .in_order = order,
                 .out_order = order};
    TRY(n->op->emit(&p, &f->b, in, out, err));
    for (uint32_t i = 0; i < n->out.n; i++) {
        value_id v = node_out(g, n, i);
        if (v != NO_ID && out[i] != PW_NONE) TRY(remember(f, v, out[i], err));
    }
    return SARD_OK;
}

/* Input 0: what the kernel computes, not yet rounded to its output's type. */
static sard_status heavy_input(fusion *f, const node *n, sard_error *err) {
    value_id v = node_out(f->s->g, n, 0);
    FAIL_IF(v == NO_ID, err, SARD_UNSUPPORTED, "a heavy node without output 0");
    const vtype *t = f->s->type(f->s->arg, v);
    FAIL_IF(t->kind != SARD_KIND_TENSOR || !t->dtype, err, SARD_UNSUPPORTED, "a heavy node of unknown type");
    pw_type ty = (pw_type)t->dtype;
    pw_val r = pw_input(&f->b, pw_wide(ty));
    f->operand[f->n_operand++] = NO_ID;
    if (pw_wide(ty) != ty) r = pw_op1(&f->b, PW_COPY, ty, r);
    return remember(f, v, r, err);
}

static sard_status build(fusion *f, const node_id *nodes, uint32_t n, uint32_t heavy, const value_id *outs,
                         uint32_t n_outs, pw_program **prog, sard_error *err) {
    const graph *g = f->s->g;
    if (heavy != NO_ID) TRY(heavy_input(f, &g->nodes[nodes[heavy]], err));
    for (uint32_t i = 0; i < n; i++)
        if (i != heavy) TRY(emit_node(f, &g->nodes[nodes[i]], err));
    for (uint32_t i = 0; i < n_outs; i++) {
        pw_val r;
        TRY(value_reg(f, outs[i], &r, err));
        pw_output(&f->b, r);
    }
    TRY(pw_check(&f->b, err));
    for (uint32_t i = 0; i < n_outs; i++) {
        const vtype *t = f->s->type(f->s->arg, outs[i]);
        pw_type got = pw_type_of(&f->b, f->b.out[i]);
        FAIL_IF(t->dtype && t->dtype != got, err, SARD_INTERNAL, "a program gives %s where the graph says %s",
                dtype_short(got), dtype_short(t->dtype));
    }
    return pw_compile(&f->b, prog, err);
}

sard_status fuse_program(const fuse_src *s, const node_id *nodes, uint32_t n, uint32_t heavy, const value_id *outs,
                         uint32_t n_outs, pw_program **prog, value_id *operand, uint32_t *n_operand, sard_error *err) {
    FAIL_IF(n_outs == 0 || n_outs > PW_MAX_OUTPUTS, err, SARD_UNSUPPORTED, "a group with %u outputs", n_outs);
    fusion *f = mem_alloc(sizeof *f);
    if (!f) return err_nomem(err, sizeof *f);
    f->s = s;
    f->n = f->n_operand = 0;
    f->operand = operand;
    pw_init(&f->b);
    *prog = NULL;
    sard_status st = build(f, nodes, n, heavy, outs, n_outs, prog, err);
    *n_operand = f->n_operand;
    mem_free(f);
    return st;
}
