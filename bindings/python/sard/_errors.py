"""Exception classes: onnxruntime's names, raised for sard's status codes."""
from sard import _sard


class Fail(Exception):
    """Anything without a class of its own."""


class InvalidArgument(Exception):
    """A wrong name, element type, rank or shape, or a malformed option."""


class NoSuchFile(Exception):
    """The model, or its external data, is not there."""


class NoModel(Exception):
    """A session without a model."""


class EngineError(Exception):
    """Kept for programs that catch it; never raised."""


class RuntimeException(Exception):
    """A run that could not be finished: cancelled, out of time, over its limit, or a rule broken by the data."""


class InvalidProtobuf(Exception):
    """The bytes are not an ONNX model."""


class ModelLoaded(Exception):
    """Kept for programs that catch it; never raised."""


class NotImplemented(Exception):  # noqa: A001  (onnxruntime's name)
    """A valid model that needs an operator, type or version which this build does not offer."""


class InvalidGraph(Exception):
    """A model that breaks the standard."""


class EPFail(Exception):
    """A missing execution provider."""


class ModelLoadCanceled(Exception):
    """Kept for programs that catch it; never raised."""


class ModelRequiresCompilation(Exception):
    """Kept for programs that catch it; never raised."""


class NotFound(Exception):
    """Kept for programs that catch it; never raised."""


class DeviceReset(Exception):
    """Kept for programs that catch it; never raised."""


# In the order of sard_status: OK, INVALID_ARGUMENT, NO_SUCH_FILE, IO, INVALID_PROTOBUF, INVALID_MODEL, UNSUPPORTED,
# OUT_OF_MEMORY, LIMIT, CANCELLED, DEADLINE, RUNTIME, INTERNAL.
_sard.set_exceptions((Fail, InvalidArgument, NoSuchFile, Fail, InvalidProtobuf, InvalidGraph, NotImplemented,
                      MemoryError, RuntimeException, RuntimeException, RuntimeException, RuntimeException, Fail))
