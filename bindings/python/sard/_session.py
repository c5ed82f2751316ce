"""InferenceSession: a model and the ways to run it, with onnxruntime's names."""
import concurrent.futures
import ctypes
import os
import threading
import time

from sard import _convert, _sard
from sard._errors import EPFail, Fail, InvalidArgument, InvalidProtobuf, NoModel
from sard._options import EXTERNAL_FOLDER, RunOptions, SessionOptions
from sard._values import IOBinding, OrtValue

PROVIDERS = ["CPUExecutionProvider"]
_severity = [2]  # as set_default_logger_severity says: 0 verbose .. 4 fatal


def check_providers(providers):
    """A provider that is not there is an error, not a quiet fallback."""
    for p in providers or []:
        name = p[0] if isinstance(p, (tuple, list)) else p
        if name not in PROVIDERS:
            raise EPFail(f"execution provider '{name}' is not available; this build has {', '.join(PROVIDERS)}")


def check_names(what, names):
    """names: a list or dict of str."""
    if isinstance(names, (str, bytes)) or not all(isinstance(n, str) for n in names):
        raise InvalidArgument(f"the names of {what} are a list of str, not {names!r}")


class NodeArg:
    """An input or output: name, shape (numbers, names, None), type as in 'tensor(float)'."""

    def __init__(self, port):
        self.name, self._kind, self._dtype, shape, self.type = port
        self.shape = [] if shape is None else shape

    @property
    def _element(self):
        inner = self.type.replace("(", " ").replace(")", " ").replace(",", " ").split()
        names = {v: k for k, v in _convert.NAMES.items()}
        return self._dtype or next((names[w] for w in inner if w in names), 1)

    def __repr__(self):
        return f"NodeArg(name='{self.name}', type='{self.type}', shape={self.shape})"

    __str__ = __repr__


class ModelMetadata:
    """What the file says of itself."""

    def __init__(self, meta):
        self.producer_name = meta["producer_name"]
        self.graph_name = meta["graph_name"]
        self.domain = meta["domain"]
        self.description = meta["doc_string"]
        self.graph_description = meta["graph_doc_string"]
        self.version = meta["version"]
        self.custom_metadata_map = meta["custom"]


class InferenceSession:
    """Loads a model from a path or from bytes and runs it; any number of threads may use one session."""

    def __init__(self, path_or_bytes, sess_options=None, providers=None, provider_options=None, **kwargs):
        for name in kwargs:
            if name not in ("disabled_optimizers", "enable_fallback", "read_config_from_model"):
                raise InvalidArgument(f"InferenceSession has no argument '{name}'")
        check_providers(providers)
        self._source = path_or_bytes if isinstance(path_or_bytes, (bytes, bytearray)) else None
        self._path = None if self._source is not None else path_or_bytes
        if self._source is None and not isinstance(path_or_bytes, (str, os.PathLike)):
            raise NoModel(f"a path or bytes are needed, not {type(path_or_bytes).__name__}")
        self._options = sess_options or SessionOptions()
        self._load()

    def _load(self):
        o = self._options
        level = o.log_severity_level if o.log_severity_level >= 0 else _severity[0]
        initializers = [(k, _convert.from_python(v)) for k, v in o._initializers.items()]
        data = None if self._source is None else bytes(self._source)
        path = None if self._path is None else os.fspath(self._path)
        self._external = list(o._external.items())
        self._model = _sard.load(path, data, o._settings(), initializers, self._external,
                                 list(o._operators.values()), o._entries.get(EXTERNAL_FOLDER), level)
        try:
            ports = [[NodeArg(p) for p in self._model.ports(which)] for which in range(3)]
        except UnicodeDecodeError as e:
            raise InvalidProtobuf(f"the name of an input or output is not UTF-8: {e}") from None
        self._inputs, self._outputs, self._overridable = ports
        self._by_name = {a.name: a for a in self._inputs + self._overridable}
        self._output_names = [a.name for a in self._outputs]
        self._profile = _sard.profile_new() if o.enable_profiling else None
        self._profile_start = time.perf_counter_ns()
        self._pool, self._pool_lock = None, threading.Lock()
        if o.optimized_model_filepath:
            self._model.write(1, os.fspath(o.optimized_model_filepath), None)

    def __getstate__(self):
        return {"_source": self._source, "_path": self._path, "_options": self._options}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._load()

    # ---- running ---------------------------------------------------------------------------------------------------

    def _run(self, names, feed, run_options, given=None):
        timeout, cancel, limit = 0.0, 0, 0
        if run_options is not None:
            if not isinstance(run_options, RunOptions):
                raise InvalidArgument(f"run_options is a RunOptions, not {type(run_options).__name__}")
            timeout, limit = float(run_options.timeout_s), int(run_options.memory_limit)
            if not timeout >= 0 or limit < 0:
                raise InvalidArgument(f"timeout_s {timeout}, memory_limit {limit}; neither may be negative")
            cancel = ctypes.addressof(run_options._cancel)
        if names is None:
            names = self._output_names
        check_names("outputs", names)
        check_names("inputs", list(feed))
        values = []
        for name, data in feed.items():
            port = self._by_name.get(name)
            kind, number = (port._kind, port._element) if port else (_convert.TENSOR, None)
            try:
                values.append(_convert.from_python(data, kind, number, port.type if port else None))
            except (TypeError, ValueError, OverflowError) as e:
                raise InvalidArgument(f"input '{name}': {e}") from None
        return self._model.run(list(feed), values, list(names), given or [None] * len(names), timeout, cancel, limit,
                               self._profile)

    def run(self, output_names, input_feed, run_options=None):
        """Runs the model. output_names: any values of the main graph by name; None or []: all outputs."""
        if not isinstance(input_feed, dict):
            raise InvalidArgument(f"the inputs are a dict from name to value, not {type(input_feed).__name__}")
        return [_convert.to_python(v) for v in self._run(output_names or None, input_feed, run_options)]

    def run_async(self, output_names, input_feed, callback, user_data=None, run_options=None):
        """Runs on another thread; callback(results, user_data, error text) is called when it is done."""
        with self._pool_lock:
            if self._pool is None:
                self._pool = concurrent.futures.ThreadPoolExecutor(4, "sard")

        def work():
            try:
                results, error = self.run(output_names, input_feed, run_options), ""
            except Exception as e:  # noqa: BLE001  (told to the callback)
                results, error = [], str(e)
            callback(results, user_data, error)

        self._pool.submit(work)

    def run_with_ort_values(self, output_names, input_dict_ort_values, run_options=None):
        feed = {name: v._value for name, v in input_dict_ort_values.items()}
        return [OrtValue(v) for v in self._run(output_names or None, feed, run_options)]

    def run_with_ortvaluevector(self, run_options, feed_names, feeds, fetch_names, fetches, fetch_devices=None):
        feed = {name: v._value for name, v in zip(feed_names, feeds)}
        fetches.extend(OrtValue(v) for v in self._run(list(fetch_names), feed, run_options))

    def io_binding(self):
        return IOBinding(self)

    def run_with_iobinding(self, iobinding, run_options=None):
        iobinding._run(run_options)

    # ---- looking ---------------------------------------------------------------------------------------------------

    def get_inputs(self):
        return list(self._inputs)

    def get_outputs(self):
        return list(self._outputs)

    def get_overridable_initializers(self):
        return list(self._overridable)

    def get_modelmeta(self):
        return ModelMetadata(self._model.meta())

    def get_providers(self):
        return list(PROVIDERS)

    def get_provider_options(self):
        return {p: {} for p in PROVIDERS}

    def get_session_options(self):
        return self._options

    def set_providers(self, providers=None, provider_options=None):
        check_providers(providers)

    def enable_fallback(self):
        """There is nothing to fall back to."""

    def disable_fallback(self):
        """There is nothing to fall back to."""

    @property
    def packed_bytes(self):
        """Bytes held besides the mapped file: packed weights and folded constants (an addition of sard's)."""
        return self._model.stats()["packed_bytes"]

    def get_stats(self):
        """Sizes: parameters, weight_bytes, packed_bytes, nodes, steps (an addition of sard's)."""
        return self._model.stats()

    def end_profiling(self):
        """Writes the profile as Chrome trace JSON and returns the file's name."""
        if self._profile is None:
            raise Fail("profiling was not switched on (SessionOptions.enable_profiling)")
        name = f"{self._options.profile_file_prefix}_{time.strftime('%Y-%m-%d_%H-%M-%S')}_{os.getpid()}.json"
        with open(name, "w", encoding="utf-8") as f:
            f.write(_sard.profile_json(self._profile))
        return name

    def get_profiling_start_time_ns(self):
        return self._profile_start

    def get_tuning_results(self):
        return []

    def set_tuning_results(self, results, error_on_invalid=False):
        """There is nothing to tune: one answer, whatever the machine."""


__all__ = ["InferenceSession", "NodeArg", "ModelMetadata", "RunOptions"]
