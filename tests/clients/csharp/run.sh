#!/bin/bash
# The official C# sources of API 29 (npm com.github.asus4.onnxruntime) under Mono: run.sh LIBDIR|official OUT
# Mono's compiler knows C# 7.2, so lower.py rewrites the newer syntax; RunAsync, which Mono cannot marshal, stays out.
. "$(dirname "$0")/../common.sh" && begin csharp "$@"
have mcs mono-mcs
have mono mono-runtime libmono-system-core4.0-cil libmono-system-numerics4.0-cil
headers
library
stamp=$(cat "$HERE"/* | cksum)
once lowered env STAMP="$stamp" "$PY" "$HERE/lower.py" "$CSHARP" "$WORK/source"
once binding env STAMP="$stamp" mcs -langversion:latest -d:NETSTANDARD2_0 -unsafe -nowarn:1591,1570,1572,1573,1587 -target:library \
    -out:"$WORK/OnnxRuntime.dll" -recurse:"$WORK/source/*.cs"
once compiled env STAMP="$stamp" mcs -langversion:latest -out:"$WORK/client.exe" -r:"$WORK/OnnxRuntime.dll" "$HERE/Client.cs"
LD_LIBRARY_PATH=$LIB checked mono "$WORK/client.exe"
finish
