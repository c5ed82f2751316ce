"""Weights lie in a file at any byte: the answer has the same bits wherever they begin."""
import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import sard

RNG = np.random.default_rng(7)
SQUARE = RNG.standard_normal((200, 200)).astype(np.float32)
FILTER = RNG.standard_normal((64, 48, 3, 3)).astype(np.float32)
CASES = {  # operator, attributes, where the weights come, weights, the other input
    "product": ("MatMul", {}, 1, SQUARE, SQUARE[:3]),
    "product from the left": ("MatMul", {}, 0, SQUARE, SQUARE[:, :3]),
    "product of doubles": ("MatMul", {}, 1, SQUARE.astype(np.float64), SQUARE[:3].astype(np.float64)),
    "product of halves": ("MatMul", {}, 1, SQUARE.astype(np.float16), SQUARE[:3].astype(np.float16)),
    "turned product": ("Gemm", {"transB": 1}, 1, SQUARE, SQUARE[:3]),
    "convolution": ("Conv", {}, 1, FILTER, RNG.standard_normal((1, 48, 30, 30)).astype(np.float32)),
    "turned convolution": ("ConvTranspose", {}, 1, FILTER, RNG.standard_normal((1, 64, 5, 5)).astype(np.float32)),
    "sum": ("Add", {}, 1, SQUARE, SQUARE[:1]),
    "product of integers": ("Mul", {}, 1, (SQUARE * 9).astype(np.int64), np.arange(200)),
    "rows": ("Gather", {}, 0, SQUARE, np.array([3, 199])),
    "order": ("TopK", {}, 0, SQUARE, np.array([5])),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("level", [0, 99])
def test_any_byte(tmp_path, name, level):
    op, attributes, place, weights, given = CASES[name]
    names = ["w", "x"] if place == 0 else ["x", "w"]
    outputs = ["y", "i"] if op == "TopK" else ["y"]
    seen = set()
    for shift in range(8):
        graph = helper.make_graph(
            [helper.make_node(op, names, outputs, **attributes)], "g" * (1 + shift),
            [helper.make_tensor_value_info("x", helper.np_dtype_to_tensor_dtype(given.dtype), given.shape)],
            [helper.make_empty_tensor_value_info(o) for o in outputs], [numpy_helper.from_array(weights, "w")])
        path = tmp_path / f"{shift}.onnx"
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), path)
        options = sard.SessionOptions()
        options.graph_optimization_level = sard.GraphOptimizationLevel(level)
        seen.add(sard.InferenceSession(path, options).run(None, {"x": given})[0].tobytes())
    assert len(seen) == 1
