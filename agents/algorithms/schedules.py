"""Schedules: numbers that change while an agent learns."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from numbers import Real
from typing import Any

import torch

from glimpse_env.config import read_number
from glimpse_env.utils.errors import shown, unknown_name_error

KINDS = ("linear", "cosine")
MAX_NUMBER = torch.finfo(torch.float32).max
"""Beyond it a number is infinite in float32."""


@dataclass(frozen=True)
class Schedule:
    """Goes from `start` to `end` while an agent learns; called as Stable-Baselines3 calls its schedules.

    Attributes:
        start: The first value.
        end: The last value.
        kind: `"linear"` or `"cosine"` (half a cosine: slow, fast, slow).

    Raises:
        TypeError: `start` or `end` is no number.
        ValueError: One of them is beyond what float32 holds, or there is no such kind.

    Example:
        >>> schedule = Schedule(0.2, 0.1)
        >>> schedule(1.0), schedule(0.5), schedule(0.0)
        (0.2, 0.15, 0.1)
    """

    start: float
    end: float
    kind: str = "linear"

    def __post_init__(self) -> None:
        for name in ("start", "end"):
            object.__setattr__(self, name, read_number(name, getattr(self, name), -MAX_NUMBER, MAX_NUMBER))
        if not (isinstance(self.kind, str) and self.kind in KINDS):
            raise unknown_name_error("schedule", self.kind, KINDS)

    def __call__(self, progress_remaining: float) -> float:
        """The value when `progress_remaining`, which goes from 1 to 0, is left of the training."""
        done = 1 - progress_remaining
        if self.kind == "cosine":
            done = (1 - math.cos(math.pi * done)) / 2
        return round(self.start + (self.end - self.start) * done, 12)


def read_schedule(name: str, value: Any) -> Schedule:
    """Makes a schedule of a number, which stays as it is, or of a first and a last number; undoes `asdict`, too.

    Raises:
        TypeError: It is none of these. Functions are not accepted because a saved agent must not bring code.
        ValueError: A number is beyond what float32 holds.
    """
    if isinstance(value, Schedule):
        return value
    if isinstance(value, Real) and not isinstance(value, bool):
        number = read_number(name, value, -MAX_NUMBER, MAX_NUMBER)
        return Schedule(number, number)
    if isinstance(value, list | tuple) and len(value) == 2:
        return Schedule(*value)
    if isinstance(value, dict) and set(value) == set(asdict(Schedule(0, 0))):
        return Schedule(**value)
    raise TypeError(
        f"expected {name} to be a number, a first and a last number, or an agents.Schedule, got {shown(value)}"
    )
