#!/usr/bin/env python3
"""Writes hostile models: the official ONNX cases, structurally mutated, each with its case's inputs.

    OUT/NNNN/{model.onnx, inputs/input_M.pb, mutation.json}

Model NNNN of a seed is always the same. scripts/hostile runs them.

examples:
  scripts/mutate.py build/hostile                    1,000 models
  scripts/mutate.py build/hostile --seed 7 --count 50
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from sardtools import mutations, official

REPO = Path(__file__).resolve().parent.parent
LARGEST = 300_000  # bytes of a model file that is worth mutating


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--cases",
        type=Path,
        default=REPO / "build" / "conformance" / "cases",
        help="the official cases; generated when they are not there",
    )
    return parser.parse_args()


def read_inputs(case: Path, model) -> dict[str, bytes]:
    """The case's first data set, by input name."""
    own = {t.name for t in model.graph.initializer}
    free = [v.name for v in model.graph.input if v.name not in own]
    files = {int(p.stem.split("_")[1]): p for p in case.glob("test_data_set_0/input_*.pb")}
    declared = free if len(files) == len(free) else [v.name for v in model.graph.input]
    return {declared[i]: files[i].read_bytes() for i in sorted(files)}


def write_model(folder: Path, case: Path, rng: random.Random) -> None:
    """Writes one mutated model with its inputs."""
    model = official.read_model(case)
    data, inputs, done = mutations.mutate(model, read_inputs(case, model), rng)
    (folder / "inputs").mkdir(parents=True)
    (folder / "model.onnx").write_bytes(data)
    for i, value in enumerate(inputs.values()):
        (folder / "inputs" / f"input_{i}.pb").write_bytes(value)
    note = {"case": f"{case.parent.name}/{case.name}", "mutations": done}
    (folder / "mutation.json").write_text(json.dumps(note, indent=1))


def main() -> int:
    arguments = parse_arguments()
    official.generate(arguments.cases)
    cases = [c for c in official.case_folders(arguments.cases) if (c / "model.onnx").stat().st_size <= LARGEST]
    shutil.rmtree(arguments.out, ignore_errors=True)
    for i in range(arguments.count):
        rng = random.Random(f"{arguments.seed}/{i}")
        write_model(arguments.out / f"{i:04}", rng.choice(cases), rng)
    print(f"{arguments.count} models of seed {arguments.seed} in {arguments.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
