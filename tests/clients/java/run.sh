#!/bin/bash
# The Java binding of Maven Central, unmodified: run.sh LIBDIR|official OUT
# shellcheck source=../common.sh
. "$(dirname "$0")/../common.sh" && begin java "$@"

have javac default-jdk-headless
fetch_maven com.microsoft.onnxruntime:onnxruntime:1.29.0 "$WORK/binding"
mkdir -p "$WORK/classes"
javac -Xlint:all,-try -d "$WORK/classes" -cp "$WORK/binding" "$HERE"/*.java >"$OUT/log.txt" 2>&1 ||
    die compile "$(head -2 "$OUT/log.txt" | tr '\n' ' ')"

# The client with its library named in one way: client OUT PROPERTY...
client() {
    local out=$1 file=official
    [ "$LIBDIR" = official ] || file=$LIBDIR/libonnxruntime.so.1
    shift
    java -Xmx512m "$@" -cp "$WORK/binding:$WORK/classes" Client "$MODELS" "$out" "$file"
}

# By the file; official: the one inside the jar, which the binding unpacks.
property=()
[ "$LIBDIR" = official ] || property=("-Donnxruntime.native.onnxruntime.path=$LIBDIR/libonnxruntime.so.1")
checked client "$OUT" "${property[@]}"

# By the folder, which must hold the binding's JNI library too.
if [ "$LIBDIR" != official ]; then
    rm -rf "$OUT/folder" && mkdir -p "$OUT/folder/lib" "$OUT/folder/out"
    cp "$WORK/binding/ai/onnxruntime/native/linux-x64/libonnxruntime4j_jni.so" "$OUT/folder/lib"
    cp -L "$LIBDIR/libonnxruntime.so.1" "$OUT/folder/lib/libonnxruntime.so"
    LIBDIR=$OUT/folder/lib
    ln -s libonnxruntime.so "$LIBDIR/libonnxruntime.so.1"
    if cd "$OUT" && client "$OUT/folder/out" "-Donnxruntime.native.path=$LIBDIR" >"$OUT/folder/log.txt" 2>&1; then
        pass named_by_folder
    else
        fail named_by_folder "$(grep -m1 -E '^FAIL|Exception' "$OUT/folder/log.txt")"
    fi
fi
finish
