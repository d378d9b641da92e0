"""Figures that compare variants over all seeds of an experiment, one column for each data set."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from explain.knowledge.intervals import Estimate
from explain.report.figures.lines import add_legend, draw_band, draw_curve, set_axes
from explain.report.figures.style import PAGE_WIDTH, look, make_figure

Estimates = Mapping[str, Mapping[str, Mapping[str, Estimate]]]
"""Data set, variant and quantity to an estimate over seeds, `(T,)`."""
PANELS = {
    "gain_since_first": "H₁ \N{MINUS SIGN} Hₜ, nats",
    "information_gain": "log C \N{MINUS SIGN} H, nats",
    "label_information": "label information, nats",
    "accuracy": "share right",
    "confidently_wrong": "share confidently wrong",
}


@look()
def draw_comparison(estimates: Estimates) -> Figure:
    """Draws information gain as the reference study did; below it what shows whether that certainty was false.

    Args:
        estimates: At least of one data set and variant.
    """
    return _draw(estimates, PANELS)


@look()
def draw_errors(estimates: Estimates) -> Figure:
    """Draws the squared error a pixel of what the agents imagine.

    Args:
        estimates: At least of one data set and variant.
    """
    return _draw(estimates, {"reconstruction_error": "squared error a pixel"})


def _draw(estimates: Estimates, panels: Mapping[str, str]) -> Figure:
    figure = make_figure(PAGE_WIDTH, 0.5 + 1.7 * len(panels))
    grid = figure.subplots(len(panels), len(estimates), squeeze=False, sharex=True, sharey="row")
    for column, (dataset, variants) in enumerate(estimates.items()):
        grid[0, column].set_title(dataset)
        for axes, (quantity, label) in zip(grid[:, column], panels.items(), strict=True):
            for number, (variant, quantities) in enumerate(variants.items()):
                one = quantities[quantity]
                draw_band(axes, one.low, one.high, number)
                draw_curve(axes, one.value, number, variant)
                set_axes(axes, len(one.value), label)
            axes.label_outer()
    add_legend(figure, grid[0, 0])
    return figure
