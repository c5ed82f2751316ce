#!/bin/bash
# A plain C program over the official header (API 29), linked as such a program is: run.sh LIBDIR|official OUT
. "$(dirname "$0")/../common.sh" && begin c "$@"
have cc gcc
headers
library
stamp=$(cat "$HERE"/*.[ch] | cksum)
once compiled env STAMP="$stamp" cc -std=gnu11 -g -Wall -Wextra -Werror -I"$HEADERS" "$HERE"/*.c -o "$WORK/client" -L"$LIB" -l:libonnxruntime.so.1 -lpthread
LD_LIBRARY_PATH=$LIB checked "$WORK/client"
finish
