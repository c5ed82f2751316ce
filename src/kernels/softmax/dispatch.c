/*
 * dispatch.c -- the rows of list.inc as a table.
 */
#include <stddef.h>

#include "kernels/softmax/kernels.h"

#define ROW(level, suffix) extern const softmax_kernels softmax_kernels_##suffix;
#include "kernels/softmax/list.inc"
#undef ROW

static const struct {
    isa level;
    const softmax_kernels *k;
} ROWS[] = {
#define ROW(level, suffix) {level, &softmax_kernels_##suffix},
#include "kernels/softmax/list.inc"
#undef ROW
};

const softmax_kernels *softmax_kernels_for(isa level) {
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
        if (ROWS[i].level == level) return ROWS[i].k;
    return NULL;
}

const softmax_kernels *softmax_kernels_best(void) {
    for (size_t i = 0; i + 1 < sizeof ROWS / sizeof *ROWS; i++)
        if (cpu_has(ROWS[i].level)) return ROWS[i].k;
    return &softmax_kernels_ref;
}
