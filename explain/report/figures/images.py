"""Images in a figure: grids of them, and what is marked on one."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike, NDArray

from explain.recording import Recording
from explain.report.figures.style import INK, PAGE_WIDTH, RIGHT, WRONG, make_figure
from glimpse_env.rendering.colours import BLACK, ORANGE, SKY_BLUE
from glimpse_env.retina import MAX_PIXEL

MAX_SIDE = 1.1
"""Of an image in a grid, in inches."""


def make_grid(
    rows: int, columns: int, aspect: float = 1.0, *, margins: tuple[float, float] = (0, 0), below: float = 0.0
) -> tuple[Figure, NDArray[Any]]:
    """A page of images in rows and columns.

    Args:
        rows: Number of rows.
        columns: Number of columns.
        aspect: Height of an image, in widths.
        margins: Room for what stands beside all images and above all images, in inches.
        below: Room for what stands below each image, in inches.

    Returns:
        The figure, and its axes, `(rows, columns)`.
    """
    gap = 0.06
    side = min(MAX_SIDE, (PAGE_WIDTH - margins[0]) / columns - gap)
    figure = make_figure(
        columns * (side + gap) + margins[0], rows * (side * aspect + below + gap) + margins[1], "compressed"
    )
    engine: Any = figure.get_layout_engine()
    engine.set(w_pad=gap / 2, h_pad=gap / 2, wspace=0, hspace=0)
    return figure, figure.subplots(rows, columns, squeeze=False)


def show_image(axes: Axes, pixels: ArrayLike) -> None:
    """Draws an image `(channels, H, W)`, uint8 or in [0, 1], and nothing around it.

    The middle of the pixel in column `j` and row `i` is the point `(j, i)`.
    """
    pixels = np.asarray(pixels)
    unit = pixels / MAX_PIXEL if pixels.dtype == np.uint8 else pixels.clip(0, 1)
    rgb = np.broadcast_to(np.moveaxis(unit, 0, -1), (*unit.shape[1:], 3))
    axes.imshow(rgb, interpolation="nearest")
    axes.set(xticks=[], yticks=[], xlim=(-0.5, rgb.shape[1] - 0.5), ylim=(rgb.shape[0] - 0.5, -0.5))
    axes.spines[:].set_visible(False)


def patches_of(recording: Recording, image: int) -> NDArray[np.float64]:
    """Where the finest patch of each glimpse starts, `(T, 2)`, `(x, y)`, as `show_image` counts."""
    shape: Any = recording.canvases.shape[2:]
    corners = recording.retina.patch_corners(recording.locations[image], shape)
    return corners.numpy() - 0.5


def mark_glimpses(axes: Axes, recording: Recording, image: int, count: int) -> None:
    """Draws the finest patches of the first `count` glimpses on a canvas, the last of them in orange."""
    side = recording.retina.glimpse_size
    for number, corner in enumerate(patches_of(recording, image)[:count], start=1):
        color, width = (ORANGE, 1.3) if number == count else (SKY_BLUE, 0.6)
        axes.add_patch(Rectangle(tuple(corner), side, side, fill=False, edgecolor=color, linewidth=width))


def mark_way(axes: Axes, recording: Recording, image: int, count: int) -> None:
    """Draws the way from each of the first `count` glimpses to the next on a canvas, and their numbers."""
    centres = patches_of(recording, image)[:count] + recording.retina.glimpse_size / 2
    # A dark line below the bright one keeps it visible on any canvas.
    axes.plot(*centres.T, color=BLACK, linewidth=2.4, alpha=0.5)
    axes.plot(*centres.T, color=SKY_BLUE, linewidth=1)
    for number, centre in enumerate(centres, start=1):
        fill, ink = (ORANGE, BLACK) if number == count else (BLACK, SKY_BLUE)
        over: dict[str, Any] = {"zorder": 3 + number / count, "clip_on": False}
        axes.plot(*centre, "o", color=fill, markeredgecolor=ink, markeredgewidth=0.7, markersize=8, **over)
        how: dict[str, Any] = {"size": 6, "weight": "bold", "ha": "center", "va": "center_baseline"}
        axes.annotate(str(number), centre, color=ink, **how, **over)


def outline(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The lines between pixels that are in a mask and pixels that are not, as `show_image` counts.

    Args:
        mask: `(H, W)`. Beyond it nothing is in it.

    Returns:
        `(lines, 2, 2)`: both ends of each, `(x, y)`; first those across, then those down.

    Example:
        >>> outline(np.array([[True, True]])).tolist()
        [[[-0.5, -0.5], [1.5, -0.5]], [[-0.5, 0.5], [1.5, 0.5]], [[-0.5, -0.5], [-0.5, 0.5]], [[1.5, -0.5], [1.5, 0.5]]]
    """
    across = _lines_across(mask)
    down = _lines_across(mask.T)[..., ::-1]
    return np.concatenate([across, down]) - 0.5


def _lines_across(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The horizontal lines of an outline, each as long as it goes, counted from the corner of the mask."""
    padded = np.pad(mask, ((1, 1), (0, 0)))
    edges = np.pad(padded[1:] != padded[:-1], ((0, 0), (1, 1))).astype(np.int8)
    turns = np.diff(edges, axis=1)
    (rows, starts), (_, ends) = np.nonzero(turns == 1), np.nonzero(turns == -1)
    return np.stack([starts, rows, ends, rows], axis=1).reshape(-1, 2, 2)


def mark_seen(axes: Axes, seen: NDArray[np.bool_]) -> None:
    """Draws a line around the pixels that have been seen, `(H, W)`."""
    axes.add_collection(LineCollection(list(outline(seen)), colors=ORANGE, linewidths=0.9, capstyle="projecting"))


def write_belief(axes: Axes, name: str, probability: float, is_correct: bool) -> None:
    """Writes below an image what it is believed to show: in green if rightly."""
    separator = " " if len(name) < 3 else "\n"
    axes.set_xlabel(
        f"{name}{separator}{probability:.0%}", color=RIGHT if is_correct else WRONG, size=7, weight="bold", labelpad=2
    )


def write_truth(axes: Axes, name: str) -> None:
    """Writes below an image what it shows."""
    axes.set_xlabel(f"is {name}" if len(name) < 3 else f"is\n{name}", color=INK, size=7, weight="bold", labelpad=2)
