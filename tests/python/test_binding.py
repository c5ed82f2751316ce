"""The Python package: values both ways, sessions, bindings, options, errors, threads, processes.

Models are made here, small enough that every expected result is said by NumPy or by hand.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time

import ml_dtypes
import numpy as np
import onnx
import pytest
from conftest import REPO
from onnx import TensorProto, helper

sard = pytest.importorskip("sard")

F, I64, STR = TensorProto.FLOAT, TensorProto.INT64, TensorProto.STRING
FLOAT_X = np.array([[1, 2, 3], [4, 5, 6]], np.float32)


def tensor(name, dtype=F, shape=None):
    return helper.make_tensor_value_info(name, dtype, shape)


def model(nodes, inputs, outputs, initializers=(), opset=21, ml=False, ir=10, **fields):
    """The bytes of a model."""
    graph = helper.make_graph(list(nodes), "graph", list(inputs), list(outputs), list(initializers))
    opsets = [helper.make_opsetid("", opset)] + ([helper.make_opsetid("ai.onnx.ml", 3)] if ml else [])
    made = helper.make_model(graph, opset_imports=opsets, ir_version=ir, **fields)
    return made.SerializeToString()


def one(op, inputs, outputs, opset=21, ml=False, **attributes):
    """A session over a single node."""
    domain = "ai.onnx.ml" if ml else ""
    node = helper.make_node(op, [v.name for v in inputs], [v.name for v in outputs], domain=domain, **attributes)
    return sard.InferenceSession(model([node], inputs, outputs, opset=opset, ml=ml))


def identity(dtype=F, shape=None, opset=21):
    return one("Identity", [tensor("x", dtype, shape)], [tensor("y", dtype, shape)], opset=opset)


def scaled(shape=("n", 3)):
    """y = x * 2 (an intermediate value) + 1"""
    inits = [helper.make_tensor("two", F, [], [2.0]), helper.make_tensor("bias", F, [], [1.0])]
    nodes = [helper.make_node("Mul", ["x", "two"], ["twice"]), helper.make_node("Add", ["twice", "bias"], ["y"])]
    return model(nodes, [tensor("x", F, shape)], [tensor("y", F, shape)], inits, producer_name="tests")


def long_loop():
    """count = trips, after as many rounds of a little work: minutes for a large number."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["cond"], ["cond_out"]), helper.make_node("Add", ["v", "step"], ["v_out"])],
        "body",
        [tensor("i", I64, []), tensor("cond", TensorProto.BOOL, []), tensor("v", F, [])],
        [tensor("cond_out", TensorProto.BOOL, []), tensor("v_out", F, [])],
        [helper.make_tensor("step", F, [], [1.0])],
    )
    node = helper.make_node("Loop", ["trips", "", "start"], ["count"], body=body)
    return sard.InferenceSession(model([node], [tensor("trips", I64, []), tensor("start", F, [])], [tensor("count")]))


def large_matmul():
    return one("MatMul", [tensor("a"), tensor("b")], [tensor("y")])


# ---- names ---------------------------------------------------------------------------------------------------------

NAMES = [
    "ExecutionMode",
    "ExecutionOrder",
    "GraphOptimizationLevel",
    "IOBinding",
    "InferenceSession",
    "ModelMetadata",
    "NodeArg",
    "OrtDevice",
    "OrtValue",
    "RunOptions",
    "SessionIOBinding",
    "SessionOptions",
    "SparseTensor",
    "disable_telemetry_events",
    "enable_telemetry_events",
    "get_all_providers",
    "get_available_providers",
    "get_build_info",
    "get_device",
    "get_version_string",
    "preload_dlls",
    "set_default_logger_severity",
    "set_default_logger_verbosity",
    "set_seed",
    "Fail",
    "InvalidArgument",
    "NoSuchFile",
    "NoModel",
    "EngineError",
    "RuntimeException",
    "InvalidProtobuf",
    "ModelLoaded",
    "NotImplemented",
    "InvalidGraph",
    "EPFail",
    "ModelLoadCanceled",
    "ModelRequiresCompilation",
    "NotFound",
    "DeviceReset",
]
MEMBERS = {
    "InferenceSession": """run run_async run_with_iobinding run_with_ort_values run_with_ortvaluevector io_binding
        get_inputs get_outputs get_overridable_initializers get_modelmeta get_providers get_provider_options
        get_session_options set_providers enable_fallback disable_fallback end_profiling get_profiling_start_time_ns
        get_tuning_results set_tuning_results""",
    "IOBinding": """bind_cpu_input bind_input bind_output bind_ortvalue_input bind_ortvalue_output get_outputs
        copy_outputs_to_cpu clear_binding_inputs clear_binding_outputs synchronize_inputs synchronize_outputs""",
    "OrtValue": """ortvalue_from_numpy ortvalue_from_numpy_with_onnx_type ortvalue_from_shape_and_type from_dlpack numpy
        data_ptr update_inplace shape element_type data_type device_name is_tensor is_sparse_tensor is_tensor_sequence
        has_value tensor_size_in_bytes""",
    "RunOptions": "terminate add_run_config_entry get_run_config_entry",
    "SessionOptions": """add_session_config_entry get_session_config_entry add_free_dimension_override_by_name
        add_free_dimension_override_by_denotation add_initializer add_external_initializers
        add_external_initializers_from_files_in_memory register_custom_ops_library add_provider has_providers""",
}


@pytest.mark.parametrize("name", NAMES)
def test_offers_the_name(name):
    assert hasattr(sard, name)


@pytest.mark.parametrize("owner", MEMBERS)
def test_offers_the_members(owner):
    assert [m for m in MEMBERS[owner].split() if not hasattr(getattr(sard, owner), m)] == []


def test_what_the_build_says_of_itself():
    assert sard.get_device() == "CPU"
    assert sard.get_available_providers() == sard.get_all_providers() == ["CPUExecutionProvider"]
    assert sard.get_version_string() == sard.__version__
    assert "opset" in sard.get_build_info()
    sard.set_default_logger_severity(2)
    with pytest.raises(sard.InvalidArgument, match="0 to 4"):
        sard.set_default_logger_severity(7)


def test_stubs_cover_the_public_names():
    stub = (REPO / "bindings" / "python" / "sard" / "__init__.pyi").read_text(encoding="utf-8")
    public = [n for n in dir(sard) if not n.startswith("_") and type(getattr(sard, n)).__name__ != "module"]
    assert [n for n in public if f"class {n}" not in stub and f"def {n}(" not in stub and f"\n{n}" not in stub] == []


# ---- element types -------------------------------------------------------------------------------------------------

NUMPY_TYPES = [
    np.float32, np.float64, np.float16, np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32,
    np.uint64, np.bool_, ml_dtypes.bfloat16,
]  # fmt: skip
SMALL_TYPES = [
    ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e4m3fnuz, ml_dtypes.float8_e5m2, ml_dtypes.float8_e5m2fnuz,
    ml_dtypes.uint4, ml_dtypes.int4, ml_dtypes.float4_e2m1fn,
]  # fmt: skip


def onnx_type(dtype):
    return helper.np_dtype_to_tensor_dtype(np.dtype(dtype))


@pytest.mark.parametrize("dtype", NUMPY_TYPES + SMALL_TYPES, ids=lambda t: np.dtype(t).name)
def test_element_types_go_in_and_come_out(dtype):
    x = np.array([0, 1, 1, 0, 1], np.float32).astype(dtype)
    opset = 23 if np.dtype(dtype).name == "float4_e2m1fn" else 21
    (y,) = identity(onnx_type(dtype), opset=opset).run(None, {"x": x})
    assert y.dtype == x.dtype and y.shape == x.shape and y.tobytes() == x.tobytes()


@pytest.mark.parametrize("values, dtype", [
    ([-8, -1, 0, 7, 3], ml_dtypes.int4), ([0, 15, 8, 7, 1], ml_dtypes.uint4),
    ([-6, 0.5, 6, -1.5, 3], ml_dtypes.float4_e2m1fn),
    ([-2, -1, 0, 1, 1], ml_dtypes.int2), ([0, 3, 2, 1, 3], ml_dtypes.uint2),
])  # fmt: skip
@pytest.mark.parametrize("count", range(6))
def test_packed_types_keep_every_value(values, dtype, count):
    x = np.array(values[:count], np.float32).astype(dtype)
    back = sard.OrtValue.ortvalue_from_numpy(x).numpy()
    assert back.dtype == x.dtype and back.tolist() == x.tolist()


@pytest.mark.parametrize("dtype", [ml_dtypes.int4, ml_dtypes.uint4], ids=["int4", "uint4"])
def test_packed_types_are_cast_right(dtype):
    session = one("Cast", [tensor("x", onnx_type(dtype))], [tensor("y")], to=F)
    x = np.arange(15).reshape(3, 5).astype(dtype)
    (y,) = session.run(None, {"x": x})
    assert np.array_equal(y, x.astype(np.float32))


@pytest.mark.parametrize("x", [
    np.array(["a", "", "ü€😀"]), np.array([b"raw", b""]), np.array(["s", b"t", "ü"], object), np.array("zero-d"),
    np.array([["a", "b"], ["c", "d"]]).T, np.array([], object), ["plain", "list"],
], ids=["U", "S", "object", "0-d", "transposed", "empty", "list"])  # fmt: skip
def test_strings(x):
    (y,) = identity(STR).run(None, {"x": x})
    expected = [s.decode() if isinstance(s, bytes) else s for s in np.asarray(x).reshape(-1).tolist()]
    assert y.dtype == object and y.shape == np.asarray(x).shape and y.reshape(-1).tolist() == expected


def test_bytes_that_are_not_utf8_survive_inside_and_are_shown_replaced():
    (y,) = identity(STR).run(None, {"x": np.array([b"\xff", b"ok"], object)})
    assert y.tolist() == ["\ufffd", "ok"]


@pytest.mark.parametrize("shape", [(0,), (2, 0, 3), (), (1,), (1, 1, 1)], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.bool_, ml_dtypes.int4], ids=lambda t: np.dtype(t).name)
def test_shapes_at_the_edge(dtype, shape):
    x = np.ones(shape, np.float32).astype(dtype)
    (y,) = identity(onnx_type(dtype)).run(None, {"x": x})
    assert isinstance(y, np.ndarray) and y.shape == shape and y.dtype == x.dtype and y.tolist() == x.tolist()


BIG = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
LAYOUTS = {
    "fortran": np.asfortranarray(BIG), "strided": BIG[:, ::2, 1:], "reversed": BIG[::-1, :, ::-1], "transposed": BIG.T,
    "broadcast": np.broadcast_to(np.float32(3), (2, 3)), "big-endian": BIG.astype(">f4"),
    "big-endian fortran": np.asfortranarray(BIG.astype(">f4")),
    "unaligned": np.frombuffer(b"\0" + BIG.tobytes(), np.float32, 24, 1).reshape(2, 3, 4),
    "big-endian 0-d": np.array(7, ">f4"),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts(name):
    x = LAYOUTS[name]
    (y,) = one("Neg", [tensor("x")], [tensor("y")]).run(None, {"x": x})
    assert y.dtype == np.float32 and y.shape == x.shape and np.array_equal(y, -x)


def test_lists_and_numbers_take_the_type_of_the_input():
    assert identity().run(None, {"x": [[1, 2], [3, 4]]})[0].dtype == np.float32
    assert identity(I64).run(None, {"x": 5})[0] == np.int64(5)
    assert identity(TensorProto.FLOAT16).run(None, {"x": 0.5})[0].dtype == np.float16


def test_inputs_are_not_written_and_outputs_belong_to_the_caller():
    x = FLOAT_X.copy()
    x.flags.writeable = False
    session = sard.InferenceSession(scaled())
    (first,) = session.run(None, {"x": x})
    kept = first.copy()
    first += 100  # the caller's
    (second,) = session.run(None, {"x": x})
    assert np.array_equal(second, kept) and np.array_equal(x, FLOAT_X)
    del session
    assert np.array_equal(second, kept)  # outlives the session


# ---- sequences, maps, optionals, sparse tensors --------------------------------------------------------------------


def sequence_info(name, dtype=F):
    return helper.make_tensor_sequence_value_info(name, dtype, None)


def test_sequences_both_ways():
    session = one("SequenceAt", [sequence_info("s"), tensor("i", I64)], [tensor("y")])
    assert session.get_inputs()[0].type == "seq(tensor(float))"
    items = [np.ones(2, np.float32), FLOAT_X]
    assert np.array_equal(session.run(None, {"s": items, "i": np.int64(1)})[0], FLOAT_X)
    (made,) = one("SequenceConstruct", [tensor("a"), tensor("b")], [sequence_info("s")]).run(
        None, {"a": items[0], "b": items[1]}
    )
    assert isinstance(made, list) and all(np.array_equal(a, b) for a, b in zip(made, items))


@pytest.mark.parametrize("items, dtype", [([], F), ([1, 2.5], F), ([3, 4], I64)], ids=["empty", "numbers", "integers"])
def test_sequences_of_plain_values(items, dtype):
    session = one("SequenceLength", [sequence_info("s", dtype)], [tensor("n", I64)])
    assert session.run(None, {"s": items})[0] == len(items)


def test_a_sequence_must_be_a_list():
    session = one("SequenceLength", [sequence_info("s")], [tensor("n", I64)])
    with pytest.raises(sard.InvalidArgument, match="'s'.*list"):
        session.run(None, {"s": FLOAT_X})


def map_info(name, key, value):
    kind = helper.make_map_type_proto(key, helper.make_tensor_type_proto(value, None))
    return helper.make_value_info(name, kind)


@pytest.mark.parametrize("value", [F, TensorProto.DOUBLE], ids=["float", "double"])
def test_maps_go_in(value):
    session = one(
        "DictVectorizer", [map_info("m", STR, value)], [tensor("y", value)], ml=True, string_vocabulary=["a", "b", "c"]
    )
    (y,) = session.run(None, {"m": {"c": 3.0, "a": 1.0}})
    assert y.reshape(-1).tolist() == [1, 0, 3]


def test_maps_come_out():
    kind = helper.make_map_type_proto(I64, helper.make_tensor_type_proto(F, None))
    out = helper.make_value_info("y", helper.make_sequence_type_proto(kind))
    session = one("ZipMap", [tensor("x")], [out], ml=True, classlabels_int64s=[10, 20, 30])
    (y,) = session.run(None, {"x": FLOAT_X})
    assert y == [{10: 1.0, 20: 2.0, 30: 3.0}, {10: 4.0, 20: 5.0, 30: 6.0}]


def optional_info(name, dtype=F):
    return helper.make_value_info(name, helper.make_optional_type_proto(helper.make_tensor_type_proto(dtype, None)))


def test_optionals():
    has = one("OptionalHasElement", [optional_info("o")], [tensor("y", TensorProto.BOOL)])
    assert has.run(None, {"o": FLOAT_X})[0] and not has.run(None, {"o": None})[0]
    get = one("OptionalGetElement", [optional_info("o")], [tensor("y")])
    assert np.array_equal(get.run(None, {"o": FLOAT_X})[0], FLOAT_X)
    wrap = one("Optional", [tensor("x")], [optional_info("o")])
    assert np.array_equal(wrap.run(None, {"x": FLOAT_X})[0], FLOAT_X)


def test_sparse_tensors_keep_their_parts():
    s = sard.SparseTensor.sparse_coo_from_numpy((3, 4), np.array([1, 2], np.float32), np.array([1, 7]))
    assert s.values().tolist() == [1, 2] and s.indices().tolist() == [1, 7] and s.dense_shape().tolist() == [3, 4]
    assert s.data_type() == "sparse_tensor(float)"
    v = sard.OrtValue.ort_value_from_sparse_tensor(s)
    assert v.is_sparse_tensor() and v.as_sparse_tensor().values().tolist() == [1, 2]


# ---- OrtValue and IOBinding ----------------------------------------------------------------------------------------


def test_ort_value_from_numpy_is_a_copy():
    x = FLOAT_X.copy()
    v = sard.OrtValue.ortvalue_from_numpy(x)
    x[:] = 0
    assert np.array_equal(v.numpy(), FLOAT_X)
    assert (v.shape(), v.element_type(), v.data_type(), v.device_name()) == ([2, 3], F, "tensor(float)", "cpu")
    assert v.is_tensor() and v.has_value() and not v.is_tensor_sequence() and not v.is_sparse_tensor()
    assert v.tensor_size_in_bytes() == 24 and v.data_ptr() == v.numpy().ctypes.data


def test_ort_value_from_shape_and_type():
    v = sard.OrtValue.ortvalue_from_shape_and_type([2, 3], np.float32)
    v.update_inplace(FLOAT_X)
    assert np.array_equal(v.numpy(), FLOAT_X)
    assert sard.OrtValue.ortvalue_from_shape_and_type([2], TensorProto.BFLOAT16).numpy().dtype == ml_dtypes.bfloat16
    with pytest.raises(sard.InvalidArgument):
        sard.OrtValue.ortvalue_from_shape_and_type([2], "datetime64[s]")
    with pytest.raises(sard.InvalidArgument, match="cuda"):
        sard.OrtValue.ortvalue_from_shape_and_type([2], np.float32, "cuda")
    with pytest.raises((sard.InvalidArgument, MemoryError)):
        sard.OrtValue.ortvalue_from_shape_and_type([1 << 40, 1 << 40], np.float32)
    with pytest.raises(sard.InvalidArgument):
        sard.OrtValue.ortvalue_from_shape_and_type([-1], np.float32)


def test_ort_value_with_onnx_type():
    raw = np.array([0x3F80, 0x4000], np.uint16)
    v = sard.OrtValue.ortvalue_from_numpy_with_onnx_type(raw, TensorProto.BFLOAT16)
    assert v.data_type() == "tensor(bfloat16)" and v.numpy().astype(np.float32).tolist() == [1, 2]


@pytest.mark.parametrize("start, source", [
    (np.float32(1), np.float32(5)), (np.zeros(3, np.float32), np.array([1, 2, 3], ">f4")),
    (np.zeros((2, 3), np.float32), np.asfortranarray(FLOAT_X)),
    (np.zeros(3, ml_dtypes.int4), np.array([-1, 2, 7], ml_dtypes.int4)), (np.zeros(0, np.int64), np.zeros(0, np.int64)),
], ids=["0-d", "big-endian", "fortran", "int4", "empty"])  # fmt: skip
def test_update_inplace(start, source):
    v = sard.OrtValue.ortvalue_from_numpy(start)
    v.update_inplace(source)
    assert v.numpy().tolist() == source.tolist()


@pytest.mark.parametrize(
    "source",
    [np.zeros((2, 2), np.float32), np.zeros((2, 3), np.float64), np.zeros(6, np.float32)],
    ids=["shape", "dtype", "rank"],
)
def test_update_inplace_refuses_another_form(source):
    v = sard.OrtValue.ortvalue_from_numpy(FLOAT_X)
    with pytest.raises(sard.InvalidArgument, match=r"tensor\(float\)\[2, 3\]"):
        v.update_inplace(source)


def test_update_inplace_refuses_strings():
    v = sard.OrtValue.ortvalue_from_numpy(np.array(["a", "b"]))
    with pytest.raises(sard.InvalidArgument, match="string"):
        v.update_inplace(np.array(["c", "d"], object))


def test_dlpack_shares_memory():
    x = FLOAT_X.copy()
    v = sard.OrtValue.from_dlpack(x)
    assert v.data_ptr() == x.ctypes.data
    back = np.from_dlpack(v)
    del v
    x[0, 0] = 9
    assert back[0, 0] == 9
    flags = sard.OrtValue.from_dlpack(np.array([0, 1], np.uint8), is_bool_tensor=True)
    assert flags.data_type() == "tensor(bool)"


def test_run_with_ort_values():
    session = sard.InferenceSession(scaled())
    (y,) = session.run_with_ort_values(["y"], {"x": sard.OrtValue.ortvalue_from_numpy(FLOAT_X)})
    assert isinstance(y, sard.OrtValue) and np.array_equal(y.numpy(), FLOAT_X * 2 + 1)
    (again,) = session.run_with_ort_values(None, {"x": y})
    assert np.array_equal(again.numpy(), (FLOAT_X * 2 + 1) * 2 + 1)
    assert np.array_equal(session.run(None, {"x": y})[0], again.numpy())
    fetches = []
    session.run_with_ortvaluevector(None, ["x"], [y], ["y"], fetches)
    assert np.array_equal(fetches[0].numpy(), again.numpy())


def test_binding_fills_the_buffer_it_is_given():
    session = sard.InferenceSession(scaled())
    out = np.zeros((2, 3), np.float32)
    binding = session.io_binding()
    binding.bind_cpu_input("x", FLOAT_X)
    binding.bind_output("y", "cpu", 0, np.float32, out.shape, out.ctypes.data)
    session.run_with_iobinding(binding)
    assert np.array_equal(out, FLOAT_X * 2 + 1)
    assert binding.get_outputs()[0].data_ptr() == out.ctypes.data


def test_binding_of_ort_values_and_pointers():
    session = sard.InferenceSession(scaled())
    x = FLOAT_X.copy()
    y = sard.OrtValue.ortvalue_from_shape_and_type([2, 3], np.float32)
    binding = session.io_binding()
    binding.bind_input("x", "cpu", 0, np.float32, x.shape, x.ctypes.data)
    binding.bind_ortvalue_output("y", y)
    for scale in (1, 2):
        x[:] = FLOAT_X * scale
        session.run_with_iobinding(binding)
        assert np.array_equal(y.numpy(), FLOAT_X * scale * 2 + 1)
    binding.clear_binding_outputs()
    binding.clear_binding_inputs()
    binding.bind_ortvalue_input("x", sard.OrtValue.ortvalue_from_numpy(FLOAT_X))
    binding.bind_output("y")
    binding.bind_output("twice")
    session.run_with_iobinding(binding)
    results = binding.copy_outputs_to_cpu()
    assert np.array_equal(results[0], FLOAT_X * 2 + 1) and np.array_equal(results[1], FLOAT_X * 2)


@pytest.mark.parametrize("shape, dtype", [((3, 3), np.float32), ((6,), np.float32), ((2, 3), np.float64)], ids=str)
def test_binding_refuses_a_buffer_of_another_form(shape, dtype):
    session = sard.InferenceSession(scaled())
    binding = session.io_binding()
    binding.bind_cpu_input("x", FLOAT_X)
    binding.bind_ortvalue_output("y", sard.OrtValue.ortvalue_from_shape_and_type(shape, dtype))
    with pytest.raises(sard.InvalidArgument, match="y"):
        session.run_with_iobinding(binding)


# ---- sessions ------------------------------------------------------------------------------------------------------


def test_a_session_tells_what_the_model_is(tmp_path):
    path = tmp_path / "müdel.onnx"
    path.write_bytes(scaled())
    for source in (path, str(path), scaled()):
        session = sard.InferenceSession(source, providers=["CPUExecutionProvider"])
        (x,), (y,) = session.get_inputs(), session.get_outputs()
        assert (x.name, x.shape, x.type) == ("x", ["n", 3], "tensor(float)")
        assert (y.name, y.shape, y.type) == ("y", ["n", 3], "tensor(float)")
        assert session.get_modelmeta().producer_name == "tests" and session.get_modelmeta().graph_name == "graph"
        assert session.get_providers() == ["CPUExecutionProvider"]
        assert np.array_equal(session.run([], {"x": FLOAT_X})[0], FLOAT_X * 2 + 1)


@pytest.mark.parametrize("level", list(sard.GraphOptimizationLevel))
def test_intermediate_values_can_be_fetched(level):
    options = sard.SessionOptions()
    options.graph_optimization_level = level
    session = sard.InferenceSession(scaled(), options)
    twice, y = session.run(["twice", "y"], {"x": FLOAT_X})
    assert np.array_equal(twice, FLOAT_X * 2) and np.array_equal(y, FLOAT_X * 2 + 1)


def test_overridable_initializers():
    data = model(
        [helper.make_node("Add", ["x", "b"], ["y"])],
        [tensor("x", F, [3]), tensor("b", F, [])],
        [tensor("y", F, [3])],
        [helper.make_tensor("b", F, [], [1.0])],
    )
    session = sard.InferenceSession(data)
    x = np.zeros(3, np.float32)
    assert [a.name for a in session.get_inputs()] == ["x"]
    assert [a.name for a in session.get_overridable_initializers()] == ["b"]
    assert session.run(None, {"x": x})[0].tolist() == [1, 1, 1]
    assert session.run(None, {"x": x, "b": 5})[0].tolist() == [5, 5, 5]
    assert session.run(None, {"x": x})[0].tolist() == [1, 1, 1]


def test_run_async_calls_back():
    session, done, seen = sard.InferenceSession(scaled()), threading.Event(), []

    def callback(results, user_data, error):
        seen.append((results, user_data, error))
        done.set()

    session.run_async(None, {"x": FLOAT_X}, callback, "mine")
    assert done.wait(20)
    assert np.array_equal(seen[0][0][0], FLOAT_X * 2 + 1) and seen[0][1:] == ("mine", "")
    done.clear()
    session.run_async(None, {"nope": FLOAT_X}, callback, None)
    assert done.wait(20) and seen[1][0] == [] and "nope" in seen[1][2]


# ---- errors --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("feed, words", [
    ({"z": FLOAT_X}, ["z"]), ({}, ["x"]), ({"x": FLOAT_X, "z": FLOAT_X}, ["z"]),
    ({"x": FLOAT_X.astype(np.float64)}, ["x", "float32", "float64"]), ({"x": np.zeros(3, np.float32)}, ["x", "rank"]),
    ({"x": np.zeros((2, 4), np.float32)}, ["x", "4", "3"]), ({"x": np.array(["a"])}, ["x", "string"]),
    ({"x": np.array(["2026-01-01"], "datetime64[D]")}, ["x", "datetime64"]), ({"x": None}, ["x", "None"]),
    ({"x": [[1], [2, 3]]}, ["x"]), ({"x": object()}, ["x"]),
], ids=["name", "missing", "unknown", "dtype", "rank", "dim", "string", "date", "None", "ragged", "obj"])  # fmt: skip
def test_wrong_inputs(feed, words):
    with pytest.raises(sard.InvalidArgument) as e:
        sard.InferenceSession(scaled()).run(None, feed)
    assert [w for w in words if w not in str(e.value)] == []


def test_other_wrong_arguments():
    session = sard.InferenceSession(scaled())
    with pytest.raises(sard.InvalidArgument, match="nope"):
        session.run(["nope"], {"x": FLOAT_X})
    for names in ("y", [1], [None]):
        with pytest.raises(sard.InvalidArgument, match="list of str"):
            session.run(names, {"x": FLOAT_X})
    with pytest.raises(sard.InvalidArgument, match="list of str"):
        session.run(None, {1: FLOAT_X})
    with pytest.raises(sard.InvalidArgument, match="RunOptions"):
        session.run(None, {"x": FLOAT_X}, sard.SessionOptions())
    for timeout in (-1, float("nan")):
        options = sard.RunOptions()
        options.timeout_s = timeout
        with pytest.raises(sard.InvalidArgument, match="timeout_s"):
            session.run(None, {"x": FLOAT_X}, options)
    with pytest.raises(sard.InvalidArgument, match="shape"):
        session.io_binding().bind_output("y", "cpu", 0, np.float32, None, FLOAT_X.ctypes.data)
    with pytest.raises(sard.InvalidArgument, match="dict"):
        session.run(None, [FLOAT_X])
    with pytest.raises(sard.InvalidArgument, match="wrong_one"):
        sard.InferenceSession(scaled(), wrong_one=1)
    with pytest.raises(sard.NoModel):
        sard.InferenceSession(None)
    with pytest.raises(sard.EPFail, match="CUDAExecutionProvider"):
        sard.InferenceSession(scaled(), providers=[("CUDAExecutionProvider", {}), "CPUExecutionProvider"])


def test_missing_file(tmp_path):
    with pytest.raises(sard.NoSuchFile, match="absent.onnx"):
        sard.InferenceSession(tmp_path / "absent.onnx")


@pytest.mark.parametrize("data", [b"\xff" * 100, b"not a model", scaled()[:-7]], ids=["ff", "text", "cut"])
def test_garbage(data, tmp_path):
    with pytest.raises(sard.InvalidProtobuf):
        sard.InferenceSession(data)
    (tmp_path / "m.onnx").write_bytes(data)
    with pytest.raises(sard.InvalidProtobuf):
        sard.InferenceSession(tmp_path / "m.onnx")


def test_empty_bytes_are_no_model():
    with pytest.raises((sard.InvalidProtobuf, sard.InvalidGraph)):
        sard.InferenceSession(b"")


def test_unsupported_and_invalid_models():
    node = helper.make_node("Frobnicate", ["x"], ["y"], domain="com.example", name="n1")
    graph = helper.make_graph([node], "g", [tensor("x")], [tensor("y")])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21), helper.make_opsetid("com.example", 1)])
    made.ir_version = 10
    with pytest.raises(sard.NotImplemented, match="Frobnicate"):
        sard.InferenceSession(made.SerializeToString())
    with pytest.raises(sard.InvalidGraph, match="absent"):
        sard.InferenceSession(model([helper.make_node("Relu", ["absent"], ["y"])], [tensor("x")], [tensor("y")]))


def test_a_rule_broken_by_data_names_the_node():
    session = one("Gather", [tensor("x"), tensor("i", I64)], [tensor("y")], name="pick")
    with pytest.raises((sard.RuntimeException, sard.InvalidArgument), match="pick"):
        session.run(None, {"x": FLOAT_X, "i": np.array([7])})
    assert session.run(None, {"x": FLOAT_X, "i": np.array([1])})[0].tolist() == [[4, 5, 6]]


@pytest.mark.parametrize("what", ["key_", "value", "graph", "input", "output"])
def test_text_that_is_not_utf8(what):
    nodes = [helper.make_node("Relu", ["input"], ["output"])]
    made = onnx.load_from_string(model(nodes, [tensor("input")], [tensor("output")]))
    helper.set_model_props(made, {"key_": "value"})
    data = made.SerializeToString().replace(what.encode(), b"\xff" * len(what))
    if what in ("input", "output"):
        with pytest.raises((sard.InvalidProtobuf, sard.InvalidGraph), match="UTF-8"):
            sard.InferenceSession(data)
    else:
        meta = sard.InferenceSession(data).get_modelmeta()
        assert "\ufffd" in f"{meta.custom_metadata_map}{meta.graph_name}"


# ---- options -------------------------------------------------------------------------------------------------------


def test_wrong_options_say_what_is_meant():
    options = sard.SessionOptions()
    with pytest.raises(sard.InvalidArgument, match="did you mean 'session.set_denormal_as_zero'"):
        options.add_session_config_entry("session.set_denormals_as_zero", "1")
    with pytest.raises(sard.InvalidArgument, match="0 or 1"):
        options.add_session_config_entry("session.set_denormal_as_zero", "yes")
    with pytest.raises(sard.InvalidArgument, match="strings"):
        options.add_session_config_entry("session.set_denormal_as_zero", 1)
    with pytest.raises(sard.InvalidArgument, match="was not set"):
        options.get_session_config_entry("session.set_denormal_as_zero")
    with pytest.raises(AttributeError, match="did you mean 'intra_op_num_threads'"):
        options.intra_op_num_thread = 2
    with pytest.raises(sard.InvalidArgument):
        sard.RunOptions().add_run_config_entry("nope", "1")
    with pytest.raises(sard.InvalidArgument):
        sard.RunOptions().get_run_config_entry("gpu_graph_id")
    for name, value in [("graph_optimization_level", 7), ("intra_op_num_threads", -1)]:
        bad = sard.SessionOptions()
        setattr(bad, name, value)
        with pytest.raises(sard.InvalidArgument):
            sard.InferenceSession(scaled(), bad)


def test_options_that_take_effect(tmp_path):
    options = sard.SessionOptions()
    options.intra_op_num_threads = 2
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_free_dimension_override_by_name("n", 2)
    options.add_initializer("bias", sard.OrtValue.ortvalue_from_numpy(np.float32(10)))
    options.add_initializer("of another model", sard.OrtValue.ortvalue_from_numpy(np.float32(10)))
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    session = sard.InferenceSession(scaled(), options)
    assert session.get_session_options() is options
    assert session.get_inputs()[0].shape == [2, 3]
    assert np.array_equal(session.run(None, {"x": FLOAT_X})[0], FLOAT_X * 2 + 10)
    again = sard.InferenceSession(options.optimized_model_filepath)
    assert np.array_equal(again.run(None, {"x": FLOAT_X})[0], FLOAT_X * 2 + 10)


def test_external_data_in_memory():
    weights = np.arange(3, dtype=np.float32)
    t = onnx.TensorProto(name="w", data_type=F, dims=[3], data_location=TensorProto.EXTERNAL)
    for key, value in [("location", "w.bin"), ("offset", "0"), ("length", "12")]:
        t.external_data.add(key=key, value=value)
    data = model([helper.make_node("Add", ["x", "w"], ["y"])], [tensor("x", F, [3])], [tensor("y", F, [3])], [t])
    options = sard.SessionOptions()
    options.add_external_initializers_from_files_in_memory(["w.bin"], [weights.tobytes()], [12])
    assert sard.InferenceSession(data, options).run(None, {"x": weights})[0].tolist() == [0, 2, 4]


def test_verbose_logging_reaches_stderr():
    code = (
        "import sard, sys; o = sard.SessionOptions(); o.log_severity_level = 0; "
        "sard.InferenceSession(sys.stdin.buffer.read(), o)"
    )
    done = subprocess.run([sys.executable, "-c", code], input=scaled(), capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_profile_is_a_chrome_trace(tmp_path):
    options = sard.SessionOptions()
    options.enable_profiling = True
    options.profile_file_prefix = str(tmp_path / "trace")
    session = sard.InferenceSession(scaled(), options)
    session.run(None, {"x": FLOAT_X})
    with open(session.end_profiling(), encoding="utf-8") as f:
        trace = json.load(f)
    events = trace["traceEvents"] if isinstance(trace, dict) else trace
    assert any(e.get("dur") is not None for e in events)
    with pytest.raises(sard.Fail):
        sard.InferenceSession(scaled()).end_profiling()


# ---- stopping a run ------------------------------------------------------------------------------------------------

ENDLESS = {"trips": np.int64(1 << 60), "start": np.float32(0)}
SIDE = np.ones((3000, 3000), np.float32)
WORK = {"loop": (long_loop, ENDLESS), "matmul": (large_matmul, {"a": SIDE, "b": SIDE})}


@pytest.mark.parametrize("name", WORK)
def test_timeout_ends_a_run(name):
    make, feed = WORK[name]
    session, options = make(), sard.RunOptions()
    options.timeout_s = 0.05
    began = time.monotonic()
    with pytest.raises(sard.RuntimeException, match="(?i)time|deadline"):
        session.run(None, feed, options)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("name", WORK)
def test_terminate_from_another_thread(name):
    make, feed = WORK[name]
    session, options = make(), sard.RunOptions()
    timer = threading.Timer(0.05, setattr, (options, "terminate", True))
    timer.start()
    began = time.monotonic()
    with pytest.raises(sard.RuntimeException, match="(?i)cancel|terminat"):
        session.run(None, feed, options)
    assert time.monotonic() - began < 5
    timer.join()
    assert options.terminate
    options.terminate = False
    small = {"trips": np.int64(3), "start": np.float32(0)} if name == "loop" else {"a": SIDE[:2, :2], "b": SIDE[:2, :2]}
    assert session.run(None, small, options)  # the session is as good as new


def test_memory_limit():
    options = sard.RunOptions()
    options.memory_limit = 1 << 20
    with pytest.raises(sard.RuntimeException, match="(?i)limit|memory"):
        large_matmul().run(None, {"a": SIDE, "b": SIDE}, options)
