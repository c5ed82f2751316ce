#!/usr/bin/env python3
"""Compares two files of answers: compare.py A B. Prints what differs; exit code 1 when anything does.

A line is `CHECK OUTPUT dtype [d0,d1] v0 v1 ...`. Lines are matched by their first two words, so order is free. Text
and integers must be equal; floats within the official tolerance, rtol 1e-4 and atol 1e-5 of B's value against A's.
"""

import math
import re
import sys
from collections import defaultdict
from pathlib import Path

RTOL, ATOL = 1e-4, 1e-5
TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|\[[^\]]*\]|[{}]|[^\s{}"\[\]:,]+|[:,]')
EXACT = re.compile(r"u?int\d*$|bool$|string$|text$")  # dtypes whose values are compared as text


def read(path: str) -> dict[tuple, list[str]]:
    lines = defaultdict(list)
    for line in Path(path).read_text(errors="surrogateescape").splitlines():
        words = line.split(None, 2)
        if words:
            lines[tuple(words[:2])].append(words[2] if len(words) > 2 else "")
    return lines


def number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def close(a: str, b: str) -> bool:
    x, y = number(a), number(b)
    if x is None or y is None or math.isnan(x) or math.isnan(y) or math.isinf(x) or math.isinf(y):
        return str(x) == str(y) and (x is not None or a == b)
    return abs(x - y) <= ATOL + RTOL * abs(x)


def same(a: str, b: str) -> bool:
    """Whether two answers (dtype, shape, values) agree."""
    left, right = TOKEN.findall(a), TOKEN.findall(b)
    if len(left) != len(right):
        return False
    if left and EXACT.match(left[0]):
        return left == right
    after_l = left[1:] + [""]
    # a key of a map (a word before a colon), a string, a shape: exact
    return all(
        x == y or (follow != ":" and x[0] not in '"[' and close(x, y)) for x, y, follow in zip(left, right, after_l)
    )


def compare(a: str, b: str) -> tuple[int, list[str]]:
    """(answers that agree, a line for each that does not)"""
    left, right = read(a), read(b)
    good, bad = 0, []
    for key in sorted(left.keys() | right.keys()):
        one, other = sorted(left.get(key, [])), sorted(right.get(key, []))
        if len(one) != len(other):
            bad.append(f"{' '.join(key)}: {len(one)} answers against {len(other)}")
            continue
        for x, y in zip(one, other):
            if same(x, y):
                good += 1
            else:
                bad.append(f"{' '.join(key)}: {x[:160]} against {y[:160]}")
    return good, bad


if __name__ == "__main__":
    agreed, differences = compare(sys.argv[1], sys.argv[2])
    for text in differences:
        print(text)
    print(f"{agreed} answers agree, {len(differences)} do not")
    sys.exit(bool(differences))
