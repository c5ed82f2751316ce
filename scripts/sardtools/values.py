"""ONNX values as Python sees them (arrays, lists, dicts, None): reading the stored ones, comparing two of them.

Arrays of the types NumPy lacks (bfloat16, float8, 4-bit ...) are `ml_dtypes` arrays.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper


def read_value(path: Path, declared: onnx.TypeProto) -> Any:
    """Reads one stored `.pb` value whose type the model declares."""
    data = path.read_bytes()
    kind = declared.WhichOneof("value")
    if kind == "sequence_type":
        return numpy_helper.to_list(onnx.SequenceProto.FromString(data))
    if kind == "optional_type":
        return numpy_helper.to_optional(onnx.OptionalProto.FromString(data))
    if kind == "map_type":
        return numpy_helper.to_dict(onnx.MapProto.FromString(data))
    return np.asarray(numpy_helper.to_array(onnx.TensorProto.FromString(data)))


def difference(want: Any, got: Any, rtol: float, atol: float, where: str) -> str | None:
    """What is wrong with `got`, or None when it is within tolerance of `want`."""
    if want is None:
        return None if got is None else f"{where}: expected an absent optional, found {type(got).__name__}"
    if got is None:
        return f"{where}: found nothing"
    if isinstance(want, (list, tuple)):
        return _list_difference(want, got, rtol, atol, where)
    if isinstance(want, dict):
        return _dict_difference(want, got, rtol, atol, where)
    return _array_difference(np.asarray(want), np.asarray(got), rtol, atol, where)


def _list_difference(want, got, rtol: float, atol: float, where: str) -> str | None:
    if not isinstance(got, (list, tuple)):
        return f"{where}: expected a list, found {type(got).__name__}"
    if len(want) != len(got):
        return f"{where}: expected {len(want)} elements, found {len(got)}"
    for i, (w, g) in enumerate(zip(want, got)):
        problem = difference(w, g, rtol, atol, f"{where}[{i}]")
        if problem:
            return problem
    return None


def _dict_difference(want: dict, got, rtol: float, atol: float, where: str) -> str | None:
    if not isinstance(got, dict):
        return f"{where}: expected a dict, found {type(got).__name__}"
    if want.keys() != got.keys():
        return f"{where}: expected keys {list(want)[:4]}, found {list(got)[:4]}"
    for key in want:
        problem = difference(want[key], got[key], rtol, atol, f"{where}[{key!r}]")
        if problem:
            return problem
    return None


def form_difference(want: Any, got: Any, where: str) -> str | None:
    """What is wrong with a tensor's shape or type, whatever its values."""
    want, got = np.asarray(want), np.asarray(got)
    if want.shape != got.shape:
        return f"{where}: expected shape {want.shape}, found {got.shape}"
    if want.dtype != got.dtype and not (_is_text(want) and _is_text(got)):
        return f"{where}: expected {want.dtype}, found {got.dtype}"
    return None


def _is_text(a: np.ndarray) -> bool:
    return a.dtype.kind in "OUST"


def _array_difference(want: np.ndarray, got: np.ndarray, rtol: float, atol: float, where: str) -> str | None:
    problem = form_difference(want, got, where)
    if problem:
        return problem
    if _is_text(want):
        w, g = _strings(want), _strings(got)
        return None if w == g else f"{where}: expected strings {w[:4]}, found {g[:4]}"
    close = is_close(want, got, rtol, atol)
    if close.all():
        return None
    bad = np.argwhere(~close)
    first = tuple(bad[0])
    return (
        f"{where}: {len(bad)} of {want.size} elements differ, first at {[int(i) for i in first]}: "
        f"expected {want[first]}, found {got[first]}"
    )


def _strings(a: np.ndarray) -> list[str]:
    return [x.decode() if isinstance(x, bytes) else str(x) for x in a.ravel()]


def is_close(want: np.ndarray, got: np.ndarray, rtol: float, atol: float) -> np.ndarray:
    """Element by element, as ONNX's backend runner compares: |got - want| <= atol + rtol |want|, NaN equals NaN.

    bfloat16 has a relative tolerance of at least 2^-6 there. Equal integers are equal whatever their size.
    """
    if want.dtype.name == "bfloat16":
        rtol = max(rtol, 2.0**-6)
    if want.dtype.kind == "c":
        return np.isclose(got, want, rtol=rtol, atol=atol, equal_nan=True)
    equal = np.asarray(got == want)
    with np.errstate(all="ignore"):
        w, g = want.astype(np.float64), got.astype(np.float64)
        return equal | np.isclose(g, w, rtol=rtol, atol=atol, equal_nan=True)
