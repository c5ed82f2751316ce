#!/usr/bin/env python3
"""The engine at work on real input, beside ONNX Runtime: kinds of files, and models trained on real tables.

  1. magika's model (as PyPI ships it) classifies files of this repository and of the Python installation, by the
     engine directly and through magika's own unmodified program with sard standing in for onnxruntime.
  2. scikit-learn pipelines and gradient-boosted trees are trained on scikit-learn's own data sets, converted to ONNX,
     and score the rows held out.

Ends with status 1 when any answer differs. `make demo` runs it; it takes a minute or two.

examples:
  examples/demo.py
  examples/demo.py --files 500
  examples/demo.py --engine onnxruntime      onnxruntime on both sides: what the comparison itself can see
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPO / "scripts"))

from sardtools import machine
from sardtools.engines import ENGINES, EngineMissing, load_engine


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=ENGINES, default="sard")
    parser.add_argument("--files", type=int, default=200, help="how many files to classify")
    return parser.parse_args()


def main() -> int:
    import demo_magika
    import demo_tables

    arguments = parse_arguments()
    start = time.perf_counter()
    try:
        engine, peer = load_engine(arguments.engine), load_engine("onnxruntime")
    except EngineMissing as e:
        print(f"demo: {e}", file=sys.stderr)
        return 2
    for name, value in machine.facts(arguments.engine, "onnxruntime").items():
        print(f"  {name:17} {value}")
    good = demo_magika.show(REPO, engine, peer, arguments.files)
    good = demo_tables.show(engine, peer) and good
    print(
        f"\n{'All answers agree.' if good else 'SOME ANSWERS DIFFER.'}  "
        f"The demo took {time.perf_counter() - start:.0f} s."
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
