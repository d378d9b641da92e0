"""How all figures look: on white, as wide as a page of a paper, told apart with every kind of colour blindness."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.backend_bases import RendererBase
from matplotlib.figure import Figure

from glimpse_env.rendering.colours import GREEN, ORANGE, SKY_BLUE, VERMILLION

PAGE_WIDTH = 7.0
"""Both columns of a paper, in inches."""
DOTS_PER_INCH = 200

INK, MUTED, FAINT = "#1a1a1a", "#5f6670", "#c9ced6"
# With orange, sky blue, green and vermillion, Okabe and Ito's palette; the yellow is too bright for white paper.
BLUE, PURPLE = "#0072b2", "#cc79a7"
RIGHT, WRONG = GREEN, VERMILLION

SERIES_COLORS = (BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY_BLUE, INK)
SERIES_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
CLASS_COLORS = (BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY_BLUE, INK, "#999933", "#882255", "#8c8c8c")

_LOOK: Any = {
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.labelsize": 8,
    "axes.labelpad": 3,
    "axes.linewidth": 0.5,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlepad": 5,
    "axes.titlesize": 8,
    "figure.dpi": DOTS_PER_INCH,
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "grid.color": "#e8ebef",
    "grid.linewidth": 0.5,
    "hatch.linewidth": 0.5,
    "legend.borderpad": 0.2,
    "legend.columnspacing": 1.8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "legend.handlelength": 1.8,
    "lines.linewidth": 1.4,
    "lines.markersize": 4,
    "pdf.fonttype": 42,
    "savefig.dpi": DOTS_PER_INCH,
    "savefig.facecolor": "white",
    "text.color": INK,
    # Names are anybody's: a dollar sign in one is no formula.
    "text.parse_math": False,
    "text.usetex": False,
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 7,
    "xtick.major.size": 2.5,
    "xtick.major.width": 0.5,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 7,
    "ytick.major.size": 2.5,
    "ytick.major.width": 0.5,
}


@contextmanager
def look() -> Iterator[None]:
    """Matplotlib's settings for all figures, for as long as the context lasts."""
    with rc_context(_LOOK):
        yield


class _PageFigure(Figure):
    """A figure that keeps its look: matplotlib makes ticks only when it draws, with the settings that then hold."""

    def draw(self, renderer: RendererBase) -> None:
        with look():
            super().draw(renderer)


def make_figure(width: float, height: float, layout: Any = "constrained") -> Figure:
    """An empty white figure.

    Args:
        width: In inches, `PAGE_WIDTH` at most.
        height: In inches.
        layout: Matplotlib's layout engine.
    """
    with look():
        return _PageFigure(figsize=(width, height), dpi=DOTS_PER_INCH, facecolor="white", layout=layout)


def save_figure(figure: Figure, path: str | os.PathLike[str]) -> tuple[Path, Path]:
    """Writes a figure twice, for a web page and for a paper.

    Args:
        figure: What to write.
        path: Where, without a suffix; missing folders are made.

    Returns:
        The PNG file and the PDF file.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    image, document = (path.with_name(path.name + suffix) for suffix in (".png", ".pdf"))
    with look():
        figure.savefig(image, dpi=DOTS_PER_INCH)
        # Without a date, the same figure is the same file.
        figure.savefig(document, dpi=DOTS_PER_INCH, metadata={"CreationDate": None})
    return image, document
