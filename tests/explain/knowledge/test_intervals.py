"""Bootstrap intervals against what is known of means."""

from __future__ import annotations

import pytest
import torch

from explain import Bootstrap
from explain.knowledge.intervals import of_fraction


def test_the_interval_of_a_mean_is_that_of_the_normal_distribution() -> None:
    values = torch.randn(2000, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    estimate = Bootstrap(2000, num_resamples=4000).mean(values)
    assert estimate.value.item() == pytest.approx(values.mean().item())
    half = 1.96 * values.std().item() / 2000**0.5
    assert estimate.high.item() - estimate.value.item() == pytest.approx(half, rel=0.1)
    assert estimate.value.item() - estimate.low.item() == pytest.approx(half, rel=0.1)


def test_a_constant_has_no_width_and_shapes_are_kept() -> None:
    estimate = Bootstrap(10).mean(torch.ones(10, 6, 3))
    for part in (estimate.value, estimate.low, estimate.high):
        assert part.shape == (6, 3)
        torch.testing.assert_close(part, torch.ones(6, 3, dtype=torch.float64))


def test_statistics_of_means_are_of_each_resample() -> None:
    values = torch.randn(50, 4, generator=torch.Generator().manual_seed(2))
    bootstrap = Bootstrap(50)
    estimate = bootstrap.of_mean(values, lambda means: means.abs().sum(-1))
    assert estimate.value.item() == pytest.approx(values.double().mean(0).abs().sum().item())
    assert estimate.low < estimate.high


def test_resamples_in_which_a_statistic_is_not_defined_are_left_out() -> None:
    """The share of ones among the values above 0, of which some resamples have none."""
    values = torch.tensor([0.0] * 8 + [1.0, 2.0])
    parts = torch.stack([values == 1, values > 0], dim=1).float()
    estimate = Bootstrap(10).of_mean(parts, lambda means: means[:, 0] / means[:, 1])
    assert [part.item() for part in (estimate.low, estimate.value, estimate.high)] == [0, 0.5, 1]
    nothing = Bootstrap(10).of_mean(torch.zeros(10, 2), lambda means: means[:, 0] / means[:, 1])
    assert all(part.isnan() for part in (nothing.low, nothing.value, nothing.high))
    assert Bootstrap(10).mean(torch.tensor([torch.nan] + [1.0] * 9)).low.isnan()


def test_differences_are_paired() -> None:
    """Two agents that are equally far apart on every image differ by exactly that, however much the images vary."""
    values = torch.randn(100, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    bootstrap = Bootstrap(100)
    difference = bootstrap.mean((values + 0.5) - values)
    torch.testing.assert_close(
        torch.stack([difference.low, difference.high]), torch.full((2,), 0.5, dtype=torch.float64)
    )
    assert bootstrap.mean(values).high - bootstrap.mean(values).low > 0.1


def test_the_same_seed_gives_the_same_interval() -> None:
    values = torch.rand(30)
    one, same, other = (Bootstrap(30, seed=seed).mean(values) for seed in (1, 1, 2))
    assert one == same
    assert one.low != other.low


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="expected num_images to be at least 1, got 0"):
        Bootstrap(0)
    with pytest.raises(ValueError, match="level to be more than 0 and less than 1, got 95"):
        Bootstrap(5, level=95)
    with pytest.raises(ValueError, match="of 5 images, got 4"):
        Bootstrap(5).mean(torch.zeros(4))


def test_a_fraction_of_1_is_not_certain_to_be_1() -> None:
    estimate = of_fraction(torch.tensor([[True, False]] * 20))
    assert estimate.value.tolist() == [1, 0]
    # Newcombe 1998, table I, method 3: 0/20.
    assert estimate.low.tolist() == pytest.approx([0.8389, 0], abs=5e-5)
    assert estimate.high.tolist() == pytest.approx([1, 0.1611], abs=5e-5)


@pytest.mark.parametrize("fraction", [0.5, 0.97])
def test_the_interval_of_a_fraction_covers_at_its_rate(fraction: float) -> None:
    drawn = torch.rand(60, 3000, generator=torch.Generator().manual_seed(3)) < fraction
    estimate = of_fraction(drawn)
    covered = ((estimate.low <= fraction) & (fraction <= estimate.high)).double().mean().item()
    assert 0.92 < covered < 0.99
