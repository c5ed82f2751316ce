/*
 * analyze.c -- which lane class a builder needs, and whether it fits one program.
 */
#include "kernels/pointwise/program.h"

static bool wide_type(pw_type t) { return pw_bits(t) == 64; }

/* A 64-bit value can stay outside of 32-bit lanes when it is an input that is only cast down, or a cast result that is
 * only an output. */
static bool stays_outside(const pw_builder *b, pw_val v) {
    const pw_ins *x = &b->v[v];
    bool from_cast = x->kind == PW_KIND_OP && x->op == PW_CAST;
    if (x->kind == PW_KIND_OP && (!from_cast || wide_type(pw_type_of(b, x->arg[0])))) return false;
    for (int i = 0; i < b->n; i++) {
        const pw_ins *u = &b->v[i];
        for (int k = 0; u->kind == PW_KIND_OP && k < pw_operands((pw_opcode)u->op); k++)
            if (u->arg[k] == v && (from_cast || u->op != PW_CAST || wide_type((pw_type)u->type))) return false;
    }
    for (int i = 0; i < b->n_out; i++)
        if (b->out[i] == v && !from_cast) return false;
    return true;
}

static void needs(const pw_builder *b, pw_class *c) {
    for (int i = 0; i < b->n; i++) {
        const pw_ins *v = &b->v[i];
        if (v->kind == PW_KIND_OP && v->op != PW_CAST) {
            pw_type t = (pw_type)v->type;
            if (t == SARD_BOOL) t = pw_type_of(b, v->arg[0]); /* comparisons, predicates */
            if (v->op == PW_WHERE) t = (pw_type)v->type;
            if (wide_type(t))
                c->need64 = true;
            else if (t != SARD_BOOL)
                c->need32 = true;
        }
        if (wide_type((pw_type)v->type) && !stays_outside(b, i)) c->need64 = true;
    }
}

static int sources(const pw_builder *b) { /* an upper bound */
    int n = b->n_in;
    for (int i = 0; i < b->n; i++)
        n += b->v[i].kind == PW_KIND_OP && b->v[i].op == PW_CAST && b->v[b->v[i].arg[0]].kind == PW_KIND_INPUT;
    return n;
}

sard_status pw_classify(const pw_builder *b, pw_class *c, sard_error *err) {
    *c = (pw_class){0};
    if (b->status != SARD_OK) return err_set(err, b->status, "%s", b->why);
    FAIL_IF(b->n_out == 0, err, SARD_INTERNAL, "pointwise program without outputs");
    needs(b, c);
    FAIL_IF(c->need32 && c->need64, err, SARD_UNSUPPORTED,
            "pointwise program computes in 32-bit and in 64-bit types: it has to be split");
    c->lane_bits = c->need64 ? 64 : 32;
    int consts = 0;
    for (int i = 0; i < b->n; i++) consts += b->v[i].kind == PW_KIND_CONST;
    FAIL_IF(consts > PW_MAX_OWN_CONSTS || sources(b) > PW_MAX_SOURCES, err, SARD_UNSUPPORTED,
            "pointwise program too large: %d constants, %d sources", consts, sources(b));
    return SARD_OK;
}

bool pw_joinable(const pw_builder *b, const pw_builder *more) {
    if (b->status != SARD_OK || more->status != SARD_OK) return false;
    if (b->n + more->n > PW_MAX_VALUES || b->n_in + more->n_in > PW_MAX_INPUTS ||
        b->n_out + more->n_out > PW_MAX_OUTPUTS)
        return false;
    pw_class c = {0};
    needs(b, &c), needs(more, &c);
    return !(c.need32 && c.need64);
}
