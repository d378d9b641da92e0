"""Timing of workloads, and the memory that they take."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

from tyro.constructors import PrimitiveConstructorSpec

Workload = Callable[[], int]
"""Does some work, and returns the number of units done: steps of all sub-environments together, for example."""


def _read_seconds(words: list[str]) -> float:
    value = float(words[0])
    if not 0 < value < float("inf"):
        raise ValueError(f"expected a number of seconds above 0, got {words[0]}")
    return value


Seconds = Annotated[
    float,
    PrimitiveConstructorSpec(
        nargs=1,
        metavar="SECONDS",
        instance_from_str=_read_seconds,
        is_instance=lambda value: isinstance(value, float),
        str_from_instance=lambda value: [str(value)],
    ),
]
"""A duration above 0 as a command-line argument."""


def measure_rates(workloads: Mapping[Any, Workload], duration: float) -> dict[Any, float]:
    """Measures the units per second of workloads, each as the median over many calls.

    The workloads take turns, so that anything that slows the machine down for a while affects all of them. A first
    call of each is not timed.

    Args:
        workloads: The workloads by name; each is timed at least once.
        duration: Seconds per workload.
    """
    measured: dict[Any, list[float]] = {name: [] for name in workloads}
    for workload in workloads.values():
        workload()
    stop = time.perf_counter() + duration * len(workloads)
    while True:
        for name, workload in workloads.items():
            start = time.perf_counter()
            units = workload()
            measured[name].append(units / (time.perf_counter() - start))
        if time.perf_counter() >= stop:
            return {name: statistics.median(values) for name, values in measured.items()}


def measure_peak_memory(work: Callable[[], object]) -> float | None:
    """Measures how far the peak memory of this process rises above its present memory during some work.

    Returns:
        Megabytes (10**6 bytes); None where the system does not report it (Linux does).
    """
    try:
        Path("/proc/self/clear_refs").write_text("5")  # resets the peak
        before = _resident_bytes("VmRSS")
        work()
        return (_resident_bytes("VmHWM") - before) / 1_000_000
    except OSError:
        return None


def _resident_bytes(field: str) -> int:
    """Reads the resident memory of this process: `"VmRSS"` is the present one, `"VmHWM"` the peak."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024
