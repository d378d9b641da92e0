"""Timing: workloads take turns, their median rate counts, and memory is the peak above what was in use."""

from __future__ import annotations

import mmap
import statistics
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.benchmarks import timing
from scripts.benchmarks.timing import measure_peak_memory, measure_rates

NUM_PAGES = 16_384


class Clock:
    """A clock that only workloads move on.

    Args:
        durations: Seconds that each call takes, by the name of its workload; the last is repeated.
    """

    def __init__(self, durations: dict[str, list[float]]) -> None:
        self.now = 0.0
        self.durations = durations
        self.calls: list[str] = []

    def perf_counter(self) -> float:
        return self.now

    def workload(self, name: str, units: int) -> Callable[[], int]:
        def work() -> int:
            durations = self.durations[name]
            self.now += durations[min(self.calls.count(name), len(durations) - 1)]
            self.calls.append(name)
            return units

        return work


def test_rates_are_medians_of_workloads_that_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first call of each, which is much slower, is not timed."""
    clock = Clock({"one": [100.0, 1.0, 4.0, 1.0], "two": [100.0, 2.0]})
    monkeypatch.setattr(timing, "time", clock)
    workloads = {"one": clock.workload("one", 10), "two": clock.workload("two", 10)}
    rates = measure_rates(workloads, duration=6.0)
    assert clock.calls == ["one", "two"] * 4
    assert rates == {"one": statistics.median([10.0, 2.5, 10.0]), "two": 5.0}


def test_every_workload_is_timed_however_short_the_time() -> None:
    assert measure_rates({"a": lambda: 1}, duration=1e-9)["a"] > 0


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the system does not report a peak")
def test_memory_is_the_peak_and_not_what_is_left() -> None:
    def work() -> None:
        # Fresh pages, freed at once. An array might come from memory that the process has freed before.
        with mmap.mmap(-1, NUM_PAGES * mmap.PAGESIZE) as memory:
            memory[:: mmap.PAGESIZE] = b"1" * NUM_PAGES

    peak = measure_peak_memory(work)
    assert peak == pytest.approx(NUM_PAGES * mmap.PAGESIZE / 1e6, abs=8)


def test_memory_is_unknown_where_the_system_does_not_report_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(path: Path, text: str) -> int:
        raise FileNotFoundError(path)

    monkeypatch.setattr(Path, "write_text", missing)
    assert measure_peak_memory(lambda: None) is None
