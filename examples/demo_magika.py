"""First half of the demo: what kind of file is this? Asked of the real model that PyPI's `magika` ships.

Twice: by the engine directly, and by magika's own unmodified program, in which the engine stands in for onnxruntime.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import numpy as np
from sardtools import timing
from sardtools.engines import open_session
from sardtools.magika_files import MagikaModel, collect_files, find_model
from sardtools.table import text_table

BATCH = 16
PROGRAM = "magika.cli.magika_client"
STAND_IN = f"import sard.standin, runpy; runpy.run_module('{PROGRAM}', run_name='__main__', alter_sys=True)"


def show(repo: Path, engine: ModuleType, peer: ModuleType, most: int) -> bool:
    """Prints this half; returns whether engine and peer agree on every file."""
    model = find_model()
    python = Path(os.__file__).parent
    files = collect_files([repo, python, Path(sys.base_prefix) / "include", Path(sys.prefix) / "bin"], model, most)
    print(
        f"\n== What kind of file is this?  magika {model.path.parent.name}: {len(files)} files of this repository "
        f"and of Python {sys.version.split()[0]}\n",
        flush=True,
    )
    rows = np.stack([model.features(f) for f in files])
    same = _show_answers(repo, python, model, files, rows, engine, peer)
    _show_times(model, rows, engine, peer)
    return _show_own_program(files, engine) and same


def _show_answers(
    repo: Path,
    python: Path,
    model: MagikaModel,
    files: list[Path],
    rows: np.ndarray,
    engine: ModuleType,
    peer: ModuleType,
) -> bool:
    scores = {e: _classify(open_session(e, model.path), rows) for e in (engine, peer)}
    ours, theirs = scores[engine], scores[peer]
    agree = ours.argmax(1) == theirs.argmax(1)
    table = []
    shown: dict[int, int] = {}
    for i in sorted(range(len(files)), key=lambda i: not files[i].is_relative_to(repo)):
        kind = int(ours[i].argmax())
        if agree[i] and (kind in shown or len(shown) >= 28):
            continue
        shown[kind] = i
        file = files[i]
        answer = [(model.labels[s[i].argmax()], f"{s[i].max():.4f}") for s in (ours, theirs)]
        table.append(
            [_short(file, repo, python), file.stat().st_size, *answer[0], *answer[1], "yes" if agree[i] else "NO"]
        )
    head = ["file", "bytes", engine.__name__, "score", peer.__name__, "score", "same"]
    print(text_table(head, table))
    print(
        f"\n  {agree.sum()} of {len(files)} answers are the same ({len(set(ours.argmax(1)))} kinds of file); "
        f"the largest difference of a score is {np.abs(ours - theirs).max():.1e}",
        flush=True,
    )
    return bool(agree.all())


def _classify(session, rows: np.ndarray) -> np.ndarray:
    """The scores of all rows, in batches."""
    parts = [session.run(None, {"bytes": rows[i : i + BATCH]})[0] for i in range(0, len(rows), BATCH)]
    return np.concatenate(parts)


def _short(file: Path, repo: Path, python: Path) -> str:
    for name, folder in (("", repo), ("python/", python)):
        if file.is_relative_to(folder):
            return name + str(file.relative_to(folder))
    return "python/" + str(file.relative_to(sys.prefix if file.is_relative_to(sys.prefix) else sys.base_prefix))


def _show_times(model: MagikaModel, rows: np.ndarray, engine: ModuleType, peer: ModuleType) -> None:
    table = []
    for batch in (1, BATCH):
        sessions = {e.__name__: open_session(e, model.path) for e in (peer, engine)}
        feed = {"bytes": rows[:batch]}
        calls = {name: (lambda s=s: s.run(None, feed)) for name, s in sessions.items()}
        samples = timing.interleave(calls, seconds=3.0)
        ours, theirs = samples[engine.__name__], samples[peer.__name__]
        table.append(
            [
                f"{batch} file{'s' if batch > 1 else ''}",
                f"{ours.median * 1e3 / batch:.2f} ms",
                f"{theirs.median * 1e3 / batch:.2f} ms",
                f"{ours.median / theirs.median:.2f}",
            ]
        )
    print(
        "\n"
        + text_table(
            ["at a time, one thread", f"{engine.__name__}, per file", f"{peer.__name__}, per file", "ratio"], table
        ),
        flush=True,
    )


def _show_own_program(files: list[Path], engine: ModuleType) -> bool:
    """Runs magika's own command on the files, as it is and with the engine standing in; compares what they print."""
    print("\n  magika's own program, unmodified, on the same files:", flush=True)
    plain = _run_program([sys.executable, "-m", PROGRAM], files)
    if engine.__name__ == "onnxruntime":
        return True
    ours = _run_program([sys.executable, "-c", STAND_IN], files)
    labels = [[r["prediction"]["output"]["label"] for r in run] for run in (plain, ours)]
    scores = [np.array([r["prediction"]["score"] for r in run]) for run in (plain, ours)]
    same = sum(a == b for a, b in zip(*labels))
    print(
        f"  with {engine.__name__} standing in for onnxruntime {same} of {len(files)} answers are the same; "
        f"the largest difference of a score is {np.abs(scores[0] - scores[1]).max():.1e}",
        flush=True,
    )
    return same == len(files)


def _run_program(command: list[str], files: list[Path]) -> list[dict]:
    start = time.perf_counter()
    done = subprocess.run([*command, "--jsonl", *map(str, files)], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"magika's program ended with status {done.returncode}: {done.stderr.strip()[-500:]}")
    engine = "sard" if "sard.standin" in command[-1] else "onnxruntime"
    print(f"    on {engine:11}  {time.perf_counter() - start:5.2f} s, start included", flush=True)
    return [json.loads(line) for line in done.stdout.splitlines()]
