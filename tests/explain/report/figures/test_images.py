"""Images, and what is drawn on them: glimpses, paths, coverage masks and labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg

from explain import Recording
from explain.report.figures.eig_maps import mark_next_location
from explain.report.figures.images import draw_coverage, label_with_belief, label_with_class, make_grid, outline
from explain.report.figures.style import CORRECT, INCORRECT, PAGE_WIDTH
from glimpse_env.rendering.episodes import aspect_of, draw_glimpses, draw_path, show_canvas


@pytest.fixture
def axes() -> Axes:
    return make_grid(1, 1)[1][0, 0]


@pytest.mark.parametrize(("rows", "columns", "aspect"), [(1, 1, 1.0), (3, 9, 1.0), (2, 4, 0.5), (10, 8, 2.0)])
def test_a_grid_fits_on_the_page(rows: int, columns: int, aspect: float) -> None:
    figure, grid = make_grid(rows, columns, aspect, margins=(0.5, 0.2), below=0.2)
    assert grid.shape == (rows, columns)
    assert figure.get_figwidth() <= PAGE_WIDTH + 1e-9
    room = (figure.get_figheight() - 0.2) / rows - 0.2
    assert room == pytest.approx(((figure.get_figwidth() - 0.5) / columns - 0.06) * aspect + 0.06)


@pytest.mark.parametrize("corner", [(-1, -1), (1, -1), (-1, 1), (1, 1)])
@pytest.mark.parametrize("canvas", [(28, 28), (12, 40)])
def test_nothing_is_cut_off_at_the_edge_of_a_panel(
    make_recording: Callable[..., Recording], canvas: tuple[int, int], corner: tuple[int, int]
) -> None:
    recording = make_recording(canvas=canvas, glimpses=2)
    recording.locations[:] = torch.tensor(corner)
    figure, grid = make_grid(2, 2, aspect_of(recording))
    for axes in grid.flat:
        show_canvas(axes, recording, 0, 1)
        draw_glimpses(axes, recording, 0, 1)
        draw_path(axes, recording, 0, 1)
        mark_next_location(axes, recording, 0, 1)
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    for axes in grid.flat:
        panel = axes.get_window_extent()
        for drawn in (*axes.lines, *axes.patches, *axes.texts):
            box = drawn.get_window_extent(renderer)
            assert panel.x0 - 1 <= box.x0 <= box.x1 <= panel.x1 + 1, drawn
            assert panel.y0 - 1 <= box.y0 <= box.y1 <= panel.y1 + 1, drawn


def lines_of(edges: Any) -> set[tuple[float, ...]]:
    """Cuts lines into pieces as long as a pixel."""
    pieces = set()
    for (x, y), (to_x, to_y) in edges:
        for step in range(round(max(to_x - x, to_y - y))):
            right, down = (1, 0) if to_x > x else (0, 1)
            pieces.add((x + step * right, y + step * down, right))
    return pieces


@given(arrays(bool, st.tuples(st.integers(1, 6), st.integers(1, 6))))
def test_an_outline_is_where_neighbouring_pixels_differ(mask: np.ndarray) -> None:
    height, width = mask.shape

    def inside(row: int, column: int) -> bool:
        return 0 <= row < height and 0 <= column < width and bool(mask[row, column])

    expected = set()
    for row in range(height + 1):
        for column in range(width + 1):
            if inside(row, column) != inside(row - 1, column):
                expected.add((column - 0.5, row - 0.5, 1))
            if inside(row, column) != inside(row, column - 1):
                expected.add((column - 0.5, row - 0.5, 0))
    found = outline(mask)
    assert lines_of(found) == expected
    # Lines are as long as they go: no two of them meet end to end in one direction.
    ends = [(*line[1], line[0, 1] == line[1, 1]) for line in found]
    assert not set(ends) & {(*line[0], line[0, 1] == line[1, 1]) for line in found}


def test_the_coverage_mask_is_outlined(axes: Axes) -> None:
    seen = np.zeros((5, 5), bool)
    seen[1:3, 2:4] = True
    draw_coverage(axes, seen)
    corners = np.concatenate(axes.collections[0].get_segments())  # type: ignore[attr-defined]
    assert {tuple(corner) for corner in corners} == {(1.5, 0.5), (3.5, 0.5), (1.5, 2.5), (3.5, 2.5)}


@pytest.mark.parametrize(("is_correct", "color"), [(True, CORRECT), (False, INCORRECT)])
def test_the_color_of_a_belief_tells_whether_it_is_correct(axes: Axes, is_correct: bool, color: str) -> None:
    label_with_belief(axes, "7", 0.853, is_correct)
    assert axes.get_xlabel() == "7 85%"
    assert axes.xaxis.label.get_color() == color
    label_with_belief(axes, "truck", 0.853, is_correct)
    assert axes.get_xlabel() == "truck\n85%"


def test_the_true_class_is_written(axes: Axes) -> None:
    label_with_class(axes, "7")
    assert axes.get_xlabel() == "true: 7"
    label_with_class(axes, "truck")
    assert axes.get_xlabel() == "true:\ntruck"
