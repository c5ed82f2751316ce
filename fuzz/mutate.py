"""Models that are nearly right: an official case with one to three things wrong in its structure.

Everything follows from a seed, so that a model that hurt can be made again. What a mutation finds nothing to work on
is left as it is; the last kinds work on the file's bytes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import onnx
from onnx import AttributeProto, TensorProto

SIZES = (0, 1, 2, 3, 7, 64, 1000, -1, -2, 2**31 - 1, 2**31, 2**32 + 1, 2**40, 2**62, 2**63 - 1, -(2**63))
NUMBERS = (0.0, -1.0, 1e-45, 1e38, float("inf"), float("-inf"), float("nan"), 0.5, 1e9)
TYPES = tuple(t for t in range(0, 30))
LARGEST = 2 << 20  # bytes of a case's model; larger ones would only be slow


def candidates(cases: Path) -> list[Path]:
    """The models that are mutated, in a fixed order."""
    found = (p for p in cases.glob("*/*/model.onnx") if p.parent.parent.name != "real")  # those compute for seconds
    return sorted(p for p in found if p.stat().st_size <= LARGEST)


def mutant(models: list[Path], seed: int) -> tuple[bytes, str]:
    """The model of this seed and what was done to it: "case: mutation, mutation"."""
    rng = random.Random(seed)
    path = rng.choice(models)
    model = onnx.load(path)
    done = []
    for _ in range(rng.choice((1, 1, 2, 3))):
        mutation = rng.choice(STRUCTURE)
        mutation(model, rng)
        done.append(mutation.__name__.lstrip("_"))
    try:
        data = model.SerializeToString()
    except Exception:  # a text that is not UTF-8 and the like: the bytes of the case itself
        data = path.read_bytes()
    if rng.random() < 0.2:
        mutation = rng.choice(BYTES)
        data = mutation(data, rng)
        done.append(mutation.__name__.lstrip("_"))
    return data, f"{path.parent.parent.name}/{path.parent.name}: {', '.join(done)}"


# ---- walking a model ---------------------------------------------------------------------------------------------


def _graphs(model: onnx.ModelProto) -> list[onnx.GraphProto]:
    """The main graph and all bodies below it."""
    found = [model.graph]
    for graph in found:
        for node in graph.node:
            for attribute in node.attribute:
                found += [attribute.g] if attribute.HasField("g") else []
                found += attribute.graphs
    return found


def _nodes(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    return [node for graph in _graphs(model) for node in graph.node]


def _attributes(model: onnx.ModelProto) -> list[AttributeProto]:
    return [attribute for node in _nodes(model) for attribute in node.attribute]


def _tensors(model: onnx.ModelProto) -> list[TensorProto]:
    found = [t for graph in _graphs(model) for t in graph.initializer]
    return found + [a.t for a in _attributes(model) if a.HasField("t")]


def _values(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    return [v for graph in _graphs(model) for group in (graph.input, graph.output, graph.value_info) for v in group]


def _names(model: onnx.ModelProto) -> list[str]:
    names = {name for node in _nodes(model) for name in (*node.input, *node.output)}
    return sorted(names | {v.name for v in _values(model)} | {"", "nowhere"})


def _pick(items: list, rng: random.Random):
    return rng.choice(items) if items else None


def _replace(sequence, index: int, value) -> None:
    values = list(sequence)
    values[index] = value
    del sequence[:]
    sequence.extend(values)


# ---- mutations of the structure ------------------------------------------------------------------------------------


def _tensor_dims(model: onnx.ModelProto, rng: random.Random) -> None:
    tensor = _pick(_tensors(model), rng)
    if tensor is None:
        return
    change = rng.randrange(4)
    if change == 0 or not tensor.dims:
        tensor.dims.extend(rng.choice(SIZES) for _ in range(rng.choice((1, 1, 2, 40))))
    elif change == 1:
        del tensor.dims[rng.randrange(len(tensor.dims))]
    else:
        tensor.dims[rng.randrange(len(tensor.dims))] = rng.choice(SIZES)


def _declared_dims(model: onnx.ModelProto, rng: random.Random) -> None:
    value = _pick([v for v in _values(model) if v.type.HasField("tensor_type")], rng)
    if value is None:
        return
    dims = value.type.tensor_type.shape.dim
    change = rng.randrange(4)
    if change == 0 or not dims:
        dims.add().dim_value = rng.choice(SIZES)
    elif change == 1:
        del dims[rng.randrange(len(dims))]
    elif change == 2:
        dims[rng.randrange(len(dims))].dim_param = rng.choice(("n", "m", ""))
    else:
        dims[rng.randrange(len(dims))].dim_value = rng.choice(SIZES)


def _tensor_type(model: onnx.ModelProto, rng: random.Random) -> None:
    tensor = _pick(_tensors(model), rng)
    if tensor is not None:
        tensor.data_type = rng.choice(TYPES)


def _declared_type(model: onnx.ModelProto, rng: random.Random) -> None:
    value = _pick(_values(model), rng)
    if value is None:
        return
    change = rng.randrange(4)
    if change == 0:
        value.ClearField("type")
    elif change == 1:
        value.type.sequence_type.elem_type.tensor_type.elem_type = rng.choice(TYPES)
    else:
        value.type.tensor_type.elem_type = rng.choice(TYPES)


def _tensor_length(model: onnx.ModelProto, rng: random.Random) -> None:
    tensor = _pick(_tensors(model), rng)
    if tensor is None:
        return
    if tensor.raw_data:
        cut = rng.randrange(len(tensor.raw_data) + 1)
        tensor.raw_data = tensor.raw_data[:cut] if rng.random() < 0.7 else tensor.raw_data + b"\xff" * 9
        return
    for field in (tensor.float_data, tensor.int32_data, tensor.int64_data, tensor.double_data, tensor.string_data):
        if field:
            if rng.random() < 0.7:
                del field[rng.randrange(len(field)) :]
            else:
                field.extend(list(field)[:3])


def _tensor_values(model: onnx.ModelProto, rng: random.Random) -> None:
    """Small integer tensors are shapes, axes, indices: other numbers in them."""
    tensor = _pick([t for t in _tensors(model) if t.data_type in (TensorProto.INT64, TensorProto.INT32)], rng)
    if tensor is None:
        return
    width = 8 if tensor.data_type == TensorProto.INT64 else 4
    if tensor.raw_data:
        data = bytearray(tensor.raw_data)
        at = rng.randrange(max(1, len(data) // width)) * width
        data[at : at + width] = (rng.choice(SIZES) & (2 ** (8 * width) - 1)).to_bytes(width, "little")
        tensor.raw_data = bytes(data)
    elif tensor.int64_data:
        tensor.int64_data[rng.randrange(len(tensor.int64_data))] = rng.choice(SIZES)


def _external(model: onnx.ModelProto, rng: random.Random) -> None:
    tensor = _pick(_tensors(model), rng)
    if tensor is None:
        return
    tensor.data_location = TensorProto.EXTERNAL
    places = ("../../../../etc/passwd", "/etc/passwd", "model.onnx", "", "nowhere.bin", "a/../../b", ".")
    for key, value in (
        ("location", rng.choice(places)),
        ("offset", str(rng.choice(SIZES))),
        ("length", str(rng.choice(SIZES))),
    ):
        tensor.external_data.add(key=key, value=value)


def _attribute_number(model: onnx.ModelProto, rng: random.Random) -> None:
    attribute = _pick([a for a in _attributes(model) if a.ints or a.floats or a.HasField("i") or a.HasField("f")], rng)
    if attribute is None:
        return
    if attribute.ints:
        attribute.ints[rng.randrange(len(attribute.ints))] = rng.choice(SIZES)
    elif attribute.floats:
        attribute.floats[rng.randrange(len(attribute.floats))] = rng.choice(NUMBERS)
    elif attribute.HasField("i"):
        attribute.i = rng.choice(SIZES)
    else:
        attribute.f = rng.choice(NUMBERS)


def _attribute_length(model: onnx.ModelProto, rng: random.Random) -> None:
    attribute = _pick([a for a in _attributes(model) if a.ints or a.floats or a.strings], rng)
    if attribute is None:
        return
    for field in (attribute.ints, attribute.floats, attribute.strings):
        if field and rng.random() < 0.5:
            field.extend(list(field) * rng.choice((1, 50)))
        elif field:
            del field[rng.randrange(len(field)) :]


def _attribute_kind(model: onnx.ModelProto, rng: random.Random) -> None:
    attribute = _pick(_attributes(model), rng)
    if attribute is None:
        return
    change = rng.randrange(4)
    if change == 0:
        attribute.type = rng.randrange(15)
    elif change == 1:
        attribute.name = rng.choice(("axis", "to", "body", "no_such_attribute", ""))
    elif change == 2 and attribute.HasField("s"):
        attribute.s = rng.choice((b"", b"\xff\xfe", b"NOTSET", b"x" * 5000))
    else:
        attribute.ClearField(rng.choice(("i", "f", "s", "t", "g", "ints", "floats", "strings")))


def _drop_attribute(model: onnx.ModelProto, rng: random.Random) -> None:
    node = _pick([n for n in _nodes(model) if n.attribute], rng)
    if node is not None:
        del node.attribute[rng.randrange(len(node.attribute))]


def _cycle(model: onnx.ModelProto, rng: random.Random) -> None:
    graph = _pick([g for g in _graphs(model) if any(n.input and n.output for n in g.node)], rng)
    if graph is None:
        return
    nodes = [n for n in graph.node if n.input and n.output]
    first, last = sorted((rng.randrange(len(nodes)), rng.randrange(len(nodes))))
    _replace(nodes[first].input, rng.randrange(len(nodes[first].input)), nodes[last].output[0])


def _rewire(model: onnx.ModelProto, rng: random.Random) -> None:
    node = _pick([n for n in _nodes(model) if n.input], rng)
    if node is None:
        return
    change = rng.randrange(4)
    if change == 0:
        del node.input[rng.randrange(len(node.input))]
    elif change == 1:
        node.input.append(rng.choice(_names(model)))
    else:
        _replace(node.input, rng.randrange(len(node.input)), rng.choice(_names(model)))


def _rename_output(model: onnx.ModelProto, rng: random.Random) -> None:
    node = _pick([n for n in _nodes(model) if n.output], rng)
    if node is None:
        return
    if rng.random() < 0.3:
        node.output.append(rng.choice(_names(model)))
    else:
        _replace(node.output, rng.randrange(len(node.output)), rng.choice(_names(model)))


def _nodes_list(model: onnx.ModelProto, rng: random.Random) -> None:
    graph = _pick([g for g in _graphs(model) if g.node], rng)
    if graph is None:
        return
    at, change = rng.randrange(len(graph.node)), rng.randrange(3)
    if change == 0:
        del graph.node[at]
    elif change == 1:
        graph.node.add().CopyFrom(graph.node[at])
    else:
        nodes = list(graph.node)
        rng.shuffle(nodes)
        kept = [onnx.NodeProto.FromString(n.SerializeToString()) for n in nodes]
        del graph.node[:]
        graph.node.extend(kept)


def _operator(model: onnx.ModelProto, rng: random.Random) -> None:
    node = _pick(_nodes(model), rng)
    if node is None:
        return
    if rng.random() < 0.8:
        node.op_type = rng.choice(OPERATORS)
    else:
        node.domain = rng.choice(("ai.onnx", "ai.onnx.ml", "no.such.domain", "sard"))


def _interface(model: onnx.ModelProto, rng: random.Random) -> None:
    graph = _pick(_graphs(model), rng)
    group = rng.choice((graph.input, graph.output))
    if group and rng.random() < 0.5:
        del group[rng.randrange(len(group))]
    elif group:
        group.add().CopyFrom(rng.choice(list(group)))
    else:
        group.add(name=rng.choice(_names(model)))


def _versions(model: onnx.ModelProto, rng: random.Random) -> None:
    change = rng.randrange(3)
    if change == 0:
        model.ir_version = rng.choice((0, 1, 3, 4, 1000, -1, 2**62))
    elif change == 1 and model.opset_import:
        rng.choice(list(model.opset_import)).version = rng.choice((0, 1, 5, 7, 9, 13, 1000, -1))
    else:
        del model.opset_import[:]


STRUCTURE: tuple[Callable[[onnx.ModelProto, random.Random], None], ...] = (
    _tensor_dims,
    _declared_dims,
    _tensor_type,
    _declared_type,
    _tensor_length,
    _tensor_values,
    _external,
    _attribute_number,
    _attribute_number,
    _attribute_length,
    _attribute_kind,
    _drop_attribute,
    _cycle,
    _rewire,
    _rewire,
    _rename_output,
    _nodes_list,
    _operator,
    _interface,
    _versions,
)

OPERATORS = (
    *("Add", "MatMul", "Conv", "ConvTranspose", "Gemm", "Reshape", "Expand", "Tile", "Pad", "Slice", "Gather"),
    *("GatherND", "ScatterND", "Concat", "Split", "Loop", "If", "Scan", "TopK", "NonZero", "Unique", "Resize", "Range"),
    *("Where", "OneHot", "LSTM", "GRU", "Softmax", "LayerNormalization", "BatchNormalization", "ReduceSum", "CumSum"),
    *("MaxPool", "Cast", "QuantizeLinear", "DequantizeLinear", "Einsum", "ConstantOfShape", "SequenceAt", "Identity"),
    *("TreeEnsembleClassifier", "StringNormalizer", "Transpose", "Squeeze", "Flatten", "Dropout", "NoSuchOperator"),
)

# ---- mutations of the bytes ----------------------------------------------------------------------------------------


def _truncated(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _flipped(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 2, 8)) if changed else 0):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _spliced(data: bytes, rng: random.Random) -> bytes:
    """A piece of the file again somewhere else in it."""
    a, b, at = (rng.randrange(len(data) + 1) for _ in range(3))
    return data[:at] + data[min(a, b) : max(a, b)][:4096] + data[at:]


BYTES: tuple[Callable[[bytes, random.Random], bytes], ...] = (_truncated, _flipped, _flipped, _spliced)


def mutants(models: list[Path], first: int, count: int) -> Iterator[tuple[int, bytes, str]]:
    """(seed, model, what was done) for `count` seeds from `first` on."""
    for seed in range(first, first + count):
        yield seed, *mutant(models, seed)
