"""Schedules: numbers that change while an agent learns."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from numbers import Real
from typing import Any

from glimpse_env.utils.errors import unknown_name_error

KINDS = ("linear", "cosine")


@dataclass(frozen=True)
class Schedule:
    """Goes from `start` to `end` while an agent learns; called as Stable-Baselines3 calls its schedules.

    Attributes:
        start: The first value.
        end: The last value.
        kind: `"linear"` or `"cosine"` (half a cosine: slow, fast, slow).

    Raises:
        ValueError: There is no such kind.

    Example:
        >>> schedule = Schedule(0.2, 0.1)
        >>> schedule(1.0), schedule(0.5), schedule(0.0)
        (0.2, 0.15, 0.1)
    """

    start: float
    end: float
    kind: str = "linear"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise unknown_name_error("schedule", self.kind, KINDS)

    def __call__(self, progress_remaining: float) -> float:
        """The value when `progress_remaining`, which goes from 1 to 0, is left of the training."""
        done = 1 - progress_remaining
        if self.kind == "cosine":
            done = (1 - math.cos(math.pi * done)) / 2
        return round(self.start + (self.end - self.start) * done, 12)


def read_schedule(name: str, value: Any) -> Schedule:
    """Makes a schedule of a number, which stays as it is, of a schedule, or of what `asdict` made of one.

    Raises:
        TypeError: It is none of these. Functions are not accepted because a saved agent must not bring code.
    """
    if isinstance(value, Schedule):
        return value
    if isinstance(value, Real) and not isinstance(value, bool):
        return Schedule(float(value), float(value))
    if isinstance(value, dict) and set(value) == set(asdict(Schedule(0, 0))):
        return Schedule(**value)
    raise TypeError(f"expected {name} to be a number or an agents.Schedule, got {value!r}")
