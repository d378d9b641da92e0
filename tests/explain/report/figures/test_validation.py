"""Validation: reconstruction errors, location policies, and EIG against the gain."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch

from explain import Estimate
from explain.report.figures import draw_eig_against_gain, draw_location_policies, draw_reconstruction_errors


def estimate(*values: float) -> Estimate:
    value = torch.tensor(values)
    return Estimate(value, value - 0.01, value + 0.01)


def test_errors_are_drawn_with_their_references() -> None:
    errors = {"learned": estimate(0.06, 0.04, 0.03), "shuffled": estimate(0.07, 0.07, 0.07)}
    references = {"mean image": 0.065, "$ceiling$": 0.01}
    figure = draw_reconstruction_errors(errors, references)
    (axes,) = figure.axes
    heights = [np.asarray(line.get_ydata()) for line in axes.lines]
    for drawn, error in zip(heights[:2], errors.values(), strict=True):
        np.testing.assert_array_equal(drawn, error.value)
    assert [line.tolist() for line in heights[2:]] == [[0.065] * 2, [0.01] * 2]
    names = {text.get_text(): text.xy[1] for text in axes.texts}  # type: ignore[attr-defined]
    assert names == pytest.approx(references)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["learned", "shuffled"]
    assert len(axes.collections) == 2
    assert axes.get_ylim()[0] == 0


def test_names_of_references_do_not_overlap() -> None:
    figure = draw_reconstruction_errors({"a": estimate(0.06, 0.04)}, {"one": 0.05, "two": 0.0501, "three": 0.0499})
    figure.draw_without_rendering()
    boxes = sorted((text.get_window_extent() for text in figure.axes[0].texts), key=lambda box: box.y0)
    assert all(lower.y1 <= upper.y0 + 1 for lower, upper in itertools.pairwise(boxes))
    assert max(box.x1 for box in boxes) <= figure.bbox.x1


def test_errors_need_no_references() -> None:
    figure = draw_reconstruction_errors({"a": estimate(0.06, 0.04)}, {})
    (axes,) = figure.axes
    assert len(axes.lines) == 1
    assert not axes.texts
    assert not figure.legends


def test_location_policies_are_drawn_with_their_intervals() -> None:
    figure = draw_location_policies({"learned policy": estimate(0.25, 0.75), "random": estimate(0.25, 0.5)})
    (axes,) = figure.axes
    assert [np.asarray(line.get_ydata()).tolist() for line in axes.lines] == [[0.25, 0.75], [0.25, 0.5]]
    for band, last in zip(axes.collections, (0.75, 0.5), strict=True):
        corners: Any = band.get_paths()[0].vertices
        at_the_end = corners[corners[:, 0] == 2][:, 1]
        assert (at_the_end.min(), at_the_end.max()) == pytest.approx((last - 0.01, last + 0.01))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["learned policy", "random"]
    assert axes.get_ylabel() == "fraction correct"


def test_points_are_counted_and_binned() -> None:
    generator = torch.Generator().manual_seed(0)
    predicted = torch.rand(200, generator=generator)
    gained = predicted.square() + 0.3 * torch.rand(200, generator=generator)
    axes = draw_eig_against_gain(predicted, gained).axes[0]
    assert axes.collections[0].get_array().sum() == 200
    means = axes.containers[0].lines[0].get_xydata()
    assert len(means) == 10
    np.testing.assert_allclose(means.mean(0), [predicted.mean(), gained.mean()], rtol=1e-5)
    lowest = predicted.argsort()[:20]
    np.testing.assert_allclose(means[0], [predicted[lowest].mean(), gained[lowest].mean()], rtol=1e-5)


@pytest.mark.parametrize("count", [2, 3, 19])
def test_few_points_have_few_bins(count: int) -> None:
    figure = draw_eig_against_gain(torch.arange(count) / 10, torch.ones(count))
    figure.draw_without_rendering()
    axes = figure.axes[0]
    assert axes.collections[0].get_array().sum() == count
    means = axes.containers[0].lines[0].get_xydata()
    assert len(means) == count // 2
    np.testing.assert_array_equal(means[:, 1], 1)


def test_arguments_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected at least 1 curve, .*, got lengths \[2, 3\]"):
        draw_reconstruction_errors({"a": estimate(1, 2), "b": estimate(1, 2, 3)}, {})
    with pytest.raises(ValueError, match=r"expected at least 1 curve, .*, got lengths \[\]"):
        draw_location_policies({})
    with pytest.raises(ValueError, match=r"M at least 2, got \(3,\) and \(4,\)"):
        draw_eig_against_gain(torch.zeros(3), torch.zeros(4))
    with pytest.raises(ValueError, match=r"M at least 2, got \(1,\) and \(1,\)"):
        draw_eig_against_gain(torch.zeros(1), torch.zeros(1))
    with pytest.raises(ValueError, match="expected gained to be finite, got 1 of 3 numbers that are not"):
        draw_eig_against_gain(torch.zeros(3), torch.tensor([0.0, float("nan"), 1.0]))
