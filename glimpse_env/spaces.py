"""The observation and action spaces, and the codec between an action and its parts: location, logits, belief."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor

from glimpse_env.retina import Retina
from glimpse_env.utils.errors import shown

MAX_LOGIT = 20.0
"""Logits lie in [-MAX_LOGIT, MAX_LOGIT]."""

LOCATION_SIZE = 2
"""Numbers of a location, `(x, y)`."""

ArrayT = TypeVar("ArrayT", NDArray[np.float32], Tensor)


class Action(NamedTuple):
    """The parts of an action, arrays or tensors with the same leading dimensions.

    Attributes:
        location: Where to look next, `(..., 2)`, `(x, y)` in [-1, 1].
        logits: The logits of the belief, `(..., num_classes)` in [-20, 20].
    """

    location: Any
    logits: Any


def observation_space(channels: int, retina: Retina, context_size: int | None = None) -> spaces.Dict:
    """The space of observations.

    A glimpse, `(num_scales * channels, g, g)`, and the location where it was taken. With a `context_size`, also a
    coarse view of the canvas, `(channels, context_size, context_size)`.
    """
    size = retina.glimpse_size
    parts: dict[str, spaces.Space[Any]] = {
        "glimpse": spaces.Box(0.0, 1.0, (retina.num_scales * channels, size, size), np.float32),
        "location": spaces.Box(-1.0, 1.0, (LOCATION_SIZE,), np.float32),
    }
    if context_size is not None:
        parts["context"] = spaces.Box(0.0, 1.0, (channels, context_size, context_size), np.float32)
    return spaces.Dict(parts)


def action_space(num_classes: int) -> spaces.Box:
    """The space of actions: the next location `(x, y)`, then the logits of the belief, one per class."""
    high = np.array([1.0] * LOCATION_SIZE + [MAX_LOGIT] * num_classes, dtype=np.float32)
    return spaces.Box(-high, high, dtype=np.float32)


def num_classes_of(space: spaces.Space[Any]) -> int:
    """The number of classes of an action space.

    Raises:
        ValueError: It is not the action space of a glimpse environment.
    """
    if not isinstance(space, spaces.Box) or len(space.shape) != 1 or space.shape[0] <= LOCATION_SIZE:
        raise ValueError(f"expected the action space of a glimpse environment, got {shown(space)}")
    return space.shape[0] - LOCATION_SIZE


def pack_action(location: ArrayT, logits: ArrayT) -> ArrayT:
    """Makes an action `(..., 2 + num_classes)` of a location `(..., 2)` and logits `(..., num_classes)`.

    Example:
        >>> pack_action(torch.tensor([0.5, -1.0]), torch.tensor([3.0, -3.0]))
        tensor([ 0.5000, -1.0000,  3.0000, -3.0000])
    """
    if isinstance(location, Tensor):
        return torch.cat([location, logits], dim=-1)
    return np.concatenate([location, logits], axis=-1)


def unpack_action(action: ArrayT) -> Action:
    """Splits an action `(..., 2 + num_classes)` into its parts, which share its memory.

    Example:
        >>> unpack_action(torch.tensor([0.5, -1.0, 3.0, -3.0])).logits
        tensor([ 3., -3.])
    """
    if isinstance(action, Tensor):  # one call takes half the time of two
        return Action(*action.split_with_sizes([LOCATION_SIZE, action.shape[-1] - LOCATION_SIZE], dim=-1))
    return Action(action[..., :LOCATION_SIZE], action[..., LOCATION_SIZE:])


def belief_of(logits: Tensor) -> Tensor:
    """The belief of an action, `(..., num_classes)`: the softmax of its logits, after clipping them to [-20, 20].

    Example:
        >>> belief_of(torch.tensor([0.0, 0.0]))
        tensor([0.5000, 0.5000])
    """
    return logits.clamp(-MAX_LOGIT, MAX_LOGIT).softmax(-1)


def read_action(action: Any, shape: tuple[int, ...], device: torch.device) -> Tensor:
    """Turns actions into a tensor that lies in the action space, or raises an error that says what is wrong with them.

    Args:
        action: NumPy array, torch tensor or nested sequence of floats.
        shape: The expected shape, `(2 + num_classes,)` or `(N, 2 + num_classes)`.
        device: Device of the result.

    Returns:
        A new tensor `(N, 2 + num_classes)`, N = 1 for a single action, float32 on `device`: locations clipped to
        [-1, 1], logits to [-20, 20].

    Raises:
        TypeError: The action does not consist of floating-point numbers.
        ValueError: The action has another shape, or a number is NaN or infinite.
    """
    if isinstance(action, Tensor):
        _check(action.is_floating_point(), tuple(action.shape), shape, action.dtype)
        lowest, highest = action.detach().aminmax()  # NaN if there is any
        finite = math.isfinite(lowest) and math.isfinite(highest)
        low, high = _limits(shape[-1], device)
        tensor = action.detach().to(device, torch.float32).clamp(low, high)
    else:
        array = as_array("action", action)
        _check(array.dtype.kind == "f", array.shape, shape, array.dtype)
        finite = bool(np.logical_and.reduce(np.isfinite(array), axis=None))
        bottom, top = _bounds(shape[-1])
        clipped = np.minimum(np.maximum(array, bottom), top)
        tensor = torch.from_numpy(clipped.astype(np.float32, copy=False)).to(device)
    if not finite:
        raise ValueError(f"expected finite numbers in the action, got {shown(action)}")
    return tensor.view(-1, shape[-1])


def as_array(name: str, values: Any) -> NDArray[Any]:
    """Turns `values`, also a tensor on any device, into a NumPy array.

    Raises:
        TypeError: They are a tensor that NumPy cannot hold, such as one of bfloat16.
        ValueError: They are no regular array.
    """
    if isinstance(values, Tensor):
        try:
            return values.detach().cpu().numpy()
        except (RuntimeError, TypeError) as error:
            raise TypeError(f"expected {name} to be an array, got {shown(values)}") from error
    try:
        return np.asarray(values)
    except ValueError as error:
        message = f"expected {name} to be a regular array, but its parts differ in shape, got {shown(values)}"
        raise ValueError(message) from error


def _check(floating: bool, shape: tuple[int, ...], expected: tuple[int, ...], dtype: Any) -> None:
    if not floating:
        raise TypeError(f"expected an action of floating-point numbers, got dtype {dtype}")
    if shape != expected:
        raise ValueError(f"expected an action of shape {expected}, got {shape}")


@lru_cache(maxsize=16)
def _bounds(length: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    space = action_space(length - LOCATION_SIZE)
    return space.low.astype(np.float32), space.high.astype(np.float32)


@lru_cache(maxsize=16)
def _limits(length: int, device: torch.device) -> tuple[Tensor, Tensor]:
    low, high = _bounds(length)
    return torch.from_numpy(low).to(device), torch.from_numpy(high).to(device)
