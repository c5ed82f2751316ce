#!/bin/bash
# A Go program over github.com/yalue/onnxruntime_go v1.27.0, which loads the library at run time: run.sh LIBDIR|official OUT
. "$(dirname "$0")/../common.sh" && begin go "$@"
. "$HERE/module.sh"
library
stamp=$(cat "$HERE"/*.go "$HERE"/go.* | cksum)
once compiled env STAMP="$stamp" go build -C "$HERE" -mod=readonly -o "$WORK/client" .
LIBRARY=$LIB/libonnxruntime.so.1 checked "$WORK/client"
finish
