/*
 * dispatch.c -- the rows of list.inc as a table.
 */
#include <stddef.h>

#include "kernels/tree/forest.h"

#define ROW(level, suffix) extern const tree_kernels tree_kernels_##suffix;
#include "kernels/tree/list.inc"
#undef ROW

static const struct {
    isa level;
    const tree_kernels *k;
} ROWS[] = {
#define ROW(level, suffix) {level, &tree_kernels_##suffix},
#include "kernels/tree/list.inc"
#undef ROW
};

const tree_kernels *tree_kernels_for(isa level) {
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
        if (ROWS[i].level == level) return ROWS[i].k;
    return NULL;
}

const tree_kernels *tree_kernels_best(void) {
    for (size_t i = 0; i + 1 < sizeof ROWS / sizeof *ROWS; i++)
        if (cpu_has(ROWS[i].level)) return ROWS[i].k;
    return &tree_kernels_ref;
}
