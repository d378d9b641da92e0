"""How similar an explanation stays as layers of the agent are randomised."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from explain.knowledge.intervals import Estimate
from explain.report.figures.lines import add_legend, draw_curve
from explain.report.figures.style import PAGE_WIDTH, figure_style, make_figure

HEIGHT = 2.7


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
    figure = make_figure(PAGE_WIDTH, HEIGHT)
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
