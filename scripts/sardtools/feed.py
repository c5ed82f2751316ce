"""Running a session on values of every ONNX type, whatever the engine's Python can take directly.

sard takes and gives `ml_dtypes` arrays as they are. onnxruntime's Python only knows NumPy's own types, so the others
travel as OrtValue bytes there.
"""

from __future__ import annotations

import ctypes
from types import ModuleType
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

_LAST_NUMPY_TYPE = 13  # TensorProto.UINT64: up to here NumPy has every type


def run(engine: ModuleType, session, model: onnx.ModelProto, feed: dict[str, Any]) -> list[Any]:
    """All outputs of the model's graph, in order."""
    names = [o.name for o in model.graph.output]
    if engine.__name__ != "onnxruntime":
        return session.run(names, feed)
    own = {i.name for i in model.graph.initializer}
    declared = [v.type for v in list(model.graph.input) + list(model.graph.output) if v.name not in own]
    if all(_element_type(t) <= _LAST_NUMPY_TYPE for t in declared):
        return session.run(names, {k: _plain_map(v) for k, v in feed.items()})
    given = {k: _to_ort_value(engine, v) for k, v in feed.items()}
    return [_from_ort_value(v) for v in session.run_with_ort_values(names, given)]


def _element_type(declared: onnx.TypeProto) -> int:
    kind = declared.WhichOneof("value")
    if kind == "tensor_type":
        return declared.tensor_type.elem_type
    if kind in ("sequence_type", "optional_type"):
        return _element_type(getattr(declared, kind).elem_type)
    return 1


def _plain_map(value: Any) -> Any:
    """onnxruntime wants maps of plain Python values."""
    if not isinstance(value, dict):
        return value
    return {k.decode() if isinstance(k, bytes) else k: np.asarray(v).item() for k, v in value.items()}


def _to_ort_value(engine: ModuleType, array: np.ndarray):
    tensor = numpy_helper.from_array(array)
    if tensor.data_type <= _LAST_NUMPY_TYPE:
        return engine.OrtValue.ortvalue_from_numpy(np.array(array, order="C"))
    value = engine.OrtValue.ortvalue_from_shape_and_type(list(array.shape), int(tensor.data_type))
    if tensor.raw_data:
        ctypes.memmove(value.data_ptr(), tensor.raw_data, len(tensor.raw_data))
    return value


def _from_ort_value(value) -> np.ndarray:
    if value.element_type() <= _LAST_NUMPY_TYPE:
        return value.numpy()
    size = value.tensor_size_in_bytes()
    tensor = onnx.TensorProto(data_type=value.element_type(), dims=value.shape())
    tensor.raw_data = ctypes.string_at(value.data_ptr(), size) if size else b""
    return numpy_helper.to_array(tensor)
