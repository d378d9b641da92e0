"""Metrics that validate an explanation: reconstruction errors, location policies, and EIG against the gain."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from scipy.stats import sem
from torch import Tensor

from explain.knowledge.intervals import Estimate
from explain.numbers import check_finite
from explain.report.figures.lines import (
    add_legend,
    check_lengths,
    draw_band,
    draw_curve,
    format_axes,
    spread_labels,
)
from explain.report.figures.style import MUTED, PAGE_WIDTH, SERIES_COLORS, figure_style, make_figure

WIDTH, HEIGHT = PAGE_WIDTH / 2, 2.6
NUM_BINS = 10


@figure_style()
def draw_reconstruction_errors(errors: Mapping[str, Estimate], references: Mapping[str, float]) -> Figure:
    """Draws the squared error of reconstructions after each glimpse.

    Args:
        errors: Mean squared errors per pixel, `(T,)`, by what the VAE is given.
        references: Mean squared errors per pixel that do not depend on the glimpse, drawn as horizontal lines.

    Raises:
        ValueError: There are no errors, or their lengths differ.
    """
    glimpses = check_lengths([len(error.value) for error in errors.values()])
    figure = make_figure(PAGE_WIDTH if references else WIDTH, HEIGHT)
    axes = figure.subplots()
    for number, (name, error) in enumerate(errors.items()):
        draw_band(axes, error.low, error.high, number)
        draw_curve(axes, error.value, number, name)
    for height in references.values():
        axes.axhline(height, color=MUTED, linewidth=1, linestyle=(0, (4, 2)))
    format_axes(axes, glimpses, "squared error per pixel")
    axes.set_ylim(bottom=0)
    gap = 0.07 * axes.get_ylim()[1]
    for name, height in zip(references, spread_labels(list(references.values()), gap), strict=True):
        axes.annotate(name, (1.02, height), xycoords=axes.get_yaxis_transform(), va="center", size=7, color=MUTED)
    add_legend(figure, axes)
    return figure


@figure_style()
def draw_location_policies(accuracies: Mapping[str, Estimate]) -> Figure:
    """Draws the accuracy after each glimpse for each location policy.

    Args:
        accuracies: Fractions of images that are classified correctly, `(T,)`, by the name of the location policy.

    Raises:
        ValueError: There are no accuracies, or their lengths differ.
    """
    glimpses = check_lengths([len(accuracy.value) for accuracy in accuracies.values()])
    figure = make_figure(WIDTH, HEIGHT)
    axes = figure.subplots()
    for number, (name, accuracy) in enumerate(accuracies.items()):
        draw_band(axes, accuracy.low, accuracy.high, number)
        draw_curve(axes, accuracy.value, number, name)
    format_axes(axes, glimpses, "fraction correct")
    add_legend(figure, axes)
    return figure


@figure_style()
def draw_eig_against_gain(expected: Tensor, gained: Tensor) -> Figure:
    """Draws the information gained at the next location against the expected information gain (EIG) there.

    Hexagons count the points. The curve joins the means of bins with equally many points, with standard errors.

    Args:
        expected: EIG, `(M,)`, in nats.
        gained: Information gained, `(M,)`, in nats.

    Raises:
        ValueError: The tensors are not of the same length, or have fewer than 2 elements.
    """
    if expected.ndim != 1 or expected.shape != gained.shape or len(expected) < 2:
        raise ValueError(
            f"expected two tensors of the same shape (M,), M at least 2, got {tuple(expected.shape)} and "
            f"{tuple(gained.shape)}"
        )
    check_finite("expected", expected)
    check_finite("gained", gained)
    figure = make_figure(WIDTH, HEIGHT)
    axes = figure.subplots()
    x, y = expected.double().numpy(), gained.double().numpy()
    hexagons = axes.hexbin(x, y, gridsize=30, mincnt=1, cmap="Blues", norm=PowerNorm(0.4, 0), linewidths=0.1)
    figure.colorbar(hexagons, ax=axes, label="number of glimpses", fraction=0.06, aspect=25).outline.set_visible(False)
    axes.axline((0, 0), slope=1, color=MUTED, linewidth=0.8, linestyle=":", label="gained = expected")
    bins = np.array_split(np.argsort(x, kind="stable"), min(NUM_BINS, len(x) // 2))
    label = f"means of {len(bins)} bins"
    means = np.array([(x[chosen].mean(), y[chosen].mean(), sem(y[chosen])) for chosen in bins])
    axes.errorbar(*means.T, color=SERIES_COLORS[1], marker="o", markersize=3, linewidth=1.2, label=label)
    axes.legend(loc="lower right", fontsize=7)
    axes.set(xlabel="expected information gain, nats", ylabel="information gained, nats")
    return figure
