#!/usr/bin/env python3
"""Runs real models from a folder on sard and on ONNX Runtime and says whether they agree.

FOLDER holds silero_vad.onnx, ultraface-rfb-320.onnx, mnist.onnx and magika.onnx, a photograph faces.jpg and a drawn
digit eight.png; what is missing is left out and said so.
  silero-vad   listens to a whole recording (spoken by espeak-ng, with pauses) at 16 and at 8 kHz
  UltraFace    finds the faces on the photograph; the picture with its boxes is written
  MNIST        reads the digit
  magika       names the kinds of the files of this repository and of FOLDER
magika's numbers are held against its scores in double precision (sardtools/magika_double.py says why), the others
against ONNX Runtime's. Ends with status 1 when an answer differs or a number differs by more than --tolerance.

examples:
  scripts/real.py ../models
  scripts/real.py ../models --out build/real --threads 2
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from sardtools import faces, magika_double, magika_files, voice
from sardtools.engines import ENGINES, LEVELS, EngineMissing, load_engine, open_session
from sardtools.table import text_table

REPO = Path(__file__).resolve().parent.parent
SPEECH = (
    "The engine reads a model once and answers many times.",
    "It gives the same answer whoever asks, and however often.",
    "After a longer pause it speaks again, so that silence is found as well.",
)


@dataclass
class Outcome:
    """What one engine makes of one input: an answer to read, the numbers behind it, and the time it took."""

    answer: str
    numbers: list[np.ndarray]
    seconds: float


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--engine", choices=ENGINES, default="sard")
    parser.add_argument("--level", choices=list(LEVELS), default="all")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=REPO / "build" / "real", help="for the recording and the picture")
    parser.add_argument("--tolerance", type=float, default=1e-4, help="largest difference of a number")
    return parser.parse_args()


def record(out: Path, rate: int) -> np.ndarray:
    """A recording of a quarter of a minute: sentences with pauses between them, over a little noise."""
    parts = []
    for number, sentence in enumerate(SPEECH):
        path = out / f"sentence_{number}.wav"
        voice.speak(sentence, path)
        parts += [np.zeros(int(rate * (0.6 + 0.7 * number)), np.float32), voice.read_wav(path, rate)]
    samples = np.concatenate([*parts, np.zeros(rate, np.float32)])
    return samples + np.random.default_rng(0).normal(0, 1e-3, len(samples)).astype(np.float32)


def listen(session, samples: np.ndarray, rate: int) -> Outcome:
    start = time.perf_counter()
    chance, state = voice.chances(session, samples, rate)
    seconds = time.perf_counter() - start
    parts = [f"{a:.2f}-{b:.2f}" for a, b in voice.stretches(chance[:, 0]) if b - a > 0.1]
    return Outcome(f"speech at {', '.join(parts)} s", [chance, state], seconds)


def look(session, picture, drawing: Path | None) -> Outcome:
    x = faces.face_input(picture)
    start = time.perf_counter()
    scores, boxes = session.run(None, {"input": x})
    seconds = time.perf_counter() - start
    found = faces.find_faces(scores, boxes)
    if drawing:
        faces.draw_faces(picture, found, drawing)
    sure = f" (surest {found[0][0]:.3f}, least sure {found[-1][0]:.3f})" if found else ""
    return Outcome(f"{len(found)} faces{sure}", [scores, boxes], seconds)


def read_digit(session, picture) -> Outcome:
    start = time.perf_counter()
    (scores,) = session.run(None, {session.get_inputs()[0].name: faces.digit_input(picture)})
    seconds = time.perf_counter() - start
    # The scores of this model reach thousands: relative to the largest, like a chance.
    return Outcome(f"a {scores[0].argmax()}", [scores / np.abs(scores).max()], seconds)


def name_files(session, model: magika_files.MagikaModel, rows: np.ndarray) -> Outcome:
    start = time.perf_counter()
    (scores,) = session.run(None, {"bytes": rows})
    seconds = time.perf_counter() - start
    kinds = [model.labels[i] for i in scores.argmax(1)]
    return Outcome(f"{len(rows)} files: {', '.join(dict.fromkeys(kinds))}", [scores], seconds)


@dataclass
class Job:
    """A model's file name and what to ask it: a function of a session and of whether it is the engine's."""

    what: str
    model: str
    ask: Callable[[object, bool], Outcome]
    exact: list[np.ndarray] | None = None  # the numbers in double precision


def jobs(arguments: argparse.Namespace) -> list[Job]:
    """The jobs that the folder has everything for."""
    folder, out = arguments.folder, arguments.out
    found = []
    if (folder / "silero_vad.onnx").exists():
        for rate in (16000, 8000):
            samples = record(out, rate)
            what = f"silero-vad, {len(samples) / rate:.1f} s at {rate // 1000} kHz"
            found.append(Job(what, "silero_vad.onnx", lambda s, _, x=samples, r=rate: listen(s, x, r)))
    if (folder / "ultraface-rfb-320.onnx").exists() and (folder / "faces.jpg").exists():
        photograph = faces.open_picture(folder / "faces.jpg")
        found.append(
            Job(
                "UltraFace, faces.jpg",
                "ultraface-rfb-320.onnx",
                lambda s, own: look(s, photograph, out / "faces.png" if own else None),
            )
        )
    if (folder / "mnist.onnx").exists() and (folder / "eight.png").exists():
        digit = faces.open_picture(folder / "eight.png")
        found.append(Job("MNIST, eight.png", "mnist.onnx", lambda s, _: read_digit(s, digit)))
    if (folder / "magika.onnx").exists():
        model = magika_files.find_model()
        files = magika_files.collect_files([REPO, folder], model, most=48, per_suffix=4)
        rows = np.stack([model.features(f) for f in files])
        exact = magika_double.scores(folder / "magika.onnx", rows)
        found.append(Job("magika", "magika.onnx", lambda s, _: name_files(s, model, rows), [exact]))
    return found


def main() -> int:
    arguments = parse_arguments()
    arguments.out.mkdir(parents=True, exist_ok=True)
    try:
        engine, peer = load_engine(arguments.engine), load_engine("onnxruntime")
    except EngineMissing as e:
        print(f"real: {e}", file=sys.stderr)
        return 2
    rows, good, answers = [], True, []
    todo = jobs(arguments)
    for name in ("silero_vad.onnx", "ultraface-rfb-320.onnx", "mnist.onnx", "magika.onnx"):
        if not any(job.model == name for job in todo):
            print(f"  left out, not in {arguments.folder}: {name} or its input")
    for job in todo:
        outcomes = []
        for number, module in enumerate((engine, peer)):
            session = open_session(
                module, arguments.folder / job.model, level=arguments.level, threads=arguments.threads
            )
            job.ask(session, False)  # the first run plans and warms up
            outcomes.append(job.ask(session, number == 0))
        ours, theirs = outcomes
        diff = max(float(np.abs(a - b).max()) for a, b in zip(ours.numbers, job.exact or theirs.numbers))
        same = ours.answer == theirs.answer and diff <= arguments.tolerance
        good = good and same
        rows.append(
            [
                job.what,
                f"{diff:.1e}",
                f"{1e3 * ours.seconds:.1f} ms",
                f"{1e3 * theirs.seconds:.1f} ms",
                "yes" if same else "NO",
            ]
        )
        answers.append(f"  {job.what}: {ours.answer}" + ("" if same else f"\n    {peer.__name__}: {theirs.answer}"))
    print("\n".join(answers) + "\n")
    print(text_table(["model", "largest diff", engine.__name__, peer.__name__, "agree"], rows))
    drawing = arguments.out / "faces.png"
    if drawing.exists():
        print(f"\n  the faces are drawn in {drawing}")
    return 0 if good and todo else 1


if __name__ == "__main__":
    sys.exit(main())
