"""Where agents look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, PowerNorm, to_rgba
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from explain.recording import Recording
from explain.report.figures.images import make_grid, show_image
from explain.report.figures.inputs import check_class_names, check_not_empty, shorten, shown_classes
from explain.report.figures.style import BLUE, FAINT, look

CELLS, BLUR = 56, 2.0
"""Columns and rows that places are counted in, and the standard deviation of the blur, in cells."""
COLOR_MAP = LinearSegmentedColormap.from_list("places", [to_rgba(BLUE, 0), to_rgba(BLUE, 0.9), to_rgba("#00263d", 1)])
CANVAS_DARKNESS = 0.4
NAME_LENGTH = 6


@look()
def draw_places(recording: Recording) -> Figure:
    """Draws how often each place was looked at, for each glimpse, over the mean canvas.

    Args:
        recording: `N` images, `T` glimpses.

    Raises:
        ValueError: There are no images.
    """
    check_not_empty(recording)
    densities = densities_of(recording.locations.numpy())
    figure, grid = make_grid(1, len(densities), _aspect(recording), margins=(0.45, 0.2))
    for number, axes in enumerate(grid[0]):
        axes.set_title(f"glimpse {number + 1}", loc="center", size=7)
        _draw_density(axes, recording.canvases.numpy(), densities[number], densities.max())
    _add_color_bar(figure, grid)
    return figure


@look()
def draw_places_by_class(recording: Recording, class_names: Sequence[str]) -> Figure:
    """Draws how often each place was looked at, a column for each true class and a row for each glimpse.

    Below is the mean canvas of the class. Of more than 10 classes, the 10 most frequent are shown.

    Args:
        recording: `N` images, `T` glimpses.
        class_names: Name of each class.

    Raises:
        ValueError: There are no images, or more or fewer names than classes.
    """
    check_not_empty(recording)
    check_class_names(recording, class_names)
    glimpses, num_classes = recording.beliefs.shape[1:]
    labels, locations = recording.labels.numpy(), recording.locations.numpy()
    present = [label for label in shown_classes(labels, num_classes) if (labels == label).any()]
    densities = np.array([densities_of(locations[labels == label]) for label in present])
    figure, grid = make_grid(glimpses, len(present), _aspect(recording), margins=(0.65, 0.2))
    for column, label in enumerate(present):
        grid[0, column].set_title(shorten(class_names[label], NAME_LENGTH), loc="center", weight="bold")
        canvases = recording.canvases.numpy()[labels == label]
        for glimpse in range(glimpses):
            _draw_density(grid[glimpse, column], canvases, densities[column, glimpse], densities.max())
    for number, axes in enumerate(grid[:, 0], start=1):
        axes.set_ylabel(f"glimpse {number}", size=7)
    _add_color_bar(figure, grid)
    return figure


def densities_of(locations: NDArray[np.float32]) -> NDArray[np.float64]:
    """How often each cell of a canvas is looked at, as a multiple of how often it would be at random, blurred.

    Args:
        locations: `(N, T, 2)`, at least 1 image.

    Returns:
        `(T, CELLS, CELLS)`, rows from top to bottom; 1 on average.
    """
    densities = []
    for places in locations.swapaxes(0, 1):
        counts, _, _ = np.histogram2d(places[:, 1], places[:, 0], bins=CELLS, range=[(-1, 1), (-1, 1)])
        # Reflected at the border, nothing is lost there.
        densities.append(gaussian_filter(counts / counts.mean(), BLUR, mode="reflect"))
    return np.array(densities)


def _aspect(recording: Recording) -> float:
    height, width = recording.canvases.shape[2:]
    return float(height / width)


def _draw_density(axes: Axes, canvases: NDArray[np.uint8], density: NDArray[np.float64], highest: float) -> None:
    """Draws a density `(CELLS, CELLS)` over the faint mean of canvases `(n, channels, H, W)`."""
    mean = canvases.mean((0, 1))
    show_image(axes, 1 - CANVAS_DARKNESS * mean[None] / max(mean.max(), 1))
    height, width = mean.shape
    axes.imshow(
        density,
        extent=(-0.5, width - 0.5, height - 0.5, -0.5),
        cmap=COLOR_MAP,
        # The square root keeps what is spread widely visible beside what is not.
        norm=PowerNorm(0.5, 0, highest),
        interpolation="bilinear",
    )
    axes.spines[:].set(visible=True, color=FAINT)


def _add_color_bar(figure: Figure, grid: NDArray[Any]) -> None:
    bar = figure.colorbar(
        grid.flat[0].images[1], ax=grid, label="times chance", fraction=0.03, pad=0.01, aspect=12 * len(grid)
    )
    bar.outline.set_visible(False)
