#!/bin/bash
# The npm package onnxruntime-node 1.30.0 as it is published: run.sh LIBDIR|official OUT
# Its binding finds libonnxruntime.so.1 beside itself; LD_LIBRARY_PATH comes first.
. "$(dirname "$0")/../common.sh" && begin node "$@"
have node nodejs
have npm npm
mkdir -p "$WORK/app"
[ -f "$WORK/app/package.json" ] || echo '{"private": true}' >"$WORK/app/package.json"
once installed npm install --prefix "$WORK/app" --silent --no-audit --no-fund --ignore-scripts onnxruntime-node@1.30.0
cp "$HERE/client.js" "$WORK/app/client.js"
if [ "$LIBDIR" != official ]; then
    export LD_LIBRARY_PATH=$LIBDIR EXPECTED_LIBRARY=$LIBDIR
fi
checked node "$WORK/app/client.js"
finish
