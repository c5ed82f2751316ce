/*
 * ref.c -- the plain interpreter of a builder, one element after the other: the oracle of the compiled programs.
 */
#include "kernels/pointwise/program.h"
#include "kernels/pointwise/stage.h"

static pw_cell value(const pw_builder *b, int v, const pw_cell *done) {
    const pw_ins *x = &b->v[v];
    pw_cell arg[3] = {{.i = 0}, {.i = 0}, {.i = 0}};
    int n = pw_operands((pw_opcode)x->op);
    for (int k = 0; k < n; k++) arg[k] = done[x->arg[k]];
    pw_type from = pw_type_of(b, x->arg[x->op == PW_WHERE ? 1 : 0]);
    return pw_eval((pw_opcode)x->op, (pw_type)x->type, from, x->flags, arg);
}

sard_status pw_run_ref(const pw_builder *b, const pw_geom *g, const void *const *in, void *const *out,
                       sard_error *err) {
    if (b->status != SARD_OK) return err_set(err, b->status, "%s", b->why);
    pw_cell done[PW_MAX_VALUES];
    for (int64_t e = 0; e < g->total; e++) {
        for (int v = 0; v < b->n; v++) {
            const pw_ins *x = &b->v[v];
            if (x->kind == PW_KIND_INPUT)
                done[v] =
                    pw_load_cell((pw_type)x->type, in[x->arg[0]], pw_offset(g->dim, g->in[x->arg[0]], g->rank, e));
            else if (x->kind == PW_KIND_CONST)
                done[v] = pw_const_cell(x);
            else
                done[v] = value(b, v, done);
        }
        for (int i = 0; i < b->n_out; i++)
            pw_store_cell(pw_type_of(b, b->out[i]), out[i], pw_offset(g->dim, g->out[i], g->rank, e), done[b->out[i]]);
    }
    return SARD_OK;
}
