"""Removal curves: accuracy after looking at places, and without them, in three orders."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from explain.knowledge.intervals import Estimate
from explain.report.figures.lines import add_legend, check_lengths, draw_band, draw_curve, format_axes
from explain.report.figures.style import PAGE_WIDTH, figure_style, make_figure

HEIGHT = 2.6


@figure_style()
def draw_removal_curves(insertion: Mapping[str, Estimate], deletion: Mapping[str, Estimate]) -> Figure:
    """Draws the accuracy against the number of places, for each order of places.

    Args:
        insertion: Fractions of images classified correctly after looking at 0, 1, ..., `K` places, `(K + 1,)`, by the
            name of the order.
        deletion: The same where these places are background; the same orders.

    Raises:
        ValueError: There are no curves, or their lengths differ.
    """
    count = check_lengths([len(one.value) for one in (*insertion.values(), *deletion.values())])
    figure = make_figure(PAGE_WIDTH, HEIGHT)
    panels = figure.subplots(1, 2, sharey=True)
    for axes, curves, what in zip(panels, (insertion, deletion), ("looked at", "made background"), strict=True):
        for number, (name, curve) in enumerate(curves.items()):
            draw_band(axes, curve.low, curve.high, number)
            draw_curve(axes, curve.value, number, name)
        format_axes(axes, count, "fraction correct")
        axes.set_xticks(range(1, count + 1), [str(places) for places in range(count)])
        axes.set_xlabel(f"places {what}")
    panels[1].set_ylabel("")
    add_legend(figure, panels[0])
    return figure
