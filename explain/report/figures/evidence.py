"""The tests of an explanation: all metrics beside their nulls, and similarities as layers are randomised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from explain.evidence.metric import Metric
from explain.knowledge.intervals import Estimate
from explain.report.figures.lines import add_legend, color_of, draw_curve
from explain.report.figures.style import (
    BLUE,
    INCORRECT,
    MUTED,
    PAGE_WIDTH,
    SERIES_MARKERS,
    figure_style,
    make_figure,
)

ROW_HEIGHT, MARGIN = 0.24, 0.75
"""Heights in inches: of a metric, and of axis and legend together."""
SIMILARITY_HEIGHT = 2.7
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


@figure_style()
def draw_estimates(counts: Sequence[int], forms: Mapping[str, tuple[Estimate, Estimate]]) -> Figure:
    """Draws the bias and the standard deviation of estimates by the number of imagined canvases.

    Args:
        counts: Numbers of canvases, `K` of them.
        forms: Bias and standard deviation, each `(K,)` in nats, of each form of the estimate, by its name.
    """
    figure = make_figure(PAGE_WIDTH, SIMILARITY_HEIGHT)
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


@figure_style()
def draw_similarities(similarities: Mapping[str, Mapping[str, Estimate]]) -> Figure:
    """Draws how similar something stays to what the trained agent has, as one layer more is random at each step.

    Args:
        similarities: Of each thing, by its name, the similarity of several agents, `()`, by their names; the same
            agents for all. The last is no agent but another image, the similarity of what has nothing in common.

    Raises:
        ValueError: There are no similarities, or they are of other agents.
    """
    agents = {tuple(curve) for curve in similarities.values()}
    if len(agents) != 1 or len(next(iter(agents))) < 2:
        raise ValueError(f"expected similarities of the same agents and another image, got {sorted(agents)}")
    *names, other = next(iter(agents))
    figure = make_figure(PAGE_WIDTH, SIMILARITY_HEIGHT)
    axes = figure.subplots()
    places = range(1, len(names) + 1)
    for number, (what, curve) in enumerate(similarities.items()):
        values = [curve[name] for name in names]
        draw_curve(axes, [float(one.value) for one in values], number, what)
        line = axes.lines[-1]
        low, high = ([float(getattr(one, end)) for one in values] for end in ("low", "high"))
        axes.vlines(places, low, high, color=line.get_color(), linewidth=1.4, alpha=0.6)
        floor = float(curve[other].value)
        axes.axhline(floor, label=f"{what}, {other}", color=line.get_color(), linewidth=1, linestyle=(0, (4, 2)))
    steps = [f"none ({names[0]})", *(f"{'+ ' if step else ''}{name}" for step, name in enumerate(names[1:]))]
    axes.set_xticks(places, [step.replace(", ", ",\n") for step in steps])
    axes.set(xlim=(0.75, len(names) + 0.25), xlabel="random layers", ylabel="similarity to the trained agent's")
    axes.grid(axis="y")
    axes.set_axisbelow(True)
    add_legend(figure, axes)
    return figure
