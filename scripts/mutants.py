#!/usr/bin/env python3
"""Gives an engine models that are nearly right and sees to it that each ends as an answer or a clear error.

The models are official cases with one to three things wrong (dimensions, types, lengths, attributes, wiring, cycles,
versions, truncations, flipped bits), made from seeds. A model fails when the engine crashes, takes longer than the
time limit, takes more memory than the memory limit, or gives an error without a message. Time and memory are enforced
from here, outside the engine. Failing models are kept.

examples:
  scripts/mutants.py --program build/asan/run_models   sard with sanitizers
  scripts/mutants.py --engine onnxruntime --count 500        another engine, through Python
  scripts/mutants.py --program ... --seed 4711 --count 1     one model again
"""

from __future__ import annotations

import argparse
import collections
import sys
import tempfile
import threading
import time
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(REPO / "scripts"), str(REPO / "fuzz")]

import mutate
from sardtools import official, workers
from sardtools.engines import ENGINES


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--program", type=Path, help="run_models, built with the sanitizers")
    what.add_argument("--engine", choices=ENGINES, help="a Python engine")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="of the first model")
    parser.add_argument("--time-limit", type=float, default=10.0, help="seconds per model")
    parser.add_argument("--memory-limit", type=float, default=1024, help="MB of residence while a model is worked on")
    parser.add_argument("--cases", type=Path, default=REPO / "build" / "conformance" / "cases")
    parser.add_argument("--keep", type=Path, default=REPO / "build" / "mutants", help="where failing models go")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


class Answerer:
    """In the worker, for Python engines: loads and runs "MODEL|FOLDER" with the values stored there."""

    def __init__(self, engine_name: str) -> None:
        from sardtools.engines import load_engine

        self.engine = load_engine(engine_name)

    def __call__(self, question: str) -> dict:
        from sardtools.engines import open_session
        from sardtools.values import read_value

        path, folder = question.split("|")
        model = official.onnx.load(Path(folder).parent / "model.onnx")
        try:
            session = open_session(self.engine, path)
            feed = {}
            for i, (declared, own) in enumerate(zip(session.get_inputs(), model.graph.input)):
                stored = Path(folder) / f"input_{i}.pb"
                if stored.exists():
                    feed[declared.name] = read_value(stored, own.type)
            session.run(None, feed)
        except Exception as e:
            return {"status": "refused", "reason": f"{type(e).__name__}: {e}"[:300]}
        return {"status": "pass"}


class Watch:
    """Ends a worker's process when its residence passes the limit; asked for the largest residence seen."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.worker: workers.Worker | None = None
        self.largest = 0.0
        self.over = False
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.thread.start()

    def _look(self) -> None:
        while not self.done.wait(0.01):
            process = self.worker.process if self.worker else None
            if process is None:
                continue
            try:
                pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
            except (OSError, IndexError):
                continue
            self.largest = max(self.largest, pages * 4096 / 2**20)
            if pages * 4096 / 2**20 > self.limit and not self.over:
                self.over = True
                process.kill()


def judge(answer: dict, watch: Watch, limit: float) -> str:
    """ "" when the answer is one, else what is wrong with it."""
    if watch.over:
        return f"took more than {limit:.0f} MB"
    if answer["status"] in ("crash", "timeout"):
        return f"{answer['status']}: {answer['reason']}"
    if answer["status"] == "refused" and not answer["reason"].partition(": ")[2].strip():
        return f"an error without a message: {answer['reason']}"
    return ""


def work(arguments: argparse.Namespace, models: list[Path], seeds, results: list, lock: threading.Lock) -> None:
    """One worker's share: takes seeds until there are none."""
    command = [str(arguments.program)]
    if arguments.engine:
        command = [sys.executable, __file__, "--engine", arguments.engine, "--worker"]
    worker = workers.Worker(command, arguments.time_limit)
    watch = Watch(arguments.memory_limit)
    watch.worker = worker
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "model.onnx"
        while True:
            with lock:
                seed = next(seeds, None)
            if seed is None:
                break
            data, what = mutate.mutant(models, seed)
            path.write_bytes(data)
            watch.over = False
            folder = arguments.cases / what.split(":")[0] / "test_data_set_0"
            start = time.perf_counter()
            answer = worker.ask(f"{path}|{folder}")
            problem = judge(answer, watch, arguments.memory_limit)
            if problem:
                arguments.keep.mkdir(parents=True, exist_ok=True)
                (arguments.keep / f"{seed}.onnx").write_bytes(data)
            with lock:
                results.append((seed, what, answer, problem, time.perf_counter() - start))
                if problem:
                    print(f"  FAIL seed {seed}, {what}: {problem}", flush=True)
    watch.done.set()
    worker.close()
    with lock:
        results.append(("largest", watch.largest))


def main() -> int:
    arguments = parse_arguments()
    if arguments.worker:
        workers.serve(Answerer(arguments.engine))
        return 0
    official.generate(arguments.cases)
    models = mutate.candidates(arguments.cases)
    seeds, lock, results = iter(range(arguments.seed, arguments.seed + arguments.count)), threading.Lock(), []
    threads = [
        threading.Thread(target=work, args=(arguments, models, seeds, results, lock)) for _ in range(arguments.jobs)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    largest = max(r[1] for r in results if r[0] == "largest")
    rows = [r for r in results if r[0] != "largest"]
    count = collections.Counter(r[2]["status"] for r in rows)
    codes = collections.Counter(r[2]["reason"].partition(":")[0] for r in rows if r[2]["status"] == "refused")
    failed = [r for r in rows if r[3]]
    print(f"{len(rows)} models: {dict(count)}; refusals: {dict(codes.most_common())}")
    print(f"slowest {max(r[4] for r in rows):.1f} s, largest residence {largest:.0f} MB, failed {len(failed)}")
    if failed:
        print(f"the failing models are in {arguments.keep}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
