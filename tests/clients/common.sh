# What the run.sh of every client begins with: . "$(dirname "$0")/../common.sh" && begin NAME "$@"
#
# begin sets    CLIENT, LIBDIR (a folder, or the word `official`), OUT (a folder for answers.txt),
#               WORK = build/clients/NAME (kept between runs), HERE = the client's folder, ROOT, MODELS, PY (a Python with
#               onnx, numpy, scikit-learn)
# Then the script fetches what it needs into WORK, runs the client, says PASS and FAIL, and ends with `finish`.
# Everything fetched has a fixed version and comes through a registry's ordinary client.
set -u
export ORT_DISABLE_TELEMETRY=1 LC_ALL=C.UTF-8

begin() { # NAME LIBDIR OUT
    CLIENT=$1
    [ $# = 3 ] || { echo "usage: run.sh LIBDIR|official OUT" >&2; exit 2; }
    HERE=$(cd "$(dirname "$0")" && pwd)
    ROOT=$(cd "$HERE/../../.." && pwd)
    BUILD=$ROOT/build/clients
    WORK=$BUILD/$CLIENT
    MODELS=${MODELS:-$BUILD/models}
    PY=$ROOT/.venv/bin/python
    mkdir -p "$WORK" "$3"
    OUT=$(cd "$3" && pwd)
    LIBDIR=$2
    [ "$LIBDIR" = official ] || LIBDIR=$(cd "$LIBDIR" && pwd) || exit 2
    : >"$OUT/answers.txt"
    : >"$OUT/checks.txt"
    [ -x "$PY" ] || die setup "no .venv (scripts/setup makes it)"
    [ -f "$MODELS/two_inputs.onnx" ] || "$PY" "$ROOT/tests/clients/models.py" "$MODELS" >&2 || die models "cannot be made"
    export MODELS OUT CLIENT
}

pass() { echo "PASS $CLIENT $1" | tee -a "$OUT/checks.txt"; }
fail() { echo "FAIL $CLIENT $1: ${*:2}" | tee -a "$OUT/checks.txt"; }
die() { fail "$@"; exit 1; }

# answer CHECK OUTPUT TEXT: a line of answers.txt
answer() { echo "$*" >>"$OUT/answers.txt"; }

# checked COMMAND...: runs a program that prints PASS and FAIL lines itself; what else it says goes to OUT/log.txt.
# A program that ends badly (a crash, an exit code other than 0 without a FAIL) is a failure.
checked() {
    local rc bad
    (cd "$OUT" && "$@") >"$OUT/stdout.txt" 2>>"$OUT/log.txt" # what it writes beside its answers stays there
    rc=$?
    grep -E '^(PASS|FAIL) ' "$OUT/stdout.txt" | tee -a "$OUT/checks.txt"
    grep -vE '^(PASS|FAIL) ' "$OUT/stdout.txt" >>"$OUT/log.txt"
    bad=$(grep -c '^FAIL ' "$OUT/stdout.txt")
    [ $rc = 0 ] || { [ "$bad" != 0 ] && [ $rc -lt 128 ]; } ||
        fail run "exit code $rc: $(tail -3 "$OUT/log.txt" | tr '\n' ' ' | cut -c1-300)"
}

finish() {
    grep -q '^PASS ' "$OUT/checks.txt" || die run "no check ran"
    ! grep -q '^FAIL ' "$OUT/checks.txt"
    exit
}

# have COMMAND PACKAGE...: a command, from the Debian packages named where it is missing and can be installed
have() {
    command -v "$1" >/dev/null && return
    local root=""
    [ "$(id -u)" = 0 ] || root="sudo -n"
    {
        export DEBIAN_FRONTEND=noninteractive
        $root apt-get install -q -y --no-install-recommends "${@:2}" ||
            { $root apt-get update -q && $root apt-get install -q -y --no-install-recommends "${@:2}"; }
    } >"$WORK/apt.log" 2>&1
    command -v "$1" >/dev/null || die toolchain "no $1 (Debian: ${*:2})"
}

# once STAMP COMMAND...: runs a command unless it has succeeded before with the same words; dies when it fails
once() {
    local stamp=$WORK/.$1
    shift
    [ "$(cat "$stamp" 2>/dev/null)" = "$*" ] && return
    "$@" >"$WORK/log.txt" 2>&1 || die "build" "$* failed: $(grep -iE 'error|not found|failed' "$WORK/log.txt" | head -2 | tr '\n' ' ')"
    echo "$*" >"$stamp"
}

# fetch_npm NAME VERSION DIR [FILE...]: a package of npm, unpacked into DIR (only FILEs, as named in it, where given)
fetch_npm() {
    local name=$1 version=$2 dir=$3
    shift 3
    local stamp="$name@$version $*"
    [ "$(cat "$dir/.fetched" 2>/dev/null)" = "$stamp" ] && return
    have npm npm
    rm -rf "$dir" && mkdir -p "$dir" && (
        cd "$dir" && npm pack --silent "$name@$version" >/dev/null 2>&1 &&
            tar xzf ./*.tgz --strip-components=1 --no-same-owner ${1:+--wildcards "${@/#/package/}"} && rm ./*.tgz
    ) || die fetch "npm package $name@$version"
    echo "$stamp" >"$dir/.fetched"
}

# fetch_wheel NAME VERSION DIR: a package of PyPI without what it depends on, unpacked into DIR
fetch_wheel() {
    [ "$(cat "$3/.fetched" 2>/dev/null)" = "$1==$2" ] && return
    rm -rf "$3" && mkdir -p "$3" &&
        "$PY" -m pip download -q --disable-pip-version-check --no-deps --only-binary :all: -d "$3" "$1==$2" >/dev/null 2>&1 &&
        (cd "$3" && "$PY" -m zipfile -e ./*.whl . && rm ./*.whl) || die fetch "PyPI package $1 $2"
    echo "$1==$2" >"$3/.fetched"
}

# fetch_maven GROUP:ARTIFACT:VERSION DIR: a jar of Maven Central, unpacked into DIR
fetch_maven() {
    [ "$(cat "$2/.fetched" 2>/dev/null)" = "$1" ] && return
    have mvn maven
    rm -rf "$2" && mkdir -p "$2" &&
        mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy -Dartifact="$1" -DoutputDirectory="$2" \
            >"$WORK/mvn.log" 2>&1 &&
        (cd "$2" && "$PY" -m zipfile -e ./*.jar . && rm ./*.jar) || die fetch "Maven artifact $1"
    echo "$1" >"$2/.fetched"
}

# library: sets LIB, the folder to give to a client that brings no library of its own: LIBDIR, or build/clients/official with
# PyPI's libonnxruntime.so.1 (1.31.1) under all its names
library() {
    LIB=$LIBDIR
    [ "$LIBDIR" = official ] || return 0
    LIB=$BUILD/official
    local file
    file=$(ls "$ROOT"/.venv/lib/python3*/site-packages/onnxruntime/capi/libonnxruntime.so.1.* 2>/dev/null | tail -1)
    [ -n "$file" ] || die official "the package onnxruntime in .venv holds no libonnxruntime.so.1.*"
    mkdir -p "$LIB"
    for name in libonnxruntime.so.1 libonnxruntime.so libonnxruntime.so.1.8.1; do ln -sfn "$file" "$LIB/$name"; done
}

# headers: sets HEADERS, a folder with the official C and C++ headers of API 29, and CSHARP, one with the C# sources
headers() {
    fetch_npm com.github.asus4.onnxruntime 0.4.9 "$BUILD/headers" "Plugins/iOS~/*/ios-arm64/*/Headers/*" "Runtime/*" "LICENSE"
    HEADERS=$BUILD/headers/Plugins/iOS~/onnxruntime.xcframework/ios-arm64/onnxruntime.framework/Headers
    CSHARP=$BUILD/headers/Runtime
}
