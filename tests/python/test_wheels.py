"""Real models that PyPI's wheels ship, beside onnxruntime: magika, by itself and through its own package, and
silero-vad over a recording, with its state carried from call to call.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import REPO

pytest.importorskip("sard")

from sardtools import magika_double, magika_files, voice
from sardtools.engines import LEVELS, load_engine, open_session

PEER = "onnxruntime"
ASK_MAGIKA = """
import json, sys
import magika

result = magika.Magika().identify_paths(sys.argv[1:])
print(json.dumps([[str(r.path), r.output.label, r.dl.label, r.score] for r in result]))
"""


@pytest.fixture(scope="module")
def files() -> list[Path]:
    """Files of many kinds: this repository's and the Python installation's."""
    folders = [REPO, Path(os.__file__).parent]
    return magika_files.collect_files(folders, magika_files.find_model(), most=60, per_suffix=2)


@pytest.fixture(scope="module")
def exact(files: list[Path]) -> np.ndarray:
    """The scores of the files in double precision."""
    model = magika_files.find_model()
    return magika_double.scores(model.path, _features(files))


# onnxruntime's scores are off by as much (see magika_double), so they say only that this is the same model; sard's are
# held against the double ones.
PEER_ATOL = 2e-3


def _features(files: list[Path]) -> np.ndarray:
    model = magika_files.find_model()
    return np.stack([model.features(file) for file in files])


@pytest.mark.parametrize("level", list(LEVELS))
def test_magika_directly(files: list[Path], exact: np.ndarray, level: str) -> None:
    model = magika_files.find_model()
    ours, theirs = (
        open_session(load_engine(name), model.path, level=level).run(None, {"bytes": _features(files)})[0]
        for name in ("sard", PEER)
    )
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, exact, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(theirs, exact, rtol=0, atol=PEER_ATOL)
    assert (ours.argmax(1) == theirs.argmax(1)).all()


def test_magika_package_unmodified(files: list[Path], exact: np.ndarray) -> None:
    """The package imports onnxruntime; it must not notice that it gets sard."""
    answers = []
    for before in ("", "import sard.standin\n"):
        command = [sys.executable, "-c", before + ASK_MAGIKA, *map(str, files)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        answers.append(json.loads(done.stdout))
    theirs, ours = answers
    assert [row[:3] for row in ours] == [row[:3] for row in theirs]
    np.testing.assert_allclose([row[3] for row in ours], exact.max(1), rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose([row[3] for row in theirs], exact.max(1), rtol=0, atol=PEER_ATOL)


def _recording(rate: int) -> np.ndarray:
    """Four seconds of something like a voice that comes and goes, over noise; no speaker needed."""
    rng = np.random.default_rng(0)
    time = np.arange(4 * rate) / rate
    pitch = 120 + 25 * np.sin(2 * np.pi * 2.5 * time)
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    tones = sum(np.sin(k * phase) / k for k in range(1, 18))
    loud = (np.sin(2 * np.pi * 0.5 * time) > 0) * (0.6 + 0.4 * np.sin(2 * np.pi * 5 * time))
    return (0.15 * tones * loud + 0.003 * rng.standard_normal(len(time))).astype(np.float32)


@pytest.mark.parametrize("rate", [16000, 8000])
@pytest.mark.parametrize("level", list(LEVELS))
def test_silero_vad(model_folder: Path, rate: int, level: str) -> None:
    path = voice.fetch_model(model_folder)
    recordings = np.stack([_recording(rate), _recording(rate)[::-1]])
    answers = [
        voice.chances(open_session(load_engine(name), path, level=level), recordings, rate) for name in ("sard", PEER)
    ]
    for ours, theirs in zip(*answers):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
    assert answers[1][0].max() > 0.5 > answers[1][0].min()  # the recording has both in it
