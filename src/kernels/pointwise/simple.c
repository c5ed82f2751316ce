/*
 * simple.c -- programs that heavy kernels can do in registers: one or two operands added, then limits. They are most of what
 * stands behind convolutions (Relu, Clip, a residual), and cheaper there than on a finished tile.
 */
#include <math.h>

#include "kernels/pointwise/program.h"

/* `v` is op(bound, x) with a bound that is a constant or an input other than 0; then *v becomes x. */
static bool take_limit(const pw_builder *b, int op, pw_val *v, pw_limit *limit) {
    const pw_ins *i = &b->v[*v];
    if (i->kind != PW_KIND_OP || i->op != op || i->type != SARD_F32) return false;
    const pw_ins *bound = &b->v[i->arg[0]];
    if (bound->type != SARD_F32) return false;
    *limit = (pw_limit){.there = true, .input = -1};
    if (bound->kind == PW_KIND_INPUT && bound->arg[0] != 0)
        limit->input = bound->arg[0];
    else if (bound->kind == PW_KIND_CONST && !isnan(bound->c.f))
        limit->value = (float)bound->c.f;
    else
        return false;
    *v = i->arg[1];
    return true;
}

/* `v` is x + operand or operand + x; then *v becomes x, and the operand's input number is returned. -1: it is not. */
static int take_sum(const pw_builder *b, pw_val *v) {
    const pw_ins *i = &b->v[*v];
    if (i->kind != PW_KIND_OP || i->op != PW_ADD || i->type != SARD_F32) return -1;
    for (int k = 1; k >= 0; k--) {
        const pw_ins *o = &b->v[i->arg[k]];
        if (o->kind != PW_KIND_INPUT || o->type != SARD_F32 || o->arg[0] == 0) continue;
        *v = i->arg[1 - k];
        return o->arg[0];
    }
    return -1;
}

bool pw_simple_find(const pw_builder *b, pw_simple *out) {
    *out = (pw_simple){.add = {-1, -1}};
    if (b->n_out != 1 || b->v[b->out[0]].type != SARD_F32) return false;
    pw_val v = b->out[0];
    take_limit(b, PW_MIN, &v, &out->hi);
    take_limit(b, PW_MAX, &v, &out->lo);
    const int last = take_sum(b, &v), first = take_sum(b, &v);
    out->add[0] = (int16_t)(first >= 0 ? first : last);
    out->add[1] = (int16_t)(first >= 0 ? last : -1);
    return b->v[v].kind == PW_KIND_INPUT && b->v[v].arg[0] == 0 && b->v[v].type == SARD_F32;
}

const pw_simple *pw_program_simple(const pw_program *p) { return p->is_simple ? &p->simple : NULL; }
