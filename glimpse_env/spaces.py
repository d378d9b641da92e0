"""The observation and action spaces, and how an action is read."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor

MAX_SCORE = 20.0
"""Class scores lie in [-MAX_SCORE, MAX_SCORE]."""


def observation_space(channels: int, glimpse_size: int, num_scales: int) -> spaces.Dict:
    """The space of what an agent sees: the glimpse, `(num_scales * channels, g, g)`, and where it was taken."""
    return spaces.Dict(
        glimpse=spaces.Box(0.0, 1.0, (num_scales * channels, glimpse_size, glimpse_size), np.float32),
        location=spaces.Box(-1.0, 1.0, (2,), np.float32),
    )


def action_space(num_classes: int) -> spaces.Box:
    """The space of what an agent says: the next location `(x, y)`, then a score (logit) for each class."""
    high = np.array([1.0] * 2 + [MAX_SCORE] * num_classes, dtype=np.float32)
    return spaces.Box(-high, high, dtype=np.float32)


def read_action(action: Any, shape: tuple[int, ...], device: torch.device) -> Tensor:
    """Turns an action into a tensor of numbers within the action space, or says what is wrong with it.

    Args:
        action: NumPy array, torch tensor or nested sequence of floats.
        shape: The shape that it must have, `(2 + num_classes,)` or `(N, 2 + num_classes)`.
        device: Where the tensor is needed.

    Returns:
        A copy with a batch in front, `(N, 2 + num_classes)`, float32 on `device`: locations clipped to [-1, 1], class
        scores to [-20, 20].

    Raises:
        TypeError: The action does not consist of floating-point numbers.
        ValueError: The action has another shape, or a number is NaN or infinite.
    """
    if isinstance(action, Tensor):
        _check(action.is_floating_point(), tuple(action.shape), shape, action.dtype)
        finite = bool(torch.isfinite(action).all())
        low, high = _limits(shape[-1], device)
        tensor = action.detach().to(device, torch.float32).clamp(low, high)
    else:
        array = as_array("action", action)
        _check(array.dtype.kind == "f", array.shape, shape, array.dtype)
        finite = bool(np.isfinite(array).all())
        bound = _bound(shape[-1])
        clipped = np.minimum(np.maximum(array, -bound), bound)
        tensor = torch.from_numpy(clipped.astype(np.float32, copy=False)).to(device)
    if not finite:
        raise ValueError(f"expected finite numbers in the action, got {action!r}")
    return tensor.reshape(-1, shape[-1])


def as_array(name: str, values: Any) -> NDArray[Any]:
    """NumPy's array of `values`, or a `ValueError` where they are no regular array."""
    try:
        return np.asarray(values)
    except ValueError as error:
        raise ValueError(f"expected {name} to be a regular array, but its parts differ in shape: {values!r}") from error


def _check(floating: bool, shape: tuple[int, ...], expected: tuple[int, ...], dtype: Any) -> None:
    if not floating:
        raise TypeError(f"expected an action of floating-point numbers, got dtype {dtype}")
    if shape != expected:
        raise ValueError(f"expected an action of shape {expected}, got {shape}")


@lru_cache(maxsize=16)
def _bound(length: int) -> NDArray[np.float32]:
    return action_space(length - 2).high.astype(np.float32)


@lru_cache(maxsize=16)
def _limits(length: int, device: torch.device) -> tuple[Tensor, Tensor]:
    high = torch.from_numpy(_bound(length)).to(device)
    return -high, high
