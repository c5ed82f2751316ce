"""Facts about the machine and the process: what a table of measurements must say beside its figures."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import time
from pathlib import Path

_FLAGS = (
    "sse4_2",
    "avx2",
    "fma",
    "f16c",
    "avx512f",
    "avx512bw",
    "avx512_vnni",
    "avx_vnni",
    "avx512_bf16",
    "avx512_fp16",
    "amx_int8",
    "asimd",
    "asimddp",
    "i8mm",
    "sve",
)


def facts(*packages: str) -> dict[str, str]:
    """Date, processor, instruction sets, system, Python and the versions of packages."""
    info = _cpuinfo()
    own = set((info.get("flags") or info.get("Features") or "").split())
    result = {
        "date": datetime.date.today().isoformat(),
        "processor": info.get("model name") or platform.machine(),
        "cores": str(len(os.sched_getaffinity(0))),
        "instruction sets": " ".join(f for f in _FLAGS if f in own),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "Python": platform.python_version(),
    }
    for package in packages:
        try:
            result[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            result[package] = "in the build folder"
    return result


def instruction_sets() -> list[str]:
    """The values of SARD_ISA that this machine can run, the plain reference first."""
    info = _cpuinfo()
    own = set((info.get("flags") or info.get("Features") or "").split())
    sets = ["ref"]
    if {"avx2", "fma"} <= own:
        sets.append("avx2")
    if {"avx512f", "avx512bw", "avx512dq", "avx512vl"} <= own:
        sets.append("avx512")
    if "asimd" in own:
        sets.append("neon")
    return sets


def _cpuinfo() -> dict[str, str]:
    """The first processor's lines of /proc/cpuinfo."""
    lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def resident_bytes() -> tuple[int, int]:
    """(resident, of these anonymous) bytes of this process. Mapped file pages count in the first only."""
    fields = {}
    for line in Path("/proc/self/status").read_text().splitlines():
        key, _, value = line.partition(":")
        if key in ("VmRSS", "RssAnon"):
            fields[key] = int(value.split()[0]) * 1024
    return fields["VmRSS"], fields["RssAnon"]


def cpu_seconds() -> float:
    """CPU time of this process so far, all threads, user and system."""
    return time.process_time()
