/*
 * dispatch.c -- the rows of list.inc as a table.
 */
#include <stddef.h>

#include "kernels/norm/kernels.h"

#define ROW(level, suffix) extern const norm_kernels norm_kernels_##suffix;
#include "kernels/norm/list.inc"
#undef ROW

static const struct {
    isa level;
    const norm_kernels *k;
} ROWS[] = {
#define ROW(level, suffix) {level, &norm_kernels_##suffix},
#include "kernels/norm/list.inc"
#undef ROW
};

const norm_kernels *norm_kernels_for(isa level) {
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
        if (ROWS[i].level == level) return ROWS[i].k;
    return NULL;
}

const norm_kernels *norm_kernels_best(void) {
    for (size_t i = 0; i + 1 < sizeof ROWS / sizeof *ROWS; i++)
        if (cpu_has(ROWS[i].level)) return ROWS[i].k;
    return &norm_kernels_ref;
}
