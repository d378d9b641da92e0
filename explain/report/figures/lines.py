"""Curves over glimpses, their intervals, axes, legend and labels."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from sklearn.isotonic import isotonic_regression

from explain.report.figures.style import SERIES_COLORS, SERIES_MARKERS

CURVE = "curve"
"""The id of the line of each curve, by which it is found again in a figure."""
LETTER_WIDTH, HANDLE_WIDTH = 0.063, 0.55
"""Widths in a legend, in inches: of a letter, and of the handle of a curve with the space around it."""


def color_of(number: int) -> str:
    """Returns the colour of curve `number`, counted from 0."""
    return SERIES_COLORS[number % len(SERIES_COLORS)]


def draw_curve(axes: Axes, values: ArrayLike, number: int, label: str, **style: Any) -> None:
    """Draws a curve over the glimpses 1, 2, ..., T.

    Args:
        axes: The axes to draw in.
        values: `(T,)`.
        number: The number of the curve, from 0, which determines its colour and its marker.
        label: The name of the curve in the legend.
        style: Other arguments of `Axes.plot`.
    """
    heights = np.asarray(values)
    marker = SERIES_MARKERS[number % len(SERIES_MARKERS)]
    defaults: dict[str, Any] = {"color": color_of(number), "marker": marker, "markeredgewidth": 0, "gid": CURVE}
    axes.plot(np.arange(1, len(heights) + 1), heights, label=label, **(defaults | style))


def draw_band(axes: Axes, low: ArrayLike, high: ArrayLike, number: int) -> None:
    """Shades the interval from `low` to `high`, each `(T,)`, in the colour of curve `number`."""
    glimpses = np.arange(1, len(np.asarray(low)) + 1)
    axes.fill_between(glimpses, np.asarray(low), np.asarray(high), color=color_of(number), alpha=0.18, linewidth=0)


def format_axes(axes: Axes, num_glimpses: int, ylabel: str) -> None:
    """Puts a tick at every glimpse, labels both axes, and draws faint horizontal grid lines."""
    axes.set_xticks(range(1, num_glimpses + 1))
    axes.set(xlim=(0.75, num_glimpses + 0.25), xlabel="glimpse", ylabel=ylabel)
    axes.grid(axis="y")
    axes.set_axisbelow(True)


def add_legend(figure: Figure, axes: Axes) -> None:
    """Puts the legend of one axes above the whole figure, unless the axes has fewer than 2 labelled artists."""
    # Matplotlib calls what has no name "_child0", "_child1" and so on.
    candidates: list[Artist] = [*axes.lines, *axes.collections]
    handles = [one for one in candidates if not re.fullmatch(r"_child\d+", str(one.get_label()))]
    labels = [str(one.get_label()) for one in handles]
    if len(labels) < 2:
        return
    room = int(figure.get_figwidth() / (HANDLE_WIDTH + LETTER_WIDTH * max(map(len, labels))))
    # Matplotlib leaves a name that begins with "_" out of a legend, unless it is set afterwards.
    columns = min(max(room, 1), len(labels))
    legend = figure.legend(handles, ["name"] * len(labels), loc="outside upper center", ncols=columns, markerscale=1.2)
    for text, label in zip(legend.get_texts(), labels, strict=True):
        text.set_text(label)


def check_lengths(lengths: Collection[int]) -> int:
    """Returns the number of glimpses that all curves have.

    Raises:
        ValueError: There are no curves, or their lengths differ.
    """
    if len(set(lengths)) != 1:
        raise ValueError(f"expected at least 1 curve, all of the same length, got lengths {sorted(set(lengths))}")
    return next(iter(lengths))


def spread_labels(heights: Sequence[float], gap: float) -> NDArray[np.float64]:
    """Moves overlapping labels apart by the least sum of squared distances, and keeps their order.

    With the labels sorted, heights that are at least a gap apart minus the staircase `0, gap, 2 * gap, ...` do not
    decrease. So the solution is an isotonic regression plus the staircase.

    Args:
        heights: The height at which each label would be best.
        gap: The least distance between two labels.

    Returns:
        The height of each label.

    Example:
        >>> spread_labels([0.5, 0.5, 9.0], 1.0).tolist()
        [0.0, 1.0, 9.0]
    """
    wanted = np.asarray(heights, np.float64)
    if len(wanted) == 0:
        return wanted
    order = np.argsort(wanted, kind="stable")
    staircase = gap * np.arange(len(wanted))
    placed = np.empty_like(wanted)
    placed[order] = isotonic_regression(wanted[order] - staircase) + staircase
    return placed
