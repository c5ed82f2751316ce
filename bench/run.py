#!/usr/bin/env python3
"""Measures the engine beside ONNX Runtime and writes bench/RESULTS.md.

Models have random weights (made once below build/models); magika's is the one its package ships. Every measurement has
processes of its own; where two engines are compared they take turns, and the ratio is the median over neighbouring
samples, so a busy machine disturbs both.

examples:
  bench/run.py                                everything, as `make bench` does; some minutes
  bench/run.py --only speed --match resnet    one section, some models
  bench/run.py --no-write --seconds 1         a quick look
  bench/run.py --check                        ends with status 1 when a bar is missed
  bench/run.py --engine onnxruntime           onnxruntime beside itself: what the method can see
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(REPO / "scripts"), str(REPO / "bench")]

from sardtools import machine, models
from sardtools.engines import ENGINES, EngineMissing, load_engine
from sardtools.table import markdown_table, text_table

PEER = "onnxruntime"
SECTIONS = ("speed", "creation", "memory", "caller", "batch")
MARKS = ("<!-- bench/run.py: begin -->", "<!-- bench/run.py: end -->")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=ENGINES, default="sard")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--match", default="", help="only models whose name contains this (speed and creation)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--seconds", type=float, default=6.0, help="per comparison")
    parser.add_argument("--models", type=Path, default=REPO / "build" / "models", help="where the models are kept")
    parser.add_argument("--results", type=Path, default=REPO / "bench" / "RESULTS.md")
    parser.add_argument("--no-write", action="store_true", help="print only")
    parser.add_argument("--check", action="store_true", help="fail when a bar is missed")
    return parser.parse_args()


def in_fresh_process(function, *arguments):
    """The function's result, computed in a new process; its exceptions come back."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def verdict(value: float, bar: float | None) -> str:
    return "" if bar is None else "meets" if value <= bar else "MISSES"


class Page:
    """The sections as they are measured: printed at once, kept for the page, and whether bars were missed."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.missed: list[str] = []

    def say(self, title: str, text: str, head: list[str], rows: list[list[str]]) -> None:
        print(f"\n{title}\n\n{text_table(head, rows)}\n", flush=True)
        self.parts.append(f"## {title}\n\n{text}\n\n{markdown_table(head, rows)}")
        self.missed += [f"{title}: {row[0]}" for row in rows if "MISSES" in row]


def measure_speed(page: Page, arguments: argparse.Namespace) -> None:
    import speed

    rows = []
    for threads in arguments.threads:
        for job in speed.JOBS:
            if arguments.match not in job.model:
                continue
            print(f"  {job.what}, {threads} thread{'s' * (threads > 1)} ...", flush=True)
            engines = (arguments.engine, PEER)
            f = speed.compare(job, "run", threads, engines, arguments.models, arguments.seconds)
            bar = job.bar if threads == 1 else None
            rows.append([job.what, threads, *_pair(f), "" if bar is None else f"{bar:.2f}", verdict(f["ratio"], bar)])
    text = (
        "Milliseconds per run, median and best; the ratio is the median over paired samples; "
        "the bar is the most it may be."
    )
    page.say("Speed", text, ["model", "threads", *_pair_head(arguments.engine), "bar", ""], rows)


def measure_creation(page: Page, arguments: argparse.Namespace) -> None:
    import speed

    rows = []
    for job in speed.JOBS:
        if not job.creation or arguments.match not in job.model:
            continue
        print(f"  creating a session: {job.model} ...", flush=True)
        for what, kind, bar in (("creation", "creation", 1.0), ("creation and first run", "first", None)):
            engines = (arguments.engine, PEER)
            f = speed.compare(job, kind, 1, engines, arguments.models, arguments.seconds / 2)
            rows.append(
                [f"{job.model}: {what}", *_pair(f), "" if bar is None else f"{bar:.2f}", verdict(f["ratio"], bar)]
            )
    text = "Milliseconds to make a session from a file in the page cache, one thread; and until its first answer."
    page.say("Creation", text, ["model", *_pair_head(arguments.engine), "bar", ""], rows)


def _pair_head(engine: str) -> list[str]:
    return [f"{engine} median", "best", f"{PEER} median", "best", "ratio"]


def _pair(figures: dict) -> list[str]:
    times = [f"{1e3 * t:.3f}" for side in ("engine", "peer") for t in figures[side]]
    return [*times, f"{figures['ratio']:.3f}"]


def measure_memory(page: Page, arguments: argparse.Namespace) -> None:
    import memory

    models.model("large", arguments.models).path.read_bytes()  # made, and in the page cache
    rows = []
    for engine in (arguments.engine, PEER):
        print(f"  loading 400 MB on {engine} ...", flush=True)
        f = in_fresh_process(memory.load_growth, engine, arguments.models)
        # What is held to the bar is what was copied: resident growth apart from the packed weights that are reported.
        copied = f["resident"] - (f["packed"] or 0)
        share = copied / f["file"]
        packed = "not reported" if f["packed"] is None else f"{f['packed'] / 1e6:.1f}"
        judged = verdict(share, 0.1 if engine == arguments.engine else None)
        rows.append(
            [
                engine,
                f"{f['file'] / 1e6:.1f}",
                f"{f['resident'] / 1e6:.1f}",
                f"{f['anonymous'] / 1e6:.1f}",
                packed,
                f"{100 * share:.1f} %",
                f"{f['after'] / 1e6:.1f}",
                f"{1e3 * f['seconds']:.1f}",
                judged,
            ]
        )
    text = (
        "A model with 400 MB of weights: growth of resident memory in MB while the session is created, how much of "
        "it is anonymous (not the mapped file), packed weights as reported, growth without those as a share of the "
        "file (bar: 10 %), growth after the first run, and the milliseconds of loading."
    )
    head = ["engine", "file", "resident", "anonymous", "packed", "share", "after a run", "load ms", ""]
    page.say("Memory of a large model", text, head, rows)


def measure_caller(page: Page, arguments: argparse.Namespace) -> None:
    import idle

    rows = []
    for model, batch in (("mlp", 64), ("magika", 1)):
        for threads in arguments.threads:
            for engine in (arguments.engine, PEER):
                print(f"  20 calls a second: {model}, {threads} threads, {engine} ...", flush=True)
                f = in_fresh_process(idle.caller_cost, engine, model, batch, threads, arguments.models)
                share = (f["caller"] - f["loop"]) / f["busy"]
                judged = verdict(share, 2.0 if engine == arguments.engine else None)
                rows.append(
                    [
                        f"{model}, {batch} row{'s' * (batch > 1)}",
                        threads,
                        engine,
                        f"{1e3 * f['busy']:.2f}",
                        f"{1e3 * f['caller']:.2f}",
                        f"{1e3 * f['loop']:.2f}",
                        f"{share:.2f}",
                        judged,
                    ]
                )
    text = (
        "CPU milliseconds per call: back to back, 20 times a second, and of the empty loop; the ratio of the second "
        "less the third to the first (bar: 2)."
    )
    head = ["model", "threads", "engine", "back to back", "20 a second", "empty loop", "ratio", ""]
    page.say("A caller at 20 Hz", text, head, rows)


def measure_batch(page: Page, arguments: argparse.Namespace) -> None:
    import memory

    rows = []
    for model in ("mlp", "lightgbm"):
        for engine in (arguments.engine, PEER):
            print(f"  after a batch of 10,000: {model}, {engine} ...", flush=True)
            f = in_fresh_process(memory.batch_leftover, engine, model, 10_000, arguments.models)
            share = f["later"] / f["before"]
            judged = verdict(share, 1.1 if engine == arguments.engine else None)
            rows.append(
                [
                    f"{model}, 10,000 rows",
                    engine,
                    *(f"{f[k] / 1e6:.1f}" for k in ("before", "after", "later")),
                    f"{share:.3f}",
                    judged,
                ]
            )
    text = (
        "Resident MB of the process before a batch of 10,000 rows, right after it, and one second later; "
        "the last as a share of the first (bar: 1.1)."
    )
    page.say("What a batch leaves behind", text, ["model", "engine", "before", "after", "later", "ratio", ""], rows)


def write_results(path: Path, page: Page, engine: str) -> None:
    """Writes the page between its marks; what stands outside them in the file stays."""
    facts = markdown_table(["", ""], machine.facts(engine, PEER, "numpy").items())
    body = "\n\n".join(
        [
            MARKS[0],
            "# Results",
            "Written by `bench/run.py` (`make bench`) on this machine:",
            facts,
            *page.parts,
            MARKS[1],
        ]
    )
    old = path.read_text() if path.exists() else ""
    before, _, rest = old.partition(MARKS[0])
    after = rest.partition(MARKS[1])[2].lstrip("\n")
    path.write_text(before + body + "\n" + ("\n" + after if after else ""))
    print(f"wrote {path}")


def main() -> int:
    arguments = parse_arguments()
    try:
        for engine in (arguments.engine, PEER):
            load_engine(engine)
    except EngineMissing as e:
        print(f"bench: {e}", file=sys.stderr)
        return 2
    for name, value in machine.facts(arguments.engine, PEER).items():
        print(f"  {name:17} {value}")
    measures = dict(zip(SECTIONS, (measure_speed, measure_creation, measure_memory, measure_caller, measure_batch)))
    page = Page()
    for section in arguments.only:
        measures[section](page, arguments)
    if not arguments.no_write:
        write_results(arguments.results, page, arguments.engine)
    for miss in page.missed:
        print(f"misses its bar: {miss}")
    return 1 if arguments.check and page.missed else 0


if __name__ == "__main__":
    sys.exit(main())
