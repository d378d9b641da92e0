"""Figures of a study: a column per data set, a curve per variant, at the means over seeds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from explain.report.figures.lines import color_of
from scripts.study.figures import INFORMATION_PANELS, draw_information, draw_reconstruction_errors
from scripts.study.results import estimate_all


def check_panel(figure: Figure, number: int, results: pd.DataFrame, dataset: str, quantity: str) -> None:
    axes = figure.axes[number]
    estimates = estimate_all(results)[dataset]
    assert [line.get_label() for line in axes.lines] == list(estimates)
    for curve, (line, quantities) in enumerate(zip(axes.lines, estimates.values(), strict=True)):
        estimate = quantities[quantity]
        np.testing.assert_allclose(line.get_xdata(), [1, 2, 3])
        np.testing.assert_allclose(line.get_ydata(), estimate.value)
        assert line.get_color() == color_of(curve)
        corners = axes.collections[curve].get_paths()[0].vertices
        assert corners[:, 1].min() == pytest.approx(estimate.low.min().item())
        assert corners[:, 1].max() == pytest.approx(estimate.high.max().item())


def test_information_has_a_row_per_quantity_and_a_column_per_data_set(results: pd.DataFrame) -> None:
    figure = draw_information(estimate_all(results))
    assert len(figure.axes) == 2 * len(INFORMATION_PANELS)
    for row, (quantity, label) in enumerate(INFORMATION_PANELS.items()):
        assert figure.axes[2 * row].get_ylabel() == label
        check_panel(figure, 2 * row, results, "MNIST", quantity)
        check_panel(figure, 2 * row + 1, results, "cluttered 40x40", quantity)
    assert [axes.get_title("left") for axes in figure.axes[:2]] == ["MNIST", "cluttered 40x40"]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["HardAtt", "HardAttReshaped"]


def test_reconstruction_errors_are_drawn_per_pixel(results: pd.DataFrame) -> None:
    figure = draw_reconstruction_errors(estimate_all(results))
    assert len(figure.axes) == 2
    assert figure.axes[0].get_ylabel() == "squared error per pixel"
    check_panel(figure, 1, results, "cluttered 40x40", "reconstruction_error")
