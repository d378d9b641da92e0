"""All metrics that test an explanation, beside their nulls."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from explain.evidence.metric import Metric
from explain.report.figures.style import BLUE, INCORRECT, MUTED, PAGE_WIDTH, figure_style, make_figure

ROW_HEIGHT, MARGIN = 0.24, 0.75
"""Heights in inches: of a metric, and of axis and legend together."""
PASSED, NOT_PASSED, NULL = "value, better than its nulls", "value, not better", "null"


@figure_style()
def draw_evidence(metrics: Sequence[Metric]) -> Figure:
    """Draws a row for each metric: its value with its interval, and the value of each of its nulls.

    Args:
        metrics: At least one. A metric that is better than all its nulls is filled. Low values are good where the name
            says so.

    Raises:
        ValueError: There are no metrics.
    """
    if not metrics:
        raise ValueError("expected at least 1 metric, got none")
    figure = make_figure(PAGE_WIDTH, MARGIN + ROW_HEIGHT * len(metrics))
    axes = figure.subplots()
    legend: dict[str, Line2D] = {}
    for row, metric in enumerate(metrics):
        low, high = float(metric.value.low), float(metric.value.high)
        axes.plot([low, high], [row, row], color=BLUE, linewidth=1.4)
        name, face = (PASSED, BLUE) if metric.passes else (NOT_PASSED, "white")
        legend[name], *_ = axes.plot(
            [float(metric.value.value)], [row], "o", color=BLUE, markerfacecolor=face, markersize=5, zorder=3
        )
        of_nulls = [float(null.value) for null in metric.nulls.values()]
        rows = [row] * len(of_nulls)
        legend[NULL], *_ = axes.plot(of_nulls, rows, "|", color=INCORRECT, markersize=9, markeredgewidth=1.5)
    names = [f"{metric.name}{' (low is good)' if metric.better == 'lower' else ''}" for metric in metrics]
    axes.set_yticks(range(len(metrics)), names, color="black")
    axes.set(ylim=(len(metrics) - 0.5, -0.5), xlabel="value, in the unit of each test")
    axes.axvline(0, color=MUTED, linewidth=0.5)
    axes.grid(axis="x")
    axes.set_axisbelow(True)
    shown = [name for name in (PASSED, NOT_PASSED, NULL) if name in legend]
    figure.legend([legend[name] for name in shown], shown, loc="outside upper center", ncols=len(shown))
    return figure
