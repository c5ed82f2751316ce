#!/bin/bash
# PyPI's sherpa-onnx 2.0.1: run.sh LIBDIR|official OUT. Its module finds sherpa_onnx/lib/libonnxruntime.so by RPATH, so
# another library takes that file's place, in a copy of the package.
. "$(dirname "$0")/../common.sh" && begin sherpa "$@"
fetch_wheel sherpa-onnx-core 2.0.1 "$WORK/core"
fetch_wheel sherpa-onnx 2.0.1 "$WORK/wheel"
package=$OUT/package
mkdir -p "$package"
cp -rl "$WORK/wheel/." "$package/" && cp -rl "$WORK/core/." "$package/" 2>/dev/null
if [ "$LIBDIR" != official ]; then
    rm "$package/sherpa_onnx/lib/libonnxruntime.so"
    cp -L "$LIBDIR/libonnxruntime.so.1" "$package/sherpa_onnx/lib/libonnxruntime.so"
fi
EXPECTED_LIBRARY=$(readlink -f "$package/sherpa_onnx/lib/libonnxruntime.so") PYTHONPATH=$package checked "$PY" "$HERE/client.py"
finish
