#!/bin/bash
# The tables of src/ort against the published declarations, order and types: run.sh LIBDIR|official OUT
# No program runs here; `official` writes down what is published, any other LIBDIR what src/ort declares.
. "$(dirname "$0")/../common.sh" && begin abi "$@"
have cc gcc
have cargo cargo
headers
mkdir -p "$WORK/crate/src"
cat >"$WORK/crate/Cargo.toml" <<'END'
[package]
name = "fetch"
version = "0.1.0"
edition = "2021"
[lib]
path = "src/lib.rs"
[dependencies]
ort-sys = { version = "=2.0.0-rc.15", default-features = false, features = ["api-31"] }
[workspace]
END
: >"$WORK/crate/src/lib.rs"
once fetched cargo fetch --manifest-path "$WORK/crate/Cargo.toml"
CRATE=$(cargo metadata --offline --format-version 1 --manifest-path "$WORK/crate/Cargo.toml" 2>>"$OUT/log.txt" | "$PY" -c '
import json, os, sys
print(next(os.path.dirname(p["manifest_path"]) for p in json.load(sys.stdin)["packages"] if p["name"] == "ort-sys"))')
[ -f "$CRATE/src/lib.rs" ] || die fetch "the crate ort-sys"
if [ "$LIBDIR" = official ]; then
    checked "$PY" "$HERE/tables.py" official "$HEADERS" "$CRATE" "$OUT"
else
    checked "$PY" "$HERE/tables.py" sard "$ROOT/src" "$HEADERS" "$CRATE" "$OUT"
fi
finish
