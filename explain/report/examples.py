"""Which images of a recording to show, by rules that leave nobody a choice."""

from __future__ import annotations

import numpy as np

from explain.recording import Recording


def first_of_each_class(recording: Recording, count: int) -> list[int]:
    """The first image of each class, in the order of classes.

    Args:
        recording: `N` images.
        count: How many at most.

    Returns:
        At most `count` images, numbered as in the recording.
    """
    _, first = np.unique(recording.labels.numpy(), return_index=True)
    return first[:count].tolist()


def change_of_mind(recording: Recording) -> int:
    """The image, of those that the agent was right about in the end, on the way to which its belief changed most.

    The change is the sum, over glimpses, of how far the belief moved: half the sum of absolute differences.

    Args:
        recording: `N` images, at least 1.

    Returns:
        The image, numbered as in the recording; if it was never right, one of those that it was wrong about.
    """
    beliefs = recording.beliefs.numpy()
    changes = np.abs(np.diff(beliefs, axis=1)).sum((1, 2)) / 2
    is_correct = beliefs[:, -1].argmax(1) == recording.labels.numpy()
    return int(np.argmax(changes - np.where(is_correct, 0, beliefs.shape[1])))
