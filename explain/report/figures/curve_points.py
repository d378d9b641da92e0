"""Where the points of the curves are on a figure, and their numbers, for a page that shows a number under the mouse."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from explain.report.figures.lines import CURVE


@dataclass(frozen=True)
class CurvePoint:
    """A point of a curve.

    Attributes:
        x: Distance from the left edge of the figure, as a fraction of its width.
        y: Distance from its top edge, as a fraction of its height.
        text: The curve and the coordinates of the point, in words.
    """

    x: float
    y: float
    text: str


def curve_points(figure: Figure) -> list[CurvePoint]:
    """Finds the points of all curves that `lines.draw_curve` has drawn.

    Args:
        figure: A figure that was saved or drawn, because only then its layout is known.
    """
    points = []
    width, height = figure.bbox.size
    for axes in figure.axes:
        names = [label.get_text() for label in axes.get_xticklabels()]
        ticks = dict(zip(map(float, axes.get_xticks()), names, strict=True))
        for line in axes.lines:
            if line.get_gid() != CURVE:
                continue
            name = str(line.get_label())
            name = axes.get_title(loc="left") if name.startswith("_") else name
            data = np.column_stack([line.get_xdata(), line.get_ydata()]).astype(float)
            for (across, value), (x, y) in zip(data.tolist(), axes.transData.transform(data).tolist(), strict=True):
                at = f"{axes.get_xlabel()} {ticks.get(across, f'{across:g}')}"
                if np.isfinite([x, y]).all():
                    points.append(CurvePoint(x / width, 1 - y / height, f"{name}, {at}: {value:.4g}"))
    return points
