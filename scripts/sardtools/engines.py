"""Inference engines by name, behind the one interface they share: ONNX Runtime's Python names.

A script that can run on more than one engine takes `--engine sard|onnxruntime` and opens its models here, so that both
are given the same options.
"""

from __future__ import annotations

import importlib
import os
from types import ModuleType

ENGINES = ("sard", "onnxruntime")

# The optimisation levels by their short names, lowest first.
LEVELS = {
    "none": "ORT_DISABLE_ALL",
    "basic": "ORT_ENABLE_BASIC",
    "extended": "ORT_ENABLE_EXTENDED",
    "all": "ORT_ENABLE_ALL",
}


class EngineMissing(Exception):
    """The engine's Python package cannot be imported here."""


def load_engine(name: str) -> ModuleType:
    """Imports an engine's package, quiet and with its telemetry off."""
    if name not in ENGINES:
        raise EngineMissing(f"unknown engine '{name}': expected one of {', '.join(ENGINES)}")
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        module = importlib.import_module(name)
    except ImportError as e:
        hint = "build it with `make` and run `scripts/setup`" if name == "sard" else f"pip install {name}"
        raise EngineMissing(f"the Python package '{name}' cannot be imported ({e}): {hint}") from e
    module.set_default_logger_severity(4)
    return module


def session_options(engine: ModuleType, *, level: str = "all", threads: int = 1):
    """SessionOptions for one engine: `level` is a key of LEVELS, `threads` the number of compute threads."""
    options = engine.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    options.graph_optimization_level = getattr(engine.GraphOptimizationLevel, LEVELS[level])
    return options


def open_session(engine: ModuleType, model: str | bytes | os.PathLike, *, level: str = "all", threads: int = 1):
    """An InferenceSession over a model's path or bytes, on the CPU."""
    if isinstance(model, os.PathLike):
        model = os.fspath(model)
    options = session_options(engine, level=level, threads=threads)
    return engine.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def is_unsupported(engine_name: str, error: BaseException) -> bool:
    """Whether an engine's exception says "valid, but not offered here" rather than "wrong".

    sard says so by the exception's class alone; onnxruntime uses several classes and texts for it.
    """
    if type(error).__name__ == "NotImplemented":
        return True
    if engine_name != "onnxruntime":
        return False
    texts = (
        "is not a registered function",
        "No Op registered",
        "under development",
        "not implemented",
        "Not implemented",
        "not supported",
        "unsupported",
        "Unsupported",
        "Type Error",
    )
    return any(text in str(error) for text in texts)
