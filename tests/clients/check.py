"""What the clients in Python share: tests with PASS and FAIL lines, lines of answers.txt."""

import json
import os
from pathlib import Path

MODELS = Path(os.environ["MODELS"])
OUT = Path(os.environ["OUT"])
CLIENT = os.environ["CLIENT"]
TESTS = []


def test(run):
    TESTS.append(run)
    return run


def answer(check: str, output: str, dtype: str, shape, values) -> None:
    words = [json.dumps(v) if isinstance(v, str) else f"{v:.9g}" if isinstance(v, float) else str(v) for v in values]
    with open(OUT / "answers.txt", "a") as file:
        file.write(f"{check} {output} {dtype} [{','.join(map(str, shape))}] {' '.join(words)}\n")


def fails(run, *arguments, **named) -> str:
    """The text of the exception that a call must raise."""
    try:
        run(*arguments, **named)
    except Exception as error:
        assert str(error), "an exception without a text"
        return str(error)
    raise AssertionError("no exception")


def loaded_library_is_expected() -> None:
    """No other libonnxruntime than the one under test is in this process."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    found = {line.split()[-1] for line in lines if "libonnxruntime.so" in line}
    assert found == {os.environ["EXPECTED_LIBRARY"]}, f"loaded {found}"


def main() -> int:
    failed = 0
    for run in TESTS:
        try:
            run()
            print(f"PASS {CLIENT} {run.__name__}", flush=True)
        except Exception as error:
            failed += 1
            text = " ".join(f"{type(error).__name__}: {error}".split())
            print(f"FAIL {CLIENT} {run.__name__}: {text[:300]}", flush=True)
    return failed != 0
