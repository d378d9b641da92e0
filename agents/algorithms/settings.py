"""Settings of the algorithms, and the description of an agent; both are written into a saved agent as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
from typing_extensions import Self

from agents.algorithms.losses import LossWeights
from agents.algorithms.schedules import Schedule, read_schedule
from agents.environments import EnvironmentSpec
from glimpse_env.config import MAX_ENVS, check_integer, read_location, read_number
from glimpse_env.utils.errors import shown, unknown_name_error
from glimpse_env.utils.layers import MAX_SEED
from glimpse_env.utils.threads import MAX_THREADS

MAX_CLASSES = 2**16
"""The largest data sets of images have about 20,000 classes."""
MAX_GLIMPSE = 2**22
"""Numbers of a glimpse; each takes a column of weights."""
MAX_ITERATION = 2**31
"""Numbers of the canvases and glimpses of one iteration, which are in memory together, as up to 8 GiB."""
PRECISIONS = ("float32", "bfloat16")
MIN_STD = 1e-6
"""The smallest standard deviation of a location: a hundredth of a pixel on the largest canvases."""
FIXED = ("gamma", "n_steps")
"""Settings of Stable-Baselines3 that cannot be chosen here."""


def set_number(settings: Any, name: str, lowest: float, highest: float) -> None:
    """Makes a field of a frozen dataclass a float, or raises an error if it is no number in [lowest, highest]."""
    object.__setattr__(settings, name, read_number(name, getattr(settings, name), lowest, highest))


def set_integer(settings: Any, name: str, lowest: int, highest: int) -> None:
    """Makes a field of a frozen dataclass an int, or raises an error if it is no integer in [lowest, highest]."""
    check_integer(name, getattr(settings, name), lowest, highest)
    object.__setattr__(settings, name, int(getattr(settings, name)))


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
            if min(schedule.start, schedule.end) < 0:
                raise ValueError(f"expected {name} not to be negative, got {schedule}")
            object.__setattr__(self, name, schedule)
        self._check_location_std()
        object.__setattr__(self, "demonstration_path", _read_path(self.demonstration_path))
        object.__setattr__(self, "loss_weights", LossWeights.read(self.loss_weights))
        set_number(self, "warmup_fraction", 0, 1)
        set_number(self, "exploration_fraction", 0, 1)
        set_integer(self, "num_envs", 1, MAX_ENVS)
        set_integer(self, "episodes_per_image", 1, MAX_ENVS)
        if self.num_envs % self.episodes_per_image != 0:
            raise ValueError(
                f"expected episodes_per_image to divide num_envs, {self.num_envs}, got {self.episodes_per_image}"
            )
        set_number(self, "max_grad_norm", 0, math.inf)
        if self.max_grad_norm == 0:
            raise ValueError(f"expected max_grad_norm to be positive, got {self.max_grad_norm}")
        if not (isinstance(self.precision, str) and self.precision in PRECISIONS):
            raise unknown_name_error("precision", self.precision, PRECISIONS)
        set_integer(self, "num_threads", 1, MAX_THREADS)

    def _check_location_std(self) -> None:
        schedule = read_schedule("location_std", self.location_std)
        if min(schedule.start, schedule.end) < MIN_STD:
            raise ValueError(
                f"expected location_std to stay above {MIN_STD:g}, since gradients go as 1 over it, got {schedule}"
            )

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


def _read_path(path: Any) -> tuple[tuple[float, float], ...]:
    """The locations of a demonstration path."""
    if not isinstance(path, list | tuple) and not (isinstance(path, np.ndarray) and path.ndim > 0):
        raise TypeError(f"expected demonstration_path to be a list of locations (x, y), got {shown(path)}")
    return tuple(read_location("demonstration_path to consist of locations,", location) for location in path)


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
        ValueError: A size does not fit the environment, or is too large, or a loss weight is for a part that the policy
            does not have.
    """

    environment: EnvironmentSpec
    glimpse_shape: tuple[int, ...]
    num_classes: int
    policy_kwargs: dict[str, Any]
    settings: Settings
    seed: int

    def __post_init__(self) -> None:
        self._check_sizes()
        weight = self.settings.loss_weights.canvas
        if weight > 0 and not self.policy_kwargs.get("canvas_head"):
            raise ValueError(
                f"expected a canvas head for the loss weight canvas={weight:g}, for example "
                'policy_kwargs={"canvas_head": 14}, got a policy without one'
            )
        check_integer("seed", self.seed, 0, MAX_SEED)
        try:
            json.dumps(self.to_json())
        except TypeError as error:
            raise TypeError(f"expected numbers, strings, lists and dicts, which can be saved: {error}") from error

    def _check_sizes(self) -> None:
        config, shape = self.environment.config, self.glimpse_shape
        for side in shape:
            check_integer("every side of glimpse_shape", side, 1, MAX_GLIMPSE)
        if len(shape) != 3 or shape[0] % config.num_scales or set(shape[1:]) != {config.glimpse_size}:
            wanted = f"({config.num_scales} * channels, {config.glimpse_size}, {config.glimpse_size})"
            raise ValueError(f"expected glimpse_shape {wanted}, as the environment has it, got {shown(shape)}")
        check_integer("num_classes", self.num_classes, 2, MAX_CLASSES)
        if math.prod(shape) > MAX_GLIMPSE:
            raise ValueError(f"expected glimpses of at most {MAX_GLIMPSE} numbers, got the shape {shape}")
        episode = (config.canvas_size or 0) ** 2 + config.num_glimpses * math.prod(shape)
        if self.settings.num_envs * episode > MAX_ITERATION:
            raise ValueError(
                f"expected the canvases and glimpses of an iteration to have at most {MAX_ITERATION} numbers, "
                f"got {episode} in each of {self.settings.num_envs} sub-environments"
            )

    def to_json(self) -> dict[str, Any]:
        """This as plain numbers, strings, lists and dicts."""
        return asdict(self)

    @classmethod
    def from_json(cls, parts: dict[str, Any], read_settings: Callable[[dict[str, Any]], Settings]) -> AgentSpec:
        """Undoes `to_json`; `read_settings` makes the algorithm's own settings.

        Raises:
            KeyError: A part is missing.
            TypeError: A part is of the wrong type.
            ValueError: A part is out of range, or unknown.
        """
        parts = _parts_of(cls, "agent", parts)
        return cls(
            environment=EnvironmentSpec(**_parts_of(EnvironmentSpec, "environment", parts["environment"])),
            glimpse_shape=tuple(_check_type("glimpse_shape", parts["glimpse_shape"], list)),
            num_classes=parts["num_classes"],
            policy_kwargs=_check_type("policy_kwargs", parts["policy_kwargs"], dict),
            settings=read_settings(_check_type("settings", parts["settings"], dict)),
            seed=parts["seed"],
        )


def _check_type(name: str, value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"expected {name} to be a {kind.__name__}, got {shown(value)}")
    return value


def _parts_of(kind: type, name: str, value: Any) -> dict[str, Any]:
    """What JSON has in the place of a dataclass.

    Raises:
        KeyError: A field is missing.
        TypeError: It is no dict.
        ValueError: It has something that is no field.
    """
    parts: dict[str, Any] = _check_type(name, value, dict)
    known = [one.name for one in fields(kind)]
    for key in parts:
        if key not in known:
            raise unknown_name_error(f"part of the {name}", key, known)
    return {key: parts[key] for key in known}
