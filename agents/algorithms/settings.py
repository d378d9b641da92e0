"""How an agent learns, and all that describes it; both are written into a saved agent as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from typing_extensions import Self

from agents.algorithms.losses import LossWeights
from agents.algorithms.schedules import Schedule, read_schedule
from agents.environments import EnvironmentSpec
from glimpse_env.config import check_integer
from glimpse_env.utils.errors import unknown_name_error

PRECISIONS = ("float32", "bfloat16")
FIXED = ("gamma", "n_steps")
"""Settings of Stable-Baselines3 that cannot be chosen here."""


@dataclass(frozen=True)
class Settings:
    """How an agent learns.

    Raises:
        TypeError: A schedule is neither a number nor an `agents.Schedule`, or a count is no integer.
        ValueError: A number is out of range.
    """

    learning_rate: float | Schedule = 1e-3
    """Of Adam."""
    location_std: float | Schedule = 0.1
    """Standard deviation of the locations that are drawn, in units of location."""
    demonstration_path: tuple[tuple[float, float], ...] = ()
    """Locations `(x, y)` that the agent is led along at first, and learns to choose by maximum likelihood; by default
    it is not led."""
    warmup_fraction: float = 0.2
    """Share of the training that it is led for, where there is a `demonstration_path`."""
    exploration_fraction: float = 0.0
    """Share of the episodes that look at random, or where the algorithm's `choose` says, so that core and classifier
    learn from places that the policy would not choose."""
    num_envs: int = 128
    """Episodes played at a time."""
    loss_weights: LossWeights = field(default_factory=LossWeights)
    """How much each part of the loss counts."""
    max_grad_norm: float = 10.0
    """The gradient is scaled down to this norm where it is longer: that of the location network and the baseline, which
    goes as 1 over `location_std`, apart from that of all else."""
    precision: str = "float32"
    """`"float32"`, or `"bfloat16"` for mixed precision where the processor has it."""

    def __post_init__(self) -> None:
        for name in ("learning_rate", "location_std"):
            schedule = read_schedule(name, getattr(self, name))
            if not all(math.isfinite(value) and value >= 0 for value in (schedule.start, schedule.end)):
                raise ValueError(f"expected {name} to be finite and not negative, got {schedule}")
            if name == "location_std" and not min(schedule.start, schedule.end) > 0:
                raise ValueError(
                    f"expected location_std to stay above 0, since gradients go as 1 over it, got {schedule}"
                )
            object.__setattr__(self, name, schedule)
        path = tuple((float(x), float(y)) for x, y in self.demonstration_path)
        if not all(-1 <= coordinate <= 1 for location in path for coordinate in location):
            raise ValueError(
                f"expected demonstration_path to consist of locations in [-1, 1], got {self.demonstration_path}"
            )
        object.__setattr__(self, "demonstration_path", path)
        for name in ("warmup_fraction", "exploration_fraction"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"expected {name} in [0, 1], got {getattr(self, name)}")
        if isinstance(self.loss_weights, dict):
            object.__setattr__(self, "loss_weights", LossWeights(**self.loss_weights))
        check_integer("num_envs", self.num_envs, 1)
        if not self.max_grad_norm > 0:
            raise ValueError(f"expected max_grad_norm to be positive, got {self.max_grad_norm}")
        if self.precision not in PRECISIONS:
            raise unknown_name_error("precision", self.precision, PRECISIONS)

    @classmethod
    def read(cls, settings: dict[str, Any]) -> Self:
        """Makes settings of names and values.

        Raises:
            TypeError: A value is of the wrong type.
            ValueError: There is no setting of that name, or its value is out of range.
        """
        known = [one.name for one in fields(cls)]
        for name in settings:
            if name in FIXED:
                raise ValueError(f"Unknown setting {name!r}: gamma is 1 and rollouts are whole episodes.")
            if name not in known:
                raise unknown_name_error("setting", name, known)
        return cls(**settings)


@dataclass(frozen=True)
class AgentSpec:
    """What an agent is made of, apart from its weights.

    Attributes:
        environment: Where it lives.
        glimpse_shape: `(num_scales * channels, g, g)`.
        num_classes: Classes that it tells apart.
        policy_kwargs: Arguments of `RAMPolicy`.
        settings: How it learns.
        seed: Of the weights, the locations and the environment.

    Raises:
        TypeError: Something in it could not be written into a saved agent.
    """

    environment: EnvironmentSpec
    glimpse_shape: tuple[int, ...]
    num_classes: int
    policy_kwargs: dict[str, Any]
    settings: Settings
    seed: int

    def __post_init__(self) -> None:
        try:
            json.dumps(self.to_json())
        except TypeError as error:
            raise TypeError(f"expected numbers, strings, lists and dicts, which can be saved: {error}") from error

    def to_json(self) -> dict[str, Any]:
        """This as plain numbers, strings, lists and dicts."""
        return asdict(self)

    @classmethod
    def from_json(cls, parts: dict[str, Any], read_settings: Callable[[dict[str, Any]], Settings]) -> AgentSpec:
        """Undoes `to_json`; `read_settings` makes the algorithm's own settings."""
        return cls(
            environment=EnvironmentSpec(**parts["environment"]),
            glimpse_shape=tuple(int(size) for size in parts["glimpse_shape"]),
            num_classes=int(parts["num_classes"]),
            policy_kwargs=dict(parts["policy_kwargs"]),
            settings=read_settings(parts["settings"]),
            seed=int(parts["seed"]),
        )
