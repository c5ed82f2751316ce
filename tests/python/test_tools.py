"""The scripts' own helpers: that a comparison sees what it must see, and that a dying or hanging child is an answer."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import ml_dtypes
import numpy as np
import onnx
import pytest
from sardtools import faces, magika_files, models, official, table, timing, workers
from sardtools.values import difference

CHILD = """
import os, sys, time
sys.path.insert(0, {scripts!r})
from sardtools.workers import serve

def answer(question):
    print("noise on stdout")
    if question == "die":
        os.abort()
    if question == "hang":
        time.sleep(60)
    if question == "eat":
        bytearray(8 << 30)
    return {{"status": "pass", "reason": question}}

serve(answer, 4 << 30)
"""


@pytest.mark.parametrize(
    "want, got",
    [
        (np.float32([1, 2]), np.float32([1, 2.01])),
        (np.float32([1, 2]), np.float64([1, 2])),
        (np.float32([1, 2]), np.float32([[1, 2]])),
        (np.float32([1, np.nan]), np.float32([1, 2])),
        (np.float32([np.inf]), np.float32([-np.inf])),
        (np.int64([2**62]), np.int64([-(2**62)])),
        (np.array(["a"], object), np.array(["b"], object)),
        (np.array([True]), np.array([False])),
        (np.array([1.0], ml_dtypes.bfloat16), np.array([1.05], ml_dtypes.bfloat16)),
        (np.array([3], ml_dtypes.int4), np.array([4], ml_dtypes.int4)),
        ([np.float32([1])], [np.float32([1]), np.float32([1])]),
        ([np.float32([1])], np.float32([1])),
        ({"a": 1.0}, {"b": 1.0}),
        ({"a": 1.0}, {"a": 2.0}),
        (np.float32([1]), None),
        (None, np.float32([1])),
    ],
)
def test_difference_is_seen(want, got) -> None:
    assert difference(want, got, 1e-3, 1e-7, "y")


@pytest.mark.parametrize(
    "want, got",
    [
        (np.float32([1, np.nan, np.inf, -0.0]), np.float32([1.0005, np.nan, np.inf, 0.0])),
        (np.array(["a", "ä"], object), np.array(["a", "ä".encode()], object)),
        (np.array([1.0], ml_dtypes.bfloat16), np.array([1.0078], ml_dtypes.bfloat16)),
        (np.array([np.nan, 2], ml_dtypes.float8_e4m3fn), np.array([np.nan, 2], ml_dtypes.float8_e4m3fn)),
        (np.uint64([2**64 - 1]), np.uint64([2**64 - 1])),
        (np.zeros((0, 3), np.float32), np.zeros((0, 3), np.float32)),
        ([np.int64([1]), []], [np.int64([1]), []]),
        (None, None),
    ],
)
def test_no_difference(want, got) -> None:
    assert difference(want, got, 1e-3, 1e-7, "y") is None


def test_worker_survives_its_child() -> None:
    scripts = str(Path(workers.__file__).parents[1])
    worker = workers.Worker([sys.executable, "-c", CHILD.format(scripts=scripts)], time_limit=5.0)
    try:
        assert worker.ask("one") == {"status": "pass", "reason": "one"}
        assert worker.ask("die") == {"status": "crash", "reason": "ended by signal 6"}
        assert worker.ask("two")["status"] == "pass"
        assert worker.ask("hang")["status"] == "timeout"
        assert worker.ask("three")["status"] == "pass"
        assert worker.ask("eat")["status"] == "crash"
    finally:
        worker.close()


def test_paired_ratio(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that gets slower and slower; by a clock of the test's own, which only the calls move."""
    now = 0.0

    def work(seconds: float):
        def call() -> None:
            nonlocal now
            now += seconds * (1 + 20 * now)

        return call

    monkeypatch.setattr(timing, "time", SimpleNamespace(perf_counter=lambda: now))
    samples = timing.interleave({"long": work(4e-4), "short": work(1e-4)}, seconds=0.3, sample=0.002)
    assert 2 < timing.ratio(samples, "long", "short") < 8
    assert samples["long"].best <= samples["long"].median
    assert len(samples["long"].seconds) == len(samples["short"].seconds) >= 5
    assert max(samples["short"].seconds) > samples["long"].best  # so that the pairing is what tells them apart


def test_tables() -> None:
    lines = table.text_table(["a", "n"], [["x", 1], ["yy", 20]]).splitlines()
    assert lines == ["  a    n", "  --  --", "  x    1", "  yy  20"]
    assert table.markdown_table(["a", "n"], [["x|y", "1.5 %"]]) == "| a | n |\n|---|---:|\n| x\\|y | 1.5 % |"


@pytest.mark.parametrize("name", ["mlp", "transformer2"])
def test_models_are_valid_and_reproducible(name: str, tmp_path: Path) -> None:
    paths = [models.model(name, tmp_path / folder).path for folder in ("a", "b")]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    onnx.checker.check_model(onnx.load(paths[0]), full_check=True)


def test_magika_features_are_the_package_s_own(tmp_path: Path) -> None:
    """Beside the code of the installed package, on files of every relevant length."""
    pytest.importorskip("onnxruntime")
    from magika import Magika
    from magika.types import Seekable

    model = magika_files.find_model()
    for size in (8, 1000, 1024, 1500, 4096, 5000, 9000):
        path = tmp_path / f"{size}.txt"
        path.write_bytes((b"  \n" + bytes(range(32, 127)) * 100)[: size - 2] + b"\n ")
        with path.open("rb") as f:
            own = Magika._extract_features_from_seekable(
                Seekable(f), model.begin, 0, model.end, model.padding, model.block, False
            )
        row = model.features(path)
        if row is not None:
            assert row.tolist() == own.beg + own.end


def test_faces_that_overlap_are_one() -> None:
    scores = np.float32([[[0.1, 0.9], [0.05, 0.95], [0.2, 0.8], [0.9, 0.1]]])
    boxes = np.float32([[[0.1, 0.1, 0.3, 0.3], [0.11, 0.1, 0.31, 0.3], [0.6, 0.6, 0.8, 0.8], [0, 0, 1, 1]]])
    assert [round(face[0], 2) for face in faces.find_faces(scores, boxes)] == [0.95, 0.8]


def test_operators_of_bodies_are_found() -> None:
    body = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "body", [], [])
    node = onnx.helper.make_node("If", ["c"], ["z"], then_branch=body, else_branch=body)
    assert official.operators(onnx.helper.make_graph([node], "g", [], [])) == {"If", "Relu"}
