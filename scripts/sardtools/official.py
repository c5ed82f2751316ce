"""The official ONNX backend cases of the installed `onnx` package, written as folders:

    <root>/<kind>/<name>/{model.onnx, data.json, test_data_set_N/{input,output}_M.pb}

Kinds: node, simple, real (the light topologies: real networks without their weights), pytorch-converted,
pytorch-operator. Written once per version of `onnx` and kept; data.json holds the official tolerances.
"""

from __future__ import annotations

import json
import os
import shutil
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from .values import read_value

KINDS = ("node", "simple", "real", "pytorch-converted", "pytorch-operator")
# Cases whose stored answers come from NumPy's random numbers: the standard leaves the generator open, so only types and
# shapes can be compared.
RANDOM = frozenset(
    [f"test_bernoulli{kind}{form}" for kind in ("", "_double", "_seed") for form in ("", "_expanded")]
    + [f"test_training_dropout{kind}" for kind in ("", "_default", "_default_mask", "_mask")]
)
# Cases whose stored answer is not to be had by the rules that sard keeps, with the reason. Short on purpose.
DENIED = {
    "test_attention_4d_causal_fp16_expanded": "NumPy rounds the exponentials and their sum inside Softmax to float16, "
    "sard rounds once for each node: 2 of 192 elements are two float16 steps apart, sard's being the nearer ones "
    "(exact 0.46919 and 0.39830; stored 0.46948 and 0.39795, sard's 0.46899 and 0.39844)",
}
FORMAT = 1  # raise to have the folder written anew


@dataclass
class Case:
    """One official case, read from its folder."""

    kind: str
    name: str
    path: Path
    rtol: float
    atol: float
    model: onnx.ModelProto
    sets: list[tuple[dict[str, Any], list[Any]]]  # inputs by name, outputs in order


def generate(root: Path) -> int:
    """Makes sure that all cases lie below `root`; returns their number. Does nothing when they are there already."""
    stamp = root / "cases.json"
    version = {"onnx": onnx.__version__, "format": FORMAT}
    if stamp.exists():
        found = json.loads(stamp.read_text())
        if found["version"] == version:
            return found["cases"]
    fresh = root.with_name(f"{root.name}.{os.getpid()}")  # renamed when complete: an interrupted run leaves no half
    names: set[Path] = set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the cases overflow and divide by zero on purpose
        for step in (_write_generated, _copy_stored, _write_light):
            for folder in step(fresh, names):
                names.add(folder)
    (fresh / stamp.name).write_text(json.dumps({"version": version, "cases": len(names)}))
    if root.exists():
        shutil.rmtree(root)
    fresh.rename(root)
    return len(names)


def case_folders(root: Path, kinds: tuple[str, ...] = KINDS, match: str = "") -> list[Path]:
    """The folders of all cases of these kinds whose name contains `match`, in order."""
    found = []
    for kind in kinds:
        found += sorted(p.parent for p in (root / kind).glob("*/model.onnx") if match in p.parent.name)
    return found


def read_case(folder: Path) -> Case:
    """Reads a case with all its data sets."""
    model = read_model(folder)
    tolerance = json.loads((folder / "data.json").read_text())
    graph = model.graph
    own = {i.name for i in graph.initializer} | {i.values.name for i in graph.sparse_initializer}
    free = [i for i in graph.input if i.name not in own]
    sets = []
    for data in sorted(folder.glob("test_data_set_*")):
        n_in, n_out = (len(list(data.glob(f"{side}_*.pb"))) for side in ("input", "output"))
        declared = free if n_in == len(free) else list(graph.input)
        ins = {declared[i].name: read_value(data / f"input_{i}.pb", declared[i].type) for i in range(n_in)}
        outs = [read_value(data / f"output_{i}.pb", graph.output[i].type) for i in range(n_out)]
        sets.append((ins, outs))
    return Case(folder.parent.name, folder.name, folder, tolerance["rtol"], tolerance["atol"], model, sets)


def read_model(folder: Path) -> onnx.ModelProto:
    """A case's model."""
    return onnx.load(folder / "model.onnx")


def operators(graph: onnx.GraphProto) -> set[str]:
    """The operator types of a graph and of all its bodies."""
    found = set()
    for node in graph.node:
        found.add(node.op_type)
        for attribute in node.attribute:
            for body in [attribute.g, *attribute.graphs]:
                found |= operators(body)
    return found


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _write_tolerance(folder: Path, case) -> None:
    _write(folder / "data.json", json.dumps({"rtol": case.rtol, "atol": case.atol}).encode())


def _to_proto(value: Any, declared: onnx.ValueInfoProto):
    kind = declared.type.WhichOneof("value")
    if kind == "map_type":
        return numpy_helper.from_dict(value, declared.name)
    if kind == "sequence_type":
        return numpy_helper.from_list(value, declared.name)
    if kind == "optional_type":
        return numpy_helper.from_optional(value, declared.name)
    if isinstance(value, TensorProto):
        copy = TensorProto()
        copy.CopyFrom(value)
        copy.name = declared.name
        return copy
    return numpy_helper.from_array(np.asarray(value), declared.name)


def _write_generated(root: Path, _: set[Path]) -> Iterator[Path]:
    """The cases that the package computes when asked: all nodes, and some simple models."""
    from onnx.backend.test.case import model as model_cases
    from onnx.backend.test.case import node as node_cases

    simple = [c for c in model_cases.collect_testcases() if c.kind == "simple"]
    for case in list(node_cases.collect_testcases()) + simple:
        folder = root / case.kind / case.name
        _write(folder / "model.onnx", case.model.SerializeToString(deterministic=True))
        _write_tolerance(folder, case)
        graph = case.model.graph
        for i, (ins, outs) in enumerate(case.data_sets):
            for side, values, declared in (("input", ins, graph.input), ("output", outs, graph.output)):
                for j, value in enumerate(values):
                    proto = _to_proto(value, declared[j])
                    path = folder / f"test_data_set_{i}" / f"{side}_{j}.pb"
                    _write(path, proto.SerializeToString(deterministic=True))
        yield folder


def _copy_stored(root: Path, known: set[Path]) -> Iterator[Path]:
    """The cases that the package ships as files."""
    from onnx.backend.test.loader import load_model_tests

    for kind in ("pytorch-converted", "pytorch-operator", "simple"):
        for case in load_model_tests(kind=kind):
            folder = root / kind / case.name
            if folder in known:
                continue
            shutil.copytree(case.model_dir, folder)
            _write_tolerance(folder, case)
            yield folder


def _write_light(root: Path, _: set[Path]) -> Iterator[Path]:
    """Real networks whose weights are computed by the model itself; the runner's own inputs, the stored outputs."""
    from onnx.backend.test.loader import DATA_DIR, load_model_tests
    from onnx.backend.test.runner import Runner

    for case in load_model_tests(kind="real"):
        source = Path(DATA_DIR) / "light" / Path(case.url).name
        folder = root / "real" / case.name
        _write(folder / "model.onnx", source.read_bytes())
        _write_tolerance(folder, case)
        graph = onnx.load(source).graph
        own = {i.name for i in graph.initializer}
        data = folder / "test_data_set_0"
        for k, x in enumerate(x for x in graph.input if x.name not in own):
            value = Runner.generate_dummy_data(x, seed=0, name=case.model_name, random=False)
            _write(data / f"input_{k}.pb", numpy_helper.from_array(value, x.name).SerializeToString())
        for k in range(len(graph.output)):
            stored = source.with_name(f"{source.stem}_output_{k}.pb")
            _write(data / f"output_{k}.pb", stored.read_bytes())
        yield folder
