"""Checks of arguments, and the classes and names that are shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explain import Recording
from explain.report.figures.inputs import (
    check_class_names,
    check_images,
    check_not_empty,
    shown_classes,
)


def test_arguments_that_fit_pass(recording: Recording, class_names: Sequence[str]) -> None:
    check_images(recording, [0, 5, 0])
    check_class_names(recording, class_names)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([], "expected at least 1 image, got none"),
        ([0, 6], "expected images from 0 to 5, got 6"),
        ([-1], "expected images from 0 to 5, got -1"),
    ],
)
def test_images_outside_the_recording_are_refused(recording: Recording, images: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_images(recording, images)


def test_another_number_of_names_is_refused(recording: Recording) -> None:
    with pytest.raises(ValueError, match="expected 3 class names, got 2"):
        check_class_names(recording, ["cat", "dog"])


def test_recordings_without_images_are_refused(make_recording: Callable[..., Recording]) -> None:
    check_not_empty(make_recording(num_images=1))
    with pytest.raises(ValueError, match="expected a recording of at least 1 image, got none"):
        check_not_empty(make_recording(num_images=0))


@given(st.integers(1, 30), st.lists(st.integers(0, 29), max_size=60))
def test_shown_classes_are_the_most_frequent(num_classes: int, drawn: list[int]) -> None:
    labels = np.array([label for label in drawn if label < num_classes], np.int64)
    shown = shown_classes(labels, num_classes)
    hidden = sorted(set(range(num_classes)) - set(shown))
    assert shown == sorted(set(shown))
    assert len(shown) == min(num_classes, 10)
    count = np.bincount(labels, minlength=num_classes)
    assert not hidden or count[hidden].max() <= count[shown].min()
