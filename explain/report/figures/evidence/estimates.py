"""Bias and spread of estimates by the number of imagined canvases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from explain.knowledge.intervals import Estimate
from explain.report.figures.lines import add_legend, color_of
from explain.report.figures.style import MUTED, PAGE_WIDTH, SERIES_MARKERS, figure_style, make_figure

HEIGHT = 2.7


@figure_style()
def draw_estimates(counts: Sequence[int], forms: Mapping[str, tuple[Estimate, Estimate]]) -> Figure:
    """Draws the bias and the standard deviation of estimates by the number of imagined canvases.

    Args:
        counts: Numbers of canvases, `K` of them.
        forms: Bias and standard deviation, each `(K,)` in nats, of each form of the estimate, by its name.
    """
    figure = make_figure(PAGE_WIDTH, HEIGHT)
    panels = figure.subplots(1, 2)
    for number, (name, estimates) in enumerate(forms.items()):
        for axes, estimate in zip(panels, estimates, strict=True):
            color = color_of(number)
            axes.fill_between(counts, estimate.low, estimate.high, color=color, alpha=0.18, linewidth=0)
            axes.plot(counts, estimate.value, color=color, marker=SERIES_MARKERS[number], label=name)
    for axes, label in zip(panels, ("bias, nats", "standard deviation, nats"), strict=True):
        axes.set_xscale("log")
        axes.set_xticks(counts, [str(count) for count in counts])
        axes.minorticks_off()
        axes.set(xlabel="imagined canvases", ylabel=label)
        axes.axhline(0, color=MUTED, linewidth=0.5)
        axes.grid(axis="y")
        axes.set_axisbelow(True)
    add_legend(figure, panels[0])
    return figure
