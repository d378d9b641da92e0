"""The most confident wrong answers of an agent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from explain.recording import Recording


@dataclass(frozen=True)
class Failure:
    """An image that is classified wrongly after the last glimpse.

    Attributes:
        index: Position of the image in its split.
        label: Name of the true class.
        predictions: Name of the most probable class after each glimpse.
        confidences: Probability of the most probable class after each glimpse.
        label_probabilities: Probability of the true class after each glimpse.
        correct_glimpses: The glimpses, counted from 1, after which the prediction was correct.
    """

    index: int
    label: str
    predictions: tuple[str, ...]
    confidences: tuple[float, ...]
    label_probabilities: tuple[float, ...]
    correct_glimpses: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """Returns the fields as plain numbers and names."""
        return asdict(self)


def most_confident_failures(recording: Recording, count: int) -> list[int]:
    """Returns the images that are classified wrongly after the last glimpse, the most confident answers first.

    Args:
        recording: `N` images.
        count: The greatest number of images.

    Returns:
        Positions of the images in the recording.
    """
    beliefs = recording.beliefs[:, -1].numpy()
    wrong = np.flatnonzero(beliefs.argmax(1) != recording.labels.numpy())
    return wrong[np.argsort(-beliefs[wrong].max(1), kind="stable")][:count].tolist()


def describe_failures(recording: Recording, images: Sequence[int], class_names: Sequence[str]) -> list[Failure]:
    """Describes what the agent believed after each glimpse.

    Args:
        recording: `N` images and `T` glimpses.
        images: Positions of the images in the recording.
        class_names: The name of each class.
    """
    beliefs, labels = recording.beliefs.numpy(), recording.labels.numpy()
    predictions = beliefs.argmax(2)
    return [
        Failure(
            index=int(recording.indices[image]),
            label=class_names[labels[image]],
            predictions=tuple(class_names[prediction] for prediction in predictions[image]),
            confidences=tuple(beliefs[image].max(1).tolist()),
            label_probabilities=tuple(beliefs[image, :, labels[image]].tolist()),
            correct_glimpses=tuple((np.flatnonzero(predictions[image] == labels[image]) + 1).tolist()),
        )
        for image in images
    ]


def tell_failure(failure: Failure) -> str:
    """Tells in words what the agent took an image for, and whether it had known better."""
    last, confidence = failure.predictions[-1], failure.confidences[-1]
    told = (
        f"Image {failure.index} shows \N{LEFT DOUBLE QUOTATION MARK}{failure.label}\N{RIGHT DOUBLE QUOTATION MARK}. "
        f"The agent took it for \N{LEFT DOUBLE QUOTATION MARK}{last}\N{RIGHT DOUBLE QUOTATION MARK}, and gave that "
        f"{confidence:.0%}. "
    )
    if not failure.correct_glimpses:
        return told + "It never believed in the true class most."
    best = max(failure.correct_glimpses, key=lambda number: failure.label_probabilities[number - 1])
    return (
        told + f"It had known better: after glimpse {best} it gave the true class "
        f"{failure.label_probabilities[best - 1]:.0%}, and later glimpses misled it."
    )
