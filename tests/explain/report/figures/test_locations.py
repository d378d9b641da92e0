"""Locations: densities over the mean canvas."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes

from explain import Recording
from explain.report.figures import draw_locations, draw_locations_by_class
from explain.report.figures.locations import CELLS, densities_of


def test_a_density_is_1_on_average() -> None:
    locations = np.random.default_rng(0).uniform(-1, 1, size=(50, 3, 2)).astype(np.float32)
    densities = densities_of(locations)
    assert densities.shape == (3, CELLS, CELLS)
    np.testing.assert_allclose(densities.mean((1, 2)), 1)


def test_the_density_of_uniform_locations_is_1() -> None:
    middles = (2 * np.arange(CELLS) + 1) / CELLS - 1
    everywhere = np.stack(np.meshgrid(middles, middles), axis=-1).reshape(-1, 1, 2)
    np.testing.assert_allclose(densities_of(everywhere.astype(np.float32)), 1, rtol=1e-6)


@pytest.mark.parametrize("location", [(0.5, -0.25), (-1.0, 1.0), (1.0, 0.0)])
def test_a_density_is_highest_where_the_agent_looks(location: tuple[float, float]) -> None:
    (density,) = densities_of(np.full((4, 1, 2), location, np.float32))
    row, column = np.unravel_index(density.argmax(), density.shape)
    x, y = (2 * np.array([column, row]) + 1) / CELLS - 1
    assert abs(x - location[0]) <= 1.01 / CELLS
    assert abs(y - location[1]) <= 1.01 / CELLS


def test_each_density_is_drawn_over_the_mean_canvas(
    make_recording: Callable[..., Recording], pixels_of: Callable[[Axes], np.ndarray]
) -> None:
    recording = make_recording(canvas=(8, 12), channels=3)
    *panels, _ = draw_locations(recording).axes
    assert [axes.get_title("center") for axes in panels] == [f"glimpse {number}" for number in (1, 2, 3, 4)]
    mean = recording.canvases.double().mean((0, 1)).numpy()
    for axes, density in zip(panels, densities_of(recording.locations.numpy()), strict=True):
        np.testing.assert_allclose(axes.images[1].get_array(), density)
        assert axes.images[1].get_extent() == axes.images[0].get_extent()
        # White as paper where the canvas is black.
        darkness = 1 - pixels_of(axes)[..., 0]
        assert np.corrcoef(darkness.flat, mean.flat)[0, 1] > 0.999
        assert darkness.max() < 0.5


def test_a_row_a_glimpse_and_a_column_a_class(
    recording: Recording, class_names: Sequence[str], pixels_of: Callable[[Axes], np.ndarray]
) -> None:
    *panels, _ = draw_locations_by_class(recording, class_names).axes
    grid = np.array(panels).reshape(4, 3)
    assert [axes.get_title("center") for axes in grid[0]] == list(class_names)
    for label in range(3):
        own = recording.labels == label
        for glimpse, density in enumerate(densities_of(recording.locations[own].numpy())):
            axes = grid[glimpse, label]
            np.testing.assert_allclose(axes.images[1].get_array(), density)
            mean = recording.canvases[own].double().mean((0, 1)).numpy()
            assert np.corrcoef(1 - pixels_of(axes)[..., 0].ravel(), mean.ravel())[0, 1] > 0.999
    assert len({axes.images[1].get_clim() for axes in grid.flat}) == 1


def test_classes_without_images_have_no_column(recording: Recording, class_names: Sequence[str]) -> None:
    recording = replace(recording, labels=torch.tensor([0, 2, 0, 2, 0, 2]))
    titles = [axes.get_title("center") for axes in draw_locations_by_class(recording, class_names).axes]
    assert [title for title in titles if title] == ["zero", "two"]


def test_of_many_classes_the_most_frequent_are_shown(make_recording: Callable[..., Recording]) -> None:
    recording = make_recording(num_images=120, glimpses=1, classes=100)
    titles = [axes.get_title("center") for axes in draw_locations_by_class(recording, list(map(str, range(100)))).axes]
    assert [title for title in titles if title] == list(map(str, range(10)))


def test_bad_arguments_are_refused(make_recording: Callable[..., Recording], class_names: Sequence[str]) -> None:
    with pytest.raises(ValueError, match="expected a recording of at least 1 image, got none"):
        draw_locations(make_recording(num_images=0))
    with pytest.raises(ValueError, match="expected a recording of at least 1 image, got none"):
        draw_locations_by_class(make_recording(num_images=0), class_names)
    with pytest.raises(ValueError, match="expected 3 class names, got 1"):
        draw_locations_by_class(make_recording(), ["cat"])
