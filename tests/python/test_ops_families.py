"""Operators against NumPy where the official cases do not reach: element types, empty tensors, ties, older versions."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

sard = pytest.importorskip("sard")

TYPE = {
    np.dtype(k): getattr(TensorProto, v)
    for k, v in {
        "float32": "FLOAT", "float64": "DOUBLE", "float16": "FLOAT16", "int8": "INT8", "int16": "INT16",
        "int32": "INT32", "int64": "INT64", "uint8": "UINT8", "uint16": "UINT16", "uint32": "UINT32",
        "uint64": "UINT64", "bool": "BOOL",
    }.items()
}  # fmt: skip
NUMBERS = [t for t in TYPE if t.kind in "iuf"]


def run(op, feeds, opset, outputs=1, constants=(), **attributes):
    """One node on arrays by name (None: left out), without and with optimisation: the same bits."""
    names = list(feeds)
    node = helper.make_node(
        op,
        ["" if feeds[n] is None else n for n in names],
        [f"out{i}" for i in range(outputs)],
        **{k: v for k, v in attributes.items() if v is not None},
    )
    graph = helper.make_graph(
        [node],
        "g",
        [
            helper.make_tensor_value_info(n, TYPE[a.dtype], a.shape)
            for n, a in feeds.items()
            if a is not None and n not in constants
        ],
        [helper.make_empty_tensor_value_info(f"out{i}") for i in range(outputs)],
        [numpy_helper.from_array(feeds[n], n) for n in constants],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    found = []
    for level in (sard.GraphOptimizationLevel.ORT_DISABLE_ALL, sard.GraphOptimizationLevel.ORT_ENABLE_ALL):
        options = sard.SessionOptions()
        options.graph_optimization_level = level
        session = sard.InferenceSession(model.SerializeToString(), options)
        found.append(session.run(None, {n: a for n, a in feeds.items() if a is not None and n not in constants}))
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)
    return found[0] if outputs > 1 else found[0][0]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm(x, w, r, b, lens, h, c):
    """One direction of an LSTM in double: x [steps, batch, input] -> y, h, c."""
    y = np.zeros((x.shape[0], x.shape[1], r.shape[1]))
    for k in range(x.shape[1]):
        for t in range(lens[k]):
            i, o, f, g = np.split(w @ x[t, k] + r @ h[k] + b[: len(w)] + b[len(w) :], 4)
            c[k] = sigmoid(f) * c[k] + sigmoid(i) * np.tanh(g)
            y[t, k] = h[k] = sigmoid(o) * np.tanh(c[k])
    return y, h, c


@pytest.mark.parametrize("dtype,tolerance", [("float32", 1e-5), ("float64", 1e-12), ("float16", 2e-3)])
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("constant", [False, True])
def test_lstm(dtype, tolerance, direction, constant):
    rng = np.random.default_rng(0)
    ways = 2 if direction == "bidirectional" else 1
    x, w, r, b = (rng.standard_normal(s).astype(dtype) for s in [(6, 3, 5), (ways, 28, 5), (ways, 28, 7), (ways, 56)])
    h, c = (rng.standard_normal((ways, 3, 7)).astype(dtype) for _ in range(2))
    lens = np.array([6, 2, 0], np.int32)
    feeds = {"x": x, "w": w, "r": r, "b": b, "lens": lens, "h": h, "c": c}
    y, yh, yc = run("LSTM", feeds, 14, 3, ("w", "r") if constant else (), hidden_size=7, direction=direction)
    for d in range(ways):
        back = direction == "reverse" or d == 1
        turned = x.astype(float)
        if back:
            turned = turned.copy()
            for k in range(3):
                turned[: lens[k], k] = turned[: lens[k], k][::-1]
        want, wh, wc = lstm(turned, w[d].astype(float), r[d].astype(float), b[d].astype(float), lens,
                            h[d].astype(float), c[d].astype(float))  # fmt: skip
        if back:
            for k in range(3):
                want[: lens[k], k] = want[: lens[k], k][::-1]
        np.testing.assert_allclose(y[:, d], want, tolerance, tolerance)
        np.testing.assert_allclose(yh[d], wh, tolerance, tolerance)
        np.testing.assert_allclose(yc[d], wc, tolerance, tolerance)


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize(
    "mode,numpy_mode", [("constant", "constant"), ("edge", "edge"), ("reflect", "reflect"), ("wrap", "wrap")]
)
def test_pad(dtype, mode, numpy_mode):
    x = np.arange(24).reshape(2, 3, 4).astype(dtype)
    pads = np.array([0, 4, 1, 0, 2, 7], np.int64)
    want = np.pad(x, [(0, 0), (4, 2), (1, 7)], numpy_mode)
    np.testing.assert_array_equal(run("Pad", {"x": x, "p": pads}, 21, mode=mode), want)
    cut = np.array([-1, 3, 2, -1], np.int64)  # axes 2 and 1: cut first, then padded
    axes = np.array([2, -2], np.int64)
    want = np.pad(x[:, :2, 1:], [(0, 0), (3, 0), (0, 2)], numpy_mode)
    np.testing.assert_array_equal(run("Pad", {"x": x, "p": cut, "v": None, "a": axes}, 21, mode=mode), want)


def test_pad_versions():
    x = np.ones((2, 2), np.float32)
    want = np.pad(x, [(0, 1), (2, 0)], constant_values=7)
    np.testing.assert_array_equal(run("Pad", {"x": x}, 1, paddings=[0, 2, 1, 0], value=7.0), want)
    np.testing.assert_array_equal(run("Pad", {"x": x}, 2, pads=[0, 2, 1, 0], value=7.0), want)


def test_upsample_versions():
    x = np.arange(4, dtype=np.float32).reshape(1, 1, 2, 2)
    want = x.repeat(2, 2).repeat(3, 3)
    scales = np.array([1, 1, 2, 3], np.float32)
    np.testing.assert_array_equal(run("Upsample", {"x": x}, 1, height_scale=2.0, width_scale=3.0), want)
    np.testing.assert_array_equal(run("Upsample", {"x": x}, 7, scales=[1.0, 1.0, 2.0, 3.0]), want)
    np.testing.assert_array_equal(run("Upsample", {"x": x, "s": scales}, 9), want)
    np.testing.assert_array_equal(run("Resize", {"x": x, "s": scales}, 10), want)
    np.testing.assert_array_equal(run("Resize", {"x": x, "s": scales}, 10, constants=("s",)), want)


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("how,join", [("add", np.add), ("mul", np.multiply), ("max", np.maximum), ("min", np.minimum)])
def test_scatter_reductions(dtype, how, join):
    """Duplicate indices are joined in their order."""
    x = (np.arange(12).reshape(4, 3) % 5 + 1).astype(dtype)
    at = np.array([[0, 1, -1], [0, 1, 3], [2, 1, 3]], np.int64)
    u = (np.arange(9).reshape(3, 3) % 4 + 1).astype(dtype)
    want = x.copy()
    join.at(want, (at, np.arange(3)[None].repeat(3, 0)), u)
    np.testing.assert_array_equal(run("ScatterElements", {"x": x, "i": at, "u": u}, 18, reduction=how), want)
    rows = np.array([[1], [-1], [1]], np.int64)
    want = x.copy()
    join.at(want, (rows[:, 0],), u)
    np.testing.assert_array_equal(run("ScatterND", {"x": x, "i": rows, "u": u}, 18, reduction=how), want)


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("largest", [0, 1])
def test_topk_ties(dtype, largest):
    x = np.random.default_rng(1).integers(0, 5, (3, 40, 2)).astype(dtype)
    v, i = run("TopK", {"x": x, "k": np.array([17], np.int64)}, 24, 2, axis=1, largest=largest)
    order = np.argsort(-x.astype(float) if largest else x.astype(float), 1, kind="stable")[:, :17]
    np.testing.assert_array_equal(i, order)
    np.testing.assert_array_equal(v, np.take_along_axis(x, order, 1))


@pytest.mark.parametrize("dtype", [*NUMBERS, np.dtype(bool)])
def test_unique(dtype):
    x = np.random.default_rng(2).integers(0, 2 if dtype.kind == "b" else 9, (30,)).astype(dtype)
    for a, b in zip(run("Unique", {"x": x}, 11, 4), np.unique(x, True, True, True), strict=True):
        np.testing.assert_array_equal(a, b)
    y, first, inverse, _ = run("Unique", {"x": x}, 11, 4, sorted=0)
    assert list(first) == sorted(first)
    np.testing.assert_array_equal(y[inverse], x)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int32", "uint8"])
@pytest.mark.parametrize(
    "equation,shapes",
    [
        ("ij,jk->ik", [(3, 4), (4, 5)]),
        ("bhid,bhjd->bhij", [(2, 3, 4, 5), (2, 3, 6, 5)]),
        ("ii->i", [(4, 4)]),
        ("...ij,...jk", [(2, 1, 3, 4), (3, 4, 5)]),
        ("abc,cd,de->abe", [(2, 3, 4), (4, 5), (5, 2)]),
        ("ij,ij->", [(3, 4), (3, 4)]),
        ("ijj,k->ik", [(2, 3, 3), (4,)]),
        ("ij,jk->ik", [(3, 0), (0, 5)]),
        ("i,j->ij", [(0,), (3,)]),
    ],
)
def test_einsum(dtype, equation, shapes):
    rng = np.random.default_rng(3)
    arrays = [rng.integers(0, 4, s).astype(dtype) for s in shapes]
    found = run("Einsum", {f"x{i}": a for i, a in enumerate(arrays)}, 12, equation=equation)
    np.testing.assert_array_equal(found, np.einsum(equation, *arrays))


@pytest.mark.parametrize("n", [1, 2, 3, 7, 16, 30, 62, 97, 256, 1001, 1110])
@pytest.mark.parametrize("dtype,tolerance", [("float32", 1e-5), ("float64", 1e-12)])
def test_dft_lengths(n, dtype, tolerance):
    rng = np.random.default_rng(n)
    x = rng.standard_normal((2, n, 3, 2)).astype(dtype)
    axis = np.array(1, np.int64)
    z = x[..., 0].astype(complex) + 1j * x[..., 1]
    for inverse, f in ((0, np.fft.fft), (1, np.fft.ifft)):
        want = f(z, axis=1)
        found = run("DFT", {"x": x, "n": None, "a": axis}, 20, inverse=inverse)
        np.testing.assert_allclose(found, np.stack([want.real, want.imag], -1), tolerance, tolerance * n)
    real = x[..., :1]
    half = run("DFT", {"x": real, "n": None, "a": axis}, 20, onesided=1)
    want = np.fft.rfft(real[..., 0], axis=1)
    np.testing.assert_allclose(half, np.stack([want.real, want.imag], -1), tolerance, tolerance * n)
    back = run("DFT", {"x": half, "n": np.array(n, np.int64), "a": axis}, 20, onesided=1, inverse=1)
    np.testing.assert_allclose(back, real, tolerance, tolerance * n)


def convtranspose(x, w, b, groups, stride, pad):
    """Two spatial axes, by adding every element's taps."""
    n, c, h, wd = x.shape
    _, og, kh, kw = w.shape
    y = np.zeros((n, og * groups, (h - 1) * stride + kh, (wd - 1) * stride + kw))
    for i in range(c):
        g = i // (c // groups)
        for r in range(h):
            for q in range(wd):
                at = np.s_[:, g * og : (g + 1) * og, r * stride : r * stride + kh, q * stride : q * stride + kw]
                y[at] += x[:, i, r, q, None, None, None] * w[i][None]
    return y[:, :, pad : y.shape[2] - pad, pad : y.shape[3] - pad] + b[None, :, None, None]


@pytest.mark.parametrize("dtype,tolerance", [("float32", 1e-5), ("float64", 1e-12), ("float16", 1e-2)])
@pytest.mark.parametrize("groups,stride,pad", [(1, 1, 0), (1, 2, 1), (2, 3, 1), (4, 2, 0)])
@pytest.mark.parametrize("constant", [False, True])
def test_convtranspose(dtype, tolerance, groups, stride, pad, constant):
    rng = np.random.default_rng(4)
    x, w, b = (rng.standard_normal(s).astype(dtype) for s in [(2, 4, 5, 3), (4, 3, 3, 2), (3 * groups,)])
    found = run("ConvTranspose", {"x": x, "w": w, "b": b}, 11, 1, ("w",) if constant else (), group=groups,
                strides=[stride] * 2, pads=[pad] * 4)  # fmt: skip
    want = convtranspose(x.astype(float), w.astype(float), b.astype(float), groups, stride, pad)
    np.testing.assert_allclose(found, want, tolerance, tolerance)


def test_empty_tensors():
    none = np.zeros((0, 3), np.float32)
    at = np.zeros((0, 3), np.int64)
    k = np.array([2], np.int64)
    assert run("Pad", {"x": none, "p": np.array([1, 0, 1, 0], np.int64)}, 21).shape == (2, 3)
    assert run("ArgMax", {"x": none}, 13, axis=1).shape == (0, 1)
    assert run("GatherElements", {"x": none, "i": at}, 13).shape == (0, 3)
    assert run("ScatterElements", {"x": none, "i": at, "u": none}, 18).shape == (0, 3)
    assert run("TopK", {"x": none, "k": k}, 24, 2)[0].shape == (0, 2)
    assert run("Unique", {"x": none}, 11).shape == (0,)
    assert run("CumSum", {"x": none, "a": np.array(0, np.int64)}, 14).shape == (0, 3)
    assert run("OneHot", {"i": at, "d": k, "v": np.array([0, 1], np.float32)}, 11).shape == (0, 3, 2)
    assert run("Trilu", {"x": none}, 14).shape == (0, 3)
    assert run("Compress", {"x": none, "c": np.zeros(2, bool)}, 11, axis=1).shape == (0, 0)
    assert run("Resize", {"x": none, "r": None, "s": np.array([1, 2], np.float32)}, 19).shape == (0, 6)
    boxes, scores = np.zeros((1, 0, 4), np.float32), np.zeros((1, 2, 0), np.float32)
    assert run("NonMaxSuppression", {"b": boxes, "s": scores, "k": k}, 11).shape == (0, 3)


@pytest.mark.parametrize("dtype,tolerance", [("float32", 1e-5), ("float64", 1e-12), ("float16", 2e-3)])
@pytest.mark.parametrize("kv_heads", [1, 2, 4])
def test_attention_groups(dtype, tolerance, kv_heads):
    rng = np.random.default_rng(5)
    q = rng.standard_normal((2, 4, 3, 8)).astype(dtype)
    k, v = (rng.standard_normal((2, kv_heads, 5, n)).astype(dtype) for n in (8, 6))
    mask = rng.random((3, 5)) < 0.6
    mask[:, 0], mask[1] = True, False  # one row sees nothing
    found = run("Attention", {"q": q, "k": k, "v": v, "m": mask}, 24)
    wide = [a.astype(float).repeat(4 // a.shape[1], 1) for a in (q, k, v)]
    s = np.where(mask, wide[0] @ wide[1].swapaxes(2, 3) / np.sqrt(8), -np.inf)
    s[:, :, 1] = -np.inf
    p = np.exp(s - np.where(mask.any(1), s.max(-1), 0)[..., None])
    want = np.divide(p, p.sum(-1, keepdims=True), out=np.zeros_like(p), where=p.sum(-1, keepdims=True) > 0) @ wide[2]
    np.testing.assert_allclose(found, want, tolerance, tolerance)
