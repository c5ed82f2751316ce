"""Models written to hurt: each asks for more time, memory, depth or bytes than anybody should get.

A bomb is a function that returns a model and its inputs; the tables name them. What the tool answers is a result or an
error, within limits of time and memory: test_hurt.py.
"""

from __future__ import annotations

import numpy as np
from onnx import ModelProto, TensorProto as T, helper as h, numpy_helper as nh

BIG, HUGE = 2**40, 2**62
Made = tuple[ModelProto, dict[str, np.ndarray]]


def model(nodes, inits=(), inputs=None, outputs=("y",), functions=(), opset=23, extra=(), types=None) -> Made:
    """inits: name -> array or TensorProto; inputs: name -> array. Outputs have no declared type."""
    inputs = inputs or {}
    infos = [h.make_tensor_value_info(n, h.np_dtype_to_tensor_dtype(a.dtype), a.shape) for n, a in inputs.items()]
    outs = [(types or {}).get(o) or h.make_empty_tensor_value_info(o) for o in outputs]
    tensors = [t if isinstance(t, T) else nh.from_array(np.asarray(t), n) for n, t in dict(inits).items()]
    graph = h.make_graph(list(nodes), "g", infos, outs, tensors)
    opsets = [h.make_opsetid("", opset), *(h.make_opsetid(*e) for e in extra)]
    return h.make_model(graph, opset_imports=opsets, functions=list(functions), ir_version=10), inputs


def i64(*v):
    return np.array(v, np.int64)


def info(name, t=T.FLOAT, shape=None):
    return h.make_tensor_value_info(name, t, shape)


def loop(trips, body_nodes, carried=(), scans=(), inits=(), inner=()):
    """A Loop over `trips`; carried: (name in, name out, initial array); scans: names."""
    body = h.make_graph(
        [h.make_node("Identity", ["c_in"], ["c_out"]), *body_nodes],
        "body",
        [info("i", T.INT64, []), info("c_in", T.BOOL, [])] + [h.make_empty_tensor_value_info(c[0]) for c in carried],
        [info("c_out", T.BOOL, [])]
        + [h.make_empty_tensor_value_info(c[1]) for c in carried]
        + [h.make_empty_tensor_value_info(s) for s in scans],
        list(inner),
    )
    outs = [f"y{k}" for k in range(len(carried) + len(scans))]
    node = h.make_node("Loop", ["trips", "go", *(f"start{k}" for k in range(len(carried)))], outs, body=body)
    start = {f"start{k}": c[2] for k, c in enumerate(carried)}
    return model([node], {"trips": np.int64(trips), "go": np.array(True), **start, **dict(inits)}, outputs=outs)


def repeated(op, n, first="x", inputs=None, inits=(), **attributes):
    """op(v, v), n times: what doubles does so n times."""
    nodes = [h.make_node(op, [f"v{i}" if i else first] * 2, [f"v{i + 1}"], **attributes) for i in range(n)]
    return model(nodes, inits, inputs, [f"v{n}"])


def one(op, inputs, inits=(), outputs=("y",), runtime=(), opset=23, domain="", **attributes):
    """One node; inputs by name from inits (constants) or runtime (given to the run)."""
    extra = [(domain, 1)] if domain else []
    return model(
        [h.make_node(op, inputs, list(outputs), domain=domain, **attributes)],
        inits,
        dict(runtime),
        outputs,
        opset=opset,
        extra=extra,
    )


X = np.ones((1, 1, 4, 4), np.float32)


def nothing(dims, then, inits=(), t=np.float32):
    """`then` on a tensor without elements, one of whose dimensions is huge."""
    fill = nh.from_array(np.zeros(1, t), "fill")
    nodes = [h.make_node("ConstantOfShape", ["dims"], ["x"], value=fill), *then]
    return model(nodes, inits, {"dims": i64(*dims)})


def node(op, inputs, outputs=("y",), **a):
    return h.make_node(op, list(inputs), list(outputs), **a)


# ---- results without end --------------------------------------------------------------------------------------------

LARGE = {
    "constant_of_shape": lambda: one("ConstantOfShape", ["s"], {"s": i64(BIG, 4)}),
    "constant_of_shape_just_about": lambda: one("ConstantOfShape", ["s"], {"s": i64(2**28)}),
    "expand": lambda: one("Expand", ["a", "s"], {"a": np.float32([1]), "s": i64(HUGE, 2, 1)}),
    "tile": lambda: one("Tile", ["a", "r"], {"a": np.float32([1, 2, 3]), "r": i64(BIG)}),
    "tile_nothing": lambda: one("Tile", ["a", "r"], {"a": np.float32([[1, 2]]), "r": i64(HUGE, 0)}),
    "range": lambda: one("Range", ["a", "n", "d"], {"a": np.int64(0), "n": np.int64(HUGE), "d": np.int64(1)}),
    "range_down": lambda: one("Range", ["a", "n", "d"], {"a": np.int64(HUGE), "n": np.int64(-HUGE), "d": np.int64(-1)}),
    "range_tiny": lambda: one(
        "Range", ["a", "n", "d"], {"a": np.float64(0), "n": np.float64(1), "d": np.float64(1e-300)}
    ),
    "range_nan": lambda: one(
        "Range", ["a", "n", "d"], {"a": np.float32(0), "n": np.float32(1), "d": np.float32("nan")}
    ),
    "range_still": lambda: one("Range", ["a", "n", "d"], {"a": np.int64(0), "n": np.int64(1), "d": np.int64(0)}),
    "one_hot": lambda: one("OneHot", ["i", "d", "v"], {"i": i64(0, 1), "d": np.int64(HUGE), "v": np.float32([0, 1])}),
    "one_hot_nan": lambda: one(
        "OneHot", ["i", "d", "v"], {"i": i64(0, 1), "d": np.float32("nan"), "v": np.float32([0, 1])}
    ),
    "pad": lambda: one("Pad", ["a", "p"], {"a": X, "p": i64(0, 0, HUGE, HUGE, 0, 0, HUGE, HUGE)}),
    "pad_back_and_forth": lambda: one("Pad", ["a", "p"], {"a": X, "p": i64(0, 0, HUGE, 0, 0, 0, -HUGE, 0)}),
    "pad_wrap": lambda: one("Pad", ["a", "p"], {"a": X, "p": i64(0, 0, 0, 0, 0, 0, 0, BIG)}, mode="wrap"),
    "resize_scales": lambda: one("Resize", ["a", "", "s"], {"a": X, "s": np.float32([1, 1, 1e30, 1e30])}),
    "resize_sizes": lambda: one("Resize", ["a", "", "", "s"], {"a": X, "s": i64(1, 1, BIG, BIG)}, mode="linear"),
    "resize_down": lambda: one(
        "Resize", ["a", "", "s"], {"a": X, "s": np.float32([1, 1, 1e-30, 1e-9])}, mode="cubic", antialias=1
    ),
    "resize_nan": lambda: one(
        "Resize", ["a", "", "s"], {"a": X, "s": np.float32([1, 1, np.nan, np.inf])}, mode="linear"
    ),
    "upsample": lambda: one("Upsample", ["a", "s"], {"a": X, "s": np.float32([1, 1, 1e9, 1e9])}, opset=9),
    "center_crop_pad": lambda: one("CenterCropPad", ["a", "s"], {"a": X, "s": i64(1, 1, BIG, BIG)}),
    "window": lambda: one("HannWindow", ["n"], {"n": np.int64(HUGE)}),
    "mel": lambda: one(
        "MelWeightMatrix",
        ["b", "l", "r", "f", "t"],
        {"b": np.int64(2**31), "l": np.int64(2**31), "r": np.int64(8000), "f": np.float32(0), "t": np.float32(4000)},
    ),
    "dft": lambda: one("DFT", ["a", "n"], {"a": np.ones((1, 8, 1), np.float32), "n": np.int64(BIG)}),
    "dft_just_about": lambda: one("DFT", ["a", "n"], {"a": np.ones((1, 8, 1), np.float32), "n": np.int64(2**22 + 15)}),
    "affine_grid": lambda: one(
        "AffineGrid", ["a", "s"], {"a": np.ones((1, 2, 3), np.float32), "s": i64(1, 1, BIG, BIG)}
    ),
    "max_unpool": lambda: one(
        "MaxUnpool",
        ["a", "i", "s"],
        {"a": X, "i": np.zeros((1, 1, 4, 4), np.int64), "s": i64(1, 1, BIG, BIG)},
        kernel_shape=[2, 2],
    ),
    "max_unpool_strides": lambda: one(
        "MaxUnpool",
        ["a", "i"],
        {"a": X, "i": np.zeros((1, 1, 4, 4), np.int64)},
        kernel_shape=[2**31, 2**31],
        strides=[2**40, 2**40],
    ),
    "conv_pads": lambda: one(
        "Conv", ["a", "w"], {"a": X, "w": np.ones((1, 1, 1, 1), np.float32)}, pads=[HUGE, 0, HUGE, 0]
    ),
    "conv_pads_just_about": lambda: one(
        "Conv", ["a", "w"], {"a": X, "w": np.ones((1, 1, 3, 3), np.float32)}, pads=[4000, 4000, 4000, 4000]
    ),
    "conv_transpose": lambda: one(
        "ConvTranspose", ["a", "w"], {"a": X, "w": np.ones((1, 1, 1, 1), np.float32)}, strides=[BIG, BIG]
    ),
    "conv_transpose_pads": lambda: one(
        "ConvTranspose",
        ["a", "w"],
        {"a": X, "w": np.ones((1, 1, 1, 1), np.float32)},
        output_padding=[HUGE, 0],
        strides=[HUGE, 1],
    ),
    "pool_pads": lambda: one("AveragePool", ["a"], {"a": X}, kernel_shape=[HUGE, 2], pads=[HUGE, 0, HUGE, 0]),
    "pool_kernel": lambda: one(
        "AveragePool", ["a"], {"a": X}, kernel_shape=[2**31, 2**31], pads=[2**30] * 4, count_include_pad=1
    ),
    "max_pool_kernel": lambda: one("MaxPool", ["a"], {"a": X}, kernel_shape=[20001, 20001], pads=[10000] * 4),
    "lp_pool_dilated": lambda: one("LpPool", ["a"], {"a": X}, kernel_shape=[3, 3], dilations=[HUGE, HUGE]),
    "lrn": lambda: one("LRN", ["a"], {"a": X}, size=HUGE),
    "roi_samples": lambda: one(
        "RoiAlign",
        ["a", "r", "b"],
        {"a": X, "r": np.float32([[0, 0, 3, 3]]), "b": i64(0)},
        sampling_ratio=2**31 - 1,
        output_height=100,
        output_width=100,
    ),
    "roi_adaptive": lambda: one(
        "RoiAlign",
        ["a", "r", "b"],
        {"a": X, "r": np.float32([[0, 0, 1e30, 1e30]]), "b": i64(0)},
        sampling_ratio=0,
        output_height=2,
        output_width=2,
    ),
    "roi_output": lambda: one(
        "RoiAlign",
        ["a", "r", "b"],
        {"a": X, "r": np.float32([[0, 0, 3, 3]]), "b": i64(0)},
        output_height=2**31,
        output_width=2**31,
    ),
    "max_roi": lambda: one(
        "MaxRoiPool", ["a", "r"], {"a": X, "r": np.float32([[0, 0, 0, 1e30, 1e30]])}, pooled_shape=[2**31, 2**31]
    ),
    "col2im": lambda: one(
        "Col2Im", ["a", "s", "b"], {"a": np.ones((1, 4, 1), np.float32), "s": i64(BIG, BIG), "b": i64(2, 2)}
    ),
    "random": lambda: one("RandomNormal", [], shape=[BIG, BIG]),
    "multinomial": lambda: one("Multinomial", ["a"], {"a": np.ones((1, 3), np.float32)}, sample_size=HUGE),
    "split_to_sequence": lambda: one(
        "SplitToSequence", ["a", "n"], {"a": np.ones(200000, np.float32), "n": np.int64(1)}
    ),
    "top_k": lambda: one("TopK", ["a", "k"], {"a": np.ones(10, np.float32), "k": i64(HUGE)}, outputs=("y", "z")),
    "slice": lambda: one(
        "Slice",
        ["a", "s", "e", "x", "p"],
        {"a": X, "s": i64(-(2**63)), "e": i64(2**63 - 1), "x": i64(2), "p": i64(-(2**63))},
    ),
    "eye": lambda: one("EyeLike", ["a"], {"a": np.ones((2, 2), np.float32)}, k=-(2**63)),
    "trilu": lambda: one("Trilu", ["a", "k"], {"a": np.ones((2, 2), np.float32), "k": np.int64(-(2**63))}),
    "depth_to_space": lambda: one("DepthToSpace", ["a"], {"a": X}, blocksize=2**62),
    "space_to_depth": lambda: one("SpaceToDepth", ["a"], {"a": X}, blocksize=2**32),
    "gru": lambda: one(
        "GRU",
        ["a", "w", "r"],
        {"a": np.ones((2, 1, 1), np.float32), "w": np.ones((1, 3, 1), np.float32), "r": np.ones((1, 3, 1), np.float32)},
        hidden_size=2**62,
    ),
    "matmul_outer": lambda: one(
        "MatMul", ["a", "b"], {"a": np.ones((60000, 1), np.float32), "b": np.ones((1, 60000), np.float32)}
    ),
    "einsum_outer": lambda: one(
        "Einsum", ["a"] * 6, {"a": np.ones((100, 100), np.float32)}, equation="ab,cd,ef,gh,ij,kl->abcdefghijkl"
    ),
    "einsum_all": lambda: one(
        "Einsum", ["a"] * 6, {"a": np.ones((100, 100), np.float32)}, equation="ab,cd,ef,gh,ij,kl->"
    ),
    "einsum_net": lambda: one(
        "Einsum", ["a"] * 10, {"a": np.ones((60, 60), np.float32)}, equation="ab,ac,ad,ae,bc,bd,be,cd,ce,de->"
    ),
    "add_doubled": lambda: repeated("Add", 60, "x", {"x": np.ones(3, np.float32)}),
    "concat_doubled": lambda: repeated("Concat", 60, "x", {"x": np.ones(3, np.float32)}, axis=0),
    "concat_constant": lambda: repeated("Concat", 60, "x", None, {"x": np.ones(3, np.float32)}, axis=0),
    "mul_outer_doubled": lambda: model(
        [
            n
            for i in range(30)
            for n in (
                node("Unsqueeze", [f"v{i}", "last"], [f"u{i}"]),
                node("Mul", [f"u{i}", f"v{i}"], [f"w{i}"]),
                node("Reshape", [f"w{i}", "flat"], [f"v{i + 1}"]),
            )
        ],
        {"v0": np.ones(7, np.float32), "last": i64(-1), "flat": i64(-1)},
        outputs=["v30"],
    ),
    "constants_that_stay": lambda: model(
        [node("ConstantOfShape", ["n"], ["big"])] + [node("Add", ["big", f"c{k}"], [f"y{k}"]) for k in range(200)],
        {"n": i64(2**23), **{f"c{k}": np.float32([k]) for k in range(200)}},
        outputs=[f"y{k}" for k in range(200)],
    ),
    "constants_that_grow": lambda: model(
        [node("Tile", ["a", "n"], ["t0"])] + [node("Tile", [f"t{k // 8}", "n8"], [f"t{k + 1}"]) for k in range(100)],
        {"a": np.ones(2**16, np.float32), "n": i64(4), "n8": i64(8)},
        outputs=[f"t{k}" for k in range(1, 101)],
    ),
}


# ---- loops and time -------------------------------------------------------------------------------------------------


def nested_loops(depth):
    inner = [node("Identity", ["c0"], ["co0"])]
    for d in range(depth):
        body = h.make_graph(
            inner, f"b{d}", [info(f"i{d}", T.INT64, []), info(f"c{d}", T.BOOL, [])], [info(f"co{d}", T.BOOL, [])]
        )
        if d + 1 == depth:
            inner = [h.make_node("Loop", ["trips", "go"], [], body=body), node("Identity", ["go"], ["y"])]
        else:
            inner = [
                h.make_node("Loop", ["trips", "go"], [], body=body),
                node("Identity", [f"c{d + 1}"], [f"co{d + 1}"]),
            ]
    return model(inner, {"trips": np.int64(1000), "go": np.array(True)})


def scan_of_nothing():
    body = h.make_graph([node("Identity", ["a"], ["b"])], "b", [info("a", T.FLOAT, [0])], [info("b", T.FLOAT, [0])])
    return nothing([BIG, 0], [h.make_node("Scan", ["x"], ["y"], body=body, num_scan_inputs=1)])


def sequence_map():
    body = h.make_graph(
        [node("Concat", ["a", "a"], ["b"], axis=0)], "b", [info("a", T.FLOAT, None)], [info("b", T.FLOAT, None)]
    )
    return model(
        [
            node("SplitToSequence", ["x", "n"], ["s"]),
            h.make_node("SequenceMap", ["s"], ["t"], body=body),
            node("ConcatFromSequence", ["t"], axis=0),
        ],
        {"x": np.ones(50000, np.float32), "n": np.int64(1)},
    )


TIME = {
    "loop": lambda: loop(HUGE, []),
    "loop_carried": lambda: loop(HUGE, [node("Add", ["v", "v"], ["w"])], [("v", "w", np.float32([1]))]),
    "loop_scan": lambda: loop(HUGE, [node("Identity", ["i"], ["s"])], scans=["s"]),
    "loop_scan_nothing": lambda: loop(
        HUGE, [node("Identity", ["none"], ["s"])], scans=["s"], inits={"none": np.zeros(0, np.float32)}
    ),
    "loop_doubles": lambda: loop(HUGE, [node("Concat", ["v", "v"], ["w"], axis=0)], [("v", "w", np.float32([1]))]),
    "loop_strings": lambda: loop(
        HUGE, [node("StringConcat", ["v", "v"], ["w"])], [("v", "w", np.array(["ab"], object))]
    ),
    "loop_string_grows": lambda: loop(
        HUGE,
        [node("StringConcat", ["v", "k"], ["w"])],
        [("v", "w", np.array(["ab"], object))],
        inits={"k": np.array(["x" * 100000], object)},
    ),
    "loop_grows_by_one": lambda: loop(
        HUGE, [node("Concat", ["v", "k"], ["w"], axis=0)], [("v", "w", np.float32([1]))], inits={"k": np.float32([2])}
    ),
    "loop_of_matmul": lambda: loop(
        HUGE, [node("MatMul", ["v", "v"], ["w"])], [("v", "w", np.eye(300, dtype=np.float32))]
    ),
    "loops_in_loops": lambda: nested_loops(20),
    "scan_of_nothing": scan_of_nothing,
    "sequence_map": sequence_map,
    "nms": lambda: model(
        [
            node("ConstantOfShape", ["bs"], ["b"]),
            node("ConstantOfShape", ["ss"], ["s"], value=nh.from_array(np.float32([1]), "v")),
            node("NonMaxSuppression", ["b", "s", "n"]),
        ],
        {"bs": i64(1, 300000, 4), "ss": i64(1, 4, 300000), "n": i64(HUGE)},
    ),
    "nms_apart": lambda: model(
        [
            node("Range", ["0", "n", "1"], ["r"]),
            node("Unsqueeze", ["r", "ax"], ["u"]),
            node("Add", ["u", "d"], ["v"]),
            node("Concat", ["u", "u", "v", "v"], ["b0"], axis=1),
            node("Unsqueeze", ["b0", "z"], ["b"]),
            node("Reshape", ["r", "sh"], ["s"]),
            node("NonMaxSuppression", ["b", "s", "many", "half"]),
        ],
        {
            "0": np.float32(0),
            "n": np.float32(200000),
            "1": np.float32(1),
            "ax": i64(1),
            "d": np.float32(0.4),
            "z": i64(0),
            "sh": i64(1, 1, -1),
            "many": i64(HUGE),
            "half": np.float32([0.5]),
        },
    ),
    "det": lambda: model(
        [
            node("ConstantOfShape", ["n"], ["x"], value=nh.from_array(np.float32([1.5]), "v")),
            node("EyeLike", ["x"], ["e"]),
            node("Add", ["x", "e"], ["z"]),
            node("Det", ["z"]),
        ],
        {"n": i64(8000, 8000)},
    ),
    "top_k_long": lambda: model(
        [node("Range", ["0", "n", "1"], ["r"]), node("TopK", ["r", "k"], ["y", "z"])],
        {"0": np.int64(0), "n": np.int64(2**24), "1": np.int64(1), "k": i64(2**24)},
        outputs=("y", "z"),
    ),
    "unique_long": lambda: model(
        [node("Range", ["0", "n", "1"], ["r"]), node("Mod", ["r", "p"], ["m"]), node("Unique", ["m"])],
        {"0": np.int64(0), "n": np.int64(2**24), "1": np.int64(1), "p": np.int64(7919)},
    ),
    "unique_rows": lambda: model(
        [node("ConstantOfShape", ["n"], ["x"]), node("Unique", ["x"], axis=0)], {"n": i64(2000, 10000)}
    ),
    "cumsum_long": lambda: model(
        [node("ConstantOfShape", ["n"], ["x"]), node("CumSum", ["x", "a"])], {"n": i64(2**26), "a": np.int64(0)}
    ),
    "matmul_long": lambda: model(
        [node("ConstantOfShape", ["n"], ["x"]), node("MatMul", ["x", "x"])], {"n": i64(7000, 7000)}
    ),
    "matmul_int_long": lambda: model(
        [node("ConstantOfShape", ["n"], ["x"], value=nh.from_array(i64(1), "v")), node("MatMul", ["x", "x"])],
        {"n": i64(4000, 4000)},
    ),
    "conv_long": lambda: model(
        [
            node("ConstantOfShape", ["n"], ["x"]),
            node("ConstantOfShape", ["k"], ["w"]),
            node("Conv", ["x", "w"], pads=[60] * 4),
        ],
        {"n": i64(1, 8, 700, 700), "k": i64(8, 8, 121, 121)},
    ),
    "conv3d_long": lambda: model(
        [
            node("ConstantOfShape", ["n"], ["x"]),
            node("ConstantOfShape", ["k"], ["w"]),
            node("Conv", ["x", "w"], pads=[10] * 6),
        ],
        {"n": i64(1, 4, 100, 100, 100), "k": i64(4, 4, 21, 21, 21)},
    ),
    "pool_long": lambda: model(
        [node("ConstantOfShape", ["n"], ["x"]), node("MaxPool", ["x"], kernel_shape=[1001, 1001], pads=[500] * 4)],
        {"n": i64(1, 1, 2000, 2000)},
    ),
    "lp_pool_long": lambda: model(
        [node("ConstantOfShape", ["n"], ["x"]), node("LpPool", ["x"], kernel_shape=[1001, 1001], pads=[500] * 4)],
        {"n": i64(1, 1, 2000, 2000)},
    ),
    "average_pool_long": lambda: model(
        [node("ConstantOfShape", ["n"], ["x"]), node("AveragePool", ["x"], kernel_shape=[1001, 1001], pads=[500] * 4)],
        {"n": i64(1, 1, 2000, 2000)},
    ),
    "lrn_long": lambda: model(
        [node("ConstantOfShape", ["n"], ["x"]), node("LRN", ["x"], size=20001)], {"n": i64(1, 20000, 10, 10)}
    ),
    "resize_cubic_down": lambda: model(
        [node("ConstantOfShape", ["n"], ["x"]), node("Resize", ["x", "", "", "s"], mode="cubic", antialias=1)],
        {"n": i64(1, 1, 6000, 6000), "s": i64(1, 1, 5999, 2)},
    ),
    "attention_long": lambda: model(
        [node("ConstantOfShape", ["n"], ["x"]), node("Attention", ["x", "x", "x"])], {"n": i64(1, 8, 8000, 64)}
    ),
    "gru_long": lambda: model(
        [node("ConstantOfShape", ["n"], ["x"]), node("GRU", ["x", "w", "r"], hidden_size=64)],
        {"n": i64(200000, 1, 64), "w": np.ones((1, 192, 64), np.float32), "r": np.ones((1, 192, 64), np.float32)},
    ),
    "gather_nd_long": lambda: model(
        [
            node("ConstantOfShape", ["n"], ["x"]),
            node("ConstantOfShape", ["m"], ["i"], value=nh.from_array(i64(0), "v")),
            node("GatherND", ["x", "i"]),
        ],
        {"n": i64(4, 4), "m": i64(2**23, 2)},
    ),
    "scatter_long": lambda: model(
        [
            node("ConstantOfShape", ["n"], ["x"]),
            node("ConstantOfShape", ["m"], ["i"], value=nh.from_array(i64(0), "v")),
            node("ConstantOfShape", ["m1"], ["u"]),
            node("ScatterND", ["x", "i", "u"], reduction="add"),
        ],
        {"n": i64(4), "m": i64(2**23, 1), "m1": i64(2**23)},
    ),
    "roi_many": lambda: model(
        [
            node("ConstantOfShape", ["n"], ["x"]),
            node("ConstantOfShape", ["m"], ["r"]),
            node("ConstantOfShape", ["k"], ["b"], value=nh.from_array(i64(0), "v")),
            node("RoiAlign", ["x", "r", "b"], sampling_ratio=1000, output_height=10, output_width=10),
        ],
        {"n": i64(1, 1, 10, 10), "m": i64(1000, 4), "k": i64(1000)},
    ),
    "deform_conv": lambda: model(
        [
            node("ConstantOfShape", ["n"], ["x"]),
            node("ConstantOfShape", ["k"], ["w"]),
            node("ConstantOfShape", ["o"], ["f"]),
            node("DeformConv", ["x", "w", "f"], pads=[15] * 4),
        ],
        {"n": i64(1, 16, 64, 64), "k": i64(64, 16, 31, 31), "o": i64(1, 2 * 31 * 31, 64, 64)},
    ),
    "stft": lambda: model(
        [node("ConstantOfShape", ["n"], ["x"]), node("STFT", ["x", "1", "", "len"])],
        {"n": i64(1, 200000, 1), "1": np.int64(1), "len": np.int64(100003)},
    ),
    "stft_small": lambda: model(
        [node("ConstantOfShape", ["n"], ["x"]), node("STFT", ["x", "1", "", "len"])],
        {"n": i64(1, 100000, 1), "1": np.int64(1), "len": np.int64(1021)},
    ),
    "grid_sample": lambda: model(
        [
            node("ConstantOfShape", ["n"], ["x"]),
            node("ConstantOfShape", ["m"], ["g"]),
            node("GridSample", ["x", "g"], mode="cubic"),
        ],
        {"n": i64(1, 16, 4, 4), "m": i64(1, 2000, 2000, 2)},
    ),
    "erf_f64": lambda: model(
        [node("ConstantOfShape", ["n"], ["x0"], value=nh.from_array(np.array([1.0]), "v"))]
        + [node("Erf", [f"x{i}"], [f"x{i + 1}"]) for i in range(60)],
        {"n": i64(2**24)},
        outputs=["x60"],
    ),
    "random_long": lambda: model([node("RandomNormal", [], ["x"], shape=[2**26])], outputs=["x"]),
    "tfidf": lambda: one(
        "TfIdfVectorizer",
        ["a"],
        {"a": np.zeros((1, 3000), np.int64)},
        max_gram_length=2**31 - 1,
        max_skip_count=2**31 - 1,
        min_gram_length=1,
        mode="TF",
        ngram_counts=[0],
        ngram_indexes=[0],
        pool_int64s=[0],
    ),
    "tfidf_long": lambda: model(
        [
            node("ConstantOfShape", ["n"], ["x"], value=nh.from_array(i64(1), "v")),
            node(
                "TfIdfVectorizer",
                ["x"],
                max_gram_length=3,
                max_skip_count=100000,
                min_gram_length=3,
                mode="TF",
                ngram_counts=[0, 0, 0],
                ngram_indexes=[0],
                pool_int64s=[1, 1, 1],
            ),
        ],
        {"n": i64(1, 100000)},
    ),
    "regex": lambda: one(
        "RegexFullMatch", ["a"], {"a": np.array(["a" * 200000], object)}, pattern="(a*)*(a|aa)+(((a?){30}){30})b"
    ),
    "regex_large": lambda: one(
        "RegexFullMatch", ["a"], {"a": np.array(["a" * 1000], object)}, pattern="((((a{1000}){1000}){1000}){1000})"
    ),
    "string_split": lambda: one(
        "StringSplit", ["a"], {"a": np.array(["," * 3000000], object)}, outputs=("y", "z"), delimiter=","
    ),
    "string_doubled": lambda: repeated("StringConcat", 40, "x", {"x": np.array(["ab"], object)}),
    "string_doubled_constant": lambda: repeated("StringConcat", 40, "x", None, {"x": np.array(["ab"], object)}),
    "string_tile": lambda: model(
        [node("Tile", ["a", "n"])], {"a": np.array(["x" * 1000000], object), "n": i64(100000)}
    ),
    "string_expand_split": lambda: model(
        [node("Expand", ["a", "n"], ["e"]), node("StringSplit", ["e"], ["y", "z"], delimiter=" ")],
        {"a": np.array(["a b " * 5000], object), "n": i64(5000)},
    ),
    "sequence_insert": lambda: loop(
        HUGE, [node("SequenceInsert", ["v", "k"], ["w"])], [("v", "w", np.float32([1]))], inits={"k": np.float32([1])}
    ),
}


# ---- the same, later ----------------------------------------------------------------------------------------------------


def at_run(made: Made) -> Made | None:
    """The same with its constants given to the run, so that loading does not see them; None: there are none."""
    m, inputs = made
    moved = {}
    for t in list(m.graph.initializer):
        if t.data_location == T.EXTERNAL:
            return None
        try:
            moved[t.name] = nh.to_array(t)
        except Exception:  # it has no data: that is the bomb
            return None
    if not moved:
        return None
    fresh = ModelProto()
    fresh.CopyFrom(m)
    del fresh.graph.initializer[:]
    for name, a in moved.items():
        t = T.STRING if a.dtype == object else h.np_dtype_to_tensor_dtype(a.dtype)
        fresh.graph.input.append(h.make_tensor_value_info(name, t, a.shape))
    return fresh, {**inputs, **moved}
