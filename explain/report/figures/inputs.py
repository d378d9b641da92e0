"""What figures are drawn from: that it fits together, and which part of it there is room for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from explain.recording import Recording

MAX_CLASSES = 10


def check_images(recording: Recording, images: Sequence[int]) -> None:
    """Raises a `ValueError` unless there are images, all of them in the recording."""
    if len(images) == 0:
        raise ValueError("expected at least 1 image, got none")
    outside = [image for image in images if not 0 <= image < len(recording)]
    if outside:
        raise ValueError(f"expected images from 0 to {len(recording) - 1}, got {outside[0]}")


def check_not_empty(recording: Recording) -> None:
    """Raises a `ValueError` if the recording has no images."""
    if len(recording) == 0:
        raise ValueError("expected a recording of at least 1 image, got none")


def check_class_names(recording: Recording, class_names: Sequence[str]) -> None:
    """Raises a `ValueError` unless each class of the recording has a name."""
    classes = recording.beliefs.shape[2]
    if len(class_names) != classes:
        raise ValueError(f"expected {classes} class names, got {len(class_names)}")


def check_shape(name: str, tensor: Tensor, shape: tuple[int | None, ...]) -> None:
    """Raises a `ValueError` unless a tensor has this shape, where None stands for any length."""
    fits = tensor.ndim == len(shape) and all(side in (None, has) for side, has in zip(shape, tensor.shape, strict=True))
    if not fits:
        wanted = ", ".join("any" if side is None else str(side) for side in shape)
        raise ValueError(f"expected {name} of shape ({wanted}), got {tuple(tensor.shape)}")


def shown_classes(labels: NDArray[np.int64], num_classes: int) -> list[int]:
    """All classes in their order if there is room for them, else the most frequent ones.

    Example:
        >>> shown_classes(np.repeat(np.arange(11), [1, 3, 1, 2, 2, 2, 2, 2, 2, 2, 2]), 11)
        [0, 1, 3, 4, 5, 6, 7, 8, 9, 10]
    """
    if num_classes <= MAX_CLASSES:
        return list(range(num_classes))
    frequency = np.bincount(labels, minlength=num_classes)
    return sorted(np.argsort(-frequency, kind="stable")[:MAX_CLASSES].tolist())


def shorten(name: str, length: int) -> str:
    """Cuts a name that has more characters than there is room for.

    Example:
        >>> shorten("automobile", 6)
        'autom…'
    """
    return name if len(name) <= length else name[: length - 1] + "…"
