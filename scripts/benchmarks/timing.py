"""Meters of speed and memory."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

from tyro.constructors import PrimitiveConstructorSpec

Player = Callable[[], int]
"""Does some work, and returns how much of it: for example episodes, and the steps of all copies together."""


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
"""How long to measure, as an argument of a script: above 0."""


def rates(players: Mapping[Any, Player], duration: float) -> dict[Any, float]:
    """Measures what players count a second, the median of many plays.

    Players take turns, so that whatever slows the machine down for a while slows all of them down.

    Args:
        players: What to measure, by name; at least once each.
        duration: Seconds for each player.
    """
    measured: dict[Any, list[float]] = {name: [] for name in players}
    for play in players.values():
        play()
    stop = time.perf_counter() + duration * len(players)
    while True:
        for name, play in players.items():
            start = time.perf_counter()
            steps = play()
            measured[name].append(steps / (time.perf_counter() - start))
        if time.perf_counter() >= stop:
            return {name: statistics.median(own) for name, own in measured.items()}


def peak_added(work: Callable[[], object]) -> float | None:
    """Measures by how many megabytes the peak of memory in use exceeds, during some work, what was in use before.

    Returns:
        Millions of bytes, or None where the system does not tell (Linux does).
    """
    try:
        Path("/proc/self/clear_refs").write_text("5")  # the peak is from now on
        before = _resident("VmRSS")
        work()
        return (_resident("VmHWM") - before) / 1_000_000
    except OSError:
        return None


def _resident(field: str) -> int:
    """Reads memory in use, `"VmRSS"` now or `"VmHWM"` at its peak, in bytes."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024
