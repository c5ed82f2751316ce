"""Magika's model computed in double precision by NumPy: the answer that engines' answers in float are measured against.

The model takes variances as E[x^2] - E[x]^2 over 512 numbers, which magnifies the rounding of both sums a thousandfold:
engines that compute in float differ in the third digit where a score is not near 0 or 1. Which of them is nearer the
model's meaning, only a computation with twice the digits can say.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

PREFIX = "jax2tf_get_logits_/"
NETWORK = PREFIX + "pjit_get_logits_/MagikaV2/"
BATCH = 8  # files at a time, for the memory's sake


def scores(path: Path, rows: np.ndarray) -> np.ndarray:
    """The model's output [files, labels] in double for its input rows [files, 2048]."""
    weights = {
        tensor.name.removeprefix(NETWORK).removeprefix(PREFIX): numpy_helper.to_array(tensor).astype(np.float64)
        for tensor in onnx.load(path).graph.initializer
    }
    return np.concatenate([_scores(weights, rows[i : i + BATCH]) for i in range(0, len(rows), BATCH)])


def _scores(w: dict[str, np.ndarray], rows: np.ndarray) -> np.ndarray:
    # bytes -> 64 numbers each -> 512 positions of four bytes
    x = _gelu(w, w["Const:0"][rows] + w["Dense_0/Reshape:0"]).reshape(len(rows), 512, 256)
    x = _normalize(w, x, "LayerNorm_0")
    kernel = w["Conv_0/transpose_3:0"][..., 0]  # [outputs, inputs, 5]
    taps = kernel.shape[2]
    ends = x.shape[1] - taps + 1
    x = sum(x[:, t : t + ends] @ kernel[:, :, t].T for t in range(taps))  # [files, positions, outputs]
    x = _gelu(w, x + w["const_fold_opt__209"].reshape(-1)).max(axis=1)
    x = _normalize(w, x, "LayerNorm_1") @ w["Const_24:0"] + w["Dense_1/Reshape:0"]
    x = np.exp(x - x.max(axis=1, keepdims=True))
    return x / x.sum(axis=1, keepdims=True)


def _gelu(w: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    inner = w["Const_15:0"] * (x + x * (x * (x * w["Const_2:0"])))
    return x * (w["Const_17:0"] * (w["Const_4:0"] + np.tanh(inner)))


def _normalize(w: dict[str, np.ndarray], x: np.ndarray, layer: str) -> np.ndarray:
    """Over axis 1."""
    mean = x.mean(axis=1, keepdims=True)
    variance = np.maximum((x * x).mean(axis=1, keepdims=True) - mean * mean, 0)
    factor = w[f"{layer}/Reshape_2:0"] / np.sqrt(variance + w["Const_21:0"])
    return (x - mean) * factor + w[f"{layer}/Reshape_3:0"]
