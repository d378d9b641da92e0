"""Which images are shown: each rule against images of which it is known who belongs where."""

from __future__ import annotations

from collections.abc import Callable

from explain.recording import Recording
from explain.report.examples import change_of_mind, first_of_each_class

SURE, UNSURE, OTHER = [0.9, 0.1, 0.0], [0.6, 0.4, 0.0], [0.2, 0.8, 0.0]


def test_first_of_each_class_goes_by_class_and_leaves_out_absent_ones(recording_of: Callable[..., Recording]) -> None:
    recording = recording_of([[SURE]] * 5, labels=[2, 0, 2, 0, 0])
    assert first_of_each_class(recording, 10) == [1, 0]
    assert first_of_each_class(recording, 1) == [1]


def test_change_of_mind_adds_up_every_move_of_the_belief(recording_of: Callable[..., Recording]) -> None:
    beliefs = [[SURE, SURE, SURE], [UNSURE, UNSURE, SURE], [SURE, OTHER, SURE]]
    assert change_of_mind(recording_of(beliefs, labels=[0, 0, 0])) == 2


def test_change_of_mind_prefers_an_image_that_was_right_in_the_end(recording_of: Callable[..., Recording]) -> None:
    beliefs = [[SURE, OTHER, SURE], [UNSURE, UNSURE, SURE]]
    assert change_of_mind(recording_of(beliefs, labels=[1, 0])) == 1
    assert change_of_mind(recording_of(beliefs, labels=[1, 1])) == 0
