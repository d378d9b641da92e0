"""Maps of the expected information gain (EIG) over canvases."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import FuncFormatter
from torch import Tensor

from explain.numbers import check_tensor
from explain.recording import Recording
from explain.report.figures.images import make_grid
from explain.report.figures.inputs import check_images
from explain.report.figures.style import figure_style
from glimpse_env.rendering.colours import BLACK
from glimpse_env.rendering.episodes import (
    aspect_of,
    coverage_of,
    darken_unseen,
    draw_glimpses,
    leave_margin,
    patches_of,
    show_image,
)
from glimpse_env.retina import grid_locations

# From transparent to opaque, so that the canvas is visible where the EIG is low.
COLOR_MAP = ListedColormap(
    np.column_stack([colormaps["viridis"](np.linspace(0.3, 1, 256))[:, :3], np.linspace(0, 0.9, 256)]),
    name="transparent viridis",
).with_extremes(bad=(0, 0, 0, 0), under=(0, 0, 0, 0))
CANVAS_BRIGHTNESS = 0.6
DECADES = 3
"""How many powers of ten the colour scale has below the highest value; what is lower is transparent."""


@figure_style()
def draw_eig_maps(recording: Recording, maps: Tensor, locations: Tensor, images: Sequence[int]) -> Figure:
    """Draws the maps of each image in a row, one map after each glimpse except the last.

    The canvas is grey, and darker where no glimpse has been, with the glimpses so far and the latest one in orange. A
    cross marks the next location of the agent. All maps have the same colour scale, which is logarithmic, because the
    EIG falls by powers of ten from glimpse to glimpse.

    Args:
        recording: `N` images and `T` glimpses, at least 2.
        maps: EIG in nats after each glimpse, `(len(images), T, L)`.
        locations: The locations of the maps, `(L, 2)`, from `glimpse_env.retina.grid_locations`.
        images: Positions of the images in the recording.

    Raises:
        ValueError: An argument does not fit the recording, or the locations are not a grid.
    """
    check_images(recording, images)
    glimpses = recording.beliefs.shape[1]
    if glimpses < 2:
        raise ValueError(f"expected at least 2 glimpses, got {glimpses}")
    check_tensor("maps", maps, torch.float32, (len(images), glimpses, len(locations)))
    check_grid(locations)
    figure, grid = make_grid(len(images), glimpses - 1, aspect_of(recording), margins=(0.55, 0.2))
    norm = color_scale(maps[:, :-1])
    for row, image in enumerate(images):
        for count, axes in enumerate(grid[row], start=1):
            mappable = draw_eig_map(axes, recording, image, count, maps[row, count - 1], norm)
            draw_glimpses(axes, recording, image, count)
            mark_next_location(axes, recording, image, count)
    for count, axes in enumerate(grid[0], start=1):
        axes.set_title(f"after glimpse {count}", loc="center", size=7)
    add_color_bar(figure, mappable, grid)
    return figure


def check_grid(locations: Tensor) -> None:
    """Raises a `ValueError` unless locations `(L, 2)` are those of `glimpse_env.retina.grid_locations`."""
    side = math.isqrt(len(locations))
    if side < 1 or locations.shape != (side**2, 2) or not torch.allclose(locations, grid_locations(side)):
        raise ValueError(f"expected the locations of a grid, row by row, got {len(locations)} others")


def color_scale(maps: Tensor) -> LogNorm:
    """Returns a logarithmic colour scale that ends at the highest value of maps in nats."""
    highest = float(maps.max()) or 1.0  # a colour bar cannot show an empty range
    return LogNorm(highest / 10**DECADES, highest)


def draw_eig_map(axes: Axes, recording: Recording, image: int, count: int, eig: Tensor, norm: LogNorm) -> AxesImage:
    """Draws a map over a canvas, with a margin as `show_canvas` leaves one.

    Args:
        axes: The axes to draw in.
        recording: `N` images and `T` glimpses.
        image: Position of the image in the recording.
        count: The number of glimpses that the map is after.
        eig: EIG in nats at each location of a grid, row by row, `(L,)`.
        norm: The colour scale.

    Returns:
        The mappable for a colour bar.
    """
    canvas = darken_unseen(recording.canvases[image].numpy(), coverage_of(recording, image)[count - 1])
    show_image(axes, canvas.mean(0, keepdims=True) * CANVAS_BRIGHTNESS)
    side = math.isqrt(len(eig))
    height, width = recording.canvases.shape[2:]
    extent: Any = (-0.5, width - 0.5, height - 0.5, -0.5)
    mappable = axes.imshow(
        eig.view(side, side).numpy(),
        extent=extent,
        cmap=COLOR_MAP,
        norm=norm,
        interpolation="bilinear",
    )
    leave_margin(axes, recording)
    return mappable


def mark_next_location(axes: Axes, recording: Recording, image: int, count: int) -> None:
    """Draws a cross at the location that the agent chose after `count` glimpses."""
    x, y = patches_of(recording, image)[count] + recording.retina.glimpse_size / 2
    for color, size, width in ((BLACK, 7, 2.6), ("white", 6, 1.4)):
        axes.plot(x, y, "x", color=color, markersize=size, markeredgewidth=width, clip_on=False, zorder=5)


def add_color_bar(figure: Figure, mappable: AxesImage, beside: Any) -> None:
    """Adds the colour bar of the maps beside some axes."""
    bar = figure.colorbar(
        mappable, ax=beside, label="expected information gain, nats", fraction=0.03, pad=0.01, aspect=35
    )
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    # Black, because the maps are translucent and most of a canvas is black.
    bar.ax.set_facecolor(BLACK)
    bar.outline.set_visible(False)
