"""silero-vad, a real recurrent model: where in a recording somebody speaks. Also where the model comes from.

The model takes pieces of 32 ms with the last 4 ms of the piece before, and carries its state from call to call.
"""

from __future__ import annotations

import subprocess
import sys
import wave
import zipfile
from pathlib import Path

import numpy as np

WHEEL = "silero-vad"
WHEEL_MEMBER = "silero_vad/data/silero_vad.onnx"


def fetch_model(folder: Path) -> Path:
    """The model out of PyPI's `silero-vad` wheel, downloaded once into `folder` without its dependencies."""
    path = folder / "silero_vad.onnx"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), WHEEL]
        subprocess.run(command, check=True, capture_output=True, text=True)
        wheel = next(folder.glob("silero_vad-*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            data = archive.read(WHEEL_MEMBER)
        fresh = path.with_suffix(".new")
        fresh.write_bytes(data)
        fresh.rename(path)
    return path


def speak(text: str, path: Path) -> None:
    """Writes the text, spoken by espeak-ng, as a WAV file."""
    subprocess.run(["espeak-ng", "-v", "en", "-s", "150", "-w", str(path), text], check=True)


def read_wav(path: Path, rate: int) -> np.ndarray:
    """A mono 16-bit WAV file as float32 in [-1, 1), resampled to `rate`."""
    from scipy.signal import resample_poly

    with wave.open(str(path)) as f:
        if f.getsampwidth() != 2 or f.getnchannels() != 1:
            found = f"{8 * f.getsampwidth()}-bit, {f.getnchannels()} channels"
            raise ValueError(f"{path}: expected 16-bit mono, found {found}")
        own_rate = f.getframerate()
        samples = np.frombuffer(f.readframes(f.getnframes()), "<i2").astype(np.float32) / 32768
    return resample_poly(samples, rate, own_rate).astype(np.float32)


def chances(session, samples: np.ndarray, rate: int) -> tuple[np.ndarray, np.ndarray]:
    """The chance of speech in each piece of 32 ms, and the last state.

    `samples` is one recording, or several of one length as rows: each column of the result is one of them.
    """
    rows = np.atleast_2d(samples)
    piece, context = rate * 32 // 1000, rate * 4 // 1000
    state = np.zeros((2, len(rows), 128), np.float32)
    before = np.zeros((len(rows), context), np.float32)
    answers = []
    for start in range(0, rows.shape[1] - piece + 1, piece):
        x = np.concatenate([before, rows[:, start : start + piece]], axis=1)
        before = x[:, -context:]
        chance, state = session.run(None, {"input": x, "state": state, "sr": np.array(rate, np.int64)})
        answers.append(chance[:, 0])
    return np.stack(answers), state


def stretches(chance: np.ndarray, threshold: float = 0.5, piece: float = 0.032) -> list[tuple[float, float]]:
    """(start, end) in seconds of the stretches in which the chance is above the threshold."""
    above = np.concatenate([[False], chance > threshold, [False]])
    edges = np.flatnonzero(above[1:] != above[:-1])
    return [(start * piece, end * piece) for start, end in zip(edges[::2], edges[1::2])]
