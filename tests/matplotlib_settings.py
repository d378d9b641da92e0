"""Settings of matplotlib that differ from its defaults wherever they can."""

from __future__ import annotations

import contextlib
import warnings
from typing import Any

import matplotlib as mpl

NOT_OF_A_FIGURE = (
    "backend",
    "date.epoch",
    "docstring",
    "interactive",
    "macosx",
    "timezone",
    "tk.",
    "toolbar",
    "webagg",
)
"""Settings of windows and of the whole program, which no style sheet sets."""
CHOICES = {
    "font.family": ["serif"],
    "image.cmap": "gray",
    "image.interpolation": "bicubic",
    "image.origin": "lower",
    "savefig.bbox": "tight",
    "savefig.facecolor": "red",
    "figure.facecolor": "black",
    "axes.facecolor": "black",
    "legend.loc": "lower left",
    "text.color": "white",
}
"""Settings that are words, and what people set them to."""


def unusual_settings() -> dict[str, Any]:
    """Every setting that is a truth value or a number, changed, and some of the others."""
    changed = mpl.RcParams()
    for name, value in mpl.rcParamsDefault.items():
        if name.startswith(NOT_OF_A_FIGURE) or name == "text.usetex":  # TeX is not installed everywhere
            continue
        # A setting that takes no such value stays as it is.
        with contextlib.suppress(ValueError, TypeError, RuntimeError), warnings.catch_warnings():
            warnings.simplefilter("error")
            if isinstance(value, bool):
                changed[name] = not value
            elif isinstance(value, int | float):
                changed[name] = 2 * value + 1
    changed.update(CHOICES)
    return dict(changed)
