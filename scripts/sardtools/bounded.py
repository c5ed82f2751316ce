"""A command in a process of its own with limits of time and memory that are enforced from outside.

Time: the process is killed when it is over. Memory: where the address space may be bounded, the system refuses
allocations of private memory beyond the limit; in any case the process's resident memory is looked at while it runs, and
it is killed above the limit; its peak, which the system keeps, is judged at the end, so that nothing is missed.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

SANITIZERS = ("AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "MemorySanitizer", "runtime error:")
# What freed memory sanitizers hold back counts as the tool's: little, so that the limit is about what is in use.
ASAN = "quarantine_size_mb=16:thread_local_quarantine_size_kb=256:malloc_context_size=8:allocator_may_return_null=1"


@dataclass
class Ending:
    """How a command ended."""

    ending: str  # result, error, silent, crash, hang, over-limit
    seconds: float
    peak: int  # bytes of resident memory
    text: str  # what it wrote to stderr


def run(command: list[str | Path], seconds: float, memory: int, sanitized: bool = False) -> Ending:
    """Runs the command; `memory` in bytes. Its stdout goes nowhere."""
    start = time.monotonic()
    environment = dict(os.environ)
    if sanitized:
        environment["ASAN_OPTIONS"] = ASAN
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [str(c) for c in command],
            stdout=subprocess.DEVNULL,
            stderr=errors,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            env=environment,
            preexec_fn=lambda: _bound(None if sanitized else memory),
        )
        killed, usage, status = _wait(process, start + seconds, memory)
        took = time.monotonic() - start
        errors.seek(0)
        text = errors.read(1 << 20).decode(errors="replace")
    code, peak = os.waitstatus_to_exitcode(status), usage.ru_maxrss << 10
    if code < 0 and not killed:
        text += f"\nended by {signal.Signals(-code).name}"
    if not killed and took > seconds:
        killed = "hang"
    if not killed and peak > memory:
        killed = "over-limit"
    return Ending(_judge(killed, code, text), took, peak, text)


def _judge(killed: str, code: int, text: str) -> str:
    if any(name in text for name in SANITIZERS):
        return "crash"
    if killed:
        return killed
    if code < 0:
        return "crash"
    if code == 0:
        return "result"
    return "error" if text.strip() else "silent"


def _bound(memory: int | None) -> None:
    """In the child: no core file; private memory."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))


def _resident(pid: int) -> int:
    """The most memory the process has had resident so far; 0 when it has ended."""
    try:
        with open(f"/proc/{pid}/status") as status:
            return next((int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM:")), 0)
    except OSError:
        return 0


def _wait(process: subprocess.Popen, deadline: float, memory: int):
    """Waits; kills at the deadline or above the memory limit. (why it was killed or "", resource usage, wait status)"""
    pause, why = 0.001, ""
    while True:
        done, status, usage = os.wait4(process.pid, os.WNOHANG)
        if not done and (time.monotonic() >= deadline or _resident(process.pid) > memory):
            why = "hang" if time.monotonic() >= deadline else "over-limit"
            process.send_signal(signal.SIGKILL)
            done, status, usage = os.wait4(process.pid, 0)
        if done:
            process.returncode = 0  # it is collected: Popen need not wait
            return why, usage, status
        time.sleep(pause)
        pause = min(1.5 * pause, 0.02)
