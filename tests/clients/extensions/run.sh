#!/bin/bash
# The custom operators of Maven's onnxruntime-extensions 0.13.0, registered by a C program: run.sh LIBDIR|official OUT
. "$(dirname "$0")/../common.sh" && begin extensions "$@"
have cc gcc
headers
library
fetch_maven com.microsoft.onnxruntime:onnxruntime-extensions:0.13.0 "$WORK/jar"
EXTENSIONS=$(find "$WORK/jar" -path '*linux-x64*' -name '*.so' | head -1)
[ -n "$EXTENSIONS" ] || die fetch "no library for linux-x64 in the jar"
export EXTENSIONS OPERATORS=$WORK/models
stamp=$(cat "$HERE"/* "$HERE"/../c/client.* | cksum)
once models env STAMP="$stamp" "$PY" "$HERE/models.py" "$OPERATORS"
once compiled env STAMP="$stamp" cc -std=gnu11 -g -Wall -Wextra -I"$HEADERS" -I"$HERE/../c" "$HERE/main.c" "$HERE/../c/client.c" \
    -o "$WORK/client" -L"$LIB" -l:libonnxruntime.so.1
LD_LIBRARY_PATH=$LIB checked "$WORK/client"
finish
