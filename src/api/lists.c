/*
 * lists.c -- what this build offers: operators and kernels.
 */
#include "api/api.h"
#include "kernels/list.h"

static const char *op_kind(const op_def *op) {
    if (op->flags & OP_BODY) return "control";
    if (op->emit) return "pointwise";
    return op->lower ? "composed" : "primitive";
}

/* The i-th operator that may stand in a file. */
static const op_def *public_op(size_t i) {
    for (uint32_t k = 0; k < op_table_n; k++)
        if (!(op_table[k]->flags & OP_INTERNAL) && i-- == 0) return op_table[k];
    return NULL;
}

size_t sard_op_count(void) {
    size_t n = 0;
    for (uint32_t k = 0; k < op_table_n; k++) n += !(op_table[k]->flags & OP_INTERNAL);
    return n;
}

void sard_op_get(size_t i, sard_op_info *out) {
    const op_def *op = public_op(i);
    *out = (sard_op_info){0};
    if (op) *out = (sard_op_info){op->domain, op->name, op->doc ? op->doc : "", op->since, op_kind(op)};
}

/* ---- kernels ------------------------------------------------------------------------------------------------------ */

size_t sard_kernel_count(void) { return kernel_table_n; }

/* Chosen: the first of its group that this process may use. */
static bool is_chosen(size_t i) {
    const kernel_row *row = &kernel_table[i];
    if (!cpu_has(row->level)) return false;
    for (size_t k = 0; k < i; k++) {
        const kernel_row *better = &kernel_table[k];
        if (strcmp(better->family, row->family) == 0 && strcmp(better->group, row->group) == 0 &&
            cpu_has(better->level))
            return false;
    }
    return true;
}

void sard_kernel_get(size_t i, sard_kernel_info *out) {
    *out = (sard_kernel_info){0};
    if (i >= kernel_table_n) return;
    const kernel_row *row = &kernel_table[i];
    *out = (sard_kernel_info){row->family, row->name, isa_name(row->level), is_chosen(i)};
}
