"""The hostile models: every mutation changes models, and a seed always gives the same ones."""

from __future__ import annotations

import random
import subprocess
import sys

import numpy as np
import onnx
import pytest
from conftest import REPO
from onnx import TensorProto, helper, numpy_helper
from sardtools import mutations


def sample() -> onnx.ModelProto:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [3, 2])
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[1, 0]),
        helper.make_node("Reshape", ["t", "shape"], ["r"]),
        helper.make_node("LeakyRelu", ["r"], ["l"], alpha=0.5),
        helper.make_node("Cast", ["l"], ["y"], to=1),
    ]
    shape = numpy_helper.from_array(np.array([3, 2]), "shape")
    graph = helper.make_graph(nodes, "g", [x], [y], [shape])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])


@pytest.mark.parametrize("change", mutations.MUTATIONS, ids=lambda f: f.__name__)
def test_every_mutation_changes_the_model(change):
    before = sample().SerializeToString(deterministic=True)
    changed = 0
    for seed in range(30):
        model = sample()
        what = change(model, random.Random(seed))
        changed += what is not None and model.SerializeToString(deterministic=True) != before
    assert changed > 5


def test_a_seed_is_a_model():
    inputs = {"x": numpy_helper.from_array(np.ones((2, 3), np.float32), "x").SerializeToString()}
    first = [mutations.mutate(sample(), inputs, random.Random(f"1/{i}")) for i in range(50)]
    again = [mutations.mutate(sample(), inputs, random.Random(f"1/{i}")) for i in range(50)]
    assert first == again
    assert len({data for data, _, _ in first}) > 35
    assert all(done for _, _, done in first)
    assert any(kept["x"] != inputs["x"] for _, kept, _ in first if kept)


ENDS = """#!{python}
import mmap, os, sys, time
n = int(sys.argv[2].split("/")[-2])
if n == 1: sys.exit("error: refused")
if n == 2: sys.exit(1)
if n == 3: os.abort()
if n == 4: time.sleep(60)
if n == 5:
    held = mmap.mmap(-1, 900 << 20)  # shared: not what the bound on private memory sees
    while held.write(b"x" * (1 << 20)): pass
if n == 6: sys.exit("a.c:1:2: runtime error: overflow")
if n == 7: held = b"x" * (900 << 20)  # the system refuses
"""


def test_the_runner_tells_the_endings_apart(tmp_path):
    tool = tmp_path / "tool"
    tool.write_text(ENDS.format(python=sys.executable))
    tool.chmod(0o755)
    for i in range(8):
        folder = tmp_path / "models" / str(i)
        folder.mkdir(parents=True)
        (folder / "model.onnx").touch()
        (folder / "mutation.json").write_text('{"case": "c", "mutations": ["m: x"]}')
    command = [
        sys.executable,
        REPO / "scripts" / "hostile",
        "--tool",
        tool,
        "--models",
        tmp_path / "models",
        "--keep",
        "--time-limit",
        "2",
        "--memory-limit",
        str(128 << 20),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    row = next(line.split() for line in done.stdout.splitlines() if line.split()[:2] == ["all", "models"])
    assert row[2:] == ["1", "2", "1", "2", "1", "1"], done.stdout
