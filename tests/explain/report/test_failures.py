"""Failures: which images they are, in what order, and how they are described."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from explain.recording import Recording
from explain.report.failures import Failure, describe_failures, most_confident_failures

SURE, UNSURE, OTHER = [0.875, 0.125, 0.0], [0.625, 0.375, 0.0], [0.25, 0.75, 0.0]


def test_failures_are_wrong_answers_with_the_most_confident_first(recording_of: Callable[..., Recording]) -> None:
    beliefs = [[SURE, UNSURE], [OTHER, SURE], [UNSURE, SURE], [OTHER, OTHER], [UNSURE, OTHER]]
    recording = recording_of(beliefs, labels=[1, 1, 0, 0, 1])
    assert most_confident_failures(recording, 10) == [1, 3, 0]
    assert most_confident_failures(recording, 2) == [1, 3]


def test_equally_confident_failures_stay_in_order(recording_of: Callable[..., Recording]) -> None:
    assert most_confident_failures(recording_of([[SURE]] * 3, labels=[1, 0, 2]), 3) == [0, 2]


def test_an_agent_may_have_no_failures(recording_of: Callable[..., Recording]) -> None:
    recording = recording_of([[SURE]], labels=[0])
    assert most_confident_failures(recording, 3) == []
    assert describe_failures(recording, [], ["a", "b", "c"]) == []


def test_failures_are_described_after_each_glimpse(recording_of: Callable[..., Recording]) -> None:
    recording = recording_of([[SURE, OTHER, SURE], [OTHER, UNSURE, SURE]], labels=[0, 1])
    (failure,) = describe_failures(recording, [1], ["a", "b", "c"])
    assert failure == Failure(
        index=101,
        label="b",
        predictions=("b", "a", "a"),
        confidences=(0.75, 0.625, 0.875),
        label_probabilities=(0.75, 0.375, 0.125),
        correct_glimpses=(1,),
    )
    assert failure.to_json()["predictions"] == ("b", "a", "a")


def test_classes_with_the_same_name_are_different(recording_of: Callable[..., Recording]) -> None:
    (failure,) = describe_failures(recording_of([[SURE]], labels=[1]), [0], ["one", "one", "other"])
    assert failure.correct_glimpses == ()
    assert failure.label_probabilities == pytest.approx((0.125,))
