"""sard's ONNX reader and writer against onnx's own, over every file of the official cases.

Each file is read and written back by tests/onnx/roundtrip.c; onnx must find the same message in both, and the written
bytes must be those that protobuf writes. The elements of every tensor must be numpy_helper's, byte for byte.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest
from conftest import REPO
from onnx import TensorProto, helper, numpy_helper
from sardtools import official

BUILD = Path(os.environ.get("SARD_BUILD", REPO / "build" / "release"))
PROGRAM = BUILD / "tests" / "onnx_roundtrip"
MESSAGES = {
    "model": onnx.ModelProto,
    "tensor": onnx.TensorProto,
    "sequence": onnx.SequenceProto,
    "map": onnx.MapProto,
    "optional": onnx.OptionalProto,
}
SUBBYTE = {
    TensorProto.UINT4: 4,
    TensorProto.INT4: 4,
    TensorProto.FLOAT4E2M1: 4,
    TensorProto.UINT2: 2,
    TensorProto.INT2: 2,
    TensorProto.FLOAT6E2M3: 6,
    TensorProto.FLOAT6E3M2: 6,
}


def roundtrip(jobs: list[tuple[str, Path]], folder: Path) -> list[tuple[str, bytes]]:
    """(answer, written bytes) for each (kind, file)."""
    assert PROGRAM.exists(), f"{PROGRAM} is not built"
    outs = [folder / f"{i}.out" for i in range(len(jobs))]
    lines = "".join(f"{kind} {path} {out}\n" for (kind, path), out in zip(jobs, outs))
    done = subprocess.run([PROGRAM], input=lines, capture_output=True, text=True, check=True)
    answers = done.stdout.splitlines()
    assert len(answers) == len(jobs), done.stderr
    return [(answer, out.read_bytes()) for answer, out in zip(answers, outs)]


def normal(message):
    """What of a message is kept: device configurations are not."""
    if isinstance(message, onnx.ModelProto):
        message.ClearField("configuration")
        for graph in (message.graph, *message.functions):
            for node in graph.node:
                node.ClearField("device_configurations")
    return message.SerializeToString(deterministic=True)


def parse(kind: str, data: bytes):
    message = MESSAGES[kind]()
    message.ParseFromString(data)
    return message


def kind_of(case: official.Case | Path, name: str, graph: onnx.GraphProto) -> str:
    """The message kind of a data file, from the declared type of its value."""
    side, number = name.removesuffix(".pb").split("_")
    declared = graph.input if side == "input" else graph.output
    free = [v for v in declared if v.name not in {i.name for i in graph.initializer}] if side == "input" else declared
    values = declared if int(number) >= len(free) else free
    kind = values[int(number)].type.WhichOneof("value")
    return {"sequence_type": "sequence", "map_type": "map", "optional_type": "optional"}.get(kind, "tensor")


@pytest.fixture(scope="module")
def files() -> list[tuple[str, Path]]:
    root = REPO / "build" / "conformance" / "cases"
    official.generate(root)
    jobs = []
    for folder in official.case_folders(root):
        jobs.append(("model", folder / "model.onnx"))
        graph = official.read_model(folder).graph
        for data in sorted(folder.glob("test_data_set_*/*.pb")):
            jobs.append((kind_of(folder, data.name, graph), data))
    return jobs


def test_every_official_file_is_written_as_read(files, tmp_path):
    answers = roundtrip(files, tmp_path)
    assert len(answers) > 5000
    for (kind, path), (answer, written) in zip(files, answers):
        assert answer == "ok", f"{path}: {answer}"
        original = normal(parse(kind, path.read_bytes()))
        assert normal(parse(kind, written)) == original, path
        assert written == original, path


def packed(array: np.ndarray, data_type: int) -> bytes:
    """An array's elements in ONNX's packed little-endian layout."""
    if data_type not in SUBBYTE:
        return np.ascontiguousarray(array).tobytes()
    bits = SUBBYTE[data_type]
    codes = np.ascontiguousarray(array).reshape(-1).view(np.uint8) & ((1 << bits) - 1)
    stream = 0
    for i, code in enumerate(codes.tolist()):
        stream |= code << (bits * i)
    return stream.to_bytes((bits * codes.size + 7) // 8, "little")


def test_tensor_bytes_of_every_official_tensor(files, tmp_path):
    jobs, tensors = [], []
    for kind, path in files:
        found = []
        if kind == "tensor":
            found = [parse(kind, path.read_bytes())]
        elif kind == "model":
            found = list(parse(kind, path.read_bytes()).graph.initializer)
        for tensor in found:
            if tensor.data_type == TensorProto.STRING:
                continue
            file = tmp_path / f"{len(jobs)}.pb"
            file.write_bytes(tensor.SerializeToString())
            jobs.append(("data", file))
            tensors.append((path, tensor))
    for (path, tensor), (answer, data) in zip(tensors, roundtrip(jobs, tmp_path)):
        assert answer == "ok", f"{path}: {answer}"
        assert data == packed(numpy_helper.to_array(tensor), tensor.data_type), f"{path} {tensor.name}"


NUMBERS = [t for t in TensorProto.DataType.values() if t not in (TensorProto.UNDEFINED, TensorProto.STRING)]


@pytest.mark.parametrize("data_type", NUMBERS, ids=TensorProto.DataType.Name)
@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 17])
@pytest.mark.parametrize("raw", [False, True], ids=["typed", "raw"])
def test_every_type_in_either_storage(data_type, count, raw, tmp_path):
    random = np.random.default_rng(count + 100 * data_type)
    dtype = helper.tensor_dtype_to_np_dtype(data_type)
    bits = SUBBYTE.get(data_type, 8 * dtype.itemsize)
    if data_type == TensorProto.BOOL:
        array = random.integers(0, 2, count).astype(bool)
    elif bits < 8:
        array = random.integers(0, 1 << bits, count).astype(np.uint8)
        if data_type in (TensorProto.INT4, TensorProto.INT2):  # ml_dtypes keeps them sign-extended
            array = ((array ^ (1 << (bits - 1))).astype(np.int8) - (1 << (bits - 1))).astype(np.int8)
        array = array.view(dtype)
    else:
        array = random.integers(0, 256, count * dtype.itemsize, dtype=np.uint8).view(dtype)
    tensor = numpy_helper.from_array(array, "x")
    expected = packed(array, data_type)
    assert tensor.raw_data == expected
    if not raw:
        tensor.ClearField("raw_data")
        fill_typed(tensor, expected, data_type)
    (tmp_path / "x.pb").write_bytes(tensor.SerializeToString())
    assert roundtrip([("data", tmp_path / "x.pb")], tmp_path) == [("ok", expected)]


def fill_typed(tensor: TensorProto, data: bytes, data_type: int) -> None:
    """Puts packed elements into the typed field of their type, as onnx-ml.proto describes it."""
    t = TensorProto
    if data_type in (t.FLOAT, t.COMPLEX64):
        tensor.float_data.extend(np.frombuffer(data, np.float32))
    elif data_type in (t.DOUBLE, t.COMPLEX128):
        tensor.double_data.extend(np.frombuffer(data, np.float64))
    elif data_type == t.INT64:
        tensor.int64_data.extend(np.frombuffer(data, np.int64))
    elif data_type in (t.UINT32, t.UINT64):
        width = np.uint32 if data_type == t.UINT32 else np.uint64
        tensor.uint64_data.extend(np.frombuffer(data, width).astype(np.uint64))
    elif data_type in (t.FLOAT6E2M3, t.FLOAT6E3M2):
        stream = int.from_bytes(data, "little")
        tensor.int32_data.extend(stream >> 6 * i & 63 for i in range(int(np.prod(tensor.dims))))
    else:
        width = {
            t.INT32: np.int32,
            t.INT16: np.int16,
            t.INT8: np.int8,
            t.UINT16: np.uint16,
            t.FLOAT16: np.uint16,
            t.BFLOAT16: np.uint16,
        }.get(data_type, np.uint8)
        tensor.int32_data.extend(np.frombuffer(data, width).astype(np.int64))


def test_repeated_numbers_unpacked_and_in_pieces(tmp_path):
    """Numbers may come packed, one by one, or both; and messages in pieces. protobuf merges them all."""
    values = [1, 300, -1, 1 << 40]
    one = TensorProto(data_type=TensorProto.INT64, dims=[4], int64_data=values[:2]).SerializeToString()
    rest = b"".join(bytes([7 << 3]) + varint(v) for v in values[2:])
    (tmp_path / "x.pb").write_bytes(one + rest)
    answers = roundtrip([("data", tmp_path / "x.pb"), ("tensor", tmp_path / "x.pb")], tmp_path)
    assert answers[0] == ("ok", np.array(values, np.int64).tobytes())
    assert list(parse("tensor", answers[1][1]).int64_data) == values


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def test_random_messages_agree_with_protobuf(tmp_path):
    """Seeded byte flips of small models: whatever protobuf still parses must mean the same here."""
    random = np.random.default_rng(7)
    seed = small_model().SerializeToString()
    jobs, blobs = [], []
    for i in range(3000):
        data = bytearray(seed)
        for _ in range(int(random.integers(1, 4))):
            data[int(random.integers(len(data)))] = int(random.integers(256))
        path = tmp_path / f"{i}.onnx"
        path.write_bytes(data)
        jobs.append(("model", path))
        blobs.append(bytes(data))
    agreed = 0
    for blob, (answer, written) in zip(blobs, roundtrip(jobs, tmp_path)):
        try:
            message = parse("model", blob)
        except Exception:
            message = None
        if message is None:
            assert answer.startswith("error"), blob
        elif answer == "ok":
            assert comparable(parse("model", written)) == comparable(message), blob
            agreed += 1
        else:
            assert "INVALID_MODEL" in answer or "UNSUPPORTED" in answer, (answer, blob)
    assert agreed > 500


def comparable(model: onnx.ModelProto) -> bytes:
    """Without what is unknown (for protobuf an enumeration's unknown number, too), and with an attribute's f, i or s
    written where its type says so, as sard does: readers take a missing one for the operator's default."""
    model.DiscardUnknownFields()
    graphs = [model.graph, *model.functions]
    while graphs:
        for node in graphs.pop().node:
            for a in node.attribute:
                for kind, field in ((a.FLOAT, "f"), (a.INT, "i"), (a.STRING, "s")):
                    if a.type == kind and not a.HasField(field):
                        setattr(a, field, getattr(a, field))
                graphs += [a.g, *a.graphs]
    return normal(model)


def small_model() -> onnx.ModelProto:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3, None], doc_string="in")
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    z = helper.make_tensor_sequence_value_info("z", TensorProto.INT64, [2])
    body = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["b"])],
        "then",
        [],
        [helper.make_tensor_value_info("b", TensorProto.FLOAT, None)],
    )
    nodes = [
        helper.make_node(
            "Op",
            ["x", "", "w"],
            ["y"],
            "n",
            f=1.5,
            i=-3,
            s="text",
            fs=[1.0, -0.0],
            ints=[1, 0, -1],
            strings=["a", ""],
            t=numpy_helper.from_array(np.arange(3)),
            g=body,
        ),
        helper.make_node("Other", ["y"], ["z"], domain="my.domain", i=0),
    ]
    weights = [
        numpy_helper.from_array(np.ones((2, 3), np.float32), "w"),
        helper.make_tensor("v", TensorProto.FLOAT16, [2], [1, 2]),
        helper.make_tensor("names", TensorProto.STRING, [2], [b"a", b"\xff\0"]),
    ]
    graph = helper.make_graph(nodes, "g", [x], [y, z], weights, value_info=[y])
    function = helper.make_function(
        "my.domain",
        "Other",
        ["a"],
        ["b"],
        [helper.make_node("Relu", ["a"], ["b"])],
        [helper.make_opsetid("", 20)],
        ["i"],
    )
    return helper.make_model(
        graph,
        functions=[function],
        producer_name="p",
        doc_string="d",
        opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid("my.domain", 1)],
    )
