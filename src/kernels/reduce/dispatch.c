/*
 * dispatch.c -- the rows of list.inc as a table.
 */
#include <stddef.h>

#include "kernels/reduce/kernels.h"

#define ROW(level, suffix) extern const reduce_kernels reduce_kernels_##suffix;
#include "kernels/reduce/list.inc"
#undef ROW

static const struct {
    isa level;
    const reduce_kernels *k;
} ROWS[] = {
#define ROW(level, suffix) {level, &reduce_kernels_##suffix},
#include "kernels/reduce/list.inc"
#undef ROW
};

const reduce_kernels *reduce_kernels_for(isa level) {
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
        if (ROWS[i].level == level) return ROWS[i].k;
    return NULL;
}

const reduce_kernels *reduce_kernels_best(void) {
    for (size_t i = 0; i + 1 < sizeof ROWS / sizeof *ROWS; i++)
        if (cpu_has(ROWS[i].level)) return ROWS[i].k;
    return &reduce_kernels_ref;
}
