"""What a caller pays who asks twenty times a second: CPU time against what the computation itself needs."""

from __future__ import annotations

import time
from pathlib import Path

from sardtools import machine
from sardtools.engines import load_engine, open_session

import speed

RATE = 20.0


def caller_cost(engine_name: str, model_name: str, rows: int, threads: int, folder: Path, seconds: float = 6.0) -> dict:
    """CPU seconds per call: "busy" (calls back to back), "caller" (20 a second), "loop" (20 a second without calls)."""
    model = speed.find(model_name, folder)
    session = open_session(load_engine(engine_name), model.path, threads=threads)
    feed = model.feed(rows)

    def call() -> None:
        session.run(None, feed)

    for _ in range(20):
        call()
    time.sleep(0.5)
    return {"busy": _busy(call, 1.0), "caller": _paced(call, seconds), "loop": _paced(lambda: None, 1.0)}


def _busy(call, seconds: float) -> float:
    start, end, count = machine.cpu_seconds(), time.perf_counter() + seconds, 0
    while time.perf_counter() < end:
        call()
        count += 1
    return (machine.cpu_seconds() - start) / count


def _paced(call, seconds: float) -> float:
    start, count = machine.cpu_seconds(), round(seconds * RATE)
    next_call = time.perf_counter()
    for _ in range(count):
        call()
        next_call += 1 / RATE
        time.sleep(max(0.0, next_call - time.perf_counter()))
    return (machine.cpu_seconds() - start) / count
