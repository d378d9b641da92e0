"""Checks of the arguments of figures, and the classes and names that there is space for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from explain.recording import Recording

MAX_CLASSES = 10
"""The greatest number of classes in one figure."""


def check_images(recording: Recording, images: Sequence[int]) -> None:
    """Raises a `ValueError` unless there is at least one image and the recording has all of them."""
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
    """Raises a `ValueError` unless there are as many names as classes."""
    classes = recording.beliefs.shape[2]
    if len(class_names) != classes:
        raise ValueError(f"expected {classes} class names, got {len(class_names)}")


def shown_classes(labels: NDArray[np.int64], num_classes: int) -> list[int]:
    """Returns the classes that are shown: all of them in order, or the `MAX_CLASSES` most frequent ones.

    Example:
        >>> shown_classes(np.repeat(np.arange(11), [1, 3, 1, 2, 2, 2, 2, 2, 2, 2, 2]), 11)
        [0, 1, 3, 4, 5, 6, 7, 8, 9, 10]
    """
    if num_classes <= MAX_CLASSES:
        return list(range(num_classes))
    frequency = np.bincount(labels, minlength=num_classes)
    return sorted(np.argsort(-frequency, kind="stable")[:MAX_CLASSES].tolist())
