"""Models written to hurt, second part: tensors without elements whose dimensions are huge, files, learned models."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto as T, helper as h

from hurt import BIG, HUGE, X, i64, model, node, nothing, one

# ---- no elements, huge dimensions -------------------------------------------------------------------------------------

NOTHING = {
    "reduce": lambda: nothing([BIG, 0], [node("ReduceSum", ["x", "ax"], keepdims=1)], {"ax": i64(0)}),
    "reduce_other": lambda: nothing([BIG, 0], [node("ReduceSum", ["x", "ax"])], {"ax": i64(1)}),
    "softmax": lambda: nothing([HUGE, 0], [node("Softmax", ["x"], axis=0)]),
    "log_softmax": lambda: nothing([0, HUGE], [node("LogSoftmax", ["x"], axis=1)]),
    "arg_max": lambda: nothing([BIG, 0], [node("ArgMax", ["x"], axis=0)]),
    "split_to_sequence": lambda: nothing([BIG, 0], [node("SplitToSequence", ["x"], axis=0)]),
    "split_to_sequence_1": lambda: nothing([BIG, 0], [node("SplitToSequence", ["x", "n"], axis=0)], {"n": np.int64(1)}),
    "split": lambda: nothing([BIG, 0], [node("Split", ["x"], ["y", "z"], axis=0, num_outputs=2)]),
    "transpose": lambda: nothing([HUGE, 0, 2], [node("Transpose", ["x"], perm=[2, 0, 1])]),
    "concat": lambda: nothing([HUGE, 0], [node("Concat", ["x", "x", "x"], axis=0)]),
    "reshape": lambda: nothing([HUGE, 0], [node("Reshape", ["x", "s"])], {"s": i64(0, -1)}),
    "flatten": lambda: nothing([HUGE, HUGE, 0], [node("Flatten", ["x"], axis=2)]),
    "top_k": lambda: nothing([BIG, 0], [node("TopK", ["x", "k"], ["y", "z"], axis=0)], {"k": i64(5)}),
    "unique": lambda: nothing([BIG, 0], [node("Unique", ["x"], axis=0)]),
    "non_zero": lambda: nothing([HUGE, 0], [node("NonZero", ["x"])]),
    "resize": lambda: nothing(
        [1, 0, BIG, BIG], [node("Resize", ["x", "", "s"], mode="linear")], {"s": np.float32([1, 1, 0.5, 2])}
    ),
    "pad": lambda: nothing([BIG, 0], [node("Pad", ["x", "p"], mode="reflect")], {"p": i64(5, 0, 5, 0)}),
    "pad_to": lambda: nothing([2**20, 0], [node("Pad", ["x", "p"])], {"p": i64(0, 1, 0, 0)}),
    "cumsum": lambda: nothing([BIG, 0], [node("CumSum", ["x", "a"])], {"a": np.int64(0)}),
    "gather": lambda: nothing([BIG, 0], [node("Gather", ["x", "i"], axis=0)], {"i": i64(0, 1)}),
    "gather_many": lambda: nothing(
        [BIG, 0], [node("Gather", ["i", "x2"], axis=0)], {"i": np.zeros((3, 0), np.float32), "x2": i64(1)}
    ),
    "matmul": lambda: nothing([BIG, 0], [node("MatMul", ["x", "w"])], {"w": np.zeros((0, 3), np.float32)}),
    "matmul_0": lambda: nothing([BIG, 3], [node("MatMul", ["x", "w"])], {"w": np.zeros((3, 0), np.float32)}),
    "matmul_n": lambda: nothing([0, BIG], [node("MatMul", ["w", "x"])], {"w": np.zeros((2, 0), np.float32)}),
    "conv": lambda: nothing([0, 1, BIG, BIG], [node("Conv", ["x", "w"])], {"w": np.ones((1, 1, 3, 3), np.float32)}),
    "max_pool": lambda: nothing([0, 1, BIG, BIG], [node("MaxPool", ["x"], kernel_shape=[3, 3])]),
    "global_pool": lambda: nothing([BIG, 1, 0, 3], [node("GlobalAveragePool", ["x"])]),
    "batch_norm": lambda: nothing(
        [BIG, 1, 0], [node("BatchNormalization", ["x", "s", "s", "s", "s"])], {"s": np.ones(1, np.float32)}
    ),
    "instance_norm": lambda: nothing(
        [BIG, 1, 0], [node("InstanceNormalization", ["x", "s", "s"])], {"s": np.ones(1, np.float32)}
    ),
    "layer_norm": lambda: nothing([BIG, 0], [node("LayerNormalization", ["x", "s"])], {"s": np.ones(0, np.float32)}),
    "group_norm": lambda: nothing(
        [BIG, 2, 0], [node("GroupNormalization", ["x", "s", "s"], num_groups=2)], {"s": np.ones(2, np.float32)}
    ),
    "lp_norm": lambda: nothing([BIG, 0], [node("LpNormalization", ["x"], axis=0)]),
    "add": lambda: nothing([BIG, 0], [node("Add", ["x", "x"])]),
    "add_channels": lambda: nothing([BIG, 0], [node("Transpose", ["x"], ["t"]), node("Add", ["t", "t"])]),
    "expand": lambda: nothing([BIG, 0], [node("Expand", ["x", "s"])], {"s": i64(BIG, BIG, 0)}),
    "tile": lambda: nothing([BIG, 0], [node("Tile", ["x", "r"])], {"r": i64(2**20, 2)}),
    "reverse": lambda: nothing(
        [0, BIG], [node("ReverseSequence", ["x", "l"], batch_axis=0, time_axis=1)], {"l": np.zeros(0, np.int64)}
    ),
    "lstm": lambda: nothing(
        [BIG, 0, 1],
        [node("LSTM", ["x", "w", "r"], hidden_size=1)],
        {"w": np.ones((1, 4, 1), np.float32), "r": np.ones((1, 4, 1), np.float32)},
    ),
    "gru": lambda: nothing(
        [BIG, 1, 0],
        [node("GRU", ["x", "w", "r"], hidden_size=1)],
        {"w": np.ones((1, 3, 0), np.float32), "r": np.ones((1, 3, 1), np.float32)},
    ),
    "det": lambda: nothing([BIG, 0, 0], [node("Det", ["x"])]),
    "one_hot": lambda: nothing(
        [0, BIG], [node("OneHot", ["x", "d", "v"])], {"d": i64(BIG), "v": np.float32([0, 1])}, np.int64
    ),
    "dft": lambda: nothing([0, BIG, 1], [node("DFT", ["x"])]),
    "einsum": lambda: nothing([0, BIG], [node("Einsum", ["x", "x"], equation="ab,cb->ac")]),
    "einsum_out": lambda: nothing([0, BIG], [node("Einsum", ["x"], equation="ab->b")]),
    "compress": lambda: nothing([BIG, 0], [node("Compress", ["x", "c"], axis=0)], {"c": np.array([True, True])}),
    "nms": lambda: nothing(
        [0, BIG, 4], [node("NonMaxSuppression", ["x", "s"])], {"s": np.zeros((0, 1, 2), np.float32)}
    ),
    "scatter_nd": lambda: nothing(
        [BIG, 0], [node("ScatterND", ["x", "i", "u"])], {"i": i64(0).reshape(1, 1), "u": np.zeros((1, 0), np.float32)}
    ),
    "scatter_elements": lambda: nothing(
        [BIG, 0], [node("ScatterElements", ["x", "i", "x"])], {"i": np.zeros((1, 0), np.int64)}
    ),
    "gather_nd": lambda: nothing([BIG, 0], [node("GatherND", ["x", "i"])], {"i": i64(0).reshape(1, 1)}),
    "attention": lambda: nothing([1, 1, BIG, 0], [node("Attention", ["x", "x", "x"])]),
    "attention_0": lambda: nothing([0, 1, BIG, 8], [node("Attention", ["x", "x", "x"])]),
    "quantize": lambda: nothing([BIG, 0], [node("QuantizeLinear", ["x", "s"])], {"s": np.float32(1)}),
    "dequantize_axis": lambda: nothing(
        [BIG, 0], [node("DequantizeLinear", ["x", "s"], axis=1)], {"s": np.zeros(0, np.float32)}, np.uint8
    ),
    "string": lambda: nothing([BIG, 0], [node("Cast", ["x"], ["s"], to=8), node("StringConcat", ["s", "s"])]),
    "grid": lambda: nothing([0, 1, 5, 5], [node("GridSample", ["x", "g"])], {"g": np.zeros((0, 5, 5, 2), np.float32)}),
    "affine_grid": lambda: one(
        "AffineGrid", ["a", "s"], {"a": np.ones((0, 2, 3), np.float32), "s": i64(0, 1, BIG, BIG)}
    ),
    "depth_to_space": lambda: nothing([0, 4, BIG, BIG], [node("DepthToSpace", ["x"], blocksize=2)]),
    "trilu": lambda: nothing([HUGE, 0], [node("Trilu", ["x"])]),
    "eye": lambda: nothing([HUGE, 0], [node("EyeLike", ["x"])]),
    "hardmax": lambda: nothing([BIG, 0], [node("Hardmax", ["x"], axis=0)]),
    "roi": lambda: nothing(
        [1, 0, 5, 5],
        [node("RoiAlign", ["x", "r", "b"], sampling_ratio=2**31 - 1)],
        {"r": np.float32([[0, 0, 1, 1]]), "b": i64(0)},
    ),
    "multinomial": lambda: nothing([BIG, 0], [node("Multinomial", ["x"], sample_size=1)]),
    "shape": lambda: nothing([HUGE, HUGE, 0], [node("Size", ["x"])]),
    "loss": lambda: nothing(
        [0, 3, BIG],
        [node("Cast", ["t0"], ["t"], to=7), node("SoftmaxCrossEntropyLoss", ["x", "t"])],
        {"t0": np.zeros((0, 2), np.float32)},
    ),
    "nll": lambda: nothing([BIG, 0], [node("ReduceMax", ["x", "ax"], ["m"], keepdims=0)], {"ax": i64(1)}),
}


# ---- files -----------------------------------------------------------------------------------------------------------


def chain(n, op="Neg"):
    return model([node(op, [f"v{i}"], [f"v{i + 1}"]) for i in range(n)], {}, {"v0": np.ones(3, np.float32)}, [f"v{n}"])


def wide(op, n, **a):
    return model([h.make_node(op, ["x"] * n, ["y"], **a)], {}, {"x": np.ones(3, np.float32)})


def ifs(n):
    then = h.make_graph([node("Neg", ["x"], ["t"])], "t", [], [h.make_empty_tensor_value_info("t")])
    other = h.make_graph([node("Abs", ["x"], ["t"])], "e", [], [h.make_empty_tensor_value_info("t")])
    return model(
        [h.make_node("If", ["c"], [f"y{i}"], then_branch=then, else_branch=other) for i in range(n)],
        {},
        {"c": np.array(True), "x": np.ones(3, np.float32)},
        [f"y{n - 1}"],
    )


def captured(depth, n):
    """Each of `depth` bodies inside each other captures n values of the main graph."""
    g = h.make_graph(
        [node("Sum", [f"x{k}" for k in range(n)], ["t0"])], "g", [], [h.make_empty_tensor_value_info("t0")]
    )
    for d in range(depth):
        both = h.make_graph([node("Neg", ["x0"], [f"t{d}"])], "e", [], [h.make_empty_tensor_value_info(f"t{d}")])
        g = h.make_graph(
            [h.make_node("If", ["c"], [f"t{d + 1}"], then_branch=g, else_branch=both)],
            "g",
            [],
            [h.make_empty_tensor_value_info(f"t{d + 1}")],
        )
    return model(
        list(g.node), {}, {"c": np.array(True), **{f"x{k}": np.ones(2, np.float32) for k in range(n)}}, [f"t{depth}"]
    )


def functions(depth, calls, op="Neg"):
    made = []
    for i in range(depth):
        last = i + 1 == depth
        body = [
            h.make_node(op if last else f"f{i + 1}", [f"v{k}"], [f"v{k + 1}"], domain="" if last else "f")
            for k in range(calls)
        ]
        made.append(
            h.make_function("f", f"f{i}", ["v0"], [f"v{calls}"], body, [h.make_opsetid("", 20), h.make_opsetid("f", 1)])
        )
    return model(
        [h.make_node("f0", ["x"], ["y"], domain="f")],
        {},
        {"x": np.ones(3, np.float32)},
        functions=made,
        extra=[("f", 1)],
    )


def recursive(n):
    made = [
        h.make_function(
            "f",
            f"f{i}",
            ["a"],
            ["b"],
            [h.make_node(f"f{(i + 1) % n}", ["a"], ["b"], domain="f")],
            [h.make_opsetid("f", 1)],
        )
        for i in range(n)
    ]
    return model(
        [h.make_node("f0", ["x"], ["y"], domain="f")],
        {},
        {"x": np.ones(3, np.float32)},
        functions=made,
        extra=[("f", 1)],
    )


def initializer(dims, t=T.FLOAT, raw=b""):
    tensor = T(name="a", data_type=t, dims=dims, raw_data=raw)
    return model([node("Identity", ["a"])], {"a": tensor})


def nested_type(depth):
    m, inputs = model([node("Identity", ["x"])])
    v = m.graph.input.add(name="x")
    t = v.type
    for _ in range(depth):
        t = t.sequence_type.elem_type
    t.tensor_type.elem_type = T.FLOAT
    return m, inputs


FILES = {
    "chain": lambda: chain(200000),
    "chain_identity": lambda: chain(200000, "Identity"),
    "chain_of_constants": lambda: model(
        [node("Neg", [f"v{i}"], [f"v{i + 1}"]) for i in range(100000)],
        {"v0": np.ones(3, np.float32)},
        outputs=["v100000"],
    ),
    "chain_of_softmax": lambda: chain(50000, "Softmax"),
    "same_nodes": lambda: model(
        [node("Neg", ["x"], [f"y{i}"]) for i in range(100000)],
        {},
        {"x": np.ones(3, np.float32)},
        [f"y{i}" for i in range(0, 100000, 1000)],
    ),
    "many_outputs": lambda: model(
        [node("Neg", ["x"], [f"y{i}"]) for i in range(30000)],
        {},
        {"x": np.ones(3, np.float32)},
        [f"y{i}" for i in range(30000)],
    ),
    "many_different": lambda: model(
        [node("LeakyRelu", ["x"], [f"y{i}"], alpha=i / 7) for i in range(50000)]
        + [node("Sum", [f"y{i}" for i in range(50000)])],
        {},
        {"x": np.ones(3, np.float32)},
    ),
    "pyramid": lambda: model(
        [node("Add", [f"v{i}", f"v{max(0, i - 1)}"], [f"v{i + 1}"]) for i in range(100000)],
        {},
        {"v0": np.ones(3, np.float32)},
        ["v100000"],
    ),
    "back_to_front": lambda: model(
        [node("Neg", [f"v{i}"], [f"v{i + 1}"]) for i in reversed(range(100000))],
        {},
        {"v0": np.ones(3, np.float32)},
        ["v100000"],
    ),
    "long_cycle": lambda: model(
        [node("Neg", [f"v{i}"], [f"v{(i + 1) % 100000}"]) for i in range(100000)], outputs=["v5"]
    ),
    "sum_of_many": lambda: wide("Sum", 100000),
    "max_of_many": lambda: wide("Max", 100000),
    "concat_of_many": lambda: wide("Concat", 100000, axis=0),
    "sequence_of_many": lambda: wide("SequenceConstruct", 100000),
    "split_into_many": lambda: model(
        [h.make_node("Split", ["x"], [f"y{i}" for i in range(50000)], num_outputs=50000)],
        {},
        {"x": np.ones(50000, np.float32)},
        ["y7"],
    ),
    "many_ifs": lambda: ifs(10000),
    "captures": lambda: captured(30, 1500),
    "functions_wide": lambda: functions(20, 4),
    "functions_doubled": lambda: functions(60, 2),
    "functions_deep": lambda: functions(5000, 1),
    "functions_below_the_limit": lambda: functions(17, 2),
    "function_itself": lambda: recursive(1),
    "functions_circle": lambda: recursive(1000),
    "dims_overflow": lambda: initializer([2**40, 2**40]),
    "dims_one": lambda: initializer([2**63 - 1]),
    "dims_zero_late": lambda: initializer([2**62, 2**62, 0]),
    "dims_negative": lambda: initializer([-1, -1]),
    "dims_int4": lambda: initializer([2**63 - 1], T.INT4, b"\0"),
    "dims_strings": lambda: initializer([2**40], T.STRING),
    "dims_many": lambda: initializer([1] * 100000, T.FLOAT, b"\0\0\0\0"),
    "billion": lambda: initializer([10**9]),
    "external_zero": lambda: (
        lambda m: (
            m[0].graph.initializer[0].external_data.add(key="location", value="/dev/zero"),
            setattr(m[0].graph.initializer[0], "data_location", 1),
            m,
        )[2]
    )(initializer([2**30])),
    "type_nested": lambda: nested_type(90),
    "long_name": lambda: model([node("Neg", ["x" * 10**7], ["y"])]),
    "perm": lambda: one("Transpose", ["a"], {"a": X}, perm=list(range(10**6))),
    "axes": lambda: one("ReduceSum", ["a", "b"], {"a": X, "b": np.zeros(10**6, np.int64)}),
    "kernel_shape": lambda: one("MaxPool", ["a"], {"a": X}, kernel_shape=[1] * 10**6),
    "constant_ints": lambda: one("Constant", [], value_ints=list(range(10**6))),
    "equation": lambda: one("Einsum", ["a"], {"a": X}, equation="abcd" * 10**6 + "->"),
    "labels": lambda: one(
        "LabelEncoder", ["a"], {"a": i64(1)}, domain="ai.onnx.ml", keys_int64s=[0] * 10**6, values_int64s=[0] * 10**6
    ),
    "opsets": lambda: (lambda m: ([m[0].opset_import.add(domain=f"d{i}", version=i) for i in range(20000)], m)[1])(
        chain(2)
    ),
}


# ---- trees and other models of ai.onnx.ml --------------------------------------------------------------------------------


def trees(**a):
    base = dict(
        n_targets=1,
        nodes_treeids=[0],
        nodes_nodeids=[0],
        nodes_featureids=[0],
        nodes_modes=["LEAF"],
        nodes_values=[0.0],
        nodes_truenodeids=[0],
        nodes_falsenodeids=[0],
        target_treeids=[0],
        target_nodeids=[0],
        target_ids=[0],
        target_weights=[1.0],
    )
    return one("TreeEnsembleRegressor", ["a"], {"a": np.ones((2, 3), np.float32)}, domain="ai.onnx.ml", **{**base, **a})


def deep_tree(n):
    return trees(
        nodes_treeids=[0] * (2 * n + 1),
        nodes_nodeids=list(range(2 * n + 1)),
        nodes_featureids=[0] * (2 * n + 1),
        nodes_modes=["BRANCH_LEQ"] * n + ["LEAF"] * (n + 1),
        nodes_values=[0.5] * (2 * n + 1),
        nodes_truenodeids=[*range(1, n), 2 * n, *[0] * (n + 1)],
        nodes_falsenodeids=[*range(n, 2 * n), *[0] * (n + 1)],
        target_nodeids=[n],
        target_treeids=[0],
        target_ids=[0],
        target_weights=[1.0],
    )


LEARNED = {
    "tree_targets": lambda: trees(n_targets=2**40),
    "tree_target_id": lambda: trees(target_ids=[2**62]),
    "tree_cycle": lambda: trees(
        nodes_treeids=[0, 0],
        nodes_nodeids=[0, 1],
        nodes_featureids=[0, 0],
        nodes_modes=["BRANCH_LEQ"] * 2,
        nodes_values=[0.0, 0.0],
        nodes_truenodeids=[1, 0],
        nodes_falsenodeids=[1, 0],
    ),
    "tree_deep": lambda: deep_tree(100000),
    "tree_feature": lambda: trees(
        nodes_treeids=[0, 0, 0],
        nodes_nodeids=[0, 1, 2],
        nodes_featureids=[2**40, 0, 0],
        nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"],
        nodes_values=[0.0] * 3,
        nodes_truenodeids=[1, 0, 0],
        nodes_falsenodeids=[2, 0, 0],
        target_nodeids=[1],
    ),
    "svm_vectors": lambda: one(
        "SVMRegressor",
        ["a"],
        {"a": np.ones((2, 3), np.float32)},
        domain="ai.onnx.ml",
        n_supports=2**62,
        support_vectors=[1.0] * 3,
        coefficients=[1.0],
        rho=[0.0],
        kernel_type="RBF",
        kernel_params=[1.0, 0.0, 3.0],
    ),
    "svm_classes": lambda: one(
        "SVMClassifier",
        ["a"],
        {"a": np.ones((2, 3), np.float32)},
        outputs=("y", "z"),
        domain="ai.onnx.ml",
        vectors_per_class=[2**31, 2**31, 2**62],
        support_vectors=[1.0] * 3,
        coefficients=[1.0],
        rho=[0.0],
        classlabels_ints=[0, 1, 2],
    ),
    "linear": lambda: one(
        "LinearRegressor",
        ["a"],
        {"a": np.ones((2, 3), np.float32)},
        domain="ai.onnx.ml",
        targets=2**40,
        coefficients=[1.0],
    ),
    "one_hot": lambda: one(
        "OneHotEncoder", ["a"], {"a": i64(1, 2, 3)}, domain="ai.onnx.ml", cats_int64s=list(range(200000))
    ),
    "vectorizer": lambda: one(
        "FeatureVectorizer",
        ["a", "a"],
        {"a": np.ones((2, 3), np.float32)},
        domain="ai.onnx.ml",
        inputdimensions=[2**62, 2**62],
    ),
}
