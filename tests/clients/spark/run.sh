#!/bin/bash
# SynapseML's ONNXModel on Spark, unmodified: run.sh LIBDIR|official OUT
# shellcheck source=../common.sh
. "$(dirname "$0")/../common.sh" && begin spark "$@"
. "$HERE/setup.sh"

have java default-jdk-headless
have mvn maven
spark_setup "$WORK" >>"$OUT/log.txt" 2>&1 || die setup "$(tail -2 "$OUT/log.txt" | tr '\n' ' ')"
"$PY" "$HERE/models.py" "$WORK/models" >>"$OUT/log.txt" 2>&1 || die models "cannot be made"

client() { # LIBRARY OUT [CHECK...]
    "$WORK/venv/bin/python" "$HERE/client.py" "$WORK" "$WORK/models" "$@"
}

# The package for Spark stands beside an installed library; a bare folder with libonnxruntime.so.1 does as well.
library=$LIBDIR
[ ! -f "$LIBDIR/../share/sard/spark/spark-defaults.conf" ] || library=$(cd "$LIBDIR/../share/sard/spark" && pwd)
checked client "$library" "$OUT"

# The same library inside the plugin's jar, which Spark carries to its executors itself.
if [ "$library" != "$LIBDIR" ]; then
    mkdir -p "$OUT/plugin"
    if "$ROOT/scripts/spark-package" "$WORK" "$library/libonnxruntime.so.1.8.1" >"$OUT/plugin/log.txt" 2>&1 &&
        client "$WORK/sard-spark.jar" "$OUT/plugin" zipmap many_partitions library >>"$OUT/plugin/log.txt" 2>&1; then
        pass plugin_jar
    else
        fail plugin_jar "$(grep -m1 -E '^FAIL|Exception|spark-package' "$OUT/plugin/log.txt")"
    fi
fi
finish
