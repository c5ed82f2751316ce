"""A child process that answers a JSON line with a JSON line, so that a crash or hang of what it runs is an answer, too.

The parent asks with `Worker.ask`; the child serves with `serve`. Anything the child's libraries print is thrown away.
"""

from __future__ import annotations

import json
import os
import resource
import select
import subprocess
import sys
from collections.abc import Callable
from typing import Any


class Worker:
    """One child, started when first asked and again after a crash or a hang."""

    def __init__(self, command: list[str], time_limit: float) -> None:
        self.command = command
        self.time_limit = time_limit
        self.process: subprocess.Popen | None = None

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """The child's answer, or {"status": "crash" | "timeout", "reason": ...}."""
        if self.process is None:
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        process = self.process
        try:
            process.stdin.write(json.dumps(question) + "\n")
            process.stdin.flush()
        except BrokenPipeError:
            return self._crashed()
        ready, _, _ = select.select([process.stdout], [], [], self.time_limit)
        if not ready:
            process.kill()
            self.close()
            return {"status": "timeout", "reason": f"no answer in {self.time_limit:g} s"}
        line = process.stdout.readline()
        return json.loads(line) if line else self._crashed()

    def _crashed(self) -> dict[str, Any]:
        process, self.process = self.process, None
        process.stdin.close()
        code = process.wait()
        reason = f"ended by signal {-code}" if code < 0 else f"ended with status {code}"
        return {"status": "crash", "reason": reason}

    def close(self) -> None:
        """Ends the child and waits for it."""
        if self.process is not None:
            self.process.stdin.close()
            self.process.wait()
            self.process = None


def serve(answer: Callable[[dict[str, Any]], dict[str, Any]], memory_limit: int | None = None) -> None:
    """Answers questions from stdin until it closes. `memory_limit` bounds the address space, in bytes."""
    if memory_limit:
        resource.setrlimit(resource.RLIMIT_AS, (memory_limit, memory_limit))
    out = os.fdopen(os.dup(1), "w")
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    for line in sys.stdin:
        out.write(json.dumps(answer(json.loads(line))) + "\n")
        out.flush()
