#!/usr/bin/env python3
"""Measures SynapseML's ONNXModel on Spark over sard's libonnxruntime.so.1 beside the library that SynapseML brings.

Each library has a JVM of its own, new for each model, with the same settings and the same table, rows of vectors of 95
numbers in memory (`localCheckpoint`); they take turns, the ratio is the median over neighbouring samples. What is timed
is scoring the whole table once, its result thrown away (Spark's `noop` sink); what the JVM compiles has been compiled by
then, and its heap has its full size from the start (spark_worker.py, `heap_options`). At the end the answers of both are
compared: labels, probabilities, sums. A model that does nothing shows what Spark itself costs, and so how much faster a library
that takes no time would be.
Writes its section of bench/RESULTS.md.

examples:
  bench/spark.py                                  1,000,000 rows, batches of 5,000, local[2]; some 25 minutes
  bench/spark.py --rows 50000 --no-write          a quick look
  bench/spark.py --only gbm100_zipmap --rounds 9  one model
  bench/spark.py --lib DIR                        a folder with libonnxruntime.so.1 instead of the release build's
  bench/spark.py --check                          ends with status 1 when a bar is missed
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(REPO / "scripts"), str(REPO / "bench")]

from sardtools import machine, models, timing
from sardtools.table import markdown_table, text_table
from sardtools.workers import Worker

MARKS = ("<!-- bench/spark.py: begin -->", "<!-- bench/spark.py: end -->")
CLIENT = REPO / "tests" / "clients" / "spark"
WORK = REPO / "build" / "clients" / "spark"
COLUMNS = 95
REVISION = "2"  # of the models, in their folder's name: raise when they are made differently
WARM = 4  # runs of each job that are not counted: the JVM compiles what is run often


@dataclass
class Job:
    """A model, what is fetched of it, and the bar: the least that sard's rows per second may be of the other's."""

    name: str
    model: str
    what: str
    maps: bool = False
    bar: float | None = None
    trivial: bool = False

    def question(self, do: str, folder: Path, batch: int) -> dict:
        fetch = {"p": "y"} if self.trivial else {"label": "label", "p": "probabilities"}
        path = str(folder / f"{self.model}.onnx")
        return {"do": do, "model": path, "maps": self.maps, "batch": batch, "fetch": fetch}


JOBS = (
    Job("trivial", "trivial", "one column, as it is", trivial=True),
    Job("gbm100_zipmap", "gbm100_zipmap", "LightGBM, 100 trees, ZipMap", maps=True, bar=1.3),
    Job("gbm100", "gbm100", "LightGBM, 100 trees, no ZipMap", bar=1.5),
    Job("gbm1000_zipmap", "gbm1000_zipmap", "LightGBM, 1,000 trees, ZipMap", maps=True),
    Job("gbm1000", "gbm1000", "LightGBM, 1,000 trees, no ZipMap", bar=4.0),
)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--batch", type=int, default=5000)
    parser.add_argument("--threads", type=int, default=2, help="of Spark: local[N]")
    parser.add_argument("--tasks", type=int, default=8, help="the partitions of the table")
    parser.add_argument("--pairs", type=int, default=2, help="of JVMs for each model, one after the other")
    parser.add_argument("--rounds", type=int, default=6, help="of each pair")
    parser.add_argument("--memory", type=int, default=6144, help="of each JVM's heap, in MiB")
    parser.add_argument("--only", nargs="+", choices=[j.name for j in JOBS], default=[j.name for j in JOBS])
    parser.add_argument("--lib", type=Path, help="a folder with libonnxruntime.so.1 (the release build's otherwise)")
    parser.add_argument("--results", type=Path, default=REPO / "bench" / "RESULTS.md")
    parser.add_argument("--no-write", action="store_true", help="print only")
    parser.add_argument("--check", action="store_true", help="fail when a bar is missed")
    return parser.parse_args()


def sard_library(given: Path | None) -> Path:
    """The folder that Spark is given: as installed from the release build, or another one."""
    if given:
        return given.resolve()
    prefix = REPO / "build" / "clients" / "sard"
    shutil.rmtree(prefix, ignore_errors=True)
    command = ["cmake", "--install", str(REPO / "build" / "release"), "--prefix", str(prefix)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return prefix / "share" / "sard" / "spark"


def make_models(folder: Path) -> None:
    """The models of JOBS, once; the trees learn what those of the other benchmarks do (sardtools.models)."""
    folder.mkdir(parents=True, exist_ok=True)
    spec = importlib.util.spec_from_file_location("spark_models", CLIENT / "models.py")
    makers = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(makers)
    makers.first_column(folder, COLUMNS)
    for trees in (100, 1000):
        if not (folder / f"gbm{trees}.onnx").exists():
            print(f"  training {trees} trees ...", flush=True)
            makers.gbm(folder, trees, *models.boosting_data(20_000, 7, COLUMNS), f"gbm{trees}")


def ask(child: Worker, question: dict) -> dict:
    answer = child.ask(question)
    if "status" in answer:
        raise SystemExit(f"bench: a Spark process {answer['status']}: {answer['reason']}")
    return answer


def compare(job: Job, answers: dict[str, dict]) -> str:
    """How the answers of both libraries agree, in words; ends the program when they do not."""
    ours, theirs = answers["sard"], answers["official"]
    flips = sum(a != b for a, b in zip(ours["labels"], theirs["labels"]))
    apart = max(abs(a - b) - 1e-4 * abs(b) for a, b in zip(ours["p"], theirs["p"]))
    far = [abs(a - b) / max(abs(b), 1e-9) for a, b in zip(ours["sums"], theirs["sums"])]
    # A probability within rounding of one half may give either label.
    near = sum(abs(p - 0.5) < 1e-5 for p in theirs["p"])
    if flips > near or apart > 1e-5 or max(far) > 1e-5:
        raise SystemExit(f"bench: {job.what}: {flips} labels differ, probabilities by {apart:g}, sums by {max(far):g}")
    return f"{len(ours['labels']) - flips:,} of {len(ours['labels']):,} labels"


def take_samples(job: Job, children: dict[str, Worker], folder: Path, arguments: argparse.Namespace) -> tuple[dict, dict]:
    """Rounds of one pair of JVMs, warmed: the samples, and the most resident bytes, of each library."""
    question = job.question("time", folder, arguments.batch)
    peaks: dict[str, int] = {}

    def sampler(name: str) -> float:
        answer = ask(children[name], question)
        peaks[name] = max(peaks.get(name, 0), answer["peak"])
        return answer["seconds"]

    samplers = {name: (lambda n=name: sampler(n)) for name in children}
    for _ in range(WARM):
        for warm in samplers.values():
            warm()
    return timing.take_turns(samplers, seconds=0, least=arguments.rounds), peaks


def measure(job: Job, children: dict[str, Worker], folder: Path, arguments: argparse.Namespace) -> dict:
    """{"sard", "official": (rows per second: median, best, peak bytes), "ratio", "agree"}

    Every pair of JVMs is new and has scored nothing else: what a JVM compiles depends on all that it has run, and on
    luck, of which two JVMs over the same library may have a fifth.
    """
    samples: dict[str, timing.Samples] = {}
    peaks: dict[str, int] = {}
    for pair in range(arguments.pairs):
        print(f"  {job.what}, pair {pair + 1} of {arguments.pairs} ...", flush=True)
        for child in children.values():
            child.close()
        taken, most = take_samples(job, children, folder, arguments)
        for name in children:
            samples.setdefault(name, timing.Samples()).seconds.extend(taken[name].seconds)
            peaks[name] = max(peaks.get(name, 0), most[name])
        print(f"    {1 / timing.ratio(taken, 'sard', 'official'):.2f}", flush=True)
    agree = ""
    if not job.trivial:
        question = job.question("answers", folder, arguments.batch)
        agree = compare(job, {name: ask(child, question) for name, child in children.items()})
    figures = {name: (arguments.rows / s.median, arguments.rows / s.best, peaks[name]) for name, s in samples.items()}
    return {**figures, "ratio": 1 / timing.ratio(samples, "sard", "official"), "agree": agree}


def row_of(job: Job, figures: dict, floor: float, heap: int) -> list[str]:
    """A line of the table; `floor`: rows per second of the model that does nothing, 0 when it was not measured; `heap`:
    of each JVM, in bytes, resident from the start, so that only what stands beside it tells the libraries apart."""
    cells = [job.what]
    for name in ("sard", "official"):
        median, best, peak = figures[name]
        cells += [f"{median:,.0f}", f"{best:,.0f}", f"{(peak - heap) / 1e6:,.0f}"]
    judged = "" if job.bar is None else "meets" if figures["ratio"] >= job.bar else "MISSES"
    bar = "" if job.bar is None else f"{job.bar:.1f}"
    most = f"{floor / figures['official'][0]:.2f}" if floor and not job.trivial else ""
    return [*cells, f"{figures['ratio']:.2f}", most, bar, judged, figures["agree"]]


def write_results(path: Path, text: str) -> None:
    """Writes the section between its marks; what stands outside them in the file stays."""
    old = path.read_text() if path.exists() else ""
    before, mark, rest = old.partition(MARKS[0])
    after = rest.partition(MARKS[1])[2].lstrip("\n") if mark else ""
    before = before.rstrip("\n") + "\n\n" if before.strip() else ""
    path.write_text(f"{before}{MARKS[0]}\n\n{text}\n\n{MARKS[1]}\n" + ("\n" + after if after else ""))
    print(f"wrote {path}")


def main() -> int:
    arguments = parse_arguments()
    setup = f'. "{CLIENT}/setup.sh" && spark_setup "{WORK}"'
    subprocess.run(["bash", "-c", setup], check=True, stdout=subprocess.DEVNULL)
    folder = REPO / "build" / "models" / f"spark-{REVISION}"
    make_models(folder)
    libraries = {"sard": str(sard_library(arguments.lib)), "official": "official"}
    jobs = [job for job in JOBS if job.name in arguments.only]
    children = {}
    for name, lib in libraries.items():
        command = [WORK / "venv" / "bin" / "python", REPO / "bench" / "spark_worker.py", WORK, lib]
        command += [arguments.threads, arguments.memory, arguments.rows, arguments.tasks]
        children[name] = Worker([str(word) for word in command], time_limit=1800.0)
    head = ["model", "sard rows/s", "best", "+MB", "official rows/s", "best", "+MB", "ratio"]
    head += ["most", "bar", "", "agree"]
    rows = []
    floor = 0.0
    try:
        for job in jobs:
            figures = measure(job, children, folder, arguments)
            if job.trivial:
                floor = max(figures[name][0] for name in libraries)
            rows.append(row_of(job, figures, floor, arguments.memory << 20))
            print(text_table(head, rows[-1:]), flush=True)
    finally:
        for child in children.values():
            child.close()
    print(f"\n{text_table(head, rows)}\n")
    text = (
        f"{arguments.rows:,} rows of vectors of {COLUMNS} numbers, batches of {arguments.batch:,}, "
        f"`local[{arguments.threads}]`, a table in memory of {arguments.tasks} partitions, SynapseML 1.1.0 "
        "on Spark 3.5.9 over sard's `libonnxruntime.so.1` and over the library that SynapseML brings (1.8.1); each in "
        f"a JVM of its own with {arguments.memory:,} MiB of heap from the start, {arguments.pairs} new pairs for each model, "
        "in turns. Rows per second, median and best; the ratio is the median over "
        "neighbouring samples, the bar the least it may be, `most` what a library that takes no time would have (Spark "
        "with the model that does nothing against the official library); `+MB` is the JVM's most resident memory "
        "beside its heap. "
        "`agree`: labels equal of the rows compared one by one (the others differ where a probability is one half)."
    )
    facts = machine.facts()
    where = f"{facts['date']}, {facts['processor']}, {facts['cores']} cores."
    text = f"# On Spark\n\n{text}\n\n{markdown_table(head, rows)}\n\n{where}"
    if not arguments.no_write:
        write_results(arguments.results, text)
    missed = [row[0] for row in rows if "MISSES" in row]
    for miss in missed:
        print(f"misses its bar: {miss}")
    return 1 if arguments.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
