#!/usr/bin/env python3
"""Times one operator on its official cases, beside ONNX Runtime: `make one OP=Clip`.

The cases are small, so this shows what a call and a node cost and finds slow paths; bench/run.py measures whole models.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPO / "scripts"))

from sardtools import feed, official  # noqa: E402
from sardtools.engines import ENGINES, EngineMissing, load_engine, open_session  # noqa: E402
from sardtools.table import text_table  # noqa: E402
from sardtools.timing import interleave, ratio  # noqa: E402


def calls_of(case: official.Case, engines: dict) -> dict:
    """One call per engine that can open and run the case."""
    calls = {}
    for name, engine in engines.items():
        try:
            session = open_session(engine, case.path / "model.onnx")
            call = lambda e=engine, s=session: feed.run(e, s, case.model, case.sets[0][0])  # noqa: E731
            call()
            calls[name] = call
        except Exception as e:  # an engine may refuse a case; the other is still timed
            print(f"{case.name}: {name}: {e}", file=sys.stderr)
    return calls


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("op", help="the operator's name, as in ONNX")
    parser.add_argument("--seconds", type=float, default=0.3, help="per case")
    parser.add_argument("--most", type=int, default=12, help="cases, the largest inputs first")
    arguments = parser.parse_args()
    engines = {}
    for name in ENGINES:
        try:
            engines[name] = load_engine(name)
        except EngineMissing as e:
            print(e, file=sys.stderr)
    root = REPO / "build" / "conformance" / "cases"
    official.generate(root)
    folders = [f for f in official.case_folders(root, ("node",)) if not f.name.endswith("_expanded")]
    folders = [f for f in folders if arguments.op in official.operators(official.read_model(f).graph)]
    if not folders:
        print(f"no official case has the operator '{arguments.op}'", file=sys.stderr)
        return 1
    folders.sort(key=lambda f: -sum(p.stat().st_size for p in f.glob("test_data_set_0/input_*.pb")))
    rows = []
    for folder in folders[: arguments.most]:
        case = official.read_case(folder)
        samples = interleave(calls_of(case, engines), seconds=arguments.seconds)
        cells = [f"{samples[n].best * 1e6:.1f} us" if n in samples else "-" for n in ENGINES]
        both = len(samples) == len(ENGINES)
        rows.append([case.name, *cells, f"{ratio(samples, ENGINES[0], ENGINES[1]):.2f}" if both else "-"])
    print(text_table(["case", *ENGINES, "ratio"], rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
