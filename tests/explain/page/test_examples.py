"""Which images come with a page, and what a drawing must be like."""

from collections.abc import Callable

import pytest
import torch

from explain import Recording
from explain.page.examples import choose_examples, drawing_style, teaches_most


def test_right_answers_of_each_class_then_confident_errors(recording_of: Callable[..., Recording]) -> None:
    sure_0, sure_1, unsure = [0.9, 0.1], [0.2, 0.8], [0.5, 0.5]
    last = [sure_1, sure_0, sure_0, sure_1, sure_0, sure_1]
    first = [unsure, sure_0, unsure, sure_0, unsure, unsure]
    recording = recording_of([list(pair) for pair in zip(first, last, strict=True)], [0, 0, 0, 1, 1, 1])
    # Image 5 is right, and changed its mind; 1 is the first right 0, 3 the first right 1; 4 and 0 are wrong, 4 surer.
    assert choose_examples(recording) == [5, 1, 3, 4, 0]


def test_the_first_example_begins_unsure_changes_its_mind_and_ends_sure_and_right(
    recording_of: Callable[..., Recording],
) -> None:
    sure_0, sure_1, unsure = [0.95, 0.05], [0.05, 0.95], [0.5, 0.5]
    beliefs = [
        [sure_0, sure_1, sure_0, sure_0],  # changes its mind, but was sure from the start
        [unsure, sure_0, sure_0, sure_0],  # never changes its mind
        [unsure, sure_1, sure_0, sure_0],
        [unsure, sure_1, sure_0, unsure],  # ends unsure
        [unsure, sure_0, sure_1, sure_1],  # ends wrong
    ]
    assert teaches_most(recording_of(beliefs, [0] * 5)) == 2
    assert teaches_most(recording_of(beliefs[-1:], [0])) == 0


@pytest.mark.parametrize("width", [2, 3, 5])
def test_strokes_and_boxes_are_measured(width: int) -> None:
    images = torch.zeros(4, 1, 28, 28, dtype=torch.uint8)
    for shift, image in enumerate(images[:3]):  # the last is black
        for step in range(20):
            image[0, 4 + step, 2 + shift : 2 + shift + width] = 255
    style = drawing_style(images)
    assert style.box == 20
    assert style.stroke == pytest.approx(width, rel=0.3)
