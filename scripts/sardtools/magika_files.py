"""The real model that PyPI's `magika` package ships, and the files it is asked about.

The package itself is not imported here (it would import onnxruntime); only its model and configuration are read, and
its documented features are taken: the first and last 1,024 bytes of a file's first and last 4,096, white space
stripped, padded with 256.
"""

from __future__ import annotations

import importlib.util
import json
import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass
class MagikaModel:
    """The shipped model: its path and its configuration."""

    path: Path
    labels: list[str]
    begin: int
    end: int
    padding: int
    block: int
    least_size: int

    def features(self, file: Path) -> np.ndarray | None:
        """The model's input row for a file, int32, or None when the file has too few bytes for an answer."""
        size = file.stat().st_size
        with file.open("rb") as f:
            head = f.read(self.block).lstrip()[: self.begin]
            f.seek(max(0, size - self.block))
            tail = f.read(self.block).rstrip()[-self.end :]
        if size < self.least_size or len(head) < self.least_size:
            return None
        row = np.full(self.begin + self.end, self.padding, np.int32)
        row[: len(head)] = np.frombuffer(head, np.uint8)
        if tail:
            row[-len(tail) :] = np.frombuffer(tail, np.uint8)
        return row


def find_model() -> MagikaModel:
    """The model of the installed `magika` package."""
    spec = importlib.util.find_spec("magika")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("the Python package 'magika' is not installed: pip install magika")
    models = Path(spec.submodule_search_locations[0]) / "models"
    folder = sorted(p.parent for p in models.glob("*/model.onnx"))[-1]
    config = json.loads((folder / "config.min.json").read_text())
    return MagikaModel(
        folder / "model.onnx",
        config["target_labels_space"],
        config["beg_size"],
        config["end_size"],
        config["padding_token"],
        config["block_size"],
        config["min_file_size_for_dl"],
    )


def collect_files(folders: list[Path], model: MagikaModel, most: int, per_suffix: int = 8) -> list[Path]:
    """Up to `most` files below the folders, of as many kinds as there are, the same ones on each call."""
    by_suffix: dict[str, list[Path]] = defaultdict(list)
    for folder in folders:
        for path in _walk(folder):
            suffix = path.suffix or path.name
            if len(by_suffix[suffix]) < per_suffix and model.features(path) is not None:
                by_suffix[suffix].append(path)
    found: list[Path] = []
    for turn in range(per_suffix):
        found += [files[turn] for _, files in sorted(by_suffix.items()) if turn < len(files)]
    return sorted(found[:most])


def _walk(folder: Path) -> Iterator[Path]:
    """All plain files below a folder in a fixed order, without what is built, installed or versioned there."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if f not in (".git", ".venv", "build", "site-packages", ".pytest_cache"))
        for name in sorted(files):
            path = Path(place) / name
            if path.is_file() and not path.is_symlink():
                yield path
