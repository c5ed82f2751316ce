#!/bin/bash
# A Rust program over the crate ort 2.0.0-rc.15, which loads the library at run time: run.sh LIBDIR|official OUT
. "$(dirname "$0")/../common.sh" && begin rust "$@"
. "$HERE/crate.sh"
library
stamp=$(cat "$HERE"/*.rs "$HERE"/Cargo.* | cksum)
once compiled env STAMP="$stamp" cargo build --locked --manifest-path "$HERE/Cargo.toml"
ORT_DYLIB_PATH=$LIB/libonnxruntime.so.1 checked "$CARGO_TARGET_DIR/debug/client"
finish
