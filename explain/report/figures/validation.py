"""Whether the explanation holds, as figures."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import sem
from torch import Tensor

from explain.knowledge.intervals import Estimate
from explain.metrics import rank_correlations
from explain.report.figures.lines import add_legend, check_lengths, draw_band, draw_curve, set_axes, spread
from explain.report.figures.style import MUTED, PAGE_WIDTH, SERIES_COLORS, look, make_figure

WIDTH, HEIGHT = PAGE_WIDTH / 2, 2.6
NUM_BINS = 10


@look()
def draw_reconstruction_errors(errors: Mapping[str, Estimate], references: Mapping[str, float]) -> Figure:
    """Draws how far what is imagined is from what there is, after each glimpse.

    Args:
        errors: Squared error a pixel, `(T,)`, by whose it is.
        references: Errors to compare with, which do not change from glimpse to glimpse; drawn as horizontal lines.

    Raises:
        ValueError: There are no errors, or some have more glimpses than others.
    """
    glimpses = check_lengths([len(error.value) for error in errors.values()])
    figure = make_figure(WIDTH * (1 if not references else 1.3), HEIGHT)
    axes = figure.subplots()
    for number, (name, error) in enumerate(errors.items()):
        draw_band(axes, error.low, error.high, number)
        draw_curve(axes, error.value, number, name)
    for height in references.values():
        axes.axhline(height, color=MUTED, linewidth=1, linestyle=(0, (4, 2)))
    set_axes(axes, glimpses, "squared error a pixel")
    axes.set_ylim(bottom=0)
    gap = 0.07 * axes.get_ylim()[1]
    for name, height in zip(references, spread(list(references.values()), gap), strict=True):
        axes.annotate(name, (1.02, height), xycoords=axes.get_yaxis_transform(), va="center", size=7, color=MUTED)
    add_legend(figure, axes)
    return figure


@look()
def draw_looks(
    accuracies: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]],
) -> Figure:
    """Draws how often beliefs are right after each glimpse, by who chose where to look.

    Args:
        accuracies: Accuracy and both ends of its interval, each `(T,)`, by who chose.

    Raises:
        ValueError: There are no accuracies, or some have more glimpses than others.
    """
    glimpses = check_lengths([len(value) for value, _, _ in accuracies.values()])
    figure = make_figure(WIDTH, HEIGHT)
    axes = figure.subplots()
    for number, (name, (value, low, high)) in enumerate(accuracies.items()):
        draw_band(axes, low, high, number)
        draw_curve(axes, value, number, name)
    set_axes(axes, glimpses, "accuracy")
    add_legend(figure, axes)
    return figure


@look()
def draw_eig_against_gain(predicted: Tensor, gained: Tensor) -> Figure:
    """Draws the gain that was expected of where the agent then looked against the gain it then got.

    Points are counted in hexagons. Over them are the means of bins that hold as many points each, and their standard
    errors; the title says how alike the two rank (Spearman 1904).

    Args:
        predicted: Expected information gain, `(M,)`, in nats.
        gained: What was gained, `(M,)`, in nats.

    Raises:
        ValueError: They are not of one length, or there are fewer than 2.
    """
    if predicted.ndim != 1 or predicted.shape != gained.shape or len(predicted) < 2:
        raise ValueError(
            f"expected two tensors of the same shape (M,), M at least 2, got {tuple(predicted.shape)} and "
            f"{tuple(gained.shape)}"
        )
    figure = make_figure(WIDTH, HEIGHT)
    axes = figure.subplots()
    x, y = predicted.double().numpy(), gained.double().numpy()
    hexagons = axes.hexbin(x, y, gridsize=30, mincnt=1, cmap="Blues", norm=PowerNorm(0.4, 0), linewidths=0.1)
    figure.colorbar(hexagons, ax=axes, label="glimpses", fraction=0.06, aspect=25).outline.set_visible(False)
    axes.axline((0, 0), slope=1, color=MUTED, linewidth=0.8, linestyle=":", label="as expected")
    bins = np.array_split(np.argsort(x, kind="stable"), min(NUM_BINS, len(x) // 2))
    label = f"means of {len(bins)} bins"
    means = np.array([(x[chosen].mean(), y[chosen].mean(), sem(y[chosen])) for chosen in bins])
    axes.errorbar(*means.T, color=SERIES_COLORS[1], marker="o", markersize=3, linewidth=1.2, label=label)
    correlation = rank_correlations(predicted[None], gained[None]).item()
    axes.legend(loc="lower right", fontsize=7)
    axes.set(xlabel="expected information gain, nats", ylabel="gain, nats")
    axes.set_title(f"Spearman correlation {correlation:.2f}")
    return figure
