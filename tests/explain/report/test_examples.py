"""Rules that choose the images that are shown."""

from __future__ import annotations

from collections.abc import Callable

from explain.recording import Recording
from explain.report.examples import describe_first_of_each_class, first_of_each_class, largest_belief_change

SURE, UNSURE, OTHER = [0.9, 0.1, 0.0], [0.6, 0.4, 0.0], [0.2, 0.8, 0.0]


def test_first_of_each_class_is_in_the_order_of_classes(recording_of: Callable[..., Recording]) -> None:
    recording = recording_of([[SURE]] * 5, labels=[2, 0, 2, 0, 0])
    assert first_of_each_class(recording, 10) == [1, 0]
    assert first_of_each_class(recording, 1) == [1]


def test_what_is_said_of_the_first_images_is_so(recording_of: Callable[..., Recording]) -> None:
    recording = recording_of([[SURE]] * 5, labels=[2, 0, 2, 0, 0])
    for count, num_classes, said in [
        (10, 2, "The first image of each class"),
        (2, 2, "The first image of each class"),
        (10, 3, "The first image of each class that occurs (2 of 3)"),
        (1, 3, "The first image of each of the first 1 classes"),
    ]:
        assert describe_first_of_each_class(recording, count, num_classes) == said
        shown = first_of_each_class(recording, count)
        assert (len(shown) == num_classes) == (said == "The first image of each class")


def test_belief_changes_are_summed_over_glimpses(recording_of: Callable[..., Recording]) -> None:
    beliefs = [[SURE, SURE, SURE], [UNSURE, UNSURE, SURE], [SURE, OTHER, SURE]]
    assert largest_belief_change(recording_of(beliefs, labels=[0, 0, 0])) == 2


def test_largest_belief_change_prefers_an_image_that_was_right_in_the_end(
    recording_of: Callable[..., Recording],
) -> None:
    beliefs = [[SURE, OTHER, SURE], [UNSURE, UNSURE, SURE]]
    assert largest_belief_change(recording_of(beliefs, labels=[1, 0])) == 1
    assert largest_belief_change(recording_of(beliefs, labels=[1, 1])) == 0
