"""Operators of ai.onnx.ml and of com.microsoft: one node at a time, sard's answers beside onnxruntime's.

Trees are random in everything (sizes, modes, missing values, weights, aggregates, transforms); the other operators run
over their attributes and element types. Where onnxruntime has no kernel for a type there is nothing to compare with,
and the case says so by being skipped. Models that are no trees are refused.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

sard = pytest.importorskip("sard")
ort = pytest.importorskip("onnxruntime")

F, D, I32, I64, S = (
    TensorProto.FLOAT,
    TensorProto.DOUBLE,
    TensorProto.INT32,
    TensorProto.INT64,
    TensorProto.STRING,
)
TYPES = {"float32": F, "float64": D, "int32": I32, "int64": I64, "object": S, "uint32": TensorProto.UINT32}
MODES = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"]


def _model(op: str, inputs: list[np.ndarray], outputs: list[tuple[int, int]], attributes: dict, domain: str) -> bytes:
    """One node; outputs are (element type, rank)."""
    ins = [f"x{i}" for i in range(len(inputs))]
    outs = [f"y{i}" for i in range(len(outputs))]
    node = helper.make_node(op, ins, outs, domain=domain, **attributes)
    graph = helper.make_graph(
        [node],
        "g",
        [
            helper.make_tensor_value_info(n, TYPES[x.dtype.name], [None] * x.ndim)
            for n, x in zip(ins, inputs, strict=True)
        ],
        [helper.make_tensor_value_info(n, t, [None] * r) for n, (t, r) in zip(outs, outputs, strict=True)],
    )
    opsets = [helper.make_opsetid(*o) for o in (("", 17), ("ai.onnx.ml", 3), ("com.microsoft", 1))]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()


def _ort(model: bytes):
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    try:
        return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as e:
        if "NOT_IMPLEMENTED" in str(e):
            pytest.skip("onnxruntime has no kernel for this type")
        raise


def _compare(
    op: str,
    inputs: list[np.ndarray],
    outputs: list[tuple[int, int]],
    domain: str = "ai.onnx.ml",
    **attributes: Any,
) -> None:
    model = _model(op, inputs, outputs, attributes, domain)
    feeds = {f"x{i}": x for i, x in enumerate(inputs)}
    want = _ort(model).run(None, feeds)
    got = sard.InferenceSession(model).run(None, feeds)
    for g, w in zip(got, want, strict=True):
        assert g.shape == w.shape
        if w.dtype.kind in "Of":
            assert g.dtype == w.dtype
        if w.dtype.kind == "f":
            np.testing.assert_allclose(g, w, rtol=1e-4, atol=1e-5)
        else:
            np.testing.assert_array_equal(g, w)


# ---- trees ---------------------------------------------------------------------------------------------------------


def _tree(rng: np.random.Generator, leaves: int) -> list[tuple[int, int] | None]:
    """Children by number, None for a leaf: some leaf is split until there are enough."""
    nodes: list[tuple[int, int] | None] = [None]
    open_leaves = [0]
    while len(open_leaves) < leaves:
        at = open_leaves.pop(int(rng.integers(len(open_leaves))))
        nodes[at] = (len(nodes), len(nodes) + 1)
        open_leaves += nodes[at]
        nodes += [None, None]
    return nodes


def _forest(rng: np.random.Generator, prefix: str, targets: int) -> dict[str, list]:
    leaves = int(rng.choice([1, 2, 8, 31, 32, 33, 64, 65, 200]))
    modes = MODES if rng.random() < 0.4 else [MODES[int(rng.integers(6))]]
    every, one = rng.random() < 0.5, int(rng.integers(targets)) if rng.random() < 0.5 else None
    positive = rng.random() < 0.5
    a: dict[str, list] = {
        f"nodes_{n}": []
        for n in (
            "treeids",
            "nodeids",
            "featureids",
            "values",
            "modes",
            "truenodeids",
            "falsenodeids",
            "missing_value_tracks_true",
        )
    }
    a |= {f"{prefix}_{n}": [] for n in ("treeids", "nodeids", "ids", "weights")}
    for t in range(int(rng.choice([1, 2, 5, 17, 40]))):
        target = int(rng.integers(targets)) if one is None else one
        for i, kids in enumerate(_tree(rng, leaves)):
            value = rng.integers(-3, 4) / 2 if rng.random() < 0.5 else np.float32(rng.normal())
            row = (t, i, int(rng.integers(4)), float(value), modes[int(rng.integers(len(modes)))], *(kids or (0, 0)))
            for name, v in zip(list(a)[:7], row, strict=True):
                a[name].append(v)
            a["nodes_missing_value_tracks_true"].append(int(rng.random() < 0.5))
            if kids:
                continue
            a["nodes_modes"][-1] = "LEAF"
            for k in range(targets) if every else [target]:
                weight = abs(rng.normal()) / 40 if positive else rng.normal()
                for name, v in zip(list(a)[8:], (t, i, k, float(np.float32(weight))), strict=True):
                    a[name].append(v)
    return a


def _rows(rng: np.random.Generator, types: list[str]) -> np.ndarray:
    x = rng.normal(size=(int(rng.choice([1, 2, 3, 7, 16, 17, 33, 64, 65, 100])), 4))
    x = (np.round(x * 2) / 2 if rng.random() < 0.5 else x).astype(types[int(rng.integers(len(types)))])
    if x.dtype.kind == "f":
        x[rng.random(x.shape) < 0.1] = np.nan
    return x


@pytest.mark.parametrize("seed", range(60))
def test_random_tree_classifier(seed: int) -> None:
    rng = np.random.default_rng(seed)
    classes = int(rng.choice([2, 2, 3, 5]))
    a: dict[str, Any] = _forest(rng, "class", classes)
    a["post_transform"] = str(rng.choice(["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"]))
    if rng.random() < 0.4:
        n = 1 if classes == 2 and rng.random() < 0.5 else classes
        a["base_values"] = [float(v) for v in rng.normal(size=n)]
    strings = rng.random() < 0.3
    # two classes that both have scores: onnxruntime answers 0 and 1, whatever the labels are
    a |= {"classlabels_strings": list("abcde")[:classes]} if strings else {"classlabels_int64s": list(range(classes))}
    x = _rows(rng, ["float32", "float32", "float64", "int64"])
    _compare("TreeEnsembleClassifier", [x], [(S if strings else I64, 1), (F, 2)], **a)


@pytest.mark.parametrize("seed", range(60))
def test_random_tree_regressor(seed: int) -> None:
    rng = np.random.default_rng(1000 + seed)
    targets = int(rng.choice([1, 1, 2, 3]))
    a: dict[str, Any] = _forest(rng, "target", targets)
    a |= {
        "n_targets": targets,
        "aggregate_function": str(rng.choice(["SUM", "SUM", "AVERAGE", "MIN", "MAX"])),
        "post_transform": str(rng.choice(["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"])),
    }
    # a target that no leaf adds to gets its base value here, and 0 from onnxruntime
    if len(set(a["target_ids"])) == targets and rng.random() < 0.4 and a["aggregate_function"] in ("SUM", "AVERAGE"):
        a["base_values"] = [float(v) for v in rng.normal(size=targets)]
    if "base_values" in a and len(a["target_ids"]) < targets * a["nodes_modes"].count("LEAF"):
        del a["base_values"]
    _compare("TreeEnsembleRegressor", [_rows(rng, ["float32", "float64"])], [(F, 2)], **a)


STUMP: dict[str, list] = {
    "nodes_treeids": [0, 0, 0],
    "nodes_nodeids": [0, 1, 2],
    "nodes_featureids": [0, 0, 0],
    "nodes_values": [0.5, 0.0, 0.0],
    "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF"],
    "nodes_truenodeids": [1, 0, 0],
    "nodes_falsenodeids": [2, 0, 0],
    "target_treeids": [0, 0],
    "target_nodeids": [1, 2],
    "target_ids": [0, 0],
    "target_weights": [1.0, 2.0],
}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"nodes_truenodeids": [0, 0, 0]}, "cycle|twice|root"),
        ({"nodes_truenodeids": [2, 0, 0]}, "two roots"),
        ({"nodes_truenodeids": [7, 0, 0]}, "no node 7"),
        ({"nodes_nodeids": [0, 1, 1]}, "two nodes"),
        ({"nodes_modes": ["BRANCH_LEQ", "LEAF", "TWIG"]}, "TWIG"),
        ({"nodes_featureids": [-1, 0, 0]}, "feature"),
        ({"nodes_values": [0.5]}, "nodes_values"),
        ({"target_ids": [0, 1]}, "target"),
        ({"target_nodeids": [1, 9]}, "no node 9"),
        ({"target_weights": [1.0]}, "weights"),
        ({"base_values": [1.0, 2.0]}, "base_values"),
    ],
)
def test_no_tree(change: dict, why: str) -> None:
    x = np.array([[0.0], [1.0]], np.float32)
    good = _model("TreeEnsembleRegressor", [x], [(F, 2)], STUMP, "ai.onnx.ml")
    np.testing.assert_array_equal(sard.InferenceSession(good).run(None, {"x0": x})[0], [[1], [2]])
    bad = _model("TreeEnsembleRegressor", [x], [(F, 2)], STUMP | change, "ai.onnx.ml")
    with pytest.raises(Exception, match=why):
        sard.InferenceSession(bad).run(None, {"x0": x})


@pytest.mark.parametrize("kind", ["float16", "float32", "float64"])
def test_tree_ensemble_of_sets(kind: str) -> None:
    """One tree: is x in {1, 2, 5}? else is x < 4? By hand; missing values follow their flags."""

    def tensor(v: list, dtype: str = kind):
        return numpy_helper.from_array(np.array(v, dtype))

    node = helper.make_node(
        "TreeEnsemble",
        ["x"],
        ["y"],
        domain="ai.onnx.ml",
        n_targets=2,
        tree_roots=[0],
        nodes_modes=tensor([6, 1], "uint8"),
        nodes_splits=tensor([0, 4]),
        membership_values=tensor([1, 2, 5, np.nan]),
        nodes_featureids=[0, 0],
        nodes_truenodeids=[0, 1],
        nodes_trueleafs=[1, 1],
        nodes_falsenodeids=[1, 2],
        nodes_falseleafs=[0, 1],
        nodes_missing_value_tracks_true=[0, 1],
        leaf_targetids=[0, 1, 1],
        leaf_weights=tensor([1, 2, 3]),
    )
    t = {"float16": TensorProto.FLOAT16, "float32": F, "float64": D}[kind]
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", t, [None, 1])],
        [helper.make_tensor_value_info("y", t, [None, 2])],
    )
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("ai.onnx.ml", 5)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()
    x = np.array([[1], [2], [3], [4], [5], [6], [np.nan]], kind)
    y = sard.InferenceSession(model).run(None, {"x": x})[0]
    np.testing.assert_array_equal(y, np.array([[1, 0], [1, 0], [0, 2], [0, 3], [1, 0], [0, 3], [0, 2]], kind))


# ---- features, labels, linear models --------------------------------------------------------------------------------

X = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
WORDS = np.array(["a", "b", "", "zz", "a"], object)
POSTS = ["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"]
NUMBERS = ["float32", "float64", "int32", "int64"]


@pytest.mark.parametrize("kind", NUMBERS)
@pytest.mark.parametrize(
    ("op", "attributes"),
    [
        ("Scaler", {"offset": [1.0, 2.0, 3.0], "scale": [0.5, 2.0, 3.0]}),
        ("Scaler", {"offset": [1.0], "scale": [0.5]}),
        ("Binarizer", {"threshold": 0.5}),
        ("Normalizer", {"norm": "MAX"}),
        ("Normalizer", {"norm": "L1"}),
        ("Normalizer", {"norm": "L2"}),
        ("OneHotEncoder", {"cats_int64s": [0, 1, 2, 5]}),
        ("LinearRegressor", {"coefficients": [1.0, 2.0, 3.0, -1.0, 0.0, 1.0], "intercepts": [1.0, 2.0], "targets": 2}),
    ],
)
def test_features(op: str, attributes: dict, kind: str) -> None:
    x = (X * 3).astype(kind)
    t = TYPES[kind] if op == "Binarizer" else F
    _compare(op, [abs(x) if op == "OneHotEncoder" else x], [(t, 3 if op == "OneHotEncoder" else 2)], **attributes)


@pytest.mark.parametrize("kind", NUMBERS)
def test_columns(kind: str) -> None:
    x = (X * 3).astype(kind)
    _compare("FeatureVectorizer", [x, x[:, :2]], [(F, 2)], inputdimensions=[2, 4])
    _compare("ArrayFeatureExtractor", [x, np.array([[2, 0]])], [(TYPES[kind], 2)])


def test_more_columns() -> None:
    _compare("ArrayFeatureExtractor", [WORDS, np.array([2, 0])], [(S, 2)])
    _compare("OneHotEncoder", [WORDS], [(F, 2)], cats_strings=["a", "zz", "q"])
    holes = np.where(X > 0.5, np.float32(np.nan), X)
    _compare("Imputer", [holes], [(F, 2)], imputed_value_floats=[1.0, 2.0, 3.0], replaced_value_float=float("nan"))
    _compare("Imputer", [np.round(X).astype(np.int64)], [(I64, 2)], imputed_value_int64s=[7], replaced_value_int64=0)
    _compare("Normalizer", [np.zeros((2, 3), np.float32)], [(F, 2)], norm="L2")


KEYS = {"strings": WORDS, "int64s": np.array([1, -2, 3, 1]), "floats": np.array([1, 9, -0.0, 2], np.float32)}
TABLE = {"strings": ["a", "b", "", "q"], "int64s": [1, -2, 7, 8], "floats": [1.0, 3.0, 0.0, 5.0]}


@pytest.mark.parametrize("keys", TABLE)
@pytest.mark.parametrize("values", TABLE)
def test_labels(keys: str, values: str) -> None:
    t = {"strings": S, "int64s": I64, "floats": F}[values]
    a = {f"keys_{keys}": TABLE[keys], f"values_{values}": TABLE[values]}
    _compare("LabelEncoder", [KEYS[keys]], [(t, 1)], **a)


def test_categories() -> None:
    table = {"cats_strings": ["a", "zz", "q"], "cats_int64s": [3, 4, 5]}
    _compare("CategoryMapper", [WORDS], [(I64, 1)], **table)
    _compare("CategoryMapper", [np.array([3, 4, 9])], [(S, 1)], default_string="none", **table)


@pytest.mark.parametrize("kind", NUMBERS)
@pytest.mark.parametrize("post", POSTS)
def test_linear_classifier(post: str, kind: str) -> None:
    x = (X * 3).astype(kind)
    many = [1.0, 2.0, 3.0, -1.0, 0.0, 1.0, 2.0, 2.0, 0.0]
    a = {"coefficients": many, "intercepts": [1.0, 2.0, 0.0], "classlabels_ints": [5, 6, 7], "post_transform": post}
    _compare("LinearClassifier", [x], [(I64, 1), (F, 2)], **a)
    a |= {"coefficients": many[:3], "intercepts": [0.3], "classlabels_ints": [5, 6]}
    _compare("LinearClassifier", [x], [(I64, 1), (F, 2)], **a)


@pytest.mark.parametrize("post", POSTS[:3])
@pytest.mark.parametrize("kernel", ["LINEAR", "POLY", "RBF", "SIGMOID"])
def test_support_vectors(kernel: str, post: str) -> None:
    rng = np.random.default_rng(5)
    params = {"LINEAR": [0.0, 0.0, 0.0], "POLY": [0.5, 1.0, 3.0], "RBF": [0.3, 0.0, 0.0], "SIGMOID": [0.3, 0.1, 0.0]}
    a = {
        "kernel_type": kernel,
        "post_transform": post,
        "kernel_params": params[kernel],
        "support_vectors": [float(v) for v in rng.normal(size=18)],
    }
    coefficients = [float(v) for v in rng.normal(size=12)]
    for one in (0, 1):
        _compare(
            "SVMRegressor", [X], [(F, 2)], coefficients=coefficients[:6], n_supports=6, rho=[0.2], one_class=one, **a
        )
    three = {"vectors_per_class": [1, 3, 2], "rho": [0.2, 0.1, -0.3], "classlabels_ints": [4, 5, 6]}
    two = {"vectors_per_class": [3, 3], "rho": [0.2], "classlabels_strings": ["p", "q"]}
    for chances in (False, True):
        more = {"prob_a": [-1.0, -2.0, -0.5], "prob_b": [0.1, 0.2, 0.0]} if chances else {}
        _compare("SVMClassifier", [X], [(I64, 1), (F, 2)], coefficients=coefficients, **three, **more, **a)
        more = {"prob_a": [-1.0], "prob_b": [0.1]} if chances else {}
        _compare("SVMClassifier", [X], [(S, 1), (F, 2)], coefficients=coefficients[:6], **two, **more, **a)


# ---- com.microsoft --------------------------------------------------------------------------------------------------

TEXTS = np.array(["Hello World", "I love computer science !", "", "aa,bb;;c", "héé ab"], object)


@pytest.mark.parametrize("mark", [0, 1])
@pytest.mark.parametrize(
    "how",
    [
        {"tokenexp": "[a-zA-Z]+"},
        {"tokenexp": "[a-z]+|[a-z]+,[a-z]+"},
        {"tokenexp": "."},
        {"tokenexp": r"\w+", "mincharnum": 2},
        {"separators": [" "]},
        {"separators": [" "], "mincharnum": 3},
        {"separators": ["[,;]", "l+"]},
        {"separators": [""]},
    ],
)
def test_tokenizer(how: dict, mark: int) -> None:
    a = {"mark": mark, "mincharnum": 1, "pad_value": "#"} | how
    _compare("Tokenizer", [TEXTS], [(S, 2)], "com.microsoft", **a)
    _compare("Tokenizer", [TEXTS.reshape(1, 5)], [(S, 3)], "com.microsoft", **a)
    _compare("Tokenizer", [np.array(["", ""], object)], [(S, 2)], "com.microsoft", **a)


@pytest.mark.parametrize("positive", [0, 1])
@pytest.mark.parametrize("kind", ["object", "int32", "uint32", "int64", "float32", "float64"])
def test_hashes(kind: str, positive: int) -> None:
    x = TEXTS if kind == "object" else np.arange(2, 9).astype(kind)
    t = TensorProto.UINT32 if positive else I32
    _compare("MurmurHash3", [x], [(t, 1)], "com.microsoft", positive=positive, seed=3)
