"""Where looking would have told how much."""

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
from explain.report.figures.images import make_grid, mark_glimpses, patches_of, show_image
from explain.report.figures.inputs import check_images, check_shape
from explain.report.figures.style import look
from glimpse_env.rendering.colours import BLACK
from glimpse_env.retina import MAX_PIXEL, grid_locations

# From transparent to opaque, so that the canvas is seen where there is nothing to gain.
COLOR_MAP = ListedColormap(
    np.column_stack([colormaps["viridis"](np.linspace(0.3, 1, 256))[:, :3], np.linspace(0, 0.9, 256)])
)
CANVAS_BRIGHTNESS = 0.6


@look()
def draw_eig_maps(recording: Recording, maps: Tensor, locations: Tensor, images: Sequence[int]) -> Figure:
    """Draws a row of expected information gain for each image, with a map after each glimpse but the last.

    The map lies over the grey canvas, with the glimpses taken so far, the latest in orange. A cross is where the agent
    looked next. All maps share their colours.

    Args:
        recording: `N` images, `T` glimpses, at least 2.
        maps: Expected information gain in nats after each glimpse at these images, `(len(images), T, L)`.
        locations: Where, `(L, 2)`: the centres of a grid of cells; see `explain.grid_locations`.
        images: Which images of the recording.

    Raises:
        ValueError: Something does not fit the recording, or the locations are no such grid.
    """
    check_images(recording, images)
    glimpses, (height, width) = recording.beliefs.shape[1], recording.canvases.shape[2:]
    if glimpses < 2:
        raise ValueError(f"expected at least 2 glimpses, got {glimpses}")
    check_shape("maps", maps, (len(images), glimpses, len(locations)))
    check_grid(locations)
    figure, grid = make_grid(len(images), glimpses - 1, height / width, margins=(0.55, 0.2))
    highest = float(maps[:, :-1].max())
    for row, image in enumerate(images):
        for count, axes in enumerate(grid[row], start=1):
            mappable = draw_map(axes, recording.canvases[image].numpy(), maps[row, count - 1], highest)
            mark_glimpses(axes, recording, image, count)
            mark_next(axes, recording, image, count)
    for count, axes in enumerate(grid[0], start=1):
        axes.set_title(f"after glimpse {count}", loc="center", size=7)
    add_color_bar(figure, mappable, grid)
    return figure


def check_grid(locations: Tensor) -> None:
    """Raises a `ValueError` unless locations `(L, 2)` are those of `explain.grid_locations`."""
    side = math.isqrt(len(locations))
    if side < 1 or locations.shape != (side**2, 2) or not torch.allclose(locations, grid_locations(side)):
        raise ValueError(f"expected the locations of a grid, row by row, got {len(locations)} others")


def draw_map(axes: Axes, canvas: NDArray[np.uint8], gain: Tensor, highest: float) -> AxesImage:
    """Draws a map over a canvas.

    Args:
        axes: Where.
        canvas: `(channels, H, W)`.
        gain: In nats, at each place of a grid, row by row, `(L,)`.
        highest: What the brightest colour stands for, in nats.

    Returns:
        What a colour bar is made from.
    """
    show_image(axes, canvas.mean(0, keepdims=True) * (CANVAS_BRIGHTNESS / MAX_PIXEL))
    side = math.isqrt(len(gain))
    height, width = canvas.shape[1:]
    whole: Any = (-0.5, width - 0.5, height - 0.5, -0.5)
    return axes.imshow(
        gain.view(side, side).numpy(),
        extent=whole,
        cmap=COLOR_MAP,
        # The square root keeps small gains visible beside large ones.
        norm=PowerNorm(0.5, 0, highest),
        interpolation="bilinear",
    )


def mark_next(axes: Axes, recording: Recording, image: int, count: int) -> None:
    """Draws a cross where the agent looked next, after `count` glimpses."""
    x, y = patches_of(recording, image)[count] + recording.retina.glimpse_size / 2
    for color, size, width in ((BLACK, 7, 2.6), ("white", 6, 1.4)):
        axes.plot(x, y, "x", color=color, markersize=size, markeredgewidth=width, clip_on=False, zorder=5)


def add_color_bar(figure: Figure, mappable: AxesImage, beside: Any) -> None:
    """Says what the colours of maps stand for."""
    bar = figure.colorbar(
        mappable, ax=beside, label="expected information gain, nats", fraction=0.03, pad=0.01, aspect=35
    )
    # Maps are translucent, and most of a canvas is black.
    bar.ax.set_facecolor(BLACK)
    bar.outline.set_visible(False)
