"""NumPy arrays, lists, dicts <-> the engine's values.

Arrays go in and come out without a copy wherever memory is dense and row-major: a Value keeps the array alive, an array
keeps the Value alive. Types that NumPy lacks are those of ml_dtypes; 4- and 2-bit ones are packed and unpacked.
"""
import numpy as np

from sard import _sard

TENSOR, SPARSE, SEQUENCE, MAP, OPTIONAL = 1, 2, 3, 4, 5
STRING = 8
NATIVE = {  # TensorProto.DataType -> NumPy
    1: np.dtype(np.float32), 2: np.dtype(np.uint8), 3: np.dtype(np.int8), 4: np.dtype(np.uint16), 5: np.dtype(np.int16),
    6: np.dtype(np.int32), 7: np.dtype(np.int64), 9: np.dtype(np.bool_), 10: np.dtype(np.float16),
    11: np.dtype(np.float64), 12: np.dtype(np.uint32), 13: np.dtype(np.uint64), 14: np.dtype(np.complex64),
    15: np.dtype(np.complex128),
}
NUMBER_OF = {t: n for n, t in NATIVE.items()}
ML = {  # names in ml_dtypes; it is imported when one of these is met
    16: "bfloat16", 17: "float8_e4m3fn", 18: "float8_e4m3fnuz", 19: "float8_e5m2", 20: "float8_e5m2fnuz", 21: "uint4",
    22: "int4", 23: "float4_e2m1fn", 24: "float8_e8m0fnu", 25: "uint2", 26: "int2", 27: "float6_e2m3fn",
    28: "float6_e3m2fn",
}
ML_NUMBER = {name: number for number, name in ML.items()}
BITS = {21: 4, 22: 4, 23: 4, 25: 2, 26: 2}  # packed types
NAMES = {
    1: "float", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 8: "string", 9: "bool",
    10: "float16", 11: "double", 12: "uint32", 13: "uint64", 14: "complex64", 15: "complex128", 16: "bfloat16",
    17: "float8e4m3fn", 18: "float8e4m3fnuz", 19: "float8e5m2", 20: "float8e5m2fnuz", 21: "uint4", 22: "int4",
    23: "float4e2m1", 24: "float8e8m0", 25: "uint2", 26: "int2", 27: "float6e2m3", 28: "float6e3m2",
}


def dtype_number(dtype):
    """TensorProto.DataType of a NumPy dtype; strings are 8; None when there is none."""
    number = NUMBER_OF.get(dtype)
    if number is None:
        number = STRING if dtype.kind in "OUS" else ML_NUMBER.get(dtype.name)
        if number is None and dtype.byteorder == ">":
            number = NUMBER_OF.get(dtype.newbyteorder("="))
    return number


def numpy_type(number):
    """The dtype of arrays of that element type."""
    native = NATIVE.get(number)
    if native is not None:
        return native
    if number == STRING:
        return np.dtype(object)
    import ml_dtypes

    return np.dtype(getattr(ml_dtypes, ML[number]))


def _pack(array, bits):
    """Elements of 4 or 2 bits, one a byte -> packed, first element lowest."""
    flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8) & ((1 << bits) - 1)
    per = 8 // bits
    padded = np.zeros(-(-flat.size // per) * per, np.uint8)
    padded[: flat.size] = flat
    packed = np.zeros(padded.size // per, np.uint8)
    for i in range(per):
        packed |= padded[i::per] << (bits * i)
    return packed


def _unpack(packed, count, number):
    bits = BITS[number]
    per = 8 // bits
    flat = np.empty(packed.size * per, np.uint8)
    for i in range(per):
        flat[i::per] = (packed >> (bits * i)) & ((1 << bits) - 1)
    flat = flat[:count]
    if number in (22, 26):  # signed: ml_dtypes keeps them sign-extended in a byte
        shift = 8 - bits
        flat = ((flat << shift).astype(np.uint8).view(np.int8) >> shift).view(np.uint8)
    return flat.view(numpy_type(number))


def _strings(array):
    return [x if isinstance(x, bytes) else x.encode() if isinstance(x, str) else str(x).encode()
            for x in array.reshape(-1).tolist()]


def from_array(array, number=None):
    """An array as a tensor Value. number: its element type when the array holds raw bits (uint8 for float8, say)."""
    array = np.asarray(array)
    if number is None:
        number = dtype_number(array.dtype)
        if number is None:
            raise TypeError(f"arrays of {array.dtype} have no ONNX element type")
    if number == STRING:
        return _sard.strings(array.shape, _strings(array))
    if array.dtype.byteorder == ">":
        array = array.astype(array.dtype.newbyteorder("="))
    if number in BITS:
        packed = _pack(array, BITS[number])
        return _sard.wrap(number, array.shape, packed.__array_interface__["data"][0], packed.nbytes, packed)
    dense = array if array.flags.c_contiguous else np.ascontiguousarray(array).reshape(array.shape)
    return _sard.wrap(number, dense.shape, dense.ctypes.data, dense.nbytes, dense)


def to_array(value):
    """A tensor Value as an array over the same memory (packed types are unpacked, strings become objects)."""
    number, shape = value.dtype, value.shape
    if number == STRING:
        items = [s.decode("utf-8", "replace") for s in value.strings()]
        out = np.empty(len(items), object)
        out[:] = items
        return out.reshape(shape)
    array = np.asarray(value)
    if number in NATIVE:
        return array
    if number in BITS:
        count = 1
        for d in shape:
            count *= d
        return _unpack(array, count, number).reshape(shape)
    return array.view(numpy_type(number))


def to_python(value):
    """Any Value as what onnxruntime gives: arrays, lists, dicts, None."""
    kind = value.kind
    if kind == TENSOR:
        return to_array(value)
    if kind == SEQUENCE:
        return [to_python(v) for v in value.items()]
    if kind == MAP:
        keys, values = to_array(value.keys()).tolist(), value.values()
        return dict(zip(keys, to_array(values).tolist() if values.kind == TENSOR else to_python(values)))
    if kind == OPTIONAL:
        inner = value.get()
        return None if inner is None else to_python(inner)
    from sard._values import SparseTensor

    return SparseTensor._of(value)


def _from_dict(data, text):
    """A dict as a map Value; text: the type that is wanted, as in 'map(int64,tensor(double))', where known."""
    keys = list(data)
    named = isinstance(keys[0], (str, bytes)) if keys else text is not None and "map(string" in text
    values = list(data.values())
    wanted = text.split(",", 1)[1].strip(") ").replace("tensor(", "") if text and "," in text else None
    number = next((n for n, name in NAMES.items() if name == wanted), None)
    if values and isinstance(values[0], (str, bytes)) or number == STRING:
        array = np.array(values, object)
    elif number is not None:
        array = np.asarray(values, numpy_type(number))
    else:
        array = np.asarray(values)
        if array.dtype == np.float64:
            array = array.astype(np.float32)
    return _sard.map(from_array(np.array(keys, object if named else np.int64)), from_array(array))


def from_python(data, kind=TENSOR, number=None, text=None):
    """Arrays, lists, dicts, None as a Value of the kind, element type and type text an input wants."""
    if isinstance(data, _sard.Value):
        return data
    inner = getattr(data, "_value", None)  # OrtValue, SparseTensor
    if inner is not None:
        return inner
    if kind == OPTIONAL:
        listed = isinstance(data, (list, tuple)) and (text is None or "seq(" in text)
        item = None if data is None else from_python(data, SEQUENCE if listed else TENSOR, number)
        return _sard.optional(item, number or 1)
    if isinstance(data, dict):
        return _from_dict(data, text)
    if kind == SEQUENCE:
        if not isinstance(data, (list, tuple)):
            raise TypeError(f"a list is needed, not {type(data).__name__}")
        inner_text = text[text.index("map("):] if text and "map(" in text else None
        items = [from_python(x, MAP if isinstance(x, dict) else TENSOR, number, inner_text) for x in data]
        return _sard.sequence(items, number or 1)
    if data is None:
        raise TypeError("a tensor is needed, not None")
    if number is not None and not hasattr(data, "dtype"):  # plain numbers and lists: as the input wants them
        return from_array(np.asarray(data, numpy_type(number)))
    return from_array(data)
