"""Libraries of custom operators in the Python package: one made for the C tests, and onnxruntime-extensions."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto as T
from onnx import helper as h
from test_onnx_roundtrip import BUILD

import sard

LIBRARY = BUILD / "tests" / "libcustom_library.so"


def model(nodes, inputs, outputs, domain):
    graph = h.make_graph(nodes, "custom", inputs, outputs)
    opsets = [h.make_opsetid("", 17), h.make_opsetid(domain, 1)]
    return h.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


def negated():
    node = h.make_node("Negated", ["x"], ["y"], name="mine", domain="test.custom")
    x, y = (h.make_tensor_value_info(name, T.FLOAT, ["N"]) for name in "xy")
    return model([node], [x], [y], "test.custom")


@pytest.fixture
def options():
    if not LIBRARY.exists():
        pytest.skip(f"{LIBRARY} is not built")
    o = sard.SessionOptions()
    o.register_custom_ops_library(LIBRARY)
    return o


@pytest.mark.parametrize("again", [lambda o: o, copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
def test_operator_of_a_library(options, again):
    s = sard.InferenceSession(negated(), again(options))
    x = np.array([1, -2.5], np.float32)

    def run():
        for _ in range(20):
            np.testing.assert_array_equal(s.run(None, {"x": x})[0], -x)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    run()


def test_session_outlives_its_options(options):
    s = sard.InferenceSession(negated(), options)
    del options
    np.testing.assert_array_equal(s.run(None, {"x": np.ones(1, np.float32)})[0], [-1])


def test_what_is_wrong_is_told(options):
    with pytest.raises(Exception, match=r"test\.custom\.Negated"):
        sard.InferenceSession(negated())
    o = sard.SessionOptions()
    with pytest.raises(Exception, match="libnowhere"):
        o.register_custom_ops_library("libnowhere.so")
    with pytest.raises(Exception, match="RegisterCustomOps"):
        o.register_custom_ops_library("libm.so.6")


def test_onnxruntime_extensions():
    """Its operators, tokenisers among them, give what they give with the official engine."""
    pytest.importorskip("onnxruntime_extensions")
    script = Path(__file__).with_name("extensions_cases.py")
    official, own = (
        json.loads(subprocess.run([sys.executable, script, name], check=True, capture_output=True).stdout)
        for name in ("onnxruntime", "sard")
    )
    assert len(official) > 20
    for expected, found in zip(official, own, strict=True):
        assert found == expected
