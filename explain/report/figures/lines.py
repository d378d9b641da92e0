"""Curves over glimpses in a figure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from sklearn.isotonic import isotonic_regression

from explain.report.figures.style import SERIES_COLORS, SERIES_MARKERS

LETTER_WIDTH, SAMPLE_WIDTH = 0.063, 0.55
"""Of a legend: of a letter, and of the sample of a line before it with the space around, in inches."""


def color_of(number: int) -> str:
    """The colour of the curve with this number, from 0."""
    return SERIES_COLORS[number % len(SERIES_COLORS)]


def draw_curve(axes: Axes, value: ArrayLike, number: int, label: str, **how: Any) -> None:
    """Draws a curve over the glimpses 1, 2, ..., T.

    Args:
        axes: Where.
        value: `(T,)`.
        number: Which curve it is, from 0; it says its colour and its marker.
        label: Its name in the legend.
        how: What else `Axes.plot` takes.
    """
    height = np.asarray(value)
    marker = SERIES_MARKERS[number % len(SERIES_MARKERS)]
    style: dict[str, Any] = {"color": color_of(number), "marker": marker, "markeredgewidth": 0}
    axes.plot(np.arange(1, len(height) + 1), height, label=label, **(style | how))


def draw_band(axes: Axes, low: ArrayLike, high: ArrayLike, number: int) -> None:
    """Draws the interval from `low` to `high`, each `(T,)`, of the curve with this number."""
    glimpses = np.arange(1, len(np.asarray(low)) + 1)
    axes.fill_between(glimpses, np.asarray(low), np.asarray(high), color=color_of(number), alpha=0.18, linewidth=0)


def set_axes(axes: Axes, num_glimpses: int, ylabel: str) -> None:
    """Makes the horizontal axis count glimpses, names the vertical one, and draws a faint grid."""
    axes.set_xticks(range(1, num_glimpses + 1))
    axes.set(xlim=(0.75, num_glimpses + 0.25), xlabel="glimpse", ylabel=ylabel)
    axes.grid(axis="y")
    axes.set_axisbelow(True)


def add_legend(figure: Figure, axes: Axes) -> None:
    """Says above all panels of a figure what the curves of one of them are; nothing where it has but one."""
    handles, labels = axes.get_legend_handles_labels()
    if len(labels) < 2:
        return
    room = int(figure.get_figwidth() / (SAMPLE_WIDTH + LETTER_WIDTH * max(map(len, labels))))
    figure.legend(handles, labels, loc="outside upper center", ncols=min(max(room, 1), len(labels)), markerscale=1.2)


def check_lengths(lengths: Collection[int]) -> int:
    """The number of glimpses of all curves.

    Raises:
        ValueError: There are no curves, or some have more glimpses than others.
    """
    if len(set(lengths)) != 1:
        raise ValueError(f"expected at least 1 curve, all over as many glimpses, got {sorted(set(lengths))} glimpses")
    return next(iter(lengths))


def spread(heights: Sequence[float], gap: float) -> NDArray[np.float64]:
    """Moves labels apart that would overlap, as little as possible, and keeps their order.

    Args:
        heights: Where each wants to be.
        gap: How far apart two must be.

    Returns:
        Where each is put.

    Example:
        >>> spread([0.5, 0.5, 9.0], 1.0).tolist()
        [0.0, 1.0, 9.0]
    """
    wanted = np.asarray(heights, np.float64)
    if len(wanted) == 0:
        return wanted
    order = np.argsort(wanted, kind="stable")
    # Places are a gap apart just where places less a staircase of gaps do not fall.
    stairs = gap * np.arange(len(wanted))
    places = np.empty_like(wanted)
    places[order] = isotonic_regression(wanted[order] - stairs) + stairs
    return places
