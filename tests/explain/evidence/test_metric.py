"""A metric and its nulls."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from explain.evidence.metric import Metric
from explain.knowledge.intervals import Bootstrap, Estimate


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def metric_of(values: torch.Tensor, null: torch.Tensor, better: str = "higher", seed: int = 0) -> Metric:
    return Metric.over_images(
        "hits", "Does it hit?", values, {"chance": null}, Bootstrap(len(values), seed=seed), better=better
    )  # type: ignore[arg-type]


def test_without_a_null_there_is_no_metric() -> None:
    values = torch.ones(4)
    with pytest.raises(ValueError, match="expected at least one null of the metric 'hits', got none"):
        Metric.over_images("hits", "Does it hit?", values, {}, Bootstrap(4))
    metric = metric_of(values, values)
    with pytest.raises(ValueError, match="expected at least one null"):
        replace(metric, nulls={}, margins={})
    with pytest.raises(ValueError, match=r"expected margins over \['chance'\], got \[\]"):
        replace(metric, margins={})


def test_a_metric_is_a_single_number_with_a_direction() -> None:
    metric = metric_of(torch.ones(4), torch.ones(4))
    many = Bootstrap(4).mean(torch.ones(4, 2))
    with pytest.raises(ValueError, match=r"expected estimates of one number, got one of shape \(2,\)"):
        replace(metric, value=many)
    with pytest.raises(ValueError, match="expected better to be 'higher' or 'lower', got 'up'"):
        replace(metric, better="up")
    with pytest.raises(ValueError, match=r"expected measurements of one shape, got \(3,\) of 'chance' and \(4,\)"):
        metric_of(torch.ones(4), torch.ones(3))


def test_the_numbers_are_means_over_images() -> None:
    values, null = normal(200), normal(200, seed=1)
    metric, bootstrap = metric_of(values, null), Bootstrap(200)
    for found, expected in (
        (metric.value, bootstrap.mean(values)),
        (metric.nulls["chance"], bootstrap.mean(null)),
        (metric.margins["chance"], bootstrap.mean(values - null)),
    ):
        for part in ("value", "low", "high"):
            torch.testing.assert_close(getattr(found, part), getattr(expected, part))
    assert metric.to_json()["nulls"]["chance"] == metric.nulls["chance"].to_json()


def test_measurements_that_are_not_defined_are_left_out() -> None:
    values = torch.tensor([[1.0, torch.nan], [3.0, 5.0], [torch.nan, torch.nan]])
    metric = metric_of(values, torch.zeros(3, 2))
    assert metric.value.value.item() == 3
    assert metric.nulls["chance"].value.item() == 0


@given(st.integers(0, 2**31))
def test_margins_are_paired_and_point_in_the_better_direction(seed: int) -> None:
    """What is better by the same on every image is better by exactly that, however much the images vary."""
    values = normal(20, seed=seed)
    higher, lower = metric_of(values + 0.5, values), metric_of(values - 0.5, values, better="lower")
    for metric in (higher, lower):
        margin = metric.margins["chance"]
        assert [part.item() for part in (margin.low, margin.value, margin.high)] == pytest.approx([0.5] * 3)
        assert metric.passes
    assert not metric_of(values, values + 0.5).passes
    assert not metric_of(values, values).passes


def test_every_null_must_be_beaten() -> None:
    values = normal(50) + 1
    nulls = {"weak": values - 1, "strong": values + 1}
    assert not Metric.over_images("hits", "Does it hit?", values, nulls, Bootstrap(50)).passes


def test_the_same_seed_gives_the_same_numbers() -> None:
    values, null = normal(30), normal(30, seed=1)
    one, same, other = (metric_of(values, null, seed=seed) for seed in (1, 1, 2))
    assert one.to_json() == same.to_json() != other.to_json()


def test_intervals_cover_at_their_rate() -> None:
    """The mean of 60 draws of a uniform distribution, and its margin over a null that has the same mean."""
    trials, covered, null_beaten = 300, 0, 0
    generator = torch.Generator().manual_seed(0)
    for _ in range(trials):
        values, null = torch.rand(2, 60, generator=generator, dtype=torch.float64)
        metric = Metric.over_images("hits", "Does it hit?", values, {"chance": null}, Bootstrap(60, num_resamples=400))
        covered += bool(metric.value.low <= 0.5 <= metric.value.high)
        null_beaten += metric.passes
    assert 0.91 <= covered / trials <= 0.98
    assert null_beaten / trials <= 0.06


def test_estimates_of_other_kinds_can_be_given() -> None:
    one, zero = (Estimate(*torch.tensor([number] * 3)) for number in (1.0, 0.0))
    assert Metric("slope", "Does it rise?", one, {"flat": zero}, {"flat": one}).passes
