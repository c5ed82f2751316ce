"""Models with random weights for benchmarks and tests: seeded, made on first use, kept in a folder.

`model(name, folder)` gives a Model: the file's path and a way to make its inputs for a batch. Weights are scaled so
that activations neither vanish nor explode; shapes are those of the networks they are named after.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8
REVISION = "2"  # part of the file names: raise when a generator changes


@dataclass
class Model:
    """A model file and its inputs: `feed(rows)` makes seeded ones for that many rows."""

    name: str
    path: Path
    feed: Callable[[int], dict[str, np.ndarray]]


def rng_of(name: str) -> np.random.Generator:
    """The random numbers that belong to a name."""
    return np.random.default_rng(zlib.crc32(name.encode()))


class Graph:
    """Builds an ONNX graph node by node; values are strings, weights come from the graph's own random numbers."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.rng = rng_of(name)
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []
        self.outputs: list[onnx.ValueInfoProto] = []

    def input(self, name: str, dtype: int, shape: list) -> str:
        self.inputs.append(helper.make_tensor_value_info(name, dtype, shape))
        return name

    def output(self, value: str, name: str, shape: list, dtype: int = TensorProto.FLOAT) -> None:
        """Declares an output; an Identity gives the value its public name."""
        self.nodes.append(helper.make_node("Identity", [value], [name], name=f"{name}_out"))
        self.outputs.append(helper.make_tensor_value_info(name, dtype, shape))

    def const(self, array: np.ndarray) -> str:
        name = f"c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def ints(self, *values: int) -> str:
        return self.const(np.array(values, np.int64))

    def index(self, value: int) -> str:
        return self.const(np.array(value, np.int64))

    def scalar(self, value: float) -> str:
        return self.const(np.array(value, np.float32))

    def weight(self, shape: tuple[int, ...], std: float) -> str:
        array = self.rng.standard_normal(shape, dtype=np.float32)
        array *= np.float32(std)
        return self.const(array)

    def op(self, kind: str, *inputs: str, **attributes) -> str:
        return self.ops(kind, 1, *inputs, **attributes)[0]

    def ops(self, kind: str, outputs: int, *inputs: str, **attributes) -> list[str]:
        stem = f"{kind}_{len(self.nodes)}"
        names = [f"{stem}.{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, name=stem, **attributes))
        return names

    def linear(self, x: str, inputs: int, outputs: int) -> str:
        """MatMul and Add, as exporters write a linear layer on inputs of rank 3."""
        product = self.op("MatMul", x, self.weight((inputs, outputs), inputs**-0.5))
        return self.op("Add", self.weight((outputs,), 0.02), product)

    def gemm(self, x: str, inputs: int, outputs: int) -> str:
        return self.op("Gemm", x, self.weight((outputs, inputs), inputs**-0.5), self.weight((outputs,), 0.02), transB=1)

    def norm(self, x: str, size: int) -> str:
        scale = self.const((1 + 0.1 * self.rng.standard_normal(size)).astype(np.float32))
        return self.op("LayerNormalization", x, scale, self.weight((size,), 0.02), axis=-1, epsilon=1e-12)

    def conv(
        self,
        x: str,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int = 1,
        group: int = 1,
        gain: float = 2.0,
        bias: bool = True,
    ) -> str:
        fan_in = inputs // group * kernel * kernel
        weights = [self.weight((outputs, inputs // group, kernel, kernel), (gain / fan_in) ** 0.5)]
        if bias:
            weights.append(self.weight((outputs,), 0.02))
        return self.op(
            "Conv",
            x,
            *weights,
            kernel_shape=[kernel] * 2,
            strides=[stride] * 2,
            pads=[kernel // 2] * 4,
            group=group,
            dilations=[1, 1],
        )

    def batch_norm(self, x: str, channels: int, low: float = 0.7, high: float = 1.3) -> str:
        scale = self.const(self.rng.uniform(low, high, channels).astype(np.float32))
        variance = self.const(self.rng.uniform(0.7, 1.3, channels).astype(np.float32))
        shift, mean = self.weight((channels,), 0.05), self.weight((channels,), 0.05)
        return self.op("BatchNormalization", x, scale, shift, mean, variance, epsilon=1e-5)

    def save(self, path: Path) -> None:
        graph = helper.make_graph(self.nodes, self.name, self.inputs, self.outputs, self.initializers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="sard-models")
        model.ir_version = IR_VERSION
        onnx.save(model, path)


# ---- vision ------------------------------------------------------------------------------------------------------


def _resnet50(g: Graph) -> None:
    """ResNet-50 with its batch normalisations, 224 x 224."""
    x = g.input("input", TensorProto.FLOAT, ["batch", 3, 224, 224])

    def conv_norm(x: str, inputs: int, outputs: int, kernel: int, stride: int = 1, **range_of_scale) -> str:
        return g.batch_norm(g.conv(x, inputs, outputs, kernel, stride, bias=False), outputs, **range_of_scale)

    x = g.op("Relu", conv_norm(x, 3, 64, 7, 2))
    x = g.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    channels = 64
    for width, blocks, first_stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for block in range(blocks):
            stride = first_stride if block == 0 else 1
            y = g.op("Relu", conv_norm(x, channels, width, 1))
            y = g.op("Relu", conv_norm(y, width, width, 3, stride))
            y = conv_norm(y, width, 4 * width, 1, low=0.1, high=0.4)
            if block == 0:
                x = conv_norm(x, channels, 4 * width, 1, stride)
            x = g.op("Relu", g.op("Add", y, x))
            channels = 4 * width
    x = g.op("Flatten", g.op("GlobalAveragePool", x), axis=1)
    g.output(g.gemm(x, channels, 1000), "output", ["batch", 1000])


def _mobilenet_v2(g: Graph) -> None:
    """MobileNet v2, 224 x 224."""
    x = g.input("input", TensorProto.FLOAT, ["batch", 3, 224, 224])

    def relu6(x: str) -> str:
        return g.op("Clip", x, g.scalar(0), g.scalar(6))

    x = relu6(g.conv(x, 3, 32, 3, 2))
    channels = 32
    stages = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
    for expand, outputs, blocks, first_stride in stages:
        for block in range(blocks):
            stride = first_stride if block == 0 else 1
            hidden = channels * expand
            y = relu6(g.conv(x, channels, hidden, 1)) if expand != 1 else x
            y = relu6(g.conv(y, hidden, hidden, 3, stride, group=hidden))
            y = g.conv(y, hidden, outputs, 1, gain=0.5)
            x = g.op("Add", x, y) if stride == 1 and channels == outputs else y
            channels = outputs
    x = relu6(g.conv(x, channels, 1280, 1))
    x = g.op("Flatten", g.op("GlobalAveragePool", x), axis=1)
    g.output(g.gemm(x, 1280, 1000), "output", ["batch", 1000])


def _small_net(g: Graph) -> None:
    """A convolutional network of every kind of layer, small enough for an emulator: 24 x 24."""
    x = g.input("input", TensorProto.FLOAT, ["batch", 3, 24, 24])
    x = g.op("Relu", g.batch_norm(g.conv(x, 3, 20, 3, 2, bias=False), 20))
    x = g.op("HardSwish", g.conv(x, 20, 20, 3, group=20))
    y = g.op("Sigmoid", g.conv(x, 20, 20, 5, group=4))
    x = g.op("Add", g.op("Mul", x, y), g.op("Tanh", g.conv(x, 20, 20, 1)))
    x = g.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    x = g.op("AveragePool", g.conv(x, 20, 36, 3), kernel_shape=[2, 2], strides=[1, 1])
    x = g.op("Flatten", g.op("GlobalAveragePool", x), axis=1)
    g.output(g.op("Softmax", g.gemm(x, 36, 10), axis=-1), "output", ["batch", 10])


# ---- transformers ------------------------------------------------------------------------------------------------


def _bert(layers: int, size: int, heads: int, hidden: int, words: int) -> Callable[[Graph], None]:
    """BERT's encoder as exporters write it: shapes computed in the graph, erf Gelu in its parts, an additive mask."""

    def build(g: Graph) -> None:
        shape = ["batch", "seq"]
        ids = g.input("input_ids", TensorProto.INT64, shape)
        mask = g.input("attention_mask", TensorProto.INT64, shape)
        kinds = g.input("token_type_ids", TensorProto.INT64, shape)
        mask = g.op("Unsqueeze", g.op("Unsqueeze", mask, g.ints(1)), g.ints(2))
        mask = g.op("Sub", g.scalar(1), g.op("Cast", mask, to=TensorProto.FLOAT))
        mask = g.op("Mul", mask, g.scalar(np.finfo(np.float32).min))
        positions = g.const(np.arange(512, dtype=np.int64)[None])
        positions = g.op("Slice", positions, g.ints(0), _extent(g, ids, 1), g.ints(1), g.ints(1))
        x = g.op(
            "Add", g.op("Gather", g.weight((words, size), 0.02), ids), g.op("Gather", g.weight((2, size), 0.02), kinds)
        )
        x = g.norm(g.op("Add", x, g.op("Gather", g.weight((512, size), 0.02), positions)), size)
        for _ in range(layers):
            x = _encoder_layer(g, x, mask, size, heads, hidden)
        first = g.op("Gather", x, g.index(0), axis=1)
        g.output(x, "last_hidden_state", [*shape, size])
        g.output(g.op("Tanh", g.gemm(first, size, size)), "pooler_output", ["batch", size])

    return build


def _extent(g: Graph, x: str, axis: int) -> str:
    """One dimension of x as a tensor of one element."""
    return g.op("Unsqueeze", g.op("Gather", g.op("Shape", x), g.index(axis), axis=0), g.ints(0))


def _encoder_layer(g: Graph, x: str, mask: str, size: int, heads: int, hidden: int) -> str:
    def split(t: str, order: list[int]) -> str:
        shape = g.op("Concat", _extent(g, t, 0), _extent(g, t, 1), g.ints(heads), g.ints(size // heads), axis=0)
        return g.op("Transpose", g.op("Reshape", t, shape), perm=order)

    q = split(g.linear(x, size, size), [0, 2, 1, 3])
    k = split(g.linear(x, size, size), [0, 2, 3, 1])
    v = split(g.linear(x, size, size), [0, 2, 1, 3])
    scores = g.op("Div", g.op("MatMul", q, k), g.scalar((size // heads) ** 0.5))
    chances = g.op("Softmax", g.op("Add", scores, mask), axis=-1)
    y = g.op("Transpose", g.op("MatMul", chances, v), perm=[0, 2, 1, 3])
    y = g.op("Reshape", y, g.op("Concat", _extent(g, y, 0), _extent(g, y, 1), g.ints(size), axis=0))
    x = g.norm(g.op("Add", g.linear(y, size, size), x), size)
    y = g.linear(x, size, hidden)
    gate = g.op("Add", g.op("Erf", g.op("Div", y, g.scalar(2**0.5))), g.scalar(1))
    y = g.op("Mul", g.op("Mul", y, gate), g.scalar(0.5))
    return g.norm(g.op("Add", g.linear(y, hidden, size), x), size)


# ---- small and large ---------------------------------------------------------------------------------------------


def _mlp(g: Graph) -> None:
    """Three layers, 256 -> 512 -> 512 -> 10."""
    x = g.input("input", TensorProto.FLOAT, ["batch", 256])
    for inputs, outputs in ((256, 512), (512, 512)):
        x = g.op("Relu", g.gemm(x, inputs, outputs))
    g.output(g.op("Softmax", g.gemm(x, 512, 10), axis=-1), "output", ["batch", 10])


def _large(g: Graph) -> None:
    """400 MB of weights: a word table of 200 MB, which only lookups read, and twelve layers of 16.8 MB each."""
    ids = g.input("ids", TensorProto.INT64, ["batch"])
    x = g.op("Gather", g.weight((24_400, 2048), 0.02), ids)
    for _ in range(12):
        x = g.op("Relu", g.gemm(x, 2048, 2048))
    g.output(x, "output", ["batch", 2048])


# ---- by name -----------------------------------------------------------------------------------------------------

BUILDERS: dict[str, Callable[[Graph], None]] = {
    "resnet50": _resnet50,
    "mobilenet_v2": _mobilenet_v2,
    "small_net": _small_net,
    "bert_base": _bert(layers=12, size=768, heads=12, hidden=3072, words=30522),
    "transformer2": _bert(layers=2, size=128, heads=4, hidden=512, words=1000),
    "mlp": _mlp,
    "large": _large,
}


def _feed_of(name: str, tokens: int) -> Callable[[int], dict[str, np.ndarray]]:
    def feed(rows: int) -> dict[str, np.ndarray]:
        rng = rng_of(f"{name} inputs")
        if name in ("resnet50", "mobilenet_v2"):
            return {"input": rng.standard_normal((rows, 3, 224, 224), dtype=np.float32)}
        if name == "small_net":
            return {"input": rng.standard_normal((rows, 3, 24, 24), dtype=np.float32)}
        if name in ("bert_base", "transformer2"):
            ids = rng.integers(0, 1000, (rows, tokens))
            lengths = rng.integers(tokens // 2, tokens + 1, (rows, 1)) if rows > 1 else tokens
            mask = (np.arange(tokens)[None] < lengths).astype(np.int64)
            return {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        if name == "large":
            return {"ids": rng.integers(0, 24_400, rows)}
        return {"input": rng.standard_normal((rows, 256), dtype=np.float32)}

    return feed


def model(name: str, folder: Path, tokens: int = 128) -> Model:
    """The model of this name, made below `folder` when it is not there yet. `tokens`: a transformer's input length."""
    if name == "lightgbm":
        return _lightgbm(folder)
    path = folder / f"{name}-{REVISION}.onnx"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        graph = Graph(name)
        BUILDERS[name](graph)
        fresh = path.with_suffix(".new")
        graph.save(fresh)
        fresh.rename(path)
    return Model(name, path, _feed_of(name, tokens))


def boosting_data(rows: int, seed: int, columns: int = 50) -> tuple[np.ndarray, np.ndarray]:
    """Normal columns, 12 at least, and two classes with some structure to find."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, columns)).astype(np.float32)
    z = x[:, :5].sum(1) + 1.5 * np.sin(2 * x[:, 5:10]).sum(1) + x[:, 10] * x[:, 11] + rng.logistic(size=rows)
    return x, (z > 0).astype(int)


def _lightgbm(folder: Path) -> Model:
    """500 trees of 31 leaves."""
    path = folder / f"lightgbm-{REVISION}.onnx"
    if not path.exists():
        import lightgbm
        from onnxmltools import convert_lightgbm
        from onnxmltools.convert.common.data_types import FloatTensorType

        folder.mkdir(parents=True, exist_ok=True)
        trees = lightgbm.LGBMClassifier(
            n_estimators=500,
            num_leaves=31,
            random_state=0,
            n_jobs=1,
            deterministic=True,
            force_row_wise=True,
            verbose=-1,
        ).fit(*boosting_data(20_000, 7))
        kinds = [("input", FloatTensorType([None, 50]))]
        onnx.save(convert_lightgbm(trees, initial_types=kinds, zipmap=False, target_opset=15), path)
    return Model("lightgbm", path, lambda rows: {"input": boosting_data(rows, 100)[0]})
