"""Grids of images, and what explanations draw on an image: the coverage mask, and labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from explain.report.figures.style import CORRECT, INCORRECT, INK, PAGE_WIDTH, make_figure
from glimpse_env.rendering.colours import ORANGE

MAX_WIDTH = 1.1
"""The greatest width of an image in a grid, in inches."""


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
