"""Grids of images, and what is drawn on an image: glimpses, their path, the coverage mask, and labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike, NDArray

from explain.recording import Recording
from explain.report.figures.style import CORRECT, INCORRECT, INK, PAGE_WIDTH, make_figure
from glimpse_env.rendering.colours import BLACK, ORANGE, SKY_BLUE
from glimpse_env.retina import MAX_PIXEL

MAX_WIDTH = 1.1
"""The greatest width of an image in a grid, in inches."""
UNSEEN_BRIGHTNESS = 0.35
"""The factor that darkens the pixels of a canvas outside the coverage mask."""


def make_grid(
    rows: int, columns: int, aspect: float = 1.0, *, margins: tuple[float, float] = (0, 0), below: float = 0.0
) -> tuple[Figure, NDArray[Any]]:
    """Makes a figure for images in rows and columns.

    Args:
        rows: Number of rows.
        columns: Number of columns.
        aspect: Height of an image divided by its width.
        margins: Space beside and above the grid, in inches.
        below: Space below each image, in inches.

    Returns:
        The figure and its axes, `(rows, columns)`.
    """
    gap = 0.06
    side = min(MAX_WIDTH, (PAGE_WIDTH - margins[0]) / columns - gap)
    figure = make_figure(
        columns * (side + gap) + margins[0], rows * (side * aspect + below + gap) + margins[1], "compressed"
    )
    engine: Any = figure.get_layout_engine()
    engine.set(w_pad=gap / 2, h_pad=gap / 2, wspace=0, hspace=0)
    return figure, figure.subplots(rows, columns, squeeze=False)


def show_image(axes: Axes, pixels: ArrayLike) -> None:
    """Draws an image `(channels, H, W)`, uint8 or in [0, 1], without ticks and spines.

    The centre of the pixel in column `j` and row `i` is the point `(j, i)`.
    """
    pixels = np.asarray(pixels)
    unit = pixels / MAX_PIXEL if pixels.dtype == np.uint8 else pixels.clip(0, 1)
    rgb = np.broadcast_to(np.moveaxis(unit, 0, -1), (*unit.shape[1:], 3))
    axes.imshow(rgb, interpolation="nearest")
    axes.set(xticks=[], yticks=[], xlim=(-0.5, rgb.shape[1] - 0.5), ylim=(rgb.shape[0] - 0.5, -0.5))
    axes.spines[:].set_visible(False)


def show_canvas(axes: Axes, recording: Recording, image: int, count: int) -> None:
    """Draws a canvas as far as an agent knows it: what its first `count` glimpses have not covered is dark.

    There is a margin for what is drawn on glimpses at the edge of the canvas; see `leave_margin`.
    """
    show_image(axes, darken_unseen(recording.canvases[image].numpy(), coverage_of(recording, image)[count - 1]))
    leave_margin(axes, recording)


def coverage_of(recording: Recording, image: int) -> NDArray[np.bool_]:
    """Returns the pixels of a canvas that each glimpse and those before it covered, `(T, H, W)`."""
    shape: Any = recording.canvases.shape[2:]
    mask: NDArray[np.bool_] = recording.retina.coverage(recording.locations[image][None], shape)[0].numpy()
    return mask


def darken_unseen(canvas: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[Any]:
    """Converts a canvas `(channels, H, W)` to [0, 1] and darkens it outside a mask `(H, W)`."""
    return canvas / MAX_PIXEL * np.where(mask, 1, UNSEEN_BRIGHTNESS)


def margin_of(recording: Recording) -> float:
    """Returns how far the finest patch at the edge of a canvas reaches beyond it, with its outline, in pixels."""
    return recording.retina.glimpse_size / 2 + 1


def leave_margin(axes: Axes, recording: Recording) -> None:
    """Leaves space around a canvas, so that nothing that is drawn at its edge is cut off by the next panel."""
    height, width = recording.canvases.shape[2:]
    margin = margin_of(recording)
    axes.set(xlim=(-margin - 0.5, width + margin - 0.5), ylim=(height + margin - 0.5, -margin - 0.5))


def aspect_of(recording: Recording) -> float:
    """Returns the height of a canvas with its margin, divided by its width."""
    height, width = recording.canvases.shape[2:]
    return (height + 2 * margin_of(recording)) / (width + 2 * margin_of(recording))


def patches_of(recording: Recording, image: int) -> NDArray[np.float64]:
    """Returns the top-left corner of the finest patch of each glimpse, `(T, 2)`, in the coordinates of `show_image`."""
    shape: Any = recording.canvases.shape[2:]
    corners = recording.retina.patch_corners(recording.locations[image], shape)
    return corners.numpy() - 0.5


def draw_glimpses(axes: Axes, recording: Recording, image: int, count: int) -> None:
    """Draws the finest patches of the first `count` glimpses on a canvas, the latest in orange."""
    side = recording.retina.glimpse_size
    for number, corner in enumerate(patches_of(recording, image)[:count], start=1):
        color, width = (ORANGE, 1.3) if number == count else (SKY_BLUE, 0.6)
        axes.add_patch(Rectangle(tuple(corner), side, side, fill=False, edgecolor=color, linewidth=width))


def draw_path(axes: Axes, recording: Recording, image: int, count: int) -> None:
    """Draws the path through the first `count` glimpses on a canvas, with their numbers."""
    centres = patches_of(recording, image)[:count] + recording.retina.glimpse_size / 2
    # The bright line stays visible on any canvas because there is a dark one below it.
    axes.plot(*centres.T, color=BLACK, linewidth=2.4, alpha=0.5)
    axes.plot(*centres.T, color=SKY_BLUE, linewidth=1)
    for number, centre in enumerate(centres, start=1):
        fill, ink = (ORANGE, BLACK) if number == count else (BLACK, SKY_BLUE)
        order: dict[str, Any] = {"zorder": 3 + number / count, "clip_on": False}
        axes.plot(*centre, "o", color=fill, markeredgecolor=ink, markeredgewidth=0.7, markersize=8, **order)
        style: dict[str, Any] = {"size": 6, "weight": "bold", "ha": "center", "va": "center_baseline"}
        axes.annotate(str(number), centre, color=ink, **style, **order)


def outline(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Finds the boundary of a mask as straight lines, in the coordinates of `show_image`.

    Args:
        mask: `(H, W)`; pixels beyond its edge count as False.

    Returns:
        The two ends of each line, `(lines, 2, 2)`, `(x, y)`: horizontal lines first, then vertical ones.

    Example:
        >>> outline(np.array([[True, True]])).tolist()
        [[[-0.5, -0.5], [1.5, -0.5]], [[-0.5, 0.5], [1.5, 0.5]], [[-0.5, -0.5], [-0.5, 0.5]], [[1.5, -0.5], [1.5, 0.5]]]
    """
    horizontal = _horizontal_lines(mask)
    vertical = _horizontal_lines(mask.T)[..., ::-1]
    return np.concatenate([horizontal, vertical]) - 0.5


def _horizontal_lines(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Finds the horizontal lines of the boundary, each as long as possible, `(lines, 2, 2)`."""
    padded = np.pad(mask, ((1, 1), (0, 0)))
    edges = np.pad(padded[1:] != padded[:-1], ((0, 0), (1, 1))).astype(np.int8)
    turns = np.diff(edges, axis=1)
    (rows, starts), (_, ends) = np.nonzero(turns == 1), np.nonzero(turns == -1)
    return np.stack([starts, rows, ends, rows], axis=1).reshape(-1, 2, 2)


def draw_coverage(axes: Axes, mask: NDArray[np.bool_]) -> None:
    """Outlines the pixels of a coverage mask, `(H, W)`."""
    axes.add_collection(LineCollection(list(outline(mask)), colors=ORANGE, linewidths=0.9, capstyle="projecting"))


def label_with_belief(axes: Axes, name: str, probability: float, is_correct: bool) -> None:
    """Writes the most probable class and its probability below an image, in green if the class is correct."""
    separator = " " if len(name) < 3 else "\n"
    axes.set_xlabel(
        f"{name}{separator}{probability:.0%}",
        color=CORRECT if is_correct else INCORRECT,
        size=7,
        weight="bold",
        labelpad=2,
    )


def label_with_class(axes: Axes, name: str) -> None:
    """Writes the true class below an image."""
    separator = " " if len(name) < 3 else "\n"
    axes.set_xlabel(f"true:{separator}{name}", color=INK, size=7, weight="bold", labelpad=2)
