#!/bin/bash
# A C++ program over the official onnxruntime_cxx_api.h (API 29): run.sh LIBDIR|official OUT
. "$(dirname "$0")/../common.sh" && begin cpp "$@"
have g++ g++
headers
library
stamp=$(cat "$HERE"/*.[ch]pp | cksum)
once compiled env STAMP="$stamp" g++ -std=c++17 -O0 -Wall -Wextra -isystem "$HEADERS" "$HERE"/*.cpp -o "$WORK/client" \
    -L"$LIB" -l:libonnxruntime.so.1 -lpthread
LD_LIBRARY_PATH=$LIB checked "$WORK/client"
finish
