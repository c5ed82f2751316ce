"""How long a run and a session's creation take, beside ONNX Runtime in the same process and the same minute."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from sardtools import models, timing
from sardtools.engines import load_engine, open_session
from sardtools.magika_files import find_model


@dataclass
class Job:
    """A model, a batch, and the bar: the most its time may be, as a share of ONNX Runtime's (None: no bar)."""

    model: str
    rows: int
    what: str
    bar: float | None = None
    creation: bool = False  # time the session's creation as well


JOBS = (
    Job("resnet50", 1, "ResNet-50, 1 image", 1.15, creation=True),
    Job("bert_base", 1, "BERT-base, 1 x 128 tokens", 1.15, creation=True),
    Job("mobilenet_v2", 1, "MobileNet v2, 1 image", creation=True),
    Job("transformer2", 1, "transformer of 2 layers, 1 x 128 tokens"),
    Job("magika", 1, "magika, 1 file", 1.0, creation=True),
    Job("magika", 16, "magika, 16 files", 1.0),
    Job("lightgbm", 1000, "LightGBM, 500 trees, 1,000 rows", 0.2, creation=True),
    Job("lightgbm", 1, "LightGBM, 500 trees, 1 row"),
    Job("mlp", 1, "MLP of 3 layers, 1 row", creation=True),
    Job("mlp", 1000, "MLP of 3 layers, 1,000 rows"),
)


def find(name: str, folder: Path) -> models.Model:
    """A model by name; magika's is the one its package ships."""
    if name != "magika":
        return models.model(name, folder)
    shipped = find_model()

    def feed(rows: int) -> dict:
        width = shipped.begin + shipped.end
        return {"bytes": models.rng_of("magika inputs").integers(0, 257, (rows, width), dtype="int32")}

    return models.Model("magika", shipped.path, feed)


def run_times(job: Job, threads: int, engines: tuple[str, str], folder: Path, seconds: float) -> dict:
    """Run times of both engines: {"engine", "peer": (median, best), "ratio"}, in seconds.

    With several threads there is a pause before each sample: another engine's workers, which spin for a while after a
    run, would otherwise take the processors.
    """
    model = find(job.model, folder)
    feed = model.feed(job.rows)
    calls = {}
    for side, name in zip(("engine", "peer"), engines):
        session = open_session(load_engine(name), model.path, threads=threads)
        calls[side] = lambda s=session: s.run(None, feed)
    samples = timing.interleave(calls, seconds=seconds, least=7, sample=0.02, pause=0.1 if threads > 1 else 0.0)
    return _figures(samples)


def creation_times(job: Job, engines: tuple[str, str], folder: Path, seconds: float) -> dict:
    """The same for creating a session from the file, which is in the page cache."""
    model = find(job.model, folder)
    calls = {}
    for side, name in zip(("engine", "peer"), engines):
        engine = load_engine(name)
        calls[side] = lambda e=engine: open_session(e, model.path)
    return _figures(timing.interleave(calls, seconds=seconds, least=5, sample=0.0))


def first_answer_times(job: Job, engines: tuple[str, str], folder: Path, seconds: float) -> dict:
    """The same for creating a session and getting its first answer: what is put off to the first run counts here."""
    model = find(job.model, folder)
    feed = model.feed(job.rows)
    calls = {}
    for side, name in zip(("engine", "peer"), engines):
        engine = load_engine(name)
        calls[side] = lambda e=engine: open_session(e, model.path).run(None, feed)
    return _figures(timing.interleave(calls, seconds=seconds, least=5, sample=0.0))


def _figures(samples: dict[str, timing.Samples]) -> dict:
    figures = {side: (s.median, s.best) for side, s in samples.items()}
    figures["ratio"] = timing.ratio(samples, "engine", "peer")
    figures["taken"] = time.strftime("%H:%M:%S")
    return figures
