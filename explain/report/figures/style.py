"""The style of all figures: white background, width of a printed page, colours for every kind of colour vision."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from glimpse_env.rendering.colours import GREEN, ORANGE, SKY_BLUE, VERMILLION
from glimpse_env.rendering.style import StyledFigure, matplotlib_settings

PAGE_WIDTH = 7.0
"""Width of a two-column page of a paper, in inches."""
DOTS_PER_INCH = 200

INK, MUTED, FAINT = "#1a1a1a", "#5f6670", "#c9ced6"
# Okabe and Ito's palette, together with the colours of the frames; its yellow is too bright on white.
BLUE, PURPLE = "#0072b2", "#cc79a7"
CORRECT, INCORRECT = GREEN, VERMILLION

SERIES_COLORS = (BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY_BLUE, INK)
SERIES_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
CLASS_COLORS = (BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY_BLUE, INK, "#999933", "#882255", "#8c8c8c")

_STYLE: Any = {
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


figure_style = partial(matplotlib_settings, _STYLE)
"""Applies the style of all figures inside a context, which also serves as a decorator."""


def make_figure(width: float, height: float, layout: Any = "constrained") -> Figure:
    """Makes an empty white figure.

    Args:
        width: Width in inches, at most `PAGE_WIDTH`.
        height: Height in inches.
        layout: Matplotlib's layout engine.
    """
    return StyledFigure(figsize=(width, height), dpi=DOTS_PER_INCH, facecolor="white", layout=layout, settings=_STYLE)


def save_figure(figure: Figure, path: str | os.PathLike[str]) -> tuple[Path, Path]:
    """Writes a figure as a PNG file for web pages and as a PDF file for papers.

    Args:
        figure: The figure.
        path: The files without their suffix; missing folders are created.

    Returns:
        The PNG file and the PDF file.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    image, document = (path.with_name(path.name + suffix) for suffix in (".png", ".pdf"))
    figure.savefig(image, dpi=DOTS_PER_INCH)
    # The date is left out, so that the same figure gives the same file.
    figure.savefig(document, dpi=DOTS_PER_INCH, metadata={"CreationDate": None})
    return image, document
