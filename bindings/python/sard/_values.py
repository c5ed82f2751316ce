"""OrtValue, OrtDevice, SparseTensor, IOBinding: values outside NumPy."""
import ctypes

import numpy as np

from sard import _convert, _sard
from sard._errors import InvalidArgument


class OrtDevice:
    """The only device is the CPU."""

    def __init__(self, device_type="cpu", device_id=0):
        self._type, self._id = device_type, device_id

    @staticmethod
    def make(ort_device_name="cpu", device_id=0, vendor_id=-1):
        check_device(ort_device_name)
        return OrtDevice(ort_device_name, device_id)

    def device_type(self):
        return self._type

    def device_id(self):
        return self._id


def check_device(name):
    if str(name).lower() not in ("cpu", "", "none"):
        raise InvalidArgument(f"device '{name}' is not there; this build has 'cpu'")


class OrtValue:
    """A tensor, sequence, map or optional that stays in the engine's memory."""

    def __init__(self, value, keep=None):
        self._value = getattr(value, "_value", value)
        self._keep = keep

    @staticmethod
    def ortvalue_from_numpy(numpy_obj, device_type="cpu", device_id=0, vendor_id=-1):
        check_device(device_type)
        return OrtValue(_convert.from_array(np.array(numpy_obj, order="C", copy=True)))

    @staticmethod
    def ortvalue_from_numpy_with_onnx_type(data, onnx_element_type):
        return OrtValue(_convert.from_array(np.array(data, order="C", copy=True), int(onnx_element_type)))

    @staticmethod
    def ortvalue_from_shape_and_type(shape, element_type, device_type="cpu", device_id=0, vendor_id=-1):
        check_device(device_type)
        number = element_type if isinstance(element_type, int) else _convert.dtype_number(np.dtype(element_type))
        if number is None:
            raise InvalidArgument(f"{element_type!r} is no element type")
        return OrtValue(_sard.new(int(number), tuple(int(d) for d in shape)))

    @staticmethod
    def ort_value_from_sparse_tensor(sparse_tensor):
        return OrtValue(sparse_tensor._value)

    @staticmethod
    def from_dlpack(dlpack, is_bool_tensor=False):
        array = np.from_dlpack(dlpack)
        return OrtValue(_convert.from_array(array.view(np.bool_) if is_bool_tensor else array))

    def __dlpack__(self, *, stream=None, **kw):
        return self.numpy().__dlpack__(stream=stream)

    def __dlpack_device__(self):
        return (1, 0)

    def _ortvalue(self):
        return self

    def numpy(self):
        if not self.is_tensor():
            raise InvalidArgument(f"the value is {self.data_type()}, not a tensor")
        return _convert.to_array(self._value)

    def to_python(self):
        """The value as run() gives it: an array, list, dict or None."""
        return _convert.to_python(self._value)

    def shape(self):
        return list(self._value.shape)

    def element_type(self):
        return self._value.dtype

    def data_type(self):
        return type_text(self._value)

    def device_name(self):
        return "cpu"

    def is_tensor(self):
        return self._value.kind == _convert.TENSOR

    def is_sparse_tensor(self):
        return self._value.kind == _convert.SPARSE

    def is_tensor_sequence(self):
        return self._value.kind == _convert.SEQUENCE

    def has_value(self):
        return self._value.kind != _convert.OPTIONAL or self._value.get() is not None

    def data_ptr(self):
        return self._value.address

    def tensor_size_in_bytes(self):
        return self._value.nbytes

    def as_sparse_tensor(self):
        return SparseTensor._of(self._value)

    def update_inplace(self, np_arr):
        if not self.is_tensor() or self._value.dtype == _convert.STRING:
            raise InvalidArgument(f"{self.data_type()} cannot be updated in place")
        source = np.asarray(np_arr)
        if _convert.dtype_number(source.dtype) != self._value.dtype or source.shape != self._value.shape:
            raise InvalidArgument(f"the tensor is {self.data_type()}{list(self._value.shape)}; "
                                  f"the array {source.dtype}{list(source.shape)}")
        dense = _convert.from_array(source)  # the engine's layout: native order, packed
        ctypes.memmove(self._value.address, dense.address, dense.nbytes)


def type_text(value):
    """'tensor(float)', 'seq(tensor(float))' ... of a value."""
    if value.kind == _convert.SEQUENCE:
        items = value.items()
        return f"seq({type_text(items[0]) if items else 'tensor(float)'})"
    if value.kind == _convert.MAP:
        return f"map({_convert.NAMES[value.keys().dtype]},{type_text(value.values())})"
    if value.kind == _convert.OPTIONAL:
        inner = value.get()
        return f"optional({type_text(inner) if inner else 'tensor(float)'})"
    name = _convert.NAMES.get(value.values().dtype if value.kind == _convert.SPARSE else value.dtype, "undefined")
    return f"{'sparse_' if value.kind == _convert.SPARSE else ''}tensor({name})"


class SparseTensor:
    """A COO tensor: values and their indices."""

    def __init__(self, value):
        self._value = value

    @classmethod
    def _of(cls, value):
        return cls(value)

    @staticmethod
    def sparse_coo_from_numpy(dense_shape, values, coo_indices, ort_device=None):
        indices = _convert.from_array(np.ascontiguousarray(coo_indices, np.int64))
        shape = tuple(int(d) for d in dense_shape)
        return SparseTensor(_sard.sparse(shape, _convert.from_array(np.ascontiguousarray(values)), indices))

    def values(self):
        return _convert.to_array(self._value.values())

    def indices(self):
        return _convert.to_array(self._value.indices())

    def dense_shape(self):
        return np.array(self._value.shape, np.int64)

    def data_type(self):
        return type_text(self._value)

    def device_name(self):
        return "cpu"


class IOBinding:
    """Inputs and outputs bound once and used by run_with_iobinding."""

    def __init__(self, session):
        self._session = session
        self._inputs, self._outputs, self._results = {}, {}, []

    def bind_cpu_input(self, name, arr_on_cpu):
        self._inputs[name] = OrtValue(_convert.from_array(arr_on_cpu))

    def bind_input(self, name, device_type, device_id, element_type, shape, buffer_ptr):
        check_device(device_type)
        self._inputs[name] = OrtValue(self._over(element_type, shape, buffer_ptr))

    def bind_ortvalue_input(self, name, ortvalue):
        self._inputs[name] = ortvalue

    def bind_output(self, name, device_type="cpu", device_id=0, element_type=None, shape=None, buffer_ptr=None):
        check_device(device_type)
        self._outputs[name] = None if buffer_ptr is None else OrtValue(self._over(element_type, shape, buffer_ptr))

    def bind_ortvalue_output(self, name, ortvalue):
        self._outputs[name] = ortvalue

    @staticmethod
    def _over(element_type, shape, pointer):
        number = element_type if isinstance(element_type, int) else _convert.dtype_number(np.dtype(element_type))
        if shape is None or number is None:
            raise InvalidArgument("a buffer is bound with its element type and shape")
        shape = tuple(int(d) for d in shape)
        bits = _convert.BITS.get(number) or _convert.numpy_type(number).itemsize * 8
        count = int(np.prod(shape, dtype=np.int64))
        return _sard.wrap(number, shape, pointer, -(-count * bits // 8), None)

    def synchronize_inputs(self):
        """Nothing to wait for: the only device is the CPU."""

    def synchronize_outputs(self):
        """Nothing to wait for: the only device is the CPU."""

    def get_outputs(self):
        return list(self._results)

    def get_outputs_as_ortvaluevector(self):
        return list(self._results)

    def copy_outputs_to_cpu(self):
        return [v.to_python() for v in self._results]

    def clear_binding_inputs(self):
        self._inputs.clear()

    def clear_binding_outputs(self):
        self._outputs.clear()
        self._results = []

    def _run(self, run_options):
        names = list(self._outputs) or [o.name for o in self._session.get_outputs()]
        given = [v._value if v is not None else None for v in (self._outputs.get(n) for n in names)]
        feed = {name: v._value for name, v in self._inputs.items()}
        self._results = [OrtValue(v) for v in self._session._run(names, feed, run_options, given)]
