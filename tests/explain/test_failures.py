"""Failures: who belongs among them, in what order, and what is told of each."""

from __future__ import annotations

import numpy as np
import pytest

from explain.failures import Failure, describe_failures, most_confident_failures
from explain.recording import Recording

SURE, UNSURE, OTHER = [0.875, 0.125, 0.0], [0.625, 0.375, 0.0], [0.25, 0.75, 0.0]


def make(beliefs: list[list[list[float]]], labels: list[int]) -> Recording:
    """A recording of these beliefs `(N, T, C)`, from image 100 of the split on."""
    believed = np.array(beliefs, dtype=np.float32)
    count, glimpses = believed.shape[:2]
    return Recording(
        hidden=np.zeros((count, glimpses, 1), dtype=np.float32),
        beliefs=believed,
        locations=np.zeros((count, glimpses, 2), dtype=np.float32),
        labels=np.array(labels),
        indices=np.arange(100, 100 + count),
        canvases=np.zeros((count, 1, 4, 4), dtype=np.uint8),
        originals=np.zeros((count, 1, 4, 4), dtype=np.uint8),
        glimpse_size=2,
        num_scales=1,
    )


def test_they_are_wrong_in_the_end_and_the_surest_come_first() -> None:
    beliefs = [[SURE, UNSURE], [OTHER, SURE], [UNSURE, SURE], [OTHER, OTHER], [UNSURE, OTHER]]
    recording = make(beliefs, labels=[1, 1, 0, 0, 1])
    assert most_confident_failures(recording, 10) == [1, 3, 0]
    assert most_confident_failures(recording, 2) == [1, 3]


def test_those_that_are_equally_sure_stay_in_order() -> None:
    assert most_confident_failures(make([[SURE]] * 3, labels=[1, 0, 2]), 3) == [0, 2]


def test_there_may_be_none() -> None:
    recording = make([[SURE]], labels=[0])
    assert most_confident_failures(recording, 3) == []
    assert describe_failures(recording, [], ["a", "b", "c"]) == []


def test_they_are_told_glimpse_by_glimpse() -> None:
    recording = make([[SURE, OTHER, SURE], [OTHER, UNSURE, SURE]], labels=[0, 1])
    (failure,) = describe_failures(recording, [1], ["a", "b", "c"])
    assert failure == Failure(
        index=101,
        label="b",
        answers=("b", "a", "a"),
        confidences=(0.75, 0.625, 0.875),
        beliefs_in_label=(0.75, 0.375, 0.125),
        right_after=(1,),
    )
    assert failure.to_json()["answers"] == ("b", "a", "a")


def test_classes_of_the_same_name_are_not_the_same() -> None:
    (failure,) = describe_failures(make([[SURE]], labels=[1]), [0], ["one", "one", "other"])
    assert failure.right_after == ()
    assert failure.beliefs_in_label == pytest.approx((0.125,))
