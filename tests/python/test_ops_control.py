"""Control operators, sequences, optionals and strings: whole small models, sard's answers beside onnxruntime's.

Bodies stand inside bodies, capture values from every level around them, change shapes from one iteration to the next
and carry sequences. Every model runs with several inputs, so that plans are made anew and found again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import parser

sard = pytest.importorskip("sard")
ort = pytest.importorskip("onnxruntime")

HEAD = '<ir_version: 10, opset_import: ["" : 20]>\n'
RNG = np.random.default_rng(7)


def _floats(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


MODELS: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "loop_in_if_in_loop": (
        """m (float[N] x, int64 n) => (float[N] y, float[T, N] all) {
          lim = Constant <value = float {3.0}> ()
          one = Constant <value = bool {1}> ()
          y, all = Loop (n, one, x) <body = outer (int64 i, bool c, float[N] a) => (bool c2, float[N] a2, float[N] s) {
            c2 = Identity (c)
            sum = ReduceSum <keepdims = 0> (a)
            big = Greater (sum, lim)
            a2 = If (big) <
              then_branch = t () => (float[N] r) { half = Constant <value = float {0.5}> () r = Mul (a, half) },
              else_branch = e () => (float[N] r) {
                two = Constant <value = int64 {2}> ()
                r = Loop (two, c, a) <body = inner (int64 j, bool d, float[N] b) => (bool d2, float[N] b2) {
                  d2 = Identity (d)
                  bx = Add (b, x)
                  il = CastLike (i, lim)
                  b2 = Add (bx, il)
                }>
              }>
            s = Sub (a2, lim)
          }>
        }""",
        [{"x": _floats(3), "n": np.int64(n)} for n in (5, 0, 1, 5)] + [{"x": _floats(6), "n": np.int64(4)}],
    ),
    "scan_in_scan": (
        """m (float[K] s0, float[T, U, K] x, float[K] w) => (float[K] s, float[T, U, K] y) {
          s, y = Scan <num_scan_inputs = 1, body = rows (float[K] a, float[U, K] row) => (float[K] a2, float[U, K] r) {
            a2, r = Scan <num_scan_inputs = 1, scan_input_directions = [1], scan_output_directions = [1],
                body = cells (float[K] b, float[K] v) => (float[K] b2, float[K] o) {
                  wv = Mul (v, w)
                  b2 = Add (b, wv)
                  o = Sub (b2, a)
                }> (a, row)
          }> (s0, x)
        }""",
        [{"s0": _floats(k), "x": _floats(t, u, k), "w": _floats(k)} for t, u, k in ((2, 3, 4), (1, 5, 2), (4, 1, 1))],
    ),
    "scan_axes": (
        """m (float[N] s0, float[N, T] x, float[T, N] z) => (float[N] s, float[N, T] y, float[T, N] y2) {
          s, y, y2 = Scan <num_scan_inputs = 2, scan_input_axes = [1, 0], scan_input_directions = [0, 1],
              scan_output_axes = [-1, 0], scan_output_directions = [1, 0],
              body = g (float[N] a, float[N] b, float[N] c) => (float[N] a2, float[N] o, float[N] o2) {
                p = Mul (b, c)
                a2 = Add (a, p)
                o = Neg (a2)
                o2 = Sub (a, c)
              }> (s0, x, z)
        }""",
        [{"s0": _floats(n), "x": _floats(n, t), "z": _floats(t, n)} for n, t in ((3, 4), (2, 7), (1, 1))],
    ),
    "sequence_grows_in_loop": (
        """m (float[N] x, int64 n) => (float[M] joined, int64 length, float[K] last) {
          one = Constant <value = bool {1}> ()
          axis = Constant <value = int64[1] {0}> ()
          empty = SequenceEmpty <dtype = 1> ()
          first = SequenceInsert (empty, x)
          seq = Loop (n, one, first) <body = g (int64 i, bool c, seq(float[?]) s) => (bool c2, seq(float[?]) s2) {
            c2 = Identity (c)
            back = Constant <value = int64 {-1}> ()
            t = SequenceAt (s, back)
            tx = Concat <axis = 0> (t, x)
            s2 = SequenceInsert (s, tx)
          }>
          joined = ConcatFromSequence <axis = 0> (seq)
          length = SequenceLength (seq)
          zero = Constant <value = int64 {0}> ()
          fewer = SequenceErase (seq, zero)
          more = SequenceInsert (fewer, x, zero)
          last = SequenceAt (more, length_less)
        }""".replace(
            "last = SequenceAt", "m1 = Constant <value = int64 {1}> () length_less = Sub (length, m1) last = SequenceAt"
        ),
        [{"x": _floats(3), "n": np.int64(n)} for n in (0, 3, 1)] + [{"x": _floats(1), "n": np.int64(4)}],
    ),
    "split_and_stack": (
        """m (float[A, B] x, int64[P] cuts) => (float[A, B] again, float[S, A] stacked, int64 parts) {
          pieces = SplitToSequence <axis = 1> (x, cuts)
          again = ConcatFromSequence <axis = 1> (pieces)
          columns = SplitToSequence <axis = -1, keepdims = 0> (x)
          stacked = ConcatFromSequence <axis = 0, new_axis = 1> (columns)
          parts = SequenceLength (pieces)
        }""",
        [
            {"x": _floats(2, 5), "cuts": np.array([2, 3], np.int64)},
            {"x": _floats(3, 4), "cuts": np.array([1, 1, 2], np.int64)},
        ],
    ),
    "strings_through_if": (
        """m (string[N] a, string[N] b, bool swap) => (string[N] y, int64[N] parts, string[N, M] words) {
          y = If (swap) <
            then_branch = t () => (string[N] r) { r = StringConcat (b, a) },
            else_branch = e () => (string[N] r) { r = StringConcat (a, b) }>
          words, parts = StringSplit <delimiter = "-", maxsplit = 2> (y)
        }""",
        [
            {
                "a": np.array(["a-b", "", "ü-"], object),
                "b": np.array(["-c-d", "x", "ß"], object),
                "swap": np.array(swap),
            }
            for swap in (True, False)
        ],
    ),
    "sequence_map": (
        """m (float[N] x, float[K] y) => (float[M] sums, int64[L] shapes) {
          s = SequenceConstruct (x, y, x)
          out, sh = SequenceMap (s, x) <body = g (float[?] e, float[N] z) => (float[?] o, int64[?] d) {
            total = ReduceSum <keepdims = 0> (z)
            o = Add (e, total)
            d = Shape (o)
          }>
          sums = ConcatFromSequence <axis = 0> (out)
          shapes = ConcatFromSequence <axis = 0> (sh)
        }""",
        [{"x": _floats(3), "y": _floats(k)} for k in (1, 3, 0)],
    ),
}


def _model(name: str) -> bytes:
    model = parser.parse_model(HEAD + MODELS[name][0])
    return model.SerializeToString()


def _same(found: Any, expected: Any) -> None:
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    if expected.dtype.kind in "OU":
        assert found.tolist() == expected.tolist()
    else:
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_as_onnxruntime(name: str) -> None:
    """The same outputs for every set of inputs, one after the other in one session."""
    model = _model(name)
    mine, theirs = sard.InferenceSession(model), ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    for feeds in MODELS[name][1]:
        feeds = {k: np.asarray(v) for k, v in feeds.items()}
        for found, expected in zip(mine.run(None, feeds), theirs.run(None, feeds), strict=True):
            _same(found, expected)


def test_scan_8() -> None:
    """Version 8: a batch axis, and lengths after which outputs are 0."""
    text = """<ir_version: 3, opset_import: ["" : 8]>
    m (int64[2] lens, float[2, 2] s0, float[2, 3, 2] x) => (float[2, 2] s, float[2, 3, 2] y) {
      s, y = Scan <num_scan_inputs = 1, directions = [1],
          body = g (float[2] a, float[2] b) => (float[2] c, float[2] d) {
        c = Add (a, b)
        d = Identity (c)
      }> (lens, s0, x)
    }"""
    model = parser.parse_model(text).SerializeToString()
    lens, s0, x = np.array([3, 1], np.int64), _floats(2, 2), _floats(2, 3, 2)
    s, y = sard.InferenceSession(model).run(None, {"lens": lens, "s0": s0, "x": x})
    want_s, want_y = s0.copy(), np.zeros_like(x)
    for b, n in enumerate(lens):
        for i in range(n):
            want_s[b] += x[b, n - 1 - i]
            want_y[b, i] = want_s[b]
    np.testing.assert_array_equal(s, want_s)
    np.testing.assert_array_equal(y, want_y)


def test_optional_in_loop() -> None:
    """An optional is unwrapped by a branch of the body where it holds something."""
    text = """<ir_version: 10, opset_import: ["" : 20]>
    m (float[N] x, bool full) => (float[N] y, bool has) {
      o = If (full) <
        then_branch = t () => (optional(float[N]) r) { r = Optional (x) },
        else_branch = e () => (optional(float[N]) r) { r = Optional <type = float[N]> () }>
      has = OptionalHasElement (o)
      y = If (has) <
        then_branch = t2 () => (float[N] r2) { r2 = OptionalGetElement (o) },
        else_branch = e2 () => (float[N] r2) { r2 = Neg (x) }>
    }"""
    try:
        model = parser.parse_model(text).SerializeToString()
    except onnx.parser.ParseError as e:
        pytest.skip(f"this version of onnx does not read the model: {e}")
    session = sard.InferenceSession(model)
    x = _floats(4)
    for full in (True, False, True):
        y, has = session.run(None, {"x": x, "full": np.array(full)})
        assert bool(has) == full
        np.testing.assert_array_equal(y, x if full else -x)


PATTERNS = [
    r"a*",
    r"(a|b)*c?",
    r"[^a-c]+",
    r"\w+@\w+\.(com|org)",
    r"(?i)straSSe\d{2,3}",
    r"(?s:.)*",
    r".*",
    r"^a$|^b$",
    r"\bab\b.*",
    r"([[:alpha:]]{2}|[[:digit:]]?){1,3}",
    r"(a?){30}a{30}",
    r"\Qa.b\E+?",
    r"\Qa\E{30}",
    r"\x{e9}[é-ü]*",
    r"(a*)*b",
    r"(?P<n>x)?y{0}",
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_regex_full_match(pattern: str) -> None:
    """Whole matches as RE2 finds them, in time that the pattern cannot blow up."""
    texts = [
        "",
        "a",
        "b",
        "ab",
        "c",
        "aab",
        "abc",
        "a" * 30,
        "x@y.com",
        "x@y.de",
        "STRASSE12",
        "a.b",
        "a\nb",
        "éü",
        "é1",
        "x",
    ]
    node = onnx.helper.make_node("RegexFullMatch", ["x"], ["y"], pattern=pattern)
    x = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.STRING, ["N"])
    y = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.BOOL, ["N"])
    opset = [onnx.helper.make_opsetid("", 20)]
    graph = onnx.helper.make_graph([node], "g", [x], [y])
    model = onnx.helper.make_model(graph, opset_imports=opset, ir_version=10).SerializeToString()
    feeds = {"x": np.array(texts, object)}
    theirs = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    np.testing.assert_array_equal(sard.InferenceSession(model).run(None, feeds)[0], theirs.run(None, feeds)[0])


def test_random_is_a_function_of_the_seed() -> None:
    """The same seed draws the same numbers, another one others; their mean and spread are what was asked for."""
    text = """<ir_version: 10, opset_import: ["" : 22]>
    m () => (float[N] a, float[N] b, float[N] c, float[N] u) {
      a = RandomNormal <shape = [20000], seed = 1.0, mean = 2.0, scale = 3.0> ()
      b = RandomNormal <shape = [20000], seed = 1.0, mean = 2.0, scale = 3.0> ()
      c = RandomNormal <shape = [20000], seed = 2.0> ()
      u = RandomUniform <shape = [20000], low = -1.0, high = 3.0> ()
    }"""
    a, b, c, u = sard.InferenceSession(parser.parse_model(text).SerializeToString()).run(None, {})
    np.testing.assert_array_equal(a, b)
    assert abs(a.mean() - 2) < 0.1 and abs(a.std() - 3) < 0.1
    assert abs(c.mean()) < 0.05 and abs(np.corrcoef(a, c)[0, 1]) < 0.05
    assert u.min() >= -1 and u.max() <= 3 and abs(u.mean() - 1) < 0.05
