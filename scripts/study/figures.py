"""Figures that compare the variants of an experiment: a column per data set, a curve per variant, means over seeds."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from explain.knowledge.intervals import Estimate
from explain.report.figures.lines import add_legend, draw_band, draw_curve, format_axes
from explain.report.figures.style import PAGE_WIDTH, figure_style, make_figure

Estimates = Mapping[str, Mapping[str, Mapping[str, Estimate]]]
"""The estimate of a quantity over seeds, `(T,)`, by data set, variant and quantity."""
INFORMATION_PANELS = {
    "gain_since_first": "H₁ \N{MINUS SIGN} Hₜ, nats",
    "information_gain": "information gain, nats",
    "label_information": "label information, nats",
    "accuracy": "fraction correct",
    "confidently_wrong": "fraction\nconfidently wrong",
}
"""The label of the vertical axis for each quantity, from top to bottom."""


@figure_style()
def draw_information(estimates: Estimates) -> Figure:
    """Draws the information gain since the first glimpse, as the reference study plots it, and whether it is justified.

    The panels below it show the information gain, the label information (log score), the fraction of correct answers,
    and the fraction of wrong answers with a belief of at least 0.9.

    Args:
        estimates: At least one data set and one variant.
    """
    return _draw(estimates, INFORMATION_PANELS)


@figure_style()
def draw_reconstruction_errors(estimates: Estimates) -> Figure:
    """Draws the squared error per pixel of the images that VAEs reconstruct from the agents' hidden states.

    Args:
        estimates: At least one data set and one variant.
    """
    return _draw(estimates, {"reconstruction_error": "squared error per pixel"})


def _draw(estimates: Estimates, panels: Mapping[str, str]) -> Figure:
    figure = make_figure(PAGE_WIDTH, 0.5 + 1.7 * len(panels))
    grid = figure.subplots(len(panels), len(estimates), squeeze=False, sharex=True, sharey="row")
    for column, (dataset, variants) in enumerate(estimates.items()):
        grid[0, column].set_title(dataset)
        for axes, (quantity, label) in zip(grid[:, column], panels.items(), strict=True):
            for number, (variant, quantities) in enumerate(variants.items()):
                estimate = quantities[quantity]
                draw_band(axes, estimate.low, estimate.high, number)
                draw_curve(axes, estimate.value, number, variant)
                format_axes(axes, len(estimate.value), label)
            axes.label_outer()
    add_legend(figure, grid[0, 0])
    return figure
