"""Information, accuracy and calibration after each glimpse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from explain.knowledge.curves import InformationCurves
from explain.report.figures.lines import add_legend, check_lengths, draw_band, draw_curve, format_axes
from explain.report.figures.style import MUTED, PAGE_WIDTH, figure_style, make_figure

LEAST_VISIBLE = 0.01
"""The least overconfidence whose shading is visible, in nats."""


@figure_style()
def draw_information(curves: Mapping[str, InformationCurves]) -> Figure:
    """Draws four panels over glimpses, with a curve for each agent and a band for its interval.

    The panels are the information gain since the first glimpse; the information gain (solid) with the label information
    (dashed), shaded where the agent is overconfident; the accuracy; and the calibration error.

    Args:
        curves: The curves of each agent by its name, all of the same length.

    Raises:
        ValueError: There are no curves, or their lengths differ.
    """
    glimpses = check_lengths([len(one.entropy.value) for one in curves.values()])
    figure = make_figure(PAGE_WIDTH, 4.2)
    panels = figure.subplots(2, 2)
    shown = {
        "gain_since_first": ("information gain since the first glimpse", "H₁ \N{MINUS SIGN} Hₜ, nats"),
        "accuracy": ("accuracy", "fraction correct"),
        "calibration_error": ("expected calibration error", "|confidence \N{MINUS SIGN} accuracy|"),
    }
    for axes, (field, (title, ylabel)) in zip(panels.flat[[0, 2, 3]], shown.items(), strict=True):
        axes.set_title(title)
        for number, (name, one) in enumerate(curves.items()):
            estimate = getattr(one, field)
            draw_band(axes, estimate.low, estimate.high, number)
            draw_curve(axes, estimate.value, number, name)
        format_axes(axes, glimpses, ylabel)
    _draw_overconfidence(panels[0, 1], curves, glimpses)
    add_legend(figure, panels[0, 0])
    return figure


def has_overconfidence(curves: InformationCurves) -> bool:
    """Returns whether the information gain exceeds the label information so far that the shading between is visible."""
    excess = curves.information_gain.value - curves.label_information.value
    return bool(excess.max() >= LEAST_VISIBLE)


def _draw_overconfidence(axes: Axes, curves: Mapping[str, InformationCurves], num_glimpses: int) -> None:
    """Draws information gain and label information, and shades their difference where the gain is the higher one."""
    axes.set_title("information gain (solid), label information (dashed)")
    for number, one in enumerate(curves.values()):
        gain, label_information = one.information_gain.value, one.label_information.value
        draw_band(axes, label_information.minimum(gain), gain, number)
        draw_curve(axes, gain, number, "")
        draw_curve(axes, label_information, number, "", linestyle=(0, (3, 1.5)), linewidth=1, markersize=2.5)
    first = next(iter(curves.values()))
    maximum = float(first.information_gain.value[0] + first.entropy.value[0])
    axes.axhline(maximum, color=MUTED, linewidth=0.8, linestyle=":")
    note: Any = {"size": 7, "color": MUTED, "textcoords": "offset points"}
    axes.annotate("log C: the maximum", (1, maximum), (0, -3), va="top", **note)
    if any(has_overconfidence(one) for one in curves.values()):
        axes.annotate("shaded: overconfidence", (1, 0), (0, 4), xycoords="axes fraction", ha="right", **note)
    format_axes(axes, num_glimpses, "nats")
