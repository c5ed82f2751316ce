#!/usr/bin/env python3
"""The files that the crate's unit tests read and its package leaves out: data.py FOLDER.

Each holds what the tests look for (names, shapes, attributes, numbers), and nothing of the original files. The model
in ORT format
and the adapter are written by the official Python package.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper

CUSTOM = "test.customop"


def tensor(name: str, *dims, dtype=T.FLOAT):
    return h.make_tensor_value_info(name, dtype, list(dims))


def constant(name: str, values, dtype=np.float32):
    return numpy_helper.from_array(np.array(values, dtype), name)


def custom(op: str, inputs: str, outputs: str, **attributes):
    return h.make_node(op, inputs.split(), outputs.split(), domain=CUSTOM, **attributes)


def model(nodes, inputs, outputs, constants=()) -> onnx.ModelProto:
    opsets = [h.make_opsetid("", 17), h.make_opsetid(CUSTOM, 1)]
    made = h.make_model(h.make_graph(nodes, "graph", inputs, outputs, list(constants)), opset_imports=opsets)
    made.ir_version = 8
    return made


def upsample(out: Path) -> None:
    """An image twice as large: x [1, height, width, 3] by Resize, whose sizes come from the image's."""
    nodes = [
        h.make_node("Transpose", ["image"], ["planes"], perm=[0, 3, 1, 2]),
        h.make_node("Shape", ["planes"], ["shape"]),
        h.make_node("Slice", ["shape", "two", "four"], ["extents"]),
        h.make_node("Slice", ["shape", "zero", "two"], ["head"]),
        h.make_node("Mul", ["extents", "two"], ["doubled"]),
        h.make_node("Concat", ["head", "doubled"], ["sizes"], axis=0),
        h.make_node("Resize", ["planes", "", "", "sizes"], ["larger"], mode="nearest"),
        h.make_node("Transpose", ["larger"], ["result"], perm=[0, 2, 3, 1]),
    ]
    numbers = [constant(n, [v], np.int64) for n, v in (("zero", 0), ("two", 2), ("four", 4))]
    one, two = tensor("image", 1, "height", "width", 3), tensor("result", 1, None, None, 3)
    onnx.save(model(nodes, [one], [two], numbers), out / "upsample.onnx")
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(out / "upsample.ort")
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.add_session_config_entry("session.save_model_format", "ORT")
    onnxruntime.InferenceSession(str(out / "upsample.onnx"), options)


def lora(out: Path) -> None:
    """x w + (x a) b, where a and b are empty until an adapter gives them; ones give 154, 176, 198, 220."""
    nodes = [
        h.make_node("MatMul", ["x", "w"], ["xw"]),
        h.make_node("MatMul", ["x", "lora_a"], ["xa"]),
        h.make_node("MatMul", ["xa", "lora_b"], ["xab"]),
        h.make_node("Add", ["xw", "xab"], ["output"]),
    ]
    inputs = [tensor("x", 4, 4), tensor("lora_a", 4, "rank"), tensor("lora_b", "rank", 4)]
    weights = [
        constant("w", np.arange(1, 17).reshape(4, 4)),
        constant("lora_a", np.zeros((4, 0))),
        constant("lora_b", np.zeros((0, 4))),
    ]
    onnx.save(model(nodes, inputs, [tensor("output", 4, 4)], weights), out / "lora_model.onnx")
    parameters = {"lora_a": [[3, 25], [4, 26], [5, 28], [6, 29]], "lora_b": [[1, 2, 3, 4], [1, 1, 1, 1]]}
    adapter = onnxruntime.AdapterFormat()
    adapter.set_adapter_version(1)
    adapter.set_model_version(1)
    values = {k: onnxruntime.OrtValue.ortvalue_from_numpy(np.array(v, np.float32)) for k, v in parameters.items()}
    adapter.set_parameters(values)
    adapter.export_adapter(str(out / "adapter.orl"))


def operators(out: Path) -> None:
    made = model(
        [custom("CustomOpOne", "x y", "z"), custom("CustomOpTwo", "z", "result")],
        [tensor("x", 3, 5), tensor("y", 3, 5)],
        [tensor("result", 3, 5, dtype=T.INT32)],
    )
    onnx.save(made, out / "custom_op_test.onnx")

    numbers = {"a_int": 1, "a_float": 2.0, "ints": [3, 4, 5], "floats": [6.0, 7.0, 8.0]}
    made = model(
        [
            custom("AttrTesterIntFloat", "input_0", "twice", **numbers),
            custom("AttrTesterString", "twice", "result", a_string="iamastring", strings=["more", "strings"]),
        ],
        [tensor("input_0", 5)],
        [tensor("result", 5)],
    )
    onnx.save(made, out / "attr_tester.onnx")

    for n, op in ((2, "CopyTensorArrayAllVariadic"), (3, "CopyTensorArrayCombined")):
        inputs, outputs = ([f"{kind}_{i}" for i in range(n)] for kind in ("input", "output"))
        node = custom(op, " ".join(inputs), " ".join(outputs))
        made = model([node], [tensor(i, 15) for i in inputs], [tensor(o, 15) for o in outputs])
        onnx.save(made, out / f"copy_{n}_inputs_{n}_outputs.onnx")


def main() -> None:
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    upsample(out)
    lora(out)
    operators(out)


if __name__ == "__main__":
    main()
