"""Scores as figures: the numbers that were passed, at their heights."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from explain import Estimate
from explain.report.figures import draw_eig_against_gain, draw_looks, draw_reconstruction_errors


def estimate(*values: float) -> Estimate:
    value = torch.tensor(values)
    return Estimate(value, value - 0.01, value + 0.01)


def test_errors_and_what_they_are_compared_with() -> None:
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
    draw_reconstruction_errors({"a": estimate(0.06, 0.04)}, {}).draw_without_rendering()


def test_looks_are_drawn_with_their_intervals() -> None:
    value, low, high = np.array([0.3, 0.9]), np.array([0.2, 0.85]), np.array([0.4, 0.95])
    figure = draw_looks({"learned": (value, low, high), "at random": (value / 2, low / 2, high / 2)})
    (axes,) = figure.axes
    np.testing.assert_array_equal(axes.lines[1].get_ydata(), value / 2)
    corners: Any = axes.collections[0].get_paths()[0].vertices
    assert {(1.0, 0.2), (2.0, 0.95)} <= {tuple(corner) for corner in corners.tolist()}
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["learned", "at random"]


def test_expected_and_gained_are_counted_and_ranked() -> None:
    generator = torch.Generator().manual_seed(0)
    predicted = torch.rand(200, generator=generator)
    gained = predicted.square() + 0.3 * torch.rand(200, generator=generator)
    axes = draw_eig_against_gain(predicted, gained).axes[0]
    assert f"{spearmanr(predicted, gained).statistic:.2f}" in axes.get_title("left")
    assert axes.collections[0].get_array().sum() == 200
    means = axes.containers[0].lines[0].get_xydata()
    assert len(means) == 10
    np.testing.assert_allclose(means.mean(0), [predicted.mean(), gained.mean()], rtol=1e-5)
    lowest = predicted.argsort()[:20]
    np.testing.assert_allclose(means[0], [predicted[lowest].mean(), gained[lowest].mean()], rtol=1e-5)


@pytest.mark.parametrize("count", [2, 3, 19])
def test_few_points(count: int) -> None:
    draw_eig_against_gain(torch.arange(count) / 10, torch.ones(count)).draw_without_rendering()


def test_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match=r"expected at least 1 curve, .*, got \[2, 3\] glimpses"):
        draw_reconstruction_errors({"a": estimate(1, 2), "b": estimate(1, 2, 3)}, {})
    with pytest.raises(ValueError, match=r"expected at least 1 curve, .*, got \[\] glimpses"):
        draw_looks({})
    with pytest.raises(ValueError, match=r"M at least 2, got \(3,\) and \(4,\)"):
        draw_eig_against_gain(torch.zeros(3), torch.zeros(4))
    with pytest.raises(ValueError, match=r"M at least 2, got \(1,\) and \(1,\)"):
        draw_eig_against_gain(torch.zeros(1), torch.zeros(1))
