"""How much memory a large model takes before its first run, and what a large batch leaves behind."""

from __future__ import annotations

import gc
import time
from pathlib import Path

from sardtools import machine
from sardtools.engines import load_engine, open_session

import speed


def load_growth(engine_name: str, folder: Path) -> dict:
    """Growth of resident memory while the 400 MB model's session is created, before any run.

    Returns bytes: "file", "resident" (all of it), "anonymous" (of this what is not the mapped file), "packed" (weights
    in another layout, as far as the engine reports them, else None), "after" (resident growth after the first run);
    and "seconds".
    """
    engine = load_engine(engine_name)
    open_session(engine, speed.find("mlp", folder).path)  # what an engine allocates once is not the model's
    model = speed.find("large", folder)
    feed = model.feed(1)
    gc.collect()
    before = machine.resident_bytes()
    start = time.perf_counter()
    session = open_session(engine, model.path)
    seconds = time.perf_counter() - start
    loaded = machine.resident_bytes()
    packed = getattr(session, "packed_bytes", None)
    session.run(None, feed)
    ran = machine.resident_bytes()
    return {
        "file": model.path.stat().st_size,
        "resident": loaded[0] - before[0],
        "anonymous": loaded[1] - before[1],
        "packed": packed() if callable(packed) else packed,
        "after": ran[0] - before[0],
        "seconds": seconds,
    }


def batch_leftover(engine_name: str, model_name: str, rows: int, folder: Path) -> dict:
    """Resident bytes "before" a batch of that many rows, right "after" it, and "later" after a second's idleness."""
    session = open_session(load_engine(engine_name), speed.find(model_name, folder).path, threads=2)
    model = speed.find(model_name, folder)
    feed = model.feed(rows)
    small = {k: v[:1] for k, v in feed.items()}
    for _ in range(20):
        session.run(None, small)
    gc.collect()
    before = machine.resident_bytes()[0]
    answer = session.run(None, feed)
    after = machine.resident_bytes()[0]
    del answer
    time.sleep(1.0)
    return {"before": before, "after": after, "later": machine.resident_bytes()[0]}
