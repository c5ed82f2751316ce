#!/bin/sh
# gen-ops.sh OPS_FOLDER OUTPUT.c -- writes the table of built-in operators.
# An operator is a line `const op_def op_<name> =` at the start of a line in OPS_FOLDER/*.c. The output is touched only
# when it changes.
set -eu
folder=$1 out=$2
names=$(cat /dev/null "$folder"/*.c 2>/dev/null | sed -n 's/^const op_def \(op_[a-z0-9_]*\) =.*/\1/p' | LC_ALL=C sort)
mkdir -p "$(dirname "$out")"
{
    echo '/* Written by scripts/gen-ops.sh. */'
    echo '#include "graph/op.h"'
    for n in $names; do echo "extern const op_def $n;"; done
    echo 'extern const op_def *const op_table[];'
    echo 'extern const uint32_t op_table_n;'
    echo 'const op_def *const op_table[] = {'
    for n in $names; do echo "    &$n,"; done
    echo '    NULL,'
    echo '};'
    echo 'const uint32_t op_table_n = (uint32_t)(sizeof op_table / sizeof op_table[0] - 1);'
} > "$out.new"
if cmp -s "$out.new" "$out"; then rm "$out.new"; else mv "$out.new" "$out"; fi
