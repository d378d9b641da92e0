"""What agents knew after each glimpse, as curves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from explain.knowledge.curves import InformationCurves
from explain.report.figures.lines import add_legend, check_lengths, draw_band, draw_curve, set_axes
from explain.report.figures.style import MUTED, PAGE_WIDTH, look, make_figure


@look()
def draw_information(curves: Mapping[str, InformationCurves]) -> Figure:
    """Draws four panels over glimpses, with a curve for each agent and a band for the interval it lies in.

    First the information gain since the first glimpse; then information gain (solid) and label information (dashed),
    where the gap is shaded if it is false certainty; then accuracy, and calibration error.

    Args:
        curves: Of each agent, by its name, all over as many glimpses.

    Raises:
        ValueError: There are no curves, or some have more glimpses than others.
    """
    glimpses = check_lengths([len(one.entropy.value) for one in curves.values()])
    figure = make_figure(PAGE_WIDTH, 4.2)
    panels = figure.subplots(2, 2)
    shown = {
        "gain_since_first": ("information gain since the first glimpse", "H₁ \N{MINUS SIGN} Hₜ, nats"),
        "accuracy": ("accuracy", "share of images"),
        "calibration_error": ("calibration error", "share of images"),
    }
    for axes, (field, (title, ylabel)) in zip(panels.flat[[0, 2, 3]], shown.items(), strict=True):
        axes.set_title(title)
        for number, (name, one) in enumerate(curves.items()):
            estimate = getattr(one, field)
            draw_band(axes, estimate.low, estimate.high, number)
            draw_curve(axes, estimate.value, number, name)
        set_axes(axes, glimpses, ylabel)
    _draw_false_certainty(panels[0, 1], curves, glimpses)
    add_legend(figure, panels[0, 0])
    return figure


def _draw_false_certainty(axes: Axes, curves: Mapping[str, InformationCurves], num_glimpses: int) -> None:
    """Draws how sure each agent is above how much it knows."""
    axes.set_title("information gain (solid), label information (dashed)")
    for number, one in enumerate(curves.values()):
        gain, known = one.information_gain.value, one.label_information.value
        draw_band(axes, known.minimum(gain), gain, number)
        draw_curve(axes, gain, number, "")
        draw_curve(axes, known, number, "", linestyle=(0, (3, 1.5)), linewidth=1, markersize=2.5)
    first = next(iter(curves.values()))
    everything = float(first.information_gain.value[0] + first.entropy.value[0])
    axes.axhline(everything, color=MUTED, linewidth=0.8, linestyle=":")
    note: Any = {"size": 7, "color": MUTED, "textcoords": "offset points"}
    axes.annotate("log C: all there is to know", (1, everything), (0, -3), va="top", **note)
    axes.annotate("shaded: false certainty", (1, 0), (0, 4), xycoords="axes fraction", ha="right", **note)
    set_axes(axes, num_glimpses, "nats")
