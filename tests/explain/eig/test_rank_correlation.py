"""Rank correlations against SciPy's, and their intervals against many draws."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata, spearmanr

from explain import Bootstrap
from explain.eig.rank_correlation import (
    mean_rank_correlation,
    overall_rank_correlation,
    partial_rank_correlation,
    rank_correlations,
)


@given(st.integers(0, 2**31), st.integers(2, 9))
def test_rank_correlations_are_those_of_scipy(seed: int, places: int) -> None:
    one, other = np.random.default_rng(seed).normal(size=(2, 4, places)).round(1)
    if any(len(np.unique(row)) == 1 for row in (*one, *other)):
        return
    expected = [spearmanr(*rows).statistic for rows in zip(one, other, strict=True)]
    np.testing.assert_allclose(rank_correlations(torch.tensor(one), torch.tensor(other)).numpy(), expected, atol=1e-12)


def test_constant_rows_have_no_rank_correlation() -> None:
    assert rank_correlations(torch.ones(1, 4), torch.arange(4.0)[None]).isnan().all()


def correlated(images: int, places: int, noise: float, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Two quantities, `(images, places)` each, that have something in common; rounded, so that there are ties."""
    rng = np.random.default_rng(seed)
    common, one, other = rng.normal(size=(3, images, places))
    return tuple(torch.from_numpy((common + noise * own).round(1)) for own in (one, other))  # type: ignore[return-value]


def test_the_mean_rank_correlation_is_that_of_the_images_one_by_one() -> None:
    one, other = correlated(300, 12, 1.0)
    estimate = mean_rank_correlation(rank_correlations(one, other), Bootstrap(300, num_resamples=4000))
    expected = np.array([spearmanr(*rows).statistic for rows in zip(one, other, strict=True)])
    assert estimate.value.item() == pytest.approx(expected.mean(), abs=1e-9)
    half = 1.96 * expected.std() / 300**0.5
    assert (estimate.high - estimate.value).item() == pytest.approx(half, rel=0.1)
    assert (estimate.value - estimate.low).item() == pytest.approx(half, rel=0.1)


def test_images_without_a_rank_correlation_are_left_out_glimpse_by_glimpse() -> None:
    correlations = torch.tensor([[0.5, torch.nan], [-0.25, 1.0], [torch.nan, 0.5]])
    estimate = mean_rank_correlation(correlations, Bootstrap(3))
    assert estimate.value.tolist() == [0.125, 0.75]
    nowhere = mean_rank_correlation(torch.full((3, 2), torch.nan), Bootstrap(3))
    assert nowhere.value.isnan().all()
    many = correlations.repeat(50, 1)
    estimate, bounds = mean_rank_correlation(many, Bootstrap(150)), torch.tensor([[-0.25, 0.5], [0.5, 1.0]])
    assert (bounds[0] < estimate.low).all()
    assert (estimate.low < estimate.value).all()
    assert (estimate.value < estimate.high).all()
    assert (estimate.high < bounds[1].max()).all()


@given(st.integers(0, 2**31), st.integers(2, 9), st.integers(1, 4), st.booleans())
def test_the_overall_rank_correlation_is_that_of_scipy(seed: int, images: int, glimpses: int, single: bool) -> None:
    values = np.random.default_rng(seed).normal(size=(2, images, glimpses)).round(1)
    if single:
        values = values.astype(np.float32)
    one, other = torch.from_numpy(values)
    if len(one.unique()) == 1 or len(other.unique()) == 1:
        return
    estimate = overall_rank_correlation(one, other, Bootstrap(images, num_resamples=10))
    expected = spearmanr(one.flatten(), other.flatten()).statistic
    assert estimate.value.item() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("noise", "sign"), [(0.5, 1), (0.5, -1), (3.0, 1)])
def test_the_interval_of_the_overall_rank_correlation_covers_that_of_all_images(noise: float, sign: int) -> None:
    """Of 20 draws of 200 images each, as good as all intervals hold what a hundred times as many images give."""
    one, other = correlated(20000, 3, noise, seed=9)
    truth = spearmanr(one.flatten(), sign * other.flatten()).statistic
    covered = []
    for draw in range(20):
        chosen = slice(200 * draw, 200 * (draw + 1))
        estimate = overall_rank_correlation(one[chosen], sign * other[chosen], Bootstrap(200, seed=draw))
        assert 0 < (estimate.high - estimate.low).item() < 0.4
        covered.append(estimate.low.item() <= truth <= estimate.high.item())
    assert sum(covered) >= 16


def test_glimpses_of_an_image_are_drawn_together() -> None:
    """A second glimpse that repeats the first tells nothing new: the interval does not become narrower by it."""
    one, other = correlated(200, 1, 1.0)
    bootstrap = Bootstrap(200)
    once = overall_rank_correlation(one, other, bootstrap)
    twice = overall_rank_correlation(one.repeat(1, 2), other.repeat(1, 2), bootstrap)
    for name in ("value", "low", "high"):
        torch.testing.assert_close(getattr(once, name), getattr(twice, name), rtol=0, atol=1e-3)


@pytest.mark.parametrize("images", [4, 7, 50])
def test_what_is_the_same_everywhere_has_no_overall_rank_correlation(images: int) -> None:
    varied = torch.arange(3.0 * images).view(images, 3)
    for one, other in ((torch.full((images, 3), 0.1), varied), (varied, torch.full((images, 3), 0.1))):
        estimate = overall_rank_correlation(one, other, Bootstrap(images))
        assert estimate.value.isnan()
        assert estimate.low.isnan()
        assert estimate.high.isnan()


def test_a_partial_correlation_is_that_of_the_residuals_of_ranks() -> None:
    generator = torch.Generator().manual_seed(0)
    control, one, other = torch.randn(3, 30, 4, generator=generator)
    one, other = one + control, other - 2 * control + one
    ranks = [rankdata(values.numpy()).astype(float) for values in (control, one, other)]
    residuals = [rank - np.polyval(np.polyfit(ranks[0], rank, 1), ranks[0]) for rank in ranks[1:]]
    found = partial_rank_correlation(one, other, control, Bootstrap(30)).value.item()
    assert found == pytest.approx(np.corrcoef(*residuals)[0, 1])


def test_what_the_control_explains_alone_leaves_nothing() -> None:
    """Two noisy copies of a third agree with each other, but not beyond what they share with it."""
    generator = torch.Generator().manual_seed(0)
    control, one, other = torch.randn(3, 2000, 5, generator=generator)
    one, other = one + 2 * control, other + 2 * control
    bootstrap = Bootstrap(2000, num_resamples=200)
    assert overall_rank_correlation(one, other, bootstrap).value > 0.7
    partial = partial_rank_correlation(one, other, control, bootstrap)
    assert partial.low < 0.05
    assert abs(partial.value) < 0.1


def test_a_control_of_the_same_order_leaves_no_partial_correlation_to_speak_of() -> None:
    values = torch.arange(12.0).view(4, 3)
    assert partial_rank_correlation(values, values.flip(0), values.exp(), Bootstrap(4)).value.isnan()
