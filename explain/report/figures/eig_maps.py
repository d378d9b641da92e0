"""Maps of the expected information gain (EIG) over canvases."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, PowerNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray
from torch import Tensor

from explain.recording import Recording
from explain.report.figures.images import draw_glimpses, make_grid, patches_of, show_image
from explain.report.figures.inputs import check_images, check_shape
from explain.report.figures.style import figure_style
from glimpse_env.rendering.colours import BLACK
from glimpse_env.retina import MAX_PIXEL, grid_locations

# From transparent to opaque, so that the canvas is visible where the EIG is low.
COLOR_MAP = ListedColormap(
    np.column_stack([colormaps["viridis"](np.linspace(0.3, 1, 256))[:, :3], np.linspace(0, 0.9, 256)])
)
CANVAS_BRIGHTNESS = 0.6


@figure_style()
def draw_eig_maps(recording: Recording, maps: Tensor, locations: Tensor, images: Sequence[int]) -> Figure:
    """Draws the maps of each image in a row, one map after each glimpse except the last.

    The canvas is grey, with the glimpses so far and the latest one in orange. A cross marks the next location of the
    agent. All maps have the same colour scale.

    Args:
        recording: `N` images and `T` glimpses, at least 2.
        maps: EIG in nats after each glimpse, `(len(images), T, L)`.
        locations: The locations of the maps, `(L, 2)`, from `glimpse_env.retina.grid_locations`.
        images: Positions of the images in the recording.

    Raises:
        ValueError: An argument does not fit the recording, or the locations are not a grid.
    """
    check_images(recording, images)
    glimpses, (height, width) = recording.beliefs.shape[1], recording.canvases.shape[2:]
    if glimpses < 2:
        raise ValueError(f"expected at least 2 glimpses, got {glimpses}")
    check_shape("maps", maps, (len(images), glimpses, len(locations)))
    check_grid(locations)
    figure, grid = make_grid(len(images), glimpses - 1, height / width, margins=(0.55, 0.2))
    highest = float(maps[:, :-1].max()) or 1.0  # a colour bar cannot show an empty range
    for row, image in enumerate(images):
        for count, axes in enumerate(grid[row], start=1):
            mappable = draw_eig_map(axes, recording.canvases[image].numpy(), maps[row, count - 1], highest)
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


def draw_eig_map(axes: Axes, canvas: NDArray[np.uint8], eig: Tensor, highest: float) -> AxesImage:
    """Draws a map over a canvas.

    Args:
        axes: The axes to draw in.
        canvas: `(channels, H, W)` uint8.
        eig: EIG in nats at each location of a grid, row by row, `(L,)`.
        highest: The EIG of the brightest colour, in nats.

    Returns:
        The mappable for a colour bar.
    """
    show_image(axes, canvas.mean(0, keepdims=True) * (CANVAS_BRIGHTNESS / MAX_PIXEL))
    side = math.isqrt(len(eig))
    height, width = canvas.shape[1:]
    extent: Any = (-0.5, width - 0.5, height - 0.5, -0.5)
    return axes.imshow(
        eig.view(side, side).numpy(),
        extent=extent,
        cmap=COLOR_MAP,
        # The square root keeps small values visible beside large ones.
        norm=PowerNorm(0.5, 0, highest),
        interpolation="bilinear",
    )


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
    # Black, because the maps are translucent and most of a canvas is black.
    bar.ax.set_facecolor(BLACK)
    bar.outline.set_visible(False)
