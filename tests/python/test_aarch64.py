"""The same bits on aarch64 as on x86: the cross-built tool under an emulator, on small models.

Needs build/aarch64/sard (`scripts/test aarch64` builds it) and qemu; what is missing is said where it skips.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from conftest import REPO
from sardtools import models, voice

NATIVE = REPO / "build" / "release" / "sard"
CROSS = REPO / "build" / "aarch64" / "sard"
EMULATOR = "qemu-aarch64-static"
LIBRARIES = "/usr/aarch64-linux-gnu"
NAMES = ("mlp", "small_net", "transformer2", "lightgbm", "silero_vad")

needed = [str(p.relative_to(REPO)) for p in (NATIVE, CROSS) if not p.exists()]
needed += [] if shutil.which(EMULATOR) else [EMULATOR]
needed += [] if platform.machine() == "x86_64" else ["an x86 machine to compare with"]
pytestmark = pytest.mark.skipif(bool(needed), reason=f"needs {', '.join(needed)}")


def _model(name: str, folder: Path) -> tuple[Path, dict[str, np.ndarray]]:
    if name == "silero_vad":
        rng = models.rng_of(name)
        feed = {"input": (0.1 * rng.standard_normal((2, 576))).astype(np.float32)}
        feed |= {"state": np.zeros((2, 2, 128), np.float32), "sr": np.array(16000, np.int64)}
        return voice.fetch_model(folder), feed
    made = models.model(name, folder, tokens=9)
    return made.path, made.feed(3)


def _bits(command: list[str], out: Path, environment: dict[str, str]) -> dict[str, bytes]:
    """What the tool saves, by file name."""
    done = subprocess.run(
        [*command, "--output", str(out)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return {path.name: path.read_bytes() for path in sorted(out.iterdir())}


@pytest.mark.parametrize("level", ["none", "all"])
@pytest.mark.parametrize("name", NAMES)
def test_same_bits(name: str, level: str, model_folder: Path, tmp_path: Path) -> None:
    path, feed = _model(name, model_folder)
    np.savez(tmp_path / "inputs.npz", **feed)
    run = ["run", str(path), "--inputs", str(tmp_path / "inputs.npz"), "--optimize", level, "--print", "none"]
    want = _bits([str(NATIVE), *run], tmp_path / "native", {})
    assert want
    emulated = [EMULATOR, "-L", LIBRARIES]
    small_core = [*emulated, "-cpu", "cortex-a53"]
    for kind, command, isa, threads in (
        ("default", emulated, "", 1),
        ("cortex-a53", small_core, "", 1),
        ("plain C", emulated, "ref", 1),
        ("two threads", emulated, "", 2),
    ):
        run_there = [*command, str(CROSS), *run, "--threads", str(threads)]
        assert _bits(run_there, tmp_path / kind, {"SARD_ISA": isa}) == want, kind
