"""Rules that choose the images of a recording that are shown, so that nobody picks them by hand."""

from __future__ import annotations

import numpy as np

from explain.recording import Recording


def first_of_each_class(recording: Recording, count: int) -> list[int]:
    """Returns the first image of each class, in the order of the classes.

    Args:
        recording: `N` images.
        count: The greatest number of images.

    Returns:
        Positions of the images in the recording.
    """
    _, first = np.unique(recording.labels.numpy(), return_index=True)
    return first[:count].tolist()


def describe_first_of_each_class(recording: Recording, count: int, num_classes: int) -> str:
    """Says which images `first_of_each_class` returns.

    Args:
        recording: `N` images.
        count: The greatest number of images.
        num_classes: Number of classes that there are, whether the recording has images of them or not.
    """
    present = len(recording.labels.unique())
    if count < present:
        return f"The first image of each of the first {count} classes"
    return "The first image of each class" + (f" that occurs ({present} of {num_classes})" * (present < num_classes))


def largest_belief_change(recording: Recording) -> int:
    """Returns the image with the largest change of belief, among those that are classified correctly in the end.

    The change is the sum of the total variation distances between beliefs after successive glimpses.

    Args:
        recording: `N` images, at least 1.

    Returns:
        Position of the image in the recording. If no image is classified correctly, it is one of the others.
    """
    beliefs = recording.beliefs.numpy()
    changes = np.abs(np.diff(beliefs, axis=1)).sum((1, 2)) / 2  # at most T - 1
    is_correct = beliefs[:, -1].argmax(1) == recording.labels.numpy()
    return int(np.argmax(changes - np.where(is_correct, 0, beliefs.shape[1])))
