# For the Rust clients: a toolchain that is new enough, and the published source of the crate.
# RUSTC_LEAST is what ort 2.0.0-rc.15 states as its rust-version.
RUSTC_LEAST=1.92
export CARGO_TARGET_DIR=$WORK/target CARGO_TERM_COLOR=never
have cargo cargo
rustc=$(cargo rustc --version 2>/dev/null | cut -d' ' -f2 || true)
rustc=${rustc:-$(rustc --version | cut -d' ' -f2)}
[ "$(printf '%s\n%s\n' $RUSTC_LEAST "$rustc" | sort -V | head -1)" = $RUSTC_LEAST ] ||
    die toolchain "Rust $rustc; the crate needs $RUSTC_LEAST (rustup has it)"

# crate_source ort: sets CRATE, a copy of the package as the registry has it, in the version Cargo.toml names
crate_source() {
    local from
    CRATE=$WORK/$1
    from=$(cargo metadata --locked --format-version 1 --manifest-path "$HERE/../rust/Cargo.toml" 2>"$WORK/fetch.txt" |
        "$PY" -c "import json, sys; print(next(p['manifest_path'] for p in json.load(sys.stdin)['packages'] if p['name'] == '$1'))")
    [ -f "$from" ] || die fetch "the crate $1: $(tail -1 "$WORK/fetch.txt")"
    [ -f "$CRATE/Cargo.toml" ] && return
    cp -r "$(dirname "$from")" "$CRATE" && chmod -R u+w "$CRATE"
}
