"""SessionOptions, RunOptions and the enumerations, with onnxruntime's names."""
import ctypes
import difflib
import enum
import os
import re

from sard import _sard
from sard._errors import InvalidArgument


class GraphOptimizationLevel(enum.IntEnum):
    ORT_DISABLE_ALL = 0
    ORT_ENABLE_BASIC = 1
    ORT_ENABLE_EXTENDED = 2
    ORT_ENABLE_LAYOUT = 3
    ORT_ENABLE_ALL = 99


class ExecutionMode(enum.IntEnum):
    ORT_SEQUENTIAL = 0
    ORT_PARALLEL = 1


class ExecutionOrder(enum.IntEnum):
    DEFAULT = 0
    PRIORITY_BASED = 1
    MEMORY_EFFICIENT = 2


LEVELS = {0: "none", 1: "basic", 2: "extended", 3: "all", 99: "all"}

# onnxruntime's session configuration keys. "flag": 0 or 1; "int": a number; "text": anything.
FLAG_KEYS = """session.disable_prepacking session.prepack.enable_parallel session.use_env_allocators
session.use_device_allocator_for_initializers session.use_ort_model_bytes_directly
session.use_ort_model_bytes_for_initializers session.use_memory_mapped_ort_model
session.use_external_initializer_file_buffers_directly session.save_external_prepacked_constant_initializers
session.set_denormal_as_zero session.intra_op.allow_spinning session.inter_op.allow_spinning
session.force_spinning_stop session.disable_quant_qdq session.disable_double_qdq_remover
session.disable_qdq_constant_folding session.enable_quant_qdq_cleanup session.qdqisint8allowed
session.x64quantprecision session.enable_dq_matmulnbits_fusion session.disable_aot_function_inlining
session.strict_shape_type_inference session.allow_released_opsets_only session.disable_cpu_ep_fallback
session.record_ep_graph_assignment_info session.disable_model_compile session.debug_layout_transformation
session.enable_gemm_fastmath_arm64_bfloat16 optimization.enable_gelu_approximation
optimization.enable_cast_chain_elimination ep.context_enable ep.share_ep_contexts ep.stop_share_ep_contexts
mlas.enable_gemm_fastmath_arm64_bfloat16 mlas.use_lut_gemm mlas.disable_kleidiai""".split()
INT_KEYS = """session.intra_op.spin_duration_us session.inter_op.spin_duration_us session.intra_op.spin_backoff_max
session.inter_op.spin_backoff_max session.dynamic_block_base session.qdq_matmulnbits_accuracy_level
session.qdq_matmulnbits_block_size session.graph_optimizations_loop_level
session.optimized_model_external_initializers_min_size_in_bytes session.function_expansion_node_limit
session.function_expansion_byte_limit optimization.constant_folding_max_output_size_in_bytes""".split()
TEXT_KEYS = """session.load_model_format session.save_model_format session.model_external_initializers_file_folder_path
session.optimized_model_external_initializers_file_name session.intra_op_thread_affinities
session.node_partition_config_file session.collect_node_memory_stats_to_file
optimization.minimal_build_optimizations optimization.disable_specified_optimizers ep.context_file_path
ep.context_embed_mode ep.context_node_name_prefix ep.dynamic.workload_type""".split()
RUN_KEYS = """memory.enable_memory_arena_shrinkage disable_synchronize_execution_providers gpu_graph_id
qnn.htp_perf_mode qnn.htp_perf_mode_post_run qnn.rpc_control_latency""".split()
EXTERNAL_FOLDER = "session.model_external_initializers_file_folder_path"


def check_entry(key, value, known):
    """An unknown key or a malformed value is an error that says what was meant."""
    if not isinstance(key, str) or not isinstance(value, str):
        raise InvalidArgument(f"configuration entries are strings; got {key!r}: {value!r}")
    if key not in known:
        near = difflib.get_close_matches(key, known, 1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        raise InvalidArgument(f"unknown configuration key '{key}'{hint}")
    if key in FLAG_KEYS and value not in ("0", "1"):
        raise InvalidArgument(f"'{key}' is 0 or 1, not '{value}'")
    if key in INT_KEYS and not re.fullmatch(r"\d+", value):
        raise InvalidArgument(f"'{key}' is a number, not '{value}'")


class SessionOptions:
    """How a session is made. What has no meaning here (arenas, memory patterns) is kept and without effect."""

    def __init__(self):
        self.intra_op_num_threads = 0
        self.inter_op_num_threads = 0
        self.execution_mode = ExecutionMode.ORT_SEQUENTIAL
        self.execution_order = ExecutionOrder.DEFAULT
        self.graph_optimization_level = GraphOptimizationLevel.ORT_ENABLE_ALL
        self.enable_cpu_mem_arena = True
        self.enable_mem_pattern = True
        self.enable_mem_reuse = True
        self.enable_profiling = False
        self.profile_file_prefix = "sard_profile"
        self.optimized_model_filepath = ""
        self.log_severity_level = -1
        self.log_verbosity_level = 0
        self.logid = ""
        self.use_deterministic_compute = True
        self.use_per_session_threads = True
        self._entries = {}
        self._dims = {}
        self._denotations = {}
        self._initializers = {}
        self._operators = {}  # by path
        self._external = {}

    def __setattr__(self, name, value):
        known = self.__dict__
        if "_external" in known and name not in known:  # all options are set once by __init__
            near = difflib.get_close_matches(name, list(known), 1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            raise AttributeError(f"{type(self).__name__} has no option '{name}'{hint}")
        object.__setattr__(self, name, value)

    def add_session_config_entry(self, key, value):
        check_entry(key, value, FLAG_KEYS + INT_KEYS + TEXT_KEYS)
        self._entries[key] = value

    def get_session_config_entry(self, key):
        if key not in self._entries:
            raise InvalidArgument(f"configuration key '{key}' was not set")
        return self._entries[key]

    def has_session_config_entry(self, key):
        return key in self._entries

    def add_free_dimension_override_by_name(self, name, value):
        self._dims[name] = int(value)

    def add_free_dimension_override_by_denotation(self, denotation, value):
        self._denotations[denotation] = int(value)

    def add_initializer(self, name, value):
        self._initializers[name] = value

    def add_external_initializers(self, names, values):
        self._initializers.update(zip(names, values))

    def add_external_initializers_from_files_in_memory(self, names, buffers, lengths):
        for name, data, n in zip(names, buffers, lengths):
            self._external[name] = bytes(data)[:n]

    def register_custom_ops_library(self, path):
        """A library of operators written for ONNX Runtime's C API. Sessions keep it open."""
        path = os.fspath(path)
        self._operators[path] = _sard.operators(path)

    def add_provider(self, name, options=None):
        from sard._session import check_providers

        check_providers([name])

    def has_providers(self):
        return True

    def _settings(self):
        """As key-value pairs of the engine."""
        level = int(self.graph_optimization_level)
        if level not in LEVELS:
            raise InvalidArgument(f"graph_optimization_level {level} does not exist")
        out = [("optimize", LEVELS[level]), ("threads", str(int(self.intra_op_num_threads)))]
        out += [(f"dim.{name}", str(value)) for name, value in self._dims.items()]
        out += [(f"dim_denotation.{name}", str(value)) for name, value in self._denotations.items()]
        out.append(("unknown_dims", "ignore"))  # as onnxruntime does
        out.append(("unknown_initializers", "ignore"))
        if self._entries.get("session.set_denormal_as_zero") == "1":
            out.append(("denormals", "flush"))
        if self._entries.get("session.intra_op.allow_spinning") == "0":
            out.append(("spin_us", "0"))
        elif "session.intra_op.spin_duration_us" in self._entries:
            out.append(("spin_us", self._entries["session.intra_op.spin_duration_us"]))
        return out

    def __getstate__(self):
        state = dict(self.__dict__)
        if state["_initializers"]:
            raise TypeError("options that hold initializers cannot be pickled")
        state["_operators"] = list(state["_operators"])
        return state

    def __setstate__(self, state):
        self.__dict__.update(state)
        self.__dict__["_operators"] = {path: _sard.operators(path) for path in state["_operators"]}


class RunOptions:
    """How one run goes. Setting `terminate` from another thread ends the run soon after, also inside a long kernel."""

    def __init__(self):
        self._cancel = ctypes.c_int(0)
        self.only_execute_path_to_fetches = False
        self.log_severity_level = -1
        self.log_verbosity_level = 0
        self.logid = ""
        self.timeout_s = 0.0
        self.memory_limit = 0
        self._entries = {}

    @property
    def terminate(self):
        return bool(self._cancel.value)

    @terminate.setter
    def terminate(self, value):
        self._cancel.value = 1 if value else 0

    def add_run_config_entry(self, key, value):
        check_entry(key, value, RUN_KEYS)
        self._entries[key] = value

    def get_run_config_entry(self, key):
        if key not in self._entries:
            raise InvalidArgument(f"configuration key '{key}' was not set")
        return self._entries[key]
