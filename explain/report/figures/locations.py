"""Densities of the locations that an agent looks at."""

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
from explain.report.figures.images import make_grid
from explain.report.figures.inputs import check_class_names, check_not_empty, shown_classes
from explain.report.figures.style import BLUE, FAINT, figure_style
from glimpse_env.rendering.episodes import show_image
from glimpse_env.rendering.style import shorten

CELLS, BLUR = 56, 2.0
"""Columns and rows of the histogram, and the standard deviation of the Gaussian blur in cells."""
COLOR_MAP = LinearSegmentedColormap.from_list(
    "locations", [to_rgba(BLUE, 0), to_rgba(BLUE, 0.9), to_rgba("#00263d", 1)]
)
CANVAS_DARKNESS = 0.4
NAME_LENGTH = 6


@figure_style()
def draw_locations(recording: Recording) -> Figure:
    """Draws the density of the locations of each glimpse over the mean canvas.

    Args:
        recording: `N` images and `T` glimpses.

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


@figure_style()
def draw_locations_by_class(recording: Recording, class_names: Sequence[str]) -> Figure:
    """Draws the density of the locations for each true class (columns) and glimpse (rows) over the mean canvas.

    Of more than 10 classes, the 10 most frequent ones are shown.

    Args:
        recording: `N` images and `T` glimpses.
        class_names: The name of each class.

    Raises:
        ValueError: There are no images, or the number of names is not the number of classes.
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
    """Estimates the density of locations, relative to uniformly random ones: a histogram with a Gaussian blur.

    Args:
        locations: `(N, T, 2)`, at least 1 image.

    Returns:
        `(T, CELLS, CELLS)`, rows from top to bottom, with mean 1.
    """
    densities = []
    for points in locations.swapaxes(0, 1):
        counts, _, _ = np.histogram2d(points[:, 1], points[:, 0], bins=CELLS, range=[(-1, 1), (-1, 1)])
        # Reflection at the border preserves the mean.
        densities.append(gaussian_filter(counts / counts.mean(), BLUR, mode="reflect"))
    return np.array(densities)


def _aspect(recording: Recording) -> float:
    height, width = recording.canvases.shape[2:]
    return float(height / width)


def _draw_density(axes: Axes, canvases: NDArray[np.uint8], density: NDArray[np.float64], highest: float) -> None:
    """Draws a density `(CELLS, CELLS)` over the mean of canvases `(n, channels, H, W)`, which is inverted and faint."""
    mean = canvases.mean((0, 1))
    show_image(axes, 1 - CANVAS_DARKNESS * mean[None] / max(mean.max(), 1))
    height, width = mean.shape
    axes.imshow(
        density,
        extent=(-0.5, width - 0.5, height - 0.5, -0.5),
        cmap=COLOR_MAP,
        # The square root keeps low densities visible beside high ones.
        norm=PowerNorm(0.5, 0, highest),
        interpolation="bilinear",
    )
    axes.spines[:].set(visible=True, color=FAINT)


def _add_color_bar(figure: Figure, grid: NDArray[Any]) -> None:
    bar = figure.colorbar(
        grid.flat[0].images[1],
        ax=grid,
        label="relative density",
        fraction=0.03,
        pad=0.01,
        aspect=12 * len(grid),
    )
    bar.outline.set_visible(False)
