"""Beliefs after each glimpse, beside the path of the glimpses."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from explain.recording import Recording
from explain.report.figures.images import label_with_class
from explain.report.figures.inputs import check_class_names, check_images
from explain.report.figures.lines import format_axes, spread_labels
from explain.report.figures.style import (
    BLUE,
    CLASS_COLORS,
    CORRECT,
    FAINT,
    INCORRECT,
    PAGE_WIDTH,
    PURPLE,
    figure_style,
    make_figure,
)
from glimpse_env.rendering.episodes import draw_glimpses, draw_path, show_canvas
from glimpse_env.rendering.style import shorten

COLUMNS, ROW_HEIGHT = 2, 1.35
RIVAL_COLORS = tuple(dict.fromkeys(color for color in (INCORRECT, BLUE, PURPLE, *CLASS_COLORS) if color != CORRECT))
"""The colours of wrong classes, that of the highest probability first."""
NAME_LENGTH, NAME_GAP = 10, 0.15
"""The greatest number of letters in a name, and the least difference of belief between two names."""


@figure_style()
def draw_beliefs(recording: Recording, images: Sequence[int], class_names: Sequence[str]) -> Figure:
    """Draws each image with the path of its glimpses, and beside it the probability of each class after each glimpse.

    Pixels of the canvas that no glimpse has covered are dark. The true class is green. Every other class that was the
    most probable one after some glimpse has a colour and a name too. The rest are grey.

    Args:
        recording: `N` images and `T` glimpses.
        images: Positions of the images in the recording.
        class_names: The name of each class.

    Raises:
        ValueError: An argument does not fit the recording.
    """
    check_images(recording, images)
    check_class_names(recording, class_names)
    names = [shorten(name, NAME_LENGTH) for name in class_names]
    glimpses = recording.beliefs.shape[1]
    columns = min(COLUMNS, len(images))
    rows = -(-len(images) // columns)
    figure = make_figure(PAGE_WIDTH * columns / COLUMNS, ROW_HEIGHT * rows + 0.2)
    grid = figure.subplots(rows, 2 * columns, squeeze=False, width_ratios=[1, 1.7] * columns)
    pairs = grid.reshape(-1, 2)
    for (thumbnail, plot), image in zip(pairs, images, strict=False):
        show_canvas(thumbnail, recording, image, glimpses)
        draw_glimpses(thumbnail, recording, image, glimpses)
        draw_path(thumbnail, recording, image, glimpses)
        label_with_class(thumbnail, names[recording.labels[image]])
        _draw_curves(plot, recording.beliefs[image].numpy(), int(recording.labels[image]), names)
    for axes in pairs[len(images) :].flat:
        axes.set_visible(False)
    for plot in pairs[: max(len(images) - columns, 0), 1]:
        plot.set_xlabel("")
    return figure


def _draw_curves(axes: Axes, beliefs: NDArray[np.float32], label: int, names: Sequence[str]) -> None:
    """Draws beliefs `(T, C)` as one line per class."""
    peaks = beliefs.max(0)
    others = [rival for rival in np.argsort(-peaks, kind="stable").tolist() if rival != label]
    leading = set(beliefs.argmax(1).tolist())
    rivals = [rival for rival in others if rival in leading]
    colors = {label: CORRECT} | dict(zip(rivals, cycle(RIVAL_COLORS), strict=False))
    glimpses = np.arange(1, len(beliefs) + 1)
    for rank, number in enumerate(reversed([label, *others])):
        width = 2.2 if number == label else 1.3 if number in colors else 0.6
        axes.plot(glimpses, beliefs[:, number], color=colors.get(number, FAINT), linewidth=width, zorder=2 + rank / 1e3)
    _write_names(axes, beliefs, colors, names)
    format_axes(axes, len(beliefs), "belief")
    # Space on the left for the names of lines that are highest at the first glimpse.
    axes.set(xlim=(0.45, len(beliefs) + 0.25), ylim=(-0.03, 1.03), yticks=[0, 0.5, 1])


def _write_names(axes: Axes, beliefs: NDArray[np.float32], colors: dict[int, str], names: Sequence[str]) -> None:
    """Names the coloured lines: the true class, which comes first, at its end, and the others at their maxima."""
    last = len(beliefs) - 1
    label, *rivals = colors
    positions = {label: last} | {rival: int(beliefs[:, rival].argmax()) for rival in rivals}
    are_short = max(len(names[number]) for number in colors) < 3
    # Short names can overlap only at the same glimpse.
    groups = [{position} for position in positions.values()] if are_short else [{last}, set(range(last))]
    heights: dict[int, float] = {}
    for group in groups:
        members = [number for number, position in positions.items() if position in group]
        wanted = [float(beliefs[positions[number], number]) for number in members]
        heights |= dict(zip(members, spread_labels(wanted, NAME_GAP), strict=True))
    for number, position in positions.items():
        if position == last:
            offset: dict[str, Any] = {"xytext": (4, 0), "ha": "left"}
        elif position == 0:
            offset = {"xytext": (-4, 0), "ha": "right"} if are_short else {"xytext": (2, 6), "ha": "left"}
        else:
            offset = {"xytext": (0, 6), "ha": "center"}
        axes.annotate(
            names[number],
            (position + 1, heights[number]),
            textcoords="offset points",
            color=colors[number],
            size=7,
            weight="bold",
            va="center",
            path_effects=[withStroke(linewidth=2, foreground="white")],
            annotation_clip=False,
            zorder=4,
            **offset,
        )
