"""EIG maps: their values, at their locations, over their canvases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from torch import Tensor

from explain import Recording, grid_locations
from explain.report.figures import draw_eig_maps
from glimpse_env.rendering.episodes import coverage_of, patches_of

IMAGES = [3, 0]
GRID = 3


def invent_maps(glimpses: int = 4) -> Tensor:
    return torch.rand(len(IMAGES), glimpses, GRID**2, generator=torch.Generator().manual_seed(0))


def draw(recording: Recording, maps: Tensor | None = None) -> Figure:
    return draw_eig_maps(recording, invent_maps() if maps is None else maps, grid_locations(GRID), IMAGES)


def grid_of(figure: Figure) -> np.ndarray:
    *images, _ = figure.axes
    return np.array(images).reshape(len(IMAGES), -1)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_map_after_each_glimpse_but_the_last(make_recording: Callable[..., Recording], channels: int) -> None:
    recording, maps = make_recording(channels=channels), invent_maps()
    grid = grid_of(draw(recording))
    assert grid.shape == (2, 3)
    for row, image in enumerate(IMAGES):
        for glimpse in range(3):
            canvas, drawn = grid[row, glimpse].images
            np.testing.assert_allclose(drawn.get_array(), maps[row, glimpse].view(GRID, GRID))
            grey = np.asarray(canvas.get_array())
            seen = coverage_of(recording, image)[glimpse]
            brightness = recording.canvases[image].double().mean(0).numpy().clip(1) / 255
            for part in (seen, ~seen):
                assert np.corrcoef(grey[part][:, 0], brightness[part])[0, 1] > 0.999
            assert (grey[seen][:, 0] / brightness[seen]).min() > 2 * (grey[~seen][:, 0] / brightness[~seen]).max()
            assert np.ptp(grey, axis=2).max() == 0


def test_cells_are_centred_on_their_locations(make_recording: Callable[..., Recording]) -> None:
    """On a canvas that is wider than high, the middle of each cell is its location."""
    canvas = (12, 24)
    axes = grid_of(draw(make_recording(canvas=canvas)))[0, 0]
    left, right, bottom, top = axes.images[1].get_extent()
    middles = (torch.arange(GRID) + 0.5) / GRID
    x, y = left + middles * (right - left), top + middles * (bottom - top)
    expected = (grid_locations(GRID) + 1) / 2 * torch.tensor([24.0, 12.0]) - 0.5
    torch.testing.assert_close(torch.stack([x.repeat(GRID), y.repeat_interleave(GRID)], 1), expected)


def test_all_maps_share_their_colors(recording: Recording) -> None:
    figure = draw(recording)
    (limits,) = {axes.images[1].get_clim() for axes in grid_of(figure).flat}
    highest = invent_maps()[:, :-1].max().item()
    assert limits == pytest.approx((highest / 1000, highest))
    assert figure.axes[-1].get_ylim() == pytest.approx(limits)
    assert {type(axes.images[1].norm) for axes in grid_of(figure).flat} == {LogNorm}


def test_small_values_are_transparent_and_larger_ones_the_more_opaque(recording: Recording) -> None:
    maps = torch.zeros(2, 4, GRID**2)
    maps[0, 0] = torch.tensor([0, 1e-4, 9e-4, 2e-3, 1e-2, 0.1, 0.5, 0.9, 1])
    eig = grid_of(draw(recording, maps))[0, 0].images[1]
    opacity = eig.to_rgba(eig.get_array())[..., 3].flatten()
    assert (opacity[:3] == 0).all()
    assert (np.diff(opacity[2:]) > 0).all()


def test_numbers_of_the_color_bar_are_no_formulas(recording: Recording) -> None:
    figure = draw(recording)
    figure.draw_without_rendering()
    labels = [label.get_text() for label in figure.axes[-1].get_yticklabels() if label.get_text()]
    assert labels
    assert all(float(label) > 0 for label in labels)


def test_glimpses_and_the_next_location_are_drawn(recording: Recording) -> None:
    grid = grid_of(draw(recording))
    for row, image in enumerate(IMAGES):
        patches = patches_of(recording, image)
        for glimpse in range(3):
            axes = grid[row, glimpse]
            corners = [patch.get_xy() for patch in axes.patches]
            np.testing.assert_array_equal(corners, patches[: glimpse + 1])
            for cross in axes.lines:
                assert cross.get_marker() == "x"
                np.testing.assert_array_equal(cross.get_xydata()[0], patches[glimpse + 1] + 2)


def test_columns_are_titled_by_glimpse(recording: Recording, texts_of: Callable[[Any], list[str]]) -> None:
    figure = draw(recording)
    assert [text for text in texts_of(figure) if text.startswith("after")] == [
        f"after glimpse {number}" for number in (1, 2, 3)
    ]
    assert "expected information gain, nats" in texts_of(figure)


def test_a_map_of_zeros_is_transparent(recording: Recording) -> None:
    figure = draw(recording, torch.zeros(2, 4, GRID**2))
    figure.draw_without_rendering()
    for axes in grid_of(figure).flat:
        eig = axes.images[1]
        assert eig.to_rgba(eig.get_array())[..., 3].max() == 0


def test_arguments_that_do_not_fit_are_refused(recording: Recording, make_recording: Callable[..., Recording]) -> None:
    with pytest.raises(ValueError, match=r"expected maps .*\(2, 4, 9\), got .*\(2, 3, 9\)"):
        draw(recording, invent_maps(3))
    with pytest.raises(ValueError, match="expected at least 2 glimpses, got 1"):
        draw(make_recording(glimpses=1), invent_maps(1))
    with pytest.raises(ValueError, match="expected images from 0 to 1, got 3"):
        draw(make_recording(num_images=2))


@pytest.mark.parametrize("locations", [grid_locations(2).flip(0), grid_locations(2)[:3], torch.zeros(0, 2)])
def test_locations_that_are_not_a_grid_are_refused(recording: Recording, locations: Tensor) -> None:
    maps = torch.zeros(len(IMAGES), 4, len(locations))
    with pytest.raises(ValueError, match="expected the locations of a grid, row by row, got"):
        draw_eig_maps(recording, maps, locations, IMAGES)
