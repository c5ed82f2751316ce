"""Timing two things against each other on a machine that others use too.

The calls take turns in short samples, so that a slow moment hits both; what is compared is the median of the ratios of
neighbouring samples. Absolute figures are given as best and median.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Samples:
    """Seconds per call, one entry per sample."""

    seconds: list[float] = field(default_factory=list)

    @property
    def best(self) -> float:
        return min(self.seconds)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def interleave(
    calls: dict[str, Callable[[], object]], *, seconds: float = 2.0, sample: float = 0.01, least: int = 5
) -> dict[str, Samples]:
    """Times all calls of this process in turn for about `seconds` in all, at least `least` rounds.

    A sample repeats its call until it lasts about `sample` seconds (0: a single call).
    """
    repeats = {name: repeats_for(call, sample) for name, call in calls.items()}
    samplers = {name: (lambda n=name: time_call(calls[n], repeats[n])) for name in calls}
    return take_turns(samplers, seconds=seconds, least=least)


def take_turns(samplers: dict[str, Callable[[], float]], *, seconds: float, least: int) -> dict[str, Samples]:
    """Asks each sampler for its time again and again for about `seconds`; the order alternates from round to round."""
    result = {name: Samples() for name in samplers}
    end = time.perf_counter() + seconds
    names = list(samplers)
    rounds = 0
    while rounds < least or time.perf_counter() < end:
        for name in names if rounds % 2 == 0 else reversed(names):
            result[name].seconds.append(samplers[name]())
        rounds += 1
    return result


def ratio(samples: dict[str, Samples], name: str, base: str) -> float:
    """The median over rounds of `name`'s time divided by `base`'s."""
    pairs = zip(samples[name].seconds, samples[base].seconds)
    return statistics.median(a / b for a, b in pairs)


def time_call(call: Callable[[], object], repeats: int) -> float:
    """Seconds per call, over that many calls."""
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - start) / repeats


def repeats_for(call: Callable[[], object], sample: float) -> int:
    """How often the call must be repeated for a sample; the first call warms up."""
    call()
    return max(1, min(10_000, round(sample / max(time_call(call, 1), 1e-9)))) if sample else 1


def show_time(seconds: float) -> str:
    """Seconds as a person reads them: 12.3 ms, 45.6 us."""
    if seconds >= 1:
        return f"{seconds:.2f} s"
    if seconds >= 1e-3:
        return f"{seconds * 1e3:.2f} ms"
    return f"{seconds * 1e6:.1f} us"
