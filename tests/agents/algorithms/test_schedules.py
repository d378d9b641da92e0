"""Schedules: values by hand, ends, and what is read as one."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.algorithms.schedules import KINDS, Schedule, read_schedule

numbers = st.floats(0, 1e3)


@pytest.mark.parametrize("kind", KINDS)
@given(start=numbers, end=numbers)
def test_it_goes_from_start_to_end(kind: str, start: float, end: float) -> None:
    schedule = Schedule(start, end, kind)
    assert schedule(1.0) == pytest.approx(start, abs=1e-9)
    assert schedule(0.5) == pytest.approx((start + end) / 2, abs=1e-9)
    assert schedule(0.0) == pytest.approx(end, abs=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@given(one=st.floats(0, 1), other=st.floats(0, 1))
def test_it_never_turns_back(kind: str, one: float, other: float) -> None:
    schedule = Schedule(0.2, 0.1, kind)
    early, late = max(one, other), min(one, other)
    assert schedule(early) >= schedule(late)


def test_by_hand() -> None:
    assert Schedule(1.0, 0.0)(0.25) == 0.25
    assert Schedule(1.0, 0.0, "cosine")(0.75) == pytest.approx((1 + np.cos(np.pi / 4)) / 2)
    assert Schedule(0.2, 0.2)(0.3) == 0.2


@pytest.mark.parametrize("value", [0.1, 1, np.float64(0.5), np.float32(0.5), np.int64(2)])
def test_a_number_stays_as_it_is(value: Any) -> None:
    schedule = read_schedule("learning_rate", value)
    assert schedule(1.0) == schedule(0.4) == schedule(0.0) == value
    assert type(schedule.start) is float


def test_what_is_read_can_be_read_again() -> None:
    schedule = Schedule(0.3, 0.1, "cosine")
    assert read_schedule("location_std", schedule) is schedule
    assert read_schedule("location_std", asdict(schedule)) == schedule


@pytest.mark.parametrize("pair", [(0.3, 0.1), [0.3, 0.1]])
def test_a_first_and_a_last_number_are_a_linear_schedule(pair: Any) -> None:
    assert read_schedule("location_std", pair) == Schedule(0.3, 0.1, "linear")


@pytest.mark.parametrize("value", ["linear", None, True, lambda left: 0.1, [0.1, 0.2, 0.3], {"start": 0.1}, {}])
def test_anything_else_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match=r"expected learning_rate to be a number, a first .* agents\.Schedule, got"):
        read_schedule("learning_rate", value)


def test_an_unknown_kind_is_an_error_that_suggests_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"Unknown schedule 'cosin'\. Did you mean 'cosine'"):
        Schedule(1.0, 0.0, "cosin")
