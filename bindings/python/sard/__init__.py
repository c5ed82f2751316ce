"""sard runs ONNX models on the CPU with one answer: the same bits for every batch, thread count and instruction set.

The names are onnxruntime's:

    import sard
    session = sard.InferenceSession("model.onnx")
    scores, = session.run(None, {"x": array})

`import sard.standin` (or `python -m sard.standin program.py`) lets programs written against onnxruntime run on sard.
"""
from sard import _sard
from sard._errors import (  # noqa: F401
    DeviceReset, EngineError, EPFail, Fail, InvalidArgument, InvalidGraph, InvalidProtobuf, ModelLoadCanceled,
    ModelLoaded, ModelRequiresCompilation, NoModel, NoSuchFile, NotFound, NotImplemented, RuntimeException,
)
from sard._options import (  # noqa: F401
    ExecutionMode, ExecutionOrder, GraphOptimizationLevel, RunOptions, SessionOptions,
)
from sard._session import PROVIDERS, InferenceSession, ModelMetadata, NodeArg, _severity  # noqa: F401
from sard._values import IOBinding, OrtDevice, OrtValue, SparseTensor  # noqa: F401

__version__ = _sard.version
SessionIOBinding = IOBinding


def get_available_providers():
    """The execution providers of this build."""
    return list(PROVIDERS)


get_all_providers = get_available_providers


def get_device():
    return "CPU"


def get_version_string():
    return __version__


def get_build_info():
    return f"sard {__version__}, ONNX opset {_sard.onnx_opset}, IR version {_sard.onnx_ir_version}"


def set_default_logger_severity(severity):
    """0 verbose, 1 info, 2 warning, 3 error, 4 fatal: of sessions made afterwards."""
    if not 0 <= int(severity) <= 4:
        raise InvalidArgument(f"severity {severity}; 0 to 4 are allowed")
    _severity[0] = int(severity)


def set_default_logger_verbosity(level):
    """Kept for programs that call it: there are no levels below verbose."""


def disable_telemetry_events():
    """There is none."""


def enable_telemetry_events():
    """There is none, and there will be none."""


def set_seed(seed):
    """Kept for programs that call it: random operators are keyed by node, the same on every run."""


def preload_dlls(*args, **kwargs):
    """Nothing to load."""
