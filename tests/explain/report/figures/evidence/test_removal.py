"""Removal curves as a figure."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from explain import Estimate
from explain.report.figures import draw_removal_curves


def estimate(*values: float) -> Estimate:
    value = torch.tensor(values)
    return Estimate(value, value - 0.01, value + 0.01)


def test_both_curves_begin_at_no_place() -> None:
    insertion = {"best": estimate(0.2, 0.6, 0.9), "random": estimate(0.2, 0.3, 0.4)}
    deletion = {"best": estimate(0.9, 0.5, 0.3), "random": estimate(0.9, 0.8, 0.7)}
    figure = draw_removal_curves(insertion, deletion)
    left, right = figure.axes
    for axes, curves in ((left, insertion), (right, deletion)):
        for line, curve in zip(axes.lines, curves.values(), strict=True):
            np.testing.assert_array_equal(np.asarray(line.get_ydata()), curve.value)
        assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "1", "2"]
    assert [left.get_xlabel(), right.get_xlabel()] == ["places looked at", "places made background"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["best", "random"]


def test_curves_have_one_length() -> None:
    with pytest.raises(ValueError, match="all of the same length"):
        draw_removal_curves({"best": estimate(0.2, 0.6)}, {"best": estimate(0.9, 0.5, 0.3)})
