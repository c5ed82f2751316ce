#!/usr/bin/env python3
"""Runs ONNX's official backend cases on an engine, at every optimisation level, and says where it stands.

Every case ends as one of
  pass         all outputs within the official tolerances
  unsupported  refused as valid but not offered
  random       types and shapes are right, the values random: the standard leaves the generator of these ten cases open
  denied       outside the tolerances for a known reason (sardtools/official.py: DENIED)
  wrong        an answer outside the tolerances, of another shape or type
  error        refused or failed for another reason
  crash        the process ended
  timeout      no answer in time
The last four fail the run, and so does a share of passes below --bar at any level.

examples:
  scripts/conformance.py --bar 50                     the whole suite, as `make conformance` runs it
  scripts/conformance.py --match softmax --levels all the cases with "softmax" in their name, fully optimised
  scripts/conformance.py --engine onnxruntime         the same suite on ONNX Runtime, to compare
"""

from __future__ import annotations

import argparse
import collections
import json
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from sardtools import official, workers
from sardtools.engines import ENGINES, LEVELS, is_unsupported, load_engine, open_session
from sardtools.table import markdown_table, text_table

REPO = Path(__file__).resolve().parent.parent
STATUSES = ("pass", "unsupported", "random", "denied", "wrong", "error", "crash", "timeout")
FAILURES = STATUSES[4:]
MEMORY_LIMIT = 12 << 30


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=ENGINES, default="sard")
    parser.add_argument("--levels", nargs="+", choices=list(LEVELS), default=list(LEVELS))
    parser.add_argument("--kinds", nargs="+", choices=official.KINDS, default=list(official.KINDS))
    parser.add_argument("--match", default="", help="only cases whose name contains this")
    parser.add_argument("--bar", type=float, default=0.0, help="least share of passes per level, in percent")
    parser.add_argument("--jobs", type=int, default=2, help="worker processes")
    parser.add_argument("--time-limit", type=float, default=60.0, help="seconds per case and level")
    parser.add_argument("--build", type=Path, default=REPO / "build" / "conformance", help="where cases and results go")
    parser.add_argument("--report", type=Path, help="also write the summary as Markdown, e.g. docs/conformance.md")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


# ---- in the worker ---------------------------------------------------------------------------------------------


class Answerer:
    """Answers {"path", "level"} with {"status", "reason"}; keeps the last case, which is asked for at every level."""

    def __init__(self, engine_name: str) -> None:
        self.name = engine_name
        self.engine = load_engine(engine_name)
        self.case: official.Case | None = None

    def __call__(self, question: dict) -> dict:
        path = Path(question["path"])
        if self.case is None or self.case.path != path:
            self.case = official.read_case(path)
        try:
            problem = self._run(self.case, question["level"])
        except Exception as e:  # whatever an engine throws is its answer
            status = "unsupported" if is_unsupported(self.name, e) else "error"
            return {"status": status, "reason": f"{type(e).__name__}: {e}"[:2000]}
        if problem:
            return {"status": "denied" if self.case.name in official.DENIED else "wrong", "reason": problem}
        return {"status": "random" if self.case.name in official.RANDOM else "pass", "reason": ""}

    def _run(self, case: official.Case, level: str) -> str | None:
        from sardtools import feed
        from sardtools.values import difference, form_difference

        session = open_session(self.engine, case.path / "model.onnx", level=level)
        names = [o.name for o in case.model.graph.output]
        for ins, outs in case.sets:
            got = feed.run(self.engine, session, case.model, ins)
            if len(got) < len(outs):
                return f"expected {len(outs)} outputs, found {len(got)}"
            for name, want, have in zip(names, outs, got):
                if case.name in official.RANDOM:
                    problem = form_difference(want, have, name)
                else:
                    problem = difference(want, have, case.rtol, case.atol, name)
                if problem:
                    return problem
        return None


# ---- in the parent ---------------------------------------------------------------------------------------------


def run_all(arguments: argparse.Namespace, folders: list[Path], results_path: Path) -> list[dict]:
    """Asks the workers about every case at every level; writes one JSON line per answer, in order of the cases."""
    command = [sys.executable, __file__, "--worker", "--engine", arguments.engine]
    answers: dict[int, list[dict]] = {}
    lock = threading.Lock()
    todo = iter(enumerate(folders))

    def work() -> None:
        worker = workers.Worker(command, arguments.time_limit)
        while True:
            with lock:
                number, folder = next(todo, (None, None))
            if folder is None:
                break
            rows = []
            for level in arguments.levels:
                answer = worker.ask({"path": str(folder), "level": level})
                rows.append({"kind": folder.parent.name, "name": folder.name, "level": level, **answer})
            with lock:
                answers[number] = rows
                show_progress(len(answers), len(folders))
        worker.close()

    threads = [threading.Thread(target=work) for _ in range(max(1, arguments.jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results = [row for number in sorted(answers) for row in answers[number]]
    results_path.write_text("".join(json.dumps(row) + "\n" for row in results))
    return results


def show_progress(done: int, total: int) -> None:
    if sys.stderr.isatty() and (done % 20 == 0 or done == total):
        print(f"\r  {done} of {total} cases", end="\n" if done == total else "", file=sys.stderr, flush=True)


def summary_rows(results: list[dict], levels: list[str]) -> list[list]:
    """One row per kind and level, then one per level over all kinds."""
    count: dict[tuple[str, str], collections.Counter] = collections.defaultdict(collections.Counter)
    for row in results:
        for kind in (row["kind"], "all kinds"):
            count[kind, row["level"]][row["status"]] += 1
    rows = []
    for kind in (*official.KINDS, "all kinds"):
        for level in levels:
            c = count.get((kind, level))
            if c:
                share = 100 * c["pass"] / c.total()
                rows.append([kind, level, c.total(), *(c[s] for s in STATUSES), f"{share:.1f} %"])
    return rows


def unsupported_operators(results: list[dict], cases: Path) -> list[tuple[str, int, str]]:
    """(operator, cases, one of them) for what is refused, most cases first.

    The operators are those of the case's model that the error message names, else all of its operators.
    """
    found: dict[str, set[str]] = collections.defaultdict(set)
    for row in results:
        if row["status"] != "unsupported":
            continue
        path = cases / row["kind"] / row["name"]
        if any(path.name in names for names in found.values()):
            continue
        model = official.read_model(path)
        own = official.operators(model.graph)
        named = {o for o in own if f"'{o}'" in row["reason"] or f" {o}" in row["reason"] or f"{o}(" in row["reason"]}
        for operator in named or own:
            found[operator].add(path.name)
    rows = [(operator, len(names), min(names)) for operator, names in found.items()]
    return sorted(rows, key=lambda r: (-r[1], r[0]))


def report_text(arguments, results: list[dict], head: list[str], rows: list[list], cases: Path) -> str:
    """The Markdown page."""
    import onnx

    failures = [r for r in results if r["status"] in FAILURES]
    parts = [
        "# Conformance",
        f"The official backend cases of `onnx` {onnx.__version__}, run by `scripts/conformance.py` on "
        f"{arguments.engine} at every optimisation level, with the official tolerances. This page is its output.",
        markdown_table(head, rows),
    ]
    if failures:
        cells = [[r["kind"], r["name"], r["level"], r["status"], r["reason"][:160]] for r in failures]
        parts += ["## Failures", markdown_table(["kind", "case", "level", "status", "reason"], cells)]
    refused = unsupported_operators(results, cases)
    if refused:
        text = "How many cases are refused because of an operator (its types, attributes or version included)."
        parts += ["## Not supported, by operator", text, markdown_table(["operator", "cases", "for example"], refused)]
    return "\n\n".join(parts) + "\n"


def main() -> int:
    arguments = parse_arguments()
    if arguments.worker:
        workers.serve(Answerer(arguments.engine), MEMORY_LIMIT)
        return 0
    load_engine(arguments.engine)
    cases = arguments.build / "cases"
    print(f"writing the official cases to {cases} (once)" if not cases.exists() else f"cases in {cases}", flush=True)
    official.generate(cases)
    folders = official.case_folders(cases, arguments.kinds, arguments.match)
    if not folders:
        print(f"no case matches '{arguments.match}'", file=sys.stderr)
        return 2
    results_path = arguments.build / f"{arguments.engine}.jsonl"
    print(f"running {len(folders)} cases at {len(arguments.levels)} levels on {arguments.engine}", flush=True)
    results = run_all(arguments, folders, results_path)

    head = ["kind", "level", "cases", *STATUSES, "share"]
    rows = summary_rows(results, arguments.levels)
    print(text_table(head, rows))
    failures = [r for r in results if r["status"] in FAILURES]
    for r in failures[:40]:
        print(f"  {r['status']:8} {r['level']:8} {r['kind']}/{r['name']}: {r['reason'][:200]}")
    if len(failures) > 40:
        print(f"  ... and {len(failures) - 40} more in {results_path}")
    if arguments.report:
        arguments.report.write_text(report_text(arguments, results, head, rows, cases))
        print(f"wrote {arguments.report}")
    low = [r[1] for r in rows if r[0] == "all kinds" and 100 * r[3] / r[2] < arguments.bar]
    if low:
        print(f"below the bar of {arguments.bar:g} %: {', '.join(low)}")
    print(f"results: {results_path}")
    return 1 if failures or low else 0


if __name__ == "__main__":
    sys.exit(main())
