"""Checks of numbers: one that is not finite never becomes part of an image or of a metric."""

from __future__ import annotations

from numbers import Real
from typing import Any

import torch
from torch import Tensor

from glimpse_env.utils.errors import shown

ROUNDING = 1e-3
"""How far a sum of class probabilities may be from 1."""


def check_finite(name: str, numbers: Tensor) -> None:
    """Raises a `ValueError` unless all numbers of a tensor are finite."""
    finite = numbers.isfinite()
    if not finite.all():
        count = int((~finite).sum())
        raise ValueError(f"expected {name} to be finite, got {count:,} of {numbers.numel():,} numbers that are not")


def check_between(name: str, value: Any, low: float, high: float) -> None:
    """Raises a `TypeError` unless `value` is a real number, a `ValueError` unless it lies between `low` and `high`."""
    is_real = isinstance(value, Real) and not isinstance(value, bool)
    if not is_real:
        raise TypeError(f"expected {name} to be a number, got {shown(value)}")
    if not low < value < high:
        raise ValueError(f"expected {name} to be more than {low} and less than {high}, got {shown(value)}")


def check_tensor(name: str, value: Any, dtype: torch.dtype, shape: tuple[int | None, ...]) -> None:
    """Checks a tensor that a user gives.

    Args:
        name: What the error calls it.
        value: The tensor.
        dtype: Its type.
        shape: Its shape, where None stands for any length.

    Raises:
        TypeError: It is no tensor.
        ValueError: It has another type or shape, or a number in it is not finite.
    """
    if not isinstance(value, Tensor):
        raise TypeError(f"expected {name} to be a tensor, got {shown(value)}")
    if value.device.type == "meta":
        raise ValueError(f"expected {name} to hold numbers, got a tensor on the device meta")
    fits = value.ndim == len(shape) and all(side in (None, has) for side, has in zip(shape, value.shape, strict=True))
    if value.dtype != dtype or not fits:
        wanted = ", ".join("any" if side is None else str(side) for side in shape)
        raise ValueError(f"expected {name} of {dtype} and shape ({wanted}), got {value.dtype} and {tuple(value.shape)}")
    if dtype.is_floating_point:
        check_finite(name, value)


def check_in_range(name: str, numbers: Tensor, low: float, high: float) -> None:
    """Raises a `ValueError` unless all numbers of a tensor, which has some, lie in [low, high]."""
    least, most = (bound.item() for bound in numbers.aminmax())
    if not low <= least <= most <= high:
        raise ValueError(f"expected {name} in [{low}, {high}], got {least} to {most}")


def check_beliefs(beliefs: Tensor) -> None:
    """Raises a `ValueError` unless beliefs `(..., C)`, of which there are some, are class probabilities."""
    check_in_range("beliefs", beliefs, 0, 1)
    furthest = (beliefs.sum(-1) - 1).abs().max()
    if furthest > ROUNDING:
        raise ValueError(f"expected beliefs that sum to 1, got a sum that is {furthest:g} off")
