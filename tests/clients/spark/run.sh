#!/bin/bash
# SynapseML's ONNXModel on Spark, unmodified: run.sh LIBDIR|official OUT
# shellcheck source=../common.sh
. "$(dirname "$0")/../common.sh" && begin spark "$@"
. "$HERE/setup.sh"

have java default-jdk-headless
have mvn maven
spark_setup "$WORK" >>"$OUT/log.txt" 2>&1 || die setup "$(tail -2 "$OUT/log.txt" | tr '\n' ' ')"
once models "$PY" "$HERE/models.py" "$WORK/models"
checked "$WORK/venv/bin/python" "$HERE/client.py" "$WORK" "$WORK/models" "$LIBDIR" "$OUT"
finish
