"""The law of one answer, checked: the same bits for every number of threads, batch and instruction set.

A job runs a model over some rows, all at once or row by row. Each instruction set has a process of its own (SARD_ISA is
read when the library is loaded), which gives a digest of all output bits per way of running; they must all be equal.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import faces, magika_files, models, voice
from .engines import load_engine, open_session

OWN = ("magika", "silero_vad", "transformer2", "resnet50")
REAL = ("ultraface", "mnist")


@dataclass
class Job:
    """`run(session, first, last)` gives the outputs for these rows, each with its row axis in `axes`."""

    path: Path
    rows: int
    run: Callable[[object, int, int], list[np.ndarray]]
    axes: tuple[int, ...]


@dataclass(frozen=True)
class Way:
    """One way of running a job's rows."""

    threads: int
    alone: bool  # row by row, not as one batch

    def __str__(self) -> str:
        return f"{self.threads} thread{'s' * (self.threads > 1)}, {'row by row' if self.alone else 'one batch'}"


def job(name: str, folder: Path) -> Job:
    """A job by name. OWN ones are made or downloaded into `folder`; REAL ones must lie there with their pictures."""
    if name == "magika":
        shipped = magika_files.find_model()
        rows = models.rng_of("one answer").integers(0, 257, (5, shipped.begin + shipped.end)).astype(np.int32)
        return _plain(shipped.path, {"bytes": rows})
    if name == "silero_vad":
        return _voice(voice.fetch_model(folder))
    if name == "ultraface":
        photograph = faces.open_picture(folder / "faces.jpg")
        return _plain(folder / "ultraface-rfb-320.onnx", {"input": faces.face_input(photograph)})
    if name == "mnist":
        digit = faces.open_picture(folder / "eight.png")
        return _plain(folder / "mnist.onnx", {"Input3": faces.digit_input(digit)})
    made = models.model(name, folder, tokens=37)
    return _plain(made.path, made.feed(2 if name == "resnet50" else 5))


def _plain(path: Path, feed: dict[str, np.ndarray]) -> Job:
    """A job whose inputs and outputs all have the rows first."""

    def run(session, first: int, last: int) -> list[np.ndarray]:
        return session.run(None, {name: np.ascontiguousarray(x[first:last]) for name, x in feed.items()})

    return Job(path, len(next(iter(feed.values()))), run, axes=(0,) * 8)


def _voice(path: Path) -> Job:
    """Three recordings of half a second, listened to piece by piece with the state carried along."""
    rate, rows = 16000, 3
    rng = models.rng_of("voice")
    time = np.arange(rate // 2) / rate
    tones = np.stack([np.sin(2 * np.pi * f * time) * np.sin(2 * np.pi * 3 * time) for f in (110, 170, 230)])
    samples = (0.3 * tones + 0.05 * rng.standard_normal(tones.shape)).astype(np.float32)

    def run(session, first: int, last: int) -> list[np.ndarray]:
        return list(voice.chances(session, samples[first:last], rate))

    return Job(path, rows, run, axes=(1, 1))


def digest(job: Job, engine_name: str, way: Way, level: str) -> str:
    """A digest of all bits of the job's outputs, the same whether rows ran together or alone."""
    session = open_session(load_engine(engine_name), job.path, level=level, threads=way.threads)
    if way.alone:
        parts = [job.run(session, i, i + 1) for i in range(job.rows)]
        outputs = [np.concatenate(column, axis=axis) for column, axis in zip(zip(*parts), job.axes)]
    else:
        outputs = job.run(session, 0, job.rows)
    whole = hashlib.sha256()
    for x in outputs:
        whole.update(f"{x.dtype} {x.shape}".encode())
        whole.update(np.ascontiguousarray(x).tobytes())
    return whole.hexdigest()[:16]


def ways(name: str, isa: str) -> list[Way]:
    """The ways to run a job on an instruction set; plain C gets one for the large network, which takes it long."""
    if isa == "ref" and name == "resnet50":
        return [Way(2, False)]
    batches = (False,) if name in REAL else (False, True)
    return [Way(threads, alone) for threads in (1, 2) for alone in batches]


def digests(name: str, folder: Path, isa: str, engine_name: str, level: str) -> dict[str, str]:
    """The digest per way, computed in a process with SARD_ISA=isa."""
    question = json.dumps({"name": name, "folder": str(folder), "isa": isa, "engine": engine_name, "level": level})
    environment = {**os.environ, "SARD_ISA": isa}
    environment["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[1]), environment.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "sardtools.one_answer", question],
        env=environment,
        capture_output=True,
        text=True,
        timeout=1200,
    )
    if done.returncode:
        raise RuntimeError(f"{name} with SARD_ISA={isa}: {done.stderr.strip()[-1500:]}")
    return json.loads(done.stdout)


def _child(question: dict) -> dict[str, str]:
    name, isa = question["name"], question["isa"]
    work = job(name, Path(question["folder"]))
    return {str(way): digest(work, question["engine"], way, question["level"]) for way in ways(name, isa)}


if __name__ == "__main__":
    print(json.dumps(_child(json.loads(sys.argv[1]))))
