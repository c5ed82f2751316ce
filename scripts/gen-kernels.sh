#!/bin/sh
# gen-kernels.sh KERNELS_FOLDER OUTPUT.c -- writes the table of kernels from the rows of KERNELS_FOLDER/*/list.inc:
# MACRO(ISA_level, name, ...). Conditionals are kept; a name that does not begin with its family gets it in front. The
# output is touched only when it changes.
set -eu
folder=$1 out=$2
mkdir -p "$(dirname "$out")"
{
    echo '/* Written by scripts/gen-kernels.sh. */'
    echo '#include "kernels/list.h"'
    echo 'const kernel_row kernel_table[] = {'
    for list in "$folder"/*/list.inc; do
        [ -f "$list" ] || continue
        family=$(basename "$(dirname "$list")")
        sed -n -e '/^#/p' -e "s/^\([A-Z][A-Z0-9_]*\)(\(ISA_[A-Z0-9_]*\), *\([a-z0-9_]*\).*/    {\"$family\", \"\1\", \"\3\", \2},/p" "$list"
    done
    echo '    {0, 0, 0, ISA_REF},'
    echo '};'
    echo 'const size_t kernel_table_n = sizeof kernel_table / sizeof *kernel_table - 1;'
} > "$out.new"
if cmp -s "$out.new" "$out"; then rm "$out.new"; else mv "$out.new" "$out"; fi
