"""Settings of the algorithms, and the description of an agent; both are written into a saved agent as JSON."""

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


def check_fraction(name: str, value: float) -> None:
    """Checks a setting that is a fraction.

    Raises:
        ValueError: It is not in [0, 1].
    """
    if not 0 <= value <= 1:
        raise ValueError(f"expected {name} in [0, 1], got {value}")


@dataclass(frozen=True)
class Settings:
    """How an agent learns.

    Raises:
        TypeError: A schedule is neither a number nor an `agents.Schedule`, or a count is no integer.
        ValueError: A number is out of range.
    """

    learning_rate: float | Schedule = 1e-3
    """Learning rate of Adam."""
    location_std: float | Schedule = 0.1
    """Standard deviation of the locations that are drawn, in units of location."""
    demonstration_path: tuple[tuple[float, float], ...] = ()
    """Locations `(x, y)` that the first episodes look at, and that the policy learns by maximum likelihood (behaviour
    cloning); by default there is no such warm-up."""
    warmup_fraction: float = 0.2
    """Fraction of the training that the warm-up takes, where there is a `demonstration_path`."""
    exploration_fraction: float = 0.0
    """Fraction of the episodes that look at uniformly random locations. From these exploratory episodes the core and
    the classifier alone learn, so that they know places that the policy would not choose."""
    num_envs: int = 128
    """Sub-environments; each plays one episode per iteration."""
    episodes_per_image: int = 1
    """So many sub-environments in a row play the same image on the same canvas, each from its own first location. Their
    returns are compared with each other instead of with the baseline."""
    loss_weights: LossWeights = field(default_factory=LossWeights)
    """Weights of the parts of the loss."""
    max_grad_norm: float = 10.0
    """Gradients with a larger norm are scaled down to it: those of the location network and the baseline, which grow as
    1 / `location_std`, apart from all others."""
    precision: str = "float32"
    """`"float32"`, or `"bfloat16"` for mixed precision where the processor has it."""
    num_threads: int = 1
    """Threads that training takes on the CPU. More are faster only for large batches on cores that nothing else uses,
    and several times slower where something does; weights then differ in the last digits."""

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
            check_fraction(name, getattr(self, name))
        if isinstance(self.loss_weights, dict):
            object.__setattr__(self, "loss_weights", LossWeights(**self.loss_weights))
        check_integer("num_envs", self.num_envs, 1)
        check_integer("episodes_per_image", self.episodes_per_image, 1)
        if self.num_envs % self.episodes_per_image != 0:
            raise ValueError(
                f"expected episodes_per_image to divide num_envs, {self.num_envs}, got {self.episodes_per_image}"
            )
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
        environment: The environment that it learns in.
        glimpse_shape: Shape of a glimpse, `(num_scales * channels, g, g)`.
        num_classes: Number of classes.
        policy_kwargs: Arguments of `RAMPolicy`.
        settings: How it learns.
        seed: Seed of the weights, the locations and the environment.

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
