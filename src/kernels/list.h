/*
 * list.h -- all kernels of this build in one table.
 *
 * The build reads src/kernels/<family>/list.inc, whose rows are MACRO(level, name, ...), best first, and whose
 * conditionals it keeps. Rows of one macro in one family are alternatives: the first that the machine has is used.
 */
#ifndef SARD_KERNELS_LIST_H
#define SARD_KERNELS_LIST_H

#include <stddef.h>

#include "base/cpu.h"

typedef struct kernel_row {
    const char *family, *group, *name;
    isa level;
} kernel_row;
extern const kernel_row kernel_table[];
extern const size_t kernel_table_n;

#endif
