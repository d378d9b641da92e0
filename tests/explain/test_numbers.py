"""Checks of numbers and tensors: what fits passes, and what does not is said."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from explain.numbers import check_between, check_finite, check_tensor


def test_numbers_that_fit_pass() -> None:
    check_finite("maps", torch.zeros(2, 3))
    check_between("level", 0.5, 0, 1)
    check_tensor("maps", torch.zeros(2, 3), torch.float32, (2, None))
    check_tensor("labels", torch.zeros(2, dtype=torch.int64), torch.int64, (2,))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_are_not_finite_are_counted(bad: float) -> None:
    with pytest.raises(ValueError, match="expected maps to be finite, got 2 of 6 numbers that are not"):
        check_tensor("maps", torch.tensor([[0, bad, 1], [bad, 2, 3]]), torch.float32, (None, None))


@pytest.mark.parametrize("value", [0, 1, -1.0, float("nan"), float("inf"), 10**400])
def test_numbers_outside_the_range_are_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="expected level to be more than 0 and less than 1, got"):
        check_between("level", value, 0, 1)


@pytest.mark.parametrize("value", [None, "0.5", True, 1j, [0.5]])
def test_what_is_no_number_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="expected level to be a number, got"):
        check_between("level", value, 0, 1)


@pytest.mark.parametrize("shape", [(2, 4), (3, 3), (2, 3, 1), (2,)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(
        ValueError, match=r"expected maps of torch.float32 and shape \(2, 3\), got torch.float32 and \("
    ):
        check_tensor("maps", torch.zeros(shape), torch.float32, (2, 3))


@pytest.mark.parametrize("value", [torch.zeros(2, dtype=torch.float64), torch.zeros(2, device="meta")])
def test_other_types_and_tensors_without_numbers_are_refused(value: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"expected maps .*, got"):
        check_tensor("maps", value, torch.float32, (2,))
    with pytest.raises(TypeError, match=r"expected maps to be a tensor, got \[0\.0\]"):
        check_tensor("maps", [0.0], torch.float32, (1,))
