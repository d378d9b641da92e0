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
from matplotlib.colors import to_hex

from explain import Recording
from explain.report.figures.eig_maps import mark_next_location
from explain.report.figures.images import (
    aspect_of,
    draw_coverage,
    draw_glimpses,
    draw_path,
    label_with_belief,
    label_with_class,
    make_grid,
    outline,
    patches_of,
    show_canvas,
    show_image,
)
from explain.report.figures.style import CORRECT, INCORRECT, PAGE_WIDTH
from glimpse_env.rendering.colours import ORANGE, SKY_BLUE


@pytest.fixture
def axes() -> Axes:
    return make_grid(1, 1)[1][0, 0]


def boxes_of(axes: Axes) -> list[tuple[float, ...]]:
    return [(*patch.get_xy(), patch.get_width(), patch.get_height()) for patch in axes.patches]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("rows", "columns", "aspect"), [(1, 1, 1.0), (3, 9, 1.0), (2, 4, 0.5), (10, 8, 2.0)])
def test_a_grid_fits_on_the_page(rows: int, columns: int, aspect: float) -> None:
    figure, grid = make_grid(rows, columns, aspect, margins=(0.5, 0.2), below=0.2)
    assert grid.shape == (rows, columns)
    assert figure.get_figwidth() <= PAGE_WIDTH + 1e-9
    room = (figure.get_figheight() - 0.2) / rows - 0.2
    assert room == pytest.approx(((figure.get_figwidth() - 0.5) / columns - 0.06) * aspect + 0.06)


@pytest.mark.parametrize("channels", [1, 3])
def test_uint8_and_float_pixels_give_the_same_image(
    axes: Axes, pixels_of: Callable[[Axes], np.ndarray], channels: int
) -> None:
    pixels = np.random.default_rng(0).integers(256, size=(channels, 3, 5), dtype=np.uint8)
    show_image(axes, pixels)
    expected = np.moveaxis(np.broadcast_to(pixels, (3, 3, 5)), 0, -1) / 255
    np.testing.assert_allclose(pixels_of(axes), expected)
    axes.clear()
    show_image(axes, pixels / np.float32(255))
    np.testing.assert_allclose(pixels_of(axes), expected, atol=1e-6)
    assert axes.get_xlim() == (-0.5, 4.5)
    assert axes.get_ylim() == (2.5, -0.5)


@pytest.mark.parametrize("canvas", [(12, 12), (20, 9)])
def test_patches_are_centred_on_locations(make_recording: Callable[..., Recording], canvas: tuple[int, int]) -> None:
    recording = make_recording(canvas=canvas)
    centres = patches_of(recording, 2) + recording.retina.glimpse_size / 2
    exact = (recording.locations[2].numpy() + 1) / 2 * [canvas[1], canvas[0]] - 0.5
    assert np.abs(centres - exact).max() <= 0.5 + 1e-6


def test_glimpses_so_far_are_drawn(recording: Recording, axes: Axes) -> None:
    draw_glimpses(axes, recording, 3, 2)
    assert boxes_of(axes) == [(*corner, 4, 4) for corner in patches_of(recording, 3)[:2].tolist()]
    colors = [to_hex(patch.get_edgecolor()) for patch in axes.patches]
    assert colors == [SKY_BLUE, ORANGE]


def test_the_path_goes_through_the_centres_of_glimpses(recording: Recording, axes: Axes) -> None:
    draw_path(axes, recording, 3, 3)
    middles = patches_of(recording, 3)[:3] + 2
    np.testing.assert_array_equal(axes.lines[0].get_xydata(), middles)
    assert [text.get_text() for text in axes.texts] == ["1", "2", "3"]
    np.testing.assert_array_equal([text.xy for text in axes.texts], middles)  # type: ignore[attr-defined]


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


def test_what_has_not_been_seen_is_dark(
    recording: Recording, axes: Axes, pixels_of: Callable[[Axes], np.ndarray]
) -> None:
    for count in range(1, 5):
        axes.clear()
        show_canvas(axes, recording, 2, count)
        canvas, drawn = recording.canvases[2, 0].numpy() / 255, pixels_of(axes)[..., 0]
        seen = np.zeros(canvas.shape, bool)
        for x, y in patches_of(recording, 2)[:count] + 0.5:
            seen[max(int(y), 0) : max(int(y) + 4, 0), max(int(x), 0) : max(int(x) + 4, 0)] = True
        np.testing.assert_allclose(drawn[seen], canvas[seen])
        assert (drawn[~seen] <= canvas[~seen] / 2).all()
        assert seen.any()
        assert not seen.all()


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
