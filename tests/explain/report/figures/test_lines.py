"""Curves over glimpses, their legend, and labels that do not overlap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from explain.report.figures.lines import (
    add_legend,
    check_lengths,
    color_of,
    draw_band,
    draw_curve,
    format_axes,
    spread_labels,
)
from explain.report.figures.style import make_figure


def plot(width: float = 7) -> tuple[Figure, Axes]:
    figure = make_figure(width, 2)
    return figure, figure.subplots()


def test_a_curve_starts_at_the_first_glimpse() -> None:
    _, axes = plot()
    draw_curve(axes, [0.5, 0.7, 0.6], 1, "name")
    (line,) = axes.lines
    np.testing.assert_array_equal(line.get_xydata(), [[1, 0.5], [2, 0.7], [3, 0.6]])
    assert line.get_color() == color_of(1)


def test_a_band_lies_between_low_and_high() -> None:
    _, axes = plot()
    draw_band(axes, [0.0, 1.0], [2.0, 3.0], 0)
    corners = {tuple(corner) for corner in axes.collections[0].get_paths()[0].vertices}
    assert {(1, 0), (2, 1), (1, 2), (2, 3)} <= corners


def test_curves_differ_in_color_and_marker() -> None:
    _, axes = plot()
    for number in range(6):
        draw_curve(axes, [0, 1], number, str(number))
    assert len({line.get_color() for line in axes.lines}) == 6
    assert len({line.get_marker() for line in axes.lines}) == 6


def test_there_is_a_tick_for_each_glimpse() -> None:
    _, axes = plot()
    format_axes(axes, 4, "nats")
    assert axes.get_xticks().tolist() == [1, 2, 3, 4]
    assert axes.get_ylabel() == "nats"


def test_names_that_begin_with_an_underscore_are_in_the_legend() -> None:
    figure = make_figure(3, 2)
    axes = figure.subplots()
    for number, name in enumerate(["_private", "public", "$x"]):
        draw_band(axes, [0, 1], [1, 2], number)
        draw_curve(axes, [0, 1], number, name)
    add_legend(figure, axes)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["_private", "public", "$x"]


def test_one_curve_needs_no_legend() -> None:
    figure, axes = plot()
    draw_curve(axes, [0, 1], 0, "alone")
    add_legend(figure, axes)
    assert not figure.legends


@pytest.mark.parametrize("width", [3.5, 7])
@pytest.mark.parametrize("name", ["a", "an agent", "an agent with quite a long name"])
def test_the_legend_fits_into_the_figure(width: float, name: str) -> None:
    figure, axes = plot(width)
    for number in range(5):
        draw_curve(axes, [0, 1], number, f"{name} {number}")
    add_legend(figure, axes)
    FigureCanvasAgg(figure).draw()
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [f"{name} {number}" for number in range(5)]
    box = legend.get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1


def test_curves_have_the_same_length() -> None:
    assert check_lengths([4, 4]) == 4
    with pytest.raises(ValueError, match=r"expected at least 1 curve, all of the same length, got lengths \[3, 4\]"):
        check_lengths([4, 3])
    with pytest.raises(ValueError, match=r"expected at least 1 curve, .*, got lengths \[\]"):
        check_lengths([])


@given(st.lists(st.floats(-10, 10), max_size=8), st.floats(0.1, 3))
def test_labels_move_no_more_than_they_must(heights: list[float], gap: float) -> None:
    places = spread_labels(heights, gap)
    order = np.argsort(heights, kind="stable")
    assert (np.diff(places[order]) >= gap - 1e-9).all()
    if (np.diff(np.array(heights)[order]) >= gap).all():
        np.testing.assert_allclose(places, heights, atol=1e-9)
    np.testing.assert_allclose(places.sum(), sum(heights), atol=1e-6)
