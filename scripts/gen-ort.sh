#!/bin/sh
# gen-ort.sh ORT_FOLDER OUTPUT.c -- writes a stub for every row of ORT_FOLDER/*.def that no function implements.
# A function is a definition `... <table>_<Name>(` that begins a line of ORT_FOLDER/*.c. The output is touched only when it changes.
set -eu
folder=$1 out=$2
mkdir -p "$(dirname "$out")"
{
    echo '/* Written by scripts/gen-ort.sh: what the tables name and this library does not offer. */'
    echo '#include "ort/internal.h"'
    echo '#ifdef __clang__'
    echo '#pragma clang diagnostic ignored "-Wc2x-extensions" /* arguments without names */'
    echo '#else'
    echo '#pragma GCC diagnostic ignored "-Wpedantic"'
    echo '#endif'
    for table in api:ort editor:editor compile:compile interop:interop ep:ep package:package; do
        prefix=${table#*:}
        cat /dev/null "$folder"/*.c | sed -n "s/^[A-Za-z][A-Za-z0-9_ *]*[ *]${prefix}_\([A-Z][A-Za-z0-9_]*\)(.*/\1/p" > "$out.have"
        awk -v prefix="$prefix" '
            FILENAME == ARGV[1] { have[$1] = 1; next }
            /^ORT\(/ {
                row = substr($0, 5, length($0) - 5)
                ret = substr(row, 1, index(row, ",") - 1); rest = substr(row, index(row, ",") + 2)
                name = substr(rest, 1, index(rest, ",") - 1); args = substr(rest, index(rest, ",") + 2)
                if (name in have) next
                body = ret == "void" ? "" : ret == "OrtStatus *" ? " return ort_not_offered(\"" name "\"); " : " return (" ret ")0; "
                print ret " " prefix "_" name args " {" body "}"
            }' "$out.have" "$folder/${table%:*}.def"
    done
    rm -f "$out.have"
} > "$out.new"
if cmp -s "$out.new" "$out"; then rm "$out.new"; else mv "$out.new" "$out"; fi
