"""The arguments of a world, checked in one place for single and vector environments."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np

from glimpse_env.retina import Retina
from glimpse_env.utils.errors import shown, unknown_name_error
from glimpse_env.utils.paths import read_path

MAX_SCALES = 8
MAX_SIDE = 2**12
"""The sums of the pixels of one canvas of that side take about 1 GB."""
MAX_GLIMPSES = 2**12
MAX_DISTRACTORS = 2**16
MAX_ENVS = 2**20
MAX_EPISODE = 2**48


def check_render_mode(render_mode: str | None, modes: Sequence[str]) -> None:
    """Raises a `ValueError` unless `render_mode` is None or one of `modes`."""
    if render_mode is not None and not (isinstance(render_mode, str) and render_mode in modes):
        raise unknown_name_error("render_mode", render_mode, modes)


def read_options(options: Mapping[str, Any] | None, names: Sequence[str] = ("index", "episode")) -> dict[str, Any]:
    """Returns what `reset(options=...)` asks for by name, None where it asks for nothing.

    Args:
        options: What the user gave.
        names: The options that there are. Only `episode` is checked here.

    Raises:
        TypeError: The options are no dict, or the episode's number is not an integer.
        ValueError: It is negative or beyond 2**48, or there are other options than `names`.
    """
    if options is not None and not isinstance(options, Mapping):
        raise TypeError(f"expected reset options to be a dict, got {shown(options)}")
    options = options or {}
    for name in options:
        if name not in names:
            raise unknown_name_error("reset option", name, names)
    episode = options.get("episode")
    if episode is not None:
        check_integer("episode", episode, 0)
        if episode >= MAX_EPISODE:
            raise ValueError(f"expected episode to be less than 2**48, got {shown(episode)}")
        episode = int(episode)
    return {name: options.get(name) for name in names} | {"episode": episode}


def check_integer(name: str, value: Any, lowest: int, highest: int | None = None) -> None:
    """Raises a `TypeError` unless `value` is an integer, a `ValueError` unless it lies in [lowest, highest].

    NumPy's integers are integers; True and False are not.
    """
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise TypeError(f"expected {name} to be an integer, got {shown(value)}")
    if int(value) < lowest:
        raise ValueError(f"expected {name} to be at least {lowest}, got {shown(value)}")
    if highest is not None and int(value) > highest:
        raise ValueError(f"expected {name} to be at most {highest}, got {shown(value)}")


def read_number(name: str, value: Any, lowest: float, highest: float) -> float:
    """Returns a number as a float.

    Raises:
        TypeError: It is no number. True and False are none.
        ValueError: It is not in [lowest, highest], or NaN.
    """
    expected = f"expected {name} to be a number in [{lowest:g}, {highest:g}]"
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{expected}, got {shown(value)}")
    number: Any = value
    try:
        if lowest <= number <= highest:
            return float(number)
    except OverflowError:  # an integer beyond all floats
        pass
    raise ValueError(f"{expected}, got {shown(value)}")


def check_flag(name: str, value: Any) -> None:
    """Raises a `TypeError` unless `value` is True or False."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"expected {name} to be True or False, got {shown(value)}")


def read_seeds(seed: Any, num_envs: int) -> list[int | None]:
    """Returns one seed per sub-environment.

    Args:
        seed: That of the first, and the others get the integers that follow; or one for each, where None stands for
            a sub-environment that is not seeded.
        num_envs: Number of sub-environments.

    Raises:
        TypeError: `seed` is neither an integer nor a sequence of integers.
        ValueError: There is not one per sub-environment, or one is negative.
    """
    if not _is_sequence(seed):
        check_integer("seed", seed, 0)
        return list(range(int(seed), int(seed) + num_envs))
    if len(seed) != num_envs:
        raise ValueError(f"expected {num_envs} seeds, one per sub-environment, got {len(seed)}")
    for one in seed:
        if one is not None:
            check_integer("each seed", one, 0)
    return [None if one is None else int(one) for one in seed]


def _is_sequence(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.ndim > 0
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def read_location(what: str, value: Any) -> tuple[float, float]:
    """Returns a location as two floats.

    Args:
        what: What is expected, up to the numbers: `"initial_location to be None or"`.
        value: What came.

    Raises:
        TypeError: It does not consist of two numbers.
        ValueError: A number is not in [-1, 1].
    """
    expected = f"expected {what} two numbers (x, y) in [-1, 1]"
    if not _is_sequence(value) or len(value) != 2:
        raise TypeError(f"{expected}, got {shown(value)}")
    if not all(isinstance(number, Real) and not isinstance(number, bool) for number in value):
        raise TypeError(f"{expected}, got {shown(value)}")
    if not all(-1 <= number <= 1 for number in value):
        raise ValueError(f"{expected}, got {shown(value)}")
    return float(value[0]), float(value[1])


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
    """Glimpses in an episode (T), and so its number of steps; at most 4096."""
    glimpse_size: int = 8
    """Side of a patch after pooling, in pixels."""
    num_scales: int = 1
    """Patches of a glimpse, each twice as wide as the one before; at most 8."""
    initial_location: tuple[float, float] | None = None
    """Location of the first glimpse, `(x, y)` in [-1, 1]; by default uniformly random."""
    canvas_size: int | None = None
    """Side of a canvas with the image at a random place, at most 4,096 pixels; by default the canvas is the image."""
    num_distractors: int = 0
    """Crops of other images on the canvas; needs `canvas_size`; at most 65,536."""
    context_size: int | None = None
    """Side of a coarse view of the whole canvas that observations show too, in pixels; by default there is none."""
    data_dir: str | os.PathLike[str] | None = None
    """Folder of the data sets; by default `$GLIMPSE_DATA_DIR`, or else the user's cache directory."""
    image_size: int | None = None
    """Side to which the images of the data set `"folder"` are resized, in pixels; by default they stay as they are."""

    @property
    def retina(self) -> Retina:
        """The geometry of looking."""
        return Retina(self.glimpse_size, self.num_scales)

    def __post_init__(self) -> None:
        for name in ("dataset", "split"):
            if not isinstance(getattr(self, name), str):
                raise TypeError(f"expected {name} to be a string, got {shown(getattr(self, name))}")
        if self.data_dir is not None:
            read_path("data_dir", self.data_dir)
            object.__setattr__(self, "data_dir", os.fspath(self.data_dir))
        self._read("num_glimpses", 1, MAX_GLIMPSES)
        self._read("glimpse_size", 1, MAX_SIDE)
        self._read("num_scales", 1, MAX_SCALES)
        self._read("num_distractors", 0, MAX_DISTRACTORS)
        widest = self.retina.field_of_view
        if widest > MAX_SIDE:
            raise ValueError(f"expected the widest patch to be at most {MAX_SIDE} pixels wide, got {widest}")
        if self.context_size is not None:
            self._read("context_size", 1, MAX_SIDE)
        if self.canvas_size is not None:
            self._read("canvas_size", 1, MAX_SIDE)
        elif self.num_distractors > 0:
            raise ValueError(f"expected a canvas_size to place {self.num_distractors} distractors on, got None")
        if self.image_size is not None:
            self._read("image_size", 1, MAX_SIDE)
        if self.initial_location is not None:
            object.__setattr__(
                self, "initial_location", read_location("initial_location to be None or", self.initial_location)
            )

    def _read(self, name: str, lowest: int, highest: int) -> None:
        value = getattr(self, name)
        check_integer(name, value, lowest, highest)
        object.__setattr__(self, name, int(value))
