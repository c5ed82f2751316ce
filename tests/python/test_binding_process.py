"""The Python package in its process: threads, forks, pickles, memory; and standing in for onnxruntime."""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest
from conftest import REPO
from onnx import helper
from test_binding import FLOAT_X, STR, identity, model, scaled, tensor

sard = pytest.importorskip("sard")


# ---- threads, processes, memory ------------------------------------------------------------------------------------


def test_concurrent_runs_on_one_session():
    session = sard.InferenceSession(scaled())
    wrong = []

    def work(seed):
        x = np.random.default_rng(seed).standard_normal((5 + seed, 3)).astype(np.float32)
        for _ in range(200):
            if not np.array_equal(session.run(None, {"x": x})[0], x * 2 + 1):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert wrong == []


def test_sessions_and_options_are_pickled(tmp_path):
    options = sard.SessionOptions()
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.set_denormal_as_zero", "0")
    path = tmp_path / "m.onnx"
    path.write_bytes(scaled())
    for source in (scaled(), str(path)):
        session = pickle.loads(pickle.dumps(sard.InferenceSession(source, options)))
        assert session.get_session_options().intra_op_num_threads == 1
        assert np.array_equal(session.run(None, {"x": FLOAT_X})[0], FLOAT_X * 2 + 1)


def test_a_fork_can_run_the_parents_session():
    code = textwrap.dedent("""
        import os, sys, numpy as np, sard
        x = np.ones((300, 300), np.float32)
        options = sard.SessionOptions()
        options.intra_op_num_threads = 2
        session = sard.InferenceSession(sys.stdin.buffer.read(), options)
        want = session.run(None, {"a": x, "b": x})[0]
        child = os.fork()
        if child == 0:
            same = all(np.array_equal(session.run(None, {"a": x, "b": x})[0], want) for _ in range(20))
            os._exit(0 if same else 1)
        _, status = os.waitpid(child, 0)
        assert status == 0, status
        assert np.array_equal(session.run(None, {"a": x, "b": x})[0], want)
    """)
    nodes = [helper.make_node("MatMul", ["a", "b"], ["y"])]
    data = model(nodes, [tensor("a"), tensor("b")], [tensor("y")])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], input=data, capture_output=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


def resident():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="no /proc")
def test_nothing_leaks_over_many_runs():
    session, strings = sard.InferenceSession(scaled()), identity(STR)
    x, s = np.ones((500, 3), np.float32), np.array(["text"] * 50)
    value = sard.OrtValue.ortvalue_from_numpy(x)

    def rounds(n):
        for i in range(n):
            session.run(None, {"x": x})
            session.run_with_ort_values(None, {"x": value})
            if i % 10 == 0:
                strings.run(None, {"x": s})
                with pytest.raises(sard.InvalidArgument):
                    session.run(None, {"z": x})

    rounds(500)
    before = resident()
    rounds(5000)
    assert resident() - before < 4 << 20


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="no /proc")
def test_nothing_leaks_over_many_loads():
    def rounds(n):
        for _ in range(n):
            sard.InferenceSession(scaled()).run(None, {"x": FLOAT_X})
            with pytest.raises(sard.InvalidProtobuf):
                sard.InferenceSession(b"\xff" * 50)

    rounds(100)
    before = resident()
    rounds(300)
    assert resident() - before < 4 << 20


# ---- standing in for onnxruntime -----------------------------------------------------------------------------------

PROGRAM = """
import sys
import numpy as np
import onnxruntime as ort
from onnxruntime import InferenceSession, SessionOptions
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument
from onnxruntime.capi import _pybind_state as C
import onnxruntime.backend
session = InferenceSession(sys.argv[1], SessionOptions(), providers=["CPUExecutionProvider"])
(y,) = session.run([session.get_outputs()[0].name], {session.get_inputs()[0].name: np.ones((1, 3), np.float32)})
try:
    session.run(None, {"wrong": y})
except InvalidArgument as e:
    assert "wrong" in str(e)
else:
    raise SystemExit("no error")
assert ort.__version__.count(".") == 2 and C.InvalidArgument is InvalidArgument
print(type(session).__module__.split(".")[0], y.tolist())
"""


def test_standin_runs_programs_written_for_onnxruntime(tmp_path):
    (tmp_path / "m.onnx").write_bytes(scaled())
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    for how in (["program.py"], ["-m", "program"]):
        done = subprocess.run(
            [sys.executable, "-m", "sard.standin", *how, "m.onnx"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.split(maxsplit=1) == ["sard", "[[3.0, 3.0, 3.0]]\n"]


def test_the_programs_of_the_manual_run(tmp_path, monkeypatch):
    page = (REPO / "docs" / "python.md").read_text(encoding="utf-8")
    programs = re.findall(r"```python\n(.*?)```", page, re.S)
    (tmp_path / "model.onnx").write_bytes(scaled())
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for program in programs:
        exec(program, names)
    assert len(programs) == 3 and np.array_equal(names["inner"], names["x"] * 2)
    assert np.array_equal(names["out"], names["x"] * 2 + 1)
