"""The most confident wrong answers, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from explain.recording import Recording


@dataclass(frozen=True)
class Failure:
    """An image that the agent was wrong about after its last glimpse.

    Attributes:
        index: Which image of the split it is.
        label: Name of its class.
        answers: Name of the class most believed in, after each glimpse.
        confidences: Belief in that class, after each glimpse.
        beliefs_in_label: Belief in the true class, after each glimpse.
        right_after: After which glimpses, counted from 1, the true class was most believed in.
    """

    index: int
    label: str
    answers: tuple[str, ...]
    confidences: tuple[float, ...]
    beliefs_in_label: tuple[float, ...]
    right_after: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """This as plain numbers and names."""
        return asdict(self)


def most_confident_failures(recording: Recording, count: int) -> list[int]:
    """The images that the agent was wrong about after its last glimpse, those that it was surest of first.

    Args:
        recording: `N` images.
        count: How many at most.

    Returns:
        At most `count` images, numbered as in the recording.
    """
    answers = recording.beliefs[:, -1].numpy()
    wrong = np.flatnonzero(answers.argmax(1) != recording.labels.numpy())
    return wrong[np.argsort(-answers[wrong].max(1), kind="stable")][:count].tolist()


def describe_failures(recording: Recording, images: Sequence[int], class_names: Sequence[str]) -> list[Failure]:
    """What the agent believed of images, glimpse by glimpse.

    Args:
        recording: `N` images, `T` glimpses.
        images: Which images of the recording.
        class_names: Name of each class.
    """
    beliefs, labels = recording.beliefs.numpy(), recording.labels.numpy()
    answers = beliefs.argmax(2)
    return [
        Failure(
            index=int(recording.indices[image]),
            label=class_names[labels[image]],
            answers=tuple(class_names[answer] for answer in answers[image]),
            confidences=tuple(beliefs[image].max(1).tolist()),
            beliefs_in_label=tuple(beliefs[image, :, labels[image]].tolist()),
            right_after=tuple((np.flatnonzero(answers[image] == labels[image]) + 1).tolist()),
        )
        for image in images
    ]
