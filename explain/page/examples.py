"""The images that come with a page, and how what is drawn on it becomes like them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from explain.knowledge.information import information_gain
from explain.recording import Recording
from explain.report.failures import most_confident_failures

NUM_FAILURES = 6
"""How many confident wrong answers are among the examples, at most."""


def choose_examples(recording: Recording) -> list[int]:
    """Chooses images by rule.

    The first is the one that teaches most; then come the first right answer of each class, and the most confident wrong
    answers.

    Args:
        recording: `N` images of the test split.

    Returns:
        Positions of the images in the recording.
    """
    correct = recording.beliefs[:, -1].argmax(1) == recording.labels
    first: dict[int, int] = {}
    for image in correct.nonzero().flatten().tolist():
        first.setdefault(int(recording.labels[image]), image)
    chosen = [teaches_most(recording), *(first[label] for label in sorted(first))]
    return list(dict.fromkeys(chosen + most_confident_failures(recording, NUM_FAILURES)))


def teaches_most(recording: Recording) -> int:
    """Returns the image whose episode best shows that looking changes a belief.

    It begins unsure, changes its mind, and ends sure and right: the number of different answers in a row, times how
    much surer the last belief is than the first, in nats, is largest.

    Args:
        recording: `N` images, at least 1.

    Returns:
        Position of the image in the recording. If no image is classified correctly, it is one of the others.
    """
    beliefs = recording.beliefs
    answers = beliefs.argmax(2)
    num_answers = 1 + (answers.diff(dim=1) != 0).sum(1)
    taught = num_answers * (information_gain(beliefs[:, -1]) - information_gain(beliefs[:, 0]))
    return int(torch.where(answers[:, -1] == recording.labels, taught, taught.min() - 1).argmax())


@dataclass(frozen=True)
class DrawingStyle:
    """What drawings must be like to resemble the images of a data set.

    Attributes:
        box: The longer side of the box around what is drawn, in pixels.
        stroke: Width of a stroke, in pixels.
    """

    box: float
    stroke: float


def drawing_style(images: Tensor) -> DrawingStyle:
    """Measures images of light strokes on black.

    The box holds all pixels above a tenth of white. A long stroke of width w and length l has an area of w * l and a
    border of 2 * l, so w is twice the area by the border. Along rows and columns, a border of any direction is measured
    4 / pi times as long as it is, on average.

    Args:
        images: `(N, 1, H, W)` uint8, at least one of them not black.

    Returns:
        The medians over the images.

    Example:
        >>> image = torch.zeros(1, 1, 28, 28, dtype=torch.uint8)
        >>> image[0, 0, 4:24, 12:15] = 255
        >>> style = drawing_style(image)
        >>> style.box, round(style.stroke, 1)
        (20.0, 3.3)
    """
    ink = images[:, 0] > 25
    ink = ink[ink.flatten(1).any(1)]
    sides = [(ink.any(axis).sum(1)).float() for axis in (1, 2)]
    padded = torch.nn.functional.pad(images[:, 0].float() / 255, (1, 1, 1, 1))
    across = (padded[:, :, 1:] - padded[:, :, :-1]).abs().sum((1, 2))
    down = (padded[:, 1:] - padded[:, :-1]).abs().sum((1, 2))
    area = padded.sum((1, 2))
    seen = area > 0
    return DrawingStyle(
        box=float(torch.maximum(*sides).median()),
        stroke=float((8 / math.pi * area / (across + down))[seen].median()),
    )
