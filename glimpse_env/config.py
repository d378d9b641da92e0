"""The arguments of a world, checked in one place for single and vector environments."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from glimpse_env.retina import Retina
from glimpse_env.utils.errors import unknown_name_error

MAX_SCALES = 8
MAX_SIDE = 2**14
MAX_EPISODE = 2**48


def check_render_mode(render_mode: str | None, modes: Sequence[str]) -> None:
    """Raises a `ValueError` unless `render_mode` is None or one of `modes`."""
    if render_mode is not None and render_mode not in modes:
        raise unknown_name_error("render_mode", render_mode, modes)


def read_options(options: Mapping[str, Any] | None) -> tuple[Any, int | None]:
    """Returns the image indices and the episode's number that `reset(options=...)` asks for, or None for each.

    Raises:
        TypeError: The options are no dict, or the episode's number is not an integer.
        ValueError: It is negative or beyond 2**48, or there are other options than `index` and `episode`.
    """
    if options is not None and not isinstance(options, Mapping):
        raise TypeError(f"expected reset options to be a dict, got {options!r}")
    options = options or {}
    for name in options:
        if name not in ("index", "episode"):
            raise unknown_name_error("reset option", name, ["index", "episode"])
    episode = options.get("episode")
    if episode is not None:
        check_integer("episode", episode, 0)
        if episode >= MAX_EPISODE:
            raise ValueError(f"expected episode to be less than 2**48, got {episode}")
    return options.get("index"), episode


def check_integer(name: str, value: Any, lowest: int) -> None:
    """Raises a `TypeError` unless `value` is an integer, a `ValueError` unless it is at least `lowest`."""
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise TypeError(f"expected {name} to be an integer, got {value!r}")
    if value < lowest:
        raise ValueError(f"expected {name} to be at least {lowest}, got {value}")


def _check_location(value: Any) -> tuple[float, float]:
    expected = "expected initial_location to be None or two numbers (x, y) in [-1, 1]"
    try:
        x, y = value
    except (TypeError, ValueError):
        raise TypeError(f"{expected}, got {value!r}") from None
    if not all(isinstance(number, Real) for number in (x, y)):
        raise TypeError(f"{expected}, got {value!r}")
    if not all(-1 <= number <= 1 for number in (x, y)):
        raise ValueError(f"{expected}, got {value!r}")
    return float(x), float(y)


@dataclass(frozen=True)
class WorldConfig:
    """What there is to see, and how it is looked at.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: An argument is out of range.
    """

    dataset: str = "mnist"
    """Name of a data set, built in or registered with `glimpse_env.register_dataset`."""
    split: str = "train"
    """`"train"` or `"test"`."""
    num_glimpses: int = 6
    """Glimpses in an episode (T), and so its number of steps."""
    glimpse_size: int = 8
    """Side of a patch after pooling, in pixels."""
    num_scales: int = 1
    """Patches of a glimpse, each twice as wide as the one before; at most 8."""
    initial_location: tuple[float, float] | None = None
    """Location of the first glimpse, `(x, y)` in [-1, 1]; by default uniformly random."""
    canvas_size: int | None = None
    """Side of a canvas with the image at a random place, in pixels; by default the canvas is the image."""
    num_distractors: int = 0
    """Crops of other images on the canvas; needs `canvas_size`."""
    data_dir: str | os.PathLike[str] | None = None
    """Folder of the data sets; by default `$GLIMPSE_DATA_DIR`, or else the user's cache directory."""

    @property
    def retina(self) -> Retina:
        """The geometry of looking."""
        return Retina(self.glimpse_size, self.num_scales)

    def __post_init__(self) -> None:
        for name in ("dataset", "split"):
            if not isinstance(getattr(self, name), str):
                raise TypeError(f"expected {name} to be a string, got {getattr(self, name)!r}")
        if not isinstance(self.data_dir, str | os.PathLike | None):
            raise TypeError(f"expected data_dir to be a path or None, got {self.data_dir!r}")
        for name, lowest in [("num_glimpses", 1), ("glimpse_size", 1), ("num_scales", 1), ("num_distractors", 0)]:
            check_integer(name, getattr(self, name), lowest)
        if self.num_scales > MAX_SCALES:
            raise ValueError(f"expected num_scales to be at most {MAX_SCALES}, got {self.num_scales}")
        widest = self.retina.field_of_view
        if widest > MAX_SIDE:
            raise ValueError(f"expected the widest patch to be at most {MAX_SIDE} pixels wide, got {widest}")
        if self.canvas_size is not None:
            check_integer("canvas_size", self.canvas_size, 1)
            if self.canvas_size > MAX_SIDE:
                raise ValueError(f"expected canvas_size to be at most {MAX_SIDE}, got {self.canvas_size}")
        elif self.num_distractors > 0:
            raise ValueError(f"num_distractors={self.num_distractors} needs a canvas_size to place them on, got None")
        if self.initial_location is not None:
            object.__setattr__(self, "initial_location", _check_location(self.initial_location))
