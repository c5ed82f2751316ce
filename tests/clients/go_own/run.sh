#!/bin/bash
# The tests of github.com/yalue/onnxruntime_go v1.27.0 as it is published: run.sh LIBDIR|official OUT
# One test lowers strings in the locale en_US.UTF-8, which the official library asks the system for.
. "$(dirname "$0")/../common.sh" && begin go_own "$@"
. "$HERE/../go/module.sh"
library
module_source github.com/yalue/onnxruntime_go v1.27.0
cd "$MODULE" || exit 1
once built go test -c -o "$WORK/tests" .
if ! locale -a 2>/dev/null | grep -qi '^en_US\.utf-\?8$'; then
    [ -f /usr/share/i18n/locales/en_US ] || have locale-gen locales
    mkdir -p "$WORK/locale"
    once locale localedef -i en_US -f UTF-8 "$WORK/locale/en_US.UTF-8"
    export LOCPATH=$WORK/locale
fi
export ONNXRUNTIME_SHARED_LIBRARY_PATH=$LIB/libonnxruntime.so.1
"$WORK/tests" -test.list ^Test >"$OUT/tests.txt"
"$WORK/tests" -test.v -test.timeout 10m >"$OUT/log.txt" 2>&1
checked "$PY" "$HERE/../own.py" go go_own "$OUT/log.txt" "$OUT/tests.txt" $? "$OUT/answers.txt"
finish
