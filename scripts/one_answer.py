#!/usr/bin/env python3
"""Checks that models give the same bits for every number of threads, batch and instruction set.

With FOLDER, UltraFace and MNIST from that folder (ultraface-rfb-320.onnx with faces.jpg, mnist.onnx with eight.png)
are checked; without, the models of the test suite: magika, silero-vad, a random-weight ResNet-50 and a transformer of
2 layers. Ends with status 1 when two digests of a model differ.

examples:
  scripts/one_answer.py ../models
  scripts/one_answer.py --models transformer2 --levels none all
  scripts/one_answer.py --engine onnxruntime --models transformer2     for comparison: batches and threads only
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from sardtools import machine, one_answer
from sardtools.engines import ENGINES, LEVELS
from sardtools.table import text_table

REPO = Path(__file__).resolve().parent.parent


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", metavar="FOLDER")
    parser.add_argument("--engine", choices=ENGINES, default="sard")
    parser.add_argument("--models", nargs="+", choices=one_answer.OWN + one_answer.REAL)
    parser.add_argument("--levels", nargs="+", choices=list(LEVELS), default=["all"])
    parser.add_argument("--isa", nargs="+", help="values of SARD_ISA; all that this machine can run when not given")
    return parser.parse_args()


def main() -> int:
    arguments = parse_arguments()
    names = arguments.models or (one_answer.REAL if arguments.folder else one_answer.OWN)
    folder = arguments.folder or REPO / "build" / "models"
    isas = arguments.isa or (machine.instruction_sets() if arguments.engine == "sard" else ["-"])
    good = True
    for level in arguments.levels:
        for name in names:
            rows = []
            for isa in isas:
                found = one_answer.digests(name, folder, isa, arguments.engine, level)
                rows += [[isa, way, digest] for way, digest in found.items()]
            same = len({row[2] for row in rows}) == 1
            good = good and same
            print(f"\n{name}, level {level}: {'one answer' if same else 'SEVERAL ANSWERS'}\n")
            print(text_table(["instruction set", "way", "digest"], rows), flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
