#!/usr/bin/env python3
"""What a client's own test suite said: own.py rust|go NAME OUTPUT TESTS EXITCODE ANSWERS

Reads the suite's output, prints `PASS NAME TEST` or `FAIL NAME TEST: why` for each test named in TESTS, and writes one
answer per test (ok, skipped or failed), so that the two libraries' results are compared by name. A test without a
result (the process ended before) has failed. Counts go to stderr.
"""

import re
import sys
from collections import Counter
from pathlib import Path

RESULT = {
    "rust": re.compile(r"^test (\S+) \.\.\. (?:.*\b)?(ok|FAILED|ignored)$", re.M),
    "go": re.compile(r"^--- (PASS|FAIL|SKIP): (\S+)", re.M),
}
WORD = {"ok": "ok", "PASS": "ok", "FAILED": "failed", "FAIL": "failed", "ignored": "skipped", "SKIP": "skipped"}


def reason(kind: str, test: str, text: str) -> str:
    """The first lines a failed test printed, on one line."""
    if kind == "rust":
        found = re.search(rf"^---- {re.escape(test)} stdout ----\n(.*?)(?=^---- |^failures:)", text, re.M | re.S)
    else:
        found = re.search(rf"^=== RUN +{re.escape(test)}\n(.*?)(?=^--- |^===)", text, re.M | re.S)
    lines = [line.strip() for line in (found[1] if found else "").splitlines() if line.strip()]
    return " ".join(lines[:3] if kind == "rust" else lines[-3:])[:400] or "it failed and said nothing"


def main() -> None:
    kind, name, output, tests, code, answers = sys.argv[1:]
    text = Path(output).read_text(errors="replace")
    pairs = RESULT[kind].findall(text)
    said = {t: WORD[r] for t, r in (pairs if kind == "rust" else [(t, r) for r, t in pairs])}
    lines, counts = [], Counter()
    for test in Path(tests).read_text().split():
        result = said.get(test, "failed")
        counts[result] += 1
        lines.append(f"{test} result string [] {result}")
        if result == "failed":
            ended = f"it has no result: the process ended with code {code}"
            print(f"FAIL {name} {test}: {reason(kind, test, text) if test in said else ended}")
        else:
            print(f"PASS {name} {test}")
    Path(answers).write_text("\n".join(lines) + "\n")
    print(f"{name}: {counts['ok']} ok, {counts['skipped']} skipped, {counts['failed']} failed", file=sys.stderr)


if __name__ == "__main__":
    main()
