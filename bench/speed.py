"""How long a run and a session's creation take, beside ONNX Runtime in the same minute."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))

from sardtools import models, timing, workers
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


def compare(job: Job, what: str, threads: int, engines: tuple[str, str], folder: Path, seconds: float) -> dict:
    """Times of both engines in seconds: {"engine": (median, best), "peer": (median, best), "ratio"}.

    what  run       a run of a session that has run before
          creation  making a session of a file in the page cache
          first     making a session and its first run: what is put off until then counts here
    Each engine has a process of its own, so that one's threads and memory are not the other's; they take turns.
    """
    least = 7 if what == "run" else 5
    children = {}
    for side, name in zip(("engine", "peer"), engines):
        question = {"engine": name, "job": job.__dict__, "what": what, "threads": threads, "folder": str(folder)}
        command = [sys.executable, str(Path(__file__).resolve()), json.dumps(question)]
        children[side] = workers.Worker(command, time_limit=300.0)
    try:
        find(job.model, folder)  # made here, not by both children at once
        samplers = {side: (lambda c=child: _ask(c, threads)) for side, child in children.items()}
        for sampler in samplers.values():
            sampler()
        samples = timing.take_turns(samplers, seconds=seconds, least=least)
    finally:
        for child in children.values():
            child.close()
    figures = {side: (s.median, s.best) for side, s in samples.items()}
    figures["ratio"] = timing.ratio(samples, "engine", "peer")
    return figures


def _ask(child: workers.Worker, threads: int) -> float:
    """One sample of a child. Threads of the other one may spin for a while after their run: they are waited for."""
    if threads > 1:
        time.sleep(0.1)
    answer = child.ask({})
    if answer["status"] != "pass":
        raise RuntimeError(f"{' '.join(child.command[-1:])}: {answer['status']}, {answer['reason']}")
    return answer["seconds"]


class Timer:
    """In the child: answers each question with a new sample."""

    def __init__(self, question: dict) -> None:
        job = Job(**question["job"])
        engine = load_engine(question["engine"])
        model = find(job.model, Path(question["folder"]))
        feed, threads, what = model.feed(job.rows), question["threads"], question["what"]
        if what == "run":
            session = open_session(engine, model.path, threads=threads)
            self.call = lambda: session.run(None, feed)
        elif what == "creation":
            self.call = lambda: open_session(engine, model.path, threads=threads)
        else:
            self.call = lambda: open_session(engine, model.path, threads=threads).run(None, feed)
        self.repeats = timing.repeats_for(self.call, 0.02 if what == "run" else 0.0)
        self.warm = what == "run"

    def __call__(self, _: dict) -> dict:
        if self.warm:
            self.call()
        return {"status": "pass", "seconds": timing.time_call(self.call, self.repeats)}


def _serve(question: dict) -> None:
    timer: list[Timer] = []

    def answer(ask: dict) -> dict:
        try:
            if not timer:
                timer.append(Timer(question))
            return timer[0](ask)
        except Exception as e:
            return {"status": "error", "reason": f"{type(e).__name__}: {e}"}

    workers.serve(answer)


if __name__ == "__main__":
    _serve(json.loads(sys.argv[1]))
