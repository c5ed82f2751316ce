"""Models written to hurt end in a result or an error: no crash, nothing beyond the limits, which are enforced from outside.

Each is run as it is, where loading sees its constants, and with its constants given to the run. All of them, not only the
quick ones: SARD_HURT=all scripts/python -m pytest tests/cli/test_hurt.py
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

pytest.importorskip("onnx")
from onnx import numpy_helper as nh  # noqa: E402

REPO = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(Path(__file__).parent), str(REPO / "scripts")]
import hurt  # noqa: E402
import hurt_files  # noqa: E402
from sardtools import bounded  # noqa: E402

TOOL = Path(os.environ.get("SARD_TOOL", REPO / "build" / "release" / "sard"))
SANITIZED = "SARD_SANITIZED" in os.environ
pytestmark = pytest.mark.skipif(not TOOL.exists(), reason="the tool is not built")

SECONDS, MEMORY = 10, 1 << 30
QUICK = {
    "large": "constant_of_shape expand tile range range_tiny range_nan one_hot pad resize_scales resize_nan conv_pads "
    "max_pool_kernel roi_samples random matmul_outer einsum_outer concat_doubled depth_to_space gru",
    "time": "loop loop_scan loop_doubles loop_string_grows loops_in_loops nms tfidf_long regex stft string_doubled "
    "sequence_insert roi_many",
    "nothing": "reduce split_to_sequence transpose resize lstm einsum gather_nd",
    "file": "functions_doubled function_itself functions_circle dims_overflow dims_zero_late dims_int4 external_zero "
    "type_nested captures many_ifs",
    "learned": "tree_targets tree_cycle svm_vectors svm_classes",
}
TABLES = {
    "large": hurt.LARGE,
    "time": hurt.TIME,
    "nothing": hurt_files.NOTHING,
    "file": hurt_files.FILES,
    "learned": hurt_files.LEARNED,
}
BOMBS = {f"{group}_{name}": make for group, table in TABLES.items() for name, make in table.items()}
NAMES = [f"{group}_{name}" for group, names in QUICK.items() for name in names.split()]
if os.environ.get("SARD_HURT") == "all":
    NAMES = list(BOMBS)


def save(folder: Path, made: hurt.Made) -> list[str | Path]:
    """The command that runs the model; the tool is told less than what is enforced."""
    model, inputs = made
    (folder / "inputs").mkdir(parents=True)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    for i, v in enumerate(model.graph.input):
        if v.name in inputs:
            data = nh.from_array(inputs[v.name], v.name).SerializeToString()
            (folder / "inputs" / f"input_{i}.pb").write_bytes(data)
    command = [TOOL, "run", folder / "model.onnx", "--timeout", "1", "--memory-limit", "512M"]
    return [*command, "--inputs", folder / "inputs"] if inputs else command


@pytest.mark.parametrize("name", NAMES)
def test_a_bomb_is_defused(name: str, tmp_path: Path):
    made = BOMBS[name]()
    for kind, bomb in (("load", made), ("run", hurt.at_run(made))):
        if bomb is None:
            continue
        ended = bounded.run(save(tmp_path / kind, bomb), SECONDS, MEMORY, SANITIZED)
        how = f"{kind}: {ended.ending} after {ended.seconds:.1f} s, {ended.peak >> 20} MiB: {ended.text[-500:]}"
        assert ended.ending in ("result", "error"), how
        assert "internal" not in ended.text.lower(), how
