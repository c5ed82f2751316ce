#!/usr/bin/env python3
"""Models for the Spark client: models.py FOLDER. Opset 13 and ai.onnx.ml 2, which the library in SynapseML's jar takes.

gbm_zipmap.onnx, gbm.onnx   LightGBM classifier over 12 columns, 20 trees: probabilities as maps, and as a tensor
mlp.onnx                    `x` [N,4] -> `hidden` [N,8] and `logits` [N,3] (intermediate) -> `scores` [N,3], `best` [N]
two_inputs.onnx             `x` [N,4], `w` int64 [N,2] -> `y` [N,4], `total` [N,1]
open_width.onnx             `x` [N,M] -> `y` = x @ w, w [4,3]: a wrong M shows only in the run
image.onnx                  `image` [N,3,8,8] -> `features` [N,4,8,8] (intermediate) -> `pooled` [N,4] -> `out` [N,2]
"""

import sys
from pathlib import Path

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save

OPSETS = [helper.make_opsetid("", 13), helper.make_opsetid("ai.onnx.ml", 2)]


def write(path: Path, name: str, nodes, inputs, outputs, weights) -> None:
    tensors = [numpy_helper.from_array(value, key) for key, value in weights.items()]
    infos = [[helper.make_tensor_value_info(n, t, s) for n, t, s in side] for side in (inputs, outputs)]
    for i, node in enumerate(nodes):
        node.name = f"node{i}"
    graph = helper.make_graph(nodes, name, infos[0], infos[1], tensors)
    model = helper.make_model(graph, opset_imports=OPSETS, ir_version=7, producer_name="sard-clients")
    checker.check_model(model, full_check=True)
    save(model, path / f"{name}.onnx")


def gbm(path: Path, trees: int, x: np.ndarray, y: np.ndarray, name: str = "gbm") -> None:
    """One LightGBM classifier: NAME.onnx with the probabilities as a tensor, NAME_zipmap.onnx with them as maps."""
    from lightgbm import LGBMClassifier
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType

    fitted = LGBMClassifier(n_estimators=trees, num_leaves=31, random_state=7, n_jobs=1, verbose=-1).fit(x, y)
    for maps in (True, False):
        width = [("input", FloatTensorType([None, x.shape[1]]))]
        model = convert_lightgbm(fitted, initial_types=width, zipmap=maps, target_opset=13)
        for i, node in enumerate(model.graph.node):  # SynapseML cuts graphs by the names of nodes
            node.name = f"node{i}"
        save(model, path / f"{name}{'_zipmap' * maps}.onnx")


def gbm_of_tests(path: Path) -> None:
    rng = np.random.default_rng(7)
    x = rng.standard_normal((3000, 12), dtype=np.float32)
    y = (x[:, 0] * x[:, 1] + x[:, 2] + 0.3 * rng.standard_normal(3000) > 0).astype(int)
    gbm(path, 20, x, y)


def first_column(path: Path, columns: int) -> None:
    """trivial.onnx: the first column as it is."""
    nodes = [helper.make_node("Gather", ["input", "zero"], ["y"], axis=1)]
    inputs, outputs = [("input", TensorProto.FLOAT, ["N", columns])], [("y", TensorProto.FLOAT, ["N", 1])]
    write(path, "trivial", nodes, inputs, outputs, {"zero": np.array([0], np.int64)})


def mlp(path: Path) -> None:
    rng = np.random.default_rng(11)
    weights = {
        "w1": rng.standard_normal((4, 8), dtype=np.float32),
        "b1": rng.standard_normal(8, dtype=np.float32),
        "w2": rng.standard_normal((8, 3), dtype=np.float32),
        "b2": rng.standard_normal(3, dtype=np.float32),
    }
    nodes = [
        helper.make_node("Gemm", ["x", "w1", "b1"], ["affine"]),
        helper.make_node("Relu", ["affine"], ["hidden"]),
        helper.make_node("Gemm", ["hidden", "w2", "b2"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["scores"], axis=1),
        helper.make_node("ArgMax", ["logits"], ["best"], axis=1, keepdims=0),
    ]
    outputs = [("scores", TensorProto.FLOAT, ["N", 3]), ("best", TensorProto.INT64, ["N"])]
    write(path, "mlp", nodes, [("x", TensorProto.FLOAT, ["N", 4])], outputs, weights)


def two_inputs(path: Path) -> None:
    nodes = [
        helper.make_node("Cast", ["w"], ["float_w"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["float_w", "axis"], ["total"], keepdims=1),
        helper.make_node("Mul", ["x", "total"], ["y"]),
    ]
    inputs = [("x", TensorProto.FLOAT, ["N", 4]), ("w", TensorProto.INT64, ["N", 2])]
    outputs = [("y", TensorProto.FLOAT, ["N", 4]), ("total", TensorProto.FLOAT, ["N", 1])]
    write(path, "two_inputs", nodes, inputs, outputs, {"axis": np.array([1], np.int64)})


def open_width(path: Path) -> None:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    inputs, outputs = [("x", TensorProto.FLOAT, ["N", "M"])], [("y", TensorProto.FLOAT, ["N", 3])]
    write(path, "open_width", nodes, inputs, outputs, {"w": np.arange(12, dtype=np.float32).reshape(4, 3)})


def image(path: Path) -> None:
    rng = np.random.default_rng(13)
    weights = {
        "k": rng.standard_normal((4, 3, 3, 3), dtype=np.float32),
        "kb": rng.standard_normal(4, dtype=np.float32),
        "w": rng.standard_normal((4, 2), dtype=np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["image", "k", "kb"], ["conv"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["conv"], ["features"]),
        helper.make_node("GlobalAveragePool", ["features"], ["average"]),
        helper.make_node("Flatten", ["average"], ["pooled"]),
        helper.make_node("MatMul", ["pooled", "w"], ["out"]),
    ]
    outputs = [("out", TensorProto.FLOAT, ["N", 2])]
    write(path, "image", nodes, [("image", TensorProto.FLOAT, ["N", 3, 8, 8])], outputs, weights)


def main() -> None:
    path = Path(sys.argv[1])
    path.mkdir(parents=True, exist_ok=True)
    gbm_of_tests(path)
    mlp(path)
    two_inputs(path)
    open_width(path)
    image(path)


if __name__ == "__main__":
    main()
