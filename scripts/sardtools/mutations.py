"""Structural mutations of ONNX models: each takes a model and a random generator, changes the model and says what it
did.

A mutation that finds nothing to change returns None. All are seeded: number N of a run is always the same model.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

Mutation = Callable[[ModelProto, random.Random], "str | None"]

SIZES = (0, 1, -1, 2, 3, 7, 64, 1000, 2**20, 2**31 - 1, 2**31, 2**32, 2**40, 2**62, 2**63 - 1, -(2**63))
FLOATS = (0.0, -0.0, 1.0, -1.0, 1e30, -1e30, 1e-40, float("inf"), float("-inf"), float("nan"))


# ---- walking a model --------------------------------------------------------------------------------------------


def graphs(model: ModelProto) -> Iterator[GraphProto]:
    """The main graph and all bodies."""
    todo = [model.graph]
    while todo:
        graph = todo.pop()
        yield graph
        for node in graph.node:
            for a in node.attribute:
                if a.HasField("g"):
                    todo.append(a.g)
                todo += list(a.graphs)


def nodes(model: ModelProto) -> list[NodeProto]:
    return [n for g in graphs(model) for n in g.node] + [n for f in model.functions for n in f.node]


def attributes(model: ModelProto) -> list[AttributeProto]:
    return [a for n in nodes(model) for a in n.attribute]


def tensors(model: ModelProto) -> list[TensorProto]:
    found = [t for g in graphs(model) for t in g.initializer]
    return found + [a.t for a in attributes(model) if a.HasField("t")]


def value_infos(model: ModelProto) -> list[ValueInfoProto]:
    return [v for g in graphs(model) for v in (*g.input, *g.output, *g.value_info)]


def names(model: ModelProto) -> list[str]:
    found = {n for node in nodes(model) for n in (*node.input, *node.output)}
    return sorted(found | {v.name for v in value_infos(model)} | {"", "no_such_value"})


def pick(rng: random.Random, items):
    """One of the items; None when there is none."""
    items = list(items)
    return rng.choice(items) if items else None


def number(rng: random.Random) -> int:
    return rng.choice(SIZES) if rng.random() < 0.7 else rng.randint(-10, 100)


# ---- types and shapes -------------------------------------------------------------------------------------------


def _tensor_types(model: ModelProto):
    for v in value_infos(model):
        kind = v.type.WhichOneof("value")
        if kind in ("tensor_type", "sparse_tensor_type"):
            yield v.name, getattr(v.type, kind)


def declared_dim(model: ModelProto, rng: random.Random) -> str | None:
    found = pick(rng, [(n, d) for n, t in _tensor_types(model) for d in t.shape.dim])
    if not found:
        return None
    name, dim = found
    if rng.random() < 0.2:
        dim.dim_param = rng.choice(["", "N", "batch", "a*b", "x" * 300])
    else:
        dim.dim_value = number(rng)
    return f"dimension of {name}"


def declared_rank(model: ModelProto, rng: random.Random) -> str | None:
    found = pick(rng, _tensor_types(model))
    if not found:
        return None
    name, kind = found
    if kind.shape.dim and rng.random() < 0.5:
        del kind.shape.dim[rng.randrange(len(kind.shape.dim))]
    else:
        for _ in range(rng.choice([1, 2, 20, 5000])):
            kind.shape.dim.add().dim_value = rng.choice([1, 2, 2**40])
    return f"rank of {name}"


def declared_type(model: ModelProto, rng: random.Random) -> str | None:
    v = pick(rng, value_infos(model))
    if v is None:
        return None
    choice = rng.randrange(4)
    kind = v.type.WhichOneof("value")
    if choice < 2 and kind == "tensor_type":
        v.type.tensor_type.elem_type = rng.choice([*TensorProto.DataType.values(), 29, 99, -1])
    elif choice == 2:
        inner = onnx.TypeProto()
        inner.CopyFrom(v.type)
        v.type.Clear()
        getattr(v.type, rng.choice(["sequence_type", "optional_type"])).elem_type.CopyFrom(inner)
    else:
        v.type.Clear()
    return f"type of {v.name}"


def nested_type(model: ModelProto, rng: random.Random) -> str | None:
    v = pick(rng, value_infos(model))
    if v is None:
        return None
    depth, t = rng.choice([3, 20, 49, 120]), v.type
    for _ in range(depth):
        t = getattr(t, rng.choice(["sequence_type", "optional_type"])).elem_type
    t.tensor_type.elem_type = TensorProto.FLOAT
    return f"type of {v.name} nested {depth} deep"


# ---- tensors ----------------------------------------------------------------------------------------------------


def tensor_dims(model: ModelProto, rng: random.Random) -> str | None:
    t = pick(rng, tensors(model))
    if t is None:
        return None
    if t.dims and rng.random() < 0.7:
        t.dims[rng.randrange(len(t.dims))] = number(rng)
    else:
        t.dims.append(number(rng))
    return f"dims of tensor {t.name}"


def tensor_type(model: ModelProto, rng: random.Random) -> str | None:
    t = pick(rng, tensors(model))
    if t is None:
        return None
    t.data_type = rng.choice([*TensorProto.DataType.values(), 29, 99, -1])
    return f"element type of tensor {t.name}"


def tensor_data(model: ModelProto, rng: random.Random) -> str | None:
    t = pick(rng, tensors(model))
    if t is None:
        return None
    if rng.random() < 0.5:
        t.raw_data = t.raw_data[: rng.randrange(len(t.raw_data) + 1)] + bytes(rng.choice([0, 0, 1, 7]))
    else:
        t.float_data.append(1.0)
        t.int32_data.append(-5)
    return f"data of tensor {t.name}"


def tensor_values(model: ModelProto, rng: random.Random) -> str | None:
    """Extreme values in small tensors, which are often shapes, axes, counts, indices, limits."""
    small = [t for t in tensors(model) if t.data_type in (TensorProto.INT64, TensorProto.INT32, TensorProto.FLOAT)]
    t = pick(rng, small)
    if t is None:
        return None
    try:
        array = numpy_helper.to_array(t).copy()
    except Exception:  # mutated before
        return None
    if array.size == 0:
        return None
    flat = array.reshape(-1)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(flat.size)
        if array.dtype == np.float32:
            flat[at] = rng.choice(FLOATS)
        else:
            limits = np.iinfo(array.dtype)
            flat[at] = min(max(number(rng), limits.min), limits.max)
    t.CopyFrom(numpy_helper.from_array(array, t.name))
    return f"values of tensor {t.name}"


def external_data(model: ModelProto, rng: random.Random) -> str | None:
    t = pick(rng, tensors(model))
    if t is None:
        return None
    t.ClearField("raw_data")
    t.data_location = TensorProto.EXTERNAL
    places = [
        "../../../../etc/passwd",
        "/etc/passwd",
        "model.onnx",
        "",
        ".",
        "..",
        "inputs",
        "no_such_file",
        "a/../../b",
        "/dev/zero",
        "/proc/self/mem",
        "x" * 5000,
    ]
    entries = {"location": rng.choice(places), "offset": str(number(rng)), "length": str(number(rng))}
    for key in rng.sample(sorted(entries), rng.randint(1, 3)):
        entry = t.external_data.add()
        entry.key, entry.value = key, entries[key]
    return f"external data of tensor {t.name}"


def constant_input(model: ModelProto, rng: random.Random) -> str | None:
    """An input becomes an initializer of random numbers: kernels see odd operands, folding is tried."""
    graph = model.graph
    free = [v for v in graph.input if v.type.WhichOneof("value") == "tensor_type"]
    v = pick(rng, free)
    if v is None:
        return None
    kind = v.type.tensor_type
    dims = [d.dim_value if 0 < d.dim_value < 100 else 1 for d in kind.shape.dim]
    if (
        kind.elem_type not in (TensorProto.FLOAT, TensorProto.INT64, TensorProto.INT32)
        or len(dims) > 16
        or np.prod(dims) > 1e5
    ):
        return None
    count = int(np.prod(dims))
    if kind.elem_type == TensorProto.FLOAT:
        array = np.array([rng.choice(FLOATS) for _ in range(count)], np.float32)
    else:
        dtype = helper.tensor_dtype_to_np_dtype(kind.elem_type)
        limits = np.iinfo(dtype)
        array = np.array([min(max(number(rng), limits.min), limits.max) for _ in range(count)], dtype)
    graph.initializer.append(numpy_helper.from_array(array.reshape(dims), v.name))
    if rng.random() < 0.7:
        graph.input.remove(v)
    return f"input {v.name} made constant"


# ---- attributes -------------------------------------------------------------------------------------------------


def attribute_value(model: ModelProto, rng: random.Random) -> str | None:
    a = pick(rng, attributes(model))
    if a is None:
        return None
    if a.type == AttributeProto.INT:
        a.i = number(rng)
    elif a.type == AttributeProto.FLOAT:
        a.f = rng.choice(FLOATS)
    elif a.type == AttributeProto.STRING:
        a.s = rng.choice([b"", b"\0", b"\xff\xfe", a.s + b"x", a.s.upper(), b"%s%n" * 20, b"y" * 100000])
    elif a.type == AttributeProto.INTS:
        _mutate_list(a.ints, rng, number)
    elif a.type == AttributeProto.FLOATS:
        _mutate_list(a.floats, rng, lambda r: r.choice(FLOATS))
    elif a.type == AttributeProto.STRINGS:
        _mutate_list(a.strings, rng, lambda r: r.choice([b"", b"a\0b", b"z" * 1000]))
    else:
        return None
    return f"attribute {a.name}"


def _mutate_list(items, rng: random.Random, fresh: Callable) -> None:
    choice = rng.randrange(4)
    if choice == 0 and items:
        items[rng.randrange(len(items))] = fresh(rng)
    elif choice == 1 and items:
        del items[rng.randrange(len(items)) :]
    elif choice == 2:
        items.extend(fresh(rng) for _ in range(rng.choice([1, 3, 1000])))
    else:
        del items[:]


def attribute_nudge(model: ModelProto, rng: random.Random) -> str | None:
    """A small change: the model often still runs, at the edge of what its operator allows."""
    a = pick(rng, [a for a in attributes(model) if a.type in (a.INT, a.INTS, a.FLOAT)])
    if a is None:
        return None
    by = rng.choice([-2, -1, 1, 2, 3])
    if a.type == AttributeProto.INT:
        a.i = 1 - a.i if a.i in (0, 1) and rng.random() < 0.5 else min(max(a.i + by, -(2**63)), 2**63 - 1)
    elif a.type == AttributeProto.FLOAT:
        a.f = rng.choice([-a.f, 0.0, 2 * a.f, a.f + by])
    elif a.ints:
        at = rng.randrange(len(a.ints))
        a.ints[at] = min(max(a.ints[at] + by, -(2**63)), 2**63 - 1)
    return f"attribute {a.name} changed a little"


def attribute_type(model: ModelProto, rng: random.Random) -> str | None:
    a = pick(rng, attributes(model))
    if a is None:
        return None
    a.type = rng.choice(AttributeProto.AttributeType.values())
    return f"type of attribute {a.name}"


def attribute_list(model: ModelProto, rng: random.Random) -> str | None:
    """Drops, doubles, renames or invents an attribute."""
    node = pick(rng, nodes(model))
    if node is None:
        return None
    choice, a = rng.randrange(4), pick(rng, node.attribute)
    if choice == 0 or a is None:
        name = rng.choice(["axis", "axes", "perm", "to", "value", "group", "kernel_shape", "nonsense"])
        node.attribute.append(helper.make_attribute(name, rng.choice([number(rng), [number(rng)], 1.0, "s"])))
        return f"attribute {name} added to {node.op_type}"
    if choice == 1:
        node.attribute.remove(a)
    elif choice == 2:
        node.attribute.add().CopyFrom(a)
    else:
        a.name += "_"
    return f"attribute list of {node.op_type}"


def attribute_reference(model: ModelProto, rng: random.Random) -> str | None:
    a = pick(rng, attributes(model))
    if a is None:
        return None
    a.ref_attr_name = rng.choice([a.name, "alpha", "x" * 1000])
    return f"attribute {a.name} refers to a function's"


# ---- wiring -----------------------------------------------------------------------------------------------------


def rename_input(model: ModelProto, rng: random.Random) -> str | None:
    """Mostly to what is defined before, which is no cycle: shapes and types do not fit any more."""
    graph = pick(rng, [g for g in graphs(model) if any(n.input for n in g.node)])
    if graph is None:
        return None
    at = rng.choice([i for i, n in enumerate(graph.node) if n.input])
    node = graph.node[at]
    before = [v.name for v in graph.input] + [t.name for t in graph.initializer]
    before += [name for n in list(graph.node)[:at] for name in n.output]
    use = before if before and rng.random() < 0.8 else names(model)
    node.input[rng.randrange(len(node.input))] = rng.choice(use)
    return f"input of {node.op_type} renamed"


def swap_inputs(model: ModelProto, rng: random.Random) -> str | None:
    node = pick(rng, [n for n in nodes(model) if len(n.input) > 1])
    if node is None:
        return None
    order = list(node.input)
    rng.shuffle(order)
    node.input[:] = order
    return f"inputs of {node.op_type} shuffled"


def optional_input(model: ModelProto, rng: random.Random) -> str | None:
    node = pick(rng, [n for n in nodes(model) if n.input])
    if node is None:
        return None
    node.input[rng.randrange(len(node.input))] = ""
    return f"input of {node.op_type} left out"


def input_list(model: ModelProto, rng: random.Random) -> str | None:
    node = pick(rng, nodes(model))
    if node is None:
        return None
    choice = rng.randrange(3)
    if choice == 0 and node.input:
        del node.input[rng.randrange(len(node.input))]
    elif choice == 1:
        node.input.extend(rng.choice(names(model)) for _ in range(rng.choice([1, 2, 300])))
    else:
        del node.input[:]
    return f"input list of {node.op_type}"


def output_list(model: ModelProto, rng: random.Random) -> str | None:
    node = pick(rng, nodes(model))
    if node is None:
        return None
    choice = rng.randrange(4)
    if choice == 0 and node.output:
        del node.output[rng.randrange(len(node.output))]
    elif choice == 1:
        node.output.extend(rng.choice([*names(model), "fresh"]) for _ in range(rng.choice([1, 2, 300])))
    elif choice == 2 and node.output:
        node.output[rng.randrange(len(node.output))] = rng.choice(names(model))
    else:
        del node.output[:]
    return f"output list of {node.op_type}"


def cycle(model: ModelProto, rng: random.Random) -> str | None:
    graph = pick(rng, [g for g in graphs(model) if any(n.input and n.output for n in g.node)])
    if graph is None:
        return None
    wired = [n for n in graph.node if n.input and n.output]
    first, last = wired[0], rng.choice(wired)
    first.input[rng.randrange(len(first.input))] = last.output[0]
    return f"cycle through {first.op_type} and {last.op_type}"


def node_order(model: ModelProto, rng: random.Random) -> str | None:
    graph = pick(rng, [g for g in graphs(model) if len(g.node) > 1])
    if graph is None:
        return None
    order = list(graph.node)
    rng.shuffle(order)
    del graph.node[:]
    graph.node.extend(order)
    return "nodes shuffled"


def graph_lists(model: ModelProto, rng: random.Random) -> str | None:
    """Drops, doubles or renames an input, output, initializer or node of a graph."""
    graph = pick(rng, graphs(model))
    field = rng.choice(["input", "output", "initializer", "node", "value_info"])
    items = getattr(graph, field)
    item = pick(rng, items)
    if item is None:
        return None
    choice = rng.randrange(3)
    if choice == 0:
        items.remove(item)
    elif choice == 1:
        items.add().CopyFrom(item)
    else:
        item.name = rng.choice(names(model))
    return f"{field} list of a graph"


# ---- operators, versions, functions, bodies ---------------------------------------------------------------------

OPERATORS = sorted({(s.domain, s.name) for s in onnx.defs.get_all_schemas()})


def operator(model: ModelProto, rng: random.Random) -> str | None:
    node = pick(rng, nodes(model))
    if node is None:
        return None
    old = node.op_type
    if rng.random() < 0.8:
        node.domain, node.op_type = rng.choice(OPERATORS)
        if node.domain and all(o.domain != node.domain for o in model.opset_import):
            model.opset_import.append(helper.make_opsetid(node.domain, rng.choice([1, 2, 3, 5])))
    else:
        node.op_type = rng.choice(["", "NoSuchOperator", "\u00e4\u0000\u20ac", "x" * 100000])
    return f"{old} becomes {node.op_type[:40]!r}"


def domain(model: ModelProto, rng: random.Random) -> str | None:
    node = pick(rng, nodes(model))
    if node is None:
        return None
    node.domain = rng.choice(["", "ai.onnx", "ai.onnx.ml", "com.microsoft", "sard", "no.such.domain"])
    return f"domain of {node.op_type}"


def versions(model: ModelProto, rng: random.Random) -> str | None:
    opset = pick(rng, model.opset_import)
    choice = rng.randrange(4)
    if choice == 0 and opset:
        opset.version = rng.choice([0, 1, 2, 6, 7, 8, 9, 12, 13, 18, 22, 28, 99, -1, 2**40])
    elif choice == 1:
        model.opset_import.append(helper.make_opsetid(rng.choice(["", "ai.onnx", "x"]), rng.randint(0, 30)))
    elif choice == 2:
        del model.opset_import[:]
    else:
        model.ir_version = rng.choice([0, 1, 2, 3, 4, 14, 15, -1, 2**40])
    return "versions"


def function_recursion(model: ModelProto, rng: random.Random) -> str | None:
    """A function that calls itself, or two that call each other, or a chain in which each calls the next many times."""
    node = pick(rng, [n for n in nodes(model) if n.input and n.output])
    if node is None:
        return None
    kind = rng.choice(["self", "pair", "chain"])
    depth = {"self": 1, "pair": 2, "chain": 20}[kind]
    for i in range(depth):
        to = f"f{(i + 1) % depth}" if kind != "chain" or i + 1 < depth else "Relu"
        calls = 4 if kind == "chain" else 1
        body = []
        for k in range(calls):
            into = helper.make_node(to, [f"v{k}"], [f"v{k + 1}"], domain="f" if to != "Relu" else "")
            body.append(into)
        imports = [helper.make_opsetid("", 20), helper.make_opsetid("f", 1)]
        model.functions.append(helper.make_function("f", f"f{i}", ["v0"], [f"v{calls}"], body, imports))
    model.opset_import.append(helper.make_opsetid("f", 1))
    node.domain, node.op_type = "f", "f0"
    del node.attribute[:], node.input[1:], node.output[1:]
    return f"functions call each other ({kind})"


def nested_bodies(model: ModelProto, rng: random.Random) -> str | None:
    """The graph's nodes move into an If inside an If inside ..."""
    graph = model.graph
    if not graph.output or not graph.node:
        return None
    depth = rng.choice([2, 5, 10, 20])  # deeper ones Python's protobuf does not build: deep_bodies
    inner = GraphProto(name="inner")
    inner.node.extend(graph.node)
    inner.output.extend(graph.output)
    condition = numpy_helper.from_array(np.array(True), "nested_condition")
    graph.initializer.append(condition)
    results = [o.name for o in graph.output]
    for level in range(depth):
        outs = results if level == depth - 1 else [f"{n}_{level}" for n in results]
        node = helper.make_node(
            "If", [condition.name], outs, then_branch=inner, else_branch=inner if level < 6 else None
        )
        inner = GraphProto(name=f"level{level}")
        inner.node.append(node)
        for old, name in zip(graph.output, outs):
            out = inner.output.add()
            out.CopyFrom(old)
            out.name = name
    del graph.node[:]
    graph.node.extend(inner.node)
    return f"bodies nested {depth} deep"


def endless_loop(model: ModelProto, rng: random.Random) -> str | None:
    """A Loop with a huge trip count, whose scan output grows or does not, in front of everything."""
    grows = rng.random() < 0.5
    body = helper.make_graph(
        [helper.make_node("Identity", ["c_in"], ["c_out"]), helper.make_node("Identity", ["i"], ["scan"])],
        "loop",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("c_in", TensorProto.BOOL, []),
        ],
        [helper.make_tensor_value_info("c_out", TensorProto.BOOL, [])]
        + [helper.make_tensor_value_info("scan", TensorProto.INT64, [])] * grows,
    )
    trips = numpy_helper.from_array(np.array(rng.choice([2**63 - 1, 2**40, -1]), np.int64), "loop_trips")
    always = numpy_helper.from_array(np.array(True), "loop_condition")
    model.graph.initializer.extend([trips, always])
    outs = ["loop_scan"] if grows else []
    model.graph.node.insert(0, helper.make_node("Loop", [rng.choice([trips.name, ""]), always.name], outs, body=body))
    if grows:
        model.graph.output.append(helper.make_tensor_value_info("loop_scan", TensorProto.INT64, [None]))
    return "a loop without end"


def huge_result(model: ModelProto, rng: random.Random) -> str | None:
    """A node whose result would not fit in memory, or just about."""
    count = rng.choice([2**28, 2**31, 2**33, 2**40, 2**61])
    kind = rng.choice(["ConstantOfShape", "Expand", "Range", "Tile"])
    graph = model.graph

    def constant(name: str, values) -> str:
        graph.initializer.append(numpy_helper.from_array(np.array(values, np.int64), name))
        return name

    shape = rng.choice([[count], [2**20, count // 2**20], [count, 0], [1] * 7 + [count], [count, count]])
    if kind == "ConstantOfShape":
        node = helper.make_node(kind, [constant("huge_shape", shape)], ["huge"])
    elif kind == "Expand":
        node = helper.make_node(kind, [constant("huge_one", [1]), constant("huge_shape", shape)], ["huge"])
    elif kind == "Tile":
        node = helper.make_node(kind, [constant("huge_one", [1, 2, 3]), constant("huge_times", [count])], ["huge"])
    else:
        node = helper.make_node(
            kind, [constant("huge_0", 0), constant("huge_n", count), constant("huge_1", 1)], ["huge"]
        )
    graph.node.insert(0, node)
    graph.output.append(helper.make_tensor_value_info("huge", TensorProto.INT64, None))
    if kind == "ConstantOfShape":
        graph.output[-1].type.tensor_type.elem_type = TensorProto.FLOAT
    return f"{kind} of {shape if kind != 'Tile' else count}"


def long_chain(model: ModelProto, rng: random.Random) -> str | None:
    """Thousands of nodes in a row behind an output."""
    out = pick(rng, model.graph.output)
    if out is None:
        return None
    length, name = rng.choice([1000, 20000]), out.name
    for i in range(length):
        model.graph.node.append(helper.make_node(rng.choice(["Identity", "Neg", "Relu"]), [name], [f"chain{i}"]))
        name = f"chain{i}"
    extra = model.graph.output.add()
    extra.CopyFrom(out)
    extra.name = name
    return f"{length} nodes in a row"


def doubling(model: ModelProto, rng: random.Random) -> str | None:
    """x+x, forty times: sharing, not copies; or concat with itself, forty times: 2^40 elements."""
    source = pick(rng, [v for v in model.graph.input if v.type.WhichOneof("value") == "tensor_type"])
    if source is None:
        return None
    kind, name = rng.choice(["Add", "Concat"]), source.name
    for i in range(40):
        extra = {"axis": 0} if kind == "Concat" else {}
        model.graph.node.append(helper.make_node(kind, [name, name], [f"double{i}"], **extra))
        name = f"double{i}"
    model.graph.output.append(helper.make_tensor_value_info(name, source.type.tensor_type.elem_type, None))
    return f"{kind} of a value with itself, 40 times"


# How often each is drawn. Those that need something rare (a tensor, a body) are drawn more often, those that always
# apply, and those whose models end at a limit of time, less.
MUTATIONS: dict[Mutation, float] = {
    declared_dim: 2,
    declared_rank: 0.5,
    declared_type: 1,
    nested_type: 0.25,
    tensor_dims: 3,
    tensor_type: 3,
    tensor_data: 3,
    tensor_values: 6,
    external_data: 1,
    constant_input: 6,
    attribute_value: 6,
    attribute_nudge: 8,
    attribute_type: 1,
    attribute_list: 2,
    attribute_reference: 0.25,
    rename_input: 5,
    swap_inputs: 3,
    optional_input: 2,
    input_list: 1,
    output_list: 1,
    cycle: 0.5,
    node_order: 2,
    graph_lists: 1,
    operator: 6,
    domain: 0.25,
    versions: 0.5,
    function_recursion: 0.25,
    nested_bodies: 1,
    endless_loop: 0.25,
    huge_result: 1,
    long_chain: 0.5,
    doubling: 0.5,
}


# ---- inputs -----------------------------------------------------------------------------------------------------

Inputs = dict[str, bytes]  # a model's input by name: the bytes of its data file


def _tensor_inputs(model: ModelProto, inputs: Inputs) -> list[ValueInfoProto]:
    return [v for v in model.graph.input if v.name in inputs and v.type.WhichOneof("value") == "tensor_type"]


def _array(data: bytes) -> np.ndarray | None:
    tensor = TensorProto.FromString(data)
    array = numpy_helper.to_array(tensor).copy()
    return array if array.dtype.kind in "fiu" and array.size else None


def input_values(model: ModelProto, inputs: Inputs, rng: random.Random) -> str | None:
    """Extreme numbers among an input's: indices, lengths and shapes out of range, infinities, denormals."""
    v = pick(rng, _tensor_inputs(model, inputs))
    array = None if v is None else _array(inputs[v.name])
    if array is None:
        return None
    flat = array.reshape(-1)
    for _ in range(rng.choice([1, 1, 3, flat.size])):
        at = rng.randrange(flat.size)
        if array.dtype.kind == "f":
            with np.errstate(over="ignore"):
                flat[at] = rng.choice(FLOATS)
        else:
            limits = np.iinfo(array.dtype)
            flat[at] = min(max(number(rng), limits.min), limits.max)
    inputs[v.name] = numpy_helper.from_array(array, v.name).SerializeToString()
    return f"values of input {v.name}"


def input_shape(model: ModelProto, inputs: Inputs, rng: random.Random) -> str | None:
    """Another shape for an input, in its data and, mostly, in the model, too."""
    v = pick(rng, _tensor_inputs(model, inputs))
    array = None if v is None else _array(inputs[v.name])
    if array is None:
        return None
    shape = list(array.shape)
    kind = rng.randrange(4)
    if kind == 0 and shape:
        shape[rng.randrange(len(shape))] = rng.choice([0, 1, 2, 3, 5, 33])
    elif kind == 1 and shape:
        del shape[rng.randrange(len(shape))]
    elif kind == 2:
        shape.insert(rng.randint(0, len(shape)), rng.choice([0, 1, 2]))
    else:
        rng.shuffle(shape)
    if np.prod(shape, dtype=np.float64) > 1e7:
        return None
    inputs[v.name] = numpy_helper.from_array(np.resize(array, shape), v.name).SerializeToString()
    declared = v.type.tensor_type.shape
    if rng.random() < 0.9:
        declared.Clear()
        for size in shape:
            dim = declared.dim.add()
            if rng.random() < 0.7:
                dim.dim_value = size
    for o in model.graph.output:  # what was declared of the result hardly holds now
        if rng.random() < 0.9 and o.type.WhichOneof("value") == "tensor_type":
            o.type.tensor_type.ClearField("shape")
    return f"shape of input {v.name}: {shape}"


# ---- bytes ------------------------------------------------------------------------------------------------------


def mutate_bytes(data: bytes, rng: random.Random) -> tuple[bytes, str]:
    """Cuts the file short, or flips, inserts, drops or repeats bytes."""
    out = bytearray(data)
    kind = rng.choice(["truncated", "flipped", "inserted", "dropped", "repeated"])
    if not out:
        return data, "empty"
    if kind == "truncated":
        del out[rng.randrange(len(out)) :]
        return bytes(out), kind
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(len(out) + 1)
        if kind == "flipped" and at < len(out):
            out[at] = rng.choice([out[at] ^ 1 << rng.randrange(8), 0, 0x7F, 0x80, 0xFF, rng.randrange(256)])
        elif kind == "inserted":
            out[at:at] = rng.randbytes(rng.randint(1, 6))
        elif kind == "dropped":
            del out[at : at + rng.randint(1, 6)]
        elif kind == "repeated":
            out[at:at] = out[at : at + rng.randint(1, 64)]
    return bytes(out), kind


def _field(field: int, payload: bytes) -> bytes:
    """A length-delimited protobuf field."""
    head, n = bytearray([field << 3 | 2]), len(payload)
    while n >= 0x80:
        head.append(n & 0x7F | 0x80)
        n >>= 7
    return bytes([*head, n]) + payload


def deep_bodies(model: ModelProto, rng: random.Random) -> tuple[bytes, str]:
    """The graph inside an If inside an If ..., as deep as no reader wants it."""
    depth = rng.choice([25, 31, 32, 33, 100, 1000, 20000])
    graph = model.graph.SerializeToString(deterministic=True)
    for _ in range(depth):
        attribute = _field(1, b"then_branch") + _field(6, graph) + b"\xa0\x01\x05"
        graph = _field(1, _field(1, b"c") + _field(4, b"If") + _field(5, attribute))
    rest = ModelProto()
    rest.CopyFrom(model)
    rest.ClearField("graph")
    return rest.SerializeToString(deterministic=True) + _field(7, graph), f"bodies nested {depth} deep"


def mutate(model: ModelProto, inputs: Inputs, rng: random.Random) -> tuple[bytes, Inputs, list[str]]:
    """A mutated copy's bytes, its inputs and what was done: mostly one structural mutation, up to four, and now and
    then some of the bytes. Only inputs that the copy still has are given."""
    copy, inputs = ModelProto(), dict(inputs)
    copy.CopyFrom(model)
    done: list[str] = []
    if rng.random() < 0.94:
        wanted = rng.choice([1, 1, 1, 2, 2, 3, 4])
        for _ in range(100):
            what, name = _one(copy, inputs, rng)
            if what:
                done.append(f"{name}: {what}")
            if len(done) == wanted:
                break
    data = copy.SerializeToString(deterministic=True)
    if rng.random() < 0.02:
        data, what = deep_bodies(copy, rng)
        done.append(f"deep_bodies: {what}")
    if not done or rng.random() < 0.02:
        data, what = mutate_bytes(data, rng)
        done.append(f"bytes: {what}")
    own = {t.name for t in copy.graph.initializer}
    kept = {v.name: inputs[v.name] for v in copy.graph.input if v.name in inputs and v.name not in own}
    return data, kept, done


def _one(model: ModelProto, inputs: Inputs, rng: random.Random) -> tuple[str | None, str]:
    """One mutation: (what was done, its name)."""
    if rng.random() < 0.15:
        change = rng.choice([input_values, input_shape])
        return change(model, inputs, rng), change.__name__
    mutation = rng.choices(list(MUTATIONS), list(MUTATIONS.values()))[0]
    try:
        return mutation(model, rng), mutation.__name__
    except DecodeError:  # deeper than Python's protobuf goes
        return None, mutation.__name__
