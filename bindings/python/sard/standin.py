"""Lets unmodified programs run on sard: `import onnxruntime` gives sard from here on.

    import sard.standin                        # before anything imports onnxruntime
    python -m sard.standin program.py --its --arguments
    python -m sard.standin -m package --its --arguments
"""
import importlib.machinery
import runpy
import sys
import types

import sard
import sard._errors
import sard._session


def _module(name, source):
    m = types.ModuleType(name, f"{name}, stood in for by sard")
    m.__dict__.update({k: v for k, v in vars(source).items() if not k.startswith("__")})
    m.__spec__ = importlib.machinery.ModuleSpec(name, None)
    m.__version__ = sard.__version__
    sys.modules[name] = m
    return m


def install():
    """Puts sard in onnxruntime's place in sys.modules."""
    import sard.backend as backend

    top = _module("onnxruntime", sard)
    top.__path__ = []
    # programs compare versions with onnxruntime's own; this is the release whose names are offered
    top.__version__ = top.ORT_VERSION = "1.31.1"
    top.get_version_string = lambda: top.__version__
    top.capi = _module("onnxruntime.capi", sard)
    top.capi.__path__ = []
    for name in ("onnxruntime_pybind11_state", "_pybind_state", "onnxruntime_inference_collection"):
        m = _module(f"onnxruntime.capi.{name}", sard)
        m.__dict__.update({k: v for k, v in vars(sard._errors).items() if isinstance(v, type)})
        setattr(top.capi, name, m)
    top.backend = _module("onnxruntime.backend", backend)
    return top


install()

if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    if sys.argv[1] == "-m" and len(sys.argv) > 2:
        sys.argv = sys.argv[2:]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv = sys.argv[1:]
        runpy.run_path(sys.argv[0], run_name="__main__")
