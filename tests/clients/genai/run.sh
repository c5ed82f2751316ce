#!/bin/bash
# PyPI's onnxruntime-genai 0.18.0, a Python client of the C ABI: run.sh LIBDIR|official OUT
# It loads capi/libonnxruntime.so* of the package `onnxruntime` that Python finds: here a stub that holds the library.
. "$(dirname "$0")/../common.sh" && begin genai "$@"
fetch_wheel onnxruntime-genai 0.18.0 "$WORK/wheel"
library
stub=$OUT/stub
mkdir -p "$stub/onnxruntime/capi"
echo '"""Stands in for the package onnxruntime: holds its library, nothing else."""' >"$stub/onnxruntime/__init__.py"
ln -sfn "$(readlink -f "$LIB/libonnxruntime.so.1")" "$stub/onnxruntime/capi/libonnxruntime.so.1"
EXPECTED_LIBRARY=$(readlink -f "$LIB/libonnxruntime.so.1") PYTHONPATH=$stub:$WORK/wheel checked "$PY" "$HERE/client.py"
finish
