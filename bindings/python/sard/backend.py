"""The ONNX backend interface (onnx.backend.base): prepare, run_model, supports_device."""
import os

from sard._errors import InvalidArgument, NotImplemented
from sard._options import SessionOptions
from sard._session import InferenceSession

try:
    from onnx.backend.base import Backend as _Backend
    from onnx.backend.base import BackendRep as _BackendRep
except ImportError:  # the interface is there without the onnx package, too
    _Backend = _BackendRep = object


class BackendRep(_BackendRep):
    """A prepared model."""

    def __init__(self, session):
        self._session = session

    def run(self, inputs, **kwargs):
        """inputs: a list in the model's order, a dict by name, or one array."""
        ports = self._session.get_inputs()
        if isinstance(inputs, dict):
            feed = inputs
        else:
            values = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
            names = [p.name for p in ports]
            if len(values) > len(names):
                names += [p.name for p in self._session.get_overridable_initializers()]
            if len(values) > len(names):
                raise InvalidArgument(f"{len(values)} inputs for a model that takes {len(names)}")
            feed = dict(zip(names, values))
        return self._session.run(None, feed)


class Backend(_Backend):
    """sard as an ONNX backend."""

    @classmethod
    def is_compatible(cls, model, device="CPU", **kwargs):
        try:
            cls.prepare(model, device, **kwargs)
        except NotImplemented:
            return False
        return True

    @classmethod
    def supports_device(cls, device):
        return device.upper().split(":")[0] == "CPU"

    @classmethod
    def prepare(cls, model, device="CPU", **kwargs):
        """model: a path, bytes, or a ModelProto."""
        if not cls.supports_device(device):
            raise InvalidArgument(f"device '{device}' is not there; this build has 'CPU'")
        if isinstance(model, InferenceSession):
            return BackendRep(model)
        options = kwargs.pop("sess_options", None) or SessionOptions()
        for name, value in kwargs.items():
            if hasattr(options, name) and not name.startswith("_"):
                setattr(options, name, value)
        source = model if isinstance(model, (str, bytes, os.PathLike)) else model.SerializeToString()
        return BackendRep(InferenceSession(source, options))

    @classmethod
    def run_model(cls, model, inputs, device="CPU", **kwargs):
        return cls.prepare(model, device, **kwargs).run(inputs)

    @classmethod
    def run_node(cls, node, inputs, device="CPU", outputs_info=None, **kwargs):
        raise NotImplementedError("a node needs a model around it: use run_model")


is_compatible = Backend.is_compatible
supports_device = Backend.supports_device
prepare = Backend.prepare
run = run_model = Backend.run_model
run_node = Backend.run_node
