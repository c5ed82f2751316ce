"""The same bits for 1 and 2 threads, for a row alone and in a batch, for every instruction set of this machine."""

from __future__ import annotations

import pytest

pytest.importorskip("sard")

from sardtools import machine, one_answer


@pytest.mark.parametrize("level", ["none", "all"])
@pytest.mark.parametrize("name", one_answer.OWN)
def test_one_answer(name: str, level: str, model_folder) -> None:
    found = {}
    for isa in machine.instruction_sets():
        if level == "none" and name == "resnet50" and isa == "ref":
            continue  # plain C takes half a minute for it; the level "all" has it
        for way, digest in one_answer.digests(name, model_folder, isa, "sard", level).items():
            found[f"{isa}, {way}"] = digest
    assert len(set(found.values())) == 1, found
