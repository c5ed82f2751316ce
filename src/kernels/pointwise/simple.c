/*
 * simple.c -- programs that heavy kernels can do in registers: an operand added, then limits. They are most of what
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

static bool is_input(const pw_builder *b, pw_val v, int which) {
    return b->v[v].kind == PW_KIND_INPUT && b->v[v].type == SARD_F32 && (b->v[v].arg[0] == 0) == (which == 0);
}

bool pw_simple_find(const pw_builder *b, pw_simple *out) {
    *out = (pw_simple){.add = -1};
    if (b->n_out != 1 || b->v[b->out[0]].type != SARD_F32) return false;
    pw_val v = b->out[0];
    take_limit(b, PW_MIN, &v, &out->hi);
    take_limit(b, PW_MAX, &v, &out->lo);
    const pw_ins *i = &b->v[v];
    if (i->kind == PW_KIND_OP && i->op == PW_ADD && i->type == SARD_F32) {
        const bool first = is_input(b, i->arg[0], 0);
        const pw_val other = first ? i->arg[1] : i->arg[0];
        if (!is_input(b, i->arg[first ? 0 : 1], 0) || !is_input(b, other, 1)) return false;
        out->add = b->v[other].arg[0];
    } else if (!is_input(b, v, 0)) {
        return false;
    }
    return true;
}

const pw_simple *pw_program_simple(const pw_program *p) { return p->is_simple ? &p->simple : NULL; }
