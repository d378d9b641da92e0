"""Information against closed forms, and torch.distributions."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import Categorical, kl

from explain.knowledge import information

UNIFORM = torch.full((10,), 0.1, dtype=torch.float64)
ONE_HOT = torch.eye(10, dtype=torch.float64)[3]


@st.composite
def beliefs(draw: st.DrawFn, images: int = 4, glimpses: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    classes = draw(st.integers(2, 12))
    sharpness = draw(st.floats(0.01, 4))
    scores = torch.randn(images, glimpses, classes, generator=generator, dtype=torch.float64) * sharpness
    return scores.softmax(-1)


def test_entropy_of_knowing_nothing_and_of_knowing_all() -> None:
    assert information.entropy(UNIFORM).item() == pytest.approx(math.log(10))
    assert information.entropy(ONE_HOT).item() == 0


def test_gain_is_nothing_or_log_c() -> None:
    assert information.information_gain(UNIFORM).item() == pytest.approx(0)
    assert information.information_gain(ONE_HOT).item() == pytest.approx(math.log(10))


@given(beliefs())
def test_entropy_is_that_of_torch(p: Tensor) -> None:
    torch.testing.assert_close(information.entropy(p), Categorical(probs=p).entropy())


@given(beliefs())
def test_gain_since_first_is_a_difference_of_gains(p: Tensor) -> None:
    gain = information.information_gain(p)
    torch.testing.assert_close(information.gain_since_first(p), gain - gain[:, :1])
    assert (information.gain_since_first(p)[:, 0] == 0).all()


@given(beliefs())
def test_label_information_is_the_gain_where_labels_are_drawn_from_the_belief(p: Tensor) -> None:
    classes = p.shape[-1]
    by_label = torch.stack([information.label_information(p, torch.full((len(p),), y)) for y in range(classes)], -1)
    torch.testing.assert_close((p * by_label).sum(-1), information.information_gain(p))


def test_ruling_out_the_label_costs_everything() -> None:
    assert information.label_information(ONE_HOT[None, None], torch.tensor([4])).item() == -math.inf
    assert information.label_information(ONE_HOT[None, None], torch.tensor([3])).item() == pytest.approx(math.log(10))
    assert information.label_information(UNIFORM[None, None], torch.tensor([4])).item() == pytest.approx(0)


@given(beliefs(), beliefs())
def test_divergence_is_that_of_torch_and_never_negative(p: Tensor, q: Tensor) -> None:
    if p.shape != q.shape:
        return
    divergence = information.kl_divergence(p, q)
    torch.testing.assert_close(divergence, kl.kl_divergence(Categorical(probs=p), Categorical(probs=q)))
    assert (divergence > -1e-12).all()
    assert (information.kl_divergence(p, p) == 0).all()


def test_divergence_from_a_belief_that_rules_out_the_truth_is_infinite() -> None:
    assert information.kl_divergence(UNIFORM, ONE_HOT).item() == math.inf
    assert information.kl_divergence(ONE_HOT, UNIFORM).item() == pytest.approx(math.log(10))


def calibration_error(p: Tensor, labels: Tensor, num_bins: int = 15) -> Tensor:
    return information.expected_calibration_error(information.calibration_gaps(p, labels, num_bins).mean(0))


def test_certain_and_right_is_calibrated_and_certain_and_wrong_is_not() -> None:
    sure = ONE_HOT.expand(8, 1, 10)
    assert calibration_error(sure, torch.full((8,), 3)).item() == 0
    assert calibration_error(sure, torch.full((8,), 4)).item() == 1
    assert calibration_error(sure, torch.tensor([3, 4] * 4)).item() == 0.5


@given(beliefs(images=40), st.integers(1, 20))
def test_calibration_error_is_that_of_a_slow_count(p: Tensor, num_bins: int) -> None:
    labels = torch.arange(len(p)) % p.shape[-1]
    expected = []
    for glimpse in range(p.shape[1]):
        bins: dict[int, list[float]] = {}
        for belief, label in zip(p[:, glimpse], labels, strict=True):
            confidence = belief.max().item()
            right = float(belief.argmax() == label)
            bins.setdefault(min(int(confidence * num_bins), num_bins - 1), []).append(confidence - right)
        expected.append(sum(abs(sum(gaps)) for gaps in bins.values()) / len(p))
    torch.testing.assert_close(calibration_error(p, labels, num_bins), torch.tensor(expected, dtype=torch.float64))
