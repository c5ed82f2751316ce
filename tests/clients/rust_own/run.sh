#!/bin/bash
# The unit tests of the crate ort 2.0.0-rc.15 as it is published: run.sh LIBDIR|official OUT
# The package leaves out the files of tests/data; data.py makes ones that hold what the tests look for.
. "$(dirname "$0")/../common.sh" && begin rust_own "$@"
. "$HERE/../rust/crate.sh"
library
crate_source ort
once data env STAMP="$(cksum <"$HERE/data.py")" "$PY" "$HERE/data.py" "$CRATE/tests/data"
features=std,ndarray,tracing,half,load-dynamic,api-31
once "built" cargo test --locked --lib --no-run --manifest-path "$CRATE/Cargo.toml" --no-default-features --features $features
program=$(ls -t "$CARGO_TARGET_DIR"/debug/deps/ort-* | grep -v '\.d$' | head -1)
export ORT_DYLIB_PATH=$LIB/libonnxruntime.so.1
cd "$CRATE" || exit 1
"$program" --list 2>/dev/null | sed -n 's/: test$//p' >"$OUT/tests.txt"
"$program" >"$OUT/log.txt" 2>&1
checked "$PY" "$HERE/../own.py" rust rust_own "$OUT/log.txt" "$OUT/tests.txt" $? "$OUT/answers.txt"
finish
