"""The official ONNX backend suite through `onnx.backend.test` and `sard.backend`, as any backend's users run it.

What sard refuses as unsupported is skipped with its message; every other failure is a failure. scripts/conformance.py
runs the same cases at every optimisation level and counts them.
"""

from __future__ import annotations

import os
import unittest

import onnx.backend.test
import pytest
from conftest import REPO
from sardtools import official

sard = pytest.importorskip("sard")
backend = pytest.importorskip("sard.backend")

# Cases that no engine can be held to, with the reason.
DENIED = {f"^{name}_cpu$": "random numbers: the standard leaves the generator open" for name in official.RANDOM}
DENIED |= {f"^{name}_cpu$": reason for name, reason in official.DENIED.items()}
# onnx's own runner calls len() of a sequence's element of rank 0; scripts/conformance.py compares the case.
DENIED["^test_loop16_seq_none_cpu$"] = "the runner cannot compare a sequence that holds a scalar"


def _or_skip(call, *arguments, **options):
    """Calls, turning a refusal into a skip."""
    try:
        return call(*arguments, **options)
    except Exception as e:
        if type(e).__name__ == "NotImplemented":
            raise unittest.SkipTest(f"unsupported: {e}") from e
        raise


class SkippingModel:
    """A prepared model whose refusals at run time (a type known only then) are skips as well."""

    def __init__(self, prepared) -> None:
        self.prepared = prepared

    def run(self, inputs, **options):
        return _or_skip(self.prepared.run, inputs, **options)


class SkippingBackend(backend.Backend):
    """sard's backend, refusals being skips."""

    @classmethod
    def prepare(cls, model, device="CPU", **options):
        return SkippingModel(_or_skip(super().prepare, model, device, **options))


def _suite() -> dict[str, type]:
    os.environ["ONNX_HOME"] = str(REPO / "build" / "onnx_home")  # the runner writes the light models' data there
    suite = onnx.backend.test.BackendTest(SkippingBackend, __name__)
    for pattern in DENIED:
        suite.exclude(pattern)
    return suite.test_cases


globals().update(_suite())
